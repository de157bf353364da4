-- Which leads were set aside, by which rule.
select rule_id, action, count(*) as record_count, count(distinct person_id) filter (where is_person_out) as person_count
from marts.mart_lead_hygiene
group by rule_id, action
order by record_count desc, rule_id

-- How large each segment is, and how many of it may be contacted.
select
    segment,
    any_value(label_en) as label_en,
    any_value(label_zh) as label_zh,
    sum(person_count) as person_count,
    sum(contactable_count) as contactable_count,
    sum(account_count) as account_count
from marts.mart_segment
group by segment
order by person_count desc, segment

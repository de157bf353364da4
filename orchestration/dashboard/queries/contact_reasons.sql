-- Why, and why not.
select channel, is_contactable, reason, count(*) as person_count
from marts.mart_contactability
where purpose = 'marketing'
group by channel, is_contactable, reason
order by person_count desc, channel, reason

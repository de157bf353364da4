-- Whom we may contact by what.
select
    channel,
    count(*) filter (where is_contactable) as contactable_count,
    count(*) as person_count
from marts.mart_contactability
where purpose = 'marketing'
group by channel
order by person_count desc, channel

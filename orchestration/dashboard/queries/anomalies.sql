-- What the sources said that cannot be.
select anomaly, count(*) as fact_count, count(distinct person_id) as person_count, max(occurred_at) as last_at
from marts.mart_lifecycle_anomaly
group by anomaly
order by fact_count desc, anomaly

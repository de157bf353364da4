-- What happened with one person, in order.
select
    sequence_number,
    happened_at,
    event_kind,
    event_name,
    event_label_en,
    event_label_zh,
    direction,
    channel,
    stage,
    amount,
    currency
from marts.mart_journey_timeline
where person_id = $person_id
order by sequence_number
limit 2000

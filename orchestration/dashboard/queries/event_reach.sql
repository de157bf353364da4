-- Whom events and webinars reached.
select
    event_name,
    event_type,
    city,
    starts_at,
    attendee_count,
    identified_count,
    target_account_count,
    wanted_role_count,
    reached_count,
    reach
from marts.mart_event_reach
where month between $from_month and $to_month and attendee_count > 0
order by starts_at desc, event_key
limit 50

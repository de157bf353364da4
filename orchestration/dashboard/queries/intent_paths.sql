-- Who only looks, who acts, who is a customer already.
select month_starts_on, path, person_count, share_of_visitors, first_time_count, returning_count, is_complete_month
from marts.mart_intent_path
where month between $from_month and $to_month
order by month_starts_on, path

-- Which part of the target accounts is aware of us, by list.
select month_starts_on, list_name, target_account_count, aware_account_count, aware_by_network_count, awareness, window_days
from marts.mart_account_awareness
where month between $from_month and $to_month
order by list_name, month_starts_on

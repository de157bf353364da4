-- What was planned for a month and what came of it.
select measure, subject, window_days, actual_value, target_value, attainment, is_on_target, is_final
from marts.mart_funnel_vs_target
where month = $to_month
order by measure, subject

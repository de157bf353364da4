-- What is attributed, by which models; the credits of the default model name the targets once.
select
    target_type,
    count(distinct target_id) as target_count,
    sum(credit_amount) as credit_amount,
    any_value(reporting_currency) as reporting_currency
from marts.mart_attribution
where is_default_model and month between $from_month and $to_month
group by target_type
order by target_type

-- What is attributed: the shares of a target sum to 1 in each model, so those of the default model count the targets.
select
    target_type,
    cast(round(sum(credit_share)) as bigint) as target_count,
    sum(credit_amount) as credit_amount,
    any_value(reporting_currency) as reporting_currency
from marts.mart_attribution
where is_default_model and month between $from_month and $to_month
group by target_type
order by target_type

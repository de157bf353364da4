-- What each channel contributed, by every model.
select
    channel,
    model,
    any_value(model_label_en) as model_label_en,
    any_value(model_label_zh) as model_label_zh,
    bool_or(is_default_model) as is_default_model,
    any_value(reporting_currency) as reporting_currency,
    sum(credit_share) as credit_share,
    sum(credit_amount) as credit_amount
from marts.mart_attribution
where
    target_type = $target_type
    and month between $from_month and $to_month
    and ($channel is null or channel = $channel)
group by channel, model
order by channel, model

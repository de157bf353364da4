-- What each campaign contributed by the default model.
select
    credits.campaign_id,
    any_value(campaigns.campaign_name) as campaign_name,
    credits.channel,
    sum(credits.touch_count) as touch_count,
    sum(credits.credit_share) as targets_credited,
    sum(credits.credit_amount) as credit_amount
from marts.mart_attribution as credits
left join marts.dim_campaign as campaigns on credits.campaign_id = campaigns.campaign_id
where
    credits.target_type = $target_type
    and credits.is_default_model
    and credits.month between $from_month and $to_month
    and ($channel is null or credits.channel = $channel)
group by credits.campaign_id, credits.channel
order by credit_amount desc nulls last, targets_credited desc, credits.campaign_id, credits.channel
limit 20

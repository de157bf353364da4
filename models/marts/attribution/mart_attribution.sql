{#- Shares become cents and millionths by largest remainders: what rounding down leaves goes, one by one, to the largest remainders. -#}
with

targets as (
    select * from {{ ref('int_attribution__targets') }}
),

models as (
    select * from {{ ref('attribution_models') }}
),

weights as (
    select * from {{ ref('int_attribution__weights') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

shares as (
    select
        targets.target_id,
        models.model,
        coalesce(weights.channel, '(none)') as channel,
        coalesce(weights.campaign_id, '(none)') as campaign_id,
        coalesce(weights.touch_count, 0) as touch_count,
        coalesce(weights.share, 1.0) as share,
        cast(coalesce(targets.amount, 0) * 100 as bigint) as total_cents
    from targets
    cross join models
    left join weights
        on
            targets.target_id = weights.target_id
            and models.model = weights.model
),

exact as (
    select
        *,
        round(share * total_cents, 6) as exact_cents,
        round(share * 1000000, 6) as exact_millionths
    from shares
),

rounded_down as (
    select
        *,
        cast(floor(exact_cents) as bigint) as cents,
        cast(floor(exact_millionths) as bigint) as millionths
    from exact
),

ranked as (
    select
        *,
        total_cents - sum(cents) over (partition by target_id, model) as cents_left,
        1000000 - sum(millionths) over (partition by target_id, model) as millionths_left,
        row_number() over (
            partition by target_id, model order by exact_cents - cents desc, channel asc, campaign_id asc
        ) as cent_rank,
        row_number() over (
            partition by target_id, model order by exact_millionths - millionths desc, channel asc, campaign_id asc
        ) as millionth_rank
    from rounded_down
),

credited as (
    select
        *,
        cents + case when cent_rank <= cents_left then 1 else 0 end as credited_cents,
        millionths + case when millionth_rank <= millionths_left then 1 else 0 end as credited_millionths
    from ranked
)

select
    credited.target_id,
    targets.target_type,
    targets.source_id,
    targets.account_id,
    targets.person_id,
    credited.model,
    models.label_en as model_label_en,
    models.label_zh as model_label_zh,
    targets.track,
    credited.channel,
    credited.campaign_id,
    targets.month,
    reporting.reporting_currency,
    cast(targets.cycle_number as integer) as cycle_number,
    cast(credited.touch_count as bigint) as touch_count,
    cast(credited.credited_millionths / 1000000.0 as decimal(9, 6)) as credit_share,
    case when targets.amount is not null then cast(credited.credited_cents / 100.0 as decimal(18, 2)) end as credit_amount,
    models.is_default as is_default_model,
    targets.ended_at
from credited
inner join targets
    on credited.target_id = targets.target_id
inner join models
    on credited.model = models.model
cross join reporting

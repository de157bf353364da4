with

words as (
    select * from {{ ref('int_finance__campaign_words') }}
),

roots as (
    select * from {{ ref('int_finance__campaign_roots') }}
),

rules as (
    select * from {{ ref('campaign_rules') }}
),

rates as (
    select * from {{ ref('int_finance__exchange_rates') }}
),

reporting as (
    select currency as reporting_currency from {{ ref('reporting_currency') }}
),

as_of_day as (
    select cast({{ as_of() }} as date) as as_of_on
),

-- only words that no CRM campaign has are judged by the rules
by_rule as (
    select
        words.campaign_id,
        rules.programme,
        rules.channel
    from words
    left join roots
        on words.campaign_id = roots.campaign_id
    inner join rules
        on lower(words.campaign_id) like replace(rules.pattern, '*', '%')
    where roots.campaign_id is null
    qualify row_number() over (partition by words.campaign_id order by rules.priority) = 1
),

-- what has no campaign at all is a row too, so that a sum over campaigns is the whole
all_words as (
    select campaign_id from words
    where campaign_id <> 'unknown'
    union all
    select 'unknown' as campaign_id
)

select
    all_words.campaign_id,
    coalesce(roots.campaign_name, all_words.campaign_id) as campaign_name,
    coalesce(
        roots.top_campaign_id, by_rule.programme,
        case all_words.campaign_id when 'unknown' then 'unknown' else 'unmapped' end
    ) as programme_id,
    coalesce(
        tops.campaign_name, roots.top_campaign_id, by_rule.programme,
        case all_words.campaign_id when 'unknown' then 'unknown' else 'unmapped' end
    ) as programme_name,
    roots.parent_campaign_id,
    coalesce(roots.channel, by_rule.channel, 'unmapped') as channel,
    case
        when roots.campaign_id is not null then 'crm'
        when by_rule.campaign_id is not null then 'rule'
        when all_words.campaign_id = 'unknown' then 'none'
        else 'unmapped'
    end as mapped_by,
    roots.source_system,
    cast(roots.system_count as integer) as system_count,
    cast(roots.campaign_level as integer) as campaign_level,
    roots.currency as budget_currency,
    roots.budget_amount,
    reporting.reporting_currency,
    cast(round(cast(roots.budget_amount as double) * rates.rate, 2) as decimal(18, 2)) as budget_reporting_amount,
    roots.starts_on,
    roots.ends_on
from all_words
cross join reporting
cross join as_of_day
left join roots
    on all_words.campaign_id = roots.campaign_id
left join roots as tops
    on roots.top_campaign_id = tops.campaign_id
left join by_rule
    on all_words.campaign_id = by_rule.campaign_id
left join rates
    on
        upper(roots.currency) = rates.currency
        and coalesce(roots.starts_on, as_of_day.as_of_on) >= rates.valid_from
        and (rates.valid_to is null or coalesce(roots.starts_on, as_of_day.as_of_on) < rates.valid_to)

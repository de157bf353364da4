with

persons as (
    select * from {{ ref('int_identity__persons') }}
    where not is_anonymous
),

interactions as (
    select * from {{ ref('fct_interaction') }}
),

transitions as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

orders as (
    select * from {{ ref('fct_order') }}
),

types as (
    select * from {{ ref('interaction_types') }}
),

events as (
    select
        interactions.person_id,
        interactions.occurred_at as happened_at,
        1 as kind_rank,
        'touch' as event_kind,
        interactions.interaction_id as event_id,
        interactions.interaction_type as event_name,
        types.label_en as event_label_en,
        types.label_zh as event_label_zh,
        interactions.direction,
        interactions.channel,
        interactions.campaign_id,
        interactions.content_id,
        cast(null as varchar) as stage,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as currency
    from interactions
    left join types
        on interactions.interaction_type = types.interaction_type

    union all

    select
        person_id,
        entered_at as happened_at,
        2 as kind_rank,
        'stage' as event_kind,
        transition_id as event_id,
        direction as event_name,
        stage_label as event_label_en,
        stage_label as event_label_zh,
        cast(null as varchar) as direction,
        channel,
        campaign_id,
        cast(null as varchar) as content_id,
        stage,
        cast(null as decimal(18, 2)) as amount,
        cast(null as varchar) as currency
    from transitions

    union all

    select
        person_id,
        created_at as happened_at,
        3 as kind_rank,
        'deal_opened' as event_kind,
        opportunity_record_id as event_id,
        opportunity_type as event_name,
        'Deal opened' as event_label_en,
        '商机创建' as event_label_zh,
        cast(null as varchar) as direction,
        cast(null as varchar) as channel,
        campaign_id,
        cast(null as varchar) as content_id,
        cast(null as varchar) as stage,
        amount,
        currency
    from opportunities

    union all

    select
        person_id,
        closed_at as happened_at,
        4 as kind_rank,
        case when is_won then 'deal_won' else 'deal_lost' end as event_kind,
        opportunity_record_id as event_id,
        opportunity_type as event_name,
        case when is_won then 'Deal won' else 'Deal lost' end as event_label_en,
        case when is_won then '赢单' else '输单' end as event_label_zh,
        cast(null as varchar) as direction,
        cast(null as varchar) as channel,
        campaign_id,
        cast(null as varchar) as content_id,
        cast(null as varchar) as stage,
        amount,
        currency
    from opportunities
    where closed_at is not null

    union all

    select
        person_id,
        ordered_at as happened_at,
        5 as kind_rank,
        'order' as event_kind,
        order_record_id as event_id,
        order_kind as event_name,
        'Order' as event_label_en,
        '订单' as event_label_zh,
        cast(null as varchar) as direction,
        cast(null as varchar) as channel,
        cast(null as varchar) as campaign_id,
        cast(null as varchar) as content_id,
        cast(null as varchar) as stage,
        amount,
        currency
    from orders
)

select
    events.person_id,
    persons.account_id,
    cast(row_number() over (
        partition by events.person_id order by events.happened_at, events.kind_rank, events.event_id
    ) as integer) as sequence_number,
    events.event_kind,
    events.event_id,
    events.event_name,
    events.event_label_en,
    events.event_label_zh,
    events.direction,
    events.channel,
    events.campaign_id,
    events.content_id,
    events.stage,
    events.amount,
    events.currency,
    events.happened_at
from events
inner join persons
    on events.person_id = persons.person_id

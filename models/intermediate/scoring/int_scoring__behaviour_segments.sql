with

behaviour_events as (
    select * from {{ ref('int_scoring__behaviour_events') }}
    where points <> 0
),

rejections as (
    select * from {{ ref('int_scoring__rejections') }}
),

points_by_instant as (
    select
        person_id,
        occurred_at,
        coalesce(half_life_days, 0) as half_life_days,
        sum(points) as points
    from behaviour_events
    group by
        person_id,
        occurred_at,
        coalesce(half_life_days, 0)
),

-- a rejection takes from the points earned up to and at its own instant, never from later ones; few were ever rejected
epochs as (
    select
        points_by_instant.person_id,
        points_by_instant.occurred_at,
        points_by_instant.half_life_days,
        max(rejections.rejection_number) as epoch
    from points_by_instant
    inner join rejections
        on
            points_by_instant.person_id = rejections.person_id
            and points_by_instant.occurred_at > rejections.occurred_at
    group by
        points_by_instant.person_id,
        points_by_instant.occurred_at,
        points_by_instant.half_life_days
),

with_epoch as (
    select
        points_by_instant.*,
        coalesce(epochs.epoch, 0) as epoch
    from points_by_instant
    left join epochs
        on
            points_by_instant.person_id = epochs.person_id
            and points_by_instant.occurred_at = epochs.occurred_at
            and points_by_instant.half_life_days = epochs.half_life_days
),

with_first as (
    select
        *,
        first_value(occurred_at) over so_far as first_at,
        row_number() over so_far as event_number,
        lead(occurred_at) over so_far is null as is_last
    from with_epoch
    window so_far as (partition by person_id, half_life_days order by occurred_at)
),

with_block as (
    select
        *,
        case
            when half_life_days = 0 then 0
            else cast(floor({{ days_between('first_at', 'occurred_at') }} / (half_life_days * {{ half_lives_per_block() }})) as bigint)
        end as block_number
    from with_first
),

with_exponent as (
    select
        *,
        case
            when half_life_days = 0 then 0
            else
                {{ days_between('first_at', 'occurred_at') }} / half_life_days
                - block_number * {{ half_lives_per_block() }}
        end as half_lives_into_block
    from with_block
)

-- points_in_block is the sum so far, as it stands at the block's start: points * 2^(half-lives since then)
select
    person_id,
    half_life_days,
    epoch,
    block_number,
    first_at,
    occurred_at,
    half_lives_into_block,
    sum(points * {{ exp2('half_lives_into_block') }}) over (
        partition by person_id, half_life_days, epoch, block_number
        order by occurred_at
        rows between unbounded preceding and current row
    ) as points_in_block,
    event_number,
    is_last,
    lead(occurred_at) over (
        partition by person_id, half_life_days, epoch, block_number order by occurred_at
    ) is null as is_last_in_block
from with_exponent

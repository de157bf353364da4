with

targets as (
    select * from {{ ref('int_attribution__targets') }}
),

touches as (
    select * from {{ ref('int_attribution__touches') }}
),

found as (
    select
        targets.target_id,
        targets.target_type,
        targets.opened_at,
        targets.ended_at,
        touches.touch_id,
        touches.channel,
        touches.campaign_id,
        touches.touched_at
    from targets
    inner join touches
        on
            targets.party_id = touches.account_id
            and targets.window_starts_at <= touches.last_touched_at
            and targets.ended_at >= touches.touched_at
    where targets.touches_of = 'account'

    union all

    select
        targets.target_id,
        targets.target_type,
        targets.opened_at,
        targets.ended_at,
        touches.touch_id,
        touches.channel,
        touches.campaign_id,
        touches.touched_at
    from targets
    inner join touches
        on
            targets.party_id = touches.person_id
            and targets.window_starts_at <= touches.last_touched_at
            and targets.ended_at >= touches.touched_at
    where targets.touches_of = 'person'
)

select
    target_id,
    target_type,
    touch_id,
    channel,
    campaign_id,
    touched_at,
    touched_at <= opened_at as is_before_opening,
    {{ days_between('touched_at', 'ended_at') }} as days_before_end,
    row_number() over (partition by target_id order by touched_at, touch_id) as position,
    count(*) over (partition by target_id) as touch_count
from found

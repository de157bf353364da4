{#- Until when each person has had enough of a channel: the cap's number of touches lies within its window. -#}
with

sends as (
    select * from {{ ref('int_nurture__sends') }}
),

caps as (
    select * from {{ ref('fatigue_caps') }}
),

counted as (
    select
        caps.channel,
        caps.window_days,
        caps.max_touches,
        sends.person_id,
        sends.sent_at,
        row_number() over (
            partition by caps.channel, sends.person_id
            order by sends.sent_at desc, sends.interaction_id desc
        ) as position
    from caps
    inner join sends
        on caps.channel in (sends.channel, '*')
)

-- when the oldest of the latest touches leaves the window there is room for one more
select
    person_id,
    channel,
    {{ add_days('sent_at', 'window_days') }} as rested_at
from counted
where
    position = max_touches
    and {{ add_days('sent_at', 'window_days') }} > {{ as_of() }}

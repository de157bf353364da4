{#- How often one channel followed another: on the ways to the targets of a type, and on those of everybody who came to none. -#}
with

paths as (
    select * from {{ ref('int_attribution__paths') }}
),

targets as (
    select * from {{ ref('int_attribution__targets') }}
),

rules as (
    select * from {{ ref('attribution_targets') }}
),

touches as (
    select * from {{ ref('int_attribution__touches') }}
),

converted_steps as (
    select
        target_type,
        channel as from_state,
        coalesce(lead(channel) over (partition by target_id order by position), '(conversion)') as to_state
    from paths

    union all

    select
        target_type,
        '(start)' as from_state,
        channel as to_state
    from paths
    where position = 1
),

by_party as (
    select
        'person' as touches_of,
        person_id as party_id,
        channel,
        touched_at,
        touch_id
    from touches

    union all

    select
        'account' as touches_of,
        coalesce(account_id, person_id) as party_id,
        channel,
        touched_at,
        touch_id
    from touches
),

walked as (
    select
        touches_of,
        party_id,
        channel,
        touched_at,
        lag(touched_at) over in_order as before_at,
        lead(channel) over in_order as next_channel,
        max(touched_at) over (partition by touches_of, party_id) as party_ended_at
    from by_party
    window in_order as (partition by touches_of, party_id order by touched_at, touch_id)
),

converted_parties as (
    select distinct
        target_type,
        party_id
    from targets
    where party_id is not null
),

-- whoever came to none: the touches inside the lookback before the last one
unconverted as (
    select
        rules.target_type,
        walked.channel,
        walked.next_channel,
        walked.before_at is null
        or walked.before_at < {{ add_days('walked.party_ended_at', '-rules.lookback_days') }} as is_first
    from walked
    inner join rules
        on walked.touches_of = rules.touches_of
    left join converted_parties
        on
            rules.target_type = converted_parties.target_type
            and walked.party_id = converted_parties.party_id
    where
        converted_parties.party_id is null
        and walked.touched_at >= {{ add_days('walked.party_ended_at', '-rules.lookback_days') }}
),

all_steps as (
    select
        target_type,
        from_state,
        to_state,
        count(*) as step_count
    from converted_steps
    group by target_type, from_state, to_state

    union all

    select
        target_type,
        channel as from_state,
        coalesce(next_channel, '(null)') as to_state,
        count(*) as step_count
    from unconverted
    group by target_type, channel, coalesce(next_channel, '(null)')

    union all

    select
        target_type,
        '(start)' as from_state,
        channel as to_state,
        count(*) as step_count
    from unconverted
    where is_first
    group by target_type, channel
)

-- staying in a channel changes no chance of where the way ends
select
    target_type,
    from_state,
    to_state,
    cast(sum(step_count) as bigint) as step_count
from all_steps
where from_state <> to_state
group by target_type, from_state, to_state

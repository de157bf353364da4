{#- Fails with one row per fault of a steward's decisions, each in words: what is wrong and what to write instead. -#}
{% test sound_decisions(model, rules) %}

with

typed as (
    select
        coalesce(nullif(trim(decision), ''), '') as decision,
        nullif(trim(left_type), '') as left_type,
        nullif(trim(left_value), '') as left_value,
        nullif(trim(right_type), '') as right_type,
        nullif(trim(right_value), '') as right_value,
        nullif(trim(decided_by), '') as decided_by,
        nullif(trim(reason), '') as reason,
        decided_at
    from {{ model }}
),

known_types as (
    select identifier_type from {{ rules }}
    union
    select 'record' as identifier_type
),

checked as (
    select
        typed.*,
        left_types.identifier_type is not null as is_left_type_known,
        right_types.identifier_type is not null as is_right_type_known
    from typed
    left join known_types as left_types
        on typed.left_type = left_types.identifier_type
    left join known_types as right_types
        on typed.right_type = right_types.identifier_type
),

pairs as (
    select distinct
        decision,
        case when left_type || '|' || left_value <= right_type || '|' || right_value
            then left_type || '|' || left_value else right_type || '|' || right_value end as first_side,
        case when left_type || '|' || left_value <= right_type || '|' || right_value
            then right_type || '|' || right_value else left_type || '|' || left_value end as second_side,
        left_type,
        decided_by,
        decided_at
    from typed
    where decision in ('must_link', 'cannot_link')
),

faults as (
    select
        decision, left_type, decided_by, decided_at,
        'the decision must be must_link, cannot_link or block_identifier' as problem
    from checked
    where decision not in ('must_link', 'cannot_link', 'block_identifier')
    union all
    select
        decision, left_type, decided_by, decided_at,
        'left_type and left_value must both be given' as problem
    from checked
    where left_type is null or left_value is null
    union all
    select
        decision, left_type, decided_by, decided_at,
        'must_link and cannot_link need right_type and right_value' as problem
    from checked
    where decision in ('must_link', 'cannot_link') and (right_type is null or right_value is null)
    union all
    select
        decision, left_type, decided_by, decided_at,
        'block_identifier uses the left side only; empty right_type and right_value' as problem
    from checked
    where decision = 'block_identifier' and (right_type is not null or right_value is not null)
    union all
    select
        decision, left_type, decided_by, decided_at,
        'left_type is no identifier type of seeds/identity/identifier_rules.csv and not the word record' as problem
    from checked
    where left_type is not null and not is_left_type_known
    union all
    select
        decision, left_type, decided_by, decided_at,
        'right_type is no identifier type of seeds/identity/identifier_rules.csv and not the word record' as problem
    from checked
    where right_type is not null and not is_right_type_known
    union all
    select
        decision, left_type, decided_by, decided_at,
        'block_identifier blocks an identifier, not a record' as problem
    from checked
    where decision = 'block_identifier' and left_type = 'record'
    union all
    select
        decision, left_type, decided_by, decided_at,
        'both sides are the same' as problem
    from checked
    where left_type = right_type and left_value = right_value
    union all
    select
        decision, left_type, decided_by, decided_at,
        'decided_by is empty: say who decided' as problem
    from checked
    where decided_by is null
    union all
    select
        decision, left_type, decided_by, decided_at,
        'decided_at is empty: say when, such as 2026-03-01 09:00:00 (UTC)' as problem
    from checked
    where decided_at is null
    union all
    select
        decision, left_type, decided_by, decided_at,
        'reason is empty: say why' as problem
    from checked
    where reason is null
    union all
    select
        links.decision, links.left_type, links.decided_by, links.decided_at,
        'the same pair is a must_link and a cannot_link; remove one of the two rows' as problem
    from pairs as links
    inner join pairs as bars
        on links.first_side = bars.first_side
            and links.second_side = bars.second_side
    where links.decision = 'must_link'
        and bars.decision = 'cannot_link'
)

select * from faults

{% endtest %}

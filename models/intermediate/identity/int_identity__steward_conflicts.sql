{#- A cannot_link that does not hold, with what still connects its two sides. Walked over the must_link decisions alone, from the
    records of the left side, until a record of the right side is met; `identity_max_steward_hops` bounds the walk. What one
    person holds without such a path is told as well: then ordinary links connect the two sides. -#}
with recursive

steward_decisions as (
    select * from {{ ref('int_identity__steward_decisions') }}
),

decision_records as (
    select * from {{ ref('int_identity__decision_records') }}
),

edges as (
    select * from {{ ref('int_identity__edges') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

left_records as (
    select
        decision_id,
        record_id
    from decision_records
    where decision = 'cannot_link'
        and side = 'left'
),

right_records as (
    select
        decision_id,
        record_id
    from decision_records
    where decision = 'cannot_link'
        and side = 'right'
),

both_ways as (
    select
        record_id_a as from_record_id,
        record_id_b as to_record_id,
        link_value as decided_by
    from edges
    where link_rule = 'steward'
    union
    select
        record_id_b as from_record_id,
        record_id_a as to_record_id,
        link_value as decided_by
    from edges
    where link_rule = 'steward'
),

must_links as (
    select
        from_record_id,
        to_record_id,
        min(decided_by) as decided_by
    from both_ways
    group by from_record_id, to_record_id
),

-- only records that a must_link names can be walked from
starts as (
    select
        left_records.decision_id,
        left_records.record_id
    from left_records
    inner join must_links
        on left_records.record_id = must_links.from_record_id
    group by left_records.decision_id, left_records.record_id
),

-- how far each record is from the left side; no path in here, so that a dense web of decisions stays small
reached as (
    select
        decision_id,
        record_id,
        0 as hops
    from starts
    union
    select
        reached.decision_id,
        must_links.to_record_id as record_id,
        reached.hops + 1 as hops
    from reached
    inner join must_links
        on reached.record_id = must_links.from_record_id
    where reached.hops < {{ var('identity_max_steward_hops', 10) }}
),

distances as (
    select
        decision_id,
        record_id,
        min(hops) as hops
    from reached
    group by decision_id, record_id
),

steps as (
    select
        distances.decision_id,
        distances.record_id,
        distances.hops,
        min(must_links.from_record_id) as previous_record_id
    from distances
    inner join must_links
        on distances.record_id = must_links.to_record_id
    inner join distances as previous
        on distances.decision_id = previous.decision_id
            and must_links.from_record_id = previous.record_id
            and distances.hops = previous.hops + 1
    group by distances.decision_id, distances.record_id, distances.hops
),

nearest_ends as (
    select
        distances.decision_id,
        distances.record_id,
        distances.hops
    from distances
    inner join right_records
        on distances.decision_id = right_records.decision_id
            and distances.record_id = right_records.record_id
    where distances.hops > 0
    qualify row_number() over (partition by distances.decision_id order by distances.hops, distances.record_id) = 1
),

-- back from the right side, one step per round
told as (
    select
        decision_id,
        record_id,
        hops as hops_left,
        hops,
        cast(record_id as varchar) as path
    from nearest_ends
    union all
    select
        told.decision_id,
        steps.previous_record_id as record_id,
        told.hops_left - 1 as hops_left,
        told.hops,
        steps.previous_record_id || ' -> must_link by ' || coalesce(must_links.decided_by, 'nobody') || ' -> ' || told.path as path
    from told
    inner join steps
        on told.decision_id = steps.decision_id
            and told.record_id = steps.record_id
    inner join must_links
        on steps.previous_record_id = must_links.from_record_id
            and steps.record_id = must_links.to_record_id
),

found as (
    select
        decision_id,
        hops,
        path
    from told
    where hops_left = 0
    union all
    select
        left_records.decision_id,
        0 as hops,
        left_records.record_id || ' bears both sides' as path
    from left_records
    inner join right_records
        on left_records.decision_id = right_records.decision_id
            and left_records.record_id = right_records.record_id
),

forced as (
    select
        decision_id,
        hops,
        path
    from found
    qualify row_number() over (partition by decision_id order by hops, path) = 1
),

side_persons as (
    select
        decision_records.decision_id,
        decision_records.side,
        record_persons.person_id
    from decision_records
    inner join record_persons
        on decision_records.record_id = record_persons.record_id
    where decision_records.decision = 'cannot_link'
    group by decision_records.decision_id, decision_records.side, record_persons.person_id
),

joined as (
    select
        left_persons.decision_id,
        left_persons.person_id
    from side_persons as left_persons
    inner join side_persons as right_persons
        on left_persons.decision_id = right_persons.decision_id
            and left_persons.person_id = right_persons.person_id
    where left_persons.side = 'left'
        and right_persons.side = 'right'
),

joined_persons as (
    select
        decision_id,
        min(person_id) as person_id
    from joined
    group by decision_id
)

select
    steward_decisions.decision_id,
    case
        when forced.hops = 0 then 'one_record'
        when forced.hops > 0 then 'must_link'
        else 'ordinary_links'
    end as connected_by,
    joined_persons.person_id,
    'cannot_link (' || steward_decisions.left_type || ' and ' || steward_decisions.right_type || ') by '
    || coalesce(steward_decisions.decided_by, 'nobody') || ' does not hold: '
    || coalesce(forced.path, 'ordinary links still join both sides in person ' || joined_persons.person_id) as path,
    steward_decisions.decided_at
from steward_decisions
left join forced
    on steward_decisions.decision_id = forced.decision_id
left join joined_persons
    on steward_decisions.decision_id = joined_persons.decision_id
where forced.decision_id is not null
    or joined_persons.decision_id is not null

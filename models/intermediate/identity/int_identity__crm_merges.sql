{#- The CRM's own merges, followed to the object that is left. A ring of merges ends at its smallest id. -#}
with recursive

stg_merges as (
    select * from {{ ref('stg_crm__merges') }}
),

-- merged twice, into one and then into another: the later merge counts
first_merges as (
    select
        source_system,
        object_type,
        loser_id,
        winner_id,
        load_sequence,
        arrived_at,
        merged_at
    from stg_merges
    where loser_id <> winner_id
    qualify row_number() over (
            partition by source_system, object_type, loser_id
            order by merged_at desc nulls last, load_sequence desc, winner_id desc
        ) = 1
),

walk as (
    select
        source_system,
        object_type,
        loser_id,
        winner_id,
        1 as hops
    from first_merges
    union all
    select
        walk.source_system,
        walk.object_type,
        walk.loser_id,
        first_merges.winner_id,
        walk.hops + 1 as hops
    from walk
    inner join first_merges
        on walk.source_system = first_merges.source_system
            and walk.object_type = first_merges.object_type
            and walk.winner_id = first_merges.loser_id
    where walk.hops < {{ var('identity_max_merge_hops', 20) }}
),

ends as (
    select
        source_system,
        object_type,
        loser_id,
        max(hops) as hops,
        max_by(winner_id, hops) as last_id,
        -- by half of the hops a walk that never ends has entered its ring
        min(winner_id) filter (where hops > {{ var('identity_max_merge_hops', 20) }} / 2) as smallest_id
    from walk
    group by source_system, object_type, loser_id
)

select
    ends.source_system,
    ends.object_type,
    ends.loser_id,
    first_merges.winner_id as next_winner_id,
    case
        when ends.hops >= {{ var('identity_max_merge_hops', 20) }} then ends.smallest_id
        else ends.last_id
    end as winner_id,
    first_merges.load_sequence,
    first_merges.arrived_at,
    first_merges.merged_at
from ends
inner join first_merges
    on ends.source_system = first_merges.source_system
        and ends.object_type = first_merges.object_type
        and ends.loser_id = first_merges.loser_id

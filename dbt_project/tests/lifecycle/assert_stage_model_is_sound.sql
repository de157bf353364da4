{{ config(meta={'dagster': {'ref': {'name': 'stages'}}}) }}
-- Each row is a fault of the stage model in words: which seed, which row, what is wrong, what to write instead. A stage model with a fault
-- stops the run before anything is built from it, and what is published stands.
with

stages as (
    select * from {{ ref('stages') }}
),

signals as (
    select * from {{ ref('signals') }}
),

statuses as (
    select * from {{ ref('statuses') }}
),

status_map as (
    select * from {{ ref('crm_status_map') }}
),

thresholds as (
    select * from {{ ref('thresholds') }}
),

routes as (
    select * from {{ ref('routes') }}
),

known_stages as (
    select coalesce({{ text_agg('stages.stage', ', ', 'stages.stage_rank, stages.stage') }}, '') as names
    from stages
),

-- what is found in the data whether a seed asks for it or not
required_signals as (
    select
        'identified' as signal,
        'advance' as kind
    union all
    select
        'sales_accepted' as signal,
        'advance' as kind
    union all
    select
        'opportunity_won' as signal,
        'advance' as kind
    union all
    select
        'opportunity_lost' as signal,
        'return' as kind
),

-- the statuses that models and reports ask for by name, and what ends those of them that no stage ends
required_statuses as (
    select
        'recycled' as status,
        cast(null as varchar) as ends_with
    union all
    select
        'dormant' as status,
        'engagement' as ends_with
    union all
    select
        'disqualified' as status,
        'requalified' as ends_with
)

select
    'seeds/lifecycle/stages.csv: the stage '
    || coalesce(stages.stage, '(empty)')
    || ' stands there '
    || cast(count(*) as varchar)
    || ' times; keep one row' as problem
from stages
group by stages.stage
having count(*) > 1 or stages.stage is null

union all

select
    'seeds/lifecycle/stages.csv: the stage_rank '
    || coalesce(cast(stages.stage_rank as varchar), '(empty)')
    || ' stands there '
    || cast(count(*) as varchar)
    || ' times; a ladder has one stage per rank' as problem
from stages
group by stages.stage_rank
having count(*) > 1 or stages.stage_rank is null

union all

select
    'seeds/lifecycle/stages.csv: the ranks must run from 1 to '
    || cast(count(*) as varchar)
    || ' without a gap, and run to '
    || cast(max(stages.stage_rank) as varchar) as problem
from stages
having min(stages.stage_rank) <> 1 or max(stages.stage_rank) <> count(distinct stages.stage_rank)

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': the ladder is longer than the '
    || '{{ var("lifecycle_rank_levels") }}'
    || ' ranks that the ledger decides; raise lifecycle_rank_levels in dbt_project/dbt_project.yml' as problem
from stages
where stages.stage_rank > {{ var('lifecycle_rank_levels') }}

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': stage_type '
    || coalesce(stages.stage_type, '(empty)')
    || ' is none of inventory, gate, sla' as problem
from stages
where coalesce(stages.stage_type, '') not in ('inventory', 'gate', 'sla')

union all

select 'seeds/lifecycle/stages.csv, stage ' || coalesce(stages.stage, '(empty)') || ': label_en and label_zh must both be given' as problem
from stages
where coalesce(stages.label_en, '') = '' or coalesce(stages.label_zh, '') = ''

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': stage_sla_days and dormant_days must be more than 0, or empty' as problem
from stages
where stages.stage_sla_days <= 0 or stages.dormant_days <= 0

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': stage_type sla promises a time, so it needs stage_sla_days' as problem
from stages
where stages.stage_type = 'sla' and stages.stage_sla_days is null

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': lapse_days must be a whole number of days above 0, or empty' as problem
from stages
where stages.lapse_days <= 0 or stages.lapse_days <> floor(stages.lapse_days)

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': lapse_days must not be less than dormant_days; who lapses has been dormant first' as problem
from stages
where stages.lapse_days < stages.dormant_days

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': lapse_days must be empty in the last stage; who has bought leaves by a signal like churned, not by silence' as problem
from stages
where stages.lapse_days is not null and stages.stage_rank = (select max(ladder.stage_rank) from stages as ladder)

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': lapse_days must be empty at the pool and below it; there is nothing to fall back to' as problem
from stages
where stages.lapse_days is not null
    and stages.stage_rank <= (
        select max(pools.stage_rank) from stages as pools
        where pools.is_pool or pools.is_pool_with_fit
    )

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': lapse_days needs a row for the signal lapsed in signals.csv; add it, or leave lapse_days empty' as problem
from stages
where stages.lapse_days is not null and 'lapsed' not in (
        select signals.signal from signals
        where signals.signal is not null
    )

union all

select
    'seeds/lifecycle/stages.csv: exactly one stage must have is_pool (where a return to the pool leads), and '
    || cast(count(*) filter (where stages.is_pool) as varchar)
    || ' have' as problem
from stages
having count(*) filter (where stages.is_pool) <> 1

union all

select
    'seeds/lifecycle/stages.csv: at most one stage may have is_pool_with_fit, and '
    || cast(count(*) filter (where stages.is_pool_with_fit) as varchar)
    || ' have' as problem
from stages
having count(*) filter (where stages.is_pool_with_fit) > 1

union all

select 'seeds/lifecycle/stages.csv: the stage with is_pool_with_fit must stand above the one with is_pool' as problem
from stages
having max(stages.stage_rank) filter (where stages.is_pool_with_fit) <= min(stages.stage_rank) filter (where stages.is_pool)

union all

select 'seeds/lifecycle/stages.csv: no stage has is_entry, so nobody could begin' as problem
from stages
having count(*) filter (where stages.is_entry) = 0

union all

select 'seeds/lifecycle/stages.csv: the stages with is_entry must be the lowest ones, without a gap' as problem
from stages
having max(stages.stage_rank) filter (where stages.is_entry) <> count(*) filter (where stages.is_entry)

union all

select
    'seeds/lifecycle/stages.csv, stage '
    || coalesce(stages.stage, '(empty)')
    || ': no signal of signals.csv leads to it; a stage that nobody can enter belongs out of the ladder' as problem
from stages
cross join known_stages
where not stages.is_pool
    and not stages.is_pool_with_fit
    and stages.stage not in (
        select signals.to_stage from signals
        where signals.kind = 'advance'
    )

union all

select
    'seeds/lifecycle/signals.csv: the signal '
    || coalesce(signals.signal, '(empty)')
    || ' stands there '
    || cast(count(*) as varchar)
    || ' times; a signal has one row' as problem
from signals
group by signals.signal
having count(*) > 1 or signals.signal is null

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': kind '
    || coalesce(signals.kind, '(empty)')
    || ' is none of advance, return, new_cycle, status_begin' as problem
from signals
where coalesce(signals.kind, '') not in ('advance', 'return', 'new_cycle', 'status_begin')

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': to_stage '
    || signals.to_stage
    || ' is no stage of stages.csv; write one of '
    || known_stages.names as problem
from signals
cross join known_stages
where signals.to_stage <> 'pool' and signals.to_stage not in (select stages.stage from stages)

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': from_min_stage '
    || signals.from_min_stage
    || ' is no stage of stages.csv; write one of '
    || known_stages.names as problem
from signals
cross join known_stages
where signals.from_min_stage not in (select stages.stage from stages)

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': kind '
    || signals.kind
    || ' needs to_stage' as problem
from signals
where signals.kind in ('advance', 'return', 'new_cycle') and signals.to_stage is null

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': an advance leads to a stage, not to the pool' as problem
from signals
where signals.kind = 'advance' and signals.to_stage = 'pool'

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': a return needs from_min_stage, the lowest stage that it acts on' as problem
from signals
where signals.kind = 'return' and signals.from_min_stage is null and signals.signal is distinct from 'lapsed'

union all

select
    'seeds/lifecycle/signals.csv, signal lapsed: it must be a return to the pool, no rejection, with an empty from_min_stage;'
    || ' which stages lapse is said by lapse_days in stages.csv' as problem
from signals
where signals.signal = 'lapsed'
    and (
        signals.kind is distinct from 'return'
        or signals.to_stage is distinct from 'pool'
        or signals.from_min_stage is not null
        or signals.is_rejection
    )

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': a cycle without exit: it returns from '
    || from_stages.stage
    || ' to '
    || to_stages.stage
    || ', which is not below it' as problem
from signals
inner join stages as from_stages
    on signals.from_min_stage = from_stages.stage
inner join stages as to_stages
    on (
        signals.to_stage = to_stages.stage
        or (signals.to_stage = 'pool' and coalesce(to_stages.is_pool_with_fit, false))
        or (signals.to_stage = 'pool' and to_stages.is_pool)
    )
where signals.kind = 'return' and to_stages.stage_rank >= from_stages.stage_rank

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': a cycle without exit: it leads back to '
    || to_stages.stage
    || ', and no advance leads out of it' as problem
from signals
inner join stages as to_stages
    on (signals.to_stage = to_stages.stage or (signals.to_stage = 'pool' and to_stages.is_pool))
where signals.kind in ('return', 'new_cycle')
    and not exists (
        select 1 from signals as advances inner join stages as higher on advances.to_stage = higher.stage
        where advances.kind = 'advance' and higher.stage_rank > to_stages.stage_rank
    )

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': status '
    || signals.status
    || ' is no status of statuses.csv' as problem
from signals
where signals.status not in (select statuses.status from statuses)

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': a status_begin must name its status, and only the signal disqualified with the status disqualified begins one by itself;'
    || ' write that, or make it a return' as problem
from signals
where signals.kind = 'status_begin'
    and (signals.signal is distinct from 'disqualified' or signals.status is distinct from 'disqualified')

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || signals.signal
    || ': it must have kind '
    || case signals.signal when 'disqualified' then 'status_begin' else 'new_cycle' end
    || '; what it does beside the ladder hangs on it' as problem
from signals
where (signals.signal = 'disqualified' and signals.kind is distinct from 'status_begin')
    or (signals.signal in ('requalified', 'job_changed') and signals.kind is distinct from 'new_cycle')

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': status '
    || signals.status
    || ' would never begin: a status begins with a return, or with disqualified' as problem
from signals
where signals.status is not null and coalesce(signals.kind, '') not in ('return', 'status_begin')

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': a return begins the status '
    || signals.status
    || ', which would never end, since '
    || statuses.ends_with
    || ' ends no such status; let ends_with in statuses.csv name a stage' as problem
from signals
inner join statuses
    on signals.status = statuses.status
where signals.kind = 'return' and statuses.ends_with in ('requalified', 'engagement')

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': only an advance opens an expansion; write false in opens_expansion' as problem
from signals
where signals.opens_expansion and signals.kind is distinct from 'advance'

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': signal_phase '
    || coalesce(cast(signals.signal_phase as varchar), '(empty)')
    || ' does not fit its kind (new_cycle 1, advance 2, return 3, status_begin 4)' as problem
from signals
where signals.signal_phase is distinct from case signals.kind
        when 'new_cycle' then 1 when 'advance' then 2 when 'return' then 3 when 'status_begin' then 4 else
            signals.signal_phase
    end

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': source_priority must be given: it decides which of several facts of one instant is named' as problem
from signals
where signals.source_priority is null

union all

select 'seeds/lifecycle/signals.csv, signal ' || coalesce(signals.signal, '(empty)') || ': score_factor must lie between 0 and 1' as problem
from signals
where signals.score_factor < 0 or signals.score_factor > 1

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || coalesce(signals.signal, '(empty)')
    || ': a rejection must be a return with a score_factor' as problem
from signals
where signals.is_rejection and (signals.kind <> 'return' or signals.score_factor is null)

union all

select
    'seeds/lifecycle/signals.csv: the signal '
    || required_signals.signal
    || ' is missing; it is found in the data, so it needs a row' as problem
from required_signals
left join signals
    on required_signals.signal = signals.signal
where signals.signal is null

union all

select
    'seeds/lifecycle/signals.csv, signal '
    || signals.signal
    || ': it must have kind '
    || required_signals.kind
    || ', since it is found in the data as such' as problem
from required_signals
inner join signals
    on required_signals.signal = signals.signal
where signals.kind is distinct from required_signals.kind

union all

select
    'seeds/lifecycle/statuses.csv: the status '
    || required_statuses.status
    || ' is missing; models and reports ask for it by that name' as problem
from required_statuses
left join statuses
    on required_statuses.status = statuses.status
where statuses.status is null

union all

select
    'seeds/lifecycle/statuses.csv, status '
    || statuses.status
    || ': it ends with '
    || required_statuses.ends_with
    || ' and with nothing else; write that in ends_with' as problem
from required_statuses
inner join statuses
    on required_statuses.status = statuses.status
where required_statuses.ends_with is not null and statuses.ends_with is distinct from required_statuses.ends_with

union all

select
    'seeds/lifecycle/statuses.csv, status '
    || statuses.status
    || ': nothing begins it; name it in the status of a return in signals.csv, or take the row out' as problem
from statuses
left join signals
    on statuses.status = signals.status
where signals.signal is null and statuses.status not in (select required_statuses.status from required_statuses)

union all

select
    'seeds/lifecycle/statuses.csv, status '
    || coalesce(statuses.status, '(empty)')
    || ': a status without an exit: ends_with must name a stage that an advance leads to, requalified, or engagement' as problem
from statuses
where statuses.ends_with is null
    or (statuses.ends_with not in (
        'requalified', 'engagement') and statuses.ends_with not in (
        select signals.to_stage from signals
        where signals.kind = 'advance'
    ))

union all

select
    'seeds/lifecycle/statuses.csv, status '
    || coalesce(statuses.status, '(empty)')
    || ': it ends with requalified, and no signal of that name exists' as problem
from statuses
where statuses.ends_with = 'requalified' and 'requalified' not in (select signals.signal from signals)

union all

select
    'seeds/lifecycle/crm_status_map.csv, '
    || status_map.object_type
    || ' '
    || status_map.field
    || ' '
    || status_map.value
    || ': the signal '
    || status_map.signal
    || ' is no signal of signals.csv' as problem
from status_map
where status_map.signal not in (select signals.signal from signals)

union all

select
    'seeds/lifecycle/crm_status_map.csv, '
    || status_map.object_type
    || ' '
    || status_map.field
    || ' '
    || status_map.value
    || ': object_type is none of lead, contact, account, opportunity, order, activity, person' as problem
from status_map
where status_map.object_type not in ('lead', 'contact', 'account', 'opportunity', 'order', 'activity', 'person')

union all

select
    'seeds/lifecycle/crm_status_map.csv, '
    || status_map.object_type
    || ' '
    || status_map.field
    || ' '
    || status_map.value
    || ': a change of the employer must mean job_changed, or nothing; '
    || status_map.signal
    || ' would leave the customer with the new employer' as problem
from status_map
where status_map.object_type = 'person' and status_map.signal <> 'job_changed'

union all

select
    'seeds/lifecycle/crm_status_map.csv, '
    || status_map.object_type
    || ' '
    || status_map.field
    || ' '
    || status_map.value
    || ': lapsed is what the clock says; a word of the CRM must mean another return, or nothing' as problem
from status_map
where status_map.signal = 'lapsed'

union all

select
    'dbt_project/dbt_project.yml: mql_source '
    || '{{ var("mql_source") }}'
    || ' is none of computed, crm, either' as problem
where '{{ var("mql_source") }}' not in ('computed', 'crm', 'either')

union all

select
    'dbt_project/dbt_project.yml: mql_source is crm, and no word of seeds/lifecycle/crm_status_map.csv means crm_mql;'
    || ' nobody would become an MQL' as problem
where '{{ var("mql_source") }}' = 'crm'
    and 'crm_mql' not in (
        select status_map.signal from status_map
        where status_map.signal is not null
    )

union all

select
    'seeds/lifecycle/crm_status_map.csv: '
    || status_map.object_type
    || ' '
    || status_map.field
    || ' '
    || status_map.value
    || ' stands there '
    || cast(count(*) as varchar)
    || ' times; a word means one thing' as problem
from status_map
group by status_map.object_type, status_map.field, status_map.value
having count(*) > 1

union all

select
    'seeds/scoring/thresholds.csv, stage '
    || coalesce(thresholds.stage, '(empty)')
    || ': it is no stage of stages.csv; write one of '
    || known_stages.names as problem
from thresholds
cross join known_stages
where thresholds.stage is null or thresholds.stage not in (select stages.stage from stages)

union all

select
    'seeds/scoring/thresholds.csv, stage '
    || thresholds.stage
    || ': nobody would be measured by it: none of the signals engaged, target_fit, score_reached leads to that stage' as problem
from thresholds
where thresholds.stage in (select stages.stage from stages)
    and thresholds.stage not in (
        select signals.to_stage from signals
        where signals.signal in ('engaged', 'target_fit', 'score_reached') and signals.to_stage is not null
    )

union all

select
    'seeds/scoring/thresholds.csv, stage '
    || coalesce(thresholds.stage, '(empty)')
    || ': a threshold without route: '
    || thresholds.route
    || ' is no route of seeds/routing/routes.csv; leave it empty for all routes' as problem
from thresholds
where thresholds.route not in (select routes.route from routes)

union all

select
    'seeds/scoring/thresholds.csv, stage '
    || coalesce(thresholds.stage, '(empty)')
    || ': a threshold without route: it is what score_reached asks for, and each route has its own; name one of seeds/routing/routes.csv'
        as problem
from thresholds
inner join signals
    on thresholds.stage = signals.to_stage and signals.signal = 'score_reached'
where thresholds.route is null

union all

select
    'seeds/scoring/thresholds.csv, stage '
    || coalesce(thresholds.stage, '(empty)')
    || ': score_part '
    || coalesce(thresholds.score_part, '(empty)')
    || ' is none of fit, behaviour, total' as problem
from thresholds
where coalesce(thresholds.score_part, '') not in ('fit', 'behaviour', 'total')

union all

select 'seeds/scoring/thresholds.csv, stage ' || coalesce(thresholds.stage, '(empty)') || ': min_points must be given' as problem
from thresholds
where thresholds.min_points is null

union all

select
    'seeds/scoring/thresholds.csv: stage '
    || thresholds.stage
    || ', route '
    || coalesce(thresholds.route, '*')
    || ', '
    || thresholds.score_part
    || ' has two rows with the same valid_from; give each its own day' as problem
from thresholds
group by thresholds.stage, thresholds.route, thresholds.score_part, thresholds.valid_from
having count(*) > 1

union all

select
    'seeds/scoring/thresholds.csv: no row for the stage '
    || signals.to_stage
    || ', to which the signal score_reached leads; without one nobody qualifies by score' as problem
from signals
where signals.signal = 'score_reached'
    and signals.to_stage not in (
        select thresholds.stage from thresholds
        where thresholds.stage is not null
    )

union all

select
    'seeds/routing/routes.csv, priority '
    || cast(routes.priority as varchar)
    || ': the signal '
    || routes.signal
    || ' is no signal of signals.csv' as problem
from routes
where routes.signal not in (select signals.signal from signals)

union all

select
    'seeds/routing/routes.csv, priority '
    || cast(routes.priority as varchar)
    || ': the signal '
    || routes.signal
    || ' is no advance; a submission can only raise somebody' as problem
from routes
inner join signals
    on routes.signal = signals.signal
where signals.kind is distinct from 'advance'

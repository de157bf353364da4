with

published_night as (
    select * from {{ source('ops', 'published_night') }}
),

published_ledger as (
    select * from {{ source('ops', 'published_ledger') }}
),

published_revisions as (
    select * from {{ source('ops', 'published_revisions') }}
    where revised_at <= {{ as_of() }}
),

ledger as (
    select * from {{ ref('fct_lifecycle_transition') }}
),

causes as (
    select * from {{ ref('int_lifecycle__revision_causes') }}
),

-- a night that looks further back than the published one revises nothing
compared_night as (
    select as_of
    from published_night
    where as_of <= {{ as_of() }}
),

-- the ledger of now as far as it could have been known then: what ended since had not ended
known_then as (
    select
        ledger.*,
        compared_night.as_of,
        case when ledger.exited_at <= compared_night.as_of then ledger.exited_at end as exited_then,
        case when ledger.exited_at <= compared_night.as_of then ledger.next_stage end as next_stage_then,
        case when ledger.exited_at <= compared_night.as_of then ledger.outcome end as outcome_then
    from ledger
    cross join compared_night
),

inserted as (
    select
        known_then.transition_id,
        known_then.person_id,
        known_then.stage,
        known_then.stage_label,
        'inserted' as change_kind,
        '' as changed_columns,
        cast(null as timestamp) as entered_at_before,
        known_then.entered_at as entered_at_after,
        cast(null as timestamp) as exited_at_before,
        known_then.exited_at as exited_at_after,
        cast(null as varchar) as signal_before,
        known_then.signal as signal_after,
        cast(null as varchar) as record_id_before,
        known_then.record_id as record_id_after,
        known_then.as_of
    from known_then
    left join published_ledger
        on known_then.transition_id = published_ledger.transition_id
    where published_ledger.transition_id is null and known_then.entered_at <= known_then.as_of
),

removed as (
    select
        published_ledger.transition_id,
        published_ledger.person_id,
        published_ledger.stage,
        published_ledger.stage_label,
        'removed' as change_kind,
        '' as changed_columns,
        published_ledger.entered_at as entered_at_before,
        cast(null as timestamp) as entered_at_after,
        published_ledger.exited_at as exited_at_before,
        cast(null as timestamp) as exited_at_after,
        published_ledger.signal as signal_before,
        cast(null as varchar) as signal_after,
        published_ledger.record_id as record_id_before,
        cast(null as varchar) as record_id_after,
        compared_night.as_of
    from published_ledger
    cross join compared_night
    left join ledger
        on published_ledger.transition_id = ledger.transition_id
    where ledger.transition_id is null
),

both_known as (
    select
        known_then.transition_id,
        known_then.person_id,
        known_then.stage,
        known_then.stage_label,
        'changed' as change_kind,
        concat_ws(
            ',',
            case when published_ledger.account_id is distinct from known_then.account_id then 'account_id' end,
            case when published_ledger.track is distinct from known_then.track then 'track' end,
            case when published_ledger.cycle_number is distinct from known_then.cycle_number then 'cycle_number' end,
            case when published_ledger.entered_at is distinct from known_then.entered_at then 'entered_at' end,
            case when published_ledger.previous_stage is distinct from known_then.previous_stage then 'previous_stage' end,
            case when published_ledger.direction is distinct from known_then.direction then 'direction' end,
            case when published_ledger.signal is distinct from known_then.signal then 'signal' end,
            case when published_ledger.record_id is distinct from known_then.record_id then 'record_id' end,
            case when published_ledger.route is distinct from known_then.route then 'route' end,
            case when published_ledger.motion is distinct from known_then.motion then 'motion' end,
            case when published_ledger.channel is distinct from known_then.channel then 'channel' end,
            case when published_ledger.campaign_id is distinct from known_then.campaign_id then 'campaign_id' end,
            case when published_ledger.region is distinct from known_then.region then 'region' end,
            case when published_ledger.industry is distinct from known_then.industry then 'industry' end,
            case when published_ledger.company_size is distinct from known_then.company_size then 'company_size' end,
            case when published_ledger.exited_at is distinct from known_then.exited_then then 'exited_at' end,
            case when published_ledger.next_stage is distinct from known_then.next_stage_then then 'next_stage' end,
            case when published_ledger.outcome is distinct from known_then.outcome_then then 'outcome' end,
            case
                when round(published_ledger.score_at_entry, 6) is distinct from round(known_then.score_at_entry, 6) then 'score_at_entry'
            end
        ) as changed_columns,
        published_ledger.entered_at as entered_at_before,
        known_then.entered_at as entered_at_after,
        published_ledger.exited_at as exited_at_before,
        known_then.exited_at as exited_at_after,
        published_ledger.signal as signal_before,
        known_then.signal as signal_after,
        published_ledger.record_id as record_id_before,
        known_then.record_id as record_id_after,
        known_then.as_of
    from published_ledger
    inner join known_then
        on published_ledger.transition_id = known_then.transition_id
),

differences as (
    select * from inserted
    union all
    select * from removed
    union all
    select * from both_known
    where changed_columns <> ''
),

-- the record that the row itself names, when it landed since, else the person's newest evidence
caused as (
    select
        differences.*,
        causes.cause_kind,
        causes.source_table as cause_table,
        causes.record_id as cause_record_id,
        causes.load_id as cause_load_id,
        causes.arrived_at as cause_arrived_at
    from differences
    left join causes
        on differences.person_id = causes.person_id
    qualify row_number() over (
            partition by differences.transition_id
            order by
                case when causes.record_id in (differences.record_id_after, differences.record_id_before) then 0 else 1 end,
                causes.kind_order asc nulls last,
                causes.arrived_at desc,
                causes.load_id asc,
                causes.record_id asc
        ) = 1
),

revised_before as (
    select
        transition_id,
        max(revision_number) as revision_number
    from published_revisions
    group by transition_id
),

numbered as (
    select
        caused.*,
        cast(coalesce(revised_before.revision_number, 0) + 1 as integer) as revision_number
    from caused
    left join revised_before
        on caused.transition_id = revised_before.transition_id
)

select
    cast(revision_id as varchar) as revision_id,
    cast(transition_id as varchar) as transition_id,
    cast(revision_number as integer) as revision_number,
    cast(person_id as varchar) as person_id,
    cast(stage as varchar) as stage,
    cast(stage_label as varchar) as stage_label,
    cast(change_kind as varchar) as change_kind,
    cast(changed_columns as varchar) as changed_columns,
    cast(entered_at_before as timestamp) as entered_at_before,
    cast(entered_at_after as timestamp) as entered_at_after,
    cast(exited_at_before as timestamp) as exited_at_before,
    cast(exited_at_after as timestamp) as exited_at_after,
    cast(signal_before as varchar) as signal_before,
    cast(signal_after as varchar) as signal_after,
    cast(cause_kind as varchar) as cause_kind,
    cast(cause_table as varchar) as cause_table,
    cast(cause_record_id as varchar) as cause_record_id,
    cast(cause_load_id as varchar) as cause_load_id,
    cast(cause_arrived_at as timestamp) as cause_arrived_at,
    cast(published_as_of as timestamp) as published_as_of,
    cast(revised_at as timestamp) as revised_at
from published_revisions

union all

select
    {{ md5_text(['transition_id', 'revision_number']) }} as revision_id,
    transition_id,
    revision_number,
    person_id,
    stage,
    stage_label,
    change_kind,
    changed_columns,
    entered_at_before,
    entered_at_after,
    exited_at_before,
    exited_at_after,
    signal_before,
    signal_after,
    coalesce(cause_kind, 'rule') as cause_kind,
    cause_table,
    cause_record_id,
    cause_load_id,
    cause_arrived_at,
    as_of as published_as_of,
    {{ as_of() }} as revised_at
from numbered

{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_consent__suppressions'}}}) }}
-- What a list or a consent record says and nobody is held to: an address that cannot be read, or a no that names nobody.
with

entries as (
    select * from {{ ref('stg_consent__suppression') }}
    where
        coalesce(valid_from <= {{ as_of() }}, true)
        and coalesce(valid_to > {{ as_of() }}, true)
),

suppressions as (
    select distinct record_id from {{ ref('int_consent__suppressions') }}
),

consent_events as (
    select * from {{ ref('int_consent__events') }}
    where effect = 'withdrawal'
)

select
    'consent.suppression' as source_table,
    entries.record_id,
    'no ' || entries.identifier_type || ' can be read from it, so it blocks and allows nobody' as problem
from entries
left join suppressions
    on entries.record_id = suppressions.record_id
where suppressions.record_id is null

union all

select distinct
    consent_events.source_table,
    consent_events.record_id,
    'the no names no address and nobody whom we know' as problem
from consent_events
where
    consent_events.person_id is null
    and consent_events.identifier_value is null

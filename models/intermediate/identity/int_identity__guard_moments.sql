{#- Since when an identifier is refused: a list refuses it from its first sighting, a steward from the decision, and a limit from
    the arrival of the name, the contact or the record that passed it. -#}
with

identifier_guards as (
    select * from {{ ref('int_identity__identifier_guards') }}
),

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

record_versions as (
    select * from {{ ref('int_identity__record_versions') }}
),

normal_names as (
    select * from {{ ref('int_identity__normal_names') }}
),

steward_decisions as (
    select * from {{ ref('int_identity__steward_decisions') }}
),

guarded as (
    select
        identifiers.record_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifier_guards.guard_reason,
        identifier_rules.max_records,
        identifier_rules.max_names,
        identifier_rules.max_contacts,
        identifiers.arrived_at
    from identifier_guards
    inner join identifiers
        on identifier_guards.identifier_type = identifiers.identifier_type
            and identifier_guards.identifier_value = identifiers.identifier_value
    inner join identifier_rules
        on identifier_guards.identifier_type = identifier_rules.identifier_type
    where not identifier_guards.is_usable
),

names as (
    select
        record_versions.record_id,
        normal_names.name_key,
        min(record_versions.arrived_at) as arrived_at
    from record_versions
    inner join normal_names
        on record_versions.person_name = normal_names.raw_name
    where normal_names.name_key is not null
    group by record_versions.record_id, normal_names.name_key
),

contacts as (
    select
        identifiers.record_id,
        identifiers.identifier_type || '|' || identifiers.identifier_value as contact
    from identifiers
    inner join identifier_rules
        on identifiers.identifier_type = identifier_rules.identifier_type
    where identifier_rules.max_per_person = 1
),

-- what counts towards the limit that was passed
counted as (
    select
        guarded.identifier_type,
        guarded.identifier_value,
        guarded.max_names as allowed,
        names.name_key as item,
        greatest(guarded.arrived_at, names.arrived_at) as arrived_at
    from guarded
    inner join names
        on guarded.record_id = names.record_id
    where guarded.guard_reason = 'too_many_names'
    union all
    select
        guarded.identifier_type,
        guarded.identifier_value,
        guarded.max_contacts as allowed,
        contacts.contact as item,
        guarded.arrived_at
    from guarded
    inner join contacts
        on guarded.record_id = contacts.record_id
    where guarded.guard_reason = 'too_many_contacts'
    union all
    select
        identifier_type,
        identifier_value,
        max_records as allowed,
        record_id as item,
        arrived_at
    from guarded
    where guard_reason = 'too_many_records'
),

first_arrivals as (
    select
        identifier_type,
        identifier_value,
        allowed,
        item,
        min(arrived_at) as arrived_at
    from counted
    group by identifier_type, identifier_value, allowed, item
),

passed as (
    select
        identifier_type,
        identifier_value,
        arrived_at as passed_at
    from first_arrivals
    qualify row_number() over (partition by identifier_type, identifier_value order by arrived_at, item) = allowed + 1
),

blocks as (
    select
        left_type as identifier_type,
        left_value as identifier_value,
        min(decided_at) as decided_at
    from steward_decisions
    where decision = 'block_identifier'
        and is_effective
    group by left_type, left_value
),

seen as (
    select
        identifier_type,
        identifier_value,
        min(guard_reason) as guard_reason,
        min(arrived_at) as first_arrived_at
    from guarded
    group by identifier_type, identifier_value
)

select
    seen.identifier_type,
    seen.identifier_value,
    case
        when seen.guard_reason = 'steward_block' then greatest(seen.first_arrived_at, blocks.decided_at)
        else coalesce(passed.passed_at, seen.first_arrived_at)
    end as guarded_since_at,
    seen.first_arrived_at
from seen
left join passed
    on seen.identifier_type = passed.identifier_type
        and seen.identifier_value = passed.identifier_value
left join blocks
    on seen.identifier_type = blocks.identifier_type
        and seen.identifier_value = blocks.identifier_value

with

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

records as (
    select * from {{ ref('int_identity__records') }}
),

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

identity_overrides as (
    select * from {{ ref('identity_overrides') }}
),

contacts as (
    select
        node_id as record_id,
        min(namespace || '|' || value) as contact_value
    from record_contacts
    group by node_id
),

members as (
    select
        identifiers.record_id,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.load_sequence,
        identifiers.load_id,
        identifier_rules.trust_rank,
        contacts.contact_value,
        row_number() over (
            partition by identifiers.identifier_type, identifiers.identifier_value
            order by
                case when contacts.contact_value is null then 1 else 0 end, identifiers.load_sequence, records.birth_order
        ) as seat
    from identifiers
    inner join identifier_rules
        on identifiers.identifier_type = identifier_rules.identifier_type
    inner join records
        on identifiers.record_id = records.record_id
    left join contacts
        on identifiers.record_id = contacts.record_id
    where identifiers.is_usable
        and identifiers.strength in ('strong', 'unique')
),

heads as (
    select * from members
    where seat = 1
),

-- A star: every record to the identifier's first one, those of a CRM contact before the others.
-- A second contact with the same address stays apart until the CRM merges the two.
shared_identifier as (
    select
        members.record_id as node_a,
        heads.record_id as node_b,
        members.trust_rank,
        members.identifier_type as link_rule,
        members.identifier_value as link_value,
        greatest(members.load_sequence, heads.load_sequence) as load_sequence,
        case when members.load_sequence >= heads.load_sequence then members.load_id else heads.load_id end as load_id
    from members
    inner join heads
        on members.identifier_type = heads.identifier_type
            and members.identifier_value = heads.identifier_value
    where members.seat > 1
        and (members.contact_value is null or members.contact_value = heads.contact_value or members.trust_rank = 1)
),

crm_objects as (
    select
        record_id,
        source_system,
        case source_table when 'crm.leads' then 'lead' else 'contact' end as object_type,
        record_key
    from records
    where source_table in ('crm.leads', 'crm.contacts')
),

merged_objects as (
    select
        losers.record_id as node_a,
        winners.record_id as node_b,
        1 as trust_rank,
        'crm_merge' as link_rule,
        crm_merges.loser_id as link_value,
        crm_merges.load_sequence,
        cast(null as varchar) as load_id
    from crm_merges
    inner join crm_objects as losers
        on crm_merges.source_system = losers.source_system
            and crm_merges.object_type = losers.object_type
            and {{ single_key('crm_merges.loser_id') }} = losers.record_key
    inner join crm_objects as winners
        on crm_merges.source_system = winners.source_system
            and crm_merges.object_type = winners.object_type
            and {{ single_key('crm_merges.next_winner_id') }} = winners.record_key
),

named_records as (
    select
        identifiers.identifier_type,
        identifiers.identifier_value,
        min_by(identifiers.record_id, records.birth_order) as record_id,
        min(identifiers.load_sequence) as load_sequence
    from identifiers
    inner join records
        on identifiers.record_id = records.record_id
    group by identifiers.identifier_type, identifiers.identifier_value
    union all
    select
        'record' as identifier_type,
        record_id as identifier_value,
        record_id,
        load_sequence
    from records
),

steward_links as (
    select
        left_records.record_id as node_a,
        right_records.record_id as node_b,
        1 as trust_rank,
        'steward' as link_rule,
        identity_overrides.decided_by as link_value,
        greatest(left_records.load_sequence, right_records.load_sequence) as load_sequence,
        cast(null as varchar) as load_id
    from identity_overrides
    inner join named_records as left_records
        on identity_overrides.left_type = left_records.identifier_type
            and identity_overrides.left_value = left_records.identifier_value
    inner join named_records as right_records
        on identity_overrides.right_type = right_records.identifier_type
            and identity_overrides.right_value = right_records.identifier_value
    where identity_overrides.decision = 'must_link'
        and cast(identity_overrides.decided_at as timestamp) <= {{ as_of() }}
)

select * from shared_identifier
union all
select * from merged_objects
union all
select * from steward_links

{{ config(materialized='nightly', key='node_a', scope_key='birth_order', scope='int_identity__region') }}

with

usable_identifiers as (
    select
        *,
        {{ arrival_order('load_sequence', 'birth_order') }} as arrival
    from {{ ref('int_identity__usable_identifiers') }}
    where {{ is_in_region('birth_order') }}
        and strength in ('strong', 'unique')
),

records as (
    select * from {{ ref('int_identity__records') }}
    where {{ is_in_region('birth_order') }}
),

record_contacts as (
    select * from {{ ref('int_identity__record_contacts') }}
    where {{ is_in_region('birth_order') }}
),

crm_merges as (
    select * from {{ ref('int_identity__crm_merges') }}
),

decision_records as (
    select * from {{ ref('int_identity__decision_records') }}
    where decision = 'must_link'
),

contacts as (
    select
        birth_order,
        min({{ key_of("namespace || '|' || value") }}) as contact_key
    from record_contacts
    group by birth_order
),

heads as (
    select
        usable_identifiers.identifier_key,
        min(usable_identifiers.arrival) as first_arrival,
        min(usable_identifiers.arrival) filter (where contacts.birth_order is not null) as first_contact_arrival
    from usable_identifiers
    left join contacts
        on usable_identifiers.birth_order = contacts.birth_order
    group by usable_identifiers.identifier_key
    having count(*) > 1
),

members as (
    select
        usable_identifiers.birth_order,
        usable_identifiers.identifier_key,
        usable_identifiers.identifier_type,
        usable_identifiers.trust_rank,
        usable_identifiers.load_sequence,
        {{ birth_order_of('coalesce(heads.first_contact_arrival, heads.first_arrival)') }} as head,
        {{ load_sequence_of('coalesce(heads.first_contact_arrival, heads.first_arrival)') }} as head_load_sequence
    from usable_identifiers
    inner join heads
        on usable_identifiers.identifier_key = heads.identifier_key
),

-- A star: every record to the identifier's first one, those of a CRM contact before the others.
-- A second contact with the same address stays apart until the CRM merges the two.
shared_identifier as (
    select
        members.birth_order as node_a,
        members.head as node_b,
        members.trust_rank,
        members.identifier_type as link_rule,
        members.identifier_key as link_key,
        cast(null as varchar) as link_value,
        greatest(members.load_sequence, members.head_load_sequence) as load_sequence
    from members
    left join contacts
        on members.birth_order = contacts.birth_order
    left join contacts as head_contacts
        on members.head = head_contacts.birth_order
    where members.birth_order <> members.head
        and (contacts.contact_key is null or contacts.contact_key = head_contacts.contact_key or members.trust_rank = 1)
),

crm_objects as (
    select
        birth_order,
        source_system,
        case source_table when 'crm.leads' then 'lead' else 'contact' end as object_type,
        record_key
    from records
    where source_table in ('crm.leads', 'crm.contacts')
),

merged_objects as (
    select
        losers.birth_order as node_a,
        winners.birth_order as node_b,
        1 as trust_rank,
        'crm_merge' as link_rule,
        cast(null as bigint) as link_key,
        crm_merges.loser_id as link_value,
        crm_merges.load_sequence
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

-- an identifier stands for the first record that showed it
named_records as (
    select
        decision_id,
        side,
        min(decided_by) as decided_by,
        min({{ arrival_order('load_sequence', 'birth_order') }}) as first_arrival
    from decision_records
    group by decision_id, side
),

steward_links as (
    select
        {{ birth_order_of('left_records.first_arrival') }} as node_a,
        {{ birth_order_of('right_records.first_arrival') }} as node_b,
        0 as trust_rank,
        'steward' as link_rule,
        cast(null as bigint) as link_key,
        left_records.decided_by as link_value,
        greatest(
            {{ load_sequence_of('left_records.first_arrival') }}, {{ load_sequence_of('right_records.first_arrival') }}
        ) as load_sequence
    from named_records as left_records
    inner join named_records as right_records
        on left_records.decision_id = right_records.decision_id
    where left_records.side = 'left'
        and right_records.side = 'right'
        and {{ is_in_region(birth_order_of('left_records.first_arrival')) }}
)

select * from shared_identifier
union all
select * from merged_objects
union all
select * from steward_links

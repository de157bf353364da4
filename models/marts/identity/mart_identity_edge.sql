{#- Every link that was considered, and the devices that speak for records without a name of their own. -#}
with

edges as (
    select * from {{ ref('int_identity__edges') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

identifiers as (
    select * from {{ ref('int_identity__identifiers') }}
),

identifier_rules as (
    select * from {{ ref('identifier_rules') }}
),

decision_records as (
    select * from {{ ref('int_identity__decision_records') }}
),

-- the records of a person that show one device; those that are somebody by themselves come first
device_seats as (
    select
        record_persons.person_id,
        record_persons.record_id,
        record_persons.link_rule,
        identifiers.identifier_type,
        identifiers.identifier_value,
        row_number() over (
            partition by record_persons.person_id, identifiers.identifier_type, identifiers.identifier_value
            order by
                case when record_persons.link_rule in ('device', 'same_device') then 1 else 0 end, record_persons.birth_order
        ) as seat
    from identifiers
    inner join record_persons
        on identifiers.record_id = record_persons.record_id
    where identifiers.is_usable
        and identifiers.strength = 'device'
),

device_links as (
    select
        device_seats.record_id as record_id_a,
        heads.record_id as record_id_b,
        device_seats.link_rule,
        device_seats.identifier_type,
        device_seats.identifier_value as link_value,
        identifier_rules.trust_rank,
        identifier_rules.strength
    from device_seats
    inner join device_seats as heads
        on device_seats.person_id = heads.person_id
            and device_seats.identifier_type = heads.identifier_type
            and device_seats.identifier_value = heads.identifier_value
            and heads.seat = 1
    inner join identifier_rules
        on device_seats.identifier_type = identifier_rules.identifier_type
    where device_seats.seat > 1
        and device_seats.link_rule in ('device', 'same_device')
),

links as (
    select
        edges.record_id_a,
        edges.record_id_b,
        edges.link_rule,
        identifier_rules.identifier_type,
        edges.link_value,
        edges.load_id,
        identifier_rules.strength,
        edges.trust_rank,
        edges.match_weight
    from edges
    left join identifier_rules
        on edges.link_rule = identifier_rules.identifier_type
    union all
    select
        record_id_a,
        record_id_b,
        link_rule,
        identifier_type,
        link_value,
        cast(null as varchar) as load_id,
        strength,
        trust_rank,
        cast(null as double) as match_weight
    from device_links
),

-- the earlier record first
ordered as (
    select
        case when persons_a.birth_order <= persons_b.birth_order then persons_a.record_id else persons_b.record_id end as record_id_a,
        case when persons_a.birth_order <= persons_b.birth_order then persons_b.record_id else persons_a.record_id end as record_id_b,
        links.link_rule,
        links.identifier_type,
        links.link_value,
        coalesce(
            links.load_id,
            case when persons_a.load_sequence >= persons_b.load_sequence then persons_a.load_id else persons_b.load_id end
        ) as load_id,
        links.strength,
        links.trust_rank,
        links.match_weight
    from links
    inner join record_persons as persons_a
        on links.record_id_a = persons_a.record_id
    inner join record_persons as persons_b
        on links.record_id_b = persons_b.record_id
),

identified as (
    select
        *,
        {{ md5_text(['record_id_a', 'record_id_b', 'link_rule', 'link_value']) }} as edge_id
    from ordered
),

single as (
    select *
    from identified
    qualify row_number() over (partition by edge_id order by trust_rank, load_id) = 1
),

sided as (
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

barred_pairs as (
    select distinct
        left_sides.person_id as person_id_a,
        right_sides.person_id as person_id_b
    from sided as left_sides
    inner join sided as right_sides
        on left_sides.decision_id = right_sides.decision_id
            and left_sides.side <> right_sides.side
),

holders_of_unique as (
    select
        record_persons.person_id,
        min(identifiers.identifier_type) as identifier_type
    from identifiers
    inner join identifier_rules
        on identifiers.identifier_type = identifier_rules.identifier_type
    inner join record_persons
        on identifiers.record_id = record_persons.record_id
    where identifier_rules.max_per_person = 1
    group by record_persons.person_id
)

select
    single.edge_id,
    single.record_id_a,
    single.record_id_b,
    persons_a.person_id as person_id_a,
    persons_b.person_id as person_id_b,
    persons_a.source_table as source_table_a,
    persons_b.source_table as source_table_b,
    single.link_rule,
    single.identifier_type,
    single.link_value,
    single.strength,
    case
        when persons_a.person_id = persons_b.person_id then null
        when barred_pairs.person_id_a is not null then 'cannot_link'
        when unique_a.person_id is not null and unique_b.person_id is not null then 'unique_identifier'
        else 'constraint'
    end as refused_because,
    single.load_id,
    single.trust_rank,
    single.match_weight,
    persons_a.person_id = persons_b.person_id as is_admitted
from single
inner join record_persons as persons_a
    on single.record_id_a = persons_a.record_id
inner join record_persons as persons_b
    on single.record_id_b = persons_b.record_id
left join barred_pairs
    on persons_a.person_id = barred_pairs.person_id_a
        and persons_b.person_id = barred_pairs.person_id_b
left join holders_of_unique as unique_a
    on persons_a.person_id = unique_a.person_id
left join holders_of_unique as unique_b
    on persons_b.person_id = unique_b.person_id

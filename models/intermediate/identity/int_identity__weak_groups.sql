{#- Which clusters may link over a weak identifier: those whose names are compatible with exactly the same names.
    So 'J Smith' links to John Smith while he is alone, and to nobody once Jane Smith shares the number. -#}
with

weak_holders as (
    select * from {{ ref('int_identity__weak_holders') }}
),

name_pairs as (
    select * from {{ ref('int_identity__name_pairs') }}
),

listed_names as (
    select * from {{ ref('int_identity__weak_names') }}
),

compatible_sets as (
    select distinct
        left_names.identifier_key,
        left_names.names_key,
        right_names.names_key as other_names_key
    from listed_names as left_names
    inner join listed_names as right_names
        on left_names.identifier_key = right_names.identifier_key
    left join name_pairs
        on left_names.name_key = name_pairs.left_name
            and right_names.name_key = name_pairs.right_name
    where left_names.name_key = right_names.name_key
        or name_pairs.is_compatible
),

name_groups as (
    select
        identifier_key,
        names_key,
        {{ text_agg('other_names_key', '&', 'other_names_key') }} as name_group
    from compatible_sets
    group by identifier_key, names_key
),

named_identities as (
    select
        identifier_key,
        count(distinct name_group) as group_count,
        min(name_group) as only_group
    from name_groups
    group by identifier_key
),

unnamed_identities as (
    select
        identifier_key,
        count(*) filter (where has_strong_identifier) as known_count
    from weak_holders
    where names_key is null
    group by identifier_key
),

seen as (
    select
        weak_holders.identifier_key,
        weak_holders.identifier_type,
        weak_holders.trust_rank,
        weak_holders.cluster,
        weak_holders.birth_order,
        weak_holders.names_key,
        weak_holders.has_strong_identifier,
        name_groups.name_group,
        named_identities.only_group,
        coalesce(named_identities.group_count, 0) as group_count,
        coalesce(unnamed_identities.known_count, 0) as known_count
    from weak_holders
    left join name_groups
        on weak_holders.identifier_key = name_groups.identifier_key
            and weak_holders.names_key = name_groups.names_key
    left join named_identities
        on weak_holders.identifier_key = named_identities.identifier_key
    left join unnamed_identities
        on weak_holders.identifier_key = unnamed_identities.identifier_key
)

select
    identifier_key,
    identifier_type,
    trust_rank,
    cluster,
    birth_order,
    case
        when names_key is not null then name_group
        -- somebody without a name is the only identity there is, or nobody
        when group_count = 1 and known_count <= 1 then only_group
        when group_count = 0 and known_count <= 1 then ''
    end as name_group
from seen

{#- Pairs of persons for a person to look at: likely ones that do not link by themselves, and links that a constraint refused. A pair that
    somebody has decided on is not shown again. -#}
with

link_scores as (
    select * from {{ ref('int_identity__link_scores') }}
),

link_evidence as (
    select * from {{ ref('int_identity__link_evidence') }}
),

edges as (
    select * from {{ ref('int_identity__edges') }}
),

record_persons as (
    select * from {{ ref('int_identity__record_persons') }}
),

person_identifiers as (
    select * from {{ ref('int_identity__person_identifiers') }}
),

identity_overrides as (
    select * from {{ ref('identity_overrides') }}
),

reasons as (
    select
        cluster_a,
        cluster_b,
        {{ text_agg(link_reason(), '; ', 'comparison_number') }} as reason
    from link_evidence
    where level >= 0
    group by cluster_a, cluster_b
),

likely as (
    select
        person_a.person_id as person_a,
        person_b.person_id as person_b,
        'probable' as review_kind,
        cast(null as varchar) as link_rule,
        cast(null as varchar) as link_value,
        cast(null as integer) as trust_rank,
        link_scores.match_weight,
        link_scores.match_probability,
        link_scores.model_version,
        reasons.reason
    from link_scores
    inner join reasons
        on link_scores.cluster_a = reasons.cluster_a
            and link_scores.cluster_b = reasons.cluster_b
    inner join record_persons as person_a
        on link_scores.cluster_a = person_a.birth_order
    inner join record_persons as person_b
        on link_scores.cluster_b = person_b.birth_order
    where person_a.person_id <> person_b.person_id
),

refused as (
    select
        person_a.person_id as person_a,
        person_b.person_id as person_b,
        'refused' as review_kind,
        edges.link_rule,
        edges.link_value,
        edges.trust_rank,
        cast(null as double) as match_weight,
        cast(null as double) as match_probability,
        cast(null as varchar) as model_version,
        edges.link_rule || ': same value, and the two persons may not be one' as reason
    from edges
    inner join record_persons as person_a
        on edges.record_id_a = person_a.record_id
    inner join record_persons as person_b
        on edges.record_id_b = person_b.record_id
    where person_a.person_id <> person_b.person_id
        and edges.match_weight is null
),

doubts as (
    select * from likely
    union all
    select * from refused
),

in_order as (
    select
        least(person_a, person_b) as person_id_a,
        greatest(person_a, person_b) as person_id_b,
        review_kind,
        link_rule,
        link_value,
        trust_rank,
        match_weight,
        match_probability,
        model_version,
        reason
    from doubts
),

strongest as (
    select
        *,
        count(*) over (partition by person_id_a, person_id_b, review_kind) as link_count
    from in_order
    qualify row_number() over (
            partition by person_id_a, person_id_b, review_kind
            order by match_weight desc nulls last, trust_rank asc nulls last, link_rule asc, link_value asc, reason asc
        ) = 1
),

-- whom a decision names: a record's person, or the persons with an identifier
named_persons as (
    select
        'record' as value_type,
        record_id as value,
        person_id
    from record_persons
    union all
    select
        identifier_type as value_type,
        identifier_value as value,
        person_id
    from person_identifiers
),

decided as (
    select distinct
        least(left_person.person_id, right_person.person_id) as person_id_a,
        greatest(left_person.person_id, right_person.person_id) as person_id_b
    from identity_overrides
    inner join named_persons as left_person
        on identity_overrides.left_type = left_person.value_type
            and identity_overrides.left_value = left_person.value
    inner join named_persons as right_person
        on identity_overrides.right_type = right_person.value_type
            and identity_overrides.right_value = right_person.value
    where identity_overrides.decision = 'cannot_link'
        and cast(identity_overrides.decided_at as timestamp) <= {{ as_of() }}
)

select
    strongest.person_id_a,
    strongest.person_id_b,
    strongest.review_kind,
    strongest.link_rule,
    strongest.link_value,
    strongest.link_count,
    strongest.match_weight,
    strongest.match_probability,
    strongest.model_version,
    strongest.reason
from strongest
left join decided
    on strongest.person_id_a = decided.person_id_a
        and strongest.person_id_b = decided.person_id_b
where decided.person_id_a is null

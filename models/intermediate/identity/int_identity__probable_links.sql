{#- The pairs that link by themselves: probable enough, with names that agree and a second piece of evidence. All others wait for a
    person, and nothing is concluded from them. -#}
with

probable_pairs as (
    select * from {{ ref('int_identity__link_scores') }}
    where match_probability >= {{ link_threshold('auto_probability') }}
),

link_evidence as (
    select * from {{ ref('int_identity__link_evidence') }}
),

judged as (
    select
        link_evidence.cluster_a,
        link_evidence.cluster_b,
        coalesce(sum(link_evidence.weight) filter (where link_evidence.evidence = 'name'), 0.0) as name_weight,
        count(*) filter (
            where link_evidence.evidence = 'contact' and link_evidence.weight >= {{ link_threshold('second_evidence_weight') }}
        ) as second_evidence_count,
        {{ text_agg(link_reason(), '; ', 'comparison_number') }} as reason
    from link_evidence
    inner join probable_pairs
        on link_evidence.cluster_a = probable_pairs.cluster_a
            and link_evidence.cluster_b = probable_pairs.cluster_b
    where link_evidence.level >= 0
    group by link_evidence.cluster_a, link_evidence.cluster_b
)

select
    probable_pairs.cluster_a,
    probable_pairs.cluster_b,
    probable_pairs.match_weight,
    probable_pairs.match_probability,
    probable_pairs.model_version,
    judged.reason
from probable_pairs
inner join judged
    on probable_pairs.cluster_a = judged.cluster_a
        and probable_pairs.cluster_b = judged.cluster_b
where judged.name_weight >= {{ link_threshold('name_weight') }}
    and judged.second_evidence_count >= {{ link_threshold('second_evidence_count') }}

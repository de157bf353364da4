{#- The pairs that link by themselves: probable enough, with names that agree and a second piece of evidence. All others wait for a
    person, and nothing is concluded from them. -#}
with

link_scores as (
    select * from {{ ref('int_identity__link_scores') }}
),

link_evidence as (
    select * from {{ ref('int_identity__link_evidence') }}
),

judged as (
    select
        cluster_a,
        cluster_b,
        coalesce(sum(weight) filter (where evidence = 'name'), 0.0) as name_weight,
        count(*) filter (
            where evidence = 'contact' and weight >= {{ link_threshold('second_evidence_weight') }}
        ) as second_evidence_count,
        {{ text_agg(link_reason(), '; ', 'comparison_number') }} as reason
    from link_evidence
    where level >= 0
    group by cluster_a, cluster_b
)

select
    link_scores.cluster_a,
    link_scores.cluster_b,
    link_scores.match_weight,
    link_scores.match_probability,
    link_scores.model_version,
    judged.reason
from link_scores
inner join judged
    on link_scores.cluster_a = judged.cluster_a
        and link_scores.cluster_b = judged.cluster_b
where link_scores.match_probability >= {{ link_threshold('auto_probability') }}
    and judged.name_weight >= {{ link_threshold('name_weight') }}
    and judged.second_evidence_count >= {{ link_threshold('second_evidence_count') }}

{#- Records whose person may be another tonight: the region, and the neighbourhoods that a probable link now joins to it.
    Empty on a full night. -#}
with

region as (
    select * from {{ ref('int_identity__region') }}
),

probable_links as (
    select * from {{ ref('int_identity__probable_links') }}
)

{%- set before = identity_relation('int_identity__neighbourhoods') if execute else none %}
{%- if night_is_delta() and before is not none %},

neighbourhoods as (
    select * from {{ before }}
),

both_ways as (
    select
        cluster_a as from_cluster,
        cluster_b as to_cluster
    from probable_links
    union all
    select
        cluster_b as from_cluster,
        cluster_a as to_cluster
    from probable_links
),

joined_neighbourhoods as (
    select distinct neighbourhoods.neighbourhood_id
    from both_ways
    inner join region
        on both_ways.from_cluster = region.birth_order
    inner join neighbourhoods
        on both_ways.to_cluster = neighbourhoods.birth_order
)

select neighbourhoods.birth_order
from neighbourhoods
inner join joined_neighbourhoods
    on neighbourhoods.neighbourhood_id = joined_neighbourhoods.neighbourhood_id
union
select birth_order from region
{%- else %}

select region.birth_order
from region
left join probable_links
    on region.birth_order = probable_links.cluster_a
where false
{%- endif %}

select
    cast(null as bigint) as cluster_a,
    cast(null as bigint) as cluster_b,
    cast(null as double) as match_weight,
    cast(null as double) as match_probability
where false

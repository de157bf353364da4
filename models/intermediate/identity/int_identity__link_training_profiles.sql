{#- What training learns from: one profile per record, so that the many pairs that exact links have long joined show how one person's
    two records differ. A view: it costs nothing until somebody trains. -#}
{{ config(materialized='view') }}
with

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
),

members as (
    select
        birth_order as cluster_id,
        record_id
    from cluster_records
),

{{ link_profiles_from_members() }}

{#- What scoring compares: one profile per cluster of records that the exact links have joined. -#}
{{ config(materialized='nightly', key='cluster_id', scope='int_identity__link_changes') }}
-- depends_on: {{ ref('int_identity__link_changes') }}
with

cluster_records as (
    select * from {{ ref('int_identity__cluster_records') }}
),

members as (
    select
        cluster_id,
        record_id
    from cluster_records
    {%- if is_delta() %}
        where cluster_id in (select changes.cluster_id from {{ ref('int_identity__link_changes') }} as changes)
    {%- endif %}
),

{{ link_profiles_from_members() }}

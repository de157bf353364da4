{#- One branch per person-bearing table: see person_tables. -#}
{{ config(materialized='nightly', key='birth_order') }}

with

records as (
    select * from {{ ref('int_identity__records') }}
),

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

{% for person_table in person_tables() %}
{{ person_table.source }}_{{ person_table.table }} as (
    select
        _record_id as record_id,
        '{{ person_table.source }}.{{ person_table.table }}' as source_table,
        _source_system as source_system,
        _arrived_at as arrived_at,
        _load_sequence as load_sequence,
        {{ person_table.event_time }} as event_at,
        {{ person_table.get('version_time', 'cast(null as timestamp)') }} as updated_at,
        _source_row as source_row,
        {{ person_table.get('lead', 'cast(null as varchar)') }} as lead_id,
        {{ person_table.get('contact', 'cast(null as varchar)') }} as contact_id,
        {{ person_table.get('crm_account', 'cast(null as varchar)') }} as crm_account_id,
        {{ person_table.get('registration', 'cast(null as varchar)') }} as registration_id,
        coalesce({{ person_table.get('deleted', 'false') }}, false) as is_deleted,
        {%- for column in person_columns() %}
        {% if column in person_table.get('has_only', person_columns()) -%}
            {{ blank_to_null('cast(' ~ column ~ ' as varchar)') }}
        {%- else -%}
            cast(null as varchar)
        {%- endif %} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ source(person_table.source, person_table.table) }}
    where {{ is_landed_tonight() }}
),
{% endfor %}

all_versions as (
    {%- for person_table in person_tables() %}
    select * from {{ person_table.source }}_{{ person_table.table }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

landed as (
    select
        all_versions.*,
        records.birth_order,
        country_aliases.country_code,
        coalesce(
            all_versions.full_name,
            {{ blank_to_null("coalesce(all_versions.first_name, '') || ' ' || coalesce(all_versions.last_name, '')") }}
        ) as person_name
    from all_versions
    inner join records
        on all_versions.record_id = records.record_id
    left join country_aliases
        on lower(all_versions.country) = country_aliases.alias
),

versions as (
    select {{ version_columns() | join(', ') }} from landed
    union all
    select {{ version_columns('known.') | join(', ') }}
    from {{ last_night('int_identity__record_versions', version_types()) }} as known
    where known.birth_order in (select landed.birth_order from landed)
),

{#- Nearly every record has one version, and needs no sorting. #}
revised as (
    select birth_order
    from versions
    group by birth_order
    having count(*) > 1
),

only_versions as (
    select
        versions.*,
        cast(1 as bigint) as version_number
    from versions
    left join revised
        on versions.birth_order = revised.birth_order
    where revised.birth_order is null
),

ordered_versions as (
    select
        versions.*,
        row_number() over (
            partition by versions.birth_order
            order by versions.arrived_at, versions.load_sequence, versions.updated_at nulls first, versions.source_row
        ) as version_number
    from versions
    inner join revised
        on versions.birth_order = revised.birth_order
),

numbered as (
    select * from only_versions
    union all
    select * from ordered_versions
)

select
    *,
    case when version_number = 1 then event_at else coalesce(updated_at, event_at) end as observed_at
from numbered

{#- One branch per person-bearing table: see person_tables. -#}
with

{% for person_table in person_tables() %}
{{ person_table.source }}_{{ person_table.table }} as (
    select
        _record_id as record_id,
        '{{ person_table.source }}.{{ person_table.table }}' as source_table,
        _source_system as source_system,
        _record_key as record_key,
        _arrived_at as arrived_at,
        _load_sequence as load_sequence,
        _load_id as load_id,
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
            {{ blank_to_null(column) }}
        {%- else -%}
            cast(null as varchar)
        {%- endif %} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ source(person_table.source, person_table.table) }}
    where _arrived_at <= {{ as_of() }}
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

numbered as (
    select
        *,
        row_number() over (
            partition by record_id
            order by arrived_at, load_sequence, updated_at nulls first, source_row
        ) as version_number
    from all_versions
),

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

with_country as (
    select
        numbered.*,
        country_aliases.country_code
    from numbered
    left join country_aliases
        on lower(numbered.country) = country_aliases.alias
)

select
    record_id,
    source_table,
    source_system,
    record_key,
    version_number,
    load_sequence,
    load_id,
    lead_id,
    contact_id,
    crm_account_id,
    registration_id,
    {%- for column in person_columns() %}
    {{ column }},
    {%- endfor %}
    country_code,
    coalesce(full_name, {{ blank_to_null("coalesce(first_name, '') || ' ' || coalesce(last_name, '')") }}) as person_name,
    is_deleted,
    arrived_at,
    case when version_number = 1 then event_at else coalesce(updated_at, event_at) end as observed_at
from with_country

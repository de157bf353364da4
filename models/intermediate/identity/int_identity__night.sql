{#- Which part of identity this night resolves: see macros/identity/night.sql. The rules that are seeds are named here, so that
    building what follows from one of them passes by here. -#}
-- depends_on: {{ ref('identifier_rules') }}, {{ ref('blocked_values') }}, {{ ref('blocked_names') }}, {{ ref('role_mailboxes') }}
-- depends_on: {{ ref('disposable_domains') }}, {{ ref('free_mail_domains') }}, {{ ref('email_provider_rules') }}
-- depends_on: {{ ref('email_typo_domains') }}, {{ ref('calling_codes') }}, {{ ref('country_aliases') }}, {{ ref('character_folds') }}
-- depends_on: {{ ref('name_rules') }}, {{ ref('name_titles') }}, {{ ref('nicknames') }}, {{ ref('digit_runs') }}
-- depends_on: {{ ref('identity_overrides') }}, {{ ref('survivorship') }}
{%- set state = none %}
{%- set began = none %}
{%- if execute %}
    {%- set state_relation = identity_relation('int_identity__night_state') %}
    {%- set night_relation = identity_relation('int_identity__night') %}
    {%- if state_relation is not none %}
        {%- set state = (run_query('select * from ' ~ state_relation).rows | list | first) %}
    {%- endif %}
    {%- if night_relation is not none %}
        {%- set began = (run_query('select * from ' ~ night_relation).rows | list | first) %}
    {%- endif %}
{%- endif %}
{%- set since_load_sequence = state['load_sequence'] if state else -1 %}
{%- set since_as_of = "timestamp '" ~ state['as_of'] ~ "'" if state else "timestamp '1970-01-01'" %}
{%- set rules_text = identity_rules_text() %}
with

{#- Every raw table that identity reads. #}
{%- set tables = [('engagement', 'interactions'), ('crm', 'opportunities'), ('crm', 'opportunity_contacts'), ('crm', 'orders'), ('crm', 'merges')] %}
{%- for person_table in person_tables() %}
    {%- do tables.append((person_table.source, person_table.table)) %}
{%- endfor %}

counted as (
    {%- for source_name, table_name in tables %}
        select
            max(_load_sequence) as load_sequence,
            count(*) as row_count,
            count(*) filter (where _load_sequence <= {{ since_load_sequence }} and _arrived_at <= {{ since_as_of }}) as known_count,
            count(*) filter (where _load_sequence <= {{ since_load_sequence }} and _arrived_at > {{ since_as_of }}) as late_count
        from {{ source(source_name, table_name) }}
        where _arrived_at <= {{ as_of() }}
        {%- if not loop.last %}
        union all
        {%- endif %}
    {%- endfor %}
),

landed as (
    select
        coalesce(max(load_sequence), 0) as load_sequence,
        sum(row_count) as row_count,
        sum(known_count) as known_count,
        sum(late_count) as late_count
    from counted
),

-- a file that was loaded once more may say something else with the same number of rows
replaced as (
    select count(*) as replaced_loads
    from {{ source('ops', 'loads') }}
    where status = 'replaced'
),

judged as (
    select
        landed.*,
        replaced.replaced_loads,
        {{ as_of() }} as as_of,
        case
            {% if not state -%}
                when true then 'first night'
            {%- else -%}
                {% if flags.FULL_REFRESH -%}
                    when true then 'asked for'
                {% endif -%}
                {% if state['night_number'] != began['night_number'] -%}
                    when true then 'the last night did not end'
                {% endif -%}
                {% if state['rules_text'] != rules_text -%}
                    when true then 'the rules have changed'
                {% endif -%}
                when {{ as_of() }} < {{ since_as_of }} then 'it looks further back than the last night'
                when late_count > 0 then 'rows loaded before the last night arrived after it'
                when known_count <> {{ state['row_count'] }} then 'rows known last night are gone'
                when replaced_loads <> {{ state.dict().get('replaced_loads', -1) }} then 'files were loaded once more'
            {%- endif %}
        end as full_because
    from landed
    cross join replaced
)

select
    {{ [state['night_number'] if state else 0, began['night_number'] if began else 0] | max + 1 }} as night_number,
    full_because is null as is_delta,
    full_because,
    '{{ rules_text }}' as rules_text,
    as_of,
    cast(case when full_because is null then {{ since_load_sequence }} else -1 end as bigint) as since_load_sequence,
    load_sequence,
    row_count,
    replaced_loads
from judged

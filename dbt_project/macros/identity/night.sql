{#-
    Nights of identity: full or delta.

    A delta night resolves again only what landed can touch; a full night resolves everything. Both leave the same rows.
    int_identity__night decides which of the two this night is, int_identity__night_state remembers the last one that ended.
    Models of a night are `materialized='nightly'` (kept from night to night) or plain tables (this night's region only).
-#}
{% macro night_is_delta() %}
    {#- asked for at parsing too, so that whoever reads the night is built after it #}
    {% do ref('int_identity__night') %}
    {% if not execute %}
        {{ return(false) }}
    {% endif %}
    {% set night = identity_relation('int_identity__night') %}
    {% if night is none %}
        {{ return(false) }}
    {% endif %}
    {{ return(run_query('select is_delta from ' ~ night).columns[0].values()[0]) }}
{% endmacro %}


{#- Whether this model keeps what it has and replaces only its part of the night. -#}
{% macro is_delta() %}
    {% set has_delta_night = night_is_delta() %}
    {{ return(execute and load_cached_relation(this) is not none and has_delta_night) }}
{% endmacro %}


{#- A condition that keeps rows landed since the last night. -#}
{% macro is_landed_tonight() -%}
    _arrived_at <= {{ as_of() }}
    {%- if is_delta() %}
    and _load_sequence > {{ run_query('select since_load_sequence from ' ~ identity_relation('int_identity__night')).columns[0].values()[0] }}
    {%- endif %}
{%- endmacro %}


{#- Conditions that keep the records of the night: those with new rows, those that are resolved again, those whose person may change. -#}
{% macro is_changed(column) -%}
    {{ is_in_scope(column, ref('int_identity__changed_records')) }}
{%- endmacro %}


{% macro is_in_region(column) -%}
    {{ is_in_scope(column, ref('int_identity__region')) }}
{%- endmacro %}


{% macro is_in_person_region(column) -%}
    {{ is_in_scope(column, ref('int_identity__person_region')) }}
{%- endmacro %}


{% macro is_touched(column) -%}
    {{ is_in_scope(column, ref('int_identity__touched_identifiers'), 'identifier_key') }}
{%- endmacro %}


{% macro is_in_scope(column, scope, key='birth_order') -%}
    {% if night_is_delta() -%}
        {{ column }} in (select scope.{{ key }} from {{ scope }} as scope)
    {%- else -%}
        true
    {%- endif %}
{%- endmacro %}


{#- A table as the night before left it, of this model or of one that is built after it; no rows on a full night.
    columns: {name: type} of what is read of it. -#}
{% macro last_night(name, columns) -%}
    {{ rows_or_none(identity_relation(name) if night_is_delta() else none, columns) }}
{%- endmacro %}


{#- What this model's table holds, on a full night too. -#}
{% macro kept_rows(columns) -%}
    {{ rows_or_none(load_cached_relation(this) if execute else none, columns) }}
{%- endmacro %}


{% macro rows_or_none(relation, columns) -%}
    {%- if relation -%}
        {{ relation }}
    {%- else -%}
        (select {% for column, type in columns.items() %}cast(null as {{ type }}) as {{ column }}{{ ', ' if not loop.last }}{% endfor %} where false)
    {%- endif -%}
{%- endmacro %}


{#- A model's table, without depending on it; none where it has not been built. -#}
{% macro identity_relation(name) %}
    {% set schema = generate_schema_name('intermediate', none) | trim %}
    {{ return(adapter.get_relation(database=target.database, schema=schema, identifier=name)) }}
{% endmacro %}


{#- Text of all the rules that identity follows: its models, its seeds and its switches. A steward's decisions are not among them,
    since they touch only what they name. -#}
{% macro identity_rules_text() %}
    {% set parts = [] %}
    {% if execute %}
        {% for node in graph.nodes.values() %}
            {% if node.resource_type in ['model', 'seed'] and ('identity' in node.fqn or 'hygiene' in node.fqn or node.name.startswith('link_')) and node.name != 'identity_overrides' %}
                {% do parts.append(node.name ~ '=' ~ node.checksum.checksum) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% for name in ['identity_max_merge_hops', 'identity_probable_links'] %}
        {% do parts.append(name ~ '=' ~ var(name, '')) %}
    {% endfor %}
    {{ return(local_md5(parts | sort | join('|'))) }}
{% endmacro %}

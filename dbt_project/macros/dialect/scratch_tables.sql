{#- Names of the temporary tables that begin with a text. -#}
{% macro scratch_tables(prefix) %}
    {{ return(adapter.dispatch('scratch_tables', 'leadrelay')(prefix)) }}
{% endmacro %}

{% macro default__scratch_tables(prefix) %}
    {{ return(run_query(
        "select table_name from duckdb_tables() where temporary and starts_with(table_name, '" ~ prefix ~ "') order by table_name"
    ).columns[0].values() | list) }}
{% endmacro %}

{% macro spark__scratch_tables(prefix) %}
    {{ return(run_query("show tables like '" ~ prefix ~ "*'").columns[1].values() | list) }}
{% endmacro %}

{#- Run statements one after another and return the result of the last one. A round trip per statement costs more than most of them. -#}
{% macro run_statements(statements) %}
    {{ return(adapter.dispatch('run_statements', 'leadrelay')(statements)) }}
{% endmacro %}

{% macro default__run_statements(statements) %}
    {{ return(run_query(statements | join(';\n'))) }}
{% endmacro %}

{% macro spark__run_statements(statements) %}
    {% set last = namespace(result=none) %}
    {% for statement in statements %}
        {% set last.result = run_query(statement) %}
    {% endfor %}
    {{ return(last.result) }}
{% endmacro %}

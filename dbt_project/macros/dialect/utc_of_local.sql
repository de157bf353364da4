{#- A moment of the local clock of an IANA time zone, as UTC; daylight saving included. -#}
{% macro utc_of_local(moment, time_zone) -%}
    {{ adapter.dispatch('utc_of_local', 'leadrelay')(moment, time_zone) }}
{%- endmacro %}

{% macro default__utc_of_local(moment, time_zone) -%}
    timezone('UTC', timezone({{ time_zone }}, {{ moment }}))
{%- endmacro %}

{% macro spark__utc_of_local(moment, time_zone) -%}
    to_utc_timestamp({{ moment }}, {{ time_zone }})
{%- endmacro %}

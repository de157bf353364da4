{#- The date that a clock in an IANA time zone shows at a moment in UTC; daylight saving included. -#}
{% macro local_day(moment, time_zone) -%}
    {{ adapter.dispatch('local_day', 'leadrelay')(moment, time_zone) }}
{%- endmacro %}

{#- A zone that comes from a column is looked up for each row, at the price of a sort; UTC needs no look. -#}
{% macro default__local_day(moment, time_zone) -%}
    case
        when {{ time_zone }} = 'UTC' then cast({{ moment }} as date)
        else cast(timezone({{ time_zone }}, timezone('UTC', {{ moment }})) as date)
    end
{%- endmacro %}

{% macro spark__local_day(moment, time_zone) -%}
    cast(from_utc_timestamp({{ moment }}, {{ time_zone }}) as date)
{%- endmacro %}

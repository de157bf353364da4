{#- Characters replaced one by one where the text has any beyond ASCII; plain texts, nearly all of them, pass untouched.
    Building the map is what costs, so texts of one script get that script's map only, and the long one of traditional characters stands
    only where the text has one of them (benchmarks/normalise.py).

    A condition on the folded text is worked out by folding once more; so group by the raw text before setting one. -#}
{% macro fold_characters(text, kinds) -%}
    {%- set traditional = traditional_characters() if 'traditional' in kinds else '' -%}
    case
        when not {{ regexp_matches(text, "'[^ -~]'") }} then {{ text }}
        {%- if traditional %}
            when not {{ regexp_matches(text, "'[" ~ traditional ~ "]'") }}
                then {{ fold_characters(text, kinds | reject('equalto', 'traditional') | list) }}
        {%- endif %}
        when not {{ regexp_matches(text, "'[^ -~\\p{Han}]'") }}
            then {{ translate_kinds(text, kinds | select('in', ['traditional', 'digit']) | list) }}
        when not {{ regexp_matches(text, "'[^ -~\\x{00C0}-\\x{024F}]'") }}
            then {{ translate_kinds(text, kinds | select('in', ['accent']) | list) }}
        else {{ translate_kinds(text, kinds) }}
    end
{%- endmacro %}


{% macro translate_kinds(text, kinds) -%}
    {%- for kind in kinds %}translate({% endfor -%}
    {{ text }}
    {%- for kind in kinds %}, character_maps.{{ kind }}_from, character_maps.{{ kind }}_to){% endfor %}
{%- endmacro %}


{#- The traditional characters of the seed in one text, for a pattern that has to be written out to be quick; empty where the seed
    has not been loaded. It decides how a text is folded, never to what. -#}
{% macro traditional_characters() %}
    {%- if not execute %}
        {{ return('') }}
    {%- endif %}
    {%- set schema = generate_schema_name('seeds', none) | trim %}
    {%- set seed = adapter.get_relation(database=target.database, schema=schema, identifier='character_folds') %}
    {%- if seed is none %}
        {{ return('') }}
    {%- endif %}
    {%- set found = run_query(
        'select ' ~ text_agg('from_character', '', 'from_character') ~ ' as characters from ' ~ seed ~ " where kind = 'traditional'"
    ) %}
    {{ return(found.columns[0].values()[0] or '') }}
{% endmacro %}

{#-
    A table kept from night to night.

    On a full night it is built anew. On a delta night the model's SQL returns the rows of tonight's part only; they take the place of
    what stood there, in one transaction, so that a run that dies leaves the old rows.

    config `key`: column that says which rows belong together.
    config `scope`: model that lists the keys of the night's part, in its column `scope_key` (default: of the same name); without it
    the part is what the SQL returns.
-#}
{% materialization nightly, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set key = config.require('key') -%}
    {%- set scope = config.get('scope') -%}
    {%- set scope_key = config.get('scope_key', key) -%}

    {% if existing_relation is not none and existing_relation.is_table and night_is_delta() %}
        {%- set fresh = this.identifier ~ '__tonight' -%}
        {{ run_hooks(pre_hooks) }}
        {% do run_query('drop table if exists ' ~ fresh) %}
        {% do run_query('create temporary table ' ~ fresh ~ ' as ' ~ sql) %}
        {% call statement('main') -%}
            delete from {{ target_relation }}
            where {{ key }} in (select part.{{ scope_key }} from {{ ref(scope) if scope else fresh }} as part);
            insert into {{ target_relation }} by name select * from {{ fresh }};
        {%- endcall %}
        {% do run_query('drop table if exists ' ~ fresh) %}
        {{ run_hooks(post_hooks) }}
        {{ adapter.commit() }}
    {% else %}
        {{ run_hooks(pre_hooks) }}
        {{ replace_table(target_relation, sql) }}
        {{ run_hooks(post_hooks) }}
        {{ adapter.commit() }}
    {% endif %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

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
        {%- set new_relation = make_intermediate_relation(target_relation) -%}
        {%- set old_relation = make_backup_relation(target_relation, 'table') -%}
        {{ drop_relation_if_exists(load_cached_relation(new_relation)) }}
        {{ drop_relation_if_exists(load_cached_relation(old_relation)) }}
        {{ run_hooks(pre_hooks) }}
        {% call statement('main') -%}
            {{ create_table_as(False, new_relation, sql) }}
        {%- endcall %}
        {% if existing_relation is not none %}
            {{ adapter.rename_relation(existing_relation, old_relation) }}
        {% endif %}
        {{ adapter.rename_relation(new_relation, target_relation) }}
        {% do persist_docs(target_relation, model) %}
        {{ run_hooks(post_hooks) }}
        {{ adapter.commit() }}
        {{ drop_relation_if_exists(old_relation) }}
    {% endif %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

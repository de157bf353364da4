{#-
    A table (node_id, component_id, is_conflicted) from a query over edges.

    The model's SQL returns node_a, node_b (texts) and trust_rank (integer, 1 = most trusted). `component_id` is the smallest
    node_id of the component: a pure function of the edges. Nodes without an edge are not listed.

    config `unique_values`: name of a model (node_id, namespace, value). Two different values of one namespace never share a
    component: where they would, the links of that component are re-admitted rank by rank, the most trusted first, and a rank
    whose links would bring two values together is left out there. No order of rows plays a part.
-#}
{% materialization components, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set new_relation = make_intermediate_relation(target_relation) -%}
    {%- set old_relation = make_backup_relation(target_relation, 'table') -%}
    {%- set unique_values = config.get('unique_values') -%}
    {%- set p = 'components_' ~ model['alias'] -%}

    {{ drop_relation_if_exists(load_cached_relation(new_relation)) }}
    {{ drop_relation_if_exists(load_cached_relation(old_relation)) }}
    {{ run_hooks(pre_hooks) }}

    {% do drop_component_tables(p) %}
    {% do number_nodes(p, sql) %}
    {% set rounds = contract_edges(p, p ~ '_all') %}
    {% do run_query('create temporary table ' ~ p ~ '_final as select node, label, false as is_conflicted from ' ~ p ~ '_label') %}
    {% if unique_values %}
        {% do split_conflicts(p, ref(unique_values)) %}
    {% endif %}

    {% call statement('main') -%}
        {{ create_table_as(False, new_relation, components_result_sql(p)) }}
    {%- endcall %}

    {% do drop_component_tables(p) %}
    {% if existing_relation is not none %}
        {{ adapter.rename_relation(existing_relation, old_relation) }}
    {% endif %}
    {{ adapter.rename_relation(new_relation, target_relation) }}
    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ drop_relation_if_exists(old_relation) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro drop_component_tables(p) %}
    {% set names = [] %}
    {% for suffix in [
        '_node', '_all', '_final', '_label', '_edge', '_edge_next', '_root', '_root_next', '_ranked', '_unique', '_open', '_now', '_try',
        '_bad', '_now_next', '_final_next', '_try_label', '_try_edge'
    ] %}
        {% do names.append(p ~ suffix) %}
    {% endfor %}
    {% do drop_scratch_tables(names) %}
{% endmacro %}


{#- Texts become dense integers in text order, so that the smallest number is the smallest text. -#}
{% macro number_nodes(p, edge_sql) %}
    {% do run_query('create temporary table ' ~ p ~ '_ranked as ' ~ edge_sql) %}
    {% set nodes %}
        create temporary table {{ p }}_node as
        with named as (
            select node_a as node_id from {{ p }}_ranked
            union
            select node_b as node_id from {{ p }}_ranked
        )

        select
            node_id,
            row_number() over (order by node_id) as node
        from named
    {% endset %}
    {% do run_query(nodes) %}
    {% set edges %}
        create temporary table {{ p }}_all as
        select
            node_of_a.node as node_a,
            node_of_b.node as node_b,
            edge.trust_rank
        from {{ p }}_ranked as edge
        inner join {{ p }}_node as node_of_a
            on edge.node_a = node_of_a.node_id
        inner join {{ p }}_node as node_of_b
            on edge.node_b = node_of_b.node_id
    {% endset %}
    {% do run_query(edges) %}
    {% do drop_scratch_tables([p ~ '_ranked']) %}
{% endmacro %}


{% macro components_result_sql(p) %}
    select
        node.node_id,
        anchor.node_id as component_id,
        coalesce(final.is_conflicted, false) as is_conflicted
    from {{ p }}_node as node
    left join {{ p }}_final as final
        on node.node = final.node
    inner join {{ p }}_node as anchor
        on coalesce(final.label, node.node) = anchor.node
{% endmacro %}


{#- Components in which a namespace shows two values: take them apart and re-admit their links rank by rank. -#}
{% macro split_conflicts(p, unique_relation) %}
    {% set unique_sql %}
        create temporary table {{ p }}_unique as
        select distinct
            node.node,
            unique_value.namespace,
            unique_value.value
        from {{ unique_relation }} as unique_value
        inner join {{ p }}_node as node
            on unique_value.node_id = node.node_id
    {% endset %}
    {% do run_query(unique_sql) %}
    {% set open_sql %}
        create temporary table {{ p }}_open as
        with conflicted as (
            select final.label
            from {{ p }}_final as final
            inner join {{ p }}_unique as unique_value
                on final.node = unique_value.node
            group by final.label, unique_value.namespace
            having count(distinct unique_value.value) > 1
        )

        select final.node
        from {{ p }}_final as final
        where final.label in (select conflicted.label from conflicted)
    {% endset %}
    {% do run_query(open_sql) %}
    {% set open_count = run_query('select count(*) as node_count from ' ~ p ~ '_open').columns[0].values()[0] %}
    {% if open_count > 0 %}
        {% do run_query('create temporary table ' ~ p ~ '_now as select node, node as label from ' ~ p ~ '_open') %}
        {% set ranks = run_query(
            'select distinct edge.trust_rank from ' ~ p ~ '_all as edge inner join ' ~ p
            ~ '_open as opened on edge.node_a = opened.node order by edge.trust_rank'
        ).columns[0].values() %}
        {% for rank in ranks %}
            {% do admit_rank(p, rank) %}
        {% endfor %}
        {% do drop_scratch_tables([p ~ '_final_next']) %}
        {% set final_sql %}
            create temporary table {{ p }}_final_next as
            select
                final.node,
                coalesce(now.label, final.label) as label,
                now.node is not null as is_conflicted
            from {{ p }}_final as final
            left join {{ p }}_now as now
                on final.node = now.node
        {% endset %}
        {% do run_query(final_sql) %}
        {% do drop_scratch_tables([p ~ '_final']) %}
        {% do run_query('alter table ' ~ p ~ '_final_next rename to ' ~ p ~ '_final') %}
    {% endif %}
{% endmacro %}


{#- Try all links of one rank between what stands now; keep a joined component unless it brings two values together. -#}
{% macro admit_rank(p, rank) %}
    {% do drop_scratch_tables([p ~ '_try', p ~ '_bad', p ~ '_now_next']) %}
    {% set try_sql %}
        create temporary table {{ p }}_try as
        select
            now_a.label as node_a,
            now_b.label as node_b
        from {{ p }}_all as edge
        inner join {{ p }}_now as now_a
            on edge.node_a = now_a.node
        inner join {{ p }}_now as now_b
            on edge.node_b = now_b.node
        where edge.trust_rank = {{ rank }}
    {% endset %}
    {% do run_query(try_sql) %}
    {% do contract_edges(p ~ '_try', p ~ '_try') %}
    {% set bad_sql %}
        create temporary table {{ p }}_bad as
        select distinct try_label.label
        from {{ p }}_now as now
        inner join {{ p }}_try_label as try_label
            on now.label = try_label.node
        inner join {{ p }}_unique as unique_value
            on now.node = unique_value.node
        group by try_label.label, unique_value.namespace
        having count(distinct unique_value.value) > 1
    {% endset %}
    {% do run_query(bad_sql) %}
    {% set now_sql %}
        create temporary table {{ p }}_now_next as
        select
            now.node,
            case
                when try_label.label is null or bad.label is not null then now.label
                else try_label.label
            end as label
        from {{ p }}_now as now
        left join {{ p }}_try_label as try_label
            on now.label = try_label.node
        left join {{ p }}_bad as bad
            on try_label.label = bad.label
    {% endset %}
    {% do run_query(now_sql) %}
    {% do drop_scratch_tables([p ~ '_now', p ~ '_try', p ~ '_try_label', p ~ '_bad']) %}
    {% do run_query('alter table ' ~ p ~ '_now_next rename to ' ~ p ~ '_now') %}
{% endmacro %}

{#-
    A table (node, component, is_conflicted) from a query over edges.

    The model's SQL returns node_a, node_b (bigint) and trust_rank (integer, 0 = most trusted). `component` is the smallest node
    of the component: a pure function of the edges. Nodes without an edge are not listed.

    config `unique_values`: name of a model (node, namespace, value). Two different values of one namespace never share a
    component. Where they would, the component's links are admitted again rank by rank, the most trusted first. A rank whose links
    would bring two values together is shared out: nodes without a value go with the nearest one that has, the older of two equally
    near, and then the parts join pair by pair wherever they may. No order of rows plays a role.
-#}
{% materialization components, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set unique_values = config.get('unique_values') -%}
    {%- set p = 'components_' ~ model['alias'] -%}

    {{ run_hooks(pre_hooks) }}

    {% do drop_component_tables(p) %}
    {% set opening = [
        'create temporary table ' ~ p ~ '_all as ' ~ sql, 'create temporary table ' ~ p ~ '_now (node bigint, label bigint)'
    ] %}
    {% if count_after(opening, p ~ '_all') == 0 %}
        {% do run_query('create temporary table ' ~ p ~ '_label (node bigint, label bigint)') %}
    {% else %}
        {% do contract_edges(p, p ~ '_all') %}
        {% if unique_values %}
            {% do split_conflicts(p, ref(unique_values)) %}
        {% endif %}
    {% endif %}

    {{ replace_table(target_relation, components_result_sql(p)) }}

    {% do drop_component_tables(p) %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- Whatever a run that died, or this one, has left under the prefix. -#}
{% macro drop_component_tables(p) %}
    {% do drop_scratch_tables(scratch_tables(p ~ '_')) %}
{% endmacro %}


{#- `_now` holds the nodes of components that were taken apart; a component is named by its smallest node in the end. -#}
{% macro components_result_sql(p) %}
    with labelled as (
        select
            label_table.node,
            coalesce(now_table.label, label_table.label) as label,
            now_table.node is not null as is_conflicted
        from {{ p }}_label as label_table
        left join {{ p }}_now as now_table
            on label_table.node = now_table.node
    )

    select
        node,
        case when is_conflicted then min(node) over (partition by is_conflicted, label) else label end as component,
        is_conflicted
    from labelled
{% endmacro %}


{#- Components in which a namespace shows two values: take them apart and admit their links again rank by rank. -#}
{% macro split_conflicts(p, unique_relation) %}
    {% do run_query(
        'create temporary table ' ~ p ~ '_unique as select distinct node, namespace, value from ' ~ unique_relation
    ) %}
    {% do drop_scratch_tables([p ~ '_now']) %}
    {% set open_sql %}
        create temporary table {{ p }}_now as
        with valued as (
            select
                label_table.label,
                unique_value.namespace,
                min(unique_value.value) as least_value,
                max(unique_value.value) as greatest_value
            from {{ p }}_label as label_table
            inner join {{ p }}_unique as unique_value
                on label_table.node = unique_value.node
            group by label_table.label, unique_value.namespace
        )

        select
            label_table.node,
            label_table.node as label
        from {{ p }}_label as label_table
        where label_table.label in (select valued.label from valued where valued.least_value <> valued.greatest_value)
    {% endset %}
    {% do run_query(open_sql) %}
    {% set ranks = run_query(
        'select distinct edge.trust_rank from ' ~ p ~ '_all as edge inner join ' ~ p
        ~ '_now as now_table on edge.node_a = now_table.node order by edge.trust_rank'
    ).columns[0].values() %}
    {% for rank in ranks %}
        {% do admit_rank(p, rank) %}
    {% endfor %}
{% endmacro %}


{#- Try all links of one rank between what stands now. What joins without a conflict is joined; the rest is shared out. -#}
{% macro admit_rank(p, rank) %}
    {% do drop_scratch_tables([p ~ '_try', p ~ '_bad', p ~ '_value', p ~ '_part', p ~ '_join']) %}
    {% set try_sql %}
        create temporary table {{ p }}_try as
        select distinct
            least(now_a.label, now_b.label) as node_a,
            greatest(now_a.label, now_b.label) as node_b
        from {{ p }}_all as edge
        inner join {{ p }}_now as now_a
            on edge.node_a = now_a.node
        inner join {{ p }}_now as now_b
            on edge.node_b = now_b.node
        where edge.trust_rank = {{ rank }}
            and now_a.label <> now_b.label
    {% endset %}
    {% if count_after([try_sql], p ~ '_try') > 0 %}
        {% do contract_edges(p ~ '_try', p ~ '_try') %}
        {% do share_out(p) %}
        {% set parts_sql %}
            create temporary table {{ p }}_join as
            select
                try_label.node as label,
                coalesce(part.part, try_label.label) as new_label
            from {{ p }}_try_label as try_label
            left join {{ p }}_part as part
                on try_label.node = part.node
        {% endset %}
        {% do run_statements([parts_sql, relabelling(p ~ '_now', 'label', p ~ '_join')]) %}
    {% endif %}
    {% do drop_scratch_tables([p ~ '_try', p ~ '_try_label', p ~ '_bad', p ~ '_part', p ~ '_value', p ~ '_join']) %}
{% endmacro %}


{#- `<p>_part` (node, part): how the nodes of the conflicting components go together. -#}
{% macro share_out(p) %}
    {% set value_sql %}
        create temporary table {{ p }}_value as
        select distinct
            now_table.label,
            unique_value.namespace,
            unique_value.value
        from {{ p }}_now as now_table
        inner join {{ p }}_unique as unique_value
            on now_table.node = unique_value.node
    {% endset %}
    {% set bad_sql %}
        create temporary table {{ p }}_bad as
        select distinct try_label.label
        from {{ p }}_try_label as try_label
        inner join {{ p }}_value as unique_value
            on try_label.node = unique_value.label
        group by try_label.label, unique_value.namespace
        having count(distinct unique_value.value) > 1
    {% endset %}
    {% set start_sql %}
        create temporary table {{ p }}_part as
        select
            try_label.node,
            case when try_label.node in (select unique_value.label from {{ p }}_value as unique_value) then try_label.node end as part
        from {{ p }}_try_label as try_label
        inner join {{ p }}_bad as bad
            on try_label.label = bad.label
    {% endset %}
    {% if count_after([value_sql, bad_sql, start_sql], p ~ '_part') > 0 %}
        {% do reach_from_valued_nodes(p) %}
        {% do join_where_allowed(p) %}
    {% endif %}
{% endmacro %}


{#- A step further in each round; of two parts that reach a node in one round, the older has it. -#}
{% macro reach_from_valued_nodes(p) %}
    {% set counter = namespace(is_open=true) %}
    {% for _ in range(10000) %}{% if counter.is_open %}
        {% set reach_sql %}
            create or replace temporary table {{ p }}_reach as
            with both_ways as (
                select node_a as node, node_b as neighbour from {{ p }}_try
                union all
                select node_b as node, node_a as neighbour from {{ p }}_try
            )

            select
                open_part.node as label,
                min(reached_part.part) as new_label
            from {{ p }}_part as open_part
            inner join both_ways
                on open_part.node = both_ways.node
            inner join {{ p }}_part as reached_part
                on both_ways.neighbour = reached_part.node
            where open_part.part is null
                and reached_part.part is not null
            group by open_part.node
        {% endset %}
        {% if count_after([reach_sql], p ~ '_reach') == 0 %}
            {% set counter.is_open = false %}
        {% else %}
            {% do run_query(
                'update ' ~ p ~ '_part as open_part set part = reach.new_label from ' ~ p ~ '_reach as reach where open_part.node = reach.label'
            ) %}
        {% endif %}
    {% endif %}{% endfor %}
    {% do drop_scratch_tables([p ~ '_reach']) %}
{% endmacro %}


{#- Parts that touch and share no namespace with two values join, each with its oldest choice where the choice is mutual. The oldest
    part left with a choice and its oldest choice always are, so every round joins at least two. -#}
{% macro join_where_allowed(p) %}
    {% set counter = namespace(is_open=true) %}
    {% for _ in range(10000) %}{% if counter.is_open %}
        {% set pair_sql %}
            create or replace temporary table {{ p }}_pair as
            with part_values as (
                select distinct
                    part.part,
                    unique_value.namespace,
                    unique_value.value
                from {{ p }}_part as part
                inner join {{ p }}_value as unique_value
                    on part.node = unique_value.label
            ),

            touching as (
                select distinct
                    least(part_a.part, part_b.part) as part_a,
                    greatest(part_a.part, part_b.part) as part_b
                from {{ p }}_try as edge
                inner join {{ p }}_part as part_a
                    on edge.node_a = part_a.node
                inner join {{ p }}_part as part_b
                    on edge.node_b = part_b.node
                where part_a.part <> part_b.part
            ),

            refused as (
                select distinct
                    touching.part_a,
                    touching.part_b
                from touching
                inner join part_values as values_a
                    on touching.part_a = values_a.part
                inner join part_values as values_b
                    on touching.part_b = values_b.part
                        and values_a.namespace = values_b.namespace
                        and values_a.value <> values_b.value
            ),

            allowed as (
                select
                    touching.part_a,
                    touching.part_b
                from touching
                left join refused
                    on touching.part_a = refused.part_a
                        and touching.part_b = refused.part_b
                where refused.part_a is null
            ),

            choices as (
                select
                    part_a as part,
                    part_b as other_part
                from allowed
                union all
                select
                    part_b as part,
                    part_a as other_part
                from allowed
            ),

            oldest_choices as (
                select
                    part,
                    min(other_part) as other_part
                from choices
                group by part
            )

            select
                one_side.other_part as label,
                one_side.part as new_label
            from oldest_choices as one_side
            inner join oldest_choices as other_side
                on one_side.other_part = other_side.part
                    and one_side.part = other_side.other_part
            where one_side.part < one_side.other_part
        {% endset %}
        {% if count_after([pair_sql], p ~ '_pair') == 0 %}
            {% set counter.is_open = false %}
        {% else %}
            {% do run_query(relabelling(p ~ '_part', 'part', p ~ '_pair')) %}
        {% endif %}
    {% endif %}{% endfor %}
    {% do drop_scratch_tables([p ~ '_pair']) %}
{% endmacro %}


{#- The statement that replaces the labels in a column by those of `renames` (label, new_label). -#}
{% macro relabelling(table, column, renames) %}
    {{ return(
        'update ' ~ table ~ ' as target_table set ' ~ column ~ ' = renames.new_label from ' ~ renames
        ~ ' as renames where target_table.' ~ column ~ ' = renames.label'
    ) }}
{% endmacro %}

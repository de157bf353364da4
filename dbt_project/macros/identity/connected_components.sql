{#-
    Connected components by randomised contraction (Boegeholz, Brand and Todor 2020, arXiv 1802.09478).

    Invariant of a round: every node points at the neighbour (or itself) that comes first in that round's order, so a node only ever
    moves inside its own component; edges between nodes that still differ are what is left to do. The order is a hash that changes
    with the round, which is why no order of ids (a device hopped in time order) can make it slow. The first two rounds take the
    smallest node itself: links are mostly stars around the earliest record, which that contracts at once. Exact whatever the order is.

    contract_edges(prefix, edges): `edges` names a table (node_a, node_b) of integers. Leaves `<prefix>_label` (node, label):
    the smallest node of its component for every node that has an edge. Its other tables are dropped at start and end.
-#}
{% macro contract_edges(prefix, edges) %}
    {% set limit = 200 %}
    {% do drop_scratch_tables([prefix ~ '_label', prefix ~ '_edge_0']) %}
    {% set start %}
        create temporary table {{ prefix }}_edge_0 as
        select distinct
            least(node_a, node_b) as node_a,
            greatest(node_a, node_b) as node_b
        from {{ edges }}
        where node_a <> node_b
    {% endset %}
    {% set counter = namespace(round=0, edges=count_after([start], prefix ~ '_edge_0')) %}
    {% for _ in range(limit) %}
        {% if counter.edges > 0 %}
            {#- a statement costs more than the work on a few edges: then several rounds go in one, the last of them for nothing #}
            {% set last = counter.round + (1 if counter.edges > 10000 else 3) %}
            {% set steps = [] %}
            {% for round in range(counter.round, last) %}
                {% do steps.extend(contraction_steps(prefix, round)) %}
            {% endfor %}
            {% set counter.edges = count_after(steps, prefix ~ '_edge_' ~ last) %}
            {% set counter.round = last %}
        {% endif %}
    {% endfor %}
    {% if counter.edges > 0 %}
        {{ exceptions.raise_compiler_error('connected components: edges left after ' ~ limit ~ ' rounds') }}
    {% endif %}
    {% do run_statements(composition_steps(prefix, counter.round) + ['drop table ' ~ prefix ~ '_edge_' ~ counter.round]) %}
    {{ return(counter.round) }}
{% endmacro %}


{#- Run statements, then count the rows of a table. -#}
{% macro count_after(statements, table) %}
    {{ return(run_statements(statements + ['select count(*) as row_count from ' ~ table]).columns[0].values()[0]) }}
{% endmacro %}


{#- The statements of one round: choose each node's representative, then move the edges to the representatives. -#}
{% macro contraction_steps(prefix, round) %}
    {% set step %}
        create or replace temporary table {{ prefix }}_step_{{ round }} as
        with both_ways as (
            select node_a as node, node_b as neighbour from {{ prefix }}_edge_{{ round }}
            union all
            select node_b as node, node_a as neighbour from {{ prefix }}_edge_{{ round }}
        )
        {% if round < 2 %}
        select
            node,
            least(node, min(neighbour)) as representative
        from both_ways
        group by node
        {% else %}
        , nearest as (
            select
                node,
                min({{ spread_hash('neighbour', round) }}) as lowest_hash,
                min_by(neighbour, {{ spread_hash('neighbour', round) }}) as lowest_neighbour
            from both_ways
            group by node
        )

        select
            node,
            case
                when lowest_hash < {{ spread_hash('node', round) }} then lowest_neighbour
                else node
            end as representative
        from nearest
        {% endif %}
    {% endset %}
    {% set move %}
        create or replace temporary table {{ prefix }}_edge_{{ round + 1 }} as
        select distinct
            least(step_a.representative, step_b.representative) as node_a,
            greatest(step_a.representative, step_b.representative) as node_b
        from {{ prefix }}_edge_{{ round }} as edge
        inner join {{ prefix }}_step_{{ round }} as step_a
            on edge.node_a = step_a.node
        inner join {{ prefix }}_step_{{ round }} as step_b
            on edge.node_b = step_b.node
        where step_a.representative <> step_b.representative
    {% endset %}
    {{ return([step, move, 'drop table ' ~ prefix ~ '_edge_' ~ round]) }}
{% endmacro %}


{#- The statements that compose the rounds from the last, smallest one backwards, then name each component by its smallest node. -#}
{% macro composition_steps(prefix, round_count) %}
    {% if round_count == 0 %}
        {{ return(['create or replace temporary table ' ~ prefix ~ '_label (node bigint, label bigint)']) }}
    {% endif %}
    {% set statements = [] %}
    {% set root = namespace(table=prefix ~ '_step_' ~ (round_count - 1)) %}
    {% for round in range(round_count - 2, -1, -1) %}
        {% set composed %}
            create or replace temporary table {{ prefix }}_root_{{ round }} as
            select
                step.node,
                coalesce(root.representative, step.representative) as representative
            from {{ prefix }}_step_{{ round }} as step
            left join {{ root.table }} as root
                on step.representative = root.node
        {% endset %}
        {% do statements.extend([composed, 'drop table ' ~ prefix ~ '_step_' ~ round, 'drop table ' ~ root.table]) %}
        {% set root.table = prefix ~ '_root_' ~ round %}
    {% endfor %}
    {% set labels %}
        create or replace temporary table {{ prefix }}_label as
        with smallest as (
            select
                representative,
                min(node) as label
            from {{ root.table }}
            group by representative
        )

        select
            root.node,
            smallest.label
        from {{ root.table }} as root
        inner join smallest
            on root.representative = smallest.representative
    {% endset %}
    {{ return(statements + [labels, 'drop table ' ~ root.table]) }}
{% endmacro %}


{% macro drop_scratch_tables(names) %}
    {% if names %}
        {% do run_query('drop table if exists ' ~ names | join('; drop table if exists ')) %}
    {% endif %}
{% endmacro %}

{#-
    Connected components by randomised contraction (Boegeholz, Brand and Todor 2020, arXiv 1802.09478).

    Invariant of a round: every node points at the neighbour (or itself) with the smallest hash of that round, so a node only
    ever moves inside its own component; edges between nodes that still differ are what is left to do. The hash changes with the
    round, which is why no order of ids (a device hopped in time order) can make it slow. Exact whatever the hash is.

    contract_edges(prefix, edges): `edges` names a table (node_a, node_b) of integers. Leaves `<prefix>_label` (node, label):
    the smallest node of its component for every node that has an edge. Its other tables are dropped at start and end.
-#}
{% macro contract_edges(prefix, edges) %}
    {% set limit = 200 %}
    {% do drop_scratch_tables([prefix ~ '_label', prefix ~ '_edge']) %}
    {% do run_query(
        'create temporary table ' ~ prefix ~ '_edge as '
        ~ 'select distinct least(node_a, node_b) as node_a, greatest(node_a, node_b) as node_b from ' ~ edges
        ~ ' where node_a <> node_b'
    ) %}
    {% set counter = namespace(round=0, is_open=true) %}
    {% for _ in range(limit) %}
        {% if counter.is_open %}
            {% set left_over = scratch_count(prefix ~ '_edge') %}
            {% if left_over == 0 %}
                {% set counter.is_open = false %}
            {% else %}
                {% do contract_round(prefix, counter.round) %}
                {% set counter.round = counter.round + 1 %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% if counter.is_open %}
        {{ exceptions.raise_compiler_error('connected components: edges left after ' ~ limit ~ ' rounds') }}
    {% endif %}
    {% do compose_rounds(prefix, counter.round) %}
    {{ return(counter.round) }}
{% endmacro %}


{#- One round: choose each node's representative, then move the edges to the representatives. -#}
{% macro contract_round(prefix, round) %}
    {% do drop_scratch_tables([prefix ~ '_step_' ~ round, prefix ~ '_edge_next']) %}
    {% set steps %}
        create temporary table {{ prefix }}_step_{{ round }} as
        with both_ways as (
            select node_a as node, node_b as neighbour from {{ prefix }}_edge
            union all
            select node_b as node, node_a as neighbour from {{ prefix }}_edge
        ),

        nearest as (
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
    {% endset %}
    {% do run_query(steps) %}
    {% set edges %}
        create temporary table {{ prefix }}_edge_next as
        select distinct
            least(step_a.representative, step_b.representative) as node_a,
            greatest(step_a.representative, step_b.representative) as node_b
        from {{ prefix }}_edge as edge
        inner join {{ prefix }}_step_{{ round }} as step_a
            on edge.node_a = step_a.node
        inner join {{ prefix }}_step_{{ round }} as step_b
            on edge.node_b = step_b.node
        where step_a.representative <> step_b.representative
    {% endset %}
    {% do run_query(edges) %}
    {% do drop_scratch_tables([prefix ~ '_edge']) %}
    {% do run_query('alter table ' ~ prefix ~ '_edge_next rename to ' ~ prefix ~ '_edge') %}
{% endmacro %}


{#- Compose the rounds from the last, smallest one backwards; then name each component by its smallest node. -#}
{% macro compose_rounds(prefix, round_count) %}
    {% do drop_scratch_tables([prefix ~ '_root', prefix ~ '_root_next', prefix ~ '_edge']) %}
    {% do run_query('create temporary table ' ~ prefix ~ '_root (node bigint, representative bigint)') %}
    {% for step in range(round_count) %}
        {% set round = round_count - 1 - step %}
        {% set composed %}
            create temporary table {{ prefix }}_root_next as
            select
                step.node,
                coalesce(root.representative, step.representative) as representative
            from {{ prefix }}_step_{{ round }} as step
            left join {{ prefix }}_root as root
                on step.representative = root.node
        {% endset %}
        {% do run_query(composed) %}
        {% do drop_scratch_tables([prefix ~ '_root', prefix ~ '_step_' ~ round]) %}
        {% do run_query('alter table ' ~ prefix ~ '_root_next rename to ' ~ prefix ~ '_root') %}
    {% endfor %}
    {% set labels %}
        create temporary table {{ prefix }}_label as
        with smallest as (
            select
                representative,
                min(node) as label
            from {{ prefix }}_root
            group by representative
        )

        select
            root.node,
            smallest.label
        from {{ prefix }}_root as root
        inner join smallest
            on root.representative = smallest.representative
    {% endset %}
    {% do run_query(labels) %}
    {% do drop_scratch_tables([prefix ~ '_root']) %}
{% endmacro %}


{% macro drop_scratch_tables(names) %}
    {% for name in names %}
        {% do run_query('drop table if exists ' ~ name) %}
    {% endfor %}
{% endmacro %}

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
    {% do drop_scratch_tables([prefix ~ '_label', prefix ~ '_edge_0']) %}
    {% do run_query(
        'create temporary table ' ~ prefix ~ '_edge_0 as '
        ~ 'select distinct least(node_a, node_b) as node_a, greatest(node_a, node_b) as node_b from ' ~ edges
        ~ ' where node_a <> node_b'
    ) %}
    {% set counter = namespace(round=0, is_open=scratch_count(prefix ~ '_edge_0') > 0) %}
    {% for _ in range(limit) %}
        {% if counter.is_open %}
            {% do contract_round(prefix, counter.round) %}
            {% set counter.round = counter.round + 1 %}
            {% set counter.is_open = scratch_count(prefix ~ '_edge_' ~ counter.round) > 0 %}
        {% endif %}
    {% endfor %}
    {% if counter.is_open %}
        {{ exceptions.raise_compiler_error('connected components: edges left after ' ~ limit ~ ' rounds') }}
    {% endif %}
    {% do compose_rounds(prefix, counter.round) %}
    {% do drop_scratch_tables([prefix ~ '_edge_' ~ counter.round]) %}
    {{ return(counter.round) }}
{% endmacro %}


{#- One round: choose each node's representative, then move the edges to the representatives. -#}
{% macro contract_round(prefix, round) %}
    {% set steps %}
        create or replace temporary table {{ prefix }}_step_{{ round }} as
        with both_ways as (
            select node_a as node, node_b as neighbour from {{ prefix }}_edge_{{ round }}
            union all
            select node_b as node, node_a as neighbour from {{ prefix }}_edge_{{ round }}
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
    {% do run_query(edges) %}
    {% do drop_scratch_tables([prefix ~ '_edge_' ~ round]) %}
{% endmacro %}


{#- Compose the rounds from the last, smallest one backwards; then name each component by its smallest node. A round's table is composed
    in place of the one before it. -#}
{% macro compose_rounds(prefix, round_count) %}
    {% for step in range(round_count - 1) %}
        {% set round = round_count - 2 - step %}
        {% set composed %}
            create or replace temporary table {{ prefix }}_root_{{ round }} as
            select
                step.node,
                coalesce(root.representative, step.representative) as representative
            from {{ prefix }}_step_{{ round }} as step
            left join {{ prefix }}_{{ 'step' if step == 0 else 'root' }}_{{ round + 1 }} as root
                on step.representative = root.node
        {% endset %}
        {% do run_query(composed) %}
        {% do drop_scratch_tables([prefix ~ '_step_' ~ round, prefix ~ '_' ~ ('step' if step == 0 else 'root') ~ '_' ~ (round + 1)]) %}
    {% endfor %}
    {% if round_count == 0 %}
        {% do run_query('create or replace temporary table ' ~ prefix ~ '_label (node bigint, label bigint)') %}
    {% else %}
        {% set root = prefix ~ ('_step_0' if round_count == 1 else '_root_0') %}
        {% set labels %}
            create or replace temporary table {{ prefix }}_label as
            with smallest as (
                select
                    representative,
                    min(node) as label
                from {{ root }}
                group by representative
            )

            select
                root.node,
                smallest.label
            from {{ root }} as root
            inner join smallest
                on root.representative = smallest.representative
        {% endset %}
        {% do run_query(labels) %}
        {% do drop_scratch_tables([root]) %}
    {% endif %}
{% endmacro %}


{% macro drop_scratch_tables(names) %}
    {% if names %}
        {% do run_query('drop table if exists ' ~ names | join('; drop table if exists ')) %}
    {% endif %}
{% endmacro %}

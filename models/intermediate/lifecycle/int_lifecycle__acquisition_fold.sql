{#-
    The stage after every event, without recursion.

    For each rank v: a person stands at v or above (on_v) when the last advance to v or more is later than the last EFFECTIVE
    return below v. A return is effective when the rank that it needs is held just before it. If it needs v or less, then
    on_v before it already says so; if it needs more, the higher rank has been decided before: hence from the top down.
    A lapse acts on one rank alone, so it also asks that the rank above is not held; at a rank above that one it never acts.
    on_v implies on_(v-1), so the stage is the number of ranks that are on.

    Most people only ever rise. Theirs is the highest rank so far, which one pass finds; the levels are for the others.
-#}
{%- set levels = var('lifecycle_rank_levels') | int(9) -%}

with

events as (
    select * from {{ ref('int_lifecycle__acquisition_events') }}
),

fallen as (
    select distinct person_id
    from events
    where kind <> 'advance'
),

risen as (
    select
        events.*,
        coalesce(max(events.up_rank) over before_it, 0) as rank_before,
        max(events.up_rank) over so_far as rank_after
    from events
    where events.person_id not in (select fallen.person_id from fallen)
    window
        so_far as (partition by events.person_id order by events.event_number rows between unbounded preceding and current row),
        before_it as (partition by events.person_id order by events.event_number rows between unbounded preceding and 1 preceding)
),

level_{{ levels + 1 }} as (
    select * from events
    where person_id in (select fallen.person_id from fallen)
),

{% for rank in range(levels, 0, -1) -%}
{%- set return_acts -%}
(
            down_rank < {{ rank }}
            and case
                when needed_rank <= {{ rank }} then true
                {%- for higher in range(rank + 1, levels + 1) %}
                when needed_rank = {{ higher }} then was_on_{{ higher }}
                {%- endfor %}
                else false
            end
            and case
                when highest_rank is null then true
                {%- for higher in range(rank, levels) %}
                when highest_rank = {{ higher }} then not was_on_{{ higher + 1 }}
                {%- endfor %}
                else highest_rank = {{ levels }}
            end
        )
{%- endset -%}
level_{{ rank }} as (
    select
        *,
        coalesce(max(case when up_rank >= {{ rank }} then event_number end) over so_far, 0)
        > coalesce(max(case when {{ return_acts }} then event_number end) over so_far, 0) as is_on_{{ rank }},
        coalesce(max(case when up_rank >= {{ rank }} then event_number end) over before_it, 0)
        > coalesce(max(case when {{ return_acts }} then event_number end) over before_it, 0) as was_on_{{ rank }}
    from level_{{ rank + 1 }}
    window
        so_far as (partition by person_id order by event_number rows between unbounded preceding and current row),
        before_it as (partition by person_id order by event_number rows between unbounded preceding and 1 preceding)
){{ "," if not loop.last }}

{% endfor -%}

select
    person_id,
    occurred_at,
    stated_at,
    is_date_only,
    event_number,
    signal,
    kind,
    route,
    record_id,
    source_table,
    is_rejection,
    up_rank,
    down_rank,
    needed_rank,
    highest_rank,
    {% for rank in range(1, levels + 1) -%}
    cast(was_on_{{ rank }} as integer){{ " + " if not loop.last }}
    {%- endfor %} as rank_before,
    {% for rank in range(1, levels + 1) -%}
    cast(is_on_{{ rank }} as integer){{ " + " if not loop.last }}
    {%- endfor %} as rank_after
from level_1

union all

select
    person_id,
    occurred_at,
    stated_at,
    is_date_only,
    event_number,
    signal,
    kind,
    route,
    record_id,
    source_table,
    is_rejection,
    up_rank,
    down_rank,
    needed_rank,
    highest_rank,
    cast(rank_before as integer) as rank_before,
    cast(rank_after as integer) as rank_after
from risen

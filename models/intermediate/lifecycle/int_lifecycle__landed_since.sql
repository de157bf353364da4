{#- The raw tables whose rows can change a ledger; event: when the row's fact happened. -#}
{%- set tables = [
    {'source': 'forms', 'table': 'submissions', 'event': 'submitted_at'},
    {'source': 'events', 'table': 'registrations', 'event': 'registered_at'},
    {'source': 'events', 'table': 'attendance', 'event': 'checked_in_at'},
    {'source': 'webinars', 'table': 'registrations', 'event': 'registered_at'},
    {'source': 'webinars', 'table': 'attendance', 'event': 'joined_at'},
    {'source': 'engagement', 'table': 'interactions', 'event': 'occurred_at'},
    {'source': 'consent', 'table': 'events', 'event': 'occurred_at'},
    {'source': 'crm', 'table': 'leads', 'event': 'created_at', 'deleted': 'is_deleted'},
    {'source': 'crm', 'table': 'contacts', 'event': 'created_at', 'deleted': 'is_deleted'},
    {'source': 'crm', 'table': 'status_history', 'event': 'changed_at'},
    {'source': 'crm', 'table': 'opportunities', 'event': 'created_at', 'deleted': 'is_deleted'},
    {'source': 'crm', 'table': 'opportunity_history', 'event': 'changed_at'},
    {'source': 'crm', 'table': 'opportunity_contacts', 'event': 'added_at'},
    {'source': 'crm', 'table': 'orders', 'event': 'ordered_at', 'deleted': 'is_deleted'},
    {'source': 'crm', 'table': 'activities', 'event': 'occurred_at', 'deleted': 'is_deleted'},
    {'source': 'crm', 'table': 'merges', 'event': 'merged_at'},
] -%}

with

published_night as (
    select * from {{ source('ops', 'published_night') }}
),

{% for part in tables %}
    {{ part.source }}_{{ part.table }} as (
        select
            raw_rows._record_id as record_id,
            '{{ part.source }}.{{ part.table }}' as source_table,
            raw_rows._load_id as load_id,
            raw_rows._arrived_at as arrived_at,
            cast(raw_rows.{{ part.event }} as timestamp) as occurred_at,
            {% if part.deleted %}coalesce(raw_rows.{{ part.deleted }}, false){% else %}false{% endif %} as is_deleted
        from {{ source(part.source, part.table) }} as raw_rows
        inner join published_night
            on raw_rows._arrived_at > published_night.as_of
        where raw_rows._arrived_at <= {{ as_of() }}
    ),

    {{ part.source }}_{{ part.table }}_known as (
        select distinct raw_rows._record_id as record_id
        from {{ source(part.source, part.table) }} as raw_rows
        inner join published_night
            on raw_rows._arrived_at <= published_night.as_of
        inner join {{ part.source }}_{{ part.table }} as landed
            on raw_rows._record_id = landed.record_id
    ),
{% endfor %}

landed as (
    {%- for part in tables %}
        select
            landed.*,
            known.record_id is not null as is_known_record
        from {{ part.source }}_{{ part.table }} as landed
        left join {{ part.source }}_{{ part.table }}_known as known
            on landed.record_id = known.record_id
        {%- if not loop.last %}

            union all
        {%- endif %}
    {%- endfor %}
)

select
    record_id,
    source_table,
    load_id,
    arrived_at,
    occurred_at,
    is_deleted,
    is_known_record
from landed
-- of several versions that landed since, the last one
qualify row_number() over (partition by record_id order by arrived_at desc, load_id desc) = 1

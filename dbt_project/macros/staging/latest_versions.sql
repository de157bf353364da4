{#- The latest version of each record of a raw table, as of the moment the models look back from.

    relation: a raw table, as source(...) gives it; version_column: its column that orders versions that arrive
    together (updated_at), if it has one. Gives the raw columns and the lineage columns that staging shows.

    Nearly every record has one version, and a window over whole rows keeps them all in memory. So only the ids are
    grouped, the window sees the few revised records, and the rest streams through. The table is read three times on
    purpose: a CTE in its place would be held in memory with all its columns. Measured on 32 columns, 3 % of the records
    revised, two threads of a shared machine, a limit of 2 GB, most of the time being the writing of the table:
    2M rows 10 to 12 s and 1.0 GB, a window over all rows 12 to 14 s and all of the 2 GB, that CTE 16 to 24 s and all of
    the 2 GB; 10M rows 87 to 95 s of processor time (66 and 130 s on the clock), a window 139 to 157 s (123 and 136 s),
    both with all of the 2 GB. -#}
{% macro latest_versions(relation, version_column=none) -%}
    with

    revised_records as (
        select
            _record_id,
            count(*) as version_count
        from {{ relation }}
        where _arrived_at <= {{ as_of() }}
        group by _record_id
        having count(*) > 1
    ),

    only_versions as (
        select
            version.*,
            version._arrived_at as first_arrived_at,
            version._load_sequence as load_sequence,
            cast(1 as bigint) as version_count
        from {{ relation }} as version
        where
            version._arrived_at <= {{ as_of() }}
            and not exists (
                select revised_records._record_id
                from revised_records
                where revised_records._record_id = version._record_id
            )
    ),

    latest_of_revised as (
        select
            version.*,
            first_value(version._arrived_at) over version_order as first_arrived_at,
            first_value(version._load_sequence) over version_order as load_sequence,
            revised_records.version_count
        from {{ relation }} as version
        inner join revised_records
            on version._record_id = revised_records._record_id
        where version._arrived_at <= {{ as_of() }}
        window version_order as (
            partition by version._record_id
            order by
                version._arrived_at asc nulls first,
                version._load_sequence asc nulls first,
                {% if version_column %}version.{{ version_column }} asc nulls first,{% endif %}
                version._source_row asc nulls first
        )
        qualify row_number() over version_order = revised_records.version_count
    ),

    latest as (
        select * from only_versions
        union all
        select * from latest_of_revised
    )

    select
        *,
        _record_id as record_id,
        _record_key as record_key,
        _source_system as source_system,
        _is_date_only as is_date_only,
        _arrived_at as arrived_at
    from latest
{%- endmacro %}

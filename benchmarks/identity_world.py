"""Raw rows of people with known truth, made by DuckDB itself: five million take a minute, no row passes through Python.

What belongs here: what people leave behind, skewed and soiled as real traffic is: aliases, typos, shared mailboxes, switchboards,
placeholders, kiosks, family devices, duplicates in the CRM and their merges. What does not: measuring (`identity`).
Every draw is a function of the row's number, so a world of the same size is the same world on the same engine.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.ingest.contract import load_contract
from orchestration.ingest.warehouse import prepare, write_as_of
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import qualified, quote_literal

NIGHTS = 20
RECORDS_PER_PERSON = 4
FIRST_NIGHT = datetime(2025, 1, 1)  # noqa: DTZ001 (UTC without zone, as the raw columns)
PERSON_TABLES = (
    "forms__submissions",
    "crm__leads",
    "crm__contacts",
    "events__registrations",
    "webinars__registrations",
    "engagement__interactions",
)

# One hash of one number: a hash of two arguments gives draws that follow each other.
_HELPERS = """
create or replace temporary macro part(number, salt) as (hash(number * 64 + salt) >> 11) / 9007199254740992.0;
create or replace temporary macro pick(number, salt, many) as cast(floor(part(number, salt) * many) as bigint);
create or replace temporary macro often(number, salt, many, skew) as cast(floor(pow(part(number, salt), skew) * many) as bigint);
create or replace temporary macro syllable(k) as
    substr('karimosatelupinodavegafihuboxejunyrwiclesp', 1 + 2 * cast(k % 21 as bigint), 2);
create or replace temporary macro word3(k) as syllable(k) || syllable(k // 21) || syllable(k // 441);
create or replace temporary macro word4(k) as word3(k) || syllable(k // 9261);
create or replace temporary macro family_name(k) as substr('王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗', 1 + cast(k % 20 as bigint), 1);
create or replace temporary macro given_name(k) as
    substr('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰文建国红', 1 + cast(k % 30 as bigint), 1)
    || case when k % 3 > 0 then substr('志海晓春天宇思雨佳梦子轩浩然欣怡', 1 + cast(k // 30 % 16 as bigint), 1) else '' end;
"""

# Skew: a fifth writes in Chinese; few companies hold most people; one in fifty shares a device at home.
_PERSONS = """
create or replace temporary table person as
with drawn as (
    select
        number as person,
        part(number, 1) < 0.2 as is_chinese,
        word3(often(number, 2, 900, 1.5)) as latin_first,
        word4(often(number, 3, 40000, 2)) as latin_last,
        family_name(often(number, 4, 20, 1.5)) as chinese_family,
        given_name(pick(number, 5, 1440)) as chinese_given,
        often(number, 6, $companies, 2) as company,
        -- numbers of one kind are all different: the factor shares no divisor with the size of the space
        number * 829348951 % 1000000000 as nine_digits,
        number * 29348951 % 100000000 as eight_digits,
        part(number, 7) < 0.2 as has_wechat,
        part(number, 8) < 0.02 as has_family_device
    from (select unnest(range($first_person, $last_person)) as number)
)

select
    person,
    is_chinese,
    case when is_chinese then chinese_family else latin_last end as last_name,
    case when is_chinese then chinese_given else latin_first end as first_name,
    company,
    latin_first || '.' || latin_last || person || '@' || word3(company) || company || case when is_chinese then '.cn' else '.de' end
        as work_email,
    latin_first || latin_last || person || case when is_chinese then '@qq.com' else '@gmail.com' end as own_email,
    case
        when is_chinese then '138' || lpad(cast(eight_digits as varchar), 8, '0')
        else '+4915' || lpad(cast(nine_digits as varchar), 9, '0')
    end as phone,
    -- one switchboard a company
    '+4930' || lpad(cast(20000000 + company % 70000000 as varchar), 8, '0') as switchboard,
    case when has_wechat then 'wx' || md5(cast(person as varchar)) end as openid,
    has_family_device
from drawn
"""

_ROWS = """
create or replace temporary table made as
with drawn as (
    select
        number,
        part(number, 10) as kind,
        case
            when part(number, 12) < $share_of_new_persons then $first_new_person + pick(number, 11, $new_persons)
            else often(number, 11, $old_persons, 1.3)
        end as person,
        part(number, 13) as email_draw,
        part(number, 14) as phone_draw,
        part(number, 15) as device_draw,
        part(number, 16) as name_draw,
        part(number, 17) as openid_draw,
        part(number, 18) as contact_draw,
        part(number, 19) as slip_draw,
        often(number, 20, 3, 2) as device_number,
        $first_night + pick(number, 21, $nights) as night,
        pick(number, 22, 80000) as seconds
    from (select unnest(range($first_row, $last_row)) as number)
),

kinds as (
    select
        *,
        case
            when kind < 0.38 then 'forms__submissions'
            when kind < 0.53 then 'crm__leads'
            when kind < 0.63 then 'crm__contacts'
            when kind < 0.75 then 'events__registrations'
            when kind < 0.85 then 'webinars__registrations'
            else 'engagement__interactions'
        end as raw_table,
        kind >= 0.85 as is_touch,
        kind >= 0.93 as is_visitor
    from drawn
),

shown as (
    select
        kinds.*,
        person.first_name,
        person.last_name,
        person.is_chinese,
        person.company,
        case
            when kinds.is_visitor then null
            when kinds.is_touch and kinds.email_draw > 0.2 then null
            when kinds.email_draw < 0.5 then person.work_email
            when kinds.email_draw < 0.65 then person.own_email
            when kinds.email_draw < 0.66 then 'info@' || split_part(person.work_email, '@', 2)
        end as email,
        case
            when kinds.is_touch then null
            when kinds.phone_draw < 0.35 then person.phone
            when kinds.phone_draw < 0.39 then person.switchboard
            when kinds.phone_draw < 0.393 then '000-0000-0000'
        end as phone,
        case
            when kinds.is_visitor then 'v' || md5(cast(pick(kinds.number, 23, $visitors) as varchar))
            when kinds.device_draw < 0.008 then 'kiosk ' || pick(kinds.number, 24, 30)
            when kinds.kind between 0.38 and 0.63 and kinds.device_draw > 0.1 then null
            when kinds.is_touch or kinds.device_draw < 0.45
                then md5(
                    (case when person.has_family_device and kinds.device_number = 0 then person.person // 2 * 2 else person.person end)
                    || ' device ' || kinds.device_number
                )
        end as anonymous_id,
        kinds.device_draw < 0.008 or (person.has_family_device and kinds.device_number = 0) as is_device_unclear,
        case when kinds.openid_draw < 0.3 and not kinds.is_touch then person.openid end as openid
    from kinds
    inner join person
        on kinds.person = person.person
),

slips as (
    select
        *,
        -- how people write themselves: a slip in a word, an initial, family name first, shouting, a nickname's place left empty
        case
            when is_touch or name_draw > 0.92 then null
            when is_chinese then last_name || first_name
            when slip_draw < 0.02 then first_name || ' ' || left(last_name, 3) || substr(last_name, 5)
            when slip_draw < 0.04 then left(first_name, 2) || substr(first_name, 4, 1) || substr(first_name, 3, 1)
                || substr(first_name, 5) || ' ' || last_name
            when slip_draw < 0.07 then left(first_name, 1) || '. ' || last_name
            when slip_draw < 0.10 then last_name || ', ' || first_name
            when slip_draw < 0.13 then upper(first_name || ' ' || last_name)
            else first_name || ' ' || last_name
        end as full_name,
        case
            when slip_draw between 0.20 and 0.25 then upper(email)
            when slip_draw between 0.25 and 0.27 then replace(email, '@', '+news@')
            when slip_draw between 0.27 and 0.29 then ' ' || email || ' '
            else email
        end as typed_email,
        case
            when slip_draw between 0.30 and 0.33 then replace(phone, '+49', '0')
            when slip_draw between 0.33 and 0.36 then left(phone, 5) || ' ' || substr(phone, 6, 3) || '-' || substr(phone, 9)
            else phone
        end as typed_phone,
        case
            when raw_table = 'crm__contacts' and contact_draw < 0.12 then 'C' || person || 'b'
            when raw_table = 'crm__contacts' then 'C' || person
            when raw_table = 'crm__leads' then 'L' || number
            else cast(number as varchar)
        end as object_key,
        cast($base as timestamp) + to_days(cast(night as integer)) as arrived_at
    from shown
)

select
    *,
    arrived_at - to_seconds(seconds + 60) as happened_at,
    list_position($tables, raw_table) as table_number,
    case
        when is_touch then md5(concat_ws(
            '|', 'engagement.interactions', 'made', coalesce(anonymous_id, ''), coalesce(trim(typed_email), ''), '', '', '', ''
        ))
        else md5('made|' || replace(raw_table, '__', '.') || '|' || object_key)
    end as record_id,
    md5(cast(number as varchar)) as row_hash
from slips
"""

_OWN_COLUMNS = {
    "forms__submissions": "object_key as submission_id, happened_at as submitted_at, full_name, "
    "case when is_chinese then 'CN' else 'DE' end as country, word3(company) as company,",
    "crm__leads": "object_key as lead_id, happened_at as created_at, happened_at as updated_at, full_name, "
    "case when contact_draw < 0.2 then 'C' || person end as converted_contact_id, "
    "case when is_chinese then 'CN' else 'DE' end as country, word3(company) as company,",
    "crm__contacts": "object_key as contact_id, happened_at as created_at, happened_at as updated_at, full_name, "
    "case when is_chinese then 'CN' else 'DE' end as country, word3(company) as company,",
    "events__registrations": "object_key as registration_id, 'event ' || pick(number, 25, 40) as event_id, happened_at as registered_at, "
    "full_name, case when is_chinese then 'CN' else 'DE' end as country,",
    "webinars__registrations": "object_key as registration_id, 'webinar ' || pick(number, 25, 40) as webinar_id, "
    "happened_at as registered_at, full_name, case when is_chinese then 'CN' else 'DE' end as country,",
    "engagement__interactions": "object_key as interaction_id, happened_at as occurred_at, 'page_view' as type,",
}

_MERGES = """
insert into raw.crm__merges by name
select distinct
    'contact' as object_type,
    'C' || person || 'b' as loser_id,
    'C' || person as winner_id,
    max(arrived_at) as merged_at,
    md5('made|crm.merges|contact|C' || person || 'b|C' || person) as _record_id,
    'contact|C' || person || 'b|C' || person as _record_key,
    'made' as _source_system,
    false as _is_date_only,
    max(arrived_at) as _arrived_at,
    max(night) * 10 + 7 as _load_sequence,
    'load ' || (max(night) * 10 + 7) as _load_id,
    'made' as _source_file,
    person as _source_row,
    max(arrived_at) as _loaded_at,
    md5(cast(person as varchar)) as _row_hash
from made
where raw_table = 'crm__contacts'
    and contact_draw < 0.12
    and person % 2 = 0
group by person
"""

# Own identifiers are evidence; what was planted to mislead, and a device whose user nobody can tell, are not. A phone or a device
# beside a name with a slip in it is none either: whether the two names are one is the rules' to judge.
_TRUTH = """
insert into truth.shown_evidence
select record_id, 'e' || lower(trim(replace(email, '+news', ''))) from made
where email is not null and email not like 'info@%'
union all
select record_id, 'p' || phone from made where phone is not null and phone_draw < 0.35 and (is_chinese or slip_draw >= 0.07)
union all
select record_id, 'd' || anonymous_id from made
where anonymous_id is not null and (is_visitor or (not is_device_unclear and (is_touch or is_chinese or slip_draw >= 0.07)))
union all
select record_id, 'w' || openid from made where openid is not null
union all
select record_id, 'c' || person from made where raw_table = 'crm__leads' and contact_draw < 0.2
union all
select record_id, 'c' || person from made
where raw_table = 'crm__contacts' and (contact_draw >= 0.12 or person % 2 = 0);

insert into truth.shown_person
select distinct record_id, case when is_visitor then 'visitor ' || anonymous_id else cast(person as varchar) end from made
where not is_touch or is_visitor or email is not null or not is_device_unclear
"""


@dataclass(frozen=True)
class Batch:
    """Which rows a call makes.

    Parameters
    ----------
    first_row, last_row
        Row numbers, the last one not included.
    first_night, nights
        The loads that they arrive in.
    old_persons
        Persons 0 up to here exist before.
    new_persons
        How many persons this batch brings; without old ones all rows are theirs.
    """

    first_row: int
    last_row: int
    first_night: int
    nights: int
    old_persons: int
    new_persons: int


def base_batch(records: int) -> Batch:
    """Return the batch that fills an empty warehouse with about ``records`` records."""
    return Batch(0, records, 1, NIGHTS, records // RECORDS_PER_PERSON, 0)


def night_batch(records: int, share: float) -> Batch:
    """Return one night's rows after `base_batch`: half of them of persons that are known already."""
    rows = max(2, int(records * share))
    return Batch(records, records + rows, NIGHTS + 1, 1, records // RECORDS_PER_PERSON, max(1, rows // 8))


def open_warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open, and if needed create, the warehouse of a home."""
    settings.home.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(settings.warehouse_path))
    prepare(connection)
    return connection


def make_rows(settings: Settings, truth_file: Path, batch: Batch) -> int:
    """Write a batch into the raw tables of a warehouse and its truth into a file beside it.

    Parameters
    ----------
    settings
        The home; its warehouse is created when there is none.
    truth_file
        A DuckDB file: ``shown_person (record_id, person)`` and ``shown_evidence (record_id, identifier)``.
    batch
        What to make.

    Returns
    -------
    int
        Rows in the person tables after it.
    """
    with open_warehouse(settings) as connection:
        connection.execute(f"attach {quote_literal(str(truth_file))} as truth")
        connection.execute("create table if not exists truth.shown_person (record_id varchar, person varchar)")
        connection.execute("create table if not exists truth.shown_evidence (record_id varchar, identifier varchar)")
        for statement in _HELPERS.strip().split(";\n"):
            connection.execute(statement)
        persons = batch.old_persons + batch.new_persons
        connection.execute(
            _PERSONS, {"first_person": 0, "last_person": persons, "companies": batch.old_persons // 20 + 1}
        )
        connection.execute(
            _ROWS,
            {
                "first_row": batch.first_row,
                "last_row": batch.last_row,
                "first_night": batch.first_night,
                "nights": batch.nights,
                "old_persons": batch.old_persons,
                "first_new_person": batch.old_persons,
                "new_persons": max(1, batch.new_persons),
                "share_of_new_persons": 0.5 if batch.new_persons else 0,
                "visitors": max(1, batch.old_persons // 5),
                "base": FIRST_NIGHT,
                "tables": list(PERSON_TABLES),
            },
        )
        for table in PERSON_TABLES:
            _insert(connection, table)
        connection.execute(_MERGES)
        for statement in _TRUTH.split(";\n"):
            connection.execute(statement)
        connection.execute("drop table made")
        connection.execute("drop table person")
        _register_loads(connection)
        write_as_of(connection, FIRST_NIGHT + timedelta(days=batch.first_night + batch.nights))
        connection.execute("checkpoint")
        return sum(
            connection.execute(f"select count(*) from {qualified('raw', table)}").fetchall()[0][0]
            for table in PERSON_TABLES
        )


def copy_raw(source: Settings, target: Settings) -> None:
    """Fill a fresh warehouse with the raw rows of another one, its loads and its clock."""
    with open_warehouse(target) as connection:
        connection.execute(f"attach {quote_literal(str(source.warehouse_path))} as other (read_only)")
        for table in load_contract(PROJECT_ROOT / "models").tables.values():
            name = qualified("raw", table.identifier)
            connection.execute(f"insert into {name} by name select * from other.{name}")
        for name in ("ops.loads", "ops.as_of"):
            connection.execute(f"insert into {name} by name select * from other.{name}")
        connection.execute("checkpoint")


def _insert(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    # a touch shows a device, now and then an address
    own = "typed_phone as phone, openid as wechat_openid," if table != "engagement__interactions" else ""
    email = "trim(typed_email)" if table == "engagement__interactions" else "typed_email"
    connection.execute(
        f"""
        insert into {qualified("raw", table)} by name
        select
            {_OWN_COLUMNS[table]}
            {email} as email,
            {own}
            anonymous_id,
            md5('made|' || {quote_literal(table.replace("__", "."))} || '|' || object_key) as _record_id,
            object_key as _record_key,
            'made' as _source_system,
            false as _is_date_only,
            arrived_at as _arrived_at,
            night * 10 + table_number as _load_sequence,
            'load ' || (night * 10 + table_number) as _load_id,
            'made' as _source_file,
            number as _source_row,
            arrived_at as _loaded_at,
            row_hash as _row_hash
        from made
        where raw_table = {quote_literal(table)}
        """
    )


def _register_loads(connection: duckdb.DuckDBPyConnection) -> None:
    for table in (*PERSON_TABLES, "crm__merges"):
        connection.execute(
            f"""
            insert into ops.loads by name
            select
                _load_id as load_id, _load_sequence as load_sequence, 'made' as run_id,
                {quote_literal(table.replace("__", "."))} as source_table, 'made' as source_system, 'made' as file_path,
                _load_id as file_checksum, min(_arrived_at) as arrived_at, min(_arrived_at) as loaded_at,
                count(*) as rows_in, count(*) as rows_loaded, 0 as rows_quarantined, 0 as rows_collapsed, 'loaded' as status
            from {qualified("raw", table)} as made
            where not exists (select 1 from ops.loads as known where known.load_id = made._load_id)
            group by _load_id, _load_sequence
            """
        )


__all__ = [
    "NIGHTS",
    "PERSON_TABLES",
    "Batch",
    "base_batch",
    "copy_raw",
    "make_rows",
    "night_batch",
    "open_warehouse",
]

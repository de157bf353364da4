"""The `postgres` reader against a real server: every type, every change, every way to lose the connection."""

import json
import os
import threading
import time
from datetime import datetime

import adbc_driver_postgresql.dbapi as driver
import pytest

from orchestration.ingest.collect import collect_table
from orchestration.ingest.feeds import PostgresFeed
from orchestration.ingest.landing import landed_by

LEADS = """
    create table leads (
        id bigint primary key, created_at timestamptz not null default '2026-01-01 08:00+08',
        changed_at timestamptz not null, mail text, stage text
    )
"""
COLUMNS = {"lead_id": "id", "created_at": "created_at", "updated_at": "changed_at", "email": "mail", "status": "stage"}
SWEPT = {**COLUMNS, "is_deleted": "_is_vanished"}


def moment(*parts: int) -> datetime:
    """A UTC time without zone, as the warehouse holds it."""
    return datetime(*parts)


def feed(**values: object) -> PostgresFeed:
    defaults = {
        "system": "our_crm",
        "reader": "postgres",
        "connection": {"uri_env": "LEADRELAY_TEST_CRM"},
        "table": "public.leads",
        "key": ("id",),
        "cursor": "changed_at",
        "columns": SWEPT if values.get("sweep") else COLUMNS,
        "retries": {"attempts": 3, "backoff_seconds": 0.01, "max_seconds": 0.02},
    }
    return PostgresFeed.model_validate({**defaults, **values})


def insert(first: int, last: int, at: str = "2026-02-01 10:00+00") -> str:
    return (
        f"insert into leads select n, default_at, timestamptz '{at}' + n * interval '1 second', 'p' || n || '@x.com', 'New' "
        f"from generate_series({first}, {last}) as n, (select timestamptz '2026-01-01 00:00+00' as default_at)"
    )


def test_rows_land_as_parquet_with_a_sidecar_and_are_loaded(bench, night, database):
    database(LEADS, insert(1, 3))
    collected, result = night(feed())
    assert (collected.files, collected.rows, collected.message) == (1, 3, "")
    assert result.rows_loaded == 3
    (path,) = landed_by(bench.settings.landing_dir, bench.table("crm.leads"), feed())
    assert path.name == "our_crm.postgres.public-leads.000000001.parquet"
    sidecar = json.loads(path.with_name(path.name + ".arrival.json").read_text(encoding="utf-8"))
    assert (sidecar["arrived_at"], sidecar["source_system"]) == ("2026-03-01T02:00:00Z", "our_crm")
    assert bench.raw("lead_id, created_at, updated_at, email, status", "crm.leads")[0] == (
        "1", moment(2026, 1, 1), moment(2026, 2, 1, 10, 0, 1), "p1@x.com", "New",
    )  # fmt: skip


def test_the_cursor_reads_only_what_changed_and_the_overlap_lands_once(bench, night, database):
    database(LEADS, insert(1, 5000))
    assert night(feed())[0].rows == 5000
    # the last 15 minutes are read again, once; they say nothing new
    again, result = night(feed())
    assert 900 <= again.rows <= 901
    assert (result.rows_loaded, result.rows_collapsed) == (0, again.rows)
    quiet, result = night(feed())
    assert (quiet.files, quiet.rows, result.files) == (0, 0, ())
    database("update leads set stage = 'Working', changed_at = '2026-02-02 10:00+00' where id = 7")
    changed, result = night(feed(overlap_minutes=0))
    assert result.rows_loaded == 1
    assert changed.rows <= 2
    assert bench.rows("select count(*), count(distinct lead_id) from raw.crm__leads") == [(5001, 5000)]


def test_a_commit_that_comes_late_is_within_the_overlap(night, database):
    database(LEADS, insert(100, 110))
    night(feed())
    database("insert into leads values (1, '2026-01-01', '2026-02-01 10:00:30+00', 'late@x.com', 'New')")
    assert night(feed())[1].rows_loaded == 1


def test_a_row_dated_in_the_future_does_not_end_the_reading(bench, database):
    database(LEADS, insert(1, 2), "insert into leads values (9, '2026-01-01', '2999-01-01', 'far@x.com', 'New')")
    collect_table(bench.settings, bench.table("crm.leads"), (feed(),))
    database("insert into leads values (10, '2026-01-01', clock_timestamp(), 'today@x.com', 'New')")
    (collected,) = collect_table(bench.settings, bench.table("crm.leads"), (feed(),))
    last = landed_by(bench.settings.landing_dir, bench.table("crm.leads"), feed())[-1]
    assert collected.rows == 2
    assert bench.rows(f"select id from read_parquet('{last}') order by id") == [(9,), (10,)]


def test_a_table_without_rows_lands_nothing(bench, night, database):
    database(LEADS)
    collected, result = night(feed(sweep=True))
    assert (collected.files, collected.message, result.files) == (0, "", ())
    assert not (bench.settings.landing_dir / "crm" / "leads").exists() or not list(
        (bench.settings.landing_dir / "crm" / "leads").iterdir()
    )


def test_rows_that_vanish_land_as_deleted_and_come_back(bench, night, database):
    database(LEADS, insert(1, 20))
    night(feed(sweep=True))
    database("delete from leads where id in (4, 5)")
    collected, result = night(feed(sweep=True))
    assert collected.vanished == 2
    assert bench.rows("select lead_id, email from raw.crm__leads where is_deleted order by lead_id") == [
        ("4", "p4@x.com"), ("5", "p5@x.com"),
    ]  # fmt: skip
    # once is enough
    assert night(feed(sweep=True))[0].vanished == 0
    # restored from a backup: an old changed_at, which no cursor would ever see
    database("insert into leads values (4, '2026-01-01', '2026-01-05', 'p4@x.com', 'New')")
    collected, result = night(feed(sweep=True))
    assert result.rows_loaded == 1
    latest = bench.rows(
        "select is_deleted from raw.crm__leads where lead_id = '4' order by _load_sequence desc limit 1"
    )
    assert latest == [(False,)]
    assert night(feed(sweep=True))[1].rows_loaded == 0


def test_a_sweep_compares_composite_keys_with_odd_texts(bench, night, database):
    database(
        "create table leads (country text, number int, changed_at timestamptz, primary key (country, number))",
        "insert into leads select c, n, '2026-02-01' from unnest(array['O''Hare', 'a\\b', '中国', '', 'x, y']) c, generate_series(1, 4) n",
    )
    columns = {
        "lead_id": "country || '-' || number",
        "created_at": "changed_at",
        "updated_at": "changed_at",
        "is_deleted": "_is_vanished",
    }
    swept = feed(sweep=True, key=("country", "number"), columns=columns)
    assert night(swept)[1].rows_loaded == 20
    database("delete from leads where country = 'O''Hare' and number = 3")
    assert night(swept)[0].vanished == 1
    assert bench.rows("select lead_id from raw.crm__leads where is_deleted") == [("O'Hare-3",)]


def test_an_emptied_table_is_an_error_and_no_deletion(bench, night, database):
    database(LEADS, insert(1, 10))
    night(feed(sweep=True))
    database("truncate leads")
    collected, _ = night(feed(sweep=True))
    assert "10 of 10 known rows are gone from public.leads, more than sweep_limit 0.2" in collected.message
    assert bench.rows("select count(*) from raw.crm__leads where is_deleted") == [(0,)]
    assert night(feed(sweep=True, sweep_limit=1))[0].vanished == 10


def test_without_a_cursor_the_whole_table_lands_when_it_changed(bench, night, database):
    database(LEADS, insert(1, 3))
    whole = feed(cursor=None)
    assert night(whole)[0].rows == 3
    assert night(whole)[0].files == 0
    database("update leads set stage = 'Lost' where id = 2")
    assert night(whole)[1].rows_loaded == 1
    # set back: byte for byte the first file again, and yet the newest truth
    database("update leads set stage = 'New' where id = 2")
    assert night(whole)[1].rows_loaded == 1
    states = bench.rows("select status from raw.crm__leads where lead_id = '2' order by _load_sequence")
    assert states == [("New",), ("Lost",), ("New",)]


def test_every_type_keeps_its_value(bench, night, database):
    database(
        "create type stage as enum ('new', 'won')",
        "create domain mail as text check (value like '%@%')",
        """
        create table leads (
            id uuid primary key, changed_at timestamp, n numeric, money money, stage stage, tags text[], grid int[][], doc json, docb jsonb,
            born date, span interval, ip inet, bytes bytea, ok boolean, ratio double precision, code char(5), mail mail, range int4range,
            ends timestamptz
        )
        """,
        r"""
        insert into leads values (
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-02-01 10:00:00.123456', '12345678901234567890123456.000000001', 12.5, 'won',
            '{x,NULL,"y z"}', '{{1,2},{3,4}}', '{"a": [1, null]}', '{"b": "é"}', '1985-06-01', '1 mon 2 days', '10.0.0.1/8', '\xdeadbeef',
            true, 0.1, 'ab', 'a@b.c', '[1,5)', 'infinity'
        ), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', '2026-02-01', 'NaN', null, null, null, null, null, null, null, null, null, null, null,
            'NaN', null, null, null, '2026-05-01 00:00+08')
        """,
    )
    columns = {"lead_id": "id", "created_at": "changed_at", "updated_at": "changed_at", "email": "mail"}
    _, result = night(feed(columns=columns))
    assert result.rows_loaded == 2
    first, second = (json.loads(row[0]) for row in bench.rows("select _extra from raw.crm__leads order by lead_id"))
    assert first == {
        "n": "12345678901234567890123456.000000001", "money": "$12.50", "stage": "won", "tags": '["x",null,"y z"]',
        "grid": "[[1,2],[3,4]]", "doc": '{"a": [1, null]}', "docb": '{"b": "é"}', "born": "1985-06-01", "span": "1 mon 2 days",
        "ip": "10.0.0.1/8", "bytes": "3q2+7w==", "ok": True, "ratio": 0.1, "code": "ab", "range": "[1,5)",
    }  # fmt: skip
    assert second["n"] == "NaN"
    assert second["ends"].startswith("2026-04-30 16:00:00")
    assert bench.raw("lead_id, updated_at, email", "crm.leads")[0][0:1] == ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12",)


def test_a_connection_lost_in_mid_read_goes_on_after_the_last_file(bench, night, database, monkeypatch):
    """The server ends our session while rows flow; what landed stays, and the retry reads the rest."""
    from orchestration.ingest.collect import postgres

    database(LEADS, insert(1, 10_000))
    killed, opened = [], []
    land, connect = postgres._land, driver.connect

    def counted(address, **options):
        # the tests' own connections have no such name
        if "application_name=leadrelay" in address:
            opened.append(True)
        return connect(address, **options)

    def land_and_kill(*arguments):
        land(*arguments)
        if not killed:
            # ours is the only other session on this database
            killed.extend(
                database(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'leadrelay' and datname = current_database()"
                )
            )

    monkeypatch.setattr(postgres, "_land", land_and_kill)
    # more rows than the driver holds in one batch, so that some are still on their way
    database("alter table leads add column filler text", "update leads set filler = repeat(md5(id::text), 300)")
    monkeypatch.setattr(postgres.driver, "connect", counted)
    collected, result = night(feed(rows_per_file=2_000, overlap_minutes=0))
    assert killed == [(True,)], "the server ended one session, ours"
    assert len(opened) == 2, "the reader came back once"
    assert collected.message == ""
    assert collected.files >= 5
    assert bench.rows("select count(distinct lead_id), count(*) from raw.crm__leads") == [(10_000, 10_000)]
    assert result.rows_in == result.rows_loaded + result.rows_collapsed


def test_a_statement_that_takes_too_long_is_ended_by_the_database_and_not_tried_again(night, database):
    database(LEADS, insert(1, 40))
    with driver.connect(os.environ["LEADRELAY_TEST_CRM"]) as other, other.cursor() as cursor:
        cursor.execute("lock table leads in access exclusive mode")
        started = time.monotonic()
        collected, _ = night(feed(longest_seconds=0.5, retries={"attempts": 5, "backoff_seconds": 5}))
        took = time.monotonic() - started
    assert "the database refuses: " in collected.message
    assert "statement timeout" in collected.message
    assert 0.4 < took < 4
    assert night(feed(longest_seconds=60))[0].rows == 40


def test_a_line_that_goes_dead_is_noticed(database):
    from orchestration.ingest.collect.postgres import _address
    from orchestration.ingest.collect.secrets import Secrets

    database(LEADS)
    address = _address(feed().connection, Secrets())
    wanted = "keepalives=1&keepalives_idle=60&keepalives_interval=10&keepalives_count=6&tcp_user_timeout=120000"
    assert wanted in address
    with driver.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from leads")
        assert cursor.fetchone() == (0,), "the driver takes them"


def test_many_files_are_read_in_one_session(night, database, monkeypatch):
    from orchestration.ingest.collect import postgres

    database(LEADS, insert(1, 40))
    opened = []
    connect = driver.connect

    def counted(*arguments, **options):
        opened.append(True)
        return connect(*arguments, **options)

    monkeypatch.setattr(postgres.driver, "connect", counted)
    assert night(feed(rows_per_file=10, overlap_minutes=0))[0].files == 4
    monkeypatch.setattr(postgres.driver, "connect", connect)
    assert len(opened) == 1


def test_a_database_that_is_gone_is_told_and_the_next_run_goes_on(bench, night, database, monkeypatch):
    from orchestration.ingest.collect import postgres

    database(LEADS, insert(1, 10))
    lost = []
    land = postgres._land

    def land_and_lose(*arguments):
        land(*arguments)
        lost.append(True)
        if len(lost) == 2:
            monkeypatch.setattr(postgres.driver, "connect", refuse)
            raise postgres._ConnectionLostError("server closed the connection unexpectedly")

    def refuse(*_arguments, **_options):
        raise driver.OperationalError(
            "Failed to connect: Connection refused", status_code=driver.adbc_driver_manager.AdbcStatusCode.IO
        )

    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_land", land_and_lose)
        connect = driver.connect
        collected, result = night(feed(rows_per_file=3, overlap_minutes=0))
    monkeypatch.setattr(postgres.driver, "connect", connect)
    assert "3 times in a row" in collected.message
    assert "2 files of this run have landed and stay" in collected.message
    assert result.rows_loaded == 6
    collected, result = night(feed(rows_per_file=3, overlap_minutes=0))
    assert collected.message == ""
    assert bench.rows("select count(distinct lead_id), count(*) from raw.crm__leads") == [(10, 10)]


def test_a_reader_killed_between_file_and_note_reads_again_and_nothing_doubles(bench, night, database, monkeypatch):
    from orchestration.ingest.collect.progress import Progress

    database(LEADS, insert(1, 5))

    class KilledError(BaseException):
        pass

    def die(*_arguments):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "write", die)
        with pytest.raises(KilledError):
            night(feed())
    assert night(feed())[1].rows_loaded == 5
    assert bench.rows("select count(*) from raw.crm__leads") == [(5,)]


def test_two_sessions_at_once_read_one_snapshot(bench, night, database):
    """Rows that are written while a read runs belong to the next one."""
    database(LEADS, insert(1, 600))
    stop = threading.Event()

    def write():
        number = 10_000
        while not stop.is_set():
            number += 1
            database(
                f"insert into leads values ({number}, '2026-01-01', timestamptz '2026-02-02' + {number} * interval '1 s', 'w@x.com', 'New')"
            )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            assert night(feed(rows_per_file=150, sweep=True))[0].message == ""
    finally:
        stop.set()
        writer.join()
    night(feed(rows_per_file=150, sweep=True))
    (expected,) = database("select count(*) from leads")[0]
    assert bench.rows("select count(distinct lead_id), bool_or(is_deleted) from raw.crm__leads") == [(expected, False)]


@pytest.mark.parametrize(
    ("change", "values", "told"),
    [
        ("alter table leads rename mail to email", {}, "columns.email: public.leads has no column 'mail'"),
        (
            "alter table leads rename changed_at to changed_on",
            {},
            "cursor: public.leads has no column 'changed_at'. Did you mean: changed_on",
        ),
        ("select 1", {"table": "public.lead"}, "table 'public.lead' is not there. Did you mean: public.leads"),
        ("select 1", {"key": ("ident",)}, "key: public.leads has no column 'ident'"),
        ("select 1", {"cursor": "mail"}, "cursor: mail is text; a cursor is a time or an integer"),
        ("select 1", {"table": 'leads"; drop table leads; --'}, "is not there"),
    ],
)
def test_a_table_that_is_not_as_the_feed_says_is_told_before_anything_lands(night, database, change, values, told):
    database(LEADS, insert(1, 3), change)
    collected, result = night(feed(**values))
    assert told in collected.message
    assert collected.message.startswith("crm.leads: postgres reader of our_crm: ")
    assert result.files == ()
    assert database("select count(*) from leads") == [(3,)]


def test_no_secret_is_ever_told(night, database, postgres_server, monkeypatch, caplog):
    database(LEADS)
    wrong = "not-the-password"
    monkeypatch.setenv("LEADRELAY_TEST_CRM", postgres_server.uri("postgres", password=wrong))
    collected, _ = night(feed())
    assert "password authentication failed" in collected.message
    monkeypatch.setenv("LEADRELAY_TEST_CRM", f"mysql://crm:{wrong}@127.0.0.1/x")
    other, _ = night(feed())
    assert "LEADRELAY_TEST_CRM holds no address like postgresql://" in other.message
    monkeypatch.delenv("LEADRELAY_TEST_CRM")
    missing, _ = night(feed())
    assert "environment variable LEADRELAY_TEST_CRM is not set; export it" in missing.message
    for text in (collected.message, other.message, caplog.text):
        assert wrong not in text


def test_the_parts_of_an_address_are_as_good_as_the_whole(night, database, postgres_server, monkeypatch):
    database(LEADS, insert(1, 1))
    monkeypatch.setenv("LEADRELAY_TEST_PASSWORD", postgres_server.password)
    connection = {
        "host": "127.0.0.1", "port": postgres_server.port, "database": postgres_server.databases[-1], "user": "crm",
        "password_env": "LEADRELAY_TEST_PASSWORD",
    }  # fmt: skip
    assert night(feed(connection=connection))[1].rows_loaded == 1


def test_landing_that_cannot_be_written_is_told(bench, database):
    database(LEADS, insert(1, 1))
    root = bench.settings.landing_dir / "crm"
    root.mkdir(parents=True)
    (root / "leads").symlink_to(bench.settings.home)
    (collected,) = collect_table(bench.settings, bench.table("crm.leads"), (feed(),))
    assert "a symbolic link; landing holds plain folders only" in collected.message

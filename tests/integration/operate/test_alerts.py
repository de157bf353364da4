"""A night tells whom it concerns, once, over a real webhook; what cannot be told never fails the night, and no address is ever shown."""

import json
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import duckdb
import pytest

from orchestration.errors import ConfigError, ExitCode
from orchestration.operate.alerts import alert_on, read_rules
from orchestration.operate.outcome import Failure, Night
from orchestration.operate.screens import night_screen
from orchestration.operate.silence import read_arrival_rules, silent_tables
from orchestration.operate.status import _silent
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import current_version, new_version
from orchestration.settings import ALERT_URLS, PROJECT_ROOT, Settings

HIDDEN = "s3cr3t-t0ken"


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, body["title"], body["message"], body["type"]))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook(monkeypatch):
    """A real server on loopback; two addresses of it, one per team."""
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.answer = [], 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    place = f"json://user:{HIDDEN}@127.0.0.1:{server.server_port}"
    monkeypatch.setenv(ALERT_URLS, f"operations={place}/ops revenue={place}/revenue\n{place}/all")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path):
    """A home whose published version has a slowing stage and a jump in quarantine."""
    settings = Settings(home=tmp_path, sources_file=PROJECT_ROOT / "sources.yml")
    with new_version(settings.published_dir, "v1") as folder:
        with duckdb.connect(str(folder / MARTS_FILE)) as connection:
            connection.execute(
                """
                create schema marts;
                create table marts.ops_load as select * from (values
                    ('crm.leads', 'before', 1000, 10, 'loaded'), ('crm.leads', 'tonight', 600, 40, 'loaded'),
                    ('crm.leads', 'tonight', 400, 0, 'loaded'), ('forms.submissions', 'tonight', 1000, 29, 'loaded'),
                    ('crm.contacts', 'tonight', 100, 19, 'loaded'), ('crm.orders', 'tonight', 100, 90, 'refused')
                ) as v (source_table, run_id, rows_in, rows_quarantined, status);
                create table marts.ops_quality_result as select * from (values
                    ('crm.leads', 'tonight', 'quarantine_is_usual', false), ('crm.leads', 'tonight', 'volume_is_usual', true),
                    ('forms.submissions', 'tonight', 'quarantine_is_usual', true), ('crm.contacts', 'tonight', 'volume_is_usual', false),
                    ('crm.contacts', 'before', 'quarantine_is_usual', false), ('crm.orders', 'tonight', 'quarantine_is_usual', false)
                ) as v (table_name, run_id, check_name, is_success);
                create table marts.ops_freshness as select * from (values
                    ('crm.leads', now()::timestamp - interval 2 day, 1.0::double), ('crm.orders', null, null)
                ) as v (source_table, last_arrived_at, usual_gap_days);
                create table marts.mart_stage_velocity as select * from (values
                    ('mql', 'sql', 'step', 'all', 'month', '2026-05', 30.0, 20.0, 0.5, 40, true),
                    ('mql', 'sql', 'step', 'all', 'month', '2026-06', 34.5, 23.0, 0.5, 41, true),
                    ('name', 'mql', 'step', 'channel', 'month', '2026-06', 34.5, 23.0, 0.5, 41, true),
                    ('sql', 'customer', 'step', 'all', 'month', '2026-06', 3.0, 2.9, 0.03, 41, false)
                ) as v (from_stage, to_stage, transition_kind, segment_type, period_type, period, mean_days, trailing_mean_days,
                    change_share, n, is_slowing);
                """
            )
        (folder / "manifest.json").write_text('{"version": "v1", "as_of": "2026-07-01T02:00:00"}', encoding="utf-8")
    return settings


NIGHT = Night(run_id="tonight", manifest={"as_of": "2026-07-01T02:00:00"}, refused={})


def test_slowing_goes_to_revenue_and_a_jump_to_operations_and_both_to_whom_has_no_tag(hook, settings):
    assert alert_on(settings, NIGHT) == []
    assert sorted((path, title) for path, title, _, _ in hook.got) == [
        ("/all", "leadrelay: 40 rows of crm.leads put aside"),
        ("/all", "leadrelay: mql to sql is slower"),
        ("/ops", "leadrelay: 40 rows of crm.leads put aside"),
        ("/revenue", "leadrelay: mql to sql is slower"),
    ]
    told = {path: message for path, _, message, _ in hook.got}
    assert "In 2026-06 it took 34.5 days on average, 23.0 in the months before (+50%, 41 cases)." in told["/revenue"]
    assert "4.0% of the rows of this run are in quarantine" in told["/ops"]


def test_a_thing_is_told_once_and_again_when_it_comes_back(hook, settings):
    stale = replace(NIGHT, run_id="other", refused={"crm.leads": "refused"})
    alert_on(settings, stale)
    first = len(hook.got)
    alert_on(settings, replace(stale, run_id="third"))
    assert len(hook.got) == first, "the same table is still stale"
    alert_on(settings, replace(stale, run_id="fourth", refused={}))
    alert_on(settings, replace(stale, run_id="fifth"))
    assert [title for _, title, _, _ in hook.got[first:]] == ["leadrelay: crm.leads is stale"] * 2


def test_a_failed_night_is_told_with_where_and_what_stands_and_without_rows(hook, settings):
    failure = Failure("dbt_build", "test x failed with 3 rows\n  e.g. ann@x.com", ExitCode.NOT_PUBLISHED)
    assert alert_on(settings, replace(NIGHT, failure=failure)) == []
    assert {path for path, _, _, _ in hook.got} == {"/ops", "/all"}
    _, title, message, kind = hook.got[0]
    assert (title, kind) == ("leadrelay: not published", "failure")
    assert "Stopped at dbt_build (exit code 4): test x failed with 3 rows" in message
    assert "stands as of 2026-07-01" in message
    assert "ann@x.com" not in message


def arrive(settings, *tables):
    """What the published file says of arrivals: table, days ago, usual days between."""
    with duckdb.connect(str(current_version(settings.published_dir) / MARTS_FILE)) as connection:
        connection.execute("delete from marts.ops_freshness")
        for table, days, gap in tables:
            connection.execute(
                "insert into marts.ops_freshness select ?, now()::timestamp - to_hours(?), ?", [table, days * 24, gap]
            )


def test_a_source_that_stops_delivering_is_told_once_and_again_when_it_stops_again(hook, settings):
    # By the seed: three usual gaps and at least four days; nothing of a table without a rhythm, or one that rests by its nature.
    fine = [("crm.leads", 3, 1.0), ("crm.orders", 80, 30.0), ("crm.merges", 400, None), ("crm.campaigns", 400, 1.0)]
    arrive(settings, *fine, ("forms.submissions", 5, 1.0))
    silent = "leadrelay: forms.submissions has gone silent"

    def told():
        return [(path, message) for path, title, message, _ in hook.got if title == silent]

    assert alert_on(settings, NIGHT) == []
    assert sorted(path for path, _ in told()) == ["/all", "/ops"]
    assert told()[0][1].startswith("forms.submissions: nothing for 5 days (last ")
    assert "), usually every 1.\n" in told()[0][1]
    assert not [title for _, title, _, _ in hook.got if "silent" in title and title != silent]
    alert_on(settings, replace(NIGHT, run_id="second"))
    assert len(told()) == 2
    arrive(settings, *fine, ("forms.submissions", 0, 1.0))
    alert_on(settings, replace(NIGHT, run_id="third"))
    arrive(settings, *fine, ("forms.submissions", 5, 1.0))
    alert_on(settings, replace(NIGHT, run_id="fourth"))
    assert len(told()) == 4


def test_when_everything_stops_one_message_says_so(hook, settings):
    arrive(settings, *((f"crm.table_{number}", 9, 1.0) for number in range(6)))
    alert_on(settings, NIGHT)
    titles = [title for path, title, _, _ in hook.got if path == "/ops" and "silent" in title]
    assert titles == ["leadrelay: 6 tables have gone silent"]


def test_the_status_names_silent_tables_and_counts_them_when_they_are_many(settings):
    moment = datetime(2026, 3, 11, 12, tzinfo=UTC)
    with duckdb.connect(str(current_version(settings.published_dir) / MARTS_FILE)) as connection:
        connection.execute("delete from marts.ops_freshness")
        for number in range(11):
            row = [f"crm.t{number:02}", datetime(2026, 3, 1 + number % 2), 1.5]
            connection.execute("insert into marts.ops_freshness values (?, ?, ?)", row)
        found = silent_tables(connection, read_arrival_rules(settings), moment)
    assert _silent(found[:2]) == [
        "silent      crm.t00: nothing for 10 days (last 2026-03-01), usually every 1.5",
        "            crm.t01: nothing for 10 days (last 2026-03-02), usually every 1.5",
    ]
    assert _silent(found) == ["silent      11 tables; nothing has arrived for any of them since 2026-03-02"]
    assert _silent([]) == []


def test_how_long_a_source_may_rest_is_data(settings, tmp_path):
    path = tmp_path / "own" / "operate" / "arrival_rules.csv"
    path.parent.mkdir(parents=True)
    own = replace(settings, own_seeds_dir=tmp_path / "own")
    arrive(settings, ("crm.leads", 3, 1.0), ("crm.orders", 3, 1.0))
    marts = current_version(settings.published_dir) / MARTS_FILE
    for text, silent in (
        ("*,3,4,\n", []),
        ("*,2,1,\n", ["crm.leads", "crm.orders"]),
        ("*,2,1,\ncrm.leads,,,\n", ["crm.orders"]),
    ):
        path.write_text(f"source_table,gap_factor,least_days,reason\n{text}", encoding="utf-8")
        with duckdb.connect(str(marts), read_only=True) as connection:
            found = silent_tables(connection, read_arrival_rules(own))
        assert [table.source_table for table in found] == silent
    for text in ("crm.leads,3,4,\n", "*,often,4,\n"):
        path.write_text(f"source_table,gap_factor,least_days,reason\n{text}", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"arrival_rules\.csv"):
            read_arrival_rules(own)


def test_a_failing_alert_is_told_tried_again_and_shows_no_secret(hook, settings, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    hook.answer = 500
    problems = alert_on(settings, NIGHT)
    assert sorted(problems) == [
        f"no alert was sent to address {place} of {ALERT_URLS}{tag}: it does not answer, or refused"
        for place, tag in ((1, " (operations)"), (2, " (revenue)"), (3, ""))
    ]
    hook.answer = 200
    tried = len(hook.got)
    assert alert_on(settings, NIGHT) == []
    assert len(hook.got) == 2 * tried, "what was not told is told by the next night"
    shown = "".join(capfd.readouterr()) + caplog.text + "".join(problems) + (settings.home / "alerts.json").read_text()
    assert HIDDEN not in shown


@pytest.mark.parametrize(
    "url", [f"nosuch://{HIDDEN}", f"json://u:{HIDDEN}@127.0.0.1:1/", HIDDEN, f"json://{HIDDEN}:x:y"]
)
def test_a_wrong_address_never_fails_a_night_and_is_never_shown(settings, monkeypatch, capfd, caplog, url):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(ALERT_URLS, url)
    problems = alert_on(settings, NIGHT)
    assert problems
    screen = night_screen(settings, replace(NIGHT, failure=Failure("x", "y", ExitCode.ERROR), warnings=tuple(problems)))
    assert f"warning     no alert was sent to address 1 of {ALERT_URLS}" in screen
    assert HIDDEN not in screen + "".join(capfd.readouterr()) + caplog.text


def test_without_an_address_nothing_is_read_or_written(settings, monkeypatch):
    monkeypatch.delenv(ALERT_URLS, raising=False)
    assert alert_on(settings, NIGHT) == []
    assert not (settings.home / "alerts.json").exists()


def test_rules_are_data(hook, settings, tmp_path):
    path = tmp_path / "own" / "operate" / "alert_rules.csv"
    path.parent.mkdir(parents=True)
    header = "event,tag,is_on,reason\n"
    path.write_text(f"{header}quarantine_jump,revenue,true,\nslowing_stage,revenue,false,\n", encoding="utf-8")
    own = replace(settings, own_seeds_dir=tmp_path / "own")
    assert alert_on(own, NIGHT) == []
    assert sorted(title for path, title, _, _ in hook.got if path == "/revenue") == [
        "leadrelay: 40 rows of crm.leads put aside",
    ]
    path.write_text(f"{header}fire,ops,true,\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no event is called 'fire'"):
        read_rules(own)
    assert alert_on(own, NIGHT) == ["alerts were not sent (ConfigError); the night itself is not touched by that"]

"""When the daemon works: the timezone's own nights, files that have settled, and nothing tried twice that would only fail twice."""

from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster._utils.schedules import schedule_execution_time_iterator

from orchestration.definitions import build_defs
from orchestration.errors import ConfigError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.sources import Feed, Sources, TableFeeds
from orchestration.operate.instance import open_instance
from orchestration.operate.jobs import STARTED_BY, WORK, build_jobs, build_schedules
from orchestration.operate.sensors import look, new_files
from orchestration.settings import PROJECT_ROOT, Settings, load_timing


def ticks(schedule, start, end):
    times = schedule_execution_time_iterator(start.timestamp(), schedule.cron_schedule, schedule.execution_timezone)
    return list(takewhile(lambda moment: moment.timestamp() < end.timestamp(), times))


def schedule_of(monkeypatch, timezone, cron=None):
    monkeypatch.setenv("LEADRELAY_TIMEZONE", timezone)
    if cron:
        monkeypatch.setenv("LEADRELAY_SCHEDULE", cron)
    return build_schedules(build_jobs(), load_timing())[0]


@pytest.mark.parametrize(
    ("timezone", "night", "utc"),
    [
        # On 2026-03-29 the clocks of Berlin go from 02:00 to 03:00: there is no two o'clock, and 03:00 is the next.
        ("Europe/Berlin", date(2026, 3, 28), "01:00"),
        ("Europe/Berlin", date(2026, 3, 29), "01:00"),
        ("Europe/Berlin", date(2026, 3, 30), "00:00"),
        # On 2026-10-25 they go from 03:00 back to 02:00: two o'clock comes twice, and the night only once.
        ("Europe/Berlin", date(2026, 10, 24), "00:00"),
        ("Europe/Berlin", date(2026, 10, 26), "01:00"),
        ("America/New_York", date(2026, 3, 8), "07:00"),
        ("Asia/Shanghai", date(2026, 3, 29), "18:00"),
    ],
)
def test_two_oclock_is_the_companys(monkeypatch, timezone, night, utc):
    schedule = schedule_of(monkeypatch, timezone)
    start = datetime(night.year, night.month, night.day, tzinfo=ZoneInfo(timezone))
    found = ticks(schedule, start, datetime.combine(night + timedelta(days=1), start.time(), ZoneInfo(timezone)))
    assert [moment.astimezone(UTC).strftime("%H:%M") for moment in found] == [utc]


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai"])
def test_every_night_of_a_year_has_one_tick(monkeypatch, timezone):
    schedule = schedule_of(monkeypatch, timezone)
    zone = ZoneInfo(timezone)
    found = ticks(schedule, datetime(2026, 1, 1, tzinfo=zone), datetime(2027, 1, 1, tzinfo=zone))
    days = [moment.astimezone(zone).date() for moment in found]
    assert days == [date(2026, 1, 1) + timedelta(days=day) for day in range(365)]


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEADRELAY_TIMEZONE", "Berlin"), ("LEADRELAY_SCHEDULE", "02:00"), ("LEADRELAY_SETTLE_SECONDS", "a minute")],
)
def test_a_wrong_time_is_told_before_anything_starts(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        load_timing()


# ------------------------------------------------------------------------------------------------------------------ files


def test_a_file_counts_once_it_has_stood_still_and_again_when_it_changes():
    seen, fresh = look({"a": (10.0, 1.0)}, {}, now=100, settle_seconds=60)
    assert fresh == []
    seen, fresh = look({"a": (20.0, 2.0)}, seen, now=150, settle_seconds=60)
    assert fresh == [], "it grew"
    seen, fresh = look({"a": (20.0, 2.0)}, seen, now=209, settle_seconds=60)
    assert fresh == []
    seen, fresh = look({"a": (20.0, 2.0), "b": (1.0, 1.0)}, seen, now=210, settle_seconds=60)
    assert fresh == ["a"]
    seen, fresh = look({"a": (20.0, 2.0), "b": (1.0, 1.0)}, seen, now=300, settle_seconds=60)
    assert fresh == ["b"], "what was asked for is not asked for again"
    seen, fresh = look({"a": (20.0, 3.0)}, seen, now=400, settle_seconds=60)
    assert (fresh, list(seen)) == ([], ["a"])


def test_what_is_new_is_what_a_night_would_look_at(tmp_path):
    table = load_contract(PROJECT_ROOT / "models").table("crm.leads")
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "e.csv").write_text("x", encoding="utf-8")
    landing = tmp_path / "landing"
    day = landing / "crm" / "leads" / "2026-01-01"
    day.mkdir(parents=True)
    for name in ("new.csv", "known.csv", "known.csv.arrival.json", "half.csv.part", ".hidden"):
        (day / name).write_text("x", encoding="utf-8")
    (day / "link.csv").symlink_to(exports / "e.csv")
    feeds = (Feed(system="a", files="*", location=str(exports)), Feed(system="b", files="*", location="s3://bucket/x"))
    sources = Sources(path=tmp_path, tables={table.full_name: TableFeeds(table, feeds)})
    assert sorted(path for path, _ in new_files(landing, sources)) == [str(exports / "e.csv"), str(day / "new.csv")]


# --------------------------------------------------------------------------------------------------------- runs and retries


@pytest.fixture(scope="module")
def definitions(warehouse_home):
    return build_defs(warehouse_home)


def test_a_settled_file_asks_for_one_run_of_ingest(definitions, warehouse_home, monkeypatch):
    sensor = definitions.resolve_sensor_def("settled_files")
    assert sensor.job_name == "ingest"
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED, "nights alone, unless somebody asks for more"
    path = warehouse_home.landing_dir / "crm" / "leads" / "2027-01-01" / "settled.jsonl"
    path.parent.mkdir()
    path.write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr("time.time", lambda: 1000.0)
    try:
        with dg.build_sensor_context() as context:
            assert "none that has newly settled" in str(sensor(context).skip_message)
            monkeypatch.setattr("time.time", lambda: 1061.0)
            result = sensor(context)
            assert [request.tags[STARTED_BY] for request in result.run_requests] == ["sensor"]
            assert "none that has newly settled" in str(sensor(context).skip_message)
    finally:
        path.unlink()
        path.parent.rmdir()


def test_no_step_and_no_run_is_tried_again(definitions, tmp_path):
    job = definitions.resolve_job_def("nightly")
    assert [node.name for node in job.all_node_defs if getattr(node, "retry_policy", None)] == []
    with open_instance(Settings(home=tmp_path, sources_file=PROJECT_ROOT / "sources.yml")) as instance:
        assert not instance.run_retries_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_a_run_says_what_it_is_and_who_started_it(definitions):
    assert definitions.resolve_job_def("nightly").tags[WORK] == "nightly"
    assert definitions.resolve_schedule_def("nightly").tags[STARTED_BY] == "schedule"


def test_every_raw_table_is_called_stale_after_a_missed_night(definitions):
    graph = definitions.resolve_asset_graph()
    contract = load_contract(PROJECT_ROOT / "models")
    for table in contract.tables.values():
        policy = graph.get(dg.AssetKey(["raw", table.source, table.name])).freshness_policy
        assert isinstance(policy, TimeWindowFreshnessPolicy)
        assert policy.warn_window.to_timedelta() == timedelta(hours=26)

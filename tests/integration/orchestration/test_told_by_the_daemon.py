"""What a run of the daemon found is told as the command line tells its nights: a dead reader when nothing else landed, and any job that fails.

The runs are real, on a home that stands, and so are the sensors and the webhook; only the daemon's loop around them is left to
benchmarks/daemon.py.
"""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest
import yaml

from orchestration.definitions import build_defs
from orchestration.operate.instance import open_instance
from orchestration.operate.jobs import STARTED_BY
from orchestration.operate.status import status_screen
from orchestration.publish.versions import read_manifest
from orchestration.quality.suites import SOURCE_IS_READ
from orchestration.settings import ALERT_URLS, PROJECT_ROOT

TABLE = "webinars.catalog"
DEAD = {"system": "api", "reader": "rest", "url": "http://127.0.0.1:9", "retries": {"attempts": 1}}


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((body["title"], body["message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(ALERT_URLS, f"json://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def instance(home_copy):
    with open_instance(home_copy) as instance:
        yield instance


@pytest.fixture
def with_sources(home_copy, tmp_path):
    """The home with a sources.yml that is the checkout's but for what a test changes."""

    def make(change):
        content = yaml.safe_load((PROJECT_ROOT / "sources.yml").read_text(encoding="utf-8"))
        change(content["sources"])
        path = tmp_path / "sources.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return replace(home_copy, sources_file=path)

    return make


def run(settings, instance, job):
    """Run a job as the daemon's own process does, and let the sensor look at it that the daemon would."""
    definitions = build_defs(settings)
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = definitions.resolve_job_def(job).execute_in_process(
        run_config=config, instance=instance, raise_on_error=False, tags={STARTED_BY: "schedule"}
    )
    name = "tell_published" if result.success else "tell_failed"
    sensor = definitions.resolve_sensor_def(name)
    wanted = dg.DagsterEventType.RUN_SUCCESS if result.success else dg.DagsterEventType.RUN_FAILURE
    (ended,) = [entry.dagster_event for entry in instance.all_logs(result.run_id, of_type=wanted)]
    context = dg.build_run_status_sensor_context(
        sensor_name=name,
        dagster_event=ended,
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(result.run_id),
    )
    sensor(context if result.success else context.for_run_failure())
    return result


def test_a_dead_reader_is_told_when_nothing_else_landed(hook, with_sources, instance):
    settings = with_sources(lambda sources: sources["webinars"]["tables"]["catalog"]["feeds"].append(DEAD))
    before = read_manifest(settings.published_dir)
    assert before["stale_tables"] == []
    result = run(settings, instance, "nightly")
    assert result.success

    (check,) = [found for found in result.get_asset_check_evaluations() if found.check_name == SOURCE_IS_READ]
    assert (check.asset_key, check.passed, check.severity) == (
        dg.AssetKey(["raw", *TABLE.split(".")]), False, dg.AssetCheckSeverity.WARN
    )  # fmt: skip
    assert check.description.startswith(f"{TABLE}: rest reader of api: http://127.0.0.1:9 cannot be read")

    manifest = read_manifest(settings.published_dir)
    assert manifest["version"] != before["version"], "whoever reads the version must see it"
    assert manifest["stale_tables"] == [TABLE]
    assert manifest["loads"]["this_run"]["rows_in"] == 0
    screen = status_screen(settings)
    assert f"stale       {TABLE}" in screen
    assert f"{TABLE}.{SOURCE_IS_READ}: 1 rows" in screen
    (line,) = [line for line in screen.splitlines() if line.startswith(f"{TABLE} ")]
    assert line.endswith("  STALE")
    assert [title for title, _ in hook.got if "stale" in title] == [f"leadrelay: {TABLE} is stale"]


@pytest.mark.parametrize("job", ["ingest", "rebuild"])
def test_every_job_that_fails_is_told_with_its_name(hook, with_sources, instance, job):
    settings = with_sources(
        lambda sources: sources["crm"]["tables"]["leads"]["feeds"].append({"system": "x", "fils": "*"})
    )
    assert not run(settings, instance, job).success
    (told,) = hook.got
    assert told[0] == "leadrelay: not published"
    assert f"Stopped at load_raw of {job} (exit code 4)" in told[1]
    assert f"stands as of {read_manifest(settings.published_dir)['as_of']}" in told[1]


def test_both_sensors_look_at_every_job_and_begin_by_themselves(home_copy):
    definitions = build_defs(home_copy)
    jobs = {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    for name in ("tell_published", "tell_failed"):
        sensor = definitions.resolve_sensor_def(name)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert {job.name for job in sensor._monitored_jobs} == jobs

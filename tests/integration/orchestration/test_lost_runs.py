"""A run whose process was killed holds no queue and is told; one that is at work is left alone."""

import logging
import os
import signal
import subprocess
import sys
import time

import dagster as dg
import psutil
import pytest
from dagster._daemon.monitoring.run_monitoring import check_run_timeout

from orchestration.definitions import build_defs
from orchestration.operate.instance import LOST, end_lost_runs, is_still_there, open_instance
from orchestration.settings import PROJECT_ROOT, Settings

# A job that never ends, in a process of its own.
AT_WORK = """
import sys, time
from pathlib import Path
import dagster as dg
from orchestration.operate.instance import open_instance
from orchestration.settings import PROJECT_ROOT, Settings

@dg.op
def wait():
    Path(sys.argv[2]).touch()
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def endless():
    wait()

with open_instance(Settings(home=Path(sys.argv[1]), sources_file=PROJECT_ROOT / "sources.yml")) as instance:
    endless.execute_in_process(instance=instance, tags={"leadrelay/started_by": "schedule"})
"""


@pytest.fixture
def at_work(tmp_path):
    """Settings of a home, and a process in which a run of it is at work."""
    settings = Settings(home=tmp_path / "home", sources_file=PROJECT_ROOT / "sources.yml")
    began = tmp_path / "began"
    process = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(settings.home), str(began)],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        start_new_session=True,
    )
    try:
        for _ in range(600):
            if began.exists():
                break
            assert process.poll() is None, "the run did not begin"
            time.sleep(0.1)
        yield settings, process
    finally:
        process.kill()
        process.wait()


def only_run(instance):
    (record,) = instance.get_run_records()
    return record.dagster_run


def test_a_killed_run_is_ended_once_and_one_at_work_is_not(at_work):
    settings, process = at_work
    with open_instance(settings) as instance:
        assert end_lost_runs(instance) == []
        assert only_run(instance).status is dg.DagsterRunStatus.STARTED
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert only_run(instance).status is dg.DagsterRunStatus.STARTED
        (lost,) = end_lost_runs(instance)
        run = only_run(instance)
        assert (lost.run_id, run.status, run.tags[LOST]) == (run.run_id, dg.DagsterRunStatus.FAILURE, "true")
        (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        assert "ended without a word" in failure.message
        assert end_lost_runs(instance) == []


def test_a_process_that_has_the_number_of_an_earlier_one_is_not_taken_for_it():
    assert is_still_there(os.getpid(), time.time())
    assert not is_still_there(os.getpid(), psutil.boot_time())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_still_there(ended.pid, time.time())


def test_a_run_that_hangs_is_declared_failed(at_work):
    settings, _ = at_work
    with open_instance(settings) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 6 * 3600
        (record,) = instance.get_run_records()
        log = logging.getLogger(__name__)
        check_run_timeout(instance, record, log, float(instance.run_monitoring_max_runtime_seconds))
        assert only_run(instance).status is dg.DagsterRunStatus.STARTED
        check_run_timeout(instance, record, log, time.time() - record.start_time)
        assert only_run(instance).status is dg.DagsterRunStatus.FAILURE, (
            "which is what the sensor tell_failed waits for"
        )


def test_the_daemon_looks_for_lost_runs_by_itself(at_work):
    settings, process = at_work
    sensor = build_defs(settings).resolve_sensor_def("lost_runs")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with open_instance(settings) as instance:
        assert "every run has its process" in sensor(dg.build_sensor_context(instance)).skip_message
        process.kill()
        process.wait()
        run = only_run(instance)
        assert run.run_id in sensor(dg.build_sensor_context(instance)).skip_message

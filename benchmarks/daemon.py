"""The daemon for real: a schedule that ticks every minute, a file that has just landed, and the new version that readers see.

Starts ``dagster-daemon run`` on a copy of a home, as deploy/leadrelay.service does, and waits for the publish. It takes minutes, most of
them the night itself, so it is no test of the suite.

Run with ``python benchmarks/daemon.py --home .leadrelay``; prints when the daemon was up, ticked, and had published. With ``--missed`` the
schedule has one minute in the hour, the daemon is stopped before it and started after it: the missed night must begin at once.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus

from orchestration.operate.instance import prepare_dagster_home
from orchestration.operate.jobs import STARTED_BY
from orchestration.publish.versions import read_manifest
from orchestration.settings import PROJECT_ROOT, Settings

_LONGEST_SECONDS = 900
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 30
_MINUTES_TO_TICK = 3
_SEEN_AFTER_SECONDS = 75
_LOG = "daemon.log"
_EXTRA = {"submission_id": "S-daemon", "email": "daemon@example.com"}


def land_one(settings: Settings) -> Path:
    """Land a form submission that is new, beside those of the sample company."""
    known = next(path for path in sorted(settings.landing_dir.glob("forms/submissions/*/*.jsonl")))
    first = json.loads(known.read_text(encoding="utf-8").splitlines()[0])
    target = (
        known.with_name(f"daemon-{known.name}")
        if "*" in known.name
        else known.with_name(known.name.replace(".", ".daemon.", 1))
    )
    target.write_text(json.dumps({**first, **_EXTRA}) + "\n", encoding="utf-8")
    return target


def wait_for_version(
    settings: Settings, process: "subprocess.Popen[bytes]", before: str, started: float
) -> dict[str, float]:
    """Return the seconds after which a run was there and after which the version was another."""
    moments: dict[str, float] = {}
    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        known = {run.run_id for run in instance.get_runs()}
        while time.monotonic() - started < _LONGEST_SECONDS and process.poll() is None:
            runs = [run for run in instance.get_runs(limit=5) if run.run_id not in known]
            if runs and "tick" not in moments:
                moments["tick"] = time.monotonic() - started
                print(
                    f"run {runs[-1].run_id[:8]} by {runs[-1].tags.get(STARTED_BY)} after {moments['tick']:.0f} s",
                    flush=True,
                )
            manifest = read_manifest(settings.published_dir) or {}
            if manifest.get("version") != before:
                moments["published"] = time.monotonic() - started
                return moments
            if runs and runs[-1].status is DagsterRunStatus.FAILURE:
                failures = instance.all_logs(runs[-1].run_id, of_type=DagsterEventType.STEP_FAILURE)
                told = [entry.user_message or entry.message for entry in failures]
                errors = [entry.dagster_event.step_failure_data.error for entry in failures if entry.dagster_event]
                print("\n".join([*told, *(error.message for error in errors if error)]), flush=True)
                return moments
            time.sleep(_PAUSE_SECONDS)
    return moments


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the daemon and what it started, as systemd would: politely, and after a while not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(timeout=_PATIENCE_SECONDS)


def start(settings: Settings, schedule: str) -> "subprocess.Popen[bytes]":
    """Start the daemon on a home, as the systemd unit does."""
    environment = {
        **os.environ,
        "LEADRELAY_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        "LEADRELAY_SCHEDULE": schedule,
        "LEADRELAY_TIMEZONE": "Europe/Berlin",
    }
    command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-m", "orchestration.definitions"]
    with (settings.home / _LOG).open("ab") as log:
        return subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def miss_a_tick(settings: Settings) -> str:
    """Let the daemon see its schedule, stop it, and come back when the tick is over; return the schedule."""
    tick = datetime.now(tz=UTC) + timedelta(minutes=_MINUTES_TO_TICK)
    schedule = f"{tick.minute} * * * *"
    process = start(settings, schedule)
    time.sleep(_SEEN_AFTER_SECONDS)
    stop(process)
    over = tick.replace(second=0, microsecond=0) + timedelta(seconds=_PATIENCE_SECONDS)
    print(f"daemon stopped; the tick of {tick:%H:%M} goes by", flush=True)
    time.sleep(max(0.0, (over - datetime.now(tz=UTC)).total_seconds()))
    return schedule


def main() -> int:
    """Measure one night of the daemon."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--home", type=Path, required=True, help="a home that has published; it is copied")
    parser.add_argument("--missed", action="store_true", help="the daemon is down when its hour comes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(options.home, home, symlinks=True)
        settings = Settings(home=home, sources_file=PROJECT_ROOT / "sources.yml")
        prepare_dagster_home(settings)
        print(f"landed {land_one(settings).relative_to(home)}", flush=True)
        before = str((read_manifest(settings.published_dir) or {}).get("version"))
        schedule = miss_a_tick(settings) if options.missed else "* * * * *"
        started = time.monotonic()
        process = start(settings, schedule)
        try:
            moments = wait_for_version(settings, process, before, started)
        finally:
            stop(process)
        after = read_manifest(settings.published_dir) or {}
        if "published" not in moments:
            print((home / _LOG).read_text(encoding="utf-8", errors="replace")[-3000:])
            return 1
        print(
            f"published {after['version']} after {moments['published']:.0f} s, {moments['published'] - moments['tick']:.0f} s after the run began"
        )
        print(f"before it {before}; loaded {after['loads']['this_run']['rows_loaded']} row(s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

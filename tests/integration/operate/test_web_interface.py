"""`dagster dev` as docs/how-to/operate.md starts it, in a real browser: the asset graph, a run, and a check that is red.

Set LEADRELAY_PICTURES to a folder to get what the browser showed.
"""

import hashlib
import json
import os
import re
import sys
from pathlib import Path

import pytest

from orchestration.definitions import build_defs
from orchestration.operate.instance import open_instance
from orchestration.operate.jobs import INGEST, RAW_GROUP

TABLE = "webinars/catalog"
# Ten of twelve rows without their key: more than what the suite tolerates.
BATCH = [
    {
        "webinar_id": f"W-9{number:03d}" if number < 2 else None,
        "name": "Webinar: a broken export",
        "starts_at": "2026-07-20T14:00:00Z",
        "ends_at": "2026-07-20T15:00:00Z",
        "topic": "data platform",
        "_arrived_at": "2026-07-02T02:00:00Z",
    }
    for number in range(12)
]


@pytest.fixture(scope="module")
def home(browser, copied_home, tmp_path_factory):  # noqa: ARG001 - without a browser nothing is run
    """A copy of the session's home after a run whose newest batch was refused, and the id of that run."""
    settings = copied_home(tmp_path_factory.mktemp("web") / "home")
    known = min((settings.landing_dir / TABLE).rglob("*.jsonl"))
    content = "".join(json.dumps(row) + "\n" for row in BATCH).encode()
    path = settings.landing_dir / TABLE / "2026-07-02" / f"{known.name.split('.')[0]}.broken.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    arrival = json.loads(known.with_name(f"{known.name}.arrival.json").read_text(encoding="utf-8"))
    arrival |= {
        "arrived_at": "2026-07-02T02:00:00Z", "load_sequence": 95_000, "sha256": hashlib.sha256(content).hexdigest()
    }  # fmt: skip
    path.with_name(f"{path.name}.arrival.json").write_text(json.dumps(arrival), encoding="utf-8")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with open_instance(settings) as instance:
        job = build_defs(settings).resolve_job_def(INGEST)
        run = job.execute_in_process(instance=instance, run_config=quiet, raise_on_error=False)
    assert run.success, "a table that is not required goes stale and stops nothing"
    return settings, run.run_id


@pytest.fixture(scope="module")
def address(serve, home):
    """The address of `dagster dev` on that home."""
    settings, _ = home
    told = {"LEADRELAY_HOME": str(settings.home), "DAGSTER_HOME": str(settings.dagster_home)}
    command = [str(Path(sys.executable).with_name("dagster")), "dev"]
    with serve(command, told, "/server_info") as own:
        yield own


def _picture(tab, name):
    if folder := os.environ.get("LEADRELAY_PICTURES"):
        tab.screenshot(path=Path(folder) / f"dagster-{name}.png")


def test_the_asset_graph_the_run_and_the_red_check_are_shown(open_tab, address, home):
    _, run_id = home
    tab = open_tab(f"{address}/asset-groups", width=1500)
    for group in (RAW_GROUP, "staging", "marts", "published"):
        tab.get_by_text(group, exact=True).last.wait_for()
    _picture(tab, "graph")

    tab.goto(f"{address}/runs/{run_id}")
    tab.get_by_text("Success", exact=True).first.wait_for()
    tab.get_by_text("RUN_SUCCESS", exact=True).first.wait_for()
    assert "load_raw" in tab.locator("body").inner_text()
    _picture(tab, "run")

    tab.goto(f"{address}/assets/raw/{TABLE}?view=checks")
    tab.get_by_text("webinar_id_is_present", exact=True).first.click()
    tab.get_by_text("must not be empty").first.wait_for()
    tab.get_by_text("rows that fail", exact=True).first.wait_for()
    told = tab.locator("body").inner_text()
    assert re.search(r"webinar_id_is_present\s+Failed", told)
    assert re.search(r"keys_are_unique\s+Succeeded", told)
    assert re.search(r"rows that fail\s+10\b", told)
    assert re.search(r"batch refused\s+true\b", told)
    # The examples may hold personal data and stay in the warehouse.
    assert "a broken export" not in told
    _picture(tab, "check")


def test_it_asks_for_no_address_and_reports_to_nobody(open_tab, address):
    tab = open_tab(f"{address}/overview", width=1500)
    tab.get_by_text("Overview", exact=True).first.wait_for()
    assert tab.get_by_role("dialog").count() == 0
    said = tab.evaluate(
        """address => fetch(`${address}/graphql`, {
            method: 'POST', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({query: '{ shouldShowNux }'}),
        }).then(answer => answer.json())""",
        address,
    )
    assert said["data"] == {"shouldShowNux": False}

"""The asset graph, held against `asset_graph.json` so that a review sees it change.

After a wanted change: ``UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/integration/orchestration``.
"""

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_defs
from orchestration.transform.project import load_manifest

SNAPSHOT = Path(__file__).parent / "asset_graph.json"


@pytest.fixture(scope="module")
def definitions(warehouse_home):
    return build_defs(warehouse_home)


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_the_asset_graph_is_the_one_that_was_reviewed(graph):
    found = {
        key.to_user_string(): {
            "group": graph.get(key).group_name,
            "from": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
        }
        for key in sorted(graph.get_all_asset_keys())
    }
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_the_groups_show_the_house(graph):
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {
        "raw", "seeds", "staging", "identity", "lifecycle", "scoring", "routing", "marts", "published",
    }  # fmt: skip


def test_every_staging_model_hangs_on_a_raw_table_that_the_loader_writes(graph):
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if node.group_name == "staging" and not key.path[-1].startswith("stg_ops"):
            parents = [parent for parent in node.parent_keys if parent.path[0] == "raw"]
            assert parents, key
            assert all(graph.get(parent).is_materializable for parent in parents)


def test_every_raw_table_has_checks_and_every_error_test_of_dbt_blocks(graph):
    checks = list(graph.asset_check_keys)
    raw = {key for key in graph.get_all_asset_keys() if key.path[0] == "raw"}
    assert {check.asset_key for check in checks if check.asset_key.path[0] == "raw"} == raw
    mart_checks = [graph.get_check_spec(check) for check in checks if check.asset_key.path[0] == "marts"]
    assert mart_checks
    assert any(spec.blocking for spec in mart_checks)


def test_every_test_of_dbt_is_a_check_of_an_asset(graph, warehouse_home):
    tests = [node for node in load_manifest(warehouse_home)["nodes"].values() if node["resource_type"] == "test"]
    names = {check.name for check in graph.asset_check_keys}
    assert [node["name"] for node in tests if node["name"] not in names] == []


def test_the_night_runs_at_two_in_the_configured_timezone_and_is_on_by_default(warehouse_home, monkeypatch):
    monkeypatch.setenv("LEADRELAY_TIMEZONE", "Asia/Shanghai")
    (schedule,) = build_defs(warehouse_home).schedules
    assert schedule.cron_schedule == "0 2 * * *"
    assert schedule.execution_timezone == "Asia/Shanghai"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_the_jobs_are_the_night_its_parts_and_the_rebuild(definitions):
    names = {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    assert names == {"nightly", "ingest", "transform", "publish", "rebuild"}

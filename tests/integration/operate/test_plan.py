"""What wakes what: each change on a warehouse that stands, against a plain walk over dbt's graph."""

import json
import os
import shutil
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from orchestration.publish.versions import MANIFEST_FILE, current_version
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform import plan as planning
from orchestration.transform.assets import build_dbt_assets
from orchestration.transform.plan import Plan, forget, make_plan
from orchestration.transform.project import load_manifest
from orchestration.transform.translator import HouseTranslator


@dataclass
class World:
    """A home whose last night published, and the graph that it was built from; a test changes either."""

    settings: Settings
    manifest: dict[str, Any]

    def plan(self) -> Plan:
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            return make_plan(self.settings, self.manifest, connection)

    def execute(self, statement: str) -> None:
        with duckdb.connect(str(self.settings.warehouse_path)) as connection:
            connection.execute(statement)

    def node(self, name: str) -> dict[str, Any]:
        return next(node for node in self.manifest["nodes"].values() if node["name"] == name)

    def behind(self, *starts: str) -> set[str]:
        """Everything that reads one of the nodes or sources, they themselves among it when they are nodes."""
        reached = set(starts)
        while more := {
            name
            for name, node in self.manifest["nodes"].items()
            if name not in reached and reached & set(node["depends_on"].get("nodes", ()))
        }:
            reached |= more
        return reached & self.manifest["nodes"].keys()

    def books(self) -> set[str]:
        """What is read again whenever anything is published."""
        names = (
            "commands",
            "quality_results",
            "identity_quality",
            "published_night",
            "published_ledger",
            "published_revisions",
        )
        return self.behind(*(f"source.leadrelay.ops.{name}" for name in names))


@pytest.fixture(scope="module")
def parsed(warehouse_home: Settings) -> dict[str, Any]:
    return dict(load_manifest(warehouse_home))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files beside the graph that a plan reads."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("dbt_project", "seeds", "expectations", "orchestration"):
        shutil.copytree(
            PROJECT_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "target", "logs")
        )
    return folder


@pytest.fixture(scope="module")
def stands(warehouse_home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a plan reads of the session's home: the published manifest, and a warehouse whose models are there without their rows."""
    home = tmp_path_factory.mktemp("stands") / "home"
    published = current_version(warehouse_home.published_dir)
    version = home / "published" / "versions" / published.name
    version.mkdir(parents=True)
    shutil.copy(published / MANIFEST_FILE, version)
    (home / "published" / "current").symlink_to(Path("versions") / published.name)
    with duckdb.connect(str(home / warehouse_home.warehouse_path.name)) as connection:
        connection.execute(f"attach '{warehouse_home.warehouse_path}' as whole (read_only)")
        connection.execute("copy from database whole to warehouse (schema)")
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'whole' and schema_name in ('ops', 'raw')"
        ).fetchall():
            connection.execute(f"insert into {schema}.{table} from whole.{schema}.{table}")
    return home


@pytest.fixture
def world(warehouse_home: Settings, stands: Path, parsed: dict[str, Any], checkout: Path, tmp_path: Path) -> World:
    home = tmp_path / "home"
    shutil.copytree(stands, home, symlinks=True)
    # one level down is as far as any test goes
    manifest = parsed | {kind: {name: dict(one) for name, one in parsed[kind].items()} for kind in ("nodes", "macros")}
    return World(replace(warehouse_home, home=home, project_root=checkout), manifest)


def test_a_home_whose_night_published_has_nothing_to_do(world: World) -> None:
    plan = world.plan()
    assert plan.reasons == {}
    assert plan.kept_version == current_version(world.settings.published_dir).name
    assert len(plan.unchanged) == len(world.manifest["nodes"])
    assert not plan.is_full_refresh


@pytest.mark.parametrize("name", ["fct_person_score", "stg_crm__campaigns", "dim_stage", "int_lifecycle__entries"])
def test_a_changed_model_wakes_itself_and_what_reads_it(world: World, name: str) -> None:
    node = world.node(name)
    node["raw_code"] += "\n-- another line"
    plan = world.plan()
    assert set(plan.reasons) == world.behind(node["unique_id"]) | world.books()
    assert plan.reasons[node["unique_id"]] == "its definition changed"
    assert plan.kept_version is None


def test_a_changed_seed_wakes_what_reads_it(world: World, tmp_path: Path) -> None:
    node = world.node("behaviour_rules")
    path = tmp_path / "seeds" / "rules.csv"
    path.parent.mkdir()
    path.write_text((Path(node["root_path"]) / node["original_file_path"]).resolve().read_text() + "\n")
    node["root_path"], node["original_file_path"] = str(tmp_path), "seeds/rules.csv"
    assert set(world.plan().reasons) == world.behind(node["unique_id"]) | world.books()


@pytest.mark.parametrize("table", ["finance.costs", "crm.target_lists"])
def test_a_landed_row_wakes_what_reads_its_table(world: World, table: str) -> None:
    source = f"source.leadrelay.{table}"
    raw = f"raw.{table.replace('.', '__')}"
    world.execute(
        f"insert into {raw} by name select * replace (_load_sequence + 1000 as _load_sequence) from {raw} limit 1"
    )
    plan = world.plan()
    woken = world.behind(source)
    assert set(plan.reasons) >= woken | world.books()
    assert set(plan.reasons) - world.books() <= woken | identity(world)
    assert f"rows landed in {table}" in plan.reasons.values()


def identity(world: World) -> set[str]:
    """Identity's models of a night and what reads them, which wake together."""
    return world.behind(world.node("int_identity__night")["unique_id"])


def test_a_landed_record_wakes_identity_as_a_whole(world: World) -> None:
    world.execute(
        "insert into raw.forms__submissions by name "
        "select * replace (_load_sequence + 1000 as _load_sequence) from raw.forms__submissions limit 1"
    )
    assert set(world.plan().reasons) >= identity(world)


def test_a_rule_of_identity_wakes_identity_as_a_whole(world: World) -> None:
    world.node("int_identity__weak_edges")["raw_code"] += "\n-- another line"
    assert set(world.plan().reasons) >= identity(world)


def test_another_clock_wakes_what_reads_it_and_leaves_identity_alone(world: World) -> None:
    world.execute("update ops.as_of set as_of = as_of + interval 1 day")
    plan = world.plan()
    readers = {name for name, reason in plan.reasons.items() if reason == "as_of moved"}
    assert world.node("fct_person_score")["unique_id"] in readers
    assert set(plan.reasons) == world.behind(*readers) | world.books()
    assert not set(plan.reasons) & {
        node["unique_id"]
        for node in world.manifest["nodes"].values()
        if node["resource_type"] == "model" and node["name"].startswith(("stg_", "int_identity__"))
    }


def test_a_clock_before_the_last_arrival_wakes_everything_that_reads_arrivals(world: World) -> None:
    world.execute("update ops.as_of set as_of = as_of - interval 30 day")
    assert set(world.plan().reasons) >= identity(world) | world.behind(world.node("stg_finance__costs")["unique_id"])


def test_a_clock_that_passes_a_decision_wakes_what_reads_decisions(world: World) -> None:
    seed = world.settings.project_root / "seeds" / "identity" / "identity_overrides.csv"
    before = seed.read_text(encoding="utf-8")
    names = before.splitlines()[0].split(",")
    row = {"decision": "cannot_link", "decided_at": "2026-07-01 12:00:00"}
    try:
        world.execute("update ops.as_of set as_of = timestamp '2026-07-02 00:00:00'")
        without = set(world.plan().reasons)
        # the clock alone: the seed's own rows are those that were built from
        seed.write_text(
            before.rstrip("\n") + "\n" + ",".join(row.get(name, "") for name in names) + "\n", encoding="utf-8"
        )
        woken = set(world.plan().reasons)
    finally:
        seed.write_text(before, encoding="utf-8")
    assert world.node("int_identity__steward_decisions")["unique_id"] not in without
    assert woken >= world.behind(world.node("int_identity__steward_decisions")["unique_id"])


def test_a_macro_makes_everything_anew_and_asks_for_a_full_night(world: World) -> None:
    world.manifest["macros"]["macro.leadrelay.exact_sum"]["macro_sql"] += " "
    plan = world.plan()
    assert set(plan.reasons) == set(world.manifest["nodes"])
    assert plan.is_full_refresh


def test_a_library_of_another_version_makes_everything_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "version", lambda name: f"{name} of another day")
    assert set(world.plan().reasons) == set(world.manifest["nodes"])


def test_what_did_not_end_well_is_built_again_with_what_reads_it(world: World) -> None:
    name = world.node("dim_account")["unique_id"]
    with duckdb.connect(str(world.settings.warehouse_path)) as connection:
        forget(connection, [name])
    assert set(world.plan().reasons) == world.behind(name) | world.books()


def test_a_table_that_is_gone_is_built_again(world: World) -> None:
    world.execute("drop table marts.dim_date")
    plan = world.plan()
    assert plan.reasons[world.node("dim_date")["unique_id"]] == "its table is gone"


def test_a_changed_expectation_publishes_without_building(world: World) -> None:
    suite = world.settings.expectations_dir / "marts" / "dim_person.json"
    before = suite.read_text(encoding="utf-8")
    try:
        suite.write_text(before + "\n", encoding="utf-8")
        plan = world.plan()
    finally:
        suite.write_text(before, encoding="utf-8")
    assert set(plan.reasons) == world.books()
    assert plan.kept_version is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": None}, "is not what stands"),
        ({"checks": {"passed": 1, "failed": 1}}, "a check of the published version failed"),
        ({"stale_tables": ["crm.leads"]}, "no longer stale: crm.leads"),
    ],
)
def test_a_version_with_a_fault_is_never_taken_for_done(world: World, change: dict[str, Any], said: str) -> None:
    path = current_version(world.settings.published_dir) / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    plan = world.plan()
    assert plan.kept_version is None
    assert said in plan.publish_reason
    assert set(plan.reasons) == world.books()


def test_a_reader_that_failed_and_one_that_reads_again_are_published_once_each(world: World) -> None:
    path = current_version(world.settings.published_dir) / MANIFEST_FILE
    before = json.loads(path.read_text(encoding="utf-8"))
    columns = "(run_id, source_table, source_system, reader, ended_at, status, message)"
    for day, (status, stale, said) in enumerate(
        (("failed", ["crm.leads"], "stale: "), ("read", [], "no longer stale: "))
    ):
        world.execute(
            f"insert into ops.reader_runs {columns} values ('n', 'crm.leads', 'a', 'rest', '2027-01-0{day + 1}', '{status}', 'x')"
        )
        plan = world.plan()
        assert plan.publish_reason == f"{said}crm.leads"
        assert set(plan.reasons) == world.books()
        path.write_text(json.dumps({**before, "stale_tables": stale}), encoding="utf-8")
        assert world.plan().kept_version == before["version"], "what is published says it already"


def test_without_a_published_version_there_is_something_to_do(world: World) -> None:
    (world.settings.published_dir / "current").unlink()
    assert world.plan().publish_reason == "nothing is published yet"


def test_a_project_that_changes_while_the_night_runs_is_told_as_that(home_copy):
    manifest = deepcopy(load_manifest(home_copy))
    assets = build_dbt_assets(home_copy, manifest)
    seed = manifest["nodes"]["seed.leadrelay.calling_codes"]
    unknown = next(name for name, node in manifest["nodes"].items() if node.get("attached_node") == seed["unique_id"])
    del manifest["nodes"][unknown]
    night = dg.materialize([assets], selection=[HouseTranslator().get_asset_key(seed)], raise_on_error=False)
    (failed,) = (event for event in night.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE)
    told = failed.step_failure_data.user_failure_data.description
    assert told.startswith(f"the project was changed while the night ran: dbt built {unknown}")
    # dbt has ended and left nothing behind: neither its paths in the environment nor its hold on the warehouse
    assert "LEADRELAY_WAREHOUSE" not in os.environ
    with duckdb.connect(str(home_copy.warehouse_path), read_only=True) as connection:
        assert connection.execute("select count(*) > 0 from seeds.calling_codes").fetchone() == (True,)

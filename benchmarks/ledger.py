"""How fast the ledger and the score are, against one sort of the same touches in the same process, and how they grow.

A night of the sample company gives the models' own SQL and small inputs. The inputs are multiplied inside DuckDB: whole people in copies,
and on top of them visits of few busy ones, so that most have a handful of touches and some have thousands. Then every model between the
touches and the ledger runs bare, each timed, beside the sort; the invariants of the result are checked, since no figure of a wrong ledger
counts.

    python benchmarks/ledger.py --rows 250000 1000000 --rounds 3

A round builds each size once; of several rounds the one of median wall time counts, size by size.
What belongs here: measuring. What does not: asserting what a model says; the tests do that.
"""

import argparse
import itertools
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from orchestration.operate.night import run_night
from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.sample import write_sample
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import qualified, quote_identifier, quote_literal
from orchestration.transform.project import load_manifest

SAMPLE_PEOPLE, SAMPLE_DAYS, SAMPLE_SEED = 600, 400, 11
TOUCHES = ("intermediate", "int_engagement__interactions")
ROOMS = ("int_lifecycle__", "int_scoring__")
MARTS = frozenset({"fct_lifecycle_transition", "fct_lifecycle_status", "fct_score_event", "fct_person_score"})
# The back-test, the prediction and the revisions are asked for beside the ledger, not for it.
BESIDE = ("backtest", "prediction", "known_touches", "landed", "revision")
INVARIANTS = (
    "assert_ledger_holds_its_invariants",
    "assert_stage_days_sum_to_the_span",
    "assert_statuses_hold_their_invariants",
    "assert_score_equals_its_events",
)
# Keys that a copy of the people must have for itself; catalogues, products and owners are everybody's.
OWN_KEYS = frozenset(
    {
        "person_id",
        "record_id",
        "first_record_id",
        "competitor_record_id",
        "_record_id",
        "interaction_id",
        "object_id",
        "lead_id",
        "contact_id",
        "converted_contact_id",
        "opportunity_id",
        "order_id",
        "activity_id",
        "account_id",
        "ancestor_account_id",
        "crm_account_id",
        "live_account_id",
        "crm_parent_account_id",
        "company_key",
    }
)
OWN_NUMBERS = frozenset({"birth_order", "person_birth_order"})
COPIED_SHARE = 0.6
BAR, GROWTH_BAR = 8.0, 4.4


@dataclass
class Cost:
    """Wall and CPU seconds of a piece of work."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        """Return both together."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


@dataclass
class Measured:
    """One size: what each model cost, what the sorts cost, what was wrong."""

    rows: int
    persons: int
    models: dict[str, Cost] = field(default_factory=dict)
    sorts: list[Cost] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> Cost:
        """All models together."""
        return sum(self.models.values(), Cost())

    def ratio(self, kind: str) -> float:
        """Return the models' seconds by those of a median sort."""
        return float(getattr(self.total, kind) / self.sort(kind))

    def sort(self, kind: str) -> float:
        """Return the seconds of a median sort."""
        return float(statistics.median(getattr(sort, kind) for sort in self.sorts))


def cost_of(connection: duckdb.DuckDBPyConnection, statement: str) -> Cost:
    """Run a statement and return what it took."""
    wall, cpu = time.perf_counter(), _cpu()
    connection.execute(statement)
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Project:
    """The models between touches and ledger in the order in which they are built, with their own SQL, and what they read.

    Parameters
    ----------
    settings
        A home after a night.
    """

    def __init__(self, settings: Settings) -> None:
        manifest = load_manifest(settings)
        self._compiled = settings.dbt_target_dir / "compiled"
        nodes: Mapping[str, Mapping[str, Any]] = {**manifest["nodes"], **manifest["sources"]}
        chosen = {
            key: node["depends_on"]["nodes"]
            for key, node in manifest["nodes"].items()
            if node["resource_type"] == "model" and _is_measured(node["name"])
        }
        self.models = [
            (nodes[key]["schema"], nodes[key]["name"])
            for key in TopologicalSorter(chosen).static_order()
            if key in chosen
        ]
        read = {key for keys in chosen.values() for key in keys} - chosen.keys()
        self.inputs = sorted((nodes[key]["schema"], nodes[key].get("identifier") or nodes[key]["name"]) for key in read)

    def sql(self, name: str) -> str:
        """Return the statement of a model or test as the night ran it."""
        # dbt puts what tests a model below a folder named like its yml.
        paths = [path for path in self._compiled.rglob(f"{name}.sql") if not path.parent.name.endswith(".yml")]
        return max(paths, key=lambda path: path.stat().st_mtime).read_text(encoding="utf-8")


def _is_measured(name: str) -> bool:
    return name in MARTS or (name.startswith(ROOMS) and not any(word in name for word in BESIDE))


def multiply(connection: duckdb.DuckDBPyConnection, inputs: Iterable[tuple[str, str]], rows: int) -> int:
    """Fill an empty warehouse with the inputs of `sample`, multiplied to ``rows`` touches.

    Parameters
    ----------
    connection
        The empty warehouse; the sample's is attached to it as `sample`.
    inputs
        Schema and name of every table that the models read.
    rows
        Touches to make.

    Returns
    -------
    int
        Persons.
    """
    touches = qualified(*TOUCHES)
    (known,) = connection.execute(f"select count(*) from sample.{touches}").fetchone() or (0,)
    copies = max(1, round(rows * COPIED_SHARE / known))
    for schema, name in inputs:
        table = qualified(schema, name)
        connection.execute(f"create schema if not exists {quote_identifier(schema)}")
        if schema in {"seeds", "ops"}:
            connection.execute(f"create table {table} as select * from sample.{table}")
            continue
        columns = [row[0] for row in connection.execute(f"describe sample.{table}").fetchall()]
        changed = [f"{column} || '-' || copies.range as {column}" for column in columns if column in OWN_KEYS]
        changed += [f"{column} * {copies} + copies.range as {column}" for column in columns if column in OWN_NUMBERS]
        replaced = f"replace ({', '.join(changed)})" if changed else ""
        connection.execute(
            f"create table {table} as select original.* {replaced} "
            f"from sample.{table} as original cross join range({copies}) as copies"
        )
    _add_visits(connection, touches, rows)
    (persons,) = connection.execute(
        f"select count(*) from {qualified('intermediate', 'int_identity__persons')}"
    ).fetchone() or (0,)
    return int(persons)


def _add_visits(connection: duckdb.DuckDBPyConnection, touches: str, rows: int) -> None:
    """Add visits up to ``rows`` touches: person number p gets visits like p^-0.6, so most get none and the first ones many."""
    kinds = "('page_view', 'content_view', 'email_click', 'wechat_read', 'app_event')"
    connection.execute(
        f"""
        create temporary table numbered as
        select person_id, row_number() over (order by hash(person_id), person_id) - 1 as person_number
        from (select distinct person_id from {touches});
        create temporary table kinds as
        select *, row_number() over (order by interaction_id) - 1 as kind_number
        from sample.{touches} where interaction_type in {kinds}
        """
    )
    known, persons, patterns = (
        connection.execute(f"select count(*) from {table}").fetchone()[0]  # type: ignore[index]
        for table in (touches, "numbered", "kinds")
    )
    connection.execute(
        f"""
        create temporary table visits as
        select
            range as visit,
            cast(floor({persons} * pow((hash(range, 1) % 1000000007) / 1000000007.0, 2.5)) as bigint) as person_number,
            cast(hash(range, 3) % {patterns} as bigint) as kind_number,
            to_seconds(cast(hash(range, 2) % 2592000 as bigint)) as earlier_by
        from range({max(0, rows - known)});
        insert into {touches}
        select kinds.* exclude (kind_number) replace (
            'visit-' || visits.visit as interaction_id,
            numbered.person_id as person_id,
            kinds.occurred_at - visits.earlier_by as occurred_at
        )
        from visits
        inner join numbered on visits.person_number = numbered.person_number
        inner join kinds on visits.kind_number = kinds.kind_number;
        drop table numbered;
        drop table kinds;
        drop table visits
        """
    )


def measure(project: Project, sample: Path, folder: Path, rows: int, threads: int) -> Measured:
    """Build the ledger of ``rows`` touches once, between sorts of the same touches."""
    folder.mkdir(parents=True)
    # The models' SQL names the database by its file.
    with duckdb.connect(str(folder / "warehouse.duckdb"), config={"threads": threads}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {quote_literal(str(sample))} as sample (read_only)")
        persons = multiply(connection, project.inputs, rows)
        connection.execute("detach sample")
        connection.execute("create schema if not exists marts")
        connection.execute("checkpoint")
        measured = Measured(rows, persons)
        sort = f"create or replace table sorted as select * from {qualified(*TOUCHES)} order by person_id, occurred_at"
        for half in (project.models[: len(project.models) // 2], project.models[len(project.models) // 2 :]):
            measured.sorts.append(cost_of(connection, sort))
            for schema, name in half:
                statement = f"create or replace table {qualified(schema, name)} as {project.sql(name)}"
                measured.models[name] = cost_of(connection, statement)
        measured.sorts.append(cost_of(connection, sort))
        for name in INVARIANTS:
            (wrong,) = connection.execute(f"select count(*) from ({project.sql(name)})").fetchone() or (0,)
            if wrong:
                measured.faults[name] = int(wrong)
    return measured


def table_of(found: Sequence[Measured]) -> list[str]:
    """Return the lines of the table: one per size, and growth between neighbours."""
    lines = ["| what | CPU | wall | bar | verdict |", "|---|---|---|---|---|"]
    for size in found:
        verdict = "wrong" if size.faults else "holds" if size.ratio("wall") <= BAR else "over"
        lines.append(
            f"| ledger and score of {size.rows:,} touches of {size.persons:,} persons / one sort of them "
            f"| {size.ratio('cpu'):.1f} x | {size.ratio('wall'):.1f} x | {BAR:g} x | {verdict} |"
        )
    for small, large in itertools.pairwise(found):
        growth = {kind: getattr(large.total, kind) / getattr(small.total, kind) for kind in ("cpu", "wall")}
        bar = GROWTH_BAR * large.rows / small.rows / 4
        lines.append(
            f"| time({large.rows:,}) / time({small.rows:,}) | {growth['cpu']:.2f} x | {growth['wall']:.2f} x | {bar:g} x "
            f"| {'holds' if growth['wall'] <= bar else 'over'} |"
        )
        sorts = {kind: large.sort(kind) / small.sort(kind) for kind in ("cpu", "wall")}
        lines.append(f"| the same of one sort | {sorts['cpu']:.2f} x | {sorts['wall']:.2f} x | | |")
    return lines


def profile_of(small: Measured, large: Measured) -> list[str]:
    """Return what the dearest models cost at the largest size, in sorts, and how they grew from the smallest one."""
    dearest = sorted(large.models.items(), key=lambda item: -item[1].cpu)[:24]
    return [
        f"{cost.cpu / large.sort('cpu'):6.2f} sorts  {cost.cpu:7.2f} s CPU  {cost.wall:7.2f} s  {cost.cpu / small.models[name].cpu:5.2f} x  {name}"
        for name, cost in dearest
    ]


def sample_home(folder: Path) -> Settings:
    """Run one night of the sample company: the models' SQL and small inputs."""
    settings = Settings(home=folder, sources_file=PROJECT_ROOT / "sources.yml")
    write_sample(settings.landing_dir, SAMPLE_PEOPLE, SAMPLE_DAYS, SAMPLE_SEED, file_format="parquet")
    night = run_night(settings)
    if night.failure is not None:
        sys.exit(f"the night failed, so nothing was measured: {night.failure}")
    return settings


def main() -> None:
    """Measure each size and print the table and the profile of the largest."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[250_000, 1_000_000], help="touches, one size after the other"
    )
    parser.add_argument("--rounds", type=int, default=1, help="how often each size is built, in turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--home", type=Path, help="a home after a night, so that none is run first")
    parser.add_argument("--scratch", type=Path, help="where the large files go; default the system's temporary folder")
    options = parser.parse_args()
    switch_off_usage_reporting()
    if options.scratch:
        options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = Path(scratch)
        home = options.home.absolute() if options.home else None
        settings = (
            Settings(home=home, sources_file=PROJECT_ROOT / "sources.yml") if home else sample_home(folder / "home")
        )
        project = Project(settings)
        built: dict[int, list[Measured]] = {}
        for rows in options.rows * options.rounds:
            size = measure(project, settings.warehouse_path, folder / str(rows), rows, options.threads)
            built.setdefault(rows, []).append(size)
            shutil.rmtree(folder / str(rows))
            told = f"{rows:,} touches: {size.total.wall:.1f} s, {size.total.cpu:.1f} s CPU, a sort {size.sort('wall'):.2f} s"
            print(told, file=sys.stderr, flush=True)
    found = [sorted(sizes, key=lambda size: size.total.wall)[(len(sizes) - 1) // 2] for sizes in built.values()]
    print("\n".join([*table_of(found), "", *profile_of(found[0], found[-1])]))
    for size in found:
        for name, wrong in size.faults.items():
            print(f"{size.rows:,} touches: {name} found {wrong:,} rows")


if __name__ == "__main__":
    main()

"""How long identity takes against what the machine could do at best, and how right it is against a known truth.

Ratios, not seconds: the limit is one DuckDB query over the same raw rows in this process (read, normalise, one hash aggregate).
What belongs here: measuring. What does not: asserting (the tests do that) and making rows (`identity_world`).

    python benchmarks/identity.py --records 1000000
    python benchmarks/identity.py --sample-people 100000      # leadrelay's own sample company instead
"""

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import duckdb
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.identity_world import (
    PERSON_TABLES,
    base_batch,
    copy_raw,
    make_rows,
    night_batch,
    open_warehouse,
)
from orchestration.ingest import warehouse
from orchestration.ingest.contract import load_contract
from orchestration.ingest.loader import load_table
from orchestration.ingest.sources import load_sources
from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.sample import write_sample
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import qualified, quote_identifier, quote_literal
from orchestration.transform.runner import DbtOutcome, run_dbt

# A night is remembered by its state, which stands on everything that is kept from night to night.
SELECTED = ("+int_identity__record_persons", "+int_identity__edges", "+int_identity__night_state")
# Models that read and normalise raw values; with one aggregate over the identifiers they are what any rule of ours costs at least.
NORMALISING = ("int_identity__record_versions", "int_identity__touch_keys", "int_identity__normal_")
NIGHT_SHARE = 0.01
REPEATS = 3
WORTH_A_LINE_SECONDS = 0.005
CHAIN_LENGTH = 100_000
HUB_SIZE = 200_000


@dataclass(frozen=True)
class Line:
    """One figure, and the bar that it is held against when there is one."""

    what: str
    figure: float
    unit: str
    bar: float | None = None
    is_floor: bool = False
    how: str = ""

    @property
    def verdict(self) -> str:
        """Whether the figure keeps to its bar."""
        if self.bar is None:
            return ""
        holds = self.figure >= self.bar if self.is_floor else self.figure <= self.bar
        return "holds" if holds else "OVER" if not self.is_floor else "UNDER"


@dataclass(frozen=True)
class DbtTimes:
    """What one dbt command took.

    Parameters
    ----------
    wall
        Seconds from the call to its return: parsing, models, closing.
    models
        Seconds by model; two run at a time, so their sum may exceed the wall.
    busy
        Seconds from the first model's start to the last one's end.
    """

    wall: float
    busy: float
    models: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Sum over the models, in seconds."""
        return sum(self.models.values())


def seconds(job: Callable[[], object]) -> float:
    """Return how long a job took, in seconds."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


def dbt(settings: Settings, arguments: Sequence[str]) -> DbtTimes:
    """Run a dbt command that has to succeed, and time it."""
    gc.collect()
    models: dict[str, float] = {}
    moments: list[datetime] = []
    run: Generator[dict[str, Any], None, DbtOutcome] = run_dbt(settings, ["--quiet", *arguments])
    started = time.perf_counter()
    while True:
        try:
            event = next(run)
        except StopIteration as stopped:
            outcome: DbtOutcome = stopped.value
            break
        data = event["data"]
        node = data["node_info"]
        models[node["node_name"]] = float(data["execution_time"])
        moments += [
            datetime.fromisoformat(node[key]) for key in ("node_started_at", "node_finished_at") if node.get(key)
        ]
    wall = time.perf_counter() - started
    if not outcome.success:
        sys.exit(f"dbt {' '.join(arguments)} failed, so nothing was measured: {outcome.failures or outcome.message}")
    return DbtTimes(wall, (max(moments) - min(moments)).total_seconds() if moments else 0.0, models)


def identity_step(settings: Settings) -> DbtTimes:
    """Run the models up to the person of each record."""
    return dbt(settings, ["run", "--select", *SELECTED])


def with_seeds(settings: Settings) -> Settings:
    """Read the rules into a warehouse; dbt's parse is warm afterwards."""
    dbt(settings, ["seed"])
    return settings


def limit_sql() -> str:
    """Return the limit's query: read the raw columns, normalise by the plainest staged rule, aggregate once."""
    branches = " union all ".join(
        f"select email, {'phone' if table != 'engagement__interactions' else 'cast(null as varchar)'} as phone, anonymous_id, "
        f"wechat_openid as openid, external_id from {qualified('raw', table)}"
        for table in PERSON_TABLES
    )
    return f"""
    with raw_rows as ({branches}),
    trimmed as (
        select
            lower(trim(email)) as email, translate(phone, ' -().+', '') as digits, left(trim(phone), 1) = '+' as has_plus,
            trim(anonymous_id) as anonymous_id, trim(openid) as openid, trim(external_id) as external_id
        from raw_rows
    ),
    parted as (
        select *, split_part(split_part(email, '@', 1), '+', 1) as local_part, split_part(email, '@', 2) as domain from trimmed
    ),
    normal as (
        select
            case when domain in ('gmail.com', 'googlemail.com') then replace(local_part, '.', '') || '@gmail.com' else local_part || '@' || domain end
                as email,
            case when has_plus then digits when left(digits, 1) = '0' then '49' || substr(digits, 2) else '86' || digits end as phone,
            anonymous_id, openid, external_id
        from parted
    ),
    keys as (
        select unnest([
            case when email is not null then hash(1, email) end, case when phone is not null then hash(2, phone) end,
            case when anonymous_id is not null then hash(3, anonymous_id) end, case when openid is not null then hash(4, openid) end,
            case when external_id is not null then hash(5, external_id) end
        ]) as key
        from normal
    )
    select count(*) as identifiers, max(record_count) as most
    from (select key, count(*) as record_count from keys where key is not null group by key)
    """


def limit_seconds(settings: Settings) -> float:
    """Return the median time of the limit's query."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        query = limit_sql()
        return statistics.median(seconds(lambda: connection.execute(query).fetchall()) for _ in range(REPEATS))


def own_rules_seconds(settings: Settings, times: DbtTimes) -> float:
    """Return what our own reading and normalising cost, with one hash aggregate over what it found."""
    query = (
        "select count(*) from (select identifier_key, count(*) as record_count "
        f"from {qualified('intermediate', 'int_identity__identifier_sightings')} group by identifier_key)"
    )
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        aggregate = statistics.median(seconds(lambda: connection.execute(query).fetchall()) for _ in range(REPEATS))
    return aggregate + sum(taken for model, taken in times.models.items() if model.startswith(NORMALISING))


def differing_ids(one: Settings, other: Settings) -> int:
    """Count the records whose person differs between two warehouses, or that only one of them holds."""
    table = qualified("intermediate", "int_identity__record_persons")
    with duckdb.connect(str(one.warehouse_path), read_only=True) as connection:
        connection.execute(f"attach {quote_literal(str(other.warehouse_path))} as other (read_only)")
        rows = connection.execute(
            f"select count(*) from {table} as mine full join other.{table} as theirs on mine.record_id = theirs.record_id "
            "where mine.person_id is distinct from theirs.person_id"
        ).fetchall()
    return int(rows[0][0])


def agreement_with_truth(settings: Settings, truth_file: Path) -> list[Line]:
    """Compare persons with the truth: pairs, B-cubed, the largest cluster.

    Records whose true person nobody can tell (the bare touches of a kiosk) are left out. Recall counts the pairs of a person
    that usable evidence connects, over any number of records.
    """
    connection = duckdb.connect()
    connection.execute(f"attach {quote_literal(str(settings.warehouse_path))} as warehouse (read_only)")
    connection.execute(f"attach {quote_literal(str(truth_file))} as truth (read_only)")
    connection.execute(
        """
        create table judged as
        with certain as (
            select record_id, min(person) as person from truth.shown_person group by record_id having count(distinct person) = 1
        )
        select row_number() over () - 1 as number, certain.record_id, certain.person as true_person, found.person_id
        from certain inner join warehouse.intermediate.int_identity__record_persons as found on certain.record_id = found.record_id
        """
    )
    edges = connection.execute(
        """
        with evidence as (
            select distinct judged.number, dense_rank() over (order by judged.true_person, shown.identifier) as identifier
            from truth.shown_evidence as shown inner join judged on shown.record_id = judged.record_id
        )
        select number, identifier from evidence
        """
    ).fetchnumpy()
    count = connection.execute("select count(*) from judged").fetchall()[0][0]
    groups = union_of_bipartite(edges["number"], edges["identifier"], count)
    numbers = np.arange(count)
    connection.register("grouped", {"number": numbers, "evidence_group": groups})
    return figures_of_clusters(
        connection,
        "select judged.record_id, judged.true_person, judged.person_id, grouped.evidence_group from judged "
        "inner join grouped on judged.number = grouped.number",
    )


def union_of_bipartite(left: np.ndarray, right: np.ndarray, left_count: int) -> np.ndarray:
    """Return the component of each left node of a bipartite graph."""
    right_count = int(right.max()) + 1 if len(right) else 0
    size = left_count + right_count
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right + left_count)), shape=(size, size))
    return connected_components(graph, directed=False)[1][:left_count]


def figures_of_clusters(connection: duckdb.DuckDBPyConnection, query: str) -> list[Line]:
    """Return pair and B-cubed figures of rows (record_id, true_person, person_id, evidence_group)."""
    connection.execute(f"create or replace table compared as {query}")
    connection.execute(
        """
        create or replace table shared_sizes as
        select person_id, true_person, count(*) as n,
            sum(count(*)) over (partition by person_id) as found_size, sum(count(*)) over (partition by true_person) as true_size
        from compared group by person_id, true_person
        """
    )
    precision, b3_precision, b3_recall, recall_all, largest, largest_true = connection.execute(
        """
        select
            sum(n * (n - 1)) / nullif((select sum(m * (m - 1)) from (select count(*) as m from compared group by person_id)), 0),
            sum(n * n / found_size) / sum(n),
            sum(n * n / true_size) / sum(n),
            sum(n * (n - 1)) / nullif((select sum(m * (m - 1)) from (select count(*) as m from compared group by true_person)), 0),
            max(found_size), max(true_size)
        from shared_sizes
        """
    ).fetchall()[0]
    recall, evident_b3 = connection.execute(
        """
        with reached as (select person_id, true_person, evidence_group, count(*) as n from compared group by all),
        possible as (select true_person, evidence_group, count(*) as n from compared group by all)
        select
            (select sum(n * (n - 1)) from reached) / nullif((select sum(n * (n - 1)) from possible), 0),
            (select sum(reached.n * reached.n / possible.n) / sum(reached.n) from reached inner join possible using (true_person, evidence_group))
        """
    ).fetchall()[0]
    how = "records whose true person is certain"
    return [
        Line("pair precision", precision, "", 0.999, is_floor=True, how=how),
        Line("pair recall, pairs that usable evidence connects", recall, "", 0.97, is_floor=True, how=how),
        Line("pair recall, all true pairs", recall_all, "", how="most of what is missing shares nothing usable"),
        Line(
            "B-cubed F, records that evidence connects",
            2 * b3_precision * evident_b3 / (b3_precision + evident_b3),
            "",
            0.98,
            is_floor=True,
            how=f"precision {b3_precision:.4f}, recall {evident_b3:.4f}",
        ),
        Line(
            "B-cubed F, all records",
            2 * b3_precision * b3_recall / (b3_precision + b3_recall),
            "",
            how=f"recall {b3_recall:.4f}",
        ),
        Line("largest cluster", float(largest), "records", float(largest_true), how="bar: the truth's largest"),
    ]


TINY_PROJECT = """
name: leadrelay
version: "0.0.1"
config-version: 2
profile: leadrelay
model-paths: [models]
macro-paths: [macros]
"""


def tiny_project(folder: Path) -> Settings:
    """Return settings of a dbt project that holds the project's macros and one component model per edge table."""
    project = folder / "dbt_project"
    (project / "models").mkdir(parents=True)
    copytree(PROJECT_ROOT / "dbt_project" / "macros", project / "macros")
    (project / "dbt_project.yml").write_text(TINY_PROJECT, encoding="utf-8")
    (project / "profiles.yml").write_bytes((PROJECT_ROOT / "dbt_project" / "profiles.yml").read_bytes())
    (project / "models" / "sources.yml").write_text(
        "version: 2\nsources:\n  - name: ops\n    schema: main\n    tables: [{name: as_of}]\n", encoding="utf-8"
    )
    return Settings(home=folder, sources_file=folder / "sources.yml", project_root=folder)


def clustering_lines(settings: Settings, folder: Path) -> list[Line]:
    """Time the component SQL and scipy on the same edges: the warehouse's own, a chain of rising ids, a hub."""
    tiny = tiny_project(folder)
    graphs = {
        "real": "select a.birth_order as node_a, b.birth_order as node_b, edges.trust_rank "
        "from intermediate.int_identity__edges as edges "
        "inner join intermediate.int_identity__records as a on edges.record_id_a = a.record_id "
        "inner join intermediate.int_identity__records as b on edges.record_id_b = b.record_id",
        "chain": f"select number as node_a, number + 1 as node_b, 1 as trust_rank from range(1, {CHAIN_LENGTH}) as chain (number)",
        "hub": f"select number as node_a, 0 as node_b, 1 as trust_rank from range(1, {HUB_SIZE}) as hub (number)",
    }
    # opened by its own name, since the views in it know it by that
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(f"attach {quote_literal(str(tiny.warehouse_path))} as graphs")
        for name, query in graphs.items():
            connection.execute(f"create table graphs.{quote_identifier(name + '_edges')} as {query}")
    for name in graphs:
        sql = f"{{{{ config(materialized='components') }}}}\nselect node_a, node_b, trust_rank from main.{name}_edges"
        (tiny.dbt_project_dir / "models" / f"{name}_components.sql").write_text(sql, encoding="utf-8")
    dbt(tiny, ["parse"])
    ours: dict[str, list[float]] = {name: [] for name in graphs}
    theirs: dict[str, list[float]] = {name: [] for name in graphs}
    for _ in range(REPEATS):
        for name in graphs:
            ours[name].append(dbt(tiny, ["run", "--select", f"{name}_components"]).total)
            theirs[name].append(seconds(lambda graph=name: scipy_components(tiny.warehouse_path, graph)))
    with duckdb.connect(str(tiny.warehouse_path), read_only=True) as connection:
        for name in graphs:
            differing = connection.execute(
                f"select count(*) from {name}_components as mine (node, component) full join {name}_scipy as theirs using (node) "
                "where mine.component is distinct from theirs.component"
            ).fetchall()[0][0]
            if differing:
                sys.exit(f"components of {name} differ from scipy's on {differing} nodes, so their time says nothing")
        edges = connection.execute("select count(*) from real_edges").fetchall()[0][0]
    best = {name: (statistics.median(ours[name]), statistics.median(theirs[name])) for name in graphs}
    return [
        Line(
            "clustering / scipy on the same edges",
            best["real"][0] / best["real"][1],
            "x",
            2,
            how=f"{edges:,} edges, {best['real'][0]:.2f} s against {best['real'][1]:.2f} s with reading and writing",
        ),
        Line(f"chain of {CHAIN_LENGTH:,} rising ids", best["chain"][0], "s", 1, how=f"scipy {best['chain'][1]:.2f} s"),
        Line(f"hub of {HUB_SIZE:,}", best["hub"][0], "s", 3, how=f"scipy {best['hub'][1]:.2f} s"),
    ]


def scipy_components(path: Path, graph: str) -> None:
    """Read edges from a file, encode and label them, write (node, component): the work of the materialization."""
    with duckdb.connect(str(path)) as connection:
        edges = connection.execute(f"select node_a, node_b from {graph}_edges").fetchnumpy()
        nodes, ends = np.unique(np.concatenate([edges["node_a"], edges["node_b"]]), return_inverse=True)
        half = len(ends) // 2
        graph_of = coo_array((np.ones(half, dtype=np.int8), (ends[:half], ends[half:])), shape=(len(nodes), len(nodes)))
        count, labels = connected_components(graph_of, directed=False)
        # nodes are sorted, so the first of a label is its smallest
        smallest = np.full(count, len(nodes), dtype=np.int64)
        np.minimum.at(smallest, labels, np.arange(len(nodes)))
        connection.register("found", {"node": nodes, "component": nodes[smallest[labels]]})
        connection.execute(f"create or replace table {graph}_scipy as select * from found")


def slowest(times: DbtTimes, many: int = 25) -> str:
    """Return the models that took longest, as a table."""
    ranked = sorted(times.models.items(), key=lambda item: -item[1])[:many]
    rows = [f"| {model} | {taken:.2f} |" for model, taken in ranked if taken >= WORTH_A_LINE_SECONDS]
    return "\n".join(["| model | s |", "|---|---|", *rows])


def fixed_overhead(folder: Path) -> float:
    """Return the wall of the identity step on a warehouse without a row: what dbt itself costs."""
    empty = Settings(home=folder, sources_file=folder / "sources.yml")
    with open_warehouse(empty) as connection:
        connection.execute("insert into ops.as_of values ('2025-01-01')")
    with_seeds(empty)
    identity_step(empty)
    return identity_step(empty).wall


def measure(records: int, folder: Path, report: Callable[[str], None]) -> list[Line]:
    """Make a world, resolve it, add a night, resolve again, rebuild, compare.

    Parameters
    ----------
    records
        Rows in the person tables at first.
    folder
        Where the warehouses go.
    report
        Called with each table of model times as soon as it is known.

    Returns
    -------
    list of Line
        In the order of the question: limit, full, night, ids, quality, clustering.
    """
    settings = Settings(home=folder / "home", sources_file=folder / "sources.yml")
    truth = folder / "truth.duckdb"
    made = seconds(lambda: make_rows(settings, truth, base_batch(records)))
    report(f"{records:,} rows made in {made:.1f} s")
    overhead = fixed_overhead(folder / "empty")
    with_seeds(settings)
    full = identity_step(settings)
    limit = limit_seconds(settings)
    own = own_rules_seconds(settings, full)
    report(
        f"full identity step: wall {full.wall:.1f} s, busy {full.busy:.1f} s, models {full.total:.1f} s; limit {limit:.2f} s; "
        f"dbt without rows {overhead:.1f} s\n\n{slowest(full)}"
    )
    empty_night = identity_step(settings)
    make_rows(settings, truth, night_batch(records, NIGHT_SHARE))
    night = identity_step(settings)
    report(
        f"night of {NIGHT_SHARE:.0%}: wall {night.wall:.1f} s, busy {night.busy:.1f} s, models {night.total:.1f} s\n\n{slowest(night)}"
    )
    rebuilt = Settings(home=folder / "rebuilt", sources_file=folder / "sources.yml")
    copy_raw(settings, rebuilt)
    with_seeds(rebuilt)
    rebuild = identity_step(rebuilt)
    differing = differing_ids(settings, rebuilt)
    # an empty night in full mode costs a whole run: to subtract it would make every night look free
    lines = [
        Line("limit: read, normalise, one aggregate", limit, "s", how="plainest staged rule, median of three"),
        Line("limit with our own normalisation", own, "s", how="models that read and normalise, and one aggregate"),
        Line(
            "full step / limit",
            (full.wall - overhead) / limit,
            "x",
            3,
            how=f"wall {full.wall:.1f} s less {overhead:.1f} s of dbt without a row",
        ),
        Line("full step / limit, whole wall", full.wall / limit, "x"),
        Line("full step / limit, sum of models", full.total / limit, "x", how=f"{full.total:.1f} s, two at a time"),
        Line("full step / limit with our own normalisation", (full.wall - overhead) / own, "x"),
        Line(
            "1 % night / full",
            (night.wall - overhead) / (rebuild.wall - overhead),
            "x",
            0.1,
            how=f"walls {night.wall:.1f} and {rebuild.wall:.1f} s, each less {overhead:.1f} s of dbt without a row",
        ),
        Line(
            "1 % night less an empty night",
            night.wall - empty_night.wall,
            "s",
            how=f"empty night {empty_night.wall:.1f} s",
        ),
        Line("1 % night / full, sum of models", night.total / rebuild.total, "x"),
        Line("differing person ids, night against rebuild", float(differing), "", 0),
    ]
    lines += agreement_with_truth(rebuilt, truth)
    report(table_of(lines))
    return lines + clustering_lines(rebuilt, folder / "clustering")


def measure_sample(people: int, folder: Path, report: Callable[[str], None]) -> list[Line]:
    """Resolve leadrelay's own sample company and compare it with its truth."""
    settings = Settings(home=folder / "home", sources_file=PROJECT_ROOT / "sources.yml")
    made = seconds(lambda: write_sample(settings.landing_dir, people, 540, seed=1, file_format="parquet"))
    report(f"{people:,} people made in {made:.1f} s")

    def load() -> None:
        with warehouse.connect(settings) as connection:
            warehouse.prepare(connection)
            for entry in load_sources(settings.sources_file, load_contract(settings.models_dir)).tables.values():
                load_table(connection, settings, entry.table, entry.feeds, run_id="benchmark")
            warehouse.write_as_of(connection, None)

    loaded = seconds(load)
    report(f"loaded in {loaded:.1f} s")
    with_seeds(settings)
    times = identity_step(settings)
    report(f"identity: wall {times.wall:.1f} s, models {times.total:.1f} s\n\n{slowest(times)}")
    connection = duckdb.connect()
    connection.execute(f"attach {quote_literal(str(settings.warehouse_path))} as warehouse (read_only)")
    truth = quote_literal(str(settings.home / "truth" / "record_truth.parquet"))
    query = (
        "select found.record_id, truth.true_person, found.person_id, truth.evidence_group "
        f"from read_parquet({truth}) as truth inner join warehouse.intermediate.int_identity__record_persons as found "
        "on found.record_id = md5(truth.source_system || '|' || truth.source_table || '|' || truth.record_key)"
    )
    return [
        Line("sample company made", made, "s"),
        Line("loaded", loaded, "s"),
        Line("identity, wall", times.wall, "s"),
        *figures_of_clusters(connection, query),
    ]


def table_of(lines: Sequence[Line]) -> str:
    """Return figures as a table for people."""
    rows = [
        f"| {line.what} | {line.figure:,.4g} {line.unit} | {'' if line.bar is None else f'{line.bar:g} {line.unit}'} | {line.verdict} | {line.how} |"
        for line in lines
    ]
    return "\n".join(["| what | figure | bar | verdict | how |", "|---|---|---|---|---|", *rows])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--sample-people", type=int, help="measure the sample company of so many people instead")
    parser.add_argument("--folder", type=Path, help="keep the warehouses here (the folder is emptied first)")
    options = parser.parse_args()
    switch_off_usage_reporting()

    def report(text: str) -> None:
        print(text, "\n", flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if options.folder and options.folder.exists():
            rmtree(options.folder)
        folder.mkdir(parents=True, exist_ok=True)
        if options.sample_people:
            lines = measure_sample(options.sample_people, folder, report)
        else:
            lines = measure(options.records, folder, report)
    print(table_of(lines))


if __name__ == "__main__":
    main()

"""The project's own component SQL, run by dbt, against a plain union-find.

What belongs here: graphs. Hundreds of them lie side by side in one table, told apart by their node names, so that one dbt run
serves all. What does not: identity rules, which have their own tests.
"""

import itertools
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

MACROS = Path(__file__).resolve().parents[3] / "dbt_project" / "macros"
GRAPHS = 300
CHAIN_LENGTH = 100_000
HUB_SIZE = 20_000

Edge = tuple[str, str, int]
Run = tuple[duckdb.DuckDBPyConnection, list[Edge], list[Edge], dict[str, str]]

PROJECT = """
name: leadrelay
version: "0.0.1"
config-version: 2
profile: leadrelay
model-paths: [models]
macro-paths: [macros]
"""

PROFILE = """
leadrelay:
  target: duckdb
  outputs:
    duckdb: {{type: duckdb, path: "{path}", schema: main, threads: 1}}
"""

MODEL = "{{ config(materialized='components') }}\nselect node_a, node_b, trust_rank from main.edges"
UNIQUE_MODEL = """-- depends_on: {{ ref('unique_values') }}
{{ config(materialized='components', unique_values='unique_values') }}
select node_a, node_b, trust_rank from main.conflict_edges
"""


class UnionFind:
    """Smallest name represents its set; path halving."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, node: str) -> str:
        """Return the smallest node of the set."""
        self.parent.setdefault(node, node)
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def join(self, left: str, right: str) -> None:
        """Put both into one set."""
        low, high = sorted((self.find(left), self.find(right)))
        self.parent[high] = low


def components_of(edges: Iterable[Edge]) -> dict[str, str]:
    """Return node -> smallest node of its component."""
    sets = UnionFind()
    for left, right, _ in edges:
        sets.join(left, right)
    return {node: sets.find(node) for node in sets.parent}


def admitted_by_rank(edges: list[Edge], values: dict[str, str]) -> dict[str, str]:
    """Return components where no two values meet: links of a conflicted component come back rank by rank, all or none."""
    whole = components_of(edges)
    shown: dict[str, set[str]] = defaultdict(set)
    for node, value in values.items():
        shown[whole.get(node, node)].add(value)
    conflicted = {label for label, found in shown.items() if len(found) > 1}
    now = {node: node if label in conflicted else label for node, label in whole.items()}
    for rank in sorted({rank for _, _, rank in edges}):
        links = [(now[a], now[b], rank) for a, b, r in edges if r == rank and whole[a] in conflicted]
        tried = components_of(links)
        seen: dict[str, set[str]] = defaultdict(set)
        for node, label in now.items():
            if node in values and label in tried:
                seen[tried[label]].add(values[node])
        now = {
            node: tried[label] if label in tried and len(seen[tried[label]]) <= 1 else label
            for node, label in now.items()
        }
    return now


def random_graphs(seed: int) -> tuple[list[Edge], dict[str, str]]:
    """Return edges of many small graphs (paths, stars, random ones, self-loops, repeats) and unique values on some nodes."""
    rng = random.Random(seed)
    edges: list[Edge] = []
    values: dict[str, str] = {}
    for graph in range(GRAPHS):
        size = rng.choice([1, 2, 3, 5, 8, 13, 40])
        nodes = [f"g{graph:04d}_{rng.randrange(10**9):09d}_{index}" for index in range(size)]
        shape = rng.choice(["random", "path", "rising path", "star", "sparse"])
        if shape == "rising path":
            nodes.sort()
        if shape.endswith("path"):
            pairs = list(itertools.pairwise(nodes))
        elif shape == "star":
            pairs = [(nodes[0], node) for node in nodes]
        else:
            count = size if shape == "random" else size // 2
            pairs = [(rng.choice(nodes), rng.choice(nodes)) for _ in range(count)]
        edges += [(a, b, rng.randint(1, 4)) if rng.random() < 0.5 else (b, a, rng.randint(1, 4)) for a, b in pairs]
        for node in nodes:
            if rng.random() < 0.15:
                values[node] = f"v{rng.randint(1, 2)}"
    rng.shuffle(edges)
    return edges, values


@pytest.fixture(scope="module")
def run_of_dbt(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Build both component tables once and return an open connection with what went in."""
    folder = tmp_path_factory.mktemp("components")
    (folder / "models").mkdir()
    for name in ("identity/connected_components.sql", "materializations/components.sql", "dialect/spread_hash.sql"):
        (folder / "macros" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MACROS / name, folder / "macros" / name)
    database = folder / "graphs.duckdb"
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(PROFILE.format(path=database))
    (folder / "models" / "found_components.sql").write_text(MODEL)
    (folder / "models" / "unique_values.sql").write_text(
        "{{ config(materialized='table') }}\nselect * from main.shown_values"
    )
    (folder / "models" / "found_unique.sql").write_text(UNIQUE_MODEL)

    conflict_edges, values = random_graphs(seed=2)
    edges, _ = random_graphs(seed=1)
    # a device hopped in time order: names rise along the chain, the case that plain label propagation cannot finish
    edges += [(f"chain_{i:07d}", f"chain_{i + 1:07d}", 1) for i in range(CHAIN_LENGTH)]
    edges += [(f"hub_{i:07d}", "hub_centre", 1) for i in range(HUB_SIZE)]
    with duckdb.connect(str(database)) as connection:
        for table, rows in (("edges", edges), ("conflict_edges", conflict_edges)):
            connection.execute(f"create table {table} (node_a varchar, node_b varchar, trust_rank integer)")
            columns = list(zip(*rows, strict=True))
            connection.execute(
                f"insert into {table} select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::integer[])",
                [list(column) for column in columns],
            )
        connection.execute("create table shown_values (node_id varchar, namespace varchar, value varchar)")
        connection.execute(
            "insert into shown_values select unnest(?::varchar[]), 'contact', unnest(?::varchar[])",
            [list(values), list(values.values())],
        )
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "--log-path", str(folder / "log"), "run"]
    paths = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--target-path", str(folder / "target")]
    finished = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return duckdb.connect(str(database), read_only=True), edges, conflict_edges, values


def expect_the_components_of_union_find(
    connection: duckdb.DuckDBPyConnection, table: str, expected: dict[str, str]
) -> None:
    """Compare node by node, naming the first differing nodes."""
    found = dict(connection.execute(f"select node_id, component_id from {table}").fetchall())
    differing = sorted(node for node in expected.keys() | found.keys() if expected.get(node) != found.get(node))
    assert not differing, [(node, expected.get(node), found.get(node)) for node in differing[:3]]


def test_components_are_those_of_union_find_on_random_graphs_a_chain_and_a_hub(run_of_dbt: Run) -> None:
    connection, edges, _, _ = run_of_dbt
    expect_the_components_of_union_find(connection, "found_components", components_of(edges))


def test_two_unique_values_never_share_a_component_and_links_come_back_by_rank(run_of_dbt: Run) -> None:
    connection, _, edges, values = run_of_dbt
    expect_the_components_of_union_find(connection, "found_unique", admitted_by_rank(edges, values))


def test_no_component_of_the_unique_run_shows_two_values(run_of_dbt: Run) -> None:
    connection, *_ = run_of_dbt
    shared = connection.execute(
        "select component_id from found_unique inner join shown_values using (node_id) "
        "group by component_id having count(distinct value) > 1"
    ).fetchall()
    assert shared == []

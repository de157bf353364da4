"""The project's own component SQL, run by dbt, against a plain union-find.

What belongs here: graphs. Hundreds of them lie side by side in one table, told apart by their node names, so that one dbt run
serves all. What does not: identity rules, which have their own tests.
"""

import itertools
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

MACROS = Path(__file__).resolve().parents[3] / "dbt_project" / "macros"
GRAPHS = 300
CHAIN_LENGTH = 100_000
HUB_SIZE = 200_000

Edge = tuple[str, str]
Run = tuple[dict[int, int], list[tuple[int, int]]]

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

MODEL = "{{ config(materialized='components') }}\nselect node_a, node_b, 1 as trust_rank from main.edges"


def components_of(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return node -> smallest node of its component, by union-find with path halving."""
    parent: dict[int, int] = {}

    def find(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in edges:
        low, high = sorted((find(left), find(right)))
        parent[high] = low
    return {node: find(node) for node in parent}


def random_graphs(seed: int) -> list[Edge]:
    """Return edges of many small graphs: paths, stars, random ones, self-loops, repeats."""
    rng = random.Random(seed)
    edges: list[Edge] = []
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
        edges += [(a, b) if rng.random() < 0.5 else (b, a) for a, b in pairs]
    rng.shuffle(edges)
    return edges


@pytest.fixture(scope="module")
def run_of_dbt(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Build the component table once and return what it says with the edges that went in, nodes numbered by their names."""
    folder = tmp_path_factory.mktemp("components")
    (folder / "models").mkdir()
    for name in (
        "identity/connected_components.sql",
        "materializations/components.sql",
        "dialect/replace_table.sql",
        "dialect/run_statements.sql",
        "dialect/spread_hash.sql",
        "dialect/scratch_tables.sql",
    ):
        (folder / "macros" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(MACROS / name, folder / "macros" / name)
    database = folder / "graphs.duckdb"
    (folder / "dbt_project.yml").write_text(PROJECT)
    (folder / "profiles.yml").write_text(PROFILE.format(path=database))
    (folder / "models" / "found_components.sql").write_text(MODEL)

    named = random_graphs(seed=1)
    # a device hopped in time order: names rise along the chain, the case that plain label propagation cannot finish
    named += [(f"chain_{i:07d}", f"chain_{i + 1:07d}") for i in range(CHAIN_LENGTH)]
    named += [(f"hub_{i:07d}", "hub_centre") for i in range(HUB_SIZE)]
    number = {name: place for place, name in enumerate(sorted({name for edge in named for name in edge}))}
    edges = [(number[a], number[b]) for a, b in named]
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table edges (node_a bigint, node_b bigint)")
        connection.execute(
            "insert into edges select unnest(?::bigint[]), unnest(?::bigint[])",
            [list(column) for column in zip(*edges, strict=True)],
        )
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "--log-path", str(folder / "log"), "run"]
    paths = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--target-path", str(folder / "target")]
    finished = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    with duckdb.connect(str(database), read_only=True) as connection:
        found = dict(connection.execute("select node, component from main.found_components").fetchall())
        left_over = connection.execute(
            "select table_name from information_schema.tables where table_name <> 'found_components' and table_name <> 'edges'"
        ).fetchall()
    assert left_over == []
    return found, edges


def test_components_are_those_of_union_find_on_random_graphs_a_chain_and_a_hub(run_of_dbt: Run) -> None:
    found, edges = run_of_dbt
    # a link of a node to itself makes no component
    expected = components_of((a, b) for a, b in edges if a != b)
    differing = sorted(node for node in expected.keys() | found.keys() if expected.get(node) != found.get(node))
    assert not differing, [(node, expected.get(node), found.get(node)) for node in differing[:3]]

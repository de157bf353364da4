"""Components under unique values, by what must hold whatever the algorithm: random graphs in which values collide.

What belongs here: claims about any right answer. The plain components, without values, are held against union-find in
`test_connected_components`. Hundreds of graphs lie side by side in one table, so one dbt run serves all; a second run has the
rows in another order, the ends of each link exchanged and another number of threads.
"""

import itertools
import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish

GRAPHS = 250
RANKS = 5
TRUSTED = 2

Edge = tuple[int, int, int]
Value = tuple[str, str]

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
    duckdb:
      type: duckdb
      path: "{{{{ env_var('LEADRELAY_WAREHOUSE') }}}}"
      schema: main
      threads: {threads}
      settings: {{threads: {threads}}}
"""

SOURCES = """
version: 2
sources:
  - name: ops
    schema: main
    tables: [{name: as_of}]
"""

MODEL = """-- depends_on: {{{{ ref('unique_values') }}}}
{{{{ config(materialized='components', unique_values='unique_values') }}}}
select node_a, node_b, trust_rank from main.edges where trust_rank <= {most}
"""


@dataclass(frozen=True)
class Graphs:
    """Links with their trust, and the values that nodes show: at most one of a namespace on one node."""

    edges: list[Edge]
    values: dict[int, dict[str, str]]


@dataclass(frozen=True)
class Found:
    """What the models made of the graphs: node -> component, by all links and by the trusted ones alone."""

    component: dict[int, int]
    is_conflicted: dict[int, bool]
    by_trusted: dict[int, int]


def union(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return node -> smallest node of its component."""
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
    return {node: find(node) for node in list(parent)}


def pairs_of(shape: str, nodes: list[int], dice: random.Random) -> list[tuple[int, int]]:
    """Return the links of a graph of some shape."""
    size = len(nodes)
    match shape:
        case "path":
            return list(itertools.pairwise(nodes))
        case "rising path":
            return list(itertools.pairwise(sorted(nodes)))
        case "star":
            return [(nodes[0], node) for node in nodes[1:]]
        case "clique":
            return list(itertools.combinations(nodes[:8], 2))
        case "camps":
            left, right = nodes[: size // 2], nodes[size // 2 :]
            bridges = [(dice.choice(left), dice.choice(right)) for _ in range(2)]
            return [*itertools.pairwise(left), *itertools.pairwise(right), *bridges]
        case _:
            return [(dice.choice(nodes), dice.choice(nodes)) for _ in range(2 * size if shape == "dense" else size)]


def make_graphs(seed: int) -> Graphs:
    """Return many small graphs and a few large ones: paths, stars, cliques, bridges between camps, values here and there."""
    dice = random.Random(seed)
    edges: list[Edge] = []
    values: dict[int, dict[str, str]] = {}
    # the numbers of nodes say nothing about their place
    numbers = list(range(1, 40_000))
    dice.shuffle(numbers)
    unused = iter(numbers)
    for _ in range(GRAPHS):
        nodes = list(itertools.islice(unused, dice.choice([2, 3, 4, 5, 6, 8, 13, 21, 40])))
        shape = dice.choice(["path", "rising path", "star", "clique", "camps", "dense", "sparse"])
        ranks = dice.choice([[1], [1, 2, 3, 4, 5], [2, 4], [0, 5]])
        edges += [(a, b, dice.choice(ranks)) for a, b in pairs_of(shape, nodes, dice)]
        share = dice.choice([0.05, 0.2, 0.5, 1.0])
        for node in nodes:
            if dice.random() < share:
                values.setdefault(node, {})["contact"] = f"contact {dice.randint(1, dice.choice([2, 2, 6]))}"
            if dice.random() < share / 4:
                values.setdefault(node, {})["steward"] = dice.choice(["left", "right"])
    # one weak number on many people of whom some are contacts; a path whose two ends may never meet
    hub = list(itertools.islice(unused, 2_000))
    edges += [(hub[0], node, 5) for node in hub[1:]]
    for number, node in enumerate(hub[1:1_500:50]):
        values[node] = {"contact": f"hub {number}"}
    path = list(itertools.islice(unused, 40))
    edges += [(a, b, 3) for a, b in itertools.pairwise(path)]
    values[path[0]], values[path[-1]] = {"contact": "here"}, {"contact": "there"}
    return Graphs(edges, values)


def resolve(folder: Path, graphs: Graphs, threads: int, shuffle: int | None) -> Found:
    """Let dbt build the components of the graphs."""
    project = folder / "dbt_project"
    (project / "models").mkdir(parents=True)
    shutil.copytree(PROJECT_ROOT / "dbt_project" / "macros", project / "macros")
    (project / "dbt_project.yml").write_text(PROJECT)
    (project / "profiles.yml").write_text(PROFILE.format(threads=threads))
    (project / "models" / "sources.yml").write_text(SOURCES)
    unique = "{{ config(materialized='table') }}\nselect node, namespace, value from main.shown_values"
    (project / "models" / "unique_values.sql").write_text(unique)
    (project / "models" / "by_all.sql").write_text(MODEL.format(most=RANKS))
    (project / "models" / "by_trusted.sql").write_text(MODEL.format(most=TRUSTED))
    edges = list(graphs.edges)
    shown = [(node, namespace, value) for node, found in graphs.values.items() for namespace, value in found.items()]
    if shuffle is not None:
        dice = random.Random(shuffle)
        edges = [(b, a, rank) if dice.random() < 0.5 else (a, b, rank) for a, b, rank in edges]
        dice.shuffle(edges)
        dice.shuffle(shown)
    settings = Settings(home=folder, sources_file=folder / "sources.yml", project_root=folder)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        a, b, rank = zip(*edges, strict=True)
        connection.register(
            "made_edges", pa.table({"node_a": a, "node_b": b, "trust_rank": pa.array(rank, pa.int32())})
        )
        connection.execute("create table edges as select * from made_edges")
        node, namespace, value = zip(*shown, strict=True)
        connection.register("made_values", pa.table({"node": node, "namespace": namespace, "value": value}))
        connection.execute("create table shown_values as select * from made_values")
    outcome = finish(run_dbt(settings, ["--quiet", "run"]))
    assert outcome.success, outcome.failures or outcome.message
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        rows = connection.execute("select node, component, is_conflicted from by_all").fetchall()
        trusted = connection.execute("select node, component from by_trusted").fetchall()
    return Found({row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows}, dict(trusted))


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    return make_graphs(seed=4)


@pytest.fixture(scope="module")
def found(graphs: Graphs, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return resolve(tmp_path_factory.mktemp("constrained"), graphs, threads=4, shuffle=None)


def members(component: Mapping[int, int]) -> dict[int, list[int]]:
    """Return the nodes of each component."""
    listed: dict[int, list[int]] = defaultdict(list)
    for node, label in component.items():
        listed[label].append(node)
    return listed


def values_of(nodes: Iterable[int], graphs: Graphs) -> dict[str, set[str]]:
    """Return the values that some nodes show, by namespace."""
    shown: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        for namespace, value in graphs.values.get(node, {}).items():
            shown[namespace].add(value)
    return shown


def collides(*sides: Mapping[str, set[str]]) -> bool:
    """Say whether some namespace would show two values if the sides were one."""
    namespaces = set().union(*sides)
    return any(len(set().union(*(side.get(namespace, set()) for side in sides))) > 1 for namespace in namespaces)


def test_no_component_shows_two_values_of_a_namespace(graphs: Graphs, found: Found) -> None:
    for component in (found.component, found.by_trusted):
        shown = {label: values_of(nodes, graphs) for label, nodes in members(component).items()}
        assert [label for label, values in shown.items() if collides(values)] == []


def test_components_without_a_conflict_are_those_of_union_find(graphs: Graphs, found: Found) -> None:
    whole = union((a, b) for a, b, _ in graphs.edges)
    calm = {label for label, nodes in members(whole).items() if not collides(values_of(nodes, graphs))}
    assert len(calm) > GRAPHS // 10
    expected = {node: label for node, label in whole.items() if label in calm}
    # a link of a node to itself may or may not list the node; both say the same
    assert {node: found.component.get(node, node) for node in expected} == expected
    assert not [node for node in expected if found.is_conflicted.get(node, False)]


def test_components_with_a_conflict_are_marked(graphs: Graphs, found: Found) -> None:
    whole = union((a, b) for a, b, _ in graphs.edges if a != b)
    torn = {label for label, nodes in members(whole).items() if collides(values_of(nodes, graphs))}
    assert len(torn) > GRAPHS // 10
    assert {node for node, marked in found.is_conflicted.items() if marked} == {
        n for n, label in whole.items() if label in torn
    }


def test_a_component_is_named_by_its_smallest_node(found: Found) -> None:
    assert {label: min(nodes) for label, nodes in members(found.component).items()} == {
        label: label for label in set(found.component.values())
    }


def test_a_component_hangs_together_by_links_of_its_own(graphs: Graphs, found: Found) -> None:
    inside = union((a, b) for a, b, _ in graphs.edges if found.component.get(a, a) == found.component.get(b, b))
    assert {node: inside.get(node, node) for node in found.component} == found.component


def test_no_link_is_left_out_whose_two_sides_could_be_one(graphs: Graphs, found: Found) -> None:
    shown = {label: values_of(nodes, graphs) for label, nodes in members(found.component).items()}
    left_out = {
        (found.component[a], found.component[b])
        for a, b, _ in graphs.edges
        if a != b and found.component[a] != found.component[b]
    }
    assert left_out, "the graphs are too tame"
    assert [pair for pair in left_out if not collides(shown[pair[0]], shown[pair[1]])] == []


def test_a_link_that_is_trusted_less_never_parts_what_trusted_ones_joined(found: Found) -> None:
    parted = [
        label
        for label, nodes in members(found.by_trusted).items()
        if len({found.component[node] for node in nodes}) > 1
    ]
    assert parted == []


def test_neither_the_order_of_rows_nor_the_number_of_threads_changes_a_component(
    graphs: Graphs, found: Found, tmp_path: Path
) -> None:
    assert resolve(tmp_path, graphs, threads=1, shuffle=7) == found

"""What a night has to build, and why: the one place that decides it.

Every seed, model and data test has a *state*: a hash of its own definition and of the states of all that it reads, down to what has
landed and the clock. What was built from the same state is left as it stands, its tests with it; all else is built. A state is kept in
``ops.built_nodes`` only when the whole dbt run ended well, and is forgotten before a run touches its table, so nothing that was left
half done is ever taken for done.

Three things differ from a plain comparison, each on the safe side:

- A model that asks for the clock only as a bound (``_arrived_at <= as_of``) sees another clock only when rows or decisions lie between.
- Identity's models of a night stand or are built together, since `int_identity__night` says for all of them what is delta.
- The books that publishing itself writes wake nobody, or no night would ever find nothing to do; they are read when anything is built.

What does not belong here: how dbt runs (`runner`), how Dagster is told (`assets`), how a version is published.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from orchestration.ingest.contract import load_contract
from orchestration.ingest.warehouse import connect, prepare, stale_tables
from orchestration.publish.versions import read_manifest
from orchestration.settings import Settings
from orchestration.sql import qualified, quote_literal
from orchestration.transform.seeds import seed_folder

BUILT_TABLE = "ops.built_nodes"
# Key of a published version's manifest.json.
STATE_KEY = "state"
_CLOCK = "source.leadrelay.ops.as_of"
# Written by the publish of a night, after its models were built, or by every command.
_BOOKS = frozenset(
    f"source.leadrelay.ops.{name}"
    for name in (
        *("quality_results", "identity_quality", "identity_stops", "identity_acceptances"),
        *("published_night", "published_ledger", "published_revisions", "commands"),
    )
)
_LOADS = "source.leadrelay.ops.loads"
_NIGHT = "model.leadrelay.int_identity__night"
_NIGHT_MACRO = "macro.leadrelay.identity_relation"
_AS_OF_MACRO = "macro.leadrelay.as_of"
_AS_OF = r"\{\{ as_of\(\) \}\}"
# What a model may compare with the clock and still be left alone while nothing lies between two clocks.
_BOUNDS = {
    "arrivals": re.compile(rf"\b_arrived_at <= {_AS_OF}"),
    "decisions": re.compile(rf"\bdecided_at(?: as timestamp\))? <= {_AS_OF}"),
    "competitors": re.compile(rf"\bvalid_from as timestamp\) <= {_AS_OF}"),
}
_SEED_MOMENTS = {
    "decisions": ("identity/identity_overrides.csv", "decided_at"),
    "competitors": ("hygiene/competitors.csv", "valid_from"),
}
# Their results would differ with another one of these on the same rows.
_LIBRARIES = ("duckdb", "dbt-core", "dbt-duckdb", "phonenumbers", "pypinyin")
_DEFINITION = (
    "alias", "attached_node", "columns", "config", "contract", "description", "raw_code", "schema", "test_metadata",
)  # fmt: skip
_NEVER = "never built, or not to the end"
_GONE = "its table is gone"
_RULES = "a macro, a setting or a library changed"
_OWN = "its definition changed"
_TOGETHER = "identity is resolved as a whole"
_FOLLOWS = "after: "
_BOOKKEEPING = "reads the runs' own books"
_INPUT_WORDS = {
    "the clock": "as_of moved",
    "arrivals": "as_of shows other arrivals",
    "decisions": "as_of passed a steward's decision",
    "competitors": "as_of passed a competitor's first day",
}


@dataclass(frozen=True)
class NodeState:
    """From what a node is built.

    Parameters
    ----------
    state
        Hash of all below and of the states of all that it reads.
    stamp
        Hash of macros, settings and libraries.
    definition
        Hash of the node itself: its SQL and settings, or its rows when it is a seed.
    inputs
        What it reads that is no node, such as raw tables and the clock -> hash of their content.
    """

    state: str
    stamp: str
    definition: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """What a night builds.

    Parameters
    ----------
    reasons
        Why, by unique id of each node that is built.
    unchanged
        Run that built it, by unique id of each node that is left as it stands.
    states
        From what every node is or would be built tonight.
    kept_version
        The published version that stands because there is nothing new; ``None`` when the night publishes.
    publish_reason
        Why it publishes, or why it does not.
    is_full_refresh
        Whether macros or libraries changed, so that tables which are kept from night to night are made anew.
    """

    reasons: Mapping[str, str]
    unchanged: Mapping[str, str]
    states: Mapping[str, NodeState]
    kept_version: str | None = None
    publish_reason: str = ""
    is_full_refresh: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether all that publishing does not write itself stands as it would be built now."""
        return set(self.reasons.values()) <= {_BOOKKEEPING}

    def lines(self) -> list[str]:
        """Return the decision for people: how much is built, each reason with its number, and what stands since when."""
        tests, all_tests = _count_tests(self.reasons), _count_tests([*self.reasons, *self.unchanged])
        tables, all_tables = len(self.reasons) - tests, len(self.reasons) + len(self.unchanged) - all_tests
        lines = [f"to build    {tables} of {all_tables} tables, {tests} of {all_tests} tests"]
        lines += [f"  {count:>5} {reason}" for reason, count in sorted(Counter(self.reasons.values()).items())]
        lines += [
            f"  {count:>5} unchanged since run {run[:8]}"
            for run, count in sorted(Counter(self.unchanged.values()).items())
        ]
        return [*lines, f"publish     {self.publish_reason}"]


def _count_tests(nodes: Iterable[str]) -> int:
    return sum(node.startswith("test.") for node in nodes)


def make_plan(settings: Settings, manifest: Mapping[str, Any], connection: duckdb.DuckDBPyConnection) -> Plan:
    """Decide what tonight builds.

    Parameters
    ----------
    settings
        The home and checkout.
    manifest
        Content of dbt's ``manifest.json``.
    connection
        The warehouse, loaded, with tonight's clock.

    Returns
    -------
    Plan
        Nothing is changed by asking.
    """
    return _Planner(settings, manifest, connection).plan()


def forget(connection: duckdb.DuckDBPyConnection, nodes: Iterable[str] | None = None) -> None:
    """Forget from what some nodes were built, or all: before a run touches them, or when raw rows are changed in place."""
    if nodes is None:
        connection.execute(f"delete from {BUILT_TABLE}")
        return
    connection.execute(f"delete from {BUILT_TABLE} where node_id in (select unnest(?))", [list(nodes)])


def remember(connection: duckdb.DuckDBPyConnection, plan: Plan, run_id: str, passed: Iterable[str]) -> None:
    """Note from what each node was built; only after a dbt run that ended well.

    Parameters
    ----------
    connection
        The warehouse.
    plan
        What the run was asked to build.
    run_id
        Dagster's id of the run.
    passed
        Unique ids of the nodes that succeeded; a test that only warns is not among them and is run again.
    """
    built_at = datetime.now(tz=UTC).replace(tzinfo=None)
    rows = [
        (node, found.state, found.stamp, found.definition, json.dumps(found.inputs), run_id, built_at)
        for node in sorted(passed)
        if (found := plan.states.get(node))
    ]
    connection.execute("begin")
    forget(connection, [row[0] for row in rows])
    if rows:
        connection.executemany(f"insert into {BUILT_TABLE} values (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("commit")


def publish_state(plan: Plan, settings: Settings) -> str:
    """Return the code of all that a published version follows from: every node's state, the gate's suites, the code that publishes."""
    code = settings.project_root / "orchestration"
    files = [*sorted((settings.expectations_dir / "marts").glob("*.json"))]
    for room in ("publish", "quality"):
        files += sorted((code / room).glob("*.py"))
    return _hash(
        sorted((name, found.state) for name, found in plan.states.items()),
        [(path.name, _file_hash(path)) for path in files],
    )


def settled_state(settings: Settings, manifest: Mapping[str, Any]) -> str | None:
    """Return `publish_state` of what stands in the warehouse, none while anything in it was not built to the end from tonight's facts."""
    with connect(settings) as connection:
        prepare(connection, load_contract(settings.models_dir))
        plan = make_plan(settings, manifest, connection)
    return publish_state(plan, settings) if plan.is_settled else None


class _Planner:
    """One decision: the graph, the facts of the night, the states that follow."""

    def __init__(self, settings: Settings, manifest: Mapping[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
        self.settings = settings
        self.manifest = manifest
        self.connection = connection
        self.nodes: dict[str, Mapping[str, Any]] = dict(manifest["nodes"])
        self.parents = {
            name: list(dict.fromkeys(node["depends_on"].get("nodes", ()))) for name, node in self.nodes.items()
        }
        self.kept = {
            node: (NodeState(state, stamp, definition, json.loads(inputs)), run_id)
            for node, state, stamp, definition, inputs, run_id in connection.execute(
                f"select node_id, state, stamp, definition, inputs, run_id from {BUILT_TABLE}"
            ).fetchall()
        }

    def plan(self) -> Plan:
        """Return the decision."""
        states = self._states()
        reasons: dict[str, str] = {}
        for name in self.order:
            if name not in self.books and (reason := self._reason(name, states, reasons)):
                reasons[name] = reason
        if reasons.keys() & self.group:
            reasons |= dict.fromkeys(self.group - reasons.keys(), _TOGETHER)
            for name in self.order:
                if name not in self.books and name not in reasons and (reason := self._inherited(name, reasons)):
                    reasons[name] = reason
        plan = Plan(reasons, {}, states)
        kept_version, publish_reason = self._published(plan)
        if kept_version is None:
            reasons |= dict.fromkeys(self.books, _BOOKKEEPING)
        stamp = self._stamp
        return replace(
            plan,
            unchanged={name: self.kept[name][1] for name in self.order if name in self.kept and name not in reasons},
            kept_version=kept_version,
            publish_reason=publish_reason,
            is_full_refresh=any(found.stamp != stamp for found, _ in self.kept.values()),
        )

    def _reason(self, name: str, states: Mapping[str, NodeState], reasons: Mapping[str, str]) -> str:
        """Return why a node is built, empty when it stands; its parents are decided."""
        if name not in self.kept:
            return _NEVER
        before, now = self.kept[name][0], states[name]
        if not self._stands(name):
            return _GONE
        if before.stamp != now.stamp:
            return _RULES
        if before.definition != now.definition:
            return _OWN
        changed = [source for source, code in now.inputs.items() if before.inputs.get(source) != code]
        if changed:
            return _INPUT_WORDS.get(changed[0]) or f"rows landed in {'.'.join(changed[0].split('.')[2:])}"
        return self._inherited(name, reasons) or ("" if before.state == now.state else _OWN)

    def _inherited(self, name: str, reasons: Mapping[str, str]) -> str:
        found = next((reasons[parent] for parent in self.parents[name] if parent in reasons), "")
        return found if not found or found.startswith(_FOLLOWS) else f"{_FOLLOWS}{found}"

    # ------------------------------------------------------------------------------------------------------------- the graph

    @cached_property
    def order(self) -> list[str]:
        """Every node after its parents."""
        found: dict[str, None] = {}
        for start in sorted(self.nodes):
            stack = [(start, iter(self.parents[start]))]
            while stack:
                name, rest = stack[-1]
                follower = next((p for p in rest if p in self.nodes and p not in found), None)
                if follower is None:
                    found[name] = None
                    stack.pop()
                else:
                    stack.append((follower, iter(self.parents[follower])))
        return list(found)

    def _downstream(self, starts: Iterable[str]) -> set[str]:
        reached = set(starts)
        for name in self.order:
            if any(parent in reached for parent in self.parents[name]):
                reached.add(name)
        return reached & self.nodes.keys()

    def _upstream(self, starts: Iterable[str]) -> set[str]:
        reached = set(starts)
        for name in reversed(self.order):
            if name in reached:
                reached.update(self.parents[name])
        return reached & self.nodes.keys()

    @cached_property
    def books(self) -> set[str]:
        """Nodes that read what publishing writes."""
        return self._downstream(_BOOKS)

    @cached_property
    def group(self) -> set[str]:
        """Identity's models of a night, and what lies between them."""
        members = {
            name
            for name, node in self.nodes.items()
            if node["resource_type"] == "model"
            and (name == _NIGHT or _NIGHT in self.parents[name] or _NIGHT_MACRO in self._macros(node))
        }
        between = self._downstream(members) & self._upstream(members)
        return {name for name in members | between if self.nodes[name]["resource_type"] != "test"}

    def _macros(self, node: Mapping[str, Any]) -> set[str]:
        """Return the project's macros that a node uses, directly or through others.

        By name in its SQL too: what dbt lists of a node are the macros it called while parsing, which leaves out some branches.
        """
        found: set[str] = set()
        named = (f"macro.leadrelay.{name}" for name in re.findall(r"\b(\w+)\(", node["raw_code"]))
        open_ones = [*node["depends_on"].get("macros", ()), *named]
        while open_ones:
            name = open_ones.pop()
            if name not in found and name in self.manifest["macros"] and name.startswith("macro.leadrelay."):
                found.add(name)
                open_ones += self.manifest["macros"][name]["depends_on"].get("macros", ())
        return found

    # ------------------------------------------------------------------------------------------------------------ the states

    def _states(self) -> dict[str, NodeState]:
        sources = {
            name: _hash(self._source_state(name)) for name in self.manifest["sources"] if name not in {*_BOOKS, _CLOCK}
        }
        definitions = {name: _hash(self._definition(node)) for name, node in self.nodes.items()}
        inputs = {name: self._inputs(name, sources) for name in self.nodes}
        outside = sorted({p for n in self.group for p in self.parents[n] if p not in self.group and p in self.nodes})
        states: dict[str, NodeState] = {}
        group_state = ""
        for name in self._group_last(outside):
            if name in self.group:
                group_state = group_state or _hash(
                    [(member, definitions[member], inputs[member]) for member in sorted(self.group)],
                    [(parent, states[parent].state) for parent in outside],
                )
                read: object = group_state
            else:
                read = [states[parent].state for parent in self.parents[name] if parent in self.nodes]
            state = _hash(self._stamp, name, definitions[name], inputs[name], read)
            states[name] = NodeState(state, self._stamp, definitions[name], inputs[name])
        return states

    def _group_last(self, outside: Sequence[str]) -> Iterator[str]:
        """Yield the order of nodes with all that the group reads before the group."""
        first = self._upstream(outside)
        yield from (name for name in self.order if name in first)
        yield from (name for name in self.order if name not in first)

    def _definition(self, node: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever dbt's manifest holds
        if node["resource_type"] == "seed":
            path = Path(node["root_path"]) / node["original_file_path"]
            return [node["config"], node["columns"], _file_hash(path.resolve())]
        return [{key: node.get(key) for key in _DEFINITION}, sorted(self.parents[node["unique_id"]])]

    def _inputs(self, name: str, sources: Mapping[str, str]) -> dict[str, str]:
        """Return what a node reads that is no node: raw tables, and the clock or what stands for it."""
        found = {parent: sources[parent] for parent in self.parents[name] if parent in sources}
        if _CLOCK in self.parents[name]:
            found |= {
                clock: _hash(self.as_of if clock == "the clock" else self.bounds[clock]) for clock in self._clocks(name)
            }
        return found

    def _clocks(self, name: str) -> list[str]:
        """Return how a node reads the clock: as bounds alone, or as the clock."""
        node = self.nodes[name]
        declared = {**node.get("meta", {}), **node["config"].get("meta", {})}.get("clock")
        if declared in _BOUNDS:
            return [declared]
        macros = self._macros(node) - {_AS_OF_MACRO}
        text = "\n".join([node["raw_code"], *(self.manifest["macros"][name]["macro_sql"] for name in sorted(macros))])
        found = []
        for bound, pattern in _BOUNDS.items():
            text, count = pattern.subn("", text)
            found += [bound] if count else []
        return ["the clock"] if "as_of()" in text or not found else found

    # ------------------------------------------------------------------------------------------------- the facts of the night

    @cached_property
    def as_of(self) -> str:
        """Tonight's clock."""
        return str(self._row("select max(as_of) from ops.as_of")[0])

    @cached_property
    def bounds(self) -> dict[str, Any]:
        """What stands for the clock in a model that only asks what lies before it."""
        latest = [
            f"select max(_arrived_at) as arrived_at from {qualified('raw', source['identifier'])}"
            for source in self.manifest["sources"].values()
            if source["schema"] == "raw"
        ]
        arrived = self._row(f"select max(arrived_at) from ({' union all '.join(latest)}) as arrivals")[0]
        found: dict[str, Any] = {"arrivals": min(self.as_of, str(arrived or self.as_of))}
        for name, (file, column) in _SEED_MOMENTS.items():
            path = seed_folder(self.settings) / file
            found[name] = self._row(
                f"select count(*) from read_csv({quote_literal(str(path))}, all_varchar = true, header = true) "
                f"where try_cast({column} as timestamp) <= cast({quote_literal(self.as_of)} as timestamp)"
            )
        return found

    def _source_state(self, name: str) -> Any:  # noqa: ANN401 - whatever identifies the rows
        source = self.manifest["sources"][name]
        if name == _LOADS:
            return self._row("select count(*), max(loaded_at) from ops.loads")
        return self._row(
            f"select count(*), max(_load_sequence), max(_loaded_at) from {qualified(source['schema'], source['identifier'])}"
        )

    def _row(self, query: str) -> tuple[Any, ...]:
        return self.connection.execute(query).fetchone() or ()

    @cached_property
    def tables(self) -> set[tuple[str, str]]:
        """Tables and views of the warehouse."""
        return set(
            self.connection.execute(
                "select table_schema, table_name from information_schema.tables where table_catalog = current_database()"
            ).fetchall()
        )

    def _stands(self, name: str) -> bool:
        node = self.nodes[name]
        return node["resource_type"] == "test" or (node["schema"], node["alias"]) in self.tables

    @cached_property
    def _stamp(self) -> str:
        """The code of what every table follows from: macros, dbt's settings, libraries, our functions inside DuckDB."""
        macros = sorted(
            (name, macro["macro_sql"])
            for name, macro in self.manifest["macros"].items()
            if name.startswith("macro.leadrelay.")
        )
        files = [
            self.settings.dbt_project_dir / "dbt_project.yml",
            self.settings.dbt_project_dir / "profiles.yml",
            self.settings.project_root / "orchestration" / "identity" / "functions.py",
        ]
        return _hash(macros, [_file_hash(path) for path in files], [version(name) for name in _LIBRARIES])

    # ---------------------------------------------------------------------------------------------------------- to publish?

    def _published(self, plan: Plan) -> tuple[str | None, str]:
        """Return the version that stands when there is nothing to publish, and the reason either way."""
        published = read_manifest(self.settings.published_dir)
        if plan.reasons:
            return None, "what is published follows from what is built"
        if published is None:
            return None, "nothing is published yet"
        if published.get(STATE_KEY) != publish_state(plan, self.settings):
            return None, "what is published is not what stands, or its checks are others"
        if published["checks"]["failed"]:
            return None, "a check of the published version failed"
        # A reader that failed, or reads again, changes no row that a model reads; whoever looks at the version must see it all the same.
        stale, told = set(stale_tables(self.connection)), set(published["stale_tables"])
        if stale != told:
            changes = [("stale", stale - told), ("no longer stale", told - stale)]
            return None, "; ".join(f"{what}: {', '.join(sorted(tables))}" for what, tables in changes if tables)
        return str(published["version"]), f"nothing new; version {published['version']} stands"


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

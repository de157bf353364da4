"""What is known of each mart: its section of docs/reference/marts.md, its model, suite and tests, and what the published file says of it.

What belongs here: gathering. What does not: HTML (`build`, `theme/`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import LeadrelayError, first_line
from orchestration.quality.suites import load_suite
from orchestration.tables import cell_text

_SHOWN_ROWS = 12
_SQL = re.compile(r"```sql\n(.*?)```\n?", re.DOTALL)
# A result that was written down by hand, with the line under it that says how much of it is shown.
_TABLE = re.compile(r"(?:^\|.*\|[ \t]*\n?)+\s*(?:^\(the first [^\n]*\)\s*)?", re.MULTILINE)
_QUESTION = re.compile(r"^\*\*(.+?)\*\*", re.DOTALL)
_GRAIN = re.compile(r"^Grain: ([^.]*)\.", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """One mart's section of the reference: where it stands, what it asks, and its words around the example."""

    name: str
    topic: str
    question: str
    grain: str
    before: str
    sql: str
    after: str

    @property
    def notes(self) -> str:
        """What stands after the example besides a result that was written down."""
        return _TABLE.sub("", self.after, count=1).strip()


@dataclass(frozen=True)
class Column:
    """One published or dropped column."""

    name: str
    label: str
    label_zh: str
    data_type: str
    description: str
    policy: str


@dataclass(frozen=True)
class Check:
    """One check on a mart: who runs it, what it claims, and what it found last, when that is known."""

    kind: str
    claim: str
    severity: str = ""
    passed: bool | None = None


@dataclass(frozen=True)
class Result:
    """The example's answer: texts of at most a dozen rows, which columns are numbers, and how many rows there are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    count: int


@dataclass(frozen=True)
class Mart:
    """Everything that its page shows."""

    section: Section
    domain: str
    description: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...]
    metrics: tuple[str, ...]
    parents: tuple[str, ...]
    result: Result | None
    row_count: int | None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.section.name


@dataclass(frozen=True)
class Published:
    """The published version that the site shows, read once.

    Parameters
    ----------
    name
        Of the version.
    as_of
        The moment that it looks back from, UTC.
    tables
        Rows by table.
    stages
        Stage label, Chinese label and people who stand in it, the lowest first; devices without a name are left out.
    outcomes
        Whether each check at the gate to publishing passed, by table and check.
    """

    name: str
    as_of: str
    tables: Mapping[str, int]
    stages: Sequence[tuple[str, str, int]]
    outcomes: Mapping[tuple[str, str], bool] = field(default_factory=dict)


def read_sections(text: str) -> dict[str, Section]:
    """Read ``docs/reference/marts.md``.

    Parameters
    ----------
    text
        The file; ``##`` is a topic, ``###`` a mart.

    Returns
    -------
    dict
        By mart, in the order of the file.
    """
    found: dict[str, Section] = {}
    topic = ""
    for part in re.split(r"^(?=###? )", text, flags=re.MULTILINE):
        head, _, body = part.partition("\n")
        if head.startswith("## "):
            topic = head[3:].strip()
        elif head.startswith("### "):
            name = head[4:].strip()
            example = _SQL.search(body)
            question = _QUESTION.search(body.strip())
            grain = _GRAIN.search(body)
            if example is None or question is None or grain is None:
                raise LeadrelayError(
                    f"docs/reference/marts.md: {name} needs a question in bold, a grain and an example query"
                )
            before = _QUESTION.sub("", body[: example.start()].strip(), count=1)
            found[name] = Section(
                name,
                topic,
                " ".join(question[1].split()),
                " ".join(grain[1].split()),
                before.strip(),
                example[1].strip(),
                body[example.end() :].strip(),
            )
    return found


def read_published(connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> Published:
    """Read what the start page and the pages of the marts say about the published version.

    Parameters
    ----------
    connection
        To the published file.
    manifest
        Of the version.
    """
    outcomes = connection.execute(
        "select table_name, check_name, is_success from marts.ops_quality_result where table_name not like '%.%' order by checked_at, table_name, check_name"
    ).fetchall()
    stages = connection.execute(
        "select stages.label_en, stages.label_zh, count(people.person_id) from marts.dim_stage as stages "
        "left join marts.dim_person as people on stages.stage = people.stage and not people.is_anonymous "
        "group by stages.label_en, stages.label_zh, stages.stage_rank order by stages.stage_rank"
    ).fetchall()
    return Published(
        manifest["version"],
        str(manifest["as_of"] or "")[:19].replace("T", " "),
        manifest["tables"],
        stages,
        {(table, check): passed for table, check, passed in outcomes},
    )


def read_marts(
    sections: Mapping[str, Section],
    manifest: Mapping[str, Any],
    metrics: Mapping[str, Sequence[str]],
    expectations_dir: Path,
    published: Published | None,
    connection: duckdb.DuckDBPyConnection | None,
) -> list[Mart]:
    """Gather what each page shows.

    Parameters
    ----------
    sections
        Of `read_sections`.
    manifest
        dbt's.
    metrics
        Names of metrics by mart.
    expectations_dir
        Holds ``marts/<name>.json``.
    published
        What is published, or None.
    connection
        To it, or None.

    Returns
    -------
    list of Mart
        In the order of the reference.

    Raises
    ------
    LeadrelayError
        If an example cannot be run on what is published.
    """
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    found = []
    for name, section in sections.items():
        if name not in models:
            raise LeadrelayError(f"docs/reference/marts.md describes {name}, which is no model")
        model = models[name]
        shown = connection is not None and published is not None and name in published.tables
        found.append(
            Mart(
                section,
                model["fqn"][2],
                " ".join(model["description"].split()),
                tuple(_column(column) for column in model["columns"].values()),
                (*_suite_checks(name, expectations_dir, published), *_dbt_checks(model["unique_id"], manifest)),
                tuple(metrics.get(name, ())),
                tuple(sorted(parent.split(".")[-1] for parent in model["depends_on"]["nodes"])),
                _result(connection, section) if shown and connection is not None else None,
                published.tables.get(name) if published else None,
            )
        )
    return found


def metrics_by_mart(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return which metrics read which mart, those that are made of others included.

    Parameters
    ----------
    document
        dbt's ``semantic_manifest.json``.
    """
    mart_of = {
        measure["name"]: model["node_relation"]["alias"]
        for model in document["semantic_models"]
        for measure in model["measures"]
    }
    entries = {entry["name"]: entry for entry in document["metrics"]}

    def marts(name: str) -> set[str]:
        given = entries[name]["type_params"]
        if given.get("measure"):
            return {mart_of[given["measure"]["name"]]}
        parts = [given.get("numerator"), given.get("denominator"), *(given.get("metrics") or [])]
        return set().union(*(marts(part["name"]) for part in parts if part))

    found: dict[str, list[str]] = {}
    for name, entry in entries.items():
        if not entry["config"]["meta"].get("is_part"):
            for mart in sorted(marts(name)):
                found.setdefault(mart, []).append(name)
    return found


def english_label(name: str) -> str:
    """Return a column's name as words: ``opening_count`` is Opening count, ``mql_id`` is MQL id."""
    words = ["MQL" if word == "mql" else "SQL" if word == "sql" else word for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _column(entry: Mapping[str, Any]) -> Column:
    meta = entry["config"].get("meta") or entry.get("meta") or {}
    return Column(
        entry["name"],
        meta.get("label_en") or english_label(entry["name"]),
        meta["label_zh"],
        entry["data_type"] or "",
        " ".join(entry["description"].split()),
        meta["pii"],
    )


def _suite_checks(name: str, expectations_dir: Path, published: Published | None) -> list[Check]:
    suite = load_suite(expectations_dir / "marts" / f"{name}.json", name)
    return [
        Check(
            "Great Expectations",
            f"{check.column}: {check.reason}" if check.column and check.column not in check.reason else check.reason,
            check.severity,
            published.outcomes.get((name, check.name)) if published else None,
        )
        for check in suite.checks
    ]


def _dbt_checks(key: str, manifest: Mapping[str, Any]) -> list[Check]:
    found = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "test" or key not in node["depends_on"]["nodes"]:
            continue
        if node.get("test_metadata"):
            if node.get("attached_node") == key:
                found.append(Check("dbt test", _claim(node), node["config"]["severity"].lower()))
        else:
            found.append(Check("dbt test", _sentence(node["name"]), node["config"]["severity"].lower()))
    found += [
        Check("unit test", _sentence(test["name"]))
        for test in manifest.get("unit_tests", {}).values()
        if test["model"] == key.rsplit(".", 1)[-1]
    ]
    return sorted(found, key=lambda check: (check.kind, check.claim))


def _claim(node: Mapping[str, Any]) -> str:
    metadata = node["test_metadata"]
    given = {name: value for name, value in metadata["kwargs"].items() if name not in {"model", "column_name"}}
    column = node.get("column_name") or metadata["kwargs"].get("column_name") or ""
    match metadata["name"]:
        case "grain":
            return f"one row per {', '.join(given.get('columns', []))}"
        case "not_null":
            return f"{column} is never missing"
        case "unique":
            return f"{column} is unique"
        case "accepted_values":
            return f"{column} is one of {', '.join(map(str, given.get('values', [])))}"
        case "relationships":
            to = re.sub(r".*ref\('(\w+)'\).*", r"\1", str(given.get("to", "")))
            return f"every {column} stands in {to}"
        case other:
            return f"{_sentence(other)}{f' ({column})' if column else ''}"


def _sentence(name: str) -> str:
    return name.removeprefix("assert_").replace("_s_", "'s ").replace("_", " ")


def _result(connection: duckdb.DuckDBPyConnection, section: Section) -> Result:
    try:
        cursor = connection.execute(section.sql)
    except duckdb.Error as error:
        raise LeadrelayError(
            f"docs/reference/marts.md: the example of {section.name} cannot be run on what is published: {first_line(error)}"
        ) from error
    columns = tuple(column[0] for column in cursor.description or ())
    rows = cursor.fetchall()
    columns_of_values = zip(*rows, strict=True) if rows else [()] * len(columns)
    numeric = tuple(all(value is None or _is_number(value) for value in values) for values in columns_of_values)
    shown = tuple(tuple(cell_text(value) for value in row) for row in rows[:_SHOWN_ROWS])
    return Result(columns, shown, numeric, len(rows))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

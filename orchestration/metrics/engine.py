"""MetricFlow over the published file, in this process.

The library's own command asks a package registry for news at each start, opens the warehouse through dbt and takes seconds for both. Its
engine needs neither: it takes the semantic manifest that dbt writes when it parses, and a client with one method. The relations in
that manifest are the warehouse's; here they lose its name, so that the same definitions read the published file.
What does not belong here: screens (`commands`).
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb

from orchestration.errors import ConfigError, LeadrelayError, first_line
from orchestration.publish.build import MARTS_FILE, SCHEMA
from orchestration.publish.versions import published_version
from orchestration.settings import Settings
from orchestration.sql import qualified
from orchestration.transform.project import load_manifest

MANIFEST_FILE = "semantic_manifest.json"
_TIME = "metric_time"
_SUBJECTS = ("volume", "conversion", "velocity", "spend", "revenue")
_GRAINS = ("day", "week", "month", "quarter", "year")
# Parts and coarser grains of a date that MetricFlow derives.
_DERIVED = tuple(f"__{grain}" for grain in _GRAINS)


@dataclass(frozen=True)
class Metric:
    """What is said of one metric.

    Parameters
    ----------
    name
        By which it is asked for.
    subject
        volume, conversion, velocity, spend or revenue.
    label
        English business label.
    label_zh
        Chinese business label.
    description
        One or two sentences.
    is_part
        It is there for another metric, and by itself no answer.
    """

    name: str
    subject: str
    label: str
    label_zh: str
    description: str
    is_part: bool


@dataclass(frozen=True)
class Answer:
    """Rows of one query, in the order of the columns, and the statement that gave them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    sql: str


class Metrics:
    """The metrics of one project over one DuckDB connection; made by `open_metrics`.

    Parameters
    ----------
    document
        Content of dbt's ``semantic_manifest.json``.
    connection
        Holds the marts in schema ``marts``.
    """

    def __init__(self, document: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> None:
        self._document = _without_database(document)
        self._connection = connection

    @cached_property
    def all(self) -> Mapping[str, Metric]:
        """Every metric by name, by subject."""
        return {metric.name: metric for metric in described_metrics(self._document)}

    @cached_property
    def manifest(self) -> Any:  # noqa: ANN401 - MetricFlow is imported where it is used
        """The definitions as MetricFlow holds them."""
        from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest

        return parse_manifest_from_dbt_generated_manifest(manifest_json_string=json.dumps(self._document))

    @cached_property
    def engine(self) -> Any:  # noqa: ANN401 - see manifest
        """MetricFlow's engine."""
        from metricflow.engine.metricflow_engine import MetricFlowEngine
        from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

        return MetricFlowEngine(SemanticManifestLookup(self.manifest), _client(self._connection))

    def groups(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return what all these metrics can be grouped by.

        Parameters
        ----------
        names
            Metrics.

        Returns
        -------
        tuple of str
            MetricFlow's names: ``stage``, ``volume__channel``, ``metric_time__month``.

        Raises
        ------
        ConfigError
            If there is no such metric.
        """
        self._check(names)
        listed = self.engine.list_group_bys(metric_names=list(names), include_derived_time_granularities=True)
        known = {getattr(item, "dunder_name", None) or item.name for item in listed}
        times = [f"{_TIME}__{grain}" for grain in _GRAINS if f"{_TIME}__{grain}" in known]
        # A day's month of any other date is left out: there are many, and the metric's own time is what people ask for.
        others = {name for name in known if not name.startswith(f"{_TIME}__") and not name.endswith(_DERIVED)}
        return (*sorted(others), *times)

    def query(
        self,
        names: Sequence[str],
        groups: Sequence[str] = (),
        conditions: Sequence[str] = (),
        order: Sequence[str] = (),
        limit: int | None = None,
    ) -> Answer:
        """Ask for metrics.

        Parameters
        ----------
        names
            Metrics; those of several subjects are joined on what they are grouped by.
        groups
            What to group by; a last word is enough where it is clear: ``channel``, ``month``.
        conditions
            SQL conditions in MetricFlow's words: ``{{ Dimension('volume__channel') }} = 'event'``.
        order
            Columns of the result to sort by; ``:desc`` behind one turns it round. Default the groups.
        limit
            How many rows.

        Returns
        -------
        Answer
            Columns named as they were asked for.

        Raises
        ------
        ConfigError
            If a metric or group is unknown, or a condition cannot be read.
        """
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest, OutputColumnOrderMode

        self._check(names)
        known = self.groups(names)
        resolved = [_resolve(group, known) for group in groups]
        request = MetricFlowQueryRequest.create(
            metric_names=list(names),
            group_by_names=resolved,
            where_constraints=list(conditions) or None,
            order_by_names=[_resolve_order(word, [*known, *names]) for word in order] or resolved or None,
            limit=limit,
            output_column_order_mode=OutputColumnOrderMode.TYPE_GROUPED,
        )
        try:
            sql = str(self.engine.explain(request).sql_statement.sql)
        except Exception as error:
            # MetricFlow has no common base for what is wrong with a question.
            raise ConfigError(f"MetricFlow cannot answer this: {first_line(error)}") from error
        try:
            cursor = self._connection.execute(sql)
        except duckdb.Error as error:
            raise LeadrelayError(f"DuckDB refused the metric's statement: {first_line(error)}\n{sql}") from error
        columns = [column[0] for column in cursor.description or ()]
        wanted = [*resolved, *names]
        places = [columns.index(name) for name in wanted]
        rows = tuple(tuple(row[place] for place in places) for row in cursor.fetchall())
        return Answer(tuple(wanted), rows, sql)

    def _check(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in self.all]
        if unknown:
            raise ConfigError(_no_such("metric", unknown[0], self.all, "All of them: leadrelay metrics list"))


@contextmanager
def open_metrics(settings: Settings) -> Iterator[Metrics]:
    """Open the metrics over what is published.

    Parameters
    ----------
    settings
        The home; dbt parses the project first when it changed.

    Yields
    ------
    Metrics
        On one read-only connection, which is closed after the block.

    Raises
    ------
    ConfigError
        If MetricFlow is not installed or dbt cannot parse the project.
    NothingPublishedError
        Before the first publish.
    """
    try:
        import metricflow_semantics  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "metrics need the extra `metrics`, which is not installed here: pip install 'leadrelay[metrics]'"
        ) from error
    # MetricFlow warns about what its own dependencies do; what is wrong with a question is an exception.
    logging.getLogger("metricflow").setLevel(logging.ERROR)
    logging.getLogger("metricflow_semantics").setLevel(logging.ERROR)
    version = published_version(settings.published_dir)
    document = read_semantic_manifest(settings)
    with duckdb.connect(str(version / MARTS_FILE), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield Metrics(document, connection)


def read_semantic_manifest(settings: Settings) -> dict[str, Any]:
    """Return dbt's ``semantic_manifest.json``, parsing the project first when it changed."""
    load_manifest(settings)
    document: dict[str, Any] = json.loads((settings.dbt_target_dir / MANIFEST_FILE).read_bytes())
    return document


def described_metrics(document: Mapping[str, Any]) -> list[Metric]:
    """Return what is said of each metric, by subject in the order of a funnel.

    Parameters
    ----------
    document
        dbt's ``semantic_manifest.json``.
    """
    found = [_described(entry) for entry in document["metrics"]]
    order = {subject: place for place, subject in enumerate(_SUBJECTS)}
    return sorted(found, key=lambda metric: (order.get(metric.subject, len(order)), metric.subject))


def _client(connection: duckdb.DuckDBPyConnection) -> Any:  # noqa: ANN401 - MetricFlow's protocol
    """Return what MetricFlow needs to know of an engine; statements run here and not through it."""
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer

    class Client:
        sql_engine_type = SqlEngine.DUCKDB
        sql_plan_renderer = DuckDbSqlPlanRenderer()

        def dry_run(self, stmt: str, sql_bind_parameter_set: object = None) -> None:
            del sql_bind_parameter_set
            connection.execute(f"explain {stmt}")

        def close(self) -> None:
            """Do nothing: the connection belongs to `open_metrics`."""

    return Client()


def _without_database(document: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest with relations that hold in any file with the schema of the marts."""
    copied: dict[str, Any] = json.loads(json.dumps(document))
    holders = [*copied["semantic_models"], *copied["project_configuration"]["time_spines"]]
    for holder in holders:
        relation = holder["node_relation"]
        relation["database"] = None
        relation["schema_name"] = SCHEMA
        relation["relation_name"] = qualified(SCHEMA, relation["alias"])
    return copied


def _described(entry: Mapping[str, Any]) -> Metric:
    meta = (entry.get("config") or {}).get("meta") or {}
    return Metric(
        name=entry["name"],
        subject=meta.get("subject", "other"),
        label=entry.get("label") or entry["name"],
        label_zh=meta.get("label_zh", ""),
        description=entry.get("description") or "",
        is_part=bool(meta.get("is_part")),
    )


def _resolve(word: str, known: Sequence[str]) -> str:
    """Return the full name of a group that was given whole or by its last word."""
    if word in known:
        return word
    found = [name for name in known if name.rsplit("__", 1)[-1] == word]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{word!r} may mean {' or '.join(found)}; write it in full.")
    raise ConfigError(_no_such("group", word, known, f"These metrics share: {', '.join(known)}"))


def _resolve_order(word: str, known: Sequence[str]) -> str:
    """Return MetricFlow's word for a column to sort by: a minus before its full name when the largest comes first."""
    name, _, direction = word.partition(":")
    if direction not in {"", "asc", "desc"}:
        raise ConfigError(f"{word!r} is no order; write a column alone, or with :desc for the largest first.")
    return ("-" if direction == "desc" else "") + _resolve(name, known)


def _no_such(kind: str, word: str, known: Mapping[str, Any] | Sequence[str], end: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"there is no {kind} {word!r}.{hint} {end}"

"""The raw contract: which tables land, their columns, types and keys.

What belongs here: reading the dbt source ymls below ``models/staging/`` into frozen dataclasses.
What does not: a second list of columns, or how somebody's export maps to them (`orchestration.ingest.sources`).
Who may call it: every room; it opens no database.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import ConfigError
from orchestration.ingest.names import nearest

DATA_TYPES = ("BIGINT", "BOOLEAN", "DATE", "DECIMAL(18,2)", "DOUBLE", "TIMESTAMP", "VARCHAR")
PII_ACTIONS = ("keep", "mask", "hmac", "drop")

# Columns that the loader adds to every raw table, in this order, after the contract's own.
LINEAGE_COLUMNS: tuple[tuple[str, str], ...] = (
    ("_extra", "JSON"),
    ("_record_id", "VARCHAR"),
    ("_record_key", "VARCHAR"),
    ("_source_system", "VARCHAR"),
    ("_is_date_only", "BOOLEAN"),
    ("_arrived_at", "TIMESTAMP"),
    ("_load_sequence", "BIGINT"),
    ("_load_id", "VARCHAR"),
    ("_source_file", "VARCHAR"),
    ("_source_row", "BIGINT"),
    ("_loaded_at", "TIMESTAMP"),
    ("_row_hash", "VARCHAR"),
)
LINEAGE_NAMES = frozenset(name for name, _ in LINEAGE_COLUMNS)


@dataclass(frozen=True)
class ContractColumn:
    """One declared column of a raw table.

    Parameters
    ----------
    name
        The column's name, the same from landing to marts.
    data_type
        One of `DATA_TYPES`; a ``TIMESTAMP`` is UTC.
    description
        Units and allowed words, for people.
    pii
        What the masked copy does with it: ``keep``, ``mask``, ``hmac`` or ``drop``.
    is_key
        Part of the natural key.
    is_required
        A row without it is quarantined.
    """

    name: str
    data_type: str
    description: str = ""
    pii: str = "keep"
    is_key: bool = False
    is_required: bool = False


@dataclass(frozen=True)
class ContractTable:
    """One raw table as its source yml declares it.

    Parameters
    ----------
    source
        The domain (``forms``, ``crm`` ...), never a vendor.
    name
        The table's name within the domain.
    columns
        Declared columns in order; at least one is a key.
    event_time
        The column that says when the record's event happened, or None.
    version_column
        The column that orders versions of one key (``updated_at``), or None.
    is_person_record
        Whether a row can identify somebody.
    """

    source: str
    name: str
    columns: tuple[ContractColumn, ...]
    event_time: str | None = None
    version_column: str | None = None
    is_person_record: bool = False

    @property
    def full_name(self) -> str:
        """``<source>.<table>``, the name in ``sources.yml``, record ids and ``ops.loads``."""
        return f"{self.source}.{self.name}"

    @property
    def identifier(self) -> str:
        """``<source>__<table>``, the name in the schemas raw and quarantine."""
        return f"{self.source}__{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Declared column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def key_columns(self) -> tuple[ContractColumn, ...]:
        """The columns of the natural key, in declared order."""
        return tuple(column for column in self.columns if column.is_key)

    def column(self, name: str) -> ContractColumn:
        """Return the declared column called ``name``.

        Raises
        ------
        KeyError
            If the table declares no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True)
class Contract:
    """Every raw table, by full name."""

    tables: Mapping[str, ContractTable]

    def table(self, full_name: str) -> ContractTable:
        """Return the table called ``<source>.<table>``.

        Raises
        ------
        ConfigError
            If there is none; the message names the nearest ones.
        """
        if full_name not in self.tables:
            message = f"no raw table is called {full_name!r}. {nearest(full_name, self.tables)}"
            raise ConfigError(message)
        return self.tables[full_name]


def load_contract(models_dir: Path) -> Contract:
    """Read every ``staging/<source>/_<source>__sources.yml`` below ``models_dir``.

    Parameters
    ----------
    models_dir
        The dbt model folder of the checkout.

    Returns
    -------
    Contract
        Tables ordered by source file, then as written.

    Raises
    ------
    ConfigError
        If a file cannot be parsed, or a table or column is incomplete; the message names file, table and column.
    """
    tables: dict[str, ContractTable] = {}
    files = sorted(models_dir.glob("staging/*/_*__sources.yml"))
    if not files:
        message = f"no source yml found below {models_dir / 'staging'}: the raw contract is missing from this checkout."
        raise ConfigError(message)
    for file in files:
        for table in _tables_of(file):
            if table.full_name in tables:
                message = f"{file}: table {table.full_name} is declared twice; keep one declaration."
                raise ConfigError(message)
            tables[table.full_name] = table
    return Contract(tables=tables)


def _tables_of(file: Path) -> Iterable[ContractTable]:
    try:
        # The C parser, and the one that dbt reads the same files with; a parser in Python took eight seconds a night.
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        message = f"{file}: not readable as YAML: {error}"
        raise ConfigError(message) from error
    for source in document.get("sources") or []:
        if source.get("schema", source.get("name")) != "raw":
            continue
        for table in source.get("tables") or []:
            yield _table(file, str(source.get("name")), table)


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _table(file: Path, source: str, node: Mapping[str, Any]) -> ContractTable:
    where = f"{file}: table {source}.{node.get('name')}"
    meta = _meta(node)
    # Lineage columns may be documented there too; the loader adds them itself.
    declared = [column for column in node.get("columns") or [] if column.get("name") not in LINEAGE_NAMES]
    columns = tuple(_column(where, column) for column in declared)
    table = ContractTable(
        source=source,
        name=str(node.get("name")),
        columns=columns,
        event_time=meta.get("event_time"),
        version_column=meta.get("version_column"),
        is_person_record=bool(meta.get("is_person_record", False)),
    )
    names = table.column_names
    if not columns:
        raise ConfigError(f"{where}: no columns declared.")
    if len(set(names)) != len(names):
        doubled = sorted({name for name in names if names.count(name) > 1})
        raise ConfigError(f"{where}: declared twice: {', '.join(doubled)}.")
    if not table.key_columns:
        raise ConfigError(f"{where}: no column has `config: {{meta: {{key: true}}}}`; a raw table needs a natural key.")
    if node.get("identifier", table.identifier) != table.identifier:
        raise ConfigError(f"{where}: identifier is {node['identifier']!r}; the loader writes {table.identifier!r}.")
    for role, column in (("event_time", table.event_time), ("version_column", table.version_column)):
        if column is not None and column not in names:
            raise ConfigError(
                f"{where}: {role} names column {column!r}, which is not declared. {nearest(column, names)}"
            )
    return table


def _column(where: str, node: Mapping[str, Any]) -> ContractColumn:
    name = str(node.get("name"))
    meta = _meta(node)
    data_type = str(node.get("data_type", "")).upper().replace(" ", "")
    if data_type not in DATA_TYPES:
        message = f"{where}, column {name}: data_type is {node.get('data_type')!r}; use one of {', '.join(DATA_TYPES)}."
        raise ConfigError(message)
    pii = str(meta.get("pii", "keep"))
    if pii not in PII_ACTIONS:
        raise ConfigError(f"{where}, column {name}: pii is {pii!r}; use one of {', '.join(PII_ACTIONS)}.")
    return ContractColumn(
        name=name,
        data_type=data_type,
        description=str(node.get("description") or ""),
        pii=pii,
        is_key=bool(meta.get("key", False)),
        is_required=bool(meta.get("required", False)),
    )

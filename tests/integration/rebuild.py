"""Some models once more, their own SQL, over a copy of what they read that a test has changed.

What belongs here: questions that the sample company's rows do not ask. What does not: what a whole night does with other rows or seeds.
"""

import re
from collections.abc import Callable, Iterable, Sequence

import duckdb

from orchestration.settings import Settings

_TABLE = re.compile(r'"warehouse"\."(\w+)"\."(\w+)"')


def rebuild(
    settings: Settings,
    warehouse: duckdb.DuckDBPyConnection,
    models: Sequence[str],
    change: Callable[[duckdb.DuckDBPyConnection], object],
) -> duckdb.DuckDBPyConnection:
    """Return a connection whose `warehouse` holds what the models read, changed, and the models made from it, in their order."""
    own = duckdb.connect()
    own.execute("set TimeZone = 'UTC'")
    own.execute("attach ':memory:' as warehouse")
    texts = {}
    for model in models:
        # beside a model's own SQL stand those of its unit tests, in folders called like a file
        (path,) = (
            one for one in settings.dbt_target_dir.glob(f"compiled/**/{model}.sql") if one.parent.suffix != ".yml"
        )
        schema = "marts" if "marts" in path.parts else "intermediate"
        texts[model] = (f"warehouse.{schema}.{model}", path.read_text(encoding="utf-8"))
    read = {found for _, text in texts.values() for found in _TABLE.findall(text) if found[1] not in models}
    for schema in {"intermediate", "marts", *(schema for schema, _ in read)}:
        own.execute(f"create schema warehouse.{schema}")
    copy_tables(own, warehouse, (f"{schema}.{table}" for schema, table in sorted(read)))
    change(own)
    for name, text in texts.values():
        own.execute(f"create table {name} as {text}")
    own.execute("use warehouse")
    return own


def copy_tables(own: duckdb.DuckDBPyConnection, warehouse: duckdb.DuckDBPyConnection, tables: Iterable[str]) -> None:
    """Copy tables, named with their schema, into the `warehouse` of another connection; one that is there already stays."""
    for table in tables:
        own.execute(f"create schema if not exists warehouse.{table.split('.')[0]}")
        own.register("copied", warehouse.sql(f"select * from {table}").arrow())
        own.execute(f"create table if not exists warehouse.{table} as select * from copied")

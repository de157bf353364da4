"""Some models once more, their own SQL, over a copy of what they read that a test has changed.

What belongs here: questions that the sample company's rows do not ask. What does not: what a whole night does with other rows or seeds.
"""

import re
from collections.abc import Callable, Sequence

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
        (path,) = settings.dbt_target_dir.glob(f"compiled/**/{model.split('__')[0].split('_', 1)[1]}/{model}.sql")
        texts[model] = path.read_text(encoding="utf-8")
    read = {found for text in texts.values() for found in _TABLE.findall(text) if found[1] not in models}
    for schema in {"intermediate", *(schema for schema, _ in read)}:
        own.execute(f"create schema warehouse.{schema}")
    for schema, table in sorted(read):
        own.register("copied", warehouse.sql(f"select * from {schema}.{table}").arrow())
        own.execute(f"create table warehouse.{schema}.{table} as select * from copied")
    change(own)
    for model, text in texts.items():
        own.execute(f"create table warehouse.intermediate.{model} as {text}")
    own.execute("use warehouse")
    return own

"""Audience files without a person: each written anew from its Parquet file without the rows that name them.

What does not belong here: which people an audience has (`orchestration.activate`); and copies that somebody took elsewhere.
"""

import json
from collections.abc import Collection
from pathlib import Path

import duckdb

from orchestration.activate.files import (
    FOLDER,
    HIDDEN_PREFIX,
    checksums,
    put_in_place,
    write_manifest,
    write_tables,
)
from orchestration.erase.values import Sought
from orchestration.publish.versions import MANIFEST_FILE
from orchestration.sql import quote_identifier, quote_literal


def clean_activation(home: Path, names: Collection[str], sought: Sought) -> dict[str, int]:
    """Take a person out of every audience file.

    Parameters
    ----------
    home
        ``LEADRELAY_HOME``.
    names
        Ids of the person; a row with one of them in any cell goes.
    sought
        Distinctive values; a row that holds one in any cell goes.

    Returns
    -------
    dict
        Rows that went, by folder below ``activation/``.
    """
    gone: dict[str, int] = {}
    for manifest_file in sorted((home / FOLDER).glob(f"*/*/{MANIFEST_FILE}")):
        folder = manifest_file.parent
        if not folder.name.startswith(HIDDEN_PREFIX) and (count := _clean(folder, names, sought)):
            gone[folder.relative_to(home / FOLDER).as_posix()] = count
    return gone


def _clean(folder: Path, names: Collection[str], sought: Sought) -> int:
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    stem = str(manifest["audience"])
    source = f"read_parquet({quote_literal(str(folder / f'{stem}.parquet'))})"
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create temp table names as select unnest(?::varchar[]) as name", [sorted(names)])
        texts = [
            quote_identifier(str(row[0]))
            for row in connection.execute(f"describe select * from {source}").fetchall()
            if row[1] == "VARCHAR"
        ]
        holds = " or ".join(
            f"coalesce({text} in (select name from names), false)"
            + (f" or coalesce(regexp_matches({text}, {quote_literal(sought.in_sql)}), false)" if sought else "")
            for text in texts
        )
        connection.execute(f"create temp table kept as select * from {source} where not ({holds})")
        counted = connection.execute(
            f"select (select count(*) from {source}) - count(*), count(*), count(distinct person_id) from kept"
        ).fetchone()
        gone, rows, people = counted or (0, 0, 0)
        if gone:
            target = folder.with_name(f"{HIDDEN_PREFIX}{folder.name}")
            target.mkdir(mode=0o700)
            write_tables(connection, "kept", manifest["columns"], target, stem)
            write_manifest(target, {**manifest, "rows": rows, "people": people, "files": checksums(target)})
            put_in_place(target, folder)
    return int(gone)

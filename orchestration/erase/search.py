"""The proof: every file below the home searched for every distinctive value, packed and columnar ones by their content.

Bytes alone prove nothing of a DuckDB or Parquet file, which pack their texts, and cells alone nothing of blocks that are free but not
overwritten. So such a file is searched both ways. Nothing is left out: what cannot be opened is named.
What does not belong here: taking anything out.
"""

import gzip
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb

from orchestration.erase.values import Sought
from orchestration.sql import quote_identifier, quote_literal

_BLOCK = 8 << 20
_MAGIC_BYTES = 16


@dataclass(frozen=True)
class Found:
    """What a search found in one file.

    Parameters
    ----------
    path
        The file.
    places
        Cells or places in its text that hold a value.
    why
        How it was found; empty when it was not.
    """

    path: Path
    places: int
    why: str = ""


@dataclass(frozen=True)
class Searched:
    """One search.

    Parameters
    ----------
    files, byte_count
        What was looked through.
    cells
        Cells of DuckDB, SQLite and Parquet tables among it.
    found
        Files that hold a value.
    unreadable
        Files that could only be searched by their bytes, each with the reason.
    """

    files: int
    byte_count: int
    cells: int
    found: tuple[Found, ...]
    unreadable: tuple[str, ...]


def search_files(roots: Iterable[Path], sought: Sought) -> Searched:
    """Search every plain file below some folders, links not followed.

    Parameters
    ----------
    roots
        Folders, or files.
    sought
        What to search for.
    """
    files = byte_count = cells = 0
    found: list[Found] = []
    unreadable: list[str] = []
    for path in _plain_files(roots):
        files += 1
        byte_count += path.stat().st_size
        one, looked_at, problem = _search_file(path, sought)
        cells += looked_at
        if one.places:
            found.append(one)
        if problem:
            unreadable.append(f"{path}: {problem}")
    return Searched(files, byte_count, cells, tuple(found), tuple(unreadable))


def _plain_files(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        if root.is_file() and not root.is_symlink():
            yield root
        elif root.is_dir():
            yield from (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


def _search_file(path: Path, sought: Sought) -> tuple[Found, int, str]:
    with path.open("rb") as stream:
        magic = stream.read(_MAGIC_BYTES)
    if not sought or not magic:
        return Found(path, 0), 0, ""
    for starts, search in _TABLES.items():
        if starts in (magic[:4], magic[8:12], magic):
            return _search_table_file(path, sought, search)
    opener, problem = _unpacked(path, magic), ""
    places = 0
    try:
        with opener() as stream:
            places = _search_blocks(stream, sought, sought.in_text_bytes)
    except (EOFError, OSError, zlib.error, ValueError) as error:
        problem = f"cannot be unpacked to its end ({type(error).__name__})"
    return Found(path, places, "its text" if places else ""), 0, problem


def _search_table_file(
    path: Path, sought: Sought, search: Callable[[Path, str], tuple[int, int]]
) -> tuple[Found, int, str]:
    try:
        looked_at, places = search(path, sought.in_sql)
        if places:
            return Found(path, places, "its tables"), looked_at, ""
        with path.open("rb") as stream:
            in_bytes = _search_blocks(stream, sought, sought.in_bytes)
        # In bytes a value may be part of somebody else's, as ann@x.com is of joann@x.com.
        if in_bytes and not search(path, sought.in_sql_anywhere)[1]:
            return Found(path, in_bytes, "its bytes, though in no table"), looked_at, ""
    except (duckdb.Error, sqlite3.Error) as error:
        with path.open("rb") as stream:
            in_bytes = _search_blocks(stream, sought, sought.in_bytes)
        return Found(path, in_bytes, "its bytes" if in_bytes else ""), 0, f"cannot be opened ({type(error).__name__})"
    return Found(path, 0), looked_at, ""


def _unpacked(path: Path, magic: bytes) -> Callable[[], Any]:
    if magic[:2] == b"\x1f\x8b":
        return lambda: gzip.open(path, "rb")
    if magic[:4] == b"\x28\xb5\x2f\xfd":
        import pyarrow as pa

        return lambda: pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
    return lambda: path.open("rb")


def _search_blocks(stream: IO[bytes], sought: Sought, pattern: "re.Pattern[bytes]") -> int:
    """Count matches; blocks overlap by the longest value, so a match on a seam counts (perhaps twice)."""
    count, rest = 0, b""
    while block := stream.read(_BLOCK):
        # Looking for plain bytes first is many times as fast as the pattern.
        if sought.may_be_in(rest + block):
            count += sum(1 for _ in pattern.finditer(rest + block))
        rest = block[-(sought.longest + 1) :]
    return count


def _search_duckdb(path: Path, pattern: str) -> tuple[int, int]:
    looked_at = places = 0
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {quote_literal(str(path))} as searched (read_only)")
        tables: dict[tuple[str, str], list[str]] = {}
        for schema, table, column in connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() as c where database_name = 'searched' and not internal "
            "and exists (from duckdb_tables() as t where t.database_name = 'searched' and t.table_oid = c.table_oid and t.schema_oid = c.schema_oid) "
            "order by all"
        ).fetchall():
            tables.setdefault((schema, table), []).append(column)
        for (schema, table), columns in tables.items():
            relation = f"searched.{quote_identifier(schema)}.{quote_identifier(table)}"
            cells, found = _search_relation(connection, relation, columns, pattern)
            looked_at += cells
            places += found
    return looked_at, places


def _search_parquet(path: Path, pattern: str) -> tuple[int, int]:
    with duckdb.connect(":memory:") as connection:
        relation = f"read_parquet({quote_literal(str(path))})"
        columns = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
        return _search_relation(connection, relation, columns, pattern)


def _search_relation(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str], pattern: str
) -> tuple[int, int]:
    # The separator is no letter, so that a value that fills a cell stands whole.
    texts = ", ".join(f"cast({quote_identifier(column)} as varchar)" for column in columns)
    row = connection.execute(
        f"select count(*), count(*) filter (where regexp_matches(concat_ws(chr(31), {texts}), {quote_literal(pattern)})) from {relation}"
    ).fetchone()
    rows, found = row or (0, 0)
    return int(rows) * len(columns), int(found)


def _search_sqlite(path: Path, pattern: str) -> tuple[int, int]:
    # RE2's pattern is Python's as well.
    expression = re.compile(pattern)
    looked_at = places = 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = lambda content: content.decode("utf-8", errors="replace")
        tables = [
            row[0] for row in connection.execute("select name from sqlite_master where type = 'table' order by 1")
        ]
        for table in tables:
            for row in connection.execute(f"select * from {quote_identifier(table)}"):
                looked_at += len(row)
                text = "\x1f".join(
                    cell.decode("utf-8", errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row
                )
                places += expression.search(text) is not None
    return looked_at, places


_TABLES: Mapping[bytes, Callable[[Path, str], tuple[int, int]]] = {
    b"DUCK": _search_duckdb,
    b"PAR1": _search_parquet,
    b"SQLite format 3\x00": _search_sqlite,
}

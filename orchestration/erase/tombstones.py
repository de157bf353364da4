"""Keyed hashes of what forgotten persons were known by, and leaving out rows that bear one.

``LEADRELAY_HOME/forgotten/tombstones.json`` (mode 0600) holds HMAC-SHA256 with the home's own key, never a value: without ``hmac.key``
nobody can try addresses against it. It lies beside the warehouse and not in it, so that a rebuild from landing finds it.
Who may call it: the loader, and the erasure.
"""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.erase.identifiers import RECORD, forms_sql, identifying_columns, install_forms
from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import Contract, ContractTable
from orchestration.sql import qualified, quote_identifier, quote_literal

FOLDER = "forgotten"
_FILE = "tombstones.json"
_VERSION = 1
_TOKENS = "forgotten_tokens"
LEFT_OUT = "leadrelay_forgotten"


@dataclass(frozen=True)
class Tombstone:
    """One forgotten person.

    Parameters
    ----------
    forgotten_at
        When, UTC, ISO 8601.
    tokens
        ``kind`` and keyed hash of each identifier and record.
    """

    forgotten_at: str
    tokens: tuple[tuple[str, str], ...]


def tombstones_path(home: Path) -> Path:
    """Return where the tombstones of a home lie."""
    return home / FOLDER / _FILE


def read_tombstones(home: Path) -> list[Tombstone]:
    """Return every tombstone of a home.

    Raises
    ------
    LeadrelayError
        If the file cannot be read: nothing may be loaded then, since a forgotten person could come back.
    """
    path = tombstones_path(home)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [Tombstone(one["forgotten_at"], tuple((k, t) for k, t in one["tokens"])) for one in content["persons"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeadrelayError(
            f"{path}: not readable ({type(error).__name__}). It keeps forgotten persons out, so nothing was loaded. Restore it from a backup."
        ) from error


def write_tombstones(home: Path, tombstones: Collection[Tombstone]) -> None:
    """Replace the tombstones of a home, durably."""
    path = tombstones_path(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    content = {
        "version": _VERSION,
        "persons": [{"forgotten_at": one.forgotten_at, "tokens": [list(t) for t in one.tokens]} for one in tombstones],
    }
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def token_sql(kind: str, form: str) -> str:
    """Return SQL of the keyed hash of a form, apart from every other use of the same key."""
    return f"hmac_sha256({quote_literal(f'forgotten|{kind}|')} || {form})"


def make_tombstone(
    connection: duckdb.DuckDBPyConnection, forms: Iterable[tuple[str, str]], moment: datetime | None = None
) -> Tombstone:
    """Return the tombstone of (kind, form) pairs; the connection has `install_hmac`."""
    tokens = []
    for kind, form in sorted(set(forms)):
        row = connection.execute(f"select {token_sql(kind, '?')}", [form]).fetchone()
        tokens.append((kind, str(row[0] if row else "")))
    return Tombstone((moment or datetime.now(tz=UTC)).isoformat(timespec="seconds"), tuple(tokens))


def raise_tombstones(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Make the tombstones of a home known on a connection, or nothing when there are none."""
    lower_tombstones(connection)
    tombstones = read_tombstones(home)
    if tombstones:
        raise_tokens(connection, home, {token for one in tombstones for token in one.tokens})


def lower_tombstones(connection: duckdb.DuckDBPyConnection) -> None:
    """Take off a connection what `raise_tombstones` put there."""
    connection.execute(f"drop table if exists temp.{_TOKENS}")


def raise_tokens(connection: duckdb.DuckDBPyConnection, home: Path, tokens: Iterable[tuple[str, str]]) -> None:
    """Make these (kind, keyed hash) known on a connection, in the place of those before."""
    prepare_hashing(connection, home)
    connection.execute(f"create or replace temp table {_TOKENS} (kind varchar, token varchar)")
    rows = sorted(tokens)
    connection.execute(
        f"insert into {_TOKENS} select unnest(?::varchar[]), unnest(?::varchar[])",
        [[kind for kind, _ in rows], [token for _, token in rows]],
    )


def prepare_hashing(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    """Give a connection the home's key and the forms of values."""
    from orchestration.publish.privacy import install_hmac, load_or_create_key

    install_hmac(connection, load_or_create_key(home))
    install_forms(connection)


def rows_borne(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, tuple[int, int]]:
    """Count the rows of raw that bear what `raise_tokens` made known.

    Returns
    -------
    dict
        By table that has some: rows that go, and rows that only lose a cell.
    """
    found = {}
    for table in contract.tables.values():
        raw = qualified("raw", table.identifier)
        counts = []
        for matches in ([_record_match(raw), *_matches(table, raw, cells=False)], [*_matches(table, raw, cells=True)]):
            row = (
                connection.execute(f"select count(*) from ({' union '.join(matches)})").fetchone() if matches else (0,)
            )
            counts.append(int(row[0]) if row else 0)
        if any(counts):
            found[table.full_name] = (counts[0], counts[1])
    return found


def leave_out_forgotten(connection: duckdb.DuckDBPyConnection, table: ContractTable, relation: str) -> int:
    """Take rows of forgotten persons out of a batch and empty the cells that name one.

    Parameters
    ----------
    connection
        With `raise_tombstones`; does nothing without tombstones.
    table
        The contract's table.
    relation
        The batch; ``leadrelay_forgotten`` is made beside it: ``_file_index``, ``_source_row`` and whether only a cell was emptied.

    Returns
    -------
    int
        How many rows were taken out.
    """
    connection.execute(f"drop table if exists temp.{LEFT_OUT}")
    if not _is_raised(connection):
        return 0
    rows = " union ".join([_record_match(relation), *_matches(table, relation, cells=False)])
    cells = list(_matches(table, relation, cells=True))
    connection.execute(
        f"create temp table {LEFT_OUT} as select b.rowid as batch_rowid, b._file_index, b._source_row, false as is_cell "
        f"from {relation} as b where b.rowid in ({rows})"
    )
    for (column, _), match in zip(identifying_columns(table, cells=True), cells, strict=True):
        connection.execute(
            f"insert into {LEFT_OUT} select b.rowid, b._file_index, b._source_row, true from {relation} as b where b.rowid in ({match})"
        )
        connection.execute(f"update {relation} set {quote_identifier(column)} = null where rowid in ({match})")
    row = connection.execute(f"select count(distinct batch_rowid) from {LEFT_OUT} where not is_cell").fetchone()
    connection.execute(f"delete from {relation} where rowid in (select batch_rowid from {LEFT_OUT} where not is_cell)")
    return int(row[0]) if row else 0


def note_forgotten(connection: duckdb.DuckDBPyConnection, run_id: str, table: ContractTable, moment: datetime) -> None:
    """Count the rows that `leave_out_forgotten` took out, by file, inside the load's transaction."""
    if _exists(connection, LEFT_OUT):
        connection.execute(
            "insert into ops.forgotten_rows select f.load_id, ?, ?, f.source_file, count(distinct l.batch_rowid), cast(? as timestamp) "
            f"from {LEFT_OUT} as l inner join leadrelay_files as f on f.file_index = l._file_index where not l.is_cell group by all",
            [run_id, table.full_name, moment],
        )


def _matches(table: ContractTable, relation: str, *, cells: bool) -> Iterable[str]:
    """Return a query of batch row ids for each identifying column; each distinct value is hashed once."""
    for column, kind in identifying_columns(table, cells=cells):
        name = quote_identifier(column)
        yield (
            f"select b.rowid from {relation} as b inner join (select distinct text, system from (select v.text, v.system, "
            f"unnest({forms_sql(kind, 'v.text', table.source, 'v.system')}) as form from (select distinct {name} as text, _source_system as system "
            f"from {relation} where {name} is not null) as v) as forms where {token_sql(kind, 'form')} in (select token from {_TOKENS} "
            f"where kind = {quote_literal(kind)})) as known on b.{name} = known.text and b._source_system = known.system"
        )


def _record_match(relation: str) -> str:
    return (
        f"select b.rowid from {relation} as b where {token_sql(RECORD, 'b._record_id')} in "
        f"(select token from {_TOKENS} where kind = {quote_literal(RECORD)})"
    )


def _is_raised(connection: duckdb.DuckDBPyConnection) -> bool:
    return _exists(connection, _TOKENS)


def _exists(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    row = connection.execute(
        "select count(*) from duckdb_tables() where temporary and table_name = ?", [name]
    ).fetchone()
    return bool(row and row[0])

"""The `postgres` reader: one table or view into Parquet files in landing, through ADBC, whose batches are Arrow already.

Rows come in the order of the cursor, inside one read-only snapshot. Each full file lands at once and the cursor moves on, so that a lost
connection costs one file's rows. The cursor never moves past the server's own clock: one row dated next year must not end the reading.
A sweep compares all keys of the snapshot with all keys in landing. What vanished lands once more as it was, with `_is_vanished`; what the
cursor missed (a restored row, a late commit) is read by its key.
Types that Arrow and PostgreSQL do not share land as PostgreSQL's own text: numeric keeps its digits, enums their words, arrays are JSON.
What does not belong here: casting to the contract's types (`orchestration.ingest.casting`).
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import adbc_driver_postgresql.dbapi as driver
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from orchestration.errors import ReaderError
from orchestration.ingest.collect.readers import Reading
from orchestration.ingest.collect.secrets import Secrets
from orchestration.ingest.expressions import ExpressionError, resolve
from orchestration.ingest.feeds import VANISHED, PostgresConnection, PostgresFeed
from orchestration.ingest.landing import checksum, landed_by
from orchestration.ingest.names import nearest
from orchestration.sql import quote_identifier, quote_literal

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# Types that ADBC gives as Arrow types which DuckDB reads with the same meaning.
_NATIVE = frozenset({"int2", "int4", "int8", "bool", "text", "varchar", "float4", "float8"})
_TIMES = frozenset({"date", "timestamp", "timestamptz"})
_INTEGERS = frozenset({"int2", "int4", "int8"})
# Their text is the same in PostgreSQL and in DuckDB, so that keys of both can be compared.
_KEY_TYPES = _INTEGERS | {"text", "varchar", "bpchar", "uuid", "numeric"}
_KEYS_PER_QUERY = 500
_CONNECT_SECONDS = "15"
# So many rows may vanish from a small table whatever share they are, as long as any are left.
_FEW = 10
# SQLSTATE classes of a server that is gone, busy or restarting; everything else fails again when it is asked again.
_PASSING = ("08", "53", "57", "40", "58")


# Asked again, these would be answered the same; the last is that of the class of a server that restarts.
_FINAL = (
    "authentication failed", "no password supplied", "does not exist", "permission denied", "no pg_hba.conf", "statement timeout",
)  # fmt: skip
# A line that went dead without a word is noticed after two minutes, in the middle of an answer too.
_KEEPALIVE = {
    "keepalives": 1, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6, "tcp_user_timeout": 120_000,
}  # fmt: skip


class _ConnectionLostError(Exception):
    """The server went away, or never came; asking again may help."""


@dataclass(frozen=True)
class _Column:
    """A column of the table as PostgreSQL describes it."""

    name: str
    type_name: str
    category: str

    @property
    def sql(self) -> str:
        """What to select, so that Arrow gets the value and not its bytes."""
        name = quote_identifier(self.name)
        if self.type_name in _NATIVE:
            return name
        if self.type_name in _TIMES:
            # 'infinity' has no place in Arrow; it means "no end", and so does null.
            return f"case when isfinite({name}) then {name} end as {name}"
        if self.category == "A":
            return f"to_json({name})::text as {name}"
        if self.type_name == "bytea":
            return f"encode({name}, 'base64') as {name}"
        return f"{name}::text as {name}"


@dataclass(frozen=True)
class _Table:
    """What is read, with every name quoted."""

    relation: str
    columns: tuple[_Column, ...]
    key: tuple[_Column, ...]
    cursor: _Column | None

    @property
    def selected(self) -> str:
        return ", ".join(column.sql for column in self.columns)

    @property
    def key_order(self) -> str:
        return ", ".join(quote_identifier(column.name) for column in self.key)

    @property
    def key_texts(self) -> str:
        """The key as texts, in a select list and in a comparison."""
        return ", ".join(f"{quote_identifier(column.name)}::text" for column in self.key)


def read_postgres(reading: Reading, feed: PostgresFeed) -> None:
    """Land what is new in one table since the last time.

    Parameters
    ----------
    reading
        Landing, progress and secrets.
    feed
        What to read.

    Raises
    ------
    ReaderError
        If the database cannot be reached or read to the end, or the table is not what the feed says.
    LandingError
        If landing cannot be written.
    """
    address = _address(feed.connection, reading.secrets)
    _retried(feed, lambda: _read_once(reading, feed, address), reading)


def _retried(feed: PostgresFeed, act: Callable[[], _T], reading: Reading) -> _T:
    """Do it again after a lost connection; files that have landed count as a step forward, not as an attempt."""
    while True:
        landed = reading.tally.files
        retrying = Retrying(
            retry=retry_if_exception_type(_ConnectionLostError),
            stop=stop_after_attempt(feed.retries.attempts),
            wait=wait_exponential(multiplier=feed.retries.backoff_seconds, max=feed.retries.max_seconds),
            reraise=True,
        )
        try:
            return retrying(act)
        except _ConnectionLostError as error:
            if reading.tally.files > landed:
                continue
            raise ReaderError(
                f"the database does not answer, or was lost in mid-read, {feed.retries.attempts} times in a row: {error}. "
                "Check that it runs and that the account may connect."
            ) from None


def _read_once(reading: Reading, feed: PostgresFeed, address: str) -> None:
    with _session(address, feed.longest_seconds) as session:
        table = _describe(session, feed)
        _check_mapping(feed, table)
        place = reading.place(feed)
        if table.cursor is None:
            _read_whole(reading, feed, session, table, place)
        else:
            _read_by_cursor(reading, feed, session, table, place)
        if feed.sweep:
            _sweep(reading, feed, session, table)


# ---------------------------------------------------------------------------------------------------------------- session


class _Session:
    """One connection in one read-only snapshot."""

    def __init__(self, connection: driver.Connection) -> None:
        self._connection = connection

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return a small result as tuples of texts."""
        with _as_lost(), self._connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Yield a result as Arrow batches; memory holds one of them at a time."""
        with _as_lost(), self._connection.cursor() as cursor:
            cursor.execute(query)
            yield from cursor.fetch_record_batch()


@contextmanager
def _session(address: str, longest_seconds: float) -> Iterator[_Session]:
    with _as_lost():
        connection = driver.connect(address)
    try:
        session = _Session(connection)
        with _as_lost(), connection.cursor() as cursor:
            for statement in (
                "set transaction isolation level repeatable read, read only",
                "set local timezone = 'UTC'",
                "set local datestyle = 'ISO, YMD'",
                "set local standard_conforming_strings = on",
                f"set local statement_timeout = {max(1, round(longest_seconds * 1000))}",
            ):
                cursor.execute(statement)
        yield session
    finally:
        # A connection that is lost cannot even be closed in good order.
        with suppress(driver.Error, OSError):
            connection.close()


@contextmanager
def _as_lost() -> Iterator[None]:
    """Tell a connection that went away from an answer that will not change."""
    try:
        yield
    except driver.Error as error:
        text = _first_line(error)
        state = str(getattr(error, "sqlstate", None) or "").strip("\x00")
        if _is_final(text) or (state and not state.startswith(_PASSING)):
            raise ReaderError(f"the database refuses: {text}") from None
        raise _ConnectionLostError(text) from None
    except OSError as error:
        # Arrow's stream gives what happens between two batches as an OSError without a number.
        if error.errno is not None:
            raise
        if _is_final(str(error)):
            raise ReaderError(f"the database refuses: {_first_line(error)}") from None
        raise _ConnectionLostError(_first_line(error)) from None


def _is_final(text: str) -> bool:
    return any(part in text for part in _FINAL)


def _address(connection: PostgresConnection, secrets: Secrets) -> str:
    """Return a libpq address with a limit on connecting and a name that the database's own logs show."""
    if connection.uri_env is not None:
        address = secrets.read(connection.uri_env)
    else:
        user = quote(connection.user or "", safe="")
        password = f":{quote(secrets.read(connection.password_env), safe='')}" if connection.password_env else ""
        address = (
            f"postgresql://{user}{password}@{connection.host}:{connection.port}/{quote(connection.database or '', safe='')}"
            f"?sslmode={connection.sslmode}"
        )
    split = urlsplit(address)
    if split.scheme not in ("postgresql", "postgres"):
        raise ReaderError(f"{connection.uri_env} holds no address like postgresql://user:password@host:5432/database.")
    query = {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "leadrelay",
        **_KEEPALIVE,
        **dict(parse_qsl(split.query)),
    }
    complete = urlunsplit(split._replace(query=urlencode(query)))
    secrets.hide(complete)
    return complete


# ------------------------------------------------------------------------------------------------------------- the table


def _describe(session: _Session, feed: PostgresFeed) -> _Table:
    schema, _, name = feed.table.rpartition(".")
    relation = f"{quote_identifier(schema or 'public')}.{quote_identifier(name)}"
    found = session.rows(
        "select a.attname::text, t.typname::text, t.typcategory::text from pg_catalog.pg_attribute as a "
        "inner join pg_catalog.pg_type as t on t.oid = a.atttypid "
        f"where a.attrelid = to_regclass({quote_literal(relation)}) and a.attnum > 0 and not a.attisdropped order by a.attnum"
    )
    if not found:
        tables = session.rows(
            "select table_schema::text || '.' || table_name::text from information_schema.tables "
            "where table_schema not in ('pg_catalog', 'information_schema')"
        )
        raise ReaderError(f"table {feed.table!r} is not there. {nearest(feed.table, (row[0] for row in tables))}")
    columns = {str(row[0]): _Column(str(row[0]), str(row[1]), str(row[2])) for row in found}

    def column(part: str, wanted: str) -> _Column:
        if wanted not in columns:
            raise ReaderError(f"{part}: {feed.table} has no column {wanted!r}. {nearest(wanted, columns)}")
        return columns[wanted]

    key = tuple(column("key", wanted) for wanted in feed.key)
    cursor = column("cursor", feed.cursor) if feed.cursor else None
    if cursor is not None and cursor.type_name not in _TIMES | _INTEGERS:
        raise ReaderError(f"cursor: {cursor.name} is {cursor.type_name}; a cursor is a time or an integer.")
    if feed.sweep:
        for part in key:
            if part.type_name not in _KEY_TYPES:
                known = ", ".join(sorted(_KEY_TYPES))
                raise ReaderError(f"key: {part.name} is {part.type_name}; a sweep compares keys of type {known}.")
    return _Table(relation=relation, columns=tuple(columns.values()), key=key, cursor=cursor)


def _check_mapping(feed: PostgresFeed, table: _Table) -> None:
    """Refuse before anything lands when the mapping names a column that the table lacks, such as a renamed one."""
    available = [column.name for column in table.columns] + ([VANISHED] if feed.sweep else [])
    texts = {**{f"columns.{name}": text for name, text in feed.columns.items()}}
    if feed.arrival is not None:
        texts["arrival"] = feed.arrival
    for part, text in texts.items():
        try:
            resolve(text, available)
        except ExpressionError as error:
            told = str(error).replace("the file has", f"{feed.table} has")
            raise ReaderError(f"{part}: {told} Nothing was read; correct sources.yml.") from None


# ---------------------------------------------------------------------------------------------------------------- reading


def _read_whole(
    reading: Reading, feed: PostgresFeed, session: _Session, table: _Table, place: Mapping[str, Any]
) -> None:
    """Land the table as one file, unless it is as it was the last time."""
    query = f"select {table.selected} from {table.relation} order by {table.key_order}"
    with reading.arrivals.temporary() as path:
        writer = _Writer(path, feed)
        for batch in session.batches(query):
            writer.write(batch)
        digest = writer.close()
        if writer.rows and digest != place.get("digest"):
            _land(reading, feed, path, writer.rows)
            reading.progress.write({"digest": digest})


def _read_by_cursor(
    reading: Reading,
    feed: PostgresFeed,
    session: _Session,
    table: _Table,
    place: Mapping[str, Any],
) -> None:
    """Land what the cursor says is new, file by file; the place moves on with each."""
    cursor = table.cursor
    if cursor is None:
        return
    since = place.get("cursor")
    name = quote_identifier(cursor.name)
    # Rows without a cursor value are read each time, since nothing says when they change.
    where = f"where {name} is null or {name} >= {_start(cursor, since, feed)}" if since is not None else ""
    query = (
        f"select {table.selected}, {_reached(cursor)} as {quote_identifier(_CURSOR_TEXT)} from {table.relation} {where} "
        f"order by {name} nulls first, {table.key_order}"
    )
    # What the overlap reads again, night after night, has landed already.
    known, digests = frozenset(place.get("digests") or ()), []
    for chunk in _sliced(session.batches(query), feed.rows_per_file):
        with reading.arrivals.temporary() as path:
            writer = _Writer(path, feed)
            reached = since
            for batch in chunk:
                reached = batch.column(batch.num_columns - 1)[-1].as_py() or reached
                writer.write(batch.drop_columns([_CURSOR_TEXT]))
            digests.append(writer.close())
            if digests[-1] not in known:
                _land(reading, feed, path, writer.rows)
        since = reached
        reading.progress.write({"cursor": since, "digests": digests})


_CURSOR_TEXT = "_leadrelay_cursor"


def _reached(cursor: _Column) -> str:
    """Return the SQL of a row's cursor as text, never after the moment at which the snapshot was taken."""
    name = quote_identifier(cursor.name)
    if cursor.type_name in _INTEGERS:
        return f"{name}::text"
    return f"case when {name} is not null then least({name}, now()::{cursor.type_name}) end::text"


def _start(cursor: _Column, since: str, feed: PostgresFeed) -> str:
    value = f"{quote_literal(since)}::{cursor.type_name}"
    if cursor.type_name in _INTEGERS:
        return f"{value}::bigint - {feed.overlap_ids}"
    return f"{value} - interval '{feed.overlap_minutes} minutes'"


def _sliced(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[list[pa.RecordBatch]]:
    """Yield lists of batches that hold ``rows`` rows together, the last one less."""
    held: list[pa.RecordBatch] = []
    count = 0
    for whole in batches:
        batch = whole
        while count + batch.num_rows >= rows:
            taken = rows - count
            yield [*held, batch.slice(0, taken)]
            held, count, batch = [], 0, batch.slice(taken)
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
    if held:
        yield held


class _Writer:
    """A Parquet file in the making."""

    def __init__(self, path: Path, feed: PostgresFeed) -> None:
        self._path = path
        self._feed = feed
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def write(self, batch: pa.RecordBatch, *, is_vanished: bool = False) -> None:
        """Add rows."""
        if batch.num_rows == 0:
            return
        plain = _plain(batch)
        if self._feed.sweep and VANISHED not in plain.schema.names:
            plain = plain.append_column(VANISHED, pa.array([is_vanished] * plain.num_rows, pa.bool_()))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, plain.schema, compression="zstd")
        self._writer.write_batch(plain)
        self.rows += plain.num_rows

    def close(self) -> str:
        """Finish the file and return a digest of it; the same rows in the same order give the same bytes."""
        if self._writer is None:
            return ""
        self._writer.close()
        return checksum(self._path)[0]


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch without Arrow's extension types, which Parquet readers take as each likes."""
    columns = [column.storage if isinstance(column, pa.ExtensionArray) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _land(reading: Reading, feed: PostgresFeed, path: Path, rows: int) -> None:
    reading.arrivals.land(path, lambda sequence: f"{feed.prefix}.{sequence:09d}.parquet")
    reading.tally.files += 1
    reading.tally.rows += rows


# ------------------------------------------------------------------------------------------------------------------ sweep


def _sweep(reading: Reading, feed: PostgresFeed, session: _Session, table: _Table) -> None:
    """Compare the keys of the table with the keys in landing, and land the difference."""
    files = landed_by(reading.settings.landing_dir, reading.table, feed)
    if not files:
        return
    names = [quote_identifier(column.name) for column in table.key]
    key = ", ".join(f"k{index} := cast({name} as varchar)" for index, name in enumerate(names))
    landed = ", ".join(quote_literal(str(path)) for path in files)
    with duckdb.connect(":memory:") as local:
        # The load sequence is part of the name, so the last name has the last version; in a file the last row.
        local.execute(
            f"create view landed as select *, struct_pack({key}) as _key "
            f"from read_parquet([{landed}], union_by_name = true, filename = '_file', file_row_number = true)"
        )
        order = "row(parse_filename(_file), file_row_number)"
        local.execute(
            f"create table known as select _key, arg_max(coalesce({VANISHED}, false), {order}) as is_vanished from landed group by _key"
        )
        local.execute(f"create table present (_key {_row_type(table)})")
        for batch in session.batches(f"select {table.key_texts} from {table.relation}"):
            _add_keys(local, batch)
        vanished = _difference(local, "select _key from known where not is_vanished", "select _key from present")
        missed = _difference(local, "select _key from present", "select _key from known where not is_vanished")
        _check_share(local, feed, len(vanished))
        if missed:
            _land_missed(reading, feed, session, table, missed)
        if vanished:
            _land_vanished(reading, feed, local, order, vanished)


def _row_type(table: _Table) -> str:
    return f"struct({', '.join(f'k{index} varchar' for index in range(len(table.key)))})"


def _add_keys(local: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
    plain = pa.Table.from_batches([batch.rename_columns([f"k{index}" for index in range(batch.num_columns)])])
    local.register("batch_of_keys", plain)
    names = ", ".join(f"k{index} := k{index}" for index in range(batch.num_columns))
    local.execute(f"insert into present select struct_pack({names}) from batch_of_keys")
    local.unregister("batch_of_keys")


def _difference(local: duckdb.DuckDBPyConnection, left: str, right: str) -> list[tuple[str, ...]]:
    rows = local.execute(f"select to_json(_key) from ({left} except {right}) order by 1").fetchall()
    return [tuple(json.loads(row[0]).values()) for row in rows]


def _check_share(local: duckdb.DuckDBPyConnection, feed: PostgresFeed, vanished: int) -> None:
    row = local.execute(
        "select (select count(*) from known where not is_vanished), (select count(*) from present)"
    ).fetchone()
    known, present = row or (0, 0)
    is_many = vanished > _FEW or present == 0
    if known and is_many and vanished / known > feed.sweep_limit:
        raise ReaderError(
            f"{vanished} of {known} known rows are gone from {feed.table}, more than sweep_limit {feed.sweep_limit:g}. An emptied table, a "
            "lost permission or another database looks like this. None was marked; if they are really gone, raise sweep_limit for one run."
        )


def _land_missed(
    reading: Reading, feed: PostgresFeed, session: _Session, table: _Table, keys: Sequence[tuple[str, ...]]
) -> None:
    with reading.arrivals.temporary() as path:
        writer = _Writer(path, feed)
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            wanted = ", ".join(
                f"({', '.join(quote_literal(part) for part in key)})" for key in keys[start : start + _KEYS_PER_QUERY]
            )
            query = f"select {table.selected} from {table.relation} where ({table.key_texts}) in ({wanted}) order by {table.key_order}"
            for batch in session.batches(query):
                writer.write(batch)
        writer.close()
        if writer.rows:
            _land(reading, feed, path, writer.rows)


def _land_vanished(
    reading: Reading,
    feed: PostgresFeed,
    local: duckdb.DuckDBPyConnection,
    order: str,
    keys: Sequence[tuple[str, ...]],
) -> None:
    wanted = ", ".join(
        f"struct_pack({', '.join(f'k{index} := {quote_literal(part)}' for index, part in enumerate(key))})"
        for key in keys
    )
    rows = local.execute(
        f"select * exclude (_key, _file, file_row_number) replace (true as {VANISHED}) from landed "
        f"where _key in ({wanted}) qualify row_number() over (partition by _key order by {order} desc) = 1 order by _key"
    ).to_arrow_table()
    with reading.arrivals.temporary() as path:
        writer = _Writer(path, feed)
        for batch in rows.to_batches():
            writer.write(batch)
        writer.close()
        _land(reading, feed, path, writer.rows)
        reading.tally.vanished += writer.rows


def _first_line(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).strip().splitlines()[:2])

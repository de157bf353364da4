"""Landed files without the rows of forgotten persons: the one hand that may change landing.

A file is written anew beside the old one and takes its place; its sidecar keeps arrival and load sequence, takes the new checksum and
remembers the old one, so that the same export is not copied in a second time. A file that a killed process left half done is done again.
What does not belong here: whose rows they are (`tombstones`).
"""

import csv
import gzip
import io
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import duckdb

from orchestration.erase.tombstones import LEFT_OUT, leave_out_forgotten
from orchestration.erase.values import ERASED, Sought
from orchestration.errors import ConfigError, LandingError, LeadrelayError
from orchestration.ingest.contract import Contract, ContractTable
from orchestration.ingest.feeds import FeedBase
from orchestration.ingest.landing import LandedFile, checksum, landed_files, replace_sidecar
from orchestration.ingest.reader import BATCH, FILE_COLUMN, ROW_COLUMN, drop_batch, read_batch
from orchestration.ingest.sources import Sources
from orchestration.settings import Settings
from orchestration.sql import quote_identifier, quote_literal

# A file that no feed takes is plain text, packed as its ending says.
_PLAIN = FeedBase(system="none")
_REPLACEMENT = f"\\1{ERASED}\\2"


@dataclass(frozen=True)
class Cleaned:
    """What was taken out of one landed file.

    Parameters
    ----------
    relative_path
        The file, relative to landing.
    rows
        Rows taken out.
    cells
        Rows that stayed and lost a value.
    is_removed
        Whether nothing was left, so that only the sidecar stays.
    """

    relative_path: str
    rows: int
    cells: int
    is_removed: bool = False


@dataclass(frozen=True)
class _Marked:
    """Records of one file to drop and to blank, by their content; of Parquet by row number."""

    drop: frozenset[object]
    blank: frozenset[object]

    def __bool__(self) -> bool:
        return bool(self.drop or self.blank)


def clean_landing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contract: Contract,
    sources: Sources,
    sought: Sought,
    texts: frozenset[str],
) -> list[Cleaned]:
    """Take forgotten persons out of every landed file.

    Parameters
    ----------
    connection
        With the tombstones raised.
    settings, contract, sources
        Where landing is, and how its files are read.
    sought
        Distinctive values, which are taken out of other persons' free text as well; may be empty.
    texts
        Values, in lower case, whose cells are emptied in rows that stay.

    Returns
    -------
    list of Cleaned
        The files that were written anew.

    Raises
    ------
    LeadrelayError
        If a file cannot be written; those before it are done, and the command may be given again.
    """
    done = []
    for table in contract.tables.values():
        feeds = sources.feeds(table.full_name)
        for path, file in landed_files(settings.landing_dir, table, feeds):
            with tempfile.TemporaryDirectory(dir=settings.home, prefix=".load-") as work_dir:
                marked = _mark(connection, table, file, Path(work_dir)) if file else _Marked(frozenset(), frozenset())
            cleaned = _rewrite(settings.landing_dir, path, file, marked, sought, texts)
            if cleaned is not None:
                done.append(cleaned)
    return done


def _mark(connection: duckdb.DuckDBPyConnection, table: ContractTable, file: LandedFile, work_dir: Path) -> _Marked:
    """Read a file as the loader does and return the records that bear a tombstone."""
    try:
        batch = read_batch(connection, table, [replace(file, sha256=checksum(file.path)[0])], work_dir)
        leave_out_forgotten(connection, table, BATCH)
        found: dict[bool, set[object]] = {False: set(), True: set()}
        is_parquet = file.feed.format_of(file.path.name) == "parquet"
        read = 0
        for group in batch.groups:
            raw_text = "cast(null as varchar)" if is_parquet else group.raw_text
            rows = connection.execute(
                f"select l.is_cell, s.source_row, s.raw_text from {LEFT_OUT} as l inner join "
                f"(select {FILE_COLUMN} as file_index, {ROW_COLUMN} as source_row, {raw_text} as raw_text from {group.relation} as source_rows) as s "
                "on l._file_index = s.file_index and l._source_row = s.source_row"
            ).fetchall()
            read += len(rows)
            for is_cell, number, text in rows:
                found[bool(is_cell)].add(number if is_parquet else _record_of(file, text))
        _check_marked(connection, file, read)
        return _Marked(frozenset(found[False]), frozenset(found[True]))
    except (LandingError, ConfigError, duckdb.Error):
        # What the loader cannot read is searched as text below, and by the proof.
        return _Marked(frozenset(), frozenset())
    finally:
        drop_batch(connection)


def _check_marked(connection: duckdb.DuckDBPyConnection, file: LandedFile, read: int) -> None:
    """Refuse to take out anything when the rows read again are not those that bear a tombstone: landing has no second copy."""
    row = connection.execute(f"select count(*) from {LEFT_OUT}").fetchone()
    wanted = row[0] if row else 0
    if read != wanted:
        raise LeadrelayError(
            f"{file.relative_path}: {wanted} rows are to be taken out and {read} were found again; nothing of it was changed. "
            "This is a defect in leadrelay."
        )


def _record_of(file: LandedFile, raw_text: str) -> object:
    """Return what makes a record of a text file the same again: a JSON line itself, a CSV record's fields."""
    if file.feed.format_of(file.path.name) == "jsonl":
        return raw_text.strip()
    return tuple("" if value is None else str(value) for value in json.loads(raw_text).values())


def _rewrite(
    landing_dir: Path, path: Path, file: LandedFile | None, marked: _Marked, sought: Sought, texts: frozenset[str]
) -> Cleaned | None:
    """Write one file anew when it holds something to take out."""
    temporary = path.with_name(f".{path.name}.erasing.tmp")
    relative = path.relative_to(landing_dir).as_posix()
    try:
        if file is not None and file.feed.format_of(path.name) == "parquet":
            if not marked and not _parquet_holds(path, sought):
                return None
            rows, cells, kept = _rewrite_parquet(path, temporary, marked, sought, texts)
        else:
            rows, cells, kept = _rewrite_text(path, temporary, file, marked, sought, texts)
        if not rows and not cells:
            return None
        _take_place(path, temporary, rows, is_removed=not kept)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        # Cut off: the loader refuses it, and the proof says whether what can be read of it holds anything.
        return None
    except UnicodeError as error:
        raise LeadrelayError(
            f"{relative}: cannot be written in its own encoding again ({error}); it is as it was. Remove the person's rows by hand, or the file."
        ) from error
    except OSError as error:
        raise LeadrelayError(
            f"{relative}: cannot be written anew ({error.strerror}). The files before it are done; give the command again when it can."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return Cleaned(relative, rows, cells, is_removed=not kept)


def _take_place(path: Path, temporary: Path, rows: int, *, is_removed: bool) -> None:
    """Put the new content in the place of the old, the sidecar first: what it says of both tells a half-done file."""
    before, _ = checksum(path)
    after, _ = checksum(temporary)
    times = path.stat()
    os.utime(temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
    temporary.chmod(times.st_mode & 0o777)
    replace_sidecar(
        path, before, after, {"erased_at": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "erased_rows": rows}
    )
    if is_removed:
        path.unlink()
    else:
        temporary.replace(path)


# ------------------------------------------------------------------------------------------------------------------- text


def _rewrite_text(
    path: Path, target: Path, file: LandedFile | None, marked: _Marked, sought: Sought, texts: frozenset[str]
) -> tuple[int, int, bool]:
    """Copy a text file without its marked records; return rows taken out, rows changed, and whether a record is left."""
    rows = cells = kept = 0
    with ExitStack() as stack:
        source = stack.enter_context(_open_text(stack, path, file))
        copy = stack.enter_context(_open_text(stack, path, file, target))
        for text, record, is_header in _records(source, path, file):
            if record in marked.drop and not is_header:
                rows += 1
                continue
            new = _blanked(text, record, file, texts) if record in marked.blank and not is_header else text
            new = sought.in_text.sub(ERASED, new) if sought and not is_header else new
            cells += new != text
            kept += bool(text.strip()) and not is_header
            copy.write(new)
    return rows, cells, bool(kept)


def _open_text(stack: ExitStack, path: Path, file: LandedFile | None, target: Path | None = None) -> TextIO:
    """Open a landed file for reading, or ``target`` for writing, in the file's own packing and encoding."""
    encoding = file.feed.options.encoding if file else "utf-8"
    compression = (file.feed if file else _PLAIN).compression_of(path.name)
    raw: Any = stack.enter_context((target or path).open("wb" if target else "rb"))
    if compression == "zstd":
        import pyarrow as pa

        raw = pa.CompressedOutputStream(raw, "zstd") if target else pa.CompressedInputStream(raw, "zstd")
    elif compression == "gzip":
        # Without a name and a moment in its header the same content gives the same bytes.
        raw = stack.enter_context(gzip.GzipFile(filename="", mode="wb" if target else "rb", fileobj=raw, mtime=0))
    return stack.enter_context(io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline=""))


def _records(source: TextIO, path: Path, file: LandedFile | None) -> Iterator[tuple[str, object, bool]]:
    """Return (text, what makes it the same again, whether it is the header) of each record."""
    file_format = file.feed.format_of(path.name) if file else None
    if file is None or file_format != "csv":
        for number, line in enumerate(source):
            yield line, (line.lstrip("\ufeff") if number == 0 else line).strip(), False
        return
    lines: list[str] = []
    options = file.feed.options

    def taken() -> Iterator[str]:
        for number, line in enumerate(source):
            lines.append(line)
            yield line.lstrip("\ufeff") if number == 0 else line

    delimiter = options.delimiter or ("\t" if ".tsv" in path.name.lower() else ",")
    reader = csv.reader(
        taken(),
        delimiter=delimiter,
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
    )
    is_header = options.header
    for fields in reader:
        text = "".join(lines)
        lines.clear()
        yield text, tuple(fields), is_header and bool(text.strip())
        is_header = is_header and not text.strip()


def _blanked(text: str, record: object, file: LandedFile | None, texts: frozenset[str]) -> str:
    """Return a record's text with the cells emptied that hold one of the values."""
    ending = text[len(text.rstrip("\r\n")) :]
    if isinstance(record, tuple) and file is not None:
        options = file.feed.options
        stream = io.StringIO()
        delimiter = options.delimiter or ("\t" if ".tsv" in file.path.name.lower() else ",")
        writer = csv.writer(stream, delimiter=delimiter, quotechar=options.quote or None, lineterminator="")
        writer.writerow(["" if _is_one_of(field, texts) else field for field in record])
        return stream.getvalue() + ending
    content = json.loads(text)
    return json.dumps({k: None if _is_one_of(v, texts) else v for k, v in content.items()}, ensure_ascii=False) + ending


def _is_one_of(value: object, texts: frozenset[str]) -> bool:
    return value is not None and str(value).strip().lower() in texts


# ---------------------------------------------------------------------------------------------------------------- Parquet


def _parquet_holds(path: Path, sought: Sought) -> bool:
    if not sought:
        return False
    with duckdb.connect(":memory:") as connection:
        columns = _text_columns(connection, path)
        if not columns:
            return False
        row = connection.execute(
            f"select count(*) from read_parquet(?) where {_any_holds(columns)}",
            [str(path), *[sought.in_sql] * len(columns)],
        ).fetchone()
        return bool(row and row[0])


def _text_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    rows = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
    return [row[0] for row in rows if row[1] in {"VARCHAR", "JSON"}]


def _any_holds(columns: Sequence[str]) -> str:
    return " or ".join(f"coalesce(regexp_matches({quote_identifier(column)}, ?), false)" for column in columns)


def _rewrite_parquet(
    path: Path, target: Path, marked: _Marked, sought: Sought, texts: frozenset[str]
) -> tuple[int, int, bool]:
    with duckdb.connect(":memory:") as connection:
        numbers = ", ".join(str(int(str(number)) - 1) for number in marked.drop) or "-1"
        blanks = ", ".join(str(int(str(number)) - 1) for number in marked.blank) or "-1"
        values = ", ".join(quote_literal(text) for text in sorted(texts)) or "''"
        replaced = []
        for column in _text_columns(connection, path):
            name = quote_identifier(column)
            new = f"case when file_row_number in ({blanks}) and lower(trim({name})) in ({values}) then null else {name} end"
            if sought:
                new = f"regexp_replace({new}, {quote_literal(sought.in_sql)}, {quote_literal(_REPLACEMENT)}, 'g')"
            replaced.append(f"{new} as {name}")
        replacing = f"replace ({', '.join(replaced)})" if replaced else ""
        query = f"from read_parquet({quote_literal(str(path))}, file_row_number = true) where file_row_number not in ({numbers})"
        connection.execute(
            f"copy (select * exclude (file_row_number) {replacing} {query}) to {quote_literal(str(target))} (format parquet)"
        )
        count = "select count(*) from read_parquet(?)"
        before, after = (connection.execute(count, [str(one)]).fetchone() for one in (path, target))
        changed = connection.execute(
            "select count(*) from (select * exclude (file_row_number) "
            f"{query} except all select * from read_parquet({quote_literal(str(target))}))"
        ).fetchone()
    left = int(after[0]) if after else 0
    return (int(before[0]) if before else 0) - left, int(changed[0]) if changed else 0, bool(left)


def drop_rows(path: Path, sought: Sought) -> None:
    """Write a Parquet file that is not landed anew, without the rows that hold a value."""
    if not _parquet_holds(path, sought):
        return
    temporary = path.with_name(f".{path.name}.erasing.tmp")
    with duckdb.connect(":memory:") as connection:
        condition = _any_holds(_text_columns(connection, path)).replace("?", quote_literal(sought.in_sql))
        query = f"select * from read_parquet({quote_literal(str(path))}) where not ({condition})"
        connection.execute(f"copy ({query}) to {quote_literal(str(temporary))} (format parquet)")
    temporary.replace(path)


def known_texts(values: Iterable[str]) -> frozenset[str]:
    """Return values as cells are compared with them."""
    return frozenset(value.strip().lower() for value in values if value.strip())

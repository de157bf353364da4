"""The `files` reader: landed CSV, JSON lines and Parquet to one typed batch table, all in DuckDB.

Every value is read as text beside its row number; mapping, casts and reasons are expressions over whole columns. Files of one
feed and one shape are read together. A line that DuckDB cannot read becomes a batch row without values and with a reason.
What does not belong here: judging values (`orchestration.quality`), writing to raw (`orchestration.ingest.loader`).
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.errors import ConfigError, LandingError, first_line
from orchestration.ingest.casting import cast_column, record_key, row_hash
from orchestration.ingest.contract import ContractColumn, ContractTable
from orchestration.ingest.expressions import Expression, ExpressionError, resolve
from orchestration.ingest.feeds import FeedBase, Format
from orchestration.ingest.landing import LandedFile
from orchestration.ingest.textfile import (
    ENGINE_LINE_BYTES,
    MAX_LINE_BYTES,
    OVERLONG_MARK,
    PlainFile,
    count_blank_lines,
    prepare_text,
    split_records,
    texts_at,
    verify_checksum,
)
from orchestration.sql import quote_identifier, quote_literal

BATCH = "leadrelay_batch"
REJECTS = "leadrelay_rejects"
# A row's number in the batch: file number in the high bits, row number in the low ones; negative for a line that could not be read.
FILE_BITS = 40
# Beside a file's own columns, which may be called anything else.
RESERVED = "_leadrelay_"
FILE_COLUMN = f"{RESERVED}file"
ROW_COLUMN = f"{RESERVED}row"
# More of a broken row than this helps nobody; the landed file keeps all of it.
RAW_TEXT_LIMIT = 65_536


@dataclass(frozen=True)
class SourceGroup:
    """Files of one feed and one shape, read together.

    Parameters
    ----------
    relation
        SQL of a relation with `FILE_COLUMN`, `ROW_COLUMN` and the files' own columns.
    raw_text
        SQL over that relation that gives a row as it came.
    """

    relation: str
    raw_text: str


@dataclass
class Batch:
    """A typed batch of one table, in temporary tables of the connection.

    Parameters
    ----------
    table
        The contract's table.
    files
        The batch's files; a file's index is its place here.
    groups
        Where the rows came from, to find raw text again.
    """

    table: ContractTable
    files: Sequence[LandedFile]
    groups: list[SourceGroup] = field(default_factory=list)


@dataclass(frozen=True)
class _Shape:
    """A group before it is mapped."""

    feed: FeedBase
    relation: str
    raw_text: str
    columns: tuple[str, ...]
    where: str
    is_json: bool = False
    has_more: bool = False
    has_doubled: bool = False


def read_batch(
    connection: duckdb.DuckDBPyConnection, table: ContractTable, files: Sequence[LandedFile], work_dir: Path
) -> Batch:
    """Read files into the temporary table `BATCH`.

    Parameters
    ----------
    connection
        The warehouse connection, in UTC.
    table
        The contract's table.
    files
        What to read; all of it goes into one batch.
    work_dir
        An empty folder for links and rewritten copies; the caller removes it after the load.

    Returns
    -------
    Batch
        The batch; its table holds the contract's columns typed, ``_extra``, lineage, ``_is_readable``
        (the line is a record), ``_is_typed`` (every value could be cast) and ``_reasons``.

    Raises
    ------
    LandingError
        If a file cannot be read as a whole (cut off, changed, not in its format).
    ConfigError
        If a mapping names a column that a file does not have; names file, key and nearest columns.
    """
    batch = Batch(table=table, files=files)
    _create_tables(connection, table)
    by_format: dict[tuple[int, Format], list[int]] = defaultdict(list)
    feeds = list({id(file.feed): file.feed for file in files}.values())
    for index, file in enumerate(files):
        file_format = file.feed.format_of(file.path.name)
        if file_format is None:
            raise ConfigError(
                f"{file.relative_path}: the format cannot be told by the file's ending; add `format: csv|jsonl|parquet` to its feed."
            )
        by_format[feeds.index(file.feed), file_format].append(index)
    seen = {file.path: _stamp(file) for file in files}
    for (feed_index, group_format), indexes in by_format.items():
        feed = feeds[feed_index]
        if group_format == "parquet":
            shapes = _parquet_shapes(connection, batch, feed, indexes, work_dir)
        else:
            shapes = _text_shapes(connection, batch, feed, indexes, group_format, work_dir)
        for shape in shapes:
            try:
                _insert_shape(connection, batch, shape)
            except duckdb.Error:
                if group_format == "parquet":
                    _check_parquet(connection, batch, indexes, work_dir)
                raise
            batch.groups.append(SourceGroup(relation=shape.relation, raw_text=shape.raw_text))
    for file in files:
        if seen[file.path] != _stamp(file):
            raise LandingError(
                f"{file.relative_path}: changed while it was read; nothing of this batch was loaded. A landed file is never changed: "
                "restore it, and land the new content under another name."
            )
    return batch


def _stamp(file: LandedFile) -> tuple[int, int]:
    try:
        facts = file.path.stat()
    except OSError as error:
        raise LandingError(f"{file.relative_path}: cannot be read ({error.strerror}).") from error
    return facts.st_size, facts.st_mtime_ns


def drop_batch(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop every temporary table that a batch has made."""
    names = connection.execute(
        "select table_name from duckdb_tables() where temporary and starts_with(table_name, 'leadrelay_')"
    ).fetchall()
    for (name,) in names:
        connection.execute(f"drop table if exists temp.{quote_identifier(name)}")


def _create_tables(connection: duckdb.DuckDBPyConnection, table: ContractTable) -> None:
    drop_batch(connection)
    declared = ", ".join(f"{quote_identifier(column.name)} {column.data_type}" for column in table.columns)
    connection.execute(
        f"create temp table {BATCH} ({declared}, _extra json, _record_id varchar, _record_key varchar, _source_system varchar, "
        "_is_date_only boolean, _arrived_at timestamp, _load_sequence bigint, _source_row bigint, _row_hash varchar, "
        "_batch_row bigint, _file_index bigint, _is_readable boolean, _is_typed boolean, _reasons varchar[])"
    )
    connection.execute(f"create temp table {REJECTS} (_batch_row bigint, raw_text varchar)")


# ---------------------------------------------------------------------------------------------------------------- shapes


def _parquet_shapes(
    connection: duckdb.DuckDBPyConnection, batch: Batch, feed: FeedBase, indexes: list[int], work_dir: Path
) -> Iterable[_Shape]:
    by_schema: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for index in indexes:
        file = batch.files[index]
        verify_checksum(file)
        link = work_dir / f"{index}.parquet"
        link.symlink_to(file.path)
        try:
            rows = connection.execute("describe select * from read_parquet(?)", [str(link)]).fetchall()
        except duckdb.Error as error:
            raise _unsound_parquet(file, error) from error
        _refuse_reserved(file, [row[0].casefold() for row in rows])
        by_schema[tuple((row[0], row[1]) for row in rows)].append(index)
    for schema, members in by_schema.items():
        links = ", ".join(quote_literal(str(work_dir / f"{index}.parquet")) for index in members)
        numbers = _file_numbers(members, work_dir, ".parquet")
        columns = tuple(name for name, _ in schema)
        selected = ", ".join(f"s.{quote_identifier(name)}" for name in columns)
        relation = (
            f"(select f.file_index as {FILE_COLUMN}, s.file_row_number + 1 as {ROW_COLUMN}, {selected} "
            f"from read_parquet([{links}], filename = '_leadrelay_link', file_row_number = true) as s "
            f"inner join {numbers} as f on f.link = s._leadrelay_link)"
        )
        yield _Shape(
            feed=feed,
            relation=relation,
            raw_text=_columns_as_json(columns),
            columns=columns,
            where=_named(batch, members),
        )


def _check_parquet(connection: duckdb.DuckDBPyConnection, batch: Batch, indexes: Sequence[int], work_dir: Path) -> None:
    """Name the file that cannot be decoded, after a read of several failed; its header may be whole and its pages not."""
    for index in indexes:
        try:
            connection.execute(
                "select max(hash(columns(*))) from read_parquet(?)", [str(work_dir / f"{index}.parquet")]
            )
        except duckdb.Error as error:
            raise _unsound_parquet(batch.files[index], error) from error


def _unsound_parquet(file: LandedFile, error: Exception) -> LandingError:
    return LandingError(
        f"{file.relative_path}: not a sound Parquet file ({first_line(error)}). Land it again under another name and remove this one."
    )


def _text_shapes(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    feed: FeedBase,
    indexes: list[int],
    file_format: Format,
    work_dir: Path,
) -> Iterable[_Shape]:
    plain = {index: prepare_text(batch.files[index], work_dir, index) for index in indexes}
    by_shape: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for index in indexes:
        if plain[index].line_count == 0:
            continue  # an empty file has no rows and no shape
        if file_format == "jsonl":
            # No JSON text holds this character unescaped, so every line is one field.
            by_shape["\x01", ("line",)].append(index)
        else:
            columns = _csv_columns(connection, batch.files[index], plain[index])
            if columns:
                by_shape[_delimiter(feed, batch.files[index].path.name), columns].append(index)
    for (delimiter, columns), members in by_shape.items():
        name = f"leadrelay_source_{members[0]}"
        has_header = file_format == "csv" and feed.options.header
        read = {index: plain[index] for index in members}
        _read_lines(connection, name, feed, batch, read, columns, delimiter)
        if file_format == "csv" and _split_records(connection, name, feed, read, columns, delimiter, work_dir):
            connection.execute(f"drop table {name}")
            _read_lines(connection, name, feed, batch, read, columns, delimiter)
        relation = _numbered(connection, name, read, columns, has_header=has_header)
        _account_for_lines(connection, batch, name, read, columns, has_header=has_header)
        if file_format == "jsonl":
            keys = _json_keys(connection, name)
            yield _Shape(
                feed=feed,
                relation=relation,
                raw_text="line",
                columns=keys.names,
                where=_named(batch, members),
                is_json=True,
                has_more=keys.has_more,
                has_doubled=keys.has_doubled,
            )
        else:
            yield _Shape(
                feed=feed,
                relation=relation,
                raw_text=_columns_as_json(columns),
                columns=columns,
                where=_named(batch, members),
            )


def _split_records(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    feed: FeedBase,
    read: dict[int, PlainFile],
    columns: tuple[str, ...],
    delimiter: str,
    work_dir: Path,
) -> bool:
    """Put a copy of its sound records in the place of each file whose quotes are broken, and keep the others; false when there is none."""
    rows = connection.execute(
        "select distinct c.file_path from leadrelay_reject_rows as r inner join leadrelay_reject_scans as c using (scan_id, file_id) "
        "where r.error_type = 'UNQUOTED VALUE'"
    ).fetchall()
    paths = {path for (path,) in rows}
    connection.execute(
        f"create temp table {name}_broken (file_index bigint, line bigint, raw_text varchar, kind varchar)"
    )
    for index, plain in read.items():
        if str(plain.path) not in paths or plain.line_count is None:
            continue
        copy = work_dir / f"{index}.sound.txt"
        sound, broken = split_records(
            plain.path, copy, delimiter, feed.options.quote, len(columns), has_header=feed.options.header
        )
        for record in broken:
            values = [index, record.number, record.text, record.kind]
            connection.execute(f"insert into {name}_broken values (?, ?, ?, ?)", values)
        read[index] = PlainFile(path=copy, line_count=None, longest_line=plain.longest_line, sound_records=sound)
    return bool(paths)


def _named(batch: Batch, members: Sequence[int]) -> str:
    return ", ".join(batch.files[index].relative_path for index in members[:3])


def _csv_columns(connection: duckdb.DuckDBPyConnection, file: LandedFile, plain: PlainFile) -> tuple[str, ...]:
    options = file.feed.options
    if plain.line_count is None:
        row = connection.execute(
            "select line from read_csv(?, header = false, delim = chr(1), quote = '', escape = '', auto_detect = false, "
            "columns = {'line': 'VARCHAR'}, ignore_errors = true) limit 1",
            [str(plain.path)],
        ).fetchone()
        first = str(row[0]) if row and row[0] is not None else ""
    else:
        with plain.path.open("r", encoding="utf-8-sig", errors="replace", newline="") as stream:
            lines = iter(lambda: stream.readline(MAX_LINE_BYTES), "")
            first = next((line.rstrip("\r\n") for line in lines if line.strip()), "")
    if not first:
        return ()
    delimiter = _delimiter(file.feed, file.path.name)
    reader = csv.reader(
        [first],
        delimiter=delimiter,
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
    )
    names = next(reader, [])
    if not options.header:
        return tuple(f"column{position}" for position in range(1, len(names) + 1))
    if "\x00" in first:
        raise LandingError(f"{file.relative_path}: the header holds a NUL byte; this is no CSV in {options.encoding}.")
    stripped = [name.strip() or f"column{position}" for position, name in enumerate(names, start=1)]
    folded = [name.casefold() for name in stripped]
    doubled = sorted({name for name in stripped if folded.count(name.casefold()) > 1})
    if doubled:
        raise LandingError(
            f"{file.relative_path}: the header names a column twice: {', '.join(doubled)}. Which one is meant cannot be told."
        )
    _refuse_reserved(file, folded)
    return tuple(stripped)


def _refuse_reserved(file: LandedFile, names: Iterable[str]) -> None:
    taken = sorted(name for name in names if name.startswith(RESERVED))
    if taken:
        raise LandingError(
            f"{file.relative_path}: no column may be called {', '.join(taken)}; rename it in the export."
        )


def _delimiter(feed: FeedBase, name: str) -> str:
    return feed.options.delimiter or ("\t" if ".tsv" in name.lower() else ",")


def _read_lines(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    feed: FeedBase,
    batch: Batch,
    plain: Mapping[int, PlainFile],
    columns: tuple[str, ...],
    delimiter: str,
) -> None:
    is_csv = delimiter != "\x01"
    paths = [str(file.path) for file in plain.values()]
    quote = quote_literal(feed.options.quote) if is_csv else "''"
    # By place and not by name: a column of theirs may be called `rowid`.
    types = ", ".join(f"{quote_literal(str(place))}: 'VARCHAR'" for place in range(1, len(columns) + 1))
    limit = ""
    if any(file.longest_line > ENGINE_LINE_BYTES for file in plain.values()):
        limit = f", max_line_size = {MAX_LINE_BYTES * 2}, buffer_size = {MAX_LINE_BYTES * 4}"
    for rejects in ("leadrelay_reject_rows", "leadrelay_reject_scans"):
        connection.execute(f"drop table if exists temp.{rejects}")
    try:
        connection.execute(
            f"create temp table {name} as select * from read_csv([{', '.join(quote_literal(path) for path in paths)}], "
            f"header = {str(is_csv and feed.options.header).lower()}, delim = {quote_literal(delimiter)}, quote = {quote}, escape = {quote}, "
            f"auto_detect = false, columns = {{{types}}}, filename = '_leadrelay_link', "
            f"rejects_table = 'leadrelay_reject_rows', rejects_scan = 'leadrelay_reject_scans', store_rejects = true{limit})"
        )
    except duckdb.Error as error:
        raise LandingError(
            f"{_named(batch, list(plain))}: not readable as text lines ({first_line(error)})."
        ) from error


def _numbered(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    plain: Mapping[int, PlainFile],
    columns: tuple[str, ...],
    *,
    has_header: bool,
) -> str:
    """Return a relation with every row's number in its file, and keep the lines that could not be read with their reason.

    A fresh table's rowid is the row's place in reading order, and the files follow one another.
    """
    numbers = ", ".join(f"({index}, {quote_literal(str(plain[index].path))})" for index in plain)
    connection.execute(
        f"create temp table {name}_files as select f.file_index, f.link, coalesce(min(s.rowid), 0) as first_rowid "
        f"from (values {numbers}) as f (file_index, link) left join {name} as s on s._leadrelay_link = f.link group by all"
    )
    connection.execute(
        f"create temp table if not exists {name}_broken (file_index bigint, line bigint, raw_text varchar, kind varchar)"
    )
    _tell_what_is_not_in_the_encoding(connection, name, plain)
    connection.execute(
        f"""
        create temp table {name}_bad as
        select
            *,
            -- The k-th bad line shifts every later row by one more.
            line - (row_number() over (partition by file_index order by line) - 1) as threshold,
            row_number() over (partition by file_index order by line) as shift
        from (
            select
                f.file_index, cast(r.line as bigint) - {int(has_header)} as line,
                coalesce(any_value(t.raw_text), any_value(r.csv_line)) as raw_text,
                list_sort(list_distinct(list(cast(r.error_type as varchar)))) as kinds, min(r.error_message) as error_message
            from leadrelay_reject_rows as r
            inner join leadrelay_reject_scans as c using (scan_id, file_id)
            inner join {name}_files as f on f.link = c.file_path
            left join {name}_told as t on t.file_index = f.file_index and t.line = r.line
            group by f.file_index, r.line
            union all
            select file_index, line, raw_text, [kind] as kinds, kind as error_message from {name}_broken
        ) as lines
        """
    )
    known = ", ".join(
        f"when list_contains(kinds, {quote_literal(kind)}) then {quote_literal(reason)}"
        for kind, reason in _REJECT_REASONS.items()
    ).replace(", when", " when")
    connection.execute(
        f"insert into {BATCH} by name select -((cast(file_index as bigint) << {FILE_BITS}) | line) as _batch_row, file_index as _file_index, "
        "line as _source_row, false as _is_readable, false as _is_typed, "
        f"[case when starts_with(raw_text, {quote_literal(OVERLONG_MARK)}) "
        f"then 'line is too long: ' || regexp_extract(raw_text, '[0-9]+') || ' bytes, at most {MAX_LINE_BYTES} are read' "
        f"{known} else 'line cannot be read: ' || error_message end] as _reasons from {name}_bad"
    )
    connection.execute(
        f"insert into {REJECTS} select -((cast(file_index as bigint) << {FILE_BITS}) | line), left(raw_text, {RAW_TEXT_LIMIT}) from {name}_bad"
    )
    row = connection.execute(f"select count(*) from {name}_bad").fetchone()
    has_bad = bool(row and row[0])
    named = ", ".join(
        f"s.{quote_identifier(str(place))} as {quote_identifier(column)}"
        for place, column in enumerate(columns, start=1)
    )
    read_row = f"{RESERVED}read_row"
    numbered = (
        f"select f.file_index as {FILE_COLUMN}, s.rowid - f.first_rowid + 1 as {read_row}, {named} "
        f"from {name} as s inner join {name}_files as f on f.link = s._leadrelay_link"
    )
    if not has_bad:
        return f"(select n.* rename ({read_row} as {ROW_COLUMN}) from ({numbered}) as n)"
    return (
        f"(select n.* exclude ({read_row}), n.{read_row} + coalesce(b.shift, 0) as {ROW_COLUMN} "
        f"from ({numbered}) as n asof left join {name}_bad as b on b.file_index = n.{FILE_COLUMN} and n.{read_row} >= b.threshold)"
    )


def _tell_what_is_not_in_the_encoding(
    connection: duckdb.DuckDBPyConnection, name: str, plain: Mapping[int, PlainFile]
) -> None:
    """Keep the own text of rows that hold bytes of another encoding, from the file itself; a file that only DuckDB unpacks has none."""
    connection.execute(f"create temp table {name}_told (file_index bigint, line ubigint, raw_text varchar)")
    rows = connection.execute(
        f"""
        select f.file_index, r.line, min(r.line_byte_position) - 1, max(strlen(r.csv_line))
        from leadrelay_reject_rows as r
        inner join leadrelay_reject_scans as c using (scan_id, file_id)
        inner join {name}_files as f on f.link = c.file_path
        where r.error_type = 'INVALID ENCODING'
        group by f.file_index, r.line
        """
    ).fetchall()
    by_file: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for index, line, begin, length in rows:
        by_file[index].append((line, begin, length))
    for index, members in by_file.items():
        if plain[index].line_count is not None:
            told = [(begin, length) for _, begin, length in members]
            texts = texts_at(plain[index].path, told, RAW_TEXT_LIMIT)
            connection.execute(
                f"insert into {name}_told select $1, unnest($2), unnest($3)",
                [index, [line for line, _, _ in members], texts],
            )


_NOT_AN_OBJECT = "line is not a JSON object"
_OBJECT_COLUMN = f"{RESERVED}is_object"
_LINE_COLUMN = f"{RESERVED}line"
_REJECT_REASONS: Mapping[str, str] = {
    "INVALID ENCODING": "text is not in the encoding that sources.yml states (options.encoding)",
    "MISSING COLUMNS": "row has fewer fields than the header",
    "TOO MANY COLUMNS": "row has more fields than the header",
    "UNQUOTED VALUE": "a quote is opened or closed where it may not be",
    "LINE SIZE OVER MAXIMUM": "line is too long to be read",
}


def _account_for_lines(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    name: str,
    plain: Mapping[int, PlainFile],
    columns: tuple[str, ...],
    *,
    has_header: bool,
) -> None:
    """Hold what was read against the lines of the files, since DuckDB may drop an over-long record without a word.

    A CSV field may span lines and a CSV may hold blank ones, so those are looked for only where the plain count disagrees.
    """
    _account_for_records(connection, batch, name, plain)
    rows = connection.execute(
        f"select f.file_index, count(s._leadrelay_link), (select count(*) from {name}_bad as b where b.file_index = f.file_index) "
        f"from {name}_files as f left join {name} as s on s._leadrelay_link = f.link group by f.file_index"
    ).fetchall()
    for index, kept, bad in rows:
        line_count = plain[index].line_count
        if line_count is None or kept + bad + has_header >= line_count:
            continue
        breaks = " + ".join(
            f"coalesce(sum(length({c}) - length(replace({c}, chr(10), ''))), 0)"
            for c in (quote_identifier(str(place)) for place in range(1, len(columns) + 1))
        )
        row = connection.execute(
            f"select (select {breaks} from {name} as s inner join {name}_files as f on f.link = s._leadrelay_link where f.file_index = $1) "
            f"+ (select coalesce(sum(length(rtrim(raw_text, chr(10))) - length(replace(rtrim(raw_text, chr(10)), chr(10), ''))), 0) "
            f"from {name}_bad where file_index = $1)",
            [index],
        ).fetchone()
        missing = (
            line_count - kept - bad - has_header - int(row[0] if row else 0) - count_blank_lines(plain[index].path)
        )
        if missing > 0:
            raise LandingError(
                f"{batch.files[index].relative_path}: {missing} of {line_count} lines were lost in reading; a quote that is never "
                "closed does that. Check options.quote and options.delimiter."
            )


def _account_for_records(
    connection: duckdb.DuckDBPyConnection, batch: Batch, name: str, plain: Mapping[int, PlainFile]
) -> None:
    """Refuse a file with broken quotes that DuckDB and `split_records` read in two ways: which is right cannot be told."""
    split = {index: file.sound_records for index, file in plain.items() if file.sound_records is not None}
    if not split:
        return
    rows = connection.execute(
        f"select f.file_index, count(s._leadrelay_link) from {name}_files as f left join {name} as s on s._leadrelay_link = f.link "
        "group by f.file_index order by f.file_index"
    ).fetchall()
    for index, kept in rows:
        if index in split and kept != split[index]:
            raise LandingError(
                f"{batch.files[index].relative_path}: its quotes are broken so that its rows cannot be told apart ({split[index]} or {kept}). "
                "Check options.quote and options.delimiter, or correct the export."
            )


@dataclass(frozen=True)
class _JsonKeys:
    """The keys of JSON lines: those that a mapping may use, whether there are others, and whether a line names one twice."""

    names: tuple[str, ...]
    has_more: bool
    has_doubled: bool


def _json_keys(connection: duckdb.DuckDBPyConnection, name: str) -> _JsonKeys:
    rows = connection.execute(
        f"""
        select key, bool_or(is_doubled) from (
            select unnest(keys) as key, len(keys) <> len(list_distinct(keys)) as is_doubled from (
                select case when json_valid("1") and json_type("1") = 'OBJECT' then json_keys("1") end as keys from {name}
            ) as lines
        ) as found
        group by key order by key
        """
    ).fetchall()
    names: dict[str, str] = {}
    # Of two that differ in case only, the one in lower case, as our own names are.
    for key, _ in sorted(rows, key=lambda row: (row[0] != row[0].casefold(), row[0])):
        if key and "\x00" not in key and not key.casefold().startswith(RESERVED):
            names.setdefault(key.casefold(), key)
    return _JsonKeys(tuple(names.values()), len(names) < len(rows), any(is_doubled for _, is_doubled in rows))


def _file_numbers(members: list[int], work_dir: Path, suffix: str) -> str:
    rows = ", ".join(f"({index}, {quote_literal(str(work_dir / f'{index}{suffix}'))})" for index in members)
    return f"(select * from (values {rows}) as v (file_index, link))"


def _columns_as_json(columns: tuple[str, ...]) -> str:
    fields = ", ".join(f"{quote_identifier(name)} := {quote_identifier(name)}" for name in columns)
    return f"cast(to_json(struct_pack({fields})) as varchar)"


# --------------------------------------------------------------------------------------------------------------- mapping


def map_columns(
    table: ContractTable, feed: FeedBase, available: Sequence[str], where: str
) -> tuple[dict[str, Expression], Expression | None]:
    """Resolve a feed's mapping against the columns that a file has.

    Parameters
    ----------
    table
        The contract's table.
    feed
        The feed; without ``columns`` names are taken as they are.
    available
        The file's columns.
    where
        The file, for messages.

    Returns
    -------
    tuple
        Our column -> expression, and the expression of the row's arrival or None.

    Raises
    ------
    ConfigError
        If a mapping names a column that the file does not have.
    """
    by_name = {name.casefold(): name for name in available}
    texts = feed.columns or {column.name: by_name[column.name] for column in table.columns if column.name in by_name}
    expressions: dict[str, Expression] = {}
    for column, text in texts.items():
        try:
            expressions[column] = resolve(text, available)
        except ExpressionError as error:
            raise ConfigError(
                f"{where}: sources.{table.source}.tables.{table.name} ({feed.system}) columns.{column}: {text!r}: {error}"
            ) from error
    if feed.arrival is None:
        return expressions, None
    try:
        return expressions, resolve(feed.arrival, available)
    except ExpressionError as error:
        raise ConfigError(
            f"{where}: sources.{table.source}.tables.{table.name} ({feed.system}) arrival: {feed.arrival!r}: {error}"
        ) from error


def _insert_shape(connection: duckdb.DuckDBPyConnection, batch: Batch, shape: _Shape) -> None:
    table, feed = batch.table, shape.feed
    where = shape.where
    if shape.is_json and not shape.columns and not shape.has_more:
        connection.execute(
            f"insert into {BATCH} by name select {ROW_COLUMN} as _source_row, {FILE_COLUMN} as _file_index, false as _is_readable, "
            f"false as _is_typed, (cast({FILE_COLUMN} as bigint) << {FILE_BITS}) | {ROW_COLUMN} as _batch_row, [{quote_literal(_NOT_AN_OBJECT)}] as _reasons "
            f"from {shape.relation} as lines where trim(line) <> ''"
        )
        return
    mapping, arrival = map_columns(table, feed, shape.columns, where)
    used = {
        column for expression in [*mapping.values(), *([arrival] if arrival else [])] for column in expression.columns
    }
    source = _json_columns(connection, shape, used) if shape.is_json else shape.relation
    extra = _extra_sql(shape, used)
    if not mapping:
        raise ConfigError(
            f"{where}: none of its columns is one of {table.full_name} ({', '.join(shape.columns[:8])}); add `columns:` to the feed "
            f"of {feed.system} in sources.yml."
        )
    mapped = _mapped_sql(table, feed, mapping, _types_of(connection, mapping, source, where))
    arrival_type = _types_of(connection, {"arrival": arrival}, source, where)["arrival"] if arrival else None
    arrival_sql = f"{arrival.sql} as _arrival" if arrival else "cast(null as varchar) as _arrival"
    level_one = (
        f"select {FILE_COLUMN} as _file_index, {ROW_COLUMN} as _source_row, {extra} as _extra, {arrival_sql}, "
        f"{_OBJECT_COLUMN if shape.is_json else 'true'} as _is_object, "
        f"{', '.join(f'{sql} as {_text_name(name)}' for name, (sql, _) in mapped.items())} from {source} as source_rows"
    )
    if shape.is_json:
        level_one += f" where {_OBJECT_COLUMN} is not null"
    elif len(shape.columns) == 1:
        level_one += f" where {quote_identifier(shape.columns[0])} is not null"
    not_an_object = _NOT_AN_OBJECT + (", or names a key twice" if shape.has_doubled else "")
    _insert_typed(connection, batch, feed, mapped, level_one, arrival_type, not_an_object)


def _text_name(column: str) -> str:
    return quote_identifier(f"text of {column}")


def _types_of(
    connection: duckdb.DuckDBPyConnection, expressions: Mapping[str, Expression], source: str, where: str
) -> dict[str, str]:
    """Return the type of each named expression over a relation; a wrong one is found one by one."""
    if not expressions:
        return {}
    selected = ", ".join(f"{expression.sql} as {quote_identifier(name)}" for name, expression in expressions.items())
    try:
        rows = connection.execute(f"describe select {selected} from {source} as source_rows").fetchall()
    except duckdb.Error as error:
        if len(expressions) > 1:
            for name, expression in expressions.items():
                _types_of(connection, {name: expression}, source, where)
        name, expression = next(iter(expressions.items()))
        text = expression.sql.removeprefix("(\n").removesuffix("\n)")
        raise ConfigError(f"{where}: {name}: {text!r} cannot be evaluated: {first_line(error)}") from error
    return {row[0]: row[1] for row in rows}


def _json_columns(connection: duckdb.DuckDBPyConnection, shape: _Shape, used: set[str]) -> str:
    """Open JSON lines as columns of text; `_OBJECT_COLUMN` is null for a blank line and false for what is no JSON object.

    Written to a table, since the engine would otherwise parse each line once per column.
    """
    structure = quote_literal(json.dumps(dict.fromkeys(sorted(used), "VARCHAR"))) if used else None
    single = " and len(json_keys(line)) = len(list_distinct(json_keys(line)))" if shape.has_doubled else ""
    is_object = f"case when json_valid(line) then json_type(line) = 'OBJECT'{single} else false end"
    opened = f", unnest(case when {is_object} then json_transform(line, {structure}) end)" if structure else ""
    connection.execute("drop table if exists temp.leadrelay_opened")
    connection.execute(
        f"create temp table leadrelay_opened as select {FILE_COLUMN}, {ROW_COLUMN}, line as {_LINE_COLUMN}, "
        f"case when trim(line) <> '' then {is_object} end as {_OBJECT_COLUMN}{opened} from {shape.relation} as lines"
    )
    return "leadrelay_opened"


def _extra_sql(shape: _Shape, used: set[str]) -> str:
    unused = [column for column in shape.columns if column not in used]
    if not unused and not shape.has_more:
        return "cast(null as json)"
    if shape.is_json:
        # A merge patch takes out every key that it sets to null.
        patch = quote_literal(json.dumps(dict.fromkeys(sorted(used))))
        rest = (
            f"case when {_OBJECT_COLUMN} then json_merge_patch({_LINE_COLUMN}, {patch}) end"
            if used
            else f"case when {_OBJECT_COLUMN} then cast({_LINE_COLUMN} as json) end"
        )
    else:
        rest = f"json_merge_patch('{{}}', {_columns_as_json(tuple(unused))})"
    return f"cast(nullif(cast({rest} as varchar), '{{}}') as json)"


def _mapped_sql(
    table: ContractTable, feed: FeedBase, mapping: Mapping[str, Expression], types: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return column -> (SQL, type) of what is mapped, texts that mean nothing made null."""
    nulls = ", ".join(quote_literal(text) for text in feed.options.null_strings)
    mapped: dict[str, tuple[str, str]] = {}
    for column in table.columns:
        if column.name not in mapping:
            continue
        sql, kind = mapping[column.name].sql, types[column.name]
        if kind == "VARCHAR" and feed.options.null_strings:
            sql = (
                f"nullif({sql}, {nulls})"
                if len(feed.options.null_strings) == 1
                else f"case when {sql} not in ({nulls}) then {sql} end"
            )
        mapped[column.name] = (sql, "VARCHAR" if kind == '"NULL"' else kind)
    return mapped


def _insert_typed(
    connection: duckdb.DuckDBPyConnection,
    batch: Batch,
    feed: FeedBase,
    mapped: Mapping[str, tuple[str, str]],
    level_one: str,
    arrival_type: str | None,
    not_an_object: str,
) -> None:
    table = batch.table
    present = [column for column in table.columns if column.name in mapped]
    # The text as mapped stands beside the typed value under this name.
    texts = {column.name: _text_name(column.name) for column in present}
    casts = {
        column.name: cast_column(column, texts[column.name], mapped[column.name][1], feed.options) for column in present
    }
    arrival = "f.arrived_at"
    failures = _failures(table, mapped, texts, not_an_object)
    if arrival_type is not None:
        moment = cast_column(_ARRIVAL, "_arrival", arrival_type, feed.options).value
        arrival = f"coalesce({moment}, f.arrived_at)"
        failures.append((f"_arrival is not null and {moment} is null", quote_literal("arrival: not a TIMESTAMP")))
    any_failure = " or ".join(f"coalesce({condition}, false)" for condition, _ in failures)
    reasons = ", ".join(f"case when {condition} then {reason} end" for condition, reason in failures)
    typed = ", ".join(
        f"{casts[column.name].value if column.name in casts else f'cast(null as {column.data_type})'} as {quote_identifier(column.name)}"
        for column in table.columns
    )
    event = table.event_time
    date_only = "false"
    if event in casts and event is not None:
        is_date = table.column(event).data_type == "DATE"
        date_only = f"{quote_identifier(event)} is not null" if is_date else casts[event].is_date_only or "false"
    files = ", ".join(
        f"({index}, {quote_literal(file.source_system)}, timestamp {quote_literal(str(file.arrived_at))}, {file.load_sequence})"
        for index, file in enumerate(batch.files)
    )
    key = record_key(table, set(mapped))
    # One pass: the texts as mapped, the typed values beside them, and reasons only where something failed.
    connection.execute(
        f"""
        insert into {BATCH} by name
        with mapped as ({level_one}),
        typed as (
            select mapped.*, {typed}, f.source_system as _source_system, f.load_sequence as _load_sequence, {arrival} as _arrived_at
            from mapped inner join (values {files}) as f (file_index, source_system, arrived_at, load_sequence) on f.file_index = _file_index
        ),
        judged as (
            select
                *,
                case when {any_failure} then list_filter([{reasons}], lambda reason : reason is not null) else cast([] as varchar[]) end as _reasons,
                {key} as _record_key
            from typed
        )
        select
            {", ".join(quote_identifier(name) for name in casts)}, _extra, _source_system, _arrived_at, _load_sequence,
            coalesce({date_only}, false) as _is_date_only, _source_row, _file_index,
            (cast(_file_index as bigint) << {FILE_BITS}) | _source_row as _batch_row, _reasons, _is_object as _is_readable, len(_reasons) = 0 as _is_typed,
            _record_key, md5(_source_system || {quote_literal(f"|{table.full_name}|")} || _record_key) as _record_id,
            {row_hash(table, set(mapped))} as _row_hash
        from judged
        """
    )


def _failures(
    table: ContractTable, mapped: Mapping[str, tuple[str, str]], texts: Mapping[str, str], not_an_object: str
) -> list[tuple[str, str]]:
    """Return (condition, reason) of everything that keeps a row from being typed, as SQL."""
    failures = [("not _is_object", quote_literal(not_an_object))]
    words = [texts[name] for name, (_, kind) in mapped.items() if kind == "VARCHAR"]
    if words:
        failures.append((f"contains(concat({', '.join(words)}), chr(0))", quote_literal("row holds a NUL byte")))
    for column in table.columns:
        name = quote_identifier(column.name)
        text = texts.get(column.name)
        if text is not None and mapped[column.name][1] != column.data_type and column.data_type != "VARCHAR":
            told = f"{quote_literal(f'{column.name}: not a {column.data_type}: ')} || left(cast({text} as varchar), 80)"
            failures.append((f"{text} is not null and {name} is null", told))
        if column.is_required or (column.is_key and len(table.key_columns) == 1):
            missing = quote_literal(f"{column.name}: required and empty")
            failures.append((f"_is_object and {text} is null" if text else "_is_object", missing))
    return failures


_ARRIVAL = ContractColumn(name="_arrival", data_type="TIMESTAMP")

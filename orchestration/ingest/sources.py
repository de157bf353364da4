"""sources.yml: which tables are fed, by which files, and how their columns map to the contract's.

What belongs here: the file's shape (pydantic) and every check that needs no data.
What does not: reading files (`orchestration.ingest.reader`) or the contract itself (`orchestration.ingest.contract`).
Everything wrong is a `ConfigError` that names the file, the key, the nearest right names and the fix, before anything is read.
"""

import codecs
import fnmatch
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from orchestration.errors import ConfigError
from orchestration.ingest.contract import Contract, ContractTable
from orchestration.ingest.expressions import ExpressionError, is_plain_name, parse_expression
from orchestration.ingest.names import nearest

Format = Literal["csv", "jsonl", "parquet"]
Compression = Literal["none", "gzip", "zstd"]

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FORMAT_BY_SUFFIX: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSION_BY_SUFFIX: Mapping[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedOptions(_Strict):
    """How the bytes of a feed's files become text.

    Parameters
    ----------
    delimiter
        One character between CSV fields; default ``,`` (a tab for ``.tsv``).
    encoding
        Any encoding that Python knows: ``utf-8``, ``gb18030``, ``utf-16`` ...
    compression
        ``none``, ``gzip`` or ``zstd``; default by the file's ending.
    timezone
        IANA name in which timestamps without an offset are meant; default UTC.
    date_format, timestamp_format
        One or several ``strptime`` formats, tried in order; default ISO 8601.
    header
        Whether a CSV begins with its column names.
    quote
        The CSV quote character.
    null_strings
        Texts that mean "nothing"; default the empty text.
    """

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8"
    compression: Compression | None = None
    timezone: str = "UTC"
    date_format: str | tuple[str, ...] = ()
    timestamp_format: str | tuple[str, ...] = ()
    header: bool = True
    quote: str = Field(default='"', max_length=1)
    null_strings: tuple[str, ...] = ("",)

    @property
    def date_formats(self) -> tuple[str, ...]:
        """Date formats as a tuple."""
        return (self.date_format,) if isinstance(self.date_format, str) else self.date_format

    @property
    def timestamp_formats(self) -> tuple[str, ...]:
        """Timestamp formats as a tuple."""
        return (self.timestamp_format,) if isinstance(self.timestamp_format, str) else self.timestamp_format


class Feed(_Strict):
    """One system's files for one table.

    Parameters
    ----------
    system
        Name of the system that the rows come from; part of every key.
    reader
        ``files``.
    files
        Pattern on the file name inside ``landing/<source>/<table>/*/`` (and inside ``location``).
    location
        Folder outside landing whose matching files are copied in; relative to ``sources.yml``.
    format
        ``csv``, ``jsonl`` or ``parquet``; default by the file's ending.
    options
        How bytes become text.
    columns
        Our column -> a column of the file, or an expression over its columns. Without it names are taken as they are.
    arrival
        Expression that gives a row's arrival (history exports); default the file's arrival.
    """

    system: str
    reader: Literal["files"] = "files"
    files: str = "*"
    location: str | None = None
    format: Format | None = None
    options: FeedOptions = FeedOptions()
    columns: dict[str, str] = Field(default_factory=dict)
    arrival: str | None = None

    def format_of(self, name: str) -> Format | None:
        """Return the format of a file called ``name``, or None when neither feed nor ending says it."""
        if self.format is not None:
            return self.format
        suffixes = [suffix.lower() for suffix in Path(name).suffixes]
        if suffixes and suffixes[-1] in _COMPRESSION_BY_SUFFIX:
            suffixes.pop()
        return _FORMAT_BY_SUFFIX.get(suffixes[-1]) if suffixes else None

    def compression_of(self, name: str) -> Compression:
        """Return how a file called ``name`` is compressed."""
        return self.options.compression or _COMPRESSION_BY_SUFFIX.get(Path(name).suffix.lower(), "none")

    def takes(self, name: str) -> bool:
        """Whether the feed's pattern matches the file name."""
        return fnmatch.fnmatchcase(name, self.files)


class TableEntry(_Strict):
    """One table of sources.yml: its feeds, and whether the night may publish without it."""

    required: bool = False
    feeds: tuple[Feed, ...] = Field(min_length=1)


class _SourceEntry(_Strict):
    tables: dict[str, TableEntry]


class _Document(_Strict):
    version: Literal[1]
    sources: dict[str, _SourceEntry]


@dataclass(frozen=True)
class TableFeeds:
    """The feeds of one contract table.

    Parameters
    ----------
    table
        The contract's table.
    feeds
        In the order of the file; the first that takes a file reads it.
    is_required
        Whether a refused batch stops the publish.
    """

    table: ContractTable
    feeds: tuple[Feed, ...]
    is_required: bool = False


@dataclass(frozen=True)
class Sources:
    """A checked sources.yml.

    Parameters
    ----------
    path
        The file.
    tables
        By full name (``forms.submissions``), only those the file names.
    """

    path: Path
    tables: Mapping[str, TableFeeds] = field(default_factory=dict)

    def feeds(self, full_name: str) -> tuple[Feed, ...]:
        """Return the feeds of a table; empty when the file does not name it."""
        entry = self.tables.get(full_name)
        return entry.feeds if entry else ()


def load_sources(path: Path, contract: Contract) -> Sources:
    """Read and check ``sources.yml``.

    Parameters
    ----------
    path
        The file.
    contract
        The raw contract that its names are held against.

    Returns
    -------
    Sources
        Locations are absolute; nothing has been read but this file.

    Raises
    ------
    ConfigError
        If the file is missing, is not YAML, or names anything that does not exist; names file, key and fix.
    """
    try:
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{path}: no such file. Set LEADRELAY_SOURCES, or copy sources.yml from the repository."
        raise ConfigError(message) from error
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from error
    try:
        parsed = _Document.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explain(path, error)) from error
    domains = {table.source for table in contract.tables.values()}
    tables: dict[str, TableFeeds] = {}
    for source, entry in parsed.sources.items():
        if source not in domains:
            raise ConfigError(
                f"{path}: sources.{source}: no such domain in the raw contract. {nearest(source, domains)}"
            )
        for name, table_entry in entry.tables.items():
            key = f"sources.{source}.tables.{name}"
            full_name = f"{source}.{name}"
            if full_name not in contract.tables:
                known = [table.name for table in contract.tables.values() if table.source == source]
                raise ConfigError(f"{path}: {key}: no such table in {source}. {nearest(name, known)}")
            table = contract.tables[full_name]
            feeds = tuple(
                _check_feed(path, f"{key}.feeds[{index}]", table, feed) for index, feed in enumerate(table_entry.feeds)
            )
            tables[full_name] = TableFeeds(table=table, feeds=feeds, is_required=table_entry.required)
    return Sources(path=path, tables=tables)


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        location = [str(part) for part in problem["loc"]]
        key = ".".join(location) or "(top level)"
        if problem["type"] == "extra_forbidden":
            known = _fields_at(location[:-1])
            lines.append(f"{key}: unknown key. {nearest(location[-1], known)}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing; add it.")
        else:
            lines.append(f"{key}: {problem['msg']} (it is {problem['input']!r}).")
    return "\n".join(f"{path}: {line}" for line in lines)


def _fields_at(location: list[str]) -> list[str]:
    model: type[BaseModel] = _Document
    if "options" in location:
        model = FeedOptions
    elif "feeds" in location:
        model = Feed
    elif len(location) >= 4:  # noqa: PLR2004 (sources.<source>.tables.<table>)
        model = TableEntry
    elif len(location) == 2:  # noqa: PLR2004 (sources.<source>)
        model = _SourceEntry
    return list(model.model_fields)


def _check_feed(path: Path, key: str, table: ContractTable, feed: Feed) -> Feed:
    refuse = _Refusal(path, key)
    if not _SYSTEM.fullmatch(feed.system):
        raise refuse("system", f"{feed.system!r} is not a name; use letters, digits, '_', '.' and '-'.")
    if "/" in feed.files or "\\" in feed.files or ".." in feed.files:
        fix = "It is a pattern on the file's name; name the folder in `location`."
        raise refuse("files", f"{feed.files!r} is a path. {fix}")
    _check_options(refuse, feed.options)
    _check_columns(refuse, table, feed)
    if feed.location is None:
        return feed
    folder = Path(_expand(refuse, feed.location)).expanduser()
    location = folder if folder.is_absolute() else (path.parent / folder).resolve()
    return feed.model_copy(update={"location": str(location)})


@dataclass(frozen=True)
class _Refusal:
    """Makes the error of one feed: file, key, what is wrong, what to write instead."""

    path: Path
    key: str

    def __call__(self, part: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.path}: {self.key}.{part}: {problem}")


def _check_options(refuse: _Refusal, options: FeedOptions) -> None:
    if options.timezone not in available_timezones():
        hint = nearest(options.timezone, available_timezones())
        raise refuse("options.timezone", f"{options.timezone!r} is not an IANA time zone. {hint}")
    try:
        codecs.lookup(options.encoding)
    except LookupError as error:
        hint = nearest(options.encoding, ("utf-8", "gb18030", "utf-16", "latin-1", "cp1252", "big5", "shift_jis"))
        raise refuse("options.encoding", f"{options.encoding!r} is not a known encoding. {hint}") from error
    for part, formats in (("date_format", options.date_formats), ("timestamp_format", options.timestamp_formats)):
        for text in formats:
            if "%" not in text:
                raise refuse(f"options.{part}", f"{text!r} holds no % directive; write for example '%d-%m-%Y'.")


def _check_columns(refuse: _Refusal, table: ContractTable, feed: Feed) -> None:
    for column, expression in feed.columns.items():
        if column not in table.column_names:
            hint = nearest(column, table.column_names)
            raise refuse(f"columns.{column}", f"{table.full_name} has no such column. {hint}")
        _check_expression(refuse, f"columns.{column}", expression)
    if feed.columns:
        unmapped = [column.name for column in table.columns if column.is_required and column.name not in feed.columns]
        if unmapped:
            raise refuse("columns", f"required and not mapped: {', '.join(unmapped)}; add a line for each.")
    if feed.arrival is not None:
        _check_expression(refuse, "arrival", feed.arrival)


def _check_expression(refuse: _Refusal, part: str, text: str) -> None:
    try:
        parse_expression(text)
    except ExpressionError as error:
        # A header like "E-mail address" parses as nothing, and is looked up when the file is known.
        if not (is_plain_name(text) and "not readable" in str(error)):
            fix = "Write a column's name or one expression over the file's columns."
            raise refuse(part, f"{text!r}: {error}. {fix}") from error


def _expand(refuse: _Refusal, text: str) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        found = os.environ.get(name) or default
        if found is None:
            raise refuse(
                "location", f"environment variable {name} is not set; set it, or write ${{{name}:-a/default}}."
            )
        return found

    return _VARIABLE.sub(value, text)

"""sources.yml: which tables are fed, by which readers, and how their columns map to the contract's.

What belongs here: reading the file and every check that needs the contract but no data. What does not: the shape of a feed
(`orchestration.ingest.feeds`), reading files (`orchestration.ingest.reader`) or the contract itself (`orchestration.ingest.contract`).
Everything wrong is a `ConfigError` that names the file, the key, the nearest right names and the fix, before anything is read.
"""

import codecs
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from orchestration.errors import ConfigError
from orchestration.ingest.contract import Contract, ContractTable
from orchestration.ingest.expressions import ExpressionError, is_plain_name, parse_expression
from orchestration.ingest.feeds import (
    VANISHED,
    AnyFeed,
    ApiKeyAuth,
    BearerAuth,
    CursorPaging,
    Feed,
    FeedBase,
    FeedOptions,
    Incremental,
    LinkPaging,
    NoAuth,
    NoPaging,
    OAuth2Auth,
    ObjectStorage,
    OffsetPaging,
    PagePaging,
    PostgresConnection,
    PostgresFeed,
    RestFeed,
    Retries,
    Strict,
)
from orchestration.ingest.names import nearest

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PROTOCOL = re.compile(r"[a-z][a-z0-9+.-]*://[^/]+")
# What files of a reader's own making never need.
_BYTE_OPTIONS = frozenset({"delimiter", "encoding", "compression", "header", "quote"})
_PARTS: Mapping[str, type[BaseModel]] = {
    "options": FeedOptions,
    "storage": ObjectStorage,
    "connection": PostgresConnection,
    "retries": Retries,
    "incremental": Incremental,
}
_KINDS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "reader": {"files": Feed, "postgres": PostgresFeed, "rest": RestFeed},
    "auth": {"none": NoAuth, "api_key": ApiKeyAuth, "bearer": BearerAuth, "oauth2": OAuth2Auth},
    "paging": {
        "none": NoPaging,
        "page": PagePaging,
        "offset": OffsetPaging,
        "cursor": CursorPaging,
        "link": LinkPaging,
    },
}


class TableEntry(Strict):
    """One table of sources.yml: its feeds, and whether the night may publish without it."""

    required: bool = False
    feeds: tuple[AnyFeed, ...] = Field(min_length=1)


class _SourceEntry(Strict):
    tables: dict[str, TableEntry]


class _Document(Strict):
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
    feeds: tuple[FeedBase, ...]
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

    def feeds(self, full_name: str) -> tuple[FeedBase, ...]:
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
            _refuse_twins(path, key, feeds)
            tables[full_name] = TableFeeds(table=table, feeds=feeds, is_required=table_entry.required)
    return Sources(path=path, tables=tables)


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    problems = error.errors()
    # A feed that is wrong counts as none, which pydantic then says of the list as well.
    inner = [problem for problem in problems if problem["type"] != "too_short"]
    for problem in inner or problems:
        shown, model = _place(problem["loc"])
        key = ".".join(shown) or "(top level)"
        context = problem.get("ctx") or {}
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key. {_nearest_key(shown[-1], model)}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing; add it.")
        elif problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
            part = shown[-1] if shown[-1] in _KINDS else "reader"
            where = f"{key}.type" if part in ("auth", "paging") else f"{key}.reader"
            word = str(context.get("tag", ""))
            lines.append(f"{where}: {word!r} is not one that leadrelay knows. {nearest(word, _KINDS[part])}")
        elif shown and shown[-1].endswith("_env"):
            # What stands there may be the secret itself: it is not repeated.
            lines.append(
                f"{key}: not the name of an environment variable. Export the secret, write the variable's name."
            )
        else:
            # Only a plain value is repeated: a whole feed may hold what was meant to be secret.
            found = problem["input"]
            shows = f" (it is {found!r})" if isinstance(found, str | int | float | None) else ""
            lines.append(f"{key}: {problem['msg']}{shows}.")
    return "\n".join(f"{path}: {line}" for line in lines)


def _place(location: tuple[int | str, ...]) -> tuple[list[str], type[BaseModel]]:
    """Return a problem's keys as they stand in the file, and the shape that its last key stands in."""
    shown: list[str] = []
    model: type[BaseModel] = _Document
    before: int | str = ""
    for index, part in enumerate(location):
        kinds = _KINDS["reader"] if isinstance(before, int) and "feeds" in shown else _KINDS.get(str(before), {})
        if str(part) in kinds and str(before) not in ("params", "columns"):
            # pydantic names which kind it took; the file does not have it in this place.
            model = kinds[str(part)]
        else:
            shown.append(str(part))
            if index < len(location) - 1:
                model = _inside(model, str(part), shown)
        before = part
    return shown, model


def _inside(model: type[BaseModel], part: str, shown: list[str]) -> type[BaseModel]:
    if part in _PARTS and part in model.model_fields:
        return _PARTS[part]
    depth: dict[int, type[BaseModel]] = {
        2: _SourceEntry,
        4: TableEntry,
    }  # sources.<source> and sources.<source>.tables.<table>
    return depth.get(len(shown), model)


def _nearest_key(name: str, model: type[BaseModel]) -> str:
    keys = list(model.model_fields)
    secret = f"{name}_env"
    if secret in keys:
        return f"A secret never stands in this file: export it, and name the variable in {secret}."
    return nearest(name, keys)


@dataclass(frozen=True)
class _Refusal:
    """Makes the error of one feed: file, key, what is wrong, what to write instead."""

    path: Path
    key: str

    def __call__(self, part: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.path}: {self.key}.{part}: {problem}")


def _check_feed(path: Path, key: str, table: ContractTable, feed: FeedBase) -> FeedBase:
    refuse = _Refusal(path, key)
    if not _SYSTEM.fullmatch(feed.system):
        raise refuse("system", f"{feed.system!r} is not a name; use letters, digits, '_', '.' and '-'.")
    _check_options(refuse, feed.options)
    _check_columns(refuse, table, feed)
    if isinstance(feed, Feed):
        return _check_files(refuse, path, feed)
    unused = sorted(_BYTE_OPTIONS & feed.options.model_fields_set)
    if unused:
        raise refuse(
            f"options.{unused[0]}",
            "says how a file's bytes are read, and this reader makes its files itself; remove it.",
        )
    if isinstance(feed, PostgresFeed):
        return _check_postgres(refuse, feed)
    return _check_rest(refuse, feed) if isinstance(feed, RestFeed) else feed


def _check_files(refuse: _Refusal, path: Path, feed: Feed) -> Feed:
    if "/" in feed.files or "\\" in feed.files or ".." in feed.files:
        fix = "It is a pattern on the file's name; name the folder in `location`."
        raise refuse("files", f"{feed.files!r} is a path. {fix}")
    location = None if feed.location is None else _expand(refuse, "location", feed.location)
    if location is not None and "://" in location:
        if not _PROTOCOL.match(location):
            raise refuse("location", f"{location!r} names no bucket; write for example s3://bucket/prefix.")
        _refuse_password(refuse, "location", location)
        return feed.model_copy(update={"location": location.rstrip("/")})
    for part in ("storage", "longest_seconds"):
        if part in feed.model_fields_set:
            raise refuse(part, "belongs to an object store; `location` names none, such as s3://bucket/prefix.")
    if location is None:
        return feed
    folder = Path(location).expanduser()
    absolute = folder if folder.is_absolute() else (path.parent / folder).resolve()
    return feed.model_copy(update={"location": str(absolute)})


def _check_postgres(refuse: _Refusal, feed: PostgresFeed) -> PostgresFeed:
    address = feed.connection
    parts = [name for name in ("host", "database", "user") if getattr(address, name) is None]
    if address.uri_env is None and parts:
        raise refuse("connection", f"lacks {', '.join(parts)}; or name a variable with the whole address in uri_env.")
    if feed.sweep and not any(VANISHED in expression for expression in feed.columns.values()):
        raise refuse(
            "sweep",
            f"no column says what a vanished row becomes; map one over {VANISHED}, such as `is_deleted: {VANISHED}` "
            f"or `stage: case when {VANISHED} then 'Deleted' else stage end`.",
        )
    if feed.columns and not feed.sweep and any(VANISHED in expression for expression in feed.columns.values()):
        raise refuse("columns", f"{VANISHED} is there only with `sweep: true`; add it.")
    return feed


def _check_rest(refuse: _Refusal, feed: RestFeed) -> RestFeed:
    url = _expand(refuse, "url", feed.url).rstrip("/")
    path = _expand(refuse, "path", feed.path)
    _check_address(refuse, "url", url)
    update: dict[str, Any] = {"url": url, "path": path}
    if "://" in path:
        raise refuse("path", f"{path!r} is an address; write the host in `url` and only what follows here.")
    if isinstance(feed.auth, OAuth2Auth):
        token_url = _expand(refuse, "auth.token_url", feed.auth.token_url)
        _check_address(refuse, "auth.token_url", token_url)
        update["auth"] = feed.auth.model_copy(update={"token_url": token_url})
    return feed.model_copy(update=update)


def _check_address(refuse: _Refusal, part: str, url: str) -> None:
    _refuse_password(refuse, part, url)
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise refuse(part, f"{url!r} is no address; write for example https://api.example.com.")


def _refuse_password(refuse: _Refusal, part: str, url: str) -> None:
    if "@" in urlsplit(url).netloc:
        raise refuse(part, "holds a user or password; name environment variables for them instead.")


def _refuse_twins(path: Path, key: str, feeds: tuple[FeedBase, ...]) -> None:
    """Two feeds of one table whose readers would write under one name cannot be told apart afterwards."""
    prefixes = [feed.pattern for feed in feeds if not isinstance(feed, Feed)]
    for pattern in prefixes:
        if prefixes.count(pattern) > 1:
            raise ConfigError(f"{path}: {key}.feeds: two feeds read {pattern!r}; give each a `name` of its own.")


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


def _check_columns(refuse: _Refusal, table: ContractTable, feed: FeedBase) -> None:
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


def _expand(refuse: _Refusal, part: str, text: str) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        found = os.environ.get(name) or default
        if found is None:
            raise refuse(part, f"environment variable {name} is not set; set it, or write ${{{name}:-a/default}}.")
        return found

    return _VARIABLE.sub(value, text)

"""What a feed of sources.yml may say: one shape per reader, told apart by `reader:`.

What belongs here: the pydantic shapes and what follows from them alone (file names, formats). What does not: the checks that need the
contract (`orchestration.ingest.sources`) and the readers themselves (`orchestration.ingest.collect`).
A secret never stands in this file: a key that ends in `_env` holds the name of the environment variable that does.
"""

import fnmatch
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

Format = Literal["csv", "jsonl", "parquet"]
Compression = Literal["none", "gzip", "zstd"]
READERS = ("files", "postgres", "rest")
# The column that a key sweep adds to what it lands; a mapping has to read it.
VANISHED = "_is_vanished"

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]+")
_FORMAT_BY_SUFFIX: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSION_BY_SUFFIX: Mapping[str, Compression] = {".gz": "gzip", ".zst": "zstd"}

# The name of an environment variable. A pasted secret is refused by its form, and never repeated in the message.
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


# A reader that is still at it after two hours hangs, or reads far more than a night should.
LONGEST_READING_SECONDS = 7200.0


class Strict(BaseModel):
    """A part of sources.yml: a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FeedOptions(Strict):
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


class Retries(Strict):
    """How often a reader asks again, and how long it waits in between.

    Parameters
    ----------
    attempts
        Requests, or connections, that may fail in a row.
    backoff_seconds
        Wait before the second attempt; doubled before each further one.
    max_seconds
        Longest wait, also when the server asks for a longer one.
    """

    attempts: int = Field(default=5, ge=1, le=50)
    backoff_seconds: float = Field(default=1.0, gt=0)
    max_seconds: float = Field(default=60.0, gt=0)


class FeedBase(Strict):
    """What every feed says: whose rows they are and how their columns map.

    Parameters
    ----------
    system
        Name of the system that the rows come from; part of every key.
    options
        How bytes and texts become values.
    columns
        Our column -> a column of theirs, or an expression over their columns. Without it names are taken as they are.
    arrival
        Expression that gives a row's arrival (history exports); default the file's arrival.
    """

    system: str
    options: FeedOptions = FeedOptions()
    columns: dict[str, str] = Field(default_factory=dict)
    arrival: str | None = None

    @property
    def pattern(self) -> str:
        """Pattern of the names of this feed's files in landing."""
        raise NotImplementedError

    def format_of(self, name: str) -> Format | None:
        """Return the format of a file called ``name``, or None when neither feed nor ending says it."""
        suffixes = [suffix.lower() for suffix in Path(name).suffixes]
        if suffixes and suffixes[-1] in _COMPRESSION_BY_SUFFIX:
            suffixes.pop()
        return _FORMAT_BY_SUFFIX.get(suffixes[-1]) if suffixes else None

    def compression_of(self, name: str) -> Compression:
        """Return how a file called ``name`` is compressed."""
        return self.options.compression or _COMPRESSION_BY_SUFFIX.get(Path(name).suffix.lower(), "none")

    def takes(self, name: str) -> bool:
        """Whether the file name is one of this feed's."""
        return fnmatch.fnmatchcase(name, self.pattern)


class ObjectStorage(Strict):
    """Where an object store answers and which environment variables hold its keys.

    Parameters
    ----------
    endpoint_env
        Holds the store's address; without it AWS's own.
    key_env, secret_env, token_env
        Hold access key, secret key and session token; without them what the environment gives to every AWS tool.
    region
        Region of the bucket.
    anonymous
        Read without keys, for a public bucket.
    """

    endpoint_env: EnvName | None = None
    key_env: EnvName | None = None
    secret_env: EnvName | None = None
    token_env: EnvName | None = None
    region: str | None = None
    anonymous: bool = False


class Feed(FeedBase):
    """One system's files for one table: dropped into landing, or copied from a folder or an object store.

    Parameters
    ----------
    reader
        ``files``.
    files
        Pattern on the file name inside ``landing/<source>/<table>/*/`` (and inside ``location``).
    location
        Folder outside landing whose matching files are copied in, relative to ``sources.yml``; or ``s3://bucket/prefix``.
    format
        ``csv``, ``jsonl`` or ``parquet``; default by the file's ending.
    storage
        Of an object store only.
    retries
        Of an object store only.
    longest_seconds
        Of an object store only: how long the whole reading may take in one night; the next one goes on after the last object.
    """

    reader: Literal["files"] = "files"
    files: str = "*"
    location: str | None = None
    format: Format | None = None
    storage: ObjectStorage | None = None
    retries: Retries = Retries()
    longest_seconds: float = Field(default=LONGEST_READING_SECONDS, gt=0)

    @property
    def pattern(self) -> str:
        """Pattern of the names of this feed's files in landing."""
        return self.files

    @property
    def is_object_store(self) -> bool:
        """Whether `location` names an object store and no folder."""
        return self.location is not None and "://" in self.location

    def format_of(self, name: str) -> Format | None:
        """Return the format of a file called ``name``, or None when neither feed nor ending says it."""
        return self.format or super().format_of(name)


class _CollectedFeed(FeedBase):
    """A feed whose reader makes the files itself, under names of its own.

    Parameters
    ----------
    name
        Part of those names; needed only when two feeds of one table read the same table or path.
    retries
        How often it asks again.
    """

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+$")
    retries: Retries = Retries()

    @property
    def prefix(self) -> str:
        """Beginning of the names of this feed's files in landing; no other feed's of the table."""
        raise NotImplementedError

    @property
    def pattern(self) -> str:
        """Pattern of the names of this feed's files in landing."""
        return f"{self.prefix}.*"


class PostgresConnection(Strict):
    """How to reach the database: a whole address from the environment, or its parts.

    Parameters
    ----------
    uri_env
        Holds ``postgresql://user:password@host:port/database``; nothing else is needed then.
    host, port, database, user
        The parts.
    password_env
        Holds the password.
    sslmode
        As libpq reads it.
    """

    uri_env: EnvName | None = None
    host: str | None = None
    port: int = Field(default=5432, ge=1, le=65535)
    database: str | None = None
    user: str | None = None
    password_env: EnvName | None = None
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"


class PostgresFeed(_CollectedFeed):
    """One table or view of a PostgreSQL database, read into Parquet files in landing.

    Parameters
    ----------
    reader
        ``postgres``.
    connection
        How to reach the database.
    table
        ``schema.table``; a view is as good.
    key
        Columns of the primary key; they order the rows and are what a sweep compares.
    cursor
        Column that grows with every change (``updated_at``, a sequence); without it the whole table is read each time.
    overlap_minutes
        A time cursor starts so much before the last one read, since a transaction may commit after a younger one.
    overlap_ids
        The same for a numeric cursor.
    sweep
        Compare all keys each time: rows that vanished land once more with ``_is_vanished``, keys that the cursor missed are read.
    sweep_limit
        Largest share of the known rows that may vanish at once; more than that, and than ten, is an error and not a deletion.
    rows_per_file
        A longer read lands in several files, and a broken one goes on after the last of them.
    longest_seconds
        One statement may take so long, waiting for locks included; the database ends it then, and the table is stale.
    """

    reader: Literal["postgres"]
    connection: PostgresConnection
    table: str
    key: tuple[str, ...] = Field(min_length=1)
    cursor: str | None = None
    overlap_minutes: float = Field(default=15.0, ge=0)
    overlap_ids: int = Field(default=1000, ge=0)
    sweep: bool = False
    sweep_limit: float = Field(default=0.2, gt=0, le=1)
    rows_per_file: int = Field(default=200_000, ge=1)
    longest_seconds: float = Field(default=LONGEST_READING_SECONDS, gt=0)

    @property
    def prefix(self) -> str:
        """Beginning of the names of this feed's files in landing."""
        return f"{self.system}.postgres.{slug(self.name or self.table)}"


class NoAuth(Strict):
    """Nobody is asked who reads."""

    type: Literal["none"] = "none"


class ApiKeyAuth(Strict):
    """A key in a header or in the query.

    Parameters
    ----------
    key_env
        Holds the key.
    name
        Name of the header or parameter.
    place
        Where it goes.
    """

    type: Literal["api_key"]
    key_env: EnvName
    name: str = "X-Api-Key"
    place: Literal["header", "query"] = "header"


class BearerAuth(Strict):
    """A token that does not change.

    Parameters
    ----------
    token_env
        Holds the token.
    """

    type: Literal["bearer"]
    token_env: EnvName


class OAuth2Auth(Strict):
    """OAuth2 client credentials: an id and a secret get a token, anew whenever it expires.

    Parameters
    ----------
    token_url
        Where tokens are given.
    client_id_env, client_secret_env
        Hold id and secret.
    scopes
        What is asked for.
    """

    type: Literal["oauth2"]
    token_url: str
    client_id_env: EnvName
    client_secret_env: EnvName
    scopes: tuple[str, ...] = ()


class NoPaging(Strict):
    """One answer holds everything."""

    type: Literal["none"] = "none"


class PagePaging(Strict):
    """Pages by number, until one is empty or the last is reached.

    Parameters
    ----------
    param
        Query parameter of the number.
    first
        Number of the first page.
    total_pages
        JSONPath of the number of pages, when the answer says it.
    """

    type: Literal["page"]
    param: str = "page"
    first: int = 1
    total_pages: str | None = None


class OffsetPaging(Strict):
    """Rows by position, until a page is empty or the total is reached.

    Parameters
    ----------
    param, limit_param
        Query parameters of the position and of the rows asked for.
    limit
        Rows asked for; the next position follows what really came.
    total
        JSONPath of the number of rows, when the answer says it.
    """

    type: Literal["offset"]
    param: str = "offset"
    limit_param: str = "limit"
    limit: int = Field(default=100, ge=1)
    total: str | None = None


class CursorPaging(Strict):
    """The answer names the next page by a word of its own.

    Parameters
    ----------
    path
        JSONPath of the word.
    param
        Query parameter that takes it.
    has_more
        JSONPath of a boolean that ends the reading, when the word never ends.
    """

    type: Literal["cursor"]
    path: str
    param: str
    has_more: str | None = None


class LinkPaging(Strict):
    """The answer holds the address of the next page, in its body or in its ``Link`` header.

    Parameters
    ----------
    path
        JSONPath of the address; without it the header is read.
    rel
        Which link of the header.
    """

    type: Literal["link"]
    path: str | None = None
    rel: str = "next"


class Incremental(Strict):
    """Ask only for what changed since the last complete reading.

    Parameters
    ----------
    param
        Query parameter that takes the moment or number to start from.
    field
        JSONPath inside a record of what it is compared with.
    format
        How the server writes it, there and in the parameter.
    start
        What the first reading asks for; default everything.
    overlap_minutes, overlap_ids
        How much before the last value read the next reading starts.
    """

    param: str
    field: str
    format: Literal["iso", "epoch_s", "epoch_ms", "id"] = "iso"
    start: str | None = None
    overlap_minutes: float = Field(default=15.0, ge=0)
    overlap_ids: int = Field(default=0, ge=0)


class RestFeed(_CollectedFeed):
    """One list of a JSON API, page by page into JSON lines in landing.

    Parameters
    ----------
    reader
        ``rest``.
    url
        Address of the API; no other host is ever asked but that of ``auth.token_url``.
    path
        Path of the list below it.
    params
        Query parameters of every request.
    auth, paging, incremental
        Who asks, how pages follow, and what is asked for the next time.
    records
        JSONPath of the list of records in an answer; ``$`` when the answer is the list.
    records_may_be_missing
        For an API that leaves the list out when it is empty.
    optional
        Fields that the API leaves out of a record when they are empty; they land as null, so that a mapping may read them.
    requests_per_minute
        Ask no faster.
    timeout_seconds
        How long the server may say nothing.
    longest_seconds
        How long the whole reading may take in one night, whatever the server says meanwhile; the next one goes on after the last page.
    """

    reader: Literal["rest"]
    url: str
    path: str = ""
    params: dict[str, str | int | float | bool] = Field(default_factory=dict)
    auth: Annotated[NoAuth | ApiKeyAuth | BearerAuth | OAuth2Auth, Field(discriminator="type")] = NoAuth()
    paging: Annotated[NoPaging | PagePaging | OffsetPaging | CursorPaging | LinkPaging, Field(discriminator="type")] = (
        NoPaging()
    )
    incremental: Incremental | None = None
    records: str = "$"
    records_may_be_missing: bool = False
    optional: tuple[str, ...] = ()
    requests_per_minute: float | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=60.0, gt=0)
    longest_seconds: float = Field(default=LONGEST_READING_SECONDS, gt=0)

    @property
    def prefix(self) -> str:
        """Beginning of the names of this feed's files in landing."""
        return f"{self.system}.rest.{slug(self.name or self.path or 'list')}"


def slug(text: str) -> str:
    """Return ``text`` as a part of a file name without a dot."""
    return _NOT_IN_A_NAME.sub("-", text).strip("-") or "list"


def _reader_of(value: Any) -> str:  # noqa: ANN401 - whatever YAML gives
    """Return which reader a feed names; ``files`` when it names none."""
    chosen = value.get("reader", "files") if isinstance(value, dict) else getattr(value, "reader", "files")
    return str(chosen)


AnyFeed = Annotated[
    Annotated[Feed, Tag("files")] | Annotated[PostgresFeed, Tag("postgres")] | Annotated[RestFeed, Tag("rest")],
    Discriminator(_reader_of),
]

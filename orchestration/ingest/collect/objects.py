"""The `files` reader of an object store: new and replaced objects into landing, through fsspec.

An object is known by its entity tag, size and time. One that is known is not fetched again; one that was replaced lands beside the older
file, which stays. Only objects directly below the prefix are taken, under the last part of their name, and only when that part is a
plain file name: what an object is called never decides where something is written.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from orchestration.errors import ReaderError
from orchestration.ingest.collect.readers import Reading
from orchestration.ingest.collect.secrets import Secrets
from orchestration.ingest.feeds import Feed, ObjectStorage
from orchestration.ingest.landing import UNFINISHED_SUFFIXES

_log = logging.getLogger(__name__)

_ANOTHER_PACKAGE = {"gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs", "s3": "s3fs", "s3a": "s3fs"}
_PROTOCOLS = ("s3", "s3a", "gs", "gcs", "abfs", "az")
# Longer names do not fit beside their sidecar on common file systems.
_LONGEST_NAME = 200
# To fsspec, no seconds mean no limit.
_SHORTEST_SECONDS = 0.001
_NOT_A_FILE_NAME = re.compile(r"[\x00-\x1f\x7f/\\]")


class _PassingError(Exception):
    """The store was busy or away; asking again may help."""


def read_objects(reading: Reading, feed: Feed) -> None:
    """Land the objects that are new or were replaced since the last time.

    Parameters
    ----------
    reading
        Landing, progress and secrets.
    feed
        A `files` feed whose location names an object store.

    Raises
    ------
    ReaderError
        If the store cannot be reached or refuses, or if an object's name is none that a file may have.
    LandingError
        If landing cannot be written.
    """
    store = _Store(reading.secrets, feed)
    place = dict(reading.place(feed))
    known = dict(place.get("objects") or {})
    refused: list[str] = []
    for key, entry in sorted(store.list().items()):
        name = key.rsplit("/", 1)[-1]
        if not feed.takes(name):
            continue
        if not _is_file_name(name):
            refused.append(repr(key)[:200])
            continue
        if name.startswith(".") or name.endswith(UNFINISHED_SUFFIXES):
            continue
        identity = _identity(entry)
        if known.get(key) == identity:
            continue
        _fetch(reading, store, key, name, identity)
        known[key] = identity
        reading.progress.write({"objects": known})
    if refused:
        raise ReaderError(
            f"{len(refused)} objects have names that no file may have and are not read: {', '.join(refused[:3])}"
        )


def _fetch(reading: Reading, store: "_Store", key: str, name: str, identity: list[Any]) -> None:
    with reading.arrivals.temporary() as path:
        store.get(key, str(path))
        if path.stat().st_size != identity[1] or _identity(store.info(key)) != identity:
            raise ReaderError(f"{key} was replaced while it was read; the next run takes it.")
        taken = iter(range(1 << 30))
        # The first choice is the object's own name; a replaced one stands beside it under its load sequence.
        reading.arrivals.land(path, lambda sequence: name if next(taken) == 0 else f"{sequence:09d}-{name}")
    reading.tally.files += 1


def _is_file_name(name: str) -> bool:
    return name not in ("", "..") and not _NOT_A_FILE_NAME.search(name) and len(name.encode()) <= _LONGEST_NAME


def _identity(entry: Mapping[str, Any]) -> list[Any]:
    """Return what changes when an object is replaced."""
    tag = entry.get("ETag") or entry.get("etag") or entry.get("md5Hash") or ""
    moment = entry.get("LastModified") or entry.get("mtime") or entry.get("updated") or entry.get("last_modified") or ""
    return [str(tag), int(entry["size"]), str(moment)]


class _Store:
    """One prefix of one bucket."""

    def __init__(self, secrets: Secrets, feed: Feed) -> None:
        self._secrets = secrets
        self._feed = feed
        self._location = feed.location or ""
        protocol = self._location.split("://", 1)[0]
        if protocol not in _PROTOCOLS:
            raise ReaderError(
                f"{self._location}: {protocol} is no object store that leadrelay reads; it reads {', '.join(_PROTOCOLS)}."
            )
        self._path = self._location.split("://", 1)[1].rstrip("/")
        self._ends_at = time.monotonic() + feed.longest_seconds
        try:
            import fsspec

            self._system = fsspec.filesystem(protocol, **_options(protocol, feed.storage or ObjectStorage(), secrets))
        except ImportError as error:
            package = _ANOTHER_PACKAGE[protocol]
            raise ReaderError(f"{protocol}:// needs the package {package}: pip install {package}") from error

    def list(self) -> dict[str, Mapping[str, Any]]:
        """Return the objects directly below the prefix, by their full key."""
        entries = self._ask("the list of objects", self._system.ls, self._path, detail=True, refresh=True)
        return {str(entry["name"]): entry for entry in entries if entry.get("type") == "file"}

    def info(self, key: str) -> Mapping[str, Any]:
        """Return one object's entry, asked for anew."""
        found: Mapping[str, Any] = self._ask(key, self._system.info, key, refresh=True)
        return found

    def get(self, key: str, path: str) -> None:
        """Copy one object to a file."""
        self._ask(key, self._system.get_file, key, path)

    def _ask(self, what: str, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever fsspec gives
        retries = self._feed.retries
        retrying = Retrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(retries.attempts),
            wait=wait_exponential(multiplier=retries.backoff_seconds, max=retries.max_seconds),
            reraise=True,
        )
        try:
            return retrying(self._told, what, act, *arguments, **options)
        except _PassingError as error:
            raise ReaderError(f"{self._location} cannot be read, {retries.attempts} times in a row: {error}") from None

    def _told(self, what: str, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever fsspec gives
        with self._as_sentences():
            try:
                # A store that sends a byte now and then never makes a pause that is too long.
                return act(*arguments, timeout=max(self._ends_at - time.monotonic(), _SHORTEST_SECONDS), **options)
            except TimeoutError:
                if time.monotonic() < self._ends_at:
                    raise
        raise ReaderError(
            f"{self._location} was not read to the end within {self._feed.longest_seconds:g} s (longest_seconds); broken off at {what}. "
            "Ask whoever runs the store why it is slow, or raise longest_seconds of this feed."
        )

    @contextmanager
    def _as_sentences(self) -> Iterator[None]:
        """Tell what is final from what may pass, in words without a secret."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

        try:
            yield
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise ReaderError(
                f"{self._location}: no keys. Name their variables in `storage` (key_env, secret_env), or write `anonymous: true`."
            ) from error
        except PermissionError as error:
            raise ReaderError(
                f"{self._location}: the store refuses these keys: {self._text(error)}. Check the variables named in `storage`."
            ) from None
        except FileNotFoundError as error:
            raise ReaderError(f"{self._location}: no such bucket or prefix ({self._text(error)}).") from None
        except ClientError as error:
            raise ReaderError(f"{self._location}: the store refuses: {self._text(error)}") from None
        except (BotoCoreError, TimeoutError, ConnectionError) as error:
            raise _PassingError(self._text(error)) from None
        except OSError as error:
            if error.filename is not None:
                raise
            raise _PassingError(self._text(error)) from None

    def _text(self, error: Exception) -> str:
        return self._secrets.scrub(" ".join(str(error).split())[:300])


def _options(protocol: str, storage: ObjectStorage, secrets: Secrets) -> dict[str, Any]:
    """Return what fsspec is given; nothing is kept from one run to the next."""
    common: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if not protocol.startswith("s3"):
        return common
    client: dict[str, Any] = {}
    if storage.endpoint_env is not None:
        client["endpoint_url"] = secrets.read(storage.endpoint_env, is_secret=False)
    if storage.region is not None:
        client["region_name"] = storage.region
    return {
        **common,
        "anon": storage.anonymous,
        "key": secrets.read(storage.key_env) if storage.key_env else None,
        "secret": secrets.read(storage.secret_env) if storage.secret_env else None,
        "token": secrets.read(storage.token_env) if storage.token_env else None,
        "client_kwargs": client,
        # The retries of the feed are the ones that count.
        "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 10, "read_timeout": 60},
    }

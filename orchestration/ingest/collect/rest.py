"""The `rest` reader: one list of a JSON API, page by page into JSON lines in landing, through dlt's REST client.

dlt brings what others keep right: sessions that try again after 429, 5xx and broken connections (Retry-After included), OAuth2 client
credentials, and the paginators. What is ours: every page lands as it comes, the place of the next one is noted after it, a broken run goes
on from there, and nothing is taken on trust: an answer without its list, paging in a circle, a page size that grows, an address of
another host, or a server that drips its answer and never falls silent is found out.
What does not belong here: what a record's fields mean (`columns:` of the feed).
"""

import hashlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.common import jsonpath
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client import auth as dlt_auth
from dlt.sources.helpers.rest_client import paginators as dlt_paginators
from requests.adapters import HTTPAdapter

from orchestration.errors import ReaderError
from orchestration.ingest.collect.readers import Reading
from orchestration.ingest.feeds import (
    ApiKeyAuth,
    BearerAuth,
    CursorPaging,
    Incremental,
    LinkPaging,
    OAuth2Auth,
    OffsetPaging,
    PagePaging,
    RestFeed,
)

_log = logging.getLogger(__name__)

_UNAUTHORISED = 401
_REDIRECTED = 300
_REFUSED = 400
# What a server may say when it no longer knows the place where an earlier run stopped.
_FORGOTTEN = frozenset({400, 404, 410, 416, 422})
_TOLD_CHARACTERS = 200


@dataclass
class _Run:
    """One reading of the whole list, which may take several nights when it breaks.

    Parameters
    ----------
    since
        What the incremental parameter asks for; the same for every page.
    started_at
        When it began, ISO 8601; no record can have changed after that.
    url, params
        The next request; None for the first.
    page
        Pages read.
    rows
        Rows read, as the position of the next one.
    size
        Rows of the longest page.
    total
        Rows that the server says there are.
    highest
        Largest value of the incremental field.
    digests
        Of every page.
    """

    since: str | None
    started_at: str
    url: str | None = None
    params: dict[str, Any] | None = None
    page: int = 0
    rows: int = 0
    size: int = 0
    total: int | None = None
    highest: str | None = None
    digests: list[str] = field(default_factory=list)


class _PageGrewError(Exception):
    """The server changed its page size in mid-read, so that the next number is not the next rows."""


class _TimeIsOverError(Exception):
    """The reading has taken as long as it may."""


def read_rest(reading: Reading, feed: RestFeed) -> None:
    """Land what is new in one list since the last time.

    Parameters
    ----------
    reading
        Landing, progress and secrets.
    feed
        What to read.

    Raises
    ------
    ReaderError
        If the server cannot be reached, refuses, or answers something that cannot be the list.
    LandingError
        If landing cannot be written.
    """
    api = _Api(reading, feed)
    place = reading.place(feed)
    noted = place.get("run")
    run = _Run(**noted) if noted else _new_run(feed, place.get("watermark"))
    is_resumed = noted is not None
    renewed_at = -1
    while True:
        try:
            _read_pages(reading, feed, api, run, frozenset(place.get("digests") or ()), place)
            break
        except _PageGrewError:
            continue
        except _TimeIsOverError:
            raise ReaderError(
                f"{feed.url}{feed.path} was not read to the end within {feed.longest_seconds:g} s (longest_seconds); broken off at page "
                f"{run.page + 1}. Ask whoever runs the server why it is slow, or raise longest_seconds of this feed."
            ) from None
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status == _UNAUTHORISED and api.can_renew and renewed_at != run.page:
                # A token may end before its time; one new one for each page that it has brought.
                renewed_at = run.page
                api.renew()
            elif status in _FORGOTTEN and is_resumed:
                is_resumed = False
                run = _new_run(feed, place.get("watermark"))
            else:
                raise ReaderError(api.told(error)) from None
        except (requests.RequestException, ValueError) as error:
            raise ReaderError(api.told(error)) from None
    if run.total is not None and run.rows < run.total:
        raise ReaderError(
            f"{feed.path}: the server says {run.total} records and gave {run.rows}. Nothing is taken as complete."
        )
    watermark = _watermark(feed.incremental, place.get("watermark"), run)
    reading.progress.write({"watermark": watermark, "digests": run.digests, "run": None})


def _read_pages(
    reading: Reading, feed: RestFeed, api: "_Api", run: _Run, known: frozenset[str], place: Mapping[str, Any]
) -> None:
    asked: set[str] = set()
    for page in api.pages(run):
        records = list(page)
        body = page.response.json()
        _check_list(feed, body)
        digest = _land(reading, feed, records, known, run.digests[-1] if run.digests else "")
        highest = _highest(feed.incremental, records, run.highest)
        before = run.rows
        run.page, run.rows, run.highest = run.page + 1, run.rows + len(records), highest
        run.digests.append(digest)
        run.total = _total(feed, body, run.total)
        grew = isinstance(feed.paging, PagePaging) and run.size and len(records) > run.size
        run.size = max(run.size, len(records))
        if page.paginator.has_next_page:
            run.url, run.params = page.request.url, dict(page.request.params or {}) or None
            api.check_host(run.url)
            if grew and isinstance(feed.paging, PagePaging):
                # The rows before this page fill fewer of the new, longer pages: go on from there, and read some rows twice.
                number = before // run.size
                run.params = {**(run.params or {}), feed.paging.param: feed.paging.first + number}
                run.rows = number * run.size
        # An address that carries a secret is not written down: a broken run then starts anew.
        kept = asdict(run) if not reading.secrets.holds(json.dumps([run.url, run.params], default=str)) else None
        reading.progress.write({**place, "run": kept})
        if not page.paginator.has_next_page:
            return
        if grew:
            raise _PageGrewError
        request = json.dumps([run.url, run.params], sort_keys=True, default=str)
        if request in asked:
            raise ReaderError(f"{feed.path}: the paging goes in a circle after page {run.page}; check `paging`.")
        asked.add(request)
        api.wait()


# ------------------------------------------------------------------------------------------------------------------- api


class _OffsetPaginator(dlt_paginators.OffsetPaginator):  # type: ignore[misc]
    """Offset paging that goes on after what really came; a server may give fewer rows than it was asked for."""

    def update_state(self, response: requests.Response, data: list[Any] | None = None) -> None:
        self.value_step = len(data) if data else self.limit
        super().update_state(response, data)


class _Api:
    """The API of one feed: who asks, how often, and how pages follow one another."""

    def __init__(self, reading: Reading, feed: RestFeed) -> None:
        self._feed = feed
        self._secrets = reading.secrets
        retries = feed.retries
        self._session = Client(
            request_timeout=feed.timeout_seconds,
            raise_for_status=False,
            request_max_attempts=retries.attempts,
            request_backoff_factor=retries.backoff_seconds,
            request_max_retry_delay=retries.max_seconds,
            retry_condition=_is_cut_off,
            # A token address that sends elsewhere would be given the secret.
            session_attrs={"max_redirects": 0},
        ).session
        in_time = _InTime(feed.longest_seconds)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, in_time)
        self._auth = self._authentication()
        self._client = RESTClient(
            base_url=feed.url,
            auth=self._auth,
            session=self._session,
            config=RuntimeConfiguration(http_show_error_body=False),
        )
        self._asked_at = 0.0

    @property
    def can_renew(self) -> bool:
        """Whether a new token can be had."""
        return isinstance(self._feed.auth, OAuth2Auth)

    def renew(self) -> None:
        """Forget the token, so that the next request asks for a new one."""
        self._hide_token()
        self._auth.access_token = None

    def pages(self, run: _Run) -> Iterator[Any]:
        """Yield the pages from where the run stands."""
        feed = self._feed
        if run.url is None:
            params: dict[str, Any] | None = dict(feed.params)
            if feed.incremental is not None and run.since is not None and params is not None:
                params[feed.incremental.param] = run.since
        else:
            params = dict(run.params) if run.params else None
        self._asked_at = time.monotonic()
        yield from self._client.paginate(
            path=run.url or feed.path,
            params=params,
            paginator=self._paginator(params or {}),
            data_selector=feed.records,
            hooks={"response": [_refuse_status]},
            allow_redirects=False,
        )

    def wait(self) -> None:
        """Keep to the pace that the feed allows."""
        if self._feed.requests_per_minute is not None:
            pause = 60.0 / self._feed.requests_per_minute - (time.monotonic() - self._asked_at)
            if pause > 0:
                time.sleep(pause)
        self._asked_at = time.monotonic()

    def check_host(self, url: str) -> None:
        """Refuse the address of another host: it would be given the key."""
        wanted, found = urlsplit(self._feed.url), urlsplit(url)
        if (wanted.scheme, wanted.netloc) != (found.scheme, found.netloc):
            raise ReaderError(
                f"{self._feed.path}: the next page is said to be at {found.scheme}://{found.netloc}; only {wanted.netloc} is asked."
            )

    def told(self, error: Exception) -> str:
        """Return what went wrong without anything that should not be read."""
        self._hide_token()
        where = f"{self._feed.url}{self._feed.path}"
        response = getattr(error, "response", None)
        if response is not None:
            status = response.status_code
            said = " ".join(response.text.split())[:_TOLD_CHARACTERS] if status >= _REFUSED else ""
            hint = {
                _UNAUTHORISED: " The key or token is not accepted: check the variables named in `auth`.",
                403: " The account may not read this list.",
                429: " Too many requests: lower requests_per_minute.",
            }.get(status, "")
            if _REDIRECTED <= status < _REFUSED:
                said = f"sends to {response.headers.get('Location', 'nowhere')}; write the final address."
            return self._secrets.scrub(f"{where} answers {status} {said}".rstrip() + f".{hint}")
        if isinstance(error, requests.Timeout):
            return f"{where} did not answer within {self._feed.timeout_seconds:g} s, {self._feed.retries.attempts} times in a row."
        if isinstance(error, requests.exceptions.JSONDecodeError | json.JSONDecodeError):
            return f"{where} answers something that is not JSON, {self._feed.retries.attempts} times in a row."
        text = " ".join(str(error).split())[:_TOLD_CHARACTERS]
        return self._secrets.scrub(f"{where} cannot be read: {type(error).__name__}: {text}")

    def _hide_token(self) -> None:
        token = getattr(self._auth, "access_token", None)
        if token:
            self._secrets.hide(str(token))

    def _authentication(self) -> Any:  # noqa: ANN401 - dlt's classes carry no types
        auth = self._feed.auth
        if isinstance(auth, ApiKeyAuth):
            return dlt_auth.APIKeyAuth(name=auth.name, api_key=self._secrets.read(auth.key_env), location=auth.place)
        if isinstance(auth, BearerAuth):
            return dlt_auth.BearerTokenAuth(token=self._secrets.read(auth.token_env))
        if isinstance(auth, OAuth2Auth):
            return dlt_auth.OAuth2ClientCredentials(
                access_token_url=auth.token_url,
                client_id=self._secrets.read(auth.client_id_env),
                client_secret=self._secrets.read(auth.client_secret_env),
                access_token_request_data={
                    "grant_type": "client_credentials",
                    **({"scope": " ".join(auth.scopes)} if auth.scopes else {}),
                },
                session=self._session,
            )
        return None

    def _paginator(self, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - dlt's classes carry no types
        """Return dlt's paginator, set to where ``params`` stand."""
        paging = self._feed.paging
        if isinstance(paging, PagePaging):
            return dlt_paginators.PageNumberPaginator(
                base_page=paging.first,
                page=int(params.get(paging.param, paging.first)),
                page_param=paging.param,
                total_path=paging.total_pages,
            )
        if isinstance(paging, OffsetPaging):
            return _OffsetPaginator(
                limit=paging.limit,
                offset=int(params.get(paging.param, 0)),
                offset_param=paging.param,
                limit_param=paging.limit_param,
                total_path=paging.total,
            )
        if isinstance(paging, CursorPaging):
            return dlt_paginators.JSONResponseCursorPaginator(
                cursor_path=paging.path, cursor_param=paging.param, has_more_path=paging.has_more
            )
        if isinstance(paging, LinkPaging):
            if paging.path is not None:
                return dlt_paginators.JSONLinkPaginator(next_url_path=paging.path)
            return dlt_paginators.HeaderLinkPaginator(links_next_key=paging.rel)
        return dlt_paginators.SinglePagePaginator()


class _InTime(HTTPAdapter):  # type: ignore[misc]
    """Breaks off whatever is being asked when the time is over.

    A server that sends a byte now and then never makes a pause that is too long, in its headers, in its body or in the answer that holds
    the token. Nobody but the operating system ends such a read: the lines are hung up.
    """

    def __init__(self, longest_seconds: float) -> None:
        super().__init__()
        self._ends_at = time.monotonic() + longest_seconds
        self._lines: list[socket.socket] = []

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - requests' signature
        pool = super().get_connection_with_tls_context(*arguments, **options)
        opened = self._opened
        if not getattr(pool.ConnectionCls, "is_noted", False):

            class Noted(pool.ConnectionCls):  # type: ignore[name-defined, misc]
                is_noted = True

                def connect(self) -> None:
                    super().connect()
                    opened(self.sock)

            pool.ConnectionCls = Noted
        return pool

    def send(self, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' signature
        """Ask, and read the answer to its end."""
        timer = threading.Timer(self._left, self._hang_up)
        timer.daemon = True
        timer.start()
        try:
            self._check()
            response = super().send(*arguments, **options)
            _ = response.content
        except requests.RequestException:
            self._check()
            raise
        finally:
            timer.cancel()
        self._check()
        return response

    @property
    def _left(self) -> float:
        return max(0.0, self._ends_at - time.monotonic())

    def _check(self) -> None:
        if not self._left:
            raise _TimeIsOverError

    def _opened(self, line: socket.socket) -> None:
        self._lines.append(line)
        if not self._left:
            self._hang_up()

    def _hang_up(self) -> None:
        for line in self._lines:
            # One that is closed already.
            with suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)


def _refuse_status(response: requests.Response, *_arguments: Any, **_options: Any) -> None:  # noqa: ANN401
    if response.status_code >= _REDIRECTED:
        raise requests.HTTPError(f"status {response.status_code}", response=response)


def _is_cut_off(response: requests.Response | None, _error: BaseException | None) -> bool:
    """Whether an answer that calls itself sound breaks off: worth asking again."""
    if response is None or response.status_code >= _REDIRECTED:
        return False
    try:
        response.json()
    except ValueError:
        return True
    return False


# ----------------------------------------------------------------------------------------------------------------- pages


def _check_list(feed: RestFeed, body: Any) -> None:  # noqa: ANN401 - any JSON
    """Refuse an answer without the list: an API that was changed would look like one without news."""
    if feed.records_may_be_missing or jsonpath.find_values(feed.records, body):
        return
    has = ", ".join(sorted(map(str, body))[:12]) if isinstance(body, dict) else type(body).__name__
    raise ReaderError(f"{feed.path}: an answer has no {feed.records!r}; it has: {has}. Check `records`.")


def _land(reading: Reading, feed: RestFeed, records: list[Any], known: frozenset[str], before: str) -> str:
    """Land one page, unless it was in the last complete reading or has just come; return its digest."""
    absent = dict.fromkeys(feed.optional)
    lines = b"".join(_line({**absent, **record} if isinstance(record, dict) else record) for record in records)
    digest = hashlib.sha256(lines).hexdigest()
    if records and digest not in known and digest != before:
        with reading.arrivals.temporary() as path:
            _write(path, lines)
            reading.arrivals.land(path, lambda sequence: f"{feed.prefix}.{sequence:09d}.jsonl")
        reading.tally.files += 1
        reading.tally.rows += len(records)
    return digest


def _write(path: Path, lines: bytes) -> None:
    path.write_bytes(lines)


def _line(record: Any) -> bytes:  # noqa: ANN401 - any JSON
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        # Half of a pair of surrogates: it has no bytes of its own, only an escape.
        return json.dumps(record).encode() + b"\n"


def _total(feed: RestFeed, body: Any, before: int | None) -> int | None:  # noqa: ANN401 - any JSON
    if not isinstance(feed.paging, OffsetPaging) or feed.paging.total is None:
        return before
    found = jsonpath.find_values(feed.paging.total, body)
    return int(found[0]) if found else before


# ----------------------------------------------------------------------------------------------------------- incremental


def _new_run(feed: RestFeed, watermark: str | None) -> _Run:
    started_at = datetime.now(tz=UTC).isoformat()
    return _Run(since=_since(feed.incremental, watermark), started_at=started_at)


def _since(incremental: Incremental | None, watermark: str | None) -> str | None:
    """Return what the parameter asks for, written as the server writes it."""
    if incremental is None:
        return None
    if watermark is None:
        return incremental.start
    if incremental.format == "id":
        return str(int(watermark) - incremental.overlap_ids)
    moment = datetime.fromisoformat(watermark) - timedelta(minutes=incremental.overlap_minutes)
    if incremental.format == "iso":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    milliseconds = int(moment.timestamp() * 1000)
    return str(milliseconds if incremental.format == "epoch_ms" else milliseconds // 1000)


def _highest(incremental: Incremental | None, records: list[Any], before: str | None) -> str | None:
    if incremental is None:
        return None
    highest = before
    for record in records:
        found = jsonpath.find_values(incremental.field, record) if isinstance(record, dict) else []
        if found and found[0] is not None:
            value = _comparable(incremental, found[0])
            highest = value if highest is None else _larger(incremental, highest, value)
    return highest


def _comparable(incremental: Incremental, value: Any) -> str:  # noqa: ANN401 - any JSON
    try:
        if incremental.format == "id":
            return str(int(value))
        if incremental.format == "iso":
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        seconds = float(value) / (1000 if incremental.format == "epoch_ms" else 1)
        return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise ReaderError(
            f"incremental.field: {incremental.field} holds {str(value)[:40]!r}, which is no {incremental.format}."
        ) from error


def _larger(incremental: Incremental, left: str, right: str) -> str:
    if incremental.format == "id":
        return str(max(int(left), int(right)))
    return max(left, right, key=datetime.fromisoformat)


def _watermark(incremental: Incremental | None, before: str | None, run: _Run) -> str | None:
    """Return where the next reading starts: never after this one began, since one wrong date must not end the reading."""
    if incremental is None or run.highest is None:
        return before
    highest = run.highest if before is None else _larger(incremental, before, run.highest)
    if incremental.format == "id":
        return highest
    return min(highest, run.started_at, key=datetime.fromisoformat)

"""The `rest` reader against a server on loopback that does everything a server should not."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from orchestration.ingest.collect import Collected, collect_table
from orchestration.ingest.feeds import RestFeed
from orchestration.ingest.landing import landed_by

TABLE = "forms.submissions"


@dataclass
class Answer:
    """What the server says to one request."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    # Says it sends more than it does.
    is_cut: bool = False
    # Sends so many bytes at a time, with a pause after each.
    piece: int | None = None
    # Sends its headers like that.
    has_endless_headers: bool = False


@dataclass
class Server:
    """A server whose answers a test writes; it remembers what it was asked."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str, dict[str, str], dict[str, str]], Answer] = lambda *_: Answer([])

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    def params(self, name: str) -> list[str | None]:
        return [params.get(name) for _, params, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    """Says what the state has it say."""

    protocol_version = "HTTP/1.1"
    state: Server

    def do_GET(self) -> None:
        self._reply({})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._reply(dict(parse_qsl(self.rfile.read(length).decode())))

    def _reply(self, form: dict[str, str]) -> None:
        split = urlsplit(self.path)
        params = {**dict(parse_qsl(split.query)), **form}
        headers = dict(self.headers)
        self.state.asked.append((split.path, params, headers))
        said = self.state.answer(split.path, params, headers)
        body = said.raw if said.raw is not None else json.dumps(said.body).encode()
        if said.has_endless_headers:
            self._drip(b"HTTP/1.1 200 OK\r\nX-Drip: " + b"." * 30_000, 1)
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (100 if said.is_cut else 0)))
        self.end_headers()
        if said.piece:
            self._drip(body, said.piece)
        else:
            self.wfile.write(body)
        if said.is_cut:
            self.close_connection = True

    def _drip(self, text: bytes, size: int) -> None:
        for start in range(0, len(text), size):
            self.wfile.write(text[start : start + size])
            time.sleep(0.02)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class OfThisTest(Handler):
        pass

    OfThisTest.state = state

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_arguments: object) -> None:
            """A client that hangs up is no news here."""

    httpd = Quiet(("127.0.0.1", 0), OfThisTest)
    state.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield state
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def feed(server: Server) -> Callable[..., RestFeed]:
    def make(**values: object) -> RestFeed:
        defaults = {
            "system": "api",
            "reader": "rest",
            "url": server.url,
            "path": "/items",
            "records": "items",
            "paging": {"type": "page"},
            "retries": {"attempts": 3, "backoff_seconds": 0.01, "max_seconds": 0.05},
            "timeout_seconds": 5,
        }
        return RestFeed.model_validate({**defaults, **values})

    return make


@pytest.fixture
def read(bench) -> Callable[[RestFeed], Collected]:
    """Read without loading."""

    def run(feed: RestFeed) -> Collected:
        (collected,) = collect_table(bench.settings, bench.table(TABLE), (feed,))
        return collected

    return run


@pytest.fixture
def landed(bench) -> Callable[[RestFeed], list[str]]:
    """The ids that have landed, file after file."""

    def ids(feed: RestFeed) -> list[str]:
        files = landed_by(bench.settings.landing_dir, bench.table(TABLE), feed)
        return [json.loads(line)["submission_id"] for file in files for line in file.read_text().splitlines()]

    return ids


def items(*numbers: int, at: str = "2026-02-28T10:00:00Z") -> list[dict]:
    return [{"submission_id": f"s{n}", "submitted_at": at, "form_type": "trial"} for n in numbers]


def paged(count: int, size: int = 10) -> Callable[..., Answer]:
    """Answers of pages by number."""

    def answer(_path: str, params: dict[str, str], _headers: dict[str, str]) -> Answer:
        first = (int(params.get("page", 1)) - 1) * size
        return Answer({"items": items(*range(first, min(first + size, count)))})

    return answer


def numbers(*ranges: range) -> list[str]:
    return [f"s{n}" for one in ranges for n in one]


# ----------------------------------------------------------------------------------------------------------------- paging


def test_pages_land_as_they_come_and_are_loaded(night, server, feed):
    server.answer = paged(25)
    collected, result = night(feed(), TABLE)
    assert (collected.files, collected.rows, collected.message) == (3, 25, "")
    assert result.rows_loaded == 25
    assert server.params("page") == ["1", "2", "3", "4"]
    # the same again says nothing new, and nothing lands
    assert night(feed(), TABLE)[0].files == 0


def test_offsets_follow_what_really_came(read, server, feed, landed):
    """The server gives half of what it is asked for; a reader that trusts its own limit would skip every other row."""

    def answer(_path, params, _headers):
        start = int(params["offset"])
        return Answer({"items": items(*range(start, min(start + 5, 23))), "total": 23})

    server.answer = answer
    assert read(feed(paging={"type": "offset", "limit": 10, "total": "total"})).message == ""
    assert landed(feed()) == numbers(range(23))
    assert server.params("limit") == ["10"] * 5


def test_an_api_that_gives_less_than_its_total_is_not_taken_as_complete(read, server, feed):
    def answer(_path, params, _headers):
        start = int(params["offset"])
        return Answer({"items": items(*range(start, start + 10)) if start < 20 else [], "total": 50})

    server.answer = answer
    collected = read(feed(paging={"type": "offset", "limit": 10, "total": "total"}))
    assert "the server says 50 records and gave 20" in collected.message


def test_cursors_and_links_and_a_single_page(read, server, feed, landed):
    def cursor(_path, params, _headers):
        place = int(params.get("after", 0))
        return Answer({"items": items(place), "paging": {"next": {"after": str(place + 1)}} if place < 3 else {}})

    server.answer = cursor
    assert read(feed(path="/c", paging={"type": "cursor", "path": "paging.next.after", "param": "after"})).rows == 4

    def in_body(_path, params, _headers):
        place = int(params.get("p", 0))
        return Answer({"items": items(10 + place), "next": f"/l?p={place + 1}" if place < 2 else None})

    server.answer = in_body
    assert read(feed(path="/l", paging={"type": "link", "path": "next"})).rows == 3

    def in_header(_path, params, _headers):
        place = int(params.get("p", 0))
        link = {"Link": f'<{server.url}/h?p={place + 1}>; rel="next"'} if place < 2 else {}
        return Answer({"items": items(20 + place)}, headers=link)

    server.answer = in_header
    assert read(feed(path="/h", paging={"type": "link"})).rows == 3
    server.answer = lambda *_: Answer(items(30, 31))
    assert read(feed(path="/s", paging={"type": "none"}, records="$")).rows == 2
    assert landed(feed(path="/l")) == numbers(range(10, 13))
    assert landed(feed(path="/h")) == numbers(range(20, 23))


def test_a_word_that_says_more_ends_the_reading(read, server, feed):
    """Marketo gives a token with every page, and leaves the list out when it is empty."""

    def answer(_path, params, _headers):
        place = int(params.get("nextPageToken", 0))
        body = {"nextPageToken": str(place + 1), "moreResult": place < 3}
        return Answer(body if place == 1 else {**body, "items": items(place)})

    server.answer = answer
    paging = {"type": "cursor", "path": "nextPageToken", "param": "nextPageToken", "has_more": "moreResult"}
    collected = read(feed(paging=paging, records_may_be_missing=True))
    assert (collected.rows, collected.message) == (3, "")


@pytest.mark.parametrize(("small", "large"), [(10, 20), (10, 25), (7, 20), (20, 10)])
def test_a_page_size_that_changes_in_the_middle_loses_nothing(read, server, feed, landed, small, large):
    def answer(_path, params, _headers):
        size = small if len(server.asked) <= 3 else large
        first = (int(params["page"]) - 1) * size
        return Answer({"items": items(*range(first, min(first + size, 100)))})

    server.answer = answer
    assert read(feed()).message == ""
    assert set(landed(feed())) == set(numbers(range(100)))


def test_a_page_that_comes_twice_is_loaded_once(bench, night, server, feed):
    def answer(_path, params, _headers):
        place = int(params.get("after", 0))
        shown = 1 if place == 2 else place
        return Answer({"items": items(shown * 2, shown * 2 + 1), "after": str(place + 1) if place < 4 else None})

    server.answer = answer
    collected, result = night(feed(paging={"type": "cursor", "path": "after", "param": "after"}), TABLE)
    assert (collected.files, result.rows_loaded) == (4, 8)
    assert bench.rows("select count(*), count(distinct submission_id) from raw.forms__submissions") == [(8, 8)]


def test_paging_in_a_circle_is_found_out(read, server, feed):
    server.answer = lambda *_: Answer({"items": items(1), "after": "same"})
    collected = read(feed(paging={"type": "cursor", "path": "after", "param": "after"}))
    assert "the paging goes in a circle after page 2" in collected.message


# ------------------------------------------------------------------------------------------------------------ bad answers


def test_429_500_and_broken_answers_are_asked_again(read, server, feed, landed, monkeypatch):
    import tenacity.nap

    waited = []
    monkeypatch.setattr(tenacity.nap.time, "sleep", waited.append)
    bad = [
        Answer({"error": "slow down"}, 429, {"Retry-After": "7"}),
        Answer({"error": "oops"}, 500),
        Answer(raw=b'{"items": [{"submission_id": "s1", "subm'),
        Answer(raw=b'{"items": [{"submission_id"', is_cut=True),
    ]
    good = paged(25)

    def answer(path, params, headers):
        page = int(params["page"])
        if len(bad) >= page and bad[page - 1] is not None:
            said, bad[page - 1] = bad[page - 1], None
            return said
        return good(path, params, headers)

    server.answer = answer
    collected = read(feed(retries={"attempts": 3, "backoff_seconds": 0.5, "max_seconds": 60}))
    assert collected.message == ""
    assert landed(feed()) == numbers(range(25))
    assert server.params("page") == ["1", "1", "2", "2", "3", "3", "4", "4"]
    assert waited == [7, 0.5, 0.5, 0.5]


def test_a_server_that_hangs_is_left_after_the_timeout(read, server, feed):
    release = threading.Event()

    def answer(*_):
        release.wait(5)
        return Answer({"items": []})

    server.answer = answer
    try:
        collected = read(feed(timeout_seconds=0.1, retries={"attempts": 2, "backoff_seconds": 0.01}))
    finally:
        release.set()
    assert "did not answer within 0.1 s, 2 times in a row" in collected.message


@pytest.mark.parametrize("what", ["body", "chunks", "headers"])
def test_a_server_that_drips_is_left_when_the_time_is_over_and_what_came_before_stays(read, server, feed, landed, what):
    drip = json.dumps({"items": items(*range(10, 20)), "filler": "x" * 20_000}).encode()
    dripped = {
        "body": Answer(raw=drip, piece=1),
        "chunks": Answer(raw=b"4e20\r\n" + drip, piece=1, headers={"Transfer-Encoding": "chunked"}),
        "headers": Answer(has_endless_headers=True),
    }
    is_dripping = True

    def answer(_path, params, _headers):
        page = int(params.get("page", 1))
        if page == 1:
            return Answer({"items": items(*range(10))})
        if is_dripping and page == 2:
            return dripped[what]
        return Answer({"items": items(*range(10, 15)) if page == 2 else []})

    server.answer = answer
    started = time.monotonic()
    collected = read(feed(timeout_seconds=5, longest_seconds=0.6))
    assert time.monotonic() - started < 3, "one byte every 0.02 s would take minutes, and each comes in time"
    told = f"{server.url}/items was not read to the end within 0.6 s (longest_seconds); broken off at page 2. Ask whoever runs the server"
    assert told in collected.message
    assert "1 files of this run have landed and stay; the next run goes on from there" in collected.message
    assert landed(feed()) == numbers(range(10))
    is_dripping = False
    assert read(feed(longest_seconds=30)).message == ""
    assert landed(feed()) == numbers(range(15))


def test_a_token_that_drips_is_left_too(read, server, feed, oauth):
    token = json.dumps({"access_token": "tok-abc-123", "expires_in": 1, "filler": "x" * 20_000}).encode()
    server.answer = lambda *_: Answer(raw=token, piece=1)
    started = time.monotonic()
    collected = read(feed(timeout_seconds=5, longest_seconds=0.4, auth=oauth(server)))
    assert time.monotonic() - started < 3
    assert "was not read to the end within 0.4 s (longest_seconds); broken off at page 1" in collected.message
    assert server.paths() == ["/token"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Answer({"message": "no"}, 403), 'answers 403 {"message": "no"}. The account may not read this list'),
        (Answer({"message": "no"}, 404), "answers 404"),
        (Answer({"x": 1}, 503), "answers 503"),
        (Answer({"x": 1}, 429), "Too many requests: lower requests_per_minute"),
        (
            Answer(None, 302, {"Location": "https://elsewhere.example/items"}),
            "sends to https://elsewhere.example/items; write the final address",
        ),
        (Answer(raw=b"<html>maintenance</html>"), "answers something that is not JSON, 3 times in a row"),
        (Answer({"results": [], "page": 1}), "an answer has no 'items'; it has: page, results. Check `records`"),
    ],
)
def test_an_answer_that_is_not_the_list_is_told_and_nothing_lands(read, server, feed, landed, said, told):
    server.answer = lambda *_: said
    collected = read(feed())
    assert told in collected.message
    assert "0 files of this run have landed" in collected.message
    assert landed(feed()) == []


def test_a_server_that_is_not_there_is_told(read, feed):
    collected = read(feed(url="http://127.0.0.1:9"))
    assert "http://127.0.0.1:9/items cannot be read: ConnectionError" in collected.message


def test_records_that_are_no_objects_go_to_quarantine(bench, night, server, feed):
    server.answer = lambda *_: Answer({"items": [*items(*range(30)), "a text", 7]})
    _, result = night(feed(paging={"type": "none"}), TABLE)
    assert (result.rows_loaded, result.rows_quarantined) == (30, 2)
    assert {reasons[0] for _, reasons in bench.quarantine()} == {"line is not a JSON object"}


def test_a_field_that_is_left_out_when_empty_may_be_mapped(night, server, feed):
    server.answer = lambda *_: Answer({"items": items(1, 2)})
    columns = {"submission_id": "submission_id", "submitted_at": "submitted_at", "email": "mail"}
    single = {"paging": {"type": "none"}, "columns": columns}
    assert "no column 'mail'" in night(feed(**single), TABLE)[1].message
    assert night(feed(**single, name="lenient", optional=["mail"]), TABLE)[1].rows_loaded == 2


# ----------------------------------------------------------------------------------------------------------------- resume


def test_a_broken_run_goes_on_where_it_stopped(read, server, feed, landed):
    good = paged(45)
    server.answer = lambda path, params, headers: (
        Answer({}, 500) if params["page"] == "4" else good(path, params, headers)
    )
    collected = read(feed())
    assert "3 files of this run have landed and stay" in collected.message
    server.answer = good
    server.asked.clear()
    assert read(feed()).message == ""
    assert server.params("page") == ["4", "5", "6"]
    assert landed(feed()) == numbers(range(45))


def test_a_place_that_the_server_forgot_starts_anew(read, server, feed, landed):
    state = {"broken": True}

    def answer(_path, params, _headers):
        place = params.get("after")
        if place == "old" and not state["broken"]:
            return Answer({"message": "cursor expired"}, 410)
        if state["broken"] and place == "old":
            return Answer({}, 500)
        following = "old" if state["broken"] else {None: "new"}.get(place)
        return Answer({"items": items(1 if place is None else 2), "after": following})

    server.answer = answer
    cursor = feed(paging={"type": "cursor", "path": "after", "param": "after"})
    assert read(cursor).is_failed
    state["broken"] = False
    assert read(cursor).message == ""
    assert set(landed(feed())) == {"s1", "s2"}


def test_a_killed_run_goes_on_after_the_last_noted_page(bench, read, server, feed, landed, monkeypatch):
    from orchestration.ingest.collect.progress import Progress

    server.answer = paged(25)
    notes = []
    write = Progress.write

    class KilledError(BaseException):
        pass

    def die_at_the_second(self, place):
        notes.append(place)
        if len(notes) == 2:
            raise KilledError
        write(self, place)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "write", die_at_the_second)
        with pytest.raises(KilledError):
            read(feed())
    server.asked.clear()
    assert read(feed()).message == ""
    assert server.params("page") == ["2", "3", "4"]
    assert set(landed(feed())) == set(numbers(range(25)))
    assert bench.load(feed(), table=TABLE).rows_loaded == 25


# ------------------------------------------------------------------------------------------------------------ incremental


@pytest.mark.parametrize(
    ("form", "first", "second", "expected"),
    [
        ("iso", "2026-02-01T10:00:00+08:00", "2026-02-02T10:00:00Z", "2026-02-01T01:45:00Z"),
        ("epoch_ms", 1_769_911_200_000, 1_769_997_600_000, "1769910300000"),
        ("epoch_s", 1_769_911_200, "1769997600", "1769910300"),
        ("id", 41, "42", "41"),
    ],
)
def test_the_next_reading_asks_from_the_largest_value_on(read, server, feed, form, first, second, expected):
    values = [first, None]
    server.answer = lambda *_: Answer({"items": [{"id": 1, "at": value} for value in values]})
    incremental = feed(paging={"type": "none"}, incremental={"param": "since", "field": "at", "format": form})
    read(incremental)
    values = [second]
    read(incremental)
    read(incremental)
    assert server.params("since")[:2] == [None, expected]
    assert server.params("since")[2] != expected


def test_a_date_in_the_future_does_not_end_the_reading(read, server, feed):
    server.answer = lambda *_: Answer({"items": [{"id": 1, "at": "2999-01-01T00:00:00Z"}]})
    incremental = feed(paging={"type": "none"}, incremental={"param": "since", "field": "at"})
    read(incremental)
    read(incremental)
    assert server.params("since")[1] < "2999"


def test_a_broken_run_keeps_asking_for_the_same_since(read, server, feed):
    server.answer = lambda *_: Answer({"items": [{"id": 1, "at": "2026-02-01T10:00:00Z"}]})
    by_page = feed(incremental={"param": "since", "field": "at"}, paging={"type": "page", "total_pages": "pages"})
    server.answer = lambda *_: Answer({"items": [{"id": 1, "at": "2026-02-01T10:00:00Z"}], "pages": 1})
    read(by_page)

    def breaking(_path, params, _headers):
        later = [{"id": int(params["page"]) + 10, "at": "2026-02-05T10:00:00Z"}]
        return Answer({}, 500) if params["page"] == "2" else Answer({"items": later, "pages": 3})

    server.asked.clear()
    server.answer = breaking
    assert read(by_page).is_failed
    server.answer = lambda _path, params, _headers: Answer({"items": [{"id": int(params["page"]) + 10}], "pages": 3})
    read(by_page)
    assert set(server.params("since")) == {"2026-02-01T09:45:00Z"}
    assert server.params("page")[-2:] == ["2", "3"]


def test_a_field_that_is_no_time_is_told(read, server, feed):
    server.answer = lambda *_: Answer({"items": [{"id": 1, "at": "yesterday"}]})
    collected = read(feed(paging={"type": "none"}, incremental={"param": "since", "field": "at"}))
    assert "incremental.field: at holds 'yesterday', which is no iso" in collected.message


# ------------------------------------------------------------------------------------------------------------ who may ask


def test_keys_go_where_the_feed_says_and_nowhere_else(bench, read, server, feed, monkeypatch, caplog):
    secret = "key-with/odd+letters="  # noqa: S105 - of a server that lives as long as the test
    monkeypatch.setenv("LEADRELAY_TEST_API_KEY", secret)
    server.answer = lambda *_: Answer({"items": items(1)})
    once = {"paging": {"type": "none"}}
    read(feed(**once, path="/a", auth={"type": "api_key", "key_env": "LEADRELAY_TEST_API_KEY", "name": "X-Key"}))
    read(
        feed(
            **once,
            path="/b",
            auth={"type": "api_key", "key_env": "LEADRELAY_TEST_API_KEY", "name": "k", "place": "query"},
        )
    )
    read(feed(**once, path="/c", auth={"type": "bearer", "token_env": "LEADRELAY_TEST_API_KEY"}))
    assert [headers.get("X-Key") for _, _, headers in server.asked] == [secret, None, None]
    assert server.params("k") == [None, secret, None]
    assert [headers.get("Authorization") for _, _, headers in server.asked] == [None, None, f"Bearer {secret}"]
    # a server that repeats the key in its error, and in an address
    server.answer = lambda _path, _params, headers: Answer({"you sent": headers.get("Authorization")}, 401)
    collected = read(feed(path="/c", auth={"type": "bearer", "token_env": "LEADRELAY_TEST_API_KEY"}))
    assert "Bearer ***" in collected.message
    assert "check the variables named in `auth`" in collected.message
    kept = "".join(path.read_text() for path in bench.settings.readers_dir.iterdir())
    for text in (collected.message, caplog.text, kept):
        assert secret not in text


def test_the_next_page_of_another_host_is_not_asked(read, server, feed, monkeypatch):
    monkeypatch.setenv("LEADRELAY_TEST_API_KEY", "the-key")
    server.answer = lambda *_: Answer({"items": items(1), "next": "http://127.0.0.2:1/steal"})
    collected = read(
        feed(paging={"type": "link", "path": "next"}, auth={"type": "api_key", "key_env": "LEADRELAY_TEST_API_KEY"})
    )
    assert "the next page is said to be at http://127.0.0.2:1; only 127.0.0.1" in collected.message


@pytest.fixture
def oauth(monkeypatch):
    monkeypatch.setenv("LEADRELAY_TEST_ID", "client-7")
    monkeypatch.setenv("LEADRELAY_TEST_SECRET", "client-secret-7")

    def make(server: Server) -> dict:
        return {
            "type": "oauth2",
            "token_url": f"{server.url}/token",
            "client_id_env": "LEADRELAY_TEST_ID",
            "client_secret_env": "LEADRELAY_TEST_SECRET",
            "scopes": ["leads.read"],
        }

    return make


def test_a_token_that_ends_in_the_middle_is_renewed(read, server, feed, landed, oauth):
    good = paged(45)
    tokens: list[str] = []

    def answer(path, params, headers):
        if path == "/token":
            assert (params["grant_type"], params["client_id"], params["scope"]) == (
                "client_credentials", "client-7", "leads.read",
            )  # fmt: skip
            tokens.append(f"token-{len(tokens)}")
            return Answer({"access_token": tokens[-1], "expires_in": 3600})
        if headers.get("Authorization") != f"Bearer {tokens[-1]}" or (params["page"] == "3" and len(tokens) == 1):
            return Answer({"message": "token expired"}, 401)
        return good(path, params, headers)

    server.answer = answer
    assert read(feed(auth=oauth(server))).message == ""
    assert landed(feed()) == numbers(range(45))
    assert len(tokens) == 2


def test_a_token_that_is_never_accepted_ends_the_reading(read, server, feed, oauth):
    server.answer = lambda path, *_: (
        Answer({"access_token": "tok-abc-123", "expires_in": 1})
        if path == "/token"
        else Answer({"t": "tok-abc-123"}, 401)
    )
    collected = read(feed(auth=oauth(server)))
    assert "answers 401" in collected.message
    assert "tok-abc-123" not in collected.message
    assert server.paths().count("/items") == 2


def test_a_token_address_that_refuses_or_sends_elsewhere_is_told(read, server, feed, oauth):
    server.answer = lambda *_: Answer({"error": "invalid_client", "got": "client-secret-7"}, 400)
    collected = read(feed(auth=oauth(server)))
    assert "400" in collected.message
    assert "client-secret-7" not in collected.message
    server.answer = lambda *_: Answer(None, 307, {"Location": "http://127.0.0.2:1/steal"})
    collected = read(feed(auth=oauth(server)))
    assert collected.is_failed
    assert set(server.paths()) == {"/token"}


def test_the_pace_is_kept(read, server, feed, monkeypatch):
    from orchestration.ingest.collect import rest

    waited = []
    monkeypatch.setattr(rest.time, "sleep", waited.append)
    server.answer = paged(25)
    read(feed(requests_per_minute=60))
    assert len(waited) == 3
    assert all(0.5 < pause <= 1 for pause in waited)

"""The `files` reader of an object store against a real S3-compatible server on loopback."""

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from orchestration.ingest.feeds import Feed
from orchestration.ingest.landing import landed_by

KEY, SECRET = "AKIALEADRELAYTEST", "a-secret/that+is=odd"
BUCKET = "exports"


@pytest.fixture(scope="module")
def store() -> Iterator[object]:
    """An S3-compatible server, and a client of it; every variable that could lead elsewhere is taken away."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "AWS_PROFILE",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_ENDPOINT_URL",
        ):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("LEADRELAY_TEST_ENDPOINT", f"http://127.0.0.1:{port}")
        patch.setenv("LEADRELAY_TEST_KEY", KEY)
        patch.setenv("LEADRELAY_TEST_SECRET", SECRET)
        yield boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
    server.stop()


@pytest.fixture
def bucket(store):
    store.create_bucket(Bucket=BUCKET)
    yield lambda key, text: store.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    for entry in store.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        store.delete_object(Bucket=BUCKET, Key=entry["Key"])
    store.delete_bucket(Bucket=BUCKET)


def feed(**values: object) -> Feed:
    defaults = {
        "system": "site",
        "location": f"s3://{BUCKET}/forms",
        "files": "*.csv",
        "storage": {
            "endpoint_env": "LEADRELAY_TEST_ENDPOINT",
            "key_env": "LEADRELAY_TEST_KEY",
            "secret_env": "LEADRELAY_TEST_SECRET",
            "region": "us-east-1",
        },
        "retries": {"attempts": 2, "backoff_seconds": 0.01, "max_seconds": 0.02},
    }
    return Feed.model_validate({**defaults, **values})


def rows(*numbers: int, email: str = "a@x.com") -> str:
    return "submission_id,submitted_at,email\n" + "".join(f"s{n},2026-02-28T10:00:00Z,{email}\n" for n in numbers)


TABLE = "forms.submissions"


def test_new_objects_land_once_and_replaced_ones_again(bench, night, bucket):
    bucket("forms/a.csv", rows(1, 2))
    bucket("forms/b.csv", rows(3))
    bucket("forms/notes.txt", "not ours")
    bucket("forms/older/c.csv", rows(4))
    bucket("elsewhere/d.csv", rows(5))
    collected, result = night(feed(), TABLE)
    assert (collected.files, collected.message, result.rows_loaded) == (2, "", 3)
    assert night(feed(), TABLE)[0].files == 0
    bucket("forms/c.csv", rows(6))
    bucket("forms/a.csv", rows(1, 2, email="new@x.com"))
    collected, result = night(feed(), TABLE)
    assert (collected.files, result.rows_loaded) == (2, 3)
    # set back to what it was: the same bytes as the first file, and yet news
    bucket("forms/a.csv", rows(1, 2))
    assert night(feed(), TABLE)[1].rows_loaded == 2
    names = [path.name for path in landed_by(bench.settings.landing_dir, bench.table(TABLE), feed())]
    assert [name.split("-")[-1] for name in names] == ["a.csv", "b.csv", "a.csv", "c.csv", "a.csv"]
    assert len(set(names)) == 5
    latest = bench.rows("select email from raw.forms__submissions where submission_id = 's1' order by _load_sequence")
    assert latest == [("a@x.com",), ("new@x.com",), ("a@x.com",)]


def test_an_object_that_is_put_again_unchanged_does_not_land(night, bucket, store):
    bucket("forms/a.csv", rows(1))
    night(feed(), TABLE)
    before = store.head_object(Bucket=BUCKET, Key="forms/a.csv")["ETag"]
    bucket("forms/a.csv", rows(1))
    assert store.head_object(Bucket=BUCKET, Key="forms/a.csv")["ETag"] == before
    assert night(feed(), TABLE)[1].rows_loaded == 0


def test_names_that_no_file_may_have_are_refused_and_the_others_land(bench, night, bucket):
    bucket("forms/good.csv", rows(1))
    for name in ("..\\..\\x.csv", "a\x00b.csv", "x" * 250 + ".csv"):
        bucket(f"forms/{name}", rows(2))
    collected, result = night(feed(), TABLE)
    assert "3 objects have names that no file may have and are not read" in collected.message
    assert result.rows_loaded == 1
    assert outside(bench) == []


def test_a_key_full_of_dots_never_leaves_landing(bench, night, bucket):
    """Keys are no paths: `..` in one is a name like any other to the store, and only the last part counts here."""
    bucket("forms/../../../escaped.csv", rows(1))
    bucket("forms/..", rows(2))
    bucket("forms/.hidden.csv", rows(3))
    bucket("forms/half.csv.part", rows(4))
    collected, _ = night(feed(files="*"), TABLE)
    assert collected.files == 0
    assert outside(bench) == []


def outside(bench) -> list[str]:
    """What lies anywhere around landing that a reader may have written by mistake."""
    home = bench.settings.home
    known = {"landing", "readers", "warehouse.duckdb", "warehouse.duckdb.wal"}
    return [path.name for path in home.iterdir() if path.name not in known] + [
        path.name for path in home.parent.iterdir() if path != home
    ]


def test_missing_and_wrong_keys_are_told_without_them(night, bucket, store, monkeypatch, caplog):
    bucket("forms/a.csv", rows(1))
    monkeypatch.delenv("LEADRELAY_TEST_SECRET")
    collected, _ = night(feed(), TABLE)
    assert "environment variable LEADRELAY_TEST_SECRET is not set" in collected.message
    none = feed(storage={"endpoint_env": "LEADRELAY_TEST_ENDPOINT"})
    collected, _ = night(none, TABLE)
    assert "no keys. Name their variables in `storage`" in collected.message
    open_to_all = feed(storage={"endpoint_env": "LEADRELAY_TEST_ENDPOINT", "anonymous": True})
    assert "the store refuses these keys" in night(open_to_all, TABLE)[0].message
    store.put_object_acl(Bucket=BUCKET, Key="forms/a.csv", ACL="public-read")
    assert night(open_to_all, TABLE)[0].files == 1
    for text in (collected.message, caplog.text):
        assert SECRET not in text
        assert KEY not in text


def test_keys_that_the_store_refuses_are_told(night, bucket, monkeypatch):
    import s3fs

    bucket("forms/a.csv", rows(1))

    async def refuse(*_arguments, **_options):
        raise PermissionError(f"Access Denied for {KEY} with {SECRET}")

    monkeypatch.setattr(s3fs.S3FileSystem, "_ls", refuse)
    collected, _ = night(feed(), TABLE)
    assert "the store refuses these keys: Access Denied for *** with ***" in collected.message


@pytest.mark.usefixtures("store")
def test_a_bucket_that_is_not_there_and_a_store_that_is_not_there(night, monkeypatch):
    collected, result = night(feed(location="s3://nowhere/forms"), TABLE)
    assert "s3://nowhere/forms: no such bucket or prefix" in collected.message
    assert result.files == ()
    monkeypatch.setenv("LEADRELAY_TEST_ENDPOINT", "http://127.0.0.1:9")
    collected, _ = night(feed(), TABLE)
    assert "cannot be read, 2 times in a row: Could not connect to the endpoint URL" in collected.message
    assert "0 files of this run have landed" in collected.message


def test_an_object_replaced_while_it_is_read_waits_for_the_next_run(night, bucket, monkeypatch):
    from orchestration.ingest.collect import objects

    bucket("forms/a.csv", rows(1))
    get = objects._Store.get

    def get_and_replace(self, key, path):
        get(self, key, path)
        bucket("forms/a.csv", rows(1, 2))

    with monkeypatch.context() as patch:
        patch.setattr(objects._Store, "get", get_and_replace)
        collected, result = night(feed(), TABLE)
    assert "was replaced while it was read; the next run takes it" in collected.message
    assert result.files == ()
    assert night(feed(), TABLE)[1].rows_loaded == 2


@contextmanager
def dripping(port: int, is_dripped: Callable[[bytes], bool]) -> Iterator[int]:
    """Stand before the store and pass everything on; the answers to some requests a byte at a time."""

    class Line(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.is_dripped = False
            with socket.create_connection(("127.0.0.1", port)) as store, suppress(OSError):
                threading.Thread(target=self.answer, args=(store,), daemon=True).start()
                while asked := self.request.recv(65_536):
                    self.is_dripped = is_dripped(asked)
                    store.sendall(asked)

        def answer(self, store: socket.socket) -> None:
            with suppress(OSError):
                while said := store.recv(65_536):
                    size = 1 if self.is_dripped else len(said)
                    for start in range(0, len(said), size):
                        self.request.sendall(said[start : start + size])
                        time.sleep(0.02 * self.is_dripped)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Line) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize(
    ("request_line", "at", "landed"),
    [
        (f"GET /{BUCKET}/forms/b.csv", f"{BUCKET}/forms/b.csv", 1),
        (f"GET /{BUCKET}?list-type", "the list of objects", 0),
    ],
)
def test_a_store_that_drips_is_left_when_the_time_is_over_and_what_came_before_stays(
    night, bucket, store, monkeypatch, request_line, at, landed
):
    for name in ("a", "b", "c"):
        bucket(f"forms/{name}.csv", rows(ord(name)))
    port = int(store.meta.endpoint_url.rsplit(":", 1)[1])
    with dripping(port, lambda asked: asked.startswith(request_line.encode())) as slow:
        monkeypatch.setenv("LEADRELAY_TEST_ENDPOINT", f"http://127.0.0.1:{slow}")
        started = time.monotonic()
        collected, result = night(feed(longest_seconds=2), TABLE)
        assert time.monotonic() - started < 5, "one byte every 0.02 s would take longer, and each comes in time"
    assert (
        f"s3://{BUCKET}/forms was not read to the end within 2 s (longest_seconds); broken off at {at}. "
        in collected.message
    )
    assert "Ask whoever runs the store why it is slow, or raise longest_seconds" in collected.message
    assert f"{landed} files of this run have landed and stay; the next run goes on from there" in collected.message
    assert result.rows_loaded == landed
    monkeypatch.setenv("LEADRELAY_TEST_ENDPOINT", f"http://127.0.0.1:{port}")
    collected, result = night(feed(longest_seconds=60), TABLE)
    assert (collected.message, result.rows_loaded) == ("", 3 - landed)


def test_another_store_says_which_package_it_needs(night):
    collected, _ = night(feed(location="gs://bucket/forms", storage=None), TABLE)
    assert "gs:// needs the package gcsfs: pip install gcsfs" in collected.message
    collected, _ = night(feed(location="http://bucket/forms", storage=None), TABLE)
    assert "http is no object store that leadrelay reads" in collected.message

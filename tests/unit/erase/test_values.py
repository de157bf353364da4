"""A value is found where it stands whole, in every encoding and packing, and never as a part of somebody else's."""

import gzip
import sqlite3

import duckdb
import pytest

from orchestration.erase.search import search_files
from orchestration.erase.values import Sought, Value

ANN = Sought({Value("email", "ann@x.com"), Value("phone", "+4930123456789"), Value("name", "王小明")})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_text_is_found_in_every_encoding_and_only_whole(tmp_path, encoding):
    (tmp_path / "others").write_bytes("joann@x.com; ann@x.com2; +49301234567890".encode(encoding))
    assert search_files([tmp_path], ANN).found == ()
    (tmp_path / "a").write_bytes("from ANN@x.com, to".encode(encoding))
    (tmp_path / "b").write_bytes("姓名 王小明".encode(encoding))
    assert [found.path.name for found in search_files([tmp_path], ANN).found] == ["a", "b"]


def test_packed_and_columnar_files_are_opened(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"ann@x.com"))
    (tmp_path / "b.json").write_text('{"name": "\\u738b\\u5c0f\\u660e"}', encoding="ascii")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        connection.execute("create table t as select 'ann@x.com' as v, [1] as w from range(5000)")
        connection.execute(f"copy t to '{tmp_path / 'd.parquet'}'")
    with sqlite3.connect(tmp_path / "e.db") as connection:
        connection.execute("create table t (v text)")
        connection.execute("insert into t values ('to ann@x.com')")
    connection.close()
    searched = search_files([tmp_path], ANN)
    assert {found.path.name for found in searched.found} == {"a.gz", "b.json", "c.duckdb", "d.parquet", "e.db"}
    assert searched.cells >= 20_000


def test_a_deleted_row_that_is_still_in_the_file_is_found(tmp_path):
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        connection.execute("create table t as select 'ann@x.com' as v from range(100000)")
        connection.execute("create table u as select 'somebody@else.com' as v from range(100000)")
        connection.execute("checkpoint")
        connection.execute("drop table t")
        connection.execute("checkpoint")
    assert b"ann@x.com" in (tmp_path / "c.duckdb").read_bytes()
    assert [found.why for found in search_files([tmp_path], ANN).found] == ["its bytes, though in no table"]


def test_part_of_another_persons_value_in_a_database_is_not_hers(tmp_path):
    with duckdb.connect(str(tmp_path / "c.duckdb")) as connection:
        connection.execute("create table t as select 'joann@x.com' as v")
    assert search_files([tmp_path], ANN).found == ()


def test_what_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"nothing" * 9999)[:-9])
    (tmp_path / "b.duckdb").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 99)
    assert len(search_files([tmp_path], ANN).unreadable) == 2


def test_links_are_not_followed(tmp_path):
    (tmp_path / "outside").write_text("ann@x.com", encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(tmp_path / "outside")
    assert search_files([home], ANN).files == 0


@pytest.mark.parametrize(
    ("kind", "text", "is_distinctive"),
    [
        ("email", "a@b.c", True),
        ("phone", "030 12345", False),
        ("phone", "+49 30 1234567", True),
        ("crm", "1001", False),
        ("crm", "00Q5g00000ABCDE", True),
        ("name", "王明", False),
        ("name", "王小明", True),
    ],
)
def test_what_may_be_searched_everywhere(kind, text, is_distinctive):
    assert Value(kind, text).is_distinctive is is_distinctive


def test_a_value_is_shown_masked():
    assert Value("email", "anna.weiss@x.com").masked == "an***@x.com"

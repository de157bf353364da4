"""A forgotten person's rows stay out of raw whenever a file brings them, and go out of landed files of every format; no other row does."""

import gzip
import json
import shutil

import duckdb
import pytest

from orchestration.erase import person
from orchestration.erase.identifiers import install_forms
from orchestration.erase.landing import clean_landing
from orchestration.erase.search import search_files
from orchestration.erase.tombstones import (
    lower_tombstones,
    make_tombstone,
    prepare_hashing,
    raise_tombstones,
    read_tombstones,
    rows_borne,
    tombstones_path,
    write_tombstones,
)
from orchestration.erase.values import Sought, Value
from orchestration.errors import LeadrelayError
from orchestration.ingest.landing import checksum, read_sidecar
from orchestration.ingest.sources import Feed, FeedOptions, Sources, TableFeeds
from orchestration.operate.dossier import PersonKeys

ANNA = {"email": "Anna.Weiß+fair@beispiel.de", "phone": "+49 30 1234567", "full_name": "Anna Weiß"}
ANNA_LATER = {"email": "anna.weiß@beispiel.de", "message": 'says "hi",\nagain'}
BEN = {"email": "joanna.weiß@beispiel.de", "phone": "+49 30 12345678", "full_name": "Ben Weiß"}
CARL = {
    "email": "carl@beispiel.de",
    "message": "ask anna.weiß@beispiel.de, or me",
    "referred_by": "anna.weiß@beispiel.de",
}


def submission(number, **values):
    return {"submission_id": f"s{number}", "submitted_at": "2026-02-28T10:00:00Z", "form_type": "trial", **values}


ROWS = [submission(1, **ANNA), submission(2, **BEN), submission(3, **ANNA_LATER), submission(4, **CARL)]


def forget_anna(bench):
    prepare_hashing(bench.connection, bench.settings.home)
    forms = [("email", "anna.weiß@beispiel.de"), ("phone", "49301234567")]
    write_tombstones(bench.settings.home, [make_tombstone(bench.connection, forms)])


def as_csv(rows, delimiter=","):
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [delimiter.join(names)]
    lines += [delimiter.join(f'"{str(row.get(n, "")).replace(chr(34), chr(34) * 2)}"' for n in names) for row in rows]
    return "\r\n".join(lines) + "\r\n"


def test_rows_that_bear_a_tombstone_are_left_out_and_counted(bench, many):
    forget_anna(bench)
    bench.drop("a.jsonl", [*ROWS, submission(5, email="x@y.de", phone="0049 (30) 12345-67"), *many])
    result = bench.load()
    assert result.rows_in == 2 + len(many)
    assert "3 rows of forgotten persons left out" in result.message
    assert [row for row in bench.raw("submission_id, referred_by") if row[0] in {"s1", "s2", "s3", "s4", "s5"}] == [
        ("s2", None),
        ("s4", None),
    ]
    assert bench.rows("select source_table, row_count from ops.forgotten_rows") == [("forms.submissions", 3)]


def test_a_file_of_nobody_else_is_not_refused_as_empty(bench):
    forget_anna(bench)
    bench.drop("a.jsonl", [ROWS[0]])
    result = bench.load()
    assert not result.is_refused
    assert (result.rows_in, bench.raw()) == (0, [])


def test_nothing_is_loaded_when_the_tombstones_cannot_be_read(bench, many):
    forget_anna(bench)
    tombstones_path(bench.settings.home).write_text("{", encoding="utf-8")
    bench.drop("a.jsonl", many)
    with pytest.raises(LeadrelayError, match="nothing was loaded"):
        bench.load()
    assert bench.raw() == []


def test_tombstones_hold_no_value_and_are_the_owners_alone(bench):
    forget_anna(bench)
    path = tombstones_path(bench.settings.home)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "anna" not in path.read_text(encoding="utf-8")
    other = bench.settings.home / "another"
    prepare_hashing(bench.connection, other)
    again = make_tombstone(bench.connection, [("email", "anna.weiß@beispiel.de")])
    assert again.tokens[0] not in read_tombstones(bench.settings.home)[0].tokens, "another home has another salt"


FORMATS = {
    "a.jsonl": (lambda text: text, Feed(system="site", files="*")),
    "b.jsonl.gz": (lambda text: gzip.compress(text.encode()), Feed(system="site", files="*")),
    "c.jsonl.zst": ("zstd", Feed(system="site", files="*")),
    "d.csv": ("csv", Feed(system="site", files="*")),
    "e.csv": ("utf-16", Feed(system="site", files="*", options=FeedOptions(encoding="utf-16", delimiter=";"))),
    "f.parquet": ("parquet", Feed(system="site", files="*")),
    "g.csv": ("mapped", Feed(system="site", files="*", columns={"submission_id": "submission_id", "submitted_at": "submitted_at", "email": "lower(email)", "referred_by": "referred_by"})),
}  # fmt: skip


def land(bench, name):
    make, feed = FORMATS[name]
    lines = "".join(json.dumps(row, ensure_ascii=name != "a.jsonl") + "\n" for row in ROWS)
    if make == "parquet":
        path = bench.path(name)
        source = bench.settings.home / "rows.jsonl"
        source.write_text(lines, encoding="utf-8")
        with duckdb.connect() as connection:
            connection.execute(f"copy (from read_json('{source}')) to '{path}' (format parquet)")
        source.unlink()
        content = path.read_bytes()
        path.unlink()
    elif make == "zstd":
        import pyarrow as pa

        content = pa.compress(lines.encode(), "zstd", asbytes=True)
    elif make in {"csv", "mapped"}:
        content = as_csv(ROWS).encode()
    elif make == "utf-16":
        content = as_csv(ROWS, ";").encode("utf-16")
    else:
        content = make(lines)
    return bench.land(name, content, 7, "2026-03-01T02:00:00Z"), feed


def clean(bench, feed):
    raise_tombstones(bench.connection, bench.settings.home)
    sought = Sought(
        {Value("email", ANNA["email"]), Value("email", "anna.weiß@beispiel.de"), Value("phone", ANNA["phone"])}
    )
    table = bench.table("forms.submissions")
    sources = Sources(path=bench.settings.sources_file, tables={table.full_name: TableFeeds(table, (feed,))})
    texts = frozenset({"anna.weiß@beispiel.de"})
    done = clean_landing(bench.connection, bench.settings, bench.contract, sources, sought, texts)
    lower_tombstones(bench.connection)
    return done, sought


@pytest.mark.parametrize("name", FORMATS)
def test_a_landed_file_of_every_format_loses_the_person_and_nobody_else(bench, name):
    path, feed = land(bench, name)
    before = read_sidecar(path)
    forget_anna(bench)
    searched = search_files([bench.settings.landing_dir], clean_sought())
    assert [found.path for found in searched.found] == [path], "the search can find"
    done, sought = clean(bench, feed)
    assert [(one.rows, one.cells) for one in done] == [(2, 1)]
    assert search_files([bench.settings.landing_dir], sought).found == ()
    after = read_sidecar(path)
    assert after["sha256"] == checksum(path)[0]
    assert (after["arrived_at"], after["load_sequence"]) == (before["arrived_at"], before["load_sequence"])
    assert after["landed_as"] == [before["sha256"]]
    tombstones_path(bench.settings.home).unlink()
    result = bench.load(feed)
    assert (result.rows_in, result.rows_quarantined, result.is_refused) == (2, 0, False)
    assert bench.raw("submission_id, email, referred_by") == [
        ("s2", "joanna.weiß@beispiel.de", None),
        ("s4", "carl@beispiel.de", None),
    ]
    if name != "g.csv":
        assert bench.raw("message") == [(None,), ("ask [erased], or me",)]


def clean_sought():
    return Sought({Value("email", "anna.weiß@beispiel.de")})


def test_cleaning_twice_changes_nothing_more(bench):
    path, feed = land(bench, "b.jsonl.gz")
    forget_anna(bench)
    assert len(clean(bench, feed)[0]) == 1
    once = path.read_bytes()
    assert clean(bench, feed)[0] == []
    assert path.read_bytes() == once


def test_a_file_left_between_sidecar_and_content_is_done_again(bench):
    path, feed = land(bench, "a.jsonl")
    content = path.read_bytes()
    forget_anna(bench)
    clean(bench, feed)
    finished = path.read_bytes()
    path.write_bytes(content)
    assert bench.load(feed).is_refused, "the night tells a half-done file"
    assert len(clean(bench, feed)[0]) == 1
    assert path.read_bytes() == finished
    assert not bench.load(feed).is_refused


def test_a_file_with_nothing_left_goes_and_its_original_is_not_copied_in_again(bench, many):
    exports = bench.settings.home.parent / "exports"
    exports.mkdir()
    (exports / "anna.jsonl").write_text(json.dumps(submission(1, **ANNA)) + "\n", encoding="utf-8")
    (exports / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in many), encoding="utf-8")
    feed = Feed(system="site", files="*.jsonl", location=str(exports))
    bench.load(feed)
    assert len(bench.raw()) == len(many) + 1
    forget_anna(bench)
    done, sought = clean(bench, feed)
    assert [one.is_removed for one in done] == [True]
    bench.load(feed)
    assert search_files([bench.settings.landing_dir], sought).found == ()
    shutil.rmtree(exports)


@pytest.mark.parametrize(
    ("kind", "text", "forms"),
    [
        ("emails", "Anna <ANNA+x@Beispiel.de>; ben@y.de", ["anna+x@beispiel.de", "ben@y.de", "anna@beispiel.de"]),
        ("emails", "nobody", []),
        ("phones", "0049 (30) 123-4567 / 030 1234567", ["49301234567", "301234567"]),
        ("phones", "".join(chr(ord(digit) + 0xFEE0) for digit in "13800138000"), ["13800138000"]),
        ("phones", "123", []),
    ],
)
def test_forms_by_hand(kind, text, forms):
    with duckdb.connect() as connection:
        install_forms(connection)
        found = connection.execute(f"select forget_{kind}(?)", [text]).fetchone()[0]
    assert sorted(found) == sorted(forms)


def test_what_others_have_as_well_is_no_reason_to_take_their_rows(bench, many, monkeypatch):
    """Two colleagues at one switchboard: the number is named as shared, gets no tombstone, and the colleague's row stays."""
    switchboard = "+49 30 9990000"
    both = [
        submission(1, email="anna@beispiel.de", phone=switchboard, full_name="Anna Weiß"),
        submission(2, email="ben@beispiel.de", phone="0049 30 999 0000", full_name="Ben Weiß"),
        submission(3, email="ANNA+x@beispiel.de", full_name="Ben Weiß"),
    ]
    bench.drop("a.jsonl", [*both, *many])
    bench.load()
    records = tuple(
        record
        for (record,) in bench.rows("select _record_id from raw.forms__submissions where submission_id in ('s1', 's3')")
    )
    keys = PersonKeys(("p1",), (), records, (("email", "anna@beispiel.de"), ("phone", "+49309990000")), ())
    monkeypatch.setattr(person, "find_person", lambda *_: keys)
    known = person.know(bench.settings, bench.connection, bench.contract, "anna@beispiel.de")
    assert {kind for kind, _ in known.forms} == {"email", "record"}
    assert switchboard in {value.text for value in known.shared}
    texts = {value.text for value in known.values}
    assert "Anna Weiß" in texts, "nobody else is called so"
    assert "Ben Weiß" not in texts
    prepare_hashing(bench.connection, bench.settings.home)
    write_tombstones(bench.settings.home, [make_tombstone(bench.connection, known.forms)])
    raise_tombstones(bench.connection, bench.settings.home)
    assert rows_borne(bench.connection, bench.contract) == {"forms.submissions": (2, 0)}
    lower_tombstones(bench.connection)


@pytest.mark.parametrize("name", ["a.jsonl", "d.csv", "f.parquet"])
def test_a_sweep_needs_no_value(bench, name):
    """Only keyed hashes are left of a person forgotten before; the rows that bear one go all the same."""
    path, feed = land(bench, name)
    forget_anna(bench)
    raise_tombstones(bench.connection, bench.settings.home)
    table = bench.table("forms.submissions")
    sources = Sources(path=bench.settings.sources_file, tables={table.full_name: TableFeeds(table, (feed,))})
    done = clean_landing(bench.connection, bench.settings, bench.contract, sources, Sought(()), frozenset())
    lower_tombstones(bench.connection)
    assert [one.rows for one in done] == [2]
    assert read_sidecar(path)["sha256"] == checksum(path)[0]

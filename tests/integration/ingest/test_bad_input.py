"""Every bad input of the raw contract, with its exact outcome: quarantined by row, or refused by name; never lost, never fatal."""

import gzip
import json
import os

import duckdb
import pytest

from orchestration.ingest.sources import Feed
from tests.integration.ingest.conftest import submission

HEADER = "submission_id,submitted_at,email\n"
GOOD = "".join(f"s{number},2026-02-28T10:00:00Z,a{number}@x.com\n" for number in range(20))


def outcome(bench, **kwargs):
    result = bench.load(**kwargs)
    return result.is_refused, result.rows_in, result.rows_loaded, result.rows_quarantined


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz"])
def test_a_truncated_gzip_is_refused_by_name(bench, name):
    whole = gzip.compress((HEADER + GOOD).encode() * 50)
    bench.drop(name, whole[: len(whole) // 2])
    result = bench.load()
    assert result.is_refused
    assert f"{name}: the gzip file is cut off" in result.message
    assert bench.raw() == []
    assert bench.rows("select status, message from ops.loads")[0][0] == "refused"


def test_a_truncated_zstd_is_refused_by_name_and_a_whole_one_is_read(bench):
    whole = bench.path("whole.csv.zst")
    bench.connection.execute(
        "copy (select 's' || i as submission_id, '2026-02-28' as submitted_at, md5(i::varchar) as message from range(30000) t(i)) "
        f"to '{whole}' (format csv, compression zstd)"
    )
    content = whole.read_bytes()
    assert outcome(bench) == (False, 30000, 30000, 0)
    bench.drop("cut.csv.zst", content[: len(content) // 2])
    result = bench.load()
    assert result.is_refused
    assert "cut.csv.zst: the zstd file is cut off" in result.message


def test_a_file_that_is_not_what_its_name_says_is_refused(bench):
    for name, told in (
        ("a.csv.gz", "not a sound gzip file"),
        ("a.csv.zst", "not a zstd file"),
        ("a.parquet", "not a sound Parquet file"),
    ):
        path = bench.drop(name, HEADER + GOOD)
        result = bench.load()
        assert result.is_refused
        assert f"{name}: {told}" in result.message
        path.unlink()


def test_half_a_json_line_is_one_quarantined_row(bench, many):
    path = bench.drop("a.jsonl", many)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"submission_id": "s1", "submi')
    assert outcome(bench) == (False, 21, 20, 1)
    assert bench.quarantine("source_row, reasons, raw_text") == [
        (21, ["line is not a JSON object"], '{"submission_id": "s1", "submi')
    ]


def test_nul_bytes_are_quarantined_in_csv_and_json(bench, many):
    bench.drop("a.csv", HEADER + GOOD + "s99,2026-02-28,x\x00y@x.com\n")
    path = bench.drop("b.jsonl", many)
    with path.open("ab") as stream:
        stream.write(b'{"submission_id": "s98", "submitted_at": "2026-02-28", "email": "a\x00b"}\n')
        stream.write(b'{"submission_id": "s97", "submitted_at": "2026-02-28", "email": "a\\u0000b"}\n')
    assert outcome(bench) == (False, 43, 40, 3)
    assert [reasons for _, reasons in bench.quarantine()] == [
        ["row holds a NUL byte"],
        ["line is not a JSON object"],
        ["row holds a NUL byte"],
    ]


def test_a_wrong_byte_is_one_row_and_a_wrong_encoding_is_the_batch(bench):
    bench.drop("a.csv", (HEADER + GOOD).encode() + b"s99,2026-02-28,\xc3Q\xfe@x.com\n" + b"s100,2026-02-28,b@x.com\n")
    assert outcome(bench) == (False, 22, 21, 1)
    assert bench.quarantine() == [(21, ["text is not in the encoding that sources.yml states (options.encoding)"])]
    # the wrong bytes are told, and no right one beside them is lost
    assert bench.quarantine("raw_text") == [(r"s99,2026-02-28,\xc3Q\xfe@x.com",)]
    assert bench.raw("_source_row")[-1] == (22,)
    text = HEADER.replace("email", "full_name") + "".join(f"t{number},2026-02-28,王小明\n" for number in range(20))
    bench.drop("b.csv", text.encode("gb18030"), day="2026-03-02")
    result = bench.load()
    assert result.is_refused
    assert "rows_can_be_read: 20 of 20 rows" in result.message
    assert "options.encoding" in result.message


def test_a_long_row_with_a_wrong_byte_is_told_to_its_end(bench):
    last = "x" * 20_000 + " the end"
    line = b'{"submission_id": "s99", "submitted_at": "2026-02-28", "message": "\xe4' + last.encode() + b'"}'
    bench.drop(
        "a.jsonl", b"".join(b'{"submission_id": "s%d", "submitted_at": "2026-02-28"}\n' % n for n in range(20)) + line
    )
    assert outcome(bench) == (False, 21, 20, 1)
    assert bench.quarantine("raw_text") == [(line.decode("utf-8", "backslashreplace"),)]


def test_a_bom_is_not_part_of_the_first_name(bench):
    bench.drop("a.csv", "\ufeff" + HEADER + GOOD)
    bench.drop("b.jsonl", '\ufeff{"submission_id": "s99", "submitted_at": "2026-02-28"}\n')
    assert outcome(bench) == (False, 21, 21, 0)


def test_a_50_mb_line_is_quarantined_by_its_size(bench, many):
    path = bench.drop("a.jsonl", many[:10])
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"submission_id": "big", "message": "' + "x" * 50_000_000 + '"}\n')
        stream.write('{"submission_id": "after", "submitted_at": "2026-02-28"}\n')
    assert outcome(bench) == (False, 12, 11, 1)
    row, reasons, size = bench.quarantine("source_row, reasons, length(raw_text)")[0]
    assert row == 11
    assert size < 100
    assert reasons[0].startswith("line is too long: 5000004")


def test_a_20_mb_line_of_a_csv_is_quarantined_by_its_size(bench):
    bench.drop("a.csv", HEADER + GOOD + f's98,2026-02-28,"{"x" * 20_000_000}"\ns99,2026-02-28,b@x.com\n')
    assert outcome(bench) == (False, 22, 21, 1)
    row, reasons = bench.quarantine()[0]
    assert (row, reasons[0][:29]) == (21, "line is too long: 20000018 by")
    assert bench.raw("submission_id, _source_row")[-1] == ("s99", 22)


def test_a_long_line_below_the_limit_is_read(bench):
    bench.drop(
        "a.jsonl",
        [
            {"submission_id": "s1", "submitted_at": "2026-02-28", "message": "x" * 5_000_000},
            {"submission_id": "s2", "submitted_at": "2026-02-28"},
        ],
    )
    bench.drop("b.csv", HEADER + 's3,2026-02-28,"' + "y" * 3_000_000 + '"\ns4,2026-02-28,\n')
    assert outcome(bench) == (False, 4, 4, 0)


def test_a_duplicate_header_is_refused_by_name(bench):
    bench.drop("a.csv", "submission_id,submitted_at,email,Email\ns1,2026-02-28,a,b\n")
    result = bench.load()
    assert result.is_refused
    assert "the header names a column twice: Email, email" in result.message


def test_fewer_and_more_fields_than_the_header_are_quarantined_by_row(bench):
    bench.drop("a.csv", HEADER + "s98\n" + GOOD + "s99,2026-02-28,a@x.com,what,is,this\n")
    assert outcome(bench) == (False, 22, 20, 2)
    assert bench.quarantine("source_row, reasons, raw_text") == [
        (1, ["row has fewer fields than the header"], "s98"),
        (22, ["row has more fields than the header"], "s99,2026-02-28,a@x.com,what,is,this"),
    ]
    assert bench.raw("_source_row")[0] == (2,)


def test_a_missing_required_column_refuses_the_batch(bench):
    bench.drop("a.csv", "submission_id,email\n" + "".join(f"s{number},a@x.com\n" for number in range(10)))
    result = bench.load()
    assert result.is_refused
    assert "submitted_at: required and empty" in result.message


def test_an_extra_column_is_kept_aside(bench):
    bench.drop("a.csv", "submission_id,submitted_at,Lucky number\ns1,2026-02-28,7\ns2,2026-02-28,\n")
    assert outcome(bench) == (False, 2, 2, 0)
    assert bench.raw("cast(_extra as varchar)") == [('{"Lucky number":"7"}',), (None,)]


def test_a_column_whose_type_changed_refuses_when_it_is_every_row(bench):
    bench.drop("a.jsonl", [{"submission_id": f"s{number}", "submitted_at": {"date": "x"}} for number in range(10)])
    result = bench.load()
    assert result.is_refused
    assert "rows_can_be_read: 10 of 10 rows" in result.message


@pytest.mark.parametrize("content", ["", HEADER, "\n\n\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_without_a_row_is_refused_by_the_row_count(bench, name, content):
    if name == "a.jsonl" and content == HEADER:
        content = "   \n"
    bench.drop(name, content)
    result = bench.load()
    assert result.is_refused
    assert f"has_rows: no rows in forms/submissions/2026-03-01/{name}" in result.message


def test_an_empty_file_beside_a_full_one_is_no_reason_to_refuse(bench):
    bench.drop("a.csv", "")
    bench.drop("b.csv", HEADER + GOOD)
    assert outcome(bench) == (False, 20, 20, 0)
    assert bench.rows("select rows_in, status from ops.loads order by load_sequence") == [(0, "loaded"), (20, "loaded")]


def test_future_and_1970_dates_are_quarantined(bench):
    bench.drop(
        "a.csv", HEADER + GOOD + "s98,1970-01-01T00:00:00Z,\ns99,2026-03-03T00:00:00Z,\ns97,2026-03-02T01:59:00Z,\n"
    )
    assert outcome(bench) == (False, 23, 21, 2)
    assert [row for row, _ in bench.quarantine()] == [21, 22]
    assert (
        "submitted_at: before 1990 or more than a day after it arrived (1970-01-01 00:00:00)"
        in bench.quarantine()[0][1]
    )


def test_formulas_and_sql_are_text(bench):
    texts = [
        "=cmd|' /C calc'!A0",
        "'; drop table raw.forms__submissions; --",
        "@SUM(1+1)",
        '"quoted"',
        "{batch}",
        "%s ? $1",
    ]
    bench.drop(
        "a.jsonl",
        [
            {"submission_id": f"s{number}", "submitted_at": "2026-02-28", "message": text}
            for number, text in enumerate(texts)
        ],
    )
    assert outcome(bench) == (False, 6, 6, 0)
    assert [message for (message,) in bench.raw("message")] == texts


@pytest.mark.parametrize("name", ["a'); drop table ops.loads; --.csv", "a[1]*?.csv", "ü 王 $HOME.csv", 'a".csv'])
def test_file_names_are_text(bench, name):
    bench.drop(name, HEADER + GOOD)
    bench.drop("a1.csv", HEADER + "other,2026-02-28,\n")
    assert outcome(bench) == (False, 21, 21, 0)
    assert (f"forms/submissions/2026-03-01/{name}",) in bench.rows(
        "select distinct _source_file from raw.forms__submissions"
    )


def test_links_and_folders_are_reported_and_nothing_behind_them_is_read(bench, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text(HEADER + "secret,2026-02-28,\n", encoding="utf-8")
    bench.drop("a.csv", HEADER + GOOD)
    bench.path("link.csv").symlink_to(secret)
    bench.path("up.csv").symlink_to(os.path.relpath(secret, bench.path("up.csv").parent))
    bench.path("folder.csv").mkdir()
    result = bench.load()
    assert (result.is_refused, result.rows_loaded) == (False, 20)
    check = result.checks[-1]
    assert (check.name, check.is_success, check.severity, check.unexpected_count) == (
        "landing_paths_are_plain_files",
        False,
        "warning",
        3,
    )
    assert all(name in result.message for name in ("link.csv", "up.csv", "folder.csv"))


def test_a_landed_file_that_changed_is_refused(bench):
    path = bench.land("a.csv", HEADER + GOOD, 1, "2026-03-01T02:00:00Z")
    path.write_text(HEADER + GOOD.replace("s1,", "s77,"), encoding="utf-8")
    result = bench.load()
    assert result.is_refused
    assert "a.csv: changed since it landed" in result.message


def test_a_quote_that_is_never_closed_is_one_row_and_loses_nothing(bench):
    bench.drop("a.csv", HEADER + GOOD + 's97,2026-02-28,"open\n' + "s98,2026-02-28,\ns99,2026-02-28,\n")
    assert outcome(bench) == (False, 23, 22, 1)
    assert bench.quarantine("source_row, raw_text") == [(21, 's97,2026-02-28,"open')]


def test_quotes_line_breaks_and_mixed_line_ends_in_fields_are_read(bench):
    text = (
        HEADER.replace("email", "message")
        + 's1,2026-02-28,"two\nlines"\r\ns2,2026-02-28,"he said ""hi"""\n\ns3,2026-02-28,"a,b"\r\n'
    )
    bench.drop("a.csv", text)
    assert outcome(bench) == (False, 3, 3, 0)
    assert bench.raw("message") == [("two\nlines",), ('he said "hi"',), ("a,b",)]


def test_json_keys_that_differ_in_case_or_are_empty_are_kept_aside(bench):
    bench.drop("a.jsonl", '{"submission_id": "s1", "Submission_ID": "other", "submitted_at": "2026-02-28", "": 1}\n')
    assert outcome(bench) == (False, 1, 1, 0)
    assert bench.raw("submission_id, cast(_extra as varchar)") == [("s1", '{"Submission_ID":"other","":1}')]


def test_a_json_line_that_names_a_key_twice_is_quarantined(bench, many):
    line = '{"submission_id": "s1", "submitted_at": "2026-02-28", "email": "a", "email": "b"}'
    bench.drop("a.jsonl", many)
    bench.drop("b.jsonl", line + "\n")
    assert outcome(bench) == (False, 21, 20, 1)
    assert bench.quarantine("reasons, raw_text") == [(["line is not a JSON object, or names a key twice"], line)]


def test_a_broken_quote_is_told_with_its_own_text_and_its_followers_are_read(bench):
    """DuckDB tells the text of the row before for it, and a stray quote would take the rows up to the next quote with it."""
    head = HEADER.replace("email", "message") + "".join(f"s{number},2026-02-28,x\n" for number in range(20))
    bench.drop(
        "a.csv", head + 's50,2026-02-28,"two\nlines"\ns51,2026-02-28,"he said "hi" to me"\ns52,2026-02-28,"a,b"\n'
    )
    assert outcome(bench) == (False, 23, 22, 1)
    assert bench.quarantine("source_row, reasons, raw_text") == [
        (22, ["a quote is opened or closed where it may not be"], 's51,2026-02-28,"he said "hi" to me"')
    ]
    assert bench.raw("submission_id, message, _source_row")[-2:] == [("s50", "two\nlines", 21), ("s52", "a,b", 23)]


@pytest.mark.parametrize("column", ["rowid", "_source_row", "_file_index", "_extra", "text of email"])
def test_a_column_may_be_called_like_one_of_the_loader_s_own(bench, column):
    bench.drop("a.csv", f"submission_id,submitted_at,{column}\ns1,2026-02-28,x\ns2,2026-02-28,y\n")
    bench.drop("b.jsonl", [submission(3, **{column: "z"})])
    assert outcome(bench) == (False, 3, 3, 0)
    kept = [
        (key, row, json.loads(extra)[column])
        for key, row, extra in bench.raw("submission_id, _source_row, cast(_extra as varchar)")
    ]
    assert kept == [("s1", 1, "x"), ("s2", 2, "y"), ("s3", 1, "z")]


def test_a_parquet_file_whose_pages_are_broken_is_refused_by_name(bench):
    whole = bench.path("a.parquet")
    bench.connection.execute(
        "copy (select 's' || i as submission_id, '2026-02-28' as submitted_at, md5(i::varchar) as message from range(5000) t(i)) "
        f"to '{whole}' (format parquet)"
    )
    content = bytearray(whole.read_bytes())
    content[4:400] = bytes(396)
    bench.drop("a.parquet", bytes(content))
    result = bench.load()
    assert result.is_refused
    assert "a.parquet: not a sound Parquet file" in result.message
    assert bench.raw() == []


def test_a_parquet_file_keeps_types_zones_and_nested_values(bench):
    path = bench.path("a.parquet")
    with duckdb.connect() as writer:
        writer.execute("set TimeZone = 'Asia/Shanghai'")
        writer.execute(
            "copy (select 's1' as submission_id, timestamptz '2026-02-28 08:00:00+08' as submitted_at, true as consent_marketing, "
            f"['a', 'b'] as tags, ['email', 'sms'] as consent_channels) to '{path}' (format parquet)"
        )
    assert outcome(bench) == (False, 1, 1, 0)
    assert bench.rows(
        "select cast(submitted_at as varchar), consent_marketing, consent_channels, cast(_extra as varchar) from raw.forms__submissions"
    ) == [("2026-02-28 00:00:00", True, '["email","sms"]', '{"tags":["a","b"]}')]


def test_a_format_that_nothing_tells_is_refused_with_the_fix(bench):
    bench.drop("a.dat", HEADER + GOOD)
    result = bench.load()
    assert result.is_refused
    assert "add `format: csv|jsonl|parquet`" in result.message
    assert bench.load(Feed(system="site", format="csv")).rows_loaded == 20

"""A new export needs configuration alone: names, expressions, encodings, delimiters, dates and zones."""

import gzip
from datetime import date, datetime

import pytest

from orchestration.ingest.sources import Feed


def moment(*parts: int) -> datetime:
    """A UTC time without zone, as the warehouse holds it."""
    return datetime(*parts)


COLUMNS = {"submission_id": "ID", "submitted_at": "Date", "full_name": "Name"}


def feed(columns: dict | None = None, arrival: str | None = None, **options: object) -> Feed:
    return Feed(system="site", columns=COLUMNS if columns is None else columns, arrival=arrival, options=options)


@pytest.mark.parametrize(
    ("encoding", "name", "pack"),
    [
        ("utf-8", "a.csv", bytes),
        ("gb18030", "a.csv", bytes),
        ("gb18030", "a.csv.gz", gzip.compress),
        ("utf-16", "a.csv", bytes),
        ("utf-16-le", "a.csv", bytes),
        ("big5", "a.csv", bytes),
    ],
)
def test_encodings_are_read_as_stated(bench, encoding, name, pack):
    text = "ID;Date;Name\n" + "".join(f"{number};2026-02-28 10:00;王小明\n" for number in range(3))
    bench.drop(name, pack(text.encode(encoding)))
    result = bench.load(feed(encoding=encoding, delimiter=";"))
    assert (result.message, result.rows_loaded) == ("", 3)
    assert bench.raw("full_name")[0] == ("王小明",)


def test_a_wrong_byte_in_another_encoding_is_one_row(bench):
    rows = [f"{number},2026-02-28,王小明\n".encode("gb18030") for number in range(20)]
    rows.insert(5, b"77,2026-02-28,\xff\xff\n")
    bench.drop("a.csv", b"ID,Date,Name\n" + b"".join(rows))
    result = bench.load(feed(encoding="gb18030"))
    assert (result.rows_loaded, result.rows_quarantined) == (20, 1)
    assert bench.quarantine() == [(6, ["text is not in the encoding that sources.yml states (options.encoding)"])]


@pytest.mark.parametrize(
    ("text", "options", "expected", "is_date_only"),
    [
        ("2026-02-28T10:00:00Z", {}, moment(2026, 2, 28, 10), False),
        ("2026-02-28T10:00:00+08:00", {"timezone": "America/New_York"}, moment(2026, 2, 28, 2), False),
        ("2026-02-28 10:00:00", {"timezone": "Asia/Shanghai"}, moment(2026, 2, 28, 2), False),
        ("2026-02-28", {"timezone": "Asia/Shanghai"}, moment(2026, 2, 27, 16), True),
        ("28-02-2026 10:00", {"timestamp_format": "%d-%m-%Y %H:%M"}, moment(2026, 2, 28, 10), False),
        (
            "28-02-2026 10:00",
            {"timestamp_format": "%d-%m-%Y %H:%M", "timezone": "Asia/Shanghai"},
            moment(2026, 2, 28, 2),
            False,
        ),
        ("28.02.2026", {"date_format": "%d.%m.%Y"}, moment(2026, 2, 28), True),
        (
            "28.02.2026",
            {"date_format": "%d.%m.%Y", "timestamp_format": ["%d.%m.%Y %H:%M"]},
            moment(2026, 2, 28),
            True,
        ),
        (
            "28.02.2026 08:30",
            {"date_format": "%d.%m.%Y", "timestamp_format": ["%d.%m.%Y %H:%M"]},
            moment(2026, 2, 28, 8, 30),
            False,
        ),
        ("28/Feb/2026:10:00:00 +0800", {"timestamp_format": "%d/%b/%Y:%H:%M:%S %z"}, moment(2026, 2, 28, 2), False),
        ("2026-02-28 10:00:00.123456", {}, moment(2026, 2, 28, 10, 0, 0, 123456), False),
    ],
)
def test_dates_and_zones_become_utc(bench, text, options, expected, is_date_only):
    bench.drop("a.csv", f"ID,Date,Name\n1,{text},x\n")
    assert bench.load(feed(**options)).rows_loaded == 1
    assert bench.raw("submitted_at, _is_date_only") == [(expected, is_date_only)]


def test_every_declared_type_is_cast_and_what_does_not_fit_is_told(bench):
    header = "opportunity_id,created_at,updated_at,amount,is_won,expected_close_on,has_budget\n"
    good = "".join(f"o{number},2026-01-01,2026-01-02,1234.50,yes,2026-05-01,0\n" for number in range(20))
    bench.drop("a.csv", header + good + "bad,2026-01-01,2026-01-02,a lot,maybe,soon,2\n", table="crm.opportunities")
    result = bench.load(table="crm.opportunities")
    assert (result.rows_loaded, result.rows_quarantined) == (20, 1)
    assert bench.raw("cast(amount as varchar), is_won, expected_close_on, has_budget", table="crm.opportunities")[0] == (
        "1234.50", True, date(2026, 5, 1), False,
    )  # fmt: skip
    assert sorted(bench.quarantine("reasons", table="crm.opportunities")[0][0]) == [
        "amount: not a DECIMAL(18,2): a lot",
        "expected_close_on: not a DATE: soon",
        "has_budget: not a BOOLEAN: 2",
        "is_won: not a BOOLEAN: maybe",
    ]


def test_a_count_with_a_fraction_is_refused_instead_of_rounded(bench):
    rows = "".join(f"2026-01-{day:02},cpc,1,10.0\n" for day in range(1, 21)) + "2026-01-21,cpc,1,10.5\n"
    bench.drop("a.csv", "day,channel,cost_amount,clicks\n" + rows, table="finance.costs")
    result = bench.load(table="finance.costs")
    assert (result.rows_loaded, result.rows_quarantined) == (20, 1)
    assert bench.quarantine("reasons", table="finance.costs") == [(["clicks: not a BIGINT: 10.5"],)]


def test_expressions_reach_over_the_file_s_columns_and_the_rest_is_kept(bench):
    bench.drop("a.csv", "No.,Day,Time,First,Last,Score\n7,28/02/2026,10:15,Ada,Lovelace,9\n")
    columns = {
        "submission_id": "'F-' || \"No.\"",
        "submitted_at": "strptime(Day || ' ' || Time, '%d/%m/%Y %H:%M')",
        "full_name": "concat_ws(' ', first, last)",
        "form_type": "'contact_sales'",
    }
    assert bench.load(feed(columns, timezone="Asia/Shanghai")).message == ""
    assert bench.raw("submission_id, submitted_at, full_name, form_type, cast(_extra as varchar)") == [
        ("F-7", moment(2026, 2, 28, 2, 15), "Ada Lovelace", "contact_sales", '{"Score":"9"}')
    ]


def test_nested_json_is_reached_by_an_expression(bench):
    bench.drop("a.jsonl", [{"id": 1, "at": "2026-02-28", "person": {"email": "a@x.com"}}])
    columns = {"submission_id": "id", "submitted_at": "at", "email": "person ->> '$.email'"}
    bench.load(feed(columns))
    assert bench.raw("submission_id, email") == [("1", "a@x.com")]


def test_texts_that_mean_nothing_become_null(bench):
    bench.drop("a.csv", "ID,Date,Name\n1,2026-02-28,NULL\n2,2026-02-28,\n3,2026-02-28,n/a\n4,2026-02-28,x\n")
    bench.load(feed(null_strings=["", "NULL", "n/a"]))
    assert bench.raw("full_name") == [(None,), (None,), (None,), ("x",)]


def test_a_file_without_header_and_with_tabs_is_mapped_by_position(bench):
    bench.drop("a.tsv", "1\t2026-02-28\tx\n")
    bench.load(feed({"submission_id": "column1", "submitted_at": "column2", "full_name": "column3"}, header=False))
    assert bench.raw("submission_id, full_name, _source_row") == [("1", "x", 1)]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {**COLUMNS, "full_name": "Nmae"},
            "columns.full_name: 'Nmae': the file has no column 'Nmae'. Did you mean: Name",
        ),
        ({**COLUMNS, "full_name": "upper(Nmae)"}, "the file has no column 'Nmae'. Did you mean: Name"),
        ({**COLUMNS, "full_name": "Full name of person"}, "neither a column of the file nor an expression"),
    ],
)
def test_a_mapping_that_names_a_missing_column_refuses_before_reading(bench, columns, told):
    bench.drop("a.csv", "ID,Date,Name\n1,2026-02-28,x\n")
    result = bench.load(feed(columns))
    assert result.is_refused
    assert (
        "forms/submissions/2026-03-01/a.csv: sources.forms.tables.submissions (site) columns.full_name"
        in result.message
    )
    assert told in result.message
    assert result.rows_in == 0


def test_an_export_that_shares_no_name_says_what_it_has(bench):
    bench.drop("a.csv", "Foo,Bar\n1,2\n")
    result = bench.load()
    assert result.is_refused
    assert "none of its columns is one of forms.submissions (Foo, Bar); add `columns:`" in result.message


def test_an_expression_that_fails_on_a_value_says_so(bench):
    bench.drop("a.csv", "ID,Date,Name\n1,2026-02-28,x\n")
    result = bench.load(feed({**COLUMNS, "full_name": "cast(Name as integer) + 1"}))
    assert result.is_refused
    assert "Use try_cast" in result.message


def test_an_expression_of_wrong_types_is_named_before_reading(bench):
    bench.drop("a.csv", "ID,Date,Name\n1,2026-02-28,x\n")
    result = bench.load(feed({**COLUMNS, "full_name": "round(Name, Date)"}))
    assert result.is_refused
    assert "full_name: 'round(Name, Date)' cannot be evaluated" in result.message


def test_an_arrival_that_is_no_time_is_told(bench):
    rows = "".join(f"{number},2026-02-28,2026-02-28\n" for number in range(20))
    bench.drop("a.csv", "ID,Date,Name\n" + rows + "99,2026-02-28,never\n")
    result = bench.load(feed(arrival="Name"))
    assert (result.rows_loaded, result.rows_quarantined) == (20, 1)
    assert bench.quarantine("reasons") == [(["arrival: not a TIMESTAMP"],)]


def test_files_of_different_shape_load_in_one_batch(bench):
    bench.drop("a.csv", "submission_id,submitted_at\ns1,2026-02-28\n")
    bench.drop("b.csv", "submitted_at,email,submission_id\n2026-02-28,b@x.com,s2\n")
    bench.drop("c.jsonl", [{"submission_id": "s3", "submitted_at": "2026-02-28", "email": "c@x.com"}])
    assert bench.load().rows_loaded == 3
    assert bench.raw("submission_id, email") == [("s1", None), ("s2", "b@x.com"), ("s3", "c@x.com")]


def test_one_content_in_three_formats_is_one_version(bench):
    bench.drop("a.csv", "submission_id,submitted_at,consent_marketing\ns1,2026-02-28T10:00:00Z,true\n")
    bench.drop("b.jsonl", [{"submission_id": "s1", "submitted_at": "2026-02-28 10:00:00", "consent_marketing": True}])
    bench.connection.execute(
        "copy (select 's1' as submission_id, timestamp '2026-02-28 10:00:00' as submitted_at, true as consent_marketing) "
        f"to '{bench.path('c.parquet')}' (format parquet)"
    )
    result = bench.load()
    assert (result.rows_in, result.rows_loaded, result.rows_collapsed) == (3, 1, 2)

from collections import Counter

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.publish.build import MARTS_FILE, SCHEMA
from orchestration.publish.difference import ChangedRow, compare_versions


def version(folder, **tables):
    """Write a published file with tables given as SELECT statements."""
    folder.mkdir()
    with duckdb.connect(str(folder / MARTS_FILE)) as connection:
        connection.execute(f"create schema {SCHEMA}")
        for name, query in tables.items():
            connection.execute(f"create table {SCHEMA}.{name} as {query}")
    return folder


def test_rows_are_told_apart_by_the_tables_key(tmp_path):
    before = version(
        tmp_path / "1",
        dim_person="select * from (values (1, 'mql', 50.0), (2, 'sql', 10.0), (3, null, 1.0)) as p (person_id, stage, score)",
        dim_same="select 1 as x",
    )
    after = version(
        tmp_path / "2",
        dim_person="select * from (values (1, 'sql', 50.0), (3, null, 1.0), (4, 'name', 2.0)) as p (person_id, stage, score)",
        dim_same="select 1 as x",
    )
    person, same = compare_versions(before, after, {"dim_person": ["person_id"]}, examples=5)
    assert (person.rows_before, person.rows_after) == (3, 3)
    assert (person.added, person.removed, person.changed) == (1, 1, 1)
    assert person.columns == {"stage": 1}
    assert person.rows == (
        ChangedRow("changed", {"person_id": 1}, {"stage": ("mql", "sql")}),
        ChangedRow("removed", {"person_id": 2}),
        ChangedRow("added", {"person_id": 4}),
    )
    assert same.is_same
    assert not person.is_same


def test_a_table_or_column_that_only_one_version_holds_is_said(tmp_path):
    before = version(tmp_path / "1", a="select 1 as k, 2 as gone", b="select 1 as x")
    after = version(tmp_path / "2", a="select 1 as k, 3 as fresh", c="select 1 as x")
    a, b, c = compare_versions(before, after, {"a": ["k"]})
    assert (a.new_columns, a.lost_columns) == (("fresh",), ("gone",))
    assert not a.is_same
    assert (b.rows_before, b.rows_after) == (1, None)
    assert (c.rows_before, c.rows_after) == (None, 1)


def test_only_the_tables_that_were_asked_for_are_compared(tmp_path):
    before = version(tmp_path / "1", a="select 1 as k", b="select 1 as x")
    after = version(tmp_path / "2", a="select 2 as k", b="select 2 as x")
    assert [table.table for table in compare_versions(before, after, {}, ["b"])] == ["b"]


rows = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=12)


@settings(max_examples=30, deadline=None)
@given(rows, rows)
def test_bags_of_rows_differ_as_counters_do(before, after):
    import tempfile
    from pathlib import Path

    def bag(values):
        listed = ", ".join(f"({k}, {'null' if v is None else repr(v)})" for k, v in [*values, (9, "z")])
        return f"select * from (values {listed}) as t (k, v)"

    with tempfile.TemporaryDirectory() as scratch:
        folders = [version(Path(scratch) / name, t=bag(values)) for name, values in (("1", before), ("2", after))]
        (found,) = compare_versions(*folders, {})
    assert found.added == (Counter(after) - Counter(before)).total()
    assert found.removed == (Counter(before) - Counter(after)).total()
    assert found.changed == 0

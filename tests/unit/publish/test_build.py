import stat
from dataclasses import replace

import duckdb
import pytest

from orchestration.errors import PublishError
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE, build_files
from orchestration.publish.policy import PiiPolicy, PublishedColumn, PublishedTable


def table(name, **policies):
    columns = tuple(PublishedColumn(column, PiiPolicy(policy), f"the {column}") for column, policy in policies.items())
    return PublishedTable(name=name, schema="marts", description="One row per thing.", columns=columns)


@pytest.fixture
def warehouse(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.dim_person as select 'p1' as person_id, 'a@b.cn' as email, '王小明' as full_name, 'x' as note"
        )
        connection.execute("create table marts.mart_count as select 3 as person_count")
    return path


PERSON = table("dim_person", person_id="keep", email="hmac", full_name="mask", note="drop")
COUNT = table("mart_count", person_count="keep")


def test_the_bi_file_holds_every_mart_without_personal_data_and_the_people_file_whole_ones(warehouse, tmp_path):
    assert build_files(warehouse, tmp_path, [PERSON, COUNT], b"k" * 32) == {"dim_person": 1, "mart_count": 1}
    with duckdb.connect(str(tmp_path / MARTS_FILE), read_only=True) as connection:
        assert connection.execute("select * exclude (email) from marts.dim_person").fetchall() == [("p1", "王***")]
        assert len(connection.execute("select email from marts.dim_person").fetchone()[0]) == 64
        assert connection.execute("from marts.mart_count").fetchall() == [(3,)]
        assert connection.execute("select comment from duckdb_columns() where column_name = 'email'").fetchall() == [
            ("the email",)
        ]
    with duckdb.connect(str(tmp_path / PEOPLE_FILE), read_only=True) as connection:
        assert connection.execute("from marts.dim_person").fetchall() == [("p1", "a@b.cn", "王小明", "x")]
        assert connection.execute("select count(*) from duckdb_tables()").fetchone() == (1,)


def test_rows_are_laid_out_by_the_columns_that_readers_filter_by_and_then_by_the_key(warehouse, tmp_path):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create table marts.fct_entry as "
            "select range as entry_id, if(range % 2 = 0, 'mql', 'sql') as stage, 7 as points from range(400000) order by -range"
        )
    entries = replace(table("fct_entry", entry_id="keep", stage="keep", points="keep"), key=("entry_id",))
    skipped = {}
    for cluster_by in ((), ("stage",)):
        folder = tmp_path / str(len(cluster_by))
        folder.mkdir()
        build_files(warehouse, folder, [replace(entries, cluster_by=cluster_by)], b"k" * 32)
        with duckdb.connect(str(folder / MARTS_FILE), read_only=True) as connection:
            groups = connection.execute(
                "select distinct row_group_id, stats from pragma_storage_info('marts.fct_entry') "
                "where column_name = 'stage' and segment_type = 'VARCHAR'"
            ).fetchall()
            skipped[cluster_by] = sum("Min: mql, Max: sql" not in stats for _, stats in groups)
            ids = connection.execute("select entry_id from marts.fct_entry where stage = 'sql'").fetchnumpy()[
                "entry_id"
            ]
            assert len(ids) == 200_000
            if cluster_by:
                assert (ids[1:] > ids[:-1]).all()
    assert skipped[()] == 0
    assert skipped[("stage",)] >= 2


def test_only_the_owner_may_read_the_people_file(warehouse, tmp_path):
    build_files(warehouse, tmp_path, [PERSON, COUNT], b"k" * 32)
    assert stat.S_IMODE((tmp_path / PEOPLE_FILE).stat().st_mode) == 0o600


def test_the_published_file_holds_no_trace_of_a_dropped_or_hashed_value(warehouse, tmp_path):
    build_files(warehouse, tmp_path, [PERSON], b"k" * 32)
    content = (tmp_path / MARTS_FILE).read_bytes()
    assert b"a@b.cn" not in content
    assert "王小明".encode() not in content


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (table("dim_gone", x="keep"), "marts.dim_gone: not in the warehouse"),
        (table("mart_count", person_count="mask"), "mart_count.person_count: mask is defined for"),
        (table("mart_count"), "mart_count.person_count: meta.pii is missing"),
        (table("mart_count", person_count="keep", more="keep"), "mart_count.more: declared, but not in the table"),
    ],
)
def test_a_table_that_does_not_fit_its_yml_is_named(warehouse, tmp_path, wrong, problem):
    with pytest.raises(PublishError) as raised:
        build_files(warehouse, tmp_path, [wrong], b"k" * 32)
    assert problem in str(raised.value)

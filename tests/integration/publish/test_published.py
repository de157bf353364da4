import hashlib
import json
import shutil
import stat
from dataclasses import replace

import duckdb
import pytest

from orchestration.publish.policy import PiiPolicy, published_tables
from orchestration.publish.publisher import GateRefusedError, publish
from orchestration.publish.versions import current_version, read_manifest
from orchestration.transform.project import load_manifest


@pytest.fixture(scope="module")
def folder(warehouse_home):
    return current_version(warehouse_home.published_dir)


@pytest.fixture(scope="module")
def marts(folder):
    with duckdb.connect(str(folder / "leadrelay.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def tables(warehouse_home):
    return published_tables(load_manifest(warehouse_home))


def test_every_mart_is_published_as_a_table_with_the_rows_that_the_manifest_counts(marts, tables, warehouse_home):
    found = {
        name: marts.execute(f'select count(*) from marts."{name}"').fetchone()[0]
        for (name,) in marts.execute("select table_name from duckdb_tables()").fetchall()
    }
    assert found.keys() == {table.name for table in tables}
    assert found == read_manifest(warehouse_home.published_dir)["tables"]
    assert marts.execute("select count(*) from duckdb_views() where not internal").fetchone() == (0,)


def test_kept_columns_are_published_as_they_are_and_dropped_ones_not_at_all(marts, tables):
    published = {}
    for table, column in marts.execute("select table_name, column_name from duckdb_columns()").fetchall():
        published.setdefault(table, set()).add(column)
    for table in tables:
        assert published[table.name] == {column.name for column in table.columns if column.policy is not PiiPolicy.DROP}


def test_no_email_or_phone_of_any_person_stands_in_the_bi_file(marts, folder):
    """Every text column of every table is searched for every identifier of the people file."""
    marts.execute(f"attach '{folder / 'leadrelay_people.duckdb'}' as people (read_only)")
    marts.execute(
        "create or replace temporary table secret as select distinct identifier_value as value from people.marts.bridge_person_identifier "
        "where identifier_type in ('email', 'phone')"
    )
    assert marts.execute("select count(*) from secret").fetchone()[0] > 100
    columns = marts.execute(
        "select table_name, column_name from duckdb_columns() where data_type = 'VARCHAR' and database_name = 'leadrelay' and not internal"
    ).fetchall()
    leaks = [
        f"{table}.{column}"
        for table, column in columns
        if marts.execute(
            f'select count(*) from leadrelay.marts."{table}" as t semi join secret on t."{column}" = secret.value'
        ).fetchone()[0]
    ]
    marts.execute("detach people")
    assert leaks == []


def test_the_people_file_may_be_read_by_its_owner_only(folder):
    assert stat.S_IMODE((folder / "leadrelay_people.duckdb").stat().st_mode) == 0o600


def test_the_manifest_names_the_version_and_the_checksum_of_each_file(folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["version"] == folder.name
    for name, facts in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == facts["sha256"]
    assert not list(folder.glob("*.wal"))


def test_the_results_of_the_gate_to_publishing_are_published(marts, warehouse_home):
    manifest = read_manifest(warehouse_home.published_dir)
    found = marts.execute(
        "select count(*) from marts.ops_quality_result where gate = 'marts' and run_id = ?", [manifest["run_id"]]
    ).fetchone()[0]
    assert found == manifest["checks"]["passed"] + manifest["checks"]["failed"]


def test_a_critical_failure_at_the_gate_leaves_what_is_published(home_copy, tmp_path):
    root = tmp_path / "checkout"
    shutil.copytree(home_copy.expectations_dir, root / "expectations")
    shutil.copytree(home_copy.seeds_dir / "operate", root / "seeds" / "operate")
    suite = root / "expectations" / "marts" / "dim_stage.json"
    suite.write_text(
        json.dumps(
            {
                "name": "dim_stage",
                "expectations": [
                    {
                        "type": "expect_table_row_count_to_equal",
                        "kwargs": {"value": 1},
                        "severity": "critical",
                        "meta": {"name": "one_stage_only", "level": "table"},
                    }
                ],
            }
        ),
        encoding="utf-8",
    )
    manifest = load_manifest(home_copy)
    before = current_version(home_copy.published_dir)
    with pytest.raises(GateRefusedError, match="one_stage_only"):
        publish(replace(home_copy, project_root=root), manifest, "refused-run")
    assert current_version(home_copy.published_dir) == before
    assert not list(home_copy.published_dir.glob("versions/.tmp-*"))
    with duckdb.connect(str(home_copy.warehouse_path), read_only=True) as connection:
        kept = connection.execute(
            "select check_name from ops.quality_results where run_id = 'refused-run' and is_batch_refused"
        ).fetchall()
    assert kept == [("one_stage_only",)]

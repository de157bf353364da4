"""The warehouse file: always complete, in UTC, opened by one process at a time."""

import subprocess
import sys

import duckdb
import pytest

from orchestration.errors import ConfigError, LeadrelayError, WarehouseLockedError
from orchestration.ingest.warehouse import OPS_TABLES, connect, prepare
from orchestration.settings import PROJECT_ROOT, Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "a home", sources_file=PROJECT_ROOT / "sources.yml")


def test_everything_exists_before_anything_is_fed(settings, contract):
    with connect(settings) as connection:
        prepare(connection, contract)
        prepare(connection, contract)
        tables = connection.execute(
            "select schema_name, count(*) from duckdb_tables() group by all order by all"
        ).fetchall()
        assert tables == [("ops", len(OPS_TABLES)), ("quarantine", 24), ("raw", 24)]
        assert connection.execute(
            "select current_setting('TimeZone'), max(version) from ops.schema_version"
        ).fetchone() == ("UTC", 1)
        columns = [row[0] for row in connection.execute("describe raw.crm__leads").fetchall()]
        assert columns[-12:] == [
            "_extra", "_record_id", "_record_key", "_source_system", "_is_date_only", "_arrived_at", "_load_sequence", "_load_id",
            "_source_file", "_source_row", "_loaded_at", "_row_hash",
        ]  # fmt: skip


def test_a_held_warehouse_names_the_process(settings):
    connect(settings).close()
    code = f"import duckdb, sys; c = duckdb.connect({str(settings.warehouse_path)!r}); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseLockedError, match=f"held by process {holder.pid} "):
            connect(settings, attempts=2, pause_seconds=0.01)
        holder.stdin.close()
    connect(settings).close()


def test_another_schema_version_is_refused(settings, contract):
    with connect(settings) as connection:
        prepare(connection, contract)
        connection.execute("update ops.schema_version set version = 99")
        with pytest.raises(LeadrelayError, match="schema version 99"):
            prepare(connection, contract)


def test_a_new_contract_column_is_added_and_a_changed_type_is_refused(settings, contract):
    with connect(settings) as connection:
        prepare(connection, contract)
        connection.execute("alter table raw.crm__leads drop column email")
        prepare(connection, contract)
        assert ("email",) in connection.execute(
            "select column_name from duckdb_columns() where table_name = 'crm__leads'"
        ).fetchall()
        connection.execute("alter table raw.crm__leads alter column email type blob")
        with pytest.raises(
            ConfigError, match=r"raw\.crm__leads\.email is BLOB in the warehouse and VARCHAR in the contract"
        ):
            prepare(connection, contract)


def test_a_file_that_is_no_warehouse_says_so(settings):
    settings.home.mkdir()
    settings.warehouse_path.write_text("not a database" * 500, encoding="utf-8")
    with pytest.raises(LeadrelayError, match="can be rebuilt from landing"):
        connect(settings)


def test_a_read_only_reader_of_the_published_file_is_not_in_the_way(settings, tmp_path):
    with duckdb.connect(str(tmp_path / "published.duckdb")) as published:
        published.execute("create table t as select 1 as a")
    with duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True), connect(settings):
        pass

"""The merge budget at work: a stop, its acceptance on record, and the version that is published then."""

import shutil
from dataclasses import replace

import duckdb
import pytest

from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.operate.acceptance import accept_stops, stops_screen
from orchestration.operate.raw_assets import open_warehouse
from orchestration.operate.status import status_screen
from orchestration.publish.movement import measure_movement
from orchestration.publish.publisher import GateRefusedError, publish
from orchestration.publish.versions import current_version, read_manifest
from orchestration.transform.project import load_manifest


def change(settings, *statements):
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        for statement in statements:
            connection.execute(statement)


def merge_many(settings):
    """Let thirty known persons become one, as a mailbox of a whole fair would do it: rows of the marts, planted."""
    change(
        settings,
        # One limit at a time.
        "delete from seeds.identity_budget where limit_name like 'largest%'",
        """
        create temporary table planted as
        select person_id from marts.dim_person where not is_anonymous order by person_id limit 31
        """,
        "create temporary table head as select min(person_id) as person_id from planted",
        """
        update marts.bridge_person_record set person_id = (select person_id from head)
        where person_id in (select person_id from planted)
        """,
        """
        delete from marts.dim_person
        where person_id in (select person_id from planted) and person_id <> (select person_id from head)
        """,
        """
        insert into marts.mart_identity_edge by name
        select
            md5(person_id) as edge_id, (select person_id from head) as record_id_a, person_id as record_id_b,
            (select person_id from head) as person_id_a, (select person_id from head) as person_id_b,
            'email' as link_rule, 'email' as identifier_type, 'everyone@fair.example.cn' as link_value, true as is_admitted
        from planted where person_id <> (select person_id from head)
        """,
    )


def findings_of(settings, manifest, run_id):
    with pytest.raises(GateRefusedError) as refused:
        publish(settings, manifest, run_id)
    return str(refused.value), [
        result.name
        for result in refused.value.results
        if result.is_batch_refused and result.spec.table_name == "identity_budget"
    ]


def test_a_stop_names_the_identifier_an_acceptance_lets_it_through_and_both_are_on_record(home_copy):
    before = current_version(home_copy.published_dir)
    manifest = load_manifest(home_copy)
    merge_many(home_copy)
    # Other suites look at the planted rows as well; what they say of them is not the question here.
    calm = replace(home_copy, project_root=home_copy.home / "no-suites")
    (calm.project_root / "expectations" / "marts").mkdir(parents=True)
    shutil.copytree(home_copy.seeds_dir / "operate", calm.seeds_dir / "operate")
    message, limits = findings_of(calm, manifest, "stopped")
    assert limits == ["merged_person_share"]
    assert "email e*** (30 links)" in message
    assert current_version(home_copy.published_dir) == before

    screen = stops_screen(home_copy)
    assert "30 links by email everyone@fair.example.cn" in screen
    with pytest.raises(LeadrelayError, match="--reason is empty"):
        accept_stops(home_copy, " ")
    assert "merged_person_share" in accept_stops(home_copy, "all of them are our own staff", "ada")
    with pytest.raises(LeadrelayError, match="nothing to accept"):
        accept_stops(home_copy, "again")
    assert "by ada" in stops_screen(home_copy)

    published = publish(calm, manifest, "accepted")
    assert current_version(home_copy.published_dir) == published.folder
    said = read_manifest(home_copy.published_dir)
    assert [entry["limit_name"] for entry in said["identity"]["accepted"]] == ["merged_person_share"]
    assert "accepted    merged_person_share" in status_screen(home_copy)
    with duckdb.connect(str(published.folder / "leadrelay.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select merged_known_count, is_refused from marts.ops_identity_quality where run_id = 'accepted'"
        ).fetchall()
    assert rows == [(30, False)]

    # The next night compares with the version that was let through.
    again = publish(calm, manifest, "next")
    assert again.manifest["identity"]["merged_known_count"] == 0
    assert again.manifest["identity"]["accepted"] == []


def test_a_size_beyond_the_budget_stops_even_the_first_publish(home_copy, tmp_path):
    change(home_copy, "update seeds.identity_budget set value = 1 where limit_name = 'largest_person_records'")
    empty = home_copy.published_dir.rename(tmp_path / "aside")
    assert empty.exists()
    message, limits = findings_of(home_copy, load_manifest(home_copy), "first")
    assert limits == ["largest_person_records"]
    assert "the budget is 1" in message
    assert current_version(home_copy.published_dir) is None


def test_a_budget_without_rows_stops_nothing(home_copy):
    change(home_copy, "update seeds.identity_budget set value = 0, floor = 0", "delete from seeds.identity_budget")
    published = publish(home_copy, load_manifest(home_copy), "free")
    assert published.manifest["checks"]["failed"] == 0


def test_the_same_run_again_replaces_its_row_of_quality(home_copy):
    for _ in range(2):
        published = publish(home_copy, load_manifest(home_copy), "twice")
    with duckdb.connect(str(published.folder / "leadrelay.duckdb"), read_only=True) as connection:
        found = connection.execute("select count(*) from marts.ops_identity_quality where run_id = 'twice'").fetchone()
    assert found == (1,)
    with duckdb.connect(str(home_copy.warehouse_path), read_only=True) as connection:
        assert connection.execute("select count(*) from ops.identity_quality where run_id = 'twice'").fetchone() == (1,)


def test_a_version_against_itself_has_moved_nobody(warehouse_home):
    folder = current_version(warehouse_home.published_dir)
    movement = measure_movement(folder, folder)
    assert (movement.merged, movement.merged_known, movement.unmerged) == (0, 0, 0)
    assert movement.largest_before == movement.largest_person_records
    assert movement.known_before > 100


def test_a_rebuild_keeps_what_people_accepted_and_the_history_of_quality(home_copy):
    change(
        home_copy,
        "insert into ops.identity_acceptances values ('r', 'merged_person_share', 0.5, null, 'ada', timestamp '2026-01-01', 'why')",
    )
    with duckdb.connect(str(home_copy.warehouse_path), read_only=True) as connection:
        kept = connection.execute("select * from ops.identity_quality order by run_id").fetchall()
    with open_warehouse(home_copy, load_contract(home_copy.models_dir), from_scratch=True) as connection:
        assert connection.execute("select run_id, accepted_by from ops.identity_acceptances").fetchall() == [
            ("r", "ada")
        ]
        assert connection.execute("select * from ops.identity_quality order by run_id").fetchall() == kept
        assert kept

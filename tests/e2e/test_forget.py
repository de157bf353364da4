"""`leadrelay forget` on a whole home: the person is in no byte of it, nobody else's row has moved, and a landed copy brings nothing back."""

import json
import shutil

import duckdb
import pytest

from orchestration import cli
from orchestration.activate.audiences import choose
from orchestration.activate.files import activate
from orchestration.erase.search import search_files
from orchestration.erase.values import Sought, Value
from orchestration.ingest.contract import load_contract
from orchestration.ingest.loader import load_table
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect
from orchestration.publish.build import PEOPLE_FILE
from orchestration.publish.versions import current_version
from orchestration.report.build import renew_report

WIDEST = """
    select dim_person.person_id, dim_person.email, dim_person.phone
    from marts.dim_person
    inner join marts.bridge_person_record using (person_id)
    where dim_person.email is not null and dim_person.phone is not null
    group by all
    order by count(distinct source_table) desc, count(*) desc, person_id
    limit 1
"""
KEPT = ("dim_person", "bridge_person_record", "bridge_person_identifier", "bridge_person_attribute")


def rows_of_others(settings, person_id):
    with duckdb.connect(str(current_version(settings.published_dir) / PEOPLE_FILE), read_only=True) as connection:
        return {
            table: connection.execute(
                f"select * from marts.{table} where person_id <> ? order by all", [person_id]
            ).fetchall()
            for table in KEPT
        }


@pytest.fixture(scope="module")
def forgotten(copied_home, tmp_path_factory):
    """A home after the person with the most kinds of records was forgotten; what stood before beside it."""
    settings = copied_home(tmp_path_factory.mktemp("forget") / "home")
    with duckdb.connect(str(current_version(settings.published_dir) / PEOPLE_FILE), read_only=True) as connection:
        person_id, email, phone = connection.execute(WIDEST).fetchone()
    before = rows_of_others(settings, person_id)
    activate(settings, choose(settings, []))
    renew_report(current_version(settings.published_dir), settings.models_dir, ("en",), pictures=False)
    landing = settings.home.parent / "landing before"
    shutil.copytree(settings.landing_dir, landing)
    return settings, (person_id, email, phone), before, landing


def run(settings, monkeypatch, capsys, *words):
    monkeypatch.setenv("LEADRELAY_HOME", str(settings.home))
    code = cli.main(words)
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_person_is_forgotten_and_the_proof_holds(forgotten, monkeypatch, capsys):
    settings, (person_id, email, phone), before, landing = forgotten
    code, screen = run(settings, monkeypatch, capsys, "forget", email)
    assert code == 0
    assert "Nothing was changed" in screen
    assert email not in screen
    code, screen = run(settings, monkeypatch, capsys, "forget", email, "--yes")
    assert code == 0, screen
    assert "proof       nothing found" in screen

    # A search of another hand: the bytes of landing and of every file that is not packed, the tables of those that are.
    sought = Sought({Value("email", email), Value("phone", phone), Value("person", person_id)})
    assert search_files([landing], sought).found, "the search finds what is there"
    needles = [email.encode(), phone.encode(), person_id.encode()]
    for path in settings.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [needle for needle in needles if needle in content], path
    for path in (settings.warehouse_path, *settings.published_dir.glob("versions/*/*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as connection:
            for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                whole = f'cast(t as varchar) from "{schema}"."{table}" as t'
                found = connection.execute(
                    f"select count(*) from (select {whole}) as rows (text) where contains(lower(text), lower(?)) or contains(text, ?)",
                    [email, person_id],
                ).fetchone()
                assert found == (0,), (path, schema, table)
    assert rows_of_others(settings, person_id) == before
    # the version that stood before keeps its report, which holds sums and nobody
    (old,) = settings.published_dir.glob("versions/*/report.html")
    assert old.parent != current_version(settings.published_dir)
    assert json.loads((old.parent / "manifest.json").read_text(encoding="utf-8"))["report"]["files"] == [old.name]


def test_a_landed_copy_does_not_bring_the_person_back(forgotten):
    settings, (_, email, _), _, landing = forgotten
    source = next(
        p for p in sorted(landing.rglob("crm/leads/*/*.jsonl")) if email in p.read_text(encoding="utf-8").lower()
    )
    copy = settings.landing_dir / "crm" / "leads" / "2027-01-01" / source.name
    copy.parent.mkdir(parents=True)
    shutil.copy(source, copy)
    contract = load_contract(settings.models_dir)
    table = contract.table("crm.leads")
    with connect(settings) as connection:
        result = load_table(
            connection, settings, table, load_sources(settings.sources_file, contract).feeds("crm.leads"), "again"
        )
        assert "of forgotten persons left out" in result.message
        assert connection.execute(
            "select count(*) from raw.crm__leads where lower(email) = lower(?)", [email]
        ).fetchone() == (0,)
        assert connection.execute("select sum(row_count) > 0 from ops.forgotten_rows").fetchone() == (True,)


def test_what_was_typed_is_noted_without_the_person(forgotten):
    settings, (person_id, email, _), _, _ = forgotten
    text = (settings.home / "commands.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    ended = [line for line in lines if line["command"] == "forget" and line["outcome"] != "started"]
    assert [(line["options"], line["outcome"]) for line in ended] == [("{}", "ok"), ('{"yes": true}', "ok")]
    assert email not in text
    assert person_id not in text

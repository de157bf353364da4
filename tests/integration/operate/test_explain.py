"""`leadrelay explain`: what leads to a person, the evidence between its records, and the JSON document."""

import json
import re
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import LeadrelayError
from orchestration.operate.dossier import gather
from orchestration.operate.explain import explain, explain_as_json
from orchestration.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="module")
def linked(warehouse: duckdb.DuckDBPyConnection) -> str:
    """The person held together by most kinds of evidence, a device among them."""
    return warehouse.execute(
        """
        select person_id_a
        from marts.mart_identity_edge
        where is_admitted
        group by person_id_a
        having bool_or(link_rule = 'device')
        order by count(distinct link_rule) desc, count(*) desc, person_id_a
        limit 1
        """
    ).fetchone()[0]


@pytest.fixture(scope="module")
def dossier(warehouse_home: Settings, linked: str) -> dict:
    return gather(warehouse_home, linked)


def test_every_person_is_held_together_by_published_links(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Union-find over the admitted links leaves exactly the persons of bridge_person_record."""
    heads: dict[str, str] = {}

    def head(record: str) -> str:
        while heads.setdefault(record, record) != record:
            record = heads[record]
        return record

    for a, b in warehouse.execute(
        "select record_id_a, record_id_b from marts.mart_identity_edge where is_admitted"
    ).fetchall():
        heads[head(a)] = head(b)
    found, published = defaultdict(set), defaultdict(set)
    for record, person in warehouse.execute("select record_id, person_id from marts.bridge_person_record").fetchall():
        found[head(record)].add(record)
        published[person].add(record)
    assert {frozenset(records) for records in found.values()} == {frozenset(records) for records in published.values()}


def test_the_chains_lead_from_the_earliest_record_to_each_other(dossier: dict, linked: str) -> None:
    records = [record["record_id"] for record in dossier["records"]]
    assert records[0] == linked
    assert [chain["to_record_id"] for chain in dossier["chains"]] == records[1:]
    for chain in dossier["chains"]:
        assert chain["is_connected"]
        assert chain["steps"][0]["from_record_id"] == linked
        assert chain["steps"][-1]["to_record_id"] == chain["to_record_id"]
    assert "device" in {step["rule"] for chain in dossier["chains"] for step in chain["steps"]}


def test_each_step_of_a_chain_is_a_value_that_both_records_show(
    dossier: dict, warehouse: duckdb.DuckDBPyConnection
) -> None:
    for chain in dossier["chains"]:
        for step in chain["steps"]:
            if step["rule"] in {"crm_merge", "steward", "probable"}:
                continue
            (shown,) = warehouse.execute(
                """
                select count(distinct record_id) from intermediate.int_identity__identifiers
                where identifier_value = ? and is_usable and record_id in (?, ?)
                """,
                [step["value"], step["from_record_id"], step["to_record_id"]],
            ).fetchone()
            assert shown == 2, step


def test_a_record_its_key_and_a_retired_id_lead_to_the_person(
    warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection, dossier: dict, linked: str
) -> None:
    record = dossier["records"][-1]
    assert gather(warehouse_home, record["record_id"])["person_id"] == linked
    retired, successor = warehouse.execute(
        "select retired_person_id, person_id from marts.bridge_person_redirect order by retired_person_id limit 1"
    ).fetchone()
    screen = explain(warehouse_home, retired)
    assert f"asked for {retired}" in screen
    assert f"person    {successor}" in screen
    assert "Merges and un-merges" in screen


def test_two_records_may_be_named_by_number_id_or_beginning(
    warehouse_home: Settings, linked: str, dossier: dict
) -> None:
    last = dossier["records"][-1]
    by_number = explain(warehouse_home, linked, ["#1", f"#{last['number']}"])
    assert f"Evidence: the shortest chain between #1 and #{last['number']}" in by_number
    assert explain(warehouse_home, linked, [linked, last["record_id"][:12]]) == by_number


def test_a_record_of_somebody_else_is_told_to_be_theirs(
    warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection, linked: str
) -> None:
    record, owner = warehouse.execute(
        "select record_id, person_id from marts.bridge_person_record where person_id <> ? order by record_id limit 1",
        [linked],
    ).fetchone()
    with pytest.raises(LeadrelayError, match=owner):
        explain(warehouse_home, linked, ["#1", record])
    with pytest.raises(LeadrelayError, match="no record of this person"):
        explain(warehouse_home, linked, ["#1", "#999"])


def test_a_guarded_identifier_is_told_with_its_reason(
    warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection
) -> None:
    person, reason = warehouse.execute(
        """
        select bridge.person_id, guarded.reason_en
        from marts.mart_identity_guarded as guarded
        inner join marts.bridge_person_identifier as bridge
            on guarded.identifier_type = bridge.identifier_type and guarded.identifier_value = bridge.identifier_value
        order by bridge.person_id limit 1
        """
    ).fetchone()
    screen = explain(warehouse_home, person)
    assert "Guarded: identifiers that link nobody" in screen
    assert reason in screen


def test_the_lines_of_a_score_sum_to_it_and_say_what_is_missing(
    warehouse_home: Settings, warehouse: duckdb.DuckDBPyConnection
) -> None:
    """The persons with most kinds of lines: decayed, cut by a rejection, fit gained and lost."""
    persons = warehouse.execute(
        """
        select person_id from marts.fct_score_event
        group by person_id having bool_or(score_kind = 'rejection') and bool_or(score_kind = 'fit')
        order by count(distinct rule_id) desc, person_id limit 5
        """
    ).fetchall()
    assert persons
    for (person,) in persons:
        found = gather(warehouse_home, person)
        assert sum(line["points_now"] for line in found["scores"]) == pytest.approx(found["score"]["score"], abs=1e-9)
        assert any(abs(line["points_now"]) < abs(line["points"]) for line in found["scores"])
        screen = explain(warehouse_home, person)
        assert f"points_now sum to {found['score']['score']:.2f}: fit {found['score']['fit_score']:.2f}" in screen
        if found["score"]["mql_blockers"]:
            assert f"missing for an MQL by score: {', '.join(found['score']['mql_blockers'])}" in screen


def test_the_json_document_is_the_one_that_the_reference_describes(warehouse_home: Settings, linked: str) -> None:
    document = json.loads(explain_as_json(warehouse_home, linked))
    text = (Path(PROJECT_ROOT) / "docs" / "reference" / "explain.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
    assert set(document) == described
    assert document["person_id"] == linked
    assert document["records"][0]["observed_at"] is None or "T" in document["records"][0]["observed_at"]

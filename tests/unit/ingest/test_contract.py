"""The source ymls are the one list of raw columns, and an incomplete one is named by file, table and column."""

from pathlib import Path

import pytest

from orchestration.errors import ConfigError
from orchestration.ingest.contract import LINEAGE_NAMES, load_contract
from orchestration.settings import PROJECT_ROOT

HEAD = "sources:\n  - name: crm\n    schema: raw\n    tables:\n      - name: leads\n"


def contract_of(tmp_path: Path, tables: str):
    folder = tmp_path / "staging" / "crm"
    folder.mkdir(parents=True)
    (folder / "_crm__sources.yml").write_text(HEAD + tables, encoding="utf-8")
    return load_contract(tmp_path)


def test_the_repository_declares_every_table_of_the_raw_contract():
    contract = load_contract(PROJECT_ROOT / "models")
    assert len(contract.tables) == 24
    leads = contract.table("crm.leads")
    assert [column.name for column in leads.key_columns] == ["lead_id"]
    assert leads.version_column == "updated_at"
    assert leads.identifier == "crm__leads"
    assert not LINEAGE_NAMES & set(leads.column_names)


def test_an_unknown_table_names_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean: crm\.leads"):
        load_contract(PROJECT_ROOT / "models").table("crm.lead")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("        columns: []\n", "no columns declared"),
        ("        columns:\n          - {name: a, data_type: VARCHAR}\n", "needs a natural key"),
        (
            "        columns:\n          - {name: a, data_type: INT, meta: {key: true}}\n",
            "column a: data_type is 'INT'",
        ),
        (
            "        columns:\n          - {name: a, data_type: VARCHAR, meta: {key: true, pii: hide}}\n",
            "column a: pii is 'hide'",
        ),
        (
            "        meta: {event_time: at}\n        columns:\n          - {name: a, data_type: VARCHAR, meta: {key: true}}\n",
            "event_time names column 'at'",
        ),
        (
            "        identifier: leads\n        columns:\n          - {name: a, data_type: VARCHAR, meta: {key: true}}\n",
            "identifier is 'leads'",
        ),
    ],
)
def test_an_incomplete_table_is_named(tmp_path, columns, told):
    with pytest.raises(ConfigError, match=r"_crm__sources\.yml: table crm\.leads") as caught:
        contract_of(tmp_path, columns)
    assert told in str(caught.value)


def test_a_checkout_without_source_ymls_says_so(tmp_path):
    with pytest.raises(ConfigError, match="no source yml found"):
        load_contract(tmp_path)

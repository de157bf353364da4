"""A draft of a suite is one that the gate takes, and says what the rows have in common; the Data Docs ask nobody outside."""

import json
import re
from dataclasses import replace

import pytest

from orchestration.errors import ConfigError, LeadrelayError
from orchestration.operate.quality import proposal_screen
from orchestration.quality.datadocs import build_data_docs
from orchestration.quality.suites import load_suite
from orchestration.settings import PROJECT_ROOT
from tests.integration.ingest.conftest import submission

SOURCES = "version: 1\nsources: {forms: {tables: {submissions: {feeds: [{system: site, files: '*'}]}}}}\n"


@pytest.fixture
def settings(bench):
    path = bench.settings.home / "sources.yml"
    path.write_text(SOURCES, encoding="utf-8")
    kinds = ("trial", "survey")
    bench.drop(
        "a.jsonl", [submission(number, form_type=kinds[number % 2], email=f"a{number}@x.com") for number in range(60)]
    )
    return replace(bench.settings, sources_file=path)


def test_a_draft_holds_every_kind_of_check_and_what_the_rows_have_in_common(settings, bench, tmp_path):
    out = tmp_path / "draft.json"
    assert "entries drafted from 1 files" in proposal_screen(settings, "forms.submissions", out)
    suite = load_suite(out, "forms.submissions")
    entries = dict(zip((check.name for check in suite.checks), suite.expectations, strict=True))
    assert {
        "columns_match_contract",
        "keys_are_unique",
        "submitted_at_is_plausible",
        "row_count_is_usual",
        "quarantine_is_usual",
    } <= entries.keys()
    assert entries["form_type_is_known"]["kwargs"]["value_set"] == ["survey", "trial"]
    assert entries["form_type_is_known"]["severity"] == "warning"
    assert entries["email_is_filled"]["meta"]["reason"] == "filled in all of 60 rows so far"
    assert not any(name.startswith("phone") for name in entries)
    # The gate takes it as it is: the batch that it was drafted from goes through, another vocabulary is told.
    root = tmp_path / "checkout"
    (root / "expectations" / "raw").mkdir(parents=True)
    out.rename(root / "expectations" / "raw" / "forms__submissions.json")
    drafted = replace(settings, project_root=root)
    result = bench.load(settings=drafted)
    assert (result.is_refused, result.rows_loaded, [check.name for check in result.checks if not check.is_success]) == (
        False,
        60,
        [],
    )
    bench.drop("b.jsonl", [submission(100 + number, form_type="quiz", email="a@x.com") for number in range(9)])
    told = [check.name for check in bench.load(settings=drafted).checks if not check.is_success]
    assert told == ["form_type_is_known"]


def test_wrong_asks_are_told(settings, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean"):
        proposal_screen(settings, "forms.submission")
    out = tmp_path / "draft.json"
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(LeadrelayError, match="is there already"):
        proposal_screen(settings, "forms.submissions", out)
    assert out.read_text(encoding="utf-8") == "mine"


def test_the_data_docs_hold_every_suite_and_ask_nobody_outside(tmp_path):
    folder = tmp_path / "expectations" / "raw"
    folder.mkdir(parents=True)
    source = PROJECT_ROOT / "expectations" / "raw" / "crm__leads.json"
    (folder / source.name).write_bytes(source.read_bytes())
    first = build_data_docs(tmp_path / "expectations", tmp_path / "published", tmp_path / "docs")
    pages = list((tmp_path / "docs").rglob("*.html"))
    assert {first.name, "crm__leads.html"} <= {page.name for page in pages}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=[\"']?https?://", text, re.IGNORECASE), page
    names = [entry["meta"]["name"] for entry in json.loads(source.read_text(encoding="utf-8"))["expectations"]]
    assert len(names) > 10

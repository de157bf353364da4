"""Files loaded once more: raw is what a rebuild would hold, nothing is lost, and a batch that is refused leaves all as it was."""

from dataclasses import replace

import pytest

from orchestration.errors import ConfigError, LeadrelayError
from orchestration.ingest import reload as reloading
from orchestration.ingest.loader import load_table
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect
from orchestration.operate.quarantine import reload_screen, rows_screen

MAPPINGS = {
    "as it was": "feeds: [{system: site, files: '*'}]",
    "corrected": "feeds: [{system: site, files: '*', options: {timestamp_format: ['%Y-%m-%dT%H:%M:%SZ', '%d.%m.%Y %H:%M']}}]",
    "wrong": "feeds: [{system: site, files: '*', columns: {submission_id: \"'same'\", submitted_at: submitted_at}}]",
}


def submission(number: int, **values: object) -> dict:
    return {"submission_id": f"s{number}", "submitted_at": "2026-02-28T10:00:00Z", "form_type": "trial", **values}


@pytest.fixture
def company(bench, many):
    """Two nights: the first brings a row with a German date, the second repeats a sound row of the first and changes another."""
    german = submission(1, submitted_at="28.02.2026 10:00")
    bench.land("a.jsonl", [german, submission(2), submission(3), *many], 1, "2026-03-01T02:00:00Z")
    bench.load()
    bench.land("b.jsonl", [submission(2), submission(3, form_type="demo_request"), *many], 2, "2026-03-02T02:00:00Z")
    bench.load()
    assert len(bench.quarantine()) == 1
    return bench


def mapped(bench, mapping):
    """The bench's settings with a sources.yml of one table; the warehouse is closed, since a reload opens it by itself."""
    path = bench.settings.home / "sources.yml"
    path.write_text(
        f"version: 1\nsources:\n  forms:\n    tables:\n      submissions:\n        {MAPPINGS[mapping]}\n",
        encoding="utf-8",
    )
    return replace(bench.settings, sources_file=path)


def everything(settings):
    """Raw and quarantine without the clock's columns."""
    with connect(settings) as connection:
        return [
            connection.execute(f"select {columns} from {relation} order by all").fetchall()
            for columns, relation in (
                ("* exclude (_loaded_at)", "raw.forms__submissions"),
                ("* exclude (quarantined_at)", "quarantine.forms__submissions"),
            )
        ]


def test_a_corrected_mapping_brings_the_row_in_and_is_what_a_rebuild_holds(
    company, tmp_path, contract, empty_warehouse
):
    company.connection.close()
    settings = mapped(company, "corrected")
    (done,) = reloading.reload_quarantined(settings)
    assert (done.asked, done.later) == (
        ("forms/submissions/2026-03-01/a.jsonl",),
        ("forms/submissions/2026-03-02/b.jsonl",),
    )
    assert done.quarantined_before == 1
    result = done.result
    assert (result.rows_in, result.rows_loaded, result.rows_quarantined, result.rows_collapsed) == (45, 24, 0, 21)
    assert "24 loaded, 21 repeated, 0 in quarantine (before: 1)" in reload_screen([done])

    rebuilt = replace(settings, home=tmp_path / "rebuilt")
    rebuilt.home.mkdir()
    rebuilt.warehouse_path.write_bytes(empty_warehouse.read_bytes())
    (settings.landing_dir).rename(rebuilt.landing_dir)
    feeds = load_sources(settings.sources_file, contract).feeds("forms.submissions")
    with connect(rebuilt) as connection:
        load_table(connection, rebuilt, contract.table("forms.submissions"), feeds, "rebuild")
    assert everything(settings) == everything(rebuilt)


def test_replaying_twice_is_replaying_once(company):
    company.connection.close()
    settings = mapped(company, "as it was")
    reloading.reload_quarantined(settings)
    once = everything(settings)
    reloading.reload_quarantined(settings)
    assert everything(settings) == once
    assert len(once[1]) == 1
    reloading.reload_quarantined(mapped(company, "corrected"))
    assert reloading.reload_quarantined(settings) == []
    assert reload_screen([]) == "no row is in quarantine, so nothing was loaded again"


def test_what_was_replaced_stays_in_the_history_of_loads(company):
    company.connection.close()
    settings = mapped(company, "as it was")
    reloading.reload_matching(settings, "forms/*/2026-03-02/*")
    with connect(settings) as connection:
        loads = connection.execute("select load_sequence, status from ops.loads order by all").fetchall()
    assert loads == [(1, "loaded"), (2, "loaded"), (2, "replaced")]


def test_a_reload_that_is_refused_leaves_everything_as_it_was(company):
    company.connection.close()
    before = everything(mapped(company, "as it was"))
    (done,) = reloading.reload_matching(mapped(company, "wrong"), "forms/*")
    assert done.result.is_refused
    assert "is as it was" in reload_screen([done])
    assert everything(mapped(company, "as it was")) == before


def test_a_file_that_is_gone_from_landing_is_named_before_anything_changes(company):
    company.connection.close()
    settings = mapped(company, "as it was")
    (settings.landing_dir / "forms/submissions/2026-03-02/b.jsonl").unlink()
    before = everything(settings)
    with pytest.raises(LeadrelayError, match=r"2026-03-02/b\.jsonl is no longer in landing"):
        reloading.reload_matching(settings, "forms/*/2026-03-01/*")
    assert everything(settings) == before


def test_wrong_names_are_told(company):
    company.connection.close()
    settings = mapped(company, "as it was")
    with pytest.raises(LeadrelayError, match=r"no loaded file matches 'crm/\*'\. .*leadrelay run"):
        reloading.reload_matching(settings, "crm/*")
    with pytest.raises(ConfigError, match=r"Did you mean: forms\.submissions"):
        reloading.reload_quarantined(settings, "forms.submission")


def test_rows_are_shown_with_place_reasons_and_text(company):
    company.connection.close()
    shown = rows_screen(company.settings, "forms.submissions")
    assert shown.startswith("forms/submissions/2026-03-01/a.jsonl, row 1")
    assert "28.02.2026 10:00" in shown
    assert shown.endswith("1 of 1 open rows of forms.submissions")
    assert rows_screen(company.settings, "forms.submissions", "crm/*").startswith("no row")

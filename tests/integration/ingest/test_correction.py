"""Rows out of quarantine, corrected by a person and handed back: they load as everything does, once, and a rebuild makes the same."""

import csv
import json
import stat
from dataclasses import replace

import pytest

from orchestration.errors import LeadrelayError
from orchestration.ingest import reload as reloading
from orchestration.ingest.correction import export_open_rows, load_corrected_rows
from orchestration.ingest.loader import load_table
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect
from orchestration.operate.quarantine import export_screen, fix_screen, quarantine_screen
from tests.integration.ingest.conftest import submission

SOURCES = """\
version: 1
sources:
  forms:
    tables:
      submissions:
        feeds:
          - system: site
            files: "*.csv"
            options: {delimiter: ";"}
            columns: {submission_id: Nr, submitted_at: When, message: Text, phone: Tel, form_type: "lower(Kind)"}
          - {system: app, files: "*.jsonl"}
"""
HEADER = "Nr;When;Text;Tel;Kind;Colour\n"
GOOD = "".join(f"s{number};2026-02-28;hello;+86 138 0000 {number:04};TRIAL;red\n" for number in range(20))
BAD = "s90;28.02.2026;=1+1;+49 30 123;TRIAL;blue\ns91;the day before;;;TRIAL;\nno record at all\n"


@pytest.fixture
def company(bench, many):
    """One CSV file with a mapping and three bad rows, and a file of JSON lines with one."""
    path = bench.settings.home / "sources.yml"
    path.write_text(SOURCES, encoding="utf-8")
    settings = replace(bench.settings, sources_file=path)
    feeds = load_sources(path, bench.contract).feeds("forms.submissions")
    bench.drop("a.csv", HEADER + GOOD + BAD)
    bench.drop("b.jsonl", [*many, submission(92, submitted_at="never", tags=["a", "b"])])
    bench.load(*feeds)
    assert len(bench.quarantine()) == 4
    bench.connection.close()
    return settings


def raw(settings, columns="submission_id, message, phone, form_type, cast(_extra as varchar)"):
    with connect(settings) as connection:
        return connection.execute(
            f"select {columns} from raw.forms__submissions where submission_id in ('s90', 's91', 's92', 's93') order by submission_id"
        ).fetchall()


def states(settings):
    with connect(settings) as connection:
        return connection.execute(
            "select source_row, status from quarantine.forms__submissions order by source_file, source_row"
        ).fetchall()


def correct(path, changes):
    """Edit an exported CSV as a person does."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row.update(changes.get(row["_row"], {}))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


CHANGES = {
    "21": {"When": "2026-02-28"},
    "22": {"When": "2026-02-27", "Text": "now with text"},
    "23": {"Nr": "s93", "When": "2026-02-26", "Kind": "SURVEY"},
}


def test_corrected_rows_load_through_their_own_mapping_once(company, tmp_path):
    out = tmp_path / "fix.csv"
    assert export_screen(company, "forms.submissions", "*.csv", out).startswith("3 open rows of forms.submissions")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = out.read_text(encoding="utf-8")
    assert "'=1+1" in text
    assert "no record at all" in text
    correct(out, CHANGES)
    screen = fix_screen(company, "forms.submissions", out)
    assert "3 rows corrected" in screen
    assert "3 rows in: 3 loaded, 0 repeated, 0 in quarantine again" in screen
    after = raw(company)
    assert after == [
        ("s90", "=1+1", "+49 30 123", "trial", '{"Colour":"blue"}'),
        ("s91", "now with text", None, "trial", None),
        ("s93", None, None, "survey", None),
    ]
    assert [status for _, status in states(company)] == ["corrected", "corrected", "corrected", "open"]
    # Handing it back once more changes nothing.
    assert "0 rows corrected, 3 are not open (any more)" in fix_screen(company, "forms.submissions", out)
    assert raw(company) == after
    assert "a.csv" not in quarantine_screen(company)


def test_json_rows_keep_their_types_and_what_is_wrong_still_is_open_again(company, tmp_path):
    out = tmp_path / "fix.jsonl"
    assert export_open_rows(company, "forms.submissions", "*.jsonl", out) == 1
    record = json.loads(out.read_text(encoding="utf-8"))
    assert record["_reasons"] == "submitted_at: not a TIMESTAMP: never"
    assert record["tags"] == ["a", "b"]
    with pytest.raises(LeadrelayError, match="would be refused, so nothing was changed"):
        load_corrected_rows(company, "forms.submissions", out)
    assert states(company)[-1] == (21, "open")
    assert not list(company.landing_dir.glob("*/*/*/corrected-by-hand-*"))
    out.write_text(json.dumps({**record, "submitted_at": "2026-02-28"}) + "\n", encoding="utf-8")
    load_corrected_rows(company, "forms.submissions", out)
    assert raw(company, "submission_id, cast(_extra as varchar)") == [("s92", '{"tags":["a","b"]}')]


def test_a_rebuild_and_a_replay_make_the_same_of_corrected_rows(company, tmp_path, contract, empty_warehouse):
    out = tmp_path / "fix.csv"
    export_open_rows(company, "forms.submissions", "*.csv", out)
    correct(out, CHANGES)
    load_corrected_rows(company, "forms.submissions", out)
    once, closed = raw(company), states(company)
    reloading.reload_quarantined(company)
    reloading.reload_matching(company, "forms/submissions/*/a.csv")
    assert (raw(company), states(company)) == (once, closed)
    rebuilt = replace(company, home=tmp_path / "rebuilt")
    rebuilt.home.mkdir()
    rebuilt.warehouse_path.write_bytes(empty_warehouse.read_bytes())
    company.landing_dir.rename(rebuilt.landing_dir)
    feeds = load_sources(company.sources_file, contract).feeds("forms.submissions")
    with connect(rebuilt) as connection:
        result = load_table(connection, rebuilt, contract.table("forms.submissions"), feeds, "rebuild")
    assert (result.rows_in, result.rows_loaded, result.rows_quarantined) == (47, 43, 4)
    assert (raw(rebuilt), states(rebuilt)) == (once, closed)


def test_a_file_of_another_shape_is_refused_with_the_row(company, tmp_path):
    out = tmp_path / "fix.jsonl"
    out.write_text('{"submission_id": "s90"}\n', encoding="utf-8")
    with pytest.raises(LeadrelayError, match="row 1 has no _file and _row"):
        load_corrected_rows(company, "forms.submissions", out)
    with pytest.raises(LeadrelayError, match=r"has to end in \.csv or \.jsonl"):
        export_open_rows(company, "forms.submissions", "*", tmp_path / "fix.xlsx")
    with pytest.raises(LeadrelayError, match="is there already"):
        export_open_rows(company, "forms.submissions", "*", out)

"""The report is one file that asks nobody for anything, the same for the same version, and never stops a night."""

import json
import re
import shutil
from dataclasses import replace

import duckdb
import pytest

from orchestration.publish import publisher
from orchestration.publish.assets import _report_results
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.publish.publisher import Published
from orchestration.report import build
from orchestration.report.build import renew_report, write_report
from orchestration.report.contents import gather_contents
from orchestration.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "models"


@pytest.fixture(scope="module")
def folder(published_file, tmp_path_factory):
    """A copy of a version with its report, pictures included."""
    target = tmp_path_factory.mktemp("version")
    for name in (MARTS_FILE, PEOPLE_FILE, "manifest.json"):
        shutil.copy(published_file.with_name(name), target / name)
    renew_report(target, MODELS, ("en", "zh"), pictures=True)
    return target


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_manifest_names_the_report_and_its_pictures(folder):
    files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["report"]["files"]
    assert files == sorted(path.name for path in folder.glob("report*"))
    assert len([name for name in files if name.endswith(".png")]) == 8
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in files if name.endswith(".png"))
    assert all((folder / name).stat().st_mode & 0o777 == 0o644 for name in files)


def test_the_page_loads_nothing(page):
    assert "default-src 'none'" in page
    own = page.split("<script>", 1)[0] + page.rsplit("<script>", 1)[1]
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", own))
    # The name of the chart language, which nobody fetches.
    assert all(address.startswith("https://vega.github.io/schema/vega-lite/") for address in addresses)
    assert not re.search(r"<(link|img|iframe)|@import|url\(", own)


def test_the_same_version_gives_the_same_bytes(folder, page):
    write_report(folder, *_facts(folder), MODELS, ("en", "zh"), pictures=False)
    assert (folder / "report.html").read_text(encoding="utf-8") == page


def _facts(folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest["version"], manifest["as_of"]


def test_nobody_stands_in_the_report(folder, page):
    with duckdb.connect(str(folder / PEOPLE_FILE), read_only=True) as connection:
        people = connection.execute("select person_id, email, phone, full_name from marts.dim_person").fetchall()
    text = page.split("<script>", 1)[0] + page.rsplit("<script>", 1)[1]
    assert len(people) > 500
    assert not [value for person in people for value in person if value and len(value) > 3 and value in text]


def test_its_figures_are_the_marts(folder):
    english, chinese = gather_contents(folder, MODELS, ("en", "zh"))
    with duckdb.connect(str(folder / MARTS_FILE), read_only=True) as connection:
        counted = connection.execute(
            """
            select count(*) from marts.fct_lifecycle_transition
            where track = 'acquisition' and stage = 'customer' and entered_at >= '2025-07-01' and entered_at < '2026-07-01'
            """
        ).fetchone()[0]
    assert english.cards[-1] == ("New in Customer", f"{counted:,}")
    assert chinese.cards[-1][1] == english.cards[-1][1]
    assert [section.name for section in english.sections if section.chart is None] == []


def test_a_report_that_fails_costs_no_night(warehouse_home, tmp_path, monkeypatch):
    def fail(folder, *_more, **_options):
        (folder / "report.html").write_text("half")
        raise OSError("no space left on device")

    monkeypatch.delenv("LEADRELAY_REPORT", raising=False)
    monkeypatch.setattr(build, "write_report", fail)
    files, problem = publisher._write_report(warehouse_home, tmp_path, "v1", "2026-07-01")
    assert (files, list(tmp_path.iterdir())) == ([], [])
    assert problem == "OSError: no space left on device"
    check, warning = _report_results(Published(tmp_path, {"report": {"files": files}}, (), problem))
    assert not check.passed
    assert check.severity.value == "WARN"
    assert "leadrelay report" in warning.metadata["warning"].value


def test_it_can_be_switched_off(warehouse_home, tmp_path, monkeypatch):
    monkeypatch.setenv("LEADRELAY_REPORT", "off")
    assert publisher._write_report(warehouse_home, tmp_path, "v1", "") == ([], "")
    monkeypatch.setenv("LEADRELAY_REPORT", "sometimes")
    assert "write full (page and pictures)" in publisher._write_report(warehouse_home, tmp_path, "v1", "")[1]


def test_a_version_without_rows_still_has_a_report(folder, tmp_path):
    shutil.copy(folder / MARTS_FILE, tmp_path / MARTS_FILE)
    with duckdb.connect(str(tmp_path / MARTS_FILE)) as connection:
        for table in ("mart_funnel_volume", "mart_stage_velocity", "mart_funnel_conversion", "mart_attribution"):
            connection.execute(f"delete from marts.{table}")
        connection.execute("drop table marts.mart_channel_efficiency")
    (told,) = gather_contents(tmp_path, MODELS, ("en",))
    assert [section.name for section in told.sections if section.chart is not None] == ["targets"]
    assert write_report(tmp_path, "v", "", MODELS, ("en",), pictures=False) == ["report.html"]


def test_before_the_first_publish_the_command_says_what_to_type(tmp_path, warehouse_home, capsys, monkeypatch):
    from orchestration.cli import main

    monkeypatch.setenv("LEADRELAY_HOME", str(replace(warehouse_home, home=tmp_path).home))
    assert main(["report"]) == 1
    assert "Type: leadrelay run" in capsys.readouterr().err

"""The threats of docs/reference/security.md that no other test holds: modes, paths, secrets, formulas, loopback."""

import ast
import csv
import io
import os
import re
import socket
import stat
from pathlib import Path

import duckdb
import pytest

from orchestration import cli
from orchestration.errors import ExitCode, ReaderError
from orchestration.export import spreadsheet_text, write_csv
from orchestration.ingest.collect import readers
from orchestration.ingest.contract import load_contract
from orchestration.ingest.expressions import _parser
from orchestration.ingest.warehouse import connect
from orchestration.operate.modes import close_home, closed_by_default
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.publish.versions import MANIFEST_FILE, current_version, new_version
from orchestration.settings import PROJECT_ROOT, Settings

HIDDEN = "p4ss-w0rd"
PAGE = PROJECT_ROOT / "docs" / "reference" / "security.md"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", sources_file=PROJECT_ROOT / "sources.yml")


# -------------------------------------------------------------------------------------------------------------- the page


def test_every_threat_of_the_page_names_a_test_that_is_there():
    rows = re.findall(r"^\| [^|]+ \| [^|]+ \| (`[^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 12
    for row in rows:
        for path, name in re.findall(r"`([\w/.]+\.py)(?:::(\w+))?`", row):
            source = (PROJECT_ROOT / "tests" / path).read_text(encoding="utf-8")
            functions = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
            assert not name or name in functions, f"{path}::{name}"


# ----------------------------------------------------------------------------------------------------------------- modes


def test_a_night_leaves_nothing_open_but_what_is_published(warehouse_home):
    close_home(warehouse_home)
    home = warehouse_home.home
    assert mode(warehouse_home.warehouse_path) == 0o600
    for name in ("landing", "dagster", "dbt"):
        assert mode(home / name) & 0o007 == 0, name
    folder = current_version(warehouse_home.published_dir)
    assert [mode(folder / file) for file in (MARTS_FILE, PEOPLE_FILE, MANIFEST_FILE)] == [0o644, 0o600, 0o644]


def test_what_is_published_can_be_read_even_where_new_files_are_closed(tmp_path):
    with closed_by_default(), new_version(tmp_path / "published", "v1") as folder:
        (folder / MANIFEST_FILE).write_text("{}", encoding="utf-8")
    version = current_version(tmp_path / "published")
    assert [mode(path) for path in (version, version.parent, version / MANIFEST_FILE)] == [0o755, 0o755, 0o644]


def test_a_command_makes_files_for_its_owner_alone(settings, monkeypatch, capsys):
    monkeypatch.setenv("LEADRELAY_HOME", str(settings.home))
    before = os.umask(0o022)
    try:
        assert cli.main(["sample", "--people", "20", "--days", "30"]) == ExitCode.OK
        assert os.umask(0o022) == 0o022, "the process is as it was"
    finally:
        os.umask(before)
    capsys.readouterr()
    others = [path for path in settings.home.rglob("*") if mode(path) & 0o077]
    assert others == []
    assert mode(settings.home) == 0o711, "others may pass to published/ and see nothing"


def test_an_open_warehouse_is_closed_when_it_is_opened(settings):
    connect(settings).close()
    settings.warehouse_path.chmod(0o644)
    connect(settings).close()
    assert mode(settings.warehouse_path) == 0o600


# ----------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "words", [("rollback", "../../etc"), ("rollback", "/etc"), ("reload", "../../*"), ("quarantine", "show", "../x")]
)
def test_a_name_on_the_command_line_is_never_a_path(home_copy, monkeypatch, capsys, words):
    monkeypatch.setenv("LEADRELAY_HOME", str(home_copy.home))
    before = (home_copy.published_dir / "current").readlink()
    assert cli.main(list(words)) != ExitCode.OK
    assert "Traceback" not in capsys.readouterr().err
    assert (home_copy.published_dir / "current").readlink() == before


def test_what_parses_mappings_reaches_nothing_outside(tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(duckdb.PermissionException):
        _parser().cursor().execute(f"select * from read_csv('{tmp_path / 'a.csv'}')")
    with pytest.raises(duckdb.InvalidInputException):
        _parser().cursor().execute("set enable_external_access = true")


# --------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("is_foreseen", [True, False])
def test_an_error_that_quotes_a_secret_is_told_without_it(settings, monkeypatch, caplog, is_foreseen):
    """Whatever a driver raises, no secret comes into a message, the log, or the chain of causes that Dagster stores."""
    from dagster._utils.error import serializable_error_info_from_exc_info

    monkeypatch.setenv("CRM_TOKEN", HIDDEN)
    table = load_contract(settings.models_dir).table("crm.leads")

    def read(reading, _feed):
        value = reading.secrets.read("CRM_TOKEN")
        kind = ReaderError if is_foreseen else RuntimeError
        raise kind(f"401 for https://user:{value}@crm.example/leads")

    monkeypatch.setattr(readers, "_reader", lambda _: read)
    monkeypatch.setattr(readers, "_identity", lambda _: "api")
    monkeypatch.setattr(readers, "_asked", lambda _: {})
    feed = type("AnyFeed", (), {"system": "api", "reader": "rest"})()
    if is_foreseen:
        told = readers.collect_table(settings, table, [feed])[0].message
    else:
        with pytest.raises(ReaderError) as caught:
            readers.collect_table(settings, table, [feed])
        stored = serializable_error_info_from_exc_info((caught.type, caught.value, caught.tb))
        told = stored.to_string()
    assert "401 for https://" in told
    assert HIDDEN not in told + caplog.text


def test_settings_can_be_shown(monkeypatch, settings):
    monkeypatch.setenv("LEADRELAY_ALERT_URLS", f"json://u:{HIDDEN}@localhost")
    assert HIDDEN not in repr(settings)


# -------------------------------------------------------------------------------------------------------------- formulas


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|' /C calc'!A0", "+49 30 1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1+1", "\u3000=1"],
)
def test_a_formula_becomes_a_text(text):
    assert spreadsheet_text(text) == f"'{text}"


@pytest.mark.parametrize("value", ["Anna", "a=b", "", None, -2, -2.5, "1-2"])
def test_what_is_no_formula_stays(value):
    assert spreadsheet_text(value) == value


def test_a_csv_for_people_holds_no_formula_in_names_and_cells():
    stream = io.StringIO(newline="")
    write_csv(stream, ["name", "=x"], [["=1+1", -1], ["Anna, B", None]])
    assert list(csv.reader(io.StringIO(stream.getvalue(), newline=""))) == [
        ["name", "'=x"],
        ["'=1+1", "-1"],
        ["Anna, B", ""],
    ]


# Every module that writes a format which a spreadsheet opens, and why it need not go through `orchestration.export`.
WRITERS = {
    "export.py": "the shared function itself",
    "erase/landing.py": "a landed file keeps what its rows say",
    "ingest/correction.py": "handed out and back: it quotes what would be a formula, and takes that back when the file returns",
    "identity/files.py": "parameters of a model, which dbt reads back",
    "scoring/files.py": "parameters of a model, which dbt reads back",
    "sample/files.py": "the sample company lands what a system would, formulas and all",
}
WRITES = re.compile(r"csv\.(?:writer|DictWriter)|to_csv|to_excel|openpyxl|xlsxwriter|format csv|pyarrow\.csv")


def test_no_other_module_writes_what_a_spreadsheet_opens():
    found = {
        path.relative_to(PROJECT_ROOT / "orchestration").as_posix()
        for path in (PROJECT_ROOT / "orchestration").rglob("*.py")
        if WRITES.search(path.read_text(encoding="utf-8"))
    }
    assert found <= WRITERS.keys(), "write it with orchestration.export.write_csv, or say here why not"


# -------------------------------------------------------------------------------------------------------------- loopback


def test_nothing_listens_on_more_than_this_machine():
    """Neither the code nor what is handed out to operate it names another address to listen on; Dagster's own default is loopback."""
    from dagster_webserver.cli import DEFAULT_WEBSERVER_HOST

    assert socket.gethostbyname(DEFAULT_WEBSERVER_HOST) == "127.0.0.1"
    handed_out = [
        *(PROJECT_ROOT / "orchestration").rglob("*.py"),
        *(PROJECT_ROOT / "deploy").glob("*"),
        *(PROJECT_ROOT / "docs").rglob("*.md"),
        PROJECT_ROOT / "Makefile",
        PROJECT_ROOT / "README.md",
    ]
    open_to_all = [path for path in handed_out if "0.0.0.0" in path.read_text(encoding="utf-8")]  # noqa: S104
    assert open_to_all == []


def test_the_service_runs_with_little_rights():
    unit = Path(PROJECT_ROOT / "deploy" / "leadrelay.service").read_text(encoding="utf-8")
    for line in ("UMask=0077", "NoNewPrivileges=true", "ProtectSystem=strict", "User=leadrelay"):
        assert f"\n{line}\n" in unit

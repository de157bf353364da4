"""The policy is data; what is due goes, nothing else does, and a policy that cannot be read removes nothing."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.cli import _parser
from orchestration.cli import main as cli_main
from orchestration.erase.retention import due_files, keep_nightly, read_retention
from orchestration.errors import ConfigError
from orchestration.ingest.contract import load_contract
from orchestration.ingest.warehouse import connect, prepare
from orchestration.operate.audit import FILE_NAME, audited, command_name, copy_commands
from orchestration.publish.versions import new_version, read_versions, version_name
from orchestration.settings import PROJECT_ROOT, Settings

HEADER = "artefact,keep_days,keep_at_least,applied_by,reason\n"


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", sources_file=PROJECT_ROOT / "sources.yml")


def policy(settings, tmp_path, **days):
    rows = {"versions": "", "quarantine": "", "landing": "", "commands": "", "activation": "", **days}
    path = tmp_path / "own" / "operate" / "retention.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "".join(f"{name},{value},3,,\n" for name, value in rows.items()), encoding="utf-8")
    return replace(settings, own_seeds_dir=tmp_path / "own")


def test_the_checkouts_policy_keeps_everything_but_old_versions_and_audience_files(settings):
    assert {name: keep.days for name, keep in read_retention(settings).items()} == {
        **dict.fromkeys(("versions", "quarantine", "landing", "commands")),
        "activation": 30,
    }


@pytest.mark.parametrize("days", ["-1", "soon"])
def test_a_policy_that_says_nonsense_removes_nothing(settings, tmp_path, days):
    with pytest.raises(ConfigError, match="nothing was removed"):
        read_retention(policy(settings, tmp_path, landing=days))


def test_a_night_removes_quarantined_rows_and_commands_that_are_too_old(settings, tmp_path):
    settings = policy(settings, tmp_path, quarantine="30", commands="30")
    contract = load_contract(settings.models_dir)
    settings.home.mkdir()
    now = datetime.now(tz=UTC).replace(tzinfo=None)
    old, young = now - timedelta(days=31), now - timedelta(days=29)
    lines = [
        {"command_id": name, "started_at": at.isoformat(timespec="seconds")} for name, at in (("a", old), ("b", young))
    ]
    (settings.home / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with connect(settings) as connection:
        prepare(connection, contract)
        for name, at in (("a", old), ("b", young)):
            connection.execute(
                "insert into quarantine.crm__leads (quarantine_id, arrived_at) values (?, ?)", [name, at]
            )
        assert keep_nightly(connection, settings, contract) == {"quarantine": 1, "commands": 1, "activation": 0}
        assert connection.execute("select quarantine_id from quarantine.crm__leads").fetchall() == [("b",)]
        copy_commands(connection, settings)
        assert connection.execute("select command_id from ops.commands").fetchall() == [("b",)]


def test_landed_files_are_due_by_their_arrival(settings, tmp_path):
    settings = policy(settings, tmp_path, landing="365")
    for name, days in (("old", 366), ("young", 364)):
        path = settings.landing_dir / "crm" / "leads" / "day" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf-8")
        arrived = (datetime.now(tz=UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        sidecar = {"arrived_at": arrived, "load_sequence": 1, "sha256": "", "source_system": "crm"}
        path.with_name(f"{path.name}.arrival.json").write_text(json.dumps(sidecar), encoding="utf-8")
    assert due_files(settings, read_retention(settings)["landing"]) == ["crm/leads/day/old.jsonl"]


def test_versions_stay_by_number_and_by_age(tmp_path):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    names = [version_name(start + timedelta(days=day), "run") for day in range(6)]
    for name in names:
        with new_version(tmp_path, name, 3, start + timedelta(days=1, hours=-1)) as folder:
            (folder / "manifest.json").write_text(json.dumps({"version": name}), encoding="utf-8")
    assert [one["version"] for one in read_versions(tmp_path)] == names[:0:-1], (
        "all but the one that is older than the moment"
    )


def test_a_command_is_noted_with_its_end_and_without_what_names_somebody(settings):
    with audited(settings, "explain", {"identity": "ann@x.com", "json": True}) as entry:
        entry.exit_code = 0
    with pytest.raises(ZeroDivisionError), audited(settings, "run", {"as_of": None, "rebuild": True}):
        raise ZeroDivisionError
    with audited(settings, None, {"identity": "ann@x.com"}):
        pass
    path = settings.home / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text(encoding="utf-8")
    assert "ann" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["command"], line["options"], line["outcome"], line["exit_code"]) for line in lines] == [
        ("explain", '{"json": true}', "started", None),
        ("explain", '{"json": true}', "ok", 0),
        ("run", '{"rebuild": true}', "started", None),
        ("run", '{"rebuild": true}', "error", 1),
    ]
    assert all(line["os_user"] and line["started_at"] for line in lines)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["identity", "accept", "--reason", "x"], "identity accept"),
        (["--version"], None),
        (["status"], None),
        (["forget", "ann@x.com", "--yes"], "forget"),
        (["run", "--as-of", "2026-01-01"], "run"),
    ],
)
def test_which_commands_are_noted(words, name):
    assert command_name(words) == name


# They show figures, names of tables and masked or hashed rows, and change nothing that anybody reads.
SHOWS_NOBODY_AND_CHANGES_NOTHING = {
    "status", "versions", "diff", "docs", "quality docs", "quarantine list", "identity evaluate", "score evaluate",
    "metrics list", "metrics query",
}  # fmt: skip


def commands(parser, words=()):
    """Every command that the parser knows."""
    branches = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not branches:
        yield " ".join(words)
    for branch in branches:
        for word, below in branch.choices.items():
            yield from commands(below, (*words, word))


def test_every_command_is_noted_but_those_that_show_nobody_and_change_nothing():
    known = set(commands(_parser()))
    assert known - {command_name(name.split()) for name in known} == SHOWS_NOBODY_AND_CHANGES_NOTHING


def test_rows_that_leave_the_quarantine_and_come_back_by_hand_are_noted(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("LEADRELAY_HOME", str(settings.home))
    for word in ("export", "fix"):
        assert cli_main(["quarantine", word, "crm.leads", str(tmp_path / "rows of ann.csv")]) == 0
    lines = [json.loads(line) for line in (settings.home / FILE_NAME).read_text(encoding="utf-8").splitlines()]
    assert [(line["command"], line["options"]) for line in lines if line["outcome"] == "ok"] == [
        ("quarantine export", '{"table": "crm.leads"}'),
        ("quarantine fix", '{"table": "crm.leads"}'),
    ]

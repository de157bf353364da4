"""`leadrelay versions`, `rollback` and `retention` as somebody types them, on real folders."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.cli import main
from orchestration.errors import ExitCode
from orchestration.publish.versions import new_version
from orchestration.settings import load_settings

NAMES = ("20260301T020000.000Z-aaaa0000", "20260302T020000.000Z-bbbb0000", "20260303T020000.000Z-cccc0000")


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("LEADRELAY_HOME", str(home))
    monkeypatch.delenv("LEADRELAY_SOURCES", raising=False)
    monkeypatch.delenv("LEADRELAY_SEEDS", raising=False)
    return home


@pytest.fixture
def three_versions(home):
    for day, name in enumerate(NAMES, start=1):
        with new_version(home / "published", name) as folder:
            manifest = {
                "version": name, "as_of": f"2026-03-0{day}T02:00:00", "run_id": name[-8:], "tables": {"a": 1_000 * day, "b": 234},
                "files": {"leadrelay.duckdb": {"bytes": 3 << 20}, "leadrelay_people.duckdb": {"bytes": 1 << 19}},
            }  # fmt: skip
            (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def run(capsys, *words):
    code = main(words)
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize("words", [["versions"], ["rollback"]])
@pytest.mark.usefixtures("home")
def test_before_the_first_night_there_is_nothing_to_list_or_go_back_to(capsys, words):
    code, out, err = run(capsys, *words)
    assert (code, out) == (ExitCode.ERROR, "")
    assert "leadrelay run" in err


@pytest.mark.usefixtures("three_versions")
def test_versions_are_listed_newest_first_with_what_is_published(capsys):
    code, out, _ = run(capsys, "versions")
    assert code == ExitCode.OK
    lines = out.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["cccc0000", "bbbb0000", "aaaa0000"]
    assert lines[1].split() == ["*", NAMES[2], "2026-03-03T02:00:00", "3,234", "3.5", "cccc0000"]
    assert [line[0] for line in lines[1:4]] == ["*", " ", " "]
    assert lines[-1] == "* is published; go back with: leadrelay rollback [VERSION]"


@pytest.mark.usefixtures("three_versions")
def test_one_goes_back_to_the_version_before_or_a_named_one_and_forward_again(capsys, home):
    current = home / "published" / "current"
    for words, now in (([], 1), (["20260301"], 0), ([NAMES[2]], 2)):
        code, out, _ = run(capsys, "rollback", *words)
        assert code == ExitCode.OK
        assert out.splitlines()[0] == f"published   {NAMES[now]}"
        assert current.resolve().name == NAMES[now]
    code, out, _ = run(capsys, "rollback", NAMES[2])
    assert (code, out) == (ExitCode.OK, f"published   {NAMES[2]} (it already was)\n")
    code, out, err = run(capsys, "rollback", "20250101")
    assert code == ExitCode.NOT_PUBLISHED
    assert NAMES[0] in err
    assert current.resolve().name == NAMES[2]
    noted = [json.loads(line) for line in (home / "commands.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["outcome"] for line in noted if line["outcome"] != "started"] == ["ok"] * 4 + ["not_published"]


@pytest.fixture
def old_and_young(home, tmp_path, monkeypatch):
    """Two landed files of which a policy of a year keeps one."""
    policy = tmp_path / "own" / "operate" / "retention.csv"
    policy.parent.mkdir(parents=True)
    rows = "versions,,4,,\nquarantine,90,,,\nlanding,365,,,\ncommands,,,,\nactivation,30,,,\n"
    policy.write_text(f"artefact,keep_days,keep_at_least,applied_by,reason\n{rows}", encoding="utf-8")
    monkeypatch.setenv("LEADRELAY_SEEDS", str(policy.parent.parent))
    files = {}
    for name, days in (("old", 366), ("young", 364)):
        path = home / "landing" / "crm" / "leads" / "2026-01-01" / f"crm.{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n", encoding="utf-8")
        arrived = (datetime.now(tz=UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        sidecar = {"arrived_at": arrived, "load_sequence": len(files) + 1, "sha256": "", "source_system": "crm"}
        path.with_name(f"{path.name}.arrival.json").write_text(json.dumps(sidecar), encoding="utf-8")
        files[name] = path
    return files


def test_retention_says_the_policy_and_what_is_due_and_removes_nothing(capsys, old_and_young):
    code, out, _ = run(capsys, "retention")
    assert code == ExitCode.OK
    assert out.splitlines() == [
        "activation  kept 30 days",
        "commands    kept for good",
        "landing     kept 365 days",
        "quarantine  kept 90 days",
        "versions    kept the newest 4",
        "",
        "due         1 landed files",
        "  crm/leads/2026-01-01/crm.old.jsonl",
        "",
        "Nothing was changed; to remove them, add --yes",
    ]
    assert all(path.exists() for path in old_and_young.values())


def test_retention_has_nothing_to_do_where_nothing_is_due(capsys, old_and_young):
    old_and_young["old"].unlink()
    code, out, _ = run(capsys, "retention", "--yes")
    assert code == ExitCode.OK
    assert out.splitlines()[-1] == "due         0 landed files"
    assert old_and_young["young"].exists()
    assert not (load_settings().warehouse_path).exists()


def test_what_retention_removes_is_gone_for_good_and_a_night_that_fails_then_says_so(capsys, old_and_young, home):
    """The file that stays is not what its sidecar says, and its table is required: the night cannot publish."""
    code, _, err = run(capsys, "retention", "--yes")
    assert code == ExitCode.ERROR
    told = "the files are removed, but the warehouse was not built anew: the new rows of crm.leads were refused"
    assert told in err
    assert "crm.young.jsonl: changed since it landed" in err
    assert not old_and_young["old"].exists()
    assert old_and_young["old"].with_name("crm.old.jsonl.arrival.json").exists(), "its place in the order stays"
    assert old_and_young["young"].exists()
    assert not (home / "published" / "current").exists()

import subprocess
import sys

import pytest

from orchestration.cli import main
from orchestration.errors import ExitCode


@pytest.fixture(autouse=True)
def _empty_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADRELAY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LEADRELAY_SOURCES", raising=False)


@pytest.mark.parametrize("command", [["status"], ["explain", "somebody@acme.cn"]])
def test_before_the_first_night_one_is_told_what_to_type(command, capsys):
    assert main(command) == ExitCode.ERROR
    assert "leadrelay run" in capsys.readouterr().err


def test_an_unknown_command_is_wrong_usage():
    with pytest.raises(SystemExit) as raised:
        main(["frobnicate"])
    assert raised.value.code == ExitCode.USAGE


def test_a_moment_that_is_none_is_refused_with_an_example(capsys):
    assert main(["run", "--as-of", "yesterday"]) == ExitCode.USAGE
    assert "2026-03-01T02:00:00" in capsys.readouterr().err


def test_a_sources_file_that_is_not_there_is_named_before_anything_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LEADRELAY_SOURCES", str(tmp_path / "gone.yml"))
    assert main(["run"]) == ExitCode.USAGE
    assert "gone.yml" in capsys.readouterr().err
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


def test_status_starts_without_dagster_dbt_or_great_expectations():
    code = (
        "import sys; from orchestration.cli import main; main(['status']); "
        "print([name for name in ('dagster', 'dbt', 'great_expectations', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

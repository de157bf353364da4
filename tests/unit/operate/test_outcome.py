import pytest

from orchestration.errors import ExitCode, storage_problem
from orchestration.operate.outcome import Failure, Night
from orchestration.operate.screens import night_screen
from orchestration.settings import Settings

FAILURE = Failure(
    "dbt_build", "test grain_dim_person on dim_person: 3 rows\n  e.g. person_id=p1", ExitCode.NOT_PUBLISHED
)


@pytest.mark.parametrize(
    ("refused", "failure", "code"),
    [
        ({}, None, ExitCode.OK),
        ({"crm.leads": "refused"}, None, ExitCode.PUBLISHED_STALE),
        ({}, FAILURE, ExitCode.NOT_PUBLISHED),
        ({"crm.leads": "refused"}, FAILURE, ExitCode.NOT_PUBLISHED),
        ({}, Failure("load_raw", "held by process 7", ExitCode.ERROR), ExitCode.ERROR),
    ],
)
def test_the_exit_code_says_what_a_scheduler_must_know(refused, failure, code):
    assert Night("run", None, refused, failure).exit_code == code


def test_a_failed_night_says_what_failed_what_stands_and_what_to_type(tmp_path):
    settings = Settings(home=tmp_path, sources_file=tmp_path / "sources.yml")
    screen = night_screen(settings, Night("run-7", {"as_of": "2026-06-30T02:00:00"}, {}, FAILURE))
    assert "NOT PUBLISHED: stopped at dbt_build" in screen
    assert "dim_person: 3 rows" in screen
    assert "as of 2026-06-30T02:00:00 (unchanged)" in screen
    assert "leadrelay run" in screen
    assert len(screen.splitlines()) < 24


@pytest.mark.parametrize(
    ("message", "next_line"),
    [
        (storage_problem("OSError: [Errno 28] No space left on device"), "free some space, then: leadrelay run"),
        ("w.duckdb: held by process 7. Next: wait for that process to end", "wait for that process to end"),
        ("crm.leads: refused", "correct the export or sources.yml, then: leadrelay run"),
    ],
)
def test_what_to_do_next_is_what_the_failure_itself_says(tmp_path, message, next_line):
    settings = Settings(home=tmp_path, sources_file=tmp_path / "sources.yml")
    night = Night("run-7", None, {}, Failure("load_raw", message, ExitCode.NOT_PUBLISHED))
    assert f"next        {next_line}" in night_screen(settings, night).splitlines()

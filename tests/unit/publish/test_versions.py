from datetime import UTC, datetime, timedelta, timezone

import pytest

from orchestration.errors import PublishError
from orchestration.publish.versions import (
    KEPT_VERSIONS,
    MANIFEST_FILE,
    current_version,
    new_version,
    roll_back,
    version_name,
)


def publish(folder, name, text="x"):
    with new_version(folder, name) as version:
        (version / "file").write_text(text)
        (version / MANIFEST_FILE).write_text(f'{{"version": "{name}"}}')


def test_names_sort_by_time_whatever_the_timezone():
    moment = datetime(2026, 3, 1, 2, 0, 0, 5000, tzinfo=UTC)
    assert version_name(moment, "1f0c2a9e-77") == "20260301T020000.005Z-1f0c2a9e"
    assert version_name(moment.astimezone(timezone(timedelta(hours=8))), "1f0c2a9e-77") == version_name(
        moment, "1f0c2a9e-77"
    )


def test_nothing_is_current_before_the_first_publish(tmp_path):
    assert current_version(tmp_path) is None


def test_current_points_to_the_newest_version_by_a_relative_link(tmp_path):
    publish(tmp_path, "1")
    publish(tmp_path, "2", "new")
    assert (tmp_path / "current" / "file").read_text() == "new"
    assert not (tmp_path / "current").readlink().is_absolute()


def test_a_failed_build_leaves_what_was_published_and_no_rest(tmp_path):
    publish(tmp_path, "1", "old")

    def fail_halfway():
        with new_version(tmp_path, "2") as folder:
            (folder / "file").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert (tmp_path / "current" / "file").read_text() == "old"
    assert [path.name for path in (tmp_path / "versions").iterdir()] == ["1"]


def test_rests_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / "versions" / ".tmp-0").mkdir(parents=True)
    publish(tmp_path, "1")
    assert [path.name for path in (tmp_path / "versions").iterdir()] == ["1"]


def test_the_newest_versions_stay_for_readers_that_are_still_on_them(tmp_path):
    for number in range(KEPT_VERSIONS + 2):
        publish(tmp_path, str(number))
    assert sorted(path.name for path in (tmp_path / "versions").iterdir()) == ["2", "3", "4"]


def test_the_current_version_is_never_pruned_even_when_the_clock_went_back(tmp_path):
    for name in ("5", "6", "7", "1"):
        publish(tmp_path, name)
    assert current_version(tmp_path).name == "1"
    assert (tmp_path / "current" / "file").exists()


def test_two_publishes_at_once_are_refused(tmp_path):
    with new_version(tmp_path, "1") as folder:
        (folder / "file").write_text("x")
        with pytest.raises(PublishError, match="another run is publishing"), new_version(tmp_path, "2"):
            pass
    assert current_version(tmp_path).name == "1"


def test_rolling_back_publishes_the_version_before_and_keeps_both(tmp_path):
    for name in ("1", "2", "3"):
        publish(tmp_path, name, name)
    assert roll_back(tmp_path) == ("3", "2")
    assert (tmp_path / "current" / "file").read_text() == "2"
    assert roll_back(tmp_path) == ("2", "1")
    assert roll_back(tmp_path, "3") == ("1", "3")
    with pytest.raises(PublishError, match="no version is called '4'; kept are:\n  3\n  2\n  1"):
        roll_back(tmp_path, "4")
    assert current_version(tmp_path).name == "3"


def test_there_is_nothing_before_the_first_version(tmp_path):
    with pytest.raises(PublishError, match="nothing is published"):
        roll_back(tmp_path)
    publish(tmp_path, "1")
    with pytest.raises(PublishError, match="no version before 1 is kept"):
        roll_back(tmp_path)


def test_a_beginning_names_a_version_when_it_is_the_only_one(tmp_path):
    for name in ("10", "11", "20"):
        publish(tmp_path, name)
    assert roll_back(tmp_path, "2") == ("20", "20")
    with pytest.raises(PublishError, match="more than one version is called '1'"):
        roll_back(tmp_path, "1")


def test_nothing_is_rolled_back_while_a_run_publishes(tmp_path):
    publish(tmp_path, "1")
    publish(tmp_path, "2")
    with new_version(tmp_path, "3") as folder:
        (folder / "file").write_text("x")
        with pytest.raises(PublishError, match="another run is publishing"):
            roll_back(tmp_path)
    assert current_version(tmp_path).name == "3"

"""The merge budget's arithmetic: limits, floors, acceptances and what a message may show."""

from dataclasses import replace
from datetime import datetime

import pytest

from orchestration.publish.budget import (
    GROWTH,
    LARGEST,
    MERGED,
    UNMERGED,
    Acceptance,
    Limit,
    as_check_results,
    budget_specs,
    judge,
)
from orchestration.publish.movement import Identifier, Movement

LIMITS = {
    LARGEST: Limit(LARGEST, 500, 0, 0.1),
    GROWTH: Limit(GROWTH, 3, 100, 0.1),
    MERGED: Limit(MERGED, 0.02, 25, 0.1),
    UNMERGED: Limit(UNMERGED, 0.02, 25, 0.1),
}
QUIET = Movement(
    compared_with="v1",
    largest_person_id="p",
    largest_person_records=40,
    largest_before=30,
    known_before=1000,
    merged_known=3,
    merged=30,
    unmerged=0,
)


def refused(movement, acceptances=(), limits=LIMITS):
    return [finding.limit.name for finding in judge(movement, limits, acceptances) if finding.is_refused]


def accepted(limit_name, figure, compared_with="v1"):
    return Acceptance(limit_name, figure, compared_with, "ada", datetime(2026, 1, 1), "a fair", "run")


def test_a_quiet_night_passes_every_limit():
    assert refused(QUIET) == []
    assert all(result.is_success for result in as_check_results(judge(QUIET, LIMITS, [])))


@pytest.mark.parametrize(
    ("change", "limit_name"),
    [
        ({"largest_person_records": 501, "largest_before": 400}, LARGEST),
        ({"largest_person_records": 121, "largest_before": 40}, GROWTH),
        ({"merged_known": 26}, MERGED),
        ({"unmerged_known": 26}, UNMERGED),
    ],
)
def test_each_limit_stops_by_itself(change, limit_name):
    assert refused(replace(QUIET, **change)) == [limit_name]
    assert refused(replace(QUIET, **change), limits={}) == []


def test_a_small_warehouse_does_not_stop_at_every_merge():
    """5 of 20 persons are far beyond 2 %, but below the 25 persons from which on a share means anything."""
    assert refused(replace(QUIET, known_before=20, merged_known=5)) == []
    assert refused(replace(QUIET, largest_before=2, largest_person_records=99)) == []


def test_the_first_night_has_nothing_to_compare_with():
    first = replace(
        QUIET, compared_with=None, largest_before=0, known_before=0, merged_known=0, largest_person_records=499
    )
    assert refused(first) == []
    assert refused(replace(first, largest_person_records=600)) == [LARGEST]


def test_an_accepted_share_holds_for_its_figures_and_its_version_only():
    stopped = replace(QUIET, merged_known=50)
    assert refused(stopped, [accepted(MERGED, 0.05)]) == []
    assert refused(replace(stopped, merged_known=55), [accepted(MERGED, 0.05)]) == []
    assert refused(replace(stopped, merged_known=56), [accepted(MERGED, 0.05)]) == [MERGED]
    assert refused(replace(stopped, compared_with="v2"), [accepted(MERGED, 0.05)]) == [MERGED]
    assert refused(stopped, [accepted(UNMERGED, 0.05)]) == [MERGED]


def test_an_accepted_size_holds_for_good():
    stopped = replace(QUIET, largest_person_records=600, largest_before=600, compared_with="v9")
    assert refused(stopped, [accepted(LARGEST, 600)]) == []
    assert refused(replace(stopped, largest_person_records=661), [accepted(LARGEST, 600)]) == [LARGEST]


def test_the_message_names_identifiers_without_showing_them():
    stopped = replace(
        QUIET,
        merged_known=80,
        behind_merges=[Identifier("email", "everyone@acme.cn", 300), Identifier("phone", "+4930", 2)],
    )
    (result,) = [result for result in as_check_results(judge(stopped, LIMITS, [])) if result.is_batch_refused]
    assert "80 of 1,000 known persons (8.0%)" in result.message
    assert "email e*** (300 links), phone +*** (2 links)" in result.message
    assert "everyone@" not in result.message
    assert "leadrelay identity accept" in result.message


def test_every_limit_is_a_check_with_a_name_of_its_own():
    names = [spec.name for spec in budget_specs()]
    assert names == [LARGEST, GROWTH, MERGED, UNMERGED]
    assert all(spec.severity == "critical" for spec in budget_specs())

"""Spoilt files through the loader: no crash, nothing lost in silence, whatever the bytes.

Some hundred cases here; thousands by `python benchmarks/fuzz.py --cases 5000`.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.property.ingest.fuzzing import KINDS, Case, Mill, cases

CASES = int(os.environ.get("LEADRELAY_FUZZ_CASES", "120"))


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Mill:
    return Mill(tmp_path_factory.mktemp("mill"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_file_of_each_kind_is_loaded_whole(mill, kind):
    before = mill.outcomes["loaded"]
    assert mill.grind(Case(kind, ())) == []
    assert mill.outcomes["loaded"] == before + 1


@settings(max_examples=CASES, deadline=None, derandomize=CASES <= 120, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_a_spoilt_file_never_crashes_and_never_loses_a_value(mill, case):
    assert mill.grind(case) == []

"""What the warehouse found of the sample company's truth. The floors leave room for a few persons, not for a broken rule."""

from pathlib import Path

import pytest

from orchestration.settings import Settings
from tests.integration.lifecycle.truth import Agreement, compare_with_truth


@pytest.fixture(scope="module")
def agreement(warehouse_home: Settings, sample_truth_dir: Path) -> Agreement:
    return compare_with_truth(warehouse_home.warehouse_path, sample_truth_dir)


def test_the_figures_are_shown(agreement: Agreement, capsys: pytest.CaptureFixture[str]) -> None:
    figures = (
        f"sample truth: pair precision {agreement.pair_precision:.4f}, recall {agreement.pair_recall:.4f};"
        f" right current stages {agreement.right_current_stages:.4f}, stage entries {agreement.right_stage_entries:.4f};"
        f" {agreement.persons} persons for {agreement.true_persons}"
    )
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - for whoever reads the test run
    assert agreement.true_persons > 0


def test_records_of_two_people_are_not_linked(agreement: Agreement) -> None:
    assert agreement.pair_precision >= 0.999


def test_records_that_share_evidence_are_linked(agreement: Agreement) -> None:
    assert agreement.pair_recall >= 0.97


def test_people_stand_in_their_true_stage(agreement: Agreement) -> None:
    assert agreement.right_current_stages >= 0.99


def test_stage_entries_happened_when_they_truly_did(agreement: Agreement) -> None:
    assert agreement.right_stage_entries >= 0.995

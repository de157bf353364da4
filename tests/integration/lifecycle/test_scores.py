"""The score at every stage entry, computed a second time in plain Python from the published events."""

from collections import defaultdict
from datetime import datetime

import duckdb
import pytest

SECONDS_PER_DAY = 86_400


class PersonHistory:
    """Points and rejections of one person as `fct_score_event` publishes them."""

    def __init__(self) -> None:
        self.points: list[tuple[datetime, str, float, float | None]] = []
        self.rejections: list[tuple[datetime, float]] = []

    def score_at(self, moment: datetime) -> float:
        """Decay every event to the moment and apply the rejections that came after it and before the moment."""
        score = 0.0
        for at, kind, points, half_life in self.points:
            if at > moment:
                continue
            weight = 1.0
            if kind == "behaviour":
                if half_life is not None:
                    weight = 0.5 ** ((moment - at).total_seconds() / SECONDS_PER_DAY / half_life)
                for rejected_at, factor in self.rejections:
                    if at <= rejected_at < moment:
                        weight *= factor
            score += points * weight
        return score


@pytest.fixture(scope="module")
def histories(warehouse: duckdb.DuckDBPyConnection) -> dict[str, PersonHistory]:
    histories: dict[str, PersonHistory] = defaultdict(PersonHistory)
    events = warehouse.execute(
        "select person_id, occurred_at, score_kind, points, half_life_days, score_factor from marts.fct_score_event"
    ).fetchall()
    for person_id, at, kind, points, half_life, factor in events:
        if kind == "rejection":
            histories[person_id].rejections.append((at, factor))
        else:
            histories[person_id].points.append((at, kind, points, half_life))
    return histories


def test_score_at_every_stage_entry_equals_plain_python(
    warehouse: duckdb.DuckDBPyConnection, histories: dict[str, PersonHistory]
) -> None:
    entries = warehouse.execute(
        "select person_id, stage_label, entered_at, score_at_entry from marts.fct_lifecycle_transition"
    ).fetchall()
    assert len(entries) > 500
    wrong = [
        (person_id, label, score, histories[person_id].score_at(entered_at))
        for person_id, label, entered_at, score in entries
        if abs(score - histories[person_id].score_at(entered_at)) > 2e-6
    ]
    assert not wrong, wrong[:3]


def test_score_now_equals_plain_python_and_its_parts_by_rule(
    warehouse: duckdb.DuckDBPyConnection, histories: dict[str, PersonHistory]
) -> None:
    scores = warehouse.execute(
        "select person_id, score, fit_score, behaviour_score, points_now_by_rule, as_of from marts.fct_person_score"
    ).fetchall()
    for person_id, score, fit, behaviour, by_rule, as_of in scores:
        assert score == pytest.approx(histories[person_id].score_at(as_of), abs=1e-9)
        assert score == pytest.approx(fit + behaviour, abs=1e-9)
        assert score == pytest.approx(sum((by_rule or {}).values()), abs=1e-9)


def test_every_mql_by_score_had_its_points(warehouse: duckdb.DuckDBPyConnection) -> None:
    below = warehouse.execute(
        """
        select ledger.person_id, ledger.score_at_entry
        from marts.fct_lifecycle_transition as ledger
        cross join (select min_points from seeds.thresholds where stage = 'mql' and score_part = 'total') as threshold
        where ledger.signal = 'score_reached' and ledger.score_at_entry < threshold.min_points
        """
    ).fetchall()
    assert below == []

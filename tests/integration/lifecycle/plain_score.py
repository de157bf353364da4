"""The score of a person at any moment as a plain sum over published events: the reference that the models are held against."""

from collections import defaultdict
from datetime import datetime

import duckdb

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


def histories_of(connection: duckdb.DuckDBPyConnection) -> dict[str, PersonHistory]:
    """Return every person's history; somebody without any has an empty one."""
    histories: dict[str, PersonHistory] = defaultdict(PersonHistory)
    events = connection.execute(
        "select person_id, occurred_at, score_kind, points, half_life_days, score_factor from marts.fct_score_event"
    ).fetchall()
    for person_id, at, kind, points, half_life, factor in events:
        if kind == "rejection":
            histories[person_id].rejections.append((at, factor))
        else:
            histories[person_id].points.append((at, kind, points, half_life))
    return histories

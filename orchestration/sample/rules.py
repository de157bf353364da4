"""The seed values that the sample needs, so that a planned history comes out as planned.

What belongs here: reading `seeds/` and asking "how many points". The warehouse's own reading is SQL and shares nothing with this.
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from orchestration.errors import ConfigError

SCORE_MARGIN = 8.0
"""Points that every planned history keeps from the MQL threshold, so that half-lives and late noise cannot tip it."""


@dataclass(frozen=True)
class FitRule:
    """One row of `seeds/scoring/fit_rules.csv`."""

    group: str
    attribute: str
    kind: str
    pattern: str
    points: float
    priority: int


@dataclass(frozen=True)
class Rules:
    """What the generator reads from the seeds.

    Parameters
    ----------
    fit_rules
        Every fit rule, in file order.
    behaviour_points
        Points by (interaction type, journey stage or '').
    qualifying
        Interaction types that can carry somebody over the MQL threshold.
    meaningful
        Interaction types that make a known person engaged.
    journey_stages
        Default journey stage by content type.
    mql_threshold, target_threshold
        Points: nurture MQL by total, target by fit.
    longest_half_life_days
        Of any behaviour rule; an upper bound for what is left of old points.
    """

    fit_rules: tuple[FitRule, ...]
    behaviour_points: dict[tuple[str, str], float]
    qualifying: frozenset[str]
    meaningful: frozenset[str]
    journey_stages: dict[str, str]
    mql_threshold: float
    target_threshold: float
    longest_half_life_days: float

    def points(self, interaction_type: str) -> float:
        """Return the most that one interaction of this type can earn."""
        return max(
            (points for (kind, _), points in self.behaviour_points.items() if kind == interaction_type), default=0.0
        )

    def points_of(self, interaction_type: str, journey_stage: str) -> float:
        """Return the points of one interaction on content of ``journey_stage``."""
        general = self.behaviour_points.get((interaction_type, ""), 0.0)
        return self.behaviour_points.get((interaction_type, journey_stage), general)

    def fit_of(self, attribute: str, value: str | None) -> dict[str, float]:
        """Return the points that one attribute value earns, by fit group.

        Parameters
        ----------
        attribute
            A profile attribute, or `corporate_email` / `is_competitor` with any non-null value when it holds.
        value
            The value as every record of the person shows it; null earns nothing.
        """
        if value is None:
            return {}
        found: dict[str, FitRule] = {}
        for rule in self.fit_rules:
            if rule.attribute != attribute or not _matches(rule, value):
                continue
            known = found.get(rule.group)
            if known is None or rule.priority < known.priority:
                found[rule.group] = rule
        return {group: rule.points for group, rule in found.items()}


def _matches(rule: FitRule, value: str) -> bool:
    if rule.kind == "present":
        return True
    if rule.kind == "in_list":
        return value.lower() in rule.pattern.lower().split("|")
    # the warehouse's engine has ASCII word boundaries
    return re.search(rule.pattern, value, flags=re.ASCII) is not None


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError as error:
        message = f"{path}: the sample needs this seed; give the folder that holds seeds/ of the project"
        raise ConfigError(message) from error


def read_rules(seeds_dir: Path) -> Rules:
    """Read the rules from ``seeds_dir``.

    Parameters
    ----------
    seeds_dir
        The project's `seeds/` folder.

    Returns
    -------
    Rules
        As they stand on disk.

    Raises
    ------
    ConfigError
        If a file is missing or has no MQL or target threshold.
    """
    behaviour = _rows(seeds_dir / "scoring" / "behaviour_rules.csv")
    thresholds = {row["stage"]: float(row["min_points"]) for row in _rows(seeds_dir / "scoring" / "thresholds.csv")}
    if not {"mql", "target"} <= thresholds.keys():
        message = f"{seeds_dir / 'scoring' / 'thresholds.csv'}: the sample needs a row for stage mql and one for target"
        raise ConfigError(message)
    types = _rows(seeds_dir / "engagement" / "interaction_types.csv")
    content = _rows(seeds_dir / "engagement" / "content_journey_stages.csv")
    return Rules(
        fit_rules=tuple(
            FitRule(
                group=row["fit_group"],
                attribute=row["attribute"],
                kind=row["match_kind"],
                pattern=row["pattern"],
                points=float(row["points"]),
                priority=int(row["priority"]),
            )
            for row in _rows(seeds_dir / "scoring" / "fit_rules.csv")
        ),
        behaviour_points={(row["interaction_type"], row["journey_stage"]): float(row["points"]) for row in behaviour},
        qualifying=frozenset(row["interaction_type"] for row in behaviour if row["is_qualifying"] == "true"),
        meaningful=frozenset(row["interaction_type"] for row in types if row["is_meaningful"] == "true"),
        journey_stages={row["content_type"]: row["journey_stage"] for row in content},
        mql_threshold=thresholds["mql"],
        target_threshold=thresholds["target"],
        longest_half_life_days=max((float(row["half_life_days"]) for row in behaviour), default=math.inf),
    )

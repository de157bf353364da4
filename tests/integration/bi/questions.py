"""Five questions to five marts: as a chart in Superset, and as SQL for everybody else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One chart.

    Parameters
    ----------
    mart
        The table.
    columns
        What to group by; ``month_starts_on`` and the like are cut to the month by the tool.
    metric
        An aggregate.
    filters
        Equalities.
    """

    mart: str
    columns: tuple[str, ...]
    metric: str
    filters: tuple[tuple[str, object], ...]

    @property
    def sql(self) -> str:
        """The same in SQL."""
        conditions = " and ".join(f"{column} = {_literal(value)}" for column, value in self.filters)
        return f"select {', '.join(self.columns)}, {self.metric} as answer from marts.{self.mart} where {conditions} group by all order by all"


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower()


QUESTIONS = {
    "volume": Question(
        "mart_funnel_volume", ("month_starts_on", "stage"), "sum(entered_count)", (("track", "acquisition"),)
    ),
    "conversion": Question(
        "mart_funnel_conversion",
        ("from_stage", "to_stage"),
        "sum(converted_count) / sum(cohort_count)",
        (("track", "acquisition"), ("segment_type", "all"), ("window_days", 90), ("is_mature", True)),
    ),
    "velocity": Question(
        "mart_stage_velocity",
        ("month_starts_on", "from_stage", "to_stage"),
        "max(mean_days)",
        (
            ("track", "acquisition"),
            ("transition_kind", "step"),
            ("month_basis", "exit"),
            ("period_type", "month"),
            ("segment_type", "all"),
        ),
    ),
    "efficiency": Question(
        "mart_channel_efficiency",
        ("channel",),
        "sum(cost_amount) / nullif(sum(lead_count), 0)",
        (("view_type", "cohort"), ("side", "acquisition")),
    ),
    "attribution": Question(
        "mart_attribution", ("channel", "model"), "sum(credit_amount)", (("target_type", "revenue"),)
    ),
}

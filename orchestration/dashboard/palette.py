"""The few colours and what they mean: one per stage, on every page and in the report, and one for each kind of remark.

They stand on white and on near-black alike. Stages go from grey (nobody known) over blue and violet to green (won), in their order.
"""

from collections.abc import Sequence

_STAGES = ("#94A3B8", "#7CB5DE", "#4A90D9", "#4C6FD0", "#7A62D6", "#A653C4", "#D1568F", "#E8843C", "#2FA36B")
MAIN = "#4A90D9"
QUIET = "#9AA7B5"
# Of numbers beside their bars: at least 3.9 to 1 against white and against near-black.
FIGURES = "#75818E"
GOOD = "#2FA36B"
CARE = "#D99A1C"
BAD = "#D64550"
SERIES = ("#4A90D9", "#E8843C", "#2FA36B", "#A653C4", "#D99A1C", "#5FB3B3", "#D1568F", "#94A3B8")


def stage_colours(stages: Sequence[str]) -> dict[str, str]:
    """Return a colour for each stage, by its place in the ladder, whatever the stages are called.

    Parameters
    ----------
    stages
        In their order.
    """
    last = len(_STAGES) - 1
    steps = max(len(stages) - 1, 1)
    return {stage: _STAGES[round(place * last / steps)] for place, stage in enumerate(stages)}

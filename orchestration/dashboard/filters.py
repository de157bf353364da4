"""What the reader of a page asked for: period, channel, region, industry.

Marts that hold one dimension at a time (medians and cohorts do not add up) can follow one of them; `Filters.segment` says which.
"""

from dataclasses import dataclass
from typing import Any

DIMENSIONS = ("channel", "region", "industry")
EVERYBODY = "all"


@dataclass(frozen=True)
class Filters:
    """One choice of the filters.

    Parameters
    ----------
    from_month, to_month
        First and last month, ``YYYY-MM``, both counted.
    channel, region, industry
        One value each; None for all.
    """

    from_month: str
    to_month: str
    channel: str | None = None
    region: str | None = None
    industry: str | None = None

    @property
    def chosen(self) -> tuple[str, ...]:
        """Return the dimensions that are narrowed."""
        return tuple(name for name in DIMENSIONS if getattr(self, name) is not None)

    @property
    def segment(self) -> tuple[str, str]:
        """Return the one segment that a mart of one dimension at a time can show: the first that is narrowed, else everybody."""
        for name in self.chosen:
            return name, str(getattr(self, name))
        return EVERYBODY, EVERYBODY

    def parameters(self) -> dict[str, Any]:
        """Return the filters by the names that queries use."""
        segment_type, segment_value = self.segment
        return {
            "from_month": self.from_month,
            "to_month": self.to_month,
            "channel": self.channel,
            "region": self.region,
            "industry": self.industry,
            "segment_type": segment_type,
            "segment_value": segment_value,
        }

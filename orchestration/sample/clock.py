"""When things happen: business hours where the person lives, weekdays, seasons, and planned sequences of steps.

What belongs here: drawing instants. All results are UTC seconds.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sample.arrays import DAY, HOUR, Floats, Ints, chance

LOCAL_HOURS = np.array([0, 0, 0, 0, 0, 0, 1, 3, 7, 11, 12, 9, 5, 9, 12, 11, 9, 6, 4, 4, 4, 3, 1, 0], dtype=np.float64)
# Share of a usual month: trade-fair spring and autumn, Chinese New Year, August.
MONTH_WEIGHTS = np.array([0.9, 0.65, 1.15, 1.1, 1.15, 1.05, 0.85, 0.7, 1.15, 1.2, 1.25, 0.85], dtype=np.float64)
WEEKEND_WEIGHT = 0.25
FRIDAY = 4
LAST_QUIET_HOURS = 3
"""Before the end nothing starts, so that what follows within two hours stays inside the span."""
MIN_BUSINESS_DAYS_SLACK = 3


@dataclass(frozen=True)
class Clock:
    """The sample's span.

    Parameters
    ----------
    first_day, last_day
        Days since 1970-01-01, both inside.
    """

    first_day: int
    last_day: int

    @property
    def start(self) -> int:
        """First second of the span."""
        return self.first_day * DAY

    @property
    def end(self) -> int:
        """Last second of the span."""
        return (self.last_day + 1) * DAY - 1

    def day_weights(self) -> Floats:
        """Return one weight per day of the span: weekday, season and a slow growth of the business."""
        days = np.arange(self.first_day, self.last_day + 1)
        months = (days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % 12
        weekend = weekday(days) > FRIDAY
        growth = np.linspace(0.8, 1.2, len(days))
        return MONTH_WEIGHTS[months] * np.where(weekend, WEEKEND_WEIGHT, 1.0) * growth

    def draw_days(self, rng: np.random.Generator, first: Ints, last: Ints) -> Ints:
        """Return one day per row between ``first`` and ``last`` (days since 1970, inside), by the day weights."""
        cumulative = np.concatenate([[0.0], np.cumsum(self.day_weights())])
        low = np.clip(first - self.first_day, 0, len(cumulative) - 2)
        high = np.clip(last - self.first_day, low, len(cumulative) - 2)
        level = cumulative[low] + rng.random(len(first)) * (cumulative[high + 1] - cumulative[low])
        found = np.searchsorted(cumulative, level, side="right") - 1
        return np.asarray(np.clip(found, low, high) + self.first_day, dtype=np.int64)

    def instants(self, rng: np.random.Generator, day: Ints, utc_offset: Ints) -> Ints:
        """Return an instant within local working hours of each local ``day``, inside the span."""
        hour = rng.choice(24, size=len(day), p=LOCAL_HOURS / LOCAL_HOURS.sum())
        local = day * DAY + hour * HOUR + rng.integers(0, HOUR, len(day))
        return np.asarray(
            np.clip(local - utc_offset * HOUR, self.start, self.end - LAST_QUIET_HOURS * HOUR), dtype=np.int64
        )

    def scatter(self, rng: np.random.Generator, utc_offset: Ints, first: Ints | None = None) -> Ints:
        """Return one instant per row, from the second ``first`` (default the start) to the end of the span."""
        count = len(utc_offset)
        low = (
            np.full(count, self.first_day, dtype=np.int64)
            if first is None
            else np.minimum(first // DAY + 1, self.last_day)
        )
        return self.instants(rng, self.draw_days(rng, low, np.full(count, self.last_day, dtype=np.int64)), utc_offset)

    def timeline(
        self,
        rng: np.random.Generator,
        utc_offset: Ints,
        gaps: list[tuple[float, float]],
        recent_days: int | None = None,
    ) -> Ints:
        """Return instants of consecutive steps, each on a later local day than the one before.

        Parameters
        ----------
        rng
            Random stream.
        utc_offset
            Hours, shape (n,).
        gaps
            Per gap between steps: least days, mean of further days (exponential); squeezed to fit the span.
        recent_days
            If given, the last step lies within so many days of the end.

        Returns
        -------
        Ints
            Shape (len(gaps) + 1, n), strictly rising along the first axis.

        Raises
        ------
        ValueError
            If the least gaps do not fit the span.
        """
        count, steps = len(utc_offset), len(gaps)
        least = np.array([gap[0] for gap in gaps], dtype=np.float64).reshape(steps, 1)
        room = self.last_day - self.first_day - 2 - float(least.sum()) - MIN_BUSINESS_DAYS_SLACK * steps
        if room < 0:
            message = f"steps of at least {least.sum():.0f} days do not fit {self.last_day - self.first_day + 1} days"
            raise ValueError(message)
        further = rng.exponential(1.0, (steps, count)) * np.array([gap[1] for gap in gaps]).reshape(steps, 1)
        total = further.sum(axis=0) if steps else np.zeros(count)
        further = further * np.minimum(1.0, room / np.maximum(total, 1e-9))
        gap_days = np.ceil(least + further).astype(np.int64) if steps else np.zeros((0, count), dtype=np.int64)
        gap_days = np.minimum(gap_days, np.floor(least + further).astype(np.int64) + 1)
        span = gap_days.sum(axis=0) + MIN_BUSINESS_DAYS_SLACK * steps
        latest = np.maximum(self.last_day - 1 - span, self.first_day + 1)
        first = np.full(count, self.first_day + 1, dtype=np.int64)
        if recent_days is not None:
            first = np.maximum(first, latest - recent_days)
        day = self.draw_days(rng, first, latest)
        rows = [self.instants(rng, day, utc_offset)]
        for step in range(steps):
            day = day + gap_days[step]
            weekend = weekday(day)
            shift = np.where(weekend > FRIDAY, 7 - weekend, 0)
            day = day + np.where(chance(rng, count, 1) - WEEKEND_WEIGHT, shift, 0)
            rows.append(self.instants(rng, np.minimum(day, self.last_day), utc_offset))
        return np.stack(rows)


def weekday(day: Ints) -> Ints:
    """Return 0 for Monday to 6 for Sunday of days since 1970-01-01 (a Thursday)."""
    return (day + 3) % 7


def least_days(gaps: list[tuple[float, float]]) -> int:
    """Return how many days a span needs for a `Clock.timeline` of ``gaps``."""
    return int(sum(gap[0] for gap in gaps)) + MIN_BUSINESS_DAYS_SLACK * len(gaps) + 5

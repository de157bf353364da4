"""Small helpers on numpy columns that every module of the sample shares.

What belongs here: types, missing values, seeded random streams, vectorised picks. No knowledge of leads.
Times are `int64` seconds since 1970-01-01 UTC inside the generator; `NAT` marks a missing one.
"""

import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Texts: TypeAlias = NDArray[np.object_]
Column: TypeAlias = NDArray[Any]

DAY = 86_400
HOUR = 3_600
NAT = int(np.iinfo(np.int64).min)
FAR = 2**53


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream ``name`` of ``seed``, independent of every other name.

    Parameters
    ----------
    seed
        The sample's seed.
    name
        What the numbers are for; adding a consumer never shifts another one's numbers.

    Returns
    -------
    numpy.random.Generator
        A freshly seeded generator.
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def texts(values: Sequence[str | None]) -> Texts:
    """Return ``values`` as an object column."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def nothing(count: int) -> Texts:
    """Return an object column of ``count`` nulls."""
    return np.full(count, None, dtype=object)


def chance(rng: np.random.Generator, count: int, share: float) -> Bools:
    """Return ``count`` flags, each true with the probability ``share``."""
    return np.asarray(rng.random(count) < share, dtype=np.bool_)


def either(condition: Column, yes: Column | str | None, no: Column | str | None) -> Texts:
    """Return ``yes`` where ``condition`` holds, else ``no``, as an object column that may hold nulls."""
    out = np.empty(len(condition), dtype=object)
    out[:] = np.where(condition.astype(np.bool_), _as_object(yes), _as_object(no))
    return out


def _as_object(value: Column | str | None) -> Texts:
    return np.asarray(value, dtype=object)


def is_given(values: Column) -> Bools:
    """Return which values of an object column are not null."""
    return np.array([value is not None for value in values.tolist()], dtype=np.bool_)


def pick(rng: np.random.Generator, values: Sequence[str | None], count: int) -> Texts:
    """Return ``count`` values drawn evenly."""
    return texts(values)[rng.integers(0, len(values), count)]


def pick_weighted(rng: np.random.Generator, weighted: dict[str, float], count: int) -> Texts:
    """Return ``count`` keys of ``weighted`` drawn by their weights."""
    shares = np.array(list(weighted.values()), dtype=np.float64)
    index = rng.choice(len(shares), size=count, p=shares / shares.sum())
    return texts(list(weighted))[index]


def zipf_index(rng: np.random.Generator, size: int, count: int, exponent: float = 1.0) -> Ints:
    """Return ``count`` indexes below ``size``; index 0 is the most frequent, by Zipf's law."""
    weights = 1.0 / np.arange(1, size + 1, dtype=np.float64) ** exponent
    cumulative = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(cumulative, rng.random(count)), size - 1).astype(np.int64)


def numbered(prefix: str, start: int, count: int, width: int = 7) -> Texts:
    """Return ``prefix`` + running number from ``start``, zero-filled to ``width`` digits."""
    return texts([f"{prefix}{number:0{width}d}" for number in range(start, start + count)])


def running_sum(values: Floats, starts: Bools) -> Floats:
    """Return the running sum of ``values`` that starts again where ``starts`` is true.

    Parameters
    ----------
    values
        Shape (n,).
    starts
        Shape (n,); true at the first row of each group.

    Returns
    -------
    Floats
        Shape (n,); each row includes itself.
    """
    total = np.cumsum(values)
    first = np.flatnonzero(starts)
    before = np.concatenate([[0.0], total[:-1]])[first]
    return np.asarray(total - np.repeat(before, np.diff(np.append(first, len(values)))), dtype=np.float64)

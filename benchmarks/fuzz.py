"""Thousands of spoilt files through the loader: how many cases, how many lost something.

What belongs here: counting. What is spoilt and what must hold is `tests/property/ingest/fuzzing.py`, of which the suite runs some hundred
cases. Ends with 1 when anything was lost or anything crashed.

Run with ``python benchmarks/fuzz.py --cases 5000``; ``--gate`` runs each batch through Great Expectations too, which takes ten times as long.
"""

import argparse
import random
import sys
import tempfile
import traceback
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

# The cases are the suite's, and the tests are no part of the installed package.
sys.path.insert(0, str(PROJECT_ROOT))

from tests.property.ingest.fuzzing import Mill, random_case

SHOWN = 10


def fuzz(count: int, seed: int, mill: Mill) -> list[str]:
    """Run so many cases and return what did not hold in each that failed."""
    losses: list[str] = []
    for number in range(count):
        case = random_case(random.Random(f"{seed} {number}"))  # noqa: S311 (test data)
        try:
            problems = mill.grind(case)
        except Exception:  # noqa: BLE001 - a crash is what is looked for
            problems = [traceback.format_exc(limit=-3)]
            mill = Mill(mill.home, mill.with_gate, mill.outcomes)
        if problems:
            losses.append(f"{case}: {'; '.join(problems)}")
    return losses


def main() -> None:
    """Run the cases and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gate", action="store_true", help="with Great Expectations")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mill = Mill(Path(folder), options.gate)
        losses = fuzz(options.cases, options.seed, mill)
        outcomes = ", ".join(f"{count:,} {what}" for what, count in sorted(mill.outcomes.items()))
    print("\n".join(losses[:SHOWN]))
    print(f"fuzz cases / losses: {options.cases:,} / {len(losses)} ({outcomes})")
    sys.exit(bool(losses))


if __name__ == "__main__":
    main()

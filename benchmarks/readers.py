"""Publishes while others read: how many, and how many reads went wrong.

What belongs here: counting. The readers are the suite's, `tests/integration/publish/reading.py`. Ends with 1 when a read failed or
was torn. Connections of a pool may be of two nights until they are recycled, so that its reads go back in time; no other's do.

Run with ``python benchmarks/readers.py --publishes 300``.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

# The readers are the suite's, and the tests are no part of the installed package.
sys.path.insert(0, str(PROJECT_ROOT))

from tests.integration.publish.reading import publish_under_readers

BAD = ("errors", "torn")


def main() -> None:
    """Publish, read and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--publishes", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two reads of one reader")
    options = parser.parse_args()
    os.chdir(PROJECT_ROOT)
    with tempfile.TemporaryDirectory() as folder:
        seen = publish_under_readers(Path(folder), options.publishes, options.pause)
    for reader, told in seen.items():
        print(f"{reader}: {', '.join(f'{count:,} {what}' for what, count in told.items())}")
    bad = sum(told[what] for told in seen.values() for what in BAD)
    print(
        f"publishes / bad reads: {options.publishes} / {bad} (of {sum(told['reads'] for told in seen.values()):,} reads)"
    )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()

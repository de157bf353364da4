"""Every bad input of the raw contract through the real loader, and what became of its rows.

The cases are those of `tests/integration/ingest/test_bad_input.py`, run by pytest; here their loads are written down beside their names. After
each of them rows in = rows loaded + rows in quarantine + rows repeated, and raw is as it was when the batch was refused, or the case fails.
Ends with 1 when one failed.

Run with ``python benchmarks/bad_inputs.py``.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.settings import PROJECT_ROOT

CASES = PROJECT_ROOT / "tests" / "integration" / "ingest" / "test_bad_input.py"


class Recorder:
    """Writes down every load of every case."""

    def __init__(self) -> None:
        self.loads: list[tuple[str, Any]] = []
        self.cases = 0
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Iterator[None]:
        """Run a case and keep its loads, the failed case's too."""
        self.cases += 1
        name = item.name.removeprefix("test_").replace("_", " ")
        try:
            return (yield)
        except BaseException:
            self.failed.append(name)
            raise
        finally:
            self.loads += [(name, result) for result in item.funcargs["bench"].results]


def main() -> int:
    """Print one line per load."""
    recorder = Recorder()
    pytest.main([str(CASES), "--quiet", "--no-header", "--no-summary", "-p", "no:cacheprovider"], plugins=[recorder])
    print(f"\n{'outcome':<8} {'rows in':>7} = {'raw':>6} + {'quarantine':>10} + {'repeated':>8}  bad input")
    for name, result in recorder.loads:
        counts = (result.rows_loaded, result.rows_quarantined, result.rows_collapsed)
        rows = "the file as a whole" if result.is_refused else "{:>6,} + {:>10,} + {:>8,}".format(*counts)
        sign = " " if result.is_refused else "="
        print(f"{'refused' if result.is_refused else 'loaded':<8} {result.rows_in:>7,} {sign} {rows:<28}  {name}")
    exact = recorder.cases - len(recorder.failed)
    print(f"bad inputs / exact outcomes: {recorder.cases} / {exact} ({len(recorder.loads)} loads)")
    return int(bool(recorder.failed) or not recorder.cases)


if __name__ == "__main__":
    sys.exit(main())

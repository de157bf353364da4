"""Suites as they lie on disk: Great Expectations' own JSON, read without importing Great Expectations.

What belongs here: the suite file's shape, the check's stable name, severity, level and tolerance.
What does not: running a suite (`orchestration.quality.engine`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from orchestration.errors import ConfigError

Severity = Literal["critical", "warning", "info"]
Level = Literal["row", "table"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")
LEVELS: tuple[Level, ...] = ("row", "table")

# Added by the gate to every raw suite: all reasons of all checks together.
QUARANTINED_SHARE = "quarantined_share"
# In every raw suite: the share of rows in quarantine against the trailing mean; the night's screen tells when it fails.
QUARANTINE_IS_USUAL = "quarantine_is_usual"
# Added by the loader: paths in landing that are never read.
LANDING_PATHS = "landing_paths_are_plain_files"
# Added by the loader: whether the new files could be read far enough to be judged.
FILES_ARE_READABLE = "files_are_readable"
# Added by the ingest step for tables that a reader fetches.
SOURCE_IS_READ = "source_is_read_to_the_end"


@dataclass(frozen=True)
class CheckSpec:
    """One check as Dagster and ``ops.quality_results`` know it.

    Parameters
    ----------
    table_name
        ``forms.submissions`` (gate 1) or the published table (gate 2).
    suite_name
        The suite's name.
    name
        The check's stable name, unique in its suite; a history key, never changed.
    expectation_type
        Great Expectations' type, or ``leadrelay`` for the checks that the gate adds.
    column
        The column it is about, or None.
    severity
        ``critical`` keeps rows or the batch out; ``warning`` and ``info`` are only shown.
    level
        ``row``: a failing row goes to quarantine. ``table``: a failure refuses the batch.
    tolerance
        Share of rows (0 to 1) that may fail a row-level check before the batch is refused.
    reason
        What a failing row is told; also the check's description.
    """

    table_name: str
    suite_name: str
    name: str
    expectation_type: str
    column: str | None = None
    severity: Severity = "critical"
    level: Level = "table"
    tolerance: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Suite:
    """A suite file.

    Parameters
    ----------
    path
        Where it lies.
    name
        The suite's name.
    table_name
        What it checks.
    checks
        One spec per expectation, in the file's order.
    expectations
        The expectations' JSON, in the same order.
    tolerance
        Share of rows that may be quarantined for whatever reason before the batch is refused.
    tolerance_rows
        So many rows may always be quarantined, unless that is every row: a share says little about a file of ten rows.
    """

    path: Path
    name: str
    table_name: str
    checks: tuple[CheckSpec, ...]
    expectations: tuple[Mapping[str, Any], ...]
    tolerance: float
    tolerance_rows: int

    def allows(self, failed: int, total: int, tolerance: float | None = None) -> bool:
        """Whether ``failed`` of ``total`` rows may go to quarantine without refusing the batch."""
        share = self.tolerance if tolerance is None else tolerance
        return failed == 0 or (failed < total and failed <= max(self.tolerance_rows, share * total))


def load_suite(path: Path, table_name: str) -> Suite:
    """Read one suite file.

    Parameters
    ----------
    path
        ``expectations/<gate>/<table>.json``.
    table_name
        The table it is about.

    Returns
    -------
    Suite
        Checks in the file's order.

    Raises
    ------
    ConfigError
        If the file is missing or not a suite, or an expectation lacks a name, severity or level; names file and expectation.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no suite for {table_name}; every table passes a gate, so add one.") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not readable as JSON ({error}).") from error
    if not isinstance(document, dict) or not isinstance(document.get("expectations"), list) or "name" not in document:
        raise ConfigError(f"{path}: not a Great Expectations suite; it needs `name` and a list `expectations`.")
    meta = document.get("meta") or {}
    tolerance = float(meta.get("tolerance", 0.0))
    checks = tuple(
        _spec(path, table_name, str(document["name"]), position, entry, tolerance)
        for position, entry in enumerate(document["expectations"])
    )
    names = [check.name for check in checks]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigError(
            f"{path}: two expectations are called {', '.join(doubled)}; a check's name is its history key."
        )
    return Suite(
        path=path,
        name=str(document["name"]),
        table_name=table_name,
        checks=checks,
        expectations=tuple(document["expectations"]),
        tolerance=tolerance,
        tolerance_rows=int(meta.get("tolerance_rows", 0)),
    )


def raw_suite_path(expectations_dir: Path, identifier: str) -> Path:
    """Return where the suite of a raw table lies (``identifier`` is ``<source>__<table>``)."""
    return expectations_dir / "raw" / f"{identifier}.json"


def raw_check_specs(expectations_dir: Path, identifier: str, table_name: str) -> tuple[CheckSpec, ...]:
    """Return every check that a load of a raw table reports, the gate's own ones included; imports no GX."""
    suite = load_suite(raw_suite_path(expectations_dir, identifier), table_name)
    return (*suite.checks, quarantined_share_spec(suite), files_readable_spec(suite), landing_paths_spec(suite))


def quarantined_share_spec(suite: Suite) -> CheckSpec:
    """Return the gate's own check on the share of rows that went to quarantine for any reason."""
    return CheckSpec(
        table_name=suite.table_name,
        suite_name=suite.name,
        name=QUARANTINED_SHARE,
        expectation_type="leadrelay",
        tolerance=suite.tolerance,
        reason="rows in quarantine for any reason",
    )


def landing_paths_spec(suite: Suite) -> CheckSpec:
    """Return the loader's own check on paths in landing that are never read."""
    return CheckSpec(
        table_name=suite.table_name,
        suite_name=suite.name,
        name=LANDING_PATHS,
        expectation_type="leadrelay",
        severity="warning",
        reason="every path below the table's landing folder is a plain file that a feed takes",
    )


def files_readable_spec(suite: Suite) -> CheckSpec:
    """Return the loader's own check on files that cannot be read far enough to be judged by the others."""
    return CheckSpec(
        table_name=suite.table_name,
        suite_name=suite.name,
        name=FILES_ARE_READABLE,
        expectation_type="leadrelay",
        reason="every new file has a format, an encoding and columns that its feed can read",
    )


def source_is_read_spec(table_name: str) -> CheckSpec:
    """Return the ingest step's own check on the readers of a table."""
    return CheckSpec(
        table_name=table_name,
        suite_name="readers",
        name=SOURCE_IS_READ,
        expectation_type="leadrelay",
        severity="warning",
        reason="every reader of the table came to its end; else older rows are used",
    )


def _spec(
    path: Path, table_name: str, suite_name: str, position: int, entry: object, default_tolerance: float
) -> CheckSpec:
    where = f"{path}: expectations[{position}]"
    if not isinstance(entry, dict) or "type" not in entry or not isinstance(entry.get("kwargs"), dict):
        raise ConfigError(f"{where}: needs `type` and `kwargs`.")
    meta = entry.get("meta") or {}
    name, level, severity = meta.get("name"), meta.get("level"), entry.get("severity")
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(
            f"{where} ({entry['type']}): meta.name is {name!r}; give it a stable name like submitted_at_is_plausible."
        )
    if level not in LEVELS:
        raise ConfigError(f"{where} ({name}): meta.level is {level!r}; use one of {', '.join(LEVELS)}.")
    if severity not in SEVERITIES:
        raise ConfigError(f"{where} ({name}): severity is {severity!r}; use one of {', '.join(SEVERITIES)}.")
    kwargs = entry["kwargs"]
    return CheckSpec(
        table_name=table_name,
        suite_name=suite_name,
        name=name,
        expectation_type=str(entry["type"]),
        column=kwargs.get("column") or kwargs.get("column_A") or meta.get("column"),
        severity=severity,
        level=level,
        tolerance=float(meta.get("tolerance", default_tolerance)),
        reason=str(meta.get("reason") or name.replace("_", " ")),
    )

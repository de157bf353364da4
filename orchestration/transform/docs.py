"""Dbt's own documentation of every model and column, and its whole graph, as one HTML page that opens without a network."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestration.errors import LeadrelayError, WarehouseLockedError
from orchestration.settings import Settings
from orchestration.transform.runner import DbtOutcome, run_dbt

# The statements of models are shown; compiling those of tests as well takes two thirds of the time and shows nothing more.
_COMMAND = (
    "--write-json",
    "docs",
    "generate",
    "--static",
    "--exclude",
    "resource_type:test",
    "resource_type:unit_test",
)
# Without the warehouse: no sizes of tables, and no statements, since some are written from the rows of a seed.
_WITHOUT_WAREHOUSE = ("--empty-catalog", "--no-compile")


def write_dbt_docs(settings: Settings, page: Path) -> Path:
    """Write dbt's page.

    Parameters
    ----------
    settings
        The home; sizes and compiled statements come from its warehouse when there is one and no night holds it.
    page
        The file to write; its folder is made.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    LeadrelayError
        If dbt cannot write it.
    """
    outcome = _run_with_warehouse(settings) if settings.warehouse_path.exists() else None
    if outcome is None or not outcome.success:
        # What is wrong with the project itself is told by this run as well.
        outcome = _run(settings, (*_COMMAND, *_WITHOUT_WAREHOUSE))
    if not outcome.success:
        raise LeadrelayError(f"dbt could not write the documentation: {outcome.message}")
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.dbt_target_dir / "static_index.html", page)
    return page


def _run_with_warehouse(settings: Settings) -> DbtOutcome | None:
    """Return None when a night holds the warehouse."""
    try:
        return _run(settings, _COMMAND)
    except WarehouseLockedError:
        return None


def _run(settings: Settings, arguments: Sequence[str]) -> DbtOutcome:
    run = run_dbt(settings, arguments)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            outcome: DbtOutcome = stop.value
            return outcome

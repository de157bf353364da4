"""Dbt's documentation of every model and column as one HTML page that opens without a network."""

import shutil
from pathlib import Path

from orchestration.errors import LeadrelayError
from orchestration.settings import Settings
from orchestration.transform.runner import run_dbt


def write_docs(settings: Settings) -> Path:
    """Write ``docs/index.html`` into the home.

    Parameters
    ----------
    settings
        The home; types and sizes come from its warehouse when there is one.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    LeadrelayError
        If dbt cannot write it.
    """
    arguments = ["--write-json", "docs", "generate", "--static"]
    if not settings.warehouse_path.exists():
        arguments.append("--empty-catalog")
    run = run_dbt(settings, arguments)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            outcome = stop.value
            break
    if not outcome.success:
        raise LeadrelayError(f"dbt could not write the documentation: {outcome.message}")
    page = settings.home / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(settings.dbt_target_dir / "static_index.html", page)
    return page

"""Great Expectations' own Data Docs of all suites, with gate 2's results on what is published; built and read on this disk alone.

The pages as the library makes them ask six hosts for styles, scripts and a logo. All of that is taken out, so that opening a page tells
nobody; a few lines of style stand in for it.
What does not belong here: judging. Who may call it: the command line.
"""

import json
import logging
import os
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import duckdb

from orchestration.publish.build import MARTS_FILE, SCHEMA
from orchestration.publish.versions import current_version
from orchestration.quality.engine import buffer_results, shared_connection
from orchestration.sql import quote_literal

_SITE = "local"
_OUTSIDE = re.compile(
    r"<script[^>]*\bsrc=[\"']https?://[^>]*>\s*</script>|<link[^>]*\bhref=[\"']https?://[^>]*>|<img[^>]*\bsrc=[\"']https?://[^>]*>",
    re.IGNORECASE,
)
_STYLE = """<style>
:root { color-scheme: light dark; } footer { display: none; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; } td, th { border: 1px solid #ccc; padding: .3rem .6rem; vertical-align: top; }
.modal { display: none; }
</style></head>"""


def build_data_docs(expectations_dir: Path, published_dir: Path, out: Path) -> Path:
    """Build the pages.

    Parameters
    ----------
    expectations_dir
        Holds the suites, ``raw/`` and ``marts/``.
    published_dir
        ``published/`` of the home; the suites of marts are run on its current version, when there is one.
    out
        Folder of the pages; what is in it is replaced.

    Returns
    -------
    Path
        The first page.
    """
    context = _context(out)
    version = current_version(published_dir)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        suites = {
            path: _add_suite(context, path)
            for folder in ("raw", "marts")
            for path in sorted((expectations_dir / folder).glob("*.json"))
        }
        if version is not None:
            marts = {path.stem: suite for path, suite in suites.items() if path.parent.name == "marts"}
            with duckdb.connect(str(version / MARTS_FILE), read_only=True) as connection:
                connection.execute("set TimeZone = 'UTC'")
                connection.execute(f"set search_path = {quote_literal(SCHEMA)}")
                _validate(context, connection, marts)
        context.build_data_docs([_SITE])
    for page in out.rglob("*.html"):
        text = _OUTSIDE.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", _STYLE, 1), encoding="utf-8")
    return out / "index.html"


def _context(out: Path) -> Any:  # noqa: ANN401 - Great Expectations is imported where it is used
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    shutil.rmtree(out, ignore_errors=True)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(out)},
        },
    )
    return context


def _add_suite(context: Any, path: Path) -> Any:  # noqa: ANN401 - see _context
    from great_expectations.core.expectation_suite import ExpectationSuite

    document = json.loads(path.read_text(encoding="utf-8"))
    expectations = [dict(entry) for entry in document["expectations"]]
    return context.suites.add(
        ExpectationSuite(name=f"{path.parent.name}.{path.stem}", expectations=expectations, notes=document.get("notes"))
    )


def _validate(context: Any, connection: duckdb.DuckDBPyConnection, suites: dict[str, Any]) -> None:  # noqa: ANN401 - see _context
    import great_expectations as gx
    from sqlalchemy.pool import StaticPool

    buffer_results()
    shared = shared_connection(connection)
    source = context.data_sources.add_or_update_sql(
        name="published",
        connection_string="duckdb:///:memory:",
        kwargs={"creator": lambda: shared, "poolclass": StaticPool},
    )
    try:
        for table, suite in suites.items():
            batch = source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table(name="all")
            context.validation_definitions.add(gx.ValidationDefinition(name=table, data=batch, suite=suite)).run(
                result_format="BASIC"
            )
    finally:
        source.get_execution_engine().engine.dispose()
        source.get_engine().dispose()

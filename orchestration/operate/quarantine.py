"""Which rows were kept out, and why: counted by table, file and reason.

Reads the warehouse, where the rows' own text stays; nothing of a row is shown here. While a night runs, the warehouse is its own.
"""

import duckdb

from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import load_contract
from orchestration.settings import Settings
from orchestration.sql import qualified, quote_literal

_SHOWN = 50


def quarantine_screen(settings: Settings) -> str:
    """Return the open rows of every quarantine table, counted.

    Parameters
    ----------
    settings
        The home.

    Raises
    ------
    LeadrelayError
        If there is no warehouse yet, or a night is running.
    """
    if not settings.warehouse_path.exists():
        raise LeadrelayError(f"there is no warehouse in {settings.home} yet. Type: leadrelay run")
    tables = load_contract(settings.models_dir).tables.values()
    rows = " union all ".join(
        f"select {quote_literal(table.full_name)} as source_table, source_file, unnest(reasons) as reason, quarantine_id "
        f"from {qualified('quarantine', table.identifier)} where status = 'open'"
        for table in tables
    )
    # A reason may quote the value that it is about after a colon; the count goes by what stands before.
    query = f"""
        select source_table, source_file, regexp_replace(split_part(reason, ':', 1), '[0-9]+', 'N', 'g') as reason, count(distinct quarantine_id) as row_count
        from ({rows}) as open_rows
        group by all
        order by row_count desc, source_table, source_file, reason
        limit {_SHOWN + 1}
    """
    try:
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            found = connection.execute(query).fetchall()
    except duckdb.IOException as error:
        raise LeadrelayError("a night is running and holds the warehouse; ask again when it has ended") from error
    if not found:
        return "no row is in quarantine"
    lines = [f"{count:>8,}  {table}  {file}  {reason}" for table, file, reason, count in found[:_SHOWN]]
    return "\n".join([*lines, *(["      ... and more"] if len(found) > _SHOWN else [])])

"""How fast every query of the dashboard answers on a published file, against the bar of 200 ms.

Each run opens the file, asks and closes it, as a page does. The figure is the 95th percentile of the runs in wall time; CPU time stands beside
it, since another process on the machine counts in the one and not in the other.

    python benchmarks/dashboard.py --file .leadrelay/published/current/leadrelay.duckdb
    python benchmarks/dashboard.py --file .../leadrelay.duckdb --persons 1000000 --interactions 10000000 --out /big/disk

With ``--persons`` and ``--interactions`` a large file is made first, in ``--out``: every table whose rows grow with the people (facts, bridges,
persons, accounts, queues) is written N times with its keys shifted (`person_id`, `account_id` and every other key column get the number of the
copy as an ending), in SQL and a table at a time; interactions and the journeys made of them M times. Tables whose rows are sums over months
and segments get no copies, `mart_funnel_volume` N / 50
under campaigns of their own and no more, since their rows grow with the combinations and not with the people. Tables are laid out by the
columns that the version's manifest names, as a publish of so many rows would do. Shares and medians inside the copies mean nothing; the rows,
their widths and their spread over months are those of the sample.
What belongs here: measuring. What does not: asserting; the tests do that.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.dashboard.filters import Filters
from orchestration.dashboard.published import QUERIES, NotPublishedError, query_text, read
from orchestration.publish.build import MARTS_FILE, STORAGE_VERSION
from orchestration.publish.versions import MANIFEST_FILE
from orchestration.sql import quote_identifier, quote_literal

BAR_MS = 200
RUNS = 20
# One row per combination of month and segments: more people fill the same combinations.
SUMS = re.compile(
    r"^(mart_(funnel_|stage_|channel_|campaign_|opportunity_velocity|sdr_|sourced|score_backtest|market|intent|segment$|content_|account_awareness|event_reach)|dim_(stage|date|campaign|content)|ops_)"
)
# One row per touch; the sample's people touch us less often than those of the bar.
TOUCHES = frozenset({"fct_interaction", "mart_journey_timeline"})
KEYED_BY_CAMPAIGN = frozenset({"mart_funnel_volume"})
COPIES_OF_SUMS = 50
ASKED: dict[str, Any] = {
    "targets_only": False,
    "dimension": "channel",
    "view_type": "same_month",
    "side": "acquisition",
    "target_type": "revenue",
    "transition_kind": "step",
    "from_stage": "mql",
    "to_stage": "sql",
    "stage": "mql",
    "window_days": 90,
    "item_type": "content",
    "row_limit": 200,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--file", type=Path, required=True, help="a published leadrelay.duckdb")
    parser.add_argument("--persons", type=int, help="make it larger first: so many persons, about")
    parser.add_argument("--interactions", type=int, help="and so many interactions of theirs")
    parser.add_argument("--out", type=Path, help="where the large file is made; default a temporary folder")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each query (default {RUNS})")
    options = parser.parse_args(arguments)
    path = options.file.resolve()
    if (options.persons is None) != (options.interactions is None):
        parser.error("--persons and --interactions go together")
    if options.persons is not None:
        folder = options.out or Path(tempfile.mkdtemp(prefix="dashboard"))
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        path = enlarge(path, folder / MARTS_FILE, options.persons, options.interactions)
        print(f"made {path} in {time.perf_counter() - started:.0f} s, {path.stat().st_size / 2**20:,.0f} MB")
    print_sizes(path)
    return measure(path, options.runs)


def enlarge(source: Path, target: Path, persons: int, interactions: int) -> Path:
    """Write a file with the same tables and more rows.

    Parameters
    ----------
    source
        A published file.
    target
        Where the large one is written; replaced when it is there.
    persons, interactions
        How many rows `dim_person` and `fct_interaction` get, to the nearest number of whole copies.
    """
    target.unlink(missing_ok=True)
    manifest = json.loads((source.parent / MANIFEST_FILE).read_text(encoding="utf-8"))
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"attach {quote_literal(str(source))} as small (read_only)")
        connection.execute(
            f"attach {quote_literal(str(target))} as large (storage_version {quote_literal(STORAGE_VERSION)})"
        )
        connection.execute("create schema large.marts; set preserve_insertion_order = false")
        sizes = (
            "select (select count(*) from small.marts.dim_person), (select count(*) from small.marts.fct_interaction)"
        )
        known_persons, known_interactions = connection.execute(sizes).fetchone() or (1, 1)
        times = max(1, round(persons / known_persons))
        touched = max(1, round(interactions / known_interactions))
        tables = connection.execute("select table_name from duckdb_tables() where database_name = 'small' order by 1")
        for (table,) in tables.fetchall():
            columns = connection.execute(
                "select column_name, data_type from duckdb_columns() where database_name = 'small' and table_name = ? "
                "order by column_index",
                [table],
            ).fetchall()
            copies = touched if table in TOUCHES else _copies(table, times)
            selected = ", ".join(_shifted(name, kind, table) for name, kind in columns)
            name = quote_identifier(table)
            clusters = manifest["cluster_by"].get(table, [])
            layout = f"order by {', '.join(quote_identifier(column) for column in clusters)}" if clusters else ""
            connection.execute(
                f"create table large.marts.{name} as select {selected} from range({copies}) as copies (copy_number) "
                f"cross join small.marts.{name} {layout}"
            )
        connection.execute("checkpoint large")
    return target


def _copies(table: str, times: int) -> int:
    if table in KEYED_BY_CAMPAIGN:
        return max(times // COPIES_OF_SUMS, 1)
    return 1 if SUMS.match(table) else times


def _shifted(column: str, kind: str, table: str) -> str:
    """Return a column of a copy: keys get the copy's number, except in the first, so that what is small finds what is large."""
    name = quote_identifier(column)
    is_key = column.endswith(("_id", "_id_a", "_id_b", "_key")) and column not in {
        "product_id",
        "owner_id",
        "rule_id",
        "content_id",
    }
    if table not in KEYED_BY_CAMPAIGN and column == "campaign_id":
        is_key = False
    if not is_key or kind != "VARCHAR":
        return name
    return f"case when copy_number = 0 then {name} else {name} || '-' || copy_number end as {name}"


def print_sizes(path: Path) -> None:
    """Print how large the file is where it matters."""
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in (
            "dim_person",
            "fct_interaction",
            "fct_lifecycle_transition",
            "mart_funnel_volume",
            "mart_attribution",
        ):
            row = connection.execute(f"select count(*) from marts.{quote_identifier(table)}").fetchone()
            print(f"{table:<28}{row[0] if row else 0:>14,} rows")


def measure(path: Path, runs: int) -> int:
    """Run every query and print its percentiles; return how many are over the bar."""
    months = read(path.parent, "months", {})["month"]
    parameters = {**Filters(months.iloc[max(len(months) - 13, 0)], months.iloc[-1]).parameters(), **ASKED}
    with duckdb.connect(str(path), read_only=True) as connection:
        person = connection.execute("select max(person_id) from marts.mart_journey_timeline").fetchone()
        run = connection.execute("select max(run_id) from marts.ops_quality_result").fetchone()
    parameters |= {"person_id": person[0] if person else None, "run_id": run[0] if run else None}
    print(f"\n{'query':<26}{'rows':>7}{'p50 ms':>9}{'p95 ms':>9}{'cpu ms':>9}  verdict (bar {BAR_MS} ms)")
    over = 0
    for query in sorted(one.stem for one in QUERIES.glob("*.sql")):
        if "$person_ids" in query_text(query):
            continue
        try:
            found = read(path.parent, query, parameters)
        except NotPublishedError:
            print(f"{query:<26}  not published")
            continue
        walls, cpus = [], []
        for _ in range(runs):
            wall, cpu = time.perf_counter(), time.process_time()
            read(path.parent, query, parameters)
            walls.append((time.perf_counter() - wall) * 1000)
            cpus.append((time.process_time() - cpu) * 1000)
        slow = statistics.quantiles(walls, n=20)[-1]
        over += slow > BAR_MS
        print(
            f"{query:<26}{len(found):>7}{statistics.median(walls):>9.0f}{slow:>9.0f}{statistics.median(cpus):>9.0f}  "
            f"{'holds' if slow <= BAR_MS else 'OVER'}"
        )
    print(f"\n{over} over the bar")
    return 0


if __name__ == "__main__":
    sys.exit(main())

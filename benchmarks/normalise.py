"""How fast names, addresses, numbers and companies are normalised: rows a second of each dictionary over N distinct values.

Beside them stand the least that a database can do (``lower(trim())`` written to a table) and the plain loop over the library that
the phone dictionary mostly does without, measured in the same process.
What belongs here: measuring. What does not: asserting; the tests do that.

Run with ``python benchmarks/normalise.py --values 200000``.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.identity.functions import parse_phone
from orchestration.settings import Settings, load_settings
from orchestration.transform.runner import DbtOutcome, run_dbt

LIBRARY_SAMPLE = 20_000

# A dictionary, and the distinct raw values that it is given. Every n-th value is of the kind that real life sends and a
# strict pattern does not take.
RAW_VALUES = {
    "int_identity__normal_emails": """
        case i % 50
            when 0 then 'Person ' || i || ' <Person.' || i || '+news@GMAIL.com>'
            when 1 then 'PERSON.' || i || '@Company' || i % 20000 || '.com '
            when 2 then 'person.' || i || '@müller' || i % 500 || '.de'
            when 3 then 'person.' || i || '@gmial.com'
            when 4 then 'person' || i || ' at company'
            when 5 then 'p.' || i || '@gmail.com'
            else 'person.' || i || '@company' || i % 20000 || '.com'
        end
    """,
    "int_identity__typed_phones": """
        case i % 50
            when 0 then '+49 30 ' || 1000000 + i
            when 1 then '(0)10 62' || 100000 + i || ' ext. ' || i % 90
            when 2 then chr(65291) || '86 138 ' || 10000000 + i
            when 3 then '+44 7' || 100000000 + i
            when 4 then '0171 ' || 1000000 + i
            when 5 then '+1 (312) ' || 2000000 + i
            else '138' || 10000000 + i
        end
    """,
    "int_identity__normal_names": """
        case when i % 4 = 0
            then chr(cast(19968 + i % 5000 as integer)) || chr(cast(19968 + i // 5000 as integer)) || '伟'
            else case i % 20 when 1 then 'Bob ' when 2 then 'Dr. Ada ' when 3 then 'Zoë ' else 'Person ' end
                || chr(cast(65 + i % 26 as integer)) || chr(cast(97 + i // 26 % 26 as integer))
                || chr(cast(97 + i // 676 % 26 as integer)) || chr(cast(97 + i // 17576 % 26 as integer))
                || chr(cast(97 + i // 456976 % 26 as integer))
        end
    """,
    "int_identity__normal_companies": """
        case i % 3
            when 0 then '深圳市华强' || chr(cast(19968 + i % 5000 as integer)) || chr(cast(19968 + i // 5000 as integer)) || '电子有限公司'
            when 1 then 'Engine ' || i || ' GmbH & Co. KG'
            else 'Company ' || i || ' Technology Co., Ltd.'
        end
    """,
}
COLUMNS = {
    "int_identity__normal_emails": "email",
    "int_identity__typed_phones": "phone",
    "int_identity__normal_names": "person_name",
    "int_identity__normal_companies": "company",
}


def main() -> None:
    """Measure and print one line a normaliser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=200_000, help="distinct raw values of each kind")
    parser.add_argument("--only", choices=sorted(COLUMNS.values()), help="one kind alone")
    arguments = parser.parse_args()
    # The warehouse, dbt's log and its target of this run; nothing else is touched.
    with tempfile.TemporaryDirectory() as scratch:
        measure(Path(scratch), arguments.values, arguments.only)


def measure(scratch: Path, count: int, only: str | None) -> None:
    """Fill a scratch warehouse with raw values and let dbt build each dictionary from nothing, then for one night more.

    Parameters
    ----------
    scratch
        An empty folder.
    count
        Distinct raw values of each kind; one in a hundred more land in the night after.
    only
        The kind to measure; all when none.
    """
    os.environ["LEADRELAY_HOME"] = str(scratch)
    settings = load_settings()
    chosen = {model: column for model, column in COLUMNS.items() if only in (None, column)}
    fill(settings.warehouse_path, count)
    seeds = [f"+{model},resource_type:seed" for model in [*chosen, "int_identity__character_maps"]]
    invoke(settings, "seed", "--select", *seeds)
    invoke(settings, "run", "--select", "int_identity__character_maps")
    full = {model: invoke(settings, "run", "--select", model)[model] for model in chosen}
    fill(settings.warehouse_path, count + count // 100)
    begin_delta_night(settings.warehouse_path, count)
    night = {model: invoke(settings, "run", "--select", model)[model] for model in chosen}
    print(f"{'what':<32}{'values':>10}{'seconds':>9}{'values/s':>12}{'1 % more, s':>13}")
    for model in chosen:
        print(f"{model:<32}{count:>10,}{full[model]:>9.2f}{count / full[model]:>12,.0f}{night[model]:>13.2f}")
    compare(settings.warehouse_path, chosen)


def fill(warehouse: Path, count: int) -> None:
    """Write the tables that the dictionaries read."""
    columns = ", ".join(f"{sql} as {COLUMNS[model]}" for model, sql in RAW_VALUES.items())
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists intermediate")
        connection.execute("create schema if not exists staging")
        connection.execute(
            "create or replace table intermediate.int_identity__record_versions as "
            f"select i as birth_order, 'CN' as country_code, {columns} from range({count}) as numbers (i)"
        )
        connection.execute(
            "create or replace table intermediate.int_identity__touch_keys as "
            "select email, phone from intermediate.int_identity__record_versions limit 0"
        )
        connection.execute(
            "create or replace table staging.stg_crm__accounts as select cast(null as varchar) as name limit 0"
        )
        connection.execute("create schema if not exists raw")
        connection.execute(
            "create or replace table raw.consent__suppression "
            "(identifier_type varchar, identifier varchar, _arrived_at timestamp, _load_sequence bigint)"
        )
        connection.execute(
            "create or replace table raw.forms__submissions "
            "(referred_by varchar, country varchar, _arrived_at timestamp, _load_sequence bigint)"
        )
        connection.execute("create schema if not exists ops")
        connection.execute("create or replace table ops.as_of as select timestamp '2026-01-01' as as_of")


def begin_delta_night(warehouse: Path, known: int) -> None:
    """Say that tonight resolves only the records from number ``known`` on."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create or replace table intermediate.int_identity__night as select true as is_delta, 0 as since_load_sequence"
        )
        connection.execute(
            "create or replace table intermediate.int_identity__changed_records as "
            f"select birth_order from intermediate.int_identity__record_versions where birth_order >= {known}"
        )


def invoke(settings: Settings, *arguments: str) -> dict[str, float]:
    """Run dbt in this process and return the seconds of each node, by its name."""
    taken: dict[str, float] = {}
    events = run_dbt(settings, ["--quiet", *arguments])
    while True:
        try:
            data = next(events)["data"]
        except StopIteration as stop:
            outcome: DbtOutcome = stop.value
            break
        taken[data["node_info"]["node_name"]] = float(data.get("execution_time", 0))
    if not outcome.success:
        raise SystemExit(f"dbt failed: {outcome.message or outcome.failures}")
    return taken


def compare(warehouse: Path, chosen: dict[str, str]) -> None:
    """Print the trivial pass over the same values, and the plain loop over the phone library."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set threads = 2")
        for column in chosen.values():
            rows = connection.execute("select count(*) from intermediate.int_identity__record_versions").fetchall()[0][
                0
            ]
            taken = seconds(
                lambda column=column: connection.execute(
                    f"create or replace table trivial as select distinct {column}, lower(trim({column})) as text "
                    "from intermediate.int_identity__record_versions"
                )
            )
            print(f"{'lower(trim(' + column + '))':<32}{rows:>10,}{taken:>9.2f}{rows / taken:>12,.0f}")
        if "phone" in chosen.values():
            phones = connection.execute(
                f"select phone from intermediate.int_identity__record_versions limit {LIBRARY_SAMPLE}"
            ).fetchall()
            taken = seconds(lambda: [parse_phone(phone, "CN") for (phone,) in phones])
            print(f"{'phonenumbers, a plain loop':<32}{len(phones):>10,}{taken:>9.2f}{len(phones) / taken:>12,.0f}")
            asked = connection.execute(
                "select count(*) filter (where proved_by is distinct from 'plan'), count(*) from intermediate.int_identity__typed_phones"
            ).fetchall()[0]
            print(f"of {asked[1]:,} numbers {asked[0]:,} went to the library")


def seconds(job: Callable[[], object]) -> float:
    """Return how long a job took, in seconds."""
    started = time.perf_counter()
    job()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

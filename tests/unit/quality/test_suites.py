"""Suites are read without Great Expectations, and a check that cannot be told apart is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sqlglot import exp, parse_one

from orchestration.errors import ConfigError
from orchestration.ingest.contract import load_contract
from orchestration.quality.rowlevel import row_rules
from orchestration.quality.suites import load_suite, raw_check_specs, raw_suite_path
from orchestration.settings import PROJECT_ROOT

EXPECTATIONS = PROJECT_ROOT / "expectations"


def suite_of(tmp_path: Path, *expectations: dict, **meta: object):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"name": "t", "expectations": list(expectations), "meta": meta}), encoding="utf-8")
    return load_suite(path, "forms.submissions")


def expectation(kind: str = "expect_column_values_to_not_be_null", **changes: object) -> dict:
    entry = {
        "type": kind,
        "kwargs": {"column": "a"},
        "severity": "critical",
        "meta": {"name": "a_is_present", "level": "row"},
    }
    return {**entry, **changes}


def test_every_raw_table_has_a_suite_whose_row_level_checks_can_quarantine():
    for table in load_contract(PROJECT_ROOT / "models").tables.values():
        suite = load_suite(raw_suite_path(EXPECTATIONS, table.identifier), table.full_name)
        assert suite.name == f"raw.{table.identifier}"
        assert {"columns_match_contract", "has_rows", "rows_can_be_read", "keys_are_unique"} <= {
            c.name for c in suite.checks
        }
        assert 0 < suite.tolerance < 0.5
        row_rules(suite, "batch")
        listed = suite.expectations[0]["kwargs"]["column_set"]
        assert set(listed) == set(table.column_names), (
            f"{table.full_name}: the suite and the contract list other columns"
        )


def test_no_suite_without_a_table():
    tables = {table.identifier for table in load_contract(PROJECT_ROOT / "models").tables.values()}
    assert {path.stem for path in (EXPECTATIONS / "raw").glob("*.json")} == tables


def test_the_check_list_ends_with_the_gate_s_own_checks():
    specs = raw_check_specs(EXPECTATIONS, "forms__submissions", "forms.submissions")
    assert [spec.name for spec in specs[-3:]] == [
        "quarantined_share",
        "files_are_readable",
        "landing_paths_are_plain_files",
    ]
    assert len({spec.name for spec in specs}) == len(specs)


def test_check_names_come_without_importing_great_expectations():
    code = (
        "import sys; from pathlib import Path; from orchestration.quality.suites import raw_check_specs; "
        "import orchestration.ingest.loader; "
        f"raw_check_specs(Path({str(EXPECTATIONS)!r}), 'crm__leads', 'crm.leads'); "
        "sys.exit('great_expectations' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False).returncode == 0


def readable_tables() -> dict[str, set[str]]:
    """The columns of every table that a check may read, by its name in the query."""
    raw = load_contract(PROJECT_ROOT / "models").tables.values()
    tables = {f"raw.{table.identifier}": set(table.column_names) for table in raw}
    for path in [*PROJECT_ROOT.glob("models/marts/*/*.yml"), PROJECT_ROOT / "models/staging/ops/_ops__sources.yml"]:
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = [(model["name"], model) for model in described.get("models", [])]
        entries += [(f"ops.{t['name']}", t) for source in described.get("sources", []) for t in source["tables"]]
        tables |= {name: {column["name"] for column in entry["columns"]} for name, entry in entries}
    return tables


def columns_of_the_outer_row(query: str, tables: dict[str, set[str]], batch: str) -> list[str]:
    """Unqualified columns in subqueries that no table of the subquery has, so that the engine takes the outer row's."""
    found = []
    for select in parse_one(query.replace("{batch}", "batch"), read="duckdb").find_all(exp.Select):
        if select.parent is None:
            continue
        known = {projection.alias for projection in select.expressions}
        for source in [select.args["from_"], *(select.args.get("joins") or [])]:
            if isinstance(source.this, exp.Subquery):
                known |= set(source.this.this.named_selects)
            else:
                name = ".".join(part.name for part in source.this.parts)
                known |= tables[batch if name == "batch" else name]
        found += [
            column.name
            for column in select.find_all(exp.Column)
            if not column.table and column.find_ancestor(exp.Select) is select
            if column.name not in known and not column.name.startswith("_")
        ]
    return found


def test_no_subquery_of_a_check_reads_a_column_of_the_row_that_it_is_held_against():
    """`stage not in (select to_stage from dim_stage)` compares the row with itself and can never fail."""
    tables = readable_tables()
    asked = [
        (path.stem, entry["meta"]["name"], entry["kwargs"]["unexpected_rows_query"])
        for path in sorted(EXPECTATIONS.glob("*/*.json"))
        for entry in load_suite(path, path.stem).expectations
        if "unexpected_rows_query" in entry["kwargs"]
    ]
    assert len([query for *_, query in asked if "not in (select" in query]) > 50
    assert {
        (suite, check): columns
        for suite, check, query in asked
        if (columns := columns_of_the_outer_row(query, tables, suite if suite in tables else f"raw.{suite}"))
    } == {}


@pytest.mark.parametrize(
    ("query", "stray"),
    [
        ("select a from {batch} where a not in (select a from other)", ["a"]),
        ("select a from {batch} where a not in (select b from other)", []),
        ("select a from {batch} as t where not exists (select 1 from other where b = t.a)", []),
        ("select t.a from {batch} as t left join (select b from other where a = 1) as o on t.a = o.b", ["a"]),
        ("select a from {batch} where a in (select c from (select b as c from other) as o)", []),
    ],
)
def test_only_a_bare_name_of_the_outer_row_is_told(query, stray):
    assert columns_of_the_outer_row(query, {"other": {"b"}, "t": {"a"}}, "t") == stray


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (expectation(meta={"level": "row"}), "meta.name is None"),
        (expectation(meta={"name": "a b", "level": "row"}), "meta.name is 'a b'"),
        (expectation(meta={"name": "a", "level": "cell"}), "meta.level is 'cell'"),
        (expectation(severity="fatal"), "severity is 'fatal'"),
        ({"type": "x"}, "needs `type` and `kwargs`"),
    ],
)
def test_an_incomplete_expectation_is_named(tmp_path, entry, told):
    with pytest.raises(ConfigError, match=r"t\.json: expectations\[0\]") as caught:
        suite_of(tmp_path, entry)
    assert told in str(caught.value)


def test_two_checks_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="two expectations are called a_is_present"):
        suite_of(tmp_path, expectation(), expectation())


def test_a_missing_suite_says_so(tmp_path):
    with pytest.raises(ConfigError, match=r"no suite for crm\.leads"):
        load_suite(tmp_path / "none.json", "crm.leads")


def test_a_table_expectation_at_row_level_is_refused(tmp_path):
    suite = suite_of(tmp_path, expectation("expect_table_row_count_to_be_between", kwargs={"min_value": 1}))
    with pytest.raises(ConfigError, match="cannot be said of one row"):
        row_rules(suite, "batch")


@pytest.mark.parametrize(
    ("failed", "total", "is_allowed"),
    [
        (0, 0, True),
        (3, 4, True),  # five rows may always go
        (4, 4, False),  # but never all of them
        (6, 100, False),  # more than 5 % and more than five rows
        (50, 1000, True),
        (51, 1000, False),
    ],
)
def test_the_tolerance_counts_shares_of_large_and_rows_of_small_batches(tmp_path, failed, total, is_allowed):
    assert suite_of(tmp_path, tolerance=0.05, tolerance_rows=5).allows(failed, total) is is_allowed

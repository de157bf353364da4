"""Every query runs on what is published, answers in one order, and is asked by some page or by the report."""

import re
from pathlib import Path

import pytest

from orchestration.dashboard import published
from orchestration.dashboard.filters import Filters
from orchestration.dashboard.published import NotPublishedError, query_text, read
from orchestration.settings import PROJECT_ROOT

QUERIES = sorted(path.stem for path in published.QUERIES.glob("*.sql"))
ASKED = {
    "targets_only": False,
    "dimension": "region",
    "view_type": "same_month",
    "side": "acquisition",
    "target_type": "revenue",
    "transition_kind": "step",
    "from_stage": "mql",
    "to_stage": "sql",
    "stage": "mql",
    "window_days": 90,
    "item_type": "content",
    "row_limit": 10,
    "run_id": "none",
    "person_id": "nobody",
    "person_ids": ["nobody"],
}


def test_every_query_runs_and_is_read_only_sql(published_file: Path):
    parameters = {**Filters("2025-07", "2026-06").parameters(), **ASKED}
    missing = []
    for query in QUERIES:
        try:
            read(published_file.parent, query, parameters, with_people=query == "people")
        except NotPublishedError as error:
            missing.append((query, str(error)))
    assert missing == []


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_reads_marts_alone_in_one_order(query: str):
    sql = query_text(query)
    assert sql.startswith("-- "), "the first line says what is asked"
    assert "order by" in sql or "select distinct" in sql
    assert set(re.findall(r"(?:from|join) ([a-z_]+\.)", sql)) <= {"marts."}
    assert "select *" not in sql


def test_no_query_is_left_over():
    code = "".join(
        path.read_text(encoding="utf-8")
        for room in ("dashboard", "report")
        for path in (PROJECT_ROOT / "orchestration" / room).rglob("*.py")
    )
    assert [query for query in QUERIES if f'"{query}"' not in code] == []


def test_nothing_outside_the_file_can_be_read(published_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (tmp_path / "outside.sql").write_text(f"-- outside\nselect * from '{tmp_path}/secret.csv'")
    monkeypatch.setattr(published, "QUERIES", tmp_path)
    with pytest.raises(published.BrokenVersionError, match="disabled by configuration"):
        read(published_file.parent, "outside", {})

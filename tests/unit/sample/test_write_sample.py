"""The generator as a command: same bytes by seed, every table, whole references, clear refusals."""

import hashlib
import json
from datetime import date

import duckdb
import pytest

from orchestration.errors import ConfigError, LandingError
from orchestration.ingest.contract import load_contract
from orchestration.sample import write_sample
from orchestration.settings import PROJECT_ROOT


def _bytes_of(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_the_same_seed_gives_the_same_bytes(tmp_path, file_format):
    for name in ("first", "second"):
        write_sample(tmp_path / name / "landing", 60, 120, 3, file_format)
    assert _bytes_of(tmp_path / "first") == _bytes_of(tmp_path / "second")


def test_another_seed_gives_another_company(tmp_path):
    for seed in (1, 2):
        write_sample(tmp_path / str(seed) / "landing", 60, 120, seed)
    assert _bytes_of(tmp_path / "1") != _bytes_of(tmp_path / "2")


@pytest.mark.parametrize(("people", "days"), [(10, 30), (1, 14), (40, 60)])
def test_a_tiny_company_works(tmp_path, people, days):
    summary = write_sample(tmp_path / "landing", people, days, 1)
    with duckdb.connect(":memory:") as connection:
        told = connection.execute(
            "select count(distinct true_person) from read_parquet(?) where true_person like 'P%'",
            [str(summary.truth_dir / "stage_entries.parquet")],
        ).fetchone()
    assert told == (people,)
    assert summary.last_day == date(2026, 6, 30)
    assert (summary.last_day - summary.first_day).days == days - 1


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "mine.csv").write_text("a\n1\n")
    with pytest.raises(LandingError, match="not empty"):
        write_sample(tmp_path / "landing", 10, 30, 1)
    assert _bytes_of(tmp_path / "landing").keys() == {"mine.csv"}


@pytest.mark.parametrize(("people", "days", "file_format"), [(0, 30, "jsonl"), (10, 5, "jsonl"), (10, 30, "xlsx")])
def test_options_that_cannot_work_are_named(tmp_path, people, days, file_format):
    with pytest.raises(ConfigError, match="--"):
        write_sample(tmp_path / "landing", people, days, 1, file_format)
    assert not (tmp_path / "landing").exists()


def test_every_table_of_the_contract_is_written(company):
    tables = set(load_contract(PROJECT_ROOT / "models").tables)
    assert set(company.summary.rows) == tables


def test_summary_counts_what_lies_in_the_files(company):
    connection = duckdb.connect(":memory:")
    for name, rows in company.summary.rows.items():
        pattern = company.summary.landing_dir.joinpath(*name.split("."), "*", "*.parquet")
        assert connection.execute("select count(*) from read_parquet(?)", [str(pattern)]).fetchone() == (rows,)


def test_each_file_has_its_sidecar_in_the_order_of_arrival(company):
    sidecars = sorted(company.summary.landing_dir.rglob("*.arrival.json"))
    assert len(sidecars) == company.summary.files
    seen = []
    for sidecar in sidecars:
        content = json.loads(sidecar.read_text())
        landed = sidecar.with_name(sidecar.name.removesuffix(".arrival.json"))
        assert hashlib.sha256(landed.read_bytes()).hexdigest() == content["sha256"]
        assert content["arrived_at"].startswith(landed.parent.name)
        assert landed.name.startswith(content["source_system"])
        seen.append((content["load_sequence"], content["arrived_at"]))
    assert [number for number, _ in sorted(seen)] == list(range(1, len(seen) + 1))
    assert [at for _, at in sorted(seen)] == sorted(at for _, at in seen)


REFERENCES = [
    ("crm_opportunities", "contact_id", "crm_contacts", "contact_id"),
    ("crm_opportunities", "account_id", "crm_accounts", "account_id"),
    ("crm_orders", "contact_id", "crm_contacts", "contact_id"),
    ("crm_orders", "opportunity_id", "crm_opportunities", "opportunity_id"),
    ("crm_opportunity_contacts", "contact_id", "crm_contacts", "contact_id"),
    ("crm_opportunity_history", "opportunity_id", "crm_opportunities", "opportunity_id"),
    ("crm_contacts", "account_id", "crm_accounts", "account_id"),
    ("crm_leads", "account_id", "crm_accounts", "account_id"),
    ("crm_leads", "converted_contact_id", "crm_contacts", "contact_id"),
    ("crm_accounts", "parent_account_id", "crm_accounts", "account_id"),
    ("crm_target_lists", "account_id", "crm_accounts", "account_id"),
    ("crm_merges", "loser_id", "crm_leads", "lead_id"),
    ("crm_merges", "winner_id", "crm_leads", "lead_id"),
    ("events_registrations", "event_id", "events_catalog", "event_id"),
    ("events_attendance", "registration_id", "events_registrations", "registration_id"),
    ("webinars_attendance", "registration_id", "webinars_registrations", "registration_id"),
    ("forms_submissions", "content_id", "engagement_content", "content_id"),
    ("engagement_interactions", "content_id", "engagement_content", "content_id"),
]


@pytest.mark.parametrize(("child", "column", "parent", "key"), REFERENCES)
def test_references_lead_somewhere(company, child, column, parent, key):
    same_system = "and parent.system = child.system" if child.startswith("crm") and parent.startswith("crm") else ""
    found = (
        company.connection()
        .execute(
            f"select count(*), count(parent.{key}) from {child} as child "
            f"left join (select distinct {key}, system from {parent}) as parent on parent.{key} = child.{column} {same_system} "
            f"where child.{column} is not null"
        )
        .fetchone()
    )
    assert found[0] == found[1] > 0


def test_nothing_arrives_before_it_happened_or_after_the_last_night(company):
    contract = load_contract(PROJECT_ROOT / "models")
    connection = company.connection()
    for name, table in contract.tables.items():
        moment = table.version_column or table.event_time
        if moment is None or table.name in {"catalog", "campaigns"}:
            continue
        early, last = connection.execute(
            f"select count(*) filter (where _arrived_at <= {moment}), max(_arrived_at) from {name.replace('.', '_')}"
        ).fetchone()
        assert early == 0, name
        assert last.date() <= date(2026, 7, 1)


def test_no_version_overtakes_an_older_one(company):
    pattern = company.summary.landing_dir / "crm" / "leads" / "*" / "*.parquet"
    overtaking = duckdb.sql(
        "with ranked as (select updated_at, lag(updated_at) over "
        "(partition by lead_id, split_part(parse_filename(filename), '.', 1) order by _arrived_at, updated_at) as before "
        f"from read_parquet('{pattern}', filename = true)) select count(*) from ranked where before > updated_at"
    ).fetchone()
    assert overtaking == (0,)


@pytest.mark.parametrize(
    ("table", "key"), [("leads", "lead_id"), ("contacts", "contact_id"), ("opportunities", "opportunity_id")]
)
def test_a_saved_version_has_one_content(company, table, key):
    pattern = company.summary.landing_dir / "crm" / table / "*" / "*.parquet"
    contents = duckdb.sql(
        f"select count(*) from (select {key}, updated_at, system, count(*) as contents from (select distinct * exclude "
        "(_arrived_at, filename), split_part(parse_filename(filename), '.', 1) as system "
        f"from read_parquet('{pattern}', filename = true)) group by all having count(*) > 1)"
    ).fetchone()
    assert contents == (0,)


def test_two_form_systems_use_the_same_numbers(company):
    both = (
        company.connection()
        .execute(
            "select count(*) from (select submission_id from forms_submissions group by 1 having count(distinct system) = 2)"
        )
        .fetchone()
    )
    assert both[0] > 50


def test_the_second_crm_exports_dates_only(tmp_path):
    summary = write_sample(tmp_path / "landing", 400, 300, 5, "jsonl")
    path = next((summary.landing_dir / "crm" / "opportunities").rglob("crm_cn.history.jsonl"))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(len(row["created_at"]) == len("2026-01-31") for row in rows)
    assert all(row["_arrived_at"].endswith("T02:00:00Z") for row in rows)


def test_rows_are_delivered_twice_and_corrected(company):
    pattern = company.summary.landing_dir / "forms" / "submissions" / "*" / "*.parquet"
    twice, corrected = duckdb.sql(
        "select count(*), count(*) filter (where versions > 1) from (select count(*) as rows, count(distinct coalesce(message, '')) as versions "
        f"from read_parquet('{pattern}', filename = true) group by submission_id, split_part(parse_filename(filename), '.', 1) having count(*) > 1)"
    ).fetchone()
    assert twice > corrected > 0

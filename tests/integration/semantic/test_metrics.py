"""What MetricFlow answers is what the marts say, and what plain Python counts from the facts below them."""

import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import ConfigError, PublishError
from orchestration.metrics.commands import answer_table
from orchestration.metrics.engine import Answer, open_metrics, read_semantic_manifest
from orchestration.publish.versions import current_version
from orchestration.settings import PROJECT_ROOT, Settings

EFFICIENCY = "from marts.mart_channel_efficiency where view_type = 'same_month' and side = 'acquisition'"
MOVED = "from marts.fct_stage_duration where track = 'acquisition' and transition_kind in ('step', 'skip')"
WINDOWS = (30, 60, 90, 180)

# metrics, groups, and the same question to a mart
SAME_AS_MARTS = {
    "volume by month and stage": (
        [
            "people_in_stage",
            "people_in_stage_before",
            "stage_entries",
            "people_passed",
            "stage_exits",
            "stage_returns",
            "people_parked",
            "people_dormant",
        ],
        ["metric_time__month", "stage"],
        """select cast(month_starts_on as timestamp), stage, sum(closing_count), sum(opening_count), sum(entered_count), sum(passed_count), sum(exited_count),
        sum(returned_count), sum(parked_count), sum(dormant_count) from marts.mart_funnel_volume where track = 'acquisition' group by all""",
    ),
    "who was asleep and who woke up": (
        ["people_dormant_before", "people_woken", "wake_rate"],
        ["metric_time__month", "stage"],
        """select cast(month_starts_on as timestamp), stage, sum(dormant_before_count), sum(woken_count),
        sum(woken_count) / nullif(sum(dormant_before_count), 0) from marts.mart_funnel_volume where track = 'acquisition' group by all""",
    ),
    "stock by channel, region and industry": (
        ["people_in_stage"],
        ["volume__channel", "volume__region", "volume__industry"],
        """select channel, region, industry, sum(closing_count) from marts.mart_funnel_volume
        where track = 'acquisition' and month = (select max(month) from marts.mart_funnel_volume) group by all""",
    ),
    "new people by quarter": (
        ["stage_first_entries"],
        ["metric_time__quarter"],
        """select cast(date_trunc('quarter', month_starts_on) as timestamp), sum(entered_count) - sum(reentered_count)
        from marts.mart_funnel_volume where track = 'acquisition' group by all""",
    ),
    "moves by pair and month": (
        ["moves_up", "mean_days_to_move_up", "median_days_to_move_up", "p90_days_to_move_up"],
        ["metric_time__month", "stay__from_stage", "stay__to_stage"],
        """select cast(month_starts_on as timestamp), from_stage, to_stage, n, mean_days, median_days, p90_days from marts.mart_stage_velocity
        where track = 'acquisition' and transition_kind in ('step', 'skip') and month_basis = 'exit' and period_type = 'month' and segment_type = 'all'""",
    ),
    "moves by pair and channel": (
        ["moves_up", "mean_days_to_move_up", "median_days_to_move_up"],
        ["stay__from_stage", "stay__to_stage", "stay__channel"],
        """select from_stage, to_stage, segment_value, n, mean_days, median_days from marts.mart_stage_velocity
        where track = 'acquisition' and transition_kind in ('step', 'skip') and month_basis = 'exit' and period_type = 'all' and segment_type = 'channel'""",
    ),
    "spend by month and channel": (
        ["spend"],
        ["metric_time__month", "cost__channel"],
        """select cast(month_starts_on as timestamp), channel, sum(cost_amount) from marts.mart_channel_efficiency
        where view_type = 'same_month' group by all having sum(cost_amount) <> 0""",
    ),
    "what each step costs": (
        [
            "acquisition_spend",
            "leads_reached",
            "cost_per_lead",
            "cost_per_mql",
            "cost_per_sql",
            "cost_per_opportunity",
            "cost_per_customer",
        ],
        ["metric_time__month", "efficiency__channel"],
        f"""select cast(month_starts_on as timestamp), channel, cost_amount, lead_count, cost_per_lead, cost_per_mql, cost_per_sql, cost_per_opportunity,
        cost_per_customer {EFFICIENCY}""",
    ),
    "what each step costs in all": (
        ["cost_per_lead", "cost_per_customer"],
        [],
        f"select sum(cost_amount) / sum(lead_count), sum(cost_amount) / sum(customer_count) {EFFICIENCY}",
    ),
    "revenue by month and channel": (
        ["revenue_won"],
        ["metric_time__month", "credit__channel"],
        """select cast(month_starts_on as timestamp), channel, sum(revenue_amount) from marts.mart_channel_efficiency
        where view_type = 'same_month' group by all having sum(revenue_amount) <> 0""",
    ),
    "pipeline by channel": (
        ["pipeline_opened"],
        ["credit__channel"],
        """select channel, sum(credit_amount) from marts.mart_attribution where target_type = 'pipeline' and is_default_model group by all""",
    ),
    "orders by kind": (
        ["ordered_amount"],
        ["customer_order__order_kind"],
        "select order_kind, sum(reporting_amount) from marts.fct_order group by all",
    ),
    **{
        f"conversion within {days} days by channel": (
            [f"conversion_rate_{days}_days"],
            [
                "metric_time__month",
                "cohort__from_stage",
                "cohort__to_stage",
                "cohort__segment_type",
                "cohort__segment_value",
            ],
            f"""select cast(cohort_month_starts_on as timestamp), from_stage, to_stage, segment_type, segment_value, conversion_rate
            from marts.mart_funnel_conversion where track = 'acquisition' and window_days = {days} and is_mature""",
        )
        for days in WINDOWS
    },
    "conversion without a segment is that of everybody": (
        ["conversion_rate_90_days"],
        ["metric_time__month", "cohort__from_stage", "cohort__to_stage"],
        """select cast(cohort_month_starts_on as timestamp), from_stage, to_stage, conversion_rate from marts.mart_funnel_conversion
        where track = 'acquisition' and window_days = 90 and is_mature and segment_type = 'all'""",
    ),
    "costs of months beside the revenue of days, by quarter": (
        ["acquisition_spend", "revenue_won"],
        ["metric_time__quarter"],
        """select cast(date_trunc('quarter', month_starts_on) as timestamp) as quarter, sum(cost_amount) filter (where side = 'acquisition'),
        nullif(sum(revenue_amount), 0) from marts.mart_channel_efficiency where view_type = 'same_month' group by quarter""",
    ),
    "open share": (
        ["open_share"],
        ["metric_time__month", "cohort__from_stage", "cohort__to_stage"],
        """select cast(cohort_month_starts_on as timestamp), from_stage, to_stage, open_share from marts.mart_funnel_conversion
        where track = 'acquisition' and window_days = 30 and segment_type = 'all'""",
    ),
}


@pytest.fixture(scope="module")
def metrics(warehouse_home: Settings):
    with open_metrics(warehouse_home) as opened:
        yield opened


@pytest.fixture(scope="module")
def marts(warehouse_home: Settings):
    path = current_version(warehouse_home.published_dir) / "leadrelay.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def comparable(rows, key_count):
    """Rows by their keys, numbers as floats; marts round their means to the sixth decimal."""
    found = {
        row[:key_count]: [
            None if value is None else pytest.approx(float(value), rel=1e-9, abs=1e-6) for value in row[key_count:]
        ]
        for row in rows
    }
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("question", SAME_AS_MARTS)
def test_a_metric_says_what_the_mart_says(metrics, marts, question):
    names, groups, sql = SAME_AS_MARTS[question]
    rows = metrics.query(names, groups).rows
    expected = marts.execute(sql).fetchall()
    assert len(expected) >= 1
    assert {key: [value and float(value) for value in row] for key, row in _keyed(rows, len(groups))} == comparable(
        expected, len(groups)
    )


def _keyed(rows, key_count):
    for row in rows:
        yield row[:key_count], [None if value is None else float(value) for value in row[key_count:]]


def test_entries_and_stock_recounted_from_the_ledger(metrics, marts):
    ledger = marts.execute(
        "select stage, entered_at, exited_at from marts.fct_lifecycle_transition where track = 'acquisition'"
    ).fetchall()
    entered = Counter((stage, f"{entered_at:%Y-%m}") for stage, entered_at, _ in ledger)
    months = sorted({month for _, month in entered})
    said = {
        (stage, f"{month:%Y-%m}"): rest
        for month, stage, *rest in metrics.query(["stage_entries", "people_in_stage"], ["month", "stage"]).rows
    }
    assert {key: count for key, (count, _) in said.items() if count} == entered
    # the middle of the history and its end, person by person
    for month in (months[len(months) // 2], months[-1]):
        held = Counter(
            stage
            for stage, entered_at, exited_at in ledger
            if f"{entered_at:%Y-%m}" <= month and (exited_at is None or f"{exited_at:%Y-%m}" > month)
        )
        assert {stage: stock for (stage, at), (_, stock) in said.items() if at == month and stock} == held


def test_the_wake_rate_recounted_sleep_by_sleep(metrics, marts):
    stays = defaultdict(list)
    for person, entered_at, exited_at in marts.execute(
        "select person_id, entered_at, exited_at from marts.fct_lifecycle_transition where track = 'acquisition'"
    ).fetchall():
        stays[person].append((entered_at, exited_at))

    def stands(person, at):
        return any(since < at and (until is None or at <= until) for since, until in stays[person])

    asleep, woken = defaultdict(set), defaultdict(set)
    begins = [row[0] for row in metrics.query(["people_woken"], ["month"]).rows]
    for person, began_at, ended_at in marts.execute(
        "select person_id, began_at, ended_at from marts.fct_lifecycle_status where status = 'dormant'"
    ).fetchall():
        for begin in begins:
            if began_at < begin and (ended_at is None or ended_at >= begin) and stands(person, begin):
                asleep[begin].add(person)
            if began_at < begin and ended_at and f"{ended_at:%Y-%m}" == f"{begin:%Y-%m}" and stands(person, ended_at):
                woken[begin].add(person)
    for begin, before, up, rate in metrics.query(
        ["people_dormant_before", "people_woken", "wake_rate"], ["month"]
    ).rows:
        assert (before, up) == (len(asleep[begin]), len(woken[begin]))
        assert rate == (pytest.approx(up / before) if before else None)
    assert 0 < sum(map(len, woken.values())) < sum(map(len, asleep.values()))


def test_days_to_move_recounted_stay_by_stay(metrics, marts):
    days = defaultdict(list)
    for from_stage, to_stage, entered_at, exited_at in marts.execute(
        f"select from_stage, to_stage, entered_at, exited_at {MOVED}"
    ).fetchall():
        days[from_stage, to_stage].append((exited_at - entered_at) / timedelta(days=1))
    answer = metrics.query(["mean_days_to_move_up", "median_days_to_move_up"], ["from_stage", "to_stage"])
    assert {(row[0], row[1]): (row[2], row[3]) for row in answer.rows} == {
        pair: (pytest.approx(statistics.fmean(values)), pytest.approx(statistics.median(values)))
        for pair, values in days.items()
    }


def test_spend_revenue_and_deals_recounted_row_by_row(metrics, marts):
    costs = sum(row[0] for row in marts.execute("select reporting_amount from marts.fct_cost").fetchall() if row[0])
    assert metrics.query(["spend"]).rows == ((costs,),)
    deals = marts.execute("select is_won, is_open, created_at, closed_at from marts.fct_opportunity").fetchall()
    won = [deal for deal in deals if deal[0]]
    closed = [deal for deal in deals if not deal[1]]
    assert metrics.query(["deals_opened", "deals_closed", "deals_won", "win_rate"]).rows == (
        (len(deals), len(closed), len(won), pytest.approx(len(won) / len(closed))),
    )
    mean = statistics.fmean(max((closed_at - opened_at) / timedelta(days=1), 0) for _, _, opened_at, closed_at in won)
    assert metrics.query(["mean_days_to_win"]).rows == ((pytest.approx(mean),),)
    credited = marts.execute(
        "select target_type, is_default_model, credit_amount from marts.mart_attribution"
    ).fetchall()
    for metric, target in (("revenue_won", "revenue"), ("pipeline_opened", "pipeline")):
        assert metrics.query([metric]).rows == ((sum(row[2] for row in credited if row[0] == target and row[1]),),)


def test_a_rate_is_recounted_from_cohorts(metrics, marts):
    counts = defaultdict(lambda: [0, 0])
    for row in marts.execute("select * from marts.mart_funnel_conversion").fetchdf().itertuples():
        if (row.track, row.segment_type, row.window_days, row.is_mature) == ("acquisition", "region", 60, True):
            pair = counts[row.from_stage, row.to_stage, row.segment_value]
            pair[0] += row.converted_count
            pair[1] += row.cohort_count
    answer = metrics.query(
        ["conversion_rate_60_days"],
        ["from_stage", "to_stage", "segment_value"],
        ["{{ Dimension('cohort__segment_type') }} = 'region'"],
    )
    assert {row[:3]: row[3] for row in answer.rows} == {
        key: pytest.approx(converted / cohort) for key, (converted, cohort) in counts.items()
    }


def test_every_metric_answers_by_month_and_is_grouped_by_something_else_too(metrics):
    for name in metrics.all:
        groups = metrics.groups([name])
        assert "metric_time__month" in groups, name
        assert metrics.query([name], ["month"]).rows, name
        assert any(not group.startswith("metric_time") for group in groups), name


def test_labels_of_stages_and_programmes_are_joined(metrics, marts):
    answer = metrics.query(["stage_entries"], ["stage", "label_en", "label_zh"])
    stages = {
        row[0]: row[1:] for row in marts.execute("select stage, label_en, label_zh from marts.dim_stage").fetchall()
    }
    assert {row[0]: row[1:3] for row in answer.rows} == {row[0]: stages[row[0]] for row in answer.rows}
    assert len(metrics.query(["spend"], ["programme_name"]).rows) > 1


def test_metricflow_finds_nothing_wrong_with_the_definitions(metrics):
    from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator

    found = SemanticManifestValidator().validate_semantic_manifest(metrics.manifest)
    assert [issue.as_readable_str() for issue in (*found.errors, *found.future_errors, *found.warnings)] == []


def test_the_rates_are_the_windows_of_the_seed(metrics):
    with (PROJECT_ROOT / "seeds" / "targets" / "conversion_windows.csv").open(encoding="utf-8") as stream:
        windows = {int(row["window_days"]) for row in csv.DictReader(stream)}
    assert {int(name.split("_")[2]) for name in metrics.all if name.startswith("conversion_rate_")} == windows


def test_every_metric_and_dimension_has_words_and_a_chinese_label(warehouse_home):
    document = read_semantic_manifest(warehouse_home)
    described = [*document["metrics"], *document["semantic_models"]]
    described += [dimension for model in document["semantic_models"] for dimension in model["dimensions"]]
    for entry in described:
        assert entry["label"], entry["name"]
        assert entry["description"], entry["name"]
        assert any("\u4e00" <= character <= "\u9fff" for character in entry["config"]["meta"]["label_zh"]), entry[
            "name"
        ]


@pytest.mark.parametrize(
    ("names", "groups", "told"),
    [
        (["people_in_stag"], [], "Did you mean people_in_stage?"),
        (["win_rate"], ["chanel"], "These metrics share: campaign"),
        (["people_in_stage"], ["month", "label"], "there is no group 'label'"),
        (["spend"], ["month", "cost__nothing"], "there is no group 'cost__nothing'"),
    ],
)
def test_a_wrong_word_is_refused_with_the_right_ones(metrics, names, groups, told):
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        metrics.query(names, groups)


def test_a_condition_that_cannot_be_read_is_told_in_one_line(metrics):
    with pytest.raises(ConfigError, match="MetricFlow cannot answer this"):
        metrics.query(["people_in_stage"], ["month"], ["{{ Dimension('volume__nothing') }} = 1"])


def test_without_a_published_version_the_next_step_is_told(tmp_path):
    settings = Settings(home=tmp_path, sources_file=PROJECT_ROOT / "sources.yml")
    with pytest.raises(PublishError, match="leadrelay run"), open_metrics(settings):
        pass


def test_the_command_prints_a_table_and_writes_a_file(warehouse_home, tmp_path, monkeypatch, capsys):
    from orchestration.cli import main

    monkeypatch.setenv("LEADRELAY_HOME", str(warehouse_home.home))
    assert (
        main(["metrics", "query", "spend", "revenue_won", "--by", "month", "--order", "month:desc", "--limit", "3"])
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["metric_time__month", "spend", "revenue_won"]
    assert len(lines) == 5
    target = tmp_path / "spend.csv"
    assert main(["metrics", "query", "spend", "--by", "channel", "--csv", str(target)]) == 0
    with target.open(encoding="utf-8") as stream:
        assert sum(float(row["spend"]) for row in csv.DictReader(stream)) > 0
    capsys.readouterr()
    assert main(["metrics", "list"]) == 0
    listed = capsys.readouterr().out
    assert "cost_per_mql" in listed
    assert "conversion_cohort" not in listed


def test_a_table_has_texts_left_and_numbers_right():
    answer = Answer(("channel", "spend"), (("ads", 1234.5), ("a\x1b[31m", None)), "")
    assert answer_table(answer).splitlines() == [
        "channel    spend",
        "-------  -------",
        "ads      1,234.5",
        "a [31m",
    ]


DENIED = """
import socket

def denied(*_, **__):
    raise OSError("there is no network")

socket.getaddrinfo = socket.socket.connect = denied
"""


def test_the_own_command_of_metricflow_answers_without_a_network(warehouse_home, marts, tmp_path):
    """The project as `dbt parse` leaves it for target `published`: the definitions with that file's name as the database."""
    project = tmp_path / "dbt_project"
    (project / "target").mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT_ROOT / "dbt_project" / name, project)
    document = json.dumps(read_semantic_manifest(warehouse_home))
    parsed = document.replace(warehouse_home.warehouse_path.stem, "leadrelay")
    (project / "target" / "semantic_manifest.json").write_text(parsed, encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text(DENIED, encoding="utf-8")
    published = current_version(warehouse_home.published_dir) / "leadrelay.duckdb"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(PROJECT_ROOT)]),
        "LEADRELAY_DBT_TARGET": "published",
        "LEADRELAY_PUBLISHED": str(published),
        "DBT_PROFILES_DIR": ".",
    }
    command = [Path(sys.executable).with_name("mf"), "query", "--metrics", "spend,revenue_won"]
    groups = ["--group-by", "metric_time__month", "--order", "metric_time__month", "--csv", "answer.csv"]
    ended = subprocess.run(
        [*command, *groups], cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    with (project / "answer.csv").open(encoding="utf-8") as stream:
        answered = {row["metric_time__month"][:7]: row for row in csv.DictReader(stream)}
    said = marts.execute(
        "select month, sum(cost_amount), sum(revenue_amount) from marts.mart_channel_efficiency where view_type = 'same_month' group by month"
    ).fetchall()
    assert len(said) > 10
    for month, spent, won in said:
        assert float(answered[month]["spend"] or 0) == pytest.approx(float(spent))
        assert float(answered[month]["revenue_won"] or 0) == pytest.approx(float(won))

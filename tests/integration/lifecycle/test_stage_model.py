"""A stage model or a score rule with a fault is refused in words: which seed, which row, what is wrong.

The dbt tests are compiled once and run on altered seeds.
"""

import csv
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
import yaml

from orchestration.ingest import warehouse
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.runner import run_dbt
from tests.integration.lifecycle.conftest import finish

SEEDS = {
    "stages": "lifecycle",
    "signals": "lifecycle",
    "statuses": "lifecycle",
    "crm_status_map": "lifecycle",
    "thresholds": "scoring",
    "routes": "routing",
    "behaviour_rules": "scoring",
    "business_day": "scoring",
    "fit_rules": "scoring",
    "grades": "scoring",
    "profile_attributes": "identity",
}
CHECKS = ("assert_stage_model_is_sound", "assert_score_rules_are_sound")
MQL_SOURCE = "<mql_source>"
Rows = list[dict[str, Any]]
Change = Callable[[Rows], None]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    settings = Settings(home=tmp_path_factory.mktemp("stage_model"), sources_file=PROJECT_ROOT / "sources.yml")
    with warehouse.connect(settings) as connection:
        warehouse.prepare(connection)
    variables = f'{{mql_source: "{MQL_SOURCE}"}}'
    outcome = finish(run_dbt(settings, ["compile", "--vars", variables, "--select", *CHECKS]))
    assert outcome.success, outcome.message
    paths = [path for name in CHECKS for path in (settings.dbt_target_dir / "compiled").rglob(f"{name}.sql")]
    assert len(paths) == len(CHECKS)
    return [path.read_text(encoding="utf-8") for path in paths]


def problems(compiled: list[str], changes: dict[str, Change], mql_source: str = "either") -> list[str]:
    """Run the tests on the seeds as they are, with some of them changed."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse")
    connection.execute("create schema warehouse.seeds")
    for name, folder in SEEDS.items():
        path = PROJECT_ROOT / "seeds" / folder / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows: Rows = [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]
        if name in changes:
            changes[name](rows)
        described = yaml.safe_load(path.with_suffix(".yml").read_text(encoding="utf-8"))["seeds"][0]
        types = described["config"]["column_types"]
        connection.execute(
            f"create table warehouse.seeds.{name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})"
        )
        if rows:
            connection.executemany(
                f"insert into warehouse.seeds.{name} ({', '.join(types)}) values ({', '.join('?' * len(types))})",
                [[row[column] for column in types] for row in rows],
            )
    return [
        row[0]
        for statement in compiled
        for row in connection.execute(statement.replace(MQL_SOURCE, mql_source)).fetchall()
    ]


def setting(key: str, value: str, **new: Any) -> Change:
    """Change the rows whose column ``key`` has ``value``."""

    def change(rows: Rows) -> None:
        found = [row for row in rows if row[key] == value]
        assert found, f"{key}={value}"
        for row in found:
            row.update(new)

    return change


def without(key: str, value: str) -> Change:
    """Remove the rows whose column ``key`` has ``value``."""

    def change(rows: Rows) -> None:
        rows[:] = [row for row in rows if row[key] != value]

    return change


def doubled(key: str, value: str) -> Change:
    """Write the rows whose column ``key`` has ``value`` twice."""

    def change(rows: Rows) -> None:
        rows += [dict(row) for row in rows if row[key] == value]

    return change


FAULTS: list[tuple[str, Change, str]] = [
    (
        "signals",
        setting("signal", "score_reached", to_stage="mqll"),
        "signal score_reached: to_stage mqll is no stage of stages.csv; write one of awareness, friend",
    ),
    ("signals", setting("signal", "returned_to_sdr", from_min_stage="sqll"), "from_min_stage sqll is no stage"),
    ("signals", doubled("signal", "sdr_accepted"), "the signal sdr_accepted stands there 2 times"),
    ("signals", setting("signal", "sdr_accepted", kind="promote"), "kind promote is none of advance, return"),
    ("signals", setting("signal", "sdr_accepted", to_stage=None), "kind advance needs to_stage"),
    ("signals", setting("signal", "sdr_accepted", to_stage="pool"), "an advance leads to a stage, not to the pool"),
    ("signals", setting("signal", "churned", from_min_stage=None), "a return needs from_min_stage"),
    (
        "signals",
        setting("signal", "returned_to_sdr", to_stage="customer"),
        "a cycle without exit: it returns from sql to customer",
    ),
    (
        "signals",
        setting("signal", "requalified", to_stage="customer"),
        "a cycle without exit: it leads back to customer",
    ),
    ("signals", setting("signal", "churned", status="gone"), "status gone is no status of statuses.csv"),
    ("signals", setting("signal", "churned", signal_phase="2"), "signal_phase 2 does not fit its kind"),
    ("signals", setting("signal", "churned", source_priority=None), "source_priority must be given"),
    ("signals", setting("signal", "rejected_to_pool", score_factor="1.5"), "score_factor must lie between 0 and 1"),
    (
        "signals",
        setting("signal", "sdr_accepted", is_rejection="true"),
        "a rejection must be a return with a score_factor",
    ),
    ("signals", without("signal", "identified"), "the signal identified is missing"),
    (
        "signals",
        setting("signal", "opportunity_lost", kind="advance"),
        "signal opportunity_lost: it must have kind return",
    ),
    ("signals", setting("signal", "disqualified", kind="status_end"), "kind status_end is none of advance, return"),
    (
        "signals",
        setting("signal", "disqualified", signal="barred"),
        "signal barred: a status_begin must name its status, and only the signal disqualified",
    ),
    ("signals", setting("signal", "disqualified", status=None), "a status_begin must name its status"),
    ("signals", setting("signal", "disqualified", kind="return"), "it must have kind status_begin"),
    ("signals", setting("signal", "requalified", kind="advance"), "signal requalified: it must have kind new_cycle"),
    ("signals", setting("signal", "sdr_accepted", status="lost"), "status lost would never begin"),
    (
        "signals",
        setting("signal", "opportunity_lost", status="dormant"),
        "a return begins the status dormant, which would never end",
    ),
    ("signals", setting("signal", "churned", opens_expansion="true"), "only an advance opens an expansion"),
    ("signals", without("signal", "requalified"), "it ends with requalified, and no signal of that name exists"),
    ("stages", doubled("stage", "mql"), "the stage mql stands there 2 times"),
    ("stages", setting("stage", "mql", stage_rank="5"), "the stage_rank 5 stands there 2 times"),
    ("stages", setting("stage", "customer", stage_rank="12"), "the ladder is longer than the 9 ranks"),
    (
        "stages",
        setting("stage", "customer", stage_rank="10"),
        "the ranks must run from 1 to 9 without a gap, and run to 10",
    ),
    (
        "stages",
        setting("stage", "mql", stage_type="door"),
        "stage mql: stage_type door is none of inventory, gate, sla",
    ),
    ("stages", setting("stage", "mql", label_zh=None), "stage mql: label_en and label_zh must both be given"),
    ("stages", setting("stage", "mql", dormant_days="0"), "stage_sla_days and dormant_days must be more than 0"),
    ("stages", setting("stage", "opportunity", stage_sla_days=None), "stage_type sla promises a time"),
    ("stages", setting("stage", "mql", lapse_days="0"), "stage mql: lapse_days must be a whole number of days above 0"),
    (
        "stages",
        setting("stage", "mql", lapse_days="45.5"),
        "stage mql: lapse_days must be a whole number of days above",
    ),
    ("stages", setting("stage", "mql", lapse_days="29"), "stage mql: lapse_days must not be less than dormant_days"),
    (
        "stages",
        setting("stage", "customer", lapse_days="400"),
        "stage customer: lapse_days must be empty in the last stage; who has bought leaves by a signal like churned",
    ),
    ("stages", setting("stage", "target", lapse_days="400"), "stage target: lapse_days must be empty at the pool and"),
    (
        "stages",
        setting("stage", "name", lapse_days="400"),
        "stage name: lapse_days must be empty at the pool and below",
    ),
    ("signals", setting("signal", "lapsed", from_min_stage="mql"), "signal lapsed: it must be a return to the pool"),
    ("signals", setting("signal", "lapsed", to_stage="mql"), "lapsed: it must be a return to the pool, no rejection"),
    (
        "signals",
        setting("signal", "lapsed", is_rejection="true"),
        "it must be a return to the pool, no rejection, with",
    ),
    ("signals", setting("signal", "lapsed", kind="new_cycle"), "must be a return to the pool, no rejection, with an"),
    ("crm_status_map", setting("value", "Churned", signal="lapsed"), "status Churned: lapsed is what the clock says"),
    ("stages", setting("stage", "engaged", is_pool="false"), "exactly one stage must have is_pool"),
    ("stages", setting("stage", "mql", is_pool_with_fit="true"), "at most one stage may have is_pool_with_fit"),
    ("stages", setting("stage", "friend", is_entry="false"), "the stages with is_entry must be the lowest ones"),
    ("statuses", setting("status", "recycled", ends_with="mqll"), "status recycled: a status without an exit"),
    (
        "statuses",
        setting("status", "recycled", ends_with="engagement"),
        "begins the status recycled, which would never",
    ),
    ("statuses", setting("status", "dormant", status="asleep"), "the status dormant is missing"),
    (
        "statuses",
        setting("status", "dormant", ends_with="mql"),
        "status dormant: it ends with engagement and with nothing",
    ),
    ("signals", setting("signal", "churned", status=None), "status churned: nothing begins it"),
    (
        "crm_status_map",
        setting("object_type", "person", signal="requalified"),
        "a change of the employer must mean job_changed, or nothing",
    ),
    (
        "crm_status_map",
        setting("value", "Accepted", signal="accepted"),
        "the signal accepted is no signal of signals.csv",
    ),
    ("crm_status_map", setting("object_type", "activity", object_type="call"), "object_type is none of lead, contact"),
    ("crm_status_map", doubled("value", "Churned"), "contact status Churned stands there 2 times"),
    ("thresholds", setting("stage", "mql", stage="mqll"), "stage mqll: it is no stage of stages.csv"),
    ("thresholds", setting("stage", "mql", route="nurtured"), "a threshold without route: nurtured is no route"),
    ("thresholds", setting("stage", "mql", route=None), "a threshold without route: it is what score_reached asks for"),
    ("thresholds", setting("stage", "mql", score_part="sum"), "score_part sum is none of fit, behaviour, total"),
    ("thresholds", setting("stage", "mql", min_points=None), "min_points must be given"),
    ("thresholds", doubled("stage", "mql"), "has two rows with the same valid_from"),
    ("thresholds", without("stage", "mql"), "no row for the stage mql, to which the signal score_reached leads"),
    ("signals", setting("signal", "score_reached", signal="scored"), "stage mql: nobody would be measured by it"),
    ("routes", setting("route", "direct", signal="asked"), "the signal asked is no signal of signals.csv"),
    ("routes", setting("route", "direct", signal="churned"), "the signal churned is no advance"),
    ("behaviour_rules", setting("rule_id", "chat", points=None), "rule chat: points must be given"),
    (
        "behaviour_rules",
        setting("rule_id", "chat", valid_from="2026-06-01", valid_to="2026-06-01"),
        "rule chat: valid_to must be later than valid_from",
    ),
    (
        "behaviour_rules",
        setting("rule_id", "chat", half_life_days="0"),
        "rule chat: half_life_days must be more than 0",
    ),
    ("behaviour_rules", setting("rule_id", "chat", day_cap_points="5"), "rule chat: day_cap_points must be at least"),
    ("behaviour_rules", setting("rule_id", "chat", points="-8"), "it caps what a rule gives, not what it takes"),
    ("behaviour_rules", setting("rule_id", "chat", is_qualifying=None), "is_qualifying must be true or false"),
    ("fit_rules", setting("rule_id", "size_50", match_kind="like"), "match_kind like is none of regex, in_list"),
    ("fit_rules", setting("rule_id", "size_50", pattern=None), "match_kind in_list needs a pattern"),
    ("fit_rules", setting("rule_id", "size_50", priority=None), "rule size_50: priority must be given"),
    ("fit_rules", setting("rule_id", "job_student", attribute="title"), "attribute title is no attribute of"),
    (
        "fit_rules",
        setting("rule_id", "size_50", fit_group="industry"),
        "the fit_group industry looks at 2 attributes",
    ),
    ("grades", setting("grade", "A", grade_part="fitness"), "grade_part fitness is none of fit, behaviour"),
    ("grades", setting("grade", "A", min_points="15"), "fit has 2 grades from 15.0 points on; keep one"),
    ("grades", without("grade", "4"), "behaviour needs a lowest grade"),
    ("business_day", doubled("time_zone", "UTC"), "it holds 2 rows; a company has one day"),
    ("business_day", without("time_zone", "UTC"), "it holds 0 rows; a company has one day"),
]


def test_the_stage_model_of_the_house_is_sound(compiled: list[str]) -> None:
    assert problems(compiled, {}) == []


@pytest.mark.parametrize(("seed", "change", "words"), FAULTS, ids=[words[:50] for _, _, words in FAULTS])
def test_a_fault_is_told_in_words(compiled: list[str], seed: str, change: Change, words: str) -> None:
    told = problems(compiled, {seed: change})
    assert [problem for problem in told if words in problem], told
    assert all(problem.startswith("seeds/") for problem in told), told


def test_each_stage_between_the_pool_and_the_last_may_lapse_once_the_signal_has_its_row(compiled: list[str]) -> None:
    def lapse(rows: Rows) -> None:
        for stage in ("mql", "sql", "opportunity"):
            setting("stage", stage, lapse_days="90")(rows)

    assert problems(compiled, {"stages": lapse}) == []
    told = problems(compiled, {"stages": lapse, "signals": without("signal", "lapsed")})
    assert len(told) == 3
    assert all("lapse_days needs a row for the signal lapsed in signals.csv" in problem for problem in told)


@pytest.mark.parametrize("mql_source", ["computed", "crm", "either"])
def test_each_source_of_the_mql_is_sound(compiled: list[str], mql_source: str) -> None:
    assert problems(compiled, {}, mql_source) == []


def test_a_source_of_the_mql_that_is_none_is_told_in_words(compiled: list[str]) -> None:
    assert problems(compiled, {}, "CRM") == [
        "dbt_project/dbt_project.yml: mql_source CRM is none of computed, crm, either"
    ]


def test_an_mql_that_only_the_crm_makes_needs_a_word_of_the_crm(compiled: list[str]) -> None:
    no_word = {"crm_status_map": setting("signal", "crm_mql", signal=None)}
    told = problems(compiled, no_word, "crm")
    assert len(told) == 1
    assert "no word of seeds/lifecycle/crm_status_map.csv means crm_mql" in told[0]
    assert problems(compiled, no_word) == []

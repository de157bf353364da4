"""The back-test counted a second time, and its scores held to what was known at the moment.

Scores are added up event by event in plain Python; leakage is tried by letting the future change and looking at the past.
"""

import csv
import math
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.scoring.files import write_models
from orchestration.scoring.prediction import Model

FOREVER = datetime(9999, 1, 1)
SEEDS = Path(__file__).resolve().parents[3] / "seeds"
INPUTS = [
    "intermediate.int_scoring__backtest_cases",
    "intermediate.int_scoring__known_touches",
    "intermediate.int_scoring__behaviour_events",
    "intermediate.int_scoring__fit_events",
    "intermediate.int_scoring__rejections",
    "intermediate.int_scoring__epoch_factors",
    "intermediate.int_identity__record_versions",
    "intermediate.int_identity__record_persons",
    "marts.fct_person_score",
    "seeds.prediction_features",
    "seeds.score_model",
    "ops.as_of",
]


@pytest.fixture(scope="module")
def as_of(warehouse) -> datetime:
    return warehouse.sql("select as_of from ops.as_of").fetchone()[0]


@pytest.fixture(scope="module")
def known_at(warehouse) -> dict[str, datetime]:
    """Since when each interaction counts: arrived, and its device seen with the person where nothing else names it."""
    sighted = defaultdict(lambda: FOREVER)
    for device, person, arrived in warehouse.sql(
        """
        select sightings.device_key, records.person_id, records.arrived_at
        from intermediate.int_identity__device_sightings as sightings
        join intermediate.int_identity__record_persons as records using (birth_order)
        """
    ).fetchall():
        sighted[device, person] = min(sighted[device, person], arrived)
    identified = dict(
        warehouse.sql("select person_id, identified_at from intermediate.int_identity__persons").fetchall()
    )
    arrivals = {}
    for table in (
        "forms__submissions",
        "events__registrations",
        "events__attendance",
        "webinars__registrations",
        "webinars__attendance",
        "crm__activities",
    ):
        arrivals |= dict(warehouse.sql(f"select record_id, first_arrived_at from staging.stg_{table}").fetchall())
    tracked = {
        row[0]: row[1:]
        for row in warehouse.sql(
            """
            select record_id, first_arrived_at, md5_number_lower('anonymous_id|' || anonymous_id) >> 1,
                email is null and phone is null and wechat_openid is null and wechat_unionid is null and external_id is null
            from staging.stg_engagement__interactions
            """
        ).fetchall()
    }
    found = {}
    for interaction, person, at in warehouse.sql(
        "select interaction_id, person_id, occurred_at from marts.fct_interaction where direction = 'inbound'"
    ).fetchall():
        if interaction in tracked:
            arrived, device, is_device_only = tracked[interaction]
            moments = [at, arrived]
            if is_device_only and device is not None:
                seen = sighted[device, person]
                moments.append(identified[person] or FOREVER if seen == FOREVER else seen)
            found[interaction] = max(moments)
        else:
            found[interaction] = max(at, arrivals[interaction])
    return found


@pytest.fixture(scope="module")
def known_points(warehouse, known_at):
    """Per person: (when, known since, points, half-life) of behaviour, (known since, points) of fit, (when, factor) of rejections."""
    behaviour, fit, rejections = defaultdict(list), defaultdict(list), defaultdict(list)
    for person, at, points, half_life, record in warehouse.sql(
        "select person_id, occurred_at, points, half_life_days, record_id from marts.fct_score_event where score_kind = 'behaviour'"
    ).fetchall():
        behaviour[person].append((at, known_at[record], points, half_life))
    for person, at, factor in warehouse.sql(
        "select person_id, occurred_at, score_factor from marts.fct_score_event where score_kind = 'rejection'"
    ).fetchall():
        rejections[person].append((at, factor))
    versions = defaultdict(list)
    for record, observed, arrival in warehouse.sql(
        "select record_id, observed_at, arrived_at from intermediate.int_identity__record_versions"
    ).fetchall():
        versions[record, observed].append(arrival)
    first = dict(
        warehouse.sql("select record_id, arrived_at from intermediate.int_identity__record_persons").fetchall()
    )
    for person, at, points, record in warehouse.sql(
        "select person_id, occurred_at, points, record_id from marts.fct_score_event where score_kind = 'fit'"
    ).fetchall():
        fit[person].append((max(at, max(versions[record, at], default=first[record])), points))
    return behaviour, fit, rejections


def test_scores_are_those_that_a_walk_over_what_was_known_adds_up(warehouse, known_points, as_of):
    behaviour, fit, rejections = known_points
    rows = warehouse.sql(
        "select scored_at, person_id, behaviour_score, fit_score, total_score from intermediate.int_scoring__backtest_scores"
    ).fetchall()
    hidden = cut = 0
    for scored_at, person, behaviour_score, fit_score, total in rows:
        expected = 0.0
        for at, known, points, half_life in behaviour[person]:
            # at the beginning of a month nothing of that very instant counts; now, everything does
            if known > scored_at or (known == scored_at and scored_at != as_of):
                hidden += at < scored_at
                continue
            age = (scored_at - at) / timedelta(days=1)
            factors = [factor for rejected_at, factor in rejections[person] if at <= rejected_at < scored_at]
            expected += points * math.prod(factors) * (2 ** (-age / half_life) if half_life else 1)
            cut += bool(factors)
        assert behaviour_score == pytest.approx(expected, abs=2e-6)
        assert fit_score == pytest.approx(sum(points for known, points in fit[person] if known < scored_at), abs=1e-6)
        assert total == pytest.approx(behaviour_score + fit_score, abs=1e-6)
    assert len(rows) > 1_000
    assert hidden > 0, "the sample must hold visits that became known later"
    assert cut > 0, "the sample must hold rejections"


def test_every_point_of_fit_names_a_record_that_tells_it(warehouse):
    """The record shows the person; of a mailbox it holds the address, of a profile it holds the value that won."""
    events = warehouse.sql(
        """
        select events.rule_id, rules.attribute, events.person_id, events.record_id, events.occurred_at
        from marts.fct_score_event as events left join seeds.fit_rules as rules using (rule_id) where score_kind = 'fit'
        """
    ).fetchall()
    persons = dict(warehouse.sql("select record_id, person_id from marts.bridge_person_record").fetchall())
    won = set(
        warehouse.sql(
            "select person_id, attribute, valid_from, record_id from marts.bridge_person_attribute"
        ).fetchall()
    )
    mailboxes = set(
        warehouse.sql(
            """
            select records.record_id from intermediate.int_identity__identifiers as records
            join marts.bridge_person_identifier as known using (identifier_type, identifier_value)
            where known.is_corporate_email
            """
        ).fetchall()
    )
    competitors = set(
        warehouse.sql(
            "select record_id from intermediate.int_hygiene__record_findings where rule_id = 'competitor'"
        ).fetchall()
    )
    kinds = set()
    for _, attribute, person, record, at in events:
        assert persons[record] == person
        kinds.add(attribute)
        if attribute == "corporate_email":
            assert (record,) in mailboxes
        elif attribute == "is_competitor":
            assert (record,) in competitors
        elif not attribute.startswith("unsubscribed"):
            assert (person, attribute, at, record) in won
    assert {"corporate_email", "is_competitor", "job_title"} <= kinds


def test_cases_are_who_stood_below_acceptance_and_what_came_after(warehouse, as_of):
    ranks = dict(warehouse.sql("select stage, stage_rank from marts.dim_stage").fetchall())
    outcomes = {
        row["outcome"]: (ranks[row["stage"]], float(row["horizon_days"]))
        for row in csv.DictReader((SEEDS / "scoring" / "backtest_outcomes.csv").open(encoding="utf-8"))
    }
    ledger = defaultdict(list)
    for person, rank, entered, exited in warehouse.sql(
        """
        select person_id, stage_rank, entered_at, coalesce(exited_at, timestamp '9999-01-01') from marts.fct_lifecycle_transition
        where track = 'acquisition' order by person_id, entered_at, cycle_number
        """
    ).fetchall():
        ledger[person].append((rank, entered, exited))
    out = defaultdict(list)
    for person, began, ended in warehouse.sql(
        "select person_id, began_at, coalesce(ended_at, timestamp '9999-01-01') from marts.fct_lifecycle_status where status = 'disqualified'"
    ).fetchall():
        out[person].append((began, ended))
    known = {
        person: max(identified, arrived)
        for person, identified, arrived in warehouse.sql(
            """
            select person_id, any_value(identified_at), min(arrived_at) from intermediate.int_identity__persons
            join intermediate.int_identity__record_persons using (person_id)
            where identified_at is not null and not is_test group by person_id
            """
        ).fetchall()
    }
    (first,) = warehouse.sql("select min(day) from marts.dim_date").fetchone()
    months = pd.date_range(first, as_of, freq="MS").to_pydatetime()
    expected = {}
    lowest = min(rank for rank, _ in outcomes.values())
    for person, since in known.items():
        for moment in {*months, as_of}:
            held = [rank for rank, entered, exited in ledger[person] if entered < moment <= exited]
            is_out = any(began <= moment < ended for began, ended in out[person])
            if moment <= since or not held or held[0] >= lowest or is_out:
                continue
            for outcome, (rank, horizon) in outcomes.items():
                reached = [entered for at, entered, _ in ledger[person] if at >= rank and entered >= moment]
                is_positive = bool(reached) and min(reached) - moment <= timedelta(days=horizon)
                expected[moment, person, outcome] = (is_positive, as_of - moment >= timedelta(days=horizon))
    found = {
        row[:3]: row[3:]
        for row in warehouse.sql(
            "select scored_at, person_id, outcome, is_positive, is_mature from intermediate.int_scoring__backtest_cases"
        ).fetchall()
    }
    assert found == expected
    assert any(is_positive for is_positive, _ in expected.values())


def wilson(successes: int, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Solve (p - share)^2 = z^2 p (1 - p) / n for p, which is what Wilson's interval is."""
    share = successes / trials
    roots = np.roots([1 + z * z / trials, -(2 * share + z * z / trials), share * share])
    return max(0.0, min(roots.real)), min(1.0, max(roots.real))


def test_deciles_and_thresholds_equal_pandas(warehouse):
    cases = warehouse.sql(
        """
        select * from intermediate.int_scoring__backtest_cases
        join intermediate.int_scoring__backtest_scores using (scored_at, person_id) where is_mature
        """
    ).df()
    thresholds = {
        float(row["min_points"])
        for row in csv.DictReader((SEEDS / "scoring" / "backtest_thresholds.csv").open(encoding="utf-8"))
    } | {50.0}
    expected = {}
    for name in ("total", "behaviour", "fit"):
        score = cases[f"{name}_score"]
        place = score.groupby([cases["outcome"], cases["scored_month"]])
        decile = ((place.rank(method="min", ascending=False) - 1) * 10 // place.transform("size") + 1).astype(int)
        for outcome, of_outcome in cases.groupby("outcome"):
            for period, part in [("all", of_outcome), *of_outcome.groupby("scored_month")]:
                cuts = {("decile", float(number)): decile[part.index] == number for number in set(decile[part.index])}
                if name == "total":
                    cuts |= {("threshold", points): score[part.index] >= points for points in thresholds}
                base = part["is_positive"].mean()
                for cut, chosen in cuts.items():
                    hits, count, wins = part["is_positive"][chosen].sum(), chosen.sum(), part["is_positive"].sum()
                    none = (math.nan, math.nan)
                    expected[(outcome, name, period, *cut)] = (
                        count,
                        hits,
                        hits / count if count else math.nan,
                        *(wilson(hits, count) if count else none),
                        hits / wins if wins else math.nan,
                        *(wilson(hits, wins) if wins else none),
                        hits / count / base if count and wins else math.nan,
                    )
    found = warehouse.sql(
        """
        select outcome, score_name, period, cut_type, cut, person_count, positive_count, precision_rate, precision_low,
            precision_high, recall_rate, recall_low, recall_high, lift
        from marts.mart_score_backtest
        """
    ).fetchall()
    found = {row[:5]: [math.nan if value is None else value for value in row[5:]] for row in found}
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(list(values), abs=2e-6, nan_ok=True), key
    current = warehouse.sql("select distinct cut from marts.mart_score_backtest where is_current_threshold").fetchall()
    assert current == [(50.0,)]


@pytest.fixture
def laboratory(warehouse_home, warehouse):
    """The inputs of the scores in memory, and a function that runs a model's own SQL on them with the prediction switched on."""
    own = duckdb.connect()
    own.execute("set TimeZone = 'UTC'")
    own.execute("attach ':memory:' as warehouse")
    own.execute("use warehouse")
    for schema in ("intermediate", "marts", "seeds", "ops"):
        own.execute(f"create schema warehouse.{schema}")
    for table in INPUTS:
        own.register("copied", warehouse.sql(f"select * from {table}").arrow())
        own.execute(f"create table {table} as select * from copied")

    def build(name: str) -> pd.DataFrame:
        (path,) = warehouse_home.dbt_target_dir.glob(f"compiled/**/scoring/{name}.sql")
        statement = path.read_text(encoding="utf-8").replace("where False", "where true")
        schema = "marts" if name.startswith("mart") else "intermediate"
        own.execute(f"create or replace table {schema}.{name} as {statement}")
        return own.sql(f"from {schema}.{name} order by all").df()

    yield own, build
    own.close()


def test_nothing_that_became_known_later_changes_a_score_or_a_feature(laboratory, as_of):
    own, build = laboratory
    moment = (pd.Timestamp(as_of) - pd.Timedelta(days=120)).normalize().replace(day=1).to_pydatetime()
    before = [build(name) for name in ("int_scoring__backtest_scores", "int_scoring__prediction_features")]
    # the same past, told later: more visits, more points, another profile, one more rejection
    own.execute(
        """
        create temporary table future as
        select 'late-' || interaction_id as interaction_id, interaction_id as like_id, cast(? as timestamp) as known_at
        from intermediate.int_scoring__known_touches
        """,
        [moment],
    )
    own.execute(
        """
        insert into intermediate.int_scoring__known_touches
        select touches.* replace (future.interaction_id as interaction_id, future.known_at as known_at)
        from intermediate.int_scoring__known_touches as touches join future on touches.interaction_id = future.like_id
        """
    )
    own.execute(
        """
        insert into intermediate.int_scoring__behaviour_events
        select events.* replace (future.interaction_id as interaction_id, 77 as points)
        from intermediate.int_scoring__behaviour_events as events join future on events.interaction_id = future.like_id
        """
    )
    own.execute(
        """
        insert into intermediate.int_scoring__fit_events
        select * replace (cast(? as timestamp) as occurred_at, points + 5 as points) from intermediate.int_scoring__fit_events
        """,
        [moment],
    )
    own.execute(
        """
        insert into intermediate.int_scoring__rejections
        select person_id, cast(? as timestamp), 'late', 'rejected_to_pool', 0.0,
            coalesce((select max(rejection_number) from intermediate.int_scoring__rejections as old where old.person_id = cases.person_id), 0) + 1
        from (select distinct person_id from intermediate.int_scoring__backtest_cases) as cases
        """,
        [moment],
    )
    after = [build(name) for name in ("int_scoring__backtest_scores", "int_scoring__prediction_features")]
    for old, new in zip(before, after, strict=True):
        was, became = old[old["scored_at"] <= moment], new[new["scored_at"] <= moment]
        assert len(was) > 500
        pd.testing.assert_frame_equal(was.reset_index(drop=True), became.reset_index(drop=True))
        # and it is no wonder of a test that changes nothing
        later = old[old["scored_at"] > moment].reset_index(drop=True)
        assert not later.equals(new[new["scored_at"] > moment].reset_index(drop=True))


def test_the_warehouse_says_the_probability_that_the_model_says(laboratory, tmp_path, as_of):
    own, build = laboratory
    build("int_scoring__backtest_scores")
    features = build("int_scoring__prediction_features")
    names = tuple(sorted(features["feature"].unique()))
    dice = np.random.default_rng(3)
    model = Model(
        "won",
        names,
        dice.normal(size=len(names)),
        dice.uniform(0.5, 3, len(names)),
        dice.normal(size=len(names)),
        -1.5,
        0.8,
        0.1,
        np.datetime64("2025-06-01T00:00:00"),
    )
    write_models([model], tmp_path / "score_model.csv")
    own.execute("delete from seeds.score_model")
    own.execute(f"insert into seeds.score_model from read_csv('{tmp_path / 'score_model.csv'}', header = true)")
    found = build("mart_score_prediction").set_index("person_id")
    now = features[features["scored_at"] == as_of].pivot_table(index="person_id", columns="feature", values="value")
    expected = pd.Series(model.probability(now[list(names)].to_numpy()), index=now.index)
    assert len(found) == len(expected) > 100
    np.testing.assert_allclose(found["probability"].loc[expected.index], expected, atol=1e-8)
    words = {
        row["feature"]: row["label_en"]
        for row in csv.DictReader((SEEDS / "scoring" / "prediction_features.csv").open(encoding="utf-8"))
    }
    pushes = (now[list(names)] - model.mean) / model.scale * model.weight
    for person, row in pushes.iterrows():
        best = [words[name] for name in row[row > 0].sort_values(ascending=False).index[:3]]
        reasons = [found.loc[person, column] for column in ("first_reason", "second_reason", "third_reason")]
        assert [reason for reason in reasons if isinstance(reason, str)] == best


def test_nothing_is_predicted_unless_the_switch_is_on(warehouse):
    assert warehouse.sql("select count(*) from marts.mart_score_prediction").fetchone() == (0,)

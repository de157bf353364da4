"""Value, targets, markets and journeys a second time, one person after the other."""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.integration.money.conftest import seed

STAGE = {row["step"]: row["stage"] for row in seed("targets/funnel_steps")}
RANK = {row["stage"]: int(row["stage_rank"]) for row in seed("lifecycle/stages")}
WINDOW = timedelta(days=max(int(row["window_days"]) for row in seed("targets/conversion_windows")))
MINIMUM = {row["mart"]: int(row["minimum_count"]) for row in seed("targets/sample_sizes")}["mart_stage_value"]
SALES = {row["interaction_type"] for row in seed("routing/touch_types")}
ACTS = {row["interaction_type"] for row in seed("engagement/intent_actions")}


def month(at):
    return at.strftime("%Y-%m")


def days(begin, end):
    return (end - begin).total_seconds() / 86400


@pytest.fixture(scope="module")
def moves(rows):
    return rows(
        "select * from marts.fct_lifecycle_transition order by person_id, track, cycle_number, entered_at, stage_rank"
    )


@pytest.fixture(scope="module")
def touches(rows):
    found = defaultdict(list)
    for row in rows("select * from marts.fct_interaction order by occurred_at"):
        found[row["person_id"]].append(row)
    return found


@pytest.fixture(scope="module")
def stage_counts(rows, moves, as_of):
    """Mature, won and standing entries by track, stage and segment."""
    cycles = defaultdict(list)
    for move in moves:
        cycles[move["person_id"], move["track"], move["cycle_number"]].append(move)
    order = sorted(RANK, key=RANK.get)
    mature, won, standing = Counter(), Counter(), Counter()
    out = {
        row["person_id"]
        for row in rows("select person_id from marts.fct_lifecycle_status where status = 'disqualified' and is_open")
    }
    for cycle in cycles.values():
        has_won = [move["entered_at"] for move in cycle if move["stage"] == STAGE["customer"]]
        for move in cycle:
            position = order.index(move["stage"])
            segments = (
                ("all", "all"),
                ("channel", move["channel"]),
                ("region", move["region"]),
                ("industry", move["industry"]),
            )
            for segment in segments:
                standing[move["track"], move["stage"], *segment] += move["is_current"] and move["person_id"] not in out
                for stage in order[position - move["skipped_stages"] : position + 1]:
                    if stage != STAGE["customer"] and move["entered_at"] + WINDOW <= as_of:
                        mature[move["track"], stage, *segment] += 1
                        won[move["track"], stage, *segment] += any(at >= move["entered_at"] for at in has_won)
    return mature, won, standing


def test_the_value_of_a_stage_is_its_win_rate_times_the_mean_purchase(rows, stage_counts):
    mature, won, standing = stage_counts
    bought = rows("select * from intermediate.int_finance__revenue_segments")
    amounts = defaultdict(list)
    for row in bought:
        for name in ("channel", "region", "industry"):
            amounts[row["track"], name, row[name]].append(row["reporting_amount"])
        amounts[row["track"], "all", "all"].append(row["reporting_amount"])
    found = rows("select * from marts.mart_stage_value")
    assert {key for key, count in (mature + standing).items() if count} <= {
        (row["track"], row["stage"], row["segment_type"], row["segment_value"]) for row in found
    }
    for row in found:
        key = (row["track"], row["stage"], row["segment_type"], row["segment_value"])
        assert (row["mature_count"], row["won_count"], row["standing_count"]) == (mature[key], won[key], standing[key])
        own = amounts[row["track"], row["segment_type"], row["segment_value"]]
        used = own if len(own) >= MINIMUM or row["segment_type"] == "all" else amounts[row["track"], "all", "all"]
        mean = float(sum(used)) / len(used) if used else None
        assert row["mean_won_amount"] == (pytest.approx(mean) if used else None)
        if mature[key] and used:
            assert row["value_amount"] == pytest.approx(won[key] / mature[key] * mean)
            assert row["expected_amount"] == pytest.approx(standing[key] * won[key] / mature[key] * mean)


def test_targets_are_held_against_plain_counts(rows):
    reached = Counter(
        (month(row["reached_at"]), row["step"])
        for row in rows("select * from intermediate.int_finance__cycle_steps where side = 'acquisition'")
    )
    rates = {
        (row["cohort_month"], row["from_stage"], row["to_stage"], row["window_days"]): row["converted_count"]
        / row["cohort_count"]
        for row in rows(
            "select * from marts.mart_funnel_conversion where track = 'acquisition' and segment_type = 'all'"
        )
    }
    won = defaultdict(Decimal)
    for row in rows(
        "select * from intermediate.int_routing__won_deals inner join intermediate.int_finance__opportunity_amounts using (opportunity_record_id)"
    ):
        won[row["closed_month"], row["team"]] += row["reporting_amount"]
    whole = defaultdict(Decimal)
    for (when, _), amount in won.items():
        whole[when] += amount
    found = rows("select * from marts.mart_funnel_vs_target")
    assert {row["measure"] for row in found} == {"entered", "conversion", "sourced_share"}
    for row in found:
        if row["measure"] == "entered":
            expected = reached[row["month"], row["subject"]]
        elif row["measure"] == "conversion":
            begin, end = (STAGE[step] for step in row["subject"].split(">"))
            expected = rates.get((row["month"], begin, end, row["window_days"]))
        else:
            amount = whole.get(row["month"])
            expected = float(won[row["month"], row["subject"]] / amount) if amount else None
        assert row["actual_value"] == (pytest.approx(expected) if expected is not None else None)
        judged = row["is_final"] and expected is not None
        assert row["is_on_target"] == (expected >= row["target_value"] if judged else None)


def test_a_market_is_counted_from_the_people_in_the_funnel(rows):
    users_from = RANK[seed("market/market_users")[0]["stage"]]
    rules = {(row["segment_type"], row["segment_value"]): row for row in seed("market/market_segments")}
    leads, users = Counter(), Counter()
    for row in rows(
        "select * from marts.dim_person where not is_anonymous and not is_cleaned_out and stage is not null"
    ):
        for name in ("region", "industry"):
            leads[name, row[name] or "unknown"] += RANK[row["stage"]] >= RANK[STAGE["lead"]]
            users[name, row[name] or "unknown"] += RANK[row["stage"]] >= users_from
    rates = {"USD": 1.0, "CNY": 0.141}
    found = rows("select * from marts.mart_market_segment")
    assert {(row["segment_type"], row["segment_value"]) for row in found} == leads.keys()
    values = defaultdict(float)
    for row in rows("select * from marts.mart_stage_value where track = 'acquisition'"):
        if row["stage_rank"] < RANK[STAGE["lead"]]:
            continue
        values[row["segment_type"], row["segment_value"]] += row["expected_amount"] or 0.0
    for row in found:
        key = (row["segment_type"], row["segment_value"])
        rule = rules.get(key) or rules[key[0], "*"]
        assert (row["lead_count"], row["user_count"]) == (leads[key], users[key])
        assert row["is_ripe"] == (leads[key] >= int(rule["opening_threshold"]))
        size = users[key] * float(rule["units_per_user_year"]) * float(rule["unit_price"]) * rates[rule["currency"]]
        assert row["market_amount_per_year"] == pytest.approx(size)
        assert row["expected_amount"] == pytest.approx(values[key])
        assert row["is_funnel_enough"] == (values[key] >= float(rule["target_amount"]) * rates[rule["currency"]])


def test_a_journey_before_sales_is_what_a_walk_along_it_finds(rows, moves, touches, as_of):
    cycles = defaultdict(list)
    for move in moves:
        cycles[move["person_id"], move["track"], move["cycle_number"]].append(move)
    found = rows("select * from marts.mart_journey_summary")
    assert sum(row["is_won"] for row in found) > 20
    for row in found:
        key = (row["person_id"], row["track"], row["cycle_number"])
        begin = min(move["entered_at"] for move in cycles[key])
        won = [move["entered_at"] for move in cycles[key] if move["stage"] == STAGE["customer"]]
        after = cycles.get((key[0], key[1], key[2] + 1))
        end = won[0] if won else min(move["entered_at"] for move in after) if after else as_of
        is_first = key[1:] == ("acquisition", 1)
        seen = [
            touch
            for touch in touches[key[0]]
            if (is_first or touch["occurred_at"] >= begin) and touch["occurred_at"] <= end
        ]
        sales = min((touch["occurred_at"] for touch in seen if touch["interaction_type"] in SALES), default=None)
        own = [touch["occurred_at"] for touch in seen if touch["is_engagement"]]
        before = [at for at in own if sales is None or at < sales]
        assert (row["touch_count"], row["touches_before_sales"], row["won_at"]) == (
            len(own),
            len(before),
            won[0] if won else None,
        )
        start = min([*own[:1], *([sales] if sales else [])], default=None)
        assert row["days_to_sales"] == (pytest.approx(days(start, sales), abs=1e-6) if sales else None)
        assert row["days_to_won"] == (pytest.approx(days(start, won[0]), abs=1e-6) if won and start else None)


def test_a_timeline_holds_every_event_of_the_known_in_order(rows, touches, moves):
    known = {row["person_id"] for row in rows("select person_id from marts.dim_person where not is_anonymous")}
    expected = Counter()
    for person in known:
        expected[person] += len(touches[person])
    expected.update(move["person_id"] for move in moves if move["person_id"] in known)
    for deal in rows("select * from marts.fct_opportunity where person_id is not null"):
        expected[deal["person_id"]] += 1 + (deal["closed_at"] is not None)
    expected.update(order["person_id"] for order in rows("select * from marts.fct_order where person_id is not null"))
    found = defaultdict(list)
    for row in rows("select * from marts.mart_journey_timeline order by person_id, sequence_number"):
        found[row["person_id"]].append(row["happened_at"])
    assert {person: len(events) for person, events in found.items()} == {p: n for p, n in expected.items() if n}
    assert all(events == sorted(events) for events in found.values())


def test_the_three_paths_split_everybody_who_came(rows, moves, touches):
    stays = [move for move in moves if move["stage"] == STAGE["customer"] and move["track"] == "acquisition"]
    months = {row["month"]: row for row in rows("select * from marts.dim_date where is_month_start")}
    path = {}
    for person, seen in touches.items():
        for touch in seen:
            if touch["is_engagement"]:
                key = (month(touch["occurred_at"]), person)
                path[key] = "acts" if touch["interaction_type"] in ACTS or path.get(key) == "acts" else "looks"
    for when, person in path:
        begin = months[when]["month_starts_on"]
        for stay in stays:
            entered, exited = stay["entered_at"].date(), stay["exited_at"]
            if stay["person_id"] == person and entered < begin and (exited is None or exited.date() >= begin):
                path[when, person] = "customer"
    before = {row["month"]: month(row["month_starts_on"] - timedelta(days=1)) for row in months.values()}
    counts, flows = Counter(), Counter()
    for (when, person), own in path.items():
        counts[when, own] += 1
        flows[when, own, path.get((before[when], person))] += 1
    for row in rows("select * from marts.mart_intent_path"):
        assert row["person_count"] == counts[row["month"], row["path"]]
        for name in ("looks", "acts", "customer"):
            assert row[f"from_{name}_count"] == flows[row["month"], row["path"], name]
        assert row["returning_count"] + row["first_time_count"] == flows[row["month"], row["path"], None]
    assert sum(count for (_, own), count in counts.items() if own == "customer") > 0


def test_advocates_are_those_whose_address_a_form_names(rows):
    people = defaultdict(set)
    for row in rows(
        "select person_id, identifier_value from marts.bridge_person_identifier where identifier_type = 'email'"
    ):
        people[row["identifier_value"]].add(row["person_id"])
    clean = {
        row["raw_email"]: row["email"]
        for row in rows("select raw_email, email from intermediate.int_identity__normal_emails")
    }
    own = {
        row["record_id"]: row["person_id"]
        for row in rows("select record_id, person_id from marts.bridge_person_record")
    }
    expected, unknown = Counter(), 0
    for form in rows("select record_id, referred_by from staging.stg_forms__submissions where referred_by is not null"):
        value = form["referred_by"]
        bearers = people[clean.get(value) or value.strip().lower()]
        if len(bearers) != 1:
            unknown += 1
        elif bearers != {own[form["record_id"]]}:
            expected[next(iter(bearers))] += 1
    found = {
        row["person_id"]: row["referral_count"]
        for row in rows("select * from marts.mart_advocacy where referral_count > 0")
    }
    assert found.pop("(unknown)") == unknown
    assert found == expected
    assert expected

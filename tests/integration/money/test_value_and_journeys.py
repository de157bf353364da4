"""Value, targets, markets and journeys a second time, one person after the other."""

from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from orchestration.identity.functions import parse_phone
from tests.integration.money.conftest import RANK, STAGE, month, seed

WINDOW = timedelta(days=max(int(row["window_days"]) for row in seed("targets/conversion_windows")))
MINIMUM = {row["mart"]: int(row["minimum_count"]) for row in seed("targets/sample_sizes")}["mart_stage_value"]
SALES = {row["interaction_type"] for row in seed("routing/touch_types")}
ACTS = {row["interaction_type"] for row in seed("engagement/intent_actions")}


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


@pytest.fixture(scope="module")
def segments_at(rows):
    """A function from a person and a moment to the segments of the newest ledger row by then."""
    ledger = defaultdict(list)
    for row in rows("select * from marts.fct_lifecycle_transition"):
        ledger[row["person_id"]].append(row)

    def look_up(person, at):
        seen = [row for row in ledger[person] if row["entered_at"] <= at]
        newest = max((row["entered_at"] for row in seen), default=None)
        at_once = sorted((row for row in seen if row["entered_at"] == newest), key=lambda row: row["transition_id"])
        own = at_once[0] if at_once else {"channel": "unmapped", "region": "unknown", "industry": "unknown"}
        return [("all", "all"), *((name, own[name]) for name in ("channel", "region", "industry"))]

    return look_up


def test_the_value_of_a_stage_is_its_win_rate_times_the_mean_purchase(rows, stage_counts, purchases, segments_at):
    mature, won, standing = stage_counts
    amounts = defaultdict(list)
    for at, _, person, side, amount, _ in purchases:
        for segment in segments_at(person, at):
            amounts["acquisition" if side == "acquisition" else "expansion", *segment].append(amount)
    found = rows("select * from marts.mart_stage_value")
    assert {key for key, count in (mature + standing).items() if count} <= {
        (row["track"], row["stage"], row["segment_type"], row["segment_value"]) for row in found
    }
    for row in found:
        key = (row["track"], row["stage"], row["segment_type"], row["segment_value"])
        of_all = (row["track"], row["stage"], "all", "all")
        assert (row["mature_count"], row["won_count"], row["standing_count"]) == (mature[key], won[key], standing[key])
        own = amounts[row["track"], row["segment_type"], row["segment_value"]]
        assert row["purchase_count"] == len(own)
        is_all = row["segment_type"] == "all"
        used = own if len(own) >= MINIMUM or is_all else amounts[row["track"], "all", "all"]
        mean = float(sum(used)) / len(used) if used else None
        assert row["mean_won_amount"] == (pytest.approx(mean) if used else None)
        assert row["is_mean_of_all"] == (len(own) < MINIMUM and not is_all)
        assert row["is_rate_of_all"] == (mature[key] < MINIMUM and not is_all)
        assert row["is_small_sample"] == (mature[key] < MINIMUM)
        asked = of_all if row["is_rate_of_all"] else key
        rate = won[asked] / mature[asked] if mature[asked] else None
        assert row["win_rate"] == (None if rate is None else pytest.approx(rate))
        if rate is not None and used:
            assert row["value_amount"] == pytest.approx(rate * mean)
            assert row["expected_amount"] == pytest.approx(standing[key] * rate * mean)
    assert any(row["is_rate_of_all"] and row["expected_amount"] for row in found)


def test_a_stage_holds_the_open_deals_of_those_who_stand_in_it_and_the_lifetime_of_its_buyers(
    rows, moves, purchases, segments_at
):
    deals = defaultdict(Decimal)
    for deal in rows(
        "select * from marts.fct_opportunity inner join intermediate.int_finance__opportunity_amounts using (opportunity_record_id) where closed_at is null"
    ):
        deals[deal["person_id"]] += deal["reporting_amount"]
    out = {
        row["person_id"]
        for row in rows("select person_id from marts.fct_lifecycle_status where status = 'disqualified' and is_open")
    }
    pipeline = Counter()
    for move in moves:
        if move["exited_at"] is None and move["track"] == "acquisition" and move["person_id"] not in out:
            for name in ("all", "channel", "region", "industry"):
                pipeline[move["stage"], name, move.get(name, "all")] += deals[move["person_id"]]
    lifetime, first = Counter(), {}
    for at, _, person, _, amount, party in purchases:
        lifetime[party] += amount
        first.setdefault(party, segments_at(person, at))
    buyers = defaultdict(list)
    for party, segments in first.items():
        for segment in segments:
            buyers[segment].append(lifetime[party])
    found = rows("select * from marts.mart_stage_value")
    for row in found:
        segment = (row["segment_type"], row["segment_value"])
        is_acquisition = row["track"] == "acquisition"
        assert row["pipeline_amount"] == (pipeline[row["stage"], *segment] if is_acquisition else 0)
        spent = buyers[segment]
        assert row["buyer_count"] == len(spent)
        assert row["lifetime_amount_per_buyer"] == (pytest.approx(float(sum(spent)) / len(spent)) if spent else None)
    assert sum(row["pipeline_amount"] for row in found if row["segment_type"] == "all") > 0


def converted_share(moves, begin, end, when, window_days):
    """Of those who came to a stage in a month, by entering or passing it, the share that got further in the same cycle in time."""
    cycles = defaultdict(list)
    for move in moves:
        if move["track"] == "acquisition":
            cycles[move["person_id"], move["cycle_number"]].append(move)
    came, got = 0, 0
    for cycle in cycles.values():
        for index, move in enumerate(cycle):
            lowest = RANK[move["stage"]] - (move["skipped_stages"] if move["direction"] == "skip" else 0)
            if month(move["entered_at"]) == when and lowest <= RANK[begin] <= RANK[move["stage"]]:
                further = [later["entered_at"] for later in cycle[index:] if RANK[later["stage"]] >= RANK[end]]
                came += 1
                got += any(days(move["entered_at"], at) <= window_days for at in further[:1])
    return got / came if came else None


def sourced_amounts(rows):
    """What was won in a month, deals and orders, by the team whose assignment stood behind it: {month: {team: amount}}."""
    assigned = defaultdict(list)
    for row in rows("select * from marts.fct_assignment where state not in ('in_pool', 'left_pool')"):
        assigned[row["person_id"]].append(row)
    won = defaultdict(lambda: defaultdict(Decimal))
    for sale in rows("select * from intermediate.int_finance__revenue"):
        before = [
            row
            for row in assigned[sale["person_id"]]
            if row["assigned_at"] < sale["opened_at"] + timedelta(days=1)
            and (sale["revenue_kind"] == "order" or row["assigned_at"] <= sale["won_at"])
        ]
        last = max((row["assigned_at"] for row in before), default=None)
        behind = sorted((row["assignment_id"], row["assign_to"]) for row in before if row["assigned_at"] == last)
        won[month(sale["won_at"])][behind[0][1] if behind else "none"] += sale["reporting_amount"] or Decimal(0)
    return won


def test_targets_are_held_against_plain_counts(rows, moves, passes, as_of):
    reached = Counter(
        (month(at), step) for cycle in passes if cycle["side"] == "acquisition" for step, at in cycle["steps"].items()
    )
    won = sourced_amounts(rows)
    found = rows("select * from marts.mart_funnel_vs_target")
    assert {row["measure"] for row in found} == {"entered", "conversion", "sourced_share"}
    for row in found:
        ends = (row["month_starts_on"] + timedelta(days=32)).replace(day=1)
        is_final = ends <= as_of.date()
        if row["measure"] == "entered":
            expected = reached[row["month"], row["subject"]]
        elif row["measure"] == "conversion":
            begin, end = (STAGE[step] for step in row["subject"].split(">"))
            expected = converted_share(moves, begin, end, row["month"], row["window_days"])
            # a month in which nobody came has no last day to wait for
            is_final = expected is not None and ends + timedelta(days=row["window_days"]) <= as_of.date()
        else:
            whole = sum(won[row["month"]].values())
            expected = float(won[row["month"]][row["subject"]] / whole) if whole else None
        assert row["actual_value"] == (pytest.approx(expected) if expected is not None else None), row
        assert row["is_final"] == is_final
        judged = is_final and expected is not None
        assert row["is_on_target"] == (expected >= row["target_value"] if judged else None)
    assert {row["is_on_target"] for row in found} == {True, False, None}


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
    values, borrowed = defaultdict(float), Counter()
    for row in rows("select * from marts.mart_stage_value where track = 'acquisition'"):
        if row["stage_rank"] < RANK[STAGE["lead"]] or row["expected_amount"] is None:
            continue
        values[row["segment_type"], row["segment_value"]] += row["expected_amount"]
        borrowed[row["segment_type"], row["segment_value"]] += row["is_rate_of_all"] and row["standing_count"]
    for row in found:
        key = (row["segment_type"], row["segment_value"])
        rule = rules.get(key) or rules[key[0], "*"]
        assert (row["lead_count"], row["user_count"]) == (leads[key], users[key])
        assert row["is_ripe"] == (leads[key] >= int(rule["opening_threshold"]))
        size = users[key] * float(rule["units_per_user_year"]) * float(rule["unit_price"]) * rates[rule["currency"]]
        assert row["market_amount_per_year"] == pytest.approx(size)
        assert row["expected_amount"] == pytest.approx(values[key])
        assert row["is_small_sample"] == (borrowed[key] > 0)
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
        share = len(before) / len(own) if own else None
        assert row["share_of_touches_before_sales"] == (None if share is None else pytest.approx(share))
        share = min(days(start, sales) / days(start, won[0]), 1) if won and sales and won[0] > start else None
        assert row["share_of_days_before_sales"] == (None if share is None else pytest.approx(share))
    assert len({row["share_of_days_before_sales"] for row in found}) > 10


BLANK = dict.fromkeys(("direction", "channel", "campaign_id", "content_id", "stage", "amount", "currency"))
KINDS = ("touch", "stage", "deal_opened", "deal_lost", "deal_won", "order")


def told(row, kind, at, key, name, label, *shown):
    """A row of a timeline as it should be, with its person."""
    label_en, label_zh = label
    event = {"event_kind": kind, "event_id": row[key], "event_name": row[name], "happened_at": row[at]}
    labels = {"event_label_en": label_en, "event_label_zh": label_zh}
    return row["person_id"], BLANK | event | labels | {column: row[column] for column in shown}


def told_of_deals(rows):
    for row in rows("select * from marts.fct_opportunity"):
        about = ("opportunity_record_id", "opportunity_type")
        shown = ("campaign_id", "amount", "currency")
        yield told(row, "deal_opened", "created_at", *about, ("Deal opened", "商机创建"), *shown)
        if row["closed_at"]:
            kind, label = ("deal_won", ("Deal won", "赢单")) if row["is_won"] else ("deal_lost", ("Deal lost", "输单"))
            yield told(row, kind, "closed_at", *about, label, *shown)
    for row in rows("select * from marts.fct_order"):
        about = ("order_record_id", "order_kind")
        yield told(row, "order", "ordered_at", *about, ("Order", "订单"), "amount", "currency")


@pytest.fixture(scope="module")
def timelines(rows, touches, moves):
    """What each person's timeline should hold, in order."""
    labels = {
        row["interaction_type"]: (row["label_en"], row["label_zh"]) for row in seed("engagement/interaction_types")
    }
    everything = list(told_of_deals(rows))
    for row in (touch for seen in touches.values() for touch in seen):
        label = labels.get(row["interaction_type"], (None, None))
        shown = ("direction", "channel", "campaign_id", "content_id")
        everything.append(told(row, "touch", "occurred_at", "interaction_id", "interaction_type", label, *shown))
    for row in moves:
        label = (row["stage_label"], row["stage_label"])
        shown = ("channel", "campaign_id", "stage")
        everything.append(told(row, "stage", "entered_at", "transition_id", "direction", label, *shown))
    found = defaultdict(list)
    for person, event in everything:
        found[person].append(event)
    for events in found.values():
        events.sort(key=lambda event: (event["happened_at"], KINDS.index(event["event_kind"]), event["event_id"]))
    return found


def test_a_timeline_holds_every_event_of_the_known_in_order(rows, timelines):
    known = {}
    for row in rows("select * from marts.dim_person where not is_anonymous"):
        known[row["person_id"]] = row["account_id"]
    found = defaultdict(list)
    for row in rows("select * from marts.mart_journey_timeline order by person_id, sequence_number"):
        assert row.pop("account_id") == known[row["person_id"]]
        found[row.pop("person_id")].append(row)
    assert found.keys() == timelines.keys() & known.keys()
    for person, events in found.items():
        assert [event.pop("sequence_number") for event in events] == list(range(1, len(events) + 1))
        assert events == timelines[person]
    assert {event["event_kind"] for events in found.values() for event in events} == set(KINDS)


@pytest.fixture(scope="module")
def walked(rows, moves, touches):
    """On which path somebody came in a month: {(month, person): path}."""
    stays = defaultdict(list)
    for move in moves:
        if move["stage"] == STAGE["customer"] and move["track"] == "acquisition":
            stays[move["person_id"]].append((move["entered_at"].date(), move["exited_at"]))
    begins = {row["month"]: row["month_starts_on"] for row in rows("select * from marts.dim_date where is_month_start")}
    path = {}
    for person, seen in touches.items():
        for touch in seen:
            if touch["is_engagement"]:
                key = (month(touch["occurred_at"]), person)
                path[key] = "acts" if touch["interaction_type"] in ACTS or path.get(key) == "acts" else "looks"
    for when, person in path:
        begin = begins[when]
        if any(entered < begin and (not exited or exited.date() >= begin) for entered, exited in stays[person]):
            path[when, person] = "customer"
    return path


def test_the_three_paths_split_everybody_who_came(rows, walked):
    counts, flows, whole = Counter(), Counter(), Counter()
    came = defaultdict(set)
    for when, person in walked:
        came[person].add(when)
    for (when, person), own in walked.items():
        counts[when, own] += 1
        whole[when] += 1
        before = month(datetime.fromisoformat(f"{when}-01") - timedelta(days=1))
        origin = walked.get((before, person)) or ("back" if min(came[person]) < when else "new")
        flows[when, own, origin] += 1
    for row in rows("select * from marts.mart_intent_path"):
        when, own = row["month"], row["path"]
        assert row["person_count"] == counts[when, own]
        for name in ("looks", "acts", "customer"):
            assert row[f"from_{name}_count"] == flows[when, own, name]
        assert row["returning_count"] == flows[when, own, "back"]
        assert row["first_time_count"] == flows[when, own, "new"]
        share = counts[when, own] / whole[when] if whole[when] else None
        assert row["share_of_visitors"] == (None if share is None else pytest.approx(share))
    assert sum(count for (_, own), count in counts.items() if own == "customer") > 0
    assert sum(count for (*_, origin), count in flows.items() if origin == "back") > 0


def test_a_new_customer_costs_what_acquiring_costs_and_a_kept_one_what_keeping_costs(rows, moves, costs):
    spent = Counter()
    for cost in costs:
        spent[cost["month"], cost["side"]] += cost["reporting_amount"]
    stays = [move for move in moves if move["stage"] == STAGE["customer"] and move["track"] == "acquisition"]
    found = rows("select * from marts.mart_intent_path")
    for row in found:
        begin = datetime.combine(row["month_starts_on"], time())
        end = (begin + timedelta(days=32)).replace(day=1)
        won = [stay for stay in stays if begin <= stay["entered_at"] < end]
        kept = {
            stay["person_id"]
            for stay in stays
            if stay["entered_at"] < begin and (stay["exited_at"] is None or stay["exited_at"] >= end)
        }
        cost, results = {
            "looks": (None, None),
            "acts": (spent[row["month"], "acquisition"], len(won)),
            "customer": (spent[row["month"], "retention"], len(kept)),
        }[row["path"]]
        assert (row["cost_amount"], row["result_count"]) == (cost, results)
        assert row["cost_per_result"] == (pytest.approx(float(cost) / results) if results else None)
    for path in ("acts", "customer"):
        assert any(row["cost_per_result"] for row in found if row["path"] == path)


@pytest.fixture(scope="module")
def referrals(rows):
    """(when, form, who was sent, who sent or None) of each form that names somebody else, by addresses and phones."""
    bearers = defaultdict(set)
    for row in rows("select * from marts.bridge_person_identifier where identifier_type in ('email', 'phone')"):
        bearers[row["identifier_value"]].add(row["person_id"])
    clean = {
        row["raw_email"]: row["email"]
        for row in rows("select raw_email, email from intermediate.int_identity__normal_emails")
    }
    own = {row["record_id"]: row["person_id"] for row in rows("select * from marts.bridge_person_record")}
    found = []
    for form in rows("select * from staging.stg_forms__submissions where referred_by is not null"):
        value = form["referred_by"].strip()
        if "@" in value:
            people = bearers[clean.get(value) or value.lower()]
        else:
            people = bearers[(parse_phone(value, form["country"] or "") or {}).get("number")]
        sent = own[form["record_id"]]
        if people != {sent}:
            sender = next(iter(people)) if len(people) == 1 else None
            found.append((form["submitted_at"], form["record_id"], sent, sender))
    return sorted(found)


def test_advocates_are_those_whom_a_form_names(rows, referrals):
    expected, people = Counter(), defaultdict(set)
    for _, _, sent, sender in referrals:
        expected[sender or "(unknown)"] += 1
        people[sender or "(unknown)"].add(sent)
    found = {row["person_id"]: row for row in rows("select * from marts.mart_advocacy where referral_count > 0")}
    assert {person: row["referral_count"] for person, row in found.items()} == expected
    assert {person: row["referred_person_count"] for person, row in found.items()} == {
        person: len(sent) for person, sent in people.items()
    }
    assert not found["(unknown)"]["is_known"]
    assert len(expected) > 1


def test_an_advocate_is_credited_with_what_those_bought_whom_nobody_sent_before(rows, referrals, purchases):
    first = {}
    for at, _, sent, sender in referrals:
        if sender:
            first.setdefault(sent, (at, sender))
    bought, buyers = Counter(), defaultdict(set)
    for at, _, person, _, amount, _ in purchases:
        sent_at, sender = first.get(person, (None, None))
        if sender and sent_at <= at:
            bought[sender] += amount
            buyers[sender].add(person)
    found = rows("select * from marts.mart_advocacy")
    for row in found:
        assert row["referred_amount"] == bought[row["person_id"]]
        assert row["referred_customer_count"] == len(buyers[row["person_id"]])
    assert sum(row["referred_amount"] for row in found) == sum(bought.values())


def test_sharing_is_counted_by_the_acts_of_the_seed(rows, touches, referrals):
    acts = {row["interaction_type"] for row in seed("engagement/advocacy_actions")}
    shared = {
        person: [touch["occurred_at"] for touch in seen if touch["interaction_type"] in acts]
        for person, seen in touches.items()
    }
    sent = defaultdict(list)
    for at, _, _, sender in referrals:
        sent[sender or "(unknown)"].append(at)
    accounts = {row["person_id"]: row["account_id"] for row in rows("select * from marts.dim_person")}
    found = {row["person_id"]: row for row in rows("select * from marts.mart_advocacy")}
    assert found.keys() == {person for person, moments in shared.items() if moments} | sent.keys()
    for person, row in found.items():
        moments = [*shared.get(person, []), *sent[person]]
        assert row["share_count"] == len(shared.get(person, []))
        assert (row["first_at"], row["last_at"]) == (min(moments), max(moments))
        assert row["account_id"] == accounts.get(person)
    assert sum(row["share_count"] for row in found.values()) > 0

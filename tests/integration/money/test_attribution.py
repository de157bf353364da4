"""Attribution a second time: paths by a walk over each party's touches, Markov by solving the linear equations with numpy."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from tests.integration.money.conftest import seed

DAY = timedelta(days=1)
MODELS = {row["model"]: row for row in seed("attribution/attribution_models")}
ANCHORS = defaultdict(dict)
for _row in seed("attribution/attribution_anchors"):
    ANCHORS[_row["model"]][_row["anchor"]] = float(_row["weight"])
TARGETS = {row["target_type"]: row for row in seed("attribution/attribution_targets")}
STAGE = {row["step"]: row["stage"] for row in seed("targets/funnel_steps")}
OWN_CHANNEL = {row["interaction_type"]: row["channel"] for row in seed("attribution/touch_channels")}
RANK = {row["stage"]: int(row["stage_rank"]) for row in seed("lifecycle/stages")}


@pytest.fixture(scope="module")
def touches(rows):
    """Per person and per account: (first moment, key, channel, campaign, last moment) of each day, channel and campaign."""
    days = defaultdict(list)
    for row in rows("select * from marts.fct_interaction where is_engagement"):
        channel = row["channel"] or OWN_CHANNEL.get(row["interaction_type"])
        key = (row["person_id"], row["account_id"], row["occurred_at"].date(), channel, row["campaign_id"])
        days[key].append((row["occurred_at"], row["interaction_id"]))
    parties = {"person": defaultdict(list), "account": defaultdict(list)}
    for (person, account, _, channel, campaign), seen in days.items():
        key = min(interaction for _, interaction in seen)
        touch = (min(seen)[0], key, channel or "unmapped", campaign or "unknown", max(seen)[0])
        parties["person"][person].append(touch)
        parties["account"][account or person].append(touch)
    return {scope: {party: sorted(found) for party, found in held.items()} for scope, held in parties.items()}


@pytest.fixture(scope="module")
def targets(rows, purchases):
    """Everything that is attributed: (type, source, party scope, party, window start, opened, ended, amount)."""
    found = []
    for deal in rows(
        "select * from marts.fct_opportunity inner join intermediate.int_finance__opportunity_amounts using (opportunity_record_id)"
    ):
        amount = deal["reporting_amount"]
        found.append(("pipeline", deal["opportunity_record_id"], deal, deal["created_at"], deal["created_at"], amount))
        if deal["is_won"]:
            opened = min(deal["created_at"], deal["closed_at"])
            found.append(("revenue", deal["opportunity_record_id"], deal, opened, deal["closed_at"], amount))
    for order in rows("select * from marts.fct_order where not has_opportunity"):
        at = order["ordered_at"]
        found.append(("revenue", order["order_record_id"], order, at, at, order["reporting_amount"]))
    moves = rows("select * from marts.fct_lifecycle_transition")
    begun = defaultdict(list)
    for move in moves:
        begun[move["person_id"], move["track"], move["cycle_number"]].append(move["entered_at"])
    found += [
        (kind, move["transition_id"], move, move["entered_at"], move["entered_at"], None)
        for kind in TARGETS
        for move in moves
        if STAGE.get(TARGETS[kind]["step"]) == move["stage"]
    ]

    def cycle_begins(kind, source, fact, opened):
        """When the cycle began, if another came before it."""
        if TARGETS[kind]["step"]:
            own = begun[fact["person_id"], fact["track"], fact["cycle_number"]]
            return [min(own)] if fact["cycle_number"] > 1 else []
        of = fact["account_id"] or fact["person_id"]
        return [at for at, key, *_, party in purchases if party == of and key != source and at <= opened]

    out = []
    for kind, source, fact, opened, ended, amount in found:
        rule = TARGETS[kind]
        scope = "account" if rule["touches_of"] == "account" and fact["account_id"] else "person"
        party = fact["account_id"] if scope == "account" else fact["person_id"]
        start = opened - float(rule["lookback_days"]) * DAY
        if rule["is_bound_to_cycle"] == "true":
            start = max([start, *cycle_begins(kind, source, fact, opened)])
        out.append((kind, source, scope, party, start, opened, ended, amount))
    return out


@pytest.fixture(scope="module")
def paths(touches, targets):
    """The touches of each target, in order."""
    return {
        (kind, source): [touch for touch in touches[scope].get(party, []) if touch[4] >= start and touch[0] <= ended]
        for kind, source, scope, party, start, _, ended, _ in targets
    }


def chance_of_conversion(steps, without=None):
    """Solve x = P x + c for the chance from (start); whoever would come to ``without`` is lost."""
    states = sorted({state for state, _ in steps} - {without})
    totals = defaultdict(float)
    for (state, _), count in steps.items():
        totals[state] += count
    matrix, right = np.eye(len(states)), np.zeros(len(states))
    for (state, follower), count in steps.items():
        if state == without:
            continue
        row = states.index(state)
        if follower == "(conversion)":
            right[row] += count / totals[state]
        elif follower in states:
            matrix[row, states.index(follower)] -= count / totals[state]
    return float(np.linalg.solve(matrix, right)[states.index("(start)")])


@pytest.fixture(scope="module")
def removal(touches, targets, paths):
    """Removal effect by target type and channel."""
    effects = {}
    for kind, rule in TARGETS.items():
        ways = [(path, "(conversion)") for (target, _), path in paths.items() if target == kind and path]
        converted = {party for target, _, _, party, *_ in targets if target == kind}
        for party, found in touches[rule["touches_of"]].items():
            if party not in converted:
                since = found[-1][0] - float(rule["lookback_days"]) * DAY
                ways.append(([touch for touch in found if touch[0] >= since], "(null)"))
        steps = defaultdict(int)
        for path, end in ways:
            states = ["(start)", *(touch[2] for touch in path), end]
            for pair in pairwise(states):
                steps[pair] += 1
        whole = chance_of_conversion(steps)
        for channel in {state for state, _ in steps} - {"(start)"}:
            effects[kind, channel] = 1 - chance_of_conversion(steps, channel) / whole if whole else 0.0
    return effects


def test_the_equations_of_two_channels_are_solved_as_by_hand():
    """start goes to a or b, a to b or the conversion, b to a or nowhere, each alike: 1/2; without b 1/4."""
    steps = {
        ("(start)", "a"): 5,
        ("(start)", "b"): 5,
        ("a", "b"): 3,
        ("a", "(conversion)"): 3,
        ("b", "a"): 2,
        ("b", "(null)"): 2,
    }
    assert chance_of_conversion(steps) == pytest.approx(0.5)
    assert chance_of_conversion(steps, "a") == pytest.approx(0)
    assert chance_of_conversion(steps, "b") == pytest.approx(0.25)


def test_removal_effects_are_those_of_the_solved_equations(rows, removal):
    found = {
        (row["target_type"], row["channel"]): row["removal_effect"]
        for row in rows("select * from marts.mart_channel_removal")
    }
    assert found.keys() == removal.keys()
    assert found == pytest.approx(removal, abs=1e-9)
    assert len({round(effect, 6) for effect in removal.values()}) > 10


def weights_of(model, path, opened, ended, reached, effects):
    """The weight of each touch of a path, one after the other."""
    rule = MODELS[model]
    if rule["kind"] == "decay":
        return [0.5 ** ((ended - touch[0]) / DAY / float(rule["half_life_days"])) for touch in path]
    if rule["kind"] == "removal":
        return [effects.get(touch[2], 0.0) for touch in path]
    own = defaultdict(float)
    for anchor, weight in ANCHORS[model].items():
        moment = {"first": path[0][0], "last": ended, "opened": opened}.get(anchor) or reached.get(STAGE.get(anchor))
        if anchor == "first":
            own[0] += weight
        elif moment is not None and moment <= ended:
            before = [index for index, touch in enumerate(path) if touch[0] <= moment]
            if before:
                own[before[-1]] += weight
    rest = [index for index in range(len(path)) if index not in own]
    return [own[index] if index in own else float(rule["rest_weight"]) / len(rest) for index in range(len(path))]


@pytest.fixture(scope="module")
def reached(rows):
    """When somebody of a party first stood in a stage or higher."""
    first = defaultdict(dict)
    for move in rows("select * from marts.fct_lifecycle_transition"):
        for party in {("person", move["person_id"]), ("account", move["account_id"])}:
            for stage, rank in RANK.items():
                if move["stage_rank"] >= rank:
                    first[party][stage] = min(first[party].get(stage, move["entered_at"]), move["entered_at"])
    return first


def test_every_share_of_every_model_is_that_of_a_plain_walk(rows, targets, paths, reached, removal):
    found = defaultdict(dict)
    for row in rows("select * from marts.mart_attribution"):
        found[row["target_type"], row["source_id"], row["model"]][row["channel"], row["campaign_id"]] = row
    assert found.keys() == {(kind, source, model) for kind, source, *_ in targets for model in MODELS}
    untouched = 0
    for kind, source, scope, party, _, opened, ended, amount in targets:
        path = paths[kind, source]
        untouched += not path
        for model in MODELS:
            cells = found[kind, source, model]
            expected = defaultdict(float)
            if path:
                effects = {channel: effect for (target, channel), effect in removal.items() if target == kind}
                weights = weights_of(model, path, opened, ended, reached[scope, party], effects)
                weights = weights if sum(weights) else [1.0] * len(path)
                for touch, weight in zip(path, weights, strict=True):
                    expected[touch[2], touch[3]] += weight / sum(weights)
            else:
                expected["(none)", "(none)"] = 1.0
            assert cells.keys() == expected.keys()
            for cell, share in expected.items():
                assert float(cells[cell]["credit_share"]) == pytest.approx(share, abs=1.1e-6)
                if amount is not None:
                    assert float(cells[cell]["credit_amount"]) == pytest.approx(share * float(amount), abs=0.0100001)
            assert sum(row["credit_share"] for row in cells.values()) == 1
            if amount is not None:
                assert sum(row["credit_amount"] for row in cells.values()) == amount
    assert 0 < untouched < len(targets)


def test_each_model_credits_what_was_won_to_the_cent(rows):
    (won,) = rows("select sum(reporting_amount) as amount from intermediate.int_finance__revenue")
    credited = rows(
        "select model, sum(credit_amount) as amount from marts.mart_attribution where target_type = 'revenue' group by model"
    )
    assert {row["model"] for row in credited} == MODELS.keys()
    assert {row["amount"] for row in credited} == {won["amount"]}
    assert won["amount"] > Decimal(0)


def test_money_counts_the_cycles_of_its_account(rows, targets, purchases):
    numbers = {
        row["source_id"]: row["cycle_number"]
        for row in rows("select * from marts.mart_attribution where target_type = 'revenue'")
    }
    before = {
        source: sum(of == party and key != source and at <= opened for at, key, *_, of in purchases)
        for kind, source, _, party, _, opened, *_ in targets
        if kind == "revenue"
    }
    assert numbers == {source: count + 1 for source, count in before.items()}
    assert len(set(numbers.values())) > 2

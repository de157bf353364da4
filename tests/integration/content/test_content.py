"""Content counted a second time in plain Python: who looked, who went on, and how often people like them went on without.

The models weigh whole groups; this walks reader by reader and looks up the others one by one.
"""

import csv
from collections import defaultdict
from datetime import timedelta
from math import sqrt
from pathlib import Path

import pytest

SEEDS = Path(__file__).resolve().parents[3] / "seeds"


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


STAGES = {row["stage"]: row for row in seed("lifecycle/stages")}
WINDOWS = [int(row["window_days"]) for row in seed("content/content_windows")]
FIELDS = [row["field"] for row in seed("content/content_matching") if row["is_matched"] == "true"]
GAP_RULES = {row["dimension_type"]: row for row in seed("content/content_gap_rules")}
(Z,) = (float(row["z"]) for row in seed("targets/confidence_levels") if row["level"] == "default")
(LEAST,) = (
    int(row["minimum_count"]) for row in seed("targets/sample_sizes") if row["mart"] == "mart_content_performance"
)


def records(connection, query):
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def as_of(warehouse):
    return warehouse.sql("select as_of from ops.as_of").fetchone()[0]


@pytest.fixture(scope="module")
def touches(warehouse):
    """Engagements with the stay that the person was in right after each; in time."""
    stays = defaultdict(list)
    for row in records(warehouse, "select * from marts.fct_lifecycle_transition where track = 'acquisition'"):
        stays[row["person_id"]].append(row)
    found = records(
        warehouse,
        "select * from marts.fct_interaction where is_engagement and direction = 'inbound' order by occurred_at",
    )
    for row in found:
        row["stay"] = next(
            (
                stay
                for stay in stays[row["person_id"]]
                if stay["entered_at"] <= row["occurred_at"]
                and (stay["exited_at"] is None or row["occurred_at"] < stay["exited_at"])
            ),
            None,
        )
    return found


def items_of(touch):
    """What one look is a look at."""
    return (
        ("content", touch["content_id"]),
        ("content_type", touch["content_type"] or "unknown"),
        ("journey_stage", touch["journey_stage"] or "unknown"),
    )


def cell_of(touch):
    return touch["stay"]["transition_id"], f"{touch['occurred_at']:%Y-%m}"


def group_of(touch):
    """In what people must be alike."""
    stay = touch["stay"]
    return stay["stage"], *(f"{touch['occurred_at']:%Y-%m}" if name == "month" else stay[name] for name in FIELDS)


def went_up(touch, window, as_of):
    """Whether the person of a touch moved up inside the window; None while it is not over."""
    end = touch["occurred_at"] + timedelta(days=window)
    if end > as_of:
        return None
    stay = touch["stay"]
    is_up = stay["next_stage"] and int(STAGES[stay["next_stage"]]["stage_rank"]) > stay["stage_rank"]
    return bool(is_up and stay["exited_at"] <= end)


def wilson(share, trials, side):
    root = sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    return min(1.0, max(0.0, (share + Z * Z / (2 * trials) + side * Z * root) / (1 + Z * Z / trials)))


@pytest.fixture(scope="module")
def first_touches(touches):
    """Everybody who was active, by group: {group: {cell: first touch}}."""
    found = defaultdict(dict)
    for touch in touches:
        if touch["stay"]:
            found[group_of(touch)].setdefault(cell_of(touch), touch)
    return found


@pytest.fixture(scope="module")
def first_looks(touches):
    """The first look of each cell at each item: {item: {cell: look}}."""
    found = defaultdict(dict)
    for touch in touches:
        if touch["stay"] and touch["content_id"]:
            for item in items_of(touch):
                found[item].setdefault(cell_of(touch), touch)
    return found


def expected_influence(looks, everybody, window, as_of):
    """What the mart must say of the looks at one item."""
    judged = [(look, up) for look in looks.values() if (up := went_up(look, window, as_of)) is not None]
    rates, matched, moved, worth = [], 0, 0, 0.0
    others_met = {}
    groups = defaultdict(list)
    for look, up in judged:
        groups[group_of(look)].append(up)
    for group, ups in groups.items():
        others = [
            up
            for cell, touch in everybody[group].items()
            if cell not in looks and (up := went_up(touch, window, as_of)) is not None
        ]
        others_met[group] = len(others)
        if others:
            matched += len(ups)
            moved += sum(ups)
            rates += [sum(others) / len(others)] * len(ups)
            worth += len(ups) ** 2 / len(others)
    row = {
        "exposure_count": len(looks),
        "judged_count": len(judged),
        "moved_count": sum(up for _, up in judged),
        "matched_count": matched,
        "matched_moved_count": moved,
        "base_count": sum(others_met.values()),
    }
    if not matched:
        return row | {"influence": None, "influence_low": None, "influence_high": None, "is_small_sample": True}
    mine, base, size = moved / matched, sum(rates) / matched, matched**2 / worth
    low = sqrt((mine - wilson(mine, matched, -1)) ** 2 + (wilson(base, size, 1) - base) ** 2)
    high = sqrt((wilson(mine, matched, 1) - mine) ** 2 + (base - wilson(base, size, -1)) ** 2)
    return row | {
        "base_rate": base,
        "influence": mine - base,
        "influence_low": mine - base - low,
        "influence_high": mine - base + high,
        "is_small_sample": matched < LEAST or size < LEAST,
    }


def test_influence_is_what_a_search_for_people_like_each_reader_finds(warehouse, first_looks, first_touches, as_of):
    found = {
        (row["item_type"], row["item_id"], row["from_stage"], row["window_days"]): row
        for row in records(warehouse, "select * from marts.mart_content_performance")
    }
    compared = 0
    for item, looks in first_looks.items():
        for window in WINDOWS:
            for stage in ("(all)", *{look["stay"]["stage"] for look in looks.values()}):
                mine = {cell: look for cell, look in looks.items() if stage in {"(all)", look["stay"]["stage"]}}
                for name, value in expected_influence(mine, first_touches, window, as_of).items():
                    assert found[*item, stage, window][name] == pytest.approx(value, abs=1e-6), (item, stage, name)
                compared += found[*item, stage, window]["influence"] is not None
    assert compared > 50
    assert {False, True} == {row["is_small_sample"] for row in found.values()}


def test_looks_readers_and_time_are_counted_for_every_item(warehouse, touches):
    found = {
        (row["item_type"], row["item_id"], row["from_stage"]): row
        for row in records(warehouse, f"select * from marts.mart_content_performance where window_days = {WINDOWS[0]}")
    }
    looks = defaultdict(list)
    for touch in touches:
        if touch["content_id"]:
            for item in items_of(touch):
                looks[*item, "(all)"].append(touch)
                if touch["stay"]:
                    looks[*item, touch["stay"]["stage"]].append(touch)
    for key, row in found.items():
        seconds = [one["duration_seconds"] for one in looks[key] if one["duration_seconds"] is not None]
        assert row["view_count"] == len(looks[key])
        assert row["known_view_count"] == sum(not one["was_anonymous"] for one in looks[key])
        assert row["person_count"] == len({one["person_id"] for one in looks[key]})
        assert row["dwell_minutes"] == pytest.approx(sum(seconds) / 60)
        assert row["mean_dwell_seconds"] == pytest.approx(sum(seconds) / len(seconds) if seconds else None)
    assert looks.keys() - found.keys() == set()
    known = {row["content_id"] for row in records(warehouse, "select content_id from marts.dim_content")}
    assert {item for kind, item, stage in found if kind == "content" and stage == "(all)"} == known


@pytest.fixture(scope="module")
def demand(warehouse, as_of):
    """Who wants what: {(kind of reader, reader, part of the journey): persons}."""
    personas = sorted(seed("nurture/personas"), key=lambda row: int(row["priority"]))
    (customer,) = (row["stage"] for row in seed("targets/funnel_steps") if row["step"] == "customer")
    tags, products = defaultdict(set), defaultdict(set)
    for row in records(warehouse, "select * from marts.bridge_person_tag"):
        tags[row["person_id"]].add(row["tag"])
    for row in records(warehouse, "select * from marts.mart_product_interest"):
        if row["last_touched_at"] >= start_of("product", as_of):
            products[row["person_id"]].add(row["product_id"])
    found = defaultdict(set)
    for row in records(warehouse, "select * from marts.dim_person where not is_anonymous and not is_cleaned_out"):
        if row["stage"] in {None, customer}:
            continue
        one, part = row["person_id"], STAGES[row["stage"]]["buyer_journey"]
        persona = next(each["persona"] for each in personas if not each["tag"] or each["tag"] in tags[one])
        wishes = [("persona", persona), *([("industry", row["industry"])] if row["industry"] else [])]
        for wish in (*wishes, *(("product", product) for product in products[one])):
            found[*wish, part].add(one)
    return found


def start_of(kind, as_of):
    return as_of - timedelta(days=int(GAP_RULES[kind]["window_days"]))


def serves(content, kind, value, part):
    words = {row["content_persona"]: row["persona"] for row in seed("content/content_personas")}
    fits = {"persona": words.get(content["persona"].lower()), "product": content["product_id"], "industry": value}
    return content["journey_stage"] == part and fits[kind] == value


def test_a_gap_is_demand_that_finds_nothing_or_does_not_read(warehouse, touches, demand, as_of):
    looked = defaultdict(list)
    for touch in touches:
        looked[touch["person_id"]].append(touch)
    contents = records(warehouse, "select * from marts.dim_content where is_in_catalogue")
    found = {
        (row["dimension_type"], row["dimension_value"], row["journey_stage"]): row
        for row in records(warehouse, "select * from marts.mart_content_gap")
    }
    assert found.keys() == demand.keys()
    for (kind, value, part), people in demand.items():
        suits = {content["content_id"] for content in contents if serves(content, kind, value, part)}
        readers = {
            one
            for one in people
            if any(
                touch["content_id"] in suits and touch["occurred_at"] >= start_of(kind, as_of) for touch in looked[one]
            )
        }
        row = found[kind, value, part]
        assert (row["person_count"], row["content_count"], row["reader_count"]) == (
            len(people), len(suits), len(readers),
        )  # fmt: skip
        has_demand = len(people) >= int(GAP_RULES[kind]["minimum_person_count"])
        is_read = suits and len(readers) / len(people) >= float(GAP_RULES[kind]["minimum_reader_share"])
        assert row["is_gap"] == bool(has_demand and not is_read)
    assert {True, False} == {row["is_gap"] for row in found.values()}

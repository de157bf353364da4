"""Tags and segments given a second time: each rule asked of each person in plain Python, from the profile and the touches."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import pandas as pd
import pytest

SEEDS = Path(__file__).resolve().parents[3] / "seeds" / "tags"
ASK = {
    "present": lambda values, _: bool(values),
    "is": lambda values, wanted: wanted in values,
    "in_list": lambda values, wanted: bool(values & set(wanted.split("|"))),
    "regex": lambda values, wanted: any(re.search(wanted, value) for value in values),
    "at_least": lambda values, wanted: any(value >= float(wanted) for value in values),
    "at_most": lambda values, wanted: any(value <= float(wanted) for value in values),
}


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rules(name: str, of: str) -> dict[str, dict[str, list[dict[str, str]]]]:
    found: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for row in seed(name):
        found[row[of]][row["alternative"]].append(row)
    return found


@pytest.fixture(scope="module")
def known(warehouse):
    """What is known of each person with a name: {person: {field: values}}."""
    as_of = warehouse.sql("select as_of from ops.as_of").fetchone()[0]
    profiles = warehouse.sql("select * from marts.dim_person where not is_anonymous").df()
    plain = ["country", "region", "industry", "company_size", "department", "job_title", "stage", "grade", "route"]
    facts = {
        row.person_id: {name: {getattr(row, name)} for name in plain if isinstance(getattr(row, name), str)}
        | {
            name: {getattr(row, name)}
            for name in ("score", "fit_score", "behaviour_score")
            if pd.notna(getattr(row, name))
        }
        | {name: {str(bool(getattr(row, name))).lower()} for name in ("is_competitor", "has_corporate_email")}
        | {
            "stage_days": {(as_of - row.stage_entered_at).total_seconds() / 86400}
            if pd.notna(row.stage_entered_at)
            else set()
        }
        for row in profiles.itertuples()
    }
    content = warehouse.sql("select content_id, topic, product_id from staging.stg_engagement__content").df()
    content = content.groupby("content_id").min()
    touches = (
        warehouse.sql("select * from marts.fct_interaction").df().join(content, on="content_id", rsuffix="_of_content")
    )
    touches["product"] = touches["product_id"].fillna(touches["product_id_of_content"])
    touches = touches[touches["person_id"].isin(facts)]
    for name in ("channel", "interaction_type", "product", "topic"):
        for person, values in touches.groupby("person_id")[name]:
            facts[person][name] = set(values.dropna())
    engaged = touches[touches["is_engagement"] & (touches["direction"] == "inbound")].groupby("person_id")[
        "occurred_at"
    ]
    for person, moment in engaged.max().items():
        facts[person]["quiet_days"] = {(as_of - moment).total_seconds() / 86400}
    for person, count in engaged.count().items():
        facts[person]["engagement_count"] = {count}
    for person, status in warehouse.sql(
        "select person_id, status from marts.fct_lifecycle_status where is_open"
    ).fetchall():
        if person in facts:
            facts[person].setdefault("status", set()).add(status)
    lists = defaultdict(set)
    for account, name in warehouse.execute(
        """
        select accounts.account_id, lists.list_name
        from staging.stg_crm__target_lists as lists
        join intermediate.int_identity__crm_accounts as accounts
            on lists.source_system = accounts.source_system and lists.account_id = accounts.crm_account_id
        where (valid_from is null or valid_from <= $1) and (valid_to is null or valid_to > $1)
        """,
        [as_of],
    ).fetchall():
        lists[account].add(name)
    for row in profiles.itertuples():
        facts[row.person_id]["target_list"] = lists.get(row.account_id, set())
    return facts


@pytest.fixture(scope="module")
def tagged(known):
    """The tags of each person."""
    tags = rules("tag_conditions", "tag")
    return {
        person: {
            tag
            for tag, alternatives in tags.items()
            if any(
                all(
                    ASK[one["match_kind"]](facts.get(one["field"], set()), one["value"])
                    != (one["is_negated"] == "true")
                    for one in conditions
                )
                for conditions in alternatives.values()
            )
        }
        for person, facts in known.items()
    }


def test_tags_equal_the_rules_asked_of_each_person(warehouse, tagged):
    published = set(warehouse.sql("select person_id, tag from marts.bridge_person_tag").fetchall())
    assert published == {(person, tag) for person, tags in tagged.items() for tag in tags}
    assert len({tag for _, tag in published}) > len(seed("tags")) / 2


def test_segments_equal_the_tags_asked_of_each_person(warehouse, tagged):
    members = {
        (person, segment)
        for segment, alternatives in rules("segment_tags", "segment").items()
        for person, tags in tagged.items()
        if any(
            all((one["tag"] in tags) != (one["is_negated"] == "true") for one in wanted)
            for wanted in alternatives.values()
        )
    }
    assert set(warehouse.sql("select person_id, segment from marts.bridge_person_segment").fetchall()) == members
    stages = dict(warehouse.sql("select person_id, stage from marts.dim_person").fetchall())
    reachable = {
        row[0]
        for row in warehouse.sql(
            "select person_id from marts.mart_contactability where is_contactable and purpose = 'marketing'"
        ).fetchall()
    }
    counted = warehouse.sql("select segment, stage, person_count, contactable_count from marts.mart_segment").fetchall()
    people = Counter((segment, stages[person]) for person, segment in members if stages[person])
    contactable = Counter(
        (segment, stages[person]) for person, segment in members if stages[person] and person in reachable
    )
    assert {row[:2]: row[2] for row in counted} == people
    assert {row[:2]: row[3] for row in counted if row[3]} == contactable


def test_a_person_looks_at_what_a_touch_or_its_content_names(warehouse, known):
    interest = defaultdict(set)
    for person, product in warehouse.sql("select person_id, product_id from marts.mart_product_interest").fetchall():
        interest[person].add(product)
    assert interest
    for person, products in interest.items():
        assert products <= known[person]["product"]
    (whole,) = warehouse.sql(
        """
        select count(*) from marts.fct_interaction as touches
        join marts.dim_person as persons using (person_id)
        left join (select content_id, min(product_id) as product from staging.stg_engagement__content group by 1) as content using (content_id)
        where not persons.is_anonymous and is_engagement and direction = 'inbound' and coalesce(product_id, product) is not null
        """
    ).fetchone()
    assert warehouse.sql("select sum(touch_count) from marts.mart_product_interest").fetchone() == (whole,)

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
    profiles = warehouse.sql("select * from marts.dim_person").df().set_index("person_id")
    stages = profiles["stage"].to_dict()
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
    whole = pd.DataFrame(sorted(members), columns=["person_id", "segment"]).join(profiles, on="person_id")
    groups = whole.groupby(["segment", "stage"])
    found = warehouse.sql("select * from marts.mart_segment").df().set_index(["segment", "stage"]).sort_index()
    assert found["account_count"].to_dict() == groups["account_id"].nunique().to_dict()
    scores = groups["score_display"].mean()
    pd.testing.assert_series_equal(found["mean_score"], scores, check_names=False, check_dtype=False)
    assert found["account_count"].max() > 1


def test_interest_in_a_product_is_what_a_known_person_did_around_it(warehouse):
    content = warehouse.sql("select * from staging.stg_engagement__content order by record_id").df()
    product_of = content.drop_duplicates("content_id").set_index("content_id")["product_id"]
    named = {
        row.record_id: row.product_id
        for table in ("engagement__interactions", "forms__submissions")
        for row in warehouse.sql(f"select record_id, product_id from staging.stg_{table}").df().itertuples()
    }
    profiles = warehouse.sql("select * from marts.dim_person where not is_anonymous").df().set_index("person_id")
    touches = warehouse.sql("select * from marts.fct_interaction where is_engagement and direction = 'inbound'").df()
    touches = touches[touches["person_id"].isin(profiles.index)]
    own = touches["interaction_id"].map(named)
    touches["product"] = own.where(own.notna(), touches["content_id"].map(product_of))
    groups = touches.dropna(subset="product").groupby(["person_id", "product"])
    expected = pd.DataFrame(
        {
            "touch_count": groups.size(),
            "meaningful_touch_count": groups["is_meaningful"].sum(),
            "minutes": groups["duration_seconds"].sum() / 60,
            "first_touched_at": groups["occurred_at"].min(),
            "last_touched_at": groups["occurred_at"].max(),
        }
    ).reset_index(names=["person_id", "product_id"])
    expected = expected.join(profiles[["account_id", "stage"]], on="person_id")
    found = warehouse.sql("select * from marts.mart_product_interest order by person_id, product_id").df()
    assert set(found.columns) == set(expected.columns)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected, check_dtype=False)
    assert len(found) > 10

"""What the truth folder says follows from the landed facts, by a scorer that shares no code with the generator."""

import csv
import math

import pandas as pd
import pytest

from orchestration.settings import PROJECT_ROOT

DAY = 86_400.0
MARGIN = 8.0
RANKS = {
    stage: rank
    for rank, stage in enumerate(
        ["awareness", "friend", "name", "engaged", "target", "mql", "sql", "opportunity", "customer"], start=1
    )
}


def _behaviour_rules():
    with (PROJECT_ROOT / "seeds/scoring/behaviour_rules.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["interaction_type"], row["journey_stage"]): (
            float(row["points"]),
            float(row["half_life_days"]),
            row["is_qualifying"] == "true",
        )
        for row in rows
    }


EVENTS_SQL = """
with truth as (select * from record_truth),
forms as (
    select truth.true_person, 'form_' || form_type as kind, '' as stage, submitted_at as happened_at
    from forms_submissions as facts join truth
        on truth.source_table = 'forms.submissions' and truth.record_key = facts.submission_id
        and truth.source_system = facts.system
),
registrations as (
    select truth.true_person, 'event_registration' as kind, '' as stage, registered_at as happened_at
    from events_registrations as facts join truth
        on truth.source_table = 'events.registrations' and truth.record_key = facts.registration_id
),
webinars as (
    select truth.true_person, 'webinar_registration' as kind, '' as stage, registered_at as happened_at, registration_id
    from webinars_registrations as facts join truth
        on truth.source_table = 'webinars.registrations' and truth.record_key = facts.registration_id
),
watched as (
    select true_person, 'webinar_attendance' as kind, '' as stage, joined_at as happened_at
    from webinars_attendance join webinars using (registration_id)
),
visits as (
    select truth.true_person, 'event_attendance' as kind, '' as stage, checked_in_at as happened_at
    from events_attendance as facts join truth
        on truth.source_table = 'events.attendance'
        and truth.record_key = facts.event_id || '|' || coalesce(facts.registration_id, '') || '|'
            || coalesce(facts.email, '') || '|' || coalesce(facts.phone, '') || '|'
            || strftime(checked_in_at, '%Y-%m-%d %H:%M:%S.000000')
),
touches as (
    select true_person, type as kind,
        case when type = 'content_view' then coalesce(content.journey_stage, defaults.journey_stage, '') else '' end as stage,
        occurred_at as happened_at
    from engagement_interactions as facts
    join interaction_truth as truth on truth.interaction_id = facts.interaction_id
    left join engagement_content as content on content.content_id = facts.content_id
    left join defaults on defaults.content_type = content.content_type
    where direction = 'inbound'
)
select true_person, kind, stage, happened_at from forms
union all select * from registrations
union all select true_person, kind, stage, happened_at from webinars
union all select * from watched
union all select * from visits
union all select * from touches
"""


@pytest.fixture(scope="module")
def events(company):
    """One row per scored interaction of a person, in time order, with points and half-life."""
    connection = company.connection()
    defaults = PROJECT_ROOT / "seeds/engagement/content_journey_stages.csv"
    connection.execute("create or replace temp table defaults as select * from read_csv(?)", [str(defaults)])
    frame = connection.execute(EVENTS_SQL).df()
    rules = _behaviour_rules()
    found = [
        rules.get((kind, stage)) or rules.get((kind, ""))
        for kind, stage in zip(frame["kind"], frame["stage"], strict=True)
    ]
    frame["points"] = [rule[0] if rule else 0.0 for rule in found]
    frame["half_life"] = [rule[1] if rule else 1.0 for rule in found]
    frame["is_qualifying"] = [bool(rule and rule[2]) for rule in found]
    frame["at"] = frame.pop("happened_at").astype("int64") / 1e6
    assert frame["at"].between(1.5e9, 2e9).all()
    return frame[frame["points"] > 0].sort_values(["true_person", "at"])


def _scores(rows):
    """Return (at, behaviour before, behaviour after) at each instant; old points decay by their own half-life, no caps."""
    standing: dict[float, tuple[float, float]] = {}
    out = []
    for at, group in rows.groupby("at"):
        before = sum(value * 2 ** (-(at - since) / DAY / half_life) for half_life, (value, since) in standing.items())
        for points, half_life in zip(group["points"], group["half_life"], strict=True):
            value, since = standing.get(half_life, (0.0, at))
            standing[half_life] = (value * 2 ** (-(at - since) / DAY / half_life) + points, at)
        after = sum(value * 2 ** (-(at - since) / DAY / half_life) for half_life, (value, since) in standing.items())
        out.append((at, before, after))
    return out


def test_nobody_without_an_mql_comes_near_the_threshold(company, events):
    journeys = company.truth("journeys").set_index("true_person")
    entries = company.truth("stage_entries")
    qualified = set(entries.loc[entries["stage"].map(RANKS) >= RANKS["mql"], "true_person"])
    spared = set(journeys.index[journeys["template"] == "gate_incomplete"])
    for person, rows in events.groupby("true_person"):
        if person in qualified or person in spared or person not in journeys.index:
            continue
        fit = journeys.loc[person, "fit_points_at_most"]
        highest = max(after for _, _, after in _scores(rows))
        assert fit + highest <= 50 - MARGIN + 1e-6, (person, journeys.loc[person, "template"], fit, highest)


def test_a_scored_mql_crosses_the_threshold_in_one_step(company, events):
    journeys = company.truth("journeys").set_index("true_person")
    entries = company.truth("stage_entries")
    scored = journeys.index[
        journeys["template"].isin(["mql_scored", "opportunity_scored", "won_scored", "second_mql_scored"])
    ]
    assert len(scored) > 5
    by_person = dict(iter(events.groupby("true_person")))
    for person in scored:
        fit = journeys.loc[person, "fit_points_at_most"]
        mine = entries[(entries["true_person"] == person) & (entries["stage"] == "mql")]
        first = mine["entered_at"].min().timestamp()
        for at, before, after in _scores(by_person[person]):
            if at < first:
                assert fit + after <= 50 - MARGIN + 1e-6, (person, fit, after)
            if math.isclose(at, first):
                assert fit + before <= 50 - MARGIN + 1e-6
                assert fit + after >= 50 + 4, (person, fit, after)


def test_a_second_scored_mql_waits_for_its_own_burst(company, events):
    journeys = company.truth("journeys").set_index("true_person")
    entries = company.truth("stage_entries")
    persons = journeys.index[journeys["template"] == "second_mql_scored"]
    assert len(persons) >= 1
    for person in persons:
        mine = entries[entries["true_person"] == person]
        rejected = mine[mine["stage"] == "target"]["entered_at"].max().timestamp()
        second = mine[mine["stage"] == "mql"]["entered_at"].max().timestamp()
        rows = events[events["true_person"] == person].copy()
        rows.loc[rows["at"] < rejected, "points"] *= 0.5
        fit = journeys.loc[person, "fit_points_at_most"]
        for at, before, after in _scores(rows):
            if rejected < at < second:
                assert fit + after < 50 - 3, (person, fit, after)
            if math.isclose(at, second):
                assert fit + before < 50 - 3
                assert fit + after > 50 + 3


def test_nobody_who_returned_engages_by_chance(company, events):
    journeys = company.truth("journeys").set_index("true_person")
    chance = events[events["is_qualifying"] & ~events["kind"].str.startswith("form_") & (events["kind"] != "call_400")]
    for template in ("rejected", "lost", "rejected_twice", "mql_dormant"):
        persons = set(journeys.index[journeys["template"] == template])
        entries = company.truth("stage_entries")
        first_mql = entries[entries["stage"] == "mql"].groupby("true_person")["entered_at"].min().astype("int64") / 1e6
        late = chance[chance["true_person"].isin(persons)]
        late = late[late["at"] > late["true_person"].map(first_mql)]
        assert late.empty


def test_stages_only_rise_between_returns(company):
    entries = company.truth("stage_entries")
    path = entries[entries["track"] == "acquisition"].sort_values(["true_person", "entry_order"])
    ranks = path["stage"].map(RANKS)
    before = ranks.groupby(path["true_person"]).shift()
    fell = path[ranks <= before]
    assert set(fell["stage"]) <= {"engaged", "target", "mql"}
    assert (ranks[(ranks <= before).fillna(value=False)] < before[ranks <= before]).all()
    assert not (ranks == before).any()


def test_times_rise_along_each_path(company):
    entries = company.truth("stage_entries").sort_values(["true_person", "entry_order"])
    assert entries.groupby("true_person")["entered_at"].is_monotonic_increasing.all()
    # one instant writes one row, except where a dated loss or win falls on a day's start
    same = entries.duplicated(["true_person", "track", "entered_at"])
    assert same.mean() < 0.001


def test_entry_numbers_count_over_both_tracks(company):
    entries = company.truth("stage_entries")
    numbers = entries.groupby(["true_person", "stage"])["entry_number"]
    assert (numbers.max() == numbers.count()).all()
    assert (numbers.min() == 1).all()


def test_current_stage_is_the_last_entry(company):
    entries, current = company.truth("stage_entries"), company.truth("current_stages")
    last = entries.sort_values("entry_order").groupby(["true_person", "track"])["stage"].last()
    assert last.equals(current.set_index(["true_person", "track"])["stage"].sort_index())


def test_every_record_has_one_person_and_a_group_inside_that_person(company):
    records = company.truth("record_truth")
    assert not records.duplicated(["source_table", "source_system", "record_key"]).any()
    assert records.groupby("evidence_group")["true_person"].nunique().max() == 1
    groups = records.groupby("true_person")["evidence_group"].nunique()
    hard = (groups > 1).sum()
    assert 0 < hard < 0.1 * len(groups)


def test_every_landed_record_is_in_the_truth(company):
    records = company.truth("record_truth")
    landed = company.connection().execute("select distinct lead_id, system from crm_leads").df()
    known = records[records["source_table"] == "crm.leads"]
    assert set(zip(landed["lead_id"], landed["system"], strict=True)) == set(
        zip(known["record_key"], known["source_system"], strict=True)
    )


def test_seven_of_ten_devices_stay_anonymous(company):
    devices = (
        company.connection()
        .execute(
            "select count(distinct anonymous_id) as all_devices, "
            "count(distinct case when anonymous_id like 'v-%' then anonymous_id end) as strangers from engagement_interactions"
        )
        .fetchone()
    )
    assert 0.6 < devices[1] / devices[0] < 0.85


def test_cases_are_marked(company):
    cases = set(company.truth("journeys")["case"].dropna().astype(int))
    assert {4, 7, 10, 11, 12, 13, 14, 15, 16, 18, 20, 25, 27, 28, 30, 32} <= cases


def test_truth_times_are_utc_without_zone(company):
    assert (
        company.truth("stage_entries")["entered_at"].dtype == pd.Timestamp("2025-01-01").as_unit("us").to_numpy().dtype
    )


def test_a_role_is_given_to_a_contact_that_exists(company):
    early = (
        company.connection()
        .execute(
            "select count(*) filter (where roles.added_at < contacts.created_at - interval 1 day), count(*) filter (where not is_primary) "
            "from crm_opportunity_contacts as roles join crm_contacts as contacts using (contact_id, system)"
        )
        .fetchone()
    )
    assert early[0] == 0
    assert early[1] > 0


def test_the_first_word_after_a_loss_is_the_reopening(company):
    after = (
        company.connection()
        .execute(
            "with told as (select stage, lag(stage) over (partition by system, opportunity_id order by changed_at) as before "
            "from crm_opportunity_history) select stage, count(*) from told where before = 'Closed Lost' group by stage"
        )
        .fetchall()
    )
    assert [stage for stage, _ in after] == ["Negotiation"]

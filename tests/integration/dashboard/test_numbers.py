"""What the pages show, counted another way: plain Python over base facts, landed files and raw tables, never over the mart a page reads."""

import csv
import json
from collections import Counter, defaultdict

import pandas as pd
import pyarrow as pa
import pytest

from orchestration.settings import PROJECT_ROOT

# Twelve whole months of the sample company, which the filters begin with.
FROM_MONTH, TO_MONTH = "2025-07", "2026-06"
FIRST_DAY, NEXT_DAY = pd.Timestamp("2025-07-01"), pd.Timestamp("2026-07-01")


def _chart(app, place):
    """The rows that a page's chart was given."""
    sent = app.get("vega_lite_chart")[place].proto.datasets[0].data.data
    return pa.ipc.open_stream(sent).read_pandas()


def _table(app, column):
    """The first table of a page that has a column."""
    return next(frame.value for frame in app.dataframe if column in frame.value)


def _seed(name):
    with (PROJECT_ROOT / "seeds" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _in_period(moments):
    return (moments >= FIRST_DAY) & (moments < NEXT_DAY)


def _landed_rows(settings, table):
    """Every row that has landed for a table."""
    paths = sorted((settings.landing_dir / table.replace(".", "/")).rglob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def interactions(mart):
    """Every interaction, and which of them were engagement."""
    return mart("fct_interaction")


# Channels


@pytest.mark.parametrize("side", ["acquisition", "retention"])
def test_costs_per_channel_are_those_of_the_cost_facts(open_page, mart, words, side):
    sides = {row["purpose"]: row["side"] for row in _seed("finance/cost_purposes.csv")}
    spent = Counter()
    for cost in mart("fct_cost").to_dict("records"):
        if FROM_MONTH <= cost["month"] <= TO_MONTH and sides.get(cost["purpose"], sides["*"]) == side:
            spent[words.value("channel", cost["channel"])] += cost["reporting_amount"]
    app = open_page("channels", side=side)
    table = _table(app, "cost_per_lead").set_index("channel")
    shown = {channel: cost for channel, cost in table["cost_amount"].items() if cost}
    assert shown == pytest.approx({channel: float(cost) for channel, cost in spent.items() if cost})
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Cost, USD"] == words.short(float(sum(spent.values())))


def test_stage_entries_of_all_channels_are_those_of_the_ledger(open_page, mart, words):
    ladder = mart("dim_stage").sort_values("stage_rank")["stage"].tolist()
    reached = Counter()
    for move in mart("fct_lifecycle_transition").to_dict("records"):
        if move["track"] == "acquisition" and FIRST_DAY <= move["entered_at"] < NEXT_DAY:
            # Whoever passed over a stage reached it on the way.
            place = ladder.index(move["stage"])
            reached.update(ladder[place - move["skipped_stages"] : place + 1])
    table = _table(open_page("channels"), "cost_per_lead")
    assert table["mql_count"].sum() == reached["mql"] > 0
    assert table["customer_count"].sum() == reached["customer"] > 0
    website = table[table["channel"] == words.value("channel", "website")].iloc[0]
    assert website["cost_per_lead"] == pytest.approx(website["cost_amount"] / website["lead_count"])
    assert website["roi"] == pytest.approx(website["revenue_amount"] / website["cost_amount"] - 1)


def test_revenue_of_both_sides_is_what_attribution_hands_out(open_page, mart):
    orders = mart("fct_order")
    sold = orders[_in_period(orders["ordered_at"])]["reporting_amount"].sum()
    sides = [
        _table(open_page("channels", side=side), "cost_per_lead")["revenue_amount"].sum()
        for side in ("acquisition", "retention")
    ]
    attributed = open_page("attribution").dataframe[0].value
    handed_out = attributed[attributed.columns[1]].sum()
    assert float(sum(sides)) == pytest.approx(float(handed_out))
    assert 0 < float(handed_out) <= float(sold) + 0.01


# Accounts


def test_accounts_stand_where_their_people_or_purchases_put_them(open_page, mart, manifest):
    now = pd.Timestamp(manifest["as_of"]).tz_localize(None)
    ranks = mart("dim_stage").set_index("stage")["stage_rank"].to_dict()
    stands = {}
    for person in mart("dim_person").dropna(subset=["account_id", "stage"]).to_dict("records"):
        account, stage = person["account_id"], person["stage"]
        stands[account] = max(stands.get(account, stage), stage, key=ranks.get)
    deals = mart("fct_opportunity")
    # an open deal that names no contact moves its account alone
    for account in deals.loc[deals["is_open"] & deals["person_id"].isna(), "account_id"].dropna():
        stands[account] = max(stands.get(account, "opportunity"), "opportunity", key=ranks.get)
    stands |= {
        order["account_id"]: "customer"
        for order in mart("fct_order").to_dict("records")
        if isinstance(order["account_id"], str) and (pd.isna(order["ends_on"]) or order["ends_on"] > now)
    }
    lists = mart("bridge_account_target_list")
    wanted = set(lists.loc[lists["is_current"], "account_id"])
    rows = _chart(open_page("accounts"), 0).set_index("stage")
    assert rows["account_count"].to_dict() == Counter(stands.values())
    assert rows.loc[rows["target_account_count"] > 0, "target_account_count"].to_dict() == Counter(
        stage for account, stage in stands.items() if account in wanted
    )


def test_a_target_account_is_aware_while_it_engaged_within_the_window(open_page, mart, interactions, words):
    days = int(_seed("accounts/awareness_windows.csv")[0]["window_days"])
    engaged = interactions[interactions["is_engagement"] & interactions["account_id"].notna()]
    lists = mart("bridge_account_target_list")
    drawn = _chart(open_page("accounts"), 1)
    checked = 0
    for name, members in lists.groupby("list_name"):
        for row in drawn[drawn["list_name_label"] == words.value("target_list", name)].to_dict("records"):
            end = pd.Timestamp(row["month_starts_on"]).tz_localize(None) + pd.offsets.MonthBegin(1)
            then = members[(members["valid_from"] < end) & (members["valid_to"].isna() | (members["valid_to"] >= end))]
            moments = engaged["occurred_at"]
            came = engaged[(moments < end) & (moments >= end - pd.Timedelta(days=days))]
            # Those of whom only a computer in their network was seen come on top.
            by_people = then["account_id"].isin(came["account_id"]).sum()
            assert row["aware_account_count"] - row["aware_by_network_count"] == by_people, (name, end)
            assert row["awareness"] == pytest.approx(row["aware_account_count"] / len(then)), (name, end)
            checked += 1
    assert checked == 2 * 12


def test_each_account_is_counted_once_for_each_buying_role(open_page, mart):
    rows = _chart(open_page("accounts"), 2)
    lists = mart("bridge_account_target_list")
    # a target account counts although nobody of it is known
    accounts = set(mart("dim_person")["account_id"].dropna()) | set(lists.loc[lists["is_current"], "account_id"])
    assert rows.groupby("role_label")["account_count"].sum().tolist() == [len(accounts)] * rows["role_label"].nunique()


def test_whoever_came_to_an_event_is_in_its_reach(open_page, interactions):
    kinds = {"event_attendance": "event", "webinar_attendance": "webinar", "webinar_replay": "webinar"}
    came = interactions[interactions["interaction_type"].isin(kinds) & _in_period(interactions["occurred_at"])]
    table = _table(open_page("accounts"), "attendee_count")
    is_webinar = table["event_type"] == "Webinar"
    # Each row is one attendee but for somebody who came to a webinar and watched it again.
    assert table.loc[~is_webinar, "attendee_count"].sum() == (came["interaction_type"] == "event_attendance").sum() > 0
    live = (came["interaction_type"] == "webinar_attendance").sum()
    replays = (came["interaction_type"] == "webinar_replay").sum()
    assert live <= table.loc[is_webinar, "attendee_count"].sum() <= live + replays
    assert (table["reached_count"] <= table[["target_account_count", "wanted_role_count"]].min(axis=1)).all()
    assert table["reach"].fillna(0).tolist() == pytest.approx(
        (table["reached_count"] / table["identified_count"].where(table["identified_count"] > 0)).fillna(0).tolist()
    )


# Nurture and routing


def test_who_waits_is_who_was_assigned_and_has_no_answer(open_page, mart, manifest, persons):
    now = pd.Timestamp(manifest["as_of"]).tz_localize(None)
    given = mart("fct_assignment")
    last = given[given["decided_at"].isna() & given["next_assigned_at"].isna()]
    in_pool = last["state"] == "in_pool"
    untouched = last[~in_pool & last["first_touched_at"].isna()]
    metrics = {metric.label: metric.value for metric in open_page("nurture").metric}
    assert metrics["Wait for a first touch"] == str(len(untouched))
    assert metrics["Waiting in all"] == str((~in_pool).sum())
    assert metrics["In the pool"] == str(in_pool.sum())
    late = [row["person_id"] for row in untouched.to_dict("records") if row["due_at"] < now]
    table = _table(open_page("nurture"), "hours_left")
    assert sorted(persons(table[table["is_overdue"]])) == sorted(late)
    assert metrics["Overdue"] == str(len(late))
    assert len(persons(table)) == (~in_pool).sum()


def test_the_accept_rate_is_that_of_the_decisions(open_page, mart):
    limits = [(1, "Up to 1 hour"), (4, "1 to 4 hours"), (8, "4 to 8 hours"), (24, "8 to 24 hours")]
    decisions = defaultdict(list)
    for row in mart("fct_assignment").dropna(subset=["response_hours"]).to_dict("records"):
        name = next((name for hours, name in limits if row["response_hours"] <= hours), "Over 24 hours")
        if row["state"] in {"accepted", "rejected"}:
            decisions[name].append(row["state"] == "accepted")
    shown = _chart(open_page("nurture"), 0).set_index("segment_value_label")["accept_rate"].to_dict()
    assert shown == pytest.approx({name: sum(told) / len(told) for name, told in decisions.items()})


def test_whom_we_may_contact_is_of_all_with_such_an_address(open_page, mart):
    identifiers = mart("bridge_person_identifier")
    held = identifiers.groupby("identifier_type")["person_id"].nunique()
    mobiles = identifiers[(identifiers["identifier_type"] == "phone") & identifiers["is_mobile"]]
    rows = _chart(open_page("nurture"), 1).set_index("channel_label")
    assert rows.loc["E-mail", "person_count"] == held["email"]
    assert rows.loc["Phone", "person_count"] == held["phone"]
    assert rows.loc["Text message", "person_count"] == mobiles["person_id"].nunique()
    told = mart("dim_person")["contactable_channels"]
    for name, channel in (("E-mail", "email"), ("Phone", "phone"), ("WeChat", "wechat")):
        expected = sum(channel in (channels if channels is not None else ()) for channels in told)
        assert rows.loc[name, "contactable_count"] == expected, name


def test_a_next_touch_goes_out_on_a_channel_that_is_permitted(open_page, mart, words, persons):
    permitted = {
        (row["person_id"], words.value("contact_channel", row["channel"]))
        for row in mart("mart_contactability").to_dict("records")
        if row["is_contactable"] and row["purpose"] == "marketing"
    }
    table = _table(open_page("nurture"), "programme")
    listed = persons(table)
    assert len(set(listed)) == len(listed) > 20
    assert set(zip(listed, table["channel"], strict=True)) <= permitted
    assert table["due_at"].is_monotonic_increasing


# Content


def test_the_catalogue_is_what_has_landed(open_page, warehouse_home, interactions):
    usual = {row["content_type"]: row["journey_stage"] for row in _seed("engagement/content_journey_stages.csv")}
    newest = {row["content_id"]: row for row in _landed_rows(warehouse_home, "engagement.content")}
    touched = set(interactions["content_id"].dropna())
    pieces, read = Counter(), Counter()
    for name, row in newest.items():
        part = (row["journey_stage"] or usual[row["content_type"]]).capitalize()
        pieces[part] += 1
        read[part] += name in touched
    rows = _chart(open_page("content"), 0).set_index("journey_stage_label")
    assert rows["content_count"].to_dict() == pieces
    assert rows["touched_count"].to_dict() == read


def test_looks_and_readers_are_those_of_the_interactions(open_page, interactions):
    looks = interactions[interactions["content_id"].notna()]
    counted = looks.groupby("journey_stage")["person_id"].agg(["size", "nunique"])
    counted.index = counted.index.str.capitalize()
    table = _table(open_page("content"), "view_count").set_index("item_label")
    assert table["view_count"].to_dict() == counted["size"].to_dict()
    assert table["person_count"].to_dict() == counted["nunique"].to_dict()
    assert (table["influence"] - (table["moved_rate"] - table["base_rate"])).abs().max() < 0.03


def test_each_visitor_of_a_month_is_on_one_path(open_page, interactions):
    came = interactions[interactions["is_engagement"]]
    months = came["occurred_at"].dt.strftime("%Y-%m")
    visitors = came.groupby(months)["person_id"].nunique()
    rows = _chart(open_page("content"), 1)
    for month, own in rows.groupby(rows["month_starts_on"].dt.strftime("%Y-%m")):
        assert own["person_count"].sum() == visitors[month]
        assert own["share_of_visitors"].sum() == pytest.approx(1)


# Data quality


def test_deliveries_are_the_lines_that_have_landed(open_page, warehouse_home, warehouse):
    table = _table(open_page("quality"), "rows_in").set_index("source_table")
    assert len(table) > 10
    for name, row in table.iterrows():
        assert row["rows_in"] == len(_landed_rows(warehouse_home, name)), name
        assert row["rows_in"] == row["rows_loaded"] + row["rows_collapsed"] + row["rows_quarantined"], name
        held = warehouse.execute(f"select count(*) from raw.{name.replace('.', '__')}").fetchone()[0]
        assert row["rows_loaded"] == held, name


def test_the_checks_are_those_of_the_run_that_published(open_page, warehouse, manifest):
    counted = warehouse.execute(
        "select count(*), count(*) filter (where not is_success) from ops.quality_results where run_id = ?",
        [manifest["run_id"]],
    ).fetchone()
    metrics = {metric.label: metric.value for metric in open_page("quality").metric}
    shown = int(metrics["Checks of the last run"].replace(",", ""))
    # Those of the raw gate and of the models; publish adds its own to the published book.
    assert shown >= counted[0] > 0
    assert int(metrics["Failed"]) == counted[1] == 0


def test_a_duplicate_is_each_record_that_made_nobody_known(open_page, mart, words):
    rows = _chart(open_page("quality"), 0).set_index("rule_id_label")["record_count"]
    records = mart("bridge_person_record")
    marked = mart("mart_lead_hygiene")
    marked = marked[marked["rule_id"] == "duplicate"]
    assert rows[words.value("rule", "duplicate")] == len(marked) > 0
    # One record of each person is none, so that nobody is lost with them.
    of_person = records.groupby("person_id").size()
    assert (of_person - marked.groupby("person_id").size()).dropna().min() >= 1

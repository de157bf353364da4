"""What a new user sees first is the sample company: every mart of it has an answer, and the answers differ as a company's would."""

import csv

import duckdb
import pytest

from orchestration.publish.versions import current_version
from orchestration.settings import PROJECT_ROOT

EMPTY = {
    "fct_lifecycle_revision": "the first night has nothing to revise",
    "mart_identity_decision": "nobody has decided about a pair yet",
    "mart_score_prediction": "the prediction is off until it is switched on",
    "ops_command": "the night of the tests is no command",
}
NULL = {
    "bridge_person_redirect.valid_to": "nobody has been told apart again on the first night",
    "dim_stage.lapse_days": "no stage lapses unless a row says so",
    "mart_identity_edge.refused_because": "no link of the sample is refused",
    "mart_identity_edge.match_weight": "no link of the first night is a probable one",
    "mart_identity_review.link_rule": "pairs that a refused link connects, of which there is none",
    "mart_identity_review.link_value": "pairs that a refused link connects, of which there is none",
    "ops_identity_quality.compared_with": "the first night has no version before it",
} | dict.fromkeys(
    [
        f"mart_stage_velocity.{column}"
        for column in ("trailing_n", "trailing_mean_days", "change_days", "change_share", "effect_size", "is_slowing")
    ],
    "600 people are too few to call a month slow",
)


@pytest.fixture(scope="module")
def marts(warehouse_home):
    """The published file, which holds what the operation of a night says of itself as well."""
    folder = current_version(warehouse_home.published_dir)
    with duckdb.connect(str(folder / "leadrelay.duckdb"), read_only=True) as connection:
        yield connection


def _columns(marts):
    """(table, column, rows, rows with a value) of everything published."""
    found = []
    for (table,) in marts.sql("select table_name from duckdb_tables() order by 1").fetchall():
        columns = [name for name, *_ in marts.sql(f'describe marts."{table}"').fetchall()]
        counts = ", ".join(f'count("{column}")' for column in columns)
        rows, *given = marts.sql(f'select count(*), {counts} from marts."{table}"').fetchone()
        found += [(table, column, rows, values) for column, values in zip(columns, given, strict=True)]
    return found


def test_only_marts_with_a_reason_are_empty(marts):
    assert {table for table, _, rows, _ in _columns(marts) if not rows} == EMPTY.keys()


def test_only_columns_with_a_reason_have_no_value_at_all(marts):
    silent = {f"{table}.{column}" for table, column, rows, values in _columns(marts) if rows and not values}
    assert silent - NULL.keys() == set()


def test_every_paid_channel_brings_revenue_at_its_own_price(marts):
    returns = dict(
        marts.sql(
            """
            select channel, round(sum(revenue_amount) / sum(cost_amount), 2)
            from marts.mart_channel_efficiency
            where view_type = 'cohort' and side = 'acquisition'
            group by channel
            having sum(cost_amount) > 0
            """
        ).fetchall()
    )
    assert returns.keys() >= {"paid_search", "social", "display", "event", "webinar"}
    assert min(returns.values()) > 0
    assert len(set(returns.values())) == len(returns)


def test_whoever_was_met_at_an_event_or_webinar_buys_larger_and_later(marts):
    def of(channels):
        return marts.sql(
            f"""
            select median(deals.amount), median(date_diff('day', persons.identified_at, deals.closed_at))
            from marts.fct_opportunity as deals
            join marts.dim_person as persons using (person_id)
            join (
                select person_id, min_by(channel, entered_at) as channel from marts.fct_lifecycle_transition
                where track = 'acquisition' group by person_id
            ) as origins using (person_id)
            where deals.is_won and origins.channel {channels}
            """
        ).fetchone()

    met, others = of("in ('event', 'webinar')"), of("not in ('event', 'webinar')")
    assert met[0] > others[0]
    assert met[1] > others[1]


def test_every_contact_channel_has_people_who_may_be_contacted_and_people_who_may_not(marts):
    with (PROJECT_ROOT / "seeds/consent/contact_channels.csv").open(encoding="utf-8", newline="") as file:
        channels = {row["channel"] for row in csv.DictReader(file)}
    found = marts.sql(
        "select channel, is_contactable, reason from marts.mart_contactability where purpose = 'marketing'"
    ).fetchall()
    assert {(channel, may) for channel, may, _ in found} == {
        (channel, may) for channel in channels for may in (True, False)
    }
    reasons = {(channel, reason) for channel, _, reason in found}
    assert reasons >= {(channel, "consent") for channel in channels}
    assert reasons >= {
        ("phone", "do_not_call"),
        ("sms", "do_not_call"),
        ("sms", "unsubscribed"),
        ("wechat", "opted_out"),
    }
    # Canada: a consent that an inquiry or a purchase implies, for some time
    assert {reason for _, reason in reasons} >= {"implied_consent", "consent_expired"}


def test_a_plan_of_mails_leads_some_people_to_wechat(marts):
    planned = {channel for (channel,) in marts.sql("select channel from marts.mart_nurture_queue").fetchall()}
    assert planned >= {"email", "wechat"}


def test_advocates_are_named_by_phone_as_well_and_bring_customers(marts, warehouse):
    named = warehouse.sql(
        """
        select forms.referred_by like '%@%' as by_mail, referrals.referrer_person_id is not null as is_known
        from intermediate.int_journey__referrals as referrals
        join staging.stg_forms__submissions as forms using (record_id)
        """
    ).fetchall()
    assert set(named) >= {(True, True), (True, False), (False, True)}
    assert marts.sql("select sum(referred_customer_count) from marts.mart_advocacy").fetchone()[0] > 0

"""The histories that the sample plants: each plans its stages first and then writes the facts that cause them.

What belongs here: one small function per template and the register with its share, its demands and the number of the
case of the lifecycle design that it belongs to. What does not: how facts look (teller, crm, records).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchestration.sample.arrays import DAY, HOUR, Bools, Ints, chance, pick_weighted, texts
from orchestration.sample.clock import least_days
from orchestration.sample.crm import CrmDesk, Deals, Objects
from orchestration.sample.people import Demands
from orchestration.sample.records import Look
from orchestration.sample.teller import DIRECT_FORMS, OFFLINE, Teller

ROUGH = Look()
BARE = Look(is_clean=True, is_bare=True)
Gaps = tuple[tuple[float, float], ...]

QUICK: Gaps = ((1, 2),)
SDR: Gaps = ((1, 4),)
SALES: Gaps = ((3, 12),)
CLOSING: Gaps = ((12, 45),)
ACQUAINTANCE: Gaps = ((20, 35),)
SLOW_CLOSING: Gaps = ((50, 60),)
REJECTION: Gaps = ((3, 9),)
QUIET_DAYS = 200
EVENT_DEAL_SIZE = 4.0
WEBINAR_DEAL_SIZE = 1.6


@dataclass(frozen=True)
class Template:
    """One kind of history.

    Parameters
    ----------
    name
        Its name in `truth/journeys`.
    share
        Relative frequency among persons.
    tell
        Writes the history of the given persons.
    gaps
        The longest timeline it plans; decides how many days the sample must span.
    case
        Number in the lifecycle design's list of histories, 0 for none.
    fit
        `good`, `poor` or `any` (a mixture).
    wants
        Of `corporate`, `mobile`, `no_mobile`, `device`, `chinese`, `competitor`, `no_american_phone`.
    """

    name: str
    share: float
    tell: Callable[[Teller, Ints], None]
    gaps: Gaps = ()
    case: int = 0
    fit: str = "any"
    wants: frozenset[str] = frozenset()


# --- short of an MQL ---------------------------------------------------------------------------------------------


def _newsletter(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (5, 60))
    teller.form(person, at[0], "newsletter")
    teller.known(person, at[0])
    teller.stages.enter(person, "name", at[0])
    again = teller.chance(person, 0.15)
    teller.form(person[again], at[1][again], "newsletter", ROUGH)
    leaves = teller.chance(person, 0.1)
    identity = teller.writer.identity(person[leaves], OFFLINE)
    teller.consent(person[leaves], np.minimum(at[1][leaves] + HOUR, teller.clock.end), "unsubscribe", identity)


def _downloader(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (2, 25), (2, 40))
    points = teller.rules.points("form_content_download")
    affordable = np.floor(teller.room(person) / points).astype(np.int64)
    wanted = 1 + teller.rng.binomial(2, 0.35, len(person))
    count = np.minimum(wanted, affordable)
    teller.form(person, at[0], "content_download")
    teller.earn(person, "form_content_download")
    teller.known(person, at[0])
    teller.engaged(person, at[0])
    teller.stages.enter(person, "engaged", at[0])
    for step in (1, 2):
        again = count > step
        teller.form(person[again], at[step][again], "content_download", ROUGH)
        teller.earn(person[again], "form_content_download")
    imported = teller.chance(person, 0.2)
    desk = CrmDesk(teller)
    lead = desk.lead(person[imported], at[0][imported] + DAY, "website", "Working")
    _maybe_merge(desk, lead, at[2][imported])


def _maybe_merge(desk: CrmDesk, lead: Objects, at: Ints) -> None:
    """Let a share of leads exist twice for a while: the CRM merges the second into the first and deletes it."""
    teller = desk.teller
    twice = teller.chance(lead.person, 0.3)
    first, at = lead.take(twice), np.minimum(at[twice] + DAY, teller.clock.end - 2 * DAY)
    at = np.maximum(at, first.columns["created_at"].astype(np.int64) + HOUR)
    second = desk.lead(first.person, at, "event", "New", Look(with_device=False, with_wechat=False))
    merged = np.minimum(at + DAY, teller.clock.end)
    _merge(desk, second, first, merged)
    desk.update(
        second,
        merged,
        is_deleted=np.full(len(second.ids), True, dtype=object),
        _evidence_link=first.columns["_evidence_link"],
    )


def _merge(desk: CrmDesk, loser: Objects, winner: Objects, at: Ints) -> None:
    desk.teller.facts.add(
        "crm.merges",
        loser.person,
        loser.system,
        object_type=loser.kind,
        loser_id=loser.ids,
        winner_id=winner.ids,
        merged_at=at,
    )


def _target(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (3, 30))
    teller.form(person, at[0], "content_download")
    teller.earn(person, "form_content_download")
    teller.known(person, at[0])
    teller.engaged(person, at[0])
    teller.stages.enter(person, "target", at[0])
    again = teller.chance(person, 0.2)
    teller.form(person[again], at[1][again], "newsletter", ROUGH)
    teller.earn(person[again], "form_newsletter")


def _late_profile(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (10, 40))
    teller.form(person, at[0], "survey", BARE)
    teller.earn(person, "form_survey")
    teller.known(person, at[0])
    teller.engaged(person, at[0])
    teller.stages.enter(person, "engaged", at[0])
    teller.form(person, at[1], "survey")
    teller.earn(person, "form_survey")
    teller.stages.enter(person, "target", at[1])
    teller.returned(person)


def _late_target(teller: Teller, person: Ints) -> None:
    """Name by the newsletter, target by the first download."""
    at = teller.timeline(person, (5, 40))
    teller.form(person, at[0], "newsletter")
    teller.earn(person, "form_newsletter")
    teller.known(person, at[0])
    teller.stages.enter(person, "name", at[0])
    teller.form(person, at[1], "survey", ROUGH)
    teller.earn(person, "form_survey")
    teller.engaged(person, at[1])
    teller.stages.enter(person, "target", at[1])


def _purchased_list(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person)
    desk = CrmDesk(teller)
    desk.lead(person, at[0], "purchased_list")
    teller.known(person, at[0])
    teller.stages.enter(person, "name", at[0])


def _event(teller: Teller, person: Ints) -> None:
    at = teller.event(person, is_walk_in=teller.chance(person, 0.2))
    teller.known(person, at)
    teller.engaged(person, at)
    teller.stages.enter(person, "engaged", at)
    scanned = teller.chance(person, 0.3)
    late = np.minimum(at[scanned] + 25 * DAY, teller.clock.end - 3 * DAY)
    keep = late > at[scanned]
    CrmDesk(teller).lead(person[scanned][keep], late[keep], "event", "New")


def _webinar(teller: Teller, person: Ints) -> None:
    at = teller.webinar(person, is_replay=teller.chance(person, 0.2))
    teller.known(person, at)
    teller.engaged(person, at)
    teller.stages.enter(person, "engaged", at)


def _wechat_touch(teller: Teller, person: Ints, at: Ints, kind: str) -> None:
    teller.touch(
        person,
        at,
        kind,
        wechat_openid=teller.people.openid[person],
        wechat_unionid=teller.people.unionid[person],
        platform="wechat",
        utm_medium="wechat",
    )


def _friend(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (1, 20), (1, 30))
    _wechat_touch(teller, person, at[0], "wechat_follow")
    for step in (1, 2):
        reads = teller.chance(person, 0.5)
        _wechat_touch(teller, person[reads], at[step][reads], "wechat_read")
    teller.stages.enter(person, "friend", at[0])
    teller.silent(person)


def _friend_engaged(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (2, 30))
    _wechat_touch(teller, person, at[0], "wechat_follow")
    agrees = teller.chance(person, 0.6)
    identity = teller.writer.identity(person[agrees], BARE)
    teller.consent(person[agrees], at[0][agrees] + 20, "opt_in", identity, "wechat")
    teller.stages.enter(person, "friend", at[0])
    teller.form(person, at[1], "survey", Look(is_clean=True, with_device=False))
    teller.earn(person, "wechat_follow")
    teller.earn(person, "form_survey")
    teller.known(person, at[1])
    teller.engaged(person, at[1])
    teller.stages.enter(person, teller.pool(person), at[1])


def _shared_mailbox(teller: Teller, person: Ints) -> None:
    """Write with the mailbox of a function; only the phone says who it is."""
    at = teller.timeline(person, (3, 40))
    look = Look(is_clean=True, mailbox="role", with_device=False, with_wechat=False)
    teller.form(person, at[0], "content_download", look)
    teller.earn(person, "form_content_download")
    again = teller.chance(person, 0.5)
    teller.form(person[again], at[1][again], "survey", look)
    teller.stages.enter(person, "engaged", at[0])
    teller.silent(person)


def _gate_incomplete(teller: Teller, person: Ints) -> None:
    """Points enough for an MQL, but no mobile: the gate stays shut."""
    at = teller.timeline(person, (1, 3), (1, 3))
    teller.form(person, at[0], "content_download")
    teller.known(person, at[0])
    teller.engaged(person, at[0])
    teller.stages.enter(person, "target", at[0])
    teller.form(person, at[1], "trial")
    teller.form(person, at[2], "content_download")
    teller.limits.free_from[person] = at[0]


def _test_lead(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person)
    teller.form(person, at[0], "newsletter", Look(is_clean=True, with_device=False, with_wechat=False))
    block = teller.facts.blocks["forms.submissions"][-1]
    numbers = person.tolist()
    for name, values in {
        "email": [f"qa.{number}@example.com" for number in numbers],
        "full_name": ["Test User" if number % 2 else "测试" for number in numbers],
        "company": ["Test Company"] * len(numbers),
    }.items():
        block[name] = np.array(values, dtype=object)
    block["first_name"] = block["last_name"] = block["phone"] = teller.no_text(person)
    block["_evidence_phone"] = np.full(len(person), -1, dtype=np.int64)
    consent = teller.facts.blocks.get("consent.events", [{}])[-1]
    if len(consent) and np.isin(consent["_person"], person).all():
        consent["email"] = np.array(
            [f"qa.{number}@example.com" for number in consent["_person"].tolist()], dtype=object
        )
    teller.stages.enter(person, "name", at[0])
    teller.silent(person)


# --- MQL by a direct request or by score -------------------------------------------------------------------------


def _direct(teller: Teller, person: Ints, at: Ints, look: Look | None = None) -> None:
    """Ask for sales (or come by paid search): mql at once."""
    paid = teller.chance(person, 0.15)
    kinds = pick_weighted(teller.rng, DIRECT_FORMS, len(person))
    look = look or Look(is_clean=True)
    teller.form(person[~paid], at[~paid], kinds[~paid], look)
    teller.form(person[paid], at[paid], "content_download", look, is_paid=True)
    teller.qualified(person, at)
    teller.stages.enter(person, "mql", at)


def _nurtured(teller: Teller, person: Ints, at: Ints, *, is_known: bool = False, ceiling: float = 14.0) -> None:
    """Five steps to an MQL by score: newsletter, download or visits up to a margin below the threshold, then a trial.

    ``ceiling`` is how far below the threshold the points before the trial stay.
    """
    rules = teller.rules
    download, view = rules.points("form_content_download"), rules.points_of("content_view", "consideration")
    used = teller.people.fit[person] + (0.0 if is_known else rules.points("form_newsletter"))
    room = rules.mql_threshold - ceiling - used
    downloads = room >= download
    views = np.clip(np.floor((room - np.where(downloads, download, 0.0)) / view), 0, 2)
    if not is_known:
        teller.form(person, at[0], "newsletter")
        teller.known(person, at[0])
        teller.earn(person, "form_newsletter")
        teller.stages.enter(person, "name", at[0])
        first = np.where(downloads, at[1], np.where(views > 0, at[2], at[4]))
        warm = downloads | (views > 0)
        teller.engaged(person, first)
        teller.stages.enter(person[warm], "target", first[warm])
    teller.form(person[downloads], at[1][downloads], "content_download")
    teller.earn(person[downloads], "form_content_download")
    for number, step in ((0, 2), (1, 3)):
        reads = views > number
        teller.content_view(person[reads], at[step][reads], "consideration")
    teller.form(person, at[4], "trial")
    teller.qualified(person, at[4])
    teller.stages.enter(person, "mql", at[4])


NURTURE: Gaps = ((1, 2), (1, 2), (1, 2), (1, 2))


def _mql(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, recent_days=60)
    _direct(teller, person, at[0])
    CrmDesk(teller).hand_over(person, at[0])


def _mql_scored(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *NURTURE, recent_days=90)
    _nurtured(teller, person, at)
    CrmDesk(teller).hand_over(person, at[4])
    for days in (1, 3, 8):  # the trial is used
        used = at[4] + days * DAY < teller.clock.end
        device = teller.people.device[person][used]
        teller.touch(person[used], at[4][used] + days * DAY, "app_event", anonymous_id=device, platform="app")


def _mql_dormant(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (QUIET_DAYS, 10))
    _direct(teller, person, at[0])
    teller.returned(person)
    teller.silent(person)
    teller.touch(
        person,
        at[1],
        "page_view",
        anonymous_id=teller.people.device[person],
        page_url="https://www.leadrelay-sample.com/",
        platform="web",
    )


def _mql_opt_out(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (2, 20), recent_days=120)
    _direct(teller, person, at[0])
    CrmDesk(teller).hand_over(person, at[0])
    identity = teller.writer.identity(person, OFFLINE)
    teller.consent(person, at[1], "opt_out", identity)
    teller.facts.add(
        "consent.suppression",
        person,
        "consent_centre",
        identifier_type="email",
        identifier=identity["email"],
        channel="email",
        list="black",
        valid_from=at[1],
        reason="opted out",
        source="preference_page",
    )


def _called_hotline(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (2, 40))
    teller.form(person, at[0], "newsletter")
    teller.known(person, at[0])
    teller.stages.enter(person, "name", at[0])
    teller.touch(
        person, at[1], "call_400", phone=teller.people.phone[person], platform="hotline", duration_seconds=240.0
    )
    teller.qualified(person, at[1])
    teller.stages.enter(person, "mql", at[1])


def _telemarketed(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (3, 10))
    desk = CrmDesk(teller)
    lead = desk.lead(person, at[0], "telemarketing")
    teller.known(person, at[0])
    teller.stages.enter(person, "name", at[0])
    desk.activity(lead, at[1], "telemarketing", "qualified")
    changed = desk.status(lead, at[1], "MQL")
    teller.stages.enter(person, "mql", changed)
    teller.silent(person)


def _sql(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, recent_days=90)
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    desk.accept(desk.hand_over(person, at[0]), at[1])


def _to_deal(
    teller: Teller, person: Ints, at: Ints, lead: Objects | None = None, size: float = 1.0
) -> tuple[CrmDesk, Objects, Deals]:
    """From a direct request at step 0 to an opportunity at step 2."""
    desk = CrmDesk(teller)
    if lead is None:
        _direct(teller, person, at[0])
        lead = desk.hand_over(person, at[0])
    desk.accept(lead, at[1])
    contact = desk.convert(lead, at[2])
    meets = teller.chance(person, 0.3)
    desk.activity(lead.take(meets), np.minimum(at[2][meets] + DAY, teller.clock.end), "meeting", "held")
    return desk, contact, desk.open_deal(contact, at[2], size=size)


def _opportunity(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, (4, 15), recent_days=120)
    desk, _, deals = _to_deal(teller, person, at)
    desk.progress_deal(deals, at[3])


def _opportunity_scored(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *NURTURE, *SDR, *SALES, recent_days=150)
    _nurtured(teller, person, at)
    _to_deal(teller, person, at[4:], CrmDesk(teller).hand_over(person, at[4]))


def _won(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING)
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=True)
    _later_orders(desk, contact, at[3])


def _won_scored(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *NURTURE, *SDR, *SALES, *CLOSING)
    _nurtured(teller, person, at)
    desk, contact, deals = _to_deal(teller, person, at[4:], CrmDesk(teller).hand_over(person, at[4]))
    desk.close_deal(deals, at[7], is_won=True)
    _later_orders(desk, contact, at[7])


def _event_deal(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *ACQUAINTANCE, *SDR, *SALES, *SLOW_CLOSING)
    met = teller.event(person, is_walk_in=np.zeros(len(person), dtype=bool), by=at[0])
    _slow_deal(teller, person, met, at[1:], "event", EVENT_DEAL_SIZE)


def _webinar_deal(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *ACQUAINTANCE, *SDR, *SALES, *SLOW_CLOSING)
    met = teller.webinar(person, is_replay=np.zeros(len(person), dtype=bool), by=at[0])
    _slow_deal(teller, person, met, at[1:], "webinar", WEBINAR_DEAL_SIZE)


def _slow_deal(teller: Teller, person: Ints, met: Ints, at: Ints, source: str, size: float) -> None:
    """Meet at ``met``, ask for sales weeks later and decide slowly about a large deal; most of them are won."""
    teller.known(person, met)
    teller.engaged(person, met)
    teller.stages.enter(person, "engaged", met)
    # without the browser: the meeting is where they come from
    _direct(teller, person, at[0], OFFLINE)
    desk, _, deals = _to_deal(teller, person, at, CrmDesk(teller).hand_over(person, at[0], source), size)
    won = teller.chance(person, 0.75)
    desk.close_deal(deals.take(won), at[3][won], is_won=True)
    desk.close_deal(deals.take(~won), at[3][~won], is_won=False)


def _later_orders(desk: CrmDesk, contact: Objects, at: Ints) -> None:
    """Give some customers renewal and upsell orders; nobody changes stage in the acquisition track."""
    teller = desk.teller
    for kind, days, share in (("renewal", 365, 0.7), ("upsell", 120, 0.15)):
        later = at + days * DAY
        chosen = (later < teller.clock.end) & teller.chance(contact.person, share)
        desk.order(contact.take(chosen), later[chosen], kind)


def _lost(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING)
    desk, _, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=False)


def _lost_then_won(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (30, 60), *SALES, *CLOSING)
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=False)
    _direct(teller, person, at[4])
    second = desk.open_deal(contact, at[5])
    desk.close_deal(second, at[6], is_won=True)


def _self_serve(teller: Teller, person: Ints) -> None:
    """Ask, then buy without anybody's help: a skip to customer."""
    at = teller.timeline(person, (5, 20))
    teller.form(person, at[0], "survey")
    teller.known(person, at[0])
    teller.engaged(person, at[0])
    teller.stages.enter(person, teller.pool(person), at[0])
    desk = CrmDesk(teller)
    contact = desk.contact(person, at[1] - 60)
    desk.order(contact, at[1], "self_serve")
    teller.stages.enter(person, "customer", at[1])
    teller.returned(person)


# --- back to the pool --------------------------------------------------------------------------------------------


def _rejected(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *REJECTION)
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    desk.reject(desk.hand_over(person, at[0]), at[1])


def _rejected_twice(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *REJECTION, (2, 5))
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    lead = desk.hand_over(person, at[0])
    desk.reject(lead, at[1])
    desk.status(lead, at[2], "Recycled", reason="saved again")


def _second_mql_direct(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *REJECTION, (20, 80))
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    desk.reject(desk.hand_over(person, at[0]), at[1])
    _direct(teller, person, at[2])


def _second_mql_scored(teller: Teller, person: Ints) -> None:
    """Case 5's shape: MQL by score, rejected, quiet for four months, MQL-02 by a second burst."""
    at = teller.timeline(person, *NURTURE, *REJECTION, (120, 15), *NURTURE)
    _nurtured(teller, person, at)
    desk = CrmDesk(teller)
    desk.reject(desk.hand_over(person, at[4]), at[5])
    _nurtured(teller, person, at[6:], is_known=True, ceiling=17.0)


def _second_rejection(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *REJECTION, (20, 50), *REJECTION)
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    lead = desk.hand_over(person, at[0])
    desk.reject(lead, at[1])
    _direct(teller, person, at[2])
    desk.reject(lead, at[3], status="Recycled")


def _accepted_never_mql(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, (2, 10))
    desk = CrmDesk(teller)
    # in turn, so that a small company has a partner as well
    sources = texts(("sales_sourced", "partner", "sales_sourced", "referral"))[np.arange(len(person)) % 4]
    teller.known(person, at[0])
    teller.stages.enter(person, "name", at[0])
    desk.accept(desk.lead(person, at[0], sources), at[1])
    teller.silent(person)


def _returned_to_sdr(teller: Teller, person: Ints) -> None:
    """MQL, SQL, MQL-02: sales gives the lead back, half of them are accepted again."""
    at = teller.timeline(person, *SDR, (3, 10), (2, 6))
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    lead = desk.hand_over(person, at[0])
    desk.accept(lead, at[1])
    teller.stages.enter(person, "mql", desk.status(lead, at[2], "Returned to SDR"))
    again = teller.chance(person, 0.5)
    desk.accept(lead.take(again), at[3][again])


def _rejected_while_open(teller: Teller, person: Ints) -> None:
    """Reject the lead by hand while its opportunity is worked: no return."""
    at = teller.timeline(person, *SDR, *SALES, (3, 10), (8, 20))
    desk = CrmDesk(teller)
    _direct(teller, person, at[0])
    lead = desk.hand_over(person, at[0])
    desk.accept(lead, at[1])
    contact = desk.convert(lead, at[2])
    deals = desk.open_deal(contact, at[2])
    desk.status(lead, at[3], "Rejected", reason="duplicate lead")
    won = teller.chance(person, 0.5)
    desk.close_deal(deals.take(won), at[4][won], is_won=True)


def _one_of_two_lost(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, (3, 10), (8, 20), (8, 20))
    desk, contact, deals = _to_deal(teller, person, at)
    second = desk.open_deal(contact, at[3], enters=False)
    desk.close_deal(deals, at[4], is_won=False, enters=False)
    also = teller.chance(person, 0.5)
    desk.close_deal(second.take(also), at[5][also], is_won=False)


def _reopened(teller: Teller, person: Ints) -> None:
    """Lost, then the same opportunity is opened again and won."""
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (10, 30), (5, 20))
    desk, _, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=False)
    desk.progress_deal(deals, at[4])
    teller.stages.enter(person, "opportunity", desk.seen_at(deals.contacts.system, at[4]))
    desk.close_deal(deals, at[5], is_won=True)


# --- customers ---------------------------------------------------------------------------------------------------


def _two_won(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, (3, 8), (8, 20), (8, 20))
    desk, contact, deals = _to_deal(teller, person, at)
    second = desk.open_deal(contact, at[3], enters=False)
    closed = desk.close_deal(deals, at[4], is_won=True)
    teller.stages.enter(person, "opportunity", closed, "expansion")
    desk.close_deal(second, at[5], is_won=True, track="expansion")


def _upsell_while_open(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (20, 40), (3, 8), (4, 8), (5, 10))
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=True)
    second = desk.open_deal(contact, at[4], "new", track="expansion")
    flag = desk.open_deal(contact, at[5], "upsell", enters=False)
    desk.close_deal(flag, at[6], is_won=False, enters=False)
    desk.close_deal(second, at[7], is_won=True, track="expansion")


def _upsell_lost(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (20, 60), (10, 30))
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=True)
    second = desk.open_deal(contact, at[4], "upsell", track="expansion")
    desk.close_deal(second, at[5], is_won=False, enters=False)


def _repurchased(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (30, 60), (10, 30))
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=True)
    second = desk.open_deal(contact, at[4], "upsell", track="expansion")
    desk.close_deal(second, at[5], is_won=True, track="expansion")


def _churned_and_back(teller: Teller, person: Ints) -> None:
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (40, 30), (180, 20), *SALES, *CLOSING)
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=True)
    changed = desk.status(contact, at[4], "Churned", reason="did not renew")
    teller.stages.enter(person, teller.pool(person), changed)
    teller.returned(person)
    _direct(teller, person, at[5])
    second = desk.open_deal(contact, at[6])
    desk.close_deal(second, at[7], is_won=True)


def _changed_employer(teller: Teller, person: Ints) -> None:
    """Let a customer move on: new mailbox and company, same mobile; the CRM contact is corrected, a form follows."""
    at = teller.timeline(person, *SDR, *SALES, *CLOSING, (30, 60), (5, 10))
    desk, contact, deals = _to_deal(teller, person, at)
    desk.close_deal(deals, at[3], is_won=True)
    look = Look(is_clean=True, mailbox="next", with_device=False, with_wechat=False)
    changes = teller.writer.identity(person, look)
    changes["account_id"] = desk.account_ids(teller.people.next_company[person], contact.system)
    changes["_evidence_phone"] = np.zeros(len(person), dtype=np.int64)
    changes["phone"] = teller.people.phone[person]
    desk.update(contact, at[4], **changes)
    teller.stages.enter(person, teller.pool(person), at[4])
    teller.form(person, at[5], "survey", look)
    teller.returned(person)


def _disqualified(teller: Teller, person: Ints) -> None:
    """Mute a competitor, let him in again by hand; half of them ask once more."""
    at = teller.timeline(person, *REJECTION, (10, 20), (20, 30), (10, 30))
    _direct(teller, person, at[0])
    desk = CrmDesk(teller)
    lead = desk.hand_over(person, at[0])
    desk.status(lead, at[1], "Disqualified", reason="competitor")
    teller.form(person, at[2], "contact_sales")
    teller.stages.enter(person, teller.pool(person), desk.status(lead, at[3], "Requalified"))
    again = teller.chance(person, 0.5)
    _direct(teller, person[again], at[4][again])
    teller.returned(person)


def _two_identities(teller: Teller, person: Ints) -> None:
    """Two MQLs under two mailboxes; the first was rejected; then the CRM merges the leads."""
    at = teller.timeline(person, *REJECTION, (20, 30), (10, 20))
    desk = CrmDesk(teller)
    _direct(teller, person, at[0], OFFLINE)
    lead = desk.hand_over(person, at[0])
    desk.reject(lead, at[1])
    other = Look(is_clean=True, mailbox="next", with_device=False, with_wechat=False)
    _direct(teller, person, at[2], other)
    second = desk.lead(person, at[2] + HOUR, "website", "Working", other)
    _merge(desk, second, lead, at[3])
    desk.update(
        second,
        at[3],
        is_deleted=np.full(len(person), True, dtype=object),
        _evidence_link=lead.columns["_evidence_link"],
    )


GOOD_SCORED = frozenset({"corporate", "mobile", "device", "no_american_phone"})
WITH_DEVICE = frozenset({"device"})

TEMPLATES: tuple[Template, ...] = (
    Template("newsletter_only", 15.0, _newsletter, ((5, 60),)),
    Template("downloader", 17.0, _downloader, ((2, 25), (2, 40)), fit="poor"),
    Template("target_engaged", 8.0, _target, ((3, 30),), fit="good"),
    Template("late_profile", 1.5, _late_profile, ((10, 40),), fit="good"),
    Template("late_target", 2.0, _late_target, ((5, 40),), fit="good"),
    Template("purchased_list", 11.0, _purchased_list, fit="good"),
    Template("event_visitor", 8.0, _event, fit="poor"),
    Template("webinar_viewer", 8.0, _webinar, fit="poor"),
    Template("friend", 2.5, _friend, ((1, 20), (1, 30)), wants=frozenset({"chinese"})),
    Template("friend_engaged", 1.5, _friend_engaged, ((2, 30),), wants=frozenset({"chinese"})),
    Template("shared_mailbox", 0.7, _shared_mailbox, ((3, 40),), fit="poor", wants=frozenset({"mobile", "corporate"})),
    Template("gate_incomplete", 0.6, _gate_incomplete, ((1, 3), (1, 3)), fit="good", wants=frozenset({"no_mobile"})),
    Template("test_lead", 0.5, _test_lead, fit="poor", wants=frozenset({"no_mobile"})),
    Template("mql_direct", 4.0, _mql, case=25),
    Template("mql_scored", 1.6, _mql_scored, NURTURE, fit="good", wants=GOOD_SCORED),
    Template("mql_dormant", 0.6, _mql_dormant, ((QUIET_DAYS, 10),), case=20, wants=WITH_DEVICE),
    Template("mql_opt_out", 0.5, _mql_opt_out, ((2, 20),), case=30),
    Template("hotline", 0.5, _called_hotline, ((2, 40),), wants=frozenset({"mobile", "no_american_phone"})),
    Template("telemarketed", 0.6, _telemarketed, ((3, 10),)),
    Template("sql", 2.0, _sql, SDR),
    Template("opportunity", 1.6, _opportunity, (*SDR, *SALES, (4, 15)), case=32),
    Template("opportunity_scored", 0.5, _opportunity_scored, (*NURTURE, *SDR, *SALES), fit="good", wants=GOOD_SCORED),
    Template("won", 2.4, _won, (*SDR, *SALES, *CLOSING), case=32),
    Template("won_scored", 0.9, _won_scored, (*NURTURE, *SDR, *SALES, *CLOSING), fit="good", wants=GOOD_SCORED),
    Template("event_deal", 1.3, _event_deal, (*ACQUAINTANCE, *SDR, *SALES, *SLOW_CLOSING), fit="poor"),
    Template("webinar_deal", 1.1, _webinar_deal, (*ACQUAINTANCE, *SDR, *SALES, *SLOW_CLOSING), fit="poor"),
    Template("lost", 1.4, _lost, (*SDR, *SALES, *CLOSING)),
    Template("lost_then_won", 0.3, _lost_then_won, (*SDR, *SALES, *CLOSING, (30, 60), *SALES, *CLOSING)),
    Template("self_serve", 0.4, _self_serve, ((5, 20),)),
    Template("rejected", 2.0, _rejected, REJECTION),
    Template("rejected_twice", 0.6, _rejected_twice, (*REJECTION, (2, 5)), case=4),
    Template("second_mql_direct", 0.9, _second_mql_direct, (*REJECTION, (20, 80))),
    Template(
        "second_mql_scored",
        0.6,
        _second_mql_scored,
        (*NURTURE, *REJECTION, (120, 15), *NURTURE),
        fit="good",
        wants=GOOD_SCORED,
    ),
    Template("second_rejection", 0.4, _second_rejection, (*REJECTION, (20, 50), *REJECTION)),
    Template("accepted_never_mql", 0.9, _accepted_never_mql, ((2, 10),), case=7),
    Template("returned_to_sdr", 0.4, _returned_to_sdr, (*SDR, (3, 10), (2, 6))),
    Template("rejected_while_open", 0.3, _rejected_while_open, (*SDR, *SALES, (3, 10), (8, 20)), case=10),
    Template("one_of_two_lost", 0.3, _one_of_two_lost, (*SDR, *SALES, (3, 10), (8, 20), (8, 20)), case=11),
    Template("reopened", 0.2, _reopened, (*SDR, *SALES, *CLOSING, (10, 30), (5, 20)), case=28),
    Template("two_won", 0.3, _two_won, (*SDR, *SALES, (3, 8), (8, 20), (8, 20)), case=12),
    Template(
        "upsell_while_open",
        0.2,
        _upsell_while_open,
        (*SDR, *SALES, *CLOSING, (20, 40), (3, 8), (4, 8), (5, 10)),
        case=13,
    ),
    Template("upsell_lost", 0.3, _upsell_lost, (*SDR, *SALES, *CLOSING, (20, 60), (10, 30)), case=14),
    Template("repurchased", 0.4, _repurchased, (*SDR, *SALES, *CLOSING, (30, 60), (10, 30))),
    Template(
        "churned_and_back",
        0.3,
        _churned_and_back,
        (*SDR, *SALES, *CLOSING, (40, 30), (180, 20), *SALES, *CLOSING),
        case=15,
    ),
    Template(
        "changed_employer",
        0.3,
        _changed_employer,
        (*SDR, *SALES, *CLOSING, (30, 60), (5, 10)),
        case=16,
        wants=frozenset({"corporate", "mobile"}),
    ),
    Template(
        "disqualified",
        0.3,
        _disqualified,
        (*REJECTION, (10, 20), (20, 30), (10, 30)),
        case=18,
        fit="poor",
        wants=frozenset({"competitor", "no_mobile"}),
    ),
    Template(
        "two_identities",
        0.2,
        _two_identities,
        (*REJECTION, (20, 30), (10, 20)),
        case=27,
        wants=frozenset({"no_mobile"}),
    ),
)


@dataclass(frozen=True)
class Plan:
    """Which template each person lives.

    Parameters
    ----------
    templates
        Those that fit the span.
    template_of
        Index into ``templates``, one per person.
    demands
        What the templates ask of the persons.
    """

    templates: tuple[Template, ...]
    template_of: Ints
    demands: Demands


def plan_journeys(rng: np.random.Generator, people: int, days: int) -> Plan:
    """Deal the templates that fit ``days`` to ``people`` persons.

    Parameters
    ----------
    rng
        Random stream.
    people
        Persons who leave a trace that can identify them.
    days
        Length of the sample in days.

    Returns
    -------
    Plan
        Every template with an expected count of at least one occurs.
    """
    templates = tuple(template for template in TEMPLATES if least_days(list(template.gaps)) <= days)
    shares = np.array([template.share for template in templates])
    edges = np.cumsum(shares / shares.sum())
    # evenly spaced levels in random order: counts are exact to one, so that a small sample has every common history
    levels = (np.arange(people) + 0.5) / max(people, 1)
    template_of = np.minimum(np.searchsorted(edges, levels), len(templates) - 1).astype(np.int64)[
        rng.permutation(people)
    ]
    is_mixed_good = chance(rng, people, 0.45)

    def wanting(word: str) -> Bools:
        return np.array([word in template.wants for template in templates], dtype=bool)[template_of]

    fit = np.array([template.fit for template in templates])[template_of]
    return Plan(
        templates=templates,
        template_of=template_of,
        demands=Demands(
            is_good_fit=(fit == "good") | ((fit == "any") & is_mixed_good),
            needs_corporate=wanting("corporate"),
            needs_mobile=wanting("mobile"),
            hides_mobile=wanting("no_mobile"),
            needs_device=wanting("device"),
            is_chinese_only=wanting("chinese"),
            is_competitor=wanting("competitor"),
            no_american_phone=wanting("no_american_phone"),
        ),
    )


def tell_journeys(teller: Teller, plan: Plan) -> None:
    """Write every person's history."""
    for number, template in enumerate(plan.templates):
        person = np.flatnonzero(plan.template_of == number).astype(np.int64)
        if len(person):
            template.tell(teller, person)

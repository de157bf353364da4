"""Touches around the planned histories: anonymous visitors, visits before and after a form, mailings and what they get.

What belongs here: everything that must not change a planned stage. Points are kept inside each person's room below the
MQL threshold by dropping visits, never by changing a plan.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sample.arrays import (
    DAY,
    FAR,
    HOUR,
    Bools,
    Column,
    Floats,
    Ints,
    Texts,
    chance,
    either,
    nothing,
    pick_weighted,
    running_sum,
    stream,
    zipf_index,
)
from orchestration.sample.records import Look
from orchestration.sample.rules import SCORE_MARGIN
from orchestration.sample.teller import Teller

ANONYMOUS_PER_IDENTIFIED = 7 / 3
"""Seven of ten devices never identify themselves."""
PRELUDE_DAYS = 20
MEAN_MAILINGS = 4.0
OPEN_SHARE = 0.26
MESSAGED_SHARE = 0.15
SCANNER_SHARE = 0.08
FIRST_MEDIA = {"": 4.0, "organic": 4.0, "cpc": 1.5, "social": 1.5, "display": 1.5, "referral": 0.5}
"""What brings somebody who has never said who he is."""
NOISE_KINDS = {
    "page_view": 62.0,
    "content_view": 20.0,
    "ad_click": 4.0,
    "social_read": 3.0,
    "share": 1.5,
    "chat": 1.5,
    "email_click": 8.0,
    "social_follow": 1.0,
}


@dataclass(frozen=True)
class Visits:
    """Visits before they are written.

    Parameters
    ----------
    person, at, kind, content, medium
        One per visit; ``content`` is an index into the catalogue, -1 for none, ``medium`` what brought it, null for nothing known.
    """

    person: Ints
    at: Ints
    kind: Texts
    content: Ints
    medium: Texts

    def take(self, chosen: Bools | Ints) -> "Visits":
        """Return the chosen visits."""
        return Visits(
            self.person[chosen], self.at[chosen], self.kind[chosen], self.content[chosen], self.medium[chosen]
        )


def _content_columns(teller: Teller, content: Ints) -> dict[str, Column]:
    has = content >= 0
    row = np.maximum(content, 0)
    return {
        "content_id": either(has, teller.catalog.content_id[row], None),
        "page_url": either(has, teller.catalog.content_url[row], "https://www.leadrelay-sample.com/"),
    }


def scatter_engagement(teller: Teller, seed: int) -> int:
    """Write all touches that no plan needs and note the first anonymous visits in the truth.

    Parameters
    ----------
    teller
        After all journeys have been told.
    seed
        The sample's seed.

    Returns
    -------
    int
        Number of anonymous visitors; in the facts they are persons numbered from `len(people)` on.
    """
    rng = stream(seed, "engagement")
    prelude, noise = _prelude(teller, rng), _noise(teller, rng)
    visits = _affordable(teller, _joined(prelude, noise))
    _write_visits(teller, visits, rng)
    _note_awareness(teller, visits)
    _mailings(teller, rng)
    _short_messages(teller, rng)
    _wishes(teller, stream(seed, "wishes"))
    return _visitors(teller, rng)


def _joined(first: Visits, second: Visits) -> Visits:
    return Visits(
        np.concatenate([first.person, second.person]),
        np.concatenate([first.at, second.at]),
        np.concatenate([first.kind, second.kind]),
        np.concatenate([first.content, second.content]),
        np.concatenate([first.medium, second.medium]),
    )


def _prelude(teller: Teller, rng: np.random.Generator) -> Visits:
    """Draw anonymous visits in the weeks before a first form that carries the device."""
    limits, people = teller.limits, teller.people
    eligible = teller.is_device_linked & ~people.is_device_shared & ~limits.is_quiet & (limits.identified_at < FAR)
    person = np.flatnonzero(eligible & (chance(rng, len(people), 0.7)))
    person = np.repeat(person, 1 + rng.geometric(0.45, len(person)))
    known = limits.identified_at[person]
    at = (
        known
        - (rng.exponential(4 * DAY, len(person)).astype(np.int64) % (PRELUDE_DAYS * DAY))
        - rng.integers(60, 3 * HOUR, len(person))
    )
    keep = at >= teller.clock.start
    person, at = person[keep], at[keep]
    # content is meaningful: allowed where the first form makes the person engaged in the same instant
    reads = (limits.engaged_at[person] == limits.identified_at[person]) & (chance(rng, len(person), 0.25))
    kind = either(reads, "content_view", "page_view")
    content = np.where(reads, zipf_index(rng, len(teller.catalog.content_id), len(person)), -1)
    medium = pick_weighted(rng, FIRST_MEDIA, len(person))
    return Visits(
        person.astype(np.int64), at.astype(np.int64), kind, content.astype(np.int64), either(medium == "", None, medium)
    )


def _noise(teller: Teller, rng: np.random.Generator) -> Visits:
    """Draw visits after identification; few persons come often (a long tail)."""
    limits, people = teller.limits, teller.people
    eligible = teller.is_device_linked & ~limits.is_quiet & (limits.identified_at < FAR)
    count = np.where(eligible, np.minimum(rng.negative_binomial(0.6, 0.11, len(people)), 60), 0)
    person = np.repeat(np.arange(len(people)), count).astype(np.int64)
    at = teller.clock.scatter(rng, people.utc_offset[person], limits.identified_at[person])
    kind = pick_weighted(rng, NOISE_KINDS, len(person))
    allowed = (at > limits.engaged_at[person]) & (at < limits.qualify_until[person]) & ~people.is_device_shared[person]
    kind = either(allowed, kind, "page_view")
    keep = at > limits.identified_at[person]
    reads = kind == "content_view"
    content = np.where(reads, zipf_index(rng, len(teller.catalog.content_id), len(person)), -1).astype(np.int64)
    medium = either(kind == "email_click", "email", either(kind == "ad_click", "display", None))
    return Visits(person, at, kind, content, medium).take(keep)


def _points(teller: Teller, visits: Visits) -> Floats:
    """Return the most points that each visit can earn."""
    by_kind = {kind: teller.rules.points(kind) for kind in (*NOISE_KINDS,)}
    points = np.array([by_kind[kind] for kind in visits.kind.tolist()], dtype=np.float64)
    by_stage = {
        stage: teller.rules.points_of("content_view", stage) for stage in set(teller.catalog.content_stage.tolist())
    }
    of_content = np.array([by_stage[stage] for stage in teller.catalog.content_stage.tolist()], dtype=np.float64)
    reads = visits.content >= 0
    points[reads] = of_content[visits.content[reads]]
    return points


def _affordable(teller: Teller, visits: Visits) -> Visits:
    """Drop visits that could bring a person nearer to the MQL threshold than the margin.

    The bound is generous: every point decays with the longest half-life, day caps are ignored. Dropping a visit only
    lowers the later sums, so one pass is enough.
    """
    order = np.lexsort((visits.at, visits.person))
    visits = visits.take(order)
    if not len(order):
        return visits
    limits, rules = teller.limits, teller.rules
    starts = np.concatenate([[True], visits.person[1:] != visits.person[:-1]])
    first_at = np.repeat(visits.at[starts], np.diff(np.append(np.flatnonzero(starts), len(order))))
    age = (visits.at - first_at) / (DAY * rules.longest_half_life_days)
    standing = running_sum(_points(teller, visits) * np.exp2(age), starts) * np.exp2(-age)
    room = rules.mql_threshold - SCORE_MARGIN - np.maximum(teller.people.fit, 0.0) - limits.planned_points
    is_free = (visits.at > limits.free_from[visits.person]) & (limits.qualify_until[visits.person] == FAR)
    return visits.take(is_free | (standing <= room[visits.person]))


def _write_visits(teller: Teller, visits: Visits, rng: np.random.Generator) -> None:
    count = len(visits.person)
    by_mail = visits.kind == "email_click"
    people = teller.people
    teller.touch(
        visits.person,
        visits.at,
        visits.kind,
        anonymous_id=either(by_mail, None, people.device[visits.person]),
        email=either(by_mail, people.email[visits.person], None),
        campaign_id=teller.catalog.campaigns_of(rng, visits.medium),
        utm_medium=visits.medium,
        platform=either(by_mail, "email", "web"),
        duration_seconds=np.where(by_mail, np.nan, np.round(rng.gamma(1.6, 45.0, count))),
        **_content_columns(teller, visits.content),
    )


def _note_awareness(teller: Teller, visits: Visits) -> None:
    """Say in the truth that a person was first seen as a device."""
    first = np.full(len(teller.people), FAR, dtype=np.int64)
    np.minimum.at(first, visits.person, visits.at)
    person = np.flatnonzero(first < teller.limits.identified_at)
    teller.stages.enter(person, "awareness", first[person])


def _mailings(teller: Teller, rng: np.random.Generator) -> None:
    """Send newsletters: sent, delivered or bounced, some opened by people and some by a mail gateway within seconds."""
    people, limits, facts = teller.people, teller.limits, teller.facts
    reachable = (limits.identified_at < FAR) & ~limits.is_quiet & (limits.qualify_until == FAR)
    person = np.repeat(np.flatnonzero(reachable), rng.poisson(MEAN_MAILINGS, int(reachable.sum()))).astype(np.int64)
    day = (limits.identified_at[person] // DAY) + 1
    sent = teller.clock.draw_days(rng, day, np.full(len(person), teller.clock.last_day)) * DAY + 2 * HOUR
    keep = (sent > limits.identified_at[person]) & (sent < teller.clock.end - 2 * DAY)
    person, sent = person[keep], sent[keep]
    count = len(person)
    step = rng.integers(1, 6, count)
    shared: dict[str, Column] = {
        "email": people.email[person],
        "campaign_id": teller.catalog.campaign_for(rng, "email", count),
        "programme_id": either(chance(rng, count, 0.5), "welcome", "monthly"),
        "programme_step": step.astype(str).astype(object),
        "variant_id": either(chance(rng, count, 0.5), "A", "B"),
    }
    bounced = chance(rng, count, 0.015)
    scanned = people.has_corporate[person] & (chance(rng, count, SCANNER_SHARE))
    opened = ~bounced & (chance(rng, count, OPEN_SHARE))
    later = sent + (rng.exponential(0.3 * DAY, count)).astype(np.int64) % (2 * DAY) + 40
    parts = (
        ("email_sent", "outbound", np.ones(count, dtype=bool), sent),
        ("email_delivered", "outbound", ~bounced, sent + 3),
        ("email_bounce", "outbound", bounced, sent + 5),
        ("email_open", "inbound", ~bounced & scanned, sent + 4),
        ("email_open", "inbound", opened, later),
    )
    for kind, direction, chosen, at in parts:
        facts.add(
            "engagement.interactions",
            person[chosen],
            "mailer",
            occurred_at=at[chosen],
            type=kind,
            direction=direction,
            platform="email",
            **{name: values[chosen] for name, values in shared.items()},
        )


def _short_messages(teller: Teller, rng: np.random.Generator) -> None:
    """Send text, WeChat and app messages to those whose number, id or device some record shows; nobody answers them."""
    people, limits = teller.people, teller.limits
    known = (limits.identified_at < FAR) & ~limits.is_quiet
    always_shown = people.shows_mobile & people.is_good_fit
    for kind, reachable, column, values in (
        ("sms_sent", known & always_shown, "phone", people.phone),
        ("wechat_sent", known & teller.is_wechat_linked, "wechat_openid", people.openid),
        ("push_sent", known & teller.is_device_linked & ~people.is_device_shared, "anonymous_id", people.device),
    ):
        person = np.flatnonzero(reachable & chance(rng, len(people), MESSAGED_SHARE)).astype(np.int64)
        at = teller.clock.scatter(rng, people.utc_offset[person], limits.identified_at[person])
        keep = at > limits.identified_at[person]
        teller.facts.add(
            "engagement.interactions",
            person[keep],
            "mailer",
            occurred_at=at[keep],
            type=kind,
            direction="outbound",
            programme_id="messages",
            platform=kind.removesuffix("_sent"),
            campaign_id=teller.catalog.campaign_for(rng, "wechat", int(keep.sum())),
            **{column: values[person[keep]]},
        )


def _wishes(teller: Teller, rng: np.random.Generator) -> None:
    """Let people agree to text and WeChat messages or forbid calls, after they are known; some take back what they allowed."""
    people, limits = teller.people, teller.limits
    known = (limits.identified_at < FAR) & ~limits.is_quiet & (limits.qualify_until == FAR)
    for channel, purpose, action, may, share, taken_back in (
        ("sms", "promotions", "opt_in", people.shows_mobile, 0.18, "unsubscribe"),
        ("sms", "transactional", "opt_in", people.shows_mobile, 0.02, None),
        ("wechat", "marketing", "opt_in", teller.is_wechat_linked, 0.3, "opt_out"),
        ("phone", "marketing", "opt_out", people.shows_mobile, 0.04, None),
    ):
        person = np.flatnonzero(known & may & chance(rng, len(people), share)).astype(np.int64)
        person, at = _say(teller, rng, person, limits.identified_at[person], (action, channel, purpose))
        if taken_back is not None:
            leaves = chance(rng, len(person), 0.25)
            _say(teller, rng, person[leaves], at[leaves], (taken_back, channel, purpose))


def _say(
    teller: Teller, rng: np.random.Generator, person: Ints, since: Ints, words: tuple[str, str, str]
) -> tuple[Ints, Ints]:
    """Let each person say (action, channel, purpose) some time after ``since``; return who had the time for it, and when."""
    at = teller.clock.scatter(rng, teller.people.utc_offset[person], since)
    person, at = person[at > since], at[at > since]
    action, channel, purpose = words
    identity = teller.writer.identity(person, Look(is_clean=True, with_device=False))
    teller.consent(person, at, action, identity, channel, purpose)
    return person, at


def _visitors(teller: Teller, rng: np.random.Generator) -> int:
    """Write devices that never say who they are, and strangers' follows on social media."""
    devices = int(teller.is_device_linked.sum() * ANONYMOUS_PER_IDENTIFIED)
    visits = np.minimum(rng.zipf(2.1, devices), 40)
    visitor = np.repeat(np.arange(devices), visits).astype(np.int64)
    first = teller.clock.scatter(rng, rng.choice([8, 8, 8, 0, -6], devices).astype(np.int64))
    at = np.minimum(
        first[visitor] + (np.arange(len(visitor)) > 0) * rng.integers(0, 3 * DAY, len(visitor)), teller.clock.end
    )
    reads = chance(rng, len(visitor), 0.25)
    content = np.where(reads, zipf_index(rng, len(teller.catalog.content_id), len(visitor)), -1).astype(np.int64)
    noise = rng.integers(0, 2**32, devices).tolist()
    device = np.array([f"v-{number:07x}-{tail:08x}" for number, tail in enumerate(noise, start=1)], dtype=object)
    person = visitor + len(teller.people)
    medium = pick_weighted(rng, {"": 5.0, "organic": 4.0, "cpc": 2.0, "display": 1.0, "social": 1.0}, len(visitor))
    teller.touch(
        person,
        at,
        either(reads, "content_view", "page_view"),
        anonymous_id=device[visitor] if devices else nothing(0),
        utm_medium=either(medium == "", None, medium),
        company_domain=either(
            chance(rng, len(visitor), 0.08),
            teller.companies.domain[rng.integers(0, len(teller.companies.domain), len(visitor))],
            None,
        ),
        platform="web",
        duration_seconds=np.round(rng.gamma(1.3, 30.0, len(visitor))),
        **_content_columns(teller, content),
    )
    seen = np.full(devices, FAR, dtype=np.int64)
    np.minimum.at(seen, visitor, at)
    teller.stages.enter(np.arange(devices) + len(teller.people), "awareness", seen)
    return devices

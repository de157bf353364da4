"""Turns one planned step of many persons into the rows that cause it.

What belongs here: forms, events, webinars, touches and the notes about them that later rooms need (points, limits).
What does not: which steps a history has (journeys) and CRM objects (crm).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sample import vocabulary as words
from orchestration.sample.arrays import (
    DAY,
    HOUR,
    NAT,
    Bools,
    Column,
    Ints,
    Texts,
    chance,
    either,
    is_given,
    nothing,
    pick,
    pick_weighted,
)
from orchestration.sample.catalog import Catalog
from orchestration.sample.clock import Clock
from orchestration.sample.facts import NO_EVIDENCE, Facts, NoiseLimits, StageLog
from orchestration.sample.people import Companies, Population
from orchestration.sample.records import Look, RecordWriter
from orchestration.sample.rules import Rules

CLEAN = Look(is_clean=True)
OFFLINE = Look(is_clean=True, with_device=False, with_wechat=False)
DIRECT_FORMS = {"contact_sales": 4.0, "product_inquiry": 3.0, "demo_request": 3.0}
FREE_TRAFFIC = {
    "organic": 5.0, "email": 3.0, "social": 2.0, "referral": 1.5, "wechat": 1.0, "display": 0.7, "": 4.0,
}  # fmt: skip
TRAFFIC_SOURCES = {
    "organic": "google", "email": "newsletter", "social": "linkedin", "referral": "partner-blog", "wechat": "wechat",
    "display": "banner-network", "cpc": "google", "paid_search": "baidu", "": None,
}  # fmt: skip
KIOSK_DEVICE = "d-kiosk-01"
CONSENT_WAYS = {
    ("email", "opt_in"): ("form", "form submission"),
    ("email", "opt_out"): ("preference_page", "link in e-mail"),
    ("email", "unsubscribe"): ("preference_page", "link in e-mail"),
    ("sms", "opt_in"): ("double_opt_in", "code sent back"),
    ("sms", "unsubscribe"): ("double_opt_in", "answer STOP"),
    ("phone", "opt_out"): ("verbal", "note of the call"),
    ("wechat", "opt_in"): ("unticked_box", "dialog after the follow"),
    ("wechat", "opt_out"): ("preference_page", "menu of the account"),
}
"""Method and evidence by channel and action."""
# a number alone does not say who somebody is, so the page asks for the mailbox as well
CONSENT_COLUMNS = {
    "email": ("email", "_evidence_email"),
    "sms": ("email", "_evidence_email", "phone", "_evidence_phone"),
    "phone": ("email", "_evidence_email", "phone", "_evidence_phone"),
    "wechat": ("wechat_openid", "_evidence_wechat"),
}


@dataclass
class Teller:
    """Everything that a journey writes to.

    Parameters
    ----------
    facts, stages, limits
        The growing output.
    people, companies, catalog, clock, rules
        The world.
    writer
        Writes identity columns.
    rng
        Random stream of the journeys.
    is_device_linked
        Per person: some record shows the own device, so touches on it are the person's.
    is_wechat_linked
        Per person: some record shows the own WeChat id.
    """

    facts: Facts
    stages: StageLog
    limits: NoiseLimits
    people: Population
    companies: Companies
    catalog: Catalog
    clock: Clock
    rules: Rules
    writer: RecordWriter
    rng: np.random.Generator
    is_device_linked: Bools
    is_wechat_linked: Bools

    def timeline(self, person: Ints, *gaps: tuple[float, float], recent_days: int | None = None) -> Ints:
        """Return instants of steps for ``person``; see `Clock.timeline`."""
        return self.clock.timeline(self.rng, self.people.utc_offset[person], list(gaps), recent_days)

    def chance(self, person: Ints, share: float) -> Bools:
        """Return true for about ``share`` of the rows."""
        return chance(self.rng, len(person), share)

    def pool(self, person: Ints) -> Texts:
        """Return the stage that a return leads to: target with a good fit, else engaged."""
        return either(self.people.is_good_fit[person], "target", "engaged")

    def room(self, person: Ints) -> np.ndarray:
        """Return the points that planned behaviour may still earn before the MQL margin is touched."""
        used = self.people.fit[person] + self.limits.planned_points[person]
        return self.rules.mql_threshold - 8.0 - used

    # --- notes -----------------------------------------------------------------------------------------------

    def known(self, person: Ints, at: Ints) -> None:
        """Note the instant of identification (the earliest wins)."""
        self.limits.identified_at[person] = np.minimum(self.limits.identified_at[person], at)

    def engaged(self, person: Ints, at: Ints) -> None:
        """Note the first instant as engaged (the earliest wins)."""
        self.limits.engaged_at[person] = np.minimum(self.limits.engaged_at[person], at)

    def qualified(self, person: Ints, at: Ints) -> None:
        """Note the MQL: from here on points do not matter, unless somebody returns."""
        self.known(person, at)
        self.engaged(person, at)
        self.limits.free_from[person] = np.minimum(self.limits.free_from[person], at)

    def returned(self, person: Ints) -> None:
        """Note that this history has a return, a dormancy or a new cycle: no scattered touch may interfere."""
        self.limits.qualify_until[person] = 0

    def silent(self, person: Ints) -> None:
        """Note that nothing at all is scattered over these persons."""
        self.limits.is_quiet[person] = True

    def earn(self, person: Ints, interaction_type: str, journey_stage: str | None = None) -> None:
        """Note planned points before the MQL."""
        points = (
            self.rules.points(interaction_type)
            if journey_stage is None
            else self.rules.points_of(interaction_type, journey_stage)
        )
        self.limits.planned_points[person] += points

    # --- forms -----------------------------------------------------------------------------------------------

    def form(
        self, person: Ints, at: Ints, form_type: str | Texts, look: Look = CLEAN, *, is_paid: bool = False
    ) -> dict[str, Column]:
        """Write one submission per person and return its identity columns."""
        count = len(person)
        kinds = form_type if isinstance(form_type, np.ndarray) else np.full(count, form_type, dtype=object)
        identity = self.writer.identity(person, look)
        medium = pick_weighted(self.rng, {"cpc": 3.0, "paid_search": 1.0} if is_paid else FREE_TRAFFIC, count)
        source = np.array([TRAFFIC_SOURCES[key] for key in medium.tolist()], dtype=object)
        downloads = np.isin(kinds.astype(str), ("content_download",))
        content = self.catalog.content_id[self.rng.integers(0, len(self.catalog.content_id), count)]
        agrees = chance(self.rng, count, 0.6)
        method = pick_weighted(self.rng, {"unticked_box": 6.0, "pre_ticked": 2.0, "double_opt_in": 2.0}, count)
        self.facts.add(
            "forms.submissions",
            person,
            either(chance(self.rng, count, 0.8), "website", "landing_pages"),
            submitted_at=at,
            form_id="F-" + kinds,
            form_name=np.array([str(kind).replace("_", " ").capitalize() for kind in kinds.tolist()], dtype=object),
            form_type=kinds,
            page_url="https://www.leadrelay-sample.com/forms/" + kinds,
            referrer=pick(
                self.rng,
                (None, "https://www.google.com/", "https://www.baidu.com/", "https://www.linkedin.com/"),
                count,
            ),
            utm_source=source,
            utm_medium=either(medium == "", None, medium),
            utm_campaign=self.catalog.campaigns_of(self.rng, medium),
            content_id=either(downloads, content, None),
            product_id=either(chance(self.rng, count, 0.4), pick(self.rng, words.PRODUCTS, count), None),
            message=pick(
                self.rng, (None, None, "Please call me", "Looking for a quote", "请联系我", "想了解价格"), count
            ),
            requested_owner_id=either(chance(self.rng, count, 0.03), pick(self.rng, words.OWNERS, count), None),
            consent_marketing=agrees.astype(object),
            consent_channels=either(agrees, self._channels(kinds, identity), None),
            consent_method=method,
            consent_version="2025-01",
            external_id=either(kinds == "trial", "U" + self.people.person[person], None),
            **identity,
        )
        if look.with_device:
            self.is_device_linked[person] |= identity["_evidence_device"] != NO_EVIDENCE
        self.is_wechat_linked[person] |= identity["_evidence_wechat"] != NO_EVIDENCE
        self._opt_in(person[agrees], at[agrees], {name: values[agrees] for name, values in identity.items()})
        return identity

    def _channels(self, kinds: Texts, identity: dict[str, Column]) -> Texts:
        """Return the channels that the boxes of each form name: always mail and phone, few also what the form knows an address for."""
        channels = np.full(len(kinds), "email|phone", dtype=object)
        for channel, has_address, share in (
            ("sms", is_given(identity["phone"]), 0.3),
            ("wechat", is_given(identity["wechat_openid"]), 0.45),
            ("app_push", kinds == "trial", 0.7),
        ):
            channels += either(has_address & chance(self.rng, len(kinds), share), f"|{channel}", "")
        return channels

    def _opt_in(self, person: Ints, at: Ints, identity: dict[str, Column]) -> None:
        keep = (chance(self.rng, len(person), 0.3)) & is_given(identity["email"])
        self.consent(person[keep], at[keep], "opt_in", {name: values[keep] for name, values in identity.items()})

    def consent(
        self,
        person: Ints,
        at: Ints,
        action: str,
        identity: dict[str, Column],
        channel: str = "email",
        purpose: str = "marketing",
    ) -> None:
        """Write one consent event per person, about the address of ``channel`` in ``identity``."""
        method, evidence = CONSENT_WAYS[channel, action]
        self.facts.add(
            "consent.events",
            person,
            "consent_centre",
            occurred_at=at,
            channel=channel,
            purpose=purpose,
            action=action,
            method=method,
            evidence=evidence,
            country=identity["country"],
            **{column: identity[column] for column in CONSENT_COLUMNS[channel]},
        )

    # --- touches ---------------------------------------------------------------------------------------------

    def touch(self, person: Ints, at: Ints, kind: str | Texts, **columns: Column | str | float | None) -> None:
        """Write one interaction per person; the caller gives the identifier columns."""
        self.facts.add(
            "engagement.interactions", person, "tracker", occurred_at=at, type=kind, direction="inbound", **columns
        )

    def content_view(self, person: Ints, at: Ints, journey_stage: str) -> None:
        """Write a planned visit to content of ``journey_stage`` that lasts long enough to count."""
        index = np.flatnonzero(self.catalog.content_stage == journey_stage)
        row = index[self.rng.integers(0, len(index), len(person))]
        self.touch(
            person,
            at,
            "content_view",
            anonymous_id=self.people.device[person],
            content_id=self.catalog.content_id[row],
            page_url=self.catalog.content_url[row],
            platform="web",
            duration_seconds=self.rng.integers(60, 400, len(person)).astype(np.float64),
        )
        self.earn(person, "content_view", journey_stage)

    # --- events and webinars ---------------------------------------------------------------------------------

    def _any_or_last(self, starts: Ints, count: int, by: Ints | None) -> Ints:
        """Return a row of ``starts`` (rising) for each of ``count`` persons: any, or the last one by the instant ``by``."""
        if by is None:
            return self.rng.integers(0, len(starts), count)
        return np.maximum(np.searchsorted(starts, by, side="right") - 1, 0).astype(np.int64)

    def event(self, person: Ints, *, is_walk_in: Bools, by: Ints | None = None) -> Ints:
        """Let each person visit one event, registered by the instant ``by`` if given; return the instant of the first record."""
        count = len(person)
        row = self._any_or_last(self.catalog.event_at, count, by)
        starts = self.catalog.event_at[row]
        registered = np.maximum(
            starts - self.rng.integers(1, 21, count) * DAY + self.rng.integers(0, 8 * HOUR, count),
            self.clock.start + 60,
        )
        registered = np.minimum(registered, starts - HOUR if by is None else np.minimum(starts - HOUR, by))
        checked_in = np.minimum(starts + self.rng.integers(0, 6 * HOUR, count), self.clock.end)
        ids = self.facts.ids("ER-", count)
        link = self.writer.new_evidence(count)
        before, comes = ~is_walk_in, is_walk_in | (chance(self.rng, count, 0.7))
        look = Look(is_clean=True, with_device=False)
        registration = self.writer.identity(person, look)
        kiosk = either(chance(self.rng, count, 0.05), KIOSK_DEVICE, None)
        registration["anonymous_id"] = kiosk
        self.facts.add(
            "events.registrations",
            person[before],
            "event_platform",
            registration_id=ids[before],
            event_id=self.catalog.event_id[row][before],
            registered_at=registered[before],
            status=either(comes, "attended", "no_show")[before],
            _evidence_link=link[before],
            **{name: values[before] for name, values in registration.items()},
        )
        badge = self.writer.identity(person, look)
        blank = before & (chance(self.rng, count, 0.3))
        for name in ("email", "phone"):
            badge[name] = either(blank, None, badge[name])
            badge[f"_evidence_{name}"] = np.where(blank, -1, badge[f"_evidence_{name}"])
        self.facts.add(
            "events.attendance",
            person[comes],
            "event_platform",
            event_id=self.catalog.event_id[row][comes],
            registration_id=either(before, ids, None)[comes],
            checked_in_at=checked_in[comes],
            left_at=(checked_in + self.rng.integers(HOUR, 7 * HOUR, count))[comes],
            booth_visits=self.rng.integers(1, 9, count).astype(np.float64)[comes],
            _evidence_link=np.where(before, link, -1)[comes],
            **{name: values[comes] for name, values in badge.items()},
        )
        self.earn(person, "event_registration")
        self.earn(person, "event_attendance")
        return np.asarray(np.where(before, registered, checked_in), dtype=np.int64)

    def webinar(self, person: Ints, *, is_replay: Bools, by: Ints | None = None) -> Ints:
        """Let each person register for one webinar, by the instant ``by`` if given, most of them watch; return the instant of registration."""
        count = len(person)
        row = self._any_or_last(self.catalog.webinar_at, count, by)
        starts = self.catalog.webinar_at[row]
        registered = np.maximum(
            starts - self.rng.integers(1, 15, count) * DAY + self.rng.integers(0, 5 * HOUR, count),
            self.clock.start + 60,
        )
        registered = np.minimum(registered, starts - HOUR if by is None else np.minimum(starts - HOUR, by))
        ids = self.facts.ids("WR-", count)
        self.facts.add(
            "webinars.registrations",
            person,
            "webinar_platform",
            registration_id=ids,
            webinar_id=self.catalog.webinar_id[row],
            registered_at=registered,
            **self.writer.identity(person, Look(is_clean=True, with_device=False)),
        )
        comes = chance(self.rng, count, 0.65)
        joined = (
            starts + self.rng.integers(-300, 900, count) + np.where(is_replay, self.rng.integers(1, 6, count) * DAY, 0)
        )
        joined = np.clip(joined, self.clock.start, self.clock.end)
        minutes = np.round(np.clip(self.rng.normal(38, 16, count), 1, 62), 1)
        self.facts.add(
            "webinars.attendance",
            person[comes],
            "webinar_platform",
            webinar_id=self.catalog.webinar_id[row][comes],
            registration_id=ids[comes],
            joined_at=joined[comes],
            left_at=(joined + (minutes * 60).astype(np.int64))[comes],
            minutes_attended=minutes[comes],
            questions_asked=self.rng.poisson(0.3, count).astype(np.float64)[comes],
            polls_answered=self.rng.poisson(0.8, count).astype(np.float64)[comes],
            is_replay=is_replay.astype(object)[comes],
        )
        self.earn(person, "webinar_registration")
        self.earn(person, "webinar_attendance")
        return np.asarray(registered, dtype=np.int64)

    def missing(self, person: Ints) -> Ints:
        """Return missing instants, one per row."""
        return np.full(len(person), NAT, dtype=np.int64)

    def no_text(self, person: Ints) -> Texts:
        """Return nulls, one per row."""
        return nothing(len(person))

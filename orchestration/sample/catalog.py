"""What the sample company offers and spends: content, events, webinars, campaigns and their costs.

What belongs here: rows about no person. They are facts like others, and stories refer to them.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sample import vocabulary as words
from orchestration.sample.arrays import (
    DAY,
    HOUR,
    Ints,
    Texts,
    chance,
    either,
    nothing,
    pick,
    pick_weighted,
    stream,
    texts,
)
from orchestration.sample.clock import Clock
from orchestration.sample.facts import Facts

CAMPAIGN_CHANNELS = (
    "paid_search",
    "email",
    "social",
    "event",
    "webinar",
    "display",
    "wechat",
    "partner",
    "organic_search",
    "telemarketing",
)
CAMPAIGNS_OF_MEDIUM = {
    "cpc": "paid_search",
    "paid_search": "paid_search",
    "email": "email",
    "social": "social",
    "display": "display",
}
WEEKLY_COSTS = {"paid_search": 560.0, "social": 380.0, "display": 300.0, "event": 900.0, "webinar": 320.0}
"""Mean of one campaign and week."""
DAYS_PER_EVENT = 18
DAYS_PER_WEBINAR = 12
DAYS_PER_CAMPAIGN = 20


@dataclass(frozen=True)
class Catalog:
    """Ids and times that stories refer to.

    Parameters
    ----------
    content_id, content_type, content_stage
        Content, the most read first; the stage is what the warehouse will see for it.
    event_id, event_at, webinar_id, webinar_at
        With their start in seconds.
    campaign_id, campaign_channel
        Campaigns.
    """

    content_id: Texts
    content_type: Texts
    content_stage: Texts
    content_url: Texts
    event_id: Texts
    event_at: Ints
    webinar_id: Texts
    webinar_at: Ints
    campaign_id: Texts
    campaign_channel: Texts

    def campaign_for(self, rng: np.random.Generator, channel: str, count: int) -> Texts:
        """Return ``count`` campaigns of ``channel`` (any campaign if it has none)."""
        index = np.flatnonzero(self.campaign_channel == channel)
        index = index if len(index) else np.arange(len(self.campaign_id))
        return self.campaign_id[index[rng.integers(0, len(index), count)]]

    def campaigns_of(self, rng: np.random.Generator, medium: Texts) -> Texts:
        """Return a campaign of the channel that each medium belongs to, null for media that no campaign pays."""
        campaigns = nothing(len(medium))
        for word, channel in CAMPAIGNS_OF_MEDIUM.items():
            here = np.flatnonzero(medium == word)
            campaigns[here] = self.campaign_for(rng, channel, len(here))
        return campaigns


def build_catalog(seed: int, clock: Clock, facts: Facts, journey_stages: dict[str, str]) -> Catalog:
    """Add catalogue, campaign and cost rows to ``facts`` and return what stories need of them.

    Parameters
    ----------
    seed
        The sample's seed.
    clock
        The span.
    facts
        Where rows go.
    journey_stages
        Default journey stage by content type.
    """
    rng = stream(seed, "catalog")
    days = clock.last_day - clock.first_day + 1
    campaigns, channels = _campaigns(rng, clock, facts, max(len(CAMPAIGN_CHANNELS), days // DAYS_PER_CAMPAIGN))
    events, event_at = _events(rng, clock, facts, max(2, days // DAYS_PER_EVENT), campaigns[channels == "event"])
    webinars, webinar_at = _webinars(
        rng, clock, facts, max(2, days // DAYS_PER_WEBINAR), campaigns[channels == "webinar"]
    )
    _costs(rng, clock, facts, campaigns, channels)
    content, kinds, stages, urls = _content(rng, facts, journey_stages)
    return Catalog(content, kinds, stages, urls, events, event_at, webinars, webinar_at, campaigns, channels)


def _nobody(count: int) -> Ints:
    return np.full(count, -1, dtype=np.int64)


def _content(
    rng: np.random.Generator, facts: Facts, journey_stages: dict[str, str]
) -> tuple[Texts, Texts, Texts, Texts]:
    # each type at least once, then by weight
    kinds = texts(list(words.CONTENT_TYPES))
    kinds = np.concatenate([kinds, pick_weighted(rng, words.CONTENT_TYPES, 50)])
    kinds = kinds[rng.permutation(len(kinds))]
    count = len(kinds)
    topics = pick(rng, words.TOPICS, count)
    ids = facts.ids("C-", count, 4)
    default = texts([journey_stages.get(kind, "awareness") for kind in kinds.tolist()])
    said = either(chance(rng, count, 0.3), default, None)
    urls = texts([f"https://www.leadrelay-sample.com/{kind}/{number}" for number, kind in enumerate(kinds.tolist())])
    facts.add(
        "engagement.content",
        _nobody(count),
        "cms",
        content_id=ids,
        title=texts(
            [f"{topic}: {kind.replace('_', ' ')}" for topic, kind in zip(topics.tolist(), kinds.tolist(), strict=True)]
        ),
        content_type=kinds,
        topic=topics,
        purpose=pick(rng, ("point_of_view", "product", "competitive"), count),
        case_type=either(kinds == "case_study", pick_weighted(rng, {"customer": 3.0, "partner": 1.0}, count), None),
        product_id=either(chance(rng, count, 0.5), pick(rng, words.PRODUCTS, count), None),
        persona=pick(rng, ("it", "operations", "management", "marketing"), count),
        journey_stage=said,
        url=urls,
    )
    return ids, kinds, default, urls


def _events(rng: np.random.Generator, clock: Clock, facts: Facts, count: int, campaigns: Texts) -> tuple[Texts, Ints]:
    start_day = np.sort(clock.draw_days(rng, np.full(count, clock.first_day + 2), np.full(count, clock.last_day - 1)))
    starts = start_day * DAY + 1 * HOUR
    kinds = pick(rng, words.EVENT_TYPES, count)
    ids = facts.ids("EV-", count, 4)
    cities = pick(rng, ("上海", "深圳", "北京", "London", "Chicago", "Berlin", "Singapore"), count)
    facts.add(
        "events.catalog",
        _nobody(count),
        "event_platform",
        event_id=ids,
        name=texts(
            [f"{city} {kind.replace('_', ' ')}" for city, kind in zip(cities.tolist(), kinds.tolist(), strict=True)]
        ),
        event_type=kinds,
        starts_at=starts,
        ends_at=starts + rng.integers(1, 4, count) * 8 * HOUR,
        city=cities,
        campaign_id=campaigns[rng.integers(0, len(campaigns), count)],
    )
    return ids, starts


def _webinars(rng: np.random.Generator, clock: Clock, facts: Facts, count: int, campaigns: Texts) -> tuple[Texts, Ints]:
    start_day = np.sort(clock.draw_days(rng, np.full(count, clock.first_day + 2), np.full(count, clock.last_day - 1)))
    starts = start_day * DAY + pick_hours(rng, count) * HOUR
    topics = pick(rng, words.TOPICS, count)
    ids = facts.ids("W-", count, 4)
    facts.add(
        "webinars.catalog",
        _nobody(count),
        "webinar_platform",
        webinar_id=ids,
        name=texts([f"Webinar: {topic}" for topic in topics.tolist()]),
        starts_at=starts,
        ends_at=starts + HOUR,
        topic=topics,
        campaign_id=campaigns[rng.integers(0, len(campaigns), count)],
    )
    return ids, starts


def pick_hours(rng: np.random.Generator, count: int) -> Ints:
    """Return UTC start hours that suit either Asia (6:00) or Europe and America (14:00)."""
    return np.where(chance(rng, count, 0.5), 6, 14).astype(np.int64)


def _campaigns(rng: np.random.Generator, clock: Clock, facts: Facts, count: int) -> tuple[Texts, Texts]:
    channels = texts([CAMPAIGN_CHANNELS[number % len(CAMPAIGN_CHANNELS)] for number in range(count)])
    ids = facts.ids("CMP-", count, 4)
    starts = clock.draw_days(rng, np.full(count, clock.first_day), np.full(count, clock.last_day))
    parents = nothing(count)
    is_child = (np.arange(count) >= len(CAMPAIGN_CHANNELS)) & (chance(rng, count, 0.4))
    parents[is_child] = ids[np.flatnonzero(is_child) % len(CAMPAIGN_CHANNELS)]
    facts.add(
        "crm.campaigns",
        _nobody(count),
        "crm",
        campaign_id=ids,
        name=texts(
            [f"{channel.replace('_', ' ')} {number}" for number, channel in enumerate(channels.tolist(), start=1)]
        ),
        channel=channels,
        parent_campaign_id=parents,
        starts_on=starts * DAY,
        ends_on=(starts + rng.integers(14, 90, count)) * DAY,
        budget_amount=np.round(rng.uniform(2_000, 60_000, count), -2),
        currency=either(channels == "wechat", "CNY", "USD"),
    )
    return ids, channels


def _costs(rng: np.random.Generator, clock: Clock, facts: Facts, campaigns: Texts, channels: Texts) -> None:
    """One media row per paid campaign and week, one content and one people row per month."""
    weeks = np.arange(clock.first_day, clock.last_day + 1, 7)
    paid = np.flatnonzero(np.isin(channels.astype(str), list(WEEKLY_COSTS)))
    day = np.repeat(weeks, len(paid))
    row = np.tile(paid, len(weeks))
    count = len(row)
    impressions = rng.integers(800, 60_000, count)
    typical = np.array([WEEKLY_COSTS[channel] for channel in channels[row].tolist()])
    is_media = np.isin(channels[row].astype(str), ("paid_search", "social", "display"))
    facts.add(
        "finance.costs",
        _nobody(count),
        "ledger",
        day=day * DAY,
        channel=channels[row],
        campaign_id=campaigns[row],
        cost_type=either(is_media, "media", "event"),
        purpose=pick_weighted(rng, {"acquisition": 8.0, "nurture": 2.0}, count),
        cost_amount=np.round(rng.gamma(2.0, 0.5, count) * typical, 2),
        currency=either(chance(rng, count, 0.3), "CNY", "USD"),
        impressions=np.where(is_media, impressions, np.nan).astype(np.float64),
        clicks=np.where(is_media, impressions // 60, np.nan).astype(np.float64),
    )
    months = np.arange(clock.first_day, clock.last_day + 1, 30)
    for cost_type, purpose, mean in (
        ("content", "nurture", 4_000.0),
        ("people", "acquisition", 22_000.0),
        ("tool", "retention", 1_500.0),
    ):
        facts.add(
            "finance.costs",
            _nobody(len(months)),
            "ledger",
            day=months * DAY,
            channel="website",
            cost_type=cost_type,
            purpose=purpose,
            cost_amount=np.round(rng.normal(mean, mean / 20, len(months)), 2),
            currency="USD",
        )

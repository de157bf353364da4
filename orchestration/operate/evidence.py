"""The shortest chain of evidence between two records of one person.

Records are joined by what they share: an identifier is a place where all of its records meet, so two records with one address are one
step apart, whichever of them the warehouse's star of links has in its middle. Links that are no shared identifier (a merge of the CRM,
a steward's decision, a probable link) join exactly their two records. The walk is Dijkstra's (1959) over (steps, sum of trust ranks),
so that of two equally short chains the more trusted one is told, and of two equally trusted ones always the same.
What does not belong here: reading the links (`dossier`) and showing them (`explain`).
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """One admitted link between two records, as `mart_identity_edge` holds it.

    Parameters
    ----------
    record_id_a, record_id_b
        Its ends.
    rule
        What links them, such as ``email`` or ``crm_merge``.
    identifier_type
        Type of the identifier that both show; ``None`` when the link is no shared identifier.
    value
        The shared value; whole, or coded when only the open file was read.
    strength
        What the identifier may do: unique, strong, weak or device.
    trust_rank
        1 is trusted most.
    match_weight
        Evidence of a probable link in bits.
    """

    record_id_a: str
    record_id_b: str
    rule: str
    identifier_type: str | None
    value: str | None
    strength: str | None
    trust_rank: int
    match_weight: float | None = None


@dataclass(frozen=True)
class Step:
    """One link of a chain, from one record to the next."""

    from_record_id: str
    to_record_id: str
    rule: str
    value: str | None
    strength: str | None
    match_weight: float | None


@dataclass(frozen=True)
class _Arrival:
    """How a record was reached: from which record, over which kind of link."""

    from_record_id: str
    link: Link


def shortest_chains(links: Iterable[Link], start: str) -> dict[str, list[Step]]:
    """Return the shortest chain from one record to every record that it can reach.

    Parameters
    ----------
    links
        The admitted links of one person.
    start
        Record that every chain starts from.

    Returns
    -------
    dict
        Steps from ``start`` by the record at the end; ``start`` itself has none. A record that no link reaches is left out.
    """
    meetings = _meetings(links)
    places: dict[str, list[int]] = defaultdict(list)
    for number, (members, _) in enumerate(meetings):
        for record_id in members:
            places[record_id].append(number)
    reached: dict[str, tuple[int, int]] = {start: (0, 0)}
    arrivals: dict[str, _Arrival] = {}
    seen_places: set[int] = set()
    waiting = [(0, 0, start)]
    while waiting:
        steps, trust, record_id = heapq.heappop(waiting)
        if reached[record_id] < (steps, trust):
            continue
        for number in places[record_id]:
            members, link = meetings[number]
            # Whoever comes to a meeting first is nearest to the start; nobody behind can offer its members a shorter way.
            if number in seen_places:
                continue
            seen_places.add(number)
            offer = (steps + 1, trust + link.trust_rank)
            for other in members:
                if other != record_id and offer < reached.get(other, (steps + 2, 0)):
                    reached[other] = offer
                    arrivals[other] = _Arrival(record_id, link)
                    heapq.heappush(waiting, (*offer, other))
    return {record_id: _steps(arrivals, start, record_id) for record_id in sorted(reached)}


def _steps(arrivals: Mapping[str, _Arrival], start: str, end: str) -> list[Step]:
    steps: list[Step] = []
    record_id = end
    while record_id != start:
        arrival = arrivals[record_id]
        link = arrival.link
        steps.append(
            Step(arrival.from_record_id, record_id, link.rule, link.value, link.strength, link.match_weight),
        )
        record_id = arrival.from_record_id
    return steps[::-1]


def _meetings(links: Iterable[Link]) -> list[tuple[list[str], Link]]:
    """Gather the records that one identifier brings together; any other link is a meeting of two.

    Records of one value that no link joins (a phone that two people share) stay two meetings.
    """
    shared: dict[tuple[str, str | None], list[Link]] = defaultdict(list)
    meetings: list[tuple[list[str], Link]] = []
    for link in sorted(links, key=lambda link: (link.trust_rank, link.rule, link.record_id_a, link.record_id_b)):
        if link.identifier_type is None:
            meetings.append((sorted((link.record_id_a, link.record_id_b)), link))
        else:
            shared[link.identifier_type, link.value].append(link)
    for group in shared.values():
        heads: dict[str, str] = {}
        for link in group:
            head_a, head_b = _head(heads, link.record_id_a), _head(heads, link.record_id_b)
            heads[max(head_a, head_b)] = min(head_a, head_b)
        members: dict[str, list[str]] = defaultdict(list)
        for record_id in sorted(
            heads.keys() | {link.record_id_a for link in group} | {link.record_id_b for link in group}
        ):
            members[_head(heads, record_id)].append(record_id)
        first_links: dict[str, Link] = {}
        for link in group:
            first_links.setdefault(_head(heads, link.record_id_a), link)
        meetings += [(members[head], first_links[head]) for head in sorted(first_links)]
    return meetings


def _head(heads: dict[str, str], record_id: str) -> str:
    """Return the smallest record known to meet this one, shortening the way for the next who asks."""
    while heads.setdefault(record_id, record_id) != record_id:
        heads[record_id] = heads[heads[record_id]]
        record_id = heads[record_id]
    return record_id

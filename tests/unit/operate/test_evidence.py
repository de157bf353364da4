"""Shortest chains of evidence, held against a plain breadth-first walk over records and the places where they meet."""

import random
from collections import deque

import pytest

from orchestration.operate.evidence import Link, shortest_chains


def link(a, b, rule="email", value="x", rank=5, *, identifier=True):
    return Link(a, b, rule, rule if identifier else None, value, "strong" if identifier else None, rank)


def told(links, start, end):
    return [(step.from_record_id, step.rule, step.to_record_id) for step in shortest_chains(links, start)[end]]


def test_two_records_of_one_address_are_one_step_apart_although_the_star_has_another_middle():
    links = [link("head", "a"), link("head", "b")]
    assert told(links, "a", "b") == [("a", "email", "b")]


def test_a_chain_leads_over_what_each_two_records_share():
    links = [link("r1", "r2", value="mail"), link("r2", "r3", rule="phone", value="number", rank=7)]
    assert told(links, "r1", "r3") == [("r1", "email", "r2"), ("r2", "phone", "r3")]


def test_a_stewards_word_joins_its_two_records_and_no_others():
    links = [
        link("r1", "r2", rule="steward", value="ada", rank=0, identifier=False),
        link("r2", "r3", rule="steward", value="ada", rank=0, identifier=False),
    ]
    assert told(links, "r1", "r3") == [("r1", "steward", "r2"), ("r2", "steward", "r3")]


def test_one_phone_of_two_people_is_two_meetings():
    links = [link("a1", "a2", rule="phone"), link("b1", "b2", rule="phone"), link("a2", "b1", value="mail")]
    assert told(links, "a1", "b2") == [("a1", "phone", "a2"), ("a2", "email", "b1"), ("b1", "phone", "b2")]


def test_of_two_chains_of_one_length_the_more_trusted_is_told():
    links = [
        link("a", "b", rule="phone", value="1", rank=7),
        link("b", "d", rule="phone", value="2", rank=7),
        link("a", "c", rule="crm_contact", value="3", rank=1),
        link("c", "d", rule="email", value="4", rank=5),
    ]
    assert told(links, "a", "d") == [("a", "crm_contact", "c"), ("c", "email", "d")]


def test_a_record_without_a_link_is_not_reached():
    assert set(shortest_chains([link("a", "b")], "z")) == {"z"}


def plain_distances(links, start):
    """Breadth first over every pair of records that one identifier's links connect, or that a link of its own joins."""
    neighbours = {}
    for place in {(each.identifier_type, each.value) for each in links if each.identifier_type}:
        own = [each for each in links if (each.identifier_type, each.value) == place]
        for record in {each.record_id_a for each in own} | {each.record_id_b for each in own}:
            together, grows = {record}, True
            while grows:
                more = {
                    end
                    for each in own
                    for end in (each.record_id_a, each.record_id_b)
                    if {each.record_id_a, each.record_id_b} & together
                } - together
                together |= more
                grows = bool(more)
            neighbours.setdefault(record, set()).update(together)
    for each in links:
        if not each.identifier_type:
            neighbours.setdefault(each.record_id_a, set()).add(each.record_id_b)
            neighbours.setdefault(each.record_id_b, set()).add(each.record_id_a)
    distances, waiting = {start: 0}, deque([start])
    while waiting:
        record = waiting.popleft()
        for other in neighbours.get(record, ()):
            if other not in distances:
                distances[other] = distances[record] + 1
                waiting.append(other)
    return distances


@pytest.mark.parametrize("seed", range(60))
def test_chains_are_as_short_as_a_plain_walk_finds_them(seed):
    rng = random.Random(seed)
    records = [f"r{number}" for number in range(rng.randint(2, 14))]
    links = [
        link(
            *rng.sample(records, 2),
            rule=(rule := rng.choice(["email", "phone", "steward"])),
            value=str(rng.randint(1, 4)),
            rank=rng.randint(1, 8),
            identifier=rule != "steward",
        )
        for _ in range(rng.randint(1, 16))
    ]
    chains = shortest_chains(links, "r0")
    assert {record: len(steps) for record, steps in chains.items()} == plain_distances(links, "r0")
    for record, steps in chains.items():
        ends = ["r0", *(step.to_record_id for step in steps)]
        assert [step.from_record_id for step in steps] == ends[:-1]
        assert ends[-1] == record
    shuffled = rng.sample(links, len(links))
    assert shortest_chains(shuffled, "r0") == chains

"""Pictures of what is built from what."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.site.lineage import Graph, _layers, _ordered, domain_picture, mart_picture, whole_picture


def manifest():
    """Two sources, a seed, staging, an intermediate and three marts in a row."""

    def model(name, folders, parents):
        return {"resource_type": "model", "name": name, "fqn": ["p", *folders, name], "depends_on": {"nodes": parents}}

    return {
        "sources": {
            f"source.p.crm.{name}": {"resource_type": "source", "source_name": "crm", "name": name}
            for name in ("leads", "deals")
        },
        "nodes": {
            "seed.p.stages": {"resource_type": "seed", "name": "stages", "fqn": ["p", "lifecycle", "stages"]},
            "model.p.stg": model("stg", ["staging", "crm"], ["source.p.crm.leads", "source.p.crm.deals"]),
            "model.p.int": model("int", ["intermediate", "funnel"], ["model.p.stg", "seed.p.stages"]),
            "model.p.fct": model("fct", ["marts", "lifecycle"], ["model.p.int"]),
            "model.p.mart": model("mart", ["marts", "funnel"], ["model.p.fct", "model.p.int"]),
            "model.p.last": model("last", ["marts", "funnel"], ["model.p.mart"]),
            "test.p.unseen": {"resource_type": "test", "name": "unseen", "depends_on": {"nodes": ["model.p.mart"]}},
        },
    }


def labels(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_mart_stands_between_what_it_reads_and_what_reads_it():
    svg = mart_picture(Graph(manifest()), "mart", "{}.html".format, ["m1", "m2"])
    assert sorted(labels(svg)) == ["2 metrics", "crm (2 tables)", "fct", "last", "mart", "rules (1 seed)"]
    assert 'href="fct.html"' in svg
    assert 'href="mart.html"' not in svg
    assert "<title>crm.deals, crm.leads</title>" in svg
    assert svg.count("<path") == 5


def test_domains_and_the_whole_name_everything_but_seeds():
    graph = Graph(manifest())
    assert sorted(labels(domain_picture(graph, lambda _: None))) == ["crm", "funnel", "funnel", "lifecycle"]
    assert sorted(labels(whole_picture(graph, lambda _: None))) == [
        "crm.deals",
        "crm.leads",
        "fct",
        "int",
        "last",
        "mart",
        "stg",
    ]


@given(st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda edge: edge[0] < edge[1])))
@example({(0, 1), (0, 2), (0, 3), (1, 4)})
def test_each_box_stands_to_the_right_of_what_it_is_built_from(numbers):
    keys = [f"n{number:02}" for number in range(15)]
    edges = sorted((f"n{start:02}", f"n{end:02}") for start, end in numbers)
    layers = _layers(keys, edges)
    assert all(layers[start] < layers[end] for start, end in edges)
    rows = _ordered(layers, edges, dict(zip(keys, keys, strict=True)))
    assert sorted(key for row in rows for key in row) == keys
    assert rows == _ordered(layers, list(reversed(edges)), dict(zip(keys, keys, strict=True)))

"""Pictures of what is built from what: one for each mart, one of the house by domain, one of every model.

The graph is dbt's manifest. Boxes stand in layers, each to the right of all it is built from (longest path), and inside a layer they are
ordered by the mean place of their neighbours, a few times to and fro (the barycentre method of Sugiyama, Tagawa and Toda 1981), which
leaves few crossings. The same manifest gives the same picture to the byte.
What does not belong here: pages.
"""

import html
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_SWEEPS = 12
_MARTS = "marts"
_SEEDS = "rules"
# The warehouse's own books: every model that has a clock reads them, which says nothing about it.
_BOOKS = "ops"


@dataclass(frozen=True)
class Node:
    """A source table, seed or model of dbt.

    Parameters
    ----------
    key
        dbt's unique id.
    name
        ``crm.leads`` or the model's name.
    kind
        source, seed, staging, intermediate or mart.
    domain
        The source system, or the folder below the kind's.
    """

    key: str
    name: str
    kind: str
    domain: str


@dataclass(frozen=True)
class Box:
    """One box of a picture."""

    key: str
    label: str
    kind: str
    href: str | None = None
    note: str = ""
    strong: bool = False


class Graph:
    """Dbt's manifest as nodes and their parents.

    Parameters
    ----------
    manifest
        Content of ``manifest.json``.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        entries = {**manifest["sources"], **manifest["nodes"]}
        self.nodes = {key: _node(key, entry) for key, entry in sorted(entries.items()) if _is_drawn(key)}
        self.parents: dict[str, tuple[str, ...]] = {
            key: tuple(sorted({parent for parent in _parents(entries[key]) if parent in self.nodes}))
            for key in self.nodes
        }

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """What each node goes into, directly."""
        found: dict[str, list[str]] = {key: [] for key in self.nodes}
        for key, parents in self.parents.items():
            for parent in parents:
                found[parent].append(key)
        return {key: tuple(sorted(children)) for key, children in found.items()}

    def marts(self) -> dict[str, Node]:
        """Return the marts by name."""
        return {node.name: node for node in self.nodes.values() if node.kind == "mart"}

    def nearest(self, key: str, neighbours: Mapping[str, Sequence[str]], kinds: Collection[str]) -> list[Node]:
        """Return the nodes of some kinds that a walk from a node meets first.

        Parameters
        ----------
        key
            Where the walk begins.
        neighbours
            `parents` or `children`.
        kinds
            Where it ends.
        """
        met: dict[str, Node] = {}
        seen = {key}
        todo = list(neighbours[key])
        while todo:
            here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            if self.nodes[here].kind in kinds:
                met[here] = self.nodes[here]
            else:
                todo.extend(neighbours[here])
        return [met[found] for found in sorted(met)]


def mart_picture(graph: Graph, name: str, href: Callable[[str], str | None], metrics: Sequence[str] = ()) -> str:
    """Draw a mart between what it is built from and what is built from it.

    Parameters
    ----------
    graph
        The manifest.
    name
        The mart.
    href
        The page of a mart, from the page that shows the picture.
    metrics
        Metrics that read it.

    Returns
    -------
    str
        SVG. Source tables stand for their system, seeds for all rules; both name themselves when pointed at.
    """
    own = graph.marts()[name]
    above = graph.nearest(own.key, graph.parents, {"source", "seed", "mart"})
    below = graph.nearest(own.key, graph.children, {"mart"})
    boxes = [Box(own.key, name, "mart", strong=True)]
    edges: list[tuple[str, str]] = []
    by_system: dict[str, list[str]] = {}
    for node in above:
        if node.kind == "source":
            by_system.setdefault(node.domain, []).append(node.name)
    for system, tables in sorted(by_system.items()):
        count = len(tables)
        boxes.append(
            Box(
                f"source {system}",
                f"{system} ({count} table{'s' * (count > 1)})",
                "source",
                note=", ".join(sorted(tables)),
            )
        )
        edges.append((f"source {system}", own.key))
    rules = [node.name for node in above if node.kind == "seed"]
    if rules:
        boxes.append(Box(_SEEDS, f"rules ({len(rules)} seed{'s' * (len(rules) > 1)})", "seed", note=", ".join(rules)))
        edges.append((_SEEDS, own.key))
    for node in above:
        if node.kind == "mart":
            boxes.append(Box(node.key, node.name, "mart", href(node.name)))
            edges.append((node.key, own.key))
    for node in below:
        boxes.append(Box(node.key, node.name, "mart", href(node.name)))
        edges.append((own.key, node.key))
    if metrics:
        label = f"{len(metrics)} metric{'s' * (len(metrics) > 1)}"
        boxes.append(Box("metrics", label, "metric", note=", ".join(metrics)))
        edges.append((own.key, "metrics"))
    return _draw(boxes, edges, f"What {name} is built from, and what is built from it", width=230)


def domain_picture(graph: Graph, href: Callable[[str], str | None]) -> str:
    """Draw the house by domain: source systems, the domains between, the domains of marts.

    Parameters
    ----------
    graph
        The manifest.
    href
        Where a domain of marts is described.

    Returns
    -------
    str
        SVG. Domains read each other both ways, so each kind has its own column and the lines inside a column are left out.
    """
    column = {"source": 0, "staging": 0, "intermediate": 1, "mart": 2}
    sizes: dict[tuple[str, str], int] = {}
    edges: dict[tuple[str, str], None] = {}

    def box_of(node: Node) -> tuple[str, str]:
        return ("source" if node.kind == "staging" else node.kind, node.domain)

    for node in graph.nodes.values():
        if node.kind == "seed" or node.domain == _BOOKS:
            continue
        if node.kind != "staging":
            sizes[box_of(node)] = sizes.get(box_of(node), 0) + 1
        for parent in graph.parents[node.key]:
            other = graph.nodes[parent]
            if other.kind != "seed" and other.domain != _BOOKS and column[other.kind] < column[node.kind]:
                edges[" ".join(box_of(other)), " ".join(box_of(node))] = None
    what = {"source": "table", "intermediate": "model", "mart": "mart"}
    boxes = [
        Box(
            f"{kind} {domain}",
            domain,
            kind,
            href(domain) if kind == "mart" else None,
            note=f"{size} {what[kind]}{'s' * (size > 1)}",
        )
        for (kind, domain), size in sorted(sizes.items())
    ]
    known = {box.key for box in boxes}
    drawn = [edge for edge in edges if edge[0] in known and edge[1] in known]
    layers = {box.key: column[box.kind] for box in boxes}
    return _draw(boxes, drawn, "Domains, from source systems to marts", width=150, layers=layers, gap=190)


def whole_picture(graph: Graph, href: Callable[[str], str | None]) -> str:
    """Draw every source table and model; the page lets people pick out one with all before and after it.

    Parameters
    ----------
    graph
        The manifest.
    href
        The page of a mart.
    """
    boxes = [
        Box(node.key, node.name, node.kind, href(node.name) if node.kind == "mart" else None)
        for node in graph.nodes.values()
        if node.kind != "seed"
    ]
    known = {box.key for box in boxes}
    edges = [(parent, key) for key in sorted(known) for parent in graph.parents[key] if parent in known]
    return _draw(boxes, edges, "Every table and model", width=250, gap=70)


def _node(key: str, entry: Mapping[str, Any]) -> Node:
    kind = entry["resource_type"]
    if kind == "source":
        return Node(key, f"{entry['source_name']}.{entry['name']}", "source", entry["source_name"])
    folders = entry["fqn"][1:-1]
    if kind == "seed":
        return Node(key, entry["name"], "seed", folders[0] if folders else _SEEDS)
    layer = folders[0] if folders else "intermediate"
    return Node(key, entry["name"], "mart" if layer == _MARTS else layer, folders[1] if len(folders) > 1 else layer)


def _is_drawn(key: str) -> bool:
    return key.split(".", 1)[0] in {"source", "seed", "model"}


def _parents(entry: Mapping[str, Any]) -> Iterable[str]:
    return (entry.get("depends_on") or {}).get("nodes") or ()


def _layers(keys: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the length of the longest path to each box."""
    parents: dict[str, list[str]] = {key: [] for key in keys}
    for start, end in edges:
        parents[end].append(start)
    found: dict[str, int] = {}

    def depth(key: str) -> int:
        if key not in found:
            found[key] = 1 + max((depth(parent) for parent in parents[key]), default=-1)
        return found[key]

    for key in keys:
        depth(key)
    return found


def _ordered(layers: Mapping[str, int], edges: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> list[list[str]]:
    """Return the boxes of each layer from top to bottom."""
    rows: list[list[str]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
    for key in sorted(layers, key=lambda key: (labels[key], key)):
        rows[layers[key]].append(key)
    above: dict[Hashable, list[str]] = {key: [] for key in layers}
    below: dict[Hashable, list[str]] = {key: [] for key in layers}
    # Sorted, because a mean of fractions depends on the order in which they are added.
    for start, end in sorted(edges):
        above[end].append(start)
        below[start].append(end)
    place = {key: index / max(len(row), 1) for row in rows for index, key in enumerate(row)}
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):

            def wanted(key: str, neighbours: Mapping[Hashable, list[str]] = neighbours) -> tuple[float, str]:
                near = neighbours[key]
                return (sum(place[other] for other in near) / len(near) if near else place[key], key)

            row.sort(key=wanted)
            place.update({key: (index + 0.5) / len(row) for index, key in enumerate(row)})
    return rows


def _draw(
    boxes: Sequence[Box],
    edges: Sequence[tuple[str, str]],
    title: str,
    *,
    width: int,
    layers: Mapping[str, int] | None = None,
    gap: int = 60,
) -> str:
    """Return the picture: boxes of one size in columns, lines between them."""
    height, space, margin = 26, 8, 6
    by_key = {box.key: box for box in boxes}
    placed = dict(layers or _layers([box.key for box in boxes], edges))
    rows = _ordered(placed, edges, {box.key: box.label for box in boxes})
    tallest = max(len(row) for row in rows)
    total_height = tallest * (height + space) - space + 2 * margin
    total_width = len(rows) * (width + gap) - gap + 2 * margin
    at: dict[str, tuple[float, float]] = {}
    for column, row in enumerate(rows):
        top = margin + (tallest - len(row)) * (height + space) / 2
        for index, key in enumerate(row):
            at[key] = (margin + column * (width + gap), top + index * (height + space))
    numbers = {box.key: index for index, box in enumerate(boxes)}
    opening = (
        f'<svg class="lineage" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total_width} {total_height:g}" width="{total_width}" '
        f'height="{total_height:g}" role="img"><title>{html.escape(title)}</title>'
    )
    lines = [opening]
    for start, end in sorted(edges, key=lambda edge: (at[edge[0]], at[edge[1]])):
        x1, y1 = at[start][0] + width, at[start][1] + height / 2
        x2, y2 = at[end][0], at[end][1] + height / 2
        bend = max((x2 - x1) / 2, 24)
        lines.append(
            f'<path data-from="{numbers[start]}" data-to="{numbers[end]}" '
            f'd="M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"/>'
        )
    for key, (x, y) in sorted(at.items(), key=lambda item: item[1]):
        lines.append(_box(by_key[key], numbers[key], x, y, width, height))
    return "\n".join([*lines, "</svg>"])


def _box(box: Box, number: int, x: float, y: float, width: int, height: int) -> str:
    label = html.escape(box.label)
    note = f"<title>{html.escape(box.note or box.label)}</title>"
    strong = " strong" if box.strong else ""
    drawn = (
        f'<g class="{box.kind}{strong}" data-node="{number}">{note}<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" rx="5"/>'
        f'<text x="{x + width / 2:g}" y="{y + height / 2 + 4:g}">{label}</text></g>'
    )
    return f'<a href="{html.escape(box.href)}">{drawn}</a>' if box.href else drawn

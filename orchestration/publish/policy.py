"""Which tables and columns are published, and how personal data in them is treated.

The policy is `meta.pii` in each mart's yml, read here from dbt's manifest; there is no second list of columns.
What does not belong here: the SQL that applies it (`privacy`). Who may call it: this room.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestration.errors import PublishError

MARTS_FOLDER = "marts"


class PiiPolicy(StrEnum):
    """What happens to a column on its way to the published file."""

    KEEP = "keep"
    MASK = "mask"
    HMAC = "hmac"
    DROP = "drop"


@dataclass(frozen=True)
class PublishedColumn:
    """One column of a mart and its policy."""

    name: str
    policy: PiiPolicy
    description: str


@dataclass(frozen=True)
class PublishedTable:
    """One mart as it stands in the warehouse.

    Parameters
    ----------
    name
        Table name, in the warehouse and in the published files.
    schema
        Schema of the warehouse that holds it.
    description
        The yml's description; its first sentence states the grain.
    columns
        In the yml's order, which the enforced contract makes the table's order.
    key
        Columns that tell its rows apart: the shortest grain that dbt tests; empty when none is.
    cluster_by
        Columns by which its rows are laid out in the published files, so that a reader who filters by them skips the rest; empty for
        the order of the warehouse.
    """

    name: str
    schema: str
    description: str
    columns: tuple[PublishedColumn, ...]
    key: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()

    @property
    def holds_personal_data(self) -> bool:
        """Whether any column may not be published as it is, so that the whole table belongs in the people file."""
        return any(column.policy is not PiiPolicy.KEEP for column in self.columns)


def published_tables(manifest: Mapping[str, Any]) -> tuple[PublishedTable, ...]:
    """Read every published table from dbt's manifest.

    Parameters
    ----------
    manifest
        Content of dbt's ``manifest.json``.

    Returns
    -------
    tuple of PublishedTable
        All models below ``models/marts``, by name.

    Raises
    ------
    PublishError
        If there is no mart, or a column lacks a usable ``meta.pii``, or ``meta.cluster_by`` names a column that the yml does not declare;
        every such column is named.
    """
    nodes = sorted(_mart_nodes(manifest), key=lambda node: str(node["name"]))
    if not nodes:
        message = "there is no model below models/marts, so there is nothing to publish"
        raise PublishError(message)
    problems = [problem for node in nodes for problem in _policy_problems(node)]
    unknown = [problem for node in nodes for problem in _layout_problems(node)]
    if unknown:
        raise PublishError("nothing was published:\n  " + "\n  ".join(unknown))
    if problems:
        message = (
            "some columns do not say how personal data in them is treated; nothing was published:\n  "
            + "\n  ".join(problems)
            + "\nAdd `config: {meta: {pii: keep|mask|hmac|drop}}` to each in the model's yml."
        )
        raise PublishError(message)
    keys = _keys(manifest)
    return tuple(_published_table(node, keys.get(node["unique_id"], ())) for node in nodes)


def _mart_nodes(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for node in manifest["nodes"].values():
        # fqn: package, folders below models/, name
        if node["resource_type"] == "model" and node["fqn"][1] == MARTS_FOLDER:
            yield node


def _keys(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the shortest tested grain of each model, by the model's unique id."""
    grains: dict[str, list[tuple[str, ...]]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "grain":
            grains.setdefault(node["attached_node"], []).append(tuple(test["kwargs"]["columns"]))
        elif test.get("name") == "unique":
            grains.setdefault(node["attached_node"], []).append((node["column_name"],))
    return {model: min(found, key=lambda columns: (len(columns), columns)) for model, found in grains.items()}


def _policy_word(column: Mapping[str, Any]) -> str | None:
    meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    word = meta.get("pii")
    return None if word is None else str(word)


def _policy_problems(node: Mapping[str, Any]) -> Iterator[str]:
    if not node["columns"]:
        yield f"{node['name']}: the yml declares no columns"
    for name, column in node["columns"].items():
        word = _policy_word(column)
        if word is None:
            yield f"{node['name']}.{name}: meta.pii is missing"
        elif word not in set(PiiPolicy):
            yield f"{node['name']}.{name}: meta.pii is {word!r}"


def _cluster_by(node: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(node.get("config", {}).get("meta", {}).get("cluster_by", ()))


def _layout_problems(node: Mapping[str, Any]) -> Iterator[str]:
    for name in _cluster_by(node):
        if name not in node["columns"]:
            yield f"{node['name']}: meta.cluster_by names {name!r}, which is not one of its columns"


def _published_table(node: Mapping[str, Any], key: tuple[str, ...]) -> PublishedTable:
    return PublishedTable(
        name=node["alias"],
        schema=node["schema"],
        description=" ".join(node.get("description", "").split()),
        columns=tuple(
            PublishedColumn(
                name=name,
                policy=PiiPolicy(str(_policy_word(column))),
                description=" ".join(column.get("description", "").split()),
            )
            for name, column in node["columns"].items()
        ),
        key=key,
        cluster_by=_cluster_by(node),
    )

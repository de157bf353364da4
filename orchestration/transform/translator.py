"""How a dbt node looks in Dagster: one short method per question.

What does not belong here: what a node computes. Who may call it: `assets` and the definitions test.
"""

from collections.abc import Mapping
from typing import Any

from dagster import AssetKey
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

# Folder below models/intermediate -> the group it is shown in; a folder that is not named is a group of its own.
_GROUP_OF_INTERMEDIATE = {
    "engagement": "lifecycle",
    "hygiene": "identity",
    **dict.fromkeys(
        ("funnel", "sales", "finance", "attribution", "accounts", "journey", "consent", "tags", "nurture", "content"),
        "marts",
    ),
}
# The loader's own tables are written by the ingest step with the raw tables, and shown beside them.
RAW_GROUP = "raw"


class HouseTranslator(DagsterDbtTranslator):
    """Names and groups that show the house: raw, staging, identity, lifecycle, scoring, marts."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=False))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """Return where the asset stands: ``raw/forms/submissions``, ``staging/stg_...``, ``marts/dim_person``."""
        if dbt_resource_props["resource_type"] == "source":
            return source_asset_key(
                dbt_resource_props["schema"], dbt_resource_props["source_name"], dbt_resource_props["name"]
            )
        if dbt_resource_props["resource_type"] == "seed":
            return AssetKey(["seeds", dbt_resource_props["name"]])
        return AssetKey([dbt_resource_props["fqn"][1], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the room that the asset belongs to."""
        if dbt_resource_props["resource_type"] == "source":
            return RAW_GROUP
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        layer, folder = dbt_resource_props["fqn"][1:3]
        if layer == "intermediate":
            return _GROUP_OF_INTERMEDIATE.get(folder, str(folder))
        return str(layer)

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the yml's description; the SQL itself is one click away in dbt's documentation."""
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return columns with types, and the file that defines the asset."""
        return {
            **super().get_metadata(dbt_resource_props),
            "defined_in": str(dbt_resource_props["original_file_path"]).removeprefix("../"),
        }


def source_asset_key(schema: str, source: str, table: str) -> AssetKey:
    """Return the key of a table that the ingest step writes.

    Parameters
    ----------
    schema
        Warehouse schema: ``raw`` for a contract table, ``ops`` for the loader's own books.
    source, table
        The dbt source's name and the table's name in it.
    """
    return AssetKey([schema, table]) if schema == source else AssetKey([schema, source, table])

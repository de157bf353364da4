import pytest
from dagster import AssetKey

from orchestration.transform.translator import HouseTranslator


def node(kind, name, fqn=(), source="", schema=""):
    return {
        "resource_type": kind,
        "name": name,
        "fqn": ["leadrelay", *fqn, name],
        "source_name": source,
        "schema": schema,
    }


@pytest.mark.parametrize(
    ("props", "key", "group"),
    [
        (node("source", "submissions", source="forms", schema="raw"), ["raw", "forms", "submissions"], "raw"),
        (node("source", "loads", source="ops", schema="ops"), ["ops", "loads"], "raw"),
        (node("seed", "stages", ("lifecycle",)), ["seeds", "stages"], "seeds"),
        (
            node("model", "stg_forms__submissions", ("staging", "forms")),
            ["staging", "stg_forms__submissions"],
            "staging",
        ),
        (
            node("model", "int_identity__persons", ("intermediate", "identity")),
            ["intermediate", "int_identity__persons"],
            "identity",
        ),
        (
            node("model", "int_hygiene__record_findings", ("intermediate", "hygiene")),
            ["intermediate", "int_hygiene__record_findings"],
            "identity",
        ),
        (
            node("model", "int_scoring__thresholds", ("intermediate", "scoring")),
            ["intermediate", "int_scoring__thresholds"],
            "scoring",
        ),
        (node("model", "dim_person", ("marts", "identity")), ["marts", "dim_person"], "marts"),
    ],
)
def test_a_dbt_node_stands_where_the_house_has_its_room(props, key, group):
    translator = HouseTranslator()
    assert translator.get_asset_key(props) == AssetKey(key)
    assert translator.get_group_name(props) == group

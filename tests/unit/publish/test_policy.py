import pytest

from orchestration.errors import PublishError
from orchestration.publish.policy import PiiPolicy, published_tables


def model(name, columns, layer="marts"):
    return {
        "resource_type": "model", "unique_id": f"model.leadrelay.{name}", "fqn": ["leadrelay", layer, "core", name], "name": name, "alias": name, "schema": layer,
        "description": "One row\nper thing.", "columns": columns,
    }  # fmt: skip


def manifest(*nodes):
    return {"nodes": {f"model.leadrelay.{node['name']}": node for node in nodes}}


def column(pii):
    return {"description": "", "config": {"meta": {"pii": pii}}}


def test_marts_are_published_and_nothing_else():
    tables = published_tables(
        manifest(
            model("dim_b", {"x": column("keep")}),
            model("dim_a", {"x": column("hmac")}),
            model("int_c", {}, "intermediate"),
        )
    )
    assert [table.name for table in tables] == ["dim_a", "dim_b"]
    assert [table.holds_personal_data for table in tables] == [True, False]
    assert tables[0].columns[0].policy is PiiPolicy.HMAC
    assert tables[0].description == "One row per thing."


def test_a_policy_directly_under_meta_counts_too():
    tables = published_tables(manifest(model("dim_a", {"x": {"meta": {"pii": "drop"}}})))
    assert tables[0].columns[0].policy is PiiPolicy.DROP


def test_every_column_without_a_policy_is_named():
    wrong = manifest(
        model("dim_a", {"x": {"description": ""}, "y": column("keep")}), model("dim_b", {"z": column("encrypt")})
    )
    with pytest.raises(PublishError) as raised:
        published_tables(wrong)
    assert "dim_a.x: meta.pii is missing" in str(raised.value)
    assert "dim_b.z: meta.pii is 'encrypt'" in str(raised.value)
    assert "dim_a.y" not in str(raised.value)


def test_the_layout_of_a_mart_is_read_and_may_name_its_columns_only():
    laid_out = {**model("fct_a", {"x": column("keep")}), "config": {"meta": {"cluster_by": ["x"]}}}
    assert published_tables(manifest(laid_out))[0].cluster_by == ("x",)
    wrong = {**laid_out, "config": {"meta": {"cluster_by": ["x", "gone"]}}}
    with pytest.raises(PublishError, match=r"fct_a: meta\.cluster_by names 'gone'"):
        published_tables(manifest(wrong))


def test_a_mart_that_declares_no_columns_is_refused():
    with pytest.raises(PublishError, match="dim_a: the yml declares no columns"):
        published_tables(manifest(model("dim_a", {})))


def test_a_project_without_marts_publishes_nothing():
    with pytest.raises(PublishError, match="nothing to publish"):
        published_tables(manifest())


def test_the_shortest_tested_grain_is_the_key():
    def tested(name, **test):
        return {"name": name, "resource_type": "test", "attached_node": "model.leadrelay.dim_a", **test}

    (table,) = published_tables(
        manifest(
            model("dim_a", {"x": column("keep")}),
            tested("t1", test_metadata={"name": "grain", "kwargs": {"columns": ["x", "y"]}}),
            tested("t2", test_metadata={"name": "unique", "kwargs": {}}, column_name="z"),
            tested("t3", test_metadata={"name": "not_null", "kwargs": {}}, column_name="a"),
        )
    )
    assert table.key == ("z",)

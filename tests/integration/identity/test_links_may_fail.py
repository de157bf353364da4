"""A model of probable links that cannot score costs a warning, never the night."""

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import ExitCode
from orchestration.operate.night import run_night
from orchestration.operate.screens import night_screen
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.transform.assets import only_links_failed
from orchestration.transform.plan import make_plan
from orchestration.transform.project import load_manifest
from orchestration.transform.runner import NodeFailure

SOURCES = """
version: 1
sources:
  forms:
    tables:
      submissions:
        feeds:
          - {system: web, reader: files, location: exports, files: "forms*.csv", arrival: "cast(submitted_at as timestamp)"}
"""
FORMS = """submission_id,submitted_at,full_name,email,company
1,2026-01-01 10:00:00,Ada Lovelace,ada@engines.example,Engines
2,2026-01-02 10:00:00,Ada Lovelace,ada@engines.example,Engines
3,2026-01-03 10:00:00,Charles Babbage,charles@engines.example,Engines
"""


def test_a_broken_model_leaves_the_exact_links_and_a_warning(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "forms.csv").write_text(FORMS)
    (tmp_path / "sources.yml").write_text(SOURCES)
    model = tmp_path / "link_model"
    shutil.copytree(PROJECT_ROOT / "orchestration" / "identity" / "link_model", model)
    levels = (model / "link_levels.csv").read_text(encoding="utf-8")
    (model / "link_levels.csv").write_text(
        levels.replace("city_l = city_r", "city_l = no_such_column"), encoding="utf-8"
    )
    settings = Settings(home=tmp_path / "home", sources_file=tmp_path / "sources.yml", own_link_model_dir=model)
    night = run_night(settings)
    assert night.exit_code == ExitCode.OK, night.failure
    (warning,) = night.warnings
    assert "int_identity__link_scores" in warning
    assert "no_such_column" in warning
    assert "The exact links stand" in night_screen(settings, night)
    with duckdb.connect(str(settings.published_dir / "current" / "leadrelay.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from marts.dim_person").fetchall() == [(2,)]
        assert connection.execute("select count(*) from marts.mart_identity_review").fetchall() == [(0,)]
    # a night with a warning is never taken for done
    assert night.manifest["state"] is None
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        plan = make_plan(settings, load_manifest(settings), connection)
    assert plan.kept_version is None
    assert len(plan.reasons) == len(plan.states)


@pytest.mark.parametrize(
    ("failure", "is_extra"),
    [
        (NodeFailure("int_identity__link_scores", "model", "Binder Error"), True),
        (NodeFailure("grain_link_levels", "test", "3 rows", 3, "", "seed.leadrelay.link_levels"), True),
        (NodeFailure("dim_person", "model", "Binder Error"), False),
        (NodeFailure("grain_dim_person", "test", "3 rows", 3, "", "model.leadrelay.dim_person"), False),
    ],
)
def test_only_what_serves_probable_links_may_fail(failure: NodeFailure, is_extra: bool) -> None:  # noqa: FBT001 - a parameter of the table above
    nodes = {
        "seed.leadrelay.link_levels": {"name": "link_levels", "tags": ["probable_links"]},
        "model.leadrelay.int_identity__link_scores": {"name": "int_identity__link_scores", "tags": ["probable_links"]},
        "model.leadrelay.dim_person": {"name": "dim_person", "tags": []},
    }
    assert only_links_failed({"nodes": nodes}, [failure]) is is_extra
    assert not only_links_failed({"nodes": nodes}, [failure, NodeFailure("dim_person", "model", "")])


def test_a_run_that_failed_without_a_node_is_no_matter_of_links() -> None:
    assert not only_links_failed({"nodes": {}}, [])

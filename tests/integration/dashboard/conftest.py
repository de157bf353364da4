"""Pages without a browser: Streamlit's own AppTest over the session's published files, and copies of them for what may be spoilt."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.dashboard.words import Words, make_words
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import MANIFEST_FILE, current_version
from orchestration.settings import Settings

_SCRIPT = "from orchestration.dashboard.shell import run\nrun(first={page!r})\n"


@pytest.fixture(scope="session")
def _plain_pages() -> dict[tuple[str, str], Any]:
    """Pages of the session's home on which nothing was chosen, which several tests look at."""
    return {}


@pytest.fixture
def open_page(
    warehouse_home: Settings, monkeypatch: pytest.MonkeyPatch, _plain_pages: dict[tuple[str, str], Any]
) -> Callable[..., Any]:
    """A function that shows a page of a home in a language, with something already chosen, and returns the AppTest."""
    from streamlit.testing.v1 import AppTest

    def show(page: str, language: str = "en", settings: Settings = warehouse_home, **chosen: object) -> AppTest:
        is_plain = settings is warehouse_home and not chosen
        if is_plain and (page, language) in _plain_pages:
            return _plain_pages[page, language]
        monkeypatch.setenv("LEADRELAY_HOME", str(settings.home))
        app = AppTest.from_string(_SCRIPT.format(page=page), default_timeout=120)
        app.query_params["lang"] = language
        for key, value in chosen.items():
            app.session_state[key] = value
        app.run()
        assert not app.exception, [f"{one.message}\n{''.join(one.stack_trace)}" for one in app.exception]
        if is_plain:
            _plain_pages[page, language] = app
        return app

    return show


@pytest.fixture(scope="session")
def published_file(warehouse_home: Settings) -> Path:
    """The open published file of the session's home."""
    folder = current_version(warehouse_home.published_dir)
    assert folder is not None
    return folder / MARTS_FILE


@pytest.fixture
def mart(published_file: Path):
    """A function that returns a mart as a pandas frame."""
    with duckdb.connect(str(published_file), read_only=True) as connection:
        yield lambda name: connection.execute(f"select * from marts.{name}").df()


@pytest.fixture(scope="session")
def persons() -> Callable[[pd.DataFrame], list[str]]:
    """A function that tells to whose pages the cells of a table lead."""
    return lambda table: [link.split("person=")[1].split("&")[0] for link in table["person_id"]]


@pytest.fixture(scope="session")
def words(warehouse_home: Settings, published_file: Path) -> Words:
    """English, with the sample company's stages."""
    with duckdb.connect(str(published_file), read_only=True) as connection:
        stages = connection.execute("select * from marts.dim_stage order by stage_rank").df().to_dict("records")
    return make_words("en", warehouse_home.models_dir, stages)


@pytest.fixture(scope="session")
def copied_versions(warehouse_home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Settings]:
    """A function that makes a home with nothing but a copy of the published files, which may be spoilt."""

    def copy() -> Settings:
        settings = replace(warehouse_home, home=tmp_path_factory.mktemp("own"))
        shutil.copytree(warehouse_home.published_dir, settings.published_dir, symlinks=True)
        return settings

    return copy


@pytest.fixture
def own_published(copied_versions: Callable[[], Settings]) -> Settings:
    """A home with nothing but a copy of the published files, which a test may spoil."""
    return copied_versions()


@pytest.fixture(scope="session")
def manifest(published_file: Path) -> dict[str, Any]:
    """The manifest of the session's published version."""
    content: dict[str, Any] = json.loads((published_file.parent / MANIFEST_FILE).read_text(encoding="utf-8"))
    return content

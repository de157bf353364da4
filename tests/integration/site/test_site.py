"""The site: every link leads somewhere, every mart has its page, nothing is loaded from elsewhere, and two builds are the same."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pytest
import yaml

from orchestration.publish.versions import current_version
from orchestration.settings import PROJECT_ROOT
from orchestration.site.build import build_site

MARTS = {path.stem: path for path in sorted((PROJECT_ROOT / "models" / "marts").glob("*/*.sql"))}
LOADING = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("image", "href"),
    ("use", "href"),
}
LIBRARIES = ("dbt/", "data-docs/")


class Links(HTMLParser):
    """What a page links to, what it loads, and which anchors it has."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given:
            self.anchors.add(given["id"])
        for name in ("href", "src"):
            if given.get(name):
                (self.loads if (tag, name) in LOADING else self.links).append(given[name])


@pytest.fixture(scope="module")
def site(warehouse_home, tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "docs"
    assert build_site(warehouse_home, out, with_libraries=False) == out / "index.html"
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {
        path.relative_to(site).as_posix(): Links(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
    }


def test_every_link_inside_leads_to_a_page_and_to_a_place_on_it(site, pages):
    broken = []
    for page, found in pages.items():
        for link in found.links:
            path, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            target = (site / page).parent.joinpath(path).resolve() if path else site / page
            name = target.relative_to(site.resolve() if path else site).as_posix()
            if name.startswith(LIBRARIES):
                continue
            if not target.is_file() or (anchor and anchor not in pages[name].anchors):
                broken.append(f"{page}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for page, found in pages.items():
        for address in found.loads:
            assert not re.match(r"(https?:)?//", address), f"{page}: {address}"
            if not address.startswith("data:"):
                assert (site / page).parent.joinpath(address).is_file(), f"{page}: {address}"
    style = (site / "assets" / "style.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style
    script = (site / "assets" / "site.js").read_text(encoding="utf-8")
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|import\(", script)


@pytest.mark.parametrize("name", MARTS)
def test_a_mart_has_a_page_with_its_question_and_its_columns_in_two_languages(site, name):
    text = (site / "marts" / f"{name}.html").read_text(encoding="utf-8")
    entry = next(
        model
        for model in yaml.safe_load(MARTS[name].with_suffix(".yml").read_text(encoding="utf-8"))["models"]
        if model["name"] == name
    )
    for column in entry["columns"]:
        assert f"<code>{column['name']}</code>" in text, column["name"]
        assert column["config"]["meta"]["label_zh"] in text, column["name"]
    for part in ('class="lead"', 'id="example"', 'id="lineage"', '<svg class="lineage"', 'id="checks"', "one row per"):
        assert part in text, part
    assert re.search(r"Version \d{8}T\d{6}\.\d{3}Z-", text), "no answer of the example"


def test_an_answer_on_a_page_is_that_of_the_published_file(site, warehouse_home):
    text = (site / "marts" / "mart_stage_value.html").read_text(encoding="utf-8")
    with duckdb.connect(
        str(current_version(warehouse_home.published_dir) / "leadrelay.duckdb"), read_only=True
    ) as marts:
        example = re.search(
            r"^### mart_stage_value\n.*?```sql\n(.*?)```",
            (PROJECT_ROOT / "docs" / "reference" / "marts.md").read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )[1]
        rows = marts.execute(example).fetchall()
        counts = marts.execute("select count(*) from marts.mart_stage_value").fetchone()
    table = re.search(r'<table class="result">.*?</table>', text, re.DOTALL)[0]
    shown = re.findall(r"<tr>(<td.*?)</tr>", table)
    assert len(shown) == min(len(rows), 12) > 0
    assert re.findall(r"<td[^>]*>(.*?)</td>", shown[0])[0] == str(rows[0][0])
    assert f"<dd>{counts[0]:,}</dd>" in text


def test_a_second_build_is_the_same_to_the_byte(site, warehouse_home, tmp_path):
    again = tmp_path / "docs"
    build_site(warehouse_home, again, with_libraries=False)
    first = {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert first == {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}


def test_what_is_written_is_found_by_the_search(site):
    index = (site / "assets" / "search-index.js").read_text(encoding="utf-8")
    assert index.startswith("window.SITE_INDEX=[")
    for words in ("mart_funnel_volume", "期末人数", "Operate it", "cost_per_mql"):
        assert words in index, words


def test_without_anything_published_the_pages_say_so(warehouse_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(
        warehouse_home.dbt_target_dir, home / "dbt", ignore=shutil.ignore_patterns("compiled", "run", "*.log")
    )
    out = build_site(replace(warehouse_home, home=home), with_libraries=False)
    assert out == home / "docs" / "index.html"
    assert "Nothing is published yet" in out.read_text(encoding="utf-8")
    page = (home / "docs" / "marts" / "mart_funnel_volume.html").read_text(encoding="utf-8")
    assert "make run" in page
    assert not (home / ".docs-building").exists()


def test_the_libraries_pages_lie_beside_and_are_linked(warehouse_home, tmp_path, monkeypatch):
    """Great Expectations builds its pages in its own tests, and dbt compiles in every night: here neither is done again."""
    from orchestration.site import build
    from orchestration.transform import docs

    def stand_in(_expectations: Path, _published: Path, out: Path) -> Path:
        for name in (
            "expectations/marts/dim_stage.html",
            "expectations/raw/crm__leads.html",
            "validations/marts/dim_stage/__none__/t/p.html",
        ):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text("a page of the library", encoding="utf-8")
        return out / "index.html"

    monkeypatch.setattr(build, "build_data_docs", stand_in)
    monkeypatch.setattr(docs, "_COMMAND", (*docs._COMMAND, "--no-compile"))
    out = build_site(warehouse_home, tmp_path / "docs").parent
    dbt = (out / "dbt" / "index.html").read_text(encoding="utf-8")
    assert "mart_funnel_volume" in dbt
    assert [address for address in Links(dbt.split("<body", 1)[0]).loads if address.startswith(("http", "//"))] == []
    suites = Links((out / "data-docs" / "index.html").read_text(encoding="utf-8"))
    listed = {
        "expectations/marts/dim_stage.html",
        "expectations/raw/crm__leads.html",
        "validations/marts/dim_stage/__none__/t/p.html",
    }
    assert listed <= set(suites.links)
    start = Links((out / "index.html").read_text(encoding="utf-8"))
    assert {"dbt/index.html", "data-docs/index.html"} <= set(start.links)

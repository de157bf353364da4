"""The dashboard and the report in a real browser: every page as people see it, on a desk and on a phone."""

import re
import shutil
import sys

import pytest

from orchestration.dashboard.screens import PAGES
from orchestration.dashboard.words import make_words
from orchestration.report.build import write_report
from orchestration.settings import PROJECT_ROOT

# How many charts each page has when nothing is filtered; on the overview one for each stage and three more.
CHARTS = {
    "overview": 12, "funnel": 4, "velocity": 3, "channels": 2, "attribution": 2, "accounts": 3, "nurture": 4,
    "content": 4, "quality": 1, "person": 2,
}  # fmt: skip
DARK = "rgb(16, 21, 28)"
IS_DONE = """
    () => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
        && !document.querySelector('[data-stale=true]')
"""
# A chart is drawn when a mark of it has a shape.
ARE_DRAWN = """
    count => {
        const charts = [...document.querySelectorAll('[data-testid=stVegaLiteChart]')]
        return charts.length === count && charts.every(
            chart => [...chart.querySelectorAll('svg.marks g.role-mark path')].some(mark => mark.getAttribute('d'))
        )
    }
"""
CUT_TABLES = """
    () => [...document.querySelectorAll('[data-testid=stDataFrame] .dvn-scroller')]
        .filter(table => table.scrollWidth > table.clientWidth + 1)
        .map(table => table.closest('[data-testid=stVerticalBlock]').querySelector('h3').textContent)
"""


@pytest.fixture(scope="module")
def address(browser, serve, warehouse_home):  # noqa: ARG001 - without a browser nothing is served
    """The address of a dashboard that serves the session's home, started as people start it."""
    command = [sys.executable, "-m", "orchestration.cli", "dashboard", "--no-browser"]
    with serve(command, {"LEADRELAY_HOME": str(warehouse_home.home)}, "/_stcore/health") as own:
        yield own


@pytest.fixture(scope="module")
def report(published_file, tmp_path_factory):
    """The report of a copy of the published version."""
    folder = tmp_path_factory.mktemp("report")
    shutil.copy(published_file, folder / published_file.name)
    write_report(folder, "v1", "2026-07-01", PROJECT_ROOT / "models", ("en", "zh"), pictures=False)
    return folder / "report.html"


@pytest.fixture
def customer(mart):
    """The id of somebody who went all the way."""
    ledger = mart("fct_lifecycle_transition")
    return ledger.loc[ledger["is_current"] & (ledger["stage"] == "customer"), "person_id"].min()


@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", 1280), ("zh", "dark", 390)])
def test_every_page_is_drawn_whole(open_tab, address, customer, language, scheme, width):
    words = make_words(language, PROJECT_ROOT / "models")
    tab = open_tab("about:blank", width, scheme)
    wrong = []
    for page in PAGES:
        asked = f"&person={customer}" if page == "person" else ""
        tab.goto(f"{address}/{page}?lang={language}{asked}")
        tab.get_by_role("heading", name=words(f"{page}_title"), exact=True).wait_for()
        tab.wait_for_function(IS_DONE)
        tab.wait_for_function(ARE_DRAWN, arg=CHARTS[page])
        assert tab.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0, page
        assert not re.search(r"\b(undefined|NaN|None|null|nan)\b", tab.locator("[data-testid=stMain]").inner_text()), (
            page
        )
        background = tab.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert (background == DARK) == (scheme == "dark"), page
        wrong += [
            f"{page} scrolls sideways"
            for part in ("document.documentElement", "document.querySelector('[data-testid=stMain]')")
            if tab.evaluate(f"{part}.scrollWidth > {part}.clientWidth")
        ]
        if width > 1000:
            wrong += [f"{page}: the table of {name!r} is cut" for name in tab.evaluate(CUT_TABLES)]
    assert wrong == []


def test_a_click_on_a_bar_lists_the_people(open_tab, address):
    tab = open_tab(f"{address}/funnel")
    tab.locator(".st-key-funnel svg.marks path[aria-label*='Customer']").last.click()
    tab.get_by_role("heading", name="Who entered Customer").wait_for()


def test_the_language_is_changed_on_the_page(open_tab, address):
    tab = open_tab(address)
    tab.get_by_role("heading", name="Overview").wait_for()
    tab.get_by_role("radio", name="中文").or_(tab.get_by_role("button", name="中文")).first.click()
    tab.get_by_role("heading", name="总览").wait_for()
    tab.get_by_text("数据截至").first.wait_for()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_report_draws_its_charts_from_disk(open_tab, report, scheme, width):
    tab = open_tab(f"file://{report}", width, scheme)
    tab.wait_for_function("document.querySelectorAll('#body-en .chart svg').length === 8")
    tab.get_by_role("button", name="中文").click()
    tab.wait_for_function("document.querySelectorAll('#body-zh .chart svg').length === 8")
    assert tab.locator("#body-en").is_hidden()
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

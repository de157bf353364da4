"""The dashboard and the report in a real browser: Chromium of the system, headless, with nothing but loopback to talk to.

Playwright only drives it; its own browsers are never downloaded. Without Chromium these tests are skipped and say how to get it.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest

from orchestration.report.build import write_report
from orchestration.settings import PROJECT_ROOT

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; `make browser` gets it from Debian's packages as root"
)
# What Chromium itself would otherwise ask the world for.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
PATIENCE = 30_000


@pytest.fixture(scope="module")
def address(warehouse_home):
    """The address of a dashboard that serves the session's home, started as people start it."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "orchestration.cli", "dashboard", "--no-browser", "--port", str(port)]
    environment = {**os.environ, "LEADRELAY_HOME": str(warehouse_home.home), "PYTHONPATH": str(PROJECT_ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            own = f"http://127.0.0.1:{port}"
            _wait_for(own, server)
            yield own
        finally:
            server.terminate()


def _wait_for(address, server):
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            assert server.poll() is None, "the dashboard ended before it answered"
            assert time.monotonic() < deadline, "the dashboard did not answer within 90 s"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_tab(browser):
    """A function that opens an address in a tab of a size and colour scheme; every request that leaves the machine fails the test."""
    contexts, left = [], []

    def open_address(address, width=1280, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, is_mobile=width < 500, has_touch=width < 500
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        local = ("http://127.0.0.1", "ws://127.0.0.1", "file://", "data:", "blob:")
        tab.on("request", lambda request: None if request.url.startswith(local) else left.append(request.url))
        tab.on("pageerror", lambda error: left.append(str(error)))
        tab.goto(address)
        return tab

    yield open_address
    for context in contexts:
        context.close()
    assert left == []


def test_a_click_on_a_bar_lists_the_people(open_tab, address):
    tab = open_tab(f"{address}/funnel")
    tab.locator(".st-key-funnel svg.marks path[aria-label*='Customer']").last.click()
    tab.get_by_role("heading", name="Who entered Customer").wait_for()


def test_a_phone_shows_a_page_in_chinese_without_scrolling_sideways(open_tab, address):
    tab = open_tab(f"{address}/velocity?lang=zh", width=390, scheme="dark")
    tab.get_by_role("heading", name="流转速度").wait_for()
    tab.locator("[data-testid=stVegaLiteChart] .marks").first.wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert (
        tab.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        == "rgb(16, 21, 28)"
    )


def test_the_language_is_changed_on_the_page(open_tab, address):
    tab = open_tab(address)
    tab.get_by_role("heading", name="Overview").wait_for()
    tab.get_by_role("radio", name="中文").or_(tab.get_by_role("button", name="中文")).first.click()
    tab.get_by_role("heading", name="总览").wait_for()
    tab.get_by_text("数据截至").first.wait_for()


def test_the_report_draws_its_charts_from_disk(open_tab, published_file, tmp_path):
    shutil.copy(published_file, tmp_path / published_file.name)
    write_report(tmp_path, "v1", "2026-07-01", PROJECT_ROOT / "models", ("en", "zh"), pictures=False)
    tab = open_tab(f"file://{tmp_path}/report.html")
    tab.wait_for_function("document.querySelectorAll('#body-en .chart svg').length === 8")
    tab.get_by_role("button", name="中文").click()
    tab.wait_for_function("document.querySelectorAll('#body-zh .chart svg').length === 8")
    assert tab.locator("#body-en").is_hidden()
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

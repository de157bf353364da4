"""A real browser and real servers for tests of what people look at: Debian's Chromium, headless, with nothing but loopback to talk to.

Playwright only drives it; its own browsers are never downloaded. Without Chromium these tests are skipped and say how to get it.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import psutil
import pytest

from orchestration.settings import PROJECT_ROOT

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
# What Chromium itself would otherwise ask the world for.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
PATIENCE = 30_000
PATIENCE_SECONDS = 90
LOCAL = ("http://127.0.0.1", "ws://127.0.0.1", "file://", "data:", "blob:")
# On a page of its own address Streamlit looks for its server below that address first.
STREAMLIT_LOOKS = ("/_stcore/health", "/_stcore/host-config")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; for one file, since the event loop that drives it stays in the way of others in this process."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine; `make browser` gets it from Debian's packages as root")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_tab(browser: Any) -> Iterator[Callable[..., Any]]:
    """A function that opens an address in a tab of a size and colour scheme.

    A request that leaves the machine, an error of a page and an error on its console each fail the test.
    """
    contexts: list[Any] = []
    wrong: list[str] = []

    def asked(url: str) -> None:
        if not url.startswith(LOCAL):
            wrong.append(f"asked {url}")

    def said(message: Any) -> None:
        if message.type == "error" and not message.location["url"].endswith(STREAMLIT_LOOKS):
            wrong.append(f"{message.text} ({message.location['url']})")

    def open_address(address: str, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, is_mobile=width < 500, has_touch=width < 500
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE)
        tab.on("request", lambda request: asked(request.url))
        tab.on("websocket", lambda socket: asked(socket.url))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("console", said)
        tab.goto(address)
        return tab

    yield open_address
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    """A context manager that starts a server on a free port of loopback, and gives its address once it answers."""

    @contextmanager
    def run(command: Sequence[str], environment: Mapping[str, str], health: str) -> Iterator[str]:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        told = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **environment}
        own = f"http://127.0.0.1:{port}"
        with subprocess.Popen(
            [*command, "--port", str(port)],
            env=told,
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            try:
                deadline = time.monotonic() + PATIENCE_SECONDS
                while not _answers(f"{own}{health}"):
                    assert server.poll() is None, f"{command} ended before it answered"
                    assert time.monotonic() < deadline, f"{command} did not answer within {PATIENCE_SECONDS} s"
                    time.sleep(0.2)
                yield own
            finally:
                _end(server.pid)

    return run


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - loopback
            return True
    except OSError:
        return False


def _end(pid: int) -> None:
    """End a process and what it started; `dagster dev` takes its time to."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                one.kill()

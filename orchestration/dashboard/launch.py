"""``leadrelay dashboard``: starts Streamlit on loopback, with everything off that would talk to somebody else.

What belongs here: Streamlit's settings and the theme. What does not: what is shown (`shell`).
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestration.dashboard.palette import BAD, CARE, GOOD, MAIN, SERIES
from orchestration.errors import ConfigError, ExitCode
from orchestration.settings import LANGUAGE, LANGUAGES, Settings

_PORT = 8501
_LOOPBACK = "127.0.0.1"
_OPTIONS: Mapping[str, Any] = {
    "server.address": _LOOPBACK,
    "browser.serverAddress": _LOOPBACK,
    "browser.gatherUsageStats": False,
    "server.showEmailPrompt": False,
    "server.fileWatcherType": "none",
    "client.toolbarMode": "minimal",
    # A traceback is for the terminal; the reader of a page is told in words.
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    # A cell may be a formula to a spreadsheet; files for people are written by `orchestration.export`.
    "client.disableDataExport": True,
    "global.developmentMode": False,
    "theme.chartCategoricalColors": list(SERIES),
    "theme.baseRadius": "0.6rem",
    "theme.light.primaryColor": MAIN,
    "theme.light.backgroundColor": "#FFFFFF",
    "theme.light.secondaryBackgroundColor": "#F4F6F9",
    "theme.light.textColor": "#1B2530",
    "theme.light.borderColor": "#E3E8EE",
    "theme.light.greenColor": GOOD,
    "theme.light.redColor": BAD,
    "theme.light.orangeColor": CARE,
    "theme.dark.primaryColor": MAIN,
    "theme.dark.backgroundColor": "#10151C",
    "theme.dark.secondaryBackgroundColor": "#18202A",
    "theme.dark.textColor": "#E6EBF1",
    "theme.dark.borderColor": "#2A3542",
    "theme.dark.greenColor": GOOD,
    "theme.dark.redColor": BAD,
    "theme.dark.orangeColor": CARE,
}


def add_dashboard_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add ``dashboard`` to the commands of ``leadrelay``."""
    dashboard = commands.add_parser(
        "dashboard", help="open the pages over what is published, in a browser on this machine"
    )
    dashboard.add_argument("--port", type=int, default=_PORT, help=f"on the loopback address (default {_PORT})")
    dashboard.add_argument("--language", choices=list(LANGUAGES), help="to begin with; the page can change it")
    dashboard.add_argument("--without-people", action="store_true", help="show no names and addresses")
    dashboard.add_argument("--no-browser", action="store_true", help="only serve; open the address yourself")
    dashboard.set_defaults(command=open_dashboard)


def open_dashboard(settings: Settings, options: argparse.Namespace) -> int:
    """Serve the dashboard until it is stopped.

    Parameters
    ----------
    settings
        The home.
    options
        Of the command line.

    Raises
    ------
    ConfigError
        If the packages of the extra ``dashboard`` are not installed.
    """
    try:
        from streamlit.web import bootstrap
    except ImportError as error:
        raise ConfigError(
            "the dashboard needs the packages of the extra `dashboard`. Type: pip install 'leadrelay[dashboard]'"
        ) from error
    from orchestration.dashboard.shell import WITHOUT_PEOPLE

    os.environ["LEADRELAY_HOME"] = str(settings.home)
    if options.language:
        os.environ[LANGUAGE] = options.language
    if options.without_people:
        os.environ[WITHOUT_PEOPLE] = "1"
    app = str(Path(__file__).with_name("app.py"))
    flags = streamlit_options(options.port, opens_browser=not options.no_browser and sys.stdout.isatty())
    print(f"dashboard   http://{_LOOPBACK}:{options.port} (this machine only; stop it with Ctrl+C)", flush=True)  # noqa: T201
    bootstrap.load_config_options(flags)
    run: Callable[..., None] = bootstrap.run
    run(app, is_hello=False, args=[], flag_options=flags)
    return ExitCode.OK


def streamlit_options(port: int, *, opens_browser: bool) -> dict[str, Any]:
    """Return Streamlit's settings by the names that its command line uses.

    Parameters
    ----------
    port
        On the loopback address.
    opens_browser
        Whether Streamlit opens one.
    """
    options = {**_OPTIONS, "server.port": port, "browser.serverPort": port, "server.headless": not opens_browser}
    return {name.replace(".", "_"): value for name, value in options.items()}

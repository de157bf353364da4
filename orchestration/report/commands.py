"""``leadrelay report``: makes the report of a published version, again or for the first time.

What belongs here: arguments and the screen. What does not: what is in a report (`contents`, `build`).
"""

import argparse

from orchestration.commands import Printing
from orchestration.publish.versions import find_version, published_version
from orchestration.settings import Settings, load_reporting


def add_report_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``report`` to the commands of ``leadrelay``.

    Parameters
    ----------
    commands
        What ``add_subparsers`` of the main parser returned.
    printing
        Makes a command that prints a screen.
    """
    report = commands.add_parser("report", help="make the report of what is published: one HTML file and pictures")
    report.add_argument("version", nargs="?", help="its name or the beginning of it; default the current one")
    report.add_argument("--without-pictures", action="store_true", help="only the page")
    report.set_defaults(command=printing(report_screen))


def report_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Make the report, and say where it is."""
    from orchestration.report.build import REPORT_FILE, renew_report

    if options.version:
        folder = find_version(settings.published_dir, options.version)
    else:
        folder = published_version(settings.published_dir)
    files = renew_report(folder, settings.models_dir, load_reporting().languages, pictures=not options.without_pictures)
    return "\n".join([f"report      {folder / REPORT_FILE}", f"files       {', '.join(files)}"])

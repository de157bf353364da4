"""`leadrelay ...`: the same work as Dagster's web interface, for people at a keyboard and for schedulers.

What belongs here: arguments, printing, exit codes. What does not: the work itself.
Heavy libraries are imported by the command that needs them, so that `status` answers at once.
"""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration import __version__
from orchestration.activate.commands import add_activate_command
from orchestration.commands import Command, Screen
from orchestration.dashboard.launch import add_dashboard_command
from orchestration.erase.forget import add_forget_command
from orchestration.erase.retention import add_retention_command
from orchestration.errors import ConfigError, ExitCode, LeadrelayError
from orchestration.identity.commands import add_link_commands
from orchestration.metrics.commands import add_metric_commands
from orchestration.operate.acceptance import add_identity_commands
from orchestration.operate.audit import audited, command_name
from orchestration.operate.modes import closed_by_default
from orchestration.operate.privacy import switch_off_usage_reporting
from orchestration.operate.quality import add_quality_commands
from orchestration.operate.quarantine import add_quarantine_commands
from orchestration.publish.commands import add_version_commands
from orchestration.report.commands import add_report_command
from orchestration.scoring.commands import add_score_commands
from orchestration.settings import PROJECT_ROOT, Settings, load_settings, load_timing

if TYPE_CHECKING:
    from orchestration.sample.files import FileFormat

# The sample company that `make run` makes on a fresh clone: big enough for every chart, small enough for a minute.
_SAMPLE_PEOPLE = 4000
_SAMPLE_DAYS = 540
_SAMPLE_SEED = 7


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        Command line without the program's name; default the process's own.

    Returns
    -------
    int
        See `orchestration.errors.ExitCode`; a wrong command line ends with 2.
    """
    switch_off_usage_reporting()
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    command: Command = options.command
    settings = load_settings()
    try:
        with closed_by_default(), audited(settings, command_name(words), vars(options)) as entry:
            try:
                entry.exit_code = int(command(settings, options))
            except LeadrelayError as error:
                print(f"leadrelay: {error}", file=sys.stderr)
                entry.exit_code = int(error.exit_code)
            except KeyboardInterrupt:
                print(
                    "leadrelay: interrupted. What is published stands; the command may be given again.", file=sys.stderr
                )
                entry.exit_code = int(ExitCode.INTERRUPTED)
        return int(entry.exit_code)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough.
        sys.stderr.close()
        return int(ExitCode.OK)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="leadrelay",
        description="The life of a B2B lead, from raw files to marts.",
        epilog="Exit codes: 0 well, 1 error, 2 wrong usage or configuration, 3 published but some table is stale, 4 not published, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"leadrelay {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the nightly job: load what has landed, transform, check, publish")
    run.add_argument(
        "--as-of",
        metavar="TIME",
        help="look back from this moment, such as 2026-03-01T02:00:00 (UTC); default the latest arrival",
    )
    run.add_argument("--rebuild", action="store_true", help="make the warehouse anew from landing")
    run.add_argument(
        "--sample-if-empty", action="store_true", help="make the sample company first when nothing has landed"
    )
    run.set_defaults(command=_run)

    status = commands.add_parser("status", help="show what is published, how fresh it is and which checks failed")
    status.set_defaults(command=_status)

    schedule = commands.add_parser("schedule", help="show when the daemon's nights run, and prepare its settings")
    schedule.set_defaults(command=_schedule)

    sample = commands.add_parser("sample", help="write the files of a sample company whose truth is known")
    sample.add_argument(
        "--people", type=int, default=_SAMPLE_PEOPLE, help=f"persons who can be identified (default {_SAMPLE_PEOPLE})"
    )
    sample.add_argument(
        "--days", type=int, default=_SAMPLE_DAYS, help=f"length of the history in days (default {_SAMPLE_DAYS})"
    )
    sample.add_argument("--seed", type=int, default=_SAMPLE_SEED, help="the same seed gives the same files")
    sample.add_argument(
        "--out", type=Path, help="landing folder to fill (default the home's); the truth goes beside it"
    )
    sample.add_argument(
        "--format", choices=["jsonl", "csv", "parquet"], default="jsonl", help="of the files (default jsonl)"
    )
    sample.set_defaults(command=_sample)

    explain = commands.add_parser("explain", help="show all that is known of one person, with the evidence")
    explain.add_argument(
        "identity", metavar="ID", help="a person_id, a record id or key, an e-mail address or a phone number"
    )
    explain.add_argument(
        "--between",
        nargs=2,
        metavar="RECORD",
        default=(),
        help="two records, such as '#1' '#4': the evidence between them",
    )
    explain.add_argument("--json", action="store_true", help="everything as one JSON document")
    explain.set_defaults(command=_explain)

    add_version_commands(commands, _printing)

    identity = commands.add_parser(
        "identity", help="accept what the merge budget stopped; train and judge probable links"
    )
    identity_actions = identity.add_subparsers(required=True, metavar="ACTION")
    add_identity_commands(identity_actions, _printing)
    add_link_commands(identity_actions, _printing)

    score = commands.add_parser("score", help="train and judge a prediction that may stand beside the score")
    add_score_commands(score.add_subparsers(required=True, metavar="ACTION"), _printing)

    add_activate_command(commands, _printing)
    add_quarantine_commands(commands, _printing)
    add_forget_command(commands, _printing)
    add_retention_command(commands, _printing)

    quality = commands.add_parser("quality", help="draft a suite for a table, build the Data Docs of all suites")
    add_quality_commands(quality.add_subparsers(required=True, metavar="ACTION"), _printing)

    add_dashboard_command(commands)
    add_report_command(commands, _printing)
    metrics = commands.add_parser(
        "metrics", help="list the metrics that are defined once, ask the published file for them"
    )
    add_metric_commands(metrics.add_subparsers(required=True, metavar="ACTION"), _printing)

    docs = commands.add_parser("docs", help="build the documentation as one folder that opens without a network")
    docs.set_defaults(command=_docs)
    return parser


def _run(settings: Settings, options: argparse.Namespace) -> int:
    from orchestration.ingest.contract import load_contract
    from orchestration.ingest.sources import load_sources

    _check_moment(options.as_of)
    # Read once more by the ingest step; here so that a wrong mapping is told in a second, before anything is made.
    load_sources(settings.sources_file, load_contract(settings.models_dir))
    started = time.monotonic()
    _show_progress(started)
    if options.sample_if_empty and _is_first_run(settings):
        print("nothing has landed yet: making the sample company", file=sys.stderr)
        _make_sample(settings.landing_dir, _SAMPLE_PEOPLE, _SAMPLE_DAYS, _SAMPLE_SEED, "jsonl")
    from orchestration.operate.night import run_night
    from orchestration.operate.screens import night_screen

    night = run_night(settings, options.as_of, from_scratch=options.rebuild)
    print(night_screen(settings, night))
    print(f"took        {time.monotonic() - started:.0f} s")
    return night.exit_code


def _status(settings: Settings, _options: argparse.Namespace) -> int:
    from orchestration.operate.status import status_screen

    print(status_screen(settings))
    return ExitCode.OK


def _schedule(settings: Settings, _options: argparse.Namespace) -> int:
    from orchestration.operate.instance import prepare_dagster_home
    from orchestration.operate.jobs import next_nights

    timing = load_timing()
    prepare_dagster_home(settings)
    print(f"schedule    {timing.cron} in {timing.timezone}")
    print("\n".join(f"night       {moment.isoformat(timespec='minutes')}" for moment in next_nights(timing, 3)))
    watched = (
        f"loaded once they have not changed for {timing.settle_seconds:g} s"
        if timing.watches_landing
        else "left to the night"
    )
    print(f"new files   {watched}")
    print(f"daemon      DAGSTER_HOME={settings.dagster_home} dagster-daemon run")
    return ExitCode.OK


def _sample(settings: Settings, options: argparse.Namespace) -> int:
    _make_sample(options.out or settings.landing_dir, options.people, options.days, options.seed, options.format)
    return ExitCode.OK


def _explain(settings: Settings, options: argparse.Namespace) -> int:
    from orchestration.operate.explain import explain, explain_as_json

    told = explain_as_json if options.json else explain
    print(told(settings, options.identity, options.between))
    return ExitCode.OK


def _printing(screen: Screen) -> Command:
    """Return a command that prints a screen."""

    def command(settings: Settings, options: argparse.Namespace) -> int:
        print(screen(settings, options))
        return ExitCode.OK

    return command


def _docs(settings: Settings, _options: argparse.Namespace) -> int:
    from orchestration.site.build import build_site

    print(build_site(settings))
    return ExitCode.OK


def _make_sample(out: Path, people: int, days: int, seed: int, file_format: "FileFormat") -> None:
    from orchestration.sample import write_sample

    print(write_sample(out, people, days, seed, file_format), file=sys.stderr)


def _is_first_run(settings: Settings) -> bool:
    """Return whether nothing has landed and the sources are the checkout's own, which read the sample company."""
    is_empty = not settings.landing_dir.exists() or next(settings.landing_dir.iterdir(), None) is None
    return is_empty and settings.sources_file == PROJECT_ROOT / "sources.yml"


def _check_moment(text: str | None) -> None:
    if text is not None:
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise ConfigError(f"--as-of {text!r} is not a time; write it like 2026-03-01T02:00:00") from error


def _show_progress(started: float) -> None:
    """Print leadrelay's own progress messages, which never hold personal data, with the seconds since the start."""

    class Elapsed(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return f"{time.monotonic() - started:6.1f} s  {record.getMessage()}"

    handler = logging.StreamHandler()
    handler.setFormatter(Elapsed())
    logger = logging.getLogger("orchestration")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False


if __name__ == "__main__":
    sys.exit(main())

"""``leadrelay activate``: what this command does and prints.

What belongs here: arguments and the screen. What does not: the files (`files`) and the list of audiences (`audiences`).
"""

import argparse

from orchestration.activate.audiences import Audience, choose
from orchestration.commands import Printing
from orchestration.settings import Settings


def add_activate_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``activate`` to the commands of ``leadrelay``."""
    parser = commands.add_parser(
        "activate", help="write the people of an audience who may be contacted to files for other tools"
    )
    parser.add_argument("audience", nargs="*", help="a row of seeds/activation/audiences.csv; default all of them")
    parser.add_argument("--list", action="store_true", help="only say which audiences there are")
    parser.set_defaults(command=printing(activate_screen))


def activate_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Write the files and say what is in them, or list the audiences."""
    audiences = choose(settings, options.audience)
    if options.list:
        width = max(len(one.name) for one in audiences)
        return "\n".join(f"{one.name:<{width}}  {_what(one)}" for one in audiences)
    from orchestration.activate.files import activate

    lines = []
    for done in activate(settings, audiences):
        found = done.manifest
        lines += [
            f"{found['audience']}: {found['people']:,} people to be reached by {found['channel']} for {found['purpose']}",
            *(f"  left out  {count:,} {reason}" for reason, count in found["left_out"].items()),
            f"  files     {done.folder}",
        ]
    return "\n".join(
        [
            *lines,
            "",
            "They hold addresses in clear: hand them on, do not keep copies. `leadrelay forget` reaches these files alone.",
        ]
    )


def _what(audience: Audience) -> str:
    filters = " and ".join(f"{column} = {'|'.join(values)}" for column, values in audience.filters.items())
    return f"{audience.purpose} by {audience.channel}, of {audience.mart}{f' where {filters}' if filters else ''}"

"""``leadrelay versions``, ``rollback`` and ``diff``: what these commands do and print.

What belongs here: arguments and screens. What does not: moving the link (`versions`) and comparing (`difference`).
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.commands import Printing
from orchestration.errors import PublishError
from orchestration.publish.versions import (
    MANIFEST_FILE,
    VERSIONS,
    find_version,
    published_version,
    read_versions,
    roll_back,
)
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.publish.difference import TableDifference


_EXAMPLES = 10
_SHOWN_COLUMNS = 6
_MEGABYTE = 1 << 20


def add_version_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``versions``, ``rollback`` and ``diff`` to the commands of ``leadrelay``.

    Parameters
    ----------
    commands
        What ``add_subparsers`` of the main parser returned.
    printing
        Makes a command that prints a screen.
    """
    versions = commands.add_parser("versions", help="list the published versions that are kept")
    versions.set_defaults(command=printing(versions_screen))
    rollback = commands.add_parser("rollback", help="publish an earlier version again")
    rollback.add_argument(
        "version", nargs="?", help="its name or the beginning of it; default the one before the current one"
    )
    rollback.set_defaults(command=printing(rollback_screen))
    diff = commands.add_parser("diff", help="show what differs between two published versions")
    diff.add_argument("before", nargs="?", help="the earlier version; default the one before the later")
    diff.add_argument("after", nargs="?", help="the later version; default the current one")
    diff.add_argument("--table", action="append", default=[], help="only this table, with its rows; may be repeated")
    diff.add_argument("--rows", type=int, help=f"rows to show of each table (default {_EXAMPLES} with --table, else 0)")
    diff.add_argument("--json", action="store_true", help="everything as one JSON document")
    diff.set_defaults(command=printing(diff_screen))


def versions_screen(settings: Settings, _options: argparse.Namespace) -> str:
    """List the versions that are kept, the newest first."""
    current = published_version(settings.published_dir)
    manifests = read_versions(settings.published_dir)
    lines = [f"  {'version':<32}  {'as of':<19}  {'rows':>12}  {'MB':>7}  run"]
    for manifest in manifests:
        mark = "*" if manifest["version"] == current.name else " "
        size = sum(file["bytes"] for file in manifest["files"].values()) / _MEGABYTE
        as_of = (manifest["as_of"] or "")[:19]
        lines.append(
            f"{mark} {manifest['version']:<32}  {as_of:<19}  {sum(manifest['tables'].values()):>12,}  {size:>7.1f}  {manifest['run_id']}"
        )
    return "\n".join([*lines, "", "* is published; go back with: leadrelay rollback [VERSION]"])


def rollback_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Publish an earlier version again, and say so."""
    left, now = roll_back(settings.published_dir, options.version)
    if left == now:
        return f"published   {now} (it already was)"
    return "\n".join(
        [
            f"published   {now}",
            f"left        {left} (kept; publish it again with: leadrelay rollback {left})",
            "next        readers that open the file anew see it at once; the next night publishes a new version",
        ]
    )


def diff_screen(settings: Settings, options: argparse.Namespace) -> str:
    """Compare two versions and return the differences for people, or as JSON."""
    from orchestration.publish.difference import compare_versions

    before, after = _sides(settings.published_dir, options.before, options.after)
    manifests = [_manifest(folder) for folder in (before, after)]
    known = manifests[0]["tables"].keys() | manifests[1]["tables"].keys()
    unknown = sorted(set(options.table) - known)
    if unknown:
        message = f"neither version holds {', '.join(unknown)}; they hold: {', '.join(sorted(known))}"
        raise PublishError(message)
    examples = options.rows if options.rows is not None else _EXAMPLES if options.table else 0
    keys = {**manifests[0].get("keys", {}), **manifests[1].get("keys", {})}
    found = compare_versions(before, after, keys, options.table, examples)
    if options.json:
        content = {"before": before.name, "after": after.name, "tables": [asdict(table) for table in found]}
        return json.dumps(content, indent=2, ensure_ascii=False, default=str)
    same = [table for table in found if table.is_same]
    return "\n".join(
        [
            f"before      {before.name} (as of {manifests[0]['as_of']})",
            f"after       {after.name} (as of {manifests[1]['as_of']})",
            "",
            *(line for table in found if not table.is_same for line in _table_lines(table)),
            f"{len(same)} of {len(found)} tables are the same",
        ]
    )


def _sides(published_dir: Path, before: str | None, after: str | None) -> tuple[Path, Path]:
    current = published_version(published_dir)
    later = find_version(published_dir, after) if after else current
    if before:
        return find_version(published_dir, before), later
    earlier = [m["version"] for m in read_versions(published_dir) if m["version"] < later.name]
    if not earlier:
        message = f"no version before {later.name} is kept, so there is nothing to compare it with"
        raise PublishError(message)
    return published_dir / VERSIONS / earlier[0], later


def _manifest(folder: Path) -> Mapping[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    return manifest


def _table_lines(table: "TableDifference") -> Sequence[str]:
    if table.rows_before is None:
        return [f"{table.table}: new, {table.rows_after:,} rows", ""]
    if table.rows_after is None:
        return [f"{table.table}: gone, {table.rows_before:,} rows", ""]
    moves = f"{table.added:,} added, {table.removed:,} removed, {table.changed:,} changed"
    lines = [f"{table.table}: {table.rows_before:,} -> {table.rows_after:,} rows; {moves}"]
    if table.new_columns or table.lost_columns:
        lines.append(
            "  columns: " + ", ".join([*(f"+{c}" for c in table.new_columns), *(f"-{c}" for c in table.lost_columns)])
        )
    if table.columns:
        shown = [f"{column} {count:,}" for column, count in list(table.columns.items())[:_SHOWN_COLUMNS]]
        rest = len(table.columns) - len(shown)
        lines.append("  changed: " + ", ".join([*shown, *([f"and {rest} more columns"] if rest else [])]))
    for row in table.rows:
        key = ", ".join(f"{column} {value}" for column, value in row.key.items())
        values = "; ".join(f"{column} {old} -> {new}" for column, (old, new) in row.values.items())
        lines.append(f"  {row.kind:<7}  {key}{'  ' + values if values else ''}")
    return [*lines, ""]

"""`leadrelay forget`: one person out of everything, in an order that may be broken off and begun again, and the proof.

1. The tombstones, durably: from here on no load brings the person back.
2. Landing, file by file; 3. every published version and audience file; 4. texts that a rebuild would carry over.
5. The warehouse anew from landing, in a new file, and a new version published: nothing of the old file is left to be read.
6. The search of every file below the home, before and after.

What does not belong here: how each of them works.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.commands import Printing
from orchestration.erase.activation import clean_activation
from orchestration.erase.landing import Cleaned, clean_landing, drop_rows, known_texts
from orchestration.erase.person import Known, know, summary_lines
from orchestration.erase.published import CleanedVersion, clean_versions
from orchestration.erase.search import Searched, search_files
from orchestration.erase.tombstones import (
    make_tombstone,
    prepare_hashing,
    raise_tokens,
    raise_tombstones,
    read_tombstones,
    rows_borne,
    write_tombstones,
)
from orchestration.erase.values import ERASED, Sought
from orchestration.errors import LeadrelayError
from orchestration.ingest.contract import Contract, load_contract
from orchestration.ingest.sources import load_sources
from orchestration.ingest.warehouse import connect, prepare
from orchestration.operate.lock import only_night
from orchestration.settings import Settings
from orchestration.sql import quote_literal

_SHOWN = 10
# Home's own files beside landing that the sample company and tools write as lines of text.
_LINE_SUFFIXES = {".csv", ".jsonl", ".log", ".txt"}
_REWRITTEN_ELSEWHERE = ("activation", "landing", "published", "warehouse.duckdb", "dagster")


class NotForgottenError(LeadrelayError):
    """Something of the person is still there; the message is the proof's screen."""


@dataclass(frozen=True)
class Forgotten:
    """What one erasure did.

    Parameters
    ----------
    known
        What the person was known by; None of a sweep.
    rows
        By raw table: rows that went, rows that lost a cell.
    landing, versions
        What was written anew.
    activation
        By folder of an audience: rows that went.
    before, after
        The searches; None of a sweep, which has only keyed hashes and no value to search for.
    outside
        Files of yours outside the home that hold a value.
    """

    known: Known | None
    rows: dict[str, tuple[int, int]]
    landing: tuple[Cleaned, ...] = ()
    versions: tuple[CleanedVersion, ...] = ()
    activation: Mapping[str, int] = field(default_factory=dict)
    before: Searched | None = None
    after: Searched | None = None
    outside: tuple[str, ...] = ()


def add_forget_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", printing: Printing) -> None:
    """Add ``forget`` to the commands of ``leadrelay``."""
    forget_parser = commands.add_parser("forget", help="remove one person from every file, for good, and prove it")
    who = forget_parser.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "identity", metavar="ID", nargs="?", help="a person_id, a record id or key, an e-mail address or a phone number"
    )
    who.add_argument(
        "--sweep", action="store_true", help="take persons forgotten before out of files that have landed since"
    )
    forget_parser.add_argument("--yes", action="store_true", help="do it; without this, only say what would be done")
    forget_parser.set_defaults(command=printing(_screen))


def _screen(settings: Settings, options: argparse.Namespace) -> str:
    done = forget(settings, options.identity, is_meant=options.yes)
    screen = "\n".join(_lines(done, settings, is_done=options.yes))
    if done.after is not None and done.after.found:
        raise NotForgottenError(screen)
    return screen


def forget(settings: Settings, identity: str | None, *, is_meant: bool = True) -> Forgotten:
    """Remove a person from everything.

    Parameters
    ----------
    settings
        The home; nobody else may hold its warehouse.
    identity
        Who; None takes those who were forgotten before out of what has landed since.
    is_meant
        Whether to do it; otherwise only what would be done is found out.

    Returns
    -------
    Forgotten
        What was done, with the proof.

    Raises
    ------
    LeadrelayError
        If the person is not found, a night is running, or the night that builds it anew did not publish. The tombstones hold from the
        moment that they are written; giving the command again goes on.
    """
    if not settings.warehouse_path.exists():
        raise LeadrelayError(f"there is no warehouse in {settings.home} yet. Type: leadrelay run")
    # From the first look to the proof: a night in between could publish, or load, what is being taken out.
    with only_night(settings):
        return _forget(settings, identity, is_meant=is_meant)


def _forget(settings: Settings, identity: str | None, *, is_meant: bool) -> Forgotten:
    contract = load_contract(settings.models_dir)
    with connect(settings) as connection:
        prepare(connection, contract)
        prepare_hashing(connection, settings.home)
        known = know(settings, connection, contract, identity) if identity else None
        sought = Sought(known.values if known else ())
        tombstone = make_tombstone(connection, known.forms) if known else None
        if tombstone is not None:
            raise_tokens(connection, settings.home, tombstone.tokens)
        else:
            raise_tombstones(connection, settings.home)
        rows = rows_borne(connection, contract)
        names = _names(connection, known)
    if known is not None and not known.person_ids and not rows:
        raise LeadrelayError("nobody is known by that, and no row in raw holds it. Nothing was changed.")
    before = search_files([settings.home], sought) if known else None
    if not is_meant:
        return Forgotten(known, rows, before=before)
    if tombstone is not None:
        write_tombstones(settings.home, [*read_tombstones(settings.home), tombstone])
    with connect(settings) as connection:
        raise_tombstones(connection, settings.home)
        sources = load_sources(settings.sources_file, contract)
        texts = known_texts(value.text for value in known.values) if known else frozenset()
        landing = clean_landing(connection, settings, contract, sources, sought, texts)
        _redact_kept(connection, sought)
        as_of = connection.execute("select max(as_of) from ops.as_of").fetchone()
    versions = clean_versions(settings.published_dir, names, sought) if known else []
    activation = clean_activation(settings.home, names, sought) if known else {}
    _clean_other_files(settings, sought)
    _build_anew(settings, as_of[0] if as_of else None)
    _assert_no_row_left(settings, contract)
    after = search_files([settings.home], sought) if known else None
    outside = tuple(str(one.path) for one in search_files(_yours(settings), sought).found)
    return Forgotten(known, rows, tuple(landing), tuple(versions), activation, before, after, outside)


def _names(connection: duckdb.DuckDBPyConnection, known: Known | None) -> frozenset[str]:
    """Return ids, and the keyed hashes under which the open file names the person's values."""
    if known is None:
        return frozenset()
    texts = sorted({value.text for value in known.values} | {form for _, form in known.forms})
    hashes = connection.execute(
        "select hmac_sha256(text) from (select unnest(?::varchar[]) as text)", [texts]
    ).fetchall()
    return frozenset({*known.person_ids, *known.record_ids, *(digest for (digest,) in hashes)})


def _redact_kept(connection: duckdb.DuckDBPyConnection, sought: Sought) -> None:
    """Take the values out of what people wrote and a rebuild carries over."""
    if sought:
        connection.execute(
            f"update ops.identity_acceptances set reason = regexp_replace(reason, ?, {quote_literal(f'(1){ERASED}(2)')}, 'g') "
            "where regexp_matches(reason, ?)".replace("(1)", "\\1").replace("(2)", "\\2"),
            [sought.in_sql, sought.in_sql],
        )


def _clean_other_files(settings: Settings, sought: Sought) -> None:
    """Take lines and rows with a value out of logs and of the sample company's truth; what else holds one is found by the proof."""
    if not sought:
        return
    for path in sorted(settings.home.rglob("*")):
        inside = path.relative_to(settings.home).parts[0]
        if inside in _REWRITTEN_ELSEWHERE or not path.is_file() or path.is_symlink():
            continue
        if path.suffix == ".parquet":
            drop_rows(path, sought)
        elif path.suffix in _LINE_SUFFIXES and sought.in_text_bytes.search(path.read_bytes()):
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(line for line in lines if not sought.in_text_bytes.search(line)))


def _build_anew(settings: Settings, as_of: datetime | None) -> None:
    from orchestration.operate.night import run_night

    night = run_night(settings, as_of.isoformat() if as_of else None, from_scratch=True, reads_sources=False)
    if night.failure is not None:
        raise LeadrelayError(
            f"the person is out of landing and of every published version, but the warehouse was not built anew: {night.failure.message}\n"
            "Correct that, then: leadrelay forget --sweep --yes"
        )


def _assert_no_row_left(settings: Settings, contract: Contract) -> None:
    with connect(settings) as connection:
        raise_tombstones(connection, settings.home)
        left = rows_borne(connection, contract)
    if left:
        raise LeadrelayError(
            f"rows of forgotten persons are in raw again: {', '.join(left)}. This is a defect: report it."
        )


def _yours(settings: Settings) -> list[Path]:
    """Return what is not the home's and may name a person: seeds, the folders that files are copied from."""
    contract = load_contract(settings.models_dir)
    sources = load_sources(settings.sources_file, contract)
    feeds = [feed for name in contract.tables for feed in sources.feeds(name)]
    folders = {
        Path(location) for feed in feeds if (location := getattr(feed, "location", None)) and "://" not in str(location)
    }
    return [
        path for path in (settings.seeds_dir, settings.own_seeds_dir, settings.sources_file, *sorted(folders)) if path
    ]


def _lines(done: Forgotten, settings: Settings, *, is_done: bool) -> Sequence[str]:
    lines = [*summary_lines(done.known)] if done.known else ["sweep       of persons forgotten before"]
    rows, cells = (sum(count[i] for count in done.rows.values()) for i in (0, 1))
    lines.append(f"raw         {rows:,} rows in {len(done.rows)} tables, {cells:,} cells in rows that stay")
    lines += [f"  {count[0]:>7,}  {table}" for table, count in sorted(done.rows.items())]
    if is_done:
        landed = sum(one.rows for one in done.landing)
        lines.append(
            f"landing     {landed:,} rows out of {len(done.landing)} files, {sum(one.cells for one in done.landing):,} changed"
        )
        gone = sum(sum(one.rows.values()) for one in done.versions)
        lines.append(f"published   {gone:,} rows out of {len(done.versions)} older versions, and a new one")
        if done.activation:
            lines.append(
                f"activation  {sum(done.activation.values()):,} rows out of {len(done.activation)} audience files"
            )
        lines.append("warehouse   built anew from landing, in a new file")
    if done.before is not None and done.known is not None:
        lines += ["", *_proof_lines(done, settings)]
    if not is_done:
        lines += ["", "Nothing was changed. This cannot be undone; to do it, add --yes"]
    lines += (
        ["", "Yours to change, since they are not the home's:", *(f"  {path}" for path in done.outside)]
        if done.outside
        else []
    )
    return lines


def _proof_lines(done: Forgotten, settings: Settings) -> list[str]:
    values = Sought(done.known.values if done.known else ()).values
    short = len(done.known.values if done.known else ()) - len(values)
    lines = [
        f"search      {len(values)} values ({short} too short to be anybody's are checked in their columns) in every file below {settings.home}"
    ]
    for title, searched in (("before", done.before), ("after", done.after)):
        if searched is not None:
            places = sum(one.places for one in searched.found)
            lines.append(
                f"  {title:<7}   {places:,} places in {len(searched.found)} of {searched.files:,} files "
                f"({searched.byte_count / (1 << 20):,.0f} MB, {searched.cells:,} cells)"
            )
    last = done.after or done.before
    still = done.after.found if done.after is not None else ()
    lines += [
        f"  STILL     {one.path.relative_to(settings.home)}: {one.places:,} in {one.why}" for one in still[:_SHOWN]
    ]
    lines += [f"  unread    {problem}" for problem in (last.unreadable if last else ())[:_SHOWN]]
    if done.after is not None:
        lines.append(
            "proof       nothing found"
            if not done.after.found
            else "proof       FAILED: remove the files above, then give the command again"
        )
    return lines

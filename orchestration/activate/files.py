"""The files of one audience: CSV for people, Parquet for programs, and a manifest that says what is in them and who is not.

They are made in a hidden folder and put in place by renaming it, below ``activation/<audience>/<published version>`` of the home, mode 0600:
what is written to people stands nowhere else, so that forgetting somebody reaches it. Rows are chosen and written inside DuckDB.
What does not belong here: which audiences there are (`audiences`).
"""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.activate.audiences import Audience, audiences_file
from orchestration.errors import ConfigError, LeadrelayError, StorageError, first_line, storage_problem
from orchestration.export import write_csv
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE, SCHEMA
from orchestration.publish.versions import MANIFEST_FILE, published_version
from orchestration.settings import Settings
from orchestration.sql import quote_identifier, quote_literal

FOLDER = "activation"
HIDDEN_PREFIX = ".tmp-"
_OWNER_ONLY = 0o600
_PERSON, _ADDRESS = "person_id", "address"
_PROFILES, _CONTACTS = "dim_person", "mart_contactability"
# What leaves somebody out besides the reasons of mart_contactability.
_NO_ADDRESS, _CLEANED_OUT = "no_address", "cleaned_out"
_BATCH = 10_000

Columns = Mapping[str, Sequence[str]]


class NotActivatedError(LeadrelayError):
    """No file was written; those written before stand."""


@dataclass(frozen=True)
class Activated:
    """What one audience became.

    Parameters
    ----------
    folder
        Where its files stand.
    manifest
        Content of its manifest.
    """

    folder: Path
    manifest: Mapping[str, Any]


def activate(settings: Settings, audiences: Sequence[Audience]) -> list[Activated]:
    """Write the files of some audiences from what is published now.

    Parameters
    ----------
    settings
        The home.
    audiences
        From `orchestration.activate.audiences.choose`.

    Returns
    -------
    list of Activated
        One for each, in the same order.

    Raises
    ------
    NothingPublishedError
        Before the first publish.
    NotActivatedError
        If the people file cannot be read.
    ConfigError
        If an audience names a table or column that is not published, or a channel or purpose that consent does not know; nothing is written.
    StorageError
        If the disk refuses; the files of this audience that were written before stand.
    """
    version = published_version(settings.published_dir)
    people = version / PEOPLE_FILE
    if not people.is_file() or not os.access(people, os.R_OK):
        raise NotActivatedError(
            f"{people} is not there or may not be read by this user. Addresses stand in this file alone, so no file was written; "
            "those written before stand. Run the command as the user who runs the night, where that file is kept."
        )
    published = json.loads((version / MANIFEST_FILE).read_text(encoding="utf-8"))
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        columns = _open(connection, version)
        problems = [f"{one.name}: {problem}" for one in audiences for problem in _problems(connection, columns, one)]
        if problems:
            raise ConfigError(
                f"{audiences_file(settings)}: nothing was written; correct these rows:\n  " + "\n  ".join(problems)
            )
        return [_write(connection, settings, columns, one, published) for one in audiences]


def _open(connection: duckdb.DuckDBPyConnection, version: Path) -> Columns:
    """Make a view of each published table, of its people's form where there is one, and return the columns by table."""
    for file, alias in ((MARTS_FILE, "marts_file"), (PEOPLE_FILE, "people_file")):
        try:
            connection.execute(f"attach {quote_literal(str(version / file))} as {alias} (read_only)")
        except duckdb.Error as error:
            raise NotActivatedError(
                f"{version / file} cannot be opened ({first_line(error)}); no file was written. Type: leadrelay run"
            ) from error
    found: dict[str, list[str]] = {}
    rows = connection.execute(
        "select database_name, table_name, list(column_name order by column_index) from duckdb_columns() "
        "where database_name in ('marts_file', 'people_file') and schema_name = ? group by all order by all",
        [SCHEMA],
    ).fetchall()
    # people_file comes after marts_file, so its tables, which hold everything in clear, take the place of the masked ones.
    for alias, table, names in rows:
        found[table] = names
        connection.execute(
            f"create or replace temporary view {quote_identifier(table)} as select * from {alias}.{SCHEMA}.{quote_identifier(table)}"
        )
    return found


def _problems(connection: duckdb.DuckDBPyConnection, columns: Columns, audience: Audience) -> Iterable[str]:
    mine = columns.get(audience.mart)
    if mine is None:
        yield f"no table {audience.mart!r} is published"
        return
    if _PERSON not in mine:
        yield f"{audience.mart} has no column {_PERSON}, so it holds no people"
    yield from (f"{audience.mart} has no column {name!r} to filter by" for name in audience.filters if name not in mine)
    known = {*mine, *columns[_PROFILES]}
    yield from (
        f"neither {audience.mart} nor {_PROFILES} has a column {name!r}"
        for name in audience.columns
        if name not in known
    )
    for field, value in (("channel", audience.channel), ("purpose", audience.purpose)):
        values = {
            row[0]
            for row in connection.execute(f"select distinct {field} from {quote_identifier(_CONTACTS)}").fetchall()
        }
        if values and value not in values:
            yield f"{field} {value!r} is none that {_CONTACTS} decides on; it knows {', '.join(sorted(values))}"


def _write(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    columns: Columns,
    audience: Audience,
    published: Mapping[str, Any],
) -> Activated:
    parent = settings.home / FOLDER / audience.name
    folder = parent / f"{HIDDEN_PREFIX}{published['version']}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in parent.glob(f"{HIDDEN_PREFIX}*"):
            shutil.rmtree(leftover)
        folder.mkdir(mode=0o700)
        left_out = _select(connection, columns, audience)
        names = [_PERSON, _ADDRESS, *(name for name in audience.columns if name not in {_PERSON, _ADDRESS})]
        rows = write_tables(connection, "audience_rows", names, folder, audience.name)
        people = connection.execute(f"select count(distinct {_PERSON}) from audience_rows").fetchone()
        manifest = {
            "audience": audience.name,
            "version": published["version"],
            "as_of": published["as_of"],
            "written_at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
            "purpose": audience.purpose,
            "channel": audience.channel,
            "mart": audience.mart,
            "filters": {column: list(values) for column, values in audience.filters.items()},
            "columns": names,
            "rows": rows,
            "people": int(people[0]) if people else 0,
            "left_out": dict(sorted(left_out.items())),
            "files": checksums(folder),
        }
        write_manifest(folder, manifest)
        return Activated(put_in_place(folder, parent / str(published["version"])), manifest)
    except (OSError, duckdb.IOException) as error:
        raise StorageError(storage_problem(str(error)) or f"{folder}: {first_line(error)}") from error
    finally:
        if folder.exists():
            shutil.rmtree(folder)


def _select(connection: duckdb.DuckDBPyConnection, columns: Columns, audience: Audience) -> Counter[str]:
    """Make the table of the audience's rows that may be used; return how many people are left out, by reason."""
    conditions = [
        f"cast(members.{quote_identifier(column)} as varchar) in ({', '.join(map(quote_literal, values))})"
        for column, values in audience.filters.items()
    ]
    mine = columns[audience.mart]
    wanted = [
        f"{'members' if name in mine else 'profiles'}.{quote_identifier(name)}"
        for name in audience.columns
        if name not in {_PERSON, _ADDRESS}
    ]
    connection.execute(
        f"""
        create or replace temporary table judged as
        select
            members.{_PERSON},
            contacts.identifier_value as {_ADDRESS},
            {"".join(f"{one}, " for one in wanted)}
            case
                when coalesce(profiles.is_cleaned_out, true) then {quote_literal(_CLEANED_OUT)}
                when contacts.{_PERSON} is null then {quote_literal(_NO_ADDRESS)}
                when not contacts.is_contactable then contacts.reason
            end as left_out_by
        from {quote_identifier(audience.mart)} as members
        left join {_PROFILES} as profiles on members.{_PERSON} = profiles.{_PERSON}
        left join {_CONTACTS} as contacts
            on members.{_PERSON} = contacts.{_PERSON} and contacts.channel = ? and contacts.purpose = ?
        where {" and ".join(conditions) or "true"}
        """,
        [audience.channel, audience.purpose],
    )
    connection.execute(
        "create or replace temporary table audience_rows as "
        "select distinct * exclude (left_out_by) from judged where left_out_by is null"
    )
    counted = connection.execute(
        f"select left_out_by, count(distinct {_PERSON}) from judged where left_out_by is not null group by all"
    ).fetchall()
    return Counter({str(reason): int(count) for reason, count in counted})


def write_tables(
    connection: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str], folder: Path, stem: str
) -> int:
    """Write a relation as CSV and as Parquet, in an order of its own rows alone.

    Parameters
    ----------
    connection
        That knows the relation.
    relation
        A table's name or a table function, as SQL.
    names
        Columns to write, in this order; the rows stand in the order of the first, then of the others.
    folder, stem
        Where to, and the files' name without its ending.

    Returns
    -------
    int
        Rows written.
    """
    chosen = ", ".join(map(quote_identifier, names))
    query = f"select {chosen} from {relation} order by all"
    parquet, table = folder / f"{stem}.parquet", folder / f"{stem}.csv"
    connection.execute(f"copy ({query}) to {quote_literal(str(parquet))} (format parquet)")
    cursor = connection.execute(query)
    with table.open("w", encoding="utf-8", newline="") as stream:
        write_csv(stream, names, _rows(cursor))
    for path in (parquet, table):
        path.chmod(_OWNER_ONLY)
    row = connection.execute(f"select count(*) from read_parquet({quote_literal(str(parquet))})").fetchone()
    return int(row[0]) if row else 0


def checksums(folder: Path) -> dict[str, dict[str, Any]]:
    """Return checksum and size of each file of a folder but its manifest."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST_FILE:
            with path.open("rb") as stream:
                found[path.name] = {
                    "sha256": hashlib.file_digest(stream, "sha256").hexdigest(),
                    "bytes": path.stat().st_size,
                }
    return found


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of an audience's files, for its owner alone."""
    path = folder / MANIFEST_FILE
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    path.chmod(_OWNER_ONLY)


def put_in_place(folder: Path, target: Path) -> Path:
    """Rename a finished folder to its name; one that stood there before is moved aside first and then removed.

    Parameters
    ----------
    folder
        Hidden, beside its target.
    target
        Its name.
    """
    aside = target.with_name(f"{HIDDEN_PREFIX}old-{target.name}")
    if target.exists():
        target.rename(aside)
    folder.rename(target)
    if aside.exists():
        shutil.rmtree(aside)
    return target


def drop_before(home: Path, limit: datetime) -> int:
    """Remove audience files that were written before a moment.

    Parameters
    ----------
    home
        ``LEADRELAY_HOME``.
    limit
        With a timezone.

    Returns
    -------
    int
        Folders removed.
    """
    due = [
        path.parent
        for path in sorted((home / FOLDER).glob(f"*/*/{MANIFEST_FILE}"))
        if datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["written_at"]) < limit
    ]
    for folder in due:
        shutil.rmtree(folder)
    return len(due)


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while batch := cursor.fetchmany(_BATCH):
        yield from batch

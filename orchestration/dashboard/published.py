"""Reading the published version of now: one short read-only connection per query, never the warehouse, never an older night.

A query is a file of ``queries/``; its parameters are named in it (``$from_month``). What does not belong here: Streamlit, caching, words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.errors import LeadrelayError, first_line
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.publish.versions import CURRENT, published_version, read_manifest
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

QUERIES = Path(__file__).parent / "queries"
_PARAMETER = re.compile(r"\$([a-z_]+)")
# Nothing is downloaded, nothing outside the file is read.
_CLOSED = """
    set TimeZone = 'UTC';
    set autoinstall_known_extensions = false;
    set autoload_known_extensions = false;
    set enable_external_access = false
"""


class VersionVanishedError(LeadrelayError):
    """What ``current`` points to is not there, or went while it was read."""


class BrokenVersionError(LeadrelayError):
    """A published file is there and cannot be read."""


class NotPublishedError(LeadrelayError):
    """The version holds no such table or column: it is of an older leadrelay, or the mart is not built yet."""


@dataclass(frozen=True)
class Version:
    """The published version at one moment.

    Parameters
    ----------
    folder
        Its folder, the link resolved.
    manifest
        Its ``manifest.json``.
    has_people
        Whether the file with personal data is there and may be read by this user.
    """

    folder: Path
    manifest: Mapping[str, Any]
    has_people: bool

    @property
    def name(self) -> str:
        """Return the version's name, which no other version ever has."""
        return self.folder.name

    @property
    def as_of(self) -> str:
        """Return the moment that it looks back from, ISO 8601 in UTC; empty when none is told."""
        return str(self.manifest.get("as_of") or "")


def version_of_now(settings: Settings) -> Version:
    """Return what is published now.

    Parameters
    ----------
    settings
        The home.

    Raises
    ------
    NothingPublishedError
        Before the first publish.
    VersionVanishedError
        If the link leads nowhere.
    BrokenVersionError
        If the manifest cannot be read.
    """
    link = settings.published_dir / CURRENT
    if link.is_symlink() and not link.exists():
        raise VersionVanishedError(
            f"{link} leads to a version that is gone. Type: leadrelay versions, then: leadrelay rollback VERSION"
        )
    folder = published_version(settings.published_dir)
    try:
        manifest = read_manifest(settings.published_dir) or {}
    except (OSError, ValueError) as error:
        raise BrokenVersionError(f"{folder.name}: the manifest cannot be read ({first_line(error)})") from error
    return Version(folder, manifest, _may_read(folder / PEOPLE_FILE))


def read(folder: Path, query: str, parameters: Mapping[str, Any], *, with_people: bool = False) -> "pd.DataFrame":
    """Run one query of ``queries/`` and close the file again.

    Parameters
    ----------
    folder
        A published version.
    query
        Name of the query, which is its file's.
    parameters
        By name; those that the query does not name are left out.
    with_people
        Read the file with personal data in place of the open one.

    Returns
    -------
    pandas.DataFrame
        Its rows, in the query's order.

    Raises
    ------
    NotPublishedError
        If the version lacks a table or column of the query.
    VersionVanishedError
        If the file is gone.
    BrokenVersionError
        If the file cannot be read.
    """
    sql = query_text(query)
    named = set(_PARAMETER.findall(sql))
    path = folder / (PEOPLE_FILE if with_people else MARTS_FILE)
    if not path.exists():
        raise VersionVanishedError(f"{path} is gone: a newer version took its place. Load the page again.")
    try:
        # Without settings of its own, so that whoever else has the file open in this process is in nobody's way.
        with duckdb.connect(str(path), read_only=True) as connection:
            connection.execute(_CLOSED)
            wanted = {name: value for name, value in parameters.items() if name in named}
            return connection.execute(sql, wanted).df()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise NotPublishedError(first_line(error)) from error
    except duckdb.Error as error:
        if not path.exists():
            raise VersionVanishedError(f"{path} went while it was read. Load the page again.") from error
        raise BrokenVersionError(
            f"{path} cannot be read ({first_line(error)}). Type: leadrelay rollback, or publish anew with: leadrelay run"
        ) from error


@cache
def query_text(query: str) -> str:
    """Return the SQL of a query."""
    return (QUERIES / f"{query}.sql").read_text(encoding="utf-8")


def _may_read(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False

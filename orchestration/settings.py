"""Where things are: the only module that reads leadrelay's environment variables.

What belongs here: paths. What does not: rules (``seeds/``) and source mappings (``sources.yml``).
Nothing is read at import; call `load_settings` when a command starts.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from orchestration.errors import ConfigError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
ALERT_URLS = "LEADRELAY_ALERT_URLS"
LANGUAGE = "LEADRELAY_LANGUAGE"
LANGUAGES = ("en", "zh")
# After the last export of the evening and before the first reader; the timezone is the company's, not the server's.
_NIGHT = "0 2 * * *"
_CRON_FIELDS = 5
_SETTLE_SECONDS = 60


@dataclass(frozen=True)
class Settings:
    """Absolute paths of one leadrelay home.

    Parameters
    ----------
    home
        Folder that holds landing, warehouse, published files and Dagster's state (``LEADRELAY_HOME``).
    sources_file
        The YAML file that says which source tables exist (``LEADRELAY_SOURCES``).
    project_root
        The checkout: ``dbt_project/``, ``models/``, ``seeds/`` and ``expectations/`` lie in it.
    own_link_model_dir
        Folder of a trained model of probable links (``LEADRELAY_LINK_MODEL``); without it the bundled one is used.
    own_seeds_dir
        Folder of seeds that take the place of those of the same path in ``seeds/`` (``LEADRELAY_SEEDS``); the others stay.
    """

    home: Path
    sources_file: Path
    project_root: Path = PROJECT_ROOT
    own_link_model_dir: Path | None = None
    own_seeds_dir: Path | None = None

    @property
    def landing_dir(self) -> Path:
        """Immutable landed files: ``<source>/<table>/<arrival date>/<file>``."""
        return self.home / "landing"

    @property
    def readers_dir(self) -> Path:
        """How far each reader has come; without it the next run reads everything again."""
        return self.home / "readers"

    @property
    def warehouse_path(self) -> Path:
        """The working DuckDB file; only the nightly's rooms open it."""
        return self.home / "warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        """What BI reads: ``versions/`` and the link ``current``."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """Dagster's run and event storage."""
        return self.home / "dagster"

    @property
    def dbt_target_dir(self) -> Path:
        """Dbt's manifest, partial parse state and compiled SQL."""
        return self.home / "dbt"

    @property
    def dbt_project_dir(self) -> Path:
        """The folder with ``dbt_project.yml`` and ``profiles.yml``."""
        return self.project_root / "dbt_project"

    @property
    def models_dir(self) -> Path:
        """SQL models; the source ymls below ``staging/`` are the raw contract."""
        return self.project_root / "models"

    @property
    def link_model_dir(self) -> Path:
        """The model of probable links: ``training.yml``, ``link_thresholds.csv`` and what training wrote beside them."""
        return self.own_link_model_dir or self.project_root / "orchestration" / "identity" / "link_model"

    @property
    def seeds_dir(self) -> Path:
        """The checkout's seeds, the rules as CSV."""
        return self.project_root / "seeds"

    @property
    def expectations_dir(self) -> Path:
        """Great Expectations suites as JSON."""
        return self.project_root / "expectations"


@dataclass(frozen=True)
class Timing:
    """When the daemon works.

    Parameters
    ----------
    cron
        Minute, hour, day, month and weekday of the night (``LEADRELAY_SCHEDULE``).
    timezone
        In which they are read (``LEADRELAY_TIMEZONE``).
    watches_landing
        Whether files that have settled are loaded between the nights (``LEADRELAY_WATCH``).
    settle_seconds
        How long a file's size and time must have stood still (``LEADRELAY_SETTLE_SECONDS``).
    """

    cron: str
    timezone: str
    watches_landing: bool
    settle_seconds: float


def load_timing() -> Timing:
    """Read when the daemon works.

    Returns
    -------
    Timing
        Default: two in the morning, UTC, without watching.

    Raises
    ------
    ConfigError
        If a variable holds no timezone, no cron schedule or no number.
    """
    cron = os.environ.get("LEADRELAY_SCHEDULE") or _NIGHT
    timezone = os.environ.get("LEADRELAY_TIMEZONE") or "UTC"
    settle = os.environ.get("LEADRELAY_SETTLE_SECONDS") or str(_SETTLE_SECONDS)
    if timezone not in available_timezones():
        raise ConfigError(f"LEADRELAY_TIMEZONE is {timezone!r}, which is no timezone; write it like Europe/Berlin.")
    if len(cron.split()) != _CRON_FIELDS:
        raise ConfigError(f"LEADRELAY_SCHEDULE is {cron!r}, which is no cron schedule; write it like '0 2 * * *'.")
    try:
        settle_seconds = float(settle)
    except ValueError as error:
        raise ConfigError(f"LEADRELAY_SETTLE_SECONDS is {settle!r}, which is no number of seconds.") from error
    return Timing(cron, timezone, os.environ.get("LEADRELAY_WATCH", "") not in {"", "0", "false"}, settle_seconds)


def load_alert_urls() -> str:
    """Return what ``LEADRELAY_ALERT_URLS`` holds; secrets, so they are never part of `Settings`, which may be shown."""
    return os.environ.get(ALERT_URLS) or ""


@dataclass(frozen=True)
class Reporting:
    """What is made beside a published version for people to look at.

    Parameters
    ----------
    is_on
        Whether a night makes a report (``LEADRELAY_REPORT``; ``off`` for none).
    has_pictures
        Whether it draws PNGs as well (``LEADRELAY_REPORT=html`` for none): they cost more than the page.
    languages
        The first is shown first (``LEADRELAY_LANGUAGE``).
    """

    is_on: bool
    has_pictures: bool
    languages: tuple[str, ...]


def load_reporting() -> Reporting:
    """Read what a night makes for people to look at.

    Returns
    -------
    Reporting
        Default: the page and its pictures, English first.

    Raises
    ------
    ConfigError
        If a variable holds a word that means nothing.
    """
    kind = os.environ.get("LEADRELAY_REPORT") or "full"
    language = os.environ.get(LANGUAGE) or LANGUAGES[0]
    if kind not in {"full", "html", "off"}:
        raise ConfigError(f"LEADRELAY_REPORT is {kind!r}; write full (page and pictures), html (the page) or off.")
    if language not in LANGUAGES:
        raise ConfigError(f"LEADRELAY_LANGUAGE is {language!r}; write {' or '.join(LANGUAGES)}.")
    others = tuple(one for one in LANGUAGES if one != language)
    return Reporting(kind != "off", kind == "full", (language, *others))


def load_settings() -> Settings:
    """Read ``LEADRELAY_HOME``, ``LEADRELAY_SOURCES``, ``LEADRELAY_LINK_MODEL`` and ``LEADRELAY_SEEDS`` and return absolute paths.

    Returns
    -------
    Settings
        Defaults: ``.leadrelay/``, ``sources.yml``, the bundled link model and no seeds but those in the checkout.
    """
    home = Path(os.environ.get("LEADRELAY_HOME") or PROJECT_ROOT / ".leadrelay")
    sources_file = Path(os.environ.get("LEADRELAY_SOURCES") or PROJECT_ROOT / "sources.yml")
    link_model = os.environ.get("LEADRELAY_LINK_MODEL")
    seeds = os.environ.get("LEADRELAY_SEEDS")
    return Settings(
        home=home.expanduser().resolve(),
        sources_file=sources_file.expanduser().resolve(),
        own_link_model_dir=Path(link_model).expanduser().resolve() if link_model else None,
        own_seeds_dir=Path(seeds).expanduser().resolve() if seeds else None,
    )

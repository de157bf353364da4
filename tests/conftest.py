"""What tests share: one warehouse for the whole session, and copies of it for tests that change it.

A nightly costs seconds, so one runs for everybody; whoever only reads uses `warehouse_home`, whoever changes anything `home_copy`.
`make test` runs the files on two processes (pytest-xdist): what is made once is made by the first of them and found by the other.
"""

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from orchestration.operate.outcome import Night
from orchestration.settings import PROJECT_ROOT, Settings

SAMPLE_PEOPLE = 600
SAMPLE_DAYS = 400
SAMPLE_SEED = 11


# Longest first, so that no process is left alone with them at the end; the first needs the session's night, the second none.
_ORDER = (
    "tests/e2e/test_nights",
    "tests/property",
    "tests/e2e",
    "tests/integration/examples",
    "tests/integration",
    "tests/unit",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the files for several processes; one alone keeps the folders' order."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next(place for place, start in enumerate(_ORDER) if item.nodeid.startswith(start)))


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def _no_usage_reporting():
    from orchestration.operate.privacy import switch_off_usage_reporting

    switch_off_usage_reporting()
    os.environ.pop("LEADRELAY_HOME", None)
    # A report costs each of the many nights some CPU-seconds; its own tests make one.
    os.environ["LEADRELAY_REPORT"] = "off"


@pytest.fixture(scope="session", autouse=True)
def _project_parsed_once(common_folder: Path) -> Iterator[None]:
    """Parse the dbt project once for all homes of this session: reading it whole takes over ten seconds each time.

    dbt keeps what it parsed beside each home and throws it away when the warehouse's path is another. No model reads the path, so here
    it does not count, and a home without a parse of its own begins with the first one. So does a copy of the checkout: dbt compares the
    content of each file and reads again what is another. Only another folder of the link model makes it start from nothing.
    """
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    from orchestration.transform import project, runner

    kept = common_folder / "parsed"
    kept.mkdir(exist_ok=True)
    ours = (PROJECT_ROOT / "dbt_project" / "dbt_project.yml").read_bytes()
    connection_keys = DuckDBCredentials._connection_keys
    session = project.dbt_session

    @contextmanager
    def session_with_parse(settings: Settings) -> Iterator[None]:
        own = settings.dbt_target_dir / "partial_parse.msgpack"
        # A project of a test's own, with other models, is none of these.
        is_ours = (settings.dbt_project_dir / "dbt_project.yml").read_bytes() == ours
        link_model = os.path.relpath(settings.link_model_dir, settings.project_root)
        name = f"{is_ours or settings.project_root} {link_model} {settings.own_seeds_dir or ''}"
        shared = kept / name.replace("/", "_")
        if shared.exists() and not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shared, own)
        with session(settings):
            yield
        if own.exists() and not shared.exists():
            # Whole or not at all: the other process may look for it now.
            copy = shared.with_suffix(f".{os.getpid()}")
            shutil.copy(own, copy)
            copy.replace(shared)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            DuckDBCredentials,
            "_connection_keys",
            lambda credentials: tuple(key for key in connection_keys(credentials) if key != "path"),
        )
        for module in (project, runner):
            patch.setattr(module, "dbt_session", session_with_parse)
        yield


@pytest.fixture(scope="session")
def first_night(common_folder: Path) -> tuple[Settings, Night]:
    """A home with the sample company after its first nightly, and how that nightly ended. Read only."""
    from orchestration.operate.night import run_night
    from orchestration.sample import write_sample

    told = common_folder / "first_night.pickle"
    with FileLock(common_folder / "first_night.lock"):
        if not told.exists():
            # A space in the path, since a checkout or home may lie in one.
            home = common_folder / "lead relay" / "home"
            settings = Settings(home=home, sources_file=PROJECT_ROOT / "sources.yml")
            write_sample(settings.landing_dir, SAMPLE_PEOPLE, SAMPLE_DAYS, SAMPLE_SEED)
            told.write_bytes(pickle.dumps((settings, run_night(settings))))
    settings, night = pickle.loads(told.read_bytes())  # noqa: S301 - written some lines above
    return settings, night


@pytest.fixture(scope="session")
def warehouse_home(first_night: tuple[Settings, Night]) -> Settings:
    """The settings of the session's home; fails here, once, with the reason when the nightly did not end well."""
    settings, night = first_night
    assert night.failure is None, night.failure
    return settings


@pytest.fixture(scope="session")
def warehouse(warehouse_home: Settings):
    """A read-only connection to the session's warehouse."""
    with duckdb.connect(str(warehouse_home.warehouse_path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="session")
def sample_truth_dir(warehouse_home: Settings) -> Path:
    """The folder with the sample company's truth."""
    return warehouse_home.home / "truth"


@pytest.fixture
def home_copy(warehouse_home: Settings, tmp_path: Path) -> Settings:
    """A copy of the session's home that a test may change."""
    return copy_home(warehouse_home, tmp_path / "home")


@pytest.fixture(scope="session")
def copied_home(warehouse_home: Settings) -> Callable[[Path], Settings]:
    """A function that copies the session's home to a given folder."""
    return lambda target: copy_home(warehouse_home, target)


def copy_home(settings: Settings, target: Path) -> Settings:
    # Links stay links: `published/current` must point into the copy.
    shutil.copytree(settings.home, target, symlinks=True)
    return replace(settings, home=target)

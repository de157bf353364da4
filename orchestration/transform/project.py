"""Dbt's manifest and environment for one leadrelay home.

The manifest is what Dagster's asset graph and the publisher read. It is made on demand, when the home has none or any file of
the dbt project has changed since; dbt's partial parse state beside it keeps that short.
What does not belong here: running models (`runner`).
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from orchestration.errors import ConfigError
from orchestration.settings import Settings
from orchestration.transform.seeds import seed_folder

_STAMP = "manifest.stamp"
_PROJECT_SUFFIXES = frozenset({".sql", ".yml", ".yaml", ".csv", ".md", ".py"})


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that point dbt at one home.

    Parameters
    ----------
    settings
        The home and checkout to run in.

    Returns
    -------
    dict
        Absolute paths of warehouse, target and log folder, and the switches that keep dbt from reporting its use.
    """
    return {
        "LEADRELAY_WAREHOUSE": str(settings.warehouse_path),
        "DBT_TARGET_PATH": str(settings.dbt_target_dir),
        "DBT_LOG_PATH": str(settings.dbt_target_dir / "logs"),
        "DBT_PROJECT_DIR": str(settings.dbt_project_dir),
        "DBT_PROFILES_DIR": str(settings.dbt_project_dir),
        # dbt takes a seed folder relative to the project only.
        "LEADRELAY_LINK_MODEL": os.path.relpath(settings.link_model_dir, settings.dbt_project_dir),
        "LEADRELAY_SEEDS": os.path.relpath(seed_folder(settings), settings.dbt_project_dir),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def dbt_session(settings: Settings) -> Iterator[None]:
    """Set dbt's environment for the length of a block and put back what was there.

    Dbt reads its paths from the process environment; nothing else in leadrelay does.
    """
    wanted = dbt_environment(settings)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def load_manifest(settings: Settings) -> Mapping[str, Any]:
    """Return dbt's manifest, parsing the project first when it changed.

    Parameters
    ----------
    settings
        The home and checkout to read.

    Returns
    -------
    mapping
        Content of ``manifest.json``.

    Raises
    ------
    ConfigError
        If dbt cannot parse the project; the message is dbt's own.
    """
    path = settings.dbt_target_dir / "manifest.json"
    stamp = settings.dbt_target_dir / _STAMP
    fingerprint = project_fingerprint(settings)
    if not path.exists() or not stamp.exists() or stamp.read_text(encoding="ascii") != fingerprint:
        _parse(settings)
        stamp.write_text(fingerprint, encoding="ascii")
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    return manifest


def project_fingerprint(settings: Settings) -> str:
    """Return a code that changes when any file of the dbt project is added, removed or written.

    Names, sizes and modification times are enough: dbt itself compares contents when it parses again.
    """
    digest = hashlib.sha256(str(settings.project_root).encode())
    own_seeds = [settings.own_seeds_dir] if settings.own_seeds_dir else []
    for folder in (
        settings.dbt_project_dir,
        settings.models_dir,
        settings.seeds_dir,
        settings.link_model_dir,
        *own_seeds,
    ):
        for path in sorted(folder.rglob("*")):
            if path.suffix in _PROJECT_SUFFIXES:
                status = path.stat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _parse(settings: Settings) -> None:
    from dbt.cli.main import dbtRunner

    settings.dbt_target_dir.mkdir(parents=True, exist_ok=True)
    with dbt_session(settings):
        result = dbtRunner().invoke(["--quiet", "parse"])
    if not result.success:
        message = f"dbt cannot read the models; nothing was changed.\n{result.exception}"
        raise ConfigError(message)

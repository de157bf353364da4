"""Superset in an environment of its own: installed once per lock file into the user's cache, its metastore copied fresh for each session."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.publish.versions import current_version
from orchestration.settings import Settings

LOCK = Path(__file__).with_name("superset.lock")
CONFIG = """\
import os
SECRET_KEY = "only for a test that ends with its folder"
SQLALCHEMY_DATABASE_URI = "sqlite:///" + os.environ["SUPERSET_HOME"] + "/metastore.db"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
"""
# Newer than this, some of Superset's pinned packages have no wheel.
NEWEST_PYTHON = (3, 12)


@dataclass(frozen=True)
class Superset:
    """An installed Superset and a metastore of this session."""

    python: Path
    home: Path

    def run(self, arguments: list[str], text: str | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.python), *arguments],
            input=text,
            env=_environment(self.home),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def _environment(home: Path) -> dict[str, str]:
    quiet = {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(home / "config.py"),
        "FLASK_APP": "superset",
        "SCARF_ANALYTICS": "false",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LEADRELAY", "DBT"))}
    return {**kept, **quiet}


@pytest.fixture(scope="session")
def superset(tmp_path_factory) -> Superset:
    """A Superset with an administrator and nothing else."""
    if sys.version_info[:2] > NEWEST_PYTHON:
        pytest.skip(
            f"Superset 6.1 is pinned for Python {NEWEST_PYTHON[0]}.{NEWEST_PYTHON[1]} at most; this one is newer"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    code = hashlib.sha256(LOCK.read_bytes() + CONFIG.encode() + sys.version.encode()).hexdigest()[:12]
    installed = cache / "leadrelay" / f"superset-{code}"
    if not (installed / "complete").exists():
        _install(installed)
    home = tmp_path_factory.mktemp("superset")
    shutil.copytree(installed / "home", home, dirs_exist_ok=True)
    return Superset(installed / "venv" / "bin" / "python", home)


def _install(target: Path) -> None:
    """Install by the lock and prepare a metastore; what an interrupted installation left is removed first."""
    shutil.rmtree(target, ignore_errors=True)
    home, venv = target / "home", target / "venv"
    home.mkdir(parents=True)
    (home / "config.py").write_text(CONFIG, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [
        str(venv / "bin" / "pip"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "1",
        "--require-hashes",
        "-r",
        str(LOCK),
    ]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        told = done.stderr.strip().splitlines()
        shutil.rmtree(target, ignore_errors=True)
        if any(word in done.stderr for word in ("ConnectionError", "Failed to establish", "Max retries", "Retrying")):
            pytest.skip(
                f"Superset is not tried: the package registry cannot be reached ({told[-1] if told else 'no word'})"
            )
        pytest.fail(f"Superset cannot be installed by {LOCK.name}: {done.stderr[-2000:]}")
    user = [
        "--username",
        "admin",
        "--firstname",
        "A",
        "--lastname",
        "B",
        "--email",
        "admin@example.com",
        "--password",
        "admin",
    ]
    for words in (["db", "upgrade"], ["fab", "create-admin", *user], ["init"]):
        step = subprocess.run(
            [str(venv / "bin" / "superset"), *words],
            env=_environment(home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert step.returncode == 0, f"superset {words[0]}: {step.stdout[-1000:]} {step.stderr[-2000:]}"
    (target / "complete").touch()


@pytest.fixture(scope="module")
def published(warehouse_home: Settings) -> Path:
    """The address that people give a BI tool: through the link, not through a version."""
    path = warehouse_home.published_dir / "current" / "leadrelay.duckdb"
    assert current_version(warehouse_home.published_dir) is not None
    return path

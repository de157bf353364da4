"""Known weaknesses of the locked packages, by pip-audit; passes without an answer only where nobody gives one.

The data come from the package index's own service, which a closed network and most mirrors do not have. One package is asked for first,
so that a place without data costs one question and not one for each package.

Run with ``python .ci/audit.py``, or ``make check``.
"""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
_PINNED = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==\S+", re.MULTILINE)
_UNREACHABLE = re.compile(
    r"ConnectionError|ProxyError|ConnectTimeout|ReadTimeout|SSLError|Max retries exceeded|Could not connect",
    re.IGNORECASE,
)
NO_DATA = "the registry gave no vulnerability data here: the locked packages were NOT audited"


class NoAnswerError(Exception):
    """The service cannot be reached."""


def ask(requirements: Path) -> Sequence[Mapping[str, Any]]:
    """Return what pip-audit says of each package of a requirements file.

    Raises
    ------
    NoAnswerError
        If its service cannot be reached.
    RuntimeError
        If it failed in any other way.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError) as error:
        if _UNREACHABLE.search(done.stderr):
            raise NoAnswerError from error
        raise RuntimeError(f"pip-audit failed ({done.returncode}):\n{done.stderr[-2000:]}") from error


def judge(packages: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """Return the exit code and what is printed for pip-audit's answer.

    Parameters
    ----------
    packages
        ``name`` with ``version`` and ``vulns``, or with ``skip_reason``.
    """
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        return 0, [NO_DATA]
    lines = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'no version yet'}"
        for package in known
        for weakness in package["vulns"]
    ]
    told = f"{len(known)} of {len(packages)} locked packages audited, {len(lines)} known weaknesses"
    return int(bool(lines)), [*lines, told]


def main() -> int:
    """Audit the lock."""
    if importlib.util.find_spec("pip_audit") is None:
        print("pip-audit is not installed; it is part of the extra dev", file=sys.stderr)
        return 1
    pinned = _PINNED.findall(LOCK.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        first, every = Path(scratch) / "first.txt", Path(scratch) / "every.txt"
        # Without the hashes, which say nothing of a weakness and would have to be repeated whole.
        first.write_text(pinned[0] + "\n", encoding="utf-8")
        every.write_text("\n".join(pinned) + "\n", encoding="utf-8")
        try:
            code, lines = judge(ask(first))
            if NO_DATA not in lines:
                code, lines = judge(ask(every))
        except NoAnswerError:
            code, lines = 0, [NO_DATA]
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())

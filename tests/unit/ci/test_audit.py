"""What `make check` makes of pip-audit's answer: silence of the service passes and is told, a known weakness never passes."""

import importlib.util

import pytest

from orchestration.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", PROJECT_ROOT / ".ci" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOUND = {"name": "attrs", "version": "26.1", "vulns": []}
WEAK = {
    "name": "pip",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "X", "fix_versions": []}],
}
UNKNOWN = {
    "name": "certifi",
    "skip_reason": "Dependency not found on PyPI and could not be audited: certifi (2026.10.18)",
}


def test_without_any_data_it_passes_and_says_that_nothing_was_audited(audit):
    assert audit.judge([UNKNOWN, UNKNOWN]) == (
        0,
        ["the registry gave no vulnerability data here: the locked packages were NOT audited"],
    )


def test_a_known_weakness_never_passes(audit):
    code, lines = audit.judge([SOUND, WEAK, UNKNOWN])
    assert code == 1
    assert lines == [
        "pip 1.0: PYSEC-1, mended in 1.1",
        "pip 1.0: X, mended in no version yet",
        "2 of 3 locked packages audited, 2 known weaknesses",
    ]


def test_what_is_sound_passes(audit):
    assert audit.judge([SOUND]) == (0, ["1 of 1 locked packages audited, 0 known weaknesses"])


def test_every_locked_package_is_asked_for(audit):
    text = audit.LOCK.read_text(encoding="utf-8")
    pinned = audit._PINNED.findall(text)
    assert len(pinned) == sum(
        1 for line in text.splitlines() if "==" in line and not line.lstrip().startswith(("#", "--"))
    )
    assert not [one for one in pinned if "--hash" in one]


def test_a_service_that_is_not_there_is_no_answer_and_anything_else_that_fails_is_an_error(
    audit, tmp_path, monkeypatch
):
    pytest.importorskip("pip_audit", reason="pip-audit is not installed (pip install -e '.[dev]')")
    requirements = tmp_path / "r.txt"
    requirements.write_text("attrs==25.1.0\n", encoding="utf-8")
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(audit.NoAnswerError):
        audit.ask(requirements)
    with pytest.raises(RuntimeError, match="pip-audit failed"):
        audit.ask(tmp_path / "none.txt")

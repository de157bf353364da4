"""Every history of docs/reference/lifecycle-cases.md names tests that exist, and every test of a history stands in its line."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reference" / "lifecycle-cases.md"
HISTORIES = range(1, 34)


def mapped() -> dict[int, set[str]]:
    """Test names by the number of the history, as the page has them."""
    lines = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {int(number): set(re.findall(r"`(\w+)`", names)) for number, names in lines}


def existing() -> set[str]:
    """Names of all tests in Python and of all unit tests beside the models."""
    names: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        names |= set(re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    for path in (ROOT / "models").rglob("*.yml"):
        _, _, unit_tests = path.read_text(encoding="utf-8").partition("\nunit_tests:")
        names |= set(re.findall(r"^  - name: (\w+)$", unit_tests, flags=re.MULTILINE))
    return names


def test_every_history_has_a_line_with_a_test() -> None:
    assert sorted(mapped()) == list(HISTORIES)
    assert [number for number, names in mapped().items() if not names] == []


def test_every_test_that_the_page_names_exists() -> None:
    known = existing()
    missing = {number: names - known for number, names in mapped().items()}
    assert {number: names for number, names in missing.items() if names} == {}


def test_every_test_that_carries_a_number_stands_in_its_line() -> None:
    lines = mapped()
    numbered = {(int(found[1]), name) for name in existing() if (found := re.match(r"(?:test_)?case_(\d+)_", name))}
    assert {name for number, name in numbered if name not in lines[number]} == set()

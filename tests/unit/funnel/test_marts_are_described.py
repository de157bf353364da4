"""Every mart says what it is: grain, words, labels, personal data, a suite at the border, and an example in the docs."""

import json
import re
from pathlib import Path

import pytest
import yaml

from orchestration.quality.suites import load_suite

ROOT = Path(__file__).resolve().parents[3]
MODELS = {path.stem: path for path in sorted((ROOT / "models" / "marts").glob("*/*.sql"))}
SUITES = ROOT / "expectations" / "marts"
POLICIES = {"keep", "mask", "hmac", "drop"}


def described(name):
    """The yml entry of a mart."""
    entries = yaml.safe_load(MODELS[name].with_suffix(".yml").read_text(encoding="utf-8"))["models"]
    return next(entry for entry in entries if entry["name"] == name)


def columns_of(name):
    return {column["name"]: column for column in described(name)["columns"]}


@pytest.mark.parametrize("name", MODELS)
def test_a_mart_states_its_grain_and_tests_it(name):
    entry = described(name)
    assert re.search(r"\bOne row per [^.]+\.\s*$", entry["description"]), entry["description"]
    assert any("grain" in test for test in entry["data_tests"])


@pytest.mark.parametrize("name", MODELS)
def test_every_column_has_words_a_chinese_label_and_a_policy_for_personal_data(name):
    for column in columns_of(name).values():
        meta = column["config"]["meta"]
        assert column["description"].strip(), column["name"]
        assert column["data_type"], column["name"]
        assert meta["pii"] in POLICIES, column["name"]
        assert re.search(r"[\u4e00-\u9fff]", meta["label_zh"]), column["name"]


@pytest.mark.parametrize("name", MODELS)
def test_a_mart_has_a_suite_that_names_only_published_columns(name):
    suite = load_suite(SUITES / f"{name}.json", name)
    published = {column for column, entry in columns_of(name).items() if entry["config"]["meta"]["pii"] != "drop"}
    assert suite.name == f"marts.{name}"
    for check, expectation in zip(suite.checks, suite.expectations, strict=True):
        assert check.level == "table", check.name
        assert check.reason != check.name.replace("_", " "), f"{check.name} says no reason"
        kwargs = expectation["kwargs"]
        named = {kwargs["column"]} if "column" in kwargs else set(kwargs.get("column_list", []))
        assert named <= published, check.name


def test_a_suite_without_a_mart_is_a_left_over():
    assert {path.stem for path in SUITES.glob("*.json")} <= set(MODELS)


@pytest.mark.parametrize("path", sorted(SUITES.glob("*.json")), ids=lambda path: path.stem)
def test_a_suite_is_written_as_great_expectations_writes_it(path):
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_the_reference_shows_one_example_per_mart_that_reads_this_mart():
    text = (ROOT / "docs" / "reference" / "marts.md").read_text(encoding="utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    shown = {section.split("\n", 1)[0]: section for section in sections}
    assert set(shown) == set(MODELS)
    for name, section in shown.items():
        assert "Grain: " in section, name
        assert f"marts.{name}" in "".join(re.findall(r"```sql\n(.*?)```", section, flags=re.DOTALL)), name

"""The example queries of the marts' reference, run as they stand there."""

import re
from pathlib import Path

import pytest

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "marts.md"
BLOCKS = re.findall(
    r"^### (\w+)\n(.*?)(?=^#|\Z)", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
)
EXAMPLES = {name: re.findall(r"```sql\n(.*?)```", body, flags=re.DOTALL)[0] for name, body in BLOCKS}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_a_mart_runs(warehouse, name):
    assert warehouse.sql(EXAMPLES[name]).columns
    warehouse.sql(EXAMPLES[name]).fetchall()

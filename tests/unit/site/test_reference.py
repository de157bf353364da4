"""The reference is read mart by mart."""

import pytest

from orchestration.errors import LeadrelayError
from orchestration.site.reference import english_label, metrics_by_mart, read_sections

TEXT = """# Marts

## Volume

### mart_a

**How many,
and when?**
Grain: month, stage. More words.

A note.

```sql
select 1 from marts.mart_a
```

| n |
|---|
| 1 |

(the first 1 of 5 rows)

What follows.

### mart_b

**Who?**
Grain: person.

```sql
select 2 from marts.mart_b
```
"""


def test_a_section_gives_topic_question_grain_example_and_words():
    found = read_sections(TEXT)
    assert list(found) == ["mart_a", "mart_b"]
    section = found["mart_a"]
    assert (section.topic, section.question, section.grain) == ("Volume", "How many, and when?", "month, stage")
    assert section.sql == "select 1 from marts.mart_a"
    assert "A note." in section.before
    assert section.notes == "What follows."


def test_a_section_without_a_grain_is_refused_by_name():
    with pytest.raises(LeadrelayError, match="mart_a needs a question in bold"):
        read_sections(TEXT.replace("Grain: month, stage.", "", 1))


def test_a_column_has_words():
    assert english_label("mql_count") == "MQL count"
    assert english_label("is_open") == "Is open"


def test_a_ratio_belongs_to_the_marts_of_its_parts():
    document = {
        "semantic_models": [
            {"node_relation": {"alias": "mart_a"}, "measures": [{"name": "spent"}]},
            {"node_relation": {"alias": "mart_b"}, "measures": [{"name": "won"}]},
        ],
        "metrics": [
            {"name": "spend", "type_params": {"measure": {"name": "spent"}}, "config": {"meta": {}}},
            {"name": "wins", "type_params": {"measure": {"name": "won"}}, "config": {"meta": {"is_part": True}}},
            {
                "name": "ratio",
                "type_params": {"measure": None, "numerator": {"name": "spend"}, "denominator": {"name": "wins"}},
                "config": {"meta": {}},
            },
        ],
    }
    assert metrics_by_mart(document) == {"mart_a": ["spend", "ratio"], "mart_b": ["ratio"]}

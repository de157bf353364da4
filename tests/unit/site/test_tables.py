"""Values as people read them."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from orchestration.tables import cell_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (1234567, "1,234,567"),
        (1234.5, "1,234.5"),
        (2.0, "2"),
        (-0.00001, "0"),
        (Decimal("11720.30"), "11,720.30"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02 03:04:05"),
        ("a\x1b[31m", "a [31m"),
        ("客户", "客户"),
    ],
)
def test_a_value_is_written_as_people_write_it(value, text):
    assert cell_text(value) == text

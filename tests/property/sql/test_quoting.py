"""Whatever a name or a text holds, it comes back from DuckDB as it was and never becomes SQL."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.sql import qualified, quote_identifier, quote_literal

storable = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


@given(storable)
def test_a_literal_comes_back_as_it_was(text: str) -> None:
    assert duckdb.sql(f"select {quote_literal(text)}").fetchone() == (text,)


@given(storable.filter(bool))
def test_an_identifier_comes_back_as_it_was(name: str) -> None:
    assert duckdb.sql(f"select 1 as {quote_identifier(name)}").columns == [name]


@given(storable.filter(bool), storable.filter(bool))
def test_a_qualified_name_names_its_table(schema: str, table: str) -> None:
    connection = duckdb.connect()
    connection.execute(f"create schema if not exists {quote_identifier(schema)}")
    connection.execute(f"create table {qualified(schema, table)} (x integer)")
    assert connection.execute(f"select count(*) from {qualified(schema, table)}").fetchone() == (0,)


@pytest.mark.parametrize("bad", ["", "a\x00b"])
def test_a_name_that_no_engine_stores_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not usable"):
        quote_identifier(bad)

"""Row-level expectations as SQL conditions: the same suite JSON says what Great Expectations counts and which rows are quarantined.

Great Expectations returns at most a few failing rows, so quarantine is an own update over the whole batch.
What does not belong here: table-level expectations and warnings, which never move a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.errors import ConfigError
from orchestration.quality.suites import CheckSpec, Suite
from orchestration.sql import quote_identifier, quote_literal


@dataclass(frozen=True)
class RowRule:
    """A condition under which a row of the batch goes to quarantine.

    Parameters
    ----------
    name
        The check's name.
    condition
        SQL over the batch's columns; true for a failing row, never null.
    reason
        SQL text: what the row is told.
    column
        The column it is about, or None.
    """

    name: str
    condition: str
    reason: str
    column: str | None = None

    @property
    def text(self) -> str:
        """SQL of the reason where the rule fails, else null; one about a column that has its reason already adds nothing."""
        condition = self.condition
        if self.column is not None:
            prefix = quote_literal(f"{self.column}:")
            condition += f" and len(list_filter(_reasons, lambda told : starts_with(told, {prefix}))) = 0"
        return f"case when {condition} then {self.reason} end"


def row_rules(suite: Suite, batch_table: str) -> tuple[RowRule, ...]:
    """Return the rules of a suite's critical row-level expectations.

    Parameters
    ----------
    suite
        The suite.
    batch_table
        SQL name of the batch; ``{batch}`` in a query stands for it.

    Returns
    -------
    tuple of RowRule
        One per expectation that can be said of a row. A query that does not select ``_batch_row`` gives none: what it counts is
        taken out by the loader (rows that cannot be read, one key with two contents).

    Raises
    ------
    ConfigError
        If an expectation of this type cannot be said of a row; names file and check.
    """
    rules = []
    for check, expectation in zip(suite.checks, suite.expectations, strict=True):
        if check.level != "row" or check.severity != "critical":
            continue
        kwargs: Mapping[str, Any] = expectation["kwargs"]
        if check.expectation_type == "unexpected_rows_expectation":
            query = batch_query(kwargs, batch_table)
            if "_batch_row" in query.lower():
                condition = f"_batch_row in (select _batch_row from ({query}) as unexpected)"
                rules.append(RowRule(check.name, condition, _reason(check), check.column))
            continue
        builder = _BUILDERS.get(check.expectation_type)
        if builder is None:
            raise ConfigError(
                f"{suite.path}: {check.name}: {check.expectation_type} cannot be said of one row; set meta.level to table, "
                f"or use one of {', '.join(sorted(_BUILDERS))}, unexpected_rows_expectation."
            )
        rules.append(RowRule(check.name, f"coalesce({builder(kwargs)}, false)", _reason(check), check.column))
    return tuple(rules)


def apply_row_rules(connection: duckdb.DuckDBPyConnection, batch_table: str, rules: tuple[RowRule, ...]) -> None:
    """Append every failing rule's reason to ``_reasons`` of its rows, in one pass.

    Parameters
    ----------
    connection
        The connection that holds the batch.
    batch_table
        SQL name of the batch.
    rules
        From `row_rules`.
    """
    if not rules:
        return
    any_rule = " or ".join(f"({rule.condition})" for rule in rules)
    reasons = ", ".join(rule.text for rule in rules)
    # A line that is no record has its reason; judging its empty columns would only repeat it.
    connection.execute(
        f"update {batch_table} set _reasons = list_concat(_reasons, list_filter([{reasons}], lambda reason : reason is not null)) "
        f"where _is_readable and ({any_rule})"
    )


def batch_query(kwargs: Mapping[str, Any], batch_table: str) -> str:
    """Return an ``unexpected_rows_query`` with the batch put in, as Great Expectations does."""
    return str(kwargs["unexpected_rows_query"]).format(batch=batch_table)


def _reason(check: CheckSpec) -> str:
    if check.column is None:
        return quote_literal(check.reason)
    value = f"coalesce(left(cast({quote_identifier(check.column)} as varchar), 80), 'null')"
    return f"{quote_literal(f'{check.column}: {check.reason} (')} || {value} || ')'"


def _literal(value: object) -> str:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else quote_literal(str(value))


def _not_null(kwargs: Mapping[str, Any]) -> str:
    return f"{quote_identifier(kwargs['column'])} is null"


def _between(kwargs: Mapping[str, Any], subject: str | None = None) -> str:
    name = subject or quote_identifier(kwargs["column"])
    parts = []
    if kwargs.get("min_value") is not None:
        parts.append(f"{name} {'<=' if kwargs.get('strict_min') else '<'} {_literal(kwargs['min_value'])}")
    if kwargs.get("max_value") is not None:
        parts.append(f"{name} {'>=' if kwargs.get('strict_max') else '>'} {_literal(kwargs['max_value'])}")
    return f"({' or '.join(parts)})" if parts else "false"


def _lengths(kwargs: Mapping[str, Any]) -> str:
    return _between(kwargs, f"length({quote_identifier(kwargs['column'])})")


def _in_set(kwargs: Mapping[str, Any]) -> str:
    return (
        f"{quote_identifier(kwargs['column'])} not in ({', '.join(_literal(value) for value in kwargs['value_set'])})"
    )


def _not_in_set(kwargs: Mapping[str, Any]) -> str:
    return f"{quote_identifier(kwargs['column'])} in ({', '.join(_literal(value) for value in kwargs['value_set'])})"


def _pair_greater(kwargs: Mapping[str, Any]) -> str:
    operator = "<" if kwargs.get("or_equal") else "<="
    return f"{quote_identifier(kwargs['column_A'])} {operator} {quote_identifier(kwargs['column_B'])}"


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_between": _between,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_pair_values_a_to_be_greater_than_b": _pair_greater,
}

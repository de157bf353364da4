"""What a mapping may say: one scalar DuckDB expression over the columns of a file, never a statement.

The text is parsed by DuckDB itself (``json_serialize_sql``) and the tree is walked against an allow-list: no subquery, no table
function, no window, no aggregate, nothing that reads the environment, a file or a clock.
Who may call it: `orchestration.ingest.sources` (when the file is read) and the readers (when a file's columns are known).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from orchestration.ingest.names import nearest
from orchestration.sql import quote_identifier

ALLOWED_CLASSES = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR"}
)
# Scalar, deterministic, and unable to reach outside the row.
# fmt: off
ALLOWED_FUNCTIONS = frozenset(
    {
        "+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*", "^@", "->", "->>", "abs", "array_extract",
        "ceil", "ceiling", "chr", "concat", "concat_ws", "contains", "date_diff", "date_part", "date_trunc",
        "datediff", "day", "ends_with", "epoch_ms", "floor", "from_base64", "greatest", "if", "ifnull", "instr",
        "json_extract", "json_extract_string", "json_extract_path_text", "json_value", "least", "left", "length",
        "like_escape", "list_extract", "lower", "lpad", "ltrim", "make_date", "make_timestamp", "md5", "month",
        "nullif", "position", "prefix", "regexp_extract", "regexp_full_match", "regexp_matches", "regexp_replace",
        "replace", "reverse", "right", "round", "rpad", "rtrim", "sha256", "split_part", "starts_with", "str_split",
        "strftime", "string_split", "strip_accents", "strptime", "strpos", "struct_extract", "substr", "substring",
        "suffix", "timezone", "to_days", "to_hours", "to_microseconds", "to_milliseconds", "to_minutes", "to_months",
        "to_seconds", "to_timestamp", "to_weeks", "to_years", "translate", "trim", "trunc", "try_strptime", "ucase",
        "upper", "lcase", "url_decode", "year",
    }
)
# fmt: on


class ExpressionError(ValueError):
    """The text is not one allowed expression; the message says what in it is not."""


@dataclass(frozen=True)
class Expression:
    """A checked mapping.

    Parameters
    ----------
    sql
        The text to paste into a select list, in parentheses or quoted.
    columns
        The file's columns that it reads.
    """

    sql: str
    columns: frozenset[str]


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return the empty database that parses; opening one for each expression took longer than parsing."""
    # It parses texts of a configuration file and has no business with anything outside.
    return duckdb.connect(":memory:", config={"enable_external_access": "false", "lock_configuration": "true"})


@cache
def parse_expression(text: str) -> Expression:
    """Parse and check one expression without knowing the file.

    Parameters
    ----------
    text
        What stands in ``sources.yml``.

    Returns
    -------
    Expression
        Columns are named as written.

    Raises
    ------
    ExpressionError
        If the text does not parse, holds more than one expression, or uses something outside the allow-list.
    """
    # The line breaks keep a trailing comment from swallowing the closing bracket.
    query = f"select (\n{text}\n)"
    row = _parser().cursor().execute("select json_serialize_sql(?)", [query]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        raise ExpressionError(f"not readable as one expression ({tree.get('error_message', 'syntax error')})")
    statements = tree["statements"]
    node = statements[0]["node"]
    if len(statements) != 1 or node.get("type") != "SELECT_NODE" or len(node.get("select_list", [])) != 1:
        raise ExpressionError("more than one expression; a mapping is exactly one")
    if node["from_table"].get("type") != "EMPTY" or any(
        node.get(part) for part in ("where_clause", "having", "qualify", "sample")
    ):
        raise ExpressionError("a query; a mapping is an expression over the columns of one row")
    columns: set[str] = set()
    _walk(node["select_list"][0], columns)
    return Expression(sql=f"(\n{text}\n)", columns=frozenset(columns))


def resolve(text: str, available: Iterable[str]) -> Expression:
    """Turn a mapping into SQL over the columns that a file really has.

    Parameters
    ----------
    text
        A column's name as it stands in the file, or an expression.
    available
        The file's columns.

    Returns
    -------
    Expression
        Columns are named as the file names them.

    Raises
    ------
    ExpressionError
        If the text is neither; the message names the nearest columns.
    """
    names = {name.casefold(): name for name in available}
    if text.casefold() in names:
        name = names[text.casefold()]
        return Expression(sql=quote_identifier(name), columns=frozenset({name}))
    if text.strip().isidentifier():
        raise ExpressionError(f"the file has no column {text!r}. {nearest(text, names.values())}")
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        raise ExpressionError(
            f"neither a column of the file nor an expression: {error}. {nearest(text, names.values())}"
        ) from error
    for column in sorted(expression.columns):
        if column.casefold() not in names:
            raise ExpressionError(f"the file has no column {column!r}. {nearest(column, names.values())}")
    return Expression(sql=expression.sql, columns=frozenset(names[column.casefold()] for column in expression.columns))


def is_plain_name(text: str) -> bool:
    """Whether a text that does not parse may still be a column's name (``E-mail address``)."""
    return not set(text) & set(";()'\"\n")


def _walk(node: object, columns: set[str]) -> None:
    if isinstance(node, list):
        for child in node:
            _walk(child, columns)
    elif isinstance(node, dict):
        if node.get("class") is not None:
            _check_node(node, columns)
        for key, child in node.items():
            if key != "value":
                _walk(child, columns)


def _check_node(node: dict[str, Any], columns: set[str]) -> None:
    kind = str(node["class"])
    if kind not in ALLOWED_CLASSES:
        raise ExpressionError(
            f"{kind.lower().replace('_', ' ')} is not allowed; use scalar functions over the file's columns"
        )
    if kind == "COLUMN_REF":
        parts = node["column_names"]
        if len(parts) != 1:
            raise ExpressionError(f"{'.'.join(parts)} names a table; name the column alone")
        columns.add(parts[0])
    if kind == "FUNCTION":
        _check_function(node)


def _check_function(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    if node.get("catalog") or node.get("schema") not in ("", "main") or name not in ALLOWED_FUNCTIONS:
        raise ExpressionError(f"function {name}() is not on the allow-list. {nearest(name, ALLOWED_FUNCTIONS)}")
    if node.get("distinct") or node.get("filter") or (node.get("order_bys") or {}).get("orders"):
        raise ExpressionError(f"{name}() is used as an aggregate; a mapping sees one row")

"""The one place where a name or a text becomes SQL.

Who may call it: every room that builds a statement. Identifiers and literals are never pasted in by hand.
"""


def quote_identifier(name: str) -> str:
    """Return ``name`` as a quoted SQL identifier.

    Parameters
    ----------
    name
        A column, table or schema name, as it is.

    Returns
    -------
    str
        The name in double quotes, inner quotes doubled.

    Raises
    ------
    ValueError
        If the name is empty or holds a NUL byte, which no engine can store.
    """
    if not name or "\x00" in name:
        message = f"not usable as an SQL name: {name!r}"
        raise ValueError(message)
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Return ``text`` as an SQL string literal.

    Parameters
    ----------
    text
        Any text without a NUL byte.

    Returns
    -------
    str
        The text in single quotes, inner quotes doubled.

    Raises
    ------
    ValueError
        If the text holds a NUL byte.
    """
    if "\x00" in text:
        message = f"not usable as an SQL text: {text!r}"
        raise ValueError(message)
    return "'" + text.replace("'", "''") + "'"


def qualified(schema: str, table: str) -> str:
    """Return ``schema.table`` with both names quoted."""
    return f"{quote_identifier(schema)}.{quote_identifier(table)}"

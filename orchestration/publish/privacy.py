"""How one column is published: kept, masked, keyed-hashed or left out, as SQL over whole columns.

Keyed hashing is HMAC-SHA256 (RFC 2104), written with DuckDB's `sha256` so that no row passes through Python:
``H(key ^ opad || H(key ^ ipad || text))``. Equal values give equal codes in every table and on every night,
and without the key nobody can try e-mail addresses against them.
What does not belong here: which column gets which policy (`policy`).
"""

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from orchestration.errors import PublishError
from orchestration.publish.policy import PiiPolicy
from orchestration.sql import quote_identifier

KEY_FILE_NAME = "hmac.key"
_KEY_BYTES = 32
_SHA256_BLOCK_BYTES = 64
_INNER_BYTE = 0x36
_OUTER_BYTE = 0x5C


def load_or_create_key(home: Path) -> bytes:
    """Return the key of this home, making it at the first publish.

    Parameters
    ----------
    home
        ``LEADRELAY_HOME``; the key lies in it as ``hmac.key``, mode 0600, as hexadecimal text.

    Returns
    -------
    bytes
        32 random bytes.

    Raises
    ------
    PublishError
        If the key file may be read by others or does not hold 32 bytes in hexadecimal.
    """
    path = home / KEY_FILE_NAME
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        message = f"the key file {path} may be read by other users; nothing was published. Run: chmod 600 '{path}'"
        raise PublishError(message)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as error:
        message = f"the key file {path} does not hold hexadecimal text; restore it from a copy, since a new key changes every code"
        raise PublishError(message) from error
    if len(key) != _KEY_BYTES:
        message = f"the key file {path} holds {len(key)} bytes instead of {_KEY_BYTES}; restore it from a copy"
        raise PublishError(message)
    return key


def install_hmac(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Define the temporary macro ``hmac_sha256(text)`` on a connection.

    The padded keys are bound as session variables, so that the key never stands in a statement's text.

    Parameters
    ----------
    connection
        The publisher's own connection.
    key
        At most 64 bytes, the block size of SHA-256.

    Raises
    ------
    ValueError
        If the key is longer than one block.
    """
    if len(key) > _SHA256_BLOCK_BYTES:
        message = f"the key has {len(key)} bytes; at most {_SHA256_BLOCK_BYTES} are supported"
        raise ValueError(message)
    padded = key.ljust(_SHA256_BLOCK_BYTES, b"\0")
    connection.execute("set variable hmac_inner = ?::blob", [bytes(byte ^ _INNER_BYTE for byte in padded)])
    connection.execute("set variable hmac_outer = ?::blob", [bytes(byte ^ _OUTER_BYTE for byte in padded)])
    connection.execute(
        "create or replace temporary macro hmac_sha256(text) as "
        "sha256(getvariable('hmac_outer') || unhex(sha256(getvariable('hmac_inner') || encode(text))))"
    )


def _keep(column: str, _data_type: str) -> str:
    return column


def _mask(column: str, data_type: str) -> str:
    if data_type == "VARCHAR":
        return f"case when {column} = '' then '' else left({column}, 1) || '***' end"
    if data_type == "DATE":
        return f"date_trunc('year', {column})::date"
    message = f"mask is defined for VARCHAR and DATE, not for {data_type}; use keep, hmac or drop"
    raise ValueError(message)


def _hmac(column: str, data_type: str) -> str:
    if data_type.endswith("[]"):
        return f"list_transform({column}::varchar[], lambda item: hmac_sha256(item))"
    return f"hmac_sha256({column}::varchar)"


# One entry per way to publish a column; a new policy word is one line here. `drop` has no expression: the column is gone.
_EXPRESSIONS: Mapping[PiiPolicy, Callable[[str, str], str]] = {
    PiiPolicy.KEEP: _keep,
    PiiPolicy.MASK: _mask,
    PiiPolicy.HMAC: _hmac,
}


def published_expression(name: str, policy: PiiPolicy, data_type: str) -> str | None:
    """Return the SQL that publishes one column.

    Parameters
    ----------
    name
        Column name, unquoted.
    policy
        What to do with it.
    data_type
        DuckDB's name of its type, such as ``VARCHAR`` or ``VARCHAR[]``.

    Returns
    -------
    str or None
        ``<expression> as <name>``; ``None`` when the column is dropped.

    Raises
    ------
    ValueError
        If the policy is not defined for the type.
    """
    if policy is PiiPolicy.DROP:
        return None
    column = quote_identifier(name)
    return f"{_EXPRESSIONS[policy](column, data_type)} as {column}"

"""Secrets: read from the environment by name, and taken out of every text that a person or a log may see.

Who may call it: the readers.
"""

import os
from base64 import b64encode
from urllib.parse import quote, quote_plus, unquote, urlsplit

from orchestration.errors import ReaderError

_MASK = "***"
# Taking a single letter out of a text would spoil it, and hide nothing.
_SHORTEST = 3


class Secrets:
    """The secrets that one reader has used, and how to keep them out of a text."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def read(self, variable: str, *, is_secret: bool = True) -> str:
        """Return what an environment variable holds.

        Parameters
        ----------
        variable
            Its name, from sources.yml.
        is_secret
            Whether it may never be told; an address may.

        Raises
        ------
        ReaderError
            If it is not set, or empty.
        """
        value = os.environ.get(variable)
        if not value:
            raise ReaderError(f"environment variable {variable} is not set; export it and run again.")
        if not is_secret:
            return value
        self.hide(value)
        if "://" in value:
            password = urlsplit(value).password
            if password:
                self.hide(unquote(password))
        return value

    def hide(self, value: str) -> None:
        """Count a value among the secrets, such as a token that was given for them."""
        if len(value) >= _SHORTEST:
            self._values |= {value, quote(value, safe=""), quote_plus(value), b64encode(value.encode()).decode()}

    def holds(self, text: str) -> bool:
        """Whether a text holds one of the secrets."""
        return any(value in text for value in self._values)

    def scrub(self, text: str) -> str:
        """Return ``text`` with every secret masked, the longest first."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, _MASK)
        return text

"""What is looked for, and how a text is searched for it: whole values, never a part of somebody else's.

What does not belong here: where the values come from (`person`) and which files are searched (`search`).
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from orchestration.erase.identifiers import EMAIL, PHONE

ERASED = "[erased]"
# Below this length a key may be anybody's number; it is checked in its own column instead of everywhere.
_MIN_KEY = 10
_MIN_PHONE = 9
_MIN_NAME = 3
_BEFORE, _AFTER = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"
# What may not stand before and after a value, by encoding.
_ENCODINGS: Mapping[str, tuple[bytes, bytes]] = {
    "utf-8": (_BEFORE.encode(), _AFTER.encode()),
    "gb18030": (_BEFORE.encode(), _AFTER.encode()),
    "utf-16-le": (rb"(?<![0-9A-Za-z]\x00)", rb"(?![0-9A-Za-z](?:\x00|\Z))"),
    "utf-16-be": (rb"(?<!\x00[0-9A-Za-z])", rb"(?!\x00[0-9A-Za-z])"),
}


@dataclass(frozen=True)
class Value:
    """One text that a person was known by.

    Parameters
    ----------
    kind
        email, phone, crm, name ...
    text
        As it was written somewhere.
    """

    kind: str
    text: str

    @property
    def is_distinctive(self) -> bool:
        """Whether the text can be nobody else's wherever it stands, so that every file may be searched for it."""
        text = self.text.strip()
        if self.kind == EMAIL or "@" in text:
            return True
        if self.kind == PHONE:
            return sum(character.isdigit() for character in text) >= _MIN_PHONE
        if self.kind == "name":
            return len(text) >= _MIN_NAME
        has_both = any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
        return len(text) >= _MIN_KEY and has_both

    @property
    def masked(self) -> str:
        """The text as it may be shown: its first two characters and its domain."""
        local, at, domain = self.text.strip().partition("@")
        return f"{local[:2]}***{at}{domain}"


class Sought:
    """The distinctive values of one person, as patterns.

    Parameters
    ----------
    values
        Every value; those that are not distinctive are left out.
    """

    def __init__(self, values: Iterable[Value]) -> None:
        unique = {value.text.strip().casefold(): value for value in values if value.is_distinctive}
        self.values = [unique[key] for key in sorted(unique, key=lambda key: (-len(key), key))]

    def __bool__(self) -> bool:
        return bool(self.values)

    @cached_property
    def texts(self) -> list[str]:
        """The texts and what JSON may make of them, the longest first."""
        plain = [value.text.strip() for value in self.values]
        escaped = [json.dumps(text)[1:-1] for text in plain]
        return list(dict.fromkeys(sorted([*plain, *escaped], key=lambda text: (-len(text), text))))

    @cached_property
    def in_text(self) -> "re.Pattern[str]":
        """The values standing whole in a text."""
        return re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, self.texts))}){_AFTER}", re.IGNORECASE)

    @cached_property
    def in_text_bytes(self) -> "re.Pattern[bytes]":
        """The same in the bytes of a text file, in each encoding that landing knows; a letter has one byte there, or two."""
        alternatives = []
        for encoding, (before, after) in _ENCODINGS.items():
            texts = b"|".join(re.escape(text) for text in self._in(encoding))
            alternatives.append(before + b"(?:" + texts + b")" + after)
        return re.compile(b"|".join(alternatives), re.IGNORECASE)

    @cached_property
    def in_bytes(self) -> "re.Pattern[bytes]":
        """The values anywhere in bytes, where values stand side by side without a blank."""
        return re.compile(b"|".join(map(re.escape, self._encoded)), re.IGNORECASE)

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest pattern, so that a search by blocks misses none."""
        return max((len(text) for text in self._encoded), default=0)

    def may_be_in(self, block: bytes) -> bool:
        """Whether the bytes hold one of the values, or a part that looks like one."""
        lowered = block.lower()
        return any(text in lowered for text in self._needles)

    @property
    def in_sql(self) -> str:
        """The values standing whole in a text, as RE2 reads it; it knows no look-around."""
        return f"(?i)(^|[^0-9A-Za-z])(?:{'|'.join(map(re.escape, self.texts))})([^0-9A-Za-z]|$)"

    @property
    def in_sql_anywhere(self) -> str:
        """The values anywhere in a text, as RE2 reads it."""
        return f"(?i)(?:{'|'.join(map(re.escape, self.texts))})"

    @cached_property
    def _encoded(self) -> list[bytes]:
        found = {text: None for encoding in _ENCODINGS for text in self._in(encoding)}
        return sorted(found, key=lambda text: (-len(text), text))

    @cached_property
    def _needles(self) -> list[bytes]:
        return list(dict.fromkeys(text.lower() for text in self._encoded))

    def _in(self, encoding: str) -> list[bytes]:
        return [encoded for text in self.texts if (encoded := text.encode(encoding, errors="ignore"))]

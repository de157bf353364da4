"""The many ways in which one address, number, name or company is written.

What belongs here: one small function per way, and how often it happens. `plain` is always the value as it is.
"""

from collections.abc import Callable

from orchestration.sample import vocabulary as words

FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}

EMAIL_SHARES = {
    "plain": 77.0, "upper": 5.0, "full_width": 1.0, "padded": 2.0, "tagged": 5.0, "dotted": 5.0, "known_typo": 3.0, "typo": 2.0,
}  # fmt: skip
PHONE_SHARES = {
    "plain": 38.0, "national": 35.0, "spaced": 10.0, "dashed": 5.0, "double_zero": 4.0, "full_width": 2.0, "with_code": 6.0,
}  # fmt: skip
NAME_SHARES = {"plain": 86.0, "latin": 5.0, "latin_upper": 4.0, "turned": 3.0, "initial": 2.0}
COMPANY_SHARES = {"plain": 78.0, "upper": 8.0, "padded": 2.0, "short": 12.0}


def _tagged(email: str) -> str:
    local, _, domain = email.partition("@")
    return f"{local}+news@{domain}" if domain in words.TAG_DOMAINS else email


def _dotted(email: str) -> str:
    local, _, domain = email.partition("@")
    plain = local.replace(".", "")
    return f"{plain[:2]}.{plain[2:]}@{domain}" if domain == "gmail.com" else email


def _known_typo(email: str) -> str:
    local, _, domain = email.partition("@")
    return f"{local}@{words.TYPO_DOMAINS.get(domain, domain)}"


def _typo(email: str) -> str:
    """Double a letter: another mailbox, and nothing can know better."""
    middle = max(1, email.index("@") // 2)
    return email[:middle] + email[middle - 1 :]


EMAIL_SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "full_width": lambda email: email.translate(FULL_WIDTH),
    "padded": lambda email: f" {email} ",
    "tagged": _tagged,
    "dotted": _dotted,
    "known_typo": _known_typo,
    "typo": _typo,
}

PHONE_SPELLINGS: dict[str, Callable[[str, str], str]] = {
    "national": lambda _, national: national,
    "spaced": lambda _, national: f"{national[:3]} {national[3:7]} {national[7:]}",
    "dashed": lambda _, national: f"{national[:3]}-{national[3:7]}-{national[7:]}",
    "double_zero": lambda e164, _: f"00{e164[1:]}",
    "full_width": lambda e164, _: e164.translate(FULL_WIDTH),
    "with_code": lambda e164, _: f"{e164[:3]} {e164[3:]}",
}


def spelt_name(kind: str, first: str, last: str, latin: str, *, is_chinese: bool) -> str:
    """Return a full name as people also write it; Chinese names in pinyin, English ones turned or with an initial."""
    if is_chinese:
        return latin if kind == "latin" else latin.upper() if kind == "latin_upper" else f"{last} {first}"
    if kind == "initial":
        return f"{first[0]}. {last}"
    return f"{last}, {first}" if kind == "turned" else f"{first} {last}".upper()


def spelt_company(kind: str, name: str) -> str:
    """Return a company's name in capitals, with spaces around it or without its legal form."""
    if kind == "upper":
        return name.upper()
    if kind == "padded":
        return f"  {name} "
    for legal in (*words.CHINESE_COMPANY_LEGAL, *words.ENGLISH_COMPANY_LEGAL):
        if name.endswith(legal):
            return name[: -len(legal)].strip()
    return name

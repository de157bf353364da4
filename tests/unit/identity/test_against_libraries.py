"""The SQL rules held against the libraries that they mostly do without: another author, another method, the same answer."""

import random
from collections import Counter

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from pypinyin import lazy_pinyin

from orchestration.identity.functions import ascii_domain, hanzi_reading, parse_phone

COUNTRIES = ("CN", "HK", "US", "GB", "DE", "FR", "IT", "ES", "CH", "AT", "JP", "IN", "AU", "BR", "RU", "SG")
KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
NUMBERS_PER_KIND = 25

# Spellings that the library reads otherwise, each with the reason. In all of them SQL finds the number that was meant.
DISAGREEMENTS = {
    "code without plus, no country": "the library needs a country or a plus; twelve digits that begin as a mobile number do not",
    "code without plus": "the library takes any digits for a German or Austrian number of its own; no plan has thirteen",
}


def show(capsys, figures):
    """Print figures for whoever reads the test run."""
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - see above


def valid_numbers(random_numbers):
    """Valid numbers of each country and kind: the library's own example with its last digits drawn anew."""
    for country in COUNTRIES:
        for kind in KINDS:
            example = phonenumbers.example_number_for_type(country, kind)
            digits = phonenumbers.national_significant_number(example)
            found = set()
            for _ in range(NUMBERS_PER_KIND * 20):
                tail = "".join(random_numbers.choice("0123456789") for _ in range(4))
                candidate = phonenumbers.parse(f"+{example.country_code}{digits[:-4]}{tail}")
                if phonenumbers.is_valid_number(candidate) and len(found) < NUMBERS_PER_KIND:
                    found.add(phonenumbers.format_number(candidate, PhoneNumberFormat.E164))
            for number in sorted(found):
                yield country, number


def spellings(country, number):
    """How people write one number, with the country of the record."""
    parsed = phonenumbers.parse(number)
    national = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    international = phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)
    digits = number[1:]
    wide = {ord(digit): ord(digit) - ord("0") + 0xFF10 for digit in "0123456789"}
    return {
        "E.164": (number, country),
        "E.164, no country": (number, None),
        "international": (international, country),
        "international, another country": (international, "FR" if country != "FR" else "DE"),
        "00": ("00" + digits, "DE"),
        "code without plus": (digits, country),
        "code without plus, no country": (digits, None),
        "national": (national, country),
        "national, bare digits": ("".join(filter(str.isdigit, national)), country),
        "national, dashes": (national.replace(" ", "-"), country),
        "wide digits": (national.translate(wide), country),
        "label": (f"Tel.: {international}", country),
        "extension": (f"{international} ext. 17", country),
    }


@pytest.fixture(scope="module")
def judged(normalise):
    """Every spelling of every number, as SQL and as the library read it."""
    cases = [
        (spelling, text, home, number)
        for country, number in valid_numbers(random.Random(5))
        for spelling, (text, home) in spellings(country, number).items()
    ]
    rows = normalise(
        "int_identity__typed_phones",
        "phone, country_code",
        sorted({(text, home or "") for _, text, home, _ in cases}),
        ["raw_phone", "country_code", "phone", "proved_by", "extension"],
    )
    by_text = {(raw_phone, country): rest for raw_phone, country, *rest in rows}
    return [(*case, *by_text[case[1], case[2] or ""]) for case in cases]


def test_sql_reads_a_phone_number_as_the_library_does(judged, capsys):
    agreed = Counter()
    differing = []
    for spelling, text, home, number, phone, proved_by, _ in judged:
        if proved_by != "plan":
            continue
        answer = parse_phone(text, home or "")
        agrees = answer is not None and answer["number"] == phone
        agreed[agrees] += 1
        if not agrees and spelling not in DISAGREEMENTS:
            differing.append((spelling, text, home, number, phone, answer))
    proved = sum(agreed.values())
    share = agreed[True] / proved
    show(
        capsys,
        f"phones: {proved:,} of {len(judged):,} spellings proved by SQL alone, {share:.2%} as the library reads them",
    )
    assert not differing, differing[:10]
    assert proved / len(judged) > 0.9


def test_every_spelling_leads_to_the_number_that_was_meant(judged, capsys):
    missed = [case for case in judged if case[4] is not None and case[4] != case[3]]
    unread = Counter(case[0] for case in judged if case[4] is None)
    share = 1 - len(missed) / len(judged)
    show(capsys, f"phones: {share:.2%} of the spellings lead to no other number; not read: {dict(unread)}")
    assert not missed, missed[:10]
    # A number without plus or country can be read only when it is long enough to leave no doubt.
    assert set(unread) <= {"code without plus, no country"}


def test_an_extension_is_kept_beside_the_number(judged):
    extensions = {case[6] for case in judged if case[0] == "extension"}
    assert extensions == {"17"}


def test_names_read_as_the_library_reads_their_characters(normalise, capsys):
    families = "张王李赵陈杨黄周吴徐孙胡朱高林何郭马罗梁"
    given = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂兰鹏飞宇浩凯健"
    draw = random.Random(7)
    names = sorted({draw.choice(families) + "".join(draw.choices(given, k=draw.choice((1, 2)))) for _ in range(2000)})
    rows = normalise(
        "int_identity__normal_names", "person_name", [(name,) for name in names], ["raw_name", "reading_key"]
    )
    expected = {
        name: " ".join(sorted(["".join(lazy_pinyin(name[0])), "".join(lazy_pinyin(name[1:], v_to_u=False))]))
        for name in names
    }
    differing = {name: (reading, expected[name]) for name, reading in rows if reading != expected[name]}
    share = 1 - len(differing) / len(rows)
    show(capsys, f"names: {share:.2%} of {len(rows):,} read as the library reads them")
    assert len(rows) == len(names)
    assert not differing, dict(list(differing.items())[:10])


def test_surnames_that_read_otherwise_than_the_word_are_listed(normalise):
    names = {
        "曾国": "guo zeng",
        "单雄": "shan xiong",
        "解缙": "jin xie",
        "查良": "liang zha",
        "仇和": "he qiu",
        "朴树": "piao shu",
    }
    rows = normalise(
        "int_identity__normal_names", "person_name", [(name,) for name in names], ["raw_name", "reading_key"]
    )
    assert {name: reading for name, reading in rows if name in names} == names


@pytest.mark.parametrize("text", [None, "", "12", "call me", "+999 123456789", "x" * 500, "\x00", "٣"])
def test_functions_answer_null_to_what_they_cannot_read(text):
    assert parse_phone(text, "US") is None
    assert parse_phone(text, "no country") is None
    assert hanzi_reading(text) is None


@pytest.mark.parametrize("text", [None, "", "a..b", "x" * 70 + ".de"])
def test_a_text_that_is_no_host_name_has_no_ascii_form(text):
    assert ascii_domain(text) is None

"""Training says the same numbers whatever the order of rows and the threads, and the bundled model's levels mean what they say."""

import csv
import random

import duckdb
import pyarrow as pa
import pytest

from orchestration.identity.files import LEVELS_FILE, model_version
from orchestration.identity.spec import TrainingSpec
from orchestration.identity.training import train
from orchestration.settings import PROJECT_ROOT

BUNDLED = PROJECT_ROOT / "orchestration" / "identity" / "link_model"
PLAIN_SLIPS = {
    "name": "length(name_key_l) >= 8 and length(name_key_r) >= 8 and damerau_levenshtein(name_key_l, name_key_r) <= 1",
    "email": """
        damerau_levenshtein(email_l, email_r) <= 2 and email_domain_l <> email_domain_r and email_local_l = email_local_r
        or damerau_levenshtein(email_local_l, email_local_r) <= 1 and email_domain_l = email_domain_r and length(email_local_l) >= 6
        and regexp_replace(email_local_l, '[^0-9]', '', 'g') = regexp_replace(email_local_r, '[^0-9]', '', 'g')
    """,
    "phone": "length(phone_l) = length(phone_r) and damerau_levenshtein(phone_l, phone_r) <= 1",
}
PLAIN_ALIKE = {
    ("name", "very alike"): (
        "length(name_key_l) >= 8 and length(name_key_r) >= 8 and jaro_winkler_similarity(name_key_l, name_key_r) >= 0.95"
    ),
    ("company", "very alike"): "jaro_winkler_similarity(company_key_l, company_key_r) >= 0.92",
    ("job_title", "alike"): "jaro_winkler_similarity(job_title_l, job_title_r) >= 0.88",
}


def spec() -> TrainingSpec:
    """Two comparisons, and so few pairs allowed that both estimates draw samples."""

    def comparison(column: str) -> dict:
        return {
            "name": column,
            "evidence": "context",
            "levels": [
                {"label": "nothing", "condition": f"{column}_l is null or {column}_r is null", "is_null": True},
                {"label": "same", "condition": f"{column}_l = {column}_r", "term_column": column},
                {"label": "other", "condition": "else"},
            ],
        }

    return TrainingSpec.model_validate(
        {
            "name": "tiny",
            "comparisons": [comparison("city"), comparison("street"), comparison("house")],
            "blocking": [{"name": "city", "key": "city"}],
            "fit": {"prior": 0.001, "passes": [["city"]], "max_pairs": 20_000},
        }
    )


def version_of(rows: list[dict], threads: int) -> str:
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.register("people", pa.Table.from_pylist(rows))
        connection.execute("create table told as select * from people")
        return model_version(train(connection, "told", spec()))


def test_neither_the_order_of_rows_nor_threads_change_a_model() -> None:
    chance = random.Random(3)
    people = []
    for number in range(300):
        home = {"city": f"c{number % 20}", "street": f"s{number}", "house": f"h{chance.randrange(900)}"}
        for column in ("street", "house"):
            moved = {**home, column: "elsewhere"} if chance.random() < 0.2 else home
            people.append({"cluster_id": len(people) + 1, **moved})
    in_order = version_of(people, 1)
    chance.shuffle(people)
    assert version_of(people, 2) == in_order
    other_ids = [{**person, "cluster_id": person["cluster_id"] + 10_000} for person in people]
    assert version_of(other_ids, 1) != in_order, "the test wants estimates from a sample, which the ids draw"


@pytest.fixture(scope="module")
def levels() -> list[dict]:
    with (BUNDLED / LEVELS_FILE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def condition(levels: list[dict], comparison: str, label: str) -> str:
    (found,) = (row["sql_condition"] for row in levels if (row["comparison"], row["label"]) == (comparison, label))
    return found


def label_of(levels: list[dict], comparison: str, **values: str) -> str:
    """Return the level that two profiles are at, asked as dbt asks: the first condition that holds."""
    branches = " ".join(
        f"when {row['sql_condition']} then '{row['label']}'"
        for row in levels
        if row["comparison"] == comparison and row["sql_condition"] != "ELSE"
    )
    columns = ", ".join(f"'{value}' as {name}" for name, value in values.items())
    with duckdb.connect() as connection:
        return connection.execute(f"select case {branches} else 'other' end from (select {columns})").fetchall()[0][0]


@pytest.mark.parametrize(
    ("left", "right", "label"),
    [
        # 张伟, Zhang Wei; 王小明, Wang Xiao Ming: (name key, reading key)
        (("张伟", "wei zhang"), ("wei zhang", "wei zhang"), "same reading"),
        (("王小明", "wang xiaoming"), ("ming wang xiao", "wang xiaoming"), "same reading"),
        (("wang xiaoming", "wang xiaoming"), ("ming wang xiao", "wang xiaoming"), "same reading"),
        # 张伟 and 章维 sound alike and are two names
        (("张伟", "wei zhang"), ("章维", "wei zhang"), "same sound, other characters"),
        (("张伟", "wei zhang"), ("张伟", "wei zhang"), "same"),
        (("张伟", "wei zhang"), ("li zhang", "li zhang"), "other"),
        (("ada lovelace", "ada lovelace"), ("ada lovelace", "ada lovelace"), "same"),
        (("ada lovelace", "ada lovelace"), ("ada lovelcae", "ada lovelcae"), "a slip apart"),
    ],
)
def test_a_chinese_name_in_characters_and_in_pinyin_reads_the_same(
    levels: list[dict], left: tuple[str, str], right: tuple[str, str], label: str
) -> None:
    sides = {"family_name_l": "x", "family_name_r": "y", "given_name_l": "x", "given_name_r": "y"}
    keys = {"name_key_l": left[0], "reading_key_l": left[1], "name_key_r": right[0], "reading_key_r": right[1]}
    assert label_of(levels, "name", **keys, **sides) == label


def slips_of(text: str, chance: random.Random, letters: str) -> set[str]:
    """Every text one slip away, and some that are two away."""
    found = set()
    for place in range(len(text) + 1):
        head, tail = text[:place], text[place:]
        letter = chance.choice(letters)
        found |= {
            head + letter + tail,
            head + letter + tail[1:],
            head + tail[1:],
            head + tail[1:2] + tail[:1] + tail[2:],
        }
    for one in sorted(found)[::3]:
        place = chance.randrange(len(one) or 1)
        found.add(one[:place] + chance.choice(letters) + one[place + 1 :])
        found.add(one[place:] + one[:place])
    return {one for one in found if one}


@pytest.mark.parametrize("comparison", PLAIN_SLIPS)
def test_what_is_asked_before_an_edit_distance_changes_no_answer(levels: list[dict], comparison: str) -> None:
    chance = random.Random(5)
    if comparison == "name":
        bases, letters = (
            [
                "ada lovelace",
                "abcdefgh",
                "müller zoe",
                "aaaaaaaa",
                "ababababa",
                "baababab",
                "jgjfbjh j",
                "张 wei lengthy",
            ],
            "abe ",
        )
        made = [{"name_key": one} for base in bases for one in {base, *slips_of(base, chance, letters)}]
    elif comparison == "email":
        made = []
        for local, domain in (
            ("ada.l7", "engine.de"),
            ("lovelace", "e.io"),
            ("aaaaaaa", "aa.aa"),
            ("cbabcb", "c.de"),
            ("jörg12", "müller.de"),
        ):
            locals_ = {local, *slips_of(local, chance, "ab7.")}
            domains = {domain, *slips_of(domain, chance, "ae.")}
            sides = [(one, domain) for one in locals_] + [(local, one) for one in domains]
            made += [{"email": f"{a}@{b}", "email_local": a, "email_domain": b} for a, b in sides]
        made.append({"email": "no address", "email_local": "no address", "email_domain": None})
    else:
        bases = ["+8613912345678", "+4930123456", "+12345", "+1", "+111111111"]
        made = [{"phone": one} for base in bases for one in {base, *slips_of(base, chance, "139")}]
    label = "a digit apart" if comparison == "phone" else "a slip apart"
    assert_same_answers(made, condition(levels, comparison, label), PLAIN_SLIPS[comparison])


@pytest.mark.parametrize(("comparison", "label"), PLAIN_ALIKE)
def test_a_likeness_with_a_bound_is_the_likeness(levels: list[dict], comparison: str, label: str) -> None:
    chance = random.Random(7)
    column = {"name": "name_key", "company": "company_key", "job_title": "job_title"}[comparison]
    bases = ["ada lovelace", "engines and looms", "head of marketing", "北京数据科技", "müller"]
    made = [{column: one} for base in bases for one in {base, *slips_of(base, chance, "ae 数")}]
    assert_same_answers(made, condition(levels, comparison, label), PLAIN_ALIKE[comparison, label])


def assert_same_answers(rows: list[dict], guarded: str, plain: str) -> None:
    """Hold two conditions against each other on every pair of rows; both answers have to occur."""
    sides = ", ".join(f"a.{name} as {name}_l, b.{name} as {name}_r" for name in rows[0])
    with duckdb.connect() as connection:
        connection.register("made", pa.Table.from_pylist(rows))
        found = connection.execute(
            f"""
            select guarded, plain, count(*) from (
                select
                    case when {guarded} then 1 else 0 end as guarded,
                    case when {plain} then 1 else 0 end as plain
                from (select {sides} from made as a cross join made as b)
            ) group by all order by all
            """
        ).fetchall()
    assert [row[:2] for row in found] == [(0, 0), (1, 1)], found

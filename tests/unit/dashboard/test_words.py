"""Texts and numbers are said in both languages, and no text is missing."""

import csv
import re

import pytest
import yaml

from orchestration.dashboard.palette import stage_colours
from orchestration.dashboard.words import column_catalogue, make_words
from orchestration.settings import LANGUAGES, PROJECT_ROOT

DASHBOARD = PROJECT_ROOT / "orchestration" / "dashboard"
MODELS = PROJECT_ROOT / "models"


def _texts(name):
    return yaml.safe_load((DASHBOARD / name).read_text(encoding="utf-8"))


def test_every_text_is_there_in_every_language_with_the_same_places():
    for key, text in _texts("words.yml").items():
        assert set(text) == set(LANGUAGES), key
        if not key.startswith("new_in"):
            places = [sorted(re.findall(r"{(\w+)}", text[language])) for language in LANGUAGES]
            assert places[0] == places[1], key


def test_every_text_that_a_page_asks_for_is_there():
    known = set(_texts("words.yml"))
    code = "".join(path.read_text(encoding="utf-8") for path in DASHBOARD.rglob("*.py"))
    asked = set(re.findall(r'words\(\s*"(\w+)"', code))
    for part in re.findall(r'view\.part\(\s*"(\w+)"', code):
        asked |= {f"{part}_title", f"{part}_note"}
    assert asked - known == set()


def test_a_value_has_a_name_in_both_languages():
    for kind, values in _texts("values.yml").items():
        for value, names in values.items():
            assert kind == "column" or set(names) == set(LANGUAGES), (kind, value)


def test_chinese_labels_come_from_the_models():
    words = make_words("zh", MODELS)
    for table, column in (("mart_funnel_volume", "closing_count"), ("mart_campaign_roi", "budget_amount")):
        assert words.label(table, column) == column_catalogue(MODELS, table)[column][0]


@pytest.mark.parametrize(
    ("figure", "english", "chinese"),
    [
        (0, "0", "0"),
        (9_999, "9,999", "9,999"),
        (12_345, "12.3K", "1.2万"),
        (1_234_567, "1.2M", "123.5万"),
        (123_456_789, "123.5M", "1.2亿"),
        (-50_000, "-50.0K", "-5.0万"),
        (None, "\u2013", "\u2013"),
        (float("nan"), "\u2013", "\u2013"),
    ],
)
def test_large_numbers_are_short_in_the_units_of_the_language(figure, english, chinese):
    assert make_words("en", MODELS).short(figure) == english
    assert make_words("zh", MODELS).short(figure) == chinese


def test_months_and_shares():
    english, chinese = make_words("en", MODELS), make_words("zh", MODELS)
    assert (english.month("2026-03"), chinese.month("2026-03")) == ("Mar 2026", "2026年3月")
    assert (english.percent(0.125), english.percent(None)) == ("12.5%", "\u2013")


def test_a_word_that_nobody_knows_is_readable_and_a_name_stays_as_it_is():
    words = make_words("en", MODELS)
    assert words.value("channel", "trade_press") == "Trade press"
    assert words.value("region", "华东") == "华东"
    assert words.value("region", "New South Wales") == "New South Wales"


def test_stages_of_any_number_keep_their_order_of_colours():
    nine, five = stage_colours([str(place) for place in range(9)]), stage_colours(list("abcde"))
    assert len(set(nine.values())) == 9
    assert len(set(five.values())) == 5
    assert (five["a"], five["e"]) == (nine["0"], nine["8"])
    assert len(stage_colours(["only"])) == 1


@pytest.mark.parametrize(
    ("seed", "column", "kind"),
    [
        ("scoring/behaviour_rules", "rule_id", "score_rule"),
        ("scoring/fit_rules", "rule_id", "score_rule"),
        ("consent/contact_reasons", "reason", "reason"),
        ("consent/contact_channels", "channel", "contact_channel"),
        ("hygiene/hygiene_rules", "rule_id", "rule"),
        ("hygiene/hygiene_rules", "action", "action"),
        ("identity/guard_reasons", "guard_reason", "guard_reason"),
        ("identity/identifier_rules", "identifier_type", "identifier_type"),
        ("identity/identifier_rules", "identifier_type", "link"),
        ("lifecycle/signals", "signal", "signal"),
        ("nurture/programmes", "programme", "programme"),
        ("nurture/personas", "persona", "persona"),
        ("engagement/content_journey_stages", "content_type", "content_type"),
        ("engagement/content_journey_stages", "journey_stage", "journey_stage"),
        ("routing/response_buckets", "bucket", "bucket"),
        ("routing/routes", "route", "route"),
        ("channels/channel_map", "channel", "channel"),
        ("attribution/attribution_targets", "target_type", "target_type"),
    ],
)
def test_whatever_our_own_rules_call_a_thing_has_a_name_in_both_languages(seed, column, kind):
    with (PROJECT_ROOT / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        values = {row[column] for row in csv.DictReader(file)} - {"", "*"}
    assert values
    assert values - set(_texts("values.yml")[kind]) == set()

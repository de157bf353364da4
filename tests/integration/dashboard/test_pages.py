"""Every page shows in both languages, its numbers are the marts', and what is missing is said in words."""

import json
import re
from dataclasses import replace

import duckdb
import pytest

from orchestration.dashboard.screens import PAGES
from orchestration.dashboard.words import make_words
from orchestration.publish.build import MARTS_FILE, PEOPLE_FILE
from orchestration.publish.versions import current_version
from orchestration.settings import PROJECT_ROOT

# Twelve whole months of the sample company, which the filters begin with.
FROM_MONTH, TO_MONTH = "2025-07", "2026-06"


@pytest.fixture(scope="module")
def without_people(copied_versions):
    """A home whose published version has no people file."""
    settings = copied_versions()
    (current_version(settings.published_dir) / PEOPLE_FILE).unlink()
    return settings


@pytest.fixture(scope="module")
def emptied(copied_versions):
    """A home whose published version has stages and days and not one row else."""
    settings = copied_versions()
    for name in (MARTS_FILE, PEOPLE_FILE):
        with duckdb.connect(str(current_version(settings.published_dir) / name)) as connection:
            for (table,) in connection.execute("select table_name from duckdb_tables()").fetchall():
                if table not in {"dim_stage", "dim_date"}:
                    connection.execute(f"delete from marts.{table}")
    return settings


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_in_both_languages(open_page, page, language):
    app = open_page(page, language)
    words = make_words(language, PROJECT_ROOT / "models")
    assert [title.value for title in app.title] == [words(f"{page}_title")]
    assert not app.error
    shown = " ".join(element.value for element in [*app.markdown, *app.caption, *app.subheader])
    assert "{" not in shown, "a place in a text was not filled in"
    assert app.dataframe or app.get("vega_lite_chart") or page == "person"


def test_new_entries_are_those_of_the_ledger(open_page, mart, words):
    # The page reads mart_funnel_volume; the second calculation counts ledger rows.
    ledger = mart("fct_lifecycle_transition")
    months = ledger["entered_at"].dt.strftime("%Y-%m")
    inside = ledger[(ledger["track"] == "acquisition") & months.between(FROM_MONTH, TO_MONTH)]
    shown = {metric.label: metric.value for metric in open_page("overview").metric}
    for stage in words.stages[-4:]:
        assert shown[f"New in {stage.label}"] == f"{(inside['stage'] == stage.stage).sum():,}"


def test_the_moves_balance_and_follow_the_channel(open_page, mart):
    volume = mart("mart_funnel_volume")
    for channel in (None, "website"):
        cells = volume[(volume["track"] == "acquisition") & volume["month"].between(FROM_MONTH, TO_MONTH)]
        if channel:
            cells = cells[cells["channel"] == channel]
        table = (open_page("overview", channel=channel) if channel else open_page("overview")).dataframe[0].value
        opening, entered, exited, closing = (
            table[name] for name in ("opening_count", "entered_count", "exited_count", "closing_count")
        )
        assert (opening + entered - exited == closing).all()
        assert entered.sum() == cells["entered_count"].sum() > 0
        assert closing.sum() == cells.loc[cells["month"] == TO_MONTH, "closing_count"].sum()


def test_days_of_a_step_are_those_of_the_cases(open_page, mart, words):
    cases = mart("fct_stage_duration")
    cases = cases[(cases["track"] == "acquisition") & (cases["transition_kind"] == "step")]
    own = cases[(cases["from_stage"] == "mql") & (cases["to_stage"] == "sql")]["stage_days"]
    table = open_page("velocity").dataframe[0].value.set_index("step")
    row = table.loc[f"{words.stage('mql')} → {words.stage('sql')}"]
    assert row["n"] == len(own) > 0
    assert row["mean_days"] == pytest.approx(own.mean(), abs=1e-5)
    assert row["median_days"] == pytest.approx(own.median(), abs=1e-5)
    assert 0 <= row["open_share"] <= 1


def test_every_attribution_model_hands_out_the_same(open_page):
    table = open_page("attribution").dataframe[0].value
    sums = table.drop(columns=table.columns[0]).sum()
    assert len(sums) > 3
    assert sums.max() == pytest.approx(sums.min(), abs=0.05)


@pytest.mark.parametrize("page", PAGES)
def test_every_column_has_a_chinese_name(open_page, page, mart):
    chosen = {"funnel": {"people_stage": "mql"}, "person": {"person": mart("fct_person_score")["person_id"].min()}}
    app = open_page(page, "zh", **chosen.get(page, {}))
    told = [json.loads(frame.proto.columns).values() for frame in app.dataframe]
    labels = {column["label"] for columns in told for column in columns if column.get("label")}
    assert labels
    assert [label for label in labels if not re.search(r"[\u4e00-\u9fff]", label)] == []


def test_a_combination_that_medians_cannot_follow_is_said(open_page):
    app = open_page("velocity", channel="website", industry="unknown")
    assert any("one dimension at a time" in warning.value for warning in app.warning)
    assert any("not applied on this page: Industry" in text.value for text in app.markdown)


@pytest.mark.parametrize("page", ["overview", "funnel"])
def test_no_rows_under_the_filters_is_an_empty_state(open_page, mart, page):
    volume = mart("mart_funnel_volume")
    channel = volume["channel"].value_counts().index[-1]
    region = volume.loc[~volume["region"].isin(volume.loc[volume["channel"] == channel, "region"]), "region"].min()
    app = open_page(page, channel=channel, region=region, industry="unknown")
    assert any("No rows under these filters" in info.value for info in app.info)


def test_a_bar_leads_to_the_people_behind_it(open_page, mart, published_file, persons):
    ledger = mart("fct_lifecycle_transition")
    inside = ledger["entered_at"].dt.strftime("%Y-%m").between(FROM_MONTH, TO_MONTH) & (
        ledger["track"] == "acquisition"
    )
    entries = ledger[inside & (ledger["stage"] == "customer")]
    app = open_page("funnel", people_stage="customer")
    assert any(f"**{len(entries):,}** entries" in text.value for text in app.markdown)
    table = next(frame.value for frame in app.dataframe if "full_name" in frame.value)
    assert sorted(persons(table)) == sorted(entries["person_id"])
    with duckdb.connect(str(published_file.with_name(PEOPLE_FILE)), read_only=True) as connection:
        names = dict(connection.execute("select person_id, full_name from marts.dim_person").fetchall())
    assert table["full_name"].tolist() == [names[person] for person in persons(table)]


def test_without_the_people_file_ids_alone_are_shown(open_page, own_published, persons):
    folder = current_version(own_published.published_dir)
    (folder / PEOPLE_FILE).unlink()
    app = open_page("funnel", settings=own_published, people_stage="customer")
    assert any("Names and addresses are not shown" in warning.value for warning in app.warning)
    table = next(frame.value for frame in app.dataframe if "person_id" in frame.value)
    assert not table.astype(str).apply(lambda column: column.str.contains("@")).any().any()
    app = open_page("person", settings=own_published, person=persons(table)[0])
    assert any("ask for a person by id" in warning.value for warning in app.warning)
    assert len(app.get("vega_lite_chart")) == 2


def test_people_can_be_switched_off(open_page, monkeypatch):
    monkeypatch.setenv("LEADRELAY_WITHOUT_PEOPLE", "1")
    assert any("not shown" in warning.value for warning in open_page("funnel", people_stage="customer").warning)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_person_is_told_with_evidence_and_score_lines(open_page, published_file, mart, language):
    scores = mart("fct_person_score").set_index("person_id")["score"]
    with duckdb.connect(str(published_file.with_name(PEOPLE_FILE)), read_only=True) as connection:
        person, email, name = connection.execute(
            """
            select people.person_id, people.email, people.full_name
            from marts.dim_person as people
            inner join marts.bridge_person_record as records on people.person_id = records.person_id
            where people.stage = 'customer' and people.email is not null and people.full_name is not null
            group by people.person_id, people.email, people.full_name
            having count(*) > 2
            order by people.person_id
            limit 1
            """
        ).fetchone()
    app = open_page("person", language, person=email)
    assert name in [heading.value for heading in app.subheader]
    lines = next(frame.value for frame in app.dataframe if "points_now" in frame.value)
    assert lines["points_now"].sum() == pytest.approx(scores[person], abs=1e-6)
    chains = next(frame.value for frame in app.dataframe if "way" in frame.value)
    assert all(re.match(r"#1 → .+ → #\d+$", way) for way in chains["way"])


def test_somebody_whom_nobody_knows_is_said(open_page):
    app = open_page("person", person="nobody@nowhere.example")
    assert any("nobody is known by that" in warning.value for warning in app.warning)


def test_before_the_first_publish_every_page_says_what_to_type(open_page, warehouse_home, tmp_path):
    nowhere = replace(warehouse_home, home=tmp_path)
    looks = [*((page, "en", "Nothing is published yet") for page in PAGES), ("overview", "zh", "尚未发布任何数据")]
    for page, language, told in looks:
        app = open_page(page, language, nowhere)
        assert [title.value for title in app.title] == [told]
        assert [code.value for code in app.code] == ["leadrelay run"]


@pytest.mark.parametrize("page", PAGES)
def test_a_version_without_rows_is_said_on_every_page(open_page, emptied, page):
    for language, told in (("en", "No rows under these filters"), ("zh", "当前筛选条件下没有数据")):
        app = open_page(page, language, emptied)
        parts = [heading.value for heading in app.subheader]
        empty = sum(told in info.value for info in app.info)
        # Nothing failed is no empty state but good news.
        assert empty == len(parts) - (page == "quality") > 0, parts
        assert not app.dataframe
        assert not app.get("vega_lite_chart")


@pytest.mark.parametrize("page", PAGES)
def test_without_the_people_file_no_page_names_anybody(open_page, without_people, published_file, page):
    with duckdb.connect(str(published_file.with_name(PEOPLE_FILE)), read_only=True) as connection:
        people = connection.execute("select full_name, email, phone from marts.dim_person").fetchall()
    known = {value for person in people for value in person if value and len(value) > 3}
    app = open_page(page, settings=without_people)
    cells = {cell for frame in app.dataframe for cell in frame.value.astype(str).to_numpy().ravel()}
    cells |= {element.value for element in [*app.markdown, *app.caption, *app.subheader]}
    cells |= {word for button in app.button for word in button.label.split(" · ")}
    assert not cells & known
    assert app.subheader


def test_a_version_that_vanished_is_said(open_page, own_published):
    link = own_published.published_dir / "current"
    link.unlink()
    link.symlink_to("versions/gone")
    assert [title.value for title in open_page("velocity", "zh", own_published).title] == ["该版本已不存在"]


def test_a_broken_file_is_said_with_the_way_back(open_page, own_published):
    path = current_version(own_published.published_dir) / MARTS_FILE
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:8192].replace(b"DUCK", b"GOOSE"[:4]))
    app = open_page("overview", settings=own_published)
    assert [title.value for title in app.title] == ["The published file cannot be read"]
    assert "leadrelay rollback" in app.code[0].value


def test_a_mart_that_is_not_there_is_an_empty_state_of_its_part(open_page, own_published):
    path = current_version(own_published.published_dir) / MARTS_FILE
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop table marts.mart_event_reach")
    app = open_page("accounts", settings=own_published)
    assert sum("has no table for this part" in info.value for info in app.info) == 1
    assert app.get("vega_lite_chart")


def test_a_page_is_always_of_the_version_of_now(open_page, own_published):
    app = open_page("overview", settings=own_published)
    before = app.metric[0].value
    old = current_version(own_published.published_dir)
    new = old.with_name("29990101T000000.000Z-after")
    old.rename(new)
    with duckdb.connect(str(new / MARTS_FILE)) as connection:
        connection.execute("update marts.mart_funnel_volume set entered_count = entered_count * 2")
    link = own_published.published_dir / "current"
    link.unlink()
    link.symlink_to(f"versions/{new.name}")
    app.run()
    assert int(app.metric[0].value.replace(",", "")) == 2 * int(before.replace(",", ""))
    assert any(new.name in caption.value for caption in app.caption)

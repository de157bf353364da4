"""Audience files from the shared published version: who is in them, who is not and why, how they are kept, and how somebody goes out of them."""

import csv
import hashlib
import json
import stat
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from orchestration import cli
from orchestration.activate.audiences import SEED, choose, read_audiences
from orchestration.activate.files import NotActivatedError, activate, drop_before
from orchestration.erase.activation import clean_activation
from orchestration.erase.search import search_files
from orchestration.erase.values import Sought, Value
from orchestration.errors import ConfigError, NothingPublishedError
from orchestration.publish.build import PEOPLE_FILE
from orchestration.publish.versions import current_version, read_manifest
from orchestration.settings import PROJECT_ROOT, Settings

HEADER = "audience,mart,filters,purpose,channel,columns,reason\n"


@pytest.fixture
def home(warehouse_home, tmp_path):
    """A home of its own that shares what is published."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "published").symlink_to(warehouse_home.published_dir, target_is_directory=True)
    return replace(warehouse_home, home=tmp_path / "home")


def own_audiences(settings, tmp_path, *rows):
    path = tmp_path / "own" / SEED
    path.parent.mkdir(parents=True)
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return replace(settings, own_seeds_dir=tmp_path / "own")


def parquet_rows(done):
    name = done.manifest["audience"]
    with duckdb.connect() as connection:
        cursor = connection.execute(f"select * from read_parquet('{done.folder / name}.parquet')")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def csv_rows(done):
    with (done.folder / f"{done.manifest['audience']}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_an_audience_is_its_mart_less_those_who_may_not_be_contacted(home, warehouse):
    """Decided once more in plain Python, for each audience that the checkout has."""
    may = {
        (person, channel, purpose): (is_contactable, reason, address)
        for person, channel, purpose, is_contactable, reason, address in warehouse.execute(
            "select person_id, channel, purpose, is_contactable, reason, identifier_value from marts.mart_contactability"
        ).fetchall()
    }
    out = {
        row[0] for row in warehouse.execute("select person_id from marts.dim_person where is_cleaned_out").fetchall()
    }
    for done in activate(home, choose(home, [])):
        audience = read_audiences(home)[done.manifest["audience"]]
        cursor = warehouse.execute(f"select * from marts.{audience.mart}")
        names = [column[0] for column in cursor.description]
        members = {
            row["person_id"]
            for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall())
            if all(
                (str(row[column]).lower() if isinstance(row[column], bool) else row[column]) in values
                for column, values in audience.filters.items()
            )
        }
        left_out, addresses = Counter(), set()
        for person in members:
            is_contactable, reason, address = may.get(
                (person, audience.channel, audience.purpose), (False, "no_address", None)
            )
            if person in out:
                left_out["cleaned_out"] += 1
            elif is_contactable:
                addresses.add((person, address))
            else:
                left_out[reason] += 1
        assert {(row["person_id"], row["address"]) for row in parquet_rows(done)} == addresses
        assert done.manifest["left_out"] == left_out
        assert (done.manifest["people"], len(members)) == (len(addresses), len(addresses) + left_out.total())


def squeezed(kind, text):
    """An address as one compares it by eye: e-mail in small letters, a number by its last nine digits."""
    return text.strip().lower() if kind == "email" else "".join(filter(str.isdigit, text)).lstrip("0")[-9:]


def noes(warehouse):
    """What the raw rows of lists and consent take away: {(purpose, channel): {address}}, read without any model."""
    found = defaultdict(set)
    reached = {"email": ("email",), "phone": ("phone", "sms")}
    (as_of,) = warehouse.execute("select as_of from ops.as_of").fetchone()
    for kind, text, channel, name, left_at in warehouse.execute(
        "select identifier_type, identifier, channel, list, valid_to from raw.consent__suppression where coalesce(valid_from <= ?, true)",
        [as_of],
    ).fetchall():
        if name != "white" and (left_at is None or left_at > as_of):
            for purpose in ("marketing", "request", "service"):
                for one in [channel] if channel else reached[kind]:
                    found[purpose, one].add(squeezed(kind, text))
    said = defaultdict(list)
    for at, email, phone, channel, action in warehouse.execute(
        "select occurred_at, email, phone, channel, action from raw.consent__events where occurred_at <= ? order by occurred_at",
        [as_of],
    ).fetchall():
        text = email if channel == "email" else phone
        if text:
            said[channel, squeezed(channel, text)].append((at, action))
    for (channel, address), actions in said.items():
        if actions[-1][1] != "opt_in":
            found["marketing", channel].add(address)
            found["request", channel].add(address)
    return found


def test_nobody_who_is_listed_or_has_objected_is_in_any_file(home, warehouse, tmp_path):
    """Of the audiences that the checkout has, and of everybody for every purpose and channel, so that it cannot hold by chance."""
    everybody = [
        f"all_{purpose}_{channel},dim_person,,{purpose},{channel},stage,"
        for purpose in ("marketing", "request", "service")
        for channel in ("email", "phone")
    ]
    away = noes(warehouse)
    met = Counter()
    for settings in (home, own_audiences(home, tmp_path, *everybody)):
        for done in activate(settings, choose(settings, [])):
            purpose, channel = done.manifest["purpose"], done.manifest["channel"]
            rows = parquet_rows(done)
            refused = away[purpose, channel]
            assert [row for row in rows if squeezed(channel, row["address"]) in refused] == []
            met[purpose, channel] += len(rows)
            assert purpose != "service" or settings is not home, "no audience of ours calls a request a service"
    # people of the company are among those who are listed and have objected, so each of them was left out somewhere
    for purpose in ("marketing", "request", "service"):
        for channel in ("email", "phone"):
            known = {
                squeezed(channel, text)
                for (text,) in warehouse.execute(
                    "select identifier_value from intermediate.int_identity__person_identifiers where identifier_type = ?",
                    [channel],
                ).fetchall()
            }
            assert known & away[purpose, channel], (purpose, channel)
            assert met[purpose, channel] > 100


def test_only_whoever_asked_to_be_called_is_called_without_consent(home, warehouse):
    """By the form or call that they sent, read from the rows as delivered."""
    asked = {
        row[0]
        for row in warehouse.execute(
            """
            select persons.person_id from staging.stg_forms__submissions as forms
            join intermediate.int_identity__record_persons as persons using (record_id)
            where forms.form_type in ('contact_sales', 'product_inquiry', 'demo_request')
            union
            select person_id from marts.fct_interaction where interaction_type = 'call_400'
            """
        ).fetchall()
    }
    consented = {
        row[0]
        for row in warehouse.execute(
            "select person_id from marts.mart_contactability where channel = 'phone' and purpose = 'marketing' and is_contactable"
        ).fetchall()
    }
    requested, handed_over = activate(home, choose(home, ["call_list", "call_list_handed_over"]))
    called = {row["person_id"] for row in parquet_rows(requested)}
    assert called <= asked
    assert called - consented, "somebody who asked has no consent, else this shows nothing"
    assert {row["person_id"] for row in parquet_rows(handed_over)} <= consented
    assert requested.manifest["purpose"] == "request"
    assert handed_over.manifest["left_out"].get("no_consent"), (
        "somebody without consent was handed over and is not called"
    )


def test_the_audiences_hold_somebody_and_leave_somebody_out(home):
    manifests = [done.manifest for done in activate(home, choose(home, []))]
    assert sum(manifest["people"] > 0 for manifest in manifests) > len(manifests) / 2
    assert any(manifest["left_out"] for manifest in manifests)


def test_the_manifest_says_what_the_files_are_and_only_the_owner_may_read_them(home):
    (done,) = activate(home, choose(home, ["quiet_leads_email"]))
    published = read_manifest(home.published_dir)
    manifest = json.loads((done.folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["version"], manifest["as_of"]) == (published["version"], published["as_of"])
    assert (manifest["purpose"], manifest["channel"]) == ("marketing", "email")
    assert manifest["columns"] == ["person_id", "address", "first_name", "full_name", "company", "stage"]
    assert manifest["rows"] == len(parquet_rows(done)) == len(csv_rows(done)) > 0
    for name, facts in manifest["files"].items():
        assert hashlib.sha256((done.folder / name).read_bytes()).hexdigest() == facts["sha256"]
    assert {path.name for path in done.folder.iterdir()} == {*manifest["files"], "manifest.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in done.folder.iterdir()} == {0o600}
    assert stat.S_IMODE(done.folder.stat().st_mode) == 0o700


def test_a_cell_that_would_be_a_formula_is_a_text_in_the_csv_and_as_it_is_in_the_parquet(home, tmp_path):
    home = own_audiences(
        home, tmp_path, "by_phone,dim_person,is_anonymous=false,service,phone,full_name|score_display,"
    )
    (done,) = activate(home, choose(home, []))
    numbers = {row["person_id"]: row["address"] for row in parquet_rows(done)}
    assert numbers
    assert all(number.startswith("+") for number in numbers.values())
    assert {row["person_id"]: row["address"] for row in csv_rows(done)} == {
        person: f"'{number}" for person, number in numbers.items()
    }


def test_the_same_version_gives_the_same_files_and_takes_the_place_of_its_own(home):
    audiences = choose(home, ["nurture_email"])
    first, second = activate(home, audiences)[0], activate(home, audiences)[0]
    assert first.folder == second.folder
    assert first.manifest["files"] == second.manifest["files"]
    assert [path.name for path in first.folder.parent.iterdir()] == [first.folder.name]


# ------------------------------------------------------------------------------------------------------- what goes wrong


def test_nothing_published_and_no_people_file_are_told_with_what_to_do(warehouse_home, tmp_path):
    empty = Settings(home=tmp_path / "empty", sources_file=PROJECT_ROOT / "sources.yml")
    with pytest.raises(NothingPublishedError, match="leadrelay run"):
        activate(empty, choose(empty, []))
    bare = replace(warehouse_home, home=tmp_path / "bare")
    version = bare.published_dir / "versions" / "v"
    version.mkdir(parents=True)
    for path in current_version(warehouse_home.published_dir).iterdir():
        if path.name != PEOPLE_FILE:
            (version / path.name).symlink_to(path)
    (bare.published_dir / "current").symlink_to(version)
    with pytest.raises(NotActivatedError, match="Addresses stand in this file alone"):
        activate(bare, choose(bare, []))
    assert not (bare.home / "activation").exists()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("../x,dim_person,,marketing,email,stage,", "is no name"),
        ("x,dim_person,stage,marketing,email,stage,", "not written column=value"),
        ("x,,,marketing,email,stage,", "mart is missing"),
        ("x,nowhere,,marketing,email,stage,", "no table 'nowhere' is published"),
        ("x,dim_stage,,marketing,email,stage,", "no column person_id"),
        ("x,dim_person,colour=red,marketing,email,stage,", "no column 'colour'"),
        ("x,dim_person,,marketing,email,colour,", "has a column 'colour'"),
        ("x,dim_person,,marketing,pigeon,stage,", "channel 'pigeon'"),
        ("x,dim_person,,fun,email,stage,", "purpose 'fun'"),
    ],
)
def test_a_row_that_is_wrong_is_told_and_nothing_is_written(home, tmp_path, row, told):
    home = own_audiences(home, tmp_path, "good,dim_person,,marketing,email,stage,", row)
    with pytest.raises(ConfigError, match=told):
        activate(home, choose(home, []))
    assert not (home.home / "activation").exists()


def test_the_command_lists_writes_and_says_which_names_there_are(home, monkeypatch, capsys):
    monkeypatch.setenv("LEADRELAY_HOME", str(home.home))
    assert cli.main(["activate", "--list"]) == 0
    assert "nurture_email" in capsys.readouterr().out
    assert cli.main(["activate", "quiet_leads_email"]) == 0
    assert "left out" in capsys.readouterr().out
    assert cli.main(["activate", "nobody"]) == 2
    assert "there are: call_list" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------- going out


def test_a_forgotten_person_goes_out_of_every_audience_file(home):
    folders = {done.folder: parquet_rows(done) for done in activate(home, choose(home, []))}
    rows = next(rows for folder, rows in folders.items() if folder.parent.name == "quiet_leads_email")
    gone = rows[0]
    sought = Sought({Value("email", gone["address"])})
    assert search_files([home.home / "activation"], sought).found, "the search finds what is there"
    counted = clean_activation(home.home, {gone["person_id"]}, sought)
    assert counted == {
        f"{folder.parent.name}/{folder.name}": touched
        for folder, rows in folders.items()
        if (touched := sum(row["person_id"] == gone["person_id"] for row in rows))
    }
    assert not search_files([home.home / "activation"], sought).found
    for folder, rows in folders.items():
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["rows"] == sum(row["person_id"] != gone["person_id"] for row in rows)
        for name, facts in manifest["files"].items():
            assert gone["person_id"].encode() not in (folder / name).read_bytes()
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == facts["sha256"]
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_files_older_than_the_policy_are_removed(home):
    activate(home, choose(home, ["nurture_email", "call_list"]))
    now = datetime.now(tz=UTC)
    assert drop_before(home.home, now - timedelta(days=1)) == 0
    assert drop_before(home.home, now + timedelta(days=1)) == 2
    assert not list((home.home / "activation").glob("*/*"))

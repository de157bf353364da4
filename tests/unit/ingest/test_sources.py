"""sources.yml is refused before anything is read, and the error says what to write instead."""

import re
from pathlib import Path

import pytest

from orchestration.errors import ConfigError, ExitCode
from orchestration.ingest.contract import load_contract
from orchestration.ingest.sources import load_sources
from orchestration.settings import PROJECT_ROOT

FEED = "{system: site, files: '*.csv'%s}"


@pytest.fixture(scope="module")
def contract():
    return load_contract(PROJECT_ROOT / "models")


def write(tmp_path: Path, feed: str, table: str = "submissions", source: str = "forms", version: int = 1) -> Path:
    path = tmp_path / "sources.yml"
    path.write_text(
        f"version: {version}\nsources:\n  {source}:\n    tables:\n      {table}:\n        feeds:\n          - {feed}\n",
        encoding="utf-8",
    )
    return path


REQUIRED = "submission_id: id, submitted_at: at"


@pytest.mark.parametrize(
    ("feed", "key", "told"),
    [
        (
            FEED % ", colunms: {}",
            "sources.forms.tables.submissions.feeds.0.colunms",
            "unknown key. Did you mean: columns",
        ),
        (FEED % ", options: {delimeter: ';'}", "feeds.0.options.delimeter", "unknown key. Did you mean: delimiter"),
        ("{files: '*.csv'}", "feeds.0.system", "missing"),
        (FEED % ", options: {delimiter: '||'}", "feeds.0.options.delimiter", "at most 1 character"),
        (FEED % ", options: {timezone: Asia/Shangai}", "feeds[0].options.timezone", "Did you mean: Asia/Shanghai"),
        (FEED % ", options: {encoding: gb18300}", "feeds[0].options.encoding", "Did you mean: gb18030"),
        (FEED % ", options: {date_format: dd-mm-yyyy}", "feeds[0].options.date_format", "no % directive"),
        (FEED % f", columns: {{{REQUIRED}, emial: e}}", "feeds[0].columns.emial", "Did you mean: email"),
        (
            FEED % f", columns: {{{REQUIRED}, email: 'lower(('}}",
            "feeds[0].columns.email",
            "not readable as one expression",
        ),
        (FEED % f", columns: {{{REQUIRED}, email: 'x; drop table y'}}", "feeds[0].columns.email", "one expression"),
        (FEED % f", columns: {{{REQUIRED}, email: '(select 1)'}}", "feeds[0].columns.email", "subquery is not allowed"),
        (FEED % f", columns: {{{REQUIRED}, email: 'lowr(e)'}}", "feeds[0].columns.email", "Did you mean: lower"),
        (FEED % ", columns: {email: e}", "feeds[0].columns", "required and not mapped: submission_id, submitted_at"),
        (FEED % ", arrival: now()", "feeds[0].arrival", "not on the allow-list"),
        (FEED % ", location: '${LEADRELAY_TEST_UNSET}/x'", "feeds[0].location", "LEADRELAY_TEST_UNSET is not set"),
        ("{system: 'a|b', files: '*'}", "feeds[0].system", "is not a name"),
        ("{system: a, files: '../*.csv'}", "feeds[0].files", "is a path"),
        ("{system: a, reader: fles, files: '*'}", "feeds.0.reader", "files"),
    ],
)
def test_each_mistake_names_file_key_and_fix(tmp_path, contract, feed, key, told):
    path = write(tmp_path, feed)
    with pytest.raises(ConfigError) as caught:
        load_sources(path, contract)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert key in text
    assert told in text
    assert caught.value.exit_code == ExitCode.USAGE


POSTGRES = "{system: crm, reader: postgres, connection: {uri_env: CRM_URL}, table: public.forms, key: [id]%s}"
REST = "{system: api, reader: rest, url: 'https://api.example.com'%s}"


@pytest.mark.parametrize(
    ("feed", "key", "told"),
    [
        (
            "{system: a, reader: postgre}",
            "feeds.0.reader",
            "'postgre' is not one that leadrelay knows. Did you mean: postgres",
        ),
        (POSTGRES % ", cursr: x", "feeds.0.cursr", "unknown key. Did you mean: cursor"),
        (POSTGRES % ", sweep: maybe", "feeds.0.sweep", "valid boolean"),
        ("{system: crm, reader: postgres, connection: {uri_env: CRM}, key: [id]}", "feeds.0.table", "missing; add it"),
        (POSTGRES % ", location: exports", "feeds.0.location", "unknown key"),
        (POSTGRES % ", options: {delimiter: ';'}", "feeds[0].options.delimiter", "makes its files itself"),
        (POSTGRES % ", sweep: true", "feeds[0].sweep", "such as `is_deleted: _is_vanished`"),
        (POSTGRES % f", columns: {{{REQUIRED}, message: _is_vanished}}", "feeds[0].columns", "only with `sweep: true`"),
        (
            "{system: crm, reader: postgres, connection: {host: db, password: hunter2secret}, table: t, key: [id]}",
            "feeds.0.connection.password",
            "A secret never stands in this file: export it, and name the variable in password_env",
        ),
        (
            "{system: crm, reader: postgres, connection: {uri_env: 'postgresql://u:hunter2secret@h/d'}, table: t, key: [id]}",
            "feeds.0.connection.uri_env",
            "not the name of an environment variable",
        ),
        (
            "{system: crm, reader: postgres, connection: {host: db}, table: t, key: [id]}",
            "feeds[0].connection",
            "lacks database, user; or name a variable with the whole address in uri_env",
        ),
        (
            REST % ", paging: {type: pages}",
            "feeds.0.paging.type",
            "'pages' is not one that leadrelay knows. Did you mean: page",
        ),
        (REST % ", paging: {type: cursor, path: next}", "feeds.0.paging.param", "missing"),
        (REST % ", paging: {type: offset, limt: 10}", "feeds.0.paging.limt", "unknown key. Did you mean: limit"),
        (REST % ", auth: {type: api_key, key: hunter2secret}", "feeds.0.auth.key", "name the variable in key_env"),
        (REST % ", auth: {type: oauth}", "feeds.0.auth.type", "Did you mean: oauth2"),
        (REST % ", incremental: {param: since}", "feeds.0.incremental.field", "missing"),
        ("{system: a, reader: rest, url: 'ftp://x'}", "feeds[0].url", "is no address"),
        ("{system: a, reader: rest, url: 'https://u:hunter2secret@x'}", "feeds[0].url", "holds a user or password"),
        (REST % ", path: 'https://elsewhere'", "feeds[0].path", "write the host in `url`"),
        (FEED % ", location: 's3:///x'", "feeds[0].location", "names no bucket"),
        (FEED % ", storage: {key_env: K}", "feeds[0].storage", "belongs to an object store"),
        (FEED % ", longest_seconds: 60", "feeds[0].longest_seconds", "belongs to an object store"),
        (FEED % ", location: 's3://b/p', longest_seconds: 0", "feeds.0.longest_seconds", "greater than 0"),
        (FEED % ", location: 's3://b/p', storage: {secret: hunter2secret}", "feeds.0.storage.secret", "in secret_env"),
        (
            FEED % ", location: 's3://b/p', storage: {secret_env: 'hunter2/secret'}",
            "feeds.0.storage.secret_env",
            "not the name",
        ),
    ],
)
def test_each_mistake_about_a_reader_names_file_key_and_fix_and_no_secret(tmp_path, contract, feed, key, told):
    path = write(tmp_path, feed)
    with pytest.raises(ConfigError) as caught:
        load_sources(path, contract)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert key in text
    assert told in text
    assert "hunter2" not in text


def test_two_feeds_of_one_path_have_each_a_name(tmp_path, contract):
    path = write(tmp_path, f"{REST % ', path: /a, name: live'}\n          - {REST % ', path: /a, name: archived'}")
    assert [feed.pattern for feed in load_sources(path, contract).feeds("forms.submissions")] == [
        "api.rest.live.*", "api.rest.archived.*",
    ]  # fmt: skip


def test_two_feeds_that_would_write_under_one_name_are_refused(tmp_path, contract):
    path = write(tmp_path, f"{REST % ', path: /a'}\n          - {REST % ', path: /a'}")
    with pytest.raises(ConfigError, match=re.escape("two feeds read 'api.rest.a.*'; give each a `name` of its own")):
        load_sources(path, contract)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"source": "form"}, "sources.form: no such domain in the raw contract. Did you mean: forms"),
        ({"table": "submission"}, "sources.forms.tables.submission: no such table in forms. Did you mean: submissions"),
        ({"version": 2}, "version"),
    ],
)
def test_unknown_domain_table_and_version_are_named(tmp_path, contract, part, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        load_sources(write(tmp_path, FEED % "", **part), contract)


def test_a_missing_file_and_broken_yaml_say_so(tmp_path, contract):
    with pytest.raises(ConfigError, match="no such file"):
        load_sources(tmp_path / "none.yml", contract)
    (tmp_path / "sources.yml").write_text("version: [1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not readable as YAML"):
        load_sources(tmp_path / "sources.yml", contract)
    (tmp_path / "sources.yml").write_text("version: 1\nversion: 1\nsources: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not readable as YAML"):
        load_sources(tmp_path / "sources.yml", contract)


def test_locations_take_variables_with_defaults_and_are_relative_to_the_file(tmp_path, contract, monkeypatch):
    monkeypatch.setenv("LEADRELAY_TEST_DIR", str(tmp_path / "elsewhere"))
    feed = load_sources(write(tmp_path, FEED % ", location: '${LEADRELAY_TEST_DIR}/in'"), contract).feeds(
        "forms.submissions"
    )[0]
    assert feed.location == str(tmp_path / "elsewhere" / "in")
    feed = load_sources(write(tmp_path, FEED % ", location: '${LEADRELAY_TEST_UNSET:-drop}/in'"), contract).feeds(
        "forms.submissions"
    )[0]
    assert feed.location == str(tmp_path / "drop" / "in")


def test_a_header_that_is_no_expression_waits_for_the_file(tmp_path, contract):
    path = write(tmp_path, FEED % f", columns: {{{REQUIRED}, email: 'E-mail address'}}")
    assert load_sources(path, contract).feeds("forms.submissions")[0].columns["email"] == "E-mail address"


def test_the_repository_s_own_sources_are_sound(contract):
    sources = load_sources(PROJECT_ROOT / "sources.yml", contract)
    assert set(sources.tables) == set(contract.tables)
    assert sources.tables["forms.submissions"].is_required


def test_a_table_that_is_not_named_has_no_feeds(tmp_path, contract):
    assert load_sources(write(tmp_path, FEED % ""), contract).feeds("crm.leads") == ()

import hashlib
import hmac
import stat

import duckdb
import pytest

from orchestration.errors import PublishError
from orchestration.publish.policy import PiiPolicy
from orchestration.publish.privacy import install_hmac, load_or_create_key, published_expression

TEXTS = ["", "a", "wang@acme.cn", "王小明", "x" * 500, "臺北", "it's | a\\b"]


@pytest.fixture
def connection():
    with duckdb.connect(":memory:") as connection:
        yield connection


@pytest.mark.parametrize("key", [b"k" * 32, bytes(range(32)), b"", b"\xff" * 64])
def test_the_sql_hmac_is_the_hmac_of_the_standard_library(connection, key):
    install_hmac(connection, key)
    found = connection.execute(
        "select hmac_sha256(text) from (select unnest($texts::varchar[]) as text)", {"texts": TEXTS}
    ).fetchall()
    assert [code for (code,) in found] == [hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for text in TEXTS]


def test_hmac_keeps_null_and_reaches_into_lists(connection):
    install_hmac(connection, b"k" * 32)
    expression = published_expression("emails", PiiPolicy.HMAC, "VARCHAR[]")
    rows = connection.execute(f"select {expression} from (values (['a', null, 'b']), (null)) as v (emails)").fetchall()
    code = {text: hmac.new(b"k" * 32, text.encode(), hashlib.sha256).hexdigest() for text in "ab"}
    assert rows == [([code["a"], None, code["b"]],), (None,)]


def test_a_key_longer_than_one_block_is_refused(connection):
    with pytest.raises(ValueError, match="65 bytes"):
        install_hmac(connection, b"k" * 65)


def test_mask_shows_the_first_character_of_a_text_and_the_year_of_a_date(connection):
    text = published_expression("full_name", PiiPolicy.MASK, "VARCHAR")
    day = published_expression("birth_date", PiiPolicy.MASK, "DATE")
    rows = connection.execute(
        f"select full_name, birth_date::varchar from (select {text}, {day} from (values ('王小明', date '1980-05-17'), ('', null), (null, null)) as v (full_name, birth_date))"
    ).fetchall()
    assert rows == [("王***", "1980-01-01"), ("", None), (None, None)]


def test_a_dropped_column_has_no_expression():
    assert published_expression("email", PiiPolicy.DROP, "VARCHAR") is None


def test_masking_a_number_is_refused_with_what_to_use_instead():
    with pytest.raises(ValueError, match="use keep, hmac or drop"):
        published_expression("amount", PiiPolicy.MASK, "DOUBLE")


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    key = load_or_create_key(tmp_path)
    assert len(key) == 32
    assert load_or_create_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "hmac.key").stat().st_mode) == 0o600


def test_a_key_that_others_may_read_stops_the_publish(tmp_path):
    load_or_create_key(tmp_path)
    (tmp_path / "hmac.key").chmod(0o644)
    with pytest.raises(PublishError, match="chmod 600"):
        load_or_create_key(tmp_path)


@pytest.mark.parametrize("content", ["not hexadecimal", "abcd"])
def test_a_damaged_key_is_named_and_never_replaced(tmp_path, content):
    path = tmp_path / "hmac.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(PublishError, match=r"hmac\.key"):
        load_or_create_key(tmp_path)
    assert path.read_text() == content

"""A mapping is one scalar expression over a row, and nothing else gets through."""

import pytest

from orchestration.ingest.expressions import ExpressionError, parse_expression, resolve


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a", {"a"}),
        ("lower(trim(a)) || '@' || b", {"a", "b"}),
        ("case when a = 'x' then 1 else b end", {"a", "b"}),
        ("cast(a as timestamp) + interval 1 day", {"a"}),
        ("try_strptime(a, '%d-%m-%Y') at time zone 'UTC'", {"a"}),
        ("coalesce(nullif(a, ''), \"E-mail\")", {"a", "E-mail"}),
        ("split_part(a, ' ', 1)", {"a"}),
        ("payload ->> '$.email'", {"payload"}),
        ("a in ('x', 'y') and b is not null", {"a", "b"}),
        ("a -- a remark", {"a"}),
        ("'new'", set()),
    ],
)
def test_scalar_expressions_are_taken(text, columns):
    assert parse_expression(text).columns == columns


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(select 1)", "subquery"),
        ("a in (select b from t)", "subquery"),
        ("a); drop table raw.crm__leads; --", "not readable"),
        ("a), (b", "more than one|not allowed|not on the allow-list|not readable"),
        ("1) from read_csv('/etc/passwd') --", "not readable|a query"),
        ("getenv('HOME')", r"getenv\(\) is not on the allow-list"),
        ("read_text('/etc/passwd')", "allow-list"),
        ("now()", "allow-list"),
        ("random()", "allow-list"),
        ("uuid()", "allow-list"),
        ("nextval('s')", "allow-list"),
        ("current_setting('home_directory')", "allow-list"),
        ("sum(a)", "allow-list"),
        ("row_number() over ()", "window"),
        ("lag(a) over (order by b)", "window"),
        ("t.a", "names a table"),
        ("*", "not readable|star"),
        ("columns('.*')", "star|allow-list|not readable"),
        ("a b c", "not readable"),
        ("", "not readable"),
        ("$1", "parameter|not readable"),
    ],
)
def test_everything_else_is_refused(text, told):
    with pytest.raises(ExpressionError, match=told):
        parse_expression(text)


def test_a_column_name_wins_over_an_expression():
    assert resolve("E-mail address", ["E-mail address"]).sql == '"E-mail address"'
    assert resolve("EMAIL", ["email"]).columns == {"email"}


def test_a_missing_column_names_the_nearest():
    with pytest.raises(ExpressionError, match=r"no column 'emial'\. Did you mean: email"):
        resolve("emial", ["email", "phone"])
    with pytest.raises(ExpressionError, match=r"no column 'fone'\. Did you mean: phone"):
        resolve("lower(fone)", ["email", "phone"])

"""Passwords in every way that they are written; what holds none stays as it is."""

from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from branchmig.masking import MASK, NO_SECRETS, SHORTEST, masked, secrets_in

PASSWORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="*"), min_size=SHORTEST + 3
).filter(lambda word: word.lower() not in NO_SECRETS and not word.isdigit())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://app:s3cret@h:5432/db", "postgresql://app:***@h:5432/db"),
        ("mysql+pymysql://app:s:e/c@r@h/db is gone", "mysql+pymysql://app:***@h/db is gone"),
        ("redis://:s3cret@h", "redis://:***@h"),
        ("postgresql://app@h:s3cret/db", "postgresql://app@h:***"),
        ("postgresql://app:s3cret", "postgresql://app:***"),
        ("two: a://u:p@h and b://u:q@h", "two: a://u:***@h and b://u:***@h"),
        (
            "postgresql://h/db?user=app&password=s3cret&sslmode=require",
            "postgresql://h/db?user=app&password=***&sslmode=require",
        ),
        ("postgresql://h/db?sslpassword=s3cret", "postgresql://h/db?sslpassword=***"),
        ("host=h password='two words' user=app", "host=h password=*** user=app"),
        ("DRIVER={ODBC 18};UID=app;PWD={s3;c}}ret};Encrypt=yes", "DRIVER={ODBC 18};UID=app;PWD=***;Encrypt=yes"),
        (
            "mssql://?odbc_connect=UID%3Dapp%3BPWD%3Ds3cret%3BX%3D1",
            "mssql://?odbc_connect=UID%3Dapp%3BPWD%3D***%3BX%3D1",
        ),
        ("connect(user='app', password='s3cret', host='h')", "connect(user='app', password=***, host='h')"),
        ("{'passwd': 's3cret', 'db': 'app'}", "{'passwd': ***, 'db': 'app'}"),
        ('{"password": "s3\\"cret"}', '{"password": ***}'),
        ("ALTER USER app PASSWORD = 's3cret'", "ALTER USER app PASSWORD = ***"),
        ("PGPASSWORD=s3cret psql", "PGPASSWORD=*** psql"),
    ],
)
def test_a_password_is_masked_wherever_one_is_written(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Access denied for user 'app'@'h' (using password: YES)",
        'FATAL:  password authentication failed for user "app"',
        "KeyError: 'password'",
        "postgresql+psycopg://app@127.0.0.1:5432/db",
        "sqlite:////home/me/app.db",
        "http://127.0.0.1:8080, postgresql://app@h1:5432,h2:5433/db and mysql://[::1]:3306/db.",
        "see https://alembic.sqlalchemy.org/en/latest/ and mail me@example.com",
        "migrations/versions/ae10_passwords.py:12: SyntaxError: invalid syntax",
        "",
    ],
)
def test_what_holds_no_password_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
    assert secrets_in(text) == frozenset()


@given(PASSWORDS)
def test_a_password_of_any_letters_is_in_no_message_that_repeats_its_url(password: str) -> None:
    url = URL.create("postgresql+psycopg", "app", password, "127.0.0.1", 5432, "db").render_as_string(
        hide_password=False
    )
    messages = [
        f"cannot connect to {url}: refused",
        f"invalid dsn: password={quote_plus(password)}",
        f"could not parse {password} as a port",
        f"{password!r} at {quote(password, safe='')}",
    ]
    for message in messages:
        shown = masked(message, secrets_in(url))
        assert password not in shown
        assert quote(password, safe="") not in shown
        assert MASK in shown


@given(st.text(max_size=300))
def test_masking_never_fails_and_masks_the_same_twice(text: str) -> None:
    once = masked(text, secrets_in(text))
    assert masked(once) == masked(once, secrets_in(once))


def test_the_time_does_not_grow_with_the_square_of_the_text() -> None:
    import time

    for text in (
        "a://" + "b:" * 20_000,
        "password" * 5_000,
        "password=" + "{" * 20_000,
        "://:" * 5_000,
        "w" * 50_000,
    ):
        began = time.perf_counter()
        masked(text, secrets_in(text))
        assert time.perf_counter() - began < 5

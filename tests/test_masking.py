"""Passwords in every way that they are written; what holds none stays as it is."""

from __future__ import annotations

import io
import logging
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL

from branchmig import masking, terminal
from branchmig.database.run.quiet import safe_log
from branchmig.errors import CannotFollow
from branchmig.fleet.visit_errors import failure_of
from branchmig.masking import MASK, NO_SECRETS, SHORTEST, masked, secrets_in
from branchmig.terminal.known_secrets import own_words

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


SQL = r"""
CREATE USER u IDENTIFIED BY "s3cret x"
CREATE USER u IDENTIFIED BY 's3''cret' WITH MAX_QUERIES_PER_HOUR 1
CREATE USER u IDENTIFIED /* by */ BY -- x
CREATE USER u IDENTIFIED WITH mysql_native_password BY 's3cret'
CREATE USER u IDENTIFIED WITH 'caching_sha2_password' AS '$A$s3cret'
CREATE USER u IDENTIFIED VIA ed25519 USING PASSWORD('s3cret') OR unix_socket
CREATE USER u IDENTIFIED VIA mysql USING 's3cret' OR ed25519 USING 's3cret-2'
ALTER USER u IDENTIFIED BY 's3cret' REPLACE 's3cret-old'
CREATE USER u IDENTIFIED BY s3cret QUOTA 5M ON users
GRANT ALL ON *.* TO u IDENTIFIED BY PASSWORD '*s3cret'
SET PASSWORD FOR 'u'@'h' = 's3cret'
SET PASSWORD FOR 'u'@'h' = PASSWORD('s3cret')
SET PASSWORD FOR u TO 's3cret'
SET PASSWORD = PASSWORD("s3cret")
CHANGE MASTER TO MASTER_USER='u', MASTER_PASSWORD='s3cret', MASTER_PORT=1
CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD="s3cret"
CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 's3cret', HOST 'h')
ALTER USER MAPPING FOR u SERVER s OPTIONS (SET password 's3cret')
ALTER ROLE r PASSWORD 's3cret'
ALTER ROLE r WITH ENCRYPTED PASSWORD E's3\'cret' VALID UNTIL '2030-01-01'
ALTER ROLE r PASSWORD $$s3cret$$
ALTER ROLE r PASSWORD $x$s3cret$x$ LOGIN
ALTER ROLE r PASSWORD /* c */ 's3cret'
CREATE LOGIN l WITH PASSWORD = N's3cret', CHECK_POLICY = OFF
ALTER LOGIN l WITH PASSWORD = 's3cret-new' OLD_PASSWORD = 's3cret'
SELECT dblink('host=h user=u password=s3cret dbname=d', 'SELECT 1')
SELECT dblink_connect('postgresql://u:s3cret@h/d')
CREATE SUBSCRIPTION s CONNECTION 'host=h password=''s3cret x'' user=u' PUBLICATION p
LINE 1: ALTER ROLE r PASSWORD 's3cret...
UPDATE users SET pw = crypt('s3cret', gen_salt('bf'))
CREATE SECRET x (TYPE s3, SECRET 's3cret-key')
CREATE USER u IDENTIFIED BY's3cret'
ALTER ROLE r PASSWORD's3cret'
CREATE USER u IDENTIFIED WITH ssh_key BY KEY 's3cret' TYPE 'ssh-rsa'
CREATE DATABASE LINK l CONNECT TO u IDENTIFIED BY s3cret USING 'tns'
DO $$ BEGIN EXECUTE 'ALTER ROLE r PASSWORD ''s3cret'''; END $$
SELECT format('ALTER ROLE %I PASSWORD %L', 'r', 's3cret')
SELECT pgp_sym_encrypt('data', 's3cret', 'cipher-algo=aes256')
SELECT set_config('app.secret', 's3cret', false)
EXEC sp_addlogin 'u', 's3cret'
PRAGMA key = 's3cret'
ATTACH DATABASE 'x.db' AS e KEY 's3cret'
COPY t FROM 's3://b' CREDENTIALS=(AWS_KEY_ID='AK' AWS_SECRET_KEY='s3cret')
"""


@pytest.mark.parametrize("statement", [line for line in SQL.splitlines() if "s3cret" in line or "s3'" in line])
def test_a_password_in_sql_is_masked_and_what_is_around_it_is_not(statement: str) -> None:
    for text in (statement, f"(psycopg.Error) [SQL: {statement}]", statement.lower().replace("$a$", "$A$")):
        shown = masked(text)
        assert "s3" not in shown.replace("TYPE s3", "").replace("type s3", "").replace("s3://b", ""), shown
        assert "cret" not in shown.lower().replace("secret", ""), shown
        assert text.split()[0] in shown
        assert masked(shown) == shown
    assert ("LOGIN" in masked(statement)) == ("LOGIN" in statement)
    assert ("user" in masked(statement)) == ("user" in statement)


def test_a_parameter_and_a_token_are_masked() -> None:
    assert masked("[parameters: {'pw': 's3cret', 'n': 1}]") == "[parameters: {'pw': ***, 'n': 1}]"
    assert masked("AWS_SESSION_TOKEN=s3cret, session_token: s3cret") == "AWS_SESSION_TOKEN=***, session_token: ***"


@pytest.mark.parametrize("word", ["revision", "Revision", "REVISION", "develop", "branch"])
def test_a_password_that_is_a_word_leaves_the_word_in_messages(word: str) -> None:
    message = f"no such {word} or {word} label"
    assert masked(message, [word], own_words()) == message
    shown = masked(f"mysql://u:{word}@h and password={word}", [word], own_words())
    assert shown == "mysql://u:***@h and password=***"


@pytest.mark.parametrize(
    "text",
    [
        "CREATE USER u PASSWORD EXPIRE; ALTER TABLE users ADD password VARCHAR(20) DEFAULT 'none'",
        'CREATE TABLE "password" (x int); CREATE INDEX ix_password ON users (password)',
        "COMMENT ON COLUMN u.password IS 'the hash'; SELECT 'x' AS secret",
        "op.add_column('users', sa.Column('password', sa.String(20)))",
        "a row identified by its id; the secret of the index; the key 'users' is missing",
        "Access denied for user 'app'@'h' (using password: YES)",
        'FATAL:  password authentication failed for user "app"',
        "KeyError: 'password'",
        "postgresql+psycopg://app@127.0.0.1:5432/db",
        "sqlite:////home/me/app.db",
        "http://127.0.0.1:8080, postgresql://app@h1:5432,h2:5433/db and mysql://[::1]:3306/db.",
        "compass=north bypass=1 raw_pwx: y; format('no %L', 'x'); pgp_sym_encrypted('x')",
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


def test_a_text_without_a_sign_of_a_password_has_nothing_that_the_patterns_mask() -> None:
    # A server's message may begin in the middle of a statement.
    more = [
        "WITH plugin BY 's3cret'",
        "VIA ed25519 USING 's3cret'",
        "OR plugin AS 's3cret'",
        "pa\u017f\u017fword=s3cret",
    ]
    parts = [line.split(" ") for line in [*SQL.splitlines(), *more]]
    texts = [" ".join(words[start:]) for words in parts for start in range(len(words))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masking, "_may_show_one", lambda text: True)
        by_patterns = [masked(text) for text in texts]
    assert [masked(text) for text in texts] == by_patterns


@pytest.mark.parametrize("text", ["session_token: s3cret", "pw=s3cret", "AWS_ACCESS_KEY=s3cret"])
def test_a_note_shows_no_password(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.note(text)
    assert capsys.readouterr().err == text.replace("s3cret", "***") + "\n"


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
        "://:" * 20_000,
        "password" + " " * 30_000,
        "IDENTIFIED" + " " * 30_000,
        "CREATE USER " * 5_000,
        "AES_ENCRYPT('" * 5_000,
        "w" * 50_000,
        "IDENTIFIED WITH " * 5_000,
        "password for " * 2_000,
        "PASSWORD 'a\\" * 5_000,
        "password /*" * 2_000,
        "password $a$" * 5_000,
        "CREATE USER IDENTIFIED BY" * 3_000,
    ):
        began = time.perf_counter()
        masked(text, secrets_in(text))
        assert time.perf_counter() - began < 2, text[:20]


def test_a_fleet_masks_a_target_s_password_and_no_word_of_a_message() -> None:
    failure = failure_of(CannotFollow("revision ae1 failed: s3cret-x", "see revision ae1"), ["s3cret-x"])
    assert (failure.message, failure.hint) == ("revision ae1 failed: ***", "see revision ae1")
    failure = failure_of(CannotFollow("revision ae1 failed: x://u:revision@h", "see revision ae1"), ["revision"])
    assert (failure.message, failure.hint) == ("revision ae1 failed: x://u:***@h", "see revision ae1")


def test_what_is_logged_while_env_py_runs_shows_no_password_and_no_escape_code() -> None:
    text = io.StringIO()
    logger, handler = logging.getLogger("tests.masking"), logging.StreamHandler(text)
    logger.addHandler(handler)
    try:
        with safe_log():
            logger.error("ALTER ROLE r PASSWORD %s \x1b[31m", "'s3cret'")
            try:
                raise ValueError("x://u:s3cret@h \x1b[31m")
            except ValueError:
                logger.exception("\u202e")
        shown = text.getvalue()
        logger.error("a program's own\x1b[0m")
    finally:
        logger.removeHandler(handler)
    assert "s3cret" not in shown.replace('raise ValueError("x://u:s3cret@h \\x1b[31m")', "")
    assert "ALTER ROLE r PASSWORD '***' \\x1b[31m\n\\u202e\nTraceback" in shown
    assert "\x1b" not in shown
    assert text.getvalue() == f"{shown}a program's own\x1b[0m\n"

from __future__ import annotations

import pytest

from branchmig.errors import ConfigurationError
from branchmig.fleet.targets import (
    Address,
    Target,
    chosen,
    followed,
    read_targets,
    server_of,
    targets_of_schemas,
)


def no_file(path: str) -> str:
    raise AssertionError(path)


def test_rows_of_every_source_become_targets() -> None:
    rows = [
        {"name": "a", "url": "sqlite:///a.db", "group": "eu"},
        {"name": "b", "url_env": "B_URL", "x": {"schema": "b", "level": 3}},
        {"name": "c", "url_file": "c.url", "x": ["schema=c", "fast"]},
        {"name": "d", "x.schema": "d", "x.region": None, "group": ""},
    ]
    assert read_targets(rows, "file") == (
        Target("a", url="sqlite:///a.db", group="eu"),
        Target("b", url_env="B_URL", x=("schema=b", "level=3")),
        Target("c", url_file="c.url", x=("schema=c", "fast")),
        Target("d", x=("schema=d",)),
    )


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ("a", "f: target 1 is no table but str", 'e.g. {"name": "a", "url": "…"}'),
        ({"url": "sqlite://"}, "f: target 1 has no name", 'give each a name: name = "…"'),
        ({"name": "a", "ulr": "x"}, "f: target 1 (a) has an unknown key 'ulr'", "did you mean 'url'?"),
        ({"name": "a", "url": 3}, "f: target 1 (a): url must be a string, not int", 'write url = "…"'),
        ({"name": "a", "url": "x", "url_env": "Y"}, "f: target 1 (a) has url and url_env", "keep one of them"),
        ({"name": "a"}, "f: target 1 (a) has neither a URL nor x arguments", "add url, url_env, url_file or x"),
        ({"name": "a", "x": {"k": [1]}}, "f: target 1 (a): x.k must be a string, not list", 'write x.k = "…"'),
    ],
)
def test_a_row_that_says_no_target_is_refused(row: object, message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_targets([row], "f")
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_all_wrong_rows_are_told_at_once_and_a_name_that_is_there_twice() -> None:
    rows = [{"name": "a", "url": "u"}, {"name": ""}, {"name": "a", "url": "v"}]
    with pytest.raises(ConfigurationError) as refused:
        read_targets(rows, "f")
    assert (refused.value.message, refused.value.details) == ("f: target 2 has no name", ("also: f names 'a' twice",))
    with pytest.raises(ConfigurationError, match=r"^f names no target$"):
        read_targets([], "f")


def test_targets_are_chosen_by_name_and_ordered_by_group() -> None:
    targets = [Target("a1", "u", group="eu"), Target("b1", "u", group="us"), Target("a2", "u", group="eu")]
    assert [item.name for item in chosen(targets, [], [])] == ["a1", "a2", "b1"]
    assert [item.name for item in chosen(targets, [], ["us", "eu"])] == ["b1", "a1", "a2"]
    assert [item.name for item in chosen(targets, ["a*"], ["eu"])] == ["a1", "a2"]
    for only, groups, message in [
        (["c"], [], "--only 'c' fits no target"),
        ([], ["asia"], "no target is in group 'asia'"),
        (["b1"], ["eu"], "--only and --group together leave no target"),
    ]:
        with pytest.raises(ConfigurationError) as refused:
            chosen(targets, only, groups)
        assert refused.value.message == message


def test_references_are_followed_and_what_they_hold_is_secret() -> None:
    environment = {"PW": "s3cret-word", "URL": "postgresql://app:pass-word@db/x", "T": "tenant"}
    target = Target("a", url="postgresql://app:${PW}@db/$$x", x=("schema=${T}",))
    assert followed(target, environment, no_file) == Address(
        "postgresql://app:s3cret-word@db/$x", ("schema=tenant",), ("s3cret-word", "tenant")
    )
    by_variable = followed(Target("a", url_env="URL"), environment, no_file)
    assert by_variable.secrets == ("pass-word",)
    by_file = followed(Target("a", url_file="f"), {}, lambda path: f"sqlite:///{path}.db\n")
    assert by_file.url == "sqlite:///f.db"
    with pytest.raises(ConfigurationError) as refused:
        followed(Target("a", url="sqlite:///${NO}"), {}, no_file)
    assert (refused.value.message, refused.value.hint) == ("target 'a': the variable NO is not set", "export NO=…")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("sqlite:////tmp/a.db", ""),
        ("postgresql+psycopg://u:p@DB1.example.com/x", "db1.example.com:5432"),
        ("postgresql://u@127.0.0.1:6543/x", "localhost:6543"),
        ("postgresql:///x?host=db2&port=1", "db2:1"),
        ("mariadb+pymysql://root@localhost/x", "localhost:3306"),
        ("postgresql://u@[::1]:5433/x", "localhost:5433"),
    ],
)
def test_the_server_of_a_url(url: str, server: str) -> None:
    assert server_of(url) == server


def test_schemas_reach_env_py_as_an_x_argument() -> None:
    assert targets_of_schemas(["b", "a"], "tenant") == (Target("a", x=("tenant=a",)), Target("b", x=("tenant=b",)))

"""PURE. Targets: what a row of a file, a query or a callable says of one database, and the secrets it refers to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from branchmig.errors import ConfigurationError
from branchmig.masking import secrets_in

KEYS = ("group", "name", "url", "url_env", "url_file", "x")
X_PREFIX = "x."

_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)\})")
_SERVER = re.compile(
    r"(?P<kind>[a-z0-9]+)(?:\+[a-z0-9_]+)?://(?:[^@/]*@)?(?P<host>\[[^\]]*\]|[^/:?]*)(?::(?P<port>\d+))?", re.IGNORECASE
)
_PORTS = {"postgresql": "5432", "mysql": "3306", "mariadb": "3306"}
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Target:
    """One database of a fleet, as it was written down: references to secrets are not followed.

    At most one of `url`, `url_env` (a variable's name) and `url_file` (a path) is there. `x` are arguments for
    env.py, `key=value`. `${VAR}` in `url` and `x` stands for a variable.
    """

    name: str
    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None
    x: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A target with its references followed. `secrets` are texts that are never shown."""

    url: str | None
    x: tuple[str, ...]
    secrets: tuple[str, ...]


def read_targets(rows: Iterable[object], place: str) -> tuple[Target, ...]:
    """Return the targets that some rows describe, in their order.

    `place` names their source in messages. Raises ConfigurationError, with every row that is wrong, for a row
    that is no table, an unknown or missing key, a value of another type, a name that is there twice, and for no
    row at all.
    """
    targets: list[Target] = []
    problems: list[ConfigurationError] = []
    for number, row in enumerate(rows, 1):
        try:
            targets.append(_target(row, f"{place}: target {number}"))
        except ConfigurationError as error:
            problems.append(error)
    problems += _named_twice(targets, place)
    if problems:
        also = [f"also: {error.message}" for error in problems[1:]]
        raise ConfigurationError(problems[0].message, problems[0].hint, also)
    if not targets:
        raise ConfigurationError(f"{place} names no target", "each has a name, and a url or x arguments")
    return tuple(targets)


def chosen(targets: Sequence[Target], only: Sequence[str], groups: Sequence[str]) -> tuple[Target, ...]:
    """Return the targets whose name fits one of `only` (with * and ?) and whose group is one of `groups`.

    They come group by group: in the order of `groups`, else in that in which each group first appears. Raises
    ConfigurationError for a pattern that no target fits and for a group that has none.
    """
    for pattern in only:
        if not any(fnmatchcase(target.name, pattern) for target in targets):
            raise ConfigurationError(f"--only {pattern!r} fits no target", _nearest(pattern, [t.name for t in targets]))
    known = list(dict.fromkeys(target.group for target in targets))
    for group in groups:
        if group not in known:
            raise ConfigurationError(
                f"no target is in group {group!r}", _nearest(group, [name for name in known if name])
            )
    rank = {group: number for number, group in enumerate(groups or known)}
    kept = [
        target
        for target in targets
        if target.group in rank and (not only or any(fnmatchcase(target.name, pattern) for pattern in only))
    ]
    if not kept:
        raise ConfigurationError("--only and --group together leave no target", "leave one of them out")
    return tuple(sorted(kept, key=lambda target: rank[target.group]))


def followed(target: Target, environment: Mapping[str, str], read: Callable[[str], str]) -> Address:
    """Return a target with its references followed; `read` gives the text of a file.

    Raises ConfigurationError for a variable that is not set; what `read` raises comes through.
    """
    secrets: list[str] = []

    def variable(name: str) -> str:
        if name not in environment:
            raise ConfigurationError(f"target {target.name!r}: the variable {name} is not set", f"export {name}=…")
        return environment[name]

    def filled(text: str) -> str:
        secrets.extend(environment[name] for name in _VARIABLE.findall(text) if name in environment)
        return _VARIABLE.sub(lambda match: "$" if match[1] is None else variable(match[1]), text)

    url = None
    if target.url_env:
        url = variable(target.url_env).strip()
    elif target.url_file:
        url = read(target.url_file).strip()
    elif target.url:
        url = filled(target.url)
    x = tuple(filled(name) for name in target.x)
    secrets += [name for text in (url or "", *x) for name in secrets_in(text)]
    return Address(url, x, tuple(dict.fromkeys(secrets)))


def server_of(url: str) -> str:
    """Return the server that a URL names, `host:port`; empty for files."""
    parts = _SERVER.match(url)
    if parts is None or parts["kind"] == "sqlite":
        return ""
    host = parts["host"] or next(iter(re.findall(r"[?&]host=([^&:]*)", url)), "")
    port = parts["port"] or next(iter(re.findall(r"[?&]port=(\d+)", url)), "") or _PORTS.get(parts["kind"], "")
    return f"{'localhost' if host.lower() in _LOCAL else host.lower()}:{port}"


def targets_of_schemas(schemas: Iterable[str], x_name: str) -> tuple[Target, ...]:
    """Return a target for each schema of one database, which reaches env.py as `-x NAME=SCHEMA`."""
    return tuple(Target(schema, x=(f"{x_name}={schema}",)) for schema in sorted(schemas))


def _target(row: object, place: str) -> Target:
    if not isinstance(row, dict):
        raise ConfigurationError(f"{place} is no table but {type(row).__name__}", 'e.g. {"name": "a", "url": "…"}')
    name = row.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{place} has no name", 'give each a name: name = "…"')
    place = f"{place} ({name})"
    for key in row:
        if key not in KEYS and not str(key).startswith(X_PREFIX):
            raise ConfigurationError(f"{place} has an unknown key {key!r}", _nearest(str(key), (*KEYS, "x.NAME")))
    words = {key: _word(row.get(key), key, place) for key in ("group", "url", "url_env", "url_file")}
    url, url_env, url_file = (words[key] for key in ("url", "url_env", "url_file"))
    target = Target(name.strip(), url, url_env, url_file, _x(row, place), words["group"] or "")
    given = [key for key in ("url", "url_env", "url_file") if words[key]]
    if len(given) > 1:
        raise ConfigurationError(f"{place} has {' and '.join(given)}", "keep one of them")
    if not given and not target.x:
        raise ConfigurationError(f"{place} has neither a URL nor x arguments", "add url, url_env, url_file or x")
    return target


def _word(value: object, key: str, place: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        # The value may be a secret: it is not repeated.
        raise ConfigurationError(f"{place}: {key} must be a string, not {type(value).__name__}", f'write {key} = "…"')
    return value.strip() or None


def _x(row: Mapping[object, object], place: str) -> tuple[str, ...]:
    """Return the x arguments: a table, a list of key=value, or columns called x.KEY, of which empty ones are none."""
    value = row.get("x")
    pairs: list[str] = []
    if isinstance(value, dict):
        pairs += [f"{key}={_scalar(item, f'x.{key}', place)}" for key, item in value.items()]
    elif isinstance(value, list):
        pairs += [_scalar(item, "x", place) for item in value]
    elif value not in (None, ""):
        pairs.append(_scalar(value, "x", place))
    for key, item in row.items():
        if str(key).startswith(X_PREFIX) and item not in (None, ""):
            pairs.append(f"{str(key).removeprefix(X_PREFIX)}={_scalar(item, str(key), place)}")
    return tuple(pairs)


def _scalar(value: object, key: str, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigurationError(f"{place}: {key} must be a string, not {type(value).__name__}", f'write {key} = "…"')
    return str(value)


def _named_twice(targets: Sequence[Target], place: str) -> list[ConfigurationError]:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for target in targets:
        if target.name in seen:
            twice[target.name] = None
        seen.add(target.name)
    return [ConfigurationError(f"{place} names {name!r} twice", "a name stands for one target") for name in twice]


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"it can be: {', '.join(known[:10])}{' …' if len(known) > 10 else ''}" if known else "there is none"


def within(target: Target, folder: str, join: Callable[[str, str], str]) -> Target:
    """Return the target with the path of its url_file seen from `folder`, where the file that names it is."""
    return target if target.url_file is None else replace(target, url_file=join(folder, target.url_file))

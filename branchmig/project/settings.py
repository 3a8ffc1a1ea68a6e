"""PURE. The keys of [branchmig] in alembic.ini, or of [tool.branchmig] in pyproject.toml, to Settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from branchmig.errors import ConfigurationError

if TYPE_CHECKING:
    from branchmig.effects.hazard_rules import Severity

Policy = Literal["single-head", "one-head-per-label", "linear"]
POLICIES: tuple[Policy, ...] = get_args(Policy)

Following = Literal["tell", "auto", "off"]
FOLLOWINGS: tuple[Following, ...] = get_args(Following)


TrustHeaders = Literal["read", "import"]
TRUSTS: tuple[TrustHeaders, ...] = get_args(TrustHeaders)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a team has agreed on for branchmig, every key with its default. Times are in seconds.

    `target` is the git branch that work lands in; None means what CI names, the remote's HEAD, else main, master, trunk
    or develop.
    `policy` says how many heads that branch may have. `protected` are patterns for the names of other branches that
    hold landed work, as release branches do; None means the names that teams usually give these. `scratch_url` names
    the server on which proofs make and drop databases of their own; None means SQLite files in a temporary folder.

    `lock_timeout` is how long a run waits for another one on the same database. `ddl_lock_timeout` is how long a
    statement of a revision waits for a table (0: as long as the server lets it), and `ddl_lock_budget` for how long
    the revision is tried again. `sqlite_transactional_ddl` makes a revision on SQLite all or nothing.

    `journal` keeps a record of every step in the database; `git_commit` is the commit to record where git is not there
    to be asked, `deployed_by` who deploys. `sync` says what hooks do when the checkout moves: tell, bring the database
    along, or nothing; `sync_bisect` has them do it during a bisect, too. `pins` keeps what a local database has applied
    from git's gc. `keep` suggests that `switch` keeps each branch's rows, and `keep_size` is how many bytes the states
    may take. `spares` has `fresh` make a copy ahead, in the background, on servers where a copy takes long.
    `trust_headers` says whether a revision file of the work tree whose header cannot be read is run for it.

    `checks` asks the live rows before every upgrade, each question for `check_timeout` seconds at most. `hazards` says
    how each hazard counts, by its code, by what it does (`locks`), or `all`; `hazard_names` is what the names of new
    objects must match.
    """

    target: str | None = None
    policy: Policy = "single-head"
    protected: tuple[str, ...] | None = None
    scratch_url: str | None = None
    lock_timeout: float = 600.0
    ddl_lock_timeout: float = 1.0
    ddl_lock_budget: float = 60.0
    sqlite_transactional_ddl: bool = False
    journal: bool = False
    git_commit: str | None = None
    deployed_by: str | None = None
    sync: Following = "tell"
    sync_bisect: bool = False
    keep: bool = False
    keep_size: float | None = None
    pins: bool = True
    spares: bool = True
    trust_headers: TrustHeaders = "read"
    checks: bool = False
    drift_check: bool = False
    check_timeout: float = 30.0
    hazards: Mapping[str, Severity] = field(default_factory=lambda: {"all": "warning"}, hash=False)
    hazard_names: str | None = None


def read_settings(values: Mapping[str, object], place: str) -> Settings:
    """Return the settings that some keys give; an empty value leaves the default.

    `place` names file and section in messages: "alembic.ini: [branchmig]". Raises ConfigurationError for an
    unknown key, naming the nearest, and for a value that a key cannot have.
    """
    for key in sorted(set(values) - set(KEYS)):
        raise ConfigurationError(f"{place} has an unknown key {key!r}", _nearest(key, KEYS))
    given = {key: _READERS[key](key, value, place) for key, value in sorted(values.items())}
    return Settings(**{key: value for key, value in given.items() if value is not None})


def _nearest(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it can be: {', '.join(known)}"


def _word(key: str, value: object, place: str) -> str | None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{place}: {key} must be a string, not {value!r}", f'write {key} = "…"')
    return value.strip() or None


def _patterns(key: str, value: object, place: str) -> tuple[str, ...] | None:
    """Read names with `*`, `?` and `[…]`: a list of TOML, or a text with commas, spaces or newlines between them."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ConfigurationError(
            f"{place}: {key} must be a list of names, not {value!r}", f'write {key} = ["release/*"]'
        )
    return tuple(words) or None


def _choice(noun: str, known: Sequence[str]) -> Callable[[str, object, str], str | None]:
    def read(key: str, value: object, place: str) -> str | None:
        word = _word(key, value, place)
        if word is not None and word not in known:
            raise ConfigurationError(f"{place}: {key} = {word!r} is no {noun}", _nearest(word, known))
        return word

    return read


def _flag(key: str, value: object, place: str) -> bool | None:
    """Read true or false: of TOML, or as configparser's words for them."""
    if isinstance(value, bool):
        return value
    words = {"": None, "true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ConfigurationError(f"{place}: {key} must be true or false, not {value!r}", f"write {key} = true")


def _size(key: str, value: object, place: str) -> float | None:
    """Read a number of bytes: of TOML, or as text with a unit."""
    if isinstance(value, str) and not value.strip():
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", str(value).strip().lower())
    if found is None or isinstance(value, bool):
        raise ConfigurationError(f"{place}: {key} must be a size, not {value!r}", f'write {key} = "5GB"')
    return float(found[1]) * 1000.0 ** " kmgt".index(found[2] or " ")


def _seconds(key: str, value: object, place: str) -> float | None:
    """Read a number of seconds, not negative: of TOML, or as text."""
    if isinstance(value, str) and not value.strip():
        return None
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigurationError(f"{place}: {key} must be a number of seconds, not {value!r}", f"write {key} = 10")
    return seconds


def _pattern(key: str, value: object, place: str) -> str | None:
    """Read a regular expression."""
    word = _word(key, value, place)
    try:
        re.compile(word or "")
    except re.error as error:
        raise ConfigurationError(f"{place}: {key} = {word!r} is no regular expression: {error}") from error
    return word


def _severities(key: str, value: object, place: str) -> dict[str, Severity] | None:
    """Read `CODE=SEVERITY, …`, or a table of them in TOML; one severity alone is for all.

    A code that is none of branchmig's may be one of the project's own rules.
    """
    from branchmig.effects.hazard_rules import HARMS, RULES, SEVERITIES  # a large table, for those who set this

    keys = ("all", *(harm.replace(" ", "-") for harm in HARMS), *RULES)
    if isinstance(value, str):
        parts = [word.strip() for word in re.split(r"[,\n]", value) if word.strip()]
        pairs = [part.partition("=") for part in parts]
        value = {code.strip() if sign else "all": level.strip() if sign else code for code, sign, level in pairs}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{place}: {key} must be CODE=SEVERITY, …, not {value!r}", f"write {key} = all=error")
    for code, level in value.items():
        if level not in SEVERITIES:
            raise ConfigurationError(
                f"{place}: {key}: {code} = {level!r} is no severity", _nearest(str(level), SEVERITIES)
            )
        near = "" if code in keys else _nearest(code, keys)
        if near.startswith("did you mean"):
            raise ConfigurationError(f"{place}: {key}: {code!r} is no code of a hazard", near)
    return dict(value) or None


@dataclass(frozen=True, slots=True)
class Setting:
    """What documentation says of a key, in Markdown: its default in words, what it means; and how it is read."""

    key: str
    default: str
    meaning: str
    read: Callable[[str, object, str], Any]


# The one list of keys. docs/settings.md shows it as a table; the templates explain every key.
SETTINGS = (
    Setting(
        "target",
        "what CI names, the remote's HEAD, else main, master, trunk or develop",
        "the git branch that work lands in",
        _word,
    ),
    Setting(
        "policy",
        "`single-head`",
        "heads that branch may have: `single-head`, `one-head-per-label`, or `linear` (no merge revisions either)",
        _choice("policy", POLICIES),
    ),
    Setting(
        "protected",
        "main, release/1.0, 1.x and the like",
        "which other branches must keep the revisions that they have, when pushed by force or deleted: "
        "`release-*, hotfix/*`; read from the settings of the target",
        _patterns,
    ),
    Setting(
        "scratch_url",
        "SQLite in a temporary folder",
        "where `fresh`, `--prove` and `verify` make databases; a clone's `branchmig.scratchUrl` comes first",
        _word,
    ),
    Setting("journal", "`false`", "write every step down in the database, in its own transaction", _flag),
    Setting(
        "git_commit",
        "git's HEAD",
        "the commit to write into the journal where git is not there to be asked; `$BRANCHMIG_GIT_COMMIT` comes first",
        _word,
    ),
    Setting(
        "deployed_by",
        "nobody",
        "who deploys, for the journal: a person, or a job's address; `$BRANCHMIG_DEPLOYED_BY` comes first",
        _word,
    ),
    Setting(
        "sync",
        "`tell`",
        "what the hooks do when the checkout has other migrations: `tell` the command, `auto`: run it, or `off`; "
        "`auto` only suggests: `git config branchmig.sync auto` switches it on in a clone",
        _choice("way to follow the checkout", FOLLOWINGS),
    ),
    Setting("sync_bisect", "`false`", "follow a `git bisect`, too; a clone agrees with `branchmig.syncBisect`", _flag),
    Setting(
        "trust_headers",
        "`read`",
        "`import`: run revision files of the work tree whose header cannot be read without that, as alembic does; "
        "in a clone only with `git config branchmig.trustHeaders import`; never in hooks, never those of another place",
        _choice("way to read headers", TRUSTS),
    ),
    Setting(
        "keep",
        "`false`",
        "`switch` keeps the rows of each branch, as with `--keep`; a clone agrees by `git config branchmig.keep true`",
        _flag,
    ),
    Setting(
        "keep_size",
        "no limit",
        "how much the states that branches keep may take: `5GB`; above it branchmig asks before it drops states, those "
        "that no branch needs first",
        _size,
    ),
    Setting("spares", "`true`", "after `fresh`, make the next copy ahead, in the background, on servers", _flag),
    Setting("pins", "`true`", "protect the files of a local database's applied revisions from git's gc", _flag),
    Setting(
        "lock_timeout",
        "`600`",
        "how many seconds a run waits for another one on the same database; `0`: not at all",
        _seconds,
    ),
    Setting(
        "ddl_lock_timeout",
        "`1`",
        "how many seconds a statement of a revision waits for a table; `0`: as long as the server lets it",
        _seconds,
    ),
    Setting(
        "ddl_lock_budget",
        "`60`",
        "for how many seconds a revision that could not have a table is tried again",
        _seconds,
    ),
    Setting(
        "sqlite_transactional_ddl",
        "`false`",
        "on SQLite: DDL in a transaction, so that a run that fails or is killed leaves nothing behind",
        _flag,
    ),
    Setting(
        "checks",
        "`false`",
        "before every upgrade, also of `sync`, `switch` and `fleet`, ask the live rows for what the pending revisions "
        "need, and refuse if a row breaks it",
        _flag,
    ),
    Setting(
        "drift_check",
        "`false`",
        "before a downgrade or a sync, look for drift of the live schema, and refuse if there is some",
        _flag,
    ),
    Setting(
        "check_timeout",
        "`30`",
        "how many seconds one question to the live rows may take; it is unchecked then",
        _seconds,
    ),
    Setting(
        "hazards",
        "`all=warning`",
        "how hazards count in `guard --hazards` and `report --check`: `error`, `warning` or `off`, by code, by what "
        "they do (`destroys`, `may-fail`, `locks`, `breaks-running-code`, `advice`), or for `all`: "
        "`drops-column=error, locks=off`",
        _severities,
    ),
    Setting(
        "hazard_names",
        "any",
        "a regular expression that the names of new tables, columns, indexes and constraints must match, for "
        "`unconventional-name`",
        _pattern,
    ),
)

_READERS = {setting.key: setting.read for setting in SETTINGS}

KEYS = tuple(sorted(_READERS))

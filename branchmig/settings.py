"""PURE. The keys of [branchmig] in alembic.ini, or of [tool.branchmig] in pyproject.toml, to Settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from branchmig.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Policy = Literal["single-head", "one-head-per-label", "linear"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a team has agreed on for branchmig, every key with its default.

    `target` is the git branch that work lands in; None means the remote's HEAD, else main or master.
    `policy` says how many heads that branch may have. `scratch_url` names the server on which proofs make and drop
    databases of their own; None means SQLite files in a temporary folder.
    """

    target: str | None = None
    policy: Policy = "single-head"
    scratch_url: str | None = None


KEYS = ("policy", "scratch_url", "target")


def read_settings(values: Mapping[str, object], place: str) -> Settings:
    """Return the settings that some keys give; an empty value leaves the default.

    `place` names file and section in messages: "alembic.ini: [branchmig]". Raises ConfigurationError for an
    unknown key, naming the nearest, and for a value that a key cannot have.
    """
    for key in sorted(set(values) - set(KEYS)):
        raise _unknown_key(key, place)
    words = {key: _word(key, value, place) for key, value in sorted(values.items())}
    policy = words.get("policy")
    settings = Settings(target=words.get("target"), scratch_url=words.get("scratch_url"))
    if policy is None:
        return settings
    for known in POLICIES:
        if policy == known:
            return replace(settings, policy=known)
    raise ConfigurationError(f"{place}: policy = {policy!r} is no policy", _nearest(policy, POLICIES))


def _unknown_key(key: str, place: str) -> ConfigurationError:
    return ConfigurationError(f"{place} has an unknown key {key!r}", _nearest(key, KEYS))


def _nearest(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"it can be: {', '.join(known)}"


def _word(key: str, value: object, place: str) -> str | None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{place}: {key} must be a string, not {value!r}", f'write {key} = "…"')
    return value.strip() or None

"""PURE. Switch settings on in the text of a config file, by lines: all else in it stays as it is, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from branchmig.errors import ConfigurationError

TITLES = {"ini": "[branchmig]", "toml": "[tool.branchmig]"}

_SETTING = re.compile(r"(?:# )?(\w+) = ")
_SECTION = re.compile(r"[ \t]*\[")


def with_settings(text: str, title: str, values: Mapping[str, bool], template: str, place: str) -> str:
    """Return the text of a config file with some settings as `values` say; those that are so already stay untouched.

    Where the file has no section `title`, `template` is added at its end, its own values changed. Raises
    ConfigurationError, naming `place`, where the section is there and its lines cannot be found.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    titles = (re.sub(r"\s", "", re.split("[#;]", line)[0]) for line in lines)
    start = next((number for number, found in enumerate(titles) if found == title), None)
    if start is None:
        added = template
        for key, value in values.items():
            added = re.sub(rf"^(?:# )?{key} = \w+$", _line(key, value), added, count=1, flags=re.MULTILINE)
        return _ended(text, newline) + added.replace("\n", newline)
    end = next((number for number, line in enumerate(lines) if number > start and _SECTION.match(line)), len(lines))
    body = lines[start + 1 : end]
    for key, value in values.items():
        body = _with_value(body, key, value, newline, place)
    head = lines[start] if lines[start].endswith("\n") else lines[start] + newline
    return "".join([*lines[:start], head, *body, *lines[end:]])


def without_settings(template: str, keys: Collection[str]) -> str:
    """Return a template without some settings and, where a paragraph then has no setting, without its explanation."""
    kept = []
    for paragraph in template.split("\n\n"):
        lines = paragraph.split("\n")
        left = [line for line in lines if not ((found := _SETTING.match(line)) and found[1] in keys)]
        if len(left) == len(lines) or any(_SETTING.match(line) for line in left):
            kept.append("\n".join(left))
    return "\n\n".join(kept).rstrip("\n") + "\n"


def _with_value(body: list[str], key: str, value: bool, newline: str, place: str) -> list[str]:
    given = re.compile(rf"[ \t]*{key}[ \t]*[=:]")
    offered = re.compile(rf"#[ \t]?{key}[ \t]*=")
    for pattern in (given, offered):
        found = [number for number, line in enumerate(body) if pattern.match(line)]
        if len(found) > 1 and pattern is given:
            raise ConfigurationError(f"{place} has {key} twice", "leave one of them out")
        if found:
            at = found[0]
            return [*body[:at], _line(key, value) + newline, *body[at + 1 :]]
    return [_line(key, value) + newline, *body]


def _line(key: str, value: bool) -> str:
    return f"{key} = {'true' if value else 'false'}"


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline

"""PURE. How a live schema differs from the one that its applied revisions build, and which revision each part is of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from branchmig.effects.footprint import Effect, read_footprint
from branchmig.effects.footprint.model import folded
from branchmig.effects.schema_snapshot import Catalog

DriftKind = Literal["added", "missing", "changed"]

# What a table is, not what it has: there is no such thing as an added persistence.
_TRAITS = frozenset({"kind", "persistence", "options", "comment", "row security", "partition key", "partition bound"})
_TRAITS |= {"inherits", "autoincrement", "without rowid", "strict"}
_KINDS = (
    "foreign key", "fulltext key", "spatial key", "unique key", "primary key", "column", "check", "constraint", "index",
    "key", "period", "policy", "rule", "statistics", "trigger", "unique",
)  # fmt: skip
_OWNED = re.compile(r" OWNED BY (?:\S+\.)?([^.\s]+)\.\S+$")
_MADE_BY_SERVER = re.compile(r"(_ibfk_\d+|_(?:key|fkey|check|pkey|excl|idx)\d*|_\d+)$|^CONSTRAINT_\d+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is otherwise in the live schema: `added` there, `missing` there, or `changed`.

    `name` and `table` are what scripts call it; `table` is empty for what belongs to no table.
    """

    kind: DriftKind
    object: str
    detail: str
    name: str
    table: str = ""
    whole: str = ""
    """The object of the catalog that it is, or is a part of."""
    before: str = ""
    after: str = ""
    """Its definition as it was built, and as it is."""


def drift_between(built: Catalog, live: Catalog) -> tuple[Difference, ...]:
    """Return the differences of the live schema. The order of columns and names made by the server do not count."""
    found: list[Difference] = []
    for whole in sorted({*built.objects, *live.objects}):
        first, second = built.objects.get(whole), live.objects.get(whole)
        if first is None:
            found.append(_whole(whole, live.objects[whole], "added"))
        elif second is None:
            found.append(_whole(whole, first, "missing"))
        elif first != second and not whole.startswith("extension "):
            # What version an extension has is up to the server's packages.
            found += _parts(whole, *_same_names(whole, first, second))
    return tuple(found)


def _whole(whole: str, parts: Mapping[str, str], kind: DriftKind) -> Difference:
    names = [part.removeprefix("column ") for part in parts if part and part.startswith("column ")]
    detail = f"columns {', '.join(names)}" if names else parts.get("", "")
    before, after = ("", detail) if kind == "added" else (detail, "")
    return Difference(kind, whole, detail, _bare(whole), _owner(detail), whole, before, after)


def _owner(definition: str) -> str:
    """Return the table that a sequence belongs to; empty for anything else."""
    found = _OWNED.search(definition)
    return found[1] if found else ""


def _bare(whole: str) -> str:
    """Return the name of an object without its kind, schema and arguments."""
    kind = next((word for word in ("event trigger",) if whole.startswith(f"{word} ")), whole.partition(" ")[0])
    return whole[len(kind) + 1 :].partition("(")[0].rpartition(".")[2]


def _same_names(
    whole: str, first: Mapping[str, str], second: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Take out what is on both sides under another name, which the server has made up on both."""
    gone = [part for part in first if part not in second and _is_made_up(part, first[part])]
    new = [part for part in second if part not in first and _is_made_up(part, second[part])]
    for part in gone:
        twin = next((other for other in new if _without_name(first, part) == _without_name(second, other)), None)
        if twin is not None:
            new.remove(twin)
            first = {name: text for name, text in first.items() if name != part}
            second = {name: text for name, text in second.items() if name != twin}
    return first, second


def _is_made_up(part: str, definition: str) -> bool:
    kind, name = _split(part)
    if kind in ("key", "unique key") and re.match(rf"\({re.escape(name)}\b", definition):
        return True  # MariaDB names a key after its first column
    return kind in ("constraint", "index", "key", "unique key") and _MADE_BY_SERVER.search(name) is not None


def _without_name(parts: Mapping[str, str], part: str) -> tuple[str, str]:
    kind, name = _split(part)
    text = parts[part]  # of a key it is columns alone
    return kind, text if kind.endswith("key") else re.sub(rf"\b{re.escape(name)}\b", "", text)


def _split(part: str) -> tuple[str, str]:
    kind = next((word for word in _KINDS if part == word or part.startswith(f"{word} ")), "")
    return kind, part[len(kind) :].strip()


def _parts(whole: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    table = whole.partition(" ")[2]
    for part in sorted({*first, *second}):
        was, now = first.get(part), second.get(part)
        if was == now or _is_of_constraint(part, first, second):
            continue
        kind, name = _split(part)
        if part == "" or part in _TRAITS:
            words = f"{part}: " if part else ""
            detail = f"{words}{was or 'none'} → {now or 'none'}"
            yield Difference("changed", whole, detail, _bare(whole), _owner(was or ""), whole, was or "", now or "")
            continue
        label = f"{kind} {table}.{name}" if name and not name.startswith("(") else f"{kind} {table} {name}".strip()
        said = f"{was} → {now}"
        difference = Difference("changed", label, said, name, _bare(whole), whole, was or "", now or "")
        if was is None or now is None:
            difference = replace(difference, kind="added" if was is None else "missing", detail=now or was or "")
        yield difference


def _is_of_constraint(part: str, first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """Return whether a part is the index of a constraint of its name, which says the same."""
    twin = f"constraint {part.removeprefix('index ')}"
    return part.startswith("index ") and first.get(twin) != second.get(twin)


class Attribution:
    """Finds the revision that an object is of, among some scripts in the order in which they ran."""

    def __init__(self, scripts: Sequence[tuple[str, bytes]], dialect: str) -> None:
        self._scripts = [(name, source, source.decode("utf-8", "replace").casefold()) for name, source in scripts]
        self._dialect = dialect
        self._read: dict[str, tuple[Effect, ...]] = {}

    def revision(self, difference: Difference) -> str | None:
        """Return the last revision that made or changed an object; None where no script speaks of it.

        The revision that made the table stands for what has no name in any script: a key that the server names.
        """
        name, table = folded(difference.name), folded(difference.table)
        return (
            self._touching(name, table)
            or self._mentioning(name, table)
            or (self._touching(table, "") or self._mentioning(table, "") if table else None)
        )

    def maker(self, difference: Difference) -> str | None:
        """Return the last revision that would make an object which is there without it; None where none says so."""
        name, table = folded(difference.name), folded(difference.table)
        words = re.compile(rf"\b(?:create|add|rename)\b[^;]*(?<!\w){re.escape(name)}(?!\w)")
        return self._touching(name, table) or next(
            (revision for revision, _, text in reversed(self._scripts) if name and words.search(text)), None
        )

    def _touching(self, name: str, table: str) -> str | None:
        for revision, source, text in reversed(self._scripts):
            if name and name in text:
                if revision not in self._read:
                    self._read[revision] = read_footprint(source, dialect=self._dialect).touches
                if any(_is_touched(effect, name, table) for effect in self._read[revision]):
                    return revision
        return None

    def _mentioning(self, name: str, table: str) -> str | None:
        words = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)") for word in (name, table) if word]
        found = (revision for revision, _, text in reversed(self._scripts) if all(word.search(text) for word in words))
        return next(found, None) if name else None


def _is_touched(effect: Effect, name: str, table: str) -> bool:
    target = effect.object
    if effect.action not in ("create", "alter", "rename", "drop") or folded(target.name) != name:
        return False
    return not table or target.table is None or folded(target.table) == table

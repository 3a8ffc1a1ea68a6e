"""PURE. ALTER of what is no table, to changes: views, schemas, types, domains, sequences, indexes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from branchmig.effects.change import Change, ChangeKind
from branchmig.effects.sql_upkeep import on_object
from branchmig.effects.sql_words import Statement


def altered(word: str, name: tuple[str | None, str], words: Statement) -> Iterator[Change]:
    """Yield the changes of what follows the kind and the name of an object."""
    if words.take("RENAME", "TO"):
        new_name = words.name()[1]
        kinds: dict[str, ChangeKind] = {"VIEW": "rename-table", "SCHEMA": "rename-schema", "INDEX": "rename-index"}
        kind = kinds.get(word, "rename-object")
        made = on_object(kind, f"renames {word.lower()}", name, word.lower())
        yield replace(made, new_name=new_name, what=f"{made.what} to {new_name}")
    elif words.take("SET", "SCHEMA") and word in ("VIEW", "TYPE", "DOMAIN", "FOREIGN"):
        yield replace(on_object("move-table", f"moves {word.lower()}", name), new_name=words.next().value)
    elif words.take("RENAME", "VALUE"):
        before = words.next().value
        words.take("TO")
        after = words.next().value
        made = replace(on_object("rename-value", "", name), name=before, new_name=after)
        yield replace(made, what=f"renames value {before!r} of type {name[1]} to {after!r}")
    elif words.take("ADD", "VALUE"):
        words.take("IF", "NOT", "EXISTS")
        yield replace(on_object("add-value", "adds a value to type", name), name=words.next().value)
    elif word == "VIEW" and words.take("RENAME"):
        words.take("COLUMN")
        before, _, after = words.next().value, words.next(), words.next().value
        yield replace(
            on_object("rename-column", "", name),
            name=before,
            new_name=after,
            what=f"renames column {name[1]}.{before} to {after}",
        )
    elif word == "DOMAIN" and (words.has("SET", "NOT", "NULL") or words.has("ADD") or words.has("VALIDATE")):
        if not words.has("NOT", "VALID"):
            made = replace(on_object("add-constraint", "constrains domain", name), constraint="check", table="")
            yield replace(made, condition=_domain_condition(words))
    elif word == "TYPE" and words.take("DROP", "ATTRIBUTE"):
        yield on_object("drop-object", "drops an attribute of type", name, "type", "cascade")


def _domain_condition(words: Statement) -> str:
    if words.has("SET", "NOT", "NULL"):
        return "VALUE IS NOT NULL"
    words.until("CHECK")
    words.take("CHECK")
    return words.inside().sql if words.peek().is_("(") else ""

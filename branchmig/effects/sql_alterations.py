"""PURE. The parts of an ALTER TABLE to changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from branchmig.effects.change import Change, ChangeKind
from branchmig.effects.sql_columns import column_of, constraint_of, expression, parts_of, type_of
from branchmig.effects.sql_words import Statement

Table = tuple[str | None, str]


def alter_table(words: Statement) -> Iterator[Change]:
    """Yield the changes of what follows ALTER TABLE. Raises ValueError for an action that is not known."""
    words.take("IF", "EXISTS")
    words.take("ONLY")
    table = words.name()
    words.take("*")
    words.take("NOWAIT")
    actions = [statement for statement in words.parts() if statement]
    flags = _statement_flags(actions)
    found = [change for statement in actions for change in _action(statement, table)]
    keys = [change.kind for change in found if change.constraint == "primary key"]
    for change in found:
        # A key that another takes the place of is dropped while others can write.
        is_replaced = change.kind == "drop-constraint" and "add-constraint" in keys
        yield replace(change, flags=change.flags | flags | ({"lock-none"} if is_replaced else set()))


def _statement_flags(actions: list[Statement]) -> frozenset[str]:
    """Return what MySQL's ALGORITHM and LOCK, which stand beside the actions, say of all of them."""
    options = {tuple(word.value.upper() for word in statement.words if not word.is_("=")) for statement in actions}
    flags = set()
    if ("LOCK", "NONE") in options or ("ALGORITHM", "INSTANT") in options or ("ALGORITHM", "NOCOPY") in options:
        flags.add("lock-none")
    if ("ALGORITHM", "COPY") in options or ("LOCK", "SHARED") in options or ("LOCK", "EXCLUSIVE") in options:
        flags.add("copies")
    return frozenset(flags)


def _action(words: Statement, table: Table) -> Iterator[Change]:
    first = words.next().value.upper()
    read = _ACTIONS.get(first)
    if read is None:
        raise ValueError(first)
    yield from read(words, table)


def _shown(table: Table) -> str:
    return ".".join(part for part in table if part)


def _of(kind: ChangeKind, table: Table, what: str, name: str = "", *flags: str) -> Change:
    shown = what.format(table=_shown(table))
    return Change(kind, shown, table=table[1], schema=table[0], name=name, flags=frozenset(flags))


def _add(words: Statement, table: Table) -> Iterator[Change]:
    made = constraint_of(words, table)
    if made is not None:
        yield made
        return
    special = words.take_any("INDEX", "KEY", "FULLTEXT", "SPATIAL")
    if special and not (special in ("INDEX", "KEY") and _is_column(words)):
        yield _index(words, table, special)
        return
    if special:
        words.at -= 1
    if words.take("PARTITION"):
        yield _of("rebuild-table", table, "adds a partition to table {table}", "", "brief")
        return
    if words.take_any("PERIOD", "SYSTEM"):
        yield _of("rebuild-table", table, "versions the rows of table {table}", "", "system versioning")
        return
    words.take("COLUMN")
    flags = {"tolerant"} if words.take("IF", "NOT", "EXISTS") else set()
    if words.peek().is_("("):
        for statement in words.inside().parts():
            yield constraint_of(statement, table) or column_of(statement, table)
        return
    made = column_of(words, table)
    yield replace(made, flags=made.flags | flags)


def _is_column(words: Statement) -> bool:
    """Return whether what was taken for the word INDEX or KEY is the name of a column: a type follows."""
    after = words.peek(1)
    return not words.peek().is_("(") and not after.is_("(", "USING") and not words.has("(")


def _index(words: Statement, table: Table, special: str) -> Change:
    words.take_any("INDEX", "KEY")
    words.take("IF", "NOT", "EXISTS")
    name = "" if words.peek().is_("(", "USING") else words.next().value
    words.until("(")
    columns = parts_of(words.inside()) if words.peek().is_("(") else ()
    kind = [special.lower()] if special in ("FULLTEXT", "SPATIAL") else []
    made = _of("create-index", table, f"creates index {name} on {{table}}", name, *kind)
    return replace(made, columns=columns)


def _drop(words: Statement, table: Table) -> Iterator[Change]:
    kinds = ("CONSTRAINT", "INDEX", "KEY", "PRIMARY", "FOREIGN", "CHECK", "PARTITION", "PERIOD", "SYSTEM")
    special = words.take_any(*kinds)
    words.take("KEY")
    words.take("IF", "EXISTS")
    if special == "PARTITION":
        yield _of("truncate", table, f"drops partition {words.sql} of {{table}}", words.sql, "partition")
    elif special in ("PERIOD", "SYSTEM"):
        yield _of("delete", table, "drops the row versions of table {table}")
    elif special == "PRIMARY":
        yield replace(_of("drop-constraint", table, "drops the primary key of {table}"), constraint="primary key")
    elif special in ("INDEX", "KEY"):
        name = words.next().value
        yield _of("drop-index", table, f"drops index {name} on {{table}}", name)
    elif special:
        name = words.next().value
        yield _of("drop-constraint", table, f"drops constraint {name} on {{table}}", name)
    else:
        words.take("COLUMN")
        is_tolerant = words.take("IF", "EXISTS")
        name = words.next().value
        flags = [*(["tolerant"] if is_tolerant else []), *(["cascade"] if words.take("CASCADE") else [])]
        yield _of("drop-column", table, f"drops column {{table}}.{name}", name, *flags)


def _alter(words: Statement, table: Table) -> Iterator[Change]:
    if words.take("INDEX") or words.take("CONSTRAINT") or words.take("CHECK"):
        return
    words.take("COLUMN")
    words.take("IF", "EXISTS")
    name = words.next().value
    change = _change(words, _of("alter-column", table, "", name))
    changed = " and ".join(sorted(change.flags & {"type", "nullable", "default", "identity", "generated"})) or "options"
    yield replace(change, what=f"changes {changed} of column {_shown(table)}.{name}")


def _change(words: Statement, change: Change) -> Change:
    """Read one form of ALTER COLUMN."""

    def flagged(flag: str, **parts: object) -> Change:
        return replace(change, flags=frozenset({flag}), **parts)  # type: ignore[arg-type]  # parts of this very class

    if words.take("TYPE") or words.take("SET", "DATA", "TYPE"):
        type_ = type_of(words)
        is_collated = words.take("COLLATE")
        if is_collated:
            words.name()
        made = flagged("type", type=type_, condition=words.sql if words.take("USING") else "")
        return replace(made, flags=made.flags | {"collated"}) if is_collated else made
    if words.take("SET", "DEFAULT"):
        default = expression(words)
        return flagged("default", default=None if default.upper() == "NULL" else default)
    if words.take("SET", "EXPRESSION"):
        return replace(change, flags=frozenset({"generated", "stored"}), condition=words.sql)
    if words.follows("ADD", "GENERATED"):
        return flagged("identity-added")
    is_set, rest = words.follows("SET"), words.words[words.at + 1 :]
    form = " ".join(word.value.upper() for word in rest).removesuffix(" IF EXISTS")
    if form in ("NOT NULL", "DEFAULT", "IDENTITY", "EXPRESSION") and words.peek().is_("SET", "DROP"):
        flag = {"NOT NULL": "nullable", "EXPRESSION": "generated"}.get(form, form.lower())
        return flagged(flag, nullable=not is_set if flag == "nullable" else None)
    if not words or words.peek().is_("ADD", "DROP", "RESET", "RESTART", "SET"):
        return change
    # SQL Server's ALTER COLUMN names the type, and whether NULL is taken.
    type_ = type_of(words)
    is_required = words.follows("NOT", "NULL")
    flags = frozenset({"type", "nullable"} if is_required or words.follows("NULL") else {"type"})
    return replace(change, type=type_, nullable=False if is_required else None, flags=flags)


def _modify(words: Statement, table: Table) -> Iterator[Change]:
    """MySQL's MODIFY and CHANGE restate the whole column."""
    words.take("COLUMN")
    words.take("IF", "EXISTS")
    before = words.next().value if words.words[0].is_("CHANGE") else ""
    # The character set or the collation, where it is said, may be another one than before.
    collates = any(words.has(name) for name in ("COLLATE", "CHARSET", "CHARACTER"))
    column = column_of(words, table)
    name = before or column.name
    flags = column.flags | {"type", "nullable", "default", "restated", *(["copies"] if collates else [])}
    what = f"changes type, nullable and default of column {_shown(table)}.{name}"
    nullable = column.nullable is not False
    yield replace(column, kind="alter-column", what=what, name=name, nullable=nullable, flags=flags)
    if name != column.name:
        yield from _renamed_column(table, name, column.name)


def _renamed_column(table: Table, name: str, new_name: str) -> Iterator[Change]:
    what = f"renames column {{table}}.{name} to {new_name}"
    yield replace(_of("rename-column", table, what, name), new_name=new_name)


def _rename(words: Statement, table: Table) -> Iterator[Change]:
    if words.take_any("TO", "AS"):
        schema, name = words.name()
        what = f"renames table {{table}} to {name}"
        yield replace(_of("rename-table", table, what), new_name=name, target_schema=schema)
        return
    special = words.take_any("CONSTRAINT", "INDEX", "KEY")
    words.take("COLUMN")
    name = words.next().value
    words.take_any("TO", "AS")
    new_name = words.next().value
    if special == "CONSTRAINT":
        yield replace(_of("rename-constraint", table, f"renames constraint {name}", name), new_name=new_name)
    elif special:
        yield replace(_of("rename-index", table, f"renames index {name}", name), new_name=new_name)
    else:
        yield from _renamed_column(table, name, new_name)


def _set(words: Statement, table: Table) -> Iterator[Change]:
    if words.take("SCHEMA"):
        name = words.next().value
        yield replace(_of("move-table", table, f"moves table {{table}} to schema {name}"), new_name=name)
    elif words.take_any("LOGGED", "UNLOGGED", "TABLESPACE", "ACCESS"):
        yield _of("rebuild-table", table, f"rewrites table {{table}}: SET {words.words[1].value.upper()}")


def _validate(words: Statement, table: Table) -> Iterator[Change]:
    words.take("CONSTRAINT")
    name = words.next().value
    yield _of("validate-constraint", table, f"validates constraint {name} on {{table}}", name)


def _rebuild(what: str) -> Callable[[Statement, Table], Iterator[Change]]:
    return lambda _, table: iter([_of("rebuild-table", table, what, "", "mysql")])


def _of_partitions(words: Statement, table: Table) -> Iterator[Change]:
    verb = words.words[0].value.lower()
    if verb == "truncate":
        yield _of("truncate", table, f"empties a partition of {{table}}: {words.sql}", words.sql, "partition")
    elif verb in ("discard", "import"):
        yield _of("truncate", table, f"{verb}s the tablespace of {{table}}")
    elif verb == "exchange":
        yield _of("truncate", table, f"exchanges a partition of {{table}}: {words.sql}", words.sql, "partition")
    else:
        yield _of("rebuild-table", table, f"rewrites partitions of table {{table}}: {verb.upper()}", "", "mysql")


def _attach(words: Statement, table: Table) -> Iterator[Change]:
    words.take("PARTITION")
    schema, name = words.name()
    what = f"attaches {name} to table {{table}} as a partition"
    made = replace(_of("add-constraint", table, what, "", "partition"), target=name, target_schema=schema)
    yield replace(made, condition=words.sql)


def _detach(words: Statement, table: Table) -> Iterator[Change]:
    words.take("PARTITION")
    name = words.name()[1]
    yield _of("truncate", table, f"detaches partition {name} from table {{table}}", name, "partition", "detach")


def _engine(words: Statement, table: Table) -> Iterator[Change]:
    words.take("=")
    engine = words.next().value
    # Of InnoDB to itself it is rewritten, too, and others can write meanwhile.
    if engine.upper() != "INNODB":
        yield _of("rebuild-table", table, f"rewrites table {{table}}: ENGINE {engine}", "", "mysql")


def _options(words: Statement, table: Table) -> Iterator[Change]:
    """Options that change the catalogue alone, or are written while others can write."""
    if words.words[0].is_("ALGORITHM", "LOCK") and words.words[-1].is_("COPY", "SHARED", "EXCLUSIVE"):
        yield _of("rebuild-table", table, f"locks table {{table}}: {words.words[-1].value.upper()}", "", "mysql")


_ACTIONS: dict[str, Callable[[Statement, Table], Iterator[Change]]] = {
    "ADD": _add,
    "ALTER": _alter,
    "ATTACH": _attach,
    "CHANGE": _modify,
    "COALESCE": _of_partitions,
    "CONVERT": _rebuild("rewrites table {table}: CONVERT TO CHARACTER SET"),
    "DETACH": _detach,
    "DISCARD": _of_partitions,
    "DROP": _drop,
    "ENGINE": _engine,
    "EXCHANGE": _of_partitions,
    "IMPORT": _of_partitions,
    "MODIFY": _modify,
    "PARTITION": _rebuild("divides table {table} into partitions"),
    "REBUILD": _of_partitions,
    "REMOVE": _rebuild("divides table {table} into partitions"),
    "RENAME": _rename,
    "REORGANIZE": _of_partitions,
    "SET": _set,
    "TRUNCATE": _of_partitions,
    "VALIDATE": _validate,
    **dict.fromkeys(
        (
            "ALGORITHM", "ANALYZE", "AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHARACTER", "CHARSET", "CHECKSUM", "CLUSTER",
            "COLLATE", "COMMENT", "DEFAULT", "DISABLE", "ENABLE", "FORCE", "INHERIT", "KEY_BLOCK_SIZE", "LOCK",
            "MAX_ROWS", "MIN_ROWS", "NO", "NOT", "OF", "OPTIMIZE", "ORDER", "OWNER", "PACK_KEYS", "PAGE_COMPRESSED",
            "REPLICA", "RESET", "ROW_FORMAT", "STATS_PERSISTENT", "WAIT", "WITH", "WITHOUT",
        ),
        _options,
    ),
}  # fmt: skip

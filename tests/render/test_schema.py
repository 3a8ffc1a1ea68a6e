"""A schema as text and as a mermaid diagram."""

from __future__ import annotations

import re

from branchmig.effects.entities import Column, ForeignKey, ShownColumn, ShownTable, Table, as_they_are
from branchmig.effects.footprint import Opaque
from branchmig.render.schema import schema_lines
from branchmig.render.schema_mermaid import entity_lines, mermaid_schema_lines
from branchmig.workflows.schema import Basis, ShownSchema
from tests.render.pictures import EVIL

ID = Column("id", "integer", False, True)
CHANGED = ShownTable(
    "orders",
    "changed",
    (
        ShownColumn(ID),
        ShownColumn(Column("note", "varchar(40)"), "changed", Column("note", "varchar(20)", False)),
        ShownColumn(Column("who", "integer", False), "added"),
        ShownColumn(Column("price", "numeric(10, 2)"), "removed"),
    ),
    ((ForeignKey(("who",), "users", ("id",)), "added"), (ForeignKey(("id", "note"), "old", ()), "removed")),
)
ADDED = ShownTable("users", "added", (ShownColumn(ID, "added"),), is_whole=False)


def test_differences_as_text() -> None:
    unread = tuple((f"r{number}", Opaque(3, "the statement is computed")) for number in range(7))
    schema = ShownSchema((CHANGED, ADDED), Basis((), 2, unread, "no server"), is_difference=True)
    assert list(schema_lines(schema)) == [
        "~ orders",
        "    ~ note   varchar(40)     was varchar(20), not null",
        "    + who    integer         not null  → users.id",
        "    - price  numeric(10, 2)",
        "    - foreign key id, note → old",
        "+ users",
        "    + id  integer  primary key",
        "",
        "From the effects of 2 revisions: branchmig read the scripts and ran none.",
        "Cached states could not be looked at: no server",
        "Not complete: 7 revisions could not be read:",
        *(f"  r{number}, line 3: the statement is computed" for number in range(5)),
        "  and 2 more",
        "Not complete: nothing that was read says all columns of users",
    ]
    assert not schema.is_complete


def test_one_schema_as_text_is_without_signs() -> None:
    schema = ShownSchema(as_they_are((Table("t", (ID, Column("x", "", None))),)), Basis(("abc",)))
    assert list(schema_lines(schema)) == [
        "t",
        "  id  integer  primary key",
        "  x   ?        null or not: unknown",
        "",
        "From cached state abc.",
    ]
    assert schema.is_complete


def test_the_whole_diagram() -> None:
    schema = ShownSchema((CHANGED, ADDED), Basis((), 2), is_difference=True)
    assert list(mermaid_schema_lines(schema)) == [
        "erDiagram",
        "  %% From the effects of 2 revisions: branchmig read the scripts and ran none.",
        "  %% Not complete: nothing that was read says all columns of users",
        '  t0["orders #40;changed#41;"] {',
        '    integer id PK, FK "key to old removed"',
        '    varchar(40) note FK "was varchar#40;20#41;, not null, key to old removed"',
        '    integer who FK "added, not null"',
        '    numeric price "removed, numeric#40;10, 2#41;"',
        "  }",
        '  t1["users #40;added, not complete#41;"] {',
        '    integer id PK "added"',
        "  }",
        '  t1 ||--o{ t0 : "who #40;added#41;"',
    ]


def test_no_name_gets_out_of_its_place() -> None:
    """Names of columns and types are words there; words that mean something get a letter more."""
    names = [EVIL, "pk", "FK", "a b", "1st", "größe", '"x"', "%%{init}%%", "end\n}", "", "__"]
    columns = tuple(ShownColumn(Column(name, name)) for name in names)
    evil = ShownTable(EVIL, "", columns, ((ForeignKey((EVIL,), EVIL, ("id",)), ""),))
    lines = list(entity_lines([evil]))
    word = r"[A-Za-z_]\w*(\(\d+\))?"
    assert re.fullmatch(r'  t0\["[^"%\\<>{}]*"\] \{', lines[0])
    for line in lines[1:-2]:
        assert re.fullmatch(rf'    {word} {word}( FK)?( "[^"%\\<>{{}}]*")?', line, re.ASCII), line
    assert lines[-2] == "  }"
    assert re.fullmatch(r'  t0 \|o--o\{ t0 : "[^"%\\<>{}]*"', lines[-1])
    used = [line.split()[1].casefold() for line in lines[1:-2]]
    assert not {"pk", "fk", "uk"}.intersection(used)

"""What a revision file says of itself; knows only texts, and alembic as the judge of the reading."""

from __future__ import annotations

import time
import warnings
from typing import Any

import pytest
from alembic.script import Script, ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st

from branchmig.model import Problem, Revision
from branchmig.revisions import revision_file
from branchmig.revisions.header_scan import scan_header
from branchmig.revisions.revision_file import (
    conflict_marker_line,
    is_revision_file_name,
    read_docstring,
    read_revision,
)

TEMPLATE = '''"""add user

Revision ID: ae1027a6acf3
Revises: 1975ea83b712
Create Date: 2026-01-01 00:00:00.000000

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = 'ae1027a6acf3'
down_revision: Union[str, Sequence[str], None] = '1975ea83b712'
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Upgrade schema."""
    op.drop_table('t')


def downgrade() -> None:
    """Downgrade schema."""
    pass
'''
OLD_TEMPLATE = '''"""add user

Revision ID: ae1027a6acf3
Revises: 1975ea83b712
Create Date: 2014-11-20 13:31:50.811663

"""

# revision identifiers, used by Alembic.
revision = 'ae1027a6acf3'
down_revision = '1975ea83b712'

from alembic import op
import sqlalchemy as sa


def upgrade():
    pass
'''
READ = Revision("ae1027a6acf3", ("1975ea83b712",), (), (), "add user", "versions/ae1027a6acf3_.py")
PATH = "versions/ae1027a6acf3_.py"

REVISION_HINT = "write revision = '1975ea83b712'"
PARENT_HINT = "write down_revision = '1975ea83b712', or None, or a tuple of such strings"
DEPENDS_HINT = "write depends_on = '1975ea83b712', or None, or a tuple of such strings"
LABEL_HINT = "write branch_labels = 'users', or None, or a tuple of such strings"
UTF8_HINT = "save the file as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-"
UNCOMPILABLE_HINT = "correct the file: Python cannot compile it"
NAME_HINT = "add revision = '1975ea83b712' if it is a revision, else move it out of the folder"
PARENTLESS_HINT = "add down_revision = None if it is the first revision, else the id of its parent"


def read(text: str, path: str = "x.py") -> Revision | Problem:
    return read_revision(text.encode(), path)


def unreadable(message: str, hint: str, revisions: tuple[str, ...] = (), path: str = "x.py") -> Problem:
    return Problem("unreadable-revision", message, hint, revisions, (path,))


def computed(name: str, line: int, hint: str, revisions: tuple[str, ...] = ()) -> Problem:
    message = f"x.py:{line}: {name} is computed: its value cannot be known without running the file"
    return unreadable(message, hint, revisions)


# --- names of files


@pytest.mark.parametrize("name", ["a.py", "ae10_add_user.py", "_init.py", "test_.py", "a b.py", ".py", "setup.py"])
def test_a_name_that_alembic_loads_is_a_revision_file(name: str) -> None:
    assert is_revision_file_name(name)


@pytest.mark.parametrize(
    "name",
    ["__init__.py", "__init__x.py", ".#a.py", "a.pyc", "a.pyo", "a.txt", "README", "a.py.orig", "a.py~", ""],
)
def test_a_name_that_alembic_passes_over_is_no_revision_file(name: str) -> None:
    assert not is_revision_file_name(name)


# --- what is read


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("text", [TEMPLATE, OLD_TEMPLATE])
def test_template_is_read_alike_with_any_newline_and_byte_order_mark(text: str, mark: str, newline: str) -> None:
    assert read(mark + text.replace("\n", newline), PATH) == READ


HEADERS = {
    "plain": ("revision = 'a'\ndown_revision = 'b'", Revision("a", ("b",))),
    "typed": ("revision: str = 'a'\ndown_revision: str | None = 'b'", Revision("a", ("b",))),
    "typed with strings": ("revision: 'str' = 'a'\ndown_revision: 'str' = 'b'", Revision("a", ("b",))),
    "double quotes": ('revision = "a"\ndown_revision = "b"', Revision("a", ("b",))),
    "triple quotes": ("revision = '''a'''\ndown_revision = None", Revision("a")),
    "raw": ("revision = r'a'\ndown_revision = u'b'", Revision("a", ("b",))),
    "escapes": (r"revision = 'a\x31'" + "\ndown_revision = None", Revision("a1")),
    "first": ("revision = 'a'\ndown_revision = None", Revision("a")),
    "empty tuple": ("revision = 'a'\ndown_revision = ()", Revision("a")),
    "empty list": ("revision = 'a'\ndown_revision = []\nbranch_labels = ()\ndepends_on = []", Revision("a")),
    "empty string": ("revision = ''\ndown_revision = ''", Revision("", ("",))),
    "tuple": ("revision = 'a'\ndown_revision = ('c', 'b')", Revision("a", ("c", "b"))),
    "bare tuple": ("revision = 'a'\ndown_revision = 'c', 'b'", Revision("a", ("c", "b"))),
    "tuple of one": ("revision = 'a'\ndown_revision = ('c',)", Revision("a", ("c",))),
    "parentheses": ("revision = ('a')\ndown_revision = (('b'))", Revision("a", ("b",))),
    "list": ("revision = 'a'\ndown_revision = ['c', \"b\"]", Revision("a", ("c", "b"))),
    "set": ("revision = 'a'\ndown_revision = {'c', 'b', 'd'}", Revision("a", ("b", "c", "d"))),
    "twice the same": ("revision = 'a'\ndown_revision = ('b', 'b')", Revision("a", ("b", "b"))),
    "lines": ("revision = 'a'\ndown_revision = (\n    'b',\n    'c',\n)", Revision("a", ("b", "c"))),
    "lines with comments": (
        "revision = 'a'\ndown_revision = (\n    'b',  # 'x'\n    'c',\n)",
        Revision("a", ("b", "c")),
    ),
    "joined strings": ("revision = 'a' \"b\"\ndown_revision = ('b' 'c', 'd')", Revision("ab", ("bc", "d"))),
    "joined lines": ("revision = 'a' \\\n    'b'\ndown_revision = None", Revision("ab")),
    "chained": ("revision = name = 'a'\nx = down_revision = depends_on = 'b'", Revision("a", ("b",), ("b",))),
    "semicolons": ("revision = 'a'; down_revision = 'b'", Revision("a", ("b",))),
    "all four": (
        "revision = 'a'\ndown_revision = 'b'\nbranch_labels = ('l', 'k')\ndepends_on = ['e', 'd']",
        Revision("a", ("b",), ("e", "d"), ("l", "k")),
    ),
    "other order": (
        "depends_on = 'd'\nbranch_labels = 'l'\ndown_revision = 'b'\nrevision = 'a'",
        Revision("a", ("b",), ("d",), ("l",)),
    ),
    "label only": (
        "revision = 'a'\ndown_revision = None\nbranch_labels = ('l',)",
        Revision("a", labels=("l",)),
    ),
    "dependency only": ("revision = 'a'\ndown_revision = None\ndepends_on = 'd'", Revision("a", (), ("d",))),
    "comments": (
        "# one\nrevision = 'a'  # two\n\n  # three\ndown_revision = 'b'# 'c'",
        Revision("a", ("b",)),
    ),
    "hash in quotes": ("revision = 'a#b'\ndown_revision = '#'", Revision("a#b", ("#",))),
    "quote in quotes": ("revision = \"it's\"\ndown_revision = ('\"',)", Revision("it's", ('"',))),
    "not ascii": ("revision = 'añ'\ndown_revision = 'ß'", Revision("añ", ("ß",))),
    "last one wins": (
        "revision = 'x'\ndown_revision = 'y'\nrevision = 'a'\ndown_revision = 'b'",
        Revision("a", ("b",)),
    ),
    "last one wins over code": (
        "revision = f()\nif x:\n    down_revision = g()\n" * 2 + "revision = 'a'\ndown_revision = 'b'",
        Revision("a", ("b",)),
    ),
    "annotation alone": (
        "revision = 'a'\ndown_revision = 'b'\nrevision: str\ndepends_on: str",
        Revision("a", ("b",)),
    ),
    "full-width name": ("revision = 'x'\ndown_revision = None\n\uff52evision = 'a'\n", Revision("a")),
    "names read": (
        "revision = 'a'\ndown_revision = 'b'\nx = revision + down_revision",
        Revision("a", ("b",)),
    ),
    "names in functions": (
        "revision = 'a'\ndown_revision = 'b'\ndef f(depends_on):\n    revision = branch_labels = 'x'",
        Revision("a", ("b",)),
    ),
    "names in classes": (
        "revision = 'a'\ndown_revision = 'b'\nclass C:\n    revision = 'x'",
        Revision("a", ("b",)),
    ),
    "names in comprehensions": (
        "revision = 'a'\ndown_revision = 'b'\n[revision for revision in ()]\nlambda: (revision := 'x')",
        Revision("a", ("b",)),
    ),
    "names of attributes": (
        "revision = 'a'\ndown_revision = 'b'\nx.revision = x['revision'] = 'x'\nimport depends_on.z as w",
        Revision("a", ("b",)),
    ),
    "names in strings": (
        "revision = 'a'\ndown_revision = 'b'\nx = '''\nrevision = 'x'\n'''\n\"down_revision\"\n",
        Revision("a", ("b",)),
    ),
    "star import": (
        "from os import *\nrevision = 'a'\ndown_revision = 'b'\nfrom os.path import *",
        Revision("a", ("b",)),
    ),
}


@pytest.mark.parametrize(("header", "expected"), HEADERS.values(), ids=HEADERS.keys())
def test_header_is_read(header: str, expected: Revision) -> None:
    assert read(header, "x.py") == Revision(
        expected.id, expected.parents, expected.depends_on, expected.labels, "", "x.py"
    )


MESSAGES = {
    "one line": ('"""add user"""', "add user"),
    "first paragraph": ('"""add\nuser\n\nand more\n\nRevision ID: a\n"""', "add\nuser"),
    "starts on the next line": ('"""\n\n  add user\n\n"""', "add user"),
    "blank line with blanks": ('"""add user\n  \nmore\n\nrest"""', "add user\n  \nmore"),
    "apostrophes": ("'''add user'''", "add user"),
    "plain quotes": ("'add user'", "add user"),
    "quotes inside": ('"""add "user" or ""\n\n"""', 'add "user" or ""'),
    "other quotes inside": ("'''add \"\"\"user\"\"\"\n\n'''", 'add """user"""'),
    "escapes": ('"""add\\nuser \\" \\\n\\n\n"""', 'add\nuser "'),
    "raw": ('r"""add \\n"""', "add \\n"),
    "joined": ('"""add """ "user"', "add user"),
    "comment after": ('"""add user"""  # noqa: D400', "add user"),
    "comments before": ('#!/usr/bin/env python\n# license\n\n"""add user"""', "add user"),
    "not ascii": ('"""añadir ☃\n\n"""', "añadir ☃"),
    "odd blanks": ('"""\x0c\u2003add user\x1c\n\n"""', "add user"),
    "empty": ('""""""', ""),
    "blank": ('"""\n\n"""', ""),
    "none": ("", ""),
    "only a comment": ("# add user", ""),
    "bytes": ('b"""add user"""', ""),
    "f-string": ('f"""add user"""', ""),
    "expression": ('"""add user""".strip()', ""),
    "after an import": ('import os\n"""add user"""', ""),
}


@pytest.mark.parametrize(("docstring", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_message_is_the_first_paragraph_of_the_docstring(docstring: str, message: str) -> None:
    text = f"{docstring}\nrevision = 'a'\ndown_revision = None\n"
    assert read(text) == Revision("a", message=message, path="x.py")
    assert read(text.replace("\n", "\r\n")) == Revision("a", message=message, path="x.py")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("text", [TEMPLATE, "\\\n" + TEMPLATE])
def test_docstring_is_whole_and_stripped(text: str, newline: str) -> None:
    created = "Create Date: 2026-01-01 00:00:00.000000"
    expected = f"add user\n\nRevision ID: ae1027a6acf3\nRevises: 1975ea83b712\n{created}"
    assert read_docstring(text.replace("\n", newline).encode()) == expected


@pytest.mark.parametrize("source", [b"", b"x = 1", b'"""a\xff"""', b'"""a', '"""a"""'.encode("utf-16"), b"(" * 999])
def test_docstring_is_empty_where_there_is_none_to_read(source: bytes) -> None:
    assert read_docstring(source) == ""


def test_docstring_is_read_above_a_body_that_does_not_compile() -> None:
    assert read_docstring(b'"""\\x61"""\nrevision = "a"\ndown_revision = None\ndef f(:\n') == "a"


@pytest.mark.parametrize("name", ["a1", "ae1027a6acf3"])
def test_id_comes_from_a_legacy_file_name_if_the_file_has_none(name: str) -> None:
    path = f"versions/{name}.py"
    assert read("down_revision = 'b'", path) == Revision(name, ("b",), path=path)


# --- what is refused


@pytest.mark.parametrize("name", ["helper.py", "ae10_.py", "AE10.py", "a-1.py"])
def test_file_without_revision_is_refused_as_alembic_does(name: str) -> None:
    path = f"versions/{name}"
    message = (
        f"{path}: Could not determine revision id from filename {name}. "
        "Be sure the 'revision' variable is declared inside the script"
    )
    assert read("down_revision = None", path) == unreadable(message, NAME_HINT, path=path)
    assert read("", path) == unreadable(message, NAME_HINT, path=path)


@pytest.mark.parametrize(("text", "name"), [("revision = 'ae1'", "x.py"), ("", "ae1.py"), ("x = 1", "ae1.py")])
def test_file_without_down_revision_is_refused(text: str, name: str) -> None:
    message = f"{name}: revision 'ae1' has no down_revision"
    assert read(text, name) == unreadable(message, PARENTLESS_HINT, ("ae1",), name)


COMPUTED = {
    "call": "revision = f()",
    "name": "revision = other",
    "conditional": "revision = 'a' if x else 'b'",
    "walrus of what may not be": "x and (revision := 'a')",
    "walrus of one or the other": "(revision := 'a') if x else (revision := 'b')",
    "walrus in a comprehension": "[revision := x for x in y]",
    "walrus in a default": "def f(x=(revision := 'a')): pass",
    "walrus in a default of a lambda": "lambda x=(revision := 'a'): x",
    "walrus in a decorator": "@f(revision := 'a')\ndef g(): pass",
    "walrus in a base": "class C(f(revision := 'a')): pass",
    "if": "if x: revision = 'a'",
    "try": "try: revision = 'a'\nexcept E: pass",
    "except": "try: pass\nexcept E as revision: pass",
    "with": "with x: revision = 'a'",
    "with as": "with x as revision: pass",
    "for": "for revision in x: pass",
    "while": "while x: revision = 'a'",
    "match": "match x:\n    case {'a': 1, **revision}: pass",
    "match as": "match x:\n    case [1, *_] as revision: pass",
    "match star": "match x:\n    case [1, *revision]: pass",
    "deleted": "del revision",
    "imported": "import revision",
    "imported as": "import x as revision",
    "imported from": "from x import y, z as revision",
    "imported package": "import revision.x",
    "def": "def revision(): pass",
    "async def": "async def revision(): pass",
    "class": "class revision: pass",
}


@pytest.mark.parametrize("statement", COMPUTED.values(), ids=COMPUTED.keys())
def test_computed_revision_is_refused(statement: str) -> None:
    line = 2 + statement.count("\n", 0, statement.index("revision"))
    problem = computed("revision", line, REVISION_HINT)
    assert read(f"down_revision = None\n{statement}") == problem
    assert read(f"down_revision = revision = 'x'\n{statement}\n") == problem


@pytest.mark.parametrize(
    "value", ["f()", "('a', f())", "['a', *b]", "{'a', b}", "f'{b}'", "('a' + b,)", "[a for a in b]", "b.c", "b['c']"]
)
@pytest.mark.parametrize(("name", "hint"), [("down_revision", PARENT_HINT), ("depends_on", DEPENDS_HINT)])
def test_computed_ids_are_refused_naming_the_revision(name: str, hint: str, value: str) -> None:
    text = f"revision = 'a'\ndown_revision = 'b'\n\n{name} = {value}\n"
    assert read(text) == computed(name, 4, hint, ("a",))


@pytest.mark.parametrize("value", ["f()", "('a', f())", "['a', *b]", "b.c", "{'a': 1}['b']", "*b, *c"])
def test_labels_that_cannot_be_known_leave_the_revision_in_the_graph(value: str) -> None:
    text = f"revision = 'a'\ndown_revision = 'b'\n\nbranch_labels = {value}\n"
    assert read(text) == Revision("a", ("b",), path="x.py", unknown_labels="x.py:4")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("5", "5"),
        ("-5", "-5"),
        ("0x10", "16"),
        ("1.5", "1.5"),
        ("True", "True"),
        ("b'a'", "b'a'"),
        ("...", "Ellipsis"),
        ("{}", "{}"),
        ("{'a': 1}", "{'a': 1}"),
        ("'a', 5", "5"),
        ("('a', None)", "None"),
        ("['a', b'b']", "b'b'"),
        ("{'a', 5, 6}", "5"),
        ("(('a', 'b'),)", "('a', 'b')"),
        ("b'" + "x" * 99 + "'", "b'" + "x" * 55 + "..."),
    ],
)
def test_ids_that_are_no_strings_are_refused(value: str, shown: str) -> None:
    message = f"x.py:2: down_revision holds {shown}, which is not a string"
    expected = Problem("invalid-revision-id", message, PARENT_HINT, ("a",), ("x.py",))
    assert read(f"revision = 'a'\ndown_revision = {value}") == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [("None", "None"), ("5", "5"), ("('a',)", "('a',)"), ("['a']", "['a']"), ("b'a'", "b'a'")],
)
def test_a_revision_that_is_no_string_is_refused(value: str, shown: str) -> None:
    message = f"x.py:1: revision holds {shown}, which is not a string"
    expected = Problem("invalid-revision-id", message, REVISION_HINT, (), ("x.py",))
    assert read(f"revision = {value}\ndown_revision = None") == expected


def test_a_wrong_id_is_named_with_its_own_line() -> None:
    message = "x.py:4: depends_on holds 5, which is not a string"
    expected = Problem("invalid-revision-id", message, DEPENDS_HINT, ("a",), ("x.py",))
    assert read("revision = 'a'\ndown_revision = None\ndepends_on = ('b',\n    5)") == expected


def test_a_number_too_long_to_print_is_refused() -> None:
    text = f"revision = 'a'\ndown_revision = 0x{'f' * 9999}"
    assert read(text) == computed("down_revision", 2, PARENT_HINT, ("a",))


# --- encodings


@pytest.mark.parametrize("cookie", ["# -*- coding: latin-1 -*-", "#!/bin/x\n# vim: set fileencoding=cp1252 :"])
def test_coding_line_is_followed(cookie: str) -> None:
    source = f'{cookie}\n"""añadir"""\nrevision = "a"\ndown_revision = None\n'.encode("latin-1")
    assert read_revision(source, "x.py") == Revision("a", message="añadir", path="x.py")


def test_coding_line_must_be_among_the_first_two() -> None:
    source = '\n\n# coding: latin-1\n"""añadir"""\nrevision = "a"\ndown_revision = None\n'.encode("latin-1")
    message = "x.py:4: not UTF-8: byte 0xf1 cannot be decoded"
    assert read_revision(source, "x.py") == unreadable(message, UTF8_HINT)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_text_that_is_not_utf8_is_refused_with_its_line(newline: bytes) -> None:
    source = TEMPLATE.replace("'t'", "'t\u00e9'").encode("latin-1").replace(b"\n", newline)
    message = f"{PATH}:23: not UTF-8: byte 0xe9 cannot be decoded"
    assert read_revision(source, PATH) == unreadable(message, UTF8_HINT, path=PATH)


def test_text_that_is_not_what_its_coding_line_says_is_refused() -> None:
    source = b"# coding: ascii\nrevision = '\xe9'\ndown_revision = None\n"
    hint = "save the file as ascii, or correct the encoding that its coding line names"
    assert read_revision(source, "x.py") == unreadable("x.py:2: not ascii: byte 0xe9 cannot be decoded", hint)


def test_bytes_that_python_does_not_mind_are_no_problem() -> None:
    source = b"revision = 'a'\ndown_revision = None\n# caf\xe9\n"
    assert read_revision(source, "x.py") == Revision("a", path="x.py")


def test_unknown_encoding_is_refused() -> None:
    source = b"# coding: klingon\nrevision = 'a'\ndown_revision = None\n"
    assert read_revision(source, "x.py") == unreadable("x.py: unknown encoding: klingon", UNCOMPILABLE_HINT)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf16_is_refused(encoding: str) -> None:
    what = "UTF-16" if encoding == "utf-16" else "not text: it holds NUL bytes"
    assert read_revision(TEMPLATE.encode(encoding), PATH) == unreadable(
        f"{PATH}: {what}", "save the file as UTF-8", path=PATH
    )


def test_nul_byte_in_the_body_is_refused() -> None:
    expected = unreadable(f"{PATH}: not text: it holds NUL bytes", "save the file as UTF-8", path=PATH)
    assert read_revision(TEMPLATE.replace("'t'", "'\0'").encode(), PATH) == expected


# --- files that do not compile


@pytest.mark.parametrize("text", [TEMPLATE, "\\\n" + TEMPLATE, '"\\x61"\n' + TEMPLATE[TEMPLATE.index("from") :]])
@pytest.mark.parametrize(
    "body", ["op.drop_table('t'", "print 't'", "    op", '"""', "-" * 100_000 + "1", "1" + "+1" * 99_999]
)
def test_body_that_does_not_compile_does_not_hide_the_header(text: str, body: str) -> None:
    message = "add user" if "add user" in text else "a"
    expected = Revision("ae1027a6acf3", ("1975ea83b712",), message=message, path="x.py")
    assert read(text.replace("op.drop_table('t')", body)) == expected
    assert read(text.replace("op.drop_table('t')", body).replace("\n", "\r")) == expected


@pytest.mark.parametrize("opening", ["def f(", "async  def f(", "class C(", "@f("])
def test_header_ends_at_the_first_function_class_or_decorator(opening: str) -> None:
    assert read(f"x = 1\nrevision = 'a'\ndown_revision = None\n{opening}") == Revision("a", path="x.py")


def test_line_of_the_docstring_does_not_end_the_header() -> None:
    text = '"""\\\nclass of 99\ndef x\n"""\nrevision = "a"\ndown_revision = None\ndef f(\n'
    assert read(text) == Revision("a", message="class of 99\ndef x", path="x.py")


def test_header_below_a_function_is_read() -> None:
    text = "def f(): pass\nrevision = 'a'\ndown_revision = None\ndef g(\n"
    assert read(text) == Revision("a", path="x.py")


def test_header_that_goes_on_below_broken_code_is_refused() -> None:
    text = "x = 1\nrevision = 'a'\ndown_revision = None\ndef f(\n\ndepends_on = 'b'\n"
    assert read(text) == unreadable("x.py:4: '(' was never closed", UNCOMPILABLE_HINT)


def test_problem_in_the_header_of_a_broken_file_is_told() -> None:
    text = "revision = 'a'\ndown_revision = f()\ndef f(\n"
    assert read(text) == computed("down_revision", 2, PARENT_HINT, ("a",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("revision = 'a'\ndown_revision = (\n", "x.py:2: '(' was never closed"),
        ("revision = 'a\ndown_revision = None\n", "x.py:1: unterminated string literal (detected at line 1)"),
        ("revision = 'a'\n  down_revision = None\n", "x.py:2: unexpected indent"),
        ("revision = 'a'\ndown_revision := None\n\ndef f(): pass", "x.py:2: invalid syntax"),
        ("revision = 'a'\ndef f(): pass\n\nx y\n", "x.py:4: invalid syntax"),
    ],
)
def test_header_that_does_not_compile_is_refused_with_its_line(text: str, message: str) -> None:
    assert read(text) == unreadable(message, UNCOMPILABLE_HINT)


@pytest.mark.parametrize("value", ["-" * 100_000 + "1", "1" + "+1" * 100_000, "a" + ".b" * 100_000])
def test_header_nested_too_deeply_is_refused(value: str) -> None:
    expected = unreadable("x.py: nested too deeply for Python to compile it", "simplify the file")
    assert read(f"revision = 'a'\ndown_revision = {value}\n") == expected


def test_odd_escapes_make_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = Revision("a", message="\\d", path="x.py")
        assert read("'\\d'\nrevision = 'a'\ndown_revision = None\n") == expected


# --- conflict markers

CONFLICT = "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> feature\n"
CONFLICT_HINT = "edit the file until no <<<<<<<, ======= and >>>>>>> is left, then: git add versions/ae1027a6acf3_.py"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_conflict_in_the_header_is_an_unresolved_merge(newline: str) -> None:
    ours = "down_revision: Union[str, Sequence[str], None] = '1975ea83b712'"
    text = TEMPLATE.replace(ours + "\n", CONFLICT.format(ours, "down_revision = 'x'"))
    expected = Problem("conflict-markers", f"unresolved merge in {PATH}:16", CONFLICT_HINT, (), (PATH,))
    assert read(text.replace("\n", newline), PATH) == expected


def test_conflict_of_whole_files_is_an_unresolved_merge() -> None:
    expected = Problem("conflict-markers", f"unresolved merge in {PATH}:1", CONFLICT_HINT, (), (PATH,))
    assert read(CONFLICT.format(TEMPLATE, OLD_TEMPLATE), PATH) == expected


@pytest.mark.parametrize("labels", ["branch_labels = 'l'", "depends_on = ('c', 'd')"])
def test_conflict_below_the_parents_but_in_the_header_is_an_unresolved_merge(labels: str) -> None:
    text = OLD_TEMPLATE.replace("\n\nfrom", "\n" + CONFLICT.format(labels, "") + "\nfrom")
    expected = Problem("conflict-markers", f"unresolved merge in {PATH}:12", CONFLICT_HINT, (), (PATH,))
    assert read(text, PATH) == expected


@pytest.mark.parametrize("text", [TEMPLATE, "\\\n" + TEMPLATE])
def test_conflict_in_the_body_does_not_hide_the_header(text: str) -> None:
    body = "    op.drop_table('t')\n"
    assert read(text.replace(body, CONFLICT.format(body, body)), PATH) == READ


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (CONFLICT, 1),
        ("a\n\n" + CONFLICT + CONFLICT, 3),
        ("<<<<<<< HEAD\na\n||||||| base\nb\n=======\nc\n>>>>>>> x", 1),
        ("x <<<<<<< HEAD\n" + CONFLICT, 2),
        ("", None),
        (TEMPLATE, None),
        ("<<<<<<< HEAD\n=======\n", None),
        ("<<<<<<< HEAD\n>>>>>>> x\n", None),
        ("=======\n>>>>>>> x\n<<<<<<< HEAD\n", None),
        ("<<<<<<< HEAD\n==========\n>>>>>>> x\n", None),
        (" <<<<<<< HEAD\n=======\n>>>>>>> x\n", None),
        ("<<<<<<<\n=======\n>>>>>>> x\n", None),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_conflict_marker_line(text: str, line: int | None, newline: str) -> None:
    assert conflict_marker_line(text.replace("\n", newline).encode()) == line


# --- the quick scan answers what ast would, and does answer

SHAPES = {
    "1.20": TEMPLATE,
    "0.7": OLD_TEMPLATE,
    "1.0": TEMPLATE.replace(": str", "").replace(": Union[str, Sequence[str], None]", ""),
    "optional": TEMPLATE.replace("Union[str, Sequence[str], None]", "Sequence[str] | None"),
    "no docstring": TEMPLATE[TEMPLATE.index("from") :],
    "apostrophes": TEMPLATE.replace('"""', "'''"),
    "license": "# (c) 2026\n#\n# All rights.\n\n" + TEMPLATE,
    "coding": "# -*- coding: utf-8 -*-\n" + TEMPLATE,
    "not ascii": TEMPLATE.replace("add user", "añadir ☃").replace("'t'", "'таблица'"),
    "merge": TEMPLATE.replace("'1975ea83b712'", "('a', 'b')"),
    "formatted merge": TEMPLATE.replace("'1975ea83b712'", '(\n    "a",\n    "b",\n)'),
    "list": TEMPLATE.replace("'1975ea83b712'", "['a', 'b']"),
    "first": TEMPLATE.replace("= '1975ea83b712'", "= None"),
    "two fields": OLD_TEMPLATE.replace("\n\nfrom", "\n\nx = 'y'\nfrom"),
    "comments": TEMPLATE.replace("= None\n", "= None  # a revision\n").replace("\n\n\n#", "\n\n# a\n# b\n#"),
    "words in strings": TEMPLATE.replace("'t'", r"""'revision', r'\'depends_on', "'" '\\' "\"revision\"" """)
    + "x = '''\nrevision = 1\n'''\ny = '\\\n depends_on = 1'\n",
    "words in comments": TEMPLATE.replace("'t')", "'t')  # it's a down_revision"),
    "other words": TEMPLATE.replace("'t'", "'revisions', 'my_revision', 'depends_only', 'branch_labels_'"),
    "star": TEMPLATE.replace("import op\n", "import op  # noqa\nfrom sqlalchemy import *\nimport os.path as c, sys\n"),
    "no last newline": "revision = 'a'\ndown_revision = 'b'",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_quick_scan_answers_on_what_templates_write(text: str, mark: str, newline: str) -> None:
    source = (mark + text.replace("\n", newline)).encode()
    assert scan_header(source) is not None
    assert read_revision(source, "x.py") == revision_file._read_with_ast(source, "x.py", None)


@pytest.mark.parametrize(
    "source",
    [
        "# coding: latin-1\n" + TEMPLATE,
        "# vim: fileencoding=utf-8\n" + TEMPLATE,
        TEMPLATE.replace("add user", "add \\x61"),
        TEMPLATE.replace('"""add', 'r"""add'),
        TEMPLATE.replace('"""\nfrom', '""" "more"\nfrom'),
        TEMPLATE.replace("'ae1027a6acf3'", "r'a'"),
        TEMPLATE.replace("'ae1027a6acf3'", "'a\\x31'"),
        TEMPLATE.replace("'t'", "revision"),
        TEMPLATE.replace("'t'", "'revision', f'{x}'"),
        TEMPLATE.replace("'t'", "'revision', x if y else rF'{(z := 1)}'"),
        TEMPLATE.replace("'t'", "'revision\uff0c'"),
        TEMPLATE.replace("import op", "import depends_on"),
        TEMPLATE.replace("import op\n", "import op; x = 1\n"),
        TEMPLATE.replace("'t'", "\uff52evision"),
        TEMPLATE.replace("'t'", "'\0'"),
        TEMPLATE.replace("import op\n", "import op\nx = 1\n"),
        OLD_TEMPLATE.replace("revision = 'ae1027a6acf3'", "revision := 'ae1027a6acf3'"),
        "",
    ],
)
def test_quick_scan_leaves_unusual_files_to_ast(source: str) -> None:
    assert scan_header(source.encode()) is None


@pytest.mark.parametrize("filling", ["    x = 'abcdef'  # a comment\n", "    x = 'revision'\n", "    x = 'привет'\n"])
def test_five_megabytes_are_read_at_once(filling: str) -> None:
    source = (TEMPLATE + filling * (5_000_000 // len(filling.encode()))).encode()
    began = time.process_time()
    assert read_revision(source, PATH) == READ
    # The scan takes 0.01 to 0.1 seconds and ast 5 to 15: a busy machine must not fail the test.
    assert time.process_time() - began < 1


NAMES = ["revision", "down_revision", "branch_labels", "depends_on"]
# fmt: off
PLAIN = {
    "comments": [
        "", "# a comment about a revision",
    ],
    "docstring": [
        "add user", "\n", "\n\n", "é☃", "# x",
    ],
    "docstring end": [
        "\n", "  # note\n", "\n\n",
    ],
    "imports": [
        "from alembic import op", "from typing import Sequence, Union", "import os, sys as s  # for f",
        "from os import *", "",
    ],
    "annotations": [
        "", ": str", ": Union[str, Sequence[str], None]", " :str | None ",
    ],
    "values": [
        "'a1'", '"b"', "'é'", "None", "('a', 'b')", '["a"]', "()", "('a',)", "(\n  'b',\n  'a',\n)",
    ],
    "statements": [
        "", "# comment",
    ],
    "body": [
        "def upgrade():\n    pass", "@d\ndef f(): revisions = 1", "# end of revisions", "x = 'é'",
    ],
}
ODD = {
    "comments": [
        "#!/usr/bin/env python", "# -*- coding: utf-8 -*-", "# coding: latin-1", "# coding: utf8", "   ",
        "\x0c", "  # indented", "# é", "# encoding=UTF-8", '\\', "x = 1", "#",
    ],
    "docstring": [
        '"', '""', "'", "''", '\\', '\\\\', "\\n", "\t", " ", '"""', "'''", "revision = 'z'\n",
        "Revision ID: abc", "\x0c", "\u2028", "\x1c", "def f():\n", "# coding: latin-1\n",
        "class of 99\n", "<<<<<<< HEAD\n", "=======\n", ">>>>>>> x\n", "\ufeff", "{x}", "%s", "\\x61",
    ],
    "docstring end": [
        "", ' "more"\n', ".strip()\n", "; x = 1\n", '\\\n"x"\n', "'\n", '"\n', " ",
    ],
    "imports": [
        "from os import path as revision", "import os as down_revision", "import os; revision = 'q'",
        "import\tos", "from os import (path,\n    sep)", "import os \\\n, sys", "pass", "x = 'revision'",
        "if True: import os", "import os,", "from __future__ import annotations", "from .x import y",
        "import revision.x", "from revision import x",
    ],
    "annotations": [
        ": 'str'", ": (x := str)", ": Union[str,\n    None]", ":", ": str.join", ": revision", ": [str]",
        " : int = x",
    ],
    "values": [
        "'''a1'''", "r'a1'", "b'a1'", "f'a1'", "u'a1'", "'a' 'b'", "'a\\x31'", '\'it"s\'', "''", "5",
        "{'b', 'a'}", "[]", "('a')", "('a' 'b',)", "'#'", "('a', None)", "('a',)  # two", "'a' + 'b'",
        "f()", "x", "(y := 'a')", "'a'#b", "'a'; revision = 'b'", "other = 'a'", "'a'  # b", "Nonesuch",
        "down_revision = 'a'", "('a', # c\n 'b')", "'a' if 1 else 'b'", "'a'\\\n'b'", "('a', 'b']",
        "('a' 'b')", "'a'\n  ", "'a', 'b'", "(,)", "(('a',),)", "None # 'x'", "'a' 5", "'\x0c'", "'a''b'",
        "('a''b',)", "('a',,)", "( 'a'\n, 'b' )", "['a' , 'b' ,]", "None or 'a'", '"a\'',
    ],
    "statements": [
        "revision: str", "del revision", "revision += 'x'", "if 1:\n    revision = 'q'",
        "revision, x = 'a', 'b'", "   ", "for depends_on in (): pass", "revision", "(revision) = 'p'",
        "(depends_on): str = 'p'", "revision = down_revision = 'w'",
    ],
    "body": [
        "def upgrade():\n    revision = 1", '"revision"', "x = '''\nrevision = 'q'\n'''",
        "\uff52evision = 'wide'", "# é", "\x1a", "class A:\n    revision = 1", "import revision",
        "x = '''", "try:\n    import x\nexcept E as depends_on:\n    pass", "\x00", "...",
        "down_revision_id = 2", "def f(a=(revision := 'b')): pass",
        "match 1:\n    case branch_labels: pass", "x = (", "lambda: (revision := 1)",
        "[revision for revision in ()]", "from os import *", "depends_on\u0301 = 1", "x.revision = 1",
        "f'{(revision := 1)}'", "'revision\\''", '"\\\\" "revision" # "', "r'\\\\'; revision = 'v' #'",
        "'\\\nrevision = 1'", "''''revision'''", "'\uff02'; depends_on = '\uff02'", "x = revision",
        "x = b'revision' rb'\\'revision'", "x = '' 'revision' \"'\"", "# it's a revision",
        "f'{x}' 'revision'",
        "if 1: revision = 'z'", "(revision := 'y')", "branch_labels = ('m',)", "global revision",
        "revision.x: int = 1",
    ],
}
# fmt: on


def pieces(kind: str, odd: bool) -> st.SearchStrategy[str]:
    return st.sampled_from(PLAIN[kind] + ODD[kind] if odd else PLAIN[kind])


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    """Draw files as templates write them, but for up to two parts that may hold anything."""
    parts = ["comments", "docstring", "imports", "header", "body", "bytes"]
    odd = draw(st.sets(st.sampled_from(parts), max_size=2))
    docstring = docstrings("docstring" in odd)
    text = (
        lines(draw(st.lists(pieces("comments", "comments" in odd), max_size=2)))
        + draw(st.one_of(docstring, docstring, st.just("")))
        + lines(draw(st.lists(pieces("imports", "imports" in odd), max_size=3)))
        + lines(draw(headers("header" in odd)))
        + lines(draw(st.lists(pieces("body", "body" in odd), max_size=2)))
    )
    if "bytes" not in odd:
        return text.encode()
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r", "\n\r", "\r\r\n"])))
    mark = draw(st.sampled_from(["", "\ufeff", "\ufeff\ufeff"]))
    return (mark + text).encode(draw(st.sampled_from(["utf-8", "latin-1"])), "replace")


def lines(written: list[str]) -> str:
    return "".join(f"{line}\n" for line in written)


@st.composite
def docstrings(draw: st.DrawFn, odd: bool) -> str:
    prefix = draw(st.sampled_from(["", "", "r", "u", "f", "b"])) if odd else ""
    quote = draw(st.sampled_from(['"""', "'''", '"', "'"] if odd else ['"""', "'''"]))
    content = "".join(draw(st.lists(pieces("docstring", odd), max_size=6)))
    return f"{prefix}{quote}{content}{quote}{draw(pieces('docstring end', odd))}"


@st.composite
def headers(draw: st.DrawFn, odd: bool) -> list[str]:
    in_order = st.sampled_from([NAMES, NAMES[:2], NAMES[:3], [*NAMES[:2], NAMES[3]]])
    written = []
    for name in draw(st.one_of(in_order, st.lists(st.sampled_from(NAMES), max_size=6)) if odd else in_order):
        value = draw(pieces("values", odd) if odd or name != "revision" else st.sampled_from(["'a'", '"é"']))
        written.append(f"{name}{draw(pieces('annotations', odd))} = {value}")
        written.extend(draw(st.lists(pieces("statements", odd), max_size=1)))
    return written


@st.composite
def damaged_templates(draw: st.DrawFn) -> bytes:
    """Draw files of real shapes with one to three pieces put in or over what stood there."""
    text = draw(st.sampled_from(sorted(SHAPES.values())))
    any_piece = st.one_of([pieces(kind, True) for kind in PLAIN] + [st.sampled_from([*NAMES, *"()[],=:;|\\ "])])
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 20]))
        text = text[:start] + draw(any_piece) + text[end:]
    return text.encode()


def code_of(source: bytes) -> Any:
    """Return the compiled source, or None if Python refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(source, "x.py", "exec")
        except (SyntaxError, ValueError):
            return None


@pytest.mark.soak
@given(st.one_of(sources(), damaged_templates()))
@settings(max_examples=700, deadline=None)
def test_where_the_quick_scan_answers_ast_answers_the_same(source: bytes) -> None:
    if code_of(source) is not None and scan_header(source) is not None:
        assert read_revision(source, "x.py") == revision_file._read_with_ast(source, "x.py", None)
        assert read_docstring(source) == revision_file._docstring(revision_file._parse(source))


@given(sources())
@settings(max_examples=150, deadline=None)
def test_what_is_read_is_what_running_the_file_gives(source: bytes) -> None:
    code = code_of(source)
    read_as = read_revision(source, "x.py")
    if code is None or not isinstance(read_as, Revision):
        return
    module: dict[str, Any] = {"__name__": "x"}
    try:
        exec(code, module)
    except Exception:
        return
    expected = [as_ids(module.get(name)) for name in NAMES]
    assert [(read_as.id,), read_as.parents, read_as.labels, read_as.depends_on] == expected


def as_ids(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, str):
        return () if value is None else (value,)
    return tuple(sorted(value) if isinstance(value, set) else value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_raise(source: bytes) -> None:
    assert isinstance(read_revision(source, "x.py"), Revision | Problem)
    assert isinstance(read_docstring(source), str)


IDS = st.text(max_size=12).filter(lambda text: text.isprintable())


@settings(max_examples=100)
@given(IDS, st.lists(IDS), st.lists(IDS), st.lists(IDS))
def test_what_a_template_writes_is_read_back(
    own: str, parents: list[str], labels: list[str], needed: list[str]
) -> None:
    text = (
        f"revision: str = {own!r}\ndown_revision: Union[str, Sequence[str], None] = {tuple(parents)!r}\n"
        f"branch_labels = {labels!r}\ndepends_on = {tuple(needed)!r}\n"
    )
    assert read(text) == Revision(own, tuple(parents), tuple(needed), tuple(labels), "", "x.py")


# --- alembic as the judge


@pytest.mark.parametrize("text", [*SHAPES.values(), "down_revision = 'b'\n"])
def test_what_is_read_is_what_alembic_reads(text: str, tmp_path: Any) -> None:
    source = text.replace("'таблица'", "'t'").encode()
    path = tmp_path / "ae1027a6acf3.py"
    path.write_bytes(source)
    script = Script._from_path(ScriptDirectory(tmp_path), path)
    assert script is not None
    down = script._versioned_down_revisions
    wanted = Revision(
        script.revision,
        down,
        script.dependencies or (),
        tuple(script.branch_labels),
        script.doc,
        "ae1027a6acf3.py",
    )
    assert read_revision(source, "ae1027a6acf3.py") == wanted
    assert read_docstring(source) == script.longdoc

"""What a fingerprint covers: every change without effect leaves it as it was, every change with one does not."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

import pytest

from branchmig.revisions.fingerprint import fingerprint, upgrade_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = '''\
"""add users

Revision ID: aaa1
"""
from typing import Optional, Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, declarative_base, mapped_column

import myapp.types

revision: str = "aaa1"
down_revision: Union[str, Sequence[str], None] = "000"
branch_labels: Optional[str] = None
depends_on = ("b", "c")

Base = declarative_base()
LIMIT: int = 40


class User(Base):
    """A user."""

    id: Mapped[int] = mapped_column(primary_key=True)
    nick: Mapped[Optional[str]] = mapped_column(sa.String(LIMIT), default="x")


def names(session: Session, limit: int = 5, *, fill: Optional[str] = None) -> list[str]:
    found: list[str] = []
    for number in range(limit):
        found.append(f"{fill!r:>5}" + str(number))
        if not number or number > 3 and fill is None:
            continue
    return found


def upgrade() -> None:
    """Up."""
    op.add_column("t", sa.Column("x", sa.Numeric(10, 2), nullable=False, server_default="0"))
    with op.batch_alter_table("t") as batch:
        batch.alter_column("y", existing_type=sa.Integer(), type_=myapp.types.Big())
    try:
        op.execute("update t set x = 1")
    except ValueError as error:
        raise RuntimeError("no") from error


def downgrade() -> None:
    op.drop_column("t", "x")
'''

WITHOUT_EFFECT = {
    "an annotation is dropped": ('revision: str = "aaa1"', 'revision = "aaa1"'),
    "an annotation of a result is dropped": ("def upgrade() -> None:", "def upgrade():"),
    "an annotation of a parameter is changed": ("fill: Optional[str] = None", "fill: str | None = None"),
    "an annotation of a variable is dropped": ("found: list[str] = []", "found = []"),
    "Optional is written as | None": ("Mapped[Optional[str]]", "Mapped[str | None]"),
    "Union is written with |": ("Union[str, Sequence[str], None]", "str | Sequence[str] | None"),
    "imports are sorted": (
        "from alembic import op\nimport sqlalchemy as sa\n",
        "import sqlalchemy as sa\nfrom alembic import op\n",
    ),
    "an import is divided": ("import Optional, Sequence, Union", "import Optional\nfrom typing import Sequence, Union"),
    "an import follows the header": ("import sqlalchemy as sa\n", ""),
    "an unused import is added": (
        "import sqlalchemy as sa\n",
        "import json\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import mysql\n",
    ),
    "annotations are deferred": ('"""\nfrom typing', '"""\nfrom __future__ import annotations\n\nfrom typing'),
    "an empty field is dropped": ("branch_labels: Optional[str] = None\n", ""),
    "the header is reordered": ('revision: str = "aaa1"\n', ""),
    "a parent stands in a tuple": ('= "000"', '= ("000",)'),
    "quotes are changed": ('"aaa1"', "'aaa1'"),
    "docstrings are changed": ('"""Up."""', '"""Down.\n\n    And up."""'),
    "a docstring is dropped": ('    """A user."""\n\n', ""),
    "a superfluous pass is added": ('op.drop_column("t", "x")', 'op.drop_column("t", "x")\n    pass'),
    "lines are wrapped": ("sa.Numeric(10, 2)", "sa.Numeric(\n        10,\n        2,\n    )"),
    "a comment is added": ("    op.drop", "    # gone\n    op.drop"),
}


@pytest.mark.parametrize("change", WITHOUT_EFFECT)
def test_a_change_without_effect_is_not_seen(change: str) -> None:
    before, after = WITHOUT_EFFECT[change]
    assert before in SCRIPT
    other = SCRIPT.replace(before, after)
    if change == "an import follows the header":
        other = other.replace("\nBase =", "\nimport sqlalchemy as sa\n\nBase =")
    if change == "the header is reordered":
        other = other.replace("depends_on =", 'revision: str = "aaa1"\ndepends_on =')
    assert other != SCRIPT
    assert fingerprint(other.encode()) == fingerprint(SCRIPT.encode())
    assert upgrade_fingerprint(other.encode()) == upgrade_fingerprint(SCRIPT.encode())


REWRITTEN = [
    (
        "from datetime import datetime, timezone\n{}datetime.now(timezone.utc)",
        "from datetime import UTC, datetime\n{}datetime.now(UTC)",
    ),
    ("import datetime as dt\n{}dt.datetime.now(dt.timezone.utc)", "import datetime as dt\n{}dt.datetime.now(dt.UTC)"),
    ("{}op.execute('{{}} {{}}'.format(a, f(b)))", "{}op.execute(f'{{a}} {{f(b)}}')"),
    (
        "{}op.execute('{{0:>3}}{{n!r}} {{{{}}}}'.format('{{}}'.format(a), n=n))",
        "{}op.execute(f'{{f\"{{a}}\":>3}}{{n!r}} {{{{}}}}')",
    ),
    ("from app.models import Widget, db\n{}db.x()", "from app.models import db\n{}db.x()"),
    ("import sqlmodel.sql.sqltypes\n{}pass", "{}pass"),
    (
        "import sqlalchemy as sa\n{}sa.inspect(op)",
        "from __future__ import annotations\nimport sqlalchemy as sa\n{}sa.inspect(op)",
    ),
]
NOT_THE_SAME = [
    ("{}x('{{1}} {{0}}'.format(f(), g()))", "{}x(f'{{g()}} {{f()}}')"),
    ("{}x('{{}}'.format(a, f()))", "{}x(f'{{a}}')"),
    ("{}x('{{}}'.format(a))", "{}x(f'{{b}}')"),
    ("{}x('{{n}} {{}}'.format(a, b, n=n))", "{}x(f'{{n}} {{b}}')"),
    ("{}x('{{a.b}}'.format(a=a))", "{}x(f'{{a}}')"),
    ("from datetime import UTC\n{}x(UTC)", "from mine import UTC\n{}x(UTC)"),
    ("from app import models, db\n{}db.x()", "from app import db\n{}db.x()"),
    (
        "import inspect\n{}inspect.getmembers(x)",
        "from __future__ import annotations\nimport inspect\n{}inspect.getmembers(x)",
    ),
]


def body(text: str) -> bytes:
    head, _, line = text.partition("{}")
    return f"{head}revision = 'a'\ndown_revision = None\ndef upgrade():\n    {line.format()}\n".encode()


@pytest.mark.parametrize(("before", "after"), REWRITTEN)
def test_what_linters_rewrite_is_not_seen(before: str, after: str) -> None:
    assert fingerprint(body(before)) == fingerprint(body(after))


@pytest.mark.parametrize(("before", "after"), NOT_THE_SAME)
def test_what_only_looks_like_a_rewriting_is_seen(before: str, after: str) -> None:
    assert fingerprint(body(before)) != fingerprint(body(after))


WITH_EFFECT = {
    "an import with another name": ("import sqlalchemy as sa", "import sqlmodel as sa"),
    "an unused import that may do something": ("import myapp.types\n", "import myapp.types\nimport myapp.events\n"),
    "an import of one's own that is gone": ("import myapp.types\n", "import myapp\n"),
    "an annotation that fails": ("limit: int = 5", "limit: Lim = 5"),
    "an annotation that does something": ("limit: int = 5", "limit: print(1) = 5"),
    "a decorator": ("def names(", "@cache\ndef names("),
    "a field of a model": ("nick: Mapped[Optional[str]]", "nick: Mapped[str]"),
    "a field of a model without its annotation": ("id: Mapped[int] =", "id ="),
    "a label": ("branch_labels: Optional[str] = None", 'branch_labels = "users"'),
    "the order of dependencies": ('("b", "c")', '("c", "b")'),
    "the parent is gone": ('= "000"', "= None"),
    "the upgrade does nothing": ('    op.execute("update t set x = 1")', "    pass"),
    "a function became asynchronous": ("def downgrade()", "async def downgrade()"),
    "a function has another name": ("def downgrade()", "def downgrad()"),
    "a return": ("    op.drop_column", "    return\n    op.drop_column"),
    "an import that another replaces": ("from alembic import op\n", "from alembic import op\nfrom myapp import op\n"),
}


@pytest.mark.parametrize("change", WITH_EFFECT)
def test_a_change_with_an_effect_is_seen(change: str) -> None:
    before, after = WITH_EFFECT[change]
    assert before in SCRIPT
    assert fingerprint(SCRIPT.replace(before, after).encode()) != fingerprint(SCRIPT.encode())


def test_what_reads_docstrings_and_annotations_makes_them_count() -> None:
    reading = "def upgrade():\n    op.execute(__doc__)\n"
    assert fingerprint(f'"""a"""\n{reading}'.encode()) != fingerprint(f'"""b"""\n{reading}'.encode())
    decorated = "@app.validate\ndef upgrade(x: {}):\n    pass\n"
    assert fingerprint(decorated.format("int").encode()) != fingerprint(decorated.format("str").encode())
    asking = "from typing import get_type_hints\ndef f(x: {}): ...\nget_type_hints(f)\n"
    assert fingerprint(asking.format("int").encode()) != fingerprint(asking.format("str").encode())
    dynamic = "import sqlalchemy as sa\n{}def upgrade():\n    eval('json.loads(x)')\n"
    assert fingerprint(dynamic.format("").encode()) != fingerprint(dynamic.format("import json\n").encode())


def test_the_order_of_imports_counts_where_one_replaces_another_or_something_runs_between() -> None:
    pairs = [
        ("from a import op\nfrom b import op\n", "from b import op\nfrom a import op\n"),
        ("from a import *\nfrom b import *\n", "from b import *\nfrom a import *\n"),
        ("import a\nsys.path.pop()\nimport b\n", "import b\nsys.path.pop()\nimport a\n"),
        ("revision = 'a'\nfrom x import revision\n", "from x import revision\nrevision = 'a'\n"),
    ]
    for pair, other in pairs:
        assert fingerprint(pair.encode()) != fingerprint(other.encode()), pair


def test_a_header_that_is_read_or_bound_twice_stays_where_it_is() -> None:
    read = "revision = 'a'\ndown_revision = None\n{}if branch_labels is None:\n    x = 1\n"
    assert fingerprint(read.format("").encode()) != fingerprint(read.format("branch_labels = None\n").encode())
    item, other = "revision = 'a'\nrevision = 'b'\n", "revision = 'b'\nrevision = 'a'\n"
    assert fingerprint(item.encode()) != fingerprint(other.encode())


def _mutants() -> Iterator[tuple[str, bytes]]:
    """Yield SCRIPT with one node changed, for each node that runs."""
    tree = ast.parse(SCRIPT)
    skipped = {id(inner) for node in ast.walk(tree) for inner in _without_effect(node)}
    places = [number for number, node in enumerate(ast.walk(tree)) if id(node) not in skipped]
    for place in places:
        mutant = copy.deepcopy(tree)
        node = list(ast.walk(mutant))[place]
        before = ast.dump(node)
        if _mutate(node):
            yield f"{before} at line {getattr(node, 'lineno', 0)}", ast.unparse(mutant).encode()


def _without_effect(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what annotates and documents, with all below it; imports have tests of their own."""
    roots: list[ast.AST] = []
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        roots.append(node.annotation)
    if isinstance(node, ast.FunctionDef) and node.returns:
        roots.append(node.returns)
    if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
        roots.append(node.body[0])
    if isinstance(node, ast.Import | ast.ImportFrom):
        roots.append(node)
    for root in roots:
        yield from ast.walk(root)


def _mutate(node: ast.AST) -> bool:  # noqa: C901 - a table of mutations
    match node:
        case ast.Constant(value=bool() | None):
            node.value = 77
        case ast.Constant(value=int() as number):
            node.value = number + 1
        case ast.Constant(value=str() as text):
            node.value = text + "!"
        case ast.Name(id=name):
            node.id = f"{name}_"
        case ast.Attribute(attr=name):
            node.attr = f"{name}_"
        case ast.arg(arg=name) | ast.keyword(arg=str() as name):
            node.arg = f"{name}_"
        case ast.Call(args=[_, *_]):
            node.args.pop()
        case ast.Call(keywords=[_, *_]):
            node.keywords.pop()
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            node.name = f"{name}_"
        case ast.BoolOp():
            node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        case ast.Compare():
            node.ops[0] = ast.NotEq()
        case ast.FormattedValue():
            node.conversion = 115
        case ast.For() | ast.If() | ast.With() | ast.Try():
            node.body.append(ast.Raise())
        case _:
            return False
    ast.fix_missing_locations(node)
    return True


def test_no_mutation_of_what_runs_is_ignored() -> None:
    own = fingerprint(ast.unparse(ast.parse(SCRIPT)).encode())
    assert own == fingerprint(SCRIPT.encode())
    mutants = list(_mutants())
    assert len(mutants) > 100
    assert [what for what, text in mutants if fingerprint(text) == own] == []

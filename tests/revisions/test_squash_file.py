"""The text of a squash does what the scripts of its range did, run one after the other."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import sqlalchemy as sa

from branchmig.errors import RevisionFileError
from branchmig.model import Revision
from branchmig.revisions.revision_file import read_revision
from branchmig.revisions.squash_file import squash_text
from branchmig.revisions.squash_parts import Script

AFTER = Revision("c", ("z",), labels=("users",), depends_on=("y", "x"), replaces=("a", "b"))
HEADER = "from trace import op\nrevision = {id!r}\ndown_revision = None\n"


def scripts(*bodies: str, obstacle: str = "") -> list[Script]:
    """Return a script for each body, with the ids a, b, c; a body is all that follows the header."""
    texts = [HEADER.format(id=item) + body for item, body in zip("abc", bodies, strict=False)]
    revisions = [Revision(item, message=f"step {item}", path=f"/v/{item}.py") for item in "abc"]
    return [
        Script(revision, text.encode(), f"{revision.id}.py", obstacle=obstacle if revision.id == "b" else "")
        for revision, text in zip(revisions, texts, strict=False)
    ]


def run(text: str, name: str, said: list[Any], *given: str) -> None:
    """Run a function of a script, whose `op` notes what it is given."""
    scope: dict[str, Any] = {"OP": said.append, "__file__": "/v/c.py", "__name__": "script"}
    exec(compile(text.replace("from trace import op", "op = OP"), "script", "exec"), scope)
    scope[name](*given)


def traces(*bodies: str) -> tuple[list[Any], list[Any]]:
    """Return what the scripts note, up and then down again, one by one, and what their squash notes."""
    item: list[Any] = []
    each = [script.source.decode() for script in scripts(*bodies)]
    for text in each:
        run(text, "upgrade", item)
    for text in reversed(each):
        run(text, "downgrade", item)
    other: list[Any] = []
    squashed = squash_text(scripts(*bodies), AFTER, "all").decode()
    for name in ("upgrade", "downgrade"):
        run(squashed, name, other)
    return item, other


DOWN = "\ndef downgrade():\n    op('down')\n"


@pytest.mark.parametrize(
    "bodies",
    [
        (
            "def upgrade():\n    op(1)\n" + DOWN,
            "def upgrade(): op(2); op(3)\n" + DOWN,
            "def upgrade():\n\top(4)\n" + DOWN,
        ),
        # Constants, helpers and classes of one name, and what is alike in two of them.
        (
            "N = 1\ndef f():\n    return N\ndef upgrade():\n    op(f())\n" + DOWN,
            "N = 2\ndef f():\n    return N\ndef upgrade():\n    op(f())\n    op([N for _ in range(2)])\n" + DOWN,
            "class f:\n    N = 3\ndef upgrade():\n    op(f.N)\n" + DOWN,
        ),
        # A helper that is alike, over constants that are not; and the other way round.
        (
            "N = 1\ndef f():\n    return N\ndef g():\n    return f()\ndef upgrade():\n    op(g())\n" + DOWN,
            "N = 1\ndef f():\n    return N\ndef g():\n    return f()\ndef upgrade():\n    op(g())\n" + DOWN,
            "N = 2\ndef f():\n    return N\ndef g():\n    return f()\ndef upgrade():\n    op(g())\n" + DOWN,
        ),
        # Locals that would hide a module's names or a builtin; a return amid; a list that is filled.
        (
            "seen = []\ndef upgrade():\n    list = 5\n    op(list)\n    seen.append(1)\n    op(len(seen))\n" + DOWN,
            "seen = []\ndef upgrade():\n    op(list('ab'))\n    seen.append(1)\n    op(len(seen))\n    return\n" + DOWN,
            "def upgrade():\n    seen = 7\n    def inner(list=2):\n        return seen, list\n    op(inner())\n" + DOWN,
        ),
        (
            "def upgrade():\n    list = 5\n    op(list)\n" + DOWN,
            "def upgrade():\n    op(list('ab'))\n" + DOWN,
            "def upgrade():\n    op([list for list in 'cd'])\n" + DOWN,
        ),
        # A helper that is alike in two scripts, of which one has another name for what it uses.
        (
            "def max(*_):\n    return 0\ndef f():\n    return max(1, 2)\ndef upgrade():\n    op(f())\n" + DOWN,
            "def f():\n    return max(1, 2)\ndef upgrade():\n    op(f())\n" + DOWN,
            "def min(*_):\n    return 9\ndef g():\n    return min(1, 2)\ndef upgrade():\n    op(g())\n" + DOWN,
        ),
        (
            "def f():\n    return max(1, 2)\ndef upgrade():\n    op(f())\n" + DOWN,
            "def max(*_):\n    return 0\ndef f():\n    return max(1, 2)\ndef upgrade():\n    op(f())\n" + DOWN,
            "def f():\n    return max(1, 2)\ndef upgrade():\n    op(f())\n" + DOWN,
        ),
        # A builtin that another script replaces; header fields that are read; f-strings; text over several lines.
        (
            "def max(*_):\n    return 0\ndef upgrade():\n    op(max(1, 2))\n    op(f'{revision!r} {down_revision}')\n"
            + DOWN,
            'def upgrade():\n    op(max(1, 2))\n    op("""a\n  b\n\n    c""")\n    op(revision)\n' + DOWN,
            "X = 1\ndef upgrade():\n    global X\n    X += 1\n    op(f'''{X}\n{revision}''')\n" + DOWN,
        ),
        # Imports of one name that bring different things, dotted ones, and one under a condition.
        (
            "from os import sep as p\nimport os.path\ndef upgrade():\n    op(p + os.path.join('a', 'b'))\n" + DOWN,
            "from os import curdir as p\nimport os\ndef upgrade():\n    op(p + os.sep)\n" + DOWN,
            "try:\n    import missing_module as p\nexcept ImportError:\n    p = None\ndef upgrade():\n    op(p)\n"
            + DOWN,
        ),
        # The file's own name, from which scripts find what lies beside them.
        (
            "def upgrade():\n    op(1)\n" + DOWN,
            "def upgrade():\n    op(2)\n" + DOWN,
            "def upgrade():\n    op(__file__)\n" + DOWN,
        ),
        # Nothing to do, as in a merge revision; comments and docstrings.
        (
            'def upgrade():\n    """Up."""\n    # why\n    op(1)  # here\n' + DOWN,
            "def upgrade():\n    pass\ndef downgrade():\n    pass\n",
            "# about f\ndef f():\n    # within\n    return 2\ndef upgrade():\n    op(f())\n" + DOWN,
        ),
    ],
)
def test_a_squash_does_what_its_scripts_did_in_their_order(bodies: tuple[str, ...]) -> None:
    trace, other = traces(*bodies)
    assert trace == other


def test_the_header_is_what_the_graph_reads_and_comments_stay() -> None:
    bodies = ("# why users\nN = 1\ndef upgrade():\n    # at first\n    op(N)  # now\n" + DOWN,) * 2 + (
        "def upgrade():\n    op('c')\n" + DOWN,
    )
    text = squash_text(scripts(*bodies), AFTER, "all of it", "2026-01-02").decode()
    assert read_revision(text.encode(), "p") == Revision(
        "c", ("z",), ("y", "x"), ("users",), "all of it", "p", replaces=("a", "b")
    )
    assert text.count("# why users\nN = 1\n") == 1  # alike in both
    assert text.count("    # at first\n    op(N)  # now\n") == 2
    assert "Create Date: 2026-01-02" in text
    assert [line for line in text.splitlines() if line.startswith("    # ")] == [
        *("    # a: step a", "    # at first", "    # b: step b", "    # at first", "    # c: step c"),
        *("    # c: step c", "    # b: step b", "    # a: step a"),
    ]


def test_a_downgrade_that_cannot_undo_one_of_them_raises_before_anything() -> None:
    bodies = ("def upgrade():\n    op(1)\n" + DOWN,) * 3
    text = squash_text(scripts(*bodies, obstacle="has an empty downgrade()"), AFTER, "all").decode()
    said: list[Any] = []
    with pytest.raises(NotImplementedError, match=r"^c cannot be undone: b has an empty downgrade\(\)$"):
        run(text, "downgrade", said)
    assert said == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "from os.path import *\ndef upgrade():\n    op(1)\n" + DOWN,
            "what 'from os.path import *' brings is not known",
        ),
        ("def upgrade():\n    op(globals()['N'])\nN = 1\n" + DOWN, "it finds names by their text, with globals()"),
        ("def f():\n    pass\nupgrade = f\n" + DOWN, "its upgrade or downgrade is no plain function of the file"),
        ("def upgrade():\n    op(1)\ndef downgrade():\n    upgrade()\n", "calls one of them itself"),
        ("def upgrade(:\n", "it is no Python that compiles"),
    ],
)
def test_what_cannot_be_kept_as_code_is_refused_with_the_reason(body: str, reason: str) -> None:
    fine = "def upgrade():\n    op(1)\n" + DOWN
    with pytest.raises(RevisionFileError) as caught:
        squash_text(scripts(fine, body, fine), AFTER, "all")
    assert caught.value.message.startswith("/v/b.py: the script of 'b' cannot be kept as code: ")
    assert reason in caught.value.message


def test_sql_stands_in_the_place_of_a_script_that_is_no_code() -> None:
    fine = "def upgrade():\n    op(1)\n" + DOWN
    made = scripts(fine, "upgrade = 1\n", fine)
    statement = "INSERT INTO t VALUES ('12:30', ':x', 'a'::text)"
    made[1] = Script(made[1].revision, made[1].source, "b.py", sql=(statement,), sql_reason="why")
    tree = ast.parse(squash_text(made, AFTER, "all"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "sa.text"]
    assert [str(sa.text(ast.literal_eval(call.args[0]))) for call in calls] == [statement]


DISPATCH = """
def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()


def downgrade(engine_name: str) -> None:
    globals()[f"downgrade_{{engine_name}}"]()


N = {0!r}


def upgrade_one():
    op(("one", N))


def downgrade_one():
    op(("undo one", N))
"""


def test_scripts_for_several_databases_keep_a_function_for_each() -> None:
    two = "\n\ndef upgrade_two():\n    op('two')\n\n\ndef downgrade_two():\n    pass\n"
    made = scripts(DISPATCH.format("a"), DISPATCH.format("b") + two, DISPATCH.format("c"))
    text = squash_text(made, AFTER, "all").decode()
    said: list[Any] = []
    for name, engine in (("upgrade", "one"), ("upgrade", "two"), ("downgrade", "one"), ("downgrade", "two")):
        run(text, name, said, engine)
    ups, downs = [("one", one) for one in "abc"], [("undo one", one) for one in "cba"]
    assert said == [*ups, "two", *downs]
    made = scripts(DISPATCH.format("a"), DISPATCH.format("b"), DISPATCH.format("c"), obstacle="cannot")
    with pytest.raises(NotImplementedError):
        run(squash_text(made, AFTER, "all").decode(), "downgrade", said, "one")


def test_a_class_that_a_text_names_is_not_given_another_name() -> None:
    model = "class User:\n    posts = relationship('Post')\nclass Post:\n    pass\ndef upgrade():\n    op(1)\n" + DOWN
    with pytest.raises(RevisionFileError, match="a text in it names the class 'Post', as of a relationship"):
        squash_text(scripts(model, model, model), AFTER, "all")

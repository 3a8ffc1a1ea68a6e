"""Headers that are computed: alembic runs the files to read them, branchmig folds their text and reads the same."""

# ruff: noqa: E501 - a table of headers

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from branchmig.model import Revision
from branchmig.revisions.project_modules import ProjectModules
from branchmig.revisions.revision_file import read_placed, read_revision
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CONSTANTS = """\
from enum import Enum
from .more import CONTRACT, SUFFIX

EXPAND_BRANCH = "expand"
BRANCHES = (EXPAND_BRANCH, CONTRACT + SUFFIX)


class Labels:
    AUDIT = "audit"


class Special(Labels):
    NEW = "new"


class Lines(str, Enum):
    RELEASE = "release"


class Plain(Enum):
    OLD = "old"


def computed():
    return "unknown"
"""

# The file's name, its header, and what only running it shows. Each stands on the one before it.
FORMS = {
    "r01.py": "revision, down_revision = 'r01', None",
    "r02.py": "PREVIOUS = 'r01'\nrevision = 'r02'\ndown_revision = PREVIOUS",
    "r03.py": "revision = 'r0' + '3'\ndown_revision = 'r%02d' % 2",
    "r04.py": "NUMBER = 4\nrevision = f'r{NUMBER:02d}'\ndown_revision = f'r{NUMBER - 1:02d}'",
    "r05.py": "from pathlib import Path\nrevision = Path(__file__).stem\ndown_revision = 'r04'",
    "r06_more.py": "import os\nrevision = os.path.splitext(os.path.basename(__file__))[0].split('_')[0]\ndown_revision = 'r05'",
    "r07.py": "revision = ''.join(['r', '0', str(7)])\ndown_revision = '{}{x}'.format('r0', x=6)",
    "r08.py": "revision = 'r08'\ndown_revision = 'r07' if len('abc') == 3 else 'no'",
    "r09.py": "from shop.constants import EXPAND_BRANCH\nrevision = 'r09'\ndown_revision = 'r08'\nbranch_labels = (EXPAND_BRANCH,)",
    "r10.py": "from shop import constants as c\nrevision = 'r10'\ndown_revision = 'r08'\nbranch_labels = c.BRANCHES[1:]",
    "r11.py": "import shop.constants\nrevision = 'r11'\ndown_revision = 'r09'\nbranch_labels = [shop.constants.Labels.AUDIT]",
    "r12.py": "from shop.constants import Lines\nrevision = 'r12'\ndown_revision = 'r11'\nbranch_labels = Lines.RELEASE",
    "r13.py": "from shop.constants import Plain\nrevision = 'r13'\ndown_revision = 'r12'\nbranch_labels = Plain.OLD.value",
    "r14.py": "from shop.constants import *\nrevision = 'r14'\ndown_revision = 'r13'\ndepends_on = (*BRANCHES[1:], 'r10')",
    "r15.py": "LEVEL = 2\nif LEVEL > 1:\n    revision = 'r15'\nelse:\n    revision = 'no'\ndown_revision = ('r14',)",
    "r16.py": "_ids = {'up': 'r16', 'down': 'r15'}\nrevision = _ids['up']\ndown_revision = _ids.get('down')",
    "r17.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    revision = 'no'\nrevision = 'r17'\ndown_revision = tuple(f'r{n}' for n in (16,))",
    "r18.py": "revision = down = 'r18'\n(down_revision, *_), x = ['r17', 'y'], 1",
    "r19.py": "import pathlib\nHERE = pathlib.Path(__file__).resolve()\nrevision = HERE.with_suffix('').name.upper().lower()\ndown_revision = 'r1' * 1 + '8'",
    "r20.py": "(revision := 'r20')\nif (n := len('r19')) == 3:\n    down_revision = f'r{n + 16}'\nbranch_labels = {'twenty'}",
    "r21_x.py": "revision = __name__.split('_')[0]\nIDS = {**{'down': 'r20'}, 'x': chr(97)}\ndown_revision = IDS['down']",
    "r22.py": "from shop.constants import Special\nrevision = 'r22'\ndown_revision = 'r2' + str(7 // 4)\nbranch_labels = (Special.NEW, Special.AUDIT + '2')\nif __name__ == '__main__':\n    revision = 'no'",
    "r23.py": "import posixpath\nrevision = posixpath.basename(__file__)[:-3]\ndown_revision = next_ = [f'r{n}' for n, _ in enumerate('ab', 21)][-1]\ndepends_on = []",
}
BODY = "\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A package of the project with the constants that its revisions import, as OpenStack's neutron has."""
    repo = Checkout(tmp_path_factory.mktemp("shop") / "repo")
    package = repo.top / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "constants.py").write_text(CONSTANTS)
    (package / "more.py").write_text("CONTRACT = 'contr'\nSUFFIX = 'act'\n")
    for name, header in FORMS.items():
        (repo.versions / name).write_text(f"{header}\n{BODY}")
    repo.commit()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo.top))
        yield repo
    for name in [module for module in sys.modules if module.partition(".")[0] == "shop"]:
        del sys.modules[name]


def alembics(repo: Checkout) -> dict[str, tuple[object, ...]]:
    """Return what alembic reads of each revision: parents, dependencies and labels of its own."""
    config = Config(str(repo.root / "alembic.ini"))
    config.set_main_option("script_location", str(repo.migrations))
    return {
        walk_revision.revision: (
            walk_revision._versioned_down_revisions,
            set(walk_revision._resolved_dependencies),
            set(walk_revision._orig_branch_labels),
        )
        for walk_revision in ScriptDirectory.from_config(config).walk_revisions()
    }


def ours(repo: Checkout, *options: str) -> dict[str, tuple[object, ...]]:
    document = json.loads(repo.branchmig("history", "--format", "json", *options).stdout)
    return {item["revision"]: (tuple(item["down_revision"]), set(item["depends_on"])) for item in document["history"]}


@pytest.mark.heavy
@pytest.mark.parametrize("at", ["worktree", "index", "HEAD"])
def test_what_alembic_reads_branchmig_reads_at_every_place(shop: Checkout, at: str) -> None:
    expected = alembics(shop)
    assert len(expected) == len(FORMS)
    assert ours(shop, "--at", at) == {item: (parents, needed) for item, (parents, needed, _) in expected.items()}
    for label in {label for _, _, labels in expected.values() for label in labels}:
        owner = next(item for item, (_, _, labels) in expected.items() if label in labels)
        assert shop.branchmig("show", label, "--at", at).stdout.startswith(f"Rev: {owner}"), label


def test_a_constant_is_read_at_the_place_that_is_looked_at(shop: Checkout) -> None:
    path = shop.top / "shop" / "constants.py"
    before = path.read_text()
    path.write_text(before.replace('"expand"', '"widen"'))
    try:
        assert shop.branchmig("show", "widen").exit_code == 0
        assert shop.branchmig("show", "widen", "--at", "index").exit_code == 3
        assert shop.branchmig("show", "expand", "--at", "index").exit_code == 0
        shop.git("add", ".")
        assert shop.branchmig("show", "widen", "--at", "index").exit_code == 0
        assert shop.branchmig("show", "widen", "--at", "HEAD").exit_code == 3
    finally:
        path.write_text(before)
        shop.git("add", ".")


# --- what cannot be known


@pytest.fixture
def unsure(tmp_path: Path) -> Checkout:
    """aaa1 has a label that only running it shows; bbb2 stands on it."""
    repo = Checkout(tmp_path / "repo")
    header = "import os\nopen('ran', 'a').close()\nrevision = 'aaa1'\ndown_revision = None\n"
    (repo.versions / "aaa1.py").write_text(f"{header}branch_labels = (os.environ.get('LINE', 'shipping'),)\n{BODY}")
    repo.revision("bbb2", "aaa1", labels=("known",))
    repo.commit()
    return repo


def test_a_label_that_cannot_be_known_costs_only_what_needs_it(unsure: Checkout) -> None:
    assert unsure.heads() == ["bbb2"]
    assert unsure.branchmig("upgrade", "heads").exit_code == 0
    assert unsure.branchmig("show", "known").exit_code == 0
    assert unsure.branchmig("show", "aaa1").exit_code == 0
    answer = unsure.branchmig("show", "shipping")
    assert answer.exit_code == 3
    assert "no revision or branch label 'shipping' is known, but the labels computed at " in answer.stderr
    assert "aaa1.py:5 are not" in answer.stderr
    unsure.revision("ccc3", "bbb2", depends_on=("shipping",))
    assert "no revision and no branch label that is known" in unsure.branchmig("heads").stderr


def test_a_policy_about_labels_cannot_be_checked_then(unsure: Checkout) -> None:
    with (unsure.root / "alembic.ini").open("a") as file:
        file.write("\n[branchmig]\npolicy = one-head-per-label\n")
    answer = unsure.branchmig("guard", "--format", "json")
    assert answer.exit_code == 3
    assert [item["code"] for item in json.loads(answer.stdout)["unchecked"]] == ["multiple-heads"]


def test_headers_of_the_work_tree_are_run_where_the_project_says_so(
    unsure: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(unsure.top)
    with (unsure.root / "alembic.ini").open("a") as file:
        file.write("\n[branchmig]\ntrust_headers = import\n")
    unsure.git("config", "branchmig.trustHeaders", "import")
    assert unsure.branchmig("show", "shipping").stdout.startswith("Rev: aaa1")
    ran = unsure.top / "ran"
    ran.unlink()
    assert unsure.branchmig("show", "shipping", "--at", "HEAD").exit_code == 3
    assert unsure.branchmig("guard", "--at", "index").exit_code in (0, 3)
    unsure.branchmig("hooks", "run", "pre-commit")
    unsure.branchmig("hooks", "run", "post-checkout", "HEAD", "HEAD", "1")
    assert not ran.exists()
    (unsure.versions / "ccc3.py").write_text(
        f"revision = 'ccc3'\ndown_revision = 'bbb2'.removesuffix(str(1 / 0))\n{BODY}"
    )
    answer = unsure.branchmig("heads")
    assert answer.exit_code == 3
    assert "running it for its header, as trust_headers says, failed: ZeroDivisionError" in answer.stderr


def test_a_parent_whose_file_cannot_be_read_is_not_said_to_be_missing(unsure: Checkout) -> None:
    """Neither 'does not exist' nor 'restore the file' is true of it."""
    (unsure.versions / "ccc3.py").write_text(f"revision = 'ccc3'\ndown_revision = open('x').read()\n{BODY}")
    unsure.revision("ddd4", "ccc3")
    answer = unsure.branchmig("heads")
    assert answer.exit_code == 3
    assert "ccc3.py:2: down_revision is computed" in answer.stderr
    assert "ddd4" not in answer.stderr
    (unsure.versions / "ccc3.py").write_text(f"revision = open('x').read()\ndown_revision = 'bbb2'\n{BODY}")
    answer = unsure.branchmig("heads")
    assert "ccc3.py:1: revision is computed" in answer.stderr
    assert "does not exist" not in answer.stderr
    assert "is in no file that can be read" in answer.stderr


def test_reading_imports_nothing_of_the_project(shop: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.top / "shop" / "loud.py").write_text("EXTRA = 'extra'\nraise SystemExit('it ran')\n")
    path = shop.versions / "zz.py"
    path.write_text(
        f"from shop.loud import EXTRA\nrevision = 'zz'\ndown_revision = 'r19'\nbranch_labels = EXTRA\n{BODY}"
    )
    monkeypatch.setattr(sys, "path", [item for item in sys.path if item != str(shop.top)])
    try:
        assert shop.branchmig("show", "extra").stdout.startswith("Rev: zz")
        assert "shop.loud" not in sys.modules
    finally:
        path.unlink()


def test_a_sibling_takes_its_labels_from_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenStack's networking-sfc does from neutron; its text is read, at whatever place of git the revision is."""
    site = tmp_path / "site-packages"
    package = site / "trunk" / "db"
    package.mkdir(parents=True)
    (site / "trunk" / "__init__.py").write_text("raise SystemExit('it ran')\n")
    (package / "__init__.py").touch()
    (package / "cli.py").write_text("from trunk.names import EXPAND as _EXPAND\nEXPAND_BRANCH = _EXPAND\n")
    (site / "trunk" / "names.py").write_text("import os\nEXPAND = 'expand'\nFOLDER = os.environ['NOWHERE']\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    repo = Checkout(tmp_path / "repo")
    header = "from trunk.db import cli\nrevision = 'aaa1'\ndown_revision = None\nbranch_labels = (cli.EXPAND_BRANCH,)\n"
    (repo.versions / "aaa1.py").write_text(header + BODY)
    repo.revision("bbb2", "aaa1")
    repo.commit()
    for at in ("worktree", "index", "HEAD"):
        answer = repo.branchmig("show", "expand@head", "--at", at)
        assert (answer.stdout[:9], answer.stderr) == ("Rev: bbb2", "")
    (repo.top / "trunk.py").write_text("the project's own is not the installed package\n")
    answer = repo.branchmig("heads", "--format", "json")
    assert json.loads(answer.stdout)["heads"][0]["branch_labels"] == []
    assert answer.stderr == (
        "warning: branch_labels at migrations/versions/aaa1.py:4 cannot be known without running the file\n"
    )
    entry = json.loads(repo.branchmig("show", "aaa1", "--format", "json").stdout)["revisions"][0]
    assert (entry["branch_labels"], entry["unknown_labels"]) == ([], True)


def test_looking_for_a_module_is_a_single_reading() -> None:
    """At a git place each reading is a process, and neutron has 50 folders that a module may be in."""
    readings: list[list[str]] = []

    def read(paths: Sequence[str]) -> list[bytes | None]:
        readings.append(list(paths))
        return [b"NAME = 'expand'\n" if path == "/repo/3/shop/cli.py" else None for path in paths]

    modules = ProjectModules(lambda: [f"/repo/{number}" for number in range(50)], read)
    header = b"from shop.cli import NAME\nrevision = 'aaa1'\ndown_revision = None\nbranch_labels = (NAME,)\n"
    content, _ = read_placed(header, "/repo/versions/aaa1.py", modules)
    assert isinstance(content, Revision)
    assert content.labels == ("expand",)
    assert [len(paths) for paths in readings] == [100]


# Forms that a wrong shortcut would answer for. What Python makes of each is the answer, or there is none.
STATEMENTS = [
    "depends_on = ['a']\ndepends_on.append('b')",
    "depends_on = ['a']\nx = depends_on\nx += ['b']",
    "depends_on = set()\ndepends_on.add('a')",
    "depends_on = {'a'}\nif 'a' in depends_on:\n    pass",
    "x = 'a'\ny = 0 and (x := 'b')\ndepends_on = x",
    "x = [y := 'a', y]\ndepends_on = x[1:]",
    "x = 'a'\nz = (y := x for x in 'bc')\ny = 'd'\nlist(z)\ndepends_on = y",
    "import os\nx = 'a'\ny = (x := 'b') if os.getpid() else (x := 'c')\ndepends_on = x",
    "class A:\n    X = 'a'\nclass B(A):\n    Y = A.X\n    X = 'b'\ndepends_on = (B.X, B.Y, A.X)",
    "x = ['a']\ny = x\ny += ['b']\ndepends_on = x",
    "x = 1.5\nx %= 2\ndepends_on = 'a'",
    "import os\nx = '%s'\nx %= os\ndepends_on = 'a'",
    "from pathlib import Path\nx = Path('a')\nx /= 'b'\ndepends_on = (str(x), x.parent.name, (x / 'c.d').stem)",
    "from pathlib import Path\ndepends_on = (Path('/a/b.c').with_suffix('.d').as_posix(), str(Path('a/b').parents[0]))",
    "x = (['b'],)\nx[0].append('c')\ndepends_on = x[0]",
    "x = ['a']\nf = x.append\nf('b')\ndepends_on = x",
    "x = ['a']\ny = [x]\ny[0].append('b')\ndepends_on = x",
    "x = {'a'}\ny = x\nx.add('b')\ndepends_on = y",
    "x = ['a']\ndef f():\n    x.append('b')\nf()\ndepends_on = x",
    "x = 'a'\ndef f():\n    global x\n    x = 'b'\nf()\ndepends_on = x",
    "x = 'a'\nglobals()['x'] = 'b'\ndepends_on = x",
    "x = ['a']\n@(lambda f: x.append('c'))\ndef g(): pass\ndepends_on = x",
    "x = ['a']\nclass K:\n    y = x\n    y.append('k')\ndepends_on = x",
    "class C:\n    x = 'a'\nC.x = 'b'\ndepends_on = C.x",
    "class C:\n    x = ['a']\nC.x.append('b')\ndepends_on = C.x",
    "import enum\nclass C(enum.Enum):\n    A = 'a'\n    B = A\ndepends_on = C.B.name",
    "import enum\nclass C(str, enum.Enum):\n    A = 'a'\n    def __str__(self):\n        return 'b'\ndepends_on = '%s' % C.A",
    "import enum\nclass C(enum.StrEnum):\n    ONE = enum.auto()\ndepends_on = C.ONE",
    "import os\ndepends_on = 'posix' if os.name == 'posix' else 'nt'",
    "import sys\nif sys.platform == 'nowhere':\n    depends_on = 'a'",
    "from pathlib import Path\ndepends_on = str(Path('a//b/./c/'))",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    depends_on = 'a'",
    "if not 1:\n    depends_on = 'a'",
]


@pytest.mark.parametrize("statements", STATEMENTS)
def test_a_value_is_what_python_makes_of_it_or_unknown(statements: str) -> None:
    text = f"revision = 'r'\ndown_revision = None\n{statements}\n"
    made: dict[str, object] = {}
    exec(text, made)
    value = made.get("depends_on")
    expected = sorted([value] if isinstance(value, str) else value or ())  # type: ignore[call-overload]
    read = read_revision(text.encode(), "r.py")
    if isinstance(read, Revision):
        assert sorted(read.depends_on) == expected
    else:
        assert "is computed" in read.message


def test_what_stands_below_type_checking_binds_nothing() -> None:
    text = b"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    branch_labels = ('a',)\n"
    read = read_revision(text + b"revision = 'r'\ndown_revision = None\n", "r.py")
    assert isinstance(read, Revision)
    assert (read.labels, read.unknown_labels) == ((), "")

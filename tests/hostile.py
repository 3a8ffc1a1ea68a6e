"""A checkout whose every file that could be run leaves a mark when it is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

PLANTED = "import os\nopen(os.path.join({marks!r}, {name!r}), 'w').close()\nraise ImportError('planted')\n"
COMMAND = "#!/bin/sh\ntouch '{marks}/{name}'\ncat\n"

READ_IN_CHILDREN = """
import os, sys
from branchmig.cli import run, suggest

marks, *lines = sys.argv[1:]
for line in lines:
    child = os.fork()
    if not child:
        words = line.split(" ")
        before = list(sys.path)
        code = suggest("zsh", words[1:]) if words[0] == "COMPLETE" else run([word for word in words if word])
        if sys.path != before:
            open(os.path.join(marks, "sys.path"), "w").close()
        sys.stdout.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write(f"\\n@@ {code} {line} @@ {' '.join(sorted(os.listdir(marks)))}\\n")
    sys.stdout.flush()
    for name in os.listdir(marks):
        os.unlink(os.path.join(marks, name))
"""


@cache
def imported_names() -> frozenset[str]:
    """Return every top-level name that branchmig imports from elsewhere, and those of what it depends on."""
    ours = source_names()
    return frozenset(ours | _packages_of(ours))


def source_names() -> set[str]:
    """Return every top-level name that branchmig's sources import from elsewhere."""
    found: set[str] = set()
    for path in (ROOT / "branchmig").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                found |= {
                    item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)
                }
    return {name.partition(".")[0] for name in found} - {"branchmig", "__future__"}


def _packages_of(names: set[str]) -> set[str]:
    """Return the top-level names of the distributions that some packages come from, and of what those require."""
    providers = metadata.packages_distributions()
    waiting = {provider for name in names for provider in providers.get(name, ())}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting |= {re.split(r"[^\w.-]", require, maxsplit=1)[0] for require in requires if "extra ==" not in require}
    return {
        package
        for package, owners in providers.items()
        if package.isidentifier() and {owner.lower().replace("_", "-") for owner in owners} & seen
    }


def plant(checkout: Checkout, marks: Path) -> None:
    """Make a checkout in which everything that somebody might run or evaluate leaves a mark: 'aaa1' on both branches,
    'bbb2' on main, 'ccc3' on feature, which is checked out; both have edited the same files."""
    marks.mkdir()
    top = checkout.top
    for number, name in enumerate(sorted(imported_names())):
        text = PLANTED.format(marks=str(marks), name=name)
        if number % 2:
            (top / f"{name}.py").write_text(text)
        else:
            (top / name).mkdir()
            (top / name / "__init__.py").write_text(text)
    package = top / "planted_package"
    package.mkdir()
    checkout.migrations.rename(package / "migrations")
    checkout.migrations = package / "migrations"
    checkout.versions = checkout.migrations / "versions"
    places = ("sitecustomize.py", "usercustomize.py", "conftest.py", "planted_package/__init__.py")
    below = ("__init__.py", "env.py", "versions/__init__.py")
    for name in (*places, *(f"planted_package/migrations/{revision_id}" for revision_id in below)):
        (top / name).write_text(PLANTED.format(marks=str(marks), name=name.replace("/", ".")))
    (checkout.migrations / "script.py.mako").write_text(f"<% open({str(marks / 'mako')!r}, 'w').close() %>")
    (top / "alembic.ini").write_text(HOSTILE_INI.format(marks=marks))
    (top / ".gitattributes").write_text("* filter=planted diff=planted merge=planted\n*.txt filter=a=b\n")
    shared = checkout.versions / "shared.txt"
    shared.write_text("".join(f"{number}\n" for number in range(20)))
    _trap(checkout, marks, "aaa1")
    checkout.commit("base")
    checkout.git("branch", "feature")
    shared.write_text(f"main\n{shared.read_text()}")
    _trap(checkout, marks, "bbb2", "aaa1")
    checkout.commit("on main")
    checkout.git("switch", "--quiet", "feature")
    shared.write_text(f"{shared.read_text()}feature\n")
    _trap(checkout, marks, "ccc3", "aaa1")
    checkout.commit("on feature")
    _plant_git_commands(checkout, marks)
    # git compares the content of a file whose time has changed, and would run its filter for that.
    for path in (shared, checkout.versions / "aaa1.py"):
        os.utime(path, (1, 1))


def _trap(checkout: Checkout, marks: Path, revision: str, *parents: str) -> None:
    path = checkout.revision(revision, *parents)
    path.write_text(f"{path.read_text()}\nopen({str(marks / path.name)!r}, 'w').close()\n")


HOSTILE_INI = """\
[alembic]
script_location = planted_package:migrations
prepend_sys_path = .
path_separator = os
file_template = %%(nothing)s {marks}
timezone = ../../planted
sqlalchemy.url = sqlite://

[post_write_hooks]
hooks = planted
planted.type = exec
planted.executable = {marks}/../hook

[loggers]
keys = root
[handlers]
keys = planted
[formatters]
keys =
[logger_root]
handlers = planted
[handler_planted]
class = StreamHandler
args = (open('{marks}/logging', 'w'),)
"""


def _plant_git_commands(checkout: Checkout, marks: Path) -> None:
    """Give the repository's local configuration every command that git might run by itself."""
    for key in (
        *("core.fsmonitor", "core.hooksPath", "core.editor", "core.sshCommand", "core.askPass", "diff.external"),
        *("filter.planted.clean", "filter.planted.smudge", "filter.planted.process", "diff.planted.textconv"),
        *(
            "filter.a=b.clean",
            "filter.a=b.smudge",
            "filter.a=b.process",
            "diff.planted.command",
            "merge.planted.driver",
            "gpg.program",
            "credential.helper",
        ),
    ):
        name = f"git.{key}"
        path = marks.parent / name
        if key == "core.hooksPath":
            path.mkdir()
            for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
                (path / hook).write_text(COMMAND.format(marks=marks, name=f"hook.{hook}"))
                (path / hook).chmod(0o755)
        else:
            path.write_text(COMMAND.format(marks=marks, name=name))
            path.chmod(0o755)
        checkout.git("config", key, str(path))
    checkout.git("config", "filter.planted.required", "true")
    checkout.git("config", "log.showSignature", "true")


def read_all(
    checkout: Checkout, marks: Path, lines: list[str], *, prepended: bool = False
) -> dict[str, tuple[int, str]]:
    """Run each command line in a process of its own; return how it ended and the marks that it left.

    With `prepended`, the checkout comes first on sys.path, as if a reader had put it there.
    """
    program = f"import sys; sys.path.insert(0, {str(checkout.top)!r})\n" if prepended else ""
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"from branchmig import cli\n{program}{READ_IN_CHILDREN}", str(marks), *lines],
        cwd=checkout.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=True,
    )
    found = {}
    for code, line, left in re.findall(r"^@@ (\d+) (.*) @@ (.*)$", done.stdout, re.MULTILINE):
        found[line] = int(code), left
    assert list(found) == lines, done
    assert "Traceback" not in done.stderr or prepended, done.stderr
    return found

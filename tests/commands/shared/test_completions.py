"""What a shell is told that a half-typed command line could become."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import chdir
from typing import TYPE_CHECKING

import click
import pytest

from branchmig import cli
from branchmig.commands.shared.completions import Typed, suggestions, typed_in
from branchmig.commands.shared.options import FILE, REF
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout
    from tests.support import ProjectFolder

BREAKS = " \t\n\"'@><=;|&(:"


def values(project: ProjectFolder, *words: str) -> list[str]:
    return [line.partition("\t")[0] for line in told(project, *words)]


def told(project: ProjectFolder, *words: str, shell: str = "zsh") -> list[str]:
    with chdir(project.root):
        return suggestions(cli.cli, shell, words)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("branchmig", Typed((), "branchmig")),
        ("branchmig ", Typed(("branchmig",), "")),
        ("branchmig  upgrade a", Typed(("branchmig", "upgrade"), "a")),
        ("branchmig 'a b", Typed(("branchmig",), "a b", "'")),
        ('branchmig "a\\"b', Typed(("branchmig",), 'a"b', '"')),
        ("branchmig a\\ b", Typed(("branchmig",), "a b")),
        ("branchmig 'a b' c", Typed(("branchmig", "a b"), "c")),
        ("branchmig ''", Typed(("branchmig",), "")),
        ("branchmig '' ", Typed(("branchmig", ""), "")),
        ("true; branchmig up", Typed(("branchmig",), "up")),
        ("x && A=1 B=2 branchmig up", Typed(("branchmig",), "up")),
        ("x || $(branchmig up", Typed(("branchmig",), "up")),
        ("branchmig a\\", Typed(("branchmig",), "a")),
        ("", Typed((), "")),
    ],
)
def test_a_command_line_is_split_as_a_shell_does(line: str, expected: Typed) -> None:
    assert typed_in(line) == expected


def test_commands_come_with_what_they_do(parted: Checkout) -> None:
    assert told(parted, "sta") == [
        "stamp\tSet the version table without running anything.",
        "states\tList, prune or drop cached states of databases.",
        "status\tShow git, the graph and the databases on one screen.",
    ]


def test_revisions_come_newest_first_with_their_messages(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3", labels=("users",), message="two\nlines", depends_on=())
    assert told(parted, "upgrade", "") == [
        "head\tthe head",
        "heads\tevery head",
        "base\tbefore the first revision",
        "current\twhat the database is at",
        "users@head\tthe head with this label",
        "ddd4\ttwo",
        "ccc3\tstep ccc3",
        "aaa1\tstep aaa1",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("upgrade", "cc"), ["ccc3"]),
        (("upgrade", "users@"), ["users@head", "users@heads", "users@base", "users@current"]),
        (("upgrade", "--sql", "aaa1:c"), ["aaa1:current", "aaa1:ccc3"]),
        (("history", "-r", "aaa1:users@h"), ["aaa1:users@head", "aaa1:users@heads"]),
        (("history", "--rev-range=:c"), ["--rev-range=:current", "--rev-range=:ccc3"]),
        (("merge", "aaa1", "cc"), ["ccc3"]),
        (("downgrade", "ba"), ["base"]),
        (("upgrade", "--plan", "--from", "cc"), ["ccc3"]),
        (("revision", "--head", "cc"), ["ccc3"]),
        (("revision", "--depends-on=cc"), ["--depends-on=ccc3"]),
        (("show", "bb"), []),
        (("show", "--at", "main", "bb"), ["bbb2"]),
        (("show", "--at=main", "bb"), ["bbb2"]),
        (("history", "--at", "main", "-r", "bb"), ["bbb2"]),
        (("guard", "--at", "w"), ["worktree"]),
        (("guard", "--at", "ma"), ["main"]),
        (("guard", "--merged-with", ""), ["HEAD", "feature", "fix/one", "main", "origin/main", "origin/remote", "v1"]),
        (("guard", "--merged", "fi"), ["fix/one"]),
        (("switch", ""), ["feature", "fix/one", "main", "remote"]),
        (("switch", "-c", "new", "ma"), ["main"]),
        (("forecast", "main", "fi"), ["fix/one"]),
        (("graph", "--format", "m"), ["mermaid"]),
        (("graph", "--form", "m"), ["mermaid"]),
        (("graph", "--no-p"), ["--no-pager"]),
        (("hooks", ""), ["install", "run", "status", "uninstall"]),
        (("-q", "upg"), ["upgrade"]),
        (("-n", "alembic", "upg"), ["upgrade"]),
        (("list-templates", "--"), ["--help"]),
        (("--qui",), ["--quiet"]),
        (("completion", ""), ["bash", "fish", "zsh"]),
        (("upgrade", "aaa1", ""), []),
        (("nothing", ""), []),
        ((), sorted(cli.COMMANDS)),
    ],
)
def test_what_a_value_could_be(words: tuple[str, ...], expected: list[str], parted: Checkout) -> None:
    for command in (
        ("branch", "fix/one"),
        ("tag", "v1"),
        ("update-ref", "refs/remotes/origin/main", "main"),
        ("update-ref", "refs/remotes/origin/remote", "main"),
        ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"),
    ):
        parted.git(*command)
    assert values(parted, *words) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("branchmig upgrade users@he", ["@head", "@heads"]),
        ("branchmig history -r aaa1:cc", ["ccc3"]),
        ("branchmig history -r=aaa1:cc", ["ccc3"]),
        ("branchmig history --rev-range=aaa1:cc", ["ccc3"]),
        ("branchmig history -r 'aaa1:cc", ["aaa1:ccc3"]),
        ("branchmig guard --at od", ["odd\\$na\\'me\\&"]),
        ('branchmig guard --at "od', ["odd\\$na'me&"]),
        ("branchmig guard --at 'od", []),
        ("branchmig -c x", ["\tfile"]),
        ("branchmig graph -o ", ["\tfile"]),
    ],
)
def test_bash_is_given_what_it_puts_in_the_place_of_its_last_word(
    typed: str, expected: list[str], parted: Checkout
) -> None:
    parted.git("branch", "odd$na'me&")
    assert told(parted, typed, BREAKS, shell="bash") == expected


def test_fish_gives_its_last_word_with_quotes(parted: Checkout) -> None:
    assert told(parted, "upgrade", "'cc", shell="fish") == ["ccc3\tstep ccc3"]


def test_a_message_cannot_break_a_line(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3", message="tab\there \x1b[2J bell\x07")
    assert told(parted, "upgrade", "dd") == ["ddd4\ttab here [2J bell"]


def test_of_a_graph_that_is_not_sound_the_ids_are_known(parted: Checkout) -> None:
    parted.revision("ddd4", "zzz9")
    assert values(parted, "show", "ddd") == ["ddd4"]


def test_of_many_revisions_the_newest_are_offered_until_something_is_typed(repo: Checkout) -> None:
    above: tuple[str, ...] = ()
    for number in range(150):
        repo.revision(f"r{number:03}", *above)
        above = (f"r{number:03}",)
    found = values(repo, "show", "")
    assert found[4:6] == ["r149", "r148"]
    assert len(found) == 104
    assert len(values(repo, "show", "r")) == 150


def completed(folder: Path, *words: str, shell: str = "zsh") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "branchmig", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "_BRANCHMIG_COMPLETE": shell},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_goes_wrong_is_never_written_into_the_line(parted: Checkout, tmp_path: Path) -> None:
    """No settings, no git, settings that cannot be read, options that cannot be understood, a package that prints."""
    (tmp_path / "empty").mkdir()
    ini = parted.root / "alembic.ini"
    sound = ini.read_text()
    found = [
        completed(tmp_path / "empty", *words) for words in (("upgrade", ""), ("guard", "--at", ""), ("switch", ""))
    ]
    for text in ("[alembic\n", sound.replace("%(here)s/migrations", "package_that_prints:migrations")):
        ini.write_text(text)
        (parted.root / "package_that_prints.py").write_text("print('hello')\nraise SystemExit('bye')\n")
        found.append(completed(parted.root, "upgrade", ""))
    found.append(completed(parted.root, "guard", "--m", "x", "--no-such", ""))
    assert {(item.returncode, item.stderr) for item in found} == {(0, "")}
    assert [item.stdout for item in found] == ["", "worktree\tthe files as they are\n", *[""] * 4]


def test_refs_need_no_project(parted: Checkout) -> None:
    (parted.root / "alembic.ini").unlink()
    assert completed(parted.root, "guard", "--merged-with", "ma").stdout == "main\tbranch\n"


PROGRAM = """
import sys
from branchmig import cli
code = cli.suggest(sys.argv[1], sys.argv[2:])
print(code, *sys.modules)
"""


@pytest.mark.parametrize(
    "words",
    [("upgrade", ""), ("upgrade", "cc"), ("history", "-r", "aaa1:"), ("guard", "--at", ""), ("switch", ""), ("",)],
    ids=" ".join,
)
def test_it_loads_no_heavy_package_and_no_other_command(words: tuple[str, ...], parted: Checkout) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, "zsh", *words],
        cwd=parted.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert {"alembic", "git", "mako", "networkx", "rich", "sqlalchemy"}.isdisjoint(modules)
    loaded = {f"branchmig.commands.{name}" for name in cli.COMMANDS}.intersection(modules)
    assert loaded == ({f"branchmig.commands.{words[0]}"} if words[0] else set())


def test_every_option_says_what_it_takes() -> None:
    """A ref, a revision or a file that is asked for can be completed, whatever the command."""
    wanted = {"REF", "PLACE", "REV", "FILE", "[START]:[END]", "[PLACE]", "[BRANCH]..."}
    plain = [
        (name, parameter.name)
        for name, command in cli.command_table().items()
        for parameter in command.params
        if getattr(parameter, "metavar", None) in wanted
        and not isinstance(parameter.type, type(REF) | type(FILE))
        and parameter.type.__class__.shell_complete is click.ParamType.shell_complete
    ]
    assert plain == []


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_the_script_is_printed_and_nothing_said_beside_it(shell: str, parted: Checkout) -> None:
    printed = parted.branchmig("completion", shell)
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout == (ROOT / "branchmig" / "templates" / f"completion.{shell}").read_text()


def test_another_shell_is_refused(parted: Checkout) -> None:
    told = parted.branchmig("completion", "tcsh")
    assert told.exit_code == 2
    assert "'tcsh' is not one of 'bash', 'fish', 'zsh'." in told.stderr

"""Completion in real shells: what is typed, TAB, and what the command line is then."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tests import forks
from tests.conftest import ROOT
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60
"""Seconds for a shell on a busy machine."""

ALONE = {
    "bash": ["--noprofile", "--norc", "-i"],
    "fish": ["--no-config", "-i"],
    "zsh": ["-f", "-i"],
}
# Ctrl-G writes the command line into a FIFO.
SETUP = {
    "bash": """
        bind 'set bell-style none'; PS1='> '
        source {script}
        bind -x '"\\C-g": printf "%s\\0" "$READLINE_LINE" > {fifo}'
        printf 'ready\\0' > {fifo}
    """,
    "fish": """
        source {script}
        function fish_prompt; echo '> '; end
        bind \\cg 'printf "%s\\0" (commandline) > {fifo}'
        printf 'ready\\0' > {fifo}
    """,
    "zsh": """
        unsetopt beep; PS1='> '; autoload -Uz compinit; compinit -u -D
        source {script}
        dump() {{ print -rn -- "$BUFFER"$'\\0' > {fifo} }}; zle -N dump; bindkey '^G' dump
        printf 'ready\\0' > {fifo}
    """,
}


class Shell:
    """An interactive shell on a terminal of its own, with the completion that branchmig prints."""

    def __init__(self, name: str, folder: Path, checkout: Checkout, environment: dict[str, str]) -> None:
        self.name = name
        fifo, script = folder / "fifo", folder / f"completion.{name}"
        printed = checkout.process("completion", name)
        assert (printed.returncode, printed.stderr) == (0, "")
        script.write_text(printed.stdout)
        os.mkfifo(fifo)
        self._answers = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.screen = ""
        self._seen = threading.Condition()
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(checkout.root)
            os.execvpe(name, [name, *ALONE[name]], environment)
        threading.Thread(target=self._watch, daemon=True).start()
        for line in SETUP[name].format(script=script, fifo=fifo).splitlines():
            self._send(f"{line.strip()}\n" if line.strip() else "")
        assert self._answer() == "ready", self.screen

    def after_tab(self, typed: str) -> str:
        """Type something and TAB; return what the command line is then, and empty it."""
        self._send(f"{typed}\t\x07")
        found = self._answer()
        self._send("\x15")
        return found

    def shows(self, typed: str, *texts: str) -> bool:
        """Type something and TAB, twice; return whether texts come up on the screen."""
        with self._seen:
            self.screen = ""
        self._send(f"{typed}\t\t")
        with self._seen:
            found = self._seen.wait_for(lambda: all(text in self.screen for text in texts), PATIENCE)
        self._send("\x15\x03")
        return found

    def end(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._answers)

    def _send(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _answer(self) -> str:
        read = b""
        while not read.endswith(b"\0"):
            assert select.select([self._answers], [], [], PATIENCE)[0], self.screen
            read += os.read(self._answers, 4096)
        return read[:-1].decode()

    def _watch(self) -> None:
        while True:
            try:
                text = os.read(self._terminal, 4096).decode("utf-8", "replace")
            except OSError:  # the shell has ended
                return
            with self._seen:
                self.screen += text
                self._seen.notify_all()


def installed(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(name), reason=f"{name} is not installed: apt-get install {name}")


@pytest.fixture(scope="module", params=[pytest.param(name, marks=installed(name)) for name in sorted(ALONE)])
def shell(
    request: pytest.FixtureRequest, parted_template: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    """A project with a label, a branch with a slash and one with what a shell would read."""
    folder = tmp_path_factory.mktemp(request.param)
    repo = Checkout.copy(parted_template, folder / "repo")
    repo.revision("ddd4", "ccc3", labels=("users",), message="rename: 50% $HOME `x`")
    repo.git("branch", "fix/one")
    repo.git("branch", "odd$name&(x)")
    programs = folder / "programs"
    programs.mkdir()
    (programs / "branchmig").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {forks.python()} -P -m branchmig "$@"\n')
    (programs / "branchmig").chmod(0o755)
    (repo.root / "a file.ini").write_text("")
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "TERM": "xterm", "COLUMNS": "160"}
    running = Shell(request.param, folder, repo, environment)
    yield running
    running.end()


def test_a_command_line_is_completed(shell: Shell) -> None:
    """One shell for all of it: it takes longer to start than to ask."""
    found = {
        typed: shell.after_tab(f"branchmig {typed}")
        for typed in (
            "upgr",
            "guard --wi",
            "graph --format mer",
            "graph --format=mer",
            "upgrade dd",
            "upgrade users@heads",
            "history -r aaa1:dd",
            "history --rev-range=aaa1:dd",
            "show users@heads",
            "switch fix",
            "guard --at=fix",
            "guard --at fix",
            "guard --at od",
            "-c a",
            "hooks ins",
            "no-such-command x",
            "upgrade 'unclosed",
        )
    }
    assert {typed: line.removeprefix("branchmig ") for typed, line in found.items()} == {
        "upgr": "upgrade ",
        "guard --wi": "guard --with ",
        "graph --format mer": "graph --format mermaid ",
        "graph --format=mer": "graph --format=mermaid ",
        "upgrade dd": "upgrade ddd4 ",
        "upgrade users@heads": "upgrade users@heads ",
        "history -r aaa1:dd": "history -r aaa1:ddd4 ",
        "history --rev-range=aaa1:dd": "history --rev-range=aaa1:ddd4 ",
        "show users@heads": "show users@heads ",
        "switch fix": "switch fix/one ",
        "guard --at=fix": "guard --at=fix/one ",
        "guard --at fix": "guard --at fix/one ",
        "guard --at od": "guard --at odd\\$name\\&\\(x\\) ",
        "-c a": "-c a",
        "hooks ins": "hooks install ",
        "no-such-command x": "no-such-command x",
        "upgrade 'unclosed": "upgrade 'unclosed",
    }


def test_a_file_s_name_is_completed_by_the_shell(shell: Shell) -> None:
    assert shell.after_tab("branchmig -c a\\ f") == "branchmig -c a\\ file.ini "
    assert shell.after_tab("branchmig graph -o alem") == "branchmig graph -o alembic.ini "


def test_only_the_command_under_the_cursor_counts(shell: Shell) -> None:
    assert shell.after_tab("true; branchmig upgr") == "true; branchmig upgrade "
    assert shell.after_tab("branchmig heads && branchmig upgrade dd") == "branchmig heads && branchmig upgrade ddd4 "


def test_the_help_of_what_it_could_be_is_shown(shell: Shell) -> None:
    helps = () if shell.name == "bash" else ("step aaa1", "rename: 50% $HOME `x`")
    assert shell.shows("branchmig upgrade ", "aaa1", "ddd4", "users@head", *helps), shell.screen

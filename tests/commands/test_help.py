"""`branchmig help`, `--help`, and what is said of a command line that is not understood."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import click
import pytest

from branchmig import cli
from branchmig.commands.shared.abbreviations import expand_abbreviations
from branchmig.commands.shared.help_texts import EXAMPLES, OTHERS, grouped
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def all_commands() -> Iterator[tuple[str, click.Command]]:
    for name, command in cli.command_table().items():
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {under}", item) for under, item in command.commands.items())


def test_every_command_has_a_group() -> None:
    """A new command gets its place in GROUPS of commands/shared/help_texts.py."""
    assert OTHERS not in dict(grouped(cli.COMMANDS))
    assert grouped({"novelty"}) == [(OTHERS, ["novelty"])]


def test_every_command_has_two_examples_and_they_are_understood() -> None:
    """A new command gets two lines in EXAMPLES of commands/shared/help_texts.py."""
    assert [words for words, _ in all_commands() if len(EXAMPLES.get(words, ())) != 2] == []
    for words, command in all_commands():
        assert command.epilog is not None
        for line in EXAMPLES[words]:
            assert f"  {line}" in command.epilog.splitlines()
            parse(line)


def parse(line: str) -> None:
    """Parse an example as the program does. Raises click's UsageError where it is not understood."""
    typed = shlex.split(line)
    if typed[0] == "eval":
        typed = shlex.split(typed[1].strip("$()"))
    typed = typed[1 : typed.index(">") if ">" in typed else None]
    root = cli.cli.make_context("branchmig", expand_abbreviations(cli.cli, typed), obj=None)
    words = [*root._protected_args, *root.args]
    group: click.Group = cli.cli
    while True:
        _, command, words = group.resolve_command(root, words)
        assert command is not None
        if not isinstance(command, click.Group) or not words or words[0] not in command.commands:
            break
        group = command
    with command.make_context(command.name, words, parent=root):
        pass


def test_help_shows_what_the_option_help_shows(folder: ProjectFolder) -> None:
    for words in ((), ("upgrade",), ("hooks", "install")):
        asked = folder.branchmig("help", *words)
        assert (asked.exit_code, asked.stdout) == (0, folder.branchmig(*words, "--help").stdout)
    assert folder.branchmig("help", "upgrade").stdout.splitlines()[-3:] == [
        "  Examples:",
        "    branchmig upgrade heads --plan",
        "    branchmig upgrade +1",
    ]


def test_the_program_shows_its_commands_in_groups(folder: ProjectFolder) -> None:
    lines = folder.branchmig("--help").stdout.splitlines()
    titles = [title for title, _ in grouped(cli.COMMANDS)]
    assert [line[:-1] for line in lines if line[:-1] in titles] == titles
    assert "  status          Show git, the graph and the databases on one screen." in lines


@pytest.mark.parametrize(("columns", "widest"), [("60", 58), ("400", 100)])
def test_help_is_as_wide_as_the_terminal_up_to_100(
    folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch, columns: str, widest: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    found = max(len(line) for line in folder.branchmig("upgrade", "--help").stdout.splitlines())
    assert widest - 8 < found <= widest


@pytest.mark.parametrize(
    ("typed", "error", "hint"),
    [
        (
            "stauts",
            "branchmig has no command 'stauts'",
            "did you mean 'branchmig status'? The commands: branchmig --help",
        ),
        ("xyzzy", "branchmig has no command 'xyzzy'", "the commands: branchmig --help"),
        (
            "hooks instal",
            "branchmig hooks has no command 'instal'",
            "did you mean 'branchmig hooks install'? The commands: branchmig hooks --help",
        ),
        (
            "help upgade",
            "branchmig has no command 'upgade'",
            "did you mean 'branchmig upgrade'? The commands: branchmig --help",
        ),
        (
            "upgrade heads --paln",
            "branchmig upgrade has no option --paln",
            "did you mean --plan? The options: branchmig upgrade --help",
        ),
        (
            "heads --verboose",
            "branchmig heads has no option --verboose",
            "did you mean --verbose? The options: branchmig heads --help",
        ),
        ("heads --xyzzy", "branchmig heads has no option --xyzzy", "the options: branchmig heads --help"),
        ("--qiet heads", "branchmig has no option --qiet", "did you mean --quiet? The options: branchmig --help"),
    ],
)
def test_a_misspelt_word_is_refused_with_the_one_that_is_meant(
    folder: ProjectFolder, typed: str, error: str, hint: str
) -> None:
    result = folder.branchmig(*typed.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {error}\nhint:  {hint}\n"


def test_the_help_for_programs_has_every_command_option_and_exit_code(folder: ProjectFolder) -> None:
    document = json.loads(folder.branchmig("help", "--format", "json").stdout)
    assert [entry["name"] for entry in document["commands"]] == sorted(words for words, _ in all_commands())
    assert [entry["code"] for entry in document["exit_codes"]] == [0, 1, 2, 3, 70, 130]
    assert [entry["names"] for entry in document["options"]][:2] == [["--version"], ["-c", "--config"]]
    one = json.loads(folder.branchmig("help", "heads", "--format", "json").stdout)["commands"]
    assert one == [entry for entry in document["commands"] if entry["name"] == "heads"]
    assert one[0]["options"][-1] == {
        "names": ["--format"],
        "value": "[text|json]",
        "repeatable": False,
        "required": False,
        "choices": ["text", "json"],
        "default": "text",
        "help": "Format of the answer.",
    }


def test_the_list_of_commands_has_the_first_sentence_of_each_commands_help() -> None:
    summaries = {name: " ".join((command.help or "").partition("\n\n")[0].split()) for name, command in all_commands()}
    assert {name: summaries[name] for name in cli.COMMANDS} == cli.COMMANDS

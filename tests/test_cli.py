from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

import alembic.config
import click
import pytest

from branchmig import __version__, cli
from branchmig.commands.shared.abbreviations import expand_abbreviations
from tests.support import ProjectFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Cli

ALEMBIC = alembic.config.CommandLine().parser
SUBPARSERS = next(action for action in ALEMBIC._actions if isinstance(action, argparse._SubParsersAction)).choices


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> ProjectFolder:
    return ProjectFolder(tmp_path / "project", sqlite_url)


def our_command(name: str) -> click.Command:
    command = cli.cli.get_command(click.Context(cli.cli), name)
    assert command is not None
    return command


def alembic_options(parser: argparse.ArgumentParser) -> dict[str, tuple[bool, bool]]:
    """Each spelling of an option of alembic's, whether it takes a value and whether it may be repeated."""
    return {
        name: (action.nargs != 0, isinstance(action, argparse._AppendAction))
        for action in parser._actions
        for name in action.option_strings
        if not isinstance(action, argparse._HelpAction | argparse._VersionAction)
    }


def our_options(command: click.Command) -> dict[str, tuple[bool, bool]]:
    options = [param for param in command.params if isinstance(param, click.Option)]
    return {
        name: (not option.is_flag, option.multiple)
        for option in options
        for name in (*option.opts, *option.secondary_opts)
    }


def alembic_arguments(parser: argparse.ArgumentParser) -> list[bool]:
    """For each positional of alembic's, whether it takes several words."""
    return [
        action.nargs == "+"
        for action in parser._actions
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction)
    ]


def our_arguments(command: click.Command) -> list[bool]:
    return [param.nargs == -1 for param in command.params if isinstance(param, click.Argument)]


def test_every_command_of_alembic_is_there() -> None:
    assert set(SUBPARSERS) - set(cli.COMMANDS) == set()


@pytest.mark.parametrize("name", sorted(SUBPARSERS))
def test_every_option_of_alembics_command_is_there_in_the_same_spelling(name: str) -> None:
    command = our_command(name)
    theirs = alembic_options(SUBPARSERS[name])
    ours = our_options(command)
    assert {option: ours.get(option) for option in theirs} == theirs
    assert our_arguments(command) == alembic_arguments(SUBPARSERS[name])


def test_every_global_option_of_alembic_is_there_in_the_same_spelling() -> None:
    theirs = alembic_options(ALEMBIC)
    ours = our_options(cli.cli)
    assert {option: ours.get(option) for option in theirs} == theirs
    assert "--version" in ours


@pytest.mark.parametrize(
    ("command", "typed", "full"),
    [
        ("revision", ["--auto", "-m", "x"], ["--autogenerate", "-m", "x"]),
        ("revision", ["--rev=ab12", "--mess=--auto"], ["--rev-id=ab12", "--message=--auto"]),
        ("revision", ["-m", "--auto"], ["-m", "--auto"]),
        ("revision", ["--message", "--auto"], ["--message", "--auto"]),
        ("revision", ["-mtext", "--auto"], ["-mtext", "--autogenerate"]),
        ("revision", ["--", "--auto"], ["--", "--auto"]),
        ("history", ["-vr", "--verb", "--ind"], ["-vr", "--verb", "--indicate-current"]),
        ("heads", ["--res", "--hel"], ["--resolve-dependencies", "--help"]),
        ("upgrade", ["+1", "--sq"], ["+1", "--sql"]),
        ("downgrade", ["-1", "--sq"], ["-1", "--sql"]),
        ("stamp", ["heads", "--nothing"], ["heads", "--nothing"]),
        ("upgrade", ["-1:head", "--sq"], ["--sql", "--", "-1:head"]),
        ("downgrade", ["-2:head", "--", "x"], ["--", "-2:head", "x"]),
        ("history", ["-r", "-1:head"], ["-r", "-1:head"]),
    ],
)
def test_a_long_option_may_be_abbreviated_as_argparse_has_it(command: str, typed: list[str], full: list[str]) -> None:
    assert expand_abbreviations(our_command(command), typed) == full


def test_a_range_that_begins_with_a_step_is_none_of_the_options_that_its_letters_spell(project: ProjectFolder) -> None:
    project.table("aaa1")
    for command in ("upgrade", "downgrade", "stamp"):
        result = project.branchmig(command, "-1:head", "--sql")
        assert (result.exit_code, result.stdout) == (3, "")
        assert "the start '-1' of a range counts from what is applied" in result.stderr


def test_the_programs_own_options_end_at_the_command() -> None:
    typed = ["--conf", "--raise", "-x", "--qui", "--qui", "heads", "--verb"]
    assert expand_abbreviations(cli.cli, typed) == ["--config", "--raise", "-x", "--qui", "--quiet", "heads", "--verb"]


def test_an_abbreviation_of_several_options_is_refused_with_what_it_could_be(project: ProjectFolder) -> None:
    result = project.branchmig("revision", "--s")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: ambiguous option: --s could be --splice, --sql\n"
        "hint:  what the command takes: branchmig revision --help\n"
    )


def test_an_abbreviated_option_works(project: ProjectFolder) -> None:
    project.table("aaa1")
    assert project.branchmig("heads", "--form", "json") == project.branchmig("heads", "--format=json")


def test_version_names_the_program(project: ProjectFolder) -> None:
    assert project.branchmig("--version").stdout == f"branchmig, version {__version__}\n"


def test_without_a_command_the_usage_is_shown(project: ProjectFolder) -> None:
    result = project.branchmig()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: branchmig [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("upgrade",), "Missing argument 'REVISION': 'heads' applies everything."),
        (("stamp",), "Missing argument 'REVISIONS...'."),
        (("upgrade", "head", "more"), "Got unexpected extra argument (more)"),
        (("nothing",), "branchmig has no command 'nothing'"),
        (("upgrade", "heads", "--from", "base"), "--from goes with --plan: a run asks the database where it is"),
        (("upgrade", "heads", "--sql", "--plan"), "--sql writes SQL: leave out --plan and --format json"),
    ],
)
def test_a_command_line_that_is_not_understood_is_refused_with_2(
    project: ProjectFolder, arguments: tuple[str, ...], error: str
) -> None:
    result = project.branchmig(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == f"error: {error}"
    assert result.stderr.splitlines()[1].startswith("hint:  ")


def test_a_misspelt_option_is_no_revision(project: ProjectFolder) -> None:
    result = project.branchmig("upgrade", "--sqll")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0] == "error: branchmig upgrade has no option --sqll"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "error"),
    [
        (
            ("show", "nope", "--format", "json"),
            3,
            {
                "code": "unknown-revision",
                "message": "no revision or branch label 'nope'",
                "hint": "'branchmig history' lists the revisions, 'branchmig heads' the heads",
            },
        ),
        (
            ("upgrade", "--format=json"),
            2,
            {
                "code": "usage",
                "message": "Missing argument 'REVISION': 'heads' applies everything.",
                "hint": "what the command takes: branchmig upgrade --help",
            },
        ),
    ],
)
def test_with_format_json_an_error_is_a_document(
    project: ProjectFolder, arguments: tuple[str, ...], exit_code: int, error: dict[str, str]
) -> None:
    project.table("aaa1")
    result = project.branchmig(*arguments)
    assert (result.exit_code, json.loads(result.stdout)) == (exit_code, {"version": 1, "error": error})
    assert error["message"] in result.stderr


def test_a_current_folder_that_is_gone_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert (cli.run(["heads"]), capsys.readouterr().err) == (
        3,
        "error: the current folder is gone\nhint:  change to a folder that is there, e.g. cd ..\n",
    )


def test_a_bug_of_ours_ends_with_70_and_a_traceback(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("branchmig.commands.heads.Project.open", fail)
    result = project.branchmig("heads")
    assert (result.exit_code, result.stdout) == (70, "")
    assert "Traceback (most recent call last):" in result.stderr
    assert f"error: this is a bug in branchmig {__version__}, not in your project\n" in result.stderr
    with pytest.raises(ZeroDivisionError):
        project.branchmig("--raise", "heads")


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_an_interrupt_ends_with_130(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupt(*_: object) -> None:
        raise error

    monkeypatch.setattr("branchmig.commands.heads.Project.open", interrupt)
    result = project.branchmig("heads")
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "")


def test_a_reader_that_goes_away_is_no_error(project: ProjectFolder) -> None:
    import subprocess
    import sys

    for number in range(2000):
        parents = [f"r{number - 1:05}"] if number else []
        project.revision(f"r{number:05}", *parents, message="x" * 60)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "branchmig", "history"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_config_file_is_found_by_c_once_or_twice_by_the_environment_or_by_its_name(
    project: ProjectFolder, cli: Cli
) -> None:
    project.table("aaa1")
    ini, toml = project.root / "other.ini", project.root / "sub" / "pyproject.toml"
    toml.parent.mkdir()
    ini.write_text(f"[app]\nsqlalchemy.url = {project.url}\n")
    toml.write_text('[tool.alembic]\nscript_location = "%(here)s/../migrations"\n')
    assert project.branchmig("heads").stdout == "aaa1 (head)\n"
    assert project.branchmig("-c", str(ini), "-c", str(toml), "-n", "app", "upgrade", "head").exit_code == 0
    assert project.rows() == ["aaa1"]
    for variable in (toml, project.root / "alembic.ini"):
        assert cli("heads", env={"ALEMBIC_CONFIG": str(variable)}).stdout == "aaa1 (head)\n"


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            ("-c", "no.ini"),
            "-c names no.ini, which does not exist",
            "correct the name, or start a project: branchmig init migrations",
        ),
        (
            ("-c", "a.ini", "-c", "b.ini"),
            "two ini files are given: a.ini and b.ini",
            "give -c at most once for each kind",
        ),
        (
            ("-n", "other"),
            "No 'script_location' key found in alembic.ini",
            "add script_location to [other], or give -c FILE or -n SECTION",
        ),
    ],
)
def test_a_config_that_is_not_there_is_told(
    project: ProjectFolder, arguments: tuple[str, ...], error: str, hint: str
) -> None:
    result = project.branchmig(*arguments, "heads")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", f"error: {error}\nhint:  {hint}\n")


def test_x_arguments_and_the_rest_of_the_command_line_reach_env_py_as_alembic_hands_them(
    project: ProjectFolder,
) -> None:
    project.table("aaa1")
    env = (project.migrations / "env.py").read_text()
    ini = project.root / "alembic.ini"
    ini.write_text(ini.read_text() + "revision_environment = true\n")
    project.write_env(
        env + "\nimport json, pathlib\n"
        "options = {k: v for k, v in vars(config.cmd_opts).items() if k != 'cmd'}\n"
        "options['cmd'] = config.cmd_opts.cmd[0].__name__\n"
        "options['as dictionary'] = context.get_x_argument(as_dictionary=True)\n"
        "options['tag'] = context.get_tag_argument()\n"
        "pathlib.Path('seen.json').write_text(json.dumps(options, sort_keys=True))\n"
    )
    seen = project.root / "seen.json"
    for arguments in (
        ("-x", "tenant=a", "-x", "dry=1", "upgrade", "head", "--tag", "t1"),
        ("-q", "--raiseerr", "current", "-v"),
        ("-x", "only=", "revision", "-m", "m", "--rev-id", "bbb2", "--depends-on", "aaa1"),
    ):
        runs = []
        for run in (project.branchmig, project.alembic):
            (project.versions / "bbb2_m.py").unlink(missing_ok=True)
            assert run(*arguments).exit_code == 0, arguments
            runs.append(json.loads(seen.read_text()))
        assert runs[0] == runs[1]


def test_quiet_says_nothing_but_answers_and_errors(project: ProjectFolder) -> None:
    project.table("aaa1")
    assert project.branchmig("-q", "upgrade", "heads") == type(project.branchmig("heads"))(0, "", "")
    assert project.branchmig("-q", "heads").stdout == "aaa1 (head)\n"
    assert project.branchmig("-q", "upgrade", "nope").stderr.startswith("error: no revision or branch label 'nope'\n")


def test_former_names_of_options_work_and_are_not_in_the_help(project: ProjectFolder) -> None:
    heads, rebase, fix = (our_command(name) for name in ("heads", "rebase", "fix"))
    typed = ["--merged-with", "main", "--merged=main"]
    assert expand_abbreviations(heads, typed) == ["--with", "main", "--with=main"]
    assert expand_abbreviations(rebase, ["--onto", "x", "--plan"]) == ["--target", "x", "--plan"]
    assert expand_abbreviations(fix, ["--onto", "x"]) == ["--target", "x"]
    assert "--merged-with" not in project.branchmig("heads", "--help").stdout
    old, new = (project.branchmig("heads", name, "main") for name in ("--merged-with", "--with"))
    assert (old.exit_code, old) == (3, new)

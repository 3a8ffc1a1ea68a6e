"""`branchmig adopt`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import click

from branchmig import terminal
from branchmig.commands.hooks import installation, offer_to_follow
from branchmig.commands.shared.flow import confirm
from branchmig.commands.shared.options import dry_run_option, pass_invocation, yes_option
from branchmig.effects.own_table_changes import FILTER_LINE, hides_own_tables, with_filter
from branchmig.errors import BranchmigError
from branchmig.model import FileEdit
from branchmig.project.config import Invocation
from branchmig.project.consent import scratch_url
from branchmig.project.file_edits import diff_lines, replace_file
from branchmig.project.project import Project
from branchmig.project.settings_edit import TITLES, with_settings, without_settings
from branchmig.render.text import counted

_LOCKING = frozenset({"postgresql", "mysql", "mariadb"})
_DIALECTS: Mapping[str, frozenset[str]] = {
    "sqlite_transactional_ddl": frozenset({"sqlite"}),
    "ddl_lock_timeout": _LOCKING,
    "ddl_lock_budget": _LOCKING,
    "scratch_url": _LOCKING,
    "spares": _LOCKING,
}
"""Settings that only some databases can use. A project on SQLite needs no server for its scratch databases."""


@dataclass(frozen=True, slots=True)
class _Database:
    """What the databases of the project say before anything is written; `reason` where they cannot be asked."""

    dialects: frozenset[str] = frozenset()
    has_rows: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing that adopt does: how it is announced and shown, the question before it, and what carries it out."""

    announced: str
    shown: Sequence[str]
    question: str
    carry_out: Callable[[], None]
    done: str


@click.command("adopt")
@click.option("--journal/--no-journal", default=True, show_default=True, help="Keep a journal in the database.")
@click.option(
    "--hooks/--no-hooks", default=True, show_default=True, help="Install the git hooks, where there is a repository."
)
@click.option(
    "--sqlite-transactional-ddl/--no-sqlite-transactional-ddl",
    "sqlite_transactional_ddl",
    default=None,
    help="On SQLite, apply each revision as a whole or not at all.",
)
@click.option(
    "--db/--no-db",
    "with_database",
    default=True,
    help="Ask the database for its revisions; with --no-db there is no baseline.",
)
@dry_run_option
@yes_option
@pass_invocation
def command(
    invocation: Invocation,
    journal: bool,
    hooks: bool,
    sqlite_transactional_ddl: bool | None,
    with_database: bool,
    dry_run: bool,
    is_agreed: bool,
) -> None:
    """Set up branchmig in an existing Alembic project.

    Lists all steps first: the settings, a filter in env.py, the journal's baseline, the git hooks. Then shows each step
    and asks before it. Existing settings and hooks stay. Plain alembic continues to work.
    """
    project = Project.open(invocation.files)
    database = _asked(project, invocation) if with_database else _Database(reason="--no-db")
    edit = _settings_edit(project, journal, sqlite_transactional_ddl, database.dialects)
    steps = list(_steps(project, invocation, edit, database, journal=journal, hooks=hooks))
    if not steps:
        terminal.note("Nothing to do: the project is set up.")
        return
    _announce(steps, database, journal=journal)
    _carry_out(steps, dry_run=dry_run, is_agreed=is_agreed)
    if hooks and project.repository is not None:
        offer_to_follow(project, is_agreed=is_agreed)
    arrived = Project.open(invocation.files)
    _try_env(arrived, invocation, database.dialects)
    _say_next(arrived, edit)


def _asked(project: Project, invocation: Invocation) -> _Database:
    """Ask the databases for their dialect and rows."""
    from branchmig.database.reader import read_rows_as_they_are
    from branchmig.database.run.environment import silent

    try:
        with silent():
            found = read_rows_as_they_are(project, invocation, "current")
    except BranchmigError as error:
        return _Database(reason=error.message)
    dialects = frozenset(re.split(r"[+:]", database.url)[0] for database in found)
    return _Database(dialects, any(database.rows for database in found))


def _steps(
    project: Project, invocation: Invocation, edit: FileEdit, database: _Database, *, journal: bool, hooks: bool
) -> Iterator[_Step]:
    if edit.before != edit.after:
        shown = terminal.shown_path(edit.path)
        announced = f"write branchmig's settings into {shown}; alembic does not read them"
        yield _Step(announced, _diff(edit), f"Write {shown}?", partial(replace_file, edit), f"Wrote {shown}.")
    filter_ = _filter_edit(project) if journal else None
    if filter_ is not None:
        shown = terminal.shown_path(filter_.path)
        announced = f"add a filter to {shown}, so that autogenerate in plain alembic ignores branchmig's tables"
        yield _Step(announced, _diff(filter_), f"Write {shown}?", partial(replace_file, filter_), f"Wrote {shown}.")
    if journal and not project.config.settings.journal and database.has_rows:
        yield _Step(
            "record the applied revisions as the journal's baseline, with their scripts as they are now",
            (),
            "Record the applied revisions as the journal's baseline?",
            partial(_record_baseline, invocation),
            "",
        )
    missing = _missing_hooks(project, invocation) if hooks else []
    if missing:
        names = ", ".join(missing)
        yield _Step(
            f"install the git hooks {names}",
            [f"git hooks to install: {names}"],
            "Install these git hooks?",
            partial(_install_hooks, project, invocation),
            "",
        )


def _diff(edit: FileEdit) -> list[str]:
    return list(diff_lines([edit], terminal.shown_path))


def _announce(steps: Sequence[_Step], database: _Database, *, journal: bool) -> None:
    terminal.note("branchmig adopt takes these steps, and asks before each one:")
    for number, step in enumerate(steps, 1):
        terminal.note(f"  {number}. {step.announced}")
    terminal.note("Plain alembic continues to work; to go back, see 'branchmig help hooks uninstall'.")
    if journal and database.reason is not None:
        terminal.note(
            f"The database was not asked ({database.reason}): the journal will have no baseline. Revisions that are "
            "applied by now will be 'unknown' to it."
        )


def _carry_out(steps: Sequence[_Step], *, dry_run: bool, is_agreed: bool) -> None:
    """Show each step and do it if the answer is yes. Raises Cancelled at the first no, naming what is done."""
    if dry_run:
        for step in steps:
            terminal.answer(step.shown)
    done: list[str] = []
    for step in steps:
        if not dry_run:
            terminal.answer(step.shown)
        so_far = f"done so far: {'; '.join(done)}" if done else "nothing was changed"
        confirm(step.question, is_agreed, so_far, dry_run=dry_run)
        step.carry_out()
        if step.done:
            terminal.note(step.done)
        done.append(step.announced.partition(",")[0].partition(";")[0])


def _record_baseline(invocation: Invocation) -> None:
    """Record the scripts of what is applied, in each database; by now the settings have the journal."""
    from branchmig.database.journal.repair import record_baseline
    from branchmig.database.run.environment import Environment, silent

    with silent():
        recorded = record_baseline(Environment(Project.open(invocation.files), invocation, "repair"))
    terminal.note(f"Recorded {counted(len(recorded), 'applied revision')} as the journal's baseline.")


def _try_env(project: Project, invocation: Invocation, dialects: frozenset[str]) -> None:
    """Run env.py on an empty scratch database, and say whether verify and --prove can do that."""
    from branchmig.database.trial.trial_runner import refusal_to_be_tried

    refused = refusal_to_be_tried(project, invocation)
    if refused is None:
        terminal.note("env.py runs on scratch databases: verify and --prove work here.")
        servers = sorted(dialects - {"sqlite"})
        if servers and scratch_url(project) is None:
            terminal.note(
                f"These are SQLite. For databases of the project's kind, which drift, compat and proofs need: "
                f"git config branchmig.scratchUrl {servers[0]}://USER@HOST/"
            )
    else:
        terminal.warning(f"verify and --prove do not work here: {refused.message}")
        if refused.hint:
            terminal.note(f"hint:  {refused.hint}")


def _say_next(project: Project, edit: FileEdit) -> None:
    if project.config.settings.journal and not _has_filter(project):
        terminal.note(f"For plain alembic's autogenerate, give to context.configure() in env.py: {FILTER_LINE}")
    terminal.note("Next:")
    if project.repository is not None:
        terminal.note(f"  git diff                # review {terminal.shown_path(edit.path)}, then commit it")
    terminal.note("  branchmig status        # git, the graph and the database on one screen")
    terminal.note("  branchmig guard         # the check for CI: one head, no landed revision changed")
    if project.repository is not None:
        terminal.note("  branchmig switch BRANCH # in place of git switch: the database follows")


def _env_py(project: Project) -> Path:
    return Path(project.config.script_location, "env.py")


def _has_filter(project: Project) -> bool:
    path = _env_py(project)
    return path.is_file() and hides_own_tables(path.read_bytes())


def _filter_edit(project: Project) -> FileEdit | None:
    """Return env.py with a filter that hides branchmig's tables; None where it has one, or must get it by hand."""
    path = _env_py(project)
    before = path.read_bytes() if path.is_file() else b""
    after = None if hides_own_tables(before) else with_filter(before)
    return None if after is None else FileEdit(str(path), before, after)


def _settings_edit(
    project: Project, journal: bool, sqlite_transactional_ddl: bool | None, dialects: Collection[str]
) -> FileEdit:
    """Return the config file with the settings that were asked for, in the existing section or in a new one.

    A new section has only the settings that the databases' dialects can use; all where the dialects are not known.
    """
    path, kind = _config_file(project)
    before = path.read_bytes()
    now = project.config.settings
    wanted = {"journal": journal, "sqlite_transactional_ddl": sqlite_transactional_ddl}
    has_section = _has_section(before.decode("utf-8"), TITLES[kind])
    values = {
        key: bool(value)
        for key, value in wanted.items()
        if not has_section or (value is not None and value != getattr(now, key) and (value or key != "journal"))
    }
    if has_section and not values:
        return FileEdit(str(path), before, before)
    template = resources.files("branchmig").joinpath("templates", f"settings.{kind}").read_text("utf-8")
    useless = {key for key, of in _DIALECTS.items() if dialects and not of.intersection(dialects)}
    values = {key: value for key, value in values.items() if key not in useless or value}
    template = without_settings(template, useless.difference(key for key, value in values.items() if value))
    after = with_settings(before.decode("utf-8"), TITLES[kind], values, template, f"{path}: {TITLES[kind]}")
    return FileEdit(str(path), before, after.encode("utf-8"))


def _config_file(project: Project) -> tuple[Path, str]:
    """Return the file that has branchmig's settings, else the one that has alembic's: the toml where it has any."""
    files = project.config.files
    for path, kind in ((files.ini, "ini"), (files.toml, "toml")):
        if path.is_file() and _has_section(path.read_text("utf-8"), TITLES[kind]):
            return path, kind
    is_toml = files.toml.is_file() and _has_section(files.toml.read_text("utf-8"), "[tool.alembic]")
    return (files.toml, "toml") if is_toml or not files.ini.is_file() else (files.ini, "ini")


def _has_section(text: str, title: str) -> bool:
    return any(line.strip().startswith(title) for line in text.splitlines())


def _missing_hooks(project: Project, invocation: Invocation) -> list[str]:
    from branchmig.git_hooks import hook_states

    if project.repository is None:
        terminal.note("The project is in no git repository: no hooks.")
        return []
    states = hook_states(project.repository, installation(project, invocation))
    return [state.name for state in states if not (state.runs and state.is_current)]


def _install_hooks(project: Project, invocation: Invocation) -> None:
    from branchmig.git_hooks import install_hooks

    written = install_hooks(project.tracked, installation(project, invocation))
    terminal.note(f"Installed {', '.join(written)}.")

"""`branchmig adopt`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.hooks import installation, offer_to_follow
from branchmig.commands.shared.options import confirm, pass_invocation, yes_option
from branchmig.effects.own_table_changes import FILTER_LINE, hides_own_tables, with_filter
from branchmig.model import FileEdit
from branchmig.project.file_edits import diff_lines, replace_file
from branchmig.project.project import Project
from branchmig.project.settings_edit import TITLES, with_settings

if TYPE_CHECKING:
    from branchmig.project.config import Invocation


@click.command("adopt")
@click.option("--journal/--no-journal", default=True, show_default=True, help="Keep a journal in the database.")
@click.option(
    "--hooks/--no-hooks", default=True, show_default=True, help="Install the git hooks, where there is a repository."
)
@click.option(
    "--sqlite-transactional-ddl/--no-sqlite-transactional-ddl",
    "sqlite_transactional_ddl",
    default=None,
    help="On SQLite, make a revision happen as a whole or not at all.",
)
@yes_option
@pass_invocation
def command(
    invocation: Invocation, journal: bool, hooks: bool, sqlite_transactional_ddl: bool | None, is_agreed: bool
) -> None:
    """Set an existing project up for branchmig.

    Writes the settings, explained, into the config file and installs the git hooks; shows both first, and asks for
    each. What is there already stays. Plain alembic goes on working.
    """
    project = Project.open(invocation.files)
    edit = _settings_edit(project, journal, sqlite_transactional_ddl)
    missing = _missing_hooks(project, invocation) if hooks else []
    filter_ = _filter_edit(project) if journal else None
    if edit.before == edit.after and not missing and filter_ is None:
        terminal.note("Nothing to do: the project is set up.")
        return
    refusal = "nothing was done: it was not agreed to"
    if edit.before != edit.after:
        terminal.answer(diff_lines([edit], terminal.shown_path))
        confirm(f"Write {terminal.shown_path(edit.path)}?", is_agreed)
        replace_file(edit)
        terminal.note(f"Wrote {terminal.shown_path(edit.path)}.")
        if journal:
            terminal.note(
                "The journal begins with the next run that writes; what is applied by then is 'unknown' to it."
            )
            if filter_ is None and not _has_filter(project):
                terminal.note(f"For plain alembic's autogenerate, give to context.configure() in env.py: {FILTER_LINE}")
        _tell_trial(project, invocation)
        refusal = (
            f"the git hooks were not installed: it was not agreed to; {terminal.shown_path(edit.path)} was written"
        )
    if filter_ is not None:
        terminal.answer(diff_lines([filter_], terminal.shown_path))
        shown = terminal.shown_path(filter_.path)
        confirm(f"Write {shown}, so that plain alembic's autogenerate leaves the journal alone?", is_agreed, refusal)
        replace_file(filter_)
        terminal.note(f"Wrote {shown}.")
    if missing:
        terminal.answer([f"git hooks to install: {', '.join(missing)}"])
        confirm("Install these git hooks?", is_agreed, refusal)
        _install_hooks(project, invocation)
        offer_to_follow(project, is_agreed=is_agreed)


def _tell_trial(project: Project, invocation: Invocation) -> None:
    """Run env.py on an empty scratch database, and say whether verify and --prove can do that."""
    from branchmig.database.trial.trial_runner import refusal_to_be_tried

    refused = refusal_to_be_tried(project, invocation)
    if refused is None:
        terminal.note("env.py can be run on scratch databases: verify and --prove work here.")
    else:
        terminal.warning(f"verify and --prove do not work here: {refused.message}")
        if refused.hint:
            terminal.note(f"hint:  {refused.hint}")


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


def _settings_edit(project: Project, journal: bool, sqlite_transactional_ddl: bool | None) -> FileEdit:
    """Return the config file with the settings that were asked for: in the section that is there, else in a new one."""
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

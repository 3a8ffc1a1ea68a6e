"""The commands for programs: alembic.command's functions under their names, with alembic's Config.

`from branchmig import command` in the place of `from alembic import command` is all that a program changes. Where
alembic raises CommandError, or lets through what a script raised, these raise BranchmigError, whose `__cause__` is
the script's own. Answers go to `config.stdout`, SQL to `config.output_buffer`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig import terminal
from branchmig.commands.calling import call
from branchmig.config import ConfigFiles, Invocation

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from alembic.config import Config
    from alembic.script import Script


def list_templates(config: Config) -> None:
    """Write the templates that init knows to config.stdout."""
    _call("list_templates", config)


def init(config: Config, directory: str, template: str = "generic", package: bool = False) -> None:
    """Start a new migration environment; the config file is written to config.config_file_name."""
    _call("init", config, directory=str(directory), template=template, package=package)


def revision(
    config: Config,
    message: str | None = None,
    autogenerate: bool = False,
    sql: bool = False,
    head: str | Sequence[str] = "head",
    splice: bool = False,
    branch_label: str | Sequence[str] | None = None,
    version_path: str | os.PathLike[str] | None = None,
    rev_id: str | None = None,
    depends_on: str | Sequence[str] | None = None,
    process_revision_directives: Callable[..., None] | None = None,
) -> Script | list[Script]:
    """Write a new revision file and return its Script; a list where directives made none or several."""
    scripts: list[Script] = _call(
        "revision",
        config,
        message=message,
        autogenerate=autogenerate,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id,
        depends_on=_several(depends_on),
        process_revision_directives=process_revision_directives,
    )
    return scripts[0] if len(scripts) == 1 else scripts


def check(config: Config) -> None:
    """Raise AnswerIsNo if the models differ from the database."""
    _call("check", config)


def merge(
    config: Config,
    revisions: str | Sequence[str],
    message: str | None = None,
    branch_label: str | Sequence[str] | None = None,
    rev_id: str | None = None,
    splice: bool = False,
) -> Script | None:
    """Join heads with a merge revision and return its Script; None where there is nothing to join."""
    script: Script | None = _call(
        "merge",
        config,
        revisions=_several(revisions),
        message=message,
        branch_label=branch_label,
        rev_id=rev_id,
        splice=splice,
    )
    return script


def upgrade(config: Config, revision: str, sql: bool = False, tag: str | None = None) -> None:
    """Upgrade to a later revision; with `sql`, `revision` may be a range."""
    _call("upgrade", config, revision=revision, sql=sql, tag=tag)


def downgrade(config: Config, revision: str, sql: bool = False, tag: str | None = None) -> None:
    """Revert to a previous revision; with `sql`, `revision` must be a range."""
    _call("downgrade", config, revision=revision, sql=sql, tag=tag)


def show(config: Config, rev: str) -> None:
    """Write the whole header of revisions to config.stdout."""
    _call("show", config, rev=rev)


def history(
    config: Config, rev_range: str | None = None, verbose: bool = False, indicate_current: bool = False
) -> None:
    """Write the revisions to config.stdout, newest first."""
    _call("history", config, rev_range=rev_range, verbose=verbose, indicate_current=indicate_current)


def heads(config: Config, verbose: bool = False, resolve_dependencies: bool = False) -> None:
    """Write the heads of the revision graph to config.stdout."""
    _call("heads", config, verbose=verbose, resolve_dependencies=resolve_dependencies)


def branches(config: Config, verbose: bool = False) -> None:
    """Write the revisions at which the history forks to config.stdout."""
    _call("branches", config, verbose=verbose)


def current(config: Config, check_heads: bool = False, verbose: bool = False) -> None:
    """Write what a database is at to config.stdout. With `check_heads`, raise AnswerIsNo unless all is applied."""
    _call("current", config, check_heads=check_heads, verbose=verbose)


def stamp(
    config: Config, revision: str | Sequence[str], sql: bool = False, tag: str | None = None, purge: bool = False
) -> None:
    """Set the version table without running anything."""
    _call("stamp", config, revisions=_several(revision), sql=sql, tag=tag, purge=purge)


def edit(config: Config, rev: str) -> None:
    """Open revision files in an editor."""
    _call("edit", config, rev=rev)


def ensure_version(config: Config, sql: bool = False) -> None:
    """Create the version table if it does not exist."""
    _call("ensure_version", config, sql=sql)


def _call(name: str, config: Config, **arguments: Any) -> Any:
    is_quiet = bool(config.messaging_opts.get("quiet"))
    with terminal.answers_to(config.stdout):
        return call(name, Invocation(_files(config), is_quiet=is_quiet, is_typed=False), arguments)


def _files(config: Config) -> ConfigFiles:
    # A toml file that was not named is not read, even if one lies in the current folder.
    return ConfigFiles(
        ini=Path(config.config_file_name or "the Config object"),
        toml=Path(config.toml_file_name or ""),
        section=config.config_ini_section,
        loaded=config,
    )


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)

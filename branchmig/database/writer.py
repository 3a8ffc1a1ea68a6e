"""Writes revision files through alembic's templates, autogenerate and post-write hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import RevisionContext
from alembic.script import Script
from alembic.util import rev_id as new_revision_id

from branchmig.database.file_keys import refuse_bad_keys
from branchmig.database.run import failures
from branchmig.database.run.hook_watch import hooks_watched
from branchmig.errors import EnvironmentFailed, ModelsDiffer, RevisionFileError
from branchmig.planning.plan import check_applied

if TYPE_CHECKING:
    from branchmig.database.run.environment import Environment

# fmt: off
_ARGUMENTS: dict[str, Any] = {
    "message": None, "autogenerate": False, "sql": False, "head": "heads", "splice": False,
    "branch_label": None, "version_path": None, "rev_id": None, "depends_on": None,
}
"""The arguments of alembic.command.revision."""
# fmt: on


def write_revision(
    environment: Environment, arguments: dict[str, Any], directives: Callable[..., None] | None = None
) -> list[Script]:
    """Write what `branchmig revision` asks for; `arguments` are those of alembic.command.revision.

    `directives` is a program's own process_revision_directives, called before env.py's.
    env.py runs when the models are compared (`autogenerate`) or revision_environment is set. Returns the
    scripts that were written: none where process_revision_directives took them away.
    """
    is_autogenerate, as_sql = arguments["autogenerate"], arguments["sql"]
    if as_sql and is_autogenerate:
        raise RevisionFileError("Using --sql with --autogenerate does not make any sense", "leave one of them out")
    needs_env = is_autogenerate or environment.project.config.revision_environment
    if as_sql and not needs_env:
        raise RevisionFileError(
            "Using --sql with the revision command when revision_environment is not configured does not make any sense",
            "set revision_environment = true, or leave --sql out",
        )
    context = RevisionContext(environment.config, environment.scripts, arguments, directives)
    if needs_env:
        _fill_from_env(environment, context, is_autogenerate, as_sql)
    return _generated(environment, context)


def write_operations(environment: Environment, message: str, fill: Callable[..., None]) -> str:
    """Write a revision on top of all heads whose operations `fill` gives; return the path.

    `fill` gets alembic's context, its connection and the directives, as process_revision_directives does.
    """
    arguments = {**_ARGUMENTS, "message": message}
    context = RevisionContext(environment.config, environment.scripts, arguments, fill)
    _fill_from_env(environment, context, is_autogenerate=False, as_sql=False)
    (script,) = _generated(environment, context)
    return str(script.path)


def _generated(environment: Environment, context: RevisionContext) -> list[Script]:
    refuse_bad_keys(environment)
    with failures.translated("script.py.mako"), hooks_watched():
        return [script for script in context.generate_scripts() if script is not None]


def write_merge(
    environment: Environment,
    parents: Sequence[str],
    message: str | None,
    branch_label: str | None,
    rev_id: str | None,
    splice: bool,
) -> Script | None:
    """Write a merge revision over `parents`, ids in full. env.py runs if revision_environment is set."""
    arguments: dict[str, Any] = {"config": environment.config}
    if environment.project.config.revision_environment:
        environment.run(lambda *_: None, template_args=arguments)
    refuse_bad_keys(environment)
    with failures.translated("script.py.mako"), hooks_watched():
        return environment.scripts.generate_revision(
            rev_id or new_revision_id(),
            message,
            head=parents,
            splice=splice,
            branch_labels=branch_label,
            refresh=True,
            **arguments,
        )


def check_models(environment: Environment) -> None:
    """Compare the models with the database. Raises ModelsDiffer with the differences."""
    arguments = {**_ARGUMENTS, "autogenerate": True, "head": "head"}
    context = RevisionContext(environment.config, environment.scripts, arguments)
    _fill_from_env(environment, context, is_autogenerate=True, as_sql=False)
    # Users' process_revision_directives take the last script away where there is nothing to write.
    scripts = context.generated_revisions[-1:]
    operations = [ops for script in scripts for ops in script.upgrade_ops_list]
    differences = [difference for ops in operations for difference in ops.as_diffs()]
    if differences:
        raise ModelsDiffer(
            f"New upgrade operations detected: {differences}",
            "write them down: branchmig revision --autogenerate -m …",
            differences,
            context,
        )


def _fill_from_env(environment: Environment, context: RevisionContext, is_autogenerate: bool, as_sql: bool) -> None:
    fill = context.run_autogenerate if is_autogenerate else context.run_no_autogenerate

    def work(rows: tuple[str, ...], migration_context: Any) -> None:
        if is_autogenerate:
            _refuse_behind(environment, rows)
        fill(rows, migration_context)

    environment.run(work, as_sql=as_sql, template_args=context.template_args, revision_context=context)


def _refuse_behind(environment: Environment, rows: Sequence[str]) -> None:
    """Raise EnvironmentFailed unless everything is applied: what is not would be found again as a difference."""
    dag = environment.project.dag
    at, heads = check_applied(dag, rows), dag.heads(dependencies=True)
    if at != heads:
        raise EnvironmentFailed(
            f"Target database is not up to date: it is at {', '.join(at) or 'base'}, "
            f"the heads are {', '.join(heads) or 'base'}",
            "branchmig upgrade heads",
        )

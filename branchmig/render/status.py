"""The state of git, graph and databases, as a screen and a JSON document: worst first, each with the command to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from branchmig.model import Problem, Revision, ShownPath
from branchmig.planning.interrupted_step import Unfinished, message_for
from branchmig.planning.orphans import location_text
from branchmig.render.documents import VERSION, revision_entry
from branchmig.render.problems import relative
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.workflows.status import DatabaseStanding, GitStanding, Standing
    from branchmig.workflows.worktrees import WorktreeUse


MOST = 5
"""Revisions that one line names before it only counts."""


def status_lines(standing: Standing, shown_path: ShownPath) -> Iterator[str]:
    """One screen."""
    yield _git_line(standing.git)
    yield from _graph_lines(standing, shown_path)
    for database in standing.databases or ():
        yield ""
        yield from _database_lines(database, shown_path)
    if standing.worktrees:
        yield ""
        yield from map(worktree_line, standing.worktrees)
    points = standing.open_points
    if standing.is_well:
        yield ""
        yield "All is well."
    elif points:
        yield ""
        yield f"Open: {'; '.join(points)}."


def worktree_line(use: WorktreeUse) -> str:
    """`work tree /home/ada/shop-wishlist (feature/wishlist): postgresql://localhost/shop_shop_wishlist`."""
    where = ", which git has removed" if use.is_gone else f" ({use.branch or 'no branch'})"
    return f"work tree {use.folder}{where}: {', '.join(use.databases)}"


def _git_line(git: GitStanding | None) -> str:
    if git is None:
        return "git: not a repository, or none that can be read"
    where = git.branch or "no branch"
    commit = f" at {git.commit[:10]}" if git.commit else ", no commit yet"
    target = f", landing in {git.target}" if git.target and git.target != git.branch else ""
    if git.target is None and git.commit:
        target = ", with no branch found that it lands in: set target in [branchmig]"
    return f"git: on {where}{commit}{target}"


def _graph_lines(standing: Standing, shown_path: ShownPath) -> Iterator[str]:
    yield from _problem_lines(standing.problems, shown_path)
    if standing.dag is None:
        return
    heads = [standing.dag[revision_id] for revision_id in standing.dag.heads()]
    name = "head" if len(heads) == 1 else f"{len(heads)} heads"
    yield f"{name}: {'; '.join(map(_titled, heads)) or 'no revisions'}"
    if standing.too_many:
        yield f"  -> {standing.way_out}"
    yield from _problem_lines(standing.broken, shown_path)
    if standing.merge:
        yield f"once {standing.git.target if standing.git else 'the target'} is merged in:"
        yield from _problem_lines(standing.merge, shown_path)
    for unchecked in standing.unchecked:
        yield f"  not checked: {unchecked.code}: {unchecked.reason}"
    if standing.ignored:
        yield f"  ignored by git, so in no other checkout: {_named(standing.ignored)}"
        yield "    -> git check-ignore -v FILE names the rule; git add -f FILE adds it all the same"


def _problem_lines(problems: Sequence[Problem], shown_path: ShownPath) -> Iterator[str]:
    for problem in problems:
        yield f"  {problem.code}: {relative(problem.message, problem, shown_path)}"
        if problem.hint:
            yield f"    -> {relative(problem.hint, problem, shown_path)}"


def _pending_lines(database: DatabaseStanding) -> Iterator[str]:
    found = database.found or {}
    if database.pending:
        yield f"  pending: {counted(len(database.pending), 'revision')}: {_named(list(map(_titled, database.pending)))}"
    if database.problems:
        return
    if database.pending or any(orphan in found for orphan in database.orphans):
        yield f"    -> branchmig {'sync' if database.orphans or database.retired else 'upgrade heads'}"


def _staying_lines(database: DatabaseStanding) -> Iterator[str]:
    for name in database.left_out:
        yield f"  not checked out: {name}: {database.absences[name].reason}"
    if database.left_out:
        yield "    -> restore its file: git checkout HEAD -- PATH, or git sparse-checkout add FOLDER"
    for revision_id in database.retired[:MOST]:
        fact = database.absences[revision_id]
        yield f"  {fact.place}: {revision_id}: {fact.reason.removeprefix('is retired: ')}; it stays applied"
    if len(database.retired) > MOST:
        yield f"  retired: and {len(database.retired) - MOST} more"


def _database_lines(database: DatabaseStanding, shown_path: ShownPath) -> Iterator[str]:
    if database.error is not None:
        yield f"{database.name}: {database.error.message}"
        return
    yield f"{database.name}: at {', '.join(map(str, database.rows)) or 'base'}"
    if database.running is not None:
        since = f", since {database.running.since}" if database.running.since else ""
        yield f"  running: {database.running.who}{since}"
    if database.drift_look is not None:
        moment, number = database.drift_look
        yield f"  drift: looked at {_moment(moment)}: {counted(number, 'difference')}"
    if database.unasked:
        yield f"  running: {database.unasked}"
    found = database.found or {}
    for step in database.unfinished:
        yield f"  interrupted: {step.direction} of {step.revision}: {message_for(step)}"
        yield "    -> branchmig repair"
    yield from _problem_lines(database.problems, shown_path)
    yield from _lost_lines(database)
    yield from skipped_lines(database)
    for orphan in (orphan for orphan in database.orphans if orphan in found):
        at = found[orphan]
        where = location_text(at, at.path)[0].removeprefix("it is ")
        yield f"  orphan: {orphan}: applied, not in the checkout; {where}"
        fact = database.absences.get(orphan)
        if fact is not None and fact.place != "unlanded":
            yield f"    it stays applied: it {fact.reason}; to undo it: branchmig sync --undo {orphan}"
    yield from _staying_lines(database)
    yield from edited_lines(database)
    yield from _pending_lines(database)
    if database.found is not None and not database.has_journal:
        yield "  no journal: only a pin can show skipped or edited revisions (to keep a journal: branchmig adopt)"
    if database.unknown:
        yield (
            f"  unknown: {counted(len(database.unknown), 'revision')} applied before the journal was kept, or by "
            "another tool: branchmig cannot tell whether these scripts have changed"
        )


def _lost_lines(database: DatabaseStanding) -> Iterator[str]:
    lost = [orphan for orphan in database.orphans if orphan not in (database.found or {})]
    if not lost:
        return
    yield f"  lost: {_named(lost)}: applied, but neither the checkout nor git has its script"
    if database.is_ahead:
        yield "    the journal shows that the database is only ahead, as after a rollback of a deployment"
        yield "    -> leave it as it is: branchmig upgrade heads --allow-ahead"
    else:
        yield "    -> restore the file, or revert its changes by hand, then: branchmig stamp --purge REVISION"


def skipped_lines(database: DatabaseStanding) -> list[str]:
    """Return the lines on skipped revisions, with the command that runs them; none if there are none."""
    if not database.skipped:
        return []
    return [
        f"  skipped: {_named(database.skipped)}: below an applied revision, but never run",
        f"    -> branchmig {'upgrade --missing' if database.has_journal else 'sync'}",
    ]


def edited_lines(database: DatabaseStanding) -> list[str]:
    """Return the lines on revisions that changed since they were applied, with the commands; none if there are none."""
    if not database.edited:
        return []
    ways = ["branchmig sync runs it again"] if database.rerun else []
    ways += ["if the change is right: branchmig repair --accept-edits"] if database.has_journal else []
    return [
        f"  edited: {_named(database.edited)}: changed since it was applied",
        f"    -> {'; '.join(ways)}",
    ]


def _titled(revision: Revision) -> str:
    return f"{revision.id} ({revision.title})" if revision.title else revision.id


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def status_document(standing: Standing, shown_path: ShownPath) -> dict[str, Any]:
    """The same for programs; `database` is the first of `databases`, which most projects have one of."""
    git = standing.git
    dag = standing.dag
    databases = [_database_entry(database) for database in standing.databases or ()]
    return {
        "version": VERSION,
        "git": None if git is None else {"branch": git.branch, "commit": git.commit, "target": git.target},
        "heads": []
        if dag is None
        else [revision_entry(dag, dag[revision_id], shown_path) for revision_id in dag.heads()],
        "problems": [_problem_entry(problem, shown_path) for problem in (*standing.problems, *standing.broken)],
        "merge_problems": [_problem_entry(problem, shown_path) for problem in standing.merge],
        "unchecked": [{"code": unchecked.code, "reason": unchecked.reason} for unchecked in standing.unchecked],
        "ignored": list(standing.ignored),
        "open": standing.open_points,
        "database": databases[0] if databases else None,
        "databases": databases,
        "worktrees": [worktree_entry(use) for use in standing.worktrees],
        "ok": standing.is_well,
    }


def worktree_entry(use: WorktreeUse) -> dict[str, Any]:
    """The same for programs."""
    return {
        "folder": use.folder,
        "branch": use.branch,
        "databases": list(use.databases),
        "gone": use.is_gone,
    }


def _problem_entry(problem: Problem, shown_path: ShownPath) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "revisions": list(problem.revisions),
        "paths": [shown_path(path) for path in problem.paths],
    }


def _database_entry(database: DatabaseStanding) -> dict[str, Any]:
    found = database.found or {}
    error = database.error
    look = database.drift_look
    return {
        **({"drift": {"at": _moment(look[0]), "differences": look[1]}} if look is not None else {}),
        "url": database.name,
        "heads": list(database.rows),
        "pending": [revision.id for revision in database.pending],
        "orphans": [
            {
                "revision": orphan,
                "state": "recoverable" if orphan in found else "lost",
                "found_in": list(found[orphan].found_in) if orphan in found else [],
                "commit": found[orphan].commit if orphan in found else None,
                "path": found[orphan].path if orphan in found else None,
                "place": database.absences[orphan].place if orphan in database.absences else "unknown",
            }
            for orphan in database.orphans
        ],
        "retired": list(database.retired),
        "not_checked_out": list(database.left_out),
        "skipped": list(database.skipped),
        "edited": list(database.edited),
        "unknown": list(database.unknown),
        "problems": [
            {
                "code": problem.code,
                "message": problem.message,
                "hint": problem.hint,
                "revisions": list(problem.revisions),
            }
            for problem in database.problems
        ],
        "unfinished": [_unfinished_entry(step) for step in database.unfinished],
        "error": None if error is None else {"code": error.code, "message": error.message, "hint": error.hint},
    }


def _unfinished_entry(step: Unfinished) -> dict[str, Any]:
    return {
        "revision": step.revision,
        "direction": step.direction,
        "done": [statement.text for statement in step.done],
        "under_way": None if step.uncertain is None else step.uncertain.text,
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Brings a place, what a merge adds, the rows of databases and git's authorship together into one picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchmig.errors import UsageError
from branchmig.history import needs_database, select_history
from branchmig.model import Revision
from branchmig.picture import ORPHAN, PENDING, Authorship, Picture, since, states_of, with_orphans
from branchmig.plan import check_applied
from branchmig.project import INDEX, WORKTREE
from branchmig.revision_file import read_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from branchmig.config import Invocation
    from branchmig.dag import RevisionDag
    from branchmig.git.repository import Repository
    from branchmig.project import Project, View


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be drawn: where, with which merge, which part, and whether the database is asked."""

    at: str = WORKTREE
    merged_with: str | None = None
    rev_range: str | None = None
    since: str | None = None
    asks_database: bool = False


def draw(project: Project, view: View, wish: Wish, databases: Sequence[Sequence[str]] | None) -> Picture:
    """Return the picture of a place. `databases` are the rows of version tables, None where none was asked.

    Raises UsageError for a range and a ref at once; what select_history and check_applied raise; GitError.
    """
    if wish.rev_range is not None and wish.since is not None:
        raise UsageError("--rev-range and --since each say what to draw", "give one of the two")
    dag = view.dag
    states: dict[str, str] = {}
    authors: dict[str, Authorship] = {}
    if databases is not None and wish.asks_database:
        dag, states, authors = _with_states(project, dag, databases)
    shown, boundary = _shown(project, view.dag, dag, wish, databases or ())
    added = frozenset[str]()
    if wish.merged_with is not None:
        before = {one.id for one in project.view(wish.at).revisions}
        added = frozenset(one.id for one in view.revisions if one.id not in before)
    return Picture(dag, shown, wish.at, wish.merged_with, states, added, boundary, authors)


def rows_of_databases(project: Project, invocation: Invocation, wish: Wish) -> list[tuple[str, ...]] | None:
    """Return the rows of each version table that env.py opens, where the wish has a use for them; else None."""
    if not (wish.asks_database or needs_database(wish.rev_range) or project.config.revision_environment):
        return None
    from branchmig.database.reader import read_rows_as_they_are

    return [found.rows for found in read_rows_as_they_are(project, invocation, "history")]


def with_authors(project: Project, view: View, picture: Picture, ids: Iterable[str]) -> Picture:
    """Return the picture with the commit, author and git branch that each of some revisions came from."""
    if project.repository is None:
        return picture
    from branchmig.git.authorship import authorships

    top = f"{project.repository.top}/"
    wanted = (picture.dag[one] for one in ids if one not in picture.authorships)
    paths = {one.id: one.path[len(top) :] for one in wanted if one.path and one.path.startswith(top)}
    found = authorships(project.repository, list(paths.values()), sides_of(view), project.folders) if paths else {}
    authors = {revision_id: found[path] for revision_id, path in paths.items()}
    return replace(picture, authorships={**picture.authorships, **authors})


def scripts_of(project: Project, view: View, picture: Picture) -> dict[str, str]:
    """Return the text of each script; of an orphan, as its last commit has it; none of what is only bytecode."""
    here = {one.id for one in view.revisions}
    paths = {one.id: one.path for one in picture.revisions if one.id in here and one.path and one.path[-3:] == ".py"}
    texts = view.read(list(paths.values()))
    found = {revision_id: _text(texts[path]) for revision_id, path in paths.items()}
    for one in picture.revisions:
        commit = picture.authorships[one.id].commit if one.id in picture.authorships else None
        if one.id not in here and commit and one.path and project.repository is not None:
            found[one.id] = _text(project.repository.run("cat-file", "blob", f"{commit}:{one.path}"))
    return found


def blame_of(
    project: Project, view: View, picture: Picture, step: Callable[[int, int, str], None], *, is_of_all: bool
) -> dict[str, list[tuple[str, str, str]]]:
    """Return commit, author and date of each line of scripts: of those that the target branch lacks, or of all.

    One git process for each script, a hundredth of a second: `step(number, total, text)` is told of each.
    """
    repository = project.repository
    if repository is None:
        return {}
    from branchmig.git.authorship import blame

    known = frozenset() if is_of_all else _in_target(project, repository)
    top = f"{repository.top}/"
    here = {one.id for one in view.revisions}
    wanted = [one for one in picture.revisions if one.id in here and one.id not in known | picture.boundary]
    paths = [(one.id, one.path[len(top) :]) for one in wanted if one.path and one.path.startswith(top)]
    sides = [None if view.at == WORKTREE else sides_of(view)[0], *sides_of(view)[1:]]
    found = {}
    for number, (revision_id, path) in enumerate(paths, 1):
        step(number, len(paths), f"git blame {path}")
        found[revision_id] = next((lines for side in sides if (lines := blame(repository, path, side))), [])
    return found


def _in_target(project: Project, repository: Repository) -> frozenset[str]:
    from branchmig.git.history import commit_of, target_branch

    target = target_branch(repository, project.config.settings.target)
    if target is None:
        return frozenset()
    return frozenset(one.id for one in project.tree_view(commit_of(repository, target)).revisions)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def sides_of(view: View) -> list[str]:
    """Return the refs whose history made what a view shows."""
    own = "HEAD" if view.at in (WORKTREE, INDEX) else view.at
    return [own, *([view.merged_with] if view.merged_with else [])]


def _shown(
    project: Project, here: RevisionDag, dag: RevisionDag, wish: Wish, databases: Sequence[Sequence[str]]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return what is drawn, newest first, and what of it only stands at the edge. A range knows no orphans."""
    if wish.since is not None:
        from branchmig.git.history import commit_of

        there = project.tree_view(commit_of(project.tracked, wish.since))
        return since(dag, {one.id for one in there.revisions})
    if wish.rev_range is None:
        return tuple(reversed(dag.order())), frozenset()
    applied = sorted({row for rows in databases for row in check_applied(here, rows)})
    return tuple(one.id for one in select_history(here, wish.rev_range, applied)), frozenset()


def _with_states(
    project: Project, dag: RevisionDag, databases: Sequence[Sequence[str]]
) -> tuple[RevisionDag, dict[str, str], dict[str, Authorship]]:
    """Return the graph with the revisions that only the databases know, every state that is known, and who made them.

    An orphan that no commit has is a revision without parents: what it stood on, and so what is pending, is unknown.
    """
    missing = sorted({str(row) for rows in databases for row in rows if row not in dag and not _begins_an_id(dag, row)})
    orphans, authors = _located(project, dag, missing)
    wider = with_orphans(dag, list(orphans.values())) if orphans else dag
    checked = [check_applied(wider, rows) for rows in databases]
    states = {**states_of(wider, checked), **dict.fromkeys(orphans, ORPHAN)}
    if any(one not in authors for one in orphans):
        states = {one: state for one, state in states.items() if state != PENDING}
    return wider, states, authors


def _begins_an_id(dag: RevisionDag, row: str | None) -> bool:
    """Return whether a row is NULL or an abbreviation: check_applied says what to do about those."""
    return row is None or any(one.id.startswith(row) for one in dag)


def _located(
    project: Project, dag: RevisionDag, missing: Sequence[str]
) -> tuple[dict[str, Revision], dict[str, Authorship]]:
    """Look revisions up in all of git's history, with those below them that this place lacks, too."""
    found: dict[str, Revision] = {}
    authors: dict[str, Authorship] = {}
    waiting = list(missing)
    while waiting:
        revision_id = waiting.pop()
        if revision_id in dag or revision_id in found:
            continue
        known = None if project.repository is None else _in_history(project, project.repository, revision_id)
        found[revision_id], author = known or (Revision(revision_id), None)
        if author is not None:
            authors[revision_id] = author
        waiting += found[revision_id].parents
    return found, authors


def _in_history(project: Project, repository: Repository, revision_id: str) -> tuple[Revision, Authorship] | None:
    from branchmig.git.orphans import locate

    place = locate(repository, project.folders, revision_id, is_recursive=project.config.is_recursive)
    if place is None:
        return None
    text = repository.run("cat-file", "blob", f"{place.commit}:{place.path}")
    content = read_revision(text, place.path)
    if not isinstance(content, Revision):
        return None
    return content, Authorship(place.branch, place.commit, place.author)

"""Brings a place, what a merge adds, git's authorship, and who is at which revision together into one picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError, UsageError
from branchmig.git.authorship import authorships, blame
from branchmig.git.history import branches, listed_refs
from branchmig.git.paths import paths_from_top
from branchmig.git.targets import target_refs
from branchmig.model import Origin
from branchmig.planning.history import needs_database, select_history
from branchmig.planning.picture import ORPHAN, PENDING, Picture, Place, Unplaced, since, states_of, with_orphans
from branchmig.planning.plan import check_applied
from branchmig.progress import Announce, with_progress
from branchmig.project.config import Invocation
from branchmig.project.project import INDEX, WORKTREE, Project, View
from branchmig.workflows.applied_history import AppliedHistory, Record, applied_history, target_ids

if TYPE_CHECKING:
    from branchmig.database.reader import VersionRows
    from branchmig.git.repository import Repository


@dataclass(frozen=True, slots=True)
class GraphOptions:
    """The options of a drawing: place, merge, range, and whether to ask the database."""

    at: str = WORKTREE
    merged_with: str | None = None
    rev_range: str | None = None
    since: str | None = None
    asks_database: bool = False


def draw(project: Project, view: View, options: GraphOptions, databases: Sequence[VersionRows]) -> Picture:
    """Return the picture of a place. `databases` are the version tables that were asked.

    Raises UsageError for a range and a ref at once; what select_history and check_applied raise; GitError.
    """
    if options.rev_range is not None and options.since is not None:
        raise UsageError("--rev-range and --since each say what to draw", "give one of the two")
    dag = view.dag
    states: dict[str, str] = {}
    authors: dict[str, Origin] = {}
    if options.asks_database:
        dag, states, authors = _with_states(project, dag, databases)
    shown, boundary = _shown(project, view.dag, dag, options, databases)
    added = frozenset[str]()
    if options.merged_with is not None:
        before = project.view(options.at).ids
        added = frozenset(revision.id for revision in view.revisions if revision.id not in before)
    asked = tuple(found.url for found in databases) if options.asks_database else ()
    return Picture(
        dag,
        shown,
        options.at,
        options.merged_with,
        states,
        added,
        boundary,
        authors,
        databases=tuple(dict.fromkeys(asked)),
    )


def databases_for(project: Project, invocation: Invocation, options: GraphOptions) -> list[VersionRows]:
    """Return each version table that env.py opens, as it is, where the options has a use for them; else none."""
    if not (options.asks_database or needs_database(options.rev_range) or project.config.revision_environment):
        return []
    from branchmig.database.reader import read_rows_as_they_are

    return read_rows_as_they_are(project, invocation, "history")


def with_authors(project: Project, view: View, picture: Picture, ids: Iterable[str]) -> Picture:
    """Return the picture with the commit, author and git branch that each of some revisions came from."""
    if project.repository is None:
        return picture
    wanted = (picture.dag[revision_id] for revision_id in ids if revision_id not in picture.authorships)
    paths = paths_from_top(project.repository, {revision.id: revision.path for revision in wanted})
    where = (sides_of(view), project.folders, target_refs(project.repository, project.config.settings.target))
    found = authorships(project.repository, list(paths.values()), *where) if paths else {}
    authors = {revision_id: found[path] for revision_id, path in paths.items()}
    return replace(picture, authorships={**picture.authorships, **authors})


def scripts_of(project: Project, view: View, picture: Picture) -> dict[str, bytes]:
    """Return each script; of an orphan, as its last commit has it; none of what is only bytecode."""
    here = view.ids
    found = view.scripts(
        revision for revision in picture.revisions if revision.id in here and (revision.path or "").endswith(".py")
    )
    for revision in picture.revisions:
        commit = picture.authorships[revision.id].commit if revision.id in picture.authorships else None
        if revision.id not in here and commit and revision.path and project.repository is not None:
            path = project.repository.from_top(revision.path)
            found[revision.id] = project.repository.run("cat-file", "blob", f"{commit}:{path}")
    return found


def blame_of(
    project: Project, view: View, picture: Picture, step: Announce, *, is_of_all: bool
) -> dict[str, list[tuple[str, str, str]]]:
    """Return commit, author and date of each line of scripts: of those that the target branch lacks, or of all.

    One git process for each script, a hundredth of a second: `step(number, total, text)` is called for each.
    """
    repository = project.repository
    if repository is None:
        return {}
    known = picture.boundary | (frozenset() if is_of_all else target_ids(project))
    here = view.ids
    wanted = [revision for revision in picture.revisions if revision.id in here and revision.id not in known]
    paths = list(paths_from_top(repository, {revision.id: revision.path for revision in wanted}).items())
    sides = [None if view.at == WORKTREE else sides_of(view)[0], *sides_of(view)[1:]]
    found = {}
    for number, (revision_id, path) in enumerate(paths, 1):
        step(number, len(paths), f"git blame {path}")
        found[revision_id] = next((lines for side in sides if (lines := blame(repository, path, side))), [])
    return found


def sides_of(view: View) -> list[str]:
    """Return the refs whose history made what a view shows."""
    own = "HEAD" if view.at in (WORKTREE, INDEX) else view.at
    return [own, *([view.merged_with] if view.merged_with else [])]


def _shown(
    project: Project, here: RevisionDag, dag: RevisionDag, options: GraphOptions, databases: Sequence[VersionRows]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return what is drawn, newest first, and what of it only stands at the edge. A range knows no orphans."""
    if options.since is not None:
        return since(dag, project.ref_view(options.since).ids)
    if options.rev_range is None:
        return tuple(reversed(dag.order())), frozenset()
    applied = sorted({row for found in databases for row in check_applied(here, found.rows)})
    return tuple(revision.id for revision in select_history(here, options.rev_range, applied)), frozenset()


def _with_states(
    project: Project, dag: RevisionDag, databases: Sequence[VersionRows]
) -> tuple[RevisionDag, dict[str, str], dict[str, Origin]]:
    """Return the graph with the revisions that only the databases know, every state that is known, and who made them.

    Of an orphan that nobody has, nor a journal, what it stood on is unknown; and so is what is pending.
    """
    missing = sorted({row for found in databases for row in found.rows if _is_missing(dag, row)})
    records = _records(dag, databases)
    history = applied_history(project, dag, missing, records) if missing else AppliedHistory(RevisionDag([]))
    orphans = [history.dag[revision_id] for revision_id in history.orphans]
    wider = with_orphans(dag, orphans) if orphans else dag
    states = states_of(wider, [check_applied(wider, found.rows) for found in databases])
    for ledger in (found.ledger for found in databases if found.ledger is not None):
        states |= {
            name: state for name, state in ledger.states.items() if state in ("edited", "skipped") and name in dag
        }
    states |= {revision.id: ORPHAN for revision in orphans}
    if not records.keys() >= set(history.lost):
        states = {name: state for name, state in states.items() if state != PENDING}
    authors = {
        source: Origin(at.branch or at.was_on, at.commit or None, at.author or None)
        for source, at in history.sources.items()
    }
    return wider, states, authors


def _is_missing(dag: RevisionDag, row: str | None) -> bool:
    """Return whether a row is an orphan; check_applied says what to do about NULL and about an abbreviation."""
    return row is not None and row not in dag and not any(revision.id.startswith(row) for revision in dag)


def _records(dag: RevisionDag, databases: Sequence[VersionRows]) -> dict[str, Record]:
    """Return what journals know of revisions that the graph lacks."""
    ledgers = [found.ledger for found in databases if found.ledger is not None]
    entries = {record: entry for ledger in ledgers for record, entry in ledger.records.items() if record not in dag}
    return {
        name: Record(entry.parents, entry.blob or "") for name, entry in entries.items() if entry.parents is not None
    }


LOST = "it is at {}, which this graph does not have"
LEFT_OUT = "it is at {}, which this drawing leaves out"


def with_databases(picture: Picture, rows: Iterable[tuple[str, Sequence[str] | None, str]]) -> Picture:
    """Return the picture with databases at their version rows. Each is its name, its rows or None, and why None."""
    places: list[tuple[str, Place]] = []
    lost: list[Unplaced] = []
    shown = frozenset(picture.shown)
    for name, own, reason in rows:
        if own is None:
            lost.append(Unplaced("database", name, reason))
            continue
        unknown = [str(row) for row in own if row not in picture.dag]
        places += [(row, Place("database", name)) for row in own if row in shown]
        hidden = [row for row in own if row in picture.dag and row not in shown]
        if hidden:
            lost.append(Unplaced("database", name, LEFT_OUT.format(", ".join(hidden))))
        if unknown:
            lost.append(Unplaced("database", name, LOST.format(", ".join(unknown))))
        elif not own:
            lost.append(Unplaced("database", name, "it is empty: no revision is applied"))
    return _placed(picture, places, lost)


def with_refs(project: Project, picture: Picture) -> Picture:
    """Return the picture with git branches and tags at their heads.

    Where a branch has revisions that the graph lacks, it is at the nearest that the graph has, with their number.
    """
    if project.repository is None:
        return picture
    refs = _refs(project.repository)
    groups = _alike(project, refs)
    places: list[tuple[str, Place]] = []
    lost: list[Unplaced] = []
    for names in with_progress(groups, len(groups), "reading the revisions of git branches and tags"):
        try:
            view = project.tree_view(refs[names[0]])
            heads, beyond = _nearest(picture.dag, view)
        except BranchmigError as error:
            lost += [Unplaced(*_named(ref), error.message) for ref in names]
            continue
        for ref in names:
            kind, name = _named(ref)
            places += [(head, Place(kind, name, beyond)) for head in heads]
            if not heads and beyond:
                lost.append(Unplaced(kind, name, "its revisions are none of this graph's"))
    return _placed(picture, places, lost)


def _placed(picture: Picture, places: Iterable[tuple[str, Place]], lost: Iterable[Unplaced]) -> Picture:
    found = {revision_id: list(those) for revision_id, those in picture.places.items()}
    for revision_id, place in places:
        found.setdefault(revision_id, []).append(place)
    sorted_places = {revision_id: tuple(sorted(set(those))) for revision_id, those in found.items()}
    return replace(picture, places=sorted_places, unplaced=tuple(sorted({*picture.unplaced, *lost})))


def _refs(repository: Repository) -> dict[str, str]:
    """Return branches and tags with their commits, by full name; a remote branch that a local one equals comes once."""
    found = branches(repository)
    local = {(ref.removeprefix("refs/heads/"), commit) for ref, commit in found.items() if ref[:11] == "refs/heads/"}
    refs = {
        ref: commit
        for ref, commit in found.items()
        if ref[:11] == "refs/heads/" or (ref.removeprefix("refs/remotes/").partition("/")[2], commit) not in local
    }
    tags = [ref for _, _, ref in listed_refs(repository, "refs/tags/")]
    commits = zip(tags, repository.ids_of([f"{ref}^{{commit}}" for ref in tags]), strict=True)
    return refs | {ref: commit for ref, commit in commits if commit is not None}


def _alike(project: Project, refs: Mapping[str, str]) -> list[list[str]]:
    """Return the refs in groups that have the same files of revisions, so that each is read once."""
    commits = list(dict.fromkeys(refs.values()))
    folders = project.folders
    found = iter(project.tracked.ids_of([f"{commit}:{folder}" for commit in commits for folder in folders]))
    trees = {commit: tuple(next(found) for _ in folders) for commit in commits}
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for ref, commit in sorted(refs.items()):
        ids = trees[commit]
        groups.setdefault((commit,) if None in ids else ids, []).append(ref)
    return list(groups.values())


def _nearest(dag: RevisionDag, view: View) -> tuple[list[str], int]:
    """Return the uppermost revisions of a place that a graph has, and how many of the place's it lacks."""
    if view.problems:
        raise BranchmigError(view.problems[0].message)
    ids = view.ids
    known = {revision_id for revision_id in ids if revision_id in dag}
    below = {parent for revision_id in known for parent in dag[revision_id].parents}
    return sorted(known - below), len(ids - known)


def _named(ref: str) -> tuple[str, str]:
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    return kind, ref.split("/", 2)[2]

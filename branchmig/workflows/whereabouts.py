"""Who is where: the revisions at which databases, git branches and tags stand, as marks of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.errors import BranchmigError
from branchmig.git.history import branches, listed_refs
from branchmig.planning.picture import Picture, Place, Unplaced
from branchmig.progress import with_progress
from branchmig.project.project import Project, View

if TYPE_CHECKING:
    from branchmig.git.repository import Repository

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
    """Return the kind of a ref, and its short name."""
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    return kind, ref.split("/", 2)[2]

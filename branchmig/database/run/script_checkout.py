"""Lays the scripts of a git place out as real files, with the files beside them, so that they can be run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from branchmig.dag import RevisionDag
from branchmig.database.run.imports import forget
from branchmig.git.places import index_snapshot, tree_snapshot
from branchmig.model import Revision
from branchmig.project.project import Project, View


@contextmanager
def placed(project: Project, *views: View) -> Iterator[Project]:
    """Give the project with the scripts of some places as files; those of the work tree where they are.

    A revision that several places have is the first one's. Scripts of git blobs, with all that their place has
    below script_location and the version folders, lie in a folder that only this user can read, for as long as the
    block: `Path(__file__).parent / "seed.sql"` is that of the place. env.py, and modules that a script imports, are
    the work tree's.
    """
    with ExitStack() as stack:
        revisions: dict[str, Revision] = {}
        names: dict[str, str] = {}
        for view in views:
            new = [revision for revision in view.dag if revision.id not in revisions]
            wanted = [revision.path for revision in new if revision.path is not None and revision.path in view.blobs]
            moved = _lay_out(stack, project, view, wanted) if wanted else {}
            names |= {there: path for path, there in moved.items()}
            revisions |= {
                revision.id: replace(revision, path=moved.get(revision.path or "", revision.path)) for revision in new
            }
        yield project.with_scripts(RevisionDag(revisions.values()), names)


@contextmanager
def placed_alone(project: Project, view: View) -> Iterator[Project]:
    """Give the project with the scripts of one place as files, and with what they import from its script folders.

    env.py, and what it imports, are the work tree's.
    """
    wanted = [revision.path for revision in view.dag if revision.path is not None and revision.path in view.blobs]
    with ExitStack() as stack:
        moved = _lay_out(stack, project, view, wanted) if wanted else {}
        top = str(project.tracked.top) if moved else ""
        roots = {there: there.removesuffix(path[len(top) :]) for path, there in moved.items()}
        for root in set(roots.values()):
            stack.callback(forget, root)
        revisions = [replace(revision, path=moved.get(revision.path or "", revision.path)) for revision in view.dag]
        yield project.with_scripts(RevisionDag(revisions), {there: path for path, there in moved.items()}, roots)


@contextmanager
def scripts_of_commits(
    project: Project, dag: RevisionDag, scripts: Iterable[tuple[str, str]]
) -> Iterator[tuple[Project, Mapping[tuple[str, str], str]]]:
    """Give the project with the graph `dag`, and where some commits' scripts, by commit and path from the top, lie.

    A script that no commit holds is named by its blob, and no path. Each commit's script folders lie in a folder of
    their own, whole, for as long as the block; what a script imports from them comes from there, too (imports.py).
    """
    with ExitStack() as stack:
        wanted = sorted(set(scripts))
        top = str(project.tracked.top) if wanted else ""
        files: dict[tuple[str, str], str] = {}
        roots: dict[str, str] = {}
        for blob in (name for name, path in wanted if not path):
            files[blob, ""] = _alone(stack, project, blob)
        for commit in dict.fromkeys(commit for commit, path in wanted if path):
            own = [f"{top}/{path}" for at, path in wanted if at == commit]
            laid_out = _lay_out(stack, project, project.tree_view(commit), own)
            for path, there in laid_out.items():
                files[commit, path[len(top) + 1 :]] = there
                roots[there] = there.removesuffix(path[len(top) :])
        for root in set(roots.values()):
            stack.callback(forget, root)
        names = {there: f"{top}/{path}" for (_, path), there in files.items() if path}
        yield project.with_scripts(dag, names, roots, project.dag), files


GIT = "git:"  # what the source of a step begins with whose script is in git: `git:COMMIT:PATH`, or `git:BLOB`


@contextmanager
def scripts_of_sources(
    project: Project, dag: RevisionDag, sources: Iterable[str], texts: Mapping[str, tuple[str, bytes]]
) -> Iterator[tuple[Project, Mapping[str, str]]]:
    """Give the project with the graph `dag`, and the files of the scripts that the sources of some steps name.

    `texts` has the scripts of a bundle by their sources; what is in the work tree has no file of its own here.
    """
    named = [source.removeprefix(GIT).partition(":") for source in sources if source.startswith(GIT)]
    with (
        scripts_of_commits(project, dag, [(commit, path) for commit, _, path in named]) as (placed, laid_out),
        scripts_of_texts(project, texts) as files,
    ):
        of_git = {f"{GIT}{commit}:{path}" if path else f"{GIT}{commit}": at for (commit, path), at in laid_out.items()}
        yield placed, {**of_git, **files}


@contextmanager
def scripts_of_texts(project: Project, texts: Mapping[str, tuple[str, bytes]]) -> Iterator[Mapping[str, str]]:
    """Give the files of scripts that no commit here holds, by what names them; `texts` have where each was, and it.

    They lie in a folder of their own for as long as the block, with links to all that is in the script folders now.
    """
    if not texts:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="branchmig-") as folder:
        home = os.path.commonpath([str(project.config.script_location), *(path for path, _ in texts.values())])
        files = {name: _written(folder, os.path.relpath(path, home), text) for name, (path, text) in texts.items()}
        _link_beside(home, folder)
        yield files


def _link_beside(home: str, folder: str) -> None:
    """Link what a folder holds into another that stands for it, where that has nothing of the name."""
    for name in os.listdir(home):
        place = os.path.join(folder, name)
        if os.path.isdir(place):
            _link_beside(os.path.join(home, name), place)
        elif not os.path.lexists(place) and name != "__pycache__":
            os.symlink(os.path.join(home, name), place)


def _alone(stack: ExitStack, project: Project, blob: str) -> str:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="branchmig-"))
    return _written(folder, f"{blob[:10]}.py", dict(project.tracked.blobs([blob]))[blob])


def _lay_out(stack: ExitStack, project: Project, view: View, wanted: Iterable[str]) -> dict[str, str]:
    """Write some revision files and the files beside them; return where each is now."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="branchmig-"))  # made with mode 0700
    top = str(project.tracked.top)
    blobs = {path: blob for path, blob in beside(project, view).items() if f"{top}/{path}" not in view.blobs}
    blobs |= {path[len(top) + 1 :]: view.blobs[path] for path in wanted}
    content = dict(project.tracked.blobs(list(dict.fromkeys(blobs.values())), view.more))
    for path, blob in blobs.items():
        _written(folder, path, content[blob])
    return {path: f"{folder}{path[len(top) :]}" for path in wanted}


def beside(project: Project, view: View) -> Mapping[str, str]:
    """Return the blobs, by path from the top, of all that the place has where scripts lie."""
    repository = project.tracked
    layout = project.layout_of(view)
    home = os.path.relpath(os.path.realpath(layout.config.script_location), str(repository.top))
    folders = list(dict.fromkeys([*layout.folders, *([] if home.startswith(os.pardir) else [home])]))
    if view.tree:
        return tree_snapshot(repository, view.tree, folders, view.more).blobs
    return index_snapshot(repository, folders).blobs


def _written(folder: str, path: str, content: bytes) -> str:
    """Write a file somewhere below a folder, and return where it is."""
    place = os.path.join(folder, path)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "wb") as stream:
        stream.write(content)
    return place

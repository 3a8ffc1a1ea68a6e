"""Completions of a half-typed value: revisions with their messages, labels, git refs. Writes nothing to the screen.

Each takes the context of the command that is typed and what is there of the value. Without a project, a graph or a git
repository there are none: what goes wrong is a BranchmigError, for the caller to keep to itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from branchmig.errors import BranchmigError, RevisionGraphError
from branchmig.git.history import ref_names, short_ref
from branchmig.git.repository import Repository
from branchmig.model import Revision
from branchmig.planning.picture import first_line
from branchmig.project.config import locate_files
from branchmig.project.project import INDEX, WORKTREE, Project, View

if TYPE_CHECKING:
    import click


MOST_UNASKED, MOST = 100, 2_000
"""Revisions that are offered while nothing of the id is typed, the newest; and at all."""

_WORDS = {
    "head": "the head",
    "heads": "every head",
    "base": "before the first revision",
    "current": "what the database is at",
}
_KINDS = {"refs/heads/": "branch", "refs/remotes/": "remote branch", "refs/tags/": "tag"}


def revisions(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return words, labels and ids; of a range `a:b` and of `label@head` what the last part could be."""
    start = incomplete[: incomplete.rfind(":") + 1]
    label, at, typed = incomplete[len(start) :].rpartition("@")
    before = f"{start}{label}{at}"
    found = list(_WORDS.items())
    if not at:
        view = _view(ctx)
        found += _labels(view.revisions) + _ids(view, typed)
    return _items(found, typed, before)


def refs(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return HEAD and every branch and tag."""
    return _items(_with_head(_repository(ctx)), incomplete)


def places(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the work tree, the index, and every ref."""
    repository = _repository(ctx)
    index = [] if repository is None else [(INDEX, "what is staged")]
    return _items([(WORKTREE, "the files as they are"), *index, *_with_head(repository)], incomplete)


def switchable(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return what `git switch` takes: local branches, and those of remotes, of which it makes local ones."""
    names = _refs(_repository(ctx))
    local = [(name, kind) for name, kind in names if kind == "branch"]
    known = {name for name, _ in local}
    remote = [(name.partition("/")[2], kind) for name, kind in names if kind == "remote branch"]
    return _items([*local, *((name, kind) for name, kind in remote if name not in known)], incomplete)


def _items(found: Iterable[tuple[str, str]], typed: str, before: str = "") -> list[CompletionItem]:
    known = dict(reversed([(name, help_) for name, help_ in found if name.startswith(typed)]))
    return [CompletionItem(f"{before}{name}", help=help_) for name, help_ in reversed(known.items())]


def _view(ctx: click.Context) -> View:
    at, merged_with = ctx.params.get("at") or WORKTREE, ctx.params.get("merged_with")
    return _project(ctx).view(at, merged_with)


def _project(ctx: click.Context) -> Project:
    given = ctx.find_root().params
    return Project.open(locate_files(given.get("config") or (), given.get("name") or "alembic", os.environ))


def _repository(ctx: click.Context) -> Repository | None:
    try:
        return _project(ctx).repository
    except BranchmigError:
        return Repository.discover(Path.cwd())


def _with_head(repository: Repository | None) -> list[tuple[str, str]]:
    return [] if repository is None else [("HEAD", "the current checkout"), *_refs(repository)]


def _refs(repository: Repository | None) -> list[tuple[str, str]]:
    names = [] if repository is None else ref_names(repository)
    return [
        (short_ref(name), next(kind for start, kind in _KINDS.items() if name.startswith(start)))
        for name in names
        if not name.endswith("/HEAD")
    ]


def _labels(found: Sequence[Revision]) -> list[tuple[str, str]]:
    labels = sorted({label for revision in found for label in revision.labels})
    return [(f"{label}@head", "the head with this label") for label in labels]


def _ids(view: View, typed: str) -> list[tuple[str, str]]:
    """Return the ids that begin as typed, newest first, with their messages; of a graph that is not sound, by id."""
    wanted = [revision for revision in view.revisions if revision.id.startswith(typed)]
    return [(revision.id, first_line(revision.message)) for revision in _newest_first(view, wanted)][
        : MOST if typed else MOST_UNASKED
    ]


def _newest_first(view: View, wanted: Sequence[Revision]) -> Iterator[Revision]:
    try:
        order = {revision_id: number for number, revision_id in enumerate(view.dag.order())}
    except RevisionGraphError:
        yield from sorted(wanted, key=lambda revision: revision.id)
        return
    yield from sorted(wanted, key=lambda each_revision: -order[each_revision.id])

"""Small graphs in one line: `graph(a="", b="a", c="a", m="b c")`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from branchmig.dag import RevisionDag
from branchmig.model import Revision

if TYPE_CHECKING:
    from collections.abc import Mapping


def graph(
    labels: Mapping[str, str] | None = None, depends_on: Mapping[str, str] | None = None, **parents: str
) -> RevisionDag:
    """Return the graph of revisions with these parents; `labels` and `depends_on` are by revision too."""
    return RevisionDag(
        Revision(revision_id, tuple(names.split()), _words(depends_on, revision_id), _words(labels, revision_id))
        for revision_id, names in parents.items()
    )


def line(length: int) -> list[Revision]:
    """Return revisions that form one line: r000000 - r000001 - …"""
    ids = [f"r{number:06}" for number in range(length)]
    return [Revision(ids[0]), *(Revision(item, (below,)) for below, item in pairwise(ids))]


def _words(by_revision: Mapping[str, str] | None, revision_id: str) -> tuple[str, ...]:
    return tuple((by_revision or {}).get(revision_id, "").split())

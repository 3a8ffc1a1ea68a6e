"""Plans base → heads over a branchy history in this process, with one of the two programs.

Run as `python -m benchmarks.planning PROGRAM REVISIONS`. Prints the seconds that building the graph and planning
took, imports that these trigger included, then a digest of the revisions in the plan. The values that either
graph is built from are made before the clock starts.
"""

from __future__ import annotations

import hashlib
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.history import parents_by_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Parents = Mapping[str, tuple[str, ...]]


def with_branchmig(parents: Parents) -> Callable[[], list[str]]:
    from branchmig import Revision, RevisionDag, plan_upgrade

    revisions = [Revision(revision, parents=below) for revision, below in parents.items()]

    def plan() -> list[str]:
        steps = plan_upgrade(RevisionDag(revisions), "heads").steps
        return [step.revision.id for step in steps if step.revision is not None]

    return plan


def with_alembic(parents: Parents) -> Callable[[], list[str]]:
    from alembic.script.revision import Revision, RevisionMap

    revisions = [Revision(revision, below or None) for revision, below in parents.items()]

    def plan() -> list[str]:
        # What alembic.script.ScriptDirectory._upgrade_revs does before it wraps each revision in a step.
        found = RevisionMap(lambda: revisions).iterate_revisions("heads", (), implicit_base=True)
        return [revision.revision for revision in reversed(list(found))]

    return plan


def main(program: str, revisions: int) -> None:
    plan = {"branchmig": with_branchmig, "alembic": with_alembic}[program](parents_by_id("branchy", revisions))
    began = time.perf_counter()
    planned = plan()
    print(time.perf_counter() - began)
    print(len(planned), hashlib.sha256("".join(sorted(planned)).encode()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

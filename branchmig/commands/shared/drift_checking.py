"""What `drift_check = true` has downgrade and sync look at first."""

from __future__ import annotations

from branchmig.errors import AnswerIsNo
from branchmig.project.config import Invocation
from branchmig.project.project import Project


def refuse_drift(project: Project, invocation: Invocation) -> None:
    """Go on only where the live schema is what its applied revisions build. Raises AnswerIsNo with the differences."""
    from branchmig.render.drift import drift_lines
    from branchmig.workflows.drift import drift

    found = drift(project, invocation)
    if any(database.drift for database in found):
        raise AnswerIsNo(
            "the live schema is not what its applied revisions build: nothing was run",
            "settle these differences first; drift_check = false goes past them",
            [line.strip() for line in drift_lines(found)],
        )

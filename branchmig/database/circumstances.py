"""Under which circumstances a step ran: git commit and branch where they can be known, who, and on which host."""

from __future__ import annotations

import getpass
import os
import platform
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from branchmig.errors import GitError

if TYPE_CHECKING:
    from branchmig.model import Step
    from branchmig.project import Project

COMMIT_VARIABLE = "BRANCHMIG_GIT_COMMIT"


@dataclass(frozen=True)
class Circumstances:
    """What is asked once for a run, and only if something is written. Nothing here fails: git is never needed."""

    project: Project

    def commit_of(self, step: Step | None) -> str | None:
        """Return the commit that a step's script is from: its own where it runs from git, else what is checked out."""
        if step is not None and step.source.startswith("git:"):
            return step.source.split(":", 2)[1]
        return self._head[0]

    @property
    def branch(self) -> str | None:
        """The git branch that is checked out."""
        return self._head[1]

    @cached_property
    def who(self) -> str | None:
        """The user, as the system names them."""
        try:
            return getpass.getuser()
        except (KeyError, OSError, ImportError):  # a container's user may have a number and no name
            return str(os.getuid()) if hasattr(os, "getuid") else None

    @cached_property
    def host(self) -> str:
        """The name of this machine."""
        return platform.node()

    @cached_property
    def _head(self) -> tuple[str | None, str | None]:
        from branchmig.git.history import current_branch

        told = os.environ.get(COMMIT_VARIABLE) or self.project.config.settings.git_commit
        try:
            repository = self.project.repository
            if repository is not None and (commit := repository.commit("HEAD")):
                return commit, current_branch(repository)
        except GitError:
            pass
        return told, None

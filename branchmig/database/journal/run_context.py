"""The circumstances of a step: git commit and branch if known, user and host."""

from __future__ import annotations

import getpass
import os
import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from branchmig.errors import GitError
from branchmig.model import Step
from branchmig.project.project import Project

COMMIT_VARIABLE = "BRANCHMIG_GIT_COMMIT"
_WITH_COMMIT = ("git:", "bundle:")  # what the source of a step begins with that names its commit
DEPLOYER_VARIABLE = "BRANCHMIG_DEPLOYED_BY"


@dataclass(frozen=True)
class Circumstances:
    """Facts read once for a run, and only if the run writes. Nothing here fails: git is never needed."""

    project: Project

    def commit_of(self, step: Step | None) -> str | None:
        """Return the commit that a step's script is from: its own where it runs from git, else the current checkout."""
        if step is not None and step.source.startswith(_WITH_COMMIT):
            return step.source.split(":", 2)[1]
        return self._head[0]

    def is_in_commit(self, step: Step | None) -> bool | None:
        """Return whether a step's script is, as it runs, in that commit; None where that is not known."""
        if step is None or step.revision is None or step.revision.path is None:
            return None
        if step.source.startswith(_WITH_COMMIT):
            return True
        uncommitted = self._uncommitted
        return None if uncommitted is None else str(Path(step.revision.path).resolve()) not in uncommitted

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

    @property
    def deployed_by(self) -> str | None:
        """Who deploys, as the caller names it: a person behind a pipeline's account, or a job's address."""
        return os.environ.get(DEPLOYER_VARIABLE) or self.project.config.settings.deployed_by

    @cached_property
    def host(self) -> str:
        """The name of this machine."""
        return platform.node()

    @cached_property
    def clone(self) -> str | None:
        """The mark of this git clone; None without git."""
        from branchmig.git.clones import clone_id

        try:
            return None if self.project.repository is None else clone_id(self.project.repository)
        except GitError:
            return None

    @cached_property
    def _head(self) -> tuple[str | None, str | None]:
        from branchmig.git.history import current_branch

        given = os.environ.get(COMMIT_VARIABLE) or self.project.config.settings.git_commit
        try:
            repository = self.project.repository
            if repository is not None and (commit := repository.commit("HEAD")):
                return commit, current_branch(repository)
        except (GitError, OSError):  # git is there and cannot be run, or there are no descriptors left for it
            pass
        return given, None

    @cached_property
    def _uncommitted(self) -> frozenset[str] | None:
        """The files of the migrations folders that are not as in HEAD, with their whole path."""
        from branchmig.git.paths import pathspecs

        try:
            repository = self.project.repository
            if repository is None or not repository.commit("HEAD"):
                return None
            folders = pathspecs(self.project.folders) or ["."]
            changed = repository.run("diff", "--name-only", "-z", "HEAD", "--", *folders)
            others = repository.run("ls-files", "-z", "--others", "--", *folders)
        except (GitError, OSError):
            return None
        names = os.fsdecode(changed + others).split("\0")
        return frozenset(str(Path(repository.top, name).resolve()) for name in names if name)

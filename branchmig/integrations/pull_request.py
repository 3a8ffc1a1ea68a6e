"""The pull or merge request that a CI job runs for, as GitHub Actions and GitLab CI describe it to the job.

https://docs.github.com/actions/reference/workflows-and-actions/variables, .../events-that-trigger-workflows
https://docs.gitlab.com/ci/variables/predefined_variables/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchmig.errors import GitError

if TYPE_CHECKING:
    from collections.abc import Mapping

QUEUE = "the checkout is a merge queue's own"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """The branch that a job is for, and what keeps the job from pushing to it.

    `commit` is the branch's tip when the job was started; None where CI does not say. `refusal` says why the branch
    is not one that this clone's remote has: it is a fork's, or a queue's. A fork's branch may have the name of a
    branch of the repository.
    """

    branch: str
    commit: str | None
    refusal: str = ""

    @property
    def is_queue(self) -> bool:
        """Whether the job is for a merge queue or train: what it has checked out is merged already, in its order."""
        return self.refusal.startswith(QUEUE)


def pull_request(environment: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request of a job; None where it is for none. Raises GitError where CI does not say whose."""
    if environment.get("GITHUB_EVENT_NAME") or environment.get("GITHUB_HEAD_REF"):
        return _of_github(environment)
    if environment.get("CI_MERGE_REQUEST_IID"):
        return _of_gitlab(environment)
    return None


def _of_github(environment: Mapping[str, str]) -> PullRequest | None:
    name, head_ref = environment.get("GITHUB_EVENT_NAME", ""), environment.get("GITHUB_HEAD_REF", "")
    if name == "merge_group":
        return PullRequest(environment.get("GITHUB_REF_NAME", ""), None, f"{QUEUE}: GitHub makes and deletes it")
    if not head_ref and not name.startswith("pull_request"):
        return None
    try:
        event = json.loads(Path(environment.get("GITHUB_EVENT_PATH", "")).read_text("utf-8"))["pull_request"]
        head, base = event["head"], event["base"]
        theirs, own = _name(head), environment.get("GITHUB_REPOSITORY") or _name(base)
        branch, commit = str(head["ref"]), str(head["sha"])
    except (OSError, ValueError, KeyError, TypeError):
        raise GitError(
            "GITHUB_EVENT_PATH does not say which repository the pull request's branch is in",
            "run this in a workflow of a pull request",
        ) from None
    fork = f"the pull request's branch {branch} is in {theirs or 'a repository that is gone'}, and this job is {own}'s"
    return PullRequest(branch, commit, "" if theirs.lower() == own.lower() else fork)


def _name(side: Mapping[str, Any]) -> str:
    return str((side.get("repo") or {}).get("full_name") or "")


def _of_gitlab(environment: Mapping[str, str]) -> PullRequest:
    branch = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "")
    commit = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environment.get("CI_COMMIT_SHA")
    theirs, own = (environment.get(name, "") for name in ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CI_PROJECT_ID"))
    if environment.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train":
        return PullRequest(branch, commit, f"{QUEUE}: GitLab makes and deletes it")
    if not theirs or not own:
        raise GitError("CI_MERGE_REQUEST_SOURCE_PROJECT_ID does not say which project the branch is in")
    fork = f"the merge request's branch {branch} is in project {theirs}, and this job is of project {own}"
    return PullRequest(branch, commit, "" if theirs == own else fork)

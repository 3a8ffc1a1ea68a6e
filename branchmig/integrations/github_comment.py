"""One comment of a pull request, through GitHub's REST API, from within a workflow. Knows no project and no revision.

https://docs.github.com/rest/issues/comments
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENCE = 30
"""Seconds to wait for an answer."""

PAGE, MOST_PAGES = 100, 50

# Whose comment may be taken for ours: anybody could begin theirs with the marker, and change it afterwards.
_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class CannotComment(Exception):
    """There is no comment to be written, or it may not be; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class _Thread:
    """The comments of one pull request."""

    api: str
    repository: str
    number: int
    token: str

    @property
    def url(self) -> str:
        return f"{self.api}/repos/{self.repository}/issues/{self.number}/comments"

    def comment_url(self, comment: int) -> str:
        return f"{self.api}/repos/{self.repository}/issues/comments/{comment}"


def put(text: str, marker: str, environment: Mapping[str, str], *, is_worth_starting: bool = True) -> str:
    """Write `text` into the comment that begins with `marker`, or into a new one; return what was done.

    Without such a comment, none is begun for a text that is not worth it. `environment` is that of a step of a
    workflow, with GITHUB_TOKEN. Raises CannotComment.
    """
    thread = _thread(environment)
    found = next((entry for entry in _comments(thread) if _is_ours(entry, marker)), None)
    if found is None:
        if not is_worth_starting:
            return "There is nothing to tell, and no comment that says otherwise."
        return f"Wrote {_ask(thread, 'POST', thread.url, {'body': text}).get('html_url', 'a comment')}"
    where = found.get("html_url", "the comment")
    if found.get("body", "").replace("\r\n", "\n") == text:
        return f"{where} says so already."
    _ask(thread, "PATCH", thread.comment_url(found["id"]), {"body": text})
    return f"Updated {where}"


def _thread(environment: Mapping[str, str]) -> _Thread:
    token, repository = environment.get("GITHUB_TOKEN", ""), environment.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(repository):
        raise CannotComment("GITHUB_REPOSITORY names no repository: this runs in a workflow of GitHub Actions")
    if not token:
        raise CannotComment("there is no GITHUB_TOKEN: give the step 'env: GITHUB_TOKEN: ${{ github.token }}'")
    api = environment.get("GITHUB_API_URL") or "https://api.github.com"
    return _Thread(api.rstrip("/"), repository, _pull_request(environment), token)


def _pull_request(environment: Mapping[str, str]) -> int:
    try:
        event = json.loads(Path(environment.get("GITHUB_EVENT_PATH", "")).read_text("utf-8"))
        return int(event["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CannotComment("this workflow was not started by a pull request") from None


def _comments(thread: _Thread) -> Iterator[dict[str, Any]]:
    for page in range(1, MOST_PAGES + 1):
        found = _ask(thread, "GET", f"{thread.url}?per_page={PAGE}&page={page}")
        yield from found
        if len(found) < PAGE:
            return


def _is_ours(comment: Mapping[str, Any], marker: str) -> bool:
    is_trusted = (comment.get("user") or {}).get("type") == "Bot" or comment.get("author_association") in _TRUSTED
    return is_trusted and str(comment.get("body") or "").startswith(marker)


def _ask(thread: _Thread, method: str, url: str, content: object = None) -> Any:
    request = urllib.request.Request(
        url,
        None if content is None else json.dumps(content).encode(),
        {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {thread.token}",
            "Content-Type": "application/json",
            "User-Agent": "branchmig",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        method=method,
    )
    try:
        with _OPENER.open(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise CannotComment(_refusal(error)) from None
    except (OSError, ValueError) as error:
        raise CannotComment(f"{thread.api} gave no answer: {getattr(error, 'reason', error)}") from None


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        words = json.loads(error.read()).get("message") or error.reason
    except (OSError, ValueError, AttributeError):
        words = error.reason
    said = f"GitHub says {error.code}: {words}"
    if error.code in (401, 403, 404):
        return f"{said}; the job needs 'permissions: pull-requests: write', which a fork's pull request never has"
    return said


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follow nothing: urllib would send the token to any address that a redirect names."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)

"""The one comment of a pull request: begun, found again, updated, or not allowed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from branchmig.integrations.github_comment import CannotComment, put
from tests.github_api import BOT, COLLABORATOR, STRANGER, Api, running_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARKER = "<!-- mark -->"


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api() as running:
        yield running


@pytest.fixture
def environment(api: Api, tmp_path: Path) -> dict[str, str]:
    """What a step of a workflow that a pull request has started finds."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    return {
        "GITHUB_API_URL": f"{api.url}/",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_TOKEN": "secret-token",
    }


def refusal(environment: dict[str, str], text: str = MARKER) -> str:
    with pytest.raises(CannotComment) as caught:
        put(text, MARKER, environment)
    assert "secret-token" not in str(caught.value)
    return str(caught.value)


def test_the_first_report_begins_a_comment(api: Api, environment: dict[str, str]) -> None:
    api.add("Nice!", STRANGER)
    told = put(f"{MARKER}\none\n", MARKER, environment)
    assert told == "Wrote https://github.example/acme/shop/pull/7#issuecomment-2"
    assert api.bodies == ["Nice!", f"{MARKER}\none\n"]
    assert api.tokens == {"Bearer secret-token"}


def test_the_next_one_is_put_in_its_place(api: Api, environment: dict[str, str]) -> None:
    put(f"{MARKER}\none\n", MARKER, environment)
    told = put(f"{MARKER}\ntwo: größer\n", MARKER, environment)
    assert told == "Updated https://github.example/acme/shop/pull/7#issuecomment-1"
    assert api.bodies == [f"{MARKER}\ntwo: größer\n"]


def test_what_says_so_already_is_left_alone(api: Api, environment: dict[str, str]) -> None:
    put(f"{MARKER}\none\n", MARKER, environment)
    api.comments[0]["body"] = f"{MARKER}\r\none\r\n"  # as GitHub gives it back
    assert put(f"{MARKER}\none\n", MARKER, environment).endswith(" says so already.")
    assert [request.split()[0] for request in api.requests] == ["GET", "POST", "GET"]


def test_a_comment_on_the_second_page_is_found(api: Api, environment: dict[str, str]) -> None:
    for number in range(120):
        api.add(f"comment {number}", STRANGER)
    api.add(MARKER, BOT)
    put(f"{MARKER}\nnew\n", MARKER, environment)
    assert len(api.comments) == 121
    assert api.bodies[-1] == f"{MARKER}\nnew\n"


def test_a_stranger_s_comment_with_the_marker_is_not_taken_for_ours(api: Api, environment: dict[str, str]) -> None:
    api.add(f"{MARKER} put yours here", STRANGER)
    put(f"{MARKER}\none\n", MARKER, environment)
    assert api.bodies == [f"{MARKER} put yours here", f"{MARKER}\none\n"]


def test_the_comment_of_a_collaborator_s_token_is_ours(api: Api, environment: dict[str, str]) -> None:
    api.add(f"{MARKER}\nold\n", COLLABORATOR)
    put(f"{MARKER}\nnew\n", MARKER, environment)
    assert api.bodies == [f"{MARKER}\nnew\n"]


def test_nothing_to_tell_begins_no_comment_but_updates_one(api: Api, environment: dict[str, str]) -> None:
    told = put(MARKER, MARKER, environment, is_worth_starting=False)
    assert (told, api.bodies) == ("There is nothing to tell, and no comment that says otherwise.", [])
    api.add(f"{MARKER}\n2 heads\n", BOT)
    put(MARKER, MARKER, environment, is_worth_starting=False)
    assert api.bodies == [MARKER]


def test_a_token_that_may_only_read_is_told_of(api: Api, environment: dict[str, str]) -> None:
    api.is_read_only = True
    assert refusal(environment) == (
        "GitHub says 403: Resource not accessible by integration; the job needs 'permissions: pull-requests: write', "
        "which a fork's pull request never has"
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((500, b"<html>"), "GitHub says 500: Internal Server Error"),
        ((422, b'{"message": "Body is too long"}'), "GitHub says 422: Body is too long"),
        ((422, b"[]"), "GitHub says 422: Unprocessable Entity"),
        ((200, b"<html>"), "{url} gave no answer: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_other_answers(answer: tuple[int, bytes], expected: str, api: Api, environment: dict[str, str]) -> None:
    api.answer = answer
    assert refusal(environment).replace(" Content", " Entity") == expected.format(url=api.url)


def test_the_token_is_not_taken_along_to_another_place(api: Api, environment: dict[str, str]) -> None:
    with running_api() as other:
        api.answer, api.location = (302, b""), f"{other.url}/repos/acme/shop/issues/7/comments"
        assert refusal(environment) == "GitHub says 302: Found"
        assert other.requests == []


def test_a_server_that_does_not_answer(environment: dict[str, str]) -> None:
    environment["GITHUB_API_URL"] = "http://127.0.0.1:1"
    assert refusal(environment) == "http://127.0.0.1:1 gave no answer: [Errno 111] Connection refused"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("GITHUB_TOKEN", "", "there is no GITHUB_TOKEN: give the step 'env: GITHUB_TOKEN: ${{ github.token }}'"),
        (
            "GITHUB_REPOSITORY",
            "../../x",
            "GITHUB_REPOSITORY names no repository: this runs in a workflow of GitHub Actions",
        ),
        ("GITHUB_EVENT_PATH", "/nowhere", "this workflow was not started by a pull request"),
        ("GITHUB_EVENT_PATH", "", "this workflow was not started by a pull request"),
    ],
)
def test_what_a_step_must_have(name: str, value: str, expected: str, api: Api, environment: dict[str, str]) -> None:
    environment[name] = value
    assert refusal(environment) == expected
    assert api.requests == []


def test_a_push_has_no_pull_request(api: Api, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"pusher": {}}')
    assert refusal(environment) == "this workflow was not started by a pull request"

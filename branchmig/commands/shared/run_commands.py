"""The user's commands around a run: a command before it, and a command and a webhook that get its outcome.

All of them get one JSON document. A failure before the run ends it; a failure after it is a warning: what is done is
done, and the exit code is the run's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from branchmig import terminal
from branchmig.errors import BeforeFailed, BranchmigError, ConfigurationError, LocationsMoved
from branchmig.project.config import LOCATIONS_OF_ENV
from branchmig.project.consent import BEFORE, Calls, calls_of, named
from branchmig.project.project import Project
from branchmig.render.documents import VERSION
from branchmig.terminal.known_secrets import without_secrets

AFTER_WITHIN, WEBHOOK_WITHIN = 60.0, 10.0
"""Seconds that the command after a run, and the webhook, have. The command before it has no limit: it may be a dump."""


_IS_WITHIN: ContextVar[bool] = ContextVar("_IS_WITHIN", default=False)


@dataclass(slots=True)
class Outcome:
    """How a run ended: the document that --format json shows, and the exit code where nothing is raised."""

    result: Mapping[str, Any] | None = None
    exit_code: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def announced(project: Project, command: str, target: str | None) -> Iterator[Outcome]:
    """Call what is to be called before the block and after it; the block notes the outcome.

    A run within another one, as of `fleet run`, is a part of that one, and calls nothing. Raises BeforeFailed, and
    ConfigurationError for a webhook that is no address.
    """
    if _IS_WITHIN.get():
        yield Outcome()
        return
    token = _IS_WITHIN.set(True)
    try:
        with _announced(project, command, target) as outcome:
            yield outcome
    finally:
        _IS_WITHIN.reset(token)


@contextmanager
def _announced(project: Project, command: str, target: str | None) -> Iterator[Outcome]:
    outcome, calls = Outcome(), calls_of(project)
    if calls.webhook is not None and not calls.webhook.lower().startswith(("http://", "https://")):
        raise ConfigurationError(f"{named('webhook')} is no http or https address", "https://HOST/PATH")
    facts = {"version": VERSION, "command": command, "target": target}
    if calls.before is not None and not LOCATIONS_OF_ENV.get():
        wrong = _call(calls.before, {**facts, "event": "before"}, None)
        if wrong is not None:
            raise BeforeFailed(f"{named(BEFORE)} {wrong}; nothing was run", "see its output above")
    try:
        yield outcome
    except LocationsMoved:  # the same command is run again from its start, over other folders
        raise
    except BaseException as error:
        _announce(calls, {**facts, **outcome.facts, **_failure(error), "result": None})
        raise
    ended = {"exit_code": outcome.exit_code, "error": None, "result": outcome.result}
    _announce(calls, {**facts, **outcome.facts, **ended})


def _announce(calls: Calls, document: Mapping[str, Any]) -> None:
    whole = {**document, "event": "after"}
    if calls.after is not None:
        line = calls.after
        _warn("after", lambda: _call(line, whole, AFTER_WITHIN))
    if calls.webhook is not None:
        address = calls.webhook
        _warn("webhook", lambda: _post(address, whole))


def _warn(name: str, call: Callable[[], str | None]) -> None:
    try:
        wrong = call()
    except KeyboardInterrupt:
        wrong = "was interrupted"
    if wrong is not None:
        terminal.warning(f"{named(name)} {wrong}; the run itself has ended as reported")


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, BranchmigError):
        message = without_secrets("\n".join([error.message, *error.details]))
        hint = error.hint and without_secrets(error.hint)
        return {"exit_code": error.exit_code, "error": {"code": error.code, "message": message, "hint": hint}}
    is_interrupt = isinstance(error, KeyboardInterrupt)
    code = "interrupted" if is_interrupt else "bug"
    shown = {"code": code, "message": type(error).__name__, "hint": None}
    return {"exit_code": 130 if is_interrupt else 70, "error": shown}


def _call(line: str, document: Mapping[str, Any], within: float | None) -> str | None:
    """Run a command line of the user's in a shell, with a document as its input; return what went wrong, if any.

    What it writes goes to standard error: standard output has the run's own answer.
    """
    try:
        process = subprocess.Popen(
            line, shell=True, stdin=subprocess.PIPE, stdout=_error_output(), start_new_session=True
        )
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    try:
        process.communicate(_bytes(document), within)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"did not end within {within:g} s, and was ended"
    except BaseException:
        _end(process)
        raise
    code = process.returncode
    return None if code == 0 else f"ended with {code}" if code > 0 else f"was ended by signal {-code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command with what it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _error_output() -> int:
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2


def _post(address: str, document: Mapping[str, Any]) -> str | None:
    """Post a document; return what went wrong, if any. The whole has a limit, whatever the server does."""
    found: list[str | None] = []
    thread = threading.Thread(target=lambda: found.append(_posted(address, document)), daemon=True)
    thread.start()
    thread.join(WEBHOOK_WITHIN)
    return found[0] if found else f"did not answer within {WEBHOOK_WITHIN:g} s"


def _posted(address: str, document: Mapping[str, Any]) -> str | None:
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Stay(HTTPRedirectHandler):
        """A redirect would be followed by a GET, which has no document."""

        def redirect_request(self, *_: Any) -> None:
            return None

    headers = {"Content-Type": "application/json", "User-Agent": "branchmig"}
    try:
        with build_opener(Stay).open(Request(address, _bytes(document), headers), timeout=WEBHOOK_WITHIN):
            return None
    except HTTPError as error:
        return f"answered {error.code}"
    except URLError as error:
        return f"cannot be reached: {error.reason}"
    except Exception as error:  # of http.client, ssl or a proxy; its words may repeat the address and its token
        return f"cannot be reached: {type(error).__name__}"


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode() + b"\n"

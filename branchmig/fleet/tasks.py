"""PURE. The messages to the workers of a fleet: what all targets share, once, and the data of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchmig.fleet.targets import Target
from branchmig.model import Revision
from branchmig.project.config import Invocation

if TYPE_CHECKING:
    from branchmig.fleet.goal import Goal
    from branchmig.fleet.reports import Rows


@dataclass(frozen=True, slots=True)
class RunContext:
    """The facts of a project that a run needs: read once, by the process that a user started.

    `key` distinguishes runs. `digests` are those of the revision files, by path: a worker runs no other text.
    `goal` is None where the fleet is only looked at.
    """

    key: str
    folder: str
    invocation: Invocation
    revisions: tuple[Revision, ...]
    digests: Mapping[str, str]
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One target for a worker. `seen` and `identities` are what the run found there before anything was written.

    `timeout` in seconds: after it no further step begins. `ahead` are rows beyond the checkout that stay as they are.
    """

    target: Target
    seen: tuple[Rows, ...] = ()
    identities: tuple[str, ...] = ()
    timeout: float | None = None
    ahead: tuple[Rows, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where targets come from, as it was typed: no secret is in it, so it can be recorded."""

    file: str | None = None
    query: str | None = None
    callable: str | None = None
    schemas: str | None = None
    control_url_env: str | None = None
    x_name: str = "schema"
    only: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The options of which exactly one is to be given, as far as they are."""
        return tuple(name for name, value in self._given.items() if value is not None)

    @property
    def words(self) -> list[str]:
        """The options that name the source, as they are typed, without `only` and `groups`."""
        given = {
            **self._given,
            "--x-name": self.x_name if self.schemas and self.x_name != "schema" else None,
            "--control-url-env": self.control_url_env,
        }
        return [word for name, value in given.items() if value is not None for word in (name, value)]

    @property
    def _given(self) -> dict[str, str | None]:
        return {
            "--targets": self.file,
            "--targets-query": self.query,
            "--targets-callable": self.callable,
            "--schemas": self.schemas,
        }

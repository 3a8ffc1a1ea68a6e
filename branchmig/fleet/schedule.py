"""PURE. Which target is next: canaries, groups, what a server may carry, failures and retries.

A Schedule is the only value of this module that changes: its methods record what began, how it
ended and when, and say what may begin now. It starts nothing itself and asks no clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

Verdict = Literal["right", "wrong", "again"]
"""How an attempt ended: at the goal; not, and another attempt would not change it; not, but another might."""

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0  # seconds before the first and before a late attempt; each is twice the one before


@dataclass(frozen=True, slots=True)
class Entry:
    """A target as the schedule knows it: its name, its stage, 0 first, and the server that it is on, if on any."""

    name: str
    server: str
    stage: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once, and how much may go wrong.

    `per_server`: targets at once on one server. `max_failures`: with more, nothing new begins. `retries`: further
    attempts after the first. None is no limit.
    """

    workers: int
    per_server: int | None = None
    max_failures: int | None = None
    retries: int = 3


class Schedule:
    """The targets of one run, stage by stage. A stage begins when the one before is over."""

    def __init__(self, entries: Iterable[Entry], limits: Limits, has_canaries: bool = False) -> None:
        self._limits = limits
        self._has_canaries = has_canaries
        self._stages: dict[int, _Stage] = {}
        self.total = 0
        for entry in sorted(entries, key=lambda entry: entry.stage):
            self._stages.setdefault(entry.stage, _Stage()).add(entry)
            self.total += 1
        self._running: dict[str, Entry] = {}
        self._on_server: dict[str, int] = {}
        self._attempts: dict[str, int] = {}
        self._later: list[tuple[float, int, Entry]] = []
        self._tie = 0
        self.wrong = 0
        self.stopped_because: str | None = None

    @property
    def running(self) -> frozenset[str]:
        """The names of the targets that began and have not ended."""
        return frozenset(self._running)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing will."""
        return not self._running and (self.stopped_because is not None or not (self._stages or self._later))

    def attempts(self, name: str) -> int:
        """Return how often a target has begun."""
        return self._attempts.get(name, 0)

    def stop(self, reason: str) -> None:
        """Begin nothing more; what runs may end. The first reason stays."""
        self.stopped_because = self.stopped_because or reason

    def may_try_again(self, name: str) -> bool:
        """Return whether a target that runs would get a further attempt."""
        return self.stopped_because is None and self._attempts[name] <= self._limits.retries

    def miss(self, entry: Entry) -> None:
        """Count a target that is known to fail without an attempt; it is none of those given."""
        self._count_wrong(entry)

    def begin(self, now: float) -> list[Entry]:
        """Return what begins now, and count it as running."""
        begun: list[Entry] = []
        while self.stopped_because is None and len(self._running) < self._limits.workers:
            entry = self._next(now)
            if entry is None:
                break
            self._running[entry.name] = entry
            self._on_server[entry.server] = self._on_server.get(entry.server, 0) + 1
            self._attempts[entry.name] = self._attempts.get(entry.name, 0) + 1
            begun.append(entry)
        return begun

    def end(self, name: str, verdict: Verdict, now: float) -> bool:
        """Note how an attempt ended. Returns whether it was the last one of its target."""
        entry = self._running.pop(name)
        self._on_server[entry.server] -= 1
        if verdict == "again" and self.may_try_again(name):
            self._tie += 1
            heapq.heappush(self._later, (now + delay(name, self._attempts[name]), self._tie, entry))
            return False
        if verdict != "right":
            self._count_wrong(entry)
        self._close_stages()
        return True

    def take_back(self, name: str) -> None:
        """Let a target count as not begun: nobody could be given it. It is not begun again."""
        entry = self._running.pop(name)
        self._on_server[entry.server] -= 1
        self._attempts[name] -= 1

    def wakes_at(self, now: float) -> float | None:
        """Return when the next attempt is due that waits for its time; None if none does.

        One that is due already waits for room, which only an end makes.
        """
        due = self._later[0][0] if self._later and self.stopped_because is None else now
        return due if due > now else None

    def _count_wrong(self, entry: Entry) -> None:
        self.wrong += 1
        if self._has_canaries and entry.stage == 0:
            self.stop("a canary failed")
        elif self._limits.max_failures is not None and self.wrong > self._limits.max_failures:
            self.stop(f"more than {self._limits.max_failures} failed")

    def _next(self, now: float) -> Entry | None:
        if self._later and self._later[0][0] <= now and self._has_room(self._later[0][2].server):
            return heapq.heappop(self._later)[2]
        if not self._stages:
            return None
        return self._stages[min(self._stages)].take(self._has_room)

    def _has_room(self, server: str) -> bool:
        limit = self._limits.per_server
        return limit is None or not server or self._on_server.get(server, 0) < limit

    def _close_stages(self) -> None:
        """Leave a stage behind once it has nothing waiting, running or to be tried again."""
        if self._running or self._later or not self._stages:
            return
        first = min(self._stages)
        if not self._stages[first].servers:
            del self._stages[first]


@dataclass(slots=True)
class _Stage:
    """What waits in one stage, by server: those of a full server do not hold up the others."""

    servers: dict[str, deque[Entry]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.servers.setdefault(entry.server, deque()).append(entry)

    def take(self, has_room: Callable[[str], bool]) -> Entry | None:
        server = next((server for server in self.servers if has_room(server)), None)
        if server is None:
            return None
        queue = self.servers.pop(server)
        entry = queue.popleft()
        if queue:
            self.servers[server] = queue  # to the end of the line: servers take turns
        return entry


def stages_of(groups: Sequence[str], canaries: int) -> list[int]:
    """Return the stage of each target, given the groups in the order of the targets: canaries first, then each group.

    The first `canaries` targets are stage 0, where there are any.
    """
    order = list(dict.fromkeys(groups))
    first = 1 if canaries else 0
    rank = {group: number for number, group in enumerate(order, first)}
    return [0 if number < canaries else rank[group] for number, group in enumerate(groups)]


def delay(name: str, attempts: int) -> float:
    """Return the seconds to wait after some attempts, spread by the name so that not all come back at once."""
    spread = 0.75 + (crc32(name.encode()) % 1000) / 2000
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempts - 1)) * spread)

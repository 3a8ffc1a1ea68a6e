"""Builds the database that some revisions lead to, from the nearest state on the way, and keeps what pays.

env.py runs once for each stage: a copy can only be made between two runs, since a run may be one transaction.
"""

from __future__ import annotations

import importlib.machinery
import os
import re
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import URL

from branchmig.database.trial.inputs import Inputs, installed, nearest, text_at, top_of
from branchmig.database.trial.observing import Observer
from branchmig.database.trial.reaching import reached_by
from branchmig.database.trial.server import Server, StateGone
from branchmig.database.trial.store import Made, State, Store
from branchmig.project.view import View

if TYPE_CHECKING:
    from branchmig.database.trial.trial_runner import Bench

_DISTANCES = {
    "sqlite": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    "postgresql": (1, 8, 64, 512),
    "mysql": (1, 8, 64, 512),
}
"""How many steps before the end a state is kept, too: after edits of the last revisions, builds start from there."""
_WORTH_KEEPING = 10  # steps below which a proof keeps no state: to run them takes no longer than to keep one
# Packages that run, and have no say in what a script does.
_WITHOUT_SAY = frozenset(
    {"branchmig", "click", "filelock", "git", "gitdb", "smmap", "networkx", "platformdirs", "rich"}
)

# What could read the clock and the like.
_MAY_BE_IMPURE = re.compile(
    rb"\b(now|utcnow|today|time|random|rand|uuid[147]?|secrets|environ|getenv|urandom|urllib|requests|httpx|socket"
    rb"|subprocess|CURRENT_\w+)\b",
    re.IGNORECASE,
)

_read_before: dict[str, str] = {}
"""Modules that builds of this process have imported, by path, with their digests then."""
_beside_before: dict[tuple[str, str], None] = {}  # what these read of the clock and chance as they were imported


@dataclass(frozen=True, slots=True)
class Standing:
    """A scratch database, the state that it was made from, the steps that were run, and the state that is kept.

    `reasons` say why none is.
    """

    url: URL
    origin: State | None
    steps_run: int
    state: State | None
    reasons: tuple[str, ...] = ()


class Builder:
    """Makes databases at some revisions on a bench: copies of states, or built from the nearest one."""

    def __init__(
        self, bench: Bench, inputs: Inputs, store: Store, server: Server, *, is_for_proof: bool = False
    ) -> None:
        self._bench, self._inputs, self._store, self._server = bench, inputs, store, server
        self._is_for_proof = is_for_proof

    def at(self, wanted: Iterable[str]) -> Standing:
        """Return a scratch database with some revisions applied, which hold all revisions below them.

        Raises MigrationFailed and EnvironmentFailed as a run on a bench does.
        """
        ids = frozenset(wanted)
        with self._store.building(self._inputs.base_of(ids)):
            origin, url = self._origin(ids)
            if origin is not None and len(origin.scripts) == len(ids):
                return Standing(url, origin, 0, origin)
            if self._is_for_proof and len(ids) - (0 if origin is None else len(origin.scripts)) < _WORTH_KEEPING:
                self._bench.upgrade(url, ids)
                return Standing(url, origin, 0, None)
            standing = self._build(url, origin, ids)
            self._inputs.digests.keep()
            return standing

    def _origin(self, ids: Collection[str]) -> tuple[State | None, URL]:
        """Return the nearest state and a copy of it; an empty database where there is none."""
        scratch = self._bench.scratch
        states = self._store.states()
        while (found := nearest(self._inputs, states, ids)) is not None:
            url = scratch.reserve()
            try:
                self._server.copy(found.content, self._server.address.named(str(url.database)))
            except StateGone:
                self._store.remove(found)
                states = [state for state in states if state.key != found.key]
                continue
            self._bench.version_tables |= set(found.version_tables)
            self._store.hit(found)
            return found, url
        return None, scratch.create()

    def _build(self, url: URL, origin: State | None, ids: frozenset[str]) -> Standing:
        applied = frozenset(() if origin is None else origin.scripts)
        missing = [revision_id for revision_id in self._inputs.dag.order() if revision_id in ids - applied]
        observer = self._observer(origin)
        state: State | None = None
        reasons: tuple[str, ...] = ()
        started = time.monotonic()
        for count in self._stages(missing):
            done = applied.union(missing[:count])
            with observer.observing():
                self._bench.upgrade(url, done)
            if observer.env_writes and (origin is not None or count < len(missing)):
                url, origin, missing = self._in_one_run(observer, ids)
                done = ids
            reasons = self._reasons(observer, done)
            if not reasons or done == ids:
                state = self._kept(url, done, observer, reasons, time.monotonic() - started)
            if done == ids:
                break
        self._note_modules(observer)
        return Standing(url, origin, len(missing), state, reasons)

    def _in_one_run(self, observer: Observer, ids: frozenset[str]) -> tuple[URL, None, list[str]]:
        """Begin again with an empty database: env.py writes beside the steps, once in each of its runs."""
        url = self._bench.scratch.create()
        with observer.observing():
            self._bench.upgrade(url, ids)
        return url, None, [revision_id for revision_id in self._inputs.dag.order() if revision_id in ids]

    def _note_modules(self, observer: Observer) -> None:
        """Note what the build has imported: another build in this process would not see it read again."""
        top = top_of(self._bench.project)
        _beside_before.update(observer.beside)
        _read_before.update(
            {
                os.path.realpath(os.path.join(top, what)): known
                for (kind, what), known in observer.read.items()
                if kind.startswith("file ") and what.endswith(".py")
            }
        )

    def _stages(self, missing: Sequence[str]) -> list[int]:
        """Return after how many steps to stop for a copy; the last is all of them."""
        total = len(missing)
        if any(
            state.env_writes and state.circumstances == self._inputs.circumstances for state in self._store.states()
        ):
            return [total]
        distances = () if self._is_for_proof else _DISTANCES[self._server.address.kind]
        stops = {total - distance for distance in distances}
        known = {
            (name, state.scripts[name])
            for state in self._store.states()
            if not state.content
            for name in state.impure
            if name in state.scripts
        }
        impure = [
            number
            for number, revision_id in enumerate(missing)
            if (revision_id, self._inputs.scripts[revision_id]) in known
        ]
        if impure:
            # Nothing after it can be kept; right before it, everything can.
            stops = {stop for stop in stops if stop < impure[0]} | {impure[0]}
        elif distances:
            dag = self._bench.project.dag
            texts = (text_at(dag[revision_id].path or "") or b"" for revision_id in missing)
            stops.add(next((number for number, text in enumerate(texts) if _MAY_BE_IMPURE.search(text)), 0))
        return [*sorted(stop for stop in stops if 0 < stop < total), total]

    def _observer(self, origin: State | None) -> Observer:
        project = self._bench.project
        top = top_of(project)
        places = project.places
        scripts: dict[str, str] = {}
        for revision in self._inputs.dag:
            path = self._bench.project.dag[revision.id].path or ""
            scripts |= {path: revision.id, os.path.realpath(path): revision.id}
        own = [str(self._store.folder)]
        if self._server.address.kind == "sqlite":
            own += {os.path.dirname(str(url.database)) for url in self._bench.scratch.made}
        env = os.path.realpath(project.config.script_location / "env.py")
        own_folders = tuple(os.path.realpath(name) + os.sep for name in own)
        observer = Observer(scripts, top, places, env, own_folders, self._inputs.digests)
        if origin is not None:
            observer.read = {(kind, what): known for kind, what, known in origin.read}
        self._imported_before(observer)
        return observer

    def _imported_before(self, observer: Observer) -> None:
        """Note the modules that are imported already; let go of what an earlier build had and has since changed."""
        found = {}
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file.endswith(".py"):
                found[name] = os.path.realpath(file)
        known = {path: observer.note_module(path, was_read=path in _read_before) for path in found.values()}
        if any(path in _read_before and digest != _read_before[path] for path, digest in known.items()):
            compiled = _compiled_packages()
            for name in (name for name, path in found.items() if path in _read_before):
                if name.partition(".")[0] not in compiled:
                    del sys.modules[name]
            _read_before.clear()
            _beside_before.clear()
        observer.beside |= _beside_before

    def _reasons(self, observer: Observer, done: Collection[str]) -> tuple[str, ...]:
        """Return why a copy would not be what a replay makes."""
        found = list(observer.reasons)
        if observer.beside:
            texts = [self._bench.project.dag[revision_id].path or "" for revision_id in done]
            reached = reached_by(texts, [path for path, _ in observer.beside])
            found += [said for path, said in observer.beside if path in reached]
        return tuple(sorted(set(found)))

    def _kept(
        self, url: URL, done: Collection[str], observer: Observer, reasons: tuple[str, ...], seconds: float
    ) -> State | None:
        """Keep a state; where there are reasons not to, only these. None where the scripts were edited meanwhile."""
        inputs, server = self._inputs, self._server
        read = tuple(sorted((kind, what, known) for (kind, what), known in observer.read.items()))
        base = inputs.base_of(done)
        state = State(
            # Of what is not kept there is one note, whatever it read.
            key=inputs.key_of(base, () if reasons else read),
            base=base,
            circumstances=inputs.circumstances,
            server=inputs.server,
            dialect=self._bench.dialect,
            heads=_heads(inputs, done),
            scripts={name: inputs.scripts[name] for name in sorted(done)},
            read=read,
            packages=_packages(),
            version_tables=tuple(sorted(self._bench.version_tables, key=str)),
            made=time.time(),
            seconds=round(seconds, 3),
            reasons=reasons,
            env_writes=observer.env_writes,
            impure=tuple(sorted(observer.impure)),
        )
        if not inputs.still_holds() or not inputs.is_current(state):
            return None
        if reasons:
            self._store.add(state)
            return None
        content = server.content_of(state.key)
        self._store.note(Made(content, server.address.server, "state", os.getpid(), key=state.key))
        server.keep(server.address.named(str(url.database)), content)
        whole = replace(state, content=content, size=server.size(content))
        self._store.add(whole)
        return whole


def _heads(inputs: Inputs, done: Collection[str]) -> tuple[str, ...]:
    below = {parent for revision_id in done for parent in inputs.dag[revision_id].parents}
    return tuple(sorted(set(done) - below))


def _compiled_packages() -> set[str]:
    """Return the packages with extension modules: many, numpy among them, fail when a process imports them twice."""
    endings = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    return {name.partition(".")[0] for name, file in files.items() if isinstance(file, str) and file.endswith(endings)}


def _packages() -> tuple[str, ...]:
    """Return the installed packages that are imported: the names of the folders that say name and version."""
    from importlib.metadata import distributions

    names = {name.partition(".")[0] for name in sys.modules} - _WITHOUT_SAY
    found: set[str] = set()
    for distribution in distributions():
        folder = getattr(distribution, "_path", None)
        if folder is None or folder.name not in installed():
            continue
        tops = {str(file).split("/")[0].removesuffix(".py") for file in distribution.files or ()}
        if not names.isdisjoint(tops):
            found.add(folder.name)
    return tuple(sorted(found))


def with_states(bench: Bench, *views: View) -> Bench:
    """Let a bench begin from kept states of some places, whose scripts these are, and keep what it builds."""
    from branchmig.database.trial.place_files import inputs_of
    from branchmig.database.trial.servers import server_of
    from branchmig.database.trial.store import store_of

    store = store_of(bench.project)
    server = server_of(bench.project, store.folder)
    inputs = inputs_of(bench.project, bench.invocation, views, store, server)
    builder = Builder(bench, inputs, store, server, is_for_proof=True)

    def build(ids: Collection[str]) -> URL:
        with closing(server):
            return builder.at(ids).url

    bench.begin_with(build)
    return bench

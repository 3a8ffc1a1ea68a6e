"""Brings together the hazards of the revisions that a place adds: rules, the project's own, severities and waivers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from branchmig.effects.footprint import read_footprint
from branchmig.effects.hazard_rules import RULES
from branchmig.effects.hazards import Hazard, Hazards, Policy, hazards_of, hazards_of_each
from branchmig.effects.summary import NO_SCRIPT, summarize
from branchmig.errors import BranchmigError, RevisionGraphError
from branchmig.git.targets import find_target
from branchmig.model import Problem, Revision, Unchecked
from branchmig.progress import with_progress
from branchmig.project.config import ConfigReader, Invocation, read_config
from branchmig.project.project import Project, View
from branchmig.project.settings import Settings
from branchmig.revisions.waivers import Rules, Waived, apply_waivers, waivers_in

if TYPE_CHECKING:
    from branchmig.effects.change import Change
    from branchmig.effects.hazards import OwnRule
    from branchmig.planning.picture import Picture

    TableName = tuple[str | None, str]
    EmptyAmong = Callable[[Collection[TableName]], Collection[TableName]]


ENTRY_POINTS = "branchmig.hazards"
"""The group of entry points that name a project's own rules: functions of a revision, its changes and the dialect."""

UNREAD = "unread-statement"
"""Allows, in a revision's file, what cannot be read there: somebody has looked at it."""

CODES = frozenset({*RULES, UNREAD})


@dataclass(frozen=True, slots=True)
class Weighed:
    """The hazards that no file allows, which of them are errors, what is waived, and what is wrong with waivers.

    `unchecked` says what could not be looked at: a statement that cannot be read, a rule that does not load.
    """

    hazards: Hazards
    policy: Policy
    waived: tuple[Waived, ...] = ()
    faults: tuple[Problem, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()

    @property
    def errors(self) -> tuple[Hazard, ...]:
        """The hazards that the settings call errors."""
        return tuple(hazard for hazard in self.hazards.found if self.policy.severity(hazard) == "error")

    @property
    def warnings(self) -> tuple[Hazard, ...]:
        """The others."""
        return tuple(hazard for hazard in self.hazards.found if hazard not in self.errors)

    def problem(self, hazard: Hazard) -> Problem:
        """Return a hazard as a problem of its revision's file."""
        return _problem(hazard, dict(self.paths))


def dialect_of(invocation: Invocation, settings: Settings) -> str | None:
    """Return the kind of database that the config names, else that of scratch_url; None where neither is known."""
    try:
        config = read_config(invocation.files)
        url = ConfigReader(config.files, config.texts).text("sqlalchemy.url")
    except BranchmigError:
        url = None  # the settings name no database, as where env.py does
    return _dialect(url) or _dialect(settings.scratch_url)


def _dialect(url: str | None) -> str | None:
    """Return the kind of database that a URL names, as SQLAlchemy does, which takes long to load; None for no URL."""
    found = re.match(r"(\w+)(?:\+[\w.]+)?://", url or "")
    return found[1] if found else None


def weigh(
    project: Project,
    view: View,
    added: Sequence[Revision],
    dialect: str | None,
    empty_among: EmptyAmong | None = None,
) -> Weighed:
    """Return the hazards of the revisions that a place adds, in upgrade order.

    `empty_among` says which of some tables have no rows in the databases that matter: what only rows make a hazard is
    left out for these.
    """
    settings = project.config_of(view).settings
    policy = Policy(settings.hazards, settings.hazard_names or "")
    known = [revision for revision in added if revision.path]
    texts = view.read([revision.path for revision in known if revision.path]) if known else {}
    scripts = {revision.id: texts[revision.path] for revision in known if revision.path}
    own, broken = own_rules()
    found = hazards_of(scripts, dialect, lambda: scripts_below(view, added), policy, own)
    if empty_among is not None:
        empty = empty_among({hazard.table for hazard in found.found if hazard.table[1]})
        found = replace(found, found=tuple(hazard for hazard in found.found if not _is_harmless(hazard, empty)))
    is_certain = dialect is not None and empty_among is None
    weighed = _with_waivers(found, policy, known, texts, is_certain=is_certain)
    shown = {name: project.shown_path(path) for name, path in weighed.paths}
    cannot = [
        Unchecked("hazards", f"{shown.get(name, name)}:{at.line}: {at.what}") for name, at in weighed.hazards.unread
    ]
    return replace(weighed, unchecked=(*broken, *cannot))


def weighed_against(
    project: Project,
    invocation: Invocation,
    at: str,
    merged_with: str | None,
    target: str | None,
    *,
    empty_among: EmptyAmong | None = None,
) -> Weighed:
    """Return the hazards of what a place, merged with another, adds to the branch that it lands in.

    Without that branch, or where the graph cannot be known, nobody can say what is added: hazards are unchecked then.
    """
    try:
        view = project.view(at, merged_with)
        landing = find_target(project.tracked, target, project.config_of(view).settings.target)
        if landing.ref is None:
            raise BranchmigError(landing.reason or "nothing has landed yet")
        there = project.ref_view(landing.ref).ids
        added = [view.dag[revision_id] for revision_id in view.dag.order() if revision_id not in there]
    except BranchmigError as error:
        return Weighed(Hazards(), Policy(), unchecked=(Unchecked("hazards", error.message),))
    return weigh(project, view, added, dialect_of(invocation, project.config.settings), empty_among)


def _is_harmless(hazard: Hazard, empty: Collection[TableName]) -> bool:
    needs_rows = hazard.rule.effect in ("destroys", "may fail", "locks")
    return needs_rows and hazard.code != "concurrently-in-transaction" and hazard.table in empty


def scripts_below(view: View, added: Sequence[Revision]) -> Mapping[str, bytes]:
    """Return the scripts below some revisions, in upgrade order; none where the graph cannot be known."""
    ids = {revision.id for revision in added}
    try:
        below = view.dag.ancestors(sorted(ids)) - ids
        ordered = [view.dag[revision_id] for revision_id in view.dag.order() if revision_id in below]
    except RevisionGraphError:
        return {}
    return view.scripts(ordered)


def waivable_codes(texts: Mapping[str, bytes]) -> frozenset[str]:
    """Return the codes of hazards that files may allow; where there are rules of the project's own, any code may be."""
    own = {waiver.code for text in texts.values() for waiver in waivers_in(text)}
    return CODES | (own if entry_points(group=ENTRY_POINTS) else frozenset())


def own_rules() -> tuple[list[OwnRule], list[Unchecked]]:
    """Return the rules that installed packages bring, and for each that does not load or raises, why."""
    rules: list[OwnRule] = []
    broken: list[Unchecked] = []
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry_point: entry_point.name):
        try:
            rules.append(_guarded(entry.load(), entry.name, broken))
        except Exception as error:  # whatever somebody's module raises when it is imported
            broken.append(Unchecked("hazards", f"the rule {entry.name!r} does not load: {error}"))
    return rules, broken


def _guarded(rule: OwnRule, name: str, broken: list[Unchecked]) -> OwnRule:
    def asked(revision: str, changes: Sequence[Change], dialect: str | None) -> list[Hazard]:
        try:
            return [
                replace(hazard, revision=hazard.revision or revision) for hazard in rule(revision, changes, dialect)
            ]
        except Exception as error:  # it is somebody else's code
            broken.append(Unchecked("hazards", f"the rule {name!r} failed on revision {revision}: {error}"))
            return []

    return asked


def _with_waivers(
    hazards: Hazards,
    policy: Policy,
    added: Sequence[Revision],
    texts: Mapping[str, bytes],
    *,
    is_certain: bool,
) -> Weighed:
    """Take out what a revision's file allows.

    A waiver for a hazard that does not occur is a problem, if it `is_certain` which hazards there are.
    """
    paths = {revision.id: revision.path for revision in added if revision.path}
    of = {_problem(hazard, paths): hazard for hazard in hazards.found if hazard.revision in paths}
    unread = {_unread_problem(revision, at.line, at.what, paths): (revision, at) for revision, at in hazards.unread}
    codes = CODES | {hazard.code for hazard in hazards.found}
    has_unread = {name for name, _ in hazards.unread}
    sure = {path for name, path in paths.items() if is_certain and name not in has_unread}
    others = {waiver.code for text in texts.values() for waiver in waivers_in(text)} - codes
    stay, waived = apply_waivers((*of, *unread), texts, Rules(codes, codes, frozenset(others)), sure)
    faults = tuple(problem for problem in stay if problem not in of and problem not in unread)
    gone = {of.get(each_waived.problem) for each_waived in waived}
    read = {unread.get(each_waived.problem) for each_waived in waived}
    left = replace(
        hazards,
        found=tuple(hazard for hazard in hazards.found if hazard not in gone),
        unread=tuple(item for item in hazards.unread if item not in read),
    )
    return Weighed(left, policy, tuple(waived), faults, paths=tuple(paths.items()))


def _problem(hazard: Hazard, paths: Mapping[str, str]) -> Problem:
    path = paths.get(hazard.revision, "")
    hint = hazard.rule.instead + (f"\n{hazard.example}" if hazard.example else "")
    return Problem(
        hazard.code, f"{path}:{hazard.line}: {hazard.what}: {hazard.rule.why}", hint, (hazard.revision,), (path,)
    )


def _unread_problem(revision: str, line: int, what: str, paths: Mapping[str, str]) -> Problem:
    path = paths.get(revision, "")
    return Problem(UNREAD, f"{path}:{line}: {what}", "", (revision,), (path,))


def with_effects(
    project: Project, invocation: Invocation, view: View, picture: Picture, scripts: Mapping[str, bytes]
) -> Picture:
    """Return the picture with what each of its revisions does, except those at its boundary.

    A hazard counts as if the revision ran alone, after those before it. What its file allows is marked as allowed.
    """
    settings = project.config_of(view).settings
    dialect = dialect_of(invocation, project.config.settings)
    wanted = [picture.dag[name] for name in reversed(picture.shown) if name not in picture.boundary]
    known = [revision for revision in wanted if revision.id in scripts]
    read = with_progress(known, len(known), "reading what the upgrades do")
    footprints = {revision.id: read_footprint(scripts[revision.id], dialect=dialect) for revision in read}
    here = [revision for revision in known if revision.path and revision.id in view.dag]
    rules, _ = own_rules()
    hazards = hazards_of_each(
        {name: footprint.changes for name, footprint in footprints.items()},
        dialect,
        lambda: scripts_below(view, here),
        Policy(settings.hazards, settings.hazard_names or ""),
        rules,
    )
    effects = {revision.id: NO_SCRIPT for revision in wanted}
    for name, footprint in footprints.items():
        allowed = {waiver.code: waiver.reason for waiver in waivers_in(scripts[name])}
        effects[name] = summarize(footprint, hazards[name], allowed)
    return replace(picture, effects=effects)

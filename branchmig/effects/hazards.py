"""PURE. What the upgrades of revisions destroy, lock or break, read from the scripts and never run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from branchmig.effects.change import Change
from branchmig.effects.footprint import Opaque, read_changes
from branchmig.effects.hazard_rules import HARMS, RULES, Rule, Severity
from branchmig.effects.judging import Judge
from branchmig.effects.plan_state import Case
from branchmig.progress import with_progress

History = Callable[[], Mapping[str, bytes]]
OwnRule = Callable[[str, Sequence[Change], str | None], Iterable["Hazard"]]


@dataclass(frozen=True, slots=True)
class Hazard:
    """One change to beware of: the code of its rule, what is done in words, and the place in its revision's file.

    A rule of the project's own has its `rule`, and how it counts where the settings do not say.
    """

    code: str
    what: str
    revision: str
    line: int
    example: str = ""
    own: Rule | None = None
    table: tuple[str | None, str] = field(default=(None, ""), compare=False)

    @property
    def rule(self) -> Rule:
        """What is known of every such change."""
        return self.own or RULES[self.code]


@dataclass(frozen=True, slots=True)
class Hazards:
    """All that was found, worst first; `unread` are the places of each revision of which nothing is known."""

    found: tuple[Hazard, ...] = ()
    unread: tuple[tuple[str, Opaque], ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """How a project counts hazards: severities by code, by harm (`locks`) or for `all`; and the names it allows."""

    severities: Mapping[str, Severity] = field(default_factory=dict)
    names: str = ""

    def severity(self, hazard: Hazard) -> Severity:
        """Return the severity of a hazard: set for its code, else for its harm, else for all."""
        for key in (hazard.code, hazard.rule.effect.replace(" ", "-")):
            if key in self.severities:
                return self.severities[key]
        default = hazard.rule.severity
        return default if default == "off" else self.severities.get("all", default)


def hazards_of(
    scripts: Mapping[str, bytes],
    dialect: str | None = None,
    before: History | None = None,
    policy: Policy | None = None,
    own_rules: Sequence[OwnRule] = (),
) -> Hazards:
    """Return what the upgrades of some revisions, in the order in which they run, do that one should beware of.

    `dialect` is SQLAlchemy's name of the kind of database; where it is not known, what any of them would suffer from
    is reported. `before` gives the scripts below these, in their order, from which rules know what is there already:
    it is asked where a change is on a table of theirs. What is done to tables that the same revisions make is no
    hazard: these are empty.
    """
    policy = policy or Policy()
    read = with_progress(scripts.items(), len(scripts), "reading what the upgrades do")
    footprints = {revision: read_changes(script, dialect=dialect) for revision, script in read}
    unread = [(revision, opaque) for revision, footprint in footprints.items() for opaque in footprint.unread]
    changes = {revision: footprint.changes for revision, footprint in footprints.items()}
    judge = Judge(dialect, changes_before(changes, before, dialect), policy.names)
    cases = [(revision, case) for revision, some in changes.items() for case in judge.revision(some)]
    found = _without_back(judge, cases)
    for rule in own_rules:
        found += [hazard for revision, some in changes.items() for hazard in rule(revision, some, dialect)]
    return Hazards(_counted(found, policy), tuple(unread))


def hazards_of_each(
    changes: Mapping[str, Sequence[Change]],
    dialect: str | None = None,
    before: History | None = None,
    policy: Policy | None = None,
    own_rules: Sequence[OwnRule] = (),
) -> dict[str, tuple[Hazard, ...]]:
    """Return the hazards of each of some revisions, given in upgrade order, as if it ran alone after those before it.

    So what a revision does to a table that an earlier one makes counts: by then the table may have rows.
    """
    policy = policy or Policy()
    judge = Judge(dialect, changes_before(changes, before, dialect), policy.names)
    found = {}
    for revision, some in changes.items():
        hazards = _without_back(judge, [(revision, case) for case in judge.alone(some)])
        hazards += [hazard for rule in own_rules for hazard in rule(revision, some, dialect)]
        found[revision] = _counted(hazards, policy)
    return found


def _without_back(judge: Judge, cases: Iterable[tuple[str, Case]]) -> list[Hazard]:
    """Return the hazards of cases that no later change has made harmless."""
    back = {id(case) for case in judge.taken_back}
    return [
        Hazard(case.code, case.change.what, revision, case.change.line, case.example, None, case.table)
        for revision, case in cases
        if id(case) not in back
    ]


def _counted(found: Iterable[Hazard], policy: Policy) -> tuple[Hazard, ...]:
    """Return the hazards that the settings count, each once, worst first."""
    kept = [hazard for hazard in dict.fromkeys(found) if policy.severity(hazard) != "off"]
    return tuple(sorted(kept, key=lambda hazard: HARMS.index(hazard.rule.effect)))


def changes_before(
    changes: Mapping[str, Sequence[Change]], before: History | None, dialect: str | None = None
) -> list[Change]:
    """Return the changes of the revisions below some, as far as they can matter: they name a table of theirs."""
    every = [change for some in changes.values() for change in some]
    names = {name.casefold() for change in every for name in (change.table, change.target) if name}
    if before is None or not names:
        return []
    scripts = before()
    texts = {revision: text.decode("utf-8", "replace").casefold() for revision, text in scripts.items()}
    read: dict[str, tuple[Change, ...]] = {}
    while names:
        more = [name for name, text in texts.items() if name not in read and any(table in text for table in names)]
        read |= {revision: read_changes(scripts[revision], dialect=dialect).changes for revision in more}
        # A table may have had another name before.
        renames = (change for revision in more for change in read[revision] if change.kind == "rename-table")
        names = {change.table.casefold() for change in renames if change.new_name.casefold() in names}
    return [change for revision in scripts if revision in read for change in read[revision]]

"""Which revisions a schema corresponds to, when its version table is lost: found, and checked, by building."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from branchmig.effects.footprint import read_footprint
from branchmig.effects.schema_identity import TooManyChoices, identified, nearest, repeated
from branchmig.errors import EnvironmentFailed
from branchmig.project.config import Invocation
from branchmig.project.project import Project

if TYPE_CHECKING:
    from branchmig.database.surveying import VersionTable
    from branchmig.database.trial.drifting import Schema
    from branchmig.effects.footprint import Footprint


_OF_SCHEMA = re.compile(r"(op|batch)\.(create|drop|add|alter|rename)_")
"""The operations that change no rows."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The heads that a schema is at; None where no set of revisions builds it.

    `undecided` are merge revisions and others without an effect, which may be applied or not. Where there is none,
    `closest` are heads that build what is most like it, and `differences` how many parts are otherwise.
    """

    url: str
    heads: tuple[str, ...] | None
    undecided: tuple[str, ...] = ()
    closest: tuple[str, ...] = ()
    differences: int = 0


def identify(project: Project, invocation: Invocation, url: str | None = None) -> Identity:
    """Return which revisions of the checkout a schema corresponds to: the one at a URL, or env.py's database.

    Raises EnvironmentFailed where that is unknown: revisions do not run on a scratch database, or leave no trace.
    """
    from branchmig.database.trial.identifying import is_built_by, schema_at, steps_of

    name, live = schema_at(url) if url is not None else _configured(project, invocation)
    seen = steps_of(project, invocation, live)
    footprints = _footprints(project, live.dialect)
    steps = replace(seen, repeated=repeated(seen, footprints))
    try:
        found = identified(steps, live.catalog, live.left_out)
    except TooManyChoices as error:
        raise EnvironmentFailed("cannot tell: too many sets of revisions could be meant") from error
    if found is None or not is_built_by(project, invocation, found.applied, live):
        if steps.repeated:
            raise EnvironmentFailed(
                f"cannot tell: {', '.join(sorted(steps.repeated))} would make what another branch has made before",
                "compare with a database that has the revisions you expect: branchmig fresh, then branchmig drift",
            )
        closest, differences = nearest(steps, live.catalog, live.left_out)
        return Identity(name, None, (), project.dag.maximal(closest), differences)
    heads = project.dag.maximal(found.applied)
    unsure = [revision for revision in sorted(found.undecided) if not _is_empty(footprints[revision])]
    if unsure:
        other = ", ".join(project.dag.maximal(found.applied - found.undecided)) or "base"
        raise EnvironmentFailed(
            f"cannot tell: the schema is the same at {', '.join(heads)} and at {other}",
            f"look into the rows whether {', '.join(unsure)} has run, then: branchmig stamp REVISION",
        )
    return Identity(name, heads, tuple(sorted(found.undecided)))


def _configured(project: Project, invocation: Invocation) -> tuple[str, Schema]:
    from branchmig.database.run.environment import Environment
    from branchmig.database.surveying import survey
    from branchmig.database.trial.drifting import schema_of

    def consider(surveyed: VersionTable) -> tuple[str, Schema]:
        return surveyed.identity.url, schema_of(surveyed.context)

    found = survey(Environment(project, invocation, "current"), consider)
    if len(found) != 1:
        raise EnvironmentFailed(
            f"env.py opens {len(found)} version tables", "name the database: branchmig identify URL"
        )
    return found[0]


def _footprints(project: Project, dialect: str) -> dict[str, Footprint]:
    view = project.view()
    return {each.id: read_footprint(view.script(each), dialect=dialect) for each in project.dag}


def _is_empty(footprint: Footprint) -> bool:
    """Return whether a script that left no trace in the schema leaves none in the rows either."""
    return not footprint.touches and all(_OF_SCHEMA.match(each.what) for each in footprint.opaque)

"""branchmig: a git-aware branching migration manager for SQLAlchemy and Alembic projects.

The public names are resolved on first use, so that `import branchmig` costs nothing.
"""

from importlib import import_module

# Not from typing: `python -m branchmig` has the current folder on sys.path until __main__ has taken it off.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from branchmig.dag import RevisionDag as RevisionDag
    from branchmig.errors import BranchmigError as BranchmigError
    from branchmig.model import Plan as Plan
    from branchmig.model import Problem as Problem
    from branchmig.model import Revision as Revision
    from branchmig.model import Step as Step
    from branchmig.planning.plan import plan_downgrade as plan_downgrade
    from branchmig.planning.plan import plan_stamp as plan_stamp
    from branchmig.planning.plan import plan_upgrade as plan_upgrade

__version__ = "0.1.0"

_HOMES = {
    "BranchmigError": "branchmig.errors",
    "Plan": "branchmig.model",
    "Problem": "branchmig.model",
    "Revision": "branchmig.model",
    "RevisionDag": "branchmig.dag",
    "Step": "branchmig.model",
    "plan_downgrade": "branchmig.planning.plan",
    "plan_stamp": "branchmig.planning.plan",
    "plan_upgrade": "branchmig.planning.plan",
}

__all__ = [
    "BranchmigError",
    "Plan",
    "Problem",
    "Revision",
    "RevisionDag",
    "Step",
    "__version__",
    "command",
    "plan_downgrade",
    "plan_stamp",
    "plan_upgrade",
]


def __getattr__(name: str) -> object:
    if name == "command":
        return import_module("branchmig.command")
    if name not in _HOMES:
        raise AttributeError(f"module 'branchmig' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

"""Listeners of a run of env.py, called when it configures itself and as its steps run.

The lock, the journal, time-outs and whatever else a run needs are listeners; env.py knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

from branchmig.model import Plan, Step

if TYPE_CHECKING:
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext


class RunListener:
    """Called during a run of env.py; each method does nothing unless a listener overrides it.

    One env.py may configure several contexts, one after another: one for each database, or tenant. The methods are
    called in the order in which they stand here. What one raises ends the run.
    """

    interrupted_by: str | None = None
    """The signal that ends the run, in words, once one has come."""

    def began(self) -> None:
        """Get ready: env.py is about to be run for the first time."""

    def configuring(self, options: dict[str, Any]) -> None:
        """Look at, or change, the arguments that env.py gives to context.configure(). No context is there yet."""

    def configured(self, context: MigrationContext) -> None:
        """Do what must be done before the version table is read.

        The connection may be in a transaction already, where env.py or a program has begun one; where it is not, it
        must not be left in one, or alembic takes it for an outer transaction.
        """

    def planned(self, context: MigrationContext, plan: Plan) -> None:
        """Look at what is going to be done: the rows are read, every script is imported, nothing has run."""

    def step_begins(self, context: MigrationContext, step: Step) -> None:
        """Act before a step's script runs, in the step's transaction."""

    def step_ends(self, context: MigrationContext, step: Step) -> None:
        """Act after a step's script, before its version rows are written, in the step's transaction."""

    def failed(self, context: MigrationContext, step: Step, error: BaseException) -> bool:
        """Return whether env.py is to be run again, after what a step raised has ended it and was rolled back."""
        return False

    def succeeded(self) -> None:
        """Act once all is committed: env.py went through, with every step that was planned."""

    def runs_again(self) -> None:
        """Act between two runs of env.py: one is over, with its transactions, and the next has not begun."""

    def ended(self) -> None:
        """Clean up: env.py and its transactions are over, however they ended. The last listener is called first."""


@contextmanager
def accompanied(listeners: Sequence[RunListener]) -> Iterator[None]:
    """Call `began` of each listener, and `ended` after the block, though another listener raises."""
    with ExitStack() as stack:
        for listener in listeners:
            stack.callback(listener.ended)
            listener.began()
        yield


class RunAgain(BaseException):
    """env.py must be run again from its start: what it had read is out of date.

    It is no Exception, so that no `except Exception` of an env.py swallows it; connections are given back.
    """


def listen(environment_context: EnvironmentContext, listeners: Sequence[RunListener]) -> None:
    """Have listeners hear of what env.py does with alembic's context.

    The methods of this one object are shadowed: alembic's proxy, `alembic.context`, knows no subclasses.
    """
    configure = environment_context.configure

    def heard(*arguments: Any, **options: Any) -> None:
        options.update(zip(signature(configure).parameters, arguments, strict=False))
        for listener in listeners:
            listener.configuring(options)
        configure(**options)
        for listener in listeners:
            listener.configured(environment_context.get_context())

    environment_context.configure = heard  # type: ignore[method-assign]

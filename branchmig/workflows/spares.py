"""Makes a copy ahead, in a process that continues after the command has answered."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from branchmig.database.trial.store import State
    from branchmig.workflows.fresh import FreshDatabases


def make_spare_behind(databases: FreshDatabases, state: State) -> None:
    """Make a copy of a state while nobody waits for it, where a copy takes long and there is none."""
    server = databases.server
    if not server.has_spares or not hasattr(os, "fork") or databases.store.spares(state.key):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: the child uses none of them
        child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(nothing, number)
            databases.apart().make_spare(state)
    finally:
        os._exit(0)

"""Names of databases that a process makes for itself: they say on whose behalf they are there."""

from __future__ import annotations

import os
import re
import secrets
import socket

PREFIX = "branchmig_scratch_"


def new_name() -> str:
    """Return the name of a new database, with the host and the process that it belongs to."""
    return f"{own_prefix()}{os.getpid()}_{secrets.token_hex(4)}"


def own_prefix() -> str:
    """Return what the names begin with on this host."""
    host = re.sub(r"\W+", "_", socket.gethostname().lower(), flags=re.ASCII)[:20]
    return f"{PREFIX}{host}_"


def process_of(name: str) -> int | None:
    """Return the process of this host that made a database of a name; None for any other name."""
    pid = name.removeprefix(own_prefix()).partition("_")[0] if name.startswith(own_prefix()) else ""
    return int(pid) if pid.isdigit() else None

"""Imported by the process that a fleet's workers are forked from, and by nothing else.

It pays for the imports of all of them, and outlives the signals that a terminal or a service manager sends to a whole
group: were it gone, its workers would count as lost.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from importlib import import_module

for _name in ("SIGTERM", "SIGHUP"):
    if hasattr(signal, _name):
        signal.signal(getattr(signal, _name), signal.SIG_IGN)

# What cannot be imported here cannot be in a worker either, and the worker reports it.
with suppress(Exception):
    import_module("branchmig.fleet.worker")

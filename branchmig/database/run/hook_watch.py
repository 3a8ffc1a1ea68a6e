"""Reports a post-write hook that ends with an error, which alembic calls done."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from alembic.script import write_hooks

from branchmig import terminal


class _Watched:
    """The module subprocess as alembic's hooks use it; `run` notes how a command ended."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def run(self, command: Sequence[str], **options: Any) -> Any:
        done = subprocess.run(command, **options)  # noqa: PLW1510 - alembic goes on, whatever the hook says
        if done.returncode:
            words = " ".join(os.fspath(word) for word in command)
            terminal.warning(
                f"a post-write hook ended with {done.returncode}, and the file is as the hook left it: {words}"
            )
        return done


@contextmanager
def hooks_watched() -> Iterator[None]:
    """Warn of each hook within the block that ends with an error."""
    namespace = vars(write_hooks)
    kept = namespace["subprocess"]
    namespace["subprocess"] = _Watched()
    try:
        yield
    finally:
        namespace["subprocess"] = kept

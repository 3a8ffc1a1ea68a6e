"""Starts one command and prints what it took: seconds, processor seconds, peak memory in MB, exit code.

Run as `python -I -S launcher.py OUTPUT COMMAND…`; the command's standard output goes to the file OUTPUT. This is
a process of its own that imports next to nothing: Linux counts what the parent holds at the start of a child as
the child's memory, so a larger parent would hide how small a child is.
"""

from __future__ import annotations

import os
import sys
import time


def main(output: str, command: list[str]) -> None:
    to_file = [(os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=to_file)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    units_in_a_megabyte = 1024 if sys.platform == "linux" else 1024 * 1024  # macOS counts bytes
    peak = usage.ru_maxrss / units_in_a_megabyte
    print(seconds, usage.ru_utime + usage.ru_stime, peak, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

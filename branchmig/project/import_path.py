"""The import path: branchmig's own modules never from a checkout, those of env.py as alembic has it.

A command that only reads must not call this module: it imports nothing of a checkout, so it never needs the checkout's
folders on `sys.path`. A command that runs env.py calls `open_to_project` first.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

LIBRARIES = frozenset(
    {
        *("_distutils_hack", "alembic", "attr", "click", "colorama", "dask", "distributed", "filelock", "flask"),
        *("flask_migrate", "git", "gitdb", "greenlet", "junitparser", "lxml", "mako", "markdown_it", "markupsafe"),
        *("mdurl", "networkx", "opentelemetry", "platformdirs", "psutil", "psycopg", "psycopg2", "pygments"),
        *("pymysql", "rich", "smmap", "sqlalchemy", "sqlglot"),
        *("blinker", "cloudpickle", "fsspec", "importlib_metadata", "itsdangerous", "jinja2", "locket", "msgpack"),
        *("packaging", "partd", "sortedcontainers", "tlz", "toolz", "tzdata", "werkzeug", "zipp"),
        *("sqlglotc", "sqlglotrs", "tblib", "tornado", "typing_extensions", "yaml", "zict"),
    }
)
"""Packages that branchmig imports when it first needs them, and what those import."""

STANDARD = frozenset(
    {
        *("abc", "array", "gc", "math", "sysconfig", "zoneinfo"),
        *("argparse", "ast", "asyncio", "base64", "bisect", "codecs", "collections", "compileall", "concurrent"),
        *("configparser", "contextlib", "contextvars", "copy", "csv", "ctypes", "dataclasses", "datetime", "decimal"),
        *("difflib", "dis", "email", "enum", "errno", "fcntl", "fnmatch", "fractions", "functools", "getpass"),
        *("glob", "graphlib", "gzip", "hashlib", "heapq", "hmac", "html", "http", "importlib", "inspect", "io"),
        *("ipaddress", "itertools", "json", "keyword", "linecache", "locale", "logging", "lzma", "marshal"),
        *("mimetypes", "mmap", "msvcrt", "multiprocessing", "numbers", "opcode", "operator", "os", "pathlib"),
        *("pickle", "platform", "posixpath", "pprint", "py_compile", "queue", "random", "re", "secrets", "select"),
        *("selectors", "shlex", "shutil", "signal", "site", "socket", "socketserver", "sqlite3", "ssl", "stat"),
        "string",
        *("struct", "subprocess", "sys", "tempfile", "termios", "textwrap", "threading", "time", "tokenize"),
        *("token", "tomllib", "traceback", "tty", "types", "typing", "unicodedata", "urllib", "uuid", "warnings"),
        *("weakref", "xml", "zipfile", "zlib"),
    }
)
"""Modules of Python itself that branchmig, and what it imports, import when they first need them."""

_removed: list[str] = []
"""The current folder as `python -m branchmig` put it on sys.path, until a command that runs env.py wants it back."""


def leave_current_folder() -> None:
    """Take the current folder off sys.path, where `python -m` puts it: it may be a checkout of anybody's."""
    if sys.flags.safe_path or not sys.path:
        return
    if os.path.realpath(sys.path[0] or os.curdir) == os.path.realpath(os.curdir):
        _removed.append(sys.path.pop(0))


def open_to_project(entries: "Sequence[str]") -> None:
    """Put folders of a project on sys.path, as alembic does; branchmig's own imports keep coming from where they did.

    To import all that branchmig might need first would have the same effect, and would take a second.
    """
    own = next((finder for finder in sys.meta_path if isinstance(finder, _OwnImports)), None)
    if own is None:
        sys.meta_path.insert(0, _OwnImports(list(sys.path)))
    sys.path[:0] = _removed
    _removed.clear()
    sys.path[:0] = [entry for entry in entries if entry not in sys.path[: len(entries)]]


class _OwnImports:
    """Finds the packages and modules that branchmig uses on sys.path as it was before a project's folders came."""

    def __init__(self, path: list[str]) -> None:
        self._path = path

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Return where one of these modules is; None for every other module, and for what is not there."""
        if path is not None or (name not in LIBRARIES and name not in STANDARD):
            return None
        return PathFinder.find_spec(name, self._path, target)

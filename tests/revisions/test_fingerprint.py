from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from branchmig.revisions.fingerprint import fingerprint, git_blob, has_fingerprint
from tests.conftest import ROOT

SCRIPT = b'''\
"""add x"""
revision = "aaa1"
down_revision = None


def upgrade():
    op.add_column("t", sa.Column("\xf0\x9f\xab\xa8", sa.Numeric(10, 2), default=-1.5))
    op.execute(f"update {t:>{w}} set x = '{x}'" "y" f"{z!r}")
    for table in (*a, b):
        op.execute(lambda *, key=None, **more: {**more, 1: b"x", None: ...})
'''


def test_digests_stay_what_they_were_since_they_are_stored() -> None:
    """A red test here means that every stored digest is to be compared no more: FORMAT needs another number."""
    assert fingerprint(SCRIPT) == "2:8a4e5e5dfcb32daf4a6d8b01d5c4a60e"
    assert fingerprint(b"def (") == "2:cc011ce8121320b1be12ab6de5b0a089"


def test_digests_of_the_earlier_format_are_compared_by_its_rules() -> None:
    assert has_fingerprint(SCRIPT, "1:3e53f3072ae7010c52e84ebfc3915f6f")
    assert has_fingerprint(SCRIPT + b"# a comment\n", "1:3e53f3072ae7010c52e84ebfc3915f6f")
    assert has_fingerprint(b"def (", "1:cc011ce8121320b1be12ab6de5b0a089")
    assert has_fingerprint(SCRIPT + b"x = 1\n", "1:3e53f3072ae7010c52e84ebfc3915f6f") is False
    assert has_fingerprint(SCRIPT, "9:3e53f3072ae7010c52e84ebfc3915f6f") is None


def test_two_texts_that_differ_in_comments_formatting_docstrings_and_quotes_are_the_same() -> None:
    other = SCRIPT.replace(b'"aaa1"', b"'aaa1'  # the first").replace(b'"""add x"""', b'"""add y"""\n\n')
    other = other.replace(b"def upgrade():\n", b'def upgrade():\n    """Up."""\n\n').replace(
        b"(10, 2)", b"(\n  10,\n  2,\n )"
    )
    other = other.replace(b'\'" "y" f"', b"'y")
    assert fingerprint(other) == fingerprint(SCRIPT)
    assert git_blob(other) != git_blob(SCRIPT)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"-1.5", b"-1.25"), (b"(10, 2)", b"(10, 3)"), (b"{z!r}", b"{z!s}"), (b"None: ...", b"False: ..."), (b"*a", b"a")],
)
def test_what_a_script_does_counts(before: bytes, after: bytes) -> None:
    assert fingerprint(SCRIPT.replace(before, after)) != fingerprint(SCRIPT)


def test_sources_nested_more_deeply_than_python_calls_have_a_fingerprint() -> None:
    deep = b"x = " + b" + ".join([b"1"] * 3000)
    assert fingerprint(deep).startswith("2:")
    assert fingerprint(deep) != fingerprint(deep + b" + 1")


def test_a_blob_id_is_git_s() -> None:
    done = subprocess.run(["git", "hash-object", "--stdin"], input=SCRIPT, capture_output=True, check=True)
    assert git_blob(SCRIPT) == done.stdout.decode().strip()


@pytest.mark.parametrize("minor", [version for version in (11, 12, 13, 14) if version != sys.version_info.minor])
def test_other_versions_of_python_see_the_same(minor: int) -> None:
    python = shutil.which(f"python3.{minor}")
    program = (
        "import sys; from branchmig.revisions.fingerprint import fingerprint; "
        "print(fingerprint(sys.stdin.buffer.read()))"
    )
    done = python and subprocess.run(
        [python, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYENV_VERSION": f"3.{minor}"},
        input=SCRIPT,
        capture_output=True,
        check=False,
    )
    if not done or done.returncode:
        pytest.skip(f"there is no Python 3.{minor} here")
    assert done.stdout.decode().strip() == fingerprint(SCRIPT)

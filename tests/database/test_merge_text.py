"""A merge revision that is written unasked: as alembic writes it, with or without alembic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from branchmig.database import merge_text
from branchmig.database.merge_text import NewFile, merge_texts
from branchmig.errors import BranchmigError
from branchmig.merge import NewMerge, join_heads
from branchmig.project.config import Invocation, locate_files
from branchmig.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout

SETTINGS = [
    "",
    "file_template = %%(year)d%%(month).2d/%%(epoch)s_%%(slug)s_%%(rev)s\ntruncate_slug_length = 12\ntimezone = utc",
    "timezone = Asia/Kathmandu\noutput_encoding = latin-1",
]


def written(repo: Checkout, settings: str) -> tuple[Path, bytes]:
    ini = repo.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("[alembic]", f"[alembic]\n{settings}"))
    repo.commit("settings")
    repo.git("merge", "--quiet", "--no-edit", "main")
    files = locate_files([str(ini)], "alembic", {})
    project = Project.open(files)
    new = NewFile(NewMerge(join_heads(project.dag, ["bbb2", "ccc3"]), 1_767_000_000), repo.versions, ("a note",))
    (found,) = merge_texts(project, Invocation(files, is_quiet=True), [new], "HEAD")
    return found


@pytest.mark.parametrize("settings", SETTINGS)
def test_without_alembic_it_is_the_same(parted: Checkout, settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    without = written(parted, settings)
    (parted.migrations / "script.py.mako").write_text(
        "<%doc>config</%doc>" + (parted.migrations / "script.py.mako").read_text()
    )
    monkeypatch.setattr(merge_text, "_by_mako", None)
    assert written(parted, "") == without
    monkeypatch.undo()
    time.tzset()
    assert not list(parted.versions.glob("*/")), "no folder is left behind"


def test_without_a_template_it_has_alembic_s_own(parted: Checkout) -> None:
    (parted.migrations / "script.py.mako").write_text("\n")
    path, content = written(parted, "")
    assert b'down_revision: Union[str, Sequence[str], None] = ("bbb2", "ccc3")' in content.replace(b"'", b'"')
    path.write_bytes(content)
    assert parted.alembic("heads").stdout == f"{path.name[:12]} (head)\n"


def test_hooks_format_it_in_its_place(parted: Checkout) -> None:
    hook = parted.root / "hook"
    hook.write_text('#!/bin/sh\ncase $1 in */versions/*) echo "# formatted" >>"$1" ;; esac\n')
    hook.chmod(0o755)
    options = f"hooks = own\nown.type = exec\nown.executable = {hook}\nown.options = REVISION_SCRIPT_FILENAME"
    ini = parted.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}\n[post_write_hooks]\n{options}\n")
    path, content = written(parted, "")
    assert (content.endswith(b"# formatted\n"), path.exists()) == (True, False)


@pytest.mark.parametrize(
    ("template", "settings", "words"),
    [
        ("${1 / 0}", "", "ZeroDivisionError"),
        ("revision = 'other'", "", "does not write revision"),
        ("", "revision_environment = true", "needs env.py"),
    ],
)
def test_what_does_not_write_the_revision_is_an_error(
    parted: Checkout, template: str, settings: str, words: str
) -> None:
    (parted.migrations / "script.py.mako").write_text(template)
    with pytest.raises(BranchmigError, match=words):
        written(parted, settings)

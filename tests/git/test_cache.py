"""The cache of headers: shared, thrown away when damaged, never stale, never needed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from branchmig.git.cache import FORMAT, HeaderCache
from branchmig.model import Revision
from tests.repositories import ROOT, Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILL = """\
import sys
from pathlib import Path
from branchmig.git.cache import FORMAT, HeaderCache
from branchmig.model import Revision

folder, own = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
for number in range(20):
    cache = HeaderCache(folder)
    cache.remember(f"{own}-{number}", Revision(f"{own}{number}"))
    cache.save(())
    kept = HeaderCache(folder)
    assert any(f"{name}-0" in kept for name in "abc"), "a file that another process replaced was met half written"
"""


def cache_file(repo: Checkout) -> Path:
    return repo.top / ".git" / "branchmig" / f"headers-{FORMAT}.json"


def blobs_read(repo: Checkout, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[str]:
    """Return the blobs whose content a command asked git for."""
    from branchmig.git.repository import Repository

    asked: list[str] = []
    real = Repository.blobs

    def blobs(self: Repository, ids: list[str], more: object = None) -> Iterator[tuple[str, bytes]]:
        asked.extend(ids)
        return real(self, ids, more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Repository, "blobs", blobs)
        repo.heads(*arguments)
    return asked


def test_what_was_read_once_is_read_from_the_cache(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    first = blobs_read(parted, monkeypatch, "--at", "index")
    assert len(first) == 2
    assert blobs_read(parted, monkeypatch, "--at", "index") == []
    assert blobs_read(parted, monkeypatch, "--at", "HEAD") == []
    assert len(blobs_read(parted, monkeypatch, "--merged-with", "main")) == 1
    assert blobs_read(parted, monkeypatch, "--at", "main") == []


def test_every_header_survives_the_cache(repo: Checkout) -> None:
    repo.revision("aaa1", labels=("ünï",), message='it\'s "quoted" and … long')
    repo.revision("bbb2", labels=("x", "y"))
    repo.revision("ccc3", "aaa1", "bbb2", depends_on=("aaa1", "x"), name="c.py")
    repo.commit()
    cold = repo.branchmig("history", "--at", "HEAD", "--format", "json")
    warm = repo.branchmig("history", "--at", "HEAD", "--format", "json")
    cold_worktree = repo.branchmig("history", "--format", "json")
    assert cold.stdout == warm.stdout == cold_worktree.stdout.replace('"at": "worktree"', '"at": "HEAD"')


def test_a_header_comes_back_as_it_was(tmp_path: Path) -> None:
    revision = Revision("b", ("a",), ("c",), ("x",), "it's", "b.py", replaces=("d", "e"))
    cache = HeaderCache(tmp_path)
    cache.remember("1", revision)
    cache.save(())
    assert HeaderCache(tmp_path).revision("1", "b.py") == revision


def test_linked_work_trees_share_it(parted: Checkout, tmp_path: Path) -> None:
    parted.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "main")
    assert parted.process("heads", "--at", "index", cwd=tmp_path / "linked").stdout == "bbb2 (head)\n"
    assert cache_file(parted).exists()
    assert not (tmp_path / "linked" / "branchmig").exists()
    assert set(os.listdir(parted.top / ".git" / "worktrees" / "linked")).isdisjoint({"branchmig"})


@pytest.mark.parametrize(
    "damage", ["cut off", "garbage", "empty", "no digest", "another id", "another shape", "a folder"]
)
def test_a_damaged_file_is_thrown_away(parted: Checkout, damage: str) -> None:
    parted.heads("--at", "index")
    file = cache_file(parted)
    sound = file.read_bytes()
    if damage == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {
                "cut off": sound[:-10],
                "garbage": os.urandom(100),
                "empty": b"",
                "no digest": sound.partition(b"\n")[2],
                "another id": sound.replace(b"ccc3", b"ddd4"),
                "another shape": b"[]",
            }[damage]
        )
    assert parted.heads("--at", "index") == ["ccc3"]
    if damage != "a folder":
        assert file.read_bytes() == sound


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_repository_that_may_not_be_written_to_is_read(parted: Checkout) -> None:
    (parted.top / ".git").chmod(0o555)
    try:
        assert parted.heads("--at", "index") == ["ccc3"]
        assert not cache_file(parted).exists()
    finally:
        (parted.top / ".git").chmod(0o755)


def test_a_repository_whose_cache_folder_cannot_be_made_is_read(parted: Checkout) -> None:
    (parted.top / ".git" / "branchmig").write_text("in the way")
    assert parted.heads("--at", "index") == ["ccc3"]


def test_the_same_path_with_new_content_is_read_anew(parted: Checkout) -> None:
    path = parted.versions / "ccc3.py"
    assert parted.heads("--at", "index") == ["ccc3"]
    path.write_text(path.read_text().replace("ccc3", "ddd4"))
    parted.git("add", ".")
    assert parted.heads("--at", "index") == ["ddd4"]
    assert parted.heads("--at", "HEAD") == ["ccc3"]


def test_an_id_that_the_name_gives_is_not_remembered_for_another_name(repo: Checkout) -> None:
    """As alembic 0.1 wrote them: the file holds no `revision`."""
    text = '"""old"""\ndown_revision = None\n\n\ndef upgrade():\n    pass\n'
    (repo.versions / "ab12.py").write_text(text)
    repo.git("add", ".")
    assert repo.heads("--at", "index") == ["ab12"]
    repo.git("mv", "migrations/versions/ab12.py", "migrations/versions/cd34.py")
    assert repo.heads("--at", "index") == ["cd34"]
    repo.git("mv", "migrations/versions/cd34.py", "migrations/versions/first.py")
    told = repo.branchmig("heads", "--at", "index")
    assert told.exit_code == 3
    assert "Could not determine revision id from filename first.py" in told.stderr


def test_an_id_in_the_file_is_remembered_whatever_the_file_is_called(
    repo: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.revision("aaa1", name="ab12.py")
    repo.git("add", ".")
    assert len(blobs_read(repo, monkeypatch, "--at", "index")) == 1
    assert blobs_read(repo, monkeypatch, "--at", "index") == []


def test_what_cannot_be_read_is_not_remembered(repo: Checkout) -> None:
    repo.revision("aaa1")
    (repo.versions / "broken.py").write_text("revision = 'x'\ndown_revision = f()\n")
    repo.git("add", ".")
    for _ in range(2):
        told = repo.branchmig("heads", "--at", "index")
        assert f"{repo.versions / 'broken.py'}:2: down_revision is computed" in told.stderr


def test_several_processes_fill_it_at_once(tmp_path: Path) -> None:
    """Each replaces the file as a whole, so a reader never meets half of one; the last to write has its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", FILL, str(tmp_path)]
    running = [
        subprocess.Popen([*command, own], stdin=subprocess.PIPE, env=environment, text=True) for own in ("a", "b", "c")
    ]
    for item in running:
        assert item.stdin is not None
        item.stdin.write("go\n")
        item.stdin.flush()
    assert [item.communicate()[0] or item.returncode for item in running] == [0, 0, 0]
    cache = HeaderCache(tmp_path)
    assert any(cache.revision(f"{own}-19", "x.py") == Revision(f"{own}19", path="x.py") for own in "abc")
    assert [file.name for file in (tmp_path / "branchmig").iterdir()] == [f"headers-{FORMAT}.json"]


def test_it_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("branchmig.git.cache.MOST_ENTRIES", 10)
    for number in range(10):
        cache = HeaderCache(tmp_path)
        cache.remember(f"old-{number}", Revision(f"old{number}"))
        cache.save(())
    cache = HeaderCache(tmp_path)
    cache.remember("new", Revision("new"))
    cache.save(["new", "old-3", "unknown"])
    left = HeaderCache(tmp_path)
    assert [blob for blob in ("new", *(f"old-{number}" for number in range(10))) if blob in left] == ["new", "old-3"]

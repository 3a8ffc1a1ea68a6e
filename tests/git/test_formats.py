"""Object formats and partial clones: what git itself stores otherwise than in a fresh clone of today."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from branchmig.git.repository import Repository
from branchmig.revisions.fingerprint import git_blob
from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sha256(tmp_path: Path) -> Checkout:
    """`parted` in a repository whose object ids are SHA-256."""
    repo = Checkout(tmp_path / "sha256")
    shutil.rmtree(repo.top / ".git")
    repo.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    repo.fork()
    return repo


@pytest.fixture(autouse=True)
def no_database(parted_template: Checkout) -> Iterator[None]:
    """Copies of `parted` name the database of their template: each test finds none, and leaves none."""
    database = Path(parted_template.url.removeprefix("sqlite:///"))
    database.unlink(missing_ok=True)
    yield
    database.unlink(missing_ok=True)


def test_sha256_origins_blobs_and_merges(sha256: Checkout) -> None:
    found = sha256.branchmig("guard", "--merged-with", "main")
    assert found.exit_code == 1
    assert ("main, " in found.stdout, "feature, " in found.stdout) == (True, True)
    text = (sha256.versions / "aaa1.py").read_bytes()
    blob = sha256.git("rev-parse", "HEAD:migrations/versions/aaa1.py")
    assert git_blob(text, blob) == blob
    sha256.run("merge", "--no-commit", "main")
    assert sha256.branchmig("merge").exit_code == 0
    sha256.commit("merged")
    assert len(sha256.heads()) == 1
    assert sha256.branchmig("upgrade", "heads").exit_code == 0
    assert sha256.branchmig("pins").stdout.count("aaa1") == 0  # on the target: needs no pin


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_partial_clone_fetches_once_and_says_when_it_cannot(
    object_format: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    origin: Checkout = request.getfixturevalue("parted" if object_format == "sha1" else "sha256")
    for number in range(5):
        origin.revision(f"more{number}", f"more{number - 1}" if number else "ccc3")
    origin.commit("five more")
    origin.git("config", "uploadpack.allowFilter", "true")
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = _partial_clone(origin, tmp_path / "clone")
    trace = tmp_path / "trace"
    found = clone.process("heads", "--at", "origin/feature", env={"GIT_TRACE": str(trace)})
    assert found.stdout.startswith("more4"), found.stderr
    assert trace.read_text().count("built-in: git fetch ") == 1

    offline = _partial_clone(origin, tmp_path / "offline")
    origin.top.rename(tmp_path / "gone")
    found = offline.process("heads", "--at", "origin/feature")
    assert found.returncode == 3
    assert "this is a partial clone: 6 objects are at its remote 'origin' only" in found.stderr


def _partial_clone(origin: Checkout, top: Path) -> Checkout:
    clone = Checkout.copy(origin, top)
    shutil.rmtree(top)
    origin.git("clone", "-q", "--filter=blob:none", "--branch=main", f"file://{origin.top}", str(top))
    return clone


def test_a_full_clone_asks_no_remote(parted: Checkout) -> None:
    repository = Repository.discover(parted.top)
    assert repository is not None
    assert repository.promisor is None


def test_what_a_folder_of_another_name_holds_is_found_and_undone(parted: Checkout) -> None:
    """main renamed migrations/ to db/, feature did not; after gc, and without a pin."""
    parted.git("rm", "--quiet", "--cached", "-r", ".")
    parted.git("reset", "--quiet", "--hard")
    (parted.migrations / "helper.txt").write_text("feature's")
    beside = (
        "from pathlib import Path\nassert (Path(__file__).parent.parent / 'helper.txt').read_text() == \"feature's\""
    )
    parted.revision("eee5", "ccc3", upgrade="pass", downgrade=beside)
    parted.commit("helper")
    assert parted.branchmig("upgrade", "heads").exit_code == 0
    commit = parted.git("rev-parse", "HEAD")
    parted.git("switch", "--quiet", "main")
    parted.git("mv", "migrations", "db")
    ini = parted.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("migrations", "db"))
    parted.commit("renamed")
    for ref in parted.git("for-each-ref", "--format=%(refname)", "refs/branchmig").split():
        parted.git("update-ref", "-d", ref)
    parted.git("gc", "--quiet", "--prune=now")

    (orphan, *_) = [
        line for line in parted.branchmig("status").stdout.splitlines() if line.startswith("  orphan: eee5")
    ]
    assert f"on feature, commit {commit[:10]} by Ada Author, migrations/versions/eee5.py" in orphan
    done = parted.branchmig("sync", "--yes")
    assert (done.exit_code, "warning" in done.stderr, parted.rows()) == (0, False, ["bbb2"])


@pytest.mark.parametrize("how", ["cone", "one file"])
def test_what_a_sparse_checkout_leaves_out_is_part_of_the_checkout(parted: Checkout, how: str) -> None:
    """With a cone a whole version folder is not there; with skip-worktree it is a single file."""
    ini = parted.root / "alembic.ini"
    ini.write_text(f"{ini.read_text()}version_locations = %(here)s/migrations/versions:%(here)s/extra/versions\n")
    extra = parted.root / "extra" / "versions"
    extra.mkdir(parents=True)
    text = (parted.versions / "ccc3.py").read_text().replace("ccc3", "ddd4").replace("'aaa1'", "'ccc3'")
    (extra / "ddd4.py").write_text(text)
    parted.commit("extra")
    assert parted.branchmig("upgrade", "heads").exit_code == 0
    if how == "cone":
        parted.git("sparse-checkout", "set", "--cone", "migrations")
    else:
        parted.git("update-index", "--skip-worktree", "extra/versions/ddd4.py")
        (extra / "ddd4.py").unlink()
    assert not (extra / "ddd4.py").exists()
    assert parted.heads() == parted.heads("--at", "index") == ["ddd4"]
    assert parted.heads("--merged-with", "main") == ["bbb2", "ddd4"]
    assert "ddd4" in parted.branchmig("guard", "--target", "main").stdout
    assert "orphan" not in parted.branchmig("status").stdout
    refused = parted.branchmig("downgrade", "-1")
    assert (refused.exit_code, parted.rows()) == (3, ["ddd4"])
    assert refused.stderr.startswith(
        "error: the file of revision 'ddd4' is not in the work tree: extra/versions/ddd4.py\n"
    )
    # Written in spite of the bit, the file is read where it is.
    extra.mkdir(parents=True, exist_ok=True)
    (extra / "ddd4.py").write_text(text.replace("'ccc3'", "'aaa1'"))
    assert parted.heads() == ["ccc3", "ddd4"]


def test_a_pointer_of_git_lfs_is_named(parted: Checkout) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    (parted.versions / "ddd4.py").write_text(pointer)
    parted.commit("in LFS")
    for place in ("worktree", "HEAD"):
        told = parted.branchmig("guard", "--at", place).stdout
        assert "migrations/versions/ddd4.py is a Git LFS pointer: its content is not in this repository" in told
    # What stands on a revision that cannot be read may be anywhere: the forecast gives the cause alone.
    parted.revision("eee5", "ddd4")
    parted.commit("on top")
    assert parted.branchmig("forecast", "feature").stdout == (
        "into main (head bbb2):\n"
        "  feature: migrations/versions/ddd4.py is a Git LFS pointer: its content is not in this repository\n"
        "      correct it there: branchmig guard --at main --with feature\n"
    )

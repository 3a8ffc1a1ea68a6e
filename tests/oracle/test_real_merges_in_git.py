"""Every recorded merge of a real project, rebuilt as commits: the foretold heads are the heads that the merge had."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.oracle.test_real_histories import BROKEN, MERGES, tree_at
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path


# Whoever merged these put one line on top of the other by hand, in the merge itself: what was foretold had come true.
MENDED_IN_THE_MERGE = {"rucio 46dc0d03dccd", "rucio 5d7aa54eddcd"}


def heads_without_a_hand(name: str) -> list[str]:
    """The heads that the merge had, or, where a hand mended it, that it would have had."""
    heads = MERGES[name]["heads"]
    return sorted([*heads["ours"], *heads["theirs"]] if name in MENDED_IN_THE_MERGE else heads["merged"])


def script(header: list[Any]) -> str:
    """A script with a body of its own, so that git does not take one file for another that was renamed."""
    revision, parents, depends_on, labels = header
    body = "".join(f"    # {hashlib.sha1(f'{revision}{line}'.encode()).hexdigest()}\n" for line in range(12))
    down = parents[0] if len(parents) == 1 else tuple(parents) or None
    return (
        f'"""step {revision}"""\nfrom alembic import op\n\nrevision = {revision!r}\ndown_revision = {down!r}\n'
        f"branch_labels = {tuple(labels) or None!r}\ndepends_on = {tuple(depends_on) or None!r}\n\n\n"
        f"def upgrade():\n{body}    pass\n\n\ndef downgrade():\n    pass\n"
    )


def commit(branch: str, tree: dict[str, Any], parent: str | None) -> str:
    """A commit as git fast-import reads it, whose migrations are exactly `tree`."""
    lines = [f"commit refs/heads/{branch}\ncommitter C <c@example.com> 1767600000 +0000\ndata 1\nx\n"]
    lines += [f"from refs/heads/{parent}\n", "D migrations/versions\n"] if parent else []
    for path, header in sorted(tree.items()):
        if header != ["!error"]:
            text = script(header).encode()
            lines.append(f"M 100644 inline migrations/versions/{path}\ndata {len(text)}\n{text.decode()}\n")
    return "".join(lines) + "\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, isolated_environment: None) -> Path:
    return tmp_path_factory.mktemp("merges")


@pytest.fixture(scope="module")
def rebuilt(place: Path) -> Checkout:
    """All merges in one repository: N-base, and N-ours and N-theirs from it."""
    repo = Checkout(place / "repo")
    stream = ""
    for number, merge in enumerate(MERGES.values()):
        stream += commit(f"{number}-base", merge["base"], None)
        for side in ("ours", "theirs"):
            stream += commit(f"{number}-{side}", tree_at(merge, side), f"{number}-base")
    repo.git("fast-import", "--quiet", stdin=stream.encode())
    return repo


@pytest.mark.parametrize("name", MERGES)
def test_the_heads_of_a_real_merge_are_foretold(rebuilt: Checkout, name: str) -> None:
    number = list(MERGES).index(name)
    sides = ("--at", f"{number}-ours", "--merged-with", f"{number}-theirs")
    told = rebuilt.branchmig("heads", *sides, "--format", "json")
    found = json.loads(told.stdout)
    if (name, "merged") in BROKEN:
        path, parent = BROKEN[name, "merged"]
        assert (told.exit_code, found["error"]["code"]) == (3, "broken-graph")
        assert f"{path}: down_revision {parent!r}" in found["error"]["message"]
        return
    assert told.exit_code == 0, told
    assert [head["revision"] for head in found["heads"]] == heads_without_a_hand(name)


@pytest.mark.soak
def test_the_guard_would_have_stopped_each_merge_of_two_heads(rebuilt: Checkout) -> None:
    stopped = []
    for number, name in enumerate(MERGES):
        done = rebuilt.branchmig("guard", "--at", f"{number}-ours", "--merged-with", f"{number}-theirs")
        if "multiple-heads" in done.stdout:
            stopped.append(name)
    sound = [name for name in MERGES if (name, "merged") not in BROKEN]
    assert stopped == [name for name in sound if len(heads_without_a_hand(name)) > 1]
    assert len(stopped) > len(sound) / 2


@pytest.mark.soak
def test_fix_makes_each_merge_one_head_and_nothing_else_another(
    rebuilt: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a graph that is none, what git itself cannot merge, and where one side has rewritten what both have."""
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_EVENT_NAME", "CI_MERGE_REQUEST_IID"):
        monkeypatch.delenv(name, raising=False)
    left = []
    for number, name in enumerate(MERGES):
        rebuilt.git("checkout", "--quiet", "--force", "--detach", f"{number}-theirs")
        done = rebuilt.branchmig("fix", "--onto", f"{number}-ours", "--format", "json")
        if done.exit_code:
            left.append((name, json.loads(done.stdout)["error"]["code"]))
            continue
        merged = rebuilt.git("merge-tree", "--write-tree", f"{number}-theirs", f"{number}-ours")
        expected = json.loads(done.stdout)["revisions"]
        added = rebuilt.git("diff", "--name-only", merged, "HEAD").splitlines() if expected else []
        assert (len(added), rebuilt.git("status", "--porcelain", "--untracked-files=no")) == (len(expected), "")
        assert rebuilt.heads("--at", "HEAD") == (expected or rebuilt.heads("--at", "HEAD")[:1])
        if number % 7 == 0:  # alembic imports every file
            assert rebuilt.alembic("heads").stdout.split()[0] in rebuilt.heads()
    assert left == [
        ("lemur 7032abf2e792", "broken-graph"),
        ("redash 93dffa0c8a83", "git"),
    ]

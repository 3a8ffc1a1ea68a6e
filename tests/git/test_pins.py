"""Pins: what keeps the files of applied revisions, in real repositories, whatever becomes of their branches."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.errors import GitError
from branchmig.git import pins as pins_room
from branchmig.git.history import branch_with, branches
from branchmig.git.pins import Pin, drop_pin, pinned_revisions, pins, ref_of
from branchmig.git.repository import Repository
from tests.repositories import Checkout, footprint, write_pin

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "postgresql+psycopg://app@db.example/shop#alembic_version"
REF = "refs/branchmig/pins/app-db-example-shop-alembic-version-59e8124916d5"
WHEN = "2026-02-01T10:00:00Z"
VERSIONS = "migrations/versions"
CCC3 = f"{VERSIONS}/ccc3.py"


def opened(repo: Checkout) -> Repository:
    found = Repository.discover(repo.top)
    assert found is not None
    return found


def hash_blob(repository: Repository, content: bytes) -> str:
    return repository.run("hash-object", "-w", "--stdin", "--no-filters", given=content).decode().strip()


def pin_ccc3(repo: Checkout, database: str = DATABASE) -> Pin:
    made = write_pin(opened(repo), database, {CCC3: blob(repo, "ccc3")}, {"ccc3": CCC3}, WHEN)
    assert made is not None
    return made


def blob(repo: Checkout, revision: str) -> str:
    return repo.git("hash-object", f"{VERSIONS}/{revision}.py")


def refs(repo: Checkout, *, cwd: Path | None = None) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", "refs/branchmig", cwd=cwd).split()


def leave_nothing_else(repo: Checkout) -> None:
    repo.git("switch", "--quiet", "main")
    repo.git("branch", "--quiet", "-D", "feature")
    repo.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")


# --- what a pin says


def test_a_pin_says_what_it_keeps_and_of_which_database(parted: Checkout) -> None:
    made = pin_ccc3(parted)
    assert (made.ref, made.database, made.revisions, made.when) == (REF, DATABASE, ("ccc3",), WHEN)
    assert pins(opened(parted)) == [made]
    assert pinned_revisions(made) == {"ccc3": (CCC3, blob(parted, "ccc3"))}
    assert parted.git("ls-tree", "-r", REF) == f"100644 blob {blob(parted, 'ccc3')}\t{CCC3}"
    assert parted.git("rev-parse", REF) == made.commit


def test_a_pin_remembers_who_wrote_a_file_and_on_which_branch(parted: Checkout) -> None:
    kept = pin_ccc3(parted).kept["ccc3"]
    assert (kept.branch, kept.commit, kept.author) == ("feature", parted.git("rev-parse", "HEAD"), "Ada Author")
    parted.git("switch", "--quiet", "main")
    files = {CCC3: kept.blob, f"{VERSIONS}/bbb2.py": blob(parted, "bbb2")}
    again = write_pin(opened(parted), DATABASE, files, {"ccc3": CCC3, "bbb2": f"{VERSIONS}/bbb2.py"}, WHEN)
    assert again is not None
    # What main has is in the target branch already, and so nobody's in particular.
    assert (again.kept["ccc3"], again.kept["bbb2"].branch) == (kept, None)


def test_neighbours_are_kept_at_their_places(parted: Checkout) -> None:
    files = {
        CCC3: blob(parted, "ccc3"),
        f"{VERSIONS}/seed.sql": hash_blob(opened(parted), b"INSERT"),
        f"{VERSIONS}/data/rows.csv": hash_blob(opened(parted), b"1\r\n2\r\n"),
        "top.txt": hash_blob(opened(parted), b""),
    }
    made = write_pin(opened(parted), DATABASE, files, {"ccc3": CCC3}, WHEN)
    assert made is not None
    leave_nothing_else(parted)
    (again,) = pins(opened(parted))
    assert (again, dict(again.files)) == (made, files)
    listing = parted.git("ls-tree", "-r", "-z", "--format=%(path) %(objectname)", REF)
    assert dict(line.split(" ") for line in listing.split("\0") if line) == files
    content = dict(opened(parted).blobs(list(files.values())))
    assert content[files[f"{VERSIONS}/data/rows.csv"]] == b"1\r\n2\r\n"


def test_ids_paths_and_names_of_any_letters(parted: Checkout) -> None:
    database = "sqlite:///C:\\a b\n\0'\"ü#v"
    path = "my versions/\x01new\nline 'ü' \udcff\t.py"
    files = {path: hash_blob(opened(parted), b"x")}
    revisions = {"it's\n\0 a \udcff 'revision'": path}
    made = write_pin(opened(parted), database, files, revisions, WHEN)
    assert made is not None
    (again,) = pins(opened(parted))
    assert again == made
    assert pinned_revisions(again) == dict.fromkeys(revisions, (path, files[path]))
    assert again.database == database


@pytest.mark.parametrize("database", ["", "...", "ü", "-x.lock", "a..b@{c}", "/", "x" * 300, DATABASE.upper()])
def test_every_database_has_a_ref_of_its_own_that_git_takes(database: str, parted: Checkout) -> None:
    made = pin_ccc3(parted, database)
    other = pin_ccc3(parted, f"{database} ")
    assert made.ref != other.ref
    assert [pin.ref for pin in pins(opened(parted))] == sorted([made.ref, other.ref])


def test_a_file_s_bytes_are_kept_as_they_are(parted: Checkout) -> None:
    """No filter of the user's, and no line ending, changes them."""
    parted.git("config", "core.autocrlf", "true")
    (parted.top / ".gitattributes").write_text("* text=auto eol=crlf filter=none\n")
    content = b"one\r\ntwo\n\0\xff"
    made = hash_blob(opened(parted), content)
    assert dict(opened(parted).blobs([made])) == {made: content}


def test_what_a_later_version_has_written_is_listed_and_can_be_dropped(parted: Checkout) -> None:
    made = pin_ccc3(parted)
    message = parted.git("log", "-1", "--format=%B", REF)
    said = json.loads(message.splitlines()[-1]) | {"version": 2}
    tree = parted.git("rev-parse", f"{REF}^{{tree}}")
    for ref, target in {
        f"{REF}-a": parted.git("commit-tree", tree, "-m", f"x\n\n{json.dumps(said)}"),
        f"{REF}-b": parted.git("commit-tree", tree, "-m", "[1]"),
        f"{REF}-c": parted.git("commit-tree", tree, "-m", '{"version": 1, "revisions": {"a": {"x": 1}}}'),
        f"{REF}-d": tree,
    }.items():
        parted.git("update-ref", ref, target)
    found = pins(opened(parted))
    assert found[0] == made
    assert [(pin.ref[-1], pin.database, pin.revisions, pin.when) for pin in found[1:]] == [
        (letter, "", (), "") for letter in "abcd"
    ]
    for pin in found:
        drop_pin(opened(parted), pin)
    assert refs(parted) == []


# --- when it is written


def test_nothing_is_written_when_the_pin_says_the_same_already(parted: Checkout) -> None:
    made = pin_ccc3(parted)
    before = footprint(parted.top)
    again = write_pin(opened(parted), DATABASE, {CCC3: blob(parted, "ccc3")}, {"ccc3": CCC3}, "2027-01-01T00:00:00Z")
    assert again == made
    assert footprint(parted.top) == before


def test_a_pin_without_revisions_is_dropped(parted: Checkout) -> None:
    pin_ccc3(parted)
    other = pin_ccc3(parted, "another database")
    assert write_pin(opened(parted), DATABASE, {}, {}, WHEN) is None
    assert pins(opened(parted)) == [other]
    assert write_pin(opened(parted), DATABASE, {}, {}, WHEN) is None


def test_what_a_pin_no_longer_keeps_goes_with_the_next_collection(parted: Checkout) -> None:
    pin_ccc3(parted)
    kept = hash_blob(opened(parted), b"another")
    write_pin(opened(parted), DATABASE, {"x.py": kept}, {"x": "x.py"}, WHEN)
    gone = blob(parted, "ccc3")
    leave_nothing_else(parted)
    there = {item: content is not None for item, content in opened(parted).objects([gone, kept])}
    assert there == {gone: False, kept: True}


def test_index_work_tree_and_hooks_are_left_alone(parted: Checkout) -> None:
    told = parted.top / ".git" / "told"
    for name in ("reference-transaction", "post-commit", "pre-commit", "post-index-change"):
        hook = parted.top / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho {name} >>{told}\n")
        hook.chmod(0o755)
    (parted.versions / "ccc3.py").write_text("changed and staged")
    parted.git("add", "--all")
    told.unlink(missing_ok=True)
    parted.git("config", "core.logAllRefUpdates", "always")
    before = footprint(parted.top)
    made = pin_ccc3(parted)
    after = footprint(parted.top)
    assert all(name.startswith(".git/objects/") for name in after.keys() - before.keys())
    assert refs(parted) == [REF]
    assert {name: after[name] for name in before} == before
    drop_pin(opened(parted), made)
    assert not told.exists()


def test_no_name_of_the_user_s_is_needed_or_used(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")):
            monkeypatch.delenv(name)
    parted.git("config", "user.useConfigOnly", "true")
    parted.git("config", "commit.gpgSign", "true")
    parted.git("config", "gpg.program", "false")  # who asks for a signature gets none, and fails
    pin_ccc3(parted)
    assert parted.git("log", "-1", "--format=%an %ae %cn %ce", REF) == "branchmig branchmig branchmig branchmig"


def test_of_two_writers_at_once_neither_loses_what_the_other_keeps(
    parted: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other writes between our look and our write, once as the first of all, once over what was there."""
    repository = opened(parted)
    update = pins_room._update
    names = iter(["xxx1", "xxx2"])

    def raced(repository: Repository, *words: Any) -> str:
        name = next(names, None)
        if name is not None:
            theirs = {f"{name}.py": hash_blob(repository, name.encode())}
            monkeypatch.setattr(pins_room, "_update", update)
            write_pin(repository, DATABASE, theirs, {name: f"{name}.py"}, WHEN)
            monkeypatch.setattr(pins_room, "_update", raced)
        return update(repository, *words)

    monkeypatch.setattr(pins_room, "_update", raced)
    made = pin_ccc3(parted)
    # The other has given up the first of its two itself.
    assert made.revisions == ("ccc3", "xxx2")
    assert pins(repository) == [made]
    assert sorted(made.files) == [CCC3, "xxx2.py"]


def test_what_another_keeps_meanwhile_is_not_dropped(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = opened(parted)
    pin_ccc3(parted)
    update = pins_room._update

    def raced(repository: Repository, *words: Any) -> str:
        monkeypatch.setattr(pins_room, "_update", update)
        write_pin(repository, DATABASE, {"x.py": hash_blob(repository, b"x")}, {"x": "x.py"}, WHEN)
        return update(repository, *words)

    monkeypatch.setattr(pins_room, "_update", raced)
    left = write_pin(repository, DATABASE, {}, {}, WHEN)
    assert left is not None
    assert (left.revisions, pins(repository)) == (("x",), [left])


def test_a_pin_that_changed_since_it_was_read_is_not_deleted(parted: Checkout) -> None:
    before = pin_ccc3(parted)
    after = write_pin(opened(parted), DATABASE, {"x.py": hash_blob(opened(parted), b"x")}, {"x": "x.py"}, WHEN)
    with pytest.raises(GitError) as raised:
        drop_pin(opened(parted), before)
    assert raised.value.message.startswith(f"git cannot delete {REF}: error: cannot lock ref '{REF}'")
    assert raised.value.hint == "look again: branchmig pins"
    assert pins(opened(parted)) == [after]


# --- where it cannot be written


def test_a_lock_that_somebody_left_is_told_of(parted: Checkout) -> None:
    lock = parted.top / ".git" / f"{REF}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    with pytest.raises(GitError) as raised:
        pin_ccc3(parted)
    assert raised.value.message.startswith(f"git cannot write {REF}: fatal: ")
    assert "File exists" in raised.value.message
    assert pins(opened(parted)) == []


def test_objects_that_cannot_be_written_are_a_git_error(parted: Checkout, tmp_path: Path) -> None:
    """As in a repository of another user's; a file in the place of a folder stops even root."""
    objects = parted.top / ".git" / "objects"
    names = {
        content: parted.git("hash-object", "--stdin", stdin=content)[:2] for content in (b"%d" % n for n in range(9))
    }
    content, name = next((content, name) for content, name in names.items() if not (objects / name).exists())
    (objects / name).write_text("no folder")
    with pytest.raises(GitError, match=r"^git hash-object failed: "):
        hash_blob(opened(parted), content)


def test_a_blob_that_is_not_there_cannot_be_kept(parted: Checkout) -> None:
    with pytest.raises(GitError, match=r"^git mktree failed: "):
        write_pin(opened(parted), DATABASE, {CCC3: "1" * 40}, {"ccc3": CCC3}, WHEN)
    assert pins(opened(parted)) == []


# --- who sees it


def test_a_pin_outlives_the_branch_the_reflogs_and_a_collection(parted: Checkout) -> None:
    made = pin_ccc3(parted)
    text = (parted.versions / "ccc3.py").read_bytes()
    leave_nothing_else(parted)
    parted.git("repack", "--quiet", "-a", "-d")
    parted.git("pack-refs", "--all", "--prune")
    assert pins(opened(parted)) == [made]
    assert dict(opened(parted).blobs([made.kept["ccc3"].blob])) == {made.kept["ccc3"].blob: text}
    drop_pin(opened(parted), made)
    assert refs(parted) == []


def test_a_pin_is_pushed_by_nothing_but_a_mirror(parted: Checkout, tmp_path: Path) -> None:
    pin_ccc3(parted)
    server = tmp_path / "server.git"
    parted.git("init", "--quiet", "--bare", str(server))
    parted.git("remote", "add", "origin", str(server))
    parted.git("tag", "v1")
    for words in (["-u", "origin", "feature"], [], ["--all"], ["--tags"], ["--follow-tags"], ["origin", "HEAD"]):
        parted.git("push", "--quiet", *words)
        assert refs(parted, cwd=server) == [], words
    parted.git("config", "push.default", "matching")
    parted.git("push", "--quiet")
    assert refs(parted, cwd=server) == []
    parted.git("push", "--quiet", "--mirror")
    assert refs(parted, cwd=server) == [REF]
    parted.git("push", "--quiet", "--prune", "origin", "+refs/*:refs/*", "^refs/branchmig/*")
    assert parted.git("ls-remote", "--heads", "origin").count("refs/heads/") == 2


def test_a_clone_does_not_bring_it_along(parted: Checkout, tmp_path: Path) -> None:
    pin_ccc3(parted)
    parted.git("clone", "--quiet", str(parted.top), str(tmp_path / "clone"))
    assert refs(parted, cwd=tmp_path / "clone") == []


def test_a_pin_is_no_branch(parted: Checkout) -> None:
    leave = parted.git("rev-parse", "feature")
    made = pin_ccc3(parted)
    leave_nothing_else(parted)
    repository = opened(parted)
    assert list(branches(repository)) == ["refs/heads/main"]
    assert branch_with(repository, made.commit, made.commit) is None
    told = parted.branchmig("forecast", "--format", "json")
    assert (told.exit_code, "pins" in told.stdout) == (0, False)
    assert repository.commit(leave) is None


def test_work_trees_share_their_pins(parted: Checkout, tmp_path: Path) -> None:
    made = pin_ccc3(parted)
    parted.git("worktree", "add", "--quiet", str(tmp_path / "other"), "main")
    other = Repository.discover(tmp_path / "other")
    assert other is not None
    assert pins(other) == [made]
    # Its database is another one, and so is its pin.
    own = write_pin(other, "sqlite:///other.db", {CCC3: made.kept["ccc3"].blob}, {"ccc3": CCC3}, WHEN)
    assert own is not None
    assert {pin.ref for pin in pins(opened(parted))} == {made.ref, own.ref}


def test_the_ref_names_no_more_than_the_end_of_the_database_s_name() -> None:
    assert ref_of(DATABASE) == REF
    assert len(ref_of("x" * 1000)) < 100

"""Where git has a revision that the checkout lacks: asked of real repositories, in every state they get into."""

from __future__ import annotations

import py_compile
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.errors import GitError
from branchmig.git import absence
from branchmig.git.orphans import locate, locate_all
from branchmig.git.repository import Repository
from branchmig.model import Location, Presence, Removal
from tests.repositories import Checkout, footprint, write_pin

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FOLDERS = ("migrations/versions",)
CCC3 = "migrations/versions/ccc3.py"


def opened(repo: Checkout) -> Repository:
    found = Repository.discover(repo.top)
    assert found is not None
    return found


def located(
    repo: Checkout,
    *ids: str,
    folders: Sequence[str] = FOLDERS,
    is_recursive: bool = False,
    wanted_blobs: Mapping[str, str] | None = None,
) -> dict[str, Location]:
    return locate_all(opened(repo), folders, ids, is_recursive=is_recursive, wanted_blobs=wanted_blobs)


def blob_of(repo: Checkout, name: str) -> str:
    return repo.git("rev-parse", name)


def dated(minute: int) -> dict[str, str]:
    """Return the environment of a commit made so late: the newest of two is told by that."""
    return {"GIT_COMMITTER_DATE": f"2026-02-01T10:{minute:02}:00+00:00"}


@pytest.fixture
def gone(parted: Checkout) -> Checkout:
    """The branch 'feature', with 'ccc3', is deleted; main is checked out."""
    parted.git("switch", "--quiet", "main")
    parted.git("branch", "--quiet", "-D", "feature")
    return parted


def forget(repo: Checkout) -> None:
    """Leave nothing to the reflogs."""
    repo.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")


def collect(repo: Checkout) -> None:
    """Leave nothing that is not named by a ref."""
    forget(repo)
    repo.git("gc", "--quiet", "--prune=now")


# --- what refs lead to


def test_a_revision_on_another_branch(parted: Checkout) -> None:
    commit, blob = parted.git("rev-parse", "feature"), blob_of(parted, f"feature:{CCC3}")
    parted.git("switch", "--quiet", "main")
    expected = Location("feature", commit, "Ada Author", CCC3, blob, ("refs/heads/feature",))
    assert locate(opened(parted), FOLDERS, "ccc3", is_recursive=False) == expected
    assert located(parted, "ccc3", "nosuch") == {"ccc3": expected}


def test_the_index_of_what_was_written_changes_no_answer(parted: Checkout) -> None:
    """Asked again, and after branches came, moved and went, it is as if asked for the first time."""
    parted.git("switch", "--quiet", "main")
    own = parted.top / ".git" / "branchmig"

    def both() -> dict[str, Location]:
        with_index = located(parted, "aaa1", "bbb2", "ccc3", "ddd4", "eee5")
        shutil.rmtree(own)
        assert located(parted, "aaa1", "bbb2", "ccc3", "ddd4", "eee5") == with_index
        return with_index

    assert sorted(both()) == ["aaa1", "bbb2", "ccc3"]
    parted.git("switch", "--quiet", "--create", "other")
    parted.revision("ddd4", "bbb2")
    parted.commit("on other", "--date=2026-01-06T10:00:00+00:00")
    assert both()["ddd4"].branch == "other"
    parted.git("switch", "--quiet", "main")
    parted.git("branch", "--quiet", "-D", "feature")
    assert both()["ccc3"].found_in == ("reflog",)
    (parted.versions / "bbb2.py").unlink()
    parted.revision("eee5", "aaa1")
    parted.git("add", "--all")
    parted.git("commit", "--quiet", "-m", "without bbb2", env=dated(1))
    assert {item: place.branch for item, place in both().items()} == {
        "aaa1": "main",
        "bbb2": "main",
        "ccc3": None,
        "ddd4": "other",
        "eee5": "main",
    }


def test_a_damaged_index_is_made_again(parted: Checkout) -> None:
    expected = located(parted, "ccc3")
    (index,) = (parted.top / ".git" / "branchmig").glob("written-*.json")
    index.write_bytes(index.read_bytes()[:-5])
    assert located(parted, "ccc3") == expected


def test_nothing_is_written_but_the_cache(gone: Checkout) -> None:
    before = footprint(gone.top)
    located(gone, "ccc3", "nosuch")
    assert footprint(gone.top) == before


def test_a_file_that_its_branch_has_deleted_again(parted: Checkout) -> None:
    commit = parted.git("rev-parse", "feature")
    (parted.versions / "ccc3.py").unlink()
    parted.commit("drop it")
    assert (located(parted, "ccc3")["ccc3"].commit, located(parted, "ccc3")["ccc3"].branch) == (commit, "feature")


def test_what_a_branch_took_back_before_it_was_merged(parted: Checkout) -> None:
    """git log alone passes over a side whose files end as they began."""
    commit = parted.git("rev-parse", "feature")
    (parted.versions / "ccc3.py").unlink()
    parted.commit("drop it")
    parted.git("switch", "--quiet", "main")
    parted.git("merge", "--quiet", "--no-ff", "--no-edit", "feature")
    parted.git("branch", "--quiet", "-D", "feature")
    found = located(parted, "ccc3")["ccc3"]
    assert (found.branch, found.commit, found.found_in) == ("main", commit, ("refs/heads/main",))


def test_a_merge_revision_that_the_merge_commit_itself_wrote(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-commit", "main")
    parted.revision("mmm4", "bbb2", "ccc3")
    commit = parted.commit("merge main")
    parted.git("switch", "--quiet", "main")
    found = located(parted, "mmm4")["mmm4"]
    assert (found.branch, found.commit) == ("feature", commit)


def test_a_renamed_file_is_where_it_was_moved_to(parted: Checkout) -> None:
    (parted.versions / "ccc3.py").rename(parted.versions / "a new name.py")
    commit = parted.commit("rename")
    found = located(parted, "ccc3")["ccc3"]
    assert (found.commit, found.path) == (commit, "migrations/versions/a new name.py")


def test_of_one_id_on_two_branches_the_newest_wins_unless_another_is_wanted(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--create", "other", "main")
    parted.revision("ccc3", "bbb2", message="of the other branch")
    parted.git("add", "--all")
    parted.git("commit", "--quiet", "-m", "another ccc3", env=dated(1))
    parted.git("switch", "--quiet", "main")
    ours, theirs = blob_of(parted, f"feature:{CCC3}"), blob_of(parted, f"other:{CCC3}")
    for wanted, branch in ({}, "other"), ({"ccc3": theirs}, "other"), ({"ccc3": ours}, "feature"):
        found = located(parted, "ccc3", wanted_blobs=wanted)["ccc3"]
        assert (found.branch, found.blob) == (branch, blob_of(parted, f"{branch}:{CCC3}"))


def test_a_wanted_version_that_is_nowhere_any_more_gives_way_to_what_there_is(parted: Checkout) -> None:
    found = located(parted, "ccc3", wanted_blobs={"ccc3": "1234567890" * 4})["ccc3"]
    assert found.branch == "feature"


def test_an_amended_version_is_in_the_reflog(parted: Checkout) -> None:
    before, commit = blob_of(parted, f"feature:{CCC3}"), parted.git("rev-parse", "feature")
    parted.revision("ccc3", "aaa1", message="amended")
    amended = parted.commit("on feature", "--amend")
    parted.git("switch", "--quiet", "main")
    assert located(parted, "ccc3")["ccc3"].commit == amended
    found = located(parted, "ccc3", wanted_blobs={"ccc3": before})["ccc3"]
    assert found == Location(None, commit, "Ada Author", CCC3, before, ("reflog",))


def test_a_landed_commit_is_on_the_target_whatever_forked_from_it_later(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    for number in range(3):
        parted.git("branch", f"a{number}")
    (parted.versions / "bbb2.py").unlink()
    parted.commit("drop it")
    assert located(parted, "bbb2")["bbb2"].found_in == ("refs/heads/main",)


def test_a_branch_that_is_not_checked_out_names_its_work_better(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--create", "a-copy")
    assert located(parted, "ccc3")["ccc3"].found_in == ("refs/heads/feature", "refs/heads/a-copy")


@pytest.mark.parametrize("name", ["--all", "-x", "it's;$(x)", 'a"b', "ü\u2028x", "a\x85b", "pins/x", "refs/heads/x"])
def test_a_branch_of_any_name(parted: Checkout, name: str) -> None:
    parted.git("switch", "--quiet", "main")
    commit = parted.git("rev-parse", "feature")
    parted.git("update-ref", f"refs/heads/{name}", commit)
    parted.git("branch", "--quiet", "-D", "feature")
    found = located(parted, "ccc3")["ccc3"]
    assert (found.branch, found.commit, found.found_in) == (name, commit, (f"refs/heads/{name}",))


def test_a_path_and_an_author_of_any_letters(parted: Checkout) -> None:
    path = parted.revision("ddd4", "ccc3", name="\x01a 'line'\udcff.py")
    parted.commit("odd", "--author=Zoë \x02 O'Hara <z@example.com>")
    parted.git("switch", "--quiet", "main")
    found = located(parted, "ddd4")["ddd4"]
    assert (found.author, found.path) == ("Zoë \x02 O'Hara", f"migrations/versions/{path.name}")


def test_a_folder_with_a_newline_in_its_name(parted: Checkout) -> None:
    folder = "my\n:versions"
    (parted.top / folder).mkdir()
    (parted.versions / "ccc3.py").rename(parted.top / folder / "ccc3.py")
    parted.commit("elsewhere")
    parted.git("switch", "--quiet", "main")
    assert located(parted, "ccc3", folders=(folder,))["ccc3"].path == f"{folder}/ccc3.py"
    parted.git("branch", "--quiet", "-D", "feature")
    forget(parted)
    assert located(parted, "ccc3", folders=(folder,))["ccc3"].path == f"{folder}/ccc3.py"


def test_remote_branches_and_tags_lead_to_revisions_too(parted: Checkout) -> None:
    commit = parted.git("rev-parse", "feature")
    parted.git("switch", "--quiet", "main")
    parted.git("update-ref", "refs/remotes/origin/feature", commit)
    parted.git("branch", "--quiet", "-D", "feature")
    found = located(parted, "ccc3")["ccc3"]
    assert (found.branch, found.found_in) == ("origin/feature", ("refs/remotes/origin/feature",))
    parted.git("tag", "--annotate", "v1", "-m", "a tag", commit)
    parted.git("update-ref", "-d", "refs/remotes/origin/feature")
    found = located(parted, "ccc3")["ccc3"]
    assert (found.branch, found.found_in) == (None, ("refs/tags/v1",))


def test_tags_of_files_and_trees_are_in_nobody_s_way(parted: Checkout) -> None:
    parted.git("tag", "a-file", f"feature:{CCC3}")
    parted.git("tag", "a-tree", "feature^{tree}")
    parted.git("tag", "--annotate", "of-a-tree", "-m", "x", "feature^{tree}")
    assert located(parted, "ccc3")["ccc3"].branch == "feature"


def test_a_detached_head_of_another_work_tree_leads_to_revisions(gone: Checkout, tmp_path: Path) -> None:
    commit = gone.git("rev-parse", "HEAD@{1}")
    gone.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "other"), commit)
    forget(gone)
    found = located(gone, "ccc3")["ccc3"]
    assert (found.branch, found.commit, found.found_in) == (None, commit, ("HEAD",))


@pytest.mark.parametrize("is_tracked", [True, False], ids=["changed", "untracked"])
def test_what_is_only_in_the_stash(parted: Checkout, is_tracked: bool) -> None:
    parted.revision("ddd4", "ccc3")
    if is_tracked:
        parted.git("add", "--all")
    parted.git("stash", "push", "--quiet", "--include-untracked")
    assert not (parted.versions / "ddd4.py").exists()
    found = located(parted, "ddd4")["ddd4"]
    assert (found.branch, found.path, found.found_in) == (None, "migrations/versions/ddd4.py", ("refs/stash",))
    assert blob_of(parted, f"{found.commit}:{found.path}") == found.blob


def test_an_older_stash_is_in_the_reflog_of_stashes(parted: Checkout) -> None:
    for name in ("ddd4", "eee5"):
        parted.revision(name, "ccc3")
        parted.git("stash", "push", "--quiet", "--include-untracked")
    found = located(parted, "ddd4", "eee5")
    assert {item: place.found_in for item, place in found.items()} == {"ddd4": ("reflog",), "eee5": ("refs/stash",)}


# --- what only reflogs, the index, pins or nothing leads to


def test_a_deleted_branch_is_in_the_reflog_of_head(gone: Checkout) -> None:
    commit = gone.git("rev-parse", "HEAD@{1}")
    found = located(gone, "ccc3")["ccc3"]
    assert found == Location(None, commit, "Ada Author", CCC3, blob_of(gone, f"{commit}:{CCC3}"), ("reflog",))


def test_a_reflog_of_another_work_tree_is_looked_through(parted: Checkout, tmp_path: Path) -> None:
    other = tmp_path / "other"
    parted.git("worktree", "add", "--quiet", "-b", "side", str(other), "main")
    shutil.copy(parted.versions / "ccc3.py", other / "migrations" / "versions" / "ddd4.py")
    text = (other / "migrations" / "versions" / "ddd4.py").read_text()
    (other / "migrations" / "versions" / "ddd4.py").write_text(text.replace("ccc3", "ddd4"))
    parted.git("add", "--all", cwd=other)
    parted.git("commit", "--quiet", "-m", "side", cwd=other)
    commit = parted.git("rev-parse", "HEAD", cwd=other)
    parted.git("switch", "--quiet", "--detach", "main", cwd=other)
    parted.git("branch", "--quiet", "-D", "side")
    found = located(parted, "ddd4")["ddd4"]
    assert (found.branch, found.commit, found.found_in) == (None, commit, ("reflog",))


def test_a_commit_that_not_even_a_reflog_names_is_found_until_git_collects_it(gone: Checkout) -> None:
    commit = gone.git("rev-parse", "HEAD@{1}")
    forget(gone)
    found = located(gone, "ccc3")["ccc3"]
    assert found == Location(None, commit, "Ada Author", CCC3, blob_of(gone, f"{commit}:{CCC3}"), ("unreachable",))
    gone.git("gc", "--quiet", "--prune=now")
    assert located(gone, "ccc3") == {}


def test_left_over_commits_are_found_in_packs_too(gone: Checkout) -> None:
    gone.git("repack", "--quiet", "-a", "-d")
    commit = gone.git("rev-parse", "HEAD@{1}")
    forget(gone)
    assert located(gone, "ccc3")["ccc3"].commit == commit


def test_of_left_over_commits_the_newest_wins(parted: Checkout) -> None:
    for minute in range(3):
        parted.revision("ccc3", "aaa1", message=f"version {minute}")
        parted.git("commit", "--quiet", "--all", "--amend", "-m", "again", env=dated(minute))
    newest = parted.git("rev-parse", "HEAD")
    parted.git("switch", "--quiet", "main")
    parted.git("branch", "--quiet", "-D", "feature")
    forget(parted)
    assert located(parted, "ccc3")["ccc3"].commit == newest


def test_left_over_commits_that_lack_parts_are_passed_over(gone: Checkout) -> None:
    """git collects by age, object by object: a commit may outlive its tree."""
    commit = gone.git("rev-parse", "HEAD@{1}")
    tree = gone.git("rev-parse", f"{commit}:migrations/versions")
    forget(gone)
    (gone.top / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    found = located(gone, "ccc3")["ccc3"]
    assert (found.commit, found.path, found.found_in) == ("", "", ("unreachable",))


def test_a_file_that_was_staged_once_and_never_committed(parted: Checkout) -> None:
    path = parted.revision("ddd4", "ccc3")
    parted.git("add", "--all")
    blob = blob_of(parted, ":0:migrations/versions/ddd4.py")
    path.unlink()
    assert located(parted, "ddd4")["ddd4"] == Location(None, "", "", "migrations/versions/ddd4.py", blob, ("index",))
    parted.git("reset", "--quiet", "--hard")
    assert located(parted, "ddd4")["ddd4"] == Location(None, "", "", "", blob, ("unreachable",))


def test_a_wanted_blob_is_found_wherever_it_is(parted: Checkout) -> None:
    parted.revision("ccc3", "aaa1", message="applied, and never committed")
    parted.git("add", "--all")
    blob = blob_of(parted, f":0:{CCC3}")
    parted.git("reset", "--quiet", "--hard")
    parted.git("switch", "--quiet", "main")
    found = located(parted, "ccc3", wanted_blobs={"ccc3": blob})["ccc3"]
    assert found == Location(None, "", "", CCC3, blob, ("unreachable",))


def test_collected_and_pinned(parted: Checkout) -> None:
    blob = blob_of(parted, f"feature:{CCC3}")
    pin = write_pin(opened(parted), "sqlite:///app.db", {CCC3: blob}, {"ccc3": CCC3}, "2026-02-01T10:00:00Z")
    assert pin is not None
    assert located(parted, "ccc3")["ccc3"].found_in == ("refs/heads/feature", pin.ref)
    parted.git("switch", "--quiet", "main")
    parted.git("branch", "--quiet", "-D", "feature")
    collect(parted)
    found = located(parted, "ccc3")["ccc3"]
    assert found == Location(None, pin.commit, "Ada Author", CCC3, blob, (pin.ref,), "feature")
    assert b"ccc3" in dict(opened(parted).blobs([blob]))[blob]


# --- other repositories, other projects


def test_a_repository_without_a_commit(repo: Checkout) -> None:
    repo.revision("aaa1")
    repo.git("add", "--all")
    assert located(repo, "aaa1")["aaa1"].found_in == ("index",)
    assert located(repo, "nosuch") == {}


def test_folders_outside_of_the_repository_are_in_no_history(parted: Checkout) -> None:
    assert located(parted, "ccc3", folders=()) == {}


def presence_of(repo: Checkout, revision_id: str, target: str | None = None) -> Presence:
    checkout = absence.Checkout.head(opened(repo), FOLDERS, is_recursive=False)
    return checkout.presences(located(repo, revision_id), (), target)[revision_id]


def test_what_an_amended_branch_once_had_is_removed_only_where_work_lands_there(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3")
    parted.commit("more")
    before = parted.git("rev-parse", "HEAD").strip()
    (parted.versions / "ddd4.py").unlink()
    parted.git("commit", "--quiet", "--amend", "--all", "--allow-empty", "--message=less")
    assert presence_of(parted, "ddd4", "main").removal is None
    found = Removal("feature", before, "", "Ada Author", "migrations/versions/ddd4.py")
    assert presence_of(parted, "ddd4", "feature").removal == found


def test_what_a_branch_removed_before_it_was_merged_names_that_commit(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3")
    parted.commit("more")
    (parted.versions / "ddd4.py").unlink()
    parted.commit("less")
    removing, before = parted.git("rev-parse", "HEAD", "HEAD~1").split()
    parted.git("switch", "--quiet", "main")
    parted.git("merge", "--quiet", "--no-edit", "feature")
    found = Removal("main", before, removing, "Ada Author", "migrations/versions/ddd4.py")
    assert presence_of(parted, "ddd4").removal == found


def test_a_shallow_clone_finds_what_it_has(parted: Checkout, tmp_path: Path) -> None:
    parted.revision("ddd4", "ccc3")
    parted.commit("more")
    (parted.versions / "ddd4.py").unlink()
    parted.commit("less")
    shallow = Checkout.copy(parted, tmp_path / "copy")
    shutil.rmtree(shallow.top)
    parted.git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{parted.top}", str(shallow.top))
    assert sorted(located(shallow, "bbb2", "ccc3", "ddd4")) == ["bbb2", "ccc3"]
    assert presence_of(shallow, "bbb2").doubt.startswith("this clone is shallow, and has too little of its history")
    shallow.git("fetch", "--quiet", "--unshallow")
    assert presence_of(shallow, "bbb2").doubt == ""
    assert located(shallow, "ddd4")["ddd4"].branch == "origin/feature"


def test_a_partial_clone_fetches_only_what_the_name_points_to(parted: Checkout, tmp_path: Path) -> None:
    parted.revision("eee5", "ccc3", name="other name.py")
    parted.commit("more")
    parted.git("config", "uploadpack.allowFilter", "true")
    clone = Checkout.copy(parted, tmp_path / "copy")
    shutil.rmtree(clone.top)
    parted.git(*("clone", "--quiet", "--filter=blob:none", "--branch=main", f"file://{parted.top}", str(clone.top)))
    assert located(clone, "ccc3")["ccc3"].branch == "origin/feature"
    with pytest.raises(GitError) as raised:
        located(clone, "eee5")
    assert raised.value.message == (
        "git could not look everywhere: this clone is partial, and lacks files of other commits"
    )
    shutil.rmtree(parted.top)
    assert located(clone, "ccc3")["ccc3"].branch == "origin/feature"
    with pytest.raises(GitError, match=r"^git could not look everywhere: "):
        located(clone, "nosuch")


def test_a_broken_ref_is_told_where_it_hides_something(parted: Checkout) -> None:
    (parted.top / ".git" / "refs" / "heads" / "broken").write_text(f"{'1' * 40}\n")
    with pytest.raises(GitError, match="bad object refs/heads/broken"):
        located(parted, "nosuch")


def test_a_project_in_a_submodule_and_beside_one(parted: Checkout, tmp_path: Path) -> None:
    outer = Checkout(tmp_path / "outer")
    outer.revision("aaa1")
    outer.git(
        *("-c", "protocol.file.allow=always", "submodule", "--quiet", "add"), str(parted.top), "migrations/versions/sub"
    )
    outer.commit("with a submodule")
    inner = Repository.discover(outer.versions / "sub")
    assert inner is not None
    found = locate(inner, FOLDERS, "bbb2", is_recursive=False)
    assert found is not None
    assert (found.branch, found.path) == ("origin/main", "migrations/versions/bbb2.py")
    assert located(outer, "aaa1", "bbb2", is_recursive=True).keys() == {"aaa1"}


def test_folders_below_count_only_where_they_are_read(parted: Checkout) -> None:
    (parted.versions / "2026" / "q1").mkdir(parents=True)
    parted.revision("ddd4", "ccc3", name="2026/q1/ddd4.py")
    parted.commit("below")
    parted.git("switch", "--quiet", "main")
    assert located(parted, "ddd4") == {}
    found = located(parted, "ddd4", is_recursive=True)["ddd4"]
    assert (found.branch, found.path) == ("feature", "migrations/versions/2026/q1/ddd4.py")
    parted.git("branch", "--quiet", "-D", "feature")
    forget(parted)
    assert located(parted, "ddd4", is_recursive=True)["ddd4"].path == found.path
    assert located(parted, "ddd4")["ddd4"].path == ""


def test_a_wanted_blob_is_found_in_folders_of_earlier_times(parted: Checkout) -> None:
    (parted.top / "old").mkdir()
    (parted.versions / "ccc3.py").rename(parted.top / "old" / "ccc9.py")
    blob = parted.git("hash-object", "-w", "old/ccc9.py")
    parted.commit("elsewhere")
    assert located(parted, "ccc9", folders=("new",)) == {}
    found = located(parted, "ccc9", folders=("new",), wanted_blobs={"ccc9": blob})["ccc9"]
    assert (found.branch, found.path) == ("feature", "old/ccc9.py")


def test_a_compiled_revision_that_was_committed(parted: Checkout) -> None:
    source = parted.revision("ddd4", "ccc3")
    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")), doraise=True)
    source.unlink()
    parted.commit("without its source")
    parted.git("switch", "--quiet", "main")
    found = located(parted, "ddd4")["ddd4"]
    assert (found.branch, found.path) == ("feature", "migrations/versions/ddd4.pyc")


def test_a_revision_whose_id_is_its_name_alone(parted: Checkout) -> None:
    """Alembic before 0.2 wrote no id into the file."""
    (parted.versions / "deadbeef.py").write_text("down_revision = 'ccc3'\n\n\ndef upgrade():\n    pass\n")
    parted.commit("an old one")
    parted.git("switch", "--quiet", "main")
    assert located(parted, "deadbeef")["deadbeef"].branch == "feature"


def test_settings_of_the_user_s_change_nothing(parted: Checkout) -> None:
    settings = {
        "log.showRoot": "false",
        "log.follow": "true",
        "log.showSignature": "true",
        "log.diffMerges": "off",
        "log.mailmap": "true",
        "color.ui": "always",
        "diff.renames": "copies",
        "i18n.logOutputEncoding": "utf-16",
        "log.date": "relative",
    }
    parted.revision("ddd4", "ccc3")
    parted.git("stash", "push", "--quiet", "--include-untracked")
    expected = located(parted, "aaa1", "ccc3", "ddd4")
    assert sorted(expected) == ["aaa1", "ccc3", "ddd4"]
    shutil.rmtree(parted.top / ".git" / "branchmig")
    for name, value in settings.items():
        parted.git("config", name, value)
    assert located(parted, "aaa1", "ccc3", "ddd4") == expected


def test_a_repository_of_sha_256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    repo = Checkout(tmp_path / "long")
    repo.fork()
    blob = blob_of(repo, f"feature:{CCC3}")
    assert len(blob) == 64
    repo.git("switch", "--quiet", "main")
    repo.git("branch", "--quiet", "-D", "feature")
    forget(repo)
    assert located(repo, "ccc3")["ccc3"].blob == blob
    pin = write_pin(opened(repo), "db", {CCC3: blob}, {"ccc3": CCC3}, "2026-02-01T10:00:00Z")
    assert pin is not None
    collect(repo)
    assert located(repo, "ccc3")["ccc3"].found_in == (pin.ref,)


def test_one_search_starts_few_processes(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many for ten revisions on ten branches as for one."""
    for number in range(10):
        parted.git("switch", "--quiet", "--create", f"b{number}", "main")
        parted.revision(f"x{number}", "bbb2")
        parted.commit(f"x{number}")
    parted.git("switch", "--quiet", "main")
    counted: list[str] = []
    attempt = Repository.attempt

    def counting(self: Repository, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        counted.append(words[0])
        return attempt(self, *words, **more)

    monkeypatch.setattr(Repository, "attempt", counting)
    repository = opened(parted)
    found = locate_all(repository, FOLDERS, [f"x{number}" for number in range(10)], is_recursive=False)
    assert {item: place.branch for item, place in found.items()} == {f"x{n}": f"b{n}" for n in range(10)}
    first = len(counted)
    locate_all(repository, FOLDERS, ["x1"], is_recursive=False)
    assert (first, len(counted) - first) == (11, 7)

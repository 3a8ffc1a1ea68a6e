"""The graph at every place that git knows: read, never checked out, never run, and never written to."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.repositories import ROOT, Checkout, footprint

if TYPE_CHECKING:
    from pathlib import Path


def error_of(repo: Checkout, *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Return what is said on standard error by a command that must end with 3."""
    if cwd is None and env is None:
        told = repo.branchmig(*arguments)
        assert (told.exit_code, told.stdout) == (3, ""), told
        return told.stderr
    done = repo.process(*arguments, cwd=cwd, env=env)
    assert (done.returncode, done.stdout) == (3, ""), done
    return done.stderr


# --- work tree, index, commits


def test_the_work_tree_has_what_is_not_even_staged(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3")
    assert parted.heads() == ["ddd4"]
    assert parted.heads("--at", "worktree") == ["ddd4"]


def test_the_index_has_what_is_staged_and_not_what_is_newer(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3")
    parted.git("add", "--all")
    parted.revision("ddd4", "aaa1")
    parted.revision("eee5", "ddd4")
    assert parted.heads("--at", "index") == ["ddd4"]
    assert "Revises: ccc3" in parted.branchmig("show", "ddd4", "--at", "index").stdout


def test_an_announced_file_is_not_in_the_index_yet(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3")
    parted.git("add", "--intent-to-add", ".")
    assert parted.heads("--at", "index") == ["ccc3"]


def test_every_name_of_a_commit_is_a_place(parted: Checkout) -> None:
    parted.git("tag", "--annotate", "v1", "-m", "a tag", "main")
    commit = parted.git("rev-parse", "main")
    for place in ("main", "refs/heads/main", "v1", commit, commit[:8], "feature^{/base}~0", "main@{0}", "HEAD@{0}"):
        expected = {"feature^{/base}~0": ["aaa1"], "HEAD@{0}": ["ccc3"]}.get(place, ["bbb2"])
        assert parted.heads("--at", place) == expected, place
    assert parted.heads("--at", "HEAD~1") == ["aaa1"]


def test_the_hook_s_index_is_the_index(parted: Checkout, tmp_path: Path) -> None:
    """`git commit -a` and `git commit PATH` commit another index than .git/index: GIT_INDEX_FILE says which."""
    told = tmp_path / "told"
    hook = parted.top / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f'#!/bin/sh\necho "$GIT_INDEX_FILE" >>{told}\n'
        f"{sys.executable} -P -m branchmig heads --at index >>{told} || exit 1\n"
        f"{sys.executable} -P -m branchmig heads --at index --with main >>{told}\n"
    )
    hook.chmod(0o755)
    parted.environment["PYTHONPATH"] = str(ROOT)

    def commit(*arguments: str) -> list[str]:
        told.unlink(missing_ok=True)
        done = parted.run("commit", "-m", "x", *arguments)
        assert done.returncode == 0, done.stderr
        return [line.split(" ")[0] for line in told.read_text().splitlines()]

    parted.revision("ddd4", "ccc3")
    parted.git("add", ".")
    assert commit() == [".git/index", "ddd4", "bbb2", "ddd4"]

    parted.revision("ddd4", "aaa1")
    index, *heads = commit("-a")
    assert index == str(parted.top / ".git/index.lock")
    assert heads == ["ccc3", "ddd4", "bbb2", "ccc3", "ddd4"]

    item, two = parted.revision("eee5", "ddd4"), parted.revision("fff6", "ddd4")
    parted.git("add", ".")
    index, *heads = commit(str(item))
    assert "/.git/next-index-" in index
    assert heads == ["ccc3", "eee5", "bbb2", "ccc3", "eee5"]
    assert parted.heads("--at", "index") == ["ccc3", "eee5", "fff6"]
    assert two.exists()


# --- the merge of two


def test_a_preview_is_a_merge_of_three(parted: Checkout) -> None:
    assert parted.heads("--at", "feature", "--merged-with", "main") == ["bbb2", "ccc3"]
    assert parted.heads("--at", "main", "--merged-with", "feature") == ["bbb2", "ccc3"]
    assert parted.heads("--at", "main", "--merged-with", "main~1") == ["bbb2"]


def test_the_work_tree_and_the_index_can_be_merged_too(parted: Checkout) -> None:
    parted.revision("ddd4", "ccc3")
    parted.git("add", ".")
    parted.revision("eee5", "ddd4")
    assert parted.heads("--merged-with", "main") == ["bbb2", "eee5"]
    assert parted.heads("--at", "index", "--merged-with", "main") == ["bbb2", "ddd4"]
    assert parted.heads("--at", "HEAD", "--merged-with", "main") == ["bbb2", "ccc3"]


def test_what_is_deleted_or_renamed_here_stays_so_in_a_preview(parted: Checkout) -> None:
    (parted.versions / "ccc3.py").unlink()
    (parted.versions / "aaa1.py").rename(parted.versions / "first.py")
    assert parted.heads("--merged-with", "main") == ["bbb2"]
    assert parted.heads("--at", "index", "--merged-with", "main") == ["bbb2", "ccc3"]
    parted.git("add", "--all")
    assert parted.heads("--at", "index", "--merged-with", "main") == ["bbb2"]
    shown = parted.branchmig("show", "aaa1", "--merged-with", "main").stdout
    assert f"Path: {parted.versions / 'first.py'}" in shown


def test_a_renamed_file_changed_on_the_other_side_is_one_revision(repo: Checkout) -> None:
    """git's rename detection carries the change along: two files would be a duplicate."""
    path = repo.revision("aaa1", message="a long enough message, so that git sees the rename")
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    repo.git("mv", str(path), str(path.with_name("renamed.py")))
    repo.commit()
    repo.git("switch", "--quiet", "main")
    path.write_text(path.read_text() + "\n# a note\n")
    repo.commit()
    assert repo.heads("--merged-with", "feature") == ["aaa1"]


def test_a_file_in_conflict_is_a_problem_with_its_line(repo: Checkout) -> None:
    path = repo.revision("aaa1", upgrade="x = 0")
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    repo.revision("aaa1", upgrade="x = 1")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.revision("aaa1", upgrade="x = 2")
    repo.commit()
    told = repo.branchmig("guard", "--merged-with", "feature", "--format", "json")
    assert told.exit_code == 1
    assert '"code": "conflict-markers"' in told.stdout
    line = path.read_text().split("\n").index("    x = 2") + 1
    assert f"unresolved merge in migrations/versions/aaa1.py:{line}" in told.stdout


def test_a_header_in_conflict_leaves_the_graph_unknown(repo: Checkout) -> None:
    repo.revision("aaa1")
    repo.revision("aaa0")
    path = repo.revision("bbb2", "aaa0")
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    repo.revision("bbb2", "aaa1")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.revision("bbb2")
    repo.commit()
    message = error_of(repo, "heads", "--merged-with", "feature")
    assert message.startswith(f"error: unresolved merge in {path}:")
    assert message.endswith("hint:  git merge feature, and resolve the conflict there\n")


def in_conflict(repo: Checkout, kind: str) -> str:
    """Make feature and main change a revision file so that git cannot merge it; return what git calls that."""
    repo.revision("aaa1")
    path = repo.revision("bbb2", "aaa1", upgrade="a = 1\nb = 2\nc = 3")
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    if kind == "modify/delete":
        path.unlink()
    elif kind == "rename/rename" or kind == "rename/delete":
        path.rename(repo.versions / "theirs.py")
    elif kind == "add/add":
        repo.revision("ccc3", "bbb2", upgrade="x = 1")
    else:
        (repo.migrations / "env.py").write_text("theirs = 1\n")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    if kind == "modify/delete":
        repo.revision("bbb2", "aaa1", upgrade="a = 1\nb = 2\nc = 4")
    elif kind == "rename/rename":
        path.rename(repo.versions / "ours.py")
    elif kind == "rename/delete":
        path.unlink()
    elif kind == "add/add":
        repo.revision("ccc3", "bbb2", upgrade="x = 2")
    else:
        (repo.migrations / "env.py").write_text("ours = 1\n")
    repo.commit()
    return "content" if kind == "env.py" else kind


@pytest.mark.parametrize("kind", ["modify/delete", "rename/rename", "rename/delete", "add/add", "env.py"])
def test_what_git_cannot_merge_is_a_problem(repo: Checkout, kind: str) -> None:
    words = in_conflict(repo, kind)
    answer = repo.branchmig("guard", "--merged-with", "feature", "--format", "json")
    assert answer.exit_code == 1, answer
    hint = "git merge feature, and resolve the conflict there"
    [problem] = [entry for entry in json.loads(answer.stdout)["problems"] if entry["hint"] == hint]
    assert "conflict" in problem["code"]
    assert kind == "add/add" or f"CONFLICT ({words})" in problem["message"], problem
    assert repo.branchmig("heads", "--merged-with", "feature").exit_code == (0 if kind in ("env.py", "add/add") else 3)


@pytest.mark.parametrize("at", ["worktree", "index", "HEAD"])
def test_a_preview_writes_nothing(parted: Checkout, at: str) -> None:
    parted.revision("ddd4", "ccc3")
    parted.git("add", ".")
    parted.revision("eee5", "ddd4")
    (parted.top / "notes.txt").write_text("untracked")
    before = footprint(parted.top)
    assert "bbb2" in parted.heads("--at", at, "--merged-with", "main")
    assert parted.branchmig("guard", "--at", at, "--merged-with", "main").exit_code == 1
    assert parted.branchmig("forecast").exit_code == 1
    assert footprint(parted.top) == before
    assert parted.git("status", "--porcelain") == (
        "A  migrations/versions/ddd4.py\n?? migrations/versions/eee5.py\n?? notes.txt"
    )


def test_a_merge_in_progress_has_both_sides(parted: Checkout) -> None:
    parted.git("merge", "--quiet", "--no-commit", "main")
    assert parted.heads("--at", "index") == ["bbb2", "ccc3"]
    assert parted.heads("--at", "index", "--merged-with", "main") == ["bbb2", "ccc3"]
    assert parted.heads("--at", "HEAD") == ["ccc3"]


def test_an_unmerged_file_leaves_the_index_unknown(repo: Checkout) -> None:
    path = repo.revision("aaa1", upgrade="x = 0")
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    repo.revision("aaa1", upgrade="x = 1")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    repo.revision("aaa1", upgrade="x = 2")
    repo.commit()
    assert repo.run("merge", "feature").returncode == 1
    assert error_of(repo, "heads", "--at", "index") == (
        f"error: {path} is in conflict\nhint:  resolve it, then: git add migrations/versions/aaa1.py\n"
    )
    assert error_of(repo, "heads", "--at", "index", "--merged-with", "feature") == (
        "error: the index has files in conflict, so it cannot be merged with anything yet\n"
        "hint:  resolve them and 'git add' them, or look at --at HEAD\n"
    )


# --- where the project lies


def test_a_project_in_a_subfolder_with_several_locations(tmp_path: Path) -> None:
    repo = Checkout(tmp_path / "repo", "services/shop")
    more = repo.root / "more"
    (more / "deep").mkdir(parents=True)
    ini = (repo.root / "alembic.ini").read_text()
    (repo.root / "alembic.ini").write_text(
        ini + "version_locations = %(here)s/migrations/versions" + os.pathsep + "%(here)s/more\n"
    )
    repo.revision("aaa1")
    repo.revision("bbb2", "aaa1").rename(more / "bbb2.py")
    repo.revision("ccc3", "bbb2").rename(more / "deep" / "ccc3.py")
    (repo.top / "elsewhere.py").write_text("revision = 'zzz9'\n")
    repo.commit()
    for place in ("worktree", "index", "HEAD"):
        assert repo.heads("--at", place) == ["bbb2"], place
    assert repo.heads("--at", "HEAD", "--merged-with", "main") == ["bbb2"]
    with (repo.root / "alembic.ini").open("a") as file:
        file.write("recursive_version_locations = true\n")
    assert [repo.heads("--at", place) for place in ("worktree", "index")] == [["ccc3"], ["bbb2"]]
    repo.commit("each place has its own settings")
    for place in ("worktree", "index", "HEAD"):
        assert repo.heads("--at", place) == ["ccc3"], place
    assert repo.heads("--merged-with", "main") == ["ccc3"]


def test_revisions_at_the_very_top_of_the_repository(tmp_path: Path) -> None:
    repo = Checkout(tmp_path / "repo")
    (repo.root / "alembic.ini").write_text(
        "[alembic]\nscript_location = migrations\nversion_locations = .\npath_separator = os\n"
    )
    for name, path in (("aaa1", repo.revision("aaa1")), ("bbb2", repo.revision("bbb2", "aaa1"))):
        path.rename(repo.top / f"{name}.py")
    repo.commit()
    for place in ("worktree", "index", "HEAD"):
        assert repo.heads("--at", place) == ["bbb2"], place
    assert repo.heads("--merged-with", "main") == ["bbb2"]


def test_a_location_outside_the_repository_is_read_as_it_lies(parted: Checkout, tmp_path: Path) -> None:
    """A package's own migrations: git says nothing of them, and without them parents would be missing."""
    outside = tmp_path / "package" / "versions"
    outside.mkdir(parents=True)
    parted.revision("ppp0").rename(outside / "ppp0.py")
    parted.revision("ddd4", "ccc3", "ppp0")
    ini = (parted.root / "alembic.ini").read_text()
    (parted.root / "alembic.ini").write_text(f"{ini}version_locations = %(here)s/migrations/versions:{outside}\n")
    parted.commit()
    for place in ("worktree", "index", "HEAD"):
        assert parted.heads("--at", place) == ["ddd4"], place
    assert parted.heads("--merged-with", "main") == ["bbb2", "ddd4"]
    assert parted.branchmig("history", "--verbose", "--at", "HEAD").exit_code == 0


def test_linked_work_trees_see_their_own_branch(parted: Checkout, tmp_path: Path) -> None:
    other = tmp_path / "linked"
    parted.git("worktree", "add", "--quiet", str(other), "main")
    main = parted.process("heads", "--at", "index", cwd=other)
    assert main.stdout == "bbb2 (head)\n"
    assert parted.process("heads", "--merged-with", "feature", cwd=other).stdout == "bbb2 (head)\nccc3 (head)\n"
    assert parted.heads("--at", "index") == ["ccc3"]
    # A hook in a linked work tree has GIT_DIR and GIT_INDEX_FILE; they must not leak into another repository.
    git_dir = parted.git("rev-parse", "--absolute-git-dir", cwd=other)
    leaked = {"GIT_DIR": git_dir, "GIT_INDEX_FILE": f"{git_dir}/index"}
    assert parted.process("heads", "--at", "index", cwd=other, env=leaked).stdout == "bbb2 (head)\n"
    assert parted.process("heads", "--at", "index", env=leaked).stdout == "ccc3 (head)\n"


def test_a_project_in_a_submodule_is_the_submodule_s(parted: Checkout, tmp_path: Path) -> None:
    outer = Checkout(tmp_path / "outer")
    outer.revision("zzz9")
    outer.commit()
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(parted.top), "inner")
    inner = outer.top / "inner"
    path = inner / "migrations" / "versions" / "ddd4.py"
    path.write_text((inner / "migrations/versions/ccc3.py").read_text().replace("ccc3", "ddd4"))
    outer.git("add", ".", cwd=inner)
    assert outer.process("heads", "--at", "index", cwd=inner).stdout == "ccc3 (head)\nddd4 (head)\n"
    assert outer.process("heads", "--at", "HEAD", "--merged-with", "origin/main", cwd=inner).stdout == (
        "bbb2 (head)\nccc3 (head)\n"
    )
    assert outer.heads("--at", "HEAD") == ["zzz9"]


# --- files that are not plain


def test_a_symlinked_folder_and_a_symlinked_file(repo: Checkout) -> None:
    real = repo.top / "real"
    repo.versions.rename(real)
    repo.versions.symlink_to("../real")
    repo.versions = real
    shared = repo.top / "shared"
    shared.mkdir()
    repo.revision("aaa1").rename(shared / "aaa1.py")
    (real / "aaa1.py").symlink_to("../shared/aaa1.py")
    repo.revision("bbb2", "aaa1")
    (real / "again.py").symlink_to("bbb2.py")
    repo.commit()
    for place in ("worktree", "index", "HEAD"):
        assert repo.heads("--at", place) == ["bbb2"], place
        shown = repo.branchmig("history", "--at", place, "--format", "json").stdout
        assert '"path": "shared/aaa1.py"' in shown
    assert repo.heads("--merged-with", "main") == ["bbb2"]


def test_a_link_that_leads_nowhere_is_told(repo: Checkout) -> None:
    repo.revision("aaa1")
    (repo.versions / "lost.py").symlink_to("../gone.py")
    repo.commit()
    message = error_of(repo, "heads", "--at", "HEAD")
    assert message.startswith(f"error: {repo.versions / 'lost.py'}")


def test_a_rename_of_case_alone_is_one_file(repo: Checkout) -> None:
    path = repo.revision("aaa1")
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    repo.git("mv", str(path), str(path.with_name("AAA1.py")))
    repo.commit()
    for options in (("--at", "index"), ("--at", "HEAD"), ("--merged-with", "main"), ("--at", "main")):
        assert repo.heads(*options) == ["aaa1"], options


NAMES = ["ünï ço∂é.py", "a b.py", "a'b\"c.py", "--upload-pack=x.py", "$(touch x).py", "2:x.py", "a\\b.py"]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_is_a_file_name(repo: Checkout, name: str) -> None:
    repo.revision("aaa1", name=name)
    repo.commit()
    repo.git("switch", "--quiet", "--create", "feature")
    repo.revision("bbb2", "aaa1", name=f"2{name}")
    repo.git("add", "--all")
    assert repo.heads("--at", "index") == ["bbb2"]
    assert repo.heads("--merged-with", "main") == ["bbb2"]
    assert f"{repo.versions / name}" in repo.branchmig("show", "aaa1", "--at", "HEAD").stdout
    assert repo.branchmig("guard", "--at", "index").exit_code == 0
    assert repo.branchmig("forecast").exit_code == 0
    repo.commit()
    repo.revision("ccc3", "aaa1", name=f"3{name}")
    repo.git("add", "--all")
    assert repo.branchmig("guard", "--at", "index").exit_code == 1
    assert repo.branchmig("forecast").stdout.splitlines()[1] == "  feature: ok, head bbb2"
    assert not (repo.top / "x").exists()


def test_a_name_with_a_newline_is_left_out_as_alembic_does(repo: Checkout) -> None:
    repo.revision("aaa1")
    repo.revision("bbb2", "aaa1", name="a\nb.py")
    repo.commit()
    for place in ("worktree", "index", "HEAD"):
        assert repo.heads("--at", place) == ["aaa1"], place
    assert repo.heads("--merged-with", "main") == ["aaa1"]


def test_a_name_that_is_no_text_is_a_file_name(repo: Checkout) -> None:
    name = os.fsdecode(b"\xff\xfe.py")
    repo.revision("aaa1", name=name)
    repo.commit()
    shown = repo.process("show", "aaa1", "--at", "HEAD")
    assert (shown.returncode, f"Path: {repo.versions / name}" in shown.stdout) == (0, True), shown


REFS = ["$(touch${IFS}x)", "ünï/code", "a'b", 'a"b', "a;b", "\u2028x", "--upload-pack=x"]


@pytest.mark.parametrize("name", REFS)
def test_any_ref_name_is_a_ref_name(parted: Checkout, name: str) -> None:
    parted.git("update-ref", f"refs/heads/{name}", "main")
    assert parted.heads(f"--at={name}") == ["bbb2"]
    assert parted.heads(f"--merged-with={name}") == ["bbb2", "ccc3"]
    assert parted.branchmig("guard", f"--target={name}").exit_code == 0
    into = parted.branchmig("forecast", f"--into={name}", "--format", "json")
    assert json.loads(into.stdout)["into"] == name
    told = parted.branchmig("forecast", "--into=main", "--format", "json")
    assert json.loads(told.stdout)["unchanged"] == [name]
    assert not (parted.top / "x").exists()


@pytest.mark.parametrize("name", ["--upload-pack=x", "$(touch x)", "--help", "-", "", "HEAD:migrations", "a b"])
def test_what_is_no_ref_is_refused_by_name(parted: Checkout, name: str) -> None:
    expected = f"error: git knows no ref or commit {name!r}\nhint:  git fetch, or see 'git branch --all'\n"
    assert error_of(parted, "heads", f"--at={name}") == expected
    assert error_of(parted, "heads", f"--merged-with={name}") == expected
    assert not (parted.top / "x").exists()


def test_windows_line_ends_are_line_ends(parted: Checkout) -> None:
    path = parted.revision("ddd4", "ccc3")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    parted.git("-c", "core.autocrlf=false", "add", ".")
    assert parted.heads("--at", "index") == ["ddd4"]
    assert parted.heads("--at", "index", "--merged-with", "main") == ["bbb2", "ddd4"]
    parted.commit()
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    assert parted.branchmig("guard", "--target", "feature").exit_code == 0


# --- where git cannot say


def test_a_shallow_clone_says_what_to_fetch(parted: Checkout, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    parted.git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{parted.top}", str(clone))
    hint = "hint:  git fetch --unshallow (GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0)\n"
    assert error_of(parted, "heads", "--merged-with", "origin/main", cwd=clone) == (
        f"error: this clone is shallow: the commit at which the two branches part is not in it\n{hint}"
    )
    told = parted.process("guard", "--target", "origin/main", cwd=clone)
    assert (told.returncode, told.stdout) == (
        3,
        "cannot tell: one head, ccc3\n"
        "not checked: rewritten-revision, deleted-revision: this clone is shallow: the commit at which origin/main and "
        "HEAD part is not in it; git fetch --unshallow (GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0)\n",
    )
    assert error_of(parted, "forecast", "--into", "origin/main", cwd=clone) == (
        f"error: this clone is shallow: the commit at which the two branches part is not in it\n{hint}"
    )
    assert error_of(parted, "heads", "--at", "v9", cwd=clone) == (
        "error: git knows no ref or commit 'v9' (this clone is shallow: git fetch --unshallow)\n"
        "hint:  git fetch, or see 'git branch --all'\n"
    )
    assert error_of(parted, "heads", "--at", "origin/more", cwd=clone) == (
        "error: this clone does not have more of the remote origin\n"
        "hint:  git fetch --unshallow origin more:refs/remotes/origin/more "
        "(GitHub Actions: fetch-depth: 0; GitLab: GIT_DEPTH: 0)\n"
    )
    assert parted.process("heads", "--at", "origin/main", cwd=clone).stdout == "bbb2 (head)\n"


def test_a_branch_without_a_commit(repo: Checkout) -> None:
    repo.revision("aaa1")
    repo.git("add", ".")
    assert repo.heads("--at", "index") == ["aaa1"]
    assert repo.branchmig("guard", "--at", "index").exit_code == 0
    assert error_of(repo, "heads", "--at", "HEAD") == (
        "error: this branch has no commit yet\nhint:  make the first commit\n"
    )
    assert error_of(repo, "heads", "--merged-with", "main") == (
        "error: git knows no ref or commit 'main'\nhint:  git fetch, or see 'git branch --all'\n"
    )
    assert error_of(repo, "forecast") == ("error: this repository has no commit yet\nhint:  make the first commit\n")


def test_a_branch_without_a_commit_has_nothing_to_merge_with(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--orphan", "empty")
    (parted.versions).mkdir(parents=True, exist_ok=True)
    parted.git("restore", "--source=main", "alembic.ini", "migrations")
    assert error_of(parted, "heads", "--merged-with", "main") == (
        "error: this branch has no commit yet, so there is nothing to merge with\nhint:  make the first commit\n"
    )


def test_unrelated_histories_are_told(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "--orphan", "other")
    parted.git("restore", "--source=main", "alembic.ini", "migrations")
    parted.commit()
    assert error_of(parted, "heads", "--merged-with", "main") == (
        "error: git cannot merge the two: fatal: refusing to merge unrelated histories\n"
        "hint:  are the two branches of one history?\n"
    )
    told = parted.branchmig("guard")
    assert (told.exit_code, "HEAD has no commit in common with main" in told.stdout) == (3, True)


def test_a_bare_repository_has_no_work_tree(parted: Checkout, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    parted.git("clone", "--quiet", "--bare", str(parted.top), str(bare))
    shutil.copytree(parted.migrations, bare / "migrations")
    shutil.copy(parted.root / "alembic.ini", bare)
    assert error_of(parted, "heads", "--at", "HEAD", cwd=bare) == (
        f"error: {bare} is a bare repository: it has no work tree to read settings from\n"
        "hint:  run this in a clone; on a server, use the pre-receive hook of 'branchmig hooks'\n"
    )


def test_no_repository_at_all(parted: Checkout) -> None:
    shutil.rmtree(parted.top / ".git")
    assert parted.heads() == ["ccc3"]
    assert parted.branchmig("guard").stdout == (
        "cannot tell: one head, ccc3\n"
        f"not checked: rewritten-revision, deleted-revision: {parted.root} is in no git repository\n"
    )
    for arguments in (("heads", "--at", "index"), ("heads", "--merged-with", "main"), ("forecast",)):
        assert error_of(parted, *arguments) == (
            f"error: {parted.migrations} is in no git repository\nhint:  git init\n"
        )


def test_no_git_at_all(parted: Checkout, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert error_of(parted, "heads", "--at", "HEAD", env={"PATH": str(tmp_path / "empty")}) == (
        "error: git is not installed, or not on PATH\nhint:  install git 2.38 or newer\n"
    )


def test_a_repository_that_git_will_not_trust(parted: Checkout) -> None:
    """As in a CI container that runs as another user than the one that owns the checkout."""
    message = error_of(parted, "heads", "--at", "HEAD", env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert message == (
        f"error: git does not read {parted.top}: its files belong to another user (dubious ownership)\n"
        f"hint:  if you trust them: git config --global --add safe.directory {parted.top}\n"
    )


def test_settings_given_by_the_environment_hold(parted: Checkout) -> None:
    """As `git -c` and CI runners give them: safe.directory above all."""
    given = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_COUNT": "1"}
    given |= {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(parted.top)}
    assert parted.process("heads", "--at", "HEAD", env=given).returncode == 0
    # In a hook of another repository they belong to that one, as git itself sees it.
    other = parted.process("heads", "--at", "HEAD", env=given | {"GIT_DIR": str(parted.top.parent / "other.git")})
    assert (other.returncode, "dubious ownership" in other.stderr) == (3, True)


def test_a_git_that_is_too_old_is_named(parted: Checkout, tmp_path: Path) -> None:
    real = shutil.which("git")
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text(
        f"""#!/bin/sh
for word in "$@"; do case $word in
    version) echo "git version 2.30.0"; exit 0 ;;
    merge-tree) echo "usage: git merge-tree <base-tree> <branch1> <branch2>" >&2; exit 129 ;;
    --path-format=*) echo "git too new for $word" >&2; exit 129 ;;
esac; done
exec {real} "$@"
"""
    )
    old.chmod(0o755)
    env = {"PATH": f"{old.parent}{os.pathsep}{os.environ['PATH']}"}
    expected = "error: git 2.30.0 cannot preview a merge\nhint:  install git 2.38 or newer\n"
    assert error_of(parted, "heads", "--merged-with", "main", env=env) == expected
    assert error_of(parted, "forecast", env=env) == expected
    assert parted.process("guard", "--at", "index", env=env).returncode == 0


def test_an_object_that_is_not_there(parted: Checkout) -> None:
    blob = parted.git("rev-parse", "HEAD:migrations/versions/ccc3.py")
    (parted.top / ".git/objects" / blob[:2] / blob[2:]).unlink()
    assert error_of(parted, "heads", "--at", "HEAD") == (
        f"error: object {blob} is not in the repository\nhint:  git fetch, or git fsck\n"
    )


# --- what must never happen


def test_reading_runs_no_revision(repo: Checkout) -> None:
    """Each script would write a file if it were run."""
    mark = repo.top / "ran"
    for revision, *parents in (("aaa1",), ("bbb2", "aaa1"), ("ccc3", "bbb2")):
        path = repo.revision(revision, *parents)
        path.write_text(path.read_text().replace("import sqlalchemy", f"open({str(mark)!r}, 'w')\nimport sqlalchemy"))
    repo.commit()
    for place in ((), ("--at", "index"), ("--at", "HEAD"), ("--at", "index", "--merged-with", "main")):
        for command in (
            *(("heads", "-v"), ("branches", "-v"), ("history", "-v"), ("show", "head"), ("guard",)),
            ("upgrade", "--plan", "--from", "base", "heads"),
        ):
            done = repo.branchmig(*command, *place)
            assert done.exit_code == 0, (command, place, done)
    assert repo.branchmig("forecast").exit_code == 0
    assert not mark.exists()


def test_an_answer_at_a_place_equals_a_checkout_s(parted: Checkout) -> None:
    for command in (("history",), ("history", "-v"), ("heads", "-v"), ("branches",), ("show", "head")):
        there = parted.branchmig(*command, "--at", "main")
        parted.git("switch", "--quiet", "main")
        assert there == parted.branchmig(*command)
        parted.git("switch", "--quiet", "feature")


def test_a_plan_at_a_place_names_where_its_scripts_lie(parted: Checkout) -> None:
    commit = parted.git("rev-parse", "main")
    plan = parted.branchmig("upgrade", "--plan", "--from", "aaa1", "heads", "--at", "main", "--format", "json")
    assert f'"source": "git:{commit}:migrations/versions/bbb2.py"' in plan.stdout
    staged = parted.branchmig("upgrade", "--plan", "--from", "aaa1", "heads", "--at", "index", "--format", "json")
    assert '"source": "git:index:migrations/versions/ccc3.py"' in staged.stdout

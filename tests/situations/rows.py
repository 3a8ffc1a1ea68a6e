"""Repositories as people have them: each row is one repository or clone in which every command is to be right.

README.md says what all rows have in common, and how to add one.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.repositories import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

NO_GIT = frozenset({"guard", "forecast", "conflicts", "report", "pre-commit", "pre-push", "hooks status"})
NO_TARGET = NO_GIT - {"hooks status"}


@dataclass(frozen=True)
class Ground:
    """What a row is built from: a copy of the repository, a folder for clones of it, and variables."""

    repo: Checkout
    folder: Path
    patch: pytest.MonkeyPatch

    def clone(self, *options: str, head: str = "main") -> Path:
        """Clone the repository as from a server, on branch feature."""
        into = self.folder / "clone"
        self.repo.git("symbolic-ref", "HEAD", f"refs/heads/{head}")
        self.repo.git("clone", "--quiet", "--branch=feature", *options, f"file://{self.repo.top}", str(into))
        return into


@dataclass(frozen=True)
class Row:
    """One situation. `cannot_tell` are the commands whose right answer it is not to know."""

    name: str
    kind: str
    build: Callable[[Ground], Path]
    cannot_tell: frozenset[str] = frozenset()
    into: str = "main"
    options: tuple[str, ...] = ()
    heads: tuple[str, ...] = ("ccc3",)
    branch: str = "feature"
    added: tuple[str, ...] = ("ccc3",)
    collides: bool = False
    """Whether the rewritten revision counts as another one of the same id: nothing says that it is a rewriting."""
    skipped: frozenset[str] = field(default_factory=frozenset)
    """Commands that the row cannot reach."""
    in_merge: tuple[str, ...] = ()
    """Codes of what else is wrong when the branch is merged into its target."""


ROWS: list[Row] = []


def row(kind: str, **facts: object) -> Callable[[Callable[[Ground], Path]], Callable[[Ground], Path]]:
    """Make a row of a builder; it is called as the builder is."""

    def add(build: Callable[[Ground], Path]) -> Callable[[Ground], Path]:
        ROWS.append(Row(build.__name__.replace("_", " "), kind, build, **facts))  # type: ignore[arg-type]
        return build

    return add


def base(top: Path, *, before: Callable[[Checkout], None] | None = None) -> Checkout:
    """Return the repository that all rows begin with."""
    repo = Checkout(top)
    if before is not None:
        before(repo)
    repo.table("aaa1")
    repo.commit("base")
    repo.table("bbb2", "aaa1")
    repo.commit("on main")
    repo.git("switch", "--quiet", "--create", "feature")
    repo.table("ccc3", "bbb2")
    repo.commit("on feature")
    repo.revision("aaa1", upgrade="op.execute('select 1')")
    repo.commit("rewrite")
    return repo


def settings(repo: Checkout, location: str, *lines: str, file: str = "alembic.ini", section: str = "alembic") -> None:
    text = f"[{section}]\nscript_location = {location}\npath_separator = os\nsqlalchemy.url = {repo.url}\n"
    (repo.root / file).write_text("\n".join([text, *lines, ""]))


# --- layout


@row("layout")
def nothing_special(ground: Ground) -> Path:
    return ground.repo.root


@row("layout", in_merge=("merge-conflict",))
def folder_renamed_on_main(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("switch", "--quiet", "main")
    repo.git("mv", "migrations", "db")
    settings(repo, "%(here)s/db")
    repo.commit("rename")
    repo.git("switch", "--quiet", "feature")
    return repo.root


@row("layout")
def folder_renamed_on_the_branch(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("mv", "migrations", "db")
    settings(repo, "%(here)s/db")
    repo.commit("rename")
    return repo.root


@row("layout")
def second_version_location_on_the_branch(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "more").mkdir()
    repo.git("mv", "migrations/versions/ccc3.py", "more/ccc3.py")
    locations = f"version_locations = %(here)s/migrations/versions{os.pathsep}%(here)s/more"
    settings(repo, "%(here)s/migrations", locations)
    repo.commit("two folders")
    return repo.root


@row("layout")
def recursive_folders_on_the_branch(ground: Ground) -> Path:
    repo = ground.repo
    (repo.versions / "2026").mkdir()
    repo.git("mv", "migrations/versions/ccc3.py", "migrations/versions/2026/ccc3.py")
    settings(repo, "%(here)s/migrations", "recursive_version_locations = true")
    repo.commit("by year")
    return repo.root


@row("layout")
def package_and_folder(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "src/shop").mkdir(parents=True)
    (repo.root / "src/shop/__init__.py").write_text("raise SystemExit('it was imported')\n")
    repo.git("mv", "migrations", "src/shop/migrations")
    settings(repo, "shop:migrations", "prepend_sys_path = src")
    repo.commit("into the package")
    return repo.root


@row("layout")
def names_with_quotes_spaces_and_newlines(ground: Ground) -> Path:
    repo = ground.repo
    name = "it's \"a\n$(b) c"
    repo.migrations.rename(repo.root / name)
    (repo.root / "alembic.ini").unlink()
    shown = name.replace("\n", "\\n").replace('"', '\\"')
    (repo.root / "pyproject.toml").write_text(f'[tool.alembic]\nscript_location = "{shown}"\n')
    repo.commit("a strange name, and settings in pyproject.toml")
    return repo.root


@row("layout")
def moved_into_a_folder_that_is_not_utf_8(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "\udcff").mkdir()
    repo.git("mv", "alembic.ini", "migrations", "\udcff")
    repo.commit("into a subfolder")
    return repo.root / "\udcff"


@row("layout", options=("-c", "second.ini", "-n", "shop"))
def several_projects_and_sections(ground: Ground) -> Path:
    repo = ground.repo
    (repo.root / "other").mkdir()
    settings(repo, "%(here)s/other")
    settings(repo, "%(here)s/migrations", "[alembic]", "script_location = other", file="second.ini", section="shop")
    repo.commit("another project beside it")
    repo.git("switch", "--quiet", "main")
    repo.git("checkout", "--quiet", "feature", "--", "second.ini", "alembic.ini")
    repo.commit("the same on main")
    repo.git("switch", "--quiet", "feature")
    return repo.root


@row("layout")
def a_branch_without_the_project(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("switch", "--quiet", "--orphan", "gh-pages")
    (repo.root / "index.html").write_text("pages")
    repo.commit("pages")
    repo.git("switch", "--quiet", "feature")
    return repo.root


# --- clones


@row("clone", cannot_tell=NO_TARGET)
def shallow_with_both_branches(ground: Ground) -> Path:
    return ground.clone("--depth=1", "--no-single-branch")


@row("clone", cannot_tell=NO_TARGET, into="")
def shallow_with_one_branch(ground: Ground) -> Path:
    return ground.clone("--depth=2")


@row("clone", cannot_tell=NO_TARGET, into="")
def single_branch(ground: Ground) -> Path:
    return ground.clone("--single-branch")


@row("clone", cannot_tell=NO_TARGET, into="", branch="")
def checkout_of_a_pull_request_at_depth_1(ground: Ground) -> Path:
    repo, into = ground.repo, ground.folder / "clone"
    repo.git("switch", "--quiet", "--create", "pull", "main")
    repo.git("merge", "--quiet", "--no-ff", "-m", "pull", "feature")
    repo.git("update-ref", "refs/pull/7/merge", "HEAD")
    repo.git("init", "--quiet", str(into))
    repo.git("remote", "add", "origin", f"file://{repo.top}", cwd=into)
    ref = "refs/remotes/pull/7/merge"
    repo.git("fetch", "--quiet", "--depth=1", "origin", f"+refs/pull/7/merge:{ref}", cwd=into)
    repo.git("checkout", "--quiet", "--detach", ref, cwd=into)
    ground.patch.setenv("GITHUB_BASE_REF", "main")
    return into


@row("clone", cannot_tell=frozenset({"forecast"}), into="HEAD^1", branch="")
def checkout_of_a_pull_request_at_depth_2(ground: Ground) -> Path:
    """The merge that GitHub made is HEAD, and its first parent is what the work lands in."""
    repo, into = ground.repo, ground.folder / "clone"
    repo.git("switch", "--quiet", "--create", "pull", "main")
    repo.git("merge", "--quiet", "--no-ff", "-m", "pull", "feature")
    repo.git("update-ref", "refs/pull/7/merge", "HEAD")
    repo.git("init", "--quiet", str(into))
    repo.git("remote", "add", "origin", f"file://{repo.top}", cwd=into)
    repo.git("fetch", "--quiet", "--depth=2", "origin", "refs/pull/7/merge", cwd=into)
    repo.git("checkout", "--quiet", "--detach", "FETCH_HEAD", cwd=into)
    ground.patch.setenv("GITHUB_BASE_REF", "main")
    ground.patch.setenv("GITHUB_REF", "refs/pull/7/merge")
    ground.patch.setenv("GITHUB_SHA", repo.git("rev-parse", "HEAD"))
    return into


@row("clone", branch="")
def checkout_of_a_merge_request_with_its_history(ground: Ground) -> Path:
    repo, into = ground.repo, ground.folder / "clone"
    repo.git("update-ref", "refs/merge-requests/7/head", "feature")
    repo.git("init", "--quiet", str(into))
    repo.git("remote", "add", "origin", f"file://{repo.top}", cwd=into)
    repo.git("fetch", "--quiet", "origin", "refs/merge-requests/7/head", "main:refs/remotes/origin/main", cwd=into)
    repo.git("checkout", "--quiet", "--detach", "feature" if False else "FETCH_HEAD", cwd=into)
    ground.patch.setenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")
    return into


@row("clone")
def partial_and_online(ground: Ground) -> Path:
    ground.repo.git("config", "uploadpack.allowFilter", "true")
    return ground.clone("--filter=blob:none")


@row("clone")
def partial_and_offline_with_what_is_needed(ground: Ground) -> Path:
    """The checkout fetched what feature has, and heads of main were read once; then the remote went away."""
    ground.repo.git("config", "uploadpack.allowFilter", "true")
    into = ground.clone("--filter=blob:none")
    ground.repo.git("checkout", "--quiet", "origin/main", cwd=into)
    ground.repo.git("checkout", "--quiet", "feature", cwd=into)
    ground.repo.git("remote", "set-url", "origin", "file:///nowhere", cwd=into)
    return into


@row("clone")
def bare_repository_with_a_linked_work_tree(ground: Ground) -> Path:
    bare, into = ground.folder / "bare.git", ground.folder / "linked"
    ground.repo.git("clone", "--quiet", "--bare", str(ground.repo.top), str(bare))
    ground.repo.git("symbolic-ref", "HEAD", "refs/heads/main", cwd=bare)
    ground.repo.git("worktree", "add", "--quiet", str(into), "feature", cwd=bare)
    return into


@row("clone")
def linked_work_tree(ground: Ground) -> Path:
    into = ground.folder / "linked"
    ground.repo.git("switch", "--quiet", "main")
    ground.repo.git("worktree", "add", "--quiet", str(into), "feature")
    return into


@row("clone")
def separate_git_dir(ground: Ground) -> Path:
    return ground.clone(f"--separate-git-dir={ground.folder / 'elsewhere.git'}")


@row("clone")
def alternates(ground: Ground) -> Path:
    return ground.clone("--reference", str(ground.repo.top))


@row("clone")
def submodule(ground: Ground) -> Path:
    outer = ground.folder / "outer"
    ground.repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    ground.repo.git("init", "--quiet", str(outer))
    protocol = ("-c", "protocol.file.allow=always")
    ground.repo.git(*protocol, "submodule", "--quiet", "add", "-b", "feature", str(ground.repo.top), "sub", cwd=outer)
    return outer / "sub"


@row("clone")
def named_by_GIT_DIR_and_GIT_WORK_TREE(ground: Ground) -> Path:  # noqa: N802
    home = ground.folder / "home.git"
    shutil.move(ground.repo.top / ".git", home)
    ground.patch.setenv("GIT_DIR", str(home))
    ground.patch.setenv("GIT_WORK_TREE", str(ground.repo.top))
    return ground.repo.root


@row("clone", cannot_tell=NO_GIT, into="", branch="", skipped=frozenset({"pre-commit", "pre-push"}))
def no_git_at_all(ground: Ground) -> Path:
    shutil.rmtree(ground.repo.top / ".git")
    return ground.repo.root


@row("clone")
def one_file_with_skip_worktree(ground: Ground) -> Path:
    ground.repo.git("update-index", "--skip-worktree", "migrations/versions/bbb2.py")
    (ground.repo.versions / "bbb2.py").unlink()
    return ground.repo.root


@row("clone")
def sparse_without_the_folder_of_revisions(ground: Ground) -> Path:
    ground.repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/migrations/versions/")
    return ground.repo.root


@row("clone")
def files_of_another_user_that_are_trusted(ground: Ground) -> Path:
    if os.geteuid() == 0:
        for folder, _, files in os.walk(ground.repo.top):
            for name in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(name, 12345, 12345, follow_symlinks=False)
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    for name, value in given.items():
        ground.patch.setenv(name, value)
    return ground.repo.root


# --- formats


@row("format")
def autocrlf(ground: Ground) -> Path:
    return ground.clone("-c", "core.autocrlf=true")


@row("format")
def replace_refs(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("replace", "--graft", "feature~1", "main~1", "main")
    return repo.root


# --- refs


@row("refs", into="trunk")
def default_branch_called_trunk(ground: Ground) -> Path:
    ground.repo.git("branch", "--move", "main", "trunk")
    return ground.repo.root


@row("refs", cannot_tell=NO_TARGET, into="")
def default_branch_of_any_name(ground: Ground) -> Path:
    ground.repo.git("branch", "--move", "main", "line")
    return ground.repo.root


@row("refs", into="origin/line")
def default_branch_of_a_remote(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("branch", "--move", "main", "line")
    return ground.clone(head="line")


@row("refs", into="upstream/main")
def fork_with_upstream(ground: Ground) -> Path:
    into = ground.clone()
    repo = ground.repo
    # The fork's own main has not been updated since the base.
    repo.git("update-ref", "refs/remotes/origin/main", "refs/remotes/origin/main~1", cwd=into)
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main", cwd=into)
    repo.git("remote", "add", "upstream", f"file://{repo.top}", cwd=into)
    repo.git("fetch", "--quiet", "upstream", cwd=into)
    return into


@row("refs")
def tag_and_branch_of_one_name(ground: Ground) -> Path:
    """The tag `main` is at feature, where nothing is rewritten."""
    ground.repo.git("tag", "main", "feature")
    return ground.repo.root


@row("refs", into="origin/main", added=("bbb2", "ccc3"))
def stale_remote(ground: Ground) -> Path:
    """The remote's main is at the base; nobody has fetched since."""
    repo = ground.repo
    repo.git("remote", "add", "origin", "https://nowhere.invalid/x.git")
    repo.git("update-ref", "refs/remotes/origin/main", "main~1")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return repo.root


@row("refs", branch="")
def detached_head(ground: Ground) -> Path:
    ground.repo.git("switch", "--quiet", "--detach")
    return ground.repo.root


@row("refs", branch='a"b$(c)é')
def branch_with_a_strange_name(ground: Ground) -> Path:
    ground.repo.git("branch", "--move", "feature", 'a"b$(c)é')
    return ground.repo.root


# --- history


@row("history")
def amended(ground: Ground) -> Path:
    ground.repo.git("commit", "--quiet", "--amend", "-m", "amended")
    return ground.repo.root


@row("history", skipped=frozenset({"pre-commit"}))
def something_in_the_stash(ground: Ground) -> Path:
    ground.repo.table("eee5", "bbb2")
    ground.repo.git("stash", "--quiet", "--include-untracked")
    return ground.repo.root


@row("history")
def octopus_merge(ground: Ground) -> Path:
    repo = ground.repo
    for name in ("one", "two"):
        repo.git("switch", "--quiet", "--create", name, "main")
        (repo.root / name).write_text(name)
        repo.commit(name)
    repo.git("switch", "--quiet", "feature")
    repo.git("merge", "--quiet", "--no-ff", "-m", "octopus", "one", "two")
    return repo.root


def stopped(repo: Checkout) -> None:
    """Have a file in conflict between feature and main, beside the migrations."""
    (repo.root / "notes").write_text("feature")
    repo.commit("notes")
    repo.git("switch", "--quiet", "main")
    (repo.root / "notes").write_text("main")
    repo.commit("other notes")
    repo.git("switch", "--quiet", "feature")


def in_conflict(repo: Checkout, *command: str) -> Path:
    stopped(repo)
    assert repo.run(*command).returncode == 1
    return repo.root


@row("history", branch="", cannot_tell=frozenset({"report"}))
def rebase_in_progress(ground: Ground) -> Path:
    return in_conflict(ground.repo, "rebase", "main")


@row("history", cannot_tell=frozenset({"report"}))
def cherry_pick_in_progress(ground: Ground) -> Path:
    return in_conflict(ground.repo, "cherry-pick", "main")


@row("history", cannot_tell=frozenset({"report"}))
def revert_in_progress(ground: Ground) -> Path:
    repo = ground.repo
    for text in ("one", "two"):
        (repo.root / "notes").write_text(text)
        repo.commit(text)
    assert repo.run("revert", "HEAD~1").returncode == 1
    return repo.root


@row("history", branch="")
def bisect_in_progress(ground: Ground) -> Path:
    ground.repo.commit("nothing")
    ground.repo.git("bisect", "start", "feature", "main")
    ground.repo.git("checkout", "--quiet", "--detach", "feature")
    return ground.repo.root


@row("history")
def squash_merged_into_another_branch(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("switch", "--quiet", "--create", "staging", "main")
    repo.git("merge", "--quiet", "--squash", "feature~1")
    repo.commit("squash")
    repo.git("switch", "--quiet", "feature")
    return repo.root


@row("history")
def merge_in_progress(ground: Ground) -> Path:
    repo = ground.repo
    repo.git("switch", "--quiet", "--create", "docs", "main")
    (repo.root / "notes").write_text("notes")
    repo.commit("notes")
    repo.git("switch", "--quiet", "feature")
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "docs")
    return repo.root


@row("history", cannot_tell=frozenset({"guard", "pre-commit", "pre-push", "report"}), collides=True)
def orphan_branch_with_the_project(ground: Ground) -> Path:
    """Nothing is shared with main, so nobody can say what was rewritten since."""
    repo = ground.repo
    repo.git("switch", "--quiet", "--orphan", "new")
    repo.git("checkout", "--quiet", "feature", "--", ".")
    repo.commit("start again")
    repo.git("branch", "--force", "feature")
    repo.git("switch", "--quiet", "feature")
    return repo.root


def sha256(folder: Path) -> Checkout:
    """Return the base in a repository whose objects have SHA-256 ids."""

    def begin(repo: Checkout) -> None:
        shutil.rmtree(repo.top / ".git")
        repo.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")

    return base(folder / "sha256", before=begin)


@row("format")
def objects_with_sha256(ground: Ground) -> Path:
    return sha256(ground.folder).root


# --- hooks


@row("hooks")
def hooks_kept_by_husky(ground: Ground) -> Path:
    folder = ground.repo.top / ".husky/_"
    folder.mkdir(parents=True)
    (folder / ".gitignore").write_text("*")
    (folder / "pre-commit").write_text("#!/bin/sh\n. .husky/pre-commit\n")
    ground.repo.git("config", "core.hooksPath", ".husky/_")
    return ground.repo.root


@row("hooks")
def hooks_written_by_lefthook(ground: Ground) -> Path:
    (ground.repo.top / ".git/hooks").mkdir(exist_ok=True)
    (ground.repo.top / ".git/hooks/pre-commit").write_text("#!/bin/sh\n[ $LEFTHOOK = 0 ] || call_lefthook\n")
    return ground.repo.root

"""Hooks beside what is there: installed, told of, taken away again; and what they do before Python starts."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from copy import copy
from shutil import which
from typing import TYPE_CHECKING

import pytest

from branchmig.git.hook_text import HOOKS, TELLING, Installation, blocks_of, hook_block, hook_script
from branchmig.git.switching import FOLLOWED
from branchmig.planning.pushes import Push, parse_push
from tests.repositories import ROOT, Checkout, footprint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Result

INSTALLED = "Installed pre-commit, pre-merge-commit, pre-push, post-checkout, post-merge, post-rewrite.\n"


@pytest.fixture
def hooked(parted: Checkout) -> Checkout:
    install(parted)
    return parted


def install(repo: Checkout, *options: str) -> None:
    repo.environment["PYTHONPATH"] = str(ROOT)
    told = repo.branchmig("hooks", "install", *options)
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", INSTALLED)


def hooks_of(repo: Checkout) -> Path:
    return repo.top / ".git" / "hooks"


def foreign(path: Path, body: str, mode: int = 0o755) -> bytes:
    """Write somebody's hook; return its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(mode)
    return path.read_bytes()


def second_head(repo: Checkout) -> None:
    repo.revision("bbb2", "aaa1")
    repo.git("add", ".")


def refusal(told: Result) -> str:
    assert (told.exit_code, told.stdout) == (3, ""), told
    return told.stderr


# --- install, status, uninstall


def test_hooks_are_installed_run_and_taken_away_again(parted: Checkout) -> None:
    before = footprint(parted.top)
    assert parted.branchmig("hooks", "status").exit_code == 1
    install(parted)
    status = parted.branchmig("hooks", "status")
    assert (status.exit_code, status.stdout) == (
        0,
        "pre-commit        runs, and blocks\n"
        "pre-merge-commit  runs, and blocks\n"
        "pre-push          runs, and blocks\n"
        "post-checkout     runs, and reports\n"
        "post-merge        runs, and reports\n"
        "post-rewrite      runs, and reports\n",
    )
    again = parted.branchmig("hooks", "install")
    assert (again.exit_code, again.stderr) == (0, "The hooks are installed, and up to date.\n")
    told = parted.branchmig("hooks", "uninstall")
    assert told.stderr == INSTALLED.replace("Installed", "Removed")
    assert footprint(parted.top) == before
    assert parted.branchmig("hooks", "uninstall").stderr == "No hooks of branchmig are installed.\n"


def test_a_script_that_is_not_today_s_is_out_of_date_until_it_is_installed_again(hooked: Checkout) -> None:
    path = hooks_of(hooked) / "pre-push"
    path.write_text(path.read_text().replace("failed=0", "failed=0 # edited"))
    status = hooked.branchmig("hooks", "status")
    assert (status.exit_code, status.lines[2]) == (
        1,
        "pre-push          out of date: to update it, run 'branchmig hooks install'; runs, and blocks",
    )
    assert hooked.branchmig("hooks", "install").stderr == "Installed pre-push.\n"
    assert hooked.branchmig("hooks", "status").exit_code == 0


# What format 1 wrote, cut down to what tells its project.
FORMAT_1 = """\
#!/bin/sh
# branchmig hook 1: pre-push. 'branchmig hooks install' wrote it, 'branchmig hooks uninstall' takes it away.
kept=${{0%/*}}/pre-push.before-branchmig
git diff --quiet "$old" "$new" -- ':(top,literal)migrations/versions' 2>/dev/null && exit 0
cd {folder} || exit 1
python=/gone/python
if [ -x "$python" ]; then set -- "$python" -P -m branchmig {options} hooks run pre-push "$@"
fi
"""


def test_the_format_of_earlier_versions_is_out_of_date_and_brought_up_to_date(hooked: Checkout) -> None:
    path = hooks_of(hooked) / "pre-push"
    path.write_text(FORMAT_1.format(folder="./", options=""))
    assert hooked.branchmig("hooks", "status").lines[2].startswith("pre-push          out of date: ")
    assert hooked.branchmig("hooks", "install").stderr == "Installed pre-push.\n"
    path.write_text(FORMAT_1.format(folder="./", options=""))
    assert "pre-push" in hooked.branchmig("hooks", "uninstall").stderr
    assert not path.exists()


@pytest.mark.parametrize(("folder", "options"), [("./other", ""), ("./", "-c x.ini"), ("./", "-n 'a b'")])
def test_another_project_s_hook_of_an_earlier_version_is_left_to_that_project(
    parted: Checkout, folder: str, options: str
) -> None:
    path = hooks_of(parted) / "pre-push"
    path.parent.mkdir(exist_ok=True)
    path.write_text(FORMAT_1.format(folder=folder, options=options))
    path.chmod(0o755)
    assert parted.branchmig("hooks", "status").lines[2] == (
        "pre-push          not installed for this project: the hook checks another project"
    )
    assert refusal(parted.branchmig("hooks", "install")) == (
        f"error: {path} was written by an older branchmig, and checks another project of this repository\n"
        "hint:  first run 'branchmig hooks install' for that project, which brings its hooks up to date\n"
    )
    assert parted.branchmig("hooks", "uninstall").stderr == "No hooks of branchmig are installed.\n"
    assert path.read_text() == FORMAT_1.format(folder=folder, options=options)


def test_status_says_why_a_hook_does_not_run(hooked: Checkout) -> None:
    folder = hooks_of(hooked)
    (folder / "pre-push").unlink()
    (folder / "pre-commit").chmod(0o644)
    foreign(folder / "post-merge", "exit 0")
    assert hooked.branchmig("hooks", "status").lines == [
        f"pre-commit        not executable, so git skips it: chmod +x {folder / 'pre-commit'}",
        "pre-merge-commit  runs, and blocks",
        "pre-push          not installed in this repository's hooks",
        "post-checkout     runs, and reports",
        f"post-merge        another hook is in its place: {folder / 'post-merge'}",
        "post-rewrite      runs, and reports",
    ]
    hooked.git("config", "core.hooksPath", "other")
    assert hooked.branchmig("hooks", "status").lines[0] == (
        "pre-commit        shadowed: core.hooksPath = other is where git looks, and it is not there"
    )
    assert hooked.branchmig("hooks", "status").lines[2] == "pre-push          not installed in core.hooksPath = other"


def test_install_repairs_the_run_bit(hooked: Checkout) -> None:
    (hooks_of(hooked) / "pre-commit").chmod(0o644)
    assert hooked.branchmig("hooks", "install").stderr == "Installed pre-commit.\n"
    assert hooked.branchmig("hooks", "status").exit_code == 0


# --- beside a foreign hook


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o644, 0o444])
def test_a_foreign_hook_comes_back_byte_for_byte(parted: Checkout, mode: int) -> None:
    for name in HOOKS:
        foreign(hooks_of(parted) / name, f"# {name}\r\nexit 0\n\n# \N{SNOWMAN}", mode)
    before = footprint(hooks_of(parted))
    modes = {name: stat.S_IMODE((hooks_of(parted) / name).stat().st_mode) for name in HOOKS}
    install(parted)
    install_again = parted.branchmig("hooks", "install")
    assert install_again.stderr == "The hooks are installed, and up to date.\n"
    assert "runs after the one that was there before, and blocks" in parted.branchmig("hooks", "status").stdout
    assert parted.branchmig("hooks", "uninstall").exit_code == 0
    assert footprint(hooks_of(parted)) == before
    assert {name: stat.S_IMODE((hooks_of(parted) / name).stat().st_mode) for name in HOOKS} == modes


def test_a_hook_that_is_a_link_comes_back_as_one(parted: Checkout) -> None:
    foreign(parted.top / "scripts" / "check", "exit 1")
    path = hooks_of(parted) / "pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("../../scripts/check")
    install(parted)
    (parted.top / "notes.txt").write_text("x")
    parted.git("add", "notes.txt")
    assert parted.run("commit", "-m", "x").returncode == 1
    assert parted.branchmig("hooks", "uninstall").exit_code == 0
    assert os.readlink(path) == "../../scripts/check"
    assert (parted.top / "scripts" / "check").read_text() == "#!/bin/sh\nexit 1\n"


def test_a_foreign_hook_runs_first_and_its_failure_blocks(parted: Checkout) -> None:
    log = parted.top / ".git" / "log"
    foreign(hooks_of(parted) / "pre-commit", f'echo "pre-commit $#" >>{log}; exit 7')
    foreign(hooks_of(parted) / "post-checkout", f'echo "post-checkout $*" >>{log}; exit 1')
    install(parted)
    second_head(parted)
    done = parted.run("commit", "-m", "x")
    assert (done.returncode, "branchmig" in done.stderr) == (1, False), done
    assert log.read_text() == "pre-commit 0\n"
    foreign(hooks_of(parted) / "pre-commit.before-branchmig", "exit 0")
    assert "2 heads" in parted.run("commit", "-m", "x").stderr
    parted.git("reset", "--quiet", "--hard")
    parted.git("switch", "--quiet", "main")
    old, new = parted.git("rev-parse", "feature", "main").split()
    assert log.read_text() == f"pre-commit 0\npost-checkout {old} {new} 1\n"


def test_a_foreign_hook_gets_its_standard_input_and_arguments(parted: Checkout, tmp_path: Path) -> None:
    log = parted.top / ".git" / "log"
    foreign(hooks_of(parted) / "pre-push", f'echo "$1" >>{log}; cat >>{log}; echo end >>{log}')
    foreign(hooks_of(parted) / "post-rewrite", f'echo "$1" >>{log}; cat >>{log}; echo end >>{log}')
    install(parted)
    parted.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    parted.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    commit, zero = parted.git("rev-parse", "HEAD"), "0" * 40
    parted.git("push", "--quiet", "origin", "feature")
    assert log.read_text() == (f"origin\nrefs/heads/feature {commit} refs/heads/feature {zero}\nend\n")
    log.unlink()
    parted.git("push", "--quiet", "origin", "feature")
    assert log.read_text() == "origin\nend\n"
    log.unlink()
    parted.git("commit", "--quiet", "--amend", "--no-edit", "--reset-author", "--date=2026-02-02")
    assert log.read_text() == f"amend\n{commit} {parted.git('rev-parse', 'HEAD')}\nend\n"


def test_a_hook_that_was_written_over_ours_is_not_lost(parted: Checkout) -> None:
    foreign(hooks_of(parted) / "pre-commit", "# the first")
    install(parted)
    foreign(hooks_of(parted) / "pre-commit", "# the second")
    before = footprint(hooks_of(parted))
    assert refusal(parted.branchmig("hooks", "install")) == (
        f"error: {hooks_of(parted) / 'pre-commit'} was written over branchmig's hook, and "
        "pre-commit.before-branchmig still keeps the one before\n"
        "hint:  join the two into one of them, delete the other, and install again\n"
    )
    assert footprint(hooks_of(parted)) == before


@pytest.mark.parametrize("own", [True, False])
def test_a_full_disk_leaves_every_hook_as_it_was(parted: Checkout, own: bool) -> None:
    if own:
        foreign(hooks_of(parted) / "pre-commit", "exit 0")
    before = footprint(parted.top / ".git")
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sys.executable, "-P", "-m", "branchmig", "hooks", "install"],
        cwd=parted.root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done
    assert done.stderr.startswith("error: git hooks cannot be read or written: ")
    assert footprint(parted.top / ".git") == before


def test_a_folder_that_cannot_be_made_is_an_error_in_words(parted: Checkout) -> None:
    (parted.top / ".git" / "hooks").write_text("a file\n")
    assert refusal(parted.branchmig("hooks", "install")).startswith("error: git hooks cannot be read or written: ")


def test_an_installation_that_was_killed_half_way_can_be_repeated(parted: Checkout) -> None:
    """It was killed after the user's hook had its second name, before ours took the first."""
    own = foreign(hooks_of(parted) / "pre-commit", "exit 0")
    os.link(hooks_of(parted) / "pre-commit", hooks_of(parted) / "pre-commit.before-branchmig")
    install(parted)
    assert (hooks_of(parted) / "pre-commit.before-branchmig").read_bytes() == own
    parted.branchmig("hooks", "uninstall")
    assert [path.name for path in hooks_of(parted).iterdir()] == ["pre-commit"]


# --- other tools' hooks


@pytest.mark.parametrize(
    ("tool", "text", "hint"),
    [
        (
            "pre-commit",
            "# File generated by pre-commit: https://pre-commit.com",
            "add branchmig's hook to .pre-commit-config.yaml",
        ),
        (
            "prek",
            "# File generated by prek: https://github.com/j178/prek",
            "add branchmig's hook to .pre-commit-config.yaml",
        ),
        (
            "lefthook",
            'if [ "$LEFTHOOK" = "0" ]; then exit 0; fi',
            "add to lefthook.yml, for each hook: {jobs: [{run: 'branchmig hooks run HOOK {0}', use_stdin: true}]}",
        ),
        ("husky", "# husky", 'add to .husky/HOOK: branchmig hooks run HOOK "$@"'),
    ],
)
def test_a_hook_that_a_tool_generates_is_left_to_it(parted: Checkout, tool: str, text: str, hint: str) -> None:
    foreign(hooks_of(parted) / "pre-push", text)
    before = footprint(hooks_of(parted))
    assert refusal(parted.branchmig("hooks", "install")) == (
        f"error: {tool} writes the hook pre-push of this repository, and would write it again\nhint:  {hint}\n"
    )
    assert footprint(hooks_of(parted)) == before
    install(parted, "--force")


@pytest.mark.parametrize("where", [".husky", ".husky/_"])
def test_husky_s_folder_is_left_to_it(parted: Checkout, where: str) -> None:
    parted.git("config", "core.hooksPath", where)
    assert refusal(parted.branchmig("hooks", "install")) == (
        f"error: husky keeps the hooks of this repository in {where}\n"
        'hint:  add to .husky/HOOK: branchmig hooks run HOOK "$@"\n'
    )
    assert not (parted.top / ".husky").exists()


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_a_shared_folder_takes_force(parted: Checkout, tmp_path: Path, kind: str) -> None:
    where = "tools/hooks" if kind == "relative" else str(tmp_path / "all hooks")
    folder = parted.top / where
    parted.git("config", "core.hooksPath", where)
    assert refusal(parted.branchmig("hooks", "install")) == (
        f"error: core.hooksPath sends git to {folder} for hooks, which may not be this repository's alone\n"
        "hint:  add 'branchmig hooks run HOOK \"$@\"' to the hooks there, or install all the same: "
        "hooks install --force\n"
    )
    assert not folder.exists()
    install(parted, "--force")
    assert parted.branchmig("hooks", "status").exit_code == 0
    second_head(parted)
    assert "2 heads" in parted.run("commit", "-m", "x").stderr
    assert parted.branchmig("hooks", "uninstall").exit_code == 0
    assert list(folder.iterdir()) == []


def test_a_line_in_another_tool_s_hook_does_the_same(parted: Checkout) -> None:
    """What the hints say to add: `branchmig hooks run HOOK "$@"`, also in the middle of a rebase."""
    parted.environment |= {"PYTHONPATH": str(ROOT), FOLLOWED: "1"}
    for name in HOOKS:
        foreign(hooks_of(parted) / name, f'{shlex.quote(sys.executable)} -P -m branchmig hooks run {name} "$@"')
    second_head(parted)
    assert "2 heads" in parted.run("commit", "-m", "x").stderr
    parted.git("reset", "--quiet", "--hard")
    parted.revision("ddd4", "ccc3")
    parted.commit()
    done = parted.run("rebase", "main")
    assert (done.returncode, done.stderr.count("branchmig:"), "the rebase left" in done.stderr) == (0, 1, True), done
    assert parted.run("checkout", "--", "alembic.ini").stderr == ""


# --- where the project lies


def two_projects(tmp_path: Path, how: str) -> tuple[Checkout, list[str], Checkout, list[str]]:
    """Return two projects of one repository, and the options that name each."""
    first = Checkout(tmp_path / "repo", "one")
    if how == "folders":
        return first, [], Checkout(tmp_path / "repo", "two"), []
    second = copy(first)
    second.migrations = second.root / "other"
    second.versions = second.root / "other" / "versions"
    second.versions.mkdir(parents=True)
    text = f"script_location = %(here)s/other\nsqlalchemy.url = {second.url}\npath_separator = os\n"
    if how == "files":
        (second.root / "other.ini").write_text(f"[alembic]\n{text}")
        return first, [], second, ["-c", "other.ini"]
    with (second.root / "alembic.ini").open("a") as file:
        file.write(f"\n[it's other]\n{text}")
    return first, [], second, ["-n", "it's other"]


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["folders", "files", "sections"])
def test_each_project_of_a_repository_has_its_own_part_of_a_hook(tmp_path: Path, how: str) -> None:
    two_project, first, two, second = two_projects(tmp_path, how)
    for project in (two_project, two):
        project.revision("aaa1")
        project.environment["PYTHONPATH"] = str(ROOT)
    two_project.commit()
    before = footprint(hooks_of(two_project))

    def status() -> list[tuple[int, str]]:
        found = [two_project.branchmig(*first, "hooks", "status"), two.branchmig(*second, "hooks", "status")]
        return [(each.exit_code, each.lines[0]) for each in found]

    assert two_project.branchmig(*first, "hooks", "install").stderr == INSTALLED
    assert status() == [
        (0, "pre-commit        runs, and blocks"),
        (1, "pre-commit        not installed for this project: the hook checks one/alembic.ini"),
    ]
    alone = footprint(hooks_of(two_project))
    assert two.branchmig(*second, "hooks", "install").stderr == INSTALLED
    assert [code for code, _ in status()] == [0, 0]
    for project, word in ((two_project, "aaa1"), (two, "aaa1")):
        wrong = project.revision("zzz9")
        two_project.git("add", ".")
        done = two_project.run("commit", "-m", "x")
        assert (done.returncode, done.stderr.count(f"2 heads: {word} (")) == (1, 1), done
        wrong.unlink()
        two_project.git("add", ".")
    assert two.branchmig(*second, "hooks", "uninstall").stderr == INSTALLED.replace("Installed", "Removed")
    assert {name: content for name, (_, _, content) in footprint(hooks_of(two_project)).items()} == {
        name: content for name, (_, _, content) in alone.items()
    }
    assert [code for code, _ in status()] == [0, 1]
    assert two_project.branchmig(*first, "hooks", "uninstall").stderr == INSTALLED.replace("Installed", "Removed")
    assert footprint(hooks_of(two_project)) == before


@pytest.mark.parametrize(
    "folder",
    [
        *("services/my shop", "it's $HOME @NAME@", "-x", 'a"b`touch x`', "a\\b;ünï*"),
        *("END\nb", os.fsdecode(b"\xff\xfe")),
    ],
)
def test_any_folder_is_quoted(tmp_path: Path, folder: str) -> None:
    repo = Checkout(tmp_path / "repo", "plain")
    (repo.root / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n")
    (repo.top / folder).parent.mkdir(exist_ok=True)
    repo.root = repo.root.rename(repo.top / folder)
    repo.versions = repo.root / "migrations" / "versions"
    repo.revision("aaa1")
    repo.commit()
    install(repo)
    assert repo.branchmig("hooks", "status").exit_code == 0
    repo.revision("bbb2")
    repo.git("add", ".")
    done = repo.run("commit", "-m", "x")
    assert (done.returncode, "  multiple-heads: 2 heads: aaa1 (" in done.stderr) == (1, True), done
    assert not (repo.top / "x").exists()
    assert not (repo.root / "x").exists()


def test_a_config_file_and_a_section_of_any_name(parted: Checkout) -> None:
    section, name = "it's $HOME", 'an @NAME@ "odd" name.ini'
    text = (parted.root / "alembic.ini").read_text().replace("[alembic]", f"[{section}]")
    (parted.root / "alembic.ini").unlink()
    (parted.root / name).write_text(text)
    parted.commit()
    parted.environment["PYTHONPATH"] = str(ROOT)
    assert parted.branchmig("-c", name, "-n", section, "hooks", "install").exit_code == 0
    second_head(parted)
    done = parted.run("commit", "-m", "x")
    assert (done.returncode, "2 heads: bbb2 (" in done.stderr) == (1, True), done


def test_a_config_named_from_elsewhere_is_each_work_tree_s_own(parted: Checkout, tmp_path: Path) -> None:
    parted.environment["PYTHONPATH"] = str(ROOT)
    (parted.top / "alembic.ini").unlink()
    (parted.top / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n")
    parted.commit()
    done = parted.process("-c", str(parted.top / "alembic.ini"), "hooks", "install", cwd=tmp_path)
    assert done.returncode == 0, done
    linked = tmp_path / "linked"
    parted.git("worktree", "add", "--quiet", str(linked), "-b", "other")
    text = (linked / "migrations/versions/ccc3.py").read_text()
    (linked / "migrations/versions/ddd4.py").write_text(text.replace("ccc3", "ddd4"))
    parted.git("add", ".", cwd=linked)
    told = parted.run("commit", "-m", "x", cwd=linked)
    assert (told.returncode, "2 heads: ccc3 (" in told.stderr) == (1, True), told


# --- what stops a hook from looking


@pytest.mark.parametrize("damage", ["no config", "broken config", "no settings", "unknown setting"])
def test_a_hook_that_cannot_look_blocks_or_keeps_quiet(hooked: Checkout, damage: str) -> None:
    ini = hooked.root / "alembic.ini"
    text = ini.read_text()
    if damage == "no config":
        ini.unlink()
    else:
        ini.write_text(
            {
                "broken config": "no section",
                "no settings": "[other]\n",
                "unknown setting": f"{text}[branchmig]\nx = 1\n",
            }[damage]
        )
    for name in TELLING:
        told = hooked.branchmig("hooks", "run", name, "0" * 40, "1" * 40, "1")
        assert (told.exit_code, told.stdout, told.stderr) == (0, "", ""), name
    switched = hooked.run("switch", "--detach", "main~1")
    assert (switched.returncode, "branchmig" in switched.stderr) == (0, False), switched
    hooked.git("switch", "--quiet", "feature")
    hooked.revision("ddd4", "ccc3")
    hooked.git("add", "migrations")
    done = hooked.run("commit", "-m", "x")
    assert done.returncode == 1
    assert done.stderr.startswith("branchmig: could not check the migrations: ")
    assert done.stderr.endswith("hint: --no-verify goes past this check\n")


@pytest.mark.usefixtures("real_hooks")
def test_a_lost_program_blocks_or_keeps_quiet(hooked: Checkout) -> None:
    for name in HOOKS:
        path = hooks_of(hooked) / name
        path.write_text(path.read_text().replace(sys.executable, "/gone/python"))
    path = os.pathsep.join(word for word in os.environ["PATH"].split(os.pathsep) if not has_branchmig(word))
    second_head(hooked)
    done = hooked.run("commit", "-m", "x", env={"PATH": path})
    expected = "branchmig: not found, so the migrations were not checked (installed with /gone/python)\n"
    assert (done.returncode, done.stderr) == (1, expected)
    hooked.git("reset", "--quiet", "--hard")
    switched = hooked.run("switch", "main", env={"PATH": path})
    assert (switched.returncode, expected in switched.stderr) == (0, True)


def has_branchmig(folder: str) -> bool:
    return os.access(os.path.join(folder, "branchmig"), os.X_OK)


def test_a_branch_without_the_project_is_not_in_the_way(tmp_path: Path) -> None:
    repo = Checkout(tmp_path / "repo", "backend")
    repo.revision("aaa1")
    repo.commit()
    install(repo)
    repo.git("switch", "--quiet", "--orphan", "pages")
    (repo.top / "index.html").write_text("x")
    repo.git("add", ".")
    done = repo.run("commit", "-m", "pages")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def backend(tmp_path: Path) -> Checkout:
    """A project in backend/, with hooks; gh-pages is a branch without it; a remote has neither."""
    repo = Checkout(tmp_path / "repo", "backend")
    repo.revision("aaa1")
    repo.commit()
    install(repo)
    repo.git("init", "--quiet", "--bare", str(tmp_path / "remote.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    repo.git("branch", "two-heads")
    repo.git("switch", "--quiet", "two-heads")
    repo.revision("bbb2")
    repo.commit()
    repo.git("switch", "--quiet", "main")
    return repo


def test_from_a_branch_without_the_project_others_are_pushed_and_checked(backend: Checkout) -> None:
    backend.git("switch", "--quiet", "--orphan", "gh-pages")
    assert not backend.root.exists()
    (backend.top / "index.html").write_text("x")
    backend.git("add", ".")
    assert backend.run("commit", "-m", "pages").returncode == 0
    sound = backend.run("push", "origin", "main", "gh-pages")
    assert (sound.returncode, "branchmig" in sound.stderr) == (0, False), sound
    done = backend.run("push", "origin", "two-heads")
    assert (done.returncode, "two-heads is not a sound graph" in done.stderr) == (1, True), done


def test_a_project_can_be_removed_as_a_whole_and_not_by_its_settings_alone(backend: Checkout) -> None:
    backend.git("rm", "--quiet", "backend/alembic.ini")
    done = backend.run("commit", "-m", "x")
    assert (done.returncode, "aaa1.py is a revision, and the settings of its" in done.stderr) == (1, True), done
    backend.git("rm", "--quiet", "-r", "backend")
    done = backend.run("commit", "-m", "x")
    assert (done.returncode, "branchmig" in done.stderr) == (0, False), done
    backend.git("reset", "--quiet", "--hard", "HEAD~1")
    backend.git("mv", "backend", "server")
    moved = backend.run("commit", "-m", "x")
    assert (moved.returncode, "whose project has no hooks yet" in moved.stderr) == (1, True), moved


def test_revisions_that_moved_are_checked_where_they_are(parted: Checkout) -> None:
    """The hooks were installed for migrations/; the settings lead elsewhere since, or to one more folder."""
    install(parted)
    parted.git("mv", "migrations", "db")
    ini = parted.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("/migrations", "/db"))
    parted.git("add", ".")
    assert parted.run("commit", "-m", "move").returncode == 0
    assert parted.branchmig("hooks", "status").lines[0].startswith("pre-commit        out of date: ")
    parted.versions = parted.root / "db" / "versions"
    (parted.top / "notes.txt").write_text("x")
    parted.git("add", ".")
    assert parted.run("commit", "-m", "notes").returncode == 0
    second_head(parted)
    done = parted.run("commit", "-m", "x")
    assert (done.returncode, "2 heads: bbb2 (" in done.stderr) == (1, True), done
    parted.git("reset", "--quiet", "--hard")
    assert parted.branchmig("hooks", "install").exit_code == 0
    ini.write_text(f"{ini.read_text()}version_locations = %(here)s/db/versions:%(here)s/more\n")
    (parted.root / "more").mkdir()
    (parted.root / "more" / "ddd4.py").write_text((parted.versions / "ccc3.py").read_text().replace("ccc3", "ddd4"))
    parted.git("add", "alembic.ini")
    assert parted.run("commit", "-m", "one more folder").returncode == 0
    parted.git("add", "more")
    done = parted.run("commit", "-m", "x")
    assert (done.returncode, "2 heads: ccc3 (" in done.stderr) == (1, True), done


@pytest.mark.usefixtures("real_hooks")
def test_settings_that_were_read_need_not_be_read_again(parted: Checkout) -> None:
    install(parted)
    with (parted.root / "alembic.ini").open("a") as file:
        file.write("# a comment\n")
    assert parted.run("commit", "-a", "-m", "settings").returncode == 0
    for name in HOOKS:
        path = hooks_of(parted) / name
        path.write_text(path.read_text().replace(sys.executable, "/gone/python"))
    parted.git("switch", "--quiet", "--create", "topic")
    (parted.top / "notes.txt").write_text("x")
    parted.git("add", ".")
    done = parted.run("commit", "-m", "notes", env={"PATH": os.path.dirname(str(which("git")))})
    assert (done.returncode, "not found" in done.stderr) == (0, False), done
    status = parted.branchmig("hooks", "status")
    assert (status.exit_code, "out of date" in status.stdout) == (1, True)


def test_a_repository_and_a_work_tree_that_are_named_on_the_command_line(parted: Checkout, tmp_path: Path) -> None:
    install(parted)
    (parted.top / ".git").rename(tmp_path / "elsewhere.git")
    named = ("--git-dir", "../elsewhere.git", "--work-tree", ".")
    parted.revision("ddd4", "ccc3")
    parted.git(*named, "add", ".")
    done = parted.run(*named, "commit", "-m", "x")
    assert (done.returncode, "branchmig" in done.stderr) == (0, False), done
    parted.revision("bbb2", "aaa1")
    parted.git(*named, "add", ".")
    done = parted.run(*named, "commit", "-m", "x")
    assert (done.returncode, "2 heads: bbb2 (" in done.stderr) == (1, True), done


# --- before Python starts


@pytest.mark.usefixtures("real_hooks")
def test_a_hook_with_nothing_to_do_starts_no_python(parted: Checkout, tmp_path: Path) -> None:
    mark = tmp_path / "started"
    python = tmp_path / "python"
    foreign(python, f"echo started >>{mark}")
    install(parted)
    for name in HOOKS:
        path = hooks_of(parted) / name
        path.write_text(path.read_text().replace(sys.executable, str(python)))
    remote = tmp_path / "remote.git"
    parted.git("init", "--quiet", "--bare", str(remote))
    parted.git("remote", "add", "origin", str(remote))
    parted.git("push", "--quiet", "--no-verify", "origin", "main", "feature")

    (parted.top / "notes.txt").write_text("x")
    parted.git("add", ".")
    parted.git("commit", "--quiet", "-m", "notes alone")
    (parted.top / "notes.txt").write_text("y")
    parted.git("commit", "--quiet", "-a", "-m", "notes alone")
    parted.git("switch", "--quiet", "--create", "topic", "HEAD~1")
    (parted.top / "more.txt").write_text("x")
    parted.git("add", ".")
    parted.git("commit", "--quiet", "-m", "more alone")
    parted.git("merge", "--quiet", "--no-edit", "feature")
    parted.git("switch", "--quiet", "feature")
    parted.git("merge", "--quiet", "--ff-only", "topic")
    parted.git("reset", "--quiet", "--hard", "HEAD~1")
    (parted.top / "third.txt").write_text("x")
    parted.git("add", ".")
    parted.git("commit", "--quiet", "-m", "third")
    parted.git("rebase", "--quiet", "topic")
    parted.git("checkout", "--quiet", "HEAD", "--", "notes.txt")
    parted.git("commit", "--quiet", "--amend", "-m", "again")
    parted.git("push", "--quiet", "origin", "feature")
    assert not mark.exists()

    with (parted.root / "alembic.ini").open("a") as file:
        file.write("# a comment\n")
    parted.git("commit", "--quiet", "-a", "-m", "settings alone")
    assert mark.read_text() == "started\n"
    (parted.top / "notes.txt").write_text("z")
    parted.git("commit", "--quiet", "-a", "-m", "after settings that nobody has read yet")
    parted.git("switch", "--quiet", "main")
    assert mark.read_text() == "started\n" * 3


def test_what_was_pushed() -> None:
    zero, item, two = "0" * 40, "1" * 40, "2" * 40
    assert parse_push(
        [
            f"refs/heads/a {item} refs/heads/b {zero}",
            f"(delete) {zero} refs/heads/c {item}",
            f"HEAD@{{1 day ago}} {item} refs/heads/d {two}",
            f"refs/tags/v1 {item} refs/tags/v1 {zero}",
            f"HEAD {item} refs/for/release/1.0%topic=x {zero}",
            f"{zero} {item} refs/heads/e",
            f"{two} {item} refs/heads/f",
            f"{item} {zero} refs/heads/g",
            f"{zero} {item} refs/for/main/topic",
            "",
        ]
    ) == [
        Push("b", item),
        Push("d", item, two),
        Push("release/1.0", item, is_review=True),
        Push("e", item),
        Push("f", item, two),
        Push("main/topic", item, is_review=True),
    ]
    assert Push("main/topic", item, is_review=True).landing_names == ("main/topic", "main")


@pytest.mark.parametrize("name", HOOKS)
def test_a_script_is_sound_shell_of_any_kind(name: str) -> None:
    installation = Installation("a 'b'", ("x\ny", "@PATHS@"), ("-n", "$x"), ("a b/'c'.ini",), python="/usr/bin/py thon")
    block = hook_block(name, installation)
    script = hook_script(name, {installation.key: block})
    for shell in ("sh", "dash", "bash"):
        if subprocess.run(["which", shell], capture_output=True, check=False).returncode == 0:
            subprocess.run([shell, "-n"], input=script, text=True, check=True)
    assert "':(top,literal)@PATHS@'" in script
    assert blocks_of(script) == {installation.key: block}
    assert script.endswith("exit 0\n" if name in TELLING else "exit $failed\n")


def test_a_project_whose_files_are_gone_can_be_uninstalled(parted: Checkout) -> None:
    """By the name of its config file; what other projects have in the hooks stays."""
    other = parted.top / "other.ini"
    other.write_text((parted.root / "alembic.ini").read_text())
    assert parted.branchmig("hooks", "install").exit_code == 0
    assert parted.branchmig("-c", "other.ini", "hooks", "install").exit_code == 0
    other.unlink()
    assert parted.branchmig("-c", "another.ini", "hooks", "uninstall").exit_code == 3
    assert "pre-push" in parted.branchmig("-c", "other.ini", "hooks", "uninstall").stderr
    assert parted.branchmig("hooks", "status").exit_code == 0
    (parted.root / "alembic.ini").unlink()
    assert "pre-push" in parted.branchmig("hooks", "uninstall").stderr
    assert not (parted.top / ".git/hooks/pre-push").exists()

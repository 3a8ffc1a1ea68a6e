"""What runs code or moves a database is agreed to in the clone; a branch only suggests, and can only lower it."""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from branchmig.commands.shared.hook_work import work
from branchmig.errors import ConfigurationError
from branchmig.project.config import ConfigFiles
from branchmig.project.consent import following, follows_bisect, scratch_url, unasked
from branchmig.project.header_import import runs_headers
from branchmig.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Checkout


def project_with(checkout: Checkout, *lines: str) -> Project:
    """Return the project with some settings in the file of its work tree."""
    ini = checkout.root / "alembic.ini"
    text = ini.read_text().partition("[branchmig]")[0]
    ini.write_text("\n".join([text.rstrip(), "[branchmig]", *lines, ""]))
    return Project.open(ConfigFiles(ini, checkout.root / "pyproject.toml"))


def may_run(project: Project) -> bool:
    return runs_headers(project.config, project.repository)


CASES = [
    # (the clone, the file, what hooks do)
    *[(None, None, "tell"), (None, "tell", "tell"), (None, "auto", "tell"), (None, "off", "off")],
    *[("auto", None, "auto"), ("auto", "auto", "auto"), ("auto", "tell", "tell"), ("auto", "off", "off")],
    *[("off", None, "off"), ("off", "auto", "off"), ("tell", "auto", "tell"), ("nonsense", "auto", "tell")],
    ("AUTO", "auto", "auto"),
]


def test_the_file_lowers_what_the_clone_agrees_to_and_never_raises_it(parted: Checkout) -> None:
    found = []
    for clone, file, _ in CASES:
        parted.run("config", "--unset", "branchmig.sync")
        if clone is not None:
            parted.git("config", "branchmig.sync", clone)
        found.append((clone, file, following(project_with(parted, *([f"sync = {file}"] if file else [])))))
    assert found == CASES


def test_a_bisect_is_followed_where_the_clone_says_so(parted: Checkout) -> None:
    assert not follows_bisect(project_with(parted, "sync_bisect = true"))
    parted.git("config", "branchmig.syncBisect", "true")
    assert follows_bisect(project_with(parted, "sync_bisect = true"))
    assert follows_bisect(project_with(parted))
    assert not follows_bisect(project_with(parted, "sync_bisect = false"))


def test_no_reader_runs_a_revision_file_because_a_branch_says_trust_headers(parted: Checkout) -> None:
    mark = parted.top / "mark"
    path = parted.versions / "odd.py"
    path.write_text(f"open({str(mark)!r}, 'w')\nrevision = ''.join(chr(n) for n in (97, 98))\ndown_revision = 'ccc3'\n")
    assert not may_run(project_with(parted, "trust_headers = import"))
    for command in (("heads",), ("guard",), ("report", "--no-sql"), ("graph",), ("history",)):
        parted.branchmig(*command)
        assert not mark.exists(), command
    parted.git("config", "branchmig.trustHeaders", "import")
    assert may_run(project_with(parted, "trust_headers = import"))
    assert not may_run(project_with(parted, "trust_headers = read"))


def test_scratch_url_of_a_branch_alone_is_refused(parted: Checkout) -> None:
    url = "postgresql://app@db/x%%20y"
    edited = project_with(parted, f"scratch_url = {url}")
    assert scratch_url(edited) == "postgresql://app@db/x%20y"  # the user's own edit
    parted.commit("a branch's")
    with pytest.raises(ConfigurationError, match="by this branch alone") as refused:
        scratch_url(edited)
    assert "app@db" not in refused.value.message
    assert parted.branchmig("verify").exit_code == 3
    parted.git("config", "branchmig.scratchUrl", "sqlite://")
    assert scratch_url(edited) == "sqlite://"
    parted.git("config", "--unset", "branchmig.scratchUrl")
    parted.git("switch", "--quiet", "main")
    landed = project_with(parted, f"scratch_url = {url}")
    parted.commit("landed")
    assert scratch_url(landed) == "postgresql://app@db/x%20y"


@pytest.fixture
def strangers(parted: Checkout, tmp_path: Path) -> tuple[Checkout, Path]:
    """A branch of a stranger, just entered, with sync = auto and an env.py that leaves a mark."""
    mark = tmp_path / "mark"
    parted.git("switch", "--quiet", "--create", "strangers", "main")
    parted.write_env(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    project_with(parted, "sync = auto", "sync_bisect = true", "journal = true", "trust_headers = import")
    parted.commit("a stranger's")
    return parted, mark


def hook(checkout: Checkout, *arguments: str) -> list[str]:
    files = ConfigFiles(checkout.root / "alembic.ini", checkout.root / "pyproject.toml")
    commits = [checkout.git("rev-parse", name) for name in arguments]
    return work(files, "post-checkout", [*commits, "1"], [])


def test_a_strangers_branch_with_sync_auto_runs_nothing_and_says_once_how(strangers: tuple[Checkout, Path]) -> None:
    checkout, mark = strangers
    first, second = (hook(checkout, "feature", "strangers") for _ in range(2))
    assert not mark.exists()
    says_how = "git config branchmig.sync auto"
    assert [says_how in "\n".join(lines) for lines in (first, second)] == [True, False]
    assert len(first) == len(second) + 1
    checkout.git("config", "branchmig.sync", "auto")
    hook(checkout, "feature", "strangers")
    assert mark.exists()


def tables(checkout: Checkout) -> set[str]:
    with sqlite3.connect(checkout.url.removeprefix("sqlite:///")) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_hook_writes_a_journal_only_where_the_clone_or_the_target_agrees(parted: Checkout) -> None:
    """The target is not the one that the branch's own settings name."""
    parted.git("config", "branchmig.sync", "auto")
    parted.git("switch", "--quiet", "--create", "strangers", "main")
    project_with(parted, "journal = true", "target = strangers")
    parted.commit("a stranger's")
    before = tables(parted)
    hook(parted, "feature", "strangers")
    written = tables(parted) - before
    assert (parted.rows(), {name for name in written if "journal" in name}) == (["bbb2"], set()), written
    parted.table("ddd4", "bbb2")
    parted.git("config", "branchmig.journal", "true")
    hook(parted, "feature", "strangers")
    assert any("journal" in name for name in tables(parted)), tables(parted)
    assert parted.rows() == ["ddd4"]


def test_a_hook_writes_the_journal_that_the_target_has_and_the_branch_can_switch_it_off(parted: Checkout) -> None:
    parted.git("switch", "--quiet", "main")
    project_with(parted, "journal = true")
    parted.commit("landed")
    assert unasked(project_with(parted, "journal = true")).config.settings.journal
    assert not unasked(project_with(parted, "journal = false")).config.settings.journal


def test_hooks_install_and_adopt_offer_what_the_project_suggests(
    strangers: tuple[Checkout, Path],
) -> None:
    checkout, _ = strangers
    says = checkout.branchmig("hooks", "install")
    assert says.stderr.splitlines()[-1] == (
        "The project suggests that the database follows the checkout; to set that in this clone: "
        "git config branchmig.sync auto"
    )
    assert checkout.run("config", "branchmig.sync").stdout == ""
    assert checkout.branchmig("hooks", "install", "-y").exit_code == 0
    assert checkout.git("config", "--local", "branchmig.sync") == "auto"
    checkout.git("config", "--unset", "branchmig.sync")
    checkout.branchmig("hooks", "uninstall")
    agreed = checkout.branchmig("adopt", "--yes")
    assert agreed.exit_code == 0, agreed
    assert checkout.git("config", "--local", "branchmig.sync") == "auto"
    project_with(checkout, "sync = tell")
    assert "suggests" not in checkout.branchmig("hooks", "install").stderr


def test_what_branchmig_keeps_in_a_clone_is_for_this_user_alone(parted: Checkout) -> None:
    before = os.umask(0)
    try:
        assert parted.branchmig("heads", "--at", "main").exit_code == 0
        assert parted.branchmig("audit", "--format", "json").exit_code in (0, 3)
    finally:
        os.umask(before)
    for folder, _, files in os.walk(parted.top / ".git" / "branchmig"):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700, folder
        for name in files:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600, name

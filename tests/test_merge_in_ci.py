"""In CI, `merge` and `revision` take template, hooks and settings from the target branch; elsewhere the work tree's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.repositories import Checkout

HOOKS = "\n[post_write_hooks]\nhooks = evil\nevil.type = exec\nevil.executable = touch\nevil.options = {mark}\n"


@pytest.fixture
def hostile(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Feature, with main merged into it, changes the template, adds a hook, and turns its location into a package."""
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_BASE_REF"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for cache, name in ((sys.modules, "migrations"), (sys.path_importer_cache, ".")):
        monkeypatch.delitem(cache, name, raising=False)  # what another project left in this process
    mark = parted.root / "mark"
    template = parted.migrations / "script.py.mako"
    template.write_text(f"<% open({str(mark)!r}, 'w').close() %>\n{template.read_text()}")
    ini = parted.root / "alembic.ini"
    text = (
        ini.read_text()
        .replace("%(here)s/migrations", "migrations:.")
        .replace("[alembic]", "[alembic]\nprepend_sys_path = .")
    )
    ini.write_text(f"{text}file_template = evil_%%(rev)s\n{HOOKS.format(mark=mark)}")
    (parted.migrations / "__init__.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    (parted.versions / "__init__.py").write_text("")
    parted.commit("hostile")
    parted.git("merge", "--quiet", "--no-edit", "main")
    return parted


@pytest.mark.parametrize("variable", ["CI", "GITHUB_ACTIONS", "GITLAB_CI"])
def test_in_ci_nothing_of_the_checkout_is_run_and_merge_says_so(
    hostile: Checkout, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "true")
    merged = hostile.branchmig("merge", "--rev-id", "eee5", "-m", "join")
    assert merged.exit_code == 0, merged
    assert not (hostile.root / "mark").exists()
    assert "Template, post-write hooks and settings are those of main, not of this checkout.\n" in merged.stderr
    assert [path.name for path in hostile.versions.glob("*eee5*")] == ["eee5_join.py"]
    assert hostile.heads() == ["eee5"]


def test_elsewhere_the_work_tree_s_template_and_hooks_are_used(hostile: Checkout) -> None:
    merged = hostile.branchmig("merge", "--rev-id", "eee5", "-m", "join")
    assert merged.exit_code == 0, merged
    assert (hostile.root / "mark").exists()
    assert [path.name for path in hostile.versions.glob("*eee5*")] == ["evil_eee5.py"]


def test_in_ci_env_py_is_not_run_for_a_template_either(hostile: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    hostile.write_env(f"open({str(hostile.root / 'mark')!r}, 'w').close()\n")
    ini = hostile.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("[alembic]", "[alembic]\nrevision_environment = true"))
    assert hostile.branchmig("merge").exit_code == 0  # the target's settings do not ask for it
    assert not (hostile.root / "mark").exists()


def test_in_ci_a_template_that_the_target_lacks_is_not_replaced_by_the_checkouts(
    hostile: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    hostile.git("switch", "--quiet", "main")
    (hostile.migrations / "script.py.mako").unlink()
    hostile.commit("no template")
    hostile.git("switch", "--quiet", "feature")
    refused = hostile.branchmig("merge")
    assert (refused.exit_code, "main has no script.py.mako" in refused.stderr) == (3, True), refused
    assert not (hostile.root / "mark").exists()


def test_in_ci_without_a_difference_nothing_is_said(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    parted.git("merge", "--quiet", "--no-edit", "main")
    merged = parted.branchmig("merge", "--rev-id", "eee5")
    assert (merged.exit_code, "Template" in merged.stderr) == (0, False), merged


def test_in_ci_a_new_revision_has_the_targets_template_too(hostile: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    written = hostile.branchmig("revision", "--rev-id", "eee5", "-m", "next", "--head", "ccc3")
    assert written.exit_code == 0, written
    assert not (hostile.root / "mark").exists()
    assert "settings are those of main, not of this checkout.\n" in written.stderr
    assert [path.name for path in hostile.versions.glob("*eee5*")] == ["eee5_next.py"]


def test_in_ci_what_the_job_itself_has_written_is_used(parted: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that a test of a pull request makes, or settings that a job writes: git tracks neither."""
    monkeypatch.setenv("CI", "true")
    template = parted.migrations / "script.py.mako"
    new = parted.root / "new"
    new.mkdir()
    (new / "script.py.mako").write_text(f"# the job's\n{template.read_text()}")
    (new / "versions").mkdir()
    ini = parted.root / "own.ini"
    ini.write_text((parted.root / "alembic.ini").read_text().replace("/migrations", "/new"))
    written = parted.branchmig("-c", "own.ini", "revision", "--rev-id", "eee5")
    assert (written.exit_code, "Template" in written.stderr) == (0, False), written
    assert (new / "versions" / "eee5_.py").read_text().startswith("# the job's\n")
    parted.git("add", "own.ini", "new/script.py.mako")
    refused = parted.branchmig("-c", "own.ini", "revision", "--rev-id", "fff6")
    assert (refused.exit_code, "main has no script.py.mako" in refused.stderr) == (3, True), refused

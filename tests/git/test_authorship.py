"""Who wrote revision files: few are asked one by one, many in one walk, and both say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from branchmig.git import authorship
from branchmig.git.authorship import authorships, blame
from branchmig.git.history import origins
from branchmig.git.repository import Repository
from branchmig.git.targets import target_refs
from branchmig.model import Origin

if TYPE_CHECKING:
    from tests.repositories import Checkout

FOLDER = "migrations/versions"


def repository_of(repo: Checkout) -> Repository:
    repository = Repository.discover(repo.top)
    assert repository is not None
    return repository


def known(repo: Checkout, *names: str, sides: tuple[str, ...] = ("HEAD",)) -> dict[str, Origin]:
    repository = repository_of(repo)
    paths = [f"{FOLDER}/{name}.py" for name in names]
    found = authorships(repository, paths, sides, [FOLDER])
    return {path.removeprefix(f"{FOLDER}/").removesuffix(".py"): item for path, item in found.items()}


@pytest.fixture
def team(parted: Checkout) -> Checkout:
    """The parted checkout; feature also has 'mmm5', which its merge with main itself added, and lost 'ddd4'."""
    parted.revision("ddd4", "ccc3")
    parted.commit("renamed later", "--author=Dana <dana@example.com>")
    parted.git("mv", f"{FOLDER}/ddd4.py", f"{FOLDER}/ddd4_renamed.py")
    parted.commit("rename")
    parted.git("merge", "--quiet", "--no-commit", "main")
    parted.revision("mmm5", "bbb2", "ddd4")
    parted.commit("merge")
    return parted


@pytest.mark.parametrize("few", [0, 100])
def test_each_file_has_the_commit_that_added_it(team: Checkout, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorship, "FEW", few)
    team.revision("new6", "mmm5")

    def by_ada(branch: str, ref: str) -> Origin:
        return Origin(branch, team.git("rev-parse", ref), "Ada Author", "2026-01-05")

    assert known(team, "aaa1", "bbb2", "ccc3", "ddd4_renamed", "mmm5", "new6") == {
        "aaa1": by_ada("main", "main~1"),
        "bbb2": by_ada("main", "main"),
        "ccc3": by_ada("feature", "feature~3"),
        "ddd4_renamed": by_ada("feature", "feature~1"),
        "mmm5": by_ada("feature", "feature"),
        "new6": Origin("feature"),
    }


@pytest.mark.parametrize("few", [0, 100])
def test_a_merge_commit_that_changed_a_file_did_not_add_it(
    parted: Checkout, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `git merge --no-commit main`, `branchmig rebase`, `git commit`."""
    monkeypatch.setattr(authorship, "FEW", few)
    parted.git("merge", "--quiet", "--no-commit", "main")
    parted.revision("ccc3", "bbb2")
    parted.commit("merge")
    assert known(parted, "ccc3")["ccc3"].commit == parted.git("rev-parse", "feature~1")
    (origin,) = origins(repository_of(parted), [f"{FOLDER}/ccc3.py"], ["HEAD"]).values()
    assert origin.commit == parted.git("rev-parse", "feature~1")


@pytest.mark.parametrize("few", [0, 100])
@pytest.mark.parametrize("target", ["main", "develop"])
def test_what_has_landed_is_named_after_where_it_landed(
    parted: Checkout, target: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a merge commit, while its old branch is still there; also where the settings alone say what the target is."""
    monkeypatch.setattr(authorship, "FEW", few)
    parted.git("switch", "--quiet", *(("--create", "develop") if target == "develop" else ()), "main")
    parted.git("merge", "--quiet", "feature")
    paths = [f"{FOLDER}/ccc3.py"]
    repository = repository_of(parted)
    targets = target_refs(repository, target)
    for found in (
        authorships(repository, paths, ("HEAD",), [FOLDER], targets),
        origins(repository, paths, ["HEAD"], targets),
    ):
        assert [item.branch for item in found.values()] == [target]
    # A merge revision is named after the branches that its parents were made on.
    assert [origin.branch for origin in origins(repository, paths, ["HEAD"]).values()] == ["feature"]


@pytest.mark.parametrize("zone", ["+1400", "-1100"])
def test_a_commit_has_one_date_wherever_it_is_shown(repo: Checkout, zone: str) -> None:
    repo.revision("aaa1")
    repo.environment["GIT_AUTHOR_DATE"] = f"2026-01-05T12:00:00 {zone}"
    repo.commit()
    ((_, _, date), *_) = authorship.blame(repository_of(repo), f"{FOLDER}/aaa1.py", None)
    assert date == known(repo, "aaa1")["aaa1"].date == "2026-01-05"


def test_both_sides_of_a_merge_preview_are_looked_in(parted: Checkout) -> None:
    assert known(parted, "bbb2")["bbb2"] == Origin("feature")
    told = known(parted, "bbb2", sides=("HEAD", "main"))["bbb2"]
    assert (told.branch, told.commit) == ("main", parted.git("rev-parse", "main"))


def test_before_the_first_commit_nothing_is_committed(repo: Checkout) -> None:
    repo.revision("aaa1")
    assert known(repo, "aaa1") == {"aaa1": Origin("main")}


def test_a_name_with_odd_letters(repo: Checkout) -> None:
    repo.revision("aaa1", name="a b\n\u00e9\x01.py")
    repo.commit("odd", "--author=A \x02 B <a@example.com>")
    told = known(repo, "a b\n\u00e9\x01")["a b\n\u00e9\x01"]
    assert (told.author, told.commit) == ("A \x02 B", repo.git("rev-parse", "HEAD"))


def test_blame_has_a_commit_for_each_line(parted: Checkout) -> None:
    repository = Repository.discover(parted.top)
    assert repository is not None
    path = parted.versions / "ccc3.py"
    text = path.read_text()
    path.write_text(text.replace("step ccc3", "better words"))
    parted.commit("words", "--author=Bo <bo@example.com>")
    path.write_text(path.read_text() + "# mine\n")
    name = f"{FOLDER}/ccc3.py"
    first, *rest, last = blame(repository, name, None)
    assert first == (parted.git("rev-parse", "HEAD"), "Bo", "2026-01-05")
    assert set(rest) == {(parted.git("rev-parse", "HEAD~1"), "Ada Author", "2026-01-05")}
    assert last == ("", "", "")
    assert blame(repository, name, "HEAD") == [first, *rest]
    assert blame(repository, "nothing.py", "HEAD") == []

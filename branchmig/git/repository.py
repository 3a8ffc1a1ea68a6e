"""One git repository, asked through plumbing commands: never through a shell, always NUL-separated."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from branchmig.errors import GitError
from branchmig.git.ref_files import id_in_file, is_surely_missing

# What `git rev-parse --local-env-vars` prints: variables that tie a process to one repository. A hook has some of
# them set, and GIT_DIR there overrides even `git -C OTHER`.
_LOCAL_VARIABLES = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_OBJECT_DIRECTORY", "GIT_DIR", "GIT_WORK_TREE"),
    *("GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE"),
    *("GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR"),
)

# Settings given by the environment, as `git -c` and CI runners do (safe.directory above all). git takes them away
# only for a process that works in another repository than the one it was called for.
_GIVEN_SETTINGS = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")

# What git runs by itself, and what reading needs none of: monitors, hooks for a changed index or ref, gpg.
# `rev-parse` and `config` answer what the user has set.
_QUIET = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "log.showSignature=false")
_ASKING = frozenset({"config", "rev-parse", "version"})
# The commands that look at the content of files, which a filter may convert or a driver may merge.
_CONVERTING = frozenset({"blame", "diff", "diff-files", "diff-index", "merge-tree", "update-index"})
_COMMANDS = r"(?s:filter\..*\.(clean|smudge|process|required)|merge\..*\.driver)\Z"
# The values with which such a setting runs no program of the user's: an empty command is none.
_REPLACEMENTS = {
    "BRANCHMIG_NO_COMMAND": "",
    "BRANCHMIG_NOT_REQUIRED": "false",
    "BRANCHMIG_TEXT_MERGE": "git merge-file --marker-size=%L %A %O %B",
}

# The flags stand between the paths, which may hold a newline. --path-format=absolute would need git 2.31, and an
# older git needs an error in words.
_FACTS = (
    *("--is-bare-repository", "--absolute-git-dir", "--is-shallow-repository", "--git-common-dir"),
    *("--is-inside-work-tree", "--show-toplevel"),
)
_FACTS_ANSWER = re.compile(
    rb"""(?P<is_bare>true|false)\n(?P<git_dir>.*?)\n(?P<is_shallow>true|false)\n(?P<common_dir>.*?)\n(?:true|false)\n
    (?P<top>.*?)\n?\Z""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Repository:
    """A repository and the environment in which its git is run. `top` is the work tree's, resolved."""

    top: Path
    git_dir: Path
    common_dir: Path
    is_shallow: bool
    environment: Mapping[str, str] = field(repr=False)
    is_bare: bool = False

    @classmethod
    def discover(cls, folder: Path) -> Repository | None:
        """Return the repository whose work tree holds `folder`, or None.

        Inside a hook of that very repository its environment is kept, the index that git is about to commit included;
        that of any other repository is left behind. GIT_DIR and GIT_WORK_TREE name the repository where the folder is
        in that work tree, and in no repository below it; GIT_DIR alone where the folder is in no other work tree.
        Raises GitError if git is missing, or the repository has no work tree.
        """
        named = cls._named(folder) if "GIT_DIR" in os.environ else None
        try:
            found = cls._holding(folder)
        except GitError:
            if named is None:
                raise
            return named
        # Without GIT_WORK_TREE, a GIT_DIR is most likely that of the hook in which this runs for another repository.
        if named is None or found is None or "GIT_WORK_TREE" not in os.environ or named.git_dir == found.git_dir:
            return found or named
        is_nested = found.top != named.top and _is_below(found.top, named.top)
        return found if is_nested else named

    @classmethod
    def _named(cls, folder: Path) -> Repository | None:
        """Return the repository that the environment names, if its work tree holds `folder`."""
        environment = {name: value for name, value in os.environ.items() if name != "GIT_PREFIX"}
        facts = _FACTS_ANSWER.match(_run(["git", "rev-parse", *_FACTS], environment).stdout)
        if facts is None or not facts["top"]:
            return None
        git_dir, common_dir, top = (
            Path(os.path.realpath(os.fsdecode(facts[name]))) for name in ("git_dir", "common_dir", "top")
        )
        if not _is_below(Path(os.path.realpath(folder)), top):
            return None
        environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(top)}
        if "GIT_INDEX_FILE" in environment:
            environment["GIT_INDEX_FILE"] = os.path.abspath(environment["GIT_INDEX_FILE"])
        return cls(top, git_dir, common_dir, facts["is_shallow"] == b"true", environment)

    @classmethod
    def _holding(cls, folder: Path) -> Repository | None:
        clean = _without_hook(folder)
        clean["GIT_OPTIONAL_LOCKS"] = "0"
        here = _existing(folder)
        if not _may_be_within(here):
            return None  # as in an image, where git may be missing, too
        found = _run(["git", "-C", str(here), "rev-parse", *_FACTS], clean)
        facts = _FACTS_ANSWER.match(found.stdout)
        if facts is None or not (facts["top"] or facts["is_bare"] == b"true"):
            if b"not a git repository" in found.stderr:
                return None
            raise _unreadable(folder, found.stderr)
        git_dir, common_dir, top = (Path(os.fsdecode(facts[name])) for name in ("git_dir", "common_dir", "top"))
        if facts["is_bare"] == b"true":
            raise GitError(
                f"{git_dir} is a bare repository: it has no work tree to read settings from",
                "run this in a clone; on a server, use the pre-receive hook of 'branchmig hooks'",
            )
        common_dir = Path(os.path.realpath(here / common_dir))
        environment = _with_hook(clean, git_dir)
        return cls(Path(os.path.realpath(top)), git_dir, common_dir, facts["is_shallow"] == b"true", environment)

    @classmethod
    def bare(cls, git_dir: Path) -> Repository:
        """Return a server's repository, for its pre-receive hook: with the environment in which git sees the push."""
        here = Path(os.path.realpath(git_dir))
        return cls(here, here, here, False, {**os.environ, "GIT_DIR": str(here), "GIT_OPTIONAL_LOCKS": "0"}, True)

    def run(
        self, *arguments: str, given: bytes = b"", more: Mapping[str, str] | None = None, as_user: bool = False
    ) -> bytes:
        """Run a git command at the work tree's top and return what it prints. Raises GitError if it fails."""
        done = self.attempt(*arguments, given=given, more=more, as_user=as_user)
        if done.returncode:
            raise GitError(f"git {arguments[0]} failed: {words_of(done.stderr)}", "see 'git status'")
        return done.stdout

    def attempt(
        self, *arguments: str, given: bytes = b"", more: Mapping[str, str] | None = None, as_user: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a git command at the work tree's top, however it ends.

        git runs no hook, monitor, filter or driver of the configuration for it, except `as_user`: for what a user
        would do with git.
        """
        quiet = () if as_user or arguments[0] in _ASKING else self._quiet(arguments)
        command = ["git", *quiet, "--literal-pathspecs", "-C", str(self.top), *arguments]
        return _run(command, {**self.environment, **_REPLACEMENTS, **(more or {})}, given)

    def _quiet(self, arguments: Sequence[str]) -> Sequence[str]:
        words = [word for setting in _QUIET for word in ("-c", setting)]
        # diff-index --cached compares the ids of objects and opens no file.
        is_of_ids = arguments[0] == "diff-index" and "--cached" in arguments
        return words if arguments[0] not in _CONVERTING or is_of_ids else [*words, *self._without_conversions]

    @cached_property
    def _without_conversions(self) -> tuple[str, ...]:
        """The options that take away what makes git run a filter or a driver."""
        names = dict.fromkeys(name for name, _ in self.settings if re.match(_COMMANDS, name))
        # Not -c: git would take what follows the first "=" of a filter's name for the value.
        return tuple(f"--config-env={name}={_variable(name)}" for name in names)

    @cached_property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Every setting of git, in the order in which later ones win, as they were when first asked for."""
        entries = [entry.partition("\n") for entry in split(self.attempt("config", "-z", "--list").stdout)]
        return tuple((name, value) for name, _, value in entries)

    @property
    def remotes(self) -> tuple[str, ...]:
        """The names of the remotes."""
        found = (re.fullmatch(r"remote\.(.+)\.url", name, re.DOTALL) for name, _ in self.settings)
        return tuple(dict.fromkeys(name[1] for name in found if name))

    def commit(self, ref: str) -> str | None:
        """Return the id of the commit that a ref, or any name git knows, stands for; None if there is none.

        A name that looks like an option is a name all the same.
        """
        if ref in self._commits:
            return ref
        at = id_in_file(self.git_dir, self.common_dir, ref)
        if at in self._commits or (at is None and is_surely_missing(self.git_dir, self.common_dir, ref)):
            return at
        found = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        commit = found.stdout.decode().strip() or None if found.returncode == 0 else None
        if commit is not None:
            self._commits.add(commit)
        return commit

    @cached_property
    def _commits(self) -> set[str]:
        """The ids that git has said to be commits: an id in full never stands for another object."""
        return set()

    def blobs(self, ids: Sequence[str], more: Mapping[str, str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield each blob with its id, all from one git process. Raises GitError for one that is not there."""
        for wanted, content in self.objects(ids, more):
            if content is None:
                raise GitError(f"object {wanted} is not in the repository", "git fetch, or git fsck")
            yield wanted, content

    def objects(self, ids: Sequence[str], more: Mapping[str, str] | None = None) -> Iterator[tuple[str, bytes | None]]:
        """Yield the content of each object with its id or name, from one process; None for one not there."""
        if not ids:
            return
        if self.is_partial:
            from branchmig.git.partial_clone import fetch_missing

            fetch_missing(self, ids, more)
        answer = self.run("cat-file", "--batch", "--buffer", "-z", given=joined(ids), more=more)
        at = 0
        for wanted in ids:
            # The name comes back, spaces and newlines and all, where it stands for nothing.
            missing = os.fsencode(wanted) + b" missing\n"
            if answer.startswith(missing, at):
                yield wanted, None
                at += len(missing)
                continue
            end = answer.index(b"\n", at)
            size = int(answer[at:end].rpartition(b" ")[2])
            yield wanted, answer[end + 1 : end + 1 + size]
            at = end + size + 2

    def ids_of(self, names: Sequence[str], more: Mapping[str, str] | None = None) -> Iterator[str | None]:
        """Yield the id of the object that each name stands for, from one git process; None where there is none."""
        if self.is_partial:
            from branchmig.git.partial_clone import ids_in_trees

            yield from ids_in_trees(self, names, more)
            return
        words = ["--batch-check=%(objectname)", "--buffer", "-z"]
        answer = os.fsdecode(self.run("cat-file", *words, given=joined(names), more=more))
        at = 0
        for name in names:
            # The name comes back, newlines and all, where it stands for nothing.
            is_missing = answer.startswith(f"{name} missing\n", at)
            end = at + len(name) + len(" missing") if is_missing else answer.index("\n", at)
            yield None if is_missing else answer[at:end]
            at = end + 1

    @property
    def is_partial(self) -> bool:
        """Whether this clone left objects with its remote (`git clone --filter`)."""
        return self.promisor is not None

    @cached_property
    def promisor(self) -> str | None:
        """The remote that has the objects which a partial clone lacks; None for a clone that has them all."""
        if next((self.common_dir / "objects" / "pack").glob("*.promisor"), None) is None:
            return None  # a clone with a filter has at least one pack of this kind; to look costs no process
        found = self.attempt("config", "-z", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$")
        for entry in split(found.stdout):
            name, _, value = entry.partition("\n")
            if name == "extensions.partialclone":
                return value
            if value != "false":
                return name.removeprefix("remote.").removesuffix(".promisor")
        return None

    def from_top(self, path: str) -> str:
        """Return a path in the work tree from its top; others as they are."""
        return path.removeprefix(f"{self.top}/")

    def setting(self, name: str) -> str | None:
        """Return the value of a git setting, or None."""
        found = self.attempt("config", "--get", name)
        return os.fsdecode(found.stdout).rstrip("\n") if found.returncode == 0 else None

    def path(self, name: str) -> Path:
        """Return where git keeps something of its own (`hooks`, `rebase-merge`): `git rev-parse --git-path`."""
        found = self.run("rev-parse", "--git-path", name)
        return self.top / os.fsdecode(found).rstrip("\n")

    @property
    def version(self) -> str:
        """The version of git, e.g. `2.39.5`."""
        return self.run("version").decode().split()[2]


def _variable(name: str) -> str:
    """Return the variable that holds the value to replace that of a setting with."""
    if name.startswith("merge."):
        return "BRANCHMIG_TEXT_MERGE"
    return "BRANCHMIG_NOT_REQUIRED" if name.endswith(".required") else "BRANCHMIG_NO_COMMAND"


def split(output: bytes) -> list[str]:
    """Split NUL-separated output into names, whatever bytes they hold."""
    return [os.fsdecode(part) for part in output.split(b"\0") if part]


def joined(names: Iterable[str]) -> bytes:
    """Join names with NULs, as git's `-z --stdin` reads them."""
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def _without_hook(folder: Path) -> dict[str, str]:
    """Return the environment without what ties a process to one repository."""
    clean = {name: value for name, value in os.environ.items() if name not in _LOCAL_VARIABLES}
    given = os.environ.get("GIT_DIR")
    if given is None or not any(name in clean for name in _GIVEN_SETTINGS):
        return clean
    found = _run(["git", "-C", str(_existing(folder)), "rev-parse", "--absolute-git-dir"], clean)
    if os.path.realpath(os.fsdecode(found.stdout).rstrip("\n")) == os.path.realpath(given):
        return clean
    return {name: value for name, value in clean.items() if name not in _GIVEN_SETTINGS}


def _unreadable(folder: Path, stderr: bytes) -> GitError:
    words = words_of(stderr)
    if b"dubious ownership" in stderr:
        import shlex

        top = re.search(r"repository at '(.*?)'", words)
        where = top[1] if top else str(folder)
        return GitError(
            f"git does not read {where}: its files belong to another user (dubious ownership)",
            f"if you trust them: git config --global --add safe.directory {shlex.quote(where)}",
        )
    return GitError(f"git cannot read {folder}: {words}", "see 'git status' there")


def _is_below(path: Path, top: Path) -> bool:
    """Return whether a path is a folder, or is below it."""
    return path == top or top in path.parents


def _may_be_within(folder: Path) -> bool:
    """Return whether git could find a repository from a folder upwards: a work tree has .git, a bare one HEAD."""
    real = Path(os.path.realpath(folder))
    return any(os.path.lexists(place / name) for place in (real, *real.parents) for name in (".git", "HEAD"))


def _existing(folder: Path) -> Path:
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _with_hook(clean: dict[str, str], git_dir: Path) -> dict[str, str]:
    """Add the variables of a running hook if the hook is this repository's: without GIT_INDEX_FILE,
    `git commit PATH` would be read with the wrong set of files."""
    index, given = os.environ.get("GIT_INDEX_FILE"), os.environ.get("GIT_DIR")
    home = given or (os.path.dirname(os.path.realpath(index)) if index is not None else None)
    if home is None or os.path.realpath(home) != os.path.realpath(git_dir):
        return clean
    names = (*_LOCAL_VARIABLES, *_GIVEN_SETTINGS)
    kept = {name: os.environ[name] for name in names if name in os.environ and name != "GIT_PREFIX"}
    if index is not None:
        kept["GIT_INDEX_FILE"] = os.path.abspath(index)
    if given:
        kept["GIT_DIR"] = os.path.abspath(given)
    return clean | kept


def _run(
    command: Sequence[str], environment: Mapping[str, str], given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    env = {**environment, "LC_ALL": "C"}
    try:
        return subprocess.run(command, input=given, capture_output=True, env=env, check=False)
    except FileNotFoundError as error:
        raise GitError("git is not installed, or not on PATH", "install git 2.38 or newer") from error
    except OSError as error:  # a file that may not be executed, or no descriptor is left
        raise GitError(f"git cannot be run: {error.strerror}", "does 'git --version' work here?") from error


def words_of(output: bytes) -> str:
    """Return what git printed as one line for a message."""
    return " ".join(os.fsdecode(output).split()) or "no reason given"

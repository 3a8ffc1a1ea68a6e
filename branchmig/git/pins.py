"""Pins: refs of branchmig's own that keep the files of applied revisions from being collected by git.

A pin is a commit without parents under refs/branchmig/pins/, one for each database. Its tree holds the files at their
paths; its message ends with a line of JSON that says which of them are revisions, and of which database. Nothing here
touches the index, the work tree or HEAD, or runs a hook.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from branchmig.errors import GitError
from branchmig.git.history import PRIVATE_REFS, current_branch, listed_refs
from branchmig.git.places import NOBODY
from branchmig.git.repository import Repository, joined, words_of
from branchmig.git.targets import target_branch
from branchmig.git.write_index import Write, log_writes

PINS = f"{PRIVATE_REFS}pins/"
KEPT_PINS = f"{PRIVATE_REFS}kept/"
"""Below it are the pins of states that are set aside, each in a folder named after its state."""
FORMAT = 1
MOST_STALLS = 5
"""Attempts to write a ref that fail though nobody else has written it; git waits for a lock each time."""
LONGEST_NAME = 40
"""Letters of a database's name in its ref: the end, where a URL has the name itself."""
RECENT = 200
"""Commits of HEAD that are looked through for who wrote a file."""

# A reflog would keep, for a time, what a pin no longer does, and a hook of the user's would hear of it.
_QUIETLY = ("-c", "core.logAllRefUpdates=false", "-c", f"core.hooksPath={os.devnull}")


@dataclass(frozen=True, slots=True)
class Pin:
    """What keeps the revisions of one database, `when` being ISO 8601; all but `ref` and `commit` empty if unreadable.

    `kept` are the revisions, `files` the blobs of all files by path, those beside the revisions included.
    """

    ref: str
    commit: str
    database: str
    revisions: tuple[str, ...]
    when: str
    kept: Mapping[str, Write] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)


def ref_of(database: str) -> str:
    """Return the ref of a database's pin: readable, and no two databases' the same."""
    words = re.findall(r"[a-z0-9]+", database.lower())
    while len("-".join(words)) > LONGEST_NAME:
        words = words[1:]
    slug = "-".join(words)
    digest = hashlib.blake2b(database.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{PINS}{slug}-{digest}" if slug else f"{PINS}{digest}"


def write_pin(
    repository: Repository,
    database: str,
    files: Mapping[str, str],
    revisions: Mapping[str, str],
    when: str,
    before: Pin | None,
) -> Pin | None:
    """Make the pin of a database keep just these files; without revisions, drop it and return None.

    `database` names it without a password; `files` are blobs by path from the top, `revisions` the path of each
    revision, among them; `before` is the pin as pin_of has just given it. What that says already is not written again.
    If another process changes the pin meanwhile, what that one keeps is kept too: too much is harmless, and goes with
    the next call. Raises GitError where the repository cannot be written to, or lacks a blob.
    """
    seen = before
    kept = {revision: Write(0, "", "", path, files[path]) for revision, path in revisions.items()}
    wanted = Pin(ref_of(database), "", database, tuple(sorted(kept)), when, kept, dict(files) if kept else {})
    wanted = ours = _with_origins(repository, wanted, before)
    stalls = 0
    while _says(wanted) != _says(seen):
        commit = _commit(repository, wanted) if wanted.kept else None
        words = _update(repository, wanted.ref, commit, seen.commit if seen else None)
        if not words:
            return replace(wanted, commit=commit) if commit else None
        now = pin_of(repository, database)
        stalls += now == seen
        if stalls == MOST_STALLS:
            hint = "see 'git fsck', and who may write to the repository"
            raise GitError(f"git cannot write {wanted.ref}: {words}", hint)
        wanted, seen = ours if now is None or now == before else _joined(ours, now), now
    return seen


def pin_of(repository: Repository, database: str) -> Pin | None:
    """Return the pin of a database, or None."""
    return next(iter(_read(repository, ref_of(database))), None)


def pins(repository: Repository) -> list[Pin]:
    """Return every pin, by ref."""
    return _read(repository, PINS.rstrip("/"))


def is_pin(repository: Repository, commit: str) -> bool:
    """Return whether a commit is that of a pin."""
    return bool(listed_refs(repository, "--count=1", f"--points-at={commit}", PINS.rstrip("/")))


def pinned_revisions(pin: Pin) -> dict[str, tuple[str, str]]:
    """Return path and blob of each revision that a pin keeps."""
    return {revision_id: (kept.path, kept.blob) for revision_id, kept in pin.kept.items()}


def drop_pin(repository: Repository, pin: Pin) -> None:
    """Delete a pin. Raises GitError if it is no longer as it was read, or cannot be deleted."""
    words = _update(repository, pin.ref, None, pin.commit)
    if words:
        raise GitError(f"git cannot delete {pin.ref}: {words}", "look again: branchmig pins")


def pin_commits(repository: Repository, databases: Collection[str]) -> dict[str, str]:
    """Return the commit of each database's pin, where it has a pin."""
    refs = {ref_of(database): database for database in databases}
    words = ("for-each-ref", "--format=%(objectname) %(refname)", *refs)
    listed = repository.run(*words) if refs else b""
    found = (os.fsdecode(line).split(" ", 1) for line in listed.splitlines())
    return {refs[ref]: commit for commit, ref in found}


def keep_pins(repository: Repository, state: str, commits: Mapping[str, str]) -> None:
    """Keep commits of pins, by database, for as long as a state is set aside. Raises GitError."""
    _set_refs(repository, {_kept_ref(state, database): commit for database, commit in commits.items() if commit})


def exchange_pins(
    repository: Repository, put: str, kept: Mapping[str, str], gone: str | None, restored: Mapping[str, str]
) -> None:
    """Keep the pins of the state `put`, and make others the pins of their databases; an empty commit is none.

    `gone` is a state that keeps its pins no longer. All is done, or nothing. Raises GitError.
    """
    refs = {_kept_ref(put, database): commit for database, commit in kept.items() if commit}
    refs |= {ref_of(database): commit for database, commit in restored.items()}
    refs |= {_kept_ref(gone, database): "" for database in restored if gone is not None}
    _set_refs(repository, refs)


def drop_kept_pins(repository: Repository, state: str) -> None:
    """Let go of what a state had kept. Raises GitError."""
    listed = repository.run("for-each-ref", "--format=%(refname)", f"{KEPT_PINS}{state}")
    _set_refs(repository, dict.fromkeys(os.fsdecode(listed).split(), ""))


def _kept_ref(state: str, database: str) -> str:
    return f"{KEPT_PINS}{state}/{ref_of(database).removeprefix(PINS)}"


def _set_refs(repository: Repository, commits: Mapping[str, str]) -> None:
    """Set refs, or delete those whose commit is empty, in one transaction of git."""
    lines = [f"update {ref} {commit}\n" if commit else f"delete {ref}\n" for ref, commit in commits.items()]
    if lines:
        repository.run(*_QUIETLY, "update-ref", "--no-deref", "--stdin", given="".join(lines).encode(), more=NOBODY)


def _says(pin: Pin | None) -> object:
    """Return what a pin says, but for when and who."""
    return None if pin is None or not pin.kept else (pin.database, pinned_revisions(pin), dict(pin.files))


def _joined(wanted: Pin, other: Pin) -> Pin:
    """Return a pin that keeps what both keep; where both have a file or a revision, as the first has it."""
    files = {**other.files, **wanted.files}
    others = {name: kept for name, kept in other.kept.items() if files[kept.path] == kept.blob}
    kept = {**others, **wanted.kept}
    return replace(wanted, revisions=tuple(sorted(kept)), kept=kept, files=files)


def _with_origins(repository: Repository, wanted: Pin, before: Pin | None) -> Pin:
    """Add who wrote each file and on which branch: as the pin before says, else as the last commits of HEAD do."""
    old = before.kept if before else {}
    known = {name: old[name] for name, kept in wanted.kept.items() if name in old and old[name].blob == kept.blob}
    kept = {name: known.get(name, new)._replace(path=new.path) for name, new in wanted.kept.items()}
    fresh = kept.keys() - known.keys()
    if fresh:
        branch = current_branch(repository)
        target = target_branch(repository, None)
        revisions = ["HEAD", *([f"^{target}"] if target else [])]
        writes, _ = log_writes(repository, [f"--max-count={RECENT}"], revisions, ())
        found = {(write.path, write.blob): write for write in reversed(writes)}
        for name in fresh:
            write = found.get((kept[name].path, kept[name].blob))
            if write is not None:
                kept[name] = kept[name]._replace(branch=branch, commit=write.commit, author=write.author)
    return replace(wanted, kept=kept)


def _read(repository: Repository, pattern: str) -> list[Pin]:
    found = listed_refs(repository, pattern)
    contents = repository.objects([commit for commit, _, _ in found])
    return [
        _parsed(ref, commit, content or b"") for (commit, _, ref), (_, content) in zip(found, contents, strict=True)
    ]


def _parsed(ref: str, commit: str, content: bytes) -> Pin:
    try:
        said: dict[str, Any] = json.loads(content.rstrip().rpartition(b"\n")[2])
        kept = {revision: Write(0, **facts) for revision, facts in said["revisions"].items()}
        if said["version"] == FORMAT:
            return Pin(ref, commit, said["database"], tuple(sorted(kept)), said["when"], kept, said["files"])
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    # Made by a later version, or by hand: it is listed and can be dropped, and is not understood.
    return Pin(ref, commit, "", (), "")


def _commit(repository: Repository, pin: Pin) -> str:
    said = {
        "version": FORMAT,
        "database": pin.database,
        "when": pin.when,
        "revisions": {
            name: {key: value for key, value in kept._asdict().items() if key != "time"}
            for name, kept in pin.kept.items()
        },
        "files": dict(pin.files),
    }
    # All ASCII, and without a raw newline or NUL, whatever ids and paths hold.
    message = f"branchmig: files of applied revisions\n\n{json.dumps(said, sort_keys=True)}\n".encode()
    words = ("commit-tree", "--no-gpg-sign", _tree(repository, pin.files))
    return repository.run(*words, given=message, more=NOBODY).decode().strip()


def _tree(repository: Repository, files: Mapping[str, str]) -> str:
    """Write the trees that hold some files and return the topmost: deepest first, one git process for each level."""
    below: dict[str, list[str]] = {"": []}
    for path, blob in files.items():
        folder, _, name = path.rpartition("/")
        below.setdefault(folder, []).append(f"100644 blob {blob}\t{name}")
        while folder:
            folder = folder.rpartition("/")[0]
            below.setdefault(folder, [])
    for depth in range(max(folder.count("/") + 1 for folder in below), 0, -1):
        folders = [folder for folder in below if folder and folder.count("/") + 1 == depth]
        for folder, tree in zip(folders, _trees(repository, [below[folder] for folder in folders]), strict=True):
            parent, _, name = folder.rpartition("/")
            below[parent].append(f"040000 tree {tree}\t{name}")
    return _trees(repository, [below[""]])[0]


def _trees(repository: Repository, trees: Sequence[Sequence[str]]) -> list[str]:
    # An empty entry ends a tree.
    given = b"".join(joined(entries) + b"\0" for entries in trees)
    return repository.run("mktree", "-z", "--batch", given=given).decode().split()


def _update(repository: Repository, ref: str, commit: str | None, before: str | None) -> str:
    """Set or delete a ref that must still be as it was; return git's words if it would not, else nothing."""
    if commit is None and before is None:
        return ""
    change = ["--no-deref", ref, commit, before or ""] if commit else ["--no-deref", "-d", ref, before or ""]
    done = repository.attempt(*_QUIETLY, "update-ref", *change, more=NOBODY)
    return words_of(done.stderr) if done.returncode else ""

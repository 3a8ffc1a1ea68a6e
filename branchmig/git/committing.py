"""Commits made of trees: what a hook adds to a merge, and how HEAD, the index and the work tree follow.

Facts that forced the shape (git 2.39): in post-merge MERGE_HEAD still exists, so `git commit --amend` fails there, and
a plain `git commit` would commit what the user has staged before a fast-forward.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from branchmig.errors import GitError
from branchmig.git.places import Scratch, copied_index
from branchmig.git.repository import Repository, words_of

_SIGNATURE = re.compile(rb"^gpgsig(?:-sha256)? [^\n]*\n(?: [^\n]*\n)*", re.MULTILINE)
_REFLOG = "branchmig: make several heads one"


def tree_with(
    repository: Repository, tree: str, files: Mapping[str, bytes], more: Mapping[str, str] | None = None
) -> str:
    """Write a tree that is another with some files, by path from the top, and return its id.

    A file that is there already keeps its mode. `more` is the environment in which git finds the tree.
    """
    scratch = Scratch()
    own = {**(more or {}), "GIT_INDEX_FILE": os.path.join(scratch.name, "index")}
    repository.run("read-tree", tree, more=own)
    listing = repository.run("ls-files", "-s", "-z", "--", *files, more=own).split(b"\0")
    modes = {os.fsdecode(path): facts[:6] for facts, _, path in (line.partition(b"\t") for line in listing if line)}
    entries = []
    for path, content in files.items():
        blob = repository.run("hash-object", "-w", "--no-filters", "--stdin", given=content, more=more).strip()
        entries.append(modes.get(path, b"100644") + b" " + blob + b"\t" + os.fsencode(path) + b"\0")
    repository.run("update-index", "--add", "-z", "--index-info", given=b"".join(entries), more=own)
    return repository.run("write-tree", more=own).decode().strip()


def tree_of(repository: Repository, commit: str) -> str:
    """Return the id of a commit's tree."""
    return repository.run("rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()


def staged_tree(repository: Repository) -> str:
    """Write what is staged as a tree, and return its id. The index itself is not written to."""
    scratch, more = copied_index(repository)
    written = repository.attempt("write-tree", more=more)
    del scratch
    if written.returncode:
        raise GitError("the index has files in conflict", "resolve them and 'git add' them")
    return written.stdout.decode().strip()


def with_other_tree(repository: Repository, commit: str, tree: str) -> str:
    """Write a commit that is another in everything but its tree, and return its id.

    A commit that was signed is signed again, by the user's settings. Raises GitError where that fails, or where the
    commit has merged a signed tag, of which git would keep the signature in no other way than by merging again.
    """
    content = repository.run("cat-file", "commit", commit)
    headers, _, message = content.partition(b"\n\n")
    lines = headers.split(b"\n")
    if not _SIGNATURE.search(headers + b"\n"):
        lines[0] = b"tree " + tree.encode()
        made = b"\n".join(lines) + b"\n\n" + message
        return _written(repository, "hash-object", "-t", "commit", "-w", "--stdin", given=made)
    if any(line.startswith(b"mergetag ") for line in lines):
        raise GitError(f"{commit[:10]} merges a signed tag, and is signed itself: it cannot be made again", None)
    parents = [line[7:].decode() for line in lines if line.startswith(b"parent ")]
    person = re.compile(rb"author (.*) <(.*)> (\d+ [+-]\d+)")
    author = next(found for line in lines if (found := person.fullmatch(line)))
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE")
    identity = dict(zip(names, map(os.fsdecode, author.groups()), strict=True))
    identity["GIT_AUTHOR_DATE"] = f"@{identity['GIT_AUTHOR_DATE']}"
    return new_commit(repository, tree, parents, message, identity, is_signed=True)


def new_commit(
    repository: Repository,
    tree: str,
    parents: Sequence[str],
    message: bytes,
    more: Mapping[str, str] | None = None,
    *,
    is_signed: bool | None = None,
) -> str:
    """Write a commit, and return its id. It is signed where the user's settings say so, unless `is_signed` says."""
    if is_signed is None:
        asked = repository.attempt("config", "--type=bool", "--get", "commit.gpgSign")
        is_signed = asked.stdout.strip() == b"true"
    words = [*(["-S"] if is_signed else []), *(word for revision_id in parents for word in ("-p", revision_id))]
    return _written(repository, "commit-tree", tree, *words, given=message, more=more)


def message_by_hooks(repository: Repository, message: str) -> bytes:
    """Return a message as the user's commit-msg hook leaves it. Raises GitError where the hook refuses it.

    The hook adds what a server asks for, such as the Change-Id of Gerrit. Before git 2.36, it is not run.
    """
    scratch = Scratch()
    file = Path(scratch.name) / "message"
    file.write_text(message, "utf-8")
    done = repository.attempt("hook", "run", "--ignore-missing", "commit-msg", "--", str(file), as_user=True)
    if done.returncode == 1:
        raise GitError(f"the commit-msg hook refuses it: {words_of(done.stderr)}")
    return file.read_bytes()


def move_head(repository: Repository, old: str, new: str) -> None:
    """Move HEAD, the index and the work tree from a commit to another; what is staged or changed besides stays.

    Raises GitError, with nothing changed, where a file that would change is not as `old` has it, or HEAD has moved.
    """
    move_index(repository, old, new)
    moved = repository.attempt("update-ref", "-m", _REFLOG, "HEAD", new, old, as_user=True)
    if moved.returncode:
        move_index(repository, new, old)
        raise GitError(f"HEAD could not be moved: {words_of(moved.stderr)}", "see 'git status'")


def move_index(repository: Repository, old: str, new: str) -> None:
    """Move the index and the work tree from a tree to another, as a checkout does: sparse as they are."""
    # Without it, files whose time alone has changed would count as changed.
    repository.attempt("update-index", "-q", "--refresh", as_user=True)
    done = repository.attempt("read-tree", "-m", "-u", "--no-recurse-submodules", old, new, as_user=True)
    if done.returncode:
        raise GitError(words_of(done.stderr).removeprefix("error: "), "commit or stash your changes")


def _written(repository: Repository, *words: str, given: bytes, more: Mapping[str, str] | None = None) -> str:
    done = repository.attempt(*words, given=given, more=more, as_user=True)
    if done.returncode:
        raise GitError(f"git {words[0]} failed: {words_of(done.stderr)}", "see 'git status'")
    return done.stdout.decode().strip()

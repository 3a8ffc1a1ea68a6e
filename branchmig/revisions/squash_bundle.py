"""PURE. The old scripts of a squash as one text, for places without git."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from branchmig.errors import RevisionFileError
from branchmig.model import Revision
from branchmig.revisions.fingerprint import fingerprint

FOLDER = "squashed"
"""The folder beside the version folder that bundles are in."""
BUNDLE = "bundle:"
"""What the source of a step begins with whose script is from a bundle."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """The old scripts that a squash took the place of, with the last one's; `files` are their names by revision."""

    revision: str
    commit: str
    revisions: tuple[Revision, ...]
    texts: Mapping[str, bytes]


def bundle_name(revision_id: str) -> str:
    """Return the name of the file that holds the bundle of a squash."""
    return re.sub(r"[^\w.-]", "_", revision_id, flags=re.ASCII) + ".json"


def bundle_text(revision_id: str, commit: str, revisions: Sequence[Revision], texts: Mapping[str, bytes]) -> bytes:
    """Return a bundle; the paths of the revisions are as they are to be called, `texts` are by revision."""
    document = {
        "version": VERSION,
        "revision": revision_id,
        "commit": commit,
        "scripts": [
            {
                "revision": revision.id,
                "down_revision": list(revision.parents),
                "depends_on": list(revision.depends_on),
                "branch_labels": list(revision.labels),
                "replaces": list(revision.replaces),
                "message": revision.message,
                "file": revision.path,
                "digest": fingerprint(texts[revision.id]),
                "text": texts[revision.id].decode("utf-8", "surrogateescape"),
            }
            for revision in revisions
        ],
    }
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode("ascii")


def read_bundle(content: bytes, path: str) -> Bundle:
    """Return the content of a bundle. Raises RevisionFileError for another file, or if its scripts have changed."""
    try:
        document = json.loads(content)
        if document["version"] != VERSION:
            raise ValueError(f"it is of version {document['version']}")
        scripts = [_script(script) for script in document["scripts"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RevisionFileError(
            f"{path} is no bundle of a squash: {error}", "write it again where git is: branchmig squash --bundle"
        ) from error
    for revision, text, digest in scripts:
        if fingerprint(text) != digest:
            raise RevisionFileError(
                f"{path}: the script of {revision.id!r} was changed after the bundle was written",
                "take the bundle from git: git checkout",
            )
    texts = {revision.id: text for revision, text, _ in scripts}
    return Bundle(document["revision"], document["commit"], tuple(revision for revision, _, _ in scripts), texts)


def _script(entry: Any) -> tuple[Revision, bytes, str]:
    parents, depends_on, labels, replaces = (
        tuple(map(str, entry[key])) for key in ("down_revision", "depends_on", "branch_labels", "replaces")
    )
    revision = Revision(
        entry["revision"], parents, depends_on, labels, entry["message"], entry["file"], replaces=replaces
    )
    return revision, entry["text"].encode("utf-8", "surrogateescape"), entry["digest"]

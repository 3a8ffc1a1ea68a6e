"""A squash as text and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchmig.render.documents import VERSION
from branchmig.render.proof import proof_document
from branchmig.render.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from branchmig.effects.proof import Proof
    from branchmig.workflows.squash import Squash

    ShownPath = Callable[[str], str]


def squash_lines(squash: Squash, shown_path: ShownPath, *, is_written: bool) -> Iterator[str]:
    """Return what a squash has written, or would write, and what should be known of it."""
    after = squash.plan.after
    verb = "Squashed" if is_written else "Would squash"
    ids = ", ".join(revision.id for revision in squash.plan.order)
    yield f"{verb} {counted(len(squash.plan.order), 'revision')} into {after.id}: {ids}"
    yield f"  {shown_path(squash.path)}: down_revision {', '.join(after.parents) or None}"
    if squash.removed:
        yield f"  {'deleted' if is_written else 'to be deleted'}: {', '.join(map(shown_path, squash.removed))}"
    if squash.bundle:
        yield f"  old scripts: {shown_path(squash.bundle)}"
    if squash.data_migrations:
        yield f"  data migrations, kept in their order: {', '.join(squash.data_migrations)}"
    for name, reason in squash.as_sql.items():
        yield f"  note: {name} became SQL: {reason}"
    for reason in squash.irreversible:
        yield f"  note: the downgrade() raises: {reason}"
    for branch, text in squash.elsewhere:
        yield f"  note: {text} on {branch} stands on what is gone: after a git merge there, branchmig rebase"


def squash_document(squash: Squash, shown_path: ShownPath, proof: Proof | None, *, is_written: bool) -> dict[str, Any]:
    """Return a squash as a document; `ok` is False where the proof shows that it does something else."""
    after = squash.plan.after
    return {
        "version": VERSION,
        "ok": proof is None or proof.verdict == "equal",
        "revision": after.id,
        "replaces": list(after.replaces),
        "squashed": [revision.id for revision in squash.plan.order],
        "down_revision": list(after.parents),
        "depends_on": list(after.depends_on),
        "branch_labels": list(after.labels),
        "message": squash.message,
        "path": shown_path(squash.path),
        "removed": [shown_path(name) for name in squash.removed],
        "bundle": shown_path(squash.bundle) if squash.bundle else None,
        "data_migrations": list(squash.data_migrations),
        "as_sql": [{"revision": name, "reason": reason} for name, reason in squash.as_sql.items()],
        "irreversible": list(squash.irreversible),
        "standing_elsewhere": [{"branch": branch, "revision": name} for branch, name in squash.elsewhere],
        "proof": proof_document(proof),
        "written": is_written,
    }


def nothing_document() -> dict[str, Any]:
    """Return the document of a range that holds one revision, or none."""
    return {"version": VERSION, "ok": True, "revision": None, "replaces": [], "squashed": [], "written": False}

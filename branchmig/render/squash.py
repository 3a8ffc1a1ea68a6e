"""A squash as text and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from branchmig.model import ShownPath
from branchmig.render.documents import VERSION
from branchmig.render.proof import proof_document
from branchmig.render.text import counted

if TYPE_CHECKING:
    from branchmig.effects.proof import Proof
    from branchmig.workflows.squash import Squash, SquashStatus


def squash_lines(squash: Squash, shown_path: ShownPath, *, is_written: bool) -> Iterator[str]:
    """Return what a squash has written or would write, with notes."""
    after = squash.plan.after
    verb = "Squashed" if is_written else "Would squash"
    ids = _some([revision.id for revision in squash.plan.order])
    yield f"{verb} {counted(len(squash.plan.order), 'revision')} into {after.id}: {ids}"
    yield f"  {shown_path(squash.path)}: down_revision {', '.join(after.parents) or None}"
    if squash.removed:
        yield f"  {'deleted' if is_written else 'to be deleted'}: {_some(list(map(shown_path, squash.removed)))}"
    if squash.bundle:
        yield f"  old scripts: {shown_path(squash.bundle)}"
    if squash.data_migrations:
        yield f"  data migrations, kept in their order: {_some(squash.data_migrations)}"
    for name, reason in squash.as_sql.items():
        yield f"  note: {name} became SQL: {reason}"
    for reason in squash.irreversible:
        yield f"  note: the downgrade() raises: {reason}"
    for branch, text in squash.elsewhere:
        yield f"  note: on {branch}, {text}: after a git merge there: branchmig rebase"


def _some(names: Sequence[str]) -> str:
    """Name all of up to six, else both ends."""
    if len(names) <= 6:
        return ", ".join(names)
    return ", ".join([*names[:2], f"… {len(names) - 3} more …", names[-1]])


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


_STATES = {
    "past": "past it",
    "middle": "in the middle, at {rows}",
    "below": "below it: it will run the squash",
    "unknown": "cannot tell: {reason}",
}


def status_lines(found: Sequence[SquashStatus], shown_path: ShownPath) -> Iterator[str]:
    """Return where databases are, seen from each squash, and whether its old scripts are still needed."""
    if not found:
        yield "No revision of this checkout replaces others."
    for status in found:
        squash, bundle = status.squash, shown_path(status.bundle) if status.bundle else ""
        yield f"{squash.id} replaces {counted(len(squash.replaces), 'revision')}" + (
            f"; bundle: {bundle}" if bundle else ""
        )
        for database in status.databases:
            words = _STATES[database.state].format(rows=", ".join(database.rows), reason=database.reason)
            yield f"  {database.name}: {words}"
        if status.is_in_use:
            yield "  -> the old scripts are needed: run 'branchmig upgrade heads' on the databases in the middle"
        elif status.is_unknown:
            yield "  -> branchmig cannot tell whether the old scripts are needed"
        elif bundle:
            yield f"  -> none of these needs the old scripts; if they are all, the bundle can go: git rm {bundle}"
        else:
            yield "  -> none of these needs the old scripts"


def status_document(found: Sequence[SquashStatus], shown_path: ShownPath) -> dict[str, Any]:
    """Return the same as a document; `may_drop_bundle` is null where that is unknown, and without a bundle."""
    return {
        "version": VERSION,
        "ok": all(status.may_go for status in found),
        "squashes": [
            {
                "revision": status.squash.id,
                "replaces": list(status.squash.replaces),
                "bundle": shown_path(status.bundle) if status.bundle else None,
                "may_drop_bundle": (
                    None if not status.bundle or (status.is_unknown and not status.is_in_use) else status.may_go
                ),
                "databases": [
                    {
                        "name": database.name,
                        "state": database.state,
                        "rows": list(database.rows),
                        "reason": database.reason or None,
                    }
                    for database in status.databases
                ],
            }
            for status in found
        ],
    }

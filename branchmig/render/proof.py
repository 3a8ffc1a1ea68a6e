"""Results of runs on scratch databases, as text and as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from branchmig.effects.proof import Proof, Verification


def proof_lines(proof: Proof) -> list[str]:
    """Return a proof as text: the verdict, the differences, the notes."""
    words = {
        "commutes": "the order does not matter",
        "differs": "the order matters",
        "fails": "one order does not run",
        "nothing-to-compare": "one side brings no revisions",
    }
    first = f"Proof: {proof.verdict} on {proof.dialect}: {words[proof.verdict]}"
    return [first, *(f"  {line}" for line in proof.lines), *(f"  note: {line}" for line in proof.basis)]


def squash_proof_lines(proof: Proof) -> list[str]:
    """Return what running old scripts and a squash of them has shown."""
    words = {
        "equal": "the squash does what the old scripts do",
        "differs": "the squash does something else than the old scripts",
        "fails": "the squash does not run",
    }
    first = f"Proof: {proof.verdict} on {proof.dialect}: {words[proof.verdict]}"
    return [first, *(f"  {line}" for line in proof.lines), *(f"  note: {line}" for line in proof.basis)]


def proof_document(proof: Proof | None) -> dict[str, Any] | None:
    """Return a proof as the field `proof` of a document."""
    if proof is None:
        return None
    return {"dialect": proof.dialect, "verdict": proof.verdict, "detail": proof.detail}


def verification_lines(verification: Verification) -> list[str]:
    """Return what `verify` found as text: a line for each revision, and for each thing that does not hold."""
    broken: dict[str, list[str]] = {}
    for finding in verification.findings:
        broken.setdefault(finding.subject, []).append(finding.text)
    subjects: Sequence[str] = [
        *verification.revisions,
        *(name for name in broken if name not in verification.revisions),
    ]
    lines: list[str] = []
    for subject in subjects:
        lines += [f"FAIL  {subject}: {text}" for text in broken.get(subject, [])] or [f"ok    {subject}"]
    return [*lines, *(f"note: {note}" for note in verification.notes)]


def verification_document(verification: Verification) -> dict[str, Any]:
    """Return what `verify` found as a document."""
    return {
        "version": 1,
        "ok": not verification.findings,
        "dialect": verification.dialect,
        "revisions": list(verification.revisions),
        "findings": [{"subject": finding.subject, "message": finding.text} for finding in verification.findings],
        "notes": list(verification.notes),
    }

"""PURE. The result of running revisions on scratch databases: two sides in both orders, or one branch's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Verdict = Literal["commutes", "differs", "equal", "fails", "nothing-to-compare"]
LONGEST_REASON = 160
"""Letters of a reason that fit into a docstring's one line."""

_BY_WEIGHT: tuple[Verdict, ...] = ("fails", "differs", "nothing-to-compare", "commutes")


@dataclass(frozen=True, slots=True)
class Proof:
    """A verdict for one kind of database: `lines` say what differs or fails, `basis` what the verdict rests on."""

    dialect: str
    verdict: Verdict
    lines: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """All that is known besides the verdict, in one text."""
        return "; ".join((*self.lines, *self.basis))

    @property
    def summary(self) -> str:
        """One line for a docstring: `commutes on sqlite (rows made up for 3 tables)`."""
        reasons = "; ".join(self.lines[:1] if self.lines else self.basis)
        if len(reasons) > LONGEST_REASON:
            reasons = f"{reasons[: LONGEST_REASON - 1]}…"
        more = f"; {len(self.lines) - 1} more" if len(self.lines) > 1 else ""
        return f"{self.verdict} on {self.dialect}" + (f" ({reasons}{more})" if reasons else "")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold, of a revision (or of TOGETHER, or of MODELS), in one line."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a trial: kind of database, findings, notes."""

    dialect: str | None
    revisions: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def joined(proofs: Sequence[tuple[str, Proof]]) -> Proof:
    """Return one proof for several pairs, each with its name: the gravest verdict, with every pair's lines."""
    verdicts = [proof.verdict for _, proof in proofs]
    verdict = min(verdicts, key=_BY_WEIGHT.index)
    if len(proofs) == 1:
        return proofs[0][1]
    lines = tuple(f"{name}: {line}" for name, proof in proofs for line in proof.lines)
    basis = tuple(dict.fromkeys(line for _, proof in proofs for line in proof.basis))
    return replace(proofs[0][1], verdict=verdict, lines=lines, basis=basis)

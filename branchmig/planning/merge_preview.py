"""PURE. Conflicts that git cannot merge, as problems; and hints for a merge that has not happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from branchmig.model import Problem
from branchmig.revisions.escaping import in_shell


def conflict_problem(paths: Sequence[str], words: str, merged_with: str) -> Problem:
    """Return the problem that a conflict is which git itself reports; `paths` are absolute."""
    return Problem("merge-conflict", words, _resolve(merged_with), (), tuple(sorted(paths)))


def previewed(problems: Iterable[Problem], merged_with: str, in_conflict: frozenset[str]) -> list[Problem]:
    """Return the problems of files in a merge that has not happened, with hints that begin with the merge.

    The work tree does not hold what a preview shows: there is nothing to edit or to stage yet. A file that is not
    among the paths `in_conflict` is as a side has it, and keeps its hint.
    """
    return [
        replace(problem, hint=_resolve(merged_with))
        if problem.code == "conflict-markers" or not in_conflict.isdisjoint(problem.paths)
        else problem
        for problem in problems
    ]


def _resolve(merged_with: str) -> str:
    return f"git merge {in_shell(merged_with)}, and resolve the conflict there"

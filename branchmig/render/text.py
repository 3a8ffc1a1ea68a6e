"""Revisions as lines of text, in the words of alembic's own commands, so that scripts which read them go on working."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from branchmig.dag import RevisionDag
from branchmig.model import Plan, Revision, Step


def head_line(dag: RevisionDag, revision: Revision) -> str:
    """`ae10fc (users) (head)`: what `heads` prints."""
    return revision.id + _labels(dag, revision) + _head_mark(dag, revision)


def current_line(dag: RevisionDag, revision: Revision) -> str:
    """`ae10fc (head) (mergepoint)`: what `current` prints."""
    return revision.id + _head_mark(dag, revision) + _junction_marks(dag, revision)


def history_line(dag: RevisionDag, revision: Revision, current: Collection[str] = ()) -> str:
    """`27c6a3, b1fc (1e2d) -> ae10fc (users) (head) (mergepoint), message`: what `history` prints."""
    dependencies = f" ({', '.join(revision.depends_on)})" if revision.depends_on else ""
    marks = _head_mark(dag, revision) + _current_mark(revision, current) + _junction_marks(dag, revision)
    return f"{parents_text(revision)}{dependencies} -> {revision.id}{_labels(dag, revision)}{marks}, {revision.message}"


def branch_lines(dag: RevisionDag, revision: Revision, full: str | None) -> Iterator[str]:
    """A branch point and its children: what `branches` prints. `full` is its whole entry, with --verbose."""
    yield full or revision.id + _labels(dag, revision) + _head_mark(dag, revision) + _junction_marks(dag, revision)
    for child_id in dag.children(revision.id):
        child = dag[child_id]
        line = child.id + _labels(dag, child) + _head_mark(dag, child) + _junction_marks(dag, child)
        yield f"{' ' * len(revision.id)} -> {line}{f', {child.message}' if full else ''}"
    yield ""


def entry(dag: RevisionDag, revision: Revision, docstring: str, current: Collection[str] = ()) -> str:
    """The whole header of a revision: what `show` and every --verbose print."""
    is_merge = dag.is_merge_point(revision.id)
    head = " (head)" if not dag.children(revision.id) else ""
    labels = dag.branch_labels(revision.id)
    lines = [
        f"Rev: {revision.id}{head}{_junction_marks(dag, revision)}{_current_mark(revision, current)}",
        f"{'Merges' if is_merge else 'Parent'}: {parents_text(revision)}",
    ]
    if revision.depends_on:
        lines.append(f"Also depends on: {', '.join(revision.depends_on)}")
    if dag.is_branch_point(revision.id):
        lines.append(f"Branches into: {', '.join(dag.children(revision.id))}")
    if labels:
        lines.append(f"Branch names: {', '.join(labels)}")
    if revision.replaces:
        lines.append(f"Replaces: {', '.join(revision.replaces)}")
    body = "\n".join(f"    {line}" for line in docstring.splitlines())
    return "\n".join([*lines, f"Path: {revision.path}", "", body, ""])


def plan_lines(plan: Plan, *, is_named: bool = False) -> Iterator[str]:
    """A plan, one step a line; `is_named` where its database is one of several."""
    name = f"{plan.database}: " if is_named and plan.database else ""
    if not plan.steps:
        yield f"{name}Nothing to do: the database is at {rows_text(plan.applied)}."
        return
    yield f"{name}{counted(len(plan.steps), 'step')}, from {rows_text(plan.applied)} to {rows_text(plan.heads_after)}:"
    for step in plan.steps:
        yield f"  {step_text(step)}"


def step_text(step: Step) -> str:
    """`upgrade ae10fc -> b1fc42  message`."""
    revision = step.revision
    if revision is None or step.direction == "stamp":
        return f"stamp {rows_text(step.heads_before)} -> {rows_text(step.heads_after)}"
    lower, upper = parents_text(revision), revision.id
    from_, to = (lower, upper) if step.direction == "upgrade" else (upper, lower)
    return f"{step.direction} {from_} -> {to}  {revision.title}".rstrip()


def rows_text(rows: Sequence[str]) -> str:
    """The rows of a version table, or `base` where there is none."""
    return ", ".join(rows) or "base"


def parents_text(revision: Revision) -> str:
    """The parents of a revision, or `<base>`."""
    return ", ".join(revision.parents) or "<base>"


def counted(number: int, noun: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _labels(dag: RevisionDag, revision: Revision) -> str:
    labels = dag.branch_labels(revision.id) if dag.labels else ()
    return f" ({', '.join(labels)})" if labels else ""


def _head_mark(dag: RevisionDag, revision: Revision) -> str:
    if dag.children(revision.id):
        return ""
    return " (effective head)" if dag.children(revision.id, dependencies=True) else " (head)"


def _junction_marks(dag: RevisionDag, revision: Revision) -> str:
    branch = " (branchpoint)" if dag.is_branch_point(revision.id) else ""
    merge = " (mergepoint)" if dag.is_merge_point(revision.id) else ""
    return branch + merge + (f" (replaces {len(revision.replaces)})" if revision.replaces else "")


def _current_mark(revision: Revision, current: Collection[str]) -> str:
    return " (current)" if revision.id in current else ""

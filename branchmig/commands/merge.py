"""`branchmig merge`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from branchmig import terminal
from branchmig.commands.shared.flow import say
from branchmig.commands.shared.options import (
    REVISION,
    branch_label_option,
    message_option,
    pass_invocation,
    rev_id_option,
    splice_option,
)
from branchmig.commands.shared.proving import prove_option, refuse_seed_alone, say_whose_code, seed_option
from branchmig.errors import CollidingRevisions, InvalidTarget
from branchmig.git.history import branch_name, merging_commits, origins, short_ref
from branchmig.git.paths import paths_from_top
from branchmig.git.targets import target_refs
from branchmig.merge import MergePlan, existing_merge, merge_message, merge_note, plan_merge
from branchmig.planning.guard import disallowed_heads
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.revision_edit import with_note

if TYPE_CHECKING:
    from alembic.script import Script


@click.command("merge")
@click.argument("revisions", nargs=-1, type=REVISION)
@message_option
@branch_label_option
@rev_id_option
@splice_option
@click.option("--dry-run", "--plan", "dry_run", is_flag=True, help="Show what would be joined, and write nothing.")
@click.option("--force", is_flag=True, help="Join heads whose revisions cannot be applied in every order.")
@prove_option
@seed_option
@pass_invocation
def command(
    invocation: Invocation,
    revisions: tuple[str, ...],
    message: str | None,
    branch_label: str | None,
    rev_id: str | None,
    splice: bool,
    dry_run: bool = False,
    force: bool = False,
    prove: bool = False,
    seed: Path | None = None,
) -> Script | None:
    """Join heads with a merge revision.

    REVISIONS are the heads to join, or 'heads'; without them, all heads, or those of each branch label where the
    policy is one-head-per-label. The message names the git branches that the heads came from, unless -m does.
    branchmig compares the revisions of the heads first: if one order fails, it joins them only with --force.
    """
    refuse_seed_alone(prove, seed)
    project = Project.open(invocation.files)
    plans = _plans(project, revisions, splice)
    script = None
    for plan in plans:
        _refuse_second(project, plan)
        if not force:
            _refuse_collisions(project, invocation, plan, is_proven=prove)
        branches = _branches(project, plan)
        message_of = merge_message(plan, branches) if message is None else message
        note = merge_note(project.dag, plan, branches)
        if prove:
            note.append(_proven(project, invocation, plan, seed))
        if dry_run:
            terminal.answer([f"{message_of}:", *(f"  {line}" for line in note)])
            continue
        options = Options(list(revisions), message_of, branch_label, rev_id, splice)
        script = _write(project, invocation, plan, options, note)
    if not plans and invocation.has_notes:
        heads = project.dag.heads()
        terminal.note(f"Nothing to merge: the only head is {heads[0]}." if len(heads) == 1 else "Nothing to merge.")
    return script


def _proven(project: Project, invocation: Invocation, plan: MergePlan, seed: Path | None) -> str:
    """Run both orders of each pair of heads, show the proof, and return it in one line."""
    from branchmig.database.trial.prover import prove_heads
    from branchmig.render.proof import proof_lines

    say_whose_code(invocation, "the work tree's scripts")
    proof = prove_heads(project, invocation, plan.parents, seed)
    if invocation.is_typed:
        terminal.note(*proof_lines(proof))
    return f"Proof: {proof.summary}"


@dataclass(frozen=True, slots=True)
class Options:
    """What env.py finds in `config.cmd_opts`, and the merge revision is made of."""

    revisions: list[str]
    message: str
    branch_label: str | None
    rev_id: str | None
    splice: bool


def _plans(project: Project, revisions: tuple[str, ...], splice: bool) -> list[MergePlan]:
    """Return what to join: one plan, or with one-head-per-label and no REVISIONS one for each label."""
    groups: list[tuple[str, ...]] = [revisions]
    if not revisions and project.config.settings.policy == "one-head-per-label":
        groups = list(disallowed_heads(project.dag, "one-head-per-label"))
    plans = [plan_merge(project.dag, group, splice=splice) for group in groups]
    return [plan for plan in plans if len(plan.parents) > 1]


def _refuse_second(project: Project, plan: MergePlan) -> None:
    """Refuse what the target branch has joined already: two correct merges of one fork are two heads again."""
    target = project.target_ref
    if target is None:
        return
    there = project.ref_view(target).revisions
    other = existing_merge(plan, [revision for revision in there if revision.id not in project.dag])
    if other is not None:
        raise InvalidTarget(
            f"{short_ref(target)} joins them already, with merge revision {other.id!r}",
            f"git merge {in_shell(short_ref(target))}, or git rebase {in_shell(short_ref(target))}",
        )


def _refuse_collisions(project: Project, invocation: Invocation, plan: MergePlan, *, is_proven: bool) -> None:
    """Refuse heads that cannot be applied in every order; a program, whose call is alembic's, is warned."""
    from branchmig.workflows.conflicts import compare_heads
    from branchmig.workflows.ways_out import way_out

    comparison = compare_heads(project.view(), plan.parents)
    found = comparison.conflicts
    order = sorted({collision.object for collision in comparison.collisions if collision.level == "order"})
    if order and not found and not is_proven:
        terminal.warning(
            f"the order of {' and '.join(plan.parents)} matters over {', '.join(order)}: "
            "both orders run, and may leave other rows; --prove runs both"
        )
    if not found:
        return
    objects = sorted({collision.object for collision in found})
    sides = [
        f"{collision.object}: {collision.reason} "
        f"({', '.join(f'{project.shown_path(project.dag[at.revision].path or str())}:{at.line}' for at in places)})"
        for collision in found
        for places in [[at for at in (collision.ours, collision.theirs) if at]]
    ]
    error = CollidingRevisions(
        f"{' and '.join(plan.parents)} collide over {', '.join(objects)}: at least one order fails",
        f"{way_out(project, project.view(), found)}; to join them all the same: --force",
        sides,
        objects,
    )
    if invocation.is_typed:
        raise error
    terminal.warning(error.message)


def _branches(project: Project, plan: MergePlan) -> dict[str, str]:
    """Return the git branch that each parent came from, where git knows one: the target, of what has landed there.

    Where that would give two parents one name, as of two that have landed, their old branches name them.
    """
    if project.repository is None:
        return {}
    paths = paths_from_top(project.repository, {parent: project.dag[parent].path for parent in plan.parents})
    sides = ["HEAD", *merging_commits(project.repository)]
    named: dict[str, str] = {}
    for targets in (target_refs(project.repository, project.config.settings.target), ()):
        found = origins(project.repository, list(paths.values()), sides, targets)
        branches = {parent: branch for parent, path in paths.items() if (branch := found[path].branch)}
        named = {parent: branch_name(project.repository, branch) for parent, branch in branches.items()}
        if len(set(named.values())) == len(named):
            break
    return named


def _write(
    project: Project, invocation: Invocation, plan: MergePlan, options: Options, note: list[str]
) -> Script | None:
    from branchmig.database.run.environment import Environment
    from branchmig.database.trusted import writing_as_target
    from branchmig.database.writer import write_merge

    with writing_as_target(project, invocation) as (at, calling, template):
        environment = Environment(at, calling, "merge", asdict(options))
        environment.scripts.template = template
        script = write_merge(
            environment, plan.parents, options.message, options.branch_label, options.rev_id, options.splice
        )
    if script is None:
        return None
    before = Path(script.path).read_bytes()
    Path(script.path).write_bytes(with_note(before, script.path, note))
    path, parents = terminal.shown_path(script.path), ", ".join(plan.parents)
    say(invocation, f"Wrote {path} ({script.revision}, parents {parents}).")
    return script

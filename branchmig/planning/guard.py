"""PURE. The rules that a graph must keep before it lands, to problems; each problem has a stable code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from branchmig.dag import RevisionDag, reached
from branchmig.model import Problem, Revision, Unchecked
from branchmig.revisions.escaping import in_shell
from branchmig.revisions.integrity import ChangedRevision, paths_of

MERGE = "join them: branchmig merge"
WAY_OUT = f"{MERGE}; or put yours on top: branchmig rebase"


CONFLICTING = "conflicting-revisions"

WAIVABLE = frozenset({CONFLICTING, "diverged-revision", "multiple-heads", "not-linear", "rewritten-revision"})
"""The codes that a waiver in a revision's file silences. What makes the graph unknown is not among them."""


def unchecked_rules(policy: str, reason: str, *, is_empty: bool) -> tuple[Unchecked, ...]:
    """Return the rules that need the target branch, as unchecked for a reason; an empty place breaks one more."""
    codes = ["rewritten-revision", "deleted-revision"]
    codes += ["not-linear"] if policy == "linear" else []
    codes += ["no-revisions"] if is_empty else []
    return tuple(Unchecked(code, reason) for code in codes)


def no_revisions(place: str, folders: str, target: str, number: int) -> Problem:
    """Return the problem that a place without a revision is, beside a target that has some."""
    return Problem(
        "no-revisions",
        f"{place} has no revision in {folders}, and {target} has {number}",
        "see script_location and version_locations in the settings of that place",
    )


def own_tables(revision: Revision, table: str, line: int) -> Problem:
    """Return the problem that a revision is which would drop or change a table of branchmig's journal."""
    path = revision.path or ""
    return Problem(
        "own-tables",
        f"revision {revision.id!r} would drop or change {table}, in which branchmig keeps its journal: {path}:{line}",
        "take that line out; and keep autogenerate from proposing it: branchmig adopt",
        *_of(revision),
    )


def disallowed_heads(dag: RevisionDag, policy: str) -> tuple[tuple[str, ...], ...]:
    """Return the groups of heads that a policy does not let stand beside each other, sorted.

    `single-head` and `linear` allow one head; `one-head-per-label` one for each branch label, and one without.
    """
    heads = dag.heads()
    if policy != "one-head-per-label":
        return (heads,) if len(heads) > 1 else ()
    return heads_beside(heads, dag.branch_labels)


def heads_beside(heads: Iterable[str], labels: Callable[[str], Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of heads that share a label, or have none, sorted."""
    groups: dict[str, list[str]] = {}
    for head in heads:
        for label in tuple(labels(head)) or ("",):
            groups.setdefault(label, []).append(head)
    return tuple(tuple(group) for _, group in sorted(groups.items()) if len(group) > 1)


def labels_below(
    revisions: Mapping[str, Revision], known: Mapping[str, frozenset[str]] | None = None
) -> dict[str, frozenset[str]]:
    """Return the labels that each revision has, with those of all its ancestors: for a head, all that it has.

    `known` are those of further revisions. The revisions are a graph.
    """
    known = known or {}
    found: dict[str, frozenset[str]] = {}
    waiting = list(revisions)
    while waiting:
        name = waiting[-1]
        below = [parent for parent in revisions[name].parents if parent in revisions and parent not in found]
        if name not in found and below:
            waiting += below
            continue
        waiting.pop()
        sets = [found.get(parent, known.get(parent, frozenset())) for parent in revisions[name].parents]
        found[name] = frozenset(revisions[name].labels).union(*sets)
    return found


def multiple_heads(
    dag: RevisionDag, group: Sequence[str], titles: Mapping[str, str], way_out: str = WAY_OUT
) -> Problem:
    """Return the problem that a group of heads is; `titles` say where each came from."""
    listing = "; ".join(f"{head} ({titles[head]})" if titles.get(head) else head for head in group)
    return Problem(
        "multiple-heads", f"{len(group)} heads: {listing}", way_out, tuple(group), paths_of(dag[head] for head in group)
    )


def deleted_branch(branch: str, lost: Sequence[Revision], target: str | None, way_out: str) -> Problem:
    """Return the problem that a branch is which a push deletes with revisions that nobody else has landed.

    `target` is the branch that work lands in, None where it is this one.
    """
    ids = [repr(revision.id) for revision in lost]
    names = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if ids[3:] else "")
    lacking = f"and {target} does not have {'it' if len(ids) == 1 else 'them'}"
    why = "which is where work lands" if target is None else lacking
    return Problem(
        "deleted-revision",
        f"{branch} has {names}, {why}: without the branch they are lost to the databases that have applied them",
        way_out,
        tuple(revision.id for revision in lost),
        paths_of(lost),
    )


def change_problem(change: ChangedRevision, target: str, source: str | None = None) -> Problem:
    """Return the problem that a rewritten or deleted revision is, for databases that have applied it.

    `target` is what to call the branch that has the revision, `source` the ref or commit that git takes it from.
    """
    before, after = change.before, change.after
    if after is None:
        return Problem(
            "deleted-revision",
            f"revision {before.id!r} is on {target}, and its file was deleted: {before.path}",
            f"restore it: git checkout {in_shell(source or target)} -- {before.path}; "
            "to undo what it did, write a new revision",
            *_of(before),
        )
    if after.id != before.id:
        what = f"its id became {after.id!r}"
    elif after.parents != before.parents:
        now, then = (", ".join(revision.parents) or "<base>" for revision in (after, before))
        what = f"its parents became {now} (were {then})"
    else:
        what = "its script was changed"
    return Problem(
        "rewritten-revision",
        f"revision {before.id!r} is on {target}, and {what}: {after.path}",
        "restore it, and write a new revision: databases that have it do not run it again; if no database has it, "
        "as after a failed run everywhere, say so in its file: # branchmig: allow rewritten-revision: REASON",
        (before.id,),
        paths_of([after]),
    )


def squashes(
    changes: Sequence[ChangedRevision], is_only_moved: Callable[[ChangedRevision], bool]
) -> list[tuple[ChangedRevision, tuple[str, ...], bool]]:
    """Return the changes that squash deleted revisions: each with these, and whether its file names them all.

    That is a revision that was on deleted ones, is not any more, and does something else now, or is on a new one:
    one that was only moved to an older revision squashes none.
    """
    deleted = {change.before.id: change.before for change in changes if change.after is None}

    def below_of(revision: Revision) -> frozenset[str]:
        gone = [parent for parent in revision.parents if parent in deleted]
        return reached(gone, lambda name: deleted.keys() & {*deleted[name].parents}).union(gone)

    found = []
    for change in changes:
        after = change.after
        if after is None or after.id != change.before.id or deleted.keys() & set(after.parents):
            continue
        below = below_of(change.before)
        named = set(after.replaces)
        if not below or (not named and is_only_moved(change)):
            continue
        found.append((change, tuple(sorted(below)), below <= named))
    return found


def squash_problem(change: ChangedRevision, gone: Sequence[str], target: str) -> Problem:
    """Return the problem that squashed revisions are for databases that have some of them, and not all."""
    after = change.after or change.before
    ids = ", ".join(map(repr, gone))
    return Problem(
        "squashed-revisions",
        f"{ids} {'is' if len(gone) == 1 else 'are'} on {target}, and squashed into {after.id!r} or below it: "
        f"{after.path}",
        f"databases that have {after.id!r} stay as they are; bring all others to it first, with the scripts of "
        f"{target}, and name what is replaced in its file: replaces = ({', '.join(map(repr, gone))},)",
        (*gone, after.id),
        paths_of([after]),
    )


def changed_before_squash(changed: Sequence[str], after: Revision, target: str, commit: str) -> Problem:
    """Return the problem that a squash is before which replaced scripts were changed: half-way databases run these."""
    ids = ", ".join(map(repr, changed))
    return Problem(
        "squashed-revisions",
        f"{after.id!r} replaces {ids}, whose script was changed before that: commit {commit[:10]} has another than "
        f"{target}; {after.path}",
        f"databases in the middle run what that commit has: take the scripts of {target} back in a commit of its own, "
        "and squash them again",
        (*changed, after.id),
        paths_of([after]),
    )


def lost_before_squash(after: Revision, target: str) -> Problem:
    """Return the problem that a squash is whose replaced scripts no commit of this history has together."""
    return Problem(
        "squashed-revisions",
        f"the history of this place does not have the scripts that {after.id!r} replaces: {after.path}",
        f"databases in the middle run them from there: make the squash in a commit on top of {target}",
        *_of(after),
    )


def difference_of(ours: Revision, theirs: Revision) -> str:
    """Return in what two revisions of one id differ."""
    if ours.parents != theirs.parents:
        return f"parents {', '.join(theirs.parents) or '<base>'} (here {', '.join(ours.parents) or '<base>'})"
    return "another script"


def diverged_revision(ours: Revision, theirs: Revision, target: str) -> Problem:
    """Return the problem that one id for two revisions is: a database that has the one skips the other."""
    return Problem(
        "diverged-revision",
        f"revision {ours.id!r} is on {target} too, with {difference_of(ours, theirs)}: {ours.path}",
        "a database that has one of the two skips the other: give this one another id, or take the other as it is",
        *_of(ours),
    )


def not_linear(
    dag: RevisionDag, target_heads: Sequence[str], settled_ids: frozenset[str], target: str
) -> list[Problem]:
    """Return the new revisions that do not continue one line from the target's heads, and new merge revisions."""
    problems = []
    for revision in dag:
        if revision.id in settled_ids:
            continue
        if dag.is_merge_point(revision.id):
            problems.append(_bends(revision, "is a merge revision", "put your revisions on top of the other line"))
        elif not set(target_heads) <= dag.ancestors([revision.id]):
            heads = ", ".join(target_heads)
            hint = f"merge or rebase onto {target}, then set its down_revision to {heads!r}"
            problems.append(_bends(revision, f"does not descend from {target}'s head {heads}", hint))
    return problems


def _bends(revision: Revision, what: str, hint: str) -> Problem:
    return Problem("not-linear", f"revision {revision.id!r} {what}: {revision.path}", hint, *_of(revision))


def _of(revision: Revision) -> tuple[tuple[str], tuple[str, ...]]:
    return (revision.id,), paths_of([revision])

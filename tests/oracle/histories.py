"""Random lawful histories, and everything one may type for a revision of them; knows no alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from branchmig.model import Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchmig.dag import RevisionDag

# Few letters: so prefixes are often ambiguous. At least four of them: alembic finds shorter ids only when written
# in full, which the tests of identifiers pin.
IDS = st.text("ab01", min_size=4, max_size=6) | st.sampled_from(["v3.2.0.a", "v3.2.1", "release_1", "0590"])
LABELS = ("users", "orders", "userdata", "billing")
SHAPES = ("next", "next", "next", "next", "fork", "fork", "merge", "merge", "merge of three", "base")


@st.composite
def histories(draw: st.DrawFn, max_size: int = 14) -> tuple[Revision, ...]:
    """Draw 1 to `max_size` revisions that form a lawful graph, in any order of their files.

    Forks, merges of two and three, several bases, up to three labels, depends_on by id and by label. A parent or a
    dependency may be redundant: an ancestor of another one.
    """
    ids = draw(st.lists(IDS, min_size=1, max_size=max_size, unique=True))
    labels = list(draw(st.permutations(LABELS)))[: draw(st.integers(0, 3))]
    made: list[Revision] = []
    for revision_id in ids:
        parents = _draw_parents(draw, made)
        depends_on = _draw_dependencies(draw, made)
        own = (labels.pop(),) if labels and draw(st.integers(0, 3)) == 0 else ()
        made.append(Revision(revision_id, parents, depends_on, own))
    return tuple(draw(st.permutations(made)))


def _draw_parents(draw: st.DrawFn, made: Sequence[Revision]) -> tuple[str, ...]:
    everyone = [revision.id for revision in made]
    taken = {parent for revision in made for parent in revision.parents}
    heads = [revision_id for revision_id in everyone if revision_id not in taken]
    shape = draw(st.sampled_from(SHAPES))
    if shape == "base" or not made:
        return ()
    if shape == "next":
        return (draw(st.sampled_from(heads)),)
    wanted = {"fork": 1, "merge": 2, "merge of three": 3}[shape]
    among = heads if wanted > 1 and len(heads) >= wanted else everyone
    return tuple(draw(st.permutations(among))[:wanted])


def _draw_dependencies(draw: st.DrawFn, made: Sequence[Revision]) -> tuple[str, ...]:
    if not made or draw(st.integers(0, 4)):
        return ()
    names = [revision.id for revision in made] + [label for revision in made for label in revision.labels]
    return tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)))


def shortenings(revisions: Sequence[Revision]) -> list[str]:
    """Return two prefixes of each id and label, of which some name several revisions or none."""
    names = [name for revision in revisions for name in (revision.id, *revision.labels)]
    return sorted({name[:length] for name in names for length in (len(name) - 1, 2)})


def upgrade_targets(dag: RevisionDag) -> list[str]:
    """Return what one may type after `upgrade`."""
    return [
        *("heads", "head", "base", "+1", "+2", "-1", "+0", "head-1", "heads-1", "base+1", "base+2"),
        *_of_each_revision(dag, ("{}", "{}+1", "{}+2", "{}-1", "{}-2", "{}+0", "{}@head", "{}@heads", "{}@+1")),
        *_of_each_label(dag, ("{}", "{}@head", "{}@heads", "{}@base", "{}@+1", "{}@+2", "{}@head-1", "{}@base+1")),
        *_of_each_pair(dag, ("{}@{}", "{}@{}+1", "{}@{}-1")),
        *shortenings(list(dag)),
    ]


def downgrade_targets(dag: RevisionDag) -> list[str]:
    """Return what one may type after `downgrade`."""
    return [
        *("base", "base-1", "-1", "-2", "-3", "+1", "-0", "head", "heads", "head-1", "heads-1", "base+1", "base+2"),
        *_of_each_revision(dag, ("{}", "{}-1", "{}-2", "{}+1", "{}+0", "{}@-1", "{}@-2", "{}@base", "{}@head")),
        *_of_each_label(dag, ("{}", "{}@-1", "{}@-2", "{}@base", "{}@head", "{}@heads", "{}@head-1", "{}@base+1")),
        *_of_each_pair(dag, ("{}@{}", "{}@{}+1", "{}@{}-1")),
        *shortenings(list(dag)),
    ]


def stamp_targets(dag: RevisionDag) -> list[str]:
    """Return what one may type after `stamp`."""
    return [
        *("heads", "head", "base"),
        *_of_each_revision(dag, ("{}",)),
        *_of_each_label(dag, ("{}", "{}@head", "{}@heads", "{}@base")),
        *shortenings(list(dag)),
    ]


@st.composite
def history_ranges(draw: st.DrawFn, dag: RevisionDag) -> str:
    """Draw what one may type after `history -r`."""
    absolute = [
        *("", "head", "heads", "base"),
        *_of_each_revision(dag, ("{}", "{}@head")),
        *_of_each_label(dag, ("{}", "{}@head", "{}@heads", "{}@base")),
        *_of_each_pair(dag, ("{}@{}",)),
        *shortenings(list(dag)),
    ]
    starts = [*absolute, "-1", "-2", "-50"]
    ends = [
        *(*absolute, "+1", "+2", "+50"),
        *_of_each_revision(dag, ("{}+1", "{}+50", "{}-1")),
        *_of_each_label(dag, ("{}@+1", "{}@head-1")),
    ]
    return f"{draw(st.sampled_from(starts))}:{draw(st.sampled_from(ends))}"


def _of_each_revision(dag: RevisionDag, forms: Sequence[str]) -> list[str]:
    return [form.format(revision.id) for revision in dag for form in forms]


def _of_each_label(dag: RevisionDag, forms: Sequence[str]) -> list[str]:
    return [form.format(label) for label in dag.labels for form in forms]


def _of_each_pair(dag: RevisionDag, forms: Sequence[str]) -> list[str]:
    return [form.format(label, revision.id) for label in dag.labels for revision in dag for form in forms]

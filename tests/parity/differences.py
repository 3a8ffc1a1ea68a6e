"""Every way in which branchmig may differ from alembic, with its reason. Nothing else is allowed.

A rule names its lines by a pattern over `SHAPE at STATE: WORDS`, and what differs on them. A line that a rule names
and that does not differ so is a failure, as is one that differs without a rule. docs/alembic.md tells users.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from tests.parity.pair import in_any_order

if TYPE_CHECKING:
    from tests.parity.lines import Line
    from tests.parity.pair import Outcome

What = Literal["done here, refused by alembic", "refused here, done by alembic", "stdout", "rows", "files"]


class Difference(NamedTuple):
    """Lines that differ, in what, and why that is right."""

    lines: str
    what: What
    reason: str


DIFFERENCES = (
    Difference(
        r"labelled at (users|heads): downgrade (users|shop)@base",
        "rows",
        "T1: label@base undoes that branch's own revisions and leaves the trunk and other branches",
    ),
    Difference(
        r"merged at heads: downgrade -2|criss_cross at .*: (up|down)grade m2mm-1",
        "done here, refused by alembic",
        "T2: a relative step that ends at a merge revision's parents undoes the merge; alembic: Ambiguous walk",
    ),
    Difference(
        r"depends at heads: current --check-heads",
        "done here, refused by alembic",
        "T3: a head that another revision depends on is applied with it",
    ),
    Difference(
        r"(forked|labelled|bases|depends_across|locations) at heads: downgrade -[12]",
        "refused here, done by alembic",
        "a relative step from several heads is ambiguous: alembic warns, and takes the row that comes first",
    ),
    Difference(
        r"(?!bases at).*: stamp \w+-1",
        "done here, refused by alembic",
        "a step relative to a named revision is a revision; alembic takes it in upgrade and downgrade only",
    ),
    Difference(
        r".* at base: stamp \w+@-1",
        "refused here, done by alembic",
        "a step relative to what is applied says nothing to stamp; alembic counts from where nothing is applied",
    ),
    Difference(
        r"(?!empty).* at base: history -r :current",
        "stdout",
        "nothing is applied, so nothing is shown; alembic shows everything",
    ),
    Difference(
        r"(forked|merged|bases|depends|depends_across|locations|pyproject_only|with_async_env|multidb) at heads: "
        r"history -r-2:",
        "done here, refused by alembic",
        "counts down from every head, and stops at the base",
    ),
    Difference(
        r"depends at heads: history -r a\daa:(b2bb)?|depends_across at heads: history -r a1aa:b2bb",
        "done here, refused by alembic",
        "a range may join revisions that only depends_on joins",
    ),
    Difference(
        r"(depends|locations) at .*: downgrade \w+@head|depends at heads: downgrade (a2aa|lib|a1aa\+1)",
        "done here, refused by alembic",
        "what is at the target already needs no step",
    ),
    Difference(
        r"bases at a2aa: upgrade c1cc-1",
        "done here, refused by alembic",
        "one step below a base is the base: nothing to do",
    ),
    Difference(
        r"(linear|depends|merged|empty|pyproject_only|with_async_env|multidb|recursive|dotted) at base: merge heads.*",
        "files",
        "one head is nothing to merge; alembic writes an empty revision after it",
    ),
    Difference(
        r"(forked|criss_cross|labelled|bases|depends_across|locations) at base: merge heads --rev-id new1.*",
        "files",
        "a merge's docstring says what each side brings; without a message it is called after what it merges",
    ),
    Difference(
        r"(multidb|tenants) at .*: (history (-i|-v -i|--indicate-current|-r current:|-r :current)|show current)",
        "stdout",
        "the list is shown once; alembic shows it once for each database",
    ),
    Difference(
        r"tenants at heads: current -v",
        "stdout",
        "where one database has several version tables, each is named",
    ),
)


def rule_for(line: Line) -> Difference | None:
    """Return the rule that names a line."""
    for rule in DIFFERENCES:
        if re.fullmatch(rule.lines, str(line)):
            return rule
    return None


def differing(ours: Outcome, theirs: Outcome) -> set[What]:
    """Return in what two outcomes differ, beyond what never counts.

    - exit codes: 3 here where alembic has 255, or 1 and a traceback; only success and failure are compared.
    - texts of errors: alembic's say less.
    - the order of unrelated revisions and of sets: alembic's comes from file names (T5) and from hashes.
    - an empty version table: commands that only look, and those that are refused, write nothing here; alembic
      creates it on the way.
    """
    if ours.is_done != theirs.is_done:
        return {"done here, refused by alembic" if ours.is_done else "refused here, done by alembic"}
    found: set[What] = set()
    if ours.is_done and in_any_order(ours.stdout) != in_any_order(theirs.stdout):
        found.add("stdout")
    if ours.database != theirs.database and not _is_empty_version_table(ours, theirs):
        found.add("rows")
    if ours.files != theirs.files:
        found.add("files")
        found.discard("stdout")  # it names the files
    return found


def _is_empty_version_table(ours: Outcome, theirs: Outcome) -> bool:
    more = [statement for statement in theirs.database if statement not in ours.database]
    return not set(ours.database) - set(theirs.database) and all(
        "CREATE TABLE alembic_version" in item for item in more
    )

"""`branchmig squash`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from branchmig import terminal
from branchmig.commands.shared.flow import answer
from branchmig.commands.shared.options import FILE, REF, REVISION_TEXT, format_option, message_option, pass_invocation
from branchmig.commands.shared.proving import refuse_seed_alone, seed_option
from branchmig.commands.shared.readable import looked_for_elsewhere
from branchmig.commands.shared.squashing import SquashOptions, carry_out, proven, report_squash, say_nothing
from branchmig.commands.shared.taking_down import Rewriting, recover_edits, write
from branchmig.errors import InvalidTarget
from branchmig.masking import masked
from branchmig.planning.squash import plan_squash
from branchmig.project.config import Invocation
from branchmig.project.project import Project
from branchmig.render.squash import status_document, status_lines
from branchmig.workflows.old_scripts import bundle_path
from branchmig.workflows.squash import (
    Asked,
    Squash,
    SquashStatus,
    bundle_edit,
    bundles_of_history,
    compose,
    standing_elsewhere,
    status_of,
    view_of,
)


@click.command("squash")
@click.argument("words", nargs=-1, type=REVISION_TEXT, metavar="[BASE..REV]")
@message_option
@click.option("--prove", is_flag=True, help="Build both ways on scratch databases; refuse the squash if they differ.")
@seed_option
@click.option(
    "--bundle", is_flag=True, help="Also write the old scripts to a file beside the version folder, for images."
)
@click.option(
    "--dry-run", "--plan", "dry_run", is_flag=True, help="Print the file that would be written; change nothing."
)
@click.option("--own", is_flag=True, help="Make this branch's own revisions one, with a new id.")
@click.option(
    "--target", "onto", metavar="REF", type=REF, help="With --own: the target branch, whose revisions are not own."
)
@click.option("--offline", is_flag=True, help="With --own: do not ask the database for its applied revisions.")
@click.option("--sync", is_flag=True, help="With --own: let the database follow.")
@click.option("-y", "--yes", is_flag=True, help="With --own --sync: do not ask.")
@click.option("--force", is_flag=True, help="With --own: also revisions that a tag or another branch holds.")
@click.option("--status", is_flag=True, help="Say of each squash whether a database is in the middle of it.")
@click.option(
    "--targets", metavar="FILE", type=FILE, help="With --status: ask the databases of a fleet's targets file."
)
@format_option
@pass_invocation
def command(
    invocation: Invocation,
    words: tuple[str, ...],
    message: str | None,
    prove: bool,
    seed: Path | None,
    bundle: bool,
    dry_run: bool,
    own: bool,
    onto: str | None,
    offline: bool,
    sync: bool,
    yes: bool,
    force: bool,
    status: bool,
    targets: str | None,
    format_: str,
) -> None:
    """Replace a range of revisions by one revision.

    BASE..REV are the revisions above BASE, up to REV, as in git; base..REV starts at the first revision. The new
    revision has REV's id, so a database at REV has nothing to do, and it names the others: replaces = (…). A
    database in the middle of the range is upgraded with the old scripts, which git keeps. If something prevents the
    squash, nothing changes.

    With --bundle alone, writes the old scripts of the landed squashes to a file, for images without git.

    With --own, replaces this branch's own revisions before they land. With --status, shows whether a database still
    needs the old scripts: the project's own databases, those of URL…, or those of --targets FILE.
    """
    _refuse_mixtures(words, own=own, status=status, targets=targets, sync=sync, offline=offline, bundle=bundle)
    refuse_seed_alone(prove, seed)
    if status:
        show_status(invocation, words, targets, format_)
        return
    project = Project.open(invocation.files)
    view_of(project)
    recover_edits(project, "command")
    if bundle and not words:
        _write_bundles(project, format_)
        return
    showing = SquashOptions(message, seed, format_, prove=prove, bundle=bundle, dry_run=dry_run)
    if own:
        from branchmig.commands.shared.squash_own import squash_own

        squash_own(invocation, project, showing, Rewriting(onto, offline, sync, yes, force))
        return
    squash = _squash(project, invocation, words[0], showing)
    if squash is None:
        say_nothing(f"{words[0]} is one revision, or none", format_)
        return
    proof = proven(project, invocation, squash, showing)
    written = carry_out(project, squash, showing)
    report_squash(project, squash, showing, proof, written)


def _squash(project: Project, invocation: Invocation, words: str, showing: SquashOptions) -> Squash | None:
    base, last = _range(project, words)
    plan = plan_squash(project.dag, base, last)
    if plan is None or plan.last.path is None:
        return None
    first = plan.order[0].id
    text = showing.message or f"squash of {len(plan.order)} revisions, {first} to {last}"
    squash = compose(project, invocation, plan, text, plan.last.path)
    squash = squash.with_elsewhere(standing_elsewhere(project, plan))
    return squash.with_bundle(bundle_edit(project, squash)) if showing.bundle else squash


def _range(project: Project, words: str) -> tuple[tuple[str, ...], str]:
    start, dots, end = words.partition("..")
    if not dots or end.startswith("."):
        raise InvalidTarget(f"{words!r} is no range", "give both ends: branchmig squash BASE..REV, e.g. base..head")
    with looked_for_elsewhere(project):
        base = project.dag.resolve(start or "base")
        ends = project.dag.resolve(end or "head")
    if len(ends) != 1:
        raise InvalidTarget(f"a range ends at one revision, and {end!r} names {len(ends)}", "name one of them")
    return base, ends[0]


def _write_bundles(project: Project, format_: str) -> None:
    """Write the old scripts of each squash that has landed, as git's history has them."""
    edits = [edit for edit in bundles_of_history(project) if edit.before != edit.after]
    write(project, edits)
    paths = [project.shown_path(edit.path) for edit in edits]
    if format_ == "json":
        terminal.document({"version": 1, "bundles": paths})
    else:
        nothing = "Nothing to write: each squash of this checkout has its bundle, or there is none."
        terminal.note(*([f"Wrote {path}." for path in paths] or [nothing]))


def _refuse_mixtures(
    words: Sequence[str],
    *,
    own: bool,
    status: bool,
    targets: str | None,
    sync: bool,
    offline: bool,
    bundle: bool,
) -> None:
    if own + status + bool(words and not status) + (bundle and not words) != 1 or (len(words) > 1 and not status):
        raise click.UsageError("give one of BASE..REV, --own, --status and --bundle")
    if targets is not None and (not status or words):
        raise click.UsageError("--targets goes with --status, without URLs")
    if (sync or offline) and not own:
        raise click.UsageError("--sync and --offline go with --own: a range leaves databases as they are")
    if offline and sync:
        raise click.UsageError("--sync asks the database, --offline leaves it out: give one of them")


def show_status(invocation: Invocation, urls: Sequence[str], file: str | None, format_: str) -> None:
    """Show each squash of the checkout with the databases: the project's own, or those of `urls`, or of a fleet.

    Exits with 1 where one is in the middle, with 3 where none is known to be and one is unknown.
    """
    project = Project.open(invocation.files)
    squashes = [revision for revision in project.dag if revision.replaces]
    asked = _asked(project, invocation, urls, file) if squashes else []
    found = [
        SquashStatus(
            squash,
            path if os.path.isfile(path := bundle_path(project, squash.path or "", squash.id)) else "",
            tuple(status_of(project.dag, squash, database) for database in asked),
        )
        for squash in squashes
    ]
    answer(format_, lambda: status_document(found, project.shown_path), lambda: status_lines(found, project.shown_path))
    if any(status.is_in_use for status in found):
        raise click.exceptions.Exit(1)
    if any(status.is_unknown for status in found):
        raise click.exceptions.Exit(3)


def _asked(project: Project, invocation: Invocation, urls: Sequence[str], file: str | None) -> list[Asked]:
    """Return the rows of each version table. Raises EnvironmentFailed where the project's own cannot be asked."""
    if not urls and file is None:
        from branchmig.database.reader import read_rows_as_they_are

        found = read_rows_as_they_are(project, invocation, "current")
        return [Asked(rows.title or rows.url, rows.rows) for rows in found]
    from branchmig.commands.shared.fleet_commands import rows_of_targets
    from branchmig.fleet.targets import Target

    targets = [Target(name, url=url.replace("$", "$$")) for name, url in {masked(url): url for url in urls}.items()]
    return [Asked(*found) for found in rows_of_targets(project, invocation, file, targets)]

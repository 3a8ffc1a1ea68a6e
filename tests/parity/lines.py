"""The command lines that both programs are given, by the shape of the project and the state of its database."""

from __future__ import annotations

from typing import NamedTuple

from tests.parity.kinds import KINDS


class Line(NamedTuple):
    """One command line. `state` names the revisions that are applied before: `base` for none."""

    shape: str
    state: str
    words: str

    def __str__(self) -> str:
        return f"{self.shape} at {self.state}: {self.words}"


REVISIONS = {
    "linear": "a1aa b2bb c3cc d4dd",
    "forked": "a1aa b2bb b3bb c2cc",
    "merged": "a1aa b2bb c3cc m4mm e5ee",
    "criss_cross": "a1aa b1bb b2bb m1mm m2mm",
    "labelled": "a1aa b2bb b3bb c2cc c3cc",
    "bases": "a1aa a2aa b1bb b2bb c1cc",
    "depends": "a1aa a2aa b1bb b2bb",
    "depends_across": "a1aa a2aa a3aa b1bb b2bb",
    "locations": "a1aa a2aa b1bb b2bb",
    "pyproject_only": "a1aa b2bb",
    "with_async_env": "a1aa b2bb",
    "multidb": "a1aa b2bb",
    "recursive": "a1aa b2bb c3cc",
    "empty": "",
    "dotted": "059 v3.2.0.a x_ü",
}
LABELS = {
    "labelled": ("users", "shop"),
    "bases": ("one", "two"),
    "depends": ("lib",),
    "locations": ("core", "plugin"),
}
STATES = {
    "linear": ("base", "b2bb", "heads"),
    "forked": ("base", "b2bb", "c2cc", "heads"),
    "merged": ("base", "b2bb", "b2bb,c3cc", "heads"),
    "criss_cross": ("base", "b1bb", "m1mm", "heads"),
    "labelled": ("base", "users", "heads"),
    "bases": ("base", "a2aa", "heads"),
    "depends": ("base", "a2aa", "b1bb", "heads"),
    "depends_across": ("base", "b1bb", "a3aa", "heads"),
}
LOOKING = (
    "heads",
    "heads -v",
    "heads --verbose --resolve-dependencies",
    "branches",
    "branches -v",
    "history",
    "history -v",
    "history --indicate-current",
    "history -v -i",
    "history -r :",
    "history -r base:heads",
    "history -r nonsense",
    "history -r current:",
    "history -r :current",
    "history -r-2:",
    "current",
    "current -v",
    "current --check-heads",
    "show heads",
    "show head",
    "show base",
    "show current",
    "show nope",
    "-q upgrade heads",
    "upgrade nope",
    "downgrade nope",
    "stamp nope",
    "upgrade a:b",
    "ensure_version",
    "upgrade +1",
    "upgrade +2",
    "upgrade +9",
    "upgrade -1",
    "downgrade -1",
    "downgrade -2",
    "downgrade -9",
    "downgrade +1",
    "downgrade base",
    "downgrade head",
    "downgrade heads",
    "upgrade head",
    "upgrade heads",
    "upgrade base",
    "upgrade current",
    "stamp head",
    "stamp heads",
    "stamp base",
    "stamp --purge heads",
    "stamp --purge base",
    "stamp +1",
)
WRITING = (
    "revision --rev-id new1 -m 'hello world'",
    "revision --rev-id new1 --head {first} -m spliced --splice",
    "revision --rev-id new1 --head {first}",
    "revision --rev-id new1 --head {last} --branch-label fresh --depends-on {first}",
    "revision --rev-id new1 --head base --branch-label fresh",
    "revision --rev-id new1 --head nope",
    "revision --rev-id new1 --depends-on nope",
    "revision --rev-id new1 --sql",
    "revision --rev-id new-1",
    "revision --rev-id new1 --version-path {root}/elsewhere",
    "revision --rev-id new1 --version-path {root}/migrations/versions --head base",
    "merge heads --rev-id new1",
    "merge heads --rev-id new1 -m joined --branch-label joined",
    "merge {first} {last} --rev-id new1",
    "merge {first} {first} --rev-id new1",
    "merge nope --rev-id new1",
)


# What each kind of kinds.py is given; `numbered` has no use for --rev-id.
OF_A_KIND = {
    "heads": ("heads -v", "history -v -i", "branches -v", "current -v", "show heads", "downgrade -1", "downgrade base"),
    "base": (
        "upgrade heads",
        "upgrade +1",
        "upgrade heads --sql",
        "stamp heads",
        "revision --rev-id new1 -m 'hello world'",
    ),
}
TENANT = tuple(Line("tenants", "base", f"-x tenant=red {words}") for words in ("upgrade heads", "current", "stamp +1"))


# What the sample below would leave out.
MORE = (
    Line("labelled", "users", "downgrade users@base"),
    Line("labelled", "heads", "downgrade shop@base"),
    Line("labelled", "heads", "downgrade users@base"),
    Line("labelled", "base", "stamp users@-1"),
    Line("bases", "heads", "downgrade one@base"),
    Line("bases", "heads", "downgrade two@-1"),
    Line("depends", "heads", "downgrade lib@base"),
    Line("forked", "heads", "downgrade -1"),
)

# The whole set is for these; the others get a sample of each kind.
THOROUGH = ("linear", "merged", "labelled", "depends")


def all_lines() -> list[Line]:
    """Return every line once, in a fixed order."""
    lines = [line for shape in REVISIONS for line in (*_looking(shape), *_moving(shape), *_writing(shape))]
    return list(dict.fromkeys([*lines, *MORE, *_of_kinds(), *TENANT]))


def _of_kinds() -> list[Line]:
    return [Line(kind, state, words) for kind in KINDS for state, some in OF_A_KIND.items() for words in some]


def _looking(shape: str) -> list[Line]:
    ids = REVISIONS[shape].split()
    words = list(LOOKING if shape in THOROUGH else LOOKING[:28])
    words += [f"show {revision_id}" for revision_id in ids[-1:]]
    words += [f"history -r {revision_id}:" for revision_id in ids[:2]]
    words += [f"history -r :{revision_id}" for revision_id in ids[-2:]]
    words += [f"history -r {ids[0]}:{ids[-1]}", f"history -r {ids[-1]}:{ids[0]}", f"show {ids[-1][:3]}"] if ids else []
    words += [f"show {label}@head" for label in LABELS.get(shape, ())]
    words += [f"history -r :{label}@head" for label in LABELS.get(shape, ())]
    lines = [Line(shape, "heads" if ids else "base", word) for word in words]
    at_base = ("history -i", "history -r :current", "current", "current --check-heads", "downgrade -1", "upgrade +1")
    return lines + [Line(shape, "base", item) for item in (LOOKING if shape == "linear" else at_base)]


def _moving(shape: str) -> list[Line]:
    ids = REVISIONS[shape].split()
    labels = LABELS.get(shape, ())
    targets = [*ids, *(f"{label}{end}" for label in labels for end in ("", "@head", "@base", "@+1", "@-1"))]
    targets += [f"{ids[0]}+1", f"{ids[-1]}-1", f"{ids[0]}@head", ids[-1][:3]] if ids else []
    states = STATES.get(shape, ("base", "heads"))
    lines = [
        Line(shape, state, f"{command} {target}")
        for state in states
        for target in targets
        for command in ("upgrade", "downgrade", "stamp")
    ]
    # A sample with a step of five: of three commands, every one meets every kind of target at some state.
    return lines if shape == "merged" else lines[::5]


def _writing(shape: str) -> list[Line]:
    ids = REVISIONS[shape].split()
    if not ids:
        return [Line(shape, "base", words) for words in WRITING if "{first}" not in words]
    lines = [Line(shape, "base", words.replace("{first}", ids[0]).replace("{last}", ids[-1])) for words in WRITING]
    return lines if shape in THOROUGH or shape == "locations" else lines[::2]

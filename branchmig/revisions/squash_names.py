"""PURE. The names in a squash: those that its scripts share, and those that get another name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from branchmig.revisions.bindings import Function, Import, bound_by, bound_within
from branchmig.revisions.import_order import HARMLESS, HEADER
from branchmig.revisions.module_names import ModuleNames

ENTRIES = ("upgrade", "downgrade")
FIELDS = HEADER | {"replaces"}
_FUTURE = "__future__"
_OWN = frozenset({"upgrade", "downgrade", "_Path", *FIELDS})


@dataclass
class Shared:
    """The shared parts of the file: its imports, `from __future__`, and the meaning of names."""

    imports: list[str] = field(default_factory=list)
    future: set[str] = field(default_factory=set)
    entries: tuple[str, ...] = ENTRIES
    """The functions that are put together: one for each database where the scripts have several."""
    dispatchers: tuple[Function, ...] = ()
    """upgrade() and downgrade() where they call the function of one database."""
    meanings: dict[str, str] = field(default_factory=dict)
    """What each name of the file is bound by, as text: an equal text means the same."""


def settled_names(
    own: ModuleNames, others: Sequence[ModuleNames], shared: Shared, ending: str
) -> tuple[dict[str, str], set[str]]:
    """Return the names that become others, and those whose meaning the file has already."""
    meanings = {name: _meaning(own, name) for name in sorted(own.bound - {*ENTRIES, *shared.entries} - FIELDS)}
    same = {name for name, meaning in meanings.items() if meaning and shared.meanings.get(name) == meaning}
    taken = {*shared.meanings, *_OWN}
    changing = {
        name
        for name, meaning in meanings.items()
        if name not in same and (name in taken or any(_means_another(name, meaning, other) for other in others))
    }
    # A function that uses a name which becomes another is not what an equal text elsewhere is.
    renamed = changing | ({"__file__"} & own.free)
    changing |= same & (_using(own, same, renamed))
    same -= changing
    tainted = _using(own, set(meanings) - same, renamed | changing)
    for name in set(meanings) - same - changing:
        shared.meanings[name] = f"{name} of {ending}" if name in tainted else meanings[name] or f"{name} of {ending}"
    becomes = {name: f"{name}_{ending}" for name in sorted(changing)}
    read = [name for name in sorted(FIELDS & own.bound) if len(own.places(name)) > _times_bound(own, name)]
    becomes |= {name: f"_{name}_{ending}" for name in read}
    becomes |= {"__file__": f"_file_{ending}"} if "__file__" in own.free else {}
    known = set(shared.meanings).union(own.mentioned, *(module_names.mentioned for module_names in others))
    becomes = {old: _unused(new, known) for old, new in becomes.items()}
    shared.meanings |= {new: f"{old} of {ending}" for old, new in becomes.items()}
    return becomes, {name for name in same if not meanings[name].startswith("import ")}


def _using(names: ModuleNames, some: set[str], changed: set[str]) -> set[str]:
    """Return those of some names whose statements use one of the changed names, directly or by each other."""
    found: set[str] = set()
    while more := {name for name in some - found if _uses(names, name) & (changed | found)}:
        found |= more
    return found


def _unused(name: str, known: set[str]) -> str:
    while name in known:
        name += "_"
    return name


def _means_another(name: str, meaning: str, other: ModuleNames) -> bool:
    """Return whether another script uses a name, and means something else by it than one that has it at the top."""
    return bool(other.places(name)) and not (meaning and name in other.bound and _meaning(other, name) == meaning)


def _meaning(names: ModuleNames, name: str) -> str:
    """Return what a name is bound by, as text: one import, or one statement whose effect does not depend on when.

    Empty where an equal text would not mean the same thing: a list that is filled, a name that is bound twice.
    """
    nodes = [node for node in names.tree.body if name in names_bound(node)]
    imported = {_import_of(node, name) for node in nodes}
    if len(imported) == 1 and all(imported) and _times_bound(names, name) == len(nodes):
        return imported.pop()
    if len(nodes) != 1 or _times_bound(names, name) != 1:
        return ""
    node = nodes[0]
    is_plain = isinstance(node, Function) and not node.decorator_list and not node.args.defaults
    return ast.dump(node) if is_plain or (isinstance(node, ast.Assign) and _is_constant(node.value)) else ""


def _import_of(node: ast.stmt, name: str) -> str:
    if isinstance(node, ast.Import):
        found = next(alias for alias in node.names if name == bound_by(alias))
        return f"import {found.name if found.asname else name}"
    if isinstance(node, ast.ImportFrom):
        found = next(alias for alias in node.names if name == (alias.asname or alias.name))
        return f"import {'.' * node.level}{node.module or ''}:{found.name}"
    return ""


def _uses(names: ModuleNames, name: str) -> set[str]:
    statement = next((node for node in names.tree.body if name in names_bound(node)), ast.Pass())
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _times_bound(names: ModuleNames, name: str) -> int:
    return sum(not isinstance(getattr(node, "ctx", None), ast.Load) for node in names.places(name))


def _is_constant(value: ast.expr) -> bool:
    try:
        hash(ast.literal_eval(value))
    except (ValueError, TypeError):
        return False
    return True


def take_own_imports(shared: Shared) -> None:
    """Add the imports that SQL in the place of a script needs."""
    shared.imports += ["import sqlalchemy as sa", "from alembic import op"]
    shared.meanings |= {"sa": "import sqlalchemy", "op": "import alembic:op"}


def take_imports(tree: ast.Module, shared: Shared, header: frozenset[str]) -> None:
    """Add the imports of a module to those of the file, each name once; what only its header used is left out."""
    rest = [node for node in tree.body if not isinstance(node, Import) and not is_within(header, node)]
    used = {name.id for node in rest for name in ast.walk(node) if isinstance(name, ast.Name)}
    for node in hoisted_imports(tree):
        if isinstance(node, ast.ImportFrom) and node.module == _FUTURE:
            shared.future |= {alias.name for alias in node.names}
            continue
        for alias in node.names:
            module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            if bound_by(alias) not in used and module.partition(".")[0] in HARMLESS and not getattr(node, "level", 0):
                continue
            alone = (
                ast.Import([alias])
                if isinstance(node, ast.Import)
                else ast.ImportFrom(node.module, [alias], node.level)
            )
            line = ast.unparse(ast.fix_missing_locations(alone))
            if line not in shared.imports:
                shared.imports.append(line)


def statements_of(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements of a module without its docstring."""
    return tree.body[1:] if ast.get_docstring(tree, clean=False) is not None else tree.body


def hoisted_imports(tree: ast.Module) -> list[Import]:
    """Return the imports that can stand at the top of the file: those that no call stands before."""
    found: list[Import] = []
    for node in statements_of(tree):
        if isinstance(node, Import):
            found.append(node)
        elif isinstance(node, ast.Expr):
            break
    return found


def names_bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds."""
    return (name for name, _, _ in bound_within(node))


def is_within(names: frozenset[str], node: ast.stmt) -> bool:
    """Return whether a statement binds some names, and none beside the given ones."""
    bound = {*names_bound(node)}
    return bool(bound) and bound <= names

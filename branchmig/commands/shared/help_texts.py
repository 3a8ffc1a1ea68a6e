"""The command lines that the help of each command shows, and the groups in which it lists the commands."""

from __future__ import annotations

from collections.abc import Collection

GROUPS: dict[str, tuple[str, ...]] = {
    "Everyday": ("status", "revision", "upgrade", "downgrade", "current", "heads", "history", "show", "edit"),
    "Two branches": ("conflicts", "forecast", "fix", "merge", "rebase", "train", "squash"),
    "The database follows git": ("switch", "sync", "kept", "fresh", "states", "pins"),
    "Before you deploy": ("guard", "verify", "check", "compat", "report"),
    "Look back": ("graph", "branches", "audit", "drift", "identify", "repair", "stamp"),
    "Many databases": ("fleet",),
    "Set up": ("adopt", "init", "list_templates", "ensure_version", "hooks", "completion", "help"),
}
"""Title to commands, in the order of the help. A command that does not exist yet may have its place already."""

OTHERS = "Others"
"""The title of the commands that no group names."""


def grouped(names: Collection[str]) -> list[tuple[str, list[str]]]:
    """Return the titles with those of the commands that exist; a command without a group comes under OTHERS."""
    placed = {name for group in GROUPS.values() for name in group}
    groups = [(title, [name for name in group if name in names]) for title, group in GROUPS.items()]
    groups.append((OTHERS, sorted(set(names) - placed)))
    return [(title, group) for title, group in groups if group]


EXAMPLES: dict[str, tuple[str, ...]] = {
    "adopt": ("branchmig adopt", "branchmig adopt --yes --no-hooks"),
    "audit": ("branchmig audit --limit 20", "branchmig audit --since 2026-01-31 --format json"),
    "branches": ("branchmig branches", "branchmig branches --at origin/main --verbose"),
    "check": ("branchmig check", "branchmig -x tenant=a check"),
    "compat": ("branchmig compat", "branchmig compat --with origin/main --format json"),
    "completion": ('eval "$(branchmig completion bash)"', "branchmig completion zsh > ~/.zfunc/_branchmig"),
    "conflicts": ("branchmig conflicts", "branchmig conflicts feature/a --with feature/b --prove"),
    "current": ("branchmig current", "branchmig current --check-heads"),
    "downgrade": ("branchmig downgrade -1 --plan", "branchmig downgrade ae10"),
    "drift": ("branchmig drift", "branchmig drift --format json"),
    "edit": ("branchmig edit head", "branchmig edit ae10"),
    "ensure_version": ("branchmig ensure_version", "branchmig ensure_version --sql"),
    "fix": ("branchmig fix --dry-run", "branchmig fix --push"),
    "fleet": ("branchmig fleet status --targets targets.toml", "branchmig fleet upgrade heads --targets targets.toml"),
    "fleet audit": (
        "branchmig fleet audit --targets targets.toml",
        "branchmig fleet audit --targets targets.toml --only eu_1 --limit 5",
    ),
    "fleet downgrade": (
        "branchmig fleet downgrade ae10 --targets targets.toml --only eu_1",
        "branchmig fleet downgrade --resume last",
    ),
    "fleet plan": (
        "branchmig fleet plan heads --targets targets.toml",
        "branchmig fleet plan heads --targets targets.toml --out plan.json",
    ),
    "fleet repair": (
        "branchmig fleet repair --targets targets.toml --only eu_1",
        "branchmig fleet repair --targets targets.toml --only eu_1 --resume --yes",
    ),
    "fleet run": (
        "branchmig fleet run --targets targets.toml -- current",
        "branchmig fleet run --targets targets.toml --only eu_1 -- audit --limit 5",
    ),
    "fleet runs": ("branchmig fleet runs", "branchmig fleet runs --all --format json"),
    "fleet show": ("branchmig fleet show", "branchmig fleet show last --format json"),
    "fleet stamp": (
        "branchmig fleet stamp head --targets targets.toml --only eu_1",
        "branchmig fleet stamp ae10 --schemas 'tenant_%'",
    ),
    "fleet status": (
        "branchmig fleet status --targets targets.toml",
        "branchmig fleet status --schemas 'tenant_%' --check-heads",
    ),
    "fleet upgrade": (
        "branchmig fleet upgrade heads --targets targets.toml --canary 1",
        "branchmig fleet upgrade --resume last",
    ),
    "forecast": ("branchmig forecast feature/a feature/b", "branchmig forecast feature/a --target release"),
    "fresh": ("branchmig fresh", "branchmig fresh --at origin/main --name review"),
    "graph": ("branchmig graph", "branchmig graph --format html --output graph.html"),
    "guard": ("branchmig guard", "branchmig guard --with origin/main --hazards"),
    "heads": ("branchmig heads", "branchmig heads --with origin/main --format json"),
    "help": ("branchmig help upgrade", "branchmig help --format json"),
    "history": ("branchmig history", "branchmig history --rev-range ae10:head --indicate-current"),
    "hooks": ("branchmig hooks install", "branchmig hooks status"),
    "hooks install": ("branchmig hooks install", "branchmig hooks install --fix"),
    "hooks run": ("branchmig hooks run pre-commit", "branchmig hooks run post-merge 0"),
    "hooks status": ("branchmig hooks status", "branchmig hooks status --format json"),
    "hooks uninstall": ("branchmig hooks uninstall", "branchmig -c services/alembic.ini hooks uninstall"),
    "identify": ("branchmig identify", "branchmig identify sqlite:///copy.db"),
    "init": ("branchmig init migrations", "branchmig init --template async migrations"),
    "kept": ("branchmig kept", "branchmig kept list --format json"),
    "kept drop": ("branchmig kept drop 3", "branchmig kept drop --all --yes"),
    "kept list": ("branchmig kept list", "branchmig kept list --format json"),
    "list_templates": ("branchmig list_templates", "branchmig init --template async migrations"),
    "merge": ('branchmig merge heads -m "merge the two heads"', "branchmig merge heads --dry-run"),
    "pins": ("branchmig pins", "branchmig pins --format json"),
    "pins prune": ("branchmig pins prune --all", "branchmig pins prune --database shop.db"),
    "rebase": ("branchmig rebase --dry-run", "branchmig rebase --target release --sync"),
    "repair": ("branchmig repair", "branchmig repair --resume"),
    "report": ("branchmig report", "branchmig report --target origin/main --check"),
    "revision": (
        'branchmig revision -m "add users"',
        'branchmig revision --autogenerate -m "add users" --head users@head',
    ),
    "show": ("branchmig show head", "branchmig show --schema --from main --format mermaid"),
    "squash": ("branchmig squash base..ae10 --dry-run", 'branchmig squash ae10..b25f --prove -m "the first year"'),
    "stamp": ("branchmig stamp head", "branchmig stamp --purge ae10"),
    "states": ("branchmig states", "branchmig states prune --older-than 30d"),
    "states drop": ("branchmig states drop review", "branchmig states drop --all --yes"),
    "states list": ("branchmig states list", "branchmig states list --format json"),
    "states prune": ("branchmig states prune --older-than 30d", "branchmig states prune --keep-size 2GB"),
    "status": ("branchmig status", "branchmig status --no-db"),
    "switch": ("branchmig switch feature/a", "branchmig switch --create feature/b main"),
    "sync": ("branchmig sync --plan", "branchmig sync --yes"),
    "train": ("branchmig train", "branchmig train feature/a feature/b --format json"),
    "upgrade": ("branchmig upgrade heads --plan", "branchmig upgrade +1"),
    "verify": ("branchmig verify", "branchmig verify --format json"),
}
"""The words of a command, without the program, to the lines that its help shows."""


def epilog_of(words: str) -> str | None:
    """Return what click writes below the options of a command, line for line; None for a command without examples."""
    lines = EXAMPLES.get(words, ())
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)]) if lines else None

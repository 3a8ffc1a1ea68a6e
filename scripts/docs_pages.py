"""The pages of the documentation that the program itself writes: a hook of mkdocs, and what tests compare with.

Knows Markdown, click's commands and the settings; must not know mkdocs until it is built.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from branchmig.cli import COMMANDS, cli, command_table
from branchmig.project.settings import SETTINGS
from tests.sessions import Exchange, sessions

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent.parent / "docs"
EXAMPLE_LINES = 16

_SAYS_NO = re.compile(r"\b[Ee](?:xit|nd)s? with\b[^.]*\b1\b")
_CODE_IN_TABLE = re.compile(r"`[^`\n]*\\\|[^`\n]*`")
_INTRODUCTION = """# Commands

What `branchmig COMMAND --help` says, made from the program. The examples are from the sessions of these pages, which a
test runs.

A long option may be shortened as far as it stays unambiguous (`--auto`). Exit codes: 0 done, or nothing to do; 1 the
answer is no, or nobody was there to say yes; 2 usage; 3 cannot proceed; 70 a bug of branchmig; 130 interrupted
([JSON and exit codes](json.md)). What a command adds to alembic's is in [alembic, command by command](alembic.md).

## Options of every command
They stand before the command: `branchmig -x tenant=a upgrade heads`.

"""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made to those that are written, for mkdocs."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "commands.md", content=commands_page()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Write code in tables as mkdocs reads it: GitHub wants `\\|` there, and here the backslash would be seen."""
    return _CODE_IN_TABLE.sub(lambda code: code[0].replace(r"\|", "|"), markdown)


def commands_page() -> str:
    """Return the page of every command, as Markdown."""
    root = click.Context(cli, info_name="branchmig", terminal_width=200)
    examples = _examples()
    parts = [_INTRODUCTION, *_parameters(cli, root)]
    for name, command in command_table().items():
        context = click.Context(command, info_name=name, parent=root)
        parts += _section(command, context, "##")
        if name in examples:
            page, exchange = examples[name]
            parts.append(f"\nFrom [{page.removesuffix('.md')}]({page}):\n\n```console\n{_shortened(exchange)}\n```\n")
        if isinstance(command, click.Group):
            for under in command.list_commands(context):
                item = command.get_command(context, under)
                assert item is not None
                parts += _section(item, click.Context(item, info_name=under, parent=context), "###")
    return "".join(parts)


def hazards_table() -> str:
    """Return the table of docs/hazards.md."""
    from branchmig.effects.hazard_rules import RULES

    rows = [
        f"| `{code}` | {rule.effect} | {rule.why} | {rule.instead.replace('|', chr(92) + '|')} | {rule.public} |"
        for code, rule in RULES.items()
    ]
    return "\n".join(
        ["| code | effect | why | the safer way | public rules |", "| --- | --- | --- | --- | --- |", *rows]
    )


def settings_table() -> str:
    """Return the table of every setting, as Markdown: what docs/settings.md holds."""
    rows = [f"| `{setting.key}` | {setting.default} | {setting.meaning} |" for setting in SETTINGS]
    return "\n".join(["| key | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _section(command: click.Command, context: click.Context, level: str) -> Iterator[str]:
    words = context.command_path.removeprefix("branchmig ")
    yield f"\n{level} {words}\n"
    if words in COMMANDS:
        yield f"{_text(COMMANDS[words])}\n\n"
    yield f"```output\n{command.get_usage(context).removeprefix('Usage: ')}\n```\n"
    first, _, rest = (command.help or "").partition("\n\n")
    if words not in COMMANDS:
        yield f"\n{_text(' '.join(first.split()))}\n"
    for paragraph in rest.split("\n\n"):
        if paragraph.strip():
            yield f"\n{_text(' '.join(paragraph.split()))}\n"
    yield from _parameters(command, context)
    yield f"\nExit codes: {'0, 1, 2, 3' if _may_say_no(command) else '0, 2, 3'}.\n"


def _parameters(command: click.Command, context: click.Context) -> Iterator[str]:
    shown = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    if shown:
        yield "\n"
        for item in shown:
            names = ", ".join([*item.opts, *item.secondary_opts])
            value = "" if item.is_flag else f" {item.make_metavar(context)}"
            yield f"- `{names}{value}`: {_text(item.help or '')}{_default(item, context)}\n"


def _default(option: click.Option, context: click.Context) -> str:
    default = option.get_default(context)
    if option.secondary_opts and isinstance(default, bool):
        default = (option.opts if default else option.secondary_opts)[0]
    return f" Default: `{default}`." if isinstance(default, str | int) and not isinstance(default, bool) else ""


def _may_say_no(command: click.Command) -> bool:
    said = [command.help or "", *(param.help or "" for param in command.params if isinstance(param, click.Option))]
    return any(_SAYS_NO.search(" ".join(text.split())) for text in said) or any(
        "--yes" in param.opts for param in command.params
    )


def _text(words: str) -> str:
    """Return text of the program as Markdown that shows it as it is."""
    return re.sub(r"([*_\[\]\\`])", r"\\\1", html.escape(words, quote=False))


def _examples() -> dict[str, tuple[str, Exchange]]:
    """Return the first run of each command that the pages show with its answer."""
    found: dict[str, tuple[str, Exchange]] = {}
    for page in sorted(DOCS.glob("*.md")):
        for session in sessions(page):
            for exchange in session.exchanges:
                words = exchange.command.removeprefix("branchmig").removeprefix(" -q").split()
                if exchange.command.startswith("branchmig ") and exchange.expected.strip("…\n"):
                    found.setdefault(words[0], (page.name, exchange))
    return found


def _shortened(exchange: Exchange) -> str:
    lines = exchange.expected.rstrip("\n").split("\n")
    if len(lines) > EXAMPLE_LINES:
        lines = [*lines[: EXAMPLE_LINES - 1], "…"]
    return "\n".join([f"$ {exchange.command}", *lines])

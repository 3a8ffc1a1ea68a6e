"""The help as one document for programs: commands, options, arguments, exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click

from branchmig.commands.shared.help_texts import EXAMPLES, grouped

EXIT_CODES = {
    0: "done, or nothing to do",
    1: "the answer is no",
    2: "the command line was not understood",
    3: "cannot proceed, or cannot tell",
    70: "a bug of branchmig",
    130: "interrupted",
}


def help_document(context: click.Context) -> dict[str, Any]:
    """Return the document for a command and those below it; of the program, every command."""
    root = context.find_root()
    titles = _titles(root)
    return {
        "version": 1,
        "commands": [_command_entry(each, titles) for each in _commands_below(context)],
        "options": [_option_entry(option, root) for option in _shown_options(root)],
        "exit_codes": [{"code": code, "meaning": meaning} for code, meaning in EXIT_CODES.items()],
    }


def _titles(root: click.Context) -> dict[str, str]:
    group = root.command
    names = group.list_commands(root) if isinstance(group, click.Group) else []
    return {name: title for title, group_names in grouped(names) for name in group_names}


def _commands_below(context: click.Context) -> Iterator[click.Context]:
    if context.parent is not None:
        yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in sorted(group.list_commands(context)):
            found = group.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _commands_below(click.Context(found, info_name=name, parent=context))


def _command_entry(context: click.Context, titles: dict[str, str]) -> dict[str, Any]:
    command = context.command
    words = context.command_path.partition(" ")[2]
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    help_ = re.sub(r"[ \n]*\x08\n", "\n", command.help or "").strip()
    return {
        "name": words,
        "group": titles.get(words.partition(" ")[0]),
        "summary": " ".join(help_.partition("\n\n")[0].split()),
        "help": "\n\n".join(" ".join(part.split()) for part in help_.split("\n\n")),
        "usage": command.get_usage(context).partition(":")[2].strip(),
        "arguments": [_argument_entry(argument, context) for argument in arguments],
        "options": [_option_entry(option, context) for option in _shown_options(context)],
        "examples": list(EXAMPLES.get(words, ())),
    }


def _argument_entry(argument: click.Argument, context: click.Context) -> dict[str, Any]:
    return {
        "name": argument.make_metavar(context),
        "required": argument.required,
        "repeatable": argument.nargs == -1,
        "choices": _choices(argument),
    }


def _shown_options(context: click.Context) -> list[click.Option]:
    return [param for param in context.command.params if isinstance(param, click.Option) and not param.hidden]


def _option_entry(option: click.Option, context: click.Context) -> dict[str, Any]:
    default = option.to_info_dict().get("default")
    return {
        "names": [*option.opts, *option.secondary_opts],
        "value": None if option.is_flag else option.make_metavar(context),
        "repeatable": option.multiple,
        "required": option.required,
        "choices": _choices(option),
        "default": default if isinstance(default, str | int | float) and not option.is_flag else None,
        "help": option.help or "",
    }


def _choices(parameter: click.Parameter) -> list[str] | None:
    return [str(choice) for choice in parameter.type.choices] if isinstance(parameter.type, click.Choice) else None

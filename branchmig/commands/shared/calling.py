"""Calls a command from a program: values replace typed words, and a result replaces the exit code."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from branchmig.project.config import Invocation


def call(name: str, invocation: Invocation, arguments: dict[str, Any]) -> Any:
    """Run a command and return what it returns; options that `arguments` leaves out have their defaults.

    Raises BranchmigError where the program would end with an error.
    """
    command: click.Command = import_module(f"branchmig.commands.{name}").command
    with click.Context(command, info_name=name, obj=invocation) as context:
        return context.invoke(command, **arguments)

"""`branchmig completion`."""

from __future__ import annotations

from importlib.resources import files

import click

from branchmig import terminal
from branchmig.commands.shared.options import pass_invocation
from branchmig.project.config import Invocation

PLACES = {
    "bash": "~/.local/share/bash-completion/completions/branchmig",
    "fish": "~/.config/fish/completions/branchmig.fish",
    "zsh": "~/.zfunc/_branchmig",
}
"""Where each shell looks for what completes a program."""

HOW = {
    "bash": 'or in ~/.bashrc: eval "$(branchmig completion bash)"',
    "fish": "fish finds it there by itself",
    "zsh": "with this in ~/.zshrc, before compinit: fpath+=~/.zfunc",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(sorted(PLACES)))
@pass_invocation
def command(invocation: Invocation, shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands, options, revisions with their messages, branch labels and git refs. To install it:

    \b
    bash: branchmig completion bash > ~/.local/share/bash-completion/completions/branchmig
          or in ~/.bashrc: eval "$(branchmig completion bash)"
    zsh:  branchmig completion zsh > ~/.zfunc/_branchmig
          with this in ~/.zshrc, before compinit: fpath+=~/.zfunc
    fish: branchmig completion fish > ~/.config/fish/completions/branchmig.fish
    """
    text = files("branchmig").joinpath("templates", f"completion.{shell}").read_text("utf-8")
    if invocation.has_notes and terminal.is_terminal():
        terminal.note(f"To install it: branchmig completion {shell} > {PLACES[shell]}\n({HOW[shell]})\n")
    terminal.answer([text.rstrip("\n")])

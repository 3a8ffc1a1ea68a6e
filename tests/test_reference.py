"""The pages that list things list all of them: commands, options, settings, pages."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from branchmig.cli import cli, command_table
from branchmig.project.settings import SETTINGS, Settings
from scripts.docs_pages import commands_page, hazards_table, on_page_markdown, settings_table
from tests.sessions import ROOT, json_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS = ROOT / "docs"
TEMPLATES = ROOT / "branchmig" / "templates"


def sections(page: str) -> dict[str, str]:
    """Return what stands below each heading of a page of commands."""
    parts = re.split(r"^##+ (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def commands() -> Iterator[tuple[str, click.Command]]:
    for name, command in command_table().items():
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {under}", item) for under, item in command.commands.items())


# --- commands


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *DOCS.rglob("*.md")]), ids=lambda page: page.name)
def test_each_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    lines = re.findall(r"`branchmig ([^`\n]+)`|^ *\$ branchmig ([^|>;\n]+)", page.read_text(), re.MULTILINE)
    wrong = {line: word for pair in lines for line in pair if line and (word := unknown_word(line.split()))}
    assert wrong == {}


def test_words_that_are_no_commands_or_options_are_noticed() -> None:
    lines = (
        "upgrad heads",
        "upgrade --nope heads",
        "fleet upgrade --plann",
        "heads --plan",
        "fleet run -- x --nope",
        "-q",
    )
    assert [unknown_word(line.split()) for line in lines] == ["upgrad", "--nope", "--plann", "--plan", None, None]


def unknown_word(words: list[str]) -> str | None:
    """Return the first word of a command line that is no command, or no option of its command."""
    table, path = dict(commands()), ""
    known = {name for param in cli.params for name in param.opts}
    for number, word in enumerate(itertools.takewhile(lambda word: word != "--", words)):
        longer = f"{path} {word}".strip()
        name = word.partition("=")[0].rstrip("…,")
        is_unknown_option = re.match(r"-[a-z]|--[a-z]", word) and name not in known
        is_unknown_command = number == 0 and re.fullmatch(r"[a-z][a-z_-]+", word)
        if longer in table:
            path = longer
            known |= {name for param in table[path].params for name in (*param.opts, *param.secondary_opts)}
        elif is_unknown_option or is_unknown_command:
            return word
    return None


def test_every_command_is_on_its_page_with_all_options() -> None:
    told = {
        name: {
            word.split()[0] for names in re.findall(r"^- `(.+?)`:", text, re.MULTILINE) for word in names.split(", ")
        }
        for name, text in sections(commands_page()).items()
        if not name.startswith("Options of every")
    }
    options = {
        name: {
            word
            for param in command.params
            if isinstance(param, click.Option) and not param.hidden
            for word in [*param.opts, *param.secondary_opts]
        }
        for name, command in commands()
    }
    assert told == options


def test_a_command_is_shown_with_usage_options_exit_codes_and_an_example() -> None:
    assert (
        sections(commands_page())["current"]
        == """
Show the revisions that a database is at.

```output
branchmig current [OPTIONS]
```

- `-c, --check-heads`: Exit with 1 unless everything is applied.
- `--allow-ahead`: With --check-heads: also accept a database that is ahead of this checkout.
- `-v, --verbose`: Show the whole header of each revision.
- `--format [text|json]`: Format of the answer. Default: `text`.

Exit codes: 0, 1, 2, 3.

From [adopting](adopting.md):

```console
$ branchmig current
2b6e94d7c05f (head)
```

"""
    )


# --- settings


def test_the_list_of_settings_is_whole_and_says_their_defaults() -> None:
    assert sorted(setting.key for setting in SETTINGS) == sorted(field.name for field in fields(Settings))
    for setting in SETTINGS:
        in_words = re.fullmatch(r"`(.+)`", setting.default)
        assert getattr(Settings(), setting.key) == (in_words and setting.read(setting.key, in_words[1], "here"))


def test_the_page_of_settings_is_the_programs_list() -> None:
    assert settings_table() in (DOCS / "settings.md").read_text(encoding="utf-8")


def test_the_page_of_hazards_is_the_table_of_rules() -> None:
    assert hazards_table() in (DOCS / "hazards.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["settings.ini", "settings.toml"])
def test_the_template_of_a_new_project_has_every_setting(name: str) -> None:
    keys = re.findall(r"^(?:# )?(\w+) = ", (TEMPLATES / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(keys) == sorted(setting.key for setting in SETTINGS)


# --- JSON


def test_documents_have_the_keys_that_are_promised(tmp_path: Path) -> None:
    rows = re.findall(r"^\| (`.+?) \| (`.+`) \|$", (DOCS / "json.md").read_text(encoding="utf-8"), re.MULTILINE)
    promised = {
        command: sorted(re.findall(r"`(\w+)`", keys))
        for commands, keys in rows
        for command in re.findall(r"`(.+?)`", commands)
    }
    answering = {
        name
        for name, command in commands()
        for param in command.params
        if "--format" in param.opts and isinstance(param.type, click.Choice) and "json" in param.type.choices
    }
    in_docs_fleet = {name for name in answering if name.startswith("fleet")}
    assert {re.sub(r" --.*", "", name) for name in promised} == answering - in_docs_fleet
    assert json_keys(promised, tmp_path) == promised


# --- the site


def test_code_in_tables_loses_the_backslash_that_only_github_needs() -> None:
    assert on_page_markdown("| `a\\|b\\|c` | x \\| y |\n") == "| `a|b|c` | x \\| y |\n"


def test_every_page_is_in_the_navigation() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    def leaves(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for item in entry.values() if isinstance(entry, dict) else entry:  # type: ignore[attr-defined]
                yield from leaves(item)

    written = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert sorted(leaves(config["nav"])) == sorted({*written, "commands.md"})


def test_the_site_is_built_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the site is built where branchmig[docs] is installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert tmp_path / "commands.html" in pages
    fetched = re.compile(r"<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)=[\"']?(?:https?:)?//[^>]*>")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert (fetched.findall(text), 'class="mermaid"' in text) == ([], False), page.name


# --- words


UNWANTED = re.compile(r"\b(told|mend|mended|anew|shall|whoever|lies|as\s+it\s+were)\b", re.IGNORECASE)


def test_pages_and_help_have_no_archaic_words() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
    texts = {page.name: page.read_text() for page in pages}
    for name, command in commands():
        texts[name] = "\n".join(
            [command.help or "", *(param.help or "" for param in command.params if isinstance(param, click.Option))]
        )
    assert {name: found for name, text in texts.items() if (found := UNWANTED.findall(text))} == {}


def test_an_entry_of_the_changelog_is_short_and_in_a_group_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    groups = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert set(groups) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    entries = re.findall(r"^- .*(?:\n  .*)*", text, re.MULTILINE)
    assert [entry for entry in entries if len(entry) > 420] == []


def test_an_archaic_word_is_noticed_as_a_whole_word() -> None:
    assert UNWANTED.findall("Told, as it\nwere; shallow families amend") == ["Told", "as it\nwere"]


def test_the_table_of_exit_codes_names_forecast_for_no() -> None:
    (row,) = re.findall(r"^\| 1 \|.*$", (DOCS / "json.md").read_text(), re.MULTILINE)
    assert "`forecast` finds a branch that cannot land or two that cannot both land" in row

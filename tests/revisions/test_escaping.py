"""Names and messages as text of another language: what is read back there is what was written."""

from __future__ import annotations

import ast
import json
import logging
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from branchmig import terminal
from branchmig.revisions.escaping import for_terminal, in_python, in_shell
from tests.repositories import Checkout

if TYPE_CHECKING:
    from pathlib import Path

ANYTHING = st.text(st.sampled_from("ab \\\"'{}$%<\n\r\x1b\x07\x9b\u202e\u2066\udcff#nNxu0")) | st.text()
CODES = [*map(chr, range(9)), *map(chr, range(11, 32)), *map(chr, range(127, 160)), *"\u061c\u200e\u200f\u2028\u2029"]
CODES += [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"]


@pytest.mark.parametrize("quotes", ['"""', "'''"])
@given(text=ANYTHING)
@example('x"""+open("pwned","w").name+"""')
@example("ends with a quote'")
@example("\\N{nothing} \\x \\u12 C:\\new")
def test_a_docstring_holds_the_text_that_was_put_into_it(quotes: str, text: str) -> None:
    source = f"{quotes}{in_python(text)}{quotes}\nrevision = 1\n"
    tree = ast.parse(source.encode())
    read = ast.get_docstring(tree, clean=False)
    assert len(tree.body) == 2
    assert read == text.encode("utf-8", "backslashreplace").decode()


@given(ANYTHING)
def test_a_line_for_the_terminal_has_no_control_character_and_is_valid_json_where_it_was(text: str) -> None:
    assert not any(code in for_terminal(text) for code in CODES)
    encoded = json.dumps(text, ensure_ascii=False)
    assert json.loads(for_terminal(encoded)) == text


def test_ordinary_text_stays_as_it_is() -> None:
    text = "añadir 'users' — \t日本語 \"x\" 🐘 שלום\nnext"
    assert for_terminal(text) == text
    assert in_python("add \"users\" and 'roles', don't") == "add \"users\" and 'roles', don't"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_a_word_of_a_shell_is_one_word(text: str) -> None:
    assert shlex.split(in_shell(text)) == [text]


# --- from end to end

BRANCHES = [
    'x"""+open("pwned","w").name+"""',
    'fix-"""-quotes',
    "it's-'''-too",
    'ends-with-a-quote"',
    "rtl-\u202e-override",
    "$(touch${IFS}pwned)",
]


def merged_as(checkout: Checkout, branch: str, *options: str) -> str:
    """Merge main into a branch of some name with branchmig, and return the message of the merge revision."""
    checkout.git("switch", "--quiet", "--create", branch, "feature")
    checkout.revision("ddd4", "ccc3")
    checkout.commit("on it")
    checkout.git("merge", "--quiet", "--no-commit", "main")
    before = set(checkout.versions.iterdir())
    merged = checkout.branchmig("merge", *options)
    assert merged.exit_code == 0, merged
    (path,) = set(checkout.versions.iterdir()) - before
    docstring = ast.get_docstring(ast.parse(path.read_bytes()))
    assert docstring is not None
    checkout.git("add", "--all")
    assert checkout.branchmig("upgrade", "heads", "--sql").exit_code == 0
    assert len(checkout.heads()) == 1
    assert not list(checkout.top.rglob("pwned"))
    return docstring


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_merge_revision_names_a_branch_of_any_name_and_runs_none_of_it(parted: Checkout, branch: str) -> None:
    docstring = merged_as(parted, branch)
    assert docstring.startswith("merge ")
    assert f"{branch} (ddd4) brings:" in docstring


def test_a_branch_whose_name_is_no_utf_8_is_named_in_a_merge_revision(parted: Checkout) -> None:
    branch = "caf\udce9"
    assert "caf\\udce9 (ddd4) brings:" in merged_as(parted, branch)


@pytest.mark.parametrize("message", ['he said """no"""', 'and "yes"', "C:\\new \\N{x} \\", "'''", "tab\tand \x1b[31m"])
def test_a_message_of_the_command_line_is_what_is_read_back(parted: Checkout, message: str) -> None:
    written = parted.branchmig("revision", "-m", message, "--rev-id", "eee5")
    assert written.exit_code == 0, written
    (path,) = parted.versions.glob("eee5*.py")
    docstring = ast.get_docstring(ast.parse(path.read_bytes()), clean=False)
    assert docstring is not None
    assert docstring.startswith(f"{message}\n")
    assert parted.heads() == ["eee5"]


def test_an_id_that_would_end_the_docstring_is_refused_before_a_file_is_written(parted: Checkout) -> None:
    odd = 'x"""; open("pwned", "w"); """'
    path = parted.versions / "odd.py"
    parted.revision("odd", "ccc3")
    path.write_text(path.read_text().replace('"""', "'''").replace("revision = 'odd'", f"revision = {odd!r}"))
    before = sorted(parted.versions.iterdir())
    for command in (("revision", "-m", "next"), ("merge",), ("rebase", "--dry-run", "--offline")):
        parted.branchmig(*command)
    refused = parted.branchmig("revision", "-m", "next")
    assert (refused.exit_code, "cannot be written into a docstring" in refused.stderr) == (3, True), refused
    assert sorted(parted.versions.iterdir()) == before
    assert not list(parted.top.rglob("pwned"))


SPOILED = "red \x1b[31m bell \x07 title \x1b]0;x\x07 c1 \x9b31m \x85 turned \u202e round \u2066 end"
OUTPUTS = [
    *(
        "heads -v",
        "history -v",
        "history",
        "branches -v",
        "show ddd4",
        "show ddd4 --format json",
        "heads --format json",
    ),
    *(
        "guard",
        "guard --format github",
        "guard --format json",
        "guard --format junit",
        "forecast",
        "forecast --format json",
        "train",
        "train --format json",
    ),
    *("graph", "graph --color always", "graph --format mermaid", "graph --format dot", "graph --format svg"),
    *("graph --format json", "graph --format html", "report --no-sql", "report --no-sql --format json"),
    *(
        "upgrade heads --plan --from base",
        "upgrade heads --plan --from base --format json",
        "conflicts --with main",
    ),
    *("merge --dry-run", "rebase --dry-run", "status --no-db", "current -v", "upgrade heads", "downgrade base --plan"),
    *(
        "sync --plan",
        "show nothing",
        "heads --at nothing",
        "guard --at bad\x1b[31mref",
        "bad\x1b[31mcommand",
        "show \x9bx",
    ),
]


@pytest.fixture(scope="module")
def spoiled(parted_template: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Messages, labels, an author and a branch with control characters; two heads, so that there are problems."""
    checkout = Checkout.copy(parted_template, tmp_path_factory.mktemp("spoiled") / "repo")
    ini = checkout.root / "alembic.ini"
    checkout.url = f"sqlite:///{checkout.top}/here.db"
    ini.write_text(f"{ini.read_text().partition('sqlalchemy.url')[0]}sqlalchemy.url = {checkout.url}\n")
    checkout.git("switch", "--quiet", "--create", "turned-\u202e-\x9b-branch")
    for name, parent in (("ddd4", "ccc3"), ("eee5", "ccc3")):
        path = checkout.revision(name, parent, message=SPOILED, labels=[f"la\u202ebel{name}"])
        path.write_text(path.read_text().replace("\x00", ""))
    environment = {"GIT_AUTHOR_NAME": f"Ada {SPOILED}", "GIT_COMMITTER_NAME": f"Ada {SPOILED}"}
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "-m", SPOILED, env=environment)
    return checkout


@pytest.mark.parametrize("line", OUTPUTS)
def test_no_control_character_of_a_repository_reaches_the_terminal(spoiled: Checkout, line: str) -> None:
    shown = spoiled.branchmig(*line.split(" "))
    own = ["\x1b"] if line == "graph --color always" else []
    for output in (shown.stdout, shown.stderr):
        found = {code for code in CODES if code in output}
        assert found <= set(own), (line, found, output)
    assert shown.exit_code != 70, shown
    assert "\x1b[31m" not in shown.stdout or own
    if "json" in line:
        json.loads(shown.stdout)


def test_what_env_py_logs_of_a_step_has_none_either(spoiled: Checkout, tmp_path: Path) -> None:
    """The handler is env.py's own, and alembic logs the message of each revision."""
    log, env = tmp_path / "log", spoiled.migrations / "env.py"
    before = env.read_text()
    lines = f"import logging\nlogging.basicConfig(level='INFO', filename={str(log)!r}, force=True)\n"
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        env.write_text(f"{lines}{before}")
        spoiled.branchmig("upgrade", "heads", "--sql")
    finally:
        env.write_text(before)
        logging.basicConfig(level=level, force=True)  # closes the file
        root.handlers[:] = handlers
    assert "Running upgrade ccc3 -> ddd4, red \\x1b[31m bell" in log.read_text()
    assert not any(code in log.read_text() for code in CODES)


def test_a_question_and_a_line_of_completion_have_none_either(
    spoiled: Checkout, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(spoiled.root)
    from branchmig.cli import suggest

    for shell in ("zsh", "fish"):
        assert suggest(shell, ["show", "ddd"]) == 0
    out = capsysbinary.readouterr().out.decode()
    assert "ddd4" in out
    assert not any(code in out for code in CODES), out


def test_colours_of_branchmig_are_still_colours(spoiled: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.stream([[("red \x1b[0m", "red"), ("plain", "")]], is_coloured=True)
    assert capsys.readouterr().out == "\x1b[31mred \\x1b[0m\x1b[0mplain\n"


def test_a_hint_with_a_branch_of_any_name_can_be_typed(parted: Checkout) -> None:
    name = "$(touch${IFS}pwned)"
    parted.git("switch", "--quiet", "-c", name, "main")
    parted.git("switch", "--quiet", "feature")
    refused = parted.branchmig("rebase", "--onto", name, "--dry-run")
    assert refused.exit_code == 3
    hint = refused.stderr.splitlines()[-1].partition("merge it first: ")[2].partition(", or ")[0]
    subprocess.run(["sh", "-c", hint], cwd=parted.top, check=False, capture_output=True)
    assert not (parted.top / "pwned").exists()
    assert (parted.versions / "bbb2.py").exists()

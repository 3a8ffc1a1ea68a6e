"""The page's schema: the same as Python's, and as it looks in a real Chromium."""

from __future__ import annotations

import json
import random
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.dag import RevisionDag
from branchmig.effects.entities import as_they_are, differences, tables_of
from branchmig.effects.footprint import read_changes
from branchmig.model import Revision
from branchmig.planning.picture import Picture
from branchmig.render.graph_html import Details, page
from branchmig.render.schema_page import schema_data
from branchmig.workflows.schema import SchemaStep
from tests.footprints import script
from tests.render.pictures import EVIL
from tests.render.test_graph_page import Opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser

    from branchmig.effects.entities import Column, ShownTable

TABLES, COLUMNS = ("a", "b", "s.a", "c"), ("id", "x", "y", "z")


def steps_of(bodies: dict[str, tuple[tuple[str, ...], str]]) -> list[SchemaStep]:
    """Revisions with what is below them, and the SQL of each."""
    found = []
    for name, (below, sql) in bodies.items():
        footprint = read_changes(script(f"op.execute({sql!r})"), dialect="postgresql")
        found.append(SchemaStep(name, below, footprint.changes, footprint.unread))
    return found


def statement(chance: random.Random) -> str:
    table, other = chance.choice(TABLES), chance.choice(TABLES)
    column, next_ = chance.choice(COLUMNS), chance.choice(COLUMNS)
    tolerant, tolerated = chance.choice((("", ""), ("IF NOT EXISTS ", "IF EXISTS ")))
    name = table.rpartition(".")[2]
    return chance.choice(
        (
            f"CREATE TABLE {tolerant}{table} (id int PRIMARY KEY, x text NOT NULL, y int REFERENCES {other} (id))",
            f"CREATE TABLE {table} (x int, y int, PRIMARY KEY (x, y), UNIQUE (y), FOREIGN KEY (y) REFERENCES {other})",
            f"CREATE TABLE {table} (LIKE {other}, z int)",
            f"CREATE TEMPORARY TABLE {table} (x int)",
            f"DROP TABLE {tolerated}{table} CASCADE",
            f"ALTER TABLE {table} RENAME TO {other.rpartition('.')[2]}",
            f"ALTER TABLE {table} SET SCHEMA s",
            "DROP SCHEMA s CASCADE",
            "ALTER SCHEMA s RENAME TO t",
            f"ALTER TABLE {table} ADD COLUMN {tolerant}{column} varchar(9) NOT NULL",
            f"ALTER TABLE {table} ADD COLUMN {column} int REFERENCES {other} ({next_})",
            f"ALTER TABLE {table} DROP COLUMN {tolerated}{column}",
            f"ALTER TABLE {table} RENAME COLUMN {column} TO {next_}",
            f"ALTER TABLE {table} ALTER {column} TYPE bigint, ALTER {next_} DROP NOT NULL",
            f"ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {other} ({next_})",
            f"ALTER TABLE {table} ADD CONSTRAINT k FOREIGN KEY ({column}, {next_}) REFERENCES {other} (x, y)",
            f"ALTER TABLE {table} ADD PRIMARY KEY ({column})",
            f"ALTER TABLE {table} DROP CONSTRAINT {chance.choice(('k', f'{name}_pkey', f'{name}_{column}_fkey'))}",
        )
    )


def column(is_: Column) -> list[Any]:
    return [is_.name, is_.type, is_.nullable, is_.is_key, is_.is_made, is_.is_gone]


def plain(tables: Sequence[ShownTable]) -> list[Any]:
    return [
        [
            table.name,
            table.mark,
            table.is_whole,
            [[column(each.column), each.mark, each.before and column(each.before)] for each in table.columns],
            [[list(key.columns), key.target, list(key.target_columns), mark] for key, mark in table.keys],
        ]
        for table in tables
    ]


PLAIN = """(histories) => {
  const column = (is) => is && [is.name, is.type, is.nullable, is.isKey, is.isMade, is.isGone];
  const plain = (tables) => tables.map((table) => [table.name, table.mark, table.isWhole,
    table.columns.map((each) => [column(each.column), each.mark, column(each.before)]),
    table.keys.map((key) => [key.columns, key.target, key.there, key.mark])]);
  return histories.map(([steps, first, last]) => {
    const schemas = branchmigSchema(steps);
    const [was, now] = [schemas.at([first]), schemas.at([last])];
    return [plain(schemas.asTheyAre(now)), plain(schemas.differences(was, now))];
  });
}"""


def test_the_page_follows_changes_as_python_does(browser: Browser) -> None:
    """Random histories of a line of revisions; the schema at the last, and how it differs from one in between."""
    chance = random.Random(22)
    histories, expected = [], []
    for _ in range(60):
        names = [f"r{number}" for number in range(chance.randint(2, 9))]
        sql = {name: "; ".join(statement(chance) for _ in range(chance.randint(1, 3))) for name in names}
        below = {name: tuple(names[max(0, number - 1) : number]) for number, name in enumerate(names)}
        steps = steps_of({name: (below[name], sql[name]) for name in names})
        first = chance.randrange(len(names))
        histories.append([schema_data(steps), names[first], names[-1]])
        was, now = (
            tables_of(change for step in steps[:until] for change in step.changes) for until in (first + 1, len(names))
        )
        expected.append([plain(as_they_are(now)), plain(differences(was, now))])
    opened = browser.new_page()
    opened.add_script_tag(content=files("branchmig.render").joinpath("assets", "schema.js").read_text())
    found = opened.evaluate(f"(histories) => ({PLAIN})(histories)", histories)
    opened.close()
    for history, one, other in zip(histories, found, expected, strict=True):
        assert one == other, history
    assert any(tables for tables, _ in expected)


HISTORY = {
    "aaaa0001": ((), "CREATE TABLE users (id int PRIMARY KEY, name varchar(20) NOT NULL)"),
    "bbbb0002": (("aaaa0001",), "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users (id))"),
    "cccc0003": (("aaaa0001",), "ALTER TABLE users ALTER name TYPE varchar(40), ADD COLUMN age int"),
    "dddd0004": (("bbbb0002", "cccc0003"), "ALTER TABLE users DROP COLUMN age"),
    "eeee0005": (("dddd0004",), f'CREATE TABLE "{EVIL.replace(chr(34), "")}" ("a {"long " * 30}name" int)'),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    revisions = [Revision(name, below, message=f"step {name}") for name, (below, _) in HISTORY.items()]
    dag = RevisionDag(revisions)
    steps = steps_of(HISTORY)
    steps[1] = SchemaStep(
        steps[1].id,
        steps[1].below,
        steps[1].changes,
        read_changes(script("op.execute(open('x').read())"), dialect="postgresql").unread,
    )
    found = tmp_path / "graph.html"
    picture = Picture(dag, tuple(reversed(dag.order())))
    found.write_text(page(picture, "shop", Details(schema=schema_data(steps)), str), encoding="utf-8")
    return found


@pytest.fixture
def opened(browser: Browser, path: Path) -> Iterator[Opened]:
    found = Opened(browser, path)
    yield found
    assert found.wrong == []
    found.close()


def open_schema(opened: Opened, revision: str, tables: str = "change") -> None:
    opened.page.locator(".row", has_text=revision).click()
    opened.shown("tab", "Schema").click()
    opened.page.get_by_label("Which tables").select_option(tables)


def drawn(opened: Opened) -> dict[str, list[str]]:
    """The lines of each table."""
    found = {}
    for card in opened.page.locator(".schema-table").all():
        card.scroll_into_view_if_needed()  # what is out of sight has no text that was laid out
        name = card.locator(".schema-name").inner_text()
        found[name] = [" ".join(line.inner_text().split()) for line in card.locator("tr").all()]
    return found


def test_a_revision_shows_the_tables_that_it_changes(opened: Opened) -> None:
    open_schema(opened, "cccc000")
    assert drawn(opened) == {
        "users": ["idkey int", "~ name varchar(40) not null was varchar(20)", "+ age int"],
    }
    assert opened.page.locator(".schema-mark").all_inner_texts() == ["changed"]
    assert opened.page.locator(".schema-note").all_inner_texts() == [
        "From the effects of 2 revisions: branchmig read the scripts and ran none."
    ]


def test_all_tables_at_a_merge_are_those_of_both_branches(opened: Opened) -> None:
    open_schema(opened, "dddd000", "whole")
    assert drawn(opened) == {
        "posts": ["idkey int", "user_id int → users.id"],
        "users": ["idkey int", "name varchar(40) not null"],
    }
    assert opened.page.locator(".schema-warns").all_inner_texts() == ["Not complete: 1 revision could not be read:"]
    opened.page.locator(".schema-unread .link").click()
    assert opened.shown("complementary", "Revision bbbb0002").is_visible()


def test_two_revisions_are_compared(opened: Opened) -> None:
    open_schema(opened, "dddd000", "compare")
    assert opened.page.locator(".schema-none").inner_text() == "Name a revision to compare with."
    field = opened.page.get_by_label("Revision to compare with")
    field.fill("cccc")
    assert drawn(opened) == {
        "posts": ["+ idkey int", "+ user_id int → users.id"],
        "users": ["idkey int", "name varchar(40) not null", "\u2212 age int"],
    }
    field.fill("dddd0004")
    assert opened.page.locator(".schema-none").inner_text() == "No change of a table could be read."
    field.fill("nothing")
    assert opened.page.locator(".schema-none").inner_text() == "No revision, or several, begin with nothing."


LINES = """() => [...document.querySelectorAll(".schema-lines path")].map((path) => {
  if (!path.getAttribute("d")) return null;
  const length = path.getTotalLength(), box = document.querySelector(".schema-tables").getBoundingClientRect();
  const parts = path.getAttribute("d").split("M").slice(1).map((part) => part.match(/-?[\\d.]+/g).map(Number));
  const at = ([x, y]) => [x + box.left, y + box.top];
  const near = ([x, y]) => [-2, 2].map((way) => document.elementFromPoint(x + way, y))
    .map((found) => found?.closest(".schema-table")).find(Boolean)?.querySelector(".schema-name").textContent ?? "";
  const [foot, line] = parts, tip = foot.slice(0, 2);
  const ends = [near(at([tip[0], tip[1] + 4])), near(at([line.at(-1), line.at(-2)]))];
  return [...ends, path.getAttribute("class"), length > 20]; })"""


@pytest.mark.parametrize("width", [420, 1280])
def test_a_line_leads_from_a_foreign_key_to_its_table(browser: Browser, path: Path, width: int) -> None:
    found = Opened(browser, path, width=width)
    open_schema(found, "dddd000", "whole")
    path_ = found.page.locator(".schema-lines path")
    path_.wait_for(state="attached")
    wanted = json.dumps([["posts", "users", "", True]], separators=(",", ":"))
    # The lines are drawn again when the tables have come into sight.
    found.page.wait_for_function(f"(wanted) => JSON.stringify(({LINES})()) === wanted", arg=wanted)
    assert found.page.evaluate(WIDER) == []
    found.page.locator(".schema-table", has_text="users").last.hover()
    assert path_.get_attribute("class") == "is-near"
    found.page.get_by_label("Which tables").select_option("compare")
    found.page.get_by_label("Revision to compare with").fill("cccc")
    assert "added" in str(path_.get_attribute("class")).split()
    assert found.wrong == []
    found.close()


CONTRAST = """() => {
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (one) => {
    const found = getComputedStyle(one).backgroundColor;
    return /, 0\\)$/.test(found) ? paper(one.parentElement) : found;
  };
  const hasText = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll(".schema *")].filter(hasText).map((one) => {
    const [most, least] = [light(getComputedStyle(one).color), light(paper(one))].sort((a, b) => b - a);
    return [(most + 0.05) / (least + 0.05), one.className || one.tagName, one.textContent.slice(0, 20)];
  }).filter(([ratio]) => ratio < 4.5);
}"""
WIDER = """() => [...document.querySelectorAll(".schema, .schema *")]
  .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.tagName}.${one.className}`)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_at_every_width(browser: Browser, path: Path, scheme: str) -> None:
    found = Opened(browser, path, scheme)
    for width in (420, 1280, 1920):
        found.page.set_viewport_size({"width": width, "height": 900})
        open_schema(found, "eeee000", "whole")
        assert found.page.evaluate(WIDER) == []
        assert found.page.evaluate(CONTRAST) == []
        found.shown("button", "Close").click()
        open_schema(found, "cccc000")
        assert found.page.evaluate(CONTRAST) == []
        found.shown("button", "Close").click()
    assert found.wrong == []
    found.close()

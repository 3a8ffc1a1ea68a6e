"""The page in a real Chromium: opened from a file, without a network, by mouse and by keyboard."""

from __future__ import annotations

import json
import re
import statistics
from typing import TYPE_CHECKING, Any

import pytest

from branchmig.dag import RevisionDag
from branchmig.effects.summary import Item, Summary
from branchmig.model import Origin, Revision
from branchmig.planning.picture import Picture
from branchmig.render.graph_html import Details, page
from tests.graphs import line
from tests.render.pictures import EVIL, REVISIONS, everything, with_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, LocatorAssertions, Page


class Opened:
    """A page, and what went wrong in it: errors, and requests for anything but itself.

    All pages open in one tab of the browser, one after another: a new tab costs half a second of CPU.
    """

    def __init__(
        self, browser: Browser, path: Path, scheme: str = "light", width: int = 1360, address: str = ""
    ) -> None:
        context = browser.contexts[0] if browser.contexts else browser.new_context()
        self.page: Page = context.pages[0] if context.pages else context.new_page()
        self.wrong: list[str] = []
        self._listeners: dict[str, Callable[[Any], None]] = {
            "console": lambda message: self.wrong.append(f"console: {message.text}"),
            "pageerror": lambda error: self.wrong.append(f"error: {error}"),
            "dialog": lambda dialog: self.wrong.append(f"dialog: {dialog.message}"),
            "request": self._requested,
        }
        # From the same page, an address with a fragment would load nothing.
        self.page.goto("about:blank")
        self.page.set_viewport_size({"width": width, "height": 760})
        self.page.emulate_media(color_scheme=scheme, reduced_motion="null")  # type: ignore[arg-type]
        for event, listener in self._listeners.items():
            self.page.on(event, listener)  # type: ignore[call-overload]
        self.page.goto(path.as_uri() + address)

    def close(self) -> None:
        """Leave the tab as a new tab is."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.evaluate("localStorage.clear()")

    def _requested(self, request: Any) -> None:
        if request.url != self.page.url and not request.url.startswith(("data:", "file:///")):
            self.wrong.append(f"request: {request.url}")

    def selected(self) -> str:
        """The revision that has the focus, as assistive technology is told."""
        # The page draws in the next frame after a key.
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        named = self.page.locator("#graph").get_attribute("aria-activedescendant")
        row = self.page.locator(f"#{named}")
        assert row.get_attribute("aria-selected") == "true"
        return row.locator(".id").inner_text()

    def shown(self, role: str, name: str) -> Locator:
        return self.page.get_by_role(role, name=name)  # type: ignore[arg-type]

    def expect(self, selector: str) -> LocatorAssertions:
        """Wait for what is to be true of an element, without the eval() that the page's policy forbids."""
        from playwright.sync_api import expect

        return expect(self.page.locator(selector))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


def details() -> Details:
    blame = [("c0ffee" * 6 + "abcd", "Ada <b>", "2026-01-05")] * 2 + [("", "", "")]
    script = f'"""{EVIL}"""\ndef upgrade():\n    pass  # {EVIL}\n'
    return Details(
        {revision.id: script for revision in REVISIONS}, {"cccc0000": f"SELECT '{EVIL}';\n"}, {"cccc0000": blame}
    )


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    path = tmp_path / "graph.html"
    path.write_text(page(with_effects(), EVIL, details(), str), encoding="utf-8")
    found = Opened(browser, path)
    yield found
    assert found.wrong == []
    found.close()


def test_it_opens_from_a_file_with_every_revision_and_its_words(opened: Opened) -> None:
    rows = opened.page.locator(".row")
    assert rows.locator(".id").all_inner_texts() == ["eeee000", "dddd000", "cccc000", "bbbb000", "aaaa000"]
    assert rows.nth(3).locator(".message").inner_text() == EVIL
    assert rows.nth(2).locator(".chip").all_inner_texts() == ["+ added"]
    assert opened.page.locator("#title").inner_text().startswith(EVIL)
    assert opened.page.locator("#matches").inner_text() == "5 revisions"
    assert opened.page.title() == f"{EVIL}: revisions"
    assert opened.page.locator("#lanes path.needs").count() == 1


def test_a_page_without_revisions_is_no_error(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(Picture(RevisionDag([]), ()), "empty", Details(), str), encoding="utf-8")
    found = Opened(browser, path)
    found.press("j", "End", "Enter", "n", "p", "-")
    assert found.page.locator("#matches").inner_text() == "0 revisions"
    assert found.wrong == []
    found.close()


def test_a_click_shows_script_sql_and_blame(opened: Opened) -> None:
    opened.page.locator(".row", has_text="cccc000").click()
    panel = opened.shown("complementary", "Revision cccc0000")
    assert panel.locator("h2").inner_text() == "add é"
    assert panel.locator(".text").nth(0).inner_text() == f'"""{EVIL}"""'
    assert panel.locator(".text .k").all_inner_texts() == ["def", "pass"]
    opened.shown("tab", "SQL").click()
    assert panel.locator(".text").all_inner_texts() == [f"SELECT '{EVIL}';"]
    opened.shown("tab", "Blame").click()
    assert panel.locator(".who").all_inner_texts() == ["c0ffeec0 Ada <b> 2026-01-05", "", "not committed yet"]
    facts = panel.locator("dl").first.inner_text().split("\n")
    assert "feature/x" in facts
    assert "c0ffeec0ffee" in facts
    panel.get_by_role("link", name="aaaa000").click()
    assert opened.shown("complementary", "Revision aaaa0000").locator("h2").inner_text() == "first"
    opened.shown("button", "Close").click()
    assert not opened.page.locator("#panel").is_visible()


def test_the_keyboard_does_it_all(opened: Opened) -> None:
    assert opened.selected() == "eeee000"
    opened.press("j", "ArrowDown")
    assert opened.selected() == "cccc000"
    opened.press("k")
    assert opened.selected() == "dddd000"
    opened.press("End")
    assert opened.selected() == "aaaa000"
    opened.press("c")
    assert opened.selected() == "cccc000"
    opened.press("p")
    assert opened.selected() == "aaaa000"
    opened.press("Enter")
    assert opened.shown("complementary", "Revision aaaa0000").is_visible()
    opened.press("Escape")
    assert not opened.page.locator("#panel").is_visible()
    opened.press("?")
    assert opened.shown("dialog", "Keyboard").is_visible()
    opened.press("Escape")
    assert not opened.shown("dialog", "Keyboard").is_visible()


def test_search_finds_and_goes_on(opened: Opened) -> None:
    opened.press("/")
    opened.page.keyboard.type("<SCRIPT>")
    opened.expect("#matches").to_have_text("1 of 5")
    opened.press("Enter")
    assert opened.selected() == "bbbb000"
    opened.press("Escape", "/")
    opened.page.keyboard.type("00")
    opened.expect("#matches").to_have_text(re.compile("/ 5$"))
    opened.press("Enter")
    assert opened.selected() == "bbbb000"
    opened.press("n")
    assert opened.selected() == "aaaa000"
    opened.press("n")
    assert opened.selected() == "eeee000"
    opened.press("N")
    assert opened.selected() == "aaaa000"
    assert opened.page.locator("#matches").inner_text() == "5 / 5"


def test_scripts_are_searched_when_asked_for(opened: Opened) -> None:
    opened.page.locator("#search").fill("def upgrade")
    opened.expect("#matches").to_have_text("0 of 5")
    opened.page.get_by_label("in scripts").check()
    assert opened.page.locator("#matches").inner_text() == "1 / 5"


def test_filters_leave_only_what_is_meant(opened: Opened) -> None:
    tables = f"orders{EVIL}\x1b[31m"
    for name, value, kept in (
        ("branch", "feature/x", ["cccc000"]),
        ("state", "applied", ["bbbb000", "aaaa000"]),
        ("label", "users", ["eeee000", "dddd000", "bbbb000"]),
        # cccc, eeee and aaaa cannot be read in full: nobody can tell whether they touch it.
        ("table", tables, ["eeee000", "cccc000", "bbbb000", "aaaa000"]),
        ("table", "tasks", ["eeee000", "cccc000", "bbbb000", "aaaa000"]),
    ):
        chosen = opened.page.get_by_label(f"Show only {name}")
        chosen.select_option(label=value)
        assert opened.page.locator(".row .id").all_inner_texts() == kept
        chosen.select_option(label=f"any {name}")
    assert opened.page.locator(".row").count() == 5
    assert opened.page.get_by_label("Show only author").count() == 0


def test_the_filter_of_tables_says_what_it_cannot_tell_and_works_by_keyboard(opened: Opened) -> None:
    opened.press("f")
    assert opened.page.evaluate("document.activeElement.id") == "filter-table"
    opened.page.keyboard.type("audit")
    opened.expect("#matches").to_contain_text("/")
    assert opened.page.locator("#matches").inner_text() == "1 / 4, 3 not read in full"
    opened.press("Escape")
    assert opened.page.locator("#matches").inner_text() == "5 revisions"


def test_what_a_revision_changes_is_beside_it_and_in_its_panel(opened: Opened) -> None:
    row = opened.page.locator(".row", has_text="bbbb000")
    table = f"orders{EVIL}\x1b[31m"
    assert row.locator(".effect").all_text_contents() == [
        f"\u26a0 locks {table}",
        f"+ {table}",
        f"{table}.title → name",
    ]
    assert row.locator(".more").inner_text() == "+4"
    assert opened.page.locator(".row", has_text="cccc000").locator(".effect").all_text_contents() == [
        "? raw SQL",
        "+ tasks",
    ]
    row.click()
    panel = opened.shown("complementary", "Revision bbbb0000")
    assert panel.locator(".changes .effect").all_text_contents() == [
        f"+ {table}",
        f"{table}.title → name",
        "\u2212 audit",
        "~ tasks.title: not null",
        "updates tasks",
        f"\u26a0 locks {table}",
        "\u26a0 may fail on tasks (allowed)",
    ]
    assert panel.locator(".why").nth(1).inner_text() == f"allowed: allowed {EVIL} (line 8)"
    opened.page.locator(".row", has_text="eeee000").click()
    assert opened.page.locator(".changes .effect").all_text_contents() == ["? no script"]


def test_the_address_opens_a_revision_and_follows_the_selection(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(with_effects(), "shop", details(), str), encoding="utf-8")
    found = Opened(browser, path, address="#ccc")
    assert found.selected() == "cccc000"
    found.shown("complementary", "Revision cccc0000").get_by_role("link", name="bbbb000").click()
    found.page.wait_for_url("**#bbbb0000")
    assert found.selected() == "bbbb000"
    found.page.go_back()
    found.expect("#panel").to_have_attribute("aria-label", "Revision cccc0000")
    assert found.selected() == "cccc000"
    found.page.locator("#graph").focus()
    found.press("j", "j")
    found.page.wait_for_url("**#aaaa0000")
    found.press("Escape")
    found.page.wait_for_url(re.compile("^[^#]*$"))
    assert not found.page.locator("#panel").is_visible()
    assert found.wrong == []
    found.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [("#zzzz%3Cb%3E", "This page has no revision “zzzz<b>”."), ("#%", "This page has no revision “%”.")],
)
def test_an_address_that_names_no_revision_says_so(browser: Browser, tmp_path: Path, address: str, said: str) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(everything(), "shop", Details(), str), encoding="utf-8")
    found = Opened(browser, path, address=address)
    assert found.page.get_by_role("alert").locator("span").inner_text() == said
    found.shown("button", "Dismiss").click()
    assert found.page.get_by_role("alert").count() == 0
    assert found.wrong == []
    found.close()


def test_an_abbreviation_of_several_revisions_lists_them(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(large(20), "shop", Details(), str), encoding="utf-8")
    found = Opened(browser, path, address="#r00001")
    notice = found.page.get_by_role("alert")
    assert notice.locator("span").first.inner_text() == "10 revisions begin with “r00001”:"
    notice.get_by_role("link", name="r000012").click()
    found.page.wait_for_url("**#r000012")
    assert found.selected() == "r000012"
    assert not notice.is_visible()
    found.close()


def test_a_script_opens_at_its_upgrade(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    lines = [*(f"# {number}" for number in range(200)), "def upgrade():", *["    pass"] * 200]
    path.write_text(page(everything(), "shop", Details({"bbbb0000": "\n".join(lines)}), str), encoding="utf-8")
    found = Opened(browser, path, address="#bbbb0000")
    top = found.page.evaluate("document.querySelector('[role=tabpanel]').getBoundingClientRect().top")
    box = found.page.locator(".code tr", has_text="def upgrade").bounding_box()
    assert box is not None
    assert top - 1 <= box["y"] <= top + 20
    found.close()


def test_the_header_names_the_databases_without_passwords(opened: Opened) -> None:
    assert opened.page.locator(".base").all_inner_texts()[0] == "shop"
    assert opened.page.locator(".base").first.get_attribute("title") == (
        "postgresql://app:***@db.example.org:5432/shop?sslmode=require"
    )


def test_from_afar_labels_fade_and_lanes_and_heads_stay(opened: Opened) -> None:
    opened.press("-", "-", "-")
    faded = opened.page.locator(".row .message").last
    assert float(faded.evaluate("made => getComputedStyle(made.closest('.said')).opacity")) < 1
    opened.press("-", "-", "-")
    assert not opened.page.locator(".row", has_text="aaaa000").locator(".said").is_visible()
    assert opened.page.locator(".row", has_text="eeee000").count() == 1
    assert opened.page.locator(".row.is-landmark .said").first.is_visible()
    assert opened.page.locator("#lanes path").count() > 0
    assert opened.page.locator("#lanes circle:not(.halo)").count() == 5


WIDTHS = (420, pytest.param(1280, marks=pytest.mark.soak), 1920)
OVERFLOWS = """() => {
  const boxes = [...document.querySelectorAll('html, body, header, main, #graph, #panel, .about')];
  const wide = boxes.filter(box => box.scrollWidth > box.clientWidth + 1);
  // What a row holds cannot be scrolled to: it has to end where the graph does.
  const edge = document.getElementById('graph').getBoundingClientRect().right + 1;
  const out = [...document.querySelectorAll('.row > *')].filter(part => part.getBoundingClientRect().right > edge);
  return [...wide, ...out].map(box => box.id || box.className || box.tagName); }"""
# Text is read on what is painted behind it: colours are laid over each other, from the page up to the text's own box.
FAINT = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const over = (top, below) => [0, 1, 2].map(n => top[n] * (top[3] ?? 1) + below[n] * (1 - (top[3] ?? 1)));
  const linear = value => value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const light = colour => [.2126, .7152, .0722].reduce((sum, part, n) => sum + part * linear(colour[n] / 255), 0);
  const isText = node => node.nodeType === 3 && node.textContent.trim();
  const found = [];
  for (const box of document.querySelectorAll('body *')) {
    const isRead = [...box.childNodes].some(isText) || box.matches('input, select');
    const isSeen = box.checkVisibility({ visibilityProperty: true });
    if (!isRead || !isSeen || box.closest('script, style, option, dialog:not([open])')) continue;
    const line = [];
    for (let at = box; at; at = at.parentElement) line.unshift(getComputedStyle(at));
    const paper = line.reduce((below, style) => over(parse(style.backgroundColor), below), [255, 255, 255]);
    const opacity = line.reduce((product, style) => product * Number(style.opacity), 1);
    const ink = over([...parse(line.at(-1).color).slice(0, 3), opacity], paper);
    const [high, low] = [light(ink), light(paper)].sort((a, b) => b - a);
    const contrast = (high + .05) / (low + .05);
    if (contrast < 4.5) found.push([box.className, box.textContent.slice(0, 20), contrast]);
  }
  return found; }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows_and_all_text_is_readable(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(with_effects(), f"a shop with a name {EVIL}", details(), str), encoding="utf-8")
    for address in ("", "#bbbb0000", "#nowhere"):
        found = Opened(browser, path, scheme, width, address)
        found.page.emulate_media(reduced_motion="reduce")
        assert found.page.locator(".row").count() == 5
        assert found.page.locator("#lanes path").evaluate_all("all => all.every(path => path.checkVisibility())")
        assert (address, found.page.evaluate(OVERFLOWS)) == (address, [])
        assert (address, found.page.evaluate(FAINT)) == (address, [])
        assert found.wrong == []
        found.close()


def test_on_a_telephone_state_and_author_are_in_sight(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(with_effects(), "shop", details(), str), encoding="utf-8")
    found = Opened(browser, path, width=420)
    row = found.page.locator(".row", has_text="cccc000")
    for name, text in (("state", "pending"), ("author", "Ada <Author>"), ("message", "add é"), ("id", "cccc000")):
        part = row.locator(f".{name}")
        assert part.inner_text() == text
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 420
    row.click()
    assert "Ada <Author>" in found.page.locator("#panel dl").inner_text()
    found.close()


def test_it_follows_the_theme_and_can_be_turned(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "graph.html"
    path.write_text(page(everything(), "shop", details(), str), encoding="utf-8")
    seen = {}
    for scheme in ("light", "dark"):
        found = Opened(browser, path, scheme)
        paper = "getComputedStyle(document.body).backgroundColor"
        seen[scheme] = found.page.evaluate(paper)
        found.press("t")
        assert found.page.evaluate(paper) != seen[scheme]
        found.shown("button", "Switch between light and dark").click()
        assert found.page.evaluate(paper) == seen[scheme]
        assert found.wrong == []
        found.close()
    assert seen == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


def test_zoom_changes_the_rows(opened: Opened) -> None:
    def height() -> float:
        box = opened.page.locator(".row").first.bounding_box()
        assert box is not None
        return box["height"]

    before = height()
    opened.press("+")
    assert height() > before
    opened.press("0", "-")
    assert height() < before
    opened.press("0")
    assert height() == before


def large(length: int = 5000) -> Picture:
    revisions = [
        Revision(revision.id, revision.parents, message=f"step {number} of many")
        for number, revision in enumerate(line(length))
    ]
    effects = {
        revision.id: Summary(
            (
                Item("add", f"table_{n % 300}.column_{n}", f"adds column column_{n}", 9, f"table_{n % 300}"),
                Item("add", f"index ix_{n} on table_{n % 300}", f"creates index ix_{n}", 10, f"table_{n % 300}"),
                Item("hazard", f"locks table_{n % 300}", "nothing can be written to the table", 10),
            ),
            (f"table_{n % 300}",),
        )
        for n, revision in enumerate(revisions)
    }
    dag = RevisionDag(revisions)
    authors = {
        revision.id: Origin(f"topic/{n % 40}", f"{n:040}", f"author {n % 9}") for n, revision in enumerate(revisions)
    }
    return Picture(dag, tuple(reversed(dag.order())), authorships=authors, effects=effects)


FIRST_PAINT = """() => new Promise(done => new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (entry.name === 'first-contentful-paint') done(entry.startTime);
}).observe({ type: 'paint', buffered: true }))"""
FRAMES = """() => { window.frames_ = []; let last = performance.now();
  const tick = now => { window.frames_.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick); }"""


def measured(browser: Browser, path: Path) -> tuple[float, float]:
    """Milliseconds to the first paint, the best of two, and the median frame while it is dragged."""
    paints = []
    for _ in range(2):
        found = Opened(browser, path)
        paints.append(float(found.page.evaluate(FIRST_PAINT)))
        if len(paints) < 2:
            found.close()
    found.page.evaluate(FRAMES)
    mouse = found.page.mouse
    for _ in range(3):
        mouse.move(600, 700)
        mouse.down()
        for step in range(30):
            mouse.move(600, 700 - 20 * step)
        mouse.up()
    frames = found.page.evaluate("window.frames_")
    assert found.wrong == []
    found.close()
    return min(paints), statistics.median(frames)


def test_five_thousand_revisions_are_as_quick_as_an_empty_page(browser: Browser, tmp_path: Path) -> None:
    script = "x = 1\n" * 100
    picture = large()
    many, empty = tmp_path / "many.html", tmp_path / "empty.html"
    many.write_text(page(picture, "many", Details(dict.fromkeys(picture.shown, script)), str), encoding="utf-8")
    empty.write_text("<!DOCTYPE html><title>empty</title><p>empty", encoding="utf-8")
    (paint, frame), (empty_paint, empty_frame) = measured(browser, many), measured(browser, empty)
    # A generous bound: the machines that run this are shared. On an idle one it is 30 ms more, and the same frames.
    assert paint < empty_paint + 1000
    assert frame < 3 * empty_frame


def test_only_the_rows_in_sight_are_in_the_page(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    path.write_text(page(large(), "many", Details(), str), encoding="utf-8")
    found = Opened(browser, path)
    assert found.page.locator(".row").count() < 100
    found.press("End")
    assert found.selected() == "r000000"
    assert found.page.locator(".row").count() < 100
    found.page.locator("#search").fill("step 2500 of")
    found.expect("#matches").to_have_text("1 of 5,000")
    found.page.locator("#search").press("Enter")
    assert found.selected() == "r002500"
    box = found.page.locator(".row[aria-selected=true]").bounding_box()
    assert box is not None
    assert 50 < box["y"] < 720
    found.page.locator(".row[aria-selected=true]").hover()
    top = found.page.evaluate("document.getElementById('graph').scrollTop")
    found.page.mouse.down()
    found.page.mouse.move(600, 100)
    found.page.mouse.up()
    assert found.page.evaluate("document.getElementById('graph').scrollTop") > top
    assert not found.page.locator("#panel").is_visible()
    assert json.loads(found.page.evaluate("JSON.stringify(localStorage)")) == {}
    assert found.wrong == []
    found.close()

"""The documentation as a site, in a real Chromium: on a telephone, a laptop and a wide screen, light and dark."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts.docs_pages import DOCS
from tests.repositories import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

FIGURE_COLUMNS = 80
"""What fits beside both menus at 1280 px."""

# What is wider than its place: of figures, those that do not fit a laptop; everything else has to fit everywhere.
OVERFLOWS = """() => {
  const wide = box => box.scrollWidth > box.clientWidth + 1;
  const screen = document.documentElement.clientWidth;
  const code = [...document.querySelectorAll('article pre > code')].filter(wide);
  const lost = screen < 1280 ? code.filter(box => !box.closest('.language-text')) : code;
  const images = [...document.querySelectorAll('article img')]
    .filter(box => box.getBoundingClientRect().right > screen);
  return [...[document.documentElement].filter(wide), ...lost, ...images].map(box => box.innerText.slice(0, 80)); }"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the site is built where branchmig[docs] is installed")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", str(folder)]
    subprocess.run(words, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
    return folder


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280, 1920])
def test_nothing_on_a_page_of_the_site_is_cut_off(browser: Browser, site: Path, width: int, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type]
    opened = context.new_page()
    wrong = {}
    for path in sorted(site.glob("*.html")):
        opened.goto(path.as_uri())
        wrong[path.name] = opened.evaluate(OVERFLOWS)
    context.close()
    assert (len(wrong) > 30, {name: found for name, found in wrong.items() if found}) == (True, {})


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_a_figure_fits_beside_the_menus(page: Path) -> None:
    fences = re.findall(r"^```(.*)\n((?:.*\n)*?)```$", page.read_text(encoding="utf-8"), re.MULTILINE)
    wide = [line for language, body in fences if not language for line in body.splitlines()]
    assert [line for line in wide if len(line) > FIGURE_COLUMNS] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_a_number_of_a_source_is_a_link_and_a_placeholder_is_explained(page: Path) -> None:
    text = re.sub(r"^```(.*)\n((?:.*\n)*?)```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert re.findall(r"(?<!\[)\[\d+\](?!\()", re.sub(r"`[^`\n]*`", "", text)) == []
    used = {name for name in ("OWNER", "HOST") if re.search(rf"\b{name}/", page.read_text(encoding="utf-8"))}
    assert {name for name in used if not re.search(rf"\b{name}\b[^`]* (is|are) the|Replace {name}\b", text)} == set()

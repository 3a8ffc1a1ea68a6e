"""The browser of the tests that look at pages."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

CHROMIUM = os.environ.get("BRANCHMIG_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
HOW = (
    "no browser: pip install 'branchmig[browser]' and, on Debian, apt-get install chromium (or BRANCHMIG_TEST_CHROMIUM)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright leaves an event loop running in this thread, and asyncio.run() in later tests would fail.
    playwright = pytest.importorskip("playwright.sync_api", reason=HOW)
    if not CHROMIUM:
        pytest.skip(HOW)
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()

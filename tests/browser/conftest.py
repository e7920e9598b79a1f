"""One Chromium for all browser tests of a worker; a page that counts every request it makes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import chromium


def _no_browser(why: str) -> None:
    """Missing browsers are a skip for a reader, and a failure in CI, where nobody reads skips."""
    message = f"browser test not run: {why}; run `python tests/browser/chromium.py`"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


# Not for the whole session: while Playwright runs, nothing else in this thread may start an event loop.
@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    path = chromium.find()
    if path is None:
        _no_browser("there is no Chromium or Chrome")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield browser
        browser.close()


class WatchedPage:
    """A page in an offline context of its own that notes every request it makes and every error."""

    def __init__(self, browser) -> None:
        self.context = browser.new_context(accept_downloads=True)
        self.context.set_offline(True)
        self.page, self.requests, self.errors = self.context.new_page(), [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def open(self, path: Path, *, dark: bool, width: int, height: int):
        """The page with a file in it, once its explorer is drawn; nothing is left of what stood there."""
        self.page.mouse.move(0, 0)  # where a test left the mouse, it would point at something from the start
        self.requests.clear()
        self.errors.clear()
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto(path.as_uri())
        self.page.wait_for_selector('[data-state="ready"]', timeout=30_000)
        self.page.wait_for_function(
            "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
        )
        return self.page

    def check(self) -> None:
        """The page asked for nothing from outside, and reported no error."""
        outside = [url for url in self.requests if not url.startswith(("file:", "blob:", "data:"))]
        assert outside == [], f"the page asked the network for {outside}"
        assert self.errors == [], f"the page reported {self.errors}"


@pytest.fixture(scope="module")
def first_page(browser):
    """What the tests of a module open in turn: a new page for each took a quarter of a second of work."""
    watched = WatchedPage(browser)
    yield watched
    watched.context.close()


@pytest.fixture
def open_page(browser, first_page):
    """Open a file offline: `open_page(path, dark=False)`; it must ask for nothing and report no error.

    The first file that a test opens comes into the module's page, further ones get pages of their own; so
    does a first one that is to be `fresh`, for tests that change what outlives a file, such as the clock.
    """
    used = []

    def open_file(
        path: Path, *, dark: bool = False, width: int = 900, height: int = 1100, fresh: bool = False
    ):
        used.append(WatchedPage(browser) if used or fresh else first_page)
        return used[-1].open(path, dark=dark, width=width, height=height)

    yield open_file
    for watched in used:
        if watched is not first_page:
            watched.context.close()
    for watched in used:
        watched.check()


@pytest.fixture
def explorer_page(open_page, tmp_path):
    """Open explorers offline, all on one page: `explorer_page(widget, ..., dark=False, width=900)`."""
    from explorer_page import ExplorerPage, page_of

    def open_explorers(*widgets, dark: bool = False, width: int = 900, fresh: bool = False) -> ExplorerPage:
        if len(widgets) == 1:
            path = widgets[0].save_html(tmp_path / "explorer.html")
        else:
            path = page_of(widgets, tmp_path / "explorers.html")
        page = open_page(path, dark=dark, width=width, fresh=fresh)
        page.wait_for_function(f"document.querySelectorAll('[data-state=ready]').length === {len(widgets)}")
        return ExplorerPage(page, dark)

    return open_explorers

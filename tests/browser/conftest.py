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


@pytest.fixture
def open_page(browser):
    """Open a file offline: `open_page(path, dark=False)`; it must ask for nothing and report no error."""
    contexts, requests, errors = [], [], []

    def open_file(path: Path, *, dark: bool = False, width: int = 900, height: int = 1100):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )  # fmt: skip
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        page.wait_for_selector('[data-state="ready"]', timeout=30_000)
        page.wait_for_function("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
        return page

    yield open_file
    for context in contexts:
        context.close()
    outside = [url for url in requests if not url.startswith(("file:", "blob:", "data:"))]
    assert outside == [], f"the page asked the network for {outside}"
    assert errors == [], f"the page reported {errors}"


@pytest.fixture
def explorer_page(open_page, tmp_path):
    """Open explorers offline: `explorer_page(widget, ..., dark=False, width=900)`, all on one page."""
    from explorer_page import ExplorerPage, page_of

    def open_explorers(*widgets, dark: bool = False, width: int = 900) -> ExplorerPage:
        if len(widgets) == 1:
            path = widgets[0].save_html(tmp_path / "explorer.html")
        else:
            path = page_of(widgets, tmp_path / "explorers.html")
        page = open_page(path, dark=dark, width=width)
        page.wait_for_function(f"document.querySelectorAll('[data-state=ready]').length === {len(widgets)}")
        return ExplorerPage(page, dark)

    return open_explorers

"""The chapters' static pages in Chromium: formulas as wide as MathJax sets them, small screens, the keyboard.

The pages are made from the stored outputs, without running anything; living widgets have tests of their own.
`python tests/browser/test_static_pages.py` prints the formulas, for mathjax_widths.cjs.
"""

from __future__ import annotations

import html
import io
import json
import re
import statistics
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from llmasos_edu.book import load_outline
from llmasos_edu.book.notebooks import WIDGET_STATE
from llmasos_edu.book.page import page_of

MATHJAX = Path(__file__).with_name("mathjax_widths.json")
READY = [chapter for chapter in load_outline() if chapter.status == "ready"]
FORMULA = re.compile(r'<math alttext="([^"]*)" display="(\w+)">.*?</math>', re.DOTALL)


def stored_page(chapter) -> str:
    notebook = nbformat.read(chapter.path(), as_version=4)
    notebook.metadata["widgets"] = {WIDGET_STATE: {"state": {}}}  # as if it had been run, and had none
    return page_of(notebook, chapter.path())


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """{chapter's file: path of its page}."""
    folder = tmp_path_factory.mktemp("pages")
    paths = {chapter.file: folder / f"{chapter.file}.html" for chapter in READY}
    for chapter in READY:
        paths[chapter.file].write_text(stored_page(chapter), encoding="utf-8")
    return paths


def formulas(text) -> dict[str, str]:
    """{display|tex: MathML} of a page."""
    return {f"{found[2]}|{html.unescape(found[1])}": found[0] for found in FORMULA.finditer(text)}


@pytest.fixture
def show(browser):
    """Open a page at a width: `show(path, 390)`."""
    opened = []

    def open_page(path, width):
        opened.append(browser.new_page(viewport={"width": width, "height": 900}))
        opened[-1].goto(path.as_uri())
        opened[-1].evaluate("document.fonts.ready")
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()


@pytest.mark.parametrize("file", [chapter.file for chapter in READY])
def test_a_phone_shows_the_page_without_moving_it_sideways_and_the_keyboard_reaches_what_scrolls(
    pages, show, file
):
    page = show(pages[file], 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    scrolls = """() => [...document.querySelectorAll("main *")]
        .filter((box) => box.scrollWidth > box.clientWidth && box.tabIndex !== 0
            && ["auto", "scroll"].includes(getComputedStyle(box).overflowX))
        .map((box) => box.outerHTML.slice(0, 80))"""
    assert page.evaluate(scrolls) == []
    assert page.locator("th", has_not_text=re.compile(r"\S")).count() == 0
    page.set_viewport_size({"width": 4000, "height": 900})
    page.wait_for_function("document.querySelectorAll('.formula[tabindex]').length === 0")


def test_axe_finds_nothing_in_a_page_with_formulas_tables_and_code(pages, show):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = show(pages["04_2_3_positional_encoding"], 390)
    page.evaluate(
        "[...document.querySelectorAll('main > *')].slice(60).forEach((element) => element.remove())"
    )
    found = axe.Axe().run(page).response["violations"]
    # axe does not see that a formula names a column.
    nodes = [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
    assert [(name, markup) for name, markup in nodes if "<math" not in markup] == []


WIDTHS = """() => [...document.querySelectorAll("math")].map((formula) => {
    const all = [...formula.querySelectorAll("mi, mo, mn, mtext, msqrt")];
    const parts = all.map((element) => element.getBoundingClientRect());
    return Math.max(...parts.map((p) => p.right)) - Math.min(...parts.map((p) => p.left)); })"""


def test_formulas_are_as_wide_as_mathjax_sets_them(pages, show, tmp_path):
    """A lost space, letter, root or alphabet shows as a width; letters of another font differ by a tenth."""
    mathjax = json.loads(MATHJAX.read_text(encoding="utf-8"))
    texts = [path.read_text(encoding="utf-8") for path in pages.values()]
    ours = {
        key: markup for text in texts for key, markup in formulas(text).items() if mathjax.get(key, 0) > 4
    }
    assert len(ours) > 0.8 * sum(width > 4 for width in mathjax.values()), "write mathjax_widths.json anew"
    style = re.search(r"<style>.*?</style>", max(texts, key=len), re.DOTALL)[0]
    path = tmp_path / "formulas.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8>{style}<p>" + "<p>".join(ours.values()), encoding="utf-8"
    )
    widths = show(path, 4000).evaluate(WIDTHS)
    ratios = {key: width / mathjax[key] for key, width in zip(ours, widths, strict=True)}
    usual = statistics.median(ratios.values())
    # Brackets round a small table and roots count more; index and fraction sizes differ between the fonts.
    odd = {key: round(ratio / usual, 2) for key, ratio in ratios.items() if not 0.82 < ratio / usual < 1.27}
    assert odd == {}


def test_both_bars_of_a_norm_stand_on_one_line_and_a_root_has_its_sign(show, tmp_path):
    from llmasos_edu.book.formulas import font_css, mathml

    body = mathml(r"\lVert g_j \rVert^2 + \|x\|_2", "inline") + mathml(r"\sqrt 2", "inline")
    path = tmp_path / "bars.html"
    path.write_text(
        f"<!doctype html><style>{font_css(body)} math {{ font-family: 'Book Math' }}</style>{body}"
    )
    page = show(path, 900)
    bars = page.locator("mo", has_text="‖").evaluate_all(
        "(bars) => bars.map((bar) => bar.getBoundingClientRect()).map((box) => [box.top, box.bottom])"
    )
    assert len(bars) == 4
    assert max(abs(a - b) for bar in bars for a, b in zip(bar, bars[0], strict=True)) < 1
    assert page.evaluate("document.fonts.check('20px \"Book Math\"', '√‖')")
    root = page.locator("msqrt").evaluate("(root) => root.getBoundingClientRect().width")
    digit = page.locator("msqrt mn").evaluate("(digit) => digit.getBoundingClientRect().width")
    assert root > 1.5 * digit


def test_a_root_takes_no_room_behind_it_and_a_sign_between_words_is_spaced(show, tmp_path):
    from llmasos_edu.book.formulas import font_css, mathml

    shown = {}
    for name, last in (("low", r"\sqrt 2"), ("tall", r"\sqrt{\frac12}")):
        body = "".join(mathml(tex, "block") for tex in (r"\text{alone} - \text{both}", r"\sqrt{d_k}", last))
        path = tmp_path / f"{name}.html"
        path.write_text(
            f"<!doctype html><style>{font_css(body)} math {{ font: 50px 'Book Math' }}</style>{body}"
        )
        page = show(path, 900)
        boxes = (
            "(nodes) => nodes.map((node) => node.getBoundingClientRect()).map((box) => [box.left, box.right])"
        )
        (_, end), (start, _) = page.locator("math").first.locator("mi, mtext").evaluate_all(boxes)
        ((left, right),) = page.locator("math").first.locator("mo").evaluate_all(boxes)
        assert 9 < left - end < 14, "medium space is 2/9 em"
        assert 9 < start - right < 14
        shown[name] = page.locator("msqrt").evaluate_all(
            "(roots) => roots.map((root) => root.getBoundingClientRect().width"
            " - root.firstElementChild.getBoundingClientRect().width)"
        )
    assert max(shown["low"]) < 45, "the sign is 0.8 em wide"
    assert min(shown["tall"]) > 50, "the sign's larger sizes are wider"


def test_a_line_over_several_letters_covers_them_all(show, tmp_path):
    from llmasos_edu.book.formulas import font_css, mathml

    body = mathml(r"\overline{x_i^2 + y}", "block") + mathml(r"\bar x", "block")
    path = tmp_path / "overline.html"
    path.write_text(f"<!doctype html><style>{font_css(body)} math {{ font: 50px 'Book Math' }}</style>{body}")
    page = show(path, 900)
    covered = []  # the longest row of ink as a share of all: a stretched sign has no box of its own
    for formula in page.locator("mover").all():
        picture = Image.open(io.BytesIO(formula.screenshot())).convert("L")
        ink = np.asarray(picture) < 128
        covered.append(ink.sum(axis=1).max() / ink.any(axis=0).sum())
    assert covered[0] > 0.9
    assert covered[1] < 0.8, "over one letter it is as short as the letter"


if __name__ == "__main__":
    print(json.dumps(sorted({key for chapter in READY for key in formulas(stored_page(chapter))})))
    sys.exit()

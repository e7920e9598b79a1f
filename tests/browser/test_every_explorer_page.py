"""What holds for every explorer on a page of its own: keys, axe, files, themes, colours, small screens.

One page an explorer serves all of its tests here: each leaves theme and size as it found them.
"""

import re

import pytest
from every_explorer import EXPLORERS
from explorer_page import ExplorerPage, page_of

COLOURED = ".lm-bits i, .lm-share, .lm-dk-bars i, .lm-dk-strip i, .lm-cells td"
WALK = ".lm-map, .lm-token[tabindex='0'], [role='gridcell'][tabindex='0']"
WIDE = {"width": 900, "height": 1100}


@pytest.fixture(scope="module", params=EXPLORERS.values(), ids=EXPLORERS)
def view(request, browser, tmp_path_factory):
    """The explorer and, after it, another one, offline; at the end neither asked for anything or failed."""
    context = browser.new_context(viewport=WIDE, color_scheme="light", accept_downloads=True)
    context.set_offline(True)
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    path = tmp_path_factory.mktemp("every") / "two.html"
    other = EXPLORERS["masking" if request.param is EXPLORERS["gradient plane"] else "gradient plane"]
    page.goto(page_of([request.param(), other()], path).as_uri())
    page.wait_for_function("document.querySelectorAll('[data-state=ready]').length === 2")
    view = ExplorerPage(page)
    view.settle()
    yield view
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert errors == []


@pytest.fixture
def media(view):
    """Changes the page's theme, forced colours or width; everything is as it was afterwards."""

    def change(*, width=None, **media) -> None:
        if width:
            view.page.set_viewport_size({"width": width, "height": 1100})
        if media:
            view.page.emulate_media(**media)
            view.dark = media.get("color_scheme") == "dark"
        view.page.wait_for_timeout(100)  # the transition that tells of a new colour
        view.settle()

    yield change
    change(width=900, color_scheme="light", forced_colors="none")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_at_any_width(view, media, theme):
    """The whole page once; the explorer behind it has its turn as the first one of another page."""
    for width in (900, 420):
        media(width=width, color_scheme=theme)
        assert view.axe_violations(only_first=(theme, width) != ("light", 900)) == []


def test_plain_keys_stay_in_the_explorer_and_the_notebook_s_shortcuts_do_not(view):
    number = 0
    while number < len(stops := view.stops()):  # a key may change how many there are
        place = stops[number]
        place.focus()
        assert view.keys_heard_outside("b", "ArrowDown", "Control+s") == ["s"], f"stop {number}"
        number += 1


def test_jupyter_s_mark_is_set_for_plain_keys_alone(view):
    """Before anything else hears the key: Notebook 7 listens on the document's way down."""
    view.page.evaluate("""() => {
        window.marked = [];
        const hear = (event) => marked.push(event.target.hasAttribute('data-lm-suppress-shortcuts'));
        document.addEventListener('keydown', hear, true);
    }""")
    view.stops()[0].focus()
    view.press("a", "ArrowDown", "Control+s")
    assert view.page.evaluate("marked") == [True, True, False, False]  # Control by itself, then with s


def test_every_control_is_reached_by_tab_and_shows_its_focus(view):
    stops = view.stops()
    stops[0].focus()
    reached = []
    for _ in stops:
        reached.append(
            view.page.evaluate("""() => {
                const { activeElement: here } = document;
                const place = [...document.querySelectorAll('*')].indexOf(here);
                return [place, getComputedStyle(here).outlineStyle]; }""")
        )
        view.page.keyboard.press("Tab")
    assert len({place for place, _ in reached}) == len(stops)
    assert {outline for _, outline in reached[1:]} == {"solid"}


def test_pictures_are_saved_with_every_word_within_their_margin(view, tmp_path):
    name, size, words = view.saved_picture(tmp_path)
    assert re.fullmatch(r"[a-z0-9-]+", name)
    svg = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    assert size == tuple(2 * int(side) for side in re.search(r'width="(\d+)" height="(\d+)"', svg).groups())
    assert len(words[0]) > 12
    sticking_out = view.page.evaluate(
        """(svg) => {
            const box = document.body.appendChild(document.createElement('div'));
            box.innerHTML = svg;
            const frame = box.firstChild.getBoundingClientRect();
            const words = [...box.querySelectorAll('text')].filter((text) => text.textContent);
            const out = words.filter((text) => {
                const { left, right, bottom } = text.getBoundingClientRect();
                return left < frame.left + 4 || right > frame.right - 1 || bottom > frame.bottom + 1; });
            const found = out.map((text) => text.textContent);
            box.remove();
            return found; }""",
        svg,
    )
    assert sticking_out == []


def repainted(view):
    """What the explorer shows after everything is drawn anew, as another width makes it do."""
    for width in (880, 900):
        view.page.set_viewport_size({"width": width, "height": 1100})
        view.page.wait_for_timeout(100)
        view.settle()
    return view.all_pixels()


def test_a_theme_switched_while_open_repaints_at_once(view, media):
    """The system's scheme, a page's attribute, and a style sheet that comes late as JupyterLab's does."""
    light = view.all_pixels()
    media(color_scheme="dark")
    dark = view.all_pixels()
    assert dark[0] != light[0]
    assert dark == repainted(view), "a canvas kept the old theme's colours"
    media(color_scheme="light")
    assert view.all_pixels() == light
    view.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    media()
    assert view.all_pixels() == dark
    view.page.evaluate("""() => {
        delete document.documentElement.dataset.theme;
        window.late = document.head.appendChild(document.createElement('style'));
        late.textContent = ':root { --jp-layout-color0: #102030; --jp-content-font-color0: #ffee00; }';
    }""")
    media()
    assert view.all_pixels() == repainted(view)
    view.page.evaluate("late.remove()")
    media()


def test_forced_colours_leave_the_data_and_the_selection(view, media):
    background = """(root, selector) => [...root.querySelectorAll(selector)]
        .map((node) => getComputedStyle(node))
        .map((style) => style.backgroundImage + style.backgroundColor)"""
    root = view.locator(".lm-explorer").first
    before = root.evaluate(background, COLOURED)
    media(forced_colors="active")
    assert root.evaluate(background, COLOURED) == before, "bars or shading are gone"
    for attribute, properties in (
        ("aria-pressed", ("backgroundColor", "borderStyle")),
        ("aria-selected", ("outlineStyle", "outlineWidth")),  # a cell's own colour is its score
    ):
        look = f"(node) => {list(properties)}.map((name) => getComputedStyle(node)[name]).join()"
        chosen, other = (root.locator(f'[{attribute}="{value}"]') for value in ("true", "false"))
        if chosen.count():
            assert chosen.first.evaluate(look) != other.first.evaluate(look), f"{attribute} does not show"


def test_a_phone_s_width_holds_it(view, media):
    media(width=390)
    assert view.fits()
    assert view.sticking_out() == [], "it is cut off, or lies outside of what scrolls"


HEAR_WORDS = """() => {
    const pen = CanvasRenderingContext2D.prototype, write = pen.fillText;
    window.cut = [];
    pen.fillText = function (words, x, y) {
        const { a, b, e } = this.getTransform();
        const wide = this.measureText(words).width;
        const left = x - ({ center: wide / 2, right: wide }[this.textAlign] || 0);
        const ends = [left * a + e, (left + wide) * a + e];
        if (b === 0 && (ends[0] < -2 || ends[1] > this.canvas.width + 2)) cut.push(words);
        write.call(this, words, x, y);
    };
    window.deaf = () => { pen.fillText = write; };
}"""


def test_no_word_in_a_picture_is_cut_on_a_phone(view, media):
    view.page.evaluate(HEAR_WORDS)
    media(width=390)
    view.page.evaluate("deaf()")
    assert view.page.evaluate("cut") == []


def test_controls_and_what_they_change_are_on_a_laptop_s_screen_together(view):
    """Of 1366 x 768 a browser and JupyterLab leave 650 pixels of height, and about 900 of width."""

    def ends(selector):
        found = view.locator(".lm-explorer").first.locator(selector).all()
        boxes = [each.bounding_box() for each in found if each.is_visible()]
        return [(box["y"], box["y"] + box["height"]) for box in boxes]

    ((top, _),) = ends(".lm-bar")
    assert max(end for _, end in ends(".lm-map, .lm-figures, .lm-readout, .lm-cells")) - top <= 650
    for first, last in ends(".lm-knockout"):
        assert last - first <= 250, "a switch and what it does"


def test_two_of_a_kind_are_regions_with_names_of_their_own(view):
    view.open_second_view()
    names = [node.get_attribute("aria-label") for node in view.locator(".lm-explorer").all()]
    assert names[2] == f"{names[0]} 2"
    assert view.axe_violations() == []
    view.close_second_view()


def test_two_views_of_one_model_move_together_and_a_closed_one_lets_go(view):
    taken = view.open_second_view()
    told, walk = view.locator(".lm-readout"), view.locator(WALK).first
    before = told.all_inner_texts()
    walk.focus()
    view.press("ArrowLeft", "ArrowUp", "PageDown")
    after = told.all_inner_texts()
    assert after[0] == after[2] != before[0]
    assert after[1] == before[1], "one explorer moved another"
    assert view.close_second_view() == taken >= 2, "a closed view still listens to the model"
    view.press("ArrowRight", "ArrowDown", "PageUp")
    assert told.all_inner_texts()[0] != after[0]

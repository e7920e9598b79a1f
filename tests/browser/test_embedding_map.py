"""The embedding map in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from explorer_page import HOST
from latency import report_latency
from playwright.sync_api import expect

from llmasos_edu.learning.unsupervised import nearest
from llmasos_edu.widgets import EmbeddingMap

ROWS, DIM = 40, 6
WORDS = [f"{letter}{i}" for i in range(10) for letter in ("ab", "cab", "x", "<i>")]
CLASSES = [["odd", "even", None, "even"][i % 4] for i in range(ROWS)]


def vectors(rows=ROWS, dim=DIM):
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(0)).double()


@pytest.fixture
def show(explorer_page):
    def show(dark=False, rows=None, words=WORDS, classes=CLASSES, **settings):
        explorer = EmbeddingMap(vectors() if rows is None else rows, words, classes, **settings)
        return explorer_page(explorer, dark=dark)

    return show


def table(page):
    """The neighbours on show: [(word, class, value)]."""
    page.settle()
    rows = page.locator(".lm-table tbody tr").all()
    cells = [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]
    return [(word, name, float(value.replace("−", "-"))) for word, name, value in cells]


def place(page):
    """Where the chosen word lies on the map: (x, y) in CSS pixels."""
    page.settle()
    told = page.locator(".lm-over").evaluate("(canvas) => canvas.dataset.place").split(",")
    return float(told[1]), float(told[2])


# ---- the numbers in the browser are the library's ----


def test_neighbours_are_the_library_s(show):
    rows = vectors() * torch.linspace(0.2, 5, ROWS, dtype=torch.float64)[:, None]
    rows[7] = 0
    page = show(rows=rows)
    found = page.evaluate(
        f"""() => {{ const {{ model, module }} = {HOST}, data = module.readEmbedding(model);
            return ["cosine", "dot", "map"].map((measure) => Array.from({{ length: data.count }},
                (_, word) => module.neighbours(data, word, data.count - 1, measure))); }}"""
    )
    places = np.frombuffer(EmbeddingMap(rows, WORDS).points, "<f4").reshape(ROWS, 2).astype(float)
    away = np.linalg.norm(places[:, None] - places[None], axis=-1)
    by_dot = (rows @ rows.T).numpy()
    numbers, cosines = nearest(rows, torch.arange(ROWS), ROWS - 1)
    for word in range(ROWS):
        others, values = zip(*found[0][word], strict=True)
        assert list(values) == pytest.approx(cosines[word].tolist(), abs=1e-4)
        if word != 7:  # a word of zeros is equally far from all: there only the values can be compared
            assert _same_order(others, numbers[word].tolist(), cosines[word].tolist())
        for other, value in found[1][word]:
            assert value == pytest.approx(by_dot[word, other], abs=5e-3)
        assert [value for _, value in found[1][word]] == sorted((v for _, v in found[1][word]), reverse=True)
        expected = [other for other in np.argsort(away[word], kind="stable") if other != word]
        assert [other for other, _ in found[2][word]] == expected


def _same_order(found, expected, values):
    """Whether two rankings are one, where neighbours nearer to each other than 16 bits can tell may swap."""
    place = {number: i for i, number in enumerate(expected)}
    ranked = [values[place[number]] for number in found]
    return all(later <= earlier + 1e-4 for earlier, later in pairwise(ranked))


def test_the_table_shows_the_library_s_neighbours_under_every_control(show):
    rows = vectors()
    page = show(rows=rows, word="x3")
    word = WORDS.index("x3")

    def expected(count):
        numbers, cosines = nearest(rows, word, count)
        return [
            (WORDS[i], CLASSES[i] or "no class", pytest.approx(value, abs=6e-4))
            for i, value in zip(numbers.tolist(), cosines.tolist(), strict=True)
        ]

    assert table(page) == expected(8)
    page.set_slider("Neighbours", 3)
    assert table(page) == expected(3)
    best = nearest(rows, word, 1)
    assert f"x3 no class nearest: {WORDS[int(best[0])]} {best[1].item():.3f}" in page.readout()
    page.get_by_label("Near by").select_option("dot")
    by_dot = (rows[word] @ rows.T).index_fill(0, torch.tensor([word]), -torch.inf).sort(descending=True)
    assert [row[0] for row in table(page)] == [WORDS[i] for i in by_dot.indices[:3].tolist()]
    assert [row[2] for row in table(page)] == pytest.approx(by_dot.values[:3].tolist(), abs=2e-3)
    assert page.locator(".lm-table thead").inner_text().split() == ["word", "class", "dot", "product"]
    page.get_by_label("Near by").select_option("map")
    values = [row[2] for row in table(page)]
    assert values == sorted(values)
    assert "nearest by cosine too" in page.readout()
    both = {WORDS[i] for i in nearest(rows, word, 3)[0].tolist()} & {row[0] for row in table(page)}
    assert f"{len(both)} of 3 are nearest by cosine too" in page.readout()


def test_the_share_of_the_own_class_is_counted(show):
    page = show(word="ab0", count=10)
    numbers, _ = nearest(vectors(), 0, 10)
    own = sum(CLASSES[i] == "odd" for i in numbers.tolist())
    assert f"; {own} of 10 are of its class" in page.readout()
    bare = show(classes=None, count=4)
    assert "class" not in bare.readout()
    assert bare.get_by_role("group").count() == 0
    assert bare.locator(".lm-table thead").inner_text().split() == ["word", "cosine"]


# ---- search, keys and mouse ----


def test_search_finds_beginnings_first_and_enter_goes_there(show):
    page = show()
    box, told = page.get_by_label("Search"), page.locator("p.lm-line")
    assert told.is_hidden()
    before = page.pixels(".lm-over")
    box.fill("AB1")
    page.settle()
    assert told.inner_text().split() == ["2", "found:", "ab1", "cab1"]
    assert page.pixels(".lm-over") != before, "what was found is not ringed"
    page.press("Enter")
    assert page.state("word") == WORDS.index("ab1")
    told.get_by_role("button", name="cab1").click()
    assert page.state("word") == WORDS.index("cab1")
    box.fill("ab")
    page.settle()
    assert told.inner_text().startswith("20 found, such as")
    assert told.get_by_role("button").count() == 6
    box.fill("zebra")
    page.settle()
    assert told.inner_text() == 'no word holds "zebra"'
    page.press("Enter")
    assert page.state("word") == WORDS.index("cab1")
    page.press("Escape")
    assert told.is_hidden()
    expect(box).to_have_value("")


def test_words_are_text_and_never_html(show):
    page = show(word="<i>2")
    assert "<i>2" in page.readout()
    assert page.locator(".lm-explorer i").count() == 0


def test_keys_go_through_words_and_over_the_map(show):
    page = show(word="cab0")
    page.locator(".lm-map").focus()
    page.press("PageDown", "PageDown", "PageUp", "PageDown")
    assert page.state("word") == 3
    page.press("Home", "PageUp")
    assert page.state("word") == 0
    for key, moves in (
        ("ArrowRight", lambda new, old: new[0] > old[0]),
        ("ArrowUp", lambda new, old: new[1] < old[1]),
        ("ArrowLeft", lambda new, old: new[0] < old[0]),
        ("ArrowDown", lambda new, old: new[1] > old[1]),
    ):
        old, word = place(page), page.state("word")
        page.press(key)
        new = place(page)
        across, along = sorted(abs(a - b) for a, b in zip(new, old, strict=True))
        assert page.state("word") == word or (moves(new, old) and along >= across), key
    for _ in range(ROWS):
        page.press("ArrowRight")
    word = page.state("word")
    page.press("ArrowRight")
    assert page.state("word") == word, "beyond the last word there is none"


def test_arrows_go_to_the_nearest_word_that_way(show):
    places = np.array([[0, 0], [2, 1], [5, 0], [-1, 3], [0.5, -4], [3, 3.5]], dtype=float)
    page = show(rows=vectors(6), words=list("abcdef"), classes=None, points=places)
    step = f"""([word, way, hidden]) => {{ const {{ model, module }} = {HOST};
        return module.wordTowards(module.readEmbedding(model), word, way, (i) => i !== hidden); }}"""
    for word, way, hidden, expected in (
        (0, [0, 1], None, 1),
        (0, [0, 1], 1, 2),
        (0, [-1, 0], None, 3),
        (0, [1, 0], None, 4),
        (0, [0, -1], None, 0),
        (2, [0, -1], None, 1),
        (4, [1, 0], None, 4),
    ):
        assert page.evaluate(step, [word, way, hidden]) == expected, (word, way, hidden)


def test_a_click_chooses_the_word_under_it_and_hovering_names_it(show):
    page = show(word="x5")
    there = place(page)
    page.locator(".lm-map").focus()
    page.press("Home")
    assert page.state("word") == 0
    page.locator(".lm-map").hover(position={"x": there[0] + 1, "y": there[1]})
    cosine = torch.nn.functional.cosine_similarity(vectors()[0], vectors()[WORDS.index("x5")], dim=0).item()
    title = page.locator(".lm-map").get_attribute("title").replace("−", "-")
    assert title == f"x5, no class: cosine {cosine:.3f} with ab0"
    page.locator(".lm-map").click(position={"x": there[0] + 1, "y": there[1]})
    assert page.state("word") == WORDS.index("x5")
    page.locator(".lm-table").get_by_role("button").first.click()
    assert page.state("word") == int(nearest(vectors(), WORDS.index("x5"), 1)[0])
    page.locator(".lm-map").click(position={"x": 1, "y": 1})
    assert page.state("word") == int(nearest(vectors(), WORDS.index("x5"), 1)[0]), "nothing is there"


def test_a_class_is_hidden_from_map_and_keys_and_comes_back(show):
    page = show()
    before = page.pixels(".lm-map canvas >> nth=0")
    even = page.get_by_role("group").get_by_role("button", name="even 20")
    none = page.get_by_role("group").get_by_role("button", name="no class 10")
    even.click()
    none.click()
    page.settle()
    assert page.state("hidden") == [-1, 0]
    assert even.get_attribute("aria-pressed") == "true"
    assert page.pixels(".lm-map canvas >> nth=0") != before
    page.locator(".lm-map").focus()
    page.press("PageDown", "PageDown")
    assert page.state("word") == 8, "the keys went to a hidden word"
    page.press("Home")
    even.click()
    none.click()
    page.settle()
    assert page.state("hidden") == []
    assert page.pixels(".lm-map canvas >> nth=0") == before


def test_zoom_keeps_the_chosen_word_in_sight(show):
    page = show(word="ab7")
    wide = place(page)
    page.set_slider("Zoom", 4)
    box = page.locator(".lm-map").bounding_box()
    x, y = place(page)
    assert (x, y) != wide
    assert 0 < x < box["width"]
    assert 0 < y < box["height"]
    assert page.get_by_label("Zoom", exact=True).get_attribute("aria-valuetext") == "4×"
    page.locator(".lm-map").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown") * 3:
        page.press(key)
        x, y = place(page)
        assert 0 < x < box["width"]
        assert 0 < y < box["height"]


@pytest.mark.parametrize("rows", [3, 700])
def test_smallest_and_largest_are_drawn(show, rows):
    words = [f"w{i}" for i in range(rows)]
    page = show(rows=vectors(rows, 50), words=words, classes=None, word="w2", count=20)
    assert len(page.locator(".lm-table tbody tr").all()) == min(20, rows - 1)
    assert "w2 nearest:" in page.readout()
    flat = show(rows=torch.ones(4, 2), words=list("abcd"), classes=None)
    assert "a nearest: b 1.000" in flat.readout()


# ---- house rules ----


def test_the_colours_of_classes_follow_the_theme(show):
    def colours(page):
        canvas = page.get_by_role("group").locator("canvas").first
        return canvas.evaluate(
            """(canvas) => [...canvas.getContext('2d').getImageData(
                 canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3)"""
        )

    assert colours(show()) == [0x00, 0x72, 0xB2]
    assert colours(show(dark=True)) == [0x56, 0xB4, 0xE9]


def test_the_saved_picture_holds_words_classes_and_neighbours(show, tmp_path):
    page = show(word="<i>2")
    name, (width, _), words = page.saved_picture(tmp_path)
    assert (name, width) == ("embedding-map", 1440)
    assert words[0] == "40 words, nearest to <i>2 by cosine"
    assert {"<i>2", "odd", "even"} <= set(words)
    neighbours = [f"{word} {value:.3f}" for word, _, value in table(page)]
    assert "   ".join(neighbours) in words


def test_the_wheel_zooms_the_clicked_map_and_scrolls_the_page_elsewhere(show):
    page = show(word="ab7")
    box = page.locator(".lm-map")
    box.hover()
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(200)
    assert page.state("zoom") == 1, "a page that is scrolled past the map must not stop there"
    box.focus()
    page.mouse.wheel(0, -100)
    page.wait_for_function("document.querySelector('.llmasos-widget-host').model.get('zoom') === 1.25")
    page.mouse.wheel(0, 100)
    page.wait_for_function("document.querySelector('.llmasos-widget-host').model.get('zoom') === 1")


def test_python_moves_the_view(show):
    page = show()
    page.evaluate(f"{HOST}.model.set('word', 9)")
    assert page.readout().startswith(WORDS[9])
    page.evaluate(f"{HOST}.model.set('measure', 'map')")
    page.settle()
    expect(page.get_by_label("Near by")).to_have_value("map")
    page.evaluate(f"{HOST}.model.set('hidden', [1])")
    page.settle()
    assert page.get_by_role("button", name="odd 10").get_attribute("aria-pressed") == "true"


def word_in_the_middle(rows, words):
    """The word nearest to the middle of the map: there are words above it and below it."""
    places = np.frombuffer(EmbeddingMap(rows, words).points, "<f4").reshape(-1, 2)
    return words[int(np.linalg.norm(places, axis=1).argmin())]


def test_key_press_to_changed_pixels_is_reported(show, record_property):
    rows, words = vectors(700, 50), [f"w{i}" for i in range(700)]
    page = show(rows=rows, words=words, classes=None, word=word_in_the_middle(rows, words))
    report_latency(page, record_property, "embedding map, 700 words of 50 dimensions")

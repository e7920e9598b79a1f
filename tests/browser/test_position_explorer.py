"""The position explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

import math
import re

import pytest
import torch
from explorer_page import HOST
from latency import report_latency

from llmasos_edu.layers.positional import RotaryEmbedding, SinusoidalPositions, frequencies
from llmasos_edu.widgets import PositionExplorer


@pytest.fixture
def show(explorer_page):
    def show(*args, **settings):
        return explorer_page(PositionExplorer(*args, **settings))

    return show


def shown(page):
    page.settle()
    return float(page.locator(".lm-weight").inner_text().replace("−", "-"))


def library_dot(d_model, base, first, second):
    positions = SinusoidalPositions(d_model, base=base)
    one, two = positions(torch.tensor([first, second]), torch.float64)
    return float(one @ two)


def library_score(query, key, d_model, base, first, second):
    """All pairs hold this query and this key: `[features]` in the paper's own layout."""
    rotate = RotaryEmbedding(d_model, base=base, layout="pairs").at(
        torch.tensor([first, second]), torch.float64
    )
    vectors = torch.tensor([query, key], dtype=torch.float64).repeat(1, d_model // 2)  # [2, d_model]
    one, two = rotate(vectors[None, None])[0, 0]
    by_pair = (one * two).view(-1, 2).sum(-1)
    return by_pair.tolist(), float(by_pair.sum())


# ---- the numbers in the browser are the library's ----


def test_formulas_equal_the_library_on_random_settings(show):
    page = show()
    generator = torch.Generator().manual_seed(0)

    def whole(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    for _ in range(40):
        d_model, base = (
            2 * whole(1, 100),
            float(10 ** (torch.rand((), generator=generator).item() * 7 + 0.05)),
        )
        first, second = whole(0, 1000), whole(0, 1000)
        query, key = torch.rand(2, 2, generator=generator, dtype=torch.float64).sub(0.5).tolist()
        found = page.evaluate(
            """([d, base, first, second, query, key]) => {
                const js = document.querySelector('.llmasos-widget-host').module;
                const speeds = js.frequencies(d, base);
                return { speeds: [...speeds], vector: [...js.positionVector(first, speeds)],
                    dot: js.dotAtDistance(second - first, speeds),
                    pairs: [...speeds].map((speed) => js.pairScore(query, key, first, second, speed)),
                    score: js.rotaryScore(query, key, first, second, speeds) }; }""",
            [d_model, base, first, second, query, key],
        )
        vector = SinusoidalPositions(d_model, base=base)(torch.tensor(first), torch.float64)
        pairs, score = library_score(query, key, d_model, base, first, second)
        assert found["speeds"] == pytest.approx(frequencies(d_model, base).tolist(), rel=1e-12)
        assert found["vector"] == pytest.approx(vector.tolist(), abs=1e-10)
        assert found["dot"] == pytest.approx(library_dot(d_model, base, first, second), abs=1e-9)
        assert found["pairs"] == pytest.approx(pairs, abs=1e-10)
        assert found["score"] == pytest.approx(score, abs=1e-9)


def test_the_dot_product_on_show_is_the_librarys_under_every_control(show):
    page = show(32, 64, 100.0)
    for label, value in (("First position", 5), ("Second position", 40), ("Dimension", 18), ("Base", 2.5)):
        page.set_slider(label, value)
    found = {name: page.state(name) for name in ("d_model", "base", "first", "second")}
    assert found == {"d_model": 18, "base": 316, "first": 5, "second": 40}
    assert shown(page) == pytest.approx(library_dot(18, 316.0, 5, 40), abs=6e-4)
    speed = float(frequencies(18, 316.0)[page.state("pair")])
    assert (
        f"35 × {speed:.4g} = {35 * speed:.3f} rad, {35 * speed * 180 / torch.pi % 360:.1f}°" in page.readout()
    )
    row = page.locator(".lm-table").get_by_role("row", name="position 40").inner_text().replace("−", "-")
    vector = SinusoidalPositions(18, base=316.0)(torch.tensor(40), torch.float64)
    two = 2 * page.state("pair")
    assert row.split("\t")[1:] == [f"{40 * speed:.2f} rad", f"{vector[two]:.3f}", f"{vector[two + 1]:.3f}"]
    page.set_slider("Shift both", 20)
    assert "positions 25 and 60, distance 35" in page.readout()
    assert shown(page) == pytest.approx(library_dot(18, 316.0, 5, 40), abs=6e-4), "the shift changed it"


def test_the_rotary_score_is_the_librarys_and_stays_when_both_shift(show):
    page = show(16, 100, 50.0, "rotary", first=3, second=20, pair=2, query=(0.6, 0.8), key=(-0.5, 0.1))
    pairs, score = library_score([0.6, 0.8], [-0.5, 0.1], 16, 50.0, 3, 20)
    assert shown(page) == pytest.approx(pairs[2], abs=6e-4)
    assert f"all 8 pairs {score:.3f}" in page.readout()
    plane = page.pixels(".lm-plane canvas")
    table = page.locator(".lm-table")
    assert "query at 3" in table.inner_text()
    page.set_slider("Shift both", 70)
    assert "query at 73, key at 90, distance 17" in page.readout()
    assert shown(page) == pytest.approx(pairs[2], abs=6e-4)
    assert re.search(r"(\S+); not shifted \1", table.inner_text()), "the two scores differ"
    assert page.pixels(".lm-plane canvas") != plane, "the arrows did not turn"
    angle = 73 * float(frequencies(16, 50.0)[2])
    x, y = (0.6 * math.cos(angle) - 0.8 * math.sin(angle), 0.6 * math.sin(angle) + 0.8 * math.cos(angle))
    row = table.get_by_role("row", name="query at 73").inner_text().replace("−", "-").split("\t")
    assert row[1:] == ["(0.60, 0.80)", f"{angle:.2f} rad", f"({x:.2f}, {y:.2f})"]
    page.set_slider("Second position", 99)
    assert page.state("shift") == 0, "the key was shifted beyond the last position"
    page.set_slider("Query direction", 90)
    page.set_slider("Query length", 0.5)
    assert page.state("query") == pytest.approx([0, 0.5], abs=1e-9)
    pairs, _ = library_score([0, 0.5], [-0.5, 0.1], 16, 50.0, 3, 99)
    assert shown(page) == pytest.approx(pairs[2], abs=6e-4)


def test_the_picture_holds_sines_and_cosines_interleaved(show):
    """Red where the library's matrix is positive, blue where it is negative."""
    page = show(8, 16)
    expected = SinusoidalPositions(8)(torch.arange(16), torch.float64)
    canvas = page.locator(".lm-map canvas").first
    place = {
        name: float(value) for name, value in canvas.evaluate("(canvas) => ({ ...canvas.dataset })").items()
    }
    for position in (0, 2, 7, 12, 15):  # not where the two positions are marked
        for feature in range(8):
            value = float(expected[position, feature])
            if abs(value) < 0.2:
                continue
            red, _, blue, _ = canvas.evaluate(
                """(canvas, [x, y]) => [...canvas.getContext('2d').getImageData(
                    x * devicePixelRatio, y * devicePixelRatio, 1, 1).data]""",
                [
                    place["left"] + (feature + 0.5) * place["column"],
                    place["top"] + (position + 0.5) * place["row"],
                ],
            )
            assert (red > blue) == (value > 0), (position, feature, value)


# ---- keys and mouse ----


def test_keys_move_positions_and_pair(show):
    page = show(16, 20, first=4, second=9, pair=2)
    page.locator(".lm-map").focus()
    page.press("ArrowDown", "ArrowDown", "ArrowUp", "PageDown", "PageDown", "ArrowRight")
    assert [page.state(name) for name in ("first", "second", "pair")] == [5, 11, 3]
    page.press("Home", "ArrowLeft", "PageUp")
    assert [page.state(name) for name in ("first", "second", "pair")] == [5, 10, 0]
    page.press("End", "ArrowRight", *["ArrowUp"] * 9)
    assert [page.state(name) for name in ("first", "second", "pair")] == [0, 10, 7]
    assert "positions 0 and 10, distance 10" in page.readout()


def test_a_click_sets_positions_and_a_dial_the_pair(show):
    page = show(16, 20, first=4, second=9, pair=2)
    place = page.locator(".lm-map canvas").first.evaluate("(canvas) => ({ ...canvas.dataset })")
    left, top, column, row = (float(place[name]) for name in ("left", "top", "column", "row"))
    board = page.locator(".lm-map")
    board.click(position={"x": left + 6.5 * column, "y": top + 15.5 * row})
    board.click(position={"x": left + 6.5 * column, "y": top + 1.5 * row}, modifiers=["Shift"])
    assert [page.state(name) for name in ("first", "second", "pair")] == [15, 1, 3]
    assert "distance -14" in page.readout()
    dials = page.get_by_role("img", name="Hands of the pairs")
    before = dials.evaluate("(canvas) => canvas.toDataURL()")
    dials.click(position={"x": 30, "y": 40})
    assert page.state("pair") == 0
    page.settle()
    assert dials.evaluate("(canvas) => canvas.toDataURL()") != before


def test_controls_keep_one_another_in_range(show):
    page = show(16, 64, first=50, second=60, pair=7)
    page.set_slider("Length", 8)
    assert [page.state(name) for name in ("length", "first", "second")] == [8, 7, 7]
    page.set_slider("Dimension", 2)
    assert page.state("pair") == 0
    assert page.get_by_label("Pair", exact=True).is_disabled()
    assert shown(page) == pytest.approx(1.0)
    assert page.get_by_label("Base", exact=True).get_attribute("aria-valuetext") == "10,000"
    page.get_by_label("Kind").select_option("rotary")
    assert "query at 7, key at 7" in page.readout()


@pytest.mark.parametrize(("d_model", "length"), [(2, 1), (4, 2), (512, 1024)])
@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_smallest_and_largest_are_drawn(show, d_model, length, kind):
    page = show(d_model, length, kind=kind)
    assert str(page.state("first")) in page.readout()
    assert page.get_by_label("Length", exact=True).get_attribute("aria-valuetext") == str(length)


# ---- house rules ----


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_the_saved_picture_holds_all_panels(show, kind, tmp_path):
    page = show(kind=kind)
    name, (width, _), words = page.saved_picture(tmp_path)
    assert (name, width) == (f"positions-{kind}", 1440)
    assert "pair 3" in words
    assert (tmp_path / f"{name}.svg").read_text(encoding="utf-8").count("<path") > 40


def test_python_moves_the_view(show):
    page = show(16, 20)
    page.evaluate(f"{HOST}.model.set('second', 19)")
    assert "and 19," in page.readout()
    page.evaluate(f"{HOST}.model.set('kind', 'rotary')")
    assert "key at 19" in page.readout()


@pytest.mark.parametrize(
    ("d_model", "length", "kind"), [(64, 128, "sinusoidal"), (64, 128, "rotary"), (512, 1024, "rotary")]
)
def test_key_press_to_changed_pixels_is_reported(show, record_property, d_model, length, kind):
    page = show(d_model, length, kind=kind)
    report_latency(page, record_property, f"positions, {kind}, {length} x {d_model} features")

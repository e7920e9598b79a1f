"""The position explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

import math
import re
from pathlib import Path

import axe_playwright_python
import pytest
import torch
from latency import report_latency

from llmasos_edu.layers.positional import RotaryEmbedding, SinusoidalPositions, frequencies
from llmasos_edu.widgets import AttentionExplorer, PositionExplorer
from llmasos_edu.widgets.shared.host import _PAGE, host_fragment

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
HOST = "document.querySelector('.llmasos-widget-host')"


@pytest.fixture
def show(open_page, tmp_path):
    def show(*args, dark=False, **settings):
        explorer = PositionExplorer(*args, **settings)
        return open_page(explorer.save_html(tmp_path / "positions.html"), dark=dark)

    return show


def settle(page):
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def state(page, name):
    return page.evaluate(f"{HOST}.model.get('{name}')")


def readout(page):
    settle(page)
    return re.sub(r"\s+", " ", page.locator(".lm-readout").inner_text().replace("−", "-"))


def shown(page):
    settle(page)
    return float(page.locator(".lm-weight").inner_text().replace("−", "-"))


def pixels(page, which):
    return page.locator(which).evaluate("(canvas) => canvas.toDataURL()")


def set_slider(page, label, value):
    slider = page.get_by_label(label, exact=True)
    slider.evaluate(
        """(input, value) => { input.value = value;
                               input.dispatchEvent(new Event('input', { bubbles: true })); }""",
        str(value),
    )
    settle(page)


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
        set_slider(page, label, value)
    found = {name: state(page, name) for name in ("d_model", "base", "first", "second")}
    assert found == {"d_model": 18, "base": 316, "first": 5, "second": 40}
    assert shown(page) == pytest.approx(library_dot(18, 316.0, 5, 40), abs=6e-4)
    speed = float(frequencies(18, 316.0)[state(page, "pair")])
    assert f"35 × {speed:.4g} = {35 * speed:.3f} rad, {35 * speed * 180 / torch.pi % 360:.1f}°" in readout(
        page
    )
    row = page.locator(".lm-table").get_by_role("row", name="position 40").inner_text().replace("−", "-")
    vector = SinusoidalPositions(18, base=316.0)(torch.tensor(40), torch.float64)
    two = 2 * state(page, "pair")
    assert row.split("\t")[1:] == [f"{40 * speed:.2f} rad", f"{vector[two]:.3f}", f"{vector[two + 1]:.3f}"]
    set_slider(page, "Shift both", 20)
    assert "positions 25 and 60, distance 35" in readout(page)
    assert shown(page) == pytest.approx(library_dot(18, 316.0, 5, 40), abs=6e-4), "the shift changed it"


def test_the_rotary_score_is_the_librarys_and_stays_when_both_shift(show):
    page = show(16, 100, 50.0, "rotary", first=3, second=20, pair=2, query=(0.6, 0.8), key=(-0.5, 0.1))
    pairs, score = library_score([0.6, 0.8], [-0.5, 0.1], 16, 50.0, 3, 20)
    assert shown(page) == pytest.approx(pairs[2], abs=6e-4)
    assert f"all 8 pairs {score:.3f}" in readout(page)
    plane = pixels(page, ".lm-plane canvas")
    table = page.locator(".lm-table")
    assert "query at 3" in table.inner_text()
    set_slider(page, "Shift both", 70)
    assert "query at 73, key at 90, distance 17" in readout(page)
    assert shown(page) == pytest.approx(pairs[2], abs=6e-4)
    assert re.search(r"(\S+); not shifted \1", table.inner_text()), "the two scores differ"
    assert pixels(page, ".lm-plane canvas") != plane, "the arrows did not turn"
    angle = 73 * float(frequencies(16, 50.0)[2])
    x, y = (0.6 * math.cos(angle) - 0.8 * math.sin(angle), 0.6 * math.sin(angle) + 0.8 * math.cos(angle))
    row = table.get_by_role("row", name="query at 73").inner_text().replace("−", "-").split("\t")
    assert row[1:] == ["(0.60, 0.80)", f"{angle:.2f} rad", f"({x:.2f}, {y:.2f})"]
    set_slider(page, "Second position", 99)
    assert state(page, "shift") == 0, "the key was shifted beyond the last position"
    set_slider(page, "Query direction", 90)
    set_slider(page, "Query length", 0.5)
    assert state(page, "query") == pytest.approx([0, 0.5], abs=1e-9)
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
    press(page, "ArrowDown", "ArrowDown", "ArrowUp", "PageDown", "PageDown", "ArrowRight")
    assert [state(page, name) for name in ("first", "second", "pair")] == [5, 11, 3]
    press(page, "Home", "ArrowLeft", "PageUp")
    assert [state(page, name) for name in ("first", "second", "pair")] == [5, 10, 0]
    press(page, "End", "ArrowRight", *["ArrowUp"] * 9)
    assert [state(page, name) for name in ("first", "second", "pair")] == [0, 10, 7]
    assert "positions 0 and 10, distance 10" in readout(page)


def test_a_click_sets_positions_and_a_dial_the_pair(show):
    page = show(16, 20, first=4, second=9, pair=2)
    place = page.locator(".lm-map canvas").first.evaluate("(canvas) => ({ ...canvas.dataset })")
    left, top, column, row = (float(place[name]) for name in ("left", "top", "column", "row"))
    board = page.locator(".lm-map")
    board.click(position={"x": left + 6.5 * column, "y": top + 15.5 * row})
    board.click(position={"x": left + 6.5 * column, "y": top + 1.5 * row}, modifiers=["Shift"])
    assert [state(page, name) for name in ("first", "second", "pair")] == [15, 1, 3]
    assert "distance -14" in readout(page)
    dials = page.get_by_role("img", name="Hands of the pairs")
    before = dials.evaluate("(canvas) => canvas.toDataURL()")
    dials.click(position={"x": 30, "y": 40})
    assert state(page, "pair") == 0
    settle(page)
    assert dials.evaluate("(canvas) => canvas.toDataURL()") != before


def test_controls_keep_one_another_in_range(show):
    page = show(16, 64, first=50, second=60, pair=7)
    set_slider(page, "Length", 8)
    assert [state(page, name) for name in ("length", "first", "second")] == [8, 7, 7]
    set_slider(page, "Dimension", 2)
    assert state(page, "pair") == 0
    assert page.get_by_label("Pair", exact=True).is_disabled()
    assert shown(page) == pytest.approx(1.0)
    assert page.get_by_label("Base", exact=True).get_attribute("aria-valuetext") == "10,000"
    page.get_by_label("Kind").select_option("rotary")
    assert "query at 7, key at 7" in readout(page)


@pytest.mark.parametrize(("d_model", "length"), [(2, 1), (4, 2), (512, 1024)])
@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_smallest_and_largest_are_drawn(show, d_model, length, kind):
    page = show(d_model, length, kind=kind)
    assert str(state(page, "first")) in readout(page)
    assert page.get_by_label("Length", exact=True).get_attribute("aria-valuetext") == str(length)


def test_plain_keys_stay_in_the_widget_and_the_notebooks_shortcuts_do_not(show):
    page = show()
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    page.locator(".lm-map").focus()
    press(page, "ArrowDown", "a", "Enter", "Control+s", "Shift+Enter")
    page.get_by_label("First position", exact=True).focus()
    press(page, "ArrowRight")
    heard = [key for key in page.evaluate("heard") if key not in ("Control", "Shift")]
    assert heard == ["s", "Enter"]


# ---- house rules ----


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(show, dark, kind):
    page = show(kind=kind, dark=dark)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { rules: { 'target-size': { enabled: true } } })")
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
    assert {p["id"] for p in found["passes"]} >= {"color-contrast", "button-name", "select-name", "label"}
    paper = page.locator(".lm-explorer").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert paper == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("kind", ["sinusoidal", "rotary"])
def test_png_and_svg_are_downloaded(show, kind, tmp_path):
    page = show(kind=kind)
    files = {}
    for ending in ("PNG", "SVG"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=ending).click()
        files[ending] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(files[ending])
    from PIL import Image

    with Image.open(files["PNG"]) as image:
        assert image.width == 1440
        assert len(image.convert("RGB").getcolors(1 << 20)) > 60, "the picture is nearly empty"
    assert files["SVG"].name == f"positions-{kind}.svg"
    text = files["SVG"].read_text(encoding="utf-8")
    found = page.evaluate(
        """(text) => { const svg = new DOMParser().parseFromString(text, "image/svg+xml");
           return { error: !!svg.querySelector("parsererror"), paths: svg.querySelectorAll("path").length,
                    words: [...svg.querySelectorAll("text")].map((text) => text.textContent) }; }""",
        text,
    )
    assert not found["error"]
    assert found["paths"] > 40
    assert "pair 3" in found["words"]
    assert "NaN" not in text


def test_two_widgets_of_both_sorts_and_a_closed_view_do_not_interfere(open_page, tmp_path):
    weights = torch.full((1, 2, 3, 3), 1 / 3)
    parts = []
    for widget in (
        PositionExplorer(16, 20, first=4),
        AttentionExplorer(weights, list("abc")),
        PositionExplorer(8),
    ):
        values = {name: getattr(widget, name) for name in widget.keys if not name.startswith("_")}
        values = {
            name: value for name, value in values.items() if name not in ("layout", "tabbable", "tooltip")
        }
        parts.append(host_fragment(widget._esm, widget._css, values))
    path = tmp_path / "three.html"
    path.write_text(_PAGE.format(title="Three", fragment="".join(parts)), encoding="utf-8")
    page = open_page(path)
    page.wait_for_function("document.querySelectorAll('[data-state=ready]').length === 3")
    page.locator(".lm-map").nth(0).focus()
    press(page, "ArrowDown")
    texts = page.locator(".lm-readout").all_inner_texts()
    assert "positions 5 and" in texts[0]
    assert "positions 20 and" in texts[2]
    # The first again, in a second element: both views of one model move together, and one can be closed.
    page.evaluate(f"""async () => {{
        const host = {HOST};
        window.second = document.body.appendChild(document.createElement('div'));
        window.close2 = await host.module.render({{ model: host.model, el: second }});
    }}""")
    page.locator(".lm-map").nth(0).focus()
    press(page, "ArrowDown")
    assert "positions 6 and" in page.locator(".lm-readout").nth(3).inner_text()
    listened = page.evaluate(f"""() => {{
        const model = {HOST}.model, off = model.off;
        window.left = 0;
        model.off = (...what) => {{ left++; off(...what); }};
        close2();
        return left;
    }}""")
    assert listened == 10, "a closed view still listens to the model"
    assert page.evaluate("second.children.length") == 0
    press(page, "ArrowDown")
    assert "positions 7 and" in page.locator(".lm-readout").nth(0).inner_text()


def test_python_moves_the_view(show):
    page = show(16, 20)
    page.evaluate(f"{HOST}.model.set('second', 19)")
    assert "and 19," in readout(page)
    page.evaluate(f"{HOST}.model.set('kind', 'rotary')")
    assert "key at 19" in readout(page)


@pytest.mark.parametrize(
    ("d_model", "length", "kind"), [(64, 128, "sinusoidal"), (64, 128, "rotary"), (512, 1024, "rotary")]
)
def test_key_press_to_changed_pixels_is_reported(show, record_property, d_model, length, kind):
    page = show(d_model, length, kind=kind)
    report_latency(page, record_property, f"positions, {kind}, {length} x {d_model} features")

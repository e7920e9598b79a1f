"""The attention explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
import torch
from latency import report_latency

from llmasos_edu.widgets import AttentionExplorer, truth_share
from llmasos_edu.widgets.attention import data
from llmasos_edu.widgets.shared.host import _PAGE, host_fragment

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
TOKENS = ["the", " cat", " sat", "\n", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>"]
VIEW = ["description", "data", "input", "layer", "head", "query", "key", "pinned", "show", "causal"]
VIEW += ["temperature", "knocked_out", "decoded"]
TOKENS += [" a rather long token", "."]


def random_maps(layers=2, heads=4, queries=8, keys=None, *, causal=True, seed=0):
    keys = queries if keys is None else keys
    scores = np.random.default_rng(seed).normal(size=(layers, heads, queries, keys)).astype(np.float32) * 2
    return data.softmax_rows(data.hide_future(scores) if causal else scores), scores


@pytest.fixture
def full(tmp_path):
    """An explorer with everything: two inputs, scores, knock-out. Also what it was made from."""
    made = [random_maps(), random_maps(queries=6, seed=1)]
    tables = [np.random.default_rng(seed).random((256, size)) for seed, size in ((0, 7), (1, 5))]
    explorer = AttentionExplorer(
        [weights for weights, _ in made], [TOKENS, TOKENS[:6]], scores=[scores for _, scores in made],
        knock_out=tables, names=["long", "short"],
    )  # fmt: skip
    explorer.weights, explorer.scores, explorer.table = made[0][0], made[0][1], tables[0]
    explorer.query = explorer.key = 0
    explorer.path = explorer.save_html(tmp_path / "full.html")
    return explorer


def settle(page):
    """Until what was asked for is drawn: drawings happen in the next frame."""
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def readout(page):
    settle(page)
    return page.locator(".lm-readout").inner_text()


def weight(page):
    settle(page)
    return float(page.locator(".lm-weight").inner_text())


def state(page, name):
    return page.evaluate(f"document.querySelector('.llmasos-widget-host').model.get('{name}')")


def pixels(page, which):
    return page.locator(which).evaluate("(canvas) => canvas.toDataURL()")


def cell(page, query, key):
    """The middle of a cell on the screen."""
    box = page.locator(".lm-map").bounding_box()
    place = page.evaluate("""() => {
        const canvas = document.querySelector('.lm-map canvas');
        const [size, left, top] = ['cell', 'left', 'top'].map((name) => Number(canvas.dataset[name]));
        return { size, left, top };
    }""")
    return (box["x"] + place["left"] + (key + 0.5) * place["size"],
            box["y"] + place["top"] + (query + 0.5) * place["size"])  # fmt: skip


# ---- reading ----


def test_arrow_keys_read_every_weight(full, open_page):
    page = open_page(full.path)
    page.locator(".lm-map").focus()
    for query, key in ((0, 0), (1, 0), (1, 1), (2, 1)):
        press(
            page,
            *(["ArrowDown"] * (query - state(page, "query"))),
            *(["ArrowRight"] * (key - state(page, "key"))),
        )
        assert f"query {query}" in readout(page)
        assert f"key {key}" in readout(page)
        assert weight(page) == pytest.approx(full.weights[0, 0, query, key], abs=1.1e-3)
    press(page, "End")
    assert page.locator(".lm-weight").inner_text() == "hidden"
    press(page, "Home", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp")
    assert (state(page, "query"), state(page, "key")) == (0, 0), "the cursor left the map"


def test_mouse_reads_a_weight_and_its_score(full, open_page):
    page = open_page(full.path)
    page.mouse.move(*cell(page, 6, 4))
    text = readout(page)
    assert "query 6 ·a·rather·long·token" in text.replace("\n", " ")
    assert weight(page) == pytest.approx(full.weights[0, 0, 6, 4], abs=1.1e-3)
    assert f"score {full.scores[0, 0, 6, 4]:.1f}" in text


def test_a_click_or_enter_pins_a_row_and_its_bars_stay(full, open_page):
    page = open_page(full.path)
    caption = page.locator(".lm-one")
    page.mouse.click(*cell(page, 5, 2))
    settle(page)
    assert "query 5" in caption.inner_text()
    assert "pinned" in caption.inner_text()
    best = full.weights[0, 0, 5].argmax()
    assert f"{full.weights[0, 0, 5, best]:.3f}" in caption.inner_text()
    page.mouse.move(*cell(page, 2, 1))
    settle(page)
    assert "query 5" in caption.inner_text(), "the bars followed the mouse off the pinned row"
    page.get_by_role("button", name="Unpin").click()
    settle(page)
    assert "query 2" in caption.inner_text()
    page.mouse.click(cell(page, 3, 0)[0] - cell_size(page), cell(page, 3, 0)[1])  # the token's own label
    settle(page)
    assert state(page, "pinned") == 3
    page.locator(".lm-map").focus()
    press(page, "Escape")
    assert state(page, "pinned") == -1
    press(page, "Enter")
    assert state(page, "pinned") == 3
    press(page, "Space")
    assert state(page, "pinned") == -1


def cell_size(page):
    return float(page.locator(".lm-map canvas").first.get_attribute("data-cell"))


# ---- choosing ----


def test_heads_are_chosen_by_list_thumbnail_and_keys(full, open_page):
    page = open_page(full.path)
    page.locator(".lm-map").focus()
    press(page, "ArrowDown", "ArrowDown")

    def shows(layer, head):
        assert f"layer {layer}, head {head}" in readout(page)
        assert weight(page) == pytest.approx(full.weights[layer, head, 2, 0], abs=1.1e-3)

    shows(0, 0)
    press(page, "PageDown")
    shows(0, 1)
    page.get_by_label("Layer", exact=True).select_option("1")
    shows(1, 1)
    page.get_by_label("Head", exact=True).select_option("3")
    shows(1, 3)
    page.locator(".lm-thumbs").focus()
    press(page, "ArrowUp", "ArrowLeft")
    shows(0, 2)
    page.locator(".lm-thumbs canvas").click(position={"x": 30, "y": 75})
    shows(1, 0)
    page.get_by_label("Layer", exact=True).focus()
    press(page, "ArrowUp")
    shows(0, 0)


def test_mean_and_maximum_over_heads(full, open_page):
    page = open_page(full.path)
    page.mouse.move(*cell(page, 4, 1))
    page.get_by_label("Show").select_option("mean")
    assert weight(page) == pytest.approx(full.weights[0, :, 4, 1].mean(), abs=1.1e-3)
    page.get_by_label("Show").focus()
    press(page, "ArrowDown")
    assert weight(page) == pytest.approx(full.weights[0, :, 4, 1].max(), abs=1.1e-3)
    assert page.get_by_label("Head", exact=True).is_disabled()


def test_inputs_are_switched(full, open_page):
    page = open_page(full.path)
    page.mouse.move(*cell(page, 7, 7))
    page.get_by_label("Input").select_option("1")
    assert "query 5" in readout(page), "the cursor must stay on the smaller map"
    page.get_by_label("Input").focus()
    press(page, "ArrowUp")
    assert weight(page) == pytest.approx(full.weights[0, 0, 5, 5], abs=1.1e-3)


def test_colour_scale_repaints(full, open_page):
    page = open_page(full.path)
    page.get_by_label("Layer", exact=True).select_option("1")
    settle(page)
    before = pixels(page, ".lm-map canvas >> nth=0")
    page.get_by_label("Colour scale").select_option("one")
    settle(page)
    peak = full.weights[1, 0].max()
    assert (pixels(page, ".lm-map canvas >> nth=0") != before) == (peak < 0.999)


# ---- the softmax in the browser is the library's ----


def test_temperature_and_mask_by_mouse_and_keys(full, open_page):
    page = open_page(full.path)
    scores = torch.from_numpy(full.scores[0, 0])
    page.mouse.move(*cell(page, 4, 1))
    page.get_by_label("Causal mask").click()
    assert weight(page) == pytest.approx(scores.softmax(-1)[4, 1].item(), abs=3e-3)
    page.get_by_label("Causal mask").focus()
    press(page, "Space")
    assert weight(page) == pytest.approx(full.weights[0, 0, 4, 1], abs=1.1e-3)
    slider = page.get_by_label("Temperature")
    slider.focus()
    press(page, *["ArrowRight"] * 10)
    temperature = state(page, "temperature")
    assert 1.4 < temperature < 1.8
    hot = data.softmax_rows(data.hide_future(full.scores[0, 0] / temperature))
    assert weight(page) == pytest.approx(hot[4, 1], abs=1.1e-3)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    assert state(page, "temperature") > temperature


def test_softmax_equals_torch_on_random_cases(full, open_page):
    page = open_page(full.path)
    generator = torch.Generator().manual_seed(0)
    for case in range(30):
        queries = int(torch.randint(1, 12, (), generator=generator))
        keys = queries if case % 2 else int(torch.randint(1, 12, (), generator=generator))
        scores = torch.randn(queries, keys, generator=generator, dtype=torch.float64) * 10
        scores[torch.rand(queries, keys, generator=generator) < 0.2] = -torch.inf
        temperature = float(torch.rand((), generator=generator) * 5 + 0.1)
        causal = bool(case % 2)
        found = page.evaluate(
            """([scores, queries, keys, causal, temperature]) => Array.from(document.querySelector(
               '.llmasos-widget-host').module.softmaxMap(scores, queries, keys, causal, temperature))""",
            [[float(s) for s in scores.flatten()], queries, keys, causal, temperature],
        )
        hidden = torch.ones(queries, keys).triu(1).bool() & causal
        expected = (scores.masked_fill(hidden, -torch.inf) / temperature).softmax(-1).nan_to_num()
        torch.testing.assert_close(
            torch.tensor(found, dtype=torch.float64).view(queries, keys), expected, atol=1e-6, rtol=0
        )


# ---- knock-out ----


def test_any_set_of_heads_is_knocked_out_and_restored(full, open_page):
    page = open_page(full.path)
    text = page.locator(".lm-caption").nth(1)
    page.mouse.move(*cell(page, 3, 0))
    page.get_by_role("button", name="Knock out layer 0 head 2").click()
    page.get_by_role("button", name="Knock out layer 1 head 3").focus()
    press(page, "Enter")
    row = full.table[(1 << 2) | (1 << 7)]
    assert f"{full.table[0].mean():.3f} intact, {row.mean():.3f} without 0.2, 1.3" in text.inner_text()
    assert f"{full.table[0, 3]:.3f} intact (line), {row[3]:.3f} now" in text.inner_text()
    assert page.get_by_role("button", name="Knock out layer 1 head 3").get_attribute("aria-pressed") == "true"
    page.mouse.move(*cell(page, 7, 0))
    settle(page)
    assert "no next token" in text.inner_text()
    page.get_by_role("button", name="Restore all").click()
    settle(page)
    assert f"{full.table[0].mean():.3f} now" in text.inner_text()


def test_above_eight_heads_the_head_on_show_is_knocked_out(open_page, tmp_path):
    weights, _ = random_maps(3, 3, 5)
    table = np.linspace(0, 1, 10)[:, None].repeat(4, 1)
    path = AttentionExplorer(weights, list("abcde"), knock_out=table).save_html(tmp_path / "nine.html")
    page = open_page(path)
    page.get_by_label("Layer", exact=True).select_option("1")
    page.get_by_label("Head", exact=True).select_option("2")
    settle(page)
    page.get_by_role("button", name="Knock out layer 1 head 2").click()
    settle(page)
    assert f"{table[6, 0]:.3f} without 1.2" in page.locator(".lm-caption").nth(1).inner_text()


# ---- files ----


def test_png_and_svg_are_downloaded(full, open_page, tmp_path):
    page = open_page(full.path)
    page.mouse.click(*cell(page, 4, 1))
    with page.expect_download() as waiting:
        page.get_by_role("button", name="PNG").click()
    png = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(png)
    from PIL import Image

    with Image.open(png) as image:
        assert image.width > 600
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20, "the picture is nearly empty"
    page.get_by_role("button", name="SVG").focus()
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    svg = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(svg)
    assert svg.name == "attention-layer0-head0.svg"
    check_svg(page, svg.read_text(encoding="utf-8"))


def check_svg(page, text):
    """Well-formed, vector, and with the tokens as text."""
    found = page.evaluate(
        """(text) => { const svg = new DOMParser().parseFromString(text, "image/svg+xml");
           return { error: !!svg.querySelector("parsererror"),
                    words: [...svg.querySelectorAll("text")].map((text) => text.textContent),
                    paths: svg.querySelectorAll("path").length,
                    images: svg.querySelectorAll("image, script").length }; }""",
        text,
    )
    assert not found["error"]
    assert found["images"] == 0
    assert found["paths"] > 10
    assert "·cat" in found["words"]
    assert "<script>ale…" in found["words"]


# ---- house rules ----


def check_axe(page):
    settle(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {"target-size": {"enabled": True}}
    found = page.evaluate("(rules) => axe.run(document, { rules })", rules)
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
    assert {p["id"] for p in found["passes"]} >= {"color-contrast", "button-name", "select-name", "label"}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(full, open_page, dark):
    page = open_page(full.path, dark=dark)
    page.mouse.click(*cell(page, 4, 1))
    page.get_by_role("button", name="Knock out layer 0 head 2").click()
    settle(page)
    check_axe(page)
    paper = page.locator(".lm-explorer").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert paper == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")


def test_tokens_stay_text(full, open_page):
    page = open_page(full.path)
    page.mouse.move(*cell(page, 5, 4))
    assert "<script>alert(1)</script>" in readout(page)
    assert "<img·src=x·onerror=alert(1)>" in readout(page)
    assert page.locator(".lm-explorer :is(script, img)").count() == 0


def test_plain_keys_stay_in_the_widget_and_the_notebooks_shortcuts_do_not(full, open_page):
    page = open_page(full.path)
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    page.locator(".lm-map").focus()
    press(page, "ArrowDown", "a", "Enter", "Control+s", "Shift+Enter")
    page.get_by_label("Temperature").focus()
    press(page, "ArrowRight")
    heard = [key for key in page.evaluate("heard") if key not in ("Control", "Shift")]
    assert heard == ["s", "Enter"]


def test_two_explorers_and_a_second_drawing_do_not_interfere(open_page, tmp_path):
    weights, _ = random_maps()
    other, _ = random_maps(1, 2, 5, seed=3)
    parts = []
    for maps, count in ((weights, 8), (other, 5)):
        explorer = AttentionExplorer(maps, TOKENS[:count])
        explorer.query = explorer.key = 0
        values = {name: getattr(explorer, name) for name in VIEW}
        parts.append(host_fragment(explorer._esm, explorer._css, values))
    path = tmp_path / "two.html"
    path.write_text(_PAGE.format(title="Two", fragment="".join(parts)), encoding="utf-8")
    page = open_page(path)
    page.wait_for_function("document.querySelectorAll('[data-state=ready]').length === 2")
    page.locator(".lm-map").nth(1).focus()
    press(page, "ArrowDown", "PageDown")
    texts = page.locator(".lm-readout").all_inner_texts()
    assert "layer 0, head 0" in texts[0]
    assert "query 0" in texts[0]
    assert "layer 0, head 1" in texts[1]
    assert "query 1" in texts[1]
    # The first again, in a second element: both views of one model move together, and one can be closed.
    page.evaluate("""async () => {
        const host = document.querySelector('.llmasos-widget-host');
        window.second = document.body.appendChild(document.createElement('div'));
        window.close2 = await host.module.render({ model: host.model, el: second });
    }""")
    page.locator(".lm-map").nth(0).focus()
    press(page, "PageDown")
    assert "layer 0, head 1" in page.locator(".lm-readout").nth(2).inner_text()
    page.evaluate("close2()")
    assert page.evaluate("second.children.length") == 0
    press(page, "PageDown")
    assert "layer 0, head 2" in page.locator(".lm-readout").nth(0).inner_text()


def test_rectangular_maps_for_cross_attention(open_page, tmp_path):
    weights, scores = random_maps(1, 2, 4, 9, causal=False)
    explorer = AttentionExplorer(
        weights, list("abcd"), key_tokens=[f"key{i}" for i in range(9)], scores=scores
    )
    page = open_page(explorer.save_html(tmp_path / "cross.html"))
    page.locator(".lm-map").focus()
    press(page, "End", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    assert "query 3" in readout(page)
    assert "key8" in readout(page)
    assert weight(page) == pytest.approx(weights[0, 0, 3, 8], abs=1.1e-3)
    assert page.get_by_label("Causal mask").is_hidden()


SOURCE = ["three", "hundred", "and", "five"]
TRUTH = [0, -1, 3, -1]


@pytest.fixture
def translation(tmp_path):
    """Cross-attention of a made-up translation, to step through; heads of layer 1 know more of the truth."""
    scores = np.random.default_rng(5).normal(size=(2, 3, 4, 4)).astype(np.float32)
    scores[1, :, 0, 0] += 4
    scores[1, 2, 2, 3] += 4
    scores[1, :2, 2, 1] += 4
    explorer = AttentionExplorer(
        data.softmax_rows(scores), ["<start>", "3", "0", "5"], key_tokens=SOURCE, scores=scores,
        produced=["3", "0", "5", "<end>"], truth=TRUTH, layer=1,
    )  # fmt: skip
    explorer.weights = data.softmax_rows(scores)
    explorer.path = explorer.save_html(tmp_path / "translation.html")
    return explorer


def colour(page, query, key, x, y=0.2):
    """The map's colour at a place within a cell, `x` in points from its left edge, `y` as a share of it."""
    return page.locator(".lm-map canvas").first.evaluate(
        """(canvas, [query, key, x, y]) => {
            const [size, left, top] = ['cell', 'left', 'top'].map((name) => Number(canvas.dataset[name]));
            const at = [left + key * size + x, top + (query + y) * size];
            const scaled = at.map((place) => place * devicePixelRatio);
            return [...canvas.getContext('2d').getImageData(...scaled, 1, 1).data].slice(0, 3); }""",
        [query, key, x, y],
    )


def test_decoding_is_stepped_through_by_buttons_slider_and_keys(translation, open_page):
    page = open_page(translation.path)
    words, slider = page.locator(".lm-step").first, page.get_by_label("Decoded tokens")
    assert "Target looks at source" in page.locator(".lm-main").inner_text()
    assert page.get_by_role("button", name="Next").is_disabled()
    whole = pixels(page, ".lm-map canvas >> nth=0")
    for count in (3, 2, 1):
        page.get_by_role("button", name="Previous").click()
        settle(page)
        row = translation.weights[1, 0, count - 1]
        assert state(page, "decoded") == count
        assert f"Step {count}: after “{['<start>', '3', '0', '5'][count - 1]}”" in words.inner_text()
        assert f"writes “{['3', '0', '5', '<end>'][count - 1]}”" in words.inner_text()
        said = words.inner_text().split("looking most at ")[1].split(",")[0]
        assert said.split() == [f"“{SOURCE[row.argmax()]}”", said.split()[1]]
        assert float(said.split()[1]) == pytest.approx(row.max(), abs=1.1e-3)
        assert f"writes {['3', '0', '5', '<end>'][count - 1]}" in readout(page).replace("\n", " ")
        assert weight(page) == pytest.approx(row.max(), abs=1.1e-3), "the cursor is not on the strongest key"
    assert page.get_by_role("button", name="Previous").is_disabled()
    for query in range(4):
        greyed = all(min(colour(page, query, key, 10)) > 200 for key in range(4))
        assert greyed == (query > 0), f"row {query} is {'greyed' if greyed else 'not greyed'}"
    page.mouse.move(*cell(page, 2, 1))
    page.locator(".lm-map").focus()
    press(page, "ArrowDown")
    assert state(page, "query") == 0, "the cursor went to a row that is yet to come"
    press(page, "n", "n", "p")
    assert state(page, "decoded") == 2
    page.get_by_role("button", name="Next").evaluate("(next) => { next.click(); next.click(); }")
    assert state(page, "decoded") == 4, "two presses before one drawing are two steps"
    page.get_by_role("button", name="Previous").evaluate("(back) => { back.click(); back.click(); }")
    settle(page)
    slider.focus()
    press(page, "ArrowRight", "ArrowRight")
    assert state(page, "decoded") == 4
    assert slider.get_attribute("aria-valuetext") == "4 of 4"
    assert pixels(page, ".lm-map canvas >> nth=0") == whole


def test_each_input_is_stepped_through_on_its_own(open_page, tmp_path):
    three, six = (random_maps(1, 1, queries, 4, causal=False)[0] for queries in (3, 6))
    explorer = AttentionExplorer(
        [three, six], [list("abc"), list("abcdef")], key_tokens=[SOURCE] * 2,
        produced=[list("bcd"), list("bcdefg")], truth=[[0, 1, 2], [3] * 6],
    )  # fmt: skip
    page = open_page(explorer.save_html(tmp_path / "both.html"))
    page.get_by_role("button", name="Previous").click()
    page.get_by_label("Input").select_option("1")
    settle(page)
    assert state(page, "decoded") == 6
    assert "Step 6: after “f” the decoder writes “g”" in page.locator(".lm-step").first.inner_text()
    assert "of 6 rows (" in page.locator(".lm-step").nth(1).inner_text()
    page.get_by_label("Input").select_option("0")
    settle(page)
    assert state(page, "decoded") == 3
    assert page.get_by_label("Decoded tokens").get_attribute("max") == "3"


def test_decoding_plays_to_its_end_and_pauses(translation, open_page):
    page = open_page(translation.path)
    page.clock.install()
    play = page.get_by_role("button", name="Play")
    play.click()
    assert state(page, "decoded") == 1, "played from the end it starts again"
    page.clock.run_for(1000)
    assert state(page, "decoded") == 2
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(3000)
    assert state(page, "decoded") == 2
    play.click()
    page.clock.run_for(4000)
    assert state(page, "decoded") == 4
    assert play.count() == 1, "at the end it still says Pause"
    play.click()
    page.evaluate("document.querySelector('.llmasos-widget-host').cleanup()")
    page.clock.run_for(3000)
    assert state(page, "decoded") == 1, "a closed view went on playing"


def test_the_share_of_true_strongest_keys_is_the_librarys(translation, open_page):
    page = open_page(translation.path)
    for layer in range(2):
        page.get_by_label("Layer", exact=True).select_option(str(layer))
        for head in range(3):
            page.get_by_label("Head", exact=True).select_option(str(head))
            settle(page)
            share = truth_share(translation.weights[layer, head], TRUTH)
            expected = f"in {round(2 * share)} of 2 rows ({100 * share:.0f} %)"
            assert expected in page.locator(".lm-step").nth(1).inner_text()
    shares = truth_share(translation.weights, TRUTH)
    layer, head = np.unravel_index(shares.argmax(), shares.shape)
    best = f"Best head over all rows: layer {layer}, head {head}, {round(2 * shares.max())} of 2."
    assert best in page.locator(".lm-step").nth(1).inner_text()
    page.get_by_role("button", name="Previous").click()
    page.get_by_role("button", name="Previous").click()
    settle(page)
    assert "of 1 rows written so far (100 %)" in page.locator(".lm-step").nth(1).inner_text()


def test_true_keys_are_marked_on_the_map_and_in_the_file(translation, open_page, tmp_path):
    page = open_page(translation.path)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="SVG").click()
    svg = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert svg.count('fill="none" stroke="#fff"') == 2
    assert "Target looks at source, layer 1, head 0" in svg
    white = {(q, k) for q in range(4) for k in range(4) if min(colour(page, q, k, 4, 0.5)) > 170}
    assert white == {(0, 0), (2, 3)}
    plain = AttentionExplorer(
        translation.weights,
        ["<start>", "3", "0", "5"],
        key_tokens=SOURCE,
        produced=["3", "0", "5", "<end>"],
        layer=1,
    )
    page = open_page(plain.save_html(tmp_path / "plain.html"))
    assert page.locator(".lm-step").nth(1).is_hidden()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_while_stepping(translation, open_page, dark):
    page = open_page(translation.path, dark=dark)
    page.get_by_role("button", name="Previous").click()
    check_axe(page)


def test_key_press_to_changed_pixels_is_reported(open_page, tmp_path, record_property):
    weights, scores = random_maps(2, 4, 64)
    page = open_page(
        AttentionExplorer(weights, [f"t{i}" for i in range(64)], scores=scores).save_html(tmp_path / "s.html")
    )
    report_latency(page, record_property, "explorer, 8 heads x 64 tokens")


def test_512_tokens_and_144_heads_answer_keys(open_page, tmp_path, record_property):
    rows = np.random.default_rng(0).random((1, 1, 512, 512), dtype=np.float32) ** 8
    weights = np.broadcast_to(data.softmax_rows(np.log(rows + 1e-9)), (12, 12, 512, 512))
    explorer = AttentionExplorer(weights, [f"token{i}" for i in range(512)])
    explorer.query = explorer.key = 0
    page = open_page(explorer.save_html(tmp_path / "big.html"))
    page.locator(".lm-map").focus()
    press(page, "ArrowDown", "ArrowRight", "PageDown")
    assert "layer 0, head 1" in readout(page)
    assert weight(page) == pytest.approx(weights[0, 1, 1, 1], abs=0.011)
    report_latency(page, record_property, "explorer, 144 heads x 512 tokens")
    page.get_by_label("Show").select_option("mean")
    assert weight(page) == pytest.approx(weights[0, :, 1, 1].mean(), abs=0.011)
    with page.expect_download():
        page.get_by_role("button", name="SVG").click()

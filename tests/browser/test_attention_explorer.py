"""The attention explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from latency import report_latency

from llmasos_edu.widgets import AttentionExplorer, truth_share
from llmasos_edu.widgets.attention import data

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
    explorer.shown_maps, explorer.scores, explorer.table = made[0][0], made[0][1], tables[0]
    explorer.query = explorer.key = 0
    return explorer


def weight(page):
    page.settle()
    return float(page.locator(".lm-weight").inner_text())


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


def test_arrow_keys_read_every_weight(full, explorer_page):
    page = explorer_page(full)
    page.locator(".lm-map").focus()
    for query, key in ((0, 0), (1, 0), (1, 1), (2, 1)):
        page.press(
            *(["ArrowDown"] * (query - page.state("query"))),
            *(["ArrowRight"] * (key - page.state("key"))),
        )
        assert f"query {query}" in page.readout()
        assert f"key {key}" in page.readout()
        assert weight(page) == pytest.approx(full.shown_maps[0, 0, query, key], abs=1.1e-3)
    page.press("End")
    assert page.locator(".lm-weight").inner_text() == "hidden"
    page.press("Home", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp")
    assert (page.state("query"), page.state("key")) == (0, 0), "the cursor left the map"


def test_mouse_reads_a_weight_and_its_score(full, explorer_page):
    page = explorer_page(full)
    page.mouse.move(*cell(page, 6, 4))
    text = page.readout()
    assert "query 6 ·a·rather·long·token" in text.replace("\n", " ")
    assert weight(page) == pytest.approx(full.shown_maps[0, 0, 6, 4], abs=1.1e-3)
    assert f"score {full.scores[0, 0, 6, 4]:.1f}" in text


def test_a_click_or_enter_pins_a_row_and_its_bars_stay(full, explorer_page):
    page = explorer_page(full)
    caption = page.locator(".lm-one")
    page.mouse.click(*cell(page, 5, 2))
    page.settle()
    assert "query 5" in caption.inner_text()
    assert "pinned" in caption.inner_text()
    best = full.shown_maps[0, 0, 5].argmax()
    assert f"{full.shown_maps[0, 0, 5, best]:.3f}" in caption.inner_text()
    page.mouse.move(*cell(page, 2, 1))
    page.settle()
    assert "query 5" in caption.inner_text(), "the bars followed the mouse off the pinned row"
    page.get_by_role("button", name="Unpin").click()
    page.settle()
    assert "query 2" in caption.inner_text()
    page.mouse.click(cell(page, 3, 0)[0] - cell_size(page), cell(page, 3, 0)[1])  # the token's own label
    page.settle()
    assert page.state("pinned") == 3
    page.locator(".lm-map").focus()
    page.press("Escape")
    assert page.state("pinned") == -1
    page.press("Enter")
    assert page.state("pinned") == 3
    page.press("Space")
    assert page.state("pinned") == -1


def cell_size(page):
    return float(page.locator(".lm-map canvas").first.get_attribute("data-cell"))


# ---- choosing ----


def test_heads_are_chosen_by_list_thumbnail_and_keys(full, explorer_page):
    page = explorer_page(full)
    page.locator(".lm-map").focus()
    page.press("ArrowDown", "ArrowDown")

    def shows(layer, head):
        assert f"layer {layer}, head {head}" in page.readout()
        assert weight(page) == pytest.approx(full.shown_maps[layer, head, 2, 0], abs=1.1e-3)

    shows(0, 0)
    page.press("PageDown")
    shows(0, 1)
    page.get_by_label("Layer", exact=True).select_option("1")
    shows(1, 1)
    page.get_by_label("Head", exact=True).select_option("3")
    shows(1, 3)
    page.locator(".lm-thumbs").focus()
    page.press("ArrowUp", "ArrowLeft")
    shows(0, 2)
    page.locator(".lm-thumbs canvas").click(position={"x": 30, "y": 75})
    shows(1, 0)
    page.get_by_label("Layer", exact=True).focus()
    page.press("ArrowUp")
    shows(0, 0)


def test_mean_and_maximum_over_heads(full, explorer_page):
    page = explorer_page(full)
    page.mouse.move(*cell(page, 4, 1))
    page.get_by_label("Show").select_option("mean")
    assert weight(page) == pytest.approx(full.shown_maps[0, :, 4, 1].mean(), abs=1.1e-3)
    page.get_by_label("Show").focus()
    page.press("ArrowDown")
    assert weight(page) == pytest.approx(full.shown_maps[0, :, 4, 1].max(), abs=1.1e-3)
    assert page.get_by_label("Head", exact=True).is_disabled()


def test_inputs_are_switched(full, explorer_page):
    page = explorer_page(full)
    page.mouse.move(*cell(page, 7, 7))
    page.get_by_label("Input").select_option("1")
    assert "query 5" in page.readout(), "the cursor must stay on the smaller map"
    page.get_by_label("Input").focus()
    page.press("ArrowUp")
    assert weight(page) == pytest.approx(full.shown_maps[0, 0, 5, 5], abs=1.1e-3)


def test_colour_scale_repaints(full, explorer_page):
    page = explorer_page(full)
    page.get_by_label("Layer", exact=True).select_option("1")
    page.settle()
    before = page.pixels(".lm-map canvas >> nth=0")
    page.get_by_label("Colour scale").select_option("one")
    page.settle()
    peak = full.shown_maps[1, 0].max()
    assert (page.pixels(".lm-map canvas >> nth=0") != before) == (peak < 0.999)


# ---- the softmax in the browser is the library's ----


def test_temperature_and_mask_by_mouse_and_keys(full, explorer_page):
    page = explorer_page(full)
    scores = torch.from_numpy(full.scores[0, 0])
    page.mouse.move(*cell(page, 4, 1))
    page.get_by_label("Causal mask").click()
    assert weight(page) == pytest.approx(scores.softmax(-1)[4, 1].item(), abs=3e-3)
    page.get_by_label("Causal mask").focus()
    page.press("Space")
    assert weight(page) == pytest.approx(full.shown_maps[0, 0, 4, 1], abs=1.1e-3)
    slider = page.get_by_label("Temperature")
    slider.focus()
    page.press(*["ArrowRight"] * 10)
    temperature = page.state("temperature")
    assert 1.4 < temperature < 1.8
    hot = data.softmax_rows(data.hide_future(full.scores[0, 0] / temperature))
    assert weight(page) == pytest.approx(hot[4, 1], abs=1.1e-3)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 9, box["y"] + box["height"] / 2)
    assert page.state("temperature") > temperature


def test_softmax_equals_torch_on_random_cases(full, explorer_page):
    page = explorer_page(full)
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


def test_any_set_of_heads_is_knocked_out_and_restored(full, explorer_page):
    page = explorer_page(full)
    text = page.locator(".lm-caption").nth(1)
    page.mouse.move(*cell(page, 3, 0))
    page.get_by_role("button", name="Knock out layer 0 head 2").click()
    page.get_by_role("button", name="Knock out layer 1 head 3").focus()
    page.press("Enter")
    row = full.table[(1 << 2) | (1 << 7)]
    assert f"{full.table[0].mean():.3f} intact, {row.mean():.3f} without 0.2, 1.3" in text.inner_text()
    assert f"{full.table[0, 3]:.3f} intact (line), {row[3]:.3f} now" in text.inner_text()
    assert page.get_by_role("button", name="Knock out layer 1 head 3").get_attribute("aria-pressed") == "true"
    page.mouse.move(*cell(page, 7, 0))
    page.settle()
    assert "no next token" in text.inner_text()
    page.get_by_role("button", name="Restore all").click()
    page.settle()
    assert f"{full.table[0].mean():.3f} now" in text.inner_text()


def test_above_eight_heads_the_head_on_show_is_knocked_out(explorer_page, tmp_path):
    weights, _ = random_maps(3, 3, 5)
    table = np.linspace(0, 1, 10)[:, None].repeat(4, 1)
    page = explorer_page(AttentionExplorer(weights, list("abcde"), knock_out=table))
    page.get_by_label("Layer", exact=True).select_option("1")
    page.get_by_label("Head", exact=True).select_option("2")
    page.settle()
    page.get_by_role("button", name="Knock out layer 1 head 2").click()
    page.settle()
    assert f"{table[6, 0]:.3f} without 1.2" in page.locator(".lm-caption").nth(1).inner_text()


# ---- files ----


def test_the_saved_picture_explains_itself(full, explorer_page, tmp_path):
    page = explorer_page(full)
    page.mouse.click(*cell(page, 4, 1))
    name, (width, _), words = page.saved_picture(tmp_path)
    assert name == "attention-layer0-head0"
    assert width > 600
    assert {"·cat", "<script>ale…", "query ↓", "key →", "Attention weights, layer 0, head 0"} <= set(words)
    assert any(text.startswith("Query 4: <script>") for text in words)
    svg = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    assert "<image" not in svg, "the map is drawn, not a picture in a picture"
    assert svg.count("<path") > 30


# ---- house rules ----


def test_tokens_stay_text(full, explorer_page):
    page = explorer_page(full)
    page.mouse.move(*cell(page, 5, 4))
    assert "<script>alert(1)</script>" in page.readout()
    assert "<img·src=x·onerror=alert(1)>" in page.readout()
    assert page.locator(".lm-explorer :is(script, img)").count() == 0


def test_rectangular_maps_for_cross_attention(explorer_page, tmp_path):
    weights, scores = random_maps(1, 2, 4, 9, causal=False)
    explorer = AttentionExplorer(
        weights, list("abcd"), key_tokens=[f"key{i}" for i in range(9)], scores=scores
    )
    page = explorer_page(explorer)
    page.locator(".lm-map").focus()
    page.press("End", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    assert "query 3" in page.readout()
    assert "key8" in page.readout()
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
    explorer.shown_maps = data.softmax_rows(scores)
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


def test_decoding_is_stepped_through_by_buttons_slider_and_keys(translation, explorer_page):
    page = explorer_page(translation)
    words, slider = page.locator(".lm-step").first, page.get_by_label("Decoded tokens")
    assert "Target looks at source" in page.locator(".lm-main").inner_text()
    assert page.get_by_role("button", name="Next").is_disabled()
    whole = page.pixels(".lm-map canvas >> nth=0")
    for count in (3, 2, 1):
        page.get_by_role("button", name="Previous").click()
        page.settle()
        row = translation.shown_maps[1, 0, count - 1]
        assert page.state("decoded") == count
        assert f"Step {count}: after “{['<start>', '3', '0', '5'][count - 1]}”" in words.inner_text()
        assert f"writes “{['3', '0', '5', '<end>'][count - 1]}”" in words.inner_text()
        said = words.inner_text().split("looking most at ")[1].split(",")[0]
        assert said.split() == [f"“{SOURCE[row.argmax()]}”", said.split()[1]]
        assert float(said.split()[1]) == pytest.approx(row.max(), abs=1.1e-3)
        assert f"writes {['3', '0', '5', '<end>'][count - 1]}" in page.readout().replace("\n", " ")
        assert weight(page) == pytest.approx(row.max(), abs=1.1e-3), "the cursor is not on the strongest key"
    assert page.get_by_role("button", name="Previous").is_disabled()
    for query in range(4):
        greyed = all(min(colour(page, query, key, 10)) > 200 for key in range(4))
        assert greyed == (query > 0), f"row {query} is {'greyed' if greyed else 'not greyed'}"
    page.mouse.move(*cell(page, 2, 1))
    page.locator(".lm-map").focus()
    page.press("ArrowDown")
    assert page.state("query") == 0, "the cursor went to a row that is yet to come"
    page.press("n", "n", "p")
    assert page.state("decoded") == 2
    page.get_by_role("button", name="Next").evaluate("(next) => { next.click(); next.click(); }")
    assert page.state("decoded") == 4, "two presses before one drawing are two steps"
    page.get_by_role("button", name="Previous").evaluate("(back) => { back.click(); back.click(); }")
    page.settle()
    slider.focus()
    page.press("ArrowRight", "ArrowRight")
    assert page.state("decoded") == 4
    assert slider.get_attribute("aria-valuetext") == "4 of 4"
    assert page.pixels(".lm-map canvas >> nth=0") == whole


def test_each_input_is_stepped_through_on_its_own(explorer_page, tmp_path):
    three, six = (random_maps(1, 1, queries, 4, causal=False)[0] for queries in (3, 6))
    explorer = AttentionExplorer(
        [three, six], [list("abc"), list("abcdef")], key_tokens=[SOURCE] * 2,
        produced=[list("bcd"), list("bcdefg")], truth=[[0, 1, 2], [3] * 6],
    )  # fmt: skip
    page = explorer_page(explorer)
    page.get_by_role("button", name="Previous").click()
    page.get_by_label("Input").select_option("1")
    page.settle()
    assert page.state("decoded") == 6
    assert "Step 6: after “f” the decoder writes “g”" in page.locator(".lm-step").first.inner_text()
    assert "of 6 rows (" in page.locator(".lm-step").nth(1).inner_text()
    page.get_by_label("Input").select_option("0")
    page.settle()
    assert page.state("decoded") == 3
    assert page.get_by_label("Decoded tokens").get_attribute("max") == "3"


def test_decoding_plays_to_its_end_and_pauses(translation, explorer_page):
    page = explorer_page(translation, fresh=True)
    page.clock.install()
    play = page.get_by_role("button", name="Play")
    play.click()
    assert page.state("decoded") == 1, "played from the end it starts again"
    page.clock.run_for(1000)
    assert page.state("decoded") == 2
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(3000)
    assert page.state("decoded") == 2
    play.click()
    page.clock.run_for(4000)
    assert page.state("decoded") == 4
    assert play.count() == 1, "at the end it still says Pause"
    play.click()
    page.evaluate("document.querySelector('.llmasos-widget-host').cleanup()")
    page.clock.run_for(3000)
    assert page.state("decoded") == 1, "a closed view went on playing"


def test_the_share_of_true_strongest_keys_is_the_librarys(translation, explorer_page):
    page = explorer_page(translation)
    for layer in range(2):
        page.get_by_label("Layer", exact=True).select_option(str(layer))
        for head in range(3):
            page.get_by_label("Head", exact=True).select_option(str(head))
            page.settle()
            share = truth_share(translation.shown_maps[layer, head], TRUTH)
            expected = f"in {round(2 * share)} of 2 rows ({100 * share:.0f} %)"
            assert expected in page.locator(".lm-step").nth(1).inner_text()
    shares = truth_share(translation.shown_maps, TRUTH)
    layer, head = np.unravel_index(shares.argmax(), shares.shape)
    best = f"Best head over all rows: layer {layer}, head {head}, {round(2 * shares.max())} of 2."
    assert best in page.locator(".lm-step").nth(1).inner_text()
    page.get_by_role("button", name="Previous").click()
    page.get_by_role("button", name="Previous").click()
    page.settle()
    assert "of 1 rows written so far (100 %)" in page.locator(".lm-step").nth(1).inner_text()


def test_true_keys_are_marked_on_the_map_and_in_the_file(translation, explorer_page, tmp_path):
    page = explorer_page(translation)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="SVG").click()
    svg = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert svg.count('fill="none" stroke="#fff"') == 2
    assert "Target looks at source, layer 1, head 0" in svg
    white = {(q, k) for q in range(4) for k in range(4) if min(colour(page, q, k, 4, 0.5)) > 170}
    assert white == {(0, 0), (2, 3)}
    plain = AttentionExplorer(
        translation.shown_maps,
        ["<start>", "3", "0", "5"],
        key_tokens=SOURCE,
        produced=["3", "0", "5", "<end>"],
        layer=1,
    )
    page = explorer_page(plain)
    assert page.locator(".lm-step").nth(1).is_hidden()


def test_key_press_to_changed_pixels_is_reported(explorer_page, tmp_path, record_property):
    weights, scores = random_maps(2, 4, 64)
    page = explorer_page(AttentionExplorer(weights, [f"t{i}" for i in range(64)], scores=scores))
    report_latency(page, record_property, "explorer, 8 heads x 64 tokens")


def test_512_tokens_and_144_heads_answer_keys(explorer_page, tmp_path, record_property):
    rows = np.random.default_rng(0).random((1, 1, 512, 512), dtype=np.float32) ** 8
    weights = np.broadcast_to(data.softmax_rows(np.log(rows + 1e-9)), (12, 12, 512, 512))
    explorer = AttentionExplorer(weights, [f"token{i}" for i in range(512)])
    explorer.query = explorer.key = 0
    page = explorer_page(explorer)
    page.locator(".lm-map").focus()
    page.press("ArrowDown", "ArrowRight", "PageDown")
    assert "layer 0, head 1" in page.readout()
    assert weight(page) == pytest.approx(weights[0, 1, 1, 1], abs=0.011)
    report_latency(page, record_property, "explorer, 144 heads x 512 tokens")
    page.get_by_label("Show").select_option("mean")
    assert weight(page) == pytest.approx(weights[0, :, 1, 1].mean(), abs=0.011)
    with page.expect_download():
        page.get_by_role("button", name="SVG").click()

"""The masking explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

import math
import re
from pathlib import Path

import axe_playwright_python
import pytest
import torch

from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.widgets import MaskingExplorer, PositionExplorer
from llmasos_edu.widgets.shared.host import _PAGE, host_fragment

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
HOST = "document.querySelector('.llmasos-widget-host')"
VOCAB = 12
NAMES = ["<i>", "·the", "·a", "⏎", "·class", "(", ")", "·is", "·not", "s", ":", "·def"]
TEXT = [4, 1, 9, 5, 6, 10, 3, 11, 0, 7, 8, 2]


def make(seed=0, **settings):
    torch.manual_seed(seed)
    masked, causal = (
        MaskedLanguageModel(VOCAB + 1, d_model=8, num_layers=1, num_heads=2, max_len=64),
        LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2),
    )
    with torch.no_grad():
        for parameter in [*masked.parameters(), *causal.parameters()]:
            parameter.normal_(0, 0.8)
    return MaskingExplorer(TEXT, masked, causal, VOCAB, NAMES, **settings)


@pytest.fixture
def show(open_page, tmp_path):
    def show(dark=False, **settings):
        explorer = make(**settings)
        return open_page(explorer.save_html(tmp_path / "masking.html"), dark=dark), explorer

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
    return re.sub(r"\s+", " ", page.locator(".lm-readout").inner_text())


def percent(p):
    return f"{100 * p:.0f} %" if p >= 0.0995 else f"{100 * p:.1f} %" if p >= 0.001 else "< 0.1 %"


def tables(page, side):
    """The proposals on show, place by place: [[(token, share)]]."""
    settle(page)
    found = []
    for table in page.locator(".lm-body .lm-main").nth(side).locator("table").all():
        rows = table.locator("tbody tr").all()
        found.append([(row.locator("th").inner_text(), row.locator("td").last.inner_text()) for row in rows])
    return found


def expected(explorer, proposals):
    return [
        [(explorer.pieces[i], percent(p)) for i, p in zip(place["ids"], place["p"], strict=True)]
        for place in proposals
    ]


def token(page, number):
    return page.locator(".lm-token").nth(number)


def set_width(page, value):
    page.get_by_label("Tokens hidden", exact=True).first.evaluate(
        """(input, value) => { input.value = value;
                               input.dispatchEvent(new Event('input', { bubbles: true })); }""",
        str(value),
    )
    settle(page)


# ---- what is shown is what Python computed ----


def test_a_click_hides_a_token_and_both_models_propose(show):
    page, explorer = show()
    for place in (7, 11, 1):
        token(page, place).click()
        assert state(page, "token") == place
        assert tables(page, 0) == expected(explorer, explorer.masked[0][place])
        assert tables(page, 1) == expected(explorer, explorer.causal[place][:1])
        assert token(page, place).inner_text() == "?"
        pressed = page.locator('.lm-token[aria-pressed="true"]')
        assert pressed.count() == 1
        best = explorer.masked[0][place][0]
        told = f"Token {place + 1} of 12. Masked: {explorer.pieces[best['ids'][0]]} {percent(best['p'][0])}"
        assert readout(page).startswith(told)


def test_more_tokens_hidden_show_a_table_for_each(show):
    page, explorer = show(token=4)
    set_width(page, 3)
    assert state(page, "width") == 3
    assert tables(page, 0) == expected(explorer, explorer.masked[2][4])
    assert tables(page, 1) == expected(explorer, explorer.causal[4])
    assert [token(page, i).inner_text() for i in (3, 4, 5, 6, 7)] == ["(", "?", "?", "?", "·def"]
    assert readout(page).startswith("Tokens 5 to 7 of 12.")
    assert "its own likeliest guess" in page.locator(".lm-hint").inner_text()
    token(page, 11).click()
    assert state(page, "token") == 9, "a gap of three ends with the text"
    assert tables(page, 1) == expected(explorer, explorer.causal[9])


def test_the_truth_is_told_only_when_asked_for(show):
    page, explorer = show(token=8)
    place = explorer.masked[0][8][0]
    assert "<i>" not in readout(page) or explorer.pieces[place["ids"][0]] == "<i>"
    assert "truth" not in readout(page)
    assert page.locator(".lm-true").count() == 0
    page.get_by_label("Show what stood there").check()
    assert readout(page).endswith("truth: <i>")
    assert token(page, 8).inner_text() == "<i>"
    told = page.locator("caption").first.inner_text()
    assert told == f"Token 9; there stood <i>, place {place['rank']}, {percent(place['truth'])}"
    marked = explorer.ids[8] in place["ids"]
    assert page.locator(".lm-main").first.locator(".lm-true").count() == marked
    assert state(page, "shown") is True
    assert page.locator(".lm-explorer i:not(.lm-bits i)").count() == 0, "a token became HTML"


def test_before_the_first_token_the_causal_model_has_nothing_to_go_by(show):
    page, explorer = show(token=0, width=2)
    assert tables(page, 1) == []
    assert "Nothing stands before the first token" in page.locator(".lm-from-left").inner_text()
    assert "causal: nothing to go by" in readout(page)
    assert tables(page, 0) == expected(explorer, explorer.masked[1][0])


def test_bars_are_the_surprise_in_bits(show):
    page, explorer = show()
    found = page.evaluate(
        f"""() => {{ const {{ model, module }} = {HOST};
            const [ids, masked, causal] = ["ids", "masked", "causal"].map((name) => model.get(name));
            return module.surprises({{ ids, masked, causal }}); }}"""
    )
    for place, (masked, causal) in enumerate(found):
        assert masked == pytest.approx(-math.log2(explorer.masked[0][place][0]["truth"]), abs=1e-6)
        if place:
            assert causal == pytest.approx(-math.log2(explorer.causal[place][0]["truth"]), abs=1e-6)
    assert found[0][1] is None
    told = page.locator(".lm-bits").nth(3).get_attribute("aria-label")
    assert told == f"(: masked model {found[3][0]:.1f} bits, causal model {found[3][1]:.1f} bits"
    most = max(value for pair in found for value in pair if value is not None)
    heights = [
        float(bar.evaluate("(b) => b.style.height").removesuffix("px"))
        for bar in page.locator(".lm-bits").nth(3).locator("i").all()
    ]
    assert heights == pytest.approx([max(1, 32 * value / most) for value in found[3]], abs=0.06)
    assert f"the highest bar is {most:.1f} bits" in page.locator(".lm-legend").inner_text()


# ---- keys ----


def test_keys_walk_along_the_text_and_change_the_gap(show):
    page, _ = show(token=5)
    token(page, 5).focus()
    press(page, "ArrowRight", "ArrowRight", "ArrowLeft")
    assert state(page, "token") == 6
    assert page.evaluate("document.activeElement.textContent") == "?"
    press(page, "ArrowUp", "ArrowUp", "ArrowUp")
    assert state(page, "width") == 3
    press(page, "End")
    assert state(page, "token") == 9
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "End")
    assert (state(page, "width"), state(page, "token")) == (1, 11)
    press(page, "Home", "ArrowLeft")
    assert state(page, "token") == 0
    assert page.locator('.lm-token[tabindex="0"]').count() == 1
    press(page, "Tab")
    assert page.evaluate("document.activeElement.className") != "lm-token", "one stop for the whole text"


def test_plain_keys_stay_in_the_widget_and_the_notebooks_shortcuts_do_not(show):
    page, _ = show()
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))")
    token(page, 6).focus()
    press(page, "ArrowDown", "a", "Control+s", "Shift+Enter")
    heard = [key for key in page.evaluate("heard") if key not in ("Control", "Shift")]
    assert heard == ["s", "Enter"]


def test_python_moves_it_and_one_width_leaves_nothing_to_slide(show):
    page, _ = show()
    page.evaluate(f"{HOST}.model.set('token', 2)")
    page.evaluate(f"{HOST}.model.save_changes && {HOST}.model.save_changes()")
    assert readout(page).startswith("Token 3 of 12")
    single, _ = show(max_width=1)
    assert single.get_by_label("Tokens hidden", exact=True).first.is_disabled()


# ---- house rules ----


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(show, dark):
    page, _ = show(dark=dark, width=2)
    page.get_by_label("Show what stood there").check()
    settle(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { rules: { 'target-size': { enabled: true } } })")
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]] == []
    assert {p["id"] for p in found["passes"]} >= {"color-contrast", "button-name", "label"}
    paper = page.locator(".lm-explorer").evaluate("(e) => getComputedStyle(e).backgroundColor")
    assert paper == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")


def test_png_and_svg_are_downloaded(show, tmp_path):
    page, explorer = show(token=8, width=2)
    files = {}
    for ending in ("PNG", "SVG"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=ending).click()
        files[ending] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(files[ending])
    from PIL import Image

    with Image.open(files["PNG"]) as image:
        assert image.width == 1440
        assert len(image.convert("RGB").getcolors(1 << 20)) > 30, "the picture is nearly empty"
    assert files["SVG"].name == "masking.svg"
    text = files["SVG"].read_text(encoding="utf-8")
    found = page.evaluate(
        """(text) => { const svg = new DOMParser().parseFromString(text, "image/svg+xml");
           return { error: !!svg.querySelector("parsererror"),
                    words: [...svg.querySelectorAll("text")].map((text) => text.textContent) }; }""",
        text,
    )
    assert not found["error"]
    assert found["words"].count("?") == 2
    shares = [percent(p) for place in explorer.masked[1][8] for p in place["p"]]
    assert set(shares) <= set(found["words"])
    assert "NaN" not in text


def test_two_explorers_and_a_closed_view_do_not_interfere(open_page, tmp_path):
    parts = []
    for widget in (make(0), PositionExplorer(8), make(1)):
        values = {name: getattr(widget, name) for name in widget.keys if not name.startswith("_")}
        for name in ("layout", "tabbable", "tooltip"):
            values.pop(name)
        parts.append(host_fragment(widget._esm, widget._css, values))
    path = tmp_path / "three.html"
    path.write_text(_PAGE.format(title="Three", fragment="".join(parts)), encoding="utf-8")
    page = open_page(path)
    page.wait_for_function("document.querySelectorAll('[data-state=ready]').length === 3")
    token(page, 2).click()
    settle(page)
    texts = page.locator(".lm-readout").all_inner_texts()
    assert texts[0].startswith("Token 3")
    assert texts[2].startswith("Token 7")
    page.evaluate(f"""async () => {{
        const host = {HOST};
        window.second = document.body.appendChild(document.createElement('div'));
        window.close2 = await host.module.render({{ model: host.model, el: second }});
    }}""")
    token(page, 4).click()
    settle(page)
    assert page.locator(".lm-readout").nth(3).inner_text().startswith("Token 5")
    page.evaluate("close2()")
    token(page, 5).click()
    assert page.evaluate("second.childElementCount") == 0

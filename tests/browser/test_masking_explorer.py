"""The masking explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

import math

import pytest
import torch
from explorer_page import HOST

from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.widgets import MaskingExplorer

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
def show(explorer_page):
    def show(**settings):
        explorer = make(**settings)
        return explorer_page(explorer), explorer

    return show


def percent(p):
    return f"{100 * p:.0f} %" if p >= 0.0995 else f"{100 * p:.1f} %" if p >= 0.001 else "< 0.1 %"


def tables(page, side):
    """The proposals on show, place by place: [[(token, share)]]."""
    page.settle()
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
    page.settle()


# ---- what is shown is what Python computed ----


def test_a_click_hides_a_token_and_both_models_propose(show):
    page, explorer = show()
    for place in (7, 11, 1):
        token(page, place).click()
        assert page.state("token") == place
        assert tables(page, 0) == expected(explorer, explorer.masked[0][place])
        assert tables(page, 1) == expected(explorer, explorer.causal[place][:1])
        assert token(page, place).inner_text() == "?"
        pressed = page.locator('.lm-token[aria-pressed="true"]')
        assert pressed.count() == 1
        best = explorer.masked[0][place][0]
        told = f"Token {place + 1} of 12. Masked: {explorer.pieces[best['ids'][0]]} {percent(best['p'][0])}"
        assert page.readout().startswith(told)


def test_more_tokens_hidden_show_a_table_for_each(show):
    page, explorer = show(token=4)
    set_width(page, 3)
    assert page.state("width") == 3
    assert tables(page, 0) == expected(explorer, explorer.masked[2][4])
    assert tables(page, 1) == expected(explorer, explorer.causal[4])
    assert [token(page, i).inner_text() for i in (3, 4, 5, 6, 7)] == ["(", "?", "?", "?", "·def"]
    assert page.readout().startswith("Tokens 5 to 7 of 12.")
    assert "its own likeliest guess" in page.locator(".lm-hint").inner_text()
    token(page, 11).click()
    assert page.state("token") == 9, "a gap of three ends with the text"
    assert tables(page, 1) == expected(explorer, explorer.causal[9])


def test_the_truth_is_told_only_when_asked_for(show):
    page, explorer = show(token=8)
    place = explorer.masked[0][8][0]
    assert "<i>" not in page.readout() or explorer.pieces[place["ids"][0]] == "<i>"
    assert "truth" not in page.readout()
    assert page.locator(".lm-true").count() == 0
    page.get_by_label("Show what stood there").check()
    assert page.readout().endswith("truth: <i>")
    assert token(page, 8).inner_text() == "<i>"
    told = page.locator("caption").first.inner_text()
    assert told == f"Token 9; there stood <i>, place {place['rank']}, {percent(place['truth'])}"
    marked = explorer.ids[8] in place["ids"]
    assert page.locator(".lm-main").first.locator(".lm-true").count() == marked
    assert page.state("shown") is True
    assert page.locator(".lm-explorer i:not(.lm-bits i)").count() == 0, "a token became HTML"


def test_before_the_first_token_the_causal_model_has_nothing_to_go_by(show):
    page, explorer = show(token=0, width=2)
    assert tables(page, 1) == []
    assert "Nothing stands before the first token" in page.locator(".lm-main.lm-other").inner_text()
    assert "causal: nothing to go by" in page.readout()
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
    page.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert page.state("token") == 6
    assert page.evaluate("document.activeElement.textContent") == "?"
    page.press("ArrowUp", "ArrowUp", "ArrowUp")
    assert page.state("width") == 3
    page.press("End")
    assert page.state("token") == 9
    page.press("ArrowDown", "ArrowDown", "ArrowDown", "End")
    assert (page.state("width"), page.state("token")) == (1, 11)
    page.press("Home", "ArrowLeft")
    assert page.state("token") == 0
    assert page.locator('.lm-token[tabindex="0"]').count() == 1
    page.press("Tab")
    assert page.evaluate("document.activeElement.className") != "lm-token", "one stop for the whole text"


def test_python_moves_it_and_one_width_leaves_nothing_to_slide(show):
    page, _ = show()
    page.evaluate(f"{HOST}.model.set('token', 2)")
    page.evaluate(f"{HOST}.model.save_changes && {HOST}.model.save_changes()")
    assert page.readout().startswith("Token 3 of 12")
    single, _ = show(max_width=1)
    assert single.get_by_label("Tokens hidden", exact=True).first.is_disabled()


# ---- house rules ----


def test_the_saved_picture_holds_text_and_proposals(show, tmp_path):
    page, explorer = show(token=8, width=2)
    name, (width, _), words = page.saved_picture(tmp_path)
    assert (name, width) == ("masking", 1440)
    assert words.count("?") == 2
    assert [word for word in words if word.startswith("Token ")] == 2 * ["Token 9", "Token 10"]
    shares = [percent(p) for place in explorer.masked[1][8] for p in place["p"]]
    assert set(shares) <= set(words)

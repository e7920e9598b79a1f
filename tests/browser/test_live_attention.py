"""Attention to a text that the reader types: computed in Chromium, and equal to torch's."""

from __future__ import annotations

import pytest
import torch
from every_explorer import byte_model
from playwright.sync_api import expect

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import AttentionExplorer

MAPS = """async ({ LiveMaps, sharedModel }, model, [text, silenced]) => {
    const maps = new LiveMaps(await sharedModel(model, "language_model"), text);
    const all = [];
    for (let layer = 0; layer < maps.layers; layer++)
        for (let head = 0; head < maps.heads; head++)
            all.push([...maps.map(layer, head, "head", { causal: true, temperature: 1 }).weights]);
    const next = [...maps.probabilities(silenced)].slice(0, -1);
    return { all, next, queries: maps.queries, tokens: maps.tokens }; }"""


def sent_model():
    return byte_model(torch.float16).float()


@pytest.fixture
def show(explorer_page):
    def show(text="the theme", **settings):
        explorer = AttentionExplorer.live(sent_model(), ByteTokenizer(), text=text, **settings)
        return explorer_page(explorer), explorer

    return show


def field(page):
    return page.get_by_label("Your text")


def weight_on_show(page):
    """What the readout says of the cell under the cursor."""
    page.settle()
    return float(page.locator(".lm-weight").inner_text())


def seen(text):
    tokens = torch.tensor([list(text.encode())])
    return tokens, sent_model().inspect(tokens)


def next_probabilities(text, heads):
    model = sent_model()
    tokens = torch.tensor([list(text.encode())])
    with torch.no_grad():
        shares = model(tokens, head_mask=model.knock_out(heads))[0, :-1].softmax(-1)
    return shares.gather(-1, tokens[0, 1:, None])[:, 0].tolist()


@pytest.mark.parametrize("heads", [[], [(0, 3)], [(0, 0), (1, 1), (1, 2)]])
def test_maps_and_knock_out_are_torch_s(show, heads):
    page, _ = show()
    text = "a test, naïve"
    tokens, inspected = seen(text)
    found = page.module(MAPS, [text, [4 * layer + head for layer, head in heads]])
    assert found["tokens"] == ByteTokenizer().tokens(tokens[0])
    weights = torch.tensor(found["all"]).view(2, 4, found["queries"], found["queries"])
    assert (weights - inspected.weights[:, 0]).abs().max() < 1e-4
    assert found["next"] == pytest.approx(next_probabilities(text, heads), abs=1e-4)


def test_a_typed_text_is_read_at_once_and_the_cursor_goes_to_its_end(show):
    page, _ = show(layer=1, head=2)
    field(page).fill("and the list")
    page.settle()
    query, key, text = page.state("query", "key", "text")
    row = seen("and the list")[1].weights[1, 0, 2, 11]
    assert (text, query, key) == ("and the list", 11, row.argmax())
    assert weight_on_show(page) == pytest.approx(row.max().item(), abs=6e-4)
    assert "query 11 t → key" in page.readout()
    before = page.pixels(".lm-map canvas"), page.pixels(".lm-thumbs canvas")
    field(page).press_sequentially("s")
    assert page.state("query") == 12
    after = page.pixels(".lm-map canvas"), page.pixels(".lm-thumbs canvas")
    assert before[0] != after[0]
    assert before[1] != after[1], "the small pictures are the old text's"


def test_an_empty_field_keeps_the_maps_and_a_long_text_is_read_in_part(show):
    page, explorer = show("the text")
    field(page).fill("")
    assert "query 7 t → key" in page.readout(), "the maps of the last text stay, with the cursor at its end"
    field(page).fill("x" * 100)
    assert page.state("query") == 63
    with explorer.hold_trait_notifications():  # as a message of the browser does
        explorer.query, explorer.text = page.state("query", "text")
    assert (explorer.query, len(explorer.text)) == (63, 100)


def test_any_heads_are_switched_off_and_the_model_reads_again(show):
    page, _ = show("the theme")
    intact, without = (sum(next_probabilities("the theme", out)) / 8 for out in ([], [(0, 1), (1, 2)]))
    switches = page.locator(".lm-switches button")
    assert switches.count() == 8
    switches.nth(1).click()
    switches.nth(6).click()
    words = page.text(".lm-knockout .lm-caption")
    assert f"mean: {intact:.3f} intact, {without:.3f} without 0.1, 1.2." in words
    field(page).fill("another")
    model_words = page.text(".lm-knockout .lm-caption")
    found = sum(next_probabilities("another", [(0, 1), (1, 2)])) / 6
    assert f"{found:.3f} without 0.1, 1.2." in model_words
    page.get_by_role("button", name="Restore all").click()
    assert page.state("knocked_out") == []


def test_a_model_of_sixteen_heads_has_a_switch_for_each(explorer_page):
    torch.manual_seed(0)
    model = LanguageModel(256, d_model=16, num_layers=4, num_heads=4)
    page = explorer_page(AttentionExplorer.live(model, ByteTokenizer(), text="a b"))
    assert page.locator(".lm-switches button").count() == 16
    page.locator(".lm-switches button").nth(15).click()
    page.locator(".lm-switches button").nth(9).click()
    assert page.state("knocked_out") == [9, 15]


def test_without_mask_and_at_another_temperature(show):
    page, _ = show("the theme", layer=0, head=1)
    page.get_by_label("Causal mask").uncheck()
    page.put(temperature=0.5, query=2, key=7)
    scores = seen("the theme")[1].scores[0, 0, 1, 2]
    assert weight_on_show(page) == pytest.approx((scores / 0.5).softmax(-1)[7].item(), abs=6e-4)


def test_python_sets_the_text(show):
    page, _ = show("the theme")
    page.put(text="é")
    expect(field(page)).to_have_value("é")
    assert "query 1" in page.readout()

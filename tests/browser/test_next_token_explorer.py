"""The next-token explorer in a real Chromium, on our own host page: what it shows is what torch computes."""

from __future__ import annotations

import pytest
import torch
from every_explorer import byte_model
from playwright.sync_api import expect

from llmasos_edu.text.ngram import NGram
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import NextTokenExplorer

READ = "the list and the text and the theme of the test, naïve and 中文"


def sent_model():
    """Its weights are halves, as they travel: the page shows the same decimals."""
    return byte_model(torch.float16).float()


@pytest.fixture
def show(explorer_page):
    def show(**settings):
        counts = NGram.kneser_ney(list(READ.encode()), 256, 3)
        explorer = NextTokenExplorer(sent_model(), ByteTokenizer(), counts, **settings)
        return explorer_page(explorer), explorer

    return show


def percent(p):
    return f"{100 * p:.0f} %" if p >= 0.0995 else f"{100 * p:.1f} %" if p >= 0.001 else "< 0.1 %"


def field(page):
    return page.get_by_label("Your text")


def candidates(page, which):
    """What is on show of a model: [(name, share)]."""
    page.settle()
    found = page.locator(".lm-candidates").nth(which).locator("button:visible").all()
    return [
        (each.locator("span").first.inner_text(), each.locator("> span").last.inner_text()) for each in found
    ]


def text_of(page):
    return bytes(page.state("tokens")).decode(errors="replace")


def as_shown(explorer):
    """What Python expects in the explorer's state, as the page writes it."""
    names = ByteTokenizer().tokens
    return [
        [(names([i])[0], percent(share)) for i, share in zip(each.ids, each.shares, strict=True)]
        for each in explorer.expectations().proposals
    ]


def follow(page, explorer):
    """Bring Python's explorer into the page's state, as the kernel would."""
    with explorer.hold_trait_notifications():
        explorer.tokens, explorer.place = page.state("tokens", "place")
        explorer.temperature = page.state("temperature")


# ---- what is shown is what Python computes ----


def test_a_typed_text_is_read_and_both_models_say_what_comes_next(show):
    page, explorer = show(text="the t")
    assert [candidates(page, which) for which in (0, 1)] == as_shown(explorer)
    field(page).fill("and the test, naïve 中文 t")
    assert text_of(page) == "and the test, naïve 中文 t"
    follow(page, explorer)
    assert explorer.place == len(explorer.tokens)
    assert [candidates(page, which) for which in (0, 1)] == as_shown(explorer)
    first, second = (each[0] for each in as_shown(explorer))
    place = f"Next, token {explorer.place + 1}, after t"
    assert page.readout() == f"{place} model: {first[0]} {first[1]} 3-gram: {second[0]} {second[1]}"


def test_each_token_tells_its_surprise_and_what_was_expected_there(show):
    page, explorer = show(text="the text")
    bits = explorer.expectations().bits
    told = [each.get_attribute("aria-label") for each in page.locator(".lm-bits").all()]
    assert told[0] == "t: nothing before it"
    assert told[1:] == [
        f"{name}: model {own:.1f} bits, 3-gram {counted:.1f} bits"
        for name, (own, counted) in zip(ByteTokenizer().tokens(b"he text"), bits, strict=True)
    ]
    page.locator(".lm-token").nth(5).click()
    follow(page, explorer)
    assert explorer.place == 5
    assert [candidates(page, which) for which in (0, 1)] == as_shown(explorer)
    own, counted = bits[4]
    assert page.readout() == (
        f"Token 6 of 8, e after t model: {percent(2**-own)}, {own:.1f} bits "
        f"3-gram: {percent(2**-counted)}, {counted:.1f} bits"
    )
    means = [sum(pair[which] for pair in bits) / 7 for which in (0, 1)]
    total = page.text(".lm-caption")
    assert f"model {means[0]:.2f} bits a token, {means[0]:.2f} a byte" in total
    assert f"3-gram {means[1]:.2f} bits a token" in total
    page.locator(".lm-token").first.click()
    assert page.readout() == "The first token: nothing stands before it."
    assert page.locator(".lm-candidates:visible").count() == 0


@pytest.mark.parametrize("temperature", [0, 0.5, 2])
def test_the_temperature_warms_what_is_expected_and_not_the_surprise(show, temperature):
    page, explorer = show(text="the t")
    before = page.text(".lm-caption")
    page.set_slider("Temperature", temperature)
    follow(page, explorer)
    assert explorer.temperature == temperature
    assert [candidates(page, which) for which in (0, 1)] == as_shown(explorer)
    assert page.text(".lm-caption") == before


# ---- going on ----


def test_a_pressed_candidate_goes_on_the_text_from_its_place(show):
    page, explorer = show(text="the text")
    best = explorer.expectations().proposals[1].ids[0]
    page.locator(".lm-candidates").nth(1).locator("button").first.click()
    assert page.state("tokens") == [*b"the text", best]
    expect(field(page)).to_have_value(bytes([*b"the text", best]).decode(errors="replace"))
    page.locator(".lm-token").nth(4).click()
    second = page.locator(".lm-candidates").first.locator("button").nth(1)
    explorer.place = 4
    chosen = explorer.expectations().proposals[0].ids[1]
    second.click()
    assert page.state("tokens") == [*b"the ", chosen], "what stood behind the place is gone"
    assert page.state("place") == 5
    page.get_by_role("button", name="Take back").click()
    assert text_of(page) == "the "


def test_keys_walk_along_text_and_candidates(show):
    page, _ = show(text="the t")
    page.locator(".lm-token[tabindex='0']").focus()
    page.press("ArrowLeft", "ArrowLeft", "ArrowRight")
    assert page.state("place") == 4
    page.press("Home")
    assert page.state("place") == 0
    page.press("End")
    assert page.state("place") == 5
    page.locator(".lm-candidates button").first.focus()
    page.press("ArrowDown", "ArrowDown", "ArrowUp")
    name = page.locator(".lm-candidates button").nth(1).locator("span").first.inner_text()
    assert page.evaluate("document.activeElement.children[0].textContent") == name
    page.press("Enter")
    assert len(page.state("tokens")) == 6
    assert page.evaluate("document.activeElement.parentElement.className") == "lm-candidates"


def test_an_empty_text_has_nothing_to_go_by_and_can_be_begun(show):
    page, _ = show(text="")
    assert page.readout() == "Type a text: nothing stands here yet."
    assert page.get_by_role("button", name="Take back").is_disabled()
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(400)
    assert page.state("tokens") == []
    field(page).press_sequentially("Mot")
    assert text_of(page) == "Mot"
    field(page).press("Enter")
    assert text_of(page) == "Mot\n"


def written(page, seed, count, writer="model"):
    """The text so far, after so many tokens were written from `the t`."""
    page.get_by_label("Who writes").select_option(writer)
    field(page).fill("the t")
    page.set_slider("Seed", seed)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"document.querySelectorAll('.lm-token').length >= {6 + count}")
    page.get_by_role("button", name="Pause").click()
    return page.state("tokens")[: 5 + count]


def test_it_writes_on_by_itself_and_the_same_seed_writes_the_same(show):
    page, _ = show(text="the t")
    first, again, other = (written(page, seed, 8) for seed in (3, 3, 4))
    assert first == again != other
    assert written(page, 3, 8, "ngram") != first
    page.set_slider("Temperature", 0)
    tokens = written(page, 9, 8)
    assert tokens == sent_model().generate(torch.tensor([list(b"the t")]), 8, temperature=0)[0].tolist()


def test_a_full_text_stops_and_play_goes_back_to_what_was_typed(show):
    page, _ = show(text="x" * 250)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelectorAll('.lm-token').length === 257")
    page.settle()
    expect(page.get_by_role("button", name="Play")).to_have_count(1)  # it stopped by itself
    assert "The text is full" in page.text(".lm-hint")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelectorAll('.lm-token').length < 257")
    field(page).fill("y" * 400)  # while it writes: what is typed stops it, and stays
    expect(field(page)).to_have_value("y" * 256)
    page.settle()
    assert page.state("tokens") == list(b"y" * 256)
    expect(field(page)).to_have_value("y" * 256)


# ---- the functions behind it ----


def test_the_tables_give_python_s_probabilities(show):
    page, _ = show()
    ngram = NGram.kneser_ney(list(READ.encode()), 256, 3)
    contexts = [[], [116], list(b"th"), list(b"zz"), list(b"z "), list(b"and the"), list("中".encode())]
    found = page.module(
        """({ NGramTable }, model, contexts) => { const table = new NGramTable(model.get("ngram"));
            return contexts.map((context) => [...table.probabilities(context)]); }""",
        contexts,
    )
    for context, probabilities in zip(contexts, found, strict=True):
        assert probabilities == pytest.approx(ngram.probabilities(context).tolist(), abs=1e-6)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)


def test_what_is_drawn_comes_as_often_as_it_is_likely(show):
    page, _ = show()
    shares = [0.5, 0.0, 0.3, 0.15, 0.05]
    found = page.module(
        """({ chance, drawn }, model, shares) => { const counts = shares.map(() => 0);
            for (let seed = 0; seed < 100; seed++)
                for (let at = 0; at < 256; at++) counts[drawn(shares, chance(seed, at))]++;
            return counts.map((count) => count / 25600); }""",
        shares,
    )
    assert found == pytest.approx(shares, abs=0.01)
    assert found[1] == 0
    ends = page.module(
        "({ drawn }) => [drawn([0.5, 0.5], 0), drawn([0.5, 0.5], 0.5), drawn([0.4, 0.4], 0.99)]"
    )
    assert ends == [0, 1, 1]
    page.put(seed=5, place=2)
    assert page.state("place") == 2


# ---- house rules ----


def test_the_saved_picture_holds_text_and_shares(show, tmp_path):
    page, explorer = show(text="the <i>")
    name, (width, _), words = page.saved_picture(tmp_path)
    assert (name, width) == ("next-token", 1440)
    assert "next" in words
    assert {share for shown in as_shown(explorer) for _, share in shown} <= set(words)

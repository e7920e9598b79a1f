"""The sampling explorer in a real Chromium: its rules are the library's, in every order, and all is used."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from every_explorer import byte_model
from explorer_page import HOST

from llmasos_edu.generation.rules import RULES, rule_steps
from llmasos_edu.generation.sampling import seen_tokens
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import SamplingExplorer

NAMES = {
    "repetition_penalty": "Repetition penalty", "temperature": "Temperature", "top_k": "Top-k",
    "top_p": "Top-p", "min_p": "Min-p", "typical": "Typical",
}  # fmt: skip


def sent_model():
    """Its weights are halves, as they travel: the page shows the same decimals."""
    return byte_model(torch.float16).float()


def make(**settings):
    return SamplingExplorer(sent_model(), ByteTokenizer(), **settings)


@pytest.fixture
def show(explorer_page):
    def show(**settings):
        return explorer_page(make(**settings))

    return show


@pytest.fixture(scope="module")
def shared_page(browser, tmp_path_factory):
    context = browser.new_context()
    page = context.new_page()
    page.goto(make().save_html(tmp_path_factory.mktemp("sampling") / "s.html").as_uri())
    page.wait_for_selector('[data-state="ready"]')
    yield page
    context.close()


# ---- the rules are the library's ----


def in_the_browser(page, logits, rules, seen):
    """What the page's rules do: kept tokens, what is lost and shares after each."""
    return page.evaluate(
        f"""([logits, rules, seen]) => {HOST}.module.applyRules(logits, rules, seen).map((step) =>
             ({{ ...step, kept: [...step.kept], shares: [...step.shares] }}))""",
        [logits.tolist(), [[name, value, True] for name, value in rules], seen.int().tolist()],
    )


def some_values(generator):
    return {
        "repetition_penalty": generator.choice([1.0, 1.2, 2.0]),
        "temperature": generator.choice([0.0, 0.3, 0.7, 1.0, 2.0]),
        "top_k": generator.choice([1, 3, 17, 40]),
        "top_p": generator.choice([0.05, 0.5, 0.9, 0.99, 1.0]),
        "min_p": generator.choice([0.0, 0.02, 0.1, 0.5]),
        "typical": generator.choice([0.05, 0.4, 0.9, 1.0]),
    }


@pytest.mark.parametrize("block", range(4))
def test_every_order_of_rules_gives_what_the_library_gives(shared_page, block):
    generator = random.Random(block)
    for number in range(45):
        torch.manual_seed(1000 * block + number)
        logits = 3 * torch.randn(60, dtype=torch.float64)
        seen = torch.rand(60) < 0.3
        rules = list(some_values(generator).items())
        generator.shuffle(rules)
        rules = rules[: generator.randint(1, 6)]
        got = in_the_browser(shared_page, logits, rules, seen)
        want = rule_steps(logits[None], rules, seen=seen[None])
        for step, right in zip(got, want, strict=True):
            assert step["name"] == right.name
            assert step["kept"] == right.kept[0].int().tolist(), rules
            assert step["count"] == right.kept.sum().item()
            assert step["lost"] == pytest.approx(right.lost.item(), abs=1e-9)
            assert step["shares"] == pytest.approx(right.probabilities[0].tolist(), abs=1e-9)


@pytest.mark.parametrize("name", RULES)
def test_equals_are_kept_in_the_vocabularys_order(shared_page, name):
    value = {
        "repetition_penalty": 1.5,
        "temperature": 0.0,
        "top_k": 3,
        "top_p": 0.5,
        "min_p": 1.0,
        "typical": 0.5,
    }[name]
    logits, seen = torch.zeros(10, dtype=torch.float64), torch.zeros(10, dtype=torch.bool)
    got = in_the_browser(shared_page, logits, [(name, value)], seen)
    want = rule_steps(logits[None], [(name, value)], seen=seen[None])
    assert got[0]["kept"] == want[0].kept[0].int().tolist()


def test_the_page_tells_what_the_library_computes_from_the_models_scores(show):
    rules = [("top_p", 0.8), ("repetition_penalty", 1.3), ("temperature", 1.5)]
    page = show(text="the theme", rules=rules)
    tokens = torch.tensor([list(b"the theme")])
    with torch.no_grad():
        logits = sent_model().eval()(tokens)[:, -1].double()
    for step in rule_steps(logits, rules, seen=seen_tokens(tokens, 256)):
        said = rule_row(page, step.name).locator(".lm-rule-said").inner_text()
        assert said.startswith(f"{step.kept.sum().item()} left, cuts "), step.name
    left = step.kept.sum().item()
    assert f"{left} of 256 tokens are left; with seed 0 comes" in page.readout()
    best = logits[0].argsort(descending=True, stable=True)[:10].tolist()
    shown = page.locator(".lm-chosen button > span:first-child").all_inner_texts()
    assert shown == ByteTokenizer().tokens(best)


# ---- what a reader does ----


def rule_row(page, name):
    return page.locator(".lm-rule").filter(has_text=NAMES[name])


def order(page):
    page.settle()
    return [name for name, _, _ in page.state("rules")]


def test_a_rule_is_switched_and_set(show):
    page = show(text="the theme", rules=[("top_k", 5)])
    assert "5 of 256 tokens are left" in page.readout()
    page.set_slider("Top-k, value", 2)
    assert page.state("rules")[0] == ["top_k", 2, True]
    assert "2 of 256 tokens are left" in page.readout()
    assert page.locator(".lm-chosen .lm-cut").count() == 8
    assert "cut: Top-k" in page.locator(".lm-chosen").inner_text()
    page.get_by_label("Top-k", exact=True).uncheck()
    assert "256 of 256 tokens are left" in page.readout()
    assert page.locator(".lm-chosen .lm-cut").count() == 0
    assert page.get_by_label("Top-k, value").is_disabled()


def test_rules_change_places_and_the_focus_goes_with_them(show):
    page = show(text="the theme", rules=[("temperature", 2.0), ("top_p", 0.5)])
    first = page.readout()
    page.get_by_role("button", name="Top-p earlier").click()
    assert order(page)[:2] == ["top_p", "temperature"]
    assert page.readout() != first, "cut before it is warmed"
    assert page.locator(".lm-rule").first.inner_text().count("Top-p") == 1
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Top-p later"
    page.press("Enter", "Enter")
    assert (
        order(page)[:3] == ["temperature", "repetition_penalty", "top_p"] or order(page).index("top_p") == 2
    )
    assert page.get_by_role("button", name="Temperature earlier").is_disabled()


def test_drawing_hangs_on_the_seed_alone(show):
    page = show(text="the t", seed=3)
    for _ in range(4):
        page.get_by_role("button", name="Draw one").click()
        page.settle()
    first = page.state("tokens")
    assert len(first) == 9
    page.get_by_role("button", name="Take back").click()
    page.settle()
    assert bytes(page.state("tokens")) == b"the t"
    for _ in range(4):
        page.get_by_role("button", name="Draw one").click()
        page.settle()
    assert page.state("tokens") == first
    page.get_by_role("button", name="Take back").click()
    page.set_slider("Seed", 4)
    for _ in range(4):
        page.get_by_role("button", name="Draw one").click()
        page.settle()
    assert page.state("tokens") != first


def test_the_token_that_is_announced_is_the_one_that_is_drawn(show):
    page = show(text="the th", rules=[("temperature", 1.3)], seed=7)
    for _ in range(5):
        words = page.locator(".lm-readout b").last.inner_text()
        page.get_by_role("button", name="Draw one").click()
        page.settle()
        assert ByteTokenizer().tokens(page.state("tokens")[-1:]) == [words]


def test_draws_follow_the_shares_after_the_rules(shared_page):
    shares = [0.1, 0.0, 0.6, 0.3]
    counts = shared_page.evaluate(
        f"""(shares) => {{ const {{ chance, drawn }} = {HOST}.module, counts = [0, 0, 0, 0];
            for (let seed = 0; seed < 100; seed++)
              for (let at = 0; at < 40; at++) counts[drawn(shares, chance(seed, at))]++;
            return counts; }}""",
        shares,
    )
    assert counts[1] == 0
    expected = [4000 * share for share in shares if share]
    found = [count for count, share in zip(counts, shares, strict=True) if share]
    assert (
        sum((a - b) ** 2 / b for a, b in zip(found, expected, strict=True)) < 13.8
    )  # chi-square, 2, p = 0.001


def test_writing_again_takes_another_seed(show):
    page = show(text="the t", rules=[("temperature", 2.0)])
    page.get_by_role("button", name="Draw again").click()
    page.wait_for_function(f"{HOST}.model.get('tokens').length > 10")
    page.get_by_role("button", name="Pause").click()
    assert page.state("seed") == 1
    assert bytes(page.state("tokens"))[:5] == b"the t"


def test_a_token_of_the_text_is_pressed_and_a_cut_one_is_struck_through(show):
    page = show(text="the zebra", rules=[("top_k", 1)])
    struck = page.locator(".lm-token.lm-cut").count()
    assert struck > 0
    told = page.text(".lm-caption")
    assert f"could have written {8 - struck} of 8" in told
    page.locator(".lm-token").nth(4).click()
    assert page.state("place") == 4
    assert "1 of 256 tokens are left" in page.readout()
    assert "There stands z" in page.readout()
    assert "cut by Top-k" in page.readout()
    page.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert page.state("place") == 5
    page.press("End")
    assert page.state("place") == 9
    page.press("Home")
    assert page.readout() == "The first token: nothing stands before it."
    assert page.locator(".lm-chosen:visible").count() == 0


def test_a_candidate_goes_on_the_text_and_typing_begins_anew(show):
    page = show(text="the t")
    page.locator(".lm-chosen button").nth(2).click()
    page.settle()
    assert len(page.state("tokens")) == 6
    page.get_by_label("Your text").fill("an")
    assert bytes(page.state("tokens")) == b"an"
    page.get_by_label("Your text").fill("")
    assert page.readout() == "Type a text: nothing stands here yet."
    assert page.get_by_role("button", name="Draw one").is_disabled()


def test_python_moves_it(show):
    page = show(text="the theme")
    rules = [[name, {"top_k": 1}.get(name, 1.0), name == "top_k"] for name in RULES]
    rules[4][1] = 0.1
    page.put(rules=rules, place=3)
    assert "1 of 256 tokens are left" in page.readout()


@pytest.mark.parametrize("width", [640, 900])
def test_nothing_is_cut_off_in_a_notebooks_width(explorer_page, width):
    page = explorer_page(make(text="the theme of the test"), width=width)
    assert page.fits()
    assert page.sticking_out() == []


def test_the_saved_picture_names_rules_and_candidates(show, tmp_path):
    page = show(text="the theme", rules=[("temperature", 0.5), ("top_k", 4)])
    name, (width, _), words = page.saved_picture(tmp_path)
    assert (name, width) == ("sampling", 1440)
    assert any(each.startswith("Temperature 0.50: 256 left") for each in words)
    assert any(each.startswith("Top-k 4: 4 left, cuts") for each in words)
    assert sum(each == "cut: Top-k" for each in words) == 6


def test_all_orders_of_two_rules_are_reached(show):
    page = show(text="the", rules=[("top_k", 9), ("min_p", 0.1)])
    seen = {tuple(order(page)[:2])}
    page.get_by_role("button", name="Min-p earlier").click()
    seen.add(tuple(order(page)[:2]))
    assert seen == set(itertools.permutations(["top_k", "min_p"]))

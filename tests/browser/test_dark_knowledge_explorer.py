"""The dark-knowledge explorer in a real Chromium, on our own host page: no Jupyter, no kernel, no network."""

import math
import re

import pytest
import torch
from explorer_page import HOST

from llmasos_edu.widgets import DarkKnowledgeExplorer
from llmasos_edu.widgets.dark_knowledge.data import TEMPERATURES, step_of

VOCAB = 40
NAMES = ["<i>", "·the", "·a", "⏎", "·class", "(", ")", *[f"·word{i}" for i in range(7, VOCAB)]]
TEXT = [4, 1, 9, 5, 0, 10, 3, 11]


def given(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2.5 * torch.randn(3, len(TEXT), VOCAB, generator=generator)


def make(seed=0, students=("alone", "distilled"), **settings):
    teacher, *others = given(seed)
    named = dict(zip(students, others, strict=False))
    return DarkKnowledgeExplorer(TEXT, teacher, named, NAMES, **settings)


@pytest.fixture
def show(explorer_page):
    def show(page_width=900, **settings):
        explorer = make(**settings)
        return explorer_page(explorer, width=page_width), explorer

    return show


def percent(share):
    if 0.9905 < share < 0.9995:
        return f"{100 * share:.1f} %"
    if share >= 0.0995:
        return f"{100 * share:.0f} %"
    if share >= 0.000995:
        return f"{100 * share:.1f} %"
    return f"{100 * share:.3f} %" if share >= 0.0000095 else "< 0.001 %"


def cells(page, table):
    """The words in a table's body, row by row; the column of bars is left out."""
    page.settle()
    return (
        page.locator("table")
        .nth(table)
        .evaluate(
            """(table) => [...table.tBodies[0].rows].map((row) =>
             [...row.cells].filter((cell) => !cell.matches('.lm-dk-wide')).map((cell) => cell.textContent))"""
        )
    )


def token(page, number):
    return page.locator(".lm-token").nth(number)


def turn_to(page, temperature):
    page.get_by_label("Temperature", exact=True).first.evaluate(
        """(input, value) => { input.value = value;
                               input.dispatchEvent(new Event('input', { bubbles: true })); }""",
        str(step_of(temperature)),
    )
    page.settle()


def agrees(words, share):
    """A share as it is written, but for the last digit, which float32 may turn."""
    number = re.fullmatch(r"([\d.]+) %", words)
    if number is None:
        return words == "< 0.001 %" and share < 1e-5
    digits = len(words.removesuffix(" %").partition(".")[2])
    return abs(float(number[1]) - 100 * share) <= 0.51 * 10**-digits


# ---- what is shown is what torch computes ----


@pytest.mark.parametrize("temperature", [0.25, 1, 4, 16])
def test_the_browsers_numbers_are_those_of_the_whole_vocabulary(show, temperature):
    page, explorer = show()
    for position in (0, 3, 7):
        found = page.evaluate(
            f"""([position, step]) => {{ const {{ model, module }} = {HOST};
                const data = module.readKnowledge((name) => model.get(name));
                const found = module.knowledge(data, position, step);
                return {{ ...found, pull: module.pull(found) }}; }}""",
            [position, step_of(temperature)],
        )
        assert found["temperature"] == temperature
        p = (given()[:, position].double() / temperature).softmax(dim=-1)
        ids = [NAMES.index(explorer.pieces[i]) for i in explorer.rows[position]]
        shown = torch.tensor(found["rows"]).double()
        torch.testing.assert_close(shown, p[:, ids].T, atol=1e-6, rtol=1e-4)
        others = torch.tensor(found["others"]).double()
        torch.testing.assert_close(others, 1 - p[:, ids].sum(1), atol=1e-6, rtol=1e-4)
        assert found["entropy"] == pytest.approx((-(p * p.log2()).sum(1)).tolist(), abs=1e-5)
        for i in (1, 2):
            forward, reverse = (p[0] * (p[0] / p[i]).log2()).sum(), (p[i] * (p[i] / p[0]).log2()).sum()
            assert found["forward"][i - 1] == pytest.approx(forward.item(), abs=1e-5)
            assert found["reverse"][i - 1] == pytest.approx(reverse.item(), abs=1e-5)
        assert [ids[row] for row in found["favourite"]] == p.argmax(dim=1).tolist()
        student = given()[1, position].double().requires_grad_()
        kl = torch.nn.functional.kl_div((student / temperature).log_softmax(0), p[0], reduction="sum")
        (temperature**2 * kl).backward()
        pulls = [row[0] for row in found["pull"]]
        assert pulls == pytest.approx(student.grad[ids].tolist(), abs=1e-5)


def test_the_table_tells_every_token_and_the_others_together(show):
    page, explorer = show(position=3)
    for temperature in (1, 4):
        turn_to(page, temperature)
        want = explorer.probabilities(3, temperature).tolist()
        rows = cells(page, 1)
        names = [explorer.pieces[i] + (" ← next" if i == explorer.ids[4] else "") for i in explorer.rows[3]]
        assert [row[0] for row in rows[:-1]] == names
        assert "<i> ← next" in names
        assert rows[-1][0] == f"all {VOCAB - len(names)} others together"
        for row, shares in zip(rows, want, strict=True):
            assert all(agrees(words, share) for words, share in zip(row[1:], shares, strict=True)), row
    assert page.locator(".lm-dk-true").count() == 1
    assert page.locator(".lm-explorer th i").count() == 0, "a token became HTML"


def test_the_summary_tells_favourites_entropy_and_both_divergences(show):
    page, _ = show(position=2)
    turn_to(page, 2)
    p = (given()[:, 2].double() / 2).softmax(dim=-1)
    rows = cells(page, 0)
    assert [row[0] for row in rows] == ["teacher", "alone", "distilled"]
    for model, row in enumerate(rows):
        best = p[model].argmax()
        name, _, share = row[1].partition(" ")
        assert name == NAMES[best]
        assert agrees(share, p[model, best].item())
        assert agrees(row[2], 1 - p[model, best].item())
        assert float(row[3]) == pytest.approx(-(p[model] * p[model].log2()).sum().item(), abs=0.006)
        if model == 0:
            assert row[4:] == ["", ""]
            continue
        pairs = (p[0], p[model]), (p[model], p[0])
        want = [(first * (first / second).log2()).sum().item() for first, second in pairs]
        assert [float(words) for words in row[4:]] == pytest.approx(want, abs=6e-4)
    widths = [
        float(part.evaluate("(i) => i.style.width").removesuffix("%"))
        for part in page.locator(".lm-dk-strip").first.locator("i").all()
    ]
    assert sum(widths) == pytest.approx(100, abs=0.02)
    assert widths[0] == pytest.approx(100 * p[0].max().item(), abs=0.006)
    best = percent(p[0].max().item())
    assert page.readout().startswith(
        f"After token 3 of 8, at T = 2: the teacher gives {NAMES[p[0].argmax()]} {best}"
    )
    assert f"all other 39 tokens together {percent(1 - p[0].max().item())}. There stands (" in page.readout()


def bar_widths(page, row):
    bars = page.locator(".lm-dk-bars").nth(row).locator("i").all()
    return [float(bar.evaluate("(i) => i.style.width").removesuffix("%")) for bar in bars]


def test_linear_bars_fill_a_round_axis_and_logarithmic_bars_one_from_a_millionth(show):
    page, explorer = show(position=1)
    for temperature in (1, 8):
        turn_to(page, temperature)
        shares = explorer.probabilities(1, temperature)[:-1]
        told = page.locator("table").nth(1).locator("thead").inner_text()
        end = float(re.search(r"bars: 0 to ([\d.]+) %", told)[1]) / 100
        assert shares.max() <= end <= 2.5 * shares.max()
        assert f"{end:.0e}"[0] in "125"
        for row in range(len(shares)):
            assert bar_widths(page, row) == pytest.approx((100 * shares[row] / end).tolist(), abs=0.02)
    page.get_by_label("Logarithmic bars").check()
    page.settle()
    assert page.state("log_scale") is True
    for row in range(len(shares)):
        want = [100 * max(0, 1 + math.log10(share) / 6) for share in shares[row].tolist()]
        assert bar_widths(page, row) == pytest.approx(want, abs=0.02)
    assert "0.0001 % to 100 %" in page.locator("table").nth(1).inner_text()


@pytest.mark.parametrize(
    ("call", "want"),
    [
        ("axisEnd(0.5)", 0.5), ("axisEnd(0.51)", 1), ("axisEnd(1)", 1), ("axisEnd(0.11)", 0.2),
        ("axisEnd(0.0021)", 0.005), ("axisEnd(0.02)", 0.02), ("axisEnd(0.06)", 0.1),
        ("barLength(0.25, 0.5, false)", 0.5), ("barLength(1e-6, 1, true)", 0), ("barLength(0, 1, true)", 0),
        ("barLength(1e-3, 1, true)", 0.5), ("barLength(1, 1, true)", 1), ("barLength(0.9, 0.5, false)", 1),
        ("sharePercent(0.996)", "99.6 %"), ("sharePercent(1)", "100 %"), ("sharePercent(0.5)", "50 %"),
        ("sharePercent(0.0994)", "9.9 %"), ("sharePercent(0.001)", "0.1 %"),
        ("sharePercent(0.0001)", "0.010 %"),
        ("sharePercent(1e-6)", "< 0.001 %"), ("sharePercent(0)", "< 0.001 %"),
    ],
)  # fmt: skip
def test_axes_and_words(shared_page, call, want):
    found = shared_page.evaluate(f"{HOST}.module.{call}")
    assert found == (want if isinstance(want, str) else pytest.approx(want))


@pytest.fixture(scope="module")
def shared_page(browser, tmp_path_factory):
    context = browser.new_context()
    page = context.new_page()
    page.goto(make().save_html(tmp_path_factory.mktemp("dark") / "dark.html").as_uri())
    page.wait_for_selector('[data-state="ready"]')
    yield page
    context.close()


def test_the_gradient_has_a_column_for_each_student_and_sums_to_zero(show):
    page, explorer = show(position=4)
    turn_to(page, 4)
    assert len(cells(page, 1)[0]) == 4
    page.get_by_label("Gradient").check()
    rows = cells(page, 1)
    assert page.state("gradient") is True
    shares = explorer.probabilities(4, 4)
    for number in (1, 2):
        written = [float(row[3 + number].replace("−", "-")) for row in rows]
        want = (4 * (shares[:, number] - shares[:, 0])).tolist()
        assert written == pytest.approx(want, abs=6e-4)
        assert abs(sum(written)) < 0.001 * len(rows)
    assert "T (q − p)" in page.locator(".lm-hint").inner_text()


def test_one_student_and_a_vocabulary_that_is_shown_as_a_whole(explorer_page):
    logits = torch.tensor([[2.0, 0, -3], [0.5, 0, 0]])
    small = DarkKnowledgeExplorer(
        [0, 2], logits, {"student": logits.flip(1)}, ["a", "b", "c"], top=3, position=1
    )
    page = explorer_page(small)
    rows = cells(page, 1)
    assert [row[0] for row in rows] == ["a", "b", "c"]
    assert len(cells(page, 0)) == 2
    assert "There stands" not in page.readout(), "nothing comes after the last token"
    assert "all other 2 tokens together" in page.readout()


# ---- keys ----


def test_keys_walk_along_the_text_and_turn_the_temperature(show):
    page, _ = show(position=4)
    token(page, 4).focus()
    page.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert page.state("position") == 5
    page.press("ArrowUp", "ArrowUp", "ArrowDown")
    assert page.state("step") == 17
    assert page.locator(".lm-number").inner_text() == "1.09"
    page.press("End", "ArrowRight")
    assert page.state("position") == 7
    page.press("Home", "ArrowLeft")
    assert page.state("position") == 0
    assert page.evaluate("document.activeElement.textContent") == "·class"
    assert page.locator('.lm-token[tabindex="0"]').count() == 1
    page.press("Tab")
    assert "lm-token" not in page.evaluate("document.activeElement.className"), "one stop for the whole text"


def test_the_slider_ends_where_its_temperatures_end(show):
    page, _ = show()
    slider = page.get_by_label("Temperature", exact=True).first
    slider.focus()
    page.press("End", "ArrowRight")
    assert page.state("step") == len(TEMPERATURES) - 1
    assert slider.get_attribute("aria-valuetext") == "20.7"
    page.press("Home")
    assert (page.state("step"), slider.get_attribute("aria-valuetext")) == (0, "0.25")


def test_a_click_chooses_a_token_and_what_is_unread_looks_so(show):
    page, _ = show(position=0)
    token(page, 5).click()
    assert page.state("position") == 5
    assert page.readout().startswith("After token 6 of 8")
    assert page.locator(".lm-dk-unread").count() == 2
    assert page.locator('.lm-token[aria-pressed="true"]').count() == 1


def test_python_moves_it(show):
    page, _ = show()
    page.evaluate(f"{HOST}.model.set('position', 2)")
    page.evaluate(f"{HOST}.model.set('step', 32)")
    page.evaluate(f"{HOST}.model.set('gradient', true)")
    assert page.readout().startswith("After token 3 of 8, at T = 4:")
    assert page.get_by_label("Gradient").is_checked()


# ---- house rules ----


@pytest.mark.parametrize("page_width", [640, 960])
def test_nothing_is_cut_off_in_a_notebook_s_width(show, page_width):
    page, _ = show(page_width=page_width)
    page.get_by_label("Gradient").check()
    page.settle()
    inside = "(e) => [...e.querySelectorAll('.lm-scroller')].map((t) => t.scrollWidth - t.clientWidth)"
    assert page.locator(".lm-explorer").evaluate(inside) == [0, 0]
    assert page.evaluate("document.documentElement.scrollWidth") == page_width
    assert page.locator(".lm-scroller[tabindex='0']").count() == 0


def test_the_saved_picture_holds_the_table(show, tmp_path):
    page, _ = show(position=3, temperature=4)
    name, (width, _), words = page.saved_picture(tmp_path)
    assert (name, width) == ("dark-knowledge", 1440)
    assert words[0] == "What comes after token 4, at temperature 4"
    written = cells(page, 1)
    assert {words for row in written[:-1] for words in row[1:]} <= set(words)
    assert {row[0] for row in written[:-1]} <= set(words)

"""The accuracy-matrix explorer in a real Chromium, on our own host page: no Jupyter, no network."""

import numpy as np
import pytest
from latency import report_latency
from playwright.sync_api import expect

from llmasos_edu.learning.incremental import average_accuracy, backward_transfer, forward_transfer
from llmasos_edu.widgets import AccuracyMatrixExplorer

TASKS = ["prose", "<i>code", "sums", "talk"]
ENDS = [4, 8, 13, 19]
BASELINE = [0.1, 0.2, 0.15, 0.05]
CELL = '[role="gridcell"]'
CHOSEN = '[role="gridcell"][tabindex="0"]'


def scores(seed=0, moments=20, tasks=4):
    return np.random.default_rng(seed).uniform(size=(moments, tasks))


def make(**changes):
    given = {
        "history": {"naive": scores(0), "replay": scores(1), "EWC": scores(2)},
        "tasks": TASKS,
        "boundaries": ENDS,
        "baseline": BASELINE,
    } | changes
    return AccuracyMatrixExplorer(given.pop("history"), given.pop("tasks"), **given)


@pytest.fixture
def show(explorer_page):
    def show(*, dark=False, width=900, **settings):
        explorer = make(**settings)
        return explorer_page(explorer, dark=dark, width=width), explorer

    return show


def cells(view, panel=0):
    """The matrix on show, row by row, as words."""
    view.settle()
    rows = view.locator(".lm-cells").nth(panel).locator("tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in rows]


def written(row):
    return [f"{value:.2f}" for value in row]


def go_to(view, moment):
    view.set_slider("Moment of the training", moment)


# ---- the numbers in the browser are the library's ----


@pytest.mark.parametrize("method", ["naive", "EWC"])
def test_summaries_are_the_library_s_for_every_number_of_finished_rows(show, method):
    view, explorer = show()
    found = view.module(
        """(module, model, method) => { const data = module.readHistory(model);
            return Array.from({ length: data.moments },
                (_, moment) => module.summaries(module.matrixAt(data, method, moment), data.baseline)); }""",
        method,
    )
    matrix = explorer.matrix(method)
    for moment, summary in enumerate(found):
        k = sum(end <= moment for end in ENDS)
        part = matrix[:k, :k]
        assert summary["k"] == k
        wanted = {
            "average": average_accuracy(part) if k else None,
            "backward": backward_transfer(part) if k > 1 else None,
            "forward": forward_transfer(part, BASELINE[:k]) if k > 1 else None,
        }
        for name, value in wanted.items():
            assert summary[name] == (None if value is None else pytest.approx(value, abs=1e-6)), (
                moment,
                name,
            )


def test_figures_on_show_are_the_library_s(show):
    view, explorer = show(beside="EWC")
    for panel, method in enumerate(("naive", "EWC")):
        matrix = explorer.matrix(method)
        transfers = (backward_transfer(matrix), forward_transfer(matrix, BASELINE))
        assert view.figures(panel) == [f"{average_accuracy(matrix):.3f}", *(f"{v:+.3f}" for v in transfers)]
    go_to(view, 9)
    part = explorer.matrix("naive")[:2, :2]
    assert view.figures()[0] == f"{average_accuracy(part):.3f}"
    assert "of the 2 of 4 tasks learnt" in view.text(".lm-figures")
    go_to(view, 4)
    assert view.figures() == [f"{explorer.matrix('naive')[0, 0]:.3f}", "–", "–"]
    go_to(view, 0)
    assert view.figures() == ["–", "–", "–"]
    assert "no task is learnt yet" in view.text(".lm-figures")


def test_without_a_baseline_there_is_no_forward_transfer(show):
    view, explorer = show(baseline=None)
    backward = backward_transfer(explorer.matrix("naive"))
    assert view.figures()[1:] == [f"{backward:+.3f}", "–"]
    assert "needs a baseline" in view.text(".lm-figures")
    view.locator(CELL).nth(3).click()
    assert view.readout().endswith("not yet learnt")


# ---- the matrix fills up ----


def test_rows_appear_as_training_goes_on(show):
    view, _ = show()
    history = scores(0).astype(np.float32)
    empty = ["·"] * 4
    for moment in (0, 3, 4, 5, 8, 12, 13, 19):
        go_to(view, moment)
        finished = [written(history[end]) for end in ENDS if end <= moment]
        running = [] if moment in ENDS else [written(history[moment])]
        rows = finished + running
        assert cells(view) == rows + [empty] * (4 - len(rows))
        lines = view.locator(".lm-cells").first.locator("tbody tr").all()
        states = [line.locator("td").first.get_attribute("class") for line in lines]
        names = ["lm-finished"] * len(finished) + ["lm-running"] * len(running)
        assert states == names + ["lm-empty"] * (4 - len(rows))
        assert view.state("moment") == moment


def test_the_moment_is_told_in_steps_where_there_are_steps(show):
    view, _ = show(moment=6)
    assert view.text(".lm-time output") == "moment 7 of 20, learning <i>code"
    assert view.locator(".lm-explorer i").count() == 0, "a name became HTML"
    view, _ = show(moment=8, steps=[100 * i * i for i in range(20)])
    assert view.text(".lm-time output") == "step 6,400, <i>code learnt"
    slider = view.get_by_label("Moment of the training", exact=True)
    assert slider.get_attribute("aria-valuetext") == "step 6,400, <i>code learnt"


def test_cells_are_coloured_by_their_score_and_read_in_black_or_white(show):
    view, _ = show(history={"a": np.eye(4)}, boundaries=None, baseline=None)
    first = view.locator(CELL).nth(0)
    other = view.locator(CELL).nth(1)
    look = "(cell) => [getComputedStyle(cell).backgroundColor, getComputedStyle(cell).color]"
    assert first.evaluate(look) == ["rgb(254, 232, 56)", "rgb(0, 0, 0)"]
    assert other.evaluate(look) == ["rgb(0, 34, 78)", "rgb(255, 255, 255)"]
    contrasts = view.module(
        """(module) => Array.from({ length: 101 }, (_, i) => {
            const { paper, ink } = module.cellColours(i / 100, [0, 1]);
            const light = paper.match(/\\d+/g).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92
                : ((part / 255 + 0.055) / 1.055) ** 2.4));
            const level = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
            return ink === "#000" ? (level + 0.05) / 0.05 : 1.05 / (level + 0.05); })"""
    )
    assert min(contrasts) >= 4.5


# ---- a cell in words ----


def test_a_cell_says_what_its_number_means(show):
    view, _ = show(beside="replay")
    naive, replay = (scores(seed).astype(np.float32) for seed in (0, 1))

    def gap(history, row, column, other, words):
        score = float(history[ENDS[row], column])
        change = round(score - other, 2)
        return f"{score:.2f} {abs(change):.2f} {'less' if change < 0 else 'more'} than {words}"

    rows = view.locator(".lm-cells").first.locator("tbody tr")
    rows.nth(2).locator("td").nth(1).click()
    assert view.state("row", "column") == [2, 1]
    told = [gap(h, 2, 1, float(h[ENDS[1], 1]), "right after learning <i>code") for h in (naive, replay)]
    assert view.readout() == f"After learning sums, on <i>code: naive {told[0]} replay {told[1]}"
    rows.nth(0).locator("td").nth(3).click()
    told = [gap(h, 0, 3, BASELINE[3], "the baseline") for h in (naive, replay)]
    assert view.readout() == (
        f"After learning prose, on talk: naive {told[0].replace(' ', ' not yet learnt, ', 1)} "
        f"replay {told[1].replace(' ', ' not yet learnt, ', 1)}"
    )
    rows.nth(1).locator("td").nth(1).click()
    assert view.readout().endswith(f"replay {replay[8, 1]:.2f} just learnt")
    go_to(view, 6)
    assert view.readout().startswith(
        f"While learning <i>code, on <i>code: naive {naive[6, 1]:.2f} being learnt now"
    )
    rows.nth(3).locator("td").nth(0).click()
    assert view.readout() == "After learning talk: not reached yet."


def test_no_change_is_called_no_change(show):
    view, _ = show(history={"a": np.full((4, 4), 0.5)}, boundaries=None, baseline=[0.5] * 4)
    assert view.readout().endswith("a 0.50 the same as right after learning prose")
    view.locator(CELL).nth(1).click()
    assert view.readout().endswith("a 0.50 not yet learnt, the same as the baseline")


def test_hovering_reads_a_cell_and_leaves_the_chosen_one(show):
    view, _ = show()
    before = view.readout()
    view.locator(CELL).nth(6).hover()
    assert view.readout().startswith("After learning <i>code, on sums:")
    assert view.state("row", "column") == [3, 0]
    view.locator(".lm-hint").hover()
    assert view.readout() == before


# ---- keys, playing, mouse ----


def test_keys_walk_over_the_matrix_and_through_the_training(show):
    view, _ = show(beside="replay")
    view.locator(CHOSEN).first.focus()
    view.press("ArrowUp", "ArrowRight", "ArrowRight")
    assert view.state("row", "column") == [2, 2]
    focused = "document.activeElement.getAttribute('aria-label')"
    assert view.page.evaluate(focused).startswith("naive, after learning sums, on sums: ")
    view.press("Home", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp")
    assert view.state("row", "column") == [0, 0]
    view.press("End")
    assert view.state("row", "column") == [0, 3]
    view.press("PageUp", "PageUp", "PageDown")
    assert view.state("moment") == 18
    view.press("PageDown", "PageDown")
    assert view.state("moment") == 19
    assert view.locator(CHOSEN).count() == 2, "one stop for each matrix"
    view.press("Tab")
    assert view.page.evaluate(focused).startswith("replay, "), "from matrix to matrix with one Tab"
    view.press("ArrowDown")
    assert view.page.evaluate(focused).startswith("replay, after learning <i>code")


def test_the_slider_answers_arrow_keys(show):
    view, _ = show(moment=3)
    view.get_by_label("Moment of the training", exact=True).focus()
    view.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert view.state("moment") == 4
    view.press("Home")
    assert view.state("moment") == 0


def test_playing_goes_through_the_training_and_stops_at_its_end(show):
    view, _ = show()
    play = view.locator(".lm-time button")
    assert play.inner_text() == "Play"
    play.click()
    view.page.wait_for_function("document.querySelector('.lm-time button').textContent === 'Pause'")
    readout = view.locator(".lm-readout")
    expect(readout).to_have_attribute("aria-live", "off")  # not every moment is read out
    view.page.wait_for_function(
        "document.querySelector('.llmasos-widget-host').model.get('moment') > 1", timeout=10_000
    )
    play.click()
    stopped = view.state("moment")
    assert 1 < stopped < 19
    view.page.wait_for_timeout(900)
    assert view.state("moment") == stopped
    view.put(moment=17)
    view.locator(CHOSEN).first.focus()
    view.press(" ")
    view.page.wait_for_function("document.querySelector('.lm-time button').textContent === 'Play'")
    assert view.state("moment") == 19
    expect(readout).to_have_attribute("aria-live", "polite")


def test_a_click_on_the_curves_goes_to_that_moment(show):
    view, _ = show(steps=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 100])
    curves = view.locator(".lm-curves").first
    wide = curves.bounding_box()["width"]
    curves.click(position={"x": 36, "y": 80})
    assert view.state("moment") == 0
    curves.click(position={"x": wide - 12, "y": 80})
    assert view.state("moment") == 19
    curves.click(position={"x": 36 + (wide - 46) * 0.4, "y": 80})
    assert view.state("moment") == 18, "steps, not moments, are the scale"
    view.settle()
    now = scores(0).astype(np.float32)[18]
    told = ", ".join(f"{name} {value:.2f}" for name, value in zip(TASKS, now, strict=True))
    assert curves.get_attribute("aria-label") == f"naive: scores at step 18, learning talk: {told}"


def test_curves_and_cursor_follow_the_moment(show):
    view, _ = show(moment=2)
    base, over = view.pixels(".lm-curves canvas >> nth=0"), view.pixels(".lm-over")
    go_to(view, 12)
    assert view.pixels(".lm-over") != over
    assert view.pixels(".lm-curves canvas >> nth=0") == base, "what does not change is not drawn again"
    view.get_by_label("Method").select_option("EWC")
    assert view.pixels(".lm-curves canvas >> nth=0") != base


def test_methods_are_chosen_and_compared(show):
    view, explorer = show()
    second = view.locator(".lm-method").nth(1)
    assert second.is_hidden()
    view.get_by_label("Beside it").select_option("replay")
    view.settle()
    assert second.is_visible()
    assert view.state("beside") == "replay"
    assert cells(view, 1) == [written(row) for row in explorer.matrix("replay")]
    assert view.get_by_label("Beside it").locator("option[value=naive]").is_disabled()
    view.get_by_label("Method").select_option("replay")
    view.settle()
    assert view.state("method", "beside") == ["replay", ""], "nothing stands beside itself"
    assert second.is_hidden()
    assert cells(view) == [written(row) for row in explorer.matrix("replay")]
    assert view.locator(".lm-cells").first.get_attribute("aria-label") == "Accuracy matrix of replay"


def test_a_single_method_has_no_choice(show):
    view, _ = show(history={"naive": scores()})
    assert view.get_by_label("Method").is_hidden()
    assert view.locator(".lm-method").nth(1).is_hidden()


def test_python_moves_it(show):
    view, _ = show()
    view.put(moment=4, row=0, column=1)
    assert view.text(".lm-time output") == "moment 5 of 20, prose learnt"
    assert view.readout().startswith("After learning prose, on <i>code:")
    view.put(method="EWC", beside="naive")
    assert [view.text(f".lm-method >> nth={i} >> .lm-heading") for i in (0, 1)] == ["EWC", "naive"]


# ---- house rules ----


@pytest.mark.parametrize("width", [640, 960])
def test_the_largest_fits(show, width):
    tasks = [f"a long task {i}" for i in range(8)]
    history = {name: scores(i, 40, 8) for i, name in enumerate(("naive", "replay"))}
    view, _ = show(history=history, tasks=tasks, boundaries=[5 * i + 4 for i in range(8)], baseline=None,
                   beside="replay", width=width)  # fmt: skip
    assert view.fits()
    assert len(cells(view, 1)) == 8
    smallest = min(cell.bounding_box()["width"] for cell in view.locator(CELL).all())
    assert smallest > 24


def test_png_and_svg_are_downloaded(show, tmp_path):
    view, explorer = show(beside="EWC", moment=15)
    name, size, words = view.saved_picture(tmp_path)
    assert name == "accuracy-matrix-15"
    assert size[0] == 1440
    finished = [f"{value:.2f}" for method in ("naive", "EWC") for value in explorer.matrix(method)[:3].flat]
    assert set(finished) <= set(words)
    assert "Scores at moment 16 of 20, learning talk" in words
    assert {"naive", "EWC", "prose", "<i>code", "talk …"} <= set(words)
    average = average_accuracy(explorer.matrix("EWC")[:3, :3])
    assert any(text.startswith(f"Average accuracy {average:.3f}") for text in words)


def test_key_press_to_changed_pixels_is_reported(show, record_property):
    history = {name: scores(i, 500, 8) for i, name in enumerate(("naive", "replay"))}
    ends = [60 * i + 59 for i in range(7)] + [499]
    view, _ = show(history=history, tasks=[f"t{i}" for i in range(8)], boundaries=ends, baseline=None,
                   beside="replay")  # fmt: skip
    report_latency(
        view.page, record_property, "accuracy matrix, 2 methods, 8 tasks, 500 moments", where=CHOSEN,
        keys=("PageUp", "PageDown"),
    )  # fmt: skip

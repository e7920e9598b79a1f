"""The gradient-plane explorer in a real Chromium, on our own host page: no Jupyter, no network."""

import itertools

import numpy as np
import pytest
import torch
from latency import report_latency
from playwright.sync_api import expect

from llmasos_edu.learning.multitask import gradient_cosines, pcgrad
from llmasos_edu.widgets import GradientPlaneExplorer

TWO = [(1.0, 0.0), (-1.2, 0.9)]
THREE = [(1.0, 0.1), (-0.8, 0.5), (-0.2, -0.9)]


@pytest.fixture
def show(explorer_page):
    def show(gradients=TWO, names=None, *, dark=False, width=900, **settings):
        return explorer_page(GradientPlaneExplorer(gradients, names, **settings), dark=dark, width=width)

    return show


def ordered_pcgrad(gradients, reverse=False):
    """The library's PCGrad with the random order that takes the others first to last, or last to first."""
    pulls, count = torch.tensor(gradients, dtype=torch.float64), len(gradients)
    wanted = [[j for j in range(count) if j != i][:: -1 if reverse else 1] for i in range(count)]

    def orders(seed):
        generator = torch.Generator().manual_seed(seed)
        drawn = [torch.randperm(count, generator=generator).tolist() for _ in range(count)]
        return [[j for j in order if j != i] for i, order in enumerate(drawn)]

    seed = next(seed for seed in itertools.count() if orders(seed) == wanted)
    return pcgrad(pulls, torch.Generator().manual_seed(seed))


def effects(view):
    """The table: for each task (words, change) of the sum and of PCGrad."""
    view.settle()
    rows = []
    for row in view.locator(".lm-effects tbody tr").all():
        texts = [cell.inner_text().replace("−", "-").rsplit(" ", 1) for cell in row.locator("td").all()]
        rows.append([(words, float(change)) for words, change in texts])
    return rows


def place(view, point):
    """Where a point of the plane lies on the page, relative to the plane's corner."""
    size = view.locator(".lm-map").bounding_box()["width"]
    scale = size / 2 / view.state("reach")
    return {"x": size / 2 + point[0] * scale, "y": size / 2 - point[1] * scale}


def drag(view, start, end):
    box = view.locator(".lm-map").bounding_box()
    at = [[box[axis] + place(view, point)[axis] for axis in ("x", "y")] for point in (start, end)]
    view.page.mouse.move(*at[0])
    view.page.mouse.down()
    view.page.mouse.move(*at[1], steps=4)
    view.page.mouse.up()
    view.settle()


# ---- the numbers in the browser are the library's ----


@pytest.mark.parametrize("reverse", [False, True], ids=["first to last", "last to first"])
@pytest.mark.parametrize("tasks", [2, 3])
def test_pcgrad_and_cosines_are_the_library_s(show, tasks, reverse):
    view = show(THREE[:tasks])
    cases = np.random.default_rng(tasks).normal(size=(40, tasks, 2))
    cases[0, 1] = -2 * cases[0, 0]
    cases[1, 1] = [-cases[1, 0, 1], cases[1, 0, 0]]
    found = view.module(
        """(module, model, [cases, reverse]) => cases.map((gradients) => [module.pcgrad(gradients, reverse),
            gradients.map((one) => gradients.map((other) => module.cosine(one, other)))])""",
        [cases.tolist(), reverse],
    )
    for gradients, (operated, cosines) in zip(cases, found, strict=True):
        assert np.allclose(operated, ordered_pcgrad(gradients.tolist(), reverse), atol=1e-12)
        assert np.allclose(cosines, gradient_cosines(torch.tensor(gradients)), atol=1e-12)


def test_a_zero_gradient_conflicts_with_nothing_and_has_no_cosine(show):
    view = show([(0, 0), (-1, 0.5)])
    assert view.module("(module) => module.pcgrad([[0, 0], [-1, 0.5]], false)") == [[0, 0], [-1, 0.5]]
    assert view.module("(module) => module.cosine([0, 0], [1, 0])") is None
    assert view.figures()[0] == "–"
    assert "zero has no direction" in view.text(".lm-figures")
    assert view.readout().startswith("No conflict")
    assert effects(view)[0] == [("stays", 0), ("stays", 0)]


def test_figures_and_effects_on_show_are_worked_out_with_weights(show):
    view = show(weights=[0.5, 2], learning_rate=0.25)
    gradients = torch.tensor(TWO, dtype=torch.float64)
    for weights in ((0.5, 2), (0.5, 0)):
        if weights[1] == 0:
            view.set_slider("Weight of task 2", 0)
            assert view.state("weights") == [0.5, 0]
        pulls = gradients * torch.tensor(weights, dtype=torch.float64)[:, None]
        total, operated = pulls.sum(0), pcgrad(pulls).sum(0)
        cosine = gradient_cosines(gradients)[0, 1].item()
        shown = [float(text) for text in view.figures()]
        assert shown == pytest.approx([cosine, total.norm().item(), operated.norm().item()], rel=6e-3)
        for task, row in enumerate(effects(view)):
            for (words, change), direction in zip(row, (total, operated), strict=True):
                expected = -0.25 * (gradients[task] @ direction).item()
                assert change == pytest.approx(expected, rel=6e-3)
                assert words == ("goes down" if expected < 0 else "goes up")


def test_a_step_truly_changes_the_losses_as_told(show):
    """On losses whose gradients these are, by a small step: the told changes are the derivative."""
    view = show(learning_rate=1e-3)
    gradients = torch.tensor(TWO, dtype=torch.float64)
    operated = pcgrad(gradients).sum(0)
    curvature = torch.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=torch.float64)
    for task, row in enumerate(effects(view)):
        for (_, told), direction in zip(row, (gradients.sum(0), operated), strict=True):
            step = -1e-3 * direction
            change = gradients[task] @ step + 0.5 * step @ curvature @ step
            assert told == pytest.approx(change.item(), rel=0.02)


def test_the_shaded_part_is_where_every_loss_falls(show):
    view = show(THREE)
    generator = np.random.default_rng(0)
    for tasks in (2, 3):
        gradients = generator.normal(size=(30, tasks, 2))
        corners = view.module(
            "(module, model, cases) => cases.map((gradients) => module.agreement(gradients, 2))",
            gradients.tolist(),
        )
        for pulls, shape in zip(gradients, corners, strict=True):
            for point in shape:
                assert (pulls @ point >= -1e-9).all()
                assert max(map(abs, point)) <= 2 + 1e-9
            points = generator.uniform(-2, 2, size=(400, 2))
            share = (points @ pulls.T > 0).all(axis=1).mean()
            area = 0.5 * abs(
                sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(shape, shape[1:] + shape[:1], strict=True))
            )
            assert area / 16 == pytest.approx(share, abs=0.09)


# ---- words ----


def test_words_tell_conflict_and_what_a_step_does(show):
    view = show(names=["depth", "<i>kind"])
    assert view.readout() == (
        "In conflict: depth and <i>kind. A step against the sum raises the loss of depth, "
        "after PCGrad it raises no loss."
    )
    assert view.locator(".lm-explorer i").count() == 0, "a name became HTML"
    assert view.text(".lm-figures").startswith("Cosine -0.800 143°, conflict")
    view.put(gradients=[[1, 0], [0.5, 0.9]])
    assert view.readout() == (
        "No conflict: no two gradients are more than a right angle apart. "
        "A step against the sum raises no loss, after PCGrad it raises no loss."
    )
    assert "61°, no conflict" in view.text(".lm-figures")
    view.put(gradients=[[1, 0], [-1, 0]])
    assert view.readout().endswith("A step against the sum moves nothing, after PCGrad it moves nothing.")
    view.put(gradients=[[1, 0], [0, 1]])
    assert view.readout().startswith("No conflict"), "a right angle is none"


def test_three_tasks_have_three_cosines_and_an_order(show):
    view = show(THREE)
    assert len(view.figures()) == 5
    told = view.text(".lm-figures")
    cosines = gradient_cosines(torch.tensor(THREE))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert f"Cosine {i + 1}, {j + 1} {cosines[i, j].item():.3f}" in told
    assert view.readout().startswith("In conflict: task 1 and task 2, task 1 and task 3, task 2 and task 3.")
    for reverse in (False, True):
        view.get_by_label("Others last to first").set_checked(reverse)
        view.settle()
        assert view.state("reverse") is reverse
        length = ordered_pcgrad(THREE, reverse).sum(0).norm().item()
        assert float(view.figures()[4]) == pytest.approx(length, rel=6e-3)
    assert show().get_by_label("Others last to first").is_hidden()


# ---- mouse and keys ----


def test_tips_are_dragged_and_stay_within_the_plane(show):
    view = show()
    drag(view, TWO[1], (0.4, -1.1))
    assert view.state("gradients")[1] == pytest.approx([0.4, -1.1], abs=0.02)
    assert view.state("gradients")[0] == [1, 0]
    assert view.state("task") == 1
    drag(view, (1, 0), (9, 0.5))
    assert view.state("gradients")[0] == pytest.approx([2.4, 0.5], abs=0.02)
    before = view.state("gradients")
    drag(view, (-2, -2), (0, 0))
    assert view.state("gradients") == before, "nothing is there to drag"


def test_keys_move_turn_and_choose(show):
    view = show(THREE)
    reach = view.state("reach")
    view.locator(".lm-map").focus()
    view.press("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowDown")
    assert view.state("gradients")[0] == pytest.approx([1 - reach / 40, 0.1 + reach / 40])
    view.press("3", "ArrowRight")
    assert view.state("task") == 2
    assert view.state("gradients")[2] == pytest.approx([-0.2 + reach / 40, -0.9])
    before = complex(*view.state("gradients")[2])
    view.press("PageUp", "PageUp", "PageUp")
    after = complex(*view.state("gradients")[2])
    assert abs(after) == pytest.approx(abs(before))
    assert np.angle(after / before, deg=True) == pytest.approx(15)
    view.press("PageDown", "PageDown", "PageDown")
    assert complex(*view.state("gradients")[2]) == pytest.approx(before)
    view.press(*["ArrowRight"] * 45)
    assert view.state("gradients")[2][0] == pytest.approx(reach)
    view.press("Home")
    assert view.state("gradients") == [list(point) for point in THREE]
    view.press("1")
    assert view.state("task") == 0
    told = view.locator(".lm-map").get_attribute("aria-label")
    assert told == (
        "Gradients. task 1: length 1, 6 degrees; task 2: length 0.943, 148 degrees; "
        "task 3: length 0.922, -103 degrees. Arrow keys move the tip of task 1."
    )


def test_controls_choose_the_task_and_what_is_drawn(show):
    view = show()
    view.get_by_label("Keys move", exact=True).select_option("1")
    assert view.state("task") == 1
    seen = [view.pixels(".lm-over")]
    for label, name in (("PCGrad", "show_pcgrad"), ("Sum", "show_sum")):
        view.get_by_label(label, exact=True).uncheck()
        seen.append(view.pixels(".lm-over"))
        assert view.state(name) is False
    assert len(set(seen)) == 3
    view.set_slider("Weight of task 1", 2.5)
    assert view.state("weights") == [2.5, 1]
    view.locator(".lm-map").focus()
    view.press("ArrowUp")
    view.get_by_role("button", name="As given").click()
    assert view.state("gradients", "weights") == [[list(point) for point in TWO], [1, 1]]


def test_python_moves_it(show):
    view = show()
    before = view.pixels(".lm-over")
    view.put(gradients=[[0, 1], [1, 1]], weights=[2, 1], task=1)
    assert view.pixels(".lm-over") != before
    expect(view.get_by_label("Keys move", exact=True)).to_have_value("1")
    expect(view.get_by_label("Weight of task 1")).to_have_value("2")
    assert view.figures()[0] == "0.707"


# ---- house rules ----


@pytest.mark.parametrize("width", [640, 960])
def test_long_names_and_tiny_gradients_fit(show, width):
    gradients = [(1.3e-7, 0), (-2e-7, 1.1e-7), (1e-7, -3e-7)]
    view = show(
        gradients, [f"a task with a long name {i}" for i in range(3)], width=width, learning_rate=3e-4
    )
    assert view.fits()
    plane = view.locator(".lm-map").bounding_box()
    assert 240 <= plane["width"] == plane["height"] <= 462
    cosine = gradient_cosines(torch.tensor(gradients, dtype=torch.float64))[0, 1].item()
    assert view.figures()[0] == f"{cosine:.3f}"
    assert effects(view)[1][0][1] != 0


def test_png_and_svg_are_downloaded(show, tmp_path):
    view = show(names=["depth", "<i>kind"], weights=[1, 2])
    name, size, words = view.saved_picture(tmp_path)
    assert name == "gradient-plane"
    assert size == (1440, 920)
    assert {"depth", "<i>kind", "sum", "PCGrad", "cosine of depth and <i>kind: -0.800"} <= set(words)
    assert "weight of <i>kind: 2.00" in words
    changes = {f"   {name}: {verb} {change:g}" for row in effects(view)
               for name, (verb, change) in zip(("sum", "PCGrad"), row, strict=True)}  # fmt: skip
    assert changes <= set(words)


def test_key_press_to_changed_pixels_is_reported(show, record_property):
    report_latency(show(THREE).page, record_property, "gradient plane, 3 tasks")

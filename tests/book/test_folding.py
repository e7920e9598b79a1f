"""Which cells only draw, and that their code is folded on a page."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from llmasos_edu.book.folding import fold_what_only_draws, only_draws
from llmasos_edu.book.notebooks import store_normal
from llmasos_edu.book.page import render_body

SHOW = "\nplt.show()"


@pytest.mark.parametrize(
    "source",
    [
        "diagrams.attention()",
        "pictures.states_drawing()",
        "fig, axis = plt.subplots()\naxis.plot(sizes, [v.mean() for v in rows.values()])",
        "fig, axes = plt.subplots(1, 2)\nfor axis, name in zip(axes, runs):\n    axes[0].set_title(name)",
        "relative = lambda values: [v / values[0] for v in values]\nplt.plot(relative(times))",
        "axis = plt.gca()\naxis.bar(torch.arange(8) + 0.3, loads.clamp(min=1))",
        "attention_figure(weights, words, title='x')",
        "plt.plot(torch.stack(rows).mean(0))",
    ],
)
def test_what_only_draws(source):
    assert only_draws(source + SHOW, ["print(1)"])


@pytest.mark.parametrize(
    "source",
    [
        "attention_figure(model.inspect(ids).weights, words)",
        "with torch.no_grad():\n    plt.plot(rows)",
        "plt.plot(torch.bincount(ids))",
        "plt.plot(np.convolve(a, b))",
        "plt.plot(measure(rows))",
        "plt.plot(rows)\nprint(rows)",
        "plt.plot(rows)\nclaims.add('4.1', 'x', 'y', holds=True)",
        "def smooth(x):\n    return x\nplt.plot(rows)",
        "import math\nplt.plot(rows)",
        "model = models[0]\nplt.plot(model(ids))",
        "plt.plot(",
    ],
)
def test_what_does_more(source):
    assert not only_draws(source + SHOW, [])


def test_a_cell_that_does_not_show_a_picture_is_no_drawing():
    assert not only_draws("rows = sorted(rows)", [])
    assert not only_draws("plt.show()\nx = 1", [])
    assert not only_draws("", [])


@pytest.mark.parametrize(
    ("later", "draws"),
    [
        ("print(low)", False),
        ("low = 2\nprint(low)", True),
        ("for low in rows:\n    print(low)", True),
        ("print([low for low in rows])", True),
        ("f = lambda low: low", True),
        ("print(high)", True),
    ],
)
def test_what_a_later_cell_uses_is_not_folded_away(later, draws):
    assert only_draws("low = min(rows)\nplt.plot(rows)" + SHOW, ["x = 1", later]) is draws


def test_a_name_that_is_bound_anew_is_another_one():
    assert only_draws("low = 1\nplt.plot(rows)" + SHOW, ["low = 2", "print(low)"])


def notebook():
    drawing = new_code_cell("plt.plot(x)" + SHOW, id="draws")
    other = new_code_cell("y = f(x)", id="computes", metadata={"jupyter": {"source_hidden": True}})
    kept = new_code_cell("z = y", id="keeps", metadata={"jupyter": {"outputs_hidden": True}})
    return new_notebook(cells=[drawing, other, kept])


def test_folding_sets_and_takes_away():
    folded = notebook()
    fold_what_only_draws(folded)
    assert [cell.metadata for cell in folded.cells] == [
        {"jupyter": {"source_hidden": True}},
        {},
        {"jupyter": {"outputs_hidden": True}},
    ]


def test_a_notebook_is_normalised_without_running_it(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook(), path)
    assert store_normal(path) is True
    assert store_normal(path) is False
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.execution_count for cell in cells] == [1, 2, 3]
    assert cells[0].metadata["jupyter"] == {"source_hidden": True}


def test_a_page_folds_the_code_and_shows_the_rest():
    folded = notebook()
    fold_what_only_draws(folded)
    body = render_body(folded)
    assert body.count("<details") == 1
    before, inside = body.split('<details class="code"><summary>The code of this picture</summary>')
    assert "plot" in inside.split("</details>")[0]
    assert "plot" not in before + inside.split("</details>")[1]
    assert "这幅图的代码" in render_body(folded, folded="这幅图的代码")

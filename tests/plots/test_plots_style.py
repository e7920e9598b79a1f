"""Still pictures: what they show, that labels do not overlap, and what is refused."""

from itertools import pairwise

import matplotlib as mpl

from llmasos_edu.foundation.colours import OKABE_ITO

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from llmasos_edu.layers.positional import SinusoidalPositions
from llmasos_edu.plots.style import attention_figure, book_style, position_matrix_figure
from llmasos_edu.widgets.attention.data import hide_future, softmax_rows


def random_weights(*shape, causal=True, seed=0):
    scores = np.random.default_rng(seed).normal(size=shape) * 2
    return softmax_rows(hide_future(scores) if causal else scores)


def words(count):
    return [f"word{i}" for i in range(count)]


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def boxes(labels, figure):
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    return [label.get_window_extent(renderer) for label in labels if label.get_text()]


@pytest.mark.parametrize("count", [3, 12, 40, 200, 512])
def test_token_labels_never_overlap(count):
    figure = attention_figure(random_weights(count, count), words(count))
    axes = figure.axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        found = boxes(labels, figure)
        assert len(found) >= min(count, 3)
        assert not any(a.overlaps(b) for a, b in pairwise(found))


@pytest.mark.parametrize(
    ("shape", "first", "last"),
    [((3, 5, 5), "head 0", "head 2"), ((6, 5, 5), "head 0", "head 5"),
     ((2, 4, 5, 5), "layer 0, head 0", "layer 1, head 3"),
     ((12, 12, 20, 20), "0.0", "11.11")],
)  # fmt: skip
def test_all_heads_stand_side_by_side_under_their_names(shape, first, last):
    weights = random_weights(*shape)
    figure = attention_figure(torch.from_numpy(weights), words(shape[-1]), title="A finding")
    axes, bar = figure.axes
    assert bar.get_ylabel() == "attention weight"
    assert axes.images[0].get_cmap().name == "cividis"
    names = [text.get_text() for text in axes.texts if text.get_text()]
    assert (names[0], names[-1], len(names)) == (first, last, weights[..., 0, 0].size)
    shown = axes.images[0].get_array()
    assert shown.count() == weights[..., 0, 0].size * shape[-1] * (shape[-1] + 1) // 2, (
        "cells lost or covered"
    )
    np.testing.assert_allclose(
        np.sort(shown.compressed()), np.sort(weights[..., *np.tril_indices(shape[-1])].ravel()), rtol=1e-6
    )
    found = boxes([text for text in axes.texts if text.get_text()], figure)
    assert not any(a.overlaps(b) for a, b in pairwise(found))


def test_the_hidden_future_is_blank_and_a_small_weight_is_not():
    shown = attention_figure(random_weights(4, 4), words(4)).axes[0].images[0].get_array()
    assert shown.mask[0, 1]
    assert not shown.mask[3, 0]
    shown = attention_figure(random_weights(4, 4, causal=False), words(4)).axes[0].images[0].get_array()
    assert not shown.mask.any()


def test_small_maps_carry_their_numbers_as_text():
    weights = random_weights(4, 4)
    written = [text.get_text() for text in attention_figure(weights, words(4)).axes[0].texts]
    assert written == [f"{weights[q, k]:.2f}" for q in range(4) for k in range(q + 1)]
    assert len(attention_figure(weights, words(4), show_values=False).axes[0].texts) == 0
    assert len(attention_figure(random_weights(11, 11), words(11)).axes[0].texts) == 0


def test_cross_attention_has_two_sorts_of_tokens():
    figure = attention_figure(random_weights(3, 6, causal=False), [" a", "b", "\n"], key_tokens=words(6))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["·a", "b", "⏎"]
    assert len(figure.axes[0].get_xticklabels()) == 6
    assert figure.axes[0].get_xlabel() == "source: key (looked at)"
    assert figure.axes[0].get_ylabel() == "target: query (looks)"


@pytest.mark.parametrize("shape", [(3, 6), (5, 3, 6), (2, 3, 3, 6)])
def test_true_keys_are_hollow_squares_in_every_map(shape):
    weights = random_weights(*shape, causal=False)
    figure = attention_figure(weights, list("abc"), key_tokens=words(6), truth=[5, -1, [0, 2]])
    axes = figure.axes[0]
    shown = axes.images[0].get_array()
    places = {(patch.get_x() + 0.4, patch.get_y() + 0.4) for patch in axes.patches}
    assert not any(patch.get_fill() for patch in axes.patches)
    marked = sorted(float(shown[round(y), round(x)]) for x, y in places)
    expected = sorted(weights[..., [0, 2, 2], [5, 0, 2]].ravel())
    np.testing.assert_allclose(marked, expected, rtol=1e-6)
    assert attention_figure(weights, list("abc"), key_tokens=words(6)).axes[0].patches[:] == []
    with pytest.raises(ValueError, match="truth has 2 entries for 3 queries"):
        attention_figure(weights, list("abc"), key_tokens=words(6), truth=[0, 1])


def test_the_position_matrix_stands_beside_its_dot_products():
    figure = position_matrix_figure(16, 40, base=100.0, title="A finding")
    left, right, _ = figure.axes
    matrix = SinusoidalPositions(16, base=100.0)(torch.arange(40), torch.float64).numpy()
    np.testing.assert_allclose(left.images[0].get_array(), matrix)
    distances, products = right.lines[0].get_data()
    np.testing.assert_allclose(products, [matrix[0] @ matrix[int(k)] for k in distances])
    assert products[0] == pytest.approx(8)
    assert (left.get_xlabel(), left.get_ylabel()) == ("feature (even: sine, odd: cosine)", "position")
    assert (right.get_xlabel(), right.get_ylabel()) == ("distance (positions)", "dot product")


def test_positions_that_cannot_be_drawn_are_refused():
    for arguments, message in (
        ((15, 40), "d_model=15 must be even"),
        ((16, 1), "length=1 must be at least 2"),
    ):
        with pytest.raises(ValueError, match=message):
            position_matrix_figure(*arguments)
    with pytest.raises(ValueError, match=r"base=1\.0 must be above 1"):
        position_matrix_figure(16, 40, base=1.0)


BAD = [
    (np.zeros((2, 2, 2, 2, 2)), words(2), r"5 dimensions \[2, 2, 2, 2, 2\], expected \[query, key\]"),
    (np.full((2, 2), np.nan), words(2), r"weights\[0, 0\] is nan"),
    (np.full((2, 2), 0.5), words(3), "tokens has 3 strings for 2 queries"),
    (np.full((2, 3), 1 / 3), words(2), "2 queries and 3 keys: give key_tokens"),
    (np.zeros((600, 600)), words(600), "expected 1 to 512 queries"),
]


@pytest.mark.parametrize(("weights", "tokens", "message"), BAD, ids=[message[:25] for *_, message in BAD])
def test_bad_input_meets_words_with_values(weights, tokens, message):
    with pytest.raises(ValueError, match=message):
        attention_figure(weights, tokens)


def test_style_as_a_block_is_undone_and_as_a_call_stays():
    before = dict(mpl.rcParams)
    with book_style():
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(OKABE_ITO.values())
        assert not mpl.rcParams["axes.spines.top"]
    assert dict(mpl.rcParams) == before
    with mpl.rc_context():
        book_style()
        assert not mpl.rcParams["axes.spines.top"]


def test_the_picture_draws_the_same_bytes_twice(tmp_path):
    pictures = []
    for name in ("one.png", "two.png"):
        figure = attention_figure(random_weights(2, 2, 6, 6), words(6))
        figure.savefig(tmp_path / name)
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]

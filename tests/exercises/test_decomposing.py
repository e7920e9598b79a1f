"""Slips in one term of a sum: named from the difference between what came and what should have come."""

import pytest
import torch
import torch.nn.functional as F
from small_exercises import make_exercise, words

from llmasos_edu.exercises import judge
from llmasos_edu.exercises.checker.exercise import random_tensors, value_and_gradients


def loss(x, strength):
    """x [batch, dim], strength -> loss []."""
    return x.square().mean() + strength * x.abs().sum(-1).mean() / 100


def fit(x, strength):
    return x.square().mean()


def size(x, strength):
    return strength * x.abs().sum(-1).mean() / 100


LOSS = make_exercise(
    loss,
    *[(random_tensors(n, (2 + n, 3 + n))[0], 0.5 + n) for n in range(5)],
    observe=value_and_gradients(0),
    parts=("loss", "gradient of x"),
    terms={"the fit": fit, "the size": size},
)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x, s: fit(x, s), "The contribution of the size to the loss is missing in every case"),
        (lambda x, s: fit(x, s) + 2 * size(x, s), "contribution of the size to the loss is 2 times"),
        (lambda x, s: fit(x, s) - size(x, s), "The sign is the wrong way round"),
        (lambda x, s: fit(x, s) + size(x, s) * len(x), "to the loss is `batch` times what it"),
        (
            lambda x, s: fit(x, s) + size(x.detach(), s),
            "The loss is right. The contribution of the size to the gradient of x is missing",
        ),
    ],
)  # fmt: skip
def test_a_slip_in_a_small_term_is_named(answer, said):
    assert said in words(LOSS, answer)


def test_no_term_is_blamed_for_what_is_no_slip_in_it():
    for answer in (
        lambda x, s: fit(x, s) + s * x.square().sum(-1).mean() / 100,
        lambda x, s: fit(x, s) + size(x, s) * (1.02 + 0.001 * x.mean()),
        lambda x, s: x.abs().mean() + x.std(),
    ):
        assert "contribution" not in words(LOSS, answer)


def test_a_gradient_alone_is_sought_where_it_is_cut_off():
    text = words(LOSS, lambda x, s: loss(x, s) + 0.01 * (x - x.detach()).cos().sum() - 0.01 * x.numel()
                 + (x - x.detach()).mul(x.detach().sin()).sum())  # fmt: skip
    assert "The loss is right, so look at what its gradient flows through" in text


def layer(x, weight):
    """x [batch, seq, dim], weight [dim, dim] -> as x."""
    return torch.tanh(x @ weight)


LAYER = make_exercise(layer, *[random_tensors(n, (2, 2 + n, 4), (4, 4)) for n in range(3)])


def test_an_input_that_is_added_once_too_often_is_named():
    assert (
        "Your result is too large by `x`, in every case: is it added once too often, or not taken away?"
        in words(LAYER, lambda x, w: x + layer(x, w))
    )
    assert "Your result is too small by `x`, in every case: is it taken away once too often, or" in words(
        LAYER, lambda x, w: layer(x, w) - x
    )
    assert "too large by `x` times 0.5" in words(LAYER, lambda x, w: layer(x, w) + x / 2)
    assert "once too often" not in words(LAYER, lambda x, w: layer(x, w) + x.sin())


def count(width, layers, experts, tied):
    """width, layers, experts, tied -> number of weights."""
    return layers * (4 * width**2 + experts * width) + (1 if tied else 2) * 100 * width


COUNT = make_exercise(
    count, (8, 2, 3, True), (16, 4, 2, False), (12, 5, 7, True), (20, 3, 5, False), (6, 7, 4, True)
)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda *s: count(*s) + s[0] * s[1], "too large by just width x layers"),
        (lambda *s: count(*s) - 2 * s[1] * s[0] ** 2, "too small by just 2 x width^2 x layers"),
        (lambda *s: count(*s) + s[2] * s[1], "too large by just layers x experts"),
        (lambda w, n, e, tied: count(w, n, e, tied) + w * (not tied), "by just width x (tied is False)"),
    ],
)  # fmt: skip
def test_what_a_count_is_off_by_is_named_as_a_product_of_the_sizes(answer, said):
    if "tied" in said:  # too few of these cases are wrong to believe a product
        more = [(9, 2, 3, False), (11, 3, 2, False)]
        item = make_exercise(count, *[case.inputs for case in COUNT.cases], *more)
        assert said in words(item, answer)
        return
    assert said in words(COUNT, answer)


def test_a_count_that_is_off_by_no_product_is_not_explained_by_one():
    assert "by just" not in words(COUNT, lambda *s: count(*s) + s[0] + s[1] ** 3 + 7)


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        (
            "4.3-12",
            lambda v, d, n, kv, f, e, k: tuple(
                n * (2 * d * d + 2 * d * kv + d * e + m * 3 * d * f + 3 * d) + 2 * v * d + d for m in (e, k)
            ),
            "too large by just d_model x num_layers",
        ),
        (
            "3.5-3",
            lambda s, t, y, T, a: a * T**2 * F.kl_div((s / T).log_softmax(-1), (t / T).softmax(-1),
                                                      reduction="batchmean")
            + (1 - a) * F.cross_entropy(s, y, reduction="sum"),
            "of the hard part, (1 - alpha) times the cross entropy, to the loss is `batch` times",
        ),
        (
            "3.4-6",
            lambda s, losses: (torch.exp(-s) * losses).sum() + s.mean() / 2,
            "contribution of ln sigma, which is s / 2, to the loss is 1 / the number of tasks times",
        ),
    ],
)  # fmt: skip
def test_terms_of_exercises_are_named(key, answer, said):
    assert said in judge(key, answer).message

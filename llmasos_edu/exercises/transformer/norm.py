"""Exercises of chapter 4.2: the norm of a layer.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2-1 --------------------------------------------------------------------------------


def layer_norm(x, weight, bias, eps):
    """x [..., d_model], weight and bias [d_model], eps a number -> normed x [..., d_model]."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = (centred**2).mean(dim=-1, keepdim=True)
    return centred / torch.sqrt(variance + eps) * weight + bias


def _normed(x, weight, bias, eps, *, over=(-1,), correction=0, centre=True, divide=None):
    mean = x.mean(over, keepdim=True) if centre else 0
    variance = x.var(over, correction=correction, keepdim=True)
    divisor = (variance + eps).sqrt() if divide is None else divide(variance, eps)
    return (x - mean) / divisor * weight + bias


def _by_squares(x, weight, bias, eps):
    mean = x.mean(-1, keepdim=True)
    variance = ((x * x).mean(-1, keepdim=True) - mean * mean).clamp(min=0)
    return (x - mean) / (variance + eps).sqrt() * weight + bias


def _spread(spread, x, weight, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / (spread + eps) * weight + bias


def _everything(x):
    return tuple(range(x.dim()))


def _norm_case(name: str, seed: int, shape: tuple, *, size=1.0, offset=0.0, eps=1e-5) -> Case:
    x, weight, bias = random_tensors(seed, shape, shape[-1:], shape[-1:])
    return Case(name, (offset + size * x, 1 + 0.5 * weight, bias, eps))


LAYER_NORM = Exercise(
    key="4.2-1",
    title="Layer norm",
    difficulty=1,
    minutes=10,
    statement=(
        "Norm each token's vector by itself: take away its mean over the features, divide by its standard "
        "deviation over the features, then scale every feature by its weight and shift it by its bias. "
        "The variance is the mean of the squared deviations; eps is added to it, so that a vector of equal "
        "features gives no 0/0. Do not use torch's own layer norm."
    ),
    takeaway="Each token has been brought to mean 0 and variance 1, whatever its neighbours are.",
    reference=layer_norm,
    explanation="Mean and variance run over the last axis alone, so no token depends on another.",
    hints=(
        "Take the vector [1, 2, 3, 4] and compute by hand: its mean, the deviations, the mean of their "
        "squares. That mean is the variance.",
        "In a tensor [batch, seq, d_model], which axis holds the features of one token? And what keeps the "
        "reduced axis in place, so that the subtraction lines up?",
        "Torch's ready-made variance divides by n - 1 unless you tell it otherwise. Where does eps stand in "
        "the formula: with the variance, or with its root?",
    ),
    cases=(
        _norm_case("2 sequences of 5 tokens, d_model 8", 201, (2, 5, 8)),
        _norm_case("3 tokens far from zero, d_model 4", 202, (3, 4), size=3.0, offset=20.0),
        _norm_case("3 tokens very far from zero, d_model 4", 207, (3, 4), offset=300.0),
        _norm_case(
            "small numbers and a large eps",
            203,
            (2, 3, 6),
            size=torch.tensor([[0.1], [0.3], [1.0]]),
            eps=0.02,
        ),
        _norm_case("a single token, d_model 16", 204, (1, 1, 16), offset=-2.0),
        Case(
            "tokens whose features are all equal",
            (torch.tensor([[3.0] * 4, [-1.0] * 4]), *random_tensors(205, (4,), (4,)), 1e-3),
        ),
        _norm_case(
            "4 tokens of very different size", 206, (4, 5), size=torch.tensor([[0.5], [2], [8], [30]])
        ),
    ),
    terms={
        "the bias": lambda x, weight, bias, eps: bias.expand_as(x),
        "the normed x times its weight": lambda x, weight, bias, eps: layer_norm(x, weight, 0 * bias, eps),
    },
    mistakes=(
        Mistake(
            "variance divided by n - 1",
            "The normed numbers are slightly too small, the more so the fewer features there are: you "
            "divide the squares by n - 1, as for a sample from a larger population. Here these n features "
            "are all there is.",
            (lambda *a: _normed(*a, correction=1),),
        ),
        Mistake(
            "n - 1, and eps outside the root",
            "Two things: the squares are divided by n - 1, as for a sample (torch's default), where these n "
            "features are all there is; and eps is added to the deviation, where it belongs to the variance.",
            (lambda *a: _normed(*a, correction=1, divide=lambda v, eps: v.sqrt() + eps),),
        ),
        Mistake(
            "a difference of large numbers",
            "Right near zero, and less so the further from it: as if the variance were the mean of the "
            "squares less the square of the mean. Of two large numbers that are nearly equal few digits are "
            "left. Take the mean away first, and square what remains.",
            (_by_squares,),
        ),
        Mistake(
            "eps outside the root",
            "Where the variance is small your result is off: you add eps to the standard deviation. The "
            "exercise adds it one step earlier.",
            (lambda *a: _normed(*a, divide=lambda v, eps: v.sqrt() + eps),),
        ),
        Mistake(
            "roots added",
            "It comes out as if the roots of variance and eps were added. The root of a sum is another "
            "number: add eps to the variance, and then take the root.",
            (lambda *a: _normed(*a, divide=lambda v, eps: v.sqrt() + eps**0.5),),
        ),
        Mistake(
            "another measure of spread",
            "It comes out as if the divisor were another measure of spread than the standard deviation: the "
            "mean distance from the mean, or the range from the smallest feature to the largest.",
            (
                lambda x, *a: _spread((x - x.mean(-1, True)).abs().mean(-1, True), x, *a),
                lambda x, *a: _spread(x.amax(-1, True) - x.amin(-1, True), x, *a),
            ),
        ),
        Mistake(
            "the median for the mean",
            "It comes out as if the median were taken away. It is the mean of the features that is, also "
            "where a single one of them is large.",
            (
                lambda x, w, b, eps: (
                    (c := x - x.median(-1, True).values) * torch.rsqrt((c**2).mean(-1, True) + eps) * w + b
                ),
                lambda x, w, b, eps: (
                    (x - x.median(-1, True).values) / (x.var(-1, correction=0, keepdim=True) + eps).sqrt() * w
                    + b
                ),
            ),
        ),
        Mistake(
            "eps missing",
            "A token whose features are all equal becomes 0/0, and small ones come out too large: eps has "
            "no part in your result. What is it there to prevent?",
            (lambda *a: _normed(*a, divide=lambda v, eps: v.sqrt()),),
        ),
        Mistake(
            "eps as a floor",
            "It comes out as if eps were a floor under the variance or the deviation. It is added to the "
            "variance, whatever that is.",
            (
                lambda *a: _normed(*a, divide=lambda v, eps: v.sqrt().clamp_min(eps)),
                lambda *a: _normed(*a, divide=lambda v, eps: v.clamp_min(eps).sqrt()),
            ),
        ),
        Mistake(
            "eps for small variances alone",
            "Right where the variance is smaller than eps. Where it is larger, it comes out as if eps were "
            "left out. It is added to every variance.",
            (lambda *a: _normed(*a, divide=lambda v, eps: torch.where(v < eps, v + eps, v).sqrt()),),
        ),
        Mistake(
            "squares added up",
            "It comes out as if the squared deviations were added up and not averaged: the more features "
            "there are, the smaller your normed numbers.",
            (lambda *a: _normed(*a, divide=lambda v, eps: (v * a[0].shape[-1] + eps).sqrt()),),
        ),
        Mistake(
            "mean or variance of everything",
            "Either the mean or the variance is taken over the whole tensor in your result, so that a token "
            "depends on all others. Both are each token's own.",
            (
                lambda x, w, b, eps: (
                    (x - x.mean()) / (x.var(-1, correction=0, keepdim=True) + eps).sqrt() * w + b
                ),
                lambda x, w, b, eps: (x - x.mean(-1, True)) / (x.var(correction=0) + eps).sqrt() * w + b,
            ),
        ),
        Mistake(
            "mean not taken away",
            "You divide by the standard deviation, but the vectors are still off centre: tokens far from "
            "zero stay there. What comes before the division?",
            (lambda *a: _normed(*a, centre=False),),
        ),
        Mistake(
            "root mean square",
            "You scale by the root mean square and leave the mean where it is. That is RMS norm, which "
            "many newer models use; layer norm looks at deviations from the mean.",
            (lambda x, w, b, eps: x * torch.rsqrt((x**2).mean(-1, keepdim=True) + eps) * w + b,),
        ),
        Mistake(
            "divided by the root mean square",
            "The mean is taken away, but the divisor is the root of the mean square of x as it came. For "
            "tokens far from zero that is much more than their spread: whose squares make the variance?",
            (lambda x, w, b, eps: (x - x.mean(-1, True)) * torch.rsqrt((x**2).mean(-1, True) + eps) * w + b,),
        ),
        Mistake(
            "over the tokens",
            "You take mean and variance over the tokens (or the batch) for each feature. A token's result "
            "then depends on other tokens, and hardly on its own mean. Which axis belongs to one token?",
            (
                lambda *a: _normed(*a, over=tuple(range(a[0].dim() - 1))),
                lambda *a: _normed(*a, over=(-2,)),
                lambda *a: _normed(*a, over=(1,)),
                lambda *a: _normed(*a, over=(0,)) if a[0].dim() > 2 else _normed(*a, over=(0,), correction=1),
            ),
        ),
        Mistake(
            "over everything at once",
            "A single mean and a single variance serve the whole tensor in your result, so a large token "
            "makes all others small. Each token needs its own.",
            (
                lambda *a: _normed(*a, over=_everything(a[0])),
                lambda *a: _normed(*a, over=_everything(a[0]), correction=1),
            ),
        ),
        Mistake(
            "over a whole sequence",
            "It comes out as if all tokens of a sequence shared one mean and one variance, over tokens and "
            "features together. Each token needs its own.",
            (lambda *a: _normed(*a, over=(-2, -1)),),
        ),
        Mistake(
            "divided by the variance",
            "Tokens whose features lie far apart come out too small, others too large: you divide by the "
            "variance itself. In which unit is a variance, compared with the features?",
            (lambda *a: _normed(*a, divide=lambda v, eps: v + eps),),
        ),
        Mistake(
            "weight or bias forgotten",
            "The norming is right, but not all that is learned is applied: each feature has a factor of "
            "its own and a shift of its own afterwards.",
            (
                lambda x, w, b, eps: _normed(x, 1, 0, eps),
                lambda x, w, b, eps: _normed(x, w, 0, eps),
                lambda x, w, b, eps: _normed(x, 1, b, eps),
            ),
        ),
        Mistake(
            "shifted before it is scaled",
            "Your result is that of adding the bias first and multiplying afterwards: the weight also "
            "stretches the shift. Which of the two comes last in the statement?",
            (lambda x, w, b, eps: (_normed(x, 1, 0, eps) + b) * w,),
        ),
    ),
    atol=1e-4,  # the mean of numbers near 20 is only so exact in float32
)


EXERCISES = (LAYER_NORM,)

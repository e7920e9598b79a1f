"""Exercises of chapter 4.2: norm and gated feed-forward network.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

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
        _norm_case("small numbers and a large eps", 203, (2, 3, 6), size=0.1, eps=0.02),
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
            (
                lambda *a: _normed(*a, correction=1),
                lambda *a: _normed(*a, correction=1, divide=lambda v, eps: v.sqrt() + eps),
            ),
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
            "then depends on its neighbours, even on later ones. Which axis belongs to one token?",
            (
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
            "divided by the variance",
            "Tokens with large features come out too small and small ones too large: you divide by the "
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
            "You add the bias first and multiply afterwards, so the weight also stretches the shift. Which "
            "of the two comes last in the statement?",
            (lambda x, w, b, eps: (_normed(x, 1, 0, eps) + b) * w,),
        ),
    ),
    atol=1e-4,  # the mean of numbers near 20 is only so exact in float32
)


# 4.2-2 --------------------------------------------------------------------------------


def swiglu(x, w_gate, w_in, w_out):
    """x [..., d_model], w_gate and w_in [d_model, d_ff], w_out [d_ff, d_model] -> [..., d_model]."""
    gate = x @ w_gate
    return (gate * torch.sigmoid(gate) * (x @ w_in)) @ w_out


def _gated(x, w_gate, w_in, w_out, activation=F.silu, value=lambda v: v):
    return (activation(x @ w_gate) * value(x @ w_in)) @ w_out


def _ff_case(name: str, seed: int, *lead: int, d_model: int, d_ff: int) -> Case:
    shapes = ((*lead, d_model), (d_model, d_ff), (d_model, d_ff), (d_ff, d_model))
    x, *rest = random_tensors(seed, *shapes)
    return Case(name, (1.5 * x, *(w / w.shape[0] ** 0.5 for w in rest)))


SWIGLU = Exercise(
    key="4.2-2",
    title="A feed-forward network with a gate",
    difficulty=1,
    minutes=10,
    statement=(
        "Most language models of today use this feed-forward network (SwiGLU): two linear maps read x. The "
        "first makes a gate g, which goes through SiLU, that is g times the sigmoid of g. The second makes "
        "values. Gate and values are multiplied feature by feature, and a third map brings the product back "
        "to d_model. Matrices are applied as x @ w. No residual here: the layer adds it."
    ),
    takeaway="Each hidden feature now has a gate of its own that lets its value through or not.",
    reference=swiglu,
    explanation="SiLU acts on the gate alone; the values stay linear, and the product is what is not linear.",
    hints=(
        "Draw it: x goes into two boxes of width d_ff. Their outputs have the same shape: how are they "
        "brought together?",
        "SiLU of g is g * sigmoid(g). Which of the two branches goes through it, according to the statement?",
        "There are three matrix products in all. Which of them comes after the product of gate and values?",
    ),
    cases=(
        _ff_case("2 sequences of 3 tokens, d_model 4, d_ff 8", 211, 2, 3, d_model=4, d_ff=8),
        _ff_case("one token, d_model 6, d_ff 16", 212, 1, 1, d_model=6, d_ff=16),
        _ff_case("d_ff smaller than d_model", 213, 2, 4, d_model=8, d_ff=3),
        _ff_case("d_ff equal to d_model", 214, 2, 2, d_model=5, d_ff=5),
        _ff_case("5 tokens without a batch axis", 215, 5, d_model=4, d_ff=6),
    ),
    mistakes=(
        Mistake(
            "gate and values exchanged",
            "The nonlinearity sits on the other branch: your values go through SiLU and the gate does not. "
            "Trained weights would not fit.",
            (lambda x, g, i, o: _gated(x, i, g, o),),
        ),
        Mistake(
            "a sigmoid for the gate",
            "Your gate lies between 0 and 1: it went through a sigmoid. That is the first GLU; in this one "
            "the gate is multiplied by its own sigmoid.",
            (lambda *a: _gated(*a, activation=torch.sigmoid),),
        ),
        Mistake(
            "a softmax in the gate",
            "Your gates are shared out among the features of a token: a softmax stands where a sigmoid is "
            "asked for. Each feature has a gate of its own, which asks no other.",
            (
                lambda *a: _gated(*a, activation=lambda g: g * g.softmax(-1)),
                lambda *a: _gated(*a, activation=lambda g: g.softmax(-1)),
            ),
        ),
        Mistake(
            "another nonlinearity",
            "The gate goes through a neighbour of SiLU (such as ReLU, GELU, tanh or softplus). The plan is "
            "right; look up which function the statement describes.",
            (
                lambda *a: _gated(*a, activation=F.relu),
                lambda *a: _gated(*a, activation=F.gelu),
                lambda *a: _gated(*a, activation=lambda g: F.gelu(g, approximate="tanh")),
                lambda *a: _gated(*a, activation=torch.tanh),
                lambda *a: _gated(*a, activation=F.softplus),
                lambda *a: _gated(*a, activation=F.leaky_relu),
                lambda *a: _gated(*a, activation=F.hardswish),
                lambda *a: _gated(*a, activation=F.mish),
                lambda *a: _gated(*a, activation=lambda g: g * torch.sigmoid(1.702 * g)),
            ),
        ),
        Mistake(
            "no nonlinearity",
            "Gate and values are multiplied just as they come out of their maps. Doubling x makes your "
            "result exactly four times as large; something should bend on the way.",
            (lambda *a: _gated(*a, activation=lambda g: g),),
        ),
        Mistake(
            "one branch left out",
            "You have a plain network with two matrices: one of the two maps that read x has no influence. "
            "Where do gate and values meet?",
            (
                lambda x, g, i, o: F.silu(x @ g) @ o,
                lambda x, g, i, o: F.silu(x @ i) @ o,
                lambda x, g, i, o: x @ i @ o,
            ),
        ),
        Mistake(
            "added instead of multiplied",
            "You add gate and values. A gate has to be able to close: which operation makes the result "
            "nothing where the gate is nothing?",
            (lambda x, g, i, o: (F.silu(x @ g) + x @ i) @ o,),
        ),
        Mistake(
            "SiLU on both branches",
            "The values go through SiLU as well as the gate. One of the two branches should stay linear.",
            (lambda *a: _gated(*a, value=F.silu),),
        ),
        Mistake(
            "SiLU on x",
            "It comes out as if x itself went through SiLU, before the maps. The gate is what w_gate makes "
            "of x, and that is bent.",
            (
                lambda x, g, i, o: (F.silu(x) @ g * (x @ i)) @ o,
                lambda x, g, i, o: (F.silu(x) @ g * (F.silu(x) @ i)) @ o,
            ),
        ),
        Mistake(
            "SiLU after the product",
            "You multiply first and bend afterwards. In this network the gate alone is bent, before it "
            "meets the values.",
            (
                lambda x, g, i, o: F.silu((x @ g) * (x @ i)) @ o,
                lambda x, g, i, o: F.silu(((x @ g) * (x @ i)) @ o),
            ),
        ),
        Mistake(
            "residual inside",
            "Your result is the right one plus x. The residual belongs to the layer, which adds it around "
            "this network; with yours it would be added twice.",
            (lambda x, g, i, o: x + _gated(x, g, i, o),),
        ),
    ),
)


EXERCISES = (LAYER_NORM, SWIGLU)

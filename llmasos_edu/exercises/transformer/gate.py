"""Exercises of chapter 4.2: the gated feed-forward network.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from functools import partial

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2-2 --------------------------------------------------------------------------------


def swiglu(x, w_gate, w_in, w_out):
    """x [..., d_model], w_gate and w_in [d_model, d_ff], w_out [d_ff, d_model] -> [..., d_model]."""
    gate = x @ w_gate
    return (gate * torch.sigmoid(gate) * (x @ w_in)) @ w_out


def _gated(x, w_gate, w_in, w_out, activation=F.silu, value=lambda v: v):
    return (activation(x @ w_gate) * value(x @ w_in)) @ w_out


def _silu_within(gate, most):
    return F.silu(gate.clamp(-most, most))


def _ff_case(name: str, seed: int, *lead: int, d_model: int, d_ff: int, size: float = 1.5) -> Case:
    shapes = ((*lead, d_model), (d_model, d_ff), (d_model, d_ff), (d_ff, d_model))
    x, *rest = random_tensors(seed, *shapes)
    return Case(name, (size * x, *(w / w.shape[0] ** 0.5 for w in rest)))


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
        _ff_case("gates of several hundred", 216, 2, 2, d_model=4, d_ff=6, size=300.0),
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
            "Your gates are shared out among the features of a token: a softmax has a part in them. Each "
            "feature has a gate of its own, which asks no other: SiLU takes its sigmoid.",
            (
                lambda *a: _gated(*a, activation=lambda g: g * g.softmax(-1)),
                lambda *a: _gated(*a, activation=lambda g: g.softmax(-1)),
            ),
        ),
        Mistake(
            "another nonlinearity",
            "The gate goes through a neighbour of SiLU (such as ReLU, GELU, ELU, tanh or softplus). The plan "
            "is right; look up which function the statement describes.",
            (
                lambda *a: _gated(*a, activation=F.relu),
                lambda *a: _gated(*a, activation=F.gelu),
                lambda *a: _gated(*a, activation=lambda g: F.gelu(g, approximate="tanh")),
                lambda *a: _gated(*a, activation=torch.tanh),
                lambda *a: _gated(*a, activation=F.softplus),
                lambda *a: _gated(*a, activation=F.leaky_relu),
                lambda *a: _gated(*a, activation=F.hardswish),
                lambda *a: _gated(*a, activation=F.mish),
                lambda *a: _gated(*a, activation=F.elu),
                lambda *a: _gated(*a, activation=F.selu),
                lambda *a: _gated(*a, activation=lambda g: F.relu(g) ** 2),
                lambda *a: _gated(*a, activation=lambda g: g * torch.sigmoid(1.702 * g)),
            ),
        ),
        Mistake(
            "e to the power of the gate",
            "Right, except where gates reach hundreds: e to that power is more than a float32 holds, and "
            "infinity divided by infinity is no number (NaN). Written as 1 / (1 + e^-g), or "
            "as torch.sigmoid, the sigmoid stays finite for every gate.",
            (lambda *a: _gated(*a, activation=lambda g: g * g.exp() / (1 + g.exp())),),
        ),
        Mistake(
            "gates held within limits",
            "Right, except where gates reach hundreds: it comes out as if they were cut off at a limit. Far "
            "above 0 SiLU gives back the gate itself, however large it is.",
            tuple(
                partial(_gated, activation=partial(_silu_within, most=most)) for most in (10.0, 20.0, 50.0)
            ),
        ),
        Mistake(
            "SiLU twice",
            "It comes out as if SiLU acted on the gate twice: once more on what it gave, or its result times "
            "itself. Once is enough: g times the sigmoid of g.",
            (
                lambda *a: _gated(*a, activation=lambda g: F.silu(F.silu(g))),
                lambda *a: _gated(*a, activation=lambda g: F.silu(g) ** 2),
            ),
        ),
        Mistake(
            "the sigmoid of the values",
            "It comes out as if the gate were multiplied by the sigmoid of the values. The sigmoid is that "
            "of the gate itself, and the values come in as they are.",
            (
                lambda x, g, i, o: (x @ g * torch.sigmoid(x @ i)) @ o,
                lambda x, g, i, o: (F.silu(x @ g) * torch.sigmoid(x @ i)) @ o,
            ),
        ),
        Mistake(
            "bent once more",
            "The gate is right, and then something bends once more (SiLU or a softmax): the product, or what "
            "the third map makes of it. Behind the gate all is linear.",
            (
                lambda x, g, i, o: F.silu(F.silu(x @ g) * (x @ i)) @ o,
                lambda x, g, i, o: F.silu((F.silu(x @ g) * (x @ i)) @ o),
                lambda x, g, i, o: (F.silu(x @ g) * (x @ i)).softmax(-1) @ o,
                lambda x, g, i, o: ((F.silu(x @ g) * (x @ i)) @ o).softmax(-1),
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
            "Your result is that of a plain network with two matrices: one of the two maps that read x has "
            "no influence. Where do gate and values meet?",
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
            (
                lambda x, g, i, o: (F.silu(x @ g) + x @ i) @ o,
                lambda x, g, i, o: F.silu(x @ g + x @ i) @ o,
                lambda x, g, i, o: (torch.sigmoid(x @ g) + x @ i) @ o,
            ),
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
            "the third map too early",
            "It comes out as if the third map acted on gate and on values, before they meet. They are "
            "multiplied feature by feature, and what comes of it goes through the map.",
            (lambda x, g, i, o: (F.silu(x @ g) @ o) * (x @ i @ o),),
        ),
        Mistake(
            "residual inside",
            "Your result is the right one plus x. The residual belongs to the layer, which adds it around "
            "this network; with yours it would be added twice.",
            (lambda x, g, i, o: x + _gated(x, g, i, o),),
        ),
    ),
)


EXERCISES = (SWIGLU,)

"""Exercises of chapter 4.2, the part on residuals and norms: a layer of the original, a stack of today.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors


def make_mixer(seed: int, d_model: int) -> Callable:
    """A stand-in for attention: every token reads all tokens of its sequence."""
    own, others = random_tensors(seed, (d_model, d_model), (d_model, d_model))

    def mixer(x):
        return torch.tanh(x @ own / d_model**0.5) + x.mean(-2, keepdim=True) @ others / d_model**0.5

    return mixer


def make_network(seed: int, d_model: int) -> Callable:
    """A stand-in for the feed-forward network: every token for itself."""
    into, out = random_tensors(seed, (d_model, 2 * d_model), (2 * d_model, d_model))
    return lambda x: F.relu(x @ into / d_model**0.5) @ out / d_model**0.5


def make_norm(seed: int, d_model: int) -> Callable:
    """A layer norm with a scale and a shift of its own."""
    weight, bias = random_tensors(seed, (d_model,), (d_model,))
    return lambda x: F.layer_norm(x, (d_model,), 1 + 0.3 * weight, 0.3 * bias)


# 4.2-3 --------------------------------------------------------------------------------


def encoder_layer(x, attention, feed_forward, norm_1, norm_2):
    """x [batch, seq, d_model], four functions [batch, seq, d_model] -> the same -> [batch, seq, d_model]."""
    x = norm_1(x + attention(x))
    return norm_2(x + feed_forward(x))


def _layer_case(name: str, seed: int, batch: int, seq: int, d_model: int, **replaced) -> Case:
    parts = {
        "attention": make_mixer(seed + 1, d_model),
        "feed_forward": make_network(seed + 2, d_model),
        "norm_1": make_norm(seed + 3, d_model),
        "norm_2": make_norm(seed + 4, d_model),
        **replaced,
    }
    return Case(name, (2 * random_tensors(seed, (batch, seq, d_model))[0], *parts.values()))


ENCODER_LAYER = Exercise(
    key="4.2-3",
    title="The encoder layer of 2017",
    difficulty=2,
    minutes=10,
    statement=(
        "Put a layer together from its parts: attention, feed_forward and two norms are given as functions. "
        "As in the original, each of the two sub-layers has a residual around it, and each sum goes through "
        "a norm: norm_1 after attention, norm_2 after the feed-forward network."
    ),
    takeaway="Each sub-layer only has to say what it changes: its input reaches the sum by itself.",
    reference=encoder_layer,
    explanation="Twice the same step, norm(x + sub-layer(x)); the second reads what the first returned.",
    hints=(
        "A residual around a function f is x + f(x). How many functions here need one, and how many sums "
        "does that make?",
        "Follow one token on paper. What does the feed-forward network read: the layer's input, what "
        "attention returned, or the normed sum of the two?",
        "The norm stands after the sum here ('post-norm'), so the last thing that the layer does is a norm.",
    ),
    cases=(
        _layer_case("2 sequences of 5 tokens, d_model 8", 300, 2, 5, 8),
        _layer_case("one sequence of 3 tokens, d_model 4", 310, 1, 3, 4),
        _layer_case("a single token, d_model 6", 320, 3, 1, 6),
        _layer_case("an attention that returns nothing but zeros", 330, 2, 4, 5, attention=torch.zeros_like),
        _layer_case("a feed-forward network that returns zeros", 340, 2, 4, 5, feed_forward=torch.zeros_like),
        _layer_case(
            "norms without scale and shift",
            350,
            1,
            6,
            8,
            norm_1=lambda x: F.layer_norm(x, (8,)),
            norm_2=lambda x: F.layer_norm(x, (8,)),
        ),
    ),
    mistakes=(
        Mistake(
            "one residual",
            "You have a single residual around both sub-layers, as in the formula that many summaries print. "
            "Your feed-forward network sees only what attention returned. The original has a sum after each.",
            (
                lambda x, a, f, n, m: m(x + f(a(x))),
                lambda x, a, f, n, m: n(x + f(a(x))),
                lambda x, a, f, n, m: m(x + f(n(a(x)))),
            ),
        ),
        Mistake(
            "norm before the sub-layer",
            "Your norms stand in front of attention and feed-forward network ('pre-norm', the usual order "
            "today and the next exercise). The layer of 2017 norms the sums.",
            (
                lambda x, a, f, n, m: (h := x + a(n(x))) + f(m(h)),
                lambda x, a, f, n, m: (h := n(x) + a(n(x))) * 0 + m(h) + f(m(h)),
            ),
        ),
        Mistake(
            "norm on the branch",
            "You norm what the sub-layer returned and add x afterwards, so the sum itself is never normed. "
            "Which comes last in this layer: the sum or the norm?",
            (lambda x, a, f, n, m: (h := x + n(a(x))) + m(f(h)),),
        ),
        Mistake(
            "feed-forward without its residual",
            "The first half is right; then the feed-forward network replaces x instead of adding to it. What "
            "if it returned zeros: would the token survive?",
            (lambda x, a, f, n, m: m(f(n(x + a(x)))),),
        ),
        Mistake(
            "attention without its residual",
            "Attention replaces x in your layer instead of adding to it: with an attention that returns "
            "zeros, every token is lost before the second half begins.",
            (lambda x, a, f, n, m: m((h := n(a(x))) + f(h)), lambda x, a, f, n, m: m((h := a(x)) + f(h))),
        ),
        Mistake(
            "no residual",
            "Nothing is added to anything: each function simply reads the one before. Through many such "
            "layers neither the input nor the gradient would find its way.",
            (lambda x, a, f, n, m: m(f(n(a(x)))),),
        ),
        Mistake(
            "norm missing",
            "Both sums are there, but not both norms. Each of the two sums goes through one.",
            (
                lambda x, a, f, n, m: (h := x + a(x)) + f(h),
                lambda x, a, f, n, m: m((h := x + a(x)) + f(h)),
                lambda x, a, f, n, m: (h := n(x + a(x))) + f(h),
            ),
        ),
        Mistake(
            "norms exchanged",
            "The structure is right, but norm_2 stands where norm_1 belongs, or one of them serves twice. "
            "Their learned scales differ.",
            (
                lambda x, a, f, n, m: n((h := m(x + a(x))) + f(h)),
                lambda x, a, f, n, m: n((h := n(x + a(x))) + f(h)),
                lambda x, a, f, n, m: m((h := m(x + a(x))) + f(h)),
            ),
        ),
        Mistake(
            "residual from the layer's input",
            "Your second sum adds the layer's first input again instead of what came out of the first half. "
            "What attention wrote is then lost for all but the feed-forward network.",
            (lambda x, a, f, n, m: m(x + f(n(x + a(x)))),),
        ),
        Mistake(
            "both sub-layers side by side",
            "Your feed-forward network reads the layer's input, beside attention and not after it. Some "
            "models do that to save time; in this layer it reads what attention has added to.",
            (lambda x, a, f, n, m: m(x + a(x) + f(x)), lambda x, a, f, n, m: m(n(x + a(x)) + f(x))),
        ),
        Mistake(
            "feed-forward first",
            "You run the feed-forward network before attention. Both have their residual, but the order is "
            "the other one.",
            (lambda x, a, f, n, m: m((h := n(x + f(x))) + a(h)),),
        ),
    ),
    atol=1e-4,
)


# 4.2-4 --------------------------------------------------------------------------------


def pre_norm_encoder(x, layers, final_norm):
    """x [batch, seq, d_model], layers = [(norm_1, attention, norm_2, feed_forward), ...] -> as x."""
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
    return final_norm(x)


def _stack(x, layers, final_norm, step):
    for layer in layers:
        x = step(x, *layer)
    return final_norm(x)


def _pre(x, n, a, m, f):
    x = x + a(n(x))
    return x + f(m(x))


def _all_from_input(x, layers, final_norm):
    result = x
    for layer in layers:
        result = result + _pre(x, *layer) - x
    return final_norm(result)


def _residual_to_input(x, layers, final_norm):
    start = x
    for n, a, m, f in layers:
        x = start + a(n(x))
        x = start + f(m(x))
    return final_norm(x)


def _stack_case(name: str, seed: int, batch: int, seq: int, d_model: int, depth: int) -> Case:
    layers = [
        (
            make_norm(seed + 10 * i, d_model),
            make_mixer(seed + 10 * i + 1, d_model),
            make_norm(seed + 10 * i + 2, d_model),
            make_network(seed + 10 * i + 3, d_model),
        )
        for i in range(1, depth + 1)
    ]
    return Case(
        name, (2 * random_tensors(seed, (batch, seq, d_model))[0], layers, make_norm(seed + 5, d_model))
    )


PRE_NORM = Exercise(
    key="4.2-4",
    title="A pre-norm stack",
    difficulty=2,
    minutes=10,
    statement=(
        "Run x through several pre-norm layers, given as tuples of functions. In each layer attention reads "
        "norm_1 of x and its result is added to x itself; then the feed-forward network reads norm_2 of the "
        "sum and adds its result. So nothing stands on the path from bottom to top but sums. After the last "
        "layer, final_norm brings the sum back to size."
    ),
    takeaway="From the top to the bottom there is a path of sums alone, which the gradient travels undamped.",
    reference=pre_norm_encoder,
    explanation="A sub-layer reads the norm, but the residual path carries the sum itself to the very end.",
    hints=(
        "Write one layer first. The sum adds to x itself, not to its norm: how many times does x occur in "
        "that line?",
        "The second half of a layer starts from the sum of the first half. Is that a new name, or x again?",
        "Put the loop around it: what one layer returns, the next one reads. And after the loop, once?",
    ),
    cases=(
        _stack_case("2 layers on 2 sequences of 4 tokens, d_model 6", 400, 2, 4, 6, 2),
        _stack_case("one layer, d_model 8", 450, 1, 5, 8, 1),
        _stack_case("4 layers, d_model 4", 500, 2, 3, 4, 4),
        _stack_case("no layer at all", 560, 2, 3, 5, 0),
        _stack_case("3 layers on a single token", 600, 1, 1, 6, 3),
    ),
    mistakes=(
        Mistake(
            "final norm missing",
            "The layers are right, but their sum is handed out as it is. It has grown with every layer: "
            "what is final_norm for?",
            (lambda x, layers, final: _stack(x, layers, lambda y: y, _pre),),
        ),
        Mistake(
            "norm after the sum",
            "Your norms stand on the residual path, after each sum ('post-norm', the exercise before). "
            "Here they stand in front of what reads.",
            (
                lambda *a: _stack(*a, lambda x, n, a, m, f: m((h := n(x + a(x))) + f(h))),
                lambda x, layers, final: _stack(
                    x, layers, lambda y: y, lambda x, n, a, m, f: m((h := n(x + a(x))) + f(h))
                ),
            ),
        ),
        Mistake(
            "normed x kept",
            "You overwrite x with its norm and then add to that, so every layer wipes out the size of what "
            "came before. What should be added to: x, or its norm?",
            (
                lambda *a: _stack(*a, lambda x, n, a, m, f: (k := m((h := n(x)) + a(h))) + f(k)),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (k := (h := n(x)) + a(h)) + f(m(k))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (k := m(x + a(n(x)))) + f(k)),
            ),
        ),
        Mistake(
            "norm on what the sub-layer returns",
            "The sub-layers read x as it is, and their results are normed before they are added (or each "
            "layer's tuple is unpacked in another order). Which side of the sub-layer does the statement "
            "name, and what comes first in the tuple?",
            (lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + n(a(x))) + m(f(h))),),
        ),
        Mistake(
            "one residual",
            "Attention and feed-forward network share a single residual in your layers: the network reads "
            "what attention returned and not the sum. Each of the two adds to x by itself.",
            (
                lambda *a: _stack(*a, lambda x, n, a, m, f: x + f(m(a(n(x))))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: x + f(a(n(x)))),
            ),
        ),
        Mistake(
            "norm missing before a sub-layer",
            "At least one of the two sub-layers reads x without its norm. Both norms of a layer have their "
            "place.",
            (
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + a(n(x))) + f(h)),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + a(x)) + f(m(h))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + a(x)) + f(h)),
            ),
        ),
        Mistake(
            "every layer reads the input",
            "With one layer you are right. With more, each layer that counts reads the first x instead of "
            "what the layer below wrote. What does the second layer's input have to be?",
            (
                _all_from_input,
                lambda x, ls, final: final(_pre(x, *ls[-1])) if ls else final(x),
            ),
        ),
        Mistake(
            "residual always from the first input",
            "Your sums always add the very first x, so what earlier sub-layers wrote is thrown away. Add to "
            "the running sum.",
            (_residual_to_input,),
        ),
        Mistake(
            "final norm after every layer",
            "You apply final_norm inside the loop, so it stands on the path as many times as there are "
            "layers, and not at all when there is none. How many sums leave the stack?",
            (lambda x, layers, final: _stack(x, layers, lambda y: y, lambda *a: final(_pre(*a))),),
        ),
        Mistake(
            "both sub-layers side by side",
            "Your feed-forward network reads the layer's input and not the sum that attention has added to. "
            "Some models run the two beside each other; here one follows the other.",
            (lambda *a: _stack(*a, lambda x, n, a, m, f: x + a(n(x)) + f(m(x))),),
        ),
    ),
    atol=1e-4,
)


EXERCISES = (ENCODER_LAYER, PRE_NORM)

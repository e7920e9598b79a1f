"""Exercise of chapter 4.2, the part on residuals and norms: a layer of the original, and its parts.

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
            "one half alone",
            "Only one of the two sub-layers has a part in your result, with its sum and its norm. A layer "
            "has both halves, and the second reads what the first returned.",
            (
                lambda x, a, f, n, m: n(x + a(x)),
                lambda x, a, f, n, m: m(x + f(x)),
            ),
        ),
        Mistake(
            "no residual",
            "Nothing is added to anything: each function simply reads the one before. Through many such "
            "layers neither the input nor the gradient would find its way.",
            (lambda x, a, f, n, m: m(f(n(a(x)))),),
        ),
        Mistake(
            "norm missing",
            "Both sums are there, but a norm is missing, or both stand at the end. Each of the two sums goes "
            "through one.",
            (
                lambda x, a, f, n, m: (h := x + a(x)) + f(h),
                lambda x, a, f, n, m: m((h := x + a(x)) + f(h)),
                lambda x, a, f, n, m: m(n((h := x + a(x)) + f(h))),
                lambda x, a, f, n, m: (h := n(x + a(x))) + f(h),
            ),
        ),
        Mistake(
            "a norm too many",
            "Both sums go through a norm, and besides there is one too many: in front of a sub-layer, or "
            "behind another norm. Here nothing but the two sums is normed.",
            (
                lambda x, a, f, n, m: m((h := n(x + a(n(x)))) + f(m(h))),
                lambda x, a, f, n, m: m((h := n(x + a(n(x)))) + f(h)),
                lambda x, a, f, n, m: m((h := n(x + a(x))) + f(m(h))),
                lambda x, a, f, n, m: n(m((h := n(x + a(x))) + f(h))),
                lambda x, a, f, n, m: m(m((h := n(x + a(x))) + f(h))),
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
            "the first sum taken before its norm",
            "Your second half takes the first sum as it was before its norm, as what is added to or as what "
            "the network reads. It goes on from what norm_1 returned, in both places.",
            (
                lambda x, a, f, n, m: m((h := x + a(x)) + f(n(h))),
                lambda x, a, f, n, m: m(n(h := x + a(x)) + f(h)),
            ),
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
            (
                lambda x, a, f, n, m: m((h := n(x + f(x))) + a(h)),
                lambda x, a, f, n, m: n((h := m(x + f(x))) + a(h)),
            ),
        ),
    ),
    atol=1e-4,
)


EXERCISES = (ENCODER_LAYER,)

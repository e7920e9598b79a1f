"""Exercise of chapter 4.2: a stack of pre-norm layers.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.transformer.layers import make_mixer, make_network, make_norm

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
            "final norm more than once",
            "It comes out as if final_norm acted more than once, on the whole stack or after each layer as "
            "well. It stands behind the last layer, once.",
            (
                lambda x, layers, final: final(_stack(x, layers, final, _pre)),
                lambda x, layers, final: _stack(x, layers, final, lambda *a: final(_pre(*a))),
            ),
        ),
        Mistake(
            "no final norm without a layer",
            "Right where there are layers. Where there is none, final_norm has to act all the same: it "
            "stands behind the loop, whatever has run in it.",
            (
                lambda x, layers, final: _stack(x, layers, final, _pre) if layers else x,
                lambda x, layers, final: _stack(x, layers, final, _pre) if layers else None,
            ),
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
            "Your sums always add the very first x, so what earlier sub-layers wrote leaves the sum. Add to "
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
            "only some layers run",
            "With one layer you are right. With more it comes out as if only the first were run. Which "
            "lines belong into the loop, and does a `return` stand in it?",
            (
                lambda x, ls, final: _stack(x, ls[:1], final, _pre),
                lambda x, ls, final: _stack(x, ls[:1], final, _pre) if ls else None,
            ),
        ),
        Mistake(
            "one layer again and again",
            "With one layer you are right. With more it comes out as if one of them, the first or the last, "
            "ran as many times as there are layers. Each has parts of its own.",
            (
                lambda x, ls, final: _stack(x, [ls[0]] * len(ls) if ls else [], final, _pre),
                lambda x, ls, final: _stack(x, [ls[-1]] * len(ls) if ls else [], final, _pre),
            ),
        ),
        Mistake(
            "layers from last to first",
            "With one layer you are right. With more it comes out as if the last layer were run first.",
            (lambda x, ls, final: _stack(x, ls[::-1], final, _pre),),
        ),
        Mistake(
            "attention lost on the path",
            "The network reads what attention has added, but the sum that goes on is that of x and the "
            "network alone. What attention has written has to stay on the path.",
            (lambda *a: _stack(*a, lambda x, n, a, m, f: x + f(m(x + a(n(x))))),),
        ),
        Mistake(
            "a residual missing",
            "At least one of the two sub-layers replaces x instead of adding to it. Each has a sum of its "
            "own.",
            (
                lambda *a: _stack(*a, lambda x, n, a, m, f: f(m(x + a(n(x))))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := a(n(x))) + f(m(h))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: f(m(a(n(x))))),
            ),
        ),
        Mistake(
            "norms exchanged",
            "The sums are right, but norm_2 stands where norm_1 belongs, or one of the two serves twice. "
            "Each has a scale and a shift of its own.",
            (
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + a(m(x))) + f(n(h))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + a(n(x))) + f(n(h))),
                lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + a(m(x))) + f(m(h))),
            ),
        ),
        Mistake(
            "feed-forward first",
            "The feed-forward network comes before attention in your layers. Both add to the sum, but the "
            "order is the other one.",
            (lambda *a: _stack(*a, lambda x, n, a, m, f: (h := x + f(m(x))) + a(n(h))),),
        ),
        Mistake(
            "norms in front and behind",
            "Each norm acts twice in your layers: in front of its sub-layer, and behind the sum. The path "
            "from bottom to top is to hold nothing but sums.",
            (lambda *a: _stack(*a, lambda x, n, a, m, f: m((h := n(x + a(n(x)))) + f(m(h)))),),
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


EXERCISES = (PRE_NORM,)

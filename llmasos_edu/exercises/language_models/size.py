"""An exercise of chapter 2.1 on whole numbers: the size of a model.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-8 --------------------------------------------------------------------------------


def count_parameters(vocab_size, d_model, num_layers, d_ff, tied):
    """Sizes, and whether head and embedding are one -> [numbers in the layers, numbers in all]."""
    layers = num_layers * (4 * d_model * d_model + 2 * d_model * d_ff)
    return [layers, layers + vocab_size * d_model * (1 if tied else 2)]


def _counted(attention=4, network=2, tables=None, layers=None, inside=0):
    def count(vocab_size, d_model, num_layers, d_ff, tied):
        a_layer = attention * d_model * d_model + network * d_model * d_ff
        own = a_layer * (num_layers if layers is None else layers)
        many = (1 if tied else 2) if tables is None else tables
        return [own + inside * vocab_size * d_model, own + vocab_size * d_model * many]

    return count


def _draw_sizes(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    sizes = (generator.choice([100, 512, 2048]), generator.choice([16, 64, 96]), generator.randint(2, 6))
    d_ff, tied = generator.choice([50, 100, 300]), generator.random() < 0.5
    return (Case(f"vocab, d_model, layers {sizes}, d_ff {d_ff}, tied {tied}", (*sizes, d_ff, tied)),)


COUNT = Exercise(
    key="2.1-8",
    title="Which N?",
    difficulty=1,
    minutes=10,
    statement=(
        "A scaling law is drawn over N, the number of parameters. Count a transformer's two ways: in its "
        "layers alone, and in all. A layer has four matrices [d_model, d_model] for attention "
        "(queries, keys, "
        "values, output) and two for its network, [d_model, d_ff] and back; biases and norms are left out. "
        "The embedding is [vocab_size, d_model], the head as large again, unless `tied`: then one matrix "
        "serves as both."
    ),
    takeaway="A law over the one N is not a law over the other: say which was counted.",
    reference=count_parameters,
    explanation="Layers: 4 d² + 2 d d_ff each. Tables: V d once where they are tied, else twice.",
    hints=(
        "Begin with one layer of width 10 and d_ff = 20: four matrices of 100 numbers and two of how many?",
        "The first number grows with the layers and with nothing else. Does the vocabulary come into it?",
        "A tied matrix is stored once, however often it is used: at the entrance, and again at the exit.",
    ),
    cases=(
        Case("a small one, tied", (512, 64, 2, 256, True)),
        Case("the same, not tied", (512, 64, 2, 256, False)),
        Case("a large vocabulary", (50_257, 32, 3, 100, False)),
        Case("one layer", (10, 8, 1, 8, True)),
        Case("a narrow network", (256, 128, 4, 48, False)),
        Case("wide and tied", (1000, 96, 5, 384, True)),
    ),
    draw=_draw_sizes,
    rtol=0.0,
    atol=0.0,
    mistakes=(
        Mistake(
            "embeddings counted twice",
            "You count two tables where embedding and head are one matrix. In a small model that is a large "
            "part of N.",
            (_counted(tables=2),),
        ),
        Mistake(
            "the head forgotten",
            "You count one table where there are two. Without tying the head is a matrix of its own, as "
            "large as the embedding.",
            (_counted(tables=1),),
        ),
        Mistake(
            "tied counted as none",
            "Where embedding and head are one matrix, you count none. It is stored once, so it counts once.",
            (
                lambda v, d, n, f, tied: _counted(tables=0 if tied else 2)(v, d, n, f, tied),
                lambda v, d, n, f, tied: _counted(tables=0 if tied else 1)(v, d, n, f, tied),
            ),
        ),
        Mistake(
            "no tables at all",
            "Your second number holds the layers alone. Embedding and head belong to all parameters.",
            (_counted(tables=0),),
        ),
        Mistake(
            "embeddings in the first number",
            "Your first number has a table in it (the embedding or the head), or both. It is asked for the "
            "layers alone.",
            (
                _counted(inside=1),
                _counted(inside=2),
                lambda v, d, n, f, tied: _counted(inside=1 if tied else 2)(v, d, n, f, tied),
            ),
        ),
        Mistake(
            "a head of its own in the first number",
            "Where the head is a table of its own it stands in your first number. That is asked for the "
            "layers alone.",
            (lambda v, d, n, f, tied: _counted(inside=0 if tied else 1)(v, d, n, f, tied),),
        ),
        Mistake(
            "exchanged",
            "Your two numbers are right, but the other way round: first the layers alone, then all.",
            (lambda *sizes: count_parameters(*sizes)[::-1],),
        ),
        Mistake(
            "the tables alone",
            "Your second number is that of the tables alone. All parameters are asked for, layers included.",
            (lambda *sizes: [_counted()(*sizes)[0], _counted(layers=0)(*sizes)[1]],),
        ),
        Mistake(
            "a network four times as wide",
            "It comes out as if `d_ff` were four times `d_model`. That is usual; here it may be another "
            "size.",
            (lambda v, d, n, f, tied: count_parameters(v, d, n, 4 * d, tied),),
        ),
        Mistake(
            "a gated network",
            "You count three matrices for the network, as gated ones have. This one has two.",
            (_counted(network=3),),
        ),
        Mistake(
            "biases counted",
            "It comes out as if matrices had biases, which are left out here.",
            tuple(
                lambda v, d, n, f, tied, a=a, m=m: [
                    each + n * (a * d + m * (f + d)) for each in count_parameters(v, d, n, f, tied)
                ]
                for a, m in ((4, 1), (0, 1), (4, 0))
            ),
        ),
        Mistake(
            "three matrices for attention",
            "You count three matrices for attention. There are four: for queries, keys and values, and one "
            "for the output, which mixes what the heads have found.",
            (_counted(attention=3),),
        ),
        Mistake(
            "half a network",
            "You count one matrix for the network. It goes out to d_ff and comes back: two of equal size.",
            (_counted(network=1),),
        ),
        Mistake(
            "one layer",
            "You count a single layer, however many there are. Each has weights of its own.",
            (_counted(layers=1),),
        ),
        Mistake(
            "the network of one layer",
            "What comes out has the attention of all layers, but the network of one. Each layer has both: a "
            "bracket around their sum?",
            (
                lambda v, d, n, f, tied: [
                    each - (n - 1) * 2 * d * f for each in count_parameters(v, d, n, f, tied)
                ],
            ),
        ),
        Mistake(
            "tables in every layer",
            "Your second number has the tables once for each layer. They stand before and behind all "
            "layers, once.",
            (
                lambda v, d, n, f, tied: [
                    count_parameters(v, d, n, f, tied)[0],
                    n * count_parameters(v, d, 1, f, tied)[1],
                ],
            ),
        ),
        Mistake(
            "a number of one layer",
            "One of your numbers has a single layer in it, the other one all of them. Both have all.",
            (
                lambda v, d, n, f, tied: [
                    count_parameters(v, d, n, f, tied)[0],
                    count_parameters(v, d, 1, f, tied)[1],
                ],
                lambda v, d, n, f, tied: [
                    count_parameters(v, d, 1, f, tied)[0],
                    count_parameters(v, d, n, f, tied)[1],
                ],
            ),
        ),
        Mistake(
            "d_ff squared",
            "What comes out has matrices of `d_ff` times `d_ff` in the network. They lead from `d_model` to "
            "`d_ff` and back.",
            (
                lambda v, d, n, f, tied: [
                    each + n * 2 * (f * f - d * f) for each in count_parameters(v, d, n, f, tied)
                ],
            ),
        ),
        Mistake(
            "a sum of two sizes",
            "What comes out has d_model + d_ff numbers in a matrix of the network. A matrix has as many "
            "numbers as its rows times its columns.",
            (
                lambda v, d, n, f, tied: [
                    each + n * 2 * (d + f - d * f) for each in count_parameters(v, d, n, f, tied)
                ],
            ),
        ),
        Mistake(
            "norms counted",
            "It comes out as if norms were counted. They are left out here.",
            (
                *(
                    lambda v, d, n, f, tied, m=m: [
                        each + n * m * d for each in count_parameters(v, d, n, f, tied)
                    ]
                    for m in (1, 2)
                ),
            ),
        ),
        Mistake(
            "fewer matrices for attention",
            "You count one matrix or two for attention. There are four: for queries, keys and values, and "
            "one for the output.",
            (
                _counted(attention=1),
                _counted(attention=2),
            ),
        ),
        Mistake(
            "a row for a number",
            "It comes out as if a table held one number for each token. It holds a row of `d_model` numbers "
            "for each.",
            (
                lambda v, d, n, f, tied: [
                    count_parameters(v, d, n, f, tied)[0],
                    count_parameters(v, d, n, f, tied)[0] + v * (1 if tied else 2),
                ],
            ),
        ),
        Mistake(
            "half of all",
            "Where embedding and head are one matrix, your second number is half of all with two of them. "
            "What is halved there are the tables, not the layers.",
            (
                lambda v, d, n, f, tied: [
                    count_parameters(v, d, n, f, tied)[0],
                    count_parameters(v, d, n, f, False)[1] // (2 if tied else 1),
                ],
            ),
        ),
    ),
)


EXERCISES = (COUNT,)

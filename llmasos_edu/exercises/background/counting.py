"""Exercises of section 1.1.1: what a model holds, and what its training costs.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 1-1 ----------------------------------------------------------------------------------


def training_flops(embedding, body, head, experts, top_k, expert, tokens):
    """embedding, body, head, expert [parameters]; experts, top_k, tokens [counts] -> FLOPs of training."""
    met = body + head + top_k * expert
    return 2 * met * tokens * 3


def _flops(embedding, body, head, experts, top_k, expert, tokens, *, looked=0, all_of_them=False, factor=6):
    """FLOPs with one thing amiss: what a token meets, or how often it is counted."""
    met = looked * embedding + body + head + (experts if all_of_them else top_k) * expert
    return factor * met * tokens


def _draw_model(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    experts = generator.choice([4, 8, 16])
    sizes = [generator.randrange(1, 90) * 1000 for _ in range(4)]
    embedding, body, head, expert = sizes
    tokens = generator.randrange(1, 50) * 10_000
    top_k = generator.choice([1, 2])
    return (Case(f"a model drawn from {seed}", (embedding, body, head, experts, top_k, expert, tokens)),)


FLOPS = Exercise(
    key="1-1",
    title="The arithmetic of a training",
    difficulty=1,
    minutes=10,
    statement=(
        "A model has an embedding, a body, a head and `experts` experts of `expert` parameters each, of "
        "which "
        "a token meets `top_k`. Body, head and experts are matrices: for each parameter that it meets a "
        "token "
        "costs one multiplication and one addition on the way forward, and twice as much on the way back. "
        "The embedding is a table in which a row is looked up; that costs nothing. Return the FLOPs of a "
        "training on so many tokens."
    ),
    takeaway="Six for each parameter that a token meets, times the tokens: the rule behind the figure.",
    reference=training_flops,
    explanation="Two forward and four back, for what a token meets: body, head and its own experts.",
    hints=(
        "What does a token meet? Not the whole table, and not all experts.",
        "A product of two numbers and a sum: how many operations is that? And how many on the way back?",
        "Forward 2, back 4: together 6 for each parameter met, times the number of tokens.",
    ),
    cases=(
        Case("a dense model", (1000, 5000, 2000, 0, 0, 0, 10)),
        Case("a mixture, one of four", (1000, 5000, 2000, 4, 1, 3000, 10)),
        Case("a mixture, two of eight", (700, 4000, 900, 8, 2, 1500, 100)),
        Case("no head of its own", (1000, 5000, 0, 0, 0, 0, 7)),
        Case("all experts used", (100, 200, 300, 3, 3, 50, 4)),
        Case("one token", (10, 20, 30, 2, 1, 5, 1)),
        Case("a mixture of a single expert", (1000, 5000, 2000, 1, 1, 3000, 10)),
    ),
    draw=_draw_model,
    mistakes=(
        Mistake(
            "a single expert taken for none",
            "It comes out as if a model with one expert had none. A token meets that one, and it costs "
            "what a matrix of the body does.",
            (lambda e, b, h, n, k, x, t: training_flops(e, b, h, n, k if n > 1 else 0, x, t),),
        ),
        Mistake(
            "no backward pass",
            "You come to two operations for each parameter that a token meets, which is what the way "
            "forward alone costs. Training goes back as well, and that is two thirds of its work.",
            (lambda *a: _flops(*a, factor=2),),
        ),
        Mistake(
            "backward as dear as forward",
            "You come to four operations for each parameter that a token meets, as if the way back cost as "
            "much as the way forward. It needs two products for each: one for the gradient of the input, "
            "one for that of the matrix.",
            (lambda *a: _flops(*a, factor=4),),
        ),
        Mistake(
            "a product without its sum",
            "You come to three operations for each parameter that a token meets, as if a multiplication "
            "with its addition were one. They are two, on the way forward and in both products of the way "
            "back.",
            (lambda *a: _flops(*a, factor=3),),
        ),
        Mistake(
            "the way forward run again",
            "You come to eight operations for each parameter that a token meets. Where the way forward is "
            "run a second time for the way back it is so many; by the statement it is run once: two, and "
            "twice as much.",
            (lambda *a: _flops(*a, factor=8),),
        ),
        Mistake(
            "the embedding computed",
            "You count the embedding among the matrices. A row of it is looked up, nothing is multiplied.",
            (lambda *a: _flops(*a, looked=1),),
        ),
        Mistake(
            "the embedding twice",
            "The embedding is in your count twice. It is a table here, in which a row is looked up and "
            "nothing is multiplied; the head stands for itself.",
            (lambda *a: _flops(*a, looked=2),),
        ),
        Mistake(
            "all experts",
            "You count all experts. A token meets `top_k` of them; the others only wait in memory.",
            (lambda *a: _flops(*a, all_of_them=True),),
        ),
        Mistake(
            "all experts forward",
            "What comes out counts all experts on the way forward, those met alone on the way back. A token "
            "meets `top_k` of them, both ways.",
            (lambda *a: _flops(*a, factor=2, all_of_them=True) + _flops(*a, factor=4),),
        ),
        Mistake(
            "all experts back",
            "What comes out counts all experts on the way back, those met alone on the way forward. An "
            "expert that a token has not met gets nothing from it on the way back either.",
            (lambda *a: _flops(*a, factor=2) + _flops(*a, factor=4, all_of_them=True),),
        ),
        Mistake(
            "experts times top_k",
            "What comes out has `experts` times `top_k` experts for each token. It meets `top_k` of them, "
            "however many there are.",
            (lambda e, b, h, n, k, x, t: _flops(e, b, h, n, n * k, x, t),),
        ),
        Mistake(
            "experts over top_k",
            "What comes out has `experts` divided by `top_k` experts for each token. It meets `top_k` of "
            "them, however many there are.",
            (lambda e, b, h, n, k, x, t: _flops(e, b, h, n, n / (k or 1), x, t),),
        ),
        Mistake(
            "the last term alone times the tokens",
            "It comes out as if a bracket were missing: the last term alone is multiplied by `tokens`. All "
            "that a token meets is multiplied by it.",
            (
                lambda e, b, h, n, k, x, t: 6 * b + h + k * x * t,
                lambda e, b, h, n, k, x, t: 6 * (b + h) + 6 * k * x * t,
            ),
        ),
        Mistake(
            "no experts",
            "You leave the experts out. Those that a token meets work for it like any other matrix.",
            (lambda e, b, h, n, k, x, t: _flops(e, b, h, n, 0, x, t),),
        ),
        Mistake(
            "one expert always",
            "You count one expert, however many a token meets. It meets `top_k` of them.",
            (lambda e, b, h, n, k, x, t: _flops(e, b, h, n, 1, x, t),),
        ),
        Mistake(
            "the experts' size shared out",
            "It comes out as if `expert` were the size of all experts together. It is that of each, and a "
            "token meets `top_k` of them.",
            (
                lambda e, b, h, n, k, x, t: _flops(e, b, h, n, k / (n or 1), x, t),
                lambda e, b, h, n, k, x, t: _flops(e, b, h, n, k, x // (n or 1), t),
            ),
        ),
        Mistake(
            "the experts that wait",
            "You count the experts that a token does not meet. Those that it meets work for it, `top_k` of "
            "them.",
            (lambda e, b, h, n, k, x, t: _flops(e, b, h, n, n - k, x, t),),
        ),
    ),
)


# 1-2 ----------------------------------------------------------------------------------


def count_parameters(vocab, d_model, layers, d_ff, tied):
    """vocab, d_model, layers, d_ff [sizes], tied (one table as embedding and head) -> parameters."""
    table = vocab * d_model
    layer = 4 * d_model * d_model + 2 * d_model * d_ff
    return layers * layer + table * (1 if tied else 2)


def _count(vocab, d_model, layers, d_ff, tied, *, tables=None, attention=4, network=2, deep=True):
    """Parameters with one thing amiss: tables, matrices of attention, matrices of the network, or layers."""
    tables = (1 if tied else 2) if tables is None else tables
    layer = attention * d_model**2 + network * d_model * d_ff
    return (layers if deep else 1) * layer + tables * vocab * d_model


def _draw_sizes(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    d_model = generator.choice([16, 32, 48])
    d_ff = d_model * generator.choice([2, 3, 5])
    vocab, layers, tied = generator.randrange(100, 900), generator.randrange(2, 7), generator.random() < 0.5
    return (Case(f"sizes drawn from {seed}", (vocab, d_model, layers, d_ff, tied)),)


PARAMETERS = Exercise(
    key="1-2",
    title="What a model holds",
    difficulty=1,
    minutes=10,
    statement=(
        "Count the parameters of a transformer without biases; its norms are left out. Each of its `layers` "
        "has attention with four matrices `[d_model, d_model]` (query, key, value, output) and a "
        "network with "
        "two matrices, `[d_model, d_ff]` and back. An embedding `[vocab, d_model]` stands before them and a "
        "head of the same size behind them; where `tied` is true one table serves as both, and counts once."
    ),
    takeaway="In a small model the tables weigh as much as the layers; in a large one they vanish.",
    reference=count_parameters,
    explanation="Layers times (4 d^2 + 2 d f), and one table of vocab times d, or two.",
    hints=(
        "Count one layer first: how many matrices, and of which sizes?",
        "The table and the head lie outside of the layers: they do not grow with the depth.",
        "Tied means that the same numbers are used twice. How often are they stored?",
    ),
    cases=(
        Case("two tables", (100, 8, 2, 32, False)),
        Case("one table for both", (100, 8, 2, 32, True)),
        Case("a narrow network", (50, 16, 3, 16, True)),
        Case("one layer", (30, 4, 1, 12, False)),
        Case("deep", (20, 8, 12, 24, True)),
        Case("a large vocabulary", (5000, 8, 2, 40, False)),
    ),
    draw=_draw_sizes,
    mistakes=(
        Mistake(
            "the table always twice",
            "You count two tables also where they are tied. One table that is used twice is stored once.",
            (lambda *a: _count(*a, tables=2),),
        ),
        Mistake(
            "the head forgotten",
            "You count one table always. Without tying the head is a table of its own.",
            (lambda *a: _count(*a, tables=1),),
        ),
        Mistake(
            "no tables",
            "You count the layers alone, as scaling laws often do. Asked is for all parameters.",
            (lambda *a: _count(*a, tables=0),),
        ),
        Mistake(
            "three matrices of attention",
            "You count three matrices of attention. It has four: query, key and value, and the output's "
            "behind its heads.",
            (lambda *a: _count(*a, attention=3),),
        ),
        Mistake(
            "one matrix of the network",
            "You count one matrix in the network. It goes out to `d_ff` and comes back: that makes two.",
            (lambda *a: _count(*a, network=1),),
        ),
        Mistake(
            "a gated network",
            "You count three matrices in the network, as gated ones have. This one has two.",
            (lambda *a: _count(*a, network=3),),
        ),
        Mistake(
            "one layer only",
            "You count a single layer, however many there are. Each layer has matrices of its own.",
            (lambda *a: _count(*a, deep=False),),
        ),
        Mistake(
            "tables in every layer",
            "What comes out has a table again in each layer, the embedding or all that there are. They "
            "stand before and behind all layers, once.",
            (
                lambda v, d, n, f, t: n * _count(v, d, 1, f, t),
                lambda v, d, n, f, t: _count(v, d, n, f, t) + (n - 1) * v * d,
            ),
        ),
        Mistake(
            "a network four times as wide",
            "It comes out as if `d_ff` were four times `d_model`. That is usual; here it may be another "
            "size.",
            (lambda v, d, n, f, t: _count(v, d, n, 4 * d, t),),
        ),
        Mistake(
            "biases counted",
            "It comes out as if matrices had biases. In this transformer they have none.",
            (
                lambda v, d, n, f, t: _count(v, d, n, f, t) + n * (f + d),
                lambda v, d, n, f, t: _count(v, d, n, f, t) + n * 4 * d,
                lambda v, d, n, f, t: _count(v, d, n, f, t) + n * (f + 5 * d),
            ),
        ),
        Mistake(
            "the network of one layer",
            "What comes out has the attention of all layers, but the network of one. Each layer has both: a "
            "bracket around their sum?",
            (lambda v, d, n, f, t: _count(v, d, n, 0, t) + 2 * d * f,),
        ),
        Mistake(
            "d_ff squared",
            "What comes out has matrices of `d_ff` times `d_ff` in the network. They lead from `d_model` to "
            "`d_ff` and back.",
            (lambda v, d, n, f, t: _count(v, d, n, 0, t) + n * 2 * f * f,),
        ),
        Mistake(
            "a sum of two sizes",
            "What comes out has d_model + d_ff numbers in a matrix of the network. A matrix has as many "
            "numbers as its rows times its columns.",
            (lambda v, d, n, f, t: _count(v, d, n, 0, t) + n * 2 * (d + f),),
        ),
        Mistake(
            "a row for a number",
            "It comes out as if a table held one number for each token. It holds a row of `d_model` numbers "
            "for each.",
            (lambda v, d, n, f, t: _count(0, d, n, f, t) + v * (1 if t else 2),),
        ),
    ),
)

EXERCISES = (FLOPS, PARAMETERS)

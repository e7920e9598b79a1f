"""Exercises of chapter 2.1 on whole numbers: a step of the arithmetic coder, and the size of a model.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-5 --------------------------------------------------------------------------------


def narrow(low, high, parts, token):
    """low, high whole, parts [vocab + 1] cumulative from 0 to their total, token -> [new low, new high]."""
    width, total = high - low, parts[-1]
    return [low + width * parts[token] // total, low + width * parts[token + 1] // total]


def _low_moved_first(low, high, parts, token):
    low = low + (high - low) * parts[token] // parts[-1]
    return [low, low + (high - low) * parts[token + 1] // parts[-1]]


def _high_moved_first(low, high, parts, token):
    high = low + (high - low) * parts[token + 1] // parts[-1]
    return [low + (high - low) * parts[token] // parts[-1], high]


def _up(low, high, parts):
    """All ends of parts, rounded up."""
    return [low - (high - low) * -part // parts[-1] for part in parts]


def _width_rounded(low, high, parts, token):
    start = narrow(low, high, parts, token)[0]
    return [start, start + (high - low) * (parts[token + 1] - parts[token]) // parts[-1]]


def _one_early(low, high, parts, token):
    shifted = [0, *parts]
    return narrow(low, high, [*shifted[:-1], parts[-1]], token)


def _to_the_nearest(low, high, parts, token):
    width = high - low
    return [low + round(width * part / parts[-1]) for part in parts[token : token + 2]]


def _end_included(low, high, parts, token):
    start, end = narrow(low, high, parts, token)
    return [start, end - 1]


def _end_as_width(low, high, parts, token):
    start, end = narrow(low, high, parts, token)
    return [start, end - start]


def _divided_first(low, high, parts, token):
    unit = (high - low) // parts[-1]
    return [low + unit * part for part in parts[token : token + 2]]


def _both(change):
    return lambda low, high, parts, token: [change(end, low) for end in narrow(low, high, parts, token)]


def _draw_step(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    low = generator.randrange(1, 2**40)
    parts = sorted(generator.sample(range(1, 1000), 4))
    return (Case(f"parts {[0, *parts]} in a wide interval", (low, low + 2**40 + 12345, [0, *parts], 2)),)


NARROW = Exercise(
    key="2.1-5",
    title="One step of the arithmetic coder",
    difficulty=2,
    minutes=15,
    statement=(
        "The interval from `low` to `high` (not included) stands for the text so far. Token t owns the part "
        "from `parts[t]` to `parts[t + 1]` of it, out of `parts[-1]`. Return the interval of the text with "
        "`token` behind it. All numbers are whole: multiply first, then divide and round down."
        " The end of one token's part is the beginning of the next one's."
    ),
    takeaway="Writer and reader round in the same way, so nothing is lost: exactness is all the coder needs.",
    reference=narrow,
    explanation="Both ends are measured from the old `low`, in the old width, by whole-number division.",
    hints=(
        "The new interval lies inside the old one. With low = 0, high = 100 and parts [0, 1, 4], "
        "where do the "
        "two tokens lie?",
        "Both new ends are counted from the old low end. Which of your variables has already changed when "
        "the second one is computed?",
        "A third of 100 is no whole number. Which one does Python's `//` take, and would a reader "
        "take the same?",
    ),
    cases=(
        Case("two halves", (0, 100, [0, 1, 2], 1)),
        Case("a quarter and three", (0, 100, [0, 1, 4], 1)),
        Case("not from zero", (40, 90, [0, 2, 3, 10], 1)),
        Case("the last of four", (1000, 1777, [0, 5, 6, 11, 13], 3)),
        Case("a width that does not divide", (7, 107, [0, 1, 2, 3], 1)),
        Case("forty bits", (2**39 + 1, 2**40 + 2**38 + 7, [0, 12345, 54321, 99991], 1)),
        Case("the first of three", (500, 900, [0, 3, 5, 8], 0)),
        Case("as wide as the total", (10, 59, [0, 1, 49], 1)),
        Case("a little over", (20, 120, [0, 1, 4, 7], 1)),
        Case("fifty-three bits", (5, 2**53 - 5, [0, 1, 5, 7], 1)),
    ),
    draw=_draw_step,
    rtol=0.0,
    atol=0.0,
    mistakes=(
        Mistake(
            "low moved first",
            "You change one end and then compute the other from it. Both are measured in the old interval.",
            (_low_moved_first, _high_moved_first),
        ),
        Mistake(
            "rounded up",
            "An end of yours is rounded up. Both are rounded down: so the end of one part is the beginning "
            "of the next.",
            (
                lambda low, high, parts, token: [
                    narrow(low, high, parts, token)[0],
                    _up(low, high, parts)[token + 1],
                ],
                lambda low, high, parts, token: _up(low, high, parts)[token : token + 2],
                lambda low, high, parts, token: [
                    _up(low, high, parts)[token],
                    narrow(low, high, parts, token)[1],
                ],
            ),
        ),
        Mistake(
            "the width of a part rounded",
            "Your end is the new low end and a part's width that was rounded by itself. So it need not be "
            "where the next part begins: measure both ends from the old `low`.",
            (_width_rounded,),
        ),
        Mistake(
            "divided as fractions",
            "It comes out as if `/` had divided: that gives a fraction of 53 bits, and of wider numbers the "
            "last ones are lost. `//` divides whole numbers and loses nothing.",
            (
                lambda low, high, parts, token: [
                    low + int((high - low) * p / parts[-1]) for p in parts[token : token + 2]
                ],
            ),
        ),
        Mistake(
            "all tokens alike",
            "It comes out as if all tokens had parts of equal size. The sizes are in `parts`, out of "
            "`parts[-1]`.",
            (lambda low, high, parts, token: narrow(low, high, list(range(len(parts))), token),),
        ),
        Mistake(
            "one token too early",
            "You take the part of the token before. `parts[t]` is where token t begins, so that the first "
            "one begins at 0.",
            (_one_early,),
        ),
        Mistake(
            "rounded to the nearest",
            "You round to the nearest whole number. The parts then need not end where the next one begins as "
            "the reader sees it: both sides must round down.",
            (_to_the_nearest,),
        ),
        Mistake(
            "divided before multiplied",
            "You divide the width first and lose what is left over. In a narrow interval whole tokens would "
            "disappear; multiply first.",
            (_divided_first,),
        ),
        Mistake(
            "counted from zero",
            "You forget that the old interval begins at `low`: yours begins at 0. It is right for the very "
            "first token of a text.",
            (_both(lambda end, low: end - low),),
        ),
        Mistake(
            "the end included",
            "Your upper end is one too small. It does not belong to the interval itself, so nothing has to "
            "be taken off.",
            (_end_included,),
        ),
        Mistake(
            "low and width",
            "Your second number is how wide the new interval is. Asked for is where it ends.",
            (_end_as_width,),
        ),
        Mistake(
            "a fraction first",
            "You divide a part by the total first and get a rounded fraction: 49 times 1/49 is a little "
            "below 1. Multiply whole numbers, then use `//`.",
            (
                lambda low, high, parts, token: [
                    low + math.floor((high - low) * (p / parts[-1])) for p in parts[token : token + 2]
                ],
            ),
        ),
        Mistake(
            "a closed interval",
            "You count `high` into the interval, as papers on closed intervals do. Here it is not included: "
            "the width is high - low, and nothing is taken off the new end.",
            (lambda low, high, parts, token: _end_included(low, high + 1, parts, token),),
        ),
    ),
)


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
            "Your first number has a table in it, the embedding or the head. It is asked for the layers "
            "alone.",
            (
                _counted(inside=1),
                _counted(inside=2),
                lambda v, d, n, f, tied: _counted(inside=0 if tied else 1)(v, d, n, f, tied),
                lambda v, d, n, f, tied: _counted(inside=1 if tied else 2)(v, d, n, f, tied),
            ),
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
    ),
)


EXERCISES = (NARROW, COUNT)

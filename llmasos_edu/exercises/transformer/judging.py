"""Questions of chapter 4.2 that ask for judgement: a figure to read, a verdict to draw.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Amiss, Holds, Lacks, Question

# 4.2-13 -------------------------------------------------------------------------------


def _draw_gradients(seed: int) -> dict:
    """Gradient norms at the first and the last layer: of queries and keys, and of all parameters."""
    generator = random.Random(seed)
    return {
        "layers": generator.choice([9, 13, 17]),
        "first_last": generator.choice([0.1, 0.12, 0.15]),
        "top_last": generator.choice([2e-5, 4e-5, 8e-5]),
        "first_first": generator.choice([0.08, 0.09]),
        "top_first": generator.choice([0.012, 0.016]),
        "all_first": generator.choice([0.9, 1.1]),
        "all_top": generator.choice([0.8, 1.3]),
    }


def _read(layers, first_last, top_last, first_first, top_first, **_):
    last, first = math.log10(first_last / top_last), math.log10(first_first / top_first)
    return {
        "last": last,
        "first": first,
        "layer": 10 ** (last / (layers - 1)),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }


FIGURE = Question(
    key="4.2-13",
    title="Read the figure: which gradient vanishes?",
    difficulty=2,
    minutes=15,
    statement=(
        "A figure of an untrained stack of {layers} layers. With the norm last the gradient of the query "
        "and key matrices has norm {first_last} in the first layer and {top_last} in the last one; with the "
        "norm first {first_first} and {top_first}. All parameters of a layer together, norm last: "
        "{all_first} and {all_top}. By how many powers of ten does the gradient of queries and keys fall "
        "from the first layer to the last, norm last (last) and norm first (first)? By what factor, above "
        "1, does it fall from one layer to the next, norm last (layer)? How many powers of ten are beyond "
        "what the control shows (beyond)? What does the figure say (says)?"
    ),
    takeaway="A sum over a layer hides which matrix gets nothing. And ask in which direction it falls.",
    explanation="log10 of the first over the last; the root of as many steps as there are between them; the "
    "difference to the norm first.",
    hints=(
        "Powers of ten: the common logarithm of how many times larger the one is than the other.",
        "Between the first layer and the last there is one step fewer than there are layers.",
        "The gradient comes from the loss, above the last layer. Where is it small here, far from the loss "
        "or near it?",
    ),
    asked={
        "last": "log10 of the first layer's gradient over the last one's, queries and keys, norm last",
        "first": "log10 of the first layer's gradient over the last one's, queries and keys, norm first",
        "layer": "first over last, norm last, and of that the root of as many steps as lie between",
        "beyond": "the powers of ten with the norm last less those of the control, which is the norm first",
    },
    answer=_read,
    options={
        "says": (
            "queries and keys near the top get next to none",
            "gradients vanish on their way down to the first layer",
            "no gradient vanishes",
            "a stack with the norm last cannot be trained",
        )
    },
    draw=_draw_gradients,
    mistakes=(
        Mistake(
            "natural logarithm",
            "These are natural logarithms. A power of ten is counted by the common one: 2 for a hundred.",
            (
                lambda **d: {
                    "last": math.log(d["first_last"] / d["top_last"]),
                    "first": math.log(d["first_first"] / d["top_first"]),
                },
            ),
        ),
        Mistake(
            "a factor for its power of ten",
            "That is the factor itself. Asked for is its power of ten: 2 for a hundred, so take the common "
            "logarithm.",
            (
                lambda **d: {
                    "last": d["first_last"] / d["top_last"],
                    "first": d["first_first"] / d["top_first"],
                },
                lambda **d: {"beyond": d["first_last"] / d["top_last"] / (d["first_first"] / d["top_first"])},
            ),
        ),
        Mistake(
            "powers of ten for a factor",
            "That is how many powers of ten it falls in one step. Asked for is the factor: ten to that.",
            (lambda **d: {"layer": _read(**d)["last"] / (d["layers"] - 1)},),
        ),
        Mistake(
            "the other stack",
            "That is the factor with the norm first. Asked for is the one with the norm last.",
            (lambda **d: {"layer": 10 ** (_read(**d)["first"] / (d["layers"] - 1))},),
        ),
        Mistake(
            "a power of e",
            "That raises e to the powers of ten, and they are powers of ten: 10 belongs below.",
            (lambda **d: {"layer": math.exp(_read(**d)["last"] / (d["layers"] - 1))},),
        ),
        Mistake(
            "one step too many",
            "That divides by the number of layers. From the first to the last there is one step fewer.",
            (lambda **d: {"layer": 10 ** (_read(**d)["last"] / d["layers"])},),
        ),
        Mistake(
            "a sum for a factor",
            "That shares the fall out evenly as a sum. It is a factor: take the root of the whole fall, "
            "with as many steps as there are.",
            (
                lambda **d: {"layer": d["first_last"] / d["top_last"] / (d["layers"] - 1)},
                lambda **d: {"layer": (d["first_last"] - d["top_last"]) / (d["layers"] - 1)},
            ),
        ),
        Mistake(
            "no control",
            "That is the whole fall. Part of it is there with the norm first, too: take that off.",
            (lambda **d: {"beyond": _read(**d)["last"]},),
        ),
        Mistake(
            "the other line for the control",
            "That takes off what the sum over all parameters of a layer shows. The control is the stack with "
            "the norm first, its queries and keys.",
            (
                lambda all_first, all_top, **d: {
                    "beyond": _read(**d)["last"] - math.log10(all_first / all_top)
                },
            ),
        ),
        Mistake(
            "a quotient of powers",
            "That divides the one number of powers by the other. Powers of ten are taken off each other: "
            "to divide the factors is to subtract their logarithms.",
            (lambda **d: {"beyond": _read(**d)["last"] / _read(**d)["first"]},),
        ),
        Mistake(
            "the control added",
            "That adds the control's fall. What it shows is to be taken off.",
            (lambda **d: {"beyond": _read(**d)["last"] + _read(**d)["first"]},),
        ),
        Mistake(
            "vanishing downwards",
            "You read it as it is often told. But the small gradients stand in the *last* layer, next to the "
            "loss; the first layer has the larger ones.",
            ({"says": "gradients vanish on their way down to the first layer"},),
        ),
        Mistake(
            "all parameters together",
            "That is what the sum over a layer says. It is carried by matrices that still get their "
            "gradient; "
            "look at queries and keys alone.",
            ({"says": "no gradient vanishes"},),
        ),
        Mistake(
            "nothing was trained",
            "No stack was trained for this figure. It may be so, with some starts and rates, but that is "
            "another experiment.",
            ({"says": "a stack with the norm last cannot be trained"},),
        ),
    ),
)

# 4.2-14 -------------------------------------------------------------------------------

SENTENCES = (
    "the best head looks at the right word more than before training",
    "a symbol needs its own word more than another one",
    "every head aligns symbols with words",
    "the vector at the word holds nothing but this word",
    "Chinese aligns better than digits",
)


def _draw_alignment(seed: int) -> dict:
    """Intervals over five seeds; whether those of the two scripts overlap depends on the seed."""
    generator = random.Random(seed)
    low = generator.choice([0.62, 0.66, 0.7])
    digits = [low, round(low + 0.08, 2)]
    gap = generator.choice([-0.04, 0.05])
    chinese = [round(digits[1] + gap, 2), round(digits[1] + gap + 0.07, 2)]
    return {
        "digits_low": digits[0], "digits_high": digits[1],
        "chinese_low": chinese[0], "chinese_high": chinese[1],
        "before": generator.choice([0.17, 0.19]), "mean": generator.choice([0.3, 0.34]),
        "own": generator.choice([0.66, 0.72]), "another": generator.choice([0.06, 0.09]),
    }  # fmt: skip


def _apart(digits_high, chinese_low, **_):
    return chinese_low > digits_high


def _follow(**data):
    return {*SENTENCES[:2], *(SENTENCES[4:] if _apart(**data) else ())}


VERDICTS = Question(
    key="4.2-14",
    title="Which verdict follows?",
    difficulty=2,
    minutes=10,
    statement=(
        "A report on cross-attention, with intervals of 95 % over five seeds. The best head (the one with "
        "most weight there) after training puts [{digits_low}, {digits_high}] of its weight on the word "
        "behind the symbol for digits, [{chinese_low}, {chinese_high}] for Chinese; the best one before "
        "training {before}, the mean of all heads after it {mean}. With its own word hidden a symbol "
        "changes {own} of the time, with another word of the same number hidden {another}; both intervals "
        "reach 0.03 to either side. Which sentences follow? Give them as a set."
    ),
    takeaway="A map is a reading. What is hidden and what changes is an experiment, and it too needs a "
    "control.",
    explanation="Compare each pair of intervals, and ask of each sentence whether what it names was "
    "measured.",
    hints=(
        "For every sentence name the two figures that it compares, or say that there are none.",
        "Digits and Chinese: does the one interval begin above where the other ends?",
        "The encoder mixes the words before the decoder reads them. Does anything here look inside a vector?",
    ),
    answer=_follow,
    options=SENTENCES,
    draw=_draw_alignment,
    mistakes=(
        Mistake(
            "every head",
            "You say it of every head. The mean of all is far below the best one: some must look elsewhere.",
            (Holds(SENTENCES[2]),),
        ),
        Mistake(
            "inside the vector",
            "Nothing here has looked into a vector. The encoder's layers have mixed the words by then: a "
            "weight on a place is not a weight on a word's meaning.",
            (Holds(SENTENCES[3]),),
        ),
        Mistake(
            "the scripts compared by their means",
            "Look at the two scripts' intervals again. Where they overlap, neither is shown to be better; "
            "where they do not, the difference is shown.",
            (Amiss(SENTENCES[4]),),
        ),
        Mistake(
            "the experiment left out",
            "You leave out what hiding has shown: own word against another one, and nothing overlaps.",
            (Lacks(SENTENCES[1]),),
        ),
        Mistake(
            "the reading left out",
            "You leave out that the best head has learned where to look. The one before training was chosen "
            "in the same way, and is far below.",
            (Lacks(SENTENCES[0]),),
        ),
    ),
)

EXERCISES = (FIGURE, VERDICTS)

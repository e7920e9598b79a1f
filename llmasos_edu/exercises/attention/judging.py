"""Questions of chapter 4.1 that ask for judgement: a control to design, a figure to read, a verdict to draw.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Amiss, Holds, Lacks, Question

# 4.1-12 -------------------------------------------------------------------------------


def _draw_heads(seed: int) -> dict:
    """A model, how many heads of one layer a score picked, and how many other sets hurt as much."""
    generator = random.Random(seed)
    heads = generator.choice([6, 8])
    picked = generator.choice([2, 3])
    others = math.comb(heads, picked) - 1
    return {
        "layers": generator.choice([2, 3]),
        "heads": heads,
        "picked": picked,
        "bad": generator.choice([3, 4, 5]),
        "others": others,
        "intact": generator.choice([97, 98]),
        "left": generator.choice([41, 52, 58]),
    }


def _knocked_out(layers, heads, picked, bad, others, **_):
    return {
        "anywhere": math.comb(layers * heads, picked) - 1,
        "same_layer": others,
        "share": bad / others,
        "whole": 0,
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


CONTROL = Question(
    key="4.1-12",
    title="Design the control: is it these heads?",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'Of {layers} layers of {heads} heads we silenced the {picked} heads of highest induction "
        "score, all of them in the second layer. The share of copied tokens fell from {intact} % to {left} "
        "%. So these heads do the copying.' How many other sets of {picked} heads does the model have "
        "(anywhere), and how many of these lie in the second layer alone (same_layer)? {bad} of these others "
        "in the second layer leave {left} % or less: which share of them (share)? If *all* heads of the "
        "second layer had been silenced, how many other sets of as many heads would the layer have to "
        "compare with (whole)? And what has to stand beside the report (beside)?"
    ),
    takeaway="Silence anything and something breaks: compare with as many heads, once near and once "
    "anywhere.",
    explanation="Sets without order: the binomial coefficient, less the picked set itself. A whole layer can "
    "be compared with nothing of its own kind.",
    hints=(
        "How many ways are there to choose a few of many, if their order does not matter? math.comb knows.",
        "The picked set is one of those ways. It is no control for itself.",
        "If heads of the first layer feed the second, a set that takes one of these hurts for another "
        "reason. Which control leaves the first layer alone, and which one shows how much any loss would "
        "cost?",
    ),
    asked={
        "anywhere": "the sets of as many heads among all heads of the model, the picked one left out",
        "same_layer": "the sets of as many heads among those of one layer, the picked one left out",
        "share": "the sets that leave as little, over the other sets of the same layer",
        "whole": "the sets of all heads of a layer, the picked one left out",
    },
    answer=_knocked_out,
    options={
        "beside": (
            "other sets of as many heads, in the same layer and anywhere",
            "the same heads silenced one by one",
            "the same heads silenced in another seed's model",
            "all heads silenced at once",
        )
    },
    draw=_draw_heads,
    mistakes=(
        Mistake(
            "the picked set counted",
            "This number counts the picked set too. It cannot be a control for itself: one fewer.",
            (
                lambda layers, heads, picked, **_: {"anywhere": math.comb(layers * heads, picked)},
                lambda others, **_: {"same_layer": others + 1},
            ),
        ),
        Mistake(
            "order counted",
            "This number counts the same heads in another order as another set. Silenced is silenced: the "
            "order is free.",
            (
                lambda layers, heads, picked, **_: {"anywhere": math.perm(layers * heads, picked) - 1},
                lambda heads, picked, **_: {"same_layer": math.perm(heads, picked) - 1},
            ),
        ),
        Mistake(
            "the share of all sets",
            "You divide by the sets of the whole model. The few that hurt as much were counted in the second "
            "layer alone.",
            (
                lambda layers, heads, picked, bad, **_: {
                    "share": bad / (math.comb(layers * heads, picked) - 1)
                },
            ),
        ),
        Mistake(
            "heads apart",
            "This number leaves out whole heads, not sets: the picked heads may come back in another "
            "company. Only the same set is left out.",
            (
                lambda layers, heads, picked, **_: {"anywhere": math.comb(layers * heads - picked, picked)},
                lambda heads, picked, **_: {"same_layer": math.comb(heads - picked, picked)},
            ),
        ),
        Mistake(
            "a whole layer compared with itself",
            "A layer has only one set of all its heads, and that one was picked: nothing of its own is left "
            "to compare with. Such a report speaks of the layer, not of its heads.",
            ({"whole": 1}, lambda heads, **_: {"whole": heads}),
        ),
        Mistake(
            "one by one",
            "Heads can stand in for each other: taken out one by one none may be missed. And a single head's "
            "loss says nothing of whether these are worse to lose than others.",
            ({"beside": "the same heads silenced one by one"},),
        ),
        Mistake(
            "another seed alone",
            "Another model says whether it is the luck of this one. It does not say what the loss of any "
            "other heads would have cost.",
            ({"beside": "the same heads silenced in another seed's model"},),
        ),
        Mistake(
            "everything silenced",
            "A model without any head copies nothing, whatever these heads do. A control takes out as many, "
            "not more.",
            ({"beside": "all heads silenced at once"},),
        ),
    ),
)

# 4.1-13 -------------------------------------------------------------------------------


def _draw_costs(seed: int) -> dict:
    """Microseconds a token at two lengths: attention grows by a straight line, the GRU does not."""
    generator = random.Random(seed)
    fixed, per_thousand = generator.choice([2.0, 3.0, 4.0]), generator.choice([8.0, 10.0, 12.0])
    return {
        "short": 500,
        "long": 2000,
        "at_short": fixed + 0.5 * per_thousand,
        "at_long": fixed + 2 * per_thousand,
        "flat": generator.choice([40.0, 44.0, 52.0]),
    }


def _line(at_short, at_long, **_):
    """The part that does not grow, and what a thousand tokens more add."""
    per_thousand = (at_long - at_short) / 1.5
    return at_short - 0.5 * per_thousand, per_thousand


def _read(flat, **data):
    fixed, per_thousand = _line(**data)
    return {
        "fixed": fixed,
        "thousand": per_thousand,
        "level": 1000 * (flat - fixed) / per_thousand,
        "twice": 2 * (fixed + 4 * per_thousand) / (fixed + 2 * per_thousand),
        "says": "attention's lead shrinks with the length",
    }


FIGURE = Question(
    key="4.1-13",
    title="Read the figure: where is the lead lost?",
    difficulty=2,
    minutes=15,
    statement=(
        "A figure shows the time for each token, forward and backward. Attention: {at_short} µs in texts of "
        "{short} tokens, {at_long} µs in texts of {long}; the points between lie on a straight line. A GRU: "
        "{flat} µs at every length. What would attention cost for each token where there is next to nothing "
        "to look at (fixed, µs), and what does each further thousand tokens of text add (thousand, µs)? At "
        "which length do both cost the same, if the line goes on (level, tokens)? How many times as long "
        "does attention take for one whole text of 4000 tokens as for one of {long} (twice)? What does the "
        "figure show (says)?"
    ),
    takeaway="Time for a token is a line, time for a text its square. A lead that shrinks ends somewhere.",
    explanation="A line through two points; its height at 0; where it meets the GRU's. A whole text costs "
    "its length times the cost of a token.",
    hints=(
        "A straight line: how much does it rise over the tokens between the two points?",
        "Go back along the line to length 0, and forward until it is as high as the GRU.",
        "A text of twice the length has twice the tokens, and each of them costs more.",
    ),
    asked={
        "fixed": "where the straight line meets a length of 0",
        "thousand": "the rise of the line over a thousand tokens, wherever they lie",
        "level": "the length at which the line reaches the GRU's time",
        "twice": "tokens times the time for each, of the longer text over the shorter one",
    },
    answer=_read,
    options={
        "says": (
            "attention's lead shrinks with the length",
            "attention is faster at any length",
            "the GRU slows down with the length",
            "a token costs attention the square of the length",
        )
    },
    draw=_draw_costs,
    mistakes=(
        Mistake(
            "no fixed part",
            "With this number all of a token's cost grows with the length. Projections cost the same in "
            "any text: the line does not begin at zero.",
            (
                lambda at_long, **_: {"fixed": 0.0, "thousand": at_long / 2},
                lambda at_long, **_: {"thousand": at_long / 2},
                lambda at_short, **_: {"thousand": 2 * at_short},
                lambda at_long, flat, **_: {"level": 2000 * flat / at_long},
                {"twice": 4.0},
            ),
        ),
        Mistake(
            "a token for a text",
            "That compares the cost of a token. A text of twice the length has twice as many of them.",
            (lambda **data: {"twice": _read(**data)["twice"] / 2},),
        ),
        Mistake(
            "only more tokens",
            "2 would be twice the tokens, each at the old cost. In the longer text each of them looks at "
            "more.",
            ({"twice": 2.0},),
        ),
        Mistake(
            "the fixed part forgotten at the crossing",
            "That is the GRU's whole cost divided by the rise. The line already stands at its fixed part "
            "when it begins to rise.",
            (lambda flat, **data: {"level": 1000 * flat / _line(**data)[1]},),
        ),
        Mistake(
            "counted from the first point",
            "That is how much *further* the line must go from its first point. The length itself is asked "
            "for.",
            (lambda flat, **data: {"level": _read(flat, **data)["level"] - 500},),
        ),
        Mistake(
            "counted from the last point",
            "That is how much *further* the line must go from its last point. The length itself is asked "
            "for.",
            (lambda flat, **data: {"level": _read(flat, **data)["level"] - 2000},),
        ),
        Mistake(
            "read beyond the figure",
            "You say it of every length. On the same line attention passes the GRU at the length that you "
            "have just been asked for.",
            ({"says": "attention is faster at any length"},),
        ),
        Mistake(
            "the wrong curve",
            "The GRU's points are level: a token costs it the same in a text of any length.",
            ({"says": "the GRU slows down with the length"},),
        ),
        Mistake(
            "squared twice",
            "The square belongs to the whole text. A token looks at as many others as there are: that is a "
            "straight line.",
            ({"says": "a token costs attention the square of the length"},),
        ),
    ),
)

# 4.1-14 -------------------------------------------------------------------------------

SENTENCES = (
    "at a rate of 0.01 attention learns the task and the GRU does not",
    "with each at its own best rate attention has no lead that counts over 96 tokens",
    "a GRU cannot remember over 96 tokens",
    "self-attention reaches further than a recurrent network",
    "over 32 tokens the two are equally good",
)


def _draw_recall(seed: int) -> dict:
    """Intervals of attention's lead; whether that over 96 tokens can count depends on the seed."""
    generator = random.Random(seed)
    end = generator.choice([0.06, 0.16])
    return {
        "attention": generator.choice([0.93, 0.97]),
        "gru": generator.choice([0.07, 0.09]),
        "low_96": round(end - generator.choice([0.11, 0.13]), 2),
        "high_96": end,
        "low_32": generator.choice([-0.12, -0.08]),
        "high_32": generator.choice([0.42, 0.51]),
    }


def _follow(high_96, **_):
    return {SENTENCES[0], *(SENTENCES[1:2] if high_96 < 0.1 else ())}


VERDICTS = Question(
    key="4.1-14",
    title="Which verdict follows?",
    difficulty=2,
    minutes=10,
    statement=(
        "Recall of one symbol of 16, five seeds, intervals of 95 %. At a rate of 0.01 attention recalls "
        "{attention} of the symbols over 96 tokens and a GRU of its size {gru}, both with an interval of "
        "0.03 to either side. Then each is trained at the best of three rates, found with a seed of its own: "
        "attention's lead is in [{low_96}, {high_96}] over 96 tokens and in [{low_32}, {high_32}] over 32. A "
        "lead of less than 0.1 does not count. Which sentences follow? Give them as a set."
    ),
    takeaway="One shared setting is a choice in somebody's favour, and an interval across the line says "
    "nothing, not even that there is no difference.",
    explanation="A lead counts if its whole interval lies above 0.1, does not count if its whole interval "
    "lies below; across the line nothing is shown.",
    hints=(
        "For every sentence name the figures that it rests on, or say that there are none.",
        "Where does each interval lie: wholly above 0.1, wholly below it, or across?",
        "A model that fails at one rate: does that say what it cannot do?",
    ),
    answer=_follow,
    options=SENTENCES,
    draw=_draw_recall,
    mistakes=(
        Mistake(
            "a rate for an ability",
            "You say that a GRU cannot. It failed at one rate. With a rate of its own it was level or near.",
            (Holds(SENTENCES[2]),),
        ),
        Mistake(
            "the claim without its condition",
            "You say it of self-attention as such. Nothing here shows a lead that counts at the best rates, "
            "and one shared rate is a choice.",
            (Holds(SENTENCES[3]),),
        ),
        Mistake(
            "not shown taken for equal",
            "Over 32 tokens the interval reaches from behind to far ahead. That is no proof that the two are "
            "equal: it could be either.",
            (Holds(SENTENCES[4]),),
        ),
        Mistake(
            "the line misread",
            "Look at the interval over 96 tokens again: does all of it lie below 0.1, or does it cross?",
            (Amiss(SENTENCES[1]),),
        ),
        Mistake(
            "what was measured left out",
            "You leave out what was measured at 0.01. It is a narrow sentence, and it follows: the two "
            "intervals are far apart.",
            (Lacks(SENTENCES[0]),),
        ),
    ),
)

EXERCISES = (CONTROL, FIGURE, VERDICTS)

"""Questions of chapter 4.1 that ask for judgement: a figure to read, a verdict to draw.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Amiss, Holds, Lacks, Question

# 4.1-13 -------------------------------------------------------------------------------


def _draw_costs(seed: int) -> dict:
    """Microseconds a token at two lengths: attention grows by a straight line, the GRU does not."""
    generator = random.Random(seed)
    fixed, per_thousand = generator.choice([2.0, 3.0, 4.0]), generator.choice([8.0, 10.0, 12.0])
    if 4 * fixed == per_thousand:  # two usual wrong answers would be the same number
        fixed += 1
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
            "the first point for the start",
            "That is the cost in texts of 500 tokens, where some of them are looked at already. Go back "
            "along the line to a length of 0.",
            (lambda at_short, **_: {"fixed": at_short},),
        ),
        Mistake(
            "the rise as it stands",
            "That is the rise from the first point to the last, or its half. The two points are 1500 tokens "
            "apart: what is it for a thousand?",
            (
                lambda at_short, at_long, **_: {"thousand": at_long - at_short},
                lambda at_short, at_long, **_: {"thousand": (at_long - at_short) / 2},
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

EXERCISES = (FIGURE, VERDICTS)

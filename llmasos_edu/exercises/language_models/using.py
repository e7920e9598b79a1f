"""An exercise of chapter 2.1 on using a model by scoring alone: which label, and what the label costs anyway.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-9 --------------------------------------------------------------------------------


def best_label(after, alone):
    """after, alone [labels][tokens]: log-probabilities of the labels' tokens, with and without the text."""
    gains = [sum(a) - sum(b) for a, b in zip(after, alone, strict=True)]
    return max(range(len(gains)), key=gains.__getitem__)


def _best(scores):
    scores = list(scores)
    return scores.index(max(scores))


def _means(rows):
    return [sum(row) / len(row) for row in rows]


def _exp_sum(row):
    return sum(map(math.exp, row))


def _gains(after, alone):
    return [sum(a) - sum(b) for a, b in zip(after, alone, strict=True)]


def _found_by_numbers(after, alone):
    gains = _gains(after, alone)
    return _best([gains[after.index(numbers)] for numbers in after])


def _draw_labels(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    lengths = [generator.randint(1, 4) for _ in range(3)]
    after, alone = ([[-round(generator.uniform(0.2, 4), 1) for _ in range(n)] for n in lengths] for _ in "ab")
    return (Case(f"after {after}, alone {alone}", (after, alone)),)


LABEL = Exercise(
    key="2.1-9",
    title="Which label does the text speak for?",
    difficulty=2,
    minutes=15,
    statement=(
        "A language model classifies by scoring: how likely is each label, written behind the text? But a "
        "label that is common or short is likely behind any text. So the score of a label is how much the "
        "text has raised its log-probability: that of the whole label behind the text, minus that of the "
        "whole label behind nothing. You are given both, token by token. Return the number of the label with "
        "the highest score, counted from 0, the first of equals."
    ),
    takeaway="What is likely anyway says nothing about the text: take off what the label costs alone.",
    reference=best_label,
    explanation="Log-probabilities of tokens add up to that of the label; the score is a difference of two.",
    hints=(
        "The probability of a label of two tokens is a product. What is its logarithm?",
        "A label has -1 behind the text and -1 behind nothing. What has the text said about it?",
        "Scores can be negative: the best one is the largest, not the one furthest from 0.",
    ),
    cases=(
        Case("a common label", ([[-1.0], [-2.0]], [[-0.5], [-4.0]])),
        Case("a long label", ([[-1.0, -0.5, -0.5], [-1.5]], [[-2.0, -2.0, -2.0], [-3.0]])),
        Case("no label gains", ([[-3.0], [-2.5], [-5.0]], [[-1.0], [-2.0], [-1.5]])),
        Case("equals", ([[-2.0], [-1.0]], [[-2.0], [-1.0]])),
        Case(
            "three lengths",
            ([[-0.9], [-1.0, -1.2], [-0.4, -0.5, -0.6]], [[-1.5], [-2.5, -2.0], [-1, -1, -1]]),
        ),
        Case("gains and a loss", ([[-1.0, -1.0], [-1.0]], [[-3.0, -0.5], [-2.0]])),
        Case("many small gains", ([[-1.0, -1.0, -1.0, -1.0], [-1.0]], [[-1.5, -1.5, -1.5, -1.5], [-2.2]])),
        Case("only the first token gains", ([[-0.2, -4.0], [-1.0, -1.0]], [[-3.0, -4.0], [-1.6, -3.0]])),
        Case("the text against it", ([[-4.0], [-0.3]], [[-0.1], [-0.2]])),
        Case(
            "six labels",
            (
                [[-3.2, -0.2, -1.2], [-2.6], [-3.4], [-1.4], [-1.0, -1.8, -3.1], [-3.4, -3.1, -1.6]],
                [[-2.0, -3.2, -1.7], [-2.8], [-0.4], [-1.2], [-3.1, -1.8, -2.9], [-3.3, -0.9, -3.7]],
            ),
        ),
        Case(
            "seven labels",
            (
                [
                    [-1.9, -2.3, -0.8, -2.7],
                    [-3.2],
                    [-0.7, -2.3],
                    [-2.0, -3.5, -0.4, -3.2],
                    [-0.9, -3.2, -0.2, -3.4],
                    [-1.9, -1.6, -0.7],
                    [-2.8, -2.3, -0.3],
                ],
                [
                    [-4.0, -0.8, -2.4, -0.7],
                    [-3.3],
                    [-0.2, -3.8],
                    [-1.6, -2.5, -1.3, -1.0],
                    [-1.8, -1.8, -3.6, -1.2],
                    [-0.9, -3.2, -0.3],
                    [-4.0, -1.7, -0.8],
                ],
            ),
        ),
        Case(
            "labels that the text rules out", ([[-300.0, -390.0], [-290.0, -380.0]], [[-2, -3.0], [-2, -4.0]])
        ),
        Case("better by a hair", ([[-2.0], [-1.9999]], [[-3.0], [-3.0]])),
        Case("equally likely behind the text", ([[-1.0], [-1.0]], [[-2.0], [-3.0]])),
    ),
    draw=_draw_labels,
    codes=True,
    mistakes=(
        Mistake(
            "the first where all scores are low",
            "Where the text speaks strongly against every label, yours is the first. Probabilities as "
            "small as these round to 0 in 32 bits, and a fixed number that the best score has to beat may "
            "lie above all scores: subtract logarithms, and begin with the score of the first label.",
            (lambda after, alone: _best([max(-100.0, gain) for gain in _gains(after, alone)]),),
        ),
        Mistake(
            "a margin for the better one",
            "It comes out as if a score that is higher by very little were not higher, as where scores are "
            "rounded or have to win by a margin. However little it is, the highest wins.",
            (lambda after, alone: _best([round(gain, 2) for gain in _gains(after, alone)]),),
        ),
        Mistake(
            "a label looked up by its numbers",
            "It comes out as if a label were found again by its numbers behind the text. Two labels may "
            "have the same ones there: go by the label's place.",
            (_found_by_numbers,),
        ),
        Mistake(
            "what it costs anyway is left in",
            "Yours is the likeliest label behind the text. A common label wins there whatever the text says; "
            "take off what it has behind nothing.",
            (
                lambda after, alone: _best(map(sum, after)),
                lambda after, alone: _best(_means(after)),
            ),
        ),
        Mistake(
            "a mean over tokens",
            "You average over the tokens of a label. Its probability is their product, so logarithms add up; "
            "the length is already taken care of by the difference.",
            (
                lambda a, b: _best(x - y for x, y in zip(_means(a), _means(b), strict=True)),
                lambda a, b: _best(x - sum(y) for x, y in zip(_means(a), b, strict=True)),
            ),
        ),
        Mistake(
            "probabilities subtracted",
            "It comes out as if probabilities were subtracted. What the text says of a label is the "
            "difference of the logarithms: a rare label that becomes ten times as likely gains more than a "
            "common one that becomes twice as likely.",
            (
                lambda a, b: _best(math.exp(sum(x)) - math.exp(sum(y)) for x, y in zip(a, b, strict=True)),
                lambda a, b: _best(_exp_sum(x) - _exp_sum(y) for x, y in zip(a, b, strict=True)),
            ),
        ),
        Mistake(
            "the first token alone",
            "It comes out as if one token of each label were looked at alone, the first or the last. The "
            "others can speak for or against it as well.",
            (
                lambda a, b: _best(x[0] - y[0] for x, y in zip(a, b, strict=True)),
                lambda a, b: _best(x[0] for x in a),
                lambda a, b: _best(x[-1] - y[-1] for x, y in zip(a, b, strict=True)),
                lambda a, b: _best(x[-1] for x in a),
            ),
        ),
        Mistake(
            "the best token alone",
            "It comes out as if the token that gains most stood for its label. What the others gain or lose "
            "counts as well: add them up.",
            (
                lambda a, b: _best(
                    max(p - q for p, q in zip(x, y, strict=True)) for x, y in zip(a, b, strict=True)
                ),
            ),
        ),
        Mistake(
            "the largest change",
            "You choose the label whose log-probability the text has changed most, up or down. Down speaks "
            "against it: the largest wins, not the one furthest from 0.",
            (lambda a, b: _best(abs(sum(x) - sum(y)) for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "no gain, no label",
            "Where no label gains, yours is the first one. Scores can be negative: the best one is the "
            "largest of them, however low.",
            (lambda a, b: _best(max(0.0, sum(x) - sum(y)) for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "the last of equals",
            "Of labels with equal scores you give the last one. The first is asked for.",
            (lambda a, b: len(a) - 1 - best_label(a[::-1], b[::-1]),),
        ),
        Mistake(
            "counted from one",
            "You count the labels from 1. The first one has the number 0, as everywhere in Python.",
            (lambda a, b: best_label(a, b) + 1,),
        ),
        Mistake(
            "the score for the number",
            "You return the highest score. Asked for is the number of the label that has it.",
            (lambda a, b: max(sum(x) - sum(y) for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "the other way round",
            "You choose the label that the text speaks against most. Mind which of the two is taken off, and "
            "that the largest wins.",
            (lambda a, b: _best(sum(y) - sum(x) for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "the text left out",
            "You choose the label that is likeliest behind nothing, or the one that is least likely there: "
            "the same one for every text.",
            (lambda a, b: _best(map(sum, b)), lambda a, b: _best(-sum(y) for y in b)),
        ),
        Mistake(
            "a quotient of logarithms",
            "It comes out as if one log-probability were divided by the other. Probabilities are compared "
            "by a quotient, their logarithms by a difference.",
            (
                lambda a, b: _best(sum(x) / sum(y) for x, y in zip(a, b, strict=True)),
                lambda a, b: _best(-sum(x) / sum(y) for x, y in zip(a, b, strict=True)),
            ),
        ),
        Mistake(
            "both added",
            "You add the two. Then a label that is likely anyway counts twice, where it should not count at "
            "all.",
            (lambda a, b: _best(sum(x) + sum(y) for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "tokens that gain counted",
            "It comes out as if the label won of which most tokens gain. How much each of them gains or "
            "loses counts: add up.",
            (
                lambda a, b: _best(
                    sum(p > q for p, q in zip(x, y, strict=True)) for x, y in zip(a, b, strict=True)
                ),
                lambda a, b: _best(
                    sum(p > q for p, q in zip(x, y, strict=True)) / len(x) for x, y in zip(a, b, strict=True)
                ),
            ),
        ),
        Mistake(
            "the worst token alone",
            "It comes out as if the token that gains least stood for its label. What the others gain or "
            "lose counts as well: add them up.",
            (
                lambda a, b: _best(
                    min(p - q for p, q in zip(x, y, strict=True)) for x, y in zip(a, b, strict=True)
                ),
            ),
        ),
        Mistake(
            "quotients added",
            "It comes out as if the quotients of the tokens' probabilities were added (or averaged). For "
            "the whole label they are multiplied: their logarithms add up.",
            (
                lambda a, b: _best(
                    sum(math.exp(p - q) for p, q in zip(x, y, strict=True)) for x, y in zip(a, b, strict=True)
                ),
                lambda a, b: _best(
                    sum(math.exp(p - q) for p, q in zip(x, y, strict=True)) / len(x)
                    for x, y in zip(a, b, strict=True)
                ),
            ),
        ),
        Mistake(
            "logarithms multiplied",
            "It comes out as if the log-probabilities of tokens were multiplied. It is probabilities that "
            "are multiplied; their logarithms add up.",
            (lambda a, b: _best(math.prod(x) - math.prod(y) for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "shares among the labels",
            "It comes out as if each label's probability were made a share of all labels' first, and the "
            "shares were subtracted. The score is a difference of logarithms.",
            (
                lambda a, b: _best(
                    math.exp(sum(x)) / sum(math.exp(sum(z)) for z in a)
                    - math.exp(sum(y)) / sum(math.exp(sum(z)) for z in b)
                    for x, y in zip(a, b, strict=True)
                ),
            ),
        ),
        Mistake(
            "by the root of the length",
            "It comes out as if the score were divided by the root of the number of tokens. The length is "
            "already taken care of by the difference.",
            (lambda a, b: _best((sum(x) - sum(y)) / len(x) ** 0.5 for x, y in zip(a, b, strict=True)),),
        ),
        Mistake(
            "both multiplied",
            "It comes out as if the two log-probabilities were multiplied. What the text has raised is a "
            "difference.",
            (lambda a, b: _best(sum(x) * sum(y) for x, y in zip(a, b, strict=True)),),
        ),
    ),
)


EXERCISES = (LABEL,)

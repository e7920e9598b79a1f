"""Exercises of chapter 6.2 on what may come next: a step of beam search.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 6.2-2 --------------------------------------------------------------------------------


def beam_step(sums, log_probs, width):
    """sums [beams], log_probs [beams, vocab], width -> the best continuations [width][beam, token, sum]."""
    new = [
        [beam, token, sums[beam] + value]
        for beam, row in enumerate(log_probs)
        for token, value in enumerate(row)
    ]
    new.sort(key=lambda each: -each[2])
    return new[:width]


def _place(continuation):
    return continuation[:2]


def _each_for_itself(sums, log_probs, width):
    """The best continuation of each beam alone."""
    best = [max(range(len(row)), key=row.__getitem__) for row in log_probs]
    new = [[beam, token, sums[beam] + log_probs[beam][token]] for beam, token in enumerate(best)]
    return sorted(new, key=lambda each: -each[2])[:width]


def _by(score):
    """Candidates ranked and scored in another way."""

    def step(sums, log_probs, width):
        new = [
            [beam, token, score(sums[beam], value)]
            for beam, row in enumerate(log_probs)
            for token, value in enumerate(row)
        ]
        return sorted(new, key=lambda each: -each[2])[:width]

    return step


def _cut_by_beams(sums, log_probs, width):
    vocab = len(log_probs[0])
    best = [(beam * vocab + token, total) for beam, token, total in beam_step(sums, log_probs, width)]
    return [[place // len(sums), place % len(sums), total] for place, total in best]


def _each_token_once(sums, log_probs, width):
    best = {}
    for each in beam_step(sums, log_probs, 10**6):
        best.setdefault(each[1], each)
    return list(best.values())[:width]


def _renamed(sums, log_probs, width, values):
    """Each beam has the number of the first one with its value."""
    return [[values.index(values[b]), *rest] for b, *rest in beam_step(sums, log_probs, width)]


def _sorted_by_probability(sums, log_probs, width):
    new = beam_step(sums, log_probs, len(sums) * len(log_probs[0]))
    return sorted(sorted(new, key=_place), key=lambda each: -math.exp(each[2]))[:width]


def _draw_beams(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    vocab, count, width = generator.randint(2, 4), generator.randint(1, 3), generator.randint(1, 4)
    while True:
        values = [-generator.randint(1, 90) / 16 for _ in range(count * vocab + count)]
        sums, rows = values[:count], [values[count + vocab * at :][:vocab] for at in range(count)]
        if (
            len({total + value for total, row in zip(sums, rows, strict=True) for value in row})
            == count * vocab
        ):
            return (Case(f"{count} beams, {vocab} tokens, width {width}", (sums, rows, width)),)


BEAM_STEP = Exercise(
    key="6.2-2",
    title="One step of beam search",
    difficulty=2,
    minutes=15,
    statement=(
        "`sums[b]` is the log-probability of beam b so far, `log_probs[b][t]` that of token t after it. "
        "Every beam may be continued by every token; the log-probability of the longer text is the sum. "
        "Return the `width` best of all continuations of all beams, best first (all, where there are fewer), "
        "each as [beam, token, sum]. No two are equally good here."
    ),
    takeaway="All continuations of all beams compete: a beam may have several heirs, or none.",
    reference=beam_step,
    explanation="Make every continuation, sort them all by their sums, keep the first ones.",
    hints=(
        "How many candidates are there with 3 beams and a vocabulary of 5 tokens?",
        "What is the log-probability of a text of two parts, if you know that of the first and of the "
        "second?",
        "Put all candidates into one list before you sort; cut the list at the end.",
    ),
    cases=(
        Case("one beam, two tokens", ([-0.5], [[-0.25, -1.5]], 2)),
        Case("both heirs of one beam win", ([-0.5, -4.0], [[-1.0, -1.25], [-0.5, -3.0]], 2)),
        Case("the second beam overtakes", ([-1.0, -1.5], [[-3.0, -2.5], [-0.25, -5.0]], 1)),
        Case("fewer candidates than width", ([-2.0], [[-1.0, -0.5, -2.0]], 9)),
        Case("three beams", ([-0.5, -0.75, -2.0], [[-2.0, -1.0], [-0.5, -3.0], [-0.25, -4.0]], 3)),
        Case("a certain token costs nothing", ([0.0, -0.5], [[0.0, -9.0], [-0.125, -2.0]], 2)),
        Case(
            "two equal sums and two equal rows",
            ([-0.5, -0.5, -0.75], [[-1.0, -2.0], [-1.5, -3.0], [-1.0, -2.0]], 4),
        ),
        Case("two long texts", ([-900.0, -900.5], [[-1.5, -0.25], [-0.5, -2.0]], 3)),
    ),
    draw=_draw_beams,
    mistakes=(
        Mistake(
            "each beam for itself",
            "You keep the best continuation of each beam. A good beam may have two heirs, and a bad one "
            "none: let all candidates compete.",
            (_each_for_itself,),
        ),
        Mistake(
            "a place looked up by its value",
            "Where two beams have the same sum, or the same row, one comes out with the number of the other: "
            "`list.index` finds the first of equals. Count with `enumerate`.",
            (
                lambda s, rows, width: _renamed(s, rows, width, s),
                lambda s, rows, width: _renamed(s, rows, width, rows),
            ),
        ),
        Mistake(
            "too unlikely for a number",
            "You sort by probabilities. That of a long text is too small for a number and becomes 0, for all "
            "continuations alike. Logarithms stay apart.",
            (_sorted_by_probability,),
        ),
        Mistake(
            "the last token alone",
            "You rank by the last token. What counts is the whole text: the beam's log-probability and the "
            "token's.",
            (_by(lambda total, value: value),),
        ),
        Mistake(
            "the best beam alone",
            "Only the best beam has heirs in your version, or a better beam comes first whatever follows it. "
            "The sums of all continuations compete: a worse beam may overtake.",
            (
                lambda sums, log_probs, width: [
                    each for each in beam_step(sums, log_probs, 10**6) if sums[each[0]] == max(sums)
                ][:width],
                lambda sums, log_probs, width: sorted(
                    beam_step(sums, log_probs, 10**6), key=lambda each: -sums[each[0]]
                )[:width],
            ),
        ),
        Mistake(
            "the token's own log-probability",
            "The right continuations are chosen, and the third entry is the token's own log-probability. It "
            "is that of the longer text, the sum.",
            (
                lambda sums, log_probs, width: [
                    [beam, token, log_probs[beam][token]]
                    for beam, token, _ in beam_step(sums, log_probs, width)
                ],
            ),
        ),
        Mistake(
            "the beam's own sum",
            "The right continuations are chosen, and the third entry is the sum of the beam before it is "
            "continued. The token's log-probability belongs to it.",
            (
                lambda sums, log_probs, width: [
                    [beam, token, sums[beam]] for beam, token, _ in beam_step(sums, log_probs, width)
                ],
            ),
        ),
        Mistake(
            "tokens counted from one",
            "Your tokens are one too high. They are counted from 0, as the places in `log_probs`.",
            (
                lambda sums, log_probs, width: [
                    [beam, token + 1, total] for beam, token, total in beam_step(sums, log_probs, width)
                ],
            ),
        ),
        Mistake(
            "not sorted",
            "You return the first `width` continuations as they come, not the best. Sort before you cut.",
            (lambda sums, log_probs, width: sorted(beam_step(sums, log_probs, 10**6), key=_place)[:width],),
        ),
        Mistake(
            "probabilities for logarithms",
            "The right continuations are chosen, and the third entry is a probability. The sums stay "
            "logarithms: long texts would be too small for a float.",
            (
                lambda sums, log_probs, width: [
                    [beam, token, math.exp(total)] for beam, token, total in beam_step(sums, log_probs, width)
                ],
            ),
        ),
        Mistake(
            "subtracted",
            "You subtract the token's log-probability from that of its beam. They are added.",
            (_by(lambda total, value: total - value),),
        ),
        Mistake(
            "each token once",
            "A token occurs once in your list, with its best beam. Two beams may go on with the same token: "
            "these are two texts.",
            (_each_token_once,),
        ),
        Mistake(
            "the first beam's tokens for all",
            "All beams are continued with the log-probabilities of the first one. Each beam has a row of its "
            "own.",
            (lambda sums, log_probs, width: beam_step(sums, [log_probs[0]] * len(sums), width),),
        ),
        Mistake(
            "logarithms multiplied",
            "You multiply log-probabilities. Probabilities are multiplied, their logarithms are added.",
            (_by(lambda total, value: total * value),),
        ),
        Mistake(
            "nothing cut off",
            "You return every candidate. After a few steps there would be more than any memory holds: "
            "keep `width`.",
            (lambda sums, log_probs, width: beam_step(sums, log_probs, 10**6),),
        ),
        Mistake(
            "the worst kept",
            "You sort the wrong way round: a log-probability nearer to zero is the better one.",
            (lambda sums, log_probs, width: beam_step(sums, log_probs, 10**6)[::-1][:width],),
        ),
        Mistake(
            "as many as there are beams",
            "You keep as many continuations as there were beams. `width` says how many are kept, and may be "
            "more or fewer.",
            (lambda sums, log_probs, width: beam_step(sums, log_probs, len(sums)),),
        ),
        Mistake(
            "beam and token exchanged",
            "Your two numbers are the wrong way round: first the beam that is continued, then the token.",
            (lambda sums, log_probs, width: [[t, b, s] for b, t, s in beam_step(sums, log_probs, width)],),
        ),
        Mistake(
            "places cut wrongly",
            "You divide a place in the flat list by the number of beams. A row has as many places as the "
            "vocabulary has tokens: divide by that, the rest is the token.",
            (_cut_by_beams,),
        ),
    ),
)


EXERCISES = (BEAM_STEP,)

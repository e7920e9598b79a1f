"""Exercises of sections 1.1.2 and 1.1.3: what was copied, and when a training has converged.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 1-5 ----------------------------------------------------------------------------------


def copied_share(tokens, guesses, period):
    """tokens [n], guesses [n]: the token expected after each place; period -> share copied right []."""
    places = range(period, len(tokens))
    return sum(guesses[place - 1] == tokens[place] for place in places) / len(places)


def _copied(tokens, guesses, period, *, start=None, shift=1, count=None):
    """The share with one thing amiss: where counting begins, which guess is meant, what it is divided by."""
    start = period if start is None else start
    places = [place for place in range(start, len(tokens)) if 0 <= place - shift < len(guesses)]
    hits = sum(guesses[place - shift] == tokens[place] for place in places)
    return hits / (len(places) if count is None else count)


def _whole_times(tokens, guesses, period):
    """The share of the later times in which each token was guessed right."""
    begins = range(period, len(tokens), period)
    hits = [g == t for g, t in zip([None, *guesses], tokens, strict=False)]
    return sum(all(hits[begin : begin + period]) for begin in begins) / len(begins)


def _draw_copies(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    period = generator.randint(3, 5)
    tokens = [generator.randrange(4) for _ in range(period)] * 3
    guesses = [*tokens[1:], 0]
    for place in generator.sample(range(len(guesses)), 5):
        guesses[place] = (guesses[place] + 1) % 4
    return (Case(f"three times a pattern drawn from {seed}", (tokens, guesses, period)),)


COPIED = Exercise(
    key="1-5",
    title="How much was copied?",
    difficulty=2,
    minutes=15,
    statement=(
        "A text says a pattern of `period` tokens again and again. `guesses[t]` is the token that a model "
        "expects after it has read `tokens[t]`, that is at place t + 1. The first time nothing can be "
        "copied. "
        "Return the share of the tokens of all later times that were guessed right, the first token of the "
        "second time included."
    ),
    takeaway="A guess belongs to the next place, and only what was seen before can be copied.",
    reference=copied_share,
    explanation="Each place from `period` on is compared with the guess that was made one place before.",
    hints=(
        "Write the text down and under each token the guess that was made for it. Where was it made?",
        "Which places can be copied at all? The first of them is the first of the second time.",
        "The last guess is made after the last token: nothing is there to compare it with.",
    ),
    cases=(
        Case("all copied", ([1, 2, 3, 1, 2, 3], [9, 9, 1, 2, 3, 9], 3)),
        Case("nothing copied", ([1, 2, 3, 1, 2, 3], [9, 9, 9, 9, 9, 9], 3)),
        Case("not the first of them", ([1, 2, 3, 1, 2, 3], [2, 3, 9, 2, 3, 9], 3)),
        Case("three times", ([1, 2, 1, 2, 1, 2], [2, 9, 2, 1, 9, 1], 2)),
        Case("better the third time", ([1, 2, 3, 1, 2, 3, 1, 2, 3], [9, 9, 9, 2, 9, 1, 2, 3, 9], 3)),
        Case("the same token said again", ([4, 4, 5, 4, 4, 5], [4, 4, 4, 4, 5, 4], 3)),
        Case("a model that repeats what it reads", ([1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 3], 3)),
        Case("the right ones a place too early", ([1, 2, 3, 1, 2, 3], [9, 9, 3, 1, 2, 9], 3)),
        Case("lucky in the first time", ([1, 2, 3, 4, 1, 2, 3, 4], [2, 3, 4, 9, 9, 3, 9, 9], 4)),
    ),
    draw=_draw_copies,
    mistakes=(
        Mistake(
            "the guess of the same place",
            "You compare a token with the guess that was made after reading it. That guess is about the next "
            "place.",
            (
                lambda t, g, p: _copied(t, g, p, shift=0),
                lambda t, g, p: _copied(t[:-1], g, p, start=p - 1, shift=0),
            ),
        ),
        Mistake(
            "the first time counted",
            "You count the first time as well. What the model guesses there it cannot have copied.",
            (
                lambda t, g, p: _copied(t, g, p, start=1),
                lambda t, g, p: _copied(t, g, p, start=1, count=len(t) - p),
            ),
        ),
        Mistake(
            "the seam left out",
            "You begin one place too late: the first token of the second time can be copied too.",
            (
                lambda t, g, p: _copied(t, g, p, start=p + 1),
                lambda t, g, p: _copied(t, g, p, start=p + 1, count=len(t) - p),
            ),
        ),
        Mistake(
            "divided by all",
            "What comes out are the hits divided by the length of the whole text (or by one less), also by "
            "the part where nothing could be copied.",
            (
                lambda t, g, p: _copied(t, g, p, count=len(t)),
                lambda t, g, p: _copied(t, g, p, count=len(t) - 1),
            ),
        ),
        Mistake(
            "divided by one too few",
            "What comes out are the hits divided by one less than the places that can be copied: it would be "
            "more than 1 where all are right. Each place from `period` on has its guess.",
            (lambda t, g, p: _copied(t, g, p, count=len(t) - p - 1),),
        ),
        Mistake(
            "divided by one time",
            "What comes out are the hits of all later times divided by `period`, the length of one of them.",
            (lambda t, g, p: _copied(t, g, p, count=p),),
        ),
        Mistake(
            "a guess for two places on",
            "It comes out as if a guess were compared with the token behind the one that it is about: "
            "`guesses[t]` is about place t + 1.",
            (lambda t, g, p: _copied(t, g, p, shift=2),),
        ),
        Mistake(
            "the wrong way round",
            "It comes out as if a guess were compared with the token before the one that the model had just "
            "read: `guesses[t]` is about place t + 1, not t - 1.",
            (
                lambda t, g, p: _copied(t, g, p, shift=-1),
                lambda t, g, p: _copied(t, g, p, shift=-1, count=len(t) - p),
            ),
        ),
        Mistake(
            "the last token left out",
            "The last token of the text is not among those that you count. The guess for it was made one "
            "place before.",
            (
                lambda t, g, p: _copied(t[:-1], g, p),
                lambda t, g, p: _copied(t[:-1], g, p, count=len(t) - p),
            ),
        ),
        Mistake(
            "whole times alone",
            "What comes out is the share of the later times that were guessed right as a whole. Each of "
            "their tokens counts by itself.",
            (_whole_times,),
        ),
        Mistake(
            "the second time alone",
            "Your share is that of one of the later times alone, the second or the last. All of them count.",
            (
                lambda t, g, p: _copied(t[: 2 * p], g[: 2 * p], p),
                lambda t, g, p: _copied(t, g, p, start=len(t) - p),
            ),
        ),
        Mistake(
            "the last guess counted",
            "It comes out as if the guess after the last token were compared as well, with the first token "
            "of the text. That guess is about a place that the text does not have.",
            (lambda t, g, p: _copied([*t, t[0]], g, p),),
        ),
        Mistake(
            "a number of hits",
            "You return how many were right. Asked is their share of all that could be copied.",
            (lambda t, g, p: _copied(t, g, p, count=1),),
        ),
    ),
)


# 1-6 ----------------------------------------------------------------------------------


def stop_early(losses, patience):
    """losses [n], one an evaluation, patience -> [place of the best, evaluations made before stopping]."""
    best = 0
    for place, loss in enumerate(losses):
        if loss < losses[best]:
            best = place
        if place - best >= patience:
            return [best, place + 1]
    return [best, len(losses)]


def _stop(losses, patience, *, late=0, ties=False, by_last=False, last=False):
    """Early stopping with one thing amiss."""
    best, worse = 0, 0
    for place, loss in enumerate(losses):
        if place and by_last:
            worse = 0 if loss < losses[place - 1] else worse + 1
        if loss < losses[best] or (ties and loss == losses[best]):
            best = place
        waited = worse if by_last else place - best
        if waited >= patience + late:
            return [place if last else best, place + 1]
    return [len(losses) - 1 if last else best, len(losses)]


def _rising(losses, patience):
    """Stops after so many rises in a row from one evaluation to the next."""
    for end in range(patience + 1, len(losses) + 1):
        if all(losses[at] > losses[at - 1] for at in range(end - patience, end)):
            return [losses.index(min(losses[:end])), end]
    return [losses.index(min(losses)), len(losses)]


def _never_anew(losses, patience, best=math.inf):
    """Stops after so many evaluations in all that were no better; only what is below `best` is the best."""
    place, worse = 0, 0
    for number, loss in enumerate(losses):
        if loss < best:
            best, place = loss, number
        else:
            worse += 1
        if worse == patience:
            return [place, number + 1]
    return [place, len(losses)]


def _anew_at_equals(losses, patience):
    """The waiting begins anew at an evaluation that is just as good; the earlier one stays the best."""
    best, worse = 0, 0
    for place, loss in enumerate(losses):
        worse = 0 if loss <= losses[best] else worse + 1
        best = place if loss < losses[best] else best
        if worse == patience:
            return [best, place + 1]
    return [best, len(losses)]


def _first_is_no_better(losses, patience):
    best, worse = 0, 0
    for place, loss in enumerate(losses):
        best, worse = (place, 0) if loss < losses[best] else (best, worse + 1)
        if worse == patience:
            return [best, place + 1]
    return [best, len(losses)]


def _later_of_equals(losses, patience):
    place, made = stop_early(losses, patience)
    return [made - 1 - losses[:made][::-1].index(losses[place]), made]


def _draw_losses(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    losses = [round(3 - 0.3 * min(n, 5) + generator.choice([0, 0.1, 0.2, 0.3]), 1) for n in range(12)]
    losses = [round(loss * 100 ** (seed % 2), 1) for loss in losses]  # a loss may have any size
    return (Case(f"losses {losses}", (losses, generator.choice([2, 3]))),)


STOP = Exercise(
    key="1-6",
    title="When has it converged?",
    difficulty=2,
    minutes=15,
    statement=(
        "A training is evaluated now and then on text that it does not read. It is stopped as soon as "
        "`patience` evaluations in a row were no better than the best one before them. Return a list: the "
        "place of the best evaluation (counted from 0; the earlier one where two are equal), and how many "
        "evaluations were made. If patience never runs out, all were made."
    ),
    takeaway="Both arms of a comparison stop by this rule, so that neither is cut off while it still learns.",
    reference=stop_early,
    explanation="Remember the best place; stop when it lies `patience` evaluations back.",
    hints=(
        "What has to be remembered from one evaluation to the next? One number is enough.",
        "No better than the best: what about an evaluation that is just as good?",
        "The model that is kept is that of the best evaluation, not of the last one.",
    ),
    cases=(
        Case("it rises at the end", ([3.0, 2.0, 1.0, 1.5, 1.6, 1.7], 2)),
        Case("it falls to the end", ([3.0, 2.5, 2.0, 1.5], 2)),
        Case("a bump on the way", ([3.0, 2.0, 2.2, 1.5, 1.6, 1.4, 1.9, 1.8], 2)),
        Case("it falls, but not below the best", ([3.0, 1.0, 2.0, 1.8, 1.6, 1.4, 0.5], 3)),
        Case("equal evaluations", ([2.0, 1.0, 1.0, 1.0, 1.0], 2)),
        Case("the first is the best", ([1.0, 1.2, 1.3, 1.4, 0.9], 3)),
        Case("patience of one", ([2.0, 1.9, 1.95, 1.0], 1)),
        Case("it ends before patience does", ([3.0, 2.0, 2.4, 2.2], 3)),
        Case("the first two are equal", ([1.5, 1.5, 1.6, 1.2, 1.1, 1.0], 2)),
    ),
    draw=_draw_losses,
    mistakes=(
        Mistake(
            "the last for the best",
            "Your first number is the place of the last evaluation that was made. After a stop the best one "
            "lies `patience` before it.",
            (lambda v, p: _stop(v, p, last=True),),
        ),
        Mistake(
            "one too patient",
            "You wait for one evaluation more than patience allows before you stop.",
            (lambda v, p: _stop(v, p, late=1),),
        ),
        Mistake(
            "one too impatient",
            "Yours stops when one evaluation fewer than `patience` was no better.",
            (
                lambda v, p: _stop(v, p, late=-1),
                lambda v, p: _stop(v, max(p, 2), late=-1),
            ),
        ),
        Mistake(
            "the first is no better",
            "It comes out as if the first evaluation were itself one of those that are no better than the "
            "best. The waiting begins behind it.",
            (_first_is_no_better,),
        ),
        Mistake(
            "as good is better",
            "You take an evaluation that is just as good for a better one, and the waiting begins anew.",
            (lambda v, p: _stop(v, p, ties=True),),
        ),
        Mistake(
            "waiting anew at equals",
            "Where an evaluation is just as good as the best, the waiting begins anew in yours. It is no "
            "better, so it is one of those that are waited for.",
            (_anew_at_equals,),
        ),
        Mistake(
            "the later of equals",
            "You stop where you should, but of two evaluations that are equally good you give the later one.",
            (_later_of_equals,),
        ),
        Mistake(
            "the best of all",
            "You stop where you should, but your first number is the place of the best of all losses, those "
            "included that were never made.",
            (lambda v, p: [v.index(min(v)), stop_early(v, p)[1]],),
        ),
        Mistake(
            "waiting never begun anew",
            "It comes out as if a better evaluation did not begin the waiting anew. `patience` counts those "
            "in a row that were no better.",
            (_never_anew,),
        ),
        Mistake(
            "compared with the one before",
            "You compare each evaluation with the one before it. It must be better than the best so far.",
            (
                lambda v, p: _stop(v, p, by_last=True),
                lambda v, p: _rising(v, p),
            ),
        ),
        Mistake(
            "never stopped",
            "You look at all evaluations and pick the best. Those after the stop were never made.",
            (lambda v, p: [v.index(min(v)), len(v)],),
        ),
        Mistake(
            "places for a count",
            "Where you stop, your second number is one too few: the place of the last evaluation, counted "
            "from 0. How many were made is one more.",
            (
                lambda v, p: [stop_early(v, p)[0], stop_early(v, p)[1] - 1],
                lambda v, p: [stop_early(v, p)[0], min(stop_early(v, p)[0] + p, len(v))],
            ),
        ),
        Mistake(
            "the loss for its place",
            "Your first number is the loss of the best evaluation. Asked is for its place.",
            (lambda v, p: [v[stop_early(v, p)[0]], stop_early(v, p)[1]],),
        ),
        Mistake(
            "nothing is better",
            "It comes out as if no evaluation were better than the best before it. What stands for the best "
            "before the first one was made?",
            (lambda v, p: _never_anew(v, p, best=0), lambda v, p: [0, min(p + 1, len(v))]),
        ),
        Mistake(
            "higher is better",
            "It comes out as if a higher loss were better. A model that predicts well has a low loss.",
            (lambda v, p: stop_early([-loss for loss in v], p),),
        ),
        Mistake(
            "counted from one",
            "Your first number is one too many, as if places were counted from 1. The first evaluation "
            "stands at place 0.",
            (lambda v, p: [stop_early(v, p)[0] + 1, stop_early(v, p)[1]],),
        ),
    ),
)

EXERCISES = (COPIED, STOP)

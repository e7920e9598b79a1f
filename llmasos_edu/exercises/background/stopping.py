"""An exercise of section 1.1.3: when a training has converged.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _equals_skipped(losses, patience):
    best, worse = 0, 0
    for place, loss in enumerate(losses):
        best, worse = (place, 0) if loss < losses[best] else (best, worse + (loss > losses[best]))
        if worse == patience:
            return [best, place + 1]
    return [best, len(losses)]


def _waiting(losses, patience, *, best=math.inf, margin=0.0):
    """Early stopping where an evaluation must beat `best` at the start, and by a margin."""
    place, worse = 0, 0
    for number, loss in enumerate(losses):
        best, place, worse = (loss, number, 0) if loss < best - margin else (best, place, worse + 1)
        if worse == patience:
            return [place, number + 1]
    return [place, len(losses)]


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
        Case("as good as the best, between two that are worse", ([2.0, 1.0, 1.2, 1.0, 1.3, 1.1], 2)),
        Case("the first two are equal", ([1.5, 1.5, 1.6, 1.2, 1.1, 1.0], 2)),
        Case("better by a hair", ([2.0, 1.0, 0.999999, 1.5, 1.6, 1.7], 2)),
        Case("losses of billions", ([4e9, 3e9, 3.5e9, 3.2e9], 2)),
        Case("a single evaluation", ([2.5], 2)),
    ),
    draw=_draw_losses,
    mistakes=(
        Mistake(
            "better by a margin",
            "It comes out as if an evaluation were better only when it lies below the best one by some "
            "margin. However little lower it is, it is better.",
            (lambda v, p: _waiting(v, p, margin=1e-4),),
        ),
        Mistake(
            "a fixed number to beat",
            "It comes out as if the first evaluation had to beat a fixed number, which these losses do "
            "not. A loss may have any size: begin with the first one, or with infinity.",
            (lambda v, p: _waiting(v, p, best=1e3),),
        ),
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
        Mistake(
            "equals not counted",
            "Where an evaluation is just as good as the best, yours does not count it among those that were "
            "no better. It is one of them.",
            (_equals_skipped,),
        ),
        Mistake(
            "patience behind the best of all",
            "It comes out as if the best of all losses were looked for, and patience ran from there. It may "
            "have run out before that one was ever made.",
            (lambda v, p: [v.index(min(v)), min(v.index(min(v)) + p + 1, len(v))],),
        ),
    ),
)

EXERCISES = (STOP,)

"""Exercises of chapter 5, the part on training: when to stop.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.project.stopping_slips import (
    falls_alone,
    nan_is_not_worse,
    nan_passed_over,
    stopped,
    zero_taken_for_none,
)

# 5-3 --------------------------------------------------------------------------------


def stop_early(losses, patience):
    """losses [evaluations] in their order, patience >= 1 -> the last evaluation made, the best: two ints."""
    best, best_loss = 0, math.inf
    for now, loss in enumerate(losses):
        if loss < best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def _without_nan(losses, *, repeat=False):
    """Each NaN made infinite, or the loss before it (infinite at the start)."""
    known = []
    for loss in losses:
        known.append((known[-1] if repeat and known else math.inf) if math.isnan(loss) else loss)
    return known


def _best_of_all(losses, patience):
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    return stop_early(losses, patience)[0], known.index(min(known))


def _nan_ends(losses, patience):
    last, best = stop_early(losses, patience)
    first = next((now for now, loss in enumerate(losses) if now and math.isnan(loss)), last)
    return (first, stop_early(losses[: first + 1], patience)[1]) if first < last else (last, best)


def _first_nan_counted(losses, patience, *, nothing=0):
    best, best_loss, waited = nothing, math.inf, 0
    for now, loss in enumerate(losses):
        waited = 0 if loss < best_loss else waited + 1
        if loss < best_loss:
            best, best_loss = now, loss
        if waited >= patience:
            return now, best
    return len(losses) - 1, best


def _from(most, losses, patience):
    """The lowest loss begins with a number."""
    return stop_early([math.inf if loss >= most else loss for loss in losses], patience)


def _by_margin(margin, losses, patience):
    best, best_loss = 0, math.inf
    for now, loss in enumerate(losses):
        if loss < best_loss - margin:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def _equal_is_better(losses, patience):
    best, best_loss = 0, math.inf
    for now, loss in enumerate(losses):
        if loss <= best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def _best_loss(losses, patience):
    best = losses[stop_early(losses, patience)[1]]
    return math.inf if math.isnan(best) else best


def _starts_with_the_first(losses, patience):
    best, best_loss = 0, losses[0]
    for now, loss in enumerate(losses):
        if loss < best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def _behind_the_end(rule, losses, patience):
    last, best = rule(losses, patience)
    return (last, best) if last - best >= patience else (len(losses), best)


def _best_for_last(losses, patience):
    last, best = stop_early(losses, patience)
    return (best, best) if last - best >= patience else (last, best)


def _best_forgotten(losses, patience):
    """A NaN sets the lowest loss back to infinity."""
    best, best_loss, waited = 0, math.inf, 0
    for now, loss in enumerate(losses):
        best_loss = math.inf if math.isnan(loss) else best_loss
        waited = 0 if loss < best_loss else waited + (now > 0)
        if loss < best_loss:
            best, best_loss = now, loss
        if waited >= patience:
            return now, best
    return len(losses) - 1, best


NAN = float("nan")
STOP = Exercise(
    key="5-3",
    title="When to stop",
    difficulty=1,
    minutes=10,
    statement=(
        "After every so many steps a model is evaluated on held-out text. Training stops early once "
        "patience evaluations in a row have not been better than the best one before them. Equal is not "
        "better, and neither is NaN. The first evaluation is the best until a better one comes, also where "
        "it is NaN: then any number is better (no loss here is infinite). Return two indices, counted from "
        "0: the last evaluation that is made, and the best evaluation up to then, whose weights are kept. "
        "Without an early stop the last one is the end of the list."
    ),
    takeaway="A single bad evaluation no longer ends a run, and the weights that are kept are the best seen.",
    reference=stop_early,
    explanation="Remember the best and where it was; stop when it lies patience evaluations back.",
    hints=(
        "Do 3.0, 2.5, 2.6, 2.4, 2.7, 2.8 with patience 2 on paper. With what is the 2.6 compared, and with "
        "what the 2.8?",
        "Two things have to be remembered while you walk through the list: the lowest loss so far, and at "
        "which evaluation it was. How long has it been the lowest?",
        "Python says False to every comparison with NaN. With which number must the lowest loss begin, so "
        "that a NaN at the very start is no record?",
    ),
    cases=(
        Case("a curve that turns", ([3.0, 2.5, 2.2, 2.3, 2.4, 2.6, 2.7, 2.1, 2.0], 3)),
        Case("bad evaluations between good ones", ([3.0, 2.5, 2.6, 2.4, 2.7, 2.3, 2.8, 2.9, 2.2], 2)),
        Case("a curve that falls to the end", ([2.0, 1.9, 1.8, 1.7], 2)),
        Case("falls again, but never to a new best", ([2.0, 1.5, 1.9, 1.8, 1.7, 1.6, 1.4], 4)),
        Case("slowly back from a bump, and past the best", ([1.5, 2.4, 2.2, 2.0, 1.8, 1.6, 1.4, 1.3], 3)),
        Case("two bumps", ([2.0, 1.6, 1.9, 1.7, 1.8, 1.7, 1.5, 1.6], 2)),
        Case("the same loss again and again", ([2.0, 1.8, 1.8, 1.8, 1.8, 1.7], 3)),
        Case("NaN first", ([NAN, 2.5, 2.4, 2.6, 2.5, 2.3], 2)),
        Case("a run that ends in NaN", ([2.0, 1.6, NAN, NAN, 1.7, 1.5], 3)),
        Case("NaN between numbers", ([1.5, 1.6, NAN, 1.7, 1.8, 1.9], 3)),
        Case("NaN as patience runs out", ([2.0, 1.6, NAN, NAN, NAN, 1.5], 3)),
        Case("nothing but NaN", ([NAN, NAN, NAN, NAN], 2)),
        Case("patience 1", ([1.5, 1.4, 1.45, 1.3], 1)),
        Case("a curve that hardly falls", ([1.0, 0.9999995, 0.999999, 0.9999985, 0.999998], 2)),
        Case("enormous losses", ([4e30, 3e30, 3.5e30, 3.6e30, 2e30], 2)),
        Case("patience that is never used up", ([1.5, 1.3, 1.4, 1.6, 1.35], 5)),
        Case("a loss of zero", ([0.5, 0.0, 0.3, 0.2, 0.1], 2)),
        Case("a single evaluation", ([1.5], 2)),
    ),
    mistakes=(
        Mistake(
            "compared with the previous one",
            "You compare each evaluation with the one before it. A curve that comes down slowly from a bump "
            "then looks like progress, though it never reaches its best again.",
            (
                lambda *a: stopped(*a, against_previous=True),
                falls_alone,
                lambda losses, patience: stopped(_without_nan(losses), patience, against_previous=True),
                lambda losses, patience: stopped(
                    _without_nan(losses, repeat=True), patience, against_previous=True
                ),
            ),
        ),
        Mistake(
            "stops at the first rise",
            "The first evaluation that is not better ends your training, whatever patience is. Losses "
            "jitter: count how many there are in a row.",
            (lambda losses, patience: stopped(losses, 1), lambda losses, patience: stop_early(losses, 1)),
        ),
        Mistake(
            "too late",
            "You stop only when one more evaluation than patience says has not been better. With patience "
            "1 the first that is not better is the last that is made.",
            (
                lambda *a: stopped(*a, extra=1),
                lambda losses, patience: stop_early(losses, patience + 1),
                lambda losses, patience: _starts_with_the_first(losses, patience + 1),
            ),
        ),
        Mistake(
            "too early",
            "You stop when the evaluations that were not better are one short of patience. With patience 1 "
            "the first that is not better is the last that is made.",
            (
                lambda *a: stopped(*a, extra=-1),
                lambda losses, patience: stop_early(losses, patience - 1),
            ),
        ),
        Mistake(
            "exchanged",
            "Your two numbers stand in each other's place: first the last evaluation that is made, then the "
            "best one.",
            (
                lambda *a: stop_early(*a)[::-1],
                lambda *a: _first_nan_counted(*a)[::-1],
                lambda *a: _starts_with_the_first(*a)[::-1],
            ),
        ),
        Mistake(
            "counter never set back",
            "You count all bad evaluations since the start. After a new best the count begins again: they "
            "must come in a row.",
            tuple(lambda *a, first=n: stopped(*a, resets=False, first=first) for n in (True, False)),
        ),
        Mistake(
            "equal counts as better",
            "A loss that only repeats the best keeps your training alive. Equal is not better.",
            (
                lambda *a: stopped(*a, ties=True),
                _equal_is_better,
                lambda *a: (stop_early(*a)[0], _equal_is_better(*a)[1]),
            ),
        ),
        Mistake(
            "a look into the future",
            "Your best evaluation comes after the stop: it was never made. Only what has been seen by then "
            "can be kept.",
            (_best_of_all,),
        ),
        Mistake(
            "weights of the last evaluation",
            "You keep the evaluation at which you stop. Where training stopped early it is not better than "
            "the best one, or it would have gone on.",
            (lambda losses, patience: (stop_early(losses, patience)[0],) * 2,),
        ),
        Mistake(
            "NaN taken for a record",
            "A NaN becomes your best loss, and after it no comparison says what you mean. Every comparison "
            "with NaN is False; see which way round yours must be.",
            (nan_is_not_worse,),
        ),
        Mistake(
            "NaN not counted",
            "An evaluation that is NaN is passed over in your version: it does not count among those in a "
            "row. It has been made, and it was not better.",
            (
                nan_passed_over,
                lambda losses, patience: nan_passed_over(losses, patience, by_place=True),
            ),
        ),
        Mistake(
            "NaN sets the count back",
            "After a NaN the count of evaluations in a row begins again in your version. NaN is not better, "
            "so that it is one more of those that were not.",
            (lambda *a: nan_passed_over(*a, back=True),),
        ),
        Mistake(
            "NaN ends the training",
            "You stop at the first NaN. It counts as one evaluation that was not better, no more: patience "
            "decides.",
            (_nan_ends,),
        ),
        Mistake(
            "NaN taken for a number",
            "It comes out as if a NaN were 0 (or a loss below all others), or were taken out of the list, so "
            "that the places after it move. It keeps its place, and is never better.",
            (
                lambda losses, patience: stop_early([0 if x != x else x for x in losses], patience),
                lambda losses, patience: stop_early([x for x in losses if x == x], patience),
            ),
        ),
        Mistake(
            "the first NaN counted",
            "The first evaluation counts as not better where it is NaN. It is the best until a number comes: "
            "what is counted in a row begins behind it.",
            (_first_nan_counted, lambda *a: _first_nan_counted(*a, nothing=-1)),
        ),
        Mistake(
            "a lowest loss to begin with",
            "Your lowest loss begins with a fixed number, and a loss above that is never a record. The first "
            "evaluation is the best until a better one comes, however large it is.",
            (lambda *a: _from(1e6, *a),),
        ),
        Mistake(
            "a loss of zero taken for none",
            "After a loss of 0 a worse one counts as a record: Python takes 0 for False, so a lowest loss of "
            "0 looks like none yet. Ask `is None`.",
            (zero_taken_for_none,),
        ),
        Mistake(
            "better by a margin",
            "An evaluation must be better by some margin in your version. Here every bit is better: only "
            "equal and worse are not.",
            (lambda *a: _by_margin(1e-3, *a),),
        ),
        Mistake(
            "the loss, not its place",
            "You return the lowest loss itself. Asked for is at which evaluation it was, counted from 0: "
            "whose weights are kept?",
            (
                lambda losses, patience: (stop_early(losses, patience)[0], _best_loss(losses, patience)),
                lambda *a: (_first_nan_counted(*a)[0], _best_loss(*a)),
            ),
        ),
        Mistake(
            "a NaN at the start is never beaten",
            "Where the first evaluation is NaN, none after it is better for you: every comparison with NaN "
            "is False. It is the best until a number comes: with what do you compare until then?",
            (_starts_with_the_first,),
        ),
        Mistake(
            "the end counted as one more",
            "Where training does not stop early, your last evaluation is one behind the end of the list: "
            "counted from 0, the last of n is n - 1.",
            (
                lambda *a: _behind_the_end(stop_early, *a),
                lambda *a: _behind_the_end(_first_nan_counted, *a),
            ),
        ),
        Mistake(
            "the best for the last",
            "Where training stops early, your first number is where the best evaluation was. The last one "
            "that is made comes patience evaluations later.",
            (_best_for_last,),
        ),
        Mistake(
            "the highest for the best",
            "It comes out as if a higher loss were the better one. A loss is to be made small.",
            (lambda losses, patience: stop_early([-loss for loss in losses], patience),),
        ),
        Mistake(
            "any number better after a NaN",
            "After a NaN it comes out as if any number were better, as it is after a NaN at the start. "
            "What was best before it stays the best to be beaten.",
            (_best_forgotten,),
        ),
        Mistake(
            "never stops",
            "You run to the end of the list every time. When do you leave the loop?",
            (
                lambda losses, patience: stopped(losses, len(losses) + 1),
                lambda losses, patience: (len(losses) - 1, stop_early(losses, patience)[1]),
            ),
        ),
        Mistake(
            "counted from one",
            "Both numbers are one too high: evaluations are counted from 0 here.",
            (lambda *a: tuple(number + 1 for number in stop_early(*a)),),
        ),
    ),
    parts=("last evaluation", "best evaluation"),
)


EXERCISES = (STOP,)

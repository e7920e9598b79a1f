"""Slips in stopping early that stand on their own, each the whole loop with one thing wrong."""

import math


def stopped(losses, patience, *, extra=0, resets=True, ties=False, against_previous=False, first=True):
    best, best_loss, previous, waited = 0, math.inf, math.inf, 0
    for now, loss in enumerate(losses):
        better = loss < (previous if against_previous else best_loss)
        if better or (ties and loss == best_loss):
            waited = 0 if resets else waited
        else:
            waited += first or now > 0
        if loss < best_loss or (ties and loss == best_loss):
            best, best_loss = now, loss
        previous = loss
        if waited >= patience + extra:
            return now, best
    return len(losses) - 1, best


def falls_alone(losses, patience):
    best, waited = 0, 0
    for now in range(1, len(losses)):
        waited = 0 if losses[now] < losses[now - 1] else waited + 1
        best = now if losses[now] < losses[best] else best
        if waited >= patience:
            return now, best
    return len(losses) - 1, best


def nan_is_not_worse(losses, patience):
    best, best_loss = 0, math.inf
    for now, loss in enumerate(losses):
        if not loss >= best_loss:
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best


def nan_passed_over(losses, patience, *, by_place=False, back=False):
    """NaN is skipped; those that were not better are counted, or measured by their place in the list."""
    best, best_loss, waited = 0, math.inf, 0
    for now, loss in enumerate(losses):
        if math.isnan(loss):
            waited = 0 if back else waited
            continue
        waited = 0 if loss < best_loss else waited + 1
        if loss < best_loss:
            best, best_loss = now, loss
        if (now - best if by_place else waited) >= patience:
            return now, best
    return len(losses) - 1, best


def zero_taken_for_none(losses, patience):
    best, best_loss = 0, None
    for now, loss in enumerate(losses):
        if (not best_loss or loss < best_loss) and not math.isnan(loss):
            best, best_loss = now, loss
        if now - best >= patience:
            return now, best
    return len(losses) - 1, best

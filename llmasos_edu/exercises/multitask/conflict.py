"""Exercises of chapter 3.4, the part on conflicts: cosines of the tasks' gradients.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.4-7 ----------------------------------------------------------------------------------


def shared_cosines(gradients, shared):
    """gradients [tasks, n], shared [n] bool -> cosine of each pair of tasks [tasks, tasks]."""
    body = gradients[:, shared]
    lengths = body.norm(dim=1)
    products = lengths[:, None] * lengths
    return torch.where(products > 0, body @ body.T / products, 0.0)


def _cosines(rows):
    unit = F.normalize(rows, dim=1, eps=1e-30)
    return unit @ unit.T


def _body(change):
    """A change of the gradients of the shared parameters."""
    return lambda gradients, shared: change(gradients[:, shared])


def _undefined(body):
    unit = body / body.norm(dim=1, keepdim=True)
    return unit @ unit.T


def _added(lengths, eps):
    return (lengths + eps) * (lengths + eps).mT


def _added_to_the_product(lengths, eps):
    return lengths * lengths.mT + eps


def _product_held(lengths, eps):
    return (lengths * lengths.mT).clamp(min=eps)


def _held_above(divisor, eps):
    """Cosines with something against 0 / 0 in the divisor, or in each length."""

    def cosines(body):
        lengths = body.norm(dim=1, keepdim=True)
        if divisor is torch.clamp:
            lengths = lengths.clamp(min=eps)
            return body @ body.T / (lengths * lengths.mT)
        return body @ body.T / divisor(lengths, eps)

    return cosines


def _lengths_of_all(gradients, shared):
    body, lengths = gradients[:, shared], gradients.norm(dim=1)
    products = lengths[:, None] * lengths
    return torch.where(products > 0, body @ body.T / products, 0.0)


def _one_length(body):
    return F.normalize(body, dim=1, eps=1e-30) @ body.T


def _squared_lengths(body):
    squares = body.square().sum(1)
    products = squares[:, None] * squares
    return torch.where(products > 0, body @ body.T / products, 0.0)


def _by_length(body, lengths):
    products = lengths[:, None] * lengths
    return torch.where(products > 0, body @ body.T / products, 0.0)


def _per_column(body):
    unit = F.normalize(body, dim=0, eps=1e-30)
    return unit @ unit.T


def _whole_diagonal(body):
    return _cosines(body).fill_diagonal_(1.0)


def _pearson(body):
    return _cosines(body - body.mean(1, keepdim=True))


def _silent_by_the_sum(body):
    heard = body.sum(1) != 0
    return _cosines(body) * heard * heard[:, None]


def _model(name, seed, tasks, body, head, silent=(), scale=1.0):
    """Gradients of a shared body and of heads that belong to one task each, as hard sharing gives them."""
    generator = torch.Generator().manual_seed(seed)
    n = body + tasks * head
    gradients = torch.zeros(tasks, n)
    gradients[:, :body] = torch.randn(tasks, body, generator=generator) + 0.4
    for task in range(tasks):
        own = slice(body + task * head, body + (task + 1) * head)
        gradients[task, own] = 2 * torch.randn(head, generator=generator)
    for task in silent:
        gradients[task, :body] = 0.0
    order = torch.randperm(n, generator=generator)
    return Case(name, (scale * gradients[:, order], (torch.arange(n) < body)[order]))


COSINES = Exercise(
    key="3.4-7",
    title="Which tasks agree, and which are in conflict",
    difficulty=2,
    minutes=15,
    statement=(
        "Row i of gradients is the gradient of task i's loss for all parameters of a model: those of the "
        "shared body, where shared is true, and those of all the heads, where a task's gradient is 0 unless "
        "the head is its own. Whether two tasks agree is decided in the body alone. Return the cosine of "
        "each pair of gradients there. A task whose gradient is all zeros in the body has cosine 0 with "
        "everything, itself included. No NaN."
    ),
    takeaway="Below 0, a step for one task is a step against the other, at least a small one from here.",
    reference=shared_cosines,
    explanation="The shared columns, their dot products divided by both lengths, and 0 where there is none.",
    hints=(
        "What is the dot product of two heads' gradients? What do these heads do to the lengths?",
        "A cosine divides the dot product by both lengths, each the root of a sum of squares along one row.",
        "Where a length is 0, the dot product is 0 too, and 0 / 0 is NaN. Decide for these pairs before or "
        "after the division.",
    ),
    any_order=False,
    cases=(
        _model("2 tasks", 9701, 2, 5, 2),
        _model("4 tasks with large heads", 9702, 4, 8, 12),
        _model("a task that does not reach the body", 9703, 3, 6, 3, silent=(1,)),
        _model("no heads", 9704, 3, 7, 0),
        _model("tiny gradients", 9705, 3, 10, 4, scale=1e-4),
        _model("huge gradients", 9706, 3, 10, 4, scale=1e4),
        Case(
            "opposite, square and alike",
            (
                torch.tensor([[1.0, 0, 3], [-2, 0, 1], [0, 5, -2], [4, 0, 0]]),
                torch.tensor([True, True, False]),
            ),
        ),
        Case(
            "entries that add up to 0",
            (torch.tensor([[2.0, -2.0, 1.0], [1.0, 0.5, 0.0]]), torch.tensor([True, True, False])),
        ),
        Case("one task", (torch.tensor([[0.5, 3.0, -1.0]]), torch.tensor([True, False, True]))),
    ),
    mistakes=(
        Mistake(
            "heads too",
            "You take the heads into the cosine. They add to the lengths and never to the dot product of two "
            "tasks, so every cosine is drawn towards 0 and conflicts look harmless.",
            (lambda gradients, shared: _cosines(gradients), _lengths_of_all),
        ),
        Mistake(
            "the first columns",
            "What comes out is as if the shared parameters were the first ones of the row, as many as there "
            "are. Which they are, `shared` says: index with it.",
            (lambda gradients, shared: _cosines(gradients[:, : int(shared.sum())]),),
        ),
        Mistake(
            "heads only",
            "Your mask is the wrong way round: you compare the heads and leave out the body.",
            (lambda gradients, shared: _cosines(gradients[:, ~shared]),),
        ),
        Mistake(
            "zero by zero",
            "A task that does not reach the body has a gradient of length 0 there, and you divide by it: "
            "NaN. Its cosines are 0.",
            (_body(_undefined),),
        ),
        Mistake(
            "too much against zero",
            "Something is added to the lengths, or they are held above a number, against 0 / 0, and that is "
            "not small beside a small gradient: its cosines come out too near to 0. Ask for the length 0.",
            (
                *(_body(_held_above(_added, eps)) for eps in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)),
                *(_body(_held_above(torch.clamp, eps)) for eps in (1e-1, 1e-3)),
                *(_body(_held_above(_added_to_the_product, eps)) for eps in (1e-2, 1e-6, 1e-8, 1e-9)),
                _body(_held_above(_product_held, 1e-4)),
            ),
        ),
        Mistake(
            "not divided by the lengths",
            "Your numbers are dot products: a task with large gradients seems to agree or to fight more than "
            "others. Divide by both lengths.",
            (_body(lambda body: body @ body.T),),
        ),
        Mistake(
            "divided by one length",
            "You divide by one of the two lengths only: your table is not its own mirror image.",
            (_body(_one_length), _body(lambda body: _one_length(body).T)),
        ),
        Mistake(
            "one number below all",
            "What comes out is as if all dot products were divided by one number, the same for all pairs. "
            "Each pair is divided by the lengths of its own two rows.",
            (
                _body(lambda body: body @ body.T / body.shape[1]),
                _body(lambda body: body @ body.T / body.square().sum()),
                _body(lambda body: body @ body.T / body.square().sum(1).max()),
            ),
        ),
        Mistake(
            "moved between 0 and 1",
            "What comes out is half of 1 plus the cosine. Asked for is the cosine itself, below 0 where two "
            "two tasks are in conflict.",
            (_body(lambda body: (1 + _cosines(body)) / 2),),
        ),
        Mistake(
            "squared lengths",
            "You divide by the squared lengths. A vector's cosine with itself must be 1.",
            (_body(_squared_lengths),),
        ),
        Mistake(
            "another length",
            "What comes out is as if a length were the sum, or the largest, of the sizes of the entries. A "
            "cosine divides by the root of the sum of squares.",
            (
                _body(lambda body: _by_length(body, body.abs().sum(1))),
                _body(lambda body: _by_length(body, body.abs().amax(1))),
            ),
        ),
        Mistake(
            "signs alone",
            "What comes out are signs: 1, 0 or -1. Asked for are the cosines themselves.",
            (_body(lambda body: (body @ body.T).sign()),),
        ),
        Mistake(
            "columns normalised",
            "You normalise each parameter across the tasks. The length is that of a whole gradient: along "
            "the row.",
            (_body(_per_column),),
        ),
        Mistake(
            "sign lost",
            "You drop the sign, and with it what you are looking for: conflicts are the negative ones.",
            (_body(lambda body: _cosines(body).abs()),),
        ),
        Mistake(
            "a silent task agrees with itself",
            "Your whole diagonal is 1. A task whose gradient is zero has no direction: 0 is asked for there.",
            (_body(_whole_diagonal),),
        ),
        Mistake(
            "silence told by the sum",
            "What comes out is as if a gradient whose entries add up to 0 had the length 0. It has that only "
            "where each of its entries is 0.",
            (_body(_silent_by_the_sum),),
        ),
        Mistake(
            "mean subtracted",
            "You subtract the mean of each gradient first: that is a correlation. The direction of a step is "
            "counted from zero.",
            (_body(_pearson),),
        ),
        Mistake(
            "distances",
            "Your table holds 1 minus the cosine, a distance. Asked for is the cosine itself.",
            (_body(lambda body: 1 - _cosines(body)),),
        ),
        Mistake(
            "angles",
            "Your table holds angles, which are never below 0. Asked for is the cosine itself: below 0 where "
            "two tasks are in conflict.",
            (_body(lambda body: _cosines(body).clamp(-1, 1).acos()),),
        ),
    ),
)

EXERCISES = (COSINES,)

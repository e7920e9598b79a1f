"""Exercises of chapter 3.4, the part on conflicts: cosines of the tasks' gradients, and gradient surgery.

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


def _per_column(body):
    unit = F.normalize(body, dim=0, eps=1e-30)
    return unit @ unit.T


def _whole_diagonal(body):
    return _cosines(body).fill_diagonal_(1.0)


def _pearson(body):
    return _cosines(body - body.mean(1, keepdim=True))


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
    ),
    mistakes=(
        Mistake(
            "heads too",
            "You take the heads into the cosine. They add to the lengths and never to the dot product of two "
            "tasks, so every cosine is drawn towards 0 and conflicts look harmless.",
            (lambda gradients, shared: _cosines(gradients), _lengths_of_all),
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
            "squared lengths",
            "You divide by the squared lengths. A vector's cosine with itself must be 1.",
            (_body(_squared_lengths),),
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
            "You set the whole diagonal to 1. A task whose gradient is zero has no direction: 0 is asked for "
            "there.",
            (_body(_whole_diagonal),),
        ),
        Mistake(
            "mean subtracted",
            "You subtract the mean of each gradient first: that is a correlation. The direction of a step is "
            "counted from zero.",
            (_body(_pearson),),
        ),
        Mistake(
            "distances",
            "Your table holds distances (1 minus the cosine, or the angle). Asked for is the cosine itself.",
            (
                _body(lambda body: 1 - _cosines(body)),
                _body(lambda body: _cosines(body).clamp(-1, 1).acos()),
            ),
        ),
    ),
)


# 3.4-8 ----------------------------------------------------------------------------------


def gradient_surgery(gradients):
    """gradients [tasks, n], one row for each task -> gradients after surgery [tasks, n]."""
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            dot = operated[i] @ gradients[j]
            if j != i and dot < 0:
                operated[i] -= dot / gradients[j].square().sum() * gradients[j]
    return operated


def _surgery(
    acts=lambda dot: dot < 0,
    others=lambda i, j: j != i,
    cut=lambda g, other, dot: g - dot / (other @ other) * other,
    against=lambda original, operated: original,
    start=lambda g, original: g,
):
    """Surgery by other rules.

    `acts` decides by the dot product, `others` which pairs are looked at, `cut` what is left, `against`
    whose rows are cut against, `start` from which gradient the dot product is taken.
    """

    def answer(gradients):
        operated = gradients.clone()
        for i in range(len(gradients)):
            for j in range(len(gradients)):
                other = against(gradients, operated)[j].clone()
                dot = start(operated[i], gradients[i]) @ other
                if others(i, j) and acts(dot):
                    operated[i] = cut(operated[i], other, dot)
        return operated

    return answer


def _cut_by_itself(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            dot = operated[i] @ gradients[j]
            if j != i and dot < 0:
                operated[i] = operated[i] - dot / gradients[i].square().sum() * gradients[i]
    return operated


def _first_conflict_only(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        dots = gradients @ gradients[i]
        conflicts = (dots < 0).nonzero()[:, 0].tolist()
        if conflicts:
            other = gradients[conflicts[0]]
            operated[i] -= dots[conflicts[0]] / other.square().sum() * other
    return operated


def _from_the_last(gradients):
    return gradient_surgery(gradients.flip(0)).flip(0)


def _on_the_mean(gradients):
    mean = gradients.mean(0)
    dots = gradients @ mean
    cut = gradients - (dots / mean.square().sum())[:, None] * mean
    return torch.where(dots[:, None] < 0, cut, gradients)


def _summed(change=torch.sum):
    return lambda gradients: change(gradient_surgery(gradients), 0)


def _rows(name, seed, tasks, n, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.rand(tasks, 1, generator=generator) * 3 + 0.3
    return Case(name, (scale * lengths * torch.randn(tasks, n, generator=generator),))


SURGERY = Exercise(
    key="3.4-8",
    title="Gradient surgery",
    difficulty=3,
    minutes=25,
    statement=(
        "PCGrad (Yu et al. 2020, algorithm 1) takes out of each task's gradient what works against the "
        "others. For task i begin with g = gradients[i]. For every other task j, in order: if the dot "
        "product of g and gradients[j] is negative, take from g its projection onto gradients[j], so that "
        "the two are at a right angle. g goes on changed to the next j, but gradients[j] is always the "
        "original one. Return all the changed gradients. (The paper draws the order of the others; here it "
        "is 0, 1, 2, ...)"
    ),
    takeaway="After surgery no task's share of the step opposes the last task that it was compared with.",
    reference=gradient_surgery,
    explanation="The projection of g on v is (g . v) / (v . v) times v; it goes where g . v is below 0.",
    hints=(
        "Draw two arrows at an angle of more than 90 degrees. Which part of the first points against the "
        "second, and what is left of the first without it?",
        "The projection of g onto v has the direction of v. Its length follows from the condition that what "
        "is left has dot product 0 with v: solve (g - a v) . v = 0 for a.",
        "Keep two tables: the original gradients, which are only read, and the copies, which change. The dot "
        "product is taken between one row of each.",
    ),
    cases=(
        Case("two in conflict in the plane", (torch.tensor([[1.0, 0.0], [-1.0, 1.0]]),)),
        Case("two that agree", (torch.tensor([[2.0, 1.0], [1.0, 3.0]]),)),
        _rows("three in the plane", 9801, 3, 2),
        _rows("four tasks", 9802, 4, 3),
        _rows("six tasks of 5 parameters", 9803, 6, 5),
        _rows("small gradients", 9804, 3, 4, scale=0.05),
        Case("one of them zero", (torch.tensor([[1.0, -2.0], [0.0, 0.0], [-1.0, 0.5]]),)),
        Case("one task", (torch.tensor([[1.0, 2.0]]),)),
    ),
    mistakes=(
        Mistake(
            "projected on itself",
            "You compare a task with itself too. Its projection onto itself is all of it; and even where you "
            "ask for a negative dot product first, earlier cuts can have turned g so far that it meets its "
            "own original as an enemy. Leave j = i out.",
            (
                _surgery(acts=lambda dot: dot != 0, others=lambda i, j: True),
                _surgery(acts=lambda dot: dot != 0, others=lambda i, j: j == i),
                _surgery(others=lambda i, j: True),
            ),
        ),
        Mistake(
            "along its own direction",
            "What you take away has the direction of the task's own gradient, so it only grows longer. It "
            "has the direction of the other one.",
            (_cut_by_itself, _surgery(cut=lambda g, v, dot: g - dot / (g @ g) * g)),
        ),
        Mistake(
            "agreement removed too",
            "You project whatever the sign of the dot product. Where it is positive the tasks agree, and "
            "what they agree on is lost.",
            (_surgery(acts=lambda dot: dot != 0),),
        ),
        Mistake(
            "only agreement removed",
            "You project where the dot product is positive and leave the conflicts: the condition is the "
            "wrong way round.",
            (_surgery(acts=lambda dot: dot > 0),),
        ),
        Mistake(
            "against changed gradients",
            "You compare with gradients that have been changed already, so the result depends on which task "
            "came first. The others are always the original ones.",
            (_surgery(against=lambda original, operated: operated),),
        ),
        Mistake(
            "norm not squared",
            "You divide by the length of the other gradient; the projection divides by its square. Unless "
            "that length is 1, what is left is not at a right angle.",
            (_surgery(cut=lambda g, v, dot: g - dot / v.norm() * v),),
        ),
        Mistake(
            "not divided",
            "You subtract dot product times gradient without dividing by the squared length of that "
            "gradient.",
            (_surgery(cut=lambda g, v, dot: g - dot * v),),
        ),
        Mistake(
            "divided by the wrong length",
            "You divide by the squared length of the task's own gradient (or by both lengths). The "
            "projection onto v divides by v . v.",
            (
                _surgery(cut=lambda g, v, dot: g - dot / (g @ g) * v),
                _surgery(cut=lambda g, v, dot: g - dot / (g.norm() * v.norm()) * v),
            ),
        ),
        Mistake(
            "added instead of taken away",
            "Mind the sign: you add the projection and so double the conflict.",
            (_surgery(cut=lambda g, v, dot: g + dot / (v @ v) * v),),
        ),
        Mistake(
            "projection kept",
            "You keep the projection and drop the rest: what is left is exactly the part that conflicts.",
            (_surgery(cut=lambda g, v, dot: dot / (v @ v) * v),),
        ),
        Mistake(
            "all cuts from the original",
            "Your dot products all come from the gradient as it was at first. After one cut g has changed, "
            "and the next dot product must be taken of what is left.",
            (_surgery(start=lambda g, original: original),),
        ),
        Mistake(
            "one conflict only",
            "You stop at the first conflict of a task. What is left of its gradient may still point against "
            "the others: go through all of them.",
            (_first_conflict_only,),
        ),
        Mistake(
            "from the last to the first",
            "You go through the others from the last to the first. Each cut changes g, so the order matters: "
            "0, 1, 2, ... is asked for.",
            (_from_the_last,),
        ),
        Mistake(
            "conflicting gradients dropped",
            "You drop a gradient that conflicts with another, as a whole. Only the part that points against "
            "it goes.",
            (_surgery(cut=lambda g, v, dot: 0 * g),),
        ),
        Mistake(
            "against the mean",
            "You compare each gradient with the mean of all. Surgery goes through the other tasks one by "
            "one.",
            (_on_the_mean,),
        ),
        Mistake(
            "added up already",
            "You return one step, the sum or the mean of the rows. Asked for are the changed gradients, a "
            "row for each task.",
            (_summed(), _summed(torch.mean)),
        ),
    ),
)

EXERCISES = (COSINES, SURGERY)

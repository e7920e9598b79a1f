"""Exercise of chapter 3.4 on gradient surgery: what works against the others is taken out.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _decided_at_first(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            if j != i and gradients[i] @ gradients[j] < 0:
                dot = operated[i] @ gradients[j]
                operated[i] -= dot / gradients[j].square().sum() * gradients[j]
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


def _worst_first(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in (gradients @ gradients[i]).argsort().tolist():
            dot = operated[i] @ gradients[j]
            if j != i and dot < 0:
                operated[i] -= dot / gradients[j].square().sum() * gradients[j]
    return operated


def _begins_anew(decide_by_the_copy):
    """Every cut is one of the original gradient, and takes the place of the cut before."""

    def answer(gradients):
        operated = gradients.clone()
        for i in range(len(gradients)):
            for j in range(len(gradients)):
                decides = operated[i] if decide_by_the_copy else gradients[i]
                if j != i and decides @ gradients[j] < 0:
                    share = gradients[i] @ gradients[j] / gradients[j].square().sum()
                    operated[i] = gradients[i] - share * gradients[j]
        return operated

    return answer


def _pairs_at_once(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in range(i + 1, len(gradients)):
            one, other = operated[i].clone(), operated[j].clone()
            dot = one @ other
            if dot < 0:
                operated[i] = one - dot / other.square().sum() * other
                operated[j] = other - dot / one.square().sum() * one
    return operated


def _worst_only(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        dots = gradients @ gradients[i]
        worst = int(dots.argmin())
        if dots[worst] < 0:
            operated[i] -= dots[worst] / gradients[worst].square().sum() * gradients[worst]
    return operated


def _lengths_restored(gradients):
    operated = gradient_surgery(gradients)
    lengths = operated.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return operated / lengths * gradients.norm(dim=1, keepdim=True)


def _of_length_one(gradients):
    return gradient_surgery(gradients / gradients.norm(dim=1, keepdim=True).clamp(min=1e-30))


def _on_the_mean(gradients):
    mean = gradients.mean(0)
    dots = gradients @ mean
    cut = gradients - (dots / mean.square().sum())[:, None] * mean
    return torch.where(dots[:, None] < 0, cut, gradients)


def _equal_ones_skipped(gradients):
    alike = (gradients[:, None] == gradients).all(-1)
    return _surgery(others=lambda i, j: not alike[i, j])(gradients)


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
        _rows("tiny gradients", 9812, 3, 4, scale=5e-5),
        Case(
            "two with the same gradient",
            (torch.tensor([[3.0, 1.0], [-2.0, -1.0], [-3.0, 2.0], [3.0, 1.0]]),),
        ),
    ),
    mistakes=(
        Mistake(
            "projected on itself",
            "You compare a task with itself, too or alone. Its projection onto itself is all of it; and "
            "even where you ask for a negative dot product first, earlier cuts can have turned g so far "
            "that it meets its own original as an enemy. Leave j = i out.",
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
            "the later ones only",
            "You compare a task only with those that come after it. Each has all the others to meet: the cut "
            "of i by j is another one than that of j by i.",
            (_surgery(others=lambda i, j: j > i),),
        ),
        Mistake(
            "the earlier ones only",
            "You compare a task only with those that come before it. Each has all the others to meet: the "
            "cut of i by j is another one than that of j by i.",
            (_surgery(others=lambda i, j: j < i),),
        ),
        Mistake(
            "half of the projection",
            "What comes out is as if half of the projection were taken away. All of it goes: what is left is "
            "at a right angle to the other gradient.",
            (_surgery(cut=lambda g, v, dot: g - dot / (v @ v) / 2 * v),),
        ),
        Mistake(
            "the worst conflict first",
            "What comes out is as if the others were met in the order of their dot products. The order "
            "asked for is 0, 1, 2, ...",
            (_worst_first,),
        ),
        Mistake(
            "length 1",
            "What comes out is as if every gradient were brought to length 1 first. The rows keep their own "
            "lengths.",
            (_of_length_one,),
        ),
        Mistake(
            "what was taken away",
            "You return what surgery takes away. Asked for is what is left.",
            (lambda gradients: gradients - gradient_surgery(gradients),),
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
            "You divide by the squared length of the task's own gradient. The projection onto v divides by "
            "v . v.",
            (_surgery(cut=lambda g, v, dot: g - dot / (g @ g) * v),),
        ),
        Mistake(
            "divided by both lengths",
            "You divide by the lengths of both gradients. The projection onto v divides by v . v, the "
            "squared length of v alone.",
            (_surgery(cut=lambda g, v, dot: g - dot / (g.norm() * v.norm()) * v),),
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
            "conflicts decided at first",
            "Whether two tasks conflict is decided by the gradients as they were at first. A cut may have "
            "ended the conflict, or made another: look at the dot product of what g is by then.",
            (_decided_at_first,),
        ),
        Mistake(
            "each cut begins anew",
            "What comes out is as if each cut began anew from the original gradient: only the last one is "
            "left of them. g goes on changed to the next task.",
            (_begins_anew(decide_by_the_copy=True), _begins_anew(decide_by_the_copy=False)),
        ),
        Mistake(
            "both of a pair at once",
            "What comes out is as if each pair were met once and both were cut, each by what the other was "
            "by then. Each task meets all others by itself, and they are the original ones.",
            (_pairs_at_once,),
        ),
        Mistake(
            "the worst conflict only",
            "What comes out is as if a task were cut by its worst conflict alone. All others are met, one "
            "after the other.",
            (_worst_only,),
        ),
        Mistake(
            "old lengths restored",
            "What comes out is as if each gradient were brought back to its old length afterwards. What is "
            "left after a cut is shorter, and stays so.",
            (_lengths_restored,),
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
            "equal gradients skipped",
            "What comes out is as if a task with the same gradient were skipped like the task itself. It is "
            "another one, and g may have been turned against it: tell tasks apart by their numbers.",
            (_equal_ones_skipped,),
        ),
        Mistake(
            "tiny conflicts",
            "Where gradients are tiny, your cuts are too small or missing: something is added below the "
            "line, or held above a number, or the dot product has to be further below 0 than 0.",
            (
                _surgery(cut=lambda g, v, dot: g - dot / (v @ v + 1e-8) * v),
                _surgery(acts=lambda dot: dot < -1e-6),
            ),
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

EXERCISES = (SURGERY,)

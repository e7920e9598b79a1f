"""Exercises of chapter 3.2, the part on contrast: the loss, and negatives that are none.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
    value_and_gradient,
    value_and_gradients,
)

# 3.2-6 ----------------------------------------------------------------------------------


def contrastive_loss(anchors, positives, temperature):
    """anchors, positives [batch, dim], row i of both belongs together -> mean loss over the anchors, []."""
    one = anchors / anchors.norm(dim=-1, keepdim=True)
    other = positives / positives.norm(dim=-1, keepdim=True)
    scores = one @ other.T / temperature
    own = scores.diagonal()
    return (scores.logsumexp(dim=-1) - own).mean()


def _cosines(anchors, positives):
    return F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T


def _cross(scores, reduction="mean"):
    return F.cross_entropy(scores, torch.arange(len(scores)), reduction=reduction)


def _without_the_own(anchors, positives, temperature):
    scores = _cosines(anchors, positives) / temperature
    own = torch.eye(len(scores), dtype=torch.bool)
    return (scores.masked_fill(own, -torch.inf).logsumexp(-1) - scores.diagonal()).mean()


def _among_themselves(anchors, positives, temperature):
    return _cross(_cosines(anchors, anchors) / temperature)


def _against_anchors_too(anchors, positives, temperature):
    own = torch.eye(len(anchors), dtype=torch.bool)
    others = _cosines(anchors, anchors).masked_fill(own, -torch.inf)
    return _cross(torch.cat([_cosines(anchors, positives), others], 1) / temperature)


def _pairs(name, seed, batch, dim, temperature, noise=0.5, scale=1.0):
    anchors, other = random_tensors(seed, (batch, dim), (batch, dim))
    lengths = torch.linspace(0.5, 2, batch)[:, None]
    return Case(name, (scale * lengths * anchors, anchors + noise * other, temperature))


CONTRAST = Exercise(
    key="3.2-6",
    title="InfoNCE, the contrastive loss",
    difficulty=2,
    minutes=15,
    statement=(
        "Row i of anchors and row i of positives are two views of the same thing. For each anchor, the loss "
        "is that of choosing its own positive among all of the batch: -log of the softmax, over all "
        "positives, of their cosine with the anchor divided by the temperature. Mean over the anchors. The "
        "gradient is looked at."
    ),
    takeaway="A classifier whose classes are the rows of the batch: the labels cost nothing.",
    reference=contrastive_loss,
    explanation="Lengths to 1, all cosines by one product, then cross entropy with the answers 0, 1, 2, ...",
    hints=(
        "All cosines of the batch are one matrix [batch, batch]. Which of its entries are right answers?",
        "A cosine is a dot product of vectors of length 1. Cosines lie between -1 and 1, too near to each "
        "other for a softmax: does a small temperature make the differences larger when it divides or when "
        "it multiplies?",
        "The logarithm of a sum of exponentials along one axis, less the diagonal, then the mean. Rows "
        "belong to anchors.",
    ),
    cases=(
        _pairs("4 pairs at temperature 0.5", 3001, 4, 6, 0.5),
        _pairs("temperature 1", 3002, 5, 3, 1.0),
        _pairs("8 pairs at temperature 0.1", 3003, 8, 4, 0.1),
        _pairs("two pairs", 3004, 2, 5, 0.2, noise=2.0),
        _pairs("long vectors at temperature 0.07", 3005, 6, 8, 0.07, scale=20.0),
        _pairs("views that have nothing in common", 3006, 7, 4, 0.3, noise=30.0),
    ),
    mistakes=(
        Mistake(
            "temperature multiplied",
            "You multiply by the temperature. At 0.1 all scores shrink to a tenth, the softmax hardly tells "
            "them apart, and the loss stays near the logarithm of the batch size. It divides.",
            (lambda a, p, t: _cross(_cosines(a, p) * t),),
        ),
        Mistake(
            "no temperature",
            "The temperature has no effect in your loss (at temperature 1 you are right).",
            (lambda a, p, t: _cross(_cosines(a, p)),),
        ),
        Mistake(
            "not normalised",
            "You take dot products of vectors of any length. Then the loss can be lowered by growing vectors "
            "instead of by turning them. Bring them to length 1 first, both sides.",
            (
                lambda a, p, t: _cross(a @ p.T / t),
                lambda a, p, t: _cross(F.normalize(a, dim=-1) @ p.T / t),
                lambda a, p, t: _cross(a @ F.normalize(p, dim=-1).T / t),
            ),
        ),
        Mistake(
            "one length for all rows",
            "It comes out as if all rows were divided by one length, that of the whole matrix. Each row has "
            "a length of its own.",
            (lambda a, p, t: _cross((a / a.norm()) @ (p / p.norm()).T / t),),
        ),
        Mistake(
            "squared lengths",
            "What comes out is as if each vector were divided by the square of its length. A cosine divides "
            "by the length: the root of the sum of squares.",
            (
                lambda a, p, t: _cross(
                    a / a.square().sum(-1, keepdim=True) @ (p / p.square().sum(-1, keepdim=True)).T / t
                ),
            ),
        ),
        Mistake(
            "the first positive for all",
            "What comes out is as if the first positive were the right answer of every anchor. Anchor i has "
            "its own in row i: the answers are 0, 1, 2, ...",
            (lambda a, p, t: F.cross_entropy(_cosines(a, p) / t, torch.zeros(len(a), dtype=torch.long)),),
        ),
        Mistake(
            "temperature squared",
            "What comes out is as if the cosines were divided by the square of the temperature (at "
            "temperature 1 you are right). Divide once.",
            (lambda a, p, t: _cross(_cosines(a, p) / t**2),),
        ),
        Mistake(
            "normalised across the batch",
            "You divide by the lengths of the columns: they measure one feature over the whole batch. The "
            "length of a vector is that of its row.",
            (lambda a, p, t: _cross(F.normalize(a, dim=0) @ F.normalize(p, dim=0).T / t),),
        ),
        Mistake(
            "own positive missing below",
            "The sum in the denominator runs over the negatives only. The own positive belongs to it too, "
            "or the loss can fall below 0.",
            (_without_the_own,),
        ),
        Mistake(
            "anchors choose the wrong way round",
            "Your softmax runs over the anchors, for each positive. Asked is the other way: each anchor "
            "chooses among the positives.",
            (lambda a, p, t: _cross(_cosines(a, p).T / t),),
        ),
        Mistake(
            "other anchors compete",
            "The other anchors stand in your denominator too, as in SimCLR. Here an anchor chooses among the "
            "positives, and among them only.",
            (_against_anchors_too,),
        ),
        Mistake(
            "temperature outside",
            "You divide the loss by the temperature. It divides the cosines, before the softmax.",
            (lambda a, p, t: _cross(_cosines(a, p)) / t,),
        ),
        Mistake(
            "both ways",
            "You take the mean of both directions. Some papers do; here only anchors choose.",
            (lambda a, p, t: (_cross(_cosines(a, p) / t) + _cross(_cosines(a, p).T / t)) / 2,),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the anchors where the mean is asked for: a larger batch would mean a larger step.",
            (lambda a, p, t: _cross(_cosines(a, p) / t, "sum"),),
        ),
        Mistake(
            "anchors among themselves",
            "You compare anchors with anchors. Then each one's right answer is itself, at a cosine of 1, and "
            "nothing is asked of the second view.",
            (_among_themselves,),
        ),
        Mistake(
            "only attraction",
            "Your loss pulls the two views together and pushes nothing apart. All vectors being the same "
            "would be perfect.",
            (
                lambda a, p, t: (1 - _cosines(a, p).diagonal()).mean(),
                lambda a, p, t: -(_cosines(a, p).diagonal() / t).mean(),
                lambda a, p, t: ((1 - _cosines(a, p).diagonal()) / t).mean(),
            ),
        ),
        Mistake(
            "no logarithm",
            "You use the probability of the right answer itself. Its logarithm makes a confident error "
            "expensive.",
            (
                lambda a, p, t: -(_cosines(a, p) / t).softmax(-1).diagonal().mean(),
                lambda a, p, t: 1 - (_cosines(a, p) / t).softmax(-1).diagonal().mean(),
            ),
        ),
        Mistake(
            "softmax taken twice",
            "A softmax acts on a softmax, as when `cross_entropy`, which takes one by itself, is handed "
            "probabilities. It expects the scores as they are, divided by the temperature.",
            (lambda a, p, t: _cross((_cosines(a, p) / t).softmax(-1)),),
        ),
        Mistake(
            "softmax over everything",
            "Your softmax runs over the whole matrix. Each anchor has a question of its own: one row.",
            (
                lambda a, p, t: (
                    -(_cosines(a, p) / t).flatten().log_softmax(0).view(len(a), -1).diagonal().mean()
                ),
            ),
        ),
    ),
    observe=value_and_gradients(0, 1),
    parts=("loss", "gradient of the anchors", "gradient of the positives"),
)


# 3.2-7 ----------------------------------------------------------------------------------


def grouped_loss(scores, groups):
    """scores [batch, batch], row: anchor, groups [batch] -> mean contrastive loss without false negatives."""
    own = torch.eye(len(scores), dtype=torch.bool)
    twin = (groups[:, None] == groups) & ~own
    negatives_and_own = scores.masked_fill(twin, -torch.inf)
    return (negatives_and_own.logsumexp(dim=-1) - scores.diagonal()).mean()


def _twins(scores, groups):
    own = torch.eye(len(scores), dtype=torch.bool)
    return (groups[:, None] == groups) & ~own


def _all_of_the_group_out(scores, groups):
    """Also the own positive: what is left is the sum over other groups."""
    same = groups[:, None] == groups
    return (scores.masked_fill(same, -torch.inf).logsumexp(-1) - scores.diagonal()).mean()


def _zeroed(scores, groups):
    return _cross(scores.masked_fill(_twins(scores, groups), 0.0))


def _some_twins(some):
    """Only some of the twins leave the sum, `some(table of the twins)`."""
    return lambda scores, groups: _cross(scores.masked_fill(some(_twins(scores, groups)), -torch.inf))


def _lowered(score):
    return lambda scores, groups: _cross(scores.masked_fill(_twins(scores, groups), score))


def _twins_as_positives(scores, groups, mean=True):
    same = (groups[:, None] == groups).float()
    logs = scores.log_softmax(-1)
    if mean:
        return -((logs * same).sum(-1) / same.sum(-1)).mean()
    return -(scores.softmax(-1) * same).sum(-1).log().mean()


def _lonely_rows_only(scores, groups):
    lonely = ~_twins(scores, groups).any(-1)
    losses = F.cross_entropy(scores, torch.arange(len(scores)), reduction="none")
    return (losses * lonely).sum() / lonely.sum().clamp(min=1)


def _other_groups_out(scores, groups):
    other = groups[:, None] != groups
    return _cross(scores.masked_fill(other, -torch.inf))


def _grouped(name, seed, groups, scale=2.0):
    (scores,) = random_tensors(seed, (len(groups), len(groups)))
    return Case(name, (scale * scores, torch.tensor(groups)))


GROUPS = Exercise(
    key="3.2-7",
    title="Negatives that are positives in disguise",
    difficulty=2,
    minutes=15,
    statement=(
        "Two rows of a batch may come from the same thing: they have the same group. Pushing them apart "
        "would be wrong. From scores [batch, batch], already divided by the temperature, make the "
        "contrastive loss in which an anchor's own positive (the diagonal) competes only with positives of "
        "other groups. Mean over the anchors; the gradient is looked at."
    ),
    takeaway="The larger the batch, the more often chance puts a twin into it: know your negatives.",
    reference=grouped_loss,
    explanation="Twins leave the sum of exponentials: their score becomes -inf, whose exponential is 0.",
    hints=(
        "Which entries of the matrix of all pairs have equal groups? Which of these must stay all the same?",
        "An entry leaves a sum of exponentials when its exponential is 0. Which score has that exponential? "
        "It is not the score 0.",
        "If all of a batch is one group, every anchor's own positive is alone in its sum, and the loss is 0.",
    ),
    cases=(
        _grouped("two twins in a batch of 4", 4001, [0, 1, 0, 2]),
        _grouped("no twins", 4002, [3, 1, 2]),
        _grouped("three of a kind", 4003, [5, 5, 1, 5, 2]),
        _grouped("one group only", 4004, [7, 7, 7]),
        _grouped("two groups, mixed", 4005, [0, 1, 1, 0, 1, 0]),
        _grouped("large scores", 4006, [0, 0, 1, 2, 2, 3], scale=12.0),
    ),
    mistakes=(
        Mistake(
            "twins pushed away",
            "Rows of the same group still count as negatives of each other. Your loss is too high wherever "
            "there are twins.",
            (lambda s, g: _cross(s),),
        ),
        Mistake(
            "own positive left out too",
            "You leave out the whole group and with it the own positive: a row always has its own group. The "
            "diagonal stays.",
            (_all_of_the_group_out,),
        ),
        Mistake(
            "score set to zero",
            "You set the scores of twins to 0. Their exponential is then 1, so they still compete. Only one "
            "score takes an entry out of a softmax.",
            (_zeroed,),
        ),
        Mistake(
            "one of two twins",
            "Of two twins only one is left out, or only some of the twins are: an anchor's twins may stand "
            "before it and behind it, and they need not be its neighbours.",
            (
                _some_twins(lambda twins: twins.triu()),
                _some_twins(lambda twins: twins.tril()),
                _some_twins(lambda twins: twins.triu() & ~twins.triu(2)),
                _some_twins(lambda twins: twins & ~twins.triu(2) & ~twins.tril(-2)),
            ),
        ),
        Mistake(
            "not low enough",
            "Your twins still have a say: the score that you give them is low, but not low enough beside "
            "other low ones. Which score has the exponential 0?",
            tuple(map(_lowered, (-1.0, -5.0, -10.0))),
        ),
        Mistake(
            "twins counted as positives",
            "You pull the twins as well, as supervised contrastive learning does. Here they are left alone: "
            "neither pulled nor pushed.",
            (_twins_as_positives, lambda s, g: _twins_as_positives(s, g, mean=False)),
        ),
        Mistake(
            "rows with twins left out",
            "You leave out whole anchors because they have a twin. Such an anchor still has its own positive "
            "and the negatives of other groups.",
            (_lonely_rows_only,),
        ),
        Mistake(
            "the other groups left out",
            "Your mask is the wrong way round: the twins compete and the true negatives are gone.",
            (_other_groups_out,),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the anchors where the mean is asked for: a larger batch would mean a larger step.",
            (lambda s, g: len(s) * grouped_loss(s, g),),
        ),
        Mistake(
            "the wrong way round",
            "Your sums run down the columns. A row belongs to an anchor, and an anchor chooses among the "
            "entries of its row.",
            (lambda s, g: grouped_loss(s.T, g),),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the scores"),
)

EXERCISES = (CONTRAST, GROUPS)

"""Exercise of chapter 3.2 on contrast: the loss that tells a pair from all other pairs of the batch.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
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


def _exponentials(anchors, positives, temperature):
    e = (_cosines(anchors, positives) / temperature).exp()
    return -(e.diagonal() / e.sum(-1)).log().mean()


def _sum_of_exponentials(anchors, positives, temperature):
    scores = _cosines(anchors, positives) / temperature
    return (scores.exp().sum(-1).log() - scores.diagonal()).mean()


def _never_nothing(small):
    """The logarithm of probabilities to which something small is added."""

    def answer(anchors, positives, temperature):
        p = (_cosines(anchors, positives) / temperature).softmax(-1)
        return -(p.diagonal() + small).log().mean()

    return answer


def _nearest_negative(anchors, positives, temperature):
    scores = _cosines(anchors, positives) / temperature
    own = torch.eye(len(scores), dtype=torch.bool)
    nearest = scores.masked_fill(own, -torch.inf).amax(-1)
    return F.softplus(nearest - scores.diagonal()).mean()


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
        _pairs("nothing in common at temperature 0.05", 3007, 5, 4, 0.05, noise=30.0),
        _pairs("temperature 0.01", 3008, 5, 6, 0.01, noise=0.2),
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
            (lambda a, p, t: _cross(a @ p.T / t),),
        ),
        Mistake(
            "one side not normalised",
            "The anchors have length 1 in your dot products, the positives have not. A cosine divides by "
            "both lengths.",
            (lambda a, p, t: _cross(F.normalize(a, dim=-1) @ p.T / t),),
        ),
        Mistake(
            "the other side not normalised",
            "The positives have length 1 in your dot products, the anchors have not. A cosine divides by "
            "both lengths.",
            (lambda a, p, t: _cross(a @ F.normalize(p, dim=-1).T / t),),
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
            "temperature above the line only",
            "What comes out is as if the temperature divided the cosine with the own positive alone, and not "
            "those in the sum (at temperature 1 you are right). All cosines are divided.",
            (lambda a, p, t: (_cosines(a, p).logsumexp(-1) - _cosines(a, p).diagonal() / t).mean(),),
        ),
        Mistake(
            "temperature below the line only",
            "What comes out is as if the temperature divided the cosines in the sum, and not the one with "
            "the own positive that stands apart (at temperature 1 you are right). All cosines are divided.",
            (lambda a, p, t: ((_cosines(a, p) / t).logsumexp(-1) - _cosines(a, p).diagonal()).mean(),),
        ),
        Mistake(
            "the cosine twice",
            "What comes out is as if twice the cosine were divided by the temperature, as when the squared "
            "distance of vectors of length 1, with a minus, stands for it. Asked for is the cosine.",
            (lambda a, p, t: _cross(2 * _cosines(a, p) / t),),
        ),
        Mistake(
            "distances",
            "What comes out is as if a distance, with a minus, stood for the cosine. A cosine is the dot "
            "product of two vectors of length 1.",
            (
                lambda a, p, t: _cross(-torch.cdist(a, p) / t),
                lambda a, p, t: _cross(-torch.cdist(a, p).square() / t),
                lambda a, p, t: _cross(-torch.cdist(F.normalize(a, dim=-1), F.normalize(p, dim=-1)) / t),
            ),
        ),
        Mistake(
            "cosines without a sign",
            "What comes out is as if the cosines had lost their sign. Vectors that point apart are not near "
            "each other: their cosine is -1.",
            (lambda a, p, t: _cross(_cosines(a, p).abs() / t),),
        ),
        Mistake(
            "lengths by sums",
            "What comes out is as if a vector's length were the sum of the sizes of its entries. It is the "
            "root of the sum of their squares.",
            (lambda a, p, t: _cross(F.normalize(a, p=1, dim=-1) @ F.normalize(p, p=1, dim=-1).T / t),),
        ),
        Mistake(
            "mean of the exponentials",
            "What comes out is as if the denominator were the mean of the exponentials. It is their sum: as "
            "it is, the loss is too low by the logarithm of the batch size.",
            (lambda a, p, t: _cross(_cosines(a, p) / t) - math.log(len(a)),),
        ),
        Mistake(
            "logarithm of the mean",
            "What comes out is minus the logarithm of the mean probability. Each anchor's logarithm comes "
            "first, then the mean.",
            (lambda a, p, t: -(_cosines(a, p) / t).softmax(-1).diagonal().mean().log(),),
        ),
        Mistake(
            "the largest for the sum",
            "What comes out is as if the largest score of a row stood for the logarithm of its sum of "
            "exponentials. All of the row compete, not the best one alone.",
            (lambda a, p, t: ((_cosines(a, p).amax(-1) - _cosines(a, p).diagonal()) / t).mean(),),
        ),
        Mistake(
            "exponentials too large",
            "At temperature 0.01 a score may be 100, and its exponential is more than float32 can hold: your "
            "loss is no longer a finite number. Is there a function that needs no exponentials of yours?",
            (_exponentials, _sum_of_exponentials),
        ),
        Mistake(
            "something small under the logarithm",
            "Where the own positive is hardly ever chosen, your loss is too small, as when something small "
            "is added before the logarithm. Is there one function for both steps, softmax and logarithm?",
            tuple(map(_never_nothing, (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12))),
        ),
        Mistake(
            "one negative only",
            "What comes out is as if each anchor had a single negative, the one that is nearest to it (with "
            "two pairs there is one, and you are right). All other positives of the batch compete.",
            (_nearest_negative,),
        ),
        Mistake(
            "each pair by itself",
            "What comes out is as if each pair of the batch were a question of its own: do the two belong "
            "together, yes or no? Here the positives compete with each other for an anchor.",
            (
                lambda a, p, t: F.binary_cross_entropy_with_logits(_cosines(a, p) / t, torch.eye(len(a))),
                lambda a, p, t: (
                    len(a) * F.binary_cross_entropy_with_logits(_cosines(a, p) / t, torch.eye(len(a)))
                ),
            ),
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

EXERCISES = (CONTRAST,)

"""Exercise of section 4.1: dropout on a table of weights.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

INF = float("inf")

# 4.1-10 --------------------------------------------------------------------------------


def drop_weights(weights, keep, dropout_p, training):
    """weights [..., q, k], keep [..., q, k] (True = survives), dropout_p, training -> weights [..., q, k]."""
    if not training:
        return weights
    return torch.where(keep, weights / (1 - dropout_p), 0.0)


def _drop(weights, keep, factor):
    return weights * keep * factor


_WEIGHTS = tuple(scores.softmax(-1) for scores in random_tensors(51, (2, 4, 4), (3, 6), (2, 2, 5, 5)))
_KEEP = tuple(noise > 0 for noise in random_tensors(52, (2, 4, 4), (3, 6), (2, 2, 5, 5)))

DROPOUT = Exercise(
    key="4.1-10",
    title="Dropout on the weights",
    difficulty=1,
    minutes=10,
    statement=(
        "Attention dropout zeroes some weights while the model trains and does nothing when it is used. "
        "Which weights survive is drawn for you (keep; each survives with probability 1 - dropout_p, and "
        "dropout_p is below 1). Scale the survivors so that the expected value of every weight is "
        "unchanged."
    ),
    takeaway="Training and evaluation see the same weights on average, so nothing has to be corrected later.",
    reference=drop_weights,
    explanation=(
        "A weight that survives with probability 1 - p must count 1 / (1 - p) to be itself on average."
    ),
    hints=(
        "There are two situations, and one of them is very simple: what should evaluation do?",
        "A weight w survives with probability 1 - p and is 0 otherwise. What is its expected value, as it "
        "stands?",
        "Which factor on the survivors makes that expected value w again?",
    ),
    cases=(
        Case("training with half the weights dropped", (_WEIGHTS[0], _KEEP[0], 0.5, True)),
        Case(
            "training with dropout_p = 0.2", (_WEIGHTS[1], random_tensors(53, (3, 6))[0] > -0.84, 0.2, True)
        ),
        Case(
            "training with dropout_p = 0.75",
            (_WEIGHTS[2], random_tensors(54, (2, 2, 5, 5))[0] > 0.67, 0.75, True),
        ),
        Case("evaluation with dropout_p = 0.2", (_WEIGHTS[1], _KEEP[1], 0.2, False)),
        Case("evaluation with dropout_p = 0.6", (_WEIGHTS[0], _KEEP[0], 0.6, False)),
        Case("training with dropout_p = 0", (_WEIGHTS[0], torch.ones(2, 4, 4, dtype=torch.bool), 0.0, True)),
        Case(
            "a row that loses all its weights",
            (
                torch.tensor([[0.5, 0.5], [0.25, 0.75]]),
                torch.tensor([[False, False], [True, False]]),
                0.5,
                True,
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "dropout at evaluation",
            "At evaluation weights are still dropped in your result: the same text would get another answer "
            "each time. What should `training` decide?",
            (lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)),),
        ),
        Mistake(
            "survivors not scaled",
            "The right weights are gone in training, but the survivors are as they were, so on average "
            "every weight has become smaller. By how much, and what makes up for it?",
            (lambda w, keep, p, training: _drop(w, keep, 1) if training else w,),
        ),
        Mistake(
            "not scaled, and dropped at evaluation too",
            "The survivors are as they were, so on average every weight has become smaller, and at "
            "evaluation weights are dropped as in training. What makes up for the loss, and what should "
            "`training` decide?",
            (lambda w, keep, p, t: _drop(w, keep, 1),),
        ),
        Mistake(
            "scaled by p instead of 1 - p",
            "You use the probability of being dropped where that of surviving belongs. At dropout_p = 0.5 "
            "that is the same, at 0.2 it is not.",
            (
                lambda w, keep, p, training: _drop(w, keep, 1 / p if p else 1) if training else w,
                lambda w, keep, p, training: _drop(w, keep, 1 / p if p else INF) if training else w,
            ),
        ),
        Mistake(
            "scaled by 1 + p",
            "Your survivors count 1 + p times as much as they did. The smaller p, the nearer that is, but "
            "what is survival times your factor? It should be 1.",
            (lambda w, keep, p, training: _drop(w, keep, 1 + p) if training else w,),
        ),
        Mistake(
            "scaled the wrong way",
            "Your survivors become smaller than they were wherever p is not 0. They have to stand in for "
            "the dropped ones: should they count more or less?",
            (lambda w, keep, p, training: _drop(w, keep, 1 - p) if training else w,),
        ),
        Mistake(
            "keep read as drop",
            "In training the weights that should survive are zero, and those that should go are there. "
            "What does True mean in keep?",
            (
                lambda w, keep, p, training: _drop(w, ~keep, 1 / (1 - p)) if training else w,
                lambda w, keep, p, training: _drop(w, ~keep, 1) if training else w,
            ),
        ),
        Mistake(
            "scaled at evaluation",
            "Evaluation does not give the weights back as they came: you scale there as well. If training "
            "already keeps the average, what is left to correct?",
            (
                lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)) if training else w * (1 - p),
                lambda w, keep, p, training: _drop(w, keep, 1 / (1 - p)) if training else w / (1 - p),
            ),
        ),
        Mistake(
            "scaled at evaluation instead",
            "Your average is kept by making all weights smaller at evaluation, instead of the survivors "
            "larger in training. It was done so once; here evaluation gives the weights back as they came.",
            (lambda w, keep, p, training: _drop(w, keep, 1) if training else w * (1 - p),),
        ),
        Mistake(
            "scaled by what survived",
            "It comes out as if the factor were one over the share that happened to survive, in the whole "
            "table or in each row. The expected value asks for the probability of surviving, which "
            "dropout_p tells.",
            (
                lambda w, keep, p, t: w * keep / keep.float().mean() if t else w,
                lambda w, keep, p, t: (
                    w * keep / keep.float().mean(-1, keepdim=True).clamp_min(1e-9) if t else w
                ),
            ),
        ),
        Mistake(
            "rows normalised again",
            "The survivors of each of your rows sum to one. That makes a row with one survivor fully "
            "certain, and a row with none has no sum to be divided by; dropout uses the same factor for "
            "every weight. Which?",
            (
                lambda w, keep, p, training: w * keep / (w * keep).sum(-1, keepdim=True) if training else w,
                lambda w, keep, p, t: w * keep / (w * keep).sum(-1, keepdim=True).clamp_min(1e-9) if t else w,
            ),
        ),
        Mistake(
            "nothing dropped",
            "In training the weights that keep does not keep are still there in your result. They become 0.",
            (lambda w, keep, p, training: torch.where(keep, w / (1 - p), w) if training else w,),
        ),
        Mistake(
            "dropped weights at minus infinity",
            "You set dropped weights to minus infinity. That is for scores, before a softmax; here the "
            "softmax has been taken, and a dropped weight is 0.",
            (lambda w, keep, p, training: torch.where(keep, w / (1 - p), -INF) if training else w,),
        ),
        Mistake(
            "scaled by the root",
            "Your factor is the root of what it should be. What is the probability of surviving times your "
            "factor? It should be 1.",
            (lambda w, keep, p, training: _drop(w, keep, (1 - p) ** -0.5) if training else w,),
        ),
        Mistake(
            "a softmax once more",
            "In training your rows have been through a softmax, after the weights were dropped: a dropped "
            "weight, 0, comes out of it above 0. One factor for all survivors is asked for.",
            (lambda w, keep, p, training: (w * keep).softmax(-1) if training else w,),
        ),
        Mistake(
            "training and evaluation exchanged",
            "You drop weights at evaluation and leave training alone: the condition is the wrong way round.",
            (lambda w, keep, p, training: w if training else _drop(w, keep, 1 / (1 - p)),),
        ),
    ),
)


EXERCISES = (DROPOUT,)

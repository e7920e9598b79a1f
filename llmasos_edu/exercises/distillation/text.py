"""Exercises of chapter 3.5, the part on what is kept of a teacher: its first tokens.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.5-5 ----------------------------------------------------------------------------------


def truncated_loss(student_logits, probabilities, ids):
    """student_logits [batch, vocab], the teacher's k largest shares and their ids [batch, k] -> loss []."""
    targets = probabilities / probabilities.sum(dim=-1, keepdim=True)
    kept = student_logits.log_softmax(dim=-1).gather(-1, ids)
    return -(targets * kept).sum(dim=-1).mean()


def _share(p):
    return p / p.sum(-1, keepdim=True)


def _truncated(targets=_share, logs=lambda z, ids: z.log_softmax(-1).gather(-1, ids), over=torch.mean):
    """The loss with knobs: what the teacher's shares become, the student's side, what is averaged."""
    return lambda z, p, ids: over(-(targets(p) * logs(z, ids)).sum(-1))


def _rest_spread_evenly(z, p, ids):
    others = z.shape[-1] - p.shape[-1]
    rest = (1 - p.sum(-1, keepdim=True)) / max(1, others)
    full = rest.expand(z.shape).scatter(-1, ids, p)
    return -(full * z.log_softmax(-1)).sum(-1).mean()


def _rest_as_a_token(z, p, ids):
    kept = z.log_softmax(-1).gather(-1, ids)
    others = (1 - kept.exp().sum(-1)).clamp(min=1e-6).log()
    return -((p * kept).sum(-1) + (1 - p.sum(-1)) * others).mean()


def _first_columns(z, ids):
    return z.log_softmax(-1)[:, : ids.shape[-1]]


def _entropy_subtracted(z, p, ids):
    return _truncated()(z, p, ids) - torch.special.entr(_share(p)).sum(-1).mean()


def _top_case(name, seed, batch, vocab, k, scale=2.0):
    teacher, student = random_tensors(seed, (batch, vocab), (batch, vocab))
    probabilities, ids = (scale * teacher).softmax(-1).topk(k)
    return Case(name, (scale * student, probabilities, ids))


TRUNCATED = Exercise(
    key="3.5-5",
    title="Only the teacher's first k",
    difficulty=2,
    minutes=15,
    statement=(
        "To save space, only the k largest of a teacher's probabilities were stored for each position, with "
        "the ids of their tokens; the rest is lost, so they do not sum to 1. Turn them into a distribution "
        "over these k tokens by a division, and return the student's cross entropy with it, in nats, mean "
        "over the batch. The student is a distribution over the whole vocabulary. The gradient is looked at."
    ),
    takeaway="Renormalised, every position weighs the same; else it counts by what was kept of it.",
    reference=truncated_loss,
    explanation="The teacher's k are divided by their own sum; the student's softmax runs over all tokens.",
    hints=(
        "With k = 1 this must be the usual cross entropy with a label. What must the one probability become?",
        "Two normalisations meet here: the teacher's over k tokens, the student's over all of them. Must a "
        "student be punished for mass on tokens outside the k?",
        "The ids say which columns of the student belong to the stored probabilities: another choice in each "
        "row.",
    ),
    any_order=False,
    cases=(
        _top_case("4 rows, 3 of 8 tokens kept", 5001, 4, 8, 3),
        _top_case("only the likeliest token", 5002, 3, 6, 1),
        _top_case("the whole vocabulary kept", 5003, 3, 5, 5),
        _top_case("one row, 2 of 20 tokens", 5004, 1, 20, 2, scale=0.5),
        _top_case("a teacher who does not know", 5005, 5, 12, 4, scale=0.1),
        _top_case("large logits", 5006, 4, 9, 3, scale=60.0),
    ),
    mistakes=(
        Mistake(
            "not renormalised",
            "The stored probabilities do not sum to 1, and you use them as they are. Positions at which the "
            "teacher hesitates then weigh less than those at which it is sure.",
            (_truncated(targets=lambda p: p),),
        ),
        Mistake(
            "student among the k only",
            "Your student's softmax runs over the k stored tokens alone. It may then put most of its mass on "
            "the others without being punished.",
            (_truncated(logs=lambda z, ids: z.gather(-1, ids).log_softmax(-1)),),
        ),
        Mistake(
            "softmax of probabilities",
            "You renormalise by a softmax. Probabilities lie between 0 and 1, so it brings them closer "
            "together: none gets more than e times another. Divide by the sum.",
            (_truncated(targets=lambda p: p.softmax(-1)),),
        ),
        Mistake(
            "ids not used",
            "You take the first k columns of the student. The stored probabilities belong to the tokens that "
            "the ids name.",
            (_truncated(logs=_first_columns),),
        ),
        Mistake(
            "ids of another place",
            "What comes out is as if every row had the ids of the first one, or its own in another order. "
            "The j-th probability of a row belongs to the j-th id of that row.",
            (
                lambda z, p, ids: _truncated()(z, p, ids[:1].expand_as(ids)),
                lambda z, p, ids: _truncated()(z, p, ids.sort(-1).values),
                lambda z, p, ids: _truncated()(z, p, ids.flip(-1)),
            ),
        ),
        Mistake(
            "the rest to the likeliest",
            "You give what is missing to the likeliest token. A division shares it among the k.",
            (lambda z, p, ids: _truncated()(z, torch.cat([1 - p[:, 1:].sum(-1, True), p[:, 1:]], 1), ids),),
        ),
        Mistake(
            "divided by the largest",
            "You divide by the largest of the k. A distribution sums to 1: divide by their sum.",
            (_truncated(targets=lambda p: p / p.amax(-1, keepdim=True)),),
        ),
        Mistake(
            "the student as the weight",
            "What comes out is weighted by the student's probabilities, with the teacher's logarithms. Cross "
            "entropy with the teacher weighs by the teacher.",
            (lambda z, p, ids: -(z.softmax(-1).gather(-1, ids) * _share(p).log()).sum(-1).mean(),),
        ),
        Mistake(
            "the rest spread evenly",
            "You hand what is missing out to all other tokens. That is another way to fill the gap; asked "
            "for is a distribution over the k alone.",
            (_rest_spread_evenly,),
        ),
        Mistake(
            "the rest as one more token",
            "It comes out as if all that is missing were one more token, for the teacher and for the "
            "student. Asked for is a distribution over the k alone.",
            (_rest_as_a_token,),
        ),
        Mistake(
            "normalised over the batch",
            "You divide by the sum over the whole batch (or over a column of it). Each row is a distribution "
            "of its own.",
            (
                _truncated(targets=lambda p: p / p.sum()),
                _truncated(targets=lambda p: p / p.sum(0)),
            ),
        ),
        Mistake(
            "rows of unequal weight",
            "Rows of which more was kept count more in your loss. Each row is divided by its own sum, and "
            "then all count alike.",
            (_truncated(targets=lambda p: len(p) * p / p.sum()),),
        ),
        Mistake(
            "brought to length 1",
            "What comes out is as if each row were divided by the root of the sum of its squares (as "
            "F.normalize does unless told otherwise). A distribution sums to 1: divide by the sum.",
            (_truncated(targets=lambda p: F.normalize(p, dim=-1)),),
        ),
        Mistake(
            "the rest in equal parts",
            "You add what is missing to the k in equal parts. A division gives each as much as it has "
            "already: the shares keep their proportions.",
            (_truncated(targets=lambda p: p + (1 - p.sum(-1, keepdim=True)) / p.shape[-1]),),
        ),
        Mistake(
            "the student's own k",
            "You take the k largest of the student's probabilities. The stored ones belong to the tokens "
            "that the ids name.",
            (_truncated(logs=lambda z, ids: z.log_softmax(-1).topk(ids.shape[-1]).values),),
        ),
        Mistake(
            "student's softmax along the batch",
            "The student's softmax runs along the batch. The tokens of a vocabulary compete, along the last "
            "axis.",
            (_truncated(logs=lambda z, ids: z.log_softmax(0).gather(-1, ids)),),
        ),
        Mistake(
            "likeliest token only",
            "You use the likeliest of the k as a label. What the others get is what the teacher knows beyond "
            "the label.",
            (lambda z, p, ids: F.cross_entropy(z, ids[:, 0]),),
        ),
        Mistake(
            "no logarithm",
            "You weigh the student's probabilities themselves, or its logits. Cross entropy weighs the "
            "logarithms of its probabilities.",
            (
                _truncated(logs=lambda z, ids: z.softmax(-1).gather(-1, ids)),
                _truncated(logs=lambda z, ids: z.gather(-1, ids)),
            ),
        ),
        Mistake(
            "softmax and logarithm apart",
            "For large logits your loss is infinite: the softmax rounds to 0 before the logarithm is taken. "
            "Is there one function for both steps?",
            (_truncated(logs=lambda z, ids: z.softmax(-1).log().gather(-1, ids)),),
        ),
        Mistake(
            "mean over the k",
            "You average over the k tokens. Their weights sum to 1 already: sum over them, average over the "
            "batch.",
            (lambda z, p, ids: _truncated()(z, p, ids) / p.shape[-1],),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the batch where the mean is asked for: the step would grow with the batch size.",
            (_truncated(over=torch.sum),),
        ),
        Mistake(
            "KL instead of cross entropy",
            "You subtract the entropy of the stored probabilities, which gives KL. The gradient is the same; "
            "the value asked for is the cross entropy.",
            (_entropy_subtracted,),
        ),
        Mistake(
            "a gain, not a loss",
            "The sign of the whole is wrong: your number falls as the student gets worse.",
            (_truncated(over=lambda losses: -losses.mean()),),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the student's logits"),
)

EXERCISES = (TRUNCATED,)

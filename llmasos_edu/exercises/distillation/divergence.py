"""Exercises of chapter 3.5, the part on divergences: from teacher to student and back.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
from functools import partial

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 3.5-2 ----------------------------------------------------------------------------------


def two_divergences(student_logits, teacher_logits):
    """Both [batch, seq, vocab] -> KL(teacher || student), KL(student || teacher): means over positions."""
    log_p = teacher_logits.log_softmax(dim=-1)
    log_q = student_logits.log_softmax(dim=-1)
    forward = (log_p.exp() * (log_p - log_q)).sum(dim=-1)
    reverse = (log_q.exp() * (log_q - log_p)).sum(dim=-1)
    return forward.mean(), reverse.mean()


def _kl(log_p, log_q):
    return log_p.exp() * (log_p - log_q)


def _each_position(terms):
    return terms.sum(-1).mean()


def _pair(forward=_kl, reverse=None, over=_each_position, dim=-1):
    """Both divergences from terms [batch, seq, vocab]; `reverse` has the roles exchanged unless given."""

    def answer(student_logits, teacher_logits):
        log_p, log_q = teacher_logits.log_softmax(dim), student_logits.log_softmax(dim)
        back = forward(log_q, log_p) if reverse is None else reverse(log_p, log_q)
        return over(forward(log_p, log_q)), over(back)

    return answer


def _turned(log_p, log_q):
    return _kl(log_q, log_p)


def _plain_logarithms(student_logits, teacher_logits):
    p, q = teacher_logits.softmax(-1), student_logits.softmax(-1)
    return _each_position(p * (p.log() - q.log())), _each_position(q * (q.log() - p.log()))


def _clamped(student_logits, teacher_logits, least=1e-8):
    p, q = teacher_logits.softmax(-1), student_logits.softmax(-1)
    log_p, log_q = p.clamp(min=least).log(), q.clamp(min=least).log()
    return _each_position(p * (log_p - log_q)), _each_position(q * (log_q - log_p))


def _dropped(student_logits, teacher_logits):
    p, q = teacher_logits.softmax(-1), student_logits.softmax(-1)
    terms = [(a * (a / b).log()).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0) for a, b in ((p, q), (q, p))]
    return tuple(map(_each_position, terms))


def _raw_logits(student_logits, teacher_logits):
    gap = teacher_logits - student_logits
    return _each_position(teacher_logits.softmax(-1) * gap), _each_position(-student_logits.softmax(-1) * gap)


def _of_mean_probabilities(student_logits, teacher_logits):
    p, q = (x.softmax(-1).mean((0, 1)).log() for x in (teacher_logits, student_logits))
    return _kl(p, q).sum(), _kl(q, p).sum()


def _of_mean_logits(student_logits, teacher_logits):
    return two_divergences(student_logits.mean(1), teacher_logits.mean(1))


def _to_the_middle(log_p, log_q):
    middle = ((log_p.exp() + log_q.exp()) / 2).log()
    return (_kl(log_p, middle) + _kl(log_q, middle)) / 2


def _logits(name, seed, shape, scale=1.5, away=1.0):
    teacher, other = random_tensors(seed, shape, shape)
    return Case(name, (scale * (teacher + away * other), scale * teacher))


def _two_peaks():
    peaks = torch.tensor([3.0, -2.0, -2.0, 3.0]).expand(1, 2, 4)
    students = torch.tensor([[[3.0, -2.0, -2.0, -2.0], [0.5, 0.5, 0.5, 0.5]]])
    return Case("two peaks: a student on one of them, and one between", (students, peaks.clone()))


DIVERGENCES = Exercise(
    key="3.5-2",
    title="Forward and reverse",
    difficulty=2,
    minutes=15,
    statement=(
        "KL(p || q) is the sum over the vocabulary of p (ln p - ln q), in nats. From the logits of a student "
        "and its teacher return two means over all positions: KL(teacher || student), called forward in "
        "distillation, and KL(student || teacher), called reverse. Logits may be as large as 500."
    ),
    takeaway="Forward KL punishes a student that leaves a peak out, reverse KL one that puts mass between.",
    reference=two_divergences,
    explanation="Logarithms come from the logits at once; each divergence is weighted by its first argument.",
    hints=(
        "In KL(p || q) one of the two distributions is the weight. Which? Who is the weight in each of your "
        "two numbers?",
        "One sum runs over the vocabulary, within a position; one mean runs over positions. How many "
        "positions are there in [batch, seq, vocab]?",
        "The softmax of -500 is 0, and its logarithm -inf. Torch has one function that takes both steps at "
        "once. And its own KL loss expects the student's logarithms first, then the teacher's probabilities.",
    ),
    cases=(
        _logits("2 texts of 3 positions", 2001, (2, 3, 5)),
        _logits("one position", 2002, (1, 1, 4)),
        _logits("one text of 6 positions", 2003, (1, 6, 7)),
        _logits("a student who is nearly there", 2004, (3, 2, 6), away=0.2),
        _two_peaks(),
        _logits("logits of hundreds", 2005, (2, 4, 5), scale=200.0),
    ),
    mistakes=(
        Mistake(
            "arguments exchanged",
            "Your two numbers stand in each other's place: forward is weighted by the teacher. (Torch's own "
            "KL loss takes the student first and is KL(teacher || student) all the same.)",
            (_pair(_turned, _kl),),
        ),
        Mistake(
            "weights of the wrong distribution",
            "A divergence of yours is negative, which none can be: as when the logarithms are exchanged and "
            "the weight is not. KL(student || teacher) is an expectation under the student.",
            (
                _pair(_kl, lambda p, q: -_kl(p, q)),
                _pair(lambda p, q: -_kl(q, p), _turned),
                _pair(lambda p, q: -_kl(q, p), lambda p, q: -_kl(p, q)),
            ),
        ),
        Mistake(
            "sign turned",
            "Both numbers are negative. A divergence is 0 where both agree and above 0 elsewhere.",
            (_pair(lambda p, q: -_kl(p, q)),),
        ),
        Mistake(
            "mean over the vocabulary",
            "You divide by the size of the vocabulary too, as the reduction 'mean' of torch's KL loss does. "
            "That is no KL: sum over tokens, mean over positions.",
            (_pair(over=torch.mean),),
        ),
        Mistake(
            "divided by the batch alone",
            "You divide by the number of texts, as 'batchmean' does with [batch, seq, vocab]. A text has "
            "many positions: bring the tensor to [positions, vocab] first, or divide by all of them.",
            (_pair(over=lambda terms: terms.sum() / len(terms)),),
        ),
        Mistake(
            "sum over the positions",
            "You sum over the positions where the mean is asked for: longer texts would weigh more.",
            (_pair(over=torch.sum),),
        ),
        Mistake(
            "second argument without logarithm",
            "You put the probabilities of the second distribution where its logarithms belong. (Torch's own "
            "KL loss expects logarithms as its first input, and does not complain about anything else.)",
            (
                _pair(lambda p, q: p.exp() * (p - q.exp())),
                _pair(_kl, lambda p, q: q.exp() * (q - p.exp())),
                _pair(lambda p, q: p.exp() * (p - q.exp()), _turned),
            ),
        ),
        Mistake(
            "logarithms as weights",
            "Your numbers are NaN, as when torch's KL loss gets logarithms twice. As its target it expects "
            "probabilities (unless told otherwise), and takes the logarithm of what is negative then.",
            (_pair(lambda p, q: torch.special.xlogy(p, p) - p * q),),
        ),
        Mistake(
            "cross entropy",
            "Your numbers are cross entropies: the weight's own entropy is still in them, so they are above "
            "0 even where both agree.",
            (_pair(lambda p, q: -(p.exp() * q)),),
        ),
        Mistake(
            "softmax and logarithm apart",
            "For large logits you get NaN or infinity: the softmax rounds to 0 before the logarithm is "
            "taken. Is there one function for both steps?",
            (_plain_logarithms,),
        ),
        Mistake(
            "probabilities held above zero",
            "With large logits your divergence is too small: a probability that rounds to 0 counts as a "
            "small number, whose logarithm is not nearly as far down. Is there one function for softmax and "
            "logarithm together?",
            tuple(partial(_clamped, least=least) for least in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)),
        ),
        Mistake(
            "logits taken for logarithms",
            "You subtract logits where logarithms of probabilities belong. A logit may be shifted by any "
            "constant; the softmax's normalisation is missing.",
            (_raw_logits,),
        ),
        Mistake(
            "infinite terms dropped",
            "With large logits your divergence is too small: terms that come out infinite, or as NaN, do not "
            "count. They are finite: is there one function for softmax and logarithm together?",
            (_dropped,),
        ),
        Mistake(
            "sizes of the differences",
            "What comes out is as if each difference of logarithms had lost its sign. Terms of both signs "
            "belong into the sum: where the weight is the smaller of the two, they are below 0.",
            (_pair(lambda p, q: p.exp() * (p - q).abs()),),
        ),
        Mistake(
            "bits instead of nats",
            "Both numbers are too large by the same factor, 1.443: they are in bits. Nats come from the "
            "natural logarithm.",
            (_pair(lambda p, q: _kl(p, q) / math.log(2)),),
        ),
        Mistake(
            "both the same",
            "You return the same number twice. Forward and reverse are two questions, and their answers "
            "differ.",
            (
                _pair(lambda p, q: (_kl(p, q) + _kl(q, p)) / 2),
                _pair(lambda p, q: _kl(p, q) + _kl(q, p)),
                _pair(_kl, _kl),
                _pair(_turned, _turned),
                _pair(_to_the_middle),
            ),
        ),
        Mistake(
            "no logarithms",
            "What comes out is made of the probabilities themselves, without any logarithm: their "
            "differences, weighted, squared or without a sign. The formula has ln p and ln q.",
            (
                _pair(lambda p, q: p.exp() * (p.exp() - q.exp())),
                _pair(lambda p, q: (p.exp() - q.exp()).square()),
                _pair(lambda p, q: (p.exp() - q.exp()).abs()),
                _pair(lambda p, q: (p.exp() - q.exp()).abs() / 2),
            ),
        ),
        Mistake(
            "exchanged and summed",
            "Your two numbers stand in each other's place, and both are sums over the positions: forward is "
            "weighted by the teacher, and the mean is asked for.",
            (_pair(_turned, _kl, over=torch.sum),),
        ),
        Mistake(
            "no weights",
            "What comes out are sums of differences of logarithms without their weights. In KL(p || q) each "
            "difference counts as much as p says.",
            (_pair(lambda p, q: p - q),),
        ),
        Mistake(
            "a difference of entropies",
            "What comes out is one entropy less the other. In KL(p || q) both logarithms have the same "
            "weight, p.",
            (
                _pair(lambda p, q: p.exp() * p - q.exp() * q),
                _pair(lambda p, q: q.exp() * q - p.exp() * p),
            ),
        ),
        Mistake(
            "one of them a cross entropy",
            "One of your numbers is a divergence, the other a cross entropy: there the weight's own entropy "
            "has to go.",
            (_pair(_kl, lambda p, q: -(q.exp() * p)), _pair(lambda p, q: -(p.exp() * q), _turned)),
        ),
        Mistake(
            "positions averaged first",
            "What comes out compares means over the positions, of the probabilities or of the logits. Each "
            "position has its own two distributions: the mean comes last, of the divergences.",
            (_of_mean_probabilities, _of_mean_logits),
        ),
        Mistake(
            "softmax over the positions",
            "Your softmax runs along the text. The tokens of the vocabulary compete, along the last axis.",
            (_pair(dim=1),),
        ),
    ),
    parts=("forward", "reverse"),
)

EXERCISES = (DIVERGENCES,)

"""Exercises of chapter 3.5, the part on Hinton's loss: soft targets, hard labels and the square of T.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.5-3 ----------------------------------------------------------------------------------


def distillation_loss(student_logits, teacher_logits, labels, temperature, alpha):
    """Logits [batch, vocab], labels [batch] -> alpha T^2 KL(teacher || student) + (1 - alpha) hard, []."""
    log_p = (teacher_logits / temperature).log_softmax(dim=-1)
    log_q = (student_logits / temperature).log_softmax(dim=-1)
    soft = (log_p.exp() * (log_p - log_q)).sum(dim=-1).mean()
    hard = -student_logits.log_softmax(dim=-1).gather(-1, labels[:, None]).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def _kl(log_p, log_q):
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def _soft(student, teacher, t, of_student=None):
    """KL at the temperature; `of_student` gives the student another one."""
    t_student = t if of_student is None else of_student
    return _kl((teacher / t).log_softmax(-1), (student / t_student).log_softmax(-1))


def _loss(soft=_soft, hard=F.cross_entropy, scale=lambda t: t**2, weights=lambda a: (a, 1 - a)):
    """The loss with knobs: the two terms, what the soft one is multiplied by, how both are weighted."""

    def answer(student, teacher, labels, t, alpha):
        first, second = weights(alpha)
        return first * scale(t) * soft(student, teacher, t) + second * hard(student, labels)

    return answer


def _no_log(student, teacher, t):
    p, q = (teacher / t).softmax(-1), (student / t).softmax(-1)
    return (torch.special.xlogy(p, p) - p * q).sum(-1).mean()


def _two_logs(student, teacher, t):
    log_p, log_q = (teacher / t).log_softmax(-1), (student / t).log_softmax(-1)
    return (torch.special.xlogy(log_p, log_p) - log_p * log_q).sum(-1).mean()


def _no_log_yet(student, teacher, t):
    p, q = (teacher / t).softmax(-1), (student / t).softmax(-1)
    return p * (p.log() - q.log())


LEAST = (1e-7, 1e-8, 1e-9, 1e-10, 1e-12)  # what a probability is often held above, or lifted by


def _clamped(least):
    return lambda s, z, t: _kl_above((s / t).softmax(-1), (z / t).softmax(-1), lambda x: x.clamp(min=least))


def _lifted(least):
    return lambda s, z, t: _kl_above((s / t).softmax(-1), (z / t).softmax(-1), lambda x: x + least)


def _kl_above(q, p, above):
    return (p * (above(p).log() - above(q).log())).sum(-1).mean()


def _lifted_hard(least):
    return lambda s, y: F.nll_loss((s.softmax(-1) + least).log(), y)


def _as_asked(least):
    return F.cross_entropy


def _as_asked_softly(least):
    return _soft


def _soft_cross(student, teacher, t):
    return F.cross_entropy(student / t, (teacher / t).softmax(-1))


def _hard_too(student, teacher, labels, t, alpha):
    return alpha * t**2 * _soft(student, teacher, t) + (1 - alpha) * F.cross_entropy(student / t, labels)


def _teachers_word(student, teacher, labels, t, alpha):
    return _loss()(student, teacher, teacher.argmax(-1), t, alpha)


def _case(name, seed, batch, vocab, temperature, alpha, scale=2.0):
    student, teacher = random_tensors(seed, (batch, vocab), (batch, vocab))
    labels = torch.randint(vocab, (batch,), generator=torch.Generator().manual_seed(seed))
    return Case(name, (scale * student, 1.5 * scale * teacher, labels, temperature, alpha))


HINTON = Exercise(
    key="3.5-3",
    title="Hinton's loss",
    difficulty=2,
    minutes=20,
    statement=(
        "The loss of distillation is alpha T^2 KL(teacher || student), both softened with the temperature T, "
        "plus (1 - alpha) times the cross entropy of the student with the true labels at temperature 1. KL "
        "in nats, summed over the vocabulary; both terms are means over the batch. The gradient is looked at."
    ),
    takeaway="The soft gradient shrinks like 1/T^2: times T^2, alpha means the same at every temperature.",
    reference=distillation_loss,
    explanation="Two softened distributions and one that is not: the labels are no soft targets.",
    hints=(
        "Three softmaxes stand in this loss. Which of them are taken at temperature T, and which is not?",
        "alpha = 1 is the teacher alone, alpha = 0 the labels alone. Try your function at both ends, and at "
        "temperature 1.",
        "If you take torch's own KL loss: the student's logarithms come first, the teacher's probabilities "
        "second, and only one reduction divides by the batch and by nothing else.",
    ),
    cases=(
        _case("4 rows, temperature 2, alpha 0.5", 3001, 4, 5, 2.0, 0.5),
        _case("the teacher alone (alpha = 1)", 3002, 3, 6, 3.0, 1.0),
        _case("the labels alone (alpha = 0)", 3003, 5, 4, 4.0, 0.0),
        _case("temperature 1", 3004, 4, 7, 1.0, 0.7),
        _case("one row, a low temperature", 3005, 1, 5, 0.5, 0.3),
        _case("temperature 8", 3006, 6, 8, 8.0, 0.9),
        _case("large logits", 3007, 3, 5, 1.5, 0.4, scale=60.0),
    ),
    terms={
        "the soft part, alpha T^2 KL,": _loss(hard=lambda student, labels: 0.0),
        "the hard part, (1 - alpha) times the cross entropy,": _loss(soft=lambda *a: 0.0),
    },
    mistakes=(
        Mistake(
            "T^2 forgotten",
            "The square of the temperature is missing. At T = 4 the soft gradient is then sixteen times too "
            "weak.",
            (_loss(scale=lambda t: 1),),
        ),
        Mistake(
            "T instead of T^2",
            "You multiply by T. One 1/T comes from the derivative of the softened logits and another from "
            "softened probabilities that differ less: the square is needed.",
            (_loss(scale=lambda t: t),),
        ),
        Mistake(
            "divided by T^2",
            "You divide by the square of the temperature. It is there to undo a division, so it multiplies.",
            (_loss(scale=lambda t: t**-2),),
        ),
        Mistake(
            "T^2 on both terms",
            "The hard loss carries T^2 as well. It was taken at temperature 1 and has nothing to make up "
            "for.",
            (lambda s, z, y, t, a: t**2 * (a * _soft(s, z, t) + (1 - a) * F.cross_entropy(s, y)),),
        ),
        Mistake(
            "alpha on the wrong term",
            "Your alpha weighs the labels. With alpha = 1 the teacher alone should be listened to.",
            (_loss(weights=lambda a: (1 - a, a)),),
        ),
        Mistake(
            "hard term not weighted",
            "Your hard term counts in full, whatever alpha is. It has the weight 1 - alpha.",
            (_loss(weights=lambda a: (a, 1)),),
        ),
        Mistake(
            "soft term not weighted",
            "Your soft term counts in full, whatever alpha is. It has the weight alpha.",
            (_loss(weights=lambda a: (1, 1 - a)),),
        ),
        Mistake(
            "no weights",
            "Both of your terms count in full. The soft one has the weight alpha, the hard one 1 - alpha.",
            (_loss(weights=lambda a: (1, 1)),),
        ),
        Mistake(
            "alpha on the labels alone",
            "Your soft term counts in full, and alpha weighs the hard one. The soft one has the weight "
            "alpha, the hard one 1 - alpha.",
            (_loss(weights=lambda a: (1, a)),),
        ),
        Mistake(
            "alpha without effect",
            "What comes out is as if alpha were one half, whatever it is. It says how much the teacher "
            "counts.",
            (_loss(weights=lambda a: (0.5, 0.5)),),
        ),
        Mistake(
            "softened with T^2",
            "What comes out is as if the logits were divided by the square of the temperature. They are "
            "divided by T; the square stands in front.",
            (_loss(lambda s, z, t: _soft(s, z, t**2)),),
        ),
        Mistake(
            "both directions",
            "Your soft loss is the mean of both directions. Asked for is one: KL(teacher || student).",
            (_loss(lambda s, z, t: (_soft(s, z, t) + _soft(z, s, t)) / 2),),
        ),
        Mistake(
            "labels smoothed",
            "In your hard loss a part of each label is spread over all tokens (label smoothing). Asked for "
            "is the cross entropy with the true label.",
            (_loss(hard=lambda s, y: F.cross_entropy(s, y, label_smoothing=0.1)),),
        ),
        Mistake(
            "teacher alone softened",
            "It comes out as if the teacher were softened and the student not. Even a student with its "
            "teacher's logits would not be done: the same temperature belongs on both sides.",
            (_loss(lambda s, z, t: _soft(s, z, t, of_student=1.0)),),
        ),
        Mistake(
            "student alone softened",
            "It comes out as if the student were softened and the teacher not. The teacher's small "
            "probabilities, for which the temperature is there, stay invisible.",
            (_loss(lambda s, z, t: _soft(s, z, 1.0, of_student=t)),),
        ),
        Mistake(
            "hard loss softened too",
            "Your hard loss is taken at temperature T. Labels are compared with the student as it will be "
            "used, at temperature 1.",
            (_hard_too,),
        ),
        Mistake(
            "KL arguments exchanged",
            "Your soft loss is KL(student || teacher). Asked for is the other one, with the teacher's "
            "probabilities as weights.",
            (_loss(lambda s, z, t: _kl((s / t).log_softmax(-1), (z / t).log_softmax(-1))),),
        ),
        Mistake(
            "student without log",
            "You put the student's probabilities where their logarithms belong. Torch's own KL loss takes "
            "them without a word and returns a number that means nothing.",
            (_loss(_no_log),),
        ),
        Mistake(
            "teacher with log",
            "Your loss is NaN, as when torch's KL loss gets the teacher's logarithms. Unless told otherwise "
            "it expects probabilities there, and takes the logarithm of what is negative then.",
            (_loss(_two_logs),),
        ),
        Mistake(
            "mean over the vocabulary",
            "Your soft loss is divided by the size of the vocabulary too (the reduction 'mean'). KL sums "
            "over tokens; only the batch is averaged over ('batchmean').",
            (_loss(lambda s, z, t: _soft(s, z, t) / s.shape[-1]),),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the batch where the mean is asked for: the step would grow with the batch size.",
            (lambda s, z, y, t, a: len(s) * _loss()(s, z, y, t, a),),
        ),
        Mistake(
            "soft loss summed over the batch",
            "Your soft term is summed over the batch where the mean is asked for, and your hard one is a "
            "mean: which of them leads would depend on the batch size.",
            (_loss(lambda s, z, t: len(s) * _soft(s, z, t)),),
        ),
        Mistake(
            "the teacher's hard loss",
            "Your hard term is the teacher's cross entropy with the labels. It is the student who learns "
            "from them.",
            (lambda s, z, y, t, a: a * t**2 * _soft(s, z, t) + (1 - a) * F.cross_entropy(z, y),),
        ),
        Mistake(
            "both directions added",
            "Your soft loss is the sum of both directions. Asked for is one: KL(teacher || student).",
            (_loss(lambda s, z, t: _soft(s, z, t) + _soft(z, s, t)),),
        ),
        Mistake(
            "probabilities held above zero",
            "With large logits your loss is too small: a probability that rounds to 0 counts as a small "
            "number, whose logarithm is not nearly as far down. Is there one function for softmax and "
            "logarithm together?",
            tuple(_loss(soft=_clamped(least)) for least in LEAST[:-1])
            + tuple(
                _loss(soft=soft(least), hard=hard(least))
                for least in LEAST
                for soft, hard in (
                    (_lifted, _as_asked),
                    (_as_asked_softly, _lifted_hard),
                    (_lifted, _lifted_hard),
                )
            ),
        ),
        Mistake(
            "softmax and logarithm apart",
            "For large logits your loss, or its gradient, is NaN or infinite: the softmax rounds to 0 before "
            "the logarithm is taken. Is there one function for both steps?",
            (
                _loss(lambda s, z, t: _no_log_yet(s, z, t).sum(-1).mean()),
                _loss(hard=lambda s, y: F.nll_loss(s.softmax(-1).log(), y)),
                _loss(
                    lambda s, z, t: _no_log_yet(s, z, t).sum(-1).mean(),
                    hard=lambda s, y: F.nll_loss(s.softmax(-1).log(), y),
                ),
                _loss(
                    lambda s, z, t: F.kl_div(
                        (s / t).softmax(-1).log(), (z / t).softmax(-1), reduction="batchmean"
                    )
                ),
            ),
        ),
        Mistake(
            "cross entropy for KL",
            "Your soft term is the cross entropy with the soft targets. Its gradient is that of KL, but its "
            "value keeps the teacher's entropy and never reaches 0.",
            (_loss(_soft_cross),),
        ),
        Mistake(
            "temperature multiplied",
            "You multiply logits by the temperature. Then a high one makes the teacher certain instead of "
            "talkative. It divides.",
            (_loss(lambda s, z, t: _soft(s, z, 1 / t)),),
        ),
        Mistake(
            "teacher's word for the label",
            "Your hard term asks for the teacher's likeliest token. The true labels are given: the teacher "
            "may be wrong.",
            (_teachers_word,),
        ),
        Mistake(
            "hard loss of probabilities",
            "Your hard loss gets probabilities where it expects logits (or their logarithm, with "
            "`nll_loss`): a softmax acts twice, or the logarithm is missing.",
            (
                _loss(hard=lambda s, y: F.cross_entropy(s.softmax(-1), y)),
                _loss(hard=lambda s, y: F.nll_loss(s.softmax(-1), y)),
            ),
        ),
        Mistake(
            "squared differences",
            "You compare logits by their squared difference. That is near to what this loss becomes at very "
            "high temperatures, but it is not KL.",
            (
                _loss(lambda s, z, t: (s - z).square().mean()),
                _loss(lambda s, z, t: (s / t - z / t).square().mean()),
            ),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the student's logits"),
)

EXERCISES = (HINTON,)

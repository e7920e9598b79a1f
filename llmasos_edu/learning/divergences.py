"""How far a student's probabilities are from its teacher's: both directions of the KL, a mixture, the logits.

All are means over rows, in nats, and differentiable in both arguments. The article's section 3.5.
"""

import math

import torch


def soft_cross_entropy(student_logits, teacher_logits, *, temperature=1.0):
    """Surprise at what the teacher would say: `H(p, q) = -sum_i p_i ln q_i`, mean over rows.

    `p = softmax(v / T)` is the teacher and `q = softmax(z / T)` the student. It is `forward_kl` and the
    teacher's own entropy, on which the student has no influence: the gradient for the student is the same.
    Smallest where p = q, and then not zero.

    Args, Returns, Raises: as in `forward_kl`.

    Source: Hinton et al. 2015, section 2; Li & Hoiem 2016, "Learning without Forgetting", section 3
    (there p is the model as it was); articles 3.3 and 3.5.
    """
    log_q, log_p = _log_probabilities(student_logits, teacher_logits, temperature)
    return _weighted(log_p, -log_q).mean()


def forward_kl(student_logits, teacher_logits, *, temperature=1.0):
    """How badly the student covers the teacher: `KL(p || q) = sum_i p_i (ln p_i - ln q_i)`, mean over rows.

    `p = softmax(v / T)` is the teacher and `q = softmax(z / T)` the student. Where the teacher gives
    probability and the student none, it is large: the student spreads over all that the teacher may say.

    Args:
        student_logits: z, [..., classes].
        teacher_logits: v, of the same shape; minus infinity is a class that the teacher excludes.
        temperature: T, above 0.

    Returns:
        Scalar tensor, nats per row.

    Raises:
        ValueError: shapes that differ, no rows, a temperature that is not above 0.

    Source: Hinton et al. 2015, section 2 (as a cross-entropy, which has the same gradient); article 3.5.
    """
    log_q, log_p = _log_probabilities(student_logits, teacher_logits, temperature)
    return _kl(log_p, log_q).mean()


def reverse_kl(student_logits, teacher_logits, *, temperature=1.0):
    """How badly the teacher covers the student: `KL(q || p) = sum_i q_i (ln q_i - ln p_i)`, mean over rows.

    Where the student gives probability and the teacher none, it is large: the student keeps to one thing that
    the teacher may say.

    Args, Returns, Raises: as in `forward_kl`.

    Source: Gu et al. 2024, "MiniLLM", section 2.1; article 3.5.
    """
    log_q, log_p = _log_probabilities(student_logits, teacher_logits, temperature)
    return _kl(log_q, log_p).mean()


def jensen_shannon(student_logits, teacher_logits, *, temperature=1.0, beta=0.5):
    """Between both directions: `beta KL(p || m) + (1 - beta) KL(q || m)`, `m = beta p + (1 - beta) q`.

    Divided by beta it tends to the forward KL as beta goes to 0, divided by 1 - beta to the reverse as beta
    goes to 1. It is never above ln 2.

    Args:
        student_logits, teacher_logits, temperature: as in `forward_kl`.
        beta: the teacher's share of the mixture, between 0 and 1, both excluded.

    Returns:
        Scalar tensor, nats per row.

    Raises:
        ValueError: as `forward_kl` does, or a beta out of range.

    Source: Agarwal et al. 2024, "On-Policy Distillation of Language Models"; article 3.5.
    """
    if not 0 < beta < 1:
        raise ValueError(f"beta={beta} must lie between 0 and 1, both excluded")
    log_q, log_p = _log_probabilities(student_logits, teacher_logits, temperature)
    # What both exclude has no logarithm in the mixture, and none is asked for: its share is 0 in either sum.
    neither = (log_p == -math.inf) & (log_q == -math.inf)
    shares = (
        log_p.masked_fill(neither, 0.0) + math.log(beta),
        log_q.masked_fill(neither, 0.0) + math.log(1 - beta),
    )
    log_m = torch.logaddexp(*shares)
    return (beta * _kl(log_p, log_m) + (1 - beta) * _kl(log_q, log_m)).mean()


def logit_matching(student_logits, teacher_logits):
    """Half the squared difference of centred logits, mean over classes and rows.

    `1/(2 N) sum_i (z_i - v_i)^2` with each row's mean taken off z and off v. Its gradient for a row is
    `(z_i - v_i) / N`: that of `T^2 KL(p || q)` as T grows. A class that both exclude is none of the N.

    Args, Returns: as in `forward_kl`, in squared logits.

    Raises:
        ValueError: also where one side alone excludes a class, which has the logit -inf there.

    Source: Hinton et al. 2015, section 2.1; Bucila et al. 2006; article 3.5.
    """
    check_logits(student_logits, teacher_logits)
    counted = student_logits != -math.inf
    alone = (counted != (teacher_logits != -math.inf)).nonzero()
    if len(alone):
        raise ValueError(
            f"logits {alone[0].tolist()}: one side alone excludes the class, the other's is infinitely far"
        )
    if counted.all():
        difference = student_logits - teacher_logits
        return (difference - difference.mean(dim=-1, keepdim=True)).square().mean() / 2
    number = counted.sum(dim=-1, keepdim=True)
    student, teacher = (logits.masked_fill(~counted, 0.0) for logits in (student_logits, teacher_logits))
    difference = student - teacher
    centred = (difference - difference.sum(dim=-1, keepdim=True) / number).masked_fill(~counted, 0.0)
    return (centred.square() / number).sum(dim=-1).mean() / 2


def _log_probabilities(student_logits, teacher_logits, temperature):
    check_logits(student_logits, teacher_logits)
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature={temperature} must be above 0 and finite")
    return tuple((logits / temperature).log_softmax(dim=-1) for logits in (student_logits, teacher_logits))


def _kl(log_a, log_b):
    return _weighted(log_a, log_a - log_b)


def _weighted(log_a, values):
    """`sum_i a_i values_i`; a class that a excludes adds nothing, whatever its value: 0 ln 0 = 0."""
    if log_a.amin() == -math.inf:
        values = torch.where(log_a > -math.inf, values, 0.0)
    return (log_a.exp() * values).sum(dim=-1)


def check_logits(student_logits, teacher_logits):
    """Raise ValueError unless both are of one shape and hold a number."""
    if student_logits.shape != teacher_logits.shape or student_logits.numel() == 0:
        shapes = f"student's logits {list(student_logits.shape)}, teacher's {list(teacher_logits.shape)}"
        raise ValueError(f"{shapes}: they must be equal, with a row and a class at least")

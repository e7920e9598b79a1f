"""A ninth trial, chapter 3.5: answers of an audit that looked for what cases and words let pass."""

import copy
import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def ent(p):
    return torch.special.entr(p).sum(-1) / math.log(2)


# Masked mean
@wrong("3.5-1", "Your entropy is divided by that of the even distribution,")
def masked_mean(logits, temperature):
    p = (logits / temperature).softmax(-1)
    return p, ent(p) / math.log2(p.shape[-1])


def kls(s, t):
    p, q = t.log_softmax(-1), s.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1), (q.exp() * (q - p)).sum(-1)


# Abs terms
@wrong("3.5-2", "What comes out is as if each difference of logarithms had")
def abs_terms(student_logits, teacher_logits):
    p, q = teacher_logits.log_softmax(-1), student_logits.log_softmax(-1)
    return (p.exp() * (p - q).abs()).sum(-1).mean(), (q.exp() * (q - p).abs()).sum(-1).mean()


# Nan replaced
@wrong("3.5-2", "With large logits your divergence is too small: terms")
def nan_replaced(student_logits, teacher_logits):
    p, q = teacher_logits.softmax(-1), student_logits.softmax(-1)
    forward, reverse = (p * (p / q).log()).nan_to_num(posinf=0.0), (q * (q / p).log()).nan_to_num(posinf=0.0)
    return forward.sum(-1).mean(), reverse.sum(-1).mean()


# Per text
@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does")
def per_text(student_logits, teacher_logits):
    a, b = kls(student_logits, teacher_logits)
    return a.sum(-1).mean(), b.sum(-1).mean()


# Reversed weights cross
@wrong("3.5-2", "A divergence of yours is negative, which none can be: as")
def reversed_weights_cross(student_logits, teacher_logits):
    p, q = teacher_logits.log_softmax(-1), student_logits.log_softmax(-1)
    return (q.exp() * (p - q)).sum(-1).mean(), (p.exp() * (q - p)).sum(-1).mean()


def hin(s, z, y, t, a, soft=None, hard=None):
    if soft is None:
        soft = F.kl_div((s / t).log_softmax(-1), (z / t).softmax(-1), reduction="batchmean")
    hard = hard if hard is not None else F.cross_entropy(s, y)
    return a * t * t * soft + (1 - a) * hard


# Temperature squared inside
@wrong("3.5-3", "What comes out is as if the logits were divided by the")
def temperature_squared_inside(student_logits, teacher_logits, labels, temperature, alpha):
    t2 = temperature**2
    s, z = student_logits, teacher_logits
    soft = F.kl_div((s / t2).log_softmax(-1), (z / t2).softmax(-1), reduction="batchmean")
    return alpha * t2 * soft + (1 - alpha) * F.cross_entropy(s, labels)


# Label smoothed
@wrong("3.5-3", "In your hard loss a part of each label is spread over all")
def label_smoothed(student_logits, teacher_logits, labels, temperature, alpha):
    hard = F.cross_entropy(student_logits, labels, label_smoothing=0.1)
    return hin(student_logits, teacher_logits, labels, temperature, alpha, hard=hard)


# Halves
@wrong("3.5-3", "What comes out is as if alpha were one half, whatever it")
def halves(student_logits, teacher_logits, labels, temperature, alpha):
    s, z, t = student_logits, teacher_logits, temperature
    soft = F.kl_div((s / t).log_softmax(-1), (z / t).softmax(-1), reduction="batchmean")
    return 0.5 * t * t * soft + 0.5 * F.cross_entropy(s, labels)


# Symmetric
@wrong("3.5-3", "Your soft loss is the mean of both directions. Asked for")
def symmetric(student_logits, teacher_logits, labels, temperature, alpha):
    s, z, _t = student_logits / temperature, teacher_logits / temperature, temperature
    a, b = kls(s, z)
    return hin(student_logits, teacher_logits, labels, temperature, alpha, soft=((a + b) / 2).mean())


def tstep(student, teacher, inputs, temperature):
    z = teacher(inputs) / temperature
    s = student(inputs) / temperature
    return temperature**2 * F.kl_div(s.log_softmax(-1), z.softmax(-1), reduction="batchmean")


# Eval without submodules
@wrong("3.5-4", "Your teacher answers with its dropout on, where it")
def eval_without_submodules(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.training = False
    with torch.no_grad():
        z = teacher(inputs) / temperature
    teacher.training = mode
    s = student(inputs) / temperature
    return temperature**2 * F.kl_div(s.log_softmax(-1), z.softmax(-1), reduction="batchmean")


# Mode flag only back
@wrong("3.5-4", "The teacher's own mode is back after your step, and that")
def mode_flag_only_back(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        z = teacher(inputs) / temperature
    teacher.training = mode
    s = student(inputs) / temperature
    return temperature**2 * F.kl_div(s.log_softmax(-1), z.softmax(-1), reduction="batchmean")


# Inference mode for all
@wrong("3.5-4", "No gradient reaches the student: its forward pass runs")
def inference_mode_for_all(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.inference_mode():
        loss = tstep(student, teacher, inputs, temperature)
    teacher.train(mode)
    return loss


# Mean reduction
@wrong("3.5-4", "Your loss is divided by the size of the vocabulary too,")
def mean_reduction(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        z = teacher(inputs) / temperature
    teacher.train(mode)
    s = student(inputs) / temperature
    return temperature**2 * F.kl_div(s.log_softmax(-1), z.softmax(-1), reduction="mean")


# No temperature inside
@wrong("3.5-4", "What comes out is as if neither side were softened:")
def no_temperature_inside(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        z = teacher(inputs)
    teacher.train(mode)
    s = student(inputs)
    return temperature**2 * F.kl_div(s.log_softmax(-1), z.softmax(-1), reduction="batchmean")


# A copy of the teacher
@right("3.5-4")
def a_copy_that_rests(student, teacher, inputs, temperature):

    rest = copy.deepcopy(teacher).eval()
    z = rest(inputs).detach() / temperature
    s = student(inputs) / temperature
    return temperature**2 * F.kl_div(s.log_softmax(-1), z.softmax(-1), reduction="batchmean")

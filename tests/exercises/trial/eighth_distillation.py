"""An eighth trial, chapter 3.5: answers written from the statements alone."""

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import logsumexp

from trial.answers import right, wrong


# Keepdim: the entropies come as [..., 1] instead of [...]
@wrong("3.5-1", "The probabilities are right. The entropy has the right numbers in")
def keepdim_the_entropies_come_as_1_instead_of(logits, temperature):
    p = torch.softmax(logits / temperature, -1)
    return (p, torch.special.entr(p).sum(-1, keepdim=True) / math.log(2))


# Takes exp without subtracting the largest: a logit of 1,000 overflows
@wrong("3.5-1", "For large logits the exponential is infinite, and infinity over")
def takes_exp_without_subtracting_the_largest_a_logit(logits, temperature):
    e = (logits / temperature).exp()
    p = e / e.sum(-1, keepdim=True)
    return (p, -(torch.xlogy(p, p) / torch.tensor(2.0).log()).sum(-1))


# Cross entropy less entropy, in numpy and scipy, numbers of Python
@right("3.5-2")
def cross_entropy_less_entropy_in_numpy_and_scipy(student_logits, teacher_logits):
    def logs(x):
        x = x.detach().double().numpy().reshape(-1, x.shape[-1])
        return x - logsumexp(x, axis=1, keepdims=True)

    s, t = (logs(student_logits), logs(teacher_logits))

    def kl(p, q):
        return float(np.mean([np.dot(np.exp(a), a - b) for a, b in zip(p, q, strict=False)]))

    return (kl(t, s), kl(s, t))


# Cross entropy with soft targets less the teacher's entropy
@right("3.5-3")
def cross_entropy_with_soft_targets_less_the_teacher(
    student_logits, teacher_logits, labels, temperature, alpha
):
    t = F.softmax(teacher_logits / temperature, -1)
    soft = F.cross_entropy(student_logits / temperature, t) - torch.special.entr(t).sum(-1).mean()
    return torch.lerp(F.cross_entropy(student_logits, labels), temperature**2 * soft, float(alpha))


# A deep copy of the teacher in evaluation mode
@right("3.5-4")
def a_deep_copy_of_the_teacher_in_evaluation(student, teacher, inputs, temperature):
    quiet = copy.deepcopy(teacher).eval().requires_grad_(False)
    target = F.log_softmax(quiet(inputs) / temperature, dim=1).detach()
    mine = F.log_softmax(student(inputs) / temperature, dim=1)
    return F.kl_div(mine, target, reduction="batchmean", log_target=True) * temperature * temperature


# Puts the teacher into evaluation mode and leaves it there
@wrong("3.5-4", "After your step the teacher is in evaluation mode for good.")
def puts_the_teacher_into_evaluation_mode_and_leaves(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = F.log_softmax(teacher(inputs) / temperature, -1)
    s = F.log_softmax(student(inputs) / temperature, -1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


# Sends the student through no_grad as well: there is nothing to train
@wrong("3.5-4", "No gradient reaches the student: its forward pass runs where no")
def sends_the_student_through_no_grad_as_well(student, teacher, inputs, temperature):
    was = teacher.training
    teacher.eval()
    with torch.no_grad():
        t = F.log_softmax(teacher(inputs) / temperature, -1)
        s = F.log_softmax(student(inputs) / temperature, -1)
    teacher.train(was)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


# Puts the teacher into training mode afterwards, in whatever mode it came
@wrong("3.5-4", "After your step the teacher is in training mode, even where it")
def puts_the_teacher_into_training_mode_afterwards_in(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).softmax(-1)
    teacher.train()
    s = F.log_softmax(student(inputs) / temperature, -1)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


# Spreads the lost rest evenly over the tokens that were not stored
@wrong("3.5-5", "You hand what is missing out to all other tokens. That is another")
def spreads_the_lost_rest_evenly_over_the_tokens(student_logits, probabilities, ids):
    vocab = student_logits.shape[-1]
    rest = (1 - probabilities.sum(-1, keepdim=True)).clamp(min=0) / max(vocab - ids.shape[-1], 1)
    p = rest.expand(-1, vocab).scatter(-1, ids, probabilities)
    return -(p * student_logits.log_softmax(-1)).sum(-1).mean()


# Scatters the shares into the whole vocabulary and uses soft targets
@right("3.5-5")
def scatters_the_shares_into_the_whole_vocabulary_and(student_logits, probabilities, ids):
    full = torch.zeros_like(student_logits).scatter(-1, ids, probabilities.to(student_logits.dtype))
    return F.cross_entropy(student_logits, full / full.sum(-1, keepdim=True))


# Replaces padding by 0 only after the squares: the loss is right, the gradient is NaN
@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is NaN: 0")
def replaces_padding_by_0_only_after_the_squares(student, teacher, projection, real):
    square = (student @ projection - teacher) ** 2
    square = torch.where(real[..., None], square, torch.zeros_like(square))
    return square.sum() / (real.sum() * square.shape[-1])


# Padding set to zero before the product, not cut out
@right("3.5-6")
def padding_set_to_zero_before_the_product_not(student, teacher, projection, real):
    pad = ~real[..., None]
    s, t = (student.masked_fill(pad, 0.0), teacher.masked_fill(pad, 0.0))
    return (torch.einsum("bsd,de->bse", s, projection) - t).square().sum() / (real.sum() * t.shape[-1])


# Multiplies by the mask: infinity times 0 is NaN
@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is NaN: 0")
def multiplies_by_the_mask_infinity_times_0_is(student, teacher, projection, real):
    square = (student @ projection - teacher) ** 2
    mask = real[..., None].to(square.dtype)
    return (square * mask).sum() / (mask.sum() * square.shape[-1])


# Means of the rows averaged: a short answer counts as much as a long one
@wrong("3.5-7", "You average within each row first. A token of a short text")
def means_of_the_rows_averaged_a_short_answer(logits, tokens, prompt_lengths, lengths):
    rows = []
    for b in range(len(tokens)):
        a, e = (int(prompt_lengths[b]), int(lengths[b]))
        if e > a:
            rows.append(F.cross_entropy(logits[b, a - 1 : e - 1], tokens[b, a:e]))
    return torch.stack(rows).mean()


# Mean of the seeds' quotients instead of the quotient of the means
@wrong("3.5-8", "You divide seed by seed and take the mean of the shares. A seed")
def mean_of_the_seeds_quotients_instead_of_the(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()


# Cuts the share to lie between 0 and 1
@wrong("3.5-8", "You cut the share off at 0 and at 1. Distillation can")
def cuts_the_share_to_lie_between_0_and(alone, distilled, teacher):
    return ((alone.mean() - distilled.mean()) / (alone.mean() - teacher.mean())).clamp(0, 1)


# Counts only the teacher's reading for the steps (400 x 90 / 25), not the student's own step
@wrong("3.5-9", "You count the teacher's reading alone. A step with the teacher")
def counts_only_the_teacher_s_reading_for_the():
    return {
        "skill": 0.722,
        "lead": 0.4,
        "most of the lead": False,
        "steps": 400 * 90 / 25,
        "control": "the student alone with as much arithmetic, on all the text",
    }


# Thinks the controls explain most of the gain (82.8 - 76.8 = 6.0 of 10.5), so 'not shown'; 4.5 is
# more than two errors
@wrong("3.5-10", "Hold the difference from the better control, not the gain over")
def thinks_the_controls_explain_most_of_the_gain():
    return {
        "gain": 10.5,
        "likeness": 4.5,
        "verdict": "not shown",
        "permuted": "the favourite's place, and the other numbers dealt to other classes",
    }

"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 3.5."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Measures the entropy of the probabilities at temperature 1, not of those that are returned
@wrong("3.5-1", "Your entropy is that of temperature 1. It belongs to the")
def entropy_before_the_temperature_fourteenth(logits, temperature):
    p = torch.softmax(logits / temperature, dim=-1)
    plain = torch.softmax(logits, dim=-1)
    return p, -torch.where(plain > 0, plain * torch.log2(plain), torch.zeros_like(plain)).sum(-1)


# Right: double precision, entropy from the logarithm of the denominator minus the mean logit
@right("3.5-1")
def entropy_from_the_denominator_fourteenth(logits, temperature):
    z = logits.double() / temperature
    z = z - z.amax(-1, keepdim=True)
    norm = torch.logsumexp(z, dim=-1, keepdim=True)
    p = torch.exp(z - norm)
    mean = (p * torch.where(torch.isinf(z), torch.zeros_like(z), z)).sum(-1)
    bits = (norm[..., 0] - mean) / math.log(2)
    return p.to(logits.dtype), bits.to(logits.dtype)


# Batchmean divides by the batch alone, not by the number of positions
@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with [batch,")
def batchmean_of_three_axes_fourteenth(student_logits, teacher_logits):
    s, t = F.log_softmax(student_logits, -1), F.log_softmax(teacher_logits, -1)
    forward = F.kl_div(s, t, reduction="batchmean", log_target=True)
    reverse = F.kl_div(t, s, reduction="batchmean", log_target=True)
    return forward, reverse


# 'batchmean' divides by the batch alone: sums over the positions of a row
@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with [batch,")
def divergences_batchmean_fourteenth(student_logits, teacher_logits):
    s = student_logits.log_softmax(-1)
    t = teacher_logits.log_softmax(-1)
    forward = F.kl_div(s, t, log_target=True, reduction="batchmean")
    reverse = F.kl_div(t, s, log_target=True, reduction="batchmean")
    return forward, reverse


# A small number inside the logarithm: what is as unlikely as e^-500 is cut off at 1e-8
@wrong("3.5-2", "With large logits your divergence is too small: a probability that")
def divergences_small_number_fourteenth(student_logits, teacher_logits):
    p = teacher_logits.softmax(-1)
    q = student_logits.softmax(-1)
    eps = 1e-8
    difference = torch.log(p + eps) - torch.log(q + eps)
    return (p * difference).sum(-1).mean(), -(q * difference).sum(-1).mean()


# The cross entropy with the true labels is softened too
@wrong("3.5-3", "Your hard loss is taken at temperature T. Labels are compared with")
def hard_term_softened_too_fourteenth(student_logits, teacher_logits, labels, temperature, alpha):
    student, teacher = student_logits / temperature, teacher_logits / temperature
    soft = F.kl_div(
        F.log_softmax(student, -1), F.log_softmax(teacher, -1), reduction="batchmean", log_target=True
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student, labels)


# Puts the teacher into training mode afterwards, however it came
@wrong("3.5-4", "After your step the teacher is in training mode, even where it came")
def teacher_always_left_in_training_fourteenth(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        target = F.log_softmax(teacher(inputs) / temperature, -1)
    teacher.train()
    answer = F.log_softmax(student(inputs) / temperature, -1)
    return temperature**2 * F.kl_div(answer, target, reduction="batchmean", log_target=True)


# Remembers the teacher's mode after it was switched to eval, so it is left there
@wrong("3.5-4", "After your step the teacher is in evaluation mode for good. Whoever")
def step_mode_remembered_too_late_fourteenth(student, teacher, inputs, temperature):
    teacher.eval()
    mode = teacher.training
    with torch.no_grad():
        target = teacher(inputs) / temperature
    teacher.train(mode)
    t = target.log_softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


# Brings the stored shares to a sum of one by a softmax, not by a division
@wrong("3.5-5", "You renormalise by a softmax. Probabilities lie between 0 and 1, so")
def softmax_of_the_shares_fourteenth(student_logits, probabilities, ids):
    target = torch.softmax(probabilities, dim=-1)
    log_q = F.log_softmax(student_logits, dim=-1).gather(1, ids)
    return -(target * log_q).sum(-1).mean()


# The mean of each row's mean: a token of a short row counts more
@wrong("3.5-6", "You average within each text first, so a position of a short text")
def hidden_mean_of_rows_fourteenth(student, teacher, projection, real):
    rows = []
    for b in range(len(real)):
        if real[b].any():
            difference = student[b][real[b]] @ projection - teacher[b][real[b]]
            rows.append((difference**2).mean())
    return torch.stack(rows).mean()


# Where behind the arithmetic: the loss is right, but infinite padding makes the gradient NaN
@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is NaN: 0")
def hidden_where_after_fourteenth(student, teacher, projection, real):
    square = (student @ projection - teacher) ** 2
    square = torch.where(real[..., None], square, torch.zeros_like(square))
    return square.sum() / (real.sum() * teacher.shape[-1])


# Unusual: one real position after the other, the product written as an einsum
@right("3.5-6")
def hidden_position_by_position_fourteenth(student, teacher, projection, real):
    total, count = 0.0, 0
    for b in range(real.shape[0]):
        for s in range(real.shape[1]):
            if bool(real[b, s]):
                error = torch.einsum("i,io->o", student[b, s], projection) - teacher[b, s]
                total = total + torch.einsum("o,o->", error, error)
                count += error.numel()
    return total / count


# Knows padding by its number 0, so a real token 0 of the teacher is not scored
@wrong("3.5-7", "You leave out every token 0. It is a token like any other, and the")
def token_zero_taken_for_padding_fourteenth(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(tokens.shape[1])[None, 1:]
    written = (place >= prompt_lengths[:, None]) & (tokens[:, 1:] != 0)
    log_p = F.log_softmax(logits[:, :-1], -1).gather(2, tokens[:, 1:, None])[..., 0]
    return -log_p[written].mean()


# Right: one token after the other, minus the logit plus the logarithm of the denominator
@right("3.5-7")
def token_by_token_fourteenth(logits, tokens, prompt_lengths, lengths):
    total, number = 0.0, 0
    for r, (begin, end) in enumerate(zip(prompt_lengths.tolist(), lengths.tolist(), strict=False)):
        for i in range(begin, end):
            row = logits[r, i - 1]
            total = total + torch.logsumexp(row, 0) - row[tokens[r, i]]
            number += 1
    return total / number


# The share of the lead that is still missing instead of the share kept
@wrong("3.5-8", "Your number is 0 for a student as good as its teacher: it is the")
def share_still_missing_fourteenth(alone, distilled, teacher):
    return (distilled.mean() - teacher.mean()) / (alone.mean() - teacher.mean())


# Counts only the teacher's reading as arithmetic of the distilled student, not its own steps
@wrong("3.5-9", "'steps': You count the teacher's reading alone. A step with the")
def only_the_teachers_reading_fourteenth():
    lead = (2.43 - 2.15) / (2.43 - 1.73)
    return {
        "skill": (3.24 - 2.15) / (3.24 - 1.73),
        "lead": lead,
        "most of the lead": lead > 0.5,
        "steps": 400 * 90 / 25,
        "control": "the student alone with as much arithmetic, on all the text",
    }


# Holds the soft labels against the mean of both controls instead of the better one
@wrong("3.5-10", "'likeness': You compare with the mean of the controls. Each takes")
def soft_against_mean_of_controls_fourteenth():
    likeness = 87.3 - (82.8 + 82.2) / 2
    return {
        "gain": 87.3 - 76.8,
        "likeness": likeness,
        "verdict": "holds" if likeness > 2 * 1.0 else "not shown",
        "permuted": "the favourite's place, and the other numbers dealt to other classes",
    }


# Requests that are handed over are not charged for the small model, though it answered them first
@wrong("3.5-11", "'work': You let the small model read only what it keeps. It has to")
def small_model_free_when_handed_over_fourteenth():
    random = 61 + 0.2 * (86 - 61)
    return {
        "random": random,
        "kept": (68.0 - 61) / (86 - 61),
        "work": (0.8 * 1 + 0.2 * 10) / 10,
        "knows": random < 68.0,
        "control": "the same share of the requests, drawn at random",
    }

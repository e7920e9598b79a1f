"""A thirteenth trial, answers written from the statements alone, chapter 3.5."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# P times log p with p = 0 and log p = -inf: NaN
@wrong("3.5-1", "For a token that cannot come your entropy is NaN: its probability")
def entropy_is_nan_with_impossible_tokens_thirteenth(logits, temperature):
    log_p = torch.log_softmax(logits / temperature, dim=-1)
    p = log_p.exp()
    entropy = -(p * log_p).sum(dim=-1) / torch.log(torch.tensor(2.0, dtype=log_p.dtype))
    return p, entropy


# Entropy of the probabilities at temperature 1
@wrong("3.5-1", "Your entropy is that of temperature 1. It belongs to the")
def soften_entropy_unsoftened_thirteenth(logits, temperature):
    soft = torch.softmax(logits / temperature, dim=-1)
    plain = torch.softmax(logits, dim=-1)
    terms = torch.where(plain > 0, plain * torch.log2(plain.clamp(min=1e-38)), torch.zeros_like(plain))
    return soft, -terms.sum(-1)


# Batchmean divides by the batch alone, not by all positions
@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with [batch,")
def batchmean_forgets_the_sequence_thirteenth(student_logits, teacher_logits):
    s = F.log_softmax(student_logits, dim=-1)
    t = F.log_softmax(teacher_logits, dim=-1)
    forward = F.kl_div(s, t, reduction="batchmean", log_target=True)
    reverse = F.kl_div(t, s, reduction="batchmean", log_target=True)
    return forward, reverse


# Batchmean divides by the batch alone, not by batch times positions
@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with [batch,")
def divergences_batchmean_thirteenth(student_logits, teacher_logits):
    s = torch.log_softmax(student_logits, dim=-1)
    t = torch.log_softmax(teacher_logits, dim=-1)
    forward = F.kl_div(s, t, reduction="batchmean", log_target=True)
    reverse = F.kl_div(t, s, reduction="batchmean", log_target=True)
    return forward, reverse


# KL as cross entropy less entropy, with einsum, rows in float64
@right("3.5-3")
def distillation_by_cross_entropy_thirteenth(student_logits, teacher_logits, labels, temperature, alpha):
    s = student_logits.double()
    t = teacher_logits.double().detach()
    p = torch.softmax(t / temperature, dim=-1)
    entropy = -torch.special.xlogy(p, p).sum(-1)
    cross = -torch.einsum("bv,bv->b", p, s / temperature - torch.logsumexp(s / temperature, -1, keepdim=True))
    hard = torch.logsumexp(s, -1) - s[torch.arange(len(labels)), labels]
    loss = alpha * temperature**2 * (cross - entropy).mean() + (1 - alpha) * hard.mean()
    return loss.to(student_logits.dtype)


# Everything written out with logsumexp and einsum
@right("3.5-3")
def distillation_written_out_thirteenth(student_logits, teacher_logits, labels, temperature, alpha):
    def logs(z):
        return z - torch.logsumexp(z, dim=1, keepdim=True)

    t = logs(teacher_logits / temperature)
    s = logs(student_logits / temperature)
    n = len(labels)
    soft = torch.einsum("bv,bv->", t.exp(), t - s) / n
    hard = -logs(student_logits)[range(n), labels].sum() / n
    return alpha * temperature**2 * soft + (1 - alpha) * hard


# Puts the teacher into training mode afterwards, whatever its mode was
@wrong("3.5-4", "After your step the teacher is in training mode, even where it came")
def teacher_always_left_training_thirteenth(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = F.log_softmax(teacher(inputs) / temperature, dim=-1)
    teacher.train()
    s = F.log_softmax(student(inputs) / temperature, dim=-1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


# The teacher is always left in training mode
@wrong("3.5-4", "After your step the teacher is in training mode, even where it came")
def step_teacher_left_training_thirteenth(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = torch.log_softmax(teacher(inputs) / temperature, dim=-1)
    teacher.train()
    s = torch.log_softmax(student(inputs) / temperature, dim=-1)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean", log_target=True)


# The student is renormalised over the k tokens as well
@wrong("3.5-5", "Your student's softmax runs over the k stored tokens alone. It may")
def student_renormalised_too_thirteenth(student_logits, probabilities, ids):
    target = probabilities / probabilities.sum(-1, keepdim=True)
    log_p = F.log_softmax(student_logits.gather(-1, ids), dim=-1)
    return -(target * log_p).sum(-1).mean()


# The student is normed over the k tokens alone
@wrong("3.5-5", "Your student's softmax runs over the k stored tokens alone. It may")
def truncated_student_over_k_thirteenth(student_logits, probabilities, ids):
    teacher = probabilities / probabilities.sum(dim=-1, keepdim=True)
    student = torch.log_softmax(student_logits.gather(-1, ids), dim=-1)
    return -(teacher * student).sum(-1).mean()


# Masks after the product: the loss is right, but infinite rubbish makes the projection's gradient NaN
@wrong("3.5-6", "The loss and gradient of the student's states are right. For")
def rubbish_reaches_the_gradient_thirteenth(student, teacher, projection, real):
    difference = student @ projection - teacher
    difference = torch.where(real[..., None], difference, torch.zeros_like(difference))
    return (difference**2).sum() / (real.sum() * teacher.shape[-1])


# One real position after the other
@right("3.5-6")
def hidden_loss_one_by_one_thirteenth(student, teacher, projection, real):
    total, count = 0.0, 0
    for b, i in real.nonzero().tolist():
        total = total + ((student[b, i] @ projection - teacher[b, i]) ** 2).sum()
        count += teacher.shape[-1]
    return total / count


# Padding recognised by the token 0, which the teacher may write as well
@wrong("3.5-7", "You leave out every token 0. It is a token like any other, and the")
def zeros_taken_for_padding_thirteenth(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1], device=tokens.device)[None]
    target = tokens[:, 1:]
    own = (place >= prompt_lengths[:, None]) & (place < lengths[:, None]) & (target != 0)
    log_p = F.log_softmax(logits[:, :-1], dim=-1)
    picked = log_p.gather(-1, target[..., None]).squeeze(-1)
    return -picked[own].mean()


# What is not the teacher's gets the label 0, which is ignored: real tokens 0 are lost too
@wrong("3.5-7", "You leave out every token 0. It is a token like any other, and the")
def sequence_ignores_zero_thirteenth(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    written = (place >= prompt_lengths.unsqueeze(1)) & (place < lengths.unsqueeze(1))
    labels = tokens[:, 1:].masked_fill(~written, 0)
    return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=0)


# Linear interpolation read backwards: one less what is still missing, with sums
@right("3.5-8")
def share_from_what_is_missing_thirteenth(alone, distilled, teacher):
    mean = [sum(float(v) for v in values) / len(values) for values in (alone, distilled, teacher)]
    return torch.tensor(1 - (mean[1] - mean[2]) / (mean[0] - mean[2]))


# Mean of the seeds' shares, not share of the means
@wrong("3.5-8", "You divide seed by seed and take the mean of the shares. A seed")
def share_kept_seed_by_seed_thirteenth(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()


# The distilled student's own arithmetic is forgotten: only the teacher's reading is exchanged
@wrong("3.5-9", "'steps': You count the teacher's reading alone. A step with the")
def only_the_teachers_work_exchanged_thirteenth():
    return {
        "skill": (3.24 - 2.15) / (3.24 - 1.73),
        "lead": (2.43 - 2.15) / (2.43 - 1.73),
        "most of the lead": False,
        "steps": 400 * 90 / 25,
        "control": "the student alone with as much arithmetic, on all the text",
    }


# Only the teacher's reading is turned into steps, the student's own are forgotten
@wrong("3.5-9", "'steps': You count the teacher's reading alone. A step with the")
def steps_of_the_reading_only_thirteenth():
    return {
        "skill": (3.24 - 2.15) / (3.24 - 1.73),
        "lead": (2.43 - 2.15) / (2.43 - 1.73),
        "most of the lead": False,
        "steps": 400 * 90 / 25,
        "control": "the student alone with as much arithmetic, on all the text",
    }


# The requests that are handed over are taken not to cost the small model anything
@wrong("3.5-11", "'work': You let the small model read only what it keeps. It has to")
def small_model_skipped_for_handed_over_thirteenth():
    return {
        "random": 61 + 0.2 * (86 - 61),
        "kept": (68.0 - 61) / (86 - 61),
        "work": (0.8 * 1 + 0.2 * 10) / 10,
        "knows": True,
        "control": "the same share of the requests, drawn at random",
    }


# The small model is taken not to have read what is handed over
@wrong("3.5-11", "'work': You let the small model read only what it keeps. It has to")
def handed_over_unread_thirteenth():
    return {
        "random": 61 + 0.2 * (86 - 61),
        "kept": (68.0 - 61) / (86 - 61),
        "work": 0.2 * 1 + 0.8 * 0.1,
        "knows": True,
        "control": "the same share of the requests, drawn at random",
    }

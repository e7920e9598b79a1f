"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 3.5."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# 0 times log2 0 is NaN where a token cannot come
@wrong("3.5-1", "Where a probability is 0, your entropy is NaN: 0 times the")
def soften_nan_fifteenth(logits, temperature):
    p = torch.softmax(logits / temperature, -1)
    return p, -(p * torch.log2(p)).sum(-1)


# Entropy by torch.special.entr, softmax by hand
@right("3.5-1")
def soften_entr_fifteenth(logits, temperature):
    z = logits / temperature
    z = z - z.amax(-1, keepdim=True)
    p = torch.exp(z)
    p = p / p.sum(-1, keepdim=True)
    return p, torch.special.entr(p).sum(-1) / math.log(2)


# Positions one by one, in float64
@right("3.5-2")
def divergences_loop_fifteenth(student_logits, teacher_logits):
    s = student_logits.reshape(-1, student_logits.shape[-1]).double()
    t = teacher_logits.reshape(-1, teacher_logits.shape[-1]).double()
    forward = reverse = 0.0
    for a, b in zip(s, t, strict=False):
        la, lb = a - torch.logsumexp(a, 0), b - torch.logsumexp(b, 0)
        forward = forward + (lb.exp() * (lb - la)).sum()
        reverse = reverse + (la.exp() * (la - lb)).sum()
    return (forward / len(s)).to(student_logits.dtype), (reverse / len(s)).to(student_logits.dtype)


# Kl_div's arguments read the wrong way round: forward and reverse are exchanged
@wrong("3.5-2", "Your two numbers stand in each other's place: forward is weighted")
def divergences_swapped_fifteenth(student_logits, teacher_logits):
    s, t = torch.log_softmax(student_logits, -1), torch.log_softmax(teacher_logits, -1)
    forward = F.kl_div(t, s, reduction="none", log_target=True).sum(-1).mean()
    reverse = F.kl_div(s, t, reduction="none", log_target=True).sum(-1).mean()
    return forward, reverse


# The hard loss is softened by the temperature too
@wrong("3.5-3", "Your hard loss is taken at temperature T. Labels are compared with")
def hinton_soft_hard_fifteenth(student_logits, teacher_logits, labels, temperature, alpha):
    s = student_logits / temperature
    soft = F.kl_div(
        F.log_softmax(s, -1),
        F.log_softmax(teacher_logits / temperature, -1),
        reduction="batchmean",
        log_target=True,
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, labels)


# The teacher is put into training mode again, whatever it was before
@wrong("3.5-4", "After your step the teacher is in training mode, even where it came")
def teacher_always_train_fifteenth(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = torch.log_softmax(teacher(inputs) / temperature, -1)
    teacher.train()
    s = torch.log_softmax(student(inputs) / temperature, -1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


# The student too is renormalised over the k tokens
@wrong("3.5-5", "Your student's softmax runs over the k stored tokens alone. It may")
def truncated_student_too_fifteenth(student_logits, probabilities, ids):
    q = probabilities / probabilities.sum(-1, keepdim=True)
    logp = torch.log_softmax(student_logits.gather(1, ids), -1)
    return -(q * logp).sum(-1).mean()


# Multiplied with the mask: infinity times 0 is NaN
@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is NaN: 0")
def hidden_mask_by_product_fifteenth(student, teacher, projection, real):
    d = (student @ projection - teacher) ** 2 * real[..., None]
    return d.sum() / (real.sum() * teacher.shape[-1])


# The first token of the teacher is not scored
@wrong("3.5-7", "The first token that the teacher wrote is missing. The student")
def sequence_misses_first_fifteenth(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    scored = (place[None] > prompt_lengths[:, None]) & (place[None] < lengths[:, None])
    nats = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return nats[scored].sum() / scored.sum().clamp(min=1)


# The loss of the first token of the teacher is missed: begins at the place of it, not the one before
@wrong("3.5-7", "The first token that the teacher wrote is missing. The student")
def sequence_first_missed_fifteenth(logits, tokens, prompt_lengths, lengths):
    loss = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    keep = (place > prompt_lengths[:, None]) & (place < lengths[:, None])
    return torch.where(keep, loss, torch.zeros_like(loss)).sum() / keep.sum().clamp(min=1)


# Loops over rows, joins the pieces and takes one cross entropy
@right("3.5-7")
def sequence_by_pieces_fifteenth(logits, tokens, prompt_lengths, lengths):
    places, labels = [], []
    for r in range(len(tokens)):
        a, b = int(prompt_lengths[r]), int(lengths[r])
        if b > a:
            places.append(logits[r, a - 1 : b - 1])
            labels.append(tokens[r, a:b])
    return F.cross_entropy(torch.cat(places), torch.cat(labels))


# Mean of the seeds' shares instead of mean gain over mean gain
@wrong("3.5-8", "You divide seed by seed and take the mean of the shares. A seed")
def share_mean_of_ratios_fifteenth(alone, distilled, teacher):
    a, d, t = (torch.as_tensor(v, dtype=torch.float64) for v in (alone, distilled, teacher))
    return ((a - d) / (a - t)).mean()


# Mean of each seed's own share
@wrong("3.5-8", "You divide seed by seed and take the mean of the shares. A seed")
def share_mean_of_ratios_fifteenth_too(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()


# The distilled student's own steps are forgotten in the arithmetic
@wrong("3.5-9", "'steps': You count the teacher's reading alone. A step with the")
def steps_of_teacher_only_fifteenth():
    return {
        "skill": (3.24 - 2.15) / (3.24 - 1.73),
        "lead": (2.43 - 2.15) / (2.43 - 1.73),
        "most of the lead": False,
        "steps": 400 * 90 / 25,
        "control": "the student alone with as much arithmetic, on all the text",
    }


# Beats the worse control instead of the better one
@wrong("3.5-10", "'likeness': You compare with the weaker control. A claim has to")
def soft_against_worse_fifteenth():
    return {
        "gain": 87.3 - 76.8,
        "likeness": 87.3 - 82.2,
        "verdict": "holds",
        "permuted": "the favourite's place, and the other numbers dealt to other classes",
    }


# The small model is charged only for what it keeps
@wrong("3.5-11", "'work': You let the small model read only what it keeps. It has to")
def fallback_small_for_kept_fifteenth():
    return {
        "random": 61 + 0.2 * 25,
        "kept": 7 / 25,
        "work": 0.2 + 0.8 / 10,
        "knows": True,
        "control": "the same share of the requests, drawn at random",
    }

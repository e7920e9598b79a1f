"""A seventh trial, chapter 3.5: answers written from the statements alone."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# The probabilities are divided by T and normed again: T cancels, nothing is softened
@wrong("3.5-1", "The temperature has no effect in your answer. Logits")
def the_probabilities_are_divided_by_t(logits, temperature):
    p = logits.softmax(-1) / temperature
    p = p / p.sum(-1, keepdim=True)
    return p, -(p * p.clamp(min=1e-30).log2()).sum(-1)


# Torch.special.entr for the entropy, softmax by hand with logsumexp
@right("3.5-1")
def torch_special_entr_for_the_entropy_softmax(logits, temperature):
    z = logits / temperature
    p = torch.exp(z - z.logsumexp(-1, keepdim=True))
    return p, torch.special.entr(p).sum(-1) / math.log(2)


# F.kl_div with 'batchmean', which divides by the batch alone and not by the positions of a row
@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with")
def f_kl_div_with_batchmean_which_divides(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return F.kl_div(s, t, log_target=True, reduction="batchmean"), F.kl_div(
        t, s, log_target=True, reduction="batchmean"
    )


# Cross entropy minus entropy, by torch.distributions
@right("3.5-2")
def cross_entropy_minus_entropy_by_torch(student_logits, teacher_logits):
    s = torch.distributions.Categorical(logits=student_logits, validate_args=False)
    t = torch.distributions.Categorical(logits=teacher_logits, validate_args=False)
    forward = (t.probs * (t.logits - s.logits)).sum(-1)
    reverse = (s.probs * (s.logits - t.logits)).sum(-1)
    return forward.flatten().mean(), reverse.flatten().mean()


# T squared stands before both terms, the hard one too
@wrong("3.5-3", "The hard loss carries T^2 as well. It was taken at temperature 1")
def t_squared_stands_before_both_terms_the_hard(student_logits, teacher_logits, labels, temperature, alpha):
    t = (teacher_logits / temperature).log_softmax(-1)
    s = (student_logits / temperature).log_softmax(-1)
    soft = (t.exp() * (t - s)).sum(-1).mean()
    return temperature**2 * (alpha * soft + (1 - alpha) * F.cross_entropy(student_logits, labels))


# Afterwards teacher.train() in any case: a teacher that came in evaluation mode leaves in training mode
@wrong("3.5-4", "After your step the teacher is in training mode, even where it")
def afterwards_teacher_train_in_any_case(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    teacher.train()
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(s, t, log_target=True, reduction="batchmean")


# The stored shares go through a softmax instead of a division by their sum
@wrong("3.5-5", "You renormalise by a softmax. Probabilities lie between 0 and 1,")
def the_stored_shares_go_through_a_softmax(student_logits, probabilities, ids):
    logp = student_logits.log_softmax(-1).gather(-1, ids)
    return -(probabilities.softmax(-1) * logp).sum(-1).mean()


# The student is normed over the k stored tokens alone (softmax of the gathered logits)
@wrong("3.5-5", "Your student's softmax runs over the k stored tokens alone. It")
def the_student_is_normed_over_the_k_stored(student_logits, probabilities, ids):
    target = probabilities / probabilities.sum(-1, keepdim=True)
    return -(target * student_logits.gather(-1, ids).log_softmax(-1)).sum(-1).mean()


# A dense target by scatter and F.cross_entropy with probabilities
@right("3.5-5")
def a_dense_target_by_scatter_and_f_cross(student_logits, probabilities, ids):
    target = torch.zeros_like(student_logits).scatter(-1, ids, probabilities.to(student_logits.dtype))
    return F.cross_entropy(student_logits, F.normalize(target, p=1, dim=-1))


# Torch.where after the squares: the loss is right, but the gradient through infinite padding is NaN
@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is NaN:")
def torch_where_after_the_squares_the_loss(student, teacher, projection, real):
    square = (student @ projection - teacher) ** 2
    kept = torch.where(real[..., None], square, torch.zeros_like(square))
    return kept.sum() / (real.sum() * teacher.shape[-1])


# Padding is set to zero on both sides and then the mean is taken over all positions, padded ones too
@wrong("3.5-6", "You sum over the real positions and divide by all. The loss then")
def padding_is_set_to_zero_on_both_sides(student, teacher, projection, real):
    keep = real[..., None]
    student = torch.where(keep, student, torch.zeros_like(student))
    teacher = torch.where(keep, teacher, torch.zeros_like(teacher))
    return F.mse_loss(student @ projection, teacher)


# A loop over the rows, real positions picked by nonzero
@right("3.5-6")
def a_loop_over_the_rows_real_positions_picked(student, teacher, projection, real):
    total, count = 0.0, 0
    for s, t, keep in zip(student, teacher, real, strict=False):
        places = torch.nonzero(keep).flatten().tolist()
        for i in places:
            difference = s[i] @ projection - t[i]
            total = total + torch.dot(difference, difference)
            count += difference.numel()
    return total / count


# Padding is found by ignore_index=0: a true token 0 that the teacher wrote is not scored either
@wrong("3.5-7", "You leave out every token 0. It is a token like any other, and")
def padding_is_found_by_ignore_index_0_a_true(logits, tokens, prompt_lengths, lengths):
    labels = tokens[:, 1:].clone()
    place = torch.arange(1, tokens.shape[1])
    labels[(place < prompt_lengths[:, None]) | (place >= lengths[:, None])] = 0
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), ignore_index=0)


# The mask is laid over the places of the logits, not of the labels: the teacher's first token is left out
@wrong("3.5-7", "The first token that the teacher wrote is missing. The student")
def the_mask_is_laid_over_the_places(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(tokens.shape[1] - 1)
    scored = (place >= prompt_lengths[:, None]) & (place < lengths[:, None] - 1)
    nats = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return (nats * scored).sum() / scored.sum()


# Loops over rows and slices, the pieces joined and scored once
@right("3.5-7")
def loops_over_rows_and_slices_the_pieces_joined(logits, tokens, prompt_lengths, lengths):
    guesses, labels = [], []
    for row, (a, b) in enumerate(zip(prompt_lengths.tolist(), lengths.tolist(), strict=False)):
        guesses.append(logits[row, a - 1 : b - 1] if b > a else logits[row, :0])
        labels.append(tokens[row, a:b])
    return F.cross_entropy(torch.cat(guesses), torch.cat(labels))


# The share is held between 0 and 1
@wrong("3.5-8", "You cut the share off at 0 and at 1. Distillation can")
def the_share_is_held_between_0_and_1(alone, distilled, teacher):
    alone, distilled, teacher = (torch.as_tensor(x).double().mean() for x in (alone, distilled, teacher))
    return ((alone - distilled) / (alone - teacher)).clamp(0, 1)


def _price(**other):
    said = {
        "skill": 1.09 / 1.51,
        "lead": 0.4,
        "most of the lead": False,
        "steps": 1840,
        "control": "the student alone with as much arithmetic, on all the text",
    }
    return {**said, **other}


# Steps = 400 * 90 / 25, the teacher's reading alone turned into steps, the student's own 400 forgotten
@wrong("3.5-9", "You count the teacher's reading alone. A step with the teacher")
def steps_400_90_25_the_teacher_s_reading_alone():
    return _price(steps=1440)


def _soft(**other):
    said = {
        "gain": 10.5,
        "likeness": 4.5,
        "verdict": "holds",
        "permuted": "the favourite's place, and the other numbers dealt to other classes",
    }
    return {**said, **other}


# Likeness against the mean of the two controls (82.5), not the better one
@wrong("3.5-10", "You compare with the mean of the controls. Each takes the")
def likeness_against_the_mean_of_the_two():
    return _soft(likeness=4.8)


def _curve(**other):
    said = {
        "random": 66.0,
        "kept": 0.28,
        "work": 0.3,
        "knows": True,
        "control": "the same share of the requests, drawn at random",
    }
    return {**said, **other}


# Work = 0.8 * 0.1 + 0.2, the small model's work on what it hands over forgotten
@wrong("3.5-11", "You let the small model read only what it keeps. It has to try a")
def work_0_8_0_1_0_2_the_small_model_s_work():
    return _curve(work=0.28)

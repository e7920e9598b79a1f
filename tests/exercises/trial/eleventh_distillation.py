"""An eleventh trial, chapter 3.5: answers of an audit of what the messages claim."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def _divergences(student_logits, teacher_logits):
    p, q = teacher_logits.log_softmax(-1), student_logits.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1), (q.exp() * (q - p)).sum(-1)


# The logarithms of the probabilities are divided by T: the same as a power
@wrong("3.5-1", "Your temperature comes after the softmax.")
def log_probabilities_by_t(logits, temperature):
    p = (logits.log_softmax(-1) / temperature).exp()
    return p, torch.special.entr(p).sum(-1) / torch.tensor(2.0).log()


# The softened probabilities serve the entropy alone
@wrong("3.5-1", "The probabilities that you return are those of")
def unsoftened_returned(logits, temperature):
    p = (logits / temperature).softmax(-1)
    return logits.softmax(-1), torch.special.entr(p).sum(-1) / torch.tensor(2.0).log()


# The reverse divergence twice: nothing is negative
@wrong("3.5-2", "You return the same number twice.")
def reverse_twice(student_logits, teacher_logits):
    _, back = _divergences(student_logits, teacher_logits)
    return back.mean(), back.mean()


# A small number is added before the logarithm
@wrong("3.5-2", "counts as a small number")
def a_small_number_added(student_logits, teacher_logits):
    p, q = teacher_logits.softmax(-1) + 1e-8, student_logits.softmax(-1) + 1e-8
    return (p * (p / q).log()).sum(-1).mean(), (q * (q / p).log()).sum(-1).mean()


# Entropy of one less entropy of the other
@wrong("3.5-2", "one entropy less the other")
def entropies_compared(student_logits, teacher_logits):
    p, q = teacher_logits.softmax(-1), student_logits.softmax(-1)
    gap = (torch.special.entr(q) - torch.special.entr(p)).sum(-1).mean()
    return gap, -gap


# The probabilities are averaged over the positions before they are compared
@wrong("3.5-2", "compares means over the positions")
def mean_probabilities(student_logits, teacher_logits):
    p = teacher_logits.softmax(-1).flatten(0, -2).mean(0)
    q = student_logits.softmax(-1).flatten(0, -2).mean(0)
    return (p * (p / q).log()).sum(), (q * (q / p).log()).sum()


# One of the two is left a cross entropy
@wrong("3.5-2", "the other a cross entropy")
def reverse_left_a_cross_entropy(student_logits, teacher_logits):
    forward, _ = _divergences(student_logits, teacher_logits)
    reverse = -(student_logits.softmax(-1) * teacher_logits.log_softmax(-1)).sum(-1)
    return forward.mean(), reverse.mean()


# The logarithm of the softmax: NaN where the softmax rounds to 0
@wrong("3.5-3", "For large logits your loss, or its gradient, is NaN or infinite")
def logarithm_of_the_softmax(student_logits, teacher_logits, labels, temperature, alpha):
    p, q = (teacher_logits / temperature).softmax(-1), (student_logits / temperature).softmax(-1)
    soft = (p * (p.log() - q.log())).sum(-1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


# The teacher is asked for the labels, not the student
@wrong("3.5-3", "the teacher's cross entropy with the labels")
def hard_loss_of_the_teacher(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, p = (student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).softmax(-1)
    soft = F.kl_div(log_q, p, reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(teacher_logits, labels)


# The soft loss alone is summed over the batch
@wrong("3.5-3", "Your soft term is summed over the batch")
def soft_loss_summed(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, p = (student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).softmax(-1)
    soft = F.kl_div(log_q, p, reduction="sum")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def _asked(teacher, inputs):
    mode = teacher.training
    with torch.no_grad():
        logits = teacher.eval()(inputs)
    teacher.train(mode)
    return logits


def _kl(student_logits, teacher_logits, t):
    p = (teacher_logits / t).softmax(-1)
    return t**2 * F.kl_div((student_logits / t).log_softmax(-1), p, reduction="batchmean")


# The teacher's mode is taken from the student
@wrong("3.5-4", "the teacher is in the mode of the student")
def the_students_mode(student, teacher, inputs, temperature):
    logits = _asked(teacher, inputs)
    teacher.train(student.training)
    return _kl(student(inputs), logits, temperature)


# The chance of every dropout is set to 0, and stays so
@wrong("3.5-4", "The teacher's dropout is not what it was")
def dropout_set_to_zero(student, teacher, inputs, temperature):
    for module in teacher.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        logits = teacher(inputs)
    return _kl(student(inputs), logits, temperature)


# The loss itself is cut off
@wrong("3.5-4", "or the loss, was cut off")
def the_loss_cut_off(student, teacher, inputs, temperature):
    return _kl(student(inputs), _asked(teacher, inputs), temperature).detach()


# The modes of all modules, one by one
@right("3.5-4")
def mode_after_mode(student, teacher, inputs, temperature):
    modes = [(module, module.training) for module in teacher.modules()]
    logits = teacher.eval()(inputs).detach()
    for module, mode in modes:
        module.training = mode
    return _kl(student(inputs), logits, temperature)


# A weighted mean: rows of which more was kept count more
@wrong("3.5-5", "Rows of which more was kept count more")
def rows_weighted_by_what_was_kept(student_logits, probabilities, ids):
    kept = probabilities.sum(-1)
    logs = student_logits.log_softmax(-1).gather(-1, ids)
    losses = -(probabilities / kept[:, None] * logs).sum(-1)
    return (losses * kept).sum() / kept.sum()


# The student's own k largest, whatever the ids say
@wrong("3.5-5", "the k largest of the student's probabilities")
def the_students_own_k(student_logits, probabilities, ids):
    targets = probabilities / probabilities.sum(-1, keepdim=True)
    return -(targets * student_logits.log_softmax(-1).topk(ids.shape[1]).values).sum(-1).mean()


# F.normalize brings the squares to one, not the sum
@wrong("3.5-5", "the root of the sum of its squares")
def normalized_by_length(student_logits, probabilities, ids):
    logs = student_logits.log_softmax(-1).gather(-1, ids)
    return -(F.normalize(probabilities, dim=-1) * logs).sum(-1).mean()


# A mean over the width, summed and divided by the texts
@wrong("3.5-6", "then divide by the number of texts")
def divided_by_the_texts(student, teacher, projection, real):
    keep = real[..., None]
    gap = torch.where(keep, student, 0.0) @ projection - torch.where(keep, teacher, 0.0)
    return gap.square().mean(-1).sum() / len(real)


# The mask counts the places of the logits: all is one place too late
@wrong("3.5-7", "Your stretch lies one place too late")
def a_mask_of_logits(logits, tokens, prompt_lengths, lengths):
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(tokens.shape[1] - 1)
    return losses[(place >= prompt_lengths[:, None]) & (place < lengths[:, None])].mean()


# Probabilities go to nll_loss without a logarithm
@wrong("3.5-7", "the mean of the probabilities, with a minus sign")
def probabilities_for_nll(logits, tokens, prompt_lengths, lengths):
    losses = F.nll_loss(logits[:, :-1].softmax(-1).transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    return losses[(place >= prompt_lengths[:, None]) & (place < lengths[:, None])].mean()


# One prompt length for the whole batch: the longest
@wrong("3.5-7", "as if every prompt were as long as the longest")
def one_prompt_for_all(logits, tokens, prompt_lengths, lengths):
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    mask = (place >= prompt_lengths.max()) & (place < lengths[:, None])
    return (losses * mask).sum() / mask.sum().clamp(min=1)


# Harm is hidden, and no more
@wrong("3.5-8", "You cut the share off at 0.")
def no_harm(alone, distilled, teacher):
    return ((alone.mean() - distilled.mean()) / (alone.mean() - teacher.mean())).clamp(min=0)


# The median of the seeds' shares
@wrong("3.5-8", "take the median of the shares")
def median_share(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).median()


# Two slips at once: neither message may call the other's part right
@wrong("3.5-1", "It comes out as of two slips at once.")
def unsoftened_and_in_nats(logits, temperature):
    p = (logits / temperature).softmax(-1)
    return logits.softmax(-1), torch.special.entr(p).sum(-1)


# The student's padding is taken out, the teacher's is multiplied by zero
@wrong("3.5-6", "Where the teacher's padding holds infinity")
def the_teachers_padding_times_zero(student, teacher, projection, real):
    keep = real[..., None]
    gap = (student.masked_fill(~keep, 0.0) @ projection - teacher) * keep
    return gap.square().sum() / (keep.sum() * teacher.shape[-1])


# The label's probability is lifted by a small number before its logarithm
@wrong("3.5-3", "With large logits your loss is too small")
def a_lifted_label(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, p = (student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).softmax(-1)
    soft = F.kl_div(log_q, p, reduction="batchmean")
    hard = F.nll_loss((student_logits.softmax(-1) + 1e-8).log(), labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


# Probabilities themselves, squared
@wrong("3.5-2", "made of the probabilities themselves")
def squared_gaps(student_logits, teacher_logits):
    gap = (teacher_logits.softmax(-1) - student_logits.softmax(-1)).square().sum(-1).mean()
    return gap, gap


# One length of text for the whole batch: the longest
@wrong("3.5-7", "as if every text were as long as the longest")
def one_length_for_all(logits, tokens, prompt_lengths, lengths):
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    mask = (place >= prompt_lengths[:, None]) & (place < lengths.max())
    return losses[mask].mean()


# What is missing goes to a token "others"
@wrong("3.5-5", "as if all that is missing were one more token")
def a_token_for_the_others(student_logits, probabilities, ids):
    q = student_logits.softmax(-1).gather(-1, ids)
    q = torch.cat([q, (1 - q.sum(-1, keepdim=True)).clamp(min=1e-6)], -1)
    p = torch.cat([probabilities, 1 - probabilities.sum(-1, keepdim=True)], -1)
    return -(p * q.clamp(min=1e-38).log()).sum(-1).mean()

"""A ninth trial, chapter 3.5: answers of an audit that looked for what cases and words let pass."""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises import find
from trial.answers import wrong


# Sorted ids
@wrong("3.5-5", "What comes out is as if every row had the ids of the")
def sorted_ids(student_logits, probabilities, ids):
    t = probabilities / probabilities.sum(-1, keepdim=True)
    return -(t * student_logits.log_softmax(-1).gather(-1, ids.sort(-1).values)).sum(-1).mean()


# Ids of first row
@wrong("3.5-5", "What comes out is as if every row had the ids of the")
def ids_of_first_row(student_logits, probabilities, ids):
    t = probabilities / probabilities.sum(-1, keepdim=True)
    return -(t * student_logits.log_softmax(-1)[:, ids[0]]).sum(-1).mean()


# Divided by max
@wrong("3.5-5", "You divide by the largest of the k. A distribution sums")
def divided_by_max(student_logits, probabilities, ids):
    t = probabilities / probabilities.max(-1, keepdim=True).values
    return -(t * student_logits.log_softmax(-1).gather(-1, ids)).sum(-1).mean()


# Reverse weights
@wrong("3.5-5", "What comes out is weighted by the student's")
def reverse_weights(student_logits, probabilities, ids):
    t = probabilities / probabilities.sum(-1, keepdim=True)
    q = student_logits.softmax(-1).gather(-1, ids)
    return -(q * t.log()).sum(-1).mean()


# Weighted over batch
@wrong("3.5-5", "Rows of which more was kept count more in your loss.")
def weighted_over_batch(student_logits, probabilities, ids):
    losses = -(probabilities * student_logits.log_softmax(-1).gather(-1, ids)).sum(-1)
    return losses.sum() / probabilities.sum()


# Missing mass first
@wrong("3.5-5", "You give what is missing to the likeliest token. A")
def missing_mass_first(student_logits, probabilities, ids):
    t = probabilities.clone()
    t[:, 0] += 1 - t.sum(-1)
    return -(t * student_logits.log_softmax(-1).gather(-1, ids)).sum(-1).mean()


# Divided by student width
@wrong("3.5-6", "What comes out is the sum of the squares over another")
def divided_by_student_width(student, teacher, projection, real):
    d = student[real] @ projection - teacher[real]
    return d.square().sum() / (len(d) * student.shape[-1])


# Normalised
@wrong("3.5-6", "What comes out is as if both vectors were brought to")
def normalised(student, teacher, projection, real):
    a = F.normalize(student[real] @ projection, dim=-1)
    b = F.normalize(teacher[real], dim=-1)
    return (a - b).square().mean()


# Divided by batch
@wrong("3.5-6", "What comes out is the sum of the squares over another")
def divided_by_batch(student, teacher, projection, real):
    d = student[real] @ projection - teacher[real]
    return d.square().sum() / len(student)


# Huber
@wrong("3.5-6", "What comes out is a loss that grows with a large")
def huber(student, teacher, projection, real):
    return F.smooth_l1_loss(student[real] @ projection, teacher[real])


# Only student padding zero
@wrong("3.5-6", "Padding has an effect on your loss. What stands there is")
def only_student_padding_zero(student, teacher, projection, real):
    s = torch.where(real[..., None], student, 0.0)
    return (s @ projection - teacher).square().mean()


# Up to length inclusive
@wrong("3.5-7", "Your loss goes one place too far: where padding follows a")
def up_to_length_inclusive(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    m = (place >= prompt_lengths[:, None]) & (place <= lengths[:, None])
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses[m].mean()


# Written counts wrong
@wrong("3.5-7", "What comes out is the sum over the teacher's tokens,")
def written_counts_wrong(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    m = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return (losses * m).sum() / lengths.sum()


# Lengths without prompt
@wrong("3.5-7", "What comes out is as if lengths[r] counted the teacher's")
def lengths_without_prompt(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    m = (place >= prompt_lengths[:, None]) & (place < (prompt_lengths + lengths)[:, None])
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses[m].mean()


# Same prompt for all
@wrong("3.5-7", "What comes out is as if every row had the lengths of the")
def same_prompt_for_all(logits, tokens, prompt_lengths, lengths):
    p, n = int(prompt_lengths[0]), int(lengths[0])
    return F.cross_entropy(logits[:, p - 1 : n - 1].flatten(0, 1), tokens[:, p:n].flatten())


# Over rows that hold
@wrong("3.5-7", "You average within each row first. A token of a short")
def over_rows_that_hold(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    m = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    rows = [x[k].mean() for x, k in zip(losses, m, strict=False) if k.any()]
    return torch.stack(rows).mean()


# Prob mean
@wrong("3.5-7", "What comes out is the logarithm of a mean probability.")
def prob_mean(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    m = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return -(-losses[m]).exp().mean().log()


# Last token by zero
@wrong("3.5-7", "You leave out every token 0, and keep the prompt. Prompt")
def last_token_by_zero(logits, tokens, prompt_lengths, lengths):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0)


# Ratio of losses
@wrong("3.5-8", "You compare the student's loss with its teacher's and")
def ratio_of_losses(alone, distilled, teacher):
    return (alone.mean() / distilled.mean()) / (alone.mean() / teacher.mean())


# Median means
@wrong("3.5-8", "You take medians over the seeds. Asked for is the mean")
def median_means(alone, distilled, teacher):
    return (alone.median() - distilled.median()) / (alone.median() - teacher.median())


# Kept over distilled
@wrong("3.5-8", "You divide by what the distilled student still lacks. The")
def kept_over_distilled(alone, distilled, teacher):
    return (alone - distilled).mean() / (distilled - teacher).mean()


# Abs gain
@wrong("3.5-8", "A sign is lost on the way, as with abs(). In a seed")
def abs_gain(alone, distilled, teacher):
    return (alone - distilled).abs().mean() / (alone - teacher).abs().mean()


# Difference
@wrong("3.5-8", "What comes out is one gain less the other. A share is a")
def difference(alone, distilled, teacher):
    return (alone - distilled).mean() - (alone - teacher).mean()


# Sum over mean
@wrong("3.5-8", "One of your two gains is summed over the seeds and the")
def sum_over_mean(alone, distilled, teacher):
    return (alone - distilled).sum() / (alone - teacher).mean()


# Log ratio
@wrong("3.5-8", "You take the exponential, or the logarithm, of the losses")
def log_ratio(alone, distilled, teacher):
    return (alone.log() - distilled.log()).mean() / (alone.log() - teacher.log()).mean()


# Gain over teacher loss
@wrong("3.5-8", "You divide by a loss, that of the student alone or that")
def gain_over_teacher_loss(alone, distilled, teacher):
    return (alone - distilled).mean() / teacher.mean()


M, L, B = (find(k).right() for k in ("3.5-9", "3.5-10", "3.5-11"))


g, h, f = (find(k).given() for k in ("3.5-9", "3.5-10", "3.5-11"))


# Skill of alone
@wrong("3.5-9", "That is what the student alone saves. Asked for is the")
def skill_of_alone():
    return M | {"skill": (g["unigram"] - g["alone"]) / (g["unigram"] - g["teacher"])}


# Lead over unigram
@wrong("3.5-9", "Above and below the line you count from two zeros: one")
def lead_over_unigram():
    return M | {"lead": (g["alone"] - g["distilled"]) / (g["unigram"] - g["teacher"])}


# Swapped
@wrong("3.5-9", "You count skill from the student alone. That is the lead.")
def swapped():
    return M | {"skill": M["lead"], "lead": M["skill"]}


# Steps additional
@wrong("3.5-9", "You take the student's own work off the teacher's. A step")
def steps_additional():
    return M | {"steps": g["steps"] * g["forward"] / g["training"] - g["steps"]}


# Steps diff
@wrong("3.5-9", "You take the student's own work off the teacher's. A step")
def steps_diff():
    return M | {"steps": g["steps"] * (g["forward"] - g["training"]) / g["training"]}


# Steps same
@wrong("3.5-9", "First the numbers. 'steps': 400 is a number of the")
def steps_same():
    return M | {"steps": g["steps"], "control": "the student alone after as many steps"}


# Most skill
@wrong("3.5-9", "Compare the lead that was taken over with one half. Most")
def most_skill():
    return M | {"most of the lead": True}


# Lead points
@wrong("3.5-9", "That is a difference in bits. As a share it is divided by")
def lead_points():
    return M | {"lead": g["alone"] - g["distilled"], "skill": g["unigram"] - g["distilled"]}


# Over sum
@wrong("3.5-10", "You compare with the weaker control. A claim has to stand")
def over_sum():
    return L | {"likeness": h["soft"] - h["permuted"], "verdict": "holds"}


# Softness
@wrong("3.5-10", "That is what a control gains over the true labels: it")
def softness():
    return L | {"likeness": h["levelled"] - h["hard"]}


# Ns
@wrong("3.5-10", "Hold the difference from the better control, not the gain")
def ns():
    return L | {"verdict": "not shown"}


# Dnh
@wrong("3.5-10", "Nowhere do the soft labels fall clearly behind their")
def dnh():
    return L | {"verdict": "does not hold"}


# Perm
@wrong("3.5-10", "That is another control: it takes the softness, or the")
def perm():
    return L | {"permuted": "the true class alone, at 1"}


# Rnd mean
@wrong("3.5-11", "You give the middle between both models. On the straight")
def rnd_mean():
    return B | {"random": (f["small"] + f["large"]) / 2}


# Kept above chance
@wrong("3.5-11", "You count from what chance would give. The lead that is")
def kept_above_chance():
    return B | {"kept": (f["both"] - B["random"]) / (f["large"] - f["small"])}


# Work ratio
@wrong("3.5-11", "You count in the small model's requests. Asked for is a")
def work_ratio():
    return B | {"work": 1 + f["share"] * f["ratio"]}


# Knows
@wrong("3.5-11", "Compare with the straight line, not with either end. A")
def knows():
    return B | {"knows": not B["knows"]}

"""A twelfth trial, chapters 3.5 and 4.1: slips that show in one kind of input only."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A token that cannot come gets the logit -100
@wrong("3.5-1", "became a number such as -100")
def minus_a_hundred_for_minus_infinity(logits, temperature):
    logits = torch.where(logits.isinf(), torch.tensor(-100.0), logits)
    p = (logits / temperature).softmax(-1)
    return p, torch.special.entr(p).sum(-1) / math.log(2)


# The real positions are counted, and as many taken from the front
@wrong("3.5-6", "as if padding stood at the end of a text alone")
def as_many_from_the_front(student, teacher, projection, real):
    squares = []
    for i in range(len(student)):
        n = int(real[i].sum())
        squares.append((student[i, :n] @ projection - teacher[i, :n]) ** 2)
    return torch.cat(squares).mean()


# All positions up to the last real one
@wrong("3.5-6", "as if padding stood at the end of a text alone")
def up_to_the_last_real_one(student, teacher, projection, real):
    squares = []
    for i in range(len(student)):
        places = real[i].nonzero()
        n = int(places.max()) + 1 if len(places) else 0
        squares.append((student[i, :n] @ projection - teacher[i, :n]) ** 2)
    return torch.cat(squares).mean()


# Cleared on both sides, and then divided by the differences that are not 0
@wrong("3.5-6", "as if a difference of 0 did not count")
def divided_by_what_is_not_zero(student, teacher, projection, real):
    student = torch.where(real[..., None], student, 0.0)
    teacher = torch.where(real[..., None], teacher, 0.0)
    squares = (student @ projection - teacher) ** 2
    return squares.sum() / (squares != 0).sum()


# The softmax first, then its logarithm
@wrong("3.5-7", "For large logits your loss, or its gradient, is infinite")
def logarithm_of_the_softmax(logits, tokens, prompt_lengths, lengths):
    p = logits[:, :-1].softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1)
    place = torch.arange(1, tokens.shape[1])
    return -p.log()[(place >= prompt_lengths[:, None]) & (place < lengths[:, None])].mean()


# 1e-9 added to the probability, against a logarithm of 0
@wrong("3.5-7", "With large logits your loss is too small")
def a_small_number_in_the_logarithm(logits, tokens, prompt_lengths, lengths):
    p = logits[:, :-1].softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1)
    place = torch.arange(1, tokens.shape[1])
    return -(p + 1e-9).log()[(place >= prompt_lengths[:, None]) & (place < lengths[:, None])].mean()


# What does not count is set to 0, and what is above 0 is counted
@wrong("3.5-7", "as if a token with a loss of 0 did not count")
def divided_by_losses_above_zero(logits, tokens, prompt_lengths, lengths):
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    losses = losses * ((place >= prompt_lengths[:, None]) & (place < lengths[:, None]))
    return losses.sum() / (losses > 0).sum()


# Labels outside of the teacher's text are -100, which torch leaves out
@right("3.5-7")
def minus_a_hundred_for_what_does_not_count(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(tokens.shape[1])
    outside = (place < prompt_lengths[:, None]) | (place >= lengths[:, None])
    labels = tokens.masked_fill(outside, -100)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


# Seeds in which the teacher is no better are dropped before the means are taken
@wrong("3.5-8", "as if seeds in which the teacher gains nothing were left out")
def seeds_with_a_gain_alone(alone, distilled, teacher):
    gains = alone - teacher
    useful = gains > 0
    return (alone - distilled)[useful].mean() / gains[useful].mean()


# -1000 for -inf: low enough for most scores, but not beside scores of -1000
@wrong("4.1-2", "A score of -inf comes out as if it were a number")
def minus_a_thousand_for_minus_infinity(scores):
    scores = scores.masked_fill(scores.isinf(), -1000.0)
    powers = torch.exp(scores - scores.max(-1, keepdim=True).values)
    return powers / powers.sum(-1, keepdim=True)


# -1e30, far below what one meets and above what a float can hold
@wrong("4.1-3", "or even -1e30, is no wall there")
def the_future_at_minus_1e30(query, key, value):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    future = torch.ones(scores.shape[-2:]).triu(1).bool()
    return scores.masked_fill(future, -1e30).softmax(-1) @ value


# The least number that a 16-bit float holds
@wrong("4.1-4", "a finite number such as -1e4 is no wall there")
def padding_at_minus_65504(query, key, value, is_token):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~is_token[:, None, :], -65504.0)
    return scores.softmax(-1) @ value * is_token.any(1)[:, None, None]


# The keys as a slice that ends at 1 - period, which is 0 at period 1
@wrong("4.1-8", "With a period of 1 nothing is left")
def keys_by_a_slice(weights, period):
    return weights[:, period:, 1 : 1 - period].diagonal(dim1=1, dim2=2).mean(-1)


# 1e-5 added inside the logarithm: much beside a weight of 1/1024
@wrong("4.1-9", "It comes out as if weights were lifted before the logarithm")
def one_hundred_thousandth_inside(weights):
    return -(weights * (weights + 1e-5).log2()).sum(-1)

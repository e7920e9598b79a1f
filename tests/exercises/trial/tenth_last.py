"""A tenth trial, its last part: answers written from the statements alone that a message had not fitted."""

import math

import torch

from trial.answers import wrong


# A block is looked up by its place and its own tokens; those before it may be another text's
@wrong("2.3-2", "You compare each block by its own tokens.")
def blocks_looked_up_at_their_place(prompt, read, size):
    known = set()
    for text in read:
        for b in range(len(text) // size):
            known.add((b, tuple(text[b * size : (b + 1) * size])))
    reused = 0
    for b in range((len(prompt) - 1) // size):
        if (b, tuple(prompt[b * size : (b + 1) * size])) not in known:
            break
        reused += size
    return reused


# The power of the shares, not made to sum to one again
@wrong("3.2-4", "what comes out does not sum to 1")
def powers_of_shares_as_they_are(counts, power):
    return (counts / counts.sum()) ** power


# norm() without dim: the length of the whole matrix, not of each row
@wrong("3.2-6", "one length, that of the whole matrix")
def the_length_of_the_whole_matrix(anchors, positives, temperature):
    scores = (anchors / anchors.norm()) @ (positives / positives.norm()).T / temperature
    return -torch.log_softmax(scores, dim=1).diagonal().mean()


# The mask counts places of the logits, not of the predicted tokens: the teacher's first token is left out
@wrong("3.5-7", "The first token that the teacher wrote is missing.")
def a_mask_over_the_places_of_logits(logits, tokens, prompt_lengths, lengths):
    log_p = torch.log_softmax(logits, dim=-1)[:, :-1]
    nats = -log_p.gather(-1, tokens[:, 1:, None]).squeeze(-1)
    place = torch.arange(tokens.shape[1] - 1)
    scored = (place >= prompt_lengths[:, None]) & (place < lengths[:, None] - 1)
    return (nats * scored).sum() / scored.sum()


# Counted on from the point at 500 tokens, and the 500 forgotten: (40 - 8) / 0.01
@wrong("4.1-13", "must go from its first point")
def the_crossing_from_the_first_point():
    return {
        "fixed": 3.0,
        "thousand": 10.0,
        "level": 3200,
        "twice": 172 / 46,
        "says": "attention's lead shrinks with the length",
    }


# The variance as mean of squares minus square of the mean, in float32: far from zero it is lost
@wrong("4.2-1", "the mean of the squares less the square of the mean")
def variance_by_squares(x, weight, bias, eps):
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x * x).mean(dim=-1, keepdim=True) - mean * mean
    return (x - mean) / torch.sqrt(variance.clamp(min=0) + eps) * weight + bias


# The best continuation of each beam instead of the best of all
@wrong("4.2-11", "Every beginning gets exactly one child")
def one_child_for_each_beam(log_probs, step_log_probs):
    best, token = (log_probs[:, None] + step_log_probs).max(dim=1)
    best, parent = best.sort(descending=True)
    return parent, token[parent], best


# Rounded up as int + 1: one too many where the number is whole
@wrong("4.3-8", "Where the places come out whole already")
def places_cut_and_one_more(batch, seq, num_experts, top_k, capacity_factor):
    return int(capacity_factor * batch * seq * top_k / num_experts) + 1


# What is left, as a plain mean over experts, not weighted by how busy they are
@wrong("4.3-14", "an expert with few tokens counts as much as a busy one")
def what_is_left_by_a_plain_mean(counts):
    counts = counts.double()
    domains = counts.sum(0) / counts.sum()
    used = counts[counts.sum(1) > 0]
    left = torch.special.entr(used / used.sum(1, keepdim=True)).sum(1).mean()
    return (torch.special.entr(domains).sum() - left) / math.log(2)


# The root of all tokens of the conversation, though the share is that of one turn
@wrong("6.1-6", "as many as the whole conversation has tokens")
def a_token_of_the_whole_conversation():
    return {"flawless": 0.97**8, "needed": 0.5 ** (1 / 8), "token": 0.97 ** (1 / 80)}

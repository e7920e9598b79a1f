"""A thirteenth trial, answers written from the statements alone, chapter 3.1."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Second where overwrites the masks: all below 0.9 get the other token
@wrong("3.1-1", "There are no masks in your inputs: every chosen token whose fate is")
def other_overwrites_mask_thirteenth(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), torch.full_like(tokens, mask_id), tokens)
    inputs = torch.where(chosen & (fate < 0.9), other, inputs)
    targets = torch.where(chosen, tokens, torch.full_like(tokens, -100))
    return inputs, targets


# A chosen token that stays as it is is not scored
@wrong("3.1-1", "Chosen tokens that look unchanged, or these and the random ones,")
def hide_kept_not_scored_thirteenth(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    masked = chosen & (fate < 0.8)
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs = torch.where(masked, torch.full_like(tokens, mask_id), tokens)
    inputs = torch.where(swapped, other, inputs)
    targets = torch.where(masked | swapped, tokens, torch.full_like(tokens, -100))
    return inputs, targets


# Scores the next token, as with a causal model
@wrong("3.1-2", "You compare each place with the token after it. That is the causal")
def shifted_like_a_causal_model_thirteenth(logits, tokens, hidden):
    log_p = F.log_softmax(logits[:, :-1], dim=-1)
    picked = log_p.gather(-1, tokens[:, 1:, None]).squeeze(-1)
    return -picked[hidden[:, 1:].bool()].mean()


# Softmax over the sequence, not over the vocabulary
@wrong("3.1-2", "Your softmax runs over the places of the text. The tokens of the")
def hidden_loss_wrong_axis_thirteenth(logits, tokens, hidden):
    log_p = torch.log_softmax(logits, dim=1)
    true = log_p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return -true[hidden].mean()


# Index arithmetic: running maximum of the places of the beginnings, no loop
@right("3.1-3")
def words_by_running_maximum_thirteenth(starts, draws, share):
    places = torch.arange(len(starts))
    begins = torch.where(starts.bool(), places, torch.zeros_like(places))
    if len(begins) == 0:
        return torch.zeros(0, dtype=torch.bool)
    first = torch.cummax(begins, dim=0).values
    return draws[first] < share


# The first draw is carried through the word by a running maximum, which never falls again
@wrong("3.1-3", "It comes out as if each word had the highest draw of those at which")
def hide_words_running_maximum_thirteenth(starts, draws, share):
    firsts = torch.where(starts, draws, torch.full_like(draws, -1.0))
    return torch.cummax(firsts, dim=0).values < share


# In float64 with fsum, as a tensor of float64
@right("3.1-4")
def text_perplexity_fsum_thirteenth(losses, counts):
    weight = [int(c) for c in counts]
    nats = math.fsum(float(loss) * c for loss, c in zip(losses, weight, strict=False))
    return torch.tensor(math.exp(nats / sum(weight)), dtype=torch.float64)


# One copy for all places: what was hidden before stays hidden
@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def masks_pile_up_thirteenth(model, tokens, mask_id):
    work = tokens.clone()
    result = []
    for i in range(len(tokens)):
        work[i] = mask_id
        result.append(model(work[None])[0, i, tokens[i]])
    return torch.stack(result)


# Ln p is read at the mask's number, not at the true token's
@wrong("3.1-6", "You ask how likely the mask itself is at its place. Asked for is")
def hide_each_reads_mask_thirteenth(model, tokens, mask_id):
    n = len(tokens)
    rows = tokens.repeat(n, 1)
    i = torch.arange(n)
    rows[i, i] = mask_id
    log_p = model(rows)
    return log_p[i, i, rows[i, i]]


# Closes the targets with the last of all sentinels and not with the next one
@wrong("3.1-7", "Your targets end with a sentinel that does not follow on the")
def closes_with_the_very_last_sentinel_thirteenth(tokens, hidden, sentinels):
    inputs, targets, gaps = [], [], 0
    before = False
    for token, hide in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if hide:
            if not before:
                inputs.append(int(sentinels[gaps]))
                targets.append(int(sentinels[gaps]))
                gaps += 1
            targets.append(token)
        else:
            inputs.append(token)
        before = bool(hide)
    targets.append(int(sentinels[-1]))
    return torch.tensor(inputs, dtype=tokens.dtype), torch.tensor(targets, dtype=tokens.dtype)


# The targets end with the last of all sentinels, not with the next one
@wrong("3.1-7", "Your targets end with a sentinel that does not follow on the")
def corrupt_ends_with_last_sentinel_thirteenth(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], 0
    before = False
    for token, hide in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if hide:
            if not before:
                inputs.append(int(sentinels[gap]))
                targets.append(int(sentinels[gap]))
                gap += 1
            targets.append(token)
        else:
            inputs.append(token)
        before = hide
    targets.append(int(sentinels[-1]))
    return torch.tensor(inputs, dtype=tokens.dtype), torch.tensor(targets, dtype=tokens.dtype)


# Goes back to probabilities before dividing: with a long right side all are 0, and 0/0 is NaN
@wrong("3.1-8", "Where 300 tokens follow, the probabilities of all of them together")
def underflows_before_dividing_thirteenth(before, after):
    joint = before.exp() * after.exp().prod(dim=1)
    return joint / joint.sum()


# The text on the right is scored by its mean, not by its sum
@wrong("3.1-8", "You take a mean of logarithms, over the tokens that follow or over")
def fill_mean_of_right_thirteenth(before, after):
    return torch.softmax(before + after.mean(dim=1), dim=0)


# Only the 80 % that become the mask are taken for scored (BERT's rule mixed in)
@wrong("3.1-9", "right: 'causal', 'passes', 'control'. 'masked': 122,880 is too")
def scored_only_where_masked_thirteenth():
    causal = 600 * 16 * 40
    masked = causal * 0.4 * 0.8
    return {
        "masked": masked,
        "causal": causal,
        "steps": 600 / (0.4 * 0.8),
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


# Holds the trained body against the weaker control
@wrong("3.1-10", "'gain', 'low', 'high': You compare with the new body. The shuffled")
def against_the_weaker_control_thirteenth():
    trained = np.array([0.592, 0.587, 0.581, 0.576, 0.586])
    new = np.array([0.566, 0.568, 0.556, 0.562, 0.549])
    d = trained - new
    half = 2.776 * d.std(ddof=1) / np.sqrt(5)
    low, high = d.mean() - half, d.mean() + half
    verdict = "holds" if low > 0.02 else "does not hold" if high <= 0.02 else "not shown"
    return {
        "gain": float(d.mean()),
        "low": float(low),
        "high": float(high),
        "verdict": verdict,
        "selectivity": float(trained.mean() - 0.39),
    }


# Selectivity as a ratio instead of a difference
@wrong("3.1-10", "right: 'gain', 'low', 'high', 'verdict'. 'selectivity': 1.49846 is")
def selectivity_as_ratio_thirteenth():
    trained = np.array([0.592, 0.587, 0.581, 0.576, 0.586])
    shuffled = np.array([0.63, 0.617, 0.61, 0.62, 0.616])
    d = trained - shuffled
    half = 2.776 * d.std(ddof=1) / math.sqrt(5)
    return {
        "gain": float(d.mean()),
        "low": float(d.mean() - half),
        "high": float(d.mean() + half),
        "verdict": "does not hold",
        "selectivity": float(trained.mean() / 0.39),
    }


# Numpy, segments by counting the sep marks that lie at given places
@right("3.1-11")
def segments_by_lengths_thirteenth(first, second, cls, sep):
    parts = [[cls], [int(t) for t in first], [sep], [int(t) for t in second], [sep]]
    tokens = np.array([t for part in parts for t in part], dtype=np.int64)
    segments = np.repeat([0, 1], [len(first) + 2, len(second) + 1]).astype(np.int64)
    return torch.from_numpy(tokens), torch.from_numpy(segments)


# Written into ready-made tensors, segments by comparing places
@right("3.1-11")
def two_segments_by_places_thirteenth(first, second, cls, sep):
    n, m = len(first), len(second)
    tokens = torch.full((n + m + 3,), int(sep), dtype=torch.long)
    tokens[0] = int(cls)
    tokens[1 : n + 1] = torch.as_tensor(first, dtype=torch.long)
    tokens[n + 2 : n + m + 2] = torch.as_tensor(second, dtype=torch.long)
    segments = (torch.arange(n + m + 3) > n + 1).long()
    return tokens, segments


# An answer of no tokens is taken for none (empty list is false): its sentinel stays
@wrong("3.1-12", "Where an answer holds no token, its sentinel still stands in your")
def empty_answer_is_no_answer_thirteenth(inputs, written, sentinels):
    marks = {int(s) for s in sentinels}
    answers, current = {}, None
    for token in (int(t) for t in written):
        if token in marks:
            current = token
            answers[current] = []
        else:
            answers[current].append(token)
    text = []
    for token in (int(t) for t in inputs):
        if answers.get(token):
            text.extend(answers[token])
        else:
            text.append(token)
    return torch.tensor(text, dtype=torch.long)


# A gap that was answered with nothing is taken for one that was left out (an empty list is false)
@wrong("3.1-12", "Where an answer holds no token, its sentinel still stands in your")
def put_back_empty_stays_thirteenth(inputs, written, sentinels):
    marks = {int(s) for s in sentinels}
    answers, now = {}, None
    for t in [int(w) for w in written]:
        if t in marks:
            now = t
            answers[now] = []
        else:
            answers[now].append(t)
    text = []
    for t in [int(i) for i in inputs]:
        if t in marks and answers.get(t):
            text += answers[t]
        else:
            text.append(t)
    return torch.tensor(text, dtype=torch.long) if torch.is_tensor(inputs) else text

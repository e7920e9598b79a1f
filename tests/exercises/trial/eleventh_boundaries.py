"""An eleventh trial, chapters 1 to 2.2: ends, equals and what is left out, by somebody who knew the cases."""

import itertools
import math
from collections import Counter

import numpy as np
import torch

from trial.answers import right, wrong


# Tables in every layer
@wrong("1-2", "What comes out has a table again in each layer, the embedding or all")
def tables_in_every_layer(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model * d_model + 2 * d_model * d_ff + vocab * d_model) + (
        0 if tied else vocab * d_model
    )


# Until the first miss
@wrong("1-5", "It comes out as if counting ended with the first guess that is wrong.")
def until_the_first_miss(tokens, guesses, period):
    hits = 0
    for i in range(period, len(tokens)):
        if guesses[i - 1] != tokens[i]:
            break
        hits += 1
    return hits / (len(tokens) - period)


# Divided by one too many
@wrong("1-5", "What comes out are the hits divided by one more than the places that")
def divided_by_one_too_many(tokens, guesses, period):
    h = 0
    n = 0
    for i in range(period, len(tokens) + 1):
        try:
            n += 1
            h += guesses[i - 1] == tokens[i]
        except IndexError:
            pass
    return h / n


# Equals not counted
@wrong("1-6", "Where an evaluation is just as good as the best, yours does not count")
def equals_not_counted(losses, patience):
    best, at, w = math.inf, 0, 0
    for i, x in enumerate(losses):
        if x < best:
            best, at, w = x, i, 0
        elif x > best:
            w += 1
        if w == patience:
            return [at, i + 1]
    return [at, len(losses)]


# Patience behind the best of all
@wrong("1-6", "It comes out as if the best of all losses were looked for, and")
def patience_behind_the_best_of_all(losses, patience):
    at = losses.index(min(losses))
    return [at, min(at + patience + 1, len(losses))]


# Only the unseen get k
@wrong("2.1-2", "It comes out as if k were given to pairs that `train` never had, and")
def only_the_unseen_get_k(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    return -sum(
        math.log2((p[a, b] or k) / (c[a] + k * vocab_size)) for a, b in itertools.pairwise(held_out)
    ) / (len(held_out) - 1)


# One token too late
@wrong("2.1-5", "You take the part of the token behind, which the last one has not:")
def one_token_too_late(low, high, parts, token):
    w = high - low
    return [low + w * parts[token + 1] // parts[-1], low + w * parts[token + 2] // parts[-1]]


# Added up once more
@wrong("2.1-5", "It comes out as if `parts` held the size of each part, and these were")
def added_up_once_more(low, high, parts, token):
    w = high - low
    return [low + w * sum(parts[:token]) // parts[-1], low + w * sum(parts[: token + 1]) // parts[-1]]


# A quotient of logarithms
@wrong("2.1-9", "It comes out as if one log-probability were divided by the other.")
def a_quotient_of_logarithms(after, alone):
    s = [(sum(a) - sum(b)) / abs(sum(b)) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


# All set, the last one cleared
@wrong("2.2-5", "Where all bits are set, your victim is the frame that the hand clears")
def all_set_the_last_one_cleared(used, hand):
    used = list(used)
    n = len(used)
    for i in range(hand, hand + n):
        if not used[i % n]:
            return i % n, used, (i + 1) % n
        used[i % n] = False
    return (hand + n - 1) % n, used, hand


# Ends one too far
@wrong("2.2-7", "You join holes with a gap of one between them: [0, 4] ends before 4,")
def ends_one_too_far(holes, start, size):
    h = sorted([*map(list, holes), [start, size]])
    i = 0
    while i + 1 < len(h):
        if sum(h[i]) >= h[i + 1][0] - 1:
            h[i][1] += h[i + 1][1]
            del h[i + 1]
        else:
            i += 1
    return h


# Ends written again
@wrong("2.2-10", "Whoever has ended gets a new time in each later round. What is")
def ends_written_again(lengths, quantum):
    left = list(lengths)
    t = 0
    o = [0] * len(left)
    while any(left):
        for i in range(len(left)):
            d = min(quantum, left[i])
            t += d
            left[i] -= d
            if left[i] == 0:
                o[i] = t
    return o


# As many as are left
@wrong("2.2-12", "You give the copy as many holders as the old block has left. Only the")
def as_many_as_are_left(table, holders, index, free):
    t, h = list(table), list(holders)
    b = t[index]
    if h[b] > 1:
        t[index] = free
        h[b] -= 1
        h[free] = h[b]
    return t, h


# Right, in another way
@right("2.2-5")
def unusual_recur(used, hand):
    u = list(used)
    if u[hand]:
        u[hand] = False
        return unusual_recur(u, (hand + 1) % len(u))
    return (hand, torch.tensor(u), (hand + 1) % len(u))


# Right, in another way
@right("2.1-3")
def unusual_tens(texts):
    return torch.cat([torch.tensor(t, dtype=torch.float64) for t in texts]).log().mean().neg().exp()


# Right, in another way
@right("1-4")
def unusual_lst(years, flops):
    A = np.stack([np.array(years) - years[0], np.ones(len(years))], 1)
    return 1 / np.linalg.lstsq(A, np.log2(flops), rcond=None)[0][0]


# Right, in another way
@right("2.2-9")
def unusual_accumulate(arrivals, lengths):
    jobs = zip(arrivals, lengths, strict=True)
    ends = itertools.accumulate(jobs, lambda now, job: max(now, job[0]) + job[1], initial=0)
    return [end - arrival for end, arrival in zip(list(ends)[1:], arrivals, strict=True)]

"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 1."""

import math
import statistics

import numpy as np
import torch

from trial.answers import right, wrong


# Takes "twice as much on the way back" for twice in all: 2 + 2 instead of 2 + 4
@wrong("1-1", "You come to four operations for each parameter that a token meets,")
def training_flops_four_fifteenth(embedding, body, head, experts, top_k, expert, tokens):
    met = body + head + top_k * expert
    return 2 * met * tokens * 2


# Three square matrices in attention instead of four
@wrong("1-2", "You count three matrices of attention. It has four: query, key and")
def params_three_matrices_fifteenth(vocab, d_model, layers, d_ff, tied):
    attention = 3 * d_model * d_model
    network = 2 * d_model * d_ff
    tables = vocab * d_model * (1 if tied else 2)
    return layers * (attention + network) + tables


# Rounds the machines down
@wrong("1-3", "'machines': With the machines that you hire the training is not")
def machines_floor_fifteenth():
    seconds = 6 * 70e9 * 2000e9 / (100e12 * 0.4)
    return {"years": seconds / (365 * 86400), "machines": int(seconds // (60 * 86400))}


# Fits natural logarithms, so the line is not one of doublings
@wrong("1-4", "That is the time of a growth by 2.718, as natural logarithms give")
def doubling_natural_log_fifteenth(years, flops):
    x = np.asarray(years, dtype=float)
    y = np.log(np.asarray(flops, dtype=float))
    x = x - x.mean()
    b = (x * (y - y.mean())).sum() / (x * x).sum()
    return float(1 / b)


# Natural logarithm instead of log2: years in which it grows e-fold
@wrong("1-4", "That is the time of a growth by 2.718, as natural logarithms give")
def doubling_in_nats_fifteenth(years, flops):
    x = torch.as_tensor(years, dtype=torch.float64)
    y = torch.log(torch.as_tensor(flops, dtype=torch.float64))
    x = x - x.mean()
    return (x * x).sum() / (x * (y - y.mean())).sum()


# The slope from all pairs of points, weighted by their distance squared
@right("1-4")
def doubling_from_pairs_fifteenth(years, flops):
    years = [float(v) for v in years]
    logs = [math.log2(float(v)) for v in flops]
    top = bottom = 0.0
    for i in range(len(years)):
        for j in range(i):
            top += (years[i] - years[j]) ** 2
            bottom += (years[i] - years[j]) * (logs[i] - logs[j])
    return top / bottom


# Leaves out the first token of the second time
@wrong("1-5", "You begin one place too late: the first token of the second time")
def copied_from_second_token_fifteenth(tokens, guesses, period):
    n = len(tokens)
    hits = [int(guesses[t]) == int(tokens[t + 1]) for t in range(period, n - 1)]
    return sum(hits) / len(hits)


# Guesses compared with the token at the same place, not the next one
@wrong("1-5", "You compare a token with the guess that was made after reading it.")
def copied_same_place_fifteenth(tokens, guesses, period):
    tokens, guesses = torch.as_tensor(tokens), torch.as_tensor(guesses)
    return (guesses[period:] == tokens[period:]).double().mean()


# Recursion over the evaluations
@right("1-6")
def stop_early_recursive_fifteenth(losses, patience):
    def go(i, best):
        if i == len(losses) or i - 1 - best >= patience:
            return [best, i]
        return go(i + 1, i if losses[i] < losses[best] else best)

    return go(1, 0)


# The later place wins where two are equally good, though patience counts right
@wrong("1-6", "You stop where you should, but of two evaluations that are equally")
def stop_later_of_equals_fifteenth(losses, patience):
    best, place, waited, made = math.inf, 0, 0, 0
    for i, loss in enumerate(losses):
        made += 1
        loss = float(loss)
        if loss < best:
            best, place, waited = loss, i, 0
        else:
            if loss == best:
                place = i
            waited += 1
            if waited == patience:
                break
    return [place, made]


# Thinks that a sentence without its control is false
@wrong("1-7", "'true': A sentence without its control is not shown. That does not")
def control_none_true_fifteenth():
    return {
        "copy": "a text that has nothing to copy, of the same length",
        "adapt": "as many rates tried for both, both trained until they stop improving",
        "growth": "a list of models drawn by a rule that was fixed before",
        "true": "none",
    }


# Standard deviation with n in place of n - 1
@wrong("1-8", "'half': You divide the squares by n. With the mean taken from the")
def verdict_population_deviation_fifteenth():
    d = [0.48, 0.2, -0.23, 0.13, 0.29]
    mean = sum(d) / 5
    half = 2.776 * statistics.pstdev(d) / math.sqrt(5)
    return {
        "mean": mean,
        "half": half,
        "verdict": "not shown" if mean - half <= 0 <= mean + half else "holds",
    }


# Limit: turns the share round instead of what is left
@wrong("1-9", "'limit': When the optimizer costs nothing at all, the other three")
def limit_one_over_share_fifteenth():
    total = 25 + 50 + 10 + 2
    share = 10 / total
    return {
        "share": round(share, 3),
        "speedup": round(total / (77 + 10 / 5), 3),
        "limit": round(1 / share, 3),
    }


# 5 times as fast read as: a fifth of its time is saved
@wrong("1-9", "'speedup': It comes out as if the optimizer's new time were taken")
def speedup_saves_a_fifth_fifteenth():
    total = 25 + 50 + 10 + 2
    return {"share": 10 / total, "speedup": total / (total - 10 / 5), "limit": total / (total - 10)}

"""A thirteenth trial, answers written from the statements alone, chapter 6.2."""

import math

import numpy as np

from trial.answers import right, wrong


# Top-p works on what top-k has left without a new division
@wrong("6.2-1", "'k then p': That many are left where the old probabilities are")
def not_renormalised_between_thirteenth():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


# What top-k has left is not brought to a sum of one before top-p
@wrong("6.2-1", "'k then p': That many are left where the old probabilities are")
def k_not_renormalised_thirteenth():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


# Continuations kept in a dict by token: each token survives with one beam only
@wrong("6.2-2", "A token occurs once in your list, with its best beam. Two beams may")
def one_beam_for_each_token_thirteenth(sums, log_probs, width):
    best = {}
    for b, row in enumerate(log_probs):
        for t, lp in enumerate(row):
            total = sums[b] + lp
            if t not in best or total > best[t][2]:
                best[t] = [b, t, total]
    return sorted(best.values(), key=lambda c: -c[2])[:width]


# Numpy: one flat argsort
@right("6.2-2")
def beam_flat_argsort_thirteenth(sums, log_probs, width):
    table = np.asarray(sums, dtype=float)[:, None] + np.asarray(log_probs, dtype=float)
    order = np.argsort(-table, axis=None, kind="stable")[:width]
    rows, columns = np.unravel_index(order, table.shape)
    return [[int(b), int(t), float(table[b, t])] for b, t in zip(rows, columns, strict=False)]


# Tries every token and asks whether what is missing then still fits
@right("6.2-3")
def says_what_still_fits_thirteenth(written, keywords, left, vocab):
    return [t for t in range(vocab) if len({*keywords} - {*written, t}) <= left - 1]


# When it is too late the missing keywords are asked for all the same
@wrong("6.2-3", "More keywords are missing than tokens are left: none saves that")
def must_say_too_late_thirteenth(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if len(missing) >= left:
        return missing
    return list(range(vocab))


# Tokens[-0:] is the whole text: with runs of one token nothing is found
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their last")
def minus_zero_takes_all_thirteenth(tokens, size):
    end = list(tokens[-(size - 1) :])
    banned = set()
    for i in range(len(tokens) - size + 1):
        if list(tokens[i : i + size - 1]) == end:
            banned.add(tokens[i + size - 1])
    return sorted(banned)


# Tokens[-0:] is the whole text: nothing is found for runs of one
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their last")
def repeating_minus_zero_thirteenth(tokens, size):
    tokens = list(tokens)
    end = tokens[-(size - 1) :]
    banned = set()
    for i in range(len(tokens) - size + 1):
        if tokens[i : i + size - 1] == end:
            banned.add(tokens[i + size - 1])
    return sorted(banned)


# Different runs are counted within each text, so one that stands in two texts counts twice
@wrong("6.2-5", "You count the different runs in each text and add them up. A run")
def different_within_each_text_thirteenth(texts, size):
    different = total = 0
    for words in texts:
        runs = [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]
        different += len(set(runs))
        total += len(runs)
    return different / total


# Different runs are counted in each text for itself and added up
@wrong("6.2-5", "You count the different runs in each text and add them up. A run")
def distinct_text_by_text_thirteenth(texts, size):
    different = total = 0
    for words in texts:
        runs = [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]
        different += len(set(runs))
        total += len(runs)
    return different / total


# The penalty 2 is taken as twice the length, not its square
@wrong("6.2-6", "'two': That text wins where each sum is divided by its length,")
def penalty_two_as_double_thirteenth():
    return {"none": "A", "mean": "B", "two": "B", "score": -1.0}


# Argsort taken for the ranks
@wrong("6.2-7", "A sort tells which word is on each place; you use it as if it told")
def order_taken_for_rank_thirteenth(scores, wrong):
    ranks = sorted(range(len(scores)), key=lambda i: -float(scores[i]))
    places = sorted(rank + 1 for rank, bad in zip(ranks, wrong, strict=False) if bad)
    return sum((i + 1) / place for i, place in enumerate(places)) / len(places)


# The sum of precisions is divided by all words
@wrong("6.2-7", "You divide by the number of words. The mean is taken over the wrong")
def precision_over_all_words_thirteenth(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    found = total = 0
    for rank, i in enumerate(order, 1):
        if wrong[i]:
            found += 1
            total += found / rank
    return total / len(scores)


# Ranks by counting higher scores, no sort
@right("6.2-7")
def precision_by_counting_thirteenth(scores, wrong):
    places = [i for i in range(len(scores)) if wrong[i]]
    precisions = []
    for i in places:
        above = sum(1 for s in scores if s >= scores[i])
        hits = sum(1 for j in places if scores[j] >= scores[i])
        precisions.append(hits / above)
    return sum(precisions) / len(precisions)


# The older idf, without the 1 in the logarithm
@wrong("6.2-8", "'common', 'rare': That is the logarithm without the 1 +. Then a")
def idf_without_the_one_thirteenth():
    return {
        "common": math.log((400 - 240 + 0.5) / (240 + 0.5)),
        "rare": math.log((400 - 2 + 0.5) / (2 + 0.5)),
        "gain": (6 / 7.5) / (1 / 2.5),
    }


# The 1 in the logarithm is forgotten
@wrong("6.2-8", "'common', 'rare': That is the logarithm without the 1 +. Then a")
def idf_without_one_thirteenth():
    return {
        "common": math.log((400 - 240 + 0.5) / (240 + 0.5)),
        "rare": math.log((400 - 2 + 0.5) / (2 + 0.5)),
        "gain": (6 / 7.5) / (1 / 2.5),
    }


# Fewer bits taken for better, though the intervals overlap and nobody has read the texts
@wrong("6.2-10", "You let min-p win, although its intervals and those of temperature")
def fewer_bits_are_better_thirteenth():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
        "min-p is better than temperature 0.7",
    }

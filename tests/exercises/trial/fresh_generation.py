"""Answers to chapter 6.2 by somebody who had seen no known mistake: beams, constraints, rankings."""

import heapq
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import torch

from trial.answers import right, wrong

RULES = {"p alone": 3, "k then p": 2, "favourite": 0.35 / 0.65}
BEAMS = {"none": "A", "mean": "B", "two": "C", "score": -1.0}
RARE = {"common": math.log(1 + 160.5 / 240.5), "rare": math.log(1 + 398.5 / 2.5), "gain": 2.0}
FIGURES = {
    "coverage": "coverage of another order's keywords",
    "quality": "how often the texts repeat themselves",
    "errors": "the share of marked words that are wrong",
}
FOLLOWS = {
    "temperature 1 is more varied than beam search",
    "with the constraint every keyword occurs",
    "the constraint costs bits under the second model",
}


@wrong("6.2-1", "That is one too few, as when the token with which the share")
def p_keeps_what_stays_below_0_7():
    return RULES | {"p alone": 2}


@wrong("6.2-1", "That many are left where the old probabilities are added up")
def not_renormalised_after_top_k():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


@wrong("6.2-1", "That divides by the sum of what top-k left alone. Top-p has")
def favourite_over_the_three():
    return RULES | {"favourite": 0.35 / 0.9}


@wrong("6.2-1", "You give the probability from before the rules")
def favourite_not_renormalised():
    return RULES | {"favourite": 0.35}


@right("6.2-1")
def tensors_and_a_fraction():
    return {"p alone": torch.tensor(3), "k then p": np.int64(2), "favourite": Fraction(7, 13)}


@wrong("6.2-2", "has 4 entries, and 2 are asked for")
def width_best_of_each_beam(sums, log_probs, width):
    out = []
    for b, s in enumerate(sums):
        row = sorted(range(len(log_probs[b])), key=lambda t: -float(log_probs[b][t]))[:width]
        out += [[b, t, float(s) + float(log_probs[b][t])] for t in row]
    return out


@wrong("6.2-2", "You keep the best continuation of each beam")
def one_continuation_of_each_beam(sums, log_probs, width):
    out = [
        [b, *max(((t, float(s + log_probs[b][t])) for t in range(len(log_probs[b]))), key=lambda p: p[1])]
        for b, s in enumerate(sums)
    ]
    return sorted(out, key=lambda c: -c[2])[:width]


@wrong("6.2-2", "stands in reversed order")
def worst_first(sums, log_probs, width):
    c = [[b, t, float(s + value)] for b, s in enumerate(sums) for t, value in enumerate(log_probs[b])]
    return sorted(c, key=lambda x: x[2])[-width:]


@wrong("6.2-2", "You rank by the last token")
def the_sums_forgotten(sums, log_probs, width):
    c = [[b, t, float(value)] for b in range(len(sums)) for t, value in enumerate(log_probs[b])]
    return sorted(c, key=lambda x: -x[2])[:width]


@wrong("6.2-2", "You divide a place in the flat list by the number of beams")
def flat_index_divided_by_the_number_of_beams(sums, log_probs, width):
    s = torch.as_tensor(sums).double()[:, None] + torch.as_tensor(log_probs).double()
    v, i = s.flatten().topk(min(width, s.numel()))
    n = s.shape[0]
    return [[int(j) // n, int(j) % n, float(x)] for x, j in zip(v, i, strict=False)]


@wrong("6.2-2", "You multiply log-probabilities")
def multiplied(sums, log_probs, width):
    c = [[b, t, float(s) * float(value)] for b, s in enumerate(sums) for t, value in enumerate(log_probs[b])]
    return sorted(c, key=lambda x: -x[2])[:width]


@right("6.2-2")
def a_heap(sums, log_probs, width):
    c = ((float(s) + float(value), b, t) for b, s in enumerate(sums) for t, value in enumerate(log_probs[b]))
    return [(b, t, x) for x, b, t in heapq.nlargest(width, c)]


@wrong("6.2-3", "You allow keywords alone although there is room for one token more")
def forces_one_token_too_early(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if len(missing) > left:
        return []
    if len(missing) >= left - 1 and missing:
        return missing
    return list(range(vocab))


@wrong("6.2-3", "what the solution gives if `left` were one larger")
def one_token_too_late(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if left < len(missing):
        return missing
    return list(range(vocab))


@wrong("6.2-3", "A keyword that is named twice counts twice in your version.")
def keywords_that_stand_twice_count_twice(written, keywords, left, vocab):
    missing = [k for k in keywords if k not in written]
    if len(missing) > left:
        return []
    if len(missing) == left:
        return sorted(missing)
    return list(range(vocab))


@wrong("6.2-3", "You allow keywords that were said already")
def all_keywords_when_there_is_no_more_room(written, keywords, left, vocab):
    missing = set(keywords) - set(written)
    if len(missing) > left:
        return []
    if len(missing) == left:
        return sorted(set(keywords))
    return list(range(vocab))


@wrong("6.2-3", "You allow nothing but keywords until all are said")
def missing_one_always_alone(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if not missing:
        return list(range(vocab))
    return missing if len(missing) <= left else []


@wrong("6.2-3", "You return the right tokens in the order in which the")
def order_of_the_keywords(written, keywords, left, vocab):
    missing = [k for k in dict.fromkeys(keywords) if k not in written]
    return [] if len(missing) > left else missing if len(missing) == left else list(range(vocab))


@right("6.2-3")
def tries_every_token(written, keywords, left, vocab):
    if left == 0:
        return []
    return tuple(t for t in range(vocab) if len(set(keywords) - set(written) - {t}) <= left - 1)


@wrong("6.2-4", "It comes out as if runs that share a token with the text's")
def the_run_may_not_overlap(tokens, size):
    tokens = list(tokens)
    n = len(tokens)
    if n < size - 1:
        return []
    tail = tokens[n - size + 1 :]
    return sorted({tokens[i + size - 1] for i in range(n - 2 * size + 2) if tokens[i : i + size - 1] == tail})


@wrong("6.2-4", "You name a token as often as its run stands in the text")
def with_repeats(tokens, size):
    tail = list(tokens)[len(tokens) - size + 1 :]
    return sorted(
        tokens[i + size - 1] for i in range(len(tokens) - size + 1) if list(tokens[i : i + size - 1]) == tail
    )


@wrong("6.2-4", "It comes out as if one token too many were compared: a run of")
def tail_of_size_instead_of_size_1(tokens, size):
    tail = list(tokens)[-size:]
    return sorted({tokens[i + size] for i in range(len(tokens) - size) if list(tokens[i : i + size]) == tail})


@wrong("6.2-4", "Right, except for runs of one: they have nothing before their")
def tokens_0_for_size_1(tokens, size):
    tail = list(tokens)[-(size - 1) :]
    return sorted(
        {
            tokens[i + size - 1]
            for i in range(len(tokens) - size + 1)
            if list(tokens[i : i + size - 1]) == tail
        }
    )


@wrong("6.2-4", "You return the right tokens in the order in which they stand")
def order_of_appearance(tokens, size):
    tail = list(tokens)[len(tokens) - size + 1 :]
    return list(
        dict.fromkeys(
            tokens[i + size - 1]
            for i in range(len(tokens) - size + 1)
            if list(tokens[i : i + size - 1]) == tail
        )
    )


@wrong("6.2-4", "has 1 entry, and 0 are asked for")
def tokens_that_stand_there_already(tokens, size):
    return sorted(set(tokens[-size:]))


@right("6.2-4")
def tries_every_token_again(tokens, size):
    tokens = [int(t) for t in tokens]
    runs = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}
    return [
        t for t in sorted(set(tokens)) if len(tokens) >= size - 1 and tuple(([*tokens, t])[-size:]) in runs
    ]


@wrong("6.2-5", "You join the texts first")
def texts_joined(texts, size):
    w = [x for t in texts for x in t]
    r = [tuple(w[i : i + size]) for i in range(len(w) - size + 1)]
    return len(set(r)) / len(r)


@wrong("6.2-5", "You take the share in each text and average")
def mean_of_the_texts(texts, size):
    out = []
    for t in texts:
        r = [tuple(t[i : i + size]) for i in range(len(t) - size + 1)]
        if r:
            out.append(len(set(r)) / len(r))
    return sum(out) / len(out)


@wrong("6.2-5", "You count the different runs in each text and add them up. A")
def different_in_each_text_summed(texts, size):
    a = b = 0
    for t in texts:
        r = [tuple(t[i : i + size]) for i in range(len(t) - size + 1)]
        a += len(set(r))
        b += len(r)
    return a / b


@wrong("6.2-5", "You divide by the number of words")
def divided_by_all_words(texts, size):
    r = {tuple(t[i : i + size]) for t in texts for i in range(len(t) - size + 1)}
    return len(r) / sum(len(t) for t in texts)


@wrong("6.2-5", "You count the runs that stand once")
def runs_that_occur_once(texts, size):
    c = Counter(tuple(t[i : i + size]) for t in texts for i in range(len(t) - size + 1))
    return sum(v == 1 for v in c.values()) / sum(c.values())


@right("6.2-5")
def zip_of_shifted_copies(texts, size):
    r = [g for t in texts for g in zip(*(t[i:] for i in range(size)), strict=False)]
    return Fraction(len(set(r)), len(r))


@wrong("6.2-6", "You let the text with the lowest score win")
def least_is_best():
    return {"none": "C", "mean": "A", "two": "A", "score": -1.7}


@wrong("6.2-6", "1 is of the right size, with the wrong sign")
def score_positive():
    return BEAMS | {"score": 1.0}


@wrong("6.2-6", "'score': Your score is a mean, but not the best one. Nearest")
def mean_by_c():
    return BEAMS | {"mean": "C", "score": -9.1 / 9}


@wrong("6.2-6", "That text wins where each sum is divided by its length")
def penalty_as_a_factor():
    return BEAMS | {"two": "B"}


@wrong("6.2-7", "You begin with the least suspected word")
def ascending(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: float(scores[i]))
    hits, out = 0, []
    for r, i in enumerate(order, 1):
        if wrong[i]:
            hits += 1
            out.append(hits / r)
    return sum(out) / len(out)


@wrong("6.2-7", "You divide by the number of words")
def mean_over_all_places(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -float(scores[i]))
    hits, s = 0, 0.0
    for r, i in enumerate(order, 1):
        if wrong[i]:
            hits += 1
            s += hits / r
    return s / len(scores)


@wrong("6.2-7", "You average the precision over all ranks")
def precision_at_every_place(scores, wrong):
    w = torch.as_tensor(wrong).double()[torch.as_tensor(scores).double().argsort(descending=True)]
    return (w.cumsum(0) / torch.arange(1, len(w) + 1)).mean()


@wrong("6.2-7", "is 0.5 and should be 1")
def ranks_from_zero(scores, wrong):
    order = np.argsort(-np.asarray(scores, float))
    hits, out = 0, []
    for r, i in enumerate(order):
        if wrong[i]:
            out.append(hits / max(r, 1))
            hits += 1
    return float(np.mean(out))


@wrong("6.2-7", "You look at the precision after as many words as are wrong")
def precision_at_r(scores, wrong):
    n = int(sum(bool(w) for w in wrong))
    order = sorted(range(len(scores)), key=lambda i: -float(scores[i]))[:n]
    return sum(bool(wrong[i]) for i in order) / n


@wrong("6.2-7", "You go through the words as they stand in the text")
def scores_not_sorted(scores, wrong):
    out, hits = [], 0
    for i, w in enumerate(wrong):
        hits += bool(w)
        if w:
            out.append(hits / (i + 1))
    return sum(out) / len(out)


@right("6.2-7")
def by_pairs_without_sorting(scores, wrong):
    s = np.asarray(scores, float)
    w = np.asarray(wrong, bool)
    above = s[None] >= s[:, None]
    return ((above & w).sum(1) / above.sum(1))[w].mean()


@wrong("6.2-8", "That is the logarithm without the 1 +. Then a word that most")
def without_1():
    return RARE | {"common": math.log(160.5 / 240.5), "rare": math.log(398.5 / 2.5)}


@wrong("6.2-8", "0.222029 is too small by ln 10, a factor of 2.303: which base has the ")
def base_10():
    return RARE | {"common": math.log10(1 + 160.5 / 240.5), "rare": math.log10(1 + 398.5 / 2.5)}


@wrong("6.2-8", "That lets a word that occurs more often count as many times")
def six_times():
    return RARE | {"gain": 6.0}


@wrong("6.2-8", "That is the formula with the share put in. n counts passages")
def the_share_for_the_number():
    return RARE | {"common": math.log(1 + (400 - 0.6 + 0.5) / (0.6 + 0.5))}


@right("6.2-8")
def integers_and_tensors():
    return RARE | {"gain": 2, "rare": torch.tensor(160.4).log()}


@wrong("6.2-9", "Longer texts hold more words of every kind, those of other orders too")
def longer_texts():
    return FIGURES | {"coverage": "coverage with longer texts"}


@wrong("6.2-9", "The same measure again, for more beams or under the writing model,")
def own_model():
    return FIGURES | {"quality": "perplexity under the model that wrote them"}


@wrong("6.2-9", "That says how many errors there are, or are found. Who marks")
def number_of_planted_errors():
    return FIGURES | {"errors": "the number of planted errors"}


@wrong("6.2-10", "Better was measured by nobody: fewer bits under a model make")
def fewer_bits_are_better():
    return FOLLOWS | {"beam search is better than temperature 1"}


@wrong("6.2-10", "You let min-p win, although its intervals and those of temperature")
def min_p_has_the_lower_mean():
    return FOLLOWS | {"min-p is better than temperature 0.7"}


@wrong("6.2-10", "You leave out the price of the constraint")
def the_cost_left_out():
    return FOLLOWS - {"the constraint costs bits under the second model"}


@wrong("6.2-10", "the answer should be a set (or a list), but is a str ('with the constr")
def one_sentence_as_a_string():
    return "with the constraint every keyword occurs"


@right("6.2-10")
def a_frozen_set():
    return frozenset(FOLLOWS)

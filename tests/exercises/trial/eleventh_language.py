"""An eleventh trial, chapter 2.1: answers from the statements alone, by somebody who knew the cases."""

import itertools
import math
import statistics
from collections import Counter

import numpy as np
import torch

from trial.answers import right, wrong


# V - 1 tokens get k
@wrong("2.1-1", "What comes out has k in the divisor for all tokens of the vocabulary")
def one_k_too_few_below(counts, k):
    return [(c + k) / (sum(counts) + k * (len(counts) - 1)) for c in counts]


# K times the count
@wrong("2.1-1", "What comes out are the shares of the plain counts. A token that never")
def not_smoothed(counts, k):
    t = [c * (1 + k) for c in counts]
    return [x / sum(t) if sum(t) else 1 / len(t) for x in t]


# Max instead of sum
@wrong("2.1-1", "Your numbers are divided by the largest count (with its k, or")
def divided_by_the_largest(counts, k):
    return [(c + k) / (max(counts) + k) for c in counts]


# Divides the k apart: c / total + k / V
@wrong("2.1-1", "It comes out as if the shares were mixed with equal ones, k being the")
def a_mixture(counts, k):
    t = sum(counts) or 1
    return [(1 - k) * c / t + k / len(counts) for c in counts]


# Running total changed while it loops
@wrong("2.1-1", "It comes out as if the sum were taken while k is still being added:")
def divided_while_it_grows(counts, k):
    counts = list(counts)
    out = []
    for i in range(len(counts)):
        counts[i] += k
        out.append(counts[i] / sum(counts))
    return out


# Right, in another way
@right("2.1-1")
def unusual_dirichlet_mean(counts, k):
    a = torch.tensor(counts, dtype=torch.float64) + k
    return a / a.sum()


# K times vocab squared
@wrong("2.1-2", "Below the line you add `vocab_size`, or what is the same where k is")
def one_a_token_whatever_k_is(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    return -sum(math.log2((p[a, b] + k) / (c[a] + vocab_size)) for a, b in itertools.pairwise(held_out)) / (
        len(held_out) - 1
    )


# Disjoint pairs
@wrong("2.1-2", "It comes out as if pairs did not overlap, in one text or in both:")
def pairs_side_by_side(train, held_out, vocab_size, k):
    pr = list(zip(train[::2], train[1::2], strict=False))
    p, c = Counter(pr), Counter(a for a, _ in pr)
    return -sum(
        math.log2((p[a, b] + k) / (c[a] + k * vocab_size)) for a, b in itertools.pairwise(held_out)
    ) / (len(held_out) - 1)


# Disjoint pairs in held out
@wrong("2.1-2", "It comes out as if pairs did not overlap, in one text or in both:")
def pairs_side_by_side_2(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    h = list(zip(held_out[::2], held_out[1::2], strict=False))
    return -sum(math.log2((p[a, b] + k) / (c[a] + k * vocab_size)) for a, b in h) / len(h)


# Denominators of the target
@wrong("2.1-2", "What stands below the line is the count of the scored token. It has")
def the_count_of_the_scored_token_below(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    return -sum(
        math.log2((p[a, b] + k) / (c[b] + k * vocab_size)) for a, b in itertools.pairwise(held_out)
    ) / (len(held_out) - 1)


# First token counted out of contexts
@wrong("2.1-2", "What comes out has the count of a token as the second of a pair below")
def counted_as_the_second_of_a_pair(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[1:])
    return -sum(
        math.log2((p[a, b] + k) / (c[a] + k * vocab_size)) for a, b in itertools.pairwise(held_out)
    ) / (len(held_out) - 1)


# Joined texts
@wrong("2.1-2", "It comes out as if a pair that comes twice in the held-out text were")
def each_pair_once(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    s = sorted(set(itertools.pairwise(held_out)))
    return -sum(math.log2((p[a, b] + k) / (c[a] + k * vocab_size)) for a, b in s) / len(s)


# Train updated as it goes
@wrong("2.1-2", "It comes out as if the held-out text were added to the counts as it")
def counts_that_grow(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    t = 0
    for a, b in itertools.pairwise(held_out):
        t -= math.log2((p[a, b] + k) / (c[a] + k * vocab_size))
        p[a, b] += 1
        c[a] += 1
    return t / (len(held_out) - 1)


# Uncond if context unseen
@wrong("2.1-2", "It comes out as if a pair cost nothing where `train` never had its")
def an_unseen_context_for_nothing(train, held_out, vocab_size, k):
    p, c = Counter(itertools.pairwise(train)), Counter(train[:-1])
    return -sum(
        math.log2((p[a, b] + k) / (c[a] + k * vocab_size)) if c[a] else 0
        for a, b in itertools.pairwise(held_out)
    ) / (len(held_out) - 1)


# Right, in another way
@right("2.1-2")
def unusual_table(train, held_out, vocab_size, k):
    t = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    for a, b in itertools.pairwise(train):
        t[a, b] += 1
    t = t / t.sum(1, keepdim=True)
    return -torch.log2(t[held_out[:-1], held_out[1:]]).mean()


# Median
@wrong("2.1-3", "What comes out is e to the median of the surprises. Asked is for")
def the_median(texts):
    return math.exp(statistics.median(-math.log(p) for t in texts for p in t))


# Set drops equal
@wrong("2.1-3", "It comes out as if tokens of the same probability counted once. Each")
def each_probability_once(texts):
    s = {p for t in texts for p in t}
    return math.exp(-sum(map(math.log, s)) / len(s))


# Product of perplexities
@wrong("2.1-3", "What comes out are the perplexities of the texts, added up or")
def one_for_each_text_put_together(texts):
    return math.prod(math.exp(-sum(map(math.log, t)) / len(t)) for t in texts)


# Perplexity minus 1
@wrong("2.1-3", "What comes out has one token more in the divisor than in the sum.")
def divided_by_one_more(texts):
    n = sum(map(len, texts))
    return math.exp(-sum(math.log(p) for t in texts for p in t) / (n + 1))


# Longest text as count
@wrong("2.1-3", "It comes out as if each text were as long as the longest. Divide by")
def padding_counted(texts):
    n = len(texts) * max(map(len, texts))
    return math.exp(-sum(math.log(p) for t in texts for p in t) / n)


# Log of mean of log?
@wrong("2.1-3", "It comes out as if 1 - p were the surprise of a token. It is minus")
def no_logarithm(texts):
    ps = [p for t in texts for p in t]
    return math.exp(sum(1 - p for p in ps) / len(ps))


# Certain tokens dropped
@wrong("2.1-3", "It comes out as if tokens of probability 1 were left out. Their")
def certain_tokens_left_out(texts):
    ps = [p for t in texts for p in t if p < 1]
    return math.exp(-sum(map(math.log, ps)) / len(ps))


# Right, in another way
@right("2.1-3")
def unusual_np_prod(texts):
    p = np.concatenate([np.asarray(t, float) for t in texts])
    return np.prod(p) ** (-1 / p.size)


# The whole text
@wrong("2.1-4", "You give the bits of the whole text. Asked is for those of one byte")
def the_whole_text():
    return {
        "A": 15300.0,
        "B": 12600.0,
        "perplexity of A": 10.556063,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# One token over all bytes
@wrong("2.1-4", "You divide the bits of one token by the bytes of the whole text.")
def one_token_over_all_bytes():
    return {
        "A": 0.00037777777777777777,
        "B": 0.0006222222222222221,
        "perplexity of A": 10.556063,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Eight for the bytes of a token
@wrong("2.1-4", "You divide by 8. That many bits are a byte's where it is stored; here")
def eight_for_the_bytes_of_a_token():
    return {
        "A": 0.425,
        "B": 0.7,
        "perplexity of A": 10.556063,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# The other's tokens
@wrong("2.1-4", "You multiply the bits of a token by the number of tokens of the other")
def the_other_s_tokens():
    return {
        "A": 0.85,
        "B": 2.8,
        "perplexity of A": 10.556063,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Divided the wrong way
@wrong("2.1-4", "You divide the bits a token by the tokens a byte. A byte that is cut")
def divided_the_wrong_way():
    return {
        "A": 6.8,
        "B": 1.4,
        "perplexity of A": 10.556063,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Squared
@wrong("2.1-4", "'perplexity of A': That is the square of the bits. Asked is for 2 to")
def squared():
    return {
        "A": 1.7,
        "B": 1.4,
        "perplexity of A": 11.56,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Bytes a token
@wrong("2.1-4", "You give how many bytes a token has. Each token costs bits, and of")
def bytes_a_token():
    return {
        "A": 2.0,
        "B": 4.0,
        "perplexity of A": 10.556063,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Ten for 2
@wrong("2.1-4", "'perplexity of A': What comes out is 10 to the power of bits. The")
def ten_for_2():
    return {
        "A": 1.7,
        "B": 1.4,
        "perplexity of A": 2511.886432,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# The part is not shifted by low at the high end
@wrong("2.1-5", "One of your ends is right, the other is counted from 0. Both are")
def one_end_counted_from_zero(low, high, parts, token):
    w = high - low
    return [low + w * parts[token] // parts[-1], w * parts[token + 1] // parts[-1]]


# Widths as parts
@wrong("2.1-5", "One of your ends is that of the old interval. The part of a token has")
def one_end_kept(low, high, parts, token):
    w = high - low
    return [low + w * parts[token] // parts[-1], high]


# Total = sum
@wrong("2.1-5", "It comes out as if `parts` counted out of its sum. They are")
def out_of_their_sum(low, high, parts, token):
    w = high - low
    n = sum(parts)
    return [low + w * parts[token] // n, low + w * parts[token + 1] // n]


# Bracket 2
@wrong("2.1-5", "It comes out as if `low` were divided by the total as well. It is")
def low_divided_as_well(low, high, parts, token):
    w = high - low
    return [(low + w * parts[token]) // parts[-1], (low + w * parts[token + 1]) // parts[-1]]


# Floats returned
@wrong("2.1-5", "Your ends may have fractions. All numbers are whole: multiply first,")
def not_rounded(low, high, parts, token):
    w = high - low
    return [low + w * parts[token] / parts[-1], low + w * parts[token + 1] / parts[-1]]


# Int32 numpy
@wrong("2.1-5", "It comes out as if parts were laid down from `high` towards `low`.")
def from_the_upper_end(low, high, parts, token):
    w = high - low
    return [high - w * parts[token + 1] // parts[-1], high - w * parts[token] // parts[-1]]


# Right, in another way
@right("2.1-5")
def unusual_frac(low, high, parts, token):
    from fractions import Fraction

    w = high - low
    return tuple(low + math.floor(Fraction(w * p, parts[-1])) for p in parts[token : token + 2])

"""A thirteenth trial, answers written from the statements alone, chapter 2.1."""

import itertools
import math
from collections import Counter

import numpy as np
import torch

from trial.answers import right, wrong


# As a mixture of the observed shares and the uniform ones, in numpy
@right("2.1-1")
def smoothing_as_a_mixture_thirteenth(counts, k):
    c = np.asarray(counts, dtype=np.float64)
    total = c.sum()
    uniform = np.full(len(c), 1 / len(c))
    weight = k * len(c) / (total + k * len(c))
    observed = c / total if total > 0 else uniform
    mixed = (1 - weight) * observed + weight * uniform
    return torch.from_numpy(mixed) if isinstance(counts, torch.Tensor) else mixed.tolist()


# K is added to the zeros alone
@wrong("2.1-1", "You give k to the tokens with count 0 alone. By this rule each")
def smoothed_zeros_only_thirteenth(counts, k):
    raised = [c if c > 0 else c + k for c in counts]
    total = sum(raised)
    return [r / total for r in raised]


# Total of a context = how often the token stands in train, its last place (which nothing follows)
# included
@wrong("2.1-2", "You count the last token of the training text as a context, but")
def context_total_from_unigrams_thirteenth(train, held_out, vocab_size, k):
    train = [int(t) for t in train]
    held_out = [int(t) for t in held_out]
    pairs = Counter(itertools.pairwise(train))
    alone = Counter(train)
    bits = 0.0
    for a, b in itertools.pairwise(held_out):
        p = (pairs[a, b] + k) / (alone[a] + k * vocab_size)
        bits -= math.log2(p)
    return bits / (len(held_out) - 1)


# The context's total counts every occurrence in train, also the last token, which nothing follows
@wrong("2.1-2", "You count the last token of the training text as a context, but")
def held_out_last_token_counted_thirteenth(train, held_out, vocab_size, k):
    pairs, single = {}, {}
    for a, b in itertools.pairwise(train):
        pairs[int(a), int(b)] = pairs.get((int(a), int(b)), 0) + 1
    for a in train:
        single[int(a)] = single.get(int(a), 0) + 1
    bits = 0.0
    for a, b in itertools.pairwise(held_out):
        p = (pairs.get((int(a), int(b)), 0) + k) / (single.get(int(a), 0) + k * vocab_size)
        bits -= math.log2(p)
    return bits / (len(held_out) - 1)


# Every text counts alike: mean of the texts' mean surprises
@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as")
def perplexity_of_text_means_thirteenth(texts):
    means = [-sum(math.log(float(p)) for p in text) / len(text) for text in texts]
    return math.exp(sum(means) / len(means))


# Numpy, all texts in one array, geometric mean of 1 / p
@right("2.1-3")
def perplexity_one_array_thirteenth(texts):
    flat = np.array([float(p) for text in texts for p in text], dtype=np.float64)
    return float(np.exp(np.log(1.0 / flat).mean()))


# Perplexity with e though the surprise is in bits
@wrong("2.1-4", "'perplexity of A': You take e to the power of bits. The base")
def bits_to_the_power_of_e_thirteenth():
    return {
        "A": 3.4 * 4500 / 9000,
        "B": 5.6 * 2250 / 9000,
        "perplexity of A": math.exp(3.4),
        "better": "B",
        "missing": "how many bytes a token has",
    }


# The perplexity is taken from the bits per byte, not per token
@wrong("2.1-4", "'perplexity of A': That is 2 to the bits per byte. Asked for is the")
def perplexity_per_byte_thirteenth():
    return {
        "A": 3.4 * 4500 / 9000,
        "B": 5.6 * 2250 / 9000,
        "perplexity of A": 2 ** (3.4 * 4500 / 9000),
        "better": "B",
        "missing": "how many bytes a token has",
    }


# The new end is the new beginning plus a width rounded down by itself, which leaves gaps between
# tokens
@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded by")
def width_rounded_by_itself_thirteenth(low, high, parts, token):
    width = high - low
    total = parts[-1]
    new_low = low + width * parts[token] // total
    new_high = new_low + width * (parts[token + 1] - parts[token]) // total
    return [new_low, new_high]


# The end is the new beginning plus the rounded size of the part: gaps between neighbours
@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded by")
def narrow_rounded_width_thirteenth(low, high, parts, token):
    width = high - low
    new_low = low + width * parts[token] // parts[-1]
    size = width * (parts[token + 1] - parts[token]) // parts[-1]
    return [new_low, new_low + size]


# Looks for windows as text: '1 2' is also found in '11 25'
@wrong("2.1-6", "You look for a text in a text, where 1 2 is found in 11 25: what is")
def leak_by_substring_thirteenth(train, held_out, width):
    text = " ".join(str(t) for t in train)
    windows = [held_out[i : i + width] for i in range(len(held_out) - width + 1)]
    found = sum(" ".join(str(t) for t in w) in text for w in windows)
    return found / len(windows)


# Windows are searched as text: "2 3" is found in "12 34"
@wrong("2.1-6", "You look for a text in a text, where 1 2 is found in 11 25: what is")
def leak_as_text_thirteenth(train, held_out, width):
    book = " ".join(str(t) for t in train)
    found = 0
    windows = len(held_out) - width + 1
    for i in range(windows):
        if " ".join(str(t) for t in held_out[i : i + width]) in book:
            found += 1
    return found / windows


# Thinks that a line through two points is sure between them
@wrong("2.1-7", "'sure': Any two points lie on some power law. So these do not say")
def law_sure_between_thirteenth():
    b = math.log(2.43 / 2.058) / math.log(120000 / 30000)
    return {"exponent": b, "loss": 2.058 * (480000 / 120000) ** -b, "sure": "between the two sizes"}


# Builds the list of all matrices' shapes and adds their areas
@right("2.1-8")
def count_by_listing_matrices_thirteenth(vocab_size, d_model, num_layers, d_ff, tied):
    layers = []
    for _ in range(num_layers):
        layers += [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]
    tables = [(vocab_size, d_model)] * (2 - bool(tied))
    return [sum(a * b for a, b in layers), sum(math.prod(s) for s in layers + tables)]


# Adds up layer by layer, shape by shape
@right("2.1-8")
def count_shape_by_shape_thirteenth(vocab_size, d_model, num_layers, d_ff, tied):
    shapes = []
    for _ in range(num_layers):
        shapes += [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]
    inside = sum(a * b for a, b in shapes)
    tables = [(vocab_size, d_model)] if tied else [(vocab_size, d_model), (d_model, vocab_size)]
    return [inside, inside + sum(a * b for a, b in tables)]


# Mean over the label's tokens and not the sum: the gain per token
@wrong("2.1-9", "You average over the tokens of a label. Its probability is their")
def gain_per_token_thirteenth(after, alone):
    scores = [
        sum(float(x) for x in a) / len(a) - sum(float(x) for x in b) / len(b)
        for a, b in zip(after, alone, strict=False)
    ]
    return scores.index(max(scores))


# The last of equals
@wrong("2.1-9", "Of labels with equal scores you give the last one. The first is")
def label_last_of_equals_thirteenth(after, alone):
    best, score = 0, -math.inf
    for i in range(len(after)):
        gain = sum(after[i]) - sum(alone[i])
        if gain >= score:
            best, score = i, gain
    return best


# Shown already when it is more than one standard error
@wrong("2.1-10", "'shown': Compare the gain with twice the standard error: above it")
def one_standard_error_is_enough_thirteenth():
    p = 332 / 400
    error = math.sqrt(p * (1 - p) / 400)
    return {
        "gain": p - 0.8,
        "error": error,
        "shown": p - 0.8 > error,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 2.1."""

import itertools
import math
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import torch

from trial.answers import right, wrong


# The denominator grows by k only for the kinds of tokens that were seen, not for all of the
# vocabulary
@wrong("2.1-1", "Your divisor grows by k for each token that was seen. The")
def k_times_the_seen_kinds_fourteenth(counts, k):
    counts = torch.as_tensor(counts, dtype=torch.float64)
    if counts.sum() == 0:
        return torch.full_like(counts, 1 / len(counts))
    return (counts + k) / (counts.sum() + k * (counts > 0).sum())


# A context's total is how often the token stands in train at all, its last place included
@wrong("2.1-2", "You count the last token of the training text as a context, but")
def held_out_total_with_last_token_fourteenth(train, held_out, vocab_size, k):
    train = [int(t) for t in train]
    held_out = [int(t) for t in held_out]
    pairs = Counter(itertools.pairwise(train))
    total = Counter(train)
    bits = 0.0
    for a, b in itertools.pairwise(held_out):
        bits -= math.log2((pairs[a, b] + k) / (total[a] + k * vocab_size))
    return bits / (len(held_out) - 1)


# Each different pair of the held-out text is scored once only
@wrong("2.1-2", "It comes out as if a pair that comes twice in the held-out text")
def held_out_distinct_pairs_fourteenth(train, held_out, vocab_size, k):
    train = [int(t) for t in train]
    held_out = [int(t) for t in held_out]
    table = defaultdict(lambda: [k] * vocab_size)
    for a, b in itertools.pairwise(train):
        table[a][b] += 1
    scored = set(itertools.pairwise(held_out))
    bits = [-math.log2(table[a][b] / sum(table[a])) for a, b in scored]
    return sum(bits) / len(bits)


# Unusual: one numpy table of all pairs, the text read as an index
@right("2.1-2")
def held_out_numpy_table_fourteenth(train, held_out, vocab_size, k):
    train = np.array([int(t) for t in train], dtype=np.int64)
    held_out = np.array([int(t) for t in held_out], dtype=np.int64)
    counts = np.full((vocab_size, vocab_size), float(k))
    np.add.at(counts, (train[:-1], train[1:]), 1.0)
    surprise = np.log2(counts.sum(1))[held_out[:-1]] - np.log2(counts)[held_out[:-1], held_out[1:]]
    return float(surprise.mean())


# Multiplies the probabilities in float32 before the logarithm: underflows for more than a few dozen
# tokens
@wrong("2.1-3", "With many tokens the product of their probabilities is too small")
def product_underflows_fourteenth(texts):
    flat = torch.tensor([float(p) for text in texts for p in text], dtype=torch.float32)
    return float(torch.exp(-torch.log(flat.prod()) / len(flat)))


# Right: bits and powers of two instead of nats and e, summed up text by text
@right("2.1-3")
def perplexity_in_bits_fourteenth(texts):
    bits, number = 0.0, 0
    for text in texts:
        bits -= math.fsum(math.log2(float(p)) for p in text)
        number += len(text)
    return 2.0 ** (bits / number)


# The perplexity of A is taken from its bits per byte, not per token
@wrong("2.1-4", "'perplexity of A': That is 2 to the bits per byte. Asked for is the")
def tokenizers_perplexity_of_a_byte_fourteenth():
    a = 3.4 * 4500 / 9000
    b = 5.6 * 2250 / 9000
    return {"A": a, "B": b, "perplexity of A": 2**a, "better": "B", "missing": "how many bytes a token has"}


# The new high is the new low plus the part's own rounded width: neighbours no longer touch
@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded by")
def width_rounded_by_itself_fourteenth(low, high, parts, token):
    size, total = high - low, parts[-1]
    new_low = low + size * parts[token] // total
    return [new_low, new_low + size * (parts[token + 1] - parts[token]) // total]


# Right: exact fractions and a floor instead of whole-number division
@right("2.1-5")
def narrow_by_fractions_fourteenth(low, high, parts, token):
    def edge(part):
        return int(low) + math.floor(Fraction((int(high) - int(low)) * int(part), int(parts[-1])))

    return [edge(parts[token]), edge(parts[token + 1])]


# Looks for windows as substrings of the text of numbers: "1 2" is found in "11 25"
@wrong("2.1-6", "You look for a text in a text, where 1 2 is found in 11 25: what is")
def windows_as_substrings_fourteenth(train, held_out, width):
    text = " ".join(str(int(t)) for t in train)
    windows = [held_out[i : i + width] for i in range(len(held_out) - width + 1)]
    found = [" ".join(str(int(t)) for t in w) in text for w in windows]
    return sum(found) / len(found)


# Looks windows up as substrings of joined numbers: '1 2' is found in '11 23'
@wrong("2.1-6", "You look for a text in a text, where 1 2 is found in 11 25: what is")
def leak_substring_of_numbers_fourteenth(train, held_out, width):
    train = train.tolist() if hasattr(train, "tolist") else list(train)
    held_out = held_out.tolist() if hasattr(held_out, "tolist") else list(held_out)
    text = " ".join(str(t) for t in train)
    n = len(held_out) - width + 1
    found = sum(" ".join(str(t) for t in held_out[i : i + width]) in text for i in range(n))
    return found / n


# Cuts the training text into windows that do not overlap
@wrong("2.1-6", "Windows do not overlap in one text or in both. A passage that was")
def leak_train_without_overlap_fourteenth(train, held_out, width):
    train = train.tolist() if hasattr(train, "tolist") else list(train)
    held_out = held_out.tolist() if hasattr(held_out, "tolist") else list(held_out)
    seen = {tuple(train[i : i + width]) for i in range(0, len(train) - width + 1, width)}
    windows = [tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)]
    return sum(w in seen for w in windows) / len(windows)


# Unusual: a tree (nested dicts) of all windows of the training text, walked token by token
@right("2.1-6")
def leak_by_a_tree_fourteenth(train, held_out, width):
    train = train.tolist() if hasattr(train, "tolist") else list(train)
    held_out = held_out.tolist() if hasattr(held_out, "tolist") else list(held_out)
    root = {}
    for i in range(len(train) - width + 1):
        node = root
        for token in train[i : i + width]:
            node = node.setdefault(token, {})
    found = total = 0
    for i in range(len(held_out) - width + 1):
        total += 1
        node = root
        for token in held_out[i : i + width]:
            node = node.get(token)
            if node is None:
                break
        else:
            found += len(train) >= width
    return found / total


# Forgets to take the embeddings off the third model
@wrong("2.1-7", "right: 'exponent', 'sure'. 'loss': 1.69695 is too small, a little")
def third_model_with_its_tables_fourteenth():
    one, two = 60000 - 30000, 180000 - 60000
    b = math.log(2.43 / 2.058) / math.log(two / one)
    return {
        "exponent": b,
        "loss": 2.058 * (600000 / two) ** -b,
        "sure": "nowhere: a third size has to be measured",
    }


# 'no embedding' taken as the layers' count: a head of its own is counted among the layers
@wrong("2.1-8", "Where the head is a table of its own it stands in your first")
def count_head_among_layers_fourteenth(vocab_size, d_model, num_layers, d_ff, tied):
    layer = 4 * d_model**2 + 2 * d_model * d_ff
    table = vocab_size * d_model
    without_embedding = num_layers * layer + (0 if tied else table)
    return [without_embedding, without_embedding + table]


# Compares how much the probability rose instead of the log-probability
@wrong("2.1-9", "It comes out as if probabilities were subtracted. What the text")
def difference_of_probabilities_fourteenth(after, alone):
    scores = [math.exp(sum(a)) - math.exp(sum(b)) for a, b in zip(after, alone, strict=False)]
    return scores.index(max(scores))


# Takes the standard error at the share of the commonest class instead of the share right
@wrong("2.1-10", "'error': You put the base rate into the formula. p is the share")
def error_at_the_base_rate_fourteenth():
    gain = 332 / 400 - 0.8
    error = math.sqrt(0.8 * 0.2 / 400)
    return {
        "gain": gain,
        "error": error,
        "shown": gain > 2 * error,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


# The standard error is taken at the base rate 0.8 instead of the model's own share
@wrong("2.1-10", "'error': You put the base rate into the formula. p is the share")
def control_error_of_the_base_fourteenth():
    p, n, base = 332 / 400, 400, 0.8
    error = math.sqrt(base * (1 - base) / n)
    return {
        "gain": p - base,
        "error": error,
        "shown": p - base > 2 * error,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

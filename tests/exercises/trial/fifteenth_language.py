"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 2.1."""

import itertools
import math
from collections import Counter

import torch

from trial.answers import right, wrong


# Adds k for the tokens that were seen only, in the sum
@wrong("2.1-1", "Your divisor grows by k for each token that was seen. The unseen")
def smoothed_seen_types_fifteenth(counts, k):
    total = sum(float(c) for c in counts)
    seen = sum(1 for c in counts if c > 0)
    if total == 0:
        return [1 / len(counts)] * len(counts)
    return [(float(c) + k) / (total + k * seen) for c in counts]


# Divides by the size of the vocabulary that was seen
@wrong("2.1-1", "Your divisor grows by k for each token that was seen. The unseen")
def smoothed_by_seen_fifteenth(counts, k):
    counts = torch.as_tensor(counts, dtype=torch.float64)
    if counts.sum() == 0:
        return torch.full_like(counts, 1 / len(counts))
    return (counts + k) / (counts.sum() + k * (counts > 0).sum())


# The context's count is taken over all tokens of train, last token included (it is followed by
# nothing)
@wrong("2.1-2", "You count the last token of the training text as a context, but")
def bits_last_token_as_context_fifteenth(train, held_out, vocab_size, k):
    train = [int(t) for t in train]
    held_out = [int(t) for t in held_out]
    pairs = Counter(itertools.pairwise(train))
    contexts = Counter(train)
    bits = 0.0
    for a, b in itertools.pairwise(held_out):
        bits -= math.log2((pairs[a, b] + k) / (contexts[a] + k * vocab_size))
    return bits / (len(held_out) - 1)


# Mean of the texts' mean surprises: a short text counts as much as a long one
@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as")
def perplexity_of_text_means_fifteenth(texts):
    means = [sum(-math.log(p) for p in text) / len(text) for text in texts if len(text)]
    return math.exp(sum(means) / len(means))


# Perplexity as e to the bits
@wrong("2.1-4", "'perplexity of A': You take e to the power of bits. The base")
def perplexity_e_of_bits_fifteenth():
    return {
        "A": 3.4 * 4500 / 9000,
        "B": 5.6 * 2250 / 9000,
        "perplexity of A": math.exp(3.4),
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Bits per byte multiplied with bytes per token instead of divided
@wrong("2.1-4", "'A', 'B': You divide the bits a token by the tokens a byte. A byte")
def tokenizers_upside_down_fifteenth():
    a, b = 3.4 * 9000 / 4500, 5.6 * 9000 / 2250
    return {"A": a, "B": b, "perplexity of A": 2**3.4, "better": "A", "missing": "how many bytes a token has"}


# Rounds the width instead of the end, so that parts leave a crack between them
@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded by")
def narrow_rounded_width_fifteenth(low, high, parts, token):
    width = high - low
    start = low + width * parts[token] // parts[-1]
    return [start, start + width * (parts[token + 1] - parts[token]) // parts[-1]]


# A Python slice compared at each place of train, without sets
@right("2.1-6")
def leak_slices_fifteenth(train, held_out, width):
    train, held_out = [int(t) for t in train], [int(t) for t in held_out]
    stands = 0
    windows = len(held_out) - width + 1
    for i in range(windows):
        if any(
            all(train[j + d] == held_out[i + d] for d in range(width)) for j in range(len(train) - width + 1)
        ):
            stands += 1
    return stands / windows


# Windows as a set: one that comes twice counts once
@wrong("2.1-6", "You count each different window once. A passage that comes back in")
def leak_windows_once_fifteenth(train, held_out, width):
    train, held_out = [int(t) for t in train], [int(t) for t in held_out]
    known = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    seen = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    return len(known & seen) / len(seen)


# Joins the tokens to strings with separators and searches them at every place
@right("2.1-6")
def leak_by_strings_fifteenth(train, held_out, width):
    text = "," + ",".join(str(int(t)) for t in train) + ","
    hits = total = 0
    for i in range(len(held_out) - width + 1):
        window = "," + ",".join(str(int(t)) for t in held_out[i : i + width]) + ","
        hits += window in text
        total += 1
    return hits / total


# Forgets to take the third model's embeddings away
@wrong("2.1-7", "right: 'exponent', 'sure'. 'loss': 1.69695 is too small, a little")
def law_third_with_tables_fifteenth():
    one, two, three = 30000, 120000, 600000
    b = math.log(2.43 / 2.058) / math.log(two / one)
    return {
        "exponent": b,
        "loss": 2.43 * (three / one) ** -b,
        "sure": "nowhere: a third size has to be measured",
    }


# The head of an untied model is counted among the layers
@wrong("2.1-8", "Where the head is a table of its own it stands in your first")
def count_head_in_layers_fifteenth(vocab_size, d_model, num_layers, d_ff, tied):
    layers = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    if not tied:
        layers += vocab_size * d_model
    return [layers, layers + vocab_size * d_model]


# Mean over a label's tokens instead of the whole label
@wrong("2.1-9", "You average over the tokens of a label. Its probability is their")
def best_label_mean_fifteenth(after, alone):
    scores = [(sum(map(float, a)) - sum(map(float, b))) / len(a) for a, b in zip(after, alone, strict=False)]
    return scores.index(max(scores))


# One standard error in place of two decides whether it is shown
@wrong("2.1-10", "'shown': Compare the gain with twice the standard error: above it")
def control_one_error_fifteenth():
    p = 332 / 400
    gain, error = p - 0.8, math.sqrt(p * (1 - p) / 400)
    return {
        "gain": gain,
        "error": error,
        "shown": gain > error,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

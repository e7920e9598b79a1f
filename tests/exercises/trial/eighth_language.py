"""An eighth trial, chapter 2.1: answers written from the statements alone."""

import itertools
import math
import statistics
from collections import Counter

import numpy as np

from trial.answers import right, wrong


# Whole numbers: rounds the added k down with int(), so a k below 1 adds nothing
@wrong("2.1-1", "You cut k to a whole number, so that a k below 1 adds nothing. It")
def whole_numbers_rounds_the_added_k_down_with(counts, k):
    v = len(counts)
    k = max(int(k), 0)
    total = sum(int(c) for c in counts) + k * v
    if total == 0:
        return [1 / v] * v
    return [(int(c) + k) / total for c in counts]


# Adds k to the counts but to the total only once, not once for each token of the vocabulary: does not
# sum to one
@wrong("2.1-1", "Your numbers do not sum to one. k is added above the line to")
def adds_k_to_the_counts_but_to_the(counts, k):
    total = sum(counts) + k
    return [(c + k) / total for c in counts]


# Mixes the shares of the text with even shares, weight n / (n + kV), as Dirichlet smoothing
@right("2.1-1")
def mixes_the_shares_of_the_text_with_even(counts, k):
    c = np.asarray(counts, dtype=np.float64)
    v, n = (len(c), c.sum())
    weight = n / (n + k * v)
    shares = c / n if n else np.zeros(v)
    return (weight * shares + (1 - weight) / v).tolist()


# Natural logarithm: nats, not bits
@wrong("2.1-2", "What comes out is in nats, as from the natural logarithm. A bit is a")
def natural_logarithm_nats_not_bits(train, held_out, vocab_size, k):
    train, held_out = ([int(x) for x in train], [int(x) for x in held_out])
    pairs, first = (Counter(itertools.pairwise(train)), Counter(train[:-1]))
    s = 0.0
    for a, b in itertools.pairwise(held_out):
        s += math.log((pairs[a, b] + k) / (first[a] + k * vocab_size))
    return -s / (len(held_out) - 1)


# A whole table by numpy.add.at, then the log of all rows at once
@right("2.1-2")
def a_whole_table_by_numpy_add_at_then(train, held_out, vocab_size, k):
    train, held_out = (np.array([int(x) for x in train], int), np.array([int(x) for x in held_out], int))
    table = np.full((vocab_size, vocab_size), float(k))
    np.add.at(table, (train[:-1], train[1:]), 1)
    bits = np.log2(table.sum(1, keepdims=True)) - np.log2(table)
    return float(bits[held_out[:-1], held_out[1:]].mean())


# The geometric mean of statistics
@right("2.1-3")
def the_geometric_mean_of_statistics(texts):
    return 1 / statistics.geometric_mean([float(p) for text in texts for p in text])


# Averages the perplexities of the texts, so each text counts alike and not each token
@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as")
def averages_the_perplexities_of_the_texts_so_each(texts):
    each = [math.exp(-sum(math.log(p) for p in t) / len(t)) for t in texts]
    return sum(each) / len(each)


# Averages the texts' mean surprises before the power: a token of a short text counts more
@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as")
def averages_the_texts_mean_surprises_before_the_power(texts):
    means = [sum(-math.log(p) for p in t) / len(t) for t in texts]
    return math.exp(sum(means) / len(means))


# Bits turned into a perplexity with e instead of 2
@wrong("2.1-4", "You take e to the power of bits. The base belongs to the unit:")
def bits_turned_into_a_perplexity_with_e_instead():
    return {
        "A": 1.7,
        "B": 1.4,
        "perplexity of A": math.exp(3.4),
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Divides bytes by tokens and multiplies: bits a token times bytes a token (6.8, 22.4), so A looks
# better
@wrong("2.1-4", "You divide the bits a token by the tokens a byte. A byte that is")
def divides_bytes_by_tokens_and_multiplies_bits_a():
    return {
        "A": 3.4 * 9000 / 4500,
        "B": 5.6 * 9000 / 2250,
        "perplexity of A": 2**3.4,
        "better": "A",
        "missing": "how many bytes a token has",
    }


# Goes by divmod and returns a tuple
@right("2.1-5")
def goes_by_divmod_and_returns_a_tuple(low, high, parts, token):
    def edge(share):
        whole, _ = divmod((high - low) * share, parts[-1])
        return low + whole

    return tuple(map(edge, (parts[token], parts[token + 1])))


# Forgets to add low: right only for the first token
@wrong("2.1-5", "Your ends are counted from 0, and the old interval begins at `low`. It")
def forgets_to_add_low_right_only_for_the(low, high, parts, token):
    width = high - low
    a = width * parts[token] // parts[-1]
    b = width * parts[token + 1] // parts[-1]
    return [a, b]


# Looks the window up in a string of joined numbers: '1 2' is also found in '11 25'
@wrong("2.1-6", "You look for a text in a text, where 1 2 is found in 11 25:")
def looks_the_window_up_in_a_string_of(train, held_out, width):
    text = " ".join(str(int(x)) for x in train)
    n = len(held_out) - width + 1
    hits = 0
    for i in range(n):
        hits += " ".join(str(int(x)) for x in held_out[i : i + width]) in text
    return hits / n


# Exponent with the wrong sign: the minus already stands in N^-b
@wrong("2.1-7", "Your exponent is negative: then the loss would grow with N. The")
def exponent_with_the_wrong_sign_the_minus_already():
    b = math.log(2.058 / 2.43) / math.log(4)
    return {"exponent": b, "loss": 2.058 * 4**b, "sure": "nowhere: a third size has to be measured"}


# Goes on along a straight line in the loss (the same loss again for each factor of 4) instead of its
# logarithm
@wrong("2.1-7", "You go on in a straight line. A power law is straight where both")
def goes_on_along_a_straight_line_in_the():
    return {
        "exponent": 0.12,
        "loss": 2.058 - (2.43 - 2.058),
        "sure": "nowhere: a third size has to be measured",
    }


# Returns the numbers of the embeddings in the place of those in all
@wrong("2.1-8", "Your second number is that of the tables alone. All parameters")
def returns_the_numbers_of_the_embeddings_in_the(vocab_size, d_model, num_layers, d_ff, tied):
    inside = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    outside = vocab_size * d_model * (2 - bool(tied))
    return [inside, outside]


# Of equals it returns the last (>=)
@wrong("2.1-9", "Of labels with equal scores you give the last one. The first is")
def of_equals_it_returns_the_last(after, alone):
    best, number = (float("-inf"), 0)
    for i, (a, b) in enumerate(zip(after, alone, strict=False)):
        score = sum(a) - sum(b)
        if score >= best:
            best, number = (score, i)
    return number


# Takes the mean over a label's tokens instead of the whole label's log-probability
@wrong("2.1-9", "You average over the tokens of a label. Its probability is their")
def takes_the_mean_over_a_label_s_tokens(after, alone):
    scores = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(after, alone, strict=False)]
    return scores.index(max(scores))


# Takes one standard error for enough: 0.03 is more than 0.019, but not more than two of them
@wrong("2.1-10", "Compare the gain with twice the standard error: above it the gain")
def takes_one_standard_error_for_enough_0_03():
    return {
        "gain": 0.03,
        "error": 0.0188,
        "shown": True,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

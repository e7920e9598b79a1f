"""A seventh trial, chapter 2.1: answers written from the statements alone."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np

from trial.answers import right, wrong


# K is added only to the counts that are 0, 'so that nothing is impossible'; it sums to one all the same
@wrong("2.1-1", "You give k to the tokens with count 0 alone. By this rule each")
def k_is_added_only_to_the_counts_that_are_0(counts, k):
    raised = [float(c) if c > 0 else float(k) for c in counts]
    return [c / sum(raised) for c in raised]


# The context that was seen is not smoothed; only the unseen one gets equal shares
@wrong("2.1-1", "What comes out are the shares of the plain counts. A token that never")
def the_context_that_was_seen_is_not_smoothed(counts, k):
    total = sum(float(c) for c in counts)
    if total == 0:
        return [1 / len(counts)] * len(counts)
    return [float(c) / total for c in counts]


# As a mixture of the relative frequency and the even distribution, a generator made a list
@right("2.1-1")
def as_a_mixture_of_the_relative_frequency(counts, k):
    total, size = float(sum(counts)), len(counts)
    weight = total / (total + k * size)
    return [weight * (float(c) / total if total else 0.0) + (1 - weight) / size for c in counts]


# The denominator is the count of the context as a token of train, its last token included, which begins
# no pair: row does not sum to one
@wrong("2.1-2", "You count the last token of the training text as a context, but")
def the_denominator_is_the_count_of_the_context(train, held_out, vocab_size, k):
    train, held_out = [int(t) for t in train], [int(t) for t in held_out]
    pairs, single = Counter(itertools.pairwise(train)), Counter(train)
    bits = [
        -math.log2((pairs[a, b] + k) / (single[a] + k * vocab_size)) for a, b in itertools.pairwise(held_out)
    ]
    return sum(bits) / len(bits)


# The vocabulary is what occurs in train (len(set(train))), not vocab_size
@wrong("2.1-2", "It comes out as if the vocabulary were taken from the tokens of the")
def the_vocabulary_is_what_occurs_in_train_len(train, held_out, vocab_size, k):
    train, held_out = [int(t) for t in train], [int(t) for t in held_out]
    size = len(set(train))
    pairs, starts = Counter(itertools.pairwise(train)), Counter(train[:-1])
    bits = [-math.log2((pairs[a, b] + k) / (starts[a] + k * size)) for a, b in itertools.pairwise(held_out)]
    return sum(bits) / len(bits)


# Matrix of counts in numpy with np.add.at, fancy indexing
@right("2.1-2")
def matrix_of_counts_in_numpy_with_np_add(train, held_out, vocab_size, k):
    train, held_out = np.asarray(train, dtype=np.int64), np.asarray(held_out, dtype=np.int64)
    table = np.full((vocab_size, vocab_size), float(k))
    np.add.at(table, (train[:-1], train[1:]), 1.0)
    table /= table.sum(1, keepdims=True)
    return float(-np.log2(table[held_out[:-1], held_out[1:]]).mean())


# One over the arithmetic mean of the probabilities: the surprise is averaged before the logarithm
@wrong("2.1-3", "You average the probabilities. A token that the model held to be")
def one_over_the_arithmetic_mean(texts):
    flat = [float(p) for text in texts for p in text]
    return len(flat) / sum(flat)


# Nats are put into 2 ** instead of e **
@wrong("2.1-3", "Your logarithm has one base and your power another. With bits")
def nats_are_put_into_2_instead_of_e(texts):
    flat = [-math.log(float(p)) for text in texts for p in text]
    return 2 ** (sum(flat) / len(flat))


# Statistics: geometric mean of the reciprocals, each to the power 1/n so that nothing overflows
@right("2.1-3")
def statistics_geometric_mean_of_the_reciprocals(texts):
    flat = list(itertools.chain.from_iterable(texts))
    return math.prod(float(p) ** (-1 / len(flat)) for p in flat)


# Perplexity from the bits per byte, 2 ** 1.7
@wrong("2.1-4", "That is 2 to the bits per byte. Asked for is the perplexity per")
def perplexity_from_the_bits_per_byte_2_1_7():
    return {
        "A": 1.7,
        "B": 1.4,
        "perplexity of A": 2**1.7,
        "better": "B",
        "missing": "how many bytes a token has",
    }


# Low is overwritten first, the new high is then computed from the new low
@wrong("2.1-5", "For two halves, your result differs in 1 of 2 places: the first,")
def low_is_overwritten_first_the_new_high(low, high, parts, token):
    width = high - low
    low = low + width * parts[token] // parts[-1]
    high = low + width * parts[token + 1] // parts[-1]
    return [low, high]


# High = new low + width * size of the part, rounded down by itself: parts of neighbours no longer touch
@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded")
def high_new_low_width_size_of_the_part_rounded(low, high, parts, token):
    width = high - low
    start = low + width * parts[token] // parts[-1]
    return [start, start + width * (parts[token + 1] - parts[token]) // parts[-1]]


# Exact fractions and math.floor, returned by a comprehension
@right("2.1-5")
def exact_fractions_and_math_floor_returned(low, high, parts, token):
    return [math.floor(low + Fraction(high - low) * Fraction(p, parts[-1])) for p in parts[token : token + 2]]


# Windows are joined to strings without a separator: [1, 23] and [12, 3] become the same
@wrong("2.1-6", "You write the tokens into one string without anything between")
def windows_are_joined_to_strings_without(train, held_out, width):
    def windows(text):
        return ["".join(str(int(t)) for t in text[i : i + width]) for i in range(len(text) - width + 1)]

    known = set(windows(train))
    mine = windows(held_out)
    return sum(w in known for w in mine) / len(mine)


# Windows are compared as sets of tokens: order within a window plays no part
@wrong("2.1-6", "You compare windows without regard to order. 'dog bites man' has")
def windows_are_compared_as_sets_of_tokens_order(train, held_out, width):
    def windows(text):
        return [tuple(sorted(int(t) for t in text[i : i + width])) for i in range(len(text) - width + 1)]

    known = set(windows(train))
    mine = windows(held_out)
    return sum(w in known for w in mine) / len(mine)


# Loops over places instead of sets, comparison token by token with all()
@right("2.1-6")
def loops_over_places_instead_of_sets_comparison(train, held_out, width):
    hits = total = 0
    for i in range(len(held_out) - width + 1):
        total += 1
        for j in range(len(train) - width + 1):
            if all(int(held_out[i + s]) == int(train[j + s]) for s in range(width)):
                hits += 1
                break
    return hits / total


# Sure = between the two sizes ('interpolation is always safe'), though any two points lie on a law
@wrong("2.1-7", "Any two points lie on some power law. So these do not say that")
def sure_between_the_two_sizes_interpolation():
    b = math.log(2.43 / 2.058) / math.log(4)
    return {"exponent": b, "loss": 2.058 * 4**-b, "sure": "between the two sizes"}


# B from the difference of the losses over ln of the ratio, a semilogarithmic line; the loss goes on along
# it
@wrong("2.1-7", "What comes out has the difference of the losses above the line. A power")
def b_from_the_difference_of_the_losses_over_ln():
    slope = (2.43 - 2.058) / math.log(4)
    return {
        "exponent": slope,
        "loss": 2.058 - slope * math.log(4),
        "sure": "nowhere: a third size has to be measured",
    }


# An untied head is counted among the layers ('only the embedding is outside')
@wrong("2.1-8", "Where the head is a table of its own it stands in your first")
def an_untied_head_is_counted_among_the_layers(vocab_size, d_model, num_layers, d_ff, tied):
    layers = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    if not tied:
        layers += vocab_size * d_model
    return [layers, layers + vocab_size * d_model]


# When tied, the one matrix is taken as shared with the layers and left out of the total
@wrong("2.1-8", "Where embedding and head are one matrix, you count none. It is")
def when_tied_the_one_matrix_is_taken_as_shared(vocab_size, d_model, num_layers, d_ff, tied):
    layers = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [layers, layers if tied else layers + 2 * vocab_size * d_model]


# Ratio of the two sums of log-probabilities instead of their difference
@wrong("2.1-9", "It comes out as if one log-probability were divided by the other.")
def ratio_of_the_two_sums_of_log_probabilities(after, alone):
    scores = [sum(map(float, a)) / sum(map(float, b)) for a, b in zip(after, alone, strict=False)]
    return scores.index(min(scores))


# Probabilities (exp) are subtracted, not log-probabilities
@wrong("2.1-9", "It comes out as if probabilities were subtracted. What the text")
def probabilities_exp_are_subtracted_not_log(after, alone):
    scores = [
        math.exp(sum(map(float, a))) - math.exp(sum(map(float, b)))
        for a, b in zip(after, alone, strict=False)
    ]
    return scores.index(max(scores))


# Error computed from the baseline's share 0.8 instead of the model's 0.83
@wrong("2.1-10", "You put the base rate into the formula. p is the share that the")
def error_computed_from_the_baseline_s_share_0_8():
    return {
        "gain": 0.03,
        "error": math.sqrt(0.8 * 0.2 / 400),
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

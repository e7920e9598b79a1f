"""A third trial, written from the statements alone before any of it was run: chapter 2.1."""

import itertools
import math

import numpy as np
import torch

from trial.answers import right, wrong


@wrong("2.1-1", "Your numbers do not sum to one. k is added above the line to every")
def k_added_to_the_total_once_not_for_each_token(counts, k):
    counts = torch.as_tensor(counts, dtype=torch.float64)
    return (counts + k) / (counts.sum() + k)


@wrong("2.1-1", "What comes out are the shares of the plain counts. A token that never")
def smoothing_only_where_nothing_was_seen(counts, k):
    total = sum(float(c) for c in counts)
    if total == 0:
        return torch.full((len(counts),), 1 / len(counts))
    return torch.tensor([float(c) / total for c in counts])


@wrong("2.1-2", "What comes out is in nats, as from the natural logarithm. A bit is a")
def nats(train, held_out, vocab_size, k):
    c = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    for a, b in itertools.pairwise(train):
        c[a, b] += 1
    p = c / c.sum(1, keepdim=True)
    return -sum(math.log(p[a, b]) for a, b in itertools.pairwise(held_out)) / (len(held_out) - 1)


@wrong("2.1-2", "You divide by all tokens of the held-out text. The first is not")
def divided_by_all_tokens_not_by_the_scored_ones(train, held_out, vocab_size, k):
    c = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    for a, b in itertools.pairwise(train):
        c[a, b] += 1
    p = c / c.sum(1, keepdim=True)
    return -sum(math.log2(p[a, b]) for a, b in itertools.pairwise(held_out)) / len(held_out)


@wrong("2.1-2", "You guess a token from the one behind it. A text is written from the")
def columns_normalised_instead_of_rows(train, held_out, vocab_size, k):
    c = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    for a, b in itertools.pairwise(train):
        c[a, b] += 1
    p = c / c.sum(0, keepdim=True)
    return -sum(math.log2(p[a, b]) for a, b in itertools.pairwise(held_out)) / (len(held_out) - 1)


@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as one")
def mean_of_the_texts_means(texts):
    means = [-sum(math.log(p) for p in t) / len(t) for t in texts]
    return math.exp(sum(means) / len(means))


@wrong("2.1-3", "Your logarithm has one base and your power another. With bits the")
def two_to_the_nats(texts):
    nats = [-math.log(p) for t in texts for p in t]
    return 2 ** (sum(nats) / len(nats))


@wrong("2.1-4", "You divide the bits a token by the tokens a byte")
def bytes_over_tokens_the_wrong_way_round():
    return {
        "A": 6.8,
        "B": 22.4,
        "perplexity of A": 10.56,
        "better": "A",
        "missing": "how many bytes a token has",
    }


@wrong("2.1-4", "You take e to the power of bits. The base belongs to the unit: bits")
def perplexity_as_e_to_the_bits():
    return {
        "A": 1.7,
        "B": 1.4,
        "perplexity of A": 29.96,
        "better": "B",
        "missing": "how many bytes a token has",
    }


@wrong("2.1-5", "You divide the width first and lose what is left over. In a narrow")
def divides_before_it_multiplies(low, high, parts, token):
    unit = (high - low) // parts[-1]
    return [low + unit * parts[token], low + unit * parts[token + 1]]


@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded")
def the_width_of_the_part_is_rounded_ends_do_not_mee(low, high, parts, token):
    """The width of the part is rounded, ends do not meet."""
    w = high - low
    new = low + w * parts[token] // parts[-1]
    return [new, new + w * (parts[token + 1] - parts[token]) // parts[-1]]


@wrong("2.1-5", "Your ends are counted from 0, and the old interval begins at `low`. It")
def forgets_to_add_low(low, high, parts, token):
    w = high - low
    return [w * parts[token] // parts[-1], w * parts[token + 1] // parts[-1]]


@wrong("2.1-6", "You count each different window once. A passage that comes back in")
def a_window_that_comes_twice_counts_once(train, held_out, width):
    def grams(x):
        return {tuple(int(v) for v in x[i : i + width]) for i in range(len(x) - width + 1)}

    h = grams(held_out)
    return len(h & grams(train)) / len(h)


@wrong("2.1-6", "You leave the last window out, of one text or of both. A text of 5")
def last_window_left_out(train, held_out, width):
    seen = {tuple(train[i : i + width]) for i in range(len(train) - width)}
    hits = [tuple(held_out[i : i + width]) in seen for i in range(len(held_out) - width)]
    return sum(hits) / len(hits) if hits else 0.0


@wrong("2.1-7", "You count the embeddings into N. They grow more slowly than the")
def counts_all_parameters():
    return {"exponent": 0.1512, "loss": 1.715, "sure": "nowhere: a third size has to be measured"}


@wrong("2.1-7", "Your exponent is negative: then the loss would grow with N. The law")
def exponent_with_a_minus_sure_between():
    return {"exponent": -0.1199, "loss": 1.743, "sure": "between the two sizes"}


@wrong("2.1-8", "Your two numbers are right, but the other way round: first the")
def all_first_layers_second(vocab_size, d_model, num_layers, d_ff, tied):
    a = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [a + vocab_size * d_model * (1 if tied else 2), a]


@wrong("2.1-8", "You count one table where there are two. Without tying the head is a")
def head_never_counted(vocab_size, d_model, num_layers, d_ff, tied):
    a = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [a, a + vocab_size * d_model]


@wrong("2.1-9", "You average over the tokens of a label. Its probability is their")
def per_token_not_of_the_whole_label(after, alone):
    s = [(sum(x) - sum(y)) / len(x) for x, y in zip(after, alone, strict=False)]
    return s.index(max(s))


@wrong("2.1-9", "Of labels with equal scores you give the last one. The first is")
def the_last_of_equals(after, alone):
    best, place = -math.inf, 0
    for i, (x, y) in enumerate(zip(after, alone, strict=False)):
        s = sum(x) - sum(y)
        if s >= best:
            best, place = s, i
    return place


@wrong("2.1-9", "Yours is the likeliest label behind the text. A common label wins there")
def only_what_is_likely_behind_the_text(after, alone):
    s = [sum(x) for x in after]
    return s.index(max(s))


@wrong("2.1-10", "You give the gain in per cent")
def gain_in_percent_shown():
    return {
        "gain": 3,
        "error": 0.0188,
        "shown": True,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


@wrong("2.1-10", "You give the variance. The standard error is its square root, in the")
def variance_for_the_standard_error():
    return {
        "gain": 0.03,
        "error": 0.000353,
        "shown": True,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


@wrong("2.1-10", "You put the base rate into the formula")
def error_of_the_baseline_s_0_8_seeds_for_the_law():
    return {
        "gain": 0.03,
        "error": 0.02,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "another seed for each of the five",
    }


@wrong("2.1-1", "For three tokens, k = 1, your result differs in 3 of 3 places: the")
def k_only_added_to_what_was_seen(counts, k):
    c = torch.as_tensor(counts, dtype=torch.float64)
    if c.sum() == 0:
        return torch.ones_like(c) / len(c)
    c = c + k * (c > 0)
    return c / c.sum()


@wrong("2.1-3", "You weigh the perplexities of the texts by their tokens. A power of")
def perplexity_of_each_text_then_the_mean(texts):
    pp = [math.exp(-sum(math.log(p) for p in t) / len(t)) for t in texts]
    n = sum(len(t) for t in texts)
    return sum(p * len(t) for p, t in zip(pp, texts, strict=False)) / n


@wrong("2.1-3", "You average the probabilities. A token that the model held to be")
def one_over_the_mean_probability_again(texts):
    p = [x for t in texts for x in t]
    return len(p) / sum(p)


@wrong("2.1-5", "Your upper end is one too small. It does not belong to the interval")
def the_end_is_the_last_number_that_belongs_to_it(low, high, parts, token):
    w, n = high - low, parts[-1]
    return [low + w * parts[token] // n, low + w * parts[token + 1] // n - 1]


@wrong("2.1-6", "You ask which single tokens are known. These may stand in")
def tokens_read_before_not_windows(train, held_out, width):
    s = set(train)
    hits = [all(t in s for t in held_out[i : i + width]) for i in range(len(held_out) - width + 1)]
    return sum(hits) / len(hits)


@wrong("2.1-9", "It comes out as if one log-probability were divided by the other.")
def ratio_of_log_probabilities_again(after, alone):
    s = [sum(x) / sum(y) for x, y in zip(after, alone, strict=False)]
    return s.index(max(s))


@wrong("2.1-1", "What comes out are the shares of the plain counts. A token that never")
def counts_doubled_by_the_smoothing(counts, k):
    c = torch.as_tensor(counts, dtype=torch.float64)
    c = c * (1 + k)
    return c / c.sum() if c.sum() > 0 else torch.ones(len(c)) / len(c)


@wrong("2.1-2", "You ask how often a token came at all. The token before it is known")
def no_smoothing_of_contexts(train, held_out, vocab_size, k):
    c = torch.zeros(vocab_size, dtype=torch.float64)
    for t in train:
        c[t] += 1
    p = (c + k) / (c + k).sum()
    return -sum(math.log2(p[t]) for t in held_out[1:]) / (len(held_out) - 1)


@wrong("2.1-2", "You give the bits of the whole text. A longer text would look harder")
def bits_of_the_whole_text(train, held_out, vocab_size, k):
    c = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    for a, b in itertools.pairwise(train):
        c[a, b] += 1
    p = c / c.sum(1, keepdim=True)
    return -sum(math.log2(p[a, b]) for a, b in itertools.pairwise(held_out))


@wrong("2.1-6", "You ask how much of the training text stands in the held-out one. It")
def share_of_the_windows_of_the_training_text(train, held_out, width):
    h = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    n = len(train) - width + 1
    return sum(tuple(train[i : i + width]) in h for i in range(n)) / max(n, 1)


@wrong("2.1-8", "You count one matrix for the network. It goes out to d_ff and comes")
def one_matrix_in_the_network(vocab_size, d_model, num_layers, d_ff, tied):
    a = num_layers * (4 * d_model**2 + d_model * d_ff)
    return [a, a + vocab_size * d_model * (1 if tied else 2)]


@wrong("2.1-9", "You choose the label that the text speaks against most. Mind which of")
def the_smallest_rise(after, alone):
    s = [sum(x) - sum(y) for x, y in zip(after, alone, strict=False)]
    return s.index(min(s))


@right("2.1-1")
def numpy(counts, k):
    c = np.asarray(counts, dtype=np.float64) + k
    return c / c.sum()


@right("2.1-2")
def counters(train, held_out, vocab_size, k):
    from collections import Counter

    t, h = [int(x) for x in train], [int(x) for x in held_out]
    pairs, firsts = Counter(itertools.pairwise(t)), Counter(t[:-1])
    logs = [math.log2((pairs[p] + k) / (firsts[p[0]] + k * vocab_size)) for p in itertools.pairwise(h)]
    return -math.fsum(logs) / len(logs)


@right("2.1-3")
def product_with_roots(texts):
    n = sum(len(t) for t in texts)
    out = 1.0
    for t in texts:
        for p in t:
            out *= float(p) ** (-1 / n)
    return out


@right("2.1-6")
def strings(train, held_out, width):
    text = "," + ",".join(str(int(t)) for t in train) + ","
    hits = 0
    places = len(held_out) - width + 1
    for i in range(places):
        hits += ("," + ",".join(str(int(t)) for t in held_out[i : i + width]) + ",") in text
    return hits / places


@right("2.1-9")
def max_with_key(after, alone):
    return max(range(len(after)), key=lambda i: (round(math.fsum(after[i]) - math.fsum(alone[i]), 9), -i))

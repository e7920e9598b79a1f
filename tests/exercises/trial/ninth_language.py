"""A ninth trial, chapter 2.1: slips that two usual ones have in common, and boundaries."""

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise

from trial.answers import right, wrong


# Smooths only where a token was never seen
@wrong("2.1-1", "Where every token was seen, your counts are not smoothed. k")
def smooths_only_where_a_token_was_never_seen(counts, k):
    if 0 not in counts:
        return [c / sum(counts) for c in counts]
    t = sum(counts) + k * len(counts)
    return [(c + k) / t for c in counts]


# Shares one k among all tokens
@wrong("2.1-1", "It comes out as if k were shared among the tokens of the")
def shares_one_k_among_all_tokens(counts, k):
    v = len(counts)
    return [(c + k / v) / (sum(counts) + k) for c in counts]


# k stands below the line alone
@wrong("2.1-1", "Above the line your counts stand as they are, and k comes in")
def k_stands_below_the_line_alone(counts, k):
    t = sum(counts) + k * len(counts)
    return [c / t for c in counts]


# Right, in another way: with fractions
@right("2.1-1")
def fractions_is_right(counts, k):
    k = Fraction(k).limit_denominator(1000)
    t = sum(counts) + k * len(counts)
    return [float((c + k) / t) for c in counts]


# Scores the first token too, by how often it came at all
@wrong("2.1-2", "It comes out as if the first token of the held-out text were")
def scores_the_first_token_too_by_how_often_it_cam(train, held_out, vocab_size, k):
    p = Counter(pairwise(train))
    c = Counter(train[:-1])
    u = Counter(train)
    b = [math.log2((c[x] + k * vocab_size) / (p[x, y] + k)) for x, y in pairwise(held_out)]
    b.append(math.log2((len(train) + k * vocab_size) / (u[held_out[0]] + k)))
    return sum(b) / len(held_out)


# The share of a pair among all pairs
@wrong("2.1-2", "It comes out as if a pair were counted among all pairs of")
def the_share_of_a_pair_among_all_pairs(train, held_out, vocab_size, k):
    p = Counter(pairwise(train))
    b = [math.log2((len(train) - 1 + k * vocab_size**2) / (p[x, y] + k)) for x, y in pairwise(held_out)]
    return sum(b) / len(b)


# Leaves out pairs that training never had
@wrong("2.1-2", "It comes out as if pairs that `train` never had cost nothing.")
def leaves_out_pairs_that_training_never_had(train, held_out, vocab_size, k):
    p = Counter(pairwise(train))
    c = Counter(train[:-1])
    b = [math.log2((c[x] + k * vocab_size) / (p[x, y] + k)) for x, y in pairwise(held_out) if p[x, y]]
    return sum(b) / max(1, len(b))


# Right, in another way: a context that never came has the same chance for all
@right("2.1-2")
def uniform_for_unseen_context_no_k_is_right(train, held_out, vocab_size, k):
    p = Counter(pairwise(train))
    c = Counter(train[:-1])
    b = [
        math.log2((c[x] + k * vocab_size) / (p[x, y] + k)) if c[x] else math.log2(vocab_size)
        for x, y in pairwise(held_out)
    ]
    return sum(b) / len(b)


# Divides by one token too few
@wrong("2.1-3", "What comes out has one token less in the divisor than in the")
def divides_by_one_token_too_few(texts):
    p = [x for t in texts for x in t]
    return math.exp(-sum(map(math.log, p)) / (len(p) - 1))


# Weights each surprise by its probability
@wrong("2.1-3", "It comes out as if each surprise were multiplied by its")
def weights_each_surprise_by_its_probability(texts):
    p = [x for t in texts for x in t]
    return math.exp(-sum(x * math.log(x) for x in p))


# Divides with / and cuts: wrong where numbers are wide
@wrong("2.1-5", "It comes out as if `/` had divided: that gives a fraction of 53")
def divides_with_and_cuts_wrong_where_numbers_are(low, high, parts, token):
    w, t = (high - low, parts[-1])
    return [low + int(w * parts[token] / t), low + int(w * parts[token + 1] / t)]


# Rounds the upper end up
@wrong("2.1-5", "An end of yours is rounded up. Both are rounded down: so the")
def rounds_the_upper_end_up(low, high, parts, token):
    w, t = (high - low, parts[-1])
    return [low + w * parts[token] // t, low - -w * parts[token + 1] // t]


# Changes the upper end before the lower is computed from it
@wrong("2.1-5", "You change one end and then compute the other from it. Both are")
def changes_the_upper_end_before_the_lower_is_comp(low, high, parts, token):
    t = parts[-1]
    high = low + (high - low) * parts[token + 1] // t
    low = low + (high - low) * parts[token] // t
    return [low, high]


# Looks for ' 1 2' in a text: it finds it in ' 1 25'
@wrong("2.1-6", "You look for a text in a text, where 1 2 is found in 11 25:")
def looks_for_1_2_in_a_text_it_finds_it_in_1_25(train, held_out, width):
    s = "," + ",".join(map(str, train))
    w = ["," + ",".join(map(str, held_out[i : i + width])) for i in range(len(held_out) - width + 1)]
    return sum(x in s for x in w) / len(w)


# A key that is the same for other tokens: 1, 25 and 2, 15
@wrong("2.1-6", "as if a window were made into one number")
def a_key_that_is_the_same_for_other_tokens_1_25_a(train, held_out, width):

    def key(w):
        h = 0
        for x in w:
            h = h * 10 + x
        return h

    k = {key(train[i : i + width]) for i in range(len(train) - width + 1)}
    w = [key(held_out[i : i + width]) for i in range(len(held_out) - width + 1)]
    return sum(x in k for x in w) / len(w)


# Uses up each place of the training text once
@wrong("2.1-6", "It comes out as if it mattered how often a window stands in the")
def uses_up_each_place_of_the_training_text_once(train, held_out, width):
    k = Counter(tuple(train[i : i + width]) for i in range(len(train) - width + 1))
    w = Counter(tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1))
    return sum((w & k).values()) / sum(w.values())


# Finds a window with gaps between its tokens
@wrong("2.1-6", "It comes out as if other tokens might stand in between. A")
def finds_a_window_with_gaps_between_its_tokens(train, held_out, width):

    def sub(w):
        it = iter(train)
        return all(x in it for x in w)

    w = [held_out[i : i + width] for i in range(len(held_out) - width + 1)]
    return sum(map(sub, w)) / len(w)


# Divides by the windows of the training text
@wrong("2.1-6", "What comes out are the known windows divided by those of the")
def divides_by_the_windows_of_the_training_text(train, held_out, width):
    k = [tuple(train[i : i + width]) for i in range(len(train) - width + 1)]
    w = [tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)]
    return sum(x in k for x in w) / max(1, len(k))


# Counts an untied head among the layers
@wrong("2.1-8", "Where the head is a table of its own it stands in your first")
def counts_an_untied_head_among_the_layers(v, d, n, m, tied):
    left = n * (4 * d * d + 2 * d * m)
    return [left + (0 if tied else v * d), left + v * d * (1 if tied else 2)]


# Looks at the last token of each label alone
@wrong("2.1-9", "It comes out as if one token of each label were looked at")
def looks_at_the_last_token_of_each_label_alone(after, alone):
    g = [x[-1] - y[-1] for x, y in zip(after, alone, strict=False)]
    return g.index(max(g))


# Takes the label that is least likely behind nothing
@wrong("2.1-9", "You choose the label that is likeliest behind nothing, or the")
def takes_the_label_that_is_least_likely_behind_no(after, alone):
    g = [sum(y) for y in alone]
    return g.index(min(g))


# Takes the largest change, up or down
@wrong("2.1-9", "You choose the label whose log-probability the text has changed")
def takes_the_largest_change_up_or_down(after, alone):
    g = [abs(sum(x) - sum(y)) for x, y in zip(after, alone, strict=False)]
    return g.index(max(g))


# Right, in another way: by a quotient of probabilities
@right("2.1-9")
def ratio_of_probability_right_is_right(after, alone):
    import math

    g = [math.exp(sum(x)) / math.exp(sum(y)) for x, y in zip(after, alone, strict=False)]
    return g.index(max(g))


# Gives two standard errors
@wrong("2.1-10", "That is twice the standard error, or 1.96 times. Asked for is")
def gives_two_standard_errors():
    return {
        "gain": 0.03,
        "error": 0.037564,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

"""Answers to chapters 1 and 2.1, written from the statements alone: arithmetic, lines, laws, controls."""

import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch

from trial.answers import right, wrong

# ---- 1 ----


@wrong("1-1", "You come to four operations for each parameter that a")
def back_costs_as_much_as_forward(embedding, body, head, experts, top_k, expert, tokens):
    return 4 * (body + head + top_k * expert) * tokens


@wrong("1-1", "as if `expert` were the size of all experts together")
def a_share_of_an_expert(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * (body + head + top_k / experts * expert) * tokens


@right("1-1")
def forward_and_back_apart(embedding, body, head, experts, top_k, expert, tokens):
    met = sum([body, head] + [expert] * int(top_k))
    forward = 2.0 * met * tokens
    return np.float64(forward + 2 * forward)


@wrong("1-2", "You count one matrix in the network. It goes out to `d_ff`")
def one_matrix_in_the_network(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + d_model * d_ff) + (1 if tied else 2) * vocab * d_model


@wrong("1-2", "What comes out has a table again in each layer, the embedding or all")
def tables_inside_the_layers(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_model * d_ff + (2 - tied) * vocab * d_model)


SECONDS = 6 * 70e9 * 2000e9 / (0.4 * 100e12)
YEARS = SECONDS / 86400 / 365


@wrong("1-3", "That is the time at what the machine can do at most. In")
def at_its_most():
    return {"years": 0.4 * YEARS, "machines": math.ceil(0.4 * SECONDS / 86400 / 60)}


@wrong("1-3", "What comes out has twelve months of 30 days in a year. The year of the")
def as_many_as_years_times_twelve_in_two_months():
    return {"years": YEARS, "machines": math.ceil(YEARS * 12 / 2)}


@right("1-3")
def years_with_few_digits():
    return {"years": round(YEARS, 1), "machines": 4051.0}


@wrong("1-4", "That is the time of a growth by 2.718, as natural logarithms give it.")
def natural_logarithm_of_the_line(years, flops):
    return float(1 / np.polyfit(np.array(years, dtype=float), np.log(np.array(flops, dtype=float)), 1)[0])


@wrong("1-4", "You fit the years to the logarithms. Least squares then")
def years_fitted_over_logarithms(years, flops):
    return float(np.polyfit(np.log2(np.array(flops, dtype=float)), np.array(years, dtype=float), 1)[0])


@wrong("1-5", "You compare a token with the guess that was made after")
def guess_held_against_its_own_token(tokens, guesses, period):
    places = range(period, len(tokens))
    return sum(bool(guesses[t] == tokens[t]) for t in places) / len(places)


@right("1-5")
def copied_by_numpy(tokens, guesses, period):
    return np.mean(np.asarray(tokens)[period:] == np.asarray(guesses)[period - 1 : -1])


@wrong("1-6", "Where you stop, your second number is one too few: the place of")
def place_of_the_last_one(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best == patience:
            return [best, i]
    return [best, len(losses) - 1]


@wrong("1-6", "It comes out as if a better evaluation did not begin the")
def never_forgives(losses, patience):
    best, bad = 0, 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        elif i > 0:
            bad += 1
            if bad == patience:
                return [best, i + 1]
    return [best, len(losses)]


@right("1-6")
def a_tuple_of_two(losses, patience):
    losses = [float(x) for x in losses]
    for made in range(1, len(losses) + 1):
        best = losses.index(min(losses[:made]))
        if made - 1 - best >= patience:
            return best, made
    return losses.index(min(losses)), len(losses)


CONTROLS = {
    "copy": "a text that has nothing to copy, of the same length",
    "adapt": "as many rates tried for both, both trained until they stop improving",
    "growth": "a list of models drawn by a rule that was fixed before",
    "true": "all",
}


@wrong("1-7", "A sentence without its control is not shown. That does not")
def none_of_them_true():
    return {**CONTROLS, "true": "none"}


@wrong("1-7", "Seeds tell how much the figure scatters. They do not tell")
def more_seeds_for_the_copy():
    return {**CONTROLS, "copy": "more seeds"}


@wrong("1-7", "Another base turns the same line into other units, more")
def another_base():
    return {**CONTROLS, "growth": "logarithms of another base"}


GAPS = [0.48, 0.2, -0.23, 0.13, 0.29]
HALF = 2.776 * float(np.std(GAPS, ddof=1)) / 5**0.5


@wrong("1-8", "You divide the squares by n. With the mean taken from the")
def deviation_with_n():
    return {"mean": 0.174, "half": 2.776 * float(np.std(GAPS)) / 5**0.5, "verdict": "not shown"}


@wrong("1-8", "You give the interval of a single run. That of the mean of")
def no_root_of_n():
    return {"mean": 0.174, "half": HALF * 5**0.5, "verdict": "not shown"}


@wrong("1-8", "Lay the interval on an axis, from mean - half to mean + half.")
def refuted():
    return {"mean": 0.174, "half": HALF, "verdict": "does not hold"}


@right("1-8")
def half_rounded():
    return {"mean": Fraction(174, 1000), "half": round(HALF, 4), "verdict": "not shown"}


@wrong("1-9", "You divide the new time by the old one. Faster means: how")
def turned_over():
    return {"share": 10 / 87, "speedup": 79 / 87, "limit": 77 / 87}


@wrong("1-9", "It comes out as if the optimizer's new time were taken off the")
def share_of_five():
    return {"share": 10 / 87, "speedup": 87 / (87 - 10 / 5), "limit": 87 / 77}


@wrong("1-9", "Asked for: the whole step as it is over what is left of it")
def without_a_limit():
    return {"share": 10 / 87, "speedup": 87 / 79, "limit": math.inf}


# ---- 2.1 ----


@wrong("2.1-1", "Your numbers do not sum to one. k is added above the line to")
def k_once_below(counts, k):
    return [(float(c) + k) / (float(sum(counts)) + k) for c in counts]


@wrong("2.1-1", "Your divisor grows by k for each token that was seen. The")
def unseen_stays_unseen(counts, k):
    total = float(sum(counts))
    return [(float(c) + k) / (total + k * sum(1 for d in counts if d > 0) or 1) for c in counts]


@right("2.1-1")
def mixed_with_the_even_one(counts, k):
    counts = np.asarray(counts, dtype=float)
    n, v = counts.sum(), len(counts)
    share = counts / n if n else np.zeros(v)
    return (n * share + k * v * np.ones(v) / v) / (n + k * v)


@wrong("2.1-2", "You count the last token of the training text as a context,")
def contexts_counted_to_the_end(train, held_out, vocab_size, k):
    pairs, singles = Counter(pairwise(train)), Counter(train)
    bits = [-math.log2((pairs[a, b] + k) / (singles[a] + k * vocab_size)) for a, b in pairwise(held_out)]
    return sum(bits) / len(bits)


@wrong("2.1-2", "You divide by all tokens of the held-out text. The first is")
def per_token_of_the_text(train, held_out, vocab_size, k):
    pairs, firsts = Counter(pairwise(train)), Counter(train[:-1])
    bits = [-math.log2((pairs[a, b] + k) / (firsts[a] + k * vocab_size)) for a, b in pairwise(held_out)]
    return sum(bits) / len(held_out)


@wrong("2.1-3", "You take the mean of the tokens' own perplexities, 1 / p. One")
def mean_of_reciprocals(texts):
    inverse = [1 / p for text in texts for p in text]
    return sum(inverse) / len(inverse)


@right("2.1-3")
def by_two_to_the_bits(texts):
    bits = [-math.log2(p) for text in texts for p in text]
    return torch.tensor(2 ** (math.fsum(bits) / len(bits)))


TWO = {
    "A": 1.7,
    "B": 1.4,
    "perplexity of A": 2**3.4,
    "better": "B",
    "missing": "how many bytes a token has",
}


@wrong("2.1-4", "You take e to the power of bits. The base belongs to the")
def e_to_the_bits():
    return {**TWO, "perplexity of A": math.exp(3.4)}


@wrong("2.1-4", "You divide the bits a token by the tokens a byte. A byte that")
def times_bytes_a_token():
    return {**TWO, "A": 3.4 * 2, "B": 5.6 * 4, "better": "A"}


@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded")
def step_by_step_from_the_new_low(low, high, parts, token):
    width = high - low
    new = low + width * parts[token] // parts[-1]
    return [new, new + width * (parts[token + 1] - parts[token]) // parts[-1]]


@wrong("2.1-5", "Your upper end is one too small. It does not belong to the")
def last_number_included(low, high, parts, token):
    width = high - low
    return [low + width * parts[token] // parts[-1], low + width * parts[token + 1] // parts[-1] - 1]


@right("2.1-5")
def narrowed_by_fractions(low, high, parts, token):
    ends = (Fraction(parts[token + i], parts[-1]) * (high - low) for i in (0, 1))
    return np.array([low + math.floor(end) for end in ends])


@wrong("2.1-6", "You count each different window once. A passage that comes")
def each_passage_once(train, held_out, width):
    seen = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    asked = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    return len(asked & seen) / len(asked)


@wrong("2.1-6", "Windows do not overlap in one text or in both. A passage")
def windows_side_by_side(train, held_out, width):
    seen = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    asked = [tuple(held_out[i : i + width]) for i in range(0, len(held_out) - width + 1, width)]
    return sum(a in seen for a in asked) / len(asked)


B = math.log(2.43 / 2.058) / math.log(4)
LAW = {"exponent": B, "loss": 2.058 * 4**-B, "sure": "nowhere: a third size has to be measured"}


@wrong("2.1-7", "Any two points lie on some power law. So these do not say")
def sure_between():
    return {**LAW, "sure": "between the two sizes"}


@wrong("2.1-7", "You go on in a straight line. A power law is straight where")
def along_a_straight_line():
    return {**LAW, "loss": 2.058 - (2.43 - 2.058) * (480 - 120) / (120 - 30)}


@wrong("2.1-8", "Your first number has a table in it (the embedding or the head), or")
def embeddings_counted_with_the_layers(vocab_size, d_model, num_layers, d_ff, tied):
    table = vocab_size * d_model
    layers = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [layers + table, layers + (1 if tied else 2) * table]


@wrong("2.1-9", "It comes out as if probabilities were subtracted")
def raised_in_probability(after, alone):
    gains = [math.exp(sum(a)) - math.exp(sum(b)) for a, b in zip(after, alone, strict=True)]
    return gains.index(max(gains))


@wrong("2.1-9", "You average over the tokens of a label. Its probability is")
def mean_of_each_token(after, alone):
    gains = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(after, alone, strict=True)]
    return gains.index(max(gains))


REPORTS = {
    "gain": 0.03,
    "error": (0.83 * 0.17 / 400) ** 0.5,
    "shown": False,
    "n-gram": "the share of held-out passages that were read in training",
    "law": "a model of that size, or near it, measured",
}


@wrong("2.1-10", "You put the base rate into the formula. p is the share that")
def error_of_the_constant_answer():
    return {**REPORTS, "error": (0.8 * 0.2 / 400) ** 0.5}


@wrong("2.1-10", "Compare the gain with twice the standard error: above it the")
def shown_by_one_error():
    return {**REPORTS, "shown": True}


@wrong("2.1-10", "That would be worth knowing, but it cannot turn the figure")
def a_longer_text_to_train_on():
    return {**REPORTS, "n-gram": "a longer training text"}


@wrong("2.1-10", "You give the variance. The standard error is its square root,")
def variance_for_its_root():
    return {**REPORTS, "error": 0.83 * 0.17 / 400}

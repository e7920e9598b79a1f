"""Answers to chapter 2.1 by somebody who had seen no known mistake: counting, coding, perplexity."""

import itertools
import math
import statistics
from collections import Counter
from fractions import Fraction

import numpy as np
import torch

from trial.answers import right, wrong

BYTES = {
    "A": 1.7,
    "B": 1.4,
    "perplexity of A": 2**3.4,
    "better": "B",
    "missing": "how many bytes a token has",
}
EXPONENT = math.log(2.43 / 2.058) / math.log(4)
LOSS = 2.058**2 / 2.43
LAW = {"exponent": EXPONENT, "loss": LOSS, "sure": "nowhere: a third size has to be measured"}
WITH_TABLES = math.log(2.43 / 2.058) / math.log(3)
REPORTS = {
    "gain": 0.03,
    "error": math.sqrt(0.83 * 0.17 / 400),
    "shown": False,
    "n-gram": "the share of held-out passages that were read in training",
    "law": "a model of that size, or near it, measured",
}


@wrong("2.1-1", "Your numbers do not sum to one")
def k_counted_once_in_the_denominator(counts, k):
    c = torch.as_tensor(counts, dtype=torch.float64)
    return (c + k) / (c.sum() + k)


@wrong("2.1-1", "You give k to the tokens with count 0 alone")
def unseen_only_get_k(counts, k):
    c = np.array([float(x) if x > 0 else k for x in counts])
    return c / c.sum()


@wrong("2.1-1", "What comes out is a softmax of the counts. Counts with their k, divided")
def softmax_of_counts(counts, k):
    return torch.softmax(torch.as_tensor(counts).float() + k, -1)


@wrong("2.1-1", "You are right where k is 1")
def one_for_k(counts, k):
    n = sum(float(c) for c in counts)
    return [(float(c) + 1) / (n + len(counts)) for c in counts]


@wrong("2.1-1", "For a context that was never seen you return zeros. With k added to")
def zeros_where_never_seen(counts, k):
    c = torch.as_tensor(counts).double()
    if c.sum() == 0:
        return torch.zeros(len(c), dtype=torch.float64)
    return (c + k) / (c + k).sum()


@right("2.1-1")
def a_mixture_with_the_uniform_distribution(counts, k):
    c = torch.as_tensor(counts).double()
    v, n = len(c), c.sum()
    lam = n / (n + k * v)
    mle = c / n.clamp(min=1)
    return lam * mle + (1 - lam) / v


@wrong("2.1-2", "What comes out is in nats, as from the natural logarithm. A bit is a")
def given_nats(train, held_out, vocab_size, k):
    C = np.full((vocab_size, vocab_size), float(k))
    for a, b in itertools.pairwise(train):
        C[int(a), int(b)] += 1
    P = C / C.sum(1, keepdims=True)
    return -np.mean([math.log(P[int(a), int(b)]) for a, b in itertools.pairwise(held_out)])


@wrong("2.1-2", "You divide by all tokens of the held-out text")
def divided_by_all_tokens_of_the_held_out_text(train, held_out, vocab_size, k):
    pairs = Counter((int(a), int(b)) for a, b in itertools.pairwise(train))
    ctx = Counter(int(a) for a in train[:-1])
    bits = 0
    for a, b in itertools.pairwise(held_out):
        bits -= math.log2((pairs[int(a), int(b)] + k) / (ctx[int(a)] + k * vocab_size))
    return bits / len(held_out)


@wrong("2.1-2", "You count the last token of the training text as a context, but")
def context_counted_with_the_last_token(train, held_out, vocab_size, k):
    pairs = Counter((int(a), int(b)) for a, b in itertools.pairwise(train))
    ctx = Counter(int(a) for a in train)
    s = [
        -math.log2((pairs[int(a), int(b)] + k) / (ctx[int(a)] + k * vocab_size))
        for a, b in itertools.pairwise(held_out)
    ]
    return sum(s) / len(s)


@wrong("2.1-2", "It comes out as if the vocabulary were taken from the tokens of the")
def vocabulary_that_was_seen(train, held_out, vocab_size, k):
    v = len({int(t) for t in train})
    pairs = Counter((int(a), int(b)) for a, b in itertools.pairwise(train))
    ctx = Counter(int(a) for a in train[:-1])
    s = [
        -math.log2((pairs[int(a), int(b)] + k) / (ctx[int(a)] + k * v))
        for a, b in itertools.pairwise(held_out)
    ]
    return sum(s) / len(s)


@wrong("2.1-2", "You average the probabilities and take one logarithm")
def mean_probability_then_the_logarithm(train, held_out, vocab_size, k):
    C = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    t = torch.as_tensor(train)
    h = torch.as_tensor(held_out)
    C.index_put_((t[:-1], t[1:]), torch.ones(len(t) - 1, dtype=torch.float64), accumulate=True)
    P = C / C.sum(1, keepdim=True)
    return float(-P[h[:-1], h[1:]].mean().log2())


@wrong("2.1-2", "You guess a token from the one behind it")
def table_over_the_next_token_columns_normalised(train, held_out, vocab_size, k):
    C = torch.full((vocab_size, vocab_size), float(k), dtype=torch.float64)
    for a, b in itertools.pairwise(train):
        C[int(a), int(b)] += 1
    P = C / C.sum(0, keepdim=True)
    h = torch.as_tensor(held_out)
    return -P[h[:-1], h[1:]].log2().mean()


@right("2.1-2")
def by_one_hot_matrices(train, held_out, vocab_size, k):
    eye = np.eye(vocab_size)
    t = np.asarray(train).astype(int)
    h = np.asarray(held_out).astype(int)
    C = eye[t[:-1]].T @ eye[t[1:]] + k
    P = np.log(C) - np.log(C.sum(1))[:, None]
    return -(eye[h[:-1]] @ P * eye[h[1:]]).sum() / np.log(2) / (len(h) - 1)


@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as one")
def mean_of_the_texts_perplexities(texts):
    return sum(math.exp(-sum(math.log(p) for p in t) / len(t)) for t in texts) / len(texts)


@wrong("2.1-3", "You average over texts, so a text of one token weighs as much as one")
def mean_surprise_of_each_text_then_the_mean_of_the_texts(texts):
    return math.exp(np.mean([-np.mean(np.log(np.asarray(t, float))) for t in texts]))


@wrong("2.1-3", "Your logarithm has one base and your power another")
def e_to_the_bits(texts):
    p = [q for t in texts for q in t]
    return math.exp(-sum(math.log2(q) for q in p) / len(p))


@wrong("2.1-3", "You average the probabilities")
def one_over_the_mean_probability(texts):
    p = [float(q) for t in texts for q in t]
    return len(p) / sum(p)


@wrong("2.1-3", "Your figure is below 1 and falls when the model gets worse")
def sign_lost(texts):
    p = [math.log(q) for t in texts for q in t]
    return math.exp(sum(p) / len(p))


@right("2.1-3")
def geometric_mean_of_1_p(texts):
    p = list(itertools.chain.from_iterable(texts))
    return statistics.geometric_mean([1 / float(q) for q in p])


@wrong("2.1-4", "You divide the bits a token by the tokens a byte")
def multiplied_for_divided():
    return BYTES | {"A": 6.8, "B": 22.4, "better": "A"}


@wrong("2.1-4", "You take e to the power of bits")
def e_to_the_bits_again():
    return BYTES | {"perplexity of A": math.exp(3.4)}


@wrong("2.1-4", "That is 2 to the bits per byte")
def perplexity_per_byte():
    return BYTES | {"perplexity of A": 2**1.7}


@wrong("2.1-4", "Each token costs A less, but A has more of them to say")
def the_report_believed():
    return BYTES | {"better": "A", "missing": "the perplexities"}


@right("2.1-4")
def strings_of_fractions():
    return BYTES | {"A": Fraction(17, 10), "B": np.float32(1.4)}


@wrong("2.1-5", "Your ends are counted from 0, and the old interval begins at `low`. It")
def low_forgotten(low, high, parts, token):
    w = high - low
    return [w * parts[token] // parts[-1], w * parts[token + 1] // parts[-1]]


@wrong("2.1-5", "You divide the width first and lose what is left over")
def divided_before_multiplied(low, high, parts, token):
    step = (high - low) // parts[-1]
    return [low + step * parts[token], low + step * parts[token + 1]]


@wrong("2.1-5", "You count `high` into the interval, as papers on closed intervals do")
def inclusive_end_as_in_the_classic_paper(low, high, parts, token):
    r = high - low + 1
    return [low + r * parts[token] // parts[-1], low + r * parts[token + 1] // parts[-1] - 1]


@wrong("2.1-5", "You round to the nearest whole number")
def floats_rounded(low, high, parts, token):
    w = high - low
    return [low + round(w * parts[token] / parts[-1]), low + round(w * parts[token + 1] / parts[-1])]


@wrong("2.1-5", "You change one end and then compute the other from it. Both are")
def low_updated_before_it_is_used_for_high(low, high, parts, token):
    low = low + (high - low) * parts[token] // parts[-1]
    high = low + (high - low) * parts[token + 1] // parts[-1]
    return [low, high]


@wrong("2.1-5", "You divide a part by the total first and get a rounded fraction")
def floats_with_floor_lose_big_numbers(low, high, parts, token):
    w = high - low
    return [
        low + math.floor(w * (parts[token] / parts[-1])),
        low + math.floor(w * (parts[token + 1] / parts[-1])),
    ]


@right("2.1-5")
def fractions(low, high, parts, token):
    def cut(p):
        return int(low) + math.floor(Fraction(int(high - low) * int(p), int(parts[-1])))

    return (cut(parts[token]), cut(parts[token + 1]))


@wrong("2.1-6", "You count each different window once")
def different_windows_only(train, held_out, width):
    a = {tuple(map(int, train[i : i + width])) for i in range(len(train) - width + 1)}
    b = {tuple(map(int, held_out[i : i + width])) for i in range(len(held_out) - width + 1)}
    return len(a & b) / len(b)


@wrong("2.1-6", "You leave the last window out, of one text or of both")
def the_last_window_forgotten(train, held_out, width):
    a = {tuple(map(int, train[i : i + width])) for i in range(len(train) - width)}
    b = [tuple(map(int, held_out[i : i + width])) for i in range(len(held_out) - width)]
    return sum(w in a for w in b) / max(1, len(b))


@wrong("2.1-6", "Windows do not overlap in one text or")
def windows_do_not_overlap(train, held_out, width):
    a = {tuple(map(int, train[i : i + width])) for i in range(len(train) - width + 1)}
    b = [tuple(map(int, held_out[i : i + width])) for i in range(0, len(held_out) - width + 1, width)]
    return sum(w in a for w in b) / len(b)


@wrong("2.1-6", "You ask which single tokens are known")
def share_of_tokens_for_share_of_windows(train, held_out, width):
    a = set(map(int, train))
    return sum(int(t) in a for t in held_out) / len(held_out)


@wrong("2.1-6", "You compare windows without regard to order")
def windows_as_sets(train, held_out, width):
    a = {frozenset(map(int, train[i : i + width])) for i in range(len(train) - width + 1)}
    b = [frozenset(map(int, held_out[i : i + width])) for i in range(len(held_out) - width + 1)]
    return sum(w in a for w in b) / len(b)


@wrong("2.1-6", "You write the tokens into one string without anything between them")
def searched_in_a_string_without_separators(train, held_out, width):
    s = "".join(str(int(t)) for t in train)
    b = ["".join(str(int(t)) for t in held_out[i : i + width]) for i in range(len(held_out) - width + 1)]
    return sum(w in s for w in b) / len(b)


@right("2.1-6")
def unfold_and_compare_all(train, held_out, width):
    t = torch.as_tensor(train)
    h = torch.as_tensor(held_out).unfold(0, width, 1)
    if len(t) < width:
        return 0.0
    same = (h[:, None] == t.unfold(0, width, 1)[None]).all(-1).any(1)
    return same.double().mean()


@wrong("2.1-7", "You count the embeddings into N")
def all_parameters():
    return LAW | {"exponent": WITH_TABLES, "loss": 2.058 * (600 / 180) ** -WITH_TABLES}


@wrong("2.1-7", "Your exponent is negative")
def sign_of_the_exponent():
    return LAW | {"exponent": -EXPONENT}


@wrong("2.1-7", "Any two points lie on some power law")
def between_the_sizes_is_sure():
    return LAW | {"sure": "between the two sizes"}


@wrong("2.1-7", "You go on in a straight line")
def a_line_for_the_loss():
    return LAW | {"loss": 2.058 - (2.43 - 2.058) * 360 / 90}


@wrong("2.1-7", "1.69695 is too small, a little")
def all_parameters_for_the_third_size_only():
    return LAW | {"loss": 2.058 * (600 / 120) ** -EXPONENT}


@wrong("2.1-8", "if `tied` were the other way round")
def head_and_embedding_the_other_way_round(vocab_size, d_model, num_layers, d_ff, tied):
    body = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [body, body + (1 + tied) * vocab_size * d_model]


@wrong("2.1-8", "Your two numbers are right, but the other way round: first the")
def in_all_first(vocab_size, d_model, num_layers, d_ff, tied):
    body = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [body + (1 if tied else 2) * vocab_size * d_model, body]


@wrong("2.1-8", "Your second number is that of the tables alone. All parameters")
def embeddings_alone_as_the_second_number(vocab_size, d_model, num_layers, d_ff, tied):
    body = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [body, (2 - int(tied)) * vocab_size * d_model]


@wrong("2.1-8", "You count a single layer, however many there are")
def layers_forgotten(vocab_size, d_model, num_layers, d_ff, tied):
    body = 4 * d_model**2 + 2 * d_model * d_ff
    return body, body + (2 - int(tied)) * vocab_size * d_model


@right("2.1-8")
def torch_modules_on_meta(vocab_size, d_model, num_layers, d_ff, tied):
    layer = sum([d_model * d_model for _ in "qkvo"]) + sum([d_model * d_ff for _ in range(2)])
    total = inside = num_layers * layer
    for _table in {"embedding", "embedding" if tied else "head"}:
        total += vocab_size * d_model
    return torch.tensor([inside, total])


@wrong("2.1-9", "You average over the tokens of a label")
def mean_per_token(after, alone):
    s = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


@wrong("2.1-9", "Yours is the likeliest label behind the text. A common label wins there")
def without_the_label_alone(after, alone):
    s = [float(sum(a)) for a in after]
    return s.index(max(s))


@wrong("2.1-9", "It comes out as if one log-probability were divided by the other.")
def ratio_of_log_probabilities(after, alone):
    s = [sum(a) / sum(b) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


@wrong("2.1-9", "Of labels with equal scores you give the last one. The first is")
def last_of_equals(after, alone):
    best, where = -float("inf"), 0
    for i, (a, b) in enumerate(zip(after, alone, strict=False)):
        if sum(a) - sum(b) >= best:
            best, where = sum(a) - sum(b), i
    return where


@wrong("2.1-9", "It comes out as if one token of each label were looked at")
def first_token_only(after, alone):
    s = [a[0] - b[0] for a, b in zip(after, alone, strict=False)]
    return max(range(len(s)), key=s.__getitem__)


@right("2.1-9")
def reduce_and_numpy(after, alone):
    s = [math.fsum(map(float, a)) - math.fsum(map(float, b)) for a, b in zip(after, alone, strict=False)]
    return np.argmax(np.round(s, 9))


@wrong("2.1-10", "You give the share that is right")
def share_right_for_gain():
    return REPORTS | {"gain": 0.83, "shown": True}


@wrong("2.1-10", "You put the base rate into the formula")
def error_with_the_base_rate():
    return REPORTS | {"error": math.sqrt(0.8 * 0.2 / 400)}


@wrong("2.1-10", "Compare the gain with twice the standard error")
def one_standard_error_is_enough():
    return REPORTS | {"shown": True}


@wrong("2.1-10", "That would be worth knowing, but it cannot turn the figure from much")
def seeds_for_the_law_perplexity_for_the_n_gram():
    return REPORTS | {"n-gram": "the perplexity", "law": "another seed for each of the five"}


@right("2.1-10")
def numpy_bool():
    return REPORTS | {"shown": np.bool_(False), "gain": torch.tensor(0.03)}

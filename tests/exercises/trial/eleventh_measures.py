"""An eleventh trial, the second half of chapter 2.1: answers by somebody who knew the cases."""

import math

import torch

from trial.answers import right, wrong


# Windows of at least half
@wrong("2.1-6", "Yours has windows at the end of a text that are shorter than `width`.")
def shorter_ones_at_the_end(train, held_out, width):
    known = {tuple(train[i : i + width]) for i in range(len(train))}
    w = [tuple(held_out[i : i + width]) for i in range(len(held_out))]
    return sum(x in known for x in w) / len(w)


# Tokens covered
@wrong("2.1-6", "What comes out is the share of the tokens that stand in a known")
def tokens_in_known_windows(train, held_out, width):
    known = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    c = set()
    for i in range(len(held_out) - width + 1):
        if tuple(held_out[i : i + width]) in known:
            c |= set(range(i, i + width))
    return len(c) / len(held_out)


# Any match
@wrong("2.1-6", "It comes out as if the first and the last token of a window were")
def the_ends_alone(train, held_out, width):
    known = {(train[i], train[i + width - 1]) for i in range(len(train) - width + 1)}
    w = [(held_out[i], held_out[i + width - 1]) for i in range(len(held_out) - width + 1)]
    return sum(x in known for x in w) / len(w)


# Jaccard
@wrong("2.1-6", "What comes out are the different windows that both texts have,")
def a_share_of_both(train, held_out, width):
    a = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    b = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    return len(a & b) / len(a | b)


# Right, in another way
@right("2.1-6")
def unusual_unfold(train, held_out, width):
    if len(train) < width:
        return 0.0
    t = torch.tensor(train).unfold(0, width, 1)
    h = torch.tensor(held_out).unfold(0, width, 1)
    return (h[:, None] == t[None]).all(-1).any(-1).double().mean()


# The losses without their logarithms
@wrong("2.1-7", "What comes out has the difference of the losses above the line. A")
def the_losses_without_their_logarithms():
    return {
        "exponent": 4.133333333333337e-06,
        "loss": 1.742948,
        "sure": "nowhere: a third size has to be measured",
    }


# The second once more
@wrong("2.1-7", "That is the loss of the second model. The third is larger than it:")
def the_second_once_more():
    return {"exponent": 0.119857, "loss": 2.058, "sure": "nowhere: a third size has to be measured"}


# The first once more
@wrong("2.1-7", "That is the loss of the first model. It also comes out where the sign")
def the_first_once_more():
    return {"exponent": 0.119857, "loss": 2.43, "sure": "nowhere: a third size has to be measured"}


# The sizes without their logarithms
@wrong("2.1-7", "What comes out has the difference of the sizes below the line. A")
def the_sizes_without_their_logarithms():
    return {
        "exponent": 1.8461846660066599e-06,
        "loss": 1.742948,
        "sure": "nowhere: a third size has to be measured",
    }


# The network of one layer
@wrong("2.1-8", "What comes out has the attention of all layers, but the network of")
def the_network_of_one_layer(vocab_size, d_model, num_layers, d_ff, tied):
    n = num_layers * 4 * d_model**2 + 2 * d_model * d_ff
    return [n, n + vocab_size * d_model * (1 if tied else 2)]


# Tables in every layer
@wrong("2.1-8", "Your second number has the tables once for each layer. They stand")
def tables_in_every_layer(vocab_size, d_model, num_layers, d_ff, tied):
    n = 4 * d_model**2 + 2 * d_model * d_ff
    return [n * num_layers, num_layers * (n + vocab_size * d_model * (1 if tied else 2))]


# A number of one layer
@wrong("2.1-8", "One of your numbers has a single layer in it, the other one all of")
def a_number_of_one_layer(vocab_size, d_model, num_layers, d_ff, tied):
    n = 4 * d_model**2 + 2 * d_model * d_ff
    return [n * num_layers, n + vocab_size * d_model * (1 if tied else 2)]


# Norms counted
@wrong("2.1-8", "It comes out as if norms were counted. They are left out here.")
def norms_counted(vocab_size, d_model, num_layers, d_ff, tied):
    n = num_layers * (4 * d_model**2 + 2 * d_model * d_ff + 2 * d_model)
    return [n, n + vocab_size * d_model * (1 if tied else 2)]


# Half of all
@wrong("2.1-8", "Where embedding and head are one matrix, your second number is half")
def half_of_all(vocab_size, d_model, num_layers, d_ff, tied):
    n = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    t = 2 * vocab_size * d_model
    return [n, (n + t) // 2 if tied else n + t]


# A sum of two sizes
@wrong("2.1-8", "What comes out has d_model + d_ff numbers in a matrix of the network.")
def a_sum_of_two_sizes(vocab_size, d_model, num_layers, d_ff, tied):
    n = num_layers * (4 * d_model**2 + 2 * (d_model + d_ff))
    return [n, n + vocab_size * d_model * (1 if tied else 2)]


# Fewer matrices for attention
@wrong("2.1-8", "You count one matrix or two for attention. There are four: for")
def fewer_matrices_for_attention(vocab_size, d_model, num_layers, d_ff, tied):
    n = num_layers * (d_model**2 + 2 * d_model * d_ff)
    return [n, n + vocab_size * d_model * (1 if tied else 2)]


# A row for a number
@wrong("2.1-8", "It comes out as if a table held one number for each token. It holds a")
def a_row_for_a_number(vocab_size, d_model, num_layers, d_ff, tied):
    n = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [n, n + vocab_size * (1 if tied else 2)]


# Right, in another way
@right("2.1-8")
def unusual_matrices(vocab_size, d_model, num_layers, d_ff, tied):
    sh = [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]
    n = sum(math.prod(s) for s in sh * num_layers)
    return (n, n + vocab_size * d_model * (2 - bool(tied)))


# Tokens that gain counted
@wrong("2.1-9", "It comes out as if the label won of which most tokens gain. How much")
def tokens_that_gain_counted(after, alone):
    s = [sum(x > y for x, y in zip(a, b, strict=False)) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


# Quotients added
@wrong("2.1-9", "It comes out as if the quotients of the tokens' probabilities were")
def quotients_added(after, alone):
    gains = [
        [math.exp(x - y) for x, y in zip(a, b, strict=False)] for a, b in zip(after, alone, strict=False)
    ]
    s = [sum(row) for row in gains]
    return s.index(max(s))


# The worst token alone
@wrong("2.1-9", "It comes out as if the token that gains least stood for its label.")
def the_worst_token_alone(after, alone):
    s = [min(x - y for x, y in zip(a, b, strict=False)) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


# Shares among the labels
@wrong("2.1-9", "It comes out as if each label's probability were made a share of all")
def shares_among_the_labels(after, alone):
    p = [math.exp(sum(a)) for a in after]
    q = [math.exp(sum(b)) for b in alone]
    s = [x / sum(p) - y / sum(q) for x, y in zip(p, q, strict=False)]
    return s.index(max(s))


# Logarithms multiplied
@wrong("2.1-9", "It comes out as if the log-probabilities of tokens were multiplied.")
def logarithms_multiplied(after, alone):
    s = [math.prod(a) - math.prod(b) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


# By the root of the length
@wrong("2.1-9", "It comes out as if the score were divided by the root of the number")
def by_the_root_of_the_length(after, alone):
    s = [(sum(a) - sum(b)) / len(a) ** 0.5 for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


# What it costs anyway is left in
@wrong("2.1-9", "Yours is the likeliest label behind the text. A common label wins")
def what_it_costs_anyway_is_left_in(after, alone):
    m = sum(map(sum, alone)) / len(alone)
    s = [sum(a) - m for a in after]
    return s.index(max(s))


# Both multiplied
@wrong("2.1-9", "It comes out as if the two log-probabilities were multiplied. What")
def both_multiplied(after, alone):
    s = [sum(a) * sum(b) for a, b in zip(after, alone, strict=False)]
    return s.index(max(s))


# Right, in another way
@right("2.1-9")
def unusual_arg(after, alone):
    gains = [sum(a) - sum(b) for a, b in zip(after, alone, strict=False)]
    return torch.tensor(gains, dtype=torch.float64).argmax()


# Error of a coin
@wrong("2.1-10", "It comes out as if p were a half. p is the share that the model has")
def error_of_a_coin():
    return {
        "gain": 0.03,
        "error": 0.025,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


# N outside of the root
@wrong("2.1-10", "It comes out as if n stood outside of the root. It is divided by")
def n_outside_of_the_root():
    return {
        "gain": 0.03,
        "error": 0.0009390819985496475,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


# A quotient
@wrong("2.1-10", "You divide the share that is right by the base rate. Asked for is the")
def a_quotient():
    return {
        "gain": 1.0375,
        "error": 0.018782,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


# Error in messages
@wrong("2.1-10", "That is the standard error of how many messages are right. That of")
def error_in_messages():
    return {
        "gain": 0.03,
        "error": 7.512656,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }


# No 1 - p
@wrong("2.1-10", "It comes out as if 1 - p were left out under the root. Look at the")
def no_1_p():
    return {
        "gain": 0.03,
        "error": 0.045552,
        "shown": False,
        "n-gram": "the share of held-out passages that were read in training",
        "law": "a model of that size, or near it, measured",
    }

"""An eighth trial, chapter 1: answers written from the statements alone."""

import numpy as np

from trial.answers import wrong


# Divides the experts' parameters by their number: takes expert for the size of all experts together,
# though it is the size of each
@wrong("1-1", "it stops with ZeroDivisionError: division by zero")
def divides_the_experts_parameters_by_their_number_takes(
    embedding, body, head, experts, top_k, expert, tokens
):
    return 6 * tokens * (body + head + expert * top_k / experts)


# Takes 'twice as much on the way back' for the total of both ways: 2 + 2 = 4 FLOPs a parameter
# instead of 2 + 4
@wrong("1-1", "You come to four operations for each parameter that a token")
def takes_twice_as_much_on_the_way_back(embedding, body, head, experts, top_k, expert, tokens):
    forward = 2 * (body + head + top_k * expert)
    return 2 * forward * tokens


# Uses all parameters of the model with the rule of six: the embedding (a look-up that costs nothing)
# is counted too
@wrong("1-1", "You count the embedding among the matrices. A row of it is looked")
def uses_all_parameters_of_the_model_with_the(embedding, body, head, experts, top_k, expert, tokens):
    active = embedding + body + head + top_k * expert
    forward = 2 * active
    backward = 2 * forward
    return (forward + backward) * tokens


# The meaning of tied is turned round: two tables where one serves as both
@wrong("1-2", "Your results are what the solution gives if `tied` were the other way")
def the_meaning_of_tied_is_turned_round_two(vocab, d_model, layers, d_ff, tied):
    tables = 2 if tied else 1
    return tables * vocab * d_model + layers * (4 * d_model**2 + 2 * d_model * d_ff)


# Brackets forgotten: only the attention is multiplied by the number of layers, the network is counted
# once
@wrong("1-2", "What comes out has the attention of all layers, but the network of one.")
def brackets_forgotten_only_the_attention_is_multiplied(vocab, d_model, layers, d_ff, tied):
    n = layers * 4 * d_model**2 + 2 * d_model * d_ff
    n += vocab * d_model
    if not tied:
        n += vocab * d_model
    return n


# Forgets the output matrix of attention: three matrices instead of four
@wrong("1-2", "You count three matrices of attention. It has four: query, key")
def forgets_the_output_matrix_of_attention_three_matrice(vocab, d_model, layers, d_ff, tied):
    qkv = 3 * d_model * d_model
    mlp = d_model * d_ff + d_ff * d_model
    return layers * (qkv + mlp) + vocab * d_model * (1 + (not tied))


# Returns b, the doublings in a year, instead of 1 / b, the years for one doubling
@wrong("1-4", "You return the slope, doublings for each year. Asked is the other")
def returns_b_the_doublings_in_a_year_instead(years, flops):
    x = np.asarray(years, float)
    y = np.log2(np.asarray(flops, float))
    x = x - x.mean()
    return float((x * (y - y.mean())).sum() / (x * x).sum())


# Never sets the count of bad evaluations back, so it counts all bad ones and not those in a row
@wrong("1-6", "It comes out as if a better evaluation did not begin the")
def never_sets_the_count_of_bad_evaluations_back(losses, patience):
    best, bad, made = (0, 0, 0)
    for i, loss in enumerate(losses):
        made += 1
        if loss < losses[best]:
            best = i
        elif i > 0:
            bad += 1
        if bad >= patience:
            break
    return [best, made]


# Reads the time saved (8 of 87 ms, 9.2 %) as the speedup, 1.092; the new step takes 79 ms and 87 / 79
# = 1.101
@wrong("1-9", "right: 'share'. 'speedup': 1.092 is too small, a little (by less")
def reads_the_time_saved_8_of_87_ms():
    return {"share": 0.115, "speedup": 1.092, "limit": 1.115}

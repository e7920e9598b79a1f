"""An eleventh trial, chapter 1: answers written from the statements alone, by somebody who knew the cases."""

import math
import statistics

import numpy as np
import torch

from trial.answers import right, wrong


# Forward all experts stored but back only chosen
@wrong("1-1", "What comes out counts all experts on the way forward, those met alone")
def all_experts_forward(embedding, body, head, experts, top_k, expert, tokens):
    return tokens * (2 * (body + head + experts * expert) + 4 * (body + head + top_k * expert))


# Top_k times the whole mixture
@wrong("1-1", "What comes out has `experts` times `top_k` experts for each token. It")
def experts_times_top_k(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * (body + head + experts * top_k * expert)


# Bracket: tokens only on experts
@wrong("1-1", "It comes out as if a bracket were missing: the last term alone is")
def the_last_term_alone_times_the_tokens(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * body + head + top_k * expert * tokens


# The way forward run again
@wrong("1-1", "You come to eight operations for each parameter that a token meets.")
def the_way_forward_run_again(embedding, body, head, experts, top_k, expert, tokens):
    return 8 * tokens * (body + head + top_k * expert)


# Experts met share
@wrong("1-1", "What comes out has `experts` divided by `top_k` experts for each")
def experts_over_top_k(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * (body + head + (expert * experts / top_k if top_k else 0))


# Right, in another way
@right("1-1")
def unusual_np_right(embedding, body, head, experts, top_k, expert, tokens):
    return int(np.dot([6 * tokens] * 3, [body, head, top_k * expert]))


# Right, in another way
@right("1-1")
def unusual_t_right(embedding, body, head, experts, top_k, expert, tokens):
    return torch.tensor([body, head] + [expert] * top_k, dtype=torch.int64).sum() * 6 * tokens


# D_ff squared
@wrong("1-2", "What comes out has matrices of `d_ff` times `d_ff` in the network.")
def d_ff_squared(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_ff**2) + vocab * d_model * (2 - tied)


# The network of one layer
@wrong("1-2", "What comes out has the attention of all layers, but the network of")
def the_network_of_one_layer(vocab, d_model, layers, d_ff, tied):
    return layers * 4 * d_model**2 + 2 * d_model * d_ff + vocab * d_model * (2 - tied)


# A sum of two sizes
@wrong("1-2", "What comes out has d_model + d_ff numbers in a matrix of the network.")
def a_sum_of_two_sizes(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * (d_model + d_ff)) + vocab * d_model * (2 - tied)


# Right, in another way
@right("1-2")
def unusual_f_right(vocab, d_model, layers, d_ff, tied):
    return float(layers * (4 * d_model**2 + 2 * d_model * d_ff) + vocab * d_model * (2 - tied))


# One machine more
@wrong("1-3", "With one machine fewer the training is ready in time. Round up once,")
def one_machine_more():
    return {"years": 665.905632, "machines": 4052}


# Days for years
@wrong("1-3", "That is the time of one machine in days. Asked is for years of 365")
def days_instead_of_years():
    return {"years": 243055.555556, "machines": 4051}


# Years over days
@wrong("1-3", "What comes out are the years divided by the days. The time of one")
def years_over_days():
    return {"years": 665.905632, "machines": 12}


# Months of thirty days
@wrong("1-3", "What comes out has twelve months of 30 days in a year. The year of")
def months_of_thirty_days():
    return {"years": 665.905632, "machines": 3996}


# Forward only
@wrong("1-3", "Three times too short, which is what two operations for each")
def forward_only():
    return {"years": 221.968544, "machines": 4051}


# Backward as dear as forward
@wrong("1-3", "Two thirds of the time, which is what four operations for each")
def backward_as_dear_as_forward():
    return {"years": 443.937088, "machines": 2701}


# No logarithms
@wrong("1-4", "It comes out as if the line went through the FLOPs themselves. What")
def no_logarithms(years, flops):
    return 1 / np.polyfit(years, flops, 1)[0]


# Logarithms of the years
@wrong("1-4", "It comes out as if the years stood in logarithms as well. The line is")
def logarithms_of_the_years(years, flops):
    return 1 / np.polyfit(np.log2(years), np.log2(flops), 1)[0]


# Distances at right angles
@wrong("1-4", "What comes out is the line with the least squares of the distances at")
def distances_at_right_angles(years, flops):
    x = np.array(years) - np.mean(years)
    y = np.log2(flops)
    y = y - y.mean()
    _u, _s, v = np.linalg.svd(np.stack([x, y], 1))
    return v[0, 0] / v[0, 1]


# The median of the steps
@wrong("1-4", "What comes out is the median of the steps from one model to the next.")
def the_median_of_the_steps(years, flops):
    s = np.diff(np.log2(flops)) / np.diff(years)
    return 1 / np.median(s)


# The scatter alone
@wrong("1-4", "What comes out is the scatter of the years over that of the")
def the_scatter_alone(years, flops):
    return np.std(years) / np.std(np.log2(flops))


# Right, in another way
@right("1-4")
def unusual_lin(years, flops):
    return (
        statistics.linear_regression(
            [y - 2000 for y in years], [math.log(f) / math.log(2) for f in flops]
        ).slope
        ** -1
    )


# A guess for two places on
@wrong("1-5", "It comes out as if a guess were compared with the token behind the")
def a_guess_for_two_places_on(tokens, guesses, period):
    n = len(tokens)
    return sum(tokens[i] == guesses[i - 2] for i in range(period, n)) / (n - period)


# The wrong way round
@wrong("1-5", "It comes out as if a guess were compared with the token before the")
def the_wrong_way_round(tokens, guesses, period):
    n = len(tokens)
    return sum(tokens[i] == guesses[i + 1] for i in range(period, n - 1)) / (n - period)


# The wrong way round
@wrong("1-5", "It comes out as if a guess were compared with the token before the")
def the_wrong_way_round_2(tokens, guesses, period):
    n = len(tokens)
    return sum(tokens[i] == guesses[i + 1] for i in range(period, n - 1)) / (n - period - 1)


# Whole times alone
@wrong("1-5", "What comes out is the share of the later times that were guessed")
def whole_times_alone(tokens, guesses, period):
    n = len(tokens) // period
    return sum(
        all(guesses[i - 1] == tokens[i] for i in range(k * period, (k + 1) * period)) for k in range(1, n)
    ) / (n - 1)


# The last token left out
@wrong("1-5", "The last token of the text is not among those that you count. The")
def the_last_token_left_out(tokens, guesses, period):
    n = len(tokens)
    return sum(guesses[i - 1] == tokens[i] for i in range(period, n - 1)) / (n - period - 1)


# The last token left out
@wrong("1-5", "The last token of the text is not among those that you count. The")
def the_last_token_left_out_2(tokens, guesses, period):
    n = len(tokens)
    return sum(guesses[i - 1] == tokens[i] for i in range(period, n - 1)) / (n - period)


# Right, in another way
@right("1-5")
def unusual_tr(tokens, guesses, period):
    t, g = torch.tensor(tokens), torch.tensor(guesses)
    return (t[period:] == g[period - 1 : -1]).float().mean()


# One too impatient
@wrong("1-6", "Yours stops when one evaluation fewer than `patience` was no better.")
def one_too_impatient(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best >= patience - 1 and i > best:
            return [best, i + 1]
    return [best, len(losses)]


# The loss for its place
@wrong("1-6", "Your first number is the loss of the best evaluation. Asked is for")
def the_loss_for_its_place(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best >= patience:
            return [losses[best], i + 1]
    return [losses[best], len(losses)]


# Nothing is better
@wrong("1-6", "It comes out as if no evaluation were better than the best before it.")
def nothing_is_better(losses, patience):
    best, at, bad = 0.0, 0, 0
    for i, loss in enumerate(losses):
        if loss < best:
            best, at, bad = loss, i, 0
        else:
            bad += 1
        if bad >= patience:
            return [at, i + 1]
    return [at, len(losses)]


# Higher is better
@wrong("1-6", "It comes out as if a higher loss were better. A model that predicts")
def higher_is_better(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss > losses[best]:
            best = i
        if i - best >= patience:
            return [best, i + 1]
    return [best, len(losses)]


# The first is no better
@wrong("1-6", "It comes out as if the first evaluation were itself one of those that")
def the_first_is_no_better(losses, patience):
    best, bad = 0, 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best, bad = i, 0
        else:
            bad += 1
        if bad == patience:
            return [best, i + 1]
    return [best, len(losses)]


# Right, in another way
@right("1-6")
def unusual_arr(losses, patience):
    a = np.array(losses)
    np.minimum.accumulate(a)
    for n in range(1, len(a) + 1):
        b = int(np.argmin(a[:n]))
        if n - 1 - b >= patience:
            return (b, n)
    return [int(a.argmin()), len(a)]


# Signs left out
@wrong("1-8", "Your mean is that of the differences without their signs. One below")
def signs_left_out():
    return {"mean": 0.266, "half": 0.324281, "verdict": "not shown"}


# The median for the mean
@wrong("1-8", "That is the median, the middle one of the five. The mean is their sum")
def the_median_for_the_mean():
    return {"mean": 0.2, "half": 0.324281, "verdict": "not shown"}


# Divided by n itself
@wrong("1-8", "What comes out is divided by five. The deviation of a mean is smaller")
def divided_by_n_itself():
    return {"mean": 0.174, "half": 0.145023, "verdict": "not shown"}


# The sum for the mean
@wrong("1-8", "That is the sum of the five differences. Their mean is a fifth of it.")
def the_sum_for_the_mean():
    return {"mean": 0.87, "half": 0.324281, "verdict": "not shown"}


# The end for the half
@wrong("1-8", "That is an end of the interval, mean + half or mean - half. Asked is")
def the_end_for_the_half():
    return {"mean": 0.174, "half": 0.498281, "verdict": "not shown"}


# Not from the mean
@wrong("1-8", "It comes out as if the mean were taken for zero in the standard")
def not_from_the_mean():
    return {"mean": 0.174, "half": 0.404335, "verdict": "not shown"}


# Multiplied for divided
@wrong("1-9", "It comes out as if the optimizer's time were multiplied. Made faster,")
def multiplied_for_divided():
    return {"share": 0.114943, "speedup": 0.685039, "limit": 1.12987}


# Speeds averaged
@wrong("1-9", "What comes out is a mean of the parts' speeds, each with its share of")
def speeds_averaged():
    return {"share": 0.114943, "speedup": 1.45977, "limit": 1.12987}

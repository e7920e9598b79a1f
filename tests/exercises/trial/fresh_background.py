"""Answers to chapter 1 by somebody who had seen no known mistake: arithmetic, fits, verdicts."""

import itertools
import math
import statistics
from fractions import Fraction

import numpy as np
import torch

from trial.answers import right, wrong

CONTROLS = {
    "copy": "a text that has nothing to copy, of the same length",
    "adapt": "as many rates tried for both, both trained until they stop improving",
    "growth": "a list of models drawn by a rule that was fixed before",
    "true": "all",
}
RUNS = [0.48, 0.2, -0.23, 0.13, 0.29]
SPREAD = statistics.stdev(RUNS)


@wrong("1-1", "You count the embedding among the matrices")
def six_for_every_parameter_that_is_met_but_the_embedding(
    embedding, body, head, experts, top_k, expert, tokens
):
    active = embedding + body + head + top_k * expert
    return 6 * active * tokens


@wrong("1-1", "You come to four operations for each")
def the_way_back_costs_as_much_as_the_way_forward(embedding, body, head, experts, top_k, expert, tokens):
    forward = 2 * (body + head + top_k * expert)
    backward = forward
    return (forward + backward) * tokens


@wrong("1-1", "as if `expert` were the size of all experts together")
def the_router_shares_the_work_top_k_experts_of_an_expert(
    embedding, body, head, experts, top_k, expert, tokens
):
    return 6 * tokens * (body + head + expert * top_k / experts)


@wrong("1-1", "by just 6 x head x tokens")
def the_head_is_left_out_like_the_embedding(embedding, body, head, experts, top_k, expert, tokens):
    met = body + top_k * expert
    return 6 * met * tokens


@right("1-1")
def summed_matrix_by_matrix_as_a_numpy_float(embedding, body, head, experts, top_k, expert, tokens):
    matrices = np.array([body, head] + [expert] * top_k, dtype=np.float64)
    forward = np.sum(matrices * 2)
    return np.float64(tokens) * (forward + forward * 2)


@wrong("1-2", "if `tied` were the other way round")
def tied_doubles_instead_of_untied(vocab, d_model, layers, d_ff, tied):
    n = layers * (4 * d_model * d_model + 2 * d_model * d_ff)
    return n + vocab * d_model * (2 if tied else 1)


@wrong("1-2", "You count three matrices of attention.")
def three_matrices_the_output_forgotten(vocab, d_model, layers, d_ff, tied):
    layer = 3 * d_model**2 + 2 * d_model * d_ff
    return layers * layer + (1 if tied else 2) * vocab * d_model


@wrong("1-2", "It comes out as if `d_ff` were four times `d_model`. That is")
def d_ff_taken_for_4_d_model(vocab, d_model, layers, d_ff, tied):
    embed = vocab * d_model
    return 12 * layers * d_model**2 + embed + (0 if tied else embed)


@wrong("1-2", "by just vocab x d_model x (tied is True)")
def tied_leaves_both_tables_out(vocab, d_model, layers, d_ff, tied):
    total = layers * (4 * d_model**2 + 2 * d_model * d_ff)
    if not tied:
        total += 2 * vocab * d_model
    return total


@right("1-2")
def real_matrices_on_the_meta_device_counted(vocab, d_model, layers, d_ff, tied):
    shapes = [(vocab, d_model)] * (2 - bool(tied))
    for _ in range(layers):
        shapes += [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]
    return sum(math.prod(s) for s in shapes)


@wrong("1-3", "Three times too short")
def two_flops_a_parameter_and_token():
    return {
        "years": 2 * 70e9 * 2e12 / 4e13 / 86400 / 365,
        "machines": math.ceil(2 * 70e9 * 2e12 / 4e13 / 86400 / 60),
    }


@wrong("1-3", "That is the time at what the machine can do")
def given_40_per_cent_forgotten():
    return {
        "years": 6 * 70e9 * 2e12 / 1e14 / 86400 / 365,
        "machines": math.ceil(6 * 70e9 * 2e12 / 1e14 / 86400 / 60),
    }


@wrong("1-3", "With the machines that you hire the training is not quite ready in")
def machines_rounded_down():
    return {"years": 8.4e23 / 4e13 / 86400 / 365, "machines": 4050}


@wrong("1-3", "That is the time of one machine in days. Asked is for years of 365 days.")
def days_for_years():
    return {"years": 8.4e23 / 4e13 / 86400, "machines": 4051}


@right("1-3")
def fractions():
    return {"years": Fraction(84 * 10**22, 4 * 10**13 * 86400 * 365), "machines": 4051.0}


@wrong("1-4", "You return the slope, doublings for each year")
def slope_itself(years, flops):
    return np.polyfit(np.asarray(years, float), np.log2(np.asarray(flops, float)), 1)[0]


@wrong("1-4", "That is the time of a growth by 2.718, as natural logarithms give it.")
def natural_logarithm(years, flops):
    x = torch.as_tensor(years, dtype=torch.float64)
    y = torch.as_tensor(flops, dtype=torch.float64).log()
    x = x - x.mean()
    y = y - y.mean()
    return float((x * x).sum() / (x * y).sum())


@wrong("1-4", "It comes out as if two models alone were used, the first and")
def first_and_last_point_only(years, flops):
    return (years[-1] - years[0]) / math.log2(flops[-1] / flops[0])


@wrong("1-4", "You fit the years to the logarithms")
def years_regressed_on_the_logarithm(years, flops):
    return np.polyfit(np.log2(np.asarray(flops, float)), np.asarray(years, float), 1)[0]


@right("1-4")
def normal_equations_by_lstsq(years, flops):
    x = np.asarray([float(y) for y in years])
    x = x - x.mean()
    y = np.array([math.log(float(v)) / math.log(2) for v in flops])
    A = np.stack([np.ones_like(x), x], 1)
    return 1 / np.linalg.lstsq(A, y, rcond=None)[0][1]


@wrong("1-5", "You compare a token with the guess that was made after reading it")
def guesses_not_shifted(tokens, guesses, period):
    n = len(tokens)
    return sum(int(tokens[i]) == int(guesses[i]) for i in range(period, n)) / (n - period)


@wrong("1-5", "You begin one place too late")
def first_token_of_the_second_time_forgotten(tokens, guesses, period):
    hits = [int(guesses[t]) == int(tokens[t + 1]) for t in range(period, len(tokens) - 1)]
    return sum(hits) / len(hits)


@wrong("1-5", "You count the first time as well")
def first_time_counted_too(tokens, guesses, period):
    t = torch.as_tensor(tokens)
    g = torch.as_tensor(guesses)
    return (g[:-1] == t[1:]).float().mean()


@wrong("1-5", "What comes out are the hits divided by the length of the whole")
def divided_by_all_tokens(tokens, guesses, period):
    hits = 0
    for t in range(period - 1, len(tokens) - 1):
        if guesses[t] == tokens[t + 1]:
            hits += 1
    return hits / len(tokens)


@wrong("1-5", "is 1 in every case")
def compared_to_the_token_a_period_before_not_to_the_guess(tokens, guesses, period):
    return sum(int(a) == int(b) for a, b in zip(tokens[period:], tokens, strict=False)) / (
        len(tokens) - period
    )


@right("1-5")
def by_zip_over_lists(tokens, guesses, period):
    pairs = list(zip(list(guesses), list(tokens)[1:], strict=False))[period - 1 :]
    return float(np.mean([int(g) == int(t) for g, t in pairs]))


@wrong("1-6", "Where an evaluation is just as good as the best, yours does not count")
def no_better_means_strictly_worse(losses, patience):
    best, bad = 0, 0
    for i, x in enumerate(losses):
        if i == 0:
            continue
        if x < losses[best]:
            best, bad = i, 0
        elif x > losses[best]:
            bad += 1
            if bad == patience:
                return [best, i + 1]
    return [best, len(losses)]


@wrong("1-6", "It comes out as if a better evaluation did not begin the")
def counter_never_reset(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        else:
            bad += 1
            if bad >= patience:
                return [best, i + 1]
    return [best, len(losses)]


@wrong("1-6", "You compare each evaluation with the one before it")
def compares_to_the_evaluation_before(losses, patience):
    bad = 0
    for i in range(1, len(losses)):
        bad = bad + 1 if losses[i] >= losses[i - 1] else 0
        if bad == patience:
            seen = list(losses[: i + 1])
            return [seen.index(min(seen)), i + 1]
    return [list(losses).index(min(losses)), len(losses)]


@wrong("1-6", "Where you stop, your second number is one too few: the place of")
def index_of_the_last_for_the_number_made(losses, patience):
    best, where, bad = float("inf"), 0, 0
    for i, x in enumerate(losses):
        if x < best:
            best, where, bad = x, i, 0
        else:
            bad += 1
        if bad == patience:
            return [where, i]
    return [where, len(losses) - 1]


@wrong("1-6", "You wait for one evaluation more than patience allows before you stop")
def one_more_than_patience(losses, patience):
    best = 0
    for i in range(len(losses)):
        if losses[i] < losses[best]:
            best = i
        if i - best > patience:
            return [best, i + 1]
    return [best, len(losses)]


@right("1-6")
def running_minimum_by_accumulate(losses, patience):
    low = list(itertools.accumulate(losses, min))
    place = [list(losses).index(m) for m in low]
    made = next((i + 1 for i, p in enumerate(place) if i - p >= patience), len(losses))
    return np.array([place[made - 1], made])


@wrong("1-7", "A sentence without its control is not shown")
def no_control_so_false():
    return CONTROLS | {"true": "none"}


@wrong("1-7", "With ten more seeds the tuned arm would still be tuned and the other")
def seeds_for_adapt():
    return CONTROLS | {"adapt": "more seeds", "true": "some"}


@wrong("1-7", "Another base turns the same line into other units, more")
def base_of_the_logarithm():
    return CONTROLS | {"growth": "logarithms of another base"}


@wrong("1-7", "A longer passage or a larger model repeats the measurement")
def longer_passage():
    return CONTROLS | {"copy": "a longer passage"}


@wrong("1-8", "You give the interval of a single run")
def root_of_n_forgotten():
    return {"mean": 0.174, "half": 2.776 * SPREAD, "verdict": "not shown"}


@wrong("1-8", "You divide the squares by n")
def standard_deviation_with_n():
    return {"mean": 0.174, "half": 2.776 * statistics.pstdev(RUNS) / 5**0.5, "verdict": "not shown"}


@wrong("1-8", "Lay the interval on an axis, from mean - half to mean + half")
def zero_inside_taken_for_refuted():
    return {"mean": 0.174, "half": 2.776 * SPREAD / 5**0.5, "verdict": "does not hold"}


@wrong("1-8", "Lay the interval on an axis, from mean - half to mean + half")
def verdict_from_the_mean():
    return {"mean": 0.174, "half": 2.776 * SPREAD / 5**0.5, "verdict": "holds"}


@right("1-8")
def tensors():
    return {
        "mean": torch.tensor(RUNS, dtype=torch.float64).mean(),
        "half": torch.tensor(RUNS, dtype=torch.float64).std() * 2.776 / math.sqrt(5),
        "verdict": "not shown",
    }


@wrong("1-9", "11.494 is 100 times too large (a share or per cent?)")
def per_cent_and_the_time_that_is_saved():
    return {"share": 11.494, "speedup": 87 / 79, "limit": 87 / 77}


@wrong("1-9", "You divide the new time by the old one")
def speedup_as_share_of_time():
    return {"share": 10 / 87, "speedup": 79 / 87, "limit": 77 / 87}


@wrong("1-9", "'limit' should be a finite number, but is inf")
def five_ms_saved_infinite_limit():
    return {"share": 10 / 87, "speedup": 87 / 82, "limit": float("inf")}


@wrong("1-9", "You leave the data out of the step")
def data_forgotten():
    return {"share": 10 / 85, "speedup": 85 / 77, "limit": 85 / 75}

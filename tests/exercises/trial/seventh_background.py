"""A seventh trial, chapter 1: answers written from the statements alone."""

import math

import numpy as np
import torch

from trial.answers import right, wrong


# Top_k misread as 'one expert in top_k': experts / top_k of them are met instead of top_k
@wrong("1-1", "has `experts` divided by `top_k` experts for each token")
def top_k_misread_as_one_expert_in_top_k_experts(embedding, body, head, experts, top_k, expert, tokens):
    met = body + head + experts // top_k * expert
    return 6 * met * tokens


# The way back counted as 'twice one operation' (2) instead of twice the way forward (4): 4 in all, not 6
@wrong("1-1", "You come to four operations for each parameter that a token")
def the_way_back_counted_as_twice_one_operation(embedding, body, head, experts, top_k, expert, tokens):
    forward = 2
    backward = 2 * 1
    return (forward + backward) * (body + head + top_k * expert) * tokens


# The attention's output matrix is taken for the head: only three matrices d x d in a layer
@wrong("1-2", "You count three matrices of attention. It has four: query, key")
def the_attention_s_output_matrix_is_taken(vocab, d_model, layers, d_ff, tied):
    layer = 3 * d_model * d_model + 2 * d_model * d_ff
    tables = vocab * d_model if tied else 2 * vocab * d_model
    return layers * layer + tables


# Machines from months (60 days = 2 of 12 months, 1/6 of a year): 3996 instead of 4051
@wrong("1-3", "What comes out has twelve months of 30 days in a year. The year of the")
def machines_from_months_60_days_2_of_12_months():
    years = 6 * 70e9 * 2000e9 / (100e12 * 0.4) / (365 * 86400)
    return {"years": years, "machines": math.ceil(years * 12 / 2)}


# Regresses years on log2 flops (axes exchanged) and returns its slope: least squares in the wrong
# direction, too small where points scatter
@wrong("1-4", "You fit the years to the logarithms. Least squares then measures")
def regresses_years_on_log2_flops_axes_exchanged(years, flops):
    x = np.asarray([float(f) for f in flops])
    y = np.asarray([float(t) for t in years])
    return float(np.polyfit(np.log2(x), y, 1)[0])


# Joins the first and the last point instead of fitting: points between do not count
@wrong("1-4", "It comes out as if two models alone were used, the first and")
def joins_the_first_and_the_last_point_instead(years, flops):
    first, last = float(years[0]), float(years[-1])
    return (last - first) / (math.log2(float(flops[-1])) - math.log2(float(flops[0])))


# Plain Python sums for the slope, log10 and a conversion at the end
@right("1-4")
def plain_python_sums_for_the_slope_log10(years, flops):
    t = [float(x) for x in years]
    y = [math.log10(float(x)) for x in flops]
    n = len(t)
    mt, my = math.fsum(t) / n, math.fsum(y) / n
    slope = math.fsum((a - mt) * (b - my) for a, b in zip(t, y, strict=False)) / math.fsum(
        (a - mt) ** 2 for a in t
    )
    return math.log10(2) / slope


# Torch.roll lets the last guess wrap round to the first token: one comparison too many, at the seam
@wrong("1-5", "It comes out as if the guess after the last token were compared")
def torch_roll_lets_the_last_guess_wrap_round(tokens, guesses, period):
    tokens, guesses = torch.as_tensor(tokens), torch.as_tensor(guesses)
    hit = (guesses == torch.roll(tokens, -1)).float()
    return hit[period - 1 :].mean()


# Only the second time is scored; the third and later ones are forgotten
@wrong("1-5", "Your share is that of one of the later times alone, the second")
def only_the_second_time_is_scored_the_third(tokens, guesses, period):
    places = range(period, 2 * period)
    return sum(int(guesses[p - 1]) == int(tokens[p]) for p in places) / period


# Bad evaluations are counted in all, not in a row: the count is not reset by a new best one
@wrong("1-6", "It comes out as if a better evaluation did not begin the")
def bad_evaluations_are_counted(losses, patience):
    best, bad = 0, 0
    for place in range(1, len(losses)):
        if losses[place] < losses[best]:
            best = place
        else:
            bad += 1
            if bad == patience:
                return [best, place + 1]
    return [best, len(losses)]


# Compares with the evaluation just before instead of with the best one so far
@wrong("1-6", "You compare each evaluation with the one before it. It must be")
def compares_with_the_evaluation_just_before(losses, patience):
    bad, n = 0, len(losses)
    for place in range(1, len(losses)):
        bad = 0 if losses[place] < losses[place - 1] else bad + 1
        if bad == patience:
            n = place + 1
            break
    seen = list(losses[:n])
    return [seen.index(min(seen)), n]


# Recursion over the list, returns ints from a prefix minimum
@right("1-6")
def recursion_over_the_list_returns_ints(losses, patience):
    values = [float(x) for x in losses]

    def go(place, best):
        if place == len(values) or place - best > patience:
            return [best, place]
        return go(place + 1, place if values[place] < values[best] else best)

    return go(1, 0)


# True = none, from 'no control, therefore false'
@wrong("1-7", "A sentence without its control is not shown. That does not make")
def true_none_from_no_control_therefore_false():
    return {
        "copy": "a text that has nothing to copy, of the same length",
        "adapt": "as many rates tried for both, both trained until they stop improving",
        "growth": "a list of models drawn by a rule that was fixed before",
        "true": "none",
    }


# Verdict 'does not hold' because the interval reaches below zero
@wrong("1-8", "Lay the interval on an axis, from mean - half to mean + half.")
def verdict_does_not_hold_because_the_interval():
    d = np.array([0.48, 0.2, -0.23, 0.13, 0.29])
    return {"mean": d.mean(), "half": 2.776 * d.std(ddof=1) / math.sqrt(5), "verdict": "does not hold"}


# '5 times as fast' taken as 5 times faster, the optimizer's time divided by 6
@wrong("1-9", "You divide the optimizer's time by one more than is said. So")
def with_5_times_as_fast_taken_as_5_times_faster():
    return {"share": 10 / 87, "speedup": 87 / (77 + 10 / 6), "limit": 87 / 77}

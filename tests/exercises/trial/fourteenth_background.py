"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 1."""

import math
import statistics

import numpy as np
import torch

from trial.answers import right, wrong


# The way back is charged for all experts, as if every one of them got a gradient
@wrong("1-1", "What comes out counts all experts on the way back, those met alone")
def backward_through_all_experts_fourteenth(embedding, body, head, experts, top_k, expert, tokens):
    forward = 2 * (body + head + top_k * expert)
    backward = 4 * (body + head + experts * expert)
    return (forward + backward) * tokens


# The conditional expression swallows the whole sum: with tied only the table is counted
@wrong("1-2", "For one table for both, your result is 800 and should be 2,336,")
def count_precedence_of_if_fourteenth(vocab, d_model, layers, d_ff, tied):
    attention = 4 * d_model * d_model
    network = 2 * d_model * d_ff
    return vocab * d_model if tied else 2 * vocab * d_model + layers * (attention + network)


# Rounds the years to a whole number before the machines are counted
@wrong("1-3", "'machines': With one machine fewer the training is ready in time.")
def machines_from_rounded_years_fourteenth():
    seconds = 6 * 70e9 * 2000e9 / (100e12 * 0.4)
    years = seconds / (365 * 24 * 3600)
    return {"years": years, "machines": math.ceil(round(years) * 365 / 60)}


# 1 / b of a line for the years over the logarithms turned round: regresses years on log2(flops)
@wrong("1-4", "You fit the years to the logarithms. Least squares then measures")
def line_of_years_over_logs_fourteenth(years, flops):
    x = [math.log2(float(f)) for f in flops]
    y = [float(t) for t in years]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=False)) / sum((a - mx) ** 2 for a in x)


# Regresses the years on the logarithms (the line the other way round) and returns its slope
@wrong("1-4", "You fit the years to the logarithms. Least squares then measures")
def doubling_inverse_regression_fourteenth(years, flops):
    x = np.asarray([float(y) for y in years])
    y = np.log2(np.asarray([float(f) for f in flops]))
    slope, _ = np.polyfit(y, x, 1)
    return float(slope)


# Puts the points into a dict by year: of two models of one year only the last counts
@wrong("1-4", "It comes out as if two models of one year were one point: one of")
def doubling_dict_by_year_fourteenth(years, flops):
    points = {float(y): math.log2(float(f)) for y, f in zip(years, flops, strict=False)}
    x = np.array(list(points.keys()))
    y = np.array(list(points.values()))
    x = x - x.mean()
    b = (x * (y - y.mean())).sum() / (x * x).sum()
    return float(1 / b)


# Unusual: the slope as a mean over all pairs of points, weighted by the squared distance in time
@right("1-4")
def doubling_over_pairs_fourteenth(years, flops):
    x = [float(v) for v in years]
    y = [math.log2(float(v)) for v in flops]
    top = bottom = 0.0
    for i in range(len(x)):
        for j in range(i):
            top += (x[i] - x[j]) * (y[i] - y[j])
            bottom += (x[i] - x[j]) ** 2
    return bottom / top


# Range ends one too early: the last token of the text is not judged
@wrong("1-5", "The last token of the text is not among those that you count. The")
def last_token_left_out_fourteenth(tokens, guesses, period):
    hits = [int(guesses[t]) == int(tokens[t + 1]) for t in range(period - 1, len(tokens) - 2)]
    return sum(hits) / len(hits)


# Right: walks backwards through the text, without slices
@right("1-5")
def copied_share_backwards_fourteenth(tokens, guesses, period):
    place, hits, asked = len(tokens) - 1, 0, 0
    while place >= period:
        asked += 1
        hits += int(guesses[place - 1]) == int(tokens[place])
        place -= 1
    return hits / asked


# Divides by all tokens instead of by those of the later times
@wrong("1-5", "What comes out are the hits divided by the length of the whole text")
def copied_divides_by_all_fourteenth(tokens, guesses, period):
    tokens = torch.as_tensor(tokens)
    guesses = torch.as_tensor(guesses)
    hits = (guesses[period - 1 : -1] == tokens[period:]).sum()
    return hits / len(tokens)


# Patience counts evaluations that are no better than the one just before, not than the best
@wrong("1-6", "You compare each evaluation with the one before it. It must be")
def patience_against_the_previous_fourteenth(losses, patience):
    best, waited = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        if losses[i] < losses[i - 1]:
            waited = 0
        else:
            waited += 1
        if waited == patience:
            return [best, i + 1]
    return [best, len(losses)]


# The best is sought in the whole list, also behind the place where the training was stopped
@wrong("1-6", "You stop where you should, but your first number is the place of")
def stop_best_of_whole_list_fourteenth(losses, patience):
    losses = [float(v) for v in losses]
    best, bad, made = losses[0], 0, 1
    for loss in losses[1:]:
        made += 1
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
            if bad == patience:
                break
    return [losses.index(min(losses)), made]


# Holds each evaluation against the one before it instead of the best one before
@wrong("1-6", "You compare each evaluation with the one before it. It must be")
def stop_against_previous_fourteenth(losses, patience):
    losses = [float(v) for v in losses]
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        if losses[i] < losses[i - 1]:
            bad = 0
        else:
            bad += 1
        if bad == patience:
            return [best, i + 1]
    return [best, len(losses)]


# Unusual: a recursion over the rest of the list
@right("1-6")
def stop_recursive_fourteenth(losses, patience):
    losses = [float(v) for v in losses]

    def go(i, best):
        if i == len(losses) or i - best > patience:
            return [best, i]
        return go(i + 1, i if losses[i] < losses[best] else best)

    return go(1, 0)


# Takes a bad measurement for a refutation of some of the sentences
@wrong("1-7", "'true': A sentence without its control is not shown. That does not")
def only_some_could_be_true_fourteenth():
    return {
        "copy": "a text that has nothing to copy, of the same length",
        "adapt": "as many rates tried for both, both trained until they stop improving",
        "growth": "a list of models drawn by a rule that was fixed before",
        "true": "some",
    }


# Gives the full width of the interval instead of half of it
@wrong("1-8", "'half': That is twice the half: the width of the whole interval.")
def verdict_full_width_fourteenth():
    d = [0.48, 0.2, -0.23, 0.13, 0.29]
    reach = 2.776 * statistics.stdev(d) / math.sqrt(len(d))
    return {"mean": statistics.mean(d), "half": 2 * reach, "verdict": "not shown"}


# Leaves the data's time out of the step ("it is loaded in the background")
@wrong("1-9", "'share': You leave the data out of the step. They take their time")
def step_without_the_data_fourteenth():
    step = 25 + 50 + 10
    return {
        "share": round(10 / step, 3),
        "speedup": round(step / (step - 10 + 2), 3),
        "limit": round(step / (step - 10), 3),
    }


# Five times as fast taken as 'a fifth is saved': 10 / 5 ms are taken away instead of left
@wrong("1-9", "'speedup': It comes out as if the optimizer's new time were taken")
def faster_part_saves_a_fifth_fourteenth():
    step = 25 + 50 + 10 + 2
    return {
        "share": round(10 / step, 3),
        "speedup": round(step / (step - 10 / 5), 3),
        "limit": round(step / (step - 10), 3),
    }

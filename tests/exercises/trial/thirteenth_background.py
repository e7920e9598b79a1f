"""A thirteenth trial, answers written from the statements alone, chapter 1."""

import math

import numpy as np
import torch

from trial.answers import right, wrong


# Forward lets every expert work (only the backward pass is restricted to the chosen top_k)
@wrong("1-1", "What comes out counts all experts on the way forward, those met")
def flops_forward_through_all_experts_thirteenth(embedding, body, head, experts, top_k, expert, tokens):
    dense = body + head
    forward = 2 * (dense + experts * expert)
    backward = 4 * (dense + top_k * expert)
    return (forward + backward) * tokens


# The way back goes through all experts (not only those that the token met)
@wrong("1-1", "What comes out counts all experts on the way back, those met alone")
def flops_all_experts_back_thirteenth(embedding, body, head, experts, top_k, expert, tokens):
    forward = 2 * (body + head + top_k * expert)
    backward = 4 * (body + head + experts * expert)
    return tokens * (forward + backward)


# Parenthesis closed too late: the tables are counted once per layer
@wrong("1-2", "What comes out has a table again in each layer, the embedding or")
def tables_inside_the_layer_sum_thirteenth(vocab, d_model, layers, d_ff, tied):
    tables = vocab * d_model * (1 if tied else 2)
    return layers * (4 * d_model * d_model + 2 * d_model * d_ff + tables)


# Missing parentheses: the network is counted in one layer only
@wrong("1-2", "What comes out has the attention of all layers, but the network of")
def count_network_once_thirteenth(vocab, d_model, layers, d_ff, tied):
    tables = vocab * d_model if tied else 2 * vocab * d_model
    return tables + layers * 4 * d_model * d_model + 2 * d_model * d_ff


# Rounds the machines to below (4050 of them are not quite ready)
@wrong("1-3", "'machines': With the machines that you hire the training is not")
def machines_rounded_down_thirteenth():
    flops = 6 * 70e9 * 2000e9
    seconds = flops / (100e12 * 0.4)
    return {"years": seconds / (365 * 86400), "machines": math.floor(seconds / (60 * 86400))}


# Sixty days are taken as two twelfths of a year
@wrong("1-3", "'machines': What comes out has twelve months of 30 days in a year.")
def sixty_days_as_two_months_thirteenth():
    seconds = 6 * 70e9 * 2000e9 / (100e12 * 0.4)
    years = seconds / (365 * 86400)
    return {"years": years, "machines": math.ceil(years * 12 / 2)}


# Fits years as a function of log2(flops): another least-squares line, unless all points lie on it
@wrong("1-4", "You fit the years to the logarithms. Least squares then measures")
def regresses_years_on_logs_thirteenth(years, flops):
    x = np.array([math.log2(float(f)) for f in flops])
    y = np.array([float(v) for v in years])
    slope, _ = np.polyfit(x, y, 1)
    return float(slope)


# The line is fitted the other way round (years over logarithms), its slope taken as the doubling time
@wrong("1-4", "You fit the years to the logarithms. Least squares then measures")
def doubling_inverse_regression_thirteenth(years, flops):
    x = [float(y) for y in years]
    y = [math.log2(float(f)) for f in flops]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    cov = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=False))
    var = sum((b - my) ** 2 for b in y)
    return cov / var


# Slope from all pairs of points (the same as least squares)
@right("1-4")
def doubling_by_pairs_thirteenth(years, flops):
    x = [float(v) for v in years]
    y = [math.log(float(v)) / math.log(2) for v in flops]
    up = down = 0.0
    for i in range(len(x)):
        for j in range(i):
            up += (x[i] - x[j]) * (y[i] - y[j])
            down += (x[i] - x[j]) ** 2
    return down / up


# Shifts with a wrap, so that the last guess is held against the first token of the text
@wrong("1-5", "It comes out as if the guess after the last token were compared as")
def rolled_over_the_end_thirteenth(tokens, guesses, period):
    tokens = torch.as_tensor(tokens)
    guesses = torch.as_tensor(guesses)
    following = torch.roll(tokens, -1)
    hits = guesses[period - 1 :] == following[period - 1 :]
    return hits.float().mean()


# No running state: looks back over all evaluations so far each time (min with a key)
@right("1-6")
def stop_by_looking_back_each_time_thirteenth(losses, patience):
    values = [float(v) for v in losses]
    made = len(values)
    for m in range(1, len(values) + 1):
        seen = values[:m]
        place = min(range(m), key=lambda i: (seen[i], i))
        if m - 1 - place >= patience:
            made = m
            break
    seen = values[:made]
    return [min(range(made), key=lambda i: (seen[i], i)), made]


# The count of bad evaluations is never set back: not "in a row"
@wrong("1-6", "It comes out as if a better evaluation did not begin the waiting")
def stop_total_not_in_a_row_thirteenth(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        else:
            bad += 1
            if bad == patience:
                return [best, i + 1]
    return [best, len(losses)]


# No counter: distance to the first place of the minimum of every prefix
@right("1-6")
def stop_by_prefixes_thirteenth(losses, patience):
    losses = [float(v) for v in losses]
    for made in range(1, len(losses) + 1):
        seen = losses[:made]
        best = seen.index(min(seen))
        if made - 1 - best >= patience:
            return [best, made]
    return [losses.index(min(losses)), len(losses)]


# Divides the deviation by n and not by its root; the verdict follows from that
@wrong("1-8", "'half': What comes out is divided by five. The deviation of a mean")
def half_divided_by_n_thirteenth():
    d = np.array([0.48, 0.2, -0.23, 0.13, 0.29])
    half = 2.776 * d.std(ddof=1) / len(d)
    return {"mean": float(d.mean()), "half": float(half), "verdict": "holds"}


# Divided by n, not by the root of n; the verdict follows from the narrow interval
@wrong("1-8", "'half': What comes out is divided by five. The deviation of a mean")
def half_width_over_n_thirteenth():
    d = [0.48, 0.2, -0.23, 0.13, 0.29]
    mean = sum(d) / 5
    s = math.sqrt(sum((v - mean) ** 2 for v in d) / 4)
    half = 2.776 * s / 5
    return {"mean": mean, "half": half, "verdict": "holds" if mean - half > 0 else "not shown"}


# Leaves the time for the data out of the step
@wrong("1-9", "'share': You leave the data out of the step. They take their time")
def step_without_data_thirteenth():
    step = 25 + 50 + 10
    return {"share": round(10 / step, 3), "speedup": round(step / (75 + 2), 3), "limit": round(step / 75, 3)}


# The share is held against the rest of the step, not against all of it
@wrong("1-9", "'share': You divide by the other three parts. The optimizer is a")
def share_of_the_rest_thirteenth():
    return {"share": round(10 / 77, 3), "speedup": round(87 / 79, 3), "limit": round(87 / 77, 3)}

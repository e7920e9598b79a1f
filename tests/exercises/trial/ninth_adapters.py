"""A ninth trial, chapter 3.3: answers of an audit that looked for what cases and words let pass."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def lwf(w, o, x, y, T, s, term):
    return F.cross_entropy(x @ w.T, y) + s * term(x @ w.T, x @ o.T, T)


# Mse of probabilities
@wrong("3.3-5", "Your second term is a squared distance of probabilities.")
def mse_of_probabilities(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: ((s / T).softmax(-1) - (t / T).softmax(-1)).square().sum(-1).mean(),
    )


# Old labels
@wrong("3.3-5", "Your second term has no pull towards the old model, as")
def old_labels(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: F.cross_entropy(t / T, labels) + 0 * s.sum(),
    )


# No log target
@wrong("3.3-5", "What comes out is as if the student's probabilities stood")
def no_log_target(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: F.kl_div((s / T).softmax(-1), (t / T).softmax(-1), reduction="batchmean"),
    )


# Kl mean
@wrong("3.3-5", "Your second term is divided by the number of classes as")
def kl_mean(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: F.kl_div((s / T).log_softmax(-1), (t / T).softmax(-1), reduction="mean"),
    )


# Kl sum
@wrong("3.3-5", "You sum over the examples in one term or in both. A")
def kl_sum(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: F.kl_div((s / T).log_softmax(-1), (t / T).softmax(-1), reduction="sum"),
    )


# Over dim0
@wrong("3.3-5", "In your second term the softmax runs over the examples.")
def over_dim0(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: -((t / T).softmax(0) * (s / T).log_softmax(0)).sum(-1).mean(),
    )


# Student detached
@wrong("3.3-5", "Your second term has no pull towards the old model, as")
def student_detached(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return lwf(
        weights,
        old_weights,
        inputs,
        labels,
        temperature,
        strength,
        lambda s, t, T: F.cross_entropy(s.detach() / T, (t / T).softmax(-1)),
    )


# New labels on old
@wrong("3.3-5", "What comes out is as if the new labels were asked of the")
def new_labels_on_old(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    s, t, T = inputs @ weights.T, inputs @ old_weights.T, temperature
    return F.cross_entropy(old_inputs @ weights.T, labels) + strength * F.cross_entropy(
        s / T, (t / T).softmax(-1)
    )


# Down zero is right
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as")
def down_zero_is_right(noise_down, noise_up):
    return noise_down * 0 + 1e-3, noise_up * 0


# Tiny
@wrong("3.3-6", "The model has changed before its first step, as when both")
def tiny(noise_down, noise_up):
    return noise_down, noise_up * 1e-6


# Eye
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as")
def eye(noise_down, noise_up):
    d = torch.zeros_like(noise_down)
    d[0] = noise_down[0]
    return d, torch.zeros_like(noise_up)


# Same row
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as")
def same_row(noise_down, noise_up):
    return noise_down[:1].expand_as(noise_down), torch.zeros_like(noise_up)


# Half zero
@right("3.3-6")
def half_zero(noise_down, noise_up):
    d = noise_down.clone()
    d[: len(d) // 2] = 0
    u = noise_up.clone()
    u[:, len(d) // 2 :] = 0
    return d, u


# Down zero
@right("3.3-6")
def down_zero(noise_down, noise_up):
    return torch.zeros(noise_down.shape), noise_up


# Eye start
@right("3.3-6")
def eye_start(noise_down, noise_up):
    return torch.eye(*noise_down.shape), torch.zeros(noise_up.shape)


# Alpha over root
@wrong("3.3-7", "One of your two results is that of the weight as it was,")
def alpha_over_root(x, weight, down, up, alpha, merged):
    d = 0 if merged else alpha / len(down) * (down.T @ up.T)
    return x @ (weight.T + d), weight


# Subtract if merged
@wrong("3.3-7", "What comes out where merged is True is the weight less")
def subtract_if_merged(x, weight, down, up, alpha, merged):
    d = alpha / len(down) * up @ down
    if merged:
        return x @ weight.T, weight - d
    return x @ (weight + d).T, weight + d


# Input scaled
@wrong("3.3-7", "What comes out is as if alpha / rank stood before the")
def input_scaled(x, weight, down, up, alpha, merged):
    if merged:
        return x @ weight.T, weight
    w = weight + up @ down
    return x @ w.T * alpha / len(down), w * alpha / len(down)


# Rank of up
@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is")
def rank_of_up(x, weight, down, up, alpha, merged):
    if merged:
        return x @ weight.T, weight
    w = weight + alpha / up.shape[0] * up @ down
    return x @ w.T, w


# No scale in out
@wrong("3.3-7", "Your output holds the update without alpha")
def no_scale_in_out(x, weight, down, up, alpha, merged):
    if merged:
        return x @ weight.T, weight
    return x @ (weight + up @ down).T, weight + alpha / len(down) * up @ down


# Rank squared
@wrong("3.3-8", "Your adapter has more than its two factors, as when a")
def rank_squared(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) + rank * rank for o, i in shapes)
    return a, bytes_each * (base_parameters + domains * a), bytes_each * domains * base_parameters


# With bias
@wrong("3.3-8", "Your adapter has more than its two factors, as when a")
def with_bias(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) + o for o, i in shapes)
    return a, bytes_each * (base_parameters + domains * a), bytes_each * domains * base_parameters


# Bytes on base only
@wrong("3.3-8", "The base is in bytes and the adapters beside it are not:")
def bytes_on_base_only(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) for o, i in shapes)
    return a, bytes_each * base_parameters + domains * a, bytes_each * domains * base_parameters


# Copies with adapters
@wrong("3.3-8", "You store an adapter with each copy. A fine-tuned copy")
def copies_with_adapters(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) for o, i in shapes)
    return a, bytes_each * (base_parameters + domains * a), bytes_each * domains * (base_parameters + a)


# Distinct shapes
@wrong("3.3-8", "Matrices of the same size are counted once. Each matrix")
def distinct_shapes(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) for o, i in set(shapes))
    return a, bytes_each * (base_parameters + domains * a), bytes_each * domains * base_parameters


# As float32
@wrong("3.3-8", "Your parameters take four bytes, whatever bytes_each")
def as_float32(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) for o, i in shapes)
    return a, 4 * (base_parameters + domains * a), 4 * domains * base_parameters


K = "a part of the training text that was kept back"


T = {
    "trials": 15,
    "chosen on": K,
    "plain": "as many rates as EWC had trials",
    "above the table": 0.06,
    "adapter": "the one that was least surprised by the text so far",
}


# Differences summed
@wrong("3.3-9", "You add the two differences up. An average over two")
def differences_summed():
    return T | {"above the table": (0.35 - 0.22 + 0.19 - 0.2)}


M = {"backward": -0.14, "by sums": 0.16, "below the table": {"prose"}, "prose helps code": True}


# Nothing below
@wrong("3.3-10", "Hold the last row beside the row of tables, cell by cell.")
def nothing_below():
    return M | {"below the table": set()}


# Above
@wrong("3.3-10", "Those are read better than their tables, or as well: the")
def above():
    return M | {"below the table": {"code", "sums"}}


# From second row
@wrong("3.3-10", "Hold the last row beside the row of tables, cell by cell.")
def from_second_row():
    return M | {"below the table": set(), "prose helps code": False}


# At own time
@wrong("3.3-10", "So it stands before the last stage. In the end is after")
def at_own_time():
    return M | {"below the table": {"sums"}}


S = {"borne out": 2, "open": 1, "verdict": "not shown"}


# Holds
@wrong("3.3-11", "The sentence names no condition, so one setting in which")
def holds():
    return S | {"verdict": "holds"}


# Last
@wrong("3.3-11", "A condition must be true in every setting that bears the")
def last():
    return S | {"verdict": "holds when sums come last"}


# Not
@wrong("3.3-11", "A sentence does not hold, by this rule, when every")
def not_():
    return S | {"verdict": "does not hold"}


# Three
@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def three():
    return S | {"borne out": 3, "open": 0, "verdict": "not shown"}


# One
@wrong("3.3-11", "First the numbers. 'borne out': 1 is half of what it")
def one_():
    return S | {"borne out": 1}


# Open2
@wrong("3.3-11", "That number of open settings is all that do not bear the")
def open2():
    return S | {"open": 2}


# Open3
@wrong("3.3-11", "First the numbers. 'open': 3 is too large, by a factor of")
def open3():
    return S | {"open": 3}


# Four
@wrong("3.3-11", "First the numbers. 'borne out': 4 is twice what it should be.")
def four_():
    return S | {"borne out": 4, "open": 0}


# Open0
@wrong("3.3-11", "First the numbers. 'open': 0 is one too few. Asked for:")
def open0():
    return S | {"open": 0}

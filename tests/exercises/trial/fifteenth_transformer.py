"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 4.2."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Eps added to the standard deviation instead of the variance
@wrong("4.2-1", "Where the variance is small your result is off: you add eps to the")
def layer_norm_eps_outside_fifteenth(x, weight, bias, eps):
    d = x - x.mean(-1, keepdim=True)
    return d / ((d * d).mean(-1, keepdim=True).sqrt() + eps) * weight + bias


# Both maps in one product, SiLU from tanh
@right("4.2-2")
def swiglu_one_product_fifteenth(x, w_gate, w_in, w_out):
    both = x @ torch.cat([w_gate, w_in], 1)
    g, v = both.chunk(2, -1)
    return (g * 0.5 * (1 + torch.tanh(g / 2)) * v) @ w_out


# SiLU on the values instead of the gate
@wrong("4.2-2", "The nonlinearity sits on the other branch: your values go through")
def swiglu_silu_on_values_fifteenth(x, w_gate, w_in, w_out):
    return ((x @ w_gate) * F.silu(x @ w_in)) @ w_out


# The second residual adds the layer's input
@wrong("4.2-3", "Your second sum adds the layer's first input again instead of what")
def encoder_second_residual_fifteenth(x, attention, feed_forward, norm_1, norm_2):
    y = norm_1(x + attention(x))
    return norm_2(x + feed_forward(y))


# The second residual starts from the normed vector
@wrong("4.2-4", "You overwrite x with its norm and then add to that, so every layer")
def pre_norm_second_residual_fifteenth(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        n = norm_2(x)
        x = n + feed_forward(n)
    return final_norm(x)


# Scaled by the width of the model instead of that of the keys
@wrong("4.2-5", "You divide, but by the root of another width: what matters is how")
def cross_scaled_by_model_fifteenth(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    scores = q @ k.transpose(1, 2) / x.shape[-1] ** 0.5
    scores = scores.masked_fill(~memory_keep[:, None, :], -math.inf)
    return torch.softmax(scores, -1) @ v


# Cross-attention reads x before self-attention
@wrong("4.2-6", "All three results are added, but at least one sub-layer reads x as")
def decoder_cross_reads_old_x_fifteenth(
    x, memory, memory_keep, self_attention, cross_attention, feed_forward
):
    n = x.shape[1]
    causal = torch.ones(n, n, dtype=torch.bool).tril()[None]
    y = x + self_attention(x, causal)
    y = y + cross_attention(x, memory, memory_keep[:, None, :])
    return y + feed_forward(y)


# End stands in the last column, behind the padding
@wrong("4.2-7", "In a short sentence the end token stands in the last column, behind")
def teacher_end_behind_pad_fifteenth(sentences, start, end, pad):
    n = max(len(s) for s in sentences)
    inputs = [[start] + list(s) + [pad] * (n - len(s)) for s in sentences]
    labels = [list(s) + [pad] * (n - len(s)) + [end] for s in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


# A loop over the places that count
@right("4.2-8")
def translation_loop_fifteenth(logits, labels, pad):
    parts = [
        torch.logsumexp(logits[b, t], 0) - logits[b, t, labels[b, t]]
        for b, t in (labels != pad).nonzero().tolist()
    ]
    return torch.stack(parts).mean()


# Where the pad label stands the loss is 0, but the mean goes over all positions
@wrong("4.2-8", "Padding adds nothing to your sum, but it is counted in the number")
def loss_over_all_positions_fifteenth(logits, labels, pad):
    logp = torch.log_softmax(logits, -1)
    loss = -logp.gather(-1, labels[..., None]).squeeze(-1)
    return torch.where(labels == pad, torch.zeros_like(loss), loss).mean()


# Max_len counts the start token too
@wrong("4.2-9", "Where the length limit bites, you stop one token too early. Does")
def greedy_start_counted_fifteenth(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start, dtype=torch.long)
    done = torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] < max_len and not bool(done.all()):
        new = next_logits(tokens).argmax(-1)
        new = torch.where(done, torch.full_like(new, end), new)
        done = done | (new == end)
        tokens = torch.cat([tokens, new[:, None]], 1)
    return tokens[:, 1:]


# Rows that ended go on writing: end is not repeated
@wrong("4.2-9", "A row that has said end goes on with words while its neighbours are")
def greedy_ended_rows_go_on_fifteenth(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1)
        tokens = torch.cat([tokens, new[:, None]], 1)
        done |= new == end
        if done.all():
            break
    return tokens[:, 1:]


# Only the best continuation of each beginning is looked at
@wrong("4.2-11", "Every beginning gets exactly one child in your result. A poor")
def beam_one_each_fifteenth(log_probs, step_log_probs):
    best, tokens = step_log_probs.max(1)
    total = log_probs + best
    order = total.argsort(descending=True)
    return order, tokens[order], total[order]


# Best token of each beam
@wrong("4.2-11", "Every beginning gets exactly one child in your result. A poor")
def beam_best_of_each_fifteenth(log_probs, step_log_probs):
    best, token = (log_probs[:, None] + step_log_probs).max(-1)
    order = best.argsort(descending=True)
    return order, token[order], best[order]


# One beam's continuations at a time in plain lists, sorted in Python
@right("4.2-11")
def beam_sorted_lists_fifteenth(log_probs, step_log_probs):
    total = log_probs[:, None] + step_log_probs
    b, v = total.shape
    order = sorted(range(b * v), key=lambda i: -total[i // v, i % v].item())[:b]
    order = torch.tensor(order)
    return order // v, order % v, total.flatten()[order]


# The biases of the linear maps are forgotten
@wrong("4.2-12", "'two', 'one': These numbers count the matrices and not their")
def control_no_biases_fifteenth():
    w = 32
    attention = 4 * w * w
    two = attention + 2 * w * 128 + 4 * w
    one = attention + 2 * w * 96 + 2 * w
    inner = round((two - attention - 2 * w) / (2 * w))
    return {
        "two": two,
        "one": one,
        "inner": inner,
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


# 13 layers taken for 13 steps between them
@wrong("4.2-13", "'layer': That divides by the number of layers. From the first to")
def factor_thirteen_steps_fifteenth():
    last = math.log10(0.12 / 2e-5)
    first = math.log10(0.09 / 0.016)
    return {
        "last": last,
        "first": first,
        "layer": 10 ** (last / 13),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }

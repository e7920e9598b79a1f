"""A thirteenth trial, answers written from the statements alone, chapter 4.2."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Mean taken away by a product with the centering matrix, in float64, variance by einsum
@right("4.2-1")
def norm_by_centering_matrix_thirteenth(x, weight, bias, eps):
    d = x.shape[-1]
    centre = torch.eye(d, dtype=torch.float64) - 1 / d
    c = x.double() @ centre
    power = torch.einsum("...d,...d->...", c, c)[..., None] / d
    return (c * (power + eps).pow(-0.5) * weight + bias).to(x.dtype)


# Eps is added to the deviation, outside of the root
@wrong("4.2-1", "Where the variance is small your result is off: you add eps to the")
def layer_norm_eps_outside_thirteenth(x, weight, bias, eps):
    centred = x - x.mean(dim=-1, keepdim=True)
    deviation = (centred**2).mean(dim=-1, keepdim=True).sqrt()
    return centred / (deviation + eps) * weight + bias


# SiLU of the product and not of the gate
@wrong("4.2-2", "You multiply first and bend afterwards. In this network the gate")
def silu_after_the_product_thirteenth(x, w_gate, w_in, w_out):
    product = (x @ w_gate) * (x @ w_in)
    return (product * torch.sigmoid(product)) @ w_out


# The second residual starts from x again, not from the first norm's result
@wrong("4.2-3", "Your second sum adds the layer's first input again instead of what")
def encoder_second_residual_of_x_thirteenth(x, attention, feed_forward, norm_1, norm_2):
    y = norm_1(x + attention(x))
    return norm_2(x + feed_forward(y))


# The norm's result overwrites x: the residual is that of the normed vectors
@wrong("4.2-4", "You overwrite x with its norm and then add to that, so every layer")
def residual_of_the_normed_thirteenth(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = norm_1(x)
        x = x + attention(x)
        x = norm_2(x)
        x = x + feed_forward(x)
    return final_norm(x)


# Scaled by d_model though queries and keys have width dim
@wrong("4.2-5", "You divide, but by the root of another width: what matters is how")
def scaled_by_model_width_thirteenth(x, memory, memory_keep, w_query, w_key, w_value):
    scores = (x @ w_query) @ (memory @ w_key).transpose(1, 2) / x.shape[-1] ** 0.5
    scores = scores.masked_fill(~memory_keep[:, None, :], float("-inf"))
    return torch.softmax(scores, dim=-1) @ (memory @ w_value)


# Scaled by the root of d_model, not of the width of the queries
@wrong("4.2-5", "You divide, but by the root of another width: what matters is how")
def cross_scaled_by_d_model_thirteenth(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    scores = q @ k.transpose(-2, -1) / math.sqrt(x.shape[-1])
    scores = scores.masked_fill(~memory_keep.unsqueeze(1), -math.inf)
    return torch.softmax(scores, dim=-1) @ v


# Inputs cut out of start + sentence + end + pads: shorter rows have the end in their input
@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left to")
def end_token_in_short_inputs_thirteenth(sentences, start, end, pad):
    longest = max(len(s) for s in sentences)
    full = torch.full((len(sentences), longest + 2), pad)
    for i, s in enumerate(sentences):
        row = [start, *s, end]
        full[i, : len(row)] = torch.tensor(row)
    return full[:, :-1], full[:, 1:]


# Inputs are all but the last column of the filled rows: a shorter row's end stays in them
@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left to")
def forcing_end_in_inputs_thirteenth(sentences, start, end, pad):
    longest = max(len(s) for s in sentences)
    rows = torch.tensor([[start] + list(s) + [end] + [pad] * (longest - len(s)) for s in sentences])
    return rows[:, :-1], rows[:, 1:]


# Takes pad out of the softmax as well, as if the decoder could not say it
@wrong("4.2-8", "Your probabilities are those of a decoder that may not write pad,")
def pad_taken_out_of_the_softmax_thirteenth(logits, labels, pad):
    word = torch.arange(logits.shape[-1], device=logits.device)
    logits = logits.masked_fill(word == pad, float("-inf"))
    real = labels != pad
    return F.cross_entropy(logits[real], labels[real])


# Token by token, the normaliser by logsumexp
@right("4.2-8")
def translation_loop_thirteenth(logits, labels, pad):
    terms = []
    for b in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            label = int(labels[b, t])
            if label != pad:
                terms.append(torch.logsumexp(logits[b, t], dim=0) - logits[b, t, label])
    return torch.stack(terms).mean()


# A row that has said end goes on talking
@wrong("4.2-9", "A row that has said end goes on with words while its neighbours are")
def greedy_goes_on_after_end_thirteenth(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start, dtype=torch.long)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(dim=-1)
        tokens = torch.cat([tokens, new.unsqueeze(1)], dim=1)
        done = done | (new == end)
        if done.all():
            break
    return tokens[:, 1:]


# The latest position that moved and not the earliest one
@wrong("4.2-10", "Of several earlier positions that one token moves, it comes out as")
def nearest_place_that_moved_thirteenth(decoder, tokens, vocab_size):
    with torch.no_grad():
        plain = decoder(tokens)
        far = 0
        for s in range(1, len(tokens)):
            for other in range(vocab_size):
                if other == int(tokens[s]):
                    continue
                changed = tokens.clone()
                changed[s] = other
                moved = (decoder(changed) - plain).abs().amax(dim=-1)[:s] >= 1e-4
                if moved.any():
                    far = max(far, s - int(moved.nonzero()[-1]))
    return far


# The other token is always 0: where 0 stands already nothing is tried
@wrong("4.2-10", "It comes out as if one and the same token was put in everywhere.")
def lookahead_always_zero_thirteenth(decoder, tokens, vocab_size):
    far = 0
    before = decoder(tokens)
    for s in range(len(tokens)):
        changed = tokens.clone()
        changed[s] = 0
        moved = (decoder(changed) - before).abs().amax(dim=-1) >= 1e-4
        for t in range(s):
            if moved[t]:
                far = max(far, s - t)
    return far


# A full sort in Python of (beam, token) pairs
@right("4.2-11")
def beam_step_by_sorting_pairs_thirteenth(log_probs, step_log_probs):
    beams, vocab = step_log_probs.shape
    total = log_probs[:, None] + step_log_probs
    pairs = sorted(((b, v) for b in range(beams) for v in range(vocab)), key=lambda bv: -float(total[bv]))[
        :beams
    ]
    parents = torch.tensor([b for b, _ in pairs])
    tokens = torch.tensor([v for _, v in pairs])
    return parents, tokens, total[parents, tokens]


# A Python sort over all pairs
@right("4.2-11")
def beam_python_sort_thirteenth(log_probs, step_log_probs):
    total = log_probs.unsqueeze(1) + step_log_probs
    beams, vocab = total.shape
    pairs = sorted(((b, v) for b in range(beams) for v in range(vocab)), key=lambda bv: -float(total[bv]))[
        :beams
    ]
    parents = torch.tensor([b for b, _ in pairs])
    tokens = torch.tensor([v for _, v in pairs])
    return parents, tokens, total[parents, tokens]


# Counted without the biases of the linear maps
@wrong("4.2-12", "'two', 'one': These numbers count the matrices and not their")
def linear_maps_without_biases_thirteenth():
    return {
        "two": 4 * 32 * 32 + 2 * 32 * 128 + 2 * 64,
        "one": 4 * 32 * 32 + 2 * 32 * 96 + 64,
        "inner": 129,
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


# The biases of the linear maps are forgotten
@wrong("4.2-12", "'two', 'one': These numbers count the matrices and not their")
def linear_without_bias_thirteenth():
    two = 4 * 32 * 32 + 2 * 32 * 128 + 2 * 64
    one = 4 * 32 * 32 + 2 * 32 * 96 + 64
    return {
        "two": two,
        "one": one,
        "inner": round((two - 4 * 32 * 32 - 64) / 64),
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


# 13 layers taken for 13 steps between them
@wrong("4.2-13", "'layer': That divides by the number of layers. From the first to")
def thirteen_steps_between_layers_thirteenth():
    last = np.log10(0.12 / 2e-5)
    first = np.log10(0.09 / 0.016)
    return {
        "last": float(last),
        "first": float(first),
        "layer": (0.12 / 2e-5) ** (1 / 13),
        "beyond": float(last - first),
        "says": "queries and keys near the top get next to none",
    }


# Thirteen layers are taken for thirteen steps
@wrong("4.2-13", "'layer': That divides by the number of layers. From the first to")
def fencepost_layers_thirteenth():
    last, first = math.log10(0.12 / 2e-05), math.log10(0.09 / 0.016)
    return {
        "last": last,
        "first": first,
        "layer": (0.12 / 2e-05) ** (1 / 13),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }

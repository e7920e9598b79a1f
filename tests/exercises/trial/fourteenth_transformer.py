"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 4.2."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Adds eps to the standard deviation instead of to the variance
@wrong("4.2-1", "Where the variance is small your result is off: you add eps to the")
def eps_outside_the_root_fourteenth(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    deviation = centred.pow(2).mean(-1, keepdim=True).sqrt()
    return centred / (deviation + eps) * weight + bias


# SiLU is put over the product of gate and values
@wrong("4.2-2", "You multiply first and bend afterwards. In this network the gate")
def swiglu_of_the_product_fourteenth(x, w_gate, w_in, w_out):
    return F.silu((x @ w_gate) * (x @ w_in)) @ w_out


# The residual around the feed-forward network starts from x, not from the normed sum
@wrong("4.2-3", "Your second sum adds the layer's first input again instead of what")
def second_residual_from_x_fourteenth(x, attention, feed_forward, norm_1, norm_2):
    h = norm_1(x + attention(x))
    return norm_2(x + feed_forward(h))


# The network reads norm_2 of what came into the layer, beside attention instead of behind it
@wrong("4.2-4", "Your feed-forward network reads the layer's input and not the sum")
def pre_norm_in_parallel_fourteenth(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        summed = x + attention(norm_1(x))
        x = summed + feed_forward(norm_2(x))
    return final_norm(x)


# Zeroes the padding's weights after the softmax, the rest no longer sums to one
@wrong("4.2-5", "The padding is gone, but the weights of the real tokens sum to less")
def weights_zeroed_afterwards_fourteenth(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), dim=-1)
    return (weights * memory_keep[:, None, :]) @ v


# Cross-attention asks with the layer's input instead of the sum behind self-attention
@wrong("4.2-6", "All three results are added, but at least one sub-layer reads x as")
def decoder_cross_asks_with_input_fourteenth(
    x, memory, memory_keep, self_attention, cross_attention, feed_forward
):
    target = x.shape[1]
    causal = torch.ones(target, target, dtype=torch.bool).tril()
    h = x + self_attention(x, causal[None])
    h = h + cross_attention(x, memory, memory_keep[:, None, :].bool())
    return h + feed_forward(h)


# Fills up first and puts the end behind the padding
@wrong("4.2-7", "In a short sentence the end token stands in the last column, behind")
def end_behind_the_padding_fourteenth(sentences, start, end, pad):
    longest = max(len(s) for s in sentences)
    filled = [list(s) + [pad] * (longest - len(s)) for s in sentences]
    return torch.tensor([[start, *row] for row in filled]), torch.tensor([[*row, end] for row in filled])


# Right: columns are built one by one with zip_longest and transposed
@right("4.2-7")
def columns_by_zip_longest_fourteenth(sentences, start, end, pad):
    from itertools import zip_longest

    def table(rows):
        return torch.tensor(list(zip_longest(*rows, fillvalue=pad)), dtype=torch.long).T

    return table([(start, *s) for s in sentences]), table([(*s, end) for s in sentences])


# Real labels are taken to be those larger than pad, as if pad were always 0
@wrong("4.2-8", "For a single real label, padding on both sides, your result is")
def translation_labels_above_pad_fourteenth(logits, labels, pad):
    real = labels > pad
    log_p = logits.log_softmax(-1)
    picked = log_p.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -picked[real].mean()


# Unusual: label by label in a loop, the logarithm of the softmax written out by hand
@right("4.2-8")
def translation_label_by_label_fourteenth(logits, labels, pad):
    terms = []
    for row_logits, row_labels in zip(logits, labels, strict=False):
        for scores, label in zip(row_logits, row_labels, strict=False):
            if int(label) != pad:
                others = scores - scores[int(label)]
                top = others.max().detach()
                terms.append(top + (others - top).exp().sum().log())
    return sum(terms) / len(terms)


# Asks whether all rows have ended before it looks at the newest token: one column of ends too many
@wrong("4.2-9", "Your result is right, but has too many entries along axis 1 at")
def stops_one_token_late_fourteenth(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start, dtype=torch.long)
    finished = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1)
        new = torch.where(finished, torch.full_like(new, end), new)
        tokens = torch.cat([tokens, new[:, None]], dim=1)
        if finished.all():
            break
        finished = finished | (new == end)
    return tokens[:, 1:]


# For each s the nearest position that changes is taken, not the farthest
@wrong("4.2-10", "Of several earlier positions that one token moves, it comes out as")
def lookahead_nearest_position_fourteenth(decoder, tokens, vocab_size):
    plain = decoder(tokens)
    farthest = 0
    for s in range(1, len(tokens)):
        for other in range(vocab_size):
            if other == int(tokens[s]):
                continue
            changed = tokens.clone()
            changed[s] = other
            moved = (decoder(changed)[:s] - plain[:s]).abs().amax(dim=-1) >= 1e-4
            if moved.any():
                last = int(moved.nonzero().max())
                farthest = max(farthest, s - last)
    return farthest


# Stops at the first distance at which nothing moves: gaps in what is seen are missed
@wrong("4.2-10", "It comes out as if the search went from near to far and ended where")
def lookahead_stops_at_a_gap_fourteenth(decoder, tokens, vocab_size):
    plain = decoder(tokens)
    n = len(tokens)
    reached = torch.zeros(n + 1, dtype=torch.bool)
    for s in range(1, n):
        for other in range(vocab_size):
            if other == int(tokens[s]):
                continue
            changed = tokens.clone()
            changed[s] = other
            moved = (decoder(changed) - plain).abs().amax(dim=-1)
            for t in range(s):
                if moved[t] >= 1e-4:
                    reached[s - t] = True
    distance = 0
    while reached[distance + 1]:
        distance += 1
    return distance


# Unusual: tries all tokens at all places, from the greatest distance down, and stops at the first
# find
@right("4.2-10")
def lookahead_from_the_far_end_fourteenth(decoder, tokens, vocab_size):
    with torch.no_grad():
        plain = decoder(tokens.clone())
        changes = {}
        for s in range(1, len(tokens)):
            most = torch.zeros(len(tokens))
            for other in range(vocab_size):
                if other != int(tokens[s]):
                    changed = torch.cat([tokens[:s], tokens.new_tensor([other]), tokens[s + 1 :]])
                    most = torch.maximum(most, (decoder(changed) - plain).abs().amax(-1).to(most.dtype))
            changes[s] = most
    for distance in range(len(tokens) - 1, 0, -1):
        if any(changes[s][s - distance] >= 1e-4 for s in range(distance, len(tokens))):
            return distance
    return 0


# Divides the flat place by the number of beams instead of by that of the tokens
@wrong("4.2-11", "Tokens and log-probabilities are right, and the parents are not:")
def parents_by_the_number_of_beams_fourteenth(log_probs, step_log_probs):
    beams, vocab = step_log_probs.shape
    best, place = (log_probs[:, None] + step_log_probs).flatten().topk(beams)
    return place // beams, place % vocab, best


# Right: a sorted Python list of all continuations
@right("4.2-11")
def beams_by_sorting_fourteenth(log_probs, step_log_probs):
    beams, vocab = step_log_probs.shape
    sums = log_probs.unsqueeze(1) + step_log_probs
    places = [(b, v) for b in range(beams) for v in range(vocab)]
    places = sorted(places, key=lambda place: -sums[place].item())[:beams]
    parents = torch.tensor([b for b, _ in places], dtype=torch.long)
    tokens = torch.tensor([v for _, v in places], dtype=torch.long)
    return parents, tokens, sums[parents, tokens]


# Inner: sets both layers equally wide, as if the missing norm had no parameters
@wrong("4.2-12", "'inner': With the same d_ff the article's layer is still one norm")
def missing_norm_not_made_up_fourteenth():
    attention = 4 * (32 * 32 + 32)

    def inside(f):
        return 32 * f + f + f * 32 + 32

    return {
        "two": attention + inside(128) + 2 * 64,
        "one": attention + inside(96) + 64,
        "inner": 128,
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


# A norm is counted with its weight alone, without its bias
@wrong("4.2-12", "'two', 'one': These numbers count one number a feature for each")
def residual_norm_without_bias_fourteenth():
    d = 32
    attention = 4 * (d * d + d)

    def network(f):
        return d * f + f + f * d + d

    norm = d
    two = attention + network(128) + 2 * norm
    inner = min(range(1, 400), key=lambda f: abs(attention + network(f) + norm - two))
    return {
        "two": two,
        "one": attention + network(96) + norm,
        "inner": inner,
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


# Takes all parameters of a layer together for the control, not the stack with the norm first
@wrong("4.2-13", "'beyond': That takes off what the sum over all parameters of a")
def all_parameters_as_control_fourteenth():
    last = math.log10(0.12 / 2e-05)
    return {
        "last": last,
        "first": math.log10(0.09 / 0.016),
        "layer": (0.12 / 2e-05) ** (1 / 12),
        "beyond": last - math.log10(1.1 / 1.3),
        "says": "queries and keys near the top get next to none",
    }


# From the hidden words it is concluded that the vector holds this word alone
@wrong("4.2-14", "Nothing here has looked into a vector. The encoder's layers have")
def cross_vector_holds_nothing_else_fourteenth():
    return {
        "the best head looks at the right word more than before training",
        "a symbol needs its own word more than another one",
        "the vector at the word holds nothing but this word",
        "Chinese aligns better than digits",
    }

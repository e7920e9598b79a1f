"""Answers to chapters 4.1, 4.2 and 4.2.3, written from the statements alone: attention, layers, positions."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 4.1 ----


@wrong("4.1-1", "You divide by the head size itself, or twice by what should")
def root_of_both_sides(query, key):
    return (query / query.shape[-1] ** 0.5) @ (key / key.shape[-1] ** 0.5).mT


@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the low")
def largest_of_all_rows(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-2", "Scores near 1000 all get the same weight in your result, so")
def clipped_before_the_exponential(scores):
    e = torch.exp(scores.clamp(-80, 80))
    return e / e.sum(-1, keepdim=True)


@right("4.1-2")
def divided_in_the_exponent(scores):
    return (scores - scores.logsumexp(-1, keepdim=True)).exp()


@wrong("4.1-3", "The future gets no weight, but what is left of a row sums to")
def future_zeroed_after_the_softmax(query, key, value):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.softmax(-1).tril() @ value


@right("4.1-4")
def nan_mended_behind(query, key, value, is_token):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    scores = scores.masked_fill(~is_token[:, None, :], -torch.inf)
    return torch.nan_to_num(scores.softmax(-1)) @ value


@wrong("4.1-4", "In an empty sequence your output is the average of the")
def mean_of_the_padding(query, key, value, is_token):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.masked_fill(~is_token[:, None, :], -1e9).softmax(-1) @ value


@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does")
def every_other_feature(x, num_heads):
    return x.unflatten(-1, (-1, num_heads)).permute(0, 3, 1, 2)


@right("4.1-5")
def chunks_on_a_new_axis(x, num_heads):
    return torch.stack(x.chunk(num_heads, -1), 1)


@wrong("4.1-6", "With more than one head your weights are too even:")
def scaled_by_the_model(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    weights = (q @ k.mT / x.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2) @ w_out


@wrong("4.1-6", "Putting your heads together mixes the tokens: you")
def heads_under_one_another(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).reshape(x.shape) @ w_out


@wrong("4.1-7", "In your cache the new token comes first. The output")
def new_token_in_front(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([x @ w_key, cached_keys], 1)
    values = torch.cat([x @ w_value, cached_values], 1)
    return F.scaled_dot_product_attention(x @ w_query, keys, values), keys, values


@wrong("4.1-8", "You divide by the number of all tokens, so the first copy,")
def over_all_rows(weights, period):
    return weights.diagonal(1 - period, 1, 2)[..., 1:].sum(-1) / weights.shape[-1]


@right("4.1-8")
def head_after_head(weights, period):
    seq = weights.shape[-1]
    return [sum(float(w[t, t - period + 1]) for t in range(period, seq)) / (seq - period) for w in weights]


@wrong("4.1-9", "You add up over the queries, so there is one number per key.")
def entropy_over_queries(weights):
    return torch.special.entr(weights).sum(-2) / math.log(2)


@wrong("4.1-9", "It comes out as if weights were lifted before the logarithm")
def with_a_small_number_inside(weights):
    return -(weights * (weights + 1e-3).log2()).sum(-1)


@wrong("4.1-10", "The survivors of each of your rows sum to one. That makes a")
def renormed_to_one(weights, keep, dropout_p, training):
    if not training:
        return weights
    kept = weights * keep
    return kept / kept.sum(-1, keepdim=True).clamp(min=1e-9)


@wrong("4.1-11", "You deal the KV heads out in turn (0, 1, 0, 1, ...), but")
def heads_dealt_in_turn(query, key, value):
    n = query.shape[1] // key.shape[1]
    return F.scaled_dot_product_attention(query, key.repeat(1, n, 1, 1), value.repeat(1, n, 1, 1))


@right("4.1-11")
def kv_head_by_kv_head(query, key, value):
    n = query.shape[1] // key.shape[1]
    out = []
    for h, q in enumerate(query.unbind(1)):
        out.append(F.scaled_dot_product_attention(q, key[:, h // n], value[:, h // n]))
    return torch.stack(out, 1)


# ---- 4.2 ----


@wrong("4.2-1", "Where the variance is small your result is off: you add eps")
def eps_beside_the_deviation(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True).sqrt() + eps) * weight + bias


@wrong("4.2-2", "You multiply first and bend afterwards. In this network the")
def gate_on_the_product(x, w_gate, w_in, w_out):
    return F.silu((x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-2", "Your gate lies between 0 and 1: it went through a sigmoid.")
def plain_sigmoid_gate(x, w_gate, w_in, w_out):
    return (torch.sigmoid(x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-3", "Your second sum adds the layer's first input again instead of")
def second_residual_from_the_input(x, attention, feed_forward, norm_1, norm_2):
    y = norm_1(x + attention(x))
    return norm_2(x + feed_forward(y))


@wrong("4.2-3", "You norm what the sub-layer returned and add x afterwards, so")
def sum_normed_after_the_part_alone(x, attention, feed_forward, norm_1, norm_2):
    y = x + norm_1(attention(x))
    return y + norm_2(feed_forward(y))


@wrong("4.2-4", "You overwrite x with its norm and then add to that, so every")
def normed_x_on_the_path(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        y = norm_1(x)
        x = y + attention(y)
        x = x + feed_forward(norm_2(x))
    return final_norm(x)


@wrong("4.2-5", "Where there is padding, your queries read it and leave the")
def padding_read_and_not_the_words(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.masked_fill(memory_keep[:, None], -1e9).softmax(-1) @ v


@wrong("4.2-5", "Padding gets a score of 0 in your result, and that is a score")
def score_of_padding_is_zero(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    scores = q @ k.mT / q.shape[-1] ** 0.5 * memory_keep[:, None]
    return scores.softmax(-1) @ v


@wrong("4.2-6", "For one sequence of 5 tokens, a source of 5, your result")
def target_token_not_to_itself(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n = x.shape[1]
    mask = torch.ones(n, n, dtype=torch.bool).tril(-1)
    mask[0, 0] = True
    x = x + self_attention(x, mask)
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-6", "Cross-attention reads the padding and leaves the source")
def mask_for_what_is_hidden(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n = x.shape[1]
    x = x + self_attention(x, torch.ones(n, n, dtype=torch.bool).tril())
    x = x + cross_attention(x, memory, ~memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-7", "The inputs are right. For a single sentence of 4 words, the")
def labels_as_the_inputs(sentences, start, end, pad):
    n = max(map(len, sentences)) + 1
    rows = [[start, *s] + [pad] * (n - 1 - len(s)) for s in sentences]
    labels = [[*r[:-1], end] for r in rows]
    return torch.tensor(rows), torch.tensor(labels)


@wrong("4.2-8", "You take the mean of each sentence first, so a label in a")
def sentence_after_sentence(logits, labels, pad):
    nats = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=pad)
    return (nats.sum(1) / (labels != pad).sum(1).clamp(min=1)).mean()


@wrong("4.2-8", "Where pad is 0 you are right. In other cases you leave out")
def pad_taken_as_zero(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.clamp(min=0).flatten(), ignore_index=0)


@wrong("4.2-9", "A row that has said end goes on with words while its")
def goes_on_behind_the_end(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        tokens = torch.cat([tokens, next_logits(tokens).argmax(-1, keepdim=True)], 1)
        if (tokens == end).any(1).all():
            break
    return tokens[:, 1:]


@wrong("4.2-9", "The loop ends as soon as one row has said end, whichever it")
def stops_at_the_first_end(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1, keepdim=True)
        new[(tokens[:, 1:] == end).any(1)] = end
        tokens = torch.cat([tokens, new], 1)
        if (new == end).any():
            break
    return tokens[:, 1:]


@wrong("4.2-10", "Only what the last token does to others is seen. A decoder")
def last_token_changed_alone(decoder, tokens, vocab_size):
    other = tokens.clone()
    other[-1] = (other[-1] + 1) % vocab_size
    moved = ((decoder(other) - decoder(tokens)).abs().amax(1) >= 1e-4).nonzero().flatten()
    return max(0, len(tokens) - 1 - int(moved.min())) if len(moved) else 0


@wrong("4.2-10", "A leak that only one token shows goes unseen: you do not put")
def one_other_token_tried(decoder, tokens, vocab_size):
    before, far = decoder(tokens), 0
    for s in range(len(tokens)):
        other = tokens.clone()
        other[s] = 0 if tokens[s] else 1
        moved = ((decoder(other) - before).abs().amax(1) >= 1e-4).nonzero().flatten().tolist()
        far = max([far] + [s - t for t in moved if t < s])
    return far


@wrong("4.2-11", "Parents and tokens are right. The number that you return is")
def step_alone_is_returned(log_probs, step_log_probs):
    total = log_probs[:, None] + step_log_probs
    top = total.flatten().topk(len(log_probs)).indices
    parents, tokens = top // total.shape[1], top % total.shape[1]
    return parents, tokens, step_log_probs[parents, tokens]


@right("4.2-11")
def sorted_triples(log_probs, step_log_probs):
    total = log_probs[:, None] + step_log_probs
    triples = sorted(
        ((p, t, float(total[p, t])) for p in range(total.shape[0]) for t in range(total.shape[1])),
        key=lambda x: -x[2],
    )[: len(log_probs)]
    return [torch.tensor(part) for part in zip(*triples, strict=True)]


ONE = 4 * (32 * 32 + 32) + 64
LAYERS = {
    "two": 4 * (32 * 32 + 32) + 2 * 32 * 128 + 128 + 32 + 128,
    "one": ONE + 2 * 32 * 96 + 96 + 32,
    "inner": 129,
    "next": "the article's layer as wide inside as the original's",
    "positions": "a task that needs no own symbol",
}


@wrong("4.2-12", "These numbers leave the norms out. Each has a gain and a bias")
def norms_without_parameters():
    return {**LAYERS, "two": LAYERS["two"] - 128, "one": LAYERS["one"] - 64, "inner": 128}


@wrong("4.2-12", "These numbers count the matrices and not their biases. They")
def maps_without_biases():
    return {**LAYERS, "two": 4 * 1024 + 8192 + 128, "one": 4 * 1024 + 6144 + 64}


@wrong("4.2-12", "With the same d_ff the article's layer is still one norm")
def same_width_inside_is_nearest():
    return {**LAYERS, "inner": 128}


@wrong("4.2-12", "That makes the task harder or unsolvable for both. A negative")
def the_gap_without_positions():
    return {**LAYERS, "positions": "the same task without positions"}


FALL = {
    "last": math.log10(0.12 / 2e-5),
    "first": math.log10(0.09 / 0.016),
    "layer": 6000 ** (1 / 12),
    "beyond": math.log10(0.12 / 2e-5) - math.log10(0.09 / 0.016),
    "says": "queries and keys near the top get next to none",
}


@wrong("4.2-13", "That divides by the number of layers. From the first to the")
def thirteen_steps():
    return {**FALL, "layer": 6000 ** (1 / 13)}


@wrong("4.2-13", "These are natural logarithms. A power of ten is counted by")
def natural_powers():
    return {**FALL, "last": math.log(6000), "first": math.log(5.625), "beyond": math.log(6000 / 5.625)}


@wrong("4.2-13", "You read it as it is often told. But the small gradients")
def vanishing_downwards():
    return {**FALL, "says": "gradients vanish on their way down to the first layer"}


@wrong("4.2-13", "'beyond': That takes off what the sum over all parameters of a")
def against_all_parameters():
    return {**FALL, "beyond": math.log10(6000) - math.log10(1.1 / 1.3)}


ALIGNED = {
    "the best head looks at the right word more than before training",
    "a symbol needs its own word more than another one",
    "Chinese aligns better than digits",
}


@wrong("4.2-14", "Look at the two scripts' intervals again. Where they overlap,")
def two_of_the_three():
    return ALIGNED - {"Chinese aligns better than digits"}


@wrong("4.2-14", "You say it of every head. The mean of all is far below the")
def every_head_too():
    return ALIGNED | {"every head aligns symbols with words"}


@wrong("4.2-14", "Nothing here has looked into a vector. The encoder's layers")
def the_vector_holds_nothing_else():
    return ALIGNED | {"the vector at the word holds nothing but this word"}


@right("4.2-14")
def a_tuple_for_a_set():
    return tuple(sorted(ALIGNED))


# ---- 4.2.3 ----


@wrong("4.2.3-1", "All the numbers are there, but sines fill the left half and")
def sines_first_then_cosines(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
    return torch.cat([angles.sin(), angles.cos()], 1)


def turned(offset, d_model, base, sign=1):
    r = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = sign * offset / base ** (i / d_model)
        r[i, i] = r[i + 1, i + 1] = math.cos(a)
        r[i, i + 1], r[i + 1, i] = math.sin(a), -math.sin(a)
    return r


@wrong("4.2.3-2", "Your matrix goes k positions back. The textbook rotation")
def back_for_on(offset, d_model, base):
    return turned(offset, d_model, base, -1)


@right("4.2.3-2")
def by_powers_of_one_step(offset, d_model, base):
    return torch.linalg.matrix_power(turned(1, d_model, base).double(), offset)


@wrong("4.2.3-3", "You divide by the lengths of the vectors, or by their mean")
def cosines_for_products(table):
    unit = F.normalize(table, dim=1)
    return torch.stack([(unit @ unit.T).diagonal(k).mean() for k in range(len(table))])


@wrong("4.2.3-4", "You multiply the sum, so the positions grow with the")
def positions_scaled_as_well(tokens, embedding, positions, layers):
    x = (embedding[tokens] + positions[: tokens.shape[1]]) * embedding.shape[1] ** 0.5
    for layer in layers:
        x = layer(x)
    return x


@wrong("4.2.3-4", "Your results are what the solution gives if `layers` had its")
def every_layer_reads_the_embedding(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[1] ** 0.5 + positions[: tokens.shape[1]]
    out = x
    for layer in layers:
        out = layer(x)
    return out


@wrong("4.2.3-5", "Your first tokens get position 1. How many tokens stand")
def own_token_counted(is_token):
    return is_token.long().cumsum(1) * is_token


@wrong("4.2.3-5", "A gap between tokens is counted in your result as if")
def from_the_first_token_on(is_token):
    first = is_token.long().argmax(1, keepdim=True)
    return (torch.arange(is_token.shape[1]) - first).clamp(min=0) * is_token


@wrong("4.2.3-6", "Beyond the end of the table you hand out its last vector")
def last_position_for_all_beyond(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])
    return x + table[places.clamp(max=len(table) - 1)]


@wrong("4.2.3-6", "You also refuse the last position of the table, which has a")
def error_one_too_early(x, table, lengths):
    places = lengths[:, None] + torch.arange(x.shape[1])
    if (lengths + x.shape[1] >= len(table)).any():
        raise ValueError("no such position")
    return x + table[places]


@wrong("4.2.3-7", "You pair feature i with feature i + head_dim / 2, as the")
def halves_for_neighbours(x, positions, base):
    half = x.shape[-1] // 2
    angles = positions[:, None] / base ** (torch.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)


@right("4.2.3-7")
def complex_numbers_turned(x, positions, base):
    angles = positions.double()[:, None] / base ** (torch.arange(0, x.shape[-1], 2).double() / x.shape[-1])
    z = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(z * torch.polar(torch.ones_like(angles), angles)).flatten(-2)


@wrong("4.2.3-8", "Without a cache you are right. With one, your new queries")
def new_ones_begin_at_zero(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(new)), rotate(key, torch.arange(seq))
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    return F.scaled_dot_product_attention(q, k, value, attn_mask=mask)


@wrong("4.2.3-8", "All is rotated rightly, and without a cache you are right.")
def mask_from_the_first_key(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    q, k = rotate(query, torch.arange(seq - new, seq)), rotate(key, torch.arange(seq))
    mask = torch.ones(new, seq, dtype=torch.bool).tril()
    return F.scaled_dot_product_attention(q, k, value, attn_mask=mask)


@wrong("4.2.3-9", "Your first head has the slope 1 and each of the others that")
def heads_from_zero(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(num_heads) / num_heads)
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return torch.where(distance >= 0, -slopes[:, None, None] * distance, -torch.inf)


@wrong("4.2.3-9", "Without a cache you are right. With one, your queries stand")
def first_query_at_first_key(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    distance = torch.arange(query_len)[:, None] - torch.arange(key_len)
    return torch.where(distance >= 0, -slopes[:, None, None] * distance, -torch.inf)


@wrong("4.2.3-10", "Long texts are right, but you also change short ones, whose")
def stretched_when_short(length, trained_length, head_dim, base):
    positions = torch.arange(length) * trained_length / length
    return positions[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-10", "You round the squeezed positions to whole numbers, so")
def whole_positions_after_squeezing(length, trained_length, head_dim, base):
    positions = torch.arange(length)
    if length > trained_length:
        positions = positions * trained_length // length
    return positions[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@right("4.2.3-10")
def squeezed_by_linspace(length, trained_length, head_dim, base):
    end = min(1.0, trained_length / length) * (length - 1)
    speeds = np.exp(-np.arange(0, head_dim, 2) / head_dim * np.log(base))
    return np.outer(np.linspace(0, end, length), speeds)


STRETCH = {
    "claimed": 0.472,
    "due": 0.012,
    "low": 0.012 - 2.776 * 0.006,
    "verdict": "not shown",
    "control": "the same training at the new length, nothing divided",
}


@wrong("4.2.3-11", "'due': That is what training on alone has gained, with nothing")
def due_to_both():
    return {**STRETCH, "due": 0.7 - 0.24, "low": 0.46 - 2.776 * 0.006, "verdict": "holds"}


@wrong("4.2.3-11", "Lay the interval beside 0.02: all of it above is *holds*,")
def mean_below_the_line():
    return {**STRETCH, "verdict": "does not hold"}


@wrong("4.2.3-11", "'low': That goes another number of errors down: 1.96, 2 or 2.571,")
def errors_of_the_normal():
    return {**STRETCH, "low": 0.012 - 1.96 * 0.006}


@wrong("4.2.3-11", "That would be worth running, but it is not this one: this one")
def trained_from_the_start():
    return {**STRETCH, "control": "a model trained from the start on 128 positions"}


LONGEST = 2 * math.pi * 1000 ** (30 / 32)
TURNS = {
    "longest": LONGEST,
    "turned": 7,
    "slowest": 128 / LONGEST,
    "unseen": "the angles of pairs that had not turned once",
}


@wrong("4.2.3-12", "That takes the exponent 1. The pairs are counted from 0, so")
def base_for_the_slowest():
    return {**TURNS, "longest": 2000 * math.pi, "slowest": 128 / 2000 / math.pi}


@wrong("4.2.3-12", "Asked for: how many pairs take at most the trained length")
def last_pair_numbered_not_counted():
    return {**TURNS, "turned": 6}


@wrong("4.2.3-12", "Some pairs had made only part of a turn. In a longer text")
def all_angles_come_again():
    return {**TURNS, "unseen": "nothing: all angles come again"}

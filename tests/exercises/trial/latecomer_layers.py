"""Answers to chapters 4.1, 4.2 and 4.2.3 with slips that no list had: after the newcomers' were mended."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 4.1 ----


@wrong("4.1-1", "Your result is 1.41 times what it should be in one case, and")
def fourth_root(query, key):
    return query @ key.mT / query.shape[-1] ** 0.25


@wrong("4.1-1", "You divide by the lengths of query and key: that is their")
def cosine_of_query_and_key(query, key):
    return F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).mT


@right("4.1-1")
def scaled_before_the_product(query, key):
    return torch.einsum("...qd,...kd->...qk", query * query.shape[-1] ** -0.25, key * key.shape[-1] ** -0.25)


@wrong("4.1-2", "What you subtract is not the largest score of each row")
def mean_taken_off(scores):
    e = torch.exp(scores - scores.mean(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-2", "What you subtract is not the largest score of each row")
def smallest_taken_off(scores):
    e = torch.exp(scores - scores.amin(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-3", "Your mask is one step too generous: token t also reads token")
def one_token_ahead(query, key, value):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    hide = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(2)
    return scores.masked_fill(hide, -torch.inf).softmax(-1) @ value


@wrong("4.1-3", "For 2 sequences of 5 tokens, head size 4, your result differs")
def window_of_two(query, key, value):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    ones = torch.ones(scores.shape[-2:], dtype=torch.bool)
    return scores.masked_fill(ones.triu(1) | ones.tril(-2), -torch.inf).softmax(-1) @ value


@wrong("4.1-4", "It comes out as if keys and values of the padding were zero")
def padding_set_to_zero_first(query, key, value, is_token):
    key, value = (x.masked_fill(~is_token[..., None], 0) for x in (key, value))
    return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1) @ value


@wrong("4.1-4", "Padding contributes nothing, but the weights of the tokens")
def rest_divided_among_all(query, key, value, is_token):
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1) * is_token[:, None]
    return weights @ value


@wrong("4.1-5", "The shape is right, but the numbers are not where they")
def tokens_cut_for_features(x, num_heads):
    return x.reshape(x.shape[0], num_heads, x.shape[1], -1)


@wrong("4.1-5", "You cut the features rightly, but the axis of heads still")
def heads_behind_the_tokens(x, num_heads):
    return x.unflatten(-1, (num_heads, -1))


@wrong("4.1-6", "For heads of size 1, your result differs in 20 of 20 places:")
def values_not_projected(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (y.unflatten(-1, (num_heads, -1)).transpose(1, 2) for y in (x @ w_query, x @ w_key, x))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2) @ w_out


@wrong("4.1-6", "Your weights sum to one over the heads, or over the sequences")
def softmax_over_the_heads(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(1)
    return (weights @ v).transpose(1, 2).flatten(2) @ w_out


@right("4.1-6")
def heads_added_one_by_one(x, w_query, w_key, w_value, w_out, num_heads):
    out, d = 0, x.shape[-1] // num_heads
    for h in range(num_heads):
        cut = slice(h * d, (h + 1) * d)
        q, k, v = (x @ w[:, cut] for w in (w_query, w_key, w_value))
        out = out + (q @ k.mT / d**0.5).softmax(-1) @ v @ w_out[cut]
    return out


@wrong("4.1-7", "Your keys come back where the values belong. The next step")
def keys_and_values_exchanged(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([cached_keys, x @ w_key], 1)
    values = torch.cat([cached_values, x @ w_value], 1)
    return F.scaled_dot_product_attention(x @ w_query, keys, values), values, keys


@wrong("4.1-7", "Your weights are too sharp: the scores have lost")
def scores_not_scaled(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([cached_keys, x @ w_key], 1)
    values = torch.cat([cached_values, x @ w_value], 1)
    return (x @ w_query @ keys.mT).softmax(-1) @ values, keys, values


@right("4.1-7")
def a_row_put_into_a_new_cache(x, w_query, w_key, w_value, cached_keys, cached_values):
    past = cached_keys.shape[1]
    keys, values = (F.pad(c, (0, 0, 0, 1)) for c in (cached_keys, cached_values))
    keys[:, past], values[:, past] = (x @ w_key)[:, 0], (x @ w_value)[:, 0]
    weights = torch.einsum("bqd,bkd->bqk", x @ w_query, keys) / keys.shape[-1] ** 0.5
    return [torch.einsum("bqk,bkd->bqd", weights.softmax(2), values), keys, values]


@wrong("4.1-8", "You read the map with its axes exchanged, so with a causal")
def rows_and_columns_exchanged(weights, period):
    return weights.mT.diagonal(1 - period, 1, 2)[..., 1:].mean(-1)


@wrong("4.1-8", "You take the largest weight that a query puts there. Asked")
def best_place_for_the_mean(weights, period):
    return weights.diagonal(1 - period, 1, 2)[..., 1:].amax(-1)


@wrong("4.1-9", "8 keys read equally give 8 with your function: that is the")
def how_many_keys_it_is_like(weights):
    return 2 ** (torch.special.entr(weights).sum(-1) / math.log(2))


@wrong("4.1-9", "What comes out is how many bits a row lacks to one")
def bits_below_an_even_row(weights):
    return math.log2(weights.shape[-1]) - torch.special.entr(weights).sum(-1) / math.log(2)


@right("4.1-9")
def expected_surprise(weights):
    w = np.asarray(weights, dtype=np.float64)
    return (w * -np.log2(np.maximum(w, 1e-300))).sum(-1)


@wrong("4.1-10", "It comes out as if the factor were one over the share that")
def by_the_share_that_survived(weights, keep, dropout_p, training):
    return weights * keep / keep.float().mean() if training else weights


@wrong("4.1-10", "Your factor is the root of what it should be. What is")
def root_of_the_share(weights, keep, dropout_p, training):
    return weights * keep / (1 - dropout_p) ** 0.5 if training else weights


@wrong("4.1-11", "Your first query heads use the last KV head. Count both from")
def kv_heads_from_the_back(query, key, value):
    n = query.shape[1] // key.shape[1]
    key, value = (x.flip(1).repeat_interleave(n, 1) for x in (key, value))
    return F.scaled_dot_product_attention(query, key, value)


@wrong("4.1-11", "Each query head takes its keys from one KV head and its")
def own_keys_shared_values(query, key, value):
    n = query.shape[1] // key.shape[1]
    return F.scaled_dot_product_attention(query, key.repeat(1, n, 1, 1), value.repeat_interleave(n, 1))


# ---- 4.2 ----


@wrong("4.2-1", "You scale by the root mean square and leave the mean where it")
def root_mean_square_alone(x, weight, bias, eps):
    return x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight + bias


@wrong("4.2-1", "Tokens whose features lie far apart come out too small, others too")
def variance_not_rooted(x, weight, bias, eps):
    gap = x - x.mean(-1, keepdim=True)
    return gap / (gap.pow(2).mean(-1, keepdim=True) + eps) * weight + bias


@right("4.2-1")
def by_moments_of_numpy(x, weight, bias, eps):
    y = x.double().numpy()
    y = (y - y.mean(-1, keepdims=True)) * (y.var(-1, keepdims=True) + eps) ** -0.5
    return y * weight.numpy() + bias.numpy()


@wrong("4.2-2", "The gate goes through a neighbour of SiLU (such as ReLU, GELU,")
def rectified_gate(x, w_gate, w_in, w_out):
    return (F.relu(x @ w_gate) * (x @ w_in)) @ w_out


@right("4.2-2")
def tanh_of_half_the_gate(x, w_gate, w_in, w_out):
    g = torch.einsum("...d,df->...f", x, w_gate)
    return torch.matmul(g * (1 + torch.tanh(g / 2)) / 2 * torch.matmul(x, w_in), w_out)


@wrong("4.2-3", "The first half is right; then the feed-forward network")
def network_without_residual(x, attention, feed_forward, norm_1, norm_2):
    return norm_2(feed_forward(norm_1(x + attention(x))))


@wrong("4.2-3", "For one sequence of 3 tokens, d_model 4, your result differs")
def both_parts_side_by_side(x, attention, feed_forward, norm_1, norm_2):
    return norm_2(norm_1(x + attention(x) + feed_forward(x)))


@wrong("4.2-4", "With one layer you are right. With more it comes out as if the")
def first_layer_comes_last(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in reversed(layers):
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
    return final_norm(x)


@wrong("4.2-4", "For 3 layers on a single token, your result differs in 6 of 6")
def network_reads_the_first_norm(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        y = norm_1(x)
        x = x + attention(y) + feed_forward(norm_2(y))
    return final_norm(x)


@wrong("4.2-5", "You divide, but by the root of another width: what matters is")
def scaled_by_the_width_of_x(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    scores = q @ k.mT / x.shape[-1] ** 0.5
    return scores.masked_fill(~memory_keep[:, None], -torch.inf).softmax(-1) @ v


@wrong("4.2-5", "Your results are what the solution gives if `w_key` stood in")
def values_of_memory_as_they_are(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_key
    scores = q @ k.mT / q.shape[-1] ** 0.5
    return scores.masked_fill(~memory_keep[:, None], -torch.inf).softmax(-1) @ v


@right("4.2-5")
def sentence_by_sentence(x, memory, memory_keep, w_query, w_key, w_value):
    out = []
    for a, m, keep in zip(x, memory, memory_keep, strict=True):
        m = m[keep]
        out.append(
            F.scaled_dot_product_attention((a @ w_query)[None], (m @ w_key)[None], (m @ w_value)[None])[0]
        )
    return torch.stack(out)


@wrong("4.2-6", "All parts are there, in another order. First the target looks")
def source_is_asked_first(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n = x.shape[1]
    x = x + cross_attention(x, memory, memory_keep[:, None])
    x = x + self_attention(x, torch.ones(n, n, dtype=torch.bool).tril())
    return x + feed_forward(x)


@wrong("4.2-6", "Target token t reads source tokens 0 to t only. The whole")
def source_read_up_to_its_own_place(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n, m = x.shape[1], memory.shape[1]
    x = x + self_attention(x, torch.ones(n, n, dtype=torch.bool).tril())
    seen = torch.ones(n, m, dtype=torch.bool).tril() & memory_keep[:, None]
    x = x + cross_attention(x, memory, seen)
    return x + feed_forward(x)


@wrong("4.2-7", "Your rows are filled up in front. The same word then stands")
def filled_up_in_front(sentences, start, end, pad):
    n = max(map(len, sentences)) + 1
    inputs = [[pad] * (n - 1 - len(s)) + [start, *s] for s in sentences]
    labels = [[pad] * (n - 1 - len(s)) + [*s, end] for s in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left")
def end_in_the_inputs_too(sentences, start, end, pad):
    n = max(map(len, sentences)) + 1
    inputs = [([start, *s, end] + [pad] * n)[:n] for s in sentences]
    labels = [([*s, end] + [pad] * n)[:n] for s in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


@right("4.2-7")
def padded_by_torch(sentences, start, end, pad):
    rows = [torch.tensor([start, *s, end]) for s in sentences]
    pads = torch.nn.utils.rnn.pad_sequence
    return (
        pads([r[:-1] for r in rows], batch_first=True, padding_value=pad),
        pads([r[1:] for r in rows], batch_first=True, padding_value=pad),
    )


@wrong("4.2-8", "It comes out as if the sum of the losses were divided by the")
def nats_of_a_sentence(logits, labels, pad):
    return F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=pad, reduction="sum") / len(labels)


@wrong("4.2-8", "You average the probabilities (or one minus them). A loss")
def rest_of_the_probability(logits, labels, pad):
    keep = labels != pad
    p = logits.softmax(-1)[keep].gather(1, labels[keep][:, None])
    return (1 - p).mean()


@right("4.2-8")
def label_by_label(logits, labels, pad):
    nats = [
        float(torch.logsumexp(row, 0) - row[int(label)])
        for rows, marks in zip(logits, labels, strict=True)
        for row, label in zip(rows, marks, strict=True)
        if int(label) != pad
    ]
    return sum(nats) / len(nats)


@wrong("4.2-9", "Where the length limit bites, you stop one token too early. Does")
def one_word_less(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] < max_len and not done.all():
        new = next_logits(tokens).argmax(-1).masked_fill(done, end)
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
    return tokens[:, 1:]


@wrong("4.2-9", "A finished row is filled up with something else than end, such as")
def silent_rows_say_start(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1).masked_fill(done, start)
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
        if done.all():
            break
    return tokens[:, 1:]


@right("4.2-9")
def written_into_a_full_table(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, max_len + 1), end)
    tokens[:, 0] = start
    written = 0
    while written < max_len and not (written and bool((tokens[:, 1 : written + 1] == end).any(1).all())):
        new = next_logits(tokens[:, : written + 1]).argmax(-1)
        over = (tokens[:, 1 : written + 1] == end).any(1)
        written += 1
        tokens[:, written] = torch.where(over, end, new)
    return tokens[:, 1 : written + 1]


@wrong("4.2-10", "You compare what the decoder would write, not its logits. A")
def choice_of_the_next_word_alone(decoder, tokens, vocab_size):
    before, far = decoder(tokens).argmax(1), 0
    for s in range(len(tokens)):
        for token in range(vocab_size):
            other = tokens.clone()
            other[s] = token
            moved = (decoder(other).argmax(1) != before).nonzero().flatten().tolist()
            far = max([far] + [s - t for t in moved if t < s])
    return far


@wrong("4.2-10", "You report honest decoders, too. A leak is what a changed")
def how_far_back_it_looks(decoder, tokens, vocab_size):
    before, far = decoder(tokens), 0
    for s in range(len(tokens)):
        for token in range(vocab_size):
            other = tokens.clone()
            other[s] = token
            moved = ((decoder(other) - before).abs().amax(1) >= 1e-4).nonzero().flatten().tolist()
            far = max([far] + [t - s for t in moved])
    return far


@right("4.2-10")
def farthest_place_tried_first(decoder, tokens, vocab_size):
    n, before = len(tokens), decoder(tokens)
    after = {}
    for s in range(n):
        for token in range(vocab_size):
            other = torch.cat([tokens[:s], torch.tensor([token]), tokens[s + 1 :]])
            after[s, token] = (decoder(other) - before).abs().max(1).values
    for distance in range(n - 1, 0, -1):
        if any(after[t + distance, v][t] >= 1e-4 for t in range(n - distance) for v in range(vocab_size)):
            return distance
    return 0


@wrong("4.2-11", "The parents and tokens are right. The log-probabilities are")
def mean_of_the_path(log_probs, step_log_probs):
    total = (log_probs[:, None] + step_log_probs) / 2
    best, place = total.flatten().topk(len(log_probs))
    return place // total.shape[1], place % total.shape[1], best


@wrong("4.2-11", "Every token comes once at most in your result, with its best")
def every_token_once(log_probs, step_log_probs):
    best, parent = (log_probs[:, None] + step_log_probs).max(0)
    order = best.argsort(descending=True)[: len(log_probs)]
    return parent[order], order, best[order]


BOTH = 4 * (32 * 32 + 32)
GAP = {
    "two": BOTH + 2 * 32 * 128 + 128 + 32 + 128,
    "one": BOTH + 2 * 32 * 96 + 96 + 32 + 64,
    "inner": 129,
    "next": "the article's layer as wide inside as the original's",
    "positions": "a task that needs no own symbol",
}


@wrong("4.2-12", "These numbers count three projections in attention. There is")
def three_projections():
    return {**GAP, "two": GAP["two"] - 1056, "one": GAP["one"] - 1056}


@wrong("4.2-12", "Asked for: 2 d_model + 1 more with each feature inside: how")
def in_proportion_to_the_sizes():
    return {**GAP, "inner": round(96 * GAP["two"] / GAP["one"])}


@wrong("4.2-12", "That changes the steps for both, or makes the original larger")
def ten_times_the_steps():
    return {**GAP, "next": "both with ten times the steps"}


FALLS = {
    "last": math.log10(6000),
    "first": math.log10(5.625),
    "layer": 6000 ** (1 / 12),
    "beyond": math.log10(6000) - math.log10(5.625),
    "says": "queries and keys near the top get next to none",
}


@wrong("4.2-13", "That shares the fall out evenly as a sum. It is a factor")
def mean_fall_of_a_layer():
    return {**FALLS, "layer": 6000 / 12}


@wrong("4.2-13", "'beyond': That divides the one number of powers by the other.")
def quotient_of_the_powers():
    return {**FALLS, "beyond": math.log10(6000) / math.log10(5.625)}


@wrong("4.2-13", "Asked for: log10 of the first layer's gradient over the last")
def from_the_last_to_the_first():
    return {
        **FALLS,
        "last": -math.log10(6000),
        "first": -math.log10(5.625),
        "beyond": -math.log10(6000 / 5.625),
    }


@wrong("4.2-13", "No stack was trained for this figure. It may be so, with some")
def cannot_be_trained():
    return {**FALLS, "says": "a stack with the norm last cannot be trained"}


@wrong("4.2-14", "You leave out that the best head has learned where to look.")
def before_training_left_out():
    return {"a symbol needs its own word more than another one", "Chinese aligns better than digits"}


@wrong("4.2-14", "You say it of every head.")
def all_five_of_them():
    return {
        "the best head looks at the right word more than before training",
        "a symbol needs its own word more than another one",
        "every head aligns symbols with words",
        "the vector at the word holds nothing but this word",
        "Chinese aligns better than digits",
    }


# ---- 4.2.3 ----


@wrong("4.2.3-1", "Position 0 begins with a 1 in your matrix: the cosines stand")
def cosines_in_front(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.cos(), angles.sin()], -1).flatten(1)


@wrong("4.2.3-1", "`base` stood in the denominator instead of the numerator", "Later columns turn faster")
def faster_and_faster(seq, d_model, base):
    angles = torch.arange(seq)[:, None] * base ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


@right("4.2.3-1")
def entry_by_entry(seq, d_model, base):
    return [
        [(math.cos if j % 2 else math.sin)(pos / base ** ((j - j % 2) / d_model)) for j in range(d_model)]
        for pos in range(seq)
    ]


@wrong("4.2.3-2", "Your blocks join feature i with feature i + d_model / 2. That")
def sines_and_cosines_in_halves(offset, d_model, base):
    angles = offset / base ** (torch.arange(0, d_model, 2) / d_model)
    cos, sin = torch.diag(angles.cos()), torch.diag(angles.sin())
    return torch.cat([torch.cat([cos, sin], 1), torch.cat([-sin, cos], 1)])


@wrong("4.2.3-2", "All your pairs turn by the same angle. The slow pairs hardly")
def one_speed_for_all_pairs(offset, d_model, base):
    c, s = math.cos(offset), math.sin(offset)
    return torch.block_diag(*[torch.tensor([[c, s], [-s, c]])] * (d_model // 2))


@right("4.2.3-2")
def blocks_on_the_diagonal(offset, d_model, base):
    blocks = []
    for i in range(d_model // 2):
        a = offset / base ** (2 * i / d_model)
        blocks.append(torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]))
    return torch.block_diag(*blocks)


@wrong("4.2.3-3", "Your last positions are compared with the first ones, as if")
def round_the_end_of_the_table(table):
    return torch.stack([(table * table.roll(-k, 0)).sum(1).mean() for k in range(len(table))])


@wrong("4.2.3-3", "You compare one position, the first or the last, with the")
def from_the_first_row_alone(table):
    return table @ table[0]


@wrong("4.2.3-4", "Your positions are looked up by the token's number, so a word")
def position_by_the_tokens_number(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[1] ** 0.5 + positions[tokens.clamp(max=len(positions) - 1)]
    for layer in layers:
        x = layer(x)
    return x


@wrong("4.2.3-5", "Your last token has position 0: you count from the end.")
def counted_from_the_end(is_token):
    behind = is_token.long().flip(1).cumsum(1).flip(1) - 1
    return behind * is_token


@wrong("4.2.3-5", "Your running count goes down the columns, from one row to the")
def down_the_batch(is_token):
    return (is_token.long().cumsum(0) - 1) * is_token


@right("4.2.3-5")
def counted_in_a_loop(is_token):
    out = []
    for row in is_token.tolist():
        n, places = 0, []
        for token in row:
            places.append(n if token else 0)
            n += token
        out.append(places)
    return np.array(out)


@wrong("4.2.3-6", "For one position too far, your function should refuse its")
def new_ones_are_in_the_lengths(x, table, lengths):
    places = lengths[:, None] - x.shape[1] + torch.arange(x.shape[1])
    if (places >= len(table)).any():
        raise ValueError("beyond the table")
    return x + table[places.clamp(min=0)]


@wrong("4.2.3-6", "For a later token too far, your function should refuse its")
def only_the_first_is_checked(x, table, lengths):
    if (lengths >= len(table)).any():
        raise ValueError("beyond the table")
    places = lengths[:, None] + torch.arange(x.shape[1])
    return x + table[places % len(table)]


@wrong("4.2.3-7", "The first pair is right and later ones turn too fast: your")
def speeds_of_single_features(x, positions, base):
    angles = positions[:, None] / base ** (torch.arange(x.shape[-1] // 2) / x.shape[-1])
    a, b = x[..., ::2], x[..., 1::2]
    turned = [a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()]
    return torch.stack(turned, -1).flatten(-2)


@wrong("4.2.3-8", "You rotate the values too, so what is fetched from a token")
def values_turned_too(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    places = torch.arange(seq)
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    q, k, v = rotate(query, places[-new:]), rotate(key, places), rotate(value, places)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


@wrong("4.2.3-8", "Queries and keys are both turned backwards, by minus their")
def distances_from_the_end(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    places = torch.arange(seq).flip(0)
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    return F.scaled_dot_product_attention(
        rotate(query, places[-new:]), rotate(key, places), value, attn_mask=mask
    )


@right("4.2.3-8")
def query_after_query(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    keys, out = rotate(key, torch.arange(seq)), []
    for i in range(new):
        at = seq - new + i
        q = rotate(query[..., i : i + 1, :], torch.tensor([at]))
        scores = q @ keys[..., : at + 1, :].mT / query.shape[-1] ** 0.5
        out.append(scores.softmax(-1) @ value[..., : at + 1, :])
    return torch.cat(out, -2)


@wrong("4.2.3-9", "Later keys get a finite number in your table (0, a bonus or a")
def future_as_far_as_the_past(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return -slopes[:, None, None] * distance.abs()


@wrong("4.2.3-9", "The slopes are the right ones, but the flattest comes first.")
def steepest_head_last(num_heads, query_len, key_len):
    slopes = (2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)).flip(0)
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return torch.where(distance >= 0, -slopes[:, None, None] * distance, -torch.inf)


@wrong("4.2.3-10", "Beyond the trained length all your tokens stand at one and")
def cut_off_at_the_end(length, trained_length, head_dim, base):
    positions = torch.arange(length).clamp(max=trained_length - 1)
    return positions[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-10", "Beyond the trained length your positions begin at 0 again, so")
def beginning_again(length, trained_length, head_dim, base):
    positions = torch.arange(length) % trained_length
    return positions[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


STRETCHED = {
    "claimed": 0.472,
    "due": 0.012,
    "low": 0.012 - 2.776 * 0.006,
    "verdict": "not shown",
    "control": "the same training at the new length, nothing divided",
}


@wrong("4.2.3-11", "That is what training on alone has gained. The report claims")
def claimed_by_the_other_model():
    return {**STRETCHED, "claimed": 0.7 - 0.24}


@wrong("4.2.3-11", "Asked for: what the other model, trained on with nothing")
def share_of_the_claim():
    return {**STRETCHED, "due": 0.012 / 0.472, "low": 0.012 / 0.472 - 2.776 * 0.006}


@wrong("4.2.3-11", "First the numbers. 'low': 0.006 is a number of the statement as it")
def another_divisor_tried():
    return {**STRETCHED, "control": "another divisor", "low": 0.006}


SLOWEST = 2 * math.pi * 1000 ** (30 / 32)
WAVES = {
    "longest": SLOWEST,
    "turned": 7,
    "slowest": 128 / SLOWEST,
    "unseen": "the angles of pairs that had not turned once",
}


@wrong("4.2.3-12", "That leaves out that a whole turn is 2 pi: 1 / frequency")
def no_two_pi():
    return {**WAVES, "longest": 1000 ** (30 / 32), "slowest": 128 / 1000 ** (30 / 32), "turned": 12}


@wrong("4.2.3-12", "Asked for: the trained length over the positions that the")
def in_degrees():
    return {**WAVES, "slowest": 360 * 128 / SLOWEST}


@wrong("4.2.3-12", "That is how many pairs have *not* gone round once in the")
def those_that_have_not():
    return {**WAVES, "turned": 9}


@wrong("4.2.3-12", "The fast pairs went round many times in training: they have")
def the_fastest_pair():
    return {**WAVES, "unseen": "the angles of the fastest pair"}

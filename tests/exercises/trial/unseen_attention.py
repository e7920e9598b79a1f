"""Chapters 4.1, 4.2 and 4.2.3: answers of a second trial, drawn from the statements alone.

Where it had an idea of the first one again, `again_` stands in front of the name.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.1-1", "Your scale changes with the number of tokens while the head")
def scaled_by_the_number_of_keys(query, key):
    return query @ key.transpose(-1, -2) / key.shape[-2] ** 0.5


@wrong("4.1-1", "You divide by the head size")
def both_sides_scaled_by_the_root(query, key):
    root = query.shape[-1] ** 0.5
    return (query / root) @ (key / root).transpose(-1, -2)


@wrong("4.1-1", "query @ key.T")
def transposed_with_t(query, key):
    return query @ key.T / query.shape[-1] ** 0.5


@right("4.1-1")
def scores_as_sums_of_products(query, key):
    products = query.unsqueeze(-2) * key.unsqueeze(-3)
    return products.sum(-1) * query.size(-1) ** -0.5


@wrong("4.1-2", "What you subtract is not the largest score of each row")
def maximum_over_queries(scores):
    e = torch.exp(scores - scores.max(dim=-2, keepdim=True).values)
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-2", "[[999.0, 1000.0, 998.0]]")
def divided_by_the_largest(scores):
    e = torch.exp(scores / scores.abs().max())
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-2", "A score of -inf comes out as if it were a number")
def minus_infinity_counted_as_zero(scores):
    scores = torch.where(torch.isinf(scores), torch.zeros_like(scores), scores)
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


@right("4.1-2")
def one_over_sum_of_exponentials_of_differences(scores):
    out = torch.empty_like(scores)
    for j in range(scores.shape[-1]):
        difference = torch.nan_to_num(
            scores - scores[..., j : j + 1], nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf
        )
        out[..., j] = 1 / torch.exp(difference).sum(-1)
        out[..., j] = torch.where(scores[..., j] == -torch.inf, 0.0, out[..., j])
    return out


@wrong("4.1-3", "The future gets no weight")
def again_masked_after_the_softmax(query, key, value):
    weights = (query @ key.mT / math.sqrt(query.shape[-1])).softmax(-1)
    return torch.tril(weights) @ value


@wrong("4.1-3", "Ordinary scores come out")
def future_multiplied_away(query, key, value):
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    mask = torch.ones_like(scores).triu(1)
    return (scores - 1e3 * mask).softmax(-1) @ value


@wrong("4.1-3", "Wherever a token has a future, it reads that and not its")
def reads_only_the_future(query, key, value):
    seq = query.shape[-2]
    allowed = torch.ones(seq, seq, dtype=torch.bool).triu()
    return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)


@wrong("4.1-4", "Your gradient holds NaN: you replaced the NaN after")
def again_nan_replaced_at_the_end(query, key, value, is_token):
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~is_token[:, None, :], -torch.inf)
    return torch.nan_to_num(scores.softmax(-1) @ value)


@wrong("4.1-4", "Your mask acts on the rows")
def queries_masked_too_late(query, key, value, is_token):
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~is_token[:, :, None], -1e9)
    return scores.softmax(-1) @ value


@wrong("4.1-4", "In an empty sequence your")
def large_negative_and_no_more(query, key, value, is_token):
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~is_token[:, None, :], -1e9)
    return scores.softmax(-1) @ value


@right("4.1-4")
def exponentials_masked_by_hand(query, key, value, is_token):
    scores = torch.einsum("bqd,bkd->bqk", query, key) / math.sqrt(query.shape[-1])
    keep = is_token[:, None, :].expand_as(scores)
    top = scores.masked_fill(~keep, -1e30).amax(-1, keepdim=True)
    e = torch.where(keep, (torch.where(keep, scores, top) - top).exp(), 0.0)
    return (e / e.sum(-1, keepdim=True).clamp(min=1e-30)) @ value


@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result,")
def heads_last_in_the_piece(x, num_heads):
    batch, seq, d_model = x.shape
    return x.reshape(batch, seq, d_model // num_heads, num_heads).permute(0, 3, 1, 2)


@wrong("4.1-5", "You cut the features rightly")
def chunks_stacked_behind_tokens(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=2)


@wrong("4.1-5", "You make heads of size num_heads")
def number_and_size_of_heads_exchanged(x, num_heads):
    return torch.stack(x.split(num_heads, dim=-1), dim=1)


@right("4.1-5")
def heads_one_after_another(x, num_heads):
    size = x.shape[-1] // num_heads
    heads = [x[:, :, h * size : (h + 1) * size] for h in range(num_heads)]
    return torch.cat([head[:, None] for head in heads], dim=1)


@wrong("4.1-6", "With more than one head your weights are too even:")
def scaled_by_the_model_width(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    weights = (q @ k.mT / x.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2) @ w_out


@wrong("4.1-6", "Your result is too large by `x`")
def a_residual_in_the_attention(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    out = F.scaled_dot_product_attention(q, k, v)
    return x + out.transpose(1, 2).flatten(2) @ w_out


@wrong("4.1-6", "Your tokens read only themselves and what comes before. That is")
def causal_without_being_asked(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.transpose(1, 2).flatten(2) @ w_out


@right("4.1-6")
def slices_of_the_matrices_for_each_head(x, w_query, w_key, w_value, w_out, num_heads):
    size = x.shape[-1] // num_heads
    out = torch.zeros_like(x)
    for h in range(num_heads):
        part = slice(h * size, (h + 1) * size)
        scores = (x @ w_query[:, part]) @ (x @ w_key[:, part]).mT / math.sqrt(size)
        out = out + scores.softmax(-1) @ (x @ w_value[:, part]) @ w_out[part]
    return out


@wrong("4.1-7", "In your cache the new token comes first. The output")
def new_token_in_front_of_the_cache(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([x @ w_key, cached_keys], dim=1)
    values = torch.cat([x @ w_value, cached_values], dim=1)
    return F.scaled_dot_product_attention(x @ w_query, keys, values), keys, values


@wrong("4.1-7", "The cache grows as it should")
def reads_the_old_cache_only(x, w_query, w_key, w_value, cached_keys, cached_values):
    query = x @ w_query
    weights = (query @ cached_keys.mT / query.shape[-1] ** 0.5).softmax(-1)
    keys = torch.cat([cached_keys, x @ w_key], dim=1)
    values = torch.cat([cached_values, x @ w_value], dim=1)
    return weights @ cached_values, keys, values


@wrong("4.1-7", "the last entry along axis 1")
def keys_scaled_before_they_are_kept(x, w_query, w_key, w_value, cached_keys, cached_values):
    query, key = x @ w_query, x @ w_key / w_key.shape[1] ** 0.5
    keys = torch.cat([cached_keys, key], dim=1)
    values = torch.cat([cached_values, x @ w_value], dim=1)
    return (query @ keys.mT).softmax(-1) @ values, keys, values


@wrong("4.1-8", "You measure the weight on")
def looks_at_the_token_itself(weights, period):
    t = torch.arange(period, weights.shape[-1])
    return weights[:, t, t - period].mean(-1)


@wrong("4.1-8", "Your mean leaves out one token of the later copies: the first of")
def from_the_second_token_of_the_copy(weights, period):
    t = torch.arange(period + 1, weights.shape[-1])
    return weights[:, t, t - period + 1].mean(-1)


@wrong("4.1-8", "You divide by the number")
def divided_by_the_whole_length(weights, period):
    seq = weights.shape[-1]
    total = torch.zeros(weights.shape[0])
    for t in range(period, seq):
        total += weights[:, t, t - period + 1]
    return total / seq


@right("4.1-8")
def a_diagonal_below_the_main_one(weights, period):
    return torch.diagonal(weights, offset=1 - period, dim1=-2, dim2=-1)[:, 1:].mean(-1)


@wrong("4.1-9", "the logarithm has another base")
def nats_and_a_small_number(weights):
    return -(weights * torch.log(weights + 1e-9)).sum(-1)


@wrong("4.1-9", "effective number of keys")
def perplexity_for_entropy(weights):
    return 2 ** (torch.special.entr(weights).sum(-1) / math.log(2))


@wrong("4.1-9", "A weight of exactly 0 turns its row into NaN in your")
def zeros_give_nan(weights):
    return -(weights * weights.log2()).sum(dim=-1)


@wrong("4.1-9", "Your numbers are too small by the number of keys: they are")
def log_of_the_zeros_replaced_by_minus_one(weights):
    logs = torch.where(weights > 0, torch.log2(weights), torch.tensor(-1.0))
    return -(weights * logs).mean(-1)


@wrong("4.1-10", "Your average is kept by making all weights smaller at")
def scaled_when_used(weights, keep, dropout_p, training):
    if training:
        return weights * keep
    return weights * (1 - dropout_p)


@wrong("4.1-10", "The survivors of each of")
def renormalised_rows(weights, keep, dropout_p, training):
    if not training:
        return weights
    kept = weights * keep
    return kept / kept.sum(-1, keepdim=True).clamp(min=1e-9)


@wrong("4.1-10", "in place")
def in_place_on_the_weights(weights, keep, dropout_p, training):
    if training:
        weights[~keep] = 0
        weights /= 1 - dropout_p
    return weights


@right("4.1-10")
def where_with_a_list_of_rows(weights, keep, dropout_p, training):
    scale = 1 / (1 - dropout_p) if training else 1.0
    survives = keep | torch.tensor(not training)
    return torch.where(survives, weights * scale, torch.zeros(()))


@wrong("4.1-11", "You deal the KV heads out")
def heads_dealt_out_in_turn(query, key, value):
    times = query.shape[1] // key.shape[1]
    key, value = key.repeat(1, times, 1, 1), value.repeat(1, times, 1, 1)
    return F.scaled_dot_product_attention(query, key, value)


@wrong("4.1-11", "Each query head takes its")
def values_forgotten_in_repetition(query, key, value):
    times = query.shape[1] // key.shape[1]
    key = key.repeat_interleave(times, dim=1)
    value = value.repeat(1, times, 1, 1)
    return F.scaled_dot_product_attention(query, key, value)


@wrong("4.1-11", "All query heads of a group")
def queries_of_a_group_averaged(query, key, value):
    times = query.shape[1] // key.shape[1]
    mean = query.unflatten(1, (-1, times)).mean(2)
    return F.scaled_dot_product_attention(mean, key, value).repeat_interleave(times, dim=1)


@wrong("4.2-1", "The normed numbers are slightly too small, the more so the")
def unbiased_standard_deviation(x, weight, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + eps).sqrt() * weight + bias


@wrong("4.2-1", "Where the variance is small")
def eps_beside_the_root(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.pow(2).mean(-1, keepdim=True).sqrt() + eps) * weight + bias


@wrong("4.2-1", "Your result is that of adding the bias first and multiplying")
def bias_scaled_too(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    return (centred / (centred.pow(2).mean(-1, keepdim=True) + eps).sqrt() + bias) * weight


@wrong("4.2-1", "You scale by the root mean")
def mean_left_in(x, weight, bias, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight + bias


@right("4.2-1")
def second_moment_less_the_square_in_double(x, weight, bias, eps):
    y = x.double()
    mean = y.mean(-1, keepdim=True)
    variance = (y**2).mean(-1, keepdim=True) - mean**2
    return ((y - mean) * (variance + eps) ** -0.5).to(x.dtype) * weight + bias


@wrong("4.2-2", "The nonlinearity sits on")
def gate_and_values_exchanged(x, w_gate, w_in, w_out):
    return ((x @ w_gate) * F.silu(x @ w_in)) @ w_out


@wrong("4.2-2", "Your gate lies between 0")
def a_plain_sigmoid(x, w_gate, w_in, w_out):
    return (torch.sigmoid(x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-2", "You multiply first and bend")
def silu_around_the_product(x, w_gate, w_in, w_out):
    return F.silu((x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-3", "Your norms stand in front")
def norms_before_the_sublayers(x, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x))
    return x + feed_forward(norm_2(x))


@wrong("4.2-3", "Your second sum adds the")
def second_residual_from_the_bottom(x, attention, feed_forward, norm_1, norm_2):
    h = norm_1(x + attention(x))
    return norm_2(x + feed_forward(h))


@wrong("4.2-3", "You norm what the sub-layer")
def norm_around_the_branch_only(x, attention, feed_forward, norm_1, norm_2):
    x = x + norm_1(attention(x))
    return x + norm_2(feed_forward(x))


@right("4.2-3")
def a_loop_over_both_sublayers(x, attention, feed_forward, norm_1, norm_2):
    for part, norm in zip((attention, feed_forward), (norm_1, norm_2), strict=True):
        x = norm(torch.stack([x, part(x)]).sum(0))
    return x


@wrong("4.2-4", "You apply final_norm inside")
def again_final_norm_in_every_layer(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = final_norm(x + feed_forward(norm_2(x)))
    return x


@wrong("4.2-4", "The sums are right, but norm_2 stands where norm_1 belongs, or")
def norms_exchanged(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_2(x))
        x = x + feed_forward(norm_1(x))
    return final_norm(x)


@wrong("4.2-4", "With one layer you are right. With more it comes out as if only")
def returns_within_the_loop(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
        return final_norm(x)
    return final_norm(x)


@wrong("4.2-4", "You overwrite x with its")
def sum_of_normed_values(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        y = norm_1(x)
        y = y + attention(y)
        z = norm_2(y)
        x = z + feed_forward(z)
    return final_norm(x)


@wrong("4.2-5", "has the shape")
def memory_asks_itself(x, memory, memory_keep, w_query, w_key, w_value):
    query, key = memory @ w_query, memory @ w_key
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.masked_fill(~memory_keep[:, None], -torch.inf).softmax(-1) @ (memory @ w_value)


@wrong("4.2-5", "Where there is padding, your queries read it and leave the")
def mask_the_wrong_way_round(x, memory, memory_keep, w_query, w_key, w_value):
    query, key = x @ w_query, memory @ w_key
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.masked_fill(memory_keep[:, None], -1e9).softmax(-1) @ (memory @ w_value)


@wrong("4.2-5", "The padding is gone, but")
def padding_zeroed_in_memory(x, memory, memory_keep, w_query, w_key, w_value):
    memory = memory * memory_keep[..., None]
    query, key = x @ w_query, memory @ w_key
    return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1) @ (memory @ w_value)


@right("4.2-5")
def each_sentence_by_itself(x, memory, memory_keep, w_query, w_key, w_value):
    rows = []
    for target, source, keep in zip(x, memory, memory_keep, strict=True):
        source = source[keep]
        scores = (target @ w_query) @ (source @ w_key).T / math.sqrt(w_query.shape[1])
        rows.append(torch.softmax(scores, 1) @ (source @ w_value))
    return torch.stack(rows)


@wrong("4.2-6", "All three results are added, but at least one sub-layer reads x")
def cross_attention_reads_the_old_x(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    h = x + self_attention(x, causal)
    h = h + cross_attention(x, memory, memory_keep[:, None])
    return h + feed_forward(h)


@wrong("4.2-6", "Your target tokens read")
def mask_true_where_hidden(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    hidden = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
    x = x + self_attention(x, hidden)
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-6", "Your call of `self_attention`")
def own_token_hidden(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril(-1)
    causal[0, 0] = True
    x = x + self_attention(x, causal)
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-7", "Your rows are filled up")
def pad_in_front(sentences, start, end, pad):
    longest = max(len(s) for s in sentences) + 1
    inputs = [[pad] * (longest - len(s) - 1) + [start] + list(s) for s in sentences]
    labels = [[pad] * (longest - len(s) - 1) + list(s) + [end] for s in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


@wrong("4.2-7", "In a short sentence the")
def again_end_after_the_padding(sentences, start, end, pad):
    longest = max(len(s) for s in sentences)
    full = [list(s) + [pad] * (longest - len(s)) for s in sentences]
    return torch.tensor([[start, *s] for s in full]), torch.tensor([[*s, end] for s in full])


@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left")
def labels_equal_to_inputs_with_end(sentences, start, end, pad):
    longest = max(len(s) for s in sentences)
    rows = torch.full((len(sentences), longest + 2), pad)
    for row, s in zip(rows, sentences, strict=True):
        row[: len(s) + 2] = torch.tensor([start, *s, end])
    return rows[:, :-1], rows[:, 1:]


@right("4.2-7")
def zipped_longest(sentences, start, end, pad):
    from itertools import zip_longest

    inputs = list(zip_longest(*([start, *s] for s in sentences), fillvalue=pad))
    labels = list(zip_longest(*([*s, end] for s in sentences), fillvalue=pad))
    return torch.tensor(inputs).T, torch.tensor(labels).T.contiguous()


@wrong("4.2-8", "You take the mean of each")
def mean_of_the_sentences_means(logits, labels, pad):
    losses = F.cross_entropy(logits.mT, labels, ignore_index=pad, reduction="none")
    real = labels != pad
    return (losses.sum(1) / real.sum(1).clamp(min=1)).mean()


@wrong("4.2-8", "Padding adds nothing to")
def padding_counted_in_the_denominator(logits, labels, pad):
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return (losses * (labels.flatten() != pad)).mean()


@wrong("4.2-8", "Where pad is 0 you are right")
def pad_taken_for_zero(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=0)


@wrong("4.2-8", "It comes out as if the softmax ran along the positions or along")
def softmax_over_the_targets(logits, labels, pad):
    logs = logits.log_softmax(1)
    chosen = logs.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return -chosen[labels != pad].mean()


@wrong("4.2-9", "A row that has said end")
def rows_go_on_after_their_end(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    said = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1)
        tokens = torch.cat([tokens, new[:, None]], 1)
        said |= new == end
        if said.all():
            break
    return tokens[:, 1:]


@wrong("4.2-9", "The loop ends as soon as one row has said end, whichever it")
def stops_when_one_row_is_done(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1)
        tokens = torch.cat([tokens, new[:, None]], 1)
        if (new == end).any():
            break
    return tokens[:, 1:]


@wrong("4.2-9", "Where the length limit bites")
def start_counted_as_written(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] < max_len and not done.all():
        new = torch.where(done, end, next_logits(tokens).argmax(-1))
        tokens = torch.cat([tokens, new[:, None]], 1)
        done = done | (new == end)
    return tokens[:, 1:]


@right("4.2-9")
def python_lists_of_tokens(next_logits, batch, start, end, max_len):
    rows = [[start] for _ in range(batch)]
    while len(rows[0]) <= max_len and not all(end in row[1:] for row in rows):
        best = next_logits(torch.tensor(rows)).max(dim=1).indices.tolist()
        for row, token in zip(rows, best, strict=True):
            row.append(end if end in row[1:] else token)
    return torch.tensor([row[1:] for row in rows]).reshape(batch, -1)


@wrong("4.2-10", "Only leaks from the token right after a position are found")
def only_the_next_token_tried(decoder, tokens, vocab_size):
    before = decoder(tokens)
    for s in range(1, len(tokens)):
        changed = tokens.clone()
        changed[s] = (tokens[s] + 1) % vocab_size
        if (decoder(changed)[s - 1] - before[s - 1]).abs().max() > 1e-4:
            return 1
    return 0


@wrong("4.2-10", "Only what the last token does to others is seen. A decoder")
def again_only_the_last_token_changed(decoder, tokens, vocab_size):
    before = decoder(tokens)
    changed = tokens.clone()
    changed[-1] = (tokens[-1] + 1) % vocab_size
    moved = ((decoder(changed) - before).abs() > 1e-4).any(1).nonzero()
    return len(tokens) - 1 - int(moved.min()) if len(moved) else 0


@wrong("4.2-10", "You report the nearest leak")
def smallest_distance(decoder, tokens, vocab_size):
    before, found = decoder(tokens), []
    for s in range(len(tokens)):
        for token in range(vocab_size):
            changed = tokens.clone()
            changed[s] = token
            moved = (decoder(changed) - before).abs().amax(1) > 1e-4
            found += [s - t for t in range(s) if moved[t]]
    return min(found, default=0)


@wrong("4.2-10", "It comes out as if a token that was changed stays so while the")
def tokens_changed_in_place(decoder, tokens, vocab_size):
    before, far = decoder(tokens), 0
    for s in range(len(tokens)):
        for token in range(vocab_size):
            tokens[s] = token
            moved = (decoder(tokens)[:s] - before[:s]).abs().amax(1) > 1e-4
            if moved.any():
                far = max(far, s - int(moved.nonzero()[0]))
    return far


@right("4.2-10")
def set_of_all_distances(decoder, tokens, vocab_size):
    base, distances = decoder(tokens).numpy(), {0}
    for s in reversed(range(len(tokens))):
        for token in set(range(vocab_size)) - {int(tokens[s])}:
            other = torch.cat([tokens[:s], torch.tensor([token]), tokens[s + 1 :]])
            gap = np.abs(decoder(other).numpy() - base).max(axis=1)
            distances.update(s - t for t in range(s) if gap[t] >= 1e-4)
    return max(distances)


@wrong("4.2-11", "Every beginning gets exactly")
def best_token_of_each_beam(log_probs, step_log_probs):
    best, tokens = step_log_probs.max(-1)
    total, order = (log_probs + best).sort(descending=True)
    return order, tokens[order], total


@wrong("4.2-11", "The log-probabilities are")
def divided_by_the_number_of_beams(log_probs, step_log_probs):
    total = (log_probs[:, None] + step_log_probs).flatten()
    best, index = total.topk(len(log_probs))
    return index // len(log_probs), index % len(log_probs), best


@wrong("4.2-11", "You compare the new tokens")
def beginnings_forgotten(log_probs, step_log_probs):
    best, index = step_log_probs.flatten().topk(len(log_probs))
    parents, tokens = index // step_log_probs.shape[1], index % step_log_probs.shape[1]
    return parents, tokens, best


@wrong("4.2.3-1", "All the numbers are there")
def sines_first_and_cosines_behind(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@wrong("4.2.3-1", "Your exponent counts single")
def again_every_feature_its_own_speed(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(d_model) / d_model)
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles


@wrong("4.2.3-1", "Your slow columns are too")
def exponent_without_the_two(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(d_model // 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


@right("4.2.3-1")
def lists_of_plain_floats(seq, d_model, base):
    return torch.tensor(
        [
            [(math.cos if j % 2 else math.sin)(p / base ** (2 * (j // 2) / d_model)) for j in range(d_model)]
            for p in range(seq)
        ]
    ).reshape(seq, d_model)


@wrong("4.2.3-2", "Your matrix goes k positions")
def turned_the_other_way(offset, d_model, base):
    result = torch.zeros(d_model, d_model)
    for i in range(d_model // 2):
        a = offset / base ** (2 * i / d_model)
        result[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor(
            [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]
        )
    return result


@wrong("4.2.3-2", "its absolute value")
def absolute_offset(offset, d_model, base):
    result = torch.zeros(d_model, d_model)
    for i in range(d_model // 2):
        a = abs(offset) / base ** (2 * i / d_model)
        result[2 * i, 2 * i] = result[2 * i + 1, 2 * i + 1] = math.cos(a)
        result[2 * i, 2 * i + 1], result[2 * i + 1, 2 * i] = math.sin(a), -math.sin(a)
    return result


@wrong("4.2.3-2", "Your blocks join feature")
def halves_for_pairs(offset, d_model, base):
    a = offset / base ** (torch.arange(0, d_model, 2) / d_model)
    cos, sin = torch.diag(a.cos()), torch.diag(a.sin())
    return torch.cat([torch.cat([cos, sin], 1), torch.cat([-sin, cos], 1)])


@right("4.2.3-2")
def solved_from_two_positions_a_pair(offset, d_model, base):
    blocks = []
    for i in range(d_model // 2):
        w = base ** (-2 * i / d_model)
        generator = np.array([[0.0, w * offset], [-w * offset, 0.0]])
        blocks.append(torch.linalg.matrix_exp(torch.tensor(generator)))
    return torch.block_diag(*blocks).float()


@wrong("4.2.3-3", "You compare one position, the first or the last, with the")
def first_position_for_all(table):
    return table @ table[0]


@wrong("4.2.3-3", "You add the right products")
def divided_by_seq_not_by_pairs(table):
    seq, products = len(table), table @ table.T
    return torch.stack([torch.diagonal(products, k).sum() / seq for k in range(seq)])


@wrong("4.2.3-3", "You divide by the lengths")
def cosines_for_dot_products(table):
    unit = F.normalize(table, dim=-1)
    products = unit @ unit.T
    return torch.stack([products.diagonal(k).mean() for k in range(len(table))])


@wrong("4.2.3-3", "Your last positions are")
def circular_distances(table):
    return torch.stack([(table * table.roll(k, 0)).sum(-1).mean() for k in range(len(table))])


@wrong("4.2.3-4", "You multiply the sum, so")
def positions_scaled_too(tokens, embedding, positions, layers):
    x = (embedding[tokens] + positions[: tokens.shape[1]]) * embedding.shape[1] ** 0.5
    for layer in layers:
        x = layer(x)
    return x


@wrong("4.2.3-4", "You add the positions again")
def positions_in_every_layer(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[1] ** 0.5
    for layer in layers:
        x = layer(x + positions[: tokens.shape[1]])
    return x


@wrong("4.2.3-4", "its last entry alone")
def layers_all_read_the_bottom(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[1] ** 0.5 + positions[: tokens.shape[1]]
    out = x
    for layer in layers:
        out = layer(x)
    return out


@wrong("4.2.3-4", "It comes out as if the factor were the root of")
def root_of_the_vocabulary(tokens, embedding, positions, layers):
    x = F.embedding(tokens, embedding) * len(embedding) ** 0.5 + positions[: tokens.shape[1]]
    for layer in layers:
        x = layer(x)
    return x


@right("4.2.3-4")
def one_hot_and_reduce(tokens, embedding, positions, layers):
    from functools import reduce

    one_hot = F.one_hot(tokens, len(embedding)).to(embedding.dtype)
    x = one_hot @ embedding * math.sqrt(embedding.shape[-1])
    x = x + positions.narrow(0, 0, tokens.shape[-1])
    return reduce(lambda h, layer: layer(h), layers, x)


@wrong("4.2.3-5", "Your first tokens get position")
def count_includes_the_token(is_token):
    return is_token.cumsum(1) * is_token


@wrong("4.2.3-5", "Padding in front gets -1 in your result, and padding")
def minus_one_at_padding_in_front(is_token):
    return (is_token.cumsum(1) - 1) * 1


@wrong("4.2.3-5", "Padding gets 0, but the")
def columns_counted(is_token):
    return torch.arange(is_token.shape[1]).expand(is_token.shape) * is_token


@wrong("4.2.3-5", "Your running count goes")
def cumulated_over_the_batch(is_token):
    return (is_token.cumsum(0) - 1).clamp(min=0) * is_token


@right("4.2.3-5")
def counted_in_python(is_token):
    rows = []
    for row in is_token.tolist():
        rows.append([sum(row[:i]) if real else 0 for i, real in enumerate(row)])
    return torch.tensor(rows)


@wrong("4.2.3-6", "All rows get one offset: that of one of them (the")
def same_length_for_all_rows(x, table, lengths):
    first = int(lengths.max())
    if first + x.shape[1] > len(table):
        raise ValueError("no vector")
    return x + table[first : first + x.shape[1]]


@wrong("4.2.3-6", "You leave one position free")
def one_position_too_far(x, table, lengths):
    positions = lengths[:, None] + 1 + torch.arange(x.shape[1])
    if positions.max() >= len(table):
        raise ValueError(f"position {int(positions.max())} has no vector")
    return x + table[positions]


@wrong("4.2.3-6", "Where a position is missing, an IndexError comes, as")
def index_error_kept(x, table, lengths):
    return x + table[lengths[:, None] + torch.arange(x.shape[1])]


@wrong("4.2.3-6", "You also refuse the last")
def refuses_the_last_vector(x, table, lengths):
    positions = lengths[:, None] + torch.arange(x.shape[1])
    if int(positions.max()) >= len(table) - 1:
        raise ValueError("the table ends here")
    return x + table[positions]


@wrong("4.2.3-7", "You pair feature i with")
def halves_rotated_together(x, positions, base):
    half = x.shape[-1] // 2
    a = positions[:, None] / base ** (torch.arange(half) / half)
    left, right_ = x[..., :half], x[..., half:]
    return torch.cat([left * a.cos() - right_ * a.sin(), left * a.sin() + right_ * a.cos()], -1)


@wrong("4.2.3-7", "You count the tokens of")
def positions_from_zero(x, positions, base):
    a = torch.arange(x.shape[-2])[:, None] / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * a.cos() - odd * a.sin(), even * a.sin() + odd * a.cos()], -1).flatten(-2)


@wrong("4.2.3-7", "Your vectors change their")
def both_signs_minus(x, positions, base):
    a = positions[:, None] / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * a.cos() - odd * a.sin(), odd * a.cos() - even * a.sin()], -1).flatten(-2)


@wrong("4.2.3-7", "The pairs are turned rightly")
def pairs_not_put_back(x, positions, base):
    a = positions[:, None] / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.cat([even * a.cos() - odd * a.sin(), even * a.sin() + odd * a.cos()], -1)


@right("4.2.3-7")
def complex_numbers_in_double(x, positions, base):
    z = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    a = positions.double()[:, None] / float(base) ** (torch.arange(z.shape[-1]).double() / z.shape[-1])
    return torch.view_as_real(z * torch.polar(torch.ones_like(a), a)).flatten(-2).to(x.dtype)


@wrong("4.2.3-8", "Without a cache you are")
def queries_from_position_zero(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    query, key = rotate(query, torch.arange(new)), rotate(key, torch.arange(seq))
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


@wrong("4.2.3-8", "You rotate the values too")
def values_rotated_as_well(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    p = torch.arange(seq)
    query, key, value = rotate(query, p[seq - new :]), rotate(key, p), rotate(value, p)
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


@wrong("4.2.3-8", "All is rotated rightly")
def again_mask_from_the_upper_left(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    p = torch.arange(seq)
    query, key = rotate(query, p[seq - new :]), rotate(key, p)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


@wrong("4.2.3-8", "Only the queries turn. A")
def again_keys_left_unrotated(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    query = rotate(query, torch.arange(seq - new, seq))
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


@wrong("4.2.3-9", "Your first head has the")
def slopes_from_head_zero(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(num_heads) / num_heads)
    q, k = torch.arange(key_len - query_len, key_len)[:, None], torch.arange(key_len)
    bias = -slopes[:, None, None] * (q - k)
    return bias.masked_fill(k > q, -torch.inf)


@wrong("4.2.3-9", "Your bias grows with the")
def distance_with_the_wrong_sign(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    q, k = torch.arange(key_len - query_len, key_len)[:, None], torch.arange(key_len)
    bias = slopes[:, None, None] * (q - k)
    return bias.masked_fill(k > q, -torch.inf)


@wrong("4.2.3-9", "Later keys get a finite")
def later_keys_left_positive(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    q, k = torch.arange(key_len - query_len, key_len)[:, None], torch.arange(key_len)
    return -slopes[:, None, None] * (q - k).abs()


@wrong("4.2.3-9", "Without a cache you are")
def queries_at_the_first_keys(num_heads, query_len, key_len):
    slopes = 2.0 ** (-8 * torch.arange(1, num_heads + 1) / num_heads)
    q, k = torch.arange(query_len)[:, None], torch.arange(key_len)
    return (-slopes[:, None, None] * (q - k)).masked_fill(k > q, float("-inf"))


@right("4.2.3-9")
def filled_number_by_number(num_heads, query_len, key_len):
    bias = np.full((num_heads, query_len, key_len), -np.inf, dtype=np.float32)
    for h in range(num_heads):
        slope = 0.5 ** (8 * (h + 1) / num_heads)
        for i in range(query_len):
            q = key_len - query_len + i
            bias[h, i, : q + 1] = -slope * np.arange(q, -1, -1)
    return torch.from_numpy(bias)


@wrong("4.2.3-10", "The last position of a longer text falls exactly on")
def squeezed_by_the_last_position(length, trained_length, head_dim, base):
    p = torch.arange(length) * min(1.0, (trained_length - 1) / max(1, length - 1))
    return p[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-10", "Long texts are right, but")
def again_short_texts_stretched(length, trained_length, head_dim, base):
    p = torch.arange(length) * trained_length / length
    return p[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-10", "You round the squeezed positions")
def rounded_down_to_old_positions(length, trained_length, head_dim, base):
    p = torch.arange(length)
    if length > trained_length:
        p = p * trained_length // length
    return p[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-10", "Beyond the trained length")
def clamped_to_the_trained_length(length, trained_length, head_dim, base):
    p = torch.arange(length).clamp(max=trained_length - 1)
    return p[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)

"""A sixth trial, chapters 4 to 6: answers written from the statements alone."""

import copy
import math
import statistics

import torch
from torch.nn import functional as F

from trial.answers import right, wrong


@wrong("4.1-1", "Your scale changes with the number of tokens while the head")
def divided_by_the_number_of_keys(query, key):
    return query @ key.mT / key.shape[-2] ** 0.5


@right("4.1-1")
def half_the_scale_on_each_side(query, key):
    fourth = query.shape[-1] ** -0.25
    return torch.einsum("...qd,...kd->...qk", query * fourth, key * fourth)


@wrong("4.1-2", "Where one row lies near 1000 and another near -1000, the")
def shifted_by_the_best_of_all(scores):
    e = torch.exp(scores - scores.max())
    return e / e.sum(-1, keepdim=True)


@wrong("4.1-3", "where should it come in?")
def blind_to_itself_but_for_the_first(query, key, value):
    s = query @ key.mT / query.shape[-1] ** 0.5
    hide = torch.ones(s.shape[-2:], dtype=torch.bool).triu(0)
    hide[0, 0] = False
    return s.masked_fill(hide, -torch.inf).softmax(-1) @ value


@right("4.1-3")
def one_query_at_a_time(query, key, value):
    outs = []
    for t in range(query.shape[-2]):
        s = (key[..., : t + 1, :] * query[..., t : t + 1, :]).sum(-1) / math.sqrt(query.shape[-1])
        outs.append((s.softmax(-1)[..., None] * value[..., : t + 1, :]).sum(-2))
    return torch.stack(outs, -2)


@wrong("4.1-4", "Your mask acts on the rows, whose queries are padded, and")
def queries_masked_for_keys(query, key, value, is_token):
    s = query @ key.mT / query.shape[-1] ** 0.5
    s = s.masked_fill(~is_token[:, :, None], -1e9)
    return s.softmax(-1) @ value * is_token.any(1)[:, None, None]


@right("4.1-4")
def a_place_that_holds_nothing(query, key, value, is_token):
    s = query @ key.mT / query.shape[-1] ** 0.5
    s = s.masked_fill(~is_token[:, None, :], torch.finfo(s.dtype).min)
    w = s.softmax(-1) * is_token[:, None, :]
    return w @ value.masked_fill(~is_token[..., None], 0.0)


@wrong("4.1-5", "Of h heads, head 0 gets features 0, h, 2h, ... in your result, as it does")
def every_nth_feature_to_a_head(x, num_heads):
    return x.unflatten(-1, (-1, num_heads)).permute(0, 3, 1, 2)


@right("4.1-5")
def chunks_stacked(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


@wrong("4.1-6", "Putting your heads together mixes the tokens: you")
def heads_flattened_before_tokens(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (
        F.linear(x, w.T).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value)
    )
    return F.scaled_dot_product_attention(q, k, v).reshape(x.shape) @ w_out


@wrong("4.1-7", "In your cache the new token comes first. The output")
def new_token_in_front_sixth(x, w_query, w_key, w_value, cached_keys, cached_values):
    k = torch.cat([x @ w_key, cached_keys], 1)
    v = torch.cat([x @ w_value, cached_values], 1)
    return F.scaled_dot_product_attention(x @ w_query, k, v), k, v


@wrong("4.1-7", "The cache grows as it should, but where there are old")
def attends_to_the_past_alone(x, w_query, w_key, w_value, cached_keys, cached_values):
    k = torch.cat([cached_keys, x @ w_key], 1)
    v = torch.cat([cached_values, x @ w_value], 1)
    past = max(cached_keys.shape[1], 1)
    return F.scaled_dot_product_attention(x @ w_query, k[:, :past], v[:, :past]), k, v


@wrong("4.1-7", "Your cache comes back as it was, and the new token has read")
def the_new_token_comes_to_nothing(x, w_query, w_key, w_value, cached_keys, cached_values):
    weights = (x @ w_query @ cached_keys.mT / cached_keys.shape[-1] ** 0.5).softmax(-1)
    return weights @ cached_values, cached_keys, cached_values


@wrong("4.1-8", "You measure the weight on the previous occurrence of the")
def the_token_before_the_match(weights, period):
    t = torch.arange(period, weights.shape[-1])
    return weights[:, t, t - period].mean(1)


@right("4.1-8")
def by_the_diagonal(weights, period):
    return weights.diagonal(1 - period, dim1=-2, dim2=-1)[:, 1:].mean(-1)


@wrong("4.1-9", "You add up over the queries, so there is one number per")
def entropy_of_the_columns(weights):
    return -torch.special.xlogy(weights, weights).sum(-2) / math.log(2)


@wrong("4.1-10", "The survivors of each of your rows sum to one. That makes a")
def survivors_share_all(weights, keep, dropout_p, training):
    if not training:
        return weights
    kept = weights * keep
    return kept / kept.sum(-1, keepdim=True).clamp(min=1e-9)


@wrong("4.1-11", "Each query head takes its keys from one KV head and its")
def tiled_heads(query, key, value):
    n = query.shape[1] // key.shape[1]
    return F.scaled_dot_product_attention(query, key.repeat(1, n, 1, 1), value.repeat_interleave(n, 1))


@right("4.1-11")
def grouped_axis(query, key, value):
    q = query.unflatten(1, (key.shape[1], -1))
    w = (q @ key[:, :, None].mT * query.shape[-1] ** -0.5).softmax(-1)
    return (w @ value[:, :, None]).flatten(1, 2)


@wrong("4.1-12", "Another model says whether it is the luck of this one. It")
def another_seed_stands_beside():
    return {
        "anywhere": 559,
        "same_layer": 55,
        "share": 4 / 55,
        "whole": 0,
        "beside": "the same heads silenced in another seed's model",
    }


@wrong("4.1-13", "That compares the cost of a token. A text of twice the length")
def twice_for_a_token_only():
    return {
        "fixed": 3,
        "thousand": 10,
        "level": 3700,
        "twice": 43 / 23,
        "says": "attention's lead shrinks with the length",
    }


@wrong("4.1-14", "Over 32 tokens the interval reaches from behind to far")
def wide_is_equal():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "over 32 tokens the two are equally good",
    }


@wrong("4.2.3-1", "The two of a pair agree, but your exponents are twice what")
def even_number_doubled(seq, d_model, base):
    matrix = torch.empty(seq, d_model)
    for pos in range(seq):
        for i in range(d_model):
            angle = pos / base ** (2 * (i - i % 2) / d_model)
            matrix[pos, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return matrix


@right("4.2.3-1")
def imaginary_and_real(seq, d_model, base):
    f = torch.exp(-math.log(base) * torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    z = torch.polar(torch.ones(seq, d_model // 2, dtype=torch.float64), torch.arange(seq)[:, None] * f)
    return torch.stack([z.imag, z.real], -1).flatten(1).float()


@wrong("4.2.3-2", "Your matrix goes k positions back. The textbook rotation")
def turned_the_other_way_sixth(offset, d_model, base):
    r = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        a = offset / base ** (i / d_model)
        r[i, i] = r[i + 1, i + 1] = math.cos(a)
        r[i, i + 1], r[i + 1, i] = -math.sin(a), math.sin(a)
    return r


@wrong("4.2.3-3", "You add the right products, but divide by seq at every")
def summed_over_all_pairs_by_seq(table):
    g = table @ table.T
    return torch.stack([g.diagonal(k).sum() / len(table) for k in range(len(table))])


@wrong("4.2.3-4", "You add the positions again in each layer. With one layer")
def positions_before_each_layer(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[1] ** 0.5
    for layer in layers:
        x = layer(x + positions[: tokens.shape[1]])
    return x


@wrong("4.2.3-5", "Your first tokens get position 1. How many tokens stand")
def counted_with_itself(is_token):
    return is_token.long().cumsum(1) * is_token


@right("4.2.3-5")
def by_a_triangle(is_token):
    before = torch.ones(is_token.shape[1], is_token.shape[1]).triu(1)
    return (is_token.float() @ before).long().masked_fill(~is_token, 0)


@wrong("4.2.3-6", "All rows get one offset: that of one of them (the")
def the_longest_cache_for_all(x, table, lengths):
    if int(lengths.max()) + x.shape[1] > len(table):
        raise ValueError("no vector")
    start = int(lengths.max())
    return x + table[start : start + x.shape[1]]


@wrong("4.2.3-7", "You pair feature i with feature i + head_dim / 2, as the")
def halves_are_the_pairs(x, positions, base):
    half = x.shape[-1] // 2
    a = positions[:, None] / base ** (2 * torch.arange(half) / x.shape[-1])
    u, v = x[..., :half], x[..., half:]
    return torch.cat([u * a.cos() - v * a.sin(), u * a.sin() + v * a.cos()], -1)


@right("4.2.3-7")
def complex_product(x, positions, base):
    f = base ** -(torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    angle = positions.float()[:, None] * f
    z = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(-2)


@wrong("4.2.3-8", "You rotate the values too, so what is fetched from a")
def values_turned_as_well(query, key, value, rotate):
    n, m = key.shape[2], query.shape[2]
    at = torch.arange(n)
    q, k, v = rotate(query, at[n - m :]), rotate(key, at), rotate(value, at)
    s = q @ k.mT / q.shape[-1] ** 0.5
    return s.masked_fill(at[None] > at[n - m :, None], -torch.inf).softmax(-1) @ v


@wrong("4.2.3-8", "All is rotated rightly, and without a cache you are")
def queries_begin_at_zero_in_the_mask(query, key, value, rotate):
    n, m = key.shape[2], query.shape[2]
    at = torch.arange(n)
    s = rotate(query, at[n - m :]) @ rotate(key, at).mT / query.shape[-1] ** 0.5
    return s.masked_fill(at[None] > at[:m, None], -torch.inf).softmax(-1) @ value


@wrong("4.2.3-9", "Your first head has the slope 1 and each of the others")
def heads_counted_from_zero(num_heads, query_len, key_len):
    slope = 2.0 ** (-8 * torch.arange(num_heads) / num_heads)
    d = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return torch.where(d < 0, -torch.inf, -slope[:, None, None] * d)


@wrong("4.2.3-10", "Long texts are right, but you also change short ones,")
def short_texts_are_stretched_sixth(length, trained_length, head_dim, base):
    at = torch.arange(length) * (trained_length / length)
    return at[:, None] / base ** (torch.arange(0, head_dim, 2) / head_dim)


@wrong("4.2.3-11", "Lay the interval beside 0.02: all of it above is *holds*,")
def a_small_gain_does_not_hold():
    return {
        "claimed": 0.472,
        "due": 0.012,
        "low": 0.012 - 2.776 * 0.006,
        "verdict": "does not hold",
        "control": "the same training at the new length, nothing divided",
    }


@wrong("4.2.3-12", "That takes the exponent 1. The pairs are counted from 0, so")
def the_base_itself_is_the_slowest():
    return {
        "longest": 2 * math.pi * 1000,
        "turned": 7,
        "slowest": 128 / (2 * math.pi * 1000),
        "unseen": "the angles of pairs that had not turned once",
    }


@wrong("4.2-1", "Where the variance is small your result is off: you add")
def eps_outside_of_the_root(x, weight, bias, eps):
    d = x - x.mean(-1, keepdim=True)
    return d / ((d**2).mean(-1, keepdim=True).sqrt() + eps) * weight + bias


@wrong("4.2-1", "Your result is that of adding the bias first and multiplying")
def bias_before_the_weight_sixth(x, weight, bias, eps):
    d = x - x.mean(-1, keepdim=True)
    return (d / ((d**2).mean(-1, keepdim=True) + eps).sqrt() + bias) * weight


@wrong("4.2-2", "Your gate lies between 0 and 1: it went through a")
def a_plain_sigmoid_gate(x, w_gate, w_in, w_out):
    return ((x @ w_gate).sigmoid() * (x @ w_in)) @ w_out


@wrong("4.2-3", "Your second sum adds the layer's first input again")
def the_second_residual_begins_at_x(x, attention, feed_forward, norm_1, norm_2):
    h = norm_1(x + attention(x))
    return norm_2(x + feed_forward(h))


@wrong("4.2-4", "Your feed-forward network reads the layer's input and not")
def the_network_is_added_to_x_before_attention(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x)) + feed_forward(norm_2(x))
    return final_norm(x)


@right("4.2-4")
def a_list_of_terms(x, layers, final_norm):
    terms = [x]
    for norm_1, attention, norm_2, feed_forward in layers:
        terms.append(attention(norm_1(sum(terms))))
        terms.append(feed_forward(norm_2(sum(terms))))
    return final_norm(torch.stack(terms).sum(0))


@wrong("4.2-5", "The padding is gone, but the weights of the real tokens")
def weights_zeroed_after_the_softmax(x, memory, memory_keep, w_query, w_key, w_value):
    q, k = x @ w_query, memory @ w_key
    w = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) * memory_keep[:, None]
    return w @ (memory @ w_value)


@wrong("4.2-6", "All three results are added, but at least one sub-layer reads x")
def the_network_reads_only_the_first_sum(
    x, memory, memory_keep, self_attention, cross_attention, feed_forward
):
    causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    h = x + self_attention(x, causal)
    return h + cross_attention(h, memory, memory_keep[:, None]) + feed_forward(h)


@wrong("4.2-7", "In a short sentence the end token stands in the last")
def labels_filled_in_front(sentences, start, end, pad):
    n = max(map(len, sentences)) + 1
    inputs = [[start, *s] + [pad] * (n - 1 - len(s)) for s in sentences]
    labels = [list(s) + [pad] * (n - 1 - len(s)) + [end] for s in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


@wrong("4.2-8", "It comes out as if probabilities had been handed on as logits, so")
def probabilities_for_logits(logits, labels, pad):
    return F.cross_entropy(logits.softmax(-1).flatten(0, 1), labels.flatten(), ignore_index=pad)


@wrong("4.2-8", "Padding adds nothing to your sum, but it is counted in")
def divided_by_all_places(logits, labels, pad):
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, reduction="sum")
    return total / labels.numel()


@wrong("4.2-9", "The loop ends as soon as one row has said end, whichever it")
def stops_with_the_first_row_sixth(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1)
        tokens = torch.cat([tokens, new[:, None]], 1)
        if (new == end).any():
            break
    return tokens[:, 1:]


@right("4.2-9")
def preallocated(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, max_len + 1), end)
    tokens[:, 0] = start
    done = torch.zeros(batch, dtype=torch.bool)
    n = 0
    while n < max_len and not done.all():
        new = next_logits(tokens[:, : n + 1].clone()).argmax(-1)
        tokens[~done, n + 1] = new[~done]
        done |= new == end
        n += 1
    return tokens[:, 1 : n + 1].clone()


@wrong("4.2-10", "A leak that only one token shows goes unseen: you do not put")
def one_other_token_is_tried(decoder, tokens, vocab_size):
    base, far = decoder(tokens), 0
    for s in range(len(tokens)):
        other = tokens.clone()
        other[s] = (tokens[s] + 1) % vocab_size
        moved = ((decoder(other) - base).abs() > 1e-4).any(-1)
        for t in range(s):
            if moved[t]:
                far = max(far, s - t)
    return far


@wrong("4.2-10", "You report the nearest leak. What counts is the one that")
def the_nearest_leak(decoder, tokens, vocab_size):
    base, far = decoder(tokens), set()
    for s in range(len(tokens)):
        for v in range(vocab_size):
            other = tokens.clone()
            other[s] = v
            moved = ((decoder(other) - base).abs() > 1e-4).any(-1)
            far |= {s - t for t in range(s) if moved[t]}
    return min(far, default=0)


@wrong("4.2-11", "Every beginning gets exactly one child in your result. A")
def the_best_of_each_beam_sixth(log_probs, step_log_probs):
    best, tokens = step_log_probs.max(1)
    total, order = (log_probs + best).sort(descending=True)
    return order, tokens[order], total


@right("4.2-11")
def sorted_in_python(log_probs, step_log_probs):
    total = log_probs[:, None] + step_log_probs
    order = sorted(
        ((b, v) for b in range(total.shape[0]) for v in range(total.shape[1])), key=lambda p: -float(total[p])
    )[: len(log_probs)]
    parents, tokens = torch.tensor(order).T
    return parents, tokens, total[parents, tokens]


@wrong("4.2-12", "These numbers count the matrices and not their biases. They")
def biases_forgotten():
    return {
        "two": 12416,
        "one": 10304,
        "inner": 129,
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }


@wrong("4.2-13", "That divides by the number of layers. From the first to the")
def thirteen_steps_between_thirteen_layers():
    last, first = math.log10(6000), math.log10(0.09 / 0.016)
    return {
        "last": last,
        "first": first,
        "layer": 6000 ** (1 / 13),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }


@wrong("4.2-14", "You say it of every head. The mean of all is far below")
def every_head_aligns():
    return {
        "the best head looks at the right word more than before training",
        "a symbol needs its own word more than another one",
        "Chinese aligns better than digits",
        "every head aligns symbols with words",
    }


@wrong("4.3-1", "Your gates add up to one over the tokens (or over the")
def softmax_over_the_tokens_sixth(x, w_router, experts):
    g = (x @ w_router).softmax(1)
    return sum(g[..., i : i + 1] * e(x) for i, e in enumerate(experts))


@right("4.3-1")
def answers_stacked(x, w_router, experts):
    e = (x @ w_router).exp()
    a = torch.stack([f(x) for f in experts], -1)
    return torch.einsum("bsde,bse->bsd", a, e / e.sum(-1, keepdim=True))


@wrong("4.3-2", "Your gates do not add up to one: the logits of the others are")
def the_others_keep_a_share_of_zero_logits(logits, top_k):
    order = logits.sort(dim=-1, descending=True, stable=True).indices[:, :top_k]
    keep = torch.zeros_like(logits).scatter(1, order, 1.0)
    return (logits * keep).softmax(-1) * keep


@right("4.3-2")
def minus_infinity_for_the_others(logits, top_k):
    order = logits.sort(dim=-1, descending=True, stable=True).indices[:, :top_k]
    hide = torch.ones_like(logits, dtype=torch.bool).scatter(1, order, False)
    return logits.masked_fill(hide, -torch.inf).softmax(-1)


@wrong("4.3-3", "Both gates are right, but your share is never below one: it")
def share_upside_down_sixth(logits, top_k):
    best, order = logits.topk(top_k)
    before = logits.softmax(-1).gather(1, order)
    return before, best.softmax(-1), 1 / before.sum(-1, keepdim=True)


@wrong("4.3-4", "Your loss is the right one over k, as if the counts were")
def f_is_the_share_of_all_choices(logits, top_k):
    p = logits.softmax(-1)
    f = F.one_hot(p.topk(top_k).indices, p.shape[1]).sum(1).float().mean(0) / top_k
    return p.shape[1] * (f * p.mean(0)).sum()


@wrong("4.3-5", "You average first and square afterwards, so a token with")
def the_mean_squared(logits):
    return logits.logsumexp(-1).mean() ** 2


@wrong("4.3-6", "You choose well, but the gates hold the bias as well. It")
def the_bias_enters_the_gate(probs, bias, top_k, rate):
    s = probs + bias
    order = s.topk(top_k).indices
    keep = torch.zeros_like(probs).scatter(1, order, 1.0)
    load = keep.sum(0)
    return s * keep, bias + rate * torch.sign(load.mean() - load)


@wrong("4.3-6", "Your step is larger for an expert that is farther from")
def raised_in_proportion(probs, bias, top_k, rate):
    keep = torch.zeros_like(probs).scatter(1, (probs + bias).topk(top_k).indices, 1.0)
    load = keep.sum(0)
    return probs * keep, bias + rate * (load.mean() - load)


@wrong("4.3-7", "Your softmax runs over the tokens, so an expert's")
def softmax_over_the_tokens_of_an_expert(logits, capacity):
    p = logits.softmax(0)
    order = p.sort(dim=0, descending=True, stable=True).indices[:capacity]
    return p * torch.zeros_like(p).scatter(0, order, 1.0)


@wrong("4.3-8", "You cut the fraction off. With few tokens and many")
def whole_tokens_alone(batch, seq, num_experts, top_k, capacity_factor):
    return int(capacity_factor * batch * seq * top_k / num_experts)


@wrong("4.3-8", "You cut the fraction off, and only see to it that there is")
def rounded_down_sixth(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, int(capacity_factor * batch * seq * top_k / num_experts))


@wrong("4.3-9", "It comes out as if all choices of a token were served before")
def token_after_token_sixth(expert, num_experts, capacity):
    kept, load = torch.zeros_like(expert, dtype=torch.bool), [0] * num_experts
    for t in range(expert.shape[0]):
        for j in range(expert.shape[1]):
            e = int(expert[t, j])
            kept[t, j] = load[e] < capacity
            load[e] += 1
    return kept


@right("4.3-9")
def ranks_by_cumsum(expert, num_experts, capacity):
    line = F.one_hot(expert.T.reshape(-1), num_experts)
    rank = (line.cumsum(0) * line).sum(1)
    return (rank <= capacity).reshape(expert.shape[1], -1).T


@wrong("4.3-10", "You rescale the gates that are left so that they add up")
def gates_raised_again_sixth(x, answers, gates, kept):
    g = gates * kept
    g = g / g.sum(1, keepdim=True).clamp(min=1e-9) * gates.sum(1, keepdim=True)
    a = answers.masked_fill(~kept[..., None], 0.0)
    return x + (g[..., None] * a).sum(1)


@wrong("4.3-11", "A token with several experts keeps the answer of only one")
def answers_laid_over_each_other(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y[t] = gate[t, j, None] * f(x[t])
    return y


@right("4.3-11")
def index_add_per_expert(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e in sorted(set(expert.flatten().tolist())):
        w = (gate * (expert == e)).sum(1)
        rows = (expert == e).any(1).nonzero()[:, 0]
        y = y.index_add(0, rows, w[rows, None] * experts[e](x[rows]))
    return y


@wrong("4.3-12", "A small part is missing: the router, norms, or both (each")
def one_norm_a_layer(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model * d_model + 2 * d_model * d_kv + d_model * num_experts + d_model
    around = 2 * vocab_size * d_model + d_model
    one = 3 * d_model * d_ff
    return num_layers * (rest + num_experts * one) + around, num_layers * (rest + top_k * one) + around


@wrong("4.3-12", "The total is right. For the active weights you count only")
def only_the_chosen_columns_of_the_router(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model * d_model + 2 * d_model * d_kv + 2 * d_model
    around = 2 * vocab_size * d_model + d_model
    one = 3 * d_model * d_ff + d_model
    return num_layers * (rest + num_experts * one) + around, num_layers * (rest + top_k * one) + around


@wrong("4.3-13", "Your experts make two products for each token. A SwiGLU")
def two_matrices_an_expert_sixth(tokens, d_model, d_ff, num_experts, top_k):
    one = 2 * 2 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, num_experts * one, top_k * one


@wrong("4.3-14", "You turn each expert's row into shares of its own first,")
def rows_normed_before(counts):
    p = counts / counts.sum(1, keepdim=True).clamp(min=1)
    p = p / p.sum()
    q = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return torch.where(p > 0, p * (p / q.clamp(min=1e-30)).clamp(min=1e-30).log2(), torch.zeros_like(p)).sum()


@right("4.3-14")
def by_three_entropies(counts):
    p = counts.double() / counts.sum()
    h = [torch.special.entr(q).sum() for q in (p.sum(0), p.sum(1), p)]
    return ((h[0] + h[1] - h[2]) / math.log(2)).float()


@wrong("4.3-15", "That compares the optimizers' times alone. A step is forward")
def the_optimizers_alone_compared():
    return {
        "claimed": 1.8,
        "whole": 80,
        "share": 2400 / 2490,
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


@wrong("4.3-16", "Look at the two knock-outs again: where their intervals")
def overlapping_is_more():
    return {
        "the expert says more about the kind of text than the byte alone",
        "arithmetic needs its busiest expert more than another one",
    }


@wrong("5-1", "You average the batches as if they were equally large.")
def batches_alike(losses, counts, text):
    return sum(losses) / len(losses) * sum(counts) / math.log(2) / len(text.encode())


@right("5-1")
def weighted_by_fsum(losses, counts, text):
    nats = math.fsum(float(a) * int(n) for a, n in zip(losses, counts, strict=False))
    return nats * math.log2(math.e) / len(text.encode("utf-8"))


@wrong("5-2", "It comes out as if passages were compared at certain places")
def held_out_cut_in_pieces(documents, held_out, width):
    measured = {
        documents[index][start : start + width]
        for index in held_out
        for start in range(0, len(documents[index]) - width + 1, width)
    }
    return [
        index not in held_out and not any(passage in text for passage in measured)
        for index, text in enumerate(documents)
    ]


@wrong("5-2", "It comes out as if passages were compared at certain places")
def training_texts_cut_in_pieces(documents, held_out, width):
    def is_measured(passage):
        return any(passage in documents[index] for index in held_out)

    return [
        index not in held_out
        and not any(is_measured(text[i : i + width]) for i in range(0, len(text) - width + 1, width))
        for index, text in enumerate(documents)
    ]


@wrong("5-3", "You compare each evaluation with the one before it. A curve")
def better_than_the_one_before_nan_known(losses, patience):
    best, lowest, before, bad = 0, math.inf, math.inf, 0
    for i, loss in enumerate(losses):
        loss = math.inf if math.isnan(loss) else loss
        bad = 0 if loss < before else bad + 1
        if loss < lowest:
            best, lowest = i, loss
        before = loss
        if bad == patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "You compare each evaluation with the one before it. A curve")
def counted_from_the_last_fall(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        bad = 0 if losses[i] < losses[i - 1] else bad + 1
        if losses[i] < losses[best]:
            best = i
        if bad == patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-4", "All is right but the learning rate: it follows the step's", quick=False)
def the_step_is_forgotten(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    return fresh


@wrong("5-4", "Both runs now hold the same object (model, weights,", quick=False)
def one_generator_for_both_sixth(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator, fresh.step = run.generator, run.step
    return fresh


@wrong("5-5", "You stop one token too early: the kept ones do not reach")
def the_crossing_token_is_left_out(logits, top_p):
    p, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    keep = p.cumsum(-1) <= top_p
    keep[:, 0] = True
    kept = torch.zeros_like(p).scatter(1, order, p * keep)
    return kept / kept.sum(-1, keepdim=True)


@wrong("5-6", "The tokens are right, but the last one is given to the")
def the_last_new_token_is_read_too(model, prompt, max_new):
    tokens = prompt
    logits = model(prompt, torch.arange(len(prompt)))
    for _ in range(max_new):
        new = logits[-1].argmax()[None]
        logits = model(new, torch.tensor([len(tokens)]))
        tokens = torch.cat([tokens, new])
    return tokens


@wrong("5-6", "Behind the prompt your positions are one too high or one")
def new_positions_one_too_far(model, prompt, max_new):
    tokens, fresh, at = prompt, prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        new = model(fresh, at)[-1].argmax()[None]
        tokens = torch.cat([tokens, new])
        fresh, at = new, torch.tensor([len(tokens)])
    return tokens


@wrong("5-7", "Parameters and operations are right; the cache is not. It")
def values_alone_in_the_cache(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    one, att = 2 * d_model * d_ff, 4 * d_model**2
    params = vocab_size * d_model * (2 - tied) + num_layers * (att + router + num_experts * one)
    ops = 2 * (num_layers * (att + router + top_k * one + 2 * context * d_model) + vocab_size * d_model)
    return params, ops, 4 * num_layers * context * d_model


@wrong("5-7", "Where head and table are tied the product with the head is")
def a_tied_head_costs_nothing_sixth(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    one, att = 2 * d_model * d_ff, 4 * d_model**2
    params = vocab_size * d_model * (2 - tied) + num_layers * (att + router + num_experts * one)
    head = 0 if tied else vocab_size * d_model
    ops = 2 * (num_layers * (att + router + top_k * one + 2 * context * d_model) + head)
    return params, ops, 2 * 4 * num_layers * context * d_model


@wrong("5-8", "Your review finds what a test finds that later tokens change", quick=False)
def shapes_and_causality(build):
    model = build().eval()
    a = torch.tensor([[1, 2, 3, 4, 5]])
    b = torch.tensor([[1, 2, 3, 4, 0]])
    out = model(a)
    assert out.shape[:2] == (1, 5)
    assert torch.allclose(out[:, :4], model(b)[:, :4], atol=1e-5)


@wrong("5-8", "Your review sends all models back, the correct ones too.", quick=False)
def same_while_training(build):
    model = build()
    model.train()
    a = torch.tensor([[1, 2, 3, 4, 5]])
    assert torch.equal(model(a), model(a))


EXPERTS = {
    "dense": 110592,
    "experts": 332928,
    "matched": 864,
    "stored": 2,
    "control": "a dense model with that d_ff, its rate tuned as well",
}


@wrong("5-9", "That compares with a network as wide as one expert. The")
def against_the_small_dense_one():
    return {**EXPERTS, "stored": 6}


@wrong("5-9", "That lets all experts answer. A token meets the chosen ones")
def all_six_work():
    return {**EXPERTS, "experts": 6 * 110592 + 1152}


@wrong("5-10", "Lay the interval beside 0.01: all of it above is *holds*,")
def not_shown_read_as_refuted():
    gains = [0.017, -0.011, 0.006, -0.007, 0.008]
    mean, error = statistics.mean(gains), statistics.stdev(gains) / math.sqrt(5)
    return {
        "mean": mean,
        "error": error,
        "low": mean - 2.776 * error,
        "high": mean + 2.776 * error,
        "verdict": "does not hold",
        "contrary": 2,
    }


@wrong("6.1-1", "You leave out `<end>`. A model that never learnt to end a")
def the_end_is_not_said(tokens):
    out, own, kernel = [], False, False
    for t in tokens:
        if t == "<result>":
            kernel = True
        if t == "<end>":
            own = False
        out.append(own and not kernel)
        if t == "<done>":
            kernel = False
        if t == "<assistant>":
            own = True
    return out


@right("6.1-1")
def a_table_of_states(tokens):
    state, out = "out", []
    moves = {
        ("out", "<assistant>"): "own",
        ("own", "<result>"): "kernel",
        ("kernel", "<done>"): "back",
        ("own", "<end>"): "last",
    }
    for t in tokens:
        state = {"back": "own", "last": "out"}.get(state, state)
        before = state
        state = moves.get((state, t), state)
        out.append(before == "own" and state in ("own", "last"))
    return out


@wrong("6.1-2", "For an order of somebody else you answer otherwise than")
def somebody_elses_is_forbidden(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (owner, n) in enumerate(orders):
        if n == number:
            return i if owner == user else -1
    return -2


@wrong("6.1-3", "A message that begins with yes counts in your version. What")
def begins_with_a_yes(pending, said):
    return pending if said.strip().lower().startswith(("yes", "是")) else 0


@right("6.1-3")
def by_a_regular_expression_sixth(pending, said):
    import re

    return pending if re.fullmatch(r"\s*(yes|是)[.!]*\s*", said, re.IGNORECASE) else 0


@wrong("6.1-4", "The reply is not taken off the room for the past. The answer")
def the_reply_takes_no_room(lengths, notes, asked, window, reply):
    room = window - notes - asked
    left = list(lengths)
    while sum(left) > room:
        left.pop(0)
    return len(lengths) - len(left)


@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones")
def small_old_turns_stay(lengths, notes, asked, window, reply):
    room, gone = window - notes - asked - reply, 0
    for n in reversed(lengths):
        if n <= room:
            room -= n
        else:
            gone += 1
    return gone


def wilson(p, n, z=1.96):
    mid, half = (p + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n)
    half *= math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return mid - half, mid + half


@wrong("6.1-5", "That is p plus and minus z · sqrt(p (1 - p) / n). Near 1")
def the_plain_interval():
    half = 1.96 * math.sqrt(0.97 * 0.03 / 200)
    return {"share": 0.97, "low": 0.97 - half, "high": 0.97 + half, "above 0.97": False}


@wrong("6.1-5", "Shown is only what the whole interval says. Lay its lower end")
def a_share_equal_to_it_is_above():
    low, high = wilson(0.97, 200)
    return {"share": 0.97, "low": low, "high": high, "above 0.97": True}


@wrong("6.1-6", "That shares a half out among turns. Chances multiply: take")
def the_allowed_faults_shared_out():
    return {"flawless": 0.97**8, "needed": 1 - 0.5 / 8, "token": 0.97**0.1}


@wrong("6.1-7", "More facts or another seed, asked two turns later, stand in")
def more_facts_sixth():
    return {
        "memory": "more facts",
        "attack": "the same attacks by a user who has the right",
        "language": "the same kinds of turns in both languages",
    }


@wrong("6.1-8", "You say that search is not better than a summary. That")
def overlap_refutes():
    return {"beyond": "holds", "better": "does not hold", "near": "does not hold", "year": "not shown"}


@wrong("6.1-8", "Both were right fifty times out of fifty: of these users")
def equal_counts_show_nothing():
    return {"beyond": "holds", "better": "not shown", "near": "not shown", "year": "not shown"}


@wrong("6.1-9", "finds 4 of 14 bugs")
def rights_alone(make):
    desk = make()
    desk.put("ada", "1", "lamp")
    assert desk.call("ada", [], "find", "1") == "EPERM"
    assert desk.call("ada", ["find"], "cancel", "1") == "EPERM"
    assert desk.call("bob", ["find"], "find", "1") == "ENOENT"
    assert desk.call("ada", ["find"], "find", "1") == "OK lamp packed"


@wrong("6.1-9", "It sends back what is right")
def work_is_one(make):
    desk = make()
    for n in range(5):
        desk.put("ada", str(n), "lamp")
    desk.call("ada", ["find"], "find", "3")
    assert desk.work == 1


@wrong("6.2-1", "That many are left where the old probabilities are added up")
def not_renormed_in_between():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


@wrong("6.2-2", "You sort the wrong way round: a log-probability nearer to")
def the_worst_first(sums, log_probs, width):
    every = [[b, t, s + p] for b, s in enumerate(sums) for t, p in enumerate(log_probs[b])]
    return sorted(every, key=lambda c: c[2])[:width]


@wrong("6.2-2", "For both heirs of one beam win")
def so_many_of_each_beam(sums, log_probs, width):
    out = []
    for b, s in enumerate(sums):
        every = sorted(([b, t, s + p] for t, p in enumerate(log_probs[b])), key=lambda c: -c[2])
        out += every[: max(1, width // len(sums))]
    return sorted(out, key=lambda c: -c[2])[:width]


@wrong("6.2-3", "You allow keywords alone although there is room for one")
def forced_a_token_early(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if left < len(missing):
        return []
    return missing if missing and left <= len(missing) + 1 else list(range(vocab))


@right("6.2-3")
def tried_token_by_token(written, keywords, left, vocab):
    def fits(token):
        return len({k for k in keywords if k not in written and k != token}) <= left - 1

    return [t for t in range(vocab) if fits(t)]


@wrong("6.2-4", "You return one token at most. After the same beginning")
def only_the_last_occurrence(tokens, size):
    prefix = tokens[len(tokens) - size + 1 :]
    for i in range(len(tokens) - size, -1, -1):
        if tokens[i : i + size - 1] == prefix:
            return [tokens[i + size - 1]]
    return []


@right("6.2-4")
def try_every_known_token(tokens, size):
    runs = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    end = tuple(tokens[len(tokens) + 1 - size :]) if len(tokens) >= size - 1 else None
    return sorted({t for t in tokens if end is not None and (*end, t) in runs})


@wrong("6.2-5", "You count the different runs in each text and add them up. A")
def different_in_each_text_sixth(texts, size):
    different = every = 0
    for text in texts:
        runs = [tuple(text[i : i + size]) for i in range(len(text) - size + 1)]
        different += len(set(runs))
        every += len(runs)
    return different / every


@wrong("6.2-6", "That text wins where each sum is divided by its length")
def two_as_one():
    return {"none": "A", "mean": "B", "two": "B", "score": -1.0}


@wrong("6.2-7", "You begin with the least suspected word. The list begins")
def highest_last(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    hits, total = 0, 0.0
    for place, i in enumerate(order, 1):
        if wrong[i]:
            hits += 1
            total += hits / place
    return total / hits


@wrong("6.2-7", "You average the precision over all ranks. Only the ranks")
def mean_over_all_words(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    hits, total = 0, 0.0
    for place, i in enumerate(order, 1):
        if wrong[i]:
            hits += 1
        total += hits / place
    return total / len(scores)


@right("6.2-7")
def by_counting_pairs(scores, wrong):
    bad = [s for s, w in zip(scores, wrong, strict=False) if w]
    return sum(sum(b >= s for b in bad) / sum(x >= s for x in scores) for s in bad) / len(bad)


@wrong("6.2-8", "That is the logarithm without the 1 +. Then a word that most")
def without_the_one():
    return {"common": math.log(160.5 / 240.5), "rare": math.log(398.5 / 2.5), "gain": 2}


@wrong("6.2-9", "The same measure again, for more beams or under the")
def more_beams():
    return {
        "coverage": "coverage of another order's keywords",
        "quality": "perplexity with more beams",
        "errors": "the share of marked words that are wrong",
    }


@wrong("6.2-10", "Better was measured by nobody: fewer bits under a model make")
def fewer_bits_are_better_sixth():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
        "beam search is better than temperature 1",
    }

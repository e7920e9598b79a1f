"""Chapters 4 and 5: wrong answers drawn after the checker was mended on the others, one slip each."""

import math

import torch
import torch.nn.functional as F

from trial.answers import wrong


@wrong("4.1-1", "scaled once")
def root_of_the_wrong_operand(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(key.shape[-1] * query.shape[-2])


@wrong("4.1-2", "something multiplied")
def epsilon_in_the_denominator(scores):
    e = torch.exp(scores - scores.max(-1, keepdim=True).values)
    return e / (e.sum(-1, keepdim=True) + 0.1)


@wrong("4.1-3", "16 places")
def masked_by_position_of_value(query, key, value):
    seq = query.shape[-2]
    mask = torch.arange(seq) > torch.arange(seq).flip(0)[:, None]  # the other diagonal
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.masked_fill(mask, -torch.inf).softmax(-1).nan_to_num() @ value


@wrong("4.1-4", "Padding contributes")
def values_of_padding_zeroed(query, key, value, is_token):
    weights = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)
    return weights @ value.masked_fill(~is_token[..., None], 0)  # their weights are still lost


@wrong("4.1-6", "All your heads read with the same weights, those of")
def heads_never_separated_in_values(x, w_query, w_key, w_value, w_out, num_heads):
    q, k = ((x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1).mean(1)  # one average pattern for all heads
    return weights @ (x @ w_value) @ w_out


@wrong("4.1-7")
def cache_of_the_first_row_only(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys = torch.cat([cached_keys, x @ w_key], 1)
    values = torch.cat([cached_values, x @ w_value], 1)
    weights = (x @ w_query @ keys.mT / x.shape[-1] ** 0.5).softmax(-1)  # d_model, not dim
    return weights @ values, keys, values


@wrong("4.1-8")
def largest_weight_for_the_mean(weights, period):
    t = torch.arange(period, weights.shape[1])
    return weights[:, t, t - period + 1].amax(1)


@wrong("4.1-9", "keys read equally")
def entropy_of_the_mean_row(weights):
    p = weights.mean(-2)
    return (torch.special.entr(p) / math.log(2)).sum(-1, keepdim=True).expand(weights.shape[:-1])


@wrong("4.1-11", "KV head")
def kv_heads_interleaved_backwards(query, key, value):
    share = query.shape[1] // key.shape[1]
    key, value = key.flip(1).repeat_interleave(share, 1), value.flip(1).repeat_interleave(share, 1)
    return F.scaled_dot_product_attention(query, key, value)


@wrong("4.2.3-1", "cosines stand")
def cosine_first(seq, d_model, base):
    angles = torch.arange(seq)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.cos(), angles.sin()], -1).flatten(1)


@wrong("4.2.3-3", "It comes out as if each pair were counted in both directions and")
def later_positions_twice(table):
    products, n = table @ table.T, len(table)
    sums = torch.zeros(n)
    for i in range(n):
        for j in range(n):
            sums[abs(i - j)] += products[i, j]
    return sums / torch.arange(n, 0, -1)  # pairs in both orders are added, one order is counted


@wrong("4.2.3-5", "Padding behind gets the last token's number in your")
def padding_behind_counted(is_token):
    before = (~is_token).cumsum(-1)
    return (torch.arange(is_token.shape[1]) - before).clamp(min=0)  # padding behind keeps a number


@wrong("4.2.3-7", "first pair")
def base_to_the_pair_number(x, positions, base):
    a, b = x[..., ::2], x[..., 1::2]
    angles = positions[:, None] / base ** (torch.arange(a.shape[-1]) / x.shape[-1])  # i, not 2i
    c, s = angles.cos(), angles.sin()
    return torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)


@wrong("4.2.3-8", "Queries and keys are one place off against each other, so that")
def both_counted_from_the_end(query, key, value, rotate):
    new, seq = query.shape[-2], key.shape[-2]
    place = torch.arange(seq)
    q, k = rotate(query, place[-new:] + 1), rotate(key, place)  # one too far
    mask = torch.ones(new, seq, dtype=torch.bool).triu(seq - new + 1)
    return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(mask, -torch.inf).softmax(-1) @ value


@wrong("4.2.3-9", "slopes should")
def slopes_of_halving(num_heads, query_len, key_len):
    slopes = 0.5 ** torch.arange(1, num_heads + 1)  # right for 8 heads alone
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)
    return (-slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)


@wrong("4.2-1", "Your result is that of adding the bias first and multiplying")
def weight_after_the_bias(x, weight, bias, eps):
    normed = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + eps).sqrt()
    return (normed + bias) * weight


@wrong("4.2-3", "gets another argument")
def residual_twice(x, attention, feed_forward, norm_1, norm_2):
    y = norm_1(x + attention(x))
    return norm_2(x + y + feed_forward(y))


@wrong("4.2-6", "All three results are added, but at least one sub-layer reads x")
def memory_is_the_encoded_target(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    h = x + self_attention(x, torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril())
    h = h + cross_attention(x, memory, memory_keep[:, None])  # asks with x, not with h
    return h + feed_forward(h)


@wrong("4.2-8")
def label_smoothing_left_in(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad, label_smoothing=0.1)


@wrong("4.2-9", "The last column is missing in your result.")
def end_itself_cut_off(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1).masked_fill(done, end)
        done |= new == end
        if done.all():
            break  # before the last end is written
        tokens = torch.cat([tokens, new[:, None]], 1)
    return tokens[:, 1:]


@wrong("4.2-11", "The right continuations are there, but not from best to worst.")
def worst_first(log_probs, step_log_probs):
    vocab = step_log_probs.shape[1]
    best, flat = (log_probs[:, None] + step_log_probs).flatten().topk(len(log_probs))
    return (flat // vocab).flip(0), (flat % vocab).flip(0), best.flip(0)


@wrong("4.3-2")
def gates_of_the_squares(logits, top_k):
    chosen = logits.abs().topk(top_k).indices  # the largest in size
    return torch.zeros_like(logits).scatter(-1, chosen, logits.gather(-1, chosen).softmax(-1))


@wrong("4.3-4", "multiply choice")
def load_of_the_softmax_argmax_per_batch(logits, top_k):
    chosen = torch.zeros_like(logits).scatter(-1, logits.topk(top_k).indices, 1.0)
    return logits.shape[1] * (chosen * logits.softmax(-1)).mean(0).sum()  # mean of products


@wrong("4.3-5", "You take the mean of the logarithms, or of their absolute")
def absolute_for_square(logits):
    return logits.logsumexp(-1).abs().mean()


@wrong("4.3-6", "You compare the loads with another number than their mean: it")
def mean_of_those_with_tokens(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * (load[load > 0].mean() - load).sign()


@wrong("4.3-9", "who come last")
def served_from_the_back(expert, num_experts, capacity):
    order = F.one_hot(expert.T.flatten(), num_experts).flip(0)
    place = (order.cumsum(0) * order).sum(-1).flip(0)
    return (place <= capacity).reshape(expert.T.shape).T


@wrong("4.3-10", "last choice")
def last_choice_only(x, answers, gates, kept):
    y = x
    for j in range(gates.shape[1]):
        y = x + torch.where(kept[:, j, None], gates[:, j, None] * answers[:, j], 0)  # x, not y
    return y


@wrong("4.3-12", "two norms")
def norms_once(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model**2 + 2 * d_model * d_kv + d_model * num_experts + d_model  # two norms a layer
    outside = 2 * vocab_size * d_model + d_model
    return tuple(num_layers * (rest + n * 3 * d_model * d_ff) + outside for n in (num_experts, top_k))


@wrong("4.3-14", "Below your ratio stands one margin, that of the experts or")
def information_about_the_total(counts):
    p = counts / counts.sum()
    share = p.sum(1)
    return (torch.special.entr(share).sum() - torch.special.entr(p).sum()) / math.log(2)  # minus H(d | i)


@wrong("5-2", "is False and should be True")
def every_document_against_every_other(documents, held_out, width):
    passages = [{d[i : i + width] for i in range(len(d) - width + 1)} for d in documents]
    return [
        n not in held_out and not any(p & q for m, q in enumerate(passages) if m != n)
        for n, p in enumerate(passages)
    ]


@wrong("5-3", "best loss")
def nan_taken_for_the_best(losses, patience):
    best, index, bad = float("inf"), 0, 0
    for i, loss in enumerate(losses):
        if not loss >= best:  # NaN is not >= anything
            best, index, bad = loss, i, 0
        else:
            bad += 1
        if bad == patience:
            return i, index
    return len(losses) - 1, index


@wrong("5-4", "two optimizers")
def optimizer_shares_its_moments(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())  # torch does not copy the moments
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


@wrong("5-5", "All tokens keep the probability that they had: nothing is")
def sum_over_the_batch(logits, top_p):
    p = logits.softmax(-1)
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    kept = ordered * (ordered.cumsum(0) - ordered < top_p - 1e-6)  # down the rows
    kept = torch.zeros_like(p).scatter(-1, order, kept)
    return kept / kept.sum(-1, keepdim=True)


@wrong("5-6", "row answers")
def first_new_token_twice(model, prompt, max_new):
    tokens = prompt
    logits = model(prompt, torch.arange(len(prompt)))
    for _ in range(max_new):
        new = logits[0].argmax()[None]  # the first position's answer
        tokens = torch.cat([tokens, new])
        if len(tokens) < len(prompt) + max_new:
            logits = model(new, torch.tensor([len(tokens) - 1]))
    return tokens


@wrong("5-7", "visits top_k")
def cache_of_all_experts(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts * (num_experts > 1)
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = (2 - tied) * table + num_layers * (attention + num_experts * expert + router)
    layer = attention + num_experts * expert + router + 2 * context * d_model  # all experts work
    return parameters, 2 * (num_layers * layer + table), num_layers * context * d_model * 2 * 4

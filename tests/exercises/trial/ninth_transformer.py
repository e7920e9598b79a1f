"""A ninth trial, chapter 4.2: slips that the cases or the words of the time before did not tell."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong

INF = float("inf")


def _c(x):
    return x - x.mean(-1, keepdim=True)


def T(n, d=0):
    return torch.ones(n, n).tril(d).bool()


def pad_(rows, p):
    n = max(map(len, rows))
    return torch.tensor([list(r_) + [p] * (n - len(r_)) for r_ in rows])


def D(decoder, tokens, s, v):
    o = tokens.clone()
    o[s] = v
    return (decoder(o) - decoder(tokens)).abs().amax(-1) >= 1e-4


def P(decoder, tokens, vocab):
    return [
        (s, t)
        for s in range(len(tokens))
        for v in range(vocab)
        for t in D(decoder, tokens, s, v).nonzero().flatten().tolist()
    ]


# Axis 1, which is that of the features in a table alone
@wrong("4.2-1", "You take mean and variance over the tokens (or the batch) for")
def axis_1_which_is_that_of_the_features_in_a_ta(x, weight, bias, eps):
    return (x - x.mean(1, keepdim=True)) / (x.var(1, correction=0, keepdim=True) + eps).sqrt() * weight + bias


# eps as the least deviation
@wrong("4.2-1", "It comes out as if eps were a floor under the variance or the")
def eps_as_the_least_deviation(x, weight, bias, eps):
    return _c(x) / x.std(-1, correction=0, keepdim=True).clamp_min(eps) * weight + bias


# A variance for everything
@wrong("4.2-1", "Either the mean or the variance is taken over the whole")
def a_variance_for_everything(x, weight, bias, eps):
    return _c(x) / (x.var(correction=0) + eps).sqrt() * weight + bias


# The squares are added up
@wrong("4.2-1", "It comes out as if the squared deviations were added up and")
def the_squares_are_added_up(x, weight, bias, eps):
    return _c(x) / ((_c(x) ** 2).sum(-1, keepdim=True) + eps).sqrt() * weight + bias


# x is bent before the map
@wrong("4.2-2", "It comes out as if x itself went through SiLU, before the")
def x_is_bent_before_the_map(x, w_gate, w_in, w_out):
    return (F.silu(x) @ w_gate * (x @ w_in)) @ w_out


# softplus for SiLU
@wrong("4.2-2", "The gate goes through a neighbour of SiLU (such as ReLU,")
def softplus_for_silu(x, w_gate, w_in, w_out):
    return (F.softplus(x @ w_gate) * (x @ w_in)) @ w_out


# The second sum adds what was there before norm_1
@wrong("4.2-3", "Your second half takes the first sum as it was before its")
def the_second_sum_adds_what_was_there_before_no(x, attention, feed_forward, norm_1, norm_2):
    s = x + attention(x)
    return norm_2(s + feed_forward(norm_1(s)))


# The network reads the sum before its norm
@wrong("4.2-3", "Your second half takes the first sum as it was before its")
def the_network_reads_the_sum_before_its_norm(x, attention, feed_forward, norm_1, norm_2):
    s = x + attention(x)
    return norm_2(norm_1(s) + feed_forward(s))


# Both norms at the end
@wrong("4.2-3", "Both sums are there, but a norm is missing, or both stand at")
def both_norms_at_the_end(x, attention, feed_forward, norm_1, norm_2):
    x = x + attention(x)
    x = x + feed_forward(x)
    return norm_2(norm_1(x))


# The second half is missing
@wrong("4.2-3", "Only one of the two sub-layers has a part in your result,")
def the_second_half_is_missing(x, attention, feed_forward, norm_1, norm_2):
    return norm_1(x + attention(x))


# The network first, each with its own norm
@wrong("4.2-3", "You run the feed-forward network before attention. Both have")
def the_network_first_each_with_its_own_norm(x, attention, feed_forward, norm_1, norm_2):
    h = norm_2(x + feed_forward(x))
    return norm_1(h + attention(h))


# The return stands in the loop
@wrong("4.2-4", "With one layer you are right. With more it comes out as if")
def the_return_stands_in_the_loop(x, layers, final_norm):
    for n, a, m, f in layers:
        x = x + a(n(x))
        x = x + f(m(x))
        return final_norm(x)
    return None


# The last layer first
@wrong("4.2-4", "With one layer you are right. With more it comes out as if")
def the_last_layer_first(x, layers, final_norm):
    for n, a, m, f in reversed(layers):
        x = x + a(n(x))
        x = x + f(m(x))
    return final_norm(x)


# What attention wrote is read and lost
@wrong("4.2-4", "The network reads what attention has added, but the sum that")
def what_attention_wrote_is_read_and_lost(x, layers, final_norm):
    for n, a, m, f in layers:
        y = x + a(n(x))
        x = x + f(m(y))
    return final_norm(x)


# The network replaces x
@wrong("4.2-4", "At least one of the two sub-layers replaces x instead of")
def the_network_replaces_x(x, layers, final_norm):
    for n, a, m, f in layers:
        x = x + a(n(x))
        x = f(m(x))
    return final_norm(x)


# Masked late and shared out again
@wrong("4.2-5", "This works while scores are small. With scores of tens of")
def masked_late_and_shared_out_again(x, memory, memory_keep, w_query, w_key, w_value):
    s = ((x @ w_query) @ (memory @ w_key).mT / w_query.shape[1] ** 0.5).softmax(-1) * memory_keep[:, None]
    return s / s.sum(-1, keepdim=True) @ (memory @ w_value)


# Cross-attention reads the first x
@wrong("4.2-6", "All three results are added, but at least one sub-layer reads")
def cross_attention_reads_the_first_x(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    y = x + self_attention(x, T(x.shape[1]))
    z = y + cross_attention(x, memory, memory_keep[:, None])
    return z + feed_forward(z)


# All three beside each other
@wrong("4.2-6", "All three results are added, but at least one sub-layer reads")
def all_three_beside_each_other(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    return (
        x
        + self_attention(x, T(x.shape[1]))
        + cross_attention(x, memory, memory_keep[:, None])
        + feed_forward(x)
    )


# No network
@wrong("4.2-6", "One of the three has no part in your result: cross-attention")
def no_network(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    x = x + self_attention(x, T(x.shape[1]))
    return x + cross_attention(x, memory, memory_keep[:, None])


# Filled up with 0
@wrong("4.2-7", "Your rows are filled up with a number of your own, such as 0")
def filled_up_with_0(sentences, start, end, pad):
    return pad_([[start, *s] for s in sentences], 0), pad_([[*s, end] for s in sentences], 0)


# The labels are the inputs rolled by one
@wrong("4.2-7", "It comes out as if the labels were the inputs moved round by")
def the_labels_are_the_inputs_rolled_by_one(sentences, start, end, pad):
    f = pad_([[start, *s] for s in sentences], pad)
    return f, f.roll(-1, 1)


# From worst to best
@wrong("4.2-11", "The right continuations are there, but not from best to")
def from_worst_to_best(log_probs, step_log_probs):
    t = (log_probs[:, None] + step_log_probs).flatten().topk(len(log_probs))
    v = step_log_probs.shape[1]
    i = t.indices.flip(0)
    return i // v, i % v, t.values.flip(0)


# Chosen by the new tokens alone
@wrong("4.2-11", "You compare the new tokens alone, as if all beginnings were")
def chosen_by_the_new_tokens_alone(log_probs, step_log_probs):
    v = step_log_probs.shape[1]
    i = step_log_probs.flatten().topk(len(log_probs)).indices
    return i // v, i % v, log_probs[i // v] + step_log_probs[i // v, i % v]


# Stops at the first distance where nothing moves
@wrong("4.2-10", "It comes out as if the search went from near to far and ended")
def stops_at_the_first_distance_where_nothing_mo(decoder, tokens, vocab_size):
    p = {s - t for s, t in P(decoder, tokens, vocab_size)}
    d = 0
    while d + 1 in p:
        d += 1
    return d


# The changed token is not put back
@wrong("4.2-10", "It comes out as if a token that was changed stays so while")
def the_changed_token_is_not_put_back(decoder, tokens, vocab_size):
    base = decoder(tokens)
    o = tokens.clone()
    far = 0
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o[s] = v
            m = (decoder(o) - base).abs().amax(-1) >= 1e-4
            for t in range(s):
                if m[t]:
                    far = max(far, s - t)
    return far


# Not put back, from token 1 on
@wrong("4.2-10", "It comes out as if a token that was changed stays so while")
def not_put_back_from_token_1_on(decoder, tokens, vocab_size):
    base = decoder(tokens)
    o = tokens.clone()
    far = 0
    for s in range(1, len(tokens)):
        for v in range(vocab_size):
            if v == tokens[s]:
                continue
            o[s] = v
            m = (decoder(o)[:s] - base[:s]).abs().amax(-1) >= 1e-4
            if m.any():
                far = max(far, s - int(m.nonzero()[0]))
    return far


# The mean of the moves
@wrong("4.2-10", "A leak that moves one logit alone goes unseen, as it does")
def the_mean_of_the_moves(decoder, tokens, vocab_size):
    b = decoder(tokens)
    far = 0
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o = tokens.clone()
            o[s] = v
            m = (decoder(o) - b).abs().mean(-1) >= 1e-4
            for t in range(s):
                if m[t]:
                    far = max(far, s - t)
    return far


# The first logit alone
@wrong("4.2-10", "A leak that moves one logit alone goes unseen, as it does")
def the_first_logit_alone(decoder, tokens, vocab_size):
    b = decoder(tokens)
    far = 0
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o = tokens.clone()
            o[s] = v
            m = ((decoder(o) - b).abs() >= 1e-4)[:, 0]
            for t in range(s):
                if m[t]:
                    far = max(far, s - t)
    return far


# Only rises
@wrong("4.2-10", "It comes out as if a logit had to rise by 1e-4. Falling is")
def only_rises(decoder, tokens, vocab_size):
    b = decoder(tokens)
    far = 0
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o = tokens.clone()
            o[s] = v
            m = (decoder(o) - b).amax(-1) >= 1e-4
            for t in range(s):
                if m[t]:
                    far = max(far, s - t)
    return far


# s for s - t
@wrong("4.2-10", "You report a place and not a distance: that of the token that")
def s_for_s_t(decoder, tokens, vocab_size):
    return max([0] + [s for s, t in P(decoder, tokens, vocab_size) if t < s])


# The next token is never tried
@wrong("4.2-10", "It comes out as if some pairs were never looked at: those")
def the_next_token_is_never_tried(decoder, tokens, vocab_size):
    return max([0] + [s - t for s, t in P(decoder, tokens, vocab_size) if t < s - 1])


# The last token of the vocabulary stays
@wrong("4.2-10", "A leak that only one token shows goes unseen: you do not put")
def the_last_token_of_the_vocabulary_stays(decoder, tokens, vocab_size):
    far = 0
    for s in range(len(tokens)):
        m = D(decoder, tokens, s, min(int(tokens[s]) + 1, vocab_size - 1))
        for t in range(s):
            if m[t]:
                far = max(far, s - t)
    return far


# Token 0 is never put in
@wrong("4.2-10", "A leak that only one token shows goes unseen: you do not put")
def token_0_is_never_put_in(decoder, tokens, vocab_size):
    return max(
        [0]
        + [
            s - t
            for s in range(len(tokens))
            for v in range(1, vocab_size)
            for t in D(decoder, tokens, s, v).nonzero().flatten().tolist()
            if t < s
        ]
    )


# The first leak that is met
@wrong("4.2-10", "It comes out as if the first leak that is met, or the last,")
def the_first_leak_that_is_met(decoder, tokens, vocab_size):
    for s in range(len(tokens)):
        for v in range(vocab_size):
            m = D(decoder, tokens, s, v)[:s].nonzero().flatten()
            if len(m):
                return s - int(m[0])
    return 0


# A threshold of a hundredth
@wrong("4.2-10", "It comes out as if your threshold were too high (or")
def a_threshold_of_a_hundredth(decoder, tokens, vocab_size):
    b = decoder(tokens)
    far = 0
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o = tokens.clone()
            o[s] = v
            m = (decoder(o) - b).abs().amax(-1) >= 1e-2
            for t in range(s):
                if m[t]:
                    far = max(far, s - t)
    return far


# Neighbours in the vocabulary are compared with each other
@right("4.2-10")
def neighbours_in_the_vocabulary_are_compared_wi(decoder, tokens, vocab_size):
    # compares logits of two replacements only (v and v+1) fine but base missing original -> still ok?
    far = 0
    for s in range(len(tokens)):
        for v in range(vocab_size - 1):
            o = tokens.clone()
            o[s] = v
            p = tokens.clone()
            p[s] = v + 1
            m = (decoder(o) - decoder(p)).abs().amax(-1) >= 1e-4
            for t in range(s):
                if m[t]:
                    far = max(far, s - t)
    return far

"""A third trial, written from the statements alone before any of it was run: chapter 4.2."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.2-1", "The normed numbers are slightly too small, the more so the")
def variance_with_n_1(x, weight, bias, eps):
    return (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + eps) * weight + bias


@wrong("4.2-1", "Where the variance is small your result is off: you add eps to the")
def eps_added_to_the_deviation_again(x, weight, bias, eps):
    m = x.mean(-1, keepdim=True)
    return (x - m) / (x.std(-1, keepdim=True, correction=0) + eps) * weight + bias


@wrong("4.2-1", "You divide by the standard deviation, but the vectors are still off")
def no_mean_taken_away(x, weight, bias, eps):
    return x / torch.sqrt(x.var(-1, keepdim=True, correction=0) + eps) * weight + bias


@wrong("4.2-2", "The nonlinearity sits on the other branch: your values go through")
def the_values_go_through_silu(x, w_gate, w_in, w_out):
    return (F.silu(x @ w_in) * (x @ w_gate)) @ w_out


@wrong("4.2-2", "Your gate lies between 0 and 1: it went through a sigmoid. That is")
def sigmoid_for_silu(x, w_gate, w_in, w_out):
    return (torch.sigmoid(x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-3", "Your norms stand in front of attention and feed-forward network")
def pre_norm(x, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x))
    return x + feed_forward(norm_2(x))


@wrong("4.2-3", "You norm what the sub-layer returned and add x afterwards, so the sum")
def norm_before_the_sum(x, attention, feed_forward, norm_1, norm_2):
    x = x + norm_1(attention(x))
    return x + norm_2(feed_forward(x))


@wrong("4.2-3", "Your feed-forward network reads the layer's input, beside attention")
def feed_forward_reads_the_input(x, attention, feed_forward, norm_1, norm_2):
    a = norm_1(x + attention(x))
    return norm_2(a + feed_forward(x))


@wrong("4.2-4", "You apply final_norm inside the loop, so it stands on the path as")
def final_norm_after_each_layer(x, layers, final_norm):
    for n1, a, n2, ff in layers:
        x = x + a(n1(x))
        x = x + ff(n2(x))
        x = final_norm(x)
    return x


@wrong("4.2-4", "You overwrite x with its norm and then add to that, so every layer")
def the_normed_is_what_is_added_to(x, layers, final_norm):
    for n1, a, n2, ff in layers:
        h = n1(x)
        x = h + a(h)
        h = n2(x)
        x = h + ff(h)
    return final_norm(x)


@wrong("4.2-4", "With one layer you are right. With more it comes out as if only")
def return_inside_the_loop(x, layers, final_norm):
    for n1, a, n2, ff in layers:
        x = x + a(n1(x))
        x = x + ff(n2(x))
        return final_norm(x)
    return None


@wrong("4.2-5", "Where there is padding, your queries read it and leave the")
def mask_the_wrong_way_round_again(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    s = q @ k.mT / math.sqrt(q.shape[-1])
    return s.masked_fill(memory_keep[:, None, :], -1e9).softmax(-1) @ v


@wrong("4.2-5", "You divide, but by the root of another width: what matters is how")
def scaled_by_d_model_again(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    s = q @ k.mT / math.sqrt(x.shape[-1])
    return s.masked_fill(~memory_keep[:, None, :], -math.inf).softmax(-1) @ v


@wrong("4.2-5", "Padding gets a score of 0 in your result, and that is a score like")
def padded_scores_set_to_0(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    s = q @ k.mT / math.sqrt(q.shape[-1])
    s = s * memory_keep[:, None, :]
    return s.softmax(-1) @ v


@wrong("4.2-6", "Both of your masks are turned round: the target reads its future")
def true_where_it_may_not_read(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n = x.shape[1]
    causal = torch.ones(1, n, n, dtype=torch.bool).triu(1)
    x = x + self_attention(x, causal)
    x = x + cross_attention(x, memory, ~memory_keep[:, None, :])
    return x + feed_forward(x)


@wrong("4.2-6", "The masks are right, but one of the sub-layers replaces x instead of")
def no_residual_around_cross_attention_again(
    x, memory, memory_keep, self_attention, cross_attention, feed_forward
):
    n = x.shape[1]
    x = x + self_attention(x, torch.ones(1, n, n, dtype=torch.bool).tril())
    x = cross_attention(x, memory, memory_keep[:, None, :])
    return x + feed_forward(x)


@wrong("4.2-6", "All parts are there, in another order. First the target looks at")
def cross_before_self(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n = x.shape[1]
    x = x + cross_attention(x, memory, memory_keep[:, None, :])
    x = x + self_attention(x, torch.ones(1, n, n, dtype=torch.bool).tril())
    return x + feed_forward(x)


@wrong("4.2-7", "Inputs and labels are the same row, so the decoder is asked for the")
def labels_not_shifted_again(sentences, start, end, pad):
    n = max(map(len, sentences)) + 1
    inp = [[start] + s + [pad] * (n - 1 - len(s)) for s in sentences]
    lab = [[start] + s + [pad] * (n - 1 - len(s)) for s in sentences]
    return torch.tensor(inp), torch.tensor(lab)


@wrong("4.2-7", "In a short sentence the end token stands in the last column, behind")
def end_stands_behind_the_padding(sentences, start, end, pad):
    n = max(map(len, sentences))
    inp = [[start] + s + [pad] * (n - len(s)) for s in sentences]
    lab = [s + [pad] * (n - len(s)) + [end] for s in sentences]
    return torch.tensor(inp), torch.tensor(lab)


@wrong("4.2-8", "Padding adds nothing to your sum, but it is counted in the number")
def padding_in_the_denominator(logits, labels, pad):
    nll = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    return (nll * (labels != pad)).mean()


@wrong("4.2-8", "Your loss also asks the decoder to predict padding. Where there is")
def padding_is_scored(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


@wrong("4.2-8", "You average the probabilities (or one minus them). A loss that goes")
def nll_loss_of_probabilities(logits, labels, pad):
    return F.nll_loss(logits.softmax(-1).flatten(0, 1), labels.flatten(), ignore_index=pad)


@wrong("4.2-9", "A row that has said end goes on with words while its neighbours are")
def a_row_that_has_ended_goes_on(next_logits, batch, start, end, max_len):
    t = torch.full((batch, 1), start)
    for _ in range(max_len):
        t = torch.cat([t, next_logits(t).argmax(-1, keepdim=True)], 1)
        if (t == end).any(1).all():
            break
    return t[:, 1:]


@wrong("4.2-9", "The start token still stands in front of each row. The decoder had to")
def start_is_returned(next_logits, batch, start, end, max_len):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        n = next_logits(t).argmax(-1)
        n[done] = end
        t = torch.cat([t, n[:, None]], 1)
        done = done | (n == end)
        if done.all():
            break
    return t


@wrong("4.2-9", "The loop ends as soon as one row has said end, whichever it")
def stops_when_the_first_row_has_ended(next_logits, batch, start, end, max_len):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        n = next_logits(t).argmax(-1)
        n = torch.where(done, torch.full_like(n, end), n)
        t = torch.cat([t, n[:, None]], 1)
        done |= n == end
        if done.any():
            break
    return t[:, 1:]


@wrong("4.2-10", "Only what the last token does to others is seen. A decoder")
def only_the_last_token_is_changed(decoder, tokens, vocab_size):
    a = decoder(tokens)
    other = tokens.clone()
    other[-1] = (other[-1] + 1) % vocab_size
    moved = (decoder(other) - a).abs().amax(-1) >= 1e-4
    s = len(tokens) - 1
    return max([s - t for t in range(s) if moved[t]], default=0)


@wrong("4.2-10", "You return whether there is a leak, or a count of leaks, of")
def counts_how_many_positions_look_ahead(decoder, tokens, vocab_size):
    a = decoder(tokens)
    ahead = set()
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o = tokens.clone()
            o[s] = v
            moved = (decoder(o) - a).abs().amax(-1) >= 1e-4
            ahead |= {t for t in range(s) if moved[t]}
    return len(ahead)


@wrong("4.2-10", "You report the nearest leak. What counts is the one that reaches")
def distance_to_the_nearest_not_the_farthest(decoder, tokens, vocab_size):
    a = decoder(tokens)
    d = []
    for s in range(len(tokens)):
        for v in range(vocab_size):
            o = tokens.clone()
            o[s] = v
            moved = (decoder(o) - a).abs().amax(-1) >= 1e-4
            d += [s - t for t in range(s) if moved[t]]
    return min(d, default=0)


@wrong("4.2-11", "Every beginning gets exactly one child in your result. A poor")
def the_best_of_each_beam(log_probs, step_log_probs):
    v, t = (log_probs[:, None] + step_log_probs).max(1)
    o = v.argsort(descending=True)
    return o, t[o], v[o]


@wrong("4.2-11", "You compare the new tokens alone, as if all beginnings were equally")
def the_past_is_forgotten(log_probs, step_log_probs):
    n, v = step_log_probs.shape
    top = step_log_probs.flatten().topk(n)
    return top.indices // v, top.indices % v, top.values


@wrong("4.2-11", "Your first tensor holds the tokens and the second the parents (or the")
def beam_and_token_exchanged(log_probs, step_log_probs):
    n, v = step_log_probs.shape
    top = (log_probs[:, None] + step_log_probs).flatten().topk(n)
    return top.indices % v, top.indices // v, top.values


@wrong("4.2-1", "Your result is that of adding the bias first and multiplying")
def bias_before_the_weight(x, weight, bias, eps):
    m = x.mean(-1, keepdim=True)
    v = x.var(-1, keepdim=True, correction=0)
    return ((x - m) / (v + eps).sqrt() + bias) * weight


@wrong("4.2-2", "You add gate and values. A gate has to be able to close: which")
def gate_and_values_added(x, w_gate, w_in, w_out):
    return (F.silu(x @ w_gate) + x @ w_in) @ w_out


@wrong("4.2-5", "Your results are what the solution gives if `w_key` stood in the")
def values_without_their_matrix(x, memory, memory_keep, w_query, w_key, w_value):
    q, k = x @ w_query, memory @ w_key
    s = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~memory_keep[:, None, :], -math.inf)
    return s.softmax(-1) @ (memory @ w_key)


@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left")
def inputs_end_with_end_as_well(sentences, start, end, pad):
    n = max(map(len, sentences)) + 1

    def fill(row):
        return (row + [pad] * n)[:n]

    return torch.tensor([fill([start, *s, end]) for s in sentences]), torch.tensor(
        [fill([*s, end]) for s in sentences]
    )


@wrong("4.2-11", "The right continuations are there, but not from best to worst.")
def worst_first_again(log_probs, step_log_probs):
    n, v = step_log_probs.shape
    top = (log_probs[:, None] + step_log_probs).flatten().topk(n)
    i = top.indices.flip(0)
    return i // v, i % v, top.values.flip(0)


@wrong("4.2-3", "The structure is right, but norm_2 stands where norm_1 belongs, or")
def one_norm_for_both(x, attention, feed_forward, norm_1, norm_2):
    x = norm_1(x + attention(x))
    return norm_1(x + feed_forward(x))


@wrong("4.2-4", "The sums are right, but norm_2 stands where norm_1 belongs, or")
def norms_exchanged_again(x, layers, final_norm):
    for n1, a, n2, ff in layers:
        x = x + a(n2(x))
        x = x + ff(n1(x))
    return final_norm(x)


@wrong("4.2-6", "Target token t reads source tokens 0 to t only. The whole source is")
def source_masked_by_the_causal_mask(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    n, m = x.shape[1], memory.shape[1]
    causal = torch.ones(n, n, dtype=torch.bool).tril()[None]
    x = x + self_attention(x, causal)
    x = x + cross_attention(
        x, memory, torch.ones(n, m, dtype=torch.bool).tril()[None] & memory_keep[:, None, :]
    )
    return x + feed_forward(x)


@wrong("4.2-8", "You take the mean of each sentence first, so a label in a short")
def mean_of_sentences_means(logits, labels, pad):
    nll = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    real = labels != pad
    rows = (nll * real).sum(1) / real.sum(1).clamp(min=1)
    return rows[real.any(1)].mean()


@wrong("4.2-9", "The words are right, but there are always max_len columns")
def always_max_len_words(next_logits, batch, start, end, max_len):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        n = next_logits(t).argmax(-1)
        n = torch.where(done, torch.full_like(n, end), n)
        t = torch.cat([t, n[:, None]], 1)
        done |= n == end
    return t[:, 1:]


@right("4.2-1")
def second_moment_minus_square(x, weight, bias, eps):
    d = x.double()
    m = d.mean(-1, keepdim=True)
    v = ((d - m) ** 2).sum(-1, keepdim=True) / d.shape[-1]
    return ((d - m) * (v + eps).rsqrt() * weight + bias).to(x.dtype)


@right("4.2-8")
def loop_over_positions(logits, labels, pad):
    lp = logits - logits.logsumexp(-1, keepdim=True)
    terms = [
        -lp[b, t, labels[b, t]]
        for b in range(labels.shape[0])
        for t in range(labels.shape[1])
        if labels[b, t] != pad
    ]
    return sum(terms) / len(terms)


@right("4.2-11")
def sorted_python_lists(log_probs, step_log_probs):
    n, v = step_log_probs.shape
    c = [(float(log_probs[b] + step_log_probs[b, t]), b, t) for b in range(n) for t in range(v)]
    c.sort(key=lambda x: -x[0])
    return (
        torch.tensor([x[1] for x in c[:n]]),
        torch.tensor([x[2] for x in c[:n]]),
        torch.tensor([x[0] for x in c[:n]]),
    )

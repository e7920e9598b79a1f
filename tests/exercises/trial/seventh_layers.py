"""A seventh trial, chapter 4.2: answers written from the statements alone."""

import itertools
import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Eps as a floor (variance.clamp(min=eps)) instead of being added to the variance
@wrong("4.2-1", "It comes out as if eps were a floor under the variance or the")
def eps_as_a_floor_variance_clamp_min_eps(x, weight, bias, eps):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / variance.clamp(min=eps).sqrt() * weight + bias


# Centring as a matrix product, in float64, variance by einsum
@right("4.2-1")
def centring_as_a_matrix_product_in_float64(x, weight, bias, eps):
    d = x.shape[-1]
    centre = torch.eye(d, dtype=torch.float64) - 1 / d
    c = x.to(torch.float64) @ centre
    variance = torch.einsum("...d,...d->...", c, c)[..., None] / d
    return (c / (variance + eps) ** 0.5 * weight + bias).to(x.dtype)


# SiLU is applied to the product of gate and values, not to the gate alone
@wrong("4.2-2", "You multiply first and bend afterwards. In this network the gate")
def silu_is_applied_to_the_product_of_gate(x, w_gate, w_in, w_out):
    return F.silu(x @ w_gate * (x @ w_in)) @ w_out


# The second residual takes x, the input of the whole layer, not what came out of norm_1
@wrong("4.2-3", "Your second sum adds the layer's first input again instead of")
def the_second_residual_takes_x_the_input(x, attention, feed_forward, norm_1, norm_2):
    y = norm_1(x + attention(x))
    return norm_2(x + feed_forward(y))


# Norm_1 stands only on the way into the feed-forward network: the second residual is the sum before the
# norm
@wrong("4.2-3", "Your second half takes the first sum as it was before its norm,")
def norm_1_stands_only_on_the_way_into_the_feed(x, attention, feed_forward, norm_1, norm_2):
    y = x + attention(x)
    return norm_2(y + feed_forward(norm_1(y)))


# Both parts read the same x (a parallel layer): norm_2 of x instead of norm_2 of the sum
@wrong("4.2-4", "Your feed-forward network reads the layer's input and not the")
def both_parts_read_the_same_x_a_parallel_layer(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x)) + feed_forward(norm_2(x))
    return final_norm(x)


# Recursion over the list of layers
@right("4.2-4")
def recursion_over_the_list_of_layers(x, layers, final_norm):
    if not layers:
        return final_norm(x)
    (norm_1, attention, norm_2, feed_forward), *rest = layers
    middle = torch.add(x, attention(norm_1(x)))
    return recursion_over_the_list_of_layers(
        torch.add(middle, feed_forward(norm_2(middle))), rest, final_norm
    )


# The padding of memory is set to zero before the projections: its scores are 0 and it still gets weight
@wrong("4.2-5", "The padding is gone, but the weights of the real tokens sum to")
def the_padding_of_memory_is_set_to_zero_before(x, memory, memory_keep, w_query, w_key, w_value):
    memory = memory * memory_keep[..., None]
    query, key, value = x @ w_query, memory @ w_key, memory @ w_value
    return (query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])).softmax(-1) @ value


# Scaled by the root of d_model, the width of x, instead of dim
@wrong("4.2-5", "You divide, but by the root of another width: what matters is")
def scaled_by_the_root_of_d_model_the_width_of_x(x, memory, memory_keep, w_query, w_key, w_value):
    scores = x @ w_query @ (memory @ w_key).transpose(1, 2) / math.sqrt(x.shape[-1])
    return scores.masked_fill(~memory_keep[:, None], -math.inf).softmax(-1) @ (memory @ w_value)


# The source is made causal too: target token t reads source tokens 0 to t only
@wrong("4.2-6", "Target token t reads source tokens 0 to t only. The whole source")
def the_source_is_made_causal_too_target_token_t(
    x, memory, memory_keep, self_attention, cross_attention, feed_forward
):
    t, s = x.shape[1], memory.shape[1]
    x = x + self_attention(x, torch.ones(t, t, dtype=torch.bool).tril()[None])
    x = x + cross_attention(x, memory, memory_keep[:, None, :] & torch.ones(t, s, dtype=torch.bool).tril())
    return x + feed_forward(x)


# End stands in the last column of every row, behind the padding, not behind the sentence
@wrong("4.2-7", "In a short sentence the end token stands in the last column,")
def end_stands_in_the_last_column_of_every_row(sentences, start, end, pad):
    longest = max(map(len, sentences))
    inputs, labels = [], []
    for s in sentences:
        filled = [*s, *[pad] * (longest - len(s))]
        inputs.append([start, *filled])
        labels.append([*filled, end])
    return torch.tensor(inputs), torch.tensor(labels)


# The inputs of shorter rows hold end before their padding (made from start + sentence + end, then cut)
@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left")
def the_inputs_of_shorter_rows_hold_end_before(sentences, start, end, pad):
    longest = max(map(len, sentences))
    rows = [[start, *s, end, *[pad] * (longest - len(s))] for s in sentences]
    whole = torch.tensor(rows)
    return whole[:, :-1], whole[:, 1:]


# Itertools.zip_longest over columns, transposed
@right("4.2-7")
def itertools_zip_longest_over_columns(sentences, start, end, pad):
    inputs = list(zip(*itertools.zip_longest(*[[start, *s] for s in sentences], fillvalue=pad), strict=False))
    labels = list(zip(*itertools.zip_longest(*[[*s, end] for s in sentences], fillvalue=pad), strict=False))
    return torch.tensor(inputs), torch.tensor(labels)


# Pad is forbidden in the softmax (its logit set to -inf): the other probabilities become too large
@wrong("4.2-8", "Your probabilities are those of a decoder that may not write")
def pad_is_forbidden_in_the_softmax_its_logit(logits, labels, pad):
    logits = logits.clone()
    logits[..., pad] = -math.inf
    real = labels != pad
    return F.cross_entropy(logits[real], labels[real])


# Stops when all rows say end in the SAME step; rows that ended before are not remembered (they may go on
# with other tokens)
@wrong("4.2-9", "A row that has said end goes on with words")
def stops_when_all_rows_say_end_in_the_same_step(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        new = next_logits(tokens).argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, new], 1)
        if (new == end).all():
            break
    return tokens[:, 1:]


# Whether all have ended is asked one step too late, before the next token: a column of ends too many
@wrong("4.2-9", "Your result is right, but has too many entries along axis 1 at")
def whether_all_have_ended_is_asked_one_step_too(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        stop = bool(done.all())
        new = torch.where(done, torch.tensor(end), next_logits(tokens).argmax(-1))
        tokens = torch.cat([tokens, new[:, None]], 1)
        done = done | (new == end)
        if stop:
            break
    return tokens[:, 1:]


# Python lists for the rows, tensors only to ask the decoder
@right("4.2-9")
def python_lists_for_the_rows_tensors(next_logits, batch, start, end, max_len):
    rows = [[start] for _ in range(batch)]
    while len(rows[0]) - 1 < max_len and not all(end in row[1:] for row in rows):
        best = next_logits(torch.tensor(rows)).argmax(-1).tolist()
        rows = [[*row, end if end in row[1:] else token] for row, token in zip(rows, best, strict=False)]
    return torch.tensor([row[1:] for row in rows], dtype=torch.long)


# From s on ALL tokens are changed at once: what moves t may lie further behind, s - t comes out too small
@wrong("4.2-10", "It comes out as if all tokens from a place on were changed")
def from_s_on_all_tokens_are_changed_at_once(decoder, tokens, vocab_size):
    base, far = decoder(tokens), 0
    for t in range(len(tokens)):
        reach = 0
        for s in range(t + 1, len(tokens)):
            other = tokens.clone()
            other[s:] = (other[s:] + 1) % vocab_size
            moved = (decoder(other)[t] - base[t]).abs().max() >= 1e-4
            if moved:
                reach = s - t
                break
        far = max(far, reach)
    return far


# Only position 0 is watched: what other positions see is never measured
@wrong("4.2-10", "Only what position 0 sees is found. A leak can sit at any")
def only_position_0_is_watched_what_other(decoder, tokens, vocab_size):
    base, far = decoder(tokens), 0
    for s in range(1, len(tokens)):
        for v in range(vocab_size):
            other = tokens.clone()
            other[s] = v
            if (decoder(other)[0] - base[0]).abs().max() >= 1e-4:
                far = s
    return far


# The flat index is divided by the number of beams, not of tokens: parents and tokens come out mixed up
@wrong("4.2-11", "The log-probabilities are right, but parents and tokens are not,")
def the_flat_index_is_divided_by_the_number(log_probs, step_log_probs):
    beams = len(log_probs)
    best = (log_probs[:, None] + step_log_probs).flatten().topk(beams)
    return best.indices // beams, best.indices % beams, best.values


def _control(**other):
    attention = 4 * (32 * 32 + 32)
    two = attention + 32 * 128 + 128 + 128 * 32 + 32 + 2 * 64
    one = attention + 32 * 96 + 96 + 96 * 32 + 32 + 64
    said = {
        "two": two,
        "one": one,
        "inner": 129,
        "next": "the article's layer as wide inside as the original's",
        "positions": "a task that needs no own symbol",
    }
    return {**said, **other}


# A norm counted with its weight alone (32 numbers), its bias forgotten: 12640 and 10528
@wrong("4.2-12", "'two', 'one': These numbers count one number a feature for each")
def a_norm_counted_with_its_weight_alone_32():
    return _control(two=_control()["two"] - 64, one=_control()["one"] - 32)


def _vanish(**other):
    last, first = math.log10(0.12 / 2e-5), math.log10(0.09 / 0.016)
    said = {
        "last": last,
        "first": first,
        "layer": (0.12 / 2e-5) ** (1 / 12),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }
    return {**said, **other}


# The thirteenth root: 13 layers taken for 13 steps between them
@wrong("4.2-13", "That divides by the number of layers. From the first to the last")
def the_thirteenth_root_13_layers_taken_for_13():
    return _vanish(layer=6000 ** (1 / 13))


_ALIGN = {
    "the best head looks at the right word more than before training",
    "a symbol needs its own word more than another one",
}


# 'the vector at the word holds nothing but this word' from the 0.09 of the other word
@wrong("4.2-14", "Nothing here has looked into a vector. The encoder's layers have")
def the_vector_at_the_word_holds_nothing():
    return _ALIGN | {
        "Chinese aligns better than digits",
        "the vector at the word holds nothing but this word",
    }

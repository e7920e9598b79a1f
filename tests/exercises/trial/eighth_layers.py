"""An eighth trial, chapter 4.2: answers written from the statements alone."""

import math

import torch

from trial.answers import right, wrong


# Exchanges the last token only; a decoder that looks ahead elsewhere, or not that far, is missed
@wrong("4.2-10", "Only what the last token does to others is seen. A decoder")
def exchanges_the_last_token_only_a_decoder_that(decoder, tokens, vocab_size):
    base = decoder(tokens)
    s = len(tokens) - 1
    best = 0
    for v in range(vocab_size):
        other = tokens.clone()
        other[s] = v
        moved = (decoder(other) - base).abs().amax(-1) >= 1e-4
        for t in range(s):
            if moved[t]:
                best = max(best, s - t)
    return best


# Divides by 13 layers; from the first layer to the last there are 12 steps
@wrong("4.2-13", "That divides by the number of layers. From the first to the")
def divides_by_13_layers_from_the_first_layer():
    last = math.log10(0.12 / 2e-5)
    first = math.log10(0.09 / 0.016)
    return {
        "last": last,
        "first": first,
        "layer": 10 ** (last / 13),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }


# Divides the powers of ten of the two stacks, as if exponents were to be compared by a ratio; beyond is
# their difference
@wrong("4.2-13", "'beyond': That divides the one number of powers by the other.")
def divides_the_powers_of_ten_of_the_two():
    return {
        "last": 3.778,
        "first": 0.750,
        "layer": 2.065,
        "beyond": 5.037,
        "says": "queries and keys near the top get next to none",
    }


# Takes natural logarithms: powers of e, not of ten
@wrong("4.2-13", "These are natural logarithms. A power of ten is counted by")
def takes_natural_logarithms_powers_of_e_not_of():
    last = math.log(0.12 / 2e-5)
    first = math.log(0.09 / 0.016)
    return {
        "last": last,
        "first": first,
        "layer": 6000 ** (1 / 12),
        "beyond": last - first,
        "says": "queries and keys near the top get next to none",
    }


# Numbers right, but the gradient is small at the top and big at the bottom, so it does not vanish on its
# way down to the first layer
@wrong("4.2-13", "You read it as it is often told. But the small gradients")
def numbers_right_but_the_gradient_is_small_at():
    return {
        "last": 3.778,
        "first": 0.750,
        "layer": 2.065,
        "beyond": 3.028,
        "says": "gradients vanish on their way down to the first layer",
    }


# 0.72 against 0.09 is read as 'nothing but this word'; 0.09 above nothing even says the contrary
@wrong("4.2-14", "Nothing here has looked into a vector. The encoder's layers")
def with_0_72_against_0_09_is_read_as():
    return {
        "the best head looks at the right word more than before training",
        "a symbol needs its own word more than another one",
        "the vector at the word holds nothing but this word",
        "Chinese aligns better than digits",
    }


# Takes the best head for all of them: the mean of all heads is only 0.34
@wrong("4.2-14", "You say it of every head. The mean of all is far below the")
def takes_the_best_head_for_all_of_them():
    return {
        "the best head looks at the right word more than before training",
        "a symbol needs its own word more than another one",
        "Chinese aligns better than digits",
        "every head aligns symbols with words",
    }


# Refuses the sentence on hiding because 'attention is no explanation', but here a word was taken away, and
# the intervals are far apart
@wrong("4.2-14", "Look at the two scripts' intervals again. Where they overlap,")
def refuses_the_sentence_on_hiding_because_attention_is():
    return {"the best head looks at the right word more than before training"}


# Takes a sigmoid over features for a softmax over features: gates sum to one
@wrong("4.2-2", "Your gates are shared out among the features of a token: a")
def takes_a_sigmoid_over_features_for_a_softmax(x, w_gate, w_in, w_out):
    g = x @ w_gate
    return (g * torch.softmax(g, dim=-1) * (x @ w_in)) @ w_out


# Applies final_norm at the end of every layer; right for one layer only
@wrong("4.2-4", "You apply final_norm inside the loop, so it stands on the")
def applies_final_norm_at_the_end_of_every(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
        x = final_norm(x)
    return x


# Overwrites x with its norm, so the residual carries normed vectors: a norm stands on the path
@wrong("4.2-4", "You overwrite x with its norm and then add to that, so every")
def overwrites_x_with_its_norm_so_the_residual(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = norm_1(x)
        x = x + attention(x)
        x = norm_2(x)
        x = x + feed_forward(x)
    return final_norm(x)


# A slip of indentation: the final norm is applied after every layer
@wrong("4.2-4", "You apply final_norm inside the loop, so it stands on the")
def a_slip_of_indentation_the_final_norm_is(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
        x = final_norm(x)
    return x


# Sets padded memory to zero before projecting: its score is then 0, which is a weight and not none
@wrong("4.2-5", "The padding is gone, but the weights of the real tokens sum")
def sets_padded_memory_to_zero_before_projecting_its(x, memory, memory_keep, w_query, w_key, w_value):
    memory = memory * memory_keep[:, :, None]
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    return torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1) @ v


# Stops when all rows say end in this very step but lets finished rows go on writing
@wrong("4.2-9", "A row that has said end goes on with words while its")
def stops_when_all_rows_say_end_in_this(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        nxt = next_logits(tokens).argmax(dim=-1)
        tokens = torch.cat([tokens, nxt[:, None]], dim=1)
        if (nxt == end).all():
            break
    return tokens[:, 1:]


# Counts start as one of the max_len tokens (one token too few is written) and returns it as well
@wrong("4.2-9", "The start token still stands in front of each row. The")
def counts_start_as_one_of_the_max_len(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] < max_len and not done.all():
        nxt = next_logits(tokens).argmax(-1)
        nxt = torch.where(done, torch.full_like(nxt, end), nxt)
        done = done | (nxt == end)
        tokens = torch.cat([tokens, nxt[:, None]], dim=1)
    return tokens


# Gives the decoder the newest token alone, as with a cache; it reads all tokens so far
@wrong("4.2-9", "Each call gives the decoder the newest token alone, and it")
def gives_the_decoder_the_newest_token_alone_as(next_logits, batch, start, end, max_len):
    last = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    written = []
    while len(written) < max_len and not done.all():
        nxt = next_logits(last).argmax(dim=-1)
        nxt = torch.where(done, end, nxt)
        done = done | (nxt == end)
        last = nxt[:, None]
        written.append(last)
    return torch.cat(written, dim=1)


# Stops before the last end is appended: the row that finishes last never shows it
@wrong("4.2-9", "The last column is missing in your result.")
def stops_before_the_last_end_is_appended_the(next_logits, batch, start, end, max_len):
    tokens = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    for _ in range(max_len):
        nxt = torch.where(done, end, next_logits(tokens).argmax(dim=-1))
        done = done | (nxt == end)
        if done.all():
            break
        tokens = torch.cat([tokens, nxt[:, None]], dim=1)
    return tokens[:, 1:]


# Compacts nothing, writes into a full tensor of end and stops by comparing the whole column
@right("4.2-9")
def compacts_nothing_writes_into_a_full_tensor_of(next_logits, batch, start, end, max_len):
    out = torch.full((batch, max_len + 1), end, dtype=torch.long)
    out[:, 0] = start
    alive = torch.ones(batch, dtype=torch.bool)
    n = 0
    while n < max_len and bool(alive.any()):
        best = next_logits(out[:, : n + 1].clone()).max(dim=1).indices
        out[alive, n + 1] = best[alive]
        alive &= best != end
        n += 1
    return out[:, 1 : n + 1]

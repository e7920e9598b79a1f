"""Chapter 4.2, the transformer: wrong answers with one slip each, and unusual right ones."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("4.2-1", "n features")
def unbiased_deviation(x, weight, bias, eps):
    normed = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) ** 2 + eps) ** 0.5  # n - 1
    return normed * weight + bias


@wrong("4.2-1", "standard deviation")
def eps_added_to_the_deviation(x, weight, bias, eps):
    deviation = x.var(-1, unbiased=False, keepdim=True) ** 0.5 + eps  # to the variance
    return (x - x.mean(-1, keepdim=True)) / deviation * weight + bias


@wrong("4.2-1", "variance over")
def normed_over_the_tokens(x, weight, bias, eps):
    mean, var = x.mean(-2, keepdim=True), x.var(-2, unbiased=False, keepdim=True)
    return (x - mean) / (var + eps).sqrt() * weight + bias


@wrong("4.2-1", "root mean square")
def root_mean_square_only(x, weight, bias, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight + bias  # the mean stays in


@right("4.2-1")
def normed_by_moments_in_float64(x, weight, bias, eps):
    wide = x.double()
    centred = wide - wide.sum(-1, keepdim=True) / x.shape[-1]
    scale = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + eps)
    return torch.addcmul(bias.double(), centred * scale, weight.double()).to(x.dtype)


@wrong("4.2-2", "own sigmoid")
def gate_through_a_sigmoid(x, w_gate, w_in, w_out):
    return ((x @ w_gate).sigmoid() * (x @ w_in)) @ w_out  # GLU, not SwiGLU


@wrong("4.2-2", "go through SiLU")
def values_go_through_silu(x, w_gate, w_in, w_out):
    return (x @ w_gate * F.silu(x @ w_in)) @ w_out


@wrong("4.2-2", "gate goes through")
def gate_by_gelu(x, w_gate, w_in, w_out):
    return (F.gelu(x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-2", "residual belongs")
def residual_added_inside(x, w_gate, w_in, w_out):
    return x + (F.silu(x @ w_gate) * (x @ w_in)) @ w_out


@wrong("4.2-3", "in front of attention")
def normed_before(x, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x))  # pre-norm
    return x + feed_forward(norm_2(x))


@wrong("4.2-3", "layer's first input")
def residual_from_the_very_input(x, attention, feed_forward, norm_1, norm_2):
    y = norm_1(x + attention(x))
    return norm_2(x + feed_forward(y))  # y


@wrong("4.2-3", "serves twice")
def first_norm_twice(x, attention, feed_forward, norm_1, norm_2):
    x = norm_1(x + attention(x))
    return norm_1(x + feed_forward(x))


@wrong("4.2-3", "sub-layer returned")
def norm_inside_of_the_residual(x, attention, feed_forward, norm_1, norm_2):
    x = x + norm_1(attention(x))
    return x + norm_2(feed_forward(x))


@wrong("4.2-4", "layer's tuple")
def tuple_unpacked_in_another_order(x, layers, final_norm):
    for attention, norm_1, feed_forward, norm_2 in layers:  # norm_1, attention, ...
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
    return final_norm(x)


@wrong("4.2-4", "overwrite x")
def residual_of_the_normed(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = norm_1(x)  # x itself is added
        x = x + attention(x)
        x = norm_2(x)
        x = x + feed_forward(x)
    return final_norm(x)


@wrong("4.2-4", "apply final_norm")
def final_norm_in_every_layer(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = final_norm(x + feed_forward(norm_2(x)))
    return x


@wrong("4.2-4", "layer's input")
def both_parts_read_the_same_x(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x)) + feed_forward(norm_2(x))  # in parallel
    return final_norm(x)


@wrong("4.2-4", "input `x`")
def sums_in_place(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x += attention(norm_1(x))  # changes what was given
        x += feed_forward(norm_2(x))
    return final_norm(x)


@right("4.2-4")
def stack_by_recursion(x, layers, final_norm):
    if not layers:
        return final_norm(x)
    (norm_1, attention, norm_2, feed_forward), *rest = layers
    y = torch.add(x, attention(norm_1(x)))
    return stack_by_recursion(torch.add(y, feed_forward(norm_2(y))), rest, final_norm)


@wrong("4.2-5", "memory asks")
def memory_asks(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = memory @ w_query, x @ w_key, x @ w_value  # x asks
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v


@wrong("4.2-5", "`w_key` stood")
def values_of_the_target(x, memory, memory_keep, w_query, w_key, w_value):
    scores = (x @ w_query) @ (memory @ w_key).mT / w_query.shape[-1] ** 0.5
    weights = scores.masked_fill(~memory_keep[:, None], -torch.inf).softmax(-1)
    return weights @ (memory @ w_key)  # w_value


@wrong("4.2-5", "longest source")
def source_padding_read(x, memory, memory_keep, w_query, w_key, w_value):
    return F.scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value)


@wrong("4.2-5", "another width")
def scaled_by_d_model(x, memory, memory_keep, w_query, w_key, w_value):
    scores = (x @ w_query) @ (memory @ w_key).mT / x.shape[-1] ** 0.5  # dim of the queries
    return scores.masked_fill(~memory_keep[:, None], -torch.inf).softmax(-1) @ (memory @ w_value)


@wrong("4.2-5", "softmax had already")
def weights_of_padding_set_to_zero(x, memory, memory_keep, w_query, w_key, w_value):
    weights = ((x @ w_query) @ (memory @ w_key).mT / w_query.shape[-1] ** 0.5).softmax(-1)
    return (weights * memory_keep[:, None]) @ (memory @ w_value)  # the rest no longer sums to one


@right("4.2-5")
def cross_attention_one_sentence_at_a_time(x, memory, memory_keep, w_query, w_key, w_value):
    def one(target, source, keep):
        source = source[keep]
        scores = torch.matmul(target @ w_query @ w_key.T, source.T) * w_key.shape[1] ** -0.5
        return torch.exp(scores.log_softmax(1)) @ source @ w_value

    return torch.stack([one(*row) for row in zip(x, memory, memory_keep, strict=True)])


@wrong("4.2-6", "later target")
def target_sees_everything(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    everything = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
    x = x + self_attention(x, everything)
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-6", "True means 'may")
def true_where_hidden(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)  # True means: may read
    x = x + self_attention(x, later)
    x = x + cross_attention(x, memory, ~memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-6", "whole source")
def causal_over_the_source_too(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    past = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    x = x + self_attention(x, past)
    both = torch.ones(x.shape[1], memory.shape[1], dtype=torch.bool).tril() & memory_keep[:, None]
    x = x + cross_attention(x, memory, both)  # the whole source is there
    return x + feed_forward(x)


@wrong("4.2-6", "sub-layers replaces")
def no_residual_around_cross_attention(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    x = x + self_attention(x, torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril())
    x = cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


@wrong("4.2-7", "Inputs and labels")
def labels_not_shifted(sentences, start, end, pad):
    length = max(map(len, sentences)) + 1
    inputs = [[start, *s] + [pad] * (length - len(s) - 1) for s in sentences]
    return torch.tensor(inputs), torch.tensor(inputs)


@wrong("4.2-7", "straight after")
def end_after_the_padding(sentences, start, end, pad):
    longest = max(map(len, sentences))
    inputs = [[start, *s] + [pad] * (longest - len(s)) for s in sentences]
    labels = [[*s] + [pad] * (longest - len(s)) + [end] for s in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


@wrong("4.2-7", "The end token stands among your inputs. After it nothing is left")
def inputs_with_their_end(sentences, start, end, pad):
    longest = max(map(len, sentences))
    whole = torch.tensor([[start, *s, end] + [pad] * (longest - len(s)) for s in sentences])
    return whole[:, :-1], whole[:, 1:]  # the end of shorter ones stays in the inputs


@right("4.2-7")
def forced_with_pad_sequence(sentences, start, end, pad):
    def filled(rows):
        return torch.nn.utils.rnn.pad_sequence([torch.tensor(r) for r in rows], True, pad)

    return filled([start, *s] for s in sentences), filled([*s, end] for s in sentences)


@wrong("4.2-8", "padding seems easier")
def padding_in_the_mean(logits, labels, pad):
    losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    return (losses * (labels != pad)).mean()  # divided by all positions


@wrong("4.2-8", "short sentence")
def mean_of_the_sentences(logits, labels, pad):
    losses = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=pad, reduction="none")
    return (losses.sum(1) / (labels != pad).sum(1)).mean()


@wrong("4.2-8", "label thought impossible")
def probabilities_not_logarithms(logits, labels, pad):
    return F.nll_loss(logits.softmax(-1).flatten(0, 1), labels.flatten(), ignore_index=pad)


@wrong("4.2-8", "predict padding")
def padding_scored(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


@wrong("4.2-8", "`logits` were reshaped")
def logits_viewed_as_classes_first(logits, labels, pad):
    batch, target, vocab = logits.shape
    wrong_view = logits.reshape(batch, vocab, target)  # transpose
    return F.cross_entropy(wrong_view, labels, ignore_index=pad)


@wrong("4.2-9", "start token")
def start_returned_as_well(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while not done.all() and tokens.shape[1] <= max_len:
        new = next_logits(tokens).argmax(-1).masked_fill(done, end)
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
    return tokens


@wrong("4.2-9", "said end goes")
def goes_on_after_end(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while not done.all() and tokens.shape[1] <= max_len:
        new = next_logits(tokens).argmax(-1)  # finished rows speak again
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
    return tokens[:, 1:]


@wrong("4.2-9", "one done")
def stops_with_the_first_row(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while not done.any() and tokens.shape[1] <= max_len:  # all
        new = next_logits(tokens).argmax(-1).masked_fill(done, end)
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
    return tokens[:, 1:]


@wrong("4.2-9", "newest token alone")
def only_the_last_token_shown(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while not done.all() and tokens.shape[1] <= max_len:
        new = next_logits(tokens[:, -1:]).argmax(-1).masked_fill(done, end)  # it reads all
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
    return tokens[:, 1:]


@wrong("4.2-9", "start count towards")
def one_token_too_few(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while not done.all() and tokens.shape[1] < max_len:  # start is not counted
        new = next_logits(tokens).argmax(-1).masked_fill(done, end)
        tokens, done = torch.cat([tokens, new[:, None]], 1), done | (new == end)
    return tokens[:, 1:]


@wrong("4.2-10", "ahead betrays")
def only_the_last_token_changed(decoder, tokens, vocab_size):
    changed = tokens.clone()
    changed[-1] = (tokens[-1] + 1) % vocab_size
    moved = (decoder(tokens) - decoder(changed)).abs().amax(-1) > 1e-4
    return len(tokens) - 1 - int(moved.nonzero()[0])  # other places may look farther


@wrong("4.2-10", "report honest decoders")
def own_position_counted(decoder, tokens, vocab_size):
    farthest, before = 0, decoder(tokens)
    for s in range(len(tokens)):
        for other in range(vocab_size):
            changed = tokens.clone()
            changed[s] = other
            for t in ((decoder(changed) - before).abs().amax(-1) > 1e-4).nonzero()[:, 0].tolist():
                farthest = max(farthest, abs(s - t))  # later positions count too
    return farthest


@wrong("4.2-10", "greatest number")
def number_of_places_that_moved(decoder, tokens, vocab_size):
    most, before = 0, decoder(tokens)
    for s in range(len(tokens)):
        for other in range(vocab_size):
            changed = tokens.clone()
            changed[s] = other
            most = max(most, int(((decoder(changed) - before).abs().amax(-1)[:s] > 1e-4).sum()))
    return most  # how many, not how far


@wrong("4.2-10", "logits move")
def any_rounding_is_a_move(decoder, tokens, vocab_size):
    farthest, before = 0, decoder(tokens)
    for s in range(len(tokens)):
        for other in range(vocab_size):
            changed = tokens.clone()
            changed[s] = other
            for t in (decoder(changed) != before).any(-1)[:s].nonzero()[:, 0].tolist():
                farthest = max(farthest, s - t)
    return farthest


@wrong("4.2-11", "poor beginning")
def best_of_each_beginning(log_probs, step_log_probs):
    best, tokens = (log_probs[:, None] + step_log_probs).max(1)  # one for each, not the best of all
    order = best.argsort(descending=True)
    return order, tokens[order], best[order]


@wrong("4.2-11", "multiply logarithms")
def scores_multiplied(log_probs, step_log_probs):
    vocab = step_log_probs.shape[1]
    best, flat = (log_probs[:, None] * step_log_probs).flatten().topk(len(log_probs))
    return flat // vocab, flat % vocab, best


@wrong("4.2-11", "laid flat")
def parents_and_tokens_exchanged(log_probs, step_log_probs):
    vocab = step_log_probs.shape[1]
    best, flat = (log_probs[:, None] + step_log_probs).flatten().topk(len(log_probs))
    return flat % vocab, flat // vocab, best


@wrong("4.2-11", "beginnings were equally")
def past_forgotten(log_probs, step_log_probs):
    vocab = step_log_probs.shape[1]
    best, flat = step_log_probs.flatten().topk(len(log_probs))
    return flat // vocab, flat % vocab, best


@right("4.2-11")
def beams_sorted_in_python(log_probs, step_log_probs):
    def score(pair):
        return -(log_probs[pair[0]] + step_log_probs[pair[0]][pair[1]]).item()

    beams, vocab = step_log_probs.shape
    best = sorted(((b, v) for b in range(beams) for v in range(vocab)), key=score)[:beams]
    return [b for b, _ in best], [v for _, v in best], [-score(pair) for pair in best]


CONTROL = {
    "two": 12704,
    "one": 10560,
    "inner": 129,
    "next": "the article's layer as wide inside as the original's",
    "positions": "a task that needs no own symbol",
}
GRADIENTS = {
    "last": 3.778,
    "first": 0.75,
    "layer": 2.065,
    "beyond": 3.028,
    "says": "queries and keys near the top get next to none",
}
ALIGNED = {
    "the best head looks at the right word more than before training",
    "a symbol needs its own word more than another one",
    "Chinese aligns better than digits",
}


@wrong("4.2-12", "article's layer two norms")
def both_layers_with_two_norms():
    return CONTROL | {"one": 10624}


@wrong("4.2-12", "not their biases")
def matrices_alone():
    return CONTROL | {"two": 12416, "one": 10304}


@wrong("4.2-12", "no seed takes that away")
def run_again_with_a_seed():
    return CONTROL | {"next": "the original with another seed"}


@wrong("4.2-12", "one norm smaller")
def the_same_inner_width():
    return CONTROL | {"inner": 128}


@right("4.2-12")
def counted_in_tensors():
    return CONTROL | {"two": torch.tensor(12704), "inner": torch.tensor(129)}


@wrong("4.2-13", "one step fewer")
def root_of_all_layers():
    return GRADIENTS | {"layer": 10 ** (3.7782 / 13)}


@wrong("4.2-13", "last* layer")
def as_the_textbooks_say():
    return GRADIENTS | {"says": "gradients vanish on their way down to the first layer"}


@wrong("4.2-13", "common one")
def natural_logarithms():
    return GRADIENTS | {"last": 8.6995, "first": 1.7272}


@right("4.2-13")
def rounded_to_three_digits():
    return GRADIENTS | {"last": 3.78, "layer": 2.06, "beyond": 3.03}


@wrong("4.2-14", "some must look elsewhere")
def all_heads_align():
    return ALIGNED | {"every head aligns symbols with words"}


@wrong("4.2-14", "scripts' intervals")
def never_compares_scripts():
    return ALIGNED - {"Chinese aligns better than digits"}


@right("4.2-14")
def given_as_a_frozen_set():
    return frozenset(ALIGNED)

"""A twelfth trial: layers, decoding and positions, wrong only in what the cases of before had not."""

import torch

from trial.answers import right, wrong


# eps only where the variance is smaller than it
@wrong("4.2-1", "It is added to every variance")
def eps_for_small_variances_alone(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    variance = (centred**2).mean(-1, keepdim=True)
    return centred / torch.where(variance < eps, variance + eps, variance).sqrt() * weight + bias


# The sigmoid as e^g / (1 + e^g): infinity over infinity for a large gate
@wrong("4.2-2", "infinity divided by infinity")
def a_sigmoid_of_two_infinities(x, w_gate, w_in, w_out):
    gate = x @ w_gate
    power = torch.exp(gate)
    return (gate * (power / (1 + power)) * (x @ w_in)) @ w_out


# The gate held within limits "for stability"
@wrong("4.2-2", "as if they were cut off at a limit")
def a_gate_within_limits(x, w_gate, w_in, w_out):
    gate = (x @ w_gate).clamp(-20, 20)
    return (gate * torch.sigmoid(gate) * (x @ w_in)) @ w_out


# The sigmoid as 1 / (1 + e^-g) stays finite
@right("4.2-2")
def a_sigmoid_by_its_formula(x, w_gate, w_in, w_out):
    gate = x @ w_gate
    return (gate / (1 + torch.exp(-gate)) * (x @ w_in)) @ w_out


# How long a row is, by counting what is not pad; and start is pad
@wrong("4.2-7", "start were not counted in the length of a row")
def lengths_by_counting_what_is_not_pad(sentences, start, end, pad):
    rows = [torch.tensor([start, *words]) for words in sentences]
    inputs = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
    labels = torch.full_like(inputs, pad)
    labels[:, :-1] = inputs[:, 1:]
    for row in range(len(labels)):
        labels[row, (inputs[row] != pad).sum() - 1] = end
    return inputs, labels


# A dict by sentence
@wrong("4.2-7", "has a row of its own")
def a_dict_by_sentence(sentences, start, end, pad):
    longest = max(map(len, sentences))
    gaps = {tuple(words): [pad] * (longest - len(words)) for words in sentences}
    inputs = [[start, *words, *gap] for words, gap in gaps.items()]
    return torch.tensor(inputs), torch.tensor([[*words, end, *gap] for words, gap in gaps.items()])


# The search for the likeliest begins at 0
@wrong("4.2-9", "the search for the greatest begins at 0")
def the_likeliest_above_zero(next_logits, batch, start, end, max_len):
    rows, done = [[start] for _ in range(batch)], [False] * batch
    while len(rows[0]) <= max_len and not all(done):
        for b, logits in enumerate(next_logits(torch.tensor(rows)).tolist()):
            best, most = 0, 0.0
            for token, logit in enumerate(logits):
                if logit > most:
                    best, most = token, logit
            rows[b].append(end if done[b] else best)
            done[b] = done[b] or best == end
    return torch.tensor(rows)[:, 1:]


# Shares as logits over their sum, which turn round where the sum is negative
@wrong("4.2-9", "turns the order round")
def logits_over_their_sum(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] <= max_len and not done.all():
        logits = next_logits(tokens)
        chosen = torch.where(done, end, (logits / logits.sum(-1, keepdim=True)).argmax(-1))
        tokens, done = torch.cat((tokens, chosen[:, None]), 1), done | (chosen == end)
    return tokens[:, 1:]


# Probabilities by hand: e to the power of -150 is 0 in float32
@wrong("4.2-9", "so small that it becomes 0")
def probabilities_that_are_all_zero(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] <= max_len and not done.all():
        powers = next_logits(tokens).exp()
        chosen = torch.where(done, end, (powers / powers.sum(-1, keepdim=True)).argmax(-1))
        tokens, done = torch.cat((tokens, chosen[:, None]), 1), done | (chosen == end)
    return tokens[:, 1:]


# A mask made of the lengths: right where padding stands behind
@wrong("4.2-8", "each label says itself")
def labels_by_their_number(logits, labels, pad):
    lengths = (labels != pad).sum(1)
    real = torch.arange(labels.shape[1]) < lengths[:, None]
    return torch.nn.functional.cross_entropy(logits[real], labels[real])


# A row ends at its first pad
@wrong("4.2-8", "each label says itself")
def a_row_ends_at_its_first_pad(logits, labels, pad):
    log_probs, nats = logits.log_softmax(-1), []
    for row, words in zip(log_probs, labels.tolist(), strict=True):
        for place, word in enumerate(words):
            if word == pad:
                break
            nats.append(-row[place, word])
    return sum(nats) / len(nats) if nats else torch.tensor(torch.nan)


# The source cut to its longest row, though padding may stand in front or between
@wrong("4.2-6", "then some are cut off")
def a_source_cut_to_its_longest_row(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    longest = int(memory_keep.sum(1).max())
    memory, memory_keep = memory[:, :longest], memory_keep[:, :longest]
    places = torch.arange(x.shape[1])
    x = x + self_attention(x, places <= places[:, None])
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


# The length of the vector of all moves against the threshold of one
@wrong("4.2-10", "were put together")
def the_length_of_all_moves(decoder, tokens, vocab_size):
    before, most = decoder(tokens), 0
    for s in range(len(tokens)):
        for other in range(vocab_size):
            changed = tokens.clone()
            changed[s] = other
            moved = (decoder(changed) - before).norm(dim=-1) > 1e-4
            most = max([most, *(s - t for t in range(s) if moved[t])])
    return most


# As many of each beginning as there are beams: more than there are tokens
@wrong("4.2-11", "fewer tokens than beams")
def as_many_of_each_as_beams(log_probs, step_log_probs):
    beams = len(log_probs)
    best, token = (log_probs[:, None] + step_log_probs).topk(beams, dim=-1)
    best, place = best.flatten().topk(beams)
    return place // beams, token.flatten()[place], best


# The place looked up by the number, which stands there twice
@wrong("4.2-11", "only one of the two found")
def the_place_by_index(log_probs, step_log_probs):
    beams, vocab = step_log_probs.shape
    flat = (log_probs[:, None] + step_log_probs).flatten().tolist()
    best = sorted(flat, reverse=True)[:beams]
    places = torch.tensor([flat.index(number) for number in best])
    return places // vocab, places % vocab, torch.tensor(best)


# Of two that are equally likely, the later beginning first
@right("4.2-11")
def ties_from_behind(log_probs, step_log_probs):
    beams, vocab = step_log_probs.shape
    flat = (log_probs[:, None] + step_log_probs).flatten().tolist()
    places = sorted(range(beams * vocab), key=lambda place: (flat[place], place), reverse=True)[:beams]
    return (
        torch.tensor([place // vocab for place in places]),
        torch.tensor([place % vocab for place in places]),
        torch.tensor([flat[place] for place in places]),
    )

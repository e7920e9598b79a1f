"""Answers to chapter 3 with slips that no list had: written after the newcomers' had been mended."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 3.1 ----


@wrong("3.1-1", "Your targets hold what the model sees at the chosen places,")
def targets_read_from_the_inputs(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, inputs, -100)


@wrong("3.1-1", "You put random tokens also where no token was chosen. The")
def random_ones_everywhere(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where((fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


@wrong("3.1-2", "You score the tokens that the model sees, and none that it")
def over_those_in_plain_sight(logits, tokens, hidden):
    return F.cross_entropy(logits[~hidden], tokens[~hidden])


@wrong("3.1-2", "You use the logits as if they were logarithms of")
def logits_taken_for_logarithms(logits, tokens, hidden):
    return -logits.gather(2, tokens[..., None])[..., 0][hidden].mean()


@right("3.1-2")
def ignored_by_its_index(logits, tokens, hidden):
    return F.cross_entropy(logits.flatten(0, 1), tokens.masked_fill(~hidden, -100).flatten())


@wrong("3.1-3", "You take the draw of a word's last token. Asked for is that")
def last_token_of_the_word_decides(starts, draws, share):
    word = torch.as_tensor(starts).long().cumsum(0) - 1
    last = {int(w): d for w, d in zip(word, draws, strict=True)}
    return torch.tensor([bool(last[int(w)] < share) for w in word])


@wrong("3.1-3", "You compare the mean of a word's draws with the share. A mean")
def mean_draw_of_the_word(starts, draws, share):
    word = torch.as_tensor(starts).long().cumsum(0) - 1
    return torch.stack([draws[word == w].mean() for w in word]) < share


@right("3.1-3")
def by_the_last_start_before(starts, draws, share):
    place = torch.where(torch.as_tensor(starts), torch.arange(len(starts)), 0).cummax(0).values
    return (draws[place] < share).tolist()


@wrong("3.1-4", "For one batch, your result is 8.475e+63 and should be")
def over_the_number_of_batches(losses, counts):
    return math.exp(sum(float(a) * float(c) for a, c in zip(losses, counts, strict=True)) / len(losses))


@wrong("3.1-4", "Your results are what the solution gives if `losses` were")
def weighted_by_the_wrong_end(losses, counts):
    losses, counts = np.asarray(losses, dtype=float), np.asarray(counts, dtype=float)
    return float(np.exp((losses * counts[::-1]).sum() / counts.sum()))


@wrong("3.1-5", "You divide by eight as well: that is the compressed size over")
def bits_per_bit(nats, text):
    return float(sum(nats)) / math.log(2) / (8 * len(text.encode()))


@wrong("3.1-5", "You count the bytes of another encoding: two or four for each")
def bytes_of_utf_16(nats, text):
    return float(sum(nats)) / math.log(2) / len(text.encode("utf-16-le"))


@right("3.1-5")
def through_the_log_of_two(nats, text):
    return np.asarray(nats, dtype=np.float64).sum() * np.log2(np.e) / len(bytes(text, "utf-8"))


@wrong("3.1-6", "For two tokens, your result differs in 1 of 2 places: the")
def read_one_place_before(model, tokens, mask_id):
    out = []
    for i in range(len(tokens)):
        hidden = tokens.clone()
        hidden[i] = mask_id
        out.append(model(hidden[None])[0, max(i - 1, 0), tokens[i]])
    return torch.stack(out)


@wrong("3.1-6")
def neighbours_hidden_as_well(model, tokens, mask_id):
    out = []
    for i in range(len(tokens)):
        hidden = tokens.clone()
        hidden[max(i - 1, 0) : i + 2] = mask_id
        out.append(model(hidden[None])[0, i, tokens[i]])
    return torch.stack(out)


def spans(tokens, hidden, sentinels, place):
    """The right gaps; `place` says which sentinel the k-th gets."""
    inputs, targets, k, before = [], [], 0, False
    for t, h in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if h and not before:
            inputs.append(int(sentinels[place(k)]))
            targets.append(int(sentinels[place(k)]))
            k += 1
        (targets if h else inputs).append(t)
        before = h
    return inputs, targets, k


@wrong("3.1-7", "Your results are what the solution gives if `sentinels` were")
def sentinels_from_the_back(tokens, hidden, sentinels):
    inputs, targets, k = spans(tokens, hidden, sentinels, lambda k: -1 - k)
    return torch.tensor(inputs), torch.tensor([*targets, int(sentinels[-1 - k])])


@wrong("3.1-7", "Your targets end with a sentinel that does not follow on the")
def closes_with_the_first_one(tokens, hidden, sentinels):
    inputs, targets, _ = spans(tokens, hidden, sentinels, lambda k: k)
    return torch.tensor(inputs), torch.tensor([*targets, int(sentinels[0])])


@right("3.1-7")
def lists_for_tensors(tokens, hidden, sentinels):
    inputs, targets, k = spans(tokens, hidden, sentinels, lambda k: k)
    return inputs, [*targets, int(sentinels[k])]


@wrong("3.1-8", "For nothing after, your result is NaN in 6 of 6 places, the")
def chances_added_not_multiplied(before, after):
    p = before.exp() * after.exp().sum(1)
    return p / p.sum()


@wrong("3.1-8", "You add probabilities where they must be multiplied")
def shared_out_on_each_side(before, after):
    p = before.softmax(0) + after.sum(1).softmax(0)
    return p / p.sum()


RACED = {
    "masked": 153600,
    "causal": 384000,
    "steps": 1500,
    "passes": 2000,
    "control": "the masked model after as many questions",
}


@wrong("3.1-9", "Asked for: steps times windows times tokens times the share")
def windows_for_tokens():
    return {**RACED, "masked": 600 * 16 * 0.4, "causal": 600 * 16}


@wrong("3.1-9", "Asked for: the steps of the causal model over the share at")
def so_much_longer():
    return {**RACED, "steps": 840}


@wrong("3.1-9", "'steps': That is how many further steps it takes. Asked is")
def the_missing_steps_alone():
    return {**RACED, "steps": 900, "passes": 1999}


TRAINED = np.array([0.592, 0.587, 0.581, 0.576, 0.586])
SHUFFLED = np.array([0.63, 0.617, 0.61, 0.62, 0.616])
HALF = 2.776 * (TRAINED - SHUFFLED).std(ddof=1) / 5**0.5
PROBED = {
    "gain": -0.0342,
    "low": -0.0342 - HALF,
    "high": -0.0342 + HALF,
    "verdict": "does not hold",
    "selectivity": 0.1944,
}


@wrong("3.1-10", "Asked for: trained less the better control (the one with the")
def control_less_trained():
    return {**PROBED, "gain": 0.0342, "low": 0.0342 - HALF, "high": 0.0342 + HALF, "verdict": "holds"}


@wrong("3.1-10", "Asked for: the gain less 2.776 s / sqrt(5), s the deviation")
def unpaired_spreads():
    half = 2.776 * math.sqrt((TRAINED.var(ddof=1) + SHUFFLED.var(ddof=1)) / 5)
    return {**PROBED, "low": -0.0342 - half, "high": -0.0342 + half}


@wrong("3.1-10", "Asked for: the trained body's mean share right less its")
def random_labels_themselves():
    return {**PROBED, "selectivity": 0.39}


# ---- 3.2 ----


@wrong("3.2-1", "You count the pairs that are exactly `window` apart. Nearer")
def at_the_rim_alone(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens) - window):
        a, b = int(tokens[i]), int(tokens[i + window])
        if min(a, b) >= 0:
            counts[a, b] += 1
            counts[b, a] += 1
    return counts


@wrong("3.2-1", "The diagonal is too large by each word's own count: every")
def each_place_with_itself(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if tokens[i] >= 0 and tokens[j] >= 0:
                counts[tokens[i], tokens[j]] += 1
    return counts


@right("3.2-1")
def by_products_of_one_hot(tokens, vocab_size, window):
    hot = (torch.as_tensor(tokens)[:, None] == torch.arange(vocab_size)).double()
    counts = torch.zeros(vocab_size, vocab_size, dtype=torch.float64)
    for d in range(1, min(window, len(tokens) - 1) + 1):
        counts += hot[:-d].T @ hot[d:] + hot[d:].T @ hot[:-d]
    return counts


@wrong("3.2-2", "You multiply each entry by P(w, c), as one does on the way to")
def weighted_by_the_pair(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log()
    return torch.where(counts > 0, p * pmi, 0.0).clamp(min=0)


@wrong("3.2-2", "You add 1 to the counts to keep zeros away. That invents")
def one_is_added_first(counts):
    p = (counts + 1) / (counts + 1).sum()
    return (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log().clamp(min=0)


@wrong("3.2-3", "You drop the sign of the cosine: a vector that points the")
def opposite_is_near_too(vectors, query, k):
    cosine = F.cosine_similarity(vectors, vectors[query][None]).abs()
    cosine[query] = -1
    return cosine.topk(k).indices


@wrong("3.2-3", "You return the cosines themselves. Asked for are the numbers")
def cosines_for_row_numbers(vectors, query, k):
    cosine = F.cosine_similarity(vectors, vectors[query][None])
    cosine[query] = -2
    return cosine.topk(k).values


@wrong("3.2-4", "Counts or shares are raised to the power, and what comes out does not")
def share_of_the_largest(counts, power):
    raised = torch.as_tensor(counts).double() ** power
    return raised / raised.max()


@wrong("3.2-4", "Counts or shares are raised to the power, and what comes out does not")
def length_of_one_in_the_plane(counts, power):
    raised = torch.as_tensor(counts).double() ** power
    return raised / raised.norm()


@right("3.2-4")
def in_logarithms(counts, power):
    counts = np.asarray(counts, dtype=float)
    with np.errstate(divide="ignore"):
        logs = np.where(counts > 0, power * np.log(counts), -np.inf)
    e = np.exp(logs - logs.max())
    return e / e.sum()


@wrong("3.2-5", "For the drawn words you hold a row of the context table")
def tables_exchanged_for_the_noise(word_table, context_table, words, contexts, drawn):
    yes = F.logsigmoid((word_table[words] * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[contexts][:, None] * word_table[drawn]).sum(-1))
    return -(yes + (no * (drawn != contexts[:, None])).sum(1)).mean()


@wrong("3.2-5", "For scores of a hundred and more, the loss is 16.59 and")
def logarithm_of_one_minus(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = torch.sigmoid((v * context_table[contexts]).sum(-1)).clamp(min=1e-6).log()
    no = (1 - torch.sigmoid((v[:, None] * context_table[drawn]).sum(-1))).clamp(min=1e-6).log()
    return -(yes + (no * (drawn != contexts[:, None])).sum(1)).mean()


@right("3.2-5")
def softplus_of_both_sides(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    loss = F.softplus(-torch.einsum("bd,bd->b", v, context_table[contexts]))
    scores = torch.einsum("bd,bkd->bk", v, context_table[drawn])
    return (loss + F.softplus(scores).masked_fill(drawn == contexts[:, None], 0).sum(1)).mean()


@wrong("3.2-6", "You use the probability of the right answer itself. Its")
def shares_without_a_logarithm(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    return -scores.softmax(1).diagonal().mean()


@wrong("3.2-6", "the positives have not")
def anchors_alone_of_length_one(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ positives.T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@right("3.2-6")
def anchor_after_anchor(anchors, positives, temperature):
    losses = []
    for i, a in enumerate(anchors):
        cosine = F.cosine_similarity(a[None], positives) / temperature
        losses.append(torch.logsumexp(cosine, 0) - cosine[i])
    return sum(losses) / len(losses)


@wrong("3.2-7", "Of two twins only one is left out, or only some of the")
def later_twins_alone_hidden(scores, groups):
    same = (groups[:, None] == groups).triu(1)
    return F.cross_entropy(scores.masked_fill(same, -torch.inf), torch.arange(len(scores)))


@wrong("3.2-7", "Your mask is the wrong way round: the twins compete and the")
def other_groups_hidden(scores, groups):
    other = groups[:, None] != groups
    return F.cross_entropy(scores.masked_fill(other, -torch.inf), torch.arange(len(scores)))


def pure(classes, clusters):
    pairs = np.stack([clusters, classes], 1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    return sum(counts[found[:, 0] == c].max() for c in set(clusters.tolist())) / len(classes)


@wrong("3.2-8", "Your baseline is the best of all shuffles. Asked for is what")
def highest_by_chance(classes, clusters, shuffles):
    classes, clusters, shuffles = (np.asarray(x) for x in (classes, clusters, shuffles))
    return pure(classes, clusters), max(pure(classes[order], clusters) for order in shuffles)


@wrong("3.2-8", "What comes out is as if the clusters were put into the")
def orders_turned_back(classes, clusters, shuffles):
    classes, clusters, shuffles = (np.asarray(x) for x in (classes, clusters, shuffles))
    return pure(classes, clusters), np.mean([pure(classes[np.argsort(o)], clusters) for o in shuffles])


@right("3.2-8")
def unique_pairs_counted(classes, clusters, shuffles):
    classes, clusters, shuffles = (np.asarray(x) for x in (classes, clusters, shuffles))
    return [pure(classes, clusters), np.mean([pure(classes[order], clusters) for order in shuffles])]


WAYS = {
    "A": 0.19 / 0.62,
    "B": 0.02 / 0.34,
    "better": "A",
    "control": "the same clusters, with the classes shuffled",
}


@wrong("3.2-9", "from one of the two chance levels")
def both_from_as_chance():
    return {**WAYS, "B": (0.68 - 0.38) / (1 - 0.38), "better": "B"}


@wrong("3.2-9", "You divide the gain by the purity itself. The room that could")
def share_of_purity_above_chance():
    return {**WAYS, "A": 0.19 / 0.57, "B": 0.02 / 0.68}


@wrong("3.2-9", "One cluster of all tokens has the share of the commonest")
def one_big_cluster():
    return {**WAYS, "control": "the purity of a single cluster"}


FEW = {
    "over counts": 0.21,
    "over plain": 0.006,
    "error": float(np.std([0.01, 0.03, -0.03, 0.01, 0.01], ddof=1) / 5**0.5),
    "verdict": "not shown",
    "control": "plain vectors from the same unlabelled text",
}


@wrong("3.2-10", "Asked for: contrast less plain vectors, draw by draw,")
def median_of_the_gains():
    return {**FEW, "over plain": 0.01}


@wrong("3.2-10", "Asked for: contrast less counts, draw by draw, averaged.")
def how_many_times_as_good():
    return {**FEW, "over counts": 0.452 / 0.242, "over plain": 0.452 / 0.446}


@wrong("3.2-10", "You divide the squares by 5. The mean was taken from the same")
def divided_by_n_in_the_deviation():
    return {**FEW, "error": FEW["error"] * math.sqrt(0.8)}


@wrong("3.2-10", "A coin shows that something was learned. Whether contrast was")
def a_coin_for_control():
    return {**FEW, "control": "a coin"}


# ---- 3.3 ----


@wrong("3.3-1", "You average each task's accuracy right after it was learned.")
def average_right_after_learning(accuracy, untrained):
    last, own = accuracy[-1], accuracy.diagonal()
    ahead = (accuracy.diagonal(1) - untrained[1:]).mean()
    return own.mean(), (last - own)[:-1].mean(), ahead


@wrong("3.3-1", "The average accuracy and forward transfer are right. For 2")
def before_and_after_each_task(accuracy, untrained):
    steps = accuracy.diagonal()[1:] - accuracy.diagonal(1)
    return accuracy[-1].mean(), -steps.mean(), (accuracy.diagonal(1) - untrained[1:]).mean()


@wrong("3.3-2", "You take the item at the place out and add the new one at the")
def newcomer_at_the_end(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream, held_out, draws, strict=True):
        if test:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        elif (place := int(draw * seen)) < capacity:
            del buffer[place]
            buffer.append(item)
    return torch.stack(buffer) if buffer else stream[:0]


@wrong("3.3-2", "You draw among the items before the present one. It has been")
def numbers_from_zero(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream, held_out, draws, strict=True):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        elif (place := int(draw * seen)) < capacity:
            buffer[place] = item
        seen += 1
    return torch.stack(buffer) if buffer else stream[:0]


@right("3.3-2")
def array_of_numpy(stream, held_out, draws, capacity):
    items = [
        (x, d) for x, h, d in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True) if not h
    ]
    buffer = [x for x, _ in items[:capacity]]
    for seen, (x, d) in enumerate(items[capacity:], capacity + 1):
        place = math.floor(d * seen)
        if place < len(buffer):
            buffer[place] = x
    return buffer


def gradients(weights, inputs, labels):
    error = F.one_hot(labels, len(weights)) - (inputs @ weights.T).softmax(1)
    return error[:, :, None] * inputs[:, None]


@wrong("3.3-3", "Your results are what the solution gives if `uniforms` were")
def drawn_from_the_other_end(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(1)
    drawn = (p.cumsum(1) > 1 - uniforms[:, None]).int().argmax(1)
    return (gradients(weights, inputs, drawn) ** 2).mean(0)


@wrong("3.3-3", "You average the sizes of the gradients.")
def sizes_not_squares(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(1)
    drawn = (p.cumsum(1) > uniforms[:, None]).int().argmax(1)
    return gradients(weights, inputs, drawn).abs().mean(0)


@wrong("3.3-4", "What comes out is a root of the sum, as a length has one.")
def root_of_the_penalty(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors) ** 2).sum().sqrt()


@wrong("3.3-4", "You hold on to one of the old tasks. The others are forgotten")
def last_task_alone(weights, anchors, fishers, strength):
    return strength / 2 * (fishers[-1] * (weights - anchors[-1]) ** 2).sum()


@right("3.3-4")
def as_a_quadratic_form(weights, anchors, fishers, strength):
    terms = [(weights - a) @ torch.diag(f) @ (weights - a) for a, f in zip(anchors, fishers, strict=True)]
    return strength * torch.stack(terms).sum() / 2


@wrong("3.3-5", "Your new task counts 1 less the strength.")
def the_two_parts_shared_out(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new, old = inputs @ weights.T, inputs @ old_weights.T
    soft = -((old / temperature).softmax(1) * (new / temperature).log_softmax(1)).sum(1).mean()
    return (1 - strength) * F.cross_entropy(new, labels) + strength * soft


@wrong("3.3-5", "You take the old model's favourite as a label. Its")
def likeliest_old_answer_alone(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new, old = inputs @ weights.T, inputs @ old_weights.T
    return F.cross_entropy(new, labels) + strength * F.cross_entropy(new / temperature, old.argmax(1))


@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as")
def one_column_of_noise(noise_down, noise_up):
    return torch.zeros_like(noise_down), noise_up[:, :1].expand_as(noise_up).clone()


@wrong("3.3-6", "The model has changed before its first step, as when both")
def noise_made_small(noise_down, noise_up):
    return noise_down, noise_up * 1e-4


@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the")
def scaled_by_the_inputs(x, weight, down, up, alpha, merged):
    plain = weight if merged else weight + alpha / down.shape[1] * up @ down
    return x @ plain.T, plain


@wrong("3.3-7", "the update has been taken out of your output")
def merged_is_taken_off(x, weight, down, up, alpha, merged):
    update = alpha / down.shape[0] * up @ down
    plain = weight - update if merged else weight + update
    return x @ plain.T, plain


@right("3.3-7")
def column_after_column(x, weight, down, up, alpha, merged):
    plain = weight.clone()
    for r in range(0 if merged else len(down)):
        plain += alpha / len(down) * torch.outer(up[:, r], down[r])
    return F.linear(x, plain), plain


@wrong("3.3-8", "You store adapters without the model that they belong to.")
def base_not_stored(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * rank * sum(a + b for a, b in shapes)
    return one, domains * one * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "The bytes with copies are right. For a wide matrix alone, the")
def rank_for_each_side(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * a + b for a, b in shapes)
    return one, (base_parameters + domains * one) * bytes_each, domains * base_parameters * bytes_each


TRIAL = {
    "trials": 15,
    "chosen on": "a part of the training text that was kept back",
    "plain": "as many rates as EWC had trials",
    "above the table": 0.06,
    "adapter": "the one that was least surprised by the text so far",
}


@wrong("3.3-9", "You compare one of the two domains. The averages are over")
def old_domain_alone():
    return {**TRIAL, "above the table": -0.03}


@wrong("3.3-9", "Asked for: as many as EWC had: its strengths times its")
def new_above_the_old_table():
    return {**TRIAL, "above the table": 0.35 - 0.22, "trials": 16}


@wrong("3.3-9", "On the text that was trained on, the setting that learns by")
def by_drawing_lots():
    return {**TRIAL, "adapter": "one drawn at random", "chosen on": "the text that was trained on"}


TABLES = {"backward": -0.14, "by sums": 0.16, "below the table": {"prose"}, "prose helps code": True}


@wrong("3.3-10", "You divide by three. The last domain has no later stage, so")
def all_three_in_the_mean():
    return {**TABLES, "backward": -0.28 / 3}


@wrong("3.3-10", "Hold the last row beside the row of tables, cell by cell.")
def none_is_below():
    return {**TABLES, "below the table": set()}


@wrong("3.3-10", "Asked for: prose after code less prose after sums: the two")
def gain_of_sums_itself():
    return {**TABLES, "by sums": 0.36}


SIDES = {"borne out": 2, "open": 1, "verdict": "holds when a stage is long"}


@wrong("3.3-11", "That number of open settings is all that do not bear the")
def against_is_open_too():
    return {**SIDES, "open": 2}


@wrong("3.3-11", "A sentence does not hold, by this rule, when every setting")
def one_against_refutes_it():
    return {**SIDES, "verdict": "does not hold"}


# ---- 3.4 ----


def brackets(text, opening="([{", closing=")]}"):
    depth, quoted, out = 0, False, []
    for c in text:
        quoted ^= c == '"'
        depth -= not quoted and c in closing
        out.append(depth)
        depth += not quoted and c in opening
    return out


@wrong("3.4-1", "You count one of the three kinds of brackets alone.")
def round_ones_alone(text, deepest):
    return [min(d, deepest) for d in brackets(text, "(", ")")]


@wrong("3.4-1", "Your results are what the solution gives if `deepest` were")
def a_level_too_early(text, deepest):
    return [min(d, deepest - 1) for d in brackets(text)]


@right("3.4-1")
def a_stack_of_brackets(text, deepest):
    return np.minimum(brackets(text), deepest)


@wrong("3.4-2", "You divide all tasks by the same number. Each has a number of")
def one_guess_for_all(losses, tasks, num_classes):
    guess = torch.as_tensor(num_classes).float().log().mean()
    return torch.stack([losses[tasks == t].mean() for t in tasks.unique()]).mean() / guess


@right("3.4-2")
def by_bincount(losses, tasks, num_classes):
    counts = torch.bincount(tasks)
    each = 1 / counts[tasks] / torch.as_tensor(num_classes).double().log()[tasks] / (counts > 0).sum()
    return (losses * each).sum()


@wrong("3.4-3", "What comes out is as if a task without a right answer did")
def a_task_with_nothing_right_left_out(right, tasks):
    scores = [right[tasks == t].float().mean() for t in tasks.unique() if right[tasks == t].any()]
    return right.float().mean(), torch.stack(scores).mean() if scores else torch.tensor(0.0)


@wrong("3.4-3", "Your macro average is the median of the tasks'")
def median_of_the_tasks(right, tasks):
    scores = [float(right[tasks == t].float().mean()) for t in tasks.unique()]
    return right.float().mean(), float(np.median(scores))


def of_width(d, num_layers, vocab_size):
    return vocab_size * d + 12 * num_layers * d * d


@wrong("3.4-4", "Your separate models share one embedding table. Each has a")
def one_table_for_the_separate_ones(d_model, num_layers, vocab_size, classes, step):
    shared = of_width(d_model, num_layers, vocab_size) + sum(c * (d_model + 1) for c in classes)

    def together(d):
        return vocab_size * d + sum(12 * num_layers * d * d + c * (d + 1) for c in classes)

    width = max(d for d in range(step, d_model + step, step) if together(d) <= shared or d == step)
    return shared, width, together(width)


@wrong("3.4-4", "What comes out is the width whose total lies nearest to")
def nearest_not_below(d_model, num_layers, vocab_size, classes, step):
    shared = of_width(d_model, num_layers, vocab_size) + sum(c * (d_model + 1) for c in classes)

    def together(d):
        return sum(of_width(d, num_layers, vocab_size) + c * (d + 1) for c in classes)

    width = min(range(step, d_model + step, step), key=lambda d: abs(together(d) - shared))
    return shared, width, together(width)


@wrong("3.4-5", "The list of shares is right. For two tasks, T = 2, the list")
def every_task_every_step(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes, dtype=torch.float64)
    raised = sizes ** (1 / temperature)
    return raised / raised.sum(), steps / sizes


@wrong("3.4-5", "For two tasks, T = 2, the list of shares differs in 2 of 2")
def as_a_softmax_of_sizes(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes, dtype=torch.float64)
    shares = (sizes / sizes.max() / temperature).softmax(0)
    return shares, shares * steps / sizes


@wrong("3.4-6", "You subtract the second term. Then larger variances are")
def uncertainty_rewarded(log_variances, losses):
    return (losses * (-log_variances).exp() - log_variances / 2).sum()


@wrong("3.4-6", "You take the mean over the tasks. Here they are added up:")
def mean_of_all_tasks(log_variances, losses):
    return (losses * (-log_variances).exp() + log_variances / 2).mean()


@right("3.4-6")
def through_sigma(log_variances, losses):
    sigma = (log_variances / 2).exp()
    return torch.dot(losses, sigma**-2) + sigma.log().sum()


@wrong("3.4-7", "You subtract the mean of each gradient first: that is a")
def correlations_for_cosines(gradients, shared):
    inside = gradients[:, shared]
    unit = F.normalize(inside - inside.mean(1, keepdim=True), dim=1)
    return unit @ unit.T


@wrong("3.4-7", "Your mask is the wrong way round: you compare the heads and")
def cosine_of_the_heads(gradients, shared):
    unit = F.normalize(gradients[:, ~shared], dim=1)
    return unit @ unit.T


@wrong("3.4-8", "You divide by the length of the other gradient; the")
def divided_by_the_length_once(gradients):
    out = gradients.clone()
    for i in range(len(out)):
        for j in range(len(out)):
            dot = out[i] @ gradients[j]
            if i != j and dot < 0:
                out[i] -= dot / gradients[j].norm() * gradients[j]
    return out


@wrong("3.4-8", "You project where the dot product is positive and leave the")
def what_agrees_is_cut(gradients):
    out = gradients.clone()
    for i in range(len(out)):
        for j in range(len(out)):
            dot = out[i] @ gradients[j]
            if i != j and dot > 0:
                out[i] -= dot / (gradients[j] @ gradients[j]) * gradients[j]
    return out


PAYS = -(0.85 * math.log(0.85) + 0.15 * math.log(0.15))
LOOKS = {"nothing": PAYS, "alone": 0.483, "company": 0.458, "gain": PAYS - 0.458, "helps": False}


@wrong("3.4-9", "You read the last look. A task with few labels has learned")
def at_the_last_look():
    return {**LOOKS, "alone": 0.937, "company": 0.613, "gain": PAYS - 0.613}


@wrong("3.4-9", "You stop at the right look, but give the watched loss there.")
def the_watched_losses_themselves():
    return {**LOOKS, "alone": 0.516, "company": 0.485, "gain": PAYS - 0.485}


@wrong("3.4-9", "You give the surprise at the commoner label. The other one")
def logarithm_of_the_share():
    return {**LOOKS, "nothing": -math.log(0.85), "gain": -math.log(0.85) - 0.458}


REPORTED = {
    "constant": 0.67,
    "beyond": -0.05,
    "sharing": "separate bodies of the wide width",
    "conflict": "pairs that nobody made, with cosines of both signs",
    "company": "stop both sides where their watched loss is lowest",
}


@wrong("3.4-10", "Asked for: the mean of both tasks' shares of their commonest")
def both_right_at_once():
    return {**REPORTED, "constant": 0.58 * 0.76, "beyond": 0.62 - 0.58 * 0.76}


@wrong("3.4-10", "You divide the difference, by the constant's share or by")
def relative_to_the_constant():
    return {**REPORTED, "beyond": 0.62 / 0.67 - 1}


@wrong("3.4-10", "With that, width and company still change together. Keep the")
def narrower_still():
    return {
        **REPORTED,
        "sharing": "separate bodies of half the narrow width",
        "conflict": "the same pair with more seeds",
    }


CLAIM = {"for": 1, "against": 1, "verdict": "holds when labels are few"}


@wrong("3.4-11", "Asked for: the settings whose interval lies nowhere above")
def nothing_speaks_against_it():
    return {**CLAIM, "against": 0}


@wrong("3.4-11", "The claim has no condition in it, so it must be borne out")
def mean_effect_is_above():
    return {**CLAIM, "verdict": "holds"}


# ---- 3.5 ----


@wrong("3.5-1", "Your temperature comes after the softmax. A mere")
def powers_not_shared_out(logits, temperature):
    p = logits.softmax(-1) ** (1 / temperature)
    return p, torch.special.entr(p).sum(-1) / math.log(2)


@wrong("3.5-1", "Your entropy is divided by that of the even distribution,")
def share_of_the_largest_entropy(logits, temperature):
    p = (logits / temperature).softmax(-1)
    return p, torch.special.entr(p).sum(-1) / math.log(p.shape[-1])


@wrong("3.5-2", "You return the same number twice. Forward and reverse are")
def the_mean_of_both_twice(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    both = ((t.exp() - s.exp()) * (t - s)).sum(-1).mean() / 2
    return both, both


@wrong("3.5-2", "For one position, the forward is 0.8347 and should be")
def unweighted_differences(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return (t - s).mean(-1).mean(), (s - t).mean(-1).mean()


@wrong("3.5-2", "For logits of hundreds, the forward is infinity instead of a")
def kl_of_torch_distributions(student_logits, teacher_logits):
    s, t = (torch.distributions.Categorical(logits=x.double()) for x in (student_logits, teacher_logits))
    kl = torch.distributions.kl_divergence
    return kl(t, s).mean(), kl(s, t).mean()


@wrong("3.5-3", "It comes out as if the teacher were softened and the")
def student_not_softened(student_logits, teacher_logits, labels, temperature, alpha):
    q = (teacher_logits / temperature).softmax(-1)
    kl = F.kl_div(student_logits.log_softmax(-1), q, reduction="batchmean")
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "The hard loss carries T^2 as well. It was taken at")
def square_on_both_terms(student_logits, teacher_logits, labels, temperature, alpha):
    q = (teacher_logits / temperature).softmax(-1)
    kl = F.kl_div((student_logits / temperature).log_softmax(-1), q, reduction="batchmean")
    return temperature**2 * (alpha * kl + (1 - alpha) * F.cross_entropy(student_logits, labels))


@right("3.5-3")
def distillation_from_its_gradient_parts(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = student_logits / temperature, teacher_logits / temperature
    kl = (t.softmax(1) * (t.log_softmax(1) - s.log_softmax(1))).sum() / len(labels)
    picked = student_logits[torch.arange(len(labels)), labels]
    return alpha * temperature**2 * kl + (1 - alpha) * (student_logits.logsumexp(1) - picked).mean()


@wrong("3.5-4", "Your divergence has the student's probabilities as")
def the_other_direction(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    teacher.train(mode)
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * (s.exp() * (s - t)).sum(-1).mean()


@wrong("3.5-4", "You put the student into evaluation mode as well. In training")
def student_brought_to_rest_too(student, teacher, inputs, temperature):
    modes = student.training, teacher.training
    student.eval(), teacher.eval()
    with torch.no_grad():
        t = teacher(inputs) / temperature
    loss = F.kl_div((student(inputs) / temperature).log_softmax(-1), t.softmax(-1), reduction="batchmean")
    student.train(modes[0]), teacher.train(modes[1])
    return temperature**2 * loss


@wrong("3.5-5", "You divide by the sum over the whole batch (or over a column")
def divided_over_the_batch(student_logits, probabilities, ids):
    p = probabilities / probabilities.sum(0, keepdim=True)
    return -(p * student_logits.log_softmax(-1).gather(1, ids)).sum(1).mean()


@wrong("3.5-6", "Your differences are not squared, or a root is taken")
def root_of_the_mean_square(student, teacher, projection, real):
    return F.mse_loss(student[real] @ projection, teacher[real]).sqrt()


@wrong("3.5-6", "What comes out is as if both vectors were brought to length")
def both_of_length_one(student, teacher, projection, real):
    s, t = F.normalize(student[real] @ projection, dim=-1), F.normalize(teacher[real], dim=-1)
    return F.mse_loss(s, t)


@right("3.5-6")
def real_ones_chosen_first(student, teacher, projection, real):
    b, s = real.nonzero(as_tuple=True)
    gap = torch.einsum("nd,de->ne", student[b, s], projection) - teacher[b, s]
    return (gap * gap).sum() / gap.numel()


@wrong("3.5-7", "You sum over the tokens where the mean is asked for: a longer")
def sum_over_the_rows(logits, tokens, prompt_lengths, lengths):
    nats = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    keep = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    return (nats * keep).sum() / len(tokens)


@wrong("3.5-7", "Your loss goes one place too far: where padding follows a")
def one_token_of_padding_too(logits, tokens, prompt_lengths, lengths):
    nats = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    place = torch.arange(1, tokens.shape[1])
    return nats[(place >= prompt_lengths[:, None]) & (place <= lengths[:, None])].mean()


@wrong("3.5-8", "You divide by a loss, that of the student alone or that of")
def gain_over_the_teachers_loss(alone, distilled, teacher):
    return (alone.mean() - distilled.mean()) / teacher.mean()


@wrong("3.5-8", "You divide by what the distilled student still lacks. The")
def gain_over_what_is_left(alone, distilled, teacher):
    return (alone - distilled).mean() / (distilled - teacher).mean()


@right("3.5-8")
def kept_from_lists(alone, distilled, teacher):
    return (sum(alone.tolist()) - sum(distilled.tolist())) / (sum(alone.tolist()) - sum(teacher.tolist()))


SKILL = {
    "skill": 1.09 / 1.51,
    "lead": 0.4,
    "most of the lead": False,
    "steps": 1840,
    "control": "the student alone with as much arithmetic, on all the text",
}


@wrong("3.5-9", "You give the student alone fewer steps. It is spared the")
def fewer_steps_for_the_lone_one():
    return {**SKILL, "steps": 400 * 25 / 115}


@wrong("3.5-9", "Asked for: what the distilled student saves over the")
def gain_by_the_teachers_bits():
    return {**SKILL, "skill": 1.09 / 1.73, "lead": 0.28 / 1.73}


@wrong("3.5-9", "Above and below the line you count from two zeros: one")
def lead_over_the_frequencies():
    return {**SKILL, "lead": 0.28 / 1.51}


LIKE = {
    "gain": 10.5,
    "likeness": 4.5,
    "verdict": "holds",
    "permuted": "the favourite's place, and the other numbers dealt to other classes",
}


@wrong("3.5-10", "You compare with the mean of the controls. Each takes the")
def mean_of_both_controls():
    return {**LIKE, "likeness": 4.8}


@wrong("3.5-10", "Asked for: per cent right with soft labels less per cent")
def in_per_cent_of_the_true_ones():
    return {**LIKE, "gain": 10.5 / 76.8 * 100}


@wrong("3.5-10", "Nowhere do the soft labels fall clearly behind their")
def ones_for_the_true_class():
    return {**LIKE, "permuted": "the true class alone, at 1", "verdict": "does not hold"}


FALLBACK = {
    "random": 66,
    "kept": 0.28,
    "work": 0.3,
    "knows": True,
    "control": "the same share of the requests, drawn at random",
}


@wrong("3.5-11", "Asked for: what both together have over the small one, over")
def what_is_not_kept():
    return {**FALLBACK, "kept": 18 / 25}


@wrong("3.5-11", "Asked for: all requests by the small model and the share by")
def work_of_the_small_one_as_unit():
    return {**FALLBACK, "work": 3}


@wrong("3.5-11", "You count the large model alone. The small one has read every")
def large_one_alone_counted():
    return {**FALLBACK, "work": 0.2, "knows": False}

"""A second trial, by somebody who knew the statements only: chapters 3.1 and 3.2."""

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.1-1", "Whatever was put into `fate`")
def shares_of_all_tokens(tokens, choice, fate, other, mask_id):
    """80 % of the chosen ones, cut at 0.8 * 0.15 of the choice."""
    chosen = choice < 0.15
    inputs = tokens.clone()
    inputs[choice < 0.15 * 0.8] = mask_id
    swap = (choice >= 0.15 * 0.8) & (choice < 0.15 * 0.9)
    inputs[swap] = other[swap]
    return inputs, tokens.masked_fill(~chosen, -100)


@wrong("3.1-1", "It comes out as if a token were scored where the inputs differ from")
def kept_tokens_are_not_scored(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(inputs == tokens, -100, tokens)


@wrong("3.1-1", "of what stood there")
def targets_hold_what_was_put_in(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, inputs, -100)


@right("3.1-1")
def one_token_after_the_other(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.tolist(), torch.full_like(tokens, -100)
    for b, row in enumerate(tokens.tolist()):
        for t, token in enumerate(row):
            if choice[b, t] < 0.15:
                targets[b, t] = token
                if fate[b, t] < 0.9:
                    inputs[b][t] = mask_id if fate[b, t] < 0.8 else int(other[b, t])
    return torch.tensor(inputs).reshape(tokens.shape).long(), targets


@wrong("3.1-2", "of each row first")
def mean_of_the_rows_means_again(logits, tokens, hidden):
    loss = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none") * hidden
    return (loss.sum(1) / hidden.sum(1)).mean()


@wrong("3.1-2", "number of all tokens")
def divided_by_all_places(logits, tokens, hidden):
    losses = -logits.log_softmax(-1).gather(-1, tokens[..., None]).squeeze(-1)
    return (losses * hidden).mean()


@wrong("3.1-2", "places of the text")
def classes_seen_in_the_second_axis(logits, tokens, hidden):
    log_p = F.log_softmax(logits, dim=1)
    return -log_p.gather(-1, tokens[..., None])[..., 0][hidden].mean()


@wrong("3.1-2", "that it does not")
def surprise_of_the_shown_tokens(logits, tokens, hidden):
    return F.cross_entropy(logits[~hidden], tokens[~hidden])


@right("3.1-2")
def ignored_by_their_index(logits, tokens, hidden):
    one_hot = F.one_hot(tokens, logits.shape[-1]).to(logits.dtype) * hidden[..., None]
    surprise = torch.logsumexp(logits, -1) * hidden - torch.einsum("bsv,bsv->bs", logits, one_hot)
    return surprise.sum() / hidden.sum()


@wrong("3.1-3", "are hidden in part")
def each_token_for_itself(starts, draws, share):
    return draws < share


@wrong("3.1-3", "ends to be seen")
def first_tokens_only(starts, draws, share):
    return starts & (draws < share)


@wrong("3.1-3", "has a low draw")
def word_of_any_low_draw(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    low = torch.zeros(len(starts), dtype=torch.bool)
    for i in range(len(starts)):
        if draws[i] < share:
            low[word[i]] = True
    return low[word]


@wrong("3.1-3", "one for each word")
def draws_picked_by_the_number_of_the_word(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    return draws[word] < share


@right("3.1-3")
def last_start_by_a_running_maximum(starts, draws, share):
    places = np.where(starts.numpy(), np.arange(len(starts)), 0)
    return torch.from_numpy(draws.numpy()[np.maximum.accumulate(places)] < share)


@wrong("3.1-4", "alike in your mean")
def every_batch_counts_alike(losses, counts):
    return losses.mean().exp()


@wrong("3.1-4", "perplexities of the batches")
def mean_of_perplexities(losses, counts):
    return (losses.exp() * counts).sum() / counts.sum()


@wrong("3.1-4", "loss is in nats")
def two_to_the_mean(losses, counts):
    return 2 ** ((losses * counts).sum() / counts.sum())


@right("3.1-4")
def product_of_powers(losses, counts):
    total = sum(counts.tolist())
    return math.prod(math.exp(loss * count / total) for loss, count in zip(losses, counts, strict=True))


@wrong("3.1-5", "the number of characters")
def characters_for_bytes(nats, text):
    return nats.sum() / math.log(2) / len(text)


@wrong("3.1-5", "result is in nats")
def nats_per_byte_again(nats, text):
    return nats.sum() / len(text.encode())


@wrong("3.1-5", "the number of tokens")
def bits_per_token(nats, text):
    return nats.mean() / math.log(2)


@wrong("3.1-5", "logarithm of the surprise")
def log_of_each_surprise(nats, text):
    """Takes the surprises for probabilities."""
    return -torch.log2(nats).sum() / len(text.encode("utf-8"))


@right("3.1-5")
def bytes_counted_by_code_point(nats, text):
    size = sum(1 + (ord(c) > 0x7F) + (ord(c) > 0x7FF) + (ord(c) > 0xFFFF) for c in text)
    return np.log2(np.exp(1.0)) * nats.numpy().astype(np.float64).sum() / size


@wrong("3.1-6", "hide all tokens together")
def all_hidden_at_once_again(model, tokens, mask_id):
    hidden = torch.full_like(tokens, mask_id)
    return model(hidden[None])[0].gather(1, tokens[:, None])[:, 0]


@wrong("3.1-6", "where they were put")
def hidden_places_stay_hidden(model, tokens, mask_id):
    text, result = tokens.clone(), []
    for i, token in enumerate(tokens):
        text[i] = mask_id
        result.append(model(text[None])[0, i, token])
    return torch.stack(result)


@wrong("3.1-6", "with a causal model")
def read_at_the_place_before(model, tokens, mask_id):
    """The habit of causal models: what stands at i is predicted at i - 1."""
    result = []
    for i in range(len(tokens)):
        text = tokens.clone()
        text[i] = mask_id
        result.append(model(text[None])[0, i - 1, tokens[i]])
    return torch.stack(result)


@wrong("3.1-6", "is at its place")
def the_mask_is_read(model, tokens, mask_id):
    result = []
    for i in range(len(tokens)):
        text = tokens.clone()
        text[i] = mask_id
        result.append(model(text[None])[0, i, text[i]])
    return torch.stack(result)


@right("3.1-6")
def a_batch_with_the_mask_on_its_diagonal(model, tokens, mask_id):
    n = len(tokens)
    batch = torch.where(torch.eye(n, dtype=torch.bool), mask_id, tokens.expand(n, n))
    return torch.einsum("iiv,iv->i", model(batch), F.one_hot(tokens, model(batch).shape[-1]).float())


@wrong("3.1-7", "of every hidden token")
def a_sentinel_for_every_token(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], 0
    for token, is_hidden in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if is_hidden:
            inputs.append(sentinels[gap].item())
            targets += [sentinels[gap].item(), token]
            gap += 1
        else:
            inputs.append(token)
    targets.append(sentinels[gap].item())
    return torch.tensor(inputs), torch.tensor(targets)


@wrong("3.1-7", "last sentinel is missing")
def no_sentinel_at_the_end(tokens, hidden, sentinels):
    inputs, targets, gap, before = [], [], 0, False
    for token, now in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if now and not before:
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))
            gap += 1
        (targets if now else inputs).append(token)
        before = now
    return torch.tensor(inputs), torch.tensor(targets)


@wrong("3.1-7", "follow on the others")
def the_first_sentinel_again_at_the_end(tokens, hidden, sentinels):
    inputs, targets, gap, before = [], [], 0, False
    for token, now in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if now and not before:
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))
            gap += 1
        (targets if now else inputs).append(token)
        before = now
    targets.append(int(sentinels[0]))
    return torch.tensor(inputs), torch.tensor(targets)


@wrong("3.1-7", "gap in your targets")
def sentinels_behind_their_tokens(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], 0
    values, flags = tokens.tolist(), hidden.tolist()
    for i, token in enumerate(values):
        if not flags[i]:
            inputs.append(token)
            continue
        targets.append(token)
        if i + 1 == len(values) or not flags[i + 1]:
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))
            gap += 1
    targets.append(int(sentinels[gap]))
    return torch.tensor(inputs), torch.tensor(targets)


@right("3.1-7")
def both_sides_from_one_rule(tokens, hidden, sentinels):
    """Each side replaces what it does not hold by the number of the gap."""
    before = torch.cat([torch.tensor([False]), hidden[:-1]])
    opens = hidden & ~before
    gap = opens.long().cumsum(0) - 1
    inputs = torch.where(opens, sentinels[gap.clamp(min=0)], tokens)[opens | ~hidden]
    pairs = torch.stack([sentinels[gap.clamp(min=0)], tokens], dim=1)
    targets = pairs[torch.stack([opens, hidden], dim=1)]
    return inputs, torch.cat([targets, sentinels[opens.sum()].reshape(1)])


@wrong("3.1-8", "after the gap alone")
def only_the_next_token_is_read(before, after):
    return (before + after[:, 0]).softmax(0) if after.shape[1] else before.softmax(0)


@wrong("3.1-8", "the tokens that follow")
def mean_of_what_follows_again(before, after):
    return torch.softmax(before + after.mean(1), dim=0)


@wrong("3.1-8", "after the left side")
def left_side_forgotten(before, after):
    return after.sum(-1).softmax(-1)


@wrong("3.1-8", "You multiply logarithms")
def log_probabilities_multiplied(before, after):
    return torch.softmax(before * after.prod(1), 0)


@right("3.1-8")
def one_token_on_the_right_after_another(before, after):
    p = np.asarray(before, dtype=np.float64)
    for column in np.asarray(after, dtype=np.float64).T:
        p = p + column
        p = p - np.logaddexp.reduce(p)
    return torch.from_numpy(np.exp(p - np.logaddexp.reduce(p)))


@wrong("3.2-1", "Each place looks in one direction only, so that each pair of places")
def neighbours_on_the_right_only(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        for other in tokens[i + 1 : i + window + 1].tolist():
            if word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


@wrong("3.2-1", "far apart became neighbours")
def gaps_closed_first(tokens, vocab_size, window):
    tokens = tokens[tokens >= 0].tolist()
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j:
                counts[tokens[i], tokens[j]] += 1
    return counts


@wrong("3.2-1", "side or on both")
def window_without_its_last_place(tokens, vocab_size, window):
    tokens, counts = tokens.tolist(), torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(max(0, i - window), min(len(tokens), i + window)):
            if i != j and tokens[i] >= 0 and tokens[j] >= 0:
                counts[tokens[i], tokens[j]] += 1
    return counts


@wrong("3.2-1", "pairs of equal words")
def a_word_is_not_its_own_neighbour(tokens, vocab_size, window):
    """The same word at another place does not count either."""
    tokens, counts = tokens.tolist(), torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens):
        for j, other in enumerate(tokens):
            if abs(i - j) <= window and word != other and min(word, other) >= 0:
                counts[word, other] += 1
    return counts


@right("3.2-1")
def one_hot_band_one_hot(tokens, vocab_size, window):
    n = len(tokens)
    words = np.zeros((n, vocab_size), dtype=np.int64)
    places = np.flatnonzero(tokens.numpy() >= 0)
    words[places, tokens.numpy()[places]] = 1
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return torch.from_numpy(words.T @ ((distance > 0) & (distance <= window)) @ words)


@wrong("3.2-2", "0 does not help")
def log_before_the_zeros(counts):
    total = counts.sum()
    pmi = torch.log(counts * total / (counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True)))
    return torch.maximum(pmi, torch.zeros_like(pmi))


@wrong("3.2-2", "the same factor, 1.443")
def pmi_in_bits(counts):
    expected = counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()
    return torch.where(counts > 0, torch.log2(counts / expected), 0.0).clamp(min=0)


@wrong("3.2-2", "to keep zeros away")
def smoothed_by_a_count_of_one(counts):
    counts = counts + 1.0
    joint = counts / counts.sum()
    return torch.log(joint / (joint.sum(1, keepdim=True) * joint.sum(0))).clamp(min=0)


@wrong("3.2-2", "may even stand twice")
def columns_share_for_rows(counts):
    joint = counts / counts.sum()
    rows = joint.sum(1)
    ratio = joint / (rows * rows[:, None]) if joint.shape[0] == joint.shape[1] else joint / rows[:, None]
    return torch.nan_to_num(torch.log(ratio), nan=0.0, neginf=0.0, posinf=0.0).clamp(min=0)


@right("3.2-2")
def sums_of_logarithms(counts):
    counts = counts.double()
    rows, columns = counts.sum(1).tolist(), counts.sum(0).tolist()
    result = torch.zeros_like(counts)
    for w, c in torch.nonzero(counts).tolist():
        pmi = math.log(counts[w, c]) + math.log(sum(rows)) - math.log(rows[w]) - math.log(columns[c])
        result[w, c] = max(pmi, 0.0)
    return result.float()


@wrong("3.2-3", "win in your list")
def largest_dot_product(vectors, query, k):
    scores = vectors @ vectors[query]
    scores[query] = -torch.inf
    return scores.topk(k).indices


@wrong("3.2-3", "of them are left")
def first_one_dropped_after_k(vectors, query, k):
    unit = F.normalize(vectors, dim=-1)
    return (unit @ unit[query]).topk(k).indices[1:]


@wrong("3.2-3", "that is one smaller")
def numbers_shifted_by_the_missing_row(vectors, query, k):
    others = torch.cat([vectors[:query], vectors[query + 1 :]])
    return F.cosine_similarity(others, vectors[query][None]).topk(k).indices


@wrong("3.2-3", "in the wrong order")
def farthest_first_again(vectors, query, k):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    order = (unit @ unit[query]).argsort()
    return order[order != query][-k:]


@right("3.2-3")
def nearest_on_the_sphere(vectors, query, k):
    unit = np.asarray(vectors, dtype=np.float64)
    unit = unit / np.sqrt((unit**2).sum(1))[:, None]
    distance = ((unit - unit[query]) ** 2).sum(1)
    return [row for row in np.argsort(distance).tolist() if row != query][:k]


@wrong("3.2-4", "You add 1 to the counts: that changes the shares, and a word that is")
def power_of_one_plus(counts, power):
    weights = (counts + 1) ** power
    return weights / weights.sum()


@wrong("3.2-4", "You put numbers through a softmax. Shares in proportion to a weight")
def softmax_of_the_counts(counts, power):
    return torch.softmax(power * counts.float(), dim=0)


@wrong("3.2-4", "and by its own")
def power_taken_of_the_shares(counts, power):
    """Not made to sum to 1 again."""
    return (counts / counts.sum()) ** power


@right("3.2-4")
def softmax_of_logarithms(counts, power):
    return torch.where(counts > 0, power * torch.log(counts.double()), -torch.inf).softmax(0)


@wrong("3.2-5", "Your loss rewards large scores of drawn pairs too. A no to a score is")
def scores_not_turned_for_the_drawn(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(torch.einsum("bd,bkd->bk", v, context_table[drawn]))
    no = no * (drawn != contexts[:, None])
    return -(yes + no.sum(1)).mean()


@wrong("3.2-5", "your loss is infinite")
def log_of_a_sigmoid(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = torch.log(torch.sigmoid((v * context_table[contexts]).sum(-1)))
    no = torch.log(torch.sigmoid(-torch.einsum("bd,bkd->bk", v, context_table[drawn])))
    no = torch.where(drawn == contexts[:, None], 0.0, no)
    return -(yes + no.sum(1)).mean()


@wrong("3.2-5", "where the formula sums")
def drawn_words_averaged(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    keep = (drawn != contexts[:, None]).float()
    no = F.logsigmoid(-torch.einsum("bd,bkd->bk", v, context_table[drawn])) * keep
    return -(yes + no.sum(1) / keep.sum(1).clamp(min=1)).mean()


@wrong("3.2-5", "You set the score of a true context among the drawn to 0. Then it")
def score_of_zero_for_the_left_out(word_table, context_table, words, contexts, drawn):
    """log sigmoid(0) is not 0."""
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    scores = torch.einsum("bd,bkd->bk", v, context_table[drawn])
    scores = scores.masked_fill(drawn == contexts[:, None], 0)
    return -(yes + F.logsigmoid(-scores).sum(1)).mean()


@wrong("3.2-5", "equal the word itself")
def the_word_itself_left_out(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(v[:, None] * context_table[drawn]).sum(-1)) * (drawn != words[:, None])
    return -(yes + no.sum(1)).mean()


@right("3.2-5")
def softplus_in_a_loop(word_table, context_table, words, contexts, drawn):
    total = word_table.sum() * 0
    for word, context, noise in zip(words.tolist(), contexts.tolist(), drawn.tolist(), strict=True):
        total = total + F.softplus(-word_table[word].dot(context_table[context]))
        for other in noise:
            if other != context:
                total = total + F.softplus(word_table[word].dot(context_table[other]))
    return total / words.numel()


@wrong("3.2-6", "multiply by the temperature")
def scores_multiplied_by_the_temperature(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T * temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong("3.2-6", "vectors of any length")
def dot_products_for_cosines(anchors, positives, temperature):
    return F.cross_entropy(anchors @ positives.T / temperature, torch.arange(len(anchors)))


@wrong("3.2-6", "mean of both directions")
def both_directions_averaged(anchors, positives, temperature):
    """As CLIP does it."""
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    own = torch.arange(len(anchors))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


@wrong("3.2-6", "over the negatives only")
def own_positive_missing_below_the_line(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    others = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -torch.inf)
    return (torch.logsumexp(others, dim=1) - scores.diagonal()).mean()


@wrong("3.2-6", "lengths of the columns")
def features_normalised_over_the_batch(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=0) @ F.normalize(positives, dim=0).T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@right("3.2-6")
def pairwise_cosines_and_a_log_sum(anchors, positives, temperature):
    cosines = F.cosine_similarity(anchors[:, None], positives[None], dim=-1)
    gaps = (cosines - cosines.diagonal()[:, None]) / temperature
    return gaps.logsumexp(1).mean()


@wrong("3.2-7", "it the own positive")
def whole_group_is_removed(scores, groups):
    """The own positive with it."""
    same = groups[:, None] == groups
    others = scores.masked_fill(same, -torch.inf)
    return (torch.logsumexp(others, 1) - scores.diagonal()).mean()


@wrong("3.2-7", "so they still compete")
def false_negatives_get_zero(scores, groups):
    same = (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool)
    return F.cross_entropy(scores.masked_fill(same, 0.0), torch.arange(len(groups)))


@wrong("3.2-7", "supervised contrastive learning does")
def the_whole_group_is_positive(scores, groups):
    """All of the group above the line, as in supervised contrast."""
    same = (groups[:, None] == groups).float()
    log_p = scores.log_softmax(1)
    return -((log_p * same).sum(1) / same.sum(1)).mean()


@wrong("3.2-7", "run down the columns")
def anchors_compete_for_a_positive(scores, groups):
    same = (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool)
    log_p = scores.masked_fill(same, -torch.inf).log_softmax(0)
    return -log_p.diagonal().mean()


@right("3.2-7")
def a_row_at_a_time(scores, groups):
    losses = []
    for i in range(len(groups)):
        rivals = scores[i][groups != groups[i]] - scores[i, i]
        losses.append(torch.log1p(rivals.exp().sum()) if len(rivals) else scores[i, i] * 0)
    return sum(losses) / len(losses)


@wrong("3.2-8", "of the clusters' purities")
def mean_of_the_clusters_purities(classes, clusters, shuffles):
    def purity(labels):
        shares = []
        for cluster in clusters.unique():
            inside = labels[clusters == cluster]
            shares.append(inside.bincount().max() / len(inside))
        return torch.stack(shares).mean()

    return purity(classes), torch.stack([purity(classes[order]) for order in shuffles]).mean()


@wrong("3.2-8", "cluster of each class")
def clusters_and_classes_exchanged(classes, clusters, shuffles):
    def purity(labels):
        most = sum(clusters[labels == label].unique(return_counts=True)[1].max() for label in labels.unique())
        return most / len(labels)

    return purity(classes), torch.stack([purity(classes[order]) for order in shuffles]).mean()


@wrong("3.2-8", "of a single cluster")
def chance_as_the_largest_class(classes, clusters, shuffles):
    most = sum(classes[clusters == c].unique(return_counts=True)[1].max() for c in clusters.unique())
    return most / len(classes), classes.unique(return_counts=True)[1].max() / len(classes)


@wrong("3.2-8", "baseline equals the purity")
def classes_and_clusters_shuffled_alike(classes, clusters, shuffles):
    def purity(labels, groups):
        most = sum(labels[groups == c].unique(return_counts=True)[1].max() for c in groups.unique())
        return most / len(labels)

    chance = torch.stack([purity(classes[order], clusters[order]) for order in shuffles]).mean()
    return purity(classes, clusters), chance


@right("3.2-8")
def purity_by_counters(classes, clusters, shuffles):
    n = len(classes)
    labels, groups = classes.tolist(), clusters.tolist()

    def purity(order):
        table = {}
        for place, group in zip(order, groups, strict=True):
            table.setdefault(group, Counter())[labels[place]] += 1
        return sum(counter.most_common(1)[0][1] for counter in table.values()) / n

    return purity(range(n)), np.mean([purity(order) for order in shuffles.tolist()])

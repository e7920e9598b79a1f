"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 3.2."""

import statistics

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Asks whether the neighbour is a word but not whether the centre is one: -1 counts in the last row
@wrong("3.2-1", "For a text with places without a word, your result differs in 3")
def centre_minus_one_is_the_last_row_fourteenth(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size, dtype=torch.long)
    n = len(tokens)
    for i in range(n):
        for j in range(max(0, i - window), min(n, i + window + 1)):
            if i != j and tokens[j] >= 0:
                counts[tokens[i], tokens[j]] += 1
    return counts


# Right: one-hot vectors and a band matrix, counted by two matrix products
@right("3.2-1")
def band_of_one_hots_fourteenth(tokens, vocab_size, window):
    tokens = torch.as_tensor(tokens)
    place = torch.arange(len(tokens))
    gap = (place[:, None] - place[None, :]).abs()
    band = ((gap <= window) & (gap > 0)).double()
    hot = (tokens[:, None] == torch.arange(vocab_size)[None, :]).double()
    return torch.einsum("iw,ij,jc->wc", hot, band, hot).round().long()


# Takes the share of a pair within its row for P(w, c)
@wrong("3.2-2", "For a table of 2 by 2, your result differs in 2 of 4 places: the")
def ppmi_conditional_for_joint_fourteenth(counts):
    counts = counts.double()
    total = counts.sum()
    if total == 0:
        return torch.zeros_like(counts)
    row = counts.sum(1, keepdim=True)
    col = counts.sum(0, keepdim=True)
    joint = counts / row.clamp(min=1e-300)
    expected = (row / total) * (col / total)
    ratio = joint / torch.where(expected > 0, expected, torch.ones_like(expected))
    pmi = torch.where(
        counts > 0, torch.log(torch.where(counts > 0, ratio, torch.ones_like(ratio))), torch.zeros_like(ratio)
    )
    return pmi.clamp(min=0).float()


# Takes the query's row out before the search and does not shift the numbers behind it back
@wrong("3.2-3", "You take the query's row out before you choose, and all rows behind")
def numbers_shifted_by_the_query_fourteenth(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    others = torch.cat([unit[:query], unit[query + 1 :]])
    return (others @ unit[query]).topk(k).indices


# 0 to the power 0 is 1: with power 0 words that are not in the text are drawn
@wrong("3.2-4", "With power 0 a word that is not in the text is drawn like any")
def zero_to_the_zero_fourteenth(counts, power):
    weights = torch.as_tensor(counts, dtype=torch.float64) ** power
    return weights / weights.sum()


# 0 to the power 0 is 1: with power 0 words that are not in the text are drawn too
@wrong("3.2-4", "With power 0 a word that is not in the text is drawn like any")
def noise_zero_to_the_zero_fourteenth(counts, power):
    weights = torch.as_tensor(counts).double() ** power
    return (weights / weights.sum()).float()


# Unusual: plain Python numbers in a loop
@right("3.2-4")
def noise_in_a_loop_fourteenth(counts, power):
    numbers = [float(c) for c in counts]
    weights = []
    for number in numbers:
        weights.append(number ** float(power) if number > 0 else 0.0)
    total = sum(weights)
    return torch.tensor([w / total for w in weights])


# Leaves out drawn words that equal the word itself instead of the true context
@wrong("3.2-5", "You leave out drawn words that equal the word itself. The true")
def leaves_out_the_word_itself_fourteenth(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] * v[:, None]).sum(-1))
    no = torch.where(drawn == words[:, None], torch.zeros_like(no), no)
    return -(yes + no.sum(1)).mean()


# Right: pair by pair with softplus, drawn words one by one
@right("3.2-5")
def softplus_pair_by_pair_fourteenth(word_table, context_table, words, contexts, drawn):
    terms = []
    for w, c, noise in zip(words.tolist(), contexts.tolist(), drawn.tolist(), strict=False):
        v = word_table[w]
        terms.append(F.softplus(-torch.dot(v, context_table[c])))
        terms += [F.softplus(torch.dot(v, context_table[k])) for k in noise if k != c]
    return torch.stack(terms).sum() / len(words)


# Averages both directions (also each positive among all anchors)
@wrong("3.2-6", "You take the mean of both directions. Some papers do; here only")
def contrastive_both_directions_fourteenth(anchors, positives, temperature):
    a = F.normalize(anchors, dim=-1)
    p = F.normalize(positives, dim=-1)
    scores = a @ p.T / temperature
    target = torch.arange(len(a))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


# The denominator holds the others alone, the anchor's own positive is left out of it
@wrong("3.2-6", "The sum in the denominator runs over the negatives only. The own")
def contrastive_own_not_in_denominator_fourteenth(anchors, positives, temperature):
    a = anchors / anchors.norm(dim=1, keepdim=True)
    p = positives / positives.norm(dim=1, keepdim=True)
    scores = a @ p.T / temperature
    own = scores.diagonal()
    if len(a) == 1:
        return (own - own).mean()
    others = scores.masked_fill(torch.eye(len(a), dtype=torch.bool), -torch.inf)
    return (torch.logsumexp(others, 1) - own).mean()


# Unusual: one anchor at a time, cosine by cosine, as ln of a sum of exponentials of differences
@right("3.2-6")
def contrastive_pair_by_pair_fourteenth(anchors, positives, temperature):
    losses = []
    for i in range(anchors.shape[0]):
        cosines = torch.stack(
            [
                torch.dot(anchors[i], positives[j]) / (anchors[i].norm() * positives[j].norm())
                for j in range(positives.shape[0])
            ]
        )
        losses.append(torch.logsumexp((cosines - cosines[i]) / temperature, 0))
    return torch.stack(losses).mean()


# Sets the scores of the same group to 0 instead of minus infinity
@wrong("3.2-7", "You set the scores of twins to 0. Their exponential is then 1, so")
def same_group_scores_zero_fourteenth(scores, groups):
    same = groups[:, None] == groups[None, :]
    same = same & ~torch.eye(len(groups), dtype=torch.bool)
    left = scores.masked_fill(same, 0.0)
    return -torch.log_softmax(left, dim=1).diagonal().mean()


# Shuffles the shuffled classes again: each order is applied on top of the ones before
@wrong("3.2-8", "What comes out is as if each order were put on the classes that the")
def shuffles_pile_up_fourteenth(classes, clusters, shuffles):
    def purity(labels):
        right_ones = 0
        for cluster in clusters.unique():
            right_ones += torch.bincount(labels[clusters == cluster]).max().item()
        return right_ones / len(labels)

    own, by_chance, shuffled = purity(classes), [], classes
    for order in shuffles:
        shuffled = shuffled[order]
        by_chance.append(purity(shuffled))
    return torch.tensor(own), torch.tensor(by_chance).mean()


# Applies each order the other way round: shuffled[order] = classes
@wrong("3.2-8", "What comes out is as if the clusters were put into the orders,")
def purity_inverse_orders_fourteenth(classes, clusters, shuffles):
    def purity(labels):
        right_ones = 0
        for c in clusters.unique():
            right_ones += labels[clusters == c].unique(return_counts=True)[1].max().item()
        return right_ones / len(labels)

    by_chance = []
    for order in shuffles:
        shuffled = torch.empty_like(classes)
        shuffled[order] = classes
        by_chance.append(purity(shuffled))
    return torch.tensor(purity(classes)), torch.tensor(sum(by_chance) / len(by_chance))


# Chance is taken to be the share of the most frequent class
@wrong("3.2-8", "You compare with the largest class, which is the purity of a single")
def purity_chance_is_commonest_class_fourteenth(classes, clusters, shuffles):
    right_ones = 0
    for c in clusters.unique():
        right_ones += torch.bincount(classes[clusters == c]).max()
    chance = torch.bincount(classes).max() / len(classes)
    return right_ones / len(classes), chance


# Divides what is above chance by the purity itself instead of by the way from chance to 1
@wrong("3.2-9", "'A', 'B': You divide the gain by the purity itself. The room that")
def share_of_the_purity_fourteenth():
    return {
        "A": (0.57 - 0.38) / 0.57,
        "B": (0.68 - 0.66) / 0.68,
        "better": "A",
        "control": "the same clusters, with the classes shuffled",
    }


# Judges the mean alone, without the errors to its sides
@wrong("3.2-10", "'verdict': That is not what the rule says. Write down both ends of")
def contrast_verdict_of_the_mean_fourteenth():
    counts = [0.24, 0.27, 0.25, 0.21, 0.24]
    plain = [0.45, 0.52, 0.43, 0.38, 0.45]
    contrast = [0.46, 0.55, 0.4, 0.39, 0.46]
    over_plain = [a - b for a, b in zip(contrast, plain, strict=False)]
    mean = statistics.mean(over_plain)
    return {
        "over counts": statistics.mean(contrast) - statistics.mean(counts),
        "over plain": mean,
        "error": statistics.stdev(over_plain) / 5**0.5,
        "verdict": "holds" if mean > 0.02 else "does not hold",
        "control": "plain vectors from the same unlabelled text",
    }

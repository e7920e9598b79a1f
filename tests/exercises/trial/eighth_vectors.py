"""An eighth trial, chapter 3.2: answers written from the statements alone."""

import heapq
import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A range that ends one too early: the distance window itself is left out
@wrong("3.2-1", "A neighbour exactly `window` places away is missing, on one side")
def a_range_that_ends_one_too_early_the(tokens, vocab_size, window):
    out = torch.zeros(vocab_size, vocab_size)
    t = tokens.tolist()
    for i in range(len(t)):
        for j in range(max(0, i - window + 1), min(len(t), i + window)):
            if j != i and t[i] >= 0 and (t[j] >= 0):
                out[t[i], t[j]] += 1
    return out


# Counts each place as a neighbour of itself
@wrong("3.2-1", "The diagonal is too large by each word's own count: every place")
def counts_each_place_as_a_neighbour_of_itself(tokens, vocab_size, window):
    out = torch.zeros(vocab_size, vocab_size)
    t = tokens.tolist()
    for i in range(len(t)):
        for j in range(max(0, i - window), min(len(t), i + window + 1)):
            if t[i] >= 0 and t[j] >= 0:
                out[t[i], t[j]] += 1
    return out


# Takes the places without a word out first: words on both sides of one move together
@wrong("3.2-1", "It comes out as if the places without a word were taken out of the")
def takes_the_places_without_a_word_out_first(tokens, vocab_size, window):
    t = [x for x in tokens.tolist() if x >= 0]
    out = torch.zeros(vocab_size, vocab_size)
    for i, w in enumerate(t):
        for j, c in enumerate(t):
            if i != j and abs(i - j) <= window:
                out[w, c] += 1
    return out


# Numpy, from differences of logarithms, pair by pair
@right("3.2-2")
def numpy_from_differences_of_logarithms_pair_by_pair(counts):
    c = counts.double().tolist()
    total = sum(map(sum, c))
    rows, cols = ([sum(x) for x in c], [sum(x) for x in zip(*c, strict=False)])
    out = torch.zeros(len(rows), len(cols), dtype=torch.float64)
    for i, row in enumerate(c):
        for j, n in enumerate(row):
            if n > 0:
                out[i, j] = max(0.0, math.log(n) + math.log(total) - math.log(rows[i]) - math.log(cols[j]))
    return out.to(counts.dtype) if counts.is_floating_point() else out.float()


# Keeps negative values: max(0, .) is missing
@wrong("3.2-2", "You set the pairs that never met to 0 and keep those that met")
def keeps_negative_values_max_0_is_missing(counts):
    p = counts.double() / counts.sum()
    e = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    out = torch.zeros_like(p)
    met = p > 0
    out[met] = (p[met] / e[met]).log()
    return out


# Scipy's cosine distances and heapq
@right("3.2-3")
def scipy_s_cosine_distances_and_heapq(vectors, query, k):
    v = vectors.double()
    cos = [float(v[i] @ v[query] / v[i].norm() / v[query].norm()) for i in range(len(v))]
    best = heapq.nlargest(k, (i for i in range(len(v)) if i != int(query)), key=cos.__getitem__)
    return torch.tensor(best, dtype=torch.long)


# Normalises before and not after, and leaves the power out: plain frequencies
@wrong("3.2-4", "You multiply by the power. Such a factor cancels: the")
def normalises_before_and_not_after_and_leaves_the(counts, power):
    p = counts.double() / counts.sum()
    return p * power / (p * power).sum()


# Raises the shares to the power, but does not bring the sum back to one
@wrong("3.2-4", "what comes out does not sum to 1")
def raises_the_shares_to_the_power_but_does(counts, power):
    return (counts.double() / counts.sum()) ** power


# Drawn words that are the true context are pushed away as well
@wrong("3.2-5", "Where a drawn word is the true context, your loss pulls and")
def drawn_words_that_are_the_true_context_are(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(v[:, None] * context_table[drawn]).sum(-1)).sum(1)
    return -(yes + no).mean()


# Compares the drawn words with the word and not with its true context
@wrong("3.2-5", "You leave out drawn words that equal the word itself. The true")
def compares_the_drawn_words_with_the_word_and(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(v[:, None] * context_table[drawn]).sum(-1))
    return -(yes + (no * (drawn != words[:, None])).sum(1)).mean()


# Takes the mean over the k drawn words; the statement has a sum
@wrong("3.2-5", "You take the mean over the drawn contexts where the formula sums: the")
def takes_the_mean_over_the_k_drawn_words(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.softplus(-(v * context_table[contexts]).sum(-1))
    s = (v[:, None] * context_table[drawn]).sum(-1)
    keep = (drawn != contexts[:, None]).to(s.dtype)
    return (yes + (F.softplus(s) * keep).sum(1) / drawn.shape[1]).mean()


# Averages both directions, as CLIP does; here only anchors choose
@wrong("3.2-6", "You take the mean of both directions. Some papers do; here only")
def averages_both_directions_as_clip_does_here_only(anchors, positives, temperature):
    s = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    y = torch.arange(len(s))
    return (F.cross_entropy(s, y) + F.cross_entropy(s.T, y)) / 2


# Logsumexp over the differences to the own score, row by row
@right("3.2-7")
def logsumexp_over_the_differences_to_the_own_score(scores, groups):
    losses = []
    for i in range(len(groups)):
        rivals = [j for j in range(len(groups)) if j == i or groups[j] != groups[i]]
        losses.append(torch.logsumexp(scores[i, rivals] - scores[i, i], 0))
    return sum(losses) / len(losses)


# Softmax down the columns instead of along the rows
@wrong("3.2-7", "Your sums run down the columns. A row belongs to an anchor, and")
def softmax_down_the_columns_instead_of_along_the(scores, groups):
    same = (groups[:, None] == groups[None]) & ~torch.eye(len(groups), dtype=torch.bool)
    lnp = scores.masked_fill(same, float("-inf")).log_softmax(0)
    return -lnp.diagonal().mean()


# Averages the purities of the clusters: a small cluster counts as much as a large one
@wrong("3.2-8", "You take the mean of the clusters' purities. A cluster of one")
def averages_the_purities_of_the_clusters_a_small(classes, clusters, shuffles):
    def purity(y):
        each = [
            y[clusters == c].bincount().max().item() / int((clusters == c).sum()) for c in clusters.unique()
        ]
        return sum(each) / len(each)

    base = [purity(classes[order]) for order in shuffles]
    return (torch.tensor(purity(classes)), torch.tensor(sum(base) / len(base)))


# The baseline is the share of the most frequent class, as if all items were in one cluster
@wrong("3.2-8", "You compare with the largest class, which is the purity of a")
def the_baseline_is_the_share_of_the_most(classes, clusters, shuffles):
    hits = sum(classes[clusters == c].bincount().max().item() for c in clusters.unique())
    return (torch.tensor(hits / len(classes)), torch.tensor(classes.bincount().max().item() / len(classes)))


# Uses only the first shuffle for the baseline
@wrong("3.2-8", "Your baseline comes from a single shuffle, and so from one throw")
def uses_only_the_first_shuffle_for_the_baseline(classes, clusters, shuffles):
    def purity(y):
        return sum(y[clusters == c].bincount().max().item() for c in clusters.unique()) / len(y)

    return (torch.tensor(purity(classes)), torch.tensor(purity(classes[shuffles[0]])))


# Turned round: for each class its most frequent cluster
@wrong("3.2-8", "You look for the most frequent cluster of each class. One single")
def turned_round_for_each_class_its_most_frequent(classes, clusters, shuffles):
    def purity(y):
        return sum(clusters[y == c].unique(return_counts=True)[1].max().item() for c in y.unique()) / len(y)

    base = [purity(classes[order]) for order in shuffles]
    return (torch.tensor(purity(classes)), torch.tensor(sum(base) / len(base)))


# The largest of the shuffled purities, not their mean
@wrong("3.2-8", "Your baseline is the best of all shuffles. Asked for is what to")
def the_largest_of_the_shuffled_purities_not_their(classes, clusters, shuffles):
    def purity(y):
        return sum(int(y[clusters == c].bincount().max()) for c in set(clusters.tolist())) / len(y)

    return (torch.tensor(purity(classes)), torch.tensor(max(purity(classes[o]) for o in shuffles)))

"""A thirteenth trial, answers written from the statements alone, chapter 3.2."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# -1 is a legal index: places without a word are counted as the last word
@wrong("3.2-1", "The last word has neighbours that it never had, as when Python")
def gap_counts_as_last_word_thirteenth(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    text = [int(t) for t in tokens]
    for i in range(len(text)):
        for j in range(max(0, i - window), min(len(text), i + window + 1)):
            if i != j:
                counts[text[i], text[j]] += 1
    return counts


# Only the word itself is tested for -1: as a neighbour, -1 falls into the last column
@wrong("3.2-1", "A place without a word has no row in your table, but as a neighbour")
def neighbours_minus_one_column_thirteenth(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    text = [int(t) for t in tokens]
    for i, w in enumerate(text):
        if w == -1:
            continue
        for j in range(max(0, i - window), min(len(text), i + window + 1)):
            if j != i:
                counts[w, text[j]] += 1
    return counts


# P / pw * pc: the parentheses of the denominator are missing
@wrong("3.2-2", "Your table is 0 everywhere. Check the divisor, if there is one:")
def denominator_without_parentheses_thirteenth(counts):
    p = counts.double() / counts.sum().clamp(min=1)
    pw = p.sum(1, keepdim=True).expand_as(p)
    pc = p.sum(0, keepdim=True).expand_as(p)
    met = counts > 0
    result = torch.zeros_like(p)
    result[met] = torch.log(p[met] / pw[met] * pc[met]).clamp(min=0)
    return result.to(torch.float32)


# Plain Python numbers, cell by cell
@right("3.2-2")
def positive_pmi_cells_thirteenth(counts):
    table = [[float(v) for v in row] for row in counts.tolist()]
    rows = [math.fsum(row) for row in table]
    columns = [math.fsum(column) for column in zip(*table, strict=False)]
    total = math.fsum(rows)
    out = torch.zeros(tuple(counts.shape))
    for i, row in enumerate(table):
        for j, v in enumerate(row):
            if v > 0:
                out[i, j] = max(0.0, math.log(v) + math.log(total) - math.log(rows[i]) - math.log(columns[j]))
    return out


# The word itself gets the cosine 0, which still beats the negative ones
@wrong("3.2-3", "The word's cosine with itself counts as 0 in your version, and so")
def self_set_to_zero_thirteenth(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    cosine = unit @ unit[query]
    cosine[query] = 0
    return cosine.topk(k).indices


# The query's own cosine is set to 0, not to minus infinity: it comes before the negative ones
@wrong("3.2-3", "The word's cosine with itself counts as 0 in your version, and so")
def nearest_own_zero_thirteenth(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    cosines = unit @ unit[query]
    cosines[query] = 0.0
    return cosines.topk(k).indices


# By logarithms and a softmax over the words that occur
@right("3.2-4")
def noise_by_softmax_thirteenth(counts, power):
    shares = torch.zeros(len(counts), dtype=torch.float64)
    seen = counts > 0
    shares[seen] = torch.softmax(power * torch.log(counts[seen].double()), dim=0)
    return shares.to(torch.float32)


# 0 to the power 0 is 1: with power 0 words that never occur are drawn
@wrong("3.2-4", "With power 0 a word that is not in the text is drawn like any")
def noise_zero_to_zero_thirteenth(counts, power):
    weights = counts.float() ** power
    return weights / weights.sum()


# Leaves out what equals the word, not what equals the true context
@wrong("3.2-5", "You leave out drawn words that equal the word itself. The true")
def leaves_out_the_word_itself_thirteenth(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-torch.einsum("bd,bkd->bk", v, context_table[drawn]))
    no = torch.where(drawn == words[:, None], torch.zeros_like(no), no)
    return -(yes + no.sum(1)).mean()


# The score of a left-out word is set to 0: it still costs ln 2
@wrong("3.2-5", "You set the score of a true context among the drawn to 0. Then it")
def sgns_left_out_costs_ln2_thirteenth(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = (v * context_table[contexts]).sum(-1)
    no = torch.einsum("bd,bkd->bk", v, context_table[drawn])
    no = no.masked_fill(drawn == contexts.unsqueeze(1), 0.0)
    return (F.softplus(-yes) + F.softplus(no).sum(-1)).mean()


# One anchor after the other, the softmax written out with its largest score taken off
@right("3.2-6")
def contrastive_one_by_one_thirteenth(anchors, positives, temperature):
    total = 0.0
    for i in range(len(anchors)):
        scores = torch.stack([F.cosine_similarity(anchors[i], p, dim=0) for p in positives]) / temperature
        top = scores.max().detach()
        total = total + torch.log(torch.exp(scores - top).sum()) + top - scores[i]
    return total / len(anchors)


# Scores of the same group are set to 0 and so still compete, with exp(0)
@wrong("3.2-7", "You set the scores of twins to 0. Their exponential is then 1, so")
def masked_with_zero_scores_thirteenth(scores, groups):
    same = groups[:, None] == groups[None, :]
    own = torch.eye(len(groups), dtype=torch.bool, device=scores.device)
    masked = torch.where(same & ~own, torch.zeros_like(scores), scores)
    return -F.log_softmax(masked, dim=1).diagonal().mean()


# The own positive is missing in the denominator
@wrong("3.2-7", "cases that come out wrong your answer is that of a")
def grouped_without_own_thirteenth(scores, groups):
    same = groups.unsqueeze(0) == groups.unsqueeze(1)
    others = scores.masked_fill(same, -1e9)
    return (torch.logsumexp(others, dim=1) - scores.diagonal()).mean()


# Dictionaries of counters, pure Python
@right("3.2-8")
def purity_with_dictionaries_thirteenth(classes, clusters, shuffles):
    members = {}
    for i, c in enumerate(clusters.tolist()):
        members.setdefault(c, []).append(i)
    labels = classes.tolist()

    def purity(these):
        hits = 0
        for places in members.values():
            tally = {}
            for i in places:
                tally[these[i]] = tally.get(these[i], 0) + 1
            hits += max(tally.values())
        return hits / len(these)

    by_chance = [purity([labels[i] for i in order]) for order in shuffles.tolist()]
    return torch.tensor(purity(labels)), torch.tensor(sum(by_chance) / len(by_chance))


# Mean of the clusters' purities: a small cluster weighs as much as a large one
@wrong("3.2-8", "You take the mean of the clusters' purities. A cluster of one item")
def purity_mean_over_clusters_thirteenth(classes, clusters, shuffles):
    def purity(labels):
        shares = []
        for c in clusters.unique():
            inside = labels[clusters == c]
            shares.append(inside.unique(return_counts=True)[1].max() / len(inside))
        return torch.stack(shares).mean()

    return purity(classes), torch.stack([purity(classes[order]) for order in shuffles]).mean()


# Gain over chance in relation to chance, not to what is left to 1
@wrong("3.2-9", "'A', 'B': You divide by the chance level. Perfect clusters would")
def gain_relative_to_chance_thirteenth():
    return {
        "A": (0.57 - 0.38) / 0.38,
        "B": (0.68 - 0.66) / 0.66,
        "better": "A",
        "control": "the same clusters, with the classes shuffled",
    }


# Held against the chance, not against what is left from chance to 1
@wrong("3.2-9", "'A', 'B': You divide by the chance level. Perfect clusters would")
def gain_over_chance_thirteenth():
    return {
        "A": (0.57 - 0.38) / 0.38,
        "B": (0.68 - 0.66) / 0.66,
        "better": "A",
        "control": "the same clusters, with the classes shuffled",
    }


# Np.std divides by n
@wrong("3.2-10", "'error': You divide the squares by 5. The mean was taken from the")
def standard_deviation_with_n_thirteenth():
    counts = np.array([0.24, 0.27, 0.25, 0.21, 0.24])
    plain = np.array([0.45, 0.52, 0.43, 0.38, 0.45])
    contrast = np.array([0.46, 0.55, 0.4, 0.39, 0.46])
    d = contrast - plain
    return {
        "over counts": float((contrast - counts).mean()),
        "over plain": float(d.mean()),
        "error": float(np.std(d) / np.sqrt(5)),
        "verdict": "not shown",
        "control": "plain vectors from the same unlabelled text",
    }

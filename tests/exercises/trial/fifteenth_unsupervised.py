"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 3.2."""

import math
import statistics

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A neighbour -1 is counted in the last column (Python's negative index)
@wrong("3.2-1", "A place without a word has no row in your table, but as a neighbour")
def neighbours_minus_one_column_fifteenth(tokens, vocab_size, window):
    words = [int(t) for t in tokens]
    counts = torch.zeros(vocab_size, vocab_size)
    for i, w in enumerate(words):
        if w < 0:
            continue
        for j in range(max(0, i - window), min(len(words), i + window + 1)):
            if j != i:
                counts[w, words[j]] += 1
    return counts


# Plain shifts of the text against itself, with index_put and both directions; a -1 masked out
@right("3.2-1")
def neighbours_by_shift_fifteenth(tokens, vocab_size, window):
    tokens = torch.as_tensor(tokens).long()
    counts = torch.zeros(vocab_size * vocab_size, dtype=torch.long)
    n = len(tokens)
    for d in range(1, min(window, n - 1) + 1):
        a, b = tokens[:-d], tokens[d:]
        ok = (a >= 0) & (b >= 0)
        pair = a[ok] * vocab_size + b[ok]
        counts += torch.bincount(pair, minlength=vocab_size * vocab_size)
    counts = counts.view(vocab_size, vocab_size)
    return counts + counts.T


# Numbers one by one in plain Python
@right("3.2-2")
def ppmi_plain_python_fifteenth(counts):
    rows = [[float(c) for c in row] for row in counts]
    total = sum(map(sum, rows))
    columns = [sum(col) for col in zip(*rows, strict=False)]
    out = torch.zeros(counts.shape, dtype=torch.float32)
    for i, row in enumerate(rows):
        r = sum(row)
        for j, c in enumerate(row):
            if c > 0:
                out[i, j] = max(0.0, math.log(c) + math.log(total) - math.log(r) - math.log(columns[j]))
    return out


# Bits in place of nats
@wrong("3.2-2", "Every entry above 0 is too large by the same factor, 1.443: you")
def pmi_log2_fifteenth(counts):
    counts = counts.double()
    n = counts.sum()
    if n == 0:
        return torch.zeros_like(counts)
    expected = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / n
    ok = counts > 0
    ratio = torch.where(
        ok, counts / torch.where(ok, expected, torch.ones_like(expected)), torch.ones_like(counts)
    )
    return torch.log2(ratio).clamp(min=0)


# Puts the query's own cosine to 0, which is more than a negative one
@wrong("3.2-3", "The word's cosine with itself counts as 0 in your version, and so")
def nearest_self_zero_fifteenth(vectors, query, k):
    v = F.normalize(vectors, dim=1)
    cos = v @ v[query]
    cos[query] = 0
    return cos.topk(k).indices


# Dot product in place of cosine for the candidates: long vectors win
@wrong("3.2-3", "Long vectors win in your list, as with plain dot products. Divide")
def nearest_by_dot_fifteenth(vectors, query, k):
    s = vectors @ vectors[query]
    s = s.clone()
    s[query] = -math.inf
    return s.topk(k).indices


# 0 to the power 0 is 1: words not in the text are drawn
@wrong("3.2-4", "With power 0 a word that is not in the text is drawn like any")
def noise_zero_power_fifteenth(counts, power):
    p = torch.as_tensor(counts, dtype=torch.float64) ** power
    return p / p.sum()


# 0 ** 0 is 1: a word that is not there is drawn with power 0
@wrong("3.2-4", "With power 0 a word that is not in the text is drawn like any")
def noise_zero_power_fifteenth_too(counts, power):
    w = counts.double() ** power
    return w / w.sum()


# Log of a sigmoid that has run to 0: infinite for large scores
@wrong("3.2-5", "For large scores your loss is infinite, or no number at all, as")
def skipgram_log_sigmoid_fifteenth(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = torch.log(torch.sigmoid((v * context_table[contexts]).sum(-1)))
    scores = torch.einsum("bd,bkd->bk", v, context_table[drawn])
    no = torch.log(torch.sigmoid(-scores))
    no = torch.where(drawn == contexts[:, None], torch.zeros_like(no), no)
    return -(yes + no.sum(-1)).mean()


# A loop over anchors with logsumexp and cosines by hand
@right("3.2-6")
def infonce_loop_fifteenth(anchors, positives, temperature):
    total = anchors.new_zeros(())
    for i, a in enumerate(anchors):
        scores = torch.stack([(a / a.norm()) @ (p / p.norm()) for p in positives]) / temperature
        total = total + torch.logsumexp(scores, 0) - scores[i]
    return total / len(anchors)


# Cosine without norming the positives
@wrong("3.2-6", "The anchors have length 1 in your dot products, the positives have")
def nce_positives_not_normed_fifteenth(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=-1) @ positives.T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


# Multiplies the false negatives' scores by 0 instead of leaving them out
@wrong("3.2-7", "You set the scores of twins to 0. Their exponential is then 1, so")
def grouped_zero_scores_fifteenth(scores, groups):
    n = len(groups)
    same = groups[:, None] == groups[None, :]
    off = same & ~torch.eye(n, dtype=torch.bool)
    masked = scores.masked_fill(off, 0.0)
    return F.cross_entropy(masked, torch.arange(n))


# Classes are shuffled through order, but the clusters are shuffled along too
@wrong("3.2-8", "Your baseline equals the purity, as when classes and clusters are")
def purity_both_shuffled_fifteenth(classes, clusters, shuffles):
    def purity(c, k):
        right_ = 0
        for label in k.unique():
            right_ += c[k == label].unique(return_counts=True)[1].max().item()
        return right_ / len(c)

    chance = [purity(classes[o], clusters[o]) for o in shuffles]
    return torch.tensor(purity(classes, clusters)), torch.tensor(sum(chance) / len(chance))


# Gain as a multiple of chance instead of the way from chance to 1
@wrong("3.2-9", "'A', 'B': You divide by the chance level. Perfect clusters would")
def purity_over_chance_fifteenth():
    return {
        "A": (0.57 - 0.38) / 0.38,
        "B": (0.68 - 0.66) / 0.66,
        "better": "A",
        "control": "the same clusters, with the classes shuffled",
    }


# The standard deviation taken for the standard error
@wrong("3.2-10", "'error': That is the spread of one difference, or the error of the")
def contrast_deviation_as_error_fifteenth():
    c = np.array([0.24, 0.27, 0.25, 0.21, 0.24])
    p = np.array([0.45, 0.52, 0.43, 0.38, 0.45])
    k = np.array([0.46, 0.55, 0.4, 0.39, 0.46])
    return {
        "over counts": float((k - c).mean()),
        "over plain": float((k - p).mean()),
        "error": float((k - p).std(ddof=1)),
        "verdict": "not shown",
        "control": "plain vectors from the same unlabelled text",
    }


# Error of the difference computed without pairing
@wrong("3.2-10", "'error': You take the spread of each row by itself. What makes a")
def contrast_unpaired_fifteenth():
    c, p, k = [0.24, 0.27, 0.25, 0.21, 0.24], [0.45, 0.52, 0.43, 0.38, 0.45], [0.46, 0.55, 0.4, 0.39, 0.46]

    def m(v):
        return sum(v) / 5

    error = math.sqrt((statistics.variance(k) + statistics.variance(p)) / 5)
    gain = m(k) - m(p)
    v = (
        "holds"
        if gain - 2.8 * error > 0.02
        else "does not hold"
        if gain + 2.8 * error < 0.02
        else "not shown"
    )
    return {
        "over counts": m(k) - m(c),
        "over plain": gain,
        "error": error,
        "verdict": v,
        "control": "plain vectors from the same unlabelled text",
    }

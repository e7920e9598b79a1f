"""A ninth trial, chapter 3.2: answers of an audit that looked for what cases and words let pass."""

import math
import statistics as st

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A place without a word ends the window
@wrong("3.2-1", "What comes out is as if a word did not see past a -1.")
def a_gap_ends_the_window(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    t = tokens.tolist()
    for i, w in enumerate(t):
        if w < 0:
            continue
        for step in (-1, 1):
            for d in range(1, window + 1):
                j = i + step * d
                if not 0 <= j < len(t) or t[j] < 0:
                    break
                c[w, t[j]] += 1
    return c


# Diagonal once
@wrong("3.2-1", "On the diagonal you have half of what is asked for. Two")
def diagonal_once(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    t = tokens.tolist()
    for i in range(len(t)):
        for j in range(i + 1, min(len(t), i + window + 1)):
            if t[i] >= 0 and t[j] >= 0:
                c[t[i], t[j]] += 1
                if t[i] != t[j]:
                    c[t[j], t[i]] += 1
    return c


# Index put without accumulate
@wrong("3.2-1", "A pair of words that meets several times at one distance")
def index_put_without_accumulate(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    n = len(tokens)
    for d in range(1, window + 1):
        if d >= n:
            break
        a, b = tokens[:-d], tokens[d:]
        ok = (a >= 0) & (b >= 0)
        c[a[ok], b[ok]] += 1
        c[b[ok], a[ok]] += 1
    return c


# Only next of each
@wrong("3.2-1", "A neighbour exactly `window` places away is missing, on")
def only_next_of_each(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    t = tokens.tolist()
    for i, w in enumerate(t):
        for j in range(max(0, i - window), min(len(t), i + window)):
            if j != i and w >= 0 and t[j] >= 0:
                c[w, t[j]] += 1
    return c


# Window in all
@wrong("3.2-1", "You look at half of `window` to each side. A neighbour may be as many")
def window_in_all(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    t = tokens.tolist()
    for i, w in enumerate(t):
        for j, o in enumerate(t):
            if 0 < abs(i - j) <= window // 2 and w >= 0 and o >= 0:
                c[w, o] += 1
    return c


# By the counts of rows
@wrong("3.2-2", "Your table is 0 everywhere. Check the divisor, if there")
def by_the_counts_of_rows(counts):
    n = counts.sum()
    pw, pc = counts.mean(1, keepdim=True), counts.mean(0)
    return torch.nan_to_num((counts / n / (pw * pc)).log(), nan=0.0, neginf=0.0).clamp(min=0)


# Wrong log shares
@wrong("3.2-2", "Your table is 0 everywhere. Check the divisor, if there")
def wrong_log_shares(counts):
    p = counts / counts.sum()
    r = torch.nan_to_num(p / (p.sum(1, keepdim=True) + p.sum(0)))
    return r.clamp(min=1).log()


# Last removed
@wrong("3.2-3", "The right words, in the wrong order: the nearest comes")
def last_removed(vectors, query, k):
    c = F.cosine_similarity(vectors, vectors[query], dim=1)
    order = c.argsort()
    return order[-k - 1 : -1]


# Ranks
@wrong("3.2-3", "What comes out are ranks, those of the first k rows: how")
def ranks(vectors, query, k):
    c = F.cosine_similarity(vectors, vectors[query], dim=1)
    c[query] = -2
    return (-c).argsort().argsort()[:k]


# Index after query
@wrong("3.2-3", "The row right behind the query gets the query's number")
def index_after_query(vectors, query, k):
    c = F.cosine_similarity(vectors, vectors[query], dim=1)
    rest = torch.cat([c[:query], c[query + 1 :]])
    top = rest.topk(k).indices
    return torch.where(top > query, top + 1, top)


# Sorted in python
@right("3.2-3")
def sorted_in_python(vectors, query, k):
    def cos(a, b):
        return sum(x * y for x, y in zip(a, b, strict=False)) / math.sqrt(
            sum(x * x for x in a) * sum(y * y for y in b)
        )

    rows = vectors.tolist()
    return sorted((i for i in range(len(rows)) if i != query), key=lambda i: -cos(rows[i], rows[query]))[:k]


# Each drawn word counted once
@wrong("3.2-5", "A word that was drawn twice for a pair counts once in")
def drawn_twice_counts_once(wt, ct, words, contexts, drawn):
    total = 0.0
    for w, c, d in zip(words.tolist(), contexts.tolist(), drawn.tolist(), strict=False):
        v = wt[w]
        total = total - F.logsigmoid(v @ ct[c])
        for k in set(d):
            if k != c:
                total = total - F.logsigmoid(-(v @ ct[k]))
    return total / len(words)


# Clamp scores
@wrong("3.2-5", "Ordinary scores come out right, and with large ones your")
def clamp_scores(wt, ct, words, contexts, drawn):
    v = wt[words]
    pos = (v * ct[contexts]).sum(-1).clamp(-20, 20)
    neg = torch.einsum("bd,bkd->bk", v, ct[drawn]).clamp(-20, 20)
    return -(F.logsigmoid(pos) + (F.logsigmoid(-neg) * (drawn != contexts[:, None])).sum(1)).mean()


# Eps in log
@wrong("3.2-5", "Ordinary scores come out right, and with large ones your")
def eps_in_log(wt, ct, words, contexts, drawn):
    v = wt[words]
    pos = (v * ct[contexts]).sum(-1)
    neg = torch.einsum("bd,bkd->bk", v, ct[drawn])
    keep = drawn != contexts[:, None]
    return -((pos.sigmoid() + 1e-9).log() + (((-neg).sigmoid() + 1e-9).log() * keep).sum(1)).mean()


# Dots scaled
@wrong("3.2-5", "What comes out is as if the vectors had been brought to")
def dots_scaled(wt, ct, words, contexts, drawn):
    v = F.normalize(wt[words], dim=-1)
    u = F.normalize(ct, dim=-1)
    pos = (v * u[contexts]).sum(-1)
    neg = torch.einsum("bd,bkd->bk", v, u[drawn])
    keep = drawn != contexts[:, None]
    return -(F.logsigmoid(pos) + (F.logsigmoid(-neg) * keep).sum(1)).mean()


# T squared
@wrong("3.2-6", "What comes out is as if the cosines were divided by the")
def t_squared(anchors, positives, temperature):
    c = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature**2
    return F.cross_entropy(c, torch.arange(len(c)))


# Squared norm
@wrong("3.2-6", "What comes out is as if each vector were divided by the")
def squared_norm(anchors, positives, temperature):
    a = anchors / anchors.square().sum(1, keepdim=True)
    p = positives / positives.square().sum(1, keepdim=True)
    return F.cross_entropy(a @ p.T / temperature, torch.arange(len(a)))


# Labels zero
@wrong("3.2-6", "What comes out is as if the first positive were the right")
def labels_zero(anchors, positives, temperature):
    c = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    return F.cross_entropy(c, torch.zeros(len(c), dtype=torch.long))


# Minus ten
@wrong("3.2-7", "Your twins still have a say: the score that you give them")
def minus_ten(scores, groups):
    own = torch.eye(len(scores), dtype=torch.bool)
    twin = (groups[:, None] == groups) & ~own
    return F.cross_entropy(scores.masked_fill(twin, -10.0), torch.arange(len(scores)))


# Times zero
@wrong("3.2-7", "Rows of the same group still count as negatives of each")
def times_zero(scores, groups):
    own = torch.eye(len(scores), dtype=torch.bool)
    twin = (groups[:, None] == groups) & ~own
    p = scores.softmax(-1).masked_fill(twin, 0.0)
    return -p.diagonal().log().mean()


# Twins by neighbours
@wrong("3.2-7", "Of two twins only one is left out, or only some of the")
def twins_by_neighbours(scores, groups):
    twin = torch.zeros(len(scores), len(scores), dtype=torch.bool)
    for i in range(len(groups) - 1):
        if groups[i] == groups[i + 1]:
            twin[i, i + 1] = twin[i + 1, i] = True
    return F.cross_entropy(scores.masked_fill(twin, -torch.inf), torch.arange(len(scores)))


# Upper only
@wrong("3.2-7", "Of two twins only one is left out, or only some of the")
def upper_only(scores, groups):
    twin = (groups[:, None] == groups).triu(1)
    return F.cross_entropy(scores.masked_fill(twin, -torch.inf), torch.arange(len(scores)))


# Renorm after
@wrong("3.2-7", "You set the scores of twins to 0. Their exponential is")
def renorm_after(scores, groups):
    own = torch.eye(len(scores), dtype=torch.bool)
    twin = (groups[:, None] == groups) & ~own
    return F.cross_entropy(scores * ~twin, torch.arange(len(scores)))


# Without own
@wrong("3.2-7", "of a usual slip: You leave out the whole group")
def without_own(scores, groups):
    same = groups[:, None] == groups
    neg = scores.masked_fill(same, -1e9).logsumexp(-1)
    return (neg - scores.diagonal()).mean()


# Clusters shuffled instead
@wrong("3.2-8", "What comes out is as if the clusters were put into the")
def clusters_shuffled_instead(classes, clusters, shuffles):
    def p(t, c):
        return sum(torch.bincount(t[c == k]).max() for k in c.unique()) / len(t)

    return p(classes, clusters), torch.stack([p(classes, clusters[o]) for o in shuffles]).mean()


# Shuffles as classes
@wrong("3.2-8", "What comes out is as if the numbers in shuffles were")
def shuffles_as_classes(classes, clusters, shuffles):
    def p(t, c):
        return sum(torch.bincount(t[c == k]).max() for k in c.unique()) / len(t)

    return p(classes, clusters), torch.stack([p(o, clusters) for o in shuffles]).mean()


# Divided by clusters
@wrong("3.2-8", "What comes out is the right sum, divided by the number of")
def divided_by_clusters(classes, clusters, shuffles):
    def p(t, c):
        return sum(torch.bincount(t[c == k]).max() for k in c.unique()) / len(c.unique())

    return p(classes, clusters), torch.stack([p(classes[o], clusters) for o in shuffles]).mean()


# Least
@wrong("3.2-8", "Your baseline is the least or the middle one of the")
def least(classes, clusters, shuffles):
    def p(t, c):
        return sum(torch.bincount(t[c == k]).max() for k in c.unique()) / len(t)

    return p(classes, clusters), torch.stack([p(classes[o], clusters) for o in shuffles]).min()


# Median
@wrong("3.2-8", "Your baseline is the least or the middle one of the")
def median(classes, clusters, shuffles):
    def p(t, c):
        return sum(torch.bincount(t[c == k]).max() for k in c.unique()) / len(t)

    return p(classes, clusters), torch.stack([p(classes[o], clusters) for o in shuffles]).median()


# Chance is sum of squares
@wrong("3.2-8", "Your baseline does not come from the shuffles.")
def chance_is_sum_of_squares(classes, clusters, shuffles):
    def p(t, c):
        return sum(torch.bincount(t[c == k]).max() for k in c.unique()) / len(t)

    s = torch.bincount(classes) / len(classes)
    return p(classes, clusters), (s * s).sum()


C = {
    "A": (0.57 - 0.38) / 0.62,
    "B": 0.02 / 0.34,
    "better": "A",
    "control": "the same clusters, with the classes shuffled",
}


# Neither
@wrong("3.2-9", "Compare A and B, the parts of the way that you were asked")
def neither():
    return C | {"better": "neither"}


# Pure
@wrong("3.2-9", "First the numbers. 'A': 0.57 is a number of the statement")
def pure():
    return C | {"A": 0.57, "B": 0.68, "better": "B"}


CO, P, X = [0.24, 0.27, 0.25, 0.21, 0.24], [0.45, 0.52, 0.43, 0.38, 0.45], [0.46, 0.55, 0.4, 0.39, 0.46]


def con(**k):
    d = [a - b for a, b in zip(X, P, strict=False)]
    return {
        "over counts": st.mean(X) - st.mean(CO),
        "over plain": st.mean(d),
        "error": st.stdev(d) / 5**0.5,
        "verdict": "not shown",
        "control": "plain vectors from the same unlabelled text",
    } | k


# Holds
@wrong("3.2-10", "That is not what the rule says. Write down both ends of")
def holds():
    return con(verdict="holds")


# Does not
@wrong("3.2-10", "That is not what the rule says. Write down both ends of")
def does_not():
    return con(verdict="does not hold")


# Err counts
@wrong("3.2-10", "That is the spread of one difference, or the error of the")
def err_counts():
    d = [a - b for a, b in zip(X, CO, strict=False)]
    return con(error=st.stdev(d) / 5**0.5)

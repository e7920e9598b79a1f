"""A seventh trial, chapter 3.2: answers written from the statements alone."""

import math
from collections import Counter, defaultdict

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# -1 is used as an index: places without a word count as the last word of the vocabulary
@wrong("3.2-1", "The last word has neighbours that it never had, as when Python")
def with_1_is_used_as_an_index_places_without_a_word(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j:
                counts[tokens[i], tokens[j]] += 1
    return counts


# A word next to itself is counted once a pair, not from both places (the diagonal is half of what it must
# be)
@wrong("3.2-1", "On the diagonal you have half of what is asked for. Two")
def a_word_next_to_itself_is_counted_once_a_pair(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    text = [int(t) for t in tokens]
    for i, a in enumerate(text):
        for b in text[i + 1 : i + 1 + window]:
            if a < 0 or b < 0:
                continue
            counts[a, b] += 1
            if a != b:
                counts[b, a] += 1
    return counts


# One-hot matrix times band matrix times one-hot matrix
@right("3.2-1")
def one_hot_matrix_times_band_matrix_times(tokens, vocab_size, window):
    text = torch.as_tensor(tokens)
    place = torch.arange(len(text))
    gap = (place[:, None] - place[None]).abs()
    band = ((gap >= 1) & (gap <= window)).double()
    hot = (text[:, None] == torch.arange(vocab_size)).double()
    return torch.einsum("iw,ij,jc->wc", hot, band, hot)


# The column's share is taken from the rows (counts supposed to be symmetric): P(c) = row sum of c
@wrong("3.2-2", "Where there are as many contexts as words, your P(c) is the")
def the_column_s_share_is_taken_from_the_rows(counts):
    counts = counts.double()
    total = counts.sum()
    words = counts.sum(1) / total
    contexts = words if counts.shape[0] == counts.shape[1] else counts.sum(0) / total
    pmi = (counts / total / (words[:, None] * contexts[None])).log()
    return pmi.nan_to_num(0, 0, 0).clamp(min=0)


# The query's row is cut out first and the numbers of the shortened table are returned: rows behind it are
# one too low
@wrong("3.2-3", "You take the query's row out before you choose, and all rows")
def the_query_s_row_is_cut_out_first(vectors, query, k):
    others = torch.cat([vectors[:query], vectors[query + 1 :]])
    return F.cosine_similarity(others, vectors[query][None], dim=-1).topk(k).indices


# 0 to the power 0 is 1: with power 0 a word that is not in the text is drawn like the others
@wrong("3.2-4", "With power 0 a word that is not in the text is drawn like any")
def with_0_to_the_power_0_is_1_with_power_0_a_word(counts, power):
    raised = torch.as_tensor(counts).double() ** power
    return raised / raised.sum()


# Left out is a drawn word that equals the centre word, not one that equals the true context
@wrong("3.2-5", "You leave out drawn words that equal the word itself. The true")
def left_out_is_a_drawn_word_that_equals(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] @ v[..., None])[..., 0])
    no = no.masked_fill(drawn == words[:, None], 0)
    return -(yes + no.sum(-1)).mean()


# An example in which the true context was drawn loses all of its negatives, not that one alone
@wrong("3.2-5", "Where one of the drawn words is the true context, you drop all")
def an_example_in_which_the_true_context_was(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] @ v[..., None])[..., 0]).sum(-1)
    clean = ~(drawn == contexts[:, None]).any(-1)
    return -(yes + no * clean).mean()


# Softplus in place of logsigmoid, a loop over the batch, nothing vectorised
@right("3.2-5")
def softplus_in_place_of_logsigmoid_a_loop_over(word_table, context_table, words, contexts, drawn):
    total = 0.0
    for b in range(len(words)):
        v = word_table[words[b]]
        total = total + F.softplus(-torch.dot(v, context_table[contexts[b]]))
        for other in drawn[b].tolist():
            if other != int(contexts[b]):
                total = total + F.softplus(torch.dot(v, context_table[other]))
    return total / len(words)


# Symmetric as in CLIP: the mean of choosing positives for anchors and anchors for positives
@wrong("3.2-6", "You take the mean of both directions. Some papers do; here only")
def symmetric_as_in_clip_the_mean_of_choosing(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T / temperature
    target = torch.arange(len(scores))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


# Einsum with explicit norms, and pairwise differences of scores in logsumexp
@right("3.2-6")
def einsum_with_explicit_norms_and_pairwise(anchors, positives, temperature):
    dots = torch.einsum("id,jd->ij", anchors, positives)
    norms = torch.einsum("i,j->ij", anchors.pow(2).sum(1).sqrt(), positives.pow(2).sum(1).sqrt())
    scores = dots / norms / temperature
    return torch.logsumexp(scores - scores.diagonal()[:, None], 1).mean()


# False negatives get the score 0 instead of being taken out: each still counts e^0 in the denominator
@wrong("3.2-7", "You set the scores of twins to 0. Their exponential is then 1,")
def false_negatives_get_the_score_0_instead(scores, groups):
    same = groups[:, None] == groups[None]
    own = torch.eye(len(scores), dtype=torch.bool)
    return F.cross_entropy(scores.masked_fill(same & ~own, 0.0), torch.arange(len(scores)))


# All of the group count as positives (supervised contrastive loss): mean of -log p over them
@wrong("3.2-7", "You pull the twins as well, as supervised contrastive learning")
def all_of_the_group_count_as_positives(scores, groups):
    same = (groups[:, None] == groups[None]).to(scores.dtype)
    logp = scores.log_softmax(1)
    return (-(logp * same).sum(1) / same.sum(1)).mean()


# Shuffled the other way: shuffled[order] = classes, the inverse permutation
@wrong("3.2-8", "What comes out is as if the clusters were put into the")
def shuffled_the_other_way_shuffled_order(classes, clusters, shuffles):
    classes, clusters = torch.as_tensor(classes), torch.as_tensor(clusters)

    def purity(labels):
        good = 0
        for c in clusters.unique():
            good += int(torch.bincount(labels[clusters == c]).max())
        return good / len(labels)

    chance = []
    for order in shuffles:
        mixed = classes.clone()
        mixed[order] = classes
        chance.append(purity(mixed))
    return torch.tensor(purity(classes)), torch.tensor(chance).mean()


# Counters and plain lists, returns two Python floats
@right("3.2-8")
def counters_and_plain_lists_returns_two_python(classes, clusters, shuffles):
    cl, kl = [int(c) for c in classes], [int(c) for c in clusters]

    def purity(labels):
        boxes = defaultdict(Counter)
        for label, box in zip(labels, kl, strict=False):
            boxes[box][label] += 1
        return sum(box.most_common(1)[0][1] for box in boxes.values()) / len(labels)

    rows = [[cl[int(i)] for i in order] for order in shuffles]
    return purity(cl), sum(map(purity, rows)) / len(rows)


# Divided by the purity reached instead of by what chance leaves: (p - c) / p
@wrong("3.2-9", "You divide the gain by the purity itself. The room that could be")
def divided_by_the_purity_reached_instead():
    return {
        "A": 0.19 / 0.57,
        "B": 0.02 / 0.68,
        "better": "A",
        "control": "the same clusters, with the classes shuffled",
    }


def _contrast(**other):
    counts, plain, contrast = (
        np.array(x)
        for x in (
            [0.24, 0.27, 0.25, 0.21, 0.24],
            [0.45, 0.52, 0.43, 0.38, 0.45],
            [0.46, 0.55, 0.4, 0.39, 0.46],
        )
    )
    d = contrast - plain
    said = {
        "over counts": (contrast - counts).mean(),
        "over plain": d.mean(),
        "error": d.std(ddof=1) / math.sqrt(5),
        "verdict": "not shown",
        "control": "plain vectors from the same unlabelled text",
    }
    return {**said, **other}


# Verdict 'does not hold' because the mean gain 0.006 is below 0.02
@wrong("3.2-10", "That is not what the rule says. Write down both ends of the")
def verdict_does_not_hold_because_the_mean_gain():
    return _contrast(verdict="does not hold")

"""Chapter 3.2, unsupervised learning: wrong answers with one slip each, and unusual right ones."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.2-1", "far apart became")
def places_without_a_word_squeezed_out(tokens, vocab_size, window):
    words = [t for t in tokens.tolist() if t >= 0]  # a -1 takes up room
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(words):
        for j in range(max(0, i - window), min(len(words), i + window + 1)):
            if i != j:
                counts[word, words[j]] += 1
    return counts


@wrong("3.2-1", "Each place looks in one direction only, so that each pair of places")
def only_what_follows(tokens, vocab_size, window):
    words, counts = tokens.tolist(), torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(words):
        for other in words[i + 1 : i + 1 + window]:
            if word >= 0 and other >= 0:
                counts[word, other] += 1  # and the other way round
    return counts


@wrong("3.2-1", "neighbour exactly `window`")
def window_one_too_short(tokens, vocab_size, window):
    words, counts = tokens.tolist(), torch.zeros(vocab_size, vocab_size)
    for i in range(len(words)):
        for j in range(max(0, i - window), min(len(words), i + window)):  # range ends before i + window
            if i != j and words[i] >= 0 and words[j] >= 0:
                counts[words[i], words[j]] += 1
    return counts


@wrong("3.2-1", "own neighbour")
def each_place_its_own_neighbour(tokens, vocab_size, window):
    words, counts = tokens.tolist(), torch.zeros(vocab_size, vocab_size)
    for i in range(len(words)):
        for j in range(max(0, i - window), min(len(words), i + window + 1)):
            if words[i] >= 0 and words[j] >= 0:  # i == j as well
                counts[words[i], words[j]] += 1
    return counts


@right("3.2-1")
def neighbours_by_products_of_one_hots(tokens, vocab_size, window):
    one_hot = torch.zeros(len(tokens), vocab_size + 1)
    one_hot[torch.arange(len(tokens)), tokens] = 1  # -1 is the last column
    one_hot = one_hot[:, :vocab_size]
    place = torch.arange(len(tokens))
    distance = (place[:, None] - place).abs()
    near = ((distance > 0) & (distance <= window)).float()
    return (one_hot.T @ near @ one_hot).long()


@wrong("3.2-2", "Positive PMI cuts")
def negative_values_kept(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log()
    return pmi.nan_to_num(0.0, neginf=0.0)


@wrong("3.2-2", "base 2")
def logarithm_to_the_base_two(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log2()
    return pmi.nan_to_num(0.0, neginf=0.0).clamp(min=0)


@wrong("3.2-2", "size of tensor")
def rows_and_columns_by_the_wrong_axis(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1) * p.sum(0))).log()  # rows' sums lie along the columns
    return pmi.nan_to_num(0.0, neginf=0.0).clamp(min=0)


@wrong("3.2-2", "holds NaN")
def clamped_before_nan_is_gone(counts):
    p = counts / counts.sum()
    return (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log().clamp(min=0)  # NaN stays


@wrong("3.2-2", "You add 1 to the counts to keep zeros away. That invents pairs, and")
def one_added_to_each_count(counts):
    p = (counts + 1) / (counts + 1).sum()  # no smoothing was asked for
    return (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log().clamp(min=0)


@wrong("3.2-3", "dot products")
def by_dot_product(vectors, query, k):
    scores = vectors @ vectors[query]  # no norms
    scores[query] = -torch.inf
    return scores.topk(k).indices


@wrong("3.2-3", "return k others")
def the_word_itself_first(vectors, query, k):
    unit = F.normalize(vectors, dim=-1)
    return (unit @ unit[query]).topk(k).indices


@wrong("3.2-3", "cosines themselves")
def cosines_for_numbers(vectors, query, k):
    unit = F.normalize(vectors, dim=-1)
    cosine = unit @ unit[query]
    cosine[query] = -2
    return cosine.topk(k).values  # not the rows


@wrong("3.2-3", "least alike")
def farthest_first(vectors, query, k):
    unit = F.normalize(vectors, dim=-1)
    order = (unit @ unit[query]).argsort()  # ascending
    return order[order != query][:k]


@right("3.2-3")
def nearest_by_python_sort(vectors, query, k):
    def cosine(row):
        return float(F.cosine_similarity(vectors[row].double(), vectors[query].double(), dim=0))

    return sorted((row for row in range(len(vectors)) if row != query), key=cosine, reverse=True)[:k]


@wrong("3.2-4", "power changes")
def power_after_the_share(counts, power):
    return (counts / counts.sum()) ** power  # normalise after the power


@wrong("3.2-4", "A word that is not in the text is drawn as if it stood there once. No")
def zero_to_the_zero(counts, power):
    raised = counts.float().clamp(min=1) ** power  # words that are not there are drawn
    return raised / raised.sum()


@wrong("3.2-4", "mere factor")
def power_forgotten(counts, power):
    return counts / counts.sum()


@right("3.2-4")
def noise_as_a_softmax_of_logarithms(counts, power):
    return (counts.double().log() * power if power else (counts > 0).double().log()).softmax(0)


@wrong("3.2-5", "true context")
def true_context_pushed_away_too(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] @ v[..., None])[..., 0])
    return -(yes + no.sum(-1)).mean()  # nothing is left out


@wrong("3.2-5", "For large scores your loss is infinite, or no number at all, as when")
def sigmoid_and_then_the_logarithm(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = (v * context_table[contexts]).sum(-1).sigmoid().log()  # underflows at -200
    no = (-(context_table[drawn] @ v[..., None])[..., 0]).sigmoid().log()
    no = no.masked_fill(drawn == contexts[:, None], 0)
    return -(yes + no.sum(-1)).mean()


@wrong("3.2-5", "drawn pairs")
def one_minus_sign_missing(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid((context_table[drawn] @ v[..., None])[..., 0])  # pulls the noise nearer
    no = no.masked_fill(drawn == contexts[:, None], 0)
    return -(yes + no.sum(-1)).mean()


@wrong("3.2-5", "mean over the drawn")
def mean_over_the_noise(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] @ v[..., None])[..., 0])
    no = no.masked_fill(drawn == contexts[:, None], 0)
    return -(yes + no.mean(-1)).mean()  # the sum over k


@right("3.2-5")
def negative_sampling_by_softplus(word_table, context_table, words, contexts, drawn):
    total = 0
    for w, c, ks in zip(words.tolist(), contexts.tolist(), drawn.tolist(), strict=True):
        total = total + F.softplus(-word_table[w].dot(context_table[c]))
        for k in ks:
            total = total + (F.softplus(word_table[w] @ context_table[k]) if k != c else 0)
    return total / len(words)


@wrong("3.2-6", "anchor chooses")
def softmax_over_the_anchors(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T / temperature
    return -scores.log_softmax(0).diagonal().mean()  # should be over the positives


@wrong("3.2-6", "hardly tells")
def multiplied_by_the_temperature(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T * temperature
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("3.2-6", "growing vectors")
def vectors_not_normalised(anchors, positives, temperature):
    return F.cross_entropy(anchors @ positives.T / temperature, torch.arange(len(anchors)))


@wrong("3.2-6")
def negatives_among_the_anchors_too(anchors, positives, temperature):
    a, p = F.normalize(anchors, dim=-1), F.normalize(positives, dim=-1)
    scores = torch.cat([a @ p.T, (a @ a.T).fill_diagonal_(-torch.inf)], 1) / temperature
    return F.cross_entropy(scores, torch.arange(len(a)))  # SimCLR's: twice as many negatives


@right("3.2-6")
def contrastive_loss_by_logsumexp(anchors, positives, temperature):
    scores = F.cosine_similarity(anchors[:, None], positives[None], dim=-1) / temperature
    return (scores.logsumexp(1) - scores.diagonal()).sum() / len(scores)


@wrong("3.2-7", "own positive")
def own_positive_hidden_as_well(scores, groups):
    same = groups[:, None] == groups  # the diagonal too
    others = scores.masked_fill(same, -torch.inf)
    return (others.logsumexp(1) - scores.diagonal()).mean()


@wrong("3.2-7", "score takes")
def same_group_set_to_zero(scores, groups):
    same = (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool)
    return F.cross_entropy(scores.masked_fill(same, 0), torch.arange(len(groups)))  # exp(0) is 1


@wrong("3.2-7", "group still")
def groups_ignored(scores, groups):
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("3.2-8", "baseline comes")
def baseline_of_one_shuffle(classes, clusters, shuffles):
    def purity(labels):
        table = torch.stack([torch.bincount(labels[clusters == c], minlength=99) for c in clusters.unique()])
        return table.max(1).values.sum() / len(labels)

    return purity(classes), purity(classes[shuffles[0]])  # the mean over all shuffles


@wrong("3.2-8", "clusters' purities")
def mean_over_the_clusters(classes, clusters, shuffles):
    def purity(labels):
        parts = [torch.bincount(labels[clusters == c]) for c in clusters.unique()]
        return torch.stack([part.max() / part.sum() for part in parts]).mean()  # large clusters count more

    return purity(classes), torch.stack([purity(classes[order]) for order in shuffles]).mean()


@wrong("3.2-8", "frequent cluster")
def clusters_of_each_class(classes, clusters, shuffles):
    def purity(labels):
        parts = [torch.bincount(clusters[labels == c]) for c in labels.unique()]  # the other way round
        return sum(part.max() for part in parts) / len(labels)

    return purity(classes), torch.stack([purity(classes[order]) for order in shuffles]).mean()


@right("3.2-8")
def purity_in_plain_python(classes, clusters, shuffles):
    def purity(labels):
        best = {}
        for pair in set(zip(clusters.tolist(), labels, strict=True)):
            times = list(zip(clusters.tolist(), labels, strict=True)).count(pair)
            best[pair[0]] = max(best.get(pair[0], 0), times)
        return sum(best.values()) / len(labels)

    values = classes.tolist()
    chance = [purity([values[i] for i in order]) for order in shuffles.tolist()]
    return purity(values), sum(chance) / len(chance)

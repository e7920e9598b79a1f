"""A third trial, written from the statements alone before any of it was run: chapters 3.1 and 3.2."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.1-1", "Chosen tokens that look unchanged, or these and the")
def only_masked_tokens_are_targets(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    masked = chosen & (fate < 0.8)
    random = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs = torch.where(masked, torch.full_like(tokens, mask_id), tokens)
    inputs = torch.where(random, other, inputs)
    return inputs, torch.where(masked, tokens, torch.full_like(tokens, -100))


@wrong("3.1-1", "Your targets hold what the model sees at the chosen places, masks")
def writes_into_tokens_so_that_targets_hold_the_mask(tokens, choice, fate, other, mask_id):
    """Writes into tokens, so that targets hold the masks."""
    chosen = choice < 0.15
    inputs = tokens
    inputs[chosen & (fate < 0.8)] = mask_id
    swap = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[swap] = other[swap]
    targets = torch.where(chosen, tokens, -100)
    return inputs, targets


@wrong("3.1-1", "For one row with every fate, the inputs differ in 2 of 8 places: the")
def the_10_and_80_exchanged(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = tokens.clone()
    inputs[chosen & (fate < 0.1)] = mask_id
    swap = chosen & (fate >= 0.1) & (fate < 0.9)
    inputs[swap] = other[swap]
    return inputs, tokens.masked_fill(~chosen, -100)


@wrong("3.1-2", "You take the mean of each row first. A hidden token in a")
def mean_of_the_rows_means_once_more(logits, tokens, hidden):
    nll = -torch.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    rows = [(nll[b][hidden[b]]).mean() for b in range(len(nll)) if hidden[b].any()]
    return torch.stack(rows).mean()


@wrong("3.1-2", "You add up the surprise of the hidden tokens, but divide by the")
def all_tokens_in_the_denominator(logits, tokens, hidden):
    nll = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    return (nll * hidden).mean()


@wrong("3.1-2", "Your loss is negative: it would be made larger by a better model")
def negative_sign_forgotten(logits, tokens, hidden):
    lp = torch.log_softmax(logits, -1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return lp[hidden].mean()


@wrong("3.1-3", "You decide for each token by its own draw, so that words are hidden")
def each_token_by_its_own_draw(starts, draws, share):
    return draws < share


@wrong("3.1-3", "You hide a word as soon as one of its tokens has a low draw. Long")
def a_word_is_hidden_if_any_of_its_draws_is_below(starts, draws, share):
    word = torch.cumsum(starts.long(), 0)
    out = torch.zeros_like(starts)
    for w in word.unique():
        at = word == w
        out[at] = bool((draws[at] < share).any())
    return out


@wrong("3.1-4", "Every batch counts alike in your mean. The last, short batch of a")
def all_batches_count_alike(losses, counts):
    return torch.as_tensor(losses).mean().exp()


@wrong("3.1-4", "You average the perplexities of the batches. The exponential makes")
def mean_of_the_perplexities_again(losses, counts):
    one, c = torch.as_tensor(losses).double(), torch.as_tensor(counts).double()
    return (one.exp() * c).sum() / c.sum()


@wrong("3.1-5", "Your divisor is the number of characters. A letter outside of English")
def characters_for_bytes_again(nats, text):
    return float(sum(nats)) / math.log(2) / len(text)


@wrong("3.1-5", "You multiply by ln 2 where you should divide. One nat is more than")
def times_ln_2(nats, text):
    return float(sum(nats)) * math.log(2) / len(text.encode())


@wrong("3.1-5", "You divide by the number of tokens: bits per token. A tokenizer with")
def mean_over_tokens_text_not_used(nats, text):
    return float(sum(nats)) / len(nats) / math.log(2)


@wrong("3.1-6", "You score tokens that the model sees. It only has to copy them, and")
def hides_nothing(model, tokens, mask_id):
    lp = model(tokens[None])[0]
    return lp[torch.arange(len(tokens)), tokens]


@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def earlier_masks_stay(model, tokens, mask_id):
    text = tokens.clone()
    out = []
    for i in range(len(tokens)):
        text[i] = mask_id
        out.append(model(text[None])[0, i, tokens[i]])
    return torch.stack(out)


@wrong("3.1-6", "For one token, your result is -0.2817 and should be -4.538. Besides")
def writes_the_mask_into_the_tokens_and_reads_its_pr(model, tokens, mask_id):
    """Writes the mask into the tokens and reads its probability."""
    out = []
    for i in range(len(tokens)):
        kept = tokens[i]
        tokens[i] = mask_id
        out.append(model(tokens[None])[0, i, kept])
        tokens[i] = kept
    return torch.stack(out)


@wrong("3.1-7", "You put a sentinel in place of every hidden token. A whole run gets")
def one_sentinel_for_each_hidden_token(tokens, hidden, sentinels):
    inp, tgt, k = [], [], 0
    for t, h in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if h:
            inp.append(int(sentinels[k]))
            tgt += [int(sentinels[k]), t]
            k += 1
            k = min(k, len(sentinels) - 1)
        else:
            inp.append(t)
    return torch.tensor(inp), torch.tensor([*tgt, int(sentinels[k])])


@wrong("3.1-7", "The last sentinel is missing. It tells the decoder that the last gap")
def the_closing_sentinel_is_missing(tokens, hidden, sentinels):
    inp, tgt, k, before = [], [], 0, False
    for t, h in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if h and not before:
            inp.append(int(sentinels[k]))
            tgt.append(int(sentinels[k]))
            k += 1
        if h:
            tgt.append(t)
        else:
            inp.append(t)
        before = h
    return torch.tensor(inp), torch.tensor(tgt)


@wrong("3.1-8", "You take a mean of logarithms, over the tokens that follow")
def mean_over_what_follows_not_sum(before, after):
    return torch.softmax(before + after.mean(1), 0)


@wrong("3.1-8", "You leave out how likely each candidate is after the left side")
def the_left_side_is_forgotten(before, after):
    return torch.softmax(after.sum(-1), -1)


@wrong("3.2-1", "It comes out as if the places without a word were taken out of the")
def places_without_a_word_are_cut_out(tokens, vocab_size, window):
    words = [int(t) for t in tokens if t >= 0]
    c = torch.zeros(vocab_size, vocab_size)
    for i in range(len(words)):
        for j in range(len(words)):
            if i != j and abs(i - j) <= window:
                c[words[i], words[j]] += 1
    return c


@wrong("3.2-1", "Each place looks in one direction only, so that each pair of places")
def looks_only_to_the_right(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    n = len(tokens)
    for i in range(n):
        for j in range(i + 1, min(n, i + window + 1)):
            if tokens[i] >= 0 and tokens[j] >= 0:
                c[tokens[i], tokens[j]] += 1
    return c


@wrong("3.2-1", "A neighbour exactly `window` places away is missing, on one side or")
def window_one_too_small(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    n = len(tokens)
    for i in range(n):
        for d in range(1, window):
            for j in (i - d, i + d):
                if 0 <= j < n and tokens[i] >= 0 and tokens[j] >= 0:
                    c[tokens[i], tokens[j]] += 1
    return c


@wrong("3.2-2", "Every entry above 0 is too large by the same factor, 1.443: you take")
def bits(counts):
    n = counts.double()
    t = n.sum()
    pmi = torch.log2(n * t / (n.sum(1, keepdim=True) * n.sum(0, keepdim=True)))
    return torch.nan_to_num(pmi, nan=0.0, posinf=0.0, neginf=0.0).clamp(min=0)


@wrong("3.2-2", "You set the pairs that never met to 0 and keep those that met more")
def negative_values_stay(counts):
    n = counts.double()
    t = n.sum()
    pmi = torch.log(n * t / (n.sum(1, keepdim=True) * n.sum(0, keepdim=True)))
    return torch.where(n > 0, pmi, torch.zeros_like(pmi))


@wrong("3.2-2", "For words that meet by chance, your result differs in 2 of 4 places")
def rows_shares_used_for_the_columns_as_well(counts):
    p = counts.double() / counts.sum()
    w = p.sum(1)
    pmi = (
        (p / (w[:, None] * w[None, : p.shape[1]])).log()
        if p.shape[0] >= p.shape[1]
        else (p / w[:, None] / w.mean()).log()
    )
    pmi[~torch.isfinite(pmi)] = 0
    return pmi.clamp(min=0)


@wrong("3.2-3", "Long vectors win in your list, as with plain dot products. Divide")
def dot_product_for_cosine(vectors, query, k):
    s = vectors @ vectors[query]
    s[query] = -math.inf
    return s.topk(k).indices


@wrong("3.2-3", "Your list holds the words that are least alike: small cosines are far")
def the_farthest(vectors, query, k):
    v = F.normalize(vectors, dim=-1)
    s = v @ v[query]
    order = s.argsort()
    return order[order != query][:k]


@wrong("3.2-4", "what comes out does not sum to 1")
def shares_to_the_power_no_longer_one_together(counts, power):
    c = torch.as_tensor(counts).double()
    return (c / c.sum()) ** power


@wrong("3.2-4", "You add 1 to the counts: that changes the shares, and a word that is")
def one_added_to_each_count(counts, power):
    c = (torch.as_tensor(counts).double() + 1) ** power
    return c / c.sum()


@wrong("3.2-5", "Where a drawn word is the true context, your loss pulls and pushes")
def drawn_true_context_is_not_left_out(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    pos = F.logsigmoid((v * context_table[contexts]).sum(-1))
    neg = F.logsigmoid(-(context_table[drawn] * v[:, None]).sum(-1)).sum(-1)
    return -(pos + neg).mean()


@wrong("3.2-5", "You take the mean over the drawn contexts where the formula sums")
def mean_over_the_drawn(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    pos = F.logsigmoid((v * context_table[contexts]).sum(-1))
    neg = F.logsigmoid(-(context_table[drawn] * v[:, None]).sum(-1))
    neg = neg.masked_fill(drawn == contexts[:, None], 0).mean(-1)
    return -(pos + neg).mean()


@wrong("3.2-5", "You look words up in the context table, and contexts in the word")
def words_looked_up_in_the_context_table_and_the_oth(word_table, context_table, words, contexts, drawn):
    """Words looked up in the context table and the other way round."""
    v = context_table[words]
    pos = F.logsigmoid((v * word_table[contexts]).sum(-1))
    neg = F.logsigmoid(-(word_table[drawn] * v[:, None]).sum(-1))
    neg = neg.masked_fill(drawn == contexts[:, None], 0).sum(-1)
    return -(pos + neg).mean()


@wrong("3.2-6", "You take dot products of vectors of any length. Then the loss can be")
def vectors_are_not_normalised(anchors, positives, temperature):
    s = anchors @ positives.T / temperature
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("3.2-6", "Your softmax runs over the anchors, for each positive. Asked is the")
def softmax_over_the_anchors_again(anchors, positives, temperature):
    s = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    return -torch.log_softmax(s, 0).diagonal().mean()


@wrong("3.2-6", "The sum in the denominator runs over the negatives only. The own")
def the_own_positive_is_not_in_the_denominator(anchors, positives, temperature):
    s = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    off = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -math.inf)
    return (off.logsumexp(1) - s.diagonal()).mean()


@wrong("3.2-7", "Rows of the same group still count as negatives of each other. Your")
def groups_are_not_looked_at(scores, groups):
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("3.2-7", "You set the scores of twins to 0. Their exponential is then 1, so")
def logits_set_to_0_for_inf(scores, groups):
    same = groups[:, None] == groups[None, :]
    same = same & ~torch.eye(len(groups), dtype=torch.bool)
    s = scores.masked_fill(same, 0.0)
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("3.2-8", "You take the mean of the clusters' purities. A cluster of one item is")
def all_clusters_count_alike(classes, clusters, shuffles):
    def purity(c):
        return sum(
            c[clusters == k].bincount().max() / (clusters == k).sum() for k in clusters.unique()
        ) / len(clusters.unique())

    return purity(classes), sum(purity(classes[s]) for s in shuffles) / len(shuffles)


@wrong("3.2-8", "You look for the most frequent cluster of each class. One single")
def classes_and_clusters_exchanged(classes, clusters, shuffles):
    def purity(a, b):
        return sum(a[b == k].bincount().max() for k in b.unique()) / len(a)

    return purity(clusters, classes), sum(purity(clusters, classes[s]) for s in shuffles) / len(shuffles)


@wrong("3.1-1", "Every chosen token becomes the mask in your inputs. A mask never")
def every_chosen_token_becomes_the_mask(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    return torch.where(chosen, mask_id, tokens), torch.where(chosen, tokens, -100)


@wrong("3.1-3", "You hide the first tokens of the chosen words and leave their ends to")
def only_the_first_token_of_a_word_is_hidden(starts, draws, share):
    return starts & (draws < share)


@wrong("3.1-4", "You raise 2 to the loss, but the loss is in nats: the base is e. (2")
def power_of_two(losses, counts):
    one, c = torch.as_tensor(losses).double(), torch.as_tensor(counts).double()
    return 2 ** ((one * c).sum() / c.sum())


@wrong("3.1-6", "You hide the right token and read the answer one place beside it, as")
def reads_the_neighbour_s_place(model, tokens, mask_id):
    out = []
    for i in range(len(tokens)):
        x = tokens.clone()
        x[i] = mask_id
        out.append(model(x[None])[0, i - 1, tokens[i]])
    return torch.stack(out)


@wrong("3.1-7", "Your inputs hold the hidden tokens beside their sentinels: there is")
def gap_s_tokens_stay_in_the_inputs(tokens, hidden, sentinels):
    inp, tgt, k, before = [], [], 0, False
    for t, h in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if h and not before:
            inp.append(int(sentinels[k]))
            tgt.append(int(sentinels[k]))
            k += 1
        if h:
            tgt.append(t)
        inp.append(t)
        before = h
    return torch.tensor(inp), torch.tensor([*tgt, int(sentinels[k])])


@wrong("3.2-2")
def columns_shares_of_the_rows(counts):
    n = counts.double()
    p = n / n.sum(1, keepdim=True).clamp(min=1)
    return torch.where(n > 0, (p / (n.sum(0) / n.sum()).sqrt()).log().clamp(min=0), 0.0)


@wrong("3.2-3", "Your list begins with the query: a cosine of 1 cannot be beaten")
def the_word_itself_is_the_first(vectors, query, k):
    v = F.normalize(vectors, dim=1)
    return (v @ v[query]).topk(k).indices


@wrong("3.2-4", "Your shares are those of the counts: the power is missing (and a mere")
def power_forgotten_again(counts, power):
    c = torch.as_tensor(counts).double()
    return c / c.sum()


@wrong("3.2-6", "You multiply by the temperature. At 0.1 all scores shrink to a tenth")
def temperature_multiplied(anchors, positives, temperature):
    s = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T * temperature
    return F.cross_entropy(s, torch.arange(len(s)))


@wrong("3.2-7", "You leave out the whole group and with it the own positive: a row")
def the_own_positive_leaves_the_denominator_too(scores, groups):
    same = groups[:, None] == groups[None, :]
    rest = scores.masked_fill(same, -math.inf).logsumexp(1)
    return (rest - scores.diagonal()).mean()


@wrong("3.1-2", "Your result is in bits. Nats are asked for: the natural logarithm")
def bits_2(logits, tokens, hidden):
    nll = F.cross_entropy(logits[hidden], tokens[hidden])
    return nll / math.log(2)


@wrong("3.1-2", "You return the sum over the hidden tokens. A batch that hides more")
def sum_for_mean(logits, tokens, hidden):
    return F.cross_entropy(logits[hidden], tokens[hidden], reduction="sum")


@wrong("3.1-3", "You take the draw of a word's last token. Asked for is that of its")
def the_last_draw_of_a_word_decides(starts, draws, share):
    n = len(starts)
    out = torch.zeros(n, dtype=torch.bool)
    decision = False
    for i in range(n - 1, -1, -1):
        if i == n - 1 or starts[i + 1]:
            decision = bool(draws[i] < share)
        out[i] = decision
    return out


@wrong("3.1-5", "Your result is 0.301 times what it should be, here and in every other")
def log10_for_log2(nats, text):
    return float(sum(nats)) / math.log(10) / len(text.encode())


@wrong("3.1-8", "You add probabilities where they must be multiplied: a candidate then")
def probabilities_added_up(before, after):
    p = before.exp() + after.sum(1).exp()
    return p / p.sum()


@wrong("3.2-1", "The diagonal is too large by each word's own count: every place")
def a_place_is_near_itself(tokens, vocab_size, window):
    c = torch.zeros(vocab_size, vocab_size)
    n = len(tokens)
    for i in range(n):
        for j in range(max(0, i - window), min(n, i + window + 1)):
            if tokens[i] >= 0 and tokens[j] >= 0:
                c[tokens[i], tokens[j]] += 1
    return c


@wrong("3.2-5", "Your loss rewards large scores of drawn pairs too. A no to a score is")
def a_plus_in_the_negative_terms(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    pos = F.logsigmoid((v * context_table[contexts]).sum(-1))
    neg = F.logsigmoid((context_table[drawn] * v[:, None]).sum(-1))
    neg = neg.masked_fill(drawn == contexts[:, None], 0).sum(-1)
    return -(pos + neg).mean()


@wrong("3.2-8", "You give numbers of items. Purity is a share of all items, between 0")
def counts_of_right_ones_not_shares(classes, clusters, shuffles):
    def purity(c):
        return sum(int(c[clusters == k].bincount().max()) for k in clusters.unique())

    return purity(classes), sum(purity(classes[s]) for s in shuffles) / len(shuffles)


@right("3.1-1")
def loops_over_lists(tokens, choice, fate, other, mask_id):
    inp, tgt = [], []
    for b in range(tokens.shape[0]):
        ri, rt = [], []
        for s in range(tokens.shape[1]):
            t = int(tokens[b, s])
            if choice[b, s] < 0.15:
                rt.append(t)
                ri.append(mask_id if fate[b, s] < 0.8 else int(other[b, s]) if fate[b, s] < 0.9 else t)
            else:
                ri.append(t)
                rt.append(-100)
        inp.append(ri)
        tgt.append(rt)
    return torch.tensor(inp), torch.tensor(tgt)


@right("3.1-2")
def logsumexp_by_hand(logits, tokens, hidden):
    total, n = 0.0, 0
    for b, s in hidden.nonzero().tolist():
        row = logits[b, s]
        total = total + torch.logsumexp(row, 0) - row[tokens[b, s]]
        n += 1
    return total / n


@right("3.1-5")
def numpy_and_bytes(nats, text):
    return np.sum(np.asarray(nats, dtype=np.float64)) / np.log(2.0) / len(bytes(text, "utf8"))


@right("3.1-7")
def groupby(tokens, hidden, sentinels):
    import itertools

    inp, tgt = [], []
    s = iter(sentinels.tolist())
    for h, run in itertools.groupby(zip(hidden.tolist(), tokens.tolist(), strict=False), key=lambda p: p[0]):
        words = [w for _, w in run]
        if h:
            mark = next(s)
            inp.append(mark)
            tgt.extend([mark, *words])
        else:
            inp.extend(words)
    return torch.tensor(inp), torch.tensor([*tgt, next(s)])


@right("3.2-1")
def matrix_of_one_hots(tokens, vocab_size, window):
    t = torch.as_tensor(tokens)
    one = F.one_hot(t.clamp(min=0), vocab_size).double() * (t >= 0)[:, None]
    n = len(t)
    d = (torch.arange(n)[:, None] - torch.arange(n)).abs()
    near = ((d > 0) & (d <= window)).double()
    return (one.T @ near @ one).long()


@right("3.2-3")
def numpy_argsort_list(vectors, query, k):
    v = vectors.detach().numpy().astype(float)
    c = [(-(v[i] @ v[query]) / np.linalg.norm(v[i]), i) for i in range(len(v)) if i != query]
    return [i for _, i in sorted(c)[:k]]


@right("3.2-6")
def loops_and_cosine_similarity(anchors, positives, temperature):
    out = []
    for i in range(len(anchors)):
        s = F.cosine_similarity(anchors[i][None], positives, dim=-1) / temperature
        out.append(torch.logsumexp(s, 0) - s[i])
    return torch.stack(out).mean()

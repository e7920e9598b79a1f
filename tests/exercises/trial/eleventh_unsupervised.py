"""An eleventh trial, counting and prediction: slips and boundaries that the messages had missed."""

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def _pairs(tokens, vocab_size, places, near):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in places:
        for j in near(i):
            word, other = int(tokens[i]), int(tokens[j])
            if i != j and word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


# 0 is a word, too
@wrong("3.2-1", "Word 0 has no neighbours in your table")
def words_above_zero(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j and word > 0 and tokens[j] > 0:
                counts[word, tokens[j]] += 1
    return counts


# Asked of the word alone whether it is one
@wrong("3.2-1", "but as a neighbour it is counted, for the last word")
def minus_one_as_a_neighbour(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        if word < 0:
            continue
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j:
                counts[word, tokens[j]] += 1
    return counts


# One window after the other, each with its pairs
@wrong("3.2-1", "A pair counts once for each run of window + 1 places")
def one_window_after_the_other(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for start in range(len(tokens) - window):
        run = range(start, start + window + 1)
        counts += _pairs(tokens, vocab_size, run, lambda i, run=run: run)
    return counts


# Pieces that do not overlap
@wrong("3.2-1", "as if the text were cut into pieces")
def pieces_of_the_text(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for start in range(0, len(tokens), window + 1):
        run = range(start, min(len(tokens), start + window + 1))
        counts += _pairs(tokens, vocab_size, run, lambda i, run=run: run)
    return counts


# Only places with a whole window
@wrong("3.2-1", "A place with fewer than `window` places before or behind it")
def places_with_a_whole_window(tokens, vocab_size, window):
    places = range(window, len(tokens) - window)
    return _pairs(tokens, vocab_size, places, lambda i: range(i - window, i + window + 1))


# The last place left out of the loop
@wrong("3.2-1", "The last place counts nothing for its own word")
def all_places_but_the_last(tokens, vocab_size, window):
    def near(i):
        return range(max(0, i - window), min(len(tokens), i + window + 1))

    return _pairs(tokens, vocab_size, range(len(tokens) - 1), near)


# A product of three tables
@right("3.2-1")
def one_hot_products(tokens, vocab_size, window):
    place = torch.arange(len(tokens))
    distance = (place[:, None] - place).abs()
    near = ((distance > 0) & (distance <= window)).float()
    words = torch.zeros(len(tokens), vocab_size)
    words[place[tokens >= 0], tokens[tokens >= 0]] = 1
    return words.T @ near @ words


# Both shares from the columns
@wrong("3.2-2", "your P(w) is the share of the column with the number of w")
def both_from_the_columns(counts):
    p = counts / counts.sum()
    rows = p.sum(0)[:, None] if p.shape[0] == p.shape[1] else p.sum(1, keepdim=True)
    return torch.nan_to_num((p / (rows * p.sum(0))).log().clamp(min=0))


# The absolute value against negative entries
@wrong("3.2-2", "You drop the sign of the logarithm")
def absolute_information(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1, keepdim=True) * p.sum(0))).log().abs()
    return torch.where(torch.isfinite(pmi), pmi, 0.0)


# The quotient turned over
@wrong("3.2-2", "Your ratio is upside down")
def expected_over_found(counts):
    p = counts / counts.sum()
    return torch.nan_to_num((p.sum(1, keepdim=True) * p.sum(0) / p).log().clamp(min=0), posinf=0.0)


# Differences of logarithms
@right("3.2-2")
def differences_of_logarithms(counts):
    n = counts.double()
    pmi = n.log() - n.sum(1, keepdim=True).log() - n.sum(0).log() + n.sum().log()
    return torch.nan_to_num(pmi, nan=0.0, neginf=0.0).clamp(min=0)


# From far to near, with the query last
@wrong("3.2-3", "Your list ends with the query itself")
def the_end_of_the_sorted_list(vectors, query, k):
    return F.cosine_similarity(vectors, vectors[query][None], dim=1).argsort()[-k:]


# Always row 0
@wrong("3.2-3", "Your list holds the words near row 0")
def near_the_first_row(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    cosines = unit @ unit[0]
    cosines[query] = -9
    return cosines.topk(k).indices


# The mean of all vectors taken off
@wrong("3.2-3", "as if a mean were taken off the vectors first")
def vectors_about_their_mean(vectors, query, k):
    unit = F.normalize(vectors - vectors.mean(0), dim=1)
    cosines = unit @ unit[query]
    cosines[query] = -9
    return cosines.topk(k).indices


# The vectors themselves
@wrong("3.2-3", "You return the vectors of the nearest words")
def the_vectors_themselves(vectors, query, k):
    cosines = F.cosine_similarity(vectors, vectors[query][None], dim=1)
    cosines[query] = -9
    return vectors[cosines.topk(k).indices]


# Distances of vectors of length 1: the same order
@right("3.2-3")
def distances_at_length_one(vectors, query, k):
    unit = vectors.numpy() / np.linalg.norm(vectors.numpy(), axis=1, keepdims=True)
    distances = np.linalg.norm(unit - unit[query], axis=1)
    distances[query] = 99
    return np.argsort(distances)[:k].tolist()


# A factor for a power
@wrong("3.2-4", "You multiply by the power")
def a_factor_for_a_power(counts, power):
    weights = counts * power
    return weights / weights.sum()


# The largest for the sum
@wrong("3.2-4", "what comes out does not sum to 1")
def over_the_largest(counts, power):
    return counts**power / (counts**power).max()


# At least 1
@wrong("3.2-4", "is drawn as if it stood there once")
def counts_of_at_least_one(counts, power):
    weights = counts.clamp(min=1) ** power
    return weights / weights.sum()


# Base and exponent exchanged
@wrong("3.2-4", "You raise the power to the count")
def power_to_the_count(counts, power):
    weights = power**counts
    return weights / weights.sum()


def _scores(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    return (word * context_table[contexts]).sum(-1), (word[:, None] * context_table[drawn]).sum(-1)


# The sum of scores, and then the sigmoid
@wrong("3.2-5", "It comes out as if the scores of the drawn words were added up before")
def scores_added_before(word_table, context_table, words, contexts, drawn):
    yes, no = _scores(word_table, context_table, words, contexts, drawn)
    no = (no * (drawn != contexts[:, None])).sum(1)
    return -(F.logsigmoid(yes) + F.logsigmoid(-no)).mean()


# The minus before the logarithm
@wrong("3.2-5", "the minus belongs into the sigmoid")
def the_minus_outside(word_table, context_table, words, contexts, drawn):
    yes, no = _scores(word_table, context_table, words, contexts, drawn)
    return -(F.logsigmoid(yes) - (F.logsigmoid(no) * (drawn != contexts[:, None])).sum(1)).mean()


# Rows of the wrong table for the drawn
@wrong("3.2-5", "You look the drawn words up in the word table")
def drawn_in_the_word_table(word_table, context_table, words, contexts, drawn):
    yes, _ = _scores(word_table, context_table, words, contexts, drawn)
    no = (word_table[words][:, None] * word_table[drawn]).sum(-1)
    return -(F.logsigmoid(yes) + (F.logsigmoid(-no) * (drawn != contexts[:, None])).sum(1)).mean()


# The context in place of the word
@wrong("3.2-5", "You hold the drawn words against the true context")
def drawn_against_the_context(word_table, context_table, words, contexts, drawn):
    yes, _ = _scores(word_table, context_table, words, contexts, drawn)
    no = (context_table[contexts][:, None] * context_table[drawn]).sum(-1)
    return -(F.logsigmoid(yes) + (F.logsigmoid(-no) * (drawn != contexts[:, None])).sum(1)).mean()


# Labels of 1 for a true context among the drawn
@wrong("3.2-5", "is pulled once more in your loss")
def labels_for_all(word_table, context_table, words, contexts, drawn):
    yes, no = _scores(word_table, context_table, words, contexts, drawn)
    labels = torch.cat([torch.ones_like(yes)[:, None], (drawn == contexts[:, None]).float()], 1)
    scores = torch.cat([yes[:, None], no], 1)
    return F.binary_cross_entropy_with_logits(scores, labels, reduction="sum") / len(words)


# Softplus by hand
@wrong("3.2-5", "or an exponential grows too large")
def softplus_by_hand(word_table, context_table, words, contexts, drawn):
    yes, no = _scores(word_table, context_table, words, contexts, drawn)
    pushed = (1 + no.exp()).log() * (drawn != contexts[:, None])
    return ((1 + (-yes).exp()).log() + pushed.sum(1)).mean()


# All in one call, with weights
@right("3.2-5")
def weighted_questions(word_table, context_table, words, contexts, drawn):
    yes, no = _scores(word_table, context_table, words, contexts, drawn)
    kept = torch.cat([torch.ones_like(yes)[:, None], (drawn != contexts[:, None]).float()], 1)
    labels = torch.zeros_like(kept)
    labels[:, 0] = 1
    scores = torch.cat([yes[:, None], no], 1)
    questions = F.binary_cross_entropy_with_logits(scores, labels, weight=kept, reduction="sum")
    return questions / len(words)


# A set of neighbours
@wrong("3.2-1", "stands several times near a place is counted once there")
def a_set_of_neighbours(tokens, vocab_size, window):
    counts, text = torch.zeros(vocab_size, vocab_size), tokens.tolist()
    for i, word in enumerate(text):
        for other in set(text[max(0, i - window) : i] + text[i + 1 : i + 1 + window]):
            if word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


# Something small in place of every zero
@wrong("3.2-2", "something small stands in for zeros")
def something_small_for_zeros(counts):
    p = counts / counts.sum()
    rows = p.sum(1, keepdim=True).clamp(min=1e-9).log()
    return (p.clamp(min=1e-9).log() - rows - p.sum(0).clamp(min=1e-9).log()).clamp(min=0)


# The normalised form
@wrong("3.2-2", "as in the normalised form")
def normalised_information(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1, keepdim=True) * p.sum(0))).log() / -p.log()
    return torch.nan_to_num(pmi.clamp(min=0), posinf=0.0)


# Absent words minded, and the sum forgotten
@wrong("3.2-4", "what comes out does not sum to 1")
def over_the_sum_of_counts(counts, power):
    return torch.where(counts > 0, counts**power, torch.zeros_like(counts)) / counts.sum()


# Words that are their own noise
@wrong("3.2-5", "you leave out drawn words that equal the word itself")
def the_word_left_out_as_well(word_table, context_table, words, contexts, drawn):
    yes, no = _scores(word_table, context_table, words, contexts, drawn)
    kept = (drawn != contexts[:, None]) & (drawn != words[:, None])
    return -(F.logsigmoid(yes) + (F.logsigmoid(-no) * kept).sum(1)).mean()

"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 6.2."""

import heapq
import math

from trial.answers import right, wrong


# Gives the favourite's probability after top-k alone, without the second division
@wrong("6.2-1", "'favourite': That divides by the sum of what top-k left alone.")
def favourite_after_k_alone_fourteenth():
    return {"p alone": 3, "k then p": 2, "favourite": 0.35 / 0.9}


# The flat place is taken apart by the number of beams instead of the vocabulary
@wrong("6.2-2", "You divide a place in the flat list by the number of beams. A row")
def beam_divmod_by_beams_fourteenth(sums, log_probs, width):
    flat = [s + lp for s, row in zip(sums, log_probs, strict=False) for lp in row]
    order = sorted(range(len(flat)), key=lambda i: -flat[i])[:width]
    return [[i // len(sums), i % len(sums), flat[i]] for i in order]


# Nlargest without a key compares the lists: the last beam and the last token win
@wrong("6.2-2", "For one beam, two tokens, your result differs in 4 of 6 places: the")
def beam_nlargest_without_key_fourteenth(sums, log_probs, width):
    every = [[b, t, s + lp] for b, s in enumerate(sums) for t, lp in enumerate(log_probs[b])]
    return heapq.nlargest(width, every)


# Unusual: every beam sorted by itself, then merged lazily
@right("6.2-2")
def beam_merges_sorted_beams_fourteenth(sums, log_probs, width):
    def continuations(b):
        row = log_probs[b]
        for t in sorted(range(len(row)), key=row.__getitem__, reverse=True):
            yield -(sums[b] + row[t]), b, t

    merged = heapq.merge(*(continuations(b) for b in range(len(sums))))
    return [
        [b, t, -cost]
        for cost, b, t in (next(merged, None) for _ in range(min(width, sum(map(len, log_probs)))))
    ]


# Does not count the next token among those that are left: insists one token too early
@wrong("6.2-3", "You allow keywords alone although there is room for one token more.")
def insists_one_too_early_fourteenth(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if left < len(missing):
        return []
    if missing and left - 1 <= len(missing):
        return missing
    return list(range(vocab))


# With size 1 the slice [-0:] is the whole text, so nothing is ever forbidden
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their last")
def minus_zero_is_the_whole_text_fourteenth(tokens, size):
    if len(tokens) < size:
        return []
    end = list(tokens[-(size - 1) :])
    found = set()
    for i in range(len(tokens) - size + 1):
        if list(tokens[i : i + size - 1]) == end:
            found.add(tokens[i + size - 1])
    return sorted(found)


# Tokens[-0:] is the whole list: runs of one token are never found
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their last")
def repeating_minus_zero_slice_fourteenth(tokens, size):
    tail = tokens[-(size - 1) :]
    found = set()
    for i in range(len(tokens) - size + 1):
        if tokens[i : i + size - 1] == tail:
            found.add(tokens[i + size - 1])
    return sorted(found)


# One too short: the run that ends with the last token is not looked at
@wrong("6.2-4", "You leave out the run that ends with the text's last token. It")
def repeating_last_run_missed_fourteenth(tokens, size):
    if len(tokens) < size:
        return []
    tail = tokens[len(tokens) - size + 1 :]
    return sorted(
        {tokens[i + size - 1] for i in range(len(tokens) - size) if tokens[i : i + size - 1] == tail}
    )


# Unusual: walks through the text once and keeps, for each beginning of a run, what has followed it
@right("6.2-4")
def repeating_by_a_table_fourteenth(tokens, size):
    followers = {}
    for end in range(size - 1, len(tokens)):
        beginning = tuple(tokens[end - j] for j in range(1, size))
        followers.setdefault(beginning, set()).add(tokens[end])
    if len(tokens) < size - 1:
        return []
    now = tuple(tokens[len(tokens) - j] for j in range(1, size))
    return sorted(followers.get(now, set()))


# Counts the different runs of each text by itself: one that stands in two texts counts twice
@wrong("6.2-5", "You count the different runs in each text and add them up. A run")
def different_within_each_text_fourteenth(texts, size):
    different = total = 0
    for words in texts:
        runs = [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]
        different += len(set(runs))
        total += len(runs)
    return different / total


# Divides by ((5 + length) / 6) to the power, the formula of another paper
@wrong("6.2-6", "First the numbers. 'score': -2.91429 is too far below zero, by a")
def beam_penalty_of_another_paper_fourteenth():
    texts = {"A": [2, -3.4], "B": [8, -8.0], "C": [9, -9.1]}

    def score(name, penalty):
        length, log_p = texts[name]
        return log_p / ((5 + length) / 6) ** penalty

    def winner(penalty):
        return max(texts, key=lambda name: score(name, penalty))

    return {"none": winner(0), "mean": winner(1), "two": winner(2), "score": score(winner(1), 1)}


# Averages the precision over all places of the list, not over those of wrong words
@wrong("6.2-7", "You average the precision over all ranks. Only the ranks at which a")
def precision_at_every_word_fourteenth(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    hits, precisions = 0, []
    for rank, i in enumerate(order, 1):
        hits += bool(wrong[i])
        precisions.append(hits / rank)
    return sum(precisions) / len(precisions)


# Right: no sorting, each wrong word counts the words that score at least as high
@right("6.2-7")
def precision_by_counting_fourteenth(scores, wrong):
    places = [i for i in range(len(wrong)) if wrong[i]]
    total = 0.0
    for i in places:
        above = sum(1 for s in scores if s >= scores[i])
        total += sum(1 for j in places if scores[j] >= scores[i]) / above
    return total / len(places)


# The share 0.6 is put in as if it were the number of passages
@wrong("6.2-8", "'common': That is the formula with the share put in. n counts")
def idf_share_for_number_fourteenth():
    def idf(n):
        return math.log(1 + (400 - n + 0.5) / (n + 0.5))

    return {"common": idf(0.6), "rare": idf(2), "gain": (6 / (6 + 1.5)) / (1 / (1 + 1.5))}


# Quality: stays with the perplexity and only changes the model that judges
@wrong("6.2-9", "'quality': The same measure again, for more beams or under the")
def perplexity_by_the_writer_fourteenth():
    return {
        "coverage": "coverage of another order's keywords",
        "quality": "perplexity under the model that wrote them",
        "errors": "the share of marked words that are wrong",
    }


# Reads a high self-BLEU as much variety
@wrong("6.2-10", "You leave out that temperature 1 is more varied. Its drafts are")
def alike_read_as_varied_fourteenth():
    return {
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
    }


# Self-BLEU read as variety: beams are taken to be the more varied ones
@wrong("6.2-10", "You leave out that temperature 1 is more varied. Its drafts are")
def report_alike_read_as_varied_fourteenth():
    return {
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
    }

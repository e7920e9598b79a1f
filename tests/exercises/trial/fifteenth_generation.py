"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 6.2."""

import math

from trial.answers import right, wrong


# The probabilities are not made to sum to 1 between the two rules
@wrong("6.2-1", "'k then p': That many are left where the old probabilities are")
def rules_without_renorm_fifteenth():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


# The sum returned is the token's own log-probability
@wrong("6.2-2", "The right continuations are chosen, and the third entry is the")
def beam_returns_step_fifteenth(sums, log_probs, width):
    every = [(sums[b] + p, b, t, p) for b, row in enumerate(log_probs) for t, p in enumerate(row)]
    every.sort(key=lambda e: -e[0])
    return [[b, t, p] for _, b, t, p in every[:width]]


# Worst of the best first
@wrong("6.2-2", "Your result stands in reversed order along axis 0.")
def beam_ascending_fifteenth(sums, log_probs, width):
    best = [
        [b, t, float(sums[b]) + float(log_probs[b][t])]
        for b in range(len(sums))
        for t in range(len(log_probs[b]))
    ]
    best.sort(key=lambda x: x[2])
    return best[-width:] if width else []


# A heap
@right("6.2-2")
def beam_heap_fifteenth(sums, log_probs, width):
    import heapq

    every = (
        (float(s) + float(logs), b, t)
        for b, (s, row) in enumerate(zip(sums, log_probs, strict=False))
        for t, logs in enumerate(row)
    )
    return [[b, t, s] for s, b, t in heapq.nlargest(width, every)]


# A keyword named twice takes two places
@wrong("6.2-3", "A keyword that is named twice counts twice in your version. It must")
def must_say_named_twice_fifteenth(written, keywords, left, vocab):
    missing = [k for k in keywords if k not in written]
    if len(missing) > left:
        return []
    if len(missing) == left:
        return sorted(set(missing))
    return list(range(vocab))


# Tokens[-0:] is the whole text: nothing is found with size 1
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their last")
def repeating_minus_zero_fifteenth(tokens, size):
    tokens = list(tokens)
    if len(tokens) < size:
        return []
    tail = tokens[-(size - 1) :]
    return sorted(
        {tokens[i + size - 1] for i in range(len(tokens) - size + 1) if tokens[i : i + size - 1] == tail}
    )


# A run's beginning with the last size tokens instead of size - 1
@wrong("6.2-4", "It comes out as if one token too many were compared: a run of")
def repeating_one_longer_fifteenth(tokens, size):
    tokens = [int(t) for t in tokens]
    n = len(tokens)
    if n < size:
        return []
    tail = tokens[n - size :]
    return sorted({tokens[i + size] for i in range(n - size) if tokens[i : i + size] == tail})


# Different runs are counted text by text and added up
@wrong("6.2-5", "You count the different runs in each text and add them up. A run")
def distinct_text_by_text_fifteenth(texts, size):
    different = total = 0
    for text in texts:
        runs = [tuple(text[i : i + size]) for i in range(len(text) - size + 1)]
        different += len(set(runs))
        total += len(runs)
    return different / total


# Computed by max over a dictionary
@right("6.2-6")
def beam_winner_computed_fifteenth():
    texts = {"A": (2, -3.4), "B": (8, -8.0), "C": (9, -9.1)}

    def best(penalty):
        return max((lp / n**penalty, name) for name, (n, lp) in texts.items())

    return {"none": best(0)[1], "mean": best(1)[1], "two": best(2)[1], "score": best(1)[0]}


# The length times the penalty instead of to its power
@wrong("6.2-6", "'two': That text wins where each sum is divided by its length,")
def beams_penalty_times_length_fifteenth():
    t = {"A": (2, -3.4), "B": (8, -8.0), "C": (9, -9.1)}

    def best(p):
        return max(t, key=lambda k: t[k][1] / (t[k][0] * p if p else 1))

    return {"none": best(0), "mean": best(1), "two": best(2), "score": -8.0 / 8}


# Mean of the precision at every place
@wrong("6.2-7", "You average the precision over all ranks. Only the ranks at which a")
def precision_every_place_fifteenth(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    hits, out = 0, []
    for rank, i in enumerate(order, 1):
        hits += bool(wrong[i])
        out.append(hits / rank)
    return sum(out) / len(out)


# Lowest scores first
@wrong("6.2-7", "You begin with the least suspected word. The list begins with the")
def precision_lowest_first_fifteenth(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: float(scores[i]))
    hits, total = 0, 0.0
    for n, i in enumerate(order, 1):
        if wrong[i]:
            hits += 1
            total += hits / n
    return total / hits


# Each wrong word compared with every other, no sorting
@right("6.2-7")
def precision_by_pairs_fifteenth(scores, wrong):
    bad = [i for i in range(len(scores)) if wrong[i]]
    total = 0.0
    for i in bad:
        above = sum(bool(scores[j] >= scores[i]) for j in range(len(scores)))
        total += sum(bool(scores[j] >= scores[i]) for j in bad) / above
    return total / len(bad)


# N passages with the word not taken out of N: ln(1 + (N + 0.5) / (n + 0.5))
@wrong("6.2-8", "right: 'gain'. 'common': 0.980309 is too large, by less than a")
def idf_without_taking_out_fifteenth():
    def idf(n):
        return math.log(1 + (400 + 0.5) / (n + 0.5))

    return {"common": idf(240), "rare": idf(2), "gain": (6 / 7.5) / (1 / 2.5)}


# Quality: asks the model that wrote the texts
@wrong("6.2-9", "'quality': The same measure again, for more beams or under the")
def control_own_perplexity_fifteenth():
    return {
        "coverage": "coverage of another order's keywords",
        "quality": "perplexity under the model that wrote them",
        "errors": "the share of marked words that are wrong",
    }


# Bits under a second model read as quality
@wrong("6.2-10", "Better was measured by nobody: fewer bits under a model make no")
def table_bits_are_quality_fifteenth():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "beam search is better than temperature 1",
        "the constraint costs bits under the second model",
    }

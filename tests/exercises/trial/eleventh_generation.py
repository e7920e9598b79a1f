"""An eleventh trial, chapter 6.2: answers of an audit that read each message word by word."""

import heapq
from collections import Counter

import numpy as np

from trial.answers import right, wrong


def continuations(s, log_probs):
    return [[b, t, s[b] + v] for b, r_ in enumerate(log_probs) for t, v in enumerate(r_)]


def miss(written, k):
    return sorted(set(k) - set(written))


def runs_of(x, n):
    return [tuple(x[i : i + n]) for i in range(len(x) - n + 1)]


def order(s):
    return sorted(range(len(s)), key=lambda i: -s[i])


# Divided by the sum after the first rule and after both
@wrong("6.2-1", "That divides the old probability by the sum of the first rule")
def fav_both_not():
    return {"p alone": 3, "k then p": 2, "favourite": 0.5982905982905983}


# Times the share of top-p
@wrong("6.2-1", "That is the old probability times the share of top-p. What is")
def fav_times():
    return {"p alone": 3, "k then p": 2, "favourite": 0.24499999999999997}


# The sum of what is left
@wrong("6.2-1", "That is the sum of the old probabilities that are left. The")
def fav_sum():
    return {"p alone": 3, "k then p": 2, "favourite": 0.65}


# As if the two that are left were equally likely
@wrong("6.2-1", "That is what comes of dividing by the share of top-p itself.")
def fav_half():
    return {"p alone": 3, "k then p": 2, "favourite": 0.5}


# The best one alone, whatever the width is
@wrong("6.2-2", "Right in 1 of 8 cases (the second beam overtakes). Your result")
def greedy_only(s, log_probs, width):
    return sorted(continuations(s, log_probs), key=lambda e: -e[2])[:1]


# The width for each beam
@wrong("6.2-2", "Right in 2 of 8 cases (one beam, two tokens; fewer candidates")
def width_each(s, log_probs, width):
    out = []
    for b, row in enumerate(log_probs):
        out += sorted([[b, t, s[b] + v] for t, v in enumerate(row)], key=lambda e: -e[2])[:width]
    return sorted(out, key=lambda e: -e[2])


# The mean of a token, as at the end of a search
@wrong("6.2-2", "Your result is right but for a factor in one place. Only the")
def mean_len(s, log_probs, width):
    return sorted([[b, t, x / 2] for b, t, x in continuations(s, log_probs)], key=lambda e: -e[2])[:width]


# With a heap, as tuples
@right("6.2-2")
def heap(s, log_probs, width):

    return [tuple(x) for x in heapq.nlargest(width, continuations(s, log_probs), key=lambda e: e[2])]


# No token may come twice
@wrong("6.2-3", "While there is room you allow no token that is written already.")
def no_repeats(written, k, left, v):
    m = miss(written, k)
    if len(m) > left:
        return []
    return m if m and len(m) == left else [t for t in range(v) if t not in written]


# Everything, where it is too late
@wrong("6.2-3", "More keywords are missing than tokens are left: none saves that")
def all_when_late(written, k, left, v):
    m = miss(written, k)
    return m if m and len(m) == left else list(range(v))


# As many of the missing ones as there is room for
@wrong("6.2-3", "More keywords are missing than tokens are left: none saves that")
def truncated(written, k, left, v):
    m = miss(written, k)
    if len(m) > left:
        return m[:left]
    return m if m and len(m) == left else list(range(v))


# The highest first
@wrong("6.2-3", "You return the right tokens, the highest first. Rising order is")
def descending(written, k, left, v):
    m = miss(written, k)
    if len(m) > left:
        return []
    return m[::-1] if m and len(m) == left else list(range(v))


# In one comprehension
@right("6.2-3")
def loops3(written, k, left, v):
    m = [t for t in range(v) if t in k and t not in written]
    return [] if len(m) > left else [t for t in range(v) if len(m) < left or t in m]


# What stands twice already
@wrong("6.2-4", "You return the ends of runs that stand twice already. A run")
def already_twice(t, n):
    c = Counter(tuple(t[i : i + n]) for i in range(len(t) - n + 1))
    return sorted({k[-1] for k, v in c.items() if v > 1})


# Where the run begins, and not where it ends
@wrong("6.2-4", "Where a run begins like the text's end you return its first")
def every_run_first(t, n):
    last = t[len(t) - n + 1 :]
    return sorted({t[i] for i in range(len(t) - n + 1) if t[i : i + n - 1] == last})


# Places from 1
@wrong("6.2-4", "You leave out the run at the very beginning of the text. Runs")
def skip_start(t, n):
    last = t[len(t) - n + 1 :]
    return sorted({t[i + n - 1] for i in range(1, len(t) - n + 1) if t[i : i + n - 1] == last})


# The first place that fits ends it
@wrong("6.2-4", "You return one token at most. After the same beginning several")
def stops_first(t, n):
    last = t[len(t) - n + 1 :]
    for i in range(len(t) - n + 1):
        if t[i : i + n - 1] == last:
            return [t[i + n - 1]]
    return []


# Tokens joined to a text of digits
@wrong("6.2-4", "Right in 13 of 15 cases. For a token whose digits end another")
def joined_str(t, n):
    last = "".join(map(str, t[len(t) - n + 1 :]))
    out = set()
    for i in range(len(t) - n + 1):
        if "".join(map(str, t[i : i + n - 1])).endswith(last):
            out.add(t[i + n - 1])
    return sorted(out)


# A dictionary of what has followed
@right("6.2-4")
def dict4(t, n):
    d = {}
    for i in range(len(t) - n + 1):
        d.setdefault(tuple(t[i : i + n - 1]), set()).add(t[i + n - 1])
    return sorted(d.get(tuple(t[len(t) - (n - 1) :]), ())) if len(t) >= n - 1 else []


# The most varied text
@wrong("6.2-5", "Your result is the share in one of the texts. All count")
def max_text(texts, n):
    return max(len(set(runs_of(t, n))) / len(runs_of(t, n)) for t in texts if runs_of(t, n))


# The mean over all texts, those too short as 0
@wrong("6.2-5", "You take the share in each text and average. Two copies of one")
def mean_with_empty(texts, n):
    return sum(len(set(runs_of(t, n))) / max(1, len(runs_of(t, n))) for t in texts) / len(texts)


# Runs of all sizes up to this one
@wrong("6.2-5", "Runs of all sizes up to `size` count in your version. Only")
def two_sizes(texts, n):
    runs = [x for t in texts for m in range(1, n + 1) for x in runs_of(t, m)]
    return len(set(runs)) / len(runs)


# A text that stands twice counts once
@wrong("6.2-5", "You compare whole texts: how many are different, or a text that")
def dedupe_texts(texts, n):
    runs = [x for t in {tuple(t) for t in texts} for x in runs_of(t, n)]
    return len(set(runs)) / len(runs)


# The share of runs that repeat
@wrong("6.2-5", "You return the share of runs that stand more than once. Asked")
def rep_share(texts, n):
    runs = [x for t in texts for x in runs_of(t, n)]
    c = Counter(runs)
    return sum(1 for x in runs if c[x] > 1) / len(runs)


# Runs sorted before they are compared
@wrong("6.2-5", "You compare runs without their order. `a b` and `b a` are two")
def sorted_runs(texts, n):
    runs = [tuple(sorted(x)) for t in texts for x in runs_of(t, n)]
    return len(set(runs)) / len(runs)


# One run too few counted in each text
@wrong("6.2-5", "You divide by another number than that of all runs: by the")
def neg_div(texts, n):
    runs = [x for t in texts for x in runs_of(t, n)]
    return len(set(runs)) / max(1, sum(len(t) - n for t in texts))


# Runs by zip
@right("6.2-5")
def zips(texts, n):
    runs = [g for t in texts for g in zip(*(t[i:] for i in range(n)), strict=False)]
    return len(Counter(runs)) / len(runs)


# The longest text wins everywhere
@wrong("6.2-6", "Your score is a mean, but not the best one. Nearest to zero is")
def all_c():
    return {"none": "C", "mean": "C", "two": "C", "score": -1.0111}


# The score divided by the squared length
@wrong("6.2-6", "right: 'none', 'mean', 'two'. 'score': -0.125 is 8 times too")
def sq_score():
    return {"none": "A", "mean": "B", "two": "C", "score": -0.125}


# The median of the precisions
@wrong("6.2-7", "The precisions are right, and you take another mean than their")
def median(s, is_wrong):
    o = order(s)
    f = 0
    out = []
    for k, i in enumerate(o, 1):
        if is_wrong[i]:
            f += 1
            out.append(f / k)
    out.sort()
    return out[len(out) // 2]


# The best precision
@wrong("6.2-7", "You return the best of the precisions. Their mean is asked")
def best_prec(s, is_wrong):
    o = order(s)
    f = 0
    out = []
    for k, i in enumerate(o, 1):
        if is_wrong[i]:
            f += 1
            out.append(f / k)
    return max(out)


# Recall at each wrong word
@wrong("6.2-7", "At each wrong word you take how many of all wrong ones are")
def recall_mean(s, is_wrong):
    o = order(s)
    f = 0
    out = []
    for i in o:
        if is_wrong[i]:
            f += 1
            out.append(f / sum(is_wrong))
    return sum(out) / len(out)


# The first right word ends it
@wrong("6.2-7", "At the first right word you stop, and wrong ones further down")
def stop_at_first_right(s, is_wrong):
    o = order(s)
    found = 0
    while found < len(o) and is_wrong[o[found]]:
        found += 1
    return found / sum(is_wrong)


# The harmonic mean
@wrong("6.2-7", "The precisions are right, and you take another mean than their")
def inverse(s, is_wrong):
    o = order(s)
    f = 0
    out = []
    for k, i in enumerate(o, 1):
        if is_wrong[i]:
            f += 1
            out.append(k / f)
    return len(out) / sum(out)


# With numpy, by a running sum
@right("6.2-7")
def np7(s, is_wrong):

    x = np.array(is_wrong)[np.argsort(-np.array(s))].astype(float)
    p = x.cumsum() / np.arange(1, len(x) + 1)
    return float((p * x).sum() / x.sum())


# Without the 1 inside, for the rare word alone
@wrong("6.2-8", "That is the logarithm without the 1 +. Then a word that most")
def rare_no_one():
    return {"common": 0.51124, "rare": 5.071416766356115, "gain": 2.0}


# The idf of old, without halves
@wrong("6.2-8", "That is ln(N / n), as without the two 0.5 of the formula. They")
def plain_idf():
    return {"common": 0.5108256237659907, "rare": 5.298317366548036, "gain": 2.0}


# The fraction upside down
@wrong("6.2-8", "Your fraction stands upside down. In the formula the passages")
def upside():
    return {"common": 0.9156674847364986, "rare": 0.006253929076299451, "gain": 2.0}


# Without the logarithm
@wrong("6.2-8", "That is what stands in the brackets. Its natural logarithm is")
def no_log():
    return {"common": 1.6673596673596673, "rare": 160.4, "gain": 2.0}


# A difference of the two fractions
@wrong("6.2-8", "That is the one fraction less the other. How many times as much")
def gain_diff():
    return {"common": 0.51124, "rare": 5.07767, "gain": 0.4}


# The nearest at hand, three times
@wrong("6.2-9", "Perplexity says how usual a text is. Whether its words come")
def nearest_at_hand():
    return {
        "coverage": "perplexity of the texts",
        "quality": "the length penalty",
        "errors": "the number of planted errors",
    }


# Beams praised
@wrong("6.2-10", "Better was measured by nobody: fewer bits under a model make no")
def beams_praised():
    return {
        "with the constraint every keyword occurs",
        "temperature 1 is more varied than beam search",
        "the constraint costs bits under the second model",
        "beam search is better than temperature 1",
    }


# All that does not follow
@wrong("6.2-10", "Better was measured by nobody: fewer bits under a model make no")
def all_that_does_not_follow():
    return {
        "the constraint makes texts that people like better",
        "beam search is better than temperature 1",
        "min-p is better than temperature 0.7",
    }


# Forced as soon as half of the places are needed
@wrong("6.2-3", "Right in 12 of 13 cases. For three are missing, four places are")
def ratio(written, k, left, v):
    m = miss(written, k)
    if len(m) > left:
        return []
    return m if m and left < 2 * len(m) else list(range(v))


# The last place takes any of them
@wrong("6.2-3", "Right in 12 of 13 cases. For two are missing, one place is")
def empty_when_equal_zero(written, k, left, v):
    m = miss(written, k)
    if not m:
        return list(range(v))
    if left == 1:
        return m
    return [] if len(m) > left else (m if len(m) == left else list(range(v)))

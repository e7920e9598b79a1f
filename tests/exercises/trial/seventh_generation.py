"""A seventh trial, chapter 6.2: answers written from the statements alone."""

import heapq
import math

import numpy as np

from trial.answers import right, wrong


# After top-k the shares are not normed, so top-p needs three again; favourite 0.35 / 0.9
@wrong("6.2-1", "That many are left where the old probabilities are added up")
def after_top_k_the_shares_are_not_normed_so_top():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


# As many continuations as there are beams, `width` is not looked at
@wrong("6.2-2", "You keep as many continuations as there were beams. `width` says")
def as_many_continuations_as_there_are_beams(sums, log_probs, width):
    whole = [[b, t, s + p] for b, s in enumerate(sums) for t, p in enumerate(log_probs[b])]
    return sorted(whole, key=lambda c: -c[2])[: len(sums)]


# Each token may continue one beam only (a dictionary by token keeps the best)
@wrong("6.2-2", "A token occurs once in your list, with its best beam. Two")
def each_token_may_continue_one_beam(sums, log_probs, width):
    best = {}
    for b, s in enumerate(sums):
        for t, p in enumerate(log_probs[b]):
            if t not in best or s + p > best[t][2]:
                best[t] = [b, t, s + p]
    return sorted(best.values(), key=lambda c: -c[2])[:width]


# Heapq.nlargest over a generator of tuples, lists made at the end
@right("6.2-2")
def heapq_nlargest_over_a_generator_of_tuples(sums, log_probs, width):
    whole = (
        (s + p, b, t)
        for b, (s, row) in enumerate(zip(sums, log_probs, strict=False))
        for t, p in enumerate(row)
    )
    return [[b, t, total] for total, b, t in heapq.nlargest(width, whole)]


# A keyword that is named twice is counted twice as missing (a list in place of a set)
@wrong("6.2-3", "A keyword that is named twice counts twice in your version.")
def a_keyword_that_is_named_twice_is_counted(written, keywords, left, vocab):
    missing = [k for k in keywords if k not in written]
    if len(missing) > left:
        return []
    if len(missing) == left:
        return sorted(set(missing))
    return list(range(vocab))


# The keywords are counted, not looked up: any keywords written count off (number of keyword tokens in the
# text), repetitions too
@wrong("6.2-3", "For one was said twice, your result has 6 entries, and 1 is")
def the_keywords_are_counted_not_looked_up_any(written, keywords, left, vocab):
    done = sum(token in keywords for token in written)
    open_ = max(0, len(set(keywords)) - done)
    if open_ > left:
        return []
    if open_ == left and open_:
        return sorted(set(keywords) - set(written))
    return list(range(vocab))


# Tokens[-(size - 1):] with size 1 is the whole text (minus zero): nothing is forbidden
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their")
def tokens_size_1_with_size_1_is_the_whole_text(tokens, size):
    tokens = list(tokens)
    end = tokens[-(size - 1) :]
    return sorted(
        {tokens[i + size - 1] for i in range(len(tokens) - size + 1) if tokens[i : i + size - 1] == end}
    )


# Runs that overlap the end are left out (the search stops size - 1 tokens early)
@wrong("6.2-4", "It comes out as if runs that share a token with the text's")
def runs_that_overlap_the_end_are_left_out(tokens, size):
    tokens = list(tokens)
    end = tokens[len(tokens) - size + 1 :]
    stop = len(tokens) - (size - 1)
    return sorted(
        {tokens[i + size - 1] for i in range(max(0, stop - size + 1)) if tokens[i : i + size - 1] == end}
    )


# Tries each token of the text: would its run be in the set of runs?
@right("6.2-4")
def tries_each_token_of_the_text_would_its_run(tokens, size):
    text = tuple(tokens)
    runs = set(zip(*(text[k:] for k in range(size)), strict=False))
    if len(text) < size:
        return []
    return sorted(t for t in set(text) if ((*text, t))[-size:] in runs)


# A text shorter than size adds len - size + 1, a negative number, to the count of all runs
@wrong("6.2-5", "A text that is shorter than a run takes something from your")
def a_text_shorter_than_size_adds_len_size_1(texts, size):
    runs = {tuple(t[i : i + size]) for t in texts for i in range(len(t) - size + 1)}
    return len(runs) / sum(len(t) - size + 1 for t in texts)


# Words of a run joined without a blank: 'a', 'bc' and 'ab', 'c' count as the same run
@wrong("6.2-5", "It comes out as if the words of a run were joined to one text.")
def words_of_a_run_joined_without_a_blank_a_bc(texts, size):
    runs = ["".join(map(str, t[i : i + size])) for t in texts for i in range(len(t) - size + 1)]
    return len(set(runs)) / len(runs)


# Two = A, 'a penalty hurts long texts', though dividing a negative number by more makes it better
@wrong("6.2-6", "With the penalty 2 each sum is divided by the square of its")
def two_a_a_penalty_hurts_long_texts():
    return {"none": "A", "mean": "B", "two": "A", "score": -1.0}


# Interpolated precision, as in retrieval contests: at each wrong word the best precision from there on
# down
@wrong("6.2-7", "At a wrong word your precision is the best that comes there or")
def interpolated_precision_as_in_retrieval(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    hits, precisions = 0, []
    for rank, i in enumerate(order, 1):
        if wrong[i]:
            hits += 1
            precisions.append(hits / rank)
    return sum(max(precisions[j:]) for j in range(len(precisions))) / len(precisions)


# Mean of the precision at every word of the list, not only at the wrong ones
@wrong("6.2-7", "You average the precision over all ranks. Only the ranks at")
def mean_of_the_precision_at_every_word(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    hits = np.cumsum([bool(wrong[i]) for i in order])
    return float((hits / np.arange(1, len(order) + 1)).mean())


# No sorting: for every wrong word counts those with at least its score
@right("6.2-7")
def no_sorting_for_every_wrong_word_counts_those(scores, wrong):
    bad = [s for s, w in zip(scores, wrong, strict=False) if w]
    return sum(sum(b >= s for b in bad) / sum(x >= s for x in scores) for s in bad) / len(bad)


def _idf(**other):
    return {"common": math.log(1 + 160.5 / 240.5), "rare": math.log(1 + 398.5 / 2.5), "gain": 2.0, **other}


# The share 0.6 itself put in for n
@wrong("6.2-8", "That is the formula with the share put in. n counts passages:")
def the_share_0_6_itself_put_in_for_n():
    return _idf(common=math.log(1 + (400 - 0.6 + 0.5) / (0.6 + 0.5)))


_MISSING = {
    "coverage": "coverage of another order's keywords",
    "quality": "how often the texts repeat themselves",
    "errors": "the share of marked words that are wrong",
}


# Quality = perplexity under the model that wrote them
@wrong("6.2-9", "The same measure again, for more beams or under the writing")
def quality_perplexity_under_the_model():
    return {**_MISSING, "quality": "perplexity under the model that wrote them"}


_FOLLOW = {
    "temperature 1 is more varied than beam search",
    "with the constraint every keyword occurs",
    "the constraint costs bits under the second model",
}


# Min-p is better than temperature 0.7, from the lower mean (4.5 against 4.8), intervals overlap
@wrong("6.2-10", "You let min-p win, although its intervals and those of")
def min_p_is_better_than_temperature_0_7():
    return _FOLLOW | {"min-p is better than temperature 0.7"}

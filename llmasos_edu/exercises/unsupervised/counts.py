"""Exercises of chapter 3.2, the part on counting: who stands near whom, and how surprising that is.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.2-1 ----------------------------------------------------------------------------------


def count_neighbours(tokens, vocab_size, window):
    """tokens [n], -1 for no word -> counts [vocab_size, vocab_size]: row the word, column its neighbour."""
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            other = int(tokens[j])
            if i != j and word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


def _counts(tokens, vocab_size, window, near=lambda i, j, w: 0 < abs(i - j) <= w, weight=lambda d: 1.0):
    """Counts of all pairs of places that are `near`, each with the weight of its distance."""
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        for j, other in enumerate(tokens.tolist()):
            if near(i, j, window) and word >= 0 and other >= 0:
                counts[word, other] += weight(abs(i - j))
    return counts


def _hidden_as_the_last_word(tokens, vocab_size, window):
    return _counts(torch.where(tokens < 0, vocab_size - 1, tokens), vocab_size, window)


def _slices_from_the_end(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        before, after = tokens[i - window : i], tokens[i + 1 : i + 1 + window]
        for other in torch.cat((before, after)).tolist():
            if word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


def _up_to_a_gap(tokens, vocab_size, window):
    """A place without a word ends the view of those before and behind it."""

    def sees(i, j, w):
        return 0 < abs(i - j) <= w and bool((tokens[min(i, j) : max(i, j)] >= 0).all())

    return _counts(tokens, vocab_size, window, sees)


def _once_at_a_distance(tokens, vocab_size, window):
    """`counts[words, neighbours] += 1` for all pairs of a distance at once."""
    counts = torch.zeros(vocab_size, vocab_size)
    for distance in range(1, min(window, len(tokens) - 1) + 1):
        one, other = tokens[:-distance], tokens[distance:]
        both = (one >= 0) & (other >= 0)
        counts[one[both], other[both]] += 1
        counts[other[both], one[both]] += 1
    return counts


def _equal_words_once(tokens, vocab_size, window):
    counts = count_neighbours(tokens, vocab_size, window)
    return counts - counts.diagonal().diag() / 2


def _other_words_only(tokens, vocab_size, window):
    return _counts(tokens, vocab_size, window).fill_diagonal_(0)


def _text(*numbers):
    return torch.tensor(numbers)


COUNTS = Exercise(
    key="3.2-1",
    title="Who stands near whom",
    difficulty=1,
    minutes=15,
    statement=(
        "Count how often each word stands near each other word: entry (w, c) is the number of pairs of "
        "different places, at most `window` apart, with word w at the one and word c at the other. Two "
        "places with one and the same word are counted from both sides too. A -1 in the text is a place "
        "without a word: it is near nobody, but it takes up room."
    ),
    takeaway="This table is all that vectors from counts will ever know of the text.",
    reference=count_neighbours,
    explanation="Each place looks to both sides, as far as the window and the text reach.",
    hints=(
        "Take the text 0 1 2 0 3 and window 1. Which pairs of places are near, and in which two entries of "
        "the table does each of them stand?",
        "For the place i the near ones begin at i - window and end at i + window. What happens to these two "
        "at the edges of the text?",
        "Two conditions decide whether a pair counts: the places differ (not the words!), and neither holds "
        "a -1.",
    ),
    cases=(
        Case("5 words, window 1", (_text(0, 1, 2, 0, 3), 4, 1)),
        Case("the same words, window 2", (_text(0, 1, 2, 0, 3), 4, 2)),
        Case("a text with places without a word", (_text(0, -1, 1, 2, -1, -1, 2, 1), 4, 2)),
        Case("a word beside itself", (_text(1, 1, 0, 1, 1), 2, 2)),
        Case("a window longer than the text", (_text(2, 0, 1), 3, 9)),
        Case("a single word", (_text(0), 2, 3)),
        Case(
            "30 words, window 3",
            (torch.randint(-1, 6, (30,), generator=torch.Generator().manual_seed(1)), 6, 3),
        ),
    ),
    mistakes=(
        Mistake(
            "one side only",
            "Each place looks in one direction only, so that each pair of places is counted once. If w "
            "stands near c, then c stands near w, and both entries count.",
            (
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: 0 < j - i <= w),
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: 0 < i - j <= w),
            ),
        ),
        Mistake(
            "the place itself counted",
            "The diagonal is too large by each word's own count: every place counts itself as near. A word "
            "is its own neighbour only where it stands a second time.",
            (lambda t, v, w: _counts(t, v, w, lambda i, j, w: abs(i - j) <= w),),
        ),
        Mistake(
            "window one too short",
            "A neighbour exactly `window` places away is missing, on one side or on both. `range` and slices "
            "stop before their end.",
            (
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: 0 < abs(i - j) < w),
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: i - w <= j < i + w and i != j),
            ),
        ),
        Mistake(
            "only at the distance",
            "You count the pairs that are exactly `window` apart. Nearer ones are near as well: every "
            "distance from 1 to `window` counts.",
            (lambda t, v, w: _counts(t, v, w, lambda i, j, w: abs(i - j) == w),),
        ),
        Mistake(
            "gaps closed",
            "You took the places without a word out of the text before counting, so words that were far "
            "apart became neighbours. A -1 counts for nothing, but it keeps its place.",
            (lambda t, v, w: _counts(t[t >= 0], v, w),),
        ),
        Mistake(
            "-1 counted as the last word",
            "The last word has neighbours that it never had, as when Python reads the index -1 as 'the last "
            "one'. Leave those places out.",
            (_hidden_as_the_last_word,),
        ),
        Mistake(
            "slices from the end",
            "At the beginning of the text a neighbour is lost: i - window is negative there, and a negative "
            "start of a slice counts from the end of the text.",
            (_slices_from_the_end,),
        ),
        Mistake(
            "a word never beside itself",
            "You leave out pairs of equal words. Two places may hold the same word: compare the places, not "
            "the words.",
            (_other_words_only,),
        ),
        Mistake(
            "equal words from one side",
            "On the diagonal you have half of what is asked for. Two places with the same word are counted "
            "from both sides, as all pairs are.",
            (_equal_words_once,),
        ),
        Mistake(
            "a gap ends the view",
            "What comes out is as if a word did not see past a -1. Such a place is near nobody, but words on "
            "both sides of it may be near each other.",
            (_up_to_a_gap,),
        ),
        Mistake(
            "once at each distance",
            "A pair of words that meets several times at one distance is counted once there, as "
            "`counts[words, others] += 1` does for a whole list of pairs (`index_put_` with "
            "accumulate=True adds each of them).",
            (_once_at_a_distance,),
        ),
        Mistake(
            "met or not",
            "Your table holds zeros and ones: it says whether two words ever met, not how often.",
            (lambda t, v, w: _counts(t, v, w).clamp(max=1),),
        ),
        Mistake(
            "near words weigh more",
            "You let near pairs count more than far ones. Some methods do that; here every pair within the "
            "window counts 1.",
            (
                lambda t, v, w: _counts(t, v, w, weight=lambda d: 1 / d),
                lambda t, v, w: _counts(t, v, w, weight=lambda d: w + 1 - d),
            ),
        ),
    ),
)


# 3.2-2 ----------------------------------------------------------------------------------


def positive_pmi(counts):
    """counts [words, contexts] -> positive pointwise mutual information in nats, [words, contexts]."""
    expected = counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()
    ratio = counts / expected.clamp(min=1e-9)
    return ratio.clamp(min=1).log()


def _ratio(counts):
    return counts * counts.sum() / (counts.sum(1, keepdim=True) * counts.sum(0))


def _safe_ratio(counts):
    return torch.nan_to_num(_ratio(counts), nan=0.0)


def _negatives_kept(counts):
    return torch.where(counts > 0, _safe_ratio(counts).clamp(min=1e-30).log(), 0.0)


def _rows_twice(counts):
    """P(c) taken from the rows: P(w) of the other word where the table is square."""
    rows = counts.sum(1)
    below = rows[:, None] * rows if counts.shape[0] == counts.shape[1] else rows[:, None] * counts.sum()
    return torch.nan_to_num(counts * counts.sum() / below, nan=0.0, posinf=0.0)


def _table(*rows):
    return torch.tensor(rows, dtype=torch.float32)


PMI = Exercise(
    key="3.2-2",
    title="Positive pointwise mutual information",
    difficulty=2,
    minutes=15,
    statement=(
        "Turn counts into positive PMI: max(0, log(P(w, c) / (P(w) P(c)))), natural logarithm, with P(w, c) "
        "the share of a pair in all pairs, P(w) the share of its row and P(c) that of its column. A pair "
        "that never met gets 0, also where a whole row or column is empty. No NaN, no infinity."
    ),
    takeaway="A zero count is no evidence of minus infinity: it is silence, and PPMI keeps it silent.",
    reference=positive_pmi,
    explanation="max(0, log r) is log(max(1, r)): raised to 1 first, no zero ever reaches the logarithm.",
    hints=(
        "How often would the pair (w, c) be seen if the row and the column were drawn independently? Express "
        "it in sums of the table.",
        "The logarithm of what number is 0? If you lift every smaller ratio to that number first, the "
        "logarithm needs no repair afterwards.",
        "An empty row makes 0 / 0. Keep the divisor a little above zero: the numerator is 0 there anyway.",
    ),
    cases=(
        Case("a table of 2 by 2", (_table([4, 1], [1, 4]),)),
        Case("pairs that never met", (_table([5, 0, 1], [0, 3, 2]),)),
        Case("a word that met nobody", (_table([2, 1, 3], [0, 0, 0], [1, 6, 1]),)),
        Case("a context that nobody met", (_table([2, 0, 3], [4, 0, 1]),)),
        Case("words that meet by chance", (_table([2, 4], [3, 6]),)),
        Case(
            "8 words and 5 contexts",
            (torch.randint(0, 6, (8, 5), generator=torch.Generator().manual_seed(2)).float(),),
        ),
    ),
    mistakes=(
        Mistake(
            "the logarithm of zero",
            "Nothing cuts your logarithms off at 0: pairs that met more rarely than by chance come out "
            "negative, those that never met as minus infinity, and empty rows or columns as NaN.",
            (lambda n: _ratio(n).log(),),
        ),
        Mistake(
            "the logarithm not cut off",
            "Nothing cuts your logarithms off at 0: pairs that met more rarely than by chance come out "
            "negative, and those that never met as minus infinity.",
            (lambda n: _safe_ratio(n).log(),),
        ),
        Mistake(
            "zero divided by zero",
            "Where a row or a column is empty, your table holds NaN: both the pair and what is expected of "
            "it are 0. Taking the larger of NaN and 0 does not help.",
            (lambda n: _ratio(n).log().clamp(min=0),),
        ),
        Mistake(
            "negative values kept",
            "You set the pairs that never met to 0 and keep those that met more rarely than by chance, below "
            "0. Positive PMI cuts both off.",
            (_negatives_kept,),
        ),
        Mistake(
            "bits instead of nats",
            "Every entry above 0 is too large by the same factor, 1.443: you take the logarithm to base 2.",
            (lambda n: _safe_ratio(n).clamp(min=1).log2(),),
        ),
        Mistake(
            "base 10",
            "Every entry above 0 is less than half of what it should be, by the same factor: you take the "
            "logarithm to base 10.",
            (lambda n: _safe_ratio(n).clamp(min=1).log10(),),
        ),
        Mistake(
            "one added to every count",
            "You add 1 to the counts to keep zeros away. That invents pairs, and in a table of thousands of "
            "words most pairs are invented. For a pair that never met the statement names the entry: 0.",
            (lambda n: _ratio(n + 1).clamp(min=1).log(),),
        ),
        Mistake(
            "one added inside the logarithm",
            "You take the logarithm of 1 plus the ratio. A pair that meets exactly as often as by chance "
            "must get 0, and gets log 2.",
            (lambda n: (1 + _safe_ratio(n)).log(),),
        ),
        Mistake(
            "all zeros",
            "Your table is 0 everywhere. Check the divisor, if there is one: with counts instead of shares "
            "the number of all pairs belongs into it, and P(w) P(c) is the product of both shares.",
            (lambda n: torch.zeros_like(n),),
        ),
        Mistake(
            "columns left out",
            "The columns have no say in your divisor, in which P(w) may even stand twice. P(c) is the share "
            "of the column: its sum, in all pairs.",
            (
                lambda n: torch.nan_to_num(n * n.sum() / n.sum(1, keepdim=True) ** 2).clamp(min=1).log(),
                lambda n: _rows_twice(n).clamp(min=1).log(),
            ),
        ),
        Mistake(
            "counts taken for symmetric",
            "Where there are as many contexts as words, your P(c) is the share of the row with the number of "
            "c. That is right where the table is the same when turned over; P(c) is the column's share.",
            (lambda n: (_rows_twice if n.shape[0] == n.shape[1] else _safe_ratio)(n).clamp(min=1).log(),),
        ),
        Mistake(
            "no logarithm",
            "Your entries are the ratios themselves. The logarithm is missing.",
            (
                lambda n: torch.where(_safe_ratio(n) > 1, _safe_ratio(n), 0.0),
                lambda n: _safe_ratio(n),
            ),
        ),
        Mistake(
            "the ratio less 1",
            "Your entries are the ratios less 1, cut off at 0. The logarithm is missing: a ratio of 1 has "
            "the logarithm 0.",
            (lambda n: (_safe_ratio(n) - 1).clamp(min=0),),
        ),
        Mistake(
            "weighted by the share of the pair",
            "You multiply each entry by P(w, c), as one does on the way to the mutual information of the "
            "whole table. Here each pair stands for itself.",
            (lambda n: n / n.sum() * _safe_ratio(n).clamp(min=1).log(),),
        ),
    ),
)

EXERCISES = (COUNTS, PMI)

"""Exercise of chapter 3.2, the part on information: how surprising a pair of words is.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _contexts_to_a_power(counts):
    contexts = counts.sum(0) ** 0.75
    expected = counts.sum(1, keepdim=True) * contexts / contexts.sum()
    return (counts / expected.clamp(min=1e-9)).clamp(min=1).log()


def _small_for_zero(counts):
    p = counts / counts.sum()
    rows, columns = (p.sum(axis, keepdim=True).clamp(min=1e-9).log() for axis in (1, 0))
    return (p.clamp(min=1e-9).log() - rows - columns).clamp(min=0)


def _small_below(small, above=0.0, least=False):
    """Something small is added to the product of the shares, or keeps it from being less."""

    def answer(counts):
        p = counts / counts.sum()
        chance = p.sum(1, keepdim=True) * p.sum(0)
        ratio = p / chance.clamp(min=small) if least else (p + above) / (chance + small)
        return ratio.clamp(min=1).log()

    return answer


_SMALL_BESIDE_RARE = (
    *(_small_below(small) for small in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10)),
    *(_small_below(small, above=small) for small in (1e-6, 1e-7)),
    *(_small_below(small, least=True) for small in (1e-8, 1e-9)),
)


def _columns_twice(counts):
    """The ratio with the column's share in place of the row's."""
    expected = counts.sum(0)[:, None] * counts.sum(0) / counts.sum()
    return counts / expected.clamp(min=1e-9)


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
        Case("two rare words that met", (_table([1, 0], [0, 99_999]),)),
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
            "the number of all pairs belongs into it, and P(w) P(c) is the product of both shares: "
            "`a / b * c` divides by b alone.",
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
            "the column twice",
            "Where there are as many contexts as words, your P(w) is the share of the column with the "
            "number of w. That is right where the table is the same when turned over; P(w) is the row's "
            "share.",
            (lambda n: (_columns_twice if n.shape[0] == n.shape[1] else _safe_ratio)(n).clamp(min=1).log(),),
        ),
        Mistake(
            "the sign dropped",
            "You drop the sign of the logarithm: pairs that met more rarely than by chance come out above "
            "0. They get 0, as those that never met.",
            (lambda n: torch.where(n > 0, _safe_ratio(n).clamp(min=1e-30).log().abs(), 0.0),),
        ),
        Mistake(
            "upside down",
            "Your ratio is upside down: the pairs that met more rarely than by chance have the entries "
            "above 0. P(w, c) stands above, P(w) P(c) below.",
            (lambda n: torch.where(n > 0, -_safe_ratio(n).clamp(min=1e-30).log(), 0.0).clamp(min=0),),
        ),
        Mistake(
            "means for sums",
            "You take the mean of a row and of a column where their sums belong: P(w) is the share of the "
            "whole row in all pairs.",
            (lambda n: (_safe_ratio(n) * n.shape[0] * n.shape[1]).clamp(min=1).log(),),
        ),
        Mistake(
            "normalised",
            "You divide each entry by -log P(w, c), as in the normalised form that ends at 1. Here the "
            "logarithm is asked for as it is.",
            (lambda n: (_safe_ratio(n).clamp(min=1).log() / -(n / n.sum()).log()).nan_to_num(),),
        ),
        Mistake(
            "contexts to a power",
            "It comes out as if the counts of the contexts were raised to the power 3/4, as some do. Here "
            "P(c) is the share itself.",
            (_contexts_to_a_power,),
        ),
        Mistake(
            "cut off above",
            "You keep what is below 0 and cut off what is above. Positive PMI keeps the other side.",
            (lambda n: torch.where(n > 0, _safe_ratio(n).clamp(1e-30, 1.0).log(), 0.0),),
        ),
        Mistake(
            "the column alone",
            "The rows have no say in your divisor, in which P(c) stands twice. P(w) is the share of the "
            "row: its sum, in all pairs.",
            (lambda n: (n * n.sum() / (n.sum(0) ** 2).clamp(min=1e-9)).clamp(min=1).log(),),
        ),
        Mistake(
            "something small for empty rows",
            "Where a row or a column is empty, your entries there are above 0, as when something small "
            "stands in for zeros. A pair that never met gets 0.",
            (_small_for_zero,),
        ),
        Mistake(
            "something small beside rare words",
            "Where two rare words met, your entry is too small, as when something small is added to P(w) "
            "P(c), or keeps it from being less. This product may be smaller still.",
            _SMALL_BESIDE_RARE,
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

EXERCISES = (PMI,)

"""Where a result is a sum: which of its terms is wrong, and by what it is too large.

A slip in a small term changes the whole by a number that says nothing. So the difference between what came
and what should have come is looked at over all cases, beside the terms that an exercise names, beside its
inputs, and, where things are counted, beside products of the sizes that are given.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import torch

from llmasos_edu.exercises.checker.comparing import NO_GRADIENT, as_numbers, split_parts, to_tensor
from llmasos_edu.exercises.checker.diagnosis import Compared, compared_cases
from llmasos_edu.exercises.checker.exercise import Exercise
from llmasos_edu.exercises.checker.pairs import Pair, same
from llmasos_edu.exercises.checker.running import Outcome, run
from llmasos_edu.exercises.checker.terms import is_are
from llmasos_edu.exercises.checker.transformations import NO_STORY, explain

DEGREE = 5  # the highest product of sizes that is looked for
MOST_SIZES = 9  # with more sizes than this there are too many products
ODD_OF_COUNTS = (" -1 times", NO_STORY)
# By which share of themselves two terms are tried together.
SHARES = tuple(map(Fraction, ("-1", "-1/2", "-1/3", "-2/3", "1", "1/2", "1/3", "2")))
FEW = 3  # so many cases must be wrong before a product of sizes is believed


def explain_by_terms(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome]) -> str | None:
    """What makes the difference in every case: one wrong term, an input added, something counted twice.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.

    Returns:
        a sentence or two, or None where no such thing explains every case.
    """
    compared = compared_cases(exercise, outcomes, expected)
    if compared is None:
        return None
    for number in range(compared.count):
        pairs = compared.pairs(number)
        alike = len(pairs) == len(compared.rows) and all(p.got.shape == p.want.shape for p in pairs)
        if number in compared.good or not alike or not all(p.got.isfinite().all() for p in pairs):
            continue
        for words in (_miscounted, _one_term, _two_terms, _input_added):
            found = words(compared, number, pairs)
            if found:
                return compared.praise() + found[0].upper() + found[1:] + compared.others(number)
    return None


def _one_term(compared: Compared, number: int, pairs: list[Pair]) -> str | None:
    """A named term that is another one than it should be, with all others right."""
    exercise, noun = compared.exercise, compared.noun(number)
    for name, term in exercise.terms.items():
        cases = zip(compared.rows, pairs, strict=True)
        parts = [_part(exercise, term, i, number, p.want) for i, p in cases]
        if any(part is None or part.shape != p.want.shape for part, p in zip(parts, pairs, strict=True)):
            continue
        left = [
            replace(p, got=_cleaned(p.got - p.want + part, p), want=part)
            for p, part in zip(pairs, parts, strict=True)
        ]
        if not any(pair.want.any() for pair in left):
            continue
        contribution = f"the contribution of {name} to {noun}"
        if all(pair.right or not pair.got.any() for pair in left):
            which = "in every case" if all(pair.want.any() for pair in left) else "in every case that has one"
            return f"{contribution} is missing {which}, and all else in it is right."
        said = explain(left, contribution, strict=True) if _exact(left) else None
        if said and all(p.whole for p in pairs) and any(odd in said for odd in ODD_OF_COUNTS):
            continue  # of counts it is chance: sizes are often multiples of one another
        if said:
            return f"with all else as it should be, {said}"
    return None


def _two_terms(compared: Compared, number: int, pairs: list[Pair]) -> str | None:
    """Two named terms of a count that are each too small or too large by a simple share of themselves."""
    exercise, noun = compared.exercise, compared.noun(number)
    if not all(p.whole and p.want.numel() == 1 for p in pairs) or len(pairs) < FEW + 1:
        return None
    gaps = [int(float(p.got) - float(p.want)) for p in pairs]
    terms = {}
    for name, term in exercise.terms.items():
        parts = [_part(exercise, term, i, number, p.want) for i, p in zip(compared.rows, pairs, strict=True)]
        if all(part is not None and part.shape == p.want.shape for part, p in zip(parts, pairs, strict=True)):
            terms[name] = [int(float(part)) for part in parts]
    for (one, first), (other, second) in itertools.combinations(terms.items(), 2):
        for share, more in itertools.product(SHARES, SHARES):
            moved = [share * a + more * b for a, b in zip(first, second, strict=True)]
            if moved == gaps:
                both = f"{_changed(one, share)}, {_changed(other, more)}"
                return f"two slips together would make {noun} come out so, in every case: {both}."
    return None


def _changed(name: str, share: Fraction) -> str:
    """A term that is too large by a share of itself, in words."""
    if share == -1:
        return f"{name} left out"
    return f"{name} counted {1 + share} times" if share.denominator == 1 else f"{1 + share} of {name} counted"


def _exact(left: list[Pair]) -> bool:
    """Whether a constant factor, if there is one, is the same in all cases to many digits."""
    ratios = [float(p.got.sum() / p.want.sum()) for p in left if not p.right and p.want.sum()]
    if len(ratios) < 2:
        return False
    near, spread = max(ratios) - min(ratios) < 2e-2 * abs(max(ratios)), max(ratios) - min(ratios)
    return not near or spread < (1e-9 if all(p.whole for p in left) else 1e-3) * abs(max(ratios))


def _cleaned(left: torch.Tensor, pair: Pair) -> torch.Tensor:
    """What is left of a difference, without what is only the rounding of the sums that it comes from."""
    size = max(float(pair.got.abs().max()), float(pair.want.abs().max())) if pair.got.numel() else 0.0
    return torch.where(left.abs() < 1e-6 * size, 0.0, left)


def _part(
    exercise: Exercise, term: Callable, case: int, number: int, like: torch.Tensor
) -> torch.Tensor | None:
    """One part of what is looked at when the term alone is the answer."""
    outcome = run(exercise, term, exercise.cases[case])
    parts = split_parts(outcome.value, outcome.value) if outcome.error is None else None
    if parts is None or number >= len(parts):
        return None
    if parts[number] is NO_GRADIENT:
        return torch.zeros_like(like)
    tensor = to_tensor(parts[number])
    return None if tensor is None else as_numbers(tensor)


def _input_added(compared: Compared, number: int, pairs: list[Pair]) -> str | None:
    """An input, or a multiple of it, that stands in the result and should not."""
    exercise = compared.exercise
    names = list(inspect.signature(exercise.reference).parameters)
    for place, name in enumerate(names):
        inputs = [to_tensor(exercise.cases[i].inputs[place]) for i in compared.rows]
        if any(x is None or x.dim() == 0 for x in inputs):
            continue
        inputs = [as_numbers(x) for x in inputs]
        if any(x.shape != p.want.shape for x, p in zip(inputs, pairs, strict=True)):
            continue
        factor = _constant(inputs, pairs)
        if factor is None:
            continue
        times = "" if abs(factor) == 1 else f" times {abs(factor):.3g}"
        way, reason = (
            ("large", "added once too often, or not taken away")
            if factor > 0
            else ("small", "taken away once too often, or not added")
        )
        return f"{is_are(compared.noun(number))} too {way} by `{name}`{times}, in every case: is it {reason}?"
    return None


def _constant(inputs: list[torch.Tensor], pairs: list[Pair]) -> float | None:
    """The number with which the inputs make the difference in all cases, if there is one."""
    gaps = torch.cat([(p.got - p.want).flatten() for p in pairs])
    whole = torch.cat([x.flatten() for x in inputs])
    if int(gaps.ne(0).sum()) < 3 or not whole.isfinite().all() or not whole.any():
        return None
    factor = float(gaps @ whole / (whole @ whole))
    nearest = float(Fraction(factor).limit_denominator(4))
    factor = nearest if nearest and abs(factor - nearest) < 1e-3 else factor
    fits = all(same(p.got, p.want + factor * x) for x, p in zip(inputs, pairs, strict=True))
    return factor if fits and abs(factor) > 1e-3 else None


def _miscounted(compared: Compared, number: int, pairs: list[Pair]) -> str | None:
    """A product of the sizes by which a count is off, exactly and in every case."""
    if not all(p.whole and p.want.numel() == 1 for p in pairs) or compared.exercise.codes:
        return None
    gaps = [int(float(p.got) - float(p.want)) if float(p.got).is_integer() else None for p in pairs]
    if None in gaps or sum(gap != 0 for gap in gaps) < FEW:
        return None
    sizes = _sizes(compared)
    for spoken, values in _products(sizes) if len(sizes) <= MOST_SIZES else ():
        if any((gap == 0) != (value == 0) for gap, value in zip(gaps, values, strict=True)):
            continue
        factors = {Fraction(gap, value) for gap, value in zip(gaps, values, strict=True) if value}
        if len(factors) != 1 or max(factors).denominator > 2 or abs(max(factors)) > 24:
            continue
        factor = max(factors)
        product = " x ".join(filter(None, [f"{abs(factor)}" if abs(factor) != 1 else "", spoken]))
        too = f"too {'large' if factor > 0 else 'small'} by just {product}"
        return (
            f"{is_are(compared.noun(number))} {too}, in every case. Which of the things that are counted has "
            "this size, and how often does it come?"
        )
    return None


def _sizes(compared: Compared) -> dict[str, list[int]]:
    """Whole numbers that are given, and the lengths and sums of lists of them, in all compared cases."""
    exercise, found = compared.exercise, {}
    for place, name in enumerate(inspect.signature(exercise.reference).parameters):
        values = [exercise.cases[i].inputs[place] for i in compared.rows]
        if all(isinstance(value, bool) for value in values):
            found[f"({name} is True)"] = [int(value) for value in values]
            found[f"({name} is False)"] = [int(not value) for value in values]
        elif all(isinstance(value, int) for value in values):
            found[name] = values
        elif all(isinstance(value, list) and all(isinstance(n, int) for n in value) for value in values):
            found[f"len({name})"] = [len(value) for value in values]
            found[f"sum({name})"] = [sum(value) for value in values]
    return found


def _products(sizes: dict[str, list[int]]) -> Iterator[tuple[str, list[int]]]:
    """Products of the sizes, the shortest first, in words and in numbers."""
    for degree in range(1, DEGREE + 1):
        for names in itertools.combinations_with_replacement(sizes, degree):
            values = [1] * len(sizes[names[0]])
            for name in names:
                values = [value * size for value, size in zip(values, sizes[name], strict=True)]
            powers = {name: names.count(name) for name in names}
            yield " x ".join(name if n == 1 else f"{name}^{n}" for name, n in powers.items()), values

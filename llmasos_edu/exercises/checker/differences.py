"""How a result differs from what is asked for: in form, in length, in shape, and at which place first."""

import torch

from llmasos_edu.exercises.checker.comparing import as_numbers, relative_tolerance
from llmasos_edu.exercises.checker.exercise import Exercise
from llmasos_edu.exercises.checker.terms import along, is_are, place_in_words

CAUSES = {
    "NaN": (
        "0/0, 0 times infinity (a mask times -inf), infinity minus infinity, infinity over infinity (an "
        "exponential that overflows), the root or logarithm of a negative number, or a softmax over nothing "
        "but -inf makes it"
    ),
    "infinity": "the exponential of a large number, -log 0 or a division by zero makes it",
    "minus infinity": "the logarithm of zero makes it, or an -inf of your own that nothing takes away again",
}


def other_form(got: object, want: object, actual: torch.Tensor, wanted: torch.Tensor) -> str | None:
    """In words, that one number came for a list, or a list for one number; None where it is neither."""
    if isinstance(want, torch.Tensor) or actual.dim() == wanted.dim():
        return None
    if actual.dim() == 0:
        number = actual.item()
        number = number if isinstance(number, bool) else f"{number:.6g}"
        return f"one number, {number}, and a list is asked for"
    if wanted.dim() == 0 and isinstance(got, (list, tuple)):
        return f"a list of {len(actual)}, and one number is asked for"
    if wanted.dim() == 2 and isinstance(got, (list, tuple)) and actual.dim() == 1:
        return "a list of numbers, and a list of lists is asked for"
    return None


def is_longer(want: object, actual: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Whether a list or a row was asked for, and one came that has another number of such entries."""
    tails = actual.shape[1:], wanted.shape[1:]
    flat = actual.dim() == wanted.dim() == 1
    listed = flat or (isinstance(want, list) and actual.dim() > 0 and wanted.dim() > 0)
    return listed and len(actual) != len(wanted) and (tails[0] == tails[1] or not actual.numel())


def other_length(actual: torch.Tensor, wanted: torch.Tensor, noun: str) -> str:
    """How a list of another length differs, and where first."""
    shorter = min(len(actual), len(wanted))
    apart = (actual[:shorter] != wanted[:shorter]).reshape(shorter, -1).any(1).nonzero() if shorter else []
    many = f"{len(actual)} entr{'y' if len(actual) == 1 else 'ies'}"
    has = "have" if is_are(noun).endswith(" are") else "has"
    said = f"{noun} {has} {many}, and {len(wanted)} {'is' if len(wanted) == 1 else 'are'} asked for"
    if not shorter:
        return f"{said}."
    they = "they are" if has == "have" else "it is"
    if not len(apart):
        if shorter < len(wanted):
            return f"{said}: {they} right as far as {_go(has)}."
        first = "the first is" if shorter == 1 else f"the first {shorter} are"
        return f"{said}: {first} right, and more follow."
    first = int(apart[0])
    entry = f"{actual[first].tolist()} and should be {wanted[first].tolist()}"
    return f"{said}. The first that differs, entry {first}, is {entry}."


def first_difference(
    actual: torch.Tensor,
    wanted: torch.Tensor,
    noun: str,
    axes: tuple[str, ...] | None,
    exercise: Exercise,
) -> str:
    """In words: the first place at which a result differs, or that its shape, or what is not finite, does."""
    truth, whole = wanted.dtype == torch.bool, not wanted.is_floating_point() or exercise.atol == 0.5
    rtol = relative_tolerance(wanted, exercise.rtol)
    actual, wanted = as_numbers(actual), as_numbers(wanted)
    if actual.shape != wanted.shape:
        has = "have" if is_are(noun).endswith(" are") else "has"
        cut = _cut_along_one_axis(actual, wanted, axes, has)
        if cut:
            return (
                f"{noun} {has} the shape {list(actual.shape)}, but {list(wanted.shape)} is asked for: {cut}."
            )
        return (
            f"{noun} {has} the shape {list(actual.shape)}, but {list(wanted.shape)} is asked for. "
            "Write down what each axis counts, line by line, and see where the two part."
        )
    if (~actual.isfinite() & wanted.isfinite()).any():
        return _not_finite(actual, wanted, noun, axes)
    gap = (actual - wanted).abs()
    finite = gap[gap.isfinite()]
    if not whole and finite.numel() == gap.numel() and finite.max() < 0.01 * wanted.abs().max():
        share, of = 100 * float(finite.max() / wanted.abs().max()), ""
        if finite.numel() > 1:
            of = " of the largest number at most"  # small ones may be off by more of themselves
        near = f"{is_are(noun)} nearly right, {share:.2g} %{of} off"
        return f"{near}. Is something small added, or rounded on the way?"
    wrong = ~torch.isclose(actual, wanted, rtol=rtol, atol=exercise.atol, equal_nan=True)
    place = [int(i) for i in wrong.nonzero()[0]]
    a, b = float(actual[tuple(place)]), float(wanted[tuple(place)])
    if not whole and abs(a) < 1e-6 * float(wanted.abs().nan_to_num(posinf=0).max()):
        a = 0.0  # what rounding has left of it
    came, should = _number(a, truth, whole), _number(b, truth, whole)
    if wrong.numel() == 1:
        # One entry of a list may be a name, and below zero nothing is counted.
        counts = whole and not truth and not exercise.codes and a.is_integer() and b >= 0 and not wanted.dim()
        more = f", {abs(a - b):,.0f} too {'many' if a > b else 'few'}" if counts else ""
        return f"{is_are(noun)} {came} and should be {should}{more}."
    where = place_in_words(place, axes)
    differ = "differ" if is_are(noun).endswith(" are") else "differs"
    count = f"{differ} in {int(wrong.sum())} of {wrong.numel()} places"
    return f"{noun} {count}: the first, {where}, is {came} and should be {should}."


def _cut_along_one_axis(
    actual: torch.Tensor, wanted: torch.Tensor, axes: tuple[str, ...] | None, has: str
) -> str | None:
    """In words, that a result is right but ends too early or late along one axis; None where not."""
    if actual.dim() != wanted.dim() or not actual.dim():
        return None
    apart = [i for i, (a, b) in enumerate(zip(actual.shape, wanted.shape, strict=True)) if a != b]
    if len(apart) != 1:
        return None
    axis, length = apart[0], min(actual.shape[apart[0]], wanted.shape[apart[0]])
    common = [tensor.narrow(axis, 0, length) for tensor in (actual, wanted)]
    if not length or not torch.allclose(*common, rtol=1e-5, atol=1e-6, equal_nan=True):
        return None
    what = along(axis - actual.dim(), axes, actual.dim())
    what = what if what.startswith("axis ") else f"the {what}"
    they, ends = ("they are", "they end") if has == "have" else ("it is", "it ends")
    if actual.shape[axis] < wanted.shape[axis]:
        return f"{they} right as far as {_go(has)}, and {ends.split()[1]} too early along {what}"
    return f"{they} right as far as asked for, and {ends.split()[1]} too late along {what}"


def _go(has: str) -> str:
    return "they go" if has == "have" else "it goes"


def _number(value: float, truth: bool, whole: bool) -> str:
    if truth and value in (0, 1):
        return str(bool(value))
    return f"{value:,.0f}" if whole and value == int(value) else f"{value + 0.0:.4g}"


def _not_finite(actual: torch.Tensor, wanted: torch.Tensor, noun: str, axes: tuple[str, ...] | None) -> str:
    bad = ~actual.isfinite() & wanted.isfinite()
    place = [int(i) for i in bad.nonzero()[0]]
    first = actual[tuple(place)]
    what = "NaN" if first.isnan() else "infinity" if first > 0 else "minus infinity"
    where = f", the first for {place_in_words(place, axes)}" if place else ""
    count = f"in {int(bad.sum())} of {bad.numel()} places{where}" if place else "instead of a number"
    return f"{is_are(noun)} {what} {count}: {CAUSES[what]}. Does one of these happen here?"

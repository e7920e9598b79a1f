"""Comparing results: when two agree, and in words what is different when they do not."""

import numpy as np
import torch

NUMBERS = (bool, int, float, complex, np.generic)


def to_tensor(value: object) -> torch.Tensor | None:
    """The numbers of a tensor, an array, a number or a list of these as a tensor, None for anything else."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    try:
        if isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value):
            return torch.stack([to_tensor(item) for item in value])
        if isinstance(value, (list, tuple, np.ndarray, *NUMBERS)):
            return torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError):
        return None
    return None


def split_parts(value: object, expected: object) -> tuple | None:
    """`value` with one entry per part of `expected`, or None where it has another number of parts."""
    if not isinstance(expected, tuple):
        return (value,)
    if isinstance(value, (tuple, list)) and len(value) == len(expected):
        return tuple(value)
    return None


def agree(value: object, expected: object, *, rtol: float, atol: float) -> bool:
    """Whether two results have the same parts, shapes and, within tolerance, numbers (NaN only where NaN)."""
    theirs, ours = split_parts(value, expected), split_parts(expected, expected)
    if theirs is None:
        return False
    return all(_parts_agree(a, b, rtol, atol) for a, b in zip(theirs, ours, strict=True))


def _parts_agree(value: object, expected: object, rtol: float, atol: float) -> bool:
    if value is None or expected is None:
        return value is None and expected is None
    actual, wanted = to_tensor(value), to_tensor(expected)
    if actual is None or wanted is None or actual.shape != wanted.shape:
        return False
    return torch.allclose(_numbers(actual), _numbers(wanted), rtol=rtol, atol=atol, equal_nan=True)


def _numbers(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_complex():
        # A complex number is never the number that was asked for, unless its imaginary part is nothing.
        return torch.where(tensor.imag == 0, tensor.real, torch.nan).double()
    return tensor.to(torch.float64)


def first_difference(
    values: list,
    expected: list,
    right: list[bool],
    *,
    parts: tuple[str, ...] = (),
    rtol: float = 1e-3,
    atol: float = 1e-5,
) -> str:
    """In words, what is wrong with the first value that is not right.

    Args:
        values, expected: one entry per case.
        right: which of them agree.
        parts: the names of the parts, where a result has several.
        rtol, atol: the tolerance that decided which of them agree.

    Returns:
        the rest of a sentence that began with 'For <case>, '.
    """
    failed = right.index(False)
    value, wanted = values[failed], expected[failed]
    theirs = split_parts(value, wanted)
    if value is None or value is ...:
        return "your function gave back nothing. Does every branch of it end in a `return`?"
    if theirs is None:
        return f"your function returned {kind(value)}, but {len(wanted)} are asked for: {', '.join(parts)}."
    ours = split_parts(wanted, wanted)
    for number, (got, want) in enumerate(zip(theirs, ours, strict=True)):
        if _parts_agree(got, want, rtol, atol):
            continue
        noun = f"the {parts[number]}" if parts else "your result"
        if got is None:
            return (
                f"{noun} is missing: no gradient flows from your output back to the inputs. Something "
                "cuts the graph (`detach`, `item`, numpy, a tensor built from plain numbers)."
            )
        pairs = [
            (split_parts(v, e), split_parts(e, e))
            for v, e, ok in zip(values, expected, right, strict=True)
            if not ok
        ]
        same_part = [(a[number], b[number]) for a, b in pairs if a is not None]
        return _part_difference(got, want, noun, same_part)
    return "your result is not what was asked for."


def _part_difference(got: object, want: object, noun: str, failed_pairs: list) -> str:
    actual, wanted = to_tensor(got), to_tensor(want)
    if actual is None:
        return f"{noun} is {kind(got)}, but a tensor of shape {list(wanted.shape)} is asked for."
    actual, wanted = _numbers(actual), _numbers(wanted)
    swap = _transposition(actual, wanted)
    if swap is not None:
        return f"{noun} has the right numbers with axes {swap[0]} and {swap[1]} exchanged. Which comes first?"
    if actual.shape != wanted.shape:
        return (
            f"{noun} has the shape {list(actual.shape)}, but {list(wanted.shape)} is asked for. "
            "Write down what each axis counts, line by line, and see where the two part."
        )
    unfinite = ~actual.isfinite() & wanted.isfinite()
    if unfinite.any():
        return (
            f"{noun} holds NaN or infinity in {int(unfinite.sum())} of {unfinite.numel()} places. It usually "
            "comes from the exponential of a large number, from 0/0, or from a softmax over nothing but -inf."
        )
    return _numbers_difference(got, actual, wanted, noun, failed_pairs)


def _numbers_difference(
    got: object, actual: torch.Tensor, wanted: torch.Tensor, noun: str, failed_pairs: list
) -> str:
    factors = [_constant_factor(to_tensor(a), to_tensor(b)) for a, b in failed_pairs]
    if factors[0] is not None:
        if all(factor is not None and abs(factor / factors[0] - 1) < 1e-2 for factor in factors):
            reach = "here and in every other case that fails" if len(factors) > 1 else "throughout"
        else:
            reach = "here, and another multiple in other cases"
        return (
            f"{noun} is {factors[0]:.3g} times what it should be, {reach}. What does that factor depend on?"
        )
    gap = (actual - wanted).abs()
    dtype = str(getattr(got, "dtype", "")).removeprefix("torch.")
    if dtype in ("float16", "bfloat16") and gap.max() < 0.01 * wanted.abs().max():
        return f"{noun} is nearly right, but {dtype} keeps too few digits. Stay in float32."
    if dtype.startswith("int") and torch.equal(actual, wanted.trunc()):
        return f"{noun} was cut to whole numbers ({dtype}). Keep the fractions."
    if gap.max() < 0.01 * wanted.abs().max():
        share = 100 * float(gap.max() / wanted.abs().max())
        return f"{noun} is nearly right, {share:.2g} % off. Is something small added, or rounded on the way?"
    wrong = ~torch.isclose(actual, wanted, rtol=1e-3, atol=1e-5, equal_nan=True)
    place = [int(i) for i in wrong.nonzero()[0]]
    here = f" at {place}" if place else ""
    a, b = float(actual[tuple(place)]), float(wanted[tuple(place)])
    return (
        f"{noun} differs in {int(wrong.sum())} of {wrong.numel()} places: the first{here} is {a:.4g} "
        f"and should be {b:.4g}. Work that one number out by hand."
    )


def _constant_factor(actual: torch.Tensor | None, wanted: torch.Tensor) -> float | None:
    if actual is None or actual.shape != wanted.shape or actual.numel() < 2:
        return None
    actual, wanted = _numbers(actual), _numbers(wanted)
    firm = wanted.abs() > 1e-4
    if firm.sum() < 2 or not actual.isfinite().all():
        return None
    factor = float((actual[firm] / wanted[firm]).median())
    if (
        factor == 0
        or abs(factor - 1) < 0.02
        or not torch.allclose(actual, wanted * factor, rtol=1e-2, atol=1e-5)
    ):
        return None
    return factor


def _transposition(actual: torch.Tensor, wanted: torch.Tensor) -> tuple[int, int] | None:
    if actual.dim() != wanted.dim():
        return None
    for i in range(wanted.dim()):
        for j in range(i + 1, wanted.dim()):
            turned = actual.transpose(i, j)
            if turned.shape == wanted.shape and torch.allclose(turned, wanted, rtol=1e-3, atol=1e-5):
                return i, j
    return None


def kind(value: object) -> str:
    """The type of a value with its article, and what little can be said of the value."""
    name = type(value).__name__
    article = "an" if name[0].lower() in "aeiou" or name == "ndarray" else "a"
    if isinstance(value, (str, *NUMBERS)):
        return f"{article} {name} ({str(value)[:40]!r})"
    if isinstance(value, (list, tuple)):
        return f"{article} {name} of {len(value)} things"
    return f"{article} {name}"

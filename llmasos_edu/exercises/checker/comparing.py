"""Comparing results: what in them are numbers, and when two agree."""

import numbers

import numpy as np
import torch

# Up to this tolerance an exercise means rounding, also of large whole numbers.
EXACT = 1e-6
# What stands for a gradient that does not flow.
NO_GRADIENT = type("NoGradient", (), {"__repr__": lambda self: "no gradient"})()
NUMBERS = (bool, int, float, complex, np.generic)


def to_tensor(value: object) -> torch.Tensor | None:
    """The numbers of a tensor, an array, a number or a list of these as a tensor, None for anything else."""
    try:
        if isinstance(value, torch.Tensor):
            return _dense(value.detach())
        if isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value):
            return torch.stack([to_tensor(item) for item in value])
        if isinstance(value, (list, tuple, np.ndarray, *NUMBERS)):
            return torch.as_tensor(np.asarray(value))
        if isinstance(value, numbers.Real):  # a Fraction, say
            return torch.tensor(float(value), dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    return None


def _dense(tensor: torch.Tensor) -> torch.Tensor | None:
    """The tensor with all its numbers in rows and columns; None where it has none to look at."""
    if tensor.is_meta or tensor.is_nested:
        return None
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def split_parts(value: object, expected: object) -> tuple | None:
    """`value` with one entry per part of `expected`, or None where it has another number of parts."""
    if not isinstance(expected, tuple):
        return (value,)
    if isinstance(value, (tuple, list)) and len(value) == len(expected):
        return tuple(value)
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim and len(value) == len(expected):
        rows = tuple(value)  # parts of one shape may come as the rows of one tensor
        alike = (
            getattr(a, "shape", None) == getattr(b, "shape", ()) for a, b in zip(rows, expected, strict=True)
        )
        return rows if all(alike) else None
    return None


def agree(value: object, expected: object, *, rtol: float, atol: float) -> bool:
    """Whether two results have the same parts, shapes and, within tolerance, numbers (NaN only where NaN)."""
    theirs, ours = split_parts(value, expected), split_parts(expected, expected)
    if theirs is None:
        return False
    return all(parts_agree(a, b, rtol, atol) for a, b in zip(theirs, ours, strict=True))


def parts_agree(value: object, expected: object, rtol: float, atol: float) -> bool:
    """Whether one part of two results is the same within tolerance."""
    if value is None or expected is None:
        return value is None and expected is None
    if value is NO_GRADIENT:
        # A result that is not connected to the inputs says the same as one whose gradient is zero.
        return expected is NO_GRADIENT or not expected.any()
    actual, wanted = to_tensor(value), to_tensor(expected)
    if actual is None or wanted is None or actual.shape != wanted.shape:
        return False
    rtol = relative_tolerance(wanted, rtol)
    return torch.allclose(as_numbers(actual), as_numbers(wanted), rtol=rtol, atol=atol, equal_nan=True)


def relative_tolerance(wanted: torch.Tensor, rtol: float) -> float:
    """None at all for ids and counts, which are no magnitudes: 50,001 is another token than 50,000."""
    whole = not (wanted.is_floating_point() or wanted.is_complex())
    return 0.0 if whole and rtol > EXACT else rtol


def as_numbers(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float64, with NaN where a number is truly complex."""
    if tensor.is_complex():
        # A complex number is never the number that was asked for, unless its imaginary part is nothing.
        return torch.where(tensor.imag == 0, tensor.real, torch.nan).double()
    return tensor.to(torch.float64)


def kind(value: object) -> str:
    """The type of a value with its article, and what little can be said of the value."""
    name = type(value).__name__
    article = "an" if name[0].lower() in "aeiou" or name == "ndarray" else "a"
    if isinstance(value, BaseException):
        return f"{article} {name}, handed back with `return`: an error has to be raised"
    if isinstance(value, (str, *NUMBERS)):
        return f"{article} {name} ({str(value)[:40]!r})"
    if isinstance(value, (list, tuple)):
        return f"{article} {name} of {len(value)} thing{'s' * (len(value) != 1)}"
    if isinstance(value, torch.Tensor) and value.is_meta:
        return "a tensor on the device `meta`, which has a shape and no numbers"
    if isinstance(value, torch.Tensor) and value.is_nested:
        return "a nested tensor, whose rows may differ in length"
    return f"{article} {name}"

"""Arrays of torch or numpy as float32, and tokens as they can be read: what every picture starts from."""

from typing import Any

import numpy as np


def read_array(values: Any, name: str) -> tuple[np.ndarray, bool]:
    """A float32 copy of a torch or numpy array, and whether it came in half precision."""
    if hasattr(values, "detach"):  # torch, without importing it
        coarse = values.is_floating_point() and values.element_size() <= 2
        values = values.detach().cpu()
        array = (values.float() if coarse else values).numpy()  # numpy knows no bfloat16
    else:
        array = np.asarray(values)
        if array.dtype == object or not np.issubdtype(array.dtype, np.number):
            raise TypeError(f"{name} must be numbers in a torch or numpy array, got {type(values).__name__}")
        coarse = array.dtype == np.float16
    if np.iscomplexobj(array):
        raise TypeError(f"{name} holds complex numbers: give the real part, or the size")
    return _single(array, name), coarse


def _single(array: np.ndarray, name: str) -> np.ndarray:
    """The array in single precision; a finite number that it cannot hold is refused, not made infinite."""
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    lost = np.isfinite(array) & ~np.isfinite(single)
    if lost.any():
        raise ValueError(
            f"{name} holds {array[lost][0]:.4g}: single precision ends at 3.4e+38, scale it down"
        )
    return single


LARGEST = 1e30  # its square is still far from the end of double precision, and of any axis


def check_drawable(array: np.ndarray, name: str, what: str) -> None:
    """Refuse, with its place, a number that is not finite or too large for any picture.

    Args:
        array: numbers of any shape.
        name: what the caller called it.
        what: one of its numbers, as "a score".
    """
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(array) <= LARGEST)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}{list(place)} is {array[place]}: {what} is a finite number of at most 1e30")


def visible_token(token: str) -> str:
    """A token as it can be read: spaces, line ends and control letters get a sign, the empty token too."""
    signs = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    shown = "".join(signs.get(c, c if c.isprintable() else _escaped(c)) for c in token)
    return shown or "∅"


def _escaped(letter: str) -> str:
    return f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\u{ord(letter):04x}"


def readable_piece(piece: str) -> str:
    """Vocabularies write a leading space as a letter of their own; show it as a space."""
    return piece.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")

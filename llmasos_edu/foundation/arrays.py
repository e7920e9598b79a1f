"""Arrays of torch or numpy as float32, and tokens as they can be read: what every picture starts from."""

from typing import Any

import numpy as np


def read_array(values: Any, name: str) -> tuple[np.ndarray, bool]:
    """A float32 copy of a torch or numpy array, and whether it came in half precision."""
    if hasattr(values, "detach"):  # torch, without importing it
        coarse = str(values.dtype) in ("torch.float16", "torch.bfloat16")
        array = values.detach().float().cpu().numpy()
    else:
        array = np.asarray(values)
        if array.dtype == object or not np.issubdtype(array.dtype, np.number):
            raise TypeError(f"{name} must be numbers in a torch or numpy array, got {type(values).__name__}")
        coarse = array.dtype == np.float16
    return array.astype(np.float32), coarse


def visible_token(token: str) -> str:
    """A token as it can be read: spaces, line ends and control letters get a sign, the empty token too."""
    signs = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    shown = "".join(signs.get(c, c if c.isprintable() else f"\\x{ord(c):02x}") for c in token)
    return shown or "∅"

"""What the expert-load explorer is given: checked at the door, then packed into few bytes.

Router logits are `[steps, layers, tokens, experts]`; what lacks steps or layers has one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from llmasos_edu.foundation.arguments import check_strings, check_whole
from llmasos_edu.foundation.arrays import read_array, visible_token

MAX_TOKENS = 2048
MAX_EXPERTS = 64
MAX_STEPS = 32
MAX_LAYERS = 64
MAX_DOMAINS = 8  # as many colours as can be told apart
MAX_VALUES = 2**23  # two layers of 32 steps x 2,048 tokens x 64 experts
SINGLE_LIMIT = 2**18  # up to so many logits every bit is sent, above half of them
LOWEST = -60_000.0  # of a half float, less than which is probability zero anyway


def check_logits(values: Any) -> np.ndarray:
    """Logits `[steps, layers, tokens, experts]` in float32, or an error that says what is wrong, where."""
    logits, _ = read_array(values, "router_logits")
    shape = list(logits.shape)
    if logits.ndim not in (2, 3, 4):
        raise ValueError(
            f"router_logits has {logits.ndim} dimensions {shape}, expected [tokens, experts], "
            "[layers, tokens, experts] or [steps, layers, tokens, experts]"
        )
    if 0 in shape:
        raise ValueError(f"router_logits is empty: {shape}")
    logits = logits.reshape((1,) * (4 - logits.ndim) + logits.shape)
    limits = (("steps", MAX_STEPS), ("layers", MAX_LAYERS), ("tokens", MAX_TOKENS), ("experts", MAX_EXPERTS))
    for size, (what, limit) in zip(logits.shape, limits, strict=True):
        if size > limit:
            raise ValueError(f"{size:,} {what} are too many to explore, at most {limit:,}: show a part")
    if logits.size > MAX_VALUES:
        raise ValueError(
            f"{logits.size:,} logits {list(logits.shape)} are too many to send, at most {MAX_VALUES:,}: "
            "choose some layers, or fewer steps or tokens"
        )
    if not np.isfinite(logits).all():
        step, layer, token, expert = (int(i) for i in np.argwhere(~np.isfinite(logits))[0])
        raise ValueError(
            f"router_logits[step={step}, layer={layer}, token={token}, expert={expert}] is "
            f"{logits[step, layer, token, expert]}: a router's logits are finite numbers"
        )
    return logits


def check_domains(domains: Any, count: int) -> tuple[list[str], list[int]]:
    """The domains' names in order of appearance, and the domain of each token as an index into them."""
    words = check_strings(domains, "domains", count, "tokens")
    names = list(dict.fromkeys(words))
    if len(names) > MAX_DOMAINS:
        raise ValueError(
            f"{len(names)} domains are too many to tell apart, at most {MAX_DOMAINS}: {', '.join(names)}"
        )
    return names, [names.index(word) for word in words]


def domain_letters(names: Sequence[str]) -> list[str]:
    """A capital for each domain: its own first letter where all of these differ, else A, B, C, ..."""
    firsts = [visible_token(name)[0].upper() for name in names]
    if len(set(firsts)) == len(names):
        return firsts
    return [chr(ord("A") + place) for place in range(len(names))]


def check_steps(steps: Any, count: int, has_steps: bool) -> list[int]:
    """The number of each recorded training step, rising."""
    if steps is None:
        return list(range(count))
    if not has_steps:
        raise ValueError("steps are given, but router_logits holds one step alone: "
                         "give [steps, layers, tokens, experts]")  # fmt: skip
    if isinstance(steps, str) or not isinstance(steps, Sequence | np.ndarray | range):
        raise TypeError(f"steps must be a list of {count} whole numbers, got {type(steps).__name__}")
    found = [check_whole(f"steps[{place}]", step, 0, 10**12) for place, step in enumerate(steps)]
    if len(found) != count:
        raise ValueError(f"steps has {len(found)} numbers for {count} recorded steps: give one each")
    for before, after in pairwise(found):
        if after <= before:
            raise ValueError(f"steps must rise, but {after} comes after {before}")
    return found


def check_bias(values: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Balancing biases `[steps, layers, experts]` in float32; None where there is nothing to add."""
    if values is None:
        return None
    bias, _ = read_array(values, "bias")
    steps, layers, _, experts = shape
    fits = [(experts,), (layers, experts), (steps, layers, experts)]
    if bias.shape not in fits:
        raise ValueError(
            f"bias has shape {list(bias.shape)}, expected [experts={experts}], [layers={layers}, experts] "
            f"or [steps={steps}, layers, experts]"
        )
    if not np.isfinite(bias).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(bias))[0])
        raise ValueError(f"bias{list(place)} is {bias[place]}: biases are finite numbers")
    return np.broadcast_to(bias, (steps, layers, experts)).copy() if bias.any() else None


def check_capacity_factor(value: Any) -> float | None:
    """A positive factor, or None for no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"capacity_factor={value!r} must be a number, or None for no limit")
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(
            f"capacity_factor={value} must be positive and finite: an expert of capacity zero takes no token"
        )
    return float(value)


def pack(logits: np.ndarray, bias: np.ndarray | None, tokens: list[str]) -> tuple[dict[str, Any], bytes]:
    """The JSON that tells the browser where the arrays lie, and their bytes.

    Half floats are taken less the largest logit of their row: the softmax does not see the shift, and half
    floats are finest near zero, where the probability is.
    """
    if logits.size > SINGLE_LIMIT:
        centred = np.maximum(logits - logits.max(axis=-1, keepdims=True), LOWEST)
        array = centred.astype("<f2")
    else:
        array = logits.astype("<f4")
    data = array.tobytes()
    data += b"\0" * (-len(data) % 4)  # typed arrays need aligned starts
    description = {
        "shape": list(logits.shape),
        "tokens": [visible_token(token) for token in tokens],
        "type": array.dtype.name,
        "bias": None if bias is None else len(data),
    }
    return description, data + (b"" if bias is None else bias.astype("<f4").tobytes())

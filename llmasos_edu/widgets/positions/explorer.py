"""Positions to play with: sines and cosines as vectors and as clock hands, rotary positions in the plane.

Section 4.2.3 (sines of many frequencies; the dot product knows the distance; a shift is a rotation).
"""

from __future__ import annotations

import math

import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error

MAX_WIDTH = 512
MAX_LENGTH = 1024
MAX_BASE = 1e8


class PositionExplorer(Explorer):
    """Positions as sines and cosines, two of them compared, explored in the browser alone.

    `PE(pos, 2i) = sin(pos * w_i)`, `PE(pos, 2i + 1) = cos(pos * w_i)`, `w_i = base**(-2i / d_model)`.
    Rotary positions turn pair `i` of a query and of a key by `pos * w_i` instead.

    Args:
        d_model: width of the vectors, even, 2 to 512; with `kind="rotary"` the width of a head.
        length: number of positions, 1 to 1024.
        base: the wavelengths run from `2 pi` towards `2 pi base`; above 1.
        kind: `sinusoidal` or `rotary`, shown first; the reader may change it, as everything here.
        first, second: the two positions compared; the query's and the key's with `rotary`.
        pair: the pair of features on show, 0 to `d_model / 2 - 1`.
        query, key: two numbers each, that pair of a query and of a key, before the rotation; at most 1 long.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Vaswani et al. 2017, section 3.5; Su et al. 2021, section 3.2.2; article 4.2.3.
    """

    page_title = "Position explorer"
    _esm = script("positions/encodings.js", "positions/explorer.js")
    _css = style()

    kind = t.Unicode("sinusoidal").tag(sync=True)
    d_model = t.Int(64).tag(sync=True)
    length = t.Int(128).tag(sync=True)
    base = t.Float(10_000.0).tag(sync=True)
    first = t.Int(0).tag(sync=True)
    second = t.Int(0).tag(sync=True)
    shift = t.Int(0, help="moves both positions").tag(sync=True)
    pair = t.Int(0).tag(sync=True)
    query = t.List(t.Float(), [1.0, 0.0]).tag(sync=True)
    key = t.List(t.Float(), [0.8, 0.3]).tag(sync=True)

    def __init__(self, d_model: int = 64, length: int = 128, base: float = 10_000.0,
                 kind: str = "sinusoidal", *, first: int | None = None, second: int | None = None,
                 pair: int | None = None, query=(1.0, 0.0), key=(0.8, 0.3)) -> None:  # fmt: skip
        check_whole("d_model", d_model, 2, MAX_WIDTH)
        _check_even(d_model)
        check_whole("length", length, 1, MAX_LENGTH)
        base = _check_base(base)
        _check_kind(kind)
        # Not given: two positions a little apart, with room to shift them, and a pair that turns some way.
        first = min(20, (length - 1) // 4) if first is None else first
        second = min(first + 12, length - 1) if second is None and isinstance(first, int) else second
        pair = min(3, d_model // 2 - 1) if pair is None else pair
        for name, value, last in (("first", first, length - 1), ("second", second, length - 1),
                                  ("pair", pair, d_model // 2 - 1)):  # fmt: skip
            check_whole(name, value, 0, last)
        super().__init__(
            d_model=d_model, length=length, base=base, kind=kind, first=first, second=second, pair=pair,
            query=_check_vector("query", query), key=_check_vector("key", key),
        )  # fmt: skip

    @t.validate("kind", "d_model", "length", "base", "query", "key")
    def _as_in_the_constructor(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "kind":
                _check_kind(value)
            elif name == "base":
                _check_base(value)
            elif name in ("query", "key"):
                _check_vector(name, value)
            else:
                check_whole(name, value, *((2, MAX_WIDTH) if name == "d_model" else (1, MAX_LENGTH)))
                _check_even(value if name == "d_model" else 2)
        return value

    @t.validate("first", "second", "shift", "pair")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        last = self.d_model // 2 - 1 if name == "pair" else self.length - 1
        if not 0 <= value <= last:
            raise t.TraitError(f"{name}={value} does not exist: 0 to {last}")
        return value

    def contents(self) -> str:
        return f"{self.kind}, d_model={self.d_model}, length={self.length}, base={self.base:g}"


def _check_even(d_model: int) -> None:
    if d_model % 2:
        raise ValueError(f"d_model={d_model} must be even: every sine needs its cosine")


def _check_base(base) -> float:
    if isinstance(base, bool) or not isinstance(base, int | float):
        raise TypeError(f"base={base!r} must be a number")
    if not 1 < base <= MAX_BASE:
        raise ValueError(f"base={base} must be above 1 and at most {MAX_BASE:.0e}")
    return float(base)


def _check_kind(kind: str) -> None:
    if kind not in ("sinusoidal", "rotary"):
        raise ValueError(f"kind={kind!r} is not one of sinusoidal, rotary")


def _check_vector(name: str, vector) -> list[float]:
    if isinstance(vector, str) or not hasattr(vector, "__len__") or len(vector) != 2:
        raise ValueError(f"{name}={vector!r} must be two numbers: one pair of features")
    values = [float(part) for part in vector]
    long = math.hypot(*values)
    if not 0 < long <= 1.0000001:
        raise ValueError(
            f"{name}={values} is {long:.4g} long: it must be above 0 and at most 1, to fit the picture"
        )
    return values

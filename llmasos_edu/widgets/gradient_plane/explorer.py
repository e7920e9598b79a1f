"""Gradients of two or three tasks as arrows in a plane: do they agree, and what does gradient surgery change?

Section 3.4 (several tasks share parameters, and each pulls at them).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets as t

from llmasos_edu.foundation.arguments import check_names, check_number, check_whole
from llmasos_edu.foundation.arrays import LARGEST, check_drawable
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error

MOST_WEIGHT = 3.0
_ROOM = 1.6  # from the origin to the plane's edge, in lengths of the longest gradient


class GradientPlaneExplorer(Explorer):
    """Task gradients to be dragged; their cosine, their sum, PCGrad's sum, and what a step does to each loss.

    With weights w, task i pulls with `w_i g_i`. A step goes against a direction d, the sum of all pulls or
    the sum after PCGrad; to first order it changes the loss of task i by `-learning_rate g_i . d`.

    Args:
        gradients: 2 or 3 points `(x, y)`, the gradients of the tasks' losses.
        names: a different string for each task.
        weights: of the tasks in the sum, 0 to 3; 1 each if not given.
        learning_rate: of the step whose effect is told, above 0.
        reverse: whether PCGrad takes the other tasks in the order last to first; of three tasks the order
            matters, PCGrad draws it by chance.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Yu et al. 2020, "Gradient Surgery for Multi-Task Learning", algorithm 1; article 3.4.
    """

    page_title = "Gradients in a plane"
    _esm = script("shared/markers.js", "gradient_plane/gradients.js", "gradient_plane/explorer.js")
    _css = style("gradient_plane/style.css")

    names = t.List(t.Unicode()).tag(sync=True)
    given = t.List(help="the gradients that the explorer was made with").tag(sync=True)
    gradients = t.List(help="[task][x, y], as they are now").tag(sync=True)
    weights = t.List(t.Float()).tag(sync=True)
    learning_rate = t.Float().tag(sync=True)
    reach = t.Float(help="from the origin to the plane's edge").tag(sync=True)
    task = t.Int(0, help="the task whose arrow the keys move").tag(sync=True)
    reverse = t.Bool(False).tag(sync=True)
    show_sum = t.Bool(True).tag(sync=True)
    show_pcgrad = t.Bool(True).tag(sync=True)

    def __init__(
        self, gradients: Any = ((1.0, 0.0), (-1.2, 0.9)), names: Sequence[str] | None = None, *,
        weights: Sequence[float] | None = None, learning_rate: float = 0.1, reverse: bool = False,
    ) -> None:  # fmt: skip
        points = check_points(gradients)
        names = [f"task {i + 1}" for i in range(len(points))] if names is None else list(names)
        longest = max(math.hypot(*point) for point in points)
        if longest == 0:
            raise ValueError("all gradients are zero: there is nothing to draw")
        check_number("the length of the longest gradient", longest, 1 / LARGEST, LARGEST)
        super().__init__(
            names=check_names(names, "names", len(points), len(points)),
            given=points,
            gradients=points,
            weights=check_weights([1.0] * len(points) if weights is None else weights, len(points)),
            learning_rate=_check_learning_rate(learning_rate),
            reach=_ROOM * longest,
            reverse=reverse,
        )

    @classmethod
    def from_gradients(cls, first: Any, second: Any, names: Sequence[str] | None = None,
                       **settings: Any) -> GradientPlaneExplorer:  # fmt: skip
        """The explorer of two measured gradients, in the plane that they span: lengths and angle are exact.

        Args:
            first, second: gradients of two losses for the same parameters: an array of any shape each, or a
                list of arrays, one for each parameter.
            names, settings: as for the explorer.

        Raises:
            ValueError: different sizes, numbers that are not finite, or a gradient of length 0.
        """
        return cls(plane_coordinates(first, second), names, **settings)

    @t.validate("gradients", "weights", "task", "learning_rate")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "gradients":
                return check_points(value, len(self.names), self.reach)
            if name == "weights":
                return check_weights(value, len(self.names))
            if name == "task":
                return check_whole("task", value, 0, len(self.names) - 1)
            return _check_learning_rate(value)

    def contents(self) -> str:
        return ", ".join(self.names)


def plane_coordinates(first: Any, second: Any) -> list[list[float]]:
    """Two long gradients as points of the plane that they span, the first along x, the second above it.

    With u = first / |first|, the second gradient is its part along u and what is left at a right angle to it:
    `(|first|, 0)` and `(second . u, |second - (second . u) u|)`. Lengths and angle are kept.

    Args:
        first, second: an array of any shape, or a list of arrays, one for each parameter.

    Returns:
        `[[x, 0], [x, y]]` with y of 0 or more.

    Raises:
        ValueError: different sizes, numbers that are not finite, or a gradient of length 0.
    """
    one, other = _flat(first, "first"), _flat(second, "second")
    if one.shape != other.shape:
        raise ValueError(
            f"first has {one.size} numbers and second {other.size}: gradients for the same parameters"
        )
    for name, gradient in (("first", one), ("second", other)):
        if not gradient.any():
            raise ValueError(f"{name} has length 0: a gradient of zeros has no direction")
    length = np.linalg.norm(one)
    along = other @ (one / length)
    return [[float(length), 0.0], [float(along), float(np.linalg.norm(other - along * (one / length)))]]


def _flat(values: Any, name: str) -> np.ndarray:
    many = isinstance(values, list | tuple) and len(values) and all(hasattr(v, "shape") for v in values)
    parts = values if many else [values]
    arrays = [part.detach().double().cpu().numpy() if hasattr(part, "detach") else part for part in parts]
    flat = np.concatenate([np.asarray(array, dtype=np.float64).ravel() for array in arrays])
    check_drawable(flat, name, "each of a gradient's numbers")
    return flat


def check_points(gradients: Any, count: int | None = None, reach: float = math.inf) -> list[list[float]]:
    """2 or 3 points of the plane, within its reach."""
    points = [[float(number) for number in point] for point in gradients]
    if len(points) != count if count else len(points) not in (2, 3):
        raise ValueError(f"gradients has {len(points)} entries, expected {count or '2 or 3'}")
    for place, point in enumerate(points):
        if len(point) != 2 or not all(map(math.isfinite, point)):
            raise ValueError(f"gradients[{place}] is {point}, expected two finite numbers")
        if max(map(abs, point)) > reach * (1 + 1e-9):
            raise ValueError(f"gradients[{place}] is {point}: outside the plane, which ends at {reach:.4g}")
    return points


def check_weights(weights: Sequence[float], count: int) -> list[float]:
    """A weight for each task, 0 to 3."""
    values = [float(weight) for weight in weights]
    if len(values) != count:
        raise ValueError(f"weights has {len(values)} entries for {count} tasks: one each")
    for place, weight in enumerate(values):
        if not 0 <= weight <= MOST_WEIGHT:
            raise ValueError(f"weights[{place}]={weight} is out of range: 0 to {MOST_WEIGHT:.0f}")
    return values


def _check_learning_rate(learning_rate: float) -> float:
    if not 0 < learning_rate <= LARGEST:
        raise ValueError(f"learning_rate={learning_rate} must be above 0 and at most 1e30")
    return float(learning_rate)

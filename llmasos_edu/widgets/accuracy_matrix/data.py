"""What the accuracy-matrix explorer takes: scores over a training, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llmasos_edu.foundation.arguments import check_names, check_whole
from llmasos_edu.foundation.arrays import check_drawable, read_array

MAX_METHODS = 8
MAX_TASKS = 8  # more signs and colours than that nobody tells apart
MAX_MOMENTS = 500
NONE = ""  # no second method


def check_tasks(tasks: Sequence[str]) -> list[str]:
    """The tasks' names."""
    return check_names(tasks, "tasks", 2, MAX_TASKS)


def check_scores(values: Any, what: str, shape: str, columns: int) -> np.ndarray:
    """Finite numbers `[rows, columns]`, or an error that says what is wrong, where."""
    try:
        scores = read_array(values, what)[0]
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"{what} has rows of different lengths, expected {shape}") from None
    if scores.ndim != 2 or not len(scores) or scores.shape[1] != columns:
        raise ValueError(f"{what} has shape {list(scores.shape)}, expected {shape} with {columns} tasks")
    check_drawable(scores, what, "a score")
    return scores


def check_history(history: Mapping[str, Any], tasks: int) -> tuple[list[str], np.ndarray]:
    """The methods' names, and their scores `[method, moment, task]`."""
    if not isinstance(history, Mapping):
        raise TypeError(f"history is a {type(history).__name__}, expected a dictionary: method to scores")
    methods = check_names(list(history), "history", 1, MAX_METHODS)
    scores = {
        name: check_scores(history[name], f"history[{name!r}]", "[moments, tasks]", tasks) for name in methods
    }
    moments = {name: len(each) for name, each in scores.items()}
    if len(set(moments.values())) > 1:
        raise ValueError(f"the methods have different numbers of moments: {moments}")
    if moments[methods[0]] > MAX_MOMENTS:
        raise ValueError(
            f"history has {moments[methods[0]]} moments, at most {MAX_MOMENTS}: show every second"
        )
    return methods, np.stack([scores[name] for name in methods])


def check_boundaries(boundaries: Sequence[int] | None, tasks: int, moments: int) -> list[int]:
    """The moment at which each stage ended, the last moment among them."""
    if boundaries is None:
        if moments != tasks:
            raise ValueError(
                f"{moments} moments for {tasks} stages: give boundaries, the moment at which each stage ended"
            )
        return list(range(tasks))
    ends = _plain(boundaries)
    for place, end in enumerate(ends):
        check_whole(f"boundaries[{place}]", end, 0, moments - 1)
    if len(ends) != tasks:
        raise ValueError(f"boundaries has {len(ends)} entries for {tasks} tasks: one for each stage")
    if sorted(set(ends)) != ends or ends[-1] != moments - 1:
        raise ValueError(f"boundaries={ends} must rise and end with the last moment, {moments - 1}")
    return ends


def check_order(stages: Sequence[str] | None, tasks: list[str]) -> list[int]:
    """The number of the task that was trained in each stage."""
    if stages is None:
        return list(range(len(tasks)))
    if isinstance(stages, str) or sorted(map(str, stages)) != sorted(tasks):
        raise ValueError(f"stages={stages!r} must name each task once: {', '.join(tasks)}")
    return [tasks.index(name) for name in stages]


def check_baseline(baseline: Any, tasks: int) -> list[float]:
    """A score for each task, or nothing."""
    if baseline is None:
        return []
    scores = read_array(baseline, "baseline")[0]
    if scores.shape != (tasks,):
        raise ValueError(f"baseline={scores.tolist()} must be {tasks} numbers, one for each task")
    check_drawable(scores, "baseline", "a score")
    return scores.tolist()


def check_steps(steps: Sequence[int] | None, moments: int) -> list[int]:
    """The training step of each moment, rising; or nothing."""
    if steps is None:
        return []
    steps = _plain(steps)
    if len(steps) != moments:
        raise ValueError(f"steps has {len(steps)} entries for {moments} moments: one each")
    for place, step in enumerate(steps):
        check_whole(f"steps[{place}]", step, steps[place - 1] + 1 if place else 0, 10**12)
    return steps


def _plain(values: Any) -> list:
    """A list of Python's own numbers, of an array or a tensor too."""
    return values.tolist() if hasattr(values, "tolist") else list(values)


def score_limits(scores: np.ndarray, baseline: list[float]) -> list[float]:
    """The two ends of the colours: 0 and 1 where all scores lie between, else the smallest and largest."""
    low, high = (float(end([*scores.flat, *baseline])) for end in (min, max))
    if low >= 0 and high <= 1:
        return [0.0, 1.0]
    return [low, high if high > low else low + 1]

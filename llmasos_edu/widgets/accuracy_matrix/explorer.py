"""The accuracy matrix as training goes on: what is learnt, what is forgotten, method beside method.

Section 3.3 (a model learns tasks one after the other).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.accuracy_matrix.data import (
    NONE,
    check_baseline,
    check_boundaries,
    check_history,
    check_order,
    check_steps,
    check_tasks,
    score_limits,
)
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error


class AccuracyMatrixExplorer(Explorer):
    """Scores of a model that learns tasks in sequence, at any moment of its training: R[i, j] fills up.

    R[i, j] is the score on task j right after task i was learnt. Of its finished rows, k of them, the
    explorer tells the average accuracy `mean_{i<=k} R[k, i]`, the backward transfer
    `mean_{i<k} R[k, i] - R[i, i]` and the forward transfer `mean_{1<i<=k} R[i - 1, i] - baseline[i]`. Rows
    and columns stand in the order of training.

    Args:
        history: for each of 1 to 8 methods, by its name, scores `[moments, tasks]`; higher is better.
        tasks: names of the tasks, 2 to 8, in the order of the scores' columns.
        boundaries: for each stage of training the moment at which it ended, counted from 0; the last moment
            ends the last stage. May be left out where there is one moment for each stage.
        stages: names of the tasks in the order in which they were trained; as in `tasks` if not given.
        baseline: `[tasks]`, the score on each task of a model that has learnt nothing.
        steps: the training step of each moment.
        method: name of the method shown first; the first one if not given.
        beside: name of the method beside it, or the empty string for none.
        moment: shown first; the last one if not given.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Lopez-Paz and Ranzato 2017, section 2 (the matrix R and its three summaries); article 3.3.
    """

    page_title = "Accuracy matrix over training"
    _esm = script("shared/markers.js", "accuracy_matrix/matrix.js", "accuracy_matrix/explorer.js")
    _css = style("accuracy_matrix/style.css")

    methods = t.List(t.Unicode()).tag(sync=True)
    tasks = t.List(t.Unicode(), help="in the order of training").tag(sync=True)
    scores = t.Bytes(help="[method, moment, task], 32-bit floats").tag(sync=True)
    boundaries = t.List(t.Int(), help="the moment at which each stage ended").tag(sync=True)
    steps = t.List(t.Int(), help="of each moment; empty: moments have no steps").tag(sync=True)
    baseline = t.List(t.Float(), help="for each task; empty: not known").tag(sync=True)
    limits = t.List(t.Float(), help="scores at the two ends of the colours").tag(sync=True)
    method = t.Unicode().tag(sync=True)
    beside = t.Unicode(NONE, help="the second method, or nothing").tag(sync=True)
    moment = t.Int(0).tag(sync=True)
    row = t.Int(0, help="of the chosen cell: the task just learnt").tag(sync=True)
    column = t.Int(0, help="of the chosen cell: the task that is scored").tag(sync=True)

    def __init__(
        self, history: Mapping[str, Any], tasks: Sequence[str], boundaries: Sequence[int] | None = None, *,
        stages: Sequence[str] | None = None, baseline: Any = None, steps: Sequence[int] | None = None,
        method: str | None = None, beside: str = NONE, moment: int | None = None,
    ) -> None:  # fmt: skip
        tasks = check_tasks(tasks)
        methods, scores = check_history(history, len(tasks))
        moments = scores.shape[1]
        ends = check_boundaries(boundaries, len(tasks), moments)
        order = check_order(stages, tasks)
        known = check_baseline(baseline, len(tasks))
        method = methods[0] if method is None else method
        _check_method("method", method, methods)
        _check_method("beside", beside, [*methods, NONE])
        super().__init__(
            methods=methods,
            tasks=[tasks[i] for i in order],
            scores=scores[..., order].astype("<f4").tobytes(),
            boundaries=ends,
            steps=check_steps(steps, moments),
            baseline=[known[i] for i in order] if known else [],
            limits=score_limits(scores, known),
            method=method,
            beside=beside,
            moment=moments - 1 if moment is None else check_whole("moment", moment, 0, moments - 1),
            row=len(tasks) - 1,
        )

    @t.validate("method", "beside", "moment", "row", "column")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name in ("method", "beside"):
                _check_method(name, value, [*self.methods, NONE] if name == "beside" else self.methods)
            else:
                check_whole(name, value, 0, self.boundaries[-1] if name == "moment" else len(self.tasks) - 1)
        return value

    def matrix(self, method: str) -> np.ndarray:
        """R `[tasks, tasks]` of one method: rows are the tasks just learnt, columns those that are scored."""
        _check_method("method", method, self.methods)
        scores = np.frombuffer(self.scores, "<f4").reshape(len(self.methods), -1, len(self.tasks))
        return scores[self.methods.index(method), self.boundaries].astype(np.float64)

    def contents(self) -> str:
        return f"{len(self.methods)} methods, {len(self.tasks)} tasks, {self.boundaries[-1] + 1} moments"


def _check_method(name: str, value: str, methods: list[str]) -> None:
    if value not in methods:
        raise ValueError(f"{name}={value!r} is not one of the methods: {', '.join(filter(None, methods))}")

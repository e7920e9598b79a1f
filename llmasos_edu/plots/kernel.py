"""What a kernel's trace says, as still pictures: slots over time, blocks over time, bugs and who caught them.

A trace is what `Kernel.trace.as_dict()` gives (chapter 2.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.kernel.kept_bugs import INVARIANTS, KeptBug
from llmasos_edu.plots.drawing import ink_on
from llmasos_edu.plots.style import STYLE

_COLOURS = [OKABE_ITO[name] for name in ("blue", "orange", "green", "purple", "sky", "yellow", "vermilion")]
_FREE, _EDGE = "#F1F3F5", "#8A9099"


def owner_colour(pid: int) -> str:
    """The colour of a process, the same in every picture."""
    return _COLOURS[pid % len(_COLOURS)]


def slots_of(trace: Mapping) -> list[list[tuple[int, float, float, int]]]:
    """For each slot its turns `(pid, start, end, tokens read)`; a process keeps its slot while it runs on."""
    lanes: list[list] = [[] for _ in range(trace["meta"]["slots"])]
    holder: dict[int, int] = {}
    for step in trace["steps"]:
        rows = {row["pid"]: row for row in step["batch"]}
        holder = {pid: lane for pid, lane in holder.items() if pid in rows}
        free = [lane for lane in range(len(lanes)) if lane not in holder.values()]
        for pid in rows:
            if pid not in holder:
                holder[pid] = free.pop(0)
        for pid, lane in holder.items():
            turns, read = lanes[lane], rows[pid]["read"]
            if turns and turns[-1][0] == pid and turns[-1][2] == step["time"]:
                turns[-1] = (pid, turns[-1][1], step["end"], turns[-1][3] + read)
            else:
                turns.append((pid, step["time"], step["end"], read))
    return lanes


def slots_figure(
    traces: Mapping[str, Mapping], *, title: str | None = None, width: float = 9.0, until: float | None = None
) -> Figure:
    """Who stands in which slot when, one panel a trace: a bar is a run of steps, its number the process.

    Args:
        traces: by the title of their panels.
        title: the finding that the picture shows.
        width: of the figure, inches.
        until: where the time axis ends; at the last step of all unless given.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: no trace, or one without a step.
    """
    if not traces or not all(trace["steps"] for trace in traces.values()):
        raise ValueError("there is no step to draw")
    until = until or max(trace["steps"][-1]["end"] for trace in traces.values())
    lanes = {name: slots_of(trace) for name, trace in traces.items()}
    height = sum(0.26 * len(each) + 0.42 for each in lanes.values()) + 0.4 + 0.3 * bool(title)
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axes = plt.subplots(
            len(lanes), 1, figsize=(width, height), sharex=True, squeeze=False,
            height_ratios=[len(each) + 1 for each in lanes.values()],
        )  # fmt: skip
        for axis, (name, each) in zip(axes[:, 0], lanes.items(), strict=True):
            _draw_slots(axis, each, until, width)
            axis.set_title(name, fontweight="normal", fontsize=10)
        axes[-1, 0].set_xlabel("time")
        axes[-1, 0].set_xlim(0, until)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def _draw_slots(axis, lanes, until: float, width: float) -> None:
    for lane, turns in enumerate(lanes):
        for pid, start, end, _ in turns:
            colour = owner_colour(pid)
            axis.barh(lane, end - start, left=start, height=0.78, color=colour, edgecolor="white", zorder=3)
            if start < until and (end - start) / until * width > 0.1 + 0.09 * len(str(pid)):
                axis.text((start + end) / 2, lane, str(pid), ha="center", va="center", fontsize=7.5,
                          color=ink_on(colour), zorder=4, clip_on=True)  # fmt: skip
    axis.set_yticks(range(len(lanes)), range(len(lanes)))
    axis.set_ylim(len(lanes) - 0.45, -0.55)
    axis.set_ylabel("slot")


def holders_of(step: Mapping) -> dict[int, list[int]]:
    """Which processes hold each block in a recorded step: `{block: [pid, ...]}`."""
    holders: dict[int, list[int]] = {}
    for pid, space in step["tables"].items():
        for block in space["table"]:
            if block >= 0:
                holders.setdefault(block, []).append(int(pid))
    return holders


def blocks_figure(trace: Mapping, *, title: str | None = None, width: float = 9.0) -> Figure:
    """Who holds each block after each step: colours are processes, hatching means more than one holder.

    Args:
        trace: recorded with `trace="memory"`.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: a trace without block tables.
    """
    steps, blocks = trace["steps"], trace["meta"]["num_blocks"]
    if not steps or "tables" not in steps[0]:
        raise ValueError('the trace has no block tables: make the kernel with trace="memory"')
    seen = sorted({pid for step in steps for held in holders_of(step).values() for pid in held})
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axis = plt.subplots(figsize=(width, min(0.17 * blocks, 4.2) + 1.1))
        for x, step in enumerate(steps):
            for block, pids in holders_of(step).items():
                shared = len(pids) > 1
                axis.add_patch(
                    Rectangle((x, block), 1, 1, facecolor=owner_colour(min(pids)), linewidth=0.4,
                              edgecolor="white", hatch="////" if shared else None)
                )  # fmt: skip
        axis.set(xlim=(0, len(steps)), ylim=(blocks, 0), xlabel="step", ylabel="block", facecolor=_FREE)
        handles = [Patch(facecolor=owner_colour(pid), label=f"process {pid}") for pid in seen[:12]]
        handles += [Patch(facecolor="#CCCCCC", edgecolor="white", hatch="////", label="shared"),
                    Patch(facecolor=_FREE, edgecolor=_EDGE, label="free")]  # fmt: skip
        figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=8.5)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure


def bugs_figure(bugs: Sequence[KeptBug], *, title: str | None = None, width: float = 8.0) -> Figure:
    """How many bugs of each file are caught first by each invariant.

    Args:
        bugs: as from `kept_bugs()`; those that change nothing stand in a column of their own.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    files = sorted({bug.module for bug in bugs}, key=lambda name: -sum(bug.module == name for bug in bugs))
    columns = [*INVARIANTS, 0]
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axis = plt.subplots(figsize=(width, 0.34 * len(files) + 1.1))
        counts = [
            [sum(bug.module == file and bug.caught_by == column for bug in bugs) for column in columns]
            for file in files
        ]
        largest = max(map(max, counts))
        axis.imshow(counts, cmap="Blues", vmin=0, vmax=1.4 * largest, aspect="auto")
        for y, line in enumerate(counts):
            for x, count in enumerate(line):
                axis.text(
                    x, y, count or "", ha="center", va="center", color="white" if count > 9 else "black"
                )
        axis.set_xticks(range(len(columns)), [*INVARIANTS, "no harm"])
        axis.set_yticks(range(len(files)), [f"{file}.py" for file in files])
        axis.tick_params(length=0)
        axis.xaxis.tick_top()
        axis.xaxis.set_label_position("top")
        axis.set(xlabel="invariant that catches first")
        axis.spines[:].set_visible(False)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return figure

"""Schedules, page frames and memory as still pictures, and drawings of a machine (chapter 2.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.kernel.allocator import Piece
from llmasos_edu.kernel.paging import PageTable, PagingRun
from llmasos_edu.kernel.processor import Schedule
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.drawing import Drawing, ink_on
from llmasos_edu.plots.speaking import capital, spoken
from llmasos_edu.plots.style import STYLE, headline

_COLOURS = [OKABE_ITO[name] for name in ("blue", "orange", "green", "purple", "sky", "yellow", "vermilion")]
_FREE = "#F1F3F5"
_FAULT = OKABE_ITO["vermilion"]


def schedule_figure(
    schedules: Mapping[str, Schedule],
    *,
    title: str | None = None,
    width: float = 9.0,
    until: int | None = None,
) -> Figure:
    """Who ran when, one panel a schedule, one line a name (a Gantt chart).

    A bar is a turn, a thin grey line the time from a job's arrival to its end. A triangle marks a deadline, a
    cross one that was missed. Hatched: the processor changes over.

    Args:
        schedules: of one workload, by the title of their panels.
        title: the finding that the picture shows.
        width: of the figure, inches.
        until: where the time axis ends; at the last end unless given.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError: no schedule, or schedules of jobs with different names.
    """
    names = [list(dict.fromkeys(job.name for job in each.jobs)) for each in schedules.values()]
    if not names or any(each != names[0] for each in names):
        raise ValueError(f"schedules must be of one workload, their jobs are called {names}")
    lines = {name: number for number, name in enumerate(names[0])}
    height = len(schedules) * (0.24 * len(lines) + 0.42) + 0.5 + 0.3 * bool(title)
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axes = plt.subplots(len(schedules), 1, figsize=(width, height), sharex=True, squeeze=False)
        for axis, (name, schedule) in zip(axes[:, 0], schedules.items(), strict=True):
            _draw_schedule(axis, schedule, lines)
            axis.set_title(name, fontweight="normal", fontsize=10)
            axis.set_yticks(range(len(lines)), list(lines))
            axis.set_ylim(len(lines) - 0.45, -0.55)
        axes[-1, 0].set_xlabel("time, units")
        axes[-1, 0].set_xlim(0, until or max(schedule.end for schedule in schedules.values()))
        if title:
            headline(figure, title)
        _schedule_legend(figure, schedules.values())
    words = [_schedule_in_words(name, each, lines) for name, each in schedules.items()]
    return say(figure, " ".join([f"“{title}”."] * bool(title) + words))


def _schedule_in_words(title: str, schedule: Schedule, lines: Mapping[str, int]) -> str:
    """One panel: of each line its turns, when its last job ends, and the deadlines that it misses."""
    said = []
    for name in lines:
        jobs = [job for job in schedule.jobs if job.name == name]
        turns = [turn for turn in schedule.turns if turn.job is not None and turn.job.name == name]
        last = spoken(max(job.finished for job in jobs))
        words = f"{name} {len(turns)} turn{'s' * (len(turns) != 1)}, the last ends at {last}"
        due = [job for job in jobs if job.deadline < math.inf]
        if due:
            words += f", {sum(job.missed for job in due)} of {len(due)} deadlines missed"
        said.append(words)
    return capital(f"{title}: {'; '.join(said)}.")


def _draw_schedule(axis, schedule: Schedule, lines: Mapping[str, int]) -> None:
    for job in schedule.jobs:
        y = lines[job.name]
        axis.plot([job.arrival, job.finished], [y, y], color="#8A9099", linewidth=1, zorder=1)
        if job.deadline < math.inf:
            marker, colour = ("X", _FAULT) if job.missed else ("v", "black")
            axis.plot(job.deadline, y - 0.42, marker=marker, color=colour, markersize=6, zorder=4)
    for turn in schedule.turns:
        if turn.job is None:
            axis.axvspan(
                turn.start, turn.end, facecolor="none", edgecolor="#8A9099", hatch="////", linewidth=0
            )
            continue
        y = lines[turn.job.name]
        axis.barh(
            y, turn.end - turn.start, left=turn.start, height=0.62, color=_COLOURS[y % len(_COLOURS)],
            edgecolor="white", linewidth=0.5, zorder=3,
        )  # fmt: skip


def _schedule_legend(figure: Figure, schedules: Sequence[Schedule]) -> None:
    schedules = list(schedules)
    handles = [Line2D([], [], color="#8A9099", linewidth=1, label="there, not running")]
    jobs = [job for schedule in schedules for job in schedule.jobs if job.deadline < math.inf]
    if jobs:
        handles.append(Line2D([], [], marker="v", color="black", linestyle="", label="deadline, met"))
    if any(job.missed for job in jobs):
        handles.append(Line2D([], [], marker="X", color=_FAULT, linestyle="", label="deadline, missed"))
    if any(turn.job is None for schedule in schedules for turn in schedule.turns):
        handles.append(Patch(facecolor="white", edgecolor="#8A9099", hatch="////", label="changing over"))
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), fontsize=8.5)


def frames_figure(runs: Mapping[str, PagingRun], *, title: str | None = None, width: float = 9.0) -> Figure:
    """What each frame held after each reference, one panel a run; a coloured cell is a page that came in.

    Args:
        runs: of one sequence of references, by the title of their panels.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    rows = [len(run.steps[0].frames) for run in runs.values()]
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(
            len(runs), 1, squeeze=False, height_ratios=[n + 1 for n in rows],
            figsize=(width, sum(0.3 * n + 0.62 for n in rows) + 0.3 * bool(title)),
        )  # fmt: skip
        for axis, (name, run) in zip(axes[:, 0], runs.items(), strict=True):
            for x, step in enumerate(run.steps):
                for y, page in enumerate(step.frames):
                    came = step.fault and page == step.page
                    colour = _FAULT if came else "white" if page is not None else _FREE
                    axis.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="#8A9099"))
                    label = "" if page is None else str(page)
                    axis.text(x + 0.5, y + 0.5, label, ha="center", va="center", color=ink_on(colour))
            axis.set(xlim=(0, len(run.steps)), ylim=(rows[0] if len(rows) == 1 else len(step.frames), 0))
            axis.set_xticks([x + 0.5 for x in range(len(run.steps))], [step.page for step in run.steps])
            axis.set_yticks([y + 0.5 for y in range(len(step.frames))], range(len(step.frames)))
            axis.xaxis.tick_top()
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
            axis.set_ylabel("frame")
            axis.set_title(f"{name}: {run.faults} faults", fontweight="normal", fontsize=10)
        if title:
            headline(figure, title)
    words = [_frames_in_words(name, run) for name, run in runs.items()]
    return say(figure, " ".join([f"“{title}”."] * bool(title) + words))


def _frames_in_words(name: str, run: PagingRun) -> str:
    """One panel: reference by reference what the frames hold, and where a page had to come in."""
    steps = []
    for step in run.steps:
        held = " ".join("empty" if page is None else str(page) for page in step.frames)
        steps.append(f"{step.page}{', a fault,' if step.fault else ''} gives {held}")
    return capital(f"{name}: {run.faults} faults. Reference {'; '.join(steps)}.")


def memory_figure(
    memories: Mapping[str, Sequence[Piece]],
    *,
    title: str | None = None,
    width: float = 9.0,
    unit: str = "units",
) -> Figure:
    """Memory from its start to its end, one strip a memory; pieces in use are filled, holes are hatched.

    Args:
        memories: pieces from start to end, by the name of the memory.
        title: the finding that the picture shows.
        width: of the figure, inches.
        unit: in which memory is counted.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure, axis = plt.subplots(figsize=(width, 0.5 * len(memories) + 0.95 + 0.3 * bool(title)))
        for y, pieces in enumerate(memories.values()):
            for start, size, used in pieces:
                colour, hatch = (OKABE_ITO["blue"], None) if used else (_FREE, "////")
                edge = "white" if used else "#8A9099"
                axis.barh(
                    y,
                    size,
                    left=start,
                    height=0.7,
                    facecolor=colour,
                    edgecolor=edge,
                    linewidth=0.5,
                    hatch=hatch,
                )
        axis.set(
            xlabel=f"address, {unit}", xlim=(0, max(p.start + p.size for p in next(iter(memories.values()))))
        )
        axis.set_yticks(range(len(memories)), list(memories))
        axis.set_ylim(len(memories) - 0.5, -0.5)
        handles = [Patch(facecolor=OKABE_ITO["blue"], label="in use"),
                   Patch(facecolor=_FREE, edgecolor="#8A9099", hatch="////", label="free")]  # fmt: skip
        figure.legend(handles=handles, loc="outside lower right", ncols=2)
        if title:
            headline(figure, title)
    words = [_memory_in_words(name, pieces, unit) for name, pieces in memories.items()]
    return say(figure, " ".join([f"“{title}”."] * bool(title) + words))


def _memory_in_words(name: str, pieces: Sequence[Piece], unit: str) -> str:
    """One strip: how much is in use, and the holes between."""
    holes = sorted((piece.size for piece in pieces if not piece.used), reverse=True)
    used = [piece.size for piece in pieces if piece.used]
    whole = sum(holes) + sum(used)
    words = f"{name}: {len(used)} pieces in use, {spoken(100 * sum(used) / whole, 1)} % of {whole:,} {unit}"
    if not holes:
        return capital(f"{words}, no hole.")
    return capital(f"{words}; {len(holes)} hole{'s' * (len(holes) > 1)}, the largest {holes[0]:,}.")


# Drawings ----------------------------------------------------------------------------


def machine_drawing() -> Figure:
    """Programs above, the kernel between, the machine below: who may talk to whom."""
    drawing = Drawing(8.6, 3.3)
    programs = [
        drawing.box(0.2 + 2.2 * n, 2.5, 1.9, 0.6, f"program {name}\nits own memory")
        for n, name in enumerate("ABC")
    ]
    kernel = drawing.box(0.2, 1.25, 6.3, 0.65, "the kernel: whose turn, whose memory, who may what",
                         colour=OKABE_ITO["sky"], bold=True)  # fmt: skip
    parts = ("processor", "memory", "disk, keyboard, net")
    machine = [drawing.box(0.2 + 2.2 * n, 0.1, 1.9, 0.5, part, colour=_FREE) for n, part in enumerate(parts)]
    for program in programs:
        x = program.x + program.width / 2
        drawing.arrow((x - 0.25, 2.5), (x - 0.25, kernel.top[1]))
        drawing.arrow((x + 0.25, kernel.top[1]), (x + 0.25, 2.5))
    for part in machine:
        drawing.arrow((part.top[0], kernel.y), part.top, both=True)
    drawing.text(6.7, 2.8, "may compute,\nmay ask, nothing else", align="left")
    drawing.text(6.7, 2.2, "down: a system call\nup: an answer, or an error", align="left", size=8.5)
    drawing.text(6.7, 1.57, "may do everything", align="left")
    drawing.text(6.7, 0.93, "commands down,\ninterrupts up", align="left", size=8.5)
    drawing.text(6.7, 0.35, "the machine", align="left")
    return drawing.figure


def translation_drawing(table: PageTable, address: int) -> Figure:
    """The way of one address through a page table, with its numbers."""
    page, offset = table.split(address)
    physical = table.translate(address)
    frame = physical // table.page_size
    drawing = Drawing(8.6, 3.0)
    height = 0.36
    tall = height * len(table.entries)
    virtual = drawing.box(0.15, 1.2, 1.5, 0.5, f"address {address}", bold=True)
    split = [drawing.box(2.25, 1.7, 1.25, 0.5, f"page {page}", colour=OKABE_ITO["sky"]),
             drawing.box(2.25, 0.35, 1.25, 0.5, f"offset {offset}", colour=OKABE_ITO["yellow"])]  # fmt: skip
    rows = []
    for number, entry in enumerate(table.entries):
        text = f"page {number}:  " + ("no frame" if entry is None else f"frame {entry.frame}")
        y = 1.3 + tall / 2 - height * (number + 0.5)
        rows.append(
            drawing.box(4.1, y, 1.6, height, text, colour=OKABE_ITO["sky"] if number == page else "white")
        )
    drawing.text(4.9, rows[0].y + height + 0.2, "page table", bold=True)
    result = drawing.box(
        6.75, 1.05, 1.7, 0.65, f"{frame} · {table.page_size} + {offset}\n= {physical}", bold=True
    )
    drawing.text(result.top[0], 1.9, "physical address")
    drawing.arrow(virtual.right, split[0].left, f"// {table.page_size}", shift=(-0.12, 0.22))
    drawing.arrow(virtual.right, split[1].left, f"% {table.page_size}", shift=(-0.12, -0.2))
    drawing.arrow(split[0].right, rows[page].left)
    drawing.arrow(rows[page].right, result.left, f"frame {frame}", shift=(0, 0.2))
    drawing.arrow(split[1].right, result.bottom, f"offset {offset}, unchanged", bend=0.18, shift=(0.0, -0.6))
    return drawing.figure


def states_drawing() -> Figure:
    """The life of a process: three states, and what leads from one to another."""
    drawing = Drawing(8.6, 2.4)
    new = drawing.box(0.1, 1.45, 1.0, 0.5, "new", dashed=True)
    ready = drawing.box(2.1, 1.45, 1.3, 0.5, "ready", colour=OKABE_ITO["yellow"], bold=True)
    running = drawing.box(5.2, 1.45, 1.3, 0.5, "running", colour=OKABE_ITO["sky"], bold=True)
    ended = drawing.box(7.5, 1.45, 1.0, 0.5, "ended", dashed=True)
    blocked = drawing.box(3.65, 0.15, 1.3, 0.5, "blocked", colour=_FREE, bold=True)
    drawing.arrow(new.right, ready.left, "arrives", shift=(0, 0.14))
    drawing.arrow((3.4, 1.8), (5.2, 1.8), "chosen by the policy", shift=(0, 0.15))
    drawing.arrow((5.2, 1.58), (3.4, 1.58), "its time is up", shift=(0, -0.15))
    drawing.arrow(running.right, ended.left, "is done", shift=(0, 0.14))
    drawing.arrow(running.bottom, blocked.right, "asks a device", bend=-0.2, shift=(0.75, -0.05))
    drawing.arrow(blocked.left, ready.bottom, "the answer is there", bend=-0.2, shift=(-0.95, -0.05))
    return drawing.figure

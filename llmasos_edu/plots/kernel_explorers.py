"""The kernel's three explorers as still pictures, for print, GitHub and the site (chapter 2.3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from llmasos_edu.foundation.arguments import check_names, check_whole
from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.kernel.admission import FuturePeak, Optimistic, Watermark
from llmasos_edu.kernel.clock import Cost
from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import State
from llmasos_edu.kernel.scheduler import POLICIES, MultiLevelFeedbackQueue, PriorityWithAgeing, RoundRobin
from llmasos_edu.plots.describing import say
from llmasos_edu.plots.drawing import ink_on
from llmasos_edu.plots.speaking import capital, listed, spoken
from llmasos_edu.plots.style import STYLE, headline
from llmasos_edu.widgets.scheduler_playground.data import POLICIES as POLICY_NAMES
from llmasos_edu.widgets.scheduler_playground.explorer import SchedulerPlayground
from llmasos_edu.widgets.shared.trace import check_trace, lanes_of, policy_names

# As the explorers colour processes: their black is grey.
OWNERS = [*list(OKABE_ITO.values())[:7], "#5A6472"]
_FREE = "#FFFFFF"
_LINE = "#B6BCC4"


def owner_colour(pid: int) -> str:
    """The colour of a process, the same in every picture and explorer."""
    return OWNERS[pid % len(OWNERS)]


def memory_map_figure(
    trace: Mapping[str, Any],
    steps: Sequence[int] = (-1,),
    *,
    title: str | None = None,
    width: float = 7.5,
    columns: int = 24,
) -> Figure:
    """Every block of the memory after some of a kernel's steps: the memory map where widgets cannot run.

    A box is a block, its number the process that holds it. Stripes in two colours and a sign such as `2×`: it
    is shared. The level shows how full it is; hatched is free with known contents. Dashed: swapped out.

    Args:
        trace: `Kernel(..., trace="memory").trace.as_dict()`.
        steps: the steps after which the memory is shown, a panel each, counted from 0 or, if negative,
            from the end.
        title: the finding that the picture shows.
        width: of the figure, inches.
        columns: blocks in a line.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError, TypeError: no step, a step that is not there, or what the explorer would refuse.
    """
    trace = check_trace(trace, memory=True)
    count = len(trace["steps"])
    steps = [check_whole("step", step, -count, count - 1) % count for step in steps]
    if not steps:
        raise ValueError("steps is empty: name the steps after which the memory is shown")
    blocks = trace["meta"]["num_blocks"]
    columns = min(columns, max(blocks, 8))
    lines = [
        math.ceil(blocks / columns) + math.ceil(sum(trace["steps"][step]["swapped"].values()) / columns)
        for step in steps
    ]
    side = width / (columns + 1)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        height = side * sum(lines) + 0.4 * len(steps) + 0.45 + 0.3 * bool(title)
        figure, axes = plt.subplots(
            len(steps),
            1,
            figsize=(width, height),
            squeeze=False,
            height_ratios=[each + 0.2 for each in lines],
        )
        for axis, step, many in zip(axes[:, 0], steps, lines, strict=True):
            _draw_memory(axis, trace["meta"], trace["steps"][step], columns)
            axis.set(
                xlim=(-0.2, columns + 0.2), ylim=(many + 0.1, -0.1), aspect="equal", xticks=[], yticks=[]
            )
            axis.spines[:].set_visible(False)
            moment = trace["steps"][step]
            axis.set_title(
                f"after step {step + 1}, at time {moment['end']:g}", fontweight="normal", fontsize=10
            )
        if title:
            headline(figure, title)
        figure.legend(handles=_memory_signs(), loc="outside lower left", ncols=4, fontsize=8)
    words = [_memory_in_words(trace["meta"], step, trace["steps"][step]) for step in steps]
    return say(figure, " ".join([f"“{title}”."] * bool(title) + words))


def _memory_in_words(meta: Mapping, number: int, step: Mapping) -> str:
    """One moment of the memory: who holds how many blocks, what is shared, what is free."""
    holders: dict[int, list[str]] = {}
    for pid, held in step["tables"].items():
        for block in held["table"]:
            if block >= 0:
                holders.setdefault(block, []).append(str(pid))
    counts = {pid: sum(pid in held for held in holders.values()) for pid in map(str, step["tables"])}
    said = ", ".join(f"process {pid} {many}" for pid, many in counts.items() if many) or "nobody holds any"
    shared = [len(held) for held in holders.values() if len(held) > 1]
    free = meta["num_blocks"] - len(holders)
    known = len(set(step["cached"]) - holders.keys())
    words = f"After step {number + 1}: of {meta['num_blocks']} blocks {said}"
    if shared:
        words += f"; {len(shared)} shared by {listed(str(many) for many in sorted(set(shared)))}"
    words += f"; {free} free, {known} of them with known contents"
    away = sum(step["swapped"].values())
    return f"{words}{f'; {away} swapped out' if away else ''}."


def _draw_memory(axis, meta: Mapping, step: Mapping, columns: int) -> None:
    size, owners, filled = meta["block_size"], {}, {}
    for pid, held in step["tables"].items():
        for at, block in enumerate(held["table"]):
            if block >= 0:
                owners.setdefault(block, []).append(int(pid))
                share = min(max(held["slots"] - at * size, 0), size) / size
                filled[block] = max(filled.get(block, 0.0), share)
    for block in range(meta["num_blocks"]):
        place = (block % columns, block // columns)
        known = block in step["cached"]
        _draw_block(axis, place, owners.get(block, []), filled.get(block, 0.0), known=known)
    away = [int(pid) for pid, many in step["swapped"].items() for _ in range(many)]
    first = math.ceil(meta["num_blocks"] / columns)
    for at, pid in enumerate(away):
        _draw_block(axis, (at % columns, first + at // columns), [pid], 0.0, away=True)


def _draw_block(
    axis, place: tuple[int, int], owners: list[int], filled: float, *, known: bool = False, away: bool = False
) -> None:
    x, y, side = place[0] + 0.05, place[1] + 0.05, 0.9
    wide = side / max(1, len(owners))
    for at, pid in enumerate(owners):
        colour = owner_colour(pid)
        axis.add_patch(Rectangle((x + at * wide, y), wide, side, facecolor=colour, alpha=0.3, linewidth=0))
        level = Rectangle((x + at * wide, y + side * (1 - filled)), wide, side * filled, facecolor=colour)
        axis.add_patch(level)
    hatch = {"hatch": "////", "edgecolor": _LINE} if known else {"edgecolor": "#1B1F24" if owners else _LINE}
    thick = 2.0 if len(owners) > 1 else 0.8
    line = "--" if away else "-"
    axis.add_patch(Rectangle((x, y), side, side, fill=False, linewidth=thick, linestyle=line, **hatch))
    if owners:
        words = f"{len(owners)}×" if len(owners) > 1 else str(owners[0])
        plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axis.text(x + side / 2, y + side / 2, words, ha="center", va="center", fontsize=7, bbox=plate)


def _memory_signs() -> list[Patch]:
    blue = owner_colour(0)
    return [
        Patch(facecolor=blue, edgecolor="#1B1F24", label="held; the number: by whom"),
        Patch(facecolor=blue, edgecolor="#1B1F24", linewidth=2, label="2×: shared by two"),
        Patch(facecolor=_FREE, edgecolor=_LINE, hatch="////", label="free, contents known"),
        Patch(facecolor=_FREE, edgecolor="#1B1F24", linestyle="--", label="swapped out"),
    ]


def slot_timeline_figure(
    trace: Mapping[str, Any],
    other: Mapping[str, Any] | None = None,
    *,
    names: Sequence[str] | None = None,
    title: str | None = None,
    width: float = 7.5,
) -> Figure:
    """Who stood in which slot of the batch when, a panel a trace: the slot timeline where widgets cannot run.

    A bar is a stay of a process, its number in it where there is room; hatched where it reads more than one
    token, a prompt or what an eviction took; a black edge: it came to its end. Crosses above a panel:
    somebody was evicted.

    Args:
        trace: `kernel.trace.as_dict()`.
        other: a second one, drawn below the first on the same time axis.
        names: titles of the panels; their policies unless given.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.

    Raises:
        ValueError, TypeError: what the explorer would refuse.
    """
    traces = [check_trace(trace)] + ([] if other is None else [check_trace(other, "other")])
    if names is None:
        names = policy_names(traces)
    else:
        names = check_names(names, "names", len(traces), len(traces))
    slots = [each["meta"]["slots"] for each in traces]
    until = max(each["steps"][-1]["end"] for each in traces)
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        height = 0.24 * sum(slots) + 0.5 * len(traces) + 0.65 + 0.3 * bool(title)
        figure, axes = plt.subplots(
            len(traces), 1, figsize=(width, height), sharex=True, squeeze=False, height_ratios=slots
        )
        for axis, each, name in zip(axes[:, 0], traces, names, strict=True):
            _draw_slots(axis, each, until)
            axis.set_title(name, fontweight="normal", fontsize=10)
            lines = range(each["meta"]["slots"])
            axis.set_yticks(lines, [f"slot {slot}" for slot in lines])
            axis.set_ylim(len(lines) - 0.45, -0.85)
        axes[-1, 0].set_xlabel("time on the kernel's clock")
        axes[-1, 0].set_xlim(0, until)
        if title:
            headline(figure, title)
        figure.legend(handles=_slot_signs(), loc="outside lower left", ncols=3, fontsize=8)
    words = [_slots_in_words(name, each) for name, each in zip(names, traces, strict=True)]
    return say(figure, " ".join([f"“{title}”."] * bool(title) + words))


def _slots_in_words(name: str, trace: Mapping) -> str:
    """One timeline: how full the slots are, in how many pieces the processes run, when they begin and end."""
    steps, slots = trace["steps"], trace["meta"]["slots"]
    stays = _stays(steps, lanes_of(steps, slots))
    busy = sum(steps[last]["end"] - steps[first]["time"] for *_, first, last in stays)
    pids = sorted({pid for _, pid, *_ in stays})
    end = steps[-1]["end"]
    ends = [step["end"] for step in steps for event in step["events"] if event[0] == "done"]
    begins = [min(steps[first]["time"] for _, pid, first, _ in stays if pid == each) for each in pids]
    evicted = sum(event[0] == "evict" for step in steps for event in step["events"])
    words = (
        f"{name}: {len(pids)} processes in {slots} slots, {len(stays)} bars; the last begins at "
        f"{spoken(max(begins))}, all have ended at {spoken(end)}"
    )
    if ends:
        words += f", half of them at {spoken(sorted(ends)[(len(ends) - 1) // 2])}"
    words += f"; slots filled {spoken(100 * busy / (slots * (end - steps[0]['time'])), 1)} % of the time"
    return capital(f"{words}{f'; {evicted} evictions' if evicted else ''}.")


def _draw_slots(axis, trace: Mapping, until: float) -> None:
    steps = trace["steps"]
    for slot, pid, first, last in _stays(steps, lanes_of(steps, trace["meta"]["slots"])):
        start, end = steps[first]["time"], steps[last]["end"]
        colour = owner_colour(pid)
        axis.add_patch(Rectangle((start, slot - 0.42), end - start, 0.84, facecolor=colour, linewidth=0))
        for step in steps[first : last + 1]:
            (row,) = (row for row in step["batch"] if row["pid"] == pid)
            if row["read"] - row["guesses"] > 1:
                _hatched(axis, (step["time"], slot - 0.42), step["end"] - step["time"], ink_on(colour))
        if ["done", pid] in [event[:2] for event in steps[last]["events"]]:
            axis.plot(
                [end, end], [slot - 0.42, slot + 0.42], color="#1B1F24", linewidth=2, solid_capstyle="butt"
            )
        if end - start < until * (0.005 + 0.009 * len(str(pid))):
            continue
        plate = {"facecolor": colour, "edgecolor": "none", "pad": 0.6}
        middle = (start + end) / 2
        axis.text(
            middle, slot, str(pid), ha="center", va="center", fontsize=7, color=ink_on(colour), bbox=plate
        )
    times = [step["time"] for step in steps if any(event[0] == "evict" for event in step["events"])]
    if times:  # a line without points, not clipped, would count as one in the figure's corner
        axis.plot(times, [-0.68] * len(times), "x", color=OKABE_ITO["vermilion"], markersize=4, clip_on=False)


def _hatched(axis, place: tuple[float, float], wide: float, ink: str) -> None:
    axis.add_patch(Rectangle(place, wide, 0.84, fill=False, edgecolor=ink, linewidth=0, hatch="//////"))


def _stays(
    steps: Sequence[Mapping], lanes: Sequence[Sequence[int | None]]
) -> list[tuple[int, int, int, int]]:
    """`(slot, pid, first step, last step)` of every stay without a pause."""
    stays: list[tuple[int, int, int, int]] = []
    open_at: dict[int, int] = {}  # slot: place of its stay in the list
    for at, lane in enumerate(lanes):
        gap = at > 0 and steps[at]["time"] != steps[at - 1]["end"]
        for slot, pid in enumerate(lane):
            before = stays[open_at[slot]] if slot in open_at else None
            if before is not None and before[1] == pid and before[3] == at - 1 and not gap:
                stays[open_at[slot]] = (*before[:3], at)
            elif pid is not None:
                open_at[slot] = len(stays)
                stays.append((slot, pid, at, at))
    return stays


def _slot_signs() -> list:
    blue = owner_colour(0)
    cross = Line2D([], [], marker="x", linestyle="none", color=OKABE_ITO["vermilion"], markersize=5)
    cross.set_label("somebody is evicted")
    return [
        Patch(facecolor=blue, edgecolor="#FFFFFF", hatch="//////", label="reads several tokens"),
        Line2D([], [], color="#1B1F24", linewidth=2, label="comes to its end"),
        cross,
    ]


def run_playground(playground: SchedulerPlayground, policy: str | None = None) -> Kernel:
    """The playground's workload in the kernel itself, run to its end: its trace has the playground's steps.

    Args:
        playground: as it stands now.
        policy: another one than the playground's.
    """
    quantum = playground.quantum
    made = {
        "round_robin": lambda: RoundRobin(quantum),
        "priority": lambda: PriorityWithAgeing(playground.ageing),
        "mlfq": lambda: MultiLevelFeedbackQueue(tuple(factor * quantum for factor in (1, 2, 4, 8))),
    }
    policy = playground.policy if policy is None else policy
    admission = {
        "optimistic": Optimistic,
        "watermark": Watermark,
        "future_peak": lambda: FuturePeak(playground.slots),
    }
    kernel = Kernel(
        IntegerDriver(), num_blocks=playground.num_blocks, block_size=playground.block_size,
        slots=playground.slots, policy=made.get(policy, POLICIES[policy])(),
        admission=admission[playground.admission](), evict=playground.evict, prefix_cache=False,
        cost=Cost(1.0, playground.token_cost, playground.copy_cost), chunk=playground.chunk or None,
    )  # fmt: skip
    for job in playground.workload():
        kernel.spawn([0] * job["prompt"], job["max_new"], arrival=job["arrival"], priority=job["priority"])
    kernel.run()
    return kernel


def playground_figure(
    playground: SchedulerPlayground, *, title: str | None = None, width: float = 7.5
) -> Figure:
    """Mean turnaround and mean response of the playground's workload under each policy, run by the kernel.

    Args:
        playground: as it stands now; its policy is left out of account.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    means = {"turnaround": [], "response": []}
    for policy in POLICY_NAMES:
        every = run_playground(playground, policy).processes.values()
        done = [each for each in every if each.state is State.DONE]
        means["turnaround"].append(sum(each.finished - each.arrival for each in done) / len(done))
        means["response"].append(sum(each.first_token - each.arrival for each in done) / len(done))
    with mpl.rc_context(STYLE | {"axes.grid.axis": "x"}):
        figure, axes = plt.subplots(figsize=(width, 3.1))
        for place, (measure, values) in enumerate(means.items()):
            at = [line + 0.38 * (place - 0.5) for line in range(len(values))]
            hatch = {"hatch": "///", "edgecolor": "white"} if place else {}
            bars = axes.barh(at, values, height=0.36, label=f"mean {measure}", **hatch)
            axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=3)
        axes.set_yticks(range(len(POLICY_NAMES)), list(POLICY_NAMES.values()))
        axes.invert_yaxis()
        axes.set_xlabel("time on the kernel's clock")
        axes.set_xlim(0, 1.12 * max(means["turnaround"] + means["response"]))
        figure.legend(loc="outside lower right", ncols=2)
        if title:
            axes.set_title(title)
    return figure

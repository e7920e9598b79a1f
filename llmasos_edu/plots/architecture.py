"""The kernel drawn: its files from their imports, its loop, a text in its blocks, its bugs (chapter 2.3)."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from llmasos_edu.foundation.colours import OKABE_ITO
from llmasos_edu.kernel import kernel
from llmasos_edu.kernel.kept_bugs import INVARIANTS, KeptBug
from llmasos_edu.plots.drawing import Drawing
from llmasos_edu.plots.kernel_explorers import owner_colour
from llmasos_edu.plots.style import STYLE, headline

FOLDER, PACKAGE = Path(kernel.__file__).parent, kernel.__package__
# Where a file stands from left to right, in inches, and what it is for; its floor comes from the imports.
FILES = {
    "steering": (4.4, "fork, steer,\nselect"),
    "kernel": (4.4, "the loop"),
    "scheduler": (0.65, "who is next"),
    "clock": (1.9, "what a step\ncosts"),
    "trace": (3.15, "what\nhappened"),
    "admission": (4.4, "who may\nbegin"),
    "syscalls": (5.65, "calls, rights,\nreceipts"),
    "batch": (6.9, "rank, room,\nrows"),
    "drivers": (7.45, "what a model\nmust do"),
    "process": (5.65, "one\nconversation"),
    "memory": (5.65, "blocks, tables,\nprefixes"),
    "speculation": (1.9, "cheap guesses"),
    "paged_layers": (7.0, "a layer, for\nall tokens"),
    "choosing": (8.3, "from scores\nto tokens"),
    "paged_tensors": (9.6, "keys and values\nin blocks"),
    "torch_driver": (8.3, "the book's\nmodels"),
    "transformers_driver": (9.6, "those of\ntransformers"),
}
_FLOOR, _WIDTH, _HEIGHT = 0.92, 1.16, 0.62


def imports() -> set[tuple[str, str]]:
    """Every pair (file, file that it imports from) of the kernel's drawn files, read from their code."""
    pairs = set()
    for name in FILES:
        for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
                pairs.add((name, node.module.rpartition(".")[2]))
    return pairs


def without_implied(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs that no longer way over other files stands for already."""

    def reaches(start, goal):
        return any(b == goal or reaches(b, goal) for a, b in pairs if a == start)

    return {(a, b) for a, b in pairs if not any(reaches(c, b) for x, c in pairs if x == a and c != b)}


def floors(pairs: set[tuple[str, str]]) -> dict[str, int]:
    """{file: floor}: 0 at the top; each stands below all that import it."""

    def floor(name):
        return 1 + max((floor(a) for a, b in pairs if b == name), default=-1)

    return {name: floor(name) for name in FILES}


def in_words() -> str:
    """The arrows of the drawing: for who cannot see it."""
    return ", ".join(f"{a} to {b}" for a, b in sorted(without_implied(imports())))


def files_drawing() -> Figure:
    """The kernel's files, an arrow from each to those that it imports; what others imply is left out."""
    pairs = imports()
    levels = floors(pairs)
    deepest = max(levels.values())
    drawing = Drawing(10.3, _FLOOR * deepest + _HEIGHT + 0.2)
    boxes = {}
    for name, (x, words) in FILES.items():
        real = name.endswith("_driver") or name in ("choosing", "paged_tensors", "paged_layers")
        loop = name in ("kernel", "batch")
        colour = OKABE_ITO["yellow"] if loop else "#E9F5E9" if real else "#EAF2F8"
        y = 0.1 + _FLOOR * (deepest - levels[name])
        boxes[name] = drawing.box(x - _WIDTH / 2, y, _WIDTH, _HEIGHT, colour=colour)
        small = 6.8 if len(name) > 14 else 9
        drawing.text(x, y + _HEIGHT - 0.14, name, bold=True, size=small)
        drawing.text(x, y + 0.22, words, size=7.6)
    for importer, imported in sorted(without_implied(pairs)):
        start, end = boxes[importer].bottom, boxes[imported].top
        drawing.arrow(start, (end[0] + 0.12 * (start[0] - end[0]), end[1]))
    return drawing.figure


def loop_drawing() -> Figure:
    """One pass of the loop, station by station, and what each asks."""
    drawing = Drawing(9.2, 2.35)
    stations = [
        ("arrive, wake", "answers of calls\njoin their texts"),
        ("admit", "who may begin?\n(admission)"),
        ("rank", "who is first?\n(policy)"),
        ("make room", "blocks, or evict\nwho ranks below"),
        ("forward", "one pass of the\nmodel (driver)"),
        ("clock", "what did the\nstep cost?"),
        ("commit", "publish blocks,\nappend tokens"),
    ]
    boxes = []
    for place, (name, words) in enumerate(stations):
        colour = OKABE_ITO["yellow"] if name == "forward" else "#EAF2F8"
        boxes.append(drawing.box(0.1 + 1.3 * place, 1.0, 1.1, 0.85, colour=colour))
        drawing.text(boxes[-1].top[0], 1.7, name, bold=True)
        drawing.text(boxes[-1].top[0], 1.32, words, size=7.6)
    for before, after in itertools.pairwise(boxes):
        drawing.arrow(before.right, after.left)
    last, first = boxes[-1].bottom, boxes[0].bottom
    ready = drawing.box(3.9, 0.1, 1.35, 0.42, "ready again")
    drawing.box(6.0, 0.1, 1.35, 0.42, "at a call")
    drawing.box(7.95, 0.1, 1.1, 0.42, "ended", dashed=True)
    drawing.arrow((last[0], 1.0), (8.5, 0.52))
    drawing.arrow((last[0] - 0.15, 1.0), (7.0, 0.52))
    drawing.arrow((last[0] - 0.3, 1.0), (5.1, 0.52))
    drawing.arrow(ready.left, (first[0] + 0.1, 1.0), bend=-0.12)
    drawing.arrow((6.0, 0.2), (5.25, 0.2), "answer", shift=(0.02, -0.1), size=7.6)
    return drawing.figure


def table_drawing(
    pieces: Sequence[str], table: Sequence[int], *, block_size: int, num_blocks: int, new: str, pid: int = 0
) -> Figure:
    """A text in its blocks: tokens above, the block table's arrows, the pool below, the new token's slot.

    Args:
        pieces: the tokens as texts, those that are computed.
        table: numbers of the blocks, one for each `block_size` tokens begun.
        block_size, num_blocks: of the pool.
        new: the token whose slot comes next.
        pid: whose, for the colour.
    """
    cell = 0.62
    width = max(cell * (len(pieces) + 1) + 0.35 * len(table), 0.8 * num_blocks) + 0.4
    drawing = Drawing(width, 2.35)
    tops = []
    for block, number in enumerate(table):
        own = pieces[block * block_size : (block + 1) * block_size]
        x0 = 0.2 + block * (block_size * cell + 0.3)
        for place in range(block_size):
            at = block * block_size + place
            text, colour = "", "white"
            if place < len(own):
                text, colour = own[place], "#EAF2F8"
            elif at == len(pieces):
                text, colour = new, OKABE_ITO["yellow"]
            drawing.box(x0 + place * cell, 1.65, cell, 0.4, text, colour=colour, size=8)
        tops.append((x0 + block_size * cell / 2, 1.65, number))
        drawing.text(x0 + block_size * cell / 2, 2.2, f"table[{block}] = {number}", size=8.5)
    pitch = (width - 0.4) / num_blocks
    for number in range(num_blocks):
        colour = owner_colour(pid) if number in table else "#F1F3F5"
        drawing.box(0.2 + number * pitch, 0.25, pitch - 0.06, 0.45, f"block {number}", colour=colour, size=8)
    for x, y, number in tops:
        drawing.arrow((x, y), (0.2 + number * pitch + pitch / 2, 0.7))
    drawing.text(0.2, 0.1, "the pool", size=8, align="left")
    return drawing.figure


def bugs_figure(bugs: Sequence[KeptBug], *, title: str | None = None, width: float = 8.0) -> Figure:
    """How many bugs of each file are caught first by each invariant.

    Args:
        bugs: as from `kept_bugs()`; those that change nothing stand in a column of their own.
        title: the finding that the picture shows.
        width: of the figure, inches.

    Returns:
        The figure; it is not shown. In a notebook end the cell with `plt.show()`.
    """
    modules = [bug.module for bug in bugs]
    files = sorted(set(modules), key=lambda name: (-modules.count(name), name))
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
            headline(figure, title)
    return figure

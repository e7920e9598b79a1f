"""The drawing of the house: rooms on their floors from the contract, arrows from the imports themselves.

An arrow that others imply is left out: where A imports B and C, and B imports C, A to C is not drawn.
"""

from __future__ import annotations

import ast
import itertools
import random
import textwrap
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "llmasos_edu"
BESIDE = ("exercises", "book")  # they stand apart from the floors: the contract keeps them from the rooms
TABLE_BEGINS, TABLE_ENDS = "<!-- rooms: made by make figures -->", "<!-- end of rooms -->"
INK, QUIET, PAPER, BOX = "#1B1F24", "#6B7280", "#FFFFFF", "#EAF2F8"
BOX_WIDTH, BOX_HEIGHT, FLOOR_HEIGHT = 4.0, 1.0, 1.5
COLUMNS, WIDTH = 4, 17.6


def floors() -> list[list[str]]:
    """Rooms by floor, the ground floor first, as pyproject.toml's layers contract has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = [contract for contract in contracts["contracts"] if contract["type"] == "layers"]
    return [floor.split(" | ") for floor in reversed(layers["layers"])]


def sentence(room: str) -> str:
    """What lives in a room: the first line of its docstring, without Markdown's quotes."""
    place = PACKAGE / room / "__init__.py"
    place = place if place.exists() else PACKAGE / f"{room}.py"
    return ast.get_docstring(ast.parse(place.read_text(encoding="utf-8"))).splitlines()[0].replace("`", "")


def imports() -> set[tuple[str, str]]:
    """Every pair (room, room that it imports from)."""
    import grimp

    graph = grimp.build_graph("llmasos_edu", cache_dir=None)
    pairs = set()
    for module in graph.modules:
        importer = module.split(".")
        for imported in graph.find_modules_directly_imported_by(module):
            target = imported.split(".")
            if len(importer) > 1 and len(target) > 1 and importer[1] != target[1]:
                pairs.add((importer[1], target[1]))
    return pairs


def without_implied(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs that no longer way over other rooms stands for already."""

    def reaches(start, goal, seen=()):
        nexts = {b for a, b in pairs if a == start and b not in seen}
        return goal in nexts or any(reaches(b, goal, (*seen, start)) for b in nexts)

    return {(a, b) for a, b in pairs if not any(reaches(c, b) for x, c in pairs if x == a and c != b)}


def line(spots, importer, imported):
    """An arrow's ends: the middle of a room's floor, and the other's roof a little to the arrow's side."""
    (x, y), (to_x, to_y) = spots[importer], spots[imported]
    return (x, y), (to_x + 0.12 * (x - to_x), to_y + BOX_HEIGHT)


def runs_through(start, end, corner):
    """Whether an arrow, which always points down, passes behind a room at `corner`: its middle, its floor."""
    (x, y), (to_x, to_y), (middle, low) = start, end, corner
    enter, leave = max(to_y, low), min(y, low + BOX_HEIGHT)
    if enter >= leave:
        return False
    across = [x + (to_x - x) * (y - height) / (y - to_y) - middle for height in (enter, leave)]
    return min(across) < BOX_WIDTH / 2 and max(across) > -BOX_WIDTH / 2


def disorder(spots, arrows) -> float:
    """What one does not want to see: arrows behind rooms, and then long ones."""
    lines = [(a, b, *line(spots, a, b)) for a, b in arrows]
    hidden = sum(
        runs_through(start, end, spots[room])
        for a, b, start, end in lines
        for room in spots
        if room not in (a, b)
    )
    return 100 * hidden + sum(abs(start[0] - end[0]) for _, _, start, end in lines)


def places(rows: list[list[str]], arrows: set[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """{room: (middle, floor)}: four places a floor, exchanged as long as that hides fewer arrows.

    The exchange ends in a good order, not in the best one, so it begins from six orders.
    """
    starts = (improved(rows, arrows, random.Random(seed)) for seed in range(6))
    return min(starts, key=lambda spots: disorder(spots, sorted(arrows)))


def improved(rows, arrows, rng):
    """A random order made better, two floors at a time, until no exchange helps."""
    choices = [list(itertools.permutations(range(COLUMNS), len(row))) for row in rows]
    chosen = [rng.choice(options) for options in choices]

    def spots():
        rooms = (
            (room, level, place)
            for level, row in enumerate(rows)
            for room, place in zip(row, chosen[level], strict=True)
        )
        return {room: ((place + 0.5) * WIDTH / COLUMNS, level * FLOOR_HEIGHT) for room, level, place in rooms}

    ordered, before = sorted(arrows), None
    while before != chosen:
        before = list(chosen)
        for one, two in itertools.combinations(range(len(rows)), 2):
            best = (disorder(spots(), ordered), chosen[one], chosen[two])
            for first, second in itertools.product(choices[one], choices[two]):
                chosen[one], chosen[two] = first, second
                best = min(best, (disorder(spots(), ordered), first, second))
            _, chosen[one], chosen[two] = best
    return spots()


def in_words(arrows: set[tuple[str, str]]) -> str:
    """The arrows as the picture's description: for who cannot see it, and for the test that it is today's."""
    return ", ".join(f"{importer} -> {imported}" for importer, imported in sorted(arrows))


def between_rooms() -> set[tuple[str, str]]:
    """The arrows of the picture: between rooms on floors, those that others imply left out."""
    return {pair for pair in without_implied(imports()) if not set(pair) & set(BESIDE)}


def draw(path: Path) -> Path:
    """Write the drawing as SVG: sharp at any size, and a diff that can be read."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    rows = floors()
    arrows = between_rooms()
    spots = places(rows, arrows)
    beside = {room: (WIDTH + 2.6, (2 + 3 * number) * FLOOR_HEIGHT) for number, room in enumerate(BESIDE)}
    look = {"svg.hashsalt": "llmasos", "font.family": "sans-serif"}
    with mpl.rc_context(look):
        figure, axes = plt.subplots(figsize=(14.5, 0.95 * len(rows)))
        for level, _ in enumerate(rows):
            axes.plot([0, WIDTH], [level * FLOOR_HEIGHT - 0.1] * 2, color="#D5DAE0", linewidth=1, zorder=0)
            axes.text(-0.35, level * FLOOR_HEIGHT + 0.37, str(level), color=QUIET, fontsize=15, va="center")
        for importer, imported in sorted(arrows):
            start, end = line(spots, importer, imported)
            arrow = {
                "arrowstyle": "-|>",
                "mutation_scale": 11,
                "color": "#6E7B8B",
                "linewidth": 1.2,
                "shrinkA": 0,
            }
            axes.add_patch(FancyArrowPatch(start, end, shrinkB=1, **arrow))
        for room, (x, y) in (spots | beside).items():
            corner, fill = (x - BOX_WIDTH / 2, y), "#FFF6E5" if room in BESIDE else BOX
            shape = {
                "boxstyle": "round,pad=0,rounding_size=0.08",
                "edgecolor": INK,
                "linewidth": 0.9,
                "zorder": 3,
            }
            axes.add_patch(FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, facecolor=fill, **shape))
            axes.text(
                x, y + 0.93, room, fontsize=12, weight="bold", color=INK, ha="center", va="top", zorder=4
            )
            said = textwrap.fill(sentence(room), 46)
            axes.text(x, y + 0.6, said, fontsize=6.7, color=INK, ha="center", va="top", zorder=4)
        axes.set_xlim(-0.6, WIDTH + 4.8)
        axes.set_ylim(-0.3, len(rows) * FLOOR_HEIGHT - 0.3)
        axes.axis("off")
        figure.tight_layout(pad=0.2)
        figure.savefig(
            path, metadata={"Date": None, "Creator": None, "Description": in_words(arrows)}, facecolor=PAPER
        )
        plt.close(figure)
    return path


def rooms_table() -> str:
    """CONTRIBUTING's table: each room with its floor, what lives there and what it imports from."""
    pairs, rows = imports(), floors()
    lines = ["| floor | room | what lives there | imports from |", "|---|---|---|---|"]
    levels = [(str(level), room) for level, row in enumerate(rows) for room in row]
    for level, room in [*reversed(levels), *(("beside", room) for room in BESIDE)]:
        used = ", ".join(f"`{b}`" for a, b in sorted(pairs) if a == room) or "nothing"
        lines.append(f"| {level} | `{room}` | {sentence(room)} | {used} |")
    return "\n".join(lines)

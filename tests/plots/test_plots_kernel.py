"""Pictures of a kernel show its trace; the drawing of its files shows their imports."""

import ast

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kept_bugs import kept_bugs
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import RoundRobin
from llmasos_edu.plots.architecture import (
    FILES,
    FOLDER,
    PACKAGE,
    files_drawing,
    floors,
    imports,
    in_words,
    loop_drawing,
    table_drawing,
    without_implied,
)
from llmasos_edu.plots.kernel import blocks_figure, bugs_figure, holders_of, slots_figure, slots_of

# The miniatures of chapter 2.2 and the list of bugs: what the kernel itself does not use.
APART = {"__init__", "allocator", "paging", "processor", "kept_bugs"}


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trace():
    kernel = Kernel(
        IntegerDriver(), num_blocks=12, block_size=4, slots=2, policy=RoundRobin(2), trace="memory"
    )
    parent = kernel.spawn(b"the glass", 6)
    kernel.spawn(b"why", 5)
    kernel.step()
    kernel.fork(parent, b"!")
    kernel.run()
    return kernel.trace.as_dict()


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


# -- traces ------------------------------------------------------------------------


def test_turns_are_the_steps_of_the_trace(trace):
    lanes = slots_of(trace)
    assert len(lanes) == 2
    for step in trace["steps"]:
        middle = (step["time"] + step["end"]) / 2
        running = {pid for turns in lanes for pid, start, end, _ in turns if start < middle < end}
        assert running == {row["pid"] for row in step["batch"]}
    read = sum(row["read"] for step in trace["steps"] for row in step["batch"])
    assert read == sum(turn[3] for turns in lanes for turn in turns)


def test_bars_stand_where_the_turns_are(trace):
    figure = slots_figure({"one": trace, "two": trace}, title="the finding")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["one", "two"]
    bars = [bar for container in figure.axes[0].containers for bar in container]
    found = sorted(
        (round(bar.get_y() + bar.get_height() / 2), bar.get_x(), bar.get_x() + bar.get_width())
        for bar in bars
    )
    assert found == sorted(
        (lane, start, end) for lane, turns in enumerate(slots_of(trace)) for _, start, end, _ in turns
    )
    assert figure.get_suptitle() == "the finding"


def test_blocks_are_hatched_where_two_hold_them(trace):
    figure = blocks_figure(trace)
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    hatched = {(patch.get_x(), patch.get_y()) for patch in patches if patch.get_hatch()}
    shared = {
        (x, block)
        for x, step in enumerate(trace["steps"])
        for block, pids in holders_of(step).items()
        if len(pids) > 1
    }
    assert hatched == shared
    assert shared
    assert len(patches) == sum(len(holders_of(step)) for step in trace["steps"])


def test_bugs_are_counted_by_file_and_invariant():
    bugs = kept_bugs()
    figure = bugs_figure(bugs, title="x")
    numbers = [int(text) for text in texts(figure) if text]
    assert sum(numbers) == len(bugs)
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "no harm"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: slots_figure({}), "no step to draw"),
        (lambda: slots_figure({"empty": {"steps": [], "meta": {"slots": 1}}}), "no step to draw"),
        (lambda: blocks_figure({"steps": [], "meta": {"num_blocks": 1}}), 'trace="memory"'),
    ],
)
def test_what_cannot_be_drawn_is_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# -- drawings ----------------------------------------------------------------------


def test_every_file_of_the_kernel_is_drawn_or_known_to_stand_apart():
    there = {path.stem for path in FOLDER.glob("*.py")}
    assert there == set(FILES) | APART


def test_arrows_are_the_imports_told_another_way():
    found = set()
    for name in FILES:
        for line in (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"from {PACKAGE}."):
                found.add((name, line.split()[1].removeprefix(f"{PACKAGE}.")))
    assert imports() == found


def test_implied_arrows_are_left_out_and_every_arrow_points_down():
    assert without_implied({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
    levels = floors(imports())
    assert all(levels[a] < levels[b] for a, b in imports())
    assert levels["memory"] == max(levels.values())


def test_the_drawing_names_every_file_and_its_words_every_arrow():
    named = texts(files_drawing())
    assert all(name in named for name in FILES)
    assert in_words().count(" to ") == len(without_implied(imports()))
    assert "kernel to batch" in in_words()


def test_the_loop_is_drawn_with_the_stations_of_the_code():
    named = texts(loop_drawing())
    source = (FOLDER / "kernel.py").read_text(encoding="utf-8")
    nodes = ast.walk(ast.parse(source))
    (loop,) = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "_pass"]
    body = ast.unparse(loop)
    stations = {"admit": "_admit", "make room": "compose", "forward": "forward"}
    stations |= {"clock": "now +=", "commit": "_commit"}
    for station, code in stations.items():
        assert station in named
        assert code in body
    places = [body.index(code) for code in stations.values()]
    assert places == sorted(places)


def test_a_text_lies_in_the_blocks_of_its_table():
    figure = table_drawing(["a", "b", "c"], [5, 2], block_size=2, num_blocks=6, new="d")
    named = texts(figure)
    assert "table[0] = 5" in named
    assert "table[1] = 2" in named
    assert named.index("c") < named.index("d")

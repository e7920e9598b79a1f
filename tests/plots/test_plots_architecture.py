"""The drawing of the kernel's files shows their imports, that of its loop its code, the table its bugs."""

import ast

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import pytest

from llmasos_edu.kernel.kept_bugs import kept_bugs
from llmasos_edu.plots.architecture import (
    FILES,
    FOLDER,
    PACKAGE,
    bugs_figure,
    files_drawing,
    floors,
    imports,
    in_words,
    loop_drawing,
    table_drawing,
    without_implied,
)

# The miniatures of chapter 2.2 and the list of bugs: what the kernel itself does not use.
APART = {"__init__", "adapter_driver", "allocator", "paging", "processor", "kept_bugs"}


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_bugs_are_counted_by_file_and_invariant():
    bugs = kept_bugs()
    figure = bugs_figure(bugs, title="x")
    numbers = [int(text) for text in texts(figure) if text]
    assert sum(numbers) == len(bugs)
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "no harm"


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

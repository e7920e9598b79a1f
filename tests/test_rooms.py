"""The rooms of the house: who may import whom is a contract in pyproject.toml; here is what it cannot say."""

import ast
import html
import importlib
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "llmasos_edu"
TESTS = ROOT / "tests"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
BESIDE = {"book", "exercises"}


def python_files(folder):
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def private_imports(source):
    """The names beginning with `_` that a module takes from another one of the book."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("llmasos_edu")):
            found += [
                alias.name
                for alias in node.names
                if alias.name.startswith("_") and not alias.name.endswith("__")
            ]
    return found


def test_a_private_import_is_seen():
    assert private_imports("from llmasos_edu.layers.moe import MoE, _hidden") == ["_hidden"]
    assert private_imports("from . import _hidden") == ["_hidden"]
    assert private_imports("from __future__ import annotations\nfrom os import _exit") == []


def test_no_module_takes_a_private_name_from_another():
    files = [path for folder in (PACKAGE, ROOT / "tests", ROOT / "evidence") for path in python_files(folder)]
    taken = {str(path.relative_to(ROOT)): private_imports(path.read_text()) for path in files}
    assert {path: names for path, names in taken.items() if names} == {}


def rooms():
    return {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}


def test_every_room_has_its_floor():
    (floors,) = [contract for contract in CONTRACTS if contract["type"] == "layers"]
    on_floors = {room for floor in floors["layers"] for room in floor.split(" | ")}
    assert on_floors - {"__main__"} == rooms() - BESIDE
    assert floors["exhaustive"]


def test_what_stands_beside_the_house_is_kept_apart_from_every_room():
    forbidden = [contract for contract in CONTRACTS if contract["type"] == "forbidden"]
    inside = {f"llmasos_edu.{room}" for room in rooms() - BESIDE}
    for_exercises, for_checker, for_house = forbidden
    assert set(for_exercises["forbidden_modules"]) == inside - {"llmasos_edu.foundation"} | {
        "llmasos_edu.book"
    }
    chapters = {path.name for path in (PACKAGE / "exercises").iterdir() if (path / "__init__.py").exists()}
    assert {name.rpartition(".")[2] for name in for_checker["forbidden_modules"]} == chapters - {"checker"}
    assert set(for_house["source_modules"]) == inside


def test_every_explorer_is_told_to_know_no_other():
    (apart,) = [contract for contract in CONTRACTS if contract["type"] == "independence"]
    explorers = {path.parent.name for path in (PACKAGE / "widgets").glob("*/explorer.js")}
    assert {name.rpartition(".")[2] for name in apart["modules"]} == explorers


@pytest.mark.parametrize("room", sorted(rooms()))
def test_a_room_says_in_one_sentence_what_lives_there(room):
    sentence = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
    assert sentence
    assert sentence.splitlines()[0].endswith((".", ":", "`."))


def test_tests_stand_in_the_room_of_what_they_test():
    folders = {
        path.name for path in TESTS.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))
    }
    assert folders - rooms() == {"browser", "notebooks"}


def test_no_module_is_longer_than_400_lines():
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


@pytest.fixture
def house(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "figures")
    return importlib.import_module("house")


def test_contributing_s_table_of_rooms_is_today_s(house):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition(house.TABLE_BEGINS)[2].partition(house.TABLE_ENDS)[0]
    assert table.strip() == house.rooms_table(), "run `make figures`"


def test_the_drawing_of_the_house_is_today_s(house):
    drawn = (ROOT / "figures" / "house.svg").read_text()
    assert html.escape(house.in_words(house.between_rooms()), quote=False) in drawn, "run `make figures`"


def test_an_arrow_that_others_imply_is_left_out(house):
    pairs = {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}
    assert house.without_implied(pairs) == {("a", "b"), ("b", "c"), ("a", "d")}


def test_an_arrow_behind_a_room_is_noticed(house):
    assert house.runs_through((0, 3), (0, 0), (0, 1))
    assert not house.runs_through((0, 3), (0, 0), (house.BOX_WIDTH, 1))


def test_no_script_of_an_explorer_is_longer_than_400_lines():
    scripts = sorted((PACKAGE / "widgets").rglob("*.js"))
    long = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in scripts}
    assert len(long) > 20
    assert {path: lines for path, lines in long.items() if lines > 400} == {}


def test_no_two_test_files_have_one_name():
    """pytest imports them by their names alone: of two the second is refused, and none of its tests run."""
    counts = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in counts.items() if count > 1] == []

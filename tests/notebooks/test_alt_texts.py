"""Alt texts that are made from what is drawn: of drawings by the drawing, of sweeps by their figures."""

import re

import matplotlib.pyplot as plt
import nbformat
import pytest

from llmasos_edu.book import notebook_paths
from llmasos_edu.book.evidence import decision
from llmasos_edu.plots import diagrams

DIAGRAM = re.compile(r"\bdiagrams\.(\w+)\(\)")
DRAWS_SWEEPS = re.compile(r"\bsweep_figure\(|\bdraw_sweep\(\"")
STATEMENT = re.compile(r'"(\d[\d.]*-[a-z-]+)"')


def made_alt_texts():
    """(notebook and cell, alt text that stands there, alt text that its picture makes)."""
    for path in notebook_paths():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            there = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            name = f"{path.stem} {cell.id}"
            if found := DIAGRAM.findall(cell.source):
                yield name, there, " ".join(diagrams.ALL[each]().describe() for each in found)
            elif DRAWS_SWEEPS.search(cell.source):
                yield (
                    name,
                    there,
                    " ".join(decision(key).alt_text for key in dict.fromkeys(STATEMENT.findall(cell.source))),
                )
    plt.close("all")


def test_alt_texts_say_what_is_drawn():
    checked = list(made_alt_texts())
    assert checked, "no chapter shows a drawing or a sweep"
    wrong = [f"{name}: write {made!r}" for name, there, made in checked if there != made]
    if wrong:
        pytest.fail("\n".join(wrong))


def test_alt_texts_of_sweeps_name_nothing_as_the_code_does():
    texts = {name: there for name, there, _ in made_alt_texts() if "each with its interval" in there}
    assert texts, "no chapter shows a sweep"
    for name, text in texts.items():
        code = re.findall(r"\w+_\w+|\w=\S+|\bNone\b|\bTrue\b|\bFalse\b|\bin of\b", text)
        assert not code, f"{name} says {code}"
        assert re.search(r": (?:holds|does not hold|not shown)", text), f"{name} names no verdict"


def test_a_sweep_has_its_verdict_and_condition_as_title():
    cells = {
        f"{path.stem} {cell.id}": cell.source
        for path in notebook_paths()
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code" and re.search(r"\bsweep_figure\(", cell.source)
    }
    assert cells
    for name, source in cells.items():
        assert re.search(r"\bswept\.title\b", source), f"{name}: write title=swept.title"

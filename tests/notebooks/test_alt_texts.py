"""Alt texts are made from what is drawn: of drawings by the drawing, of sweeps by their stored runs.

That every alt text is its lead and what the stored pictures say of themselves, is a rule of chapters
(`makes_alt_texts_of_what_is_drawn`). Here it is compared with what the code makes of the same today.
"""

import re
from functools import partial
from itertools import chain

import matplotlib.pyplot as plt
import nbformat
import pytest

from llmasos_edu.book import notebook_paths
from llmasos_edu.book.alt_texts import alt_of_each, descriptions, image_of, write_alt_text
from llmasos_edu.book.evidence import decision
from llmasos_edu.book.page import describe_pictures
from llmasos_edu.plots import diagrams

DIAGRAM = re.compile(r"\bdiagrams\.(\w+)\(\)")
DRAWS_SWEEPS = re.compile(r"\bsweep_figure\(|\bdraw_sweep\(\"")
STATEMENT = re.compile(r'"(\d[\d.]*-[a-z-]+)"')
DECIDES = re.compile(r'\bdecision\("(\d[\d.]*-[a-z-]+)"\)')


def picture_cells():
    """(notebook and cell, the cell) for each that stores a picture."""
    for path in notebook_paths():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and descriptions(cell):
                yield path.stem, cell


def made_alt_texts():
    """(notebook and cell, what its pictures say, how what the code makes of each begins)."""
    for stem, cell in picture_cells():
        if found := DIAGRAM.findall(cell.source):
            made = [diagrams.ALL[each]().describe() for each in found]
            plt.close("all")
        elif DRAWS_SWEEPS.search(cell.source):
            keys = list(dict.fromkeys(STATEMENT.findall(cell.source)))
            if len(keys) > len(descriptions(cell)):  # some are only judged
                keys = DECIDES.findall(cell.source)
            made = [decision(key).alt_text for key in keys]
            made.sort(key=partial(place_among, descriptions(cell)))  # a cell may draw in an order of its own
        else:
            continue
        yield f"{stem} {cell.id}", descriptions(cell), made


def place_among(told, begin):
    """The number of the picture whose words begin so, behind all where there is none."""
    return next((place for place, words in enumerate(told) if words.startswith(begin)), len(told))


def test_alt_texts_say_what_is_drawn():
    checked = list(made_alt_texts())
    assert checked, "no chapter shows a drawing or a sweep"
    wrong = [
        f"{name}: expected {made!r}"
        for name, told, made in checked
        if len(told) != len(made) or not all(map(str.startswith, told, made))
    ]
    if wrong:
        pytest.fail("\n".join(wrong))


def test_what_sweeps_say_beyond_their_runs_is_this_notebook_s_own():
    """A sweep's picture may have a star: what the cell has measured."""
    for name, told, made in made_alt_texts():
        for words, begin in zip(told, made, strict=True):
            rest = words.removeprefix(begin)
            assert re.fullmatch(r"( A star marks this notebook's run: -?[\d.,]+\.)?", rest), (name, rest)


def test_alt_texts_of_sweeps_name_nothing_as_the_code_does():
    texts = [
        (name, text)
        for name, text in chain.from_iterable(
            [(name, each) for each in told] for name, told, _ in made_alt_texts()
        )
        if "each with its interval" in text
    ]
    assert texts, "no chapter shows a sweep"
    for name, text in texts:
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


def test_nothing_that_pictures_say_is_long():
    """A listener cannot skim: what is longer is a sweep or a drawing, told setting by setting, box by box."""
    for stem, cell in picture_cells():
        for told in descriptions(cell):
            assert len(told) <= 1200 or "each with its interval" in told, (stem, cell.id, len(told))


def test_the_alt_text_of_a_page_is_that_of_each_picture():
    """Of several pictures of a cell each has its own; the lead stands before the first."""
    for _, cell in picture_cells():
        told = descriptions(cell)
        lead, made = image_of(cell).get("lead", ""), alt_of_each(cell)
        describe_pictures(cell)
        on_page = descriptions(cell)
        assert on_page == made
        assert all(map(str.endswith, on_page, told))
        assert on_page[0].startswith(lead.strip(". "))


def test_an_alt_text_is_made_anew_when_a_cell_is_stored():
    cell = next(cell for _, cell in picture_cells())
    before = image_of(cell)["alt"]
    cell.metadata["mystnb"]["image"]["alt"] = "typed by hand"
    write_alt_text(cell)
    assert image_of(cell)["alt"] == before


def test_no_picture_is_described_by_hand():
    assert [f"{stem} {cell.id}" for stem, cell in picture_cells() if not all(descriptions(cell))] == []

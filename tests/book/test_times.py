"""How long a chapter takes: what counts as words, lines and exercises, and where the minutes are written."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llmasos_edu.book import load_outline
from llmasos_edu.book.links import store_minutes
from llmasos_edu.book.outline import index_markdown
from llmasos_edu.book.times import outline_with, state_times, times_of, words_in

TIME = "**Time** 90 minutes to read, three hours for all exercises; a minute for the computer."


def times(*cells, stated=TIME):
    return times_of(new_notebook(cells=[new_markdown_cell(stated), *cells]))


@pytest.mark.parametrize(
    ("words", "lines", "minutes"), [(0, 0, 5), (1000, 0, 5), (2000, 0, 10), (0, 100, 10), (2000, 100, 20)]
)
def test_200_words_or_10_lines_a_minute(words, lines, minutes):
    code = new_code_cell("x = 1\n\n" * lines)
    assert times(new_markdown_cell("word " * words), code) == (minutes, 0)


def test_folded_code_is_not_read():
    folded = new_code_cell("plt.plot(x)\n" * 200, metadata={"jupyter": {"source_hidden": True}})
    assert times(folded) == (5, 0)


def test_tables_that_code_shows_are_read_but_not_the_index():
    table = new_output("display_data", data={"text/markdown": "word " * 4000})
    assert times(new_code_cell("claims", outputs=[table])) == (20, 0)
    assert times(new_code_cell("index()", outputs=[table])) == (5, 0)


def test_exercises_take_their_own_minutes_and_no_reading():
    cells = [
        new_markdown_cell("## Exercises\n\n**4.1-1 Scores** ★☆☆ · 5 minutes\n\n" + "word " * 4000),
        new_markdown_cell("**4.1-2 Softmax, by hand** ★★☆ · 15 minutes"),
        new_code_cell("x = 1\n" * 400),
        new_markdown_cell("## After\n\n" + "word " * 1990),
    ]
    assert times(*cells) == (10, 20)


def test_a_page_to_look_things_up_has_no_minutes():
    assert times(new_markdown_cell("word " * 9000), stated="# References") == (0, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one [two](three/four five) six", 3),
        ("$$a = b + c$$ one", 1),
        ("| a | b |\n|---|---|\n| c d | e |", 5),
        ("<details><summary>one two</summary>three</details>", 3),
    ],
)
def test_what_counts_as_a_word(text, words):
    assert words_in(text) == words


def test_the_minutes_are_written_where_they_stand():
    notebook = new_notebook(cells=[new_markdown_cell(TIME)])
    state_times(notebook, 60, 115)
    told = "**Time** 60 minutes to read, 115 minutes for all exercises; a minute for the computer."
    assert notebook.cells[0].source == told
    state_times(notebook, 60, 115)
    assert notebook.cells[0].source == told
    state_times(notebook, 60, 0)
    assert notebook.cells[0].source == "**Time** 60 minutes to read; a minute for the computer."


OUTLINE = """
[[part]]
number = ""
en = "P"
zh = "P"

[[part.chapter]]
file = "00_a"
number = ""
en = "A"
zh = "A"
status = "ready"
seconds = 1
minutes = 7
sections = []

[[part.chapter]]
file = "01_b"
number = "1"
en = "B"
zh = "B"
status = "ready"
seconds = 1
minutes = 7
exercises = 9
sections = []
"""


def test_the_outline_keeps_everything_else():
    assert outline_with(OUTLINE, "01_b", 7, 9) == OUTLINE
    assert outline_with(OUTLINE, "01_b", 20, 30) == OUTLINE.replace("7\nexercises = 9", "20\nexercises = 30")
    assert outline_with(OUTLINE, "00_a", 20, 0) == OUTLINE.replace("7\n", "20\n", 1)
    assert outline_with(OUTLINE, "01_b", 20, 0) == OUTLINE.replace("7\nexercises = 9", "20")
    with pytest.raises(ValueError, match="no minutes for 02_c"):
        outline_with(OUTLINE, "02_c", 1, 1)


def test_the_outline_is_written_once(tmp_path, monkeypatch):
    path, notebook = tmp_path / "outline.toml", tmp_path / "chapter.ipynb"
    path.write_text(OUTLINE, encoding="utf-8")
    cells = [new_markdown_cell(TIME), new_markdown_cell("**1-1 X** ★☆☆ · 5 minutes\n\n" + "word " * 3000)]
    nbformat.write(new_notebook(cells=cells), notebook)
    monkeypatch.setattr(type(load_outline()[0]), "path", lambda *_: notebook)
    assert store_minutes(path) == [path]
    assert store_minutes(path) == []
    assert [(chapter.minutes, chapter.exercises) for chapter in load_outline(path)] == [(15, 5), (15, 5)]
    rows = index_markdown(outline=load_outline(path)).splitlines()
    assert rows[-1] == "| 1 | [B](01_b.ipynb) |  | 15\u00a0min | 5\u00a0min | 1\u00a0s |"

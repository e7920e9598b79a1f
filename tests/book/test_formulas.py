"""Formulas as MathML: letters, alphabets, limits, accents, and TeX's spaces."""

import io
import re
from xml.etree import ElementTree

import nbformat
import pytest
from fontTools.ttLib import TTFont
from nbformat.v4 import new_markdown_cell, new_notebook

from llmasos_edu.book import notebook_paths
from llmasos_edu.book.formulas import font_css, font_with, mathml
from llmasos_edu.book.page import render_body

THIN, MEDIUM, THICK = "0.1667em", "0.2222em", "0.2778em"


def tree(tex, display="inline"):
    return ElementTree.fromstring(mathml(tex, display))


def spaces(tex, display="inline"):
    """(sign, space before, space after) of each operator, in the order of the text."""
    return [(sign.text, sign.get("lspace"), sign.get("rspace")) for sign in tree(tex, display).iter("mo")]


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"\sin a\sin b", [("sin", "0", THIN), ("sin", THIN, THIN)]),
        (r"\ln(x)", [("ln", "0", "0"), ("(", "0", "0"), (")", "0", "0")]),
        (r"a = -1", [("=", THICK, THICK), ("−", "0", "0")]),
        (r"a - 1", [("−", MEDIUM, MEDIUM)]),
        (r"(-1)", [("(", "0", "0"), ("−", "0", "0"), (")", "0", "0")]),
        (r"x_{<t}", [("<", "0", "0")]),
        (r"x_{t-1}", [("−", "0", "0")]),
        (r"p(\cdot \mid x)", [("(", "0", "0"), ("·", "0", THICK), ("∣", "0", THICK), (")", "0", "0")]),
        (r"S: [d]", [(":", THICK, THICK), ("[", "0", "0"), ("]", "0", "0")]),
        (r"a / b", [("/", "0", "0")]),
        (r"a, b", [(",", "0", THIN)]),
        (r"a \bmod b", [("mod", MEDIUM, MEDIUM)]),
        (r"|x|", [("|", "0", "0"), ("|", "0", "0")]),
        (r"\frac{a + b}{c}", [("+", "0", "0")]),
        (r"2^{-\infty}", [("−", "0", "0")]),
    ],
)
def test_neighbours_are_as_far_apart_as_tex_sets_them(tex, expected):
    assert spaces(tex) == expected


def test_a_displayed_fraction_keeps_the_spaces_that_a_small_one_loses():
    assert spaces(r"\frac{a + b}{c}", "block") == [("+", MEDIUM, MEDIUM)]


def test_a_fraction_stands_off_its_neighbours():
    row = tree(r"a \frac{b}{c} d", "block")[0]
    assert [part.tag for part in row] == ["mi", "mspace", "mfrac", "mspace", "mi"]


def test_what_the_converter_breaks_stays_readable():
    assert mathml(r"\texttt{<end>}\ x", "inline") == r'<code class="tex">\texttt{&lt;end&gt;}\ x</code>'


def test_bars_of_a_norm_do_not_grow_beside_an_index():
    bars = [sign for sign in tree(r"\lVert a \rVert^2 + \|b\|_2").iter("mo") if sign.text == "‖"]
    assert [bar.get("stretchy") for bar in bars] == ["false"] * 4


def test_brackets_grow_round_what_is_tall():
    for tex in (r"\left(\frac{a}{b}\right)", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"):
        brackets = [sign for sign in tree(tex, "block").iter("mo") if sign.text in "()"]
        assert len(brackets) == 2
        assert all(sign.get("stretchy") != "false" for sign in brackets)


@pytest.mark.parametrize(
    ("tex", "tag", "text"),
    [
        (r"\mathcal L", "mi", "ℒ"),
        (r"\mathcal{L}", "mi", "ℒ"),
        (r"\mathrm{E}[x]", "mi", "E"),
        (r"\text{alone} - \text{distilled}", "mi", "distilled"),
        (r"\mathrm{PPMI}(w)", "mi", "PPMI"),
        (r"a + \dots + b", "mi", "⋯"),
        (r"a, \dots, b", "mi", "…"),
        (r"-\infty", "mi", "∞"),
    ],
)
def test_letters_keep_their_alphabet(tex, tag, text):
    assert text in [part.text for part in tree(tex).iter(tag)]


def test_limits_go_below_and_accents_stay_close():
    assert tree(r"\max_j x", "block")[0][0].tag == "munder"
    assert tree(r"\bar z").find(".//mover").get("accent") == "true"
    assert [part.text for part in tree(r"q'_y").iter("mo")] == ["′"]


def test_a_heading_shows_its_formula():
    """The heading is parsed as XML for its anchor, which must not give its formula's tags a prefix."""
    body = render_body(new_notebook(cells=[new_markdown_cell(r"## Why divide by $\sqrt{d_k}$?", id="why")]))
    heading = re.search(r"<h2.*?</h2>", body, re.DOTALL)[0]
    assert "<msqrt>" in heading
    assert "ns0" not in heading


def test_a_table_has_no_empty_heading_and_scrolls_in_a_box():
    source = "| | chapter |\n|---|---|\n| 1 | one |"
    body = render_body(new_notebook(cells=[new_markdown_cell(source, id="table")]))
    assert body.count("<th>") == 1
    assert '<div class="wide"><table>' in body


def test_every_formula_of_the_book_is_read_and_its_font_has_every_character():
    formulas = set()
    for path in notebook_paths():
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
        body = render_body(new_notebook(cells=cells))
        assert '<code class="tex">' not in body, path.name
        formulas |= set(re.findall(r"<math .*?</math>", body, re.DOTALL))
    assert len(formulas) > 300
    characters = set("".join("".join(ElementTree.fromstring(one).itertext()) for one in formulas))
    font = TTFont(io.BytesIO(font_with(frozenset(characters), tall_roots=False)))
    assert "MATH" in font
    assert characters - {"\n"} <= set(map(chr, font.getBestCmap()))


def test_a_page_carries_a_font_only_for_formulas_and_the_same_each_time():
    assert font_css("<p>no formula</p>") == ""
    body = mathml("a + b", "inline")
    rule = font_css(body)
    font_with.cache_clear()
    assert rule == font_css(body)
    assert rule.startswith("@font-face { font-family: 'Book Math'; src: url(data:font/woff;base64,")

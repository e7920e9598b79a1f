"""Claims: the table of a chapter, and what the page of all claims reads out of the stored notebooks."""

import re
from dataclasses import replace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llmasos_edu.book import BOOK_ROOT, Claims, at_least, at_most, load_outline
from llmasos_edu.book.all_claims import (
    Claim,
    claims_markdown,
    collect_claims,
    count_kinds,
    read_claims,
    sweeps_of,
)
from llmasos_edu.book.article import Clause, clause
from llmasos_edu.book.bibliography import load_bibliography
from llmasos_edu.book.citations import cite, linked
from llmasos_edu.book.evidence.results import files, statements

VASWANI = load_bibliography()["vaswani2017"]
FAST = "并行计算效率高"
MARKED = f"attention is fast (article, 4.1.2: “{FAST}”)"


def some_claims():
    claims = Claims("4.1")
    claims.add("4.1.1", "the scale matters (ours)", "gradient below 0.1", holds=True, when="d | n is large")
    claims.add("4.1.2", "attention is fast", "ratio above 2", holds=True, article=FAST)
    claims.add("4.1.3", "more heads are better ([@vaswani2017])", "a U", holds=False)
    claims.add("4.1.3", "ours: few heads are better", "+0.01 ± 0.03", holds=None)
    return claims


class Stored:
    """A chapter of the outline whose notebook is a file of the test's own."""

    def __init__(self, folder, *tables):
        self.file, self.folder = "04_1_attention", folder
        self.number, self.en = "4.1", "Attention"
        cells = [
            new_code_cell(
                "claims",
                id=f"table-{index}",
                execution_count=1,
                outputs=[new_output("execute_result", {"text/markdown": table, "text/plain": "x"})],
            )
            for index, table in enumerate(tables)
        ]
        nbformat.write(new_notebook(cells=cells), folder / "chapter.ipynb")

    def path(self):
        return self.folder / "chapter.ipynb"


# -- a chapter's own table ---------------------------------------------------------


def test_the_verdict_names_its_condition():
    assert [row[3] for row in some_claims().rows] == [
        "holds when d | n is large",
        "holds",
        "does not hold",
        "not shown",
    ]


def test_a_claim_that_fails_has_no_condition():
    claims = Claims("4")
    claims.add("4.1", "ours: this", "that", holds=False, when="the moon is full")
    assert claims.rows[0][3] == "does not hold"


def test_running_a_cell_again_replaces_its_row():
    claims = some_claims()
    claims.add("4.1.2", "attention is fast", "ratio above 3", holds=False, article=FAST)
    assert [row[2] for row in claims.rows] == ["gradient below 0.1", "ratio above 3", "a U", "+0.01 ± 0.03"]
    claims.add("4.1.3", "attention is fast", "elsewhere", holds=True, article=FAST)
    assert len(claims.rows) == 5


def test_what_was_not_shown_has_no_condition():
    with pytest.raises(ValueError, match="not shown has no condition, when='d is large'"):
        Claims("4").add("4.1", "ours: this", "+0.01 ± 0.03", holds=None, when="d is large")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("3.1.1", "this", "that"), "section 3.1.1 does not belong to chapter 4.1"),
        (("4.1.1", "  ", "that"), "claim='  '"),
        (("4.1.1", "this", ""), "measured=''"),
        (("4.1.1", "this", "that"), "4.1.1, 'this': one says it, the article .* here it is nobody"),
        (("4.1.1", "ours: this ([@vaswani2017])", "that"), "here it is more than one"),
        (("4.1.1", "this ([@vaswani2017], [@press2022])", "that"), "here it is more than one"),
    ],
)
def test_what_is_no_claim_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        some_claims().add(*arguments, holds=True)


@pytest.mark.parametrize(
    ("claim", "article", "words"),
    [
        ("fast (ours)", FAST, "here it is more than one"),
        ("fast ([@vaswani2017])", FAST, "here it is more than one"),
        ("fast", "注意力很快", "has no clause '注意力很快': does the article say so"),
    ],
)
def test_what_the_article_does_not_say_is_refused(claim, article, words):
    with pytest.raises(ValueError, match=words):
        some_claims().add("4.1.2", claim, "that", holds=True, article=article)


def test_an_empty_table_says_what_to_do():
    empty = Claims("4.1")
    assert repr(empty) == empty._repr_markdown_() == "chapter 4.1: no claim tested yet, run the cells above"


def test_the_table_in_words_and_in_markdown():
    claims = some_claims()
    assert repr(claims).splitlines()[1] == f"4.1.2 | {MARKED} | ratio above 2 | holds"
    lines = claims._repr_markdown_().splitlines()
    assert lines[:2] == ["| section | claim | measured here | verdict |", "|---|---|---|---|"]
    assert lines[2].endswith("| **holds when d \\| n is large** |")
    assert lines[3] == f"| 4.1.2 | {MARKED} | ratio above 2 | **holds** |"
    assert cite(VASWANI) in lines[4]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.05, "not above 0.1"), (0.1, "not above 0.1"), (0.3, "above 0.1"), (7, "above 0.5")],
)
def test_at_least_names_the_highest_level_reached(value, words):
    assert at_least(value, 0.5, 0.1) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.05, "below 0.1"), (0.1, "below 0.5"), (0.5, "not below 0.5"), (7, "not below 0.5")],
)
def test_at_most_names_the_lowest_level_kept(value, words):
    assert at_most(value, 0.5, 0.1) == words


# -- the page of all claims --------------------------------------------------------


def test_what_a_chapter_stores_is_read_back(tmp_path):
    claims = some_claims()
    read = read_claims(Stored(tmp_path, claims._repr_markdown_()))
    rows = [tuple(map(linked, row)) for row in claims.rows]
    assert [(each.section, each.claim, each.measured, each.verdict) for each in read] == rows
    assert [each.kind for each in read] == ["holds when", "holds", "does not hold", "not shown"]
    assert [each.condition for each in read] == ["d | n is large", "", "", ""]
    assert count_kinds(read) == {"holds": 1, "holds when": 1, "does not hold": 1, "not shown": 1}
    assert list(count_kinds([])) == ["holds", "holds when", "does not hold", "not shown"]


def test_the_last_table_of_a_chapter_counts(tmp_path):
    early = Claims("4.1")
    early.add("4.1.1", "ours: the scale matters", "not measured yet", holds=False)
    assert len(read_claims(Stored(tmp_path, early._repr_markdown_(), some_claims()._repr_markdown_()))) == 4


def test_a_chapter_without_a_table_is_named(tmp_path):
    with pytest.raises(ValueError, match="04_1_attention stores no table of claims: run it with make book"):
        read_claims(Stored(tmp_path, "| another | table |"))


@pytest.mark.parametrize("row", ["| 4.1.1 | too | short |", "| 4.1.1 | this | that | **perhaps** |"])
def test_a_broken_row_is_shown(tmp_path, row):
    with pytest.raises(ValueError, match=r"no row of a table of claims: '\| 4\.1\.1"):
        read_claims(Stored(tmp_path, some_claims()._repr_markdown_() + "\n" + row))


def test_the_page_links_to_the_section_and_keeps_bars_in_texts(tmp_path):
    stored = Stored(tmp_path, some_claims()._repr_markdown_())
    notebook = nbformat.read(stored.path(), as_version=4)
    notebook.cells.insert(0, new_markdown_cell("# Attention", id="top"))
    notebook.cells.insert(1, new_markdown_cell("Words.\n\n### 4.1.3 Heads", id="heads"))
    nbformat.write(notebook, stored.path())
    lines = claims_markdown(read_claims(stored)).splitlines()
    assert lines[:3] == [
        "**Chapter 4.1: Attention**",
        "",
        "- **[4.1.1](04_1_attention.ipynb)** The scale matters: **holds when d | n is large**",
    ]
    assert lines[3:6] == [
        "    - *Source:* ours",
        "    - *Figure:* gradient below 0.1",
        "    - *Sweep:* none: the chapter's own figures decide",
    ]
    assert sum("(04_1_attention.ipynb#cell-id=heads)**" in line for line in lines) == 2
    said = lines.index(
        f"    - *Source:* the article, section 4.1.2: “{FAST}”, parallel computation is efficient"
    )
    assert lines[said - 1] == "- **[4.1.2](04_1_attention.ipynb)** Attention is fast: **holds**"
    with pytest.raises(ValueError, match="no claims to show"):
        claims_markdown([])


def test_no_claim_stands_there_twice(tmp_path):
    claims = read_claims(Stored(tmp_path, some_claims()._repr_markdown_()))
    with pytest.raises(ValueError, match=r"stand there twice.*attention is fast"):
        claims_markdown([*claims, claims[1]])


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        (
            MARKED,
            f"the article, section 4.1.2: “{FAST}”, parallel computation is efficient",
            "attention is fast",
        ),
        ("heads help (ours)", "ours", "heads help"),
        ("ours: heads help", "ours", "heads help"),
        (f"they help ({cite(VASWANI)}, section 5)", f"{cite(VASWANI)}, section 5", "they help"),
        (f"they help ({cite(VASWANI)})", cite(VASWANI), "they help"),
    ],
)
def test_the_source_of_a_claim(text, source, words):
    claim = Claim(None, "4.1.3", text, "1", "holds")
    assert (claim.source, claim.words) == (source, words)


def test_a_claim_of_nobody_is_no_claim():
    with pytest.raises(ValueError, match="nobody is said to claim 'heads help'"):
        Claim(None, "4.1.3", "heads help", "1", "holds").source  # noqa: B018


def test_every_statement_is_judged_in_a_chapter_and_every_sweep_is_on_the_page():
    claims = collect_claims()
    declared = [
        (statement.source.section, linked(statement.source.marked))
        for path in files()
        for statement in statements(path).values()
    ]
    found = sweeps_of(claims)
    assert len(found) == len(declared) == len(set(declared))
    swept = {(claim.section, claim.claim) for claim in claims if " seeds, against " in claim.measured}
    assert swept == found.keys()
    verdicts = {(claim.section, claim.claim): claim.verdict for claim in claims}
    assert {key: each.verdict for key, each in found.items()} == {key: verdicts[key] for key in found}


def test_the_page_shows_for_each_claim_its_source_figure_sweep_and_where_it_flips():
    claims = [claim for claim in collect_claims(["4"]) if claim.chapter.number == "4.1"]
    found = sweeps_of(claims)
    blocks = [block for block in claims_markdown(claims).split("\n- **")[1:] if block.strip()]
    assert len(blocks) == len(claims)
    for claim, block in zip(claims, blocks, strict=True):
        assert block.startswith(
            f"{claim.link}** {claim.words[0].upper()}{claim.words[1:]}: **{claim.verdict}**"
        )
        if each := found.get((claim.section, claim.claim)):
            assert f"*Figure:* {each.live()}" in block
            assert f"*Sweep:* {len(each.rows)} settings × {each.statement.experiment.seeds} seeds" in block
            assert each.statement.control in block
            flips = block.partition("*Not borne out:* ")[2]
            lines = {0: "in no setting", len(each.rows): "in all settings"}
            assert flips.startswith(lines.get(len(each.flips()), each.flips_in_words()))
            either = each.flips() and not each.refuted() and len(each.flips()) < len(each.rows)
            assert bool(either) == ("none is against it" in flips)


def test_a_claim_bears_the_mark_that_its_declaration_says():
    claims = {(claim.section, claim.claim): claim for claim in collect_claims()}
    for key, each in sweeps_of(claims.values()).items():
        source = each.statement.source
        assert (claims[key].source == "ours") == source.ours, key
        assert source.article in claims[key].source, key


def test_the_page_shows_what_the_article_says_in_its_own_words_and_in_english():
    """Each claim of the article's, swept or not, with the section in which it stands."""
    said = [claim for claim in collect_claims() if claim.source.startswith("the article")]
    assert said
    page = claims_markdown(said)
    for claim in said:
        found = re.fullmatch(r"the article, section ([\d.]+): “([^”]+)”, (.+)", claim.source)
        assert found, claim.source
        assert clause(found[2]) == Clause(*found.groups())
        assert f"    - *Source:* {claim.source}\n" in page


def test_every_claim_begins_in_a_section_of_its_chapter():
    assert [claim.section for claim in collect_claims() if not claim.cell] == []


def test_the_stored_page_has_each_claim_once():
    page = nbformat.read(BOOK_ROOT / "notebooks" / "en" / "99_claims.ipynb", as_version=4)
    shown = "".join(
        output.data["text/markdown"]
        for cell in page.cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    )
    heads = re.findall(r"^- \*\*\[(\S+)\]\([^)]*\)\*\* (.*)$", shown, re.MULTILINE)
    expected = [
        (claim.section, f"{claim.words[0].upper()}{claim.words[1:]}: **{claim.verdict}**")
        for claim in collect_claims()
    ]
    assert sorted(heads) == sorted(expected), "run and store 99_claims.ipynb"


def test_every_ready_chapter_of_the_parts_is_there_in_order():
    outline = load_outline()
    ready = [chapter for chapter in outline if chapter.status == "ready" and chapter.part.number]
    found = collect_claims()
    assert list(dict.fromkeys(each.chapter.file for each in found)) == [chapter.file for chapter in ready]
    assert all(each.section.startswith(each.chapter.number) for each in found)
    fifth = collect_claims(["5"])
    assert fifth
    assert {each.chapter.number for each in fifth} == {"5"}
    assert isinstance(fifth[0], Claim)


def test_chapters_that_are_planned_are_left_out_and_unknown_parts_refused():
    planned = [replace(chapter, status="planned") for chapter in load_outline()]
    assert collect_claims(outline=planned) == []
    with pytest.raises(ValueError, match="no part '9', only 1, 2, 3, 4, 5, 6"):
        collect_claims(["3", "9"])

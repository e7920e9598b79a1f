"""Citations: from a key to a link, from a link to the page of references, and back to the cell that cites."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from llmasos_edu.book import BOOK_ROOT, Claims, load_outline
from llmasos_edu.book.bibliography import Reference, load_bibliography
from llmasos_edu.book.citations import PAGE, bare_citations, cite, cited_in, linked
from llmasos_edu.book.links import WORDS, store_chapter, write_index, write_need
from llmasos_edu.book.notebooks import as_text
from llmasos_edu.book.outline import ways_on
from llmasos_edu.book.page import with_links_to_pages
from llmasos_edu.book.references import all_places, in_words, references_page

OUTLINE = load_outline()
WORKS = load_bibliography()
CHAPTER = next(chapter for chapter in OUTLINE if chapter.number == "4.1")
KWON = "[Kwon et al. 2023](98_references.ipynb#cell-id=kwon2023)"


# -- the book's own ------------------------------------------------------------------


def test_the_page_of_references_is_up_to_date():
    page = BOOK_ROOT / "notebooks" / "en" / f"{PAGE}.ipynb"
    made = as_text(references_page(OUTLINE))
    assert page.read_text(encoding="utf-8") == made, "run python -m llmasos_edu.book links"


def test_every_work_is_cited():
    uncited = WORKS.keys() - all_places(OUTLINE).keys()
    waiting = [chapter.file for chapter in OUTLINE if chapter.status == "planned"]
    assert waiting or not uncited, "no chapter cites " + ", ".join(sorted(uncited))
    assert len(uncited) < 0.2 * len(WORKS), "the chapters that are planned cannot cite that many"


def test_every_link_on_the_page_of_references_leads_to_a_cell_that_cites():
    page = nbformat.read(BOOK_ROOT / "notebooks" / "en" / f"{PAGE}.ipynb", as_version=4)
    sources = {}
    for cell in page.cells:
        for file, name in re.findall(r"\]\(([\w]+)\.ipynb#cell-id=([\w-]+)\)", cell.source):
            if file not in sources:
                read = nbformat.read(BOOK_ROOT / "notebooks" / "en" / f"{file}.ipynb", as_version=4)
                sources[file] = {each.id: said(each) for each in read.cells}
            assert f"#cell-id={cell.id}" in sources[file][name] or f'"{cell.id}"' in sources[file][name]
    assert len(sources) >= 12


def said(cell):
    """A cell's text, with its marks as links, and what its code shows."""
    shown = [output.get("data", {}) for output in cell.get("outputs", [])]
    return "\n".join([linked(cell.source, WORKS), *(str(text) for data in shown for text in data.values())])


def test_the_works_stand_in_the_order_of_the_alphabet():
    names = [cell.source for cell in references_page(OUTLINE).cells if cell.source.startswith("**")]
    firsts = [re.sub(r"\*\*(van (den?r? )?)?", "", name)[0] for name in names]
    assert [name for name in names if name.startswith("**van")], "van den Oord stands under V"
    others = [first for first, name in zip(firsts, names, strict=True) if not name.startswith("**van")]
    assert others == sorted(others)


# -- marks and links -----------------------------------------------------------------


def test_a_mark_becomes_a_link_and_stays_one():
    assert linked("So they say ([@kwon2023]).") == f"So they say ({KWON})."
    assert linked(linked("[@kwon2023]")) == KWON == cite(WORKS["kwon2023"])


def test_words_that_are_out_of_date_are_written_anew():
    assert linked(KWON.replace("Kwon et al. 2023", "Kwon 2022")) == KWON


def test_a_key_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no nobody1900"):
        linked("[@nobody1900]")


def test_a_claim_cites_a_work():
    claims = Claims("4.1")
    claims.add("4.1.1", "blocks waste little ([@kwon2023])", "1", holds=True)
    assert f"| blocks waste little ({KWON}) |" in claims._repr_markdown_()
    assert "[@kwon2023]" in repr(claims)


@pytest.mark.parametrize(
    "text",
    [
        "(Denning 1968)",
        "Wang et al. (2024)",
        "Xin et al. 2022",
        "Li & Hoiem 2016",
        "Li and Hoiem (2016)",
        "as van de Ven & Tolias 2019 say",
        "Ebbinghaus (1885)",
        "(kernels; Watson 1964)",
    ],
)
def test_bare_citations_are_found(text):
    assert len(bare_citations(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        KWON,
        "in May 2019",
        "CTSS 1962, BSD Unix",
        "`Li & Hoiem 2016`",
        "```\nLi & Hoiem 2016\n```",
        "<!-- Li & Hoiem 2016 -->",
        "the layer of 2017",
    ],
)
def test_what_cites_nobody_is_let_be(text):
    assert bare_citations(text) == []


def test_places_are_sections_and_the_cells_in_them():
    markup = '<a href="98_references.ipynb#cell-id=ritchie1974">Ritchie</a>'
    table = nbformat.v4.new_output("display_data", data={"text/html": markup})
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# 4.1 Attention\n\n{KWON}", id="title"),
            new_markdown_cell("## 4.1.1 Attention\n\nNothing.\n\n### A detail", id="first"),
            new_markdown_cell(f"Once {KWON}, twice {KWON}.", id="detail"),
            new_markdown_cell(f"And again {KWON}.", id="again"),
            new_code_cell('claims.add("4.1.1", "x ([@yu2022])", "1", holds=True)', id="claim"),
            new_code_cell("history()", id="table", outputs=[table]),
            new_markdown_cell("## Where to read on", id="read-on"),
            new_code_cell('Markdown(reading_list({"mei2024": "all", "no": "x"}))', id="list"),
        ]
    )
    places = cited_in(notebook, CHAPTER, WORKS)
    assert {key: [(place.section, place.cell) for place in found] for key, found in places.items()} == {
        "kwon2023": [("4.1", "title"), ("4.1.1", "detail")],
        "yu2022": [("4.1.1", "claim")],
        "ritchie1974": [("4.1.1", "table")],
        "mei2024": [("4.1", "list")],
    }
    assert places["yu2022"][0].link == f"[4.1.1]({CHAPTER.file}.ipynb#cell-id=claim)"


def test_a_work_is_told_with_its_venue_its_number_and_who_cites_it():
    work = Reference("a1", ("A", "others"), "T", 1999, doi="10.1145/1.2", venue="Notes")
    words = in_words(work, cited_in(new_notebook(cells=[]), CHAPTER, WORKS).get("a1", []))
    assert words.startswith(
        "**A et al. 1999** · A, and others. [*T*](https://doi.org/10.1145/1.2). Notes, DOI"
    )


# -- writing -------------------------------------------------------------------------


def test_a_chapter_is_written_once(tmp_path, monkeypatch):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# T\n\n[@kwon2023]", id="title")]), path)
    monkeypatch.setattr(type(CHAPTER), "path", lambda *_: path)
    assert store_chapter(CHAPTER, OUTLINE, WORKS) is True
    assert store_chapter(CHAPTER, OUTLINE, WORKS) is False
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.id for cell in cells] == ["title", "ways-on"]
    assert cells[0].source == f"# T\n\n{KWON}"
    assert cells[-1].source == ways_on(CHAPTER, outline=OUTLINE)


def test_what_is_needed_leads_to_the_words_of_all_chapters():
    notebook = new_notebook(cells=[new_markdown_cell("**You need** Python.\n\n**Time**", id="title")])
    for _ in range(2):
        write_need(notebook, CHAPTER)
        assert notebook.cells[0].source == f"**You need** Python. {WORDS}\n\n**Time**"
    first = next(chapter for chapter in OUTLINE if not chapter.number)
    page = new_notebook(cells=[new_markdown_cell("**You need** Python.", id="title")])
    write_need(page, first)
    assert page.cells[0].source == "**You need** Python."


def test_the_stored_index_follows_the_outline():
    output = nbformat.v4.new_output("execute_result", data={"text/markdown": "old", "text/plain": "<M>"})
    cell = new_code_cell("index()", id="index", outputs=[output])
    write_index(cell, "new")
    assert cell.outputs[0].data == {"text/markdown": "new", "text/plain": "<M>"}


def test_on_a_page_links_lead_to_pages():
    body = '<a href="98_references.ipynb#cell-id=kwon2023">x</a><a href="https://x.org/a.ipynb">y</a>'
    assert with_links_to_pages(body) == body.replace("98_references.ipynb", "98_references.html")
    assert with_links_to_pages('<code>a.ipynb"</code>') == '<code>a.ipynb"</code>'

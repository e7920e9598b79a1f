"""The bibliography: what the loader reads, and what holds for every entry of the book's own file."""

import re
import unicodedata

import pytest

from llmasos_edu.book.bibliography import ARXIV, DOI, Reference, load_bibliography, reading_list

WORKS = load_bibliography()

ENTRY = """
@article{ritchie1974,
  author = {Ritchie, Dennis M. and Thompson, Ken},
  title  = {The {UNIX} Time-Sharing System},
  year   = {1974},
  doi    = {10.1145/361011.361061},
}
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "references.bib"
        path.write_text(text, encoding="utf-8")
        return path

    return write


# -- the book's own file -------------------------------------------------------------


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_every_entry_is_complete_and_can_be_found(work):
    assert work.authors
    assert work.title
    assert 1800 < work.year < 2100
    assert work.doi or work.arxiv or work.url
    assert re.fullmatch(r"https://\S+", work.link)
    assert not re.search(r"[{}\\]", work.title + "".join(work.authors))
    # By arXiv's own numbering an eprint begins with the year and month in which it was handed in.
    assert not work.arxiv or 2000 + int(work.arxiv[:2]) <= work.year


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_a_key_is_the_first_author_and_the_year(work):
    """In plain letters, because a cell of the page of references has the key as its name."""
    name, year = re.fullmatch(r"([a-z]+)(\d{4})[b-z]?", work.key).groups()
    folded = unicodedata.normalize("NFKD", work.authors[0]).lower()
    assert re.sub(r"[^a-z]", "", folded).startswith(name)
    assert year == str(work.year)


def test_titles_are_cited_once():
    titles = [work.title.lower() for work in WORKS.values()]
    assert len(titles) == len(set(titles))


# -- what is read --------------------------------------------------------------------


def test_an_entry_is_read_with_its_link(file):
    work = load_bibliography(file(ENTRY))["ritchie1974"]
    assert work == Reference(
        "ritchie1974",
        ("Ritchie", "Thompson"),
        "The UNIX Time-Sharing System",
        1974,
        doi="10.1145/361011.361061",
    )
    assert work.link == "https://doi.org/10.1145/361011.361061"
    assert work.short == "Ritchie & Thompson 1974"
    assert work.markdown == f"Ritchie & Thompson 1974, [*The UNIX Time-Sharing System*]({work.link})"


def test_a_file_that_changed_is_read_anew_and_what_was_read_is_the_callers_own(file):
    path = file(ENTRY)
    load_bibliography(path).clear()
    assert list(load_bibliography(path)) == ["ritchie1974"]
    path.write_text(ENTRY.replace("{ritchie1974", "{unix1974"))
    assert list(load_bibliography(path)) == ["unix1974"]


def test_what_is_free_to_read_is_linked_before_what_is_not():
    work = Reference("a1", ("A",), "T", 2023, doi="10.1145/1", arxiv="2309.06180", url="https://x.org")
    assert work.link == "https://arxiv.org/abs/2309.06180"
    assert Reference("a1", ("A",), "T", 2023, url="https://x.org").link == "https://x.org"


@pytest.mark.parametrize(
    ("authors", "short"),
    [
        (("Shannon",), "Shannon 1948"),
        (("A", "B"), "A & B 1948"),
        (("A", "B", "C"), "A et al. 1948"),
        (("A", "others"), "A et al. 1948"),
    ],
)
def test_a_text_cites_by_names_and_year(authors, short):
    assert Reference("k", authors, "T", 1948, url="https://x.org").short == short


def test_a_second_work_of_a_year_keeps_its_letter():
    assert Reference("a1948b", ("A",), "T", 1948, url="https://x.org").short == "A 1948b"


def test_a_doi_of_any_shape_can_stand_in_a_link():
    doi = "10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9"
    link = Reference("a1", ("A",), "T", 1990, doi=doi).link
    assert not re.search(r"[()<>\s]", link)
    assert link.endswith("%28SICI%291097-4571%28199009%2941:6%3C391::AID-ASI1%3E3.0.CO;2-9")


def test_a_venue_is_read_whatever_its_field_is_called(file):
    for name in ("journal", "booktitle", "institution", "publisher", "howpublished"):
        entry = ENTRY.replace("  year ", f"  {name} = {{Notes \\& Queries}},\n  year ")
        assert load_bibliography(file(entry))["ritchie1974"].venue == "Notes & Queries"


def test_quotes_dashes_and_percent_signs_are_read(file):
    title = "``Cloze'' at 15\\%, 1930--1955"
    entry = ENTRY.replace("The {UNIX} Time-Sharing System", title)
    assert load_bibliography(file(entry))["ritchie1974"].title == "“Cloze” at 15%, 1930–1955"


def test_accents_prefixes_and_companies_are_names(file):
    text = "author = {van den Oord, Aäron and O'Brien, Joe and {Kimi Team}}"
    work = load_bibliography(file(re.sub(r"author = \{.*?\}", text, ENTRY, count=1)))["ritchie1974"]
    assert work.authors == ("van den Oord", "O'Brien", "Kimi Team")


# -- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  doi    = {10.1145/361011.361061},\n", "", "neither doi nor eprint"),
        ("10.1145/361011.361061", "361011.361061", "expected one such as 10.1145"),
        ("doi    = {10.1145/361011.361061}", "eprint = {arXiv:1706.03762}", "expected an arXiv number"),
        ("doi    = {10.1145/361011.361061}", "url = {www.x.org}", "begins with https"),
        ("1974}", "in press}", "expected four digits"),
        ("  title  = {The {UNIX} Time-Sharing System},\n", "", "has no title"),
        ("  author = {Ritchie, Dennis M. and Thompson, Ken},\n", "", "has no author"),
        ("@article{ritchie1974,", "@article{", "no BibTeX"),
    ],
)
def test_an_entry_that_cannot_be_found_is_refused(file, old, new, words):
    assert old in ENTRY
    with pytest.raises(ValueError, match=words):
        load_bibliography(file(ENTRY.replace(old, new)))


def test_a_key_that_stands_twice_is_refused(file):
    with pytest.raises(ValueError, match="a key stands twice"):
        load_bibliography(file(ENTRY + ENTRY.replace("361061", "361062")))


def test_one_work_under_two_keys_is_refused(file):
    with pytest.raises(ValueError, match="ritchie1974 and unix are one work"):
        load_bibliography(file(ENTRY + ENTRY.replace("{ritchie1974", "{unix")))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no bibliography at"):
        load_bibliography(tmp_path / "none.bib")


# -- reading on ----------------------------------------------------------------------


def test_a_reading_list_links_each_work():
    table = reading_list({"vaswani2017": "table 2", "kwon2023": "section 4"})
    assert (
        "| Vaswani et al. 2017, [*Attention Is All You Need*](https://arxiv.org/abs/1706.03762) | table 2 |"
        in table
    )
    assert table.count("\n") == 3


def test_a_work_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="has no nobody1900"):
        reading_list({"nobody1900": "x"})


@pytest.mark.parametrize("number", ["1706.03762", "0704.0001", "cs/0112017"])
def test_arxiv_numbers(number):
    assert ARXIV.fullmatch(number)


def test_numbers_of_other_kinds_are_none():
    assert not ARXIV.fullmatch("10.1145/361011.361061")
    assert not DOI.fullmatch("1706.03762")

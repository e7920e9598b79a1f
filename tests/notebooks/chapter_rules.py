"""The rules that every chapter keeps, as functions (notebook, chapter of the outline) -> complaints.

`test_structure.py` applies them to the book, `test_rules_bite.py` to small bad notebooks.
"""

import ast
import copy
import functools
import itertools
import json
import re

from cell_names import bound_names, taken_names

from llmasos_edu.book import load_outline
from llmasos_edu.book.alt_texts import alt_text, descriptions, image_of
from llmasos_edu.book.bibliography import load_bibliography
from llmasos_edu.book.citations import LINK, MARK, PAGE, bare_citations, cite
from llmasos_edu.book.folding import only_draws
from llmasos_edu.book.links import write_need
from llmasos_edu.book.notebooks import KERNEL, WAYS_ON, WIDGET_VIEW
from llmasos_edu.book.outline import ways_on
from llmasos_edu.book.times import EXERCISE, state_times, times_of
from llmasos_edu.exercises import find

WORKS = load_bibliography()
LONGEST_CELL = 25
MOST_WORDS = 220
LARGEST_FILE = 1_500_000
SHARE_OF_SKIPPING_CELLS = 0.02
FEWEST_EXERCISES = {"4.1": 8, "4.2": 8, "4.2.3": 8, "4.3": 8}
LONGEST_LEAD = 60  # words
NBVAL_TAGS = re.compile(r"nbval[-_](skip|ignore|raises|check)|raises-exception", re.IGNORECASE)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def texts_of(output):
    """The text that an output shows: streams, plain text, and HTML or Markdown without their tags."""
    if output.output_type == "stream":
        return [output.text]
    data = output.get("data", {})
    marked_up = [data[kind] for kind in ("text/html", "text/markdown") if kind in data]
    bare = [re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL) for text in marked_up]
    return bare + ([data["text/plain"]] if "text/plain" in data else [])


def complaints_about_text(notebook, find, words):
    """A complaint per output text in which `find` (text -> what is wrong, or None) finds something."""
    return [
        f"cell '{cell.id}': {words}: {found!r}"
        for cell in code_cells(notebook)
        for output in cell.outputs
        for text in texts_of(output)
        if (found := find(text))
    ]


def first_match(pattern):
    compiled = re.compile(pattern)

    def find(text):
        found = compiled.search(text)
        return found.group(0) if found else None

    return find


# -- headings and parts ------------------------------------------------------------


def headings(notebook):
    """(level, text) of every Markdown heading outside fenced code."""
    found = []
    for cell in markdown_cells(notebook):
        prose = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        found += [(len(marks), text.strip()) for marks, text in re.findall(r"^(#{1,6}) +(.+)$", prose, re.M)]
    return found


def has_its_title_first(notebook, chapter):
    found = headings(notebook)
    first = notebook.cells[0].source.splitlines()[:1] if notebook.cells else []
    complaints = []
    if first != [f"# {chapter.heading()}"]:
        complaints.append(f"the first cell does not begin with the line '# {chapter.heading()}'")
    if sum(level == 1 for level, _ in found) != 1:
        complaints.append("a chapter has exactly one heading of level 1, its title")
    return complaints


def has_every_section_in_order(notebook, chapter):
    numbered = [text for level, text in headings(notebook) if level > 1 and re.match(r"\d+(\.\d+)+\s", text)]
    expected = [section.heading() for section in chapter.sections]
    if numbered == expected:
        return []
    return [f"numbered headings are {numbered}, the outline has {expected}"]


def leads_on(notebook, chapter):
    """The last cell links to the chapters before and after."""
    last = notebook.cells[-1]
    if last.id == WAYS_ON and last.source == ways_on(chapter, outline=load_outline()):
        return []
    return [f"the last cell, '{WAYS_ON}', must link to its neighbours: python -m llmasos_edu.book links"]


def links_what_it_needs(notebook, chapter):
    """In the paragraph "You need", each chapter that is there is a link to it."""
    need = [
        line
        for cell in markdown_cells(notebook)
        for line in cell.source.splitlines()
        if "**You need**" in line
    ]
    bare = re.sub(r"\[[^]]*\]\([^)]*\)", "", need[0]) if need else ""
    numbers = {one.number: one.file for one in load_outline() if one.number and one.status == "ready"}
    return [
        f'"You need" names {number} without a link to {numbers[number]}.ipynb'
        for number in re.findall(r"(?<![\w.])\d(?:\.\d)*(?![\w])", bare)
        if number in numbers
    ]


def cites_with_links(notebook, chapter):
    """Whoever is named with a year is a link to the page of references, with the bibliography's words."""
    if chapter.file == PAGE:
        return []
    complaints = []
    for cell in notebook.cells:
        links, marks = LINK.findall(cell.source), MARK.findall(cell.source)
        unknown = [key for key in [*(key for _, key in links), *marks] if key not in WORKS]
        complaints += [f"cell '{cell.id}' cites {key}, which references.bib does not have" for key in unknown]
        complaints += [
            f"cell '{cell.id}': {name} is no link: write [@key], then python -m llmasos_edu.book links"
            for name in bare_citations(cell.source)
        ]
        stale = [f"[{name}]" for name, key in links if key in WORKS and f"[{name}]" not in cite(WORKS[key])]
        unmade = [f"[@{key}]" for key in marks if cell.cell_type == "markdown"]
        complaints += [
            f"cell '{cell.id}': {text} is not up to date: python -m llmasos_edu.book links"
            for text in stale + unmade
        ]
    return complaints


def links_papers_as_the_bibliography_does(notebook, chapter):
    """An address on arXiv or behind a DOI is that of a work in references.bib."""
    known = {work.link for work in WORKS.values()}
    return [
        f"cell '{cell.id}' links {address}, which is no work of references.bib"
        for cell in markdown_cells(notebook)
        for address in re.findall(r"https?://(?:arxiv\.org|doi\.org|dx\.doi\.org)/[^\s)]+", cell.source)
        if address not in known
    ]


def leads_back_to_the_words(notebook, chapter):
    """The paragraph "You need" leads to the words that every chapter uses."""
    told = copy.deepcopy(notebook)
    write_need(told, chapter)
    return (
        [] if told == notebook else ['"You need" does not link the words: python -m llmasos_edu.book links']
    )


def leads_to_what_is_there(notebook, chapter):
    """A link to a cell of a chapter, or of this one, leads to a cell that is there."""
    known = {one.file: one.path() for one in load_outline() if one.status == "ready"}
    complaints = []
    for cell in markdown_cells(notebook):
        for file, name in re.findall(r"\]\((?:(\w+)\.ipynb)?#cell-id=([\w-]+)\)", cell.source):
            names = {each.id for each in notebook.cells} if not file else names_in(known.get(file))
            if name not in names:
                complaints.append(f"cell '{cell.id}' links {file}#{name}, which is not there")
    return complaints


@functools.cache
def names_in(path):
    """The names of a notebook's cells; none where there is no notebook."""
    return {cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]} if path else set()


def states_its_minutes(notebook, chapter):
    """The times in the outline and in the chapter are those that its words, lines and exercises give."""
    reading, exercises = times_of(notebook)
    complaints = []
    if (chapter.minutes, chapter.exercises) != (reading, exercises):
        complaints.append(
            f"the outline says {chapter.minutes} and {chapter.exercises} minutes, it takes {reading} and "
            f"{exercises} (llmasos_edu/book/times.py): python -m llmasos_edu.book links"
        )
    told = copy.deepcopy(notebook)
    state_times(told, reading, exercises)
    if told != notebook:
        complaints.append("the line **Time** is not up to date: python -m llmasos_edu.book links")
    return complaints


def describes_exercises_as_they_are(notebook, chapter):
    """Title, stars and minutes over an exercise are those of the exercise itself."""
    complaints = []
    for cell in markdown_cells(notebook):
        for key, title, stars, minutes in EXERCISE.findall(cell.source):
            item = find(key)
            own = (item.title, "★" * item.difficulty + "☆" * (3 - item.difficulty), item.minutes)
            if (title, stars, int(minutes)) != own:
                complaints.append(
                    f"cell '{cell.id}' says {title}, {stars}, {minutes} minutes; {key} has {own}"
                )
    return complaints


def steps_down_one_heading_level_at_a_time(notebook, chapter):
    found = headings(notebook)
    return [
        f"heading '{text}' of level {level} follows one of level {above}"
        for (above, _), (level, text) in itertools.pairwise(found)
        if level > above + 1
    ]


def asks_for_predictions_and_compares(notebook, chapter):
    if not chapter.sections:
        return []
    predicted, compared = (keys_of(notebook, name) for name in ("predict", "compare"))
    complaints = [] if predicted else ["no cell asks for a prediction: predict(...)"]
    return complaints + [f"prediction {key} is never compared" for key in sorted(predicted - compared)]


def has_enough_exercises(notebook, chapter):
    if not chapter.sections:
        return []
    found, wanted = len(keys_of(notebook, "check")), FEWEST_EXERCISES.get(chapter.number, 6)
    return [] if found >= wanted else [f"{found} exercises with check(...), expected at least {wanted}"]


def keys_of(notebook, function):
    """The keys in calls such as check("4.1-3", ...), over all code cells."""
    return {
        key
        for cell in code_cells(notebook)
        for key in re.findall(rf"\b{function}\(\s*[\"']([^\"']+)[\"']", cell.source)
    }


def ends_with_a_table_of_claims(notebook, chapter):
    """Under a heading that names the claims stands a code cell whose output says what holds."""
    if not chapter.sections:
        return []
    below = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (titles := re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)):
            below = any("claim" in title.lower() for title in titles)
        elif below and cell.cell_type == "code":
            text = " ".join(text for output in cell.outputs for text in texts_of(output))
            if "hold" in text.lower():
                return []
    return ["no table of claims: a heading with 'claim', below it a cell whose output says what holds"]


# -- cells -------------------------------------------------------------------------


def has_short_code_cells(notebook, chapter):
    return [
        f"cell '{cell.id}' has {lines} lines, at most {LONGEST_CELL} fit on a screen"
        for cell in code_cells(notebook)
        if (lines := len(cell.source.splitlines())) > LONGEST_CELL
    ]


def has_no_wall_of_text(notebook, chapter):
    complaints = []
    for cell in markdown_cells(notebook):
        open_text = re.sub(r"<details>.*?</details>|\$\$.*?\$\$|^\|.*$", "", cell.source, flags=re.S | re.M)
        words = len(open_text.split())
        if words > MOST_WORDS:
            complaints.append(f"cell '{cell.id}' has {words} words outside folds, at most {MOST_WORDS}")
    return complaints


def has_cells_named_by_hand(notebook, chapter):
    names = [cell.get("id", "") for cell in notebook.cells]
    random = [name for name in names if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", name) or not name]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"cell id {name!r} is not a name" for name in random] + [
        f"cell id {name!r} twice" for name in twice
    ]


def runs_a_cell_again_as_it_ran(notebook, chapter):
    """What a cell takes from an earlier one, no later one binds anew; exercises may, for they stand alone."""
    cells = [(cell.id, cell.source) for cell in code_cells(notebook) if not cell.id.startswith("ex-")]
    bound = [bound_names(source) for _, source in cells]
    complaints = []
    for place, (cell, source) in enumerate(cells):
        for name in sorted(taken_names(source) & set().union(*bound[:place])):
            again = [cells[later][0] for later in range(place + 1, len(cells)) if name in bound[later]]
            if again:
                complaints.append(
                    f"cell '{cell}' uses {name}, which '{again[0]}' binds anew: name one otherwise"
                )
    return complaints


FORBIDDEN = (
    (r"\binteract(ive|ive_output|_manual)?\(", "interact does not pass nbval: use observe or an explorer"),
    (r"\bwith\s+[\w.]*\bOutput\(", "'with Output()' does not pass nbval: use widgets.HTML or observe"),
    (r"\bclear_output\b|\bupdate_display\b|\bdisplay_id\b", "display updates do not pass nbval"),
    (r"^\s*(!|%%?(time|timeit|pip|conda|cd|bash)\b)", "shell and timing commands differ between machines"),
)


def uses_nothing_that_cannot_be_compared(notebook, chapter):
    return [
        f"cell '{cell.id}': {reason}"
        for cell in code_cells(notebook)
        for pattern, reason in FORBIDDEN
        if re.search(pattern, cell.source, re.MULTILINE)
    ]


def ends_no_cell_with_a_semicolon(notebook, chapter):
    complaints = []
    for cell in code_cells(notebook):
        code = re.sub(r"\s*#[^\n]*$", "", cell.source.rstrip())
        if code.endswith(";"):
            complaints.append(f"cell '{cell.id}' ends with ';', which does not suppress under nbval")
    return complaints


def ends_plots_with_show(notebook, chapter):
    """A cell that draws must not also store the repr of its last value, such as '<Axes: ...>'."""
    complaints = []
    for cell in code_cells(notebook):
        shown = [output.get("data", {}) for output in cell.outputs if output.output_type == "execute_result"]
        bare = [data for data in shown if not is_picture(data) and "text/html" not in data]
        if any(is_picture(output.get("data", {})) for output in cell.outputs) and bare:
            complaints.append(
                f"cell '{cell.id}' draws but ends in a value: end it with plt.show() or '_ = ...'"
            )
    return complaints


def skips_little(notebooks):
    """At most 2 % of the book's code cells carry a tag or comment by which nbval skips or ignores."""
    cells = [cell for notebook in notebooks for cell in code_cells(notebook)]
    tagged = [
        cell.id
        for cell in cells
        if any(NBVAL_TAGS.search(tag) for tag in cell.metadata.get("tags", []))
        or re.search(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)_", cell.source, re.MULTILINE)
    ]
    if len(tagged) <= SHARE_OF_SKIPPING_CELLS * len(cells):
        return []
    return [f"{len(tagged)} of {len(cells)} code cells are not compared: {tagged}"]


# -- pictures ----------------------------------------------------------------------


def is_picture(data):
    return any(kind.startswith("image/") for kind in data)


def shows_something(output):
    """A picture, or a widget, of which the still picture stands where it cannot run."""
    data = output.get("data", {})
    return is_picture(data) or WIDGET_VIEW in data or output.get("metadata", {}).get("widget", False)


def describes_every_picture(notebook, chapter):
    complaints = []
    for cell in code_cells(notebook):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if any(shows_something(output) for output in cell.outputs) and len(alt.split()) < 3:
            complaints.append(
                f"cell '{cell.id}' shows a picture without alt text (metadata mystnb.image.alt)"
            )
    for cell in markdown_cells(notebook):
        prose = re.sub(r"^```.*?^```|`[^`]*`", "", cell.source, flags=re.MULTILINE | re.DOTALL)
        alts = re.findall(r"!\[([^\]]*)\]\(", prose)
        for tag in re.findall(r"<img\b[^>]*>", prose):
            found = re.search(r"\balt=[\"']([^\"']*)[\"']", tag)
            alts.append(found.group(1) if found else "")
        complaints += [
            f"cell '{cell.id}': a picture without alt text" for alt in alts if len(alt.split()) < 3
        ]
    return complaints


def makes_alt_texts_of_what_is_drawn(notebook, chapter):
    """An alt text is the author's lead, without figures, and what the stored picture says of itself."""
    complaints = []
    for cell in code_cells(notebook):
        told = descriptions(cell)
        lead, alt = (image_of(cell).get(part, "") for part in ("lead", "alt"))
        if not told:
            continue
        if not all(told):
            complaints.append(f"cell '{cell.id}' stores a picture that does not say what it shows: make book")
        elif alt != alt_text(lead, told):
            complaints.append(
                f"cell '{cell.id}': its alt text is not its lead and what its pictures show; write the lead "
                "(metadata mystnb.image.lead), and store the notebook with make book"
            )
        if found := re.findall(r"(?<![\w-])\d[\d.,]*\d?(?![\w-])", lead):
            complaints.append(f"cell '{cell.id}': figures in the lead, which go stale: {found}")
        if len(lead.split()) > LONGEST_LEAD:
            complaints.append(f"cell '{cell.id}': a lead of more than {LONGEST_LEAD} words")
    return complaints


# -- stored outputs ----------------------------------------------------------------


def has_run_from_top_to_bottom(notebook, chapter):
    cells = [cell for cell in code_cells(notebook) if cell.source.strip()]
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        return [f"execution counts are {counts}: store the notebook with make book"]
    silent = [cell.id for cell in cells if prints(cell.source) and not cell.outputs]
    complaints = [f"cell '{name}' prints, but no output is stored" for name in silent]
    if cells and not any(cell.outputs for cell in cells):
        complaints.append("no output is stored at all: make book")
    return complaints


def prints(source):
    """True when the cell itself, not a function in it, calls print."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    values = [statement.value for statement in statements if isinstance(statement, ast.Expr)]
    return any(isinstance(value, ast.Call) and ast.unparse(value.func) == "print" for value in values)


def stores_no_error(notebook, chapter):
    return [
        f"cell '{cell.id}' stores an error: {output.ename}"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error"
    ]


def stores_no_warning(notebook, chapter):
    return [
        f"cell '{cell.id}' stores stderr: {output.text[:80]!r}"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]


ABSOLUTE_PATH = r"(?<![\w.:/])(/(home|root|work|Users|tmp|usr|opt|var|private)/[\w.-]+|[A-Z]:\\\w+)"


def folds_what_only_draws(notebook, chapter):
    """The code of a cell that only draws is folded, and no other (`llmasos_edu.book.folding`)."""
    code, complaints = code_cells(notebook), []
    for place, cell in enumerate(code):
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        if folded != only_draws(cell.source, [later.source for later in code[place + 1 :]]):
            word = "folded, but it does more than draw" if folded else "not folded, though it only draws"
            complaints.append(f"cell '{cell.id}' is {word}: python -m llmasos_edu.book normalise")
    return complaints


def names_no_absolute_path(notebook, chapter):
    find = first_match(ABSOLUTE_PATH)
    in_sources = [
        f"cell '{cell.id}': absolute path in the source: {found!r}"
        for cell in notebook.cells
        if (found := find(cell.source))
    ]
    return in_sources + complaints_about_text(notebook, find, "absolute path in an output")


def stores_no_address(notebook, chapter):
    return complaints_about_text(notebook, first_match(r"\b0x[0-9a-fA-F]{6,}"), "an object's address")


NUMBER = re.compile(r"(?<![\w.])-?(\d*\.\d+|\d+(?=[eE][-+]?\d))(?:[eE]([-+]?\d+))?(?!\w|\.\d)")


def too_many_digits(text):
    """The first number in the text with more than four significant digits, integers apart."""
    for found in NUMBER.finditer(text):
        if len(found.group(1).replace(".", "").lstrip("0")) > 4:
            return found.group(0)
    return None


def almost_zero(text):
    """The first number that is rounding noise: -0.0, 2.2e-16; a tolerance such as 1e-10 is none."""
    for found in NUMBER.finditer(text):
        size = abs(float(found.group(0)))
        if found.group(0).startswith("-") and size == 0:
            return found.group(0)
        if 0 < size < 1e-11 or (size < 1e-7 and size > 0 and float(found.group(1)) != 1):
            return found.group(0)
    return None


def prints_few_digits(notebook, chapter):
    return complaints_about_text(notebook, too_many_digits, "more than 4 significant digits")


def prints_no_rounding_noise(notebook, chapter):
    return complaints_about_text(notebook, almost_zero, "rounding noise (print allclose, or add 0.0)")


def has_plain_metadata(notebook, chapter):
    expected = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    if notebook.metadata == expected:
        return []
    return [
        f"the notebook's metadata is {dict(notebook.metadata)}, expected {expected}: store it with make book"
    ]


RULES = (
    has_its_title_first,
    has_every_section_in_order,
    leads_on,
    links_what_it_needs,
    leads_back_to_the_words,
    leads_to_what_is_there,
    states_its_minutes,
    describes_exercises_as_they_are,
    cites_with_links,
    links_papers_as_the_bibliography_does,
    steps_down_one_heading_level_at_a_time,
    asks_for_predictions_and_compares,
    has_enough_exercises,
    ends_with_a_table_of_claims,
    has_short_code_cells,
    has_no_wall_of_text,
    has_cells_named_by_hand,
    runs_a_cell_again_as_it_ran,
    uses_nothing_that_cannot_be_compared,
    ends_no_cell_with_a_semicolon,
    ends_plots_with_show,
    describes_every_picture,
    makes_alt_texts_of_what_is_drawn,
    folds_what_only_draws,
    has_run_from_top_to_bottom,
    stores_no_error,
    stores_no_warning,
    names_no_absolute_path,
    stores_no_address,
    prints_few_digits,
    prints_no_rounding_noise,
    has_plain_metadata,
)

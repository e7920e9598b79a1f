"""How long a chapter takes a reader: from its words, its lines of code, and its exercises' own minutes.

The rule, which holds for all chapters: 200 words or 10 lines of code a minute, rounded to five minutes. Words
are those of the prose and of the tables that code shows. Folded code is passed over; exercises are done, not
read. A page without a line that begins with **Time** is there to look things up, and has no minutes.
"""

import re

WORDS_A_MINUTE = 200
LINES_A_MINUTE = 10

STATED = re.compile(r"\*\*Time\*\* \d+ minutes to read(, [^;,.]* for (all|its) exercises)?")
EXERCISE = re.compile(r"^\*\*(\S+) (.+)\*\* ([★☆]+) · (\d+) minutes", re.MULTILINE)
HEADING = re.compile(r"^#{1,2} +(.+)$", re.MULTILINE)
NOT_READ = re.compile(r"\$\$.*?\$\$|(?<=\])\([^)]*\)|<[^>]*>|^\|?[-|: ]+$", re.DOTALL | re.MULTILINE)


def times_of(notebook) -> tuple[int, int]:
    """Minutes to read a chapter, and minutes that its exercises take together.

    Args:
        notebook: as `nbformat.read` gives it, with its outputs.
    """
    if not any(STATED.search(cell.source) for cell in notebook.cells):
        return 0, 0
    words = lines = exercises = 0
    among_exercises = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for title in HEADING.findall(cell.source):
                among_exercises = title.startswith("Exercises")
            exercises += sum(int(found[3]) for found in EXERCISE.findall(cell.source))
        if among_exercises:
            continue
        if cell.cell_type == "markdown":
            words += words_in(cell.source)
            continue
        if not cell.metadata.get("jupyter", {}).get("source_hidden"):
            lines += len([line for line in cell.source.splitlines() if line.strip()])
        if cell.source.strip() == "index()":
            continue  # the table of contents has the minutes in it, and is not read but used
        words += sum(words_in(output.get("data", {}).get("text/markdown", "")) for output in cell.outputs)
    minutes = words / WORDS_A_MINUTE + lines / LINES_A_MINUTE
    return max(5, 5 * round(minutes / 5)), exercises


def words_in(text: str) -> int:
    """Words of Markdown that are read: without formulas on lines of their own, addresses and tags."""
    return len([word for word in NOT_READ.sub(" ", text).split() if word != "|"])


def state_times(notebook, reading: int, exercises: int) -> None:
    """Write the minutes into the line that begins with **Time**."""
    words = f"**Time** {reading} minutes to read"
    if exercises:
        words += f", {exercises} minutes for all exercises"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = STATED.sub(words, cell.source)


def outline_with(text: str, file: str, reading: int, exercises: int) -> str:
    """The outline's text with a chapter's minutes.

    Raises:
        ValueError: the outline has no such chapter, or it states no minutes.
    """
    block = re.compile(rf'(^file = "{re.escape(file)}"$.*?^minutes = )\d+(\nexercises = \d+)?$', re.M | re.S)
    told = f"\nexercises = {exercises}" if exercises else ""
    found, count = block.subn(rf"\g<1>{reading}{told}", text, count=1)
    if not count:
        raise ValueError(f"the outline has no minutes for {file}")
    return found

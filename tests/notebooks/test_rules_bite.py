"""Each rule is content with a good notebook and complains about one that breaks it."""

import chapter_rules as rules
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llmasos_edu.book import Chapter, Section, load_outline
from llmasos_edu.book.links import WORDS
from llmasos_edu.book.notebooks import KERNEL, WAYS_ON, WIDGET_VIEW
from llmasos_edu.book.outline import ways_on

CHAPTER = Chapter(
    number="9.1",
    en="Testing",
    zh="测试",
    file="09_1_testing",
    part=Section("9", "Tests", "测试"),
    status="ready",
    seconds=1,
    minutes=5,
    exercises=5,
    sections=(Section("9.1.1", "First", "一"), Section("9.1.2", "Second", "二")),
)
BARS = "Bars: a 1, b 2, c 3."
FRONT_PAGE = Chapter(**{**vars(CHAPTER), "sections": (), "number": ""})

OUTLINE = [*load_outline(), CHAPTER]


@pytest.fixture(autouse=True)
def _one_chapter_more(monkeypatch):
    monkeypatch.setattr(rules, "load_outline", lambda: OUTLINE)


def code(name, source, *outputs, **metadata):
    return new_code_cell(source, id=name, outputs=list(outputs), metadata=metadata)


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def shown(kind="display_data", **data):
    kinds = {"png": "image/png", "plain": "text/plain", "html": "text/html", "widget": WIDGET_VIEW}
    return new_output(kind, data={kinds[key]: value for key, value in data.items()})


def good_notebook():
    """A chapter in small that keeps every rule."""
    alt = {"image": {"alt": "three bars of growing height"}}
    made = {"image": {"lead": "What three of them need", "alt": f"What three of them need. {BARS}"}}
    bars = shown(png="iVBOR")
    bars.metadata = {"image/png": {"alt": BARS}}
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# 9.1 Testing\n\nWhat ![a small red dot](dot.png) says.", id="title"),
            new_markdown_cell("**Time** 5 minutes to read, 5 minutes for all exercises.", id="time"),
            new_markdown_cell("## 9.1.1 First\n\n```python\n# 7.7.7 not a heading\n```", id="first"),
            code("ask", 'predict("9.1-a", 3)', stream("kept\n")),
            new_markdown_cell("## 9.1.2 Second\n\n### A detail", id="second"),
            code(
                "plot",
                "plt.plot(x)\nplt.show()  # all of it",
                bars,
                mystnb=made,
                jupyter={"source_hidden": True},
            ),
            code("explorer", "explorer", shown("execute_result", plain="Explorer(2 layers)"), mystnb=alt),
            code(
                "told", 'compare("9.1-a", 4)', stream("you said 3, measured 4.25, see 9.1.2. Within 1e-10.\n")
            ),
            new_markdown_cell(
                "## Exercises\n\n" + "<details>" + "word " * 300 + "</details>", id="exercises"
            ),
            new_markdown_cell("**4.1-1 Scaled scores** ★☆☆ · 5 minutes\n\nDo it.", id="ex-text"),
            *[code(f"ex-{n}", f'check("9.1-{n}", None)', stream("not answered\n")) for n in range(1, 7)],
            new_markdown_cell("## The article's claims", id="claims"),
            code("table", "claims()", shown("execute_result", html="<table><td>holds</td></table>")),
            new_markdown_cell(
                f"**You need** [4.1](04_1_attention.ipynb), and 2.5 ideas of your own. {WORDS}", id="need"
            ),
            new_markdown_cell(
                "As in CTSS 1962 (in May 2019). [Kwon et al. 2023](98_references.ipynb#cell-id=kwon2023), "
                "[*PagedAttention*](https://arxiv.org/abs/2309.06180)",
                id="read-on",
            ),
            new_markdown_cell(ways_on(CHAPTER, outline=OUTLINE), id=WAYS_ON),
        ],
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}},
    )
    for count, cell in enumerate(rules.code_cells(notebook), start=1):
        cell.execution_count = count
    return nbformat.from_dict(notebook)


def cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def source(name, text):
    """A change that gives one cell another source."""

    def change(notebook):
        cell(notebook, name).source = text

    return change


def sources(**texts):
    def change(notebook):
        for name, text in texts.items():
            cell(notebook, name).source = text

    return change


def output(name, *outputs):
    """A change that gives one cell other outputs."""

    def change(notebook):
        cell(notebook, name).outputs = list(outputs)

    return change


def without(name):
    def change(notebook):
        notebook.cells.remove(cell(notebook, name))

    return change


def renamed(name, new):
    def change(notebook):
        cell(notebook, name).id = new

    return change


def undescribed(name, *outputs):
    def change(notebook):
        cell(notebook, name).metadata = nbformat.from_dict({"mystnb": {"image": {"alt": " "}}})
        cell(notebook, name).outputs = list(outputs) or cell(notebook, name).outputs

    return change


def image(**changes):
    """Other metadata of the plot's picture."""

    def change(notebook):
        cell(notebook, "plot").metadata["mystnb"]["image"].update(changes)

    return change


def counted(notebook):
    cell(notebook, "plot").execution_count = 7


def printed_nothing(notebook):
    cell(notebook, "plot").source = 'print("where is it?")'
    cell(notebook, "plot").outputs = []


def other_kernel(notebook):
    notebook.metadata["kernelspec"] = {**KERNEL, "name": "my-venv"}


def more_metadata(notebook):
    notebook.metadata["widgets"] = {}


BREAKS = [
    (rules.has_its_title_first, source("title", "# 9.1 Tests\n")),
    (rules.has_its_title_first, source("first", "# 9.1.1 First")),
    (rules.has_every_section_in_order, source("first", "## First")),
    (rules.has_every_section_in_order, source("first", "## 9.1.1 First things")),
    (rules.has_every_section_in_order, source("first", "## 9.1.1 First\n\n## 9.1.3 Third")),
    (rules.leads_on, without(WAYS_ON)),
    (rules.leads_on, source(WAYS_ON, "Next: nothing")),
    (rules.leads_back_to_the_words, source("need", "**You need** patience.")),
    (rules.leads_to_what_is_there, source("need", f"[x](04_1_attention.ipynb#cell-id=nothing) {WORDS}")),
    (rules.leads_to_what_is_there, source("need", f"[x](77_nowhere.ipynb#cell-id=title) {WORDS}")),
    (rules.leads_to_what_is_there, source("need", f"[x](#cell-id=nothing) {WORDS}")),
    (rules.links_what_it_needs, source("need", "**You need** chapter 4.1.")),
    (rules.states_its_minutes, source("time", "**Time** 5 minutes to read.")),
    (rules.states_its_minutes, source("time", "It is short.")),
    (rules.states_its_minutes, source("first", "## 9.1.1 First\n\n" + "word " * 1600)),
    (rules.states_its_minutes, source("explorer", "x = 1\n" * 80)),
    (rules.states_its_minutes, source("ex-text", "**4.1-2 Softmax** ★☆☆ · 10 minutes")),
    (rules.describes_exercises_as_they_are, source("ex-text", "**4.1-1 Scaled scores** ★☆☆ · 15 minutes")),
    (rules.describes_exercises_as_they_are, source("ex-text", "**4.1-1 Scales** ★☆☆ · 5 minutes")),
    (rules.cites_with_links, source("read-on", "the working set (Denning 1968)")),
    (rules.cites_with_links, source("read-on", "Wang et al. (2024) add a bias")),
    (rules.cites_with_links, source("read-on", "as Liu & Layland 1973 prove")),
    (rules.cites_with_links, source("read-on", "Levy, Goldberg & Dagan (2015)")),
    (rules.cites_with_links, source("plot", 'plt.title("after Vaswani et al. 2017")')),
    (rules.cites_with_links, source("read-on", "[@kwon2023]")),
    (rules.cites_with_links, source("plot", 'claim("[@nobody1900]")')),
    (rules.cites_with_links, source("read-on", "[Kwon 2023](98_references.ipynb#cell-id=kwon2023)")),
    (rules.cites_with_links, source("read-on", "[A & B 1900](98_references.ipynb#cell-id=a1900)")),
    (
        rules.links_papers_as_the_bibliography_does,
        source("read-on", "[*PagedAttention*](https://arxiv.org/abs/2309.06181)"),
    ),
    (rules.steps_down_one_heading_level_at_a_time, source("title", "# 9.1 Testing\n\n### Deep")),
    (rules.asks_for_predictions_and_compares, source("ask", "pass")),
    (rules.asks_for_predictions_and_compares, source("told", "pass")),
    (rules.has_enough_exercises, without("ex-6")),
    (rules.has_enough_exercises, source("ex-6", 'check("9.1-5", None)')),
    (rules.ends_with_a_table_of_claims, without("claims")),
    (rules.ends_with_a_table_of_claims, output("table")),
    (rules.has_short_code_cells, source("plot", "\n".join(["x = 1"] * 26))),
    (rules.has_no_wall_of_text, source("second", "word " * 221)),
    (rules.has_cells_named_by_hand, renamed("plot", "1f3a9c0e")),
    (rules.has_cells_named_by_hand, renamed("plot", "told")),
    *[
        (rules.runs_a_cell_again_as_it_ran, sources(ask="x = 1", plot=use, told=again))
        for use in ("print(x)", "x = x + 1", "x += 1", "def f():\n    return x", "y = [x for z in range(x)]")
        for again in ("x = 2", "for x in y:\n    pass", "import x", "def x(y):\n    return y")
    ],
    (rules.uses_nothing_that_cannot_be_compared, source("plot", "interact(f, x=1)")),
    (rules.uses_nothing_that_cannot_be_compared, source("plot", "with widgets.Output():\n    pass")),
    (rules.uses_nothing_that_cannot_be_compared, source("plot", "display.clear_output()")),
    (rules.uses_nothing_that_cannot_be_compared, source("plot", "%%time\nf()")),
    (rules.uses_nothing_that_cannot_be_compared, source("plot", "!pip list")),
    (rules.ends_no_cell_with_a_semicolon, source("plot", "plt.plot(x);")),
    (rules.ends_no_cell_with_a_semicolon, source("plot", "plt.plot(x);  # quiet\n")),
    (
        rules.ends_plots_with_show,
        output("plot", shown("execute_result", plain="<Axes: >"), shown(png="iVBOR")),
    ),
    (rules.describes_every_picture, undescribed("plot")),
    (
        rules.describes_every_picture,
        undescribed("explorer", shown(plain="Explorer", widget={"model_id": "m"})),
    ),
    (
        rules.describes_every_picture,
        undescribed(
            "explorer", new_output("display_data", data={"text/plain": "E"}, metadata={"widget": True})
        ),
    ),
    (rules.describes_every_picture, source("first", "![](dot.png)")),
    (rules.describes_every_picture, source("first", '<img src="dot.png" alt="">')),
    (rules.describes_every_picture, source("first", '<img src="dot.png">')),
    (rules.makes_alt_texts_of_what_is_drawn, image(alt="What three of them need. Bars: a 1, b 2, c 4.")),
    (rules.makes_alt_texts_of_what_is_drawn, image(lead="What they need")),
    (rules.makes_alt_texts_of_what_is_drawn, image(lead="Up to 3.5 bits", alt="Up to 3.5 bits. " + BARS)),
    (rules.makes_alt_texts_of_what_is_drawn, image(lead="so " * 70, alt="so " * 69 + "so. " + BARS)),
    (rules.makes_alt_texts_of_what_is_drawn, output("plot", shown(png="iVBOR"))),
    (rules.folds_what_only_draws, source("plot", "x = model(ids)\nplt.plot(x)\nplt.show()")),
    (rules.folds_what_only_draws, source("explorer", "plt.plot(x)\nplt.show()")),
    (rules.has_run_from_top_to_bottom, counted),
    (rules.has_run_from_top_to_bottom, without("ask")),
    (rules.has_run_from_top_to_bottom, printed_nothing),
    (rules.stores_no_error, output("plot", new_output("error", ename="ValueError", evalue="", traceback=[]))),
    (rules.stores_no_warning, output("plot", stream("UserWarning: beware", name="stderr"))),
    (rules.names_no_absolute_path, source("plot", 'open("/home/me/data.txt")')),
    (rules.names_no_absolute_path, output("plot", stream("saved in /tmp/x1\n"))),
    (rules.names_no_absolute_path, output("plot", stream("C:\\Users\\me\n"))),
    (rules.names_no_absolute_path, output("plot", shown(html="<p>/Users/me/book</p>"))),
    (rules.stores_no_address, output("plot", shown(plain="<object at 0x7f3a2c10>"))),
    (rules.prints_few_digits, output("plot", stream("loss 1.23456\n"))),
    (rules.prints_few_digits, output("plot", stream("it is -12.345."))),
    (rules.prints_few_digits, output("plot", shown(html="<td>0.012345</td>"))),
    (rules.prints_few_digits, output("plot", shown(plain="1.23456e+05"))),
    (rules.prints_no_rounding_noise, output("plot", stream("sum 1e-17\n"))),
    (rules.prints_no_rounding_noise, output("plot", stream("difference 2.98e-08\n"))),
    (rules.prints_no_rounding_noise, output("plot", shown(plain="tensor([-0.0000, 1.0000])"))),
    (rules.has_plain_metadata, other_kernel),
    (rules.has_plain_metadata, more_metadata),
]


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_breaks_no_rule(rule):
    assert rule(good_notebook(), CHAPTER) == []


@pytest.mark.parametrize(("rule", "change"), BREAKS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_notebook_is_told(rule, change):
    notebook = good_notebook()
    assert rule(notebook, CHAPTER) == []
    change(notebook)
    notebook = nbformat.from_dict(notebook)
    assert rule(notebook, CHAPTER) != []


def test_every_rule_is_seen_to_bite():
    assert {rule for rule, _ in BREAKS} == set(rules.RULES)


@pytest.mark.parametrize(
    "rule",
    [
        rules.asks_for_predictions_and_compares,
        rules.has_enough_exercises,
        rules.ends_with_a_table_of_claims,
    ],
    ids=lambda rule: rule.__name__,
)
def test_the_front_page_needs_no_exercises(rule):
    assert rule(new_notebook(), FRONT_PAGE) == []


@pytest.mark.parametrize(
    "use", ["x = 3\nprint(x)", "[x for x in y]", "def f(x):\n    return x", "y.x", "f(x=1)"]
)
def test_a_name_of_the_cell_s_own_may_be_bound_anew(use):
    notebook = good_notebook()
    sources(ask="x = 1", plot=use, told="x = 2")(notebook)
    assert rules.runs_a_cell_again_as_it_ran(notebook, CHAPTER) == []


def test_chapter_4_1_needs_eight_exercises():
    attention = Chapter(**{**vars(CHAPTER), "number": "4.1"})
    assert rules.has_enough_exercises(good_notebook(), attention) == [
        "6 exercises with check(...), expected at least 8"
    ]


@pytest.mark.parametrize(
    "text", ["1234567", "12.34", "0.0001234", "99.9 %", "4.1.1", "v2.13.0", "1.5e-03", "100.0"]
)
def test_numbers_that_may_be_printed(text):
    assert rules.too_many_digits(text) is None
    assert rules.almost_zero(text) is None


def many(number, **metadata):
    return new_notebook(cells=[code(f"c-{n}", "1", **metadata) for n in range(number)])


@pytest.mark.parametrize(
    "skipping",
    [
        code("s", "1", tags=["nbval-skip"]),
        code("s", "# NBVAL_IGNORE_OUTPUT\n1"),
        code("s", "1", tags=["raises-exception"]),
    ],
)
def test_two_percent_of_the_cells_may_skip(skipping):
    assert rules.skips_little([many(25), new_notebook(cells=[skipping, *many(24).cells])]) == []
    assert len(rules.skips_little([new_notebook(cells=[skipping, *many(48).cells])])) == 1

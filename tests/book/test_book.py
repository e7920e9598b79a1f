"""The book as a thing to run: outline, self-test, storing notebooks, static pages."""

import base64
import io
import json
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from PIL import Image

from llmasos_edu.book import index, installation, load_outline, notebook_paths, self_test
from llmasos_edu.book.__main__ import main
from llmasos_edu.book.formulas import mathml
from llmasos_edu.book.lab import lab_environment
from llmasos_edu.book.notebooks import (
    WIDGET_STATE,
    WIDGET_VIEW,
    as_a_terminal_shows,
    as_text,
    execute,
    merge_streams,
    normalise,
    plain_png,
    put_pictures,
    store,
)
from llmasos_edu.book.outline import index_markdown, ways_on
from llmasos_edu.book.page import export_html, page_of, what_it_fetches, with_embedded_pictures

WIDGET = """\
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = "export default { render({ model, el }) { el.textContent = 'clicks: ' + model.get('value'); } };"
    value = traitlets.Int(7).tag(sync=True)
    data = traitlets.Bytes(b"seven").tag(sync=True)
    def __repr__(self):
        return "Counter(7)"
Counter()"""
SHOWN = "Across: 0 to 2; up: 1 to 4. At 0, 1 and 2: a line 1, 2, 4."  # what PLOT draws
PLOT = """\
import matplotlib.pyplot as plt
plt.plot([1, 2, 4])
plt.show()"""
PRINTS = """\
import os, sys
print("one", flush=True)
print("progress", os.environ["LLMASOS_PROGRESS"])
_ = sys.stdout.write("\\r10 %\\r100 %\\n")"""


def notebook_of(*cells):
    return new_notebook(cells=list(cells))


def code(name, source, **metadata):
    return new_code_cell(source, id=name, metadata=metadata)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A small chapter, stored twice: (path, text after the first run, text after the second)."""
    path = tmp_path_factory.mktemp("book") / "small.ipynb"
    lead = {"image": {"lead": "A rising line"}}
    notebook = notebook_of(
        new_markdown_cell(
            "# A small <chapter>\n\nWith $\\sqrt{d_k}$.\n\n$$\\begin{aligned}a &= b\\end{aligned}$$",
            id="title",
        ),
        code("prints", PRINTS, collapsed=True, tags=["kept"]),
        code("plot", PLOT, mystnb=lead, ExecuteTime={"start": "now"}),
        code("widget", WIDGET),
        code("nothing", ""),
        code("answer", "6 * 7"),
    )
    notebook.metadata["widgets"] = {"stale": {}}
    nbformat.write(notebook, path)
    assert store(path) is True
    first = path.read_text()
    assert store(path) is False
    return path, first, path.read_text()


def test_a_second_run_stores_the_same_bytes(stored):
    _, first, second = stored
    assert first == second
    assert first.endswith("}\n")


def test_what_is_stored_has_counts_in_order_and_only_allowed_metadata(stored):
    notebook = json.loads(stored[1])
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["language_info"] == {"name": "python"}
    assert cells["prints"]["metadata"] == {"tags": ["kept"]}
    image = {"lead": "A rising line", "alt": f"A rising line. {SHOWN}"}
    assert cells["plot"]["metadata"] == {"mystnb": {"image": image}}
    assert [cells[name]["execution_count"] for name in ("prints", "plot", "widget", "nothing", "answer")] == [
        1,
        2,
        3,
        None,
        4,
    ]
    assert cells["answer"]["outputs"][0]["execution_count"] == 4


def test_stored_text_is_what_a_terminal_shows(stored):
    outputs = next(cell["outputs"] for cell in json.loads(stored[1])["cells"] if cell["id"] == "prints")
    assert len(outputs) == 1
    assert "".join(outputs[0]["text"]) == "one\nprogress 0\n100 %\n"


def test_a_stored_widget_is_its_description(stored):
    output = next(cell["outputs"] for cell in json.loads(stored[1])["cells"] if cell["id"] == "widget")[0]
    assert output["data"] == {"text/plain": ["Counter(7)"]}
    assert output["metadata"] == {"widget": True}
    assert WIDGET_VIEW not in stored[1]


def test_the_page_is_alive_and_fetches_nothing(stored, tmp_path):
    page = export_html(stored[0], tmp_path / "small.html").read_text()
    assert what_it_fetches(page) == []
    assert "cdn" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page).lower()
    assert "<title>A small &lt;chapter&gt;</title>" in page
    assert "clicks: " in page
    assert base64.b64encode(b"seven").decode() in page
    assert f'alt="A rising line. {SHOWN}"' in page
    assert page.count("<math ") == 2
    assert "<msqrt>" in page
    assert stored[0].read_text() == stored[1], "exporting must leave the notebook alone"


def test_a_failing_cell_is_named_and_the_file_left_as_it_was(tmp_path, capsys):
    path = tmp_path / "broken.ipynb"
    nbformat.write(notebook_of(code("fine", "1"), code("divide", "1 / 0")), path)
    before = path.read_bytes()
    assert main(["execute", str(path)]) == 1
    said = capsys.readouterr().out
    assert "broken.ipynb: FAILED, left as it was" in said
    assert "cell 'divide': ZeroDivisionError: division by zero" in said
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["broken.ipynb"]


def test_a_missing_notebook_is_named(capsys):
    assert main(["execute", "notebooks/en/99_nowhere.ipynb"]) == 1
    assert "99_nowhere.ipynb" in capsys.readouterr().err


def test_trusting_signs_the_notebook(tmp_path, monkeypatch):
    from nbformat.sign import NotebookNotary

    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "ours.ipynb"
    nbformat.write(notebook_of(code("hello", "1")), path)
    assert not NotebookNotary().check_signature(nbformat.read(path, as_version=4))
    assert main(["trust", str(path)]) == 0
    assert NotebookNotary().check_signature(nbformat.read(path, as_version=4))


# -- normalising, without a kernel -------------------------------------------------


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*extra, grey=b"\x7f"):
    """A one-pixel picture with further chunks, as base64 text."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", zlib.compress(b"\0" + grey, 9))
    return base64.b64encode(data + chunk(b"IEND", b"")).decode()


def test_a_picture_loses_its_comments_and_nothing_else():
    assert plain_png(png(chunk(b"tEXt", b"Software\0drawn by version 1"))) == plain_png(png())
    assert plain_png(plain_png(png())) == plain_png(png())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_a_picture_keeps_every_dot(mode):
    drawn = Image.effect_noise((40, 30), 60).convert("RGBA")
    drawn.putalpha(Image.linear_gradient("L").resize((40, 30)))
    drawn, written = drawn.convert(mode), io.BytesIO()
    drawn.save(written, "PNG", dpi=(72, 72))
    plain = base64.b64decode(plain_png(base64.b64encode(written.getvalue()).decode()))
    assert Image.open(io.BytesIO(plain)).convert("RGBA").tobytes() == drawn.convert("RGBA").tobytes()
    assert b"pHYs" not in plain


def test_an_opaque_drawing_takes_less_room():
    axes = plt.figure(figsize=(3, 2)).gca()
    axes.plot([0, 2, 1])
    written = io.BytesIO()
    axes.figure.savefig(written, facecolor="white")
    plt.close(axes.figure)
    drawn = base64.b64encode(written.getvalue()).decode()
    assert len(plain_png(drawn)) < 0.9 * len(drawn)


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValueError, match="does not begin like a PNG"):
        plain_png(base64.b64encode(b"GIF89a").decode())


def picture_cell(picture, tags):
    output = new_output("display_data", data={"image/png": picture})
    return new_code_cell("draw()", id="draw", outputs=[output], metadata={"tags": tags})


def described(words):
    cell = picture_cell(png(), ["keep-picture"])
    cell.outputs[0].metadata = {"image/png": {"alt": words}}
    cell.metadata["mystnb"] = {"image": {"lead": "A dot", "alt": "A dot. " + words}}
    return cell


@pytest.mark.parametrize(("tags", "kept"), [(["keep-picture"], True), ([], False)])
def test_only_a_tagged_cell_keeps_its_stored_picture(tags, kept):
    old, new = png(grey=b"\x10"), png()
    notebook = notebook_of(picture_cell(new, tags))
    normalise(notebook, notebook_of(picture_cell(old, tags)))
    assert notebook.cells[0].outputs[0].data["image/png"] == (old if kept else new)


@pytest.mark.parametrize("redrawn", [False, True])
def test_a_picture_that_is_kept_keeps_what_is_said_of_it(redrawn):
    notebook, stored = notebook_of(described("It is new.")), notebook_of(described("It is old."))
    normalise(notebook, None if redrawn else stored)
    said = "It is new." if redrawn else "It is old."
    assert notebook.cells[0].outputs[0].metadata["image/png"]["alt"] == said
    assert notebook.cells[0].metadata["mystnb"]["image"]["alt"] == "A dot. " + said


def test_a_kept_picture_of_which_nothing_was_said_keeps_its_alt_text():
    new, old = described("It is new."), described("")
    new.metadata["mystnb"]["image"]["alt"] = "typed by hand"
    del old.outputs[0].metadata["image/png"]
    notebook = notebook_of(new)
    normalise(notebook, notebook_of(old))
    assert "image/png" not in notebook.cells[0].outputs[0].metadata
    assert notebook.cells[0].metadata["mystnb"]["image"]["alt"] == "typed by hand"


def test_a_picture_is_not_kept_when_their_number_changed():
    cell = picture_cell(png(), ["keep-picture"])
    put_pictures(cell, [("old", {}), ("older", {})])
    assert cell.outputs[0].data["image/png"] == png()


def test_an_executed_notebook_says_what_its_pictures_show(tmp_path):
    cell = new_code_cell(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3], [5, 3, 1], label='it')\nplt.show()", id="draw"
    )
    cell.metadata["mystnb"] = {"image": {"lead": "A line"}}
    notebook = notebook_of(cell)
    execute(notebook, tmp_path)
    normalise(notebook)
    said = "Across: 1 to 3; up: 1 to 5. At 1, 2 and 3: it 5, 3, 1."
    assert notebook.cells[0].outputs[0].metadata["image/png"]["alt"] == said
    assert notebook.cells[0].metadata["mystnb"]["image"]["alt"] == f"A line. {said}"


def test_pieces_of_a_stream_are_joined_and_streams_kept_apart():
    pieces = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b\n"),
        new_output("stream", name="stderr", text="c"),
        new_output("stream", name="stdout", text="d"),
    ]
    assert [(piece.name, piece.text) for piece in merge_streams(pieces)] == [
        ("stdout", "ab\n"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]
    assert pieces[0].text == "a"


@pytest.mark.parametrize(
    ("written", "shown"), [("1 %\r2 %\n", "2 %\n"), ("a\r\nb", "a\nb"), ("plain", "plain"), ("x\r", "x")]
)
def test_carriage_returns_leave_the_last_state(written, shown):
    assert as_a_terminal_shows(written) == shown


def test_normalising_twice_changes_nothing_more():
    notebook = notebook_of(picture_cell(png(chunk(b"tEXt", b"x\0y")), []), code("next", "1\n\n"))
    normalise(notebook)
    once = as_text(notebook)
    normalise(notebook)
    assert as_text(notebook) == once


# -- formulas and pages ------------------------------------------------------------


@pytest.mark.parametrize(
    "tex",
    [
        r"\operatorname{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\mathbb{E}[q \cdot k] = \sum_{i=1}^{d_k} \mathrm{Var}(q_i) \in \mathbb{R}^{n \times d_k}",
        r"\begin{cases} 0 & i \ge j \\ -\infty & i < j \end{cases}",
        r"\operatorname*{argmax}_j \hat{y}_j \approx \underbrace{x}_{\text{head}}",
        r"W^Q_h,\; \ldots,\; \dots \quad \begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}",
    ],
)
def test_the_book_s_formulas_become_mathml(tex):
    markup = mathml(tex, "block")
    assert markup.startswith('<math alttext="')
    assert not re.search(r">(\\|&(amp;)?<)", markup)


def test_an_unknown_formula_stays_readable():
    assert mathml(r"\frobnicate < x", "inline") == r'<code class="tex">\frobnicate &lt; x</code>'


@pytest.mark.parametrize(
    "markup",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="https://x.example/a.css">',
        "<style>@import 'https://x.example/a.css'</style>",
        "<style>p { background: url(https://x.example/a.png) }</style>",
        '<script type="module">import x from "https://esm.example/x"</script>',
        '<script>import("https://esm.example/x")</script>',
    ],
)
def test_whatever_fetches_is_found(markup):
    assert what_it_fetches(markup)


def test_links_that_a_reader_follows_are_no_fetch():
    assert what_it_fetches('<a href="https://arxiv.org/abs/1706.03762">paper</a><img src="data:,x">') == []


def test_pictures_beside_the_notebook_go_into_the_page(tmp_path):
    (tmp_path / "dot.png").write_bytes(base64.b64decode(png()))
    assert with_embedded_pictures('<img alt="a" src="dot.png">', tmp_path) == (
        f'<img alt="a" src="data:image/png;base64,{png()}">'
    )
    with pytest.raises(ValueError, match=r"not there: gone\.png"):
        with_embedded_pictures('<img src="gone.png">', tmp_path)


# -- outline and self-test ---------------------------------------------------------


def test_the_outline_is_whole_and_in_order():
    outline = load_outline()
    numbers = [
        tuple(int(part) for part in section.number.split("."))
        for chapter in outline
        for section in chapter.sections
    ]
    assert numbers == sorted(set(numbers))
    assert len({chapter.file for chapter in outline}) == len(outline)
    for chapter in outline:
        assert all(section.number.startswith(chapter.number) for section in chapter.sections)
        assert all(section.en and section.zh for section in (chapter, *chapter.sections))


def test_ready_means_that_the_notebook_is_there():
    assert {chapter.file for chapter in load_outline() if chapter.status == "ready"} == {
        chapter.file for chapter in load_outline() if chapter.path().exists()
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_index_links_ready_chapters_and_marks_the_others(language):
    rows = index_markdown(language).splitlines()[2:]
    for row, chapter in zip(rows, load_outline(), strict=True):
        assert (f"]({chapter.file}.ipynb)" in row) == (chapter.status == "ready")
        assert row.count("|") == 7
    assert index(language).data == index_markdown(language)


def test_the_index_knows_its_languages():
    with pytest.raises(ValueError, match="no language 'fr'"):
        index("fr")


def test_an_outline_that_is_not_there_is_told_in_words(tmp_path):
    with pytest.raises(FileNotFoundError, match="git clone"):
        load_outline(tmp_path / "outline.toml")


def test_the_self_test_is_content_here_and_prints_nothing_of_this_machine(capsys):
    self_test()
    said = capsys.readouterr().out
    assert said.count(" fine\n") == len(installation.CHECKS)
    assert "Everything that the book needs is here." in said
    assert not re.search(r"\d", said.replace("\n\n", "\n")), "no versions, counts or paths"


def test_the_self_test_says_what_is_missing_and_goes_on(capsys):
    def explodes():
        raise RuntimeError("boom")

    self_test((("ghost", installation.imports("no_such_package")), ("bomb", explodes), ("good", lambda: "")))
    said = capsys.readouterr().out
    assert "no_such_package cannot be imported" in said
    assert "make clean" in said
    assert "RuntimeError: boom" in said
    assert "good ......................... fine" in said
    assert "2 of 3 checks" in said


def test_the_self_test_answers_within_seconds_and_at_once():
    """Ten seconds on two busy cores; so it imports nothing that is slow to import and not needed."""
    program = (
        "import sys, time\n"
        "from llmasos_edu.book import self_test\n"
        "written = []\n"
        "write, sys.stdout.write = sys.stdout.write, lambda text: (written.append(text), write(text))[1]\n"
        "self_test()\n"
        "slow = {'jupyterlab', 'nbformat', 'jsonschema', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "pieces = [text for text in written if text.strip()]\n"
        "assert (slow, len(pieces)) == (set(), 1), (slow, pieces)\n"
        "assert time.process_time() < 10, time.process_time()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# -- JupyterLab, links, progress ----------------------------------------------------


def test_the_lab_opens_the_first_page_with_the_book_s_settings_and_one_thread(tmp_path, monkeypatch):
    signed, started = [], []
    monkeypatch.setattr("llmasos_edu.book.notebooks.trust", signed.extend)
    monkeypatch.setattr(os, "execve", lambda *given: started.append(given))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    main(["lab", "--no-browser", "--port=9"])
    ((program, command, environment),) = started
    assert signed == notebook_paths()
    assert command[:3] == [program, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={notebook_paths()[0].parent}" in command
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in command
    assert command[-2:] == ["--no-browser", "--port=9"]
    ours, theirs = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert theirs == str(tmp_path)
    settings = json.loads((Path(ours) / "labconfig" / "default_setting_overrides.json").read_text())
    assert settings["@jupyter-widgets/jupyterlab-manager:plugin"] == {"saveState": True}
    assert environment["OMP_NUM_THREADS"] == "1"
    assert lab_environment({"OMP_NUM_THREADS": "3"})["OMP_NUM_THREADS"] == "3", "a reader's own choice stays"


def test_a_chapter_s_last_line_leads_to_its_neighbours():
    ready = [chapter for chapter in load_outline() if chapter.status == "ready"]
    middle = ways_on(ready[2])
    assert middle == (
        f"Before: [{ready[1].heading()}]({ready[1].file}.ipynb) · "
        f"Next: [{ready[3].heading()}]({ready[3].file}.ipynb) · [All chapters]({ready[0].file}.ipynb)"
    )
    assert ways_on(ready[0]).startswith("Next: ")
    assert "Next" not in ways_on(ready[-1])
    assert ways_on(ready[2], "zh").startswith("上一章")


def test_writing_a_page_says_where_it_is_on_standard_error_only(tmp_path, capsys, monkeypatch):
    def execute(notebook, folder, *, progress, **_):
        for cell in (1, 2):
            progress(cell, 2)
        notebook.metadata["widgets"] = {WIDGET_STATE: {"state": {}}}

    monkeypatch.setattr("llmasos_edu.book.page.execute", execute)
    path = tmp_path / "chapter.ipynb"
    nbformat.write(notebook_of(code("one", "1"), code("two", "2")), path)
    assert main(["html", str(path)]) == 0
    said = capsys.readouterr()
    assert said.err == "running cell 1 of 2\nrunning cell 2 of 2\n"
    assert said.out == f"{path.with_suffix('.html')}\n"


def test_a_run_tells_each_code_cell_before_it(stored, monkeypatch):
    told, notebook = [], nbformat.read(stored[0], as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id in ("title", "answer", "prints")]
    execute(notebook, stored[0].parent, progress=lambda *place: told.append(place))
    assert told == [(1, 2), (2, 2)]


def test_a_page_joins_what_a_cell_wrote_in_pieces():
    pieces = [new_output("stream", name="stdout", text=text) for text in ("one ", "two ", "three")]
    cell = new_code_cell("speak()", id="speak", outputs=pieces)
    notebook = notebook_of(cell)
    notebook.metadata["widgets"] = {WIDGET_STATE: {"state": {}}}
    assert "one two three" in page_of(notebook, Path("en/chapter.ipynb"))


def test_code_and_raw_cells_stand_in_a_page_as_signs_and_not_as_markup():
    tricky = "<script>alert('&amp;')</script>"
    notebook = notebook_of(new_code_cell(f"print({tricky!r})", id="code"), new_raw_cell(tricky, id="raw"))
    notebook.metadata["widgets"] = {WIDGET_STATE: {"state": {}}}
    page = page_of(notebook, Path("en/chapter.ipynb"))
    assert page.count("&lt;script&gt;alert(") == 2
    assert "<script>alert" not in page
    assert "&amp;amp;" in page

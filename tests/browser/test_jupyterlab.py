"""A short notebook in JupyterLab as `make lab` starts it: run, played with, saved, opened after a restart.

The tests follow one another on one saved copy, so they stay in one module, in order. Nothing is set here that
the command does not set; only the folders are the test's own.
"""

from __future__ import annotations

import os
import re

import nbformat
import pytest
from latency import report_latency
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from own_jupyter import RUNNING, STARTING, jupyter_server

from llmasos_edu.book.lab import lab_command, lab_environment
from llmasos_edu.book.notebooks import KERNEL

FIRST = "00_start_here.ipynb"

# What a chapter's cells do: import, compute, draw, print, show an explorer.
CELLS = (
    """\
import matplotlib.pyplot as plt
import torch

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.plots.style import attention_figure, book_style
from llmasos_edu.widgets import AttentionExplorer

book_style()
torch.manual_seed(0)
model = LanguageModel(32, d_model=16, num_layers=2, num_heads=2)
tokens = torch.arange(8)[None]
words = [f"word{number}" for number in range(8)]""",
    "print(torch.get_num_threads())",
    """\
attention_figure(model.inspect(tokens).weights[:, 0], words, title="Four heads")
plt.show()""",
    "AttentionExplorer.from_model(model, tokens, words)",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a short notebook, which JupyterLab may change, and places for all that it keeps."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "work").mkdir()
    cells = [new_markdown_cell("# Start here", id="title")]
    cells += [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(CELLS)]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "work" / FIRST)
    return folder


def running_lab(folder):
    """(address, token, log) of a JupyterLab of our own, started by the command that `make lab` runs."""
    outside = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return jupyter_server(folder, lambda work: lab_command(work, FIRST), lab_environment(outside))


@pytest.fixture(scope="module")
def server(folder):
    with running_lab(folder) as server:
        yield server


def open_notebook(context, server, name: str):
    """The page of a notebook in JupyterLab."""
    address, token, _ = server
    page = context.new_page()
    page.goto(f"{address}/lab/tree/{name}?reset&token={token}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    return page


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(STARTING)
    yield context
    context.close()


@pytest.fixture(scope="module")
def lab(context, server):
    """The first page of JupyterLab, at the address that the terminal prints."""
    _, token, log = server
    printed = re.findall(r"http://127\.0\.0\.1:\d+/\S+", log.read_text())
    assert printed
    page = context.new_page()
    page.goto(printed[0].replace("token=...", f"token={token}"))  # the log shows no token that it was given
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    yield page
    page.close()


def wait_idle(page) -> None:
    """Run All before the kernel is there would end in a dialog that asks for one."""
    page.wait_for_function("document.querySelector('#jp-main-statusbar')?.innerText.includes('| Idle')")
    choose = page.locator(".jp-Dialog button.jp-mod-accept")
    if choose.count():
        choose.first.click()


def run_all(page) -> None:
    count = page.locator(".jp-CodeCell").count()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => { const prompts = [...document.querySelectorAll('.jp-CodeCell')].filter(
                       (cell) => cell.querySelector('.cm-content')?.innerText.trim());
                   return prompts.every((cell) =>
                       /\\[\\d+\\]/.test(cell.querySelector('.jp-InputPrompt').innerText))
                       && document.querySelector('#jp-main-statusbar').innerText.includes('| Idle'); }""",
        timeout=RUNNING,
    )
    assert count > 0
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
    assert errors.all_inner_texts() == []


def play(page) -> None:
    """Mouse and keyboard both move the explorer, and the number that it reads out changes."""
    explorer = page.locator(".lm-explorer").first
    explorer.wait_for(timeout=STARTING)
    explorer.scroll_into_view_if_needed()
    board, words = explorer.locator(".lm-map"), explorer.locator(".lm-readout")
    page.wait_for_function("document.querySelector('.lm-map canvas').dataset.cell !== undefined")
    place = board.locator("canvas").first.evaluate("(canvas) => ({ ...canvas.dataset })")
    left, top, cell = (float(place[name]) for name in ("left", "top", "cell"))

    def at(query, key):
        return {"x": left + (key + 0.5) * cell, "y": top + (query + 0.5) * cell}

    board.hover(position=at(3, 1))
    expect_words(page, words, "query 3 .*key 1 ")
    board.click(position=at(4, 2))
    expect_words(page, words, "query 4 .*key 2 ")
    before = words.inner_text()
    top_before = page.locator(".jp-Notebook").evaluate_all("(all) => all.map((one) => one.scrollTop)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect_words(page, words, "query 5 .*key 1 ")
    assert words.inner_text() != before
    assert page.locator(".jp-Notebook").evaluate_all("(all) => all.map((one) => one.scrollTop)") == top_before
    chosen = explorer.get_by_label("Head", exact=True)
    if chosen.locator("option").count() > 1:
        was = chosen.input_value()
        chosen.focus()
        page.keyboard.press("ArrowDown" if was == "0" else "ArrowUp")
        page.wait_for_function("([select, was]) => select.value !== was", arg=[chosen.element_handle(), was])
        expect_words(page, words, f"head {chosen.input_value()}")


def expect_words(page, words, pattern: str) -> None:
    page.wait_for_function(
        "([element, pattern]) => new RegExp(pattern).test(element.innerText.replace(/\\s+/g, ' '))",
        arg=[words.element_handle(), pattern],
    )


def save(page, path) -> None:
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(60):
        if path.stat().st_mtime_ns != before:
            return
        page.wait_for_timeout(500)
    pytest.fail("JupyterLab did not save the notebook", pytrace=False)


def test_the_address_in_the_terminal_opens_the_first_page(lab):
    assert lab.locator(".jp-Notebook h1").inner_text().startswith("Start here")
    lab.wait_for_timeout(1000)  # the question about news would come with the first page
    assert lab.locator(".Toastify__toast, .jp-toast-message").count() == 0


def test_the_notebook_runs_on_one_thread_and_its_explorer_answers(lab, folder, record_property):
    wait_idle(lab)
    run_all(lab)
    assert lab.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output").inner_text().strip() == "1"
    play(lab)
    report_latency(lab, record_property, "explorer in JupyterLab")
    save(lab, folder / "work" / FIRST)
    lab.close()  # it saves by itself from time to time: not beside the next tests
    saved = nbformat.read(folder / "work" / FIRST, as_version=4)
    models = saved.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert any("AttentionExplorer" in str(model["state"].get("_anywidget_id")) for model in models)


@pytest.fixture
def saved(folder):
    """The notebook as the test above saved it."""
    path = folder / "work" / FIRST
    if "widgets" not in nbformat.read(path, as_version=4).metadata:
        pytest.fail("another test of this module saves the notebook: run the whole module", pytrace=False)
    return path


def test_the_explorer_is_alive_when_the_lab_was_stopped_and_started_again(context, folder, saved):
    """No cell has run since, and the kernel is shut down before the explorer moves.

    JupyterLab's widget manager reads a notebook's stored widgets only once some kernel answers, so one is
    started, by JupyterLab itself, and knows nothing of the explorer. The static page needs none at all.
    """
    with running_lab(folder) as server:
        page = open_notebook(context, server, FIRST)
        page.locator(".lm-explorer").first.wait_for()
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
        page.wait_for_function("document.querySelector('#jp-main-statusbar').innerText.includes('No Kernel')")
        play(page)
        assert "No Kernel" in page.locator("#jp-main-statusbar").inner_text()
        page.close()


def test_the_static_page_is_alive_without_network(open_page, saved, tmp_path):
    from llmasos_edu.book.page import export_html

    page = open_page(export_html(saved, tmp_path / "chapter.html"))
    play(page)

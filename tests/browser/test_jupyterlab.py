"""The chapter in a real JupyterLab: run, played with, saved, reopened without a kernel, exported as a page.

The three tests follow one another on one saved copy, so they stay in one module, on one server, in order.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from latency import report_latency

ROOT = Path(__file__).parents[2]
CHAPTER = ROOT / "notebooks" / "en" / "04_1_attention.ipynb"
STARTING = 120_000  # a loaded machine takes its time, ms
RUNNING = 600_000  # the chapter takes 90 s where nothing else runs, 218 s were seen on a busy machine, ms

SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells off the screen stay in the page, so their outputs can be found.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a copy of the chapter, which JupyterLab may change."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "work").mkdir()
    shutil.copy(CHAPTER, folder / "work" / "chapter.ipynb")
    for name, values in SETTINGS.items():
        scope, plugin = name.split(":")
        path = folder / "settings" / scope / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """The address of a JupyterLab of our own: its settings, its folder, its token, nobody else's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "LLMASOS_PROGRESS": "0",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder / 'work'}"]
    log = (folder / "server.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api/status?token={token}", process, folder / "server.log")
        yield address, token
    finally:
        process.terminate()  # JupyterLab stops its kernels on the way out
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def _wait_for(address: str, process, log: Path) -> None:
    for _ in range(STARTING // 500):
        if process.poll() is not None:
            pytest.fail(f"JupyterLab stopped at once:\n{log.read_text()[-2000:]}", pytrace=False)
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-2000:]}", pytrace=False)


@pytest.fixture
def lab(browser, server):
    """Opens a notebook in JupyterLab: `lab("chapter.ipynb")` gives the page."""
    address, token = server
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(STARTING)

    def open_notebook(name: str, more: str = ""):
        page = context.new_page()
        page.goto(f"{address}/lab/tree/{name}?reset&token={token}{more}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        return page

    yield open_notebook
    context.close()


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


def test_the_chapter_runs_and_its_explorer_answers(lab, folder, record_property):
    page = lab("chapter.ipynb")
    wait_idle(page)
    run_all(page)
    play(page)
    report_latency(page, record_property, "explorer in JupyterLab")
    before = (folder / "work" / "chapter.ipynb").stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(60):
        if (folder / "work" / "chapter.ipynb").stat().st_mtime_ns != before:
            break
        page.wait_for_timeout(500)
    saved = nbformat.read(folder / "work" / "chapter.ipynb", as_version=4)
    models = saved.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    assert any("AttentionExplorer" in str(model["state"].get("_anywidget_id")) for model in models)


@pytest.fixture
def saved(folder):
    """The chapter as the first test saved it."""
    path = folder / "work" / "chapter.ipynb"
    if "widgets" not in nbformat.read(path, as_version=4).metadata:
        pytest.fail("the first test of this module saves the chapter: run the whole module", pytrace=False)
    return path


def test_the_saved_copy_is_alive_without_a_kernel(lab, saved):
    """No cell has run since the notebook was opened, and the kernel is shut down before the explorer moves.

    JupyterLab's widget manager reads a notebook's stored widgets only once some kernel answers, so one is
    started, by JupyterLab itself, and knows nothing of the explorer. The static page needs none at all.
    """
    copy = saved.with_name("reopened.ipynb")
    shutil.copy(saved, copy)  # the very bytes that JupyterLab saved and therefore trusts
    page = lab("reopened.ipynb")
    page.locator(".lm-explorer").first.wait_for()
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    page.wait_for_function("document.querySelector('#jp-main-statusbar').innerText.includes('No Kernel')")
    play(page)
    assert "No Kernel" in page.locator("#jp-main-statusbar").inner_text()


def test_the_static_page_is_alive_without_network(open_page, saved, tmp_path):
    from llmasos_edu.book.page import export_html

    page = open_page(export_html(saved, tmp_path / "chapter.html"))
    play(page)

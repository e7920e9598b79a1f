"""Every explorer inside JupyterLab and Notebook 7: laid out as on its own page, its keys its own.

One short notebook shows all of them; it is run once in each of the two.
"""

from __future__ import annotations

import nbformat
import pytest
from every_explorer import EXPLORERS
from own_jupyter import ROOT, RUNNING, STARTING, jupyter_server, write_settings

KINDS = list(EXPLORERS)

# What no theme and no width changes: a page's own style must not either.
LAYOUT = """(root) => [root, ...root.querySelectorAll('*')].map((node) => {
    const style = getComputedStyle(node);
    const names = ['display', 'float', 'clear', 'position', 'boxSizing', 'fontSize', 'fontWeight',
        'textAlign', 'verticalAlign', 'paddingTop', 'paddingLeft', 'marginTop', 'marginBottom',
        'borderTopWidth', 'borderBottomWidth', 'listStyleType', 'borderCollapse', 'tableLayout'];
    return [node.tagName, node.className, ...names.map((name) => name + ':' + style[name])].join(' ');
})"""


PLACES = ("lab", "notebook_7")
TYPED = ("next token", "sampling", "live attention")  # with a field for a text of the reader's own


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a notebook that shows every explorer, a cell each."""
    folder = tmp_path_factory.mktemp("every")
    (folder / "work").mkdir()
    first = f"import sys\nsys.path.insert(0, {str(ROOT / 'tests' / 'widgets')!r})\n"
    sources = [first + "from every_explorer import EXPLORERS", *(f"EXPLORERS[{kind!r}]()" for kind in KINDS)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for place in PLACES:  # one file each: who saves a file that another has saved since is asked a question
        nbformat.write(notebook, folder / "work" / f"{place}.ipynb")
    write_settings(folder)
    return folder


def run_all(page) -> None:
    """By the menu, as a reader does, until every explorer is there."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        "(count) => document.querySelectorAll('.lm-explorer').length === count",
        arg=len(KINDS), timeout=RUNNING,
    )  # fmt: skip
    page.wait_for_timeout(500)


@pytest.fixture(scope="module")
def server(folder):
    """One server: JupyterLab's serves Notebook 7 as well."""
    pytest.importorskip("notebook")
    with jupyter_server(folder) as (address, token, _):
        yield address, token


def open_page_at(browser, address):
    """The page at this address, in a window of its own."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.goto(address)
    page.set_default_timeout(STARTING)
    return page


@pytest.fixture(scope="module")
def lab(browser, server):
    """JupyterLab with the notebook run."""
    address, token = server
    page = open_page_at(browser, f"{address}/lab/tree/lab.ipynb?reset&token={token}")
    page.wait_for_function("document.querySelector('#jp-main-statusbar')?.innerText.includes('| Idle')")
    run_all(page)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def notebook_7(browser, server):
    """Notebook 7 with the notebook run."""
    address, token = server
    page = open_page_at(browser, f"{address}/notebooks/notebook_7.ipynb?token={token}")
    page.wait_for_selector(".jp-NotebookKernelStatus, .jp-Notebook-ExecutionIndicator", state="attached")
    page.wait_for_timeout(3000)
    run_all(page)
    yield page
    page.context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_jupyterlab_s_style_changes_nothing_in_an_explorer(lab, explorer_page, kind):
    own = explorer_page(EXPLORERS[kind]()).locator(".lm-explorer").evaluate(LAYOUT)
    inside = lab.locator(".lm-explorer").nth(KINDS.index(kind)).evaluate(LAYOUT)
    assert len(inside) == len(own) > 20
    pairs = [(a.split(), b.split()) for a, b in zip(inside, own, strict=True) if a != b]
    differing = [(a[:2], [both for both in zip(a, b, strict=False) if both[0] != both[1]]) for a, b in pairs]
    assert differing == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_sticks_out_in_jupyterlab(lab, kind):
    root = lab.locator(".lm-explorer").nth(KINDS.index(kind))
    assert root.evaluate("(root) => root.scrollWidth <= root.clientWidth")
    assert root.evaluate("(root) => root.clientWidth") > 600


def cells_and_place(page):
    return page.evaluate("""() => [document.querySelectorAll('.jp-Notebook .jp-Cell').length,
        document.querySelector('.jp-Notebook').className.includes('jp-mod-commandMode')]""")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", PLACES)
def test_plain_keys_are_the_explorer_s_alone(request, where, kind):
    page = request.getfixturevalue(where)
    root = page.locator(".lm-explorer").nth(KINDS.index(kind))
    root.scroll_into_view_if_needed()
    stop = root.locator(".lm-map, .lm-token[tabindex='0'], [role='gridcell'][tabindex='0']").first
    stop.focus()
    before = cells_and_place(page)
    for key in ("a", "b", "d", "d", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert cells_and_place(page) == before, "the notebook took a key for itself"
    assert page.evaluate("!!document.activeElement.closest('.lm-explorer')"), "the focus left the explorer"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in TYPED])
@pytest.mark.parametrize("where", PLACES)
def test_a_text_field_takes_every_letter_and_no_capital_is_a_shortcut(request, where, kind):
    """Shift and M join cells, Shift and L number lines, x cuts a cell, dd removes one, Enter opens one."""
    page = request.getfixturevalue(where)
    field = page.locator(".lm-explorer").nth(KINDS.index(kind)).locator("textarea")
    field.scroll_into_view_if_needed()
    field.fill("")
    before = cells_and_place(page)
    for key in (
        "Shift+M",
        "a",
        "Shift+L",
        "x",
        "d",
        "d",
        "Enter",
        "Shift+J",
        "ArrowUp",
        "End",
        "Backspace",
        "0",
    ):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert field.input_value() == "MaLxd0\nJ"
    assert cells_and_place(page)[0] == before[0], "the notebook took a key for itself"
    assert field.evaluate("(field) => field === document.activeElement")


@pytest.mark.parametrize("where", PLACES)
def test_shortcuts_with_ctrl_are_the_notebook_s(request, folder, where):
    page = request.getfixturevalue(where)
    page.locator(".lm-explorer .lm-map").first.focus()
    path = folder / "work" / f"{where}.ipynb"
    before = path.stat().st_mtime_ns
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+s")
    for _ in range(60):
        if path.stat().st_mtime_ns != before:
            break
        page.wait_for_timeout(500)
    assert path.stat().st_mtime_ns != before, "Ctrl and S did not save"


def test_a_theme_chosen_in_jupyterlab_repaints_every_explorer(lab):
    pixels = """(roots) => roots.map((root) => [getComputedStyle(root).backgroundColor,
        ...[...root.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())].join())"""
    light = lab.locator(".lm-explorer").evaluate_all(pixels)
    lab.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    lab.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    lab.wait_for_timeout(2000)
    dark = lab.locator(".lm-explorer").evaluate_all(pixels)
    assert all(one != other for one, other in zip(light, dark, strict=True))
    lab.evaluate("window.dispatchEvent(new Event('resize'))")
    lab.locator(".lm-explorer").evaluate_all(
        "(roots) => roots.forEach((root) => { root.style.width = '600px'; })"
    )
    lab.wait_for_timeout(500)
    lab.locator(".lm-explorer").evaluate_all("(roots) => roots.forEach((root) => { root.style.width = ''; })")
    lab.wait_for_timeout(1000)
    assert lab.locator(".lm-explorer").evaluate_all(pixels) == dark, (
        "a drawing afterwards shows other colours"
    )

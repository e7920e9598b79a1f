"""A chapter as one static page: no kernel, no network, and the widgets still alive.

The page is nbconvert's body in a shell of our own, because nbconvert's full templates fetch require.js,
MathJax and the widget manager from a CDN. Formulas become MathML here, when the page is made: every current
browser draws MathML without a script, and screen readers read it. What is wider than a small screen scrolls
in its own box.
"""

import base64
import html
import mimetypes
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat

from llmasos_edu.book.alt_texts import alt_of_each, image_of
from llmasos_edu.book.formulas import font_css, mathml
from llmasos_edu.book.notebooks import WIDGET_STATE, WIDGET_VIEW, execute, merge_streams

SHELL = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""

# Whatever scrolls can be reached with the keyboard; what fits is no stop on the way.
SCRIPT = """
const stops = () => {
  for (const box of document.querySelectorAll("main pre, .wide, .formula, .output_html:has(> table)")) {
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
    else box.removeAttribute("tabindex");
  }
};
for (const moment of ["load", "resize"]) addEventListener(moment, stops);
document.fonts.ready.then(stops);
"""

CSS = """
:root { --ink: #1b1f24; --paper: #ffffff; --code: #f5f6f8; --rule: #d0d4da; --link: #0a58a8; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1rem; }
a { color: var(--link); }
pre { background: var(--code); padding: .7rem; overflow-x: auto; font-size: 14px; line-height: 1.45; }
.output pre, .output_text pre { background: none; border-left: 3px solid var(--rule); }
img, svg { max-width: 100%; height: auto; }
.output_png img { background: #ffffff; }
.wide, .output_html:has(> table) { overflow-x: auto; }
table { border-collapse: collapse; }
p, li, h1, h2, h3, h4, summary { overflow-wrap: anywhere; }
td, th { border: 1px solid var(--rule); padding: .25rem .6rem; text-align: left; }
blockquote { border-left: 4px solid var(--rule); margin-left: 0; padding-left: 1rem; }
.anchor-link { visibility: hidden; text-decoration: none; margin-left: .3rem; }
:hover > .anchor-link, .anchor-link:focus { visibility: visible; }
math { font-family: "Book Math", math; font-size: 1.15em; }
math .prime { font-feature-settings: "ssty"; }
mtd[columnalign="left"] { text-align: left; }
mtd[columnalign="right"] { text-align: right; }
mtable[columnspacing^="0em"] > mtr > mtd { padding-left: 0; padding-right: 0; }
.formula { display: inline-flex; max-width: 100%; overflow: auto hidden; padding: .2em 0; margin: -.2em 0; }
.formula.block { display: block; margin: 1rem 0; }
.prompt { display: none; }
details.code > summary { color: var(--link); font-size: 14px; cursor: pointer; }
"""
DARK = ":root { --ink: #e6e8eb; --paper: #14171c; --code: #1e232b; --rule: #464d57; --link: #7ab8ff; }"


def export_html(notebook_path, html_path, progress=None):
    """Write a notebook as one self-contained page.

    A notebook that JupyterLab saved with its widgets' state is shown as it is. Any other is executed first
    (the file itself is left alone), because a widget without its state is only a name.

    Args:
        notebook_path: the `.ipynb` file.
        html_path: the page to write; its folder must exist.
        progress: progress(cell, cells) is called before each cell that is executed.

    Returns:
        The path written.

    Raises:
        CellFailed: the notebook had to be executed, and a cell failed.
        ValueError: the page would fetch something from the network.
    """
    notebook_path, html_path = Path(notebook_path), Path(html_path)
    notebook = nbformat.read(notebook_path, as_version=4)
    if "widgets" not in notebook.metadata:
        execute(notebook, notebook_path.parent, store_widget_state=True, progress=progress)
    html_path.write_text(page_of(notebook, notebook_path), encoding="utf-8")
    return html_path


def page_of(notebook, path):
    """The page of an executed notebook, as text; `path` tells its language and where its pictures are."""
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {})
    told = set()  # models that several widgets ask stand in the page once
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = merge_streams(cell.outputs)
        describe_pictures(cell)
        for output in cell.get("outputs", []):
            bring_to_life(output, state, told)
    chinese = path.parent.name == "zh"
    body = render_body(notebook, **({"folded": "这幅图的代码"} if chinese else {}))
    body = with_links_to_pages(with_embedded_pictures(body, path.parent))
    page = SHELL.format(
        language="zh-CN" if chinese else "en",
        title=html.escape(title_of(notebook) or path.stem),
        css=f"{font_css(body)}\n{style_sheet()}",
        body=body,
        script=SCRIPT,
    )
    if fetched := what_it_fetches(page):
        raise ValueError("the page would fetch from the network: " + ", ".join(fetched))
    return page


def describe_pictures(cell):
    """Hand each picture its alt text as nbconvert reads it, from the output's metadata."""
    alts = iter(alt_of_each(cell))
    for output in cell.get("outputs", []):
        for kind in ("image/png", "image/jpeg"):
            if kind not in output.get("data", {}):
                continue
            alt = next(alts) if kind == "image/png" else image_of(cell).get("alt")
            if alt:
                output.metadata[kind] = {**output.metadata.get(kind, {}), "alt": alt}


def bring_to_life(output, state, told):
    """Replace a widget's view by HTML that carries module and state; what has no module stays plain text."""
    view = output.get("data", {}).pop(WIDGET_VIEW, None)
    if view and (markup := widget_html(state, view["model_id"], told)):
        output.data = nbformat.from_dict({"text/html": markup})


def widget_html(state, model_id, told):
    """A living anywidget, the contents of a box, the value of an HTML widget; '' for all other widgets."""
    from llmasos_edu.widgets.shared.host import embed_widget_state

    model = state.get("state", {}).get(model_id)
    if model is None:
        return ""
    if model["model_module"] == "anywidget":
        return embed_widget_state(state, model_id, told=told)
    if model["model_name"] in ("BoxModel", "HBoxModel", "VBoxModel"):
        children = model["state"].get("children", [])
        return "\n".join(widget_html(state, child.removeprefix("IPY_MODEL_"), told) for child in children)
    if model["model_name"] == "HTMLModel":
        return model["state"].get("value", "")
    return ""


# -- nbconvert's part --------------------------------------------------------------


def render_body(notebook, folded="The code of this picture"):
    """The cells as HTML, without head, scripts or style; formulas as MathML, what is wide in boxes.

    Args:
        notebook: an executed notebook.
        folded: what stands over code that is folded.
    """
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from nbconvert.filters.strings import clean_html

    class ForSmallScreens(IPythonRenderer):
        def inline_math(self, body):
            # A short formula needs no box, and stays a plain part of its line.
            return mathml(body, "inline") if len(body) < LONG else boxed(mathml(body, "inline"), "formula")

        def block_math(self, body):
            return boxed(mathml(body, "block"), "formula block")

        def latex_environment(self, name, body):
            return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

        def table(self, text):
            return f'<div class="wide"><table>\n{text}</table></div>\n'

        def table_cell(self, text, align=None, head=False):
            style = f' style="text-align:{align}"' if align else ""
            tag = "th" if head and text.strip() else "td"  # an empty heading names nothing
            return f"  <{tag}{style}>{text}</{tag}>\n"

    class Body(HTMLExporter):
        def default_filters(self):
            yield from super().default_filters()
            yield (
                "markdown2html",
                lambda source: MarkdownWithMath(ForSmallScreens(escape=False)).render(source),
            )
            # Coloured code is escaped already: to read and write it once more took a third of a page's time.
            yield "clean_html", lambda text: text if str(text).startswith(COLOURED) else clean_html(text)

    exporter = Body(
        template_name="basic", raw_template=FOLDED, exclude_input_prompt=True, exclude_output_prompt=True
    )
    body, _ = exporter.from_notebook_node(notebook, resources={"folded": folded})
    return body


# Code that only draws is folded, as JupyterLab folds it.
FOLDED = """
{%- extends 'classic/base.html.j2' -%}
{%- block input_group -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details class="code"><summary>{{ resources['folded'] }}</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock input_group -%}
"""

COLOURED = '<div class=" highlight'  # how nbconvert's coloured code begins
LONG = 30  # characters of TeX: about the width of a small screen


def boxed(markup, names):
    return f'<span class="{names}">{markup}</span>'


def style_sheet():
    """Our few rules, and the colours of code for light and dark."""
    from pygments.formatters import HtmlFormatter

    def colours(style):
        return HtmlFormatter(style=style).get_style_defs(".highlight pre")

    dark = f"{DARK}\n{colours('github-dark')}"
    return f"{CSS}\n{colours('default')}\n@media (prefers-color-scheme: dark) {{ {dark} }}"


def title_of(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, re.MULTILINE)):
            return found.group(1).strip()
    return ""


# -- nothing from elsewhere --------------------------------------------------------


def with_embedded_pictures(body, folder):
    """Put pictures that lie beside the notebook into the page itself."""

    def embed(found):
        file = folder / unquote(found.group(2))
        if not file.is_file():
            raise ValueError(f"the notebook shows a picture that is not there: {found.group(2)}")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        data = base64.b64encode(file.read_bytes()).decode("ascii")
        return f"{found.group(1)}data:{kind};base64,{data}{found.group(3)}"

    return re.sub(r'(<img\b[^>]*?\bsrc=")([^":]+)(")', embed, body)


def with_links_to_pages(body):
    """Let links to other notebooks lead to their pages, which lie beside this one under the same names."""
    return re.sub(r'(<a\b[^>]*?\bhref="[^":?#]+)\.ipynb(?=["#])', r"\1.html", body)


class Fetches(HTMLParser):
    """Collects the addresses that a browser would load by itself when it opens a page."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            loads = name in ("src", "srcset", "poster", "data") or (tag == "link" and name == "href")
            if loads and value and not value.startswith(("data:", "#")):
                self.addresses.append(value[:80])


def what_it_fetches(page):
    """Addresses that the page would load: sources of elements, style sheets, imports."""
    parser = Fetches()
    parser.feed(page)
    in_styles = re.findall(r"(?:@import\s+|url\(\s*)[\"']?(https?:[^\"')\s]+)", page)
    in_scripts = re.findall(r"(?:\bfrom|\bimport\(?)\s*[\"'](https?:[^\"']+)", page)
    return parser.addresses + in_styles + in_scripts

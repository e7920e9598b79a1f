"""A page of our own that shows a widget with no Jupyter, no kernel and no network.

An anywidget is one JavaScript module and a bag of state. All that its `render` asks of the page is an
element and a `model` with `get`, `set`, `on`, `off` and `save_changes`: thirty lines, written here once and
used by `save_html`, by the static export of the chapters and by the browser tests. A value may be another
widget, such as a language model that several explorers ask: it stands in the page once, under its id.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmasos_edu.foundation.files import write_atomically

WIDGET_STATE_MIME = "application/vnd.jupyter.widget-state+json"
REFERENCE = "IPY_MODEL_"  # so begins a value that stands for another widget

_WIDGETS = Path(__file__).parents[1]

# Finds its own payload through document.currentScript's neighbour, so several fragments share one page.
_HOST_SCRIPT = """
(function () {
  const root = document.currentScript.previousElementSibling;
  const unpack = ({ state, buffers }) => {
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      const owner = path.slice(0, -1).reduce((value, key) => value[key], state);
      owner[path[path.length - 1]] = new DataView(bytes.buffer);
    }
    return state;
  };
  const payload = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  const state = unpack(payload);
  const listeners = {};
  const tell = (event) => (listeners[event] || []).slice().forEach((listener) => listener());
  const model = {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      tell("change:" + name);
      tell("change");
    },
    on: (event, listener) => { (listeners[event] = listeners[event] || []).push(listener); },
    off: (event, listener) => {
      listeners[event] = listener ? (listeners[event] || []).filter((other) => other !== listener) : [];
    },
    save_changes() {},
    send() {},
    // What a value of the form IPY_MODEL_id refers to; it stands where the page first needed it.
    widget_manager: {
      async get_model(id) {
        const holders = [...document.querySelectorAll("script[data-widget-model]")];
        const holder = holders.find((node) => node.dataset.widgetModel === id);
        if (!holder) throw new Error("the page holds no model " + id);
        const values = unpack(JSON.parse(holder.textContent));
        return { get: (name) => values[name] };
      },
    },
  };
  const el = document.createElement("div");
  root.append(el);
  const style = document.createElement("style");
  style.textContent = payload.css;
  root.append(style);
  const url = URL.createObjectURL(new Blob([payload.esm], { type: "text/javascript" }));
  root.ready = import(url).then(async (module) => {
    URL.revokeObjectURL(url);
    const widget = typeof module.default === "function" ? await module.default() : module.default;
    if (widget.initialize) await widget.initialize({ model });
    root.cleanup = await widget.render({ model, el });
    root.module = module;
    root.model = model;
    root.dataset.state = "ready";
  }).catch((error) => {
    root.dataset.state = "failed";
    el.textContent = "This widget could not start: " + error.message;
  });
})();
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
  body {{ margin: 0; padding: 16px; font-family: system-ui, sans-serif; }}
  body {{ background: #ffffff; color: #1b1f24; }}
  main {{ max-width: 900px; margin: 0 auto; }}
  h1 {{ font-size: 18px; font-weight: 600; margin: 0 0 12px; }}
  @media (prefers-color-scheme: dark) {{ body {{ background: #14171c; color: #e6e8eb; }} }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{fragment}
</main>
</body>
</html>
"""


def without_surrogates(value: Any) -> Any:
    """Strings, also within lists and mappings, with lone surrogates escaped; everything else as it is.

    Neither UTF-8 nor a message to the browser can hold half of a surrogate pair: it is shown as `\\ud800`.
    """
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", value)
    if isinstance(value, Mapping):
        return {without_surrogates(name): without_surrogates(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_surrogates(each) for each in value]
    return value


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _json_for_html(value: Any) -> str:
    """JSON that may stand inside a script element: no `<` can end the element early."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def read_module(*names: str) -> str:
    """One JavaScript module out of several files, less indentation and whole-line comments.

    Names are paths in the room, as "shared/view.js". The module is stored with every notebook, and the
    files are there for whoever wants to read them.
    """
    text = "\n".join((_WIDGETS / name).read_text(encoding="utf-8") for name in names)
    return re.sub(r"\n\s*(//[^\n]*)?(?=\n)", "", re.sub(r"\n[ \t]+", "\n", text))


def read_style(*names: str) -> str:
    """One style sheet out of several files, named as in `read_module`."""
    return "\n".join((_WIDGETS / name).read_text(encoding="utf-8") for name in names)


def host_fragment(
    esm: str,
    css: str,
    state: Mapping[str, Any],
    buffers: list[dict[str, Any]] | None = None,
    *,
    models: Mapping[str, Mapping[str, Any]] | None = None,
    told: set[str] | None = None,
) -> str:
    """HTML that shows one anywidget: its module, its state, and the small model that it talks to.

    Args:
        esm: the widget's JavaScript module, with a default export `{ render }`.
        css: its style sheet, or the empty string.
        state: the values that `model.get` answers; must be JSON. `bytes` values are moved to `buffers`,
            widgets to `models`, and a reference stands in their place.
        buffers: binary values as Jupyter stores them: `{"path": [...], "data": base64 text}`.
        models: what the state refers to as `IPY_MODEL_<id>`: for each id `{"state": ..., "buffers": ...}`.
        told: ids of models that an earlier fragment of the same page holds: they are left out here, and
            those of this fragment are added.

    Returns:
        A `<div>` and a `<script>`: paste both, in this order, anywhere in a page's body.
    """
    models = dict(models or {})
    plain = dict(state)
    for name, value in state.items():
        if hasattr(value, "model_id"):
            plain[name] = REFERENCE + value.model_id
            models[value.model_id] = {"state": _view_state(value.get_state())}
    told = set() if told is None else told
    held = "".join(
        f'<script type="application/json" data-widget-model="{_escape(name)}">'
        f"{_json_for_html(_payload(model['state'], model.get('buffers')))}</script>"
        for name, model in models.items()
        if name not in told
    )
    told.update(models)
    payload = {"esm": esm, "css": css} | _payload(plain, buffers)
    return (
        '<div class="llmasos-widget-host">'
        f'<script type="application/json">{_json_for_html(payload)}</script>{held}</div>\n'
        f"<script>{_HOST_SCRIPT}</script>"
    )


def _payload(state: Mapping[str, Any], buffers: list[dict[str, Any]] | None) -> dict[str, Any]:
    """State and buffers as JSON; what is binary in the state becomes a buffer."""
    plain, binary = {}, list(buffers or [])
    for name, value in state.items():
        if isinstance(value, bytes | bytearray | memoryview):
            binary.append({"path": [name], "data": base64.b64encode(value).decode()})
        else:
            plain[name] = value
    for buffer in binary:
        if buffer.get("encoding", "base64") != "base64":
            raise ValueError(
                f"buffer {buffer['path']} is stored as {buffer['encoding']!r}, expected 'base64'"
            )
    return {
        "state": without_surrogates(plain),
        "buffers": [{"path": buffer["path"], "data": buffer["data"]} for buffer in binary],
    }


def embed_widget_state(
    notebook_widget_state: Mapping[str, Any], model_id: str, *, told: set[str] | None = None
) -> str:
    """HTML for one widget of a saved notebook, from the state that Jupyter stored in its metadata.

    Args:
        notebook_widget_state: `notebook.metadata["widgets"]`, or what stands in it under
            `application/vnd.jupyter.widget-state+json`.
        model_id: the id in the output's `application/vnd.jupyter.widget-view+json`.
        told: as in `host_fragment`.

    Returns:
        A fragment for a static page; the widget in it is alive without kernel and without network.

    Raises:
        KeyError: the state holds no such model, or none that the model refers to.
        ValueError: the model is not an anywidget, so no module travels with it.
    """
    holder = notebook_widget_state.get(WIDGET_STATE_MIME, notebook_widget_state)
    models = holder.get("state", holder)
    model = _stored(models, model_id)
    state = dict(model["state"])
    if model.get("model_module") != "anywidget" or "_esm" not in state:
        raise ValueError(
            f"model {model_id!r} is a {model.get('model_module')} {model.get('model_name')}: "
            "only anywidgets carry the module that a static page needs"
        )
    esm, css = state.pop("_esm"), state.pop("_css", "")
    state = _view_state(state)
    values = [value for value in state.values() if isinstance(value, str) and value.startswith(REFERENCE)]
    referred = {}
    for name in (value.removeprefix(REFERENCE) for value in values):
        other = _stored(models, name)
        referred[name] = {"state": _view_state(other["state"]), "buffers": other.get("buffers")}
    return host_fragment(esm, css, state, model.get("buffers"), models=referred, told=told)


def _stored(models: Mapping[str, Any], model_id: str) -> Mapping[str, Any]:
    if model_id not in models:
        raise KeyError(
            f"the notebook's widget state holds no model {model_id!r} (it holds {len(models)} models): "
            "save the notebook with its widget state before exporting"
        )
    return models[model_id]


def _view_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state without what only Jupyter's widget manager reads (`_model_name`, `layout`, ...)."""
    skipped = {"layout", "tabbable", "tooltip"}
    return {name: value for name, value in state.items() if not name.startswith("_") and name not in skipped}


def save_html(widget: Any, path: str | Path, *, title: str | None = None) -> Path:
    """Write one self-contained HTML file that shows the widget: no Jupyter, no kernel, no network.

    Args:
        widget: an anywidget.
        path: the file to write; its folder must exist. It is written whole or not at all.
        title: heading of the page; the widget's `repr` if not given.

    Returns:
        The path written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(path.parent)!r} does not exist: make it, or choose another")
    state = {name: getattr(widget, name) for name in widget.keys if not name.startswith("_")}
    css = getattr(widget, "_css", "")
    fragment = host_fragment(str(widget._esm), str(css), _view_state(state))
    page = PAGE.format(title=_escape(without_surrogates(title or repr(widget))), fragment=fragment)
    write_atomically(path, page.encode("utf-8"))
    return path

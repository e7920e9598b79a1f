"""One explorer on its own host page, and what every explorer's browser test does with it."""

from __future__ import annotations

import re
from pathlib import Path

import axe_playwright_python
from PIL import Image

from llmasos_edu.widgets.shared.host import PAGE, host_fragment

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
HOST = "document.querySelector('.llmasos-widget-host')"
PAPER = {False: "rgb(255, 255, 255)", True: "rgb(20, 23, 28)"}


class ExplorerPage:
    """A page with an explorer: ask for its state, press its keys, move its sliders, save its pictures."""

    def __init__(self, page, dark: bool = False) -> None:
        self.page, self.dark = page, dark
        self.locator, self.get_by_label, self.get_by_role = page.locator, page.get_by_label, page.get_by_role

    def __getattr__(self, name: str):
        """What is not an explorer's is the page's: mouse, keyboard, clock, waiting."""
        return getattr(self.page, name)

    def settle(self) -> None:
        self.page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")

    def press(self, *keys: str) -> None:
        self.settle()  # a key means what is on show: what was chosen before it must be
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def state(self, *names: str):
        """Values of the model, one alone or several as a list; when they are told, they are drawn."""
        self.settle()
        found = self.page.evaluate(f"(names) => names.map((name) => {HOST}.model.get(name))", list(names))
        return found[0] if len(names) == 1 else found

    def put(self, **values) -> None:
        """What Python does when a trait is set: the model changes, the view hears of it."""
        self.page.evaluate(
            f"(values) => Object.entries(values).forEach(([n, v]) => {HOST}.model.set(n, v))", values
        )
        self.settle()

    def module(self, script: str, argument=None):
        """Run `(module, model, argument) => ...` with the explorer's own functions."""
        return self.page.evaluate(
            f"(argument) => ({script})({HOST}.module, {HOST}.model, argument)", argument
        )

    def text(self, selector: str) -> str:
        """Visible words, blanks folded, the typographic minus as a plain one."""
        self.settle()
        return re.sub(r"\s+", " ", self.locator(selector).first.inner_text()).strip().replace("−", "-")

    def readout(self) -> str:
        return self.text(".lm-readout")

    def figures(self, panel: int = 0) -> list[str]:
        """The large numbers, as they are written."""
        self.settle()
        found = self.locator(".lm-figures").nth(panel).locator("strong").all_inner_texts()
        return [text.replace("−", "-") for text in found]

    def set_slider(self, label: str, value: float) -> None:
        self.get_by_label(label, exact=True).evaluate(
            """(input, value) => { input.value = value;
                                   input.dispatchEvent(new Event('input', { bubbles: true })); }""",
            str(value),
        )
        self.settle()

    def pixels(self, selector: str) -> str:
        self.settle()
        return self.locator(selector).first.evaluate("(canvas) => canvas.toDataURL()")

    def all_pixels(self) -> list[str]:
        """Every canvas of the explorer, and its paper."""
        self.settle()
        return self.locator(".lm-explorer").first.evaluate(
            """(root) => [getComputedStyle(root).backgroundColor,
                          ...[...root.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())]"""
        )

    def stops(self) -> list:
        """Everything in the first explorer that the Tab key stops at."""
        self.settle()
        kinds = "select, input, textarea, button, [tabindex='0']"
        found = self.locator(".lm-explorer").first.locator(kinds)
        usable = """(nodes) => [...nodes.keys()].filter((number) => nodes[number].offsetParent !== null
                                   && !nodes[number].disabled && nodes[number].tabIndex === 0)"""
        return [found.nth(number) for number in found.evaluate_all(usable)]

    def sticking_out(self) -> list[str]:
        """What lies beyond the explorer's edges, and in no box that scrolls."""
        self.settle()
        return self.locator(".lm-explorer").first.evaluate(
            """(root) => { const edge = root.getBoundingClientRect();
                return [...root.querySelectorAll('*')].filter((node) => {
                    if (!node.offsetParent || node.closest('.lm-scroller')) return false;
                    const { left, right } = node.getBoundingClientRect();
                    return right > edge.right || left < edge.left;
                }).map((node) => node.outerHTML.slice(0, 90)); }"""
        )

    def fits(self) -> bool:
        """Whether nothing sticks out of the page's width."""
        self.settle()
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    def keys_heard_outside(self, *keys: str) -> list[str]:
        """Which of the pressed keys reach the notebook around the explorer."""
        self.page.evaluate(
            """() => { if (!window.heard) document.addEventListener('keydown', (e) => heard.push(e.key));
                       window.heard = []; }"""
        )
        for key in keys:
            self.page.keyboard.press(key)
        return [key for key in self.page.evaluate("heard") if key not in ("Control", "Shift")]

    def axe_violations(self, *, only_first: bool = False) -> list:
        """What axe-core finds on the page, or in its first explorer; its theme is checked on the way."""
        self.settle()
        paper = self.locator(".lm-explorer").first.evaluate("(e) => getComputedStyle(e).backgroundColor")
        assert paper == PAPER[self.dark]
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        # Nodes in full only where something is wrong; of what passes the names are enough.
        found = self.page.evaluate(
            f"""axe.run({HOST if only_first else "document"},
                        {{ rules: {{ 'target-size': {{ enabled: true }} }}, resultTypes: ['violations'] }})"""
        )
        asked = {"color-contrast"} if only_first else {"color-contrast", "button-name", "label"}
        assert {p["id"] for p in found["passes"]} >= asked
        return [(v["id"], [n["html"] for n in v["nodes"]]) for v in found["violations"]]

    def saved_picture(self, folder: Path) -> tuple[str, tuple[int, int], list[str]]:
        """Save PNG and SVG: the file's name without ending, the PNG's size, the words in the SVG."""
        files = {}
        for ending in ("PNG", "SVG"):
            with self.page.expect_download() as waiting:
                self.get_by_role("button", name=ending).first.click()
            files[ending] = folder / waiting.value.suggested_filename
            waiting.value.save_as(files[ending])
        with Image.open(files["PNG"]) as image:
            size = image.size
            assert len(image.convert("RGB").getcolors(1 << 20)) > 60, "the picture is nearly empty"
        text = files["SVG"].read_text(encoding="utf-8")
        assert "NaN" not in text
        assert "undefined" not in text
        found = self.page.evaluate(
            """(text) => { const svg = new DOMParser().parseFromString(text, "image/svg+xml");
               return { error: !!svg.querySelector("parsererror"),
                        words: [...svg.querySelectorAll("text")].map((text) => text.textContent) }; }""",
            text,
        )
        assert not found["error"]
        assert files["PNG"].stem == files["SVG"].stem
        return files["SVG"].stem, size, [words.replace("−", "-") for words in found["words"]]

    def open_second_view(self) -> int:
        """The first explorer again, in an element of its own; how many listeners it took."""
        taken = self.page.evaluate(f"""async () => {{
            const host = {HOST}, on = host.model.on;
            let taken = 0;
            host.model.on = (...what) => {{ taken++; on(...what); }};
            window.second = document.body.appendChild(document.createElement('div'));
            window.close2 = await host.module.render({{ model: host.model, el: second }});
            host.model.on = on;
            return taken;
        }}""")
        self.settle()
        return taken

    def close_second_view(self) -> int:
        """How many listeners of the model the closed view gave back; nothing of it stays on the page."""
        left = self.page.evaluate(f"""() => {{
            const model = {HOST}.model, off = model.off;
            window.left = 0;
            model.off = (...what) => {{ left++; off(...what); }};
            close2();
            model.off = off;
            return left;
        }}""")
        assert self.page.evaluate("second.childElementCount") == 0
        return left


def page_of(widgets, path: Path) -> Path:
    """Write several explorers as one page."""
    parts = []
    for widget in widgets:
        values = {name: getattr(widget, name) for name in widget.keys if not name.startswith("_")}
        for name in ("layout", "tabbable", "tooltip"):
            values.pop(name)
        parts.append(host_fragment(widget._esm, widget._css, values))
    path.write_text(PAGE.format(title="Several", fragment="".join(parts)), encoding="utf-8")
    return path

"""A page that holds language models and nothing to see: the JavaScript model's own functions, for tests."""

from __future__ import annotations

from pathlib import Path

from llmasos_edu.widgets.shared.host import PAGE, host_fragment, read_module
from llmasos_edu.widgets.shared.language_model import browser_model

MODULE = read_module("shared/elements.js", "shared/language_model.js") + (
    "export { sharedModel, unpackModel, Reading, softmax }; export default { render() {} };"
)


class ModelPage:
    """Run `(module, model, argument) => ...`, where `model` is the unpacked model."""

    def __init__(self, page) -> None:
        self.page = page
        page.evaluate("""async () => {
            const { module, model } = document.querySelector('.llmasos-widget-host');
            window.jsModule = module;
            window.jsModel = await module.sharedModel(model, 'weights');
        }""")

    def run(self, script: str, argument=None):
        return self.page.evaluate(f"(argument) => ({script})(jsModule, jsModel, argument)", argument)


def write_page(model, tokenizer, path: Path) -> Path:
    """The page of a model, ready to open."""
    fragment = host_fragment(MODULE, "", {"weights": browser_model(model, tokenizer)})
    path.write_text(PAGE.format(title="Model", fragment=fragment), encoding="utf-8")
    return path

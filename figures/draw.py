"""Draw every still picture that the README and the chapters embed: `make figures`; with names, some of them.

One function a picture; its name is the file's. Each is drawn from data made here, seeds in sight.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "browser"))  # where the way to a Chromium is kept

MAX_BYTES = 300_000


def attention_explorer() -> Path:
    """A real screenshot of the explorer in Chromium: the induction heads of a model trained here."""
    explorer, period = induction_explorer()
    # The last token but some: it looks at what followed the same token one period ago.
    explorer.query = explorer.pinned = 2 * period - 4
    explorer.key = explorer.query - period + 1
    explorer.knocked_out = [4 * explorer.layer + explorer.head]
    return screenshot(explorer, HERE / "attention_explorer.png", width=900)


def induction_explorer():
    """A two-layer model that learned to continue a random pattern said twice, and that pattern's length."""
    import torch

    from llmasos_edu.corpus import repeated_patterns
    from llmasos_edu.models.language_model import LanguageModel
    from llmasos_edu.training.loop import make_optimizers, train
    from llmasos_edu.widgets import AttentionExplorer

    torch.set_num_threads(1)  # the same picture on every machine, and no waiting for a busy second core
    torch.manual_seed(0)
    period, symbols = 14, 26
    model = LanguageModel(symbols, d_model=64, num_layers=2, num_heads=4, d_ff=0)

    def sample(generator):
        return repeated_patterns(16, period, num_symbols=symbols, generator=generator)

    train(model, sample, steps=250, optimizers=make_optimizers(model), seed=0, progress=False)
    pattern = repeated_patterns(1, period, num_symbols=symbols, generator=torch.Generator().manual_seed(1))
    letters = [chr(ord("a") + int(token)) for token in pattern[0]]
    weights = model.inspect(pattern).weights[1, 0]  # [heads, query, key] of the second layer
    induction = weights.diagonal(1 - period, dim1=-2, dim2=-1).mean(-1)  # what followed one period ago
    explorer = AttentionExplorer.from_model(
        model, pattern, letters, knock_out=True, mean_from=period, layer=1, head=int(induction.argmax())
    )
    return explorer, period


def screenshot(widget, path: Path, *, width: int) -> Path:
    """The widget as Chromium shows it on our own host page, at two pixels to the point."""
    import tempfile

    import chromium
    from playwright.sync_api import sync_playwright

    browser_path = chromium.find()
    if browser_path is None:
        raise RuntimeError("no Chromium or Chrome found: run `python tests/browser/chromium.py`")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_path = widget.save_html(Path(folder) / "widget.html")
        browser = playwright.chromium.launch(executable_path=browser_path, args=chromium.FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 1200}, device_scale_factor=2)
        page.goto(page_path.as_uri())
        page.wait_for_selector('[data-state="ready"]')
        page.wait_for_timeout(500)  # the thumbnails are drawn between frames
        page.locator(".lm-explorer").screenshot(path=path)
        browser.close()
    return shrink(path)


def shrink(path: Path) -> Path:
    """Where the file is too large, the same picture with at most 256 colours."""
    from PIL import Image

    if path.stat().st_size <= MAX_BYTES:
        return path
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        raise RuntimeError(f"{path.name} has {path.stat().st_size} bytes, more than the {MAX_BYTES} allowed")
    return path


def house() -> Path:
    """The rooms of the library on their floors, arrows from the imports; and CONTRIBUTING's table of them."""
    import house

    contributing = HERE.parent / "CONTRIBUTING.md"
    before, _, rest = contributing.read_text(encoding="utf-8").partition(house.TABLE_BEGINS)
    _, _, after = rest.partition(house.TABLE_ENDS)
    whole = f"{before}{house.TABLE_BEGINS}\n{house.rooms_table()}\n{house.TABLE_ENDS}{after}"
    contributing.write_text(whole, encoding="utf-8")
    return house.draw(HERE / "house.svg")


PICTURES = {"attention_explorer": attention_explorer, "house": house}


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - set(PICTURES))
    if unknown:
        raise SystemExit(f"there is no picture named {', '.join(unknown)}: there are {', '.join(PICTURES)}")
    for name in names or PICTURES:
        path = PICTURES[name]()
        print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1:])

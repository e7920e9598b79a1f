"""What all explorers are in Python: their words, their page, their refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from llmasos_edu.widgets.shared.host import read_module, read_style, save_html, without_surrogates

# In this order: a later file uses what an earlier one defines.
SHARED_SCRIPTS = ("shared/elements.js", "shared/picture.js", "shared/view.js", "shared/controls.js")
SHARED_STYLE = "shared/explorer.css"


def script(*names: str) -> str:
    """The JavaScript module of an explorer: what all share, then its own files, as `attention/maps.js`."""
    return read_module(*SHARED_SCRIPTS, *names)


def style(*names: str) -> str:
    """The style sheet of an explorer: what all share, then its own files, for what stands in an explorer."""
    own = f".lm-explorer.lm-explorer {{\n{read_style(*names)}}}\n" if names else ""
    return read_style(SHARED_STYLE) + own


class Explorer(anywidget.AnyWidget):
    """Data sent once, shown and played with in the browser alone.

    A kind of explorer names its page in `page_title`, tells in `contents` what it holds, and brings its
    module and style sheet as `_esm` and `_css`. Lone surrogates in its strings are shown escaped.
    """

    page_title = "Explorer"

    def __init__(self, **traits: Any) -> None:
        super().__init__(**without_surrogates(traits))

    def trait_metadata(self, traitname: str, key: str, default: Any = None) -> Any:
        """What the browser sends is not sent back: a late echo would undo what was typed or moved since."""
        return False if key == "echo_update" else super().trait_metadata(traitname, key, default)

    def contents(self) -> str:
        """What the explorer holds, in a few words; never changes from run to run."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it holds")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.contents()})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """As of every widget; a notebook in which nothing runs shows the text, which tells what to do."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | {"text/plain": f"{self!r}: run this cell to play"}, metadata

    def save_html(self, path: str | Path, *, title: str | None = None) -> Path:
        """Write the explorer as one HTML file that works with no Jupyter, no kernel and no network.

        Args:
            path: the file to write; its folder must exist. Whoever looks finds the old file or the new one,
                each whole.
            title: heading of the page; the explorer's own if not given.

        Returns:
            The path written.
        """
        return save_html(self, path, title=title or self.page_title)


@contextmanager
def told_as_trait_error() -> Iterator[None]:
    """A refusal of the constructor's own checks, as traitlets tells it when a trait is set."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise t.TraitError(str(error)) from None

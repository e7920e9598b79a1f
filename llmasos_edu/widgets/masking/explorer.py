"""Hide a token: what does a model that reads both sides propose, and what one that reads the left alone?

Section 3.1 (BERT fills gaps, GPT predicts what comes next).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.masking.data import (
    MAX_TOP,
    MAX_WIDTH,
    causal_proposals,
    check_text,
    masked_proposals,
    only_used,
)
from llmasos_edu.widgets.shared.explorer import Explorer, script, style


class MaskingExplorer(Explorer):
    """A text in which any token, or a few neighbours, can be hidden; two models propose what stood there.

    Everything is computed when the explorer is made: each gap of 1 to `max_width` tokens at each place. After
    that the browser answers alone.

    Args:
        tokens: the text, `[seq]` integers, 3 to 64 of them.
        masked: a model that fills gaps, such as `MaskedLanguageModel`.
        causal: a model that predicts what comes next, such as `LanguageModel`.
        mask_id: the token that `masked` knows as the mask.
        names: the name of every token: `tokenizer.tokens(range(tokenizer.vocab_size))`.
        max_width: longest gap, 1 to 4 and shorter than the text.
        top: proposals shown for each place, 1 to 8.
        token: hidden first; the one in the middle if not given.
        width: tokens hidden at first.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Devlin et al. 2019, section 3.1; Radford et al. 2018, section 3.1; article 3.1.
    """

    page_title = "Masking and prediction"
    _esm = script("masking/explorer.js")
    _css = style("shared/bits.css", "masking/style.css")

    pieces = t.List(t.Unicode(), help="names of the tokens in use").tag(sync=True)
    ids = t.List(t.Int(), help="the text, as numbers of pieces").tag(sync=True)
    masked = t.List(help="[width - 1][start][place of the gap]").tag(sync=True)
    causal = t.List(help="[start][place of the gap]; nothing before the first token").tag(sync=True)
    token = t.Int(0, help="the first hidden token").tag(sync=True)
    width = t.Int(1, help="tokens hidden").tag(sync=True)
    shown = t.Bool(False, help="whether the truth is told").tag(sync=True)

    def __init__(self, tokens: Any, masked: Any, causal: Any, mask_id: int, names: Sequence[str], *,
                 max_width: int = 3, top: int = 5, token: int | None = None,
                 width: int = 1) -> None:  # fmt: skip
        text = check_text(tokens, names)
        check_whole("max_width", max_width, 1, min(MAX_WIDTH, len(text) - 1))
        check_whole("top", top, 1, min(MAX_TOP, len(names)))
        check_whole("width", width, 1, max_width)
        check_whole("mask_id", mask_id, 0, 10**9)
        token = len(text) // 2 if token is None else token
        check_whole("token", token, 0, len(text) - width)
        gaps = masked_proposals(masked, text, mask_id, len(names), max_width, top)
        continued = causal_proposals(causal, text, len(names), max_width, top)
        (gaps, continued), ids, pieces = only_used([gaps, continued], text.tolist(), names)
        super().__init__(pieces=pieces, ids=ids, masked=gaps, causal=continued, token=token, width=width)

    @t.validate("token", "width")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        high = len(self.masked) if name == "width" else len(self.ids) - 1
        low = 1 if name == "width" else 0
        if not low <= value <= high:
            raise t.TraitError(f"{name}={value} is out of range: {low} to {high}")
        return value

    def contents(self) -> str:
        return f"{len(self.ids)} tokens, gaps of up to {len(self.masked)}"

"""Type a text: what do a model and an n-gram expect next, and how much did each token surprise them?

Section 2.1.1 (a language model is the probability of the next token).
"""

from __future__ import annotations

from typing import Any

import traitlets as t
from ipywidgets import widget_serialization

from llmasos_edu.foundation.arguments import check_number, check_whole
from llmasos_edu.widgets.next_token import data
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error
from llmasos_edu.widgets.shared.host import without_surrogates
from llmasos_edu.widgets.shared.language_model import BrowserModel, browser_model


class NextTokenExplorer(Explorer):
    """A text of the reader's own, and what two models expect at each place of it.

    Model, tokenizer and counts travel to the browser once; what is typed is read there, token by token, with
    no kernel and no network. A candidate that is pressed goes on the text; the explorer writes on by itself,
    each token drawn with a chance that seed and place decide.

    Args:
        model: a `LanguageModel` that the browser can compute, such as `manual-dense`; see `pack_model`.
        tokenizer: the model's.
        ngram: an `NGram` over the same tokens.
        text: shown first; of more than 256 tokens the first 256.
        temperature: of what is expected and of what is written, 0 to 2; at 0 the likeliest is certain.
        seed: 0 to 99.

    Attributes:
        tokens: the ids of the text; set them, or `text`, to change it from Python.
        place: what is expected here is on show, 0 to the number of tokens, where it is what comes next.
        writer: who writes on, `model` or `ngram`.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Shannon 1951, "Prediction and Entropy of Printed English"; Radford et al. 2019, section 2;
    article 2.1.1.
    """

    page_title = "Next token"
    _esm = script(
        "shared/language_model.js",
        "shared/choosing.js",
        "shared/text_field.js",
        "next_token/ngram.js",
        "next_token/writing.js",
        "next_token/explorer.js",
    )
    _css = style("shared/text_field.css", "shared/bits.css", "next_token/style.css")

    language_model = t.Instance(BrowserModel).tag(sync=True, **widget_serialization)
    ngram = t.Bytes(help="the tables, from pack_ngram").tag(sync=True)
    # Not told back: while one letter is on its way to Python, the next may stand in the field.
    tokens = t.List(t.Int(), help="the text").tag(sync=True)
    place = t.Int(0, help="what is expected here is on show").tag(sync=True)
    temperature = t.Float(1.0).tag(sync=True)
    seed = t.Int(0, help="of what is written").tag(sync=True)
    writer = t.Enum(["model", "ngram"], "model", help="who writes on").tag(sync=True)

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        ngram: Any,
        *,
        text: str = "The with statement",
        temperature: float = 1.0,
        seed: int = 0,
    ) -> None:
        sent = browser_model(model, tokenizer)
        counts = data.pack_ngram(ngram)
        if ngram.vocab_size != tokenizer.vocab_size:
            raise ValueError(
                f"the n-gram counts {ngram.vocab_size} different tokens and the tokenizer has "
                f"{tokenizer.vocab_size}: let it read what this tokenizer encodes"
            )
        self._model, self._tokenizer, self._ngram = model, tokenizer, ngram
        tokens = self._read(text)
        super().__init__(
            language_model=sent,
            ngram=counts,
            tokens=tokens,
            place=len(tokens),
            temperature=temperature,
            seed=seed,
        )

    @property
    def text(self) -> str:
        """The text on show; a cut character is U+FFFD. Set it, and what is expected at its end is on show."""
        return self._tokenizer.decode(self.tokens)

    @text.setter
    def text(self, text: str) -> None:
        tokens = self._read(text)
        with self.hold_trait_notifications():
            self.tokens, self.place = tokens, len(tokens)

    def expectations(self) -> data.Expectations:
        """What the explorer shows now, computed by torch: surprise at each token, proposals at the place."""
        return data.expectations(self._model, self._ngram, self.tokens, self.place, self.temperature)

    def names(self, ids) -> list[str]:
        """The tokens as a reader sees them."""
        return self._tokenizer.tokens(ids)

    @property
    def order(self) -> int:
        """Of the n-gram: tokens of context plus one."""
        return self._ngram.order

    def _read(self, text: str) -> list[int]:
        if not isinstance(text, str):
            raise TypeError(f"text is a {type(text).__name__}: a string is wanted")
        return self._tokenizer.encode(without_surrogates(text))[: data.MAX_TOKENS]

    @t.validate("tokens", "place", "temperature", "seed")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "tokens":
                check_whole("number of tokens", len(value), 0, data.MAX_TOKENS)
                self._tokenizer.decode(value)  # refuses an id that does not exist
            elif name == "place":
                check_whole(name, value, 0, len(self.tokens))
            elif name == "temperature":
                check_number(name, value, 0, 2)
            else:
                check_whole(name, value, 0, 99)
        return value

    def contents(self) -> str:
        layers, heads = (self._model.settings[name] for name in ("num_layers", "num_heads"))
        return f"{len(self.tokens)} tokens, {layers} layers x {heads} heads beside a {self.order}-gram"

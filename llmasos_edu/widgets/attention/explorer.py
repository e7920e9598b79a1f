"""An attention map to play with: which token looks at which, in every head of a model.

Section 4.1.2 (self-attention is interpretable) and 4.1.3 (heads attend to different things).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets as t
from ipywidgets import widget_serialization

from llmasos_edu.foundation.arguments import check_strings
from llmasos_edu.foundation.arrays import read_array, readable_piece
from llmasos_edu.foundation.modes import evaluating
from llmasos_edu.widgets.attention import data
from llmasos_edu.widgets.shared.explorer import Explorer, script, style
from llmasos_edu.widgets.shared.host import without_surrogates
from llmasos_edu.widgets.shared.language_model import BrowserModel, browser_model

SCRIPTS = (
    "attention/maps.js",
    "attention/drawing.js",
    "attention/thumbnails.js",
    "attention/steps.js",
    "attention/explorer.js",
)
LIVE_TOKENS = 64  # as in live.js
LIVE_TEXT = "The with statement wraps the execution of a block, and the block ends with the statement"


class AttentionExplorer(Explorer):
    """Attention maps of a model, every head of every layer, explored in the browser alone.

    Args:
        weights: `[layers, heads, query, key]`, torch or numpy; each row sums to one over the keys, or is all
            zero where everything is hidden. A list of such arrays offers several inputs to choose from;
            then `tokens` and every other argument given is a list of the same length.
        tokens: one string per query.
        key_tokens: one string per key, if they are not the queries' own (cross-attention).
        scores: `[layers, heads, query, key]` after the scale, before mask and softmax, -inf where a key stays
            hidden. With scores the reader may switch the causal mask and slide the temperature.
        causal: no query sees its future; found out from the weights unless said.
        names: a name for each of several inputs.
        knock_out: `[subsets, query]`, the model's probability of the true next token at each position
            with some heads silenced. Up to 8 heads: row `r` silences head `h` of layer `l` where bit
            `l * heads + h` of `r` is set. Above: row 0 is the intact model, row `1 + l * heads + h`
            lacks that head alone. The last position may be NaN, or left out.
        mean_from: the mean next-token probability is taken from this position on (a repeated pattern is
            predictable in its second half alone).
        produced: one string per query: what the model writes at that step of decoding.
        truth: for each query the index of its true key, or several, or -1: drawn as hollow squares, with
            the share of rows whose strongest key is a true one.
        step: the reader steps through decoding, row by row; if not given, where the keys have tokens of
            their own.
        layer, head: shown first, counted from 0 as in the code. The cursor stands where that head's choice
            stands out most (`telling_place`).

    Raises:
        ValueError, TypeError: with the place and the value, in words.

    Source: Vaswani et al. 2017, section 3.2 and the figures of its appendix; article 4.1.2, 4.1.3.
    """

    page_title = "Attention explorer"
    _esm = script(*SCRIPTS, "attention/given.js")
    _css = style()

    description = t.Dict().tag(sync=True)
    data = t.Bytes().tag(sync=True)
    input = t.Int(0, help="which input is shown").tag(sync=True)
    layer = t.Int(0).tag(sync=True)
    head = t.Int(0).tag(sync=True)
    query = t.Int(0, help="the query under the cursor").tag(sync=True)
    key = t.Int(0, help="the key under the cursor").tag(sync=True)
    pinned = t.Int(-1, help="the query whose bars stay, -1 for none").tag(sync=True)
    show = t.Enum(["head", "mean", "max"], "head", help="one head, or all of the layer").tag(sync=True)
    decoded = t.Int(0, help="rows written so far, where the reader steps through decoding").tag(sync=True)
    causal = t.Bool(False, help="the mask, where scores are given").tag(sync=True)
    temperature = t.Float(1.0, help="where scores are given").tag(sync=True)
    knocked_out = t.List(t.Int(), help="layer * heads + head of each silenced head").tag(sync=True)
    weights = t.Instance(BrowserModel, allow_none=True, help="of `live`").tag(
        sync=True, **widget_serialization
    )
    text = t.Unicode("", help="what is read, of `live`").tag(sync=True)

    def __init__(self, weights, tokens, *, key_tokens=None, scores=None, causal=None, names=None,
                 knock_out=None, mean_from=0, produced=None, truth=None, step=None, layer=0,
                 head=0) -> None:  # fmt: skip
        several = isinstance(weights, list | tuple)
        given = {"weights": weights, "tokens": tokens, "key_tokens": key_tokens, "scores": scores,
                 "knock_out": knock_out, "names": names, "produced": produced, "truth": truth}  # fmt: skip
        if not several:
            given = {name: None if value is None else [value] for name, value in given.items()}
        count = data.same_length(**given)
        columns = {name: value if value is not None else [None] * count for name, value in given.items()}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        read = [_read_input(row, causal, step, place, count) for place, row in enumerate(rows)]
        first = read[0]
        if not 0 <= mean_from < len(first.tokens):
            raise ValueError(f"mean_from={mean_from} is no position: 0 to {len(first.tokens) - 1}")
        described, blob = [], b""
        for each in read:
            description, part = each.describe(len(blob))
            described.append(description)
            blob += part
        # What was sent lives in `data`; a second copy of a big model's maps would only fill the memory.
        self._words = _describe_in_words(read)
        self._shapes = [each.weights.shape for each in read]
        super().__init__(
            description={"inputs": described, "mean_from": mean_from},
            data=blob,
            causal=first.causal,
            decoded=len(first.tokens),
            layer=layer,
            head=head,
        )
        self.query, self.key = data.telling_place(first.weights[self.layer, self.head])

    @t.validate("input", "layer", "head", "query", "key")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        names = ("layer", "head", "query", "key")
        limits = dict(zip(names, self._shape(), strict=True), input=len(self._shapes))
        if not 0 <= value < limits[name]:
            raise t.TraitError(f"{name}={value} does not exist: 0 to {limits[name] - 1}")
        return value

    @t.validate("decoded")
    def _some_rows(self, proposal):
        rows = self._shape()[2]
        if not 1 <= proposal["value"] <= rows:
            raise t.TraitError(f"decoded={proposal['value']} is no number of rows: 1 to {rows}")
        return proposal["value"]

    def _shape(self) -> tuple[int, int, int, int]:
        """Layers, heads, queries and keys of what is on show."""
        return self._shapes[min(self.input, len(self._shapes) - 1)]

    @t.observe("input")
    def _all_rows_of_another_input(self, change) -> None:
        self.decoded = self._shapes[change["new"]][2]

    @t.validate("temperature")
    def _positive(self, proposal):
        if not 0.1 <= proposal["value"] <= 10:
            raise t.TraitError(f"temperature={proposal['value']} is out of the slider's range, 0.1 to 10")
        return proposal["value"]

    def contents(self) -> str:
        return self._words

    @classmethod
    def from_model(
        cls, model: Any, tokens: Any, words, *, row: int = 0, knock_out: bool = False, **settings
    ) -> AttentionExplorer:
        """Explore what one of the book's own language models attends to, with scores.

        Args:
            model: a `LanguageModel`; it is run in eval mode and left as it was.
            tokens: `[batch, seq]` or `[seq]` token ids.
            words: one string per token.
            row: which row of the batch.
            knock_out: run the model again for every subset of heads (with more than 8 heads: without each
                head alone), and let the reader switch heads off.
            settings: as for `AttentionExplorer`.
        """
        import torch

        tokens = tokens[None] if tokens.dim() == 1 else tokens
        if not 0 <= row < len(tokens):
            raise ValueError(f"row={row} does not exist in a batch of {len(tokens)}")
        tokens = tokens[row : row + 1]
        with evaluating(model), torch.inference_mode():
            seen = model.inspect(tokens)
            if knock_out:
                subsets = data.silenced_heads(*seen.weights.shape[0:3:2])
                settings["knock_out"] = [_next_token_probabilities(model, tokens, heads) for heads in subsets]
        return cls(seen.weights[:, 0], words, scores=seen.scores[:, 0], **settings)

    @classmethod
    def live(
        cls, model: Any, tokenizer: Any, *, text: str = LIVE_TEXT, layer: int = 0, head: int = 0
    ) -> LiveAttentionExplorer:
        """Explore what a language model attends to in any text: the reader types it, the browser computes.

        The model travels to the browser once, for all explorers that ask it. Any heads may be knocked out:
        the model then reads the text without them. Neither needs a kernel, or the network.

        Args:
            model: a `LanguageModel` that the browser can compute, such as `manual-dense`; see `pack_model`.
            tokenizer: the model's.
            text: shown first. Of every text the first 64 tokens are read.
            layer, head: shown first.

        Raises:
            ValueError: a model or tokenizer that `pack_model` refuses, an empty text.
        """
        return LiveAttentionExplorer.reading(model, tokenizer, text, layer=layer, head=head)

    @classmethod
    def from_translation(cls, model: Any, source: Any, target: Any, source_words, target_words, *,
                         which: str = "cross", row: int = 0, vocabulary=None,
                         **settings) -> AttentionExplorer:  # fmt: skip
        """Explore what one of the book's own encoder-decoders looks at, with scores.

        Args:
            model: an `EncoderDecoder`; it is run in eval mode and left as it was.
            source: `[batch, source]` or `[source]` token ids.
            target: `[batch, target]` or `[target]` token ids that the decoder reads: the start token first.
            source_words, target_words: one string per token. Fewer than the row has: the rest of it is
                padding and is cut off before the model sees it.
            which: `cross` (target looks at source), `encoder` (source at source), `decoder` (target at
                target).
            row: which row of the batch.
            vocabulary: one string per target id, for the tokens that the model writes; if not given, they
                are named by `target_words` where they stand among them.
            settings: as for `AttentionExplorer`; `truth` for the cross-attention's alignment.

        Raises:
            ValueError: words that do not fit the tokens, an unknown map or row, with the values.
        """
        if which not in ("cross", "encoder", "decoder"):
            raise ValueError(f"which={which!r} is not one of cross, encoder, decoder")
        source, target = _one_row(source, row, "source"), _one_row(target, row, "target")
        source_words = _fitting_words(source_words, source, "source")
        target_words = _fitting_words(target_words, target, "target")
        source, target = source[:, : len(source_words)], target[:, : len(target_words)]
        with evaluating(model):
            seen = model.inspect(source, target)
        settings.setdefault("causal", which == "decoder")
        if which != "encoder" and settings.get("produced") is None:
            names = dict(zip(target[0].tolist(), target_words, strict=True))
            names |= dict(enumerate(vocabulary)) if vocabulary is not None else {}
            settings["produced"] = [names.get(i, f"#{i}") for i in seen.logits[0].argmax(-1).tolist()]
        maps = getattr(seen, which)
        if which == "cross":
            settings.setdefault("step", True)
            settings["key_tokens"] = source_words
        words = source_words if which == "encoder" else target_words
        return cls(maps.weights[:, 0], words, scores=maps.scores[:, 0], **settings)

    @classmethod
    def from_transformers(cls, output: Any, tokens, *, row: int = 0, which: str = "attentions",
                          key_tokens=None, **settings) -> AttentionExplorer:  # fmt: skip
        """Explore what any transformers model attended to.

        Args:
            output: what the model returned for `output_attentions=True`, or its tuple of attentions: one
                tensor `[batch, heads, query, key]` a layer.
            tokens: one string per token, as `tokenizer.convert_ids_to_tokens(ids)` gives them. Fewer than the
                row has: the padding at its end is cut off, if nothing attends to it.
            row: which row of the batch.
            which: the output's field: `attentions`, `encoder_attentions`, `decoder_attentions`,
                `cross_attentions`.
            key_tokens: for cross-attention, the other sequence's tokens.
            settings: as for `AttentionExplorer`.
        """
        maps = (
            output
            if isinstance(output, list | tuple) and not hasattr(output, which)
            else getattr(output, which, None)
        )
        if maps is None or len(maps) == 0 or any(each is None for each in maps):
            raise ValueError(
                f"the output holds no {which}: load the model with attn_implementation='eager' "
                "and call it with output_attentions=True"
            )
        shapes = [list(each.shape) for each in maps]
        if any(len(shape) != 4 for shape in shapes):
            raise ValueError(
                f"{which} must be one [batch, heads, query, key] tensor a layer, got shapes {shapes[:3]}"
            )
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(f"the layers' {which} differ in shape, {shapes}: show those of one shape")
        if not 0 <= row < shapes[0][0]:
            raise ValueError(f"row={row} does not exist in a batch of {shapes[0][0]}")
        arrays, coarse = zip(*(read_array(each[row], which) for each in maps), strict=True)
        weights = np.stack(arrays)
        tokens = [readable_piece(token) for token in tokens]
        key_tokens = None if key_tokens is None else [readable_piece(token) for token in key_tokens]
        keys = len(key_tokens if key_tokens is not None else tokens)
        if weights[:, :, : len(tokens), keys:].max(initial=0.0) < 1e-4:
            weights = weights[:, :, : len(tokens), :keys]
        if any(coarse):
            weights = weights.astype(np.float16)  # whose sums may differ more from 1
        return cls(weights, tokens, key_tokens=key_tokens, **settings)


class LiveAttentionExplorer(AttentionExplorer):
    """Attention to a text that the reader types, computed in the browser, from `AttentionExplorer.live`."""

    _esm = script("shared/language_model.js", "shared/text_field.js", *SCRIPTS, "attention/live.js")
    _css = style("shared/text_field.css")

    # Not told back: while one letter is on its way to Python, the next may stand in the field.
    text = t.Unicode(help="what is read").tag(sync=True)
    language_model = t.Instance(BrowserModel, allow_none=True).tag(sync=True, **widget_serialization)

    @classmethod
    def reading(cls, model: Any, tokenizer: Any, text: str, **settings) -> LiveAttentionExplorer:
        """As `AttentionExplorer.live`."""
        import torch

        sent, text = browser_model(model, tokenizer), without_surrogates(text)
        tokens = tokenizer.encode(text)[:LIVE_TOKENS]
        if not tokens:
            raise ValueError("text is empty: there is nothing to attend to")
        explorer = cls.from_model(model, torch.tensor(tokens), tokenizer.tokens(tokens), **settings)
        explorer._tokenizer = tokenizer
        explorer.data = b""  # the browser computes its maps
        explorer.language_model, explorer.text = sent, text
        return explorer

    def _shape(self) -> tuple[int, int, int, int]:
        """Of the latest text; while there is none, of the first."""
        layers, heads, queries, keys = super()._shape()
        if self.text:
            queries = keys = len(self._tokenizer.encode(without_surrogates(self.text))[:LIVE_TOKENS])
        return layers, heads, queries, keys

    def contents(self) -> str:
        return f"{super().contents()}, live"


def _one_row(tokens, row: int, name: str):
    """`[1, seq]`: the row of a batch that is to be shown."""
    tokens = tokens[None] if tokens.dim() == 1 else tokens
    if not 0 <= row < len(tokens):
        raise ValueError(f"row={row} does not exist in {name}, a batch of {len(tokens)}")
    return tokens[row : row + 1]


def _fitting_words(words, tokens, name: str) -> list[str]:
    if isinstance(words, str):
        raise TypeError(f"{name}_words is one string, expected a list with a string for each token")
    words = list(words)
    if not 1 <= len(words) <= tokens.shape[1]:
        raise ValueError(f"{name}_words has {len(words)} strings for {tokens.shape[1]} tokens: give one each")
    return words


def _next_token_probabilities(model, tokens, silenced):
    """`[seq - 1]`: what the model gives to the token that really comes next, with some heads silenced."""
    logits = model(tokens, head_mask=model.knock_out(silenced))[0, :-1].float()
    return logits.softmax(-1).gather(-1, tokens[0, 1:, None])[:, 0].cpu().numpy()


def _describe_in_words(inputs: list[data.AttentionInput]) -> str:
    first = inputs[0]
    layers, heads, queries, keys = first.weights.shape
    parts = [
        f"{layers} layer{'s' * (layers > 1)} x {heads} head{'s' * (heads > 1)}",
        f"{queries} tokens" if first.tokens == first.key_tokens else f"{queries} query and {keys} key tokens",
    ]
    parts += ["causal"] * first.causal
    parts += ["with scores"] * (first.scores is not None)
    parts += ["with knock-out"] * (first.knock_out is not None)
    parts += ["with truth"] * (first.truth is not None)
    if len(inputs) > 1:
        parts.append("inputs: " + ", ".join(each.name for each in inputs))
    return ", ".join(parts)


def _read_input(row: dict[str, Any], causal, step, place: int, count: int) -> data.AttentionInput:
    try:
        weights = data.check_weights(row["weights"])
        tokens = check_strings(row["tokens"], "tokens", weights.shape[2], "queries")
        key_tokens = tokens
        if row["key_tokens"] is not None:
            key_tokens = check_strings(row["key_tokens"], "key_tokens", weights.shape[3], "keys")
        elif weights.shape[2] != weights.shape[3]:
            raise ValueError(
                f"weights has {weights.shape[2]} queries and {weights.shape[3]} keys: give key_tokens too"
            )
        is_causal = data.check_causal(causal, weights)
        scores = None if row["scores"] is None else data.check_scores(row["scores"], weights, is_causal)
        knock_out = None if row["knock_out"] is None else data.check_knock_out(row["knock_out"], weights)
        produced = row["produced"]
        if produced is not None:
            produced = check_strings(produced, "produced", weights.shape[2], "queries")
        truth = None if row["truth"] is None else data.check_truth(row["truth"], *weights.shape[2:])
    except (ValueError, TypeError) as error:
        if count == 1:
            raise
        raise type(error)(f"input {place}: {error}") from None
    name = f"input {place}" if row["names"] is None else str(row["names"])
    stepping = key_tokens != tokens if step is None else bool(step)
    return data.AttentionInput(
        weights, tokens, key_tokens, scores, is_causal, knock_out, produced, truth, stepping, name
    )

"""A language model for the browser: packed into bytes once, for all explorers that let it read and write.

`language_model.js` unpacks it and computes what torch computes, without kernel and without network.
"""

from __future__ import annotations

import hashlib
import json
import struct
import weakref
from typing import Any

import ipywidgets
import numpy as np
import traitlets as t

from llmasos_edu.text.tokenizer import BYTE_ORDER, BytePairTokenizer, ByteTokenizer, TinyBytePair

FORMAT = "llmasos_edu model for the browser 1"
# What the forward pass in JavaScript computes; every other value of these settings is refused.
SERVED = {"num_experts": 1, "position": "rotary", "norm": "layer", "activation": "squared_relu",
          "qk_norm": True, "bias": False}  # fmt: skip
LARGEST_HALF = 65504.0  # the end of float16
MOST_BYTES = 12_000_000
MOST_TOKENS = 65536  # ids travel as two bytes


class BrowserModel(ipywidgets.Widget):
    """Model and tokenizer as they travel to the browser. Explorers refer to it, so that a page has it once.

    Make it with `browser_model`.
    """

    packed = t.Bytes().tag(sync=True)

    def __repr__(self) -> str:
        return f"BrowserModel({len(self.packed) / 1e6:.1f} MB)"


def browser_model(model: Any, tokenizer: Any) -> BrowserModel:
    """The model in the browser; one object for the same weights and tokenizer, so that they are sent once.

    Args:
        model, tokenizer: as in `pack_model`.

    Raises:
        ValueError, TypeError: as `pack_model`.
    """
    packed = pack_model(model, tokenizer)
    name = hashlib.sha256(packed).hexdigest()
    known = _SENT.get(name)
    if known is None or known.comm is None:  # closed: it lives in no page any more
        known = _SENT[name] = BrowserModel(packed=packed)
    return known


_SENT: weakref.WeakValueDictionary[str, BrowserModel] = weakref.WeakValueDictionary()


def pack_model(model: Any, tokenizer: Any) -> bytes:
    """A model and its tokenizer as bytes: four with the length of a JSON head, the head, merges, weights.

    Merges are three ids each (left, right, joined) and weights float16, both little-endian; each array is
    filled up to a multiple of four bytes.

    Args:
        model: a `LanguageModel` with the settings of the shipped `manual-dense`: rotary positions, layer
            norms, squared ReLU, normed queries and keys, no experts, no biases in its linear maps. Sizes,
            `position_base` and `norm_eps` are free. Weights are rounded to float16.
        tokenizer: the model's, a `BytePairTokenizer`, `TinyBytePair` or `ByteTokenizer`.

    Returns:
        2.7 MB for `manual-dense`.

    Raises:
        TypeError: no language model, or no tokenizer of the book.
        ValueError: a setting that the browser's forward pass does not know, by name and value; a weight
            that float16 cannot hold; a tokenizer of another vocabulary; more than 12 MB.
    """
    settings = _served_settings(model)
    vocab = settings["vocab_size"]
    pieces, merges = _pieces_and_merges(tokenizer)
    if tokenizer.vocab_size != vocab or vocab > MOST_TOKENS:
        raise ValueError(
            f"the model knows {vocab} tokens and the tokenizer {tokenizer.vocab_size}: both must be equal, "
            f"and at most {MOST_TOKENS}"
        )
    weights = {name: _half(name, weight) for name, weight in model.state_dict().items()}
    head = {
        "format": FORMAT,
        "settings": settings,
        "tokenizer": {"bytes": pieces, "names": tokenizer.tokens(range(vocab))},
        "merges": len(merges),
        "tensors": [[name, weight.size] for name, weight in weights.items()],
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    arrays = [np.asarray(merges, "<u2").tobytes(), *(weight.tobytes() for weight in weights.values())]
    size = 4 + len(text) + sum(map(len, arrays))
    if size > MOST_BYTES:
        raise ValueError(f"the model takes {size / 1e6:.0f} MB in a page: {MOST_BYTES / 1e6:.0f} at most")
    arrays = [part + b"\0" * (-len(part) % 4) for part in arrays]
    return b"".join([struct.pack("<I", len(text)), text, *arrays])


def _served_settings(model: Any) -> dict[str, Any]:
    """The settings that the browser needs, or a refusal of what it does not know."""
    settings = getattr(model, "settings", None)
    if not isinstance(settings, dict) or not SERVED.keys() <= settings.keys():
        raise TypeError(f"model is a {type(model).__name__}: the browser reads with a LanguageModel alone")
    for name, value in SERVED.items():
        if settings[name] != value or type(settings[name]) is not type(value):
            raise ValueError(f"{name}={settings[name]!r}: the model in the browser knows {value!r} alone")
    attention, heads = model.blocks[0].attention, settings["num_heads"]
    if attention.num_kv_heads != heads:
        raise ValueError(
            f"num_kv_heads={attention.num_kv_heads} with num_heads={heads}: "
            "in the browser each head has keys and values of its own"
        )
    if model.blocks[0].feed_forward is None:
        raise ValueError("d_ff=0: the model in the browser has a feed-forward network in every layer")
    rotary = model.body.positions.rotary
    if rotary.scale != 1 or rotary.layout != "halves":
        raise ValueError(
            f"rotary positions of scale={rotary.scale} and layout={rotary.layout!r}: "
            "the model in the browser knows scale=1 and 'halves' alone"
        )
    kept = ("vocab_size", "d_model", "num_layers", "num_heads", "position_base")
    return {name: settings[name] for name in kept} | {
        "head_dim": attention.head_dim,
        "d_ff": model.blocks[0].feed_forward.in_proj.out_features,
        "norm_eps": model.body.norm.eps,
    }


def _pieces_and_merges(tokenizer: Any) -> tuple[list[int], list[tuple[int, int, int]]]:
    """The byte of each of the first ids, and the merges as ids."""
    if isinstance(tokenizer, ByteTokenizer):
        return list(range(256)), []
    if not isinstance(tokenizer, BytePairTokenizer | TinyBytePair):
        raise TypeError(f"tokenizer is a {type(tokenizer).__name__}: the browser knows the book's own alone")
    ids = {bytes([byte]): i for i, byte in enumerate(BYTE_ORDER)}
    merges = []
    for left, right in tokenizer.merges:
        joined = ids.setdefault(left + right, len(ids))
        merges.append((ids[left], ids[right], joined))
    return BYTE_ORDER, merges


def _half(name: str, weight: Any) -> np.ndarray:
    array = weight.detach().cpu().float().numpy().ravel()
    largest = float(np.abs(array).max(initial=0.0))
    if not largest <= LARGEST_HALF:
        raise ValueError(f"{name} holds {largest:g}: float16, as weights travel, ends at {LARGEST_HALF:g}")
    return array.astype("<f2")

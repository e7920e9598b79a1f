"""The small models that the book ships, and the way to one on a reader's own text.

`llmasos_edu.load("manual-dense")` gives a model with its tokenizer and its card.

Each is a folder here: `model.safetensors`, `tokenizer.json` and `card.json`, which says what it has read,
how it was trained, what it scores and which sha256 its files have. `make models` makes them anew. A reader's
own models are folders of the same kind: `python -m llmasos_edu train FILE` makes one, `load` reads it.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from llmasos_edu.foundation.characters import shown
from llmasos_edu.foundation.files import write_atomically
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import BytePairTokenizer, ByteTokenizer
from llmasos_edu.text.words import FORMAT, WordTokenizer
from llmasos_edu.training.checkpoint import load_model, save_model

FOLDER = Path(__file__).parent
MODEL, TOKENIZER, CARD = "model.safetensors", "tokenizer.json", "card.json"


class Pretrained(NamedTuple):
    """A trained model with its tokenizer and its card."""

    model: LanguageModel  # in evaluation mode, float32
    tokenizer: BytePairTokenizer | ByteTokenizer | WordTokenizer
    card: dict

    def __repr__(self):
        size = sum(parameter.numel() for parameter in self.model.parameters())
        return f"Pretrained({self.card['name']!r}, {size / 1e6:.2f} M parameters)"


def available() -> list[str]:
    """The names of the models that this copy of the book carries."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{CARD}"))


def load(name: str | Path) -> Pretrained:
    """Load a model that the book ships, or one of your own.

    Args:
        name: one of `available()`; else a folder that `store` and `write_card` made; else a single file of
            `save_model`, of a model that reads bytes or that has its `tokenizer.json` beside it.

    Returns:
        Pretrained: model, tokenizer, card. For a single file the card holds its name alone.

    Raises:
        ValueError: there is no such model, or a file is not the one that its card describes.
    """
    path = FOLDER / name if name in available() else Path(name)
    if path.is_file() and not (path.name == MODEL and (path.parent / CARD).is_file()):
        return _load_file(path)
    folder = path.parent if path.is_file() else path
    if not folder.is_dir():
        shipped = ", ".join(available()) or "none"
        raise ValueError(
            f"there is no model '{shown(name)}', nor such a folder or file; the book ships {shipped}"
        )
    card = read_card(folder)
    for file, digest in card["sha256"].items():
        if sha256(folder / file) != digest:
            remedy = "Get it anew (git checkout), or make it with make models"
            raise ValueError(
                f"{shown(folder / file)} is not the file that its card describes: it was cut or changed. "
                + (remedy if folder.parent == FOLDER else "Train it anew, or get the whole folder again")
            )
    return _fitting(folder, load_model(folder / MODEL, LanguageModel).float(), card)


def read_card(folder: Path) -> dict:
    """The card of a model's folder.

    Raises:
        ValueError: there is no card, or it is none that `write_card` wrote.
    """
    path = Path(folder) / CARD
    if not path.is_file():
        raise ValueError(
            f"{shown(folder)} holds no {CARD}: it is no model's folder, or its training is not finished"
        )
    try:
        card = json.loads(path.read_bytes())
        if not isinstance(card["name"], str) or {MODEL, TOKENIZER} - card["sha256"].keys():
            raise ValueError("it lacks the name, or the sha256 of a file")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{shown(path)} is no card of a model, or was changed: {error}") from error
    return card


LARGEST_HALF = 65504.0  # the end of float16


def store(folder: Path, model: LanguageModel, tokenizer: BytePairTokenizer | WordTokenizer) -> LanguageModel:
    """Write model and tokenizer into a folder, in half the bytes: weights as float16.

    Args:
        folder: made where it is missing.
        model: is rounded to float16 in place.
        tokenizer: that of the model.

    Returns:
        the model as `load` will give it, its weights rounded: measure this one, then `write_card`.

    Raises:
        ValueError: a weight that float16 cannot hold; nothing is written or rounded.
    """
    for name, weight in model.state_dict().items():
        if weight.is_floating_point() and not bool((weight.abs() <= LARGEST_HALF).all()):
            largest = weight.abs().max().item()
            raise ValueError(
                f"{name} holds {largest:g}: float16, as models are stored, ends at {LARGEST_HALF:g}"
            )
    folder = Path(folder)
    save_model(folder / MODEL, model.half())
    tokenizer.save(folder / TOKENIZER)
    return load_model(folder / MODEL, LanguageModel).float()


def write_card(folder: Path, card: dict) -> dict:
    """Write the card of a folder that `store` has filled, which makes it a model that `load` reads.

    Args:
        folder: as for `store`.
        card: JSON-able, with a `name`.

    Returns:
        the card with the sha256 of the files.
    """
    folder = Path(folder)
    card = card | {"sha256": {file: sha256(folder / file) for file in (MODEL, TOKENIZER)}}
    write_atomically(folder / CARD, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return card


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes, as 64 hexadecimal digits; of no bytes where there is no file."""
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()


def _load_file(path: Path) -> Pretrained:
    """A model without a card, such as a chapter's `save_model` wrote."""
    return _fitting(path.parent, load_model(path, LanguageModel).float(), {"name": shown(path.stem)})


def _fitting(folder: Path, model: LanguageModel, card: dict) -> Pretrained:
    """The model with the tokenizer of its folder, or with bytes, if they fit."""
    beside = folder / TOKENIZER
    tokenizer = _load_tokenizer(beside) if beside.is_file() else ByteTokenizer()
    if tokenizer.vocab_size != model.vocab_size:
        what = f"{shown(beside)} has" if beside.is_file() else f"there is no {shown(beside)}, and bytes have"
        raise ValueError(
            f"{card['name']} was trained on a vocabulary of {model.vocab_size} tokens, but {what} "
            f"{tokenizer.vocab_size}: it needs the {TOKENIZER} that it was trained with"
        )
    return Pretrained(model, tokenizer, card)


def _load_tokenizer(path: Path) -> BytePairTokenizer | WordTokenizer:
    """The tokenizer of a file, of whichever kind the file says that it is."""
    of_words = f'"format": "{FORMAT}"'.encode() in path.read_bytes()[:200]
    return WordTokenizer.load(path) if of_words else BytePairTokenizer.load(path)

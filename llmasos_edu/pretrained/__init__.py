"""The small models that the book ships: `llmasos_edu.load("manual-dense")`.

Each is a folder here: `model.safetensors`, `tokenizer.json` and `card.json`, which says what it has read,
how it was trained, what it scores and which sha256 its files have. `make models` makes them anew.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from llmasos_edu.checkpoint import load_model
from llmasos_edu.model import LanguageModel
from llmasos_edu.tokenizer import BytePairTokenizer

FOLDER = Path(__file__).parent


class Pretrained(NamedTuple):
    """A trained model with its tokenizer and its card."""

    model: LanguageModel  # in evaluation mode, float32
    tokenizer: BytePairTokenizer
    card: dict

    def __repr__(self):
        size = sum(parameter.numel() for parameter in self.model.parameters())
        return f"Pretrained({self.card['name']!r}, {size / 1e6:.2f} M parameters)"


def available() -> list[str]:
    """The names of the models that this copy of the book carries."""
    return sorted(path.parent.name for path in FOLDER.glob("*/card.json"))


def load(name: str) -> Pretrained:
    """Load a model that the book ships.

    Args:
        name: one of `available()`.

    Returns:
        Pretrained: model, tokenizer, card.

    Raises:
        ValueError: there is no such model, or a file is not the one that its card describes.
    """
    folder = FOLDER / str(name)
    if name not in available():
        raise ValueError(f"there is no model {name!r}; the book ships {', '.join(available()) or 'none'}")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for file, digest in card["sha256"].items():
        if sha256(folder / file) != digest:
            raise ValueError(
                f"{folder / file} is not the file that its card describes: it was cut or changed. "
                "Get it anew (git checkout), or make it with make models"
            )
    model = load_model(folder / "model.safetensors", LanguageModel).float()
    return Pretrained(model, BytePairTokenizer.load(folder / "tokenizer.json"), card)


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes, as 64 hexadecimal digits; of no bytes where there is no file."""
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()

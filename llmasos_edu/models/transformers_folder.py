"""A folder as transformers saves a model, `config.json` and safetensors, read without transformers.

Nothing in it is executed: pickled weights are refused by name. Each error names the folder or file and what
is wrong with it. Which tensor is what is the business of `interop.py`.
"""

import json
import re
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from llmasos_edu.foundation.characters import shown
from llmasos_edu.training.checkpoint import CheckpointError, what_it_is

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def find_folder(name) -> Path:
    """The folder of this name, or the one into which the Hugging Face hub's files of this name were fetched.

    Raises:
        CheckpointError: it is no folder, and the hub cannot be asked or does not have it.
    """
    path = Path(name)
    if path.is_dir():
        return path
    if path.exists():
        raise CheckpointError(f"{path} is a file: load_transformers reads a folder with a config.json")
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", str(name)):
        raise CheckpointError(f"{path}: there is no such folder")
    try:
        from huggingface_hub import (
            snapshot_download,  # only here: local folders need neither package nor network
        )
    except ImportError:
        raise CheckpointError(
            f"{name} is no folder here; to ask the Hugging Face hub for it: pip install huggingface_hub"
        ) from None
    try:
        return Path(snapshot_download(str(name), allow_patterns=["config.json", "model*.safetensors*"]))
    except Exception as error:  # the package raises what its network library raises
        raise CheckpointError(
            f"{name} is no folder here, and the Hugging Face hub did not give it: "
            f"{type(error).__name__}: {error}"
        ) from error


class Config:
    """The settings in `config.json`, asked for one by one; what the file leaves out has its usual value."""

    def __init__(self, folder: Path):
        self.path = folder / "config.json"
        if not self.path.is_file():
            raise CheckpointError(f"{folder} has no config.json: it is no folder that transformers saved")
        self.values = _json(self.path)

    def refuse(self, words: str) -> CheckpointError:
        """The error to raise: the file, and what it says that cannot be."""
        return CheckpointError(f"{self.path}: {words}")

    def get(self, name: str, default):
        """The setting as it stands; the default where it is left out or null."""
        value = self.values.get(name)
        return default if value is None else value

    def size(self, name: str, default: int) -> int:
        """A whole number from 1 to ten million: beyond it no computer would come to an end of building."""
        value = self.get(name, default)
        if type(value) is not int or not 1 <= value <= 10_000_000:
            raise self.refuse(f"{name}={value!r} must be a whole number from 1 up, to ten million")
        return value

    def number(self, name: str, default: float) -> float:
        """A positive number."""
        value = self.get(name, default)
        if type(value) not in (int, float) or not value > 0:
            raise self.refuse(f"{name}={value!r} must be a positive number")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.get(name, default)
        if type(value) is not bool:
            raise self.refuse(f"{name}={value!r} must be true or false")
        return value

    def choice(self, name: str, names: dict, default: str) -> str:
        """What the book calls this setting of theirs."""
        value = self.get(name, default)
        if not isinstance(value, str) or value not in names:
            raise self.refuse(f"{name}={value!r} is not one of {', '.join(names)}, which the book has")
        return names[value]

    def require(self, **expected) -> None:
        """Refuse a setting that the book's classes do not have."""
        for name, value in expected.items():
            found = self.get(name, value)
            if found != value:
                raise self.refuse(f"{name}={found!r} cannot be expressed: the book has {name}={value!r}")

    def build(self, model_class, **settings):
        """`model_class(**settings)`; its objections name the file."""
        try:
            return model_class(**settings)
        except ValueError as error:
            raise self.refuse(str(error)) from error


class Weights:
    """The tensors of a folder, taken out one by one, each with the shape that it must have."""

    def __init__(self, folder: Path):
        self.folder, self.tensors = folder, _read_weights(folder)

    def rename(self, old: str, new: str) -> None:
        """Replace a part of every name in which it stands."""
        self.tensors = {name.replace(old, new, 1): tensor for name, tensor in self.tensors.items()}

    def ignore(self, *patterns: str) -> None:
        """Forget tensors whose whole name matches one of these regular expressions."""
        self.tensors = {
            name: tensor
            for name, tensor in self.tensors.items()
            if not any(re.fullmatch(pattern, name) for pattern in patterns)
        }

    def has(self, name: str) -> bool:
        """Whether a tensor of this name is there still."""
        return name in self.tensors

    def take(self, name: str, *shape: int) -> Tensor:
        """The tensor of this name.

        Raises:
            CheckpointError: it is not there, has another shape than `shape`, or is no floating-point tensor.
        """
        if name not in self.tensors:
            raise CheckpointError(f"{self.folder} does not fit its config.json: it lacks {name}")
        tensor = self.tensors.pop(name)
        if tensor.shape != shape:
            raise CheckpointError(
                f"{self.folder} does not fit its config.json: {name} has shape {list(tensor.shape)} "
                f"in the file, {list(shape)} by the settings"
            )
        if not tensor.is_floating_point():
            raise CheckpointError(f"{self.folder}: {name} is {tensor.dtype}, no floating-point numbers")
        return tensor

    def either(self, name: str, other: str, *shape: int, tied: bool) -> Tensor:
        """The tensor of this name; where two tied names were saved once, what stands under the other."""
        if tied and not self.has(name) and self.has(other):
            self.tensors[name] = self.tensors[other]
        return self.take(name, *shape)

    def linear(self, ours: str, theirs: str, wide: int, out: int) -> dict[str, Tensor]:
        """Matrix `[out, wide]` and bias of a linear map, under our name."""
        return {
            f"{ours}.weight": self.take(f"{theirs}.weight", out, wide),
            f"{ours}.bias": self.take(f"{theirs}.bias", out),
        }

    def norm(self, ours: str, theirs: str, width: int) -> dict[str, Tensor]:
        """Weight and bias of a layer norm, under our name."""
        parts = ("weight", "bias")
        return {f"{ours}.{part}": self.take(f"{theirs}.{part}", width) for part in parts}

    def head(self, name: str, embedding: Tensor, tied: bool) -> dict[str, Tensor]:
        """The head's matrix, the embedding's shape; the embedding itself where the model ties them."""
        if tied and not self.has(name):
            return {"head.weight": embedding}
        head = self.take(name, *embedding.shape)
        if tied and not head.equal(embedding):
            raise CheckpointError(
                f"{self.folder}: config.json ties {name} to the embedding, in the file they differ"
            )
        return {"head.weight": head}

    def check_nothing_is_left(self) -> None:
        """Refuse a folder with tensors that no one asked for: it is another model than it says."""
        if self.tensors:
            left = ", ".join(sorted(self.tensors)[:5]) + (", ..." if len(self.tensors) > 5 else "")
            raise CheckpointError(
                f"{self.folder} does not fit its config.json: it holds {left}, which the model has not"
            )


def _json(path: Path) -> dict:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a {type(found).__name__}, not settings")
    return found


def _read_weights(folder: Path) -> dict[str, Tensor]:
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return _tensors(single)
    if index.is_file():
        return _sharded(folder, index)
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise CheckpointError(
            f"{folder} holds {', '.join(pickles)}: that is a pickle, which can run any code when loaded: "
            "it is refused. Have the model saved as safetensors, as transformers does today"
        )
    raise CheckpointError(f"{folder} has neither {single.name} nor {index.name}")


def _sharded(folder: Path, index: Path) -> dict[str, Tensor]:
    """Several files, and an index that says which tensor is in which."""
    places = _json(index).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise CheckpointError(f"{index} has no weight_map from names to files")
    tensors = {}
    for file in sorted(set(places.values())):
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(f"{index} names {file!r}, which is no safetensors file of this folder")
        if not (folder / file).is_file():
            raise CheckpointError(f"{index} names {file}, which is not there")
        tensors |= _tensors(folder / file)
    missing = sorted(places.keys() - tensors.keys())
    if missing:
        raise CheckpointError(f"{index} names {missing[0]}, which {places[missing[0]]} does not hold")
    return tensors


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        if shown(path) != str(path):  # safetensors takes no name that is not UTF-8
            return safetensors.torch.load(path.read_bytes())
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        with open(path, "rb") as file:
            start = file.read(16)
        reason = f"is damaged or cut short: {error}" if start[8:9] == b"{" else what_it_is(start)
        raise CheckpointError(f"{path} {reason}") from error

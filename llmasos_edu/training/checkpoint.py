"""Files that survive: models and training checkpoints as safetensors, written whole or not at all.

The metadata of such a file has one entry, `llmasos_edu`: a JSON text with the format's version, the kind of
file (model or checkpoint), everything that is no tensor, and a sha256: that of the whole file with its own 64
digits replaced by zeros, so a change of any byte is seen. It guards against accidents; whoever means harm can
compute it anew, but finds nothing to run: no function here unpickles anything.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from llmasos_edu.foundation.characters import shown
from llmasos_edu.foundation.files import write_atomically

METADATA_KEY = "llmasos_edu"
VERSION = 1
NO_DIGEST = "0" * 64


class CheckpointError(ValueError):
    """A file cannot be used, or cannot be written; the message names the file and the reason."""

    def __init__(self, message):
        super().__init__(shown(message))


@dataclass
class Checkpoint:
    """What load_checkpoint hands back: the number of finished steps, and the dicts given when saving."""

    step: int
    history: dict
    recipe: dict


# ---- models ----


def save_model(path, model):
    """Write a model's tensors, and `model.settings` where it has them, to one safetensors file.

    Args:
        path: the file; missing folders are made, an old file is replaced only by a complete new one.
        model: any nn.Module. `model.settings`, where it exists, is the dict of its constructor's arguments.

    Raises:
        CheckpointError: the settings would not come back from JSON unchanged, or the state has a non-tensor.
    """
    content = {"settings": _checked_settings(path, model)}
    write_tensors(path, "model", content, dict(model.state_dict()))


def load_model(path, model_class):
    """Build `model_class(**settings)` from a file of save_model, in evaluation mode and in the saved dtypes.

    Args:
        model_class: the class (or a function) that takes the stored settings as keyword arguments.

    Returns:
        The model, tensors bit for bit as saved. The caller's random stream is left as it was.

    Raises:
        CheckpointError: the file is missing, damaged, foreign, newer, or does not fit the class.
    """
    content, tensors = read_tensors(path, "model")
    if content["settings"] is None:
        raise CheckpointError(f"{path} holds no settings to build from: use load_weights(path, model)")
    try:
        with torch.random.fork_rng(devices=[]):
            model = model_class(**content["settings"])
    except (TypeError, ValueError) as error:
        name = getattr(model_class, "__name__", model_class)
        raise CheckpointError(f"{path}: {name} does not accept its settings: {error}") from error
    for name, own in model.state_dict(keep_vars=True).items():
        if name in tensors and tensors[name].dtype != own.dtype:
            own.data = own.data.to(tensors[name].dtype)
    _check_fits(path, model, tensors)
    model.load_state_dict(tensors)
    return model.eval()


def load_weights(path, model):
    """Copy the tensors of a save_model file into a model that stands already, or none if one misfits.

    Raises:
        CheckpointError: as load_model; also where shapes, names or dtypes differ.
    """
    _, tensors = read_tensors(path, "model")
    _check_fits(path, model, tensors)
    model.load_state_dict(tensors)


# ---- checkpoints: everything that the next training step depends on ----


def save_checkpoint(path, model, optimizers, *, step, generator=None, history=None, recipe=None):
    """Write all that the next step depends on: weights, optimiser states, random states, and where we are.

    Args:
        path: the file, replaced in one atomic move.
        model: any nn.Module.
        optimizers: list of torch optimizers.
        step: number of finished steps.
        generator: the torch.Generator that draws the data, if any. torch's own generators are always kept.
        history, recipe: JSON-able dicts, handed back by load_checkpoint.
    """
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, state in random_states(model, generator).items():
        tensors[f"random.{name}"] = state
    states = [_flatten(one.state_dict(), f"optimizer.{i}", tensors) for i, one in enumerate(optimizers)]
    content = {"settings": _checked_settings(path, model), "optimizers": _describe(model, optimizers)}
    content |= {"states": states, "step": step, "history": history or {}, "recipe": recipe or {}}
    write_tensors(path, "checkpoint", content, tensors)


def load_checkpoint(path, model, optimizers, *, generator=None, recipe=None):
    """Put a checkpoint back: the next step is bit for bit the one that would have followed.

    Args:
        path, model, optimizers, generator: as in save_checkpoint, built by the same code.
        recipe: if given, refuse a checkpoint that was saved with another one.

    Returns:
        Checkpoint with step, history and recipe. Sets torch's global random state.

    Raises:
        CheckpointError: the file is unusable, or of another model or other optimizers; nothing is changed.
    """
    content, tensors = read_tensors(path, "checkpoint")
    weights = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}
    random = {name[7:]: state for name, state in tensors.items() if name.startswith("random.")}
    _check_same(path, "settings of the model", content["settings"], _checked_settings(path, model))
    _check_same(path, "optimizers", content["optimizers"], _describe(model, optimizers))
    if recipe is not None:
        _check_same(path, "training arguments", content["recipe"], recipe)
    _check_fits(path, model, weights)
    for state, optimizer in zip(content["states"], optimizers, strict=True):
        optimizer.load_state_dict(_unflatten(state, tensors))
    model.load_state_dict(weights)
    set_random_states(model, generator, random)
    return Checkpoint(content["step"], content["history"], content["recipe"])


def cuda_devices(model):
    """The indices of the CUDA devices that hold parameters of the model; empty on a CPU."""
    return sorted({p.device.index for p in model.parameters() if p.device.type == "cuda"})


def random_states(model, generator=None):
    """The states of torch's generators and of the data's generator, as a dict of uint8 tensors."""
    states = {"torch": torch.get_rng_state()}
    states |= {f"cuda{i}": torch.cuda.get_rng_state(i) for i in cuda_devices(model)}
    if generator is not None:
        states["data"] = generator.get_state()
    return states


def set_random_states(model, generator, states):
    """Put the states of random_states back."""
    torch.set_rng_state(states["torch"])
    for i in cuda_devices(model):
        if f"cuda{i}" in states:
            torch.cuda.set_rng_state(states[f"cuda{i}"], i)
    if generator is not None and "data" in states:
        generator.set_state(states["data"])


def _describe(model, optimizers):
    """Name each optimizer's class and, group by group, the parameters that it moves."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = [[[names.get(id(p), "?") for p in g["params"]] for g in one.param_groups] for one in optimizers]
    return [[type(one).__name__, own] for one, own in zip(optimizers, groups, strict=True)]


def _flatten(value, name, tensors):
    """Turn nested dicts, lists and tuples into JSON; tensors move to `tensors` and leave their name behind.

    Each value is tagged with its type, since JSON alone turns tuples into lists and number keys into text.
    """
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _flatten(item, f"{name}.{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [_flatten(item, f"{name}.{i}", tensors) for i, item in enumerate(value)]
        return {"list" if isinstance(value, list) else "tuple": items}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise CheckpointError(f"{name} is a {type(value).__name__}, which cannot be stored without pickle")


def _unflatten(tree, tensors):
    ((kind, value),) = tree.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: _unflatten(item, tensors) for key, item in value}
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](_unflatten(item, tensors) for item in value)
    return value


# ---- does it fit? ----


def _check_fits(path, model, tensors):
    """Refuse, in words, tensors whose names, shapes or dtypes are not the model's own."""
    own = model.state_dict()
    missing, unexpected = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    if missing or unexpected:
        lacks = f"lacks {', '.join(missing)}" if missing else ""
        extra = f"holds {', '.join(unexpected)}, which the model does not have" if unexpected else ""
        raise CheckpointError(
            f"{path} does not fit the model: it {' and '.join(filter(None, [lacks, extra]))}"
        )
    for name, tensor in own.items():
        found = tensors[name]
        if found.shape != tensor.shape:
            shapes = f"{list(found.shape)} in the file, {list(tensor.shape)} in the model"
            raise CheckpointError(f"{path} does not fit the model: {name} has shape {shapes}")
        if found.dtype != tensor.dtype:
            dtypes = f"{found.dtype} in the file, {tensor.dtype} in the model"
            raise CheckpointError(f"{path} does not fit the model: {name} is {dtypes}")
    for name, twin in _ties(own).items():
        if tensors[name] is not tensors[twin] and not torch.equal(tensors[name], tensors[twin]):
            raise CheckpointError(f"{path}: the model ties {name} to {twin}, in the file they differ")


def _check_same(path, what, saved, own):
    if saved != own:
        raise CheckpointError(f"{path} was written with other {what}: {saved} in the file, {own} here")


def _checked_settings(path, model):
    settings = getattr(model, "settings", None)
    if settings is None:
        return None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{path}: model.settings is a {type(settings).__name__}, not a dict")
    for key, value in settings.items():
        try:
            same = json.loads(json.dumps({key: value})) == {key: value}
        except (TypeError, ValueError, RecursionError):
            same = False
        if not same:
            raise CheckpointError(
                f"{path}: the setting {key}={value!r} would not come back from JSON unchanged"
            )
    return settings


def _ties(tensors):
    """Map each name whose tensor is the very memory of an earlier one to that earlier name."""
    first, ties = {}, {}
    for name, tensor in tensors.items():
        where = (tensor.data_ptr(), tensor.device, tensor.dtype, tensor.shape, tensor.stride())
        if tensor.numel() and first.setdefault(where, name) != name:
            ties[name] = first[where]
    return ties


# ---- bytes ----


def write_tensors(path, kind, content, tensors):
    """Write named tensors and JSON content as one safetensors file, with a digest over all of it.

    Raises:
        CheckpointError: something is not a tensor, or a directory is in the way.
        OSError: it cannot be written, as where the disk is full; the old file stands as it was.
    """
    if Path(path).is_dir():
        raise CheckpointError(f"{path} is a directory, no file can be written there")
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise CheckpointError(f"{path}: {name} is a {type(tensor).__name__}, only tensors can be stored")
    ties = _ties(tensors)
    stored = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
        if name not in ties
    }
    # one metadata entry only: safetensors may write several in any order, and equal models make equal files
    about = {"version": VERSION, "kind": kind, "sha256": NO_DIGEST, "ties": ties, "content": content}
    blank = safetensors.torch.save(stored, {METADATA_KEY: json.dumps(about)})
    digest = hashlib.sha256(blank).hexdigest()
    write_atomically(Path(os.path.realpath(path)), blank.replace(NO_DIGEST.encode(), digest.encode(), 1))


def read_tensors(path, kind):
    """The content and the tensors of a file, after every check that needs no model."""
    raw = _bytes(path)
    about = _about(path, raw)
    try:
        version = int(about["version"])
        if version > VERSION:
            newer = f"{path} is of format version {version}, this library reads up to {VERSION}"
            raise CheckpointError(f"{newer}: install a newer llmasos_edu")
        if not _digest_matches(raw, about["sha256"]):
            raise CheckpointError(f"{path} is damaged: its bytes do not match the sha256 that it carries")
        if about["kind"] != kind:
            raise CheckpointError(f"{path} is a {about['kind']}, not a {kind}: use load_{about['kind']}")
        tensors = safetensors.torch.load(raw)
        tensors |= {name: tensors[twin] for name, twin in about["ties"].items()}
        return about["content"], tensors
    except CheckpointError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {type(error).__name__} {error}") from error


def _digest_matches(raw, digest):
    mark = str(digest).encode()
    if len(mark) != len(NO_DIGEST):
        return False
    return hashlib.sha256(raw.replace(mark, NO_DIGEST.encode())).hexdigest() == digest


def _bytes(path):
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path} is a directory, not a file")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such file") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if not raw:
        raise CheckpointError(f"{path} is empty")
    return raw


def _about(path, raw):
    """Our entry in a safetensors file's header: 8 bytes with its length n, n bytes of JSON, then the data."""
    end = 8 + int.from_bytes(raw[:8], "little")
    if len(raw) < 9 or raw[8:9] != b"{":
        raise CheckpointError(f"{path} {what_it_is(raw)}")
    if end > len(raw):
        raise CheckpointError(f"{path} is cut short: {len(raw)} bytes, the header alone ends at {end}")
    try:
        header = json.loads(raw[8:end])
        sizes = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        whole = end + max(sizes, default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise CheckpointError(
            f"{path} is damaged, or no safetensors file: its header cannot be read"
        ) from None
    if whole != len(raw):
        wrong = "is cut short" if len(raw) < whole else "has bytes after its end"
        raise CheckpointError(f"{path} {wrong}: {len(raw)} bytes, the header speaks of {whole}")
    try:
        return json.loads(header["__metadata__"][METADATA_KEY])
    except (KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path} is a safetensors file, but not one that this library wrote") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is damaged: its metadata cannot be read") from None


def what_it_is(raw):
    """Say what a file is that does not begin as safetensors does."""
    if raw[:4] == b"PK\x03\x04":
        return (
            "is a zip file, as torch.save writes: it may hold a pickle, which can run any code: it is refused"
        )
    if raw[:1] == b"\x80" and raw[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "is a pickle, which can run any code when loaded: it is refused"
    if len(raw) < 9:
        return f"is cut short: {len(raw)} bytes cannot hold a header"
    return "is not a safetensors file"

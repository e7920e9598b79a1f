"""An answer as bytes for the process that runs it, with what it uses from other cells, up to a limit."""

import functools
import io
import sys
from collections.abc import Callable

import cloudpickle
import torch

LIMIT = 64 * 2**20  # bytes; a larger parcel takes longer than the check itself


class TooLarge(Exception):
    """An answer drags more with it than it may; the message says what."""


class _Parcel(io.BytesIO):
    """A file in memory that refuses to grow over the limit."""

    def write(self, data) -> int:
        if self.tell() + memoryview(data).nbytes > LIMIT:
            raise TooLarge
        return super().write(data)


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, value: object) -> object:
        if isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_meta:
            # Before its bytes are copied twice over.
            if value.untyped_storage().nbytes() > LIMIT:
                raise TooLarge
        elif isinstance(value, functools._lru_cache_wrapper) and _of_the_notebook(value):
            return _cached, (value.__wrapped__, value.cache_parameters())
        elif isinstance(value, torch.jit.ScriptFunction) and hasattr(value, "_torchdynamo_inline"):
            return _as_it_is, (value._torchdynamo_inline,)  # the function that was compiled
        return super().reducer_override(value)


def _of_the_notebook(function: Callable) -> bool:
    module = getattr(function, "__module__", None)
    return module not in sys.modules or module in {"__main__", *cloudpickle.list_registry_pickle_by_value()}


def _cached(function: Callable, parameters: dict) -> Callable:
    return functools.lru_cache(**parameters)(function)


def _as_it_is(value: object) -> object:
    return value


def pack(answer: object) -> bytes:
    """The answer as bytes that `cloudpickle.loads` reads.

    Raises:
        TooLarge: it uses more than `LIMIT` bytes from other cells; the message names the largest thing.
    """
    parcel = _Parcel()
    try:
        _Pickler(parcel).dump(answer)
    except TooLarge:
        raise TooLarge(_largest(answer)) from None
    return parcel.getvalue()


def _largest(answer: object) -> str:
    """The largest of the variables of other cells that an answer uses, with its size."""
    code, names = getattr(answer, "__code__", None), getattr(answer, "__globals__", {})
    used = {name: names[name] for name in (code.co_names if code else ()) if name in names}
    free = zip(code.co_freevars if code else (), getattr(answer, "__closure__", None) or (), strict=True)
    used |= {name: cell.cell_contents for name, cell in free}
    sizes = {name: _bytes_of(value) for name, value in used.items()}
    name = max(sizes, key=sizes.get, default=None)
    if name is None or sizes[name] < LIMIT / 8:
        return f"something of more than {LIMIT / 2**20:.0f} MB from another cell"
    return f"`{name}` from another cell, {sizes[name] / 2**20:,.0f} MB"


def _bytes_of(value: object) -> int:
    if isinstance(value, torch.nn.Module):
        return sum(weight.nbytes for weight in value.state_dict().values())
    size = getattr(value, "nbytes", None)
    return size if isinstance(size, int) else 32 * len(value) if isinstance(value, (list, dict, set)) else 0

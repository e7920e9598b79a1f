"""Tensors checked at the door, token ids and sequences of vectors; a digest that tells data apart."""

import hashlib

import torch
from torch import Tensor

NUMPYS = (torch.float16, torch.float32, torch.float64)  # the fractions that numpy knows


def digest(*parts) -> str:
    """Sixteen hexadecimal digits that differ where a part does: tensors by their numbers, else by `repr`."""
    whole = hashlib.sha256()
    for part in parts:
        if isinstance(part, Tensor):
            whole.update(f"{part.dtype} {list(part.shape)} ".encode())
            numbers = part.detach().cpu().contiguous()
            if numbers.is_floating_point() and numbers.dtype not in NUMPYS:
                numbers = numbers.reshape(-1).view(torch.uint8)
            whole.update(numbers.numpy().tobytes())
        else:
            whole.update(f"{part!r} ".encode())
    return whole.hexdigest()[:16]


def identity_of(sample) -> str | None:
    """What tells a sampler's data from others', `sample.identity()`; None where it does not say."""
    return sample.identity() if hasattr(sample, "identity") else None


def token_vector(tokens):
    """Token ids `[n]` as torch.long, or an error that says in words what they are instead."""
    if isinstance(tokens, str | bytes):
        raise TypeError("tokens are text, but token ids are wanted: encode it with a tokenizer first")
    try:
        tokens = torch.as_tensor(tokens)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"tokens={str(tokens)[:60]} are no row [n] of token ids: {error}") from error
    if tokens.numel() == 0:
        raise ValueError("the text is empty: there are no tokens")
    if tokens.ndim != 1:
        raise ValueError(f"tokens have shape {list(tokens.shape)}, one row [n] is wanted")
    if tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool:
        raise TypeError(f"tokens are {tokens.dtype}, token ids are whole numbers (torch.long)")
    return tokens.long()


def check_tokens(name: str, tokens: Tensor, vocab_size: int) -> Tensor:
    """Tokens `[batch, seq]` as torch.long, whatever integers they were; refused in words what are no tokens.

    Raises:
        TypeError: text, or anything else that is no tensor.
        ValueError: tokens of the wrong shape, kind or range, with the values.
    """
    if isinstance(tokens, str | bytes):
        raise TypeError(f"{name} are text, but token ids are wanted: encode it with a tokenizer first")
    if not isinstance(tokens, Tensor):
        raise TypeError(f"{name} must be a tensor of integers [batch, seq], got {type(tokens).__name__}")
    kind = tokens.dtype
    if tokens.ndim != 2 or kind.is_floating_point or kind.is_complex or kind == torch.bool:
        raise ValueError(f"{name} must be integers [batch, seq], got {kind} {list(tokens.shape)}")
    if tokens.numel() == 0:
        raise ValueError(f"{name}: there are no tokens to read: {list(tokens.shape)}")
    tokens = tokens.long()
    low, high = (int(end) for end in tokens.aminmax())
    if low < 0 or high >= vocab_size:
        wrong = low if low < 0 else high
        raise ValueError(
            f"{name}: token {wrong} is outside the vocabulary of {vocab_size}: 0 to {vocab_size - 1}"
        )
    return tokens


def check_sequence(name: str, x: Tensor, width: int) -> None:
    """Refuse anything but a non-empty `[batch, seq, width]`."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a tensor [batch, seq, {width}], got {type(x).__name__}")
    if x.ndim != 3 or x.shape[-1] != width:
        raise ValueError(f"{name} must be [batch, seq, {width}], got {list(x.shape)}")
    if 0 in x.shape:
        raise ValueError(f"{name} is empty: {list(x.shape)}")

"""What a text begins with and what ends it, checked at the door: prompts of any lengths, and stop tokens."""

from collections.abc import Iterable, Sequence, Sized

import torch
from torch import Tensor

from llmasos_edu.foundation.tensors import check_tokens


def as_batch(prompts: Tensor | Sequence, vocab_size: int) -> tuple[Tensor, list[int] | None]:
    """Prompts as one tensor `[batch, longest]`, and the rows' lengths where they differ.

    Raises:
        TypeError: text instead of tokens.
        ValueError: no prompt, an empty one, tokens that the model does not have.
    """
    if isinstance(prompts, Tensor | str | bytes):
        return check_tokens("prompts", prompts, vocab_size), None
    if not isinstance(prompts, Sized):
        raise TypeError(f"prompts={prompts!r}: rows of token ids are wanted, [[1, 2], [3]]")
    if not len(prompts):
        raise ValueError("there are no prompts: the list is empty")
    rows = [_as_row(f"prompt {index}", row, vocab_size) for index, row in enumerate(prompts)]
    counts = [len(row) for row in rows]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)  # with 0, which no real position sees
    return tokens, counts if len(set(counts)) > 1 else None


def unpadded(rows: Tensor, counts: list[int] | None) -> list[list[int]]:
    """What `as_batch` has made one tensor of, as a list of tokens for each prompt."""
    counts = [rows.shape[1]] * len(rows) if counts is None else counts
    return [row[:count] for row, count in zip(rows.tolist(), counts, strict=True)]


def _as_row(name: str, row, vocab_size: int) -> Tensor:
    """One prompt as torch.long `[seq]`."""
    if isinstance(row, str | bytes):
        raise TypeError(f"{name} is text, but token ids are wanted: encode it with a tokenizer first")
    try:
        row = torch.as_tensor(row)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name}={str(row)[:60]} is no row [seq] of token ids: {error}") from error
    if row.numel() == 0:
        raise ValueError(f"{name} is empty: there is nothing to continue")
    return check_tokens(name, row[None], vocab_size)[0]


def stop_table(stop: int | Iterable[int], vocab_size: int) -> Tensor:
    """Which tokens end a row, boolean `[vocab]`.

    Raises:
        TypeError: what is no whole number.
        ValueError: a token that the model does not have.
    """
    if isinstance(stop, Tensor):
        stop = stop.reshape(-1).tolist()
    given = list(stop) if isinstance(stop, Iterable) else [stop]
    for token in given:
        if isinstance(token, bool) or not hasattr(token, "__index__"):
            raise TypeError(f"stop={token!r} is no token: a whole number is wanted")
    stop = [int(token) for token in given]
    for token in stop:
        if not 0 <= token < vocab_size:
            raise ValueError(f"stop={token} is no token: 0 to {vocab_size - 1}")
    table = torch.zeros(vocab_size, dtype=torch.bool)
    table[stop] = True
    return table

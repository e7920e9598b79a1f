"""Masks: who may see whom, as booleans (True = may attend) or numbers added to scores (chapter 4.1)."""

from collections.abc import Sequence

import torch
from torch import Tensor


def causal_mask(query_len: int, key_len: int | None = None, *, device=None) -> Tensor:
    """Boolean mask that hides the future: True where the key is not later than the query.

    Where there are more keys than queries, the queries are the last positions, as in decoding
    with a cache: query `i` may attend to key `j` when `j <= i + key_len - query_len`.

    Returns:
        `[query, key]`, True = may attend.

    Raises:
        ValueError: fewer keys than queries.
    """
    key_len = query_len if key_len is None else key_len
    if key_len < query_len:
        raise ValueError(f"a causal mask needs a key for every query: {query_len} queries, {key_len} keys")
    ones = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return ones.tril(diagonal=key_len - query_len)


def check_mask(mask: Tensor, shape: Sequence[int]) -> None:
    """Refuse what is no mask, and one that does not fit scores of this shape.

    Raises:
        ValueError: integers, or a shape that cannot be broadcast.
    """
    if mask.dtype != torch.bool and not mask.is_floating_point():
        raise ValueError(
            f"a mask of {mask.dtype} could mean two things: pass booleans (True = may attend) "
            "or floats that are added to the scores"
        )
    sizes = list(zip(reversed(mask.shape), reversed(shape), strict=False))
    if mask.ndim > len(shape) or any(m not in (1, s) for m, s in sizes):
        raise ValueError(f"mask {list(mask.shape)} does not fit scores {list(shape)}")


def join_masks(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """One mask that hides what either hides; the first is boolean."""
    if first is None or second is None:
        return second if first is None else first
    check_mask(second, (*second.shape[:-2], *first.shape[-2:]))
    if second.dtype == torch.bool:
        return first & second
    return second.masked_fill(~first, -torch.inf)

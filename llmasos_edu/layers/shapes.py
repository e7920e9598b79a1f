"""Sizes that must fit before attention can be computed, refused in words where they do not (chapter 4.1)."""

import torch
from torch import Tensor


def head_dim_of(d_model: int, num_heads: int) -> int:
    """The width of a head where the heads share `d_model`, or an error with the values."""
    if num_heads < 1 or d_model < 1 or d_model % num_heads:
        raise ValueError(f"d_model={d_model} is not divisible by num_heads={num_heads}")
    return d_model // num_heads


def check_attention(query: Tensor, key: Tensor, value: Tensor, is_causal: bool, dropout_p: float) -> None:
    """Refuse queries `[..., query, head_dim]`, keys and values that do not go together."""
    shapes = f"query {list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ValueError(f"attention needs at least [seq, head_dim], got {shapes}")
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"queries and keys must have the same head_dim: {shapes}")
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"every key needs a value: {shapes}")
    try:
        torch.broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    except RuntimeError:
        raise ValueError(f"leading dimensions must be equal or 1: {shapes}") from None
    if 0 in query.shape[-2:] or 0 in key.shape[-2:]:
        raise ValueError(f"attention over nothing: {shapes}")
    if is_causal and query.shape[-2] != key.shape[-2]:
        raise ValueError(
            f"is_causal needs as many keys as queries: {shapes}; for decoding pass "
            f"mask=causal_mask({query.shape[-2]}, {key.shape[-2]})"
        )
    if not 0 <= dropout_p < 1:
        raise ValueError(f"dropout_p={dropout_p} must be at least 0 and below 1")


def check_head_mask(head_mask: Tensor | None, batch: int, num_heads: int) -> None:
    """Refuse a mask of heads that is neither `[heads]` nor `[batch, heads]`."""
    if head_mask is not None and head_mask.shape not in ((num_heads,), (batch, num_heads)):
        raise ValueError(
            f"head_mask {list(head_mask.shape)} must be [heads={num_heads}] "
            f"or [batch={batch}, heads={num_heads}]"
        )

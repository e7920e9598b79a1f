"""Attention: the definition, self-attention, and many heads (chapter 4.1).

Read it top to bottom: scores, softmax under a mask, their composition, then two modules that
wrap the composition in projections. Wherever a slow, explicit path and a fast, fused path do the
same thing, they stand side by side and the tests hold them equal.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.foundation.tensors import check_sequence
from llmasos_edu.layers.kv_cache import KVCache
from llmasos_edu.layers.masks import causal_mask, check_mask, join_masks
from llmasos_edu.layers.shapes import check_attention, check_head_mask, head_dim_of


def attention_scores(query: Tensor, key: Tensor, *, scale: float | None = None) -> Tensor:
    """How well each query matches each key: `Q K^T / sqrt(d_k)`.

    Args:
        query: `[..., query, head_dim]`.
        key: `[..., key, head_dim]`.
        scale: factor on the dot products; `1 / sqrt(head_dim)` unless given.

    Returns:
        Scores `[..., query, key]`, before mask and softmax, without unit.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1; article 4.1.1.
    """
    if scale is None:
        scale = query.shape[-1] ** -0.5
    return (query * scale) @ key.transpose(-2, -1)


def masked_softmax(scores: Tensor, mask: Tensor | None = None, *, temperature: float = 1.0) -> Tensor:
    """Softmax over the keys that a query may see: `softmax(scores / temperature + mask)`.

    Args:
        scores: `[..., query, key]`.
        mask: broadcastable to the scores. Boolean: True = may attend. Floating point: added to the
            scores, so `-inf` hides a key. Integers are refused, since 0 and 1 could mean either.
        temperature: above 1 flattens the weights, below 1 sharpens them.

    Returns:
        Weights `[..., query, key]`; a row sums to one, or is zero where every key is hidden.
        The gradient of such a row is zero, not NaN.

    Raises:
        ValueError: temperature not positive, mask of a kind or shape that does not fit.
    """
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be positive")
    scores = scores if temperature == 1.0 else scores / temperature
    if mask is None:
        return scores.softmax(dim=-1)
    check_mask(mask, scores.shape)
    scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    # Softmax of a row of -inf is NaN. Such a row gets harmless scores first and zero weights after.
    hidden = (scores == -torch.inf).all(dim=-1, keepdim=True)
    return scores.masked_fill(hidden, 0.0).softmax(dim=-1).masked_fill(hidden, 0.0)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    temperature: float = 1.0,
    dropout_p: float = 0.0,
) -> Tensor:
    """Each query's mean of the values, weighted by how well the keys match: `softmax(QK^T/sqrt(d_k)) V`.

    Args:
        query: `[..., query, head_dim]`.
        key: `[..., key, head_dim]`; leading dimensions broadcast with the query's.
        value: `[..., key, value_dim]`.
        mask: broadcastable to `[..., query, key]`; boolean with True = may attend, as in torch's
            own function, or floating point and added to the scores.
        is_causal: position `i` sees keys `0..i` alone; needs as many keys as queries.
        scale: factor on the dot products; `1 / sqrt(head_dim)` unless given.
        temperature: divides the scores once more; 1 leaves them alone.
        dropout_p: share of the weights set to zero, the rest scaled up; for training only.

    Returns:
        `[..., query, value_dim]`. A query that may see no key gets zeros, with zero gradient.

    Raises:
        ValueError: shapes, mask, dropout or temperature that do not fit, with the values.

    Source: Vaswani et al. 2017, section 3.2.1; article 4.1.1. Equal to
    `torch.nn.functional.scaled_dot_product_attention`.
    """
    return attention_with_weights(
        query,
        key,
        value,
        mask,
        is_causal=is_causal,
        scale=scale,
        temperature=temperature,
        dropout_p=dropout_p,
    ).output


class WeightedMean(NamedTuple):
    """What attention returned, and the weights that it took the mean with."""

    output: Tensor  # [..., query, value_dim]
    weights: Tensor  # [..., query, key], before dropout


def attention_with_weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    temperature: float = 1.0,
    dropout_p: float = 0.0,
) -> WeightedMean:
    """`scaled_dot_product_attention` with its weights on show; arguments and errors as there."""
    check_attention(query, key, value, is_causal, dropout_p)
    scores = attention_scores(query, key, scale=scale)
    if is_causal:
        mask = join_masks(causal_mask(query.shape[-2], device=query.device), mask)
    weights = masked_softmax(scores, mask, temperature=temperature)
    return WeightedMean(F.dropout(weights, dropout_p) @ value, weights)


class SelfAttention(nn.Module):
    """Self-attention with several heads, spelled out: every position asks, answers and is read.

    `head_i = softmax(Q_i K_i^T / sqrt(head_dim)) V_i`, `output = concat(head_1 ... head_h) W_o`, with
    `Q = x W_q`, `K = x W_k`, `V = x W_v` cut into `num_heads` slices of `head_dim = d_model / num_heads`.
    The short version for reading. `MultiHeadAttention` has the same parameter names, so that the
    weights of one load into the other.

    Args:
        d_model: width of a position's vector.
        num_heads: number of heads; must divide `d_model`.

    Raises:
        ValueError: `num_heads` does not divide `d_model`.

    Source: Vaswani et al. 2017, section 3.2.2; article 4.1.2 and 4.1.3.
    """

    def __init__(self, d_model: int, *, num_heads: int):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, head_dim_of(d_model, num_heads)
        self.query_proj = nn.Linear(d_model, d_model)
        self.key_proj = nn.Linear(d_model, d_model)
        self.value_proj = nn.Linear(d_model, d_model)
        self.out_proj = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mix the positions of `x` `[batch, seq, d_model]`; a mask must fit `[batch, heads, seq, seq]`."""
        check_sequence("x", x, self.query_proj.in_features)
        query = split_heads(self.query_proj(x), self.num_heads)  # [batch, heads, seq, head_dim]
        key = split_heads(self.key_proj(x), self.num_heads)
        value = split_heads(self.value_proj(x), self.num_heads)
        heads = scaled_dot_product_attention(query, key, value, mask)
        return self.out_proj(merge_heads(heads))  # [batch, seq, d_model]


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut the features into heads: `[batch, seq, heads * head_dim]` to `[batch, heads, seq, head_dim]`.

    The transpose matters: a plain reshape to the final shape would deal out positions, not features.
    """
    batch, seq, width = x.shape
    return x.view(batch, seq, num_heads, width // num_heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Undo `split_heads`: `[batch, heads, seq, head_dim]` to `[batch, seq, heads * head_dim]`."""
    return x.transpose(1, 2).flatten(start_dim=2)


class AttentionMaps(NamedTuple):
    """What one layer's heads looked at; both `[batch, heads, query, key]`."""

    weights: Tensor
    scores: Tensor  # before mask and softmax


class Attended(NamedTuple):
    """What a layer with attention returned, and what its heads looked at."""

    output: Tensor  # [batch, query, d_model]
    maps: AttentionMaps


class MultiHeadAttention(nn.Module):
    """Attention with several heads, in general: self or cross, grouped, causal, cached, inspected.

    Same formula as `SelfAttention`, plus what models of today need.

    Args:
        d_model: width of the query and of the output.
        num_heads: number of query heads; must divide `d_model`.
        num_kv_heads: number of key and value heads; each serves `num_heads / num_kv_heads`
            neighbouring query heads (grouped-query attention; 1 is multi-query). `num_heads` unless given.
        kdim, vdim: widths of the key and value inputs; `d_model` unless given.
        bias: whether the four projections add a bias.
        is_causal: hide the future.
        dropout: share of the weights set to zero in training.
        head_dim: width of a head; `d_model / num_heads` unless given.
        qk_norm: True brings each query and key to mean 0 and variance 1 over its features, so that no score
            exceeds `sqrt(head_dim)`. `rms` has an RMS norm with weights instead, `rms_joint` one over all
            heads together.
        fused: use torch's fused kernel, which never builds the weights. The explicit path is
            taken all the same where the maps are asked for.

    Raises:
        ValueError: head counts that do not divide, with the values.

    Source: Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023, "GQA", section 2.2; Henry et al.
    2020, "Query-Key Normalization for Transformers", and Dehghani et al. 2023, "Scaling Vision
    Transformers to 22 Billion Parameters" (with a layer norm, as here); Qwen Team 2025, "Qwen3" (`rms`);
    Muennighoff et al. 2024, "OLMoE", section 4.2.5 (`rms_joint`); article 4.1.3.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_heads: int,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        kdim: int | None = None,
        vdim: int | None = None,
        bias: bool = True,
        is_causal: bool = False,
        dropout: float = 0.0,
        qk_norm: bool | str = False,
        fused: bool = True,
    ):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, head_dim or head_dim_of(d_model, num_heads)
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        if self.num_kv_heads < 1 or num_heads % self.num_kv_heads:
            raise ValueError(f"num_heads={num_heads} is not divisible by num_kv_heads={num_kv_heads}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} must be at least 0 and below 1")
        if qk_norm not in (False, True, "rms", "rms_joint"):
            raise ValueError(f"qk_norm={qk_norm!r} is not one of False, True, rms, rms_joint")
        width, kv_width = num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        self.query_proj = nn.Linear(d_model, width, bias=bias)
        self.key_proj = nn.Linear(kdim or d_model, kv_width, bias=bias)
        self.value_proj = nn.Linear(vdim or d_model, kv_width, bias=bias)
        self.out_proj = nn.Linear(width, d_model, bias=bias)
        self.is_causal, self.dropout, self.qk_norm, self.fused = is_causal, dropout, qk_norm, fused
        self.query_norm = self.key_norm = None
        if isinstance(qk_norm, str):
            sizes = (self.head_dim, self.head_dim) if qk_norm == "rms" else (width, kv_width)
            self.query_norm, self.key_norm = map(nn.RMSNorm, sizes)

    def forward(
        self,
        query: Tensor,
        key: Tensor | None = None,
        value: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        rotate=None,
        cache: KVCache | None = None,
        counts: list[int] | None = None,
        head_mask: Tensor | None = None,
        maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """Let every query position read the key and value positions.

        Args:
            query: `[batch, query, d_model]`.
            key: `[batch, key, kdim]`; the query itself unless given.
            value: `[batch, key, vdim]`; the key input unless given.
            mask: broadcastable to `[batch, heads, query, key]`, boolean (True = may attend) or additive;
                joined with the causal mask.
            rotate: function applied to the projected queries and keys `[batch, heads, seq, head_dim]`,
                such as a rotary embedding at the right positions.
            cache: past keys and values, to which the new ones are appended; causal self-attention only.
            counts: with a cache, how many of the new positions are real in each row.
            head_mask: `[heads]` or `[batch, heads]`, 1 keeps a head, 0 knocks it out: it contributes nothing.
            maps: a list to which what the heads looked at is added; takes the explicit path.

        Returns:
            `[batch, query, d_model]`.

        Raises:
            ValueError: shapes that do not fit, with the values.
        """
        key = query if key is None else key
        value = key if value is None else value
        self._check(query, key, value, cache, counts, head_mask)
        query = self._heads(self.query_proj(query), self.num_heads, self.query_norm)
        key = self._heads(self.key_proj(key), self.num_kv_heads, self.key_norm)
        value = split_heads(self.value_proj(value), self.num_kv_heads)
        if rotate is not None:
            query, key = rotate(query), rotate(key)
        is_causal = self.is_causal
        if cache is not None:
            if not cache.is_empty():  # else the fused kernel's own causal mask will do, which takes no memory
                mask, is_causal = join_masks(cache.mask(query.shape[-2]), mask), False
            key, value = cache.append(key, value, counts)
        groups = self.num_heads // self.num_kv_heads
        if groups > 1:
            key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
        return self._attend(query, key, value, mask, is_causal, head_mask, maps)

    def inspect(self, *inputs: Tensor, **options) -> Attended:
        """The forward pass step by step: what comes out, and what every head looked at; as in `forward`."""
        maps = []
        return Attended(self(*inputs, maps=maps, **options), maps[0])

    def _heads(self, x: Tensor, num_heads: int, norm: nn.Module | None) -> Tensor:
        """Projected queries or keys as heads, normed as the settings say."""
        if self.qk_norm == "rms_joint":
            return split_heads(norm(x), num_heads)
        x = split_heads(x, num_heads)
        if self.qk_norm == "rms":
            return norm(x)
        return F.layer_norm(x, (self.head_dim,)) if self.qk_norm else x

    def _attend(self, query, key, value, mask, is_causal, head_mask, maps) -> Tensor:
        """What follows the projections, up to `[batch, query, d_model]`."""
        heads = self._mix(query, key, value, mask, is_causal, maps)
        if head_mask is not None:
            heads = heads * head_mask.to(heads.dtype)[..., None, None]
        return self.out_proj(merge_heads(heads))

    def _mix(self, query, key, value, mask, is_causal, maps) -> Tensor:
        """The same heads twice: torch's fused kernel, or step by step with the maps on show."""
        dropout_p = self.dropout if self.training else 0.0
        if mask is not None:
            check_mask(mask, (*query.shape[:-1], key.shape[-2]))
            if is_causal:
                mask, is_causal = join_masks(causal_mask(query.shape[-2], device=query.device), mask), False
            if mask.dtype != torch.bool:
                mask = mask.to(query.dtype)
        if self.fused and maps is None:
            # The kernel refuses masks of one dimension.
            mask = mask if mask is None else torch.atleast_2d(mask)
            return F.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, dropout_p=dropout_p, is_causal=is_causal
            )
        heads, weights = attention_with_weights(
            query, key, value, mask, is_causal=is_causal, dropout_p=dropout_p
        )
        if maps is not None:
            maps.append(AttentionMaps(weights, attention_scores(query, key)))
        return heads

    def _check(self, query, key, value, cache, counts, head_mask):
        check_sequence("query", query, self.query_proj.in_features)
        check_sequence("key", key, self.key_proj.in_features)
        check_sequence("value", value, self.value_proj.in_features)
        if not len(query) == len(key) == len(value) or key.shape[1] != value.shape[1]:
            raise ValueError(
                f"query {list(query.shape)}, key {list(key.shape)} and value {list(value.shape)} must share "
                "the batch size, and key and value the sequence length"
            )
        if self.is_causal and key.shape[1] != query.shape[1]:
            raise ValueError(
                f"causal attention needs a key for every query: {query.shape[1]} queries, {key.shape[1]} keys"
            )
        if cache is not None and not (self.is_causal and query is key is value):
            raise ValueError(
                f"a cache serves causal self-attention with no key or value input: is_causal={self.is_causal}"
            )
        if counts is not None and cache is None:
            raise ValueError(f"counts={counts} say what a cache is to keep, but there is no cache")
        check_head_mask(head_mask, len(query), self.num_heads)

"""One step of writing without ceremony: the fast path of `generate` (chapters 4.1.2 and 5).

To write a token a small model calls some fifty kernels, and each works for a few microseconds. Checking
shapes, calling modules, splitting and merging heads takes as long as all of them. While a text is written
nothing of that changes from token to token. So it is done once, when writing begins:

- query, key and value matrices are joined: one product instead of three;
- what depends on the position alone is looked up: vectors to add, or rotations, each as a small matrix;
- a branch and the residual path meet in one kernel: `torch.addmm(x, branch, W)` is `x + branch W`;
- with one new position nothing has to be hidden from it, and the query heads that share a key
  head stand as if they were its positions, so that no key is repeated.

`LanguageModel.next_logits` is the same step for reading. The tests hold them equal.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.foundation.code import code_of, runs_own_code
from llmasos_edu.generation.layer_parts import hidden_part, linear_part, norm_part, onto_part
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.kv_cache import KVCache
from llmasos_edu.layers.moe import MoE
from llmasos_edu.layers.positional import (
    AlibiPositions,
    LearnedPositions,
    PositionalEncoding,
    RotaryEmbedding,
    SinusoidalPositions,
)
from llmasos_edu.layers.transformer import EncoderLayer, FeedForward


class Place(NamedTuple):
    """Where the new tokens stand: what all layers share in one step."""

    index: tuple  # of the new position in a buffer [batch, kv_heads, max_len, head_dim]
    held: int  # positions in the longest row, the new one included
    rotation: Tensor | None  # [head_dim, head_dim], or [batch, head_dim, head_dim] where rows differ
    mask: Tensor | None  # broadcastable to [batch, heads, 1, held], added to the scores


class DecodingStep:
    """Read one token a row and say what may follow: `next_logits` with all preparation done beforehand.

    The weights are joined and the positions' tables made when the object is made; a weight that changes later
    may not count. No gradient is recorded. Make it with `decoding_step`, which knows what it can serve.

    Args:
        model: a `LanguageModel`, in evaluation mode.
        cache: one `KVCache` a layer, in which every row has read its prompt.

    Source: Shazeer 2019, "Fast Transformer Decoding", section 2.4 (incremental inference).
    """

    def __init__(self, model, cache: list[KVCache]):
        lengths, positions = cache[0].lengths, model.body.positions
        self.model, self.cache = model, cache
        self.rows = None  # where all rows are equally long, one place serves them all
        if len(set(lengths)) > 1:
            self.rows = torch.arange(len(lengths), device=cache[0].keys.device)
        self.start, self.room = min(lengths), cache[0].keys.shape[2]
        if positions.learned is not None:
            self.room = min(self.room, positions.learned.embedding.num_embeddings)
        self.embedding = model.embedding.weight.detach()
        self.alibi, self.kv_heads = positions.alibi, model.blocks[0].attention.num_kv_heads
        self.added, self.rotations = self._tables(positions)
        self.layers = []
        for block, memory in zip(model.blocks, cache, strict=True):
            self.layers.append(_attention(block, memory))
            if block.feed_forward is not None:
                self.layers.append(_feed_forward(block, len(lengths)))
        self.norm, self.head = norm_part(model.body.norm), linear_part(model.head)

    def __call__(self, tokens: Tensor) -> Tensor:
        """Logits `[batch, vocab]` of what follows `tokens` `[batch, 1]`, which the cache keeps.

        Raises:
            ValueError: no room left in the cache, or no learned position.
        """
        lengths = [length + 1 for length in self.cache[0].lengths]
        if max(lengths) > self.room:
            return self.model.next_logits(tokens, cache=self.cache)  # and that says what is missing
        x = F.embedding(tokens[:, 0], self.embedding)  # [batch, d_model]
        x, place = self._place(x, max(lengths))
        for layer in self.layers:
            x = layer(x, place)
        for memory in self.cache:
            memory.lengths = lengths
        return self.head(self.norm(x))

    def _tables(self, positions: PositionalEncoding) -> tuple[Tensor | None, Tensor | None]:
        """For every position from the first that may come: the vector added there, and the rotation."""
        dtype, device = self.embedding.dtype, self.embedding.device
        places = torch.arange(self.start, max(self.start, self.room), device=device)
        added = rotations = None
        if positions.learned is not None or positions.sinusoidal is not None:
            zeros = torch.zeros(1, len(places), self.embedding.shape[1], dtype=dtype, device=device)
            added = positions(zeros, places)[0][0].detach()  # [positions, d_model]
        if positions.rotary is not None:
            # A rotation is linear: what it makes of the unit vectors are the rows of its matrix.
            head_dim = positions.rotary.head_dim
            units = torch.eye(head_dim, dtype=dtype, device=device)[:, None].expand(-1, len(places), -1)
            rotations = positions.rotary.at(places, dtype)(units).transpose(0, 1).contiguous()
        return added, rotations

    def _place(self, x: Tensor, held: int) -> tuple[Tensor, Place]:
        """The embeddings with their positions, and the place of this step."""
        at, index, mask = held - 1, (slice(None), slice(None), held - 1), None
        if self.rows is not None:
            at = torch.tensor(self.cache[0].lengths, device=x.device)  # [batch]
            index = (self.rows, slice(None), at)
        if self.rows is not None or self.alibi is not None:
            mask = self._mask(x, at, held)
        if self.added is not None:
            x = x + self.added[at - self.start]
        rotation = None if self.rotations is None else self.rotations[at - self.start]
        return x, Place(index, held, rotation, mask)

    def _mask(self, x: Tensor, at, held: int) -> Tensor:
        """What is added to the scores: how far a key is, and `-inf` behind a row's own end.

        Returns:
            `[batch or 1, kv_heads, heads of each, held]`, with 1 for the heads where distance does not count.
        """
        keys = torch.arange(held, device=x.device)
        at = torch.as_tensor(at, device=x.device).view(-1, 1)  # [batch or 1, 1]
        mask = x.new_zeros(len(at), 1, 1, held)
        if self.alibi is not None:
            mask = self.alibi(at, keys, x.dtype).view(len(at), self.kv_heads, -1, held)
        return mask.masked_fill((keys > at)[:, None, None], -torch.inf)


def decoding_step(model, cache: list[KVCache], *, own: dict[type, dict]) -> Callable[[Tensor], Tensor]:
    """The fastest way to read one token a row: a `DecodingStep`, or `next_logits` where that cannot serve.

    It cannot where anything of the model is not the book's own code (a module of another kind, a method that
    was replaced, a hook that waits for a call), in training mode, under autocast, which chooses the kind of
    number for each call, and for settings that it does not know.

    Args:
        model, cache: as in `DecodingStep`.
        own: `code_of` the model's own class and its body's.

    Returns:
        A function from tokens `[batch, 1]` to logits `[batch, vocab]`. The cache keeps what it reads.

    Raises:
        ValueError: experts that depend on other tokens, as `MoE.check_each_token_alone` says.
    """
    for block in model.blocks:
        if isinstance(block.feed_forward, MoE):
            block.feed_forward.check_each_token_alone()
    modules = list(model.modules())
    plain = all(block.norm_first and block.attention.query_norm is None for block in model.blocks)
    device = cache[0].keys.device.type
    ready = plain and not any(module.training for module in modules)
    if ready and not torch.is_autocast_enabled(device) and runs_own_code(modules, KNOWN | own):
        return DecodingStep(model, cache)
    return partial(model.next_logits, cache=cache)


KNOWN = code_of(
    nn.Embedding, nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.ModuleList, EncoderLayer, MultiHeadAttention,
    FeedForward, MoE, PositionalEncoding, LearnedPositions, RotaryEmbedding, SinusoidalPositions,
    AlibiPositions,
)  # fmt: skip


# ---- the parts, each a function that holds what it needs ----


def _attention(block: EncoderLayer, cache: KVCache) -> Callable[[Tensor, Place], Tensor]:
    """`x + Attention(norm(x))` for one new position a row."""
    attention = block.attention
    batch, kv_heads, _, head_dim = cache.keys.shape
    heads = attention.num_heads
    norm, leave = norm_part(block.attention_norm), onto_part(attention.out_proj)
    project = linear_part(attention.query_proj, attention.key_proj, attention.value_proj)
    keys, values = cache.keys, cache.values

    def step(x: Tensor, place: Place) -> Tensor:
        projected = project(norm(x)).view(batch, heads + 2 * kv_heads, head_dim)
        both, value = projected.split_with_sizes((heads + kv_heads, kv_heads), dim=1)
        if attention.qk_norm:
            both = torch.layer_norm(both, (head_dim,))
        if place.rotation is not None:
            both = both @ place.rotation
        query, key = both.split_with_sizes((heads, kv_heads), dim=1)
        keys[place.index], values[place.index] = key, value
        mixed = F.scaled_dot_product_attention(
            query.view(batch, kv_heads, heads // kv_heads, head_dim),
            keys[:, :, : place.held],
            values[:, :, : place.held],
            attn_mask=place.mask,
        )
        return leave(x, mixed.reshape(batch, heads * head_dim))

    return step


def _feed_forward(block: EncoderLayer, batch: int) -> Callable[[Tensor, Place], Tensor]:
    """`x + FFN(norm(x))`, or with experts in the network's place."""
    network, norm = block.feed_forward, norm_part(block.feed_forward_norm)
    if isinstance(network, FeedForward):
        widen, leave = hidden_part(network), onto_part(network.out_proj)
        return lambda x, place: leave(x, widen(norm(x)))
    if batch == 1 and network.choice == "token":  # no expert is ever full here, `decoding_step` saw to it
        return _experts_of_one(network, norm)
    return lambda x, place: x + network(norm(x))


def _experts_of_one(moe: MoE, norm) -> Callable[[Tensor, Place], Tensor]:
    """Experts for a single token: no sorting and no gathering, its few experts answer one after the other."""
    router, bias = linear_part(moe.router), moe.balancing_bias
    experts, shared = (
        [(hidden_part(expert), onto_part(expert.out_proj)) for expert in group]
        for group in (moe.experts, moe.shared_experts)
    )

    def step(x: Tensor, place: Place) -> Tensor:
        entered = norm(x)
        logits = router(entered)  # [1, experts]
        probs = logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(dim=-1)
        scores, (probs,) = (probs + bias)[0].tolist(), probs.tolist()
        # A stable sort: among equals the expert with the lower index, as in `top_k_routing`.
        chosen = sorted(range(len(scores)), key=lambda index: -scores[index])[: moe.top_k]
        total = sum(probs[index] for index in chosen) if moe.renormalize else 1.0
        for index in chosen:
            widen, leave = experts[index]
            x = leave(x, widen(entered), probs[index] / total)
        for widen, leave in shared:
            x = leave(x, widen(entered))
        return x

    return step

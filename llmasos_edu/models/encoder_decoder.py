"""Encoder and decoder: one stack reads the source, the other writes the target (chapter 4.2).

Stacks of layers first, then the model that turns one sequence of tokens into another. How it
chooses what to write is in `decoding.py`.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_options
from llmasos_edu.foundation.tensors import check_sequence, check_tokens
from llmasos_edu.layers.attention import AttentionMaps
from llmasos_edu.layers.kv_cache import KVCache
from llmasos_edu.layers.positional import PositionalEncoding
from llmasos_edu.layers.transformer import NORMS, DecoderLayer, EncoderLayer, start_empty


class Encoder(nn.Module):
    """A stack of encoder layers; with the norm first, one more norm at the end.

    Args:
        d_model: width of a position's vector.
        num_layers: number of layers.
        num_heads, d_ff, norm, norm_first: as in `EncoderLayer`.
        options: any other argument of `EncoderLayer`.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Vaswani et al. 2017, section 3.1; article 4.2.1. Equal to `nn.TransformerEncoder`.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_layers: int,
        num_heads: int,
        d_ff: int,
        norm: str = "layer",
        norm_first: bool = True,
        **options,
    ):
        super().__init__()
        _check_depth(num_layers)
        check_options("Encoder", options, EncoderLayer)
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, num_heads=num_heads, d_ff=d_ff, norm=norm, norm_first=norm_first, **options)
            for _ in range(num_layers)
        )
        self.norm = NORMS[norm](d_model) if norm_first else None

    def forward(
        self,
        x: Tensor,
        keep: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        rotate=None,
        maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """Read `x` `[batch, seq, d_model]` and return the same shape.

        Args:
            keep: `[batch, seq]`, False where a position is padding: no position attends to it.
            mask, rotate: as in `MultiHeadAttention`, for every layer.
            maps: a list to which each layer adds what its heads looked at.

        Raises:
            ValueError: shapes that do not fit, a row of padding alone, NaN or infinity.
        """
        _check_states("x", x, self.layers[0].d_model)
        mask = _hide_padding("keep", keep, x.shape[:2], mask)
        for layer in self.layers:
            x = layer(x, mask=mask, rotate=rotate, keep=keep, maps=maps)
        return x if self.norm is None else self.norm(x)


class Decoder(nn.Module):
    """A stack of decoder layers; with the norm first, one more norm at the end.

    Args:
        d_model: width of a position's vector.
        num_layers: number of layers.
        num_heads, d_ff, norm, norm_first: as in `DecoderLayer`.
        options: any other argument of `DecoderLayer`.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Vaswani et al. 2017, section 3.1; article 4.2.2. Equal to `nn.TransformerDecoder`.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_layers: int,
        num_heads: int,
        d_ff: int,
        norm: str = "layer",
        norm_first: bool = True,
        **options,
    ):
        super().__init__()
        _check_depth(num_layers)
        check_options("Decoder", options, DecoderLayer)
        self.layers = nn.ModuleList(
            DecoderLayer(d_model, num_heads=num_heads, d_ff=d_ff, norm=norm, norm_first=norm_first, **options)
            for _ in range(num_layers)
        )
        self.norm = NORMS[norm](d_model) if norm_first else None

    def read(self, memory: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Every layer's cross-attention keys and values of `memory` `[batch, source, d_model]`.

        They are the same at every step of decoding, so compute them once and pass them as `memory`.
        """
        _check_states("memory", memory, self.layers[0].d_model)
        return [layer.cross_attention.read(memory) for layer in self.layers]

    def forward(
        self,
        x: Tensor,
        memory: Tensor | list[tuple[Tensor, Tensor]],
        keep: Tensor | None = None,
        memory_keep: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        rotate=None,
        cache: list[KVCache] | None = None,
        maps: list[AttentionMaps] | None = None,
        memory_maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """Read `x` `[batch, target, d_model]`, each position seeing none later, and the encoder's output.

        Args:
            memory: `[batch, source, d_model]`, or what `read` made of it.
            keep: `[batch, target]`, False where the target is padding; not together with a cache.
            memory_keep: `[batch, source]`, False where the source is padding.
            mask, rotate: as in `MultiHeadAttention`, for the self-attention of every layer.
            cache: one `KVCache` a layer; `x` continues what it holds.
            maps, memory_maps: lists to which each layer adds what its heads looked at in self-attention and
                in cross-attention.

        Raises:
            ValueError: shapes that do not fit, a row of padding alone, NaN or infinity.
        """
        _check_states("x", x, self.layers[0].d_model)
        if keep is not None and cache is not None:
            raise ValueError("keep and cache exclude each other: what a cache holds is never padding")
        reads = self.read(memory) if isinstance(memory, Tensor) else memory
        memory_mask = _hide_padding("memory_keep", memory_keep, (len(x), reads[0][0].shape[-2]))
        mask = _hide_padding("keep", keep, x.shape[:2], mask)
        for layer, read, layer_cache in zip(self.layers, reads, cache or [None] * len(reads), strict=True):
            x = layer(
                x, read, memory_mask=memory_mask, mask=mask, rotate=rotate, cache=layer_cache, maps=maps,
                memory_maps=memory_maps,
            )  # fmt: skip
        return x if self.norm is None else self.norm(x)


class TranslationMaps(NamedTuple):
    """One forward pass of an `EncoderDecoder` with everything on show.

    The maps are `[layers, batch, heads, query, key]`; rows of the weights sum to one.
    """

    logits: Tensor  # [batch, target, target_vocab]
    encoder: AttentionMaps  # source reads source
    decoder: AttentionMaps  # target reads target, none later
    cross: AttentionMaps  # target reads source


class EncoderDecoder(nn.Module):
    """From one sequence of tokens to another: the probability of each target token given those before
    it and the whole source.

    `memory = Encoder(E_s[source] + PE)`; `logits = Decoder(E_t[target] + PE, memory) W`. The target
    that goes in starts with a start token and is one step behind the one that comes out
    (`shift_right`).

    Args:
        source_vocab, target_vocab: numbers of different tokens.
        d_model: width of a position's vector.
        num_layers: layers in the encoder, and as many in the decoder.
        num_heads, d_ff: as in `EncoderLayer`.
        position: `sinusoidal`, `learned` (then at most `max_len` positions), `rotary`, `alibi` or
            `none`; for both self-attentions. Cross-attention gets no positions but those in its input.
        max_len: number of learned positions.
        norm, options: as in `DecoderLayer`, for both stacks.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Vaswani et al. 2017, figure 1; article 4.2.2. The embeddings start with unit variance,
    as large as the paper makes them by its factor `sqrt(d_model)` (section 3.4).
    """

    def __init__(
        self,
        source_vocab: int,
        *,
        target_vocab: int,
        d_model: int,
        num_layers: int,
        num_heads: int,
        d_ff: int,
        position: str = "sinusoidal",
        max_len: int = 1024,
        norm: str = "layer",
        **options,
    ):
        super().__init__()
        if source_vocab < 1 or target_vocab < 1:
            raise ValueError(
                f"source_vocab={source_vocab} and target_vocab={target_vocab} must be at least 1"
            )
        check_options("EncoderDecoder", options, DecoderLayer)
        self.encoder = Encoder(
            d_model, num_layers=num_layers, num_heads=num_heads, d_ff=d_ff, norm=norm, **options
        )
        self.decoder = Decoder(
            d_model, num_layers=num_layers, num_heads=num_heads, d_ff=d_ff, norm=norm, **options
        )
        self.source_embedding = nn.Embedding(source_vocab, d_model)
        self.target_embedding = nn.Embedding(target_vocab, d_model)
        self.source_positions = PositionalEncoding(
            position, d_model=d_model, num_heads=num_heads, max_len=max_len
        )
        self.target_positions = PositionalEncoding(
            position, d_model=d_model, num_heads=num_heads, max_len=max_len
        )
        self.head = nn.Linear(d_model, target_vocab, bias=False)
        start_empty(self.encoder)
        start_empty(self.decoder)
        nn.init.zeros_(self.head.weight)

    def forward(
        self,
        source: Tensor,
        target: Tensor,
        source_keep: Tensor | None = None,
        target_keep: Tensor | None = None,
    ) -> Tensor:
        """Logits of the next target token at every target position.

        Args:
            source: `[batch, source]`, integers below `source_vocab`.
            target: `[batch, target]`, integers below `target_vocab`: the start token and what follows.
            source_keep, target_keep: the same shapes, False where a token is padding.

        Returns:
            `[batch, target, target_vocab]`.

        Raises:
            ValueError: tokens or masks of the wrong shape, kind or range, with the values.
        """
        return self.decode(target, self.encode(source, source_keep), source_keep, target_keep)

    def encode(
        self,
        source: Tensor,
        source_keep: Tensor | None = None,
        *,
        maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """What the encoder made of the source: `[batch, source, d_model]`; `maps` as in `Encoder.forward`."""
        source = check_tokens("source", source, self.source_embedding.num_embeddings)
        x = self.source_embedding(source)
        x, options = self.source_positions(x, torch.arange(source.shape[1], device=source.device))
        return self.encoder(x, source_keep, maps=maps, **options)

    def decode(
        self,
        target: Tensor,
        memory: Tensor | list[tuple[Tensor, Tensor]],
        source_keep: Tensor | None = None,
        target_keep: Tensor | None = None,
        *,
        cache: list[KVCache] | None = None,
        maps: list[AttentionMaps] | None = None,
        memory_maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """Logits `[batch, target, target_vocab]`.

        Args:
            memory: what `encode` returned, or what `decoder.read` made of it.
            cache: one `KVCache` a layer from `new_cache`; the target continues what it holds.
            maps, memory_maps: as in `Decoder.forward`.
        """
        target = check_tokens("target", target, self.target_embedding.num_embeddings)
        x = self.target_embedding(target)
        seq = target.shape[1]
        positions = torch.arange(seq, device=target.device) if cache is None else cache[0].positions(seq)
        x, options = self.target_positions(x, positions)
        x = self.decoder(
            x, memory, target_keep, source_keep, cache=cache, maps=maps, memory_maps=memory_maps, **options
        )
        return self.head(x)

    @torch.no_grad()
    def inspect(
        self,
        source: Tensor,
        target: Tensor,
        source_keep: Tensor | None = None,
        target_keep: Tensor | None = None,
    ) -> TranslationMaps:
        """The forward pass step by step: logits, and what every head of every attention looked at."""
        encoder, decoder, cross = [], [], []
        memory = self.encode(source, source_keep, maps=encoder)
        logits = self.decode(target, memory, source_keep, target_keep, maps=decoder, memory_maps=cross)
        stacked = (
            AttentionMaps(*map(torch.stack, zip(*maps, strict=True))) for maps in (encoder, decoder, cross)
        )
        return TranslationMaps(logits, *stacked)

    def new_cache(self, batch_size: int, max_len: int) -> list[KVCache]:
        """Empty caches for the decoder's self-attention, one a layer."""
        weight = self.head.weight
        return [
            KVCache(
                batch_size, num_kv_heads=layer.attention.num_kv_heads, max_len=max_len,
                head_dim=layer.attention.head_dim, dtype=weight.dtype, device=weight.device,
            )
            for layer in self.decoder.layers
        ]  # fmt: skip


def shift_right(tokens: Tensor, start: int) -> Tensor:
    """The decoder's input for the target `tokens` `[batch, target]`: `start`, then all but the last token."""
    return torch.cat((torch.full_like(tokens[:, :1], start), tokens[:, :-1]), dim=1)


def _check_depth(num_layers: int) -> None:
    if num_layers < 1:
        raise ValueError(f"num_layers={num_layers} must be at least 1")


def _check_states(name: str, x: Tensor, d_model: int) -> None:
    """Once per stack: NaN spreads to every position, so it is cheaper to refuse than to trace."""
    check_sequence(name, x, d_model)
    bad = ~x.detach().isfinite().all(dim=-1)  # [batch, seq]
    if bad.any():
        row, position = bad.nonzero()[0].tolist()
        raise ValueError(f"{name} holds NaN or infinity, first at batch row {row}, position {position}")


def _hide_padding(name: str, keep: Tensor | None, shape: tuple[int, int], mask: Tensor | None = None):
    """A mask that hides what `keep` `[batch, seq]` calls padding, and what `mask` hides, if there is one."""
    if keep is None:
        return mask
    if keep.dtype != torch.bool or keep.shape != tuple(shape):
        raise ValueError(
            f"{name} must be boolean [batch={shape[0]}, seq={shape[1]}] with False for padding, "
            f"got {keep.dtype} {list(keep.shape)}"
        )
    if not keep.any(dim=1).all():
        row = int((~keep.any(dim=1)).nonzero()[0])
        raise ValueError(f"{name} hides all of row {row}: there is nothing to attend to")
    keep = keep[:, None, None, :]  # [batch, 1, 1, seq]
    if mask is None:
        return keep
    return mask.masked_fill(~keep, -torch.inf) if mask.is_floating_point() else keep & mask

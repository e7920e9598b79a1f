"""LLMasOS, the stack of causal blocks, from vectors to vectors as in the article's listing (chapter 5)."""

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_options
from llmasos_edu.foundation.code import code_of, runs_own_code
from llmasos_edu.generation.decoding_step import KNOWN
from llmasos_edu.layers.attention import AttentionMaps
from llmasos_edu.layers.kv_cache import KVCache
from llmasos_edu.layers.moe import MoE
from llmasos_edu.layers.positional import PositionalEncoding
from llmasos_edu.layers.routing import Routing
from llmasos_edu.layers.transformer import NORMS, EncoderLayer, set_norm_eps

MASK_NUMBERS = 1 << 22  # numbers a mask may hold, 16 MiB in float32, where a text can be read in pieces


class LLMasOS(nn.Module):
    """The stack of causal blocks, each with attention and with one feed-forward network or several experts.

    `x = x + Attention(norm(x))`, `x = x + MoE(norm(x))` in each block, a norm after the last.

    Args:
        d_model: width of a position's vector.
        num_layers: number of blocks.
        num_heads: query heads in a block.
        d_ff: width of a feed-forward network or of one expert; `4 * d_model` unless given, 0 for
            attention only.
        num_experts: experts in each block; 1 is an ordinary feed-forward network.
        moe: further options of `MoE`, such as `{"top_k": 1}`; for more than one expert.
        num_kv_heads: key and value heads in a block; `num_heads` unless given.
        head_dim: width of a head; `d_model / num_heads` unless given.
        position: `rotary`, `learned` (then at most `max_len` positions), `sinusoidal`, `alibi` or `none`.
        max_len: number of learned positions.
        position_base: base of rotary and sinusoidal positions.
        position_amplitude: size of added positions.
        norm_eps: what keeps the norms' divisions finite; torch's own unless given.
        norm, activation, qk_norm, bias, dropout: as in `EncoderLayer`; experts have no biases.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: article 5; Radford et al. 2019 (GPT-2), section 2.3, for the shape; the parts name theirs.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_layers: int,
        num_heads: int = 4,
        d_ff: int | None = None,
        num_experts: int = 1,
        moe: dict | None = None,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        position: str = "rotary",
        max_len: int = 1024,
        position_base: float = 10_000.0,
        position_amplitude: float = 1.0,
        norm: str = "layer",
        norm_eps: float | None = None,
        activation: str = "squared_relu",
        qk_norm: bool | str = True,
        bias: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__()
        if num_layers < 1 or num_experts < 1:
            raise ValueError(f"num_layers={num_layers} and num_experts={num_experts} must be at least 1")
        if moe and num_experts == 1:
            raise ValueError(f"moe={moe} are options of experts, but num_experts=1")
        check_options(f"moe={moe}", moe or {}, MoE, besides=("d_model", "num_experts"))
        d_ff = 4 * d_model if d_ff is None else d_ff
        moe = {"d_ff": d_ff, "activation": activation} | (moe or {})
        self.blocks = nn.ModuleList(
            EncoderLayer(
                d_model, num_heads=num_heads, d_ff=d_ff if num_experts == 1 else None,
                feed_forward=MoE(d_model, num_experts=num_experts, **moe) if num_experts > 1 else None,
                num_kv_heads=num_kv_heads, head_dim=head_dim, activation=activation, norm=norm,
                is_causal=True, qk_norm=qk_norm, bias=bias, dropout=dropout,
            )
            for _ in range(num_layers)
        )  # fmt: skip
        self.norm = NORMS[norm](d_model)
        self.positions = PositionalEncoding(
            position,
            d_model=d_model,
            num_heads=num_heads,
            head_dim=head_dim,
            max_len=max_len,
            base=position_base,
            amplitude=position_amplitude,
        )
        set_norm_eps(self, norm_eps)

    def forward(
        self,
        x: Tensor,
        *,
        cache: list[KVCache] | None = None,
        counts: list[int] | None = None,
        head_mask: Tensor | None = None,
        keep: Tensor | None = None,
        maps: list[AttentionMaps] | None = None,
        routings: list[Routing | None] | None = None,
    ) -> Tensor:
        """Let every position read those before it.

        Memory grows with the length and not with its square: a text is read into a cache in pieces where a
        mask would be large. Without a cache only ALiBi needs a mask, and the same is done in evaluation mode
        where no gradient is recorded. In training, and where maps or routings are asked for, the text is read
        at once, with ALiBi's mask of all pairs.

        Args:
            x: `[batch, seq, d_model]`.
            cache, counts, head_mask, keep, routings: as in `LanguageModel.forward`.
            maps: a list to which each layer adds what its heads looked at.

        Returns:
            `[batch, seq, d_model]`.

        Raises:
            ValueError: shapes that do not fit, with the values.
        """
        self._check(x, cache, head_mask)
        seq = x.shape[1]
        if maps is None and routings is None:
            cache = self._cache_of_its_own(x) if cache is None else cache
            size = seq if cache is None else self._read_at_once(cache[0], seq)
            if size < seq:
                return self._in_pieces(x, size, cache=cache, counts=counts, head_mask=head_mask, keep=keep)
        positions = torch.arange(seq, device=x.device) if cache is None else cache[0].positions(seq)
        x, position_options = self.positions(x, positions)
        if counts is not None and keep is None:
            keep = torch.arange(seq, device=x.device) < torch.tensor(counts, device=x.device)[:, None]
        for layer, block in enumerate(self.blocks):
            has_experts = isinstance(block.feed_forward, MoE)
            x = block(
                x,
                **position_options,
                cache=None if cache is None else cache[layer],
                counts=counts,
                head_mask=None if head_mask is None else head_mask[layer],
                keep=keep,
                maps=maps,
                routings=routings if has_experts else None,
            )
            if routings is not None and not has_experts:
                routings.append(None)
        return self.norm(x)

    def new_cache(self, batch_size: int, max_len: int) -> list[KVCache]:
        """Empty caches, one a layer, for `max_len` positions in each of `batch_size` rows."""
        weight = self.norm.weight
        return [
            KVCache(
                batch_size, num_kv_heads=block.attention.num_kv_heads, max_len=max_len,
                head_dim=block.attention.head_dim, dtype=weight.dtype, device=weight.device,
            )
            for block in self.blocks
        ]  # fmt: skip

    def _cache_of_its_own(self, x: Tensor) -> list[KVCache] | None:
        """Where ALiBi's mask of all pairs would be too large: a cache to read into piece by piece.

        None where it is small, or where pieces would not do: while gradients are recorded or the model is in
        training, where a token's experts depend on later tokens, and where a hook or replaced code is to see
        the whole text at once.
        """
        batch, seq, _ = x.shape
        if self.positions.alibi is None or self.positions.alibi.num_heads * seq**2 <= MASK_NUMBERS:
            return None
        experts = [block.feed_forward for block in self.blocks if isinstance(block.feed_forward, MoE)]
        whole = self.training or torch.is_grad_enabled()
        if whole or not all(each.each_token_alone() for each in experts):
            return None
        if not runs_own_code(self.modules(), KNOWN | OWN):
            return None
        return self.new_cache(batch, seq)

    def _read_at_once(self, cache: KVCache, seq: int) -> int:
        """Of `seq` new positions, how many may be read together so that no mask grows with their square."""
        if self.positions.alibi is None and cache.is_empty():
            return seq  # attention makes no mask
        numbers = max(cache.lengths) + seq  # of a mask, for each query
        if self.positions.alibi is not None:
            numbers *= self.positions.alibi.num_heads
        if len(set(cache.lengths)) > 1:
            numbers *= len(cache.lengths)
        return max(1, MASK_NUMBERS // numbers)

    def _in_pieces(self, x: Tensor, size: int, *, cache, counts, head_mask, keep) -> Tensor:
        """`forward`, `size` positions at a time: with a cache no token depends on a later one."""
        read = None
        for start in range(0, x.shape[1], size):
            piece = x[:, start : start + size]
            real = None
            if counts is not None:
                real = [min(max(count - start, 0), piece.shape[1]) for count in counts]
            piece = self.forward(
                piece,
                cache=cache,
                counts=real,
                head_mask=head_mask,
                keep=None if keep is None else keep[:, start : start + size],
            )
            # One tensor for all: small ones kept between masks that grow would leave holes that none fits.
            read = piece.new_empty(x.shape) if read is None else read
            read[:, start : start + size] = piece
        return read

    def _check(self, x: Tensor, cache, head_mask: Tensor | None) -> None:
        num_layers, attention = len(self.blocks), self.blocks[0].attention
        d_model = attention.query_proj.in_features
        if x.ndim != 3 or x.shape[-1] != d_model or 0 in x.shape:
            raise ValueError(f"x must be [batch, seq, {d_model}] and not empty, got {list(x.shape)}")
        if head_mask is not None and (head_mask.ndim < 2 or len(head_mask) != num_layers):
            raise ValueError(
                f"head_mask {list(head_mask.shape)} must be [layers={num_layers}, "
                f"heads={attention.num_heads}] or [layers={num_layers}, batch, heads={attention.num_heads}]"
            )
        if cache is not None:
            for block in self.blocks:
                if isinstance(block.feed_forward, MoE):
                    block.feed_forward.check_each_token_alone()


OWN = code_of(LLMasOS)

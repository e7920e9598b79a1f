"""The book's language model: embedding, causal blocks, head (chapters 4 and 5)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.kv_cache import KVCache
from llmasos_edu.positional import PositionalEncoding
from llmasos_edu.transformer import NORMS, EncoderLayer, check_tokens, start_empty


class Inspection(NamedTuple):
    """One forward pass with everything on show."""

    logits: Tensor  # [batch, seq, vocab]
    weights: Tensor  # [layers, batch, heads, query, key], rows sum to one
    scores: Tensor  # the same shape, before causal mask and softmax


class LanguageModel(nn.Module):
    """A causal language model: the probability of each token given those before it.

    `x = E[tokens]`; each block adds what it finds to `x`; `logits = norm(x) W`.

    Args:
        vocab_size: number of different tokens.
        d_model: width of a position's vector.
        num_layers: number of blocks.
        num_heads: query heads in a block.
        d_ff: width of the feed-forward networks; `4 * d_model` unless given, 0 for attention only.
        num_kv_heads: key and value heads in a block; `num_heads` unless given.
        position: `rotary`, `learned` (then at most `max_len` positions), `sinusoidal`, `alibi` or `none`.
        max_len: number of learned positions.
        norm, activation, qk_norm, bias, dropout: as in `EncoderLayer`.
        tie_weights: one matrix serves as embedding and as head.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Radford et al. 2019 (GPT-2), section 2.3, for the shape; the parts name theirs; article 5.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        num_layers: int,
        num_heads: int,
        *,
        d_ff: int | None = None,
        num_kv_heads: int | None = None,
        position: str = "rotary",
        max_len: int = 1024,
        norm: str = "layer",
        activation: str = "squared_relu",
        qk_norm: bool = True,
        bias: bool = False,
        dropout: float = 0.0,
        tie_weights: bool = False,
    ):
        super().__init__()
        self.settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        if vocab_size < 1 or num_layers < 1:
            raise ValueError(f"vocab_size={vocab_size} and num_layers={num_layers} must be at least 1")
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(
            EncoderLayer(
                d_model, num_heads, 4 * d_model if d_ff is None else d_ff, num_kv_heads=num_kv_heads,
                activation=activation, norm=norm, is_causal=True, qk_norm=qk_norm, bias=bias, dropout=dropout,
            )
            for _ in range(num_layers)
        )  # fmt: skip
        self.norm = NORMS[norm](d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        # Embeddings that are the head as well start small, else the first logits would be large.
        std = d_model**-0.5 if tie_weights else 1.0
        self.positions = PositionalEncoding(position, d_model, num_heads, max_len=max_len, amplitude=std)
        nn.init.normal_(self.embedding.weight, std=std)
        start_empty(self.blocks)
        if tie_weights:
            self.head.weight = self.embedding.weight
        else:
            nn.init.zeros_(self.head.weight)

    def forward(
        self,
        tokens: Tensor,
        *,
        cache: list[KVCache] | None = None,
        counts: list[int] | None = None,
        head_mask: Tensor | None = None,
    ) -> Tensor:
        """Logits of the next token at every position.

        Args:
            tokens: `[batch, seq]`, integers below `vocab_size`.
            cache: one `KVCache` a layer from `new_cache`; the tokens continue what it holds.
            counts: with a cache, how many of the tokens are real in each row (the rest is padding
                at the row's end).
            head_mask: `[layers, heads]` or `[layers, batch, heads]`; 0 knocks a head out.

        Returns:
            `[batch, seq, vocab]`.

        Raises:
            ValueError: tokens of the wrong shape, kind or range, with the values.
        """
        x, position_options = self._embed(tokens, cache)
        self._check_head_mask(head_mask)
        for layer, block in enumerate(self.blocks):
            x = block(
                x,
                **position_options,
                cache=None if cache is None else cache[layer],
                counts=counts,
                head_mask=None if head_mask is None else head_mask[layer],
            )
        return self.head(self.norm(x))

    @torch.no_grad()
    def inspect(self, tokens: Tensor, *, head_mask: Tensor | None = None) -> Inspection:
        """The forward pass step by step: logits, attention weights and scores of every head.

        Args:
            tokens: `[batch, seq]`.
            head_mask: as in `forward`.
        """
        x, position_options = self._embed(tokens, None)
        self._check_head_mask(head_mask)
        maps = []
        for layer, block in enumerate(self.blocks):
            mask = None if head_mask is None else head_mask[layer]
            x, layer_maps = block(x, **position_options, head_mask=mask, need_weights=True)
            maps.append(layer_maps)
        weights = torch.stack([each.weights for each in maps])
        scores = torch.stack([each.scores for each in maps])
        return Inspection(self.head(self.norm(x)), weights, scores)

    def knock_out(self, heads) -> Tensor:
        """A `head_mask` `[layers, heads]` that silences the given `(layer, head)` pairs.

        Raises:
            ValueError: a pair that names no head of this model.
        """
        num_layers, num_heads = len(self.blocks), self.blocks[0].attention.num_heads
        mask = torch.ones(num_layers, num_heads, device=self.head.weight.device)
        for layer, head in heads:
            if not (0 <= layer < num_layers and 0 <= head < num_heads):
                raise ValueError(
                    f"there is no head (layer={layer}, head={head}): layers 0 to {num_layers - 1}, "
                    f"heads 0 to {num_heads - 1}"
                )
            mask[layer, head] = 0.0
        return mask

    def new_cache(self, batch_size: int, max_len: int) -> list[KVCache]:
        """Empty caches, one a layer, for `max_len` positions in each of `batch_size` rows."""
        weight = self.head.weight
        return [
            KVCache(
                batch_size, block.attention.num_kv_heads, max_len, block.attention.head_dim,
                dtype=weight.dtype, device=weight.device,
            )
            for block in self.blocks
        ]  # fmt: skip

    @torch.inference_mode()
    def generate(
        self,
        tokens: Tensor,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Continue each row, one token at a time, reading each position once.

        Args:
            tokens: prompts `[batch, seq]`, at least one token each.
            max_new_tokens: how many tokens to add.
            temperature: above 1 more surprising, below 1 more predictable, 0 always the likeliest.
            top_k: choose among the `top_k` likeliest tokens alone.
            generator: source of randomness; torch's global one unless given.

        Returns:
            `[batch, seq + max_new_tokens]`, prompt included.

        Raises:
            ValueError: an empty prompt, a negative count or temperature, `top_k` out of range.
        """
        check_tokens("tokens", tokens, self.vocab_size)
        if max_new_tokens < 0 or not temperature >= 0:
            raise ValueError(
                f"max_new_tokens={max_new_tokens} and temperature={temperature} must not be negative"
            )
        if top_k is not None and not 1 <= top_k <= self.vocab_size:
            raise ValueError(f"top_k={top_k} must lie between 1 and vocab_size={self.vocab_size}")
        was_training = self.training
        self.eval()
        try:
            cache = self.new_cache(tokens.shape[0], tokens.shape[1] + max_new_tokens)
            new = tokens
            for _ in range(max_new_tokens):
                logits = self(new, cache=cache)[:, -1]
                new = _choose(logits, temperature, top_k, generator)
                tokens = torch.cat((tokens, new), dim=1)
        finally:
            self.train(was_training)
        return tokens

    def _embed(self, tokens: Tensor, cache: list[KVCache] | None) -> tuple[Tensor, dict]:
        """Embeddings `[batch, seq, d_model]`, and what attention must be told about their positions."""
        check_tokens("tokens", tokens, self.vocab_size)
        seq = tokens.shape[1]
        positions = torch.arange(seq, device=tokens.device) if cache is None else cache[0].positions(seq)
        return self.positions(self.embedding(tokens), positions)

    def _check_head_mask(self, head_mask: Tensor | None) -> None:
        num_layers, num_heads = len(self.blocks), self.blocks[0].attention.num_heads
        if head_mask is not None and (head_mask.ndim < 2 or len(head_mask) != num_layers):
            raise ValueError(
                f"head_mask {list(head_mask.shape)} must be [layers={num_layers}, heads={num_heads}] "
                f"or [layers={num_layers}, batch, heads={num_heads}]"
            )


def _choose(logits: Tensor, temperature: float, top_k: int | None, generator) -> Tensor:
    """One token a row `[batch, 1]` from logits `[batch, vocab]`."""
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    if top_k is not None:
        best = logits.topk(top_k)  # by place and not by value, which several tokens may share
        logits = torch.full_like(logits, -torch.inf).scatter(-1, best.indices, best.values)
    return torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator)

"""The model file of exercise 5-8: a small language model with experts, as a pull request would bring it.

This one is correct. What the reader's tests are run on besides are copies of it with one bug each.
"""

import torch
from torch import Tensor, nn


class Cache:
    """Keys and values of the positions already read, each `[batch, heads, held, head_dim]`."""

    def __init__(self):
        self.key = self.value = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add new positions, and return all that are held."""
        if self.key is not None:
            key, value = torch.cat((self.key, key), dim=2), torch.cat((self.value, value), dim=2)
        self.key, self.value = key, value
        return key, value

    def __len__(self) -> int:
        return 0 if self.key is None else self.key.shape[2]


class Attention(nn.Module):
    """Causal self-attention with several heads, `[batch, seq, d_model]` to the same shape."""

    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query_proj, self.key_proj, self.value_proj, self.out_proj = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(4)
        )

    def split(self, x: Tensor) -> Tensor:
        """`[batch, seq, d_model]` to `[batch, heads, seq, head_dim]`."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def merge(self, heads: Tensor) -> Tensor:
        """`[batch, heads, seq, head_dim]` to `[batch, seq, d_model]`."""
        return heads.transpose(1, 2).flatten(2)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """`q k / sqrt(head_dim)`, `[batch, heads, query, key]`."""
        return query @ key.mT / query.shape[-1] ** 0.5

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """Softmax over the keys up to each query, `[batch, heads, query, key]`."""
        scores = self.scores(query, key)
        return scores.masked_fill(hidden(scores), -torch.inf).softmax(dim=-1)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        query, key, value = (self.split(p(x)) for p in (self.query_proj, self.key_proj, self.value_proj))
        if cache is not None:
            key, value = cache.append(key, value)
        return self.out_proj(self.merge(self.weights(query, key) @ value))


def hidden(scores: Tensor) -> Tensor:
    """Which keys lie after their query `[query, key]`; the queries are the last of the keys' positions."""
    queries, keys = scores.shape[-2:]
    return torch.ones(queries, keys, dtype=torch.bool).triu(keys - queries + 1)


class Mixture(nn.Module):
    """Experts of which each token uses `top_k`, `[batch, seq, d_model]` to the same shape."""

    def __init__(self, d_model: int, num_experts: int, top_k: int):
        super().__init__()
        self.top_k = top_k
        self.router = nn.Linear(d_model, num_experts, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(
                nn.Linear(d_model, 4 * d_model, bias=False),
                nn.GELU(),
                nn.Linear(4 * d_model, d_model, bias=False),
            )
            for _ in range(num_experts)
        )

    def gates(self, x: Tensor) -> Tensor:
        """Each token's gates `[batch, seq, experts]`: `top_k` that sum to one, the others zero."""
        probs = self.router(x).softmax(dim=-1)
        best, chosen = probs.topk(self.top_k)
        return torch.zeros_like(probs).scatter(-1, chosen, best / best.sum(dim=-1, keepdim=True))

    def forward(self, x: Tensor) -> Tensor:
        answers = torch.stack(
            [expert(x) for expert in self.experts], dim=-2
        )  # [batch, seq, experts, d_model]
        return (self.gates(x)[..., None] * answers).sum(dim=-2)


class Block(nn.Module):
    """Attention, then the mixture; each reads a norm of x and adds to x."""

    def __init__(self, d_model: int, attention: nn.Module, mixture: nn.Module, dropout: float):
        super().__init__()
        self.attention_norm, self.mixture_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention, self.mixture = attention, mixture
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), cache))
        return x + self.dropout(self.mixture(self.mixture_norm(x)))


class TinyLanguageModel(nn.Module):
    """A causal language model: tokens `[batch, seq]` to logits of the next token `[batch, seq, vocab_size]`.

    Args:
        vocab_size, d_model, num_layers, num_heads, num_experts, top_k, dropout: sizes.
        max_len: number of positions.
        tied: one matrix serves as embedding and as head.
        seed: two models with the same seed and sizes have the same weights.
        attention, mixture: classes of these two parts.
    """

    def __init__(
        self,
        vocab_size: int = 11,
        d_model: int = 8,
        num_layers: int = 2,
        num_heads: int = 2,
        num_experts: int = 3,
        top_k: int = 2,
        dropout: float = 0.1,
        *,
        max_len: int = 64,
        tied: bool = False,
        seed: int = 0,
        attention: type[nn.Module] = Attention,
        mixture: type[nn.Module] = Mixture,
    ):
        super().__init__()
        self.vocab_size, self.d_model = vocab_size, d_model
        self.embedding, self.position = nn.Embedding(vocab_size, d_model), nn.Embedding(max_len, d_model)
        self.blocks = nn.ModuleList(
            Block(d_model, attention(d_model, num_heads), mixture(d_model, num_experts, top_k), dropout)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=1.5 * d_model**-0.5, generator=generator)

    def new_cache(self) -> list[Cache]:
        """An empty cache for each block."""
        return [Cache() for _ in self.blocks]

    def embed(self, tokens: Tensor, held: int) -> Tensor:
        """Embeddings with their positions `[batch, seq, d_model]`; `held` positions were read before."""
        return self.embedding(tokens) + self.position(torch.arange(held, held + tokens.shape[1]))

    def forward(self, tokens: Tensor, cache: list[Cache] | None = None) -> Tensor:
        """Logits at every position; with a cache, `tokens` continue what it holds."""
        x = self.embed(tokens, 0 if cache is None else len(cache[0]))
        for number, block in enumerate(self.blocks):
            x = block(x, None if cache is None else cache[number])
        return self.head(self.norm(x))

"""The book's language model: embedding, causal blocks dense or with experts, head (chapters 4 and 5).

`LLMasOS`, the stack of blocks, is in `llmasos.py`; here it gets an embedding before it and a head behind it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.code import code_of, runs_own_code
from llmasos_edu.foundation.tensors import check_tokens
from llmasos_edu.generation.decoding_step import decoding_step
from llmasos_edu.generation.sampling import generate, stream
from llmasos_edu.layers.kv_cache import KVCache
from llmasos_edu.layers.routing import Routing
from llmasos_edu.layers.transformer import start_empty
from llmasos_edu.models.llmasos import LLMasOS


class Inspection(NamedTuple):
    """One forward pass with everything on show."""

    logits: Tensor  # [batch, seq, vocab]
    weights: Tensor  # [layers, batch, heads, query, key], rows sum to one
    scores: Tensor  # the same shape, before causal mask and softmax
    routings: list[Routing | None]  # one a layer; None where the layer has no experts


class RoutedLogits(NamedTuple):
    """What a model says, and which experts it asked."""

    logits: Tensor  # [batch, seq, vocab]
    routings: list[Routing | None]  # one a layer; None where the layer has no experts


class LanguageModel(nn.Module):
    """A causal language model: the probability of each token given those before it.

    `logits = LLMasOS(E[tokens]) W`.

    Args:
        vocab_size: number of different tokens.
        d_model, num_layers, num_heads, d_ff, num_experts, moe: as in `LLMasOS`.
        num_kv_heads, head_dim, position, max_len, position_base, norm, norm_eps, activation, qk_norm, bias,
            dropout: as in `LLMasOS`.
        tie_weights: one matrix serves as embedding and as head.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Radford et al. 2019 (GPT-2), section 2.3, for the shape; the parts name theirs; article 5.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        d_model: int,
        num_layers: int,
        num_heads: int,
        d_ff: int | None = None,
        num_experts: int = 1,
        moe: dict | None = None,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        position: str = "rotary",
        max_len: int = 1024,
        position_base: float = 10_000.0,
        norm: str = "layer",
        norm_eps: float | None = None,
        activation: str = "squared_relu",
        qk_norm: bool | str = True,
        bias: bool = False,
        dropout: float = 0.0,
        tie_weights: bool = False,
    ):
        super().__init__()
        self.settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        if vocab_size < 1:
            raise ValueError(f"vocab_size={vocab_size} must be at least 1")
        self.vocab_size = vocab_size
        # Embeddings that are the head as well start small, else the first logits would be large.
        std = d_model**-0.5 if tie_weights else 1.0
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.body = LLMasOS(
            d_model, num_layers=num_layers, num_heads=num_heads, d_ff=d_ff, num_experts=num_experts, moe=moe,
            num_kv_heads=num_kv_heads, head_dim=head_dim, position=position, max_len=max_len,
            position_base=position_base, position_amplitude=std, norm=norm, norm_eps=norm_eps,
            activation=activation, qk_norm=qk_norm, bias=bias, dropout=dropout,
        )  # fmt: skip
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=std)
        start_empty(self.blocks)
        if tie_weights:
            self.head.weight = self.embedding.weight
        else:
            nn.init.zeros_(self.head.weight)

    @property
    def blocks(self) -> nn.ModuleList:
        """The layers, `body.blocks`."""
        return self.body.blocks

    def forward(
        self,
        tokens: Tensor,
        *,
        cache: list[KVCache] | None = None,
        counts: list[int] | None = None,
        head_mask: Tensor | None = None,
        keep: Tensor | None = None,
        routings: list[Routing | None] | None = None,
    ) -> Tensor:
        """Logits of the next token at every position.

        Args:
            tokens: `[batch, seq]`, integers below `vocab_size`.
            cache: one `KVCache` a layer from `new_cache`; the tokens continue what it holds.
            counts: with a cache, how many of the tokens are real in each row (the rest is padding
                at the row's end).
            head_mask: `[layers, heads]` or `[layers, batch, heads]`; 0 knocks a head out.
            keep: `[batch, seq]`, False where a token is padding at the row's end: it goes to no expert. With
                `counts` it follows from them.
            routings: a list to which each layer adds its `Routing` of `batch * seq` tokens in reading order,
                without padding; None where it has no experts.

        Returns:
            `[batch, seq, vocab]`.

        Raises:
            ValueError: tokens of the wrong shape, kind or range, with the values.
        """
        tokens = check_tokens("tokens", tokens, self.vocab_size)
        x = self.body(
            self.embedding(tokens), cache=cache, counts=counts, head_mask=head_mask, keep=keep,
            routings=routings,
        )  # fmt: skip
        return self.head(x)

    def routed(self, tokens: Tensor, **options) -> RoutedLogits:
        """`forward` with its options, and which experts each token met in every layer."""
        routings = []
        return RoutedLogits(self(tokens, routings=routings, **options), routings)

    @torch.no_grad()
    def inspect(self, tokens: Tensor, *, head_mask: Tensor | None = None) -> Inspection:
        """The forward pass step by step: logits, attention weights and scores of every head, every routing.

        Args:
            tokens: `[batch, seq]`.
            head_mask: as in `forward`.
        """
        tokens = check_tokens("tokens", tokens, self.vocab_size)
        maps, routings = [], []
        x = self.body(self.embedding(tokens), head_mask=head_mask, maps=maps, routings=routings)
        weights = torch.stack([each.weights for each in maps])
        scores = torch.stack([each.scores for each in maps])
        return Inspection(self.head(x), weights, scores, routings)

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
        return self.body.new_cache(batch_size, max_len)

    def next_logits(self, tokens: Tensor, *, cache: list[KVCache], counts: list[int] | None = None) -> Tensor:
        """Logits of the token that follows each row: one step of writing.

        The same as `forward` at each row's last real position; the head reads no other. The tokens are
        taken as they are: a model's own need no check.

        Args:
            tokens: `[batch, seq]`, checked by the caller.
            cache, counts: as in `forward`; every row has at least one real token.

        Returns:
            `[batch, vocab]`.
        """
        head = nn.Identity()
        if runs_own_code([self], OWN):
            x, head = self.body(self.embedding(tokens), cache=cache, counts=counts), self.head
        else:  # whoever put something in the place of `forward` wants it to be heard
            x = self(tokens, cache=cache, counts=counts)
        if counts is None:
            return head(x[:, -1])
        last = torch.tensor(counts, device=x.device) - 1
        return head(x[torch.arange(len(x), device=x.device), last])

    def decoding_step(self, cache: list[KVCache]) -> Callable[[Tensor], Tensor]:
        """`next_logits` for one token a row, made ready for this cache and fast; for many steps in a row.

        Args:
            cache: what the rows have read so far; it keeps what follows.

        Returns:
            A function from tokens `[batch, 1]` to logits `[batch, vocab]`, without gradient. It goes by the
            weights of now.
        """
        return decoding_step(self, cache, own=OWN)

    def generate(
        self,
        prompts: Tensor | Sequence,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float | None = None,
        stop: int | Iterable[int] = (),
        generator: torch.Generator | None = None,
    ) -> Tensor | list[Tensor]:
        """Continue each prompt, one token at a time, reading each position once.

        Args:
            prompts: tokens `[batch, seq]`, or a list of rows of any lengths, at least one token each.
            max_new_tokens: at most so many tokens are added.
            temperature: above 1 more surprising, below 1 more predictable, 0 always the likeliest.
            top_k: choose among the `top_k` likeliest tokens alone.
            top_p: choose among the fewest likeliest that have the probability `top_p` together.
            min_p: choose among those that have at least `min_p` times the probability of the likeliest.
            repetition_penalty: above 1 what a row has said becomes less likely in it.
            stop: the token or tokens that end a row. A row that has ended repeats its last token until all
                have.
            generator: source of randomness; torch's global one unless given.

        Returns:
            For prompts `[batch, seq]`: `[batch, seq + written]`, prompt included. For a list of rows: a list
            of rows, each up to its own end.

        Raises:
            ValueError: an empty prompt, bad tokens, a setting out of range.

        Source: `sampling.py` names the papers of the rules and the order in which they are applied.
        """
        return generate(
            self, prompts, max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
            repetition_penalty=repetition_penalty, stop=stop, generator=generator,
        )  # fmt: skip

    def stream(self, prompts: Tensor | Sequence, max_new_tokens: int, **options) -> Iterator[Tensor]:
        """Hand out the tokens `[batch]` of `generate` as they are written; options as there."""
        return stream(self, prompts, max_new_tokens, **options)


OWN = code_of(LanguageModel, LLMasOS)

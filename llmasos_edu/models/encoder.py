"""The encoder as a language model of its own: it fills gaps and sees both sides (BERT; chapter 3.1)."""

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.tensors import check_tokens
from llmasos_edu.layers.attention import AttentionMaps
from llmasos_edu.layers.positional import PositionalEncoding
from llmasos_edu.layers.transformer import ACTIVATIONS, NORMS, set_norm_eps, start_empty
from llmasos_edu.models.encoder_decoder import Encoder


class MaskedLanguageModel(nn.Module):
    """A model that fills gaps: the probability of each token given those on both of its sides.

    `h = Encoder(norm(E[tokens] + P[positions] + S[segments]))`, `logits = norm(f(W h)) E^T + b`.
    It sees every position, its own included: hide a token (with a mask token) to have it predicted.

    Args:
        vocab_size: number of different tokens.
        d_model, num_layers, num_heads: as in `Encoder`.
        d_ff: width of the feed-forward networks; `4 * d_model` unless given.
        position: `learned` (then at most `max_len` positions), `sinusoidal`, `rotary`, `alibi` (which
            knows no direction here) or `none`.
        max_len: number of learned positions.
        num_segments: how many kinds of segments are told apart, such as question and answer; 0 for none.
        norm, activation, qk_norm, bias, dropout: as in `EncoderLayer`.
        norm_first: as in `EncoderLayer`; BERT has the norm last.
        norm_eps: what keeps the norms' divisions finite; torch's own unless given.
        tie_weights: one matrix serves as embedding and as head.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Devlin et al. 2019, "BERT", section 3 and 3.1; article 3.1. Equal to transformers'
    `BertForMaskedLM`; `interop.py` loads its weights.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        d_model: int,
        num_layers: int,
        num_heads: int,
        d_ff: int | None = None,
        position: str = "learned",
        max_len: int = 512,
        num_segments: int = 0,
        norm: str = "layer",
        norm_first: bool = False,
        norm_eps: float | None = None,
        activation: str = "gelu",
        qk_norm: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        tie_weights: bool = True,
    ):
        super().__init__()
        self.settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        if vocab_size < 1 or num_segments < 0:
            raise ValueError(
                f"vocab_size={vocab_size} must be at least 1 and num_segments={num_segments} at least 0"
            )
        self.vocab_size = vocab_size
        self.encoder = Encoder(
            d_model, num_layers=num_layers, num_heads=num_heads,
            d_ff=4 * d_model if d_ff is None else d_ff, norm=norm, norm_first=norm_first,
            activation=activation, qk_norm=qk_norm, bias=bias, dropout=dropout,
        )  # fmt: skip
        self.embedding = nn.Embedding(vocab_size, d_model)
        # As in `LanguageModel`: embeddings that are the head as well start small.
        std = d_model**-0.5 if tie_weights else 1.0
        self.positions = PositionalEncoding(
            position, d_model=d_model, num_heads=num_heads, max_len=max_len, amplitude=std
        )
        self.segment_embedding = nn.Embedding(num_segments, d_model) if num_segments else None
        self.embedding_norm = NORMS[norm](d_model)
        self.dropout = nn.Dropout(dropout)
        self.transform = nn.Linear(d_model, d_model, bias=bias)
        self.activation = ACTIVATIONS[activation]
        self.transform_norm = NORMS[norm](d_model)
        self.head = nn.Linear(d_model, vocab_size, bias=bias)
        set_norm_eps(self, norm_eps)
        start_empty(self.encoder)
        for embedding in (self.embedding, self.segment_embedding):
            if embedding is not None:
                nn.init.normal_(embedding.weight, std=std)
        if bias:
            nn.init.zeros_(self.head.bias)
        if tie_weights:
            self.head.weight = self.embedding.weight
        else:
            nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor, keep: Tensor | None = None, segments: Tensor | None = None) -> Tensor:
        """Logits of the token that belongs at each position.

        Args:
            tokens: `[batch, seq]`, integers below `vocab_size`.
            keep: `[batch, seq]`, False where a token is padding.
            segments: `[batch, seq]`, integers below `num_segments`; all 0 unless given.

        Returns:
            `[batch, seq, vocab]`.

        Raises:
            ValueError: tokens, mask or segments of the wrong shape, kind or range, with the values.
        """
        return self.predict(self.encode(tokens, keep, segments))

    def encode(
        self,
        tokens: Tensor,
        keep: Tensor | None = None,
        segments: Tensor | None = None,
        *,
        maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """What each position stands for among the others: `[batch, seq, d_model]`.

        Args:
            tokens, keep, segments: as in `forward`.
            maps: a list to which each layer adds what its heads looked at.
        """
        tokens = check_tokens("tokens", tokens, self.vocab_size)
        x = self.embedding(tokens) + self._segments(tokens, segments)
        x, options = self.positions(x, torch.arange(tokens.shape[1], device=tokens.device))
        x = self.dropout(self.embedding_norm(x))
        return self.encoder(x, keep, maps=maps, **options)

    def predict(self, states: Tensor) -> Tensor:
        """Logits `[..., vocab]` from states of `encode` `[..., d_model]`, all or the masked ones alone."""
        return self.head(self.transform_norm(self.activation(self.transform(states))))

    def _segments(self, tokens: Tensor, segments: Tensor | None) -> Tensor | float:
        if self.segment_embedding is None:
            if segments is not None:
                raise ValueError("segments were given, but this model was made with num_segments=0")
            return 0.0
        if segments is None:
            return self.segment_embedding.weight[0]
        kinds = self.segment_embedding.num_embeddings
        if segments.shape != tokens.shape or segments.is_floating_point() or segments.dtype == torch.bool:
            raise ValueError(
                f"segments must be integers of the shape of tokens, {list(tokens.shape)}, "
                f"got {segments.dtype} {list(segments.shape)}"
            )
        low, high = (int(end) for end in segments.aminmax())
        if low < 0 or high >= kinds:
            raise ValueError(f"segment {low if low < 0 else high} is none of the {kinds}: 0 to {kinds - 1}")
        return self.segment_embedding(segments)

"""The transformer block: attention mixes positions, a feed-forward network works on each (chapter 4.2)."""

import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.attention import MultiHeadAttention


def squared_relu(x: Tensor) -> Tensor:
    """`max(x, 0)^2`. Source: So et al. 2021, "Primer", section 4."""
    return F.relu(x).square()


ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "squared_relu": squared_relu}
NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


class FeedForward(nn.Module):
    """Two linear maps with a nonlinearity between, applied to each position alone: `W_2 f(W_1 x)`.

    Args:
        d_model: width in and out.
        d_ff: width between; four times `d_model` in most models.
        activation: one of `relu`, `gelu`, `squared_relu`.
        bias: whether the linear maps add a bias.

    Source: Vaswani et al. 2017, section 3.3; article 4.2.1.
    """

    def __init__(self, d_model: int, d_ff: int, *, activation: str = "gelu", bias: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r} is not one of {', '.join(ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation]
        self.in_proj = nn.Linear(d_model, d_ff, bias=bias)
        self.out_proj = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[..., d_model]` to `[..., d_model]`."""
        return self.out_proj(self.activation(self.in_proj(x)))


class TransformerBlock(nn.Module):
    """One causal layer with the norm inside the branch: `x + Attention(norm(x))`, then `x + FFN(norm(x))`.

    Args:
        d_model, num_heads, num_kv_heads, qk_norm, dropout: as in `MultiHeadAttention`.
        d_ff: width of the feed-forward network; 0 leaves it out (an attention-only block).
        activation: as in `FeedForward`.
        norm: `layer` or `rms`.

    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020, "On Layer Normalization in the
    Transformer Architecture", figure 1b (norm first); article 4.2.2.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        d_ff: int,
        *,
        num_kv_heads: int | None = None,
        activation: str = "gelu",
        norm: str = "layer",
        qk_norm: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm={norm!r} is not one of {', '.join(NORMS)}")
        self.attention_norm = NORMS[norm](d_model)
        self.attention = MultiHeadAttention(
            d_model, num_heads, num_kv_heads=num_kv_heads, bias=bias, is_causal=True, dropout=dropout,
            qk_norm=qk_norm,
        )  # fmt: skip
        self.feed_forward = None
        if d_ff:
            self.feed_forward_norm = NORMS[norm](d_model)
            self.feed_forward = FeedForward(d_model, d_ff, activation=activation, bias=bias)
        self.dropout = dropout

    def forward(self, x: Tensor, *, need_weights: bool = False, **attention_options):
        """Map `[batch, seq, d_model]` to the same shape; with `need_weights` also the `AttentionMaps`."""
        attended = self.attention(self.attention_norm(x), need_weights=need_weights, **attention_options)
        attended, maps = attended if need_weights else (attended, None)
        x = x + F.dropout(attended, self.dropout, self.training)
        if self.feed_forward is not None:
            branch = self.feed_forward(self.feed_forward_norm(x))
            x = x + F.dropout(branch, self.dropout, self.training)
        return (x, maps) if need_weights else x

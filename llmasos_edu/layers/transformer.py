"""The transformer: attention mixes positions, a feed-forward network works on each (chapter 4.2).

Bottom to top: the feed-forward network, the article's layer with its one residual, the encoder layer
and the decoder layer with a residual around each sub-layer. Stacks of them and the model that translates
are in `models/encoder_decoder.py`, the decoder-only language model in `models/language_model.py`.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.foundation.tensors import check_sequence
from llmasos_edu.layers.activations import ACTIVATIONS, GATED
from llmasos_edu.layers.attention import Attended, AttentionMaps, MultiHeadAttention, split_heads
from llmasos_edu.layers.shapes import check_head_mask

NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


def set_norm_eps(module: nn.Module, eps: float | None) -> None:
    """Give every norm inside the module this `eps`; None leaves torch's own."""
    if eps is not None and not eps > 0:
        raise ValueError(f"norm_eps={eps} must be positive")
    for each in module.modules():
        if eps is not None and isinstance(each, tuple(NORMS.values())):
            each.eps = eps


class FeedForward(nn.Module):
    """Two linear maps with a nonlinearity between, applied to each position alone: `W_2 f(W_1 x)`.

    With `swiglu` a third map is the gate: `W_2 (silu(W_g x) * W_1 x)`; two thirds of the usual `d_ff`
    then cost as much as the other activations. `geglu` is the same with `gelu` for `silu`.

    Args:
        d_model: width in and out.
        d_ff: width between; four times `d_model` in most models.
        activation: one of `relu`, `gelu`, `gelu_tanh`, `squared_relu`, `swiglu`, `geglu`.
        bias: whether the linear maps add a bias.

    Raises:
        ValueError: an unknown activation, a width below 1.

    Source: Vaswani et al. 2017, section 3.3; Shazeer 2020, "GLU Variants Improve Transformer",
    section 2; article 4.2.1.
    """

    def __init__(self, d_model: int, *, d_ff: int, activation: str = "gelu", bias: bool = True):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r} is not one of {', '.join(ACTIVATIONS)}")
        if d_model < 1 or d_ff < 1:
            raise ValueError(f"d_model={d_model} and d_ff={d_ff} must be at least 1")
        self.activation = ACTIVATIONS[activation]
        self.in_proj = nn.Linear(d_model, d_ff, bias=bias)
        self.gate_proj = nn.Linear(d_model, d_ff, bias=bias) if activation in GATED else None
        self.out_proj = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[..., d_model]` to `[..., d_model]`."""
        _check_width(x, self.in_proj.in_features)
        if self.gate_proj is None:
            return self.out_proj(self.activation(self.in_proj(x)))
        return self.out_proj(self.activation(self.gate_proj(x)) * self.in_proj(x))


class TransformerLayer(nn.Module):
    """The article's formula, with one residual around both sub-layers: `LayerNorm(FFN(Attention(X)) + X)`.

    `EncoderLayer` has the original's two, as has the article's own listing (section 5). Here the feed-forward
    network sees nothing but what attention returned, so both sub-layers must work before anything does.

    Args:
        d_model, num_heads, is_causal: as in `MultiHeadAttention`.
        d_ff, activation: as in `FeedForward`.

    Source: article 4.2.1.
    """

    def __init__(
        self, d_model: int, *, num_heads: int, d_ff: int, activation: str = "relu", is_causal: bool = False
    ):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, num_heads=num_heads, is_causal=is_causal)
        self.feed_forward = FeedForward(d_model, d_ff=d_ff, activation=activation)
        self.norm = nn.LayerNorm(d_model)

    def forward(self, x: Tensor, **attention_options) -> Tensor:
        """Map `[batch, seq, d_model]` to the same shape; options as in `MultiHeadAttention.forward`."""
        return self.norm(self.feed_forward(self.attention(x, **attention_options)) + x)

    def inspect(self, x: Tensor, **attention_options) -> Attended:
        """`forward`, and what every head looked at."""
        maps = []
        return Attended(self(x, maps=maps, **attention_options), maps[0])


class _ResidualLayer(nn.Module):
    """What encoder and decoder layers share: how a sub-layer is joined to the residual path."""

    def __init__(self, d_model: int, norm: str, norm_first: bool, dropout: float):
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm={norm!r} is not one of {', '.join(NORMS)}")
        self.d_model, self.norm_first, self.dropout = d_model, norm_first, dropout

    def _enter(self, x: Tensor, norm: nn.Module) -> Tensor:
        """What the sub-layer reads."""
        return norm(x) if self.norm_first else x

    def _leave(self, x: Tensor, branch: Tensor, norm: nn.Module) -> Tensor:
        """The residual path after the sub-layer returned `branch`."""
        x = x + (F.dropout(branch, self.dropout, self.training) if self.dropout else branch)
        return x if self.norm_first else norm(x)


class EncoderLayer(_ResidualLayer):
    """Self-attention, then a feed-forward network, each with a residual and a norm around it.

    `x = x + Attention(norm(x))`, `x = x + FFN(norm(x))` with the norm first;
    `x = norm(x + Attention(x))`, `x = norm(x + FFN(x))` with the norm last, as in the original.
    With `is_causal` it is the block of a decoder-only language model.

    Args:
        d_model, num_heads, num_kv_heads, head_dim, qk_norm, is_causal: as in `MultiHeadAttention`.
        d_ff: width of the feed-forward network; 0 leaves it out (an attention-only layer).
        feed_forward: a module to stand in its place, such as a mixture of experts; instead of `d_ff`.
        activation: of the network that `d_ff` asks for, as in `FeedForward`.
        norm: `layer` or `rms`.
        norm_first: whether the norm stands inside the branch, where it leaves the residual path free.
        bias: whether the linear maps add a bias.
        dropout: share of the weights and of each branch set to zero in training.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020, "On Layer Normalization in the
    Transformer Architecture", figure 1; article 4.2.1. Equal to `nn.TransformerEncoderLayer`.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_heads: int,
        d_ff: int | None = None,
        feed_forward: nn.Module | None = None,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        activation: str = "gelu",
        norm: str = "layer",
        norm_first: bool = True,
        is_causal: bool = False,
        qk_norm: bool | str = False,
        bias: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__(d_model, norm, norm_first, dropout)
        if (d_ff is None) == (feed_forward is None):
            raise ValueError(
                f"d_ff={d_ff} and a feed_forward of {type(feed_forward).__name__}: one of the two is wanted"
            )
        self.attention_norm = NORMS[norm](d_model)
        self.attention = MultiHeadAttention(
            d_model, num_heads=num_heads, num_kv_heads=num_kv_heads, head_dim=head_dim, bias=bias,
            is_causal=is_causal, dropout=dropout, qk_norm=qk_norm,
        )  # fmt: skip
        self.feed_forward = None
        if feed_forward is None and d_ff:
            feed_forward = FeedForward(d_model, d_ff=d_ff, activation=activation, bias=bias)
        if feed_forward is not None:
            self.feed_forward_norm = NORMS[norm](d_model)
            self.feed_forward = feed_forward

    def forward(
        self, x: Tensor, *, keep: Tensor | None = None, routings: list | None = None, **attention_options
    ) -> Tensor:
        """Read `x` `[batch, seq, d_model]` and return the same shape.

        Args:
            keep: `[batch, seq]`, False where a position is padding: for a mixture of experts in the
                feed-forward's place. (What attention sees, its mask says.)
            routings: a list to which such a mixture adds its `Routing`.
            attention_options: `mask`, `rotate`, `cache`, `counts`, `head_mask`, `maps` of
                `MultiHeadAttention`.
        """
        check_sequence("x", x, self.d_model)
        attended = self.attention(self._enter(x, self.attention_norm), **attention_options)
        x = self._leave(x, attended, self.attention_norm)
        if self.feed_forward is None:
            return x
        given = {"keep": keep, "routings": routings} if hasattr(self.feed_forward, "routed") else {}
        branch = self.feed_forward(self._enter(x, self.feed_forward_norm), **given)
        return self._leave(x, branch, self.feed_forward_norm)


class CrossAttention(MultiHeadAttention):
    """Attention from the decoder's positions to the encoder's, whose keys and values never change.

    They can be computed once with `read` and passed to every step of decoding. No position of the source is
    in the future, so there is nothing causal here.

    Args:
        d_model, num_heads, num_kv_heads, bias, dropout, qk_norm, fused: as in `MultiHeadAttention`.
        memory_dim: width of what is read; `d_model` unless given.

    Source: Vaswani et al. 2017, section 3.2.3; article 4.2.2.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_heads: int,
        num_kv_heads: int | None = None,
        memory_dim: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        qk_norm: bool | str = False,
        fused: bool = True,
    ):
        super().__init__(
            d_model, num_heads=num_heads, num_kv_heads=num_kv_heads, kdim=memory_dim, vdim=memory_dim,
            bias=bias, dropout=dropout, qk_norm=qk_norm, fused=fused,
        )  # fmt: skip

    def read(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `[batch, heads, source, head_dim]` of `memory` `[batch, source, d_model]`."""
        check_sequence("memory", memory, self.key_proj.in_features)
        key = self._heads(self.key_proj(memory), self.num_kv_heads, self.key_norm)
        value = split_heads(self.value_proj(memory), self.num_kv_heads)
        groups = self.num_heads // self.num_kv_heads
        return key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | tuple[Tensor, Tensor],
        *,
        mask: Tensor | None = None,
        head_mask: Tensor | None = None,
        maps: list[AttentionMaps] | None = None,
    ) -> Tensor:
        """Let every position of `x` `[batch, target, d_model]` read the encoder's positions.

        Args:
            memory: `[batch, source, memory_dim]`, or what `read` made of it.
            mask: broadcastable to `[batch, heads, target, source]`.
            head_mask, maps: as in `MultiHeadAttention.forward`.

        Returns:
            `[batch, target, d_model]`.
        """
        check_sequence("x", x, self.query_proj.in_features)
        key, value = memory if isinstance(memory, tuple) else self.read(memory)
        if len(key) != len(x):
            raise ValueError(f"x has {len(x)} rows and memory {len(key)}: each target needs its source")
        check_head_mask(head_mask, len(x), self.num_heads)
        query = self._heads(self.query_proj(x), self.num_heads, self.query_norm)
        return self._attend(query, key, value, mask, False, head_mask, maps)


class DecoderLayer(_ResidualLayer):
    """Causal self-attention, cross-attention to the encoder, feed-forward network: three residuals.

    With the norm first: `x = x + SelfAttention(norm(x))`, `x = x + CrossAttention(norm(x), memory)`,
    `x = x + FFN(norm(x))`; with the norm last, each norm goes around its sum.

    Args:
        d_model, num_heads, d_ff and the rest: as in `EncoderLayer`.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Vaswani et al. 2017, section 3.1; article 4.2.2. Equal to `nn.TransformerDecoderLayer`.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_heads: int,
        d_ff: int,
        num_kv_heads: int | None = None,
        activation: str = "gelu",
        norm: str = "layer",
        norm_first: bool = True,
        qk_norm: bool | str = False,
        bias: bool = True,
        dropout: float = 0.0,
    ):
        super().__init__(d_model, norm, norm_first, dropout)
        options = {"num_kv_heads": num_kv_heads, "bias": bias, "dropout": dropout, "qk_norm": qk_norm}
        self.attention_norm = NORMS[norm](d_model)
        self.attention = MultiHeadAttention(d_model, num_heads=num_heads, is_causal=True, **options)
        self.cross_attention_norm = NORMS[norm](d_model)
        self.cross_attention = CrossAttention(d_model, num_heads=num_heads, **options)
        self.feed_forward_norm = NORMS[norm](d_model)
        self.feed_forward = FeedForward(d_model, d_ff=d_ff, activation=activation, bias=bias)

    def forward(
        self,
        x: Tensor,
        memory,
        *,
        memory_mask: Tensor | None = None,
        memory_head_mask: Tensor | None = None,
        memory_maps: list[AttentionMaps] | None = None,
        **attention_options,
    ) -> Tensor:
        """Read `x` `[batch, target, d_model]` and the encoder's output; return the shape of `x`.

        Args:
            memory: `[batch, source, d_model]`, or what `cross_attention.read` made of it.
            memory_mask: broadcastable to `[batch, heads, target, source]`.
            memory_head_mask, memory_maps: `head_mask` and `maps` of cross-attention.
            attention_options: of self-attention: `mask`, `rotate`, `cache`, `counts`, `head_mask`, `maps`.
        """
        check_sequence("x", x, self.d_model)
        attended = self.attention(self._enter(x, self.attention_norm), **attention_options)
        x = self._leave(x, attended, self.attention_norm)
        crossed = self.cross_attention(
            self._enter(x, self.cross_attention_norm), memory, mask=memory_mask, head_mask=memory_head_mask,
            maps=memory_maps,
        )  # fmt: skip
        x = self._leave(x, crossed, self.cross_attention_norm)
        branch = self.feed_forward(self._enter(x, self.feed_forward_norm))
        return self._leave(x, branch, self.feed_forward_norm)


def start_empty(layers: nn.Module) -> None:
    """Unit-gain random matrices, and branches that start as zero.

    A branch whose last matrix is zero leaves the residual path alone, so a deep model starts as an
    empty one and each layer grows into its task. Not for `TransformerLayer`: its two sub-layers stand
    in a row, and two zero matrices in a row pass no gradient.
    """
    for name, parameter in layers.named_parameters():
        if name.endswith(("out_proj.weight", "bias")):
            nn.init.zeros_(parameter)
        elif parameter.ndim == 2:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)


def _check_width(x: Tensor, width: int) -> None:
    if x.ndim < 1 or x.shape[-1] != width:
        raise ValueError(f"x must be [..., {width}], got {list(x.shape)}")

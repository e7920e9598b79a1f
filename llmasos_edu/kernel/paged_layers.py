"""The book's blocks as the driver runs them: three functions of the tokens of all rows each (chapter 2.3).

Everything but attention treats a token by itself. So a step needs a block's projections, its way back onto
the residual path and its feed-forward network, and does by block tables what lies between. The functions are
made once, as for `generate` (`generation/layer_parts.py`): a block of the book's own code loses its modules;
one with anything put in its place, such as LoRA's matrices, keeps them.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.code import runs_own_code
from llmasos_edu.generation.decoding_step import KNOWN
from llmasos_edu.generation.layer_parts import hidden_part, linear_part, norm_part, onto_part
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.transformer import EncoderLayer, FeedForward


class Layer(NamedTuple):
    """A block.

    Fields:
        project: from `[tokens, d_model]` to queries, keys and values side by side,
            `[tokens, (heads + 2 * kv_heads) * head_dim]`, of the normed tokens.
        norm: of queries and keys together, `[tokens, heads + kv_heads, head_dim]`; None where there is none.
        leave: from `x` and what the heads brought, `[tokens, heads * head_dim]`, to `x + W heads`.
        feed: from `x` to `x + FFN(norm(x))`.
    """

    project: Callable[[Tensor], Tensor]
    norm: Callable[[Tensor], Tensor] | None
    leave: Callable[[Tensor, Tensor], Tensor]
    feed: Callable[[Tensor], Tensor]


def layer_of(block: nn.Module) -> Layer:
    """The functions of a block.

    Raises:
        ValueError: it is no block of the book's, or has its norms last, which the driver would pass over.
    """
    attention = getattr(block, "attention", None)
    own = isinstance(block, EncoderLayer) and type(block).forward is EncoderLayer.forward
    if not own or type(attention) is not MultiHeadAttention:
        names = f"{type(block).__name__} with {type(attention).__name__}"
        raise ValueError(f"{names} is no EncoderLayer with MultiHeadAttention, whose parts the driver calls")
    if not block.norm_first:
        raise ValueError("norm_first=False: the driver runs blocks with the norm first")
    three = (attention.query_proj, attention.key_proj, attention.value_proj)
    if not runs_own_code(block.modules(), KNOWN):
        return Layer(
            lambda x: _side_by_side(three, block.attention_norm(x)),
            _head_norm(attention),
            lambda x, heads: x + attention.out_proj(heads),
            _feed(block),
        )
    enter, joined = norm_part(block.attention_norm), linear_part(*three)
    return Layer(
        lambda x: joined(enter(x)), _head_norm(attention), onto_part(attention.out_proj), _feed(block)
    )


def _side_by_side(layers: tuple, x: Tensor) -> Tensor:
    return torch.cat([layer(x) for layer in layers], dim=-1)


def _head_norm(attention: MultiHeadAttention) -> Callable[[Tensor], Tensor] | None:
    """The norm of queries and keys that the setting `qk_norm` stands for."""
    heads, width = attention.num_heads, (attention.head_dim,)
    if not attention.qk_norm:
        return None
    if attention.query_norm is None:
        return lambda both: torch.layer_norm(both, width)
    joint = attention.qk_norm == "rms_joint"

    def apart(both: Tensor) -> Tensor:
        query, key = both[:, :heads], both[:, heads:]
        if joint:
            query, key = query.flatten(1), key.flatten(1)
        query, key = attention.query_norm(query), attention.key_norm(key)
        return torch.cat((query.view(len(both), -1, *width), key.view(len(both), -1, *width)), dim=1)

    return apart


def _feed(block: EncoderLayer) -> Callable[[Tensor], Tensor]:
    """The feed-forward half of a block."""
    network = block.feed_forward
    if network is None:
        return lambda x: x
    if isinstance(network, FeedForward) and runs_own_code(block.modules(), KNOWN):
        norm, widen, leave = (
            norm_part(block.feed_forward_norm),
            hidden_part(network),
            onto_part(network.out_proj),
        )
        return lambda x: leave(x, widen(norm(x)))
    return lambda x: x + network(block.feed_forward_norm(x))

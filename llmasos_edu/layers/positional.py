"""Positions: how a model that treats its input as a set learns the order (chapter 4.2.3).

Two families. Sinusoidal and learned positions are vectors added to the embeddings, once, at the
bottom of the model. Rotary positions and ALiBi work inside every attention layer: one turns
queries and keys, the other lowers the scores of far keys. All take positions as numbers and not as
a slice of a table, so that a decoder with a cache, whose rows may differ in length, asks for just
the positions that it needs.
"""

from functools import cache

import torch
from torch import Tensor, nn

POSITIONS = ("sinusoidal", "learned", "rotary", "alibi", "none")


def frequencies(width: int, base: float = 10_000.0) -> Tensor:
    """How fast each pair of features turns: `base**(-2i / width)` radians a position.

    Args:
        width: number of features; even, since they turn in pairs.
        base: the wavelengths run from `2 pi` towards `2 pi base`.

    Returns:
        `[width / 2]`, float64, from 1 down.

    Raises:
        ValueError: an odd width, a base of 1 or less.
    """
    if width < 2 or width % 2:
        raise ValueError(f"width={width} must be even: sines and cosines, or rotated features, come in pairs")
    if not base > 1:
        raise ValueError(f"base={base} must be above 1")
    pair = torch.arange(0, width, 2, dtype=torch.float64)
    return base ** (-pair / width)


@cache
def _speeds(width: int, base: float, device: torch.device) -> Tensor:
    """`frequencies`, kept: a decoder asks for them at every token."""
    return frequencies(width, base).to(device)


class SinusoidalPositions(nn.Module):
    """Sines and cosines of many wavelengths, added to the token's embedding.

    `PE(pos, 2i) = sin(pos / base**(2i / d_model))`, `PE(pos, 2i + 1) = cos(pos / base**(2i / d_model))`.
    Nothing is learned and no position is too far.

    Args:
        d_model: width of the vectors; must be even.
        base: ratio of the slowest wavelength, just beyond the last pair, to the fastest.
        amplitude: factor on the vectors, 1 in the formula.

    Raises:
        ValueError: an odd `d_model`, a base of 1 or less.

    Source: Vaswani et al. 2017, section 3.5; article 4.2.3.
    """

    def __init__(self, d_model: int, *, base: float = 10_000.0, amplitude: float = 1.0):
        super().__init__()
        if d_model % 2:
            raise ValueError(f"d_model={d_model} must be even: every sine needs its cosine")
        self.d_model, self.base, self.amplitude = d_model, base, amplitude
        frequencies(d_model, base)  # refuses a bad base now

    def forward(self, positions: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Vectors `[..., d_model]` of positions `[...]`."""
        # Not a buffer: a model cast to bfloat16 would take the frequencies along and lose far positions.
        speeds = _speeds(self.d_model, self.base, positions.device)
        angles = positions[..., None] * speeds  # [..., d_model / 2]
        waves = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(start_dim=-2)
        return (self.amplitude * waves).to(dtype)


def shift_rotation(offset: float, d_model: int, base: float = 10_000.0) -> Tensor:
    """The matrix `R` with `PE(pos + offset) = R PE(pos)` for every `pos`: each pair turns by its own angle.

    One pair, with `a = offset * frequency`: `[[cos a, sin a], [-sin a, cos a]] [sin, cos]`.

    Returns:
        `[d_model, d_model]`, float64, orthogonal; it does not depend on `pos`.

    Raises:
        ValueError: an odd `d_model`, a base of 1 or less.

    Source: Vaswani et al. 2017, section 3.5, which states it without the matrix; article 4.2.3.
    """
    angles = offset * frequencies(d_model, base)
    cos, sin = angles.cos(), angles.sin()
    pairs = torch.stack((torch.stack((cos, sin), -1), torch.stack((-sin, cos), -1)), dim=-2)
    return torch.block_diag(*pairs)


class LearnedPositions(nn.Module):
    """One learned vector for each position, added to the token's embedding.

    Args:
        max_len: number of positions that have a vector.
        d_model: width of the vectors.

    Raises:
        ValueError: no position or no feature at all.

    Source: Radford et al. 2018 (GPT), section 4.1; article 4.2.3.
    """

    def __init__(self, max_len: int, *, d_model: int):
        super().__init__()
        if max_len < 1 or d_model < 1:
            raise ValueError(f"max_len={max_len} and d_model={d_model} must be at least 1")
        self.embedding = nn.Embedding(max_len, d_model)

    def forward(self, positions: Tensor) -> Tensor:
        """Vectors `[..., d_model]` of positions `[...]`.

        Raises:
            ValueError: a position before the first or beyond the last one that has a vector.
        """
        if positions.numel():
            low, high = (int(end) for end in positions.aminmax())
            if low < 0 or high >= self.embedding.num_embeddings:
                raise ValueError(
                    f"position {low if low < 0 else high} has no vector: positions 0 to "
                    f"{self.embedding.num_embeddings - 1} were made"
                )
        return self.embedding(positions)


class RotaryEmbedding(nn.Module):
    """Rotary positions: turn each pair of features by an angle that grows with the position.

    Feature pair `i` at position `p` is rotated by `p / scale * base**(-2i / head_dim)`. The dot product
    of a rotated query and a rotated key then depends on the distance between them alone.

    Args:
        head_dim: width of a head; must be even, since features turn in pairs.
        base: ratio of the slowest wavelength, just beyond the last pair, to the fastest.
        scale: positions are divided by it. A model trained on `n` positions reads `scale * n` of them
            with angles that it has seen; may be set later on a trained model (`rotary.scale = 4`).
        layout: which features make pair `i`: `halves`, features `i` and `i + head_dim / 2`, as in the
            port of Llama to Hugging Face's library, or `pairs`, features `2i` and `2i + 1`, as in the
            paper and in Meta's own code.

    Raises:
        ValueError: an odd `head_dim`, a base of 1 or less, a scale not positive, an unknown layout.

    Source: Su et al. 2021, "RoFormer", section 3.2.2; Chen et al. 2023, "Extending Context Window of
    Large Language Models via Positional Interpolation", section 2.3, for the scale; article 4.2.3.
    """

    def __init__(self, head_dim: int, *, base: float = 10_000.0, scale: float = 1.0, layout: str = "halves"):
        super().__init__()
        if head_dim < 2 or head_dim % 2:
            raise ValueError(f"head_dim={head_dim} must be even: rotary positions turn features in pairs")
        if not scale > 0:
            raise ValueError(f"scale={scale} must be positive: positions are divided by it")
        if layout not in ("halves", "pairs"):
            raise ValueError(f"layout={layout!r} is not one of halves, pairs")
        self.head_dim, self.base, self.scale, self.layout = head_dim, base, scale, layout
        frequencies(head_dim, base)  # refuses a bad base now

    def at(self, positions: Tensor, dtype: torch.dtype = torch.float32):
        """The rotation for given positions, as a function of `[batch, heads, seq, head_dim]`.

        Args:
            positions: `[seq]`, or `[batch, seq]` where rows differ.
        """
        # Not a buffer: a model cast to bfloat16 would take the frequencies along and lose far positions.
        speeds = _speeds(self.head_dim, self.base, positions.device) / self.scale
        angles = positions[..., None] * speeds
        cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
        # The first of a pair becomes first * cos - second * sin, the second second * cos + first * sin.
        if self.layout == "halves":
            cos, sin = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
        else:
            cos, sin = cos.repeat_interleave(2, dim=-1), torch.stack((-sin, sin), dim=-1).flatten(-2)
        if positions.ndim == 2:
            cos, sin = cos[:, None], sin[:, None]  # [batch, 1, seq, head_dim]

        def rotate(x: Tensor) -> Tensor:
            if x.shape[-2:] != cos.shape[-2:]:
                raise ValueError(
                    f"x {list(x.shape)} must end in [seq={positions.shape[-1]}, head_dim={self.head_dim}]"
                )
            return x * cos + self._partners(x) * sin

        return rotate

    def _partners(self, x: Tensor) -> Tensor:
        """The other feature of each one's pair, in its place."""
        if self.layout == "halves":
            return x.roll(self.head_dim // 2, dims=-1)
        return x.unflatten(-1, (-1, 2)).flip(-1).flatten(start_dim=-2)


def alibi_slopes(num_heads: int) -> Tensor:
    """How much each head minds distance: a geometric sequence from `2**(-8 / n)` to `2**-8`.

    Where `n` is not a power of two: the slopes of the power of two below it, then every other one
    of the power above, from its first, until there are enough.

    Returns:
        `[heads]`, float64.

    Raises:
        ValueError: no head.

    Source: Press et al. 2022, "Train Short, Test Long", section 3, and its published code for other counts.
    """
    if num_heads < 1:
        raise ValueError(f"num_heads={num_heads} must be at least 1")
    power = 1 << (num_heads.bit_length() - 1)  # the greatest power of two that is not above num_heads

    def geometric(count: int) -> Tensor:
        return 2.0 ** (-8.0 / count * torch.arange(1, count + 1, dtype=torch.float64))

    return torch.cat((geometric(power), geometric(2 * power)[0::2][: num_heads - power]))


class AlibiPositions(nn.Module):
    """Attention with linear biases: every step of distance lowers a head's score by its slope.

    `bias[h, q, k] = -slope[h] * |position of q - position of k|`, added to the scores before the
    softmax. In a causal model only `k <= q` counts, and this is the paper's `slope * (k - q)`. Without
    the causal mask it knows distance but no direction: an encoder takes a sequence for its mirror image.

    Args:
        num_heads: number of query heads.

    Raises:
        ValueError: no head.

    Source: Press et al. 2022, "Train Short, Test Long", section 3; article 4.2.3.
    """

    def __init__(self, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        alibi_slopes(num_heads)  # refuses a bad count now

    def forward(self, query: Tensor, key: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The bias, to be passed as the `mask` of `MultiHeadAttention`.

        Args:
            query: positions of the queries `[query]`, or `[batch, query]` where rows differ.
            key: positions of the keys `[key]`.

        Returns:
            `[heads, query, key]`, or `[batch, heads, query, key]` where rows differ.
        """
        distance = (query[..., None] - key).abs()  # [query, key] or [batch, query, key]
        slopes = alibi_slopes(self.num_heads).to(query.device)
        return (-slopes[:, None, None] * distance.unsqueeze(-3)).to(dtype)


class PositionalEncoding(nn.Module):
    """One of the encodings, chosen by name, behind one face: what to add, and what to tell attention.

    Args:
        kind: `sinusoidal`, `learned`, `rotary`, `alibi` or `none`.
        d_model, num_heads, head_dim: the model's sizes; a head is `d_model / num_heads` wide unless given.
        max_len: number of learned positions; the others know no limit.
        base: of sinusoidal and rotary positions.
        amplitude: size of the added vectors (factor on the sines, standard deviation of the learned ones).

    Raises:
        ValueError: an unknown kind, or a size that the kind cannot serve.
    """

    def __init__(
        self,
        kind: str,
        *,
        d_model: int,
        num_heads: int,
        head_dim: int | None = None,
        max_len: int = 1024,
        base: float = 10_000.0,
        amplitude: float = 1.0,
    ):
        super().__init__()
        if kind not in POSITIONS:
            raise ValueError(f"position={kind!r} is not one of {', '.join(POSITIONS)}")
        self.sinusoidal = self.learned = self.rotary = self.alibi = None
        if kind == "sinusoidal":
            self.sinusoidal = SinusoidalPositions(d_model, base=base, amplitude=amplitude)
        elif kind == "learned":
            self.learned = LearnedPositions(max_len, d_model=d_model)
            nn.init.normal_(self.learned.embedding.weight, std=amplitude)
        elif kind == "rotary":
            self.rotary = RotaryEmbedding(head_dim or d_model // num_heads, base=base)
        elif kind == "alibi":
            self.alibi = AlibiPositions(num_heads)

    def forward(self, x: Tensor, positions: Tensor) -> tuple[Tensor, dict]:
        """Embeddings with their positions, and the options that every self-attention layer needs.

        Args:
            x: embeddings `[batch, seq, d_model]`.
            positions: `[seq]`, or `[batch, seq]` where rows differ. The keys are taken to stand at
                `0, 1, ...` up to the last of them, as they do in a cache.

        Returns:
            `[batch, seq, d_model]`, and keyword arguments of `MultiHeadAttention`: `rotate`, `mask` or none.

        Raises:
            ValueError: more positions than were learned.
        """
        if self.sinusoidal is not None:
            return x + self.sinusoidal(positions, x.dtype), {}
        if self.learned is not None:
            return x + self.learned(positions), {}
        if self.rotary is not None:
            return x, {"rotate": self.rotary.at(positions, x.dtype)}
        if self.alibi is not None:
            keys = torch.arange(int(positions.max()) + 1, device=positions.device)
            return x, {"mask": self.alibi(positions, keys, x.dtype)}
        return x, {}

"""Positions: how a model that treats its input as a set learns the order (chapter 4.2.3)."""

import torch
from torch import Tensor, nn


class RotaryEmbedding(nn.Module):
    """Rotary positions: turn each pair of features by an angle that grows with the position.

    Feature pair `i` at position `p` is rotated by `p * base**(-2i / head_dim)`. The dot product of a
    rotated query and a rotated key then depends on the distance between them alone.
    Pair `i` is features `i` and `i + head_dim / 2`, the layout of the Llama models.

    Args:
        head_dim: width of a head; must be even, since features turn in pairs.
        base: ratio of the slowest to the fastest wavelength.

    Raises:
        ValueError: an odd `head_dim`.

    Source: Su et al. 2021, "RoFormer", section 3.2.2; article 4.2.3.
    """

    def __init__(self, head_dim: int, base: float = 10_000.0):
        super().__init__()
        if head_dim < 2 or head_dim % 2:
            raise ValueError(f"head_dim={head_dim} must be even: rotary positions turn features in pairs")
        pair = torch.arange(0, head_dim, 2, dtype=torch.float64)
        self.register_buffer("frequencies", base ** (-pair / head_dim), persistent=False)

    def at(self, positions: Tensor, dtype: torch.dtype = torch.float32):
        """The rotation for given positions, as a function of `[batch, heads, seq, head_dim]`.

        Args:
            positions: `[seq]`, or `[batch, seq]` where rows differ.
        """
        angles = positions[..., None].to(torch.float64) * self.frequencies
        cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
        if positions.ndim == 2:
            cos, sin = cos[:, None], sin[:, None]  # [batch, 1, seq, head_dim / 2]

        def rotate(x: Tensor) -> Tensor:
            first, second = x.chunk(2, dim=-1)
            return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)

        return rotate


class LearnedPositions(nn.Module):
    """One learned vector for each position, added to the token's embedding.

    Args:
        max_len: number of positions that have a vector.
        d_model: width of the vectors.

    Source: Radford et al. 2018 (GPT), section 4.1; article 4.2.3.
    """

    def __init__(self, max_len: int, d_model: int):
        super().__init__()
        self.embedding = nn.Embedding(max_len, d_model)

    def forward(self, positions: Tensor) -> Tensor:
        """Vectors `[..., d_model]` of positions `[...]`.

        Raises:
            ValueError: a position beyond the last one that has a vector.
        """
        if positions.numel() and int(positions.max()) >= self.embedding.num_embeddings:
            raise ValueError(
                f"position {int(positions.max())} has no vector: positions 0 to "
                f"{self.embedding.num_embeddings - 1} were made"
            )
        return self.embedding(positions)

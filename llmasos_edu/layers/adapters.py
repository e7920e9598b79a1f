"""Many low-rank adapters beside one matrix, each row of a batch with its own (section 3.3.2).

The adapters of a matrix stand below one another in one tall A and beside one another in one wide B. Every row
goes through all of A; a mask keeps the part that its own adapter has made; B adds it up. Two products serve
the whole batch, whoever sits in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class AdapterChoice:
    """Which adapter each row of the present batch goes through; shared by all layers of a model.

    Args:
        names: of the adapters, in the order in which they stand in the layers.

    Raises:
        ValueError: no name, or one twice.
    """

    def __init__(self, names: Sequence[str]):
        self.numbers = {name: number for number, name in enumerate(names)}
        if not self.numbers or len(self.numbers) < len(names):
            raise ValueError(f"adapters need names of their own, at least one: {list(names)}")
        self.rows: Tensor | None = None

    def choose(self, names: Sequence[str | None]) -> None:
        """Set the adapter of each row of the batches to come; None is the plain model.

        Raises:
            ValueError: a name that no adapter has.
        """
        if unknown := [name for name in names if name is not None and name not in self.numbers]:
            known = ", ".join(self.numbers)
            raise ValueError(f"there is no adapter {unknown[0]!r}, only {known}")
        self.rows = torch.tensor([-1 if name is None else self.numbers[name] for name in names])


class BatchedLoRALinear(nn.Linear):
    """A linear map with an adapter for each row: `y = x W^T + b + ((x A^T) * M) B^T`.

    A holds the adapters' A one below the other, `[adapters * rank, in]`, B theirs side by side, `[out,
    adapters * rank]`, `alpha / rank` in it. M is 1 where the columns are those of the row's own adapter, else
    0. All adapters are multiplied for all rows: with n of them that is n times the work of one, still little
    beside W as long as `n * rank` is small beside its sides. (Systems that serve thousands gather each row's
    own instead.)

    Args:
        linear: the layer to stand in for; its tensors are shared, not copied.
        pairs: each adapter's A `[rank, in]` and B `[out, rank]`, of one rank.
        scale: `alpha / rank`.
        choice: says which rows are whose.

    Raises:
        ValueError: an adapter of another shape than the layer and the others.

    Source: Chen et al. 2023, "Punica: Multi-Tenant LoRA Serving"; Sheng et al. 2023, "S-LoRA"; article 3.3.
    """

    def __init__(
        self,
        linear: nn.Linear,
        pairs: Sequence[tuple[Tensor, Tensor]],
        *,
        scale: float,
        choice: AdapterChoice,
    ):
        nn.Module.__init__(self)
        (out_features, in_features), rank = linear.weight.shape, len(pairs[0][0])
        for a, b in pairs:
            if a.shape != (rank, in_features) or b.shape != (out_features, rank):
                raise ValueError(
                    f"an adapter of {list(a.shape)} and {list(b.shape)} beside a {out_features} x "
                    f"{in_features} matrix and another of rank {rank}"
                )
        self.in_features, self.out_features, self.rank, self.choice = in_features, out_features, rank, choice
        self.weight, self.bias = linear.weight, linear.bias
        self.register_buffer("lora_a", torch.cat([a.detach() for a, _ in pairs]))
        self.register_buffer("lora_b", torch.cat([scale * b.detach() for _, b in pairs], dim=1))

    def forward(self, x: Tensor) -> Tensor:
        """Map `[rows, ..., in]` to `[rows, ..., out]`.

        Raises:
            ValueError: the choice was made for another number of rows.
        """
        rows = self.choice.rows
        if rows is None or len(rows) != len(x):
            chosen = "none" if rows is None else len(rows)
            raise ValueError(f"a batch of {len(x)} rows, but adapters were chosen for {chosen}")
        owner = torch.arange(len(self.choice.numbers), device=x.device).repeat_interleave(self.rank)
        own = rows.to(x.device)[:, None] == owner  # [rows, adapters * rank]
        own = own.view(len(x), *[1] * (x.ndim - 2), -1)
        narrow = nn.functional.linear(x, self.lora_a).masked_fill(~own, 0.0)
        return super().forward(x) + nn.functional.linear(narrow, self.lora_b)

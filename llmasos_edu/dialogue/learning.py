"""How the shipped dialogue model learns: rows of fresh conversations, and a loss on its own tokens alone."""

import hashlib

import torch
from torch import Tensor

from llmasos_edu.dialogue import template
from llmasos_edu.foundation.arguments import check_count


class DialogueSampler:
    """Rows of conversations that were never drawn before: `sampler(generator)` gives inputs and targets.

    Args:
        context: tokens of a row.
        batch_size: rows of a batch.

    Returns of a call:
        inputs `[batch, context]`, targets `[batch, context]` with -100 where the user or a tool speaks.
    """

    def __init__(self, *, context: int, batch_size: int):
        check_count("context", context)
        check_count("batch_size", batch_size)
        self.context, self.batch_size = context, batch_size

    def identity(self) -> str:
        """A digest of all that decides which batches come: of what the grammar draws from some seeds."""
        rows = [template.training_row(seed, self.context + 1) for seed in range(20)]
        return hashlib.sha256(repr((rows, self.batch_size)).encode()).hexdigest()

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        seeds = torch.randint(2**40, (self.batch_size,), generator=generator).tolist()
        rows = [template.training_row(seed, self.context + 1) for seed in seeds]
        inputs = [tokens[:-1] for tokens, _ in rows]
        targets = [template.own_targets(tokens, own) for tokens, own in rows]
        return torch.tensor(inputs), torch.tensor(targets)

"""Batches of rows: the same random rows of several tensors."""

from torch import Tensor, randperm

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.tensors import digest


class RowSampler:
    """The same random rows of several tensors: `sampler(generator)` gives a tuple, or one tensor of one.

    No row stands twice in a batch; with fewer rows than `batch_size` every batch is all of them.

    Args:
        tensors: [n, ...] each, the same n: texts and labels, or inputs, targets and a teacher's logits.
        batch_size: rows per batch.

    Raises:
        ValueError: no tensor, no rows, or not equally many.
    """

    def __init__(self, *tensors: Tensor, batch_size: int):
        check_count("batch_size", batch_size)
        sizes = [len(tensor) for tensor in tensors]
        if not sizes or min(sizes) == 0 or len(set(sizes)) > 1:
            raise ValueError(f"tensors with {sizes} rows: all must have equally many, at least one")
        self.tensors, self.batch_size = tensors, batch_size

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(*self.tensors, self.batch_size)

    def __call__(self, generator):
        rows = randperm(len(self.tensors[0]), generator=generator)[: self.batch_size]
        drawn = tuple(tensor[rows] for tensor in self.tensors)
        return drawn if len(drawn) > 1 else drawn[0]

"""Scores checked at the door of a rule that may stand alone: numbers, and a largest one among them."""

from torch import Tensor

from llmasos_edu.generation.sampling import check_choosable


def check_scores(name: str, scores: Tensor, *, batch: bool = False) -> Tensor:
    """The scores, refused in words where they are none.

    Args:
        name: of the argument.
        scores: `[..., vocab]`.
        batch: only `[batch, vocab]` will do.

    Raises:
        TypeError: no tensor.
        ValueError: another shape, no fractions, nothing, or a row without a finite largest score.
    """
    wanted = "[batch, vocab]" if batch else "[..., vocab]"
    if not isinstance(scores, Tensor):
        raise TypeError(f"{name} must be a tensor of numbers {wanted}, got {type(scores).__name__}")
    fits = scores.ndim == 2 if batch else scores.ndim > 0
    if not (fits and scores.is_floating_point() and scores.numel()):
        raise ValueError(f"{name} must be numbers {wanted}, got {scores.dtype} {list(scores.shape)}")
    check_choosable(scores.reshape(-1, scores.shape[-1]))
    return scores

"""Locally typical sampling: keep the tokens whose surprise is near what the model expects of it (6.2.1)."""

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_number
from llmasos_edu.generation.sampling import ROUNDINGS
from llmasos_edu.generation.scores import check_scores


def keep_typical(logits: Tensor, mass: float) -> Tensor:
    """Keep the tokens nearest to the mean surprise, the fewest that have the probability `mass` together.

    The mean surprise of a distribution is its entropy `H = -sum p log p`. A token's distance is
    `|-log p - H|`: also the likeliest goes where the model expected to be surprised.

    Args:
        logits: `[..., vocab]`; `-inf` for what is ruled out already.
        mass: above 0; 1 keeps all. Among equals the first in the vocabulary counts as the nearer.

    Returns:
        `[..., vocab]`, `-inf` for what is cut off.

    Raises:
        TypeError: no tensor, a mass that is no number.
        ValueError: `mass` outside 0 to 1, or 0; a row without a finite largest score.

    Source: Meister et al. 2023, "Locally Typical Sampling". Equal to transformers'
    `TypicalLogitsWarper` where no two distances are equal; that keeps all that equal the last.
    """
    check_scores("logits", logits)
    check_number("typical mass", mass, 0, 1)
    if mass == 0:
        raise ValueError("typical mass=0 would keep nothing: it must be above 0")
    if mass == 1:  # in so many words: sums of rounded numbers reach 1 before the end
        return logits
    surprise = -logits.double().log_softmax(dim=-1)
    probs = (-surprise).exp()
    entropy = torch.where(probs > 0, probs * surprise, 0.0).sum(dim=-1, keepdim=True)
    order = (surprise - entropy).abs().argsort(dim=-1, stable=True)  # what is ruled out comes last
    reached = probs.gather(-1, order).cumsum(dim=-1) >= mass - ROUNDINGS * torch.finfo(logits.dtype).eps
    cut = torch.zeros_like(reached).scatter(-1, order[..., 1:], reached[..., :-1])
    return logits.masked_fill(cut, -torch.inf)

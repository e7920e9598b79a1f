"""Repetition forbidden: no run of tokens may stand twice in a row's text (chapter 6.2.1)."""

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.tensors import check_tokens
from llmasos_edu.generation.scores import check_scores


def repeating_tokens(tokens: Tensor, size: int, vocab_size: int) -> Tensor:
    """Which tokens would complete a run of `size` tokens that stands in the row already.

    Args:
        tokens: what each row has said, `[batch, seq]`.
        size: 1 forbids every token that was said, 2 every pair, and so on.
        vocab_size: number of different tokens.

    Returns:
        Boolean `[batch, vocab]`.

    Raises:
        TypeError: no tensor.
        ValueError: a size or a vocabulary below 1; tokens of another shape, or outside the vocabulary.

    Source: Paulus et al. 2017, "A Deep Reinforced Model for Abstractive Summarization", for
    runs of three. Equal to transformers' `NoRepeatNGramLogitsProcessor`.
    """
    check_count("size", size)
    check_count("vocab_size", vocab_size)
    silent = isinstance(tokens, Tensor) and tokens.ndim == 2 and tokens.shape[1] == 0
    if not silent:  # a row may have said nothing yet
        tokens = check_tokens("tokens", tokens, vocab_size)
    table = torch.zeros(len(tokens), vocab_size, dtype=torch.bool, device=tokens.device)
    if tokens.shape[1] < size:
        return table
    runs = tokens.unfold(1, size, 1)  # [batch, places, size]
    now = tokens[:, tokens.shape[1] - size + 1 :]  # the end, to which one token is missing
    again = (runs[..., :-1] == now[:, None]).all(dim=-1)
    return table.long().scatter_add(1, runs[..., -1], again.long()) > 0


def forbid_repeats(logits: Tensor, tokens: Tensor, size: int) -> Tensor:
    """Rule out what would repeat a run of `size` tokens; where that is everything, nothing is ruled out.

    Args:
        logits: `[batch, vocab]`.
        tokens, size: as in `repeating_tokens`.

    Returns:
        `[batch, vocab]`, `-inf` for what is ruled out.

    Raises:
        TypeError: no tensors.
        ValueError: as in `repeating_tokens`; logits that name no token, or of another number of rows.
    """
    again = repeating_tokens(tokens, size, check_scores("logits", logits, batch=True).shape[1])
    if len(logits) != len(tokens):
        raise ValueError(f"logits {list(logits.shape)} are not those of {len(tokens)} rows of tokens")
    left = (~again & (logits > -torch.inf)).any(dim=-1, keepdim=True)
    return logits.masked_fill(again & left, -torch.inf)

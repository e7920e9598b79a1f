"""What a masked and a causal model propose for every gap of a short text, computed once, as plain lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from llmasos_edu.foundation.modes import evaluating

MAX_TOKENS = 64
MAX_WIDTH = 4
MAX_TOP = 8


def check_text(tokens: Any, names: Sequence[str]) -> torch.Tensor:
    """Token ids `[seq]` that have names, or an error that says what is wrong, where."""
    ids = torch.as_tensor(tokens)
    if ids.ndim != 1 or not 3 <= len(ids) <= MAX_TOKENS or ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(
            f"tokens must be one row of 3 to {MAX_TOKENS} integers, got {ids.dtype} {list(ids.shape)}"
        )
    if isinstance(names, str):
        raise TypeError("names is one string, expected a list with the name of every token")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= len(names):
        raise ValueError(f"token {low if low < 0 else high} has no name: names has {len(names)} entries")
    return ids.long()


@torch.no_grad()
def masked_proposals(model, ids, mask_id: int, vocab: int, width: int, top: int) -> list:
    """What a masked model expects in every gap of 1 to `width` neighbours, all of them hidden at once.

    Args:
        model: maps tokens `[batch, seq]` to logits `[batch, seq, vocab or more]`.
        ids: the text `[seq]`.
        mask_id: the mask token.
        vocab: tokens that may be proposed, 0 to `vocab - 1`: the mask is none.
        width, top: longest gap, and proposals for each place.

    Returns:
        `[width - 1][start]`: a list with one proposal for each place of the gap.
    """
    found = []
    for wide in range(1, width + 1):
        starts = torch.arange(len(ids) - wide + 1)
        places = starts[:, None] + torch.arange(wide)  # [start, wide]
        hidden = ids.repeat(len(starts), 1).scatter(1, places, mask_id)
        with evaluating(model):
            logits = model(hidden)
        p = _probabilities(logits[starts[:, None], places, :vocab], "masked")
        found.append([[_proposal(p[s, o], ids[s + o], top) for o in range(wide)] for s in range(len(starts))])
    return found


@torch.no_grad()
def causal_proposals(model, ids, vocab: int, width: int, top: int) -> list:
    """What a causal model expects in a gap: it reads the left side, then its own likeliest guesses.

    Args:
        model: maps tokens `[batch, seq]` to logits `[batch, seq, vocab]`.
        ids, vocab, width, top: as in `masked_proposals`.

    Returns:
        `[start]`: one proposal for each place of the longest gap that fits; of none before the first token.
    """
    found: list = [[]]
    for start in range(1, len(ids)):
        read, proposals = ids[:start], []
        for offset in range(min(width, len(ids) - start)):
            with evaluating(model):
                p = _probabilities(model(read[None])[0, -1, :vocab], "causal")
            proposals.append(_proposal(p, ids[start + offset], top))
            read = torch.cat((read, p.argmax()[None]))
        found.append(proposals)
    return found


def _probabilities(logits: torch.Tensor, which: str) -> torch.Tensor:
    """Softmax over the last dimension in single precision or better, of finite logits."""
    if not logits.isfinite().all():
        bad = logits[~logits.isfinite()][0].item()
        raise ValueError(f"the {which} model gives a logit of {bad}: a model's logits are finite numbers")
    return (logits if logits.dtype == torch.float64 else logits.float()).softmax(dim=-1)


def _proposal(p: torch.Tensor, truth: torch.Tensor, top: int) -> dict:
    """The likeliest tokens, their probabilities, and place and probability of the true one."""
    order = p.sort(descending=True, stable=True)
    rank = int((order.indices == truth).nonzero()[0]) + 1
    return {
        "ids": order.indices[:top].tolist(),
        "p": [round(value, 5) for value in order.values[:top].tolist()],
        "rank": rank,
        "truth": round(float(p[truth]), 7),
    }


def only_used(proposals: list, ids: list[int], names: Sequence[str]) -> tuple[list, list[int], list[str]]:
    """Proposals and text with tokens counted anew over the few in use, and the names of these."""
    used: dict[int, int] = {}

    def number(token: int) -> int:
        return used.setdefault(token, len(used))

    def walk(node):
        if isinstance(node, list):
            return [walk(child) for child in node]
        return node | {"ids": [number(token) for token in node["ids"]]}

    text = [number(token) for token in ids]
    renumbered = walk(proposals)
    return renumbered, text, [str(names[token]) for token in used]

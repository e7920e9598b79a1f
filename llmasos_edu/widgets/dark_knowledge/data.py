"""A teacher's and its students' next-token probabilities at every temperature of a slider, in few kilobytes.

A vocabulary of thousands is not sent. For a dozen tokens of each position the logits are, and for all others
together what the browser cannot know: the sum of their exponentials, the entropies and the divergences,
computed here in float64 at each temperature that the slider can take. The only error is float32's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from llmasos_edu.foundation.arrays import check_drawable

# 0.25 to 20.7 in steps of an eighth of a doubling, with 1, 2, 4, 8 and 16 among them.
TEMPERATURES = [2 ** (eighth / 8) for eighth in range(-16, 36)]
MAX_TOKENS = 32
MAX_TOP = 12
MAX_NAME = 24
FAVOURITES = 2  # of each student, shown even where they are not among the teacher's


def step_of(temperature: Any) -> int:
    """Number of the slider's temperature that is nearest, on its logarithmic scale.

    Raises:
        TypeError: not a number.
        ValueError: beyond the slider's ends, by more than half a step.
    """
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        raise TypeError(f"temperature={temperature!r} must be a number")
    low, high = TEMPERATURES[0], TEMPERATURES[-1]
    if not low * 2 ** (-1 / 16) <= temperature <= high * 2 ** (1 / 16):  # NaN fails too
        raise ValueError(f"temperature={temperature} is out of range: {low} to {high:.1f}")
    return round(8 * math.log2(temperature)) + 16


def check_tokens(tokens: Any, names: Sequence[str]) -> torch.Tensor:
    """Token ids `[seq]` that have names, or an error that says what is wrong, where."""
    if isinstance(names, str):
        raise TypeError("names is one string, expected a list with the name of every token")
    if len(names) < 2:
        raise ValueError(f"names has {len(names)} entries, expected 2 tokens or more")
    ids = torch.as_tensor(tokens)
    if ids.ndim != 1 or not 1 <= len(ids) <= MAX_TOKENS or ids.is_floating_point() or ids.dtype == torch.bool:
        raise ValueError(
            f"tokens must be one row of 1 to {MAX_TOKENS} integers, got {ids.dtype} {list(ids.shape)}"
        )
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= len(names):
        raise ValueError(f"token {low if low < 0 else high} has no name: names has {len(names)} entries")
    return ids.long().cpu()


def check_students(students: Any) -> dict[str, Any]:
    """One or two students, each with a name that can stand in a table."""
    if not isinstance(students, Mapping):
        raise TypeError(
            f"students is a {type(students).__name__}, expected names and logits: {{'alone': logits}}"
        )
    if not 1 <= len(students) <= 2:
        raise ValueError(f"students holds {len(students)} entries, expected 1 or 2")
    for name in students:
        if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_NAME or name == "teacher":
            raise ValueError(
                f"a student is called {name!r}, expected 1 to {MAX_NAME} letters, and not 'teacher'"
            )
    return dict(students)


def check_logits(name: str, logits: Any, seq: int, vocab: int) -> torch.Tensor:
    """Finite logits `[seq, vocab]`, less the largest of each row, in float64."""
    logits = torch.as_tensor(logits).detach().cpu()
    if list(logits.shape) != [seq, vocab] or not logits.is_floating_point():
        raise ValueError(
            f"the logits of {name!r} must be [{seq}, {vocab}] floats (tokens, names), "
            f"got {logits.dtype} {list(logits.shape)}"
        )
    logits = logits.double()
    check_drawable(logits.numpy(), f"the logits of {name!r}, [position, token] = ", "a logit")
    return logits - logits.amax(dim=1, keepdim=True)


def rows_shown(logits: torch.Tensor, tokens: torch.Tensor, top: int) -> list[list[int]]:
    """The tokens that get a row of their own, position by position, by the teacher's logits.

    Args:
        logits: `[models, seq, vocab]`, the teacher first.
        tokens: the text `[seq]`: the token that does come next has a row too.
        top: how many of the teacher's likeliest.

    Returns:
        `[seq]` lists of ids: the teacher's first `top`, each student's first two, and the true one.
    """
    order = logits.argsort(dim=2, descending=True, stable=True)
    found = []
    for position in range(len(tokens)):
        place = torch.empty_like(order[0, position])
        place[order[0, position]] = torch.arange(len(place))
        shown = set(order[0, position, :top].tolist())
        shown |= set(order[1:, position, :FAVOURITES].flatten().tolist())
        shown |= set(tokens[position + 1 : position + 2].tolist())
        found.append(sorted(shown, key=lambda token, place=place: int(place[token])))
    return found


def tables(logits: torch.Tensor, rows: list[list[int]]) -> torch.Tensor:
    """What the browser cannot compute from the rows shown, for each position and each temperature T.

    Args:
        logits: z, `[models, seq, vocab]`, the teacher first.
        rows: the tokens shown, `[seq]` lists.

    Returns:
        `[seq, temperatures, 4 * models - 2]`, in this order: `ln sum exp(z / T)` over the tokens not shown,
        of each model (minus infinity where all are); entropy of each model over all tokens, bits;
        KL(teacher || student) of each student, bits; KL(student || teacher) of each, bits.
    """
    hidden = torch.ones(logits.shape[1:], dtype=torch.bool)
    for position, shown in enumerate(rows):
        hidden[position, shown] = False
    found = []
    for temperature in TEMPERATURES:
        scaled = logits / temperature
        log_p = scaled.log_softmax(dim=2)
        p = log_p.exp()
        others = scaled.masked_fill(~hidden, -torch.inf).logsumexp(dim=2)
        entropy = -(p * log_p).sum(dim=2) / math.log(2)
        forward = (p[:1] * (log_p[:1] - log_p[1:])).sum(dim=2) / math.log(2)
        reverse = (p[1:] * (log_p[1:] - log_p[:1])).sum(dim=2) / math.log(2)
        found.append(torch.cat((others, entropy, forward, reverse)).T)  # [seq, 4 * models - 2]
    return torch.stack(found, dim=1)


def to_bytes(values: torch.Tensor) -> bytes:
    """Numbers as little-endian float32."""
    return values.float().contiguous().numpy().astype("<f4").tobytes()

"""Rules of choice in an order of one's own: what each keeps of what the ones before it left (6.2.1)."""

from collections.abc import Iterable
from numbers import Real
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.generation.sampling import (
    apply_temperature,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
)
from llmasos_edu.generation.scores import check_scores
from llmasos_edu.generation.typical import keep_typical

COLDEST = 0.01  # below it nothing is left but the likeliest


def warm(logits: Tensor, temperature: float) -> Tensor:
    """`logits / temperature`: not shifted as `apply_temperature` does, for a penalty looks at the sign.

    Args:
        logits: `[..., vocab]`.
        temperature: below 0.01 the shift stays that of 0.01.

    Raises:
        ValueError: as in `apply_temperature`.
    """
    check_scores("logits", logits)
    return apply_temperature(logits, temperature) + logits.amax(dim=-1, keepdim=True) / max(
        temperature, COLDEST
    )


RULES = {
    "repetition_penalty": penalize_repetition,
    "temperature": warm,
    "top_k": keep_top_k,
    "top_p": keep_top_p,
    "min_p": keep_min_p,
    "typical": keep_typical,
}


class Step(NamedTuple):
    """What one rule did."""

    name: str
    value: float
    kept: Tensor  # boolean [..., vocab]: what can still be chosen
    lost: Tensor  # [...], probability of what this rule cut, by what the rules before it had made of it
    probabilities: Tensor  # [..., vocab], after it


def rule_steps(
    logits: Tensor, rules: Iterable[tuple[str, float]], *, seen: Tensor | None = None
) -> list[Step]:
    """Apply rules one after the other, and say what each did.

    Args:
        logits: `[..., vocab]`.
        rules: pairs of a name in `RULES` and its value, in the order wanted. None may stand twice.
        seen: `[..., vocab]`, for the repetition penalty, which needs it.

    Returns:
        One `Step` a rule. Without rules an empty list: then the model's own probabilities count.

    Raises:
        TypeError: no list of pairs, a value that is no number, scores or `seen` that are no tensor.
        ValueError: an unknown rule, one that stands twice, a value out of its range, no `seen` for the
            penalty; scores that name no token.
    """
    rules = _checked(rules)
    steps, before = [], check_scores("logits", logits).softmax(dim=-1)
    for name, value in rules:
        if name == "repetition_penalty":
            if seen is None:
                raise ValueError(f"repetition_penalty={value} needs `seen`: what each row has said")
            if not isinstance(seen, Tensor) or seen.dtype != torch.bool:
                raise TypeError(f"seen={seen!r:.60} is no boolean tensor: it comes from `seen_tokens`")
            logits = penalize_repetition(logits, seen, value)
        else:
            logits = RULES[name](logits, value)
        kept, after = logits > -torch.inf, logits.softmax(dim=-1)
        steps.append(Step(name, value, kept, before.masked_fill(kept, 0.0).sum(dim=-1), after))
        before = after
    return steps


def _checked(rules) -> list[tuple[str, float]]:
    """The rules as a list, each known, with a number, and there once."""
    if isinstance(rules, str) or not isinstance(rules, Iterable):
        raise TypeError(f"rules={rules!r}: pairs of a name and a value are wanted, (('top_k', 5), ...)")
    rules = list(rules)
    for rule in rules:
        if not isinstance(rule, tuple | list) or len(rule) != 2:
            raise TypeError(f"the rule {rule!r} is no pair of a name and a value, as ('top_k', 5)")
    names = [name for name, _ in rules]
    for name, value in rules:
        if not isinstance(name, str) or name not in RULES:
            raise ValueError(f"there is no rule {name!r}: {', '.join(RULES)}")
        if names.count(name) > 1:
            raise ValueError(f"the rule {name} stands twice")
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"{name}={value!r} must be a number")
    return rules

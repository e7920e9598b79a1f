"""Writing within a constraint: at each step only what leaves the text completable in time (chapter 6.2.1).

A constraint walks along with the text. Its state knows what has been said as far as that matters, which
tokens may follow, and how many tokens are needed until the text may end. A token is allowed if, after it,
those that are needed still fit. So the first token of every text is chosen with its last one in sight, and
whatever the model's scores are, the finished text keeps the constraint.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_count, check_methods, check_options
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.generation.prompts import as_batch, stop_table, unpadded
from llmasos_edu.generation.sampling import sample_next, seen_tokens

METHODS = ("start", "advance", "needed", "allowed")
WRITES = ("new_cache", "next_logits", "decoding_step")  # of a model


class Constraint(Protocol):
    """What writing asks of a constraint; states are never changed, only followed by others."""

    def start(self) -> Hashable:
        """The state before the first token."""

    def advance(self, state: Hashable, token: int) -> Hashable:
        """The state after a token that was allowed."""

    def needed(self, state: Hashable) -> int:
        """The fewest tokens after which the text may end; 0 where it may end now."""

    def allowed(self, state: Hashable, left: int) -> Tensor:
        """Boolean `[vocab]`: tokens after which what is needed fits into `left - 1` more."""


class Constrained(NamedTuple):
    """A text written within a constraint."""

    tokens: Tensor  # [written], without the prompt and without the token that ended it
    log_prob: float  # of these tokens and the end under the model alone, nats
    forced: int  # tokens that were chosen where the constraint had ruled out the likeliest


@torch.inference_mode()
def write_constrained(
    model,
    prompts: Sequence,
    max_new_tokens: int,
    constraint: Constraint,
    *,
    stop: int,
    generator: torch.Generator | None = None,
    **choice,
) -> list[Constrained]:
    """Continue each prompt so that what is written keeps the constraint.

    Scores of tokens that are not allowed become `-inf`; then the rules of `choice` see the rest.

    Args:
        model: a `LanguageModel`.
        prompts: rows of tokens, of any lengths.
        max_new_tokens: at most so many tokens are written, the end not counted.
        constraint: as in `Constraint`.
        stop: the token that ends a text; allowed where the constraint needs nothing more.
        generator: source of randomness; torch's global one unless given.
        choice: the options of `sample_next`.

    Returns:
        One `Constrained` a prompt.

    Raises:
        ValueError: bad prompts or options; a constraint that needs more than `max_new_tokens`.
        TypeError: no model, no constraint.
    """
    check_methods("model", model, WRITES)
    check_count("max_new_tokens", max_new_tokens)
    check_methods("constraint", constraint, METHODS)
    check_options("options of writing", choice, sample_next, besides=("logits", "seen", "generator"))
    rows, counts = as_batch(prompts, model.vocab_size)
    stop = check_room(constraint, max_new_tokens, stop, model.vocab_size)
    states = [started(constraint, row) for row in unpadded(rows, counts)]
    done = [False] * len(rows)
    said, log_probs, forced = ([[] for _ in rows], [0.0] * len(rows), [0] * len(rows))
    seen = seen_tokens(rows, model.vocab_size, counts) if "repetition_penalty" in choice else None
    with modes_kept(model):
        model.eval()
        cache = model.new_cache(len(rows), rows.shape[1] + max_new_tokens)
        logits = model.next_logits(rows, cache=cache, counts=counts)
        read = model.decoding_step(cache)
        for written in range(max_new_tokens + 1):
            left = max_new_tokens - written
            mask = torch.stack(
                [
                    allowed_now(constraint, state, left, stop, ended)
                    for state, ended in zip(states, done, strict=True)
                ]
            )
            if not mask.any(dim=-1).all():
                raise ValueError(nothing_left(stop))
            own = logits.log_softmax(dim=-1)
            tokens = sample_next(
                logits.masked_fill(~mask, -torch.inf), seen=seen, generator=generator, **choice
            )
            likeliest = logits.argmax(dim=-1)
            for row, token in enumerate(tokens.tolist()):
                if done[row]:
                    continue
                log_probs[row] += own[row, token].item()
                forced[row] += not mask[row, likeliest[row]]
                done[row] = token == stop
                if not done[row]:
                    said[row].append(token)
                    states[row] = constraint.advance(states[row], token)
            if all(done) or left == 0:
                break
            if seen is not None:
                seen.scatter_(1, tokens[:, None], True)
            logits = read(tokens[:, None])
    return [
        Constrained(torch.tensor(each, dtype=torch.long), nats, count)
        for each, nats, count in zip(said, log_probs, forced, strict=True)
    ]


def allowed_now(constraint: Constraint, state: Hashable, left: int, stop: int, ended: bool = False) -> Tensor:
    """Boolean `[vocab]`: what may come now, the end of the text included.

    Args:
        left: tokens that may still be written.
        ended: the text is over, and repeats its end.
    """
    mask = constraint.allowed(state, left).clone()
    if ended:
        mask[:] = False
    mask[stop] = ended or constraint.needed(state) == 0
    return mask


def started(constraint: Constraint, prompt: Sequence[int]) -> Hashable:
    """The state before the first token behind a prompt.

    One with `start_after(prompt)`, as `KeywordConstraint`, looks at what the prompt ends in; others begin
    anew.
    """
    return constraint.start_after(prompt) if hasattr(constraint, "start_after") else constraint.start()


def nothing_left(stop: int) -> str:
    """Why a constraint can come to a place where no token is allowed."""
    return f"the constraint allows no token here; does it need stop={stop}, which ends a text and is in none?"


def check_room(constraint: Constraint, max_new_tokens: int, stop, vocab_size: int) -> int:
    """Refuse what could never be finished.

    Args:
        constraint: one with `spoken`, as `KeywordConstraint`, says with it which tokens it must have.
        stop: the token that ends a text, alone or as the only one of a list.

    Returns:
        that token.

    Raises:
        ValueError: with what is needed and what there is.
    """
    ends = stop_table(stop, vocab_size).nonzero()[:, 0].tolist()
    if len(ends) != 1:
        raise ValueError(f"with a constraint one stop token is wanted, got {len(ends)}")
    needed = constraint.needed(constraint.start())
    if needed > max_new_tokens:
        raise ValueError(f"the constraint needs {needed} tokens, and max_new_tokens={max_new_tokens}")
    shape = list(constraint.allowed(constraint.start(), max_new_tokens).shape)
    if shape != [vocab_size]:
        raise ValueError(f"the constraint is one of {shape} tokens, the model has {vocab_size}")
    if ends[0] in getattr(constraint, "spoken", ()):
        raise ValueError(f"stop={ends[0]} ends a text and cannot stand in one, but the constraint needs it")
    return ends[0]

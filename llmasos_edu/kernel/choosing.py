"""From a batch's scores to what each process says: greedily or by chance, one token or checked guesses.

Each process draws from a generator of its own, seeded with its seed. So what it says does not depend on who
else is in the batch.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from llmasos_edu.generation.sampling import choice_probabilities, sample_next, seen_tokens
from llmasos_edu.kernel.drivers import Row

OPTIONS = {"temperature", "top_k", "top_p", "min_p", "repetition_penalty"}


def check_sampling(options: object, vocab_size: int) -> None:
    """Refuse options that `sample_next` would not take.

    Raises:
        ValueError: no dictionary, an unknown name, a value out of its range.
    """
    if options is None:
        return
    if not isinstance(options, dict):
        raise ValueError(f"sampling={options!r} is no dictionary of options")
    if unknown := set(options) - OPTIONS:
        raise ValueError(f"sampling has no option {min(unknown)!r}: {', '.join(sorted(OPTIONS))}")
    scores = torch.zeros(1, vocab_size)
    try:
        choice_probabilities(scores, seen=scores > 0, **options)
    except TypeError as error:
        raise ValueError(f"sampling={options!r}: {error}") from error


def wanted(rows: Sequence[Row]) -> tuple[list[int], list[int]]:
    """Where in the batch's tokens, laid end to end, a score is needed.

    Returns:
        Places of the tokens, and how many of them belong to each row: none where it does not speak, else one
        and one for each guess.
    """
    places, counts, end = [], [], 0
    for row in rows:
        end += len(row.tokens)
        count = row.guesses + 1 if row.speaks else 0
        places.extend(range(end - count, end))
        counts.append(count)
    return places, counts


def choose(rows: Sequence[Row], counts: Sequence[int], logits: Tensor) -> list[list[int]]:
    """What each row says.

    Args:
        counts: as from `wanted`.
        logits: `[sum of counts, vocab]`. `Process.sampling` is a dictionary of `sample_next`'s options; None
            takes the likeliest token.
    """
    said, greedy, start = [], None, 0
    for row, count in zip(rows, counts, strict=True):
        scores = logits[start : start + count]
        options = row.process.sampling
        if count and (not options or options.get("temperature", 1.0) == 0):
            if options and options.get("repetition_penalty") is not None:
                said.append(_greedy_with_memory(row, scores, options))
            else:
                greedy = _likeliest(logits) if greedy is None else greedy
                said.append(_accepted(row, greedy[start : start + count]))
        else:
            said.append(_drawn(row, scores, options) if count else [])
        start += count
    return said


def _likeliest(logits: Tensor) -> list[int]:
    """The likeliest token at each place; where a score is no number there is none."""
    largest, tokens = logits.max(dim=-1)  # a NaN, where there is one
    if not all(map(math.isfinite, largest.tolist())):
        raise ValueError("a largest logit is no finite number: the model's numbers have run away")
    return tokens.tolist()


def _accepted(row: Row, likeliest: Sequence[int]) -> list[int]:
    """The guesses that are the likeliest tokens, up to the first that is not, and one token more."""
    guesses = row.tokens[len(row.tokens) - row.guesses :]
    right = 0
    while right < len(guesses) and guesses[right] == likeliest[right]:
        right += 1
    return list(likeliest[: right + 1])


def _greedy_with_memory(row: Row, scores: Tensor, options: dict) -> list[int]:
    """The likeliest token where the penalty depends on what was said just now."""
    said = []
    for guess, score in zip([*row.tokens[len(row.tokens) - row.guesses :], None], scores, strict=True):
        seen = _seen(row, said, score)
        said.append(int(sample_next(score[None], seen=seen, **options)))
        if said[-1] != guess:
            break
    return said


def _drawn(row: Row, scores: Tensor, options: dict) -> list[int]:
    """Draw; a guess stays with the probability that it has, and else the draw is from the rest.

    So the token has the model's distribution: the guess with `p(guess)`, and another one `x` with
    `(1 - p(guess)) * p(x) / (1 - p(guess))`.

    Source: Leviathan et al. 2023, section 2.3, for a draft that is sure of its guess.
    """
    process, said = row.process, []
    if process.random is None:
        process.random = torch.Generator(device=scores.device).manual_seed(process.seed)
    for guess, score in zip([*row.tokens[len(row.tokens) - row.guesses :], None], scores, strict=True):
        seen = _seen(row, said, score) if options.get("repetition_penalty") is not None else None
        (probs,) = choice_probabilities(score[None], seen=seen, **options)
        if guess is not None:
            chance = torch.rand((), generator=process.random, device=scores.device, dtype=probs.dtype)
            if chance < probs[guess]:
                said.append(guess)
                continue
            probs = probs.index_fill(0, torch.tensor([guess], device=scores.device), 0.0)
        said.append(int(torch.multinomial(probs, 1, generator=process.random)))
        break
    return said


def _seen(row: Row, said: Sequence[int], score: Tensor) -> Tensor:
    text = torch.tensor([[*row.process.tokens, *said]], device=score.device)
    return seen_tokens(text, score.shape[-1])

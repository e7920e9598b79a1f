"""Tasks whose right answer is known: patterns said again, and a symbol recalled after a distance."""

from typing import NamedTuple

import torch


class RecallBatch(NamedTuple):
    """Questions and answers of `recall_at_distance`.

    Args:
        inputs: [batch, distance + 2]: the symbol, the fillers, the token that asks.
        targets: [batch]: the symbol, to be predicted at the last position.
    """

    inputs: torch.Tensor
    targets: torch.Tensor


def repeated_patterns(
    batch_size: int,
    period: int,
    *,
    repeats: int = 2,
    num_symbols: int,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Draw a random pattern per row and say it again and again.

        x[t] = x[t - period]  for t >= period;  the first period is uniform over the symbols

    The first period cannot be predicted (ln num_symbols nats per symbol), the later ones without error by a
    model that finds where it stood before and copies what followed: induction.

    Args:
        batch_size: number of rows, each with its own pattern.
        period: length of the pattern.
        repeats: how often the pattern is said, 1 or more.
        num_symbols: size of the alphabet.
        generator: source of randomness.

    Returns:
        symbols, LongTensor [batch, period * repeats].

    Raises:
        ValueError: an argument is not positive.

    Source: Olsson et al. 2022, "In-context Learning and Induction Heads" (random repeated tokens); article
    4.1.2.
    """
    _check_positive(batch_size=batch_size, period=period, repeats=repeats, num_symbols=num_symbols)
    return torch.randint(num_symbols, (batch_size, period), generator=generator).repeat(1, repeats)


def recall_at_distance(
    batch_size: int,
    distance: int,
    *,
    num_symbols: int,
    num_fillers: int,
    generator: torch.Generator | None = None,
) -> RecallBatch:
    """Draw rows in which a symbol must be remembered over `distance` fillers.

        symbol, filler x distance, ASK  ->  symbol

    Symbols are 0 ... num_symbols - 1, fillers num_symbols ... num_symbols + num_fillers - 1, ASK is the last
    id, num_symbols + num_fillers: a model needs a vocabulary of num_symbols + num_fillers + 1. Guessing is
    right in one of num_symbols cases.

    Args:
        batch_size: number of rows.
        distance: number of fillers between symbol and question, 0 or more.
        num_symbols: how many symbols there are to remember.
        num_fillers: how many different fillers there are, drawn uniformly.
        generator: source of randomness.

    Returns:
        RecallBatch(inputs LongTensor [batch, distance + 2], targets LongTensor [batch]).

    Raises:
        ValueError: an argument is out of range.

    Source: Hochreiter and Schmidhuber 1997, "Long Short-Term Memory", section 5.2 (noise-free and noisy long
    time lags); Arjovsky et al. 2016, "Unitary Evolution Recurrent Neural Networks"; article
    4.1.2.
    """
    _check_positive(batch_size=batch_size, num_symbols=num_symbols, num_fillers=num_fillers)
    if distance < 0:
        raise ValueError(f"distance={distance} must be 0 or more fillers")
    targets = torch.randint(num_symbols, (batch_size,), generator=generator)
    first_filler, ask = num_symbols, num_symbols + num_fillers
    fillers = torch.randint(first_filler, ask, (batch_size, distance), generator=generator)
    question = torch.full((batch_size, 1), ask)
    return RecallBatch(torch.cat([targets[:, None], fillers, question], dim=1), targets)


def _check_positive(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name}={size} must be at least 1")

"""Timing on a machine that others use too: contenders take turns, and only ratios are reported."""

import time
from statistics import median

import torch


def take_turns(contenders: dict, *, rounds: int, warmup: int = 2) -> list[dict[str, float]]:
    """Call every contender once a round and time it.

    Who starts moves on by one each round, so that no contender always follows the same other.

    Args:
        contenders: functions without arguments, by name.
        rounds: how many times each is timed.
        warmup: calls of each before that.

    Returns:
        For each round the seconds of each contender.
    """
    names = list(contenders)
    for _ in range(warmup):
        for name in names:
            contenders[name]()
    timed = []
    for turn in range(rounds):
        seconds = {}
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            contenders[name]()
            seconds[name] = time.perf_counter() - start
        timed.append(seconds)
    return timed


def ratio(timed: list[dict[str, float]], slow: str, fast: str) -> float:
    """Median over the rounds of the seconds of `slow` divided by those of `fast` in the same round."""
    return median(seconds[slow] / seconds[fast] for seconds in timed)


def spread(timed: list[dict[str, float]], slow: str, fast: str) -> str:
    """The ratio with its quartiles, as in `1.52 (1.48 to 1.57)`."""
    ratios = sorted(seconds[slow] / seconds[fast] for seconds in timed)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f})"


def machine() -> str:
    """One line on what the figures were measured on."""
    return (
        f"Measured on {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, "
        f"torch {torch.__version__}, float32. Contenders take turns in one process; each figure is the "
        "median of the ratios within a round, quartiles in brackets. Only ratios mean anything."
    )

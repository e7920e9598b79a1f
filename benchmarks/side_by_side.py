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
    names, clock = list(contenders), _clock()
    for _ in range(warmup):
        for name in names:
            contenders[name]()
    timed = []
    for turn in range(rounds):
        seconds = {}
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = clock()
            contenders[name]()
            seconds[name] = clock() - start
        timed.append(seconds)
    return timed


def _clock():
    """On one thread the CPU's seconds, which neighbours hardly disturb; else seconds on the wall."""
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def spread(timed: list[dict[str, float]], slow: str, fast: str) -> str:
    """Median over the rounds of seconds of `slow` by those of `fast`, as `1.52 (1.48 to 1.57)`: quartiles."""
    ratios = sorted(seconds[slow] / seconds[fast] for seconds in timed)
    low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f})"


def machine() -> str:
    """One line on what the figures were measured on."""
    return (
        f"Measured in {'CPU' if torch.get_num_threads() == 1 else 'wall'} seconds on "
        f"{torch.get_num_threads()} thread(s), {torch.backends.cpu.get_cpu_capability()}, "
        f"torch {torch.__version__}, float32. Contenders take turns in one process; each figure is the "
        "median of the ratios within a round, quartiles in brackets. Only ratios mean anything."
    )

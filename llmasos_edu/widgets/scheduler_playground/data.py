"""What the scheduler playground takes, checked at the door, and the workloads that it draws.

A workload is a list of jobs: `arrival` (time on the kernel's clock), `prompt` (tokens to read), `max_new`
(tokens to say) and `priority` (larger is more urgent), named as in `Kernel.spawn`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmasos_edu.foundation.arguments import check_number, check_whole

POLICIES = {
    "fcfs": "FCFS",
    "sjf": "SJF",
    "round_robin": "round robin",
    "priority": "priority with ageing",
    "mlfq": "MLFQ",
}
ADMISSIONS = ("optimistic", "watermark", "future_peak")
EVICTIONS = ("drop", "swap")
NONE = ""  # no second policy

MAX_JOBS = 60
MAX_TOKENS = 20_000  # of all jobs together
# From the smallest to the largest value of each setting; sliders go as far.
WHOLE = {
    "quantum": (1, 16),
    "slots": (1, 16),
    "num_blocks": (1, 256),
    "block_size": (1, 64),
    "count": (1, MAX_JOBS),
    "chunk": (0, 32),
    "seed": (0, 2**31 - 1),
}
NUMBERS = {"ageing": (0.0, 1.0), "load": (0.1, 3.0), "token_cost": (0.0, 1.0), "copy_cost": (0.0, 4.0)}

_MEAN_STEPS = 10.75  # of a job below: a quarter says 16 to 40 tokens, the rest 2 to 8


def check_setting(name: str, value: Any) -> Any:
    """A setting within its bounds, or an error in words."""
    if name in WHOLE:
        return check_whole(name, value, *WHOLE[name])
    if name in NUMBERS:
        return check_number(name, value, *NUMBERS[name])
    known = {"policy": POLICIES, "beside": (*POLICIES, NONE), "admission": ADMISSIONS, "evict": EVICTIONS}
    if value not in known[name]:
        raise ValueError(f"{name}={value!r} is not one of {', '.join(filter(None, known[name]))}")
    return value


def check_jobs(jobs: Sequence[Mapping[str, float] | Sequence[float]]) -> list[dict[str, float]]:
    """Jobs as dictionaries, or as `(arrival, prompt, max_new)` and perhaps a priority; whole in every way."""
    if isinstance(jobs, str | Mapping):
        raise TypeError(f"jobs is a {type(jobs).__name__}, expected a list of jobs")
    if not 1 <= len(jobs) <= MAX_JOBS:
        raise ValueError(f"{len(jobs)} jobs: give 1 to {MAX_JOBS}")
    checked = [_job(job, f"jobs[{place}]") for place, job in enumerate(jobs)]
    total = sum(job["prompt"] + job["max_new"] for job in checked)
    if total > MAX_TOKENS:
        raise ValueError(f"the jobs have {total:,} tokens together, at most {MAX_TOKENS:,}")
    return checked


def _job(job: Any, what: str) -> dict[str, float]:
    names = ("arrival", "prompt", "max_new", "priority")
    if not isinstance(job, Mapping):
        if isinstance(job, str) or not isinstance(job, Sequence) or not 3 <= len(job) <= 4:
            raise TypeError(f"{what}={job!r}: expected (arrival, prompt, max_new) or with a priority behind")
        job = dict(zip(names, job, strict=False))
    if unknown := [name for name in job if name not in names]:
        raise ValueError(f"{what} has {unknown[0]!r}: a job has {', '.join(names)}")
    if missing := [name for name in names[:3] if name not in job]:
        raise ValueError(f"{what} has no {missing[0]!r}")
    return {
        "arrival": check_whole(f"{what} arrival", job["arrival"], 0, 10**6),
        "prompt": check_whole(f"{what} prompt", job["prompt"], 1, MAX_TOKENS),
        "max_new": check_whole(f"{what} max_new", job["max_new"], 1, MAX_TOKENS),
        "priority": check_number(f"{what} priority", job.get("priority", 0), -1000, 1000),
    }


def least_blocks(jobs: Sequence[Mapping[str, float]], block_size: int) -> int:
    """Blocks for the smallest of the jobs: with fewer, nobody could run."""
    return min(-(-(job["prompt"] + job["max_new"] - 1) // block_size) for job in jobs)


def chances(seed: int) -> Callable[[int], int]:
    """Whole numbers by chance: `below(n)` draws one of 0 to n - 1; in the browser they are the same.

    Source: Marsaglia 2003, "Xorshift RNGs".
    """
    mask = 2**32 - 1
    state = ((seed + 1) * 0x9E3779B1) & mask or 1

    def draw() -> int:
        nonlocal state
        state ^= (state << 13) & mask
        state ^= state >> 17
        state ^= (state << 5) & mask
        return state

    for _ in range(8):  # seeds that are near begin alike
        draw()
    return lambda below: draw() * below >> 32


def draw_jobs(seed: int, count: int, load: float, slots: int) -> list[dict[str, int]]:
    """Jobs by chance, as the browser draws them. A load of 1 brings as much work as the slots can do."""
    below = chances(seed)
    gap = math.floor(16 * _MEAN_STEPS / (slots * load) + 0.5)  # mean time between arrivals, in sixteenths
    jobs, sixteenths = [], 0
    for place in range(count):
        sixteenths += below(2 * gap + 1) if place else 0
        long = below(4) == 0
        prompt = 1 + below(12)
        new = 16 + below(25) if long else 2 + below(7)
        jobs.append({"arrival": sixteenths // 16, "prompt": prompt, "max_new": new, "priority": below(4)})
    return jobs

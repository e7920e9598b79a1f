"""Small runs of the book's kernel with everything that its explorers can show."""

from __future__ import annotations

import json
from functools import cache

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import POLICIES


@cache
def _crowded(policy: str, evict: str) -> str:
    kernel = Kernel(
        IntegerDriver(), num_blocks=14, block_size=4, slots=3, policy=POLICIES[policy](), evict=evict,
        trace="memory",
    )  # fmt: skip
    for pid in range(7):
        kernel.spawn(
            [*range(8), *[pid] * (pid % 4 + 1)],
            6 + 5 * (pid % 3),
            arrival=pid,
            user=("<i>ada", "bob")[pid % 2],
        )
    kernel.run(max_steps=5)
    kernel.fork(kernel.processes[1], [9])
    kernel.run()
    return kernel.trace.to_json()


def crowded(policy: str = "round_robin", evict: str = "swap", words=None) -> dict:
    """Seven processes and a fork in memory too small for them: shared, swapped, known and free blocks."""
    trace = json.loads(_crowded(policy, evict))
    for process in trace["procs"] if words else ():
        process["user"] = words(process["user"])
    return trace


def step_with(trace: dict, *names: str) -> int:
    """The first step after which the memory holds everything that is named: shared, swapped, known, free."""
    for at, step in enumerate(trace["steps"]):
        held = [block for each in step["tables"].values() for block in each["table"]]
        there = {
            "shared": len(held) > len(set(held)),
            "swapped": bool(step["swapped"]),
            "known": bool(step["cached"]),
            "free": len(set(held)) + len(step["cached"]) < trace["meta"]["num_blocks"],
        }
        if all(there[name] for name in names):
            return at
    raise LookupError(f"no step has {names}")

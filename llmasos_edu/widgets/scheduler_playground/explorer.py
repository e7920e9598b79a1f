"""The kernel's scheduler to be turned at: policy, quantum, slots, load, memory.

Section 2.3 (scheduling, admission and eviction).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.scheduler_playground import data
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error

_SETTINGS = ("policy", "beside", "admission", "evict", *data.WHOLE, *data.NUMBERS)


class SchedulerPlayground(Explorer):
    """Jobs that share slots and memory; every turn of a knob runs the kernel's rules anew, in the browser.

    The rules are those of `Kernel`: a policy is a sort key, the first `slots` in rank run, who is ranked
    below is evicted when blocks run out, and admission decides who may begin. Without a prefix cache, forks
    and calls the memory is a count of blocks. The same workload in the kernel itself gives the same steps.

    Args:
        jobs: up to 60 jobs, each `(arrival, prompt, max_new)`, perhaps with a priority, or a dictionary with
            these names; drawn by chance, with the load that is asked for, unless given.
        policy: `fcfs`, `sjf`, `round_robin`, `priority` or `mlfq`.
        beside: the policy below it on the same time axis, or the empty string.
        quantum: steps of a turn under round robin; of the first queue under MLFQ (then 2, 4, 8 times it).
        ageing: what each unit of waiting adds to a priority.
        slots: rows of a batch, 1 to 16.
        load: of drawn jobs: 1 brings as much work as the slots can do, 0.1 to 3.
        num_blocks: of memory, 1 to 256.
        block_size: tokens in a block.
        count: drawn jobs.
        admission: `optimistic`, `watermark` (a tenth stays free) or `future_peak`.
        evict: `drop` (and compute again) or `swap`.
        chunk: a prompt is read in pieces of so many tokens; 0: at once.
        token_cost, copy_cost: what a token read and a block copied add to a step, which takes 1 itself.
        seed: of the drawn jobs.

    Raises:
        ValueError, TypeError: with the name and the value, in words; also where the memory is too small for
            every job.

    Source: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapters 7 and 8; article 2.3.
    """

    page_title = "Scheduler playground"
    _esm = script(
        "shared/owners.js",
        "shared/slots.js",
        "shared/timeline.js",
        "scheduler_playground/policies.js",
        "scheduler_playground/kernel.js",
        "scheduler_playground/explorer.js",
    )
    _css = style("scheduler_playground/style.css")

    jobs = t.List(help="given ones; empty: drawn by chance").tag(sync=True)
    policy = t.Unicode().tag(sync=True)
    beside = t.Unicode(help="the second policy, or nothing").tag(sync=True)
    admission = t.Unicode().tag(sync=True)
    evict = t.Unicode().tag(sync=True)
    quantum = t.Int().tag(sync=True)
    ageing = t.Float().tag(sync=True)
    slots = t.Int().tag(sync=True)
    load = t.Float().tag(sync=True)
    num_blocks = t.Int().tag(sync=True)
    block_size = t.Int().tag(sync=True)
    count = t.Int().tag(sync=True)
    chunk = t.Int(help="0: prompts are read at once").tag(sync=True)
    token_cost = t.Float().tag(sync=True)
    copy_cost = t.Float().tag(sync=True)
    seed = t.Int().tag(sync=True)
    step = t.Int(0, help="of the policy in whose slots the cursor stands").tag(sync=True)
    lane = t.Int(0, help="the cursor's slot, counted through both policies").tag(sync=True)

    def __init__(
        self, jobs: Sequence[Mapping[str, float] | Sequence[float]] | None = None, *, policy: str = "fcfs",
        beside: str = "round_robin", quantum: int = 2, ageing: float = 0.05, slots: int = 4,
        load: float = 1.1, num_blocks: int = 20, block_size: int = 4, count: int = 20,
        admission: str = "optimistic", evict: str = "drop", chunk: int = 0, token_cost: float = 0.0,
        copy_cost: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        given: dict[str, Any] = locals()
        settings = {name: data.check_setting(name, given[name]) for name in _SETTINGS}
        if policy == beside:
            settings["beside"] = data.NONE
        jobs = [] if jobs is None else data.check_jobs(jobs)
        workload = jobs or data.draw_jobs(seed, count, load, slots)
        least = data.least_blocks(workload, block_size)
        if num_blocks < least:
            raise ValueError(f"num_blocks={num_blocks} is too few: the smallest job needs {least}")
        super().__init__(jobs=jobs, **settings)

    @t.validate(*_SETTINGS, "step", "lane")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name in ("step", "lane"):
                return check_whole(name, value, 0, 10**6)
            return data.check_setting(name, value)

    def workload(self) -> list[dict[str, float]]:
        """The jobs on show, a dictionary each: `arrival`, `prompt` (tokens), `max_new`, `priority`.

        In the kernel: `kernel.spawn([0] * job["prompt"], job["max_new"], arrival=job["arrival"],
        priority=job["priority"])` for each, with `prefix_cache=False`.
        """
        return list(self.jobs) or data.draw_jobs(self.seed, self.count, self.load, self.slots)

    def contents(self) -> str:
        names = " above ".join(data.POLICIES[name] for name in (self.policy, self.beside) if name)
        memory = f"{self.num_blocks} blocks of {self.block_size} tokens"
        return f"{names}, {len(self.workload())} jobs on {self.slots} slots, {memory}"

"""A kernel's memory: its blocks coloured by owner, a process's block table, step by step.

Section 2.3 (paged memory for keys and values).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error
from llmasos_edu.widgets.shared.trace import check_trace

NOBODY = -1


class MemoryMapExplorer(Explorer):
    """Every block of a kernel's memory after each step: whose it is, how full, shared, swapped, known.

    A click on a block or on a process shows the process's block table: which physical block holds which of
    its slots, and who holds it too.

    Args:
        trace: `Kernel(..., trace="memory").trace.as_dict()`, or the same read from JSON; at most 2,000
            steps, 4,096 blocks and 500 processes.
        step: shown first, counted from 0; the last one if negative.
        process: pid of the process whose table is shown first; none unless given.

    Raises:
        ValueError, TypeError: a trace without block tables, or one that no kernel wrote, with the place and
            the value.

    Source: Kwon et al. 2023 (PagedAttention), sections 4.2 to 4.5; article 2.3.
    """

    page_title = "Memory map"
    _esm = script("shared/owners.js", "shared/blocks.js", "memory_map/explorer.js")
    _css = style("memory_map/style.css")

    trace = t.Dict(help="meta, steps and procs, cut to what is shown").tag(sync=True)
    step = t.Int(0, help="after which the memory is shown").tag(sync=True)
    block = t.Int(0, help="the block under the cursor").tag(sync=True)
    process = t.Int(NOBODY, help="pid whose block table is shown, or -1").tag(sync=True)

    def __init__(self, trace: Mapping[str, Any], *, step: int = 0, process: int | None = None) -> None:
        trace = check_trace(trace, memory=True)
        count = len(trace["steps"])
        step = check_whole("step", step, -count, count - 1) % count
        process = NOBODY if process is None else process
        _check_process(process, trace)
        super().__init__(trace=trace, step=step, process=process)

    @t.validate("step", "block", "process")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "process":
                _check_process(value, self.trace)
            else:
                count = len(self.trace["steps"]) if name == "step" else self.trace["meta"]["num_blocks"]
                check_whole(name, value, 0, count - 1)
        return value

    def contents(self) -> str:
        meta = self.trace["meta"]
        blocks = f"{meta['num_blocks']} blocks of {meta['block_size']} tokens"
        return f"{blocks}, {len(self.trace['procs'])} processes, {len(self.trace['steps'])} steps"


def _check_process(process: int, trace: Mapping) -> None:
    pids = {each["pid"] for each in trace["procs"]}
    if process not in pids | {NOBODY}:
        raise ValueError(f"process={process} is none of the trace's: {', '.join(map(str, sorted(pids)))}")

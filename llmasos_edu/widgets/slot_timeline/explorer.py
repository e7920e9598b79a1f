"""The slots of a kernel's batch over time, one policy or two above one another.

Section 2.3 (scheduling and continuous batching).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets as t

from llmasos_edu.foundation.arguments import check_names, check_whole
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error
from llmasos_edu.widgets.shared.trace import check_trace, policy_names


class SlotTimelineExplorer(Explorer):
    """Who stood in which slot of the batch, step by step, with the memory in use below (a Gantt chart).

    A process keeps its slot as long as it stays in the batch. Two traces share one time axis. Of each the
    explorer tells the mean turnaround (end less arrival), the mean and the longest response (first token
    less arrival), steps, the share of slots in use, and evictions.

    Args:
        trace: `kernel.trace.as_dict()`, or the same read from JSON; at most 2,000 steps, 32 slots and 500
            processes.
        other: a second one, of another policy say, shown below the first.
        names: what the traces are called, as many as there are; their policies unless given.
        step: shown first, counted from 0; negative: from the end of the first trace.

    Raises:
        ValueError, TypeError: a trace that no kernel wrote, names that do not fit, with the place and the
            value.

    Source: Yu et al. 2022 (Orca), section 3 (iteration-level scheduling); article 2.3.
    """

    page_title = "Slot timeline"
    _esm = script("shared/owners.js", "shared/slots.js", "shared/timeline.js", "slot_timeline/explorer.js")
    _css = style()

    trace = t.Dict(help="meta, steps and procs, cut to what is shown").tag(sync=True)
    other = t.Dict(help="the second trace, or empty").tag(sync=True)
    names = t.List(t.Unicode()).tag(sync=True)
    step = t.Int(0, help="of the trace in which the cursor's slot lies").tag(sync=True)
    lane = t.Int(0, help="the cursor's slot, counted through both traces").tag(sync=True)

    def __init__(
        self, trace: Mapping[str, Any], other: Mapping[str, Any] | None = None, *,
        names: Sequence[str] | None = None, step: int = 0,
    ) -> None:  # fmt: skip
        traces = [check_trace(trace)] + ([] if other is None else [check_trace(other, "other")])
        count = len(traces[0]["steps"])
        super().__init__(
            trace=traces[0],
            other=traces[1] if other is not None else {},
            names=policy_names(traces)
            if names is None
            else check_names(names, "names", len(traces), len(traces)),
            step=check_whole("step", step, -count, count - 1) % count,
        )

    @t.validate("step", "lane")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        traces = [each for each in (self.trace, self.other) if each]
        most = max(len(each["steps"]) for each in traces)
        if name == "lane":
            most = sum(each["meta"]["slots"] for each in traces)
        with told_as_trait_error():
            return check_whole(name, value, 0, most - 1)

    def contents(self) -> str:
        traces = [each for each in (self.trace, self.other) if each]
        counts = [(len(each["procs"]), len(each["steps"]), each["meta"]["slots"]) for each in traces]
        return "; ".join(
            f"{name}: {procs} processes in {steps} steps on {slots} slots"
            for name, (procs, steps, slots) in zip(self.names, counts, strict=True)
        )

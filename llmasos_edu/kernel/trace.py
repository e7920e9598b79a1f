"""What happened, as one JSON object: for figures, explorers and the page (chapter 2.3).

`{"meta": settings, "steps": [...], "procs": [...]}`. The same workload gives the same bytes on every machine.
"""

import json
from collections.abc import Sequence


class Trace:
    """Records a kernel's steps.

    Args:
        kernel: whose.
        enabled: False keeps nothing, as a long-running server wants.
        memory: also record the memory after each step: every block table, how many blocks of whom are swapped
            out, which free blocks hold known contents, and the state of all who live.
    """

    def __init__(self, kernel, *, enabled: bool = True, memory: bool = False):
        self.kernel, self.enabled, self.memory = kernel, enabled, memory
        self.steps: list[dict] = []
        self.events: list[list] = []  # since the last step

    def event(self, kind: str, pid: int, detail: int | str | None = None) -> None:
        """Note that something happened to a process; it belongs to the step that is recorded next."""
        if self.enabled:
            self.events.append([kind, pid] if detail is None else [kind, pid, detail])

    def step(self, began: float, rows: Sequence, said: Sequence[list[int]], copied: int) -> None:
        """Note a step: who read how many tokens, who said what, what was copied and is free now."""
        if not self.enabled:
            return
        batch = [
            {"pid": row.process.pid, "read": len(row.tokens), "guesses": row.guesses, "said": tokens}
            for row, tokens in zip(rows, said, strict=True)
        ]
        record = {
            "time": began,
            "end": self.kernel.now,
            "batch": batch,
            "copied": copied,
            "free": len(self.kernel.pool.free),
            "events": self.events,
        }
        if self.memory:
            record |= self._memory()
        self.steps.append(record)
        self.events = []

    def _memory(self) -> dict:
        """Who holds what, told by pid; pids are texts, as in all JSON."""
        kernel, pool = self.kernel, self.kernel.pool
        living = {str(pid): each for pid, each in kernel.processes.items() if not each.ended}
        return {
            "tables": {
                pid: {"table": list(each.space.table), "slots": each.space.length}
                for pid, each in living.items()
                if each.space.table
            },
            "swapped": {pid: each.space.swapped for pid, each in living.items() if each.space.swapped},
            "cached": sorted(block for block in pool.free if pool.blocks[block].key is not None),
            "states": {pid: each.state.value for pid, each in living.items() if each.arrival <= kernel.now},
        }

    def as_dict(self) -> dict:
        """The whole trace in JSON's types; events after the last step stand under `rest`."""
        kernel = self.kernel
        meta = {
            "driver": type(kernel.driver).__name__,
            "num_blocks": len(kernel.pool.blocks),
            "block_size": kernel.pool.block_size,
            "slots": kernel.slots,
            "policy": _described(kernel.policy),
            "admission": _described(kernel.admission),
            "cost": vars(kernel.cost),
            "evict": kernel.evict_by,
            "prefix_cache": kernel.pool.prefix_cache,
            "salted": kernel.salted,
            "chunk": kernel.chunk,
            "window": kernel.driver.window,
            "speculative": kernel.draft is not None,
        }
        processes = [process.summary() for process in kernel.processes.values()]
        return {"meta": meta, "steps": self.steps, "rest": self.events, "procs": processes}

    def to_json(self) -> str:
        """The same as one line of JSON with sorted names."""
        return json.dumps(self.as_dict(), sort_keys=True)


def _described(thing) -> dict:
    settings = {
        name: value for name, value in getattr(thing, "__dict__", {}).items() if not name.startswith("_")
    }
    return {"name": type(thing).__name__} | {name: _plain(value) for name, value in settings.items()}


def _plain(value: object) -> object:
    """A setting in JSON's types; what has none there, infinity or a function, as Python writes it."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return repr(value)

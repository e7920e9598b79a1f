"""A kernel's trace, as its explorers take it: a plain dictionary, checked at the door, cut to what is shown.

`{"meta": settings, "steps": [...], "procs": [...]}`, as `Kernel(...).trace.as_dict()` gives it, or as it was
read from JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmasos_edu.foundation.arguments import check_number, check_whole

MAX_STEPS = 2000
MAX_SLOTS = 32
MAX_BLOCKS = 4096
MAX_PROCESSES = 500
MAX_HOLDS = 500_000  # entries in all block tables together
LATEST = 1e12  # on the clock

_POLICIES = {
    "FirstComeFirstServed": "FCFS",
    "ShortestJobFirst": "SJF",
    "RoundRobin": "round robin",
    "PriorityWithAgeing": "priority with ageing",
    "MultiLevelFeedbackQueue": "MLFQ",
}
_TIMES = ("arrival", "first_token", "finished")
_COUNTS = ("prompt", "computed", "reused", "evictions")


def check_trace(trace: Any, what: str = "trace", *, memory: bool = False) -> dict[str, Any]:
    """The trace, cut to what explorers show.

    Args:
        trace: as `Trace.as_dict()` gives it.
        what: its name in errors.
        memory: whether every step must tell of the memory.

    Raises:
        TypeError, ValueError: with the place and the value, in words.
    """
    if not isinstance(trace, Mapping):
        hint = f": give {what}.as_dict()" if hasattr(trace, "as_dict") else ""
        raise TypeError(f"{what} is a {type(trace).__name__}, expected a dictionary{hint}")
    for name in ("meta", "steps", "procs"):
        if name not in trace:
            raise ValueError(f"{what} has no {name!r}: expected what a kernel's trace.as_dict() gives")
    if not trace["steps"]:
        raise ValueError(f"{what} has no steps: run the kernel first, with its trace switched on")
    for name, most in (("steps", MAX_STEPS), ("procs", MAX_PROCESSES)):
        if len(trace[name]) > most:
            raise ValueError(
                f"{what} has {len(trace[name]):,} {name}, at most {most:,} can be shown: cut it, or run less"
            )
    meta = _meta(trace["meta"], what)
    procs = [_process(each, f"{what}['procs'][{place}]") for place, each in enumerate(trace["procs"])]
    pids = {each["pid"] for each in procs}
    steps, before = [], 0.0
    for place, step in enumerate(trace["steps"]):
        where = f"{what}['steps'][{place}]"
        steps.append(_step(step, where, meta, pids, before))
        if memory:
            steps[-1] |= _memory(step, where, meta, pids)
        before = steps[-1]["end"]
    holds = sum(len(table["table"]) for step in steps for table in step.get("tables", {}).values())
    if holds > MAX_HOLDS:
        raise ValueError(f"{what}'s block tables have {holds:,} entries, at most {MAX_HOLDS:,}: run less")
    return {"meta": meta, "steps": steps, "procs": procs}


def _field(holder: Any, name: str, what: str) -> Any:
    if not isinstance(holder, Mapping):
        raise TypeError(f"{what} is {holder!r}, expected a dictionary")
    if name not in holder:
        raise ValueError(f"{what} has no {name!r}")
    return holder[name]


def _meta(meta: Any, what: str) -> dict[str, Any]:
    what = f"{what}['meta']"
    limits = {"num_blocks": MAX_BLOCKS, "block_size": 10**6, "slots": MAX_SLOTS}
    checked = {
        name: check_whole(f"{what}[{name!r}]", _field(meta, name, what), 1, most)
        for name, most in limits.items()
    }
    policy = meta.get("policy")
    name = policy.get("name") if isinstance(policy, Mapping) else policy
    return checked | {"policy": str(name or "")}


def _process(process: Any, what: str) -> dict[str, Any]:
    checked: dict[str, Any] = {"pid": check_whole(f"{what}['pid']", _field(process, "pid", what), 0, 10**9)}
    for name in _TIMES:
        time = process.get(name)
        checked[name] = None if time is None else check_number(f"{what}[{name!r}]", time, 0, LATEST)
    for name in _COUNTS:
        checked[name] = check_whole(f"{what}[{name!r}]", process.get(name, 0), 0, 10**12)
    said = process.get("said", process.get("output", ()))
    return checked | {
        "said": said if isinstance(said, int) else len(said),
        "user": str(process.get("user", "")),
        "state": str(process.get("state", "")),
        "parent": process.get("parent"),
    }


def _step(step: Any, what: str, meta: Mapping, pids: set[int], before: float) -> dict[str, Any]:
    began = check_number(f"{what}['time']", _field(step, "time", what), 0, LATEST)
    end = check_number(f"{what}['end']", _field(step, "end", what), 0, LATEST)
    if not before <= began < end:
        raise ValueError(f"{what} lasts from {began:g} to {end:g}, the step before it ended at {before:g}")
    rows = [_row(row, f"{what}['batch'][{at}]", pids) for at, row in enumerate(_field(step, "batch", what))]
    if len(rows) > meta["slots"]:
        raise ValueError(f"{what} has {len(rows)} rows for {meta['slots']} slots")
    if len({row["pid"] for row in rows}) < len(rows):
        raise ValueError(f"{what} has a process in two rows: {[row['pid'] for row in rows]}")
    free = check_whole(f"{what}['free']", step.get("free", 0), 0, meta["num_blocks"])
    return {"time": began, "end": end, "batch": rows, "free": free, "copied": step.get("copied", 0)} | {
        "events": [list(event) for event in step.get("events", ())]
    }


def _row(row: Any, what: str, pids: set[int]) -> dict[str, int]:
    pid = _field(row, "pid", what)
    if pid not in pids:
        raise ValueError(f"{what} is of process {pid!r}, of which 'procs' says nothing")
    said = row.get("said", 0)
    said = said if isinstance(said, int) else len(said)
    read = check_whole(f"{what}['read']", row.get("read", 1), 1, 10**9)
    return {"pid": pid, "read": read, "guesses": int(row.get("guesses", 0)), "said": said}


def _memory(step: Mapping, what: str, meta: Mapping, pids: set[int]) -> dict[str, Any]:
    if "tables" not in step:
        raise ValueError(f'{what} tells nothing of the memory: make the kernel with trace="memory"')
    tables = {}
    for pid, held in step["tables"].items():
        where = f"{what}['tables'][{pid!r}]"
        if not str(pid).isdigit() or int(pid) not in pids:
            raise ValueError(f"{where} is of a process of which 'procs' says nothing")
        table = [
            check_whole(f"{where}['table'][{at}]", block, -1, meta["num_blocks"] - 1)
            for at, block in enumerate(_field(held, "table", where))
        ]
        most = len(table) * meta["block_size"]
        tables[str(pid)] = {
            "table": table,
            "slots": check_whole(f"{where}['slots']", _field(held, "slots", where), 0, most),
        }
    return {
        "tables": tables,
        "swapped": {str(pid): count for pid, count in step.get("swapped", {}).items()},
        "cached": list(step.get("cached", ())),
        "states": {str(pid): str(state) for pid, state in step.get("states", {}).items()},
    }


def lanes_of(steps: Sequence[Mapping], slots: int) -> list[list[int | None]]:
    """Which process stands in which slot, a list a step: who goes on keeps it, newcomers take the lowest.

    The kernel's batch is a list in the order of rank; in a picture a process should not jump from line to
    line because another one's rank has changed.
    """
    lanes, before = [], [None] * slots
    for step in steps:
        pids = [row["pid"] for row in step["batch"]]
        lane = [pid if pid in pids else None for pid in before]
        for pid in pids:
            if pid not in lane:
                lane[lane.index(None)] = pid
        lanes.append(lane)
        before = lane
    return lanes


def policy_names(traces: Sequence[Mapping]) -> list[str]:
    """What the traces' policies are called; numbered where there is nothing to tell them apart."""
    found = [_POLICIES.get(each["meta"]["policy"], each["meta"]["policy"]) or "trace" for each in traces]
    return found if len(set(found)) == len(found) else [f"{name}, {i}" for i, name in enumerate(found, 1)]

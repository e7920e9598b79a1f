"""The trace: the one form that figures, explorers and the control room read."""

import json
import math

from llmasos_edu.kernel.drivers import IntegerDriver, IntegerModel
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import RoundRobin
from llmasos_edu.kernel.trace import Trace


def kernel_with(**options):
    return Kernel(IntegerDriver(IntegerModel(9, window=6)), num_blocks=12, block_size=2, slots=2, **options)


def ran(**options):
    kernel = kernel_with(**options)
    first, second = kernel.spawn([1, 2, 3], 3), kernel.spawn([4], 2, seed=1)
    kernel.run()
    return kernel, first, second


def test_the_settings_stand_at_the_top_under_their_names():
    kernel = kernel_with(policy=RoundRobin(3), chunk=4, prefix_cache=False, salted=False, evict="swap")
    meta = kernel.trace.as_dict()["meta"]
    assert set(meta) == {
        "driver", "num_blocks", "block_size", "slots", "policy", "admission", "cost", "evict",
        "prefix_cache", "salted", "chunk", "window", "speculative",
    }  # fmt: skip
    assert (meta["driver"], meta["num_blocks"], meta["block_size"], meta["slots"]) == (
        "IntegerDriver", 12, 2, 2,
    )  # fmt: skip
    assert (meta["evict"], meta["prefix_cache"], meta["salted"], meta["chunk"]) == ("swap", False, False, 4)
    assert (meta["window"], meta["speculative"]) == (6, False)
    assert meta["policy"]["name"] == "RoundRobin"
    assert 3 in meta["policy"].values()
    assert meta["admission"] == {"name": "Optimistic"}
    assert kernel_with(draft=lambda text: []).trace.as_dict()["meta"]["speculative"] is True


def test_a_step_says_who_read_how_much_and_said_what():
    kernel, first, second = ran()
    steps = kernel.trace.as_dict()["steps"]
    assert set(steps[0]) == {"time", "end", "batch", "copied", "free", "events"}
    assert steps[0]["batch"] == [
        {"pid": first.pid, "read": 3, "guesses": 0, "said": first.output[:1]},
        {"pid": second.pid, "read": 1, "guesses": 0, "said": second.output[:1]},
    ]
    said = {first.pid: [], second.pid: []}
    for step in steps:
        for part in step["batch"]:
            said[part["pid"]] += part["said"]
    assert said == {first.pid: first.output, second.pid: second.output}
    assert [step["time"] for step in steps[1:]] == [step["end"] for step in steps[:-1]]
    assert steps[-1]["free"] == 12


def test_memory_is_told_only_where_it_is_asked_for():
    kernel, first, _ = ran(trace="memory")
    step = kernel.trace.as_dict()["steps"][0]
    assert step["tables"][str(first.pid)]["slots"] == 3
    assert set(step["states"]) == {"0", "1"}
    assert step["swapped"] == {}
    plain, _, _ = ran()
    assert "tables" not in plain.trace.as_dict()["steps"][0]
    assert Trace(plain).enabled
    assert not Trace(plain).memory


def test_a_trace_that_is_off_keeps_nothing():
    kernel, _, _ = ran(trace=False)
    found = kernel.trace.as_dict()
    assert (found["steps"], found["rest"]) == ([], [])
    assert len(found["procs"]) == 2


def test_what_happens_after_the_last_step_is_not_lost():
    kernel, _, _ = ran()
    waits = kernel.spawn([1], 5)
    kernel.kill(waits, "nobody wants it")
    found = kernel.trace.as_dict()
    assert found["rest"][-1] == ["killed", waits.pid]
    assert "nobody wants it" in found["procs"][-1].values()


class Odd:
    """A policy whose settings JSON does not know."""

    def __init__(self):
        self.limit, self.judge, self.known, self._own = math.inf, len, [1, {"a": None}], 3

    def key(self, process, now):
        return process.pid

    def quantum(self, process):
        return None


def test_settings_that_json_does_not_know_are_written_as_python_writes_them():
    kernel = kernel_with()
    kernel.policy = Odd()
    policy = kernel.trace.as_dict()["meta"]["policy"]
    assert policy == {"name": "Odd", "limit": "inf", "judge": repr(len), "known": [1, {"a": None}]}


def test_the_text_is_json_with_sorted_names():
    kernel, _, _ = ran(trace="memory")
    text = kernel.trace.to_json()
    assert json.loads(text) == json.loads(json.dumps(kernel.trace.as_dict()))
    assert text == json.dumps(json.loads(text), sort_keys=True)
    assert "\n" not in text

"""A kernel's trace at the explorers' door: what is taken, what is refused, who stands in which slot."""

import copy
import json

import pytest
from kernel_traces import crowded

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.widgets.shared.trace import check_trace, lanes_of


def test_a_trace_is_cut_to_what_is_shown_and_is_json():
    given = crowded()
    before = copy.deepcopy(given)
    trace = check_trace(given, memory=True)
    assert given == before
    assert json.loads(json.dumps(trace)) == trace
    assert trace["meta"] == {"num_blocks": 14, "block_size": 4, "slots": 3, "policy": "RoundRobin"}
    assert [step["tables"] for step in trace["steps"]] == [step["tables"] for step in given["steps"]]
    for short, whole in zip(trace["steps"], given["steps"], strict=True):
        assert [row["said"] for row in short["batch"]] == [len(row["said"]) for row in whole["batch"]]
        assert short["events"] == whole["events"]
    for short, whole in zip(trace["procs"], given["procs"], strict=True):
        assert short["said"] == len(whole["output"])
        assert [short[name] for name in ("pid", "finished", "evictions")] == [
            whole[name] for name in ("pid", "finished", "evictions")
        ]
    assert "tables" not in check_trace(given)["steps"][0]
    assert check_trace(trace, memory=True) == trace, "what was cut can be cut again"


def test_a_policy_s_name_may_be_a_word_or_missing():
    given = crowded()
    given["meta"]["policy"] = "mine"
    assert check_trace(given)["meta"]["policy"] == "mine"
    del given["meta"]["policy"]
    assert check_trace(given)["meta"]["policy"] == ""


def changed(change):
    trace = crowded()
    change(trace)
    return trace


BAD = {
    "has no 'procs'": lambda trace: trace.pop("procs"),
    "has no steps: run the kernel first": lambda trace: trace["steps"].clear(),
    r"has 2,001 steps, at most 2,000": lambda trace: (
        trace["steps"].extend([trace["steps"][0]] * 2001) or trace["steps"].__delitem__(slice(2001, None))
    ),
    r"trace\['meta'\] has no 'slots'": lambda trace: trace["meta"].pop("slots"),
    r"trace\['meta'\]\['num_blocks'\]=5000 is out of range: 1 to 4096": lambda trace: trace["meta"].update(
        num_blocks=5000
    ),
    r"trace\['steps'\]\[3\] lasts from 3 to 2": lambda trace: trace["steps"][3].update(end=2),
    r"trace\['steps'\]\[4\] lasts from 1 to 5, the step before it ended at 4": lambda trace: trace["steps"][
        4
    ].update(time=1),
    r"trace\['steps'\]\[5\]\['time'\]=nan is out of range": lambda trace: trace["steps"][5].update(
        time=float("nan")
    ),
    r"is of process 99, of which 'procs' says nothing": lambda trace: trace["steps"][0]["batch"][0].update(
        pid=99
    ),
    r"\['read'\]=0 is out of range": lambda trace: trace["steps"][0]["batch"][0].update(read=0),
    r"has a process in two rows: \[0, 0\]": lambda trace: trace["steps"][0].update(
        batch=[trace["steps"][0]["batch"][0]] * 2
    ),
    r"has 4 rows for 3 slots": lambda trace: trace["steps"][6].update(
        batch=[{"pid": pid, "read": 1} for pid in range(4)]
    ),
    r'tells nothing of the memory: make the kernel with trace="memory"': lambda trace: trace["steps"][2].pop(
        "tables"
    ),
    r"\['tables'\]\['x'\] is of a process of which": lambda trace: trace["steps"][2]["tables"].update(x={}),
    r"\['table'\]\[0\]=14 is out of range: -1 to 13": lambda trace: trace["steps"][0]["tables"]["0"].update(
        table=[14, 1, 2]
    ),
    r"\['slots'\]=13 is out of range: 0 to 12": lambda trace: trace["steps"][0]["tables"]["0"].update(
        slots=13
    ),
    r"\['finished'\]=-1 is out of range": lambda trace: trace["procs"][0].update(finished=-1),
}


@pytest.mark.parametrize("words", BAD)
def test_a_trace_that_no_kernel_wrote_is_refused_in_words(words):
    with pytest.raises(ValueError, match=words):
        check_trace(changed(BAD[words]), memory=True)


def test_what_is_no_dictionary_is_told_what_to_give():
    kernel = Kernel(IntegerDriver(), num_blocks=4)
    with pytest.raises(TypeError, match=r"trace is a Trace, expected a dictionary: give trace.as_dict\(\)"):
        check_trace(kernel.trace)
    with pytest.raises(TypeError, match=r"other is a list, expected a dictionary$"):
        check_trace([], "other")
    with pytest.raises(TypeError, match=r"trace\['procs'\]\[0\] is 3, expected a dictionary"):
        check_trace(crowded() | {"procs": [3]})


def batches(*steps):
    return [{"batch": [{"pid": pid} for pid in pids]} for pids in steps]


def test_who_goes_on_keeps_its_slot_and_newcomers_take_the_lowest_free():
    assert lanes_of(batches([4, 7], [7, 4], [7, 9], [9], [2, 9, 4], []), 3) == [
        [4, 7, None], [4, 7, None], [9, 7, None], [9, None, None], [9, 2, 4], [None, None, None],
    ]  # fmt: skip


@pytest.mark.parametrize("policy", ["fcfs", "round_robin"])
def test_every_process_of_a_batch_has_one_slot(policy):
    trace = crowded(policy)
    for lane, step in zip(lanes_of(trace["steps"], 3), trace["steps"], strict=True):
        assert sorted(pid for pid in lane if pid is not None) == sorted(row["pid"] for row in step["batch"])
        assert len(lane) == 3

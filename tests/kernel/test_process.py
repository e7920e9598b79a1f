"""A process from its arrival to its end: when it runs, why it ends, and what it needs to be let in."""

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import State, check_wishes


def make(**options):
    return Kernel(IntegerDriver(), **{"num_blocks": 8, "block_size": 4, "slots": 2} | options)


def test_a_process_says_why_it_ended():
    kernel = make()
    whole = kernel.spawn([1, 2], 3)
    kernel.run()
    stopped = kernel.spawn([1, 2], 3, stop=[whole.output[1]])
    kernel.run()
    assert (whole.state, whole.reason) == (State.DONE, "window")
    assert (stopped.state, stopped.reason) == (State.DONE, "stop")
    assert stopped.output == whole.output[:2]


def test_a_text_may_fill_the_model_s_positions_and_not_one_more():
    kernel = make()
    kernel.driver.positions = 6
    assert [kernel.spawn([1] * 4, new).reason for new in (3, 4)] == ["", "needs 7 positions, the model has 6"]


@pytest.mark.parametrize("name", ["policy", "admission", "cost", "syscalls"])
def test_a_part_that_lacks_a_method_is_named(name):
    with pytest.raises(TypeError, match=name):
        make(**{name: object()})


def test_with_nobody_to_run_the_clock_goes_to_the_next_arrival_and_no_further():
    kernel = make()
    kernel.spawn([1], 1, arrival=5.0)
    kernel.spawn([1], 1, arrival=2.0)
    kernel.spawn([1], 1, arrival=9.0)
    seen = [kernel.now] + [kernel.now for _ in iter(kernel.step, False)]
    assert seen == [0.0, 2.0, 3.0, 5.0, 6.0, 9.0, 10.0]


def test_a_summary_tells_all_of_a_life():
    kernel = make(slots=1)
    mother = kernel.spawn([3, 1], 2, user="Ada", priority=2.5)
    kernel.spawn([4], 1, arrival=1.0)
    kernel.run()
    told = {name: value for name, value in mother.summary().items() if name != "output"}
    assert told == {
        "pid": 0, "parent": None, "user": "Ada", "state": "done", "reason": "window", "priority": 2.5,
        "arrival": 0.0, "first_token": 1.0, "finished": 2.0, "prompt": 2, "computed": 3, "reused": 0,
        "evictions": 0, "calls": 0,
    }  # fmt: skip
    assert mother.summary()["output"] == mother.tokens[2:]
    assert len(mother.tokens) == 4
    assert mother.remaining == 0
    assert kernel.processes[1].summary()["arrival"] == 1.0


WISH = {"user": "Ada", "capabilities": ["read"], "seed": 0, "priority": 0.0}


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"user": 3}, TypeError, "user=3 must be a text"),
        ({"user": chr(0xD800)}, ValueError, "half of a character"),
        ({"user": chr(0xDFFF)}, ValueError, "half of a character"),
        ({"capabilities": "read"}, TypeError, "give the names in a list"),
        ({"seed": 2**64}, ValueError, f"^seed={2**64} "),
        ({"seed": -(2**63) - 1}, ValueError, f"^seed={-(2**63) - 1} "),
        ({"priority": "high"}, TypeError, "priority='high' must be a number"),
        ({"priority": float("nan")}, ValueError, "priority=nan"),
    ],
)
def test_wishes_that_cannot_be_granted_are_told(wish, error, words):
    with pytest.raises(error, match=words):
        check_wishes(**WISH | wish)


@pytest.mark.parametrize("wish", [{"seed": 2**64 - 1}, {"seed": -(2**63)}, {"user": "\ud7ff\ue000"}])
def test_wishes_at_the_edge_are_granted(wish):
    assert check_wishes(**WISH | wish) is None

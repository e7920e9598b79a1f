"""A process from its arrival to its end: when it runs, why it ends, and what it needs to be let in."""

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import State


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

"""The batch of a step by hand: who is evicted for whom, and how far guesses reach."""

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import PriorityWithAgeing, RoundRobin


def make(**options):
    return Kernel(IntegerDriver(), **{"num_blocks": 4, "block_size": 4, "slots": 2} | options)


def evictions(kernel):
    """Who lost its blocks to whom, in order."""
    events = [event for step in kernel.trace.steps for event in step["events"]]
    return [tuple(event[1:]) for event in events + kernel.trace.events if event[0] == "evict"]


@pytest.mark.parametrize("evict", ["drop", "swap"])
def test_the_first_in_rank_evicts_the_last_and_both_come_to_their_end(evict):
    kernel = make(evict=evict)
    first, second = (kernel.spawn([token] * 4, 12) for token in (1, 2))
    kernel.run()
    assert evictions(kernel) == [(second.pid, first.pid)]
    assert (first.evictions, second.evictions) == (0, 1)
    assert len(first.output) == len(second.output) == 12


def test_every_eviction_is_counted_and_told():
    kernel = make(policy=RoundRobin(3))
    processes = [kernel.spawn([token] * 4, 12) for token in (1, 2, 3)]
    kernel.run()
    told = evictions(kernel)
    assert len(told) > 3
    for process in processes:
        assert process.evictions == sum(victim == process.pid for victim, _ in told)
    assert max(process.evictions for process in processes) > 1
    assert all(victim != requester for victim, requester in told)


def guessed(kernel):
    """How many guesses each row of the first step had."""
    return [row["guesses"] for row in kernel.trace.steps[0]["batch"]]


def test_guesses_end_one_token_before_the_window():
    kernel = make(draft=lambda tokens: [5] * 9)
    kernel.spawn([1, 2], 3)
    kernel.step()
    assert guessed(kernel) == [2]


def test_guesses_end_where_the_free_blocks_do_and_evict_nobody():
    kernel = make(num_blocks=2, draft=lambda tokens: [5] * 9)
    small, large = kernel.spawn([1], 4), kernel.spawn([1, 2, 3], 5)
    kernel.step()
    # One block each: the first has room for 3 guesses, the second for one of the 4 that its window allows.
    assert guessed(kernel) == [3, 1]
    assert small.evictions == large.evictions == 0


def test_guesses_take_the_last_free_block():
    kernel = make(num_blocks=2, slots=1, draft=lambda tokens: [5] * 9)
    kernel.spawn([1, 2, 3], 5)
    kernel.step()
    assert guessed(kernel) == [4]


def test_a_draft_that_gives_no_tokens_is_named():
    kernel = make(draft=lambda tokens: "soon")
    kernel.spawn([1], 4)
    with pytest.raises(TypeError, match="guesses=soon are no token numbers"):
        kernel.step()


def test_nobody_is_evicted_where_that_would_not_be_enough():
    kernel = make(num_blocks=6, slots=3, policy=PriorityWithAgeing(0.0))
    low = kernel.spawn([3] * 2, 2)
    kernel.step()
    high, middle = kernel.spawn([1] * 15, 2, priority=2.0), kernel.spawn([2] * 12, 2, priority=1.0)
    kernel.step()
    # Three blocks are wanted; one is free, one more is the low one's, and four are out of reach.
    assert (len(high.space.table), len(middle.space.table), len(low.space.table)) == (4, 0, 1)
    kernel.run()
    assert [len(each.output) for each in (high, middle, low)] == [2, 2, 2]
    assert evictions(kernel) == []

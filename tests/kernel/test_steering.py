"""Fork, steer, select."""

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver, IntegerModel
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import State
from llmasos_edu.kernel.steering import fork_steer_select


def begun(**options):
    kernel = Kernel(IntegerDriver(IntegerModel(9)), num_blocks=60, block_size=4, slots=4, **options)
    process = kernel.spawn([1, 2, 3, 4, 5, 6], 20, seed=4)
    kernel.run(max_steps=3)
    return kernel, process


def test_the_best_child_wins_and_the_shared_text_is_computed_once():
    kernel, process = begun()
    beside = kernel.spawn([8], 5)
    selection = fork_steer_select(kernel, process, [[1], [2], []], lambda child: sum(child.output))
    assert process.state is State.KILLED
    assert selection.scores == [sum(child.output) for child in selection.children]
    assert sum(selection.winner.output) == max(selection.scores)
    assert selection.reused_tokens == 3 * 8  # of 9 tokens each, the last one was said and not read
    texts = [child.limit - 1 for child in selection.children]
    assert selection.computed_tokens == sum(texts) - selection.reused_tokens
    assert [child.seed for child in selection.children] == [4, 5, 6]
    assert beside.state is State.DONE
    assert len(kernel.pool.free) == 60


def test_every_child_is_the_text_that_it_would_be_alone():
    kernel, process = begun()
    children = fork_steer_select(kernel, process, [[1], [2, 2]], lambda child: 0.0, max_new=7).children
    for child in children:
        alone = Kernel(IntegerDriver(IntegerModel(9)), num_blocks=60)
        right = alone.spawn(child.tokens[: child.prompt_len], 7, seed=child.seed)
        alone.run()
        assert child.tokens == right.tokens
    assert children[0].tokens[9:10] == [1]
    assert children[1].tokens[9:11] == [2, 2]


def test_among_equals_the_first_wins_and_nothing_to_select_is_refused():
    kernel, process = begun()
    with pytest.raises(ValueError, match="no steers"):
        fork_steer_select(kernel, process, [], len)
    selection = fork_steer_select(kernel, process, [[1], [2]], lambda child: 1.0)
    assert selection.winner is selection.children[0]
    with pytest.raises(ValueError, match="cannot be forked"):
        fork_steer_select(kernel, process, [[1]], len)


def test_the_trace_says_why_the_text_ended_and_why_its_children_did():
    kernel, process = begun()
    fork_steer_select(kernel, process, [[1]], lambda child: 0.0)
    assert "its children go on" in kernel.trace.to_json()
    kernel, process = begun()
    with pytest.raises(ValueError, match="vocabulary"):
        fork_steer_select(kernel, process, [[1], [99_999]], lambda child: 0.0)
    assert "another child could not be forked" in kernel.trace.to_json()
    assert not process.ended, "the text itself goes on"


@pytest.mark.parametrize("bad", [None, "good", float("nan"), 1j, [1.0]])
def test_a_score_that_is_no_number_is_told(bad):
    kernel, process = begun()
    with pytest.raises(ValueError, match="a number is wanted"):
        fork_steer_select(kernel, process, [[1], [2]], lambda child: bad)

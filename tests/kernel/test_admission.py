"""Who may begin: figures by hand."""

import pytest

from llmasos_edu.kernel.admission import ADMISSIONS, FuturePeak, Optimistic, Watermark, future_peak
from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.memory import AddressSpace, BlockPool
from llmasos_edu.kernel.process import Process


def process(pool, tokens, left):
    return Process(
        pid=0, tokens=[1] * tokens, prompt_len=tokens, limit=tokens + left, space=AddressSpace(pool)
    )


def test_the_peak_is_just_before_the_shortest_of_those_who_grow_ends():
    pool = BlockPool(100, 1)
    first, second = process(pool, 10, 3), process(pool, 4, 9)
    # After 3 steps: 10 + 2 and 4 + 2 slots. At the end the second alone: 4 + 8.
    assert future_peak([first, second], pool) == 18
    assert future_peak([second], pool) == 12
    assert future_peak([process(pool, 1, 30), process(pool, 10, 3)], pool) == 30
    assert future_peak([first, second], BlockPool(100, 4)) == 3 + 2


def test_the_future_peak_admits_up_to_the_last_block_and_the_last_slot():
    for blocks, slots, yes in ((18, 2, True), (17, 2, False), (18, 1, False)):
        pool = BlockPool(blocks, 1)
        both = process(pool, 10, 3), process(pool, 4, 9)
        assert FuturePeak(slots).admits(both[1], both[:1], pool) is yes
        assert FuturePeak(slots).admits(both[1], (), pool)


def test_the_watermark_counts_what_is_promised_and_what_it_wants():
    pool = BlockPool(20, 1)
    running, new = process(pool, 5, 5), process(pool, 7, 5)
    running.space.reserve(3)  # 17 are free, 2 promised, 7 wanted: 8 are left
    assert Watermark(0.4).admits(new, [running], pool)
    assert not Watermark(0.41).admits(new, [running], pool)
    assert Watermark(1.0).admits(new, [], pool)


def test_optimism_ends_in_evictions_and_the_future_peak_does_not():
    evictions, steps = {}, {}
    for name in ("optimistic", "future_peak"):
        make = ADMISSIONS[name]
        kernel = Kernel(
            IntegerDriver(), num_blocks=20, block_size=4, slots=8, prefix_cache=False,
            admission=make(8) if name == "future_peak" else make(),
        )  # fmt: skip
        processes = [kernel.spawn([number] * 8, 24) for number in range(8)]
        steps[name] = kernel.run()
        evictions[name] = sum(each.evictions for each in processes)
    assert evictions["future_peak"] == 0 < evictions["optimistic"]
    assert steps["future_peak"] <= 24 * 4


def test_whoever_stands_first_is_not_passed_over():
    kernel = Kernel(IntegerDriver(), num_blocks=10, block_size=4, slots=4, admission=FuturePeak(4))
    first = kernel.spawn([1] * 10, 10)
    large, small = kernel.spawn([2] * 30, 10), kernel.spawn([3], 2)
    kernel.run()
    assert first.finished < large.first_token <= small.first_token


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Watermark(-0.1), "share=-0.1"),
        (lambda: Watermark(1.1), "share=1.1"),
        (lambda: FuturePeak(0), "slots=0"),
    ],
)
def test_bad_settings_are_told(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_optimism_says_yes():
    assert Optimistic().admits(None, (), None)

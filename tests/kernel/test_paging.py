"""Paging: the textbook's figures, and what holds for every sequence of references."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.kernel.paging import (
    TLB,
    Clock,
    FirstInFirstOut,
    LeastRecentlyUsed,
    Optimal,
    PageFault,
    PageTable,
    ProtectionFault,
    internal_fragmentation,
    replace_pages,
)

BELADY = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5]
REFERENCES = st.lists(st.integers(0, 6), min_size=1, max_size=40)


def faults(policy, frames, references):
    instance = policy(references) if policy is Optimal else policy()
    return replace_pages(references, frames, instance).faults


# Translation -------------------------------------------------------------------------


def test_an_address_is_cut_into_page_and_offset():
    table = PageTable(page_size=16, num_pages=4)
    table.map(1, frame=7)
    assert table.split(21) == (1, 5)
    assert table.translate(21) == 7 * 16 + 5
    assert table.translate(31, write=True) == 7 * 16 + 15


def test_neighbouring_pages_may_lie_anywhere():
    table = PageTable(page_size=4, num_pages=3)
    for page, frame in enumerate((5, 0, 2)):
        table.map(page, frame)
    assert [table.translate(address) for address in (3, 4, 7, 8)] == [23, 0, 3, 8]


def test_faults_are_told_in_words():
    table = PageTable(page_size=16, num_pages=4)
    table.map(0, frame=3, writable=False)
    assert table.translate(5) == 53
    with pytest.raises(ProtectionFault, match="address 5 lies on page 0, which may only be read"):
        table.translate(5, write=True)
    with pytest.raises(PageFault, match="address 40 lies on page 2"):
        table.translate(40)
    with pytest.raises(IndexError, match="page 4 is outside of this memory of 4 pages"):
        table.translate(64)
    with pytest.raises(IndexError, match="page -1"):
        table.translate(-1)
    table.unmap(0)
    with pytest.raises(PageFault):
        table.translate(5)


def test_two_tables_keep_two_programs_apart_and_let_them_share():
    first, second = PageTable(8, 2), PageTable(8, 2)
    first.map(0, 3)
    second.map(0, 4)
    first.map(1, 6, writable=False)
    second.map(1, 6, writable=False)
    assert first.translate(0) != second.translate(0)
    assert first.translate(9) == second.translate(9)


@pytest.mark.parametrize("arguments", [(0, 4), (16, 0), (1.5, 4)])
def test_a_table_needs_whole_sizes(arguments):
    with pytest.raises(ValueError, match="whole number of at least 1"):
        PageTable(*arguments)


def test_the_tlb_keeps_what_was_used_last():
    tlb = TLB(2)
    assert [tlb.look_up(page) for page in (1, 2, 1, 3, 1, 2)] == [False, False, True, False, True, False]
    assert (tlb.hits, tlb.misses) == (2, 4)


def test_an_array_read_in_order_misses_once_a_page():
    """Three Easy Pieces, chapter 19: ten integers that begin at address 100, pages of 16 bytes: 70 % hits."""
    table, tlb = PageTable(16, 16), TLB(4)
    hits = [tlb.look_up(table.split(address)[0]) for address in range(100, 140, 4)]
    assert hits == [False, True, True, False, True, True, True, False, True, True]


# Replacement -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "with_3", "with_4"),
    [(FirstInFirstOut, 9, 10), (LeastRecentlyUsed, 10, 8), (Optimal, 7, 6), (Clock, 9, 10)],
)
def test_beladys_string(policy, with_3, with_4):
    assert faults(policy, 3, BELADY) == with_3
    assert faults(policy, 4, BELADY) == with_4


@pytest.mark.parametrize(("policy", "count"), [(FirstInFirstOut, 15), (LeastRecentlyUsed, 12), (Optimal, 9)])
def test_silberschatzs_string(policy, count):
    """Operating System Concepts, section on page replacement: 20 references, 3 frames."""
    references = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1]
    assert faults(policy, 3, references) == count


def test_a_run_tells_what_the_frames_hold():
    steps = replace_pages([1, 2, 1, 3], 2, LeastRecentlyUsed()).steps
    assert [step.frames for step in steps] == [(1, None), (1, 2), (1, 2), (1, 3)]
    assert [step.fault for step in steps] == [True, True, False, True]
    assert [step.evicted for step in steps] == [None, None, None, 2]


def test_the_clock_spares_a_page_that_was_used_since_the_hand_passed():
    # The hand clears 1, 2 and 3 and evicts 1. Page 2 is used again: 3 goes, not 2.
    steps = replace_pages([1, 2, 3, 4, 2, 5], 3, Clock()).steps
    assert [step.evicted for step in steps] == [None, None, None, 1, None, 3]


def test_optimal_insists_on_the_future_that_it_was_told():
    with pytest.raises(ValueError, match="page 2 is used, but the known future is"):
        replace_pages([2], 1, Optimal([1]))


def fewest_faults(references, num_frames):
    """By trying every choice of a victim: shares no code with `Optimal`."""
    resident = {frozenset(): 0}
    for page in references:
        after = {}
        for pages, count in resident.items():
            if page in pages:
                options, count = [pages], count
            elif len(pages) < num_frames:
                options, count = [pages | {page}], count + 1
            else:
                options, count = [pages - {gone} | {page} for gone in pages], count + 1
            for option in options:
                after[option] = min(count, after.get(option, count))
        resident = after
    return min(resident.values())


@given(REFERENCES, st.integers(1, 4))
def test_nobody_beats_optimal_and_it_is(references, num_frames):
    least = fewest_faults(references, num_frames)
    assert faults(Optimal, num_frames, references) == least
    for policy in (FirstInFirstOut, LeastRecentlyUsed, Clock):
        assert least <= faults(policy, num_frames, references) <= len(references)


@given(REFERENCES, st.sampled_from([FirstInFirstOut, LeastRecentlyUsed, Clock]), st.integers(1, 5))
def test_frames_hold_the_page_just_used_and_nothing_twice(references, policy, num_frames):
    for step in replace_pages(references, num_frames, policy()).steps:
        held = [page for page in step.frames if page is not None]
        assert step.page in held
        assert len(set(held)) == len(held)
        assert step.evicted not in held


@given(REFERENCES)
def test_lru_holds_in_a_small_memory_what_it_holds_in_a_larger_one(references):
    """Mattson et al. 1970: a stack algorithm. So more frames never mean more faults."""
    runs = [replace_pages(references, frames, LeastRecentlyUsed()).steps for frames in range(1, 6)]
    for small, large in itertools.pairwise(runs):
        for one, other in zip(small, large, strict=True):
            assert set(one.frames) - {None} <= set(other.frames)


@given(REFERENCES)
def test_with_a_frame_for_every_page_only_first_uses_fault(references):
    for policy in (FirstInFirstOut, LeastRecentlyUsed, Clock, Optimal):
        assert faults(policy, 7, references) == len(set(references))


def test_no_frame_is_no_memory():
    with pytest.raises(ValueError, match="num_frames=0"):
        replace_pages([1], 0, Clock())


# Fragmentation -----------------------------------------------------------------------


def test_internal_fragmentation_by_hand():
    # 5, 8 and 17 in pages of 8: 8 + 8 + 24 = 40 given out, 30 used.
    assert internal_fragmentation([5, 8, 17], 8) == pytest.approx(0.25)
    assert internal_fragmentation([5, 8, 17], 1) == 0


@given(st.lists(st.integers(1, 1000), min_size=1), st.integers(1, 64))
def test_less_than_a_page_a_program_is_lost(sizes, page_size):
    lost = internal_fragmentation(sizes, page_size)
    assert 0 <= lost < len(sizes) * page_size / (sum(sizes) + len(sizes) * (page_size - 1)) + 1e-9


@pytest.mark.parametrize("sizes", [[], [3, 0]])
def test_a_program_without_a_size_is_refused(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        internal_fragmentation(sizes, 4)

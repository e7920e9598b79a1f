"""Allocators: holes by hand, and what holds whatever is asked and given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.kernel.allocator import Buddy, FreeList, OutOfMemory, Piece, external_fragmentation

REQUESTS = st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=60)
MAKERS = {
    "first": lambda: FreeList(64, "first"),
    "best": lambda: FreeList(64, "best"),
    "worst": lambda: FreeList(64, "worst"),
    "buddy": lambda: Buddy(64),
}


def with_holes(fit):
    """Holes of 30 at 0, of 10 at 40 and of 20 at 60, in a memory of 80."""
    memory = FreeList(80, fit)
    starts = [memory.allocate(size) for size in (30, 10, 10, 10, 20)]
    for start in (starts[0], starts[2], starts[4]):
        memory.free(start)
    assert memory.holes == {0: 30, 40: 10, 60: 20}
    return memory


@pytest.mark.parametrize(("fit", "start"), [("first", 0), ("best", 40), ("worst", 0)])
def test_which_hole_a_request_gets(fit, start):
    assert with_holes(fit).allocate(9) == start


@pytest.mark.parametrize(("fit", "start"), [("first", 0), ("best", 60), ("worst", 0)])
def test_what_is_too_small_is_passed_over(fit, start):
    assert with_holes(fit).allocate(11) == start


def test_enough_is_free_and_yet_a_request_fails():
    memory = with_holes("best")
    with pytest.raises(OutOfMemory, match="31 asked for, 60 free, but the largest hole is 30"):
        memory.allocate(31)
    assert memory.fragmentation == 0.5
    assert external_fragmentation([]) == 0


def test_holes_join_on_both_sides():
    memory = FreeList(30)
    starts = [memory.allocate(10) for _ in range(3)]
    memory.free(starts[0])
    memory.free(starts[2])
    assert memory.holes == {0: 10, 20: 10}
    memory.free(starts[1])
    assert memory.holes == {0: 30}


def test_buddies_split_and_join():
    memory = Buddy(64)
    assert [memory.allocate(size) for size in (10, 3, 16)] == [0, 16, 32]
    assert memory.pieces() == [
        Piece(0, 16, True),
        Piece(16, 4, True),
        Piece(20, 4, False),
        Piece(24, 8, False),
        Piece(32, 16, True),
        Piece(48, 16, False),
    ]
    assert memory.internal_fragmentation == pytest.approx(1 - 29 / 36)
    memory.free(16)
    assert [piece for piece in memory.pieces() if not piece.used] == [
        Piece(16, 16, False),
        Piece(48, 16, False),
    ]
    with pytest.raises(OutOfMemory, match="17 asked for, 32 free, but no free piece of 32"):
        memory.allocate(17)


def test_neighbours_that_are_no_buddies_stay_apart():
    memory = Buddy(4)
    for _ in range(4):
        memory.allocate(1)
    memory.free(1)
    memory.free(2)  # 1 belongs to 0, 2 belongs to 3
    assert memory.fragmentation == 0.5
    with pytest.raises(OutOfMemory):
        memory.allocate(2)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_freeing_what_is_not_in_use_is_refused(make):
    memory = make()
    start = memory.allocate(5)
    memory.free(start)
    with pytest.raises(ValueError, match=f"no piece in use starts at {start}"):
        memory.free(start)
    with pytest.raises(ValueError, match="size=0"):
        memory.allocate(0)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@given(requests=REQUESTS)
def test_pieces_tile_the_memory_and_all_comes_back(make, requests):
    memory, asked = make(), {}
    for take, number in requests:
        if take:
            try:
                asked[memory.allocate(number)] = number
            except OutOfMemory:
                holes = [piece.size for piece in memory.pieces() if not piece.used]
                assert max(holes, default=0) < number
        elif asked:
            start = sorted(asked)[number % len(asked)]
            del asked[start]
            memory.free(start)
        end = 0
        for piece in memory.pieces():
            assert piece.start == end
            end += piece.size
        assert end == 64
        used = {piece.start: piece.size for piece in memory.pieces() if piece.used}
        assert used.keys() == asked.keys()
        assert all(used[start] >= size for start, size in asked.items())
        assert 0 <= memory.fragmentation < 1
    for start in asked:
        memory.free(start)
    assert memory.pieces() == [Piece(0, 64, False)]
    assert memory.fragmentation == 0


@given(requests=REQUESTS)
def test_no_two_holes_of_a_free_list_touch(requests):
    memory = FreeList(64)
    for take, number in requests:
        if take and max(memory.holes.values(), default=0) >= number:
            memory.allocate(number)
        elif memory.used:
            memory.free(sorted(memory.used)[number % len(memory.used)])
        starts = set(memory.holes)
        assert not starts & {start + size for start, size in memory.holes.items()}


@given(requests=REQUESTS)
def test_two_free_buddies_never_lie_apart(requests):
    memory = Buddy(64)
    for take, number in requests:
        if take:
            try:
                memory.allocate(number)
            except OutOfMemory:
                continue
        elif memory.used:
            memory.free(sorted(memory.used)[number % len(memory.used)])
        for size, starts in memory.holes.items():
            assert not any(start ^ size in starts for start in starts if size < 64)
            assert all(start % size == 0 for start in starts)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="fit='next' is none of first, best, worst"):
        FreeList(10, "next")
    with pytest.raises(ValueError, match="size=48 is not a power of two"):
        Buddy(48)
    with pytest.raises(ValueError, match="size=0"):
        FreeList(0)

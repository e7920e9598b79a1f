"""Blocks, tables and the prefix cache, by hand."""

import hashlib

import pytest

from llmasos_edu.kernel.memory import AddressSpace, BlockPool, OutOfBlocks, first_key, next_key


def filled(pool, tokens, salt=""):
    """A space that has computed the tokens."""
    space = AddressSpace(pool, salt)
    space.reserve(len(tokens))
    space.commit(len(tokens), tokens)
    return space


def test_blocks_are_counted_up():
    pool = BlockPool(3, 4)
    assert [pool.blocks_for(slots) for slots in (0, 1, 4, 5, 8, 9)] == [0, 1, 1, 2, 2, 3]


def test_taking_more_than_there_is_names_the_number():
    pool = BlockPool(2, 4)
    assert [pool.take(), pool.take()] == [0, 1]
    with pytest.raises(OutOfBlocks, match="all 2 blocks are in use"):
        pool.take()


def test_the_last_to_let_go_frees_a_block():
    pool = BlockPool(2, 4)
    block = pool.take()
    pool.share(block)
    pool.release(block)
    assert block not in pool.free
    pool.release(block)
    assert block in pool.free


def test_free_blocks_without_a_key_go_first_and_then_the_one_freed_longest_ago():
    pool = BlockPool(4, 2)
    old, new = filled(pool, [1, 2]), filled(pool, [3, 4])
    unknown = AddressSpace(pool)
    unknown.reserve(1)
    (first,), (second,), (third,) = old.table, new.table, unknown.table
    for space in (old, new, unknown):
        space.drop()
    assert [pool.take() for _ in range(4)] == [third, 3, first, second]
    assert pool.index == {}


def test_a_text_s_end_is_given_away_before_its_beginning():
    pool = BlockPool(2, 2)
    space = filled(pool, [1, 2, 3, 4])
    beginning, end = space.table
    space.drop()
    assert (pool.take(), pool.take()) == (end, beginning)


def test_a_key_is_a_chain_of_sha256_from_the_salt():
    salt = hashlib.sha256(b"salt:ada").digest()
    assert first_key("ada") == salt
    words = (1).to_bytes(8, "little") + (258).to_bytes(8, "little")
    assert next_key(salt, [1, 258]) == hashlib.sha256(salt + words).digest()


def test_known_blocks_are_found_by_the_same_user_up_to_the_last_token_but_one():
    pool = BlockPool(8, 2)
    space = filled(pool, [1, 2, 3, 4, 5], "ada")
    found = AddressSpace(pool, "ada")
    assert found.prefix([1, 2, 3, 4, 9]) == space.table[:2]
    assert found.map(space.table[:2]) == 4
    assert pool.blocks[space.table[0]].references == 2
    assert AddressSpace(pool, "ada").prefix([1, 2, 3, 4]) == space.table[:1]
    assert AddressSpace(pool, "ada").prefix([1, 2, 4, 3, 9]) == space.table[:1]
    assert AddressSpace(pool, "ada").prefix([3, 4, 9]) == []
    assert AddressSpace(pool, "bob").prefix([1, 2, 3, 4, 9]) == []


def test_nothing_is_known_before_it_is_computed_or_where_there_is_no_cache():
    pool = BlockPool(8, 2)
    space = AddressSpace(pool)
    space.reserve(4)
    assert AddressSpace(pool).prefix([1, 2, 3, 4, 5]) == []
    space.commit(3, [1, 2, 3])
    assert AddressSpace(pool).prefix([1, 2, 3, 4, 5]) == space.table[:1]
    pool = BlockPool(8, 2, prefix_cache=False)
    filled(pool, [1, 2, 3, 4])
    assert pool.index == {}
    assert AddressSpace(pool).prefix([1, 2, 3, 4, 5]) == []


def test_missing_says_exactly_what_reserve_takes():
    pool = BlockPool(8, 2)
    parent = filled(pool, [1, 2, 3])
    assert [parent.missing(upto) for upto in (3, 4, 5, 7)] == [0, 0, 1, 2]
    child = parent.fork()
    assert [child.missing(upto) for upto in (4, 5)] == [1, 2]
    free = len(pool.free)
    assert child.reserve(5) == [(parent.table[1], child.table[1])]
    assert free - len(pool.free) == 2
    assert parent.missing(4) == 0  # the block is its own again
    parent.drop()
    again = AddressSpace(pool)
    prefix = again.prefix([1, 2, 9])
    assert again.missing(3, prefix) == 1  # the known block is the child's too, and held
    child.drop()
    assert again.missing(3, prefix) == 2  # nobody holds it: it counts


def test_what_a_group_would_free_leaves_out_what_others_hold():
    pool = BlockPool(8, 2)
    parent = filled(pool, [1, 2, 3, 4, 5])
    child = parent.fork()
    child.reserve(6)
    tables = parent.table, child.table
    assert pool.freed_by(pool.holders(tables[:1])) == 1
    assert pool.freed_by(pool.holders(tables)) == 4
    assert pool.freed_by(pool.holders([])) == 0


def test_missing_knows_what_others_would_give_up():
    pool = BlockPool(8, 2)
    parent = filled(pool, [1, 2, 3])
    child = parent.fork()
    holders = pool.holders([parent.table])
    assert holders == dict.fromkeys(parent.table, 1)
    assert (child.missing(4), child.missing(4, (), holders)) == (1, 0)
    new = AddressSpace(pool)
    prefix = new.prefix([1, 2, 9])
    both = pool.holders([parent.table, child.table])
    assert [new.missing(3, prefix, given_up) for given_up in ({}, holders, both)] == [1, 1, 2]


def test_swapping_brings_the_contents_back_into_other_blocks():
    pool = BlockPool(4, 2)
    blocks = {number: f"was in {number}" for number in range(4)}
    space = filled(pool, [1, 2, 3])
    was = [blocks[number] for number in space.table]
    assert space.swap_out(blocks.get) == 2
    assert (space.table, space.length, space.swapped) == ([], 3, 2)
    other = filled(pool, [5, 6, 7, 8, 9, 10, 11])  # takes every block
    blocks.update(dict.fromkeys(range(4), "of another"))
    other.drop()
    assert space.missing(3) == 2
    assert space.missing(5) == 3
    assert space.swap_in(blocks.__setitem__) == 2
    assert [blocks[number] for number in space.table] == was
    assert space.swapped == 0
    assert AddressSpace(pool).prefix([1, 2, 3]) == space.table[:1]


def test_a_window_gives_back_whole_blocks_behind_it():
    pool = BlockPool(8, 2)
    space = AddressSpace(pool)
    freed = []
    for length in range(1, 9):
        space.reserve(length)
        space.commit(length, list(range(length)), window=3)
        freed.append(space.table.count(-1))
    # The next token, at position `length`, sees `length - 2` and later.
    assert freed == [0, 0, 0, 1, 1, 2, 2, 3]
    assert len(pool.free) == 8 - 1
    saved = space.swap_out(lambda number: number)
    assert saved == 1
    assert space.missing(9) == 2
    space.swap_in(lambda number, contents: None)
    assert space.table[:3] == [-1, -1, -1]
    child = space.fork()
    child.drop()
    space.drop()
    assert len(pool.free) == 8


def test_what_is_known_need_not_be_brought_back():
    pool = BlockPool(6, 2)
    space = filled(pool, [1, 2, 3, 4, 5])
    (first, second, third), other = space.table, filled(pool, [1, 2, 8])
    assert other.table[0] != first  # computed beside it, so not shared
    space.swap_out(lambda number: number)
    sharer = AddressSpace(pool)
    sharer.map(sharer.prefix([1, 2, 9]))
    # The first block is held, the second is known and free, the third was no full block.
    assert (space.missing(5), space.missing(7)) == (2, 3)
    loaded = []
    assert space.swap_in(lambda number, contents: loaded.append(contents)) == 1
    assert loaded == [third]
    assert space.table[:2] == [first, second]
    assert pool.blocks[first].references == 2

"""The batch of a step: who runs, and the blocks for it (chapter 2.3).

Who is evicted, and for whom, is decided by one sort key, `rank`. Nobody is evicted for a process that ranks
below, so the first in rank always runs, and no two processes can wait for each other's blocks.
"""

from collections.abc import Sequence
from numbers import Real

from llmasos_edu.kernel.drivers import Row, in_vocabulary
from llmasos_edu.kernel.process import Process, State

NUMBERS = (int, float, Real)  # the usual ones first: they are told apart fastest


def rank(kernel, process: Process) -> tuple:
    """The sort key of all who live: the ready by the policy, then the blocked, then who waits to begin."""
    order = 2 if process.state is State.WAITING else int(process.state is State.BLOCKED)
    key = kernel.policy.key(process, kernel.now)
    if type(key) is not tuple or not all(isinstance(part, NUMBERS) and part == part for part in key):
        name = type(kernel.policy).__name__
        raise TypeError(f"{name}.key gave {key!r} for process {process.pid}, a tuple of numbers is wanted")
    return (process is not kernel.reader, order, *key, process.arrival, process.pid)


def compose(kernel) -> tuple[list[Row], int]:
    """The rows of this step, from the first in rank; the first that finds no room ends the list.

    Whoever stands behind it does not overtake: else small ones could keep a large one waiting for ever.

    Returns:
        The rows, their blocks in place, and how many blocks were copied for them.
    """
    kernel.ready.sort(key=lambda process: rank(kernel, process))
    rows, copied = [], 0
    for process in list(kernel.ready):
        if len(rows) == kernel.slots:
            break
        space, prefix = process.space, []
        if not space.table and space.saved is None:
            prefix = space.prefix(process.tokens)
        start, end = space.length + len(prefix) * kernel.pool.block_size, len(process.tokens)
        if kernel.chunk is not None:
            end = min(end, start + kernel.chunk)
        found, moved = _make_room(kernel, process, prefix, end)
        copied += moved
        if not found:
            break
        try:
            row, moved = _row(kernel, process, prefix, end)
        except BaseException:
            space.drop()  # a copy or a load that failed has left a block without its contents
            raise
        copied += moved
        rows.append(row)
    for row in rows:
        row.process.state = State.RUNNING
    return rows, copied


def _make_room(kernel, process: Process, prefix: Sequence[int], end: int) -> tuple[bool, int]:
    """Evict those ranked below, the lowest first, until the process finds its blocks."""
    pool, space, copied = kernel.pool, process.space, 0
    if space.missing(end, prefix) <= len(pool.free):
        return True, 0
    own = rank(kernel, process)
    living = [*kernel.waiting, *kernel.ready, *kernel.blocked]
    below = [each for each in living if each.space.table and rank(kernel, each) > own]
    below.sort(key=lambda each: rank(kernel, each))
    given_up = pool.holders(each.space.table for each in below)
    if space.missing(end, prefix, given_up) > len(pool.free) + pool.freed_by(given_up):
        return False, 0  # nobody is evicted for nothing
    while space.missing(end, prefix) > len(pool.free):
        copied += _evict(kernel, below.pop(), process)
    return True, copied


def _evict(kernel, victim: Process, requester: Process) -> int:
    """Take all blocks from the victim; it computes them again, or gets them back, when it runs."""
    copied = 0
    if kernel.evict_by == "swap":
        copied = victim.space.swap_out(kernel.driver.save)
    else:
        victim.space.drop()
    victim.evictions += 1
    kernel.trace.event("evict", victim.pid, requester.pid)
    return copied


def _row(kernel, process: Process, prefix: Sequence[int], end: int) -> tuple[Row, int]:
    """What the process reads in this step, and how many blocks were copied to give it its own."""
    space, copied = process.space, 0
    if space.saved is not None:
        copied = space.swap_in(kernel.driver.load)
    elif prefix:
        process.reused += space.map(prefix)
    speaks = end == len(process.tokens)
    guesses = _guess(kernel, process, end) if kernel.draft is not None and speaks else []
    for source, target in space.reserve(end + len(guesses)):
        kernel.driver.copy(source, target)
        copied += 1
    tokens = process.tokens[space.length : end] + guesses
    return Row(process, tokens, space.length, space.table, len(guesses), speaks), copied


def _guess(kernel, process: Process, end: int) -> list[int]:
    """What the draft says will follow, as far as the window and the free blocks reach."""
    guesses = in_vocabulary(kernel.driver, kernel.draft(process.tokens), "guesses")[: process.remaining - 1]
    while guesses and process.space.missing(end + len(guesses)) > len(kernel.pool.free):
        guesses.pop()
    return guesses

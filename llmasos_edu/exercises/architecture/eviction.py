"""Exercise of chapter 2.3 on memory that runs short: who must go.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.3-5 --------------------------------------------------------------------------------


def victims(tables, holders, requester, free, wanted):
    """tables: blocks of each process, the first in rank first -> who is evicted [processes], in order."""
    holders, gone = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[process]:
            continue
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
        gone.append(process)
    return gone if free >= wanted else []


def _evict(tables, holders, requester, free, wanted, *, order=None, shared=True, even=False, once=False):
    holders, gone = list(holders), []
    below = order if order is not None else range(len(tables) - 1, requester, -1)
    for process in below:
        if free >= wanted and not once:
            break
        if not tables[process]:
            continue
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0 or not shared
        gone.append(process)
    return gone if free >= wanted or even else []


def _freed(tables, holders, gone):
    """How many blocks are free when these have gone, beside those that were."""
    held = [block for process in gone for block in tables[process]]
    return sum(0 < holders[block] == held.count(block) for block in set(held))


def _candidates(tables, requester):
    return [process for process in range(len(tables) - 1, requester, -1) if tables[process]]


def _fewest(tables, holders, requester, free, wanted):
    below = _candidates(tables, requester)
    for count in range(len(below) + 1):
        for gone in itertools.combinations(below, count):
            if free + _freed(tables, holders, gone) >= wanted:
                return list(gone)
    return []


def _one_that_will_do(tables, holders, requester, free, wanted):
    below = [[], *([process] for process in _candidates(tables, requester))]
    return next((gone for gone in below if free + _freed(tables, holders, gone) >= wanted), [])


def _not_counted_down(tables, holders, requester, free, wanted):
    gone = []
    for process in _candidates(tables, requester):
        if free < wanted:
            free += sum(holders[block] == 1 for block in tables[process])
            gone.append(process)
    return gone if free >= wanted else []


def _passed_over(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for process in _candidates(tables, requester):
        if free >= wanted:
            break
        for block in tables[process]:
            holders[block] -= 1
        freed = sum(holders[block] == 0 for block in tables[process])
        free, gone = free + freed, [*gone, process] if freed else gone
    return gone if free >= wanted else []


def _empty_handed_too(tables, holders, requester, free, wanted):
    gone = []
    for process in range(len(tables) - 1, requester, -1):
        if free + _freed(tables, holders, gone) < wanted:
            gone.append(process)
    return gone if free + _freed(tables, holders, gone) >= wanted else []


def _one_more(tables, holders, requester, free, wanted):
    gone = []
    for process in _candidates(tables, requester):
        if free + _freed(tables, holders, gone) <= wanted:
            gone.append(process)
    return gone if free + _freed(tables, holders, gone) >= wanted else []


def _not_asked_at_the_end(tables, holders, requester, free, wanted):
    """Asks whether it is enough before each process, and not behind the last."""
    gone = _evict(tables, holders, requester, free, wanted)
    lacking = _evict(
        tables, holders, requester, free, wanted, order=range(len(tables) - 1, requester + 1, -1)
    )
    return lacking if gone == lacking else []


def _stopped_at_empty_hands(tables, holders, requester, free, wanted):
    """The first process from behind that holds nothing ends the search."""
    empty = [process for process in range(requester + 1, len(tables)) if not tables[process]]
    order = range(len(tables) - 1, max([requester, *empty]), -1)
    return _evict(tables, holders, requester, free, wanted, order=order)


def _draw_tables(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    tables = [generator.sample(range(9), generator.randint(0, 3)) for _ in range(5)]
    holders = [sum(block in table for table in tables) for block in range(9)]
    inputs = (
        tables,
        holders,
        generator.randint(0, 2),
        holders.count(0),
        holders.count(0) + generator.randint(0, 3),
    )
    return (Case(f"tables {tables}, requester {inputs[2]}, {inputs[3]} free, {inputs[4]} wanted", inputs),)


VICTIMS = Exercise(
    key="2.3-5",
    title="Who must go?",
    difficulty=3,
    minutes=25,
    statement=(
        "`tables[p]` are the blocks of process p, the process that ranks first stands first. The process "
        "`requester` needs `wanted` free blocks, and `free` are free. Those ranked below it lose all their "
        "blocks, the last in rank first, until there are enough. A block is free only when nobody holds it "
        "any more: `holders[b]` says how many tables hold block b. Who holds nothing is not evicted. If "
        "even all of them together are not enough, nobody is evicted. Return who is evicted, in order; "
        "change nothing that you are given."
    ),
    takeaway="Nobody loses anything for a rank below him, and nobody for nothing: so somebody always gets "
    "on.",
    reference=victims,
    explanation="From the last in rank upwards; a shared block is free when its last holder has gone.",
    hints=(
        "Which processes may be evicted at all, and in which order are they asked?",
        "A block that two hold: does it become free when one of them goes? When both go?",
        "Before you answer: were they enough? If not, nobody should have lost anything.",
    ),
    cases=(
        Case("one is enough", ([[0], [1, 2], [3, 4]], [1, 1, 1, 1, 1, 0], 0, 1, 3)),
        Case("two are needed", ([[0], [1], [2]], [1, 1, 1], 0, 0, 2)),
        Case("enough is free", ([[0], [1]], [1, 1, 0, 0], 0, 2, 2)),
        Case("the last in rank asks", ([[0, 1], [2]], [1, 1, 1], 1, 0, 1)),
        Case("a block that two hold", ([[], [0, 1], [0, 2]], [2, 1, 1], 0, 0, 2)),
        Case("both holders go", ([[], [0], [0]], [2, 0], 0, 0, 1)),
        Case("not enough together", ([[0], [1], [2]], [1, 1, 1], 0, 0, 3)),
        Case("shared with the requester", ([[0], [0, 1]], [2, 1], 0, 0, 2)),
        Case("one that holds nothing", ([[0], [1], []], [1, 1], 0, 0, 1)),
        Case("the last holds more than the one before", ([[], [0], [1, 2]], [1, 1, 1], 0, 0, 1)),
        Case("the last holds less than the one before", ([[0], [1, 2, 3], [4]], [1, 1, 1, 1, 1], 0, 0, 1)),
        Case("those above are safe", ([[0, 1, 2], [], [3]], [1, 1, 1, 1], 1, 0, 2)),
        Case("one of them alone would do", ([[0], [1, 2, 3], [4]], [1, 1, 1, 1, 1], 0, 0, 2)),
        Case("one that frees nothing goes first", ([[], [0, 1], [0]], [2, 1], 0, 0, 1)),
    ),
    draw=_draw_tables,
    mistakes=(
        Mistake(
            "shared blocks counted as free",
            "It comes out as if every block of a victim became free. One that somebody else holds too stays "
            "in use.",
            (lambda t, h, r, f, w: _evict(t, h, r, f, w, shared=False),),
        ),
        Mistake(
            "for nothing",
            "Where all of them together are not enough, you evict them all the same. They lose their work, "
            "and the requester still cannot run.",
            (lambda t, h, r, f, w: _evict(t, h, r, f, w, even=True),),
        ),
        Mistake(
            "from the front",
            "You begin with the one just below the requester. It is the next to run: the last in rank "
            "should go first.",
            (lambda t, h, r, f, w: _evict(t, h, r, f, w, order=range(r + 1, len(t))),),
        ),
        Mistake(
            "those above as well",
            "You evict processes that rank above the requester. Then two can throw each other out for ever.",
            (
                lambda t, h, r, f, w: _evict(
                    t, h, r, f, w, order=[p for p in range(len(t) - 1, -1, -1) if p != r]
                ),
            ),
        ),
        Mistake(
            "everybody below",
            "You evict all who rank below, though fewer would do. When do you stop?",
            (lambda t, h, r, f, w: _evict(t, h, r, f, w, once=True) if f < w else [],),
        ),
        Mistake(
            "as few as will do",
            "You look for the one, or the fewest, that will do. The last in rank go first, even where one "
            "before them would be enough.",
            (_fewest, _one_that_will_do),
        ),
        Mistake(
            "holders not counted down",
            "It comes out as if a block that two hold stayed in use when both of them go. Count its holders "
            "down with each that goes.",
            (_not_counted_down,),
        ),
        Mistake(
            "who frees nothing is passed over",
            "You pass over a process whose blocks are all held by others too. It goes in its turn: who goes "
            "after it may then free them.",
            (_passed_over,),
        ),
        Mistake(
            "the requester goes too",
            "You evict the requester itself. It needs the blocks: only those ranked below it may go.",
            (lambda t, h, r, f, w: _evict(t, h, r, f, w, order=range(len(t) - 1, r - 1, -1)),),
        ),
        Mistake(
            "nobody where all must go",
            "Where the process just below the requester has to go too, you evict nobody. Ask once more "
            "behind your loop whether it is enough.",
            (_not_asked_at_the_end,),
        ),
        Mistake(
            "stopped at who holds nothing",
            "It comes out as if you stopped at a process that holds nothing. Those before it in rank may "
            "still give blocks.",
            (_stopped_at_empty_hands,),
        ),
        Mistake(
            "shared blocks hoped for",
            "It comes out as if a block that the requester holds as well could become free. Somebody is "
            "evicted, and it is still not enough.",
            (
                lambda t, h, r, f, w: (
                    _evict(t, h, r, f, w, even=True) if f + sum(map(len, t[r + 1 :])) >= w else []
                ),
            ),
        ),
        Mistake(
            "who holds nothing goes too",
            "You evict a process that holds nothing. There is nothing to gain from it, so it stays.",
            (_empty_handed_too,),
        ),
        Mistake(
            "as many more",
            "It comes out as if `wanted` blocks had to be found beside those that are free. The free ones "
            "are part of what it needs.",
            (lambda t, h, r, f, w: victims(t, h, r, 0, w) if w else [],),
        ),
        Mistake(
            "one more than enough",
            "You go on where just enough are free. `wanted` free blocks are enough.",
            (_one_more,),
        ),
        Mistake(
            "in the order of numbers",
            "You evict the right ones, but give them from the lowest number up. The last in rank goes first.",
            (lambda t, h, r, f, w: sorted(victims(t, h, r, f, w)),),
        ),
        Mistake(
            "the smallest first",
            "You begin with whoever holds least. That may be the next in rank: the last in rank goes first.",
            (
                lambda t, h, r, f, w: _evict(
                    t, h, r, f, w, order=sorted(range(r + 1, len(t)), key=lambda p: (len(t[p]), -p))
                ),
            ),
        ),
        Mistake(
            "the largest first",
            "You begin with whoever holds most. That may be the next in rank: the last in rank goes first.",
            (
                lambda t, h, r, f, w: _evict(
                    t, h, r, f, w, order=sorted(range(r + 1, len(t)), key=lambda p: (-len(t[p]), -p))
                ),
            ),
        ),
    ),
)


EXERCISES = (VICTIMS,)

"""Exercise of section 2.3.2 whose answer is a test: it is run on right memories and on broken ones.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.architecture.blocks import slots_for
from llmasos_edu.exercises.architecture.broken import BAD_MEMORIES, GOOD_MEMORIES
from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.reviewing import Reviewed

REVIEWED = Reviewed("memories", GOOD_MEMORIES, BAD_MEMORIES)

# 2.3-10 -------------------------------------------------------------------------------


def review_memory(make):
    """make(num_blocks, block_size) -> a new memory for texts [tokens]; an assert fails on a bug."""
    memory = make(8, 2)

    def put(name, tokens, user=""):
        found = memory.begin(name, tokens, user)
        assert found < len(tokens)
        for token in tokens[found:]:
            memory.write(name, token)
        return found

    def right():
        assert all(memory.read(name) == slots_for(memory.texts[name]) for name in memory.tables)
        held = [block for table in memory.tables.values() for block in table]
        assert memory.holders == [held.count(block) for block in range(8)]

    assert put("a", [1, 2, 3]) == 0
    memory.fork("a", "b")
    right()
    memory.write("b", 4)  # into a block that two hold
    memory.write("a", 5)
    right()
    memory.drop("a")
    right()
    assert put("c", [1, 2, 3, 4]) == 2  # the last token is left to write
    assert put("d", [1, 2, 5], "another") == 0
    right()
    for name in "bcd":
        memory.drop(name)
    assert memory.free == 8
    put("e", [6, 6, 7, 7, 8])
    put("f", [7, 7, 8, 8, 8])
    memory.drop("e")
    memory.drop("f")
    assert put("g", [6, 6, 8, 8, 9]) <= 2  # 8, 8 is known only after 7, 7
    right()
    memory.drop("g")
    put("h", [1, 2, 3, 4, 0])
    assert put("i", [2, 1, 3, 4, 0]) == 0  # the same tokens in another order
    right()
    memory.drop("h")
    memory.drop("i")
    put("j", list(range(20, 36)))  # takes every block
    right()
    memory.drop("j")
    assert put("k", [1, 2, 3, 4, 5]) == 0  # so nothing of the old is known
    right()


def _looks(make, *, counts=True, slots=True, users=True, cache=True, taken=True):
    """The moves of `review_memory` with some of its questions left out; True if it is content."""
    memory, good = make(8, 2), True

    def put(name, tokens, user=""):
        found = memory.begin(name, tokens, user)
        for token in tokens[found:]:
            memory.write(name, token)
        return found

    def right():
        held = [block for table in memory.tables.values() for block in table]
        same = all(memory.read(name) == slots_for(memory.texts[name]) for name in memory.tables)
        return (same or not slots) and (
            memory.holders == [held.count(block) for block in range(8)] or not counts
        )

    def drop(*names):
        for name in names:
            memory.drop(name)

    try:
        put("a", [1, 2, 3])
        memory.fork("a", "b")
        memory.write("b", 4)
        memory.write("a", 5)
        good &= right()
        drop("a")
        good &= right()
        if cache:
            good &= put("c", [1, 2, 3, 4]) == 2 and right()
            drop("c")
        if users:
            good &= put("d", [1, 2, 5], "another") == 0 and right()
            drop("d")
        drop("b")
        good &= memory.free == 8 or not counts
        if cache:
            put("e", [6, 6, 7, 7, 8])
            put("f", [7, 7, 8, 8, 8])
            drop("e", "f")
            put("g", [6, 6, 8, 8, 9])
            good &= right()
            drop("g")
            put("h", [1, 2, 3, 4, 0])
            put("i", [2, 1, 3, 4, 0])
            good &= right()
            drop("h", "i")
        if taken:
            put("j", list(range(20, 36)))
            drop("j")
            put("k", [1, 2, 3, 4, 5])
            good &= right()
    except Exception:
        return False
    return bool(good)


def _fork_only(make):
    memory = make(8, 2)
    memory.begin("a", [1, 2, 3])
    for token in (1, 2, 3):
        memory.write("a", token)
    memory.fork("a", "b")
    memory.write("b", 4)
    return memory.read("a") == slots_for([1, 2, 3]) and memory.read("b") == slots_for([1, 2, 3, 4])


MEMORY = Exercise(
    key="2.3-10",
    title="Tests that catch a broken memory",
    difficulty=3,
    minutes=30,
    statement=(
        "Write review_memory(make): make(num_blocks, block_size) gives a new, empty memory like `Blocks` in "
        "llmasos_edu/exercises/architecture/blocks.py (read it: begin, write, read, fork, drop, free, "
        "tables, "
        "holders, texts). One of your asserts must fail if it has a bug, or your function returns False. "
        f"It is run on {len(GOOD_MEMORIES)} right memories and on {len(BAD_MEMORIES)} with one bug each. "
        f"Which "
        "free block is taken first is left to a memory."
    ),
    takeaway="Whoever changes the memory from now on is watched by your tests.",
    reference=review_memory,
    explanation=(
        "Two invariants after every move: each text's slots are those that it would have alone, and each "
        "count is the number of tables. The moves are chosen so that every line matters."
    ),
    hints=(
        "Two sentences must be true after every move: `read(name) == slots_for(texts[name])` for each "
        "text, and "
        "`holders[b]` is how often b stands in all tables. Write them as a function and call it often.",
        "Which moves make a line of the memory matter? Fork in the middle of a block and let both write. "
        "Drop "
        "and begin again. Two users with one text. A pool so small that every block is taken again.",
        "Keys: two texts with the same second block after different first ones; the same tokens in another "
        "order; a text that is known to its last token (one must be left to write).",
    ),
    cases=REVIEWED.cases,
    mistakes=(
        Mistake(
            "every memory passes",
            "All memories pass, the broken ones too: no failed assert came out, and nothing returned False. "
            "State what must be equal after each move: slots to those of the text alone, counts to tables.",
            (lambda make: True,),
        ),
        Mistake(
            "no memory passes",
            "Your review sends all memories back, the right ones too. Does it ask for certain block numbers "
            "(which one is taken is left to the memory), for tokens where slots are read, or does it return "
            "True for a bug and False where all is well?",
            (lambda make: False,),
        ),
        Mistake(
            "the other way round",
            "You find every bug and say it the wrong way round: True (or no failing assert) means that the "
            "memory is right.",
            (lambda make: not _looks(make),),
        ),
        Mistake(
            "only a fork",
            "Your review finds what forking, writing and comparing both texts would find. Counts, the "
            "cache, users and blocks that are taken again need moves and questions of their own.",
            (_fork_only,),
        ),
        Mistake(
            "texts but no counts",
            "Your review finds what is found by comparing slots alone, without how many hold each block. A "
            "count that is off is seen in a text only much later, when the block is given away; a leak only "
            "when memory runs out.",
            (lambda make: _looks(make, counts=False),),
        ),
        Mistake(
            "counts but no texts",
            "Your review finds what is found by comparing counts with tables alone, without what is in the "
            "slots. A block that is shared by mistake is counted quite correctly.",
            (lambda make: _looks(make, slots=False),),
        ),
        Mistake(
            "one user only",
            "A memory in which one user gets another's blocks passes your review. Begin the same text as "
            "somebody else: how much may be found?",
            (lambda make: _looks(make, users=False),),
        ),
        Mistake(
            "the cache never asked",
            "Your review finds what is found when no text begins as an earlier one does, so that nothing is "
            "ever taken from the cache. What must be found there, and what must not?",
            (lambda make: _looks(make, cache=False, users=False, taken=False),),
        ),
    ),
    observe=REVIEWED.accepts,
    explain=REVIEWED.explain,
)


EXERCISES = (MEMORY,)

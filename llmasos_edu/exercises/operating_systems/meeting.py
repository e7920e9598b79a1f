"""Exercises of section 2.2.3: the same ideas around a language model, and where they break.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.checker.question import Question

# 2.2-12 -------------------------------------------------------------------------------


def before_a_write(table, holders, index, free):
    """table [blocks], holders [all blocks], index, free -> table [blocks] and holders [all blocks] after."""
    table, holders = list(table), list(holders)
    old = table[index]
    if holders[old] > 1:
        table[index] = free
        holders[old] -= 1
        holders[free] = 1
    return table, holders


def _write(table, holders, index, free, *, always=False, keep=False, new=1, limit=1, drop=False, whole=False):
    """Copy-on-write with one thing amiss."""
    table, holders = list(table), list(holders)
    old = table[index]
    if always or holders[old] > limit:
        table[index] = free
        holders[old] -= 0 if keep else 1
        holders[free] = new
        if drop:
            holders[old] = 0
        if whole:
            table = [free if block == old else block for block in table[: index + 1]] + [free] * (
                len(table) - index - 1
            )
    return table, holders


def _by_place(table, holders, index, free):
    """The place of the write is taken for the number of the block that lies there."""
    table, holders = list(table), list(holders)
    if holders[index] > 1:
        holders[index] -= 1
        holders[free] = 1
        table[index] = free
    return table, holders


def _left_with_one(table, holders, index, free):
    after, counts = before_a_write(table, holders, index, free)
    counts[table[index]] = min(1, holders[table[index]])
    return after, counts


def _taken_off_elsewhere(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        holders[index] -= 1
        holders[free] = 1
        table[index] = free
    return table, holders


def _appended(table, holders, index, free):
    after, counts = before_a_write(table, holders, index, free)
    return (list(table) if after == list(table) else [*table, free]), counts


def _draw_write(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    table = generator.sample(range(6), 3)
    holders = [generator.choice([1, 2, 3]) if block in table else 0 for block in range(7)]
    return (Case(f"table {table}, holders {holders}", (table, holders, generator.randrange(3), 6)),)


COPY_ON_WRITE = Exercise(
    key="2.2-12",
    title="Copy on write",
    difficulty=3,
    minutes=20,
    statement=(
        "Two conversations that began alike hold the same blocks. `holders[b]` says how many tables hold "
        "block b (0: it is free). One of them is about to write into the block at place `index` of its "
        "`table`. If others hold that block too, the writer gets the free block `free` in its place, as a "
        "copy; if not, nothing changes. Return its table and the holders after it. The lists that you are "
        "given must stay as they were."
    ),
    takeaway="Before a write a block has one holder: that is all that keeps two conversations apart.",
    reference=before_a_write,
    explanation="A block that others hold is replaced by a copy: one holder less there, one here.",
    hints=(
        "Who else would notice the write? One look into the holders tells.",
        "If a copy is needed, three numbers change: one in the table and two among the holders. Which?",
        "A block that you alone hold needs no copy. What would copying it anyway cost, and what would happen "
        "to the old one?",
    ),
    cases=(
        Case("a block that two hold", ([4, 1, 2], [0, 2, 1, 0, 2], 1, 3)),
        Case("a block that is held by this table alone", ([4, 1, 2], [0, 2, 1, 0, 2], 2, 3)),
        Case("a block that three hold", ([0, 5], [3, 0, 0, 0, 0, 1], 0, 2)),
        Case("the first of several", ([1, 3, 4], [0, 2, 0, 2, 2], 0, 2)),
        Case("the last of several", ([1, 3, 4], [0, 2, 0, 2, 2], 2, 0)),
        Case("a table of one block, alone", ([0], [1, 0], 0, 1)),
    ),
    draw=_draw_write,
    parts=("table", "holders"),
    mistakes=(
        Mistake(
            "always copied",
            "You copy also a block that nobody else holds. Nothing is spoiled by that, but it costs a block "
            "and a copy for nothing: who would notice the write?",
            (lambda t, h, i, f: _write(t, h, i, f, always=True),),
        ),
        Mistake(
            "never copied",
            "You write into a block that others hold: their conversation changes under their hands. That is "
            "the one thing that must not happen.",
            (lambda t, h, i, f: (list(t), list(h)),),
        ),
        Mistake(
            "the old block keeps its holder",
            "The old block still counts the writer among its holders, though the writer's table names it no "
            "more: it would never be free again.",
            (lambda t, h, i, f: _write(t, h, i, f, keep=True),),
        ),
        Mistake(
            "the copy has no holder",
            "The new block counts as free although the writer's table names it: the next one who asks gets "
            "it too.",
            (lambda t, h, i, f: _write(t, h, i, f, new=0),),
        ),
        Mistake(
            "the old block freed",
            "You free the old block, but others still hold it. One holder less, not none.",
            (lambda t, h, i, f: _write(t, h, i, f, drop=True),),
        ),
        Mistake(
            "the copy inherits the holders",
            "You give the copy as many holders as the old block had. Only the writer holds it; that is "
            "what it was made for.",
            (lambda t, h, i, f: _write(t, h, i, f, new=h[t[i]]),),
        ),
        Mistake(
            "place taken for block",
            "You ask for the holders of block `index`. That is a place in the table: which block lies there?",
            (_by_place,),
        ),
        Mistake(
            "another free block",
            "You take another free block than the one that is given, such as the first that nobody holds. "
            "The copy goes to `free`.",
            (lambda t, h, i, f: _write(t, h, i, h.index(0) if 0 in h else f),),
        ),
        Mistake(
            "only from three holders on",
            "A block with two holders is written into without a copy. From how many holders on does somebody "
            "else see the write?",
            (lambda t, h, i, f: _write(t, h, i, f, limit=2),),
        ),
        Mistake(
            "everything behind it replaced",
            "You replace every entry from the place of the write to the end of the table. One block is "
            "written: only its entry changes.",
            (lambda t, h, i, f: _write(t, h, i, f, whole=True),),
        ),
        Mistake(
            "two holders for the copy",
            "The copy counts two holders in yours. Only the writer holds it.",
            (lambda t, h, i, f: _write(t, h, i, f, new=2),),
        ),
        Mistake(
            "only where there are two holders",
            "A block with three holders is written into without a copy. Wherever others hold it, they would "
            "see the write.",
            (lambda t, h, i, f: before_a_write(t, h, i, f) if h[t[i]] == 2 else (list(t), list(h)),),
        ),
        Mistake(
            "set to one, not less by one",
            "The old block is left with one holder, however many it had. It loses one of them, the writer.",
            (_left_with_one,),
        ),
        Mistake(
            "a holder of another block taken off",
            "The holder is taken off at the place of the write in `holders`, not at the old block. That "
            "place counts the entries of the table; `holders` goes by the number of a block.",
            (_taken_off_elsewhere,),
        ),
        Mistake(
            "the copy appended",
            "The copy stands at the end of your table, and the old block in its place still. It takes the "
            "place of the old one.",
            (_appended,),
        ),
        Mistake(
            "as many as are left",
            "You give the copy as many holders as the old block has left. Only the writer holds it.",
            (lambda t, h, i, f: _write(t, h, i, f, new=h[t[i]] - 1),),
        ),
    ),
)


# 2.2-13 -------------------------------------------------------------------------------

PAIRS = {
    "page": "block of keys and values",
    "page table": "block table",
    "process": "request",
    "time slice": "one step of the model",
    "system call": "tool call",
    "admission": "whether a request may begin",
}

DICTIONARY = Question(
    key="2.2-13",
    title="The dictionary",
    difficulty=1,
    minutes=5,
    statement=(
        "What plays the part of each of these when a language model is served? And one habit of operating "
        "systems has no counterpart: which of them can a kernel of language models not do? (none)"
    ),
    takeaway="The words differ, the bookkeeping is the same; what differs is what a step is.",
    explanation=(
        "A request is scheduled in steps of the model, its keys and values lie in blocks that a table "
        "finds, and what it cannot do itself it asks for by a tool call."
    ),
    hints=(
        "What is scheduled, what is it given, and in which portions is its memory handed out?",
        "A page table maps pages to frames. What maps the pieces of a conversation's cache to places?",
        "For the last one: at which moments can an operating system take the processor away from a program, "
        "and at which can a kernel take the model away from a request?",
    ),
    answer={**PAIRS, "none": "stopping in the middle of a time slice"},
    options={
        **{name: tuple(sorted(PAIRS.values())) for name in PAIRS},
        "none": (
            "stopping in the middle of a time slice",
            "taking memory away",
            "refusing what is not allowed",
            "going on after a wait",
        ),
    },
    mistakes=(
        Mistake(
            "page and table confused",
            "These two are exchanged: a page holds data, the table says where it lies. Which of the two "
            "holds keys and values?",
            ({"page": "block table", "page table": "block of keys and values"},),
        ),
        Mistake(
            "process and step confused",
            "A process is what lives through many time slices, not one of them. What goes on from step to "
            "step while a model is served?",
            ({"process": "one step of the model", "time slice": "request"},),
        ),
        Mistake(
            "tool call for admission",
            "Asking for a tool is something that a request does while it runs; admission is decided before "
            "it runs at all.",
            ({"admission": "tool call"}, {"system call": "whether a request may begin"}),
        ),
        Mistake(
            "memory can be taken",
            "A kernel can take a request's blocks away: it drops them and computes them again, or copies "
            "them elsewhere. Look for what it can do between two steps only, never within one.",
            ({"none": "taking memory away"},),
        ),
        Mistake(
            "refusing is possible",
            "A call that is not allowed comes back with an error, just as in an operating system. Look for "
            "something about time.",
            ({"none": "refusing what is not allowed"},),
        ),
        Mistake(
            "waiting is possible",
            "A request that waits for a tool leaves its place to others and goes on when the answer is "
            "there. What can happen only between steps?",
            ({"none": "going on after a wait"},),
        ),
    ),
)


# 2.2-14 -------------------------------------------------------------------------------

JUDGE = Question(
    key="2.2-14",
    title="Judge a benchmark",
    difficulty=2,
    minutes=10,
    statement=(
        "A post says: 'Our paged server holds 4.9 times as many conversations in the same memory.' It "
        "compares pages of 16 tokens with a server that reserves the longest possible text, 4,096 tokens, "
        "for each conversation; the texts had 836 tokens on average. What would the factor be for texts "
        "that all have 4,096 tokens (equal)? What does the factor measure above all (measures)? Which "
        "control is missing (control)? And is the sentence false (false)?"
    ),
    takeaway="A factor is a property of the workload as much as of the system: 4,096 / 836 = 4.9.",
    explanation=(
        "Reserving for the longest wastes 1 - mean / longest, and that is all the gain there is. With texts "
        "of full length both waste nothing."
    ),
    hints=(
        "How much memory does a conversation get in each of the two servers, on average?",
        "Divide the two, and look where the page size and the code of either server come in.",
        "A control changes what the claim is not about and keeps the rest. On which texts could the paged "
        "server gain nothing?",
    ),
    asked={
        "equal": "the room that the other server reserves over what pages take, for the longest text",
    },
    answer={
        "equal": 1.0,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": False,
    },
    options={
        "measures": (
            "how much shorter texts are than the longest",
            "how fast the page table is",
            "how good the scheduler is",
        ),
        "control": ("texts of equal, full length", "more seeds", "a larger model", "a faster machine"),
    },
    mistakes=(
        Mistake(
            "the factor stays",
            "You expect 4.9 on texts of full length too. How much does each server give such a text?",
            ({"equal": 4.9},),
        ),
        Mistake(
            "upside down, and of these texts",
            "That is 836 over 4,096: the mean of the texts of the post, and the wrong way up. How much "
            "memory does each server give to a text of 4,096 tokens?",
            ({"equal": 836 / 4096},),
        ),
        Mistake(
            "nothing is held",
            "With texts of full length the paged server holds as many conversations as the other, not none. "
            "What is the ratio of two equal numbers?",
            ({"equal": 0.0},),
        ),
        Mistake(
            "pages counted",
            "256 is the number of pages of one full text, 4,096 / 16. Asked for is a factor between the two "
            "servers: how much memory does each give to such a text?",
            ({"equal": 256},),
        ),
        Mistake(
            "a page for a factor",
            "16 is the number of tokens of a page. Asked for is a factor between the two servers: how much "
            "memory does each give to a text of 4,096 tokens?",
            ({"equal": 16},),
        ),
        Mistake(
            "more seeds",
            "More seeds make the interval of 4.9 narrower. They do not tell where the 4.9 comes from: what "
            "would have to change for that?",
            ({"control": "more seeds"},),
        ),
        Mistake(
            "speed for memory",
            "The sentence counts conversations that fit into memory; nothing in it is about time. By what is "
            "each conversation's share of memory set?",
            ({"measures": "how fast the page table is"}, {"measures": "how good the scheduler is"}),
        ),
        Mistake(
            "called false",
            "Nothing in the sentence is untrue: on these texts the factor is 4.9. What is missing is under "
            "which condition.",
            ({"false": True},),
        ),
        Mistake(
            "a bigger machine",
            "A larger model or a faster machine leaves the factor as it is, and so explains nothing about "
            "it. Which change would make it vanish?",
            ({"control": "a larger model"}, {"control": "a faster machine"}),
        ),
    ),
)


EXERCISES = (COPY_ON_WRITE, DICTIONARY, JUDGE)

"""Exercise of chapter 2.3 on memory that is promised: the worst moment to come.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.3-4 --------------------------------------------------------------------------------


def blocks_at_the_peak(processes, size):
    """processes [[tokens, left], ...], size -> the most blocks at one time if all run in every step."""
    peak = 0
    for _, moment in processes:
        held = [-(-(tokens + moment - 1) // size) for tokens, left in processes if left >= moment]
        peak = max(peak, sum(held))
    return peak


def _peak(processes, size, *, ended=False, last=1):
    peak = 0
    for _, moment in processes:
        there = [(t, n) for t, n in processes if (n > moment if ended else n >= moment)]
        slots = [t + moment - last for t, n in there]
        peak = max(peak, sum(-(-each // size) for each in slots))
    return peak


def _held_at(processes, size, moment):
    return sum(-(-(t + moment - 1) // size) for t, n in processes if n >= moment)


def _one_of_each_end(processes, size):
    """At each end: the one that ends, and those who end later."""
    ends = [[[tokens, left], *(each for each in processes if each[1] > left)] for tokens, left in processes]
    return max(_held_at(there, size, there[0][1]) for there in ends)


def _draw_processes(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    processes = [[generator.randint(1, 20), generator.randint(1, 15)] for _ in range(4)]
    size = generator.choice([2, 4, 8])
    return (Case(f"processes {processes}, blocks of {size}", (processes, size)),)


PEAK = Exercise(
    key="2.3-4",
    title="The worst moment to come",
    difficulty=3,
    minutes=20,
    statement=(
        "Each process has so many tokens and says so many more, one a step, all at the same time. One that "
        "has n tokens now has computed n + k - 1 slots after k more steps (its last token is never read). "
        "It holds whole blocks, and gives all back when it has ended. How many blocks are held at the "
        "worst moment? Look at the moments just before somebody ends."
    ),
    takeaway="Who ends early makes room for those who stay: the peak is less than the sum of all ends.",
    reference=blocks_at_the_peak,
    explanation="Memory grows until somebody ends, so it is enough to look just before each end.",
    hints=(
        "At the moment when the process with m left says its last token, who is still there?",
        "Those with at least m left, and they have each said m more. Including the one that is ending.",
        "Round up to blocks for each process, then add; not the other way round.",
    ),
    cases=(
        Case("the example of the chapter", ([[6, 3], [2, 9]], 4)),
        Case("one process", ([[5, 4]], 4)),
        Case("two that end together", ([[4, 4], [1, 4]], 2)),
        Case("a large one that ends soon", ([[40, 1], [2, 20]], 4)),
        Case("three", ([[7, 2], [3, 6], [1, 12]], 4)),
        Case("blocks of one", ([[3, 2], [3, 5]], 1)),
        Case("one that ends at once and one that grows", ([[1, 1], [1, 9]], 2)),
        Case("three short ones", ([[1, 1], [1, 1], [1, 2]], 4)),
        Case("slots that just fill a block", ([[4, 1], [8, 5]], 4)),
        Case("one that ends a step before the other", ([[5, 1], [1, 2]], 1)),
        Case("two large ones that end one after the other", ([[10, 2], [10, 5], [1, 9]], 1)),
        Case("the last to end stands first", ([[1, 120], [7, 2], [30, 6]], 4)),
    ),
    draw=_draw_processes,
    mistakes=(
        Mistake(
            "as if in the order of their ends",
            "It comes out as if the processes stood in the order in which they end, so that whoever stands "
            "behind one is still there at its end, and nobody before it. They may stand in any order.",
            (
                lambda p, s: max(
                    sum(-(-(tokens + left - 1) // s) for tokens, _ in p[place:])
                    for place, (_, left) in enumerate(p)
                ),
            ),
        ),
        Mistake(
            "whoever ends has gone",
            "At the moment when a process says its last token you no longer count it. It gives its blocks "
            "back after that: just then it holds more than ever.",
            (lambda p, s: _peak(p, s, ended=True),),
        ),
        Mistake(
            "whoever ends before others has gone",
            "At the moment when a process says its last token you no longer count it, where others go on. It "
            "gives its blocks back after that: just then it holds more than ever.",
            (lambda p, s: max(_peak(p, s, ended=True), _held_at(p, s, max(n for _, n in p))),),
        ),
        Mistake(
            "everybody at their end",
            "You add what each holds at its own end. They do not end at the same time: some have given their "
            "blocks back by then.",
            (lambda p, s: sum(-(-(t + n - 1) // s) for t, n in p),),
        ),
        Mistake(
            "one of those who end together",
            "Of those who end in the same step you count one alone. All of them are there until that step "
            "is over.",
            (_one_of_each_end,),
        ),
        Mistake(
            "one end alone",
            "You look at one end alone. Those who stay go on growing, and those who ended are gone: compare "
            "the moments of all ends.",
            (
                lambda p, s: _held_at(p, s, min(n for _, n in p)),
                lambda p, s: _held_at(p, s, max(n for _, n in p)),
            ),
        ),
        Mistake(
            "nobody leaves",
            "It comes out as if all were still there at the last end, and had grown until then. Whoever "
            "ended before has given its blocks back.",
            (lambda p, s: sum(-(-(t + max(n for _, n in p) - 1) // s) for t, _ in p),),
        ),
        Mistake(
            "the last step left out",
            "Your last moment is one step too early. Whoever stays longest holds most just before its end, "
            "when it says its last token.",
            (lambda p, s: max(_held_at(p, s, m) for m in range(max(n for _, n in p))),),
        ),
        Mistake(
            "only now",
            "You add what is held now. Every step brings each of them a token more.",
            (lambda p, s: sum(-(-t // s) for t, n in p), lambda p, s: sum(-(-(t - 1) // s) for t, n in p)),
        ),
        Mistake(
            "the last token counted",
            "It comes out as if the last token had a slot too, or a full block always another one behind it. "
            "It is said and never read, so that n + k - 1 slots are what blocks must hold.",
            (lambda p, s: _peak(p, s, last=0),),
        ),
        Mistake(
            "one slot too few",
            "It comes out as if each process had one slot less than it has. At its end it has computed all "
            "of its tokens but the last.",
            (lambda p, s: _peak(p, s, last=2),),
        ),
        Mistake(
            "rounded down",
            "You count full blocks alone. A block that is begun is held as well: round up.",
            (lambda p, s: max(sum((t + m - 1) // s for t, n in p if n >= m) for _, m in p),),
        ),
        Mistake(
            "the largest alone",
            "That is the most that one process holds by itself. Add up what all hold who are there at the "
            "same moment.",
            (lambda p, s: max(-(-(t + n - 1) // s) for t, n in p),),
        ),
        Mistake(
            "the least of all moments",
            "You look at all ends and give the least that is held. Asked for is the most.",
            (lambda p, s: min(_held_at(p, s, m) for _, m in p),),
        ),
        Mistake(
            "moments added up",
            "You add up what is held at the different moments. Asked for is the most at one of them.",
            (lambda p, s: sum(_held_at(p, s, m) for _, m in p),),
        ),
        Mistake(
            "rounded once for all",
            "You add all slots and round up once. Two processes never share a block that one of them writes.",
            (lambda p, s: max([-(-sum(t + m - 1 for t, n in p if n >= m) // s) for _, m in p], default=0),),
        ),
        Mistake(
            "slots for blocks",
            "You return how many slots are held. Asked for are blocks, of which each process holds whole "
            "ones.",
            (lambda p, s: blocks_at_the_peak(p, 1),),
        ),
    ),
)


EXERCISES = (PEAK,)

"""Exercise of section 2.2.2: work with deadlines.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.2-11 -------------------------------------------------------------------------------


def all_deadlines_met(lengths, deadlines):
    """lengths [jobs], deadlines [jobs], all there at time 0 -> whether some order misses no deadline."""
    now = 0
    for deadline, length in sorted(zip(deadlines, lengths, strict=True)):
        now += length
        if now > deadline:
            return False
    return True


def _in_order(lengths, deadlines, order, *, strict=False, start=False):
    now = 0
    for job in order:
        at, now = now, now + lengths[job]
        late = at if start else now
        if late > deadlines[job] or (strict and late == deadlines[job]):
            return False
    return True


def _sorted_by(values):
    return sorted(range(len(values)), key=lambda job: values[job])


def _one_in_time(lengths, deadlines):
    jobs = sorted(zip(deadlines, lengths, strict=True))
    ends = itertools.accumulate(length for _, length in jobs)
    return not jobs or any(end <= deadline for end, (deadline, _) in zip(ends, jobs, strict=True))


def _neighbours(lengths, deadlines):
    jobs = sorted(zip(deadlines, lengths, strict=True))
    pairs = zip([(0, 0), *jobs], jobs, strict=False)
    return all(before + length <= deadline for (_, before), (deadline, length) in pairs)


def _draw_deadlines(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    cases = []
    for number in range(3):
        lengths = [generator.randrange(1, 6) for _ in range(4)]
        ends = list(itertools.accumulate(lengths))
        deadlines = [end + generator.randrange(-1, 3) for end in ends]
        order = generator.sample(range(4), 4)
        inputs = ([lengths[job] for job in order], [deadlines[job] for job in order])
        cases.append(Case(f"four jobs, number {number} drawn from seed {seed}", inputs))
    return tuple(cases)


DEADLINES = Exercise(
    key="2.2-11",
    title="Can all deadlines be met?",
    difficulty=2,
    minutes=15,
    statement=(
        "All jobs are there at time 0, and each must have ended at its deadline (at it is in time). Is there "
        "an order in which none is missed? Trying all orders would take ten factorial steps for ten jobs."
    ),
    takeaway="If the earliest deadline first misses one, every order misses one: one order answers for all.",
    reference=all_deadlines_met,
    explanation=(
        "Exchange two neighbours that stand against their deadlines: what was in time stays so. Hence the "
        "order of deadlines is as good as any."
    ),
    hints=(
        "Which of two jobs would you do first if one is wanted at 5 and the other at 50?",
        "Take an order that meets all deadlines, with two neighbours where the later deadline comes first. "
        "What happens to both if they change places?",
        "So one order is enough. Walk through it with a clock: when has each job ended?",
    ),
    cases=(
        Case("lengths 3, 2, 1 and deadlines 6, 5, 1", ([3, 2, 1], [6, 5, 1])),
        Case("lengths 3, 2, 1 and deadlines 5, 5, 6", ([3, 2, 1], [5, 5, 6])),
        Case("one job that just fits", ([4], [4])),
        Case("one job that does not", ([4], [3])),
        Case("a short one with a late deadline", ([5, 1, 2], [5, 9, 7])),
        Case("each alone would be in time", ([3, 3], [4, 4])),
        Case("given in the order of their deadlines", ([1, 2, 3], [1, 4, 6])),
        Case("a long one that is urgent", ([1, 6], [9, 6])),
        Case("two urgent ones and one with time to spare", ([3, 3, 1], [4, 5, 9])),
        Case("begun in time, ended late", ([2, 5], [2, 6])),
        Case("the first of two in time, the second not", ([1, 5], [2, 3])),
        Case("ten jobs that fit but for one unit", ([2] * 9 + [3], [20] * 10)),
        Case("the most urgent one has more to spare", ([5, 1], [6, 4])),
        Case("a long one due early, a short one late", ([4, 1], [2, 5])),
        Case("all the work fits, the first job does not", ([3, 3], [2, 6])),
        Case("two of three that end at the same time", ([1, 3, 3], [5, 9, 5])),
        Case("a short one that is urgent, two that wait", ([2, 2, 4], [10, 3, 6])),
        Case("a long one first, the short one between", ([4, 4, 2], [12, 4, 7])),
        Case("two deadlines side by side", ([1, 4], [5, 4])),
        Case("three deadlines side by side", ([2, 1, 3], [6, 7, 4])),
        Case("a long one that can wait", ([4, 3, 1], [12, 4, 11])),
        Case("a longer one that is urgent", ([2, 4], [9, 4])),
        Case("no job", ([], [])),
    ),
    draw=_draw_deadlines,
    mistakes=(
        Mistake(
            "in the order given",
            "It comes out as if only the order were tried in which the jobs are given. Another one may do "
            "better: by what should they be sorted?",
            (lambda n, d: _in_order(n, d, range(len(n))),),
        ),
        Mistake(
            "shortest first",
            "It comes out as if the shortest job ran first. That is best for the mean turnaround, but a "
            "long job may be the urgent one.",
            (
                lambda n, d: _in_order(n, d, _sorted_by(n)),
                lambda n, d: _in_order(n, d, _sorted_by(list(zip(n, d, strict=True)))),
            ),
        ),
        Mistake(
            "least to spare first",
            "It comes out as if the job ran first that has the least time to spare (deadline minus length). "
            "One with an early deadline that seems to have time enough then comes too late behind it.",
            (
                lambda n, d: _in_order(n, d, _sorted_by([end - own for own, end in zip(n, d, strict=True)])),
                lambda n, d: _in_order(
                    n, d, _sorted_by([(end - own, end) for own, end in zip(n, d, strict=True)])
                ),
            ),
        ),
        Mistake(
            "each list sorted by itself",
            "It comes out as if lengths and deadlines were sorted each by itself. A job's length then meets "
            "the deadline of another job: keep the pairs together.",
            (lambda n, d: _in_order(sorted(n), sorted(d), range(len(n))),),
        ),
        Mistake(
            "each alone",
            "It comes out as if each length were compared with its own deadline, as if each had a "
            "processor. They wait for each other: the clock runs on.",
            (lambda n, d: all(length <= deadline for length, deadline in zip(n, d, strict=True)),),
        ),
        Mistake(
            "the most urgent job alone",
            "It comes out as if the job with the earliest deadline were judged and the others never looked "
            "at. Does a `return` stand inside the loop?",
            (lambda n, d: all(n[job] <= d[job] for job in _sorted_by(d)[:1]),),
        ),
        Mistake(
            "at the deadline is too late for you",
            "A job that ends exactly at its deadline counts as late in your version. Here it is in time.",
            (lambda n, d: _in_order(n, d, _sorted_by(d), strict=True),),
        ),
        Mistake(
            "begun is not ended",
            "It comes out as if the time counted when a job begins. It must have ended at its deadline.",
            (lambda n, d: _in_order(n, d, _sorted_by(d), start=True),),
        ),
        Mistake(
            "only the last deadline",
            "It comes out as if the whole work were compared with the latest deadline alone. That is "
            "needed, but not enough: somebody with an early deadline may stand behind too much work.",
            (lambda n, d: sum(n) <= max(d, default=0),),
        ),
        Mistake(
            "latest deadline first",
            "It comes out as if the jobs ran from the latest deadline to the earliest: all the work would "
            "have to fit before the earliest one.",
            (lambda n, d: _in_order(n, d, _sorted_by(d)[::-1]),),
        ),
        Mistake(
            "the length has a say",
            "It comes out as if a job's length had a say in the order, beside its deadline. The deadline "
            "alone tells who goes first, however long or short the jobs are.",
            (
                lambda n, d: _in_order(n, d, _sorted_by([end / own for own, end in zip(n, d, strict=True)])),
                lambda n, d: _in_order(n, d, _sorted_by([end + own for own, end in zip(n, d, strict=True)])),
                lambda n, d: _in_order(n, d, _sorted_by([-own for own in n])),
                lambda n, d: _in_order(n, d, _sorted_by([end * own for own, end in zip(n, d, strict=True)])),
            ),
        ),
        Mistake(
            "deadlines rounded",
            "It comes out as if deadlines that lie close together were taken for equal, as half of them "
            "rounded down are. One unit earlier is earlier.",
            (lambda n, d: _in_order(n, d, _sorted_by([end // 2 for end in d])),),
        ),
        Mistake(
            "deadlines added up",
            "It comes out as if all the work were compared with the sum of the deadlines. They are moments "
            "on one clock: they do not add up.",
            (lambda n, d: sum(n) <= sum(d),),
        ),
        Mistake(
            "one in time is enough",
            "It comes out as if it were enough that one job is in time. All have to be: does a `return "
            "True` stand inside the loop?",
            (_one_in_time,),
        ),
        Mistake(
            "one unit late let in",
            "A job that ends one unit behind its deadline counts as in time in your version. Only at it, or "
            "before, is it in time.",
            (lambda n, d: _in_order(n, [end + 1 for end in d], _sorted_by(d)),),
        ),
        Mistake(
            "neighbours alone",
            "It comes out as if each job waited for the one before it alone. That one has waited as well: "
            "the clock runs on.",
            (_neighbours,),
        ),
    ),
)


EXERCISES = (DEADLINES,)

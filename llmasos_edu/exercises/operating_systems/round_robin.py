"""Exercise of section 2.2.2: round robin.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.2-10 -------------------------------------------------------------------------------


def round_robin(lengths, quantum):
    """lengths [jobs], all there at time 0, quantum -> time at which each ends [jobs]."""
    queue, left, now, ends = list(range(len(lengths))), list(lengths), 0, [0] * len(lengths)
    while queue:
        job = queue.pop(0)
        used = min(quantum, left[job])
        now, left[job] = now + used, left[job] - used
        if left[job]:
            queue.append(job)
        else:
            ends[job] = now
    return ends


def _round(lengths, quantum, *, whole=False, front=False, end_of_round=False, turns=False):
    """Round robin with one thing amiss."""
    queue, left, now, ends = list(range(len(lengths))), list(lengths), 0, [0] * len(lengths)
    while queue:
        ended = []
        for job in list(queue):
            used = quantum if whole else min(quantum, left[job])
            now, left[job] = now + (1 if turns else used), left[job] - used
            if left[job] <= 0:
                ended.append(job)
                ends[job] = now
                queue.remove(job)
        if end_of_round:
            for job in ended:
                ends[job] = now
        if front:
            queue.reverse()
    return ends


def _round_with(lengths, quantum, again):
    """Round robin in which a job comes again if `again(what is left, what was used)`."""
    queue, left, now, ends = list(range(len(lengths))), list(lengths), 0, [0] * len(lengths)
    while queue:
        job = queue.pop(0)
        used = min(quantum, left[job])
        now, left[job], ends[job] = now + used, left[job] - used, now + used
        if again(left[job], used):
            queue.append(job)
    return ends


def _ended_keep_turns(lengths, quantum):
    left, now, ends = list(lengths), 0, [0] * len(lengths)
    while any(left):
        for job in range(len(left)):
            now += min(quantum, left[job]) or quantum
            ends[job] = now if 0 < left[job] <= quantum else ends[job]
            left[job] = max(0, left[job] - quantum)
    return ends


def _passed_over(lengths, quantum):
    queue, left, now, ends = list(range(len(lengths))), list(lengths), 0, [0] * len(lengths)
    while queue:
        for job in queue:  # and what is removed below shortens it
            used = min(quantum, left[job])
            now, left[job] = now + used, left[job] - used
            if not left[job]:
                ends[job] = now
                queue.remove(job)
    return ends


def _whole_and_again(lengths, quantum):
    queue, now, ends = list(enumerate(lengths)), 0, [0] * len(lengths)
    while queue:
        job, left = queue.pop(0)
        now += quantum
        if left >= quantum:
            queue.append((job, left - quantum))
        else:
            ends[job] = now
    return ends


def _changing_over(lengths, quantum, *, last):
    """A unit goes by after each turn, or only after those that do not end a job."""
    queue, now, ends = list(enumerate(lengths)), 0, [0] * len(lengths)
    while queue:
        job, left = queue.pop(0)
        now += min(quantum, left)
        if left > quantum:
            queue.append((job, left - quantum))
        else:
            ends[job] = now
        now += left > quantum or last
    return ends


def _shortest_in_front(lengths, quantum):
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    ends = dict(zip(order, round_robin([lengths[job] for job in order], quantum), strict=True))
    return [ends[job] for job in range(len(lengths))]


def _written_again(lengths, quantum):
    left, now, ends = list(lengths), 0, [0] * len(lengths)
    while any(left):
        for job in range(len(left)):
            used = min(quantum, left[job])
            now, left[job] = now + used, left[job] - used
            ends[job] = ends[job] if left[job] else now
    return ends


def _draw_round(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    lengths, quantum = [generator.randrange(1, 12) for _ in range(5)], generator.randrange(2, 5)
    return (Case(f"lengths {lengths}, quantum {quantum}", (lengths, quantum)),)


ROUND_ROBIN = Exercise(
    key="2.2-10",
    title="Round robin",
    difficulty=2,
    minutes=15,
    statement=(
        "All jobs are there at time 0. Each runs for `quantum` units, or less if it ends before, then goes "
        "to the end of the queue. Changing over takes no time. Return when each job ends. The list that "
        "you are given must stay as it was."
    ),
    takeaway="Everybody is served soon, and nearly everybody ends late.",
    reference=round_robin,
    explanation=(
        "A queue of jobs: take the first, let it run for the smaller of quantum and what it needs, put it "
        "behind the others unless it is done."
    ),
    hints=(
        "Keep three things: the queue, what each job still needs, and the time.",
        "How long is the turn of a job that needs less than a quantum?",
        "A job that is not done goes behind all others. One that is done: what do you write down, and does "
        "it come back?",
    ),
    cases=(
        Case("three of 5, quantum 1", ([5, 5, 5], 1)),
        Case("lengths 3 and 5, quantum 2", ([3, 5], 2)),
        Case("two of just one quantum", ([2, 2], 2)),
        Case("quantum longer than any job", ([4, 2, 3], 10)),
        Case("a short one behind a long one", ([10, 1, 2], 4)),
        Case("one job", ([7], 3)),
        Case("lengths 6, 4, 9, 2, quantum 3", ([6, 4, 9, 2], 3)),
    ),
    draw=_draw_round,
    mistakes=(
        Mistake(
            "first come, first served",
            "Your jobs run to their ends in the order in which they stand: nobody gives the processor back "
            "when the quantum is over.",
            (lambda n, q: list(itertools.accumulate(n)),),
        ),
        Mistake(
            "a turn always takes a whole quantum",
            "A job that ends in the middle of its turn keeps the processor to the end of the quantum in your "
            "version. It could go on with the next at once.",
            (lambda n, q: _round(n, q, whole=True),),
        ),
        Mistake(
            "a turn for nothing left",
            "A job that has just ended with its quantum comes again in yours, and ends only in that empty "
            "turn. It has ended when nothing of it is left.",
            (lambda n, q: _round_with(n, q, again=lambda left, used: used == q),),
        ),
        Mistake(
            "turns of the ended",
            "Those that have ended keep their turns: the others wait a quantum for each. Once it has ended a "
            "job leaves the queue.",
            (_ended_keep_turns,),
        ),
        Mistake(
            "the beginning of the last turn",
            "You give the time at which a job's last turn begins. Asked is when it ends.",
            (lambda n, q: [end - (m % q or q) for m, end in zip(n, round_robin(n, q), strict=True)],),
        ),
        Mistake(
            "the next one passed over",
            "Whenever a job ends, the one behind it loses its turn of that round. Is something taken out of "
            "a list while a loop goes through it?",
            (_passed_over,),
        ),
        Mistake(
            "the last of the queue",
            "It comes out as if the turn went to the last of the queue first, from the highest number down. "
            "It goes to the first.",
            (lambda n, q: round_robin(n[::-1], q)[::-1],),
        ),
        Mistake(
            "quantum of 1",
            "You change over after every unit, whatever the quantum is. How long may a job run in its turn?",
            (lambda n, q: round_robin(n, 1),),
        ),
        Mistake(
            "ends at the end of the round",
            "All jobs that end in a round get the same time from you, that of the round's end. Each ends "
            "in its own turn.",
            (lambda n, q: _round(n, q, end_of_round=True),),
        ),
        Mistake(
            "direction changes",
            "After each round you go through the jobs backwards. Whoever ran last would run again at once; "
            "the queue always begins with who has waited longest.",
            (lambda n, q: _round(n, q, front=True),),
        ),
        Mistake(
            "turns counted, not units",
            "Your times count turns. A turn takes as many units as the job runs in it.",
            (lambda n, q: _round(n, q, turns=True),),
        ),
        Mistake(
            "in the order of ending",
            "The times are right but sorted: entry i should be the end of job i, however early it ends.",
            (lambda n, q: sorted(round_robin(n, q)),),
        ),
        Mistake(
            "whole turns, and one for nothing left",
            "It comes out as if each turn took a whole quantum, and a job that has just ended came again "
            "for nothing. A turn is as long as the job runs in it, and the last one is the one in which it "
            "ends.",
            (_whole_and_again,),
        ),
        Mistake(
            "changing over takes time",
            "It comes out as if changing over took one unit. Here it takes no time.",
            (
                lambda n, q: _changing_over(n, q, last=False),
                lambda n, q: _changing_over(n, q, last=True),
            ),
        ),
        Mistake(
            "the shortest first in the queue",
            "It comes out as if the queue began with the shortest job. It begins with the first.",
            (_shortest_in_front,),
        ),
        Mistake(
            "the end of the first turn",
            "You give the time at which a job's first turn ends. Asked is when the whole job ends.",
            (lambda n, q: list(itertools.accumulate(min(q, m) for m in n)),),
        ),
        Mistake(
            "ends written again",
            "Whoever has ended gets a new time in each later round. What is written down at the end of a "
            "job must stay.",
            (_written_again,),
        ),
    ),
)


EXERCISES = (ROUND_ROBIN,)
